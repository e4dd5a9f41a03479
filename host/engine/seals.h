/* The keys of an installation: data keys and the key of the event chain, kept sealed in
   the store.

   A data key goes when nothing in the store is sealed with it.  So that this can be known,
   whoever seals a value does it inside the write transaction that keeps the value. */
#ifndef USHER_ENGINE_SEALS_H
#define USHER_ENGINE_SEALS_H

#include <jansson.h>

#include "host/engine/confinement.h"
#include "host/store/store.h"
#include "host/vault/vault.h"

struct engine;

/* Opens E's vault and the keys in its store; the first start makes them.  The events of
   the store can be added to and verified from then on. */
int seals_open (struct engine *e, char **ret_why);

/* Makes V know the data keys that T's store keeps.  1 when some were sealed with the
   usher.key that usher.key.new replaces, 0, or what vault_add_key answers with a sentence
   in *RET_WHY (caller frees). */
int seals_load (struct txn *t, struct vault *v, char **ret_why);
/* Opens every value that T's store keeps sealed, as V can.  How many do not open. */
size_t seals_unopened (struct txn *t, struct vault *v);

/* Adds the doctor's checks. */
void seals_check (struct engine *e, json_t *checks, confinement_add *add);

#endif
