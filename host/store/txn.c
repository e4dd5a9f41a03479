/* Owns transactions: the writer's turn, the sticky error, and reading, writing and
   walking entries.  Any thread may call; one transaction belongs to one thread at a
   time, a write transaction to the thread that began it. */
#include <config.h>

#include "host/store/txn.h"

#include <sys/statvfs.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/store/record.h"

int
store_error (int rc)
{
  switch (rc)
    {
    case MDB_SUCCESS:
      return 0;
    case MDB_NOTFOUND:
      return -ENOENT;
    case MDB_KEYEXIST:
      return -EEXIST;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case EDQUOT:
      return -ENOSPC;
    case MDB_READERS_FULL:
    case MDB_TLS_FULL:
      return -EBUSY;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_PANIC:
      return -EBADMSG;
    default:
      return rc > 0 ? -rc : -EINVAL;
    }
}

/* What LMDB answered to a write.  It has EIO for one that was cut short, which is what a
   disk does that fills up. */
int
store_write_error (const struct store *s, int rc)
{
  struct statvfs fs;

  if (rc == EIO && statvfs (s->work_dir, &fs) == 0 && (uint64_t) fs.f_bavail * fs.f_frsize < STORE_DISK_FULL)
    return -ENOSPC;
  return store_error (rc);
}

static void
take_turn (struct store *s)
{
  uint64_t ticket;

  pthread_mutex_lock (&s->lock);
  ticket = s->next_ticket++;
  while (s->serving != ticket)
    pthread_cond_wait (&s->turn, &s->lock);
  pthread_mutex_unlock (&s->lock);
}

/* NEWEST: the last event that was committed with it, 0 = none. */
static void
pass_turn (struct store *s, uint64_t newest)
{
  pthread_mutex_lock (&s->lock);
  s->serving++;
  pthread_cond_broadcast (&s->turn);
  if (newest)
    {
      s->newest_event = newest;
      pthread_cond_broadcast (&s->news);
    }
  pthread_mutex_unlock (&s->lock);
}

static void
join_reads (struct txn *t)
{
  struct store *s = t->store;

  t->began_ms = clock_mono_ms ();
  pthread_mutex_lock (&s->lock);
  t->older = s->newest;
  *(s->newest ? &s->newest->newer : &s->oldest) = t;
  s->newest = t;
  s->n_reads++;
  pthread_mutex_unlock (&s->lock);
}

static void
leave_reads (struct txn *t)
{
  struct store *s = t->store;

  pthread_mutex_lock (&s->lock);
  *(t->older ? &t->older->newer : &s->oldest) = t->newer;
  *(t->newer ? &t->newer->older : &s->newest) = t->older;
  s->n_reads--;
  pthread_mutex_unlock (&s->lock);
}

void
store_readers (struct store *s, struct store_readers *ret)
{
  pthread_mutex_lock (&s->lock);
  *ret = (struct store_readers) { s->n_reads, s->oldest ? clock_mono_ms () - s->oldest->began_ms : 0 };
  pthread_mutex_unlock (&s->lock);
}

static struct txn *
begin (struct store *s, bool write)
{
  struct txn *t = calloc (1, sizeof *t);
  int rc;

  if (!t)
    return &s->no_memory;
  t->store = s;
  t->write = write;
  t->scratch = (struct buf) BUF_INIT (RECORD_MAX);
  if (write)
    take_turn (s);
  else
    join_reads (t);
  rc = mdb_txn_begin (s->env, NULL, write ? 0 : MDB_RDONLY, &t->txn);
  if (rc == MDB_READERS_FULL)
    {
      /* A thread that died inside a read leaves its slot behind. */
      (void) mdb_reader_check (s->env, NULL);
      rc = mdb_txn_begin (s->env, NULL, MDB_RDONLY, &t->txn);
    }
  if (rc)
    t->txn = NULL;
  t->error = store_error (rc);
  return t;
}

struct txn *
store_read (struct store *s)
{
  return begin (s, /* write= */ false);
}

struct txn *
store_write (struct store *s)
{
  return begin (s, /* write= */ true);
}

int
txn_error (const struct txn *t)
{
  return t->error;
}

void
txn_fail (struct txn *t, int error)
{
  if (t->error == 0)
    t->error = error;
}

/* Before LMDB's transaction ends: afterwards nobody knows whether a cursor is still there. */
static void
close_cursor (struct txn *t)
{
  if (t->addresses)
    mdb_cursor_close (t->addresses);
  t->addresses = NULL;
}

static void
end (struct txn *t)
{
  if (t == &t->store->no_memory)
    return;
  if (t->write)
    pass_turn (t->store, t->newest_event);
  else
    leave_reads (t);
  buf_done (&t->scratch);
  free (t);
}

void
txn_abort (struct txn *t)
{
  if (!t)
    return;
  close_cursor (t);
  if (t->txn)
    mdb_txn_abort (t->txn);
  t->newest_event = 0;
  end (t);
}

int
txn_commit (struct txn *t)
{
  int r;

  if (t->write && txn_ok (t))
    txn_fail (t, fail_point ("store-before-commit"));
  r = t->error;
  if (r < 0)
    {
      txn_abort (t);
      return r;
    }
  close_cursor (t);
  r = store_write_error (t->store, mdb_txn_commit (t->txn));
  if (t->write)
    (void) fail_point ("store-after-commit");
  if (r < 0)
    t->newest_event = 0;
  end (t);
  return r;
}

enum store_index
txn_clash (const struct txn *t)
{
  return t->clash;
}

int
txn_load (struct txn *t, enum db db, const struct key *key, MDB_val *ret)
{
  MDB_val key_bytes = key_val (key), value;
  int rc;

  if (!txn_ok (t))
    return 0;
  rc = mdb_get (t->txn, t->store->db[db], &key_bytes, &value);
  if (rc == MDB_NOTFOUND)
    return 0;
  txn_fail (t, store_error (rc));
  if (rc)
    return 0;
  *ret = value;
  return 1;
}

void
txn_store (struct txn *t, enum db db, const struct key *key, const void *p, size_t len)
{
  MDB_val key_bytes = key_val (key);
  MDB_val value = { len, (void *) (uintptr_t) p };

  if (txn_ok (t))
    txn_fail (t, store_write_error (t->store, mdb_put (t->txn, t->store->db[db], &key_bytes, &value, 0)));
}

void
txn_erase (struct txn *t, enum db db, const struct key *key)
{
  MDB_val key_bytes = key_val (key);
  int rc;

  if (!txn_ok (t))
    return;
  rc = mdb_del (t->txn, t->store->db[db], &key_bytes, NULL);
  if (rc != MDB_NOTFOUND)
    txn_fail (t, store_write_error (t->store, rc));
}

void
walk_begin (struct walk *w, struct txn *t, enum db db, const struct key *prefix,
            const struct key *after, bool newest)
{
  *w = (struct walk) { .t = t, .db = t->store->db[db], .newest = newest, .prefix = *prefix };
  w->at = after ? *after : *prefix;
  if (newest && !after)
    key_upper (&w->at);
  if (txn_ok (t))
    txn_fail (t, store_error (mdb_cursor_open (t->txn, w->db, &w->cursor)));
}

/* The first entry behind w->at. */
static int
seek (struct walk *w)
{
  MDB_val key = key_val (&w->at);
  int rc = mdb_cursor_get (w->cursor, &key, &w->value, MDB_SET_RANGE);

  if (w->newest)
    rc = mdb_cursor_get (w->cursor, &key, &w->value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
  else if (rc == 0 && key_compare (key.mv_data, key.mv_size, w->at.b, w->at.len) == 0)
    rc = mdb_cursor_get (w->cursor, &key, &w->value, MDB_NEXT);
  w->key = key;
  return rc;
}

bool
walk_next (struct walk *w)
{
  int rc;

  if (!txn_ok (w->t) || !w->cursor)
    return false;
  if (!w->placed || w->t->write)
    rc = seek (w);
  else
    rc = mdb_cursor_get (w->cursor, &w->key, &w->value, w->newest ? MDB_PREV : MDB_NEXT);
  w->placed = true;
  if (rc != MDB_NOTFOUND)
    txn_fail (w->t, store_error (rc));
  if (rc || !key_has_prefix (w->key.mv_data, w->key.mv_size, &w->prefix))
    return false;
  if (w->t->write)
    {
      /* What the caller writes may move the cursor, so it finds its place anew. */
      memcpy (w->at.b, w->key.mv_data, w->key.mv_size);
      w->at.len = w->key.mv_size;
    }
  return true;
}

void
walk_end (struct walk *w)
{
  if (w->cursor)
    mdb_cursor_close (w->cursor);
  w->cursor = NULL;
}
