/* The open tasks, as the queue has them: one task a hub at a time, checks before writes
   before syncs, then in the order they were made.  The queue's lock guards all of it. */
#ifndef USHER_ENGINE_WORK_H
#define USHER_ENGINE_WORK_H

#include "host/engine/internal.h"

enum work_class { WORK_CHECK, WORK_WRITE, WORK_SYNC };

struct work
{
  struct id task, hub;
  enum work_class class;
  int64_t due_ms;          /* monotonic */
  bool running, blocked;   /* blocked: its hub waits; looked at again after a kick */
  bool kicked;             /* while it was running */
  bool held;               /* does not begin: a transaction under way ends it */
  bool left;               /* open when the daemon started, which may have ended because of it: from
                              now on each attempt is written before it begins */
  int64_t attempt;         /* the one that this daemon began and whose end is not written, so that the
                              next is the same one; 0 = none */
  const char *waits;       /* why, where the store could not be told; static */
  bool writes_only;        /* it runs on a thread that is kept for checks and writes */
  bool lent;               /* another thread is there in place of that one */
  bool wants_place;        /* ... is to be, as soon as there is one */
  bool stop, yield;        /* stop: end now; yield: end at the next page */
  struct session *session; /* what to wake when stop turns true */
  uint64_t done, total;
};

struct work_list
{
  struct work **v;         /* owned, sorted by class and task id */
  size_t n, cap;
};

/* What TASK asks for, owned by the caller.  -EINVAL: it is no task that can be run. */
int work_of (const json_t *task, struct work **ret);
int work_insert (struct work_list *l, struct work *w /* takes */);
struct work *work_find (const struct work_list *l, const struct id *task);   /* NULL = none */
/* Takes W out and frees it. */
void work_remove (struct work_list *l, struct work *w);
/* The next task that may run now; else *SLEEP_MS is lowered to how long until one could. */
struct work *work_pick (const struct work_list *l, bool writes_only, int64_t *sleep_ms);

/* ---- How an attempt at a task begins and ends in the store (attempt.c). */

/* Reads the task and its hub into R and marks it started, in the store too but for a change, whose
   intent or end says it, unless it was open when the daemon started.  1: go; 0: not now, it is blocked
   or late; negative: the task is gone. */
int attempt_begin (struct run *r, enum work_class class);
/* Writes how the run ended.  True when the task is over. */
bool attempt_end (struct run *r);

#endif
