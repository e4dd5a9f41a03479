/* What follows from a backup that was put back. */
#ifndef USHER_ENGINE_RESTORED_H
#define USHER_ENGINE_RESTORED_H

#include <jansson.h>

#include "host/engine/confinement.h"
#include "host/store/store.h"

struct engine;

/* If the store of E is a backup that was just put back: open tasks end, half-applied syncs
   are given up, every hub is validated again and its first plan that removes somebody is
   held, and an event says so.  Before anything else looks at the store; done once, however
   often it is cut off. */
int restored_settle (struct engine *e);
/* {"id", "taken_at", "restored_at", "aside"} of the last restore, while the store that it
   replaced is still there; else NULL.  A new reference. */
json_t *restored_json (struct engine *e, struct txn *t);
/* Adds the doctor's reminder of that store. */
void restored_check (struct engine *e, struct txn *t, json_t *checks, confinement_add *add);

#endif
