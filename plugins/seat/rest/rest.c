/* One hub of an app that a descriptor describes: what is made of it when it is opened, and the check.
   The operations proper are in list.c, read.c and write.c.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <stdio.h>
#include <string.h>

/* ---- Sources ---- */

/* SPEC at PLACE when it is a request, or each of them when it is an array; I is its place there. */
static int32_t
add_requests (struct usher_ctx *ctx, struct rest *rest, const json_t *spec, const char *place)
{
  char at[REST_PLACE_MAX];
  size_t i;
  json_t *one;
  int32_t r = USHER_DONE;

  if (rest_is_request (spec))
    return rest_source_add (ctx, rest, spec, place);
  json_array_foreach (spec, i, one)
    {
      (void) snprintf (at, sizeof at, "%s[%zu]", place, i);
      if (r >= 0 && rest_is_request (one))
        r = rest_source_add (ctx, rest, one, at);
    }
  return r;
}

/* Those under each name of the object at KEY, or under SUB of them. */
static int32_t
add_named (struct usher_ctx *ctx, struct rest *rest, const char *key, const char *sub)
{
  const char *name;
  json_t *spec;
  int32_t r = USHER_DONE;

  json_object_foreach (json_object_get (rest->run, key), name, spec)
    {
      char at[REST_PLACE_MAX];

      (void) snprintf (at, sizeof at, "run.rest.%s.%s%s%s", key, name, sub ? "." : "", sub ? sub : "");
      if (r >= 0)
        r = add_requests (ctx, rest, sub ? json_object_get (spec, sub) : spec, at);
    }
  return r;
}

static int32_t
add_sources (struct usher_ctx *ctx, struct rest *rest)
{
  static const char *const keys[] = { "check", "login", "list", "read", "roles", "objects", "access",
                                      "invite", "set_role", "remove", "resend" };
  int32_t r = add_named (ctx, rest, "look_up", NULL);

  for (size_t i = 0; i < ARRAY_SIZE (keys) && r >= 0; i++)
    {
      char at[REST_PLACE_MAX];

      (void) snprintf (at, sizeof at, "run.rest.%s", keys[i]);
      r = add_requests (ctx, rest, json_object_get (rest->run, keys[i]), at);
    }
  if (r >= 0)
    r = add_named (ctx, rest, "set_access", "grant");
  if (r >= 0)
    r = add_named (ctx, rest, "set_access", "revoke");
  return r;
}

/* ---- Opening ---- */

static int32_t
take_base (struct usher_ctx *ctx, struct rest *rest)
{
  const char *text = json_string_value (json_object_get (rest->run, "base"));
  struct rest_op op = { .ctx = ctx, .rest = rest, .what = "open the hub" };
  size_t head = text && text[0] == '{' ? strcspn (text, "}") + 1 : 0, len, host;
  _cleanup_ (freep) char *begin = NULL;
  struct text base = { 0 };
  int32_t r;

  if (!text || head > strlen (text))
    return seat_fail (ctx, USHER_E_CONFIG, "run.rest.base", "run.rest has no base address");
  begin = strndup (text, head);
  if (!begin)
    return USHER_E_NOMEM;
  r = rest_text_put (&op, begin, REST_RAW, &base);
  if (r == USHER_DONE)
    {
      /* One slash between what the hub's address ends with and what follows. */
      while (head && base.len > 0 && base.s[base.len - 1] == '/')
        base.s[--base.len] = '\0';
      r = rest_text_put (&op, text + head, REST_PATH, &base);
    }
  rest_op_done (&op);
  if (r == USHER_DONE)
    rest->base = text_steal (&base);
  text_done (&base);
  if (r != USHER_DONE)
    return r == USHER_ABSENT ? rest_missing (&op) : r;
  if (!rest->base)
    return USHER_E_NOMEM;
  for (len = strlen (rest->base); len > 0 && rest->base[len - 1] == '/';)
    rest->base[--len] = '\0';
  host = strncmp (rest->base, "https://", 8) == 0 ? 8 : strncmp (rest->base, "http://", 7) == 0 ? 7 : 0;
  rest->origin_len = host + strcspn (rest->base + host, "/?#");
  if (!host || rest->origin_len == host || strpbrk (rest->base, "?#"))
    return seat_fail (ctx, USHER_E_CONFIG, "base_url",
                      "The app's address must begin with https:// or http:// and have no ? and #");
  return USHER_DONE;
}

static int32_t
take_namespaces (struct rest *rest)
{
  const json_t *namespaces = json_object_get (rest->run, "namespaces");
  const char *format = json_string_value (json_object_get (rest->run, "format")), *prefix;
  json_t *uri;

  rest->xml = format && strcmp (format, "xml") == 0;
  rest->namespaces = calloc (json_object_size (namespaces) + 1, sizeof *rest->namespaces);
  if (!rest->namespaces)
    return USHER_E_NOMEM;
  json_object_foreach ((json_t *) (uintptr_t) namespaces, prefix, uri)
    if (json_is_string (uri))
      rest->namespaces[rest->n_namespaces++] = (struct usher_kv) { prefix, json_string_value (uri) };
  return USHER_DONE;
}

/* Where apps put their own words, when the descriptor does not say. */
static int32_t
take_usual (struct rest *rest)
{
  rest->usual = rest->xml ? json_array ()
                          : json_pack ("[sssssssss]", "message", "error.message", "error_description", "detail",
                                       "error", "title", "errors[].message", "errors[].detail", "errors[]");
  return rest->usual ? USHER_DONE : USHER_E_NOMEM;
}

void
rest_free (struct rest *rest)
{
  if (!rest)
    return;
  for (size_t i = 0; i < rest->n_sources; i++)
    rest_source_free (rest->sources[i]);
  free (rest->sources);
  rest_jq_free (rest->jq);
  rest_names_done (&rest->session);
  free (rest->namespaces);
  free (rest->base);
  json_decref (rest->usual);
  json_decref (rest->run);
  free (rest);
}

int32_t
rest_new (struct usher_ctx *ctx, json_t *run, struct rest **ret)
{
  struct rest *rest = calloc (1, sizeof *rest);
  int32_t r;

  if (!rest)
    return USHER_E_NOMEM;
  rest->run = json_incref (run);
  r = take_base (ctx, rest);
  if (r >= 0)
    r = take_namespaces (rest);
  if (r >= 0)
    r = take_usual (rest);
  if (r >= 0)
    r = rest_jq_new (&rest->jq);
  if (r >= 0)
    r = add_sources (ctx, rest);
  if (r >= 0)
    r = rest_jq_compile (rest->jq, ctx);
  if (r < 0)
    {
      rest_free (rest);
      return r;
    }
  *ret = rest;
  return USHER_DONE;
}

/* ---- Check ---- */

struct checking
{
  struct rest_op op;
  struct rest_walk walk;
  const struct rest_source *source;
  const struct rest_answer *answer;
};

/* Facts of the app: "facts" of the check, by their keys. */
static int32_t
tell_facts (struct checking *c, const struct rest_texts *values)
{
  const char *key;
  json_t *spec;
  int32_t r = USHER_DONE;

  json_object_foreach (json_object_get (c->source->spec, "facts"), key, spec)
    {
      const char *value = rest_source_text (c->source, values, c->answer, key);

      if (r >= 0 && value)
        r = usher_fact (c->op.ctx, key, value);
    }
  return r;
}

static int32_t
on_answer (void *arg, const struct rest_texts *values)
{
  return tell_facts (arg, values);
}

static int32_t
ask (struct checking *c, const json_t *spec)
{
  struct rest_answer a;
  int32_t r = rest_ask (&c->op, spec, REST_TO_CHECK, /* key */ NULL, &a);

  c->source = rest_source_of (c->op.rest, spec);
  c->answer = &a;
  if (r >= 0)
    r = rest_source_each (&c->op, c->source, &a, on_answer, c);
  rest_answer_done (&a);
  return r;
}

/* Whether the rows of a first page are such. */
static int32_t
on_row (void *arg, const struct rest_texts *values)
{
  struct checking *c = arg;
  struct rest_row row;
  int32_t r = rest_row (&c->op, &c->source->plan, values, &row);

  rest_walk_id (&c->walk, row.row.id);
  return r;
}

/* The first page of the first pass, as a listing will ask for it. */
static int32_t
ask_first_page (struct checking *c)
{
  const json_t *pass = json_array_get (json_object_get (c->op.rest->run, "list"), 0);
  int32_t r = rest_name_constants (&c->op, pass);

  c->source = rest_source_of (c->op.rest, pass);
  c->walk = (struct rest_walk) { .op = &c->op, .source = c->source, .aim = REST_TO_CHECK, .item = on_row, .arg = c,
                                 .one = true };
  if (r >= 0)
    r = rest_walk_begin (&c->walk);
  if (r >= 0)
    r = rest_walk_run (&c->walk);
  rest_walk_done (&c->walk);
  return r;
}

int32_t
rest_check (struct usher_ctx *ctx, struct rest *rest)
{
  struct checking c = { .op = { .ctx = ctx, .rest = rest, .what = "check the account" } };
  const json_t *spec = json_object_get (rest->run, "check");
  int32_t r = spec ? ask (&c, spec) : ask_first_page (&c);

  rest_op_done (&c.op);
  return r < 0 ? r : USHER_DONE;
}
