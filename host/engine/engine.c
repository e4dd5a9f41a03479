/* Owns the order in which the parts of the engine start and stop. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/engine/connectors.h"
#include "host/engine/inspect.h"
#include "host/engine/internal.h"
#include "host/engine/key.h"
#include "host/engine/metrics.h"
#include "host/engine/restored.h"
#include "host/engine/seals.h"

static int
fail (char **ret_why, const char *what, int error)
{
  struct buf why = BUF_INIT (1024);

  buf_printf (&why, "%s: %s", what, strerror (-error));
  *ret_why = buf_steal (&why);
  return error;
}

static void
app_problem (void *arg, const struct app_problem *problem)
{
  _cleanup_ (freep) char *text = app_problem_format (problem);

  (void) arg;
  log_warning ("%s", text ? text : "an app file is wrong");
}

static int
load_apps (struct engine *e)
{
  struct apps *fresh = NULL, *old;
  int x = apps_load (e->app_path, app_problem, NULL, &fresh);

  if (x < 0)
    return x;
  pthread_rwlock_wrlock (&e->apps_lock);
  old = e->apps;
  e->apps = fresh;
  pthread_rwlock_unlock (&e->apps_lock);
  apps_unref (old);
  return 0;
}

struct apps *
engine_apps (struct engine *e)
{
  struct apps *apps;

  pthread_rwlock_rdlock (&e->apps_lock);
  apps = apps_ref (e->apps);
  pthread_rwlock_unlock (&e->apps_lock);
  return apps;
}

static int
start_parts (struct engine *e, char **ret_why)
{
  struct supervisor_options options = { e->libexec_dir, (const char *const *) e->library_dirs };
  int x = seals_open (e, ret_why);

  if (x < 0)
    return x;
  x = load_apps (e);
  if (x < 0)
    return fail (ret_why, "The app files cannot be read", x);
  x = restored_settle (e);
  if (x < 0)
    return fail (ret_why, "What follows from the restored backup cannot be written", x);
  x = sync_recover (e);
  if (x < 0)
    return fail (ret_why, "A half-applied sync cannot be finished", x);
  confinement_log ();
  x = rate_table_new (&e->rates);
  if (x == 0)
    x = hub_limits_restore (e);
  if (x == 0)
    x = keys_start (e);
  if (x == 0)
    x = metrics_start (e);
  if (x == 0)
    x = session_pool_new (SESSION_IDLE_MS, &e->pool);
  if (x == 0)
    x = supervisor_start (&options, &e->supervisor);
  if (x == 0)
    x = connectors_start (e);
  if (x == 0)
    x = queue_start (e);
  if (x == 0)
    x = schedule_start (e);
  return x < 0 ? fail (ret_why, "The engine cannot be started", x) : 0;
}

int
engine_start (const struct engine_options *options, struct engine **ret, char **ret_why)
{
  struct engine *e = calloc (1, sizeof *e);
  int x;

  *ret_why = NULL;
  if (!e)
    return fail (ret_why, "The engine cannot be started", -ENOMEM);
  e->conf = options->conf;
  e->store = options->store;
  e->restart = options->restart;
  e->restart_arg = options->restart_arg;
  e->state_dir = strdup (options->state_dir);
  e->libexec_dir = strdup (options->libexec_dir);
  e->connector_path = strdup (options->connector_path);
  e->app_path = strdup (options->app_path);
  e->library_dirs = inspect_split_dirs (options->library_path);
  e->started_ms = clock_now_ms ();
  (void) pthread_rwlock_init (&e->apps_lock, NULL);
  (void) pthread_mutex_init (&e->renewing_lock, NULL);
  (void) pthread_mutex_init (&e->seals_lock, NULL);
  if (!e->state_dir || !e->libexec_dir || !e->connector_path || !e->app_path || !e->library_dirs)
    x = fail (ret_why, "The engine cannot be started", -ENOMEM);
  else
    x = start_parts (e, ret_why);
  if (x < 0)
    {
      engine_stop (e);
      return x;
    }
  *ret = e;
  return 0;
}

void
engine_stop (struct engine *e)
{
  schedule_stop (e);
  queue_stop (e);
  if (e->pool)
    session_pool_free (e->pool);
  if (e->supervisor)
    supervisor_stop (e->supervisor);
  connectors_stop (e);
  keys_stop (e);
  metrics_stop (e);
  if (e->rates)
    rate_table_free (e->rates);
  apps_unref (e->apps);
  vault_close (e->vault);
  (void) pthread_rwlock_destroy (&e->apps_lock);
  (void) pthread_mutex_destroy (&e->renewing_lock);
  (void) pthread_mutex_destroy (&e->seals_lock);
  (void) inspect_free_dirs (e->library_dirs);
  free (e->state_dir);
  free (e->libexec_dir);
  free (e->connector_path);
  free (e->app_path);
  free (e);
}

void
engine_reload (struct engine *e)
{
  int x = load_apps (e);

  if (x < 0)
    log_error ("the app files cannot be read again: %s; those read before stay", strerror (-x));
  connectors_reload (e);
  /* Idle sessions would go on with what was loaded before. */
  session_pool_drop (e->pool, "");
  queue_kick (e);
  log_info ("app files and connectors were read again");
}
