/* A growing byte buffer with a maximum.  Used wherever bytes are put together:
   frames, JSON, log lines.  A failed append is remembered (sticky), so call sites
   read straight down and look at buf_error once.  */
#ifndef USHER_COMMON_BUF_H
#define USHER_COMMON_BUF_H

#include <stdarg.h>

#include "host/common/base.h"

struct buf
{
  char *data;   /* owned; NUL-terminated whenever not NULL */
  size_t len;   /* bytes in use, without the NUL */
  size_t cap;
  size_t max;   /* len never exceeds this */
  int error;    /* 0, -ENOMEM or -E2BIG; appends after an error do nothing */
  bool secret;  /* growing leaves no copy behind */
};

/* An empty buffer that may hold up to MAX bytes.  Allocates nothing. */
#define BUF_INIT(MAX) { NULL, 0, 0, (MAX), 0, false }
/* The same for secrets; freed with buf_wipe. */
#define BUF_SECRET(MAX) { NULL, 0, 0, (MAX), 0, true }

/* Frees the bytes and leaves an empty buffer with the same maximum. */
void buf_done (struct buf *b);
/* Frees like buf_done, but overwrites the bytes first: for secrets. */
void buf_wipe (struct buf *b);
/* Empties the buffer and clears its error; keeps the memory. */
void buf_reset (struct buf *b);

/* Appends LEN bytes.  */
void buf_put (struct buf *b, const void *p, size_t len);
void buf_puts (struct buf *b, const char *s);
void buf_putc (struct buf *b, char c);
void buf_printf (struct buf *b, const char *fmt, ...) _printf_ (2, 3);
void buf_vprintf (struct buf *b, const char *fmt, va_list ap) _printf_ (2, 0);
/* Little-endian integers. */
void buf_put_u8 (struct buf *b, uint8_t v);
void buf_put_u16 (struct buf *b, uint16_t v);
void buf_put_u32 (struct buf *b, uint32_t v);
void buf_put_u64 (struct buf *b, uint64_t v);
/* Appends S as a JSON string with its quotes.  S must be UTF-8. */
void buf_put_json (struct buf *b, const char *s);

/* Makes room for LEN more bytes and returns where they go, or NULL (error set).
   The caller writes at most LEN bytes there and adds what it wrote to b->len. */
void *buf_reserve (struct buf *b, size_t len);
/* Drops the first LEN bytes. */
void buf_drop (struct buf *b, size_t len);

/* 0, or the first error. */
static inline int
buf_error (const struct buf *b)
{
  return b->error;
}

/* Hands the bytes over as a NUL-terminated string ("" when empty); the caller
   frees it.  NULL when the buffer has an error.  The buffer is empty afterwards. */
char *buf_steal (struct buf *b);

#endif
