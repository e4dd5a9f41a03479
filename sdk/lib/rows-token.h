/* Tokens of JSON, read from memory that ends in NULs: inline, because they are the inner
   loop of every listing.  Strict by RFC 8259; own no state. */
#ifndef USHER_LIB_ROWS_TOKEN_H
#define USHER_LIB_ROWS_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Answers of a token besides the place behind it. */
#define TOKEN_STOP ((const unsigned char *) 0)  /* something else stands at *STOP: wrong, or the
                                                   end of what was read */

struct token_text
{
  const unsigned char *start;
  size_t len;
  bool escaped;
};

static inline const unsigned char *
token_space (const unsigned char *p)
{
  while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
    p++;
  return p;
}

/* The first byte that is a quote, a backslash, a control or not ASCII. */
static inline const unsigned char *
token_plain (const unsigned char *p)
{
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8 ('"'), slash = _mm_set1_epi8 ('\\');
  const __m128i space = _mm_set1_epi8 (0x20);

  for (;; p += 16)
    {
      __m128i x = _mm_loadu_si128 ((const __m128i *) (const void *) p);
      /* Signed: bytes from 0x80 on are below 0x20 too. */
      __m128i m = _mm_or_si128 (_mm_cmplt_epi8 (x, space),
                                _mm_or_si128 (_mm_cmpeq_epi8 (x, quote),
                                              _mm_cmpeq_epi8 (x, slash)));
      unsigned mask = (unsigned) _mm_movemask_epi8 (m);

      if (mask)
        return p + __builtin_ctz (mask);
    }
#else
  while (*p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
    p++;
  return p;
#endif
}

/* Bytes of the character at P, 0 when it is not UTF-8 (RFC 3629). */
static inline size_t
token_utf8 (const unsigned char *p)
{
#define TAIL(i) ((p[i] & 0xc0) == 0x80)
  if (p[0] < 0xc2)
    return 0;
  if (p[0] < 0xe0)
    return TAIL (1) ? 2 : 0;
  if (p[0] < 0xf0)
    {
      if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
        return 0;
      return TAIL (1) && TAIL (2) ? 3 : 0;
    }
  if (p[0] > 0xf4 || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
    return 0;
  return TAIL (1) && TAIL (2) && TAIL (3) ? 4 : 0;
#undef TAIL
}

static inline int
token_hex (unsigned char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits at P, or -1. */
static inline int32_t
token_hex4 (const unsigned char *p)
{
  int32_t v = 0;
  int i, h;

  for (i = 0; i < 4; i++)
    {
      h = token_hex (p[i]);
      if (h < 0)
        return -1;
      v = v * 16 + h;
    }
  return v;
}

/* Stands for what a text cannot hold. */
#define TOKEN_REPLACEMENT 0xfffd

/* The character that the escape at P (its backslash) stands for; *RET_LEN its bytes in the
   text.  Half a surrogate pair and NUL, which the grammar of JSON lets pass, are
   TOKEN_REPLACEMENT.  -1 when it is none, or may go on behind what was read. */
static inline int32_t
token_escape (const unsigned char *p, size_t *ret_len)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *f;
  int32_t high, low;

  *ret_len = 2;
  if (p[1] != 'u')
    {
      f = p[1] ? strchr (from, p[1]) : NULL;
      return f ? to[f - from] : -1;
    }
  *ret_len = 6;
  high = token_hex4 (p + 2);
  if (high < 0)
    return -1;
  if (high == 0 || (high >= 0xdc00 && high <= 0xdfff))
    return TOKEN_REPLACEMENT;
  if (high < 0xd800 || high > 0xdfff)
    return high;
  if (p[6] == '\0' || (p[6] == '\\' && p[7] == '\0'))
    return -1;
  if (p[6] != '\\' || p[7] != 'u')
    return TOKEN_REPLACEMENT;
  low = token_hex4 (p + 8);
  if (low < 0)
    return -1;
  if (low < 0xdc00 || low > 0xdfff)
    return TOKEN_REPLACEMENT;
  *ret_len = 12;
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* The rest of a text from P, where its first byte that is not plain stands. */
static __attribute__ ((noinline, unused)) const unsigned char *
token_text_rest (const unsigned char *p, struct token_text *ret, const unsigned char **stop)
{
  size_t n;

  for (; *p != '"'; p = token_plain (p))
    {
      *stop = p;
      if (*p == '\\')
        {
          ret->escaped = true;
          if (token_escape (p, &n) < 0)
            return TOKEN_STOP;
          p += n;
        }
      else
        do
          {
            n = token_utf8 (p);
            *stop = p;
            if (n == 0)
              return TOKEN_STOP;
            p += n;
          }
        while (*p >= 0x80);
    }
  ret->len = (size_t) (p - ret->start);
  return p + 1;
}

/* The text whose quote is at P. */
static inline __attribute__ ((always_inline)) const unsigned char *
token_text (const unsigned char *p, struct token_text *ret, const unsigned char **stop)
{
  ret->start = ++p;
  ret->escaped = false;
  p = token_plain (p);
  if (*p != '"')
    return token_text_rest (p, ret, stop);
  ret->len = (size_t) (p - ret->start);
  return p + 1;
}

static inline const unsigned char *
token_digits (const unsigned char *p, const unsigned char **stop)
{
  *stop = p;
  if (*p < '0' || *p > '9')
    return TOKEN_STOP;
  while (*p >= '0' && *p <= '9')
    p++;
  return p;
}

/* The number at P. */
static inline const unsigned char *
token_number (const unsigned char *p, const unsigned char **stop)
{
  if (*p == '-')
    p++;
  if (*p == '0')
    p++;
  else
    p = token_digits (p, stop);
  if (p && *p == '.')
    p = token_digits (p + 1, stop);
  if (p && (*p | 0x20) == 'e')
    {
      p++;
      if (*p == '+' || *p == '-')
        p++;
      p = token_digits (p, stop);
    }
  return p;
}

/* WORD at P: true, false, null. */
static inline const unsigned char *
token_word (const unsigned char *p, const char *word, size_t len, const unsigned char **stop)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (p[i] != (unsigned char) word[i])
      {
        *stop = p + i;
        return TOKEN_STOP;
      }
  return p + len;
}

/* Writes the UTF-8 of C to RET (4 bytes of room); how many. */
static inline size_t
token_put_utf8 (uint32_t c, char *ret)
{
  if (c < 0x80)
    {
      ret[0] = (char) c;
      return 1;
    }
  if (c < 0x800)
    {
      ret[0] = (char) (0xc0 | c >> 6);
      ret[1] = (char) (0x80 | (c & 0x3f));
      return 2;
    }
  if (c < 0x10000)
    {
      ret[0] = (char) (0xe0 | c >> 12);
      ret[1] = (char) (0x80 | (c >> 6 & 0x3f));
      ret[2] = (char) (0x80 | (c & 0x3f));
      return 3;
    }
  ret[0] = (char) (0xf0 | c >> 18);
  ret[1] = (char) (0x80 | (c >> 12 & 0x3f));
  ret[2] = (char) (0x80 | (c >> 6 & 0x3f));
  ret[3] = (char) (0x80 | (c & 0x3f));
  return 4;
}

/* Decodes a valid text into RET, which has room for text->len bytes (an escape is never
   shorter than what it stands for); how many bytes it has. */
static inline size_t
token_decode (const struct token_text *text, char *ret)
{
  const unsigned char *p = text->start, *end = p + text->len;
  char *out = ret;
  size_t n;

  while (p < end)
    if (*p == '\\')
      {
        out += token_put_utf8 ((uint32_t) token_escape (p, &n), out);
        p += n;
      }
    else
      *out++ = (char) *p++;
  return (size_t) (out - ret);
}

#endif
