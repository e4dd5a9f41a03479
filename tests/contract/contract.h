/* What the contract checks have to know of an app to try its connector on it.  A connector joins
   by one file that fills these in and ends with CONTRACT_MAIN; the checks are the same for all.  */
#ifndef TESTS_CONTRACT_CONTRACT_H
#define TESTS_CONTRACT_CONTRACT_H

#include <usher/fakehost.h>

struct contract_app
{
  const char *name;
  const char *spec;                  /* "run" of the app file */
  const struct usher_kv *conf;       /* hub fields; ends with a NULL key */
  void *(*start) (void);             /* an app double; always the same members in it */
  void (*stop) (void *app);
  usher_fake_http_fn *http;          /* answers from what start made */
  uint64_t (*effects) (void *app);   /* changes carried out so far */
  const char *present, *absent;      /* ids of a member and of nobody */
  const char *email, *role;          /* of an invitee; a role that PRESENT does not have */
};

/* The apps (or settings of one app) that a program checks. */
extern const struct contract_app contract_apps[];
extern const int contract_n_apps;

#endif
