/* Reads what the store has encoded, forward.  The first thing that does not fit makes it bad,
   and all later reads answer zero. */
#ifndef USHER_STORE_READER_H
#define USHER_STORE_READER_H

#include "host/common/base.h"
#include "host/common/id.h"

struct reader
{
  const uint8_t *p;
  size_t left;
  bool bad;
};

/* LEN bytes, borrowed; NULL when there are not so many. */
static inline const uint8_t *
reader_take (struct reader *r, size_t len)
{
  const uint8_t *p = r->p;

  if (r->bad || len > r->left)
    {
      r->bad = true;
      return NULL;
    }
  r->p += len;
  r->left -= len;
  return p;
}

/* A number of LEN bytes, up to eight, the lowest first. */
static inline uint64_t
reader_number (struct reader *r, size_t len)
{
  const uint8_t *p = reader_take (r, len);
  uint64_t v = 0;

  while (p && len--)
    v = v << 8 | p[len];
  return v;
}

/* RET stays as it is when there is none. */
static inline void
reader_id (struct reader *r, struct id *ret)
{
  const uint8_t *p = reader_take (r, ID_BYTES);

  if (p)
    memcpy (ret->b, p, ID_BYTES);
}

#endif
