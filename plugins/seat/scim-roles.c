/* The roles of a hub: those that a listing has seen and those of the hub field "roles".  Kept in
   the hub's state, so that a listing that goes on in another process, and a write in a session
   of its own, know them.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

void
scim_roles_done (struct scim_roles *roles)
{
  for (size_t i = 0; i < roles->n; i++)
    {
      free (roles->v[i].id);
      free (roles->v[i].label);
    }
  free (roles->v);
  *roles = (struct scim_roles) { 0 };
}

static struct scim_role *
find (const struct scim_roles *roles, const char *id)
{
  for (size_t i = 0; i < roles->n; i++)
    if (strcmp (roles->v[i].id, id) == 0)
      return &roles->v[i];
  return NULL;
}

bool
scim_roles_have (const struct scim_roles *roles, const char *id)
{
  return find (roles, id) != NULL;
}

int32_t
scim_roles_add (struct scim_roles *roles, const char *id, const char *label)
{
  struct scim_role *v;
  struct scim_role role;

  if (find (roles, id))
    return USHER_DONE;
  if (roles->n == SCIM_SEEN_MAX)
    {
      roles->full = true;
      return USHER_DONE;
    }
  /* Doubles at each power of two. */
  if ((roles->n & (roles->n - 1)) == 0)
    {
      v = realloc (roles->v, (roles->n ? roles->n * 2 : 1) * sizeof *v);
      if (!v)
        return USHER_E_NOMEM;
      roles->v = v;
    }
  role.id = strdup (id);
  role.label = label ? strdup (label) : NULL;
  if (!role.id || (label && !role.label))
    {
      free (role.id);
      free (role.label);
      return USHER_E_NOMEM;
    }
  roles->v[roles->n++] = role;
  roles->changed = true;
  return USHER_DONE;
}

int32_t
scim_roles_emit (struct usher_ctx *ctx, const struct scim_roles *roles)
{
  for (size_t i = 0; i < roles->n; i++)
    {
      struct usher_role role = { .size = sizeof role, .flags = USHER_R_ASSIGNABLE };
      int32_t r;

      role.id = roles->v[i].id;
      role.label = roles->v[i].label ? roles->v[i].label : role.id;
      role.group = SCIM_GROUP;
      r = usher_emit_role (ctx, &role);
      if (r < 0)
        return r;
    }
  return USHER_DONE;
}

int32_t
scim_roles_configured (struct usher_ctx *ctx, struct scim_roles *roles)
{
  const char *id;

  for (size_t i = 0; i < SCIM_SEEN_MAX && (id = usher_conf (ctx, "roles", i)); i++)
    {
      int32_t r = *id ? scim_roles_add (roles, id, NULL) : USHER_DONE;

      if (r < 0)
        return r;
    }
  return USHER_DONE;
}

/* As one JSON array of ids and labels in turn.  */
int32_t
scim_roles_load (struct usher_ctx *ctx, const char *key, struct scim_roles *roles)
{
  _cleanup_ (json_decrefp) json_t *list = NULL;
  const void *blob = NULL;
  size_t len = 0;
  int32_t r = usher_state_get (ctx, key, &blob, &len);

  if (r < 0)
    return r;
  if (blob)
    list = json_loadb (blob, len, 0, NULL);
  if (!json_is_array (list) || json_array_size (list) % 2 != 0)
    return USHER_ABSENT;
  for (size_t i = 0; i < json_array_size (list); i += 2)
    {
      const char *id = json_string_value (json_array_get (list, i));

      if (!id)
        return USHER_ABSENT;
      r = scim_roles_add (roles, id, json_string_value (json_array_get (list, i + 1)));
      if (r < 0)
        return r;
    }
  roles->changed = false;
  return USHER_DONE;
}

int32_t
scim_roles_save (struct usher_ctx *ctx, const char *key, struct scim_roles *roles)
{
  _cleanup_ (json_decrefp) json_t *list = NULL;
  _cleanup_ (freep) char *text = NULL;
  size_t len;
  int32_t r;

  if (!roles->changed)
    return USHER_DONE;
  list = json_array ();
  for (size_t i = 0; i < roles->n; i++)
    if (json_array_append_new (list, json_string (roles->v[i].id)) < 0
        || json_array_append_new (list, roles->v[i].label ? json_string (roles->v[i].label)
                                                          : json_null ()) < 0)
      return USHER_E_NOMEM;
  text = json_dumps (list, JSON_COMPACT);
  if (!text)
    return USHER_E_NOMEM;
  len = strlen (text);
  r = usher_state_put (ctx, key, text, len > SCIM_STATE_MAX || roles->full ? 0 : len);
  if (r < 0)
    return r;
  roles->changed = false;
  return USHER_DONE;
}
