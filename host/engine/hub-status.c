/* Owns the states of a hub (behaviour 4.1) and how a hub is shown. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/failure.h"
#include "host/common/text.h"
#include "host/engine/connectors.h"
#include "host/engine/internal.h"

static const struct
{
  const char *name;
  int64_t value;
} defaults[] = {
  { "sync-interval", 24 * 3600 },    { "safeguard-threshold", 20 }, { "safeguard-floor", 2 },
  { "safeguard-cap", 500 },          { "settle-window", 300 },
};

#define ASK "ask_removals"
#define APP_WAITS "app_waits_until"
#define APP_ASKED "app_asked_at"

/* Fields that only the engine reads. */
static const char *const inner[] = { "space_key", "space_id", "generation", "facts", "members_last",
                                     "automation_username", "automation_email", "created_by", ASK, APP_ASKED };

int64_t
hub_setting (const json_t *hub, const char *name)
{
  size_t i;

  for (i = 0; !streq (defaults[i].name, name); i++)
    assert (i + 1 < ARRAY_SIZE (defaults));
  return json_number (json_object_get (hub, "settings"), name, defaults[i].value);
}

bool
hub_is_live (const json_t *hub)
{
  return !streq (json_text (hub, "status"), "removed");
}

bool
hub_waits (const json_t *hub)
{
  const char *status = json_text (hub, "status");

  return streq (status, "under-validation") || has_prefix (status, "review-");
}

void
hub_ask_removals (json_t *hub)
{
  (void) json_object_set_new (hub, ASK, json_true ());
}

bool
hub_asks_removals (const json_t *hub)
{
  return json_flag (hub, ASK);
}

void
hub_is_certain (json_t *hub)
{
  (void) json_object_del (hub, ASK);
}

void
hub_app_asked (struct txn *t, json_t *hub, int64_t until_ms)
{
  json_set_time (hub, APP_WAITS, until_ms);
  json_set_time (hub, APP_ASKED, clock_now_ms ());
  txn_doc_put (t, STORE_HUB, hub);
}

void
hub_app_answers (json_t *hub)
{
  (void) json_object_del (hub, APP_WAITS);
  (void) json_object_del (hub, APP_ASKED);
}

void
hub_app_answered (struct txn *t, const struct id *id)
{
  json_t *hub = txn_doc_get (t, STORE_HUB, id);

  if (json_object_get (hub, APP_WAITS))
    {
      hub_app_answers (hub);
      txn_doc_put (t, STORE_HUB, hub);
    }
  json_decref (hub);
}

int64_t
hub_app_waits_until (const json_t *hub)
{
  int64_t until = json_time (hub, APP_WAITS), now = clock_now_ms ();

  /* A clock that went back makes no wait longer than it was. */
  until -= MAX (json_time (hub, APP_ASKED) - now, 0);
  return until > now ? until : 0;
}

struct waiting_tasks
{
  const char *hub;
  json_t *found;
};

static bool
collect_waiting (void *arg, json_t *task)
{
  struct waiting_tasks *w = arg;

  return !streq (json_text (task, "hub"), w->hub) || !streq (json_text (task, "wait_reason"), "app-asked")
         || json_array_append (w->found, task) == 0;
}

json_t *
hub_end_wait (struct txn *t, json_t *hub)
{
  struct waiting_tasks w = { json_text (hub, "id"), json_array () };
  json_t *task;
  size_t i;

  hub_app_answers (hub);
  txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, collect_waiting, &w);
  json_array_foreach (w.found, i, task)
    {
      json_set_time (task, "next_attempt_at", 0);
      txn_doc_put (t, STORE_TASK, task);
    }
  return w.found;
}

void
hub_set_status (struct txn *t, json_t *hub, const char *status, const char *reason, const struct caller *c)
{
  bool changed = !streq (json_text (hub, "status"), status);

  json_set_text (hub, "status", status);
  json_set_text (hub, "status_reason", reason);
  json_set_time (hub, "updated_at", clock_now_ms ());
  if (changed)
    event_add (t, &(struct event) { .type = "hub.status-changed", .caller = c, .hub = hub, .outcome = status });
}

void
hub_task_failed (struct txn *t, json_t *hub, const json_t *task, const struct failure *f, const char *text)
{
  const char *status = NULL, *code = json_text (json_object_get (task, "error"), "code");
  bool validate = streq (json_text (task, "kind"), "validate");

  if (!hub || !hub_is_live (hub))
    return;
  if (f->hub == FAILURE_HUB_ACCOUNT)
    status = "review-automation-account";
  else if (f->hub == FAILURE_HUB_CONFIG || (validate && !f->retry && !streq (code, "cancelled")))
    status = "review-configuration";
  else if (validate)
    status = json_text (hub, "status");  /* the next validation is due within the hour */
  else if (streq (code, "safeguard-exceeded"))
    status = "requires-sync";
  if (!status)
    return;
  hub_set_status (t, hub, status, text, &system_caller);
  txn_doc_put (t, STORE_HUB, hub);
}

json_t *
hub_render (struct txn *t, struct engine *e, const json_t *hub)
{
  json_t *shown = json_copy ((json_t *) (uintptr_t) hub), *settings = json_object (), *set;
  _cleanup_ (freep) char *limit = NULL;
  const char *key;
  struct hub_counts counts;
  struct id id;
  int64_t last, waits_until;
  json_t *value;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (inner); i++)
    (void) json_object_del (shown, inner[i]);
  for (i = 0; i < ARRAY_SIZE (defaults); i++)
    (void) json_object_set_new (settings, defaults[i].name, json_integer (defaults[i].value));
  set = json_object_get (hub, "settings");
  json_object_foreach (set, key, value)
    (void) json_object_set (settings, key, value);
  (void) json_object_set_new (shown, "settings", settings);
  (void) json_object_del (shown, "roles");
  if (json_id (hub, "id", &id))
    {
      txn_counts (t, &id, &counts);
      (void) json_object_set_new (
        shown, "counts",
        json_pack ("{s:I, s:I, s:I, s:I}", "unmatched", (json_int_t) counts.tab[MEMBER_TAB_UNMATCHED], "onboarded",
                   (json_int_t) counts.tab[MEMBER_TAB_ONBOARDED], "guest",
                   (json_int_t) counts.tab[MEMBER_TAB_GUEST], "exempted",
                   (json_int_t) counts.tab[MEMBER_TAB_EXEMPTED]));
    }
  if (!json_object_get (shown, "cannot"))
    (void) json_object_set_new (shown, "cannot", json_object ());
  limit = hub_limit (e, t, hub, &waits_until);
  json_set_time (shown, APP_WAITS, waits_until);
  json_set_text (shown, "limit", limit);
  last = json_time (hub, "last_synced_at");
  if (last && hub_is_live (hub))
    json_set_time (shown, "next_sync_at", last + hub_setting (hub, "sync-interval") * 1000);
  return shown;
}

json_t *
hub_render_for (struct sight *s, struct txn *t, struct engine *e, const json_t *hub)
{
  static const char *const card[] = { "id", "label", "app", "login_method", "created_at", "updated_at" };
  json_t *shown;
  size_t i;

  if (s->all || sight_role (s, t, hub, "id") >= HUB_MANAGER)
    return hub_render (t, e, hub);
  shown = json_object ();
  for (i = 0; i < ARRAY_SIZE (card); i++)
    json_set_text (shown, card[i], json_text (hub, card[i]));
  return shown;
}

json_t *
hub_revalidate (struct txn *t, json_t *hub, const struct caller *c)
{
  struct id id;
  json_t *task = NULL;

  (void) json_object_set_new (hub, "generation", json_integer (json_number (hub, "generation", 0) + 1));
  hub_set_status (t, hub, "under-validation", NULL, c);
  txn_doc_put (t, STORE_HUB, hub);
  if (json_id (hub, "id", &id) && task_open_on (t, &id, TASK_VALIDATE, NULL, &task))
    {
      /* It may be waiting for its next attempt: the new settings deserve one now. */
      json_set_time (task, "next_attempt_at", 0);
      (void) json_object_set_new (task, "attempts", json_integer (0));
      txn_doc_put (t, STORE_TASK, task);
      return task;
    }
  task = task_new (c, TASK_VALIDATE, hub, NULL, NULL, NULL);
  txn_doc_put (t, STORE_TASK, task);
  event_add (t, &(struct event) { .type = "task.created", .caller = c, .hub = hub, .outcome = "validate" });
  return task;
}

struct open_sync
{
  const char *hub;
  bool dry;
  json_t *found;
};

static bool
find_sync (void *arg, json_t *task)
{
  struct open_sync *o = arg;

  /* A dry run and a sync do not stand for each other. */
  if (!streq (json_text (task, "hub"), o->hub) || !streq (json_text (task, "kind"), "sync")
      || json_flag (json_object_get (task, "input"), "dry_run") != o->dry)
    return true;
  o->found = json_incref (task);
  return false;
}

json_t *
hub_queue_sync (struct txn *t, json_t *hub, const struct caller *c, json_t *input, bool *ret_new)
{
  struct open_sync o = { json_text (hub, "id"), json_flag (input, "dry_run"), NULL };
  json_t *task;

  *ret_new = false;
  txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, find_sync, &o);
  if (o.found)
    {
      json_decref (input);
      return o.found;
    }
  task = task_new (c, TASK_SYNC, hub, NULL, NULL, input);
  txn_doc_put (t, STORE_TASK, task);
  event_add (t, &(struct event) { .type = "task.created", .caller = c, .hub = hub, .outcome = "sync" });
  *ret_new = true;
  return task;
}
