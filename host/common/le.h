/* Numbers in the order that files and sealed values keep them: the lowest byte first,
   whatever the machine. */
#ifndef USHER_COMMON_LE_H
#define USHER_COMMON_LE_H

#include <endian.h>

#include "host/common/base.h"

static inline void
le_put_u32 (uint8_t *p, uint32_t v)
{
  v = htole32 (v);
  memcpy (p, &v, sizeof v);
}

static inline uint32_t
le_get_u32 (const uint8_t *p)
{
  uint32_t v;

  memcpy (&v, p, sizeof v);
  return le32toh (v);
}

static inline void
le_put_u64 (uint8_t *p, uint64_t v)
{
  v = htole64 (v);
  memcpy (p, &v, sizeof v);
}

static inline uint64_t
le_get_u64 (const uint8_t *p)
{
  uint64_t v;

  memcpy (&v, p, sizeof v);
  return le64toh (v);
}

#endif
