/* Owns the one line that an entry becomes.  Each entry is a single write, so that
   lines of several threads or processes do not mix. */
#include <config.h>

#include "host/common/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/clock.h"

#define LINE_MAX_BYTES (16u * 1024)

static struct
{
  const char *name;
  atomic_int level;
  atomic_bool json;
  bool terminal;
} log_state = { "usher", LOG_LEVEL_INFO, false, false };

static const struct
{
  int level;
  const char *name;
} levels[] = {
  { LOG_LEVEL_ERROR, "error" },
  { LOG_LEVEL_WARNING, "warning" },
  { LOG_LEVEL_INFO, "info" },
  { LOG_LEVEL_DEBUG, "debug" },
};

void
log_open (const char *name, int level, bool json)
{
  log_state.name = name;
  log_state.terminal = isatty (STDERR_FILENO);
  log_set (level, json);
}

void
log_set (int level, bool json)
{
  atomic_store (&log_state.level, level);
  atomic_store (&log_state.json, json);
}

int
log_level_parse (const char *s)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (levels); i++)
    if (streq (s, levels[i].name))
      return levels[i].level;
  return -EINVAL;
}

static const char *
level_name (int level)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (levels); i++)
    if (level == levels[i].level)
      return levels[i].name;
  return "info";
}

static void
put_escaped (struct buf *line, const char *s)
{
  for (; *s; s++)
    if ((unsigned char) *s < 0x20 || *s == 0x7f)
      buf_printf (line, "\\x%02x", (unsigned char) *s);
    else
      buf_putc (line, *s);
}

void
log_write (int level, const char *fmt, ...)
{
  char text[4096];
  _cleanup_ (buf_done) struct buf line = BUF_INIT (LINE_MAX_BYTES);
  va_list ap;
  ssize_t n _unused_;

  if (level > atomic_load (&log_state.level))
    return;
  va_start (ap, fmt);
  (void) vsnprintf (text, sizeof text, fmt, ap);
  va_end (ap);
  if (atomic_load (&log_state.json))
    {
      char when[CLOCK_RFC3339_SIZE];

      clock_rfc3339 (clock_now_ms (), when);
      buf_printf (&line, "{\"time\":\"%s\",\"level\":\"%s\",\"process\":\"%s\",\"text\":",
                  when, level_name (level), log_state.name);
      buf_put_json (&line, text);
      buf_puts (&line, "}\n");
    }
  else
    {
      /* The journal takes the priority off again (sd-daemon(3)); a person would read it. */
      if (!log_state.terminal)
        buf_printf (&line, "<%d>", level);
      buf_printf (&line, "%s: ", log_state.name);
      put_escaped (&line, text);
      buf_putc (&line, '\n');
    }
  if (!buf_error (&line))
    n = write (STDERR_FILENO, line.data, line.len);
}
