/* Owns who may: workspace roles, hub roles, scopes of tokens. */
#include <config.h>

#include <sodium.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

#define GRANTS_MAX 1000u

const struct caller system_caller = { .kind = CALLER_SYSTEM, .scopes = ~0u, .trigger = "system" };

static const char *const workspace_roles[] = {
  [ROLE_GUEST] = "guest", [ROLE_LOGIN_ONLY] = "login-only",   [ROLE_USER] = "user",
  [ROLE_ADMIN] = "admin", [ROLE_SUPER_ADMIN] = "super-admin", [ROLE_OWNER] = "owner",
};

static const char *const hub_roles[] = {
  [HUB_COLLABORATOR] = "collaborator", [HUB_MANAGER] = "manager", [HUB_OWNER] = "owner",
};

const char *
workspace_role_name (enum workspace_role role)
{
  return workspace_roles[role];
}

int
workspace_role_parse (const char *s, enum workspace_role *ret)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (workspace_roles); i++)
    if (streq (s, workspace_roles[i]))
      {
        *ret = (enum workspace_role) i;
        return 0;
      }
  return -EINVAL;
}

const char *
hub_role_name (enum hub_role role)
{
  return role == HUB_NONE ? NULL : hub_roles[role];
}

int
hub_role_parse (const char *s, enum hub_role *ret)
{
  size_t i;

  for (i = HUB_COLLABORATOR; s && i < ARRAY_SIZE (hub_roles); i++)
    if (streq (s, hub_roles[i]))
      {
        *ret = (enum hub_role) i;
        return 0;
      }
  return -EINVAL;
}

json_t *
caller_json (const struct caller *c)
{
  json_t *o = json_object ();

  json_set_text (o, "kind", c->kind == CALLER_TOKEN ? "token" : c->kind == CALLER_SYSTEM ? "system" : "person");
  if (c->kind == CALLER_TOKEN)
    json_set_id (o, "token", &c->token);
  json_set_id (o, "person", &c->person);
  return o;
}

static bool
first_only (void *arg, json_t *doc)
{
  *(json_t **) arg = json_incref (doc);
  return false;
}

json_t *
workspace_get (struct txn *t)
{
  json_t *workspace = NULL;

  txn_doc_walk (t, STORE_WORKSPACE, 0, NULL, false, NULL, first_only, &workspace);
  return workspace;
}

int
caller_may (struct txn *t, const struct caller *c, unsigned int scope, enum workspace_role role, struct refusal *r)
{
  json_t *workspace, *person;
  enum workspace_role has = ROLE_GUEST;
  bool there;

  if (c->kind == CALLER_SYSTEM)
    return 0;
  workspace = workspace_get (t);
  there = workspace != NULL;
  json_decref (workspace);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  if (!there)
    return refuse (r, "not-set-up", NULL, "This daemon has no workspace yet.");
  if ((c->scopes & scope) != scope)
    return refuse (r, "not-permitted", NULL, "The token lacks the scope %s.",
                   scope == SCOPE_ADMIN ? "admin" : scope == SCOPE_WRITE ? "write" : "read");
  person = txn_doc_get (t, STORE_PERSON, &c->person);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  if (person && !streq (json_text (person, "status"), "removed"))
    (void) workspace_role_parse (json_text (person, "workspace_role"), &has);
  there = person && !streq (json_text (person, "status"), "removed");
  json_decref (person);
  if (!there || has < role)
    return refuse (r, "not-permitted", NULL, "This needs the workspace role %s.", workspace_role_name (role));
  return 0;
}

enum workspace_role
caller_role (struct txn *t, const struct caller *c)
{
  json_t *person = txn_doc_get (t, STORE_PERSON, &c->person);
  enum workspace_role role = c->kind == CALLER_SYSTEM ? ROLE_OWNER : ROLE_GUEST;

  (void) workspace_role_parse (json_text (person, "workspace_role"), &role);
  json_decref (person);
  return role;
}

enum hub_role
hub_role_most (const json_t *person)
{
  enum workspace_role has = ROLE_GUEST;

  if (!person || streq (json_text (person, "status"), "removed"))
    return HUB_NONE;
  (void) workspace_role_parse (json_text (person, "workspace_role"), &has);
  return json_flag (person, "is_guest") || has < ROLE_USER ? HUB_COLLABORATOR : HUB_OWNER;
}

enum hub_role
hub_role_capped (struct txn *t, enum hub_role role, const struct id *person)
{
  json_t *doc;

  if (role <= HUB_COLLABORATOR)
    return role;
  doc = txn_doc_get (t, STORE_PERSON, person);
  role = MIN (role, hub_role_most (doc));
  json_decref (doc);
  return role;
}

enum hub_role
hub_role_of (struct txn *t, const struct id *hub, const struct id *person)
{
  json_t *grants = grants_of (t, hub, person), *grant;
  enum hub_role best = HUB_NONE, one;
  struct member m;
  size_t i;

  json_array_foreach (grants, i, grant)
    if (hub_role_parse (json_text (grant, "hub_role"), &one) == 0)
      best = MAX (best, one);
  json_decref (grants);
  if (txn_member_by_person (t, hub, person, &m) == 1 && member_is_live (&m.link)
      && (m.link.flags & MEMBER_F_ADOPTED))
    best = MAX (best, (enum hub_role) m.link.hub_role);
  return hub_role_capped (t, best, person);
}

int
caller_may_hub (struct txn *t, const struct caller *c, unsigned int scope, const json_t *hub, enum hub_role role,
                struct refusal *r)
{
  enum hub_role has;
  struct id id;
  int x = caller_may (t, c, scope, ROLE_GUEST, r);

  if (x < 0 || c->kind == CALLER_SYSTEM)
    return x;
  if (!hub || !json_id (hub, "id", &id))
    return refuse (r, "not-found", NULL, "The hub is gone.");
  has = hub_role_of (t, &id, &c->person);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  if (has < role)
    return refuse (r, "not-permitted", NULL, "This needs the hub role %s on %s.", hub_role_name (role),
                   json_text (hub, "label"));
  return 0;
}

void
engine_socket_caller (struct engine *e, struct caller *ret)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *workspace = workspace_get (t);

  *ret = (struct caller) { .kind = CALLER_SOCKET, .scopes = ~0u, .trigger = "cli" };
  (void) json_id (workspace, "owner", &ret->person);
  json_decref (workspace);
}

/* Tokens are kept by their hash: a copy of the store opens nothing. */
void
token_hash (const char *token, char ret[65])
{
  unsigned char hash[32];

  (void) crypto_generichash (hash, sizeof hash, (const unsigned char *) token, strlen (token), NULL, 0);
  hex_encode (hash, sizeof hash, ret);
}

static bool
still_good (const json_t *token)
{
  int64_t expires = json_time (token, "expires_at");

  return token && !json_object_get (token, "revoked_at") && (!expires || expires > clock_now_ms ());
}

bool
token_is_good (struct txn *t, const struct caller *c)
{
  json_t *token = c->kind == CALLER_TOKEN ? txn_doc_get (t, STORE_TOKEN, &c->token) : NULL;
  bool good = c->kind != CALLER_TOKEN || still_good (token);

  json_decref (token);
  return good;
}

int
engine_token_caller (struct engine *e, const char *token, struct caller *ret)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  char hash[65];
  struct id id;
  json_t *doc;
  bool good;

  token_hash (token, hash);
  if (txn_doc_find (t, STORE_TOKEN_HASH, hash, &id, 1) != 1 || !(doc = txn_doc_get (t, STORE_TOKEN, &id)))
    return 0;
  *ret = (struct caller) { .kind = CALLER_TOKEN, .token = id, .trigger = "api",
                           .scopes = (unsigned int) json_number (doc, "scope_bits", 0) };
  good = json_id (doc, "person", &ret->person) && still_good (doc);
  json_decref (doc);
  return good;
}
