/* Owns events and issues: what happened, and what a person should look at. */
#include <config.h>

#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/clock.h"
#include "host/common/failure.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

#define KEY_MAX 512u

json_t *
event_json (const struct event *ev)
{
  json_t *o = json_object ();

  json_set_text (o, "type", ev->type);
  (void) json_object_set_new (o, "actor", caller_json (ev->caller));
  if (ev->caller->source)
    json_set_text (o, "source", ev->caller->source);
  if (ev->caller->client)
    json_set_text (o, "client", ev->caller->client);
  if (ev->hub)
    {
      json_set_text (o, "hub", json_text (ev->hub, "id"));
      json_set_text (o, "hub_label", json_text (ev->hub, "label"));
      json_set_text (o, "app", json_text (ev->hub, "app"));
    }
  if (ev->member)
    json_set_id (o, "member", ev->member);
  if (ev->person)
    json_set_id (o, "person", ev->person);
  if (ev->account)
    json_set_id (o, "account", ev->account);
  if (ev->task)
    json_set_id (o, "task", ev->task);
  json_set_text (o, "outcome", ev->outcome);
  if (ev->details)
    (void) json_object_set_new (o, "details", ev->details);
  return o;
}

void
event_add (struct txn *t, const struct event *ev)
{
  json_t *o = event_json (ev);

  txn_event_add (t, o);
  json_decref (o);
}

/* ---- Issues. */

static void
issue_key (struct buf *out, const json_t *hub, const char *kind, const char *code, const char *member)
{
  buf_printf (out, "%s %s %s %s", hub ? json_text (hub, "id") : "-", kind ? kind : "-", code,
              member ? member : "-");
}

/* What the unresolved issues of one hub and task kind are found by. */
static void
open_key (struct buf *out, const json_t *hub, const char *kind)
{
  buf_printf (out, "%s %s", hub ? json_text (hub, "id") : "-", kind ? kind : "-");
}

static json_t *
issue_find (struct txn *t, const struct buf *key)
{
  struct id id;

  return txn_doc_find (t, STORE_ISSUE_KEY, key->data, &id, 1) == 1 ? txn_doc_get (t, STORE_ISSUE, &id) : NULL;
}

bool
issue_is_open (struct txn *t, const json_t *hub, const char *kind, const char *code, const char *member)
{
  _cleanup_ (buf_done) struct buf key = BUF_INIT (KEY_MAX);
  json_t *issue;
  bool open;

  issue_key (&key, hub, kind, code, member);
  issue = buf_error (&key) ? NULL : issue_find (t, &key);
  open = json_text (issue, "open_key") != NULL;
  json_decref (issue);
  return open;
}

void
issue_raise (struct txn *t, const char *group, const json_t *hub, const json_t *task, const char *code,
             const char *text)
{
  _cleanup_ (buf_done) struct buf key = BUF_INIT (KEY_MAX);
  const char *kind = json_text (task, "kind"), *member = json_text (task, "member");
  int64_t now = clock_now_ms ();
  json_t *issue;

  issue_key (&key, hub, kind, code, member);
  if (buf_error (&key))
    return;
  issue = issue_find (t, &key);
  if (!issue)
    {
      issue = doc_new (&system_caller);
      json_set_text (issue, "key", key.data);
      json_set_text (issue, "group", group);
      json_set_text (issue, "hub", hub ? json_text (hub, "id") : NULL);
      json_set_text (issue, "hub_label", hub ? json_text (hub, "label") : NULL);
      json_set_text (issue, "kind", kind);
      json_set_text (issue, "member", member);
      json_set_text (issue, "code", code);
      json_set_time (issue, "first_seen", now);
    }
  buf_reset (&key);
  open_key (&key, hub, kind);
  json_set_text (issue, "open_key", key.data);
  json_set_text (issue, "task", json_text (task, "id"));
  json_set_text (issue, "message", text);
  json_set_text (issue, "next_step", failure_find (code)->step);
  json_set_text (issue, "action", failure_find (code)->action);
  json_set_text (issue, "state", "unread");
  json_set_time (issue, "last_seen", now);
  json_set_time (issue, "updated_at", now);
  (void) json_object_set_new (issue, "count", json_integer (json_number (issue, "count", 0) + 1));
  txn_doc_put (t, STORE_ISSUE, issue);
  json_decref (issue);
}

struct resolve
{
  const char *member;
  const json_t *members;      /* else: any of these */
  json_t *found;
};

static bool
collect (void *arg, json_t *issue)
{
  struct resolve *r = arg;

  const char *member = json_text (issue, "member");

  if (r->members ? json_object_get (r->members, member) != NULL : streq (member, r->member))
    (void) json_array_append (r->found, issue);
  return true;
}

static void
resolve (struct txn *t, const json_t *hub, const char *task_kind, struct resolve r)
{
  _cleanup_ (buf_done) struct buf key = BUF_INIT (KEY_MAX);
  json_t *issue;
  size_t i;

  r.found = json_array ();
  open_key (&key, hub, task_kind);
  txn_fail (t, buf_error (&key));
  if (buf_error (&key) == 0)
    txn_doc_walk (t, STORE_ISSUE, STORE_ISSUE_OPEN, key.data, false, NULL, collect, &r);
  json_array_foreach (r.found, i, issue)
    {
      json_set_text (issue, "open_key", NULL);
      json_set_text (issue, "state", "resolved");
      json_set_time (issue, "updated_at", clock_now_ms ());
      txn_doc_put (t, STORE_ISSUE, issue);
    }
  json_decref (r.found);
}

void
issue_resolve (struct txn *t, const json_t *hub, const char *task_kind, const struct id *member)
{
  char text[ID_TEXT_SIZE];

  if (member)
    id_format (member, text);
  resolve (t, hub, task_kind, (struct resolve) { .member = member ? text : NULL });
}

void
issue_resolve_all (struct txn *t, const json_t *hub, const char *task_kind, const json_t *members)
{
  resolve (t, hub, task_kind, (struct resolve) { .members = members });
}

/* ---- Actions. */

struct issue_list
{
  struct sight sight;
  const char *state;
};

static json_t *
issue_render (const json_t *issue)
{
  json_t *shown = json_copy ((json_t *) (uintptr_t) issue);

  (void) json_object_del (shown, "key");
  (void) json_object_del (shown, "open_key");
  (void) json_object_del (shown, "created_by");
  return shown;
}

static json_t *
show_issue (void *arg, struct txn *t, const json_t *issue)
{
  struct issue_list *l = arg;
  const char *state = json_text (issue, "state");

  if ((l->state ? !streq (l->state, state) : streq (state, "resolved")) || !sees_work (&l->sight, t, issue))
    return NULL;
  return issue_render (issue);
}

int
engine_issue_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct issue_list l = { .state = call_query (c, "state") };
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);

  sight_begin (&l.sight, t, c->caller);
  txn_abort (t);
  return x < 0 ? x : list_docs (e, c,
                                (struct doc_list) { .kind = STORE_ISSUE, .newest = true, .show = show_issue, .arg = &l },
                                ret, r);
}

int
engine_issue_read (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *issue = NULL;
  struct sight s;
  struct id id;
  int x = caller_may (t, c->caller, SCOPE_WRITE, ROLE_GUEST, r);

  if (x == 0 && id_parse (c->path[0], &id) == 0)
    issue = txn_doc_get (t, STORE_ISSUE, &id);
  sight_begin (&s, t, c->caller);
  if (issue && !sees_work (&s, t, issue))
    json_decref (TAKE (issue));
  if (x == 0 && txn_error (t) < 0)
    x = refuse_errno (r, txn_error (t));
  if (x == 0 && !issue)
    x = refuse (r, "not-found", NULL, "There is no issue %s.", c->path[0]);
  if (x == 0)
    {
      if (streq (json_text (issue, "state"), "unread"))
        json_set_text (issue, "state", "read");
      json_set_time (issue, "updated_at", clock_now_ms ());
      txn_doc_put (t, STORE_ISSUE, issue);
    }
  x = call_end (e, c, t, x, x == 0 ? issue_render (issue) : NULL, ret, r);
  json_decref (issue);
  return x;
}

int
event_ask (struct txn *t, const struct call *c, struct event_ask *ret, struct refusal *r)
{
  const char *hub = call_query (c, "hub"), *person = call_query (c, "person");
  json_t *hub_doc = NULL, *person_doc = NULL;
  int x = caller_may (t, c->caller, SCOPE_READ, person ? ROLE_USER : ROLE_GUEST, r);

  *ret = (struct event_ask) { .by_hub = false };
  if (x == 0 && hub)
    x = find_hub_seen (t, c->caller, hub, &hub_doc, r);
  if (x == 0 && person)
    x = find_person (t, person, &person_doc, r);
  ret->by_hub = json_id (hub_doc, "id", &ret->hub);
  ret->by_person = json_id (person_doc, "id", &ret->person);
  sight_begin (&ret->sight, t, c->caller);
  json_decref (hub_doc);
  json_decref (person_doc);
  return x;
}

struct event_list
{
  struct event_ask asked;
  struct event_filter filter;
  bool named;               /* people are shown by their addresses */
  /* Of the walk under way. */
  struct list *list;
  struct txn *t;
};

/* The e-mail address of the person OF has under KEY; NULL when there is none.  Borrowed
   from *RET, a new reference. */
static const char *
person_email (struct txn *t, const json_t *of, const char *key, json_t **ret)
{
  struct id id;

  *ret = json_id (of, key, &id) ? txn_doc_get (t, STORE_PERSON, &id) : NULL;
  return json_text (*ret, "email");
}

/* Says who the ids are: a token by its name, people by their addresses. */
static void
add_labels (struct txn *t, json_t *event)
{
  json_t *actor = json_object_get (event, "actor"), *token, *person;
  struct id id;

  json_set_text (event, "person_label", person_email (t, event, "person", &person));
  json_decref (person);
  token = json_id (actor, "token", &id) ? txn_doc_get (t, STORE_TOKEN, &id) : NULL;
  json_set_text (actor, "label", token ? json_text (token, "name") : person_email (t, actor, "person", &person));
  if (!token)
    json_decref (person);
  json_decref (token);
}

static bool
show_event (void *arg, json_t *event)
{
  struct event_list *l = arg;
  bool seen = sees_work (&l->asked.sight, l->t, event);
  char at[LIST_CURSOR_SIZE];

  (void) snprintf (at, sizeof at, "%lld", (long long) json_number (event, "seq", 0));
  /* Who the people of the workspace are is for those who may list them. */
  if (seen && l->named)
    add_labels (l->t, event);
  return list_take (l->list, at, seen ? json_incref (event) : NULL);
}

static void
walk_events (struct list *list, struct txn *t, const char *after, void *arg)
{
  struct event_list *l = arg;
  uint64_t before = 0;

  if (after && parse_u64 (after, 1, UINT64_MAX, &before) < 0)
    return txn_fail (t, -EINVAL);
  l->list = list;
  l->t = t;
  txn_event_walk (t, &l->filter, before, show_event, l);
}

int
engine_event_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct event_list l = { .list = NULL };
  const char *since = call_query (c, "since");
  int x = event_ask (t, c, &l.asked, r);

  l.named = caller_role (t, c->caller) >= ROLE_USER;
  txn_abort (t);
  if (x == 0 && since && clock_parse_rfc3339 (since, &l.filter.since_ms) < 0)
    x = refuse (r, "validation-failed", "since", "since is a time such as 2026-01-31T00:00:00Z.");
  if (x < 0)
    return x;
  l.filter.hub = l.asked.by_hub ? &l.asked.hub : NULL;
  l.filter.person = l.asked.by_person ? &l.asked.person : NULL;
  return list_page (e, c, walk_events, &l, ret, r);
}
