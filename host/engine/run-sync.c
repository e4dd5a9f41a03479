/* Owns the course of a sync: list into the spool, prove, sort, merge, guard, confirm
   absences, seal, apply.  A run that is interrupted or fails resumes at its last page;
   a run that ends badly changed nothing. */
#include <config.h>

#include "host/engine/sync-run.h"

#include <stdio.h>

#define DUPLICATES_TOLERATED 0u

json_int_t
sync_cost (const struct sync *s, const char *what, uint64_t now)
{
  return json_number (json_object_get (s->r->task, "spent"), what, 0) + (json_int_t) now;
}

/* The next run of the task goes on counting; one that died is not counted. */
static void
keep_cost (struct sync *s)
{
  (void) json_object_set_new (s->r->task, "spent",
                              json_pack ("{s:I, s:I}", "requests", sync_cost (s, "requests", s->r->requests), "bytes",
                                         sync_cost (s, "bytes", s->r->bytes)));
}

static void
finish_dry (struct sync *s)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (s->r->e->store);
  int x;

  (void) json_object_set_new (s->r->task, "sync", sync_result (s, s->merge.n_missing));
  (void) json_object_set_new (s->r->task, "plan", plan_json (&s->merge.plan));
  if (!run_is_wanted (s->r, t))
    return;
  run_complete (s->r, t, "no-op");
  x = txn_commit (TAKE (t));
  if (x < 0)
    run_store_failed (s->r, x, "The end of the task cannot be written");
}

static int
merge (struct sync *s)
{
  int x;

  /* Where they stand among the members, their absence is proved with the members'. */
  if (streq (app_get_text (s->r->app, "add.pending", "none"), "listed"))
    s->proof.invites = s->proof.members;
  s->merge.proof = &s->proof;
  s->merge.start_seq = (uint64_t) json_number (s->head, "seq", 0);
  s->merge.first = !json_object_get (s->r->hub, "last_synced_at");
  s->merge.dry = s->dry;
  x = store_check_room (s->r->e->store, spool_bytes (s->spool) * 2);
  if (x == 0)
    x = delta_new (s->r->e->store, &s->r->hub_id, &s->merge.delta);
  if (x == 0)
    x = merge_run (&s->merge, s->rows, s->spool);
  if (x == 0 && s->merge.duplicates > DUPLICATES_TOLERATED)
    proof_against (&s->proof, "the app showed the same member twice while its pages moved");
  if (s->proof.listing == LISTING_UNPROVED)
    merge_miss_nobody (&s->merge);
  return x;
}

/* What an earlier attempt applied by half, because the disk was full, is applied to its end
   before anything else.  1: that ended this task, 0, or a negative errno. */
static int
roll_forward (struct sync *s)
{
  struct store *store = s->r->e->store;
  struct delta *d = NULL;
  struct txn *t;
  json_t *task;
  int x = delta_resume (store, &s->r->hub_id, &d);

  if (x == -ENOENT)
    return 0;
  if (x == 0)
    x = delta_apply (d, &sync_steps);
  delta_free (d);
  if (x < 0)
    return x;
  t = store_read (store);
  task = txn_doc_get (t, STORE_TASK, &s->r->task_id);
  txn_abort (t);
  x = json_object_get (task, "ended_at") ? 1 : 0;
  json_decref (task);
  return x;
}

static void
go (struct sync *s)
{
  int x = roll_forward (s);

  if (x > 0)
    {
      s->r->end = RUN_COMPLETED;
      sync_drop_spool (s);
      return;
    }
  if (x == 0)
    x = sync_open_spool (s);
  if (x == 0)
    {
      s->session = run_session (s->r);
      if (!s->session || (!spool_finished (s->spool) && !sync_list (s)))
        return;
      if (!sync_still_configured (s))
        {
          sync_drop_spool (s);
          s->r->end = RUN_INTERRUPTED;
          return;
        }
      x = sync_prove (s);
    }
  if (x == 0)
    x = merge (s);
  if (x == 0 && !sync_guarded (s))
    {
      sync_drop_spool (s);
      return;
    }
  if (x == 0 && s->dry)
    finish_dry (s);
  else if (x == 0)
    x = sync_apply (s);
  if (x == -ESTALE)
    s->r->end = RUN_INTERRUPTED;
  else if (x < 0)
    run_store_failed (s->r, x, "The sync cannot be written");
  if (x == 0 || x == -ESTALE)
    sync_drop_spool (s);
}

void
run_sync (struct run *r)
{
  struct sync *s = calloc (1, sizeof *s);
  size_t i;

  if (!s)
    {
      run_fail (r, "store-error", "There is no memory for a sync.");
      return;
    }
  s->r = r;
  s->dry = json_flag (json_object_get (r->task, "input"), "dry_run");
  s->cursor = (struct buf) BUF_INIT (SPOOL_CURSOR_MAX);
  (void) snprintf (s->spool_name, sizeof s->spool_name, "sync-%s", json_text (r->hub, "id"));
  merge_init (&s->merge, r);
  go (s);
  keep_cost (s);
  run_session_done (r, TAKE (s->session));
  if (s->merge.delta)
    delta_free (s->merge.delta);
  merge_done (&s->merge);
  if (s->rows)
    sorter_free (s->rows);
  if (s->spool)
    spool_close (s->spool);
  for (i = 0; i < s->n_scopes; i++)
    {
      free (s->scopes[i].name);
      json_decref (s->scopes[i].note);
    }
  buf_done (&s->cursor);
  json_decref (s->head);
  json_decref (s->roles);
  free (s);
}
