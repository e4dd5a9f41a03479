/* Owns who sees what (behaviour 2.1, 2.2): what a list leaves out, and what a name does not
   find.  What may be done is asked elsewhere (caller_may, caller_may_hub). */
#include <config.h>

#include "host/engine/internal.h"

void
sight_begin (struct sight *s, struct txn *t, const struct caller *c)
{
  *s = (struct sight) { .all = caller_role (t, c) >= ROLE_ADMIN, .person = c->person };
}

enum hub_role
sight_role (struct sight *s, struct txn *t, const json_t *of, const char *key)
{
  struct id hub;

  if (!json_id (of, key, &hub))
    return HUB_NONE;
  /* Lists show what belongs to one hub together. */
  if (!id_equal (&hub, &s->hub))
    {
      s->role = hub_role_of (t, &hub, &s->person);
      s->hub = hub;
    }
  return s->role;
}

static bool
is_me (const struct sight *s, const json_t *o, const char *key)
{
  struct id id;

  return json_id (o, key, &id) && id_equal (&id, &s->person);
}

bool
sees_hub (struct sight *s, struct txn *t, const json_t *hub)
{
  return s->all || sight_role (s, t, hub, "id") >= HUB_COLLABORATOR;
}

bool
sees_work (struct sight *s, struct txn *t, const json_t *doc)
{
  return s->all || is_me (s, doc, "person") || is_me (s, json_object_get (doc, "actor"), "person")
         || sight_role (s, t, doc, "hub") >= HUB_MANAGER;
}

bool
sees_report (struct sight *s, struct txn *t, const json_t *report)
{
  return json_object_get (report, "hub") ? sight_role (s, t, report, "hub") >= HUB_MANAGER : s->all;
}

bool
sees_account (struct sight *s, struct txn *t, const json_t *account)
{
  if (s->all)
    return true;
  return json_object_get (account, "hub") ? sight_role (s, t, account, "hub") == HUB_OWNER
                                          : is_me (s, json_object_get (account, "created_by"), "person");
}

int
find_hub_seen (struct txn *t, const struct caller *c, const char *name, json_t **ret, struct refusal *r)
{
  struct sight s;
  int x = find_hub (t, name, true, ret, r);

  if (x < 0)
    return x;
  sight_begin (&s, t, c);
  if (sees_hub (&s, t, *ret))
    return 0;
  json_decref (TAKE (*ret));
  return txn_error (t) < 0 ? refuse_errno (r, txn_error (t)) : refuse (r, "not-found", NULL, "There is no hub %s.", name);
}
