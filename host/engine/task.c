/* Owns tasks as documents: how one is made, shown and found.  The queue runs them. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/failure.h"
#include "host/engine/members.h"

static const char *const kinds[] = {
  [TASK_VALIDATE] = "validate",       [TASK_SYNC] = "sync",
  [TASK_ADD_USER] = "add-user",       [TASK_UPDATE_ROLE] = "update-role",
  [TASK_REMOVE_USER] = "remove-user",
};

/* Fields that only the engine reads, and the plan, which is long. */
static const char *const inner[] = { "input", "intent", "moved", "created_by", "plan", "spent" };

const char *
task_kind_name (enum task_kind kind)
{
  return kinds[kind];
}

int
task_kind_parse (const char *s, enum task_kind *ret)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (kinds); i++)
    if (streq (s, kinds[i]))
      {
        *ret = (enum task_kind) i;
        return 0;
      }
  return -EINVAL;
}

json_t *
task_new (const struct caller *c, enum task_kind kind, const json_t *hub, const struct id *member,
          const struct id *person, json_t *input)
{
  json_t *task = doc_new (c);

  json_set_text (task, "kind", task_kind_name (kind));
  json_set_text (task, "status", "queued");
  json_set_text (task, "trigger", c->trigger ? c->trigger : "system");
  (void) json_object_set_new (task, "actor", caller_json (c));
  json_set_text (task, "hub", json_text (hub, "id"));
  json_set_text (task, "hub_label", json_text (hub, "label"));
  if (member)
    json_set_id (task, "member", member);
  if (person)
    json_set_id (task, "person", person);
  (void) json_object_set_new (task, "attempts", json_integer (0));
  (void) json_object_set_new (task, "can_retry", json_false ());
  (void) json_object_set_new (task, "input", input ? input : json_object ());
  return task;
}

json_t *
task_render (struct engine *e, const json_t *task)
{
  json_t *shown = json_copy ((json_t *) (uintptr_t) task);
  uint64_t done, total;
  const char *waits;
  struct id id;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (inner); i++)
    (void) json_object_del (shown, inner[i]);
  if (json_object_get (shown, "ended_at") || !json_id (task, "id", &id))
    return shown;
  if (queue_progress (e, &id, &done, &total))
    (void) json_object_set_new (shown, "progress",
                                json_pack ("{s:I, s:I, s:s}", "done", (json_int_t) done, "total",
                                           (json_int_t) total, "unit", "members"));
  waits = queue_waits (e, &id);
  if (waits)
    {
      json_set_text (shown, "status", "queued");
      json_set_text (shown, "wait_reason", waits);
    }
  return shown;
}

struct open_on
{
  const struct id *hub, *member;
  int kind;
  json_t *found;
};

static bool
look_open (void *arg, json_t *task)
{
  struct open_on *o = arg;
  struct id hub, member;
  enum task_kind kind;

  if (!json_id (task, "hub", &hub) || !id_equal (&hub, o->hub)
      || task_kind_parse (json_text (task, "kind"), &kind) < 0)
    return true;
  if (o->member ? !json_id (task, "member", &member) || !id_equal (&member, o->member)
                : (int) kind != o->kind)
    return true;
  o->found = json_incref (task);
  return false;
}

bool
task_open_on (struct txn *t, const struct id *hub, int kind, const struct id *member, json_t **ret)
{
  struct open_on o = { hub, member, kind, NULL };

  txn_doc_walk (t, STORE_TASK, STORE_TASK_OPEN, "open", false, NULL, look_open, &o);
  if (!o.found)
    return false;
  if (ret)
    *ret = o.found;
  else
    json_decref (o.found);
  return true;
}

/* ---- Actions. */

struct task_list
{
  struct engine *e;
  struct sight sight;
  const char *status, *kind;
};

static json_t *
show_task (void *arg, struct txn *t, const json_t *task)
{
  struct task_list *l = arg;

  if ((l->status && !streq (l->status, json_text (task, "status")))
      || (l->kind && !streq (l->kind, json_text (task, "kind"))) || !sees_work (&l->sight, t, task))
    return NULL;
  return task_render (l->e, task);
}

int
engine_task_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct task_list l = { .e = e, .status = call_query (c, "status"), .kind = call_query (c, "kind") };
  const char *name = call_query (c, "hub");
  json_t *hub = NULL;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);

  if (x == 0 && name)
    x = find_hub_seen (t, c->caller, name, &hub, r);
  sight_begin (&l.sight, t, c->caller);
  txn_abort (t);
  if (x == 0)
    x = list_docs (e, c,
                   (struct doc_list) { .kind = STORE_TASK, .index = hub ? STORE_TASK_HUB : 0,
                                       .key = json_text (hub, "id"), .newest = true, .show = show_task, .arg = &l },
                   ret, r);
  json_decref (hub);
  return x;
}

static int
find_task (struct txn *t, const struct call *c, json_t **ret, struct refusal *r)
{
  struct id id;

  *ret = id_parse (c->path[0], &id) == 0 ? txn_doc_get (t, STORE_TASK, &id) : NULL;
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  return *ret ? 0 : refuse (r, "not-found", NULL, "There is no task %s.", c->path[0]);
}

int
engine_task_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *task = NULL;
  struct sight s;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);

  if (x == 0)
    x = find_task (t, c, &task, r);
  sight_begin (&s, t, c->caller);
  if (x == 0 && !sees_work (&s, t, task))
    x = refuse (r, "not-found", NULL, "There is no task %s.", c->path[0]);
  if (x == 0)
    {
      json_t *shown = task_render (e, task);

      /* What a dry run found is long: it is shown to who asks for this one. */
      if (json_object_get (task, "plan"))
        (void) json_object_set (shown, "plan", json_object_get (task, "plan"));
      x = answer_read (t, shown, ret, r);
    }
  json_decref (task);
  return x;
}

/* The hub of a task, for permissions; NULL when it is gone. */
static json_t *
hub_of (struct txn *t, const json_t *task)
{
  struct id id;

  return json_id (task, "hub", &id) ? txn_doc_get (t, STORE_HUB, &id) : NULL;
}

/* The task that C wants changed and its hub, both the caller's also on a refusal. */
static int
task_begin (struct engine *e, const struct call *c, struct txn *t, json_t **ret_task, json_t **ret_hub,
            struct refusal *r)
{
  int x = caller_may (t, c->caller, SCOPE_WRITE, ROLE_GUEST, r);

  if (x == 0)
    x = find_task (t, c, ret_task, r);
  if (x == 0)
    {
      *ret_hub = hub_of (t, *ret_task);
      x = caller_may_hub (t, c->caller, SCOPE_WRITE, *ret_hub, HUB_MANAGER, r);
    }
  return x == 0 ? call_match (c, task_render (e, *ret_task), r) : x;
}

int
engine_task_cancel (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *task = NULL, *hub = NULL;
  bool held = false;
  struct id id;
  int x = task_begin (e, c, t, &task, &hub, r);

  if (x == 0 && json_object_get (task, "ended_at"))
    x = refuse (r, "not-retryable", NULL, "The task has ended already.");
  if (x == 0)
    {
      held = json_id (task, "id", &id) && queue_hold (e, &id);
      if (!held)
        x = refuse (r, "member-busy", NULL, "The task is running; it cannot be cancelled now.");
    }
  if (x == 0)
    task_end_failed (t, task, hub, "cancelled", "Cancelled by a person.", NULL);
  x = call_end (e, c, t, x, x == 0 ? task_render (e, task) : NULL, ret, r);
  if (held)
    queue_release (e, &id, /* over= */ x == 0);
  json_decref (task);
  json_decref (hub);
  return x;
}

int
engine_task_retry (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct apps *apps = engine_apps (e);
  struct txn *t = store_write (e->store);
  json_t *task = NULL, *hub = NULL;
  struct id member, hub_id;
  enum task_kind kind;
  int x = task_begin (e, c, t, &task, &hub, r);

  if (x == 0 && (!streq (json_text (task, "status"), "not-completed") || !json_flag (task, "can_retry")))
    x = refuse (r, "not-retryable", NULL, "The task cannot be retried.");
  if (x == 0 && !json_object_get (task, "member") && json_id (hub, "id", &hub_id)
      && task_kind_parse (json_text (task, "kind"), &kind) == 0 && task_open_on (t, &hub_id, kind, NULL, NULL))
    x = refuse (r, "member-busy", NULL, "Another task of this kind is open on the hub.");
  if (x == 0 && json_id (task, "member", &member) && json_id (hub, "id", &hub_id)
      && task_open_on (t, &hub_id, -1, &member, NULL))
    x = refuse (r, "member-busy", NULL, "Another task of this member is open.");
  if (x == 0)
    x = member_check_retry (t, apps, hub, task, r);
  if (x == 0)
    task_requeue (t, task, hub);
  x = call_end (e, c, t, x, x == 0 ? task_render (e, task) : NULL, ret, r);
  if (x == 0)
    queue_add (e, task);
  apps_unref (apps);
  json_decref (task);
  json_decref (hub);
  return x;
}
