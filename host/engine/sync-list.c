/* Owns the listing of a sync: what the app shows goes into the spool, and comes back out
   of it judged and sorted. */
#include <config.h>

#include "host/engine/sync-run.h"

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/failure.h"

#define SPOOL_AGE_MAX_MS (24 * 3600 * 1000LL)

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

  /* Without the place that it goes on from there is nothing to list into. */
  if (s->lost < 0)
    return to_status (s, s->lost);
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

/* What was listed before an interruption is only worth going on from where nothing spoke
   against it: the second part would know nothing of the first one's faults. */
static int32_t
on_checkpoint (void *arg, const void *cursor, size_t len)
{
  struct sync *s = arg;
  bool doubt = session_doubts (s->session);
  int x = doubt ? spool_doubt (s->spool) : 0;

  if (x == 0)
    x = spool_checkpoint (s->spool, cursor, len);
  if (x < 0)
    return to_status (s, x);
  s->moved = s->moved || !doubt;
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

static const struct session_events listing_events = {
  .section = on_section,
  .rows = on_rows,
  .section_end = on_section_end,
  .checkpoint = on_checkpoint,
  .fact = on_fact,
  RUN_EVENTS,
};

/* What is verified about a member after the newest sequence of now, the listing says nothing of. */
static int
new_head (struct run *r, json_t **ret)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (r->e->store);
  uint64_t seq = txn_last_seq (t);
  json_t *head;

  if (txn_error (t) < 0)
    return txn_error (t);
  head = json_object ();
  json_set_text (head, "hub", json_text (r->hub, "id"));
  json_set_text (head, "task", json_text (r->task, "id"));
  (void) json_object_set_new (head, "generation", json_integer (json_number (r->hub, "generation", 0)));
  (void) json_object_set_new (head, "seq", json_integer ((json_int_t) seq));
  (void) json_object_set_new (head, "began", json_integer (clock_now_ms ()));
  *ret = head;
  return 0;
}

/* Whether the first row of the listing is younger than a day. */
static bool
is_fresh (const json_t *head)
{
  int64_t age = clock_now_ms () - json_number (head, "began", 0);

  return age >= 0 && age < SPOOL_AGE_MAX_MS;
}

/* What a killed or interrupted run left is used again by the same task, if it belongs to the
   same configuration. */
static bool
head_fits (const struct run *r, const json_t *head)
{
  return streq (json_text (head, "task"), json_text (r->task, "id"))
         && json_number (head, "generation", -1) == json_number (r->hub, "generation", 0) && is_fresh (head);
}

int
sync_open_spool (struct sync *s)
{
  const char *dir = store_work_dir (s->r->e->store), *text;
  const void *cursor = NULL;
  _cleanup_ (freep) char *dump = NULL;
  const struct spool_section *sections;
  size_t len = 0, n;
  int x;

  x = spool_open (dir, s->spool_name, &s->spool, &cursor, &len);
  if (x < 0)
    return x;
  text = spool_head (s->spool);
  s->head = text ? json_loads (text, 0, NULL) : NULL;
  if (s->head && head_fits (s->r, s->head))
    {
      sections = spool_sections (s->spool, &n);
      s->base = n ? sections[n - 1].ordinal : 0;
      return 0;
    }
  json_decref (TAKE (s->head));
  if (text)
    {
      /* Another task's or configuration's, or too old. */
      spool_close (TAKE (s->spool));
      spool_remove (dir, s->spool_name);
      x = spool_open (dir, s->spool_name, &s->spool, &cursor, &len);
      if (x < 0)
        return x;
    }
  x = new_head (s->r, &s->head);
  if (x < 0)
    return x;
  dump = json_dumps (s->head, JSON_COMPACT);
  if (!dump)
    return -ENOMEM;
  return spool_set_head (s->spool, dump);
}

void
sync_drop_spool (struct sync *s)
{
  spool_close (TAKE (s->spool));
  spool_remove (store_work_dir (s->r->e->store), s->spool_name);
  json_decref (TAKE (s->head));
  buf_reset (&s->cursor);
  s->shown = 0;
  s->base = 0;
}

/* The listing goes on, or begins, behind what the spool vouches for. */
static void
renew_cursor (void *arg, struct wire_call *call)
{
  struct sync *s = arg;
  const void *cursor = NULL;
  size_t len = 0;

  s->lost = spool_rewind (s->spool, &cursor, &len);
  buf_reset (&s->cursor);
  buf_put (&s->cursor, cursor, len);
  call->cursor = (struct wire_blob) { s->cursor.data, s->cursor.len };
}

/* True when the app's listing is whole in the spool. */
bool
sync_list (struct sync *s)
{
  struct session_limits limits = { .time_max_ms = RUN_SYNC_TIME_MAX_MS, .bytes_max = RUN_SYNC_BYTES_MAX };
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
      sync_drop_spool (s);
      x = sync_open_spool (s) < 0 ? USHER_E_NOMEM : 0;
      renew_cursor (s, &call);
      session_outcome_done (&o);
      if (x == 0)
        x = run_call (s->r, s->session, &call, &limits, &listing_events, s, renew_cursor, &o);
    }
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
  /* An answer that asking again does not mend speaks against the pages before it too. */
  if (s->r->end == RUN_FAILED && !failure_find (s->r->code)->retry)
    sync_drop_spool (s);
  if (x < 0)
    return false;
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

  if (x == 0 && json_array_size (s->roles) < SYNC_ROLES_MAX)
    (void) json_array_append_new (
      s->roles, json_pack ("{s:s, s:s, s:s, s:i, s:b}", "id", decoded.role.id, "label",
                           decoded.role.label ? decoded.role.label : decoded.role.id, "group",
                           decoded.role.group ? decoded.role.group : "role", "rank", (int) decoded.role.rank,
                           "assignable", (decoded.role.flags & USHER_R_ASSIGNABLE) != 0));
  arena_done (&arena);
  return x;
}

static int
sort_row (struct sync *s, const struct spool_item *item, const struct scope *scope)
{
  struct sync_place place = { .at = item->at, .scope = (uint32_t) (scope - s->scopes) };
  uint8_t key[STORE_ORDER_KEY_MAX];
  char native[ROW_NATIVE_MAX];
  int n = row_native (item->row, item->row_len, native);

  return n < 0 ? n : sorter_add (s->rows, key, store_order_key (native, (size_t) n, key), &place,
                                 SYNC_PLACE_SIZE);
}

static struct scope *
scope_of (struct sync *s, const struct spool_section *section)
{
  size_t i;

  /* Sections of one scope follow each other: the search is short. */
  for (i = s->n_scopes; i-- > 0;)
    if (s->scopes[i].kind == section->kind && streq (s->scopes[i].name, section->scope))
      return &s->scopes[i];
  if (s->n_scopes == SYNC_SCOPES_MAX)
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
        return sort_row (s, item, scope);
      return 0;
    }
  return -EBADMSG;
}

int
sync_prove (struct sync *s)
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
  if (!is_fresh (s->head))
    proof_against (&s->proof, "the listing took more than a day");
  proof_finish (&s->proof);
  return x;
}
