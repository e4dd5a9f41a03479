/* Owns the way of a sealed delta into the store: one transaction for a small one,
   marked batches for a large one, rolled forward at start. */
#include <config.h>

#include "host/store/delta-file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include "host/common/failpoint.h"
#include "host/common/le.h"
#include "host/store/members.h"

#define ROWS_AT_ONCE 5000u
/* A batch is 10,000 changes, or more of those that fill pages one after the other:
   they dirty few. */
#define BATCH_UNITS 50000u
#define UNITS_APPENDED 1u
#define UNITS_PLACED (BATCH_UNITS / 10000u)
#define MARK_SIZE 10u

/* What is under way.  Numbers are stored in marks: never change or reuse one. */
enum phase
{
  PHASE_ITEMS = 1,     /* what stands in the file; AT is a place in it, as in the next */
  PHASE_TABS = 2,      /* the new members under each tab, one tab after the other */
  PHASE_ENTRIES = PHASE_TABS + MEMBER_TABS, /* their other index entries, in key order; AT counts them */
  PHASE_END,
};

struct apply
{
  struct delta *d;
  const struct delta_steps *steps;
  struct pages pages;
  json_t *summary;
  enum phase phase;
  uint64_t at;
  bool checked;            /* the hub changed since the delta began: look before writing */
  struct sorter *entries;  /* of PHASE_ENTRIES */
  uint64_t taken;          /* of them */
  /* Of the transaction under way. */
  struct txn *t;
  struct record_counts counts;
  bool skips;              /* some member is left as it is */
  unsigned int units;
  struct buf turns;        /* struct delta_turn of its members */
  struct place
  {
    MDB_cursor *cursor;    /* NULL = nothing was written to this database; ends with its transaction */
    struct key last;       /* the database's greatest key */
  } place[DB_COUNT];
};

/* ---- The mark: u64 at, u8 checked, u8 phase. */

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

  le_put_u64 (mark, a->at);
  mark[8] = a->checked;
  mark[9] = (uint8_t) a->phase;
  mark_key (&key, &a->d->head.hub);
  txn_store (a->t, DB_VALUE, &key, mark, sizeof mark);
}

/* 1 and where to go on, or 0. */
static int
get_mark (struct txn *t, const struct id *hub, struct apply *ret)
{
  const uint8_t *p;
  struct key key;
  MDB_val value;

  mark_key (&key, hub);
  if (!txn_load (t, DB_VALUE, &key, &value))
    return 0;
  p = value.mv_data;
  if (value.mv_size != MARK_SIZE || p[9] < PHASE_ITEMS || p[9] > PHASE_END)
    {
      txn_fail (t, -EBADMSG);
      return 0;
    }
  ret->at = le_get_u64 (p);
  ret->checked = p[8];
  ret->phase = (enum phase) p[9];
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

/* The store knows something newer than the delta about the native key of MEMBER, or about
   PERSON, to whom it is newly linked. */
static bool
is_taken (struct apply *a, const struct id *member, const char *native, size_t len,
          const struct id *person)
{
  const struct id *hub = &a->d->head.hub;
  struct rival rival = { member, a->d->head.base, false };
  struct record_link link;
  struct key key;
  struct id owner;
  MDB_val value;

  seen_key (&key, hub, native, len);
  if (len && txn_load (a->t, DB_SEEN, &key, &value)
      && key_id_at (value.mv_data, value.mv_size, 0, &owner) && !id_equal (&owner, member)
      && link_load (a->t, hub, &owner, &link) && link.stamp > rival.base)
    return true;
  if (!id_is_zero (person))
    person_walk (a->t, hub, person, is_rival, &rival);
  return rival.found;
}

/* ---- Items. */

/* A cursor on DB, and its greatest key. */
static struct place *
place_of (struct apply *a, enum db db)
{
  struct place *place = &a->place[db];
  struct txn *t = a->t;
  MDB_val key, value;

  if (place->cursor || !txn_ok (t))
    return place;
  txn_fail (t, store_error (mdb_cursor_open (t->txn, t->store->db[db], &place->cursor)));
  key_start (&place->last);
  if (txn_ok (t) && mdb_cursor_get (place->cursor, &key, &value, MDB_LAST) == 0)
    {
      memcpy (place->last.b, key.mv_data, key.mv_size);
      place->last.len = key.mv_size;
    }
  return place;
}

/* Writes behind everything there is, where it belongs there: pages are then filled.  The
   value is HEAD and P, one behind the other. */
static void
put_in_order (struct apply *a, enum db db, const struct key *key, const struct id *head,
              const void *p, size_t len)
{
  struct place *place = place_of (a, db);
  size_t head_len = head ? ID_BYTES : 0;
  MDB_val k = key_val (key), v = { head_len + len, NULL };
  bool append;

  if (!txn_ok (a->t))
    return;
  append = key_compare (key->b, key->len, place->last.b, place->last.len) > 0;
  txn_fail (a->t, store_write_error (a->t->store,
                                     mdb_cursor_put (place->cursor, &k, &v,
                                                     MDB_RESERVE | (append ? MDB_APPEND : 0))));
  if (!txn_ok (a->t))
    return;
  if (head)
    memcpy (v.mv_data, head->b, ID_BYTES);
  if (len)
    memcpy ((char *) v.mv_data + head_len, p, len);
  if (append)
    {
      memcpy (place->last.b, key->b, key->len);
      place->last.len = key->len;
    }
  a->units += append ? UNITS_APPENDED : UNITS_PLACED;
}

static void
erase (struct apply *a, enum db db, const struct key *key)
{
  txn_erase (a->t, db, key);
  a->units += UNITS_PLACED;
}

static void
put_row (struct apply *a, const struct id *member, const char *native, size_t native_len,
         const void *row, size_t len)
{
  struct key key;

  seen_key (&key, &a->d->head.hub, native, native_len);
  put_in_order (a, DB_SEEN, &key, member, row, len);
}

static void
note_turn (struct apply *a, const struct id *member, uint16_t was, uint16_t now)
{
  const struct delta_turn turn = { *member, was, now };

  if (was != now)
    buf_put (&a->turns, &turn, sizeof turn);
}

static void
apply_member (struct apply *a, const struct page_item *item)
{
  struct delta_member m;
  struct record_link link;

  txn_fail (a->t, delta_decode_member (item, &m));
  if (!txn_ok (a->t))
    return;
  if (a->checked
      && (!link_load (a->t, &a->d->head.hub, &m.id, &link) || link.stamp > a->d->head.base
          || is_taken (a, &m.id, m.key, m.key_len, &m.person)))
    return skip (a, &m.id);
  if (m.row)
    put_row (a, &m.id, m.key, m.key_len, m.row, m.row_len);
  a->units += UNITS_PLACED - UNITS_APPENDED;
}

static int
new_member (const struct page_item *item, struct delta_new_member *m, struct member *ret)
{
  int r = delta_decode_new (item, m);

  return r < 0 ? r : delta_member_of_new (m, ret);
}

static void
apply_new (struct apply *a, const struct page_item *item)
{
  const struct id *hub = &a->d->head.hub;
  static const struct id nobody;
  struct delta_new_member m;
  struct member now;
  struct key key;

  txn_fail (a->t, new_member (item, &m, &now));
  if (!txn_ok (a->t))
    return;
  if (a->checked && is_taken (a, &m.id, now.key, now.key_len,
                              member_is_live (&now.link) ? &now.link.person : &nobody))
    return skip (a, &m.id);
  buf_reset (&a->t->scratch);
  buf_put (&a->t->scratch, m.link, m.link_len);
  if (m.row)
    {
      put_row (a, &m.id, now.key, now.key_len, m.row, m.row_len);
      txn_fail (a->t, record_put_key (&a->t->scratch, 0, now.key, now.key_len));
    }
  counts_change (&a->counts.counts, NULL, &now.link);
  note_turn (a, &m.id, 0, now.link.status);
  link_key (&key, hub, &m.id);
  put_in_order (a, DB_LINK, &key, NULL, a->t->scratch.data, a->t->scratch.len);
  a->units += UNITS_PLACED - 2 * UNITS_APPENDED;
}

static void
apply_link (struct apply *a, const struct delta_op *op)
{
  struct record_link old, now;
  bool had = link_load (a->t, &a->d->head.hub, &op->member, &old);

  txn_fail (a->t, record_get_link (op->value, op->value_len, &now));
  if (!txn_ok (a->t))
    return;
  note_turn (a, &op->member, had ? old.link.status : 0, now.link.status);
  counts_change (&a->counts.counts, had ? &old.link : NULL, &now.link);
  put_in_order (a, DB_LINK, &op->key, NULL, op->value, op->value_len);
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
    put_in_order (a, (enum db) op.db, &op.key, NULL, NULL, 0);
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

/* 1, or 0 at the end of the file, or a negative errno. */
static int
apply_item (struct apply *a)
{
  struct page_item item;
  int r = pages_next (&a->pages, &a->at, &item);

  if (r <= 0)
    return r;
  if (item.type == DELTA_NEW)
    apply_new (a, &item);
  else if (item.type == DELTA_MEMBER)
    apply_member (a, &item);
  else if (item.type == DELTA_EVENT)
    apply_event (a, &item);
  else if (item.type == DELTA_OP)
    apply_op (a, &item);
  return 1;
}

/* ---- Index entries of new members. */

/* The entry of the next new member under TAB: 1, or 0 at the end of the file. */
static int
apply_tab (struct apply *a, enum member_tab tab)
{
  struct delta_new_member m;
  struct member_entry entry;
  struct page_item item;
  struct key key;
  int r;

  do
    r = pages_next (&a->pages, &a->at, &item);
  while (r > 0 && (item.type != DELTA_NEW || delta_tab_of_new (&item) != (int) tab));
  if (r > 0 && delta_decode_new (&item, &m) < 0)
    r = -EBADMSG;
  if (r <= 0 || is_skipped (a, &m.id))
    return r;
  member_entry_of_tab (&m.id, tab, &entry);
  put_in_order (a, member_entry_key (&a->d->head.hub, entry.b, entry.len, &key), &key, NULL, NULL, 0);
  return 1;
}

static int
add_new_entries (struct apply *a, const struct page_item *item)
{
  struct delta_new_member m;
  struct member_entries entries;
  struct member now;
  size_t i;
  int r = new_member (item, &m, &now);

  if (r < 0 || is_skipped (a, &m.id))
    return r;
  r = member_entries (&a->d->head.hub, &now, &entries);
  for (i = MEMBER_ENTRY_TAB + 1; r == 0 && i < entries.n; i++)
    r = sorter_add (a->entries, entries.v[i].b, entries.v[i].len, NULL, 0);
  return r;
}

/* Puts them in order, all again after a crash, and goes on behind those that are written. */
static int
sort_entries (struct apply *a)
{
  uint64_t at = PAGEFILE_MAGIC_SIZE;
  struct page_item item;
  const void *key, *value;
  size_t key_len, value_len;
  int r = sorter_new (store_work_dir (a->d->store), &a->entries), more = 1;

  while (r == 0 && (more = pages_next (&a->pages, &at, &item)) > 0)
    if (item.type == DELTA_NEW)
      r = add_new_entries (a, &item);
  if (r == 0)
    r = MIN (more, 0);
  if (r == 0)
    r = sorter_finish (a->entries);
  for (a->taken = 0; r == 0 && a->taken < a->at; a->taken++)
    if (sorter_next (a->entries, &key, &key_len, &value, &value_len) != 1)
      r = -EBADMSG;
  return r;
}

/* 1, or 0 when all are written, or a negative errno. */
static int
apply_entry (struct apply *a)
{
  const void *entry, *value;
  size_t len, value_len;
  struct key key;
  enum db db;
  int r = a->entries ? 0 : sort_entries (a);

  if (r == 0)
    r = sorter_next (a->entries, &entry, &len, &value, &value_len);
  if (r <= 0)
    return r;
  db = member_entry_key (&a->d->head.hub, entry, len, &key);
  put_in_order (a, db, &key, NULL, NULL, 0);
  a->at++;
  return 1;
}

/* 1, or 0 when the phase ends, or a negative errno. */
static int
apply_next (struct apply *a)
{
  if (a->phase == PHASE_ITEMS)
    return apply_item (a);
  if (a->phase < PHASE_ENTRIES)
    return apply_tab (a, (enum member_tab) (a->phase - PHASE_TABS));
  return apply_entry (a);
}

/* Behind all that this transaction writes in order: what follows may write anywhere. */
static void
tell_turned (struct apply *a)
{
  const struct delta_turn *turns = (const struct delta_turn *) (const void *) a->turns.data;

  txn_fail (a->t, buf_error (&a->turns));
  if (a->steps->turned && a->turns.len && txn_ok (a->t))
    txn_fail (a->t, a->steps->turned (a->steps->arg, a->t, &a->d->head.hub, a->summary, turns,
                                      a->turns.len / sizeof *turns));
}

/* Applies until UNITS are used up or the phase ends. */
static void
apply_some (struct apply *a, unsigned int units)
{
  int r = 1;

  a->units = 0;
  buf_reset (&a->turns);
  memset (a->place, 0, sizeof a->place);
  a->skips = any_skipped (a);
  counts_load (a->t, &a->d->head.hub, &a->counts);
  while (txn_ok (a->t) && a->units < units && r > 0)
    r = apply_next (a);
  txn_fail (a->t, MIN (r, 0));
  if (r == 0)
    {
      a->phase++;
      a->at = a->phase < PHASE_ENTRIES ? PAGEFILE_MAGIC_SIZE : 0;
    }
  counts_store (a->t, &a->d->head.hub, &a->counts);
  tell_turned (a);
  txn_fail (a->t, fail_point ("delta-batch"));
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
    txn_fail (t, store_write_error (t->store, mdb_cursor_del (w.cursor, 0)));
  walk_end (&w);
}

/* What belongs to the apply itself goes, then the closing step has the transaction. */
static void
close_delta (struct apply *a)
{
  const struct id *hub = &a->d->head.hub;

  delta_erase_marks (a->t, hub);
  counts_load (a->t, hub, &a->counts);
  a->counts.writes++;
  counts_store (a->t, hub, &a->counts);
  if (txn_ok (a->t))
    txn_fail (a->t, a->steps->close (a->steps->arg, a->t, hub, a->summary));
}

static void
look_for_changes (struct apply *a)
{
  counts_load (a->t, &a->d->head.hub, &a->counts);
  a->checked = a->counts.writes != a->d->head.base;
}

static int
apply_at_once (struct apply *a)
{
  a->t = store_write (a->d->store);
  look_for_changes (a);
  while (a->phase != PHASE_END && txn_ok (a->t))
    apply_some (a, UINT_MAX);
  close_delta (a);
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
apply_batches (struct apply *a)
{
  int r = a->d->begun ? 0 : begin_batches (a);

  while (r == 0 && a->phase != PHASE_END)
    {
      a->t = store_write (a->d->store);
      if (!get_mark (a->t, &a->d->head.hub, a))
        txn_fail (a->t, -ENOENT);
      if (a->phase < PHASE_END)
        apply_some (a, BATCH_UNITS);
      put_mark (a);
      r = txn_commit (a->t);
    }
  if (r < 0)
    return r;
  a->t = store_write (a->d->store);
  close_delta (a);
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
delta_apply (struct delta *d, const struct delta_steps *steps)
{
  struct apply *a = calloc (1, sizeof *a);
  uint64_t rows;
  int r;

  assert (d->sealed);
  if (!a)
    return -ENOMEM;
  a->d = d;
  a->steps = steps;
  a->turns = (struct buf) BUF_INIT ((size_t) BATCH_UNITS * sizeof (struct delta_turn));
  a->phase = PHASE_ITEMS;
  a->at = PAGEFILE_MAGIC_SIZE;
  r = pages_map (d->file.fd, d->file.whole, &a->pages);
  if (r == 0)
    r = read_seal (a, &rows);
  if (r == 0 && rows <= ROWS_AT_ONCE && !d->begun)
    r = apply_at_once (a);
  else if (r == 0)
    r = apply_batches (a);
  json_decref (a->summary);
  sorter_free (a->entries);
  buf_done (&a->turns);
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
delta_recover (struct store *s, const struct delta_steps *steps, delta_lost_fn *lost)
{
  struct id hub, last;
  const struct id *after = NULL;
  int r, first = 0;

  while ((r = next_marked (s, after, &hub)) > 0)
    {
      struct delta *d = NULL;

      r = delta_resume (s, &hub, &d);
      if (r == 0)
        r = delta_apply (d, steps);
      delta_free (d);
      if (r == -EBADMSG && lost)
        r = lost (steps->arg, &hub);
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
