/* Text that grows up to a maximum: what URLs, filters and sentences are put together in.
   Errors stick: after one, nothing is added and text_steal answers NULL.  */
#ifndef SEAT_TEXT_H
#define SEAT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__ ((cleanup (f)))
#define ARRAY_SIZE(a) (sizeof (a) / sizeof ((a)[0]))

/* Hand an owning local over: yields its value and leaves NULL behind. */
#define TAKE(p) \
  ({ __typeof__ (p) *take_ = &(p); __typeof__ (p) taken_ = *take_; *take_ = NULL; taken_; })

static inline void
freep (void *p)
{
  free (*(void **) p);
}

#define TEXT_MAX 16384u /* bytes of a URL or a filter */

struct text
{
  char *s;     /* owned */
  size_t len;
  bool bad;    /* no memory, or over TEXT_MAX */
};

void text_done (struct text *t);
/* The text, which the caller frees, or NULL after an error.  T is empty afterwards. */
char *text_steal (struct text *t);

void text_put (struct text *t, const char *s, size_t len);
void text_puts (struct text *t, const char *s);
void text_put_u64 (struct text *t, uint64_t v);
/* Everything but the unreserved characters of RFC 3986 as %XX. */
void text_put_percent (struct text *t, const char *s);
/* As a string of a SCIM filter (RFC 7644 3.4.2.2: a JSON string), with its quotes. */
void text_put_quoted (struct text *t, const char *s);

/* Comparisons without regard to ASCII case. */
bool text_same (const char *a, const char *b);
bool text_has (const char *haystack, const char *needle);
/* An address: something, one @, something; no space and no control in it. */
bool text_is_address (const char *s);
/* RFC 3339 to milliseconds since 1970; 0 when it is not one. */
int64_t text_time_ms (const char *s);

#endif
