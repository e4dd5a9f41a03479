/* Owns the actions on hubs: connect, change, check, sync, remove, restore. */
#include <config.h>

#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/accounts.h"
#include "host/engine/internal.h"
#include "host/engine/settings.h"

#define LABEL_MAX 80u
#define RESTORE_MS (30 * 24 * 3600 * 1000LL)

/* ---- Input. */

int
check_label (const char *label, const char *what, struct refusal *r)
{
  if (!label || !*label || !text_is_line (label) || utf8_length (label) > LABEL_MAX)
    return refuse (r, "validation-failed", "label", "%s has 1 to %u characters, in one line.", what, LABEL_MAX);
  return 0;
}

static int
refuse_app_error (struct refusal *r, const struct app_error *error)
{
  return refuse (r, "validation-failed", error->field[0] ? error->field : NULL, "%s", error->text);
}

/* The login method asked for, or the only one there is. */
static int
check_login_method (const struct app *app, const char *asked, const char **ret, struct refusal *r)
{
  bool sso = app_login_method (app, "sso"), password = app_login_method (app, "password");

  if (!asked && sso != password)
    asked = sso ? "sso" : "password";
  if (!asked)
    return refuse (r, "validation-failed", "login_method", "login_method is sso or password.");
  if (!streq (asked, "sso") && !streq (asked, "password"))
    return refuse (r, "validation-failed", "login_method", "login_method is sso or password, not %s.", asked);
  if (!app_login_method (app, asked))
    return refuse (r, "login-method-unsupported", "login_method", "%s does not offer the login method %s.",
                   app_name (app), asked);
  *ret = asked;
  return 0;
}

static int
set_fields (const struct app *app, json_t *hub, json_t *given, struct refusal *r)
{
  struct app_error error = { 0 };
  _cleanup_ (freep) char *space = NULL;
  json_t *fields = NULL, *none = given ? NULL : json_object ();
  int x = app_check_fields (app, given ? given : none, &fields, &error);

  json_decref (none);
  if (x == -EINVAL)
    return refuse_app_error (r, &error);
  if (x == 0)
    x = app_space_id (app, fields, &space);
  if (x < 0)
    {
      json_decref (fields);
      return refuse_errno (r, x);
    }
  (void) json_object_set_new (hub, "fields", fields);
  /* Another space is another one to the app, too. */
  if (!streq (json_text (hub, "space_key"), space))
    json_set_text (hub, "space_id", NULL);
  json_set_text (hub, "space_key", space);
  return 0;
}

/* After a put: which unique name was taken. */
static int
clash (struct txn *t, const json_t *hub, struct refusal *r)
{
  if (txn_error (t) == 0)
    return 0;
  if (txn_error (t) != -EEXIST)
    return refuse_errno (r, txn_error (t));
  if (txn_clash (t) == STORE_HUB_LABEL)
    return refuse (r, "label-taken", "label", "There is a hub called %s already.", json_text (hub, "label"));
  return refuse (r, "hub-exists", NULL, "A hub for this space of %s exists already.", json_text (hub, "app"));
}

static void
link_account (struct txn *t, json_t *hub, json_t *account, const struct caller *c)
{
  struct id id;
  bool known = json_id (account, "id", &id);

  json_set_text (account, "use", "automation");
  json_set_text (account, "hub", json_text (hub, "id"));
  json_set_time (account, "updated_at", clock_now_ms ());
  json_set_text (hub, "account", json_text (account, "id"));
  json_set_text (hub, "automation_username", json_text (account, "username"));
  json_set_text (hub, "automation_email", json_text (account, "email"));
  txn_doc_put (t, STORE_ACCOUNT, account);
  event_add (t, &(struct event) { .type = "automation-account.linked", .caller = c, .hub = hub,
                                  .account = known ? &id : NULL });
}

static void
free_account (struct txn *t, const json_t *hub, const struct caller *c)
{
  struct id id;
  json_t *account = json_id (hub, "account", &id) ? txn_doc_get (t, STORE_ACCOUNT, &id) : NULL;

  if (!account)
    return;
  json_set_text (account, "use", "free");
  json_set_text (account, "hub", NULL);
  json_set_time (account, "updated_at", clock_now_ms ());
  txn_doc_put (t, STORE_ACCOUNT, account);
  event_add (t, &(struct event) { .type = "automation-account.unlinked", .caller = c, .hub = hub, .account = &id });
  json_decref (account);
}

/* An account that exists and may be linked to a hub of this app. */
static int
pick_account (struct txn *t, const struct caller *c, const char *name, const json_t *hub, json_t **ret,
              struct refusal *r)
{
  json_t *account = NULL;
  int x = find_account (t, c, name, &account, r);

  if (x == 0 && !streq (json_text (account, "app"), json_text (hub, "app")))
    x = refuse (r, "validation-failed", "account", "The account %s belongs to the app %s.", name,
                json_text (account, "app"));
  if (x == 0 && !streq (json_text (account, "use"), "free")
      && !streq (json_text (account, "hub"), json_text (hub, "id")))
    x = refuse (r, "account-in-use", "account", "The account %s is linked to another hub.", name);
  if (x < 0)
    {
      json_decref (account);
      return x;
    }
  *ret = account;
  return 0;
}

/* ---- Connect. */

/* Links ACCOUNT and says where its secrets go from now on. */
static int
bind_account (struct txn *t, const struct caller *c, const struct app *app, json_t *hub, json_t *account,
              struct refusal *r)
{
  int x = secret_bind (t, c, app, account, json_object_get (hub, "fields"), "account", r);

  if (x == 0)
    link_account (t, hub, account, c);
  return x;
}

static int
connect_account (struct engine *e, struct txn *t, const struct call *c, const struct app *app, json_t *hub,
                 struct refusal *r)
{
  json_t *given = json_object_get (c->body, "account"), *account = NULL;
  int x;

  if (json_is_string (given))
    x = pick_account (t, c->caller, json_string_value (given), hub, &account, r);
  else
    x = account_make (e, t, c->caller, app, json_object_get (hub, "fields"), given, json_text (hub, "label"),
                      &account, r);
  if (x == 0)
    x = bind_account (t, c->caller, app, hub, account, r);
  json_decref (account);
  return x;
}

static int
connect (struct engine *e, struct txn *t, const struct call *c, const struct app *app, json_t *hub, json_t **ret_task,
         struct refusal *r)
{
  struct id hub_id;
  json_t *grant;
  int x = connect_account (e, t, c, app, hub, r);

  if (x < 0)
    return x;
  *ret_task = hub_revalidate (t, hub, c->caller);
  x = clash (t, hub, r);
  if (x < 0)
    return x;
  (void) json_id (hub, "id", &hub_id);
  grant = grant_new (c->caller, &hub_id, &c->caller->person, "connect", HUB_OWNER, false, NULL);
  txn_doc_put (t, STORE_GRANT, grant);
  json_decref (grant);
  event_add (t, &(struct event) { .type = "hub.connected", .caller = c->caller, .hub = hub });
  return 0;
}

static int
new_hub (const struct call *c, const struct app *app, json_t *hub, struct refusal *r)
{
  const char *label = json_text (c->body, "label"), *method = NULL;
  int x = check_label (label, "The label of a hub", r);

  if (x == 0)
    x = check_login_method (app, json_text (c->body, "login_method"), &method, r);
  if (x == 0)
    x = set_fields (app, hub, json_object_get (c->body, "fields"), r);
  if (x == 0)
    x = settings_set (hub, json_object_get (c->body, "settings"), r);
  json_set_text (hub, "label", label);
  json_set_text (hub, "app", app_id (app));
  json_set_text (hub, "login_method", method);
  json_set_text (hub, "credential_capture", "prompt");
  json_set_text (hub, "status", "under-validation");
  return x;
}

int
engine_hub_connect (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct apps *apps = engine_apps (e);
  const char *name = json_text (c->body, "app");
  const struct app *app = name ? apps_find (apps, name) : NULL;
  struct txn *t = store_write (e->store);
  json_t *hub = doc_new (c->caller), *task = NULL, *answer = NULL;
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  if (x == 0 && !app)
    x = refuse (r, "validation-failed", "app", name ? "There is no app %s in the catalogue." : "app is required.",
                name);
  if (x == 0)
    x = new_hub (c, app, hub, r);
  if (x == 0)
    x = connect (e, t, c, app, hub, &task, r);
  if (x == 0)
    answer = json_pack ("{s:o, s:o}", "hub", hub_render (t, e, hub), "task", task_render (e, task));
  x = call_end (e, c, t, x, answer, ret, r);
  if (x == 0)
    queue_add (e, task);
  json_decref (hub);
  json_decref (task);
  apps_unref (apps);
  return x;
}

/* ---- Read. */

struct hub_list
{
  struct engine *e;
  struct sight sight;
  bool removed;
};

static json_t *
show_hub (void *arg, struct txn *t, const json_t *hub)
{
  struct hub_list *l = arg;

  return hub_is_live (hub) == l->removed || !sees_hub (&l->sight, t, hub) ? NULL
                                                                         : hub_render_for (&l->sight, t, l->e, hub);
}

int
engine_hub_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct hub_list l = { .e = e, .removed = call_flag (c, "removed") };
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);

  sight_begin (&l.sight, t, c->caller);
  txn_abort (t);
  return x < 0 ? x : list_docs (e, c, (struct doc_list) { .kind = STORE_HUB, .show = show_hub, .arg = &l }, ret, r);
}

int
engine_hub_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *hub = NULL;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);

  if (x == 0)
    x = find_hub_seen (t, c->caller, c->path[0], &hub, r);
  if (x == 0)
    {
      struct sight s;

      sight_begin (&s, t, c->caller);
      x = answer_read (t, hub_render_for (&s, t, e, hub), ret, r);
    }
  json_decref (hub);
  return x;
}

int
engine_hub_roles (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  struct apps *apps = engine_apps (e);
  json_t *hub = NULL;
  int x = find_hub_for (t, c, SCOPE_READ, HUB_MANAGER, /* removed_too= */ false, &hub, r);

  if (x == 0)
    x = list_of (roles_of (apps_find (apps, json_text (hub, "app")), hub), (const char *const[2]) { "id", "group" }, c,
                 ret, r);
  json_decref (hub);
  apps_unref (apps);
  return x;
}

static bool
newest_removed (void *arg, json_t *hub)
{
  json_t **found = arg;

  if (hub_is_live (hub) || ascii_casecmp (json_text (hub, "label"), json_string_value (*found)) != 0)
    return true;
  json_decref (*found);
  *found = json_incref (hub);
  return false;
}

json_t *
hub_removed_by_label (struct txn *t, const char *label)
{
  json_t *found = json_string (label);

  txn_doc_walk (t, STORE_HUB, 0, NULL, true, NULL, newest_removed, &found);
  if (json_is_object (found))
    return found;
  json_decref (found);
  return NULL;
}

/* ---- Change. */

/* What every action on one live hub opens with.  On success T and HUB are the caller's. */
static int
begin (struct engine *e, const struct call *c, enum hub_role role, struct txn **ret_t, json_t **ret_hub,
       struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *hub = NULL;
  int x = caller_may (t, c->caller, role == HUB_OWNER ? SCOPE_ADMIN : SCOPE_WRITE, ROLE_GUEST, r);

  if (x == 0)
    x = find_hub (t, c->path[0], false, &hub, r);
  if (x == 0)
    x = caller_may_hub (t, c->caller, role == HUB_OWNER ? SCOPE_ADMIN : SCOPE_WRITE, hub, role, r);
  if (x == 0)
    x = call_match (c, hub_render (t, e, hub), r);
  if (x < 0)
    {
      json_decref (hub);
      txn_abort (t);
      return x;
    }
  *ret_t = t;
  *ret_hub = hub;
  return 0;
}

/* Commits with ANSWER (taken; NULL = the hub) and starts TASK (may be NULL). */
static int
end (struct engine *e, const struct call *c, struct txn *t, int x, json_t *hub, json_t *task, json_t *answer,
     json_t **ret, struct refusal *r)
{
  char prefix[ID_TEXT_SIZE + 1];

  if (x == 0)
    x = clash (t, hub, r);
  if (x == 0 && !answer)
    answer = hub_render (t, e, hub);
  x = call_end (e, c, t, x, answer, ret, r);
  if (x == 0)
    {
      if (task && streq (json_text (task, "kind"), "validate"))
        {
          (void) snprintf (prefix, sizeof prefix, "%s:", json_text (hub, "id"));
          session_pool_drop (e->pool, prefix);
        }
      if (task)
        queue_add (e, task);
      queue_kick (e);
    }
  json_decref (hub);
  json_decref (task);
  return x;
}

/* Fields that were not named keep their values. */
static json_t *
merged_fields (const json_t *hub, json_t *given)
{
  json_t *fields = json_deep_copy (json_object_get (hub, "fields"));

  (void) json_object_update (fields, given);
  return fields;
}

/* The field among those that change from OLD to NOW that an address is made of; else "fields". */
static const char *
address_field (const struct app *app, json_t *old, json_t *now)
{
  struct app_list before = { NULL, 0 }, after;
  const char *found = "fields", *key;
  json_t *value;

  if (app_origins (app, old, &before) < 0)
    return found;
  json_object_foreach (now, key, value)
    {
      json_t *one = json_copy (old);
      size_t i;

      (void) json_object_set (one, key, value);
      if (!json_equal (one, old) && app_origins (app, one, &after) == 0)
        {
          for (i = 0; i < MIN (before.n, after.n) && streq (before.v[i], after.v[i]); i++)
            ;
          if (i < MAX (before.n, after.n))
            found = key;
          app_list_done (&after);
        }
      json_decref (one);
    }
  app_list_done (&before);
  return found;
}

/* The hub's fields became what they are in HUB, or its account gets SECRETS anew, or both. */
static int
set_account (struct engine *e, struct txn *t, const struct caller *c, const struct app *app, const json_t *hub,
             json_t *old_fields, json_t *secrets, struct refusal *r)
{
  json_t *given = secrets ? json_pack ("{s:O}", "secrets", secrets) : NULL, *account = NULL;
  json_t *fields = json_object_get (hub, "fields");
  struct id id;
  int x = 0;

  if (json_id (hub, "account", &id))
    account = txn_doc_get (t, STORE_ACCOUNT, &id);
  if (account && given)
    x = account_change (e, t, c, app, fields, given, account, r);
  if (x == 0 && account)
    x = secret_bind (t, c, app, account, fields, address_field (app, old_fields, fields), r);
  if (x == 0 && account)
    {
      txn_doc_put (t, STORE_ACCOUNT, account);
      if (given)
        event_add (t, &(struct event) { .type = "automation-account.updated", .caller = c, .hub = hub, .account = &id });
    }
  json_decref (account);
  json_decref (given);
  return x;
}

int
engine_hub_set (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  json_t *hub = NULL, *task = NULL, *given = json_object_get (c->body, "fields"), *fields;
  json_t *secrets = json_object_get (c->body, "secrets"), *old;
  const char *label = json_text (c->body, "label"), *method = json_text (c->body, "login_method");
  struct apps *apps = engine_apps (e);
  struct txn *t;
  int x = begin (e, c, HUB_OWNER, &t, &hub, r);
  const struct app *app = x == 0 ? apps_find (apps, json_text (hub, "app")) : NULL;

  if (x < 0)
    {
      apps_unref (apps);
      return x;
    }
  if (!app)
    x = refuse (r, "unavailable", NULL, "The app file of %s is not installed.", json_text (hub, "app"));
  if (x == 0 && json_object_get (c->body, "label"))
    x = check_label (label, "The label of a hub", r);
  if (x == 0 && method)
    x = check_login_method (app, method, &method, r);
  if (x == 0)
    x = settings_set (hub, json_object_get (c->body, "settings"), r);
  if (x == 0 && (given || secrets))
    {
      old = json_incref (json_object_get (hub, "fields"));
      fields = merged_fields (hub, given);
      x = set_fields (app, hub, fields, r);
      if (x == 0)
        x = set_account (e, t, c->caller, app, hub, old, secrets, r);
      json_decref (fields);
      json_decref (old);
    }
  if (x == 0)
    {
      if (label)
        json_set_text (hub, "label", label);
      if (method)
        json_set_text (hub, "login_method", method);
      json_set_time (hub, "updated_at", clock_now_ms ());
      if (given || secrets)
        task = hub_revalidate (t, hub, c->caller);
      else
        txn_doc_put (t, STORE_HUB, hub);
      event_add (t, &(struct event) { .type = "hub.updated", .caller = c->caller, .hub = hub });
    }
  apps_unref (apps);
  return end (e, c, t, x, hub, task, NULL, ret, r);
}

int
engine_hub_check (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  json_t *hub = NULL, *task;
  struct txn *t;
  int x = begin (e, c, HUB_OWNER, &t, &hub, r);

  if (x < 0)
    return x;
  task = hub_revalidate (t, hub, c->caller);
  return end (e, c, t, 0, hub, task, task_render (e, task), ret, r);
}

int
engine_hub_sync (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  bool dry = json_flag (c->body, "dry_run"), fresh = false;
  struct apps *apps = engine_apps (e);
  json_t *hub = NULL, *task = NULL, *answer = NULL;
  const struct app *app;
  const char *why = NULL;
  struct txn *t;
  int x = begin (e, c, HUB_MANAGER, &t, &hub, r);

  if (x == 0)
    {
      app = apps_find (apps, json_text (hub, "app"));
      if (app && !app_can (app, "sync", &why))
        x = refuse (r, "capability-unsupported", NULL, "%s", why);
      if (x == 0)
        {
          task = hub_queue_sync (t, hub, c->caller, dry ? json_pack ("{s:b}", "dry_run", 1) : NULL, &fresh);
          answer = task_render (e, task);
          if (!fresh)
            (void) json_object_set_new (answer, "joined", json_true ());
        }
      x = end (e, c, t, x, hub, task, answer, ret, r);
    }
  apps_unref (apps);
  return x;
}

int
engine_hub_set_account (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  json_t *hub = NULL, *account = NULL, *task = NULL;
  const char *name = json_text (c->body, "account");
  struct apps *apps = engine_apps (e);
  const struct app *app;
  struct txn *t;
  int x = begin (e, c, HUB_OWNER, &t, &hub, r);

  if (x < 0)
    {
      apps_unref (apps);
      return x;
    }
  app = apps_find (apps, json_text (hub, "app"));
  if (!app)
    x = refuse (r, "unavailable", NULL, "The app file of %s is not installed.", json_text (hub, "app"));
  else if (!name)
    x = refuse (r, "validation-failed", "account", "account is the id or label of a saved account.");
  if (x == 0)
    x = pick_account (t, c->caller, name, hub, &account, r);
  if (x == 0 && streq (json_text (account, "id"), json_text (hub, "account")))
    x = refuse (r, "account-in-use", "account", "The hub has this account already.");
  if (x == 0)
    {
      free_account (t, hub, c->caller);
      x = bind_account (t, c->caller, app, hub, account, r);
    }
  if (x == 0)
    task = hub_revalidate (t, hub, c->caller);
  json_decref (account);
  apps_unref (apps);
  return end (e, c, t, x, hub, task, NULL, ret, r);
}

/* ---- Remove and restore. */


static bool
collect_open (void *arg, json_t *task)
{
  if (!json_object_get (task, "ended_at"))
    (void) json_array_append (arg, task);
  return true;
}

static void
end_tasks (struct txn *t, json_t *hub)
{
  json_t *open = json_array (), *task;
  size_t i;

  txn_doc_walk (t, STORE_TASK, STORE_TASK_HUB, json_text (hub, "id"), false, NULL, collect_open, open);
  json_array_foreach (open, i, task)
    task_end_failed (t, task, hub, "hub-removed", "The hub was removed.", NULL);
  json_decref (open);
}

int
engine_hub_remove (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  static const char *const reasons[] = { "no-longer-used", "connected-by-mistake", "replaced", "other" };
  const char *reason = call_query (c, "reason"), *text = call_query (c, "text");
  char prefix[ID_TEXT_SIZE + 1];
  json_t *hub = NULL;
  struct id id;
  struct txn *t;
  size_t i;
  int x = begin (e, c, HUB_OWNER, &t, &hub, r);

  if (x < 0)
    return x;
  for (i = 0; reason && i < ARRAY_SIZE (reasons) && !streq (reason, reasons[i]); i++)
    ;
  if (!reason || i == ARRAY_SIZE (reasons))
    x = refuse (r, reason ? "validation-failed" : "reason-required", "reason",
                "reason is no-longer-used, connected-by-mistake, replaced or other.");
  if (x == 0 && !c->confirmed)
    x = refuse (r, "confirmation-required", NULL, "This removes the hub %s; the app is not touched.",
                json_text (hub, "label"));
  if (x < 0)
    return end (e, c, t, x, hub, NULL, NULL, ret, r);
  (void) json_id (hub, "id", &id);
  (void) snprintf (prefix, sizeof prefix, "%s:", json_text (hub, "id"));
  end_tasks (t, hub);
  report_withdraw (t, hub);
  free_account (t, hub, c->caller);
  json_set_text (hub, "remove_reason", reason);
  json_set_text (hub, "remove_text", text);
  json_set_time (hub, "removed_at", clock_now_ms ());
  hub_set_status (t, hub, "removed", NULL, c->caller);
  hub_owners_changed (t, hub);
  txn_doc_put (t, STORE_HUB, hub);
  event_add (t, &(struct event) { .type = "hub.removed", .caller = c->caller, .hub = hub, .outcome = reason });
  x = end (e, c, t, 0, hub, NULL, NULL, ret, r);
  if (x == 0)
    {
      queue_drop_hub (e, &id);
      session_pool_drop (e->pool, prefix);
    }
  return x;
}

int
engine_hub_restore (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct apps *apps = engine_apps (e);
  struct txn *t = store_write (e->store);
  json_t *hub = NULL, *account = NULL, *task = NULL;
  const struct app *app;
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  if (x == 0)
    x = find_hub (t, c->path[0], true, &hub, r);
  if (x == 0)
    x = caller_may_hub (t, c->caller, SCOPE_ADMIN, hub, HUB_OWNER, r);
  if (x == 0)
    x = call_match (c, hub_render (t, e, hub), r);
  if (x == 0 && hub_is_live (hub))
    x = refuse (r, "not-found", NULL, "There is no removed hub %s.", c->path[0]);
  if (x == 0 && json_time (hub, "removed_at") + RESTORE_MS < clock_now_ms ())
    x = refuse (r, "restore-expired", NULL, "The hub %s was removed more than 30 days ago.", c->path[0]);
  if (x == 0)
    x = pick_account (t, &system_caller, json_text (hub, "account"), hub, &account, r);
  if (x == 0)
    {
      app = apps_find (apps, json_text (hub, "app"));
      x = app ? bind_account (t, c->caller, app, hub, account, r)
              : refuse (r, "unavailable", NULL, "The app file of %s is not installed.", json_text (hub, "app"));
    }
  apps_unref (apps);
  if (x < 0)
    {
      json_decref (account);
      json_decref (hub);
      txn_abort (t);
      return x;
    }
  json_set_time (hub, "removed_at", 0);
  json_set_text (hub, "remove_reason", NULL);
  json_set_text (hub, "remove_text", NULL);
  task = hub_revalidate (t, hub, c->caller);
  event_add (t, &(struct event) { .type = "hub.restored", .caller = c->caller, .hub = hub });
  json_decref (account);
  return end (e, c, t, 0, hub, task, NULL, ret, r);
}
