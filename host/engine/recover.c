/* Owns what becomes, at start, of syncs that were cut off while they were applied: they are
   rolled forward, and one whose file is lost is given up. */
#include <config.h>

#include "host/common/log.h"
#include "host/engine/internal.h"
#include "host/store/delta.h"

#define LOST "A sync was cut off and its file is lost: the members are partly as before it."

/* What may be missing from the store now is not missing from the app, and the other way
   round: the next sync asks before it removes anybody. */
static int
note_loss (struct engine *e, const struct id *hub_id)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (e->store);
  json_t *hub = txn_doc_get (t, STORE_HUB, hub_id), *task = NULL;
  bool fresh;

  if (hub && hub_is_live (hub))
    {
      log_warning ("%s: a half-applied sync is given up because its file is lost or damaged; the next sync lists "
                   "everybody again and asks before it removes anybody",
                   json_text (hub, "label"));
      hub_ask_removals (hub);
      if (!hub_waits (hub))
        hub_set_status (t, hub, "requires-sync", LOST, &system_caller);
      txn_doc_put (t, STORE_HUB, hub);
      task = hub_queue_sync (t, hub, &system_caller, NULL, &fresh);
      issue_raise (t, "routine-sync", hub, task, "store-error", LOST);
    }
  json_decref (task);
  json_decref (hub);
  return txn_commit (TAKE (t));
}

static int
give_up (void *arg, const struct id *hub)
{
  struct engine *e = arg;
  int x = note_loss (e, hub);

  return x < 0 ? x : delta_forget (e->store, hub);
}

int
sync_recover (struct engine *e)
{
  const struct delta_steps steps = { .close = sync_close, .turned = sync_turned, .arg = e };
  int x = delta_recover (e->store, &steps, give_up);

  if (!run_no_room (x))
    return x;
  /* Reads, doctor and other hubs are wanted most now; the next sync of the hub goes on with it. */
  log_error ("a half-applied sync cannot go on: the disk or the map of the store is full; make room");
  return 0;
}
