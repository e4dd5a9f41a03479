/* What an answer says about how often one may ask: Retry-After in seconds and as a
   date, X-RateLimit-*, X-Rate-Limit-*, RateLimit-* and RateLimit of the IETF draft. */
#ifndef USHER_NET_LIMITS_H
#define USHER_NET_LIMITS_H

#include "host/common/base.h"

/* No app is believed when it asks for a longer wait. */
#define LIMITS_WAIT_MAX_MS (INT64_C (25) * 3600 * 1000)

struct limits
{
  int64_t date_ms;        /* the app's own clock, 0 = not told */
  int64_t retry_date_ms;  /* Retry-After as a date, 0 = none */
  int64_t retry_wait_ms;  /* Retry-After as a wait, -1 = none */
  int64_t reset_wait_ms;  /* when the allowance is renewed, -1 = not told */
  int64_t reset_date_ms;  /* the same as a moment, 0 = not told */
  int64_t remaining;      /* -1 = not told */
};

#define LIMITS_INIT { 0, 0, -1, -1, 0, -1 }

/* Takes note of one header of an answer; others are ignored, nonsense too. */
void limits_header (struct limits *l, const char *name, const char *value);

/* Whether an answer of this status says "not now". */
bool limits_throttled (const struct limits *l, int32_t status);
/* The wall time before which nothing should be asked, at most LIMITS_WAIT_MAX_MS away;
   0 when the answer names none. */
int64_t limits_until (const struct limits *l, int32_t status, int64_t now_ms);

/* A date of RFC 9110 section 5.6.7 in any of its three forms; -EINVAL. */
int limits_parse_date (const char *s, int64_t *ret_ms);

#endif
