/* Idempotency-Keys: how long, how many, and how large what they are answered. */
#include <config.h>

#include "store-fixture.h"

#include "host/common/clock.h"
#include "host/engine/internal.h"
#include "host/engine/key.h"

#define MANY 100000   /* as many as are kept */
#define DAY_MS (24 * 3600 * 1000LL)

static struct fixture f;
static struct engine engine;
static const struct caller caller = { .kind = CALLER_SOCKET, .scopes = ~0u, .trigger = "api" };
static char code[64];

static void
setup (void)
{
  struct buf sealed = BUF_INIT (4096);
  char *why = NULL;

  fixture_make (&f, FIXTURE_MAP);
  engine = (struct engine) { .store = f.store };
  ck_assert_msg (vault_open (f.dir, &engine.vault, &why) == 0, "%s", why ? why : "");
  ck_assert_int_eq (vault_make_key (engine.vault, &sealed), 0);
  ck_assert_int_eq (vault_add_key (engine.vault, sealed.data, sealed.len), 0);
  buf_done (&sealed);
  ck_assert_int_eq (keys_start (&engine), 0);
}

static void
teardown (void)
{
  keys_stop (&engine);
  vault_close (engine.vault);
  fixture_remove (&f);
}

/* A write with the key NAME whose answer is ANSWER (taken): 1 and the answer of the first
   time in *RET, 0 when it was done now, -ECANCELED and CODE. */
static int
once (const char *name, const char *body, json_t *answer, json_t **ret)
{
  struct call call = { .caller = &caller };
  struct refusal r = { 0 };
  struct call_key k;
  json_t *made = NULL;
  bool begun;
  int x;

  engine_key_make (&call, name, "POST", "/people", body, strlen (body), &k);
  call.key = &k;
  x = engine_key_begin (&engine, &k, ret, &r);
  begun = x >= 0;
  if (x == 0)
    x = call_end (&engine, &call, store_write (f.store), 0, json_incref (answer), &made, &r);
  if (begun)
    engine_key_end (&engine, &k);
  json_decref (made);
  json_decref (answer);
  (void) snprintf (code, sizeof code, "%s", x < 0 ? r.code : "");
  refusal_done (&r);
  return x;
}

START_TEST (test_the_first_answer_again)
{
  json_t *again = NULL;

  ck_assert_int_eq (once ("a", "{}", json_pack ("{s:i}", "n", 1), NULL), 0);
  ck_assert_int_eq (once ("a", "{}", json_pack ("{s:i}", "n", 2), &again), 1);
  ck_assert_int_eq (json_number (again, "n", 0), 1);
  json_decref (again);
  ck_assert_int_eq (once ("a", "{ }", json_object (), NULL), -ECANCELED);
  ck_assert_str_eq (code, "idempotency-conflict");
  ck_assert_int_eq (once ("A", "{}", json_object (), NULL), 0);
  ck_assert_uint_eq (keys_count (&engine), 2);
}
END_TEST

START_TEST (test_one_under_way)
{
  struct call call = { .caller = &caller };
  struct refusal r = { 0 };
  struct call_key k;

  engine_key_make (&call, "a", "POST", "/people", "{}", 2, &k);
  ck_assert_int_eq (engine_key_begin (&engine, &k, NULL, &r), 0);
  ck_assert_int_eq (once ("a", "{}", json_object (), NULL), -ECANCELED);
  ck_assert_str_eq (code, "idempotency-pending");
  ck_assert_int_eq (once ("b", "{}", json_object (), NULL), 0);
  engine_key_end (&engine, &k);
  ck_assert_int_eq (once ("a", "{}", json_object (), NULL), 0);
}
END_TEST

START_TEST (test_an_answer_too_large_changes_nothing)
{
  json_t *large = json_array (), *answer = json_pack ("{s:o}", "list", large);
  int i;

  for (i = 0; i < 10000; i++)
    (void) json_array_append_new (large, json_string ("as long as that"));
  ck_assert_int_eq (once ("a", "{}", answer, NULL), -ECANCELED);
  ck_assert_str_eq (code, "too-large");
  ck_assert_int_eq (once ("a", "{}", json_object (), NULL), 0);
  ck_assert_uint_eq (keys_count (&engine), 1);
}
END_TEST

/* Puts N kept answers of the time MS. */
static void
fill_up (size_t n, int64_t ms)
{
  struct txn *t = store_write (f.store);
  char key[32];
  size_t i;

  for (i = 0; i < n; i++)
    {
      json_t *kept = doc_new (&system_caller);

      (void) snprintf (key, sizeof key, "%lld %zu", (long long) ms, i);
      json_set_text (kept, "key", key);
      json_set_time (kept, "created_at", ms);
      txn_doc_put (t, STORE_ANSWER, kept);
      json_decref (kept);
    }
  ck_assert_int_eq (txn_commit (t), 0);
}

START_TEST (test_a_key_that_is_gone_does_nothing_twice)
{
  struct buf sealed = BUF_INIT (4096);
  char *why = NULL;

  ck_assert_int_eq (once ("a", "{}", json_object (), NULL), 0);
  vault_close (engine.vault);
  ck_assert_int_eq (vault_open (f.dir, &engine.vault, &why), 0);
  ck_assert_int_eq (vault_make_key (engine.vault, &sealed), 0);
  ck_assert_int_eq (vault_add_key (engine.vault, sealed.data, sealed.len), 0);
  buf_done (&sealed);
  ck_assert_int_eq (once ("a", "{}", json_object (), NULL), -ECANCELED);
  ck_assert_str_eq (code, "idempotency-conflict");
}
END_TEST

START_TEST (test_so_many_and_no_more)
{
  fill_up (MANY - 1, clock_now_ms ());
  keys_stop (&engine);
  ck_assert_int_eq (keys_start (&engine), 0);
  ck_assert_uint_eq (keys_count (&engine), MANY - 1);
  ck_assert_int_eq (once ("last", "{}", json_object (), NULL), 0);
  ck_assert_int_eq (once ("more", "{}", json_object (), NULL), -ECANCELED);
  ck_assert_str_eq (code, "rate-limited");
}
END_TEST

START_TEST (test_a_day_later_they_go)
{
  struct txn *t;
  size_t n, all = 0;

  fill_up (6000, clock_now_ms () - DAY_MS - 1000);
  fill_up (10, clock_now_ms ());
  keys_stop (&engine);
  ck_assert_int_eq (keys_start (&engine), 0);
  do
    {
      t = store_write (f.store);
      n = keys_prune (t, 5000);
      ck_assert_int_eq (txn_commit (t), 0);
      keys_pruned (&engine, n);
      all += n;
      ck_assert_uint_le (n, 5000);
    }
  while (n);
  ck_assert_uint_eq (all, 6000);
  ck_assert_uint_eq (keys_count (&engine), 10);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_the_first_answer_again);
  tcase_add_test (t, test_one_under_way);
  tcase_add_test (t, test_an_answer_too_large_changes_nothing);
  tcase_add_test (t, test_a_key_that_is_gone_does_nothing_twice);
  tcase_add_test (t, test_so_many_and_no_more);
  tcase_add_test (t, test_a_day_later_they_go);
}

UNIT_MAIN ("key", fill)
