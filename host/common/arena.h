/* Memory that lives and dies together: what a decoded message or row points to.
   Bounded; never gives single pieces back. */
#ifndef USHER_COMMON_ARENA_H
#define USHER_COMMON_ARENA_H

#include "host/common/base.h"

struct arena_block;

struct arena
{
  struct arena_block *blocks; /* owned */
  size_t used, max;           /* bytes handed out, and their limit */
};

/* An empty arena that hands out at most MAX bytes. */
#define ARENA_INIT(MAX) { NULL, 0, (MAX) }

/* SIZE zeroed bytes, aligned for any type; NULL when over the maximum or out of
   memory.  Valid until arena_reset or arena_done. */
void *arena_alloc (struct arena *a, size_t size);
/* N zeroed elements of SIZE bytes, with the product checked. */
void *arena_array (struct arena *a, size_t n, size_t size);
char *arena_strndup (struct arena *a, const char *s, size_t len);
/* Takes everything back; keeps one block of memory for the next use. */
void arena_reset (struct arena *a);
void arena_done (struct arena *a);

#endif
