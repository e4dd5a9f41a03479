/* Which addresses a file has had, and in which line: a set that keeps hashes only. */
#ifndef USHER_DIRECTORY_SEEN_H
#define USHER_DIRECTORY_SEEN_H

#include "host/common/base.h"

struct seen
{
  uint64_t *hashes;        /* owned; 0 = free */
  uint32_t *lines;         /* owned */
  size_t n, room;          /* room is 0 or a power of two */
  uint8_t key[16];         /* so that nobody can make addresses collide */
};

int seen_init (struct seen *s);
void seen_done (struct seen *s);
/* Notes TEXT for LINE.  0, the line that had it before, or -ENOMEM. */
int64_t seen_add (struct seen *s, const char *text, uint32_t line);

#endif
