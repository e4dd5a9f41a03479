/* Owns API tokens: made once, shown once, kept by their hash. */
#include <config.h>

#include <sodium.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

#define NAME_MAX_CHARS 80u
#define TOKEN_PREFIX "ush_"

static const struct
{
  const char *name;
  unsigned int bit;
} scopes[] = { { "read", SCOPE_READ }, { "write", SCOPE_WRITE }, { "admin", SCOPE_ADMIN } };

static int
parse_scopes (const json_t *given, unsigned int *ret, struct refusal *r)
{
  json_t *one;
  size_t i, j;

  *ret = 0;
  json_array_foreach (given, i, one)
    {
      for (j = 0; j < ARRAY_SIZE (scopes) && !streq (scopes[j].name, json_string_value (one)); j++)
        ;
      if (j == ARRAY_SIZE (scopes))
        return refuse (r, "validation-failed", "scopes", "A scope is read, write or admin.");
      *ret |= scopes[j].bit;
    }
  if (!given)
    *ret = SCOPE_READ;
  if (!*ret)
    return refuse (r, "validation-failed", "scopes", "A token has at least one scope: read, write or admin.");
  return 0;
}

static json_t *
token_render (const json_t *token)
{
  json_t *shown = json_copy ((json_t *) (uintptr_t) token);

  (void) json_object_del (shown, "hash");
  (void) json_object_del (shown, "scope_bits");
  (void) json_object_del (shown, "created_by");
  return shown;
}

static json_t *
scopes_json (unsigned int bits)
{
  json_t *list = json_array ();
  size_t i;

  for (i = 0; i < ARRAY_SIZE (scopes); i++)
    if (bits & scopes[i].bit)
      (void) json_array_append_new (list, json_string (scopes[i].name));
  return list;
}

static int
check_token (const struct call *c, unsigned int *ret_bits, int64_t *ret_expires, struct refusal *r)
{
  const char *name = json_text (c->body, "name"), *expires = json_text (c->body, "expires_at");

  *ret_expires = 0;
  if (!name || !*name || !text_is_line (name) || utf8_length (name) > NAME_MAX_CHARS)
    return refuse (r, "validation-failed", "name", "The name of a token has 1 to %u characters, in one line.",
                   NAME_MAX_CHARS);
  if (expires && (clock_parse_rfc3339 (expires, ret_expires) < 0 || *ret_expires <= clock_now_ms ()))
    return refuse (r, "validation-failed", "expires_at", "expires_at is a time to come, such as 2030-01-31T00:00:00Z.");
  if (parse_scopes (json_object_get (c->body, "scopes"), ret_bits, r) < 0)
    return -ECANCELED;
  if (*ret_bits & ~c->caller->scopes)
    return refuse (r, "not-permitted", "scopes", "A token cannot have a scope that its maker lacks.");
  return 0;
}

int
engine_token_create (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  unsigned char random[32];
  char text[sizeof TOKEN_PREFIX + 2 * sizeof random], hash[65];
  unsigned int bits = 0;
  int64_t expires = 0;
  json_t *token = NULL, *answer = NULL;
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  if (x == 0)
    x = check_token (c, &bits, &expires, r);
  if (x == 0)
    {
      randombytes_buf (random, sizeof random);
      memcpy (text, TOKEN_PREFIX, sizeof TOKEN_PREFIX);
      hex_encode (random, sizeof random, text + sizeof TOKEN_PREFIX - 1);
      token_hash (text, hash);
      token = doc_new (c->caller);
      json_set_text (token, "name", json_text (c->body, "name"));
      (void) json_object_set_new (token, "scopes", scopes_json (bits));
      (void) json_object_set_new (token, "scope_bits", json_integer ((json_int_t) bits));
      json_set_id (token, "person", &c->caller->person);
      json_set_time (token, "expires_at", expires);
      json_set_text (token, "hash", hash);
      txn_doc_put (t, STORE_TOKEN, token);
      event_add (t, &(struct event) { .type = "token.created", .caller = c->caller,
                                      .details = json_pack ("{s:O}", "name", json_object_get (token, "name")) });
      answer = token_render (token);
      json_set_text (answer, "token", text);
    }
  x = call_end (e, c, t, x, answer, ret, r);
  explicit_bzero (random, sizeof random);
  explicit_bzero (text, sizeof text);
  json_decref (token);
  return x;
}

/* Everybody has their own; an admin of the workspace sees to all. */
static bool
is_theirs (const struct sight *s, const json_t *token)
{
  struct id person;

  return !json_object_get (token, "revoked_at")
         && (s->all || (json_id (token, "person", &person) && id_equal (&person, &s->person)));
}

static json_t *
show_token (void *arg, struct txn *t, const json_t *token)
{
  (void) t;
  return is_theirs (arg, token) ? token_render (token) : NULL;
}

int
engine_token_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct sight s;
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  sight_begin (&s, t, c->caller);
  txn_abort (t);
  return x < 0 ? x : list_docs (e, c, (struct doc_list) { .kind = STORE_TOKEN, .show = show_token, .arg = &s }, ret, r);
}

struct named
{
  const struct sight *sight;
  const char *name;
  json_t *found;
  size_t n;
};

static bool
match_name (void *arg, json_t *token)
{
  struct named *w = arg;

  if (!is_theirs (w->sight, token) || !streq (json_text (token, "name"), w->name))
    return true;
  json_decref (w->found);
  w->found = json_incref (token);
  w->n++;
  return true;
}

int
engine_token_revoke (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  struct sight s;
  struct named w = { &s, c->path[0], NULL, 0 };
  struct id id;
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  sight_begin (&s, t, c->caller);
  if (x == 0 && id_parse (c->path[0], &id) == 0)
    w.found = txn_doc_get (t, STORE_TOKEN, &id);
  else if (x == 0)
    txn_doc_walk (t, STORE_TOKEN, 0, NULL, false, NULL, match_name, &w);
  if (x == 0 && txn_error (t) < 0)
    x = refuse_errno (r, txn_error (t));
  if (x == 0 && w.n > 1)
    x = refuse (r, "validation-failed", NULL, "More than one token is called %s: use the id.", c->path[0]);
  if (x == 0 && (!w.found || !is_theirs (&s, w.found)))
    x = refuse (r, "not-found", NULL, "There is no token %s.", c->path[0]);
  if (x == 0)
    {
      json_set_time (w.found, "revoked_at", clock_now_ms ());
      txn_doc_put (t, STORE_TOKEN, w.found);
      event_add (t, &(struct event) { .type = "token.revoked", .caller = c->caller,
                                      .details = json_pack ("{s:O}", "name", json_object_get (w.found, "name")) });
    }
  x = call_end (e, c, t, x, x == 0 ? token_render (w.found) : NULL, ret, r);
  json_decref (w.found);
  return x;
}
