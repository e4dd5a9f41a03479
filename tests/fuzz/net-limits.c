/* What apps say of limits and dates; the first byte chooses the header.  A wait is never
   negative and never beyond its maximum. */
#include <config.h>

#include "host/net/limits.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const names[] = { "Retry-After", "RateLimit", "X-RateLimit-Reset",
                                       "RateLimit-Remaining", "Date" };
  const int64_t now = INT64_C (1700000000000);
  _cleanup_ (freep) char *s = size ? strndup ((const char *) data + 1, size - 1) : NULL;
  struct limits l = LIMITS_INIT;
  int64_t date, until;

  if (!s)
    return 0;
  (void) limits_parse_date (s, &date);
  limits_header (&l, names[data[0] % ARRAY_SIZE (names)], s);
  limits_header (&l, "Retry-After", s);
  until = limits_until (&l, 429, now);
  if (until && (until < now || until > now + LIMITS_WAIT_MAX_MS))
    abort ();
  return 0;
}
