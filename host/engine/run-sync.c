/* Owns the course of a sync: list into the spool, prove, sort, merge, guard, confirm
   absences, seal, apply.  A run that is interrupted or fails resumes at its last page;
   a run that ends badly changed nothing. */
#include <config.h>

#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/log.h"
#include "host/engine/readback.h"
#include "host/engine/sync.h"

#define SPOOL_AGE_MAX_MS (24 * 3600 * 1000LL)
#define CONFIRM_MAX 100u          /* absences asked for one by one */
#define LISTINGS_NEEDED 2u        /* else: missing in so many proved listings in a row */
#define REPORT_ROWS_MAX 10000u
#define DUPLICATES_TOLERATED 0u
#define ROLES_MAX 10000u
#define SCOPES_MAX 10000u

/* All that a listing said of one kind and scope: a listing that was cut off and resumed
   has it in several sections, of which the last ends it. */
struct scope
{
  uint32_t kind;
  char *name;                     /* owned; NULL = whole */
  json_t *note;                   /* how it ended; NULL = not */
  uint64_t rows;
};

struct sync
{
  struct run *r;
  struct session *session;
  struct spool *spool;
  struct sorter *rows;
  struct proof proof;
  struct merge merge;
  json_t *head;                   /* of the spool: task, generation, seq, began */
  json_t *roles;                  /* ROLE rows, as the hub keeps them */
  char spool_name[64];
  struct buf cursor;              /* of the last checkpoint */
  uint64_t shown;                 /* rows so far, for the progress */
  uint64_t requests, bytes;
  bool dry, moved;
  bool suspect;                   /* cut off after an answer that was not accepted */
  bool full;                      /* there was no room for the spool */
  uint32_t base;                  /* ordinals of an earlier run that this one goes on from */
  struct scope scopes[SCOPES_MAX];
  size_t n_scopes;
};

/* ---- Listing into the spool. */

/* What the session is told when the spool answers ERROR. */
static int32_t
to_status (struct sync *s, int error)
{
  s->full = s->full || run_no_room (error);
  return error == 0 ? 0 : USHER_E_NOMEM;
}

static int32_t
on_section (void *arg, uint32_t ordinal, uint32_t kind, const char *scope)
{
  struct sync *s = arg;

  return to_status (s, spool_section (s->spool, &(struct spool_section) { .ordinal = s->base + ordinal, .kind = kind,
                                                                       .scope = scope }));
}

static int32_t
on_rows (void *arg, uint32_t ordinal, const void *rows, size_t len, size_t n)
{
  struct sync *s = arg;

  (void) ordinal;
  s->shown += n;
  run_progress (s->r, s->shown, (uint64_t) json_number (s->r->hub, "members_last", 0));
  return to_status (s, spool_rows (s->spool, rows, len));
}

static int32_t
on_section_end (void *arg, const struct session_section *section)
{
  struct sync *s = arg;
  _cleanup_ (freep) char *text = NULL;
  json_t *note = json_pack ("{s:i, s:i, s:s?, s:i, s:I, s:I, s:I, s:I, s:b, s:s?}", "ordinal",
                            (int) (s->base + section->ordinal), "kind", (int) section->kind, "scope", section->scope,
                            "verdict", (int) section->verdict, "total", (json_int_t) section->total, "rows",
                            (json_int_t) section->rows, "requests", (json_int_t) section->requests, "bytes",
                            (json_int_t) section->bytes, "witnessed", section->witnessed, "why", section->why);

  text = note ? json_dumps (note, JSON_COMPACT) : NULL;
  json_decref (note);
  return text ? to_status (s, spool_section_end (s->spool, s->base + section->ordinal, text)) : USHER_E_NOMEM;
}

/* What was listed before an interruption is only worth going on from while nothing
   spoke against it: the second part would know nothing of the first one's faults. */
static void
on_section_cut (void *arg, const struct session_section *section)
{
  struct sync *s = arg;

  s->suspect = s->suspect || !section->witnessed;
}

static int32_t
on_checkpoint (void *arg, const void *cursor, size_t len)
{
  struct sync *s = arg;
  int x = spool_checkpoint (s->spool, cursor, len);

  if (x < 0)
    return to_status (s, x);
  s->moved = true;
  buf_reset (&s->cursor);
  buf_put (&s->cursor, cursor, len);
  if (fail_point ("sync-page") < 0)
    return USHER_E_NOMEM;
  return run_should_yield (s->r) ? USHER_E_CANCELLED : 0;
}

static int32_t
on_fact (void *arg, const char *key, const char *value)
{
  struct sync *s = arg;
  const char *space = json_text (s->r->hub, "space_id");

  if (streq (key, "space.id") && space && !streq (space, value))
    return USHER_E_SPACE;
  return 0;
}

static int32_t
on_state_get (void *arg, const char *key, struct buf *ret)
{
  struct sync *s = arg;

  return run_state_get (s->r, key, ret);
}

static int32_t
on_state_put (void *arg, const char *key, const void *p, size_t len)
{
  struct sync *s = arg;

  return run_state_put (s->r, key, p, len);
}

static int32_t
on_secret_put (void *arg, const char *name, const char *value, int64_t expires_ms)
{
  struct sync *s = arg;

  return run_secret_put (s->r, name, value, expires_ms);
}

static void
on_log (void *arg, uint32_t level, const char *text)
{
  struct sync *s = arg;

  events_log (s->r, level, text);
}

static const struct session_events listing_events = {
  .section = on_section,
  .rows = on_rows,
  .section_end = on_section_end,
  .section_cut = on_section_cut,
  .checkpoint = on_checkpoint,
  .fact = on_fact,
  .state_get = on_state_get,
  .state_put = on_state_put,
  .secret_put = on_secret_put,
  .log = on_log,
};

static int
new_head (struct run *r, json_t **ret)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (r->e->store);
  uint64_t seq = txn_next_seq (t);
  json_t *head;
  int x = txn_commit (TAKE (t));

  if (x < 0)
    return x;
  head = json_object ();
  json_set_text (head, "hub", json_text (r->hub, "id"));
  (void) json_object_set_new (head, "generation", json_integer (json_number (r->hub, "generation", 0)));
  (void) json_object_set_new (head, "seq", json_integer ((json_int_t) seq));
  (void) json_object_set_new (head, "began", json_integer (clock_now_ms ()));
  *ret = head;
  return 0;
}

/* What a killed or interrupted run left is used again if it belongs to the same
   configuration and is younger than a day. */
static bool
head_fits (const struct run *r, const json_t *head)
{
  int64_t age = clock_now_ms () - json_number (head, "began", 0);

  return json_number (head, "generation", -1) == json_number (r->hub, "generation", 0) && age >= 0
         && age < SPOOL_AGE_MAX_MS;
}

static int
open_spool (struct sync *s)
{
  const char *dir = store_work_dir (s->r->e->store), *text;
  const void *cursor = NULL;
  _cleanup_ (freep) char *dump = NULL;
  const struct spool_section *sections;
  size_t len = 0, n;
  int x;

  (void) snprintf (s->spool_name, sizeof s->spool_name, "sync-%s", json_text (s->r->hub, "id"));
  x = spool_open (dir, s->spool_name, &s->spool, &cursor, &len);
  if (x < 0)
    return x;
  text = spool_head (s->spool);
  s->head = text ? json_loads (text, 0, NULL) : NULL;
  if (s->head && head_fits (s->r, s->head))
    {
      if (cursor)
        buf_put (&s->cursor, cursor, len);
      sections = spool_sections (s->spool, &n);
      s->base = n ? sections[n - 1].ordinal : 0;
      return buf_error (&s->cursor);
    }
  json_decref (s->head);
  spool_close (TAKE (s->spool));
  spool_remove (dir, s->spool_name);
  s->head = NULL;
  x = new_head (s->r, &s->head);
  if (x < 0)
    return x;
  dump = json_dumps (s->head, JSON_COMPACT);
  if (!dump)
    return -ENOMEM;
  x = spool_open (dir, s->spool_name, &s->spool, &cursor, &len);
  return x < 0 ? x : spool_set_head (s->spool, dump);
}

static void
drop_spool (struct sync *s)
{
  spool_close (TAKE (s->spool));
  spool_remove (store_work_dir (s->r->e->store), s->spool_name);
  json_decref (TAKE (s->head));
  buf_reset (&s->cursor);
  s->shown = 0;
  s->base = 0;
}

static void
renew_cursor (void *arg, struct wire_call *call)
{
  struct sync *s = arg;

  call->cursor = (struct wire_blob) { s->cursor.data, s->cursor.len };
}

/* True when the app's listing is whole in the spool. */
static bool
list (struct sync *s)
{
  struct session_limits limits = { .time_max_ms = RUN_SYNC_TIME_MAX_MS };
  struct session_outcome o = { 0 };
  struct wire_call call = { .op = WIRE_OP_LIST, .kinds = UINT64_MAX };
  bool again = false;
  int32_t x;

  renew_cursor (s, &call);
  x = run_call (s->r, s->session, &call, &limits, &listing_events, s, renew_cursor, &o);
  if (x == USHER_E_CURSOR && !o.crashed)
    {
      /* The app no longer takes the cursor: the listing begins again, once. */
      again = true;
      drop_spool (s);
      x = open_spool (s) < 0 ? USHER_E_NOMEM : 0;
      renew_cursor (s, &call);
      session_outcome_done (&o);
      if (x == 0)
        x = run_call (s->r, s->session, &call, &limits, &listing_events, s, renew_cursor, &o);
    }
  s->requests = o.requests;
  s->bytes = o.bytes;
  /* A listing that lost its place is no further than before, however many pages it read:
     else an app that forgets each cursor would be asked without end. */
  s->r->moved = s->moved && !again;
  if (x == USHER_E_CANCELLED && run_should_yield (s->r))
    s->r->end = RUN_INTERRUPTED;
  else if (s->full)
    run_park (s->r, "store-full");
  else if (x < 0)
    run_fail_outcome (s->r, &o);
  session_outcome_done (&o);
  if (x < 0)
    {
      if (s->suspect)
        drop_spool (s);
      return false;
    }
  x = spool_finish (s->spool);
  if (x < 0)
    run_store_failed (s->r, x, "The listing cannot be written to disk");
  return x == 0;
}

/* ---- Reading the spool back: proof and order. */

static int
note_role (struct sync *s, const void *row, size_t len)
{
  struct arena arena = ARENA_INIT (ROW_MAX * 2);
  struct row decoded;
  int x = row_get (row, len, &arena, &decoded);

  if (x == 0 && json_array_size (s->roles) < ROLES_MAX)
    (void) json_array_append_new (
      s->roles, json_pack ("{s:s, s:s, s:s, s:i, s:b}", "id", decoded.role.id, "label",
                           decoded.role.label ? decoded.role.label : decoded.role.id, "group",
                           decoded.role.group ? decoded.role.group : "role", "rank", (int) decoded.role.rank,
                           "assignable", (decoded.role.flags & USHER_R_ASSIGNABLE) != 0));
  arena_done (&arena);
  return x;
}

static int
sort_row (struct sync *s, uint32_t ordinal, const void *row, size_t len)
{
  char value[ROW_MAX + 8 + sizeof ordinal], native[ROW_ID_MAX + 8];
  uint8_t key[STORE_ORDER_KEY_MAX];
  struct row_key id;
  size_t n = 0;
  int x = row_key (row, len, &id);

  if (x < 0 || len > ROW_MAX + 8 || id.len > ROW_ID_MAX)
    return x < 0 ? x : -EBADMSG;
  native[n++] = id.space;
  if (id.by_email)
    native[n++] = '\0';
  memcpy (native + n, id.id, id.len);
  memcpy (value, &ordinal, sizeof ordinal);
  memcpy (value + sizeof ordinal, row, len);
  return sorter_add (s->rows, key, store_order_key (native, n + id.len, key), value, len + sizeof ordinal);
}

static struct scope *
scope_of (struct sync *s, const struct spool_section *section)
{
  size_t i;

  /* Sections of one scope follow each other: the search is short. */
  for (i = s->n_scopes; i-- > 0;)
    if (s->scopes[i].kind == section->kind && streq (s->scopes[i].name, section->scope))
      return &s->scopes[i];
  if (s->n_scopes == SCOPES_MAX)
    return NULL;
  s->scopes[s->n_scopes] = (struct scope) { .kind = section->kind,
                                            .name = section->scope ? strdup (section->scope) : NULL };
  return &s->scopes[s->n_scopes++];
}

static int
on_item (void *arg, const struct spool_item *item)
{
  struct sync *s = arg;
  struct scope *scope;
  uint8_t kind;

  scope = scope_of (s, item->section);
  if (!scope)
    return -E2BIG;
  switch (item->type)
    {
    case SPOOL_SECTION:
      /* One that went on after an interruption has no end yet. */
      if (scope->note)
        proof_against (&s->proof, "the connector listed one section twice");
      return 0;
    case SPOOL_SECTION_END:
      json_decref (TAKE (scope->note));
      scope->note = json_loads (item->json, 0, NULL);
      return 0;
    case SPOOL_ROW:
      scope->rows++;
      kind = ((const uint8_t *) item->row)[4];
      if (kind == ROW_ROLE)
        return note_role (s, item->row, item->row_len);
      if (kind == ROW_MEMBER || kind == ROW_ROLE_OF)
        return sort_row (s, item->section->ordinal, item->row, item->row_len);
      return 0;
    }
  return -EBADMSG;
}

static int
prove (struct sync *s)
{
  int x = sorter_new (store_work_dir (s->r->e->store), &s->rows);
  size_t i;

  proof_init (&s->proof);
  s->roles = json_array ();
  if (x == 0)
    x = spool_walk (s->spool, on_item, s);
  if (x == 0)
    x = sorter_finish (s->rows);
  for (i = 0; i < s->n_scopes; i++)
    if (s->scopes[i].note)
      proof_section (&s->proof, s->scopes[i].note, s->scopes[i].rows);
    else
      proof_against (&s->proof, "the listing ended in the middle of a section");
  proof_finish (&s->proof);
  return x;
}

/* ---- Absences. */

/* Asks the app for one member: true when it says that there is none. */
static bool
app_says_absent (struct sync *s, const struct id *member, struct buf *row)
{
  struct session_limits limits = { .time_max_ms = RUN_TIME_MAX_MS };
  _cleanup_ (buf_done) struct buf shown = BUF_INIT (ROW_MAX + 8);
  struct readback asked = { .r = s->r, .row = &shown };
  struct session_outcome o = { 0 };
  struct wire_call call = { .op = WIRE_OP_READ };
  int32_t x;

  if (merge_row_of (&s->merge, member, row) != 1)
    return false;
  call.member = (struct wire_blob) { row->data, row->len };
  x = run_call (s->r, s->session, &call, &limits, &readback_events, &asked, NULL, &o);
  session_outcome_done (&o);
  return x == USHER_ABSENT && !shown.len;
}

/* Which of the missing are gone for sure.  Answers how many are not. */
static size_t
confirm (struct sync *s, bool *confirmed)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX + 8);
  bool ask = streq (app_get_text (s->r->app, "read", "list"), "lookup") && s->merge.n_missing <= CONFIRM_MAX;
  size_t i, waiting = 0;

  for (i = 0; i < s->merge.n_missing; i++)
    {
      if (ask && session_alive (s->session))
        confirmed[i] = app_says_absent (s, &s->merge.missing[i], &row);
      else
        confirmed[i] = merge_missed (&s->merge, &s->merge.missing[i]) + 1 >= LISTINGS_NEEDED;
      waiting += !confirmed[i];
    }
  return waiting;
}

/* ---- The safeguard. */

static json_t *
report_rows (struct sync *s)
{
  json_t *rows = json_array ();
  size_t i;

  for (i = 0; i < s->merge.n_missing && i < REPORT_ROWS_MAX; i++)
    {
      json_t *row = json_object ();

      json_set_id (row, "member", &s->merge.missing[i]);
      json_set_text (row, "cause", "missing-in-app");
      json_set_text (row, "decision", "remove");
      json_set_text (row, "result", "pending");
      (void) json_array_append_new (rows, row);
    }
  return rows;
}

static json_t *
result_json (const struct sync *s, size_t waiting)
{
  json_t *o = json_pack ("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "listing", listing_name (s->proof.listing), "seen",
                         (json_int_t) s->merge.seen, "added", (json_int_t) s->merge.added, "changed",
                         (json_int_t) s->merge.changed, "missing", (json_int_t) waiting, "requests",
                         (json_int_t) s->proof.requests, "bytes", (json_int_t) s->proof.bytes);

  json_set_text (o, "why", s->proof.why[0] ? s->proof.why : NULL);
  return o;
}

/* True when the sync may go on.  Else nothing is applied and a report says why. */
static bool
guarded (struct sync *s)
{
  const json_t *hub = s->r->hub;
  struct guard g;
  enum guard_verdict v;
  _cleanup_ (freep) char *why = NULL;
  _cleanup_ (txn_abortp) struct txn *t = store_read (s->r->e->store);
  json_t *now = txn_doc_get (t, STORE_HUB, &s->r->hub_id);
  int x;

  /* The settings of now: a threshold that was lowered meanwhile counts. */
  txn_abort (TAKE (t));
  if (now && json_object_get (now, "settings"))
    (void) json_object_set (s->r->hub, "settings", json_object_get (now, "settings"));
  json_decref (now);
  g = (struct guard) {
    .known = s->merge.known,
    .missing = s->merge.missing_known,
    .seen = s->merge.others,
    .threshold = hub_setting (hub, "safeguard-threshold"),
    .floor = hub_setting (hub, "safeguard-floor"),
    .cap = hub_setting (hub, "safeguard-cap"),
    .kept_touched = s->merge.kept_touched,
  };
  v = guard_judge (&g);
  if (v == GUARD_PASS)
    return true;
  why = guard_sentence (&g, v);
  (void) json_object_set_new (s->r->task, "sync", result_json (s, s->merge.n_missing));
  if (!s->dry)
    {
      t = store_write (s->r->e->store);
      report_safeguard (t, hub, s->r->task, report_rows (s), why);
      event_add (t, &(struct event) { .type = "sync.stopped", .caller = &system_caller, .hub = hub,
                                      .task = &s->r->task_id, .outcome = "safeguard-exceeded" });
      x = txn_commit (TAKE (t));
      if (x < 0)
        log_error ("%s: the safeguard report cannot be written: %s", json_text (hub, "label"), strerror (-x));
    }
  run_fail (s->r, "safeguard-exceeded", "%s", why);
  return false;
}

/* Settings that changed while the app was listed make the listing one of another hub. */
static bool
still_configured (struct sync *s)
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
          if (i == json_array_size (roles) && i < ROLES_MAX)
            (void) json_array_append_new (roles, json_pack ("{s:s, s:s, s:s, s:i, s:b}", "id", id, "label", id,
                                                            "group", group, "rank", 0, "assignable", 1));
        }
    }
  return roles;
}

/* What the closing step needs, also after a crash. */
static json_t *
summary (struct sync *s, size_t waiting, const bool *confirmed)
{
  json_t *o = json_object (), *gone = json_array ();
  char text[ID_TEXT_SIZE];
  size_t i;

  for (i = 0; i < s->merge.n_missing && i < REPORT_ROWS_MAX; i++)
    if (confirmed[i])
      {
        id_format (&s->merge.missing[i], text);
        (void) json_array_append_new (gone, json_string (text));
      }
  (void) json_object_set_new (o, "gone", gone);

  json_set_id (o, "task", &s->r->task_id);
  (void) json_object_set_new (o, "sync", result_json (s, waiting));
  (void) json_object_set_new (o, "reappeared", json_integer ((json_int_t) s->merge.reappeared));
  (void) json_object_set_new (o, "roles", hub_roles (s));
  (void) json_object_set (o, "began", json_object_get (s->head, "began"));
  (void) json_object_set (o, "generation", json_object_get (s->head, "generation"));
  return o;
}

/* Those who are gone: what failed about them is settled, and what they were given lapses
   (behaviour 4.2, R39, R67). */
static void
settle_gone (struct txn *t, const json_t *hub, const struct id *hub_id, const json_t *gone)
{
  static const char *const kinds[] = { "add-user", "update-role", "remove-user" };
  json_t *text, *grants, *grant;
  size_t i, k;

  json_array_foreach (gone, i, text)
    {
      struct member m;
      struct id id;

      /* One that was decided about meanwhile was left as it is. */
      if (id_parse (json_string_value (text), &id) < 0 || txn_member_get (t, hub_id, &id, &m) != 1
          || member_is_live (&m.link))
        continue;
      grants = id_is_zero (&m.link.person) ? NULL : grants_of (t, hub_id, &m.link.person);
      for (k = 0; k < ARRAY_SIZE (kinds); k++)
        issue_resolve (t, hub, kinds[k], &id);
      json_array_foreach (grants, k, grant)
        if (json_flag (grant, "seat"))
          {
            (void) json_object_set_new (grant, "lapsed", json_true ());
            txn_doc_put (t, STORE_GRANT, grant);
          }
      json_decref (grants);
    }
}

/* The commit point: hub, task, report and event together. */
static int
close_sync (void *arg, struct txn *t, const struct id *hub_id, json_t *sum)
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
          json_set_time (hub, "last_synced_at", json_number (sum, "began", clock_now_ms ()));
          if (streq (listing, "complete"))
            report_withdraw (t, hub);
          if (!hub_waits (hub))
            hub_set_status (t, hub, "healthy", streq (listing, "partial") ? json_text (sync, "why") : NULL,
                            &system_caller);
          task_completed (t, task, hub, "done");
        }
      settle_gone (t, hub, hub_id, json_object_get (sum, "gone"));
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

int
sync_close_after_crash (void *arg, struct txn *t, const struct id *hub, json_t *sum)
{
  return close_sync (arg, t, hub, sum);
}

static int
apply (struct sync *s)
{
  _cleanup_ (freep) bool *confirmed = calloc (s->merge.n_missing + 1, sizeof *confirmed);
  size_t waiting;
  json_t *sum;
  int x;

  if (!confirmed)
    return -ENOMEM;
  waiting = confirm (s, confirmed);
  x = merge_missing (&s->merge, confirmed);
  if (x < 0)
    return x;
  sum = summary (s, waiting, confirmed);
  x = delta_seal (s->merge.delta, sum);
  if (x == 0)
    x = fail_point ("sync-sealed");
  if (x == 0 && !still_configured (s))
    x = -ESTALE;
  if (x == 0)
    x = delta_apply (s->merge.delta, close_sync, NULL);
  if (x == 0 && !still_configured (s))
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

static void
finish_dry (struct sync *s)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (s->r->e->store);
  int x;

  (void) json_object_set_new (s->r->task, "sync", result_json (s, s->merge.n_missing));
  if (!run_is_wanted (s->r, t))
    return;
  run_complete (s->r, t, "no-op");
  x = txn_commit (TAKE (t));
  if (x < 0)
    run_store_failed (s->r, x, "The end of the task cannot be written");
}

static int
merge (struct sync *s)
{
  int x;

  s->merge.proof = &s->proof;
  s->merge.start_seq = (uint64_t) json_number (s->head, "seq", 0);
  s->merge.first = !json_object_get (s->r->hub, "last_synced_at");
  s->merge.dry = s->dry;
  x = store_check_room (s->r->e->store, spool_bytes (s->spool) * 2);
  if (x == 0)
    x = delta_new (s->r->e->store, &s->r->hub_id, &s->merge.delta);
  if (x == 0)
    x = merge_run (&s->merge, s->rows);
  if (x == 0 && s->merge.duplicates > DUPLICATES_TOLERATED)
    proof_against (&s->proof, "the app showed the same member twice while its pages moved");
  if (s->proof.listing == LISTING_UNPROVED)
    s->merge.n_missing = s->merge.missing_known = 0;
  return x;
}

/* A sync that ran out of room while it was applied is finished before anything else. */
static int
finish_former (struct sync *s)
{
  _cleanup_ (delta_freep) struct delta *former = NULL;
  int x = delta_resume (s->r->e->store, &s->r->hub_id, &former);

  if (x == -ENOENT)
    return 0;
  return x < 0 ? x : delta_apply (former, close_sync, NULL);
}

/* What an earlier attempt applied by half, because the disk was full, is applied to its end
   before anything else.  1: that ended this task, 0, or a negative errno. */
static int
roll_forward (struct sync *s)
{
  struct store *store = s->r->e->store;
  struct delta *d = NULL;
  struct txn *t;
  json_t *task;
  int x = delta_resume (store, &s->r->hub_id, &d);

  if (x == -ENOENT)
    return 0;
  if (x == 0)
    x = delta_apply (d, close_sync, NULL);
  delta_free (d);
  if (x < 0)
    return x;
  t = store_read (store);
  task = txn_doc_get (t, STORE_TASK, &s->r->task_id);
  txn_abort (t);
  x = json_object_get (task, "ended_at") ? 1 : 0;
  json_decref (task);
  return x;
}

static void
go (struct sync *s)
{
  int x = finish_former (s);

  if (x == 0)
    x = open_spool (s);

  if (x == 0)
    x = roll_forward (s);
  if (x > 0)
    {
      s->r->end = RUN_COMPLETED;
      drop_spool (s);
      return;
    }
  if (x == 0)
    {
      s->session = run_session (s->r);
      if (!s->session || (!spool_finished (s->spool) && !list (s)))
        return;
      if (!still_configured (s))
        {
          drop_spool (s);
          s->r->end = RUN_INTERRUPTED;
          return;
        }
      x = prove (s);
    }
  if (x == 0)
    x = merge (s);
  if (x == 0 && s->proof.listing != LISTING_UNPROVED && !guarded (s))
    {
      drop_spool (s);
      return;
    }
  if (x == 0 && s->dry)
    finish_dry (s);
  else if (x == 0)
    x = apply (s);
  if (x == -ESTALE)
    s->r->end = RUN_INTERRUPTED;
  else if (x < 0)
    run_store_failed (s->r, x, "The sync cannot be written");
  if (x == 0 || x == -ESTALE)
    drop_spool (s);
}

void
run_sync (struct run *r)
{
  struct sync *s = calloc (1, sizeof *s);
  size_t i;

  if (!s)
    {
      run_fail (r, "store-error", "There is no memory for a sync.");
      return;
    }
  s->r = r;
  s->dry = json_flag (json_object_get (r->task, "input"), "dry_run");
  s->cursor = (struct buf) BUF_INIT (16384);
  merge_init (&s->merge, r);
  go (s);
  run_session_done (r, TAKE (s->session));
  if (s->merge.delta)
    delta_free (s->merge.delta);
  merge_done (&s->merge);
  if (s->rows)
    sorter_free (s->rows);
  if (s->spool)
    spool_close (s->spool);
  for (i = 0; i < s->n_scopes; i++)
    {
      free (s->scopes[i].name);
      json_decref (s->scopes[i].note);
    }
  buf_done (&s->cursor);
  json_decref (s->head);
  json_decref (s->roles);
  free (s);
}
