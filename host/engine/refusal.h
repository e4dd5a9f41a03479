/* A refusal: why an action was not carried out, as every face of Usher shows it
   (behaviour 7.1).  A refused action changed nothing. */
#ifndef USHER_ENGINE_REFUSAL_H
#define USHER_ENGINE_REFUSAL_H

#include <jansson.h>

#include "host/common/base.h"

struct refusal
{
  const char *code;   /* "label-taken"; static; NULL = none */
  int http;           /* 409 */
  char *detail;       /* owned: one sentence naming what was refused */
  char *field;        /* owned: the field at fault; NULL = none */
  const char *action; /* static: what the person does next */
  const char *title;  /* static: the code in words */
  json_t *errors;     /* owned: [{line, field, message}], of what has lines; NULL = none */
  size_t more_errors; /* beside those */
  unsigned int retry_s; /* when to try again, where time helps; 0 = it does not */
};

/* Fills R and answers -ECANCELED, so that `return refuse (...)` reads straight down.
   CODE must be one of the table; FIELD may be NULL. */
int refuse (struct refusal *r, const char *code, const char *field, const char *fmt, ...) _printf_ (4, 5);
/* Turns a negative errno of the store into a refusal (read-only, unavailable, ...). */
int refuse_errno (struct refusal *r, int error);
void refusal_done (struct refusal *r);

/* The I-th of all codes and its status; false behind the last. */
bool refusal_at (size_t i, const char **ret_code, int *ret_http);

#endif
