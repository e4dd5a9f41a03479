/* Saved credentials of apps. */
#ifndef USHER_ENGINE_ACCOUNTS_H
#define USHER_ENGINE_ACCOUNTS_H

#include "host/engine/internal.h"

/* Checks GIVEN {label, kind, username, email, phone, fields, secrets}, seals its secrets
   and puts a free account; LABEL serves where GIVEN has none.  *RET is a new reference. */
int account_make (struct engine *e, struct txn *t, const struct caller *c, const struct app *app, json_t *hub_fields,
                  json_t *given, const char *label, json_t **ret, struct refusal *r);
/* 1 to 80 characters. */
int check_label (const char *label, const char *what, struct refusal *r);

#endif
