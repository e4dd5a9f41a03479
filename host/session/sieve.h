/* Looks for many byte strings at once, fast enough for every row of a listing: most bytes are
   stepped over unread, because what stands at the end of a window says how far the nearest string
   may begin.  (Wu and Manber's search, by the hash of three bytes.) */
#ifndef USHER_SESSION_SIEVE_H
#define USHER_SESSION_SIEVE_H

#include "host/common/base.h"
#include "host/common/buf.h"

#define SIEVE_STRING_MIN 8u        /* shorter ones are not taken */
#define SIEVE_STRINGS_MAX 2048u
#define SIEVE_STEPS 16384u

struct sieve
{
  struct buf text;                 /* all strings; wiped */
  struct { size_t at, len; } v[SIEVE_STRINGS_MAX];
  size_t n, window;                /* window: bytes of the shortest, of a long one its beginning */
  uint8_t steps[SIEVE_STEPS];
};

/* An empty one. */
void sieve_init (struct sieve *s);
void sieve_done (struct sieve *s);
/* One more, copied; one that is too short, or there already, is left out.  -ENOMEM, -E2BIG. */
int sieve_add (struct sieve *s, const void *p, size_t len);
/* Call it behind the last sieve_add. */
void sieve_ready (struct sieve *s);
/* Whether one of them stands in P. */
bool sieve_in (const struct sieve *s, const void *p, size_t len);

#endif
