/* Owns the writing of CSV (RFC 4180). */
#include <config.h>

#include "host/directory/csv.h"

void
csv_put_field (struct buf *out, const char *text)
{
  bool formula = *text && strchr ("=+-@\t\r", *text);
  size_t n = strlen (text);

  if (!formula && !strpbrk (text, "\",\r\n") && (!n || (text[0] != ' ' && text[n - 1] != ' ')))
    {
      buf_puts (out, text);
      return;
    }
  buf_puts (out, formula ? "\"'" : "\"");
  for (;;)
    {
      n = strcspn (text, "\"");
      buf_put (out, text, n);
      text += n;
      if (!*text++)
        break;
      buf_puts (out, "\"\"");
    }
  buf_putc (out, '"');
}

void
csv_put_row (struct buf *out, const char *const *fields, size_t n)
{
  size_t i;

  for (i = 0; i < n; i++)
    {
      if (i)
        buf_putc (out, ',');
      if (fields[i])
        csv_put_field (out, fields[i]);
    }
  buf_puts (out, "\r\n");
}
