/* Owns validation: sign in, prove access to the space, see one page and the roles.  A
   hub is not used before this succeeded with its present settings. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

#define FACTS_MAX 200u
#define ROLES_MAX 1000u
#define ARENA_BYTES (128u * 1024)

struct check
{
  struct run *r;      /* first: see RUN_EVENTS */
  json_t *facts, *cannot, *roles;
};

static int32_t
on_fact (void *arg, const char *key, const char *value)
{
  struct check *c = arg;

  if (json_object_size (c->facts) >= FACTS_MAX)
    return USHER_E_LIMIT;
  (void) json_object_set_new (c->facts, key, json_string (value));
  if (has_prefix (key, "cannot."))
    (void) json_object_set_new (c->cannot, key + strlen ("cannot."), json_string (value));
  return 0;
}

static int32_t
on_section_end (void *arg, const struct session_section *section)
{
  (void) arg;
  (void) section;
  return 0;
}

/* Roles are kept, members only counted. */
static int32_t
on_rows (void *arg, uint32_t ordinal, const void *rows, size_t len, size_t n)
{
  struct check *c = arg;
  struct arena arena = ARENA_INIT (ARENA_BYTES);
  const char *at = rows;

  (void) ordinal;
  (void) n;
  while (len)
    {
      struct row row;
      size_t span;

      if (row_span (at, len, &span) < 0)
        break;
      arena_reset (&arena);
      if (((const uint8_t *) at)[4] == ROW_ROLE && row_get (at, span, &arena, &row) == 0
          && json_array_size (c->roles) < ROLES_MAX)
        (void) json_array_append_new (c->roles,
                                      json_pack ("{s:s, s:s, s:s, s:i, s:b}", "id", row.role.id, "label",
                                                 row.role.label ? row.role.label : row.role.id, "group",
                                                 row.role.group ? row.role.group : "role", "rank",
                                                 (int) row.role.rank, "assignable",
                                                 (row.role.flags & USHER_R_ASSIGNABLE) != 0));
      at += span;
      len -= span;
    }
  arena_done (&arena);
  return len ? USHER_E_MISUSE : 0;
}

static const struct session_events check_events = {
  .section = run_any_section,
  .rows = on_rows,
  .section_end = on_section_end,
  .fact = on_fact,
  RUN_EVENTS,
};

/* The space must be the one that was connected first. */
static bool
same_space (struct check *c)
{
  const char *was = json_text (c->r->hub, "space_id"), *is = json_text (c->facts, "space.id");

  if (!was || !is || streq (was, is))
    return true;
  run_fail (c->r, "wrong-business-id", "The app answers for the space %s, but the hub was connected to %s.", is, was);
  return false;
}

/* Hub, task and first sync in one commit. */
static void
commit_valid (struct check *c)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (c->r->e->store);
  struct run *r = c->r;
  json_t *hub = txn_doc_get (t, STORE_HUB, &r->hub_id), *sync = NULL, *due, *task;
  bool fresh = false, can_sync;
  size_t i;
  int x;

  if (!run_is_wanted (r, t))
    {
      json_decref (hub);
      return;
    }
  if (json_number (hub, "generation", 0) != json_number (r->hub, "generation", 0))
    {
      /* The settings changed meanwhile: these deserve a look of their own. */
      json_decref (hub);
      r->end = RUN_INTERRUPTED;
      return;
    }
  (void) json_object_set (hub, "facts", c->facts);
  (void) json_object_set (hub, "cannot", c->cannot);
  if (json_text (c->facts, "space.id"))
    json_set_text (hub, "space_id", json_text (c->facts, "space.id"));
  if (!json_object_get (hub, "last_synced_at"))
    (void) json_object_set (hub, "roles", c->roles);
  /* An app that cannot be synced is as good as it gets once it is validated. */
  can_sync = app_can (r->app, "sync", NULL) && !json_object_get (c->cannot, "sync");
  if (streq (json_text (hub, "status"), "under-validation"))
    hub_set_status (t, hub, can_sync ? "requires-sync" : "healthy", NULL, &system_caller);
  due = hub_end_wait (t, hub);
  txn_doc_put (t, STORE_HUB, hub);
  if (can_sync)
    sync = hub_queue_sync (t, hub, &system_caller, NULL, &fresh);
  run_complete (r, t, "done");
  x = txn_commit (TAKE (t));
  if (x < 0)
    run_store_failed (r, x, "The outcome of the validation cannot be written");
  else
    {
      if (fresh)
        queue_add (r->e, sync);
      json_array_foreach (due, i, task)
        queue_add (r->e, task);
      queue_kick (r->e);
    }
  json_decref (due);
  json_decref (sync);
  json_decref (hub);
}

void
run_validate (struct run *r)
{
  struct check c = { r, json_object (), json_object (), json_array () };
  struct session_limits limits = { .time_max_ms = RUN_TIME_MAX_MS, .probes = true };
  struct session_outcome o = { 0 };
  struct session *s = run_session (r);

  if (s)
    {
      if (run_call (r, s, &(struct wire_call) { .op = WIRE_OP_CHECK }, &limits, &check_events, &c, NULL, &o) < 0)
        run_fail_outcome (r, &o);
      else if (same_space (&c))
        commit_valid (&c);
      run_session_done (r, s);
    }
  session_outcome_done (&o);
  json_decref (c.facts);
  json_decref (c.cannot);
  json_decref (c.roles);
}
