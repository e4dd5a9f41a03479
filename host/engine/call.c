/* Owns what every action on one thing begins and every write ends with: whether the thing
   is still as the caller saw it, and one commit of the effect, and of the answer where the
   request is to be answered once only. */
#include <config.h>

#include <sodium.h>

#include "host/common/failpoint.h"
#include "host/common/text.h"
#include "host/engine/internal.h"
#include "host/engine/key.h"

#define TAG_BYTES ((CALL_TAG_SIZE - 3) / 2)

const char *
call_query (const struct call *c, const char *name)
{
  size_t i;

  for (i = 0; i < c->n_query; i++)
    if (streq (c->query[i].key, name))
      return c->query[i].value;
  return NULL;
}

bool
call_flag (const struct call *c, const char *name)
{
  return streq (call_query (c, name), "true");
}

/* ---- Entity tags (RFC 9110, 8.8.3). */

int
call_tag (const json_t *shown, char ret[CALL_TAG_SIZE])
{
  unsigned char hash[TAG_BYTES];
  char *text = json_dumps (shown, JSON_COMPACT | JSON_SORT_KEYS);

  if (!text)
    return -ENOMEM;
  (void) crypto_generichash (hash, sizeof hash, (const unsigned char *) text, strlen (text), NULL, 0);
  free (text);
  ret[0] = '"';
  hex_encode (hash, sizeof hash, ret + 1);
  memcpy (ret + CALL_TAG_SIZE - 2, "\"", 2);
  return 0;
}

bool
call_tag_listed (const char *list, const char *tag, bool weak)
{
  size_t len = tag ? strlen (tag) : 0, n;

  for (;; list += n)
    {
      bool is_weak;

      list += strspn (list, " \t,");
      if (!*list)
        return false;
      if (*list == '*')
        return true;
      is_weak = has_prefix (list, "W/");
      if (is_weak)
        list += 2;
      if (tag && strncmp (list, tag, len) == 0 && (weak || !is_weak))
        return true;
      /* A tag may hold a comma, but no quote. */
      n = *list == '"' ? 1 + strcspn (list + 1, "\"") : strcspn (list, ",");
      n += list[n] == '"';
    }
}

int
call_match (const struct call *c, json_t *shown, struct refusal *r)
{
  char tag[CALL_TAG_SIZE];
  int x = c->if_match ? call_tag (shown, tag) : 0;

  json_decref (shown);
  if (x < 0)
    return refuse_errno (r, x);
  if (c->if_match && !call_tag_listed (c->if_match, tag, /* weak= */ false))
    return refuse (r, "changed", NULL, "It is not any more as If-Match wants it; nothing was done.");
  return 0;
}

/* ---- The end of a write. */

void
call_full (struct engine *e, struct buf *out)
{
  struct store_space space;

  store_space (e->store, &space);
  /* A disk has its limit by a quota as well, and then it looks as if it had room. */
  if (space.disk_free >= STORE_DISK_FULL && space.map_used > space.map_size / 4 * 3)
    buf_puts (out, "The map of the store is full (map-size in usher.conf)");
  else
    buf_printf (out, "The disk that holds %s is full", e->state_dir);
}

int
call_end (struct engine *e, const struct call *c, struct txn *t, int x, json_t *answer, json_t **ret,
          struct refusal *r)
{
  if (x == 0 && c->key)
    x = key_keep (e, t, c->key, answer, r);
  if (x < 0)
    txn_abort (t);
  else
    {
      txn_fail (t, fail_point ("call-commit"));
      x = txn_commit (t);
      x = x < 0 ? refuse_errno (r, x) : 0;
      (void) fail_point ("call-committed");
    }
  if (x < 0 && streq (r->code, "read-only"))
    {
      _cleanup_ (buf_done) struct buf full = BUF_INIT (CALL_FULL_MAX);

      call_full (e, &full);
      (void) refuse (r, "read-only", NULL, "%s; nothing was changed.", full.data);
    }
  if (x < 0)
    {
      json_decref (answer);
      return x;
    }
  if (c->key)
    key_kept (e, c->key);
  *ret = answer;
  return 0;
}
