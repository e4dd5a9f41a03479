/* Does to the events of a store what somebody could who can write its file and has no key:
   edit-events FOLDER drop SEQ | change SEQ | cut SEQ | swap SEQ SEQ | head.  The store must not
   be in use.  cut takes SEQ and all behind it; head forges the record of the last event to say
   that SEQ is the last. */
#include <config.h>

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/base.h"
#include "host/common/text.h"

#define KEY_BYTES 9
#define EVENT_SEQ 1
#define HASH_AT 16
#define HASH_BYTES 32

static MDB_txn *txn;
static MDB_dbi events, meta;

static void
must (int rc, const char *what)
{
  if (!rc)
    return;
  (void) fprintf (stderr, "edit-events: %s: %s\n", what, mdb_strerror (rc));
  exit (EXIT_FAILURE);
}

static MDB_val
key_of (uint64_t seq, uint8_t bytes[KEY_BYTES])
{
  int i;

  bytes[0] = EVENT_SEQ;
  for (i = 0; i < 8; i++)
    bytes[8 - i] = (uint8_t) (seq >> (8 * i));
  return (MDB_val) { KEY_BYTES, bytes };
}

/* A copy of an event. */
static MDB_val
event (uint64_t seq)
{
  uint8_t bytes[KEY_BYTES];
  MDB_val key = key_of (seq, bytes), value, copy;

  must (mdb_get (txn, events, &key, &value), "there is no such event");
  copy = (MDB_val) { value.mv_size, malloc (value.mv_size) };
  memcpy (copy.mv_data, value.mv_data, value.mv_size);
  return copy;
}

static void
put (uint64_t seq, MDB_val value)
{
  uint8_t bytes[KEY_BYTES];
  MDB_val key = key_of (seq, bytes);

  must (mdb_put (txn, events, &key, &value, 0), "put");
}

static void
drop (uint64_t seq, bool all_behind)
{
  uint8_t bytes[KEY_BYTES];
  MDB_val key = key_of (seq, bytes), value;
  MDB_cursor *cursor;

  must (mdb_cursor_open (txn, events, &cursor), "cursor");
  must (mdb_cursor_get (cursor, &key, &value, MDB_SET_KEY), "there is no such event");
  do
    must (mdb_cursor_del (cursor, 0), "delete");
  while (all_behind && mdb_cursor_get (cursor, &key, &value, MDB_GET_CURRENT) == 0 && key.mv_size == KEY_BYTES
         && *(uint8_t *) key.mv_data == EVENT_SEQ);
  mdb_cursor_close (cursor);
}

/* The last letter of the event's type becomes another. */
static void
change (uint64_t seq)
{
  MDB_val value = event (seq);
  char *at = memmem (value.mv_data, value.mv_size, "\"type\":\"", 8);

  must (at ? 0 : MDB_NOTFOUND, "the event has no type");
  at = strchr (at + 8, '"') - 1;
  *at = *at == 'x' ? 'y' : 'x';
  put (seq, value);
  free (value.mv_data);
}

static void
forge_head (uint64_t seq)
{
  static char name[] = "chain-head";
  MDB_val key = { strlen (name), name }, value, of = event (seq);
  uint8_t record[8 + 2 * HASH_BYTES];
  int i;

  must (mdb_get (txn, meta, &key, &value), "head");
  must (value.mv_size == sizeof record ? 0 : MDB_NOTFOUND, "head");
  memcpy (record, value.mv_data, sizeof record);
  for (i = 0; i < 8; i++)
    record[i] = (uint8_t) (seq >> (8 * i));
  memcpy (record + 8, (uint8_t *) of.mv_data + HASH_AT, HASH_BYTES);
  value = (MDB_val) { sizeof record, record };
  must (mdb_put (txn, meta, &key, &value, 0), "head");
  free (of.mv_data);
}

int
main (int argc, char **argv)
{
  uint64_t seq = 0, other = 0;
  MDB_val a, b;
  MDB_env *env;

  if (argc < 4 || parse_u64 (argv[3], 1, UINT64_MAX, &seq) < 0
      || (argc > 4 && parse_u64 (argv[4], 1, UINT64_MAX, &other) < 0))
    return EXIT_FAILURE;
  must (mdb_env_create (&env), "env");
  (void) mdb_env_set_maxdbs (env, 16);
  must (mdb_env_open (env, argv[1], 0, 0600), argv[1]);
  must (mdb_txn_begin (env, NULL, 0, &txn), "begin");
  must (mdb_dbi_open (txn, "event", 0, &events), "event");
  must (mdb_dbi_open (txn, "meta", 0, &meta), "meta");
  if (streq (argv[2], "drop") || streq (argv[2], "cut"))
    drop (seq, streq (argv[2], "cut"));
  else if (streq (argv[2], "change"))
    change (seq);
  else if (streq (argv[2], "head"))
    forge_head (seq);
  else
    {
      a = event (seq);
      b = event (other);
      put (seq, b);
      put (other, a);
      free (a.mv_data);
      free (b.mv_data);
    }
  must (mdb_txn_commit (txn), "commit");
  mdb_env_close (env);
  return EXIT_SUCCESS;
}
