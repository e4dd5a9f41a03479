/* Users as rows: which values of a SCIM user are wanted, and what they become.  One mapping
   serves lists and single users; a list borrows, a single user is kept.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <stdio.h>
#include <string.h>

/* A path of the extractor for an attribute of SCHEMA: 'urn:...'.attribute. */
static char *
attribute_path (const char *schema, const char *attribute)
{
  struct text t = { 0 };

  if (schema)
    {
      text_puts (&t, "'");
      text_puts (&t, schema);
      text_puts (&t, "'.");
    }
  text_puts (&t, "'");
  text_puts (&t, attribute);
  text_puts (&t, "'");
  return text_steal (&t);
}

static int32_t
program (const char *items, const char *const *fields, size_t n, struct usher_rows **ret)
{
  static const char *const page[] = { "totalResults", "nextCursor" };
  struct usher_rows_spec spec = { .size = sizeof spec, .flags = USHER_ROWS_NOCASE };
  bool list = strcmp (items, "[]") != 0;

  spec.items = items;
  spec.fields = fields;
  spec.n_fields = n;
  spec.page = list ? page : NULL;
  spec.n_page = list ? ARRAY_SIZE (page) : 0;
  return usher_rows_new (&spec, ret);
}

int32_t
scim_user_programs (struct scim *s)
{
  const char *fields[SCIM_F_COUNT] = {
    [SCIM_F_ID] = "id", [SCIM_F_USERNAME] = "userName", [SCIM_F_ACTIVE] = "active",
    [SCIM_F_GIVEN] = "name.givenName", [SCIM_F_FAMILY] = "name.familyName",
    [SCIM_F_FORMATTED] = "name.formatted", [SCIM_F_DISPLAY] = "displayName",
    [SCIM_F_EMAIL] = "emails[].value", [SCIM_F_PRIMARY] = "emails[].primary",
    [SCIM_F_CREATED] = "meta.created", [SCIM_F_VERSION] = "meta.version",
  };
  static const char *const carriers[][3] = {
    [SCIM_ROLES] = { "roles[].value", "roles[].display", "roles[].type" },
    [SCIM_ENTITLEMENTS] = { "entitlements[].value", "entitlements[].display",
                            "entitlements[].type" },
    [SCIM_GROUPS] = { "groups[].value", "groups[].display", "groups[].type" },
  };
  _cleanup_ (freep) char *path = NULL;
  size_t n = SCIM_F_COUNT;
  int32_t r;

  if (s->carrier == SCIM_ATTRIBUTE)
    {
      path = attribute_path (s->schema, s->attribute);
      if (!path)
        return USHER_E_NOMEM;
      fields[SCIM_F_ROLE] = path;
      n = SCIM_F_ROLE + 1;
    }
  else
    for (size_t i = 0; i < 3; i++)
      fields[SCIM_F_ROLE + i] = carriers[s->carrier][i];
  r = program ("Resources[]", fields, n, &s->users);
  return r < 0 ? r : program ("[]", fields, n, &s->user);
}

/* A text that says something; "" and other types are as good as not there. */
static const char *
told (const struct usher_item *item, uint32_t field)
{
  const struct usher_value *v = usher_item_get (item, field);

  return v && (v->type == USHER_V_STRING || v->type == USHER_V_NUMBER) && v->len > 0 ? v->text
                                                                                    : NULL;
}

/* The primary address, else the first, else userName if it is one. */
static const char *
address (const struct usher_item *item, const char *username)
{
  const char *first = NULL;

  for (const struct usher_value *v = usher_item_get (item, SCIM_F_EMAIL); v;
       v = usher_item_next (item, v))
    {
      if (v->type != USHER_V_STRING || v->len == 0)
        continue;
      if (usher_value_true (usher_item_at (item, SCIM_F_PRIMARY, v->index)))
        return v->text;
      if (!first)
        first = v->text;
    }
  return first ? first : text_is_address (username) ? username : NULL;
}

static const char *
label_of (const struct scim *s, const struct usher_item *item, const struct usher_value *v)
{
  const struct usher_value *label;

  if (s->carrier == SCIM_ATTRIBUTE)
    return NULL;
  label = usher_item_at (item, SCIM_F_ROLE_LABEL, v->index);
  return label && label->type == USHER_V_STRING && label->len > 0 ? label->text : NULL;
}

/* A membership that comes by another group cannot be taken away from the user. */
static bool
indirect (const struct scim *s, const struct usher_item *item, const struct usher_value *v)
{
  const struct usher_value *type;

  if (s->carrier != SCIM_GROUPS)
    return false;
  type = usher_item_at (item, SCIM_F_ROLE_TYPE, v->index);
  return type && text_same (type->text, "indirect");
}

static int32_t
view_roles (const struct scim *s, const struct usher_item *item, struct scim_view *ret)
{
  size_t n = 0;

  for (const struct usher_value *v = usher_item_get (item, SCIM_F_ROLE); v;
       v = usher_item_next (item, v))
    {
      if ((v->type != USHER_V_STRING && v->type != USHER_V_NUMBER) || v->len == 0
          || indirect (s, item, v) || scim_has_role (ret->roles, n, v->text))
        continue;
      if (n == SCIM_ROLES_MAX)
        return USHER_E_LIMIT;
      ret->labels[n] = label_of (s, item, v);
      ret->roles[n++] = (struct usher_kv) { SCIM_GROUP, v->text };
    }
  ret->groups = s->carrier == SCIM_GROUPS && n > 0;
  ret->row.roles = ret->roles;
  ret->row.n_roles = n;
  return USHER_DONE;
}

int32_t
scim_user_view (const struct scim *s, const struct usher_item *item, struct scim_view *ret)
{
  const struct usher_value *active = usher_item_get (item, SCIM_F_ACTIVE);
  struct usher_member *row = &ret->row;

  *row = (struct usher_member) { .size = sizeof *row, .state = USHER_ACTIVE };
  if (active && active->type != USHER_V_NULL && !usher_value_true (active))
    row->state = USHER_DISABLED;
  row->id = told (item, SCIM_F_ID);
  row->username = told (item, SCIM_F_USERNAME);
  row->email = address (item, row->username);
  row->first_name = told (item, SCIM_F_GIVEN);
  row->last_name = told (item, SCIM_F_FAMILY);
  row->name = told (item, SCIM_F_DISPLAY);
  if (!row->name)
    row->name = told (item, SCIM_F_FORMATTED);
  row->created_ms = text_time_ms (told (item, SCIM_F_CREATED));
  ret->version = told (item, SCIM_F_VERSION);
  return view_roles (s, item, ret);
}

/* Copies TEXT to *AT, which moves behind it. */
static const char *
put (char **at, const char *text)
{
  size_t len;
  char *s = *at;

  if (!text)
    return NULL;
  len = strlen (text) + 1;
  memcpy (s, text, len);
  *at += len;
  return s;
}

static size_t
room (const char *text)
{
  return text ? strlen (text) + 1 : 0;
}

int32_t
scim_user_keep (const struct scim_view *view, struct scim_user *ret)
{
  const struct usher_member *from = &view->row;
  size_t need = from->n_roles * sizeof (struct usher_kv)
                + room (from->id) + room (from->username) + room (from->email)
                + room (from->first_name) + room (from->last_name) + room (from->name)
                + room (view->version);
  struct scim_user u = { .row = *from, .groups = view->groups };
  struct usher_kv *roles;
  char *at;

  for (size_t i = 0; i < from->n_roles; i++)
    need += room (from->roles[i].value);
  u.block = malloc (need ? need : 1);
  if (!u.block)
    return USHER_E_NOMEM;
  roles = u.block;
  at = (char *) (roles + from->n_roles);
  u.row.id = put (&at, from->id);
  u.row.username = put (&at, from->username);
  u.row.email = put (&at, from->email);
  u.row.first_name = put (&at, from->first_name);
  u.row.last_name = put (&at, from->last_name);
  u.row.name = put (&at, from->name);
  u.version = put (&at, view->version);
  for (size_t i = 0; i < from->n_roles; i++)
    roles[i] = (struct usher_kv) { SCIM_GROUP, put (&at, from->roles[i].value) };
  u.row.roles = roles;
  *ret = u;
  return USHER_DONE;
}

void
scim_user_done (struct scim_user *u)
{
  free (u->block);
  free (u->text);
  *u = (struct scim_user) { 0 };
}

int32_t
scim_user_set_roles (struct scim_user *u, const struct usher_kv *roles, size_t n)
{
  struct scim_view view = { .row = u->row, .version = u->version, .groups = u->groups };
  struct scim_user kept;
  int32_t r;

  view.row.roles = roles;
  view.row.n_roles = n;
  r = scim_user_keep (&view, &kept);
  if (r < 0)
    return r;
  kept.text = TAKE (u->text);
  scim_user_done (u);
  *u = kept;
  return USHER_DONE;
}

struct one
{
  const struct scim *s;
  struct scim_user user;
  bool found;
};

static int32_t
on_one (void *arg, const struct usher_item *item)
{
  struct one *one = arg;
  struct scim_view view;
  int32_t r;

  if (one->found)
    return USHER_E_SHAPE;
  r = scim_user_view (one->s, item, &view);
  if (r < 0 || !view.row.id)
    return r;
  r = scim_user_keep (&view, &one->user);
  one->found = r >= 0;
  return r;
}

/* The program reads lists, so a single user is put in brackets: one mapping for both. */
int32_t
scim_user_parse (struct usher_ctx *ctx, struct scim *s, const struct scim_answer *a,
                 struct scim_user *ret)
{
  _cleanup_ (freep) char *text = NULL;
  struct one one = { .s = s };
  int32_t r;

  if (a->html)
    return seat_fail (ctx, USHER_E_SHAPE, NULL,
                      "The app answered with a web page instead of a user; check the base URL");
  text = malloc (a->len + 3);
  if (!text)
    return USHER_E_NOMEM;
  snprintf (text, a->len + 3, "[%s]", a->body ? a->body : "");
  r = usher_rows_each_in (s->user, text, a->len + 2, on_one, &one);
  if (r == USHER_E_NOMEM || r == USHER_E_LIMIT)
    {
      scim_user_done (&one.user);
      return r;
    }
  if (r < 0 || !one.found)
    {
      scim_user_done (&one.user);
      return seat_fail (ctx, USHER_E_SHAPE, NULL, "The app's answer is not a SCIM user");
    }
  text[a->len + 1] = '\0';
  memmove (text, text + 1, a->len + 1);
  one.user.text = TAKE (text);
  *ret = one.user;
  return USHER_DONE;
}

bool
scim_has_role (const struct usher_kv *roles, size_t n, const char *id)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp (roles[i].value, id) == 0)
      return true;
  return false;
}

bool
scim_same_roles (const struct usher_kv *a, size_t n_a, const struct usher_kv *b, size_t n_b)
{
  for (size_t i = 0; i < n_a; i++)
    if (!scim_has_role (b, n_b, a[i].value))
      return false;
  for (size_t i = 0; i < n_b; i++)
    if (!scim_has_role (a, n_a, b[i].value))
      return false;
  return true;
}
