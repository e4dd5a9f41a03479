/* Owns how members are shown, and the decisions about them that touch no app: match,
   unlink, exempt, un-exempt. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/members.h"
#include "host/engine/people.h"
#include "host/engine/settings.h"

#define ARENA_BYTES (512u * 1024)
#define REASON_MAX 500u

uint16_t
member_settled (const json_t *hub)
{
  return streq (json_text (hub, "login_method"), "password") && streq (json_text (hub, "credential_capture"), "prompt")
           ? MEMBER_AWAITING_LOGIN
           : MEMBER_ONBOARDED;
}

/* A settled member is what its hub's login method makes of it now, whichever of the two it was
   when it was written: a change of the method needs no pass over a million members.  One whom the
   app does not know yet awaits the first login, whatever the method. */
static uint16_t
status_now (const json_t *hub, const struct member_link *link)
{
  bool settled = link->status == MEMBER_ONBOARDED || link->status == MEMBER_AWAITING_LOGIN;

  return settled && !id_is_zero (&link->person) && !(link->flags & MEMBER_F_INVITE) ? member_settled (hub) : link->status;
}

/* ---- Showing. */

static const char *
app_state_name (uint32_t state)
{
  switch (state)
    {
    case USHER_ACTIVE:
      return "active";
    case USHER_DISABLED:
      return "disabled";
    case USHER_UNREADABLE:
      return "unreadable";
    case USHER_PENDING:
      return "pending";
    case USHER_EXPIRED:
      return "expired";
    case USHER_DECLINED:
      return "declined";
    default:
      return NULL;
    }
}

static const char *
login_state (const json_t *hub, const struct member_link *link)
{
  if (id_is_zero (&link->person))
    return "none";
  if (streq (json_text (hub, "login_method"), "sso"))
    return "sso";
  return streq (json_text (hub, "credential_capture"), "off") ? "outside" : "pending-connection";
}

static const char *
label_of (const json_t *hub, const char *group, const char *id)
{
  json_t *roles = json_object_get (hub, "roles"), *role;
  size_t i;

  json_array_foreach (roles, i, role)
    if (streq (json_text (role, "id"), id) && (!group || streq (json_text (role, "group"), group)))
      return json_text (role, "label");
  return id;
}

static json_t *
roles_shown (const json_t *hub, const struct usher_member *shown)
{
  json_t *roles = json_array ();
  size_t i;

  for (i = 0; i < shown->n_roles; i++)
    {
      const char *group = shown->roles[i].key ? shown->roles[i].key : "role", *id = shown->roles[i].value;

      (void) json_array_append_new (roles, json_pack ("{s:s, s:s, s:s}", "id", id, "label",
                                                      label_of (hub, group, id), "group", group));
    }
  return roles;
}

/* What the app shows. */
static void
render_row (json_t *o, const json_t *hub, const struct member *m)
{
  struct arena arena = ARENA_INIT (ARENA_BYTES);
  const struct usher_member *s;
  struct row row;

  if (m->row && row_get (m->row, m->row_len, &arena, &row) == 0)
    {
      s = &row.member;
      json_set_text (o, "native_id", s->id);
      json_set_text (o, "username", s->username);
      json_set_text (o, "email", s->email);
      json_set_text (o, "first_name", s->first_name);
      json_set_text (o, "last_name", s->last_name);
      json_set_text (o, "name", s->name);
      json_set_text (o, "partner", s->partner);
      /* A row that the app no longer shows says what was, not what is. */
      if (member_is_live (&m->link) || (m->link.flags & MEMBER_F_DISABLED) || !m->link.last_seen_ms)
        json_set_text (o, "app_state", app_state_name (s->state));
      json_set_time (o, "expires_at", s->expires_ms);
      json_set_time (o, "last_used", s->last_used_ms);
      (void) json_object_set_new (o, "roles", roles_shown (hub, s));
    }
  else
    (void) json_object_set_new (o, "roles", json_array ());
  (void) json_object_set_new (o, "assets", json_array ());
  arena_done (&arena);
}

/* Who it is, and what was decided. */
static void
render_link (struct txn *t, json_t *o, const json_t *hub, const struct member_link *link)
{
  json_t *person = id_is_zero (&link->person) ? NULL : txn_doc_get (t, STORE_PERSON, &link->person);
  int64_t seen = link->last_seen_ms ? link->last_seen_ms : json_time (hub, "last_synced_at");

  json_set_text (o, "tab", member_tab_name (member_tab (link)));
  json_set_text (o, "status", member_status_name (status_now (hub, link)));
  json_set_text (o, "login_state", login_state (hub, link));
  json_set_text (o, "note", link->flags & MEMBER_F_INVITE ? link->note : NULL);
  if (person)
    {
      json_set_id (o, "person", &link->person);
      json_set_text (o, "person_email", json_text (person, "email"));
      if (!json_text (o, "email"))
        json_set_text (o, "email", json_text (person, "email"));
    }
  json_decref (person);
  if (link->flags & MEMBER_F_EXEMPT)
    {
      json_t *exemption = json_object ();

      json_set_text (exemption, "reason", link->reason);
      json_set_id (exemption, "by", &link->exempt_by);
      json_set_time (exemption, "at", link->exempt_ms);
      (void) json_object_set_new (o, "exemption", exemption);
    }
  (void) json_object_set_new (o, "disabled", json_boolean (link->flags & MEMBER_F_DISABLED));
  (void) json_object_set_new (o, "is_automation_account", json_boolean (link->flags & MEMBER_F_AUTOMATION));
  (void) json_object_set_new (o, "no_auto_match", json_boolean (link->flags & MEMBER_F_NO_AUTO_MATCH));
  json_set_time (o, "first_seen", link->first_seen_ms);
  json_set_time (o, "last_seen", link->flags & MEMBER_F_SEEN ? seen : 0);
}

json_t *
member_render (struct txn *t, const json_t *hub, const struct member *m)
{
  json_t *o = json_object ();
  struct wanted wanted;

  json_set_id (o, "id", &m->link.id);
  json_set_text (o, "hub", json_text (hub, "id"));
  render_row (o, hub, m);
  render_link (t, o, hub, &m->link);
  wanted_resolve (t, hub, &m->link.person, m, &wanted);
  (void) json_object_set_new (o, "desired_roles", wanted.roles);
  json_set_text (o, "hub_role", hub_role_name (wanted.hub_role));
  json_set_text (o, "type", m->link.flags & MEMBER_F_AUTOMATION ? "Automation account"
                            : wanted.seat ? "Individual" : NULL);
  return o;
}

/* ---- Lists. */

struct member_list
{
  json_t *hub;
  struct arena arena;
  const char *search;
  int tab;            /* -1 = any */
  uint16_t status;    /* 0 = any */
  /* Of the walk under way. */
  struct list *list;
  struct txn *t;
};

/* Whether one of the row's texts holds what is searched for. */
static bool
found (struct member_list *l, const struct member *m)
{
  const struct usher_member *s;
  struct row row;

  arena_reset (&l->arena);
  if (!m->row || row_get (m->row, m->row_len, &l->arena, &row) < 0)
    return false;
  s = &row.member;
  return (s->username && strcasestr (s->username, l->search)) || (s->email && strcasestr (s->email, l->search))
         || (s->first_name && strcasestr (s->first_name, l->search))
         || (s->last_name && strcasestr (s->last_name, l->search)) || (s->name && strcasestr (s->name, l->search))
         || (s->id && strcasestr (s->id, l->search));
}

static bool
show_member (void *arg, const struct member *m)
{
  struct member_list *l = arg;
  bool left_out = (l->status && status_now (l->hub, &m->link) != l->status) || (l->search && !found (l, m));
  char at[ID_TEXT_SIZE];

  id_format (&m->link.id, at);
  return list_take (l->list, at, left_out ? NULL : member_render (l->t, l->hub, m));
}

static void
walk_members (struct list *list, struct txn *t, const char *after, void *arg)
{
  struct member_list *l = arg;
  struct id id, hub;

  if (after && id_parse (after, &id) < 0)
    return txn_fail (t, -EINVAL);
  l->list = list;
  l->t = t;
  (void) json_id (l->hub, "id", &hub);
  txn_member_walk (t, &hub, l->tab, after ? &id : NULL, show_member, l);
}

static int
list_filters (const struct call *c, struct member_list *l, struct refusal *r)
{
  const char *tab = call_query (c, "tab"), *status = call_query (c, "status");
  enum member_tab which;

  l->tab = -1;
  l->search = call_query (c, "search");
  if (call_query (c, "at"))
    return refuse (r, "validation-failed", "at", "Members can be listed as of now only.");
  if (tab && member_tab_parse (tab, &which) < 0)
    return refuse (r, "validation-failed", "tab", "tab is unmatched, onboarded, guest or exempted, not %s.", tab);
  if (tab)
    l->tab = (int) which;
  if (status && member_status_parse (status, &l->status) < 0)
    return refuse (r, "validation-failed", "status", "There is no member status %s.", status);
  return 0;
}

int
engine_member_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct member_list l = { .arena = ARENA_INIT (ARENA_BYTES) };
  int x = find_hub_for (t, c, SCOPE_READ, HUB_MANAGER, /* removed_too= */ true, &l.hub, r);

  if (x == 0)
    x = list_filters (c, &l, r);
  txn_abort (t);
  if (x == 0)
    x = list_page (e, c, walk_members, &l, ret, r);
  json_decref (l.hub);
  arena_done (&l.arena);
  return x;
}

int
engine_member_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *hub = NULL;
  struct member m;
  int x = find_hub_for (t, c, SCOPE_READ, HUB_MANAGER, /* removed_too= */ true, &hub, r);

  if (x == 0)
    x = find_member (t, hub, c->path[1], &m, r);
  if (x == 0)
    x = answer_read (t, member_render (t, hub, &m), ret, r);
  json_decref (hub);
  return x;
}

/* ---- Decisions. */

static const char *
hold_text (const char *s, struct arena *held)
{
  return s ? arena_strndup (held, s, strlen (s)) : NULL;
}

int
member_hold (struct member *m, struct arena *held)
{
  struct member copy = *m;

  copy.key = m->key ? arena_strndup (held, m->key, m->key_len) : NULL;
  copy.row = m->row ? arena_strndup (held, m->row, m->row_len) : NULL;
  copy.link.reason = hold_text (m->link.reason, held);
  copy.link.note = hold_text (m->link.note, held);
  if (!copy.key != !m->key || !copy.row != !m->row || !copy.link.reason != !m->link.reason
      || !copy.link.note != !m->link.note)
    return -ENOMEM;
  *m = copy;
  return 0;
}

int
member_begin (struct engine *e, const struct call *c, enum hub_role role, struct txn **ret_t, json_t **ret_hub,
              struct member *m, struct arena *held, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *hub = NULL;
  int x = find_hub_for (t, c, SCOPE_WRITE, role, /* removed_too= */ false, &hub, r);

  if (x == 0 && m)
    x = find_member (t, hub, c->path[1], m, r);
  if (x == 0 && m)
    x = call_match (c, member_render (t, hub, m), r);
  if (x == 0 && m && member_hold (m, held) < 0)
    x = refuse_errno (r, -ENOMEM);
  if (x == 0 && m && (m->link.flags & MEMBER_F_AUTOMATION))
    x = refuse (r, "not-permitted", NULL, "This is the automation account of the hub; Usher leaves it alone.");
  if (x < 0)
    {
      json_decref (hub);
      txn_abort (t);
      return x;
    }
  *ret_t = t;
  *ret_hub = hub;
  return 0;
}

int
member_end (struct engine *e, const struct call *c, struct txn *t, int x, json_t *hub, const struct id *member,
            json_t **ret, struct refusal *r)
{
  json_t *answer = NULL;
  struct id hub_id;
  struct member m;

  if (x == 0)
    {
      (void) json_id (hub, "id", &hub_id);
      answer = txn_member_get (t, &hub_id, member, &m) == 1 ? member_render (t, hub, &m) : json_object ();
    }
  x = call_end (e, c, t, x, answer, ret, r);
  json_decref (hub);
  return x;
}

void
member_set_status (struct member *m, uint16_t status)
{
  m->link.status = status;
  m->link.changed_ms = clock_now_ms ();
}

void
member_link_person (struct member *m, const json_t *hub, const json_t *person, bool adopted)
{
  (void) json_id (person, "id", &m->link.person);
  m->link.flags &= ~(MEMBER_F_ADOPTED | MEMBER_F_GUEST | MEMBER_F_NO_AUTO_MATCH);
  m->link.flags |= (adopted ? MEMBER_F_ADOPTED : 0) | (json_flag (person, "is_guest") ? MEMBER_F_GUEST : 0);
  m->link.hub_role = HUB_COLLABORATOR;
  m->link.adopted_ms = clock_now_ms ();
  if (m->link.status != MEMBER_SYNC_FAILED)
    member_set_status (m, m->link.flags & MEMBER_F_INVITE ? MEMBER_PENDING_INVITE : member_settled (hub));
}

int
member_role_allowed (const json_t *person, enum hub_role role, struct refusal *r)
{
  if (role > HUB_COLLABORATOR && role > hub_role_most (person))
    return refuse (r, "role-not-allowed", "hub_role", "%s can only be a collaborator.", json_text (person, "email"));
  return 0;
}

static int
check_match (struct txn *t, const json_t *hub, const struct member *m, const json_t *person, enum hub_role role,
             struct refusal *r)
{
  struct id hub_id, person_id;
  struct member other;

  if (m->link.flags & MEMBER_F_EXEMPT)
    return refuse (r, "member-exempted", NULL, "The member is exempted.");
  if (!id_is_zero (&m->link.person))
    return refuse (r, "already-matched", NULL, "The member is matched already.");
  if (!member_is_live (&m->link))
    return refuse (r, "not-found", NULL, "The member was removed from the app.");
  if (streq (json_text (person, "status"), "removed"))
    return refuse (r, "not-found", "person", "The person %s was removed.", json_text (person, "email"));
  (void) json_id (hub, "id", &hub_id);
  (void) json_id (person, "id", &person_id);
  if (txn_member_by_person (t, &hub_id, &person_id, &other) == 1 && member_is_live (&other.link))
    return refuse (r, "already-matched", "person", "%s is matched to another member of this hub.",
                   json_text (person, "email"));
  return member_role_allowed (person, role, r);
}

int
engine_member_match (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  const char *name = json_text (c->body, "person"), *role_name = json_text (c->body, "hub_role");
  enum hub_role role = HUB_COLLABORATOR;
  json_t *hub, *person = NULL;
  struct id hub_id, member;
  _cleanup_ (arena_done) struct arena held = ARENA_INIT (MEMBER_HELD_MAX);
  struct txn *t;
  struct member m;
  int x;

  if (role_name && (hub_role_parse (role_name, &role) < 0 || role == HUB_MANAGER))
    return refuse (r, "validation-failed", "hub_role", "hub_role is owner or collaborator, not %s.", role_name);
  x = member_begin (e, c, role == HUB_OWNER ? HUB_OWNER : HUB_MANAGER, &t, &hub, &m, &held, r);
  if (x < 0)
    return x;
  member = m.link.id;
  if (!name)
    x = refuse (r, "validation-failed", "person", "person is an id, an address or a user name.");
  if (x == 0)
    x = find_person (t, name, &person, r);
  if (x == 0)
    x = check_match (t, hub, &m, person, role, r);
  if (x == 0)
    {
      (void) json_id (hub, "id", &hub_id);
      member_link_person (&m, hub, person, role == HUB_COLLABORATOR);
      /* Owners are looked for among grants. */
      if (role == HUB_OWNER)
        grant_share (t, c->caller, hub, &m.link.person, &(struct grant_terms) { .role = role, .seat = true });
      m.row = NULL;
      txn_member_put (t, &hub_id, &m);
      event_add (t, &(struct event) { .type = "member.matched", .caller = c->caller, .hub = hub, .member = &member,
                                      .person = &m.link.person, .outcome = hub_role_name (role) });
    }
  json_decref (person);
  return member_end (e, c, t, x, hub, &member, ret, r);
}

/* The link to a person and the person's direct grant end; the app is not touched. */
void
member_unlink (struct txn *t, const json_t *hub, struct member *m, const struct caller *c)
{
  struct id hub_id, person = m->link.person;
  json_t *grant;

  (void) json_id (hub, "id", &hub_id);
  grant = grant_direct (t, &hub_id, &person);
  /* A grant without a seat is access to the hub alone: it stays. */
  if (grant && json_flag (grant, "seat"))
    grant_end (t, grant, hub, c);
  json_decref (grant);
  m->link.person = (struct id) { { 0 } };
  m->link.flags &= ~(MEMBER_F_ADOPTED | MEMBER_F_GUEST);
  m->link.flags |= MEMBER_F_NO_AUTO_MATCH;
  m->link.hub_role = 0;
  member_set_status (m, MEMBER_UNMATCHED);
  m->row = NULL;
  txn_member_put (t, &hub_id, m);
  event_add (t, &(struct event) { .type = "member.unlinked", .caller = c, .hub = hub, .member = &m->link.id,
                                  .person = &person });
}

int
member_check_own (struct txn *t, const struct call *c, const json_t *hub, const struct member *m, struct refusal *r)
{
  struct id hub_id;
  enum hub_role role, granted;
  json_t *grant;

  if (id_is_zero (&m->link.person) || !json_id (hub, "id", &hub_id))
    return 0;
  /* What ends with the member: the adopted grant, and the direct one that carries a seat. */
  role = m->link.flags & MEMBER_F_ADOPTED ? (enum hub_role) m->link.hub_role : HUB_NONE;
  grant = grant_direct (t, &hub_id, &m->link.person);
  if (grant && json_flag (grant, "seat") && hub_role_parse (json_text (grant, "hub_role"), &granted) == 0)
    role = MAX (role, granted);
  json_decref (grant);
  role = hub_role_capped (t, role, &m->link.person);
  if (role > HUB_COLLABORATOR && id_equal (&m->link.person, &c->caller->person))
    return refuse (r, "self-removal", NULL, "This would end your own role on the hub.");
  if (role == HUB_OWNER && !hub_has_owner (t, &hub_id, &m->link.person))
    return refuse (r, "last-owner", NULL, "This is the hub's last owner.");
  return 0;
}

int
engine_member_unlink (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct id hub_id, member;
  _cleanup_ (arena_done) struct arena held = ARENA_INIT (MEMBER_HELD_MAX);
  struct txn *t;
  json_t *hub;
  struct member m;
  int x = member_begin (e, c, HUB_MANAGER, &t, &hub, &m, &held, r);

  if (x < 0)
    return x;
  member = m.link.id;
  (void) json_id (hub, "id", &hub_id);
  if (id_is_zero (&m.link.person))
    x = refuse (r, "not-found", NULL, "The member is not matched to anybody.");
  if (x == 0 && task_open_on (t, &hub_id, -1, &member, NULL))
    x = refuse (r, "member-busy", NULL, "A task of this member is open.");
  if (x == 0)
    x = member_check_own (t, c, hub, &m, r);
  if (x == 0)
    member_unlink (t, hub, &m, c->caller);
  return member_end (e, c, t, x, hub, &member, ret, r);
}

static bool
blank (const char *s)
{
  for (; s && *s; s++)
    if (*s != ' ' && *s != '\t' && *s != '\n' && *s != '\r')
      return false;
  return true;
}

int
engine_member_exempt (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  const char *reason = json_text (c->body, "reason");
  struct id hub_id, member;
  _cleanup_ (arena_done) struct arena held = ARENA_INIT (MEMBER_HELD_MAX);
  struct txn *t;
  json_t *hub;
  struct member m;
  int x = member_begin (e, c, HUB_MANAGER, &t, &hub, &m, &held, r);

  if (x < 0)
    return x;
  member = m.link.id;
  if (blank (reason))
    x = refuse (r, "reason-required", "reason", "An exemption needs a reason.");
  else if (utf8_length (reason) > REASON_MAX)
    x = refuse (r, "validation-failed", "reason", "A reason has at most %u characters.", REASON_MAX);
  else if (m.link.flags & MEMBER_F_EXEMPT)
    x = refuse (r, "member-exempted", NULL, "The member is exempted already.");
  else if (!id_is_zero (&m.link.person))
    x = refuse (r, "already-matched", NULL, "The member is matched to a person.");
  else if (!member_is_live (&m.link))
    x = refuse (r, "not-found", NULL, "The member was removed from the app.");
  (void) json_id (hub, "id", &hub_id);
  if (x == 0 && task_open_on (t, &hub_id, -1, &member, NULL))
    x = refuse (r, "member-busy", NULL, "A task of this member is open.");
  if (x == 0)
    {
      m.link.flags |= MEMBER_F_EXEMPT;
      m.link.reason = reason;
      m.link.exempt_by = c->caller->person;
      m.link.exempt_ms = clock_now_ms ();
      member_set_status (&m, MEMBER_EXEMPTED);
      m.row = NULL;
      txn_member_put (t, &hub_id, &m);
      event_add (t, &(struct event) { .type = "member.exempted", .caller = c->caller, .hub = hub, .member = &member,
                                      .details = json_pack ("{s:s}", "reason", reason) });
    }
  return member_end (e, c, t, x, hub, &member, ret, r);
}

int
engine_member_unexempt (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct id hub_id, member;
  _cleanup_ (arena_done) struct arena held = ARENA_INIT (MEMBER_HELD_MAX);
  struct txn *t;
  json_t *hub;
  struct member m;
  int x = member_begin (e, c, HUB_MANAGER, &t, &hub, &m, &held, r);

  if (x < 0)
    return x;
  member = m.link.id;
  if (!(m.link.flags & MEMBER_F_EXEMPT))
    x = refuse (r, "not-found", NULL, "The member is not exempted.");
  else if (!c->confirmed)
    x = refuse (r, "confirmation-required", NULL, "From then on Usher manages this member again.");
  if (x == 0)
    {
      (void) json_id (hub, "id", &hub_id);
      m.link.flags &= ~MEMBER_F_EXEMPT;
      m.link.reason = NULL;
      member_set_status (&m, MEMBER_UNMATCHED);
      m.row = NULL;
      txn_member_put (t, &hub_id, &m);
      event_add (t, &(struct event) { .type = "member.exemption-removed", .caller = c->caller, .hub = hub,
                                      .member = &member });
    }
  return member_end (e, c, t, x, hub, &member, ret, r);
}
