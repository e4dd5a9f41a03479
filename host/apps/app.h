/* Inside of one app: what the files of this folder share and nobody else sees. */
#ifndef USHER_APPS_APP_H
#define USHER_APPS_APP_H

#include "host/apps/apps.h"
#include "host/common/arena.h"

struct app
{
  json_t *root;                     /* owned reference */
  char *text;                       /* owned: the file */
  size_t run_at, run_len;           /* "run" in TEXT; 0 = none */
  char *public_json, *auth_json;    /* owned */
  struct arena arena;               /* what the arrays below lie in */
  struct app_field *fields, *provisioning;
  struct app_account *accounts;
  struct app_role_group *groups;
  struct app_role *roles;
  size_t n_fields, n_provisioning, n_accounts, n_groups, n_roles;
};

/* The app that TEXT (taken in any case) declares: 1 and *RET, 0 when problems were told,
   -ENOMEM. */
int app_parse (const char *file, char *text, size_t len, app_problem_fn *fn, void *data,
               struct app **ret);
struct app *app_free (struct app *a);
DEFINE_CLEANUP (struct app *, app_free)

/* Fills the arrays of A from its root, which was checked; 0 or -ENOMEM. */
int app_build (struct app *a);

/* The value of FIELD in VALUES, when it is one text; NULL = none.  Borrowed. */
const char *app_value (json_t *values, const char *key);

_printf_ (3, 4) int app_refuse (struct app_error *error, const char *field, const char *fmt, ...);

/* Checks VALUE (not NULL) for FIELD and puts its normal form at KEY of RET: values.c. */
int app_check_value (const struct app_field *field, json_t *value, json_t *ret,
                     struct app_error *error);
/* Whether VALUE says nothing: null, "" or an empty list. */
bool app_is_empty (json_t *value);

#endif
