/* Owns who leaves because a directory no longer names them: a plan, judged as a whole; what the
   guard stops waits in a report, of which each row is decided apart. */
#include <config.h>

#include "host/common/text.h"
#include "host/engine/people.h"

struct leavers
{
  const json_t *named;        /* {id: true} of those whom the directory names */
  json_t *people;             /* owned: who leaves */
  json_t *ids;                /* owned: {id: true} of them */
  struct plan *plan;
};

/* Whether a directory can take PERSON off: not somebody added by hand, nor the workspace's owner. */
static bool
can_leave (const json_t *person)
{
  return streq (json_text (person, "source"), "directory") && !streq (json_text (person, "status"), "removed")
         && !streq (json_text (person, "workspace_role"), "owner");
}

static bool
collect (void *arg, json_t *person)
{
  struct leavers *l = arg;

  if (!can_leave (person))
    return true;
  l->plan->guard.known++;
  if (json_object_get (l->named, json_text (person, "id")))
    return true;
  l->plan->guard.missing++;
  if (plan_count (l->plan, PLAN_REMOVE))
    plan_item (l->plan, PLAN_REMOVE, plan_person (person, /* before= */ NULL));
  (void) json_object_set_new (l->ids, json_text (person, "id"), json_true ());
  return json_array_append (l->people, person) == 0;
}

struct ownerless
{
  struct txn *t;
  const json_t *ids;
  json_t *hub;                /* owned: the first found; NULL = none */
};

static bool
look_owned (void *arg, json_t *grant)
{
  struct ownerless *o = arg;
  struct id hub;
  json_t *doc;

  if (json_object_get (grant, "ended_at") || !streq (json_text (grant, "hub_role"), "owner")
      || !json_id (grant, "hub", &hub) || hub_has_owner_beside (o->t, &hub, o->ids))
    return true;
  doc = txn_doc_get (o->t, STORE_HUB, &hub);
  if (doc && hub_is_live (doc))
    {
      o->hub = doc;
      return false;
    }
  json_decref (doc);
  return true;
}

/* A hub that would have no owner without those who leave; a new reference, NULL = none. */
static json_t *
ownerless_hub (struct txn *t, const struct leavers *l)
{
  struct ownerless o = { t, l->ids, NULL };
  json_t *person;
  size_t i;

  json_array_foreach (l->people, i, person)
    if (!o.hub && hub_role_most (person) == HUB_OWNER)
      txn_doc_walk (t, STORE_GRANT, STORE_GRANT_PERSON, json_text (person, "id"), false, NULL, look_owned, &o);
  return o.hub;
}

json_t *
leavers_plan (struct txn *t, const json_t *named, uint64_t rows, uint64_t fresh, struct plan *p)
{
  struct leavers l = { .named = named, .people = json_array (), .ids = json_object (), .plan = p };
  json_t *hub;

  p->guard = (struct guard) { .seen = rows, .who = "people of the directory",
                              .threshold = hub_setting (NULL, "safeguard-threshold"),
                              .floor = hub_setting (NULL, "safeguard-floor"),
                              .cap = hub_setting (NULL, "safeguard-cap") };
  txn_doc_walk (t, STORE_PERSON, 0, NULL, false, NULL, collect, &l);
  /* A file of other people altogether must not make the share of those who leave a small one. */
  p->guard.known -= MIN (fresh, p->guard.known - p->guard.missing);
  hub = ownerless_hub (t, &l);
  p->guard.owner = json_text (hub, "label");
  (void) plan_judge (p);
  json_decref (hub);
  json_decref (l.ids);
  return l.people;
}

static void
hold (struct txn *t, const json_t *people, const char *why, struct leavers_told *ret)
{
  size_t n = json_array_size (people), i;
  _cleanup_ (freep) struct id *ids = calloc (n, sizeof *ids);
  const json_t *person;

  if (!ids)
    return txn_fail (t, -ENOMEM);
  json_array_foreach (people, i, person)
    (void) json_id (person, "id", &ids[i]);
  report_people (t, ids, n, why, ret->report);
  ret->held = n;
}

void
leavers_settle (struct txn *t, const struct caller *c, const struct plan *p, const json_t *people,
                struct leavers_told *ret)
{
  json_t *person;
  size_t i;

  *ret = (struct leavers_told) { .removed = 0 };
  if (p->verdict != GUARD_PASS)
    return hold (t, people, p->why ? p->why : "", ret);
  json_array_foreach (people, i, person)
    person_remove (t, c, person);
  ret->removed = json_array_size (people);
  report_withdraw (t, /* hub= */ NULL);
}

/* ---- A report of them. */

/* What KEEP, by id or address, says of PERSON; NULL = nothing. */
static const char *
kept (const json_t *keep, const json_t *person)
{
  const char *reason = json_text (keep, json_text (person, "id"));

  return reason ? reason : json_text (keep, json_text (person, "email"));
}

static json_t *
person_of (struct txn *t, const char *text)
{
  struct id id;

  return text && id_parse (text, &id) == 0 ? txn_doc_get (t, STORE_PERSON, &id) : NULL;
}

/* Whether KEEP says something of the person with this id. */
static bool
is_kept (struct txn *t, const json_t *keep, const char *id)
{
  json_t *person = person_of (t, id);
  bool is = kept (keep, person);

  json_decref (person);
  return is;
}

int
leavers_check (struct txn *t, const json_t *report, const json_t *keep, struct refusal *r)
{
  size_t left = json_object_size (keep), i;
  const char *who;
  json_t *row, *reason;

  json_object_foreach ((json_t *) (uintptr_t) keep, who, reason)
    if (!json_is_string (reason) || !json_string_value (reason)[strspn (json_string_value (reason), " \t")])
      return refuse (r, "reason-required", "keep", "keep says of %s why they stay.", who);
  json_array_foreach (json_object_get (report, "removed_users"), i, row)
    left -= left && is_kept (t, keep, json_text (row, "person"));
  json_array_foreach (json_object_get (report, "unlisted"), i, row)
    left -= left && is_kept (t, keep, json_string_value (row));
  return left ? refuse (r, "validation-failed", "keep", "keep names somebody who is not in the report.") : 0;
}

/* Decides about the person of ROW, and notes it there. */
static void
settle (struct txn *t, const struct caller *c, json_t *row, const json_t *keep, struct leavers_told *told)
{
  json_t *person = person_of (t, json_text (row, "person"));
  const char *reason = kept (keep, person);

  if (!person || !can_leave (person))
    json_set_text (row, "result", "no-longer-needed");
  else if (reason)
    {
      /* From now on they are nobody's who is in no file. */
      json_set_text (person, "source", "local");
      txn_doc_put (t, STORE_PERSON, person);
      json_set_text (row, "decision", "keep");
      json_set_text (row, "reason", reason);
      json_set_text (row, "result", "kept");
      told->held++;
    }
  else
    {
      person_remove (t, c, person);
      json_set_text (row, "result", "removed");
      told->removed++;
    }
  json_decref (person);
}

json_t *
leavers_apply (struct txn *t, const struct caller *c, json_t *report, const json_t *keep)
{
  struct leavers_told told = { .removed = 0 };
  json_t *rows = json_object_get (report, "removed_users"), *row, *id;
  size_t i;

  json_array_foreach (rows, i, row)
    settle (t, c, row, keep, &told);
  /* Of those without a row, whoever was kept gets one, which says why. */
  json_array_foreach (json_object_get (report, "unlisted"), i, id)
    {
      row = json_pack ("{s:O, s:s}", "person", id, "cause", "deleted");
      settle (t, c, row, keep, &told);
      if (streq (json_text (row, "result"), "kept"))
        (void) json_array_append (rows, row);
      json_decref (row);
    }
  return json_pack ("{s:I, s:I}", "removed", (json_int_t) told.removed, "kept", (json_int_t) told.held);
}
