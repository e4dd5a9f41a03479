/* Owns the growth of byte buffers: doubling up to the maximum, sticky errors. */
#include <config.h>

#include "host/common/buf.h"

#include <stdio.h>

/* As realloc, but the old bytes are overwritten. */
static char *
move (const struct buf *b, size_t cap)
{
  char *p = malloc (cap);

  if (p && b->data)
    {
      memcpy (p, b->data, b->len + 1);
      explicit_bzero (b->data, b->cap);
      free (b->data);
    }
  return p;
}

static bool
grow (struct buf *b, size_t len)
{
  size_t need, cap;
  char *p;

  if (b->error)
    return false;
  if (!SIZE_ADD (b->len, len, &need) || need > b->max)
    {
      b->error = -E2BIG;
      return false;
    }
  if (need < b->cap)
    return true;
  cap = b->cap ? b->cap : 128;
  while (cap <= need)
    if (!SIZE_MUL (cap, 2, &cap))
      {
        b->error = -E2BIG;
        return false;
      }
  p = b->secret ? move (b, cap) : realloc (b->data, cap);
  if (!p)
    {
      b->error = -ENOMEM;
      return false;
    }
  b->data = p;
  b->cap = cap;
  return true;
}

void
buf_done (struct buf *b)
{
  free (b->data);
  *b = (struct buf) { .max = b->max, .secret = b->secret };
}

void
buf_wipe (struct buf *b)
{
  if (b->data)
    explicit_bzero (b->data, b->cap);
  buf_done (b);
}

void
buf_reset (struct buf *b)
{
  b->len = 0;
  b->error = 0;
  if (b->data)
    b->data[0] = '\0';
}

void *
buf_reserve (struct buf *b, size_t len)
{
  return grow (b, len) ? b->data + b->len : NULL;
}

void
buf_put (struct buf *b, const void *p, size_t len)
{
  if (!grow (b, len))
    return;
  if (len)
    memcpy (b->data + b->len, p, len);
  b->len += len;
  b->data[b->len] = '\0';
}

void
buf_puts (struct buf *b, const char *s)
{
  buf_put (b, s, strlen (s));
}

void
buf_putc (struct buf *b, char c)
{
  buf_put (b, &c, 1);
}

void
buf_vprintf (struct buf *b, const char *fmt, va_list ap)
{
  va_list again;
  int n;

  va_copy (again, ap);
  n = vsnprintf (NULL, 0, fmt, again);
  va_end (again);
  if (n < 0)
    {
      b->error = b->error ? b->error : -EINVAL;
      return;
    }
  if (!grow (b, (size_t) n + 1))
    return;
  (void) vsnprintf (b->data + b->len, (size_t) n + 1, fmt, ap);
  b->len += (size_t) n;
}

void
buf_printf (struct buf *b, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  buf_vprintf (b, fmt, ap);
  va_end (ap);
}

static void
put_le (struct buf *b, uint64_t v, size_t n)
{
  uint8_t bytes[8];
  size_t i;

  for (i = 0; i < n; i++)
    bytes[i] = (uint8_t) (v >> (8 * i));
  buf_put (b, bytes, n);
}

void
buf_put_u8 (struct buf *b, uint8_t v)
{
  put_le (b, v, 1);
}

void
buf_put_u16 (struct buf *b, uint16_t v)
{
  put_le (b, v, 2);
}

void
buf_put_u32 (struct buf *b, uint32_t v)
{
  put_le (b, v, 4);
}

void
buf_put_u64 (struct buf *b, uint64_t v)
{
  put_le (b, v, 8);
}

void
buf_put_json (struct buf *b, const char *s)
{
  const char *plain = s;

  buf_putc (b, '"');
  for (; *s; s++)
    {
      unsigned char c = (unsigned char) *s;

      if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
        continue;
      buf_put (b, plain, (size_t) (s - plain));
      plain = s + 1;
      if (c == '"' || c == '\\')
        {
          buf_putc (b, '\\');
          buf_putc (b, (char) c);
        }
      else
        buf_printf (b, "\\u%04x", c);
    }
  buf_put (b, plain, (size_t) (s - plain));
  buf_putc (b, '"');
}

void
buf_drop (struct buf *b, size_t len)
{
  if (len > b->len)
    len = b->len;
  memmove (b->data, b->data + len, b->len - len);
  b->len -= len;
  b->data[b->len] = '\0';
}

char *
buf_steal (struct buf *b)
{
  char *s;

  if (b->error)
    {
      buf_done (b);
      return NULL;
    }
  if (!b->data)
    return strdup ("");
  s = TAKE (b->data);
  *b = (struct buf) BUF_INIT (b->max);
  return s;
}
