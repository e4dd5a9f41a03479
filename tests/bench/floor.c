/* floor: the least that the design has to do.  The product's own usher-worker and usher-net list
   an app of the bench; this process sorts the rows and appends them to the store's databases
   (first), or sorts keys with a hash of each row and compares them with what is there
   (unchanged).  No spool, no proof, no decision about anybody.

   floor sync DIR URL CA-FILE     both, in the empty folder DIR
   floor spawn URL TIMES          only begins sessions; prints when each began  */
#include <config.h>

#include <stdio.h>
#include <time.h>

#include "host/common/text.h"
#include "host/session/session.h"
#include "tests/bench/span.h"
#include "tests/bench/tables.h"

#define BATCH 50000u
#define ORIGIN_MAX 256u
#define SPAWNS_MAX 1000u

struct floor
{
  struct supervisor *supervisor;
  struct rate_table *rates;
  struct session *session;
  double children;         /* seconds of CPU of worker and net */
  struct tables tables;
  struct sorter *sorter;
  bool hashed;             /* the sorter takes hashes in place of rows */
  uint64_t rows, bytes;
};

__extension__ typedef unsigned __int128 wide;

/* Fast, and good enough to tell a row that changed: nobody here is an enemy. */
static uint64_t
hash (const void *p, size_t len)
{
  const uint64_t k = UINT64_C (0x9e3779b97f4a7c15);
  uint64_t h = len * k, v[2];
  wide m;

  for (; len; p = (const char *) p + MIN (len, sizeof v), len -= MIN (len, sizeof v))
    {
      v[0] = v[1] = 0;
      memcpy (v, p, MIN (len, sizeof v));
      m = (wide) (v[0] ^ h) * (v[1] ^ k);
      h = (uint64_t) m ^ (uint64_t) (m >> 64);
    }
  return h;
}

static int32_t
on_section (void *arg, uint32_t ordinal, uint32_t kind, const char *scope)
{
  (void) arg;
  (void) ordinal;
  (void) kind;
  (void) scope;
  return 0;
}

static int32_t
on_rows (void *arg, uint32_t ordinal, const void *rows, size_t len, size_t n)
{
  struct floor *f = arg;
  char key[NATIVE_MAX];
  size_t at, span = 0, key_len;

  (void) ordinal;
  (void) n;
  for (at = 0; at < len; at += span)
    {
      const char *row = (const char *) rows + at;
      uint64_t h;

      must (row_span (row, len - at, &span), "a batch of rows");
      if (row[sizeof (uint32_t)] != ROW_MEMBER)
        continue;
      f->rows++;
      f->bytes += span;
      key_len = native_key (row, span, key);
      if (f->hashed)
        {
          h = hash (row, span);
          must (sorter_add (f->sorter, key, key_len, &h, sizeof h), "sorting");
        }
      else
        must (sorter_add (f->sorter, key, key_len, row, span), "sorting");
    }
  return 0;
}

static int32_t
on_checkpoint (void *arg, const void *cursor, size_t len)
{
  (void) arg;
  (void) cursor;
  (void) len;
  return 0;
}

static int32_t
on_state_get (void *arg, const char *key, struct buf *ret)
{
  (void) arg;
  (void) key;
  (void) ret;
  return 0;
}

static int32_t
on_state_put (void *arg, const char *key, const void *p, size_t len)
{
  (void) arg;
  (void) key;
  (void) p;
  (void) len;
  return 0;
}

static const struct session_events events = {
  .section = on_section, .rows = on_rows, .checkpoint = on_checkpoint, .state_get = on_state_get,
  .state_put = on_state_put,
};

static void
open_session (struct floor *f, const char *url, const char *ca_file)
{
  char origin[ORIGIN_MAX] = "";
  const char *path = strchr (strstr (url, "//") + 2, '/');
  const char *const origins[] = { origin, NULL }, *const networks[] = { "127.0.0.0/8", NULL };
  const struct session_secret token = { "token", "bench", origins };
  const struct usher_kv conf = { "base_url", url };
  static const char run[] = "{\"scim\":{\"page\":1000}}";
  const struct session_spec spec = {
    .name = "floor", .connector_path = CONNECTOR, .app = "scim", .run = run, .run_len = sizeof run - 1,
    .conf = &conf, .n_conf = 1, .secrets = &token, .n_secrets = 1, .origins = origins,
    .private_ok = networks, .auth = "{\"default\":{\"bearer\":\"token\"}}",
    .rate = "[{\"key\":\"floor\",\"in_flight\":4}]", .ca_file = ca_file, .rates = f->rates,
  };
  struct session_outcome o;
  int r;

  must (path && (size_t) (path - url) < sizeof origin ? 0 : -EINVAL, url);
  memcpy (origin, url, (size_t) (path - url));
  r = session_open (f->supervisor, &spec, &f->session, &o);
  must (r, o.text ? o.text : "a session");
  session_outcome_done (&o);
}

static void
list (struct floor *f)
{
  const struct wire_call call = { .op = WIRE_OP_LIST, .kinds = UINT64_MAX };
  struct session_outcome o;
  bool bad = session_call (f->session, &call, NULL, &events, f, NULL, &o) != USHER_DONE;

  if (bad)
    (void) fprintf (stderr, "floor: the listing ended with %d: %s\n", o.status, o.text ? o.text : "");
  must (bad ? -EIO : 0, "the listing");
  f->children = o.cpu_seconds;
  session_outcome_done (&o);
}

static void
begin_sort (struct floor *f, bool hashed)
{
  f->hashed = hashed;
  f->rows = f->bytes = 0;
  must (sorter_new (f->tables.dir, &f->sorter), "a sorter");
}

static void
first (struct floor *f)
{
  const void *key, *row;
  size_t key_len, len;

  begin_sort (f, /* hashed= */ false);
  list (f);
  must (sorter_finish (f->sorter), "sorting");
  while (sorter_next (f->sorter, &key, &key_len, &row, &len) == 1)
    tables_add (&f->tables, key, key_len, row, len);
  sorter_free (TAKE (f->sorter));
  tables_finish (&f->tables);
}

/* Each row of the listing is there, with the same hash, and no other is. */
static void
unchanged (struct floor *f)
{
  const void *key, *value;
  size_t key_len, len;
  MDB_cursor *at;
  MDB_val k, v;
  MDB_txn *t;
  bool same = true;

  begin_sort (f, /* hashed= */ true);
  list (f);
  must (sorter_finish (f->sorter), "sorting");
  must (mdb_txn_begin (f->tables.env, NULL, MDB_RDONLY, &t), "a transaction");
  must (mdb_cursor_open (t, f->tables.seen, &at), "a cursor");
  while (same && sorter_next (f->sorter, &key, &key_len, &value, &len) == 1)
    {
      uint64_t h;

      same = mdb_cursor_get (at, &k, &v, MDB_NEXT) == 0 && k.mv_size == ID_BYTES + key_len
             && memcmp ((const char *) k.mv_data + ID_BYTES, key, key_len) == 0;
      if (same)
        {
          h = hash ((const char *) v.mv_data + ID_BYTES, v.mv_size - ID_BYTES);
          same = memcmp (&h, value, sizeof h) == 0;
        }
    }
  same = same && mdb_cursor_get (at, &k, &v, MDB_NEXT) == MDB_NOTFOUND;
  mdb_cursor_close (at);
  mdb_txn_abort (t);
  sorter_free (TAKE (f->sorter));
  must (same ? 0 : -EBADMSG, "the second listing is not the first");
}

static void
sync_both (struct floor *f, const char *dir, const char *url, const char *ca_file)
{
  struct span s;

  span_begin (&s, 0);
  tables_open (&f->tables, dir, BATCH, /* append= */ true);
  open_session (f, url, ca_file);
  first (f);
  span_end (&s, "first", f->children, f->rows, f->bytes);
  span_begin (&s, f->children);
  unchanged (f);
  span_end (&s, "unchanged", f->children, f->rows, f->bytes);
  session_close (TAKE (f->session));
  tables_close (&f->tables);
}

static void
spawn (struct floor *f, const char *url, const char *times)
{
  uint64_t n = 0;

  must (parse_u64 (times, 1, SPAWNS_MAX, &n), times);
  must (sorter_new ("/nonexistent", &f->sorter), "a sorter");
  while (n-- > 0)
    {
      struct timespec now;

      (void) clock_gettime (CLOCK_MONOTONIC, &now);
      open_session (f, url, /* ca_file= */ NULL);
      list (f);
      session_close (TAKE (f->session));
      (void) printf ("%lld\n", (long long) now.tv_sec * 1000000000 + now.tv_nsec);
    }
  sorter_free (TAKE (f->sorter));
}

int
main (int argc, char **argv)
{
  const struct supervisor_options options = { .libexec_dir = LIBEXEC,
                                              .library_dirs = (const char *const[]) { LIBRARIES, NULL } };
  struct floor f = { NULL };

  must (supervisor_start (&options, &f.supervisor), "the supervisor");
  must (rate_table_new (&f.rates), "the rate limits");
  if (argc == 5 && streq (argv[1], "sync"))
    sync_both (&f, argv[2], argv[3], argv[4]);
  else if (argc == 4 && streq (argv[1], "spawn"))
    spawn (&f, argv[2], argv[3]);
  else
    (void) fprintf (stderr, "usage: floor sync DIR URL CA-FILE | spawn URL TIMES\n");
  rate_table_free (f.rates);
  supervisor_stop (f.supervisor);
  return EXIT_SUCCESS;
}
