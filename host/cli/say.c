/* Owns the sentences: their escaping, their length and where they go. */
#include <config.h>

#include "host/cli/say.h"

#include <stdarg.h>
#include <stdio.h>

/* How many bytes the sequence has that begins with C; 0 = none begins so. */
static size_t
sequence_length (unsigned char c)
{
  if (c < 0x80)
    return 1;
  if (c < 0xc2)
    return 0;
  return c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

/* Decodes the sequence at S, which should be UTF-8; what is none, such as one that was
   cut off in the middle, is U+FFFD for each byte. */
static uint32_t
decode (const unsigned char *s, size_t *ret_len)
{
  size_t n = sequence_length (s[0]);
  uint32_t c = n > 1 ? s[0] & (0x7fu >> n) : s[0];
  size_t i;

  for (i = 1; i < n; i++)
    {
      if ((s[i] & 0xc0) != 0x80)
        n = 0;
      c = c << 6 | (s[i] & 0x3fu);
    }
  *ret_len = n ? n : 1;
  return n ? c : 0xfffd;
}

/* Line and paragraph separators, and the marks of Unicode's bidirectional algorithm:
   they let a name pretend to be another one. */
static bool
deceives (uint32_t c)
{
  return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e)
         || (c >= 0x2066 && c <= 0x2069);
}

/* JSON has no control characters outside its strings but the newlines it is laid out by. */
static bool
is_safe (uint32_t c, bool json)
{
  return !(c < 0x20 || (c >= 0x7f && c < 0xa0) || deceives (c) || c == 0xfffd)
         || (json && c == '\n');
}

static void
put_escaped (struct buf *out, const char *s, bool json)
{
  const unsigned char *p = (const unsigned char *) s, *plain = p;
  size_t len;

  for (; *p; p += len)
    {
      uint32_t c = decode (p, &len);

      if (is_safe (c, json))
        continue;
      buf_put (out, plain, (size_t) (p - plain));
      if (json)
        buf_printf (out, "\\u%04x", c);
      else
        buf_printf (out, "\\u{%x}", c);
      plain = p + len;
    }
  buf_put (out, plain, (size_t) (p - plain));
}

void
escape_text (struct buf *out, const char *s)
{
  put_escaped (out, s, /* json */ false);
}

void
escape_json (struct buf *out, const char *s)
{
  put_escaped (out, s, /* json */ true);
}

static void _printf_ (3, 0)
put_line (FILE *to, const char *prefix, const char *fmt, va_list ap)
{
  char text[SENTENCE_MAX];
  _cleanup_ (buf_done) struct buf line = BUF_INIT (SENTENCE_MAX * 8);

  (void) vsnprintf (text, sizeof text, fmt, ap);
  escape_text (&line, text);
  if (to == stderr && isatty (STDERR_FILENO))
    (void) fputs ("\r\033[K", to); /* takes the place of a progress bar */
  (void) fprintf (to, "%s%s\n", prefix, line.data ? line.data : "");
  (void) fflush (to);
}

int
say_error (int status, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  put_line (stderr, "usher: ", fmt, ap);
  va_end (ap);
  return status;
}

void
say_note (const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  put_line (stderr, "", fmt, ap);
  va_end (ap);
}

void
say_line (const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  put_line (stdout, "", fmt, ap);
  va_end (ap);
}

int
say_no_memory (void)
{
  return say_error (STATUS_FAILED, "There is not enough memory for this command.");
}
