/* Owns the dialects in which apps speak of rate limits. */
#include <config.h>

#include "host/net/limits.h"

#include <time.h>

#include "host/common/text.h"

/* Numbers above these are moments, not waits. */
#define EPOCH_S_MIN INT64_C (1000000000)
#define EPOCH_MS_MIN INT64_C (1000000000000)

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* MIN to MAX digits at *S; moves *S behind them. */
static bool
take_digits (const char **s, int min, int max, int *ret)
{
  int n = 0, v = 0;

  while (n < max && **s >= '0' && **s <= '9')
    {
      v = v * 10 + (*(*s)++ - '0');
      n++;
    }
  *ret = v;
  return n >= min;
}

static bool
take (const char **s, const char *text)
{
  if (!has_prefix (*s, text))
    return false;
  *s += strlen (text);
  return true;
}

static bool
take_month (const char **s, int *ret)
{
  int i;

  for (i = 0; i < (int) ARRAY_SIZE (months); i++)
    if (take (s, months[i]))
      {
        *ret = i;
        return true;
      }
  return false;
}

static bool
take_clock (const char **s, struct tm *tm)
{
  return take_digits (s, 2, 2, &tm->tm_hour) && take (s, ":")
         && take_digits (s, 2, 2, &tm->tm_min) && take (s, ":")
         && take_digits (s, 2, 2, &tm->tm_sec) && tm->tm_hour < 24 && tm->tm_min < 60
         && tm->tm_sec <= 60;
}

/* "06 Nov 1994 08:49:37 GMT", or with dashes and possibly two digits of the year. */
static bool
take_day_first (const char **s, struct tm *tm)
{
  const char *between = " ";
  int year;

  if (!take_digits (s, 1, 2, &tm->tm_mday))
    return false;
  if (**s == '-')
    between = "-";
  if (!take (s, between) || !take_month (s, &tm->tm_mon) || !take (s, between)
      || !take_digits (s, 2, 4, &year) || !take (s, " ") || !take_clock (s, tm))
    return false;
  /* Two digits: RFC 9110 takes them for the past when they look 50 years ahead. */
  tm->tm_year = year < 70 ? year + 100 : year < 100 ? year : year - 1900;
  return take (s, " GMT") || take (s, " UTC");
}

/* "Nov  6 08:49:37 1994" */
static bool
take_month_first (const char **s, struct tm *tm)
{
  int year;

  if (!take_month (s, &tm->tm_mon) || !take (s, " "))
    return false;
  (void) take (s, " ");
  if (!take_digits (s, 1, 2, &tm->tm_mday) || !take (s, " ") || !take_clock (s, tm)
      || !take (s, " ") || !take_digits (s, 4, 4, &year))
    return false;
  tm->tm_year = year - 1900;
  return true;
}

int
limits_parse_date (const char *s, int64_t *ret_ms)
{
  struct tm tm = { 0 };
  size_t day = strspn (s, "MTWFSadehinorstuy");

  if (day < 3 || day > 9)
    return -EINVAL;
  s += day;
  if (!(take (&s, ", ") ? take_day_first (&s, &tm)
                        : take (&s, " ") && take_month_first (&s, &tm))
      || *s || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_year < 70)
    return -EINVAL;
  *ret_ms = (int64_t) timegm (&tm) * 1000;
  return 0;
}

/* Seconds, with or without a fraction, as milliseconds; the rest of S may follow. */
static bool
seconds (const char *s, int64_t *ret_ms)
{
  int64_t v = 0;
  int n = 0;

  for (; *s >= '0' && *s <= '9' && n < 15; n++)
    v = v * 10 + (*s++ - '0');
  if (!n || (*s >= '0' && *s <= '9'))
    return false;
  v *= 1000;
  if (*s == '.' && s[1] >= '0' && s[1] <= '9')
    {
      /* Rounded up, so that nobody asks a moment too early. */
      v += 1000;
      for (s++; *s >= '0' && *s <= '9';)
        s++;
    }
  if (*s && !strchr (" \t,;", *s))
    return false;
  *ret_ms = v;
  return true;
}

static void
note_reset (struct limits *l, const char *value)
{
  int64_t ms;

  if (!seconds (value, &ms))
    return;
  if (ms / 1000 >= EPOCH_MS_MIN)
    l->reset_date_ms = ms / 1000;
  else if (ms / 1000 >= EPOCH_S_MIN)
    l->reset_date_ms = ms;
  else
    l->reset_wait_ms = ms;
}

static void
note_remaining (struct limits *l, const char *value)
{
  int64_t ms;

  /* Several allowances may be told; the smallest binds. */
  if (seconds (value, &ms) && (l->remaining < 0 || ms / 1000 < l->remaining))
    l->remaining = ms / 1000;
}

/* RateLimit: limit=100, remaining=0, reset=5   or   "default";r=0;t=5 */
static void
note_combined (struct limits *l, const char *value)
{
  while (*value)
    {
      value += strspn (value, " \t,;");
      if (has_prefix (value, "r=") || has_prefix (value, "remaining="))
        note_remaining (l, strchr (value, '=') + 1);
      else if (has_prefix (value, "t=") || has_prefix (value, "reset="))
        note_reset (l, strchr (value, '=') + 1);
      value += strcspn (value, " \t,;");
    }
}

void
limits_header (struct limits *l, const char *name, const char *value)
{
  static const char *const prefixes[] = { "x-ratelimit-", "x-rate-limit-", "ratelimit-" };
  size_t i;

  PLANTED_BUG (value, strlen (value));
  if (ascii_casecmp (name, "date") == 0)
    (void) limits_parse_date (value, &l->date_ms);
  else if (ascii_casecmp (name, "retry-after") == 0)
    {
      if (!seconds (value, &l->retry_wait_ms))
        (void) limits_parse_date (value, &l->retry_date_ms);
    }
  else if (ascii_casecmp (name, "ratelimit") == 0)
    note_combined (l, value);
  for (i = 0; i < ARRAY_SIZE (prefixes); i++)
    {
      size_t n = strlen (prefixes[i]);

      if (strncasecmp (name, prefixes[i], n) != 0)
        continue;
      if (ascii_casecmp (name + n, "remaining") == 0)
        note_remaining (l, value);
      else if (ascii_casecmp (name + n, "reset") == 0)
        note_reset (l, value);
    }
}

static bool
asks_to_wait (const struct limits *l)
{
  return l->retry_wait_ms >= 0 || l->retry_date_ms;
}

bool
limits_throttled (const struct limits *l, int32_t status)
{
  return status == 429 || (status == 503 && asks_to_wait (l))
         || (status == 403 && (l->retry_wait_ms >= 0 || l->remaining == 0));
}

/* A moment by the app's clock as a wait: its clock may be hours away from ours. */
static int64_t
wait_until (const struct limits *l, int64_t date_ms, int64_t now_ms)
{
  return date_ms - (l->date_ms ? l->date_ms : now_ms);
}

int64_t
limits_until (const struct limits *l, int32_t status, int64_t now_ms)
{
  int64_t wait = -1;

  if (l->retry_wait_ms >= 0)
    wait = l->retry_wait_ms;
  else if (l->retry_date_ms)
    wait = wait_until (l, l->retry_date_ms, now_ms);
  else if (status != 429 && l->remaining != 0)
    return 0;
  else if (l->reset_wait_ms >= 0)
    wait = l->reset_wait_ms;
  else if (l->reset_date_ms)
    wait = wait_until (l, l->reset_date_ms, now_ms);
  else
    return 0;
  return now_ms + MIN (MAX (wait, 0), LIMITS_WAIT_MAX_MS);
}
