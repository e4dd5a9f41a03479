/* CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells a torn or damaged page from a
   whole one.  Not against anybody who forges. */
#ifndef USHER_STORE_CRC32C_H
#define USHER_STORE_CRC32C_H

#include "host/common/base.h"

/* Goes on from CRC (0 at the start) over LEN bytes.  Any thread. */
uint32_t crc32c (uint32_t crc, const void *p, size_t len);

#endif
