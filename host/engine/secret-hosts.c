/* Owns where the secrets of an account may go.  Whoever gives a secret means it for one app at
   one address; nobody else may have it sent to another.  So each secret has beside it who gave
   it and, once it is linked to a hub, to which origins that hub's fields let it go. */
#include <config.h>

#include "host/common/buf.h"
#include "host/engine/accounts.h"

#define HOSTS_TEXT_MAX 512u

static json_t *
given_of (json_t *account)
{
  json_t *given = json_object_get (account, "given");

  if (!given)
    (void) json_object_set_new (account, "given", given = json_object ());
  return given;
}

void
secret_given (json_t *account, const char *name, const struct caller *c)
{
  json_t *note = json_object ();

  json_set_id (note, "by", &c->person);
  (void) json_object_set_new (given_of (account), name, note);
}

static int
origins_of (const struct app *app, const json_t *account, const char *name, json_t *fields, json_t **ret)
{
  struct app_list list = { NULL, 0 };
  int x = app_secret_origins (app, json_text (account, "kind"), name, fields, &list);
  size_t i;

  if (x < 0)
    return x;
  *ret = json_array ();
  for (i = 0; i < list.n; i++)
    (void) json_array_append_new (*ret, json_string (list.v[i]));
  app_list_done (&list);
  return 0;
}

static bool
is_within (const json_t *some, const json_t *all)
{
  const json_t *one, *other;
  size_t i, j;

  json_array_foreach (some, i, one)
    {
      json_array_foreach (all, j, other)
        if (json_equal (one, other))
          break;
      if (j == json_array_size (all))
        return false;
    }
  return true;
}

static bool
may_go (const json_t *note, const json_t *origins, const struct caller *c)
{
  const json_t *hosts = json_object_get (note, "hosts");
  struct id by;

  if (hosts)
    return is_within (origins, hosts);
  return json_id (note, "by", &by) && id_equal (&by, &c->person);
}

static int
refuse_hosts (const json_t *account, const char *name, const json_t *origins, const char *field, struct refusal *r)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (HOSTS_TEXT_MAX);
  const json_t *one;
  size_t i;

  json_array_foreach (origins, i, one)
    buf_printf (&text, "%s%s", i ? ", " : "", json_string_value (one));
  return refuse (r, "validation-failed", field,
                 "The secret %s of the account %s was not given to be sent to %s: give it anew.", name,
                 json_text (account, "label"), text.data ? text.data : "there");
}

static bool
add_name (void *arg, const char *name)
{
  return json_array_append_new (arg, json_string (name)) == 0;
}

int
secret_bind (struct txn *t, const struct caller *c, const struct app *app, json_t *account, json_t *fields,
             const char *field, struct refusal *r)
{
  json_t *names = json_array (), *given = given_of (account), *name;
  struct id id;
  size_t i;
  int x = 0;

  (void) json_id (account, "id", &id);
  txn_secret_names (t, &id, add_name, names);
  json_array_foreach (names, i, name)
    {
      const char *key = json_string_value (name);
      json_t *note = json_object_get (given, key), *origins = NULL;

      if (x == 0)
        x = origins_of (app, account, key, fields, &origins);
      if (x == 0 && note && may_go (note, origins, c))
        (void) json_object_set (note, "hosts", origins);
      else if (x == 0 && note)
        x = refuse_hosts (account, key, origins, field, r);
      /* The connector saved it: the app gives another one where the hub goes now. */
      else if (x == 0 && !is_within (origins, json_object_get (account, "saved_hosts")))
        txn_secret_delete (t, &id, key);
      json_decref (origins);
    }
  json_decref (names);
  if (x == 0)
    {
      json_t *origins = NULL;

      x = origins_of (app, account, "", fields, &origins);
      if (x == 0)
        (void) json_object_set_new (account, "saved_hosts", origins);
    }
  if (x == -EINVAL)
    return refuse (r, "validation-failed", field, "The hub's fields do not make an address.");
  return x < 0 && x != -ECANCELED ? refuse_errno (r, x) : x;
}
