/* Time.  Wall time for what people read, monotonic time for waits; both int64_t
   milliseconds.  With --enable-test-hooks the wall clock can be moved by tests. */
#ifndef USHER_COMMON_CLOCK_H
#define USHER_COMMON_CLOCK_H

#include <time.h>

#include "host/common/base.h"

#define CLOCK_RFC3339_SIZE 32

/* Milliseconds since 1970, UTC.  Under test hooks the file named by USHER_TEST_CLOCK holds an
   offset in milliseconds that is added to both clocks, or one for each. */
int64_t clock_now_ms (void);
/* Milliseconds of a clock that never goes back; meaningless across restarts. */
int64_t clock_mono_ms (void);
/* MS from now as CLOCK_MONOTONIC itself counts it, for waits on a condition. */
struct timespec clock_deadline (int64_t ms);
/* "2026-11-24T06:10:50.123Z" (without the fraction when it is zero). */
void clock_rfc3339 (int64_t ms, char ret[CLOCK_RFC3339_SIZE]);
/* The reverse; takes Z and numeric offsets.  -EINVAL for anything else. */
int clock_parse_rfc3339 (const char *s, int64_t *ret);

#endif
