/* Owns saved credentials: adding, changing and removing them.  A secret goes in and is
   sealed; no action shows one. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/accounts.h"
#include "host/engine/credential.h"

#include <stdio.h>

#define SECRET_SEALED_MAX (64u * 1024)
/* Stands for a secret that stays as it is while the rest of its account is checked: it has the form of
   every kind, a seed of one-time codes too. */
#define KEPT "keptkeptkeptkept"

static int
put_secrets (struct engine *e, struct txn *t, const struct caller *c, json_t *account, json_t *secrets,
             struct refusal *r)
{
  const char *id_text = json_text (account, "id"), *name;
  struct id id;
  json_t *value;

  (void) json_id (account, "id", &id);
  json_object_foreach (secrets, name, value)
    {
      _cleanup_ (buf_done) struct buf sealed = BUF_INIT (SECRET_SEALED_MAX);

      if (vault_seal (e->vault, id_text, name, json_string_value (value), json_string_length (value), &sealed) < 0)
        return refuse (r, "unavailable", NULL, "The secret %s cannot be sealed.", name);
      txn_secret_put (t, &id, name, sealed.data, sealed.len);
      secret_given (account, name, c);
    }
  return 0;
}

/* Takes over what app_check_account made of the input, secrets apart. */
static void
take_checked (json_t *account, const json_t *checked)
{
  static const char *const keys[] = { "kind", "username", "email", "phone", "fields" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (keys); i++)
    {
      json_t *value = json_object_get (checked, keys[i]);

      if (value)
        (void) json_object_set (account, keys[i], value);
      else
        (void) json_object_del (account, keys[i]);
    }
}

int
account_make (struct engine *e, struct txn *t, const struct caller *c, const struct app *app, json_t *hub_fields,
              json_t *given, const char *label, json_t **ret, struct refusal *r)
{
  const char *own = json_text (given, "label");
  struct app_error error = { 0 };
  json_t *checked = NULL, *account;
  int x;

  if (!json_is_object (given))
    return refuse (r, "validation-failed", "account", "An automation account is required: its id, or its fields.");
  x = check_label (own ? own : label, "The label of an account", r);
  if (x < 0)
    return x;
  x = app_check_account (app, given, hub_fields, &checked, &error);
  if (x == -EINVAL)
    return refuse (r, "validation-failed", error.field[0] ? error.field : NULL, "%s", error.text);
  if (x < 0)
    return refuse_errno (r, x);
  account = doc_new (c);
  json_set_text (account, "label", own ? own : label);
  json_set_text (account, "app", app_id (app));
  json_set_text (account, "use", "free");
  take_checked (account, checked);
  x = put_secrets (e, t, c, account, json_object_get (checked, "secrets"), r);
  json_decref (checked);
  if (x == 0)
    {
      txn_doc_put (t, STORE_ACCOUNT, account);
      x = txn_error (t) < 0 ? refuse_errno (r, txn_error (t)) : 0;
    }
  if (x < 0)
    {
      json_decref (account);
      return x;
    }
  *ret = account;
  return 0;
}

static bool
add_name (void *arg, const char *name)
{
  return json_array_append_new (arg, json_string (name)) == 0;
}

/* Which secrets are there, never what they are. */
static json_t *
account_render (struct txn *t, const json_t *account)
{
  json_t *shown = json_copy ((json_t *) (uintptr_t) account), *names = json_array ();
  struct id id;

  (void) json_object_del (shown, "created_by");
  (void) json_object_del (shown, "given");
  (void) json_object_del (shown, "saved_hosts");
  (void) json_object_del (shown, "token");
  if (json_id (account, "id", &id))
    txn_secret_names (t, &id, add_name, names);
  (void) json_object_set_new (shown, "secrets", names);
  return shown;
}

struct account_list
{
  struct sight sight;
  const char *app;
};

static json_t *
show_account (void *arg, struct txn *t, const json_t *account)
{
  struct account_list *l = arg;

  if ((l->app && !streq (l->app, json_text (account, "app"))) || !sees_account (&l->sight, t, account))
    return NULL;
  return account_render (t, account);
}

int
engine_account_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct account_list l = { .app = call_query (c, "app") };
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_USER, r);

  sight_begin (&l.sight, t, c->caller);
  txn_abort (t);
  return x < 0 ? x : list_docs (e, c, (struct doc_list) { .kind = STORE_ACCOUNT, .show = show_account, .arg = &l },
                                ret, r);
}

int
engine_account_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *account = NULL;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_USER, r);

  if (x == 0)
    x = find_account (t, c->caller, c->path[0], &account, r);
  if (x == 0)
    x = answer_read (t, account_render (t, account), ret, r);
  json_decref (account);
  return x;
}

int
engine_account_add (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct apps *apps = engine_apps (e);
  const char *name = json_text (c->body, "app");
  const struct app *app = name ? apps_find (apps, name) : NULL;
  struct txn *t = store_write (e->store);
  json_t *account = NULL;
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  if (x == 0 && !app)
    x = refuse (r, "validation-failed", "app", name ? "There is no app %s in the catalogue." : "app is required.",
                name);
  if (x == 0)
    x = account_make (e, t, c->caller, app, NULL, c->body, NULL, &account, r);
  x = call_end (e, c, t, x, x == 0 ? account_render (t, account) : NULL, ret, r);
  json_decref (account);
  apps_unref (apps);
  return x;
}

/* The stored account with what GIVEN changes, as app_check_account wants it; secrets
   that are not given stay as they are. */
static json_t *
with_changes (struct txn *t, const json_t *account, json_t *given)
{
  json_t *whole = json_object (), *secrets = json_object (), *names = json_array (), *name;
  static const char *const keys[] = { "kind", "username", "email", "phone", "fields" };
  struct id id;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (keys); i++)
    {
      json_t *value = json_object_get (given, keys[i]);

      if (!value)
        value = json_object_get (account, keys[i]);
      if (value)
        (void) json_object_set (whole, keys[i], value);
    }
  (void) json_id (account, "id", &id);
  txn_secret_names (t, &id, add_name, names);
  json_array_foreach (names, i, name)
    (void) json_object_set_new (secrets, json_string_value (name), json_string (KEPT));
  (void) json_object_update (secrets, json_object_get (given, "secrets"));
  (void) json_object_set_new (whole, "secrets", secrets);
  json_decref (names);
  return whole;
}

/* Only what was given is sealed anew. */
static json_t *
given_secrets (const json_t *checked, const json_t *given)
{
  json_t *all = json_object_get (checked, "secrets"), *some = json_object (), *value;
  const char *name;

  json_object_foreach (all, name, value)
    if (json_object_get (json_object_get (given, "secrets"), name))
      (void) json_object_set (some, name, value);
  return some;
}

int
account_change (struct engine *e, struct txn *t, const struct caller *c, const struct app *app, json_t *hub_fields,
                json_t *given, json_t *account, struct refusal *r)
{
  const char *label = json_text (given, "label");
  json_t *whole, *checked = NULL, *secrets;
  struct app_error error = { 0 };
  int x = 0;

  if (json_object_get (given, "label"))
    x = check_label (label, "The label of an account", r);
  if (x < 0)
    return x;
  whole = with_changes (t, account, given);
  x = app_check_account (app, whole, hub_fields, &checked, &error);
  json_decref (whole);
  if (x == -EINVAL)
    return refuse (r, "validation-failed", error.field[0] ? error.field : NULL, "%s", error.text);
  if (x < 0)
    return refuse_errno (r, x);
  secrets = given_secrets (checked, given);
  x = put_secrets (e, t, c, account, secrets, r);
  if (x == 0 && (json_object_size (secrets) || json_object_get (given, "fields")))
    credential_replaced (t, account, secrets);
  json_decref (secrets);
  take_checked (account, checked);
  json_decref (checked);
  if (label)
    json_set_text (account, "label", label);
  json_set_time (account, "updated_at", clock_now_ms ());
  return x;
}

int
engine_account_set (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct apps *apps = engine_apps (e);
  struct txn *t = store_write (e->store);
  json_t *account = NULL, *hub = NULL, *task = NULL;
  const struct app *app = NULL;
  struct id hub_id, id;
  char prefix[ID_TEXT_SIZE + 1];
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  if (x == 0)
    x = find_account (t, c->caller, c->path[0], &account, r);
  if (x == 0 && json_id (account, "hub", &hub_id) && (hub = txn_doc_get (t, STORE_HUB, &hub_id)))
    x = caller_may_hub (t, c->caller, SCOPE_ADMIN, hub, HUB_OWNER, r);
  if (x == 0)
    x = call_match (c, account_render (t, account), r);
  if (x == 0)
    {
      app = apps_find (apps, json_text (account, "app"));
      x = app ? account_change (e, t, c->caller, app, json_object_get (hub, "fields"), c->body, account, r)
              : refuse (r, "unavailable", NULL, "The app file of %s is not installed.", json_text (account, "app"));
    }
  if (x == 0 && hub)
    x = secret_bind (t, c->caller, app, account, json_object_get (hub, "fields"), "secrets", r);
  if (x == 0)
    {
      txn_doc_put (t, STORE_ACCOUNT, account);
      (void) json_id (account, "id", &id);
      event_add (t, &(struct event) { .type = "automation-account.updated", .caller = c->caller, .hub = hub,
                                      .account = &id });
      if (hub && hub_is_live (hub))
        {
          json_set_text (hub, "automation_username", json_text (account, "username"));
          json_set_text (hub, "automation_email", json_text (account, "email"));
          task = hub_revalidate (t, hub, c->caller);
        }
    }
  x = call_end (e, c, t, x, x == 0 ? account_render (t, account) : NULL, ret, r);
  if (x == 0 && task)
    {
      (void) snprintf (prefix, sizeof prefix, "%s:", json_text (hub, "id"));
      session_pool_drop (e->pool, prefix);
      queue_add (e, task);
      queue_kick (e);
    }
  json_decref (account);
  json_decref (hub);
  json_decref (task);
  apps_unref (apps);
  return x;
}

int
engine_account_remove (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *account = NULL;
  struct id id;
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_USER, r);

  if (x == 0)
    x = find_account (t, c->caller, c->path[0], &account, r);
  if (x == 0)
    x = call_match (c, account_render (t, account), r);
  if (x == 0 && !streq (json_text (account, "use"), "free"))
    x = refuse (r, "account-in-use", NULL, "The account %s is linked to a hub.", c->path[0]);
  if (x == 0 && !c->confirmed)
    x = refuse (r, "confirmation-required", NULL, "This deletes the account %s and its secrets.", c->path[0]);
  if (x == 0)
    {
      (void) json_id (account, "id", &id);
      txn_secret_delete (t, &id, NULL);
      txn_doc_delete (t, STORE_ACCOUNT, &id);
      event_add (t, &(struct event) { .type = "account.disconnected", .caller = c->caller, .account = &id });
    }
  x = call_end (e, c, t, x, x == 0 ? json_object () : NULL, ret, r);
  json_decref (account);
  return x;
}
