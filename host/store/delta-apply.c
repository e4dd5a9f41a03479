/* Owns the way of a sealed delta into the store: one transaction for a small one,
   marked batches for a large one, rolled forward at start. */
#include <config.h>

#include "host/store/delta-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include "host/common/failpoint.h"
#include "host/store/members.h"

#define ROWS_AT_ONCE 5000u
/* A batch is 10,000 changes, or more of those that fill pages one after the other:
   they dirty few. */
#define BATCH_UNITS 50000u
#define UNITS_APPENDED 1u
#define UNITS_PLACED (BATCH_UNITS / 10000u)
#define MARK_SIZE 9u

struct apply
{
  struct delta *d;
  struct pages pages;
  json_t *summary;
  uint64_t at;             /* the next item */
  bool checked;            /* the hub changed since the delta began: look before writing */
  /* Of the transaction under way. */
  struct txn *t;
  struct record_counts counts;
  bool skips;              /* some member is left as it is */
  unsigned int units;
  struct key last[DB_COUNT];   /* greatest key of a database that is written in order */
  bool last_known[DB_COUNT];
};

/* ---- The mark: u64 position, u8 checked. */

static void
mark_key (struct key *k, const struct id *hub)
{
  value_hub_key (k, VALUE_APPLYING, hub, /* member= */ NULL);
}

static void
put_mark (struct apply *a)
{
  uint8_t mark[MARK_SIZE];
  struct key key;
  size_t i;

  for (i = 0; i < 8; i++)
    mark[i] = (uint8_t) (a->at >> (8 * i));
  mark[8] = a->checked;
  mark_key (&key, &a->d->head.hub);
  txn_store (a->t, DB_VALUE, &key, mark, sizeof mark);
}

/* 1 and where to go on, or 0. */
static int
get_mark (struct txn *t, const struct id *hub, uint64_t *ret_at, bool *ret_checked)
{
  const uint8_t *p;
  struct key key;
  MDB_val value;
  size_t i;

  mark_key (&key, hub);
  if (!txn_load (t, DB_VALUE, &key, &value))
    return 0;
  if (value.mv_size != MARK_SIZE)
    {
      txn_fail (t, -EBADMSG);
      return 0;
    }
  p = value.mv_data;
  *ret_at = 0;
  for (i = 8; i-- > 0;)
    *ret_at = *ret_at << 8 | p[i];
  *ret_checked = p[8];
  return 1;
}

/* ---- Members that are left as they are. */

static void
skip (struct apply *a, const struct id *member)
{
  struct key key;

  value_hub_key (&key, VALUE_SKIPPED, &a->d->head.hub, member);
  txn_store (a->t, DB_VALUE, &key, "", 0);
  a->skips = true;
}

static bool
is_skipped (struct apply *a, const struct id *member)
{
  struct key key;
  MDB_val value;

  value_hub_key (&key, VALUE_SKIPPED, &a->d->head.hub, member);
  return a->skips && txn_load (a->t, DB_VALUE, &key, &value);
}

static bool
any_skipped (struct apply *a)
{
  struct key prefix;
  struct walk w;
  bool any;

  value_hub_key (&prefix, VALUE_SKIPPED, &a->d->head.hub, /* member= */ NULL);
  walk_begin (&w, a->t, DB_VALUE, &prefix, /* after= */ NULL, /* newest= */ false);
  any = walk_next (&w);
  walk_end (&w);
  return any;
}

struct rival
{
  const struct id *member;
  uint64_t base;
  bool found;
};

static bool
is_rival (void *arg, const struct record_link *link)
{
  struct rival *r = arg;

  r->found = member_is_live (&link->link) && link->stamp > r->base
             && !id_equal (&link->link.id, r->member);
  return !r->found;
}

/* The store knows something newer than the delta about this member, its key or its
   person. */
static bool
is_overtaken (struct apply *a, const struct delta_member *m)
{
  const struct id *hub = &a->d->head.hub;
  struct rival rival = { &m->id, a->d->head.base, false };
  struct record_link link;
  struct key key;
  struct id owner;
  MDB_val value;

  if (!m->fresh && (!link_load (a->t, hub, &m->id, &link) || link.stamp > rival.base))
    return true;
  seen_key (&key, hub, (const char *) m->part, m->part_len);
  if (m->part_len && txn_load (a->t, DB_SEEN, &key, &value)
      && key_id_at (value.mv_data, value.mv_size, 0, &owner) && !id_equal (&owner, &m->id)
      && link_load (a->t, hub, &owner, &link) && link.stamp > rival.base)
    return true;
  if (!id_is_zero (&m->person))
    person_walk (a->t, hub, &m->person, is_rival, &rival);
  return rival.found;
}

/* ---- Items. */

/* Writes behind everything there is, where it belongs there: pages are then filled. */
static void
put_in_order (struct apply *a, enum db db, const struct key *key, const void *p, size_t len)
{
  struct txn *t = a->t;
  struct key *last = &a->last[db];
  MDB_val k, v = { len, (void *) (uintptr_t) p };
  MDB_cursor *cursor;
  bool append;

  if (!txn_ok (t))
    return;
  if (!a->last_known[db])
    {
      key_start (last);
      txn_fail (t, store_error (mdb_cursor_open (t->txn, t->store->db[db], &cursor)));
      if (!txn_ok (t))
        return;
      if (mdb_cursor_get (cursor, &k, &v, MDB_LAST) == 0)
        {
          memcpy (last->b, k.mv_data, k.mv_size);
          last->len = k.mv_size;
        }
      mdb_cursor_close (cursor);
      a->last_known[db] = true;
      v = (MDB_val) { len, (void *) (uintptr_t) p };
    }
  append = key_compare (key->b, key->len, last->b, last->len) > 0;
  k = key_val (key);
  txn_fail (t, store_error (mdb_put (t->txn, t->store->db[db], &k, &v, append ? MDB_APPEND : 0)));
  if (append)
    *last = *key;
  a->units += append ? UNITS_APPENDED : UNITS_PLACED;
}

static void
erase (struct apply *a, enum db db, const struct key *key)
{
  txn_erase (a->t, db, key);
  a->units += UNITS_PLACED;
}

static void
apply_member (struct apply *a, const struct page_item *item)
{
  struct delta_member m;
  struct key key;

  txn_fail (a->t, delta_decode_member (item, &m));
  if (!txn_ok (a->t))
    return;
  if (a->checked && is_overtaken (a, &m))
    return skip (a, &m.id);
  if (!m.row)
    return;
  seen_key (&key, &a->d->head.hub, (const char *) m.part, m.part_len);
  buf_reset (&a->t->scratch);
  buf_put (&a->t->scratch, m.id.b, ID_BYTES);
  buf_put (&a->t->scratch, m.row, m.row_len);
  txn_fail (a->t, buf_error (&a->t->scratch));
  put_in_order (a, DB_SEEN, &key, a->t->scratch.data, a->t->scratch.len);
  a->units += UNITS_PLACED - UNITS_APPENDED;
}

static void
apply_link (struct apply *a, const struct delta_op *op)
{
  struct record_link old, now;
  bool had = link_load (a->t, &a->d->head.hub, &op->member, &old);

  txn_fail (a->t, record_get_link (op->value, op->value_len, &now));
  if (!txn_ok (a->t))
    return;
  counts_change (&a->counts.counts, had ? &old.link : NULL, &now.link);
  put_in_order (a, DB_LINK, &op->key, op->value, op->value_len);
}

/* A row of the key a member had before, unless another member has the key by now. */
static void
erase_row (struct apply *a, const struct delta_op *op)
{
  struct id owner;
  MDB_val value;

  if (txn_load (a->t, DB_SEEN, &op->key, &value)
      && key_id_at (value.mv_data, value.mv_size, 0, &owner) && id_equal (&owner, &op->member))
    erase (a, DB_SEEN, &op->key);
}

static void
apply_op (struct apply *a, const struct page_item *item)
{
  struct delta_op op;

  txn_fail (a->t, delta_decode_op (item, &op));
  if (!txn_ok (a->t) || is_skipped (a, &op.member))
    return;
  if (op.db == DB_LINK)
    apply_link (a, &op);
  else if (op.db == DB_SEEN)
    erase_row (a, &op);
  else if (op.put)
    put_in_order (a, (enum db) op.db, &op.key, "", 0);
  else
    erase (a, (enum db) op.db, &op.key);
}

static void
apply_event (struct apply *a, const struct page_item *item)
{
  json_t *event = json_loadb (item->data, item->len, 0, NULL);

  if (event)
    txn_event_add (a->t, event);
  else
    txn_fail (a->t, -EBADMSG);
  json_decref (event);
  a->units += UNITS_PLACED;
}

/* Applies items until UNITS are used up: 1, or 0 at the end of the file. */
static int
apply_items (struct apply *a, unsigned int units)
{
  struct page_item item;
  int r = 0;

  a->units = 0;
  memset (a->last_known, 0, sizeof a->last_known);
  a->skips = any_skipped (a);
  counts_load (a->t, &a->d->head.hub, &a->counts);
  while (txn_ok (a->t) && a->units < units && (r = pages_next (&a->pages, &a->at, &item)) > 0)
    if (item.type == DELTA_MEMBER)
      apply_member (a, &item);
    else if (item.type == DELTA_EVENT)
      apply_event (a, &item);
    else if (item.type == DELTA_OP)
      apply_op (a, &item);
  if (r < 0)
    txn_fail (a->t, r);
  counts_store (a->t, &a->d->head.hub, &a->counts);
  txn_fail (a->t, fail_point ("delta-batch"));
  return r > 0;
}

/* ---- Transactions. */

void
delta_erase_marks (struct txn *t, const struct id *hub)
{
  struct key key;
  struct walk w;

  mark_key (&key, hub);
  txn_erase (t, DB_VALUE, &key);
  value_hub_key (&key, VALUE_SKIPPED, hub, /* member= */ NULL);
  walk_begin (&w, t, DB_VALUE, &key, /* after= */ NULL, /* newest= */ false);
  while (walk_next (&w))
    txn_fail (t, store_error (mdb_cursor_del (w.cursor, 0)));
  walk_end (&w);
}

/* What belongs to the apply itself goes, then CLOSE has the transaction. */
static void
close_delta (struct apply *a, delta_close_fn *close_fn, void *arg)
{
  const struct id *hub = &a->d->head.hub;

  delta_erase_marks (a->t, hub);
  counts_load (a->t, hub, &a->counts);
  a->counts.writes++;
  counts_store (a->t, hub, &a->counts);
  if (txn_ok (a->t))
    txn_fail (a->t, close_fn (arg, a->t, hub, a->summary));
}

static void
look_for_changes (struct apply *a)
{
  counts_load (a->t, &a->d->head.hub, &a->counts);
  a->checked = a->counts.writes != a->d->head.base;
}

static int
apply_at_once (struct apply *a, delta_close_fn *close_fn, void *arg)
{
  a->t = store_write (a->d->store);
  look_for_changes (a);
  (void) apply_items (a, UINT_MAX);
  close_delta (a, close_fn, arg);
  return txn_commit (a->t);
}

static int
begin_batches (struct apply *a)
{
  int r;

  a->t = store_write (a->d->store);
  look_for_changes (a);
  put_mark (a);
  r = txn_commit (a->t);
  a->d->begun = a->d->begun || r == 0;
  return r;
}

static int
apply_batches (struct apply *a, delta_close_fn *close_fn, void *arg)
{
  int more = 1, r = a->d->begun ? 0 : begin_batches (a);

  while (r == 0 && more)
    {
      a->t = store_write (a->d->store);
      if (!get_mark (a->t, &a->d->head.hub, &a->at, &a->checked))
        txn_fail (a->t, -ENOENT);
      more = apply_items (a, BATCH_UNITS);
      put_mark (a);
      r = txn_commit (a->t);
    }
  if (r < 0)
    return r;
  a->t = store_write (a->d->store);
  close_delta (a, close_fn, arg);
  return txn_commit (a->t);
}

/* The seal is the last item; *RET_ROWS and the summary stand in it. */
static int
read_seal (struct apply *a, uint64_t *ret_rows)
{
  struct page_item item = { .type = 0 };
  uint64_t at = a->at;
  int r;

  while ((r = pages_next (&a->pages, &at, &item)) > 0)
    ;
  return r < 0 ? r : delta_decode_seal (&item, ret_rows, &a->summary);
}

int
delta_apply (struct delta *d, delta_close_fn *close_fn, void *arg)
{
  struct apply *a = calloc (1, sizeof *a);
  uint64_t rows;
  int r;

  assert (d->sealed);
  if (!a)
    return -ENOMEM;
  a->d = d;
  a->at = PAGEFILE_MAGIC_SIZE;
  r = pages_map (d->file.fd, d->file.whole, &a->pages);
  if (r == 0)
    r = read_seal (a, &rows);
  if (r == 0 && rows <= ROWS_AT_ONCE && !d->begun)
    r = apply_at_once (a, close_fn, arg);
  else if (r == 0)
    r = apply_batches (a, close_fn, arg);
  json_decref (a->summary);
  pages_unmap (&a->pages);
  free (a);
  if (r == 0)
    {
      /* The name may be another delta's before this one is freed. */
      (void) unlink (d->path);
      pagefile_done (&d->file);
    }
  return r;
}

/* ---- After a crash. */

int
delta_has_mark (struct store *s, const struct id *hub)
{
  struct txn *t = store_read (s);
  struct key key;
  MDB_val value;
  int found, r;

  mark_key (&key, hub);
  found = txn_load (t, DB_VALUE, &key, &value);
  r = txn_commit (t);
  return r < 0 ? r : found;
}

int
delta_resume (struct store *s, const struct id *hub, struct delta **ret)
{
  _cleanup_ (delta_freep) struct delta *d = calloc (1, sizeof *d);
  struct page_item item;
  struct pages pages;
  uint64_t at = PAGEFILE_MAGIC_SIZE;
  int r = delta_has_mark (s, hub);

  if (!d)
    return -ENOMEM;
  d->file.fd = -1;
  if (r <= 0)
    return r < 0 ? r : -ENOENT;
  d->store = s;
  d->begun = d->sealed = true; /* it is only marked once it is sealed */
  d->path = delta_path (s, hub);
  if (!d->path)
    return -ENOMEM;
  r = pagefile_open (&d->file, d->path, DELTA_MAGIC, /* fresh= */ false);
  if (r == 0)
    r = pages_map (d->file.fd, d->file.whole, &pages);
  if (r < 0)
    return r;
  r = pages_next (&pages, &at, &item) > 0 ? delta_decode_head (&item, &d->head) : -EBADMSG;
  pages_unmap (&pages);
  if (r == 0 && !id_equal (&d->head.hub, hub))
    r = -EBADMSG;
  if (r == 0)
    *ret = TAKE (d);
  return r;
}

/* The first hub behind *HUB (or the first of all) whose delta is half applied: 1 or 0. */
static int
next_marked (struct store *s, const struct id *after, struct id *ret)
{
  struct txn *t = store_read (s);
  struct key prefix, behind;
  struct walk w;
  int found, r;

  key_start (&prefix);
  key_u8 (&prefix, VALUE_APPLYING);
  behind = prefix;
  if (after)
    key_id (&behind, after);
  walk_begin (&w, t, DB_VALUE, &prefix, after ? &behind : NULL, /* newest= */ false);
  found = walk_next (&w) && key_last_id (w.key.mv_data, w.key.mv_size, ret);
  walk_end (&w);
  r = txn_commit (t);
  return r < 0 ? r : found;
}

/* Deletes the files of deltas that no hub has begun. */
static int
sweep (struct store *s)
{
  DIR *dir = opendir (store_work_dir (s));
  const struct dirent *e;
  struct id hub;
  int r = 0;

  if (!dir)
    return -errno;
  while (r >= 0 && (e = readdir (dir)))
    {
      if (strncmp (e->d_name, DELTA_PREFIX, strlen (DELTA_PREFIX)) != 0
          || id_parse (e->d_name + strlen (DELTA_PREFIX), &hub) < 0)
        continue;
      r = delta_has_mark (s, &hub);
      if (r == 0)
        (void) unlinkat (dirfd (dir), e->d_name, 0);
    }
  closedir (dir);
  return MIN (r, 0);
}

int
delta_recover (struct store *s, delta_close_fn *close_fn, delta_lost_fn *lost, void *arg)
{
  struct id hub, last;
  const struct id *after = NULL;
  int r, first = 0;

  while ((r = next_marked (s, after, &hub)) > 0)
    {
      struct delta *d = NULL;

      r = delta_resume (s, &hub, &d);
      if (r == 0)
        r = delta_apply (d, close_fn, arg);
      delta_free (d);
      if (r == -EBADMSG && lost)
        r = lost (arg, &hub);
      if (first == 0)
        first = MIN (r, 0);
      last = hub;
      after = &last;
    }
  if (first == 0)
    first = r;
  r = sweep (s);
  return first < 0 ? first : r;
}
