/* Owns the order of ids: a lock keeps those of one process ascending even within
   a millisecond (RFC 9562 6.2, method 2: the random part counts up). */
#include <config.h>

#include "host/common/id.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

#include "host/common/clock.h"
#include "host/common/text.h"

/* Random numbers fetched at once: a system call for each of a million ids would cost more
   than everything else about them. */
#define POOL 256u

static struct
{
  pthread_mutex_t lock; /* guards all that follows */
  int64_t ms;
  uint64_t counter;     /* the 62 low random bits of the last id */
  uint64_t pool[POOL];
  size_t left;          /* of the pool */
} last = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
random_bytes (void *p, size_t len)
{
  uint8_t *b = p;

  while (len)
    {
      ssize_t n = getrandom (b, len, 0);

      if (n > 0)
        {
          b += n;
          len -= (size_t) n;
        }
    }
}

/* Called with the lock held. */
static uint64_t
random_number (void)
{
  if (!last.left)
    {
      random_bytes (last.pool, sizeof last.pool);
      last.left = POOL;
    }
  return last.pool[--last.left];
}

struct id
id_new (void)
{
  struct id id;
  int64_t ms = clock_now_ms ();
  uint64_t low;
  int i;

  pthread_mutex_lock (&last.lock);
  low = random_number ();
  if (ms > last.ms)
    {
      last.ms = ms;
      last.counter = low >> 3; /* room to count up */
    }
  else
    last.counter += 1 + (low & 0xffff);
  ms = last.ms;
  low = last.counter;
  pthread_mutex_unlock (&last.lock);

  for (i = 0; i < 6; i++)
    id.b[i] = (uint8_t) (ms >> (8 * (5 - i)));
  id.b[6] = 0x70;
  id.b[7] = 0;
  for (i = 0; i < 8; i++)
    id.b[8 + i] = (uint8_t) (low >> (8 * (7 - i)));
  id.b[8] = (uint8_t) (0x80 | (id.b[8] & 0x3f));
  return id;
}

void
id_format (const struct id *id, char ret[ID_TEXT_SIZE])
{
  const uint8_t *b = id->b;

  (void) snprintf (ret, ID_TEXT_SIZE,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                   b[12], b[13], b[14], b[15]);
}

int
id_parse (const char *s, struct id *ret)
{
  static const uint8_t dashes[] = { 8, 13, 18, 23 };
  char hex[2 * ID_BYTES + 1];
  size_t i, at = 0, dash = 0;

  if (!s || strlen (s) != ID_TEXT_SIZE - 1)
    return -EINVAL;
  for (i = 0; i < ID_TEXT_SIZE - 1; i++)
    if (dash < ARRAY_SIZE (dashes) && i == dashes[dash])
      {
        if (s[i] != '-')
          return -EINVAL;
        dash++;
      }
    else
      hex[at++] = s[i];
  hex[at] = '\0';
  return hex_decode (hex, ret->b, ID_BYTES);
}

bool
id_is_zero (const struct id *id)
{
  static const struct id zero;

  return id_equal (id, &zero);
}
