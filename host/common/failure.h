/* What can go wrong with a task: the failure codes that people, scripts and the
   engine see, and how a status of the connector ABI becomes one.  Pure tables. */
#ifndef USHER_COMMON_FAILURE_H
#define USHER_COMMON_FAILURE_H

#include "host/common/base.h"

/* What a failure of this code does to the hub. */
#define FAILURE_HUB_NONE 0
#define FAILURE_HUB_ACCOUNT 1 /* review-automation-account */
#define FAILURE_HUB_CONFIG 2  /* review-configuration */

struct failure
{
  const char *code;    /* "network-error" */
  const char *class;   /* "transient" */
  int hub;             /* FAILURE_HUB_... */
  bool retry;          /* tried again by itself */
  bool can_retry;      /* a person may retry it */
  const char *step;    /* identifier of the next step, "" = none */
  const char *action;  /* the next step as a sentence, "" = none; true also once no attempt is left */
};

/* The row of CODE; for an unknown code the row that advises to contact the operator
   (its code is then "unknown": show the code itself). Never NULL. */
const struct failure *failure_find (const char *code);

/* The code that a negative status of the connector ABI becomes: an unknown detail
   gets the first code of its class. */
const char *failure_code (int32_t status);
/* class of a status, 1 to 11; 0 for answers that are not errors. */
int failure_class (int32_t status);

#endif
