/* Owns which roles of an app are the highest, and who holds one (behaviour 5.5).  Only an app
   file that ranks its roles has any. */
#include <config.h>

#include "host/engine/settings.h"

#define ARENA_BYTES (256u * 1024)

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

json_t *
top_roles (const struct app *app, const json_t *hub)
{
  json_t *roles = roles_of (app, hub), *top = json_array (), *role;
  const struct app_role_group *groups;
  size_t n = 0, i, k;

  groups = app ? app_role_groups (app, &n) : NULL;
  for (i = 0; i < n; i++)
    {
      int64_t best = groups[i].ranked ? highest_rank (roles, groups[i].key) : 0;

      json_array_foreach (roles, k, role)
        if (best && streq (json_text (role, "group"), groups[i].key) && json_number (role, "rank", 0) == best)
          (void) json_array_append (top, role);
    }
  json_decref (roles);
  return top;
}

static bool
is_top (const json_t *top, const struct usher_kv *held)
{
  const char *group = held->key ? held->key : "role";
  const json_t *role;
  size_t i;

  json_array_foreach (top, i, role)
    if (streq (json_text (role, "id"), held->value) && streq (json_text (role, "group"), group))
      return true;
  return false;
}

bool
top_role_held (const json_t *top, const struct member *m)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ARENA_BYTES);
  struct row row;
  bool held = false;
  size_t i;

  if (!json_array_size (top) || !member_is_known (&m->link) || !m->row
      || row_get (m->row, m->row_len, &arena, &row) < 0)
    return false;
  for (i = 0; i < row.member.n_roles && !held; i++)
    held = is_top (top, &row.member.roles[i]);
  return held;
}
