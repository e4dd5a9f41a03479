/* Answers the requests of a fake host from the SCIM double.  */
#ifndef TESTS_CONTRACT_SCIM_APP_H
#define TESTS_CONTRACT_SCIM_APP_H

#include "tests/apps/scim/double.h"

#include <usher/fakehost.h>

struct scim_app
{
  struct double_app *app;   /* owned */
  int32_t lost;             /* the next write is carried out and has no answer, but this */
  char *body;               /* owned; of the last answer */
};

void scim_app_init (struct scim_app *s);
void scim_app_done (struct scim_app *s);
/* A usher_fake_http_fn; ARG is the struct scim_app. */
void scim_app_http (void *arg, const struct usher_request *request, struct usher_fake_answer *ret);

#endif
