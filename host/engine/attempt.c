/* Owns the states that a task passes through in the store: started, waiting, retried, ended.
   Each is committed before it counts. */
#include <config.h>

#include <sys/random.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/failure.h"
#include "host/common/log.h"
#include "host/engine/work.h"

#define ATTEMPTS_MAX 5
#define BEGUN_MAX 10                       /* attempts that were begun and never ended, for usherd itself did */
#define RETRY_FACTOR 4
#define JITTER_PERCENT 20
#define FULL_WAIT_MS 30000
#define STOPPED_WAIT_MS 100                /* so that a stop that went nowhere is no hot loop */

/* The store cannot be written: nothing to do but to try again. */
static void
wait_for_room (struct run *r)
{
  r->untold = true;
  r->due_ms = clock_mono_ms () + FULL_WAIT_MS;
}

static void
read_docs (struct run *r, struct txn *t)
{
  r->task = txn_doc_get (t, STORE_TASK, &r->task_id);
  r->hub = txn_doc_get (t, STORE_HUB, &r->hub_id);
}

static void
set_started (struct run *r)
{
  json_t *task = r->task;

  r->work->attempt = r->work->attempt ? r->work->attempt : json_number (task, "attempts", 0) + 1;
  json_set_text (task, "status", "started");
  json_set_text (task, "wait_reason", NULL);
  json_set_text (task, "message", NULL);
  json_set_time (task, "next_attempt_at", 0);
  if (!json_object_get (task, "started_at"))
    json_set_time (task, "started_at", clock_now_ms ());
  (void) json_object_set_new (task, "attempts", json_integer (r->work->attempt));
  json_set_time (task, "updated_at", clock_now_ms ());
}

/* That a change has started is written with its intent or its end, whichever comes first: nobody
   need wait for a turn to write.  False: there is something to write. */
static bool
begin_unwritten (struct run *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (r->e->store);

  read_docs (r, t);
  if (txn_error (t) == 0 && r->task && !json_object_get (r->task, "ended_at") && r->hub && hub_is_live (r->hub)
      && !hub_waits (r->hub))
    {
      set_started (r);
      return true;
    }
  json_decref (TAKE (r->task));
  json_decref (TAKE (r->hub));
  return false;
}

int
attempt_begin (struct run *r, enum work_class class)
{
  _cleanup_ (txn_abortp) struct txn *t = NULL;
  const char *code = NULL, *why = NULL;
  bool waits;
  int x;

  if (class == WORK_WRITE && !r->work->left && begin_unwritten (r))
    return 1;
  t = store_write (r->e->store);
  read_docs (r, t);
  if (txn_error (t) == 0 && (!r->task || !r->hub || json_object_get (r->task, "ended_at")))
    return -ENOENT;
  if (txn_error (t) == 0 && !hub_is_live (r->hub))
    {
      code = "hub-removed";
      why = "The hub was removed.";
    }
  else if (txn_error (t) == 0 && !r->work->attempt && json_number (r->task, "attempts", 0) >= BEGUN_MAX)
    {
      code = "store-error";
      why = "The daemon ended again and again while this task ran: see the log of usherd.";
    }
  if (code)
    {
      task_end_failed (t, r->task, r->hub, code, why, NULL);
      if (txn_commit (TAKE (t)) == 0)
        return -ENOENT;
      wait_for_room (r);
      return 0;
    }
  waits = class != WORK_CHECK && hub_waits (r->hub);
  if (waits && streq (json_text (r->task, "wait_reason"), "hub-needs-review"))
    {
      r->blocked = true;  /* said already */
      return 0;
    }
  if (waits)
    {
      json_set_text (r->task, "status", "queued");
      json_set_text (r->task, "wait_reason", "hub-needs-review");
      json_set_time (r->task, "updated_at", clock_now_ms ());
    }
  else
    set_started (r);
  txn_doc_put (t, STORE_TASK, r->task);
  x = txn_commit (TAKE (t));
  if (x < 0)
    {
      log_error ("a task cannot be started because the store answers %s; it stays queued", strerror (-x));
      wait_for_room (r);
      return 0;
    }
  r->blocked = waits;
  return !waits;
}

static int64_t
retry_wait_ms (const struct engine *e, int64_t attempts)
{
  int64_t ms = (int64_t) e->conf->tasks.retry_wait;
  uint32_t random = 0;
  int64_t i;

  for (i = 1; i < attempts; i++)
    ms *= RETRY_FACTOR;
  if (getrandom (&random, sizeof random, 0) < 0)
    random = JITTER_PERCENT; /* no jitter */
  return ms + ms * ((int64_t) (random % (2 * JITTER_PERCENT + 1)) - JITTER_PERCENT) / 100;
}

static json_t *
error_json (const char *code, const char *text, const char *field)
{
  const struct failure *f = failure_find (code);
  json_t *o = json_object ();

  json_set_text (o, "class", f->class);
  json_set_text (o, "code", code);
  json_set_text (o, "message", text);
  json_set_text (o, "field", field);
  json_set_text (o, "action", f->action);
  return o;
}

/* Not now: the task waits until WAIT_MS from now, as REASON says. */
static void
put_back (struct run *r, const char *status, const char *reason, int64_t wait_ms, bool counts)
{
  int64_t attempts = json_number (r->task, "attempts", 1);

  json_set_text (r->task, "status", status);
  json_set_text (r->task, "wait_reason", reason);
  /* It may have been completed in a commit that failed. */
  json_set_text (r->task, "result", NULL);
  json_set_time (r->task, "ended_at", 0);
  if (!counts)
    (void) json_object_set_new (r->task, "attempts", json_integer (MAX (attempts - 1, 0)));
  json_set_time (r->task, "next_attempt_at", wait_ms ? clock_now_ms () + wait_ms : 0);
  r->due_ms = clock_mono_ms () + wait_ms;
}

/* What only a person can mend waits for a kick; room on the disk comes back unseen. */
static void
park (struct run *r)
{
  bool full = streq (r->reason, "store-full");

  put_back (r, "queued", r->reason, full ? FULL_WAIT_MS : 0, false);
  r->blocked = !full;
}

/* What the failure means for the task: true when it is at its end. */
static bool
judge_failure (struct run *r)
{
  const struct failure *f = failure_find (r->code);
  int64_t attempts = json_number (r->task, "attempts", 1);

  if (r->moved)
    attempts--;
  if (!f->retry || attempts >= ATTEMPTS_MAX)
    {
      if (streq (r->code, "session-expired"))
        r->code = "token-rejected";
      return true;
    }
  put_back (r, "retrying", NULL, MAX (retry_wait_ms (r->e, MAX (attempts, 1)), r->until_ms - clock_now_ms ()),
            !r->moved);
  (void) json_object_set_new (r->task, "error", error_json (r->code, r->text, r->field));
  return false;
}

/* The log tells the administrator what the console would have shown. */
static void
log_end (const struct run *r, bool over)
{
  const char *hub = json_text (r->hub, "label"), *kind = json_text (r->task, "kind"), *id = json_text (r->task, "id");
  const char *text = r->text ? r->text : "", *next = json_text (r->task, "next_attempt_at");

  if (r->end == RUN_COMPLETED)
    log_info ("%s: %s completed; task %s", hub, kind, id);
  else if (r->end == RUN_FAILED && over)
    log_warning ("%s: %s was not completed: %s [%s]; task %s", hub, kind, text, r->code, id);
  else if (r->end == RUN_FAILED)
    log_info ("%s: %s is tried again at %s: %s [%s]; task %s", hub, kind, json_text (r->task, "next_attempt_at"), text,
              r->code, id);
  else if (r->end == RUN_WAITS || r->end == RUN_PARKED)
    log_info ("%s: %s waits%s%s: %s; task %s", hub, kind, next ? " until " : "", next ? next : "",
              r->end == RUN_WAITS ? text : json_text (r->task, "wait_reason"), id);
}

bool
attempt_end (struct run *r)
{
  _cleanup_ (txn_abortp) struct txn *t = NULL;
  json_t *hub;
  bool over = false;
  int x;

  if (r->end == RUN_NONE)
    run_fail (r, "store-error", "The task stopped without an end.");
  if (r->end == RUN_COMPLETED)
    log_end (r, true);
  if (r->end == RUN_COMPLETED || r->end == RUN_DROPPED)
    return true;
  switch (r->end)
    {
    case RUN_NONE:
    case RUN_COMPLETED:
    case RUN_DROPPED:
      break;
    case RUN_WAITS:
      put_back (r, "retrying", "app-asked", MAX (r->until_ms - clock_now_ms (), 1), false);
      json_set_text (r->task, "message", r->text);
      break;
    case RUN_INTERRUPTED:
      put_back (r, "queued", NULL, *r->stop ? STOPPED_WAIT_MS : 0, false);
      break;
    case RUN_PARKED:
      park (r);
      break;
    case RUN_FAILED:
      over = judge_failure (r);
      break;
    }
  t = store_write (r->e->store);
  if (!run_is_wanted (r, t))
    return txn_error (t) == 0;
  hub = txn_doc_get (t, STORE_HUB, &r->hub_id);
  if (over && json_number (hub, "generation", 0) != json_number (r->hub, "generation", 0)
      && streq (json_text (r->task, "kind"), "validate"))
    {
      /* It failed with settings that are no longer those of the hub. */
      put_back (r, "queued", NULL, 0, false);
      over = false;
    }
  if (over)
    task_end_failed (t, r->task, hub, r->code, r->text, r->field);
  else
    {
      if (r->end == RUN_WAITS && r->limited)
        hub_app_asked (t, hub, json_time (r->task, "next_attempt_at"));
      json_set_time (r->task, "updated_at", clock_now_ms ());
      txn_doc_put (t, STORE_TASK, r->task);
    }
  json_decref (hub);
  txn_fail (t, fail_point ("attempt-end"));
  x = txn_commit (TAKE (t));
  if (x == 0)
    {
      r->work->attempt = 0;
      log_end (r, over);
      return over;
    }
  log_error ("the end of a task cannot be written because the store answers %s; the task is tried again",
             strerror (-x));
  wait_for_room (r);
  return false;
}

void
task_end_failed (struct txn *t, json_t *task, json_t *hub, const char *code, const char *text,
                 const char *field)
{
  const struct failure *f = failure_find (code);
  const char *kind = json_text (task, "kind");
  bool dry = json_flag (json_object_get (task, "input"), "dry_run");
  int64_t now = clock_now_ms ();

  json_set_text (task, "status", "not-completed");
  json_set_text (task, "result", NULL);
  json_set_text (task, "wait_reason", NULL);
  json_set_text (task, "message", NULL);
  json_set_time (task, "next_attempt_at", 0);
  json_set_time (task, "ended_at", now);
  json_set_time (task, "updated_at", now);
  (void) json_object_set_new (task, "error", error_json (code, text, field));
  (void) json_object_set_new (task, "can_retry", json_boolean (f->can_retry));
  txn_doc_put (t, STORE_TASK, task);
  change_failed (t, task, hub);
  report_reopen (t, task);
  if (!dry)
    hub_task_failed (t, hub, task, f, text);
  if (!dry && !streq (code, "cancelled") && !streq (code, "hub-removed"))
    issue_raise (t, streq (kind, "sync") ? "routine-sync" : streq (kind, "validate") ? "hub-set-up"
                 : streq (kind, "remove-user") ? "access-termination" : "access-management",
                 hub, task, code, text);
  event_add (t, &(struct event) { .type = streq (kind, "sync") ? "sync.failed" : "task.failed",
                                  .caller = &system_caller, .hub = hub, .outcome = code,
                                  .details = json_pack ("{s:s?, s:s?, s:s?}", "task", json_text (task, "id"),
                                                        "kind", kind, "message", text) });
}

void
task_requeue (struct txn *t, json_t *task, const json_t *hub)
{
  json_t *intent = json_object_get (task, "intent");

  /* A person who says "again" after a doubt has looked. */
  if (streq (json_text (intent, "phase"), "called"))
    (void) json_object_set_new (intent, "again", json_true ());
  json_set_text (task, "status", "queued");
  json_set_text (task, "hub_label", json_text (hub, "label"));
  (void) json_object_set_new (task, "attempts", json_integer (0));
  (void) json_object_set_new (task, "can_retry", json_false ());
  (void) json_object_del (task, "error");
  (void) json_object_del (task, "spent");
  json_set_time (task, "ended_at", 0);
  json_set_time (task, "started_at", 0);
  json_set_time (task, "updated_at", clock_now_ms ());
  change_begins (t, task, hub);
  txn_doc_put (t, STORE_TASK, task);
}
