/* An answer of an app as far as it speaks of limits: the first byte is its status and how the
   app file reads its numbers; then header lines, an empty line, a body.  Whatever they say,
   a wait is neither negative nor beyond its maximum, and a refusal that names a time says by
   what; a moment and a number are read again the same. */
#include <config.h>

#include "host/net/limits.h"

#define NOW INT64_C (1700000000000)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
hold (bool claim)
{
  if (!claim)
    abort ();
}

static void
read_line (struct limits *l, char *line)
{
  char *value = strchr (line, ':');
  struct when w;

  if (!value)
    return;
  *value++ = '\0';
  value += *value == ' ';
  limits_header (l, line, value);
  if (when_parse (value, 1000, &w) == 0)
    hold (w.kind != WHEN_NONE && w.ms >= 0 && w.ms <= WHEN_FAR_MS);
}

/* The header lines at S; answers what is behind them. */
static char *
read_head (struct limits *l, char *s)
{
  while (*s && *s != '\n')
    {
      size_t len = strcspn (s, "\n");
      bool last = !s[len];

      s[len] = '\0';
      read_line (l, s);
      s += len + !last;
    }
  return s + (*s == '\n');
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const int32_t statuses[] = { 200, 429, 403, 503, 400 };
  _cleanup_ (freep) char *s = size ? strndup ((const char *) data + 1, size - 1) : NULL;
  struct limits l = { .dialect = size ? (enum limits_dialect) (data[0] / ARRAY_SIZE (statuses) % 4) : 0 };
  struct limits_verdict v;
  const char *body;
  size_t i;

  if (!s)
    return 0;
  body = read_head (&l, s);
  limits_body (&l, body, strlen (body));
  limits_judge (&l, statuses[data[0] % ARRAY_SIZE (statuses)], NOW, &v);
  hold (!v.until_ms || (v.until_ms >= NOW && v.until_ms <= NOW + LIMITS_WAIT_MAX_MS && *v.quote));
  hold (v.remaining >= -1 && (v.remaining < 0 || v.until_ms));
  hold (!v.bounded || v.until_ms == NOW + LIMITS_WAIT_MAX_MS);
  for (i = 0; v.quote[i]; i++)
    hold (v.quote[i] >= ' ' && v.quote[i] <= '~');
  return 0;
}
