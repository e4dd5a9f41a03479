/* Owns how the names that people type are found: an id, or a label, an address, a user
   name where that is unambiguous. */
#include <config.h>

#include "host/common/text.h"
#include "host/engine/internal.h"

#define FOUND_MAX 3u
#define ACCOUNTS_MAX 100u   /* of one label, whoever they belong to */

static char *
lowered (const char *name)
{
  char *s = strdup (name);

  if (s)
    ascii_lower (s);
  return s;
}

static int
ambiguous (struct refusal *r, const char *what, const char *name)
{
  return refuse (r, "validation-failed", NULL, "More than one %s is called %s: use the id.", what, name);
}

int
find_hub (struct txn *t, const char *name, bool removed_too, json_t **ret, struct refusal *r)
{
  _cleanup_ (freep) char *label = lowered (name);
  json_t *hub = NULL;
  struct id id;

  if (!label)
    return refuse_errno (r, -ENOMEM);
  if (id_parse (name, &id) == 0 || txn_doc_find (t, STORE_HUB_LABEL, label, &id, 1) == 1)
    hub = txn_doc_get (t, STORE_HUB, &id);
  if (!hub && removed_too)
    hub = hub_removed_by_label (t, name);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  if (!hub)
    return refuse (r, "not-found", NULL, "There is no hub %s.", name);
  if (!removed_too && !hub_is_live (hub))
    {
      json_decref (hub);
      return refuse (r, "hub-removed", NULL, "The hub %s was removed.", name);
    }
  *ret = hub;
  return 0;
}

int
find_hub_for (struct txn *t, const struct call *c, unsigned int scope, enum hub_role role, bool removed_too,
              json_t **ret, struct refusal *r)
{
  int x = caller_may (t, c->caller, scope, ROLE_GUEST, r);

  if (x == 0)
    x = find_hub (t, c->path[0], removed_too, ret, r);
  return x < 0 ? x : caller_may_hub (t, c->caller, scope, *ret, role, r);
}

int
find_account (struct txn *t, const struct caller *c, const char *name, json_t **ret, struct refusal *r)
{
  _cleanup_ (freep) char *label = lowered (name);
  struct id ids[ACCOUNTS_MAX];
  json_t *found = NULL;
  struct sight s;
  size_t n, seen = 0, i;

  if (!label)
    return refuse_errno (r, -ENOMEM);
  n = id_parse (name, &ids[0]) == 0 ? 1 : txn_doc_find (t, STORE_ACCOUNT_LABEL, label, ids, ARRAY_SIZE (ids));
  sight_begin (&s, t, c);
  for (i = 0; i < n; i++)
    {
      json_t *account = txn_doc_get (t, STORE_ACCOUNT, &ids[i]);

      if (!account || !sees_account (&s, t, account))
        {
          json_decref (account);
          continue;
        }
      json_decref (found);
      found = account;
      seen++;
    }
  if (txn_error (t) == 0 && seen == 1)
    {
      *ret = found;
      return 0;
    }
  json_decref (found);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  return seen ? ambiguous (r, "account", name) : refuse (r, "not-found", NULL, "There is no account %s.", name);
}

int
find_person (struct txn *t, const char *name, json_t **ret, struct refusal *r)
{
  _cleanup_ (freep) char *email = email_normalise (name), *key = lowered (name);
  struct id ids[FOUND_MAX];
  size_t n;

  if (!key)
    return refuse_errno (r, -ENOMEM);
  if (id_parse (name, &ids[0]) == 0)
    n = 1;
  else
    n = txn_doc_find (t, email ? STORE_PERSON_ADDRESS : STORE_PERSON_USERNAME, email ? email : key, ids,
                      ARRAY_SIZE (ids));
  if (n > 1)
    return ambiguous (r, "person", name);
  *ret = n ? txn_doc_get (t, STORE_PERSON, &ids[0]) : NULL;
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  return *ret ? 0 : refuse (r, "not-found", NULL, "There is no person %s.", name);
}

int
find_member (struct txn *t, const json_t *hub, const char *name, struct member *ret, struct refusal *r)
{
  _cleanup_ (freep) char *email = email_normalise (name);
  _cleanup_ (freep) char *lower = lowered (name);
  struct id hub_id, ids[FOUND_MAX], person;
  struct member other;
  size_t n;

  if (!lower || !json_id (hub, "id", &hub_id))
    return refuse_errno (r, -ENOMEM);
  if (id_parse (name, &ids[0]) == 0 && txn_member_get (t, &hub_id, &ids[0], ret) == 1)
    return 0;
  n = txn_member_find (t, &hub_id, name, ids, ARRAY_SIZE (ids));
  if (!n)
    n = txn_member_find (t, &hub_id, email ? email : lower, ids, ARRAY_SIZE (ids));
  /* Somebody who is being invited has no row yet: the person's address names them. */
  if (!n && email && txn_doc_find (t, STORE_PERSON_ADDRESS, email, &person, 1) == 1
      && txn_member_by_person (t, &hub_id, &person, ret) == 1)
    return 0;
  if (!n || txn_member_get (t, &hub_id, &ids[0], ret) != 1)
    return txn_error (t) < 0 ? refuse_errno (r, txn_error (t))
                             : refuse (r, "not-found", NULL, "There is no member %s in %s.", name,
                                       json_text (hub, "label"));
  /* Live ones come first: a removed namesake is no ambiguity. */
  if (n > 1 && member_is_live (&ret->link) && txn_member_get (t, &hub_id, &ids[1], &other) == 1
      && member_is_live (&other.link))
    return ambiguous (r, "member", name);
  return txn_member_get (t, &hub_id, &ids[0], ret) == 1 ? 0 : refuse_errno (r, txn_error (t));
}
