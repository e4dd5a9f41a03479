/* The listing: users, then the roles, then, where groups carry the roles, who is in which group.
   After each page a checkpoint says where to go on: one byte for the section, then the walk.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

#define CHECKPOINT_MAX 16384u

enum section { SECTION_MEMBERS = 'm', SECTION_ROLES = 'r', SECTION_ROLE_OF = 'o' };

struct listing
{
  struct usher_ctx *ctx;
  struct scim *s;
  enum section section;      /* under way */
  const uint8_t *cursor;     /* of the walk to go on with; NULL = from the start */
  size_t cursor_len;
  struct scim_roles seen;    /* roles that were met in this listing */
  bool forgot;               /* it went on without knowing those met before */
  char **ids;                /* groups of the page whose members are to be listed; owned */
  size_t n_ids;
  uint64_t forbidden;        /* groups that could not be read */
};

static void
forget_ids (struct listing *l)
{
  for (size_t i = 0; i < l->n_ids; i++)
    free (l->ids[i]);
  free (l->ids);
  l->ids = NULL;
  l->n_ids = 0;
}

static bool
wants (const struct usher_list *want, uint32_t kind)
{
  return want->kinds == 0 || (want->kinds >> (kind / 100) & 1) != 0;
}

static int32_t
checkpoint (struct listing *l, const struct scim_walk *w)
{
  uint8_t blob[CHECKPOINT_MAX];
  int32_t len = scim_walk_save (w, blob + 1, sizeof blob - 1);
  int32_t r;

  if (len < 0)
    return len;
  r = scim_roles_save (l->ctx, SCIM_STATE_LISTING, &l->seen);
  if (r < 0)
    return r;
  blob[0] = (uint8_t) l->section;
  return usher_checkpoint (l->ctx, blob, (size_t) len + 1);
}

static int32_t
on_page (void *arg, struct scim_walk *w)
{
  return checkpoint (arg, w);
}

/* Opens a section and walks through KIND, from the cursor where there is one. */
static int32_t
walk (struct listing *l, struct scim_walk *w, uint32_t kind)
{
  int32_t r = scim_walk_begin (w);

  if (r < 0)
    return r;
  if (l->cursor)
    {
      r = scim_walk_restore (w, l->cursor, l->cursor_len);
      if (r < 0)
        return r;
      l->cursor = NULL;
    }
  r = usher_section (l->ctx, kind, NULL);
  return r < 0 ? r : scim_walk_run (w);
}

static int32_t
end (struct listing *l, const struct scim_walk *w, bool with_total)
{
  const char *why = NULL;
  int64_t total = -1;
  uint32_t verdict = scim_walk_verdict (w, &total, &why);

  return usher_section_end (l->ctx, verdict, with_total ? total : -1, why);
}

static int32_t
on_user (void *arg, const struct usher_item *item)
{
  struct listing *l = arg;
  struct scim_view view;
  int32_t r = scim_user_view (l->s, item, &view);

  if (r < 0)
    return seat_fail (l->ctx, r, NULL, "A user of the app has more than %u roles", SCIM_ROLES_MAX);
  if (l->s->carrier == SCIM_GROUPS)
    view.row.n_roles = 0;     /* told by the groups, once */
  for (size_t i = 0; i < view.row.n_roles; i++)
    {
      r = scim_roles_add (&l->seen, view.roles[i].value, view.labels[i]);
      if (r < 0)
        return r;
    }
  return usher_emit_member (l->ctx, &view.row);
}

static int32_t
list_members (struct listing *l)
{
  struct scim_walk w = { .ctx = l->ctx, .s = l->s, .kind = "Users", .rows = l->s->users,
                         .item = on_user, .page = on_page, .arg = l };
  int32_t r;

  r = walk (l, &w, USHER_S_MEMBERS);
  if (r >= 0)
    r = end (l, &w, /* with_total */ true);
  scim_walk_done (&w);
  return r;
}

static int32_t
on_group (void *arg, const struct usher_item *item)
{
  struct listing *l = arg;
  const char *id = usher_item_text (item, SCIM_F_ID);
  const char *label = usher_item_text (item, SCIM_F_USERNAME);
  struct usher_role role = { .size = sizeof role, .flags = USHER_R_ASSIGNABLE };
  int32_t r = scim_roles_add (&l->seen, id, label);

  if (r < 0)
    return r;
  role.id = id;
  role.label = label ? label : id;
  role.group = SCIM_GROUP;
  return usher_emit_role (l->ctx, &role);
}

static int32_t
list_groups (struct listing *l)
{
  struct scim_walk w = { .ctx = l->ctx, .s = l->s, .kind = "Groups", .rows = l->s->groups,
                         .item = on_group, .page = on_page, .arg = l };
  int32_t r;

  r = walk (l, &w, USHER_S_ROLES);
  if (r >= 0)
    r = end (l, &w, /* with_total */ true);
  scim_walk_done (&w);
  return r;
}

/* Roles that no user holds are only known from the hub field. */
static int32_t
list_values (struct listing *l)
{
  const char *why = l->seen.full ? "there are more different roles than Usher keeps"
                    : l->forgot ? "roles met before the listing was interrupted are not known"
                                : NULL;
  int32_t r = scim_roles_configured (l->ctx, &l->seen);

  if (r < 0)
    return r;
  r = usher_section (l->ctx, USHER_S_ROLES, NULL);
  if (r < 0)
    return r;
  r = scim_roles_emit (l->ctx, &l->seen);
  if (r < 0)
    return r;
  return usher_section_end (l->ctx, why ? USHER_PARTIAL : USHER_COMPLETE, -1, why);
}

static int32_t
list_roles (struct listing *l)
{
  int32_t r;

  l->section = SECTION_ROLES;
  r = l->s->carrier == SCIM_GROUPS ? list_groups (l) : list_values (l);
  if (r < 0)
    return r;
  l->seen.changed = true;
  return scim_roles_save (l->ctx, SCIM_STATE_ROLES, &l->seen);
}

static int32_t
on_group_id (void *arg, const struct usher_item *item)
{
  struct listing *l = arg;
  const char *id = usher_item_text (item, SCIM_F_ID);
  char **ids;

  if (l->n_ids == SCIM_PAGE_MAX)
    return seat_fail (l->ctx, USHER_E_LIMIT, NULL, "The app puts more than %u groups in a page",
                      SCIM_PAGE_MAX);
  ids = realloc (l->ids, (l->n_ids + 1) * sizeof *ids);
  if (!ids)
    return USHER_E_NOMEM;
  l->ids = ids;
  l->ids[l->n_ids] = strdup (id);
  return l->ids[l->n_ids++] ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
on_member_of (void *arg, const char *group, const char *user)
{
  struct listing *l = arg;
  struct usher_member who = { .size = sizeof who, .state = USHER_ACTIVE, .id = user };
  struct usher_kv role = { SCIM_GROUP, group };

  return usher_emit_role_of (l->ctx, &who, &role);
}

static int32_t
on_group_page (void *arg, struct scim_walk *w)
{
  struct listing *l = arg;
  int32_t r = scim_group_members (l->ctx, l->s, l->ids, l->n_ids, on_member_of, l,
                                  &w->unread);

  forget_ids (l);
  return r < 0 ? r : checkpoint (l, w);
}

/* Members are asked of each group, so that a group of any size streams through. */
static int32_t
list_role_of (struct listing *l)
{
  struct scim_walk w = { .ctx = l->ctx, .s = l->s, .kind = "Groups", .rows = l->s->groups,
                         .item = on_group_id, .page = on_group_page, .arg = l };
  int32_t r;

  l->section = SECTION_ROLE_OF;
  r = walk (l, &w, USHER_S_ROLE_OF);
  if (r >= 0)
    r = end (l, &w, /* with_total */ false);
  scim_walk_done (&w);
  return r;
}

/* The roles that were met before: in this listing, or where users are not listed now, in the last
   one. */
static int32_t
remember (struct listing *l, const struct usher_list *want)
{
  int32_t r = USHER_DONE;

  if (l->cursor)
    r = scim_roles_load (l->ctx, SCIM_STATE_LISTING, &l->seen);
  else if (!wants (want, USHER_S_MEMBERS))
    r = scim_roles_load (l->ctx, SCIM_STATE_ROLES, &l->seen);
  l->forgot = r == USHER_ABSENT;
  l->seen.changed = true;
  return r;
}

static int32_t
run (struct listing *l, const struct usher_list *want)
{
  enum section from = l->section;
  int32_t r = remember (l, want);

  if (r >= 0 && from == SECTION_MEMBERS && wants (want, USHER_S_MEMBERS))
    r = list_members (l);
  if (r >= 0 && from != SECTION_ROLE_OF && wants (want, USHER_S_ROLES))
    r = list_roles (l);
  if (r >= 0 && l->s->carrier == SCIM_GROUPS && wants (want, USHER_S_ROLE_OF))
    r = list_role_of (l);
  return r < 0 ? r : USHER_DONE;
}

int32_t
scim_list (struct usher_ctx *ctx, struct scim *s, const struct usher_list *want)
{
  struct listing l = { .ctx = ctx, .s = s, .section = SECTION_MEMBERS };
  int32_t r;

  if (want->cursor && want->cursor_len > 0)
    {
      const uint8_t *p = want->cursor;

      if (p[0] != SECTION_MEMBERS && p[0] != SECTION_ROLES && p[0] != SECTION_ROLE_OF)
        return USHER_E_CURSOR;
      l.section = (enum section) p[0];
      l.cursor = p + 1;
      l.cursor_len = want->cursor_len - 1;
    }
  r = run (&l, want);
  forget_ids (&l);
  scim_roles_done (&l.seen);
  return r;
}
