/* Owns the threads that run open tasks, and what may be asked of the tasks while they wait
   and run.  After a restart the queue is what the store says.

   A thread whose task is not heard of (an app that hangs, a connector that does) is lent: another
   one takes its place until it is heard again.  So a few tasks that hang hold up only themselves. */
#include <config.h>

#include "host/common/clock.h"
#include "host/engine/work.h"

#define RESERVED_THREADS 2                 /* kept for checks and writes */
#define THREAD_STACK (512u * 1024)
/* LENT_MAX: threads beyond those that are configured */
#ifdef USHER_TEST_HOOKS
#define LENT_MAX 3u                        /* tests use them up */
#define SLEEP_MAX_MS 250                   /* tests move the clock */
#else
#define LENT_MAX 16u
#define SLEEP_MAX_MS 60000
#endif

struct thread
{
  struct queue *q;
  pthread_t id;
  bool there;              /* to be joined */
  bool ended;              /* ... at once */
  bool writes_only;
};

struct queue
{
  struct engine *e;
  pthread_mutex_t lock;    /* guards all below */
  pthread_cond_t changed;
  struct work_list open;
  bool stopping;
  struct thread *threads;  /* owned, n_threads places; no more are there than that */
  size_t n_threads;
  size_t too_many[2];      /* threads that are to end when they are free; [1]: of those for writes only */
};

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
  int go = attempt_begin (&r, w->class);
  bool over = go < 0;

  if (go > 0)
    {
      run_body (q, w, &r);
      over = attempt_end (&r);
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
    work_remove (&q->open, w);
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

static void
sleep_on (struct queue *q, int64_t ms)
{
  struct timespec until = clock_deadline (ms);

  (void) pthread_cond_timedwait (&q->changed, &q->lock, &until);
}

/* SELF, one too many, goes on in place of a thread that is lent and got no stand-in when its task fell
   silent; false: there is none.  With the lock held. */
static bool
stand_in (struct queue *q, struct thread *self)
{
  size_t i;

  for (i = 0; i < q->open.n; i++)
    if (q->open.v[i]->wants_place)
      {
        q->open.v[i]->wants_place = false;
        q->open.v[i]->lent = true;
        self->writes_only = q->open.v[i]->writes_only;
        return true;
      }
  return false;
}

/* Whether SELF is to end.  With the lock held. */
static bool
is_dismissed (struct queue *q, struct thread *self)
{
  if (q->stopping)
    return true;
  if (!q->too_many[self->writes_only])
    return false;
  q->too_many[self->writes_only]--;
  return !stand_in (q, self);
}

static void *
thread_main (void *arg)
{
  struct thread *self = arg;
  struct queue *q = self->q;

  pthread_mutex_lock (&q->lock);
  while (!is_dismissed (q, self))
    {
      int64_t sleep_ms = SLEEP_MAX_MS;
      struct work *w = work_pick (&q->open, self->writes_only, &sleep_ms);

      if (!w)
        {
          sleep_on (q, sleep_ms);
          continue;
        }
      w->running = true;
      w->writes_only = self->writes_only;
      w->kicked = false;
      pthread_mutex_unlock (&q->lock);
      run_one (q, w);
      pthread_mutex_lock (&q->lock);
    }
  self->ended = true;
  pthread_mutex_unlock (&q->lock);
  return NULL;
}

/* With the lock held, or before there are threads.  -EAGAIN: there are enough. */
static int
start_thread (struct queue *q, bool writes_only)
{
  pthread_attr_t attr;
  struct thread *place = NULL;
  size_t i;
  int x;

  for (i = 0; i < q->n_threads && !place; i++)
    if (!q->threads[i].there || q->threads[i].ended)
      place = &q->threads[i];
  if (!place)
    return -EAGAIN;
  if (place->there)
    (void) pthread_join (place->id, NULL);
  if (pthread_attr_init (&attr) != 0)
    return -ENOMEM;
  (void) pthread_attr_setstacksize (&attr, THREAD_STACK);
  *place = (struct thread) { .q = q, .writes_only = writes_only };
  x = -pthread_create (&place->id, &attr, thread_main, place);
  place->there = x == 0;
  (void) pthread_attr_destroy (&attr);
  return x;
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

void
run_quiet (void *arg, bool quiet)
{
  struct run *r = *(struct run **) arg;
  struct queue *q = r->e->queue;
  struct work *w = r->work;

  pthread_mutex_lock (&q->lock);
  w->wants_place = false;
  if (quiet && !q->stopping)
    {
      w->lent = start_thread (q, w->writes_only) == 0;
      w->wants_place = !w->lent;
    }
  else if (w->lent)
    {
      w->lent = false;
      q->too_many[w->writes_only]++;
      pthread_cond_broadcast (&q->changed);
    }
  pthread_mutex_unlock (&q->lock);
}

/* ---- For the rest of the engine. */

void
queue_add (struct engine *e, const json_t *task)
{
  struct queue *q = e->queue;
  struct work *w, *known;
  size_t i;

  if (work_of (task, &w) < 0)
    return;
  pthread_mutex_lock (&q->lock);
  known = work_find (&q->open, &w->task);
  if (known)
    {
      known->due_ms = w->due_ms;
      known->blocked = false;
      free (w);
    }
  else
    {
      for (i = 0; i < q->open.n; i++)
        if (w->class != WORK_SYNC && q->open.v[i]->running && q->open.v[i]->class == WORK_SYNC
            && id_equal (&q->open.v[i]->hub, &w->hub))
          q->open.v[i]->yield = true;
      (void) work_insert (&q->open, w);
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
  for (i = 0; i < q->open.n; i++)
    {
      q->open.v[i]->blocked = false;
      q->open.v[i]->kicked = true;
    }
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

bool
queue_hold (struct engine *e, const struct id *task)
{
  struct queue *q = e->queue;
  struct work *w;
  bool idle;

  pthread_mutex_lock (&q->lock);
  w = work_find (&q->open, task);
  idle = w && !w->running && !w->held;
  if (idle)
    w->held = true;
  pthread_mutex_unlock (&q->lock);
  return idle;
}

void
queue_release (struct engine *e, const struct id *task, bool over)
{
  struct queue *q = e->queue;
  struct work *w;

  pthread_mutex_lock (&q->lock);
  w = work_find (&q->open, task);
  if (w && over)
    work_remove (&q->open, w);
  else if (w)
    w->held = false;
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
}

void
queue_drop_hub (struct engine *e, const struct id *hub)
{
  struct queue *q = e->queue;
  size_t i;

  pthread_mutex_lock (&q->lock);
  for (i = 0; i < q->open.n; i++)
    if (id_equal (&q->open.v[i]->hub, hub))
      {
        q->open.v[i]->blocked = false;
        q->open.v[i]->due_ms = 0;
        __atomic_store_n (&q->open.v[i]->stop, true, __ATOMIC_RELAXED);
        if (q->open.v[i]->session)
          session_wake (q->open.v[i]->session);
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
  *ret = (struct queue_counts) { q->open.n, 0 };
  for (i = 0; i < q->open.n; i++)
    ret->running += q->open.v[i]->running;
  pthread_mutex_unlock (&q->lock);
}

const char *
queue_waits (struct engine *e, const struct id *task)
{
  struct queue *q = e->queue;
  const char *waits = NULL;
  struct work *w;

  pthread_mutex_lock (&q->lock);
  w = work_find (&q->open, task);
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
  w = work_find (&q->open, task);
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

struct loading
{
  struct queue *q;
  json_t *begun;   /* tasks that a run left in the middle: a few of very many */
  int error;       /* 0 or -ENOMEM: one that is not loaded would wait for the next start */
};

static bool
load_task (void *arg, json_t *task)
{
  struct loading *l = arg;
  struct work *w;
  int x = work_of (task, &w);

  if (x == 0)
    {
      w->left = true;
      x = work_insert (&l->q->open, w);
    }
  if (x == -ENOMEM || (!streq (json_text (task, "status"), "queued") && json_array_append (l->begun, task) < 0))
    l->error = -ENOMEM;
  return l->error == 0;
}

/* What a run left in the middle is queued again, its attempts kept.  Without room to say
   so it is shown as it was until it runs. */
static int
load_tasks (struct queue *q)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (q->e->store);
  struct loading l = { q, json_array (), 0 };
  json_t *task;
  size_t i;
  int x;

  txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, load_task, &l);
  txn_fail (t, l.error);
  json_array_foreach (l.begun, i, task)
    {
      json_set_text (task, "status", "queued");
      txn_doc_put (t, STORE_TASK, task);
    }
  json_decref (l.begun);
  x = txn_commit (TAKE (t));
  return run_no_room (x) ? 0 : x;
}

static int
start_threads (struct queue *q, size_t n)
{
  size_t i;
  int x = 0;

  q->threads = calloc (n + LENT_MAX, sizeof *q->threads);
  if (!q->threads)
    return -ENOMEM;
  q->n_threads = n + LENT_MAX;
  pthread_mutex_lock (&q->lock);
  for (i = 0; i < n && x == 0; i++)
    x = start_thread (q, i < RESERVED_THREADS && n > RESERVED_THREADS);
  pthread_mutex_unlock (&q->lock);
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
  return x < 0 ? x : start_threads (q, (size_t) e->conf->tasks.workers);
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
  for (i = 0; i < q->open.n; i++)
    {
      __atomic_store_n (&q->open.v[i]->stop, true, __ATOMIC_RELAXED);
      if (q->open.v[i]->session)
        session_wake (q->open.v[i]->session);
    }
  pthread_cond_broadcast (&q->changed);
  pthread_mutex_unlock (&q->lock);
  for (i = 0; i < q->n_threads; i++)
    if (q->threads[i].there)
      (void) pthread_join (q->threads[i].id, NULL);
  for (i = 0; i < q->open.n; i++)
    free (q->open.v[i]);
  free (q->open.v);
  free (q->threads);
  (void) pthread_cond_destroy (&q->changed);
  (void) pthread_mutex_destroy (&q->lock);
  free (q);
  e->queue = NULL;
}
