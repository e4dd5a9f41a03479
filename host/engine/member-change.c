/* Owns the actions that change an app: invite, resend, set-role, remove.  Each checks, records
   what is wanted and makes one task; the task does the work. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/members.h"
#include "host/engine/people.h"
#include "host/engine/settings.h"

/* Whether app and hub can do it; the refusal says why not. */
static int
check_can (const struct app *app, const json_t *hub, const char *capability, struct refusal *r)
{
  const char *why = NULL;

  if (!app)
    return refuse (r, "unavailable", NULL, "The app file of %s is not installed.", json_text (hub, "app"));
  if (!app_can (app, capability, &why))
    return refuse (r, "capability-unsupported", NULL, "%s", why);
  why = json_text (json_object_get (hub, "cannot"), capability);
  return why ? refuse (r, "capability-unsupported", NULL, "%s", why) : 0;
}

/* Puts task and event; *RET the task. */
static json_t *
make_task (struct txn *t, const struct call *c, enum task_kind kind, const json_t *hub, const struct member *m,
           json_t *input)
{
  json_t *task = task_new (c->caller, kind, hub, &m->link.id, id_is_zero (&m->link.person) ? NULL : &m->link.person,
                           input);

  txn_doc_put (t, STORE_TASK, task);
  event_add (t, &(struct event) { .type = "task.created", .caller = c->caller, .hub = hub, .member = &m->link.id,
                                  .outcome = task_kind_name (kind) });
  return task;
}

/* Commits where X is 0, starts the task and answers it (without one, an empty object);
   takes T, HUB and TASK. */
static int
end_task (struct engine *e, const struct call *c, struct txn *t, int x, json_t *hub, json_t *task, json_t **ret,
          struct refusal *r)
{
  json_t *answer = x < 0 ? NULL : task ? task_render (e, task) : json_object ();

  x = call_end (e, c, t, x, answer, ret, r);
  if (x == 0 && task)
    queue_add (e, task);
  json_decref (hub);
  json_decref (task);
  return x;
}

/* One member's change under way. */
struct one
{
  struct engine *e;
  const struct call *c;
  struct apps *apps;
  const struct app *app;      /* in apps; NULL = gone */
  json_t *hub;
  struct id hub_id;
  struct txn *t;
  struct member m;            /* what it points to is in HELD */
  struct arena held;
  struct id replaced;         /* a task that this ends, held in the queue; zero = none */
};

/* What resend, set-role and remove open with; one_end follows on success alone. */
static int
one_begin (struct engine *e, const struct call *c, struct one *ret, struct refusal *r)
{
  int x;

  *ret = (struct one) { .e = e, .c = c, .held = ARENA_INIT (MEMBER_HELD_MAX) };
  x = member_begin (e, c, HUB_MANAGER, &ret->t, &ret->hub, &ret->m, &ret->held, r);
  if (x < 0)
    {
      arena_done (&ret->held);
      return x;
    }
  (void) json_id (ret->hub, "id", &ret->hub_id);
  ret->apps = engine_apps (e);
  ret->app = apps_find (ret->apps, json_text (ret->hub, "app"));
  return 0;
}

static int
one_end (struct one *o, int x, json_t *task, json_t **ret, struct refusal *r)
{
  x = end_task (o->e, o->c, o->t, x, o->hub, task, ret, r);
  if (!id_is_zero (&o->replaced))
    queue_release (o->e, &o->replaced, /* over= */ x == 0);
  apps_unref (o->apps);
  arena_done (&o->held);
  return x;
}

/* The member now waits for a task of KIND. */
static json_t *
one_task (struct one *o, uint16_t status, enum task_kind kind, json_t *input)
{
  member_set_status (&o->m, status);
  o->m.row = NULL;
  txn_member_put (o->t, &o->hub_id, &o->m);
  return make_task (o->t, o->c, kind, o->hub, &o->m, input);
}

/* ---- Invite. */

struct invite
{
  const struct call *c;
  const struct app *app;
  json_t *hub, *person, *roles, *fields;
  struct id hub_id, person_id;
  enum hub_role role;
  bool seat;
};

static void
invite_done (struct invite *i)
{
  json_decref (i->person);
  json_decref (i->roles);
  json_decref (i->fields);
}

static int
invite_person (struct txn *t, struct invite *i, struct refusal *r)
{
  const char *name = json_text (i->c->body, "email");
  _cleanup_ (freep) char *email = name ? email_normalise (name) : NULL;
  bool create = json_flag (i->c->body, "create"), guest = json_flag (i->c->body, "guest");
  struct id id;
  int x;

  if (!email)
    return refuse (r, "validation-failed", "email", "email is an address, such as ada@example.com.");
  if (txn_doc_find (t, STORE_PERSON_ADDRESS, email, &id, 1) == 1)
    i->person = txn_doc_get (t, STORE_PERSON, &id);
  if (!i->person && !create && !guest)
    return refuse (r, "not-found", "email",
                   "Usher knows no person %s: add them first (usher person add), or ask to create them.", email);
  if (!i->person)
    {
      struct person_fields f = { .email = email, .is_guest = guest, .giver = ROLE_USER };

      x = person_make (t, i->c->caller, &f, &i->person, r);
      if (x < 0)
        return x;
    }
  if (streq (json_text (i->person, "status"), "removed"))
    return refuse (r, "not-found", "email", "The person %s was removed.", email);
  (void) json_id (i->person, "id", &i->person_id);
  return 0;
}

/* Managers share with collaborators, owners with everybody.  Where no owner is left, a
   super-admin may name one, for the hub alone (behaviour 5.27): an admin may not, who could
   else take any hub by removing its owner. */
static int
invite_may (struct txn *t, const struct invite *i, struct refusal *r)
{
  if (i->role == HUB_OWNER && !i->seat && caller_role (t, i->c->caller) >= ROLE_SUPER_ADMIN
      && !hub_has_owner (t, &i->hub_id, /* except= */ NULL))
    return 0;
  return caller_may_hub (t, i->c->caller, SCOPE_WRITE, i->hub, i->role > HUB_COLLABORATOR ? HUB_OWNER : HUB_MANAGER, r);
}

static int
invite_input (struct txn *t, struct invite *i, struct refusal *r)
{
  const json_t *body = i->c->body;
  const char *role = json_text (body, "hub_role");
  struct app_error error = { 0 };
  int x;

  if (role && hub_role_parse (role, &i->role) < 0)
    return refuse (r, "validation-failed", "hub_role", "hub_role is owner, manager or collaborator, not %s.", role);
  if (!i->seat && i->role == HUB_COLLABORATOR)
    return refuse (r, "seat-required", "seat", "A collaborator has a seat in the app.");
  x = invite_person (t, i, r);
  if (x == 0)
    x = member_role_allowed (i->person, i->role, r);
  if (x == 0 && json_array_size (json_object_get (body, "assets")))
    x = refuse (r, "capability-unsupported", "assets", "Assets cannot be shared yet.");
  if (x == 0)
    x = roles_check (i->app, i->hub, json_object_get (body, "roles"), i->seat, &i->roles, r);
  if (x < 0 || !i->seat)
    return x;
  x = app_check_provisioning (i->app, APP_ON_ADD, json_object_get (body, "fields"), i->person, &i->fields, &error);
  if (x == -EINVAL)
    return refuse (r, "provisioning-field-missing", error.field[0] ? error.field : NULL, "%s", error.text);
  return x < 0 ? refuse_errno (r, x) : 0;
}

/* The row this person has or would have in the hub: their own, else an unmatched one
   with their address.  1 and *M, or 0. */
static int
invite_member (struct txn *t, const struct invite *i, struct member *m, struct refusal *r)
{
  _cleanup_ (freep) char *email = email_normalise (json_text (i->person, "email"));
  struct id ids[4];
  size_t n, k;

  if (txn_member_by_person (t, &i->hub_id, &i->person_id, m) == 1)
    return 1;
  n = email ? txn_member_find (t, &i->hub_id, email, ids, ARRAY_SIZE (ids)) : 0;
  for (k = 0; k < n; k++)
    if (txn_member_get (t, &i->hub_id, &ids[k], m) == 1)
      {
        if (m->link.flags & MEMBER_F_EXEMPT)
          return refuse (r, "member-exempted", NULL, "%s is exempted in this hub.", email);
        if (m->link.flags & MEMBER_F_AUTOMATION)
          return refuse (r, "not-permitted", NULL, "%s is the automation account of the hub.", email);
        if (id_is_zero (&m->link.person))
          return 1;
      }
  return 0;
}

/* The person of a member, as apps are told of one. */
static json_t *
invitee_input (struct txn *t, const struct member *m)
{
  static const char *const copied[] = { "email", "first_name", "last_name", "username" };
  json_t *person = id_is_zero (&m->link.person) ? NULL : txn_doc_get (t, STORE_PERSON, &m->link.person);
  json_t *input = json_object ();
  size_t k;

  for (k = 0; k < ARRAY_SIZE (copied); k++)
    json_set_text (input, copied[k], json_text (person, copied[k]));
  json_decref (person);
  return input;
}

static json_t *
invite_task_input (const struct invite *i)
{
  static const char *const copied[] = { "email", "first_name", "last_name", "username" };
  json_t *input = json_pack ("{s:O, s:O?}", "roles", i->roles, "fields", i->fields);
  size_t k;

  for (k = 0; k < ARRAY_SIZE (copied); k++)
    json_set_text (input, copied[k], json_text (i->person, copied[k]));
  return input;
}

/* Who does not accept is asked less and less often. */
static int
check_cool_down (const struct member *m, struct refusal *r)
{
  int64_t wait_ms = invitation_wait_ms (&m->link, clock_now_ms ());
  char until[CLOCK_RFC3339_SIZE];

  if (!wait_ms)
    return 0;
  clock_rfc3339 (clock_now_ms () + wait_ms, until);
  (void) refuse (r, "rate-limited", NULL, "The last of %u invitations that were not accepted went out not long ago: "
                 "the next one can go out at %s.", m->link.invitations, until);
  r->retry_s = (unsigned int) ((wait_ms + 999) / 1000);
  return -ECANCELED;
}

/* Holding a seat already: nothing but roles may be left to do. */
static json_t *
invite_present (struct txn *t, struct invite *i, struct member *m, bool may_update)
{
  struct wanted before;
  json_t *task = NULL;

  wanted_resolve (t, i->hub, &m->link.person, m, &before);
  if (id_is_zero (&m->link.person))
    {
      member_link_person (m, i->hub, i->person, /* adopted= */ false);
      event_add (t, &(struct event) { .type = "member.matched", .caller = i->c->caller, .hub = i->hub,
                                      .member = &m->link.id, .person = &i->person_id });
    }
  m->link.flags &= ~MEMBER_F_ADOPTED;
  if (may_update && json_array_size (i->roles) && !json_equal (before.roles, i->roles))
    {
      member_set_status (m, MEMBER_AWAITING_UPDATE);
      task = make_task (t, i->c, TASK_UPDATE_ROLE, i->hub, m, json_pack ("{s:O}", "roles", i->roles));
    }
  m->row = NULL;
  txn_member_put (t, &i->hub_id, m);
  json_decref (before.roles);
  return task;
}

/* Not in the app, or disabled there. */
static json_t *
invite_absent (struct txn *t, struct invite *i, struct member *m)
{
  (void) json_id (i->person, "id", &m->link.person);
  m->link.flags &= ~(MEMBER_F_ADOPTED | MEMBER_F_GUEST | MEMBER_F_NO_AUTO_MATCH);
  m->link.flags |= json_flag (i->person, "is_guest") ? MEMBER_F_GUEST : 0;
  member_set_status (m, MEMBER_INVITING);
  m->row = NULL;
  txn_member_put (t, &i->hub_id, m);
  return make_task (t, i->c, TASK_ADD_USER, i->hub, m, invite_task_input (i));
}

static bool
holds_seat (const struct member *m)
{
  return member_is_live (&m->link) && m->key && !(m->link.flags & (MEMBER_F_DISABLED | MEMBER_F_INVITE));
}

/* Somebody found in the app gets a task that ends at once, so that scripts can wait. */
static json_t *
nothing_to_do (struct txn *t, const struct invite *i, const struct member *m)
{
  json_t *task = make_task (t, i->c, TASK_ADD_USER, i->hub, m, NULL);

  task_completed (t, task, i->hub, "no-op");
  return task;
}

static int
invite_effect (struct txn *t, struct invite *i, json_t **ret_task, struct refusal *r)
{
  struct member m = { .link = { .id = id_new (), .status = MEMBER_INVITING } };
  _cleanup_ (arena_done) struct arena held = ARENA_INIT (MEMBER_HELD_MAX);
  int there = invite_member (t, i, &m, r), x = 0;
  const char *update = app_get_text (i->app, "update", "none");

  if (there < 0)
    return there;
  if (there && member_hold (&m, &held) < 0)
    return refuse_errno (r, -ENOMEM);
  if (there && task_open_on (t, &i->hub_id, -1, &m.link.id, NULL))
    return refuse (r, "member-busy", NULL, "A task of this member is open.");
  if (there && (m.link.flags & MEMBER_F_INVITE) && member_is_live (&m.link)
      && m.link.status == MEMBER_PENDING_INVITE)
    return refuse (r, "invite-pending", NULL, "%s has an invitation that waits to be accepted.",
                   json_text (i->person, "email"));
  if (!there || !holds_seat (&m))
    x = i->seat ? check_can (i->app, i->hub, "add-user", r) : 0;
  if (x == 0 && i->seat && there && !holds_seat (&m))
    x = check_cool_down (&m, r);
  if (x < 0)
    return x;
  grant_share (t, i->c->caller, i->hub, &i->person_id,
               &(struct grant_terms) { .role = i->role, .seat = i->seat, .roles = i->roles, .fields = i->fields });
  if (!i->seat)
    return 0;
  if (there && holds_seat (&m))
    {
      *ret_task = invite_present (t, i, &m, check_can (i->app, i->hub, "update-role", r) == 0 && streq (update, "in-place"));
      refusal_done (r);
      if (!*ret_task)
        *ret_task = nothing_to_do (t, i, &m);
    }
  else
    *ret_task = invite_absent (t, i, &m);
  return 0;
}

int
engine_member_invite (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct apps *apps = engine_apps (e);
  struct invite i = { .c = c, .role = HUB_COLLABORATOR };
  json_t *task = NULL;
  struct txn *t;
  int x = member_begin (e, c, HUB_NONE, &t, &i.hub, NULL, NULL, r);

  if (x == 0)
    {
      i.app = apps_find (apps, json_text (i.hub, "app"));
      i.seat = !json_is_false (json_object_get (c->body, "seat"));
      (void) hub_role_parse (json_text (c->body, "hub_role"), &i.role);
      (void) json_id (i.hub, "id", &i.hub_id);
      x = invite_may (t, &i, r);
      if (x == 0 && !i.app)
        x = refuse (r, "unavailable", NULL, "The app file of %s is not installed.", json_text (i.hub, "app"));
      if (x == 0)
        x = invite_input (t, &i, r);
      if (x == 0)
        x = invite_effect (t, &i, &task, r);
      x = end_task (e, c, t, x, i.hub, task, ret, r);
    }
  invite_done (&i);
  apps_unref (apps);
  return x;
}

/* ---- Resend. */

/* An invitation that waits is mailed again where the app can, and none too soon. */
static int
check_again (const struct app *app, const struct member *m, struct refusal *r)
{
  if (m->link.status == MEMBER_PENDING_INVITE && !app_get_bool (app, "add.resend", false))
    return refuse (r, "capability-unsupported", NULL, "%s cannot send an invitation again before it has expired.",
                   app_name (app));
  return check_cool_down (m, r);
}

static int
check_invited (const struct one *o, struct refusal *r)
{
  const struct member_link *link = &o->m.link;
  int x = check_can (o->app, o->hub, "add-user", r);

  if (x < 0)
    return x;
  if (link->flags & MEMBER_F_EXEMPT)
    return refuse (r, "member-exempted", NULL, "The member is exempted.");
  if (task_open_on (o->t, &o->hub_id, -1, &link->id, NULL))
    return refuse (r, "member-busy", NULL, "A task of this member is open.");
  if (link->status != MEMBER_PENDING_INVITE && link->status != MEMBER_INVITE_EXPIRED
      && link->status != MEMBER_INVITE_FAILED)
    return refuse (r, "validation-failed", "member", "The member has no invitation that could be sent again.");
  if (id_is_zero (&link->person))
    return refuse (r, "validation-failed", NULL, "The member is not matched to a person: match it first.");
  return check_again (o->app, &o->m, r);
}

int
member_check_retry (struct txn *t, const struct apps *apps, const json_t *hub, const json_t *task, struct refusal *r)
{
  bool resend = json_flag (json_object_get (task, "input"), "resend");
  const struct app *app;
  struct id hub_id, id;
  struct member m;
  int x;

  if (!streq (json_text (task, "kind"), task_kind_name (TASK_ADD_USER)) || !json_id (hub, "id", &hub_id)
      || !json_id (task, "member", &id) || txn_member_get (t, &hub_id, &id, &m) != 1)
    return 0;
  if (!resend && m.link.status == MEMBER_PENDING_INVITE)
    return refuse (r, "invite-pending", NULL, "The member has an invitation that waits to be accepted.");
  if (resend && (m.link.status == MEMBER_INVITE_EXPIRED || m.link.status == MEMBER_INVITE_FAILED))
    return refuse (r, "not-retryable", NULL, "The invitation that this task was to send again has ended: "
                   "send a new one (usher member resend).");
  if (!resend)
    return check_cool_down (&m, r);
  app = apps_find (apps, json_text (hub, "app"));
  x = check_can (app, hub, "add-user", r);
  return x == 0 ? check_again (app, &m, r) : x;
}

/* What the task is made of: as the grant says, to the person of now. */
static json_t *
resend_input (const struct one *o)
{
  json_t *input = invitee_input (o->t, &o->m), *grant = grant_direct (o->t, &o->hub_id, &o->m.link.person);

  (void) json_object_set (input, "roles", json_object_get (grant, "roles"));
  (void) json_object_set (input, "fields", json_object_get (grant, "fields"));
  if (o->m.link.status == MEMBER_PENDING_INVITE)
    (void) json_object_set_new (input, "resend", json_true ());
  json_decref (grant);
  return input;
}

int
engine_member_resend (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  json_t *task = NULL;
  struct one o;
  int x = one_begin (e, c, &o, r);

  if (x < 0)
    return x;
  x = check_invited (&o, r);
  if (x == 0)
    task = one_task (&o, MEMBER_INVITING, TASK_ADD_USER, resend_input (&o));
  return one_end (&o, x, task, ret, r);
}

/* ---- Set role. */

static int
check_joined (const struct one *o, struct refusal *r)
{
  const struct member_link *link = &o->m.link;

  if (link->flags & MEMBER_F_EXEMPT)
    return refuse (r, "member-exempted", NULL, "The member is exempted.");
  if (task_open_on (o->t, &o->hub_id, -1, &link->id, NULL))
    return refuse (r, "member-busy", NULL, "A task of this member is open.");
  if ((link->flags & MEMBER_F_INVITE) && member_is_live (link))
    return refuse (r, "invite-pending", NULL, "The member has not joined yet.");
  if (!member_is_live (link) || !o->m.key)
    return refuse (r, "not-found", NULL, "The member holds no seat in the app.");
  if (id_is_zero (&link->person))
    return refuse (r, "validation-failed", NULL, "The member is not matched to a person: match it first.");
  return 0;
}

/* Where a role is changed by removing and inviting again, only a person decides that. */
static int
check_update (const struct app *app, const struct call *c, struct refusal *r)
{
  const char *update = app_get_text (app, "update", "none");

  if (streq (update, "in-place"))
    return 0;
  if (!streq (update, "re-add"))
    return refuse (r, "capability-unsupported", NULL, "%s cannot change a role in place.", app_name (app));
  return c->confirmed ? 0 : refuse (r, "confirmation-required", NULL,
                                    "%s changes no role in place: this removes the member and invites anew, and the "
                                    "person has to accept again.", app_name (app));
}

static int
check_roles (const struct one *o, json_t **ret_roles, struct refusal *r)
{
  json_t *wanted = json_object_get (o->c->body, "roles");
  int x;

  if (!json_is_array (wanted))
    return refuse (r, "validation-failed", "roles", "roles is the list of roles that the member is to have.");
  x = check_can (o->app, o->hub, "update-role", r);
  if (x == 0)
    x = check_update (o->app, o->c, r);
  if (x < 0)
    return x;
  return roles_check (o->app, o->hub, wanted, true, ret_roles, r);
}

/* The member's grant gives ROLES; an adopted one that a person edits is theirs from then on. */
static void
edit_grant (struct one *o, json_t *roles)
{
  struct member_link *link = &o->m.link;
  json_t *grant = grant_direct (o->t, &o->hub_id, &link->person);

  if (!grant)
    grant = grant_new (o->c->caller, &o->hub_id, &link->person, "share",
                       link->hub_role ? (enum hub_role) link->hub_role : HUB_COLLABORATOR, true, NULL);
  (void) json_object_set_new (grant, "seat", json_true ());
  (void) json_object_set (grant, "roles", roles);
  json_set_time (grant, "changed_at", clock_now_ms ());
  txn_doc_put (o->t, STORE_GRANT, grant);
  json_decref (grant);
  event_add (o->t, &(struct event) { .type = "grant.changed", .caller = o->c->caller, .hub = o->hub,
                                     .member = &link->id, .person = &link->person });
  link->flags &= ~MEMBER_F_ADOPTED;
}

int
engine_member_set_role (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  json_t *roles = NULL, *task = NULL;
  struct one o;
  int x = one_begin (e, c, &o, r);

  if (x < 0)
    return x;
  x = check_roles (&o, &roles, r);
  if (x == 0)
    x = check_joined (&o, r);
  if (x == 0)
    {
      edit_grant (&o, roles);
      task = one_task (&o, MEMBER_AWAITING_UPDATE, TASK_UPDATE_ROLE, json_pack ("{s:O}", "roles", roles));
    }
  json_decref (roles);
  return one_end (&o, x, task, ret, r);
}

/* ---- Remove. */

static void
end_grants (struct one *o)
{
  struct member_link *link = &o->m.link;
  json_t *grant = id_is_zero (&link->person) ? NULL : grant_direct (o->t, &o->hub_id, &link->person);

  if (grant && json_flag (grant, "seat"))
    grant_end (o->t, grant, o->hub, o->c->caller);
  json_decref (grant);
  link->flags &= ~MEMBER_F_ADOPTED;
}

/* A removal takes the place of a change that has not begun.  *RET_DOUBT turns false where
   it was surely not sent, so that the app cannot know of it. */
static int
replace_open (struct one *o, bool *ret_doubt, struct refusal *r)
{
  json_t *open = NULL;
  struct id id;
  int x = 0;

  if (!task_open_on (o->t, &o->hub_id, -1, &o->m.link.id, &open))
    return 0;
  if (streq (json_text (open, "kind"), "remove-user") || !json_id (open, "id", &id) || !queue_hold (o->e, &id))
    x = refuse (r, "member-busy", NULL, "A task of this member is open.");
  else
    {
      const char *phase = json_text (json_object_get (open, "intent"), "phase");

      o->replaced = id;
      *ret_doubt = phase && !streq (phase, "failed");
      task_end_failed (o->t, open, o->hub, "cancelled", "A removal took its place.", NULL);
    }
  json_decref (open);
  return x;
}

static int
remove_hub_only (struct one *o, struct refusal *r)
{
  if (id_is_zero (&o->m.link.person) || !o->m.key)
    return refuse (r, "validation-failed", "hub_only", "Only a joined person can be removed from the hub alone.");
  if (task_open_on (o->t, &o->hub_id, -1, &o->m.link.id, NULL))
    return refuse (r, "member-busy", NULL, "A task of this member is open.");
  member_unlink (o->t, o->hub, &o->m, o->c->caller);
  return 0;
}

static int
check_removal (const struct one *o, struct refusal *r)
{
  int x;

  if (o->m.link.flags & MEMBER_F_EXEMPT)
    return refuse (r, "member-exempted", NULL, "The member is exempted.");
  if (!member_is_live (&o->m.link))
    return refuse (r, "not-found", NULL, "The member was removed already.");
  x = member_check_own (o->t, o->c, o->hub, &o->m, r);
  if (x == 0 && !o->c->confirmed)
    x = refuse (r, "confirmation-required", NULL, "This revokes the member's seat and permissions in the app.");
  return x;
}

/* An invitation that the app has can only be taken back where it says so. */
static int
check_can_remove (const struct one *o, struct refusal *r)
{
  int x = check_can (o->app, o->hub, "remove-user", r);

  if (x == 0 && (o->m.link.flags & MEMBER_F_INVITE) && !app_get_bool (o->app, "add.revoke", false))
    x = refuse (r, "capability-unsupported", NULL, "%s does not take invitations back.", app_name (o->app));
  return x;
}

static json_t *
remove_effect (struct one *o, bool doubt)
{
  json_t *task;

  end_grants (o);
  task = one_task (o, MEMBER_AWAITING_DEPROVISIONING, TASK_REMOVE_USER, o->m.key ? NULL : invitee_input (o->t, &o->m));
  if (!o->m.key && !doubt)
    {
      /* The app never heard of them. */
      task_completed (o->t, task, o->hub, "no-op");
      txn_member_delete (o->t, &o->hub_id, &o->m.link.id);
    }
  return task;
}

int
engine_member_remove (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  json_t *task = NULL;
  bool doubt = true;
  struct one o;
  struct id member;
  int x = one_begin (e, c, &o, r);

  if (x < 0)
    return x;
  x = check_removal (&o, r);
  if (x == 0 && call_flag (c, "hub_only"))
    {
      member = o.m.link.id;
      x = remove_hub_only (&o, r);
      x = member_end (e, c, o.t, x, o.hub, &member, ret, r);
      apps_unref (o.apps);
      arena_done (&o.held);
      return x;
    }
  if (x == 0)
    x = check_can_remove (&o, r);
  if (x == 0)
    x = replace_open (&o, &doubt, r);
  if (x == 0)
    task = remove_effect (&o, doubt);
  return one_end (&o, x, task, ret, r);
}
