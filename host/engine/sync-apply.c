/* Owns what a proved listing does to the hub: absences are confirmed, the safeguard is
   asked, the delta is sealed and applied, and one closing step commits it all. */
#include <config.h>

#include "host/engine/sync-run.h"

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/engine/readback.h"

#define CONFIRM_MAX 100u          /* absences asked for one by one */
#define LISTINGS_NEEDED 2u        /* else: missing in so many proved listings in a row */

/* ---- Absences. */

static bool
same_member (const struct buf *a, const struct buf *b)
{
  char x[ROW_NATIVE_MAX], y[ROW_NATIVE_MAX];
  int n = row_native (a->data, a->len, x);

  return n > 0 && row_native (b->data, b->len, y) == n && memcmp (x, y, (size_t) n) == 0;
}

/* Asks the app for one member. */
static enum absence
ask_for (struct sync *s, const struct id *member, struct buf *row)
{
  struct session_limits limits = { .time_max_ms = RUN_TIME_MAX_MS };
  _cleanup_ (buf_done) struct buf shown = BUF_INIT (ROW_MAX + 8);
  struct readback asked = { .r = s->r, .row = &shown };
  struct session_outcome o = { 0 };
  struct wire_call call = { .op = WIRE_OP_READ };
  int32_t x;

  if (merge_row_of (&s->merge, member, row) != 1 || merge_rest (&s->merge) < 0)
    return ABSENCE_UNSURE;
  call.member = (struct wire_blob) { row->data, row->len };
  x = run_call (s->r, s->session, &call, &limits, &readback_events, &asked, NULL, &o);
  session_outcome_done (&o);
  if (x == USHER_ABSENT && !shown.len)
    return ABSENCE_SURE;
  return x == USHER_DONE && shown.len && same_member (row, &shown) ? ABSENCE_DENIED : ABSENCE_UNSURE;
}

/* Which of the missing are gone for sure: on the app's own word where it can be asked, else when
   listings agree or a person said so.  Answers how many are not. */
static size_t
confirm (struct sync *s, enum absence *absences)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX + 8);
  bool ask = streq (app_get_text (s->r->app, "read", "list"), "lookup") && s->merge.n_missing <= CONFIRM_MAX;
  size_t i, waiting = 0;

  for (i = 0; i < s->merge.n_missing; i++)
    {
      if (ask && session_alive (s->session))
        absences[i] = ask_for (s, &s->merge.missing[i], &row);
      else if (s->approved || merge_missed (&s->merge, &s->merge.missing[i]) + 1 >= LISTINGS_NEEDED)
        absences[i] = ABSENCE_SURE;
      waiting += absences[i] != ABSENCE_SURE;
    }
  return waiting;
}

/* ---- The safeguard. */

json_t *
sync_result (const struct sync *s, size_t waiting)
{
  json_t *o = json_pack ("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "listing", listing_name (s->proof.listing), "seen",
                         (json_int_t) s->merge.seen, "added", (json_int_t) s->merge.added, "changed",
                         (json_int_t) s->merge.changed, "removed", (json_int_t) (s->merge.n_missing - waiting),
                         "missing", (json_int_t) waiting, "requests", sync_cost (s, "requests", s->r->requests),
                         "bytes", sync_cost (s, "bytes", s->r->bytes));

  json_set_text (o, "why", s->proof.why[0] ? s->proof.why : NULL);
  return o;
}

/* The settings of now: a threshold that was lowered meanwhile counts. */
static void
renew_settings (struct sync *s)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (s->r->e->store);
  json_t *now = txn_doc_get (t, STORE_HUB, &s->r->hub_id);

  if (now && json_object_get (now, "settings"))
    (void) json_object_set (s->r->hub, "settings", json_object_get (now, "settings"));
  json_decref (now);
}

/* That a listing which is not proved shows nobody means nothing. */
static void
fill_guard (struct sync *s)
{
  const json_t *hub = s->r->hub;
  bool proved = s->proof.listing != LISTING_UNPROVED;

  s->merge.plan.guard = (struct guard) {
    .known = s->merge.known,
    .missing = s->merge.missing_known,
    .seen = proved ? s->merge.others : s->merge.known,
    .threshold = hub_setting (hub, "safeguard-threshold"),
    .floor = hub_setting (hub, "safeguard-floor"),
    .cap = hub_setting (hub, "safeguard-cap"),
    .top = s->merge.top,
    .top_lost = s->merge.top_missing + s->merge.top_lowered,
    .kept = s->merge.kept_missing ? s->merge.kept_missing : s->merge.kept_lowered,
    .ask = hub_asks_removals (hub),
    .who = "members",
  };
}

static struct held
held_by (const struct sync *s)
{
  return (struct held) { .removed = s->merge.missing, .n_removed = s->merge.n_missing,
                         .lowered = s->merge.lowered, .n_lowered = s->merge.n_lowered };
}

/* Whether a person has read all that this sync would take, and applied it. */
static bool
is_approved (struct sync *s)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (s->r->e->store);
  struct held held = held_by (s);
  json_t *report = report_approves (t, s->r->task, &held);
  bool approved = report != NULL;

  json_decref (report);
  return approved;
}

static void
report_stop (struct sync *s, const char *why)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (s->r->e->store);
  const json_t *hub = s->r->hub;
  struct held held = held_by (s);
  int x;

  if (!run_is_wanted (s->r, t))
    return;
  report_safeguard (t, hub, s->r->task, &held, why);
  event_add (t, &(struct event) { .type = "sync.stopped", .caller = &system_caller, .hub = hub,
                                  .task = &s->r->task_id, .outcome = "safeguard-exceeded" });
  x = txn_commit (TAKE (t));
  if (x < 0)
    run_store_failed (s->r, x, "The safeguard report cannot be written");
}

bool
sync_guarded (struct sync *s)
{
  struct plan *plan = &s->merge.plan;

  renew_settings (s);
  fill_guard (s);
  s->approved = is_approved (s);
  if (plan_judge (plan) == GUARD_PASS || s->approved)
    return true;
  (void) json_object_set_new (s->r->task, "sync", sync_result (s, s->merge.n_missing));
  run_fail (s->r, "safeguard-exceeded", "%s", plan->why ? plan->why : "");
  if (s->dry)
    (void) json_object_set_new (s->r->task, "plan", plan_json (plan));
  else
    report_stop (s, plan->why);
  return false;
}

/* Settings that changed while the app was listed make the listing one of another hub. */
bool
sync_still_configured (struct sync *s)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (s->r->e->store);
  json_t *hub = txn_doc_get (t, STORE_HUB, &s->r->hub_id);
  bool same = hub && hub_is_live (hub) && json_number (hub, "generation", -1) == json_number (s->head, "generation", 0);

  json_decref (hub);
  return same;
}

/* ---- Applying. */

/* Roles of the hub: those the app lists, and those that members were seen with. */
static json_t *
hub_roles (const struct sync *s)
{
  json_t *roles = json_deep_copy (s->roles), *ids, *role;
  const char *group, *id;
  size_t i;

  json_object_foreach (s->merge.roles_seen, group, ids)
    {
      const json_t *yes;

      json_object_foreach (ids, id, yes)
        {
          json_array_foreach (roles, i, role)
            if (streq (json_text (role, "id"), id) && streq (json_text (role, "group"), group))
              break;
          if (i == json_array_size (roles) && i < SYNC_ROLES_MAX)
            (void) json_array_append_new (roles, json_pack ("{s:s, s:s, s:s, s:i, s:b}", "id", id, "label", id,
                                                            "group", group, "rank", 0, "assignable", 1));
        }
    }
  return roles;
}

/* What the closing step needs, also after a crash. */
static json_t *
summary (struct sync *s, size_t waiting)
{
  json_t *o = json_object ();

  json_set_id (o, "task", &s->r->task_id);
  (void) json_object_set_new (o, "sync", sync_result (s, waiting));
  (void) json_object_set_new (o, "reappeared", json_integer ((json_int_t) s->merge.reappeared));
  (void) json_object_set_new (o, "roles", hub_roles (s));
  (void) json_object_set (o, "began", json_object_get (s->head, "began"));
  (void) json_object_set (o, "generation", json_object_get (s->head, "generation"));
  return o;
}

/* What a person was given of HUB lapses. */
static void
lapse (struct txn *t, const struct id *hub_id, const struct id *person)
{
  json_t *grants = id_is_zero (person) ? NULL : grants_of (t, hub_id, person), *grant;
  size_t i;

  json_array_foreach (grants, i, grant)
    if (json_flag (grant, "seat"))
      {
        (void) json_object_set_new (grant, "lapsed", json_true ());
        txn_doc_put (t, STORE_GRANT, grant);
      }
  json_decref (grants);
}

static void
raise_expired (struct txn *t, const json_t *hub, const json_t *sum, const char *member)
{
  json_t *about = json_pack ("{s:s, s:s, s:O?}", "kind", "add-user", "member", member, "id",
                             json_object_get (sum, "task"));

  issue_raise (t, "access-management", hub, about, "invite-expired", "The invitation expired before it was accepted.");
  json_decref (about);
}

/* Whether an issue about the invitation of a member of status WAS may be open.  What it was of
   somebody who could not be read is not known here. */
static bool
may_want_invitation (uint16_t was)
{
  return was == MEMBER_INVITE_EXPIRED || was == MEMBER_INVITE_FAILED || was == MEMBER_SYNC_FAILED;
}

/* What failed about those who are gone is settled, and what they were given lapses (behaviour 4.2,
   R39, R67).  Invitations that ended want a person; those that turned out well want none any more. */
int
sync_turned (void *arg _unused_, struct txn *t, const struct id *hub_id, const json_t *sum,
             const struct delta_turn *turns, size_t n)
{
  static const char *const kinds[] = { "add-user", "update-role", "remove-user" };
  json_t *hub = txn_doc_get (t, STORE_HUB, hub_id), *gone = json_object (), *invited = json_object ();
  char text[ID_TEXT_SIZE];
  struct member m;
  size_t i;

  for (i = 0; hub && i < n && txn_error (t) == 0; i++)
    {
      id_format (&turns[i].member, text);
      if (turns[i].now == MEMBER_REMOVED)
        {
          (void) json_object_set_new (gone, text, json_true ());
          if (txn_member_get (t, hub_id, &turns[i].member, &m) == 1)
            lapse (t, hub_id, &m.link.person);
        }
      else if (turns[i].now == MEMBER_INVITE_EXPIRED)
        {
          if (turns[i].was != MEMBER_SYNC_FAILED
              || !issue_is_open (t, hub, "add-user", "invite-expired", text))
            raise_expired (t, hub, sum, text);
        }
      else if (turns[i].now != MEMBER_SYNC_FAILED && turns[i].now != MEMBER_INVITE_FAILED
               && may_want_invitation (turns[i].was))
        (void) json_object_set_new (invited, text, json_true ());
    }
  for (i = 0; json_object_size (gone) && i < ARRAY_SIZE (kinds); i++)
    issue_resolve_all (t, hub, kinds[i], gone);
  if (json_object_size (invited))
    issue_resolve_all (t, hub, "add-user", invited);
  json_decref (invited);
  json_decref (gone);
  json_decref (hub);
  return txn_error (t);
}

/* The commit point: hub, task, report and event together. */
int
sync_close (void *arg, struct txn *t, const struct id *hub_id, json_t *sum)
{
  struct id task_id;
  json_t *hub = txn_doc_get (t, STORE_HUB, hub_id), *task = NULL, *sync = json_object_get (sum, "sync");
  const char *listing = json_text (sync, "listing");
  struct hub_counts counts;
  bool good = !streq (listing, "unproved");

  (void) arg;
  if (hub && json_number (hub, "generation", 0) != json_number (sum, "generation", 0))
    {
      /* The settings changed in the last moment, after they were looked at: the rows stand,
         but nothing is said to be in order, and the task is done again.  A closing step
         never fails for a reason that will not go away: its delta must end. */
      json_decref (hub);
      return txn_error (t);
    }
  if (json_id (sum, "task", &task_id))
    task = txn_doc_get (t, STORE_TASK, &task_id);
  if (hub && task && !json_object_get (task, "ended_at"))
    {
      (void) json_object_set (task, "sync", sync);
      txn_counts (t, hub_id, &counts);
      (void) json_object_set_new (hub, "members_last", json_integer (json_number (sync, "seen", 0)));
      (void) json_object_set (hub, "roles", json_object_get (sum, "roles"));
      if (good)
        {
          hub_app_answers (hub);
          json_set_time (hub, "last_synced_at", json_number (sum, "began", clock_now_ms ()));
          if (streq (listing, "complete"))
            {
              report_applied (t, hub, task);
              report_withdraw (t, hub);
              hub_is_certain (hub);
            }
          else
            report_reopen (t, task);
          if (!hub_waits (hub))
            hub_set_status (t, hub, "healthy", streq (listing, "partial") ? json_text (sync, "why") : NULL,
                            &system_caller);
          task_completed (t, task, hub, "done");
        }
      if (json_number (sum, "reappeared", 0))
        issue_raise (t, "access-termination", hub, task, "reappeared",
                     "The app shows somebody again whom Usher had removed.");
      event_add (t, &(struct event) { .type = "sync.completed", .caller = &system_caller, .hub = hub,
                                      .task = &task_id, .outcome = listing, .details = json_incref (sync) });
      txn_doc_put (t, STORE_HUB, hub);
      txn_doc_put (t, STORE_TASK, task);
    }
  json_decref (hub);
  json_decref (task);
  return txn_error (t);
}

const struct delta_steps sync_steps = { .close = sync_close, .turned = sync_turned };

int
sync_apply (struct sync *s)
{
  _cleanup_ (freep) enum absence *absences = calloc (s->merge.n_missing + 1, sizeof *absences);
  size_t waiting;
  json_t *sum;
  int x;

  if (!absences)
    return -ENOMEM;
  waiting = confirm (s, absences);
  x = merge_missing (&s->merge, absences);
  if (x == 0)
    x = merge_rest (&s->merge);
  if (x < 0)
    return x;
  sum = summary (s, waiting);
  x = delta_seal (s->merge.delta, sum);
  if (x == 0)
    x = fail_point ("sync-sealed");
  if (x == 0 && !sync_still_configured (s))
    x = -ESTALE;
  if (x == 0)
    x = delta_apply (s->merge.delta, &sync_steps);
  if (x == 0 && !sync_still_configured (s))
    x = -ESTALE;
  if (x == 0)
    {
      (void) json_object_set (s->r->task, "sync", json_object_get (sum, "sync"));
      if (s->proof.listing == LISTING_UNPROVED)
        {
          s->r->moved = false;
          run_fail (s->r, "listing-incomplete", "The listing is not proved complete: %s.", s->proof.why);
        }
      else
        s->r->end = RUN_COMPLETED;
    }
  json_decref (sum);
  return x;
}
