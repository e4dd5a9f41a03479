/* What one sync changes: made beside the store by a reading pass, sealed on disk, then
   applied at one commit point.  A sealed delta is a redo log: after a crash in the
   middle it is finished before anything else happens to its hub.

   A hub has one delta at a time; a delta and a walk belong to one thread at a time. */
#ifndef USHER_STORE_DELTA_H
#define USHER_STORE_DELTA_H

#include "host/store/store.h"

/* The order that members of a hub are kept and walked in.  Writes the ordering key of
   the native key at KEY and returns its length: what a sorter must sort by for its
   records to come in the order of seen_walk.  Compared by memcmp, a prefix before what
   it begins.  It is the native key itself, or, from STORE_ORDER_KEY_MAX bytes on, its
   beginning and a hash. */
#define STORE_ORDER_KEY_MAX 448u
size_t store_order_key (const char *key, size_t len, uint8_t ret[STORE_ORDER_KEY_MAX]);

/* ---- Reading the members of a hub in the order of store_order_key, beside running writers: the
   snapshot is renewed every 1,000 rows. */
struct seen_walk;
int seen_walk_open (struct store *s, const struct id *hub, struct seen_walk **ret);
void seen_walk_close (struct seen_walk *w);
DEFINE_CLEANUP (struct seen_walk *, seen_walk_close)
/* 1 and *ret (borrowed until the next call), 0 at the end, negative.  Only members
   that have a native key. */
int seen_walk_next (struct seen_walk *w, struct member *ret);

/* ---- Writing. */
struct delta;

/* Begins a delta for HUB in the store's work folder.  To be called before seen_walk_open:
   a member that is changed in the store from now on is left as it is by the apply.
   -EBUSY while another delta of the hub is half applied. */
int delta_new (struct store *s, const struct id *hub, struct delta **ret);
/* Frees; leaves nothing behind unless it is half applied. */
void delta_free (struct delta *d);
DEFINE_CLEANUP (struct delta *, delta_free)
/* A member to be written as M says (txn_member_put; M->row NULL with OLD's key keeps the
   row).  Called in the order of the walk, members without a key last.  OLD is the
   member as the walk showed it, NULL for a new one: its index entries are taken out.
   What is the same in both is not written.  Ids of new members that ascend in this order
   make the apply cheap; any are allowed. */
int delta_put (struct delta *d, const struct member *old, const struct member *m);
/* An event to be written with it (borrowed JSON). */
int delta_event (struct delta *d, json_t *event);
uint64_t delta_rows (const struct delta *d);
/* Makes the delta durable.  SUMMARY (borrowed JSON) is handed to the closing step. */
int delta_seal (struct delta *d, json_t *summary);

/* Runs in the closing transaction, also after a crash: counters, report, task, event
   of the whole.  Answers 0 or a negative errno. */
typedef int delta_close_fn (void *arg, struct txn *t, const struct id *hub, json_t *summary);
/* A member whose status turned, or who is new (WAS is 0). */
struct delta_turn
{
  struct id member;
  uint16_t was, now;       /* enum member_status */
};
/* Runs at the end of each transaction that wrote such members: those N, once each.  What hangs on
   a member's status goes by as many as a batch, however many the delta turns. */
typedef int delta_turned_fn (void *arg, struct txn *t, const struct id *hub, const json_t *summary,
                             const struct delta_turn *turns, size_t n);
/* What its owner does while a delta is applied. */
struct delta_steps
{
  delta_close_fn *close;
  delta_turned_fn *turned;   /* NULL = nothing */
  void *arg;             /* of both */
};
/* Applies a sealed delta: up to 5,000 rows in one transaction together with the closing step; more
   in key order in batches of 10,000 rows that are marked, then that.  A member that was
   changed or deleted since delta_new, whose key another member got since, or whose
   person did, is left as it is.  On success the file is gone.  -ENOSPC: nothing lost,
   apply again later. */
int delta_apply (struct delta *d, const struct delta_steps *steps);

/* The half-applied delta of HUB, to be applied again; -ENOENT when there is none,
   -EBADMSG when its file is damaged or lost. */
int delta_resume (struct store *s, const struct id *hub, struct delta **ret);

/* Gives up the half-applied delta of HUB, whose file is lost or older than the store: what it
   wrote is made consistent (index entries, counters, rows without a link), its mark and its
   file go.  Members are then partly as before it and partly as after it, so the hub wants a
   listing.  1; 0 when there was none; negative: call it again.  Nothing else may be writing
   the hub's members. */
int delta_forget (struct store *s, const struct id *hub);

/* At start: rolls every half-applied delta forward and deletes deltas never begun.  LOST
   decides about one that answers -EBADMSG (delta_forget; NULL = it stays, an error), with
   the ARG of STEPS; 0 or positive when it is dealt with.  Goes on with the others when one fails; the first error. */
typedef int delta_lost_fn (void *arg, const struct id *hub);
int delta_recover (struct store *s, const struct delta_steps *steps, delta_lost_fn *lost);

#endif
