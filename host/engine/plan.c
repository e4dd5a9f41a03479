/* Owns how a plan is put together and shown.  What becomes of it is the guard's affair, and
   then of who carries it out. */
#include <config.h>

#include "host/common/text.h"
#include "host/engine/plan.h"

static const char *const actions[] = {
  [PLAN_ADD] = "add", [PLAN_CHANGE] = "change", [PLAN_LOWER] = "lower", [PLAN_REMOVE] = "remove",
};

void
plan_init (struct plan *p)
{
  size_t i;

  *p = (struct plan) { .verdict = GUARD_PASS };
  for (i = 0; i < PLAN_ACTIONS; i++)
    p->items[i] = json_array ();
}

void
plan_done (struct plan *p)
{
  size_t i;

  for (i = 0; i < PLAN_ACTIONS; i++)
    json_decref (TAKE (p->items[i]));
  free (TAKE (p->why));
}

bool
plan_count (struct plan *p, enum plan_action action)
{
  p->n[action]++;
  return json_array_size (p->items[action]) < PLAN_ITEMS_MAX;
}

void
plan_item (struct plan *p, enum plan_action action, json_t *item)
{
  json_set_text (item, "action", actions[action]);
  (void) json_array_append_new (p->items[action], item);
}

static void
set_view (json_t *o, const char *key, const struct row_text *t)
{
  if (t->s)
    (void) json_object_set_new (o, key, json_stringn (t->s, t->len));
}

static void
set_roles (json_t *o, const char *key, const struct row_view *row)
{
  json_t *roles = json_array ();
  struct row_text left = row->roles, group, id;

  while (row_next_role (&left, &group, &id))
    (void) json_array_append_new (roles, json_stringn (id.s, id.len));
  (void) json_object_set_new (o, key, roles);
}

json_t *
plan_member (const struct id *member, const struct row_view *was, const struct row_view *now)
{
  const struct row_view *shown = now ? now : was;
  json_t *o = json_object ();

  json_set_id (o, "member", member);
  if (shown)
    {
      set_view (o, "native_id", &shown->id);
      set_view (o, "email", &shown->email);
      set_view (o, "username", &shown->username);
    }
  if (was)
    set_roles (o, "was", was);
  if (now)
    set_roles (o, "roles", now);
  return o;
}

/* The fields of A that B does not have, or has otherwise, into NAMES, each once. */
static void
add_differing (const json_t *a, const json_t *b, json_t *names)
{
  const char *key;
  json_t *value;

  json_object_foreach ((json_t *) (uintptr_t) a, key, value)
    if (!json_equal (value, json_object_get (b, key)) && !has_suffix (key, "_at"))
      (void) json_object_set_new (names, key, json_true ());
}

json_t *
plan_person (const json_t *person, const json_t *before)
{
  static const char *const copied[] = { "email", "username", "first_name", "last_name", "workspace_role" };
  json_t *o = json_object (), *names = json_object (), *changes = json_array (), *yes;
  const char *name;
  size_t i;

  json_set_text (o, "person", json_text (person, "id"));
  for (i = 0; i < ARRAY_SIZE (copied); i++)
    json_set_text (o, copied[i], json_text (person, copied[i]));
  if (before)
    {
      add_differing (person, before, names);
      add_differing (before, person, names);
    }
  json_object_foreach (names, name, yes)
    (void) json_array_append_new (changes, json_string (name));
  if (before)
    (void) json_object_set (o, "changes", changes);
  json_decref (names);
  json_decref (changes);
  return o;
}

void
plan_remove_nobody (struct plan *p)
{
  p->n[PLAN_REMOVE] = 0;
  (void) json_array_clear (p->items[PLAN_REMOVE]);
}

enum guard_verdict
plan_judge (struct plan *p)
{
  p->verdict = guard_judge (&p->guard);
  free (p->why);
  p->why = guard_sentence (&p->guard, p->verdict);
  return p->verdict;
}

json_t *
plan_json (const struct plan *p)
{
  json_t *items = json_array (), *counts = json_object (), *guard, *o;
  bool more = false;
  size_t i;

  for (i = 0; i < PLAN_ACTIONS; i++)
    {
      (void) json_array_extend (items, p->items[i]);
      (void) json_object_set_new (counts, actions[i], json_integer ((json_int_t) p->n[i]));
      more = more || p->n[i] > json_array_size (p->items[i]);
    }
  guard = json_pack ("{s:s, s:I, s:I}", "verdict", guard_name (p->verdict), "known", (json_int_t) p->guard.known,
                     "removed", (json_int_t) p->guard.missing);
  json_set_text (guard, "why", p->why && *p->why ? p->why : NULL);
  o = json_pack ("{s:o, s:o, s:b, s:o}", "items", items, "counts", counts, "more", more, "guard", guard);
  return o;
}
