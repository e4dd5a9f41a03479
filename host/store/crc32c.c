/* Owns CRC-32C: by the instruction for it where the processor has one, else by eight
   tables, so that eight bytes are taken at once. */
#include <config.h>

#include "host/store/crc32c.h"

#include <endian.h>
#include <pthread.h>

#define POLYNOMIAL 0x82f63b78u

static uint32_t table[8][256]; /* constant once made */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_tables (void)
{
  uint32_t i, j, v;

  for (i = 0; i < 256; i++)
    {
      v = i;
      for (j = 0; j < 8; j++)
        v = v & 1 ? v >> 1 ^ POLYNOMIAL : v >> 1;
      table[0][i] = v;
    }
  for (i = 0; i < 256; i++)
    for (j = 1; j < 8; j++)
      table[j][i] = table[j - 1][i] >> 8 ^ table[0][table[j - 1][i] & 0xff];
}

static uint32_t
by_table (uint32_t crc, const uint8_t *b, size_t len)
{
  uint64_t v;

  pthread_once (&once, make_tables);
  for (; len >= 8; b += 8, len -= 8)
    {
      memcpy (&v, b, sizeof v);
      v = le64toh (v) ^ crc;
      crc = table[7][v & 0xff] ^ table[6][v >> 8 & 0xff] ^ table[5][v >> 16 & 0xff]
            ^ table[4][v >> 24 & 0xff] ^ table[3][v >> 32 & 0xff] ^ table[2][v >> 40 & 0xff]
            ^ table[1][v >> 48 & 0xff] ^ table[0][v >> 56];
    }
  for (; len; b++, len--)
    crc = crc >> 8 ^ table[0][(crc ^ *b) & 0xff];
  return crc;
}

#ifdef HAVE_SSE42_CRC32
static uint32_t __attribute__ ((target ("sse4.2")))
by_instruction (uint32_t crc, const uint8_t *b, size_t len)
{
  uint64_t wide = crc, v;

  for (; len >= 8; b += 8, len -= 8)
    {
      memcpy (&v, b, sizeof v);
      wide = __builtin_ia32_crc32di (wide, v);
    }
  for (crc = (uint32_t) wide; len; b++, len--)
    crc = __builtin_ia32_crc32qi (crc, *b);
  return crc;
}

static uint32_t
update (uint32_t crc, const uint8_t *b, size_t len)
{
  return __builtin_cpu_supports ("sse4.2") ? by_instruction (crc, b, len) : by_table (crc, b, len);
}
#else
static uint32_t
update (uint32_t crc, const uint8_t *b, size_t len)
{
  return by_table (crc, b, len);
}
#endif

uint32_t
crc32c (uint32_t crc, const void *p, size_t len)
{
  return ~update (~crc, p, len);
}
