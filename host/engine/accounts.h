/* Saved credentials of apps. */
#ifndef USHER_ENGINE_ACCOUNTS_H
#define USHER_ENGINE_ACCOUNTS_H

#include "host/engine/internal.h"

/* Checks GIVEN {label, kind, username, email, phone, fields, secrets}, seals its secrets
   and puts a free account; LABEL serves where GIVEN has none.  *RET is a new reference. */
int account_make (struct engine *e, struct txn *t, const struct caller *c, const struct app *app, json_t *hub_fields,
                  json_t *given, const char *label, json_t **ret, struct refusal *r);
/* Changes ACCOUNT, to be put, by GIVEN, of the same keys; secrets that are not given stay.
   HUB_FIELDS are those of the hub it is linked to, NULL for a free one. */
int account_change (struct engine *e, struct txn *t, const struct caller *c, const struct app *app, json_t *hub_fields,
                    json_t *given, json_t *account, struct refusal *r);

/* ---- Where secrets may go (secret-hosts.c). */

/* C has just given the secret NAME: it may go where C links it to. */
void secret_given (json_t *account, const char *name, const struct caller *c);
/* C links ACCOUNT to a hub with FIELDS, or gives its hub these.  Refused, naming FIELD, when a
   secret would go where it was not given for; else ACCOUNT, to be put, says where they go. */
int secret_bind (struct txn *t, const struct caller *c, const struct app *app, json_t *account, json_t *fields,
                 const char *field, struct refusal *r);

/* 1 to 80 characters. */
int check_label (const char *label, const char *what, struct refusal *r);

#endif
