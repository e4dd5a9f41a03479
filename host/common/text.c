/* Owns the checks on text that comes from outside. */
#include <config.h>

#include "host/common/text.h"

int
parse_u64 (const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
  uint64_t v = 0;

  if (!s || !*s)
    return -EINVAL;
  for (; *s; s++)
    {
      if (*s < '0' || *s > '9')
        return -EINVAL;
      if (__builtin_mul_overflow (v, (uint64_t) 10, &v)
          || __builtin_add_overflow (v, (uint64_t) (*s - '0'), &v))
        return -ERANGE;
    }
  if (v < min || v > max)
    return -ERANGE;
  *ret = v;
  return 0;
}

/* Length of the well-formed sequence at S, 0 if there is none (Unicode table 3-7). */
static size_t
sequence (const unsigned char *s, size_t len)
{
  unsigned char c = s[0], lo = 0x80, hi = 0xbf;
  size_t n, i;

  if (c < 0x80)
    return c ? 1 : 0;
  if (c >= 0xc2 && c <= 0xdf)
    n = 2;
  else if (c >= 0xe0 && c <= 0xef)
    {
      n = 3;
      if (c == 0xe0)
        lo = 0xa0;
      else if (c == 0xed)
        hi = 0x9f;
    }
  else if (c >= 0xf0 && c <= 0xf4)
    {
      n = 4;
      if (c == 0xf0)
        lo = 0x90;
      else if (c == 0xf4)
        hi = 0x8f;
    }
  else
    return 0;
  if (len < n || s[1] < lo || s[1] > hi)
    return 0;
  for (i = 2; i < n; i++)
    if (s[i] < 0x80 || s[i] > 0xbf)
      return 0;
  return n;
}

/* Eight bytes of ASCII without NUL: no high bit set, and none wraps below zero. */
static bool
plain_word (const unsigned char *p)
{
  const uint64_t ones = UINT64_MAX / 0xff, high = ones << 7;
  uint64_t w;

  memcpy (&w, p, sizeof w);
  return !((w | (w - ones)) & high);
}

bool
utf8_valid (const char *s, size_t len)
{
  const unsigned char *p = (const unsigned char *) s;

  while (len)
    {
      size_t n = len >= 8 && plain_word (p) ? 8 : *p && *p < 0x80 ? 1 : sequence (p, len);

      if (!n)
        return false;
      p += n;
      len -= n;
    }
  return true;
}

void
utf8_clean (const char *s, char *ret, size_t size)
{
  size_t at = 0;

  while (*s)
    {
      size_t n = sequence ((const unsigned char *) s, strnlen (s, 4));

      if (at + MAX (n, 1) >= size)
        break;
      if (n)
        memcpy (ret + at, s, n);
      else
        ret[at] = '?';
      at += MAX (n, 1);
      s += MAX (n, 1);
    }
  ret[at] = '\0';
}

size_t
utf8_length (const char *s)
{
  size_t n = 0;

  for (; *s; s++)
    if (((unsigned char) *s & 0xc0) != 0x80)
      n++;
  return n;
}

bool
text_is_line (const char *s)
{
  for (; *s; s++)
    if ((unsigned char) *s < 0x20 || *s == 0x7f)
      return false;
  return true;
}

static unsigned char
lower (char c)
{
  return (unsigned char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int
ascii_casecmp (const char *a, const char *b)
{
  while (*a && lower (*a) == lower (*b))
    {
      a++;
      b++;
    }
  return (int) lower (*a) - (int) lower (*b);
}

bool
ascii_same (const char *a, size_t len, const char *b)
{
  size_t i;

  for (i = 0; i < len && lower (a[i]) == lower (b[i]); i++)
    if (!b[i])
      return false;
  return i == len && !b[i];
}

void
ascii_fold (const char *s, size_t len, char *ret)
{
  size_t i;

  for (i = 0; i < len; i++)
    ret[i] = (char) lower (s[i]);
}

void
ascii_lower (char *s)
{
  for (; *s; s++)
    *s = (char) lower (*s);
}

bool
has_prefix (const char *s, const char *prefix)
{
  return strncmp (s, prefix, strlen (prefix)) == 0;
}

bool
has_suffix (const char *s, const char *suffix)
{
  size_t n = strlen (s), m = strlen (suffix);

  return n >= m && memcmp (s + n - m, suffix, m) == 0;
}

size_t
email_fold (const char *s, size_t len, char ret[EMAIL_MAX])
{
  const char *end = s + len, *at = NULL, *p;

  while (s < end && (*s == ' ' || *s == '\t'))
    s++;
  while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
    end--;
  len = (size_t) (end - s);
  if (len > EMAIL_MAX)
    return 0;
  for (p = s; p < end; p++)
    if ((unsigned char) *p <= 0x20 || *p == 0x7f)
      return 0;
    else if (*p == '@')
      {
        if (at)
          return 0;
        at = p;
      }
  if (!at || at == s || at + 1 == end)
    return 0;
  ascii_fold (s, len, ret);
  return len;
}

char *
email_normalise (const char *s)
{
  char folded[EMAIL_MAX];
  size_t len = email_fold (s, strlen (s), folded);

  return len ? strndup (folded, len) : NULL;
}

void
hex_encode (const void *p, size_t len, char *ret)
{
  static const char digit[] = "0123456789abcdef";
  const uint8_t *b = p;
  size_t i;

  for (i = 0; i < len; i++)
    {
      ret[2 * i] = digit[b[i] >> 4];
      ret[2 * i + 1] = digit[b[i] & 15];
    }
  ret[2 * len] = '\0';
}

static int
nibble (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
hex_decode (const char *s, void *ret, size_t len)
{
  uint8_t *out = ret;
  size_t i;

  if (strlen (s) != 2 * len)
    return -EINVAL;
  for (i = 0; i < len; i++)
    {
      int hi = nibble (s[2 * i]), lo = nibble (s[2 * i + 1]);

      if (hi < 0 || lo < 0)
        return -EINVAL;
      out[i] = (uint8_t) (hi << 4 | lo);
    }
  return 0;
}
