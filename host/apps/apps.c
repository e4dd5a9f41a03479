/* Owns one app: the arrays made of its file once, and what is read from them. */
#include <config.h>

#include "host/apps/apps.h"

#include "host/apps/app.h"
#include "host/common/text.h"

#define ARENA_BYTES 8388608u

static const char *
text_of (json_t *o, const char *key)
{
  return json_string_value (json_object_get (o, key));
}

static bool
true_of (json_t *o, const char *key)
{
  return json_is_true (json_object_get (o, key));
}

static enum app_kind
kind_of (const char *kind)
{
  return streq (kind, "choice") ? APP_CHOICE
         : streq (kind, "url") ? APP_URL
         : streq (kind, "secret") ? APP_SECRET : APP_TEXT;
}

static int
build_choices (struct app *a, struct app_field *f)
{
  json_t *list = json_object_get (f->declared, "choices");
  const char **choices = arena_array (&a->arena, json_array_size (list) + 1, sizeof *choices);
  json_t *choice;
  size_t i;

  if (!choices)
    return -ENOMEM;
  json_array_foreach (list, i, choice)
    choices[i] = json_string_value (choice);
  f->choices = choices;
  f->n_choices = json_array_size (list);
  return 0;
}

static unsigned int
on_of (json_t *list)
{
  unsigned int on = 0;
  json_t *word;
  size_t i;

  json_array_foreach (list, i, word)
    on |= streq (json_string_value (word), "add") ? APP_ON_ADD : APP_ON_UPDATE;
  return on;
}

static int
build_fields (struct app *a, json_t *list, struct app_field **ret, size_t *n)
{
  struct app_field *fields = arena_array (&a->arena, json_array_size (list) + 1, sizeof *fields);
  json_t *o;
  size_t i;

  if (!fields)
    return -ENOMEM;
  json_array_foreach (list, i, o)
    {
      const char *id = text_of (o, "id");

      fields[i] = (struct app_field) {
        .key = text_of (o, "key"), .label = text_of (o, "label"), .help = text_of (o, "help"),
        .kind = kind_of (text_of (o, "kind")), .required = true_of (o, "required"),
        .many = true_of (o, "many"), .reveal = true_of (o, "reveal"),
        .identifier = !id ? APP_ID_NONE : streq (id, "space") ? APP_ID_SPACE : APP_ID_FREE,
        .on = on_of (json_object_get (o, "on")), .declared = o };
      if (build_choices (a, &fields[i]) < 0)
        return -ENOMEM;
    }
  *ret = fields;
  *n = json_array_size (list);
  return 0;
}

static int
build_accounts (struct app *a)
{
  json_t *list = json_object_get (a->root, "accounts"), *o;
  size_t i;

  a->accounts = arena_array (&a->arena, json_array_size (list) + 1, sizeof *a->accounts);
  if (!a->accounts)
    return -ENOMEM;
  json_array_foreach (list, i, o)
    {
      struct app_account *account = &a->accounts[i];
      const char *totp = text_of (o, "totp");
      struct app_field *fields;
      int r = build_fields (a, json_object_get (o, "fields"), &fields, &account->n_fields);

      if (r < 0)
        return r;
      account->fields = fields;
      account->kind = text_of (o, "kind");
      account->totp = totp ? totp : "no";
      account->phone = true_of (o, "phone");
      account->declared = o;
    }
  a->n_accounts = json_array_size (list);
  return 0;
}

static int
build_roles (struct app *a)
{
  json_t *groups = json_object_get (a->root, "role_groups");
  json_t *roles = json_object_get (a->root, "roles"), *o;
  size_t i;

  a->groups = arena_array (&a->arena, json_array_size (groups) + 1, sizeof *a->groups);
  a->roles = arena_array (&a->arena, json_array_size (roles) + 1, sizeof *a->roles);
  if (!a->groups || !a->roles)
    return -ENOMEM;
  json_array_foreach (groups, i, o)
    a->groups[i] = (struct app_role_group) {
      .key = text_of (o, "key"), .label = text_of (o, "label"),
      .ranked = streq (text_of (o, "model"), "ranked"), .many = streq (text_of (o, "pick"), "many"),
      .required = true_of (o, "required"), .discovered = true_of (o, "discovered") };
  json_array_foreach (roles, i, o)
    a->roles[i] = (struct app_role) {
      .group = text_of (o, "group"), .id = text_of (o, "id"), .label = text_of (o, "label"),
      .rank = (int32_t) json_integer_value (json_object_get (o, "rank")),
      .assignable = !json_is_false (json_object_get (o, "assignable")) };
  a->n_groups = json_array_size (groups);
  a->n_roles = json_array_size (roles);
  return 0;
}

int
app_build (struct app *a)
{
  json_t *public;
  int r;

  a->arena = (struct arena) ARENA_INIT (ARENA_BYTES);
  r = build_fields (a, json_object_get (a->root, "fields"), &a->fields, &a->n_fields);
  if (r == 0)
    r = build_fields (a, json_object_get (a->root, "provisioning"), &a->provisioning,
                      &a->n_provisioning);
  if (r == 0)
    r = build_accounts (a);
  if (r == 0)
    r = build_roles (a);
  if (r < 0)
    return r;
  public = json_copy (a->root);
  if (!public)
    return -ENOMEM;
  (void) json_object_del (public, "run");
  a->public_json = json_dumps (public, JSON_COMPACT);
  json_decref (public);
  a->auth_json = json_dumps (json_object_get (a->root, "auth"), JSON_COMPACT);
  return a->public_json && a->auth_json ? 0 : -ENOMEM;
}

struct app *
app_free (struct app *a)
{
  if (!a)
    return NULL;
  json_decref (a->root);
  free (a->text);
  free (a->public_json);
  free (a->auth_json);
  arena_done (&a->arena);
  free (a);
  return NULL;
}

const char *
app_id (const struct app *a)
{
  return text_of (a->root, "id");
}

const char *
app_name (const struct app *a)
{
  return text_of (a->root, "name");
}

const char *
app_connector (const struct app *a)
{
  return text_of (a->root, "connector");
}

const char *
app_evidence (const struct app *a)
{
  return text_of (a->root, "evidence");
}

const char *
app_public_json (const struct app *a)
{
  return a->public_json;
}

const char *
app_auth_json (const struct app *a)
{
  return a->auth_json;
}

void
app_run (const struct app *a, const char **text, size_t *len)
{
  *text = a->run_len ? a->text + a->run_at : "{}";
  *len = a->run_len ? a->run_len : 2;
}

bool
app_can (const struct app *a, const char *capability, const char **why)
{
  json_t *can = json_object_get (json_object_get (a->root, "can"), capability);
  const char *text = json_string_value (can);

  if (json_is_true (can))
    return true;
  if (why)
    *why = text ? text : "this capability does not exist";
  return false;
}

bool
app_login_method (const struct app *a, const char *method)
{
  json_t *word;
  size_t i;

  json_array_foreach (json_object_get (a->root, "login_methods"), i, word)
    if (streq (json_string_value (word), method))
      return true;
  return false;
}

const json_t *
app_get (const struct app *a, const char *path)
{
  size_t len = strcspn (path, ".");
  char first[64];

  if (len >= sizeof first)
    return NULL;
  memcpy (first, path, len);
  first[len] = '\0';
  return path[len] ? json_object_get (json_object_get (a->root, first), path + len + 1)
                   : json_object_get (a->root, first);
}

const char *
app_get_text (const struct app *a, const char *path, const char *def)
{
  const char *text = json_string_value (app_get (a, path));

  return text ? text : def;
}

int64_t
app_get_number (const struct app *a, const char *path, int64_t def)
{
  const json_t *v = app_get (a, path);

  return json_is_integer (v) ? json_integer_value (v) : def;
}

bool
app_get_bool (const struct app *a, const char *path, bool def)
{
  const json_t *v = app_get (a, path);

  return json_is_boolean (v) ? json_is_true (v) : def;
}

const struct app_field *
app_fields (const struct app *a, size_t *n)
{
  *n = a->n_fields;
  return a->fields;
}

const struct app_field *
app_field (const struct app *a, const char *key)
{
  size_t i;

  for (i = 0; i < a->n_fields; i++)
    if (streq (a->fields[i].key, key))
      return &a->fields[i];
  return NULL;
}

const struct app_field *
app_provisioning (const struct app *a, size_t *n)
{
  *n = a->n_provisioning;
  return a->provisioning;
}

const struct app_role_group *
app_role_groups (const struct app *a, size_t *n)
{
  *n = a->n_groups;
  return a->groups;
}

const struct app_role_group *
app_role_group (const struct app *a, const char *key)
{
  size_t i;

  for (i = 0; i < a->n_groups; i++)
    if (streq (a->groups[i].key, key))
      return &a->groups[i];
  return NULL;
}

const struct app_role *
app_roles (const struct app *a, size_t *n)
{
  *n = a->n_roles;
  return a->roles;
}

const struct app_role *
app_role (const struct app *a, const char *group, const char *id)
{
  size_t i;

  for (i = 0; i < a->n_roles; i++)
    if (streq (a->roles[i].group, group) && streq (a->roles[i].id, id))
      return &a->roles[i];
  return NULL;
}

/* Whether role ONE of GROUP names OTHER as incompatible. */
static bool
excludes (const struct app *a, const char *group, const char *one, const char *other)
{
  const struct app_role *role = app_role (a, group, one);
  json_t *o, *word;
  size_t i;

  if (!role)
    return false;
  o = json_array_get (json_object_get (a->root, "roles"), (size_t) (role - a->roles));
  json_array_foreach (json_object_get (o, "incompatible"), i, word)
    if (streq (json_string_value (word), other))
      return true;
  return false;
}

bool
app_roles_incompatible (const struct app *a, const char *group, const char *one,
                        const char *other)
{
  return excludes (a, group, one, other) || excludes (a, group, other, one);
}
