/* The roles that an app tells by a request.  Roles of the app file need no listing: the host knows
   them.  */
#include <config.h>

#include "plugins/seat/rest/list.h"

#include <string.h>

static const json_t *
entry (const struct rest *rest, size_t i)
{
  return json_array_get (json_object_get (rest->run, "roles"), i);
}

bool
rest_roles_asked (const struct rest *rest)
{
  for (size_t i = 0; entry (rest, i); i++)
    if (rest_is_request (entry (rest, i)))
      return true;
  return false;
}

struct asking
{
  struct rest_op op;
  struct rest_walk walk;
  const json_t *spec;
};

static int32_t
on_role (void *arg, const struct rest_texts *values)
{
  struct asking *a = arg;
  const struct rest_source *s = a->walk.source;
  struct usher_role role = { .size = sizeof role, .flags = USHER_R_ASSIGNABLE };
  const char *label = rest_source_text (s, values, NULL, "label"), *rank = rest_source_text (s, values, NULL, "rank");
  const char *assignable = rest_source_text (s, values, NULL, "assignable");
  const char *id = rest_source_text (s, values, NULL, "id");

  rest_walk_id (&a->walk, id);
  if (!id)
    return USHER_DONE;
  role.id = id;
  role.label = label ? label : id;
  role.group = json_string_value (json_object_get (a->spec, "group"));
  role.rank = rank ? (int32_t) strtol (rank, NULL, 10) : 0;
  if (assignable && !text_same (assignable, "true"))
    role.flags = 0;
  return usher_emit_role (a->op.ctx, &role);
}

/* One request of them; *COMPLETE stays when its end was reached. */
static int32_t
ask (struct rest_listing *l, const json_t *spec, bool *complete, int64_t *total, const char **why)
{
  struct asking a = { .op = { .ctx = l->ctx, .rest = l->rest, .what = "list roles" }, .spec = spec };
  int64_t announced = -1;
  const char *reason = NULL;
  int32_t r;

  a.walk = (struct rest_walk) { .op = &a.op, .source = rest_source_of (l->rest, spec), .aim = REST_TO_LIST,
                                .item = on_role, .arg = &a };
  r = rest_walk_begin (&a.walk);
  if (r >= 0)
    r = rest_walk_run (&a.walk);
  if (r >= 0 && rest_walk_verdict (&a.walk, &announced, &reason) != USHER_COMPLETE)
    {
      *complete = false;
      *why = "the app did not list all its roles";
    }
  *total = announced;
  rest_walk_done (&a.walk);
  rest_op_done (&a.op);
  return r;
}

int32_t
rest_roles_list (struct rest_listing *l)
{
  const char *why = NULL;
  bool complete = true;
  int64_t total = -1;
  size_t asked = 0;
  int32_t r = usher_section (l->ctx, USHER_S_ROLES, NULL);

  for (size_t i = 0; entry (l->rest, i) && r >= 0; i++)
    if (rest_is_request (entry (l->rest, i)))
      {
        r = ask (l, entry (l->rest, i), &complete, &total, &why);
        asked++;
      }
  if (r < 0)
    return r;
  return usher_section_end (l->ctx, complete ? USHER_COMPLETE : USHER_PARTIAL, asked == 1 ? total : -1, why);
}
