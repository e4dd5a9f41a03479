/* The store's databases of members (host/store: seen, link, find), written without the store:
   what programs of the bench that are no usherd append or put.  An error ends the process. */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include <lmdb.h>

#include "host/common/buf.h"
#include "host/common/id.h"
#include "host/common/row.h"
#include "host/store/sorter.h"

struct tables
{
  MDB_env *env;
  MDB_dbi seen, link, find;
  const char *dir;
  struct id hub, next;     /* of the member that is added next */
  int64_t now;
  struct buf record;       /* a link on its way */
  /* Of the write transaction under way, if there is one. */
  MDB_txn *txn;
  MDB_cursor *seen_at, *link_at, *find_at;
  unsigned int flags;      /* MDB_APPEND, or 0 */
  size_t rows, batch;
  struct sorter *entries;  /* of the index, until they are appended */
};

/* Makes the databases in DIR, which is empty.  Members will be committed by BATCH.  APPEND: they
   are added in the order of their keys, each database is only written at its end. */
void tables_open (struct tables *t, const char *dir, size_t batch, bool append);
/* Adds the member whose native key and row these are, with its index entries. */
void tables_add (struct tables *t, const void *key, size_t key_len, const void *row, size_t row_len);
/* Brings everything to disk. */
void tables_finish (struct tables *t);
/* Puts the row of a member that is there in place of the one it has. */
void tables_renew (struct tables *t, const void *key, size_t key_len, const void *row, size_t row_len);
void tables_close (struct tables *t);

/* The native key of a member row; its length. */
#define NATIVE_MAX (ROW_ID_MAX + 2)
size_t native_key (const void *row, size_t len, char ret[NATIVE_MAX]);

/* Ends the process where R is negative or, of LMDB, positive. */
void must (int r, const char *what);

#endif
