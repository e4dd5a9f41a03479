/* Owns what the ranks of an app's roles say (behaviour 5.5, 6.1): which roles are the highest,
   who holds one, and whether somebody has less than before.  Only an app file that ranks its
   roles has a highest one. */
#include <config.h>

#include "host/common/row.h"
#include "host/engine/settings.h"

static int64_t
highest_rank (const json_t *roles, const char *group)
{
  const json_t *role;
  int64_t best = 0;
  size_t i;

  json_array_foreach (roles, i, role)
    if (streq (json_text (role, "group"), group))
      best = MAX (best, json_number (role, "rank", 0));
  return best;
}

/* {id: rank} of the roles of GROUP. */
static json_t *
ranks_in (const json_t *roles, const char *group)
{
  json_t *ranks = json_object ();
  const json_t *role;
  size_t i;

  json_array_foreach (roles, i, role)
    if (streq (json_text (role, "group"), group))
      (void) json_object_set_new (ranks, json_text (role, "id"), json_integer (json_number (role, "rank", 0)));
  return ranks;
}

void
ranks_init (struct ranks *r, const struct app *app, const json_t *hub)
{
  json_t *roles = roles_of (app, hub);
  const struct app_role_group *groups;
  size_t n = 0, i;

  *r = (struct ranks) { .of = json_object (), .top = json_object () };
  groups = app ? app_role_groups (app, &n) : NULL;
  for (i = 0; i < n; i++)
    {
      int64_t best = groups[i].ranked ? highest_rank (roles, groups[i].key) : 0;

      if (groups[i].ranked)
        (void) json_object_set_new (r->of, groups[i].key, ranks_in (roles, groups[i].key));
      if (best)
        (void) json_object_set_new (r->top, groups[i].key, json_integer (best));
    }
  json_decref (roles);
}

void
ranks_done (struct ranks *r)
{
  json_decref (TAKE (r->of));
  json_decref (TAKE (r->top));
}

static json_t *
in_group (const json_t *o, const struct row_text *group)
{
  return group->s ? json_object_getn (o, group->s, group->len) : json_object_get (o, "role");
}

static int64_t
rank_of (const json_t *ranks, const struct row_text *id)
{
  const json_t *rank = id->s ? json_object_getn (ranks, id->s, id->len) : NULL;

  return rank ? json_integer_value (rank) : 0;
}

bool
ranks_top (const struct ranks *r, const struct row_view *row)
{
  struct row_text left = row->roles, group, id;

  if (!json_object_size (r->top) || row->state != USHER_ACTIVE)
    return false;
  while (row_next_role (&left, &group, &id))
    {
      const json_t *best = in_group (r->top, &group);

      if (best && rank_of (in_group (r->of, &group), &id) == json_integer_value (best))
        return true;
    }
  return false;
}

bool
ranks_top_held (const struct ranks *r, const struct member *m)
{
  struct row_view row;

  return json_object_size (r->top) && member_is_known (&m->link) && m->row
         && row_look (m->row, m->row_len, &row) == 0 && ranks_top (r, &row);
}

static bool
same_text (const struct row_text *a, const struct row_text *b)
{
  return a->len == b->len && (!a->len || memcmp (a->s, b->s, a->len) == 0);
}

/* Whether ROW has the role, or in a ranked group one that is as high. */
static bool
holds (const struct ranks *r, const struct row_view *row, const struct row_text *group, const struct row_text *id)
{
  const json_t *ranks = in_group (r->of, group);
  struct row_text left = row->roles, g, i;

  while (row_next_role (&left, &g, &i))
    if (same_text (&g, group) && (same_text (&i, id) || (ranks && rank_of (ranks, &i) >= rank_of (ranks, id))))
      return true;
  return false;
}

bool
ranks_lowered (const struct ranks *r, const struct row_view *was, const struct row_view *now)
{
  struct row_text left = was->roles, group, id;

  if (now->state == USHER_DISABLED)
    return was->state == USHER_ACTIVE;
  if (now->state == USHER_UNREADABLE || same_text (&was->roles, &now->roles))
    return false;
  while (row_next_role (&left, &group, &id))
    if (!holds (r, now, &group, &id))
      return true;
  return false;
}
