/* Identifiers: UUID version 7 (RFC 9562 5.7), so that ids made later sort later. */
#ifndef USHER_COMMON_ID_H
#define USHER_COMMON_ID_H

#include "host/common/base.h"

#define ID_BYTES 16
#define ID_TEXT_SIZE 37

struct id
{
  uint8_t b[ID_BYTES];
};

/* A new id, greater than every one this process made before. */
struct id id_new (void);
/* The 36 characters and a NUL. */
void id_format (const struct id *id, char ret[ID_TEXT_SIZE]);
/* The canonical form in either case; -EINVAL for anything else. */
int id_parse (const char *s, struct id *ret);
bool id_is_zero (const struct id *id);

static inline bool
id_equal (const struct id *a, const struct id *b)
{
  return memcmp (a->b, b->b, ID_BYTES) == 0;
}

#endif
