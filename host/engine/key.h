/* Requests that carry an Idempotency-Key: which are under way, and the answers of those
   that were done.  Inside the engine; what others may ask is in engine.h. */
#ifndef USHER_ENGINE_KEY_H
#define USHER_ENGINE_KEY_H

#include "host/engine/engine.h"

int keys_start (struct engine *e);
void keys_stop (struct engine *e);
/* In the transaction of the effect: ANSWER (borrowed) is what K is answered from now on. */
int key_keep (struct engine *e, struct txn *t, struct call_key *k, const json_t *answer, struct refusal *r);
/* That transaction was committed. */
void key_kept (struct engine *e, const struct call_key *k);
/* How many answers are kept. */
size_t keys_count (struct engine *e);
/* Deletes answers past their time, at most MAX; how many. */
size_t keys_prune (struct txn *t, size_t max);
/* N were deleted for good. */
void keys_pruned (struct engine *e, size_t n);

#endif
