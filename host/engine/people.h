/* People as the rest of the engine makes and removes them. */
#ifndef USHER_ENGINE_PEOPLE_H
#define USHER_ENGINE_PEOPLE_H

#include "host/engine/internal.h"

struct person_fields
{
  const char *email, *first_name, *last_name, *username, *workspace_role;  /* NULL = not given */
  json_t *secondary_emails, *teams;                                        /* borrowed arrays, NULL = not given */
  int is_guest;                                                            /* -1 = not given */
  enum workspace_role giver;                                               /* of who asks: the highest to be given */
};
/* A new pending person, put in T; *RET a new reference. */
int person_make (struct txn *t, const struct caller *c, const struct person_fields *f, json_t **ret,
                 struct refusal *r);
/* Takes over what F says; *RET_CHANGED whether anything did. */
int person_apply (json_t *person, const struct person_fields *f, bool *ret_changed, struct refusal *r);
/* Puts the person; an address of somebody else is a refusal. */
int person_put (struct txn *t, json_t *person, struct refusal *r);
/* The person is kept for the record; their members are unmatched, nobody leaves an app. */
void person_remove (struct txn *t, const struct caller *c, json_t *person);
json_t *person_render (const json_t *person);

#endif
