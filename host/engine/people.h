/* People as the rest of the engine makes and removes them. */
#ifndef USHER_ENGINE_PEOPLE_H
#define USHER_ENGINE_PEOPLE_H

#include "host/engine/internal.h"
#include "host/engine/plan.h"

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

/* ---- Leavers (leavers.c). */

/* What became of those whom the directory does not name. */
struct leavers_told
{
  uint64_t removed, held;
  char report[ID_TEXT_SIZE];  /* that holds them; "" = none */
};
/* Puts into P, which is judged by it, that the people of the directory leave who are not NAMED ({id: true})
   in a list of ROWS rows.  FRESH of the people are of that list alone: none was known before.  Who
   leaves, a new array. */
json_t *leavers_plan (struct txn *t, const json_t *named, uint64_t rows, uint64_t fresh, struct plan *p);
/* Removes the PEOPLE of P, or holds all of them in a report, as P was judged. */
void leavers_settle (struct txn *t, const struct caller *c, const struct plan *p, const json_t *people,
                     struct leavers_told *ret);
/* Refuses a KEEP (an object of reasons by id or address; NULL = none) that does not fit REPORT. */
int leavers_check (struct txn *t, const json_t *report, const json_t *keep, struct refusal *r);
/* Removes those of REPORT who are still to leave, but for those of KEEP, and notes it in the rows.
   What was done, a new object. */
json_t *leavers_apply (struct txn *t, const struct caller *c, json_t *report, const json_t *keep);

#endif
