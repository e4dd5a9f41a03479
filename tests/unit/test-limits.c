/* What apps say of limits: every dialect, by the app's own clock, and what cannot be
   believed. */
#include <config.h>

#include "unit.h"

#include <stdio.h>

#include "host/net/limits.h"

#define NOW INT64_C (1700000000000)      /* Tue, 14 Nov 2023 22:13:20 GMT */
#define NONE INT64_C (-1)
#define MOST LIMITS_WAIT_MAX_MS
#define HOUR INT64_C (3600000)
#define TO_MIDNIGHT INT64_C (6400000)

START_TEST (test_dates_are_read_in_all_three_forms)
{
  static const char *const good[] = { "Sun, 06 Nov 1994 08:49:37 GMT",
                                      "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "Sun Nov  6 08:49:37 1994" };
  static const char *const bad[] = { "", "Sun", "Sun, 06 Nov 1994", "Sun, 06 Now 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 1994 08:49:37 PST", "06 Nov 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT",
                                     "Sun, 06 Nov 1994 08:49:37 GMTx" };
  int64_t ms = 0;
  size_t i, n;
  char cut[64];

  for (i = 0; i < ARRAY_SIZE (good); i++)
    {
      ck_assert_int_eq (when_parse_date (good[i], &ms), 0);
      ck_assert_int_eq (ms, 784111777000);
      for (n = 0; n < strlen (good[i]); n++)
        {
          (void) snprintf (cut, sizeof cut, "%.*s", (int) n, good[i]);
          ck_assert_int_eq (when_parse_date (cut, &ms), -EINVAL);
        }
    }
  for (i = 0; i < ARRAY_SIZE (bad); i++)
    ck_assert_msg (when_parse_date (bad[i], &ms) == -EINVAL, "%s", bad[i]);
}
END_TEST

START_TEST (test_times_are_read_in_every_form)
{
  static const struct { const char *text; int64_t unit; enum when_kind kind; int64_t ms; } good[] = {
    { "0", 1000, WHEN_WAIT, 0 },
    { "7", 1000, WHEN_WAIT, 7000 },
    { "1.2", 1000, WHEN_WAIT, 1200 },
    { "0.0001", 1000, WHEN_WAIT, 1 },
    { "1500", 1, WHEN_WAIT, 1500 },
    { "3", 60000, WHEN_WAIT, 180000 },
    { "7, 9", 1000, WHEN_WAIT, 7000 },
    { "1700000030", 1000, WHEN_MOMENT, INT64_C (1700000030000) },
    { "1700000030", 60000, WHEN_MOMENT, INT64_C (1700000030000) },
    { "1700000030.25", 1000, WHEN_MOMENT, INT64_C (1700000030250) },
    { "1700000030250", 1, WHEN_MOMENT, INT64_C (1700000030250) },
    { "1000000000000000000", 1000, WHEN_MOMENT, WHEN_FAR_MS },
    { "99999999999999999999999999999999999", 1000, WHEN_MOMENT, WHEN_FAR_MS },
    { "999999999", 60000, WHEN_WAIT, INT64_C (59999999940000) },
    { "30s", 1, WHEN_WAIT, 30000 },
    { "1m30.5s", 1, WHEN_WAIT, 90500 },
    { "250ms", 1000, WHEN_WAIT, 250 },
    { "1h", 1000, WHEN_WAIT, 3600000 },
    { "99999999999999999999d9h", 1000, WHEN_WAIT, WHEN_FAR_MS },
    { "Tue, 14 Nov 2023 22:13:21 GMT", 1000, WHEN_MOMENT, NOW + 1000 },
    { "2023-11-14T22:13:21Z", 1000, WHEN_MOMENT, NOW + 1000 },
    { "2023-11-14T23:13:21+01:00", 1000, WHEN_MOMENT, NOW + 1000 },
    { "9999-12-31T23:59:59Z", 1000, WHEN_MOMENT, INT64_C (253402300799000) },
  };
  static const char *const bad[] = { "", " ", "soon", "-5", "-0.5", "1e18", "0x10", ".5", "5.", "30x", "s", "1m30", "nan", "inf", "+5", "\"5\"", "2023-11-14" };
  struct when w;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (good); i++)
    {
      w = (struct when) { WHEN_NONE, -1 };
      ck_assert_msg (when_parse (good[i].text, good[i].unit, &w) == 0, "%s", good[i].text);
      ck_assert_msg (w.kind == good[i].kind && w.ms == good[i].ms, "%s: kind %d, %lld ms", good[i].text,
                     (int) w.kind, (long long) w.ms);
    }
  for (i = 0; i < ARRAY_SIZE (bad); i++)
    ck_assert_msg (when_parse (bad[i], 1000, &w) == -EINVAL, "%s", bad[i]);
}
END_TEST

/* An answer's headers as "Name: value" lines, and its body. */
struct told
{
  const char *text;
  int32_t status;
  int64_t wait_ms;           /* NONE = it names no time */
  int64_t remaining;
  const char *body;
  enum limits_dialect dialect;
};

#define HEAD(text, status, wait_ms, remaining) { text, status, wait_ms, remaining, NULL, LIMITS_STANDARD }
#define BODY(status, wait_ms, remaining, body) { "", status, wait_ms, remaining, body, LIMITS_STANDARD }

static void
read_headers (struct limits *l, const char *text)
{
  while (*text)
    {
      size_t len = strcspn (text, "\n");
      char line[512];
      char *value;

      ck_assert_uint_lt (len, sizeof line);
      memcpy (line, text, len);
      line[len] = '\0';
      value = strstr (line, ": ");
      ck_assert_ptr_nonnull (value);
      *value = '\0';
      limits_header (l, line, value + 2);
      text += len + (text[len] == '\n');
    }
}

static void
hold (const struct told *t)
{
  struct limits l = { .dialect = t->dialect };
  struct limits_verdict v;
  int64_t wait;

  read_headers (&l, t->text);
  if (t->body)
    limits_body (&l, t->body, strlen (t->body));
  limits_judge (&l, t->status, NOW, &v);
  wait = v.until_ms ? v.until_ms - NOW : NONE;
  ck_assert_msg (wait == t->wait_ms, "%s (%s): waits %lld, not %lld", t->text, t->body ? t->body : "",
                 (long long) wait, (long long) t->wait_ms);
  ck_assert_msg (v.remaining == t->remaining, "%s: remaining %lld", t->text, (long long) v.remaining);
  ck_assert_msg (v.until_ms ? *v.quote : !*v.quote, "%s: what told it", t->text);
}

START_TEST (test_limits_are_read_in_every_dialect)
{
  static const struct told told[] = {
    /* Retry-After of RFC 9110, and what others make of it. */
    HEAD ("Retry-After: 7", 429, 7000, -1),
    HEAD ("retry-after: 1.2", 503, 1200, -1),
    HEAD ("Retry-After: Tue, 14 Nov 2023 22:13:25 GMT", 429, 5000, -1),
    HEAD ("Retry-After: Tuesday, 14-Nov-23 22:13:25 GMT", 429, 5000, -1),
    HEAD ("Retry-After: 2023-11-14T22:14:20Z", 429, 60000, -1),
    HEAD ("Retry-After: 1700000060", 429, 60000, -1),
    HEAD ("Retry-After: 0", 429, 0, -1),
    HEAD ("Retry-After-Ms: 1500", 429, 1500, -1),
    HEAD ("x-ms-retry-after-ms: 2500", 429, 2500, -1),
    HEAD ("X-Retry-After: 9", 429, 9000, -1),
    HEAD ("Retry-After: 2\nRetry-After-Ms: 1500", 429, 2000, -1),
    /* Seconds to go, and seconds and milliseconds since 1970. */
    HEAD ("X-RateLimit-Reset: 12", 429, 12000, -1),
    HEAD ("X-Rate-Limit-Reset: 1700000030", 429, 30000, -1),
    HEAD ("X-RateLimit-Reset: 1700000030000", 429, 30000, -1),
    HEAD ("X-RateLimit-Reset: 1700000030.5", 429, 30500, -1),
    HEAD ("X-RateLimit-Reset: 2023-11-14T22:14:20Z", 429, 60000, -1),
    HEAD ("X-RateLimit-Reset-After: 1.25", 429, 1250, -1),
    HEAD ("X-RateLimit-Reset-Ms: 1500", 429, 1500, -1),
    HEAD ("RateLimit-ResetTime: Tue, 14 Nov 2023 22:14:20 GMT", 429, 60000, -1),
    HEAD ("x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1m30s\nx-ratelimit-remaining-tokens: 5\n"
      "x-ratelimit-reset-tokens: 6m0s", 429, 90000, -1),
    HEAD ("X-Sentry-Rate-Limit-Remaining: 0\nX-Sentry-Rate-Limit-Reset: 1700000010", 429, 10000, -1),
    HEAD ("X-Account-Rate-Limit-Remaining: 0\nX-Account-Rate-Limit-Reset: 1700000900\nX-Rate-Limit-Remaining: 10\n"
      "X-Rate-Limit-Reset: 1700000010", 429, 900000, -1),
    /* An answer that is good says what is left. */
    HEAD ("X-RateLimit-Limit: 60\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 5", 200, 5000, 0),
    HEAD ("X-RateLimit-Remaining: 3\nX-RateLimit-Reset: 5", 200, 5000, 3),
    HEAD ("X-RateLimit-Remaining: 0", 200, NONE, -1),
    HEAD ("X-RateLimit-Reset: 5", 200, NONE, -1),
    HEAD ("Retry-After: 5", 202, NONE, -1),
    /* Days and minutes end when they end. */
    HEAD ("X-RateLimit-Remaining-Minute: 4\nX-RateLimit-Remaining-Day: 0", 429, TO_MIDNIGHT, -1),
    HEAD ("X-Example-RateLimit-Daily-Remaining: 0", 429, TO_MIDNIGHT, -1),
    HEAD ("RateLimit-Policy: \"day\";q=1000;w=86400\nRateLimit: \"day\";r=0", 429, TO_MIDNIGHT, -1),
    /* The draft: three headers, one list, named policies. */
    HEAD ("RateLimit-Policy: \"day\";q=1000;w=86400", 429, NONE, -1),
    HEAD ("RateLimit-Limit: 10, 10;w=1, 50;w=60\nRateLimit-Remaining: 0\nRateLimit-Reset: 5", 200, 5000, 0),
    HEAD ("RateLimit: limit=100, remaining=0, reset=9", 200, 9000, 0),
    HEAD ("RateLimit: \"default\";r=0;t=4", 200, 4000, 0),
    HEAD ("RateLimit: default;r=2;t=4", 200, 4000, 2),
    HEAD ("RateLimit: \"burst\";r=5;t=3, \"daily\";r=0;t=1800", 200, 1800000, 0),
    HEAD ("RateLimit: \"burst\";r=0;t=3, \"daily\";r=90;t=40000", 429, 3000, -1),
    HEAD ("RateLimit: \"a, b\";r=0;t=6;pk=:Zm9v:", 429, 6000, -1),
    HEAD ("RateLimit: r=;t=", 200, NONE, -1),
    /* Paid social: minutes in JSON in a header, under an id that nobody knows beforehand. */
    HEAD ("X-Business-Use-Case-Usage: {\"17\":[{\"type\":\"ads_management\",\"call_count\":100,"
      "\"estimated_time_to_regain_access\":11}]}", 400, 660000, -1),
    HEAD ("X-Business-Use-Case-Usage: {\"17\":[{\"type\":\"a\",\"estimated_time_to_regain_access\":3},"
      "{\"type\":\"b\",\"estimated_time_to_regain_access\":0}]}", 403, 180000, -1),
    HEAD ("X-Business-Use-Case-Usage: {\"17\":[{\"call_count\":9,\"estimated_time_to_regain_access\":0}]}", 400, NONE, -1),
    HEAD ("X-Business-Use-Case-Usage: {\"17\":[{\"estimated_time_to_regain_access\":5}]}", 200, NONE, -1),
    HEAD ("X-Ad-Account-Usage: {\"acc_id_util_pct\":100.0,\"reset_time_duration\":120}", 429, 120000, -1),
    HEAD ("X-App-Usage: {\"call_count\":28,\"total_time\":25,\"total_cputime\":25}", 429, NONE, -1),
    /* In the body of a refusal. */
    BODY (429, 1500, -1, "{\"message\":\"slow down\",\"retry_after\":1.5,\"global\":false}"),
    BODY (429, 1750, -1, "{\"error\":{\"retryAfterMs\":1750}}"),
    BODY (429, 30000, -1, "{\"error\":{\"details\":[{\"@type\":\"x\"},{\"retryDelay\":\"30s\"}]}}"),
    BODY (429, 60000, -1, "{\"retry_at\":\"2023-11-14T22:14:20Z\"}"),
    BODY (429, MOST, -1, "{\"retry_after\":1e300}"),
    BODY (429, NONE, -1, "{\"retry_after\":\"soon\"}"),
    BODY (429, NONE, -1, "{\"retry_after\":-5}"),
    BODY (429, NONE, -1, "<html>retry_after 5</html>"),
    /* What the app file says of the numbers. */
    { "X-RateLimit-Reset: 1500", 429, 1500, -1, NULL, LIMITS_MILLISECONDS },
    { "X-RateLimit-Reset: 3", 429, 180000, -1, NULL, LIMITS_MINUTES },
    { "Retry-After: 3", 429, 3000, -1, NULL, LIMITS_MINUTES },
    { "Retry-After: 3\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 3", 429, NONE, -1, "{\"retry_after\":5}",
      LIMITS_NOTHING },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (told); i++)
    hold (&told[i]);
}
END_TEST

START_TEST (test_moments_are_by_the_clock_of_the_app)
{
  static const struct told told[] = {
    /* Years behind ours, and a day ahead. */
    HEAD ("Date: Sun, 06 Nov 1994 08:49:37 GMT\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT", 429, 60000, -1),
    HEAD ("Date: Wed, 15 Nov 2006 08:49:37 GMT\nX-RateLimit-Reset: 1163580587", 429, 10000, -1),
    HEAD ("X-RateLimit-Reset: 1163580587\nDate: Wed, 15 Nov 2006 08:49:37 GMT", 429, 10000, -1),
    HEAD ("Date: Wed, 15 Nov 2023 22:13:20 GMT\nX-RateLimit-Reset: 1700086410", 429, 10000, -1),
    HEAD ("Date: Wed, 15 Nov 2023 22:13:20 GMT\nX-RateLimit-Remaining-Hour: 0", 429, 2800000, -1),
    /* A wait needs no clock; a clock that is none is not looked at. */
    HEAD ("Date: Sun, 06 Nov 1994 08:49:37 GMT\nRetry-After: 5", 429, 5000, -1),
    HEAD ("Date: yesterday\nX-RateLimit-Reset: 1700000010", 429, 10000, -1),
    /* It was just now: clocks differ. */
    HEAD ("Retry-After: Tue, 14 Nov 2023 22:13:10 GMT", 429, 0, -1),
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (told); i++)
    hold (&told[i]);
}
END_TEST

/* What cannot be believed is bounded or left out, and either way there is something to say. */
START_TEST (test_what_cannot_be_believed_is_bounded_and_said)
{
  static const struct { const char *text; int32_t status; int64_t wait_ms; bool bounded; } odd[] = {
    { "Retry-After: 1000000000000000000", 429, MOST, true },
    { "Retry-After: 99999999999999999999999999", 429, MOST, true },
    { "Retry-After: 999999999", 429, MOST, true },
    { "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", 429, MOST, true },
    { "Retry-After: 9999-12-31T23:59:59Z", 503, MOST, true },
    { "X-RateLimit-Reset: 9999999999999999", 429, MOST, true },
    { "X-Business-Use-Case-Usage: {\"1\":[{\"estimated_time_to_regain_access\":1000000000000000000000}]}", 400,
      MOST, true },
    { "Retry-After: -5", 429, NONE, false },
    { "Retry-After: 1e18", 429, NONE, false },
    { "Retry-After: ", 429, NONE, false },
    { "Retry-After: soon", 429, NONE, false },
    { "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", 429, NONE, false },
    { "X-RateLimit-Reset: 12 of 30\nX-RateLimit-Remaining: all", 429, 12000, false },
    { "X-RateLimit-Remaining: -1\nX-RateLimit-Reset: -1", 200, NONE, false },
    { "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 9999999999999999", 200, NONE, false },
    { "RateLimit: \"a\";r=x;t=y", 200, NONE, false },
    { "X-App-Usage: {\"call_count\":", 200, NONE, false },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (odd); i++)
    {
      struct limits l = { .date_ms = 0 };
      struct limits_verdict v;

      read_headers (&l, odd[i].text);
      limits_judge (&l, odd[i].status, NOW, &v);
      ck_assert_msg (odd[i].wait_ms == (v.until_ms ? v.until_ms - NOW : NONE), "%s: until %lld", odd[i].text,
                     (long long) v.until_ms);
      ck_assert_msg (v.bounded == odd[i].bounded, "%s", odd[i].text);
      ck_assert_msg (v.bounded ? *v.quote : *v.odd, "%s: nothing is said", odd[i].text);
    }
}
END_TEST

START_TEST (test_a_good_answer_is_believed_for_an_hour_at_most)
{
  static const struct told told[] = {
    HEAD ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 80000", 200, HOUR, 0),
    HEAD ("X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 80000", 429, 80000000, -1),
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (told); i++)
    hold (&told[i]);
}
END_TEST

START_TEST (test_a_quote_is_printable_and_short)
{
  struct limits l = { .date_ms = 0 };
  struct limits_verdict v;
  char value[400];

  memset (value, 'x', sizeof value);
  value[0] = '\001';
  value[1] = (char) 0xc3;
  value[sizeof value - 1] = '\0';
  limits_header (&l, "Retry-After", value);
  limits_judge (&l, 429, NOW, &v);
  ck_assert_uint_eq (strlen (v.odd), LIMITS_QUOTE_MAX - 1);
  ck_assert_int_eq (strncmp (v.odd, "Retry-After: ??x", 16), 0);
}
END_TEST

START_TEST (test_more_allowances_than_fit_do_no_harm)
{
  struct limits l = { .date_ms = 0 };
  struct limits_verdict v;
  char name[64];
  int i;

  for (i = 0; i < 50; i++)
    {
      (void) snprintf (name, sizeof name, "X-RateLimit-Reset-Kind%d", i);
      limits_header (&l, name, "5");
    }
  limits_judge (&l, 429, NOW, &v);
  ck_assert_int_eq (v.until_ms, NOW + 5000);
}
END_TEST

START_TEST (test_some_answers_are_limits_by_what_they_say)
{
  static const struct { const char *text; int32_t status; bool throttled; } cases[] = {
    { "", 429, true },
    { "", 403, false },
    { "", 503, false },
    { "Retry-After: 5", 503, true },
    { "Retry-After: 5", 500, true },
    { "Retry-After: 5", 403, true },
    { "Retry-After: 5", 404, false },
    { "Retry-After: 5", 200, false },
    { "x-ratelimit-remaining: 0", 403, true },
    { "x-ratelimit-remaining: 1", 403, false },
    { "x-ratelimit-remaining: 0", 404, false },
    { "x-ratelimit-remaining: 0", 200, false },
    { "X-Business-Use-Case-Usage: {\"1\":[{\"estimated_time_to_regain_access\":1}]}", 400, true },
    { "X-Business-Use-Case-Usage: {\"1\":[{\"estimated_time_to_regain_access\":1}]}", 200, false },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (cases); i++)
    {
      struct limits l = { .date_ms = 0 };

      read_headers (&l, cases[i].text);
      ck_assert_msg (limits_throttled (&l, cases[i].status) == cases[i].throttled, "%d %s", (int) cases[i].status,
                     cases[i].text);
    }
}
END_TEST

START_TEST (test_dialects_have_names)
{
  enum limits_dialect d;

  ck_assert_int_eq (limits_dialect_parse ("standard", &d), 0);
  ck_assert_int_eq (d, LIMITS_STANDARD);
  ck_assert_int_eq (limits_dialect_parse ("none", &d), 0);
  ck_assert_int_eq (d, LIMITS_NOTHING);
  ck_assert_int_eq (limits_dialect_parse ("x", &d), -EINVAL);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_dates_are_read_in_all_three_forms);
  tcase_add_test (t, test_times_are_read_in_every_form);
  tcase_add_test (t, test_limits_are_read_in_every_dialect);
  tcase_add_test (t, test_moments_are_by_the_clock_of_the_app);
  tcase_add_test (t, test_what_cannot_be_believed_is_bounded_and_said);
  tcase_add_test (t, test_a_good_answer_is_believed_for_an_hour_at_most);
  tcase_add_test (t, test_a_quote_is_printable_and_short);
  tcase_add_test (t, test_more_allowances_than_fit_do_no_harm);
  tcase_add_test (t, test_some_answers_are_limits_by_what_they_say);
  tcase_add_test (t, test_dialects_have_names);
}

UNIT_MAIN ("limits", fill)
