/* What went wrong, told to the host in a sentence.  */
#ifndef SEAT_FAIL_H
#define SEAT_FAIL_H

#include <usher/connector.h>

#define SEAT_SENTENCE_MAX 512u   /* bytes of a sentence for people */

/* Tells the host and answers CODE.  FIELD may be NULL. */
int32_t seat_fail (struct usher_ctx *ctx, int32_t code, const char *field, const char *format, ...)
  __attribute__ ((format (printf, 4, 5)));

#endif
