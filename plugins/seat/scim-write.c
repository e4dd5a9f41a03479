/* The three writes.  Each looks first, so that a second attempt finds its own work done: what is
   so already is USHER_ALREADY, and nobody is made twice.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

/* The wanted roles of our role group. */
struct wanted
{
  struct usher_kv v[SCIM_ROLES_MAX];
  size_t n;
};

static int32_t
take_wanted (struct usher_ctx *ctx, const struct scim *s, const struct usher_change *c,
             struct wanted *ret)
{
  ret->n = 0;
  for (size_t i = 0; i < c->n_roles; i++)
    {
      const struct usher_kv *role = &c->roles[i];

      if (role->key && strcmp (role->key, SCIM_GROUP) != 0)
        return seat_fail (ctx, USHER_E_ROLE, role->key, "SCIM has no role group %s", role->key);
      if (!role->value || !*role->value)
        return seat_fail (ctx, USHER_E_ROLE, SCIM_GROUP, "A role without a name cannot be given");
      if (scim_has_role (ret->v, ret->n, role->value))
        continue;
      if (ret->n == SCIM_ROLES_MAX || (s->carrier == SCIM_ATTRIBUTE && ret->n == 1))
        return seat_fail (ctx, USHER_E_ROLE, SCIM_GROUP,
                          s->carrier == SCIM_ATTRIBUTE ? "The attribute %s holds one role only"
                                                       : "Too many roles at once for %s",
                          s->attribute ? s->attribute : "groups");
      ret->v[ret->n++] = (struct usher_kv) { SCIM_GROUP, role->value };
    }
  return USHER_DONE;
}

/* Only roles that the hub has shown or names can be given; U's own stay as they are.  When no
   listing is remembered, the app is the judge. */
static int32_t
check_roles (struct usher_ctx *ctx, const struct wanted *wanted, const struct scim_user *u)
{
  struct scim_roles known = { 0 };
  int32_t r = scim_roles_configured (ctx, &known);
  int32_t listed = USHER_ABSENT;

  if (r >= 0)
    r = listed = scim_roles_load (ctx, SCIM_STATE_ROLES, &known);
  if (r >= 0)
    r = scim_roles_load (ctx, SCIM_STATE_LISTING, &known);
  for (size_t i = 0; r >= 0 && listed == USHER_DONE && i < wanted->n; i++)
    if (!scim_roles_have (&known, wanted->v[i].value)
        && !(u && scim_has_role (u->row.roles, u->row.n_roles, wanted->v[i].value)))
      r = seat_fail (ctx, USHER_E_ROLE, SCIM_GROUP,
                     "The app has shown no role %s, and the hub's roles do not name it",
                     wanted->v[i].value);
  scim_roles_done (&known);
  return r < 0 ? r : USHER_DONE;
}

/* The user that a change is about: USHER_DONE, USHER_ABSENT, or an error. */
static int32_t
locate (struct usher_ctx *ctx, struct scim *s, const struct usher_member *member,
        struct scim_user *ret)
{
  int32_t r = scim_look_up (ctx, s, member, ret);

  return r == USHER_DONE ? scim_group_roles (ctx, s, ret) : r;
}

/* Makes WANTED the roles of U, which becomes the user as it is afterwards. */
static int32_t
give_roles (struct usher_ctx *ctx, struct scim *s, const struct wanted *wanted,
            struct scim_user *u)
{
  struct scim_edit edit = { .set_roles = true, .roles = wanted->v, .n_roles = wanted->n };
  int32_t r;

  if (s->carrier != SCIM_GROUPS)
    {
      if (scim_same_roles (u->row.roles, u->row.n_roles, wanted->v, wanted->n))
        return USHER_ALREADY;
      return scim_edit (ctx, s, &edit, SCIM_TO_SET_ROLE, u);
    }
  r = scim_group_set (ctx, s, u, wanted->v, wanted->n);
  return r == USHER_DONE ? scim_user_set_roles (u, wanted->v, wanted->n) : r;
}

/* ---- Invite ---- */

static const char *
field (const struct usher_change *c, const char *key)
{
  for (size_t i = 0; i < c->n_fields; i++)
    if (strcmp (c->fields[i].key, key) == 0 && c->fields[i].value && *c->fields[i].value)
      return c->fields[i].value;
  return NULL;
}

static const char *
username_of (const struct usher_change *c)
{
  const char *name = field (c, "username");

  return name ? name : c->member->username ? c->member->username : c->member->email;
}

/* Appends "emails" with the one address. */
static int
put_email (json_t *user, const char *email)
{
  return json_object_set_new (user, "emails",
                              json_pack ("[{s:s, s:s, s:b}]", "value", email, "type", "work",
                                         "primary", 1));
}

static int
put_names (json_t *user, const struct usher_member *m)
{
  json_t *name = json_pack ("{s:s*, s:s*}", "givenName", m->first_name, "familyName",
                            m->last_name);

  if (!name)
    return -1;
  if (json_object_size (name) > 0)
    return json_object_set_new (user, "name", name);
  json_decref (name);
  return 0;
}

/* The body that makes the user; NULL for no memory. */
static json_t *
new_user (const struct scim *s, const struct usher_change *c, const struct wanted *wanted)
{
  const struct usher_member *m = c->member;
  json_t *user = json_pack ("{s:[s], s:s, s:b, s:s*}", "schemas", SCIM_CORE, "userName",
                            username_of (c), "active", 1, "displayName", m->name);

  if (!user || (m->email && put_email (user, m->email) < 0) || put_names (user, m) < 0
      || (wanted->n > 0 && scim_put_roles (s, user, wanted->v, wanted->n) < 0))
    {
      json_decref (user);
      return NULL;
    }
  return user;
}

/* The app has somebody by that name or address: 409, or other words for it. */
static bool
is_taken (const struct scim_answer *a)
{
  char type[64];

  if (a->status == 409)
    return true;
  return (a->status == 400 || a->status == 422)
         && (text_same (scim_type (a, type, sizeof type), "uniqueness")
             || (a->body && !a->html && text_has (a->body, "already")));
}

/* The account is there.  Switched off: switched on again, with the wanted roles.  Never a second
   one. */
static int32_t
adopt (struct usher_ctx *ctx, struct scim *s, const struct wanted *wanted, struct scim_user *u)
{
  bool groups = s->carrier == SCIM_GROUPS;
  struct scim_edit edit = { .set_active = true, .active = true, .set_roles = !groups,
                            .roles = wanted->v, .n_roles = wanted->n };
  int32_t r;

  if (u->row.state == USHER_ACTIVE)
    return USHER_ALREADY;
  r = scim_edit (ctx, s, &edit, SCIM_TO_INVITE, u);
  if (r == USHER_ABSENT)
    return seat_fail (ctx, USHER_E_NO_MEMBER, NULL, "The account went away while it was switched on");
  if (r < 0 || !groups)
    return r;
  r = scim_group_roles (ctx, s, u);
  return r < 0 ? r : give_roles (ctx, s, wanted, u);
}

/* Whether U can be the one that was made: an app may give a name of its own or show no address,
   but one that shows another name and another address shows somebody else. */
static bool
is_made (const struct scim_user *u, const struct usher_change *c)
{
  return text_same (u->row.username, username_of (c)) || !u->row.email
         || text_same (u->row.email, c->member->email);
}

/* After a yes: the user in the answer, or found when the answer has none or somebody else. */
static int32_t
take_made (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c,
           const struct wanted *wanted, const struct scim_answer *a, struct scim_user *u)
{
  int32_t r = a->len > 0 ? scim_user_parse (ctx, s, a, u) : USHER_ABSENT;

  if (r == USHER_DONE && !is_made (u, c))
    {
      scim_user_done (u);
      r = USHER_ABSENT;
    }
  if (r == USHER_ABSENT)
    r = scim_find (ctx, s, username_of (c), c->member->email, /* walk */ true, u);
  if (r == USHER_ABSENT)
    return seat_fail (ctx, USHER_E_UNCERTAIN, NULL,
                      "The app said that it made the account, and does not show it");
  if (r < 0 || s->carrier != SCIM_GROUPS)
    return r;
  r = give_roles (ctx, s, wanted, u);
  return r < 0 ? r : USHER_DONE;
}

/* Makes the account, or adopts the one that the app says is there. */
static int32_t
make (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c,
      const struct wanted *wanted, struct scim_user *u)
{
  _cleanup_ (json_decrefp) json_t *body = new_user (s, c, wanted);
  _cleanup_ (freep) char *url = scim_url (s, "Users", NULL);
  struct scim_answer a = { 0 };
  int32_t r;

  if (!body)
    return USHER_E_NOMEM;
  r = scim_make (ctx, s, url, body, c->key, &a);
  if (r < 0)
    return r;
  if (a.status >= 200 && a.status < 300)
    r = take_made (ctx, s, c, wanted, &a, u);
  else if (is_taken (&a))
    {
      r = scim_find (ctx, s, username_of (c), c->member->email, /* walk */ true, u);
      if (r == USHER_ABSENT)
        r = seat_fail (ctx, USHER_E_REFUSED, NULL,
                       "The address belongs to an account that this token cannot see");
      else if (r >= 0)
        r = scim_group_roles (ctx, s, u);
      if (r >= 0)
        r = adopt (ctx, s, wanted, u);
    }
  else
    r = scim_error (ctx, &a, SCIM_TO_INVITE);
  scim_answer_done (&a);
  return r;
}

/* Who is there already.  The first attempt trusts the app to refuse a second account, so an app
   without filters costs no walk; a later one has to know. */
static int32_t
look (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c, struct scim_user *u)
{
  const struct usher_member *m = c->member;
  int32_t r = USHER_ABSENT;

  if (m->id && m->state < USHER_PENDING)
    r = scim_look_up (ctx, s, m, u);
  if (r == USHER_ABSENT)
    r = scim_find (ctx, s, username_of (c), m->email, /* walk */ c->attempt > 1, u);
  return r == USHER_DONE ? scim_group_roles (ctx, s, u) : r;
}

int32_t
scim_invite (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c)
{
  struct scim_user user = { 0 };
  struct wanted wanted;
  int32_t r = take_wanted (ctx, s, c, &wanted), answer;

  if (r < 0)
    return r;
  if (!username_of (c))
    return seat_fail (ctx, USHER_E_FIELD, "username", "An account needs a user name");
  r = check_roles (ctx, &wanted, NULL);
  if (r < 0)
    return r;
  r = look (ctx, s, c, &user);
  if (r >= 0)
    r = r == USHER_DONE ? adopt (ctx, s, &wanted, &user) : make (ctx, s, c, &wanted, &user);
  answer = r;
  if (r >= 0)
    r = usher_emit_member (ctx, &user.row);
  scim_user_done (&user);
  return r < 0 ? r : answer;
}

/* ---- Set role ---- */

int32_t
scim_set_role (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c)
{
  struct scim_user user = { 0 };
  struct wanted wanted;
  int32_t r = take_wanted (ctx, s, c, &wanted), answer;

  if (r < 0)
    return r;
  r = locate (ctx, s, c->member, &user);
  if (r == USHER_DONE)
    r = check_roles (ctx, &wanted, &user);
  if (r == USHER_DONE)
    r = give_roles (ctx, s, &wanted, &user);
  if (r == USHER_ABSENT)
    r = seat_fail (ctx, USHER_E_NO_MEMBER, NULL, "The app does not know this user any more");
  answer = r;
  if (r >= 0)
    r = usher_emit_member (ctx, &user.row);
  scim_user_done (&user);
  return r < 0 ? r : answer;
}

/* ---- Remove ---- */

static int32_t
delete_user (struct usher_ctx *ctx, struct scim *s, const char *id)
{
  _cleanup_ (freep) char *url = NULL;
  struct scim_answer a = { 0 };
  int32_t r;

  if (!scim_id_ok (id))
    return seat_fail (ctx, USHER_E_SHAPE, NULL, "The id of this user cannot stand in an address");
  url = scim_url (s, "Users", id);
  r = scim_call (ctx, s, "DELETE", url, NULL, NULL, &a);
  if (r < 0)
    return r;
  if (a.status >= 200 && a.status < 300)
    r = USHER_DONE;
  else if (scim_gone (&a))
    r = USHER_ALREADY;
  else if (a.status == 404 || a.status == 410)
    r = seat_fail (ctx, USHER_E_SHAPE, NULL,
                   "Asked to delete a user, the app answered status %d without a SCIM error",
                   (int) a.status);
  else
    r = scim_error (ctx, &a, SCIM_TO_CHANGE);
  scim_answer_done (&a);
  return r;
}

static int32_t
deactivate (struct usher_ctx *ctx, struct scim *s, struct scim_user *u)
{
  struct scim_edit edit = { .set_active = true, .active = false };
  int32_t r;

  if (u->row.state == USHER_DISABLED)
    return USHER_ALREADY;
  r = scim_edit (ctx, s, &edit, SCIM_TO_CHANGE, u);
  /* Some delete the account when it is switched off. */
  return r == USHER_ABSENT ? USHER_DONE : r;
}

static int32_t
strip (struct usher_ctx *ctx, struct scim *s, struct scim_user *u)
{
  static const struct wanted none = { .n = 0 };
  int32_t r = give_roles (ctx, s, &none, u);

  return r == USHER_ABSENT ? USHER_DONE : r;
}

int32_t
scim_remove (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c)
{
  struct scim_user user = { 0 };
  int32_t r;

  r = s->leave == SCIM_STRIP ? locate (ctx, s, c->member, &user) : scim_look_up (ctx, s, c->member, &user);
  if (r == USHER_ABSENT)
    r = USHER_ALREADY;
  else if (r >= 0)
    switch (s->leave)
      {
      case SCIM_DEACTIVATE: r = deactivate (ctx, s, &user); break;
      case SCIM_DELETE: r = delete_user (ctx, s, user.row.id); break;
      case SCIM_STRIP: r = strip (ctx, s, &user); break;
      }
  scim_user_done (&user);
  return r;
}
