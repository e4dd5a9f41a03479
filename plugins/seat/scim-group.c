/* Groups as roles.  The members of a group are always asked of that group alone: its answer
   streams, however many there are, and servers that leave members out of lists are no trouble.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

/* Places in the program of the members of a group. */
enum { MEMBER_VALUE, MEMBER_TYPE, MEMBER_REF };

struct reading
{
  const char *group;
  scim_member_fn *fn;
  void *arg;
};

/* A group inside a group is not a person. */
static bool
is_group (const struct usher_item *item)
{
  const char *type = usher_item_text (item, MEMBER_TYPE);
  const char *ref = usher_item_text (item, MEMBER_REF);

  return type ? text_same (type, "Group") : ref && strstr (ref, "/Groups/") != NULL;
}

static int32_t
on_member (void *arg, const struct usher_item *item)
{
  struct reading *reading = arg;
  const char *id = usher_item_text (item, MEMBER_VALUE);

  if (!id || !*id || is_group (item))
    return USHER_DONE;
  return reading->fn (reading->arg, reading->group, id);
}

static int32_t
read_group (struct usher_ctx *ctx, struct scim *s, uint32_t h, struct reading *reading,
            uint64_t *forbidden)
{
  struct usher_response response = { .size = sizeof response };
  struct scim_answer a = { 0 };
  const struct usher_value *id;
  int32_t r = usher_http_head (ctx, h, &response);

  if (r < 0)
    return r;
  if (response.status == 200)
    {
      r = usher_rows_each (s->members, ctx, h, on_member, reading);
      if (r < 0)
        return r;
      id = usher_rows_page (s->members, 0);
      if (id && id->type == USHER_V_STRING && strcmp (id->text, reading->group) == 0)
        return USHER_DONE;
      return seat_fail (ctx, USHER_E_SHAPE, NULL, "Asked for a group, the app answered another");
    }
  r = scim_answer_read (ctx, h, &a);
  if (r < 0)
    return r;
  if (a.status == 403)
    *forbidden += 1;
  else if (!scim_gone (&a))     /* gone since it was listed: it has no members */
    r = scim_error (ctx, &a, SCIM_TO_LIST);
  scim_answer_done (&a);
  return r;
}

static int32_t
open_group (struct usher_ctx *ctx, struct scim *s, const char *id, uint32_t *ret_h)
{
  _cleanup_ (freep) char *url = NULL;

  if (!scim_id_ok (id))
    return seat_fail (ctx, USHER_E_SHAPE, NULL, "The app lists a group with an unusable id");
  url = scim_url (s, "Groups", id);
  return scim_get_open (ctx, url, ret_h);
}

int32_t
scim_group_members (struct usher_ctx *ctx, struct scim *s, char *const *ids, size_t n,
                    scim_member_fn *fn, void *arg, uint64_t *ret_forbidden)
{
  uint32_t open[SCIM_OPEN_MAX];
  size_t opened = 0, done = 0;
  int32_t r = USHER_DONE;

  while (r >= 0 && done < n)
    {
      struct reading reading = { ids[done], fn, arg };

      while (r >= 0 && opened < n && opened - done < SCIM_OPEN_MAX)
        {
          r = open_group (ctx, s, ids[opened], &open[opened % SCIM_OPEN_MAX]);
          if (r >= 0)
            opened++;
        }
      if (r < 0)
        break;
      r = read_group (ctx, s, open[done % SCIM_OPEN_MAX], &reading, ret_forbidden);
      usher_http_close (ctx, open[done % SCIM_OPEN_MAX]);
      done++;
    }
  for (; done < opened; done++)
    usher_http_close (ctx, open[done % SCIM_OPEN_MAX]);
  return r;
}

/* What is gathered when each group is asked for one user. */
struct gather
{
  const char *user;
  struct scim_roles listed;    /* all groups */
  struct scim_roles of_user;
};

static int32_t
on_listed (void *arg, const struct usher_item *item)
{
  struct gather *g = arg;

  return scim_roles_add (&g->listed, usher_item_text (item, SCIM_F_ID), NULL);
}

static int32_t
on_member_found (void *arg, const char *group, const char *user)
{
  struct gather *g = arg;

  return strcmp (user, g->user) == 0 ? scim_roles_add (&g->of_user, group, NULL) : USHER_DONE;
}

static int32_t
set_from (struct scim_user *u, const struct scim_roles *roles)
{
  struct usher_kv kv[SCIM_ROLES_MAX];

  if (roles->n > SCIM_ROLES_MAX)
    return USHER_E_LIMIT;
  for (size_t i = 0; i < roles->n; i++)
    kv[i] = (struct usher_kv) { SCIM_GROUP, roles->v[i].id };
  return scim_user_set_roles (u, kv, roles->n);
}

static int32_t
ask_groups (struct usher_ctx *ctx, struct scim *s, struct gather *g)
{
  struct scim_walk w = { .ctx = ctx, .s = s, .kind = "Groups", .rows = s->groups,
                         .item = on_listed, .arg = g };
  _cleanup_ (freep) char **ids = NULL;
  uint64_t forbidden = 0;
  int32_t r = scim_walk_begin (&w);

  if (r >= 0)
    r = scim_walk_run (&w);
  scim_walk_done (&w);
  if (r < 0)
    return r;
  if (g->listed.full)
    return seat_fail (ctx, USHER_E_LIMIT, NULL, "The app has more than %u groups", SCIM_SEEN_MAX);
  ids = calloc (g->listed.n + 1, sizeof *ids);
  if (!ids)
    return USHER_E_NOMEM;
  for (size_t i = 0; i < g->listed.n; i++)
    ids[i] = g->listed.v[i].id;
  return scim_group_members (ctx, s, ids, g->listed.n, on_member_found, g, &forbidden);
}

int32_t
scim_group_roles (struct usher_ctx *ctx, struct scim *s, struct scim_user *u)
{
  struct gather g = { .user = u->row.id };
  int32_t r;

  if (s->carrier != SCIM_GROUPS || u->groups)
    return USHER_DONE;
  r = ask_groups (ctx, s, &g);
  if (r >= 0)
    r = set_from (u, &g.of_user);
  scim_roles_done (&g.listed);
  scim_roles_done (&g.of_user);
  return r;
}

/* ---- Changes ---- */

#define PATCH_OP "urn:ietf:params:scim:api:messages:2.0:PatchOp"

/* One member in (ADD) or out of a group.  Out is said by path; BY_VALUE says it the other way,
   for servers that know no filter in a path. */
static json_t *
member_patch (const char *user, bool add, bool by_value)
{
  _cleanup_ (freep) char *path = add || by_value ? NULL : scim_member_path (user);
  json_t *op;

  if (add || by_value)
    op = json_pack ("{s:s, s:s, s:[{s:s}]}", "op", add ? "add" : "remove", "path", "members",
                    "value", "value", user);
  else
    op = path ? json_pack ("{s:s, s:s}", "op", "remove", "path", path) : NULL;
  return op ? json_pack ("{s:[s], s:[o]}", "schemas", PATCH_OP, "Operations", op) : NULL;
}

static int32_t
patch_group (struct usher_ctx *ctx, struct scim *s, const char *url, const char *user, bool add,
             bool by_value, struct scim_answer *ret)
{
  _cleanup_ (json_decrefp) json_t *body = member_patch (user, add, by_value);

  return body ? scim_call (ctx, s, "PATCH", url, body, /* if_match */ NULL, ret)
              : USHER_E_NOMEM;
}

static bool
is_member (json_t *member, const char *user)
{
  const char *id = json_is_object (member) ? json_string_value (scim_get (member, "value")) : NULL;

  return id && strcmp (id, user) == 0;
}

/* Changes the list of members in a whole group. */
static int32_t
edit_members (json_t *group, const char *user, bool add)
{
  json_t *members = scim_get (group, "members");

  json_object_del (group, "meta");
  if (!json_is_array (members))
    {
      members = json_array ();
      if (json_object_set_new (group, "members", members) < 0)
        return USHER_E_NOMEM;
    }
  for (size_t i = json_array_size (members); i-- > 0;)
    if (is_member (json_array_get (members, i), user))
      json_array_remove (members, i);
  if (add && json_array_append_new (members, json_pack ("{s:s}", "value", user)) < 0)
    return USHER_E_NOMEM;
  return USHER_DONE;
}

/* The way without PATCH: read the group, change it, write it whole. */
static int32_t
put_group (struct usher_ctx *ctx, struct scim *s, const char *url, const char *user, bool add,
           struct scim_answer *ret)
{
  _cleanup_ (json_decrefp) json_t *group = NULL;
  struct scim_answer a = { 0 };
  int32_t r = scim_call (ctx, s, "GET", url, NULL, NULL, &a);

  if (r < 0)
    return r;
  if (a.status != 200)
    {
      *ret = a;
      return USHER_DONE;
    }
  r = scim_answer_json (ctx, &a, &group);
  scim_answer_done (&a);
  if (r >= 0)
    r = edit_members (group, user, add);
  return r < 0 ? r : scim_call (ctx, s, "PUT", url, group, NULL, ret);
}

/* One change of one group; what the app answered at last is in *RET. */
static int32_t
ask_change (struct usher_ctx *ctx, struct scim *s, const char *url, const char *user, bool add,
            struct scim_answer *ret)
{
  struct scim_answer a = { 0 };
  int32_t r = USHER_DONE;

  if (s->patch)
    {
      r = patch_group (ctx, s, url, user, add, /* by_value */ false, &a);
      if (r >= 0 && !add && a.status == 400)
        {
          scim_answer_done (&a);
          r = patch_group (ctx, s, url, user, add, /* by_value */ true, &a);
        }
      if (r < 0)
        return r;
    }
  if (s->put && (!s->patch || scim_no_method (&a)))
    {
      scim_answer_done (&a);
      r = put_group (ctx, s, url, user, add, &a);
      if (r < 0)
        return r;
    }
  *ret = a;
  return USHER_DONE;
}

static int32_t
change_group (struct usher_ctx *ctx, struct scim *s, const char *group, const char *user,
              bool add)
{
  _cleanup_ (freep) char *url = scim_url (s, "Groups", group);
  struct scim_answer a = { 0 };
  int32_t r;

  if (!s->patch && !s->put)
    return seat_fail (ctx, USHER_E_UNSUPPORTED, NULL, "The app can change groups neither by PATCH nor by PUT");
  r = ask_change (ctx, s, url, user, add, &a);
  if (r < 0)
    return r;
  if (a.status >= 200 && a.status < 300)
    r = USHER_DONE;
  else if (scim_gone (&a))
    /* Nobody is in a group that is gone, and nobody can be put there. */
    r = add ? seat_fail (ctx, USHER_E_ROLE, "role", "The app has no group %s any more", group)
            : USHER_DONE;
  else
    r = scim_error (ctx, &a, SCIM_TO_SET_ROLE);
  scim_answer_done (&a);
  return r;
}

int32_t
scim_group_set (struct usher_ctx *ctx, struct scim *s, const struct scim_user *u,
                const struct usher_kv *wanted, size_t n)
{
  const struct usher_member *row = &u->row;
  int32_t r = scim_hints (ctx, s);

  if (r < 0)
    return r;
  if (scim_same_roles (row->roles, row->n_roles, wanted, n))
    return USHER_ALREADY;
  /* First in, then out: somebody without any group may lose the account. */
  for (size_t i = 0; i < n; i++)
    if (!scim_has_role (row->roles, row->n_roles, wanted[i].value))
      {
        r = change_group (ctx, s, wanted[i].value, row->id, /* add */ true);
        if (r < 0)
          return r;
      }
  for (size_t i = 0; i < row->n_roles; i++)
    if (!scim_has_role (wanted, n, row->roles[i].value))
      {
        r = change_group (ctx, s, row->roles[i].value, row->id, /* add */ false);
        if (r < 0)
          return r;
      }
  return USHER_DONE;
}
