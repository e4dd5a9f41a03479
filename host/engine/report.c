/* Owns reports: what the guard stopped waits here until a person applies or dismisses it.  A
   report is applied once, by the revision that was read; what a sync would have taken is
   applied by another sync, which may take that and nothing more. */
#include <config.h>

#include <sodium.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/people.h"
#include "host/engine/plan.h"

#define ROWS_MAX 10000u           /* that a report shows of a kind; beyond, it stands for exactly its own set */
#define PEOPLE_MAX 300000u        /* that one holds, so that it stays a document; the next reading finds the rest */
#define DIGEST_BYTES 16u
#define REASON_MAX 500u

struct find
{
  const json_t *hub;              /* NULL = of no hub */
  const char *status[2];          /* either; the second may be NULL */
  json_t *found;
};

static bool
look (void *arg, json_t *report)
{
  struct find *f = arg;
  const char *status = json_text (report, "status");

  if ((!streq (status, f->status[0]) && !streq (status, f->status[1])) || (!f->hub && json_object_get (report, "hub")))
    return true;
  f->found = json_incref (report);
  return false;
}

/* The report of HUB (NULL: of people) in one of two states; a new reference, NULL = none. */
static json_t *
report_in (struct txn *t, const json_t *hub, const char *status, const char *or)
{
  struct find f = { .hub = hub, .status = { status, or } };

  txn_doc_walk (t, STORE_REPORT, hub ? STORE_REPORT_HUB : 0, json_text (hub, "id"), /* newest= */ true, NULL, look, &f);
  return f.found;
}

json_t *
report_open (struct txn *t, const json_t *hub)
{
  return report_in (t, hub, "open", NULL);
}

static json_t *
report_get (struct txn *t, const char *text)
{
  struct id id;

  return text && id_parse (text, &id) == 0 ? txn_doc_get (t, STORE_REPORT, &id) : NULL;
}

/* Only an open one has use of those without a row. */
static void
put (struct txn *t, json_t *report)
{
  if (!streq (json_text (report, "status"), "open"))
    (void) json_object_del (report, "unlisted");
  json_set_time (report, "updated_at", clock_now_ms ());
  txn_doc_put (t, STORE_REPORT, report);
}

/* ---- Rows. */

/* REMOVAL: it waits for a decision; a lowered one only says what the app shows. */
static json_t *
row_of (const char *of, const char *id, const char *cause, bool removal)
{
  json_t *row = json_object ();

  json_set_text (row, of, id);
  json_set_text (row, "cause", cause);
  json_set_text (row, "decision", removal ? "remove" : NULL);
  json_set_text (row, "result", removal ? "pending" : NULL);
  return row;
}

/* Rows of members or people, as OF says. */
static json_t *
rows_of (const char *of, const struct id *ids, size_t n, const char *cause, bool removal)
{
  json_t *rows = json_array ();
  char text[ID_TEXT_SIZE];
  size_t i;

  for (i = 0; i < n && i < ROWS_MAX; i++)
    {
      id_format (&ids[i], text);
      (void) json_array_append_new (rows, row_of (of, text, cause, removal));
    }
  return rows;
}

/* The people beyond those with rows, by id: what is applied to the rows is applied to them. */
static json_t *
unlisted_of (const struct id *people, size_t n)
{
  json_t *ids = json_array ();
  char text[ID_TEXT_SIZE];
  size_t i;

  for (i = ROWS_MAX; i < n; i++)
    {
      id_format (&people[i], text);
      (void) json_array_append_new (ids, json_string (text));
    }
  return ids;
}

/* What two sets of the same members have in common. */
static void
digest (const struct held *h, char ret[2 * DIGEST_BYTES + 1])
{
  unsigned char hash[DIGEST_BYTES];
  crypto_generichash_state state;

  (void) crypto_generichash_init (&state, NULL, 0, sizeof hash);
  (void) crypto_generichash_update (&state, (const unsigned char *) &h->n_removed, sizeof h->n_removed);
  (void) crypto_generichash_update (&state, (const unsigned char *) h->removed, h->n_removed * sizeof *h->removed);
  (void) crypto_generichash_update (&state, (const unsigned char *) h->lowered, h->n_lowered * sizeof *h->lowered);
  (void) crypto_generichash_final (&state, hash, sizeof hash);
  hex_encode (hash, sizeof hash, ret);
}

static int
by_id (const void *a, const void *b)
{
  return memcmp (a, b, sizeof (struct id));
}

/* Whether each of the N MEMBERS has a row. */
static bool
rows_have (const json_t *rows, const struct id *members, size_t n)
{
  _cleanup_ (freep) struct id *ids = calloc (json_array_size (rows) + 1, sizeof *ids);
  const json_t *row;
  size_t i, n_ids = 0;

  if (!ids)
    return false;
  json_array_foreach (rows, i, row)
    n_ids += json_id (row, "member", &ids[n_ids]);
  qsort (ids, n_ids, sizeof *ids, by_id);
  for (i = 0; i < n; i++)
    if (!bsearch (&members[i], ids, n_ids, sizeof *ids, by_id))
      return false;
  return true;
}

/* ---- What syncs do with reports. */

static json_t *
safeguard_new (const json_t *hub)
{
  json_t *report = doc_new (&system_caller);

  json_set_text (report, "kind", "safeguard");
  json_set_text (report, "status", "open");
  json_set_text (report, "hub", json_text (hub, "id"));
  json_set_text (report, "hub_label", json_text (hub, "label"));
  return report;
}

/* Whether REPORT is of another set than H: then it is another revision, of H. */
static bool
renew (json_t *report, const struct held *h)
{
  char now[2 * DIGEST_BYTES + 1];

  digest (h, now);
  if (streq (json_text (report, "digest"), now))
    return false;
  (void) json_object_set_new (report, "revision", json_integer (json_number (report, "revision", 0) + 1));
  json_set_text (report, "digest", now);
  (void) json_object_set_new (report, "removed_count", json_integer ((json_int_t) h->n_removed));
  return true;
}

/* Takes REPORT; FRESH: it is told that there is one. */
static void
keep (struct txn *t, json_t *report, const json_t *hub, const char *why, bool fresh)
{
  json_set_text (report, "reason", why);
  put (t, report);
  if (fresh)
    event_add (t, &(struct event) { .type = "report.created", .caller = &system_caller, .hub = hub,
                                    .outcome = "safeguard" });
  json_decref (report);
}

void
report_safeguard (struct txn *t, const json_t *hub, const json_t *task, const struct held *h, const char *why)
{
  const char *applies = json_text (json_object_get (task, "input"), "report");
  json_t *report = report_in (t, hub, "open", "applying");
  bool fresh = !report;

  /* One that is being applied is the affair of the sync that does it. */
  if (!fresh && streq (json_text (report, "status"), "applying") && !streq (json_text (report, "id"), applies))
    {
      json_decref (report);
      return;
    }
  if (fresh)
    report = safeguard_new (hub);
  json_set_text (report, "task", json_text (task, "id"));
  if (renew (report, h))
    {
      (void) json_object_set_new (report, "removed_users",
                                  rows_of ("member", h->removed, h->n_removed, "missing-in-app", true));
      (void) json_object_set_new (report, "updated_roles",
                                  rows_of ("member", h->lowered, h->n_lowered, "lowered-in-app", false));
    }
  keep (t, report, hub, why, fresh);
}

void
report_people (struct txn *t, const struct id *people, size_t n, const char *why, char ret_id[ID_TEXT_SIZE])
{
  const struct held h = { .removed = people, .n_removed = MIN (n, PEOPLE_MAX) };
  json_t *report = report_in (t, NULL, "open", NULL);
  bool fresh = !report;
  struct id id;

  if (fresh)
    report = safeguard_new (NULL);
  if (renew (report, &h))
    {
      (void) json_object_set_new (report, "removed_users", rows_of ("person", people, h.n_removed, "deleted", true));
      (void) json_object_set_new (report, "unlisted", unlisted_of (people, h.n_removed));
    }
  (void) json_id (report, "id", &id);
  id_format (&id, ret_id);
  keep (t, report, NULL, why, fresh);
  issue_raise (t, "access-termination", NULL, NULL, "safeguard-exceeded", why);
}

/* Takes PEOPLE out of REPORT; whoever had no row moves up.  How many were in it. */
static size_t
drop (json_t *report, const json_t *people)
{
  json_t *rows = json_array (), *unlisted = json_array (), *row, *id;
  size_t dropped = 0, i;

  json_array_foreach (json_object_get (report, "removed_users"), i, row)
    if (json_object_get (people, json_text (row, "person")))
      dropped++;
    else
      (void) json_array_append (rows, row);
  json_array_foreach (json_object_get (report, "unlisted"), i, id)
    if (json_object_get (people, json_string_value (id)))
      dropped++;
    else if (json_array_size (rows) < ROWS_MAX)
      (void) json_array_append_new (rows, row_of ("person", json_string_value (id), "deleted", true));
    else
      (void) json_array_append (unlisted, id);
  (void) json_object_set_new (report, "removed_users", rows);
  (void) json_object_set_new (report, "unlisted", unlisted);
  return dropped;
}

void
report_drop_people (struct txn *t, const json_t *people)
{
  json_t *report = report_in (t, NULL, "open", NULL);
  size_t dropped = report ? drop (report, people) : 0;

  if (dropped)
    {
      json_int_t left = json_number (report, "removed_count", 0) - (json_int_t) dropped;

      (void) json_object_set_new (report, "removed_count", json_integer (left));
      (void) json_object_set_new (report, "revision", json_integer (json_number (report, "revision", 0) + 1));
      (void) json_object_del (report, "digest");
      put (t, report);
      if (left <= 0)
        report_withdraw (t, NULL);
    }
  json_decref (report);
}

/* The report that TASK applies, as long as it does; a new reference, NULL = none. */
static json_t *
applied_by (struct txn *t, const json_t *task)
{
  json_t *report = report_get (t, json_text (json_object_get (task, "input"), "report"));

  if (streq (json_text (report, "status"), "applying") && streq (json_text (report, "apply_task"), json_text (task, "id")))
    return report;
  json_decref (report);
  return NULL;
}

json_t *
report_approves (struct txn *t, const json_t *task, const struct held *h)
{
  json_t *report = applied_by (t, task);
  char now[2 * DIGEST_BYTES + 1];

  if (!report)
    return NULL;
  digest (h, now);
  if (streq (json_text (report, "digest"), now)
      || (rows_have (json_object_get (report, "removed_users"), h->removed, h->n_removed)
          && rows_have (json_object_get (report, "updated_roles"), h->lowered, h->n_lowered)))
    return report;
  json_decref (report);
  return NULL;
}

/* What became of each row. */
static void
set_results (struct txn *t, const json_t *hub, json_t *rows)
{
  json_t *row;
  struct id hub_id, member;
  struct member m;
  size_t i;

  if (json_id (hub, "id", &hub_id))
    json_array_foreach (rows, i, row)
      {
        bool is_gone = json_id (row, "member", &member)
                       && (txn_member_get (t, &hub_id, &member, &m) != 1 || !member_is_live (&m.link));

        json_set_text (row, "result", is_gone ? "removed" : "no-longer-needed");
      }
}

void
report_applied (struct txn *t, const json_t *hub, const json_t *task)
{
  json_t *report = applied_by (t, task);
  struct id id;

  if (!report)
    return;
  json_set_text (report, "status", "applied");
  set_results (t, hub, json_object_get (report, "removed_users"));
  put (t, report);
  (void) json_id (task, "id", &id);
  event_add (t, &(struct event) { .type = "report.applied", .caller = &system_caller, .hub = hub, .task = &id,
                                  .outcome = "safeguard",
                                  .details = json_pack ("{s:O}", "report", json_object_get (report, "id")) });
  json_decref (report);
}

void
report_reopen (struct txn *t, const json_t *task)
{
  static const char *const of_apply[] = { "apply_task", "applied_by", "applied_at", "applied_reason" };
  json_t *report = applied_by (t, task);
  size_t i;

  if (!report)
    return;
  json_set_text (report, "status", "open");
  for (i = 0; i < ARRAY_SIZE (of_apply); i++)
    (void) json_object_del (report, of_apply[i]);
  put (t, report);
  json_decref (report);
}

void
report_withdraw (struct txn *t, const json_t *hub)
{
  json_t *report = report_in (t, hub, "open", NULL);

  if (!report)
    return;
  json_set_text (report, "status", "withdrawn");
  put (t, report);
  event_add (t, &(struct event) { .type = "report.withdrawn", .caller = &system_caller, .hub = hub });
  if (!hub)
    issue_resolve (t, NULL, NULL, NULL);
  json_decref (report);
}

/* ---- Showing. */

static void
show_who (struct txn *t, const json_t *hub, json_t *rows)
{
  struct id hub_id = { { 0 } }, id;
  struct member m;
  json_t *row, *person;
  size_t i;

  (void) json_id (hub, "id", &hub_id);
  json_array_foreach (rows, i, row)
    if (json_id (row, "member", &id) && txn_member_get (t, &hub_id, &id, &m) == 1)
      (void) json_object_set_new (row, "who", member_render (t, hub, &m));
    else if (json_id (row, "person", &id) && (person = txn_doc_get (t, STORE_PERSON, &id)))
      {
        (void) json_object_set_new (row, "who", person_render (person));
        json_decref (person);
      }
}

/* WHOLE: with its rows. */
static json_t *
report_render (struct txn *t, const json_t *report, const json_t *hub, bool whole)
{
  static const char *const lists[] = { "removed_users", "updated_roles" };
  json_t *shown = json_copy ((json_t *) (uintptr_t) report), *rows;
  size_t i;

  (void) json_object_del (shown, "created_by");
  (void) json_object_del (shown, "digest");
  (void) json_object_del (shown, "unlisted");
  for (i = 0; i < ARRAY_SIZE (lists); i++)
    {
      rows = whole ? json_deep_copy (json_object_get (report, lists[i])) : NULL;
      (void) json_object_del (shown, lists[i]);
      if (rows)
        {
          show_who (t, hub, rows);
          (void) json_object_set_new (shown, lists[i], rows);
        }
    }
  return shown;
}

static json_t *
show_report (void *arg, struct txn *t, const json_t *report)
{
  return sees_report (arg, t, report) ? report_render (t, report, NULL, /* whole= */ false) : NULL;
}

int
engine_report_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  const char *name = call_query (c, "hub");
  json_t *hub = NULL;
  struct sight s;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_USER, r);

  if (x == 0 && name)
    x = find_hub_seen (t, c->caller, name, &hub, r);
  sight_begin (&s, t, c->caller);
  txn_abort (t);
  if (x == 0)
    x = list_docs (e, c,
                   (struct doc_list) { .kind = STORE_REPORT, .index = hub ? STORE_REPORT_HUB : 0,
                                       .key = json_text (hub, "id"), .newest = true, .show = show_report, .arg = &s },
                   ret, r);
  json_decref (hub);
  return x;
}

/* The report of the path and its hub (NULL: it is of people, and an admin's affair), both the
   caller's also on a refusal. */
static int
report_begin (struct txn *t, const struct call *c, unsigned int scope, enum hub_role role, json_t **ret_report,
              json_t **ret_hub, struct refusal *r)
{
  struct id hub;
  int x = caller_may (t, c->caller, scope, ROLE_GUEST, r);

  if (x < 0)
    return x;
  *ret_report = report_get (t, c->path[0]);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  if (!*ret_report)
    return refuse (r, "not-found", NULL, "There is no report %s.", c->path[0]);
  if (!json_id (*ret_report, "hub", &hub))
    return caller_may (t, c->caller, scope, ROLE_ADMIN, r);
  *ret_hub = txn_doc_get (t, STORE_HUB, &hub);
  return caller_may_hub (t, c->caller, scope, *ret_hub, role, r);
}

int
engine_report_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *report = NULL, *hub = NULL;
  int x = report_begin (t, c, SCOPE_READ, HUB_MANAGER, &report, &hub, r);

  if (x == 0)
    x = answer_read (t, report_render (t, report, hub, /* whole= */ true), ret, r);
  json_decref (report);
  json_decref (hub);
  return x;
}

/* ---- Deciding. */

static int
check_reason (const char *reason, struct refusal *r)
{
  if (!reason || !reason[strspn (reason, " \t\r\n")])
    return refuse (r, "reason-required", "reason", "It is missing: it says why the report is right or wrong.");
  if (utf8_length (reason) > REASON_MAX)
    return refuse (r, "validation-failed", "reason", "A reason has at most %u characters.", REASON_MAX);
  return 0;
}

static int
check_open (const json_t *report, struct refusal *r)
{
  const char *status = json_text (report, "status");

  return streq (status, "open") ? 0 : refuse (r, "report-closed", NULL, "The report is %s already.", status);
}

static int
check_revision (const struct call *c, const json_t *report, struct refusal *r)
{
  json_int_t now = (json_int_t) json_number (report, "revision", 0);

  if (json_number (c->body, "revision", -1) == now)
    return 0;
  return refuse (r, "report-changed", "revision", "The report has changed since revision %lld was read: it is %lld now.",
                 (long long) json_number (c->body, "revision", -1), (long long) now);
}

static int
check_keep (struct txn *t, const struct call *c, const json_t *report, const json_t *hub, struct refusal *r)
{
  const json_t *keep = json_object_get (c->body, "keep");

  if (!hub)
    return leavers_check (t, report, keep, r);
  return !json_object_size (keep) ? 0
         : refuse (r, "validation-failed", "keep",
                   "What a sync would take is applied or dismissed as a whole: to keep a member, dismiss the report.");
}

static int
check_apply (struct txn *t, const struct call *c, const json_t *report, const json_t *hub, struct refusal *r)
{
  long long n = json_number (report, "removed_count", 0);
  int x = 0;

  if (!json_is_integer (json_object_get (c->body, "revision")))
    x = refuse (r, "validation-failed", "revision", "revision is the number of the revision that was read.");
  if (x == 0)
    x = check_reason (json_text (c->body, "reason"), r);
  if (x == 0)
    x = check_keep (t, c, report, hub, r);
  if (x == 0)
    x = check_open (report, r);
  if (x == 0)
    x = check_revision (c, report, r);
  if (x == 0 && !c->confirmed && hub)
    x = refuse (r, "confirmation-required", NULL, "This lets the next sync of %s take %lld members off the hub.",
                json_text (hub, "label"), n);
  else if (x == 0 && !c->confirmed)
    x = refuse (r, "confirmation-required", NULL, "This removes up to %lld people from the workspace.", n);
  return x;
}

static void
note_applied (const struct call *c, json_t *report)
{
  json_set_text (report, "applied_reason", json_text (c->body, "reason"));
  (void) json_object_set_new (report, "applied_by", caller_json (c->caller));
  json_set_time (report, "applied_at", clock_now_ms ());
}

/* One sync of its own, which may take what the report lists. */
static json_t *
apply (struct txn *t, const struct call *c, json_t *report, const json_t *hub)
{
  struct caller by = *c->caller;
  json_t *task;

  by.trigger = "report";
  task = task_new (&by, TASK_SYNC, hub, NULL, NULL, json_pack ("{s:O}", "report", json_object_get (report, "id")));
  json_set_text (report, "status", "applying");
  json_set_text (report, "apply_task", json_text (task, "id"));
  note_applied (c, report);
  put (t, report);
  txn_doc_put (t, STORE_TASK, task);
  event_add (t, &(struct event) { .type = "task.created", .caller = &by, .hub = hub, .outcome = "sync",
                                  .details = json_pack ("{s:O, s:O, s:O}", "report", json_object_get (report, "id"),
                                                        "revision", json_object_get (report, "revision"), "reason",
                                                        json_object_get (c->body, "reason")) });
  return task;
}

/* Those who are still to leave, here and now. */
static json_t *
apply_people (struct txn *t, const struct call *c, json_t *report)
{
  json_t *done = leavers_apply (t, c->caller, report, json_object_get (c->body, "keep"));

  json_set_text (report, "status", "applied");
  note_applied (c, report);
  put (t, report);
  event_add (t, &(struct event) { .type = "report.applied", .caller = c->caller, .outcome = "safeguard",
                                  .details = json_pack ("{s:O, s:O, s:O}", "report", json_object_get (report, "id"),
                                                        "revision", json_object_get (report, "revision"), "reason",
                                                        json_object_get (c->body, "reason")) });
  issue_resolve (t, NULL, NULL, NULL);
  return done;
}

int
engine_report_apply (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *report = NULL, *hub = NULL, *task = NULL, *answer = NULL;
  int x = report_begin (t, c, SCOPE_WRITE, HUB_OWNER, &report, &hub, r);

  if (x == 0)
    x = call_match (c, report_render (t, report, hub, /* whole= */ true), r);
  if (x == 0)
    x = check_apply (t, c, report, hub, r);
  if (x == 0 && hub)
    {
      task = apply (t, c, report, hub);
      answer = task_render (e, task);
    }
  else if (x == 0)
    answer = apply_people (t, c, report);
  x = call_end (e, c, t, x, answer, ret, r);
  if (x == 0 && task)
    queue_add (e, task);
  json_decref (task);
  json_decref (report);
  json_decref (hub);
  return x;
}

int
engine_report_dismiss (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *report = NULL, *hub = NULL, *row;
  size_t i;
  int x = report_begin (t, c, SCOPE_WRITE, HUB_MANAGER, &report, &hub, r);

  if (x == 0)
    x = call_match (c, report_render (t, report, hub, /* whole= */ true), r);
  if (x == 0)
    x = check_reason (json_text (c->body, "reason"), r);
  if (x == 0)
    x = check_open (report, r);
  if (x == 0)
    {
      json_set_text (report, "status", "dismissed");
      json_set_text (report, "dismissed_reason", json_text (c->body, "reason"));
      (void) json_object_set_new (report, "dismissed_by", caller_json (c->caller));
      json_set_time (report, "dismissed_at", clock_now_ms ());
      json_array_foreach (json_object_get (report, "removed_users"), i, row)
        json_set_text (row, "result", "kept");
      put (t, report);
      event_add (t, &(struct event) { .type = "report.dismissed", .caller = c->caller, .hub = hub,
                                      .outcome = json_text (report, "kind"),
                                      .details = json_pack ("{s:O, s:O}", "report", json_object_get (report, "id"),
                                                            "reason", json_object_get (c->body, "reason")) });
    }
  x = call_end (e, c, t, x, x == 0 ? report_render (t, report, hub, /* whole= */ true) : NULL, ret, r);
  json_decref (report);
  json_decref (hub);
  return x;
}
