/* Owns what follows from the values of a hub's fields: where its requests may go, which
   space it is, what its rate limits count by. */
#include <config.h>

#include <stdio.h>

#include "host/apps/app.h"
#include "host/apps/template.h"
#include "host/apps/url.h"
#include "host/common/text.h"

void
app_list_done (struct app_list *list)
{
  size_t i;

  for (i = 0; i < list->n; i++)
    free (list->v[i]);
  free (list->v);
  *list = (struct app_list) { NULL, 0 };
}

/* Adds an origin (taken in any case) unless it is there. */
static int
add_origin (struct app_list *list, char *origin)
{
  char **v;
  size_t i;

  if (!origin)
    return -ENOMEM;
  for (i = 0; i < list->n; i++)
    if (streq (list->v[i], origin))
      {
        free (origin);
        return 0;
      }
  v = realloc (list->v, (list->n + 1) * sizeof *v);
  if (!v)
    {
      free (origin);
      return -ENOMEM;
    }
  list->v = v;
  list->v[list->n++] = origin;
  return 0;
}

static const char *
field_value (void *data, const char *name)
{
  return app_value (data, name);
}

/* The origin that the host template T becomes; *RET NULL when a field has no value. */
static int
host_origin (const char *t, json_t *fields, char **ret)
{
  _cleanup_ (freep) char *host = NULL;
  const char *port;
  int r = template_fill (t, APP_URL_MAX + 16, field_value, fields, &host);

  *ret = NULL;
  if (r <= 0)
    return r == -E2BIG ? -EINVAL : r;
  if (strstr (host, "://"))
    *ret = app_url_origin (host);
  else
    {
      if (!url_host_port_valid (host))
        return -EINVAL;
      ascii_lower (host);
      port = strchr (host, ':');
      if (asprintf (ret, "https://%s%s", host, port ? "" : ":443") < 0)
        *ret = NULL;
    }
  return *ret ? 0 : -ENOMEM;
}

/* Adds the origins of HOSTS to LIST, which is emptied when one is wrong. */
static int
add_origins (json_t *hosts, json_t *fields, struct app_list *list)
{
  json_t *host;
  size_t i;
  int r = 0;

  json_array_foreach (hosts, i, host)
    {
      char *origin;

      r = host_origin (json_string_value (host), fields, &origin);
      if (r == 0 && origin)
        r = add_origin (list, origin);
      if (r < 0)
        break;
    }
  if (r < 0)
    app_list_done (list);
  return r;
}

static int
list_origins (json_t *hosts, json_t *fields, struct app_list *ret)
{
  struct app_list list = { NULL, 0 };
  int r = add_origins (hosts, fields, &list);

  if (r == 0)
    *ret = list;
  return r;
}

int
app_origins (const struct app *a, json_t *fields, struct app_list *ret)
{
  return list_origins (json_object_get (a->root, "hosts"), fields, ret);
}

/* The account of KIND that goes with FIELDS; NULL = none. */
static const struct app_account *
find_account (const struct app *a, const char *kind, json_t *fields)
{
  const struct app_account *accounts[20];
  size_t n = MIN (app_account_kinds (a, fields, accounts, ARRAY_SIZE (accounts)),
                  ARRAY_SIZE (accounts)), i;

  for (i = 0; i < n; i++)
    if (streq (accounts[i]->kind, kind))
      return accounts[i];
  return NULL;
}

/* The hosts that the file gives the field of an account itself; NULL = none. */
static json_t *
own_hosts (const struct app_account *account, const char *field)
{
  size_t i;

  for (i = 0; account && i < account->n_fields; i++)
    if (streq (account->fields[i].key, field))
      return json_object_get (account->fields[i].declared, "hosts");
  return NULL;
}

static json_t *
oauth_of (const struct app_account *account)
{
  return account ? json_object_get (account->declared, "oauth") : NULL;
}

/* Whether FIELD of such an account is what the token endpoint is asked with. */
static bool
is_for_tokens (const struct app_account *account, const char *field)
{
  return oauth_of (account) && (streq (field, "refresh_token") || streq (field, "client_id")
                                || streq (field, "client_secret"));
}

/* The normal form of the address that T becomes; *RET NULL when a field has no value. */
static int
token_url (const char *t, json_t *fields, char **ret)
{
  _cleanup_ (freep) char *text = NULL;
  const char *why;
  int r = template_fill (t, APP_URL_MAX + 16, field_value, fields, &text);

  *ret = NULL;
  if (r <= 0)
    return r == -E2BIG ? -EINVAL : r;
  return app_url_normalise (text, ret, &why);
}

int
app_secret_origins (const struct app *a, const char *kind, const char *field, json_t *fields,
                    struct app_list *ret)
{
  const struct app_account *account = find_account (a, kind, fields);
  json_t *hosts = own_hosts (account, field), *oauth = oauth_of (account);
  struct app_list list = { NULL, 0 };
  _cleanup_ (freep) char *url = NULL;
  int r;

  if (!is_for_tokens (account, field))
    return hosts ? list_origins (hosts, fields, ret) : app_origins (a, fields, ret);
  r = token_url (json_string_value (json_object_get (oauth, "token_url")), fields, &url);
  if (r == 0 && url)
    r = add_origin (&list, app_url_origin (url));
  if (r == 0)
    r = add_origins (hosts, fields, &list);
  if (r == 0)
    *ret = list;
  else
    app_list_done (&list);
  return r;
}

bool
app_secret_is_inner (const struct app *a, const char *kind, const char *field, json_t *fields)
{
  const struct app_account *account = find_account (a, kind, fields);

  return is_for_tokens (account, field) && !own_hosts (account, field);
}

int
app_oauth_json (const struct app *a, const char *kind, json_t *fields, json_t *account_fields,
                char **ret)
{
  json_t *oauth = json_copy (oauth_of (find_account (a, kind, fields)));
  const char *id = app_value (account_fields, "client_id");
  _cleanup_ (freep) char *url = NULL;
  int r;

  *ret = NULL;
  if (!oauth)
    return 0;
  r = token_url (json_string_value (json_object_get (oauth, "token_url")), fields, &url);
  if (r == 0 && !url)
    r = -EINVAL;
  if (r == 0 && (json_object_set_new (oauth, "token_url", json_string (url)) < 0
                 || (id && json_object_set_new (oauth, "client_id", json_string (id)) < 0)
                 || !(*ret = json_dumps (oauth, JSON_COMPACT))))
    r = -ENOMEM;
  json_decref (oauth);
  return r;
}

int
app_space_id (const struct app *a, json_t *fields, char **ret)
{
  const struct app_field *f = NULL;
  const char *value;
  char *copy;
  size_t i;

  for (i = 0; i < a->n_fields; i++)
    if (a->fields[i].identifier != APP_ID_NONE)
      f = &a->fields[i];
  value = f ? app_value (fields, f->key) : NULL;
  *ret = NULL;
  if (!value)
    return 0;
  copy = strdup (value);
  if (!copy)
    return -ENOMEM;
  if (f->kind != APP_URL)
    ascii_lower (copy);
  *ret = copy;
  return 0;
}

const char *
app_remove_policy (const struct app *a, json_t *fields)
{
  const char *policy = app_get_text (a, "remove.policy", "deactivate");
  const struct app_field *f;
  size_t i, len = strlen (policy);
  const char *value;

  if (policy[0] != '{')
    return policy;
  for (i = 0; i < a->n_fields; i++)
    {
      f = &a->fields[i];
      if (strlen (f->key) != len - 2 || memcmp (f->key, policy + 1, len - 2) != 0)
        continue;
      value = app_value (fields, f->key);
      for (i = 0; value && i < f->n_choices; i++)
        if (streq (f->choices[i], value))
          return f->choices[i];
    }
  return "deactivate";
}

struct rate_fill
{
  const struct app *app;
  json_t *fields, *account_fields;
  json_t *out;                     /* owned */
};

static bool
counts_by_host (const json_t *entry)
{
  const json_t *name;
  size_t i;

  json_array_foreach (json_object_get (entry, "key"), i, name)
    if (streq (json_string_value (name), "host"))
      return true;
  return false;
}

/* Adds ENTRY for ORIGIN, or for all where that is NULL. */
static int
add_rate (struct rate_fill *f, const json_t *entry, const char *origin)
{
  json_t *copy = json_deep_copy (entry), *key = json_array (), *name;
  int bad = json_array_append_new (key, json_string (app_id (f->app)));
  size_t i;

  json_array_foreach (json_object_get (entry, "key"), i, name)
    {
      const char *text = json_string_value (name), *value = app_value (f->fields, text);

      if (!value)
        value = app_value (f->account_fields, text);
      if (streq (text, "host"))
        value = origin ? origin : text;
      bad |= json_array_append_new (key, json_string (value ? value : ""));
    }
  bad |= json_object_set_new (copy, "key", key);
  if (origin)
    bad |= json_object_set_new (copy, "origin", json_string (origin));
  return json_array_append_new (f->out, copy) || bad ? -ENOMEM : 0;
}

static int
add_rates (struct rate_fill *f, const json_t *rate)
{
  struct app_list origins = { NULL, 0 };
  const json_t *entry;
  size_t i, j;
  int r = app_origins (f->app, f->fields, &origins);

  /* Where the fields make no address, no request leaves. */
  r = r == -EINVAL ? 0 : r;
  json_array_foreach (rate, i, entry)
    {
      size_t more = json_array_size (rate) - i - 1;
      bool each = counts_by_host (entry) && origins.n
                  && json_array_size (f->out) + origins.n + more <= APP_RATES_MAX;

      for (j = 0; r == 0 && j < (each ? origins.n : 1); j++)
        r = add_rate (f, entry, each ? origins.v[j] : NULL);
    }
  app_list_done (&origins);
  return r;
}

char *
app_rate_json (const struct app *a, json_t *fields, json_t *account_fields)
{
  struct rate_fill f = { a, fields, account_fields, json_array () };
  char *text = NULL;

  if (f.out && add_rates (&f, json_object_get (a->root, "rate")) == 0)
    text = json_dumps (f.out, JSON_COMPACT);
  json_decref (f.out);
  return text;
}

int
app_link (const struct app *a, const char *which, json_t *fields, char **ret)
{
  const char *t = app_get_text (a, which, NULL);
  char *text = NULL;
  int r = t ? template_fill (t, 2 * APP_URL_MAX, field_value, fields, &text) : 0;

  if (r == -ENOMEM)
    return r;
  *ret = r == 1 ? text : NULL;
  return 0;
}
