/* Owns the writing of members past the store, in the store's own bytes. */
#include <config.h>

#include "tests/bench/tables.h"

#include <stdio.h>

#include "host/common/clock.h"
#include "host/store/members.h"

#define MAP_SIZE (UINT64_C (64) << 30)
#define ENTRIES_A_BATCH 100000u

void
must (int r, const char *what)
{
  if (r == 0)
    return;
  (void) fprintf (stderr, "%s: %s\n", what, r > 0 ? mdb_strerror (r) : strerror (-r));
  exit (EXIT_FAILURE);
}

size_t
native_key (const void *row, size_t len, char ret[NATIVE_MAX])
{
  struct row_key key;
  size_t n = 0;

  must (row_key (row, len, &key), "a row without a key");
  ret[n++] = key.space;
  if (key.by_email)
    ret[n++] = '\0';
  memcpy (ret + n, key.id, key.len);
  return n + key.len;
}

static void
begin (struct tables *t)
{
  must (mdb_txn_begin (t->env, NULL, 0, &t->txn), "a transaction");
  must (mdb_cursor_open (t->txn, t->seen, &t->seen_at), "a cursor");
  must (mdb_cursor_open (t->txn, t->link, &t->link_at), "a cursor");
  must (mdb_cursor_open (t->txn, t->find, &t->find_at), "a cursor");
}

/* A write transaction ends its cursors. */
static void
commit (struct tables *t)
{
  if (t->txn)
    must (mdb_txn_commit (TAKE (t->txn)), "a commit");
}

void
tables_open (struct tables *t, const char *dir, size_t batch, bool append)
{
  *t = (struct tables) { .dir = dir, .hub = id_new (), .next = id_new (), .now = clock_now_ms (), .batch = batch,
                         .flags = append ? MDB_APPEND : 0, .record = BUF_INIT (RECORD_LINK_MAX) };
  must (mdb_env_create (&t->env), "the environment");
  must (mdb_env_set_mapsize (t->env, MAP_SIZE), "the map");
  must (mdb_env_set_maxdbs (t->env, DB_COUNT), "the databases");
  must (mdb_env_open (t->env, dir, MDB_NOTLS, 0600), dir);
  must (mdb_txn_begin (t->env, NULL, 0, &t->txn), "a transaction");
  must (mdb_dbi_open (t->txn, "seen", MDB_CREATE, &t->seen), "seen");
  must (mdb_dbi_open (t->txn, "link", MDB_CREATE, &t->link), "link");
  must (mdb_dbi_open (t->txn, "find", MDB_CREATE, &t->find), "find");
  commit (t);
  if (append)
    must (sorter_new (dir, &t->entries), "a sorter");
}

static void
put (struct tables *t, MDB_cursor *at, const struct key *key, MDB_val *value)
{
  MDB_val k = key_val (key);

  must (mdb_cursor_put (at, &k, value, t->flags | (value->mv_size ? MDB_RESERVE : 0)), "a put");
}

static void
put_row (struct tables *t, const struct id *member, const void *native, size_t native_len, const void *row,
         size_t len)
{
  MDB_val v = { ID_BYTES + len, NULL };
  struct key key;

  seen_key (&key, &t->hub, native, native_len);
  put (t, t->seen_at, &key, &v);
  memcpy (v.mv_data, member->b, ID_BYTES);
  memcpy ((char *) v.mv_data + ID_BYTES, row, len);
}

static void
put_link (struct tables *t, const struct member *m)
{
  const struct record_link link = { m->link, m->key, m->key_len, /* stamp= */ 1 };
  struct key key;
  MDB_val v;

  buf_reset (&t->record);
  must (record_put_link (&t->record, &link), "a link");
  v = (MDB_val) { t->record.len, NULL };
  link_key (&key, &t->hub, &m->link.id);
  put (t, t->link_at, &key, &v);
  memcpy (v.mv_data, t->record.data, t->record.len);
}

static void
put_entry (struct tables *t, const void *entry, size_t len)
{
  MDB_val none = { 0, NULL };
  struct key key;

  (void) member_entry_key (&t->hub, entry, len, &key);
  put (t, t->find_at, &key, &none);
}

/* The entry of the tab comes in order by itself. */
static void
put_entries (struct tables *t, const struct member *m)
{
  struct member_entries e;
  size_t i;

  must (member_entries (&t->hub, m, &e), "index entries");
  for (i = 0; i < e.n; i++)
    if (t->entries && i != MEMBER_ENTRY_TAB)
      must (sorter_add (t->entries, e.v[i].b, e.v[i].len, NULL, 0), "sorting");
    else
      put_entry (t, e.v[i].b, e.v[i].len);
}

/* Ids ascend, as those of id_new do. */
static void
count_up (struct id *id)
{
  size_t i = ID_BYTES;

  while (++id->b[--i] == 0 && i > 8)
    ;
}

void
tables_add (struct tables *t, const void *key, size_t key_len, const void *row, size_t row_len)
{
  const struct member m = {
    .link = { .id = t->next, .status = MEMBER_UNMATCHED, .flags = MEMBER_F_SEEN, .first_seen_ms = t->now,
              .changed_ms = t->now },
    .key = key, .key_len = key_len, .row = row, .row_len = row_len,
  };

  if (!t->txn)
    begin (t);
  put_row (t, &m.link.id, key, key_len, row, row_len);
  put_link (t, &m);
  put_entries (t, &m);
  count_up (&t->next);
  if (++t->rows % t->batch == 0)
    commit (t);
}

void
tables_renew (struct tables *t, const void *native, size_t native_len, const void *row, size_t row_len)
{
  struct id member;
  struct key key;
  MDB_val k, v;

  if (!t->txn)
    begin (t);
  seen_key (&key, &t->hub, native, native_len);
  k = key_val (&key);
  must (mdb_cursor_get (t->seen_at, &k, &v, MDB_SET), "the second listing is not the first");
  memcpy (member.b, v.mv_data, ID_BYTES);
  put_row (t, &member, native, native_len, row, row_len);
  if (++t->rows % t->batch == 0)
    commit (t);
}

void
tables_finish (struct tables *t)
{
  const void *key, *value;
  size_t key_len, value_len, n = 0;

  if (t->entries)
    must (sorter_finish (t->entries), "sorting");
  while (t->entries && sorter_next (t->entries, &key, &key_len, &value, &value_len) == 1)
    {
      if (!t->txn)
        begin (t);
      put_entry (t, key, key_len);
      if (++n % ENTRIES_A_BATCH == 0)
        commit (t);
    }
  sorter_free (TAKE (t->entries));
  commit (t);
}

void
tables_close (struct tables *t)
{
  mdb_env_close (t->env);
  buf_done (&t->record);
}
