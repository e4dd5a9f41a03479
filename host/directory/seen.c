/* Owns a set of keyed 64-bit hashes, open addressing, at most half full: for a million
   addresses 24 MiB, and one chance in thirty million that two of them are confused. */
#include <config.h>

#include "host/directory/seen.h"

#include <sodium.h>

#define ROOM_FIRST 1024u

_Static_assert (sizeof ((struct seen *) 0)->key == crypto_shorthash_KEYBYTES, "key of SipHash");

int
seen_init (struct seen *s)
{
  *s = (struct seen) { .n = 0 };
  if (sodium_init () < 0)
    return -ENOSYS;
  randombytes_buf (s->key, sizeof s->key);
  return 0;
}

void
seen_done (struct seen *s)
{
  free (s->hashes);
  free (s->lines);
  *s = (struct seen) { .n = 0 };
}

/* Where HASH is or belongs. */
static size_t
find (const struct seen *s, uint64_t hash)
{
  size_t i = (size_t) hash & (s->room - 1);

  while (s->hashes[i] && s->hashes[i] != hash)
    i = (i + 1) & (s->room - 1);
  return i;
}

static int
grow (struct seen *s)
{
  struct seen bigger = *s;
  size_t i;

  bigger.room = s->room ? s->room * 2 : ROOM_FIRST;
  bigger.hashes = calloc (bigger.room, sizeof *bigger.hashes);
  bigger.lines = calloc (bigger.room, sizeof *bigger.lines);
  if (!bigger.hashes || !bigger.lines)
    {
      free (bigger.hashes);
      free (bigger.lines);
      return -ENOMEM;
    }
  for (i = 0; i < s->room; i++)
    if (s->hashes[i])
      {
        size_t at = find (&bigger, s->hashes[i]);

        bigger.hashes[at] = s->hashes[i];
        bigger.lines[at] = s->lines[i];
      }
  free (s->hashes);
  free (s->lines);
  *s = bigger;
  return 0;
}

int64_t
seen_add (struct seen *s, const char *text, uint32_t line)
{
  uint64_t hash;
  size_t at;
  int r;

  if (2 * (s->n + 1) > s->room && (r = grow (s)) < 0)
    return r;
  (void) crypto_shorthash ((uint8_t *) &hash, (const uint8_t *) text, strlen (text), s->key);
  if (!hash)
    hash = 1;
  at = find (s, hash);
  if (s->hashes[at])
    return s->lines[at];
  s->hashes[at] = hash;
  s->lines[at] = line;
  s->n++;
  return 0;
}
