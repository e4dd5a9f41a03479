/* A change of one user: PATCH (RFC 7644 3.5.2), or, where the app has none, the whole user by
   PUT.  What the app answers, or shows when asked again, is the user afterwards.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

#define PATCH_OP "urn:ietf:params:scim:api:messages:2.0:PatchOp"

/* What the carrier holds for these roles: a list of values, or one value.  A new reference. */
static json_t *
role_value (const struct scim *s, const struct usher_kv *roles, size_t n)
{
  json_t *list;

  if (s->carrier == SCIM_ATTRIBUTE)
    return n > 0 ? json_string (roles[0].value) : json_null ();
  list = json_array ();
  for (size_t i = 0; i < n; i++)
    if (json_array_append_new (list, json_pack ("{s:s}", "value", roles[i].value)) < 0)
      {
        json_decref (list);
        return NULL;
      }
  return list;
}

/* Removes NAME in any case, then sets it: an app that writes "Roles" must not get both. */
static int
replace (json_t *object, const char *name, json_t *value)
{
  const char *key;
  json_t *old;
  void *tmp;

  json_object_foreach_safe (object, tmp, key, old)
    if (text_same (key, name))
      json_object_del (object, key);
  return json_object_set_new (object, name, value);
}

static bool
lists_schema (json_t *schemas, const char *urn)
{
  size_t i;
  json_t *v;

  json_array_foreach (schemas, i, v)
    if (text_same (json_string_value (v), urn))
      return true;
  return false;
}

int32_t
scim_put_roles (const struct scim *s, json_t *user, const struct usher_kv *roles, size_t n)
{
  json_t *schemas, *extension;

  if (s->carrier == SCIM_GROUPS)
    return USHER_DONE;
  if (!s->schema)
    return replace (user, s->attribute, role_value (s, roles, n)) < 0 ? USHER_E_NOMEM
                                                                      : USHER_DONE;
  extension = scim_get (user, s->schema);
  extension = json_is_object (extension) ? json_incref (extension) : json_object ();
  if (replace (extension, s->attribute, role_value (s, roles, n)) < 0)
    {
      json_decref (extension);
      return USHER_E_NOMEM;
    }
  if (replace (user, s->schema, extension) < 0)
    return USHER_E_NOMEM;
  schemas = scim_get (user, "schemas");
  if (json_is_array (schemas) && !lists_schema (schemas, s->schema)
      && json_array_append_new (schemas, json_string (s->schema)) < 0)
    return USHER_E_NOMEM;
  return USHER_DONE;
}

/* ---- PATCH ---- */

/* The path of the carrier: "roles", or urn:...:User:attribute (RFC 7644 3.10). */
static char *
role_path (const struct scim *s)
{
  struct text t = { 0 };

  if (s->schema)
    {
      text_puts (&t, s->schema);
      text_puts (&t, ":");
    }
  text_puts (&t, s->attribute);
  return text_steal (&t);
}

static int
add_op (json_t *ops, const char *path, json_t *value)
{
  return json_array_append_new (ops, json_pack ("{s:s, s:s, s:o}", "op", "replace", "path", path,
                                                "value", value));
}

static int32_t
ops_by_path (const struct scim *s, const struct scim_edit *edit, json_t *ops)
{
  _cleanup_ (freep) char *path = NULL;

  if (edit->set_active && add_op (ops, "active", json_boolean (edit->active)) < 0)
    return USHER_E_NOMEM;
  if (!edit->set_roles)
    return USHER_DONE;
  path = role_path (s);
  if (!path)
    return USHER_E_NOMEM;
  /* One value is taken away by "remove"; replacing it by null is not a value of its type. */
  if (s->carrier == SCIM_ATTRIBUTE && edit->n_roles == 0)
    return json_array_append_new (ops, json_pack ("{s:s, s:s}", "op", "remove", "path", path)) < 0
           ? USHER_E_NOMEM : USHER_DONE;
  return add_op (ops, path, role_value (s, edit->roles, edit->n_roles)) < 0 ? USHER_E_NOMEM
                                                                           : USHER_DONE;
}

static int32_t
ops_by_value (const struct scim *s, const struct scim_edit *edit, json_t *ops)
{
  json_t *value = json_object ();

  /* The array owns it from here on. */
  if (json_array_append_new (ops, json_pack ("{s:s, s:o}", "op", "replace", "value", value)) < 0)
    return USHER_E_NOMEM;
  if (edit->set_active && json_object_set_new (value, "active", json_boolean (edit->active)) < 0)
    return USHER_E_NOMEM;
  return edit->set_roles ? scim_put_roles (s, value, edit->roles, edit->n_roles) : USHER_DONE;
}

static int32_t
patch_user (struct usher_ctx *ctx, struct scim *s, const char *url, const struct scim_edit *edit,
            const char *if_match, struct scim_answer *ret)
{
  _cleanup_ (json_decrefp) json_t *body = json_pack ("{s:[s], s:[]}", "schemas", PATCH_OP,
                                                     "Operations");
  json_t *ops = json_object_get (body, "Operations");
  int32_t r = !ops ? USHER_E_NOMEM
              : s->patch_by_value ? ops_by_value (s, edit, ops) : ops_by_path (s, edit, ops);

  return r < 0 ? r : scim_call (ctx, s, "PATCH", url, body, if_match, ret);
}

/* ---- PUT ---- */

/* The user as last read, changed, without what the app keeps to itself (readOnly). */
static int32_t
put_user (struct usher_ctx *ctx, struct scim *s, const char *url, const struct scim_edit *edit,
          const char *if_match, const struct scim_user *u, struct scim_answer *ret)
{
  _cleanup_ (json_decrefp) json_t *body = u->text ? json_loads (u->text, JSON_ALLOW_NUL, NULL) : NULL;
  static const char *const read_only[] = { "id", "meta", "groups" };
  const char *key;
  json_t *old;
  void *tmp;
  int32_t r = USHER_DONE;

  if (!json_is_object (body))
    return seat_fail (ctx, USHER_E_SHAPE, NULL, "The app's answer is not a SCIM user");
  json_object_foreach_safe (body, tmp, key, old)
    for (size_t i = 0; i < ARRAY_SIZE (read_only); i++)
      if (text_same (key, read_only[i]))
        {
          json_object_del (body, key);
          break;
        }
  if (edit->set_active && replace (body, "active", json_boolean (edit->active)) < 0)
    return USHER_E_NOMEM;
  if (edit->set_roles)
    r = scim_put_roles (s, body, edit->roles, edit->n_roles);
  return r < 0 ? r : scim_call (ctx, s, "PUT", url, body, if_match, ret);
}

/* ---- Either ---- */

/* Asks for the change; PUT where there is no PATCH, which is remembered for the session. */
static int32_t
ask (struct usher_ctx *ctx, struct scim *s, const struct scim_edit *edit,
     const struct scim_user *u, struct scim_answer *ret)
{
  _cleanup_ (freep) char *url = scim_url (s, "Users", u->row.id);
  const char *if_match = s->etag ? u->version : NULL;
  struct scim_answer a = { 0 };
  int32_t r;

  if (s->patch)
    {
      r = patch_user (ctx, s, url, edit, if_match, &a);
      if (r < 0 || !scim_no_method (&a) || !s->put)
        {
          *ret = a;
          return r;
        }
      s->patch = false;
      scim_answer_done (&a);
    }
  if (!s->put)
    return seat_fail (ctx, USHER_E_UNSUPPORTED, NULL,
                      "The app can change users neither by PATCH nor by PUT");
  return put_user (ctx, s, url, edit, if_match, u, ret);
}

/* The user afterwards: in the answer, or asked for again when it has none or somebody else. */
static int32_t
take_answer (struct usher_ctx *ctx, struct scim *s, const struct scim_answer *a,
             struct scim_user *u)
{
  struct scim_user after = { 0 };
  int32_t r = a->len > 0 ? scim_user_parse (ctx, s, a, &after) : USHER_ABSENT;

  if (r == USHER_DONE && strcmp (after.row.id, u->row.id) != 0)
    {
      scim_user_done (&after);
      r = USHER_ABSENT;
    }
  if (r == USHER_ABSENT)
    r = scim_look_up (ctx, s, &u->row, &after);
  if (r != USHER_DONE)
    return r;
  scim_user_done (u);
  *u = after;
  return USHER_DONE;
}

static int32_t
reread (struct usher_ctx *ctx, struct scim *s, struct scim_user *u)
{
  struct scim_user now = { 0 };
  int32_t r = scim_look_up (ctx, s, &u->row, &now);

  if (r == USHER_DONE)
    {
      scim_user_done (u);
      *u = now;
    }
  return r;
}

int32_t
scim_edit (struct usher_ctx *ctx, struct scim *s, const struct scim_edit *edit,
           enum scim_aim aim, struct scim_user *u)
{
  struct scim_answer a = { 0 };
  int32_t r = scim_hints (ctx, s);

  /* A user from a list has no text to PUT. */
  if (r >= 0 && !u->text)
    r = reread (ctx, s, u);
  if (r != USHER_DONE)
    return r;
  r = ask (ctx, s, edit, u, &a);
  if (r >= 0 && a.status == 412)
    {
      /* Somebody changed the user in between: once more, from what it is now. */
      scim_answer_done (&a);
      r = reread (ctx, s, u);
      if (r != USHER_DONE)
        return r;
      r = ask (ctx, s, edit, u, &a);
    }
  if (r < 0)
    return r;
  if (a.status >= 200 && a.status < 300)
    r = take_answer (ctx, s, &a, u);
  else if (scim_gone (&a))
    r = USHER_ABSENT;
  else
    r = scim_error (ctx, &a, aim);
  scim_answer_done (&a);
  return r;
}
