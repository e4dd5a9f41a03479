/* Owns the course of one change: intent on disk, call, read-back, outcome.  The intent
   is committed before anything is sent; when the answer is lost (an uncertain status, a
   crash, a restart) the member is read back before anything is sent again.  Success is
   what the app shows, not what a connector says. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/failure.h"
#include "host/common/text.h"
#include "host/engine/members.h"
#include "host/engine/readback.h"

#define ROLES_MAX 200u
#define FIELDS_MAX 200u
#define ARENA_BYTES (1024u * 1024)
#define INVITE_LINK_MAX 2048u
#define LOOKS 4u              /* read-backs of one answer: apps lag behind their writes */
#define LOOK_WAIT_MS 150      /* before the second; doubled each time */
#define KEY_LIFETIME_MS (12 * 3600 * 1000LL) /* apps remember an idempotency key for a day, most of them */

struct change
{
  struct run *r;
  struct session *session;
  enum task_kind kind;
  const json_t *input;
  struct arena arena;
  struct buf row;             /* the member as last known: what the call is about */
  struct buf shown;           /* the member as the app shows it now */
  struct usher_kv roles[ROLES_MAX], fields[FIELDS_MAX];
  size_t n_roles, n_fields;
  char key[ID_TEXT_SIZE];     /* same for every attempt of this intent */
  struct buf resume;          /* what the connector's checkpoint kept */
  struct id member;
  char *note;                 /* owned; what a person has to know or pass on afterwards, or NULL */
  char *ended;                /* owned; the mark of the invitation that this one follows, or NULL */
  bool resend;                /* the invitation that is out is to be mailed again */
  bool anew;                  /* update-role: the member is removed and invited again */
  struct buf invitee;         /* anew: who is invited, by address alone */
  bool doubt;                 /* nobody knows whether the app did what it was asked */
  bool there_already;         /* add-user: the app had the account, or an earlier attempt made it */
};

/* ---- What the call is made of. */

static void
read_wishes (struct change *c)
{
  json_t *role, *value;
  const char *key;
  size_t i;

  json_array_foreach (json_object_get (c->input, "roles"), i, role)
    if (c->n_roles < ROLES_MAX)
      c->roles[c->n_roles++] = (struct usher_kv) { json_text (role, "group"), json_text (role, "id") };
  json_object_foreach ((json_t *) json_object_get (c->input, "fields"), key, value)
    if (c->n_fields < FIELDS_MAX && json_is_string (value))
      c->fields[c->n_fields++] = (struct usher_kv) { key, json_string_value (value) };
}

/* The row of WHO as somebody the app does not have yet, or as an invitation that it never shows
   and that is good until EXPIRES_MS. */
static int
put_invitee (const struct usher_member *who, int64_t expires_ms, struct buf *out)
{
  buf_reset (out);
  return row_put_member (out, &(struct usher_member) {
                                    .size = sizeof (struct usher_member),
                                    .state = USHER_PENDING,
                                    .email = who->email,
                                    .username = who->username,
                                    .first_name = who->first_name,
                                    .last_name = who->last_name,
                                    .expires_ms = expires_ms,
                                  });
}

static int
invitee_row (const struct change *c, int64_t expires_ms, struct buf *out)
{
  const json_t *in = c->input;

  return put_invitee (&(struct usher_member) {
                        .email = json_text (in, "email"),
                        .username = json_text (in, "username"),
                        .first_name = json_text (in, "first_name"),
                        .last_name = json_text (in, "last_name"),
                      },
                      expires_ms, out);
}

static int
load_member (struct change *c)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (c->r->e->store);
  struct member m;
  struct row row;

  if (!json_id (c->r->task, "member", &c->member)
      || txn_member_get (t, &c->r->hub_id, &c->member, &m) != 1)
    return -ENOENT;
  /* Whoever is invited anew is nobody to the app: the invitation that ended is another thing. */
  if (!m.row || (c->kind == TASK_ADD_USER && !c->resend && (m.link.flags & MEMBER_F_INVITE)))
    {
      if (m.row && row_get (m.row, m.row_len, &c->arena, &row) == 0)
        c->ended = invitation_mark (&row.member);
      return invitee_row (c, 0, &c->row);
    }
  buf_put (&c->row, m.row, m.row_len);
  if (c->anew)
    {
      int x = row_get (m.row, m.row_len, &c->arena, &row);

      if (x == 0)
        x = put_invitee (&row.member, 0, &c->invitee);
      if (x < 0)
        return x;
    }
  return buf_error (&c->row);
}

/* ---- Is it still wanted? */

/* A seat by a grant that was given, or one that was adopted. */
static bool
has_seat_grant (struct txn *t, const struct id *hub, const struct member_link *link)
{
  json_t *grants, *grant;
  bool seat = link->flags & MEMBER_F_ADOPTED;
  size_t i;

  if (id_is_zero (&link->person))
    return false;
  grants = grants_of (t, hub, &link->person);
  json_array_foreach (grants, i, grant)
    seat = seat || (json_flag (grant, "seat") && !json_flag (grant, "lapsed"));
  json_decref (grants);
  return seat;
}

/* A role change that failed and is retried must not undo a newer one. */
static bool
roles_superseded (struct txn *t, const json_t *task, const struct id *hub, const struct id *person)
{
  json_t *grant = grant_direct (t, hub, person);
  bool superseded = grant && !json_equal (json_object_get (grant, "roles"),
                                          json_object_get (json_object_get (task, "input"), "roles"));

  json_decref (grant);
  return superseded;
}

const char *
change_not_wanted (struct txn *t, const json_t *task, const json_t *hub, const struct member_link *link)
{
  json_t *person = id_is_zero (&link->person) ? NULL : txn_doc_get (t, STORE_PERSON, &link->person);
  bool gone = !person || streq (json_text (person, "status"), "removed");
  const char *kind = json_text (task, "kind");
  struct id asked = { { 0 } }, hub_id = { { 0 } };

  json_decref (person);
  (void) json_id (task, "person", &asked);
  (void) json_id (hub, "id", &hub_id);
  if (link->flags & MEMBER_F_EXEMPT)
    return "The member was exempted since.";
  if (link->flags & MEMBER_F_AUTOMATION)
    return "The member is the automation account of the hub.";
  if (streq (kind, "remove-user"))
    {
      if (!id_is_zero (&link->person) && !id_equal (&link->person, &asked))
        return "The member was matched to somebody else since.";
      return has_seat_grant (t, &hub_id, link) ? "The person was given a seat again." : NULL;
    }
  if (gone || !id_equal (&link->person, &asked))
    return "The person was removed or unmatched since.";
  if (streq (kind, "update-role") && roles_superseded (t, task, &hub_id, &link->person))
    return "The roles were changed since.";
  return has_seat_grant (t, &hub_id, link) ? NULL : "Nothing gives the person a seat any more.";
}

/* Ends the task where it is not wanted; true when it goes on. */
static bool
still_wanted (struct change *c)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (c->r->e->store);
  struct member m;
  const char *why;
  int x;

  if (txn_member_get (t, &c->r->hub_id, &c->member, &m) != 1)
    return true;
  why = change_not_wanted (t, c->r->task, c->r->hub, &m.link);
  if (!why)
    return true;
  if (!run_is_wanted (c->r, t))
    return false;
  if (!m.key)
    txn_member_delete (t, &c->r->hub_id, &c->member);
  else if (!(m.link.flags & MEMBER_F_EXEMPT))
    {
      m.link.status = id_is_zero (&m.link.person)           ? MEMBER_UNMATCHED
                      : m.link.flags & MEMBER_F_INVITE ? MEMBER_PENDING_INVITE
                                                       : member_settled (c->r->hub);
      m.row = NULL;
      txn_member_put (t, &c->r->hub_id, &m);
    }
  json_set_text (c->r->task, "message", why);
  run_complete (c->r, t, "no-op");
  x = txn_commit (TAKE (t));
  if (x < 0)
    run_store_failed (c->r, x, "The end of the change cannot be written");
  return false;
}

/* ---- The intent. */

static bool
was_called (const struct change *c)
{
  return streq (json_text (json_object_get (c->r->task, "intent"), "phase"), "called");
}

/* "called": it is about to be sent, or may have been; "later": the app is at work on it,
   the connector's checkpoint tells where to go on; "failed": the app said no.  What a person
   said about a doubt ("again") holds for one call. */
static int
set_intent (struct change *c, const char *phase)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (c->r->e->store);
  json_t *intent = json_object_get (c->r->task, "intent");

  if (!run_is_wanted (c->r, t))
    return txn_error (t) < 0 ? txn_error (t) : -ECANCELED;
  if (!intent)
    {
      intent = json_object ();
      (void) json_object_set_new (c->r->task, "intent", intent);
      json_set_text (intent, "key", c->key);
    }
  json_set_text (intent, "phase", phase);
  json_set_time (intent, "at", clock_now_ms ());
  if (streq (phase, "called"))
    {
      json_set_text (c->r->task, "status", "running");
      (void) json_object_del (intent, "again");
      json_set_text (intent, "ended", c->ended);
      if (!json_object_get (intent, "sent_at"))
        json_set_time (intent, "sent_at", clock_now_ms ());
    }
  json_set_time (c->r->task, "updated_at", clock_now_ms ());
  txn_doc_put (t, STORE_TASK, c->r->task);
  return txn_commit (TAKE (t));
}

static int32_t
on_checkpoint (void *arg, const void *p, size_t len)
{
  struct readback *b = arg;
  struct change *c = b->owner;
  json_t *intent = json_object_get (c->r->task, "intent");
  _cleanup_ (freep) char *hex = malloc (len * 2 + 1);

  if (!hex || !intent)
    return USHER_E_NOMEM;
  hex_encode (p, len, hex);
  json_set_text (intent, "resume", hex);
  return set_intent (c, "called") < 0 ? USHER_E_NOMEM : 0;
}

static void
read_intent (struct change *c)
{
  const json_t *intent = json_object_get (c->r->task, "intent");
  const char *key = json_text (intent, "key"), *resume = json_text (intent, "resume");
  const char *phase = json_text (intent, "phase"), *ended = json_text (intent, "ended");
  struct id fresh = id_new ();

  /* What an earlier attempt may have sent is not what it followed, though a sync saw it since. */
  if (phase && !streq (phase, "failed") && !json_flag (intent, "again"))
    {
      free (c->ended);
      c->ended = ended ? strdup (ended) : NULL;
    }
  id_format (&fresh, c->key);
  if (key && strlen (key) < sizeof c->key)
    memcpy (c->key, key, strlen (key) + 1);
  if (resume)
    {
      size_t len = strlen (resume) / 2;
      void *at = buf_reserve (&c->resume, len + 1);

      if (at && hex_decode (resume, at, len) == 0)
        c->resume.len = len;
    }
}

/* ---- Is the change there? */

static bool
same_group (const struct usher_kv *a, const struct usher_kv *b)
{
  return streq (a->key ? a->key : "role", b->key ? b->key : "role");
}

static bool
has_roles (const struct change *c, const struct usher_member *shown, bool exactly)
{
  size_t i, j;

  for (i = 0; i < c->n_roles; i++)
    {
      for (j = 0; j < shown->n_roles; j++)
        if (streq (shown->roles[j].value, c->roles[i].value) && same_group (&shown->roles[j], &c->roles[i]))
          break;
      if (j == shown->n_roles)
        return false;
    }
  /* Nothing beside them in the groups that are wanted; other groups are another's affair. */
  for (j = 0; exactly && j < shown->n_roles; j++)
    {
      bool wanted = false, group = c->n_roles == 0;

      for (i = 0; i < c->n_roles; i++)
        {
          group = group || same_group (&shown->roles[j], &c->roles[i]);
          wanted = wanted || streq (shown->roles[j].value, c->roles[i].value);
        }
      if (group && !wanted)
        return false;
    }
  return true;
}

/* Of an answer that was lost the invitation that ended says nothing, though the app shows it. */
static bool
is_ended (const struct change *c, const struct usher_member *shown)
{
  _cleanup_ (freep) char *mark = c->doubt && c->ended ? invitation_mark (shown) : NULL;

  return mark && streq (mark, c->ended);
}

/* Whether what the app shows (NULL = it says that there is nobody) is what was wanted. */
static bool
is_done (const struct change *c, const struct usher_member *shown)
{
  const char *policy = app_remove_policy (c->r->app, json_object_get (c->r->hub, "fields"));

  switch (c->kind)
    {
    case TASK_ADD_USER:
      /* Somebody who was there before, or is only invited, need not have the roles yet. */
      return shown && ((shown->state == USHER_PENDING && !is_ended (c, shown))
                       || (shown->state < USHER_PENDING && shown->state != USHER_DISABLED
                           && (c->there_already || has_roles (c, shown, false))));
    case TASK_UPDATE_ROLE:
      /* Who had not joined is refused before: an invitation is the new one. */
      return shown && (has_roles (c, shown, true) || (c->anew && shown->state == USHER_PENDING));
    case TASK_REMOVE_USER:
      return !shown || shown->state == USHER_DISABLED || (streq (policy, "strip") && shown->n_roles == 0);
    case TASK_VALIDATE:
    case TASK_SYNC:
      break;
    }
  return false;
}

enum look { LOOK_DONE, LOOK_NOT_DONE, LOOK_FAILED };

static enum look
look_for (struct change *c, const struct buf *who)
{
  struct usher_member shown;
  int there;

  arena_reset (&c->arena);
  there = readback (c->r, c->session, who, &c->shown, &c->arena, &shown);
  if (there < 0)
    return LOOK_FAILED;
  return is_done (c, there ? &shown : NULL) ? LOOK_DONE : LOOK_NOT_DONE;
}

/* Asks the app, a few times where it says "not yet".  On LOOK_FAILED the run says why. */
static enum look
look (struct change *c, unsigned int times)
{
  int64_t wait_ms = LOOK_WAIT_MS;
  unsigned int i;

  for (i = 0; i < times; i++)
    {
      enum look seen;

      if (i)
        {
          (void) usleep ((useconds_t) wait_ms * 1000);
          wait_ms *= 2;
        }
      seen = look_for (c, &c->row);
      /* The id of before says nothing about whoever was invited since. */
      if (seen == LOOK_NOT_DONE && c->anew)
        seen = look_for (c, &c->invitee);
      if (seen != LOOK_NOT_DONE)
        return seen;
    }
  return LOOK_NOT_DONE;
}

/* ---- The outcome in the store. */

static int
row_native_key (const struct buf *row, struct buf *out)
{
  char native[ROW_NATIVE_MAX];
  int n = row_native (row->data, row->len, native);

  if (n < 0)
    return n;
  buf_put (out, native, (size_t) n);
  return buf_error (out);
}

static void
clear_state (struct member_link *link, uint32_t state)
{
  link->flags &= ~(MEMBER_F_DISABLED | MEMBER_F_INVITE | MEMBER_F_BY_USHER);
  link->flags |= MEMBER_F_SEEN;
  if (state == USHER_DISABLED)
    link->flags |= MEMBER_F_DISABLED;
  if (state >= USHER_PENDING)
    link->flags |= MEMBER_F_INVITE;
  if (state == USHER_ACTIVE)
    invitation_accepted (link);
  link->missed = 0;
}

/* Somebody who was in the app before keeps the roles of then: the wanted ones are the
   next task's (behaviour 6.3). */
static bool
lacks_roles (const struct change *c, const struct usher_member *shown)
{
  return c->kind == TASK_ADD_USER && shown->state == USHER_ACTIVE && c->n_roles && !has_roles (c, shown, true)
         && streq (app_get_text (c->r->app, "update", "none"), "in-place");
}

static bool
is_by_login (const struct change *c)
{
  return c->kind == TASK_ADD_USER && invitation_by_login (c->r->app);
}

static uint16_t
status_after (const struct change *c, const struct usher_member *shown, const struct member_link *link)
{
  uint32_t state = shown->state;

  if (c->kind == TASK_REMOVE_USER)
    return MEMBER_REMOVED;
  if (c->kind == TASK_ADD_USER && lacks_roles (c, shown))
    return MEMBER_AWAITING_UPDATE;
  if (state >= USHER_PENDING)
    return is_by_login (c) ? MEMBER_AWAITING_LOGIN : MEMBER_PENDING_INVITE;
  return id_is_zero (&link->person) ? MEMBER_UNMATCHED : member_settled (c->r->hub);
}

/* The account was there all along under another link: it takes over person and grant,
   and the row made for the invitation goes.  One that somebody else has, or that Usher
   promised to leave alone, is not taken: -EPERM. */
static int
take_over (struct change *c, struct txn *t, const struct buf *key, struct member *m)
{
  struct member there;
  struct member_link made = m->link;

  if (txn_member_by_key (t, &c->r->hub_id, key->data, key->len, &there) != 1 || id_equal (&there.link.id, &made.id))
    return 0;
  if ((member_is_live (&there.link) && !id_is_zero (&there.link.person)
       && !id_equal (&there.link.person, &made.person))
      || (there.link.flags & (MEMBER_F_EXEMPT | MEMBER_F_AUTOMATION)))
    return -EPERM;
  /* Deleted first: a person has one live member in a hub.  What was borrowed before a
     write is read anew. */
  txn_member_delete (t, &c->r->hub_id, &made.id);
  if (txn_member_by_key (t, &c->r->hub_id, key->data, key->len, m) != 1)
    return -ENOENT;
  m->link.person = made.person;
  m->link.flags |= made.flags & (MEMBER_F_GUEST | MEMBER_F_ADOPTED);
  m->link.hub_role = made.hub_role;
  json_set_id (c->r->task, "member", &m->link.id);
  return 0;
}

static const char *
event_after (const struct change *c, uint16_t status)
{
  if (c->kind == TASK_REMOVE_USER)
    return "member.removed";
  if (c->kind == TASK_UPDATE_ROLE)
    return "member.role-updated";
  return status == MEMBER_PENDING_INVITE || is_by_login (c) ? "member.invited" : "member.joined";
}

static json_t *
role_task (const struct change *c, struct txn *t, const struct member_link *link)
{
  json_t *task = task_new (&system_caller, TASK_UPDATE_ROLE, c->r->hub, &link->id, &link->person,
                           json_pack ("{s:O}", "roles", json_object_get (c->input, "roles")));

  txn_doc_put (t, STORE_TASK, task);
  event_add (t, &(struct event) { .type = "task.created", .caller = &system_caller, .hub = c->r->hub,
                                  .member = &link->id, .outcome = "update-role" });
  return task;
}

/* Member, events and the end of the task in one commit. */
static int
commit_done (struct change *c, bool no_op)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (c->r->e->store);
  _cleanup_ (buf_done) struct buf key = BUF_INIT (ROW_ID_MAX + 8);
  _cleanup_ (arena_done) struct arena held = ARENA_INIT (MEMBER_HELD_MAX);
  struct member m;
  struct row row = { 0 };
  json_t *follow_up = NULL;
  uint16_t before;
  int x;

  if (txn_member_get (t, &c->r->hub_id, &c->member, &m) != 1)
    return txn_error (t) ? txn_error (t) : -ENOENT;
  if (c->shown.len)
    {
      arena_reset (&c->arena);
      if (row_get (c->shown.data, c->shown.len, &c->arena, &row) < 0 || row_native_key (&c->shown, &key) < 0)
        return -EBADMSG;
      x = take_over (c, t, &key, &m);
      if (x < 0)
        return x;
      m.key = key.data;
      m.key_len = key.len;
      m.row = c->shown.data;
      m.row_len = c->shown.len;
      clear_state (&m.link, row.member.state);
    }
  else
    m.row = NULL;
  x = member_hold (&m, &held);
  if (x < 0)
    return x;
  before = m.link.status;
  m.link.status = status_after (c, &row.member, &m.link);
  if (m.link.status != before)
    m.link.changed_ms = clock_now_ms ();
  if (c->kind == TASK_REMOVE_USER)
    {
      m.link.flags |= MEMBER_F_BY_USHER;
      m.link.last_seen_ms = clock_now_ms ();
    }
  if ((c->kind == TASK_ADD_USER || (c->shown.len && row.member.state == USHER_PENDING)) && (c->note || !c->resend))
    m.link.note = c->note;
  if (!is_by_login (c) && c->kind != TASK_REMOVE_USER && c->shown.len && row.member.state >= USHER_PENDING && !no_op)
    invitation_sent (&m.link);
  m.link.seq = txn_next_seq (t);
  txn_member_put (t, &c->r->hub_id, &m);
  if (c->kind == TASK_REMOVE_USER && !m.key)
    txn_member_delete (t, &c->r->hub_id, &m.link.id);
  event_add (t, &(struct event) { .type = event_after (c, m.link.status), .caller = &system_caller,
                                  .hub = c->r->hub, .member = &m.link.id,
                                  .person = id_is_zero (&m.link.person) ? NULL : &m.link.person,
                                  .task = &c->r->task_id, .outcome = no_op ? "no-op" : "done" });
  if (lacks_roles (c, &row.member))
    follow_up = role_task (c, t, &m.link);
  issue_resolve (t, c->r->hub, json_text (c->r->task, "kind"), &m.link.id);
  hub_app_answered (t, &c->r->hub_id);
  /* What was done at the app is kept also when the hub went meanwhile. */
  if (run_is_wanted (c->r, t))
    run_complete (c->r, t, no_op ? "no-op" : "done");
  txn_fail (t, fail_point ("change-commit"));
  x = txn_commit (TAKE (t));
  if (x == 0 && follow_up)
    queue_add (c->r->e, follow_up);
  json_decref (follow_up);
  return x;
}

static void
finish (struct change *c, bool no_op)
{
  int x = commit_done (c, no_op);

  if (x == -EPERM)
    run_fail (c->r, "refused-by-app", "The app answers with an account that belongs to somebody else, or is exempted.");
  else if (x < 0)
    {
      c->r->end = RUN_FAILED;
      run_store_failed (c->r, x, "The outcome of the change cannot be written");
    }
}

/* ---- The call. */

static const uint32_t ops[] = {
  [TASK_ADD_USER] = WIRE_OP_INVITE,
  [TASK_UPDATE_ROLE] = WIRE_OP_SET_ROLE,
  [TASK_REMOVE_USER] = WIRE_OP_REMOVE,
};

static int32_t
call (struct change *c, struct session_outcome *o)
{
  struct session_limits limits = { .time_max_ms = RUN_TIME_MAX_MS };
  struct session_events events = readback_events;
  struct readback b = { .r = c->r, .row = &c->shown, .owner = c };
  struct wire_call wire = {
    .op = c->resend ? WIRE_OP_RESEND : ops[c->kind],
    .attempt = (uint32_t) json_number (c->r->task, "attempts", 1),
    .member = { c->row.data, c->row.len },
    .roles = { c->roles, c->n_roles },
    .fields = { c->fields, c->n_fields },
    .key = c->key,
    .resume = { c->resume.data, c->resume.len },
  };

  events.checkpoint = on_checkpoint;
  buf_reset (&c->shown);
  return run_call (c->r, c->session, &wire, &limits, &events, &b, NULL, o);
}

/* The app does not show the change.  An invitation that the app never lists is not sent
   again by itself. */
static void
not_confirmed (struct change *c, const char *text)
{
  run_fail (c->r, "not-confirmed", "%s", text);
}

static bool
invisible_invite (const struct change *c)
{
  return c->kind == TASK_ADD_USER && streq (app_get_text (c->r->app, "add.pending", "none"), "none")
         && invitation_mailed (c->r->app);
}

/* The state of what the app shows; USHER_ACTIVE where that is nobody. */
static uint32_t
shown_state (const struct change *c)
{
  struct row_view shown;

  return c->shown.len && row_look (c->shown.data, c->shown.len, &shown) == 0 ? shown.state : USHER_ACTIVE;
}

/* Whether the app shows the invitation that ended, and no other. */
static bool
shows_ended (const struct change *c)
{
  return c->ended && shown_state (c) == USHER_PENDING;
}

/* Whether what the app does not show may be sent although it may have been sent before: where
   it would show, where a person asked for it, or where the app knows the key of the intent.
   Apps that renew an invitation may show it as it was. */
static bool
may_repeat (const struct change *c)
{
  const json_t *intent = json_object_get (c->r->task, "intent");
  int64_t age = clock_now_ms () - json_time (intent, "sent_at");

  if ((!c->resend && !invisible_invite (c) && !shows_ended (c)) || json_flag (intent, "again"))
    return true;
  return app_get_text (c->r->app, "add.idempotency", NULL) && age >= 0 && age < KEY_LIFETIME_MS;
}

/* What is wrong where the app's ANSWER was good and it does not show the change. */
static const char *
denied (const struct change *c, int32_t answer)
{
  if (answer != USHER_ALREADY)
    return "The app said yes, but it does not show the change.";
  return c->kind == TASK_REMOVE_USER ? "The app said that there is no such member, but it still shows them."
                                     : "The app said that it is so already, but it does not show it.";
}

/* The link that the app gave instead of mailing it.  Apps show it once, so it is kept with the
   member; one too long for that is not. */
static void
take_link (struct change *c)
{
  struct row row;
  size_t i;

  arena_reset (&c->arena);
  if (!c->shown.len || row_get (c->shown.data, c->shown.len, &c->arena, &row) < 0)
    return;
  for (i = 0; i < row.member.n_attrs; i++)
    if (streq (row.member.attrs[i].key, "invite_link") && strlen (row.member.attrs[i].value) <= INVITE_LINK_MAX && !c->note
        && asprintf (&c->note, "Pass this invitation on: %s", row.member.attrs[i].value) < 0)
      c->note = NULL;
}

/* After an answer that was good. */
static void
confirm (struct change *c, int32_t answer)
{
  take_link (c);
  if (answer == USHER_INVITED && invisible_invite (c))
    {
      /* Nothing to read back: the app's own acceptance counts. */
      if (!c->shown.len)
        (void) invitee_row (c, invitation_ends_ms (c->r->app, clock_now_ms ()), &c->shown);
      finish (c, false);
      return;
    }
  if (c->shown.len)
    {
      buf_reset (&c->row);
      buf_put (&c->row, c->shown.data, c->shown.len);
    }
  c->there_already = answer == USHER_ALREADY;
  c->doubt = false;
  switch (look (c, LOOKS))
    {
    case LOOK_DONE:
      finish (c, answer == USHER_ALREADY);
      break;
    case LOOK_NOT_DONE:
      not_confirmed (c, denied (c, answer));
      break;
    case LOOK_FAILED:
      break;
    }
}

/* After an answer that was lost, in this run or an earlier one: true when the change may
   be sent (again). */
static bool
settle_doubt (struct change *c)
{
  /* Whoever is there at all is not invited again. */
  c->there_already = true;
  c->doubt = true;
  switch (look (c, LOOKS))
    {
    case LOOK_DONE:
      /* That an invitation is out says nothing about whether it was mailed again. */
      if (c->resend && shown_state (c) >= USHER_PENDING)
        break;
      finish (c, false);
      return false;
    case LOOK_NOT_DONE:
      break;
    case LOOK_FAILED:
      return false;
    }
  if (may_repeat (c))
    return true;
  not_confirmed (c, c->resend         ? "The answer of the app was lost, and whether it mailed again cannot be seen."
                    : shows_ended (c) ? "The answer of the app was lost, and it shows the invitation of before alone."
                                      : "The answer of the app was lost, and it does not show the change.");
  return false;
}

/* Doubt is the rule once a request went out; only the app's own no makes sure. */
static bool
in_doubt (int32_t status, const struct session_outcome *o)
{
  int class = failure_class (status);

  return o->called && (o->crashed || class < 2 || class > 6) && status != USHER_E_LATER;
}

static void
judge (struct change *c, int32_t status, const struct session_outcome *o)
{
  int x;

  if (status >= 0)
    confirm (c, status);
  else if (status == USHER_E_NO_MEMBER && c->kind == TASK_REMOVE_USER)
    confirm (c, USHER_ALREADY);
  else if (in_doubt (status, o))
    {
      /* The intent stays "called": whatever comes next reads before it sends. */
      run_fail_outcome (c->r, o);
      if (!session_alive (c->session) || *c->r->stop)
        return;
      /* Once it is sure that nothing happened, a failure goes by its own name. */
      if (settle_doubt (c) && failure_class (status) == 8)
        not_confirmed (c, "The answer of the app was lost, and it does not show the change.");
    }
  else
    {
      run_fail_outcome (c->r, o);
      x = set_intent (c, status == USHER_E_LATER ? "later" : "failed");
      if (x < 0 && c->r->end != RUN_DROPPED)
        run_store_failed (c->r, x, "The state of the change cannot be written");
    }
}

static void
go (struct change *c)
{
  struct session_outcome o = { 0 };
  int32_t status;
  int x;

  if (is_by_login (c))
    {
      /* Nothing is sent: what is waited for is the person. */
      c->note = strdup ("The app makes the account when the person signs in for the first time.");
      x = c->note ? invitee_row (c, 0, &c->shown) : -ENOMEM;
      if (x < 0)
        run_store_failed (c->r, x, "The member cannot be written");
      else
        finish (c, false);
      return;
    }
  read_intent (c);
  c->session = run_session (c->r);
  if (!c->session)
    return;
  /* Also after a doubt nothing is sent that is not wanted any more. */
  if (was_called (c) && (!settle_doubt (c) || !still_wanted (c)))
    return;
  x = set_intent (c, "called");
  if (x < 0)
    {
      if (c->r->end != RUN_DROPPED)
        run_store_failed (c->r, x, "The intent of the change cannot be written");
      return;
    }
  if (fail_point ("change-intent") < 0)
    {
      run_fail (c->r, "store-error", "The change was stopped before it was sent.");
      return;
    }
  status = call (c, &o);
  if (fail_point ("change-answered") < 0)
    run_fail (c->r, "not-confirmed", "The answer of the app was lost.");
  else
    judge (c, status, &o);
  session_outcome_done (&o);
}

void
run_change (struct run *r)
{
  struct change *c = calloc (1, sizeof *c);
  int x;

  if (!c)
    {
      run_fail (r, "store-error", "There is no memory for the change.");
      return;
    }
  *c = (struct change) { .r = r, .input = json_object_get (r->task, "input"), .arena = ARENA_INIT (ARENA_BYTES),
                         .row = BUF_INIT (ROW_MAX + 8), .shown = BUF_INIT (ROW_MAX + 8),
                         .invitee = BUF_INIT (ROW_MAX + 8), .resume = BUF_INIT (16384) };
  (void) task_kind_parse (json_text (r->task, "kind"), &c->kind);
  c->resend = json_flag (c->input, "resend");
  c->anew = c->kind == TASK_UPDATE_ROLE && streq (app_get_text (r->app, "update", "none"), "re-add");
  read_wishes (c);
  x = load_member (c);
  if (x < 0)
    run_fail (r, "member-not-found", "The member of this task is no longer known.");
  else if (was_called (c) || still_wanted (c))
    go (c);
  run_session_done (r, TAKE (c->session));
  free (c->note);
  free (c->ended);
  arena_done (&c->arena);
  buf_done (&c->row);
  buf_done (&c->shown);
  buf_done (&c->invitee);
  buf_done (&c->resume);
  free (c);
}
