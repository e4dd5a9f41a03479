/* Owns the line at the bottom of the terminal. */
#include <config.h>

#include "host/cli/bar.h"

#include <stdio.h>
#include <sys/ioctl.h>

#include "host/cli/say.h"
#include "host/common/text.h"

#define BAR_CELLS 20u
#define WIDTH_DEFAULT 80u

static size_t
terminal_width (void)
{
  struct winsize size;

  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
    return size.ws_col;
  return WIDTH_DEFAULT;
}

/* A line that wraps could not be taken back, so it is cut at a character. */
static void
cut (struct buf *line, size_t width)
{
  while (line->data && line->len && utf8_length (line->data) >= width)
    {
      do
        line->len--;
      while (line->len && ((unsigned char) line->data[line->len] & 0xc0) == 0x80);
      line->data[line->len] = '\0';
    }
}

void
bar_draw (struct bar *b, const char *what, uint64_t done, uint64_t total, const char *note)
{
  _cleanup_ (buf_done) struct buf line = BUF_INIT (SENTENCE_MAX);
  size_t full, i;

  if (!b->on)
    return;
  escape_text (&line, what);
  if (total)
    {
      full = done >= total ? BAR_CELLS : (size_t) ((double) done / (double) total * BAR_CELLS);
      buf_puts (&line, " [");
      for (i = 0; i < BAR_CELLS; i++)
        buf_putc (&line, i < full ? '#' : '.');
      buf_putc (&line, ']');
    }
  if (*note)
    {
      buf_putc (&line, ' ');
      escape_text (&line, note);
    }
  cut (&line, terminal_width ());
  (void) fprintf (stderr, "\r%s\033[K", line.data ? line.data : "");
  (void) fflush (stderr);
  b->drawn = true;
}

void
bar_clear (struct bar *b)
{
  if (b->drawn)
    {
      (void) fputs ("\r\033[K", stderr);
      (void) fflush (stderr);
    }
  b->drawn = false;
}
