/* One sync under way, as its steps share it: listing (sync-list.c), judging absences and
   applying (sync-apply.c), the course of it all (run-sync.c). */
#ifndef USHER_ENGINE_SYNC_RUN_H
#define USHER_ENGINE_SYNC_RUN_H

#include "host/engine/sync.h"

#define SYNC_ROLES_MAX 10000u
#define SYNC_SCOPES_MAX 10000u

/* All that a listing said of one kind and scope: a listing that was cut off and resumed
   has it in several sections, of which the last ends it. */
struct scope
{
  uint32_t kind;
  char *name;                     /* owned; NULL = whole */
  json_t *note;                   /* how it ended; NULL = not */
  uint64_t rows;
};

struct sync
{
  struct run *r;                  /* first: see RUN_EVENTS */
  struct session *session;
  struct spool *spool;
  struct sorter *rows;
  struct proof proof;
  struct merge merge;
  json_t *head;                   /* of the spool: task, generation, seq, began */
  json_t *roles;                  /* ROLE rows, as the hub keeps them */
  char spool_name[64];
  struct buf cursor;              /* where the listing goes on */
  uint64_t shown;                 /* rows so far, for the progress */
  bool dry, moved;
  bool approved;                  /* a person applied a report of all that this sync would take */
  int lost;                       /* why the spool could not be gone back in; 0 = it could */
  bool full;                      /* there was no room for the spool */
  uint32_t base;                  /* ordinals of an earlier run that this one goes on from */
  struct scope scopes[SYNC_SCOPES_MAX];
  size_t n_scopes;
};

/* ---- run-sync.c */

/* What the sync has asked of the app, NOW and in its earlier runs: "requests" or "bytes". */
json_int_t sync_cost (const struct sync *s, const char *what, uint64_t now);

/* ---- sync-list.c */

/* Opens what an earlier run of the same configuration left, or a new spool. */
int sync_open_spool (struct sync *s);
void sync_drop_spool (struct sync *s);
/* True when the app's listing is whole in the spool; else the run knows why not. */
bool sync_list (struct sync *s);
/* Reads the spool back: its rows sorted, its sections judged. */
int sync_prove (struct sync *s);

/* ---- sync-apply.c */

/* True when the sync may go on.  Else nothing is applied and a report says why. */
bool sync_guarded (struct sync *s);
/* Settings that changed while the app was listed make the listing one of another hub. */
bool sync_still_configured (struct sync *s);
json_t *sync_result (const struct sync *s, size_t waiting);
/* What goes with the rows of a delta: for delta_apply. */
extern const struct delta_steps sync_steps;
/* Confirms absences, seals the delta and applies it.  -ESTALE: the settings changed. */
int sync_apply (struct sync *s);

#endif
