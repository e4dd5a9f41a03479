/* Owns what happens by the clock: due syncs, the daily look at hubs in review, hubs that
   have not been synced for long, invitations past their time, what retention prunes,
   sessions that idled too long.  One thread, asleep until the next thing is due. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/engine/internal.h"
#include "host/engine/key.h"

#define LOOK_MS 30000             /* how often the hubs are looked through */
#define ALIVE_MS 300000           /* a look may wait for its turn to write */
#define PROBE_MS (24 * 3600 * 1000LL)
#define RETRY_VALIDATE_MS (3600 * 1000LL)
#define PURGE_MS (30 * 24 * 3600 * 1000LL)
#define PRUNE_AT_ONCE 1000u
#define PRUNE_EVERY_MS (3600 * 1000LL)
#define PRUNE_PAUSE_MS 50         /* between pieces: a million events in two minutes */
#define PURGE_AT_ONCE 5000u
#define ISSUE_KEPT_MS (7 * 24 * 3600 * 1000LL)
#ifdef USHER_TEST_HOOKS
#define SLEEP_MAX_MS 250          /* tests move the clock */
#else
#define SLEEP_MAX_MS LOOK_MS
#endif

struct schedule
{
  struct engine *e;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t stop_cond;
  bool stop;                      /* guarded by lock */
  int64_t looked_ms;              /* guarded by lock; monotonic */
  int64_t pruned_ms;
  bool pruning;                   /* the last piece was a whole one */
};

static bool
collect_hub (void *arg, json_t *hub)
{
  return json_array_append (arg, hub) == 0;
}

/* A stable place in the interval, so that many hubs do not sync at the same moment. */
static int64_t
spread_ms (const struct id *hub, int64_t interval_ms)
{
  uint32_t v;

  memcpy (&v, hub->b + 12, sizeof v);
  return (int64_t) (v % 1000) * interval_ms / 20000;  /* up to a twentieth */
}

/* A sync that ended badly is not repeated before its next turn. */
static int64_t
next_sync_ms (const json_t *hub, const struct id *id)
{
  int64_t interval = hub_setting (hub, "sync-interval") * 1000;
  int64_t last = MAX (json_time (hub, "last_synced_at"), json_time (hub, "sync_tried_at"));

  return MAX (last, json_time (hub, "created_at")) + interval - spread_ms (id, interval);
}

static json_t *
due_sync (struct txn *t, json_t *hub, const struct id *id, int64_t now)
{
  static const struct caller by_schedule = { .kind = CALLER_SYSTEM, .scopes = ~0u, .trigger = "schedule" };
  int64_t interval = hub_setting (hub, "sync-interval") * 1000, last = json_time (hub, "last_synced_at");
  bool fresh = false;
  json_t *task;

  if (last && now >= last + 2 * interval && streq (json_text (hub, "status"), "healthy"))
    {
      json_t *about = json_pack ("{s:s}", "kind", "sync");   /* whose end resolves it */

      hub_set_status (t, hub, "requires-sync", "No sync was completed for twice the sync interval.", &system_caller);
      issue_raise (t, "routine-sync", hub, about, "not-synced", "No sync was completed for twice the sync interval.");
      txn_doc_put (t, STORE_HUB, hub);
      json_decref (about);
    }
  if (now < next_sync_ms (hub, id))
    return NULL;
  json_set_time (hub, "sync_tried_at", now);
  txn_doc_put (t, STORE_HUB, hub);
  task = hub_queue_sync (t, hub, &by_schedule, NULL, &fresh);
  if (!fresh)
    {
      json_decref (task);
      return NULL;
    }
  return task;
}

/* Hubs in review are tried once a day; those whose validation ran out of attempts on a
   passing fault, every hour. */
static int64_t
next_probe_ms (const json_t *hub)
{
  return json_time (hub, "updated_at")
         + (streq (json_text (hub, "status"), "under-validation") ? RETRY_VALIDATE_MS : PROBE_MS);
}

static json_t *
due_probe (struct txn *t, json_t *hub, const struct id *id, int64_t now)
{
  _cleanup_ (freep) char *reason = NULL;
  json_t *task;

  if (!hub_waits (hub) || now < next_probe_ms (hub) || task_open_on (t, id, TASK_VALIDATE, NULL, NULL))
    return NULL;
  if (streq (json_text (hub, "status"), "under-validation") && json_text (hub, "status_reason"))
    reason = strdup (json_text (hub, "status_reason"));
  task = hub_revalidate (t, hub, &system_caller);
  /* What was wrong an hour ago is so until it is known better. */
  json_set_text (hub, "status_reason", reason);
  txn_doc_put (t, STORE_HUB, hub);
  return task;
}

/* In pieces: a large hub takes several looks. */
static void
purge (struct txn *t, const struct id *id)
{
  if (txn_members_drop (t, id, PURGE_AT_ONCE) == PURGE_AT_ONCE)
    return;
  txn_state_drop (t, id);
  txn_doc_delete (t, STORE_HUB, id);
}

static void
look_at_hub (struct txn *t, json_t *hub, json_t *started, int64_t now)
{
  json_t *task;
  struct id id;

  if (!json_id (hub, "id", &id))
    return;
  if (!hub_is_live (hub))
    {
      if (json_time (hub, "removed_at") + PURGE_MS < now)
        purge (t, &id);
      return;
    }
  task = hub_waits (hub) ? due_probe (t, hub, &id, now) : due_sync (t, hub, &id, now);
  if (task)
    (void) json_array_append_new (started, task);
}

/* ---- What retention lets go: a piece in a transaction, and the next one soon. */

/* Documents past their time. */
struct old
{
  int64_t before_ms;
  json_t *ids;
};

/* Ids ascend with the time they were made: the walk ends at the first young one. */
static bool
collect_task (void *arg, json_t *task)
{
  struct old *o = arg;

  if (json_time (task, "created_at") >= o->before_ms)
    return false;
  if (json_object_get (task, "ended_at"))
    (void) json_array_append (o->ids, json_object_get (task, "id"));
  return json_array_size (o->ids) < PRUNE_AT_ONCE;
}

static bool
collect_seen_issue (void *arg, json_t *issue)
{
  struct old *o = arg;

  if (!streq (json_text (issue, "state"), "unread") && json_time (issue, "updated_at") < o->before_ms)
    (void) json_array_append (o->ids, json_object_get (issue, "id"));
  return json_array_size (o->ids) < PRUNE_AT_ONCE;
}

static size_t
prune_docs (struct txn *t, enum store_kind kind, int64_t before_ms, txn_doc_fn *collect)
{
  struct old old = { before_ms, json_array () };
  json_t *text;
  struct id id;
  size_t i, n;

  txn_doc_walk (t, kind, 0, NULL, false, NULL, collect, &old);
  json_array_foreach (old.ids, i, text)
    if (id_parse (json_string_value (text), &id) == 0)
      txn_doc_delete (t, kind, &id);
  n = json_array_size (old.ids);
  json_decref (old.ids);
  return n;
}

/* In T: whether there may be more. */
static bool
prune (struct engine *e, struct txn *t, int64_t now, size_t *ret_keys)
{
  size_t n[] = {
    txn_event_prune (t, now - (int64_t) e->conf->retention.events, PRUNE_AT_ONCE),
    prune_docs (t, STORE_TASK, now - (int64_t) e->conf->retention.tasks, collect_task),
    /* Read or resolved ones leave after a week; unread ones stay (behaviour 5.27). */
    prune_docs (t, STORE_ISSUE, now - ISSUE_KEPT_MS, collect_seen_issue),
    *ret_keys = keys_prune (t, PRUNE_AT_ONCE),
  };
  bool more = false;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (n); i++)
    more = more || n[i] == PRUNE_AT_ONCE;
  return more;
}

/* The next piece where it is time for one; when there may be another: in so many
   milliseconds. */
static int64_t
prune_some (struct schedule *s)
{
  int64_t now = clock_now_ms ();
  struct txn *t;
  size_t n;
  int x;

  if (!s->pruning && now < s->pruned_ms + PRUNE_EVERY_MS && now >= s->pruned_ms)
    return PRUNE_EVERY_MS;
  s->pruned_ms = now;
  t = store_write (s->e->store);
  s->pruning = prune (s->e, t, now, &n);
  x = txn_commit (t);
  if (x == 0)
    keys_pruned (s->e, n);
  else
    {
      s->pruning = false;
      log_error ("what is past its time cannot be deleted because the store answers %s; tried again in an hour",
                 strerror (-x));
    }
  return s->pruning ? PRUNE_PAUSE_MS : PRUNE_EVERY_MS;
}

/* Anything to do?  Asked on a snapshot, so that an idle daemon writes nothing. */
static bool
anything_due (struct engine *e, const json_t *hubs, int64_t now)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *hub;
  struct id id;
  size_t i;

  json_array_foreach (hubs, i, hub)
    {
      if (!json_id (hub, "id", &id))
        continue;
      if (!hub_is_live (hub) ? json_time (hub, "removed_at") + PURGE_MS < now
          : hub_waits (hub)
            ? now >= next_probe_ms (hub) && !task_open_on (t, &id, TASK_VALIDATE, NULL, NULL)
            : now >= next_sync_ms (hub, &id))
        return true;
    }
  return false;
}

static void
look (struct engine *e)
{
  json_t *hubs = json_array (), *started = json_array (), *hub, *task;
  int64_t now = clock_now_ms ();
  struct txn *t = store_read (e->store);
  size_t i;
  int x;

  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, collect_hub, hubs);
  txn_abort (t);
  if (anything_due (e, hubs, now))
    {
      t = store_write (e->store);
      json_array_clear (hubs);
      txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, collect_hub, hubs);
      json_array_foreach (hubs, i, hub)
        look_at_hub (t, hub, started, now);
      x = txn_commit (t);
      if (x < 0)
        log_error ("what is due cannot be queued because the store answers %s; tried again in %d s", strerror (-x),
                   LOOK_MS / 1000);
      json_array_foreach (started, i, task)
        if (x == 0)
          queue_add (e, task);
      if (json_array_size (started))
        queue_kick (e);
    }
  json_decref (hubs);
  json_decref (started);
}

void
hubs_probe (struct engine *e, const char *connector)
{
  json_t *hubs = json_array (), *started = json_array (), *hub, *task;
  struct apps *apps = engine_apps (e);
  struct txn *t = store_write (e->store);
  size_t i;

  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, collect_hub, hubs);
  json_array_foreach (hubs, i, hub)
    {
      const struct app *app = apps_find (apps, json_text (hub, "app"));

      if (app && streq (app_connector (app), connector) && streq (json_text (hub, "status"), "review-configuration"))
        (void) json_array_append_new (started, hub_revalidate (t, hub, &system_caller));
    }
  if (txn_commit (t) == 0)
    json_array_foreach (started, i, task)
      queue_add (e, task);
  queue_kick (e);
  json_decref (hubs);
  json_decref (started);
  apps_unref (apps);
}

static void
sleep_until (struct schedule *s, int64_t ms)
{
  struct timespec until = clock_deadline (ms);

  (void) pthread_cond_timedwait (&s->stop_cond, &s->lock, &until);
}

static void *
thread_main (void *arg)
{
  struct schedule *s = arg;
  int64_t idle, wait;

  pthread_mutex_lock (&s->lock);
  while (!s->stop)
    {
      pthread_mutex_unlock (&s->lock);
      look (s->e);
      wait = MIN (prune_some (s), SLEEP_MAX_MS);
      idle = session_pool_sweep (s->e->pool);
      if (idle >= 0)
        wait = MIN (MAX (idle, 1), wait);
      pthread_mutex_lock (&s->lock);
      s->looked_ms = clock_mono_ms ();
      if (!s->stop)
        sleep_until (s, wait);
    }
  pthread_mutex_unlock (&s->lock);
  return NULL;
}

int
schedule_start (struct engine *e)
{
  struct schedule *s = calloc (1, sizeof *s);
  pthread_condattr_t attr;

  if (!s)
    return -ENOMEM;
  s->e = e;
  s->looked_ms = clock_mono_ms ();
  e->schedule = s;
  (void) pthread_mutex_init (&s->lock, NULL);
  (void) pthread_condattr_init (&attr);
  (void) pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  (void) pthread_cond_init (&s->stop_cond, &attr);
  (void) pthread_condattr_destroy (&attr);
  return -pthread_create (&s->thread, NULL, thread_main, s);
}

bool
schedule_alive (struct engine *e)
{
  struct schedule *s = e->schedule;
  int64_t looked;

  pthread_mutex_lock (&s->lock);
  looked = s->looked_ms;
  pthread_mutex_unlock (&s->lock);
  return clock_mono_ms () - looked < ALIVE_MS;
}

void
schedule_stop (struct engine *e)
{
  struct schedule *s = e->schedule;

  if (!s)
    return;
  pthread_mutex_lock (&s->lock);
  s->stop = true;
  pthread_cond_signal (&s->stop_cond);
  pthread_mutex_unlock (&s->lock);
  (void) pthread_join (s->thread, NULL);
  (void) pthread_cond_destroy (&s->stop_cond);
  (void) pthread_mutex_destroy (&s->lock);
  free (s);
  e->schedule = NULL;
}
