/* A wait or a moment, in the forms that apps write them: numbers of seconds (or of another
   unit), seconds and milliseconds since 1970, the dates of RFC 9110, RFC 3339, and
   durations like "1m30.5s".  Pure. */
#ifndef USHER_NET_WHEN_H
#define USHER_NET_WHEN_H

#include "host/common/base.h"

/* Nothing is farther away: what a text puts beyond it is put there (year 144,000). */
#define WHEN_FAR_MS (INT64_C (1) << 52)

enum when_kind
{
  WHEN_NONE,                 /* not told */
  WHEN_WAIT,                 /* MS from the answer on */
  WHEN_MOMENT,               /* MS since 1970, by the app's clock */
};

struct when
{
  enum when_kind kind;
  int64_t ms;                /* 0 to WHEN_FAR_MS */
};

/* Reads S, where a plain number counts UNIT_MS milliseconds each; from 1e9 on it is a
   moment in seconds, from 1e12 on one in milliseconds.  Behind a number a separator of a
   list and more may follow.  -EINVAL for what is no time, a negative one too. */
int when_parse (const char *s, int64_t unit_ms, struct when *ret);
/* The same of a number that a document holds as such. */
int when_number (double v, int64_t unit_ms, struct when *ret);

/* A date of RFC 9110 section 5.6.7 in any of its three forms; -EINVAL. */
int when_parse_date (const char *s, int64_t *ret_ms);

#endif
