/* Owns the reading of a hub's members in native-key order.  A snapshot that stays open
   keeps every page of its time from being used again, so it is renewed. */
#include <config.h>

#include "host/store/delta.h"

#include "host/store/members.h"

#define CHUNK 1000u

struct seen_walk
{
  struct store *store;   /* borrowed */
  struct id hub;
  struct txn *t;         /* NULL = between two chunks */
  struct walk walk;
  MDB_cursor *links;     /* where the last link was: the next one mostly stands behind it */
  struct key prefix, last;
  bool moved;            /* LAST is a key */
  unsigned int taken;    /* of this chunk */
};

static int
begin_chunk (struct seen_walk *w)
{
  w->t = store_read (w->store);
  w->taken = 0;
  walk_begin (&w->walk, w->t, DB_SEEN, &w->prefix, w->moved ? &w->last : NULL,
              /* newest= */ false);
  if (txn_ok (w->t))
    txn_fail (w->t, store_error (mdb_cursor_open (w->t->txn, w->store->db[DB_LINK], &w->links)));
  return txn_error (w->t);
}

static void
end_chunk (struct seen_walk *w)
{
  if (!w->t)
    return;
  walk_end (&w->walk);
  if (w->links)
    mdb_cursor_close (TAKE (w->links));
  txn_abort (TAKE (w->t));
}

int
seen_walk_open (struct store *s, const struct id *hub, struct seen_walk **ret)
{
  _cleanup_ (seen_walk_closep) struct seen_walk *w = calloc (1, sizeof *w);
  int r;

  if (!w)
    return -ENOMEM;
  w->store = s;
  w->hub = *hub;
  key_start (&w->prefix);
  key_id (&w->prefix, hub);
  r = begin_chunk (w);
  if (r == 0)
    *ret = TAKE (w);
  return r;
}

void
seen_walk_close (struct seen_walk *w)
{
  if (!w)
    return;
  end_chunk (w);
  free (w);
}

/* Members of a hub got their ids in the order of their keys when it was first synced. */
static int
read_link (struct seen_walk *w, const struct id *member, struct record_link *ret)
{
  struct key key;
  MDB_val k, value;
  int rc;

  link_key (&key, &w->hub, member);
  rc = mdb_cursor_get (w->links, &k, &value, MDB_NEXT);
  if (rc || key_compare (k.mv_data, k.mv_size, key.b, key.len) != 0)
    {
      k = key_val (&key);
      rc = mdb_cursor_get (w->links, &k, &value, MDB_SET_KEY);
    }
  if (rc == MDB_NOTFOUND)
    return 0;
  txn_fail (w->t, store_error (rc));
  if (txn_ok (w->t))
    txn_fail (w->t, record_get_link (value.mv_data, value.mv_size, ret));
  ret->link.id = *member;
  return txn_ok (w->t);
}

/* The member of the entry that the walk is at: 1 or 0. */
static int
read_entry (struct seen_walk *w, struct member *ret)
{
  struct record_link link;
  struct id member;

  if (w->walk.value.mv_size <= ID_BYTES
      || !key_id_at (w->walk.value.mv_data, w->walk.value.mv_size, 0, &member)
      || !read_link (w, &member, &link) || !link.key)
    return 0;
  *ret = (struct member) {
    .link = link.link, .key = link.key, .key_len = link.key_len,
    .row = (const char *) w->walk.value.mv_data + ID_BYTES,
    .row_len = w->walk.value.mv_size - ID_BYTES,
  };
  return 1;
}

int
seen_walk_next (struct seen_walk *w, struct member *ret)
{
  int r;

  if (w->t && w->taken >= CHUNK)
    end_chunk (w);
  if (!w->t)
    {
      r = begin_chunk (w);
      if (r < 0)
        return r;
    }
  while (walk_next (&w->walk))
    {
      w->taken++;
      memcpy (w->last.b, w->walk.key.mv_data, w->walk.key.mv_size);
      w->last.len = w->walk.key.mv_size;
      w->moved = true;
      if (read_entry (w, ret))
        return 1;
    }
  return txn_error (w->t);
}
