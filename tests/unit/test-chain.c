/* The chain of events: whatever is done to them without the key is found, and where. */
#include <config.h>

#include <sys/mman.h>

#include "store-fixture.h"

#include "host/common/clock.h"
#include "host/store/chain.h"

#define EVENTS 40
#define VICTIM 20

static struct fixture f;
static const uint8_t chain_key[STORE_CHAIN_KEY_SIZE] = { 7, 1, 9 };

static void
add_events (int n)
{
  struct txn *t = store_write (f.store);
  json_t *event = json_pack ("{s:s, s:s}", "type", "member.found", "hub", "01900000-0000-7000-8000-000000000001");

  while (n--)
    txn_event_add (t, event);
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (event);
}

static void
setup (void)
{
  struct txn *t;

  fixture_make (&f, FIXTURE_MAP);
  store_set_chain_key (f.store, chain_key);
  t = store_write (f.store);
  txn_chain_begin (t);
  ck_assert_int_eq (txn_commit (t), 0);
  add_events (EVENTS);
}

static void
teardown (void)
{
  fixture_remove (&f);
}

/* Verifies in chunks of MAX. */
static int
verify (struct chain_check *c, size_t max)
{
  int x = 1;

  *c = (struct chain_check) { 0 };
  while (x == 1)
    {
      struct txn *t = store_read (f.store);

      x = txn_chain_check (t, c, max);
      txn_abort (t);
    }
  return x;
}

static void
is_whole (uint64_t events)
{
  struct chain_check c;
  size_t max;

  for (max = 1; max <= 64; max *= 4)
    {
      ck_assert_int_eq (verify (&c, max), 0);
      ck_assert_uint_eq (c.events, events);
      ck_assert_int_eq (c.fault, CHAIN_WHOLE);
    }
}

static void
is_broken (enum chain_fault fault, uint64_t seq)
{
  struct chain_check c;
  size_t max;

  for (max = 1; max <= 64; max *= 4)
    {
      ck_assert_int_eq (verify (&c, max), -EBADMSG);
      ck_assert_int_eq (c.fault, fault);
      ck_assert_uint_eq (c.fault_seq, seq);
    }
}

/* ---- What one may do who can write into the file, and has no key. */

static void
key_of (struct key *k, uint64_t seq)
{
  key_start (k);
  key_u8 (k, EVENT_SEQ);
  key_u64 (k, seq);
}

static void
take (struct txn *t, uint64_t seq, struct buf *ret)
{
  struct key key;
  MDB_val value;

  key_of (&key, seq);
  ck_assert_int_eq (txn_load (t, DB_EVENT, &key, &value), 1);
  buf_reset (ret);
  buf_put (ret, value.mv_data, value.mv_size);
}

static void
put (struct txn *t, uint64_t seq, const struct buf *value)
{
  struct key key;

  key_of (&key, seq);
  txn_store (t, DB_EVENT, &key, value->data, value->len);
}

static void
drop (uint64_t from, uint64_t to)
{
  struct txn *t = store_write (f.store);
  struct key key;

  for (; from <= to; from++)
    {
      key_of (&key, from);
      txn_erase (t, DB_EVENT, &key);
    }
  ck_assert_int_eq (txn_commit (t), 0);
}

static void
meta_copy (const char *from, const char *to)
{
  struct txn *t = store_write (f.store);
  char bytes[256];
  const void *p;
  size_t len;

  ck_assert_int_eq (txn_meta_get (t, from, &p, &len), 1);
  memcpy (bytes, p, len);
  txn_meta_put (t, to, bytes, len);
  ck_assert_int_eq (txn_commit (t), 0);
}

START_TEST (test_a_chain_is_whole_in_chunks_of_any_size)
{
  is_whole (EVENTS);
  add_events (3);
  fixture_reopen (&f, FIXTURE_MAP);
  store_set_chain_key (f.store, chain_key);
  add_events (2);
  is_whole (EVENTS + 5);
}
END_TEST

START_TEST (test_every_byte_of_an_event_counts)
{
  struct buf value = BUF_INIT (4096);
  struct chain_check c;
  struct txn *t;
  size_t i, n;

  t = store_read (f.store);
  take (t, VICTIM, &value);
  txn_abort (t);
  n = value.len;
  for (i = 0; i < n; i++)
    {
      t = store_write (f.store);
      take (t, VICTIM, &value);
      value.data[i] ^= 1;
      put (t, VICTIM, &value);
      ck_assert_int_eq (txn_commit (t), 0);
      ck_assert_int_eq (verify (&c, 1000), -EBADMSG);
      /* The hash of what came before tells most; a changed digit of "seq" looks moved. */
      ck_assert (c.fault == CHAIN_CHANGED || c.fault == CHAIN_MOVED);
      ck_assert_uint_eq (c.fault_seq, VICTIM);
      ck_assert_uint_eq (c.events, VICTIM - 1);
      value.data[i] ^= 1;
      t = store_write (f.store);
      put (t, VICTIM, &value);
      ck_assert_int_eq (txn_commit (t), 0);
    }
  for (i = 0; i < n; i++)
    {
      t = store_write (f.store);
      value.len = i;
      put (t, VICTIM, &value);
      ck_assert_int_eq (txn_commit (t), 0);
      ck_assert_int_eq (verify (&c, 1000), -EBADMSG);
      ck_assert_uint_eq (c.fault_seq, VICTIM);
    }
  buf_done (&value);
}
END_TEST

START_TEST (test_a_missing_event_is_named)
{
  drop (VICTIM, VICTIM);
  is_broken (CHAIN_MISSING, VICTIM);
  drop (VICTIM - 3, VICTIM);
  is_broken (CHAIN_MISSING, VICTIM);
}
END_TEST

START_TEST (test_the_first_events_cannot_be_cut_off)
{
  drop (1, VICTIM);
  is_broken (CHAIN_MISSING, VICTIM);
}
END_TEST

START_TEST (test_events_that_changed_places_are_found)
{
  struct buf a = BUF_INIT (4096), b = BUF_INIT (4096);
  struct txn *t = store_write (f.store);

  take (t, VICTIM, &a);
  take (t, VICTIM + 1, &b);
  put (t, VICTIM, &b);
  put (t, VICTIM + 1, &a);
  ck_assert_int_eq (txn_commit (t), 0);
  is_broken (CHAIN_MOVED, VICTIM);
  buf_done (&a);
  buf_done (&b);
}
END_TEST

START_TEST (test_an_event_put_in_is_found)
{
  struct buf a = BUF_INIT (4096);
  struct txn *t;

  drop (VICTIM, VICTIM);
  t = store_write (f.store);
  take (t, VICTIM - 1, &a);
  put (t, VICTIM, &a);
  ck_assert_int_eq (txn_commit (t), 0);
  is_broken (CHAIN_MOVED, VICTIM);
  buf_done (&a);
}
END_TEST

START_TEST (test_the_last_events_cannot_be_cut_off)
{
  drop (EVENTS, EVENTS);
  is_broken (CHAIN_CUT, EVENTS);
  drop (VICTIM, EVENTS);
  is_broken (CHAIN_CUT, EVENTS);
  /* Nor does it heal by what is added. */
  add_events (1);
  is_broken (CHAIN_MISSING, EVENTS);
  drop (1, EVENTS + 1);
  is_broken (CHAIN_CUT, EVENTS + 1);
}
END_TEST

START_TEST (test_the_ends_cannot_be_forged)
{
  drop (VICTIM, EVENTS);
  meta_copy ("chain-base", "chain-head");
  is_broken (CHAIN_HEAD, VICTIM - 1);
  /* What is added then follows nothing. */
  add_events (1);
  is_broken (CHAIN_HEAD, EVENTS + 1);
  drop (1, EVENTS);
  is_broken (CHAIN_HEAD, EVENTS + 1);
}
END_TEST

START_TEST (test_an_event_with_a_hash_but_without_the_key_is_found)
{
  static const uint8_t other[STORE_CHAIN_KEY_SIZE] = { 0 };

  store_set_chain_key (f.store, other);
  is_broken (CHAIN_BASE, 0);
  add_events (2);
  store_set_chain_key (f.store, chain_key);
  is_broken (CHAIN_HEAD, EVENTS + 1);
}
END_TEST

START_TEST (test_retention_moves_the_base)
{
  struct chain_check c = { 0 };
  struct chain_link head;
  struct txn *t = store_read (f.store);

  /* A walk that retention overtakes goes on behind it. */
  ck_assert_int_eq (txn_chain_check (t, &c, 2), 1);
  txn_abort (t);
  t = store_write (f.store);
  ck_assert_uint_eq (txn_event_prune (t, clock_now_ms () + 1000, 10), 10);
  ck_assert_int_eq (txn_commit (t), 0);
  is_whole (EVENTS - 10);
  t = store_read (f.store);
  ck_assert_int_eq (txn_chain_check (t, &c, 1000), 0);
  ck_assert_uint_eq (c.events, 2 + EVENTS - 10);
  txn_abort (t);
  t = store_write (f.store);
  ck_assert_uint_eq (txn_event_prune (t, clock_now_ms () + 1000, 1000), EVENTS - 10);
  ck_assert (txn_chain_head (t, &head));
  ck_assert_uint_eq (head.seq, EVENTS);
  ck_assert_int_eq (txn_commit (t), 0);
  is_whole (0);
  add_events (3);
  is_whole (3);
}
END_TEST

START_TEST (test_retention_does_not_heal_what_is_broken)
{
  struct txn *t;

  drop (VICTIM, VICTIM);
  t = store_write (f.store);
  ck_assert_uint_eq (txn_event_prune (t, clock_now_ms () + 1000, EVENTS - 2), EVENTS - 2);
  ck_assert_int_eq (txn_commit (t), 0);
  is_broken (CHAIN_BASE, 0);
}
END_TEST

/* Damages two events: one has a text that is no JSON, one was cut before its time ends. */
static void
damage (uint64_t no_json, uint64_t cut)
{
  struct buf value = BUF_INIT (4096);
  struct txn *t = store_write (f.store);

  take (t, no_json, &value);
  value.data[value.len - 1] = 'x';
  put (t, no_json, &value);
  value.len = 4;
  put (t, cut, &value);
  ck_assert_int_eq (txn_commit (t), 0);
  buf_done (&value);
}

START_TEST (test_damage_does_not_stop_retention)
{
  struct txn *t;

  damage (2, 3);
  t = store_write (f.store);
  /* Neither goes before its time. */
  ck_assert_uint_eq (txn_event_prune (t, clock_now_ms () - 60000, 1000), 0);
  ck_assert_uint_eq (txn_event_prune (t, clock_now_ms () + 1000, 1000), EVENTS);
  ck_assert_int_eq (txn_commit (t), 0);
  is_broken (CHAIN_BASE, 0);
}
END_TEST

static bool
count (void *arg, json_t *event)
{
  ck_assert (json_is_object (event));
  (*(size_t *) arg)++;
  return true;
}

/* How often the log of FD has TEXT. */
static int
said (int fd, const char *text)
{
  char log[8192];
  ssize_t n = pread (fd, log, sizeof log - 1, 0);
  const char *at = log;
  int times = 0;

  ck_assert_int_ge (n, 0);
  log[n] = '\0';
  for (; (at = strstr (at, text)); at++)
    times++;
  return times;
}

START_TEST (test_readers_go_past_damage_which_is_named_once)
{
  struct event_filter all = { .since_ms = INT64_MIN }, of_hub = all;
  int log = memfd_create ("log", 0), i;
  struct id hub;

  ck_assert_int_eq (id_parse ("01900000-0000-7000-8000-000000000001", &hub), 0);
  ck_assert_int_eq (dup2 (log, STDERR_FILENO), STDERR_FILENO);
  of_hub.hub = &hub;
  damage (VICTIM, EVENTS);
  for (i = 0; i < 3; i++)
    {
      struct txn *t = store_read (f.store);
      size_t n = 0;

      txn_event_walk (t, &all, 0, count, &n);
      txn_event_walk (t, &of_hub, 0, count, &n);
      ck_assert_uint_eq (n, 2 * (EVENTS - 2));
      /* Nobody is asked for the last one again and again. */
      ck_assert_uint_eq (txn_event_follow (t, 0, count, &n), EVENTS);
      ck_assert_uint_eq (n, 3 * (EVENTS - 2));
      ck_assert_uint_eq (txn_event_follow (t, EVENTS, count, &n), EVENTS);
      ck_assert_int_eq (txn_commit (t), 0);
    }
  ck_assert_int_eq (said (log, "The event 20 is damaged"), 1);
  ck_assert_int_eq (said (log, "The event 40 is damaged"), 1);
  ck_assert_int_eq (said (log, "damaged"), 2);
  (void) close (log);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_a_chain_is_whole_in_chunks_of_any_size);
  tcase_add_test (t, test_every_byte_of_an_event_counts);
  tcase_add_test (t, test_a_missing_event_is_named);
  tcase_add_test (t, test_the_first_events_cannot_be_cut_off);
  tcase_add_test (t, test_events_that_changed_places_are_found);
  tcase_add_test (t, test_an_event_put_in_is_found);
  tcase_add_test (t, test_the_last_events_cannot_be_cut_off);
  tcase_add_test (t, test_the_ends_cannot_be_forged);
  tcase_add_test (t, test_an_event_with_a_hash_but_without_the_key_is_found);
  tcase_add_test (t, test_retention_moves_the_base);
  tcase_add_test (t, test_retention_does_not_heal_what_is_broken);
  tcase_add_test (t, test_damage_does_not_stop_retention);
  tcase_add_test (t, test_readers_go_past_damage_which_is_named_once);
}

UNIT_MAIN ("chain", fill)
