/* Owns the pages of lists: how much one holds, how much of the store it looks at, and
   where the next one goes on. */
#include <config.h>

#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

#define PAGE_DEFAULT 100u
#define KEY_MAX_BYTES 1024u
/* A snapshot that is held keeps every page of the store written since from being used
   again, so a page of a list is put together from several short ones. */
#define LOOKED_AT_ONCE 1000u
#define LOOKED_MAX 10000u

static int
refuse_cursor (struct refusal *r)
{
  return refuse (r, "malformed", "cursor", "The cursor is not one that this list gave out.");
}

bool
list_take (struct list *l, const char *at, json_t *item)
{
  if (item && json_array_size (l->items) == l->limit)
    {
      json_decref (item);
      l->more = true;
      return false;
    }
  if (item)
    (void) json_array_append_new (l->items, item);
  (void) snprintf (l->at, sizeof l->at, "%s", at);
  l->looked++;
  return l->looked % LOOKED_AT_ONCE != 0;
}

/* One short look at the store.  1: there may be more to see, 0: that was the end. */
static int
look (struct engine *e, struct list *l, list_walk *walk, void *arg)
{
  struct txn *t = store_read (e->store);
  size_t before = l->looked;
  int x;

  walk (l, t, l->at[0] ? l->at : NULL, arg);
  x = txn_error (t);
  txn_abort (t);
  return x < 0 ? x : l->looked == before + LOOKED_AT_ONCE && !l->more;
}

int
list_page (struct engine *e, const struct call *c, list_walk *walk, void *arg, json_t **ret, struct refusal *r)
{
  struct list l = { .items = json_array (), .limit = c->limit ? MIN (c->limit, ENGINE_LIST_MAX) : PAGE_DEFAULT };
  int x;

  if (c->cursor && (!c->cursor[0] || strlen (c->cursor) >= sizeof l.at))
    {
      json_decref (l.items);
      return refuse_cursor (r);
    }
  (void) snprintf (l.at, sizeof l.at, "%s", c->cursor ? c->cursor : "");
  do
    x = look (e, &l, walk, arg);
  while (x > 0 && l.looked < LOOKED_MAX);
  if (x < 0)
    {
      json_decref (l.items);
      return x == -EINVAL ? refuse_cursor (r) : refuse_errno (r, x);
    }
  *ret = json_pack ("{s:o}", "items", l.items);
  json_set_text (*ret, "next", l.more || x > 0 ? l.at : NULL);
  return 0;
}

/* ---- Documents. */

struct look_at
{
  const struct doc_list *what;
  struct list *l;
  struct txn *t;
};

static bool
show_doc (void *arg, json_t *doc)
{
  struct look_at *w = arg;
  const char *id = json_text (doc, "id");

  return !id || list_take (w->l, id, w->what->show (w->what->arg, w->t, doc));
}

static void
walk_docs (struct list *l, struct txn *t, const char *after, void *arg)
{
  const struct doc_list *d = arg;
  struct look_at w = { d, l, t };
  struct id id;

  if (after && id_parse (after, &id) < 0)
    return txn_fail (t, -EINVAL);
  txn_doc_walk (t, d->kind, d->index, d->key, d->newest, after ? &id : NULL, show_doc, &w);
}

int
list_docs (struct engine *e, const struct call *c, struct doc_list d, json_t **ret, struct refusal *r)
{
  return list_page (e, c, walk_docs, &d, ret, r);
}

/* ---- What is made whole. */

int
answer_read (struct txn *t, json_t *answer, json_t **ret, struct refusal *r)
{
  if (txn_error (t) < 0)
    {
      json_decref (answer);
      return refuse_errno (r, txn_error (t));
    }
  *ret = answer;
  return 0;
}

/* What an item of a short list is known by, in a new string. */
static char *
item_key (const json_t *item, const char *const keys[2])
{
  struct buf key = BUF_INIT (KEY_MAX_BYTES);

  buf_puts (&key, json_text (item, keys[0]) ? json_text (item, keys[0]) : "");
  if (keys[1])
    buf_printf (&key, "\n%s", json_text (item, keys[1]) ? json_text (item, keys[1]) : "");
  return buf_steal (&key);
}

int
list_of (json_t *all, const char *const keys[2], const struct call *c, json_t **ret, struct refusal *r)
{
  size_t limit = c->limit ? c->limit : ENGINE_LIST_MAX, n = json_array_size (all), begin = 0, i;
  json_t *items;

  for (i = 0; c->cursor && i < n && !begin; i++)
    {
      _cleanup_ (freep) char *key = item_key (json_array_get (all, i), keys);

      if (streq (key, c->cursor))
        begin = i + 1;
    }
  if (c->cursor && !begin)
    {
      json_decref (all);
      return refuse (r, "malformed", "cursor", "What the cursor stood at is gone: begin the list again.");
    }
  items = json_array ();
  for (i = begin; i < n && i - begin < limit; i++)
    (void) json_array_append (items, json_array_get (all, i));
  *ret = json_pack ("{s:o}", "items", items);
  if (i < n)
    {
      _cleanup_ (freep) char *key = item_key (json_array_get (all, i - 1), keys);

      json_set_text (*ret, "next", key);
    }
  json_decref (all);
  return 0;
}
