/* Everything that a store holds, as text: two stores are the same when their dumps are.
   What depends on the time of writing (ids and times of events) is left out. */
#ifndef USHER_TESTS_STORE_DUMP_H
#define USHER_TESTS_STORE_DUMP_H

#include "store-fixture.h"

#include "host/common/text.h"
#include "host/store/txn.h"

static inline void
dump_hex (struct buf *out, const MDB_val *v)
{
  char *text = buf_reserve (out, 2 * v->mv_size + 1);

  ck_assert_ptr_nonnull (text);
  hex_encode (v->mv_data, v->mv_size, text);
  out->len += 2 * v->mv_size;
}

/* Appends the entries of one database. */
static inline void
dump_database (struct txn *t, enum db db, struct buf *out)
{
  MDB_cursor *cursor;
  MDB_val key, value;

  ck_assert_int_eq (mdb_cursor_open (t->txn, t->store->db[db], &cursor), 0);
  while (mdb_cursor_get (cursor, &key, &value, MDB_NEXT) == 0)
    {
      if (db == DB_EVENT || (key.mv_size == 10 && memcmp (key.mv_data, "chain-head", 10) == 0))
        value.mv_size = 0;
      buf_printf (out, "%d ", (int) db);
      dump_hex (out, &key);
      buf_puts (out, " = ");
      dump_hex (out, &value);
      buf_putc (out, '\n');
    }
  mdb_cursor_close (cursor);
}

static inline char *
dump_store (struct store *s)
{
  struct buf out = BUF_INIT (1u << 30);
  struct txn *t = store_read (s);
  int db;

  for (db = 0; db < DB_COUNT; db++)
    dump_database (t, (enum db) db, &out);
  ck_assert_int_eq (txn_commit (t), 0);
  return buf_steal (&out);
}

/* The lines of a dump that are rows of members and their index entries, without what says how
   they came to be. */
static inline char *
dump_members (struct store *s)
{
  char *whole = dump_store (s), *line, *save = NULL;
  struct buf out = BUF_INIT (1u << 30);

  for (line = strtok_r (whole, "\n", &save); line; line = strtok_r (NULL, "\n", &save))
    if (line[0] >= '0' + DB_SEEN && line[0] <= '0' + DB_PERSON)
      buf_printf (&out, "%s\n", line);
  free (whole);
  return buf_steal (&out);
}

#endif
