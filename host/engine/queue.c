/* Owns the open tasks in memory and the threads that run them: one task a hub at a
   time, checks before writes before syncs, then in the order they were made.  Every
   state a task passes through is committed before it counts; after a restart the
   queue is what the store says. */
#include <config.h>

#include <sys/random.h>

#include "host/common/clock.h"
#include "host/common/failure.h"
#include "host/common/log.h"
#include "host/engine/internal.h"

#define ATTEMPTS_MAX 5
#define RETRY_FACTOR 4
#define JITTER_PERCENT 20
#define WAIT_MAX_MS (25 * 3600 * 1000LL)   /* the longest wait an app may ask for */
#define FULL_WAIT_MS 30000
#define STOPPED_WAIT_MS 100                /* so that a stop that went nowhere is no hot loop */
#define THREADS_MAX 256u
#define RESERVED_THREADS 2                 /* kept for checks and writes */
#define THREAD_STACK (512u * 1024)
#ifdef USHER_TEST_HOOKS
#define SLEEP_MAX_MS 250                   /* tests move the clock */
#else
#define SLEEP_MAX_MS 60000
#endif

enum work_class { WORK_CHECK, WORK_WRITE, WORK_SYNC };

struct work
{
  struct id task, hub;
  enum work_class class;
  int64_t due_ms;          /* monotonic */
  bool running, blocked;   /* blocked: its hub waits; looked at again after a kick */
  bool kicked;             /* while it was running */
  const char *waits;       /* why, where the store could not be told; static */
  bool stop, yield;        /* stop: end now; yield: end at the next page */
  struct session *session; /* what to wake when stop turns true */
  uint64_t done, total;
};

struct queue
{
  struct engine *e;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct work **v;         /* guarded by lock, sorted by class and task id */
  size_t n, cap;
  bool stopping;
  pthread_t *threads;
  size_t n_threads;
};

/* ---- The list of open tasks.  Callers hold the lock. */

static int
work_order (const struct work *a, const struct work *b)
{
  if (a->class != b->class)
    return a->class < b->class ? -1 : 1;
  return memcmp (a->task.b, b->task.b, ID_BYTES);
}

static struct work *
work_find (struct queue *q, const struct id *task)
{
  size_t i;

  for (i = 0; i < q->n; i++)
    if (id_equal (&q->v[i]->task, task))
      return q->v[i];
  return NULL;
}

static void
work_remove (struct queue *q, struct work *w)
{
  size_t i;

  for (i = 0; q->v[i] != w; i++)
    ;
  memmove (q->v + i, q->v + i + 1, (q->n - i - 1) * sizeof *q->v);
  q->n--;
  free (w);
}

static int
work_insert (struct queue *q, struct work *w /* takes */)
{
  size_t i;

  if (q->n == q->cap)
    {
      size_t cap = q->cap ? q->cap * 2 : 64;
      struct work **v = reallocarray (q->v, cap, sizeof *v);

      if (!v)
        {
          free (w);
          return -ENOMEM;
        }
      q->v = v;
      q->cap = cap;
    }
  for (i = q->n; i > 0 && work_order (w, q->v[i - 1]) < 0; i--)
    q->v[i] = q->v[i - 1];
  q->v[i] = w;
  q->n++;
  return 0;
}

static struct work *
work_of (const json_t *task)
{
  struct work *w = calloc (1, sizeof *w);
  enum task_kind kind;
  int64_t next = json_time (task, "next_attempt_at");

  if (!w || task_kind_parse (json_text (task, "kind"), &kind) < 0 || !json_id (task, "id", &w->task)
      || !json_id (task, "hub", &w->hub))
    {
      free (w);
      return NULL;
    }
  w->class = kind == TASK_VALIDATE ? WORK_CHECK : kind == TASK_SYNC ? WORK_SYNC : WORK_WRITE;
  w->due_ms = clock_mono_ms () + (next ? MAX (next - clock_now_ms (), 0) : 0);
  return w;
}

/* Hubs with a running task: at most one a thread. */
static size_t
busy_hubs (const struct queue *q, const struct id **ret)
{
  size_t n = 0, i;

  for (i = 0; i < q->n && n < THREADS_MAX; i++)
    if (q->v[i]->running)
      ret[n++] = &q->v[i]->hub;
  return n;
}

static bool
is_among (const struct id *hub, const struct id *const *v, size_t n)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (id_equal (v[i], hub))
      return true;
  return false;
}

/* The next task that may run now; else in *RET_SLEEP_MS how long until one could. */
static struct work *
work_pick (struct queue *q, bool writes_only, int64_t *ret_sleep_ms)
{
  int64_t now = clock_mono_ms (), sleep_ms = SLEEP_MAX_MS;
  const struct id *busy[THREADS_MAX];
  size_t n_busy = busy_hubs (q, busy), i;

  for (i = 0; i < q->n && !q->stopping; i++)
    {
      struct work *w = q->v[i];

      if (w->running || w->blocked || (writes_only && w->class == WORK_SYNC))
        continue;
      if (w->due_ms > now)
        {
          sleep_ms = MIN (sleep_ms, w->due_ms - now);
          continue;
        }
      if (!is_among (&w->hub, busy, n_busy))
        return w;
    }
  *ret_sleep_ms = sleep_ms;
  return NULL;
}

/* ---- States of a task in the store. */

/* The store cannot be written: nothing to do but to try again. */
static void
wait_for_room (struct run *r)
{
  r->untold = true;
  r->due_ms = clock_mono_ms () + FULL_WAIT_MS;
}

/* Reads the task and its hub and marks it started.  1: go; 0: not now, it is blocked or
   late; negative: the task is gone. */
static int
start_task (struct queue *q, struct work *w, struct run *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (q->e->store);
  bool waits;
  int x;

  r->task = txn_doc_get (t, STORE_TASK, &w->task);
  r->hub = txn_doc_get (t, STORE_HUB, &w->hub);
  if (txn_error (t) == 0 && (!r->task || !r->hub || json_object_get (r->task, "ended_at")))
    return -ENOENT;
  if (txn_error (t) == 0 && !hub_is_live (r->hub))
    {
      task_end_failed (t, r->task, r->hub, "hub-removed", "The hub was removed.", NULL);
      return txn_commit (TAKE (t)) < 0 ? 0 : -ENOENT;
    }
  waits = w->class != WORK_CHECK && hub_waits (r->hub);
  if (waits && streq (json_text (r->task, "wait_reason"), "hub-needs-review"))
    {
      r->blocked = true;  /* said already */
      return 0;
    }
  if (waits)
    {
      json_set_text (r->task, "status", "queued");
      json_set_text (r->task, "wait_reason", "hub-needs-review");
    }
  else
    {
      json_set_text (r->task, "status", "started");
      json_set_text (r->task, "wait_reason", NULL);
      json_set_time (r->task, "next_attempt_at", 0);
      if (!json_object_get (r->task, "started_at"))
        json_set_time (r->task, "started_at", clock_now_ms ());
      (void) json_object_set_new (r->task, "attempts",
                                  json_integer (json_number (r->task, "attempts", 0) + 1));
    }
  json_set_time (r->task, "updated_at", clock_now_ms ());
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
judge_failure (struct queue *q, struct run *r)
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
  put_back (r, "retrying", NULL, MAX (retry_wait_ms (q->e, MAX (attempts, 1)), r->until_ms - clock_now_ms ()),
            !r->moved);
  (void) json_object_set_new (r->task, "error", error_json (r->code, r->text, r->field));
  return false;
}

/* Writes how the run ended.  True when the task is over. */
static bool
end_task (struct queue *q, struct run *r)
{
  _cleanup_ (txn_abortp) struct txn *t = NULL;
  json_t *hub;
  bool over = false;
  int x;

  if (r->end == RUN_NONE)
    run_fail (r, "store-error", "The task stopped without an end.");
  if (r->end == RUN_COMPLETED || r->end == RUN_DROPPED)
    return true;
  if (r->end == RUN_WAITS && r->until_ms > clock_now_ms () + WAIT_MAX_MS)
    r->end = RUN_FAILED;
  switch (r->end)
    {
    case RUN_NONE:
    case RUN_COMPLETED:
    case RUN_DROPPED:
      break;
    case RUN_WAITS:
      put_back (r, "retrying", "app-asked", MAX (r->until_ms - clock_now_ms (), 1), false);
      break;
    case RUN_INTERRUPTED:
      put_back (r, "queued", NULL, *r->stop ? STOPPED_WAIT_MS : 0, false);
      break;
    case RUN_PARKED:
      park (r);
      break;
    case RUN_FAILED:
      over = judge_failure (q, r);
      break;
    }
  t = store_write (q->e->store);
  if (!run_is_wanted (r, t))
    return txn_error (t) == 0;
  hub = txn_doc_get (t, STORE_HUB, &r->hub_id);
  if (over && json_number (hub, "generation", 0) != json_number (r->hub, "generation", 0) && streq (json_text (r->task, "kind"), "validate"))
    {
      /* It failed with settings that are no longer those of the hub. */
      put_back (r, "queued", NULL, 0, false);
      over = false;
    }
  if (over)
    task_end_failed (t, r->task, hub, r->code, r->text, r->field);
  else
    {
      json_set_time (r->task, "updated_at", clock_now_ms ());
      txn_doc_put (t, STORE_TASK, r->task);
    }
  json_decref (hub);
  x = txn_commit (TAKE (t));
  if (x == 0)
    return over;
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
  json_set_time (task, "next_attempt_at", 0);
  json_set_time (task, "ended_at", now);
  json_set_time (task, "updated_at", now);
  (void) json_object_set_new (task, "error", error_json (code, text, field));
  (void) json_object_set_new (task, "can_retry", json_boolean (f->can_retry));
  txn_doc_put (t, STORE_TASK, task);
  change_failed (t, task, hub);
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
  json_set_text (task, "status", "queued");
  json_set_text (task, "hub_label", json_text (hub, "label"));
  (void) json_object_set_new (task, "attempts", json_integer (0));
  (void) json_object_set_new (task, "can_retry", json_false ());
  (void) json_object_del (task, "error");
  json_set_time (task, "ended_at", 0);
  json_set_time (task, "started_at", 0);
  json_set_time (task, "updated_at", clock_now_ms ());
  change_begins (t, task, hub);
  txn_doc_put (t, STORE_TASK, task);
}

/* ---- Threads. */

static void
run_body (struct queue *q, struct work *w, struct run *r)
{
  enum task_kind kind = TASK_SYNC;

  r->apps = engine_apps (q->e);
  r->app = apps_find (r->apps, json_text (r->hub, "app"));
  (void) task_kind_parse (json_text (r->task, "kind"), &kind);
  if (!r->app)
    run_park (r, "connector-missing");
  else if (w->class == WORK_CHECK)
    run_validate (r);
  else if (w->class == WORK_SYNC)
    run_sync (r);
  else
    run_change (r);
}

static void
run_one (struct queue *q, struct work *w)
{
  struct run r = { .e = q->e, .task_id = w->task, .hub_id = w->hub, .stop = &w->stop, .work = w };
  int go = start_task (q, w, &r);
  bool over = go < 0;

  if (go > 0)
    {
      run_body (q, w, &r);
      over = end_task (q, &r);
    }
  json_decref (r.task);
  json_decref (r.hub);
  apps_unref (r.apps);
  free (r.text);
  free (r.field);

  pthread_mutex_lock (&q->lock);
  w->running = w->yield = w->stop = false;
  w->session = NULL;
  w->due_ms = r.due_ms;
  w->blocked = r.blocked && !w->kicked;
  w->waits = r.untold ? "store-full" : NULL;
  if (over)
    work_remove (q, w);
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

struct thread
{
  struct queue *q;
  bool writes_only;
};

static void
sleep_on (struct queue *q, int64_t ms)
{
  struct timespec until;

  (void) clock_gettime (CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / 1000;
  until.tv_nsec += ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000)
    {
      until.tv_sec++;
      until.tv_nsec -= 1000000000;
    }
  (void) pthread_cond_timedwait (&q->changed, &q->lock, &until);
}

static void *
thread_main (void *arg)
{
  struct thread *self = arg;
  struct queue *q = self->q;
  bool writes_only = self->writes_only;

  free (self);
  pthread_mutex_lock (&q->lock);
  while (!q->stopping)
    {
      int64_t sleep_ms;
      struct work *w = work_pick (q, writes_only, &sleep_ms);

      if (!w)
        {
          sleep_on (q, sleep_ms);
          continue;
        }
      w->running = true;
      w->kicked = false;
      pthread_mutex_unlock (&q->lock);
      run_one (q, w);
      pthread_mutex_lock (&q->lock);
    }
  pthread_mutex_unlock (&q->lock);
  return NULL;
}

/* ---- For the run. */

void
run_progress (struct run *r, uint64_t done, uint64_t total)
{
  struct queue *q = r->e->queue;

  pthread_mutex_lock (&q->lock);
  r->work->done = done;
  r->work->total = total;
  pthread_mutex_unlock (&q->lock);
}

void
run_watch (struct run *r, struct session *s)
{
  struct queue *q = r->e->queue;

  pthread_mutex_lock (&q->lock);
  r->work->session = s;
  pthread_mutex_unlock (&q->lock);
}

bool
run_should_yield (struct run *r)
{
  struct queue *q = r->e->queue;
  bool yield;

  pthread_mutex_lock (&q->lock);
  yield = r->work->yield || r->work->stop;
  pthread_mutex_unlock (&q->lock);
  return yield;
}

/* ---- For the rest of the engine. */

void
queue_add (struct engine *e, const json_t *task)
{
  struct queue *q = e->queue;
  struct work *w = work_of (task), *known;
  size_t i;

  if (!w)
    return;
  pthread_mutex_lock (&q->lock);
  known = work_find (q, &w->task);
  if (known)
    {
      known->due_ms = w->due_ms;
      known->blocked = false;
      free (w);
    }
  else
    {
      for (i = 0; i < q->n; i++)
        if (w->class != WORK_SYNC && q->v[i]->running && q->v[i]->class == WORK_SYNC
            && id_equal (&q->v[i]->hub, &w->hub))
          q->v[i]->yield = true;
      (void) work_insert (q, w);
    }
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

void
queue_kick (struct engine *e)
{
  struct queue *q = e->queue;
  size_t i;

  pthread_mutex_lock (&q->lock);
  for (i = 0; i < q->n; i++)
    {
      q->v[i]->blocked = false;
      q->v[i]->kicked = true;
    }
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

bool
queue_cancel (struct engine *e, const struct id *task)
{
  struct queue *q = e->queue;
  struct work *w;
  bool idle;

  pthread_mutex_lock (&q->lock);
  w = work_find (q, task);
  idle = w && !w->running;
  if (idle)
    work_remove (q, w);
  pthread_mutex_unlock (&q->lock);
  return idle;
}

void
queue_drop_hub (struct engine *e, const struct id *hub)
{
  struct queue *q = e->queue;
  size_t i;

  pthread_mutex_lock (&q->lock);
  for (i = 0; i < q->n; i++)
    if (id_equal (&q->v[i]->hub, hub))
      {
        q->v[i]->blocked = false;
        q->v[i]->due_ms = 0;
        q->v[i]->stop = true;
        if (q->v[i]->session)
          session_wake (q->v[i]->session);
      }
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

void
queue_counts (struct engine *e, struct queue_counts *ret)
{
  struct queue *q = e->queue;
  size_t i;

  pthread_mutex_lock (&q->lock);
  *ret = (struct queue_counts) { q->n, 0 };
  for (i = 0; i < q->n; i++)
    ret->running += q->v[i]->running;
  pthread_mutex_unlock (&q->lock);
}

const char *
queue_waits (struct engine *e, const struct id *task)
{
  struct queue *q = e->queue;
  const char *waits = NULL;
  struct work *w;

  pthread_mutex_lock (&q->lock);
  w = work_find (q, task);
  if (w && !w->running)
    waits = w->waits;
  pthread_mutex_unlock (&q->lock);
  return waits;
}

bool
queue_progress (struct engine *e, const struct id *task, uint64_t *ret_done, uint64_t *ret_total)
{
  struct queue *q = e->queue;
  struct work *w;
  bool known;

  pthread_mutex_lock (&q->lock);
  w = work_find (q, task);
  known = w && (w->done || w->total);
  if (known)
    {
      *ret_done = w->done;
      *ret_total = w->total;
    }
  pthread_mutex_unlock (&q->lock);
  return known;
}

/* ---- Start and stop. */

static bool
collect_task (void *arg, json_t *task)
{
  return json_array_append (arg, task) == 0;
}

/* What a run left in the middle is queued again, its attempts kept.  Without room to say
   so it is shown as it was until it runs. */
static int
load_tasks (struct queue *q)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (q->e->store);
  json_t *open = json_array (), *task;
  size_t i;
  int x;

  txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, collect_task, open);
  json_array_foreach (open, i, task)
    {
      struct work *w = work_of (task);

      if (w)
        (void) work_insert (q, w);
      if (streq (json_text (task, "status"), "queued"))
        continue;
      json_set_text (task, "status", "queued");
      txn_doc_put (t, STORE_TASK, task);
    }
  json_decref (open);
  x = txn_commit (TAKE (t));
  return run_no_room (x) ? 0 : x;
}

static int
spawn_threads (struct queue *q, size_t n)
{
  pthread_attr_t attr;
  size_t i;
  int x = 0;

  q->threads = calloc (n, sizeof *q->threads);
  if (!q->threads || pthread_attr_init (&attr) != 0)
    return -ENOMEM;
  (void) pthread_attr_setstacksize (&attr, THREAD_STACK);
  for (i = 0; i < n && x == 0; i++)
    {
      struct thread *self = malloc (sizeof *self);

      if (!self)
        x = -ENOMEM;
      else
        {
          *self = (struct thread) { q, i < RESERVED_THREADS && n > RESERVED_THREADS };
          x = -pthread_create (&q->threads[i], &attr, thread_main, self);
          if (x < 0)
            free (self);
          else
            q->n_threads++;
        }
    }
  (void) pthread_attr_destroy (&attr);
  return x;
}

int
queue_start (struct engine *e)
{
  struct queue *q = calloc (1, sizeof *q);
  pthread_condattr_t attr;
  int x;

  if (!q)
    return -ENOMEM;
  q->e = e;
  e->queue = q;
  (void) pthread_mutex_init (&q->lock, NULL);
  (void) pthread_condattr_init (&attr);
  (void) pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  (void) pthread_cond_init (&q->changed, &attr);
  (void) pthread_condattr_destroy (&attr);
  x = load_tasks (q);
  return x < 0 ? x : spawn_threads (q, (size_t) e->conf->tasks.workers);
}

void
queue_stop (struct engine *e)
{
  struct queue *q = e->queue;
  size_t i;

  if (!q)
    return;
  pthread_mutex_lock (&q->lock);
  q->stopping = true;
  for (i = 0; i < q->n; i++)
    {
      q->v[i]->stop = true;
      if (q->v[i]->session)
        session_wake (q->v[i]->session);
    }
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
  for (i = 0; i < q->n_threads; i++)
    (void) pthread_join (q->threads[i], NULL);
  for (i = 0; i < q->n; i++)
    free (q->v[i]);
  free (q->v);
  free (q->threads);
  (void) pthread_cond_destroy (&q->changed);
  (void) pthread_mutex_destroy (&q->lock);
  free (q);
  e->queue = NULL;
}
