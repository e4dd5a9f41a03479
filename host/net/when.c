/* Owns the forms in which apps write times.  */
#include <config.h>

#include "host/net/when.h"

#include <time.h>

#include "host/common/clock.h"
#include "host/common/text.h"

/* Plain numbers from these on are moments, not waits. */
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
when_parse_date (const char *s, int64_t *ret_ms)
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

/* ---- Numbers and durations. */

/* A number as whole units and millionths of one. */
struct number
{
  int64_t whole, millionths;
};

/* Digits with or without a fraction at *S; moves *S behind them. */
static bool
take_number (const char **s, struct number *ret)
{
  struct number n = { 0, 0 };
  int64_t place = 100000;

  if (**s < '0' || **s > '9')
    return false;
  for (; **s >= '0' && **s <= '9'; (*s)++)
    n.whole = MIN (n.whole * 10 + (**s - '0'), WHEN_FAR_MS);
  if (**s == '.' && (*s)[1] >= '0' && (*s)[1] <= '9')
    for ((*s)++; **s >= '0' && **s <= '9'; (*s)++)
      {
        n.millionths += (**s - '0') * place;
        place /= 10;
      }
  *ret = n;
  return true;
}

/* Rounded up, so that nobody asks a moment too early. */
static int64_t
scale (struct number n, int64_t unit_ms)
{
  if (n.whole > WHEN_FAR_MS / unit_ms)
    return WHEN_FAR_MS;
  return MIN (n.whole * unit_ms + (n.millionths * unit_ms + 999999) / 1000000, WHEN_FAR_MS);
}

static struct when
plain (struct number n, int64_t unit_ms)
{
  if (n.whole >= EPOCH_MS_MIN)
    return (struct when) { WHEN_MOMENT, n.whole };
  if (n.whole >= EPOCH_S_MIN)
    return (struct when) { WHEN_MOMENT, scale (n, 1000) };
  return (struct when) { WHEN_WAIT, scale (n, unit_ms) };
}

static bool
take_unit (const char **s, int64_t *ret_ms)
{
  static const struct { const char *name; int64_t ms; } units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (units); i++)
    if (take (s, units[i].name))
      {
        *ret_ms = units[i].ms;
        return true;
      }
  return false;
}

/* "1h2m3.5s", "250ms" */
static bool
take_duration (const char **s, struct when *ret)
{
  const char *at = *s;
  int64_t sum = 0, unit;
  struct number n;

  while (take_number (&at, &n))
    {
      if (!take_unit (&at, &unit))
        return false;
      sum = MIN (sum + scale (n, unit), WHEN_FAR_MS);
    }
  if (at == *s)
    return false;
  *s = at;
  *ret = (struct when) { WHEN_WAIT, sum };
  return true;
}

int
when_parse (const char *s, int64_t unit_ms, struct when *ret)
{
  const char *at = s;
  struct when w = { WHEN_NONE, 0 };
  struct number n;

  if (!take_duration (&at, &w) && take_number (&at, &n))
    w = plain (n, unit_ms);
  if (w.kind != WHEN_NONE && (!*at || strchr (" \t,;", *at)))
    {
      *ret = w;
      return 0;
    }
  w.kind = WHEN_MOMENT;
  if (when_parse_date (s, &w.ms) < 0 && clock_parse_rfc3339 (s, &w.ms) < 0)
    return -EINVAL;
  w.ms = MIN (MAX (w.ms, 0), WHEN_FAR_MS);
  *ret = w;
  return 0;
}

int
when_number (double v, int64_t unit_ms, struct when *ret)
{
  struct number n;

  /* Neither for what is no number. */
  if (!(v >= 0))
    return -EINVAL;
  n.whole = v < (double) WHEN_FAR_MS ? (int64_t) v : WHEN_FAR_MS;
  n.millionths = v < (double) WHEN_FAR_MS ? (int64_t) ((v - (double) n.whole) * 1000000) : 0;
  *ret = plain (n, unit_ms);
  return 0;
}
