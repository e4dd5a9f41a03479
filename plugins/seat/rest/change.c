/* What a change is about, as names for texts: the member, the wanted roles, the fields.  Role ids
   are turned into the words that the app takes ("role_words").  */
#include <config.h>

#include "plugins/seat/rest/steps.h"

#include <stdio.h>
#include <string.h>

static const char *
state_word (const struct usher_member *m)
{
  if (m->state >= USHER_PENDING)
    return "pending";
  return m->state == USHER_DISABLED ? "disabled" : "member";
}

int32_t
rest_name_member (struct rest_op *op, const struct usher_member *m)
{
  const struct usher_kv names[] = {
    { "id", m->id }, { "handle", m->handle }, { "email", m->email }, { "first_name", m->first_name },
    { "last_name", m->last_name }, { "name", m->name }, { "partner", m->partner },
    { "username", m->username }, { "state", state_word (m) },
  };
  int32_t r = USHER_DONE;

  /* Also what is not there hides a field of the hub by that name. */
  for (size_t i = 0; i < ARRAY_SIZE (names) && r >= 0; i++)
    r = rest_names_set (&op->names, names[i].key, names[i].value);
  return r;
}

/* ---- Roles ---- */

static bool
has (const struct usher_kv *roles, size_t n, const struct usher_kv *role)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp (roles[i].key, role->key) == 0 && strcmp (roles[i].value, role->value) == 0)
      return true;
  return false;
}

const char *
rest_role_word (const struct rest_op *op, const struct usher_kv *role)
{
  const json_t *words = json_object_get (json_object_get (op->rest->run, "role_words"), role->key);
  const char *word = json_string_value (json_object_get (words, role->value));

  return word ? word : role->value;
}

/* Sets PREFIX to the first role and PREFIX.GROUP to the first of each group. */
static int32_t
name_roles (struct rest_op *op, const char *prefix, const struct usher_kv *roles, size_t n)
{
  int32_t r = rest_names_set (&op->names, prefix, n ? rest_role_word (op, &roles[0]) : NULL);

  for (size_t i = n; i-- > 0 && r >= 0;)
    {
      char name[REST_NAME_MAX];

      (void) snprintf (name, sizeof name, "%s.%s", prefix, roles[i].key);
      r = rest_names_set (&op->names, name, rest_role_word (op, &roles[i]));
    }
  return r;
}

static int32_t
name_fields (struct rest_op *op, const struct usher_change *c)
{
  int32_t r = USHER_DONE;

  for (size_t i = 0; i < c->n_fields && r >= 0; i++)
    {
      char name[REST_NAME_MAX];

      (void) snprintf (name, sizeof name, "field.%s", c->fields[i].key);
      r = rest_names_set (&op->names, name, c->fields[i].value);
      /* Names of people may be asked for as fields. */
      if (r >= 0 && strcmp (c->fields[i].key, "username") == 0)
        r = rest_names_set (&op->names, "username", c->fields[i].value);
    }
  return r;
}

int32_t
rest_name_change (struct rest_op *op)
{
  const struct usher_change *c = op->change;
  int32_t r = rest_name_member (op, c->member);

  if (r >= 0)
    r = name_roles (op, "role", c->roles, c->n_roles);
  if (r >= 0)
    r = name_roles (op, "old_role", c->member->roles, c->member->n_roles);
  if (r >= 0)
    r = rest_names_set (&op->names, "invite_key", c->key);
  return r < 0 ? r : name_fields (op, c);
}

/* ---- Lists ---- */

/* FROM without those of BUT, of GROUP only where it is not NULL. */
static size_t
pick_roles (const struct usher_kv *from, size_t n, const struct usher_kv *but, size_t n_but, const char *group,
            const struct usher_kv **ret)
{
  size_t picked = 0;

  for (size_t i = 0; i < n && picked < REST_ROLES_MAX; i++)
    if (!has (but, n_but, &from[i]) && (!group || strcmp (from[i].key, group) == 0))
      ret[picked++] = &from[i];
  return picked;
}

int32_t
rest_roles_of (const struct rest_op *op, const char *list, const struct usher_kv **ret, size_t *ret_n)
{
  const struct usher_change *c = op->change;
  const char *dot = strchr (list, '.'), *group = dot ? dot + 1 : NULL;
  size_t len = dot ? (size_t) (dot - list) : strlen (list);
  const struct { const char *name; bool old, without; } lists[] = {
    { "role", false, false }, { "roles", false, false }, { "new_roles", false, false },
    { "old_roles", true, false }, { "added_roles", false, true }, { "removed_roles", true, true },
  };

  for (size_t i = 0; c && i < ARRAY_SIZE (lists); i++)
    if (strlen (lists[i].name) == len && strncmp (lists[i].name, list, len) == 0)
      {
        const struct usher_kv *from = lists[i].old ? c->member->roles : c->roles;
        const struct usher_kv *but = lists[i].old ? c->roles : c->member->roles;
        size_t n = lists[i].old ? c->member->n_roles : c->n_roles;
        size_t n_but = !lists[i].without ? 0 : lists[i].old ? c->n_roles : c->member->n_roles;

        *ret_n = pick_roles (from, n, but, n_but, group, ret);
        return USHER_DONE;
      }
  return USHER_ABSENT;
}

int32_t
rest_list_of (struct rest_op *op, const char *list, json_t **ret)
{
  const struct usher_kv *roles[REST_ROLES_MAX];
  _cleanup_ (json_decrefp) json_t *out = json_array ();
  const char *value;
  size_t n;

  if (rest_roles_of (op, list, roles, &n) == USHER_DONE)
    {
      for (size_t i = 0; i < n; i++)
        if (json_array_append_new (out, json_string (rest_role_word (op, roles[i]))) < 0)
          return USHER_E_NOMEM;
    }
  else
    for (size_t i = 0; (value = usher_conf (op->ctx, list, i)); i++)
      if (json_array_append_new (out, json_string (value)) < 0)
        return USHER_E_NOMEM;
  *ret = TAKE (out);
  return *ret ? USHER_DONE : USHER_E_NOMEM;
}

/* ---- When ---- */

/* VALUE (NULL = not there) is what WANT asks for: a text, one of several, true for "there", null for
   "not there". */
static bool
fits (const char *value, const json_t *want)
{
  size_t i;
  json_t *one;

  if (json_is_null (want) || json_is_false (want))
    return !value;
  if (json_is_true (want) || !value)
    return value != NULL;
  if (json_is_string (want))
    return strcmp (json_string_value (want), value) == 0;
  json_array_foreach (want, i, one)
    if (json_is_string (one) && strcmp (json_string_value (one), value) == 0)
      return true;
  return false;
}

int32_t
rest_when (struct rest_op *op, const json_t *spec, bool *ret)
{
  const char *name;
  json_t *want;

  *ret = true;
  json_object_foreach (json_object_get (spec, "when"), name, want)
    {
      const char *value;
      int32_t r = rest_value (op, name, &value);

      if (r < 0)
        return r;
      *ret = *ret && fits (value, want);
    }
  return USHER_DONE;
}
