/* Text that grows up to a maximum, and the few judgements on text that SCIM needs.  */
#include <config.h>

#include "plugins/seat/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void
text_done (struct text *t)
{
  free (t->s);
  *t = (struct text) { 0 };
}

char *
text_steal (struct text *t)
{
  char *s;

  text_put (t, "", 0);
  s = t->bad ? NULL : TAKE (t->s);
  text_done (t);
  return s;
}

void
text_put (struct text *t, const char *s, size_t len)
{
  char *grown;

  if (t->bad)
    return;
  if (len > TEXT_MAX - t->len)
    {
      t->bad = true;
      return;
    }
  grown = realloc (t->s, t->len + len + 1);
  if (!grown)
    {
      t->bad = true;
      return;
    }
  t->s = grown;
  memcpy (t->s + t->len, s, len);
  t->len += len;
  t->s[t->len] = '\0';
}

void
text_puts (struct text *t, const char *s)
{
  text_put (t, s, strlen (s));
}

void
text_put_u64 (struct text *t, uint64_t v)
{
  char digits[24];
  int n = snprintf (digits, sizeof digits, "%llu", (unsigned long long) v);

  text_put (t, digits, (size_t) n);
}

void
text_put_percent (struct text *t, const char *s)
{
  static const char hex[] = "0123456789ABCDEF";
  static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

  while (*s && !t->bad)
    {
      size_t plain = strspn (s, unreserved);

      text_put (t, s, plain);
      s += plain;
      if (*s)
        {
          unsigned char c = (unsigned char) *s++;
          char escaped[3] = { '%', hex[c >> 4], hex[c & 15] };

          text_put (t, escaped, sizeof escaped);
        }
    }
}

void
text_put_quoted (struct text *t, const char *s)
{
  text_puts (t, "\"");
  for (; *s && !t->bad; s++)
    {
      unsigned char c = (unsigned char) *s;
      char escaped[8];
      int n;

      if (c == '"' || c == '\\')
        n = snprintf (escaped, sizeof escaped, "\\%c", c);
      else if (c < 0x20)
        n = snprintf (escaped, sizeof escaped, "\\u%04x", c);
      else
        n = snprintf (escaped, sizeof escaped, "%c", c);
      text_put (t, escaped, (size_t) n);
    }
  text_puts (t, "\"");
}

bool
text_same (const char *a, const char *b)
{
  return a && b && strcasecmp (a, b) == 0;
}

bool
text_has (const char *haystack, const char *needle)
{
  size_t len = strlen (needle);

  for (; *haystack; haystack++)
    if (strncasecmp (haystack, needle, len) == 0)
      return true;
  return false;
}

bool
text_is_address (const char *s)
{
  const char *at = s ? strchr (s, '@') : NULL;

  if (!at || at == s || at[1] == '\0' || strchr (at + 1, '@'))
    return false;
  for (; *s; s++)
    if ((unsigned char) *s <= 0x20 || *s == 0x7f)
      return false;
  return true;
}

/* Exactly N digits at *S, which moves behind them; -1 when there are fewer. */
static int
digits (const char **s, int n)
{
  int v = 0;

  for (; n > 0; n--, (*s)++)
    {
      if (**s < '0' || **s > '9')
        return -1;
      v = v * 10 + (**s - '0');
    }
  return v;
}

static bool
skip (const char **s, char c)
{
  if (**s != c)
    return false;
  (*s)++;
  return true;
}

/* "Z", or +hh:mm and -hh:mm in minutes; false when it is neither. */
static bool
zone (const char *s, int *ret_minutes)
{
  int sign = *s == '-' ? -1 : 1;
  int hours, minutes;

  if (*s == 'Z' || *s == 'z')
    {
      *ret_minutes = 0;
      return s[1] == '\0';
    }
  if (*s != '+' && *s != '-')
    return false;
  s++;
  hours = digits (&s, 2);
  if (hours < 0 || !skip (&s, ':'))
    return false;
  minutes = digits (&s, 2);
  if (minutes < 0 || *s)
    return false;
  *ret_minutes = sign * (hours * 60 + minutes);
  return true;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar: years begin in March, so that the
   leap day is their last.  (timegm costs as much as all else that is done to a user.) */
static int64_t
days (int year, int month, int day)
{
  int64_t y = year - (month < 3), era = (y >= 0 ? y : y - 399) / 400;
  int64_t of_era = y - era * 400;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t
text_time_ms (const char *s)
{
  struct tm tm = { 0 };
  int ms = 0, scale = 100, offset;

  if (!s)
    return 0;
  tm.tm_year = digits (&s, 4) - 1900;
  if (tm.tm_year < 0 || !skip (&s, '-') || (tm.tm_mon = digits (&s, 2) - 1) < 0 || tm.tm_mon > 11
      || !skip (&s, '-') || (tm.tm_mday = digits (&s, 2)) < 1 || tm.tm_mday > 31
      || (!skip (&s, 'T') && !skip (&s, 't'))
      || (tm.tm_hour = digits (&s, 2)) < 0 || tm.tm_hour > 23 || !skip (&s, ':')
      || (tm.tm_min = digits (&s, 2)) < 0 || tm.tm_min > 59 || !skip (&s, ':')
      || (tm.tm_sec = digits (&s, 2)) < 0 || tm.tm_sec > 60)
    return 0;
  if (skip (&s, '.'))
    for (; *s >= '0' && *s <= '9'; s++, scale /= 10)
      ms += (*s - '0') * scale;
  if (!zone (s, &offset))
    return 0;
  return (((days (tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 24 + tm.tm_hour) * 60 + tm.tm_min - offset) * 60
          + tm.tm_sec) * 1000 + ms;
}
