/* Failures as sentences.  */
#include <config.h>

#include "plugins/seat/fail.h"

#include <stdarg.h>
#include <stdio.h>

int32_t
seat_fail (struct usher_ctx *ctx, int32_t code, const char *field, const char *format, ...)
{
  char text[SEAT_SENTENCE_MAX];
  struct usher_fault fault = { .size = sizeof fault, .code = code, .text = text, .field = field };
  va_list ap;

  va_start (ap, format);
  (void) vsnprintf (text, sizeof text, format, ap);
  va_end (ap);
  return usher_fail (ctx, &fault);
}
