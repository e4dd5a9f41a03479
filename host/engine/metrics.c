/* Owns what is told to those who watch the daemon.  Counters are made of the events that
   were committed since the start, read when somebody asks: nothing counts twice, and
   nothing is in the way of the work. */
#include <config.h>

#include "host/common/clock.h"
#include "host/engine/internal.h"
#include "host/engine/key.h"
#include "host/engine/metrics.h"

#define ROWS_AT_ONCE 1000u   /* events looked at in one transaction */

static const char *const kinds[] = { "validate", "sync", "add-user", "update-role", "remove-user" };
static const char *const endings[] = { "completed", "not-completed" };
static const char *const rows[] = { "seen", "added", "changed", "missing" };
static const char *const task_states[] = { "queued", "started", "running", "retrying" };
static const char *const hub_states[] = { "healthy", "under-validation", "requires-sync",
                                          "review-automation-account", "review-configuration", "removed" };

struct metrics
{
  pthread_mutex_t lock;          /* guards the rest */
  uint64_t at;                   /* the last event that was counted */
  uint64_t events, syncs, sync_ms;
  uint64_t ended[ARRAY_SIZE (kinds)][ARRAY_SIZE (endings)];
  uint64_t sync_rows[ARRAY_SIZE (rows)];
};

int
metrics_start (struct engine *e)
{
  struct metrics *m = calloc (1, sizeof *m);

  if (!m)
    return -ENOMEM;
  (void) pthread_mutex_init (&m->lock, NULL);
  m->at = store_newest_event (e->store);
  e->metrics = m;
  return 0;
}

void
metrics_stop (struct engine *e)
{
  if (!e->metrics)
    return;
  (void) pthread_mutex_destroy (&e->metrics->lock);
  free (TAKE (e->metrics));
}

/* The place of WORD among N WORDS; N = it is none of them. */
static size_t
place (const char *const *words, size_t n, const char *word)
{
  size_t i;

  for (i = 0; i < n && !streq (words[i], word); i++)
    ;
  return i;
}

/* ---- Counting. */

struct counting
{
  struct metrics *m;
  struct txn *t;
  size_t rows;
};

static void
count_ended (struct metrics *m, const json_t *event, size_t ending)
{
  size_t kind = place (kinds, ARRAY_SIZE (kinds), json_text (json_object_get (event, "details"), "kind"));

  if (kind < ARRAY_SIZE (kinds))
    m->ended[kind][ending]++;
}

static void
count_sync (struct metrics *m, struct txn *t, const json_t *event)
{
  const json_t *sync = json_object_get (event, "details");
  struct id id;
  json_t *task = json_id (event, "task", &id) ? txn_doc_get (t, STORE_TASK, &id) : NULL;
  int64_t took = json_time (task, "ended_at") - json_time (task, "started_at");
  size_t i;

  for (i = 0; i < ARRAY_SIZE (rows); i++)
    m->sync_rows[i] += (uint64_t) json_number (sync, rows[i], 0);
  if (task && json_time (task, "ended_at"))
    {
      m->syncs++;
      m->sync_ms += (uint64_t) MAX (took, 0);
    }
  json_decref (task);
}

static bool
count_event (void *arg, json_t *event)
{
  struct counting *c = arg;
  const char *type = json_text (event, "type");

  c->m->events++;
  if (streq (type, "task.completed"))
    count_ended (c->m, event, 0);
  else if (streq (type, "task.failed") || streq (type, "sync.failed"))
    count_ended (c->m, event, 1);
  else if (streq (type, "sync.completed"))
    count_sync (c->m, c->t, event);
  return ++c->rows < ROWS_AT_ONCE;
}

/* With the lock held. */
static int
catch_up (struct engine *e)
{
  struct counting c = { .m = e->metrics };
  uint64_t newest = store_newest_event (e->store);
  int x = 0;

  while (x == 0 && c.m->at < newest)
    {
      c.rows = 0;
      c.t = store_read (e->store);
      c.m->at = txn_event_follow (c.t, c.m->at, count_event, &c);
      x = txn_error (c.t);
      txn_abort (c.t);
      /* Those that retention took are not counted. */
      if (c.rows < ROWS_AT_ONCE)
        c.m->at = MAX (c.m->at, newest);
    }
  return x;
}

/* ---- Text. */

static void
family (struct buf *out, const char *name, const char *type, const char *help)
{
  buf_printf (out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void
number (struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
  family (out, name, type, help);
  buf_printf (out, "%s%s %llu\n", name, streq (type, "counter") ? "_total" : "", (unsigned long long) value);
}

static void
put_counters (struct engine *e, struct buf *out)
{
  const struct metrics *m = e->metrics;
  size_t i, k;

  number (out, "usher_events", "counter", "Events written.", m->events);
  family (out, "usher_tasks_ended", "counter", "Tasks that ended, by kind and how.");
  for (i = 0; i < ARRAY_SIZE (kinds); i++)
    for (k = 0; k < ARRAY_SIZE (endings); k++)
      buf_printf (out, "usher_tasks_ended_total{kind=\"%s\",status=\"%s\"} %llu\n", kinds[i], endings[k],
                  (unsigned long long) m->ended[i][k]);
  buf_puts (out, "# TYPE usher_sync_seconds summary\n# UNIT usher_sync_seconds seconds\n"
                 "# HELP usher_sync_seconds How long syncs took from their start to their end.\n");
  buf_printf (out, "usher_sync_seconds_count %llu\nusher_sync_seconds_sum %llu.%03llu\n",
              (unsigned long long) m->syncs, (unsigned long long) (m->sync_ms / 1000),
              (unsigned long long) (m->sync_ms % 1000));
  family (out, "usher_sync_rows", "counter", "Rows that syncs saw, added, changed and missed.");
  for (i = 0; i < ARRAY_SIZE (rows); i++)
    buf_printf (out, "usher_sync_rows_total{what=\"%s\"} %llu\n", rows[i], (unsigned long long) m->sync_rows[i]);
}

struct census
{
  uint64_t hubs[ARRAY_SIZE (hub_states) + 1];
  uint64_t tasks[ARRAY_SIZE (kinds) + 1][ARRAY_SIZE (task_states) + 1];
};

static bool
count_hub (void *arg, json_t *hub)
{
  struct census *c = arg;

  c->hubs[place (hub_states, ARRAY_SIZE (hub_states), json_text (hub, "status"))]++;
  return true;
}

static bool
count_task (void *arg, json_t *task)
{
  struct census *c = arg;

  c->tasks[place (kinds, ARRAY_SIZE (kinds), json_text (task, "kind"))]
          [place (task_states, ARRAY_SIZE (task_states), json_text (task, "status"))]++;
  return true;
}

static void
put_census (struct txn *t, struct buf *out)
{
  struct census c = { 0 };
  size_t i, k;

  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, count_hub, &c);
  txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, count_task, &c);
  family (out, "usher_hubs", "gauge", "Hubs, by status.");
  for (i = 0; i < ARRAY_SIZE (hub_states); i++)
    buf_printf (out, "usher_hubs{status=\"%s\"} %llu\n", hub_states[i], (unsigned long long) c.hubs[i]);
  family (out, "usher_tasks", "gauge", "Open tasks, by kind and status.");
  for (i = 0; i < ARRAY_SIZE (kinds); i++)
    for (k = 0; k < ARRAY_SIZE (task_states); k++)
      buf_printf (out, "usher_tasks{kind=\"%s\",status=\"%s\"} %llu\n", kinds[i], task_states[k],
                  (unsigned long long) c.tasks[i][k]);
}

static void
put_state (struct engine *e, struct buf *out)
{
  struct queue_counts tasks;
  struct store_space space;
  struct store_readers readers;

  buf_printf (out, "# TYPE usher_build info\n# HELP usher_build What is running.\nusher_build_info{version=\"%s\"} 1\n",
              PACKAGE_VERSION);
  number (out, "usher_start_time_seconds", "gauge", "When the daemon started, since 1970.",
          (uint64_t) e->started_ms / 1000);
  queue_counts (e, &tasks);
  number (out, "usher_tasks_running", "gauge", "Tasks that a thread works at.", tasks.running);
  number (out, "usher_idle_sessions", "gauge", "Sessions of apps that are kept for the next task.",
          session_pool_size (e->pool));
  store_space (e->store, &space);
  number (out, "usher_store_map_bytes", "gauge", "Size that the store may grow to.", space.map_size);
  number (out, "usher_store_used_bytes", "gauge", "Of that, in use.", space.map_used);
  number (out, "usher_disk_free_bytes", "gauge", "Free on the disk that holds the state folder.", space.disk_free);
  number (out, "usher_store_commits", "counter", "Transactions that changed something since the store was made.",
          space.commits);
  store_readers (e->store, &readers);
  number (out, "usher_store_readers", "gauge", "Read transactions that are open.", readers.n);
  family (out, "usher_store_oldest_reader_seconds", "gauge", "How long the oldest of them has been.");
  buf_printf (out, "usher_store_oldest_reader_seconds %lld.%03lld\n", (long long) readers.oldest_ms / 1000,
              (long long) readers.oldest_ms % 1000);
  number (out, "usher_idempotency_keys", "gauge", "Answers kept for requests that are repeated.", keys_count (e));
}

int
engine_metrics (struct engine *e, const struct call *c, struct buf *out, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_ADMIN, r);

  if (x == 0)
    put_census (t, out);
  txn_abort (t);
  if (x < 0)
    return x;
  pthread_mutex_lock (&e->metrics->lock);
  x = catch_up (e);
  put_counters (e, out);
  pthread_mutex_unlock (&e->metrics->lock);
  put_state (e, out);
  if (x == 0)
    x = buf_error (out);
  return x < 0 ? refuse_errno (r, x) : 0;
}

bool
engine_ready (struct engine *e, char **ret_why)
{
  struct txn *t = store_read (e->store);
  json_t *workspace = workspace_get (t);
  int x = txn_error (t);
  struct buf why = BUF_INIT (256);

  json_decref (workspace);
  txn_abort (t);
  if (x < 0)
    buf_printf (&why, "the store answers: %s\n", strerror (-x));
  else if (!schedule_alive (e))
    buf_puts (&why, "what happens by the clock has not been looked at for minutes\n");
  if (!why.len)
    return true;
  *ret_why = buf_steal (&why);
  return false;
}
