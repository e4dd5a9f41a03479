/* Owns people as Usher knows them: adding, showing, removing. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/members.h"
#include "host/engine/people.h"

#define NAME_MAX_CHARS 200u
#define HUBS_MAX 1000u

json_t *
person_render (const json_t *person)
{
  json_t *shown = json_copy ((json_t *) (uintptr_t) person);

  (void) json_object_del (shown, "created_by");
  return shown;
}

static int
check_name (const char *field, const char *value, struct refusal *r)
{
  if (value && (utf8_length (value) > NAME_MAX_CHARS || !text_is_line (value)))
    return refuse (r, "validation-failed", field, "%s has at most %u characters, in one line.", field, NAME_MAX_CHARS);
  return 0;
}

/* Normalised addresses, each once, none of them EMAIL. */
static int
check_addresses (const json_t *given, const char *email, json_t **ret, struct refusal *r)
{
  json_t *list = json_array (), *one, *seen;
  size_t i, j;

  json_array_foreach (given, i, one)
    {
      const char *text = json_string_value (one);
      _cleanup_ (freep) char *address = text ? email_normalise (text) : NULL;

      if (!address)
        {
          json_decref (list);
          return refuse (r, "validation-failed", "secondary_emails", "%s is not an e-mail address.", text ? text : "That");
        }
      json_array_foreach (list, j, seen)
        if (streq (json_string_value (seen), address))
          break;
      if (j == json_array_size (list) && !streq (address, email))
        (void) json_array_append_new (list, json_string (address));
    }
  *ret = list;
  return 0;
}

/* Looked up before the put, which would end the transaction for everybody in it. */
static bool
address_taken (struct txn *t, const char *address, const struct id *person)
{
  struct id owner;

  return txn_doc_find (t, STORE_PERSON_ADDRESS, address, &owner, 1) == 1 && !id_equal (&owner, person);
}

int
person_put (struct txn *t, json_t *person, struct refusal *r)
{
  const char *email = json_text (person, "email");
  json_t *one;
  struct id id;
  size_t i;

  (void) json_id (person, "id", &id);
  if (address_taken (t, email, &id))
    return refuse (r, "validation-failed", "email", "The address %s belongs to somebody else.", email);
  json_array_foreach (json_object_get (person, "secondary_emails"), i, one)
    if (address_taken (t, json_string_value (one), &id))
      return refuse (r, "validation-failed", "secondary_emails", "The address %s belongs to somebody else.",
                     json_string_value (one));
  txn_doc_put (t, STORE_PERSON, person);
  return txn_error (t) < 0 ? refuse_errno (r, txn_error (t)) : 0;
}

int
person_apply (json_t *person, const struct person_fields *f, bool *ret_changed, struct refusal *r)
{
  json_t *before = json_deep_copy (person), *addresses = NULL;
  enum workspace_role role = ROLE_USER;
  int x = check_name ("first_name", f->first_name, r);

  if (x == 0)
    x = check_name ("last_name", f->last_name, r);
  if (x == 0)
    x = check_name ("username", f->username, r);
  if (x == 0 && f->workspace_role && workspace_role_parse (f->workspace_role, &role) < 0)
    x = refuse (r, "validation-failed", "workspace_role",
                "workspace_role is super-admin, admin, user, login-only or guest, not %s.", f->workspace_role);
  if (x == 0 && f->workspace_role && role == ROLE_OWNER && !streq (json_text (person, "workspace_role"), "owner"))
    x = refuse (r, "role-not-allowed", "workspace_role", "There is one owner: ownership is handed over, not given.");
  if (x == 0 && streq (json_text (person, "workspace_role"), "owner")
      && ((f->workspace_role && role != ROLE_OWNER) || f->is_guest > 0))
    x = refuse (r, "last-owner", "workspace_role", "%s is the owner of the workspace: ownership is handed over first.",
                json_text (person, "email"));
  if (x == 0 && f->workspace_role && role > f->giver)
    x = refuse (r, "role-not-allowed", "workspace_role", "Nobody gives a workspace role above their own.");
  if (x == 0 && f->secondary_emails)
    x = check_addresses (f->secondary_emails, json_text (person, "email"), &addresses, r);
  if (x == 0)
    {
      if (f->first_name)
        json_set_text (person, "first_name", *f->first_name ? f->first_name : NULL);
      if (f->last_name)
        json_set_text (person, "last_name", *f->last_name ? f->last_name : NULL);
      if (f->username)
        json_set_text (person, "username", *f->username ? f->username : NULL);
      if (f->is_guest >= 0)
        (void) json_object_set_new (person, "is_guest", json_boolean (f->is_guest));
      if (f->workspace_role)
        json_set_text (person, "workspace_role", f->workspace_role);
      else if (json_flag (person, "is_guest"))
        json_set_text (person, "workspace_role", "guest");
      if (addresses)
        (void) json_object_set (person, "secondary_emails", addresses);
      if (f->teams)
        (void) json_object_set (person, "teams", f->teams);
      *ret_changed = !json_equal (before, person);
      if (*ret_changed)
        json_set_time (person, "updated_at", clock_now_ms ());
    }
  json_decref (addresses);
  json_decref (before);
  return x;
}

int
person_make (struct txn *t, const struct caller *c, const struct person_fields *f, json_t **ret, struct refusal *r)
{
  _cleanup_ (freep) char *email = f->email ? email_normalise (f->email) : NULL;
  json_t *person;
  bool changed;
  int x;

  if (!email)
    return refuse (r, "validation-failed", "email", "%s is not an e-mail address.",
                   f->email && *f->email ? f->email : "email is required; that");
  person = doc_new (c);
  json_set_text (person, "email", email);
  (void) json_object_set_new (person, "secondary_emails", json_array ());
  (void) json_object_set_new (person, "is_guest", json_false ());
  json_set_text (person, "workspace_role", "user");
  json_set_text (person, "status", "pending");
  json_set_text (person, "source", "local");
  x = person_apply (person, f, &changed, r);
  if (x == 0)
    x = person_put (t, person, r);
  if (x < 0)
    {
      json_decref (person);
      return x;
    }
  *ret = person;
  return 0;
}

/* ---- Actions. */

struct person_list
{
  const char *search, *status;
};

static json_t *
show_person (void *arg, struct txn *t, const json_t *person)
{
  static const char *const searched[] = { "email", "first_name", "last_name", "username" };
  const struct person_list *l = arg;
  const char *status = json_text (person, "status");
  size_t i;

  (void) t;
  if (l->status ? !streq (l->status, status) : streq (status, "removed"))
    return NULL;
  for (i = 0; l->search && i < ARRAY_SIZE (searched); i++)
    {
      const char *text = json_text (person, searched[i]);

      if (text && strcasestr (text, l->search))
        break;
    }
  return l->search && i == ARRAY_SIZE (searched) ? NULL : person_render (person);
}

int
engine_person_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  struct person_list l = { .search = call_query (c, "search"), .status = call_query (c, "status") };
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_USER, r);

  txn_abort (t);
  return x < 0 ? x : list_docs (e, c, (struct doc_list) { .kind = STORE_PERSON, .show = show_person, .arg = &l },
                                ret, r);
}

int
engine_person_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *person = NULL;
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_USER, r);

  if (x == 0)
    x = find_person (t, c->path[0], &person, r);
  if (x == 0)
    *ret = person_render (person);
  json_decref (person);
  return x;
}

int
engine_person_add (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  const json_t *guest = json_object_get (c->body, "is_guest");
  struct person_fields f = {
    .email = json_text (c->body, "email"),
    .first_name = json_text (c->body, "first_name"),
    .last_name = json_text (c->body, "last_name"),
    .username = json_text (c->body, "username"),
    .workspace_role = json_text (c->body, "workspace_role"),
    .secondary_emails = json_object_get (c->body, "secondary_emails"),
    .is_guest = guest ? json_is_true (guest) : -1,
  };
  json_t *person = NULL;
  int x = caller_may (t, c->caller, SCOPE_WRITE, f.workspace_role ? ROLE_ADMIN : ROLE_USER, r);

  f.giver = caller_role (t, c->caller);
  if (x == 0)
    x = person_make (t, c->caller, &f, &person, r);
  if (x == 0)
    {
      struct id id;

      (void) json_id (person, "id", &id);
      event_add (t, &(struct event) { .type = "person.joined", .caller = c->caller, .person = &id, .outcome = "added" });
    }
  x = call_end (e, c, t, x, x == 0 ? person_render (person) : NULL, ret, r);
  json_decref (person);
  return x;
}

static bool
collect_grant (void *arg, json_t *grant)
{
  if (!json_object_get (grant, "ended_at"))
    (void) json_array_append (arg, grant);
  return true;
}

/* A removed person holds no grants, on any hub. */
static void
end_grants (struct txn *t, const struct caller *c, const struct id *person)
{
  json_t *grants = json_array (), *grant, *hub;
  char key[ID_TEXT_SIZE];
  struct id hub_id;
  size_t i;

  id_format (person, key);
  txn_doc_walk (t, STORE_GRANT, STORE_GRANT_PERSON, key, false, NULL, collect_grant, grants);
  json_array_foreach (grants, i, grant)
    {
      hub = json_id (grant, "hub", &hub_id) ? txn_doc_get (t, STORE_HUB, &hub_id) : NULL;
      grant_end (t, grant, hub, c);
      json_decref (hub);
    }
  json_decref (grants);
}

/* Their accounts in the apps stay as they are, unmatched from now on: nobody is removed
   from an app by this. */
static void
release_members (struct txn *t, const struct caller *c, const struct id *person)
{
  struct id hubs[HUBS_MAX];
  size_t n = txn_person_hubs (t, person, hubs, ARRAY_SIZE (hubs)), i;

  for (i = 0; i < n; i++)
    {
      json_t *hub = txn_doc_get (t, STORE_HUB, &hubs[i]);
      struct member m;

      if (hub && txn_member_by_person (t, &hubs[i], person, &m) == 1 && member_is_live (&m.link))
        member_unlink (t, hub, &m, c);
      json_decref (hub);
    }
}

void
person_remove (struct txn *t, const struct caller *c, json_t *person)
{
  struct id id;

  (void) json_id (person, "id", &id);
  release_members (t, c, &id);
  end_grants (t, c, &id);
  json_set_text (person, "status", "removed");
  json_set_time (person, "removed_at", clock_now_ms ());
  json_set_time (person, "updated_at", clock_now_ms ());
  txn_doc_put (t, STORE_PERSON, person);
  event_add (t, &(struct event) { .type = "person.removed", .caller = c, .person = &id });
}

int
engine_person_remove (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *person = NULL;
  int x = caller_may (t, c->caller, SCOPE_WRITE, ROLE_ADMIN, r);

  if (x == 0)
    x = find_person (t, c->path[0], &person, r);
  if (x == 0)
    x = call_match (c, person_render (person), r);
  if (x == 0 && streq (json_text (person, "workspace_role"), "owner"))
    x = refuse (r, "last-owner", NULL, "The owner of the workspace cannot be removed.");
  if (x == 0 && streq (json_text (person, "status"), "removed"))
    x = refuse (r, "not-found", NULL, "%s was removed already.", json_text (person, "email"));
  if (x == 0 && !c->confirmed)
    x = refuse (r, "confirmation-required", NULL, "This removes %s from Usher; accounts in apps stay, unmatched.",
                json_text (person, "email"));
  if (x == 0)
    person_remove (t, c->caller, person);
  x = call_end (e, c, t, x, x == 0 ? person_render (person) : NULL, ret, r);
  json_decref (person);
  return x;
}
