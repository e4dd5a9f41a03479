/* Items as rows: words of the app become states, times, flags and roles.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <string.h>

void
rest_row_plan_done (struct rest_row_plan *plan)
{
  free (plan->roles);
  free (plan->attrs);
  *plan = (struct rest_row_plan) { 0 };
}

static const struct { const char *word; uint32_t state; } states[] = {
  { "active", USHER_ACTIVE },   { "disabled", USHER_DISABLED }, { "unreadable", USHER_UNREADABLE },
  { "pending", USHER_PENDING }, { "expired", USHER_EXPIRED },   { "declined", USHER_DECLINED },
};

static int32_t
take_state (struct rest_op *op, const char *word, bool invites, uint32_t *ret)
{
  if (!word)
    {
      *ret = invites ? USHER_PENDING : USHER_ACTIVE;
      return USHER_DONE;
    }
  for (size_t i = 0; i < ARRAY_SIZE (states); i++)
    if (strcmp (states[i].word, word) == 0)
      {
        *ret = states[i].state;
        return USHER_DONE;
      }
  return seat_fail (op->ctx, USHER_E_SHAPE, NULL,
                    "The app shows a state \"%.60s\" that the app file does not know; add it to the map of state",
                    word);
}

#define SECONDS_MAX 100000000000LL /* greater numbers are milliseconds: as seconds they are behind the year 5000 */

/* RFC 3339, seconds or milliseconds since 1970; 0 when it is none of them. */
static int64_t
take_time (const char *text)
{
  char *end;
  double number;

  if (!text)
    return 0;
  number = strtod (text, &end);
  if (*end || end == text)
    return text_time_ms (text);
  if (!(number > 0 && number < 1e15))
    return 0;
  return (int64_t) (number > (double) SECONDS_MAX ? number : number * 1000);
}

static int32_t
take_roles (struct rest_op *op, const struct rest_row_plan *plan, const struct rest_texts *values,
            struct rest_row *row)
{
  for (size_t i = 0; i < plan->n_roles; i++)
    for (size_t j = 0; j < values[plan->roles[i].value].n; j++)
      {
        const char *role = values[plan->roles[i].value].v[j];

        if (!*role)
          continue;
        if (row->row.n_roles == REST_ROLES_MAX)
          return seat_fail (op->ctx, USHER_E_LIMIT, NULL, "A member of the app has more than %u roles", REST_ROLES_MAX);
        row->roles[row->row.n_roles++] = (struct usher_kv) { plan->roles[i].key, role };
      }
  return USHER_DONE;
}

static bool
is_true (const struct rest_texts *values, int value)
{
  const char *text = rest_first (values, value);

  return text && text_same (text, "true");
}

int32_t
rest_row (struct rest_op *op, const struct rest_row_plan *plan, const struct rest_texts *values,
          struct rest_row *ret)
{
  struct usher_member *m = &ret->row;
  const int *slot = plan->slot;
  int32_t r;

  *m = (struct usher_member) { .size = sizeof *m, .roles = ret->roles, .attrs = ret->attrs };
  ret->skip = is_true (values, slot[REST_SKIP]);
  m->id = rest_first (values, slot[REST_ID]);
  m->handle = rest_first (values, slot[REST_HANDLE]);
  m->username = rest_first (values, slot[REST_USERNAME]);
  m->email = rest_first (values, slot[REST_EMAIL]);
  m->first_name = rest_first (values, slot[REST_FIRST_NAME]);
  m->last_name = rest_first (values, slot[REST_LAST_NAME]);
  m->name = rest_first (values, slot[REST_NAME]);
  m->partner = rest_first (values, slot[REST_PARTNER]);
  m->created_ms = take_time (rest_first (values, slot[REST_CREATED]));
  m->expires_ms = take_time (rest_first (values, slot[REST_EXPIRES]));
  m->last_used_ms = take_time (rest_first (values, slot[REST_LAST_USED]));
  m->flags = (is_true (values, slot[REST_SELF]) ? USHER_F_SELF : 0)
             | (is_true (values, slot[REST_NOT_A_PERSON]) ? USHER_F_NOT_A_PERSON : 0);
  for (size_t i = 0; i < plan->n_attrs; i++)
    if (rest_first (values, plan->attrs[i].value))
      ret->attrs[m->n_attrs++]
        = (struct usher_kv) { plan->attrs[i].key, rest_first (values, plan->attrs[i].value) };
  if (ret->skip)
    return USHER_DONE;
  r = take_state (op, rest_first (values, slot[REST_STATE]), plan->invites, &m->state);
  return r == USHER_DONE ? take_roles (op, plan, values, ret) : r;
}
