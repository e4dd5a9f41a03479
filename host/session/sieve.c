/* Owns the search for many byte strings at once. */
#include <config.h>

#include "host/session/sieve.h"

#define GRAM 3u                    /* bytes that are hashed together */
#define WINDOW_MAX 64u
#define TEXT_MAX (8u * 1024 * 1024)

void
sieve_init (struct sieve *s)
{
  s->text = (struct buf) BUF_INIT (TEXT_MAX);
  s->n = 0;
  sieve_ready (s);
}

void
sieve_done (struct sieve *s)
{
  buf_wipe (&s->text);
  s->n = 0;
}

int
sieve_add (struct sieve *s, const void *p, size_t len)
{
  size_t at = s->text.len, i;

  if (len < SIEVE_STRING_MIN)
    return 0;
  for (i = 0; i < s->n; i++)
    if (s->v[i].len == len && memcmp (s->text.data + s->v[i].at, p, len) == 0)
      return 0;
  if (s->n == SIEVE_STRINGS_MAX)
    return -E2BIG;
  buf_put (&s->text, p, len);
  if (buf_error (&s->text))
    return buf_error (&s->text);
  s->v[s->n].at = at;
  s->v[s->n++].len = len;
  return 0;
}

static unsigned int
hash (const char *p)
{
  uint32_t gram = (uint32_t) (unsigned char) p[0] | (uint32_t) (unsigned char) p[1] << 8
                  | (uint32_t) (unsigned char) p[2] << 16;

  return gram * UINT32_C (2654435761) >> 18;
}

void
sieve_ready (struct sieve *s)
{
  size_t i, end;

  s->window = WINDOW_MAX;
  for (i = 0; i < s->n; i++)
    s->window = MIN (s->window, s->v[i].len);
  /* A gram that no string has lets the window pass behind it. */
  memset (s->steps, (int) (s->window - GRAM + 1), sizeof s->steps);
  for (i = 0; i < s->n; i++)
    for (end = GRAM; end <= s->window; end++)
      {
        uint8_t *step = &s->steps[hash (s->text.data + s->v[i].at + end - GRAM)];

        *step = MIN (*step, (uint8_t) (s->window - end));
      }
}

static bool
begins (const struct sieve *s, const char *p, size_t left)
{
  size_t i;

  for (i = 0; i < s->n; i++)
    if (s->v[i].len <= left && memcmp (p, s->text.data + s->v[i].at, s->v[i].len) == 0)
      return true;
  return false;
}

bool
sieve_in (const struct sieve *s, const void *p, size_t len)
{
  const char *text = p;
  size_t end = s->window;

  if (!s->n)
    return false;
  while (end <= len)
    {
      uint8_t step = s->steps[hash (text + end - GRAM)];

      if (!step && begins (s, text + end - s->window, len - (end - s->window)))
        return true;
      end += step ? step : 1;
    }
  return false;
}
