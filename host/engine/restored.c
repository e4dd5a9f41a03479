/* Owns what happens once after a restore: the world has gone on since the backup was made,
   so nothing that was under way then may go on, and nobody may be removed for being unknown
   to it. */
#include <config.h>

#include "host/engine/restored.h"

#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/log.h"
#include "host/engine/internal.h"
#include "host/store/delta.h"

#define RESTORED "restored"   /* in "meta": the last one */
#define SEQ_MARGIN 1000000    /* events of the store before, after the mark was made */

static bool
collect (void *arg, json_t *doc)
{
  return json_array_append (arg, doc) == 0;
}

static json_t *
all_hubs (struct txn *t)
{
  json_t *hubs = json_array ();

  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, collect, hubs);
  return hubs;
}

/* The syncs that were half applied when the copy was made have lost their files. */
static int
forget_deltas (struct engine *e)
{
  struct txn *t = store_read (e->store);
  json_t *hubs = all_hubs (t), *hub;
  int x = txn_error (t);
  struct id id;
  size_t i;

  txn_abort (t);
  json_array_foreach (hubs, i, hub)
    if (x >= 0 && json_id (hub, "id", &id))
      x = delta_forget (e->store, &id);
  json_decref (hubs);
  return MIN (x, 0);
}

static void
cancel_tasks (struct txn *t)
{
  json_t *tasks = json_array (), *task, *hub;
  struct id id;
  size_t i;

  txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, collect, tasks);
  json_array_foreach (tasks, i, task)
    {
      hub = json_id (task, "hub", &id) ? txn_doc_get (t, STORE_HUB, &id) : NULL;
      task_end_failed (t, task, hub, "cancelled", "Cancelled by the restore of a backup.", NULL);
      json_decref (hub);
    }
  json_decref (tasks);
}

static void
revalidate_hubs (struct txn *t)
{
  json_t *hubs = all_hubs (t), *hub;
  size_t i;

  json_array_foreach (hubs, i, hub)
    if (hub_is_live (hub))
      {
        hub_ask_removals (hub);
        json_decref (hub_revalidate (t, hub, &system_caller));
      }
  json_decref (hubs);
}

/* The event that the chain goes on from: whose restore it was, and where the chain of the
   store before it ended. */
static void
add_event (struct txn *t, const json_t *info)
{
  json_t *event = event_json (&(struct event) { .type = "workspace.restored", .caller = &system_caller,
                                                .details = json_deep_copy (info) });

  if (json_object_get (info, "actor"))
    (void) json_object_set (event, "actor", json_object_get (info, "actor"));
  (void) json_object_del (json_object_get (event, "details"), "actor");
  txn_event_add (t, event);
  json_decref (event);
}

/* The last restore, as "meta" has it; NULL = none. */
static json_t *
last (struct txn *t)
{
  const void *p;
  size_t len;

  return txn_meta_get (t, RESTORED, &p, &len) == 1 ? json_loadb (p, len, 0, NULL) : NULL;
}

static int
settle (struct engine *e, json_t *info)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (e->store);
  _cleanup_ (freep) char *text = NULL;
  json_t *before = last (t);
  bool done = streq (json_text (before, "id"), json_text (info, "id"));
  int x;

  json_decref (before);
  if (done)
    return txn_error (t);
  /* Who follows the events by their sequence misses none. */
  txn_raise_seq (t, (uint64_t) json_number (json_object_get (info, "replaced"), "seq", -SEQ_MARGIN) + SEQ_MARGIN);
  cancel_tasks (t);
  revalidate_hubs (t);
  add_event (t, info);
  json_set_time (info, "restored_at", clock_now_ms ());
  text = json_dumps (info, JSON_COMPACT);
  if (!text)
    return -ENOMEM;
  txn_meta_put (t, RESTORED, text, strlen (text));
  x = txn_commit (TAKE (t));
  return x == 0 ? fail_point ("restore-settled") : x;
}

int
restored_settle (struct engine *e)
{
  json_t *info = NULL;
  int x = store_restored (e->store, &info);

  if (x != 1)
    return x;
  x = forget_deltas (e);
  if (x == 0)
    x = settle (e, info);
  if (x == 0)
    x = store_restore_settled (e->store);
  if (x == 0)
    log_warning ("a backup of %s was restored; the store before it is kept in %s/%s", json_text (info, "taken_at"),
                 e->state_dir, json_text (info, "aside"));
  json_decref (info);
  return x;
}

json_t *
restored_json (struct engine *e, struct txn *t)
{
  json_t *info = last (t), *shown = NULL;
  _cleanup_ (freep) char *aside = info ? store_aside (e->store, json_text (info, "aside")) : NULL;

  if (aside)
    {
      shown = json_copy (info);
      (void) json_object_del (shown, "actor");
      (void) json_object_del (shown, "replaced");
      json_set_text (shown, "aside", aside);
    }
  json_decref (info);
  return shown;
}

void
restored_check (struct engine *e, struct txn *t, json_t *checks, confinement_add *add)
{
  json_t *info = restored_json (e, t);
  char text[4096];

  if (!info)
    return;
  (void) snprintf (text, sizeof text, "the store before the restore of %s is kept: remove %s when all is well",
                   json_text (info, "restored_at"), json_text (info, "aside"));
  add (checks, "restore", true, text, NULL);
  json_decref (info);
}
