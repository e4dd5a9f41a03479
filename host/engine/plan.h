/* A plan: what a batch of changes would do, before any of it is done (behaviour 5.5).  It is
   built, judged by the guard as a whole, then shown, held in a report or carried out; a dry run,
   a preview and a run differ only in the last step.

   The automation account is in no plan, and nobody who is exempted in one that changes an app. */
#ifndef USHER_ENGINE_PLAN_H
#define USHER_ENGINE_PLAN_H

#include "host/common/row.h"
#include "host/engine/internal.h"

/* ---- The guard (guard.c): pure. */

#define GUARD_SENTENCE_MAX 2048u

struct guard
{
  uint64_t known, missing;   /* those who hold a seat; of them, missing or to be removed */
  uint64_t seen;             /* rows in the listing */
  int64_t threshold, floor, cap;
  uint64_t top, top_lost;    /* known holders of the highest ranked role; of them, removed or lowered */
  const char *kept;          /* borrowed: who of keep-members would be removed or lowered; NULL = none */
  const char *owner;         /* borrowed: the hub that would lose its last owner; NULL = none */
  bool ask;                  /* what the store knows is in doubt: nobody goes unasked */
  const char *who;           /* static: "members", "people" */
};
enum guard_verdict
{
  GUARD_PASS, GUARD_EMPTY, GUARD_KEPT, GUARD_OWNER, GUARD_ASK, GUARD_TOP, GUARD_CAP, GUARD_SHARE,
};
enum guard_verdict guard_judge (const struct guard *g);
const char *guard_name (enum guard_verdict v);
/* The verdict as a sentence; caller frees. */
char *guard_sentence (const struct guard *g, enum guard_verdict v);

/* ---- The plan (plan.c). */

/* In the order in which they are done: nobody is lowered or removed before somebody else was
   added or raised. */
enum plan_action { PLAN_ADD, PLAN_CHANGE, PLAN_LOWER, PLAN_REMOVE };
#define PLAN_ACTIONS 4u
#define PLAN_ITEMS_MAX 1000u  /* that are kept of each action; all are counted */
#define PLAN_ROLES_MAX 100u   /* of one member */

struct plan
{
  uint64_t n[PLAN_ACTIONS];
  json_t *items[PLAN_ACTIONS];  /* owned */
  struct guard guard;
  enum guard_verdict verdict;   /* of plan_judge */
  char *why;                    /* owned: its sentence; "" = it passes */
};
void plan_init (struct plan *p);
void plan_done (struct plan *p);
/* Counts a change.  True when its item is to be given to plan_item too. */
bool plan_count (struct plan *p, enum plan_action action);
/* ITEM is taken: who it is and what of them changes. */
void plan_item (struct plan *p, enum plan_action action, json_t *item);
/* An item of a member: id, names, and the roles of WAS and NOW, of which one may be NULL. */
json_t *plan_member (const struct id *member, const struct row_view *was, const struct row_view *now);
/* An item of a person: id and names, and under "changes" the names of the fields in which BEFORE,
   unless that is NULL, is another. */
json_t *plan_person (const json_t *person, const json_t *before);
/* Nobody is removed by this plan after all. */
void plan_remove_nobody (struct plan *p);
/* Asks the guard about P, whose guard was filled in; what that borrows is not looked at afterwards. */
enum guard_verdict plan_judge (struct plan *p);
/* As the API shows it: {items, counts, more, guard}; a new reference. */
json_t *plan_json (const struct plan *p);

#endif
