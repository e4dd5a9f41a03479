/* The values that texts name: of the operation, secrets, look-ups, fields of the hub.  Every answer
   about one that is not there is made here.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <string.h>

#include "plugins/seat/rest/steps.h"

/* ---- A set of names ---- */

void
rest_names_done (struct rest_names *names)
{
  for (size_t i = 0; i < names->n; i++)
    {
      free (names->v[i].name);
      free (names->v[i].value);
    }
  free (names->v);
  *names = (struct rest_names) { 0 };
}

static struct rest_name *
find (const struct rest_names *names, const char *name)
{
  for (size_t i = 0; i < names->n; i++)
    if (strcmp (names->v[i].name, name) == 0)
      return &names->v[i];
  return NULL;
}

const char *
rest_names_get (const struct rest_names *names, const char *name)
{
  const struct rest_name *found = find (names, name);

  return found ? found->value : NULL;
}

static int32_t
add (struct rest_names *names, const char *name, char *value)
{
  struct rest_name *grown = reallocarray (names->v, names->n + 1, sizeof *grown);
  char *copy = strdup (name);

  if (grown)
    names->v = grown;
  if (!grown || !copy)
    {
      free (copy);
      free (value);
      return USHER_E_NOMEM;
    }
  names->v[names->n++] = (struct rest_name) { copy, value };
  return USHER_DONE;
}

int32_t
rest_names_set (struct rest_names *names, const char *name, const char *value)
{
  struct rest_name *found = find (names, name);
  char *copy = NULL;

  if (value && *value)
    {
      copy = strdup (value);
      if (!copy)
        return USHER_E_NOMEM;
    }
  if (!found)
    return add (names, name, copy);
  free (found->value);
  found->value = copy;
  return USHER_DONE;
}

void
rest_op_done (struct rest_op *op)
{
  rest_names_done (&op->names);
}

/* ---- The value of a name ---- */

#define SECRET "secret."

int32_t
rest_value (struct rest_op *op, const char *name, const char **ret)
{
  const struct rest_name *own = find (&op->names, name);
  const char *value;
  int32_t r = USHER_DONE;

  if (own)
    value = own->value;
  else if (strncmp (name, SECRET, strlen (SECRET)) == 0)
    value = usher_secret (op->ctx, name + strlen (SECRET));
  else if (!op->rest->base)
    value = usher_conf (op->ctx, name, 0);
  else
    {
      r = rest_look_up (op, name, &value);
      if (r == USHER_ABSENT)
        value = usher_conf (op->ctx, name, 0);
    }
  if (r < 0)
    return r;
  *ret = value && *value ? value : NULL;
  return USHER_DONE;
}

/* Which refusal a missing value is. */
static int32_t
code_of (struct rest_op *op, const char **ret_field)
{
  const char *name = op->missing;
  bool pending = op->change && op->change->member->state >= USHER_PENDING;

  *ret_field = NULL;
  if (strcmp (name, "email") == 0)
    return USHER_E_ADDRESS;
  if (strncmp (name, "role", 4) == 0 || strncmp (name, "old_role", 8) == 0)
    return USHER_E_ROLE;
  if (strncmp (name, "field.", 6) == 0 || strstr (name, "name"))
    {
      *ret_field = strncmp (name, "field.", 6) == 0 ? name + 6 : name;
      return USHER_E_FIELD;
    }
  if (strcmp (name, "id") == 0 || strcmp (name, "handle") == 0)
    return pending ? USHER_E_NOT_JOINED : USHER_E_REFUSED;
  if (strncmp (name, SECRET, strlen (SECRET)) == 0)
    return USHER_E_TOKEN;
  *ret_field = name;
  return USHER_E_CONFIG;
}

int32_t
rest_missing (struct rest_op *op)
{
  const char *field;
  int32_t code = code_of (op, &field);

  switch (code)
    {
    case USHER_E_ADDRESS:
      return seat_fail (op->ctx, code, "email", "The app needs an e-mail address, and there is none");
    case USHER_E_ROLE:
      return seat_fail (op->ctx, code, "role", "The app needs a role (%s), and there is none; choose one",
                        op->missing);
    case USHER_E_FIELD:
      return seat_fail (op->ctx, code, field, "The app needs %s, and there is none; fill it in", field);
    case USHER_E_NOT_JOINED:
      return seat_fail (op->ctx, code, NULL, "The app does this only once the invitation is accepted");
    case USHER_E_TOKEN:
      return seat_fail (op->ctx, code, op->missing + strlen (SECRET), "The account has no %s",
                        op->missing + strlen (SECRET));
    case USHER_E_REFUSED:
      return seat_fail (op->ctx, code, NULL, "The app shows no %s of this member, which is needed to %s",
                        op->missing, op->what);
    default:
      return seat_fail (op->ctx, code, field, "Nothing is known by the name %s; fill in the hub's field",
                        op->missing);
    }
}
