/* Owns the import of people: a CSV file is checked whole, then applied.  A dry run does the same and
   gives each batch up, so that writers wait no longer for it; its rows are judged by what was there
   before the import. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/directory/csv.h"
#include "host/engine/people.h"

#define BATCH 2000u           /* people a transaction */
#define ERRORS_MAX 20u          /* that are told; all are counted */

struct import
{
  struct engine *e;
  const struct caller *caller;
  const char *file;
  struct txn *t;
  size_t in_txn;
  json_t *errors;             /* [{line, field, message}] */
  size_t n_errors;
  bool dry;
  struct plan plan;           /* with items where it is dry */
  uint64_t unchanged;
  uint64_t fresh;             /* people whom the directory did not have before */
  struct leavers_told left;   /* those who are not in the file */
  uint64_t kept;              /* rows of the batches that are committed */
  json_t *seen;               /* {id: true} of the file's people */
  enum workspace_role giver;
};

static void
note_error (struct import *i, size_t line, const char *field, const char *text)
{
  i->n_errors++;
  if (json_array_size (i->errors) < ERRORS_MAX)
    (void) json_array_append_new (i->errors, json_pack ("{s:I, s:s, s:s}", "line", (json_int_t) line, "field", field,
                                                        "message", text));
}

static void
on_problem (void *data, const struct csv_problem *problem)
{
  note_error (data, problem->line, problem->field, problem->text);
}

/* ---- First pass: nothing is written. */

/* Addresses that would clash with somebody who is not this person. */
static void
check_addresses (struct import *i, const struct csv_person *row)
{
  struct id owner, person = { { 0 } };
  size_t k;

  if (++i->in_txn > BATCH)
    {
      txn_abort (TAKE (i->t));
      i->t = store_read (i->e->store);
      i->in_txn = 0;
    }
  (void) txn_doc_find (i->t, STORE_PERSON_ADDRESS, row->email, &person, 1);
  for (k = 0; k < row->n_secondary_emails; k++)
    if (txn_doc_find (i->t, STORE_PERSON_ADDRESS, row->secondary_emails[k], &owner, 1) == 1
        && !id_equal (&owner, &person))
      note_error (i, row->line, "secondary_emails", "one of the addresses belongs to somebody else");
}

/* The owner stays the owner, and nobody gives a role above their own. */
static void
check_owner (struct import *i, const struct csv_person *row)
{
  enum workspace_role role = ROLE_USER;
  json_t *person = NULL;
  struct id id;

  if (txn_doc_find (i->t, STORE_PERSON_ADDRESS, row->email, &id, 1) == 1)
    person = txn_doc_get (i->t, STORE_PERSON, &id);
  if (streq (json_text (person, "workspace_role"), "owner")
      && ((row->workspace_role && !streq (row->workspace_role, "owner")) || row->is_guest > 0))
    note_error (i, row->line, "workspace_role", "this is the owner of the workspace: ownership is handed over first");
  else if (row->workspace_role && workspace_role_parse (row->workspace_role, &role) == 0 && role > i->giver)
    note_error (i, row->line, "workspace_role", "nobody gives a workspace role above their own");
  json_decref (person);
}

static int
check_row (void *data, const struct csv_person *row)
{
  struct import *i = data;
  enum workspace_role role = ROLE_USER;

  check_addresses (i, row);
  check_owner (i, row);
  if (row->workspace_role && workspace_role_parse (row->workspace_role, &role) < 0)
    note_error (i, row->line, "workspace_role",
                "workspace_role is super-admin, admin, user, login-only or guest");
  else if (row->workspace_role && role == ROLE_OWNER)
    note_error (i, row->line, "workspace_role", "there is one owner: ownership is handed over, not imported");
  return 0;
}

/* ---- Second pass. */

static json_t *
texts (const char *const *v, size_t n)
{
  json_t *list = json_array ();
  size_t k;

  for (k = 0; k < n; k++)
    (void) json_array_append_new (list, json_string (v[k]));
  return list;
}

/* Ids of the teams named, made where they are missing. */
static json_t *
team_ids (struct import *i, const struct csv_person *row)
{
  json_t *ids = json_array ();
  size_t k;

  for (k = 0; k < row->n_teams; k++)
    {
      _cleanup_ (freep) char *key = strdup (row->teams[k]);
      struct id id;
      json_t *team;

      if (!key)
        continue;
      ascii_lower (key);
      if (txn_doc_find (i->t, STORE_TEAM_NAME, key, &id, 1) == 1)
        team = txn_doc_get (i->t, STORE_TEAM, &id);
      else
        {
          team = doc_new (i->caller);
          json_set_text (team, "name", row->teams[k]);
          json_set_text (team, "kind", "self-managed");
          txn_doc_put (i->t, STORE_TEAM, team);
          event_add (i->t, &(struct event) { .type = "team.created", .caller = i->caller,
                                             .details = json_pack ("{s:s}", "name", row->teams[k]) });
        }
      if (team)
        (void) json_array_append (ids, json_object_get (team, "id"));
      json_decref (team);
    }
  return ids;
}

static void
plan_row (struct import *i, enum plan_action action, const json_t *person, const json_t *before)
{
  if (plan_count (&i->plan, action) && i->dry)
    plan_item (&i->plan, action, plan_person (person, before));
}

static enum plan_action
action_of (const json_t *person, const json_t *before)
{
  enum workspace_role was = ROLE_GUEST, now = ROLE_GUEST;

  (void) workspace_role_parse (json_text (before, "workspace_role"), &was);
  (void) workspace_role_parse (json_text (person, "workspace_role"), &now);
  return now < was ? PLAN_LOWER : PLAN_CHANGE;
}

static int
change_person (struct import *i, json_t *person, const struct person_fields *f, struct refusal *r)
{
  json_t *before = json_copy (person);
  bool changed = false;
  int x = person_apply (person, f, &changed, r);

  if (x == 0 && streq (json_text (person, "status"), "removed"))
    {
      json_set_text (person, "status", "active");
      json_set_time (person, "removed_at", 0);
      i->fresh += streq (json_text (person, "source"), "directory");
      changed = true;
    }
  if (x == 0 && changed)
    {
      plan_row (i, action_of (person, before), person, before);
      x = person_put (i->t, person, r);
      if (x == 0 && hub_role_most (before) != hub_role_most (person))
        person_owning_changed (i->t, person);
    }
  else
    i->unchanged += x == 0;
  json_decref (before);
  return x;
}

static int
add_person (struct import *i, const struct person_fields *f, json_t **ret, struct refusal *r)
{
  struct id id;
  int x = person_make (i->t, i->caller, f, ret, r);

  if (x < 0)
    return x;
  json_set_text (*ret, "source", "directory");
  i->fresh++;
  plan_row (i, PLAN_ADD, *ret, /* before= */ NULL);
  (void) json_id (*ret, "id", &id);
  event_add (i->t, &(struct event) { .type = "person.joined", .caller = i->caller, .person = &id, .outcome = "imported" });
  return person_put (i->t, *ret, r);
}

static uint64_t
rows_done (const struct import *i)
{
  return i->plan.n[PLAN_ADD] + i->plan.n[PLAN_CHANGE] + i->plan.n[PLAN_LOWER] + i->unchanged;
}

static int
next_batch (struct import *i)
{
  int x = 0;

  if (i->dry)
    txn_abort (TAKE (i->t));
  else
    x = txn_commit (TAKE (i->t));
  i->t = store_write (i->e->store);
  i->in_txn = 0;
  if (x == 0 && !i->dry)
    i->kept = rows_done (i);
  return x;
}

static int
apply_row (void *data, const struct csv_person *row)
{
  struct import *i = data;
  struct refusal r = { 0 };
  json_t *secondary, *teams, *person = NULL;
  struct person_fields f = { .email = row->email, .first_name = row->first_name, .last_name = row->last_name,
                             .username = row->username, .workspace_role = row->workspace_role,
                             .is_guest = row->is_guest, .giver = i->giver };
  struct id id;
  int x;

  secondary = row->columns & CSV_SECONDARY_EMAILS ? texts (row->secondary_emails, row->n_secondary_emails) : NULL;
  teams = row->columns & CSV_TEAMS ? team_ids (i, row) : NULL;
  f.secondary_emails = secondary;
  f.teams = teams;
  if (txn_doc_find (i->t, STORE_PERSON_ADDRESS, row->email, &id, 1) == 1)
    person = txn_doc_get (i->t, STORE_PERSON, &id);
  x = person ? change_person (i, person, &f, &r) : add_person (i, &f, &person, &r);
  /* What the store answers is no fault of the row. */
  if (x < 0 && txn_error (i->t) == 0)
    note_error (i, row->line, r.field ? r.field : "", r.detail ? r.detail : "the row cannot be written");
  else
    (void) json_object_set_new (i->seen, json_text (person, "id"), json_true ());
  refusal_done (&r);
  json_decref (secondary);
  json_decref (teams);
  json_decref (person);
  if (txn_error (i->t) < 0)
    return txn_error (i->t);
  return ++i->in_txn >= BATCH ? next_batch (i) : 0;
}

static int
refuse_file (const struct import *i, struct refusal *r)
{
  const json_t *first = json_array_get (i->errors, 0);
  const char *field = json_text (first, "field");

  if (i->n_errors == 1)
    return refuse (r, "validation-failed", field && *field ? field : NULL, "%s:%lld: %s%s%s", i->file,
                   (long long) json_number (first, "line", 1), field ? field : "", field && *field ? ": " : "",
                   json_text (first, "message"));
  (void) refuse (r, "validation-failed", NULL, "%s has %zu mistakes%s.", i->file, i->n_errors,
                 i->kept ? "" : "; nothing was imported");
  r->errors = json_incref (i->errors);
  r->more_errors = i->n_errors - json_array_size (i->errors);
  return -ECANCELED;
}

static int
refuse_store (const struct import *i, int error, struct refusal *r)
{
  _cleanup_ (buf_done) struct buf full = BUF_INIT (CALL_FULL_MAX);

  if (!run_no_room (error))
    return refuse_errno (r, error);
  call_full (i->e, &full);
  if (!i->kept)
    return refuse (r, "read-only", NULL, "%s; nothing was changed.", full.data);
  return refuse (r, "read-only", NULL, "%s; the first %llu rows of %s were imported, no other.", full.data,
                 (unsigned long long) i->kept, i->file);
}

/* Those who are not in the file of ROWS rows. */
static void
leave (struct import *i, uint64_t rows)
{
  json_t *people = leavers_plan (i->t, i->seen, rows, i->dry ? 0 : i->fresh, &i->plan);

  if (!i->dry)
    leavers_settle (i->t, i->caller, &i->plan, people, &i->left);
  else if (i->plan.verdict == GUARD_PASS)
    i->left.removed = json_array_size (people);
  else
    i->left.held = json_array_size (people);
  json_decref (people);
}

static int
import (struct import *i, const struct call *c, bool remove, struct refusal *r)
{
  struct csv_totals totals = { 0 };
  int x;

  i->t = store_read (i->e->store);
  x = csv_people_read (c->text, c->text_len, check_row, on_problem, i, &totals);
  txn_abort (TAKE (i->t));
  i->in_txn = 0;
  if (i->n_errors)
    return refuse_file (i, r);
  if (x < 0)
    return refuse_errno (r, x);
  i->t = store_write (i->e->store);
  x = csv_people_read (c->text, c->text_len, apply_row, on_problem, i, &totals);
  if (i->n_errors)
    return refuse_file (i, r);
  if (x < 0)
    return refuse_store (i, x, r);
  /* What the file says is kept, whatever becomes of those who are not in it. */
  x = remove || i->dry ? next_batch (i) : 0;
  if (x < 0)
    return refuse_store (i, x, r);
  if (remove)
    leave (i, totals.rows);
  else if (!i->dry)
    report_drop_people (i->t, i->seen);
  return 0;
}

/* The last part is committed with the answer.  Of a dry run there is nothing to commit, and its
   answer need not be kept for a key. */
static int
import_end (struct import *i, const struct call *c, int x, json_t **ret, struct refusal *r)
{
  json_t *answer = NULL;

  if (x == 0)
    answer = json_pack ("{s:I, s:I, s:I, s:I, s:O}", "added", (json_int_t) i->plan.n[PLAN_ADD], "changed",
                        (json_int_t) (i->plan.n[PLAN_CHANGE] + i->plan.n[PLAN_LOWER]), "unchanged",
                        (json_int_t) i->unchanged, "removed", (json_int_t) i->left.removed, "errors", i->errors);
  if (answer && i->left.held)
    {
      (void) json_object_set_new (answer, "held", json_integer ((json_int_t) i->left.held));
      json_set_text (answer, "report", *i->left.report ? i->left.report : NULL);
    }
  if (!i->t)
    return x;
  if (x == 0 && i->dry)
    {
      (void) json_object_set_new (answer, "plan", plan_json (&i->plan));
      x = answer_read (i->t, answer, ret, r);
      txn_abort (TAKE (i->t));
      return x;
    }
  if (x < 0)
    {
      txn_abort (TAKE (i->t));
      return x;
    }
  x = call_end (i->e, c, TAKE (i->t), x, answer, ret, r);
  return x < 0 && streq (r->code, "read-only") ? refuse_store (i, -ENOSPC, r) : x;
}

int
engine_import_begin (struct engine *e, const struct caller *c, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c, SCOPE_WRITE, ROLE_ADMIN, r);

  txn_abort (t);
  if (x == 0 && atomic_exchange (&e->importing, true))
    x = refuse (r, "rate-limited", NULL, "Another import is under way: wait for its end.");
  return x;
}

void
engine_import_end (struct engine *e)
{
  atomic_store (&e->importing, false);
}

int
engine_directory_import (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  const char *format = call_query (c, "format"), *file = call_query (c, "file");
  bool remove = call_flag (c, "remove_missing");
  struct import i = { .e = e, .caller = c->caller, .file = file ? file : "people.csv", .errors = json_array (),
                      .dry = call_flag (c, "dry_run") };
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c->caller, SCOPE_WRITE, ROLE_ADMIN, r);

  i.giver = caller_role (t, c->caller);
  txn_abort (t);
  if (x == 0 && format && !streq (format, "csv"))
    x = refuse (r, "validation-failed", "format", "format is csv, not %s.", format);
  if (x == 0 && !c->text)
    x = refuse (r, "malformed", NULL, "The body is the CSV text, sent as text/csv.");
  if (x == 0 && remove && !i.dry && !c->confirmed)
    x = refuse (r, "confirmation-required", NULL, "This removes people of the directory who are not in the file.");
  if (x == 0)
    {
      i.seen = json_object ();
      plan_init (&i.plan);
      x = import (&i, c, remove, r);
    }
  x = import_end (&i, c, x, ret, r);
  plan_done (&i.plan);
  json_decref (i.errors);
  json_decref (i.seen);
  return x;
}
