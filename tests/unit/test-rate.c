/* Rate limits: windows, what may be in flight, what the app said, the rules' text. */
#include <config.h>

#include "unit.h"

#include <pthread.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/session/rate.h"

static struct rate_table *table;

static void
setup (void)
{
  ck_assert_int_eq (rate_table_new (&table), 0);
}

static void
teardown (void)
{
  rate_table_free (table);
}

static uint32_t
ask (const char *key, const struct rate_rule *rule, uint32_t want)
{
  int64_t wait;
  uint32_t n = rate_ask (table, key, rule, want, &wait);

  ck_assert (n ? wait == 0 : wait > 0);
  return n;
}

START_TEST (test_window_lends_no_more_than_it_has)
{
  struct rate_rule rule = { .per = { { 10, 60000 }, { 15, 3600000 } } };
  int64_t wait;

  ck_assert_uint_eq (ask ("k", &rule, 8), 8);
  ck_assert_uint_eq (ask ("k", &rule, 8), 2);
  ck_assert_uint_eq (rate_ask (table, "k", &rule, 1, &wait), 0);
  ck_assert_int_gt (wait, 50000);
  ck_assert_int_le (wait, 64000);
  ck_assert_uint_eq (ask ("another", &rule, 8), 8);
}
END_TEST

START_TEST (test_in_flight_opens_when_an_answer_comes)
{
  struct rate_rule rule = { .in_flight = 4 };

  ck_assert_uint_eq (ask ("k", &rule, 8), 4);
  ck_assert_uint_eq (ask ("k", &rule, 1), 0);
  rate_seen (table, "k", false, 0, -1);
  ck_assert_uint_eq (ask ("k", &rule, 8), 1);
}
END_TEST

static uint32_t
allowed (const char *key)
{
  struct rate_state s;

  ck_assert (rate_look (table, key, &s));
  return s.allowed;
}

/* N permits of a key that has as many come back, refused or not. */
static void
answer (const struct rate_rule *rule, uint32_t n, bool throttled)
{
  uint32_t i;

  ck_assert_uint_eq (ask ("k", rule, 9), n);
  for (i = 0; i < n; i++)
    rate_seen (table, "k", throttled, 0, -1);
}

START_TEST (test_throttling_halves_and_good_answers_grow_it_back)
{
  struct rate_rule rule = { .in_flight = 8 };
  uint32_t n;

  /* All that were in flight together are one refusal. */
  for (n = 8; n; n /= 2)
    {
      answer (&rule, n, true);
      ck_assert_uint_eq (allowed ("k"), MAX (n / 2, 1));
    }
  answer (&rule, 1, true);
  ck_assert_uint_eq (allowed ("k"), 1);
  /* And back: a round of good answers each is one more. */
  for (n = 1; n < 8; n++)
    {
      answer (&rule, n, false);
      ck_assert_uint_eq (allowed ("k"), n + 1 < 8 ? n + 1 : 0);
    }
  answer (&rule, 8, false);
}
END_TEST

START_TEST (test_what_a_dead_session_held_is_no_old_refusal)
{
  struct rate_rule rule = { .in_flight = 8 };

  ck_assert_uint_eq (ask ("k", &rule, 8), 8);
  rate_seen (table, "k", true, 0, -1);
  rate_return (table, "k", 7);
  ck_assert_uint_eq (ask ("k", &rule, 9), 4);
  rate_seen (table, "k", true, 0, -1);
  ck_assert_uint_eq (allowed ("k"), 2);
}
END_TEST

START_TEST (test_a_key_is_closed_by_what_no_answer_said)
{
  struct rate_rule rule = { .in_flight = 8 };
  struct rate_state s;
  int64_t now = clock_now_ms ();

  ck_assert (!rate_look (table, "k", &s));
  rate_close (table, "k", &rule, now - 5);
  ck_assert (!rate_look (table, "k", &s));
  rate_close (table, "k", &rule, now + 30000);
  rate_close (table, "k", &rule, now + 10000);
  ck_assert_uint_eq (ask ("k", &rule, 1), 0);
  ck_assert (rate_look (table, "k", &s));
  ck_assert_int_ge (s.closed_until_ms, now + 29000);
  ck_assert_int_le (s.closed_until_ms, now + 31000);
  rate_close (table, "k", &rule, INT64_MAX);
  ck_assert (rate_look (table, "k", &s));
  ck_assert_int_le (s.closed_until_ms, clock_now_ms () + RATE_WAIT_MAX_MS + 1000);
  rate_open (table, "k");
  ck_assert_uint_eq (ask ("k", &rule, 9), 8);
}
END_TEST

START_TEST (test_what_holds_a_key_back_can_be_seen)
{
  struct rate_rule rule = { .per = { { 3, 60000 } }, .in_flight = 8 };
  struct rate_state s;
  int64_t now = clock_now_ms ();

  ck_assert_uint_eq (ask ("k", &rule, 2), 2);
  ck_assert (rate_look (table, "k", &s));
  ck_assert (!s.closed_until_ms && !s.full_until_ms && !s.left_until_ms && !s.allowed);
  rate_seen (table, "k", false, now + 30000, 5);
  ck_assert (rate_look (table, "k", &s));
  ck_assert_int_eq (s.left, 4);
  ck_assert_int_ge (s.left_until_ms, now + 29000);
  ck_assert_uint_eq (ask ("k", &rule, 9), 1);
  ck_assert (rate_look (table, "k", &s));
  ck_assert_int_ge (s.full_until_ms, now + 50000);
  rate_seen (table, "k", true, 0, -1);
  ck_assert (rate_look (table, "k", &s));
  ck_assert_uint_eq (s.allowed, 1);
  ck_assert_uint_eq (s.in_flight, 8);
}
END_TEST

START_TEST (test_until_closes_the_key_at_most_25_hours)
{
  struct rate_rule rule = { .in_flight = 8 };
  int64_t wait;

  ck_assert_uint_eq (ask ("k", &rule, 1), 1);
  rate_seen (table, "k", true, clock_now_ms () + 30000, -1);
  ck_assert_uint_eq (rate_ask (table, "k", &rule, 1, &wait), 0);
  ck_assert_int_gt (wait, 29000);
  ck_assert_int_le (wait, 30000);
  rate_seen (table, "k", true, INT64_MAX, 0);
  ck_assert_uint_eq (rate_ask (table, "k", &rule, 1, &wait), 0);
  ck_assert_int_le (wait, INT64_C (25) * 3600 * 1000);
  ck_assert_int_gt (wait, INT64_C (24) * 3600 * 1000);
}
END_TEST

START_TEST (test_one_probe_looks_whether_a_closed_key_may_open)
{
  struct rate_rule rule = { .in_flight = 8 };

  ck_assert (!rate_probe (table, "k"));
  ck_assert_uint_eq (ask ("k", &rule, 2), 2);
  rate_seen (table, "k", true, clock_now_ms () + 3600000, -1);
  /* What is still out may say it as well. */
  ck_assert (!rate_probe (table, "k"));
  rate_seen (table, "k", false, 0, -1);
  ck_assert_uint_eq (ask ("k", &rule, 1), 0);
  ck_assert (rate_probe (table, "k"));
  ck_assert (!rate_probe (table, "k"));
  rate_seen (table, "k", true, clock_now_ms () + 7200000, -1);
  ck_assert_uint_eq (ask ("k", &rule, 1), 0);
  ck_assert (rate_probe (table, "k"));
  rate_seen (table, "k", false, 0, -1);
  rate_open (table, "k");
  ck_assert_uint_gt (ask ("k", &rule, 8), 0);
}
END_TEST

START_TEST (test_remaining_limits_what_is_lent_until_then)
{
  struct rate_rule rule = { .in_flight = 100 };
  int64_t wait;

  ck_assert_uint_eq (ask ("k", &rule, 3), 3);
  rate_seen (table, "k", false, clock_now_ms () + 30000, 5);
  /* Two are in flight and may not be counted yet: three are left. */
  ck_assert_uint_eq (ask ("k", &rule, 10), 3);
  ck_assert_uint_eq (rate_ask (table, "k", &rule, 1, &wait), 0);
  rate_return (table, "k", 5);
  ck_assert_uint_eq (rate_ask (table, "k", &rule, 1, &wait), 0);
  ck_assert_int_gt (wait, 29000);
}
END_TEST

START_TEST (test_permits_of_the_dead_come_back)
{
  struct rate_rule rule = { .in_flight = 2 };

  ck_assert_uint_eq (ask ("k", &rule, 2), 2);
  rate_return (table, "k", 2);
  rate_return (table, "k", 7);
  rate_return (table, "nobody's", 1);
  ck_assert_uint_eq (ask ("k", &rule, 9), 2);
}
END_TEST

START_TEST (test_changed_rule_takes_effect)
{
  struct rate_rule rule = { .per = { { 2, 60000 } } };

  ck_assert_uint_eq (ask ("k", &rule, 9), 2);
  rule.per[0].n = 5;
  ck_assert_uint_eq (ask ("k", &rule, 9), 3);
}
END_TEST

START_TEST (test_full_table_drops_only_idle_keys)
{
  struct rate_rule rule = { .in_flight = 1 };
  char key[32];
  int i;

  ck_assert_uint_eq (ask ("busy", &rule, 1), 1);
  for (i = 0; i < 65535; i++)
    {
      snprintf (key, sizeof key, "idle %d", i);
      ck_assert_uint_eq (ask (key, &rule, 1), 1);
      rate_return (table, key, 1);
    }
  ck_assert_uint_eq (ask ("one more", &rule, 1), 1);
  ck_assert_uint_eq (ask ("busy", &rule, 1), 0);
}
END_TEST

#ifdef USHER_TEST_HOOKS
static void
move_clock (const char *path, int64_t ms)
{
  FILE *f = fopen (path, "w");

  ck_assert_ptr_nonnull (f);
  fprintf (f, "%lld", (long long) ms);
  fclose (f);
}

START_TEST (test_no_span_of_a_window_has_more_than_the_limit)
{
  struct rate_rule rule = { .per = { { 10, 60000 } } };
  char path[] = "/tmp/usher-clock-XXXXXX";
  int fd = mkstemp (path);
  int64_t lent[500] = { 0 }, sum;
  int t, i;

  ck_assert_int_ge (fd, 0);
  close (fd);
  ck_assert_int_eq (setenv ("USHER_TEST_CLOCK", path, 1), 0);
  for (t = 0; t < 500; t++)
    {
      int64_t wait;

      move_clock (path, t * 1000);
      lent[t] = rate_ask (table, "k", &rule, 4, &wait);
      rate_return (table, "k", (uint32_t) lent[t]);
    }
  unlink (path);
  for (t = 0; t + 60 <= 500; t++)
    {
      for (sum = 0, i = t; i < t + 60; i++)
        sum += lent[i];
      ck_assert_int_le (sum, 10);
    }
  for (sum = 0, t = 0; t < 500; t++)
    sum += lent[t];
  ck_assert_int_ge (sum, 70);
}
END_TEST
#endif

static void *
hammer (void *arg)
{
  struct rate_rule rule = { .per = { { 1000, 3600000 } }, .in_flight = 7 };
  uint64_t *sum = arg;
  int i;

  for (i = 0; i < 5000; i++)
    {
      int64_t wait;
      uint32_t n = rate_ask (table, "shared", &rule, 3, &wait);

      *sum += n;
      if (i % 2)
        rate_return (table, "shared", n);
      else
        for (; n; n--)
          rate_seen (table, "shared", false, 0, -1);
    }
  return NULL;
}

START_TEST (test_threads_share_one_bucket)
{
  pthread_t threads[4];
  uint64_t sums[4] = { 0 };
  int i;

  for (i = 0; i < 4; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, hammer, &sums[i]), 0);
  for (i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
  ck_assert_uint_eq (sums[0] + sums[1] + sums[2] + sums[3], 1000);
}
END_TEST

START_TEST (test_per_takes_its_four_units_only)
{
  static const char *const wrong[] = { "", "10", "/s", "0/s", "-1/s", "10/", "10/sec", "10 /s", "4294967296/s",
                                       "10/0min", "10/10000min", "10/15", "10/-1s", "10/s ", "1e3/s", "99999999999999999999/s" };
  uint32_t n;
  int64_t ms;
  size_t i;

  ck_assert_int_eq (rate_parse_per ("10/s", &n, &ms), 0);
  ck_assert_uint_eq (n, 10);
  ck_assert_int_eq (ms, 1000);
  ck_assert_int_eq (rate_parse_per ("864000/day", &n, &ms), 0);
  ck_assert_uint_eq (n, 864000);
  ck_assert_int_eq (ms, 86400000);
  ck_assert_int_eq (rate_parse_per ("5/h", &n, &ms), 0);
  ck_assert_int_eq (ms, 3600000);
  ck_assert_int_eq (rate_parse_per ("600/min", &n, &ms), 0);
  ck_assert_int_eq (ms, 60000);
  ck_assert_int_eq (rate_parse_per ("100/15min", &n, &ms), 0);
  ck_assert_uint_eq (n, 100);
  ck_assert_int_eq (ms, 900000);
  ck_assert_int_eq (rate_parse_per ("1/9999day", &n, &ms), 0);
  ck_assert_int_eq (ms, INT64_C (9999) * 86400000);
  for (i = 0; i < ARRAY_SIZE (wrong); i++)
    ck_assert_int_eq (rate_parse_per (wrong[i], &n, &ms), -EINVAL);
}
END_TEST

#define RULES "[{\"key\":[\"app\",\"https://a.example.com\"],\"per\":[\"10/s\",\"600/min\"],\"in_flight\":4,\"headers\":\"x\"}," \
              "{\"key\":\"host\"}]"

START_TEST (test_rules_are_read_from_the_app_file)
{
  struct rate_rules rules;
  char text[] = RULES;
  size_t len;

  ck_assert_int_eq (rate_rules_parse (RULES, &rules), 0);
  ck_assert_uint_eq (rules.n, 2);
  ck_assert_str_eq (rules.v[0].key, "app\nhttps://a.example.com");
  ck_assert_uint_eq (rules.v[0].rule.per[1].n, 600);
  ck_assert_uint_eq (rules.v[0].rule.in_flight, 4);
  ck_assert_uint_eq (rules.v[1].rule.in_flight, 0);
  rate_rules_done (&rules);
  for (len = 0; len < strlen (RULES); len++)
    {
      memcpy (text, RULES, sizeof text);
      text[len] = '\0';
      ck_assert_int_lt (rate_rules_parse (text, &rules), 0);
    }
  ck_assert_int_eq (rate_rules_parse (NULL, &rules), 0);
  ck_assert_uint_eq (rules.n, 0);
}
END_TEST

START_TEST (test_rules_of_another_form_are_refused)
{
  static const char *const wrong[] = {
    "{}", "[1]", "[{}]", "[{\"key\":\"\"}]", "[{\"key\":[]}]", "[{\"key\":[1]}]", "[{\"key\":\"a\\nb\"}]",
    "[{\"key\":\"k\",\"per\":\"10/s\"}]", "[{\"key\":\"k\",\"per\":[\"10\"]}]",
    "[{\"key\":\"k\",\"in_flight\":0}]", "[{\"key\":\"k\",\"in_flight\":\"4\"}]",
    "[{\"key\":\"k\",\"key\":\"l\"}]",
  };
  struct rate_rules rules;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (wrong); i++)
    ck_assert_msg (rate_rules_parse (wrong[i], &rules) == -EINVAL, "%s", wrong[i]);
  ck_assert_int_eq (rate_rules_parse ("[{\"key\":\"k\",\"per\":[\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\","
                                      "\"1/s\",\"1/s\",\"1/s\"]}]", &rules),
                    -E2BIG);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_window_lends_no_more_than_it_has);
  tcase_add_test (t, test_in_flight_opens_when_an_answer_comes);
  tcase_add_test (t, test_throttling_halves_and_good_answers_grow_it_back);
  tcase_add_test (t, test_what_a_dead_session_held_is_no_old_refusal);
  tcase_add_test (t, test_a_key_is_closed_by_what_no_answer_said);
  tcase_add_test (t, test_what_holds_a_key_back_can_be_seen);
  tcase_add_test (t, test_until_closes_the_key_at_most_25_hours);
  tcase_add_test (t, test_one_probe_looks_whether_a_closed_key_may_open);
  tcase_add_test (t, test_remaining_limits_what_is_lent_until_then);
  tcase_add_test (t, test_permits_of_the_dead_come_back);
  tcase_add_test (t, test_changed_rule_takes_effect);
  tcase_add_test (t, test_full_table_drops_only_idle_keys);
#ifdef USHER_TEST_HOOKS
  tcase_add_test (t, test_no_span_of_a_window_has_more_than_the_limit);
#endif
  tcase_add_test (t, test_threads_share_one_bucket);
  tcase_add_test (t, test_per_takes_its_four_units_only);
  tcase_add_test (t, test_rules_are_read_from_the_app_file);
  tcase_add_test (t, test_rules_of_another_form_are_refused);
}

UNIT_MAIN ("rate", fill)
