/* Owns the plan of a hub: what is decided and not yet so in the app, in the order in which it
   will be done.  It reads, and asks of each task what its run asks before it writes. */
#include <config.h>

#include "host/engine/plan.h"
#include "host/engine/settings.h"

struct hub_plan
{
  struct txn *t;
  const json_t *hub;
  struct id hub_id;
  struct ranks ranks;
  struct plan plan;
};

static void
name_person (struct txn *t, const struct id *person, json_t *item)
{
  json_t *doc = id_is_zero (person) ? NULL : txn_doc_get (t, STORE_PERSON, person);

  json_set_id (item, "person", person);
  if (!json_object_get (item, "email"))
    json_set_text (item, "email", json_text (doc, "email"));
  json_decref (doc);
}

/* The roles of WAS, but in the groups that WANTED names only those. */
static bool
is_lowering (const struct hub_plan *h, const struct row_view *was, const json_t *wanted)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX + 8);
  struct usher_kv roles[PLAN_ROLES_MAX];
  struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE, .roles = roles };
  struct row_view now;
  json_t *role;
  size_t i;

  json_array_foreach (wanted, i, role)
    if (m.n_roles < PLAN_ROLES_MAX)
      roles[m.n_roles++] = (struct usher_kv) { json_text (role, "group"), json_text (role, "id") };
  m.id = "-";
  return row_put_member (&row, &m) == 0 && row_look (row.data, row.len, &now) == 0
         && ranks_lowered (&h->ranks, was, &now);
}

static enum plan_action
action_of (const struct hub_plan *h, enum task_kind kind, const struct row_view *was, const json_t *wanted)
{
  if (kind == TASK_REMOVE_USER)
    return PLAN_REMOVE;
  if (kind == TASK_ADD_USER)
    return PLAN_ADD;
  return was && is_lowering (h, was, wanted) ? PLAN_LOWER : PLAN_CHANGE;
}

static json_t *
role_ids (const json_t *wanted)
{
  json_t *ids = json_array (), *role;
  size_t i;

  json_array_foreach (wanted, i, role)
    (void) json_array_append (ids, json_object_get (role, "id"));
  return ids;
}

static bool
plan_task (void *arg, json_t *task)
{
  struct hub_plan *h = arg;
  const json_t *wanted = json_object_get (json_object_get (task, "input"), "roles");
  struct row_view row, *was;
  struct id member;
  struct member m;
  enum plan_action action;
  enum task_kind kind;
  json_t *item;

  if (!streq (json_text (task, "hub"), json_text (h->hub, "id")) || !json_id (task, "member", &member)
      || task_kind_parse (json_text (task, "kind"), &kind) < 0
      || txn_member_get (h->t, &h->hub_id, &member, &m) != 1 || change_not_wanted (h->t, task, h->hub, &m.link))
    return true;
  was = m.row && row_look (m.row, m.row_len, &row) == 0 ? &row : NULL;
  action = action_of (h, kind, was, wanted);
  if (!plan_count (&h->plan, action))
    return true;
  item = plan_member (&member, was, NULL);
  if (kind != TASK_REMOVE_USER)
    (void) json_object_set_new (item, "roles", role_ids (wanted));
  name_person (h->t, &m.link.person, item);
  json_set_text (item, "task", json_text (task, "id"));
  json_set_text (item, "status", json_text (task, "status"));
  plan_item (&h->plan, action, item);
  return true;
}

/* The plan, and what else is open on the hub. */
static json_t *
show (const struct hub_plan *h)
{
  json_t *o = plan_json (&h->plan), *report = report_open (h->t, h->hub);

  json_set_text (o, "hub_status", json_text (h->hub, "status"));
  json_set_text (o, "hub_reason", json_text (h->hub, "status_reason"));
  json_set_text (o, "report", json_text (report, "id"));
  json_decref (report);
  return o;
}

int
engine_hub_plan (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  struct apps *apps = engine_apps (e);
  struct hub_plan h = { .t = t };
  struct hub_counts counts;
  json_t *hub = NULL;
  int x = find_hub_for (t, c, SCOPE_READ, HUB_MANAGER, /* removed_too= */ false, &hub, r);

  if (x == 0)
    {
      h.hub = hub;
      (void) json_id (hub, "id", &h.hub_id);
      ranks_init (&h.ranks, apps_find (apps, json_text (hub, "app")), hub);
      plan_init (&h.plan);
      txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, plan_task, &h);
      txn_counts (t, &h.hub_id, &counts);
      /* Each was decided by a person, one by one: nothing in it is guarded. */
      h.plan.guard = (struct guard) { .known = counts.known, .seen = counts.known, .who = "members",
                                      .threshold = hub_setting (hub, "safeguard-threshold"),
                                      .floor = hub_setting (hub, "safeguard-floor"),
                                      .cap = hub_setting (hub, "safeguard-cap") };
      (void) plan_judge (&h.plan);
      x = answer_read (t, show (&h), ret, r);
      ranks_done (&h.ranks);
      plan_done (&h.plan);
    }
  json_decref (hub);
  apps_unref (apps);
  return x;
}
