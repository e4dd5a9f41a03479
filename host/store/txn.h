/* Inside the store: the environment, transactions and the primitives that documents,
   members, events and values are made of.  Not for anybody outside host/store.

   Lock order: the writer's turn, then LMDB's own writer mutex.  store.lock guards the
   counters of the turn and what waits for events, and is never held across a call into
   LMDB. */
#ifndef USHER_STORE_TXN_H
#define USHER_STORE_TXN_H

#include <lmdb.h>
#include <pthread.h>

#include "host/common/buf.h"
#include "host/store/keys.h"
#include "host/store/store.h"

/* The named databases.  Keys, in parts: */
enum db
{
  DB_META,      /* name */
  DB_DOCUMENT,  /* kind, id -> JSON */
  DB_INDEX,     /* index, text, id -> schema.h */
  DB_LINK,      /* hub, member -> record.h */
  DB_SEEN,      /* hub, native key -> member, row */
  DB_FIND,      /* hub, FIND_TAB, tab, member | hub, FIND_HASH, hash of a text, member */
  DB_PERSON,    /* person, hub, member */
  DB_EVENT,     /* EVENT_SEQ, seq -> chain.h | EVENT_HUB or EVENT_PERSON, id, seq */
  DB_VALUE,     /* VALUE_..., id, and what each says */
};
#define DB_COUNT 9

/* Numbers in keys are stored: never change or reuse one. */
#define FIND_TAB 1u
#define FIND_HASH 3u
#define EVENT_SEQ 1u
#define EVENT_HUB 2u
#define EVENT_PERSON 3u
#define VALUE_SECRET 1u   /* account, field -> sealed bytes */
#define VALUE_STATE 2u    /* hub, key -> bytes */
#define VALUE_COUNTS 3u   /* hub -> record.h */
#define VALUE_APPLYING 4u /* hub -> how far its delta is applied (delta-apply.c) */
#define VALUE_SKIPPED 5u  /* hub, member: this delta leaves it as it is */

struct txn
{
  struct store *store;    /* borrowed */
  MDB_txn *txn;           /* NULL = it could not begin */
  bool write;
  int64_t began_ms;       /* of a read; monotonic */
  struct txn *older, *newer;  /* among the open reads; guarded by store.lock */
  int error;              /* sticky; 0 or a negative errno */
  enum store_index clash; /* the index that answered -EEXIST, or 0 */
  uint64_t newest_event;  /* added in this transaction; 0 = none */
  struct buf scratch;     /* bytes on their way into the map */
  MDB_cursor *addresses;  /* of txn_person_by_address; NULL = not used */
};

#define STORE_DAMAGED_MAX 64u   /* damaged events that the log names */

struct store
{
  MDB_env *env;
  MDB_dbi db[DB_COUNT];
  int lock_fd;            /* holds the flock; -1 = none */
  uint64_t map_size;
  char *state_dir, *work_dir;
  uint8_t chain_key[STORE_CHAIN_KEY_SIZE];
  pthread_mutex_t lock;   /* guards the fields below, up to no_memory */
  pthread_cond_t turn;
  uint64_t next_ticket, serving;
  struct txn *oldest, *newest;  /* open reads, in the order they began */
  size_t n_reads;
  pthread_cond_t news;    /* newest_event or waits_ended changed */
  uint64_t newest_event;  /* committed */
  bool waits_ended;
  uint64_t damaged[STORE_DAMAGED_MAX];   /* events that the log named */
  size_t n_damaged;
  bool copying, restoring;  /* a backup is open, one is received */
  struct txn no_memory;   /* what store_read and store_write answer when there is none */
};

/* The environment in the folder PATH, a file of SIZE bytes that nobody writes, for reading;
   its schema must be SCHEMA.  -EBADMSG when it is not what a store is. */
int store_open_image (const char *path, uint64_t size, uint32_t schema, struct store **ret);

/* An LMDB answer as 0 or a negative errno; the only place that knows LMDB's numbers. */
int store_error (int rc);
/* The same for what LMDB answered to a write: one that was cut short, for which it has EIO,
   is a full disk when the disk is full. */
int store_write_error (const struct store *s, int rc);

/* False once T has an error. */
static inline bool
txn_ok (const struct txn *t)
{
  return t->error == 0;
}

/* 1 and *ret (borrowed until the transaction ends or writes), or 0. */
int txn_load (struct txn *t, enum db db, const struct key *key, MDB_val *ret);
void txn_store (struct txn *t, enum db db, const struct key *key, const void *p, size_t len);
/* Not there is fine. */
void txn_erase (struct txn *t, enum db db, const struct key *key);

/* The sequence of the last event; 0 = none. */
uint64_t txn_newest_event (struct txn *t);

/* Walks the entries whose keys begin with PREFIX, strictly behind AFTER (NULL = from
   the first; NEWEST: from the last, descending).  Between two steps the transaction
   may write. */
struct walk
{
  struct txn *t;
  MDB_cursor *cursor;
  MDB_dbi db;
  bool newest, placed;
  struct key prefix, at;
  MDB_val key, value;     /* the entry; borrowed like txn_load's */
};
void walk_begin (struct walk *w, struct txn *t, enum db db, const struct key *prefix,
                 const struct key *after, bool newest);
bool walk_next (struct walk *w);
void walk_end (struct walk *w);

/* LMDB does not write through the keys it is given. */
static inline MDB_val
key_val (const struct key *k)
{
  return (MDB_val) { k->len, (void *) (uintptr_t) k->b };
}

#endif
