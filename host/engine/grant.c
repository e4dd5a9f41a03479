/* Owns grants: why a person has access to a hub, and what follows from all of them
   together (behaviour 3.6, 6.1). */
#include <config.h>

#include <stdio.h>

#include "host/common/clock.h"
#include "host/engine/internal.h"

#define ARENA_BYTES (256u * 1024)

static bool
collect (void *arg, json_t *grant)
{
  if (!json_object_get (grant, "ended_at"))
    (void) json_array_append (arg, grant);
  return true;
}

json_t *
grants_of (struct txn *t, const struct id *hub, const struct id *person)
{
  char key[2 * ID_TEXT_SIZE], hub_text[ID_TEXT_SIZE], person_text[ID_TEXT_SIZE];
  json_t *grants = json_array ();

  id_format (hub, hub_text);
  id_format (person, person_text);
  (void) snprintf (key, sizeof key, "%s %s", person_text, hub_text);
  txn_doc_walk (t, STORE_GRANT, STORE_GRANT_PERSON, key, false, NULL, collect, grants);
  return grants;
}

json_t *
grant_new (const struct caller *c, const struct id *hub, const struct id *person, const char *origin,
           enum hub_role role, bool seat, json_t *roles)
{
  json_t *grant = doc_new (c);

  json_set_id (grant, "hub", hub);
  json_set_id (grant, "person", person);
  json_set_text (grant, "via", "direct");
  json_set_text (grant, "origin", origin);
  json_set_text (grant, "hub_role", hub_role_name (role));
  (void) json_object_set_new (grant, "seat", json_boolean (seat));
  (void) json_object_set_new (grant, "roles", roles ? roles : json_array ());
  json_set_time (grant, "changed_at", clock_now_ms ());
  return grant;
}

json_t *
grant_direct (struct txn *t, const struct id *hub, const struct id *person)
{
  json_t *grants = grants_of (t, hub, person), *grant, *found = NULL;
  size_t i;

  json_array_foreach (grants, i, grant)
    if (!found && streq (json_text (grant, "via"), "direct"))
      found = json_incref (grant);
  json_decref (grants);
  return found;
}

/* ---- Owners. */

static bool
gives_ownership (const json_t *grant)
{
  return streq (json_text (grant, "hub_role"), "owner");
}

struct owners
{
  struct txn *t;
  struct id except;
  const json_t *beside;
  bool found;
};

static bool
find_owner (void *arg, json_t *grant)
{
  struct owners *o = arg;
  struct id person;
  json_t *doc;

  if (json_object_get (grant, "ended_at") || !gives_ownership (grant) || !json_id (grant, "person", &person)
      || id_equal (&person, &o->except) || json_object_get (o->beside, json_text (grant, "person")))
    return true;
  doc = txn_doc_get (o->t, STORE_PERSON, &person);
  o->found = hub_role_most (doc) == HUB_OWNER;
  json_decref (doc);
  return !o->found;
}

static bool
look_for_owner (struct owners *o, const struct id *hub)
{
  char key[ID_TEXT_SIZE];

  id_format (hub, key);
  txn_doc_walk (o->t, STORE_GRANT, STORE_GRANT_HUB, key, false, NULL, find_owner, o);
  return o->found;
}

bool
hub_has_owner (struct txn *t, const struct id *hub, const struct id *except)
{
  struct owners o = { .t = t };

  if (except)
    o.except = *except;
  return look_for_owner (&o, hub);
}

bool
hub_has_owner_beside (struct txn *t, const struct id *hub, const json_t *people)
{
  return look_for_owner (&(struct owners) { .t = t, .beside = people }, hub);
}

void
hub_owners_changed (struct txn *t, const json_t *hub)
{
  json_t *about;
  struct id id;

  if (!json_id (hub, "id", &id))
    return;
  about = json_pack ("{s:s}", "kind", "ownership");
  if (hub_is_live (hub) && !hub_has_owner (t, &id, /* except= */ NULL))
    issue_raise (t, "hub-set-up", hub, about, "no-owner", "Nobody is left who owns the hub.");
  else
    issue_resolve (t, hub, json_text (about, "kind"), /* member= */ NULL);
  json_decref (about);
}

void
person_owning_changed (struct txn *t, const json_t *person)
{
  json_t *grants = json_array (), *grant, *hub;
  struct id id;
  size_t i;

  txn_doc_walk (t, STORE_GRANT, STORE_GRANT_PERSON, json_text (person, "id"), false, NULL, collect, grants);
  json_array_foreach (grants, i, grant)
    if (gives_ownership (grant) && json_id (grant, "hub", &id))
      {
        hub = txn_doc_get (t, STORE_HUB, &id);
        hub_owners_changed (t, hub);
        json_decref (hub);
      }
  json_decref (grants);
}

/* ---- What becomes of a grant. */

void
grant_end (struct txn *t, json_t *grant, const json_t *hub, const struct caller *c)
{
  struct id person;
  bool known = json_id (grant, "person", &person);

  json_set_time (grant, "ended_at", clock_now_ms ());
  txn_doc_put (t, STORE_GRANT, grant);
  event_add (t, &(struct event) { .type = "grant.ended", .caller = c, .hub = hub, .person = known ? &person : NULL });
  if (gives_ownership (grant))
    hub_owners_changed (t, hub);
}

void
grant_share (struct txn *t, const struct caller *c, const json_t *hub, const struct id *person,
             const struct grant_terms *terms)
{
  struct id hub_id = { { 0 } };
  bool fresh, owned;
  json_t *grant;

  (void) json_id (hub, "id", &hub_id);
  grant = grant_direct (t, &hub_id, person);
  fresh = !grant;
  owned = gives_ownership (grant);
  if (fresh)
    grant = grant_new (c, &hub_id, person, "share", terms->role, terms->seat, NULL);
  json_set_text (grant, "hub_role", hub_role_name (terms->role));
  (void) json_object_set_new (grant, "seat", json_boolean (terms->seat));
  if (terms->roles)
    (void) json_object_set (grant, "roles", terms->roles);
  if (terms->fields)
    (void) json_object_set (grant, "fields", terms->fields);
  (void) json_object_del (grant, "lapsed");
  json_set_time (grant, "changed_at", clock_now_ms ());
  txn_doc_put (t, STORE_GRANT, grant);
  event_add (t, &(struct event) { .type = fresh ? "grant.created" : "grant.changed", .caller = c, .hub = hub,
                                  .person = person });
  if (owned || gives_ownership (grant))
    hub_owners_changed (t, hub);
  json_decref (grant);
}

/* The roles a member was last seen with. */
static json_t *
observed_roles (const struct member *m)
{
  struct arena arena = ARENA_INIT (ARENA_BYTES);
  json_t *roles = json_array ();
  struct row row;
  size_t i;

  if (m && m->row && row_get (m->row, m->row_len, &arena, &row) == 0)
    for (i = 0; i < row.member.n_roles; i++)
      (void) json_array_append_new (roles, json_pack ("{s:s, s:s}", "id", row.member.roles[i].value, "group",
                                                      row.member.roles[i].key ? row.member.roles[i].key : "role"));
  arena_done (&arena);
  return roles;
}

void
wanted_resolve (struct txn *t, const json_t *hub, const struct id *person, const struct member *m,
                struct wanted *ret)
{
  json_t *grants, *grant;
  bool adopted = m && (m->link.flags & MEMBER_F_ADOPTED) && member_is_live (&m->link);
  bool waiting = m && m->link.status == MEMBER_INVITING;
  struct id hub_id;
  size_t i;

  *ret = (struct wanted) { .hub_role = adopted ? (enum hub_role) m->link.hub_role : HUB_NONE, .seat = adopted,
                           .follows = true };
  if (id_is_zero (person) || !json_id (hub, "id", &hub_id))
    {
      ret->roles = json_array ();
      return;
    }
  grants = grants_of (t, &hub_id, person);
  json_array_foreach (grants, i, grant)
    {
      enum hub_role role;

      if (hub_role_parse (json_text (grant, "hub_role"), &role) == 0)
        ret->hub_role = MAX (ret->hub_role, role);
      if (json_flag (grant, "lapsed") || !json_flag (grant, "seat"))
        continue;
      ret->seat = true;
      /* Until somebody is in the app, the grant is all there is to go by. */
      if (waiting || !m || !m->row)
        {
          ret->follows = false;
          json_decref (ret->roles);
          ret->roles = json_incref (json_object_get (grant, "roles"));
        }
    }
  json_decref (grants);
  ret->hub_role = hub_role_capped (t, ret->hub_role, person);
  if (!ret->roles)
    ret->roles = observed_roles (m);
}
