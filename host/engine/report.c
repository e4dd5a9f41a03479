/* Owns reports: removals that wait for a person. */
#include <config.h>

#include "host/common/clock.h"
#include "host/engine/internal.h"

static bool
is_open_safeguard (void *arg, json_t *report)
{
  json_t **found = arg;

  if (!streq (json_text (report, "kind"), "safeguard") || !streq (json_text (report, "status"), "open"))
    return true;
  *found = json_incref (report);
  return false;
}

static json_t *
open_safeguard (struct txn *t, const json_t *hub)
{
  json_t *found = NULL;

  txn_doc_walk (t, STORE_REPORT, STORE_REPORT_HUB, json_text (hub, "id"), false, NULL, is_open_safeguard, &found);
  return found;
}

void
report_safeguard (struct txn *t, const json_t *hub, const json_t *task, json_t *rows, const char *why)
{
  json_t *report = open_safeguard (t, hub);
  bool fresh = !report;

  if (fresh)
    {
      report = doc_new (&system_caller);
      json_set_text (report, "kind", "safeguard");
      json_set_text (report, "status", "open");
      json_set_text (report, "hub", json_text (hub, "id"));
      json_set_text (report, "hub_label", json_text (hub, "label"));
    }
  json_set_text (report, "task", json_text (task, "id"));
  json_set_text (report, "reason", why);
  if (fresh || !json_equal (json_object_get (report, "removed_users"), rows))
    (void) json_object_set_new (report, "revision", json_integer (json_number (report, "revision", 0) + 1));
  (void) json_object_set_new (report, "removed_users", rows);
  json_set_time (report, "updated_at", clock_now_ms ());
  txn_doc_put (t, STORE_REPORT, report);
  if (fresh)
    event_add (t, &(struct event) { .type = "report.created", .caller = &system_caller, .hub = hub,
                                    .outcome = "safeguard" });
  json_decref (report);
}

void
report_withdraw (struct txn *t, const json_t *hub)
{
  json_t *report = open_safeguard (t, hub);

  if (!report)
    return;
  json_set_text (report, "status", "withdrawn");
  json_set_time (report, "updated_at", clock_now_ms ());
  txn_doc_put (t, STORE_REPORT, report);
  event_add (t, &(struct event) { .type = "report.withdrawn", .caller = &system_caller, .hub = hub });
  json_decref (report);
}

/* ---- Actions. */

static json_t *
report_render (struct txn *t, const json_t *report, bool whole)
{
  json_t *shown = json_copy ((json_t *) (uintptr_t) report), *rows, *row, *hub;
  struct id hub_id, member;
  size_t i;

  rows = json_deep_copy (json_object_get (report, "removed_users"));
  (void) json_object_set_new (shown, "removed_count", json_integer ((json_int_t) json_array_size (rows)));
  (void) json_object_del (shown, "removed_users");
  (void) json_object_del (shown, "created_by");
  hub = whole && json_id (report, "hub", &hub_id) ? txn_doc_get (t, STORE_HUB, &hub_id) : NULL;
  if (hub)
    {
      struct member m;

      json_array_foreach (rows, i, row)
        if (json_id (row, "member", &member) && txn_member_get (t, &hub_id, &member, &m) == 1)
          (void) json_object_set_new (row, "who", member_render (t, hub, &m));
      (void) json_object_set (shown, "removed_users", rows);
    }
  json_decref (hub);
  json_decref (rows);
  return shown;
}

static json_t *
show_report (void *arg, struct txn *t, const json_t *report)
{
  return sees_report (arg, t, report) ? report_render (t, report, false) : NULL;
}

int
engine_report_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  const char *name = call_query (c, "hub");
  json_t *hub = NULL;
  struct sight s;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_USER, r);

  if (x == 0 && name)
    x = find_hub_seen (t, c->caller, name, &hub, r);
  sight_begin (&s, t, c->caller);
  txn_abort (t);
  if (x == 0)
    x = list_docs (e, c,
                   (struct doc_list) { .kind = STORE_REPORT, .index = hub ? STORE_REPORT_HUB : 0,
                                       .key = json_text (hub, "id"), .newest = true, .show = show_report, .arg = &s },
                   ret, r);
  json_decref (hub);
  return x;
}

int
engine_report_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *report = NULL, *hub = NULL;
  struct id id, hub_id;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);

  if (x < 0)
    return x;
  if (id_parse (c->path[0], &id) == 0)
    report = txn_doc_get (t, STORE_REPORT, &id);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  if (!report)
    return refuse (r, "not-found", NULL, "There is no report %s.", c->path[0]);
  hub = json_id (report, "hub", &hub_id) ? txn_doc_get (t, STORE_HUB, &hub_id) : NULL;
  x = caller_may_hub (t, c->caller, SCOPE_READ, hub, HUB_MANAGER, r);
  if (x == 0)
    x = answer_read (t, report_render (t, report, true), ret, r);
  json_decref (report);
  json_decref (hub);
  return x;
}
