/* Owns the two clocks and the text form of a time. */
#include <config.h>

#include "host/common/clock.h"

#include <stdio.h>
#include <time.h>

#ifdef USHER_TEST_HOOKS
/* The wall clock's, and behind it the monotonic one's where that differs. */
static int64_t
test_offset_ms (clockid_t id)
{
  const char *path = getenv ("USHER_TEST_CLOCK");
  char text[64] = "", *end, *second;
  int64_t wall, mono;
  FILE *f;

  if (!path || !(f = fopen (path, "re")))
    return 0;
  if (!fgets (text, sizeof text, f))
    text[0] = '\0';
  fclose (f);
  wall = strtoll (text, &end, 10);
  mono = strtoll (end, &second, 10);
  return id == CLOCK_MONOTONIC && second > end ? mono : wall;
}
#else
static int64_t
test_offset_ms (clockid_t id _unused_)
{
  return 0;
}
#endif

static int64_t
read_clock (clockid_t id)
{
  struct timespec ts;

  (void) clock_gettime (id, &ts);
  return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_now_ms (void)
{
  return read_clock (CLOCK_REALTIME) + test_offset_ms (CLOCK_REALTIME);
}

int64_t
clock_mono_ms (void)
{
  return read_clock (CLOCK_MONOTONIC) + test_offset_ms (CLOCK_MONOTONIC);
}

struct timespec
clock_deadline (int64_t ms)
{
  struct timespec until;

  (void) clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / 1000;
  until.tv_nsec += ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000)
    {
      until.tv_sec++;
      until.tv_nsec -= 1000000000;
    }
  return until;
}

void
clock_rfc3339 (int64_t ms, char ret[CLOCK_RFC3339_SIZE])
{
  time_t s = (time_t) (ms / 1000);
  int part = (int) (ms % 1000);
  struct tm tm;
  size_t n;

  if (part < 0)
    {
      part += 1000;
      s--;
    }
  if (!gmtime_r (&s, &tm) || !(n = strftime (ret, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm)))
    {
      (void) snprintf (ret, CLOCK_RFC3339_SIZE, "1970-01-01T00:00:00Z");
      return;
    }
  if (part)
    (void) snprintf (ret + n, CLOCK_RFC3339_SIZE - n, ".%03dZ", part);
  else
    (void) snprintf (ret + n, CLOCK_RFC3339_SIZE - n, "Z");
}

/* Two or four digits at *S, within [MIN, MAX]; moves *S on. */
static bool
digits (const char **s, int n, int min, int max, int *ret)
{
  int v = 0;

  for (; n > 0; n--, (*s)++)
    {
      if (**s < '0' || **s > '9')
        return false;
      v = v * 10 + (**s - '0');
    }
  *ret = v;
  return v >= min && v <= max;
}

static bool
literal (const char **s, const char *any)
{
  if (!**s || !strchr (any, **s))
    return false;
  (*s)++;
  return true;
}

int
clock_parse_rfc3339 (const char *s, int64_t *ret)
{
  struct tm tm = { 0 };
  int year, mon, oh = 0, om = 0, sign = 0;
  int64_t ms = 0, scale = 100;

  if (!digits (&s, 4, 1, 9999, &year) || !literal (&s, "-")
      || !digits (&s, 2, 1, 12, &mon) || !literal (&s, "-")
      || !digits (&s, 2, 1, 31, &tm.tm_mday) || !literal (&s, "Tt ")
      || !digits (&s, 2, 0, 23, &tm.tm_hour) || !literal (&s, ":")
      || !digits (&s, 2, 0, 59, &tm.tm_min) || !literal (&s, ":")
      || !digits (&s, 2, 0, 60, &tm.tm_sec))
    return -EINVAL;
  if (literal (&s, "."))
    {
      if (*s < '0' || *s > '9')
        return -EINVAL;
      for (; *s >= '0' && *s <= '9'; s++, scale /= 10)
        ms += (*s - '0') * scale;
    }
  if (!literal (&s, "Zz"))
    {
      sign = *s == '-' ? -1 : 1;
      if (!literal (&s, "+-") || !digits (&s, 2, 0, 23, &oh) || !literal (&s, ":")
          || !digits (&s, 2, 0, 59, &om))
        return -EINVAL;
    }
  if (*s)
    return -EINVAL;
  tm.tm_year = year - 1900;
  tm.tm_mon = mon - 1;
  *ret = ((int64_t) timegm (&tm) - sign * (oh * 3600 + om * 60)) * 1000 + ms;
  return 0;
}
