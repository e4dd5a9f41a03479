/* Owns the check of accounts that people give for a hub: which kinds its fields allow,
   and what an account of a kind must have. */
#include <config.h>

#include <stdio.h>

#include "host/apps/app.h"
#include "host/common/text.h"

#define KINDS_MAX 20u

/* What an account has of itself.  SECRET: stands under "secrets". */
static const struct app_field username = { .key = "username", .label = "User name" };
static const struct app_field phone = { .key = "phone", .label = "Phone number" };
static const struct app_field password
  = { .key = "password", .label = "Password", .kind = APP_SECRET, .required = true };
static const struct app_field totp
  = { .key = "totp", .label = "One-time code secret", .kind = APP_SECRET };
static const struct app_field access_token
  = { .key = "access_token", .label = "Access token", .kind = APP_SECRET };
static const struct app_field refresh_token
  = { .key = "refresh_token", .label = "Refresh token", .kind = APP_SECRET };

/* Where values are found while one account is checked against one kind. */
struct given
{
  json_t *account, *fields, *secrets;  /* borrowed; NULL = none */
};

static bool
allows (const struct app_account *account, json_t *fields)
{
  json_t *when = json_object_get (account->declared, "when"), *values, *value;
  const char *key;
  size_t i;

  json_object_foreach (when, key, values)
    {
      const char *text = app_value (fields, key);
      bool met = false;

      json_array_foreach (values, i, value)
        met |= text && streq (json_string_value (value), text);
      if (!met)
        return false;
    }
  return true;
}

size_t
app_account_kinds (const struct app *a, json_t *fields, const struct app_account **ret, size_t max)
{
  size_t n = 0, i;

  for (i = 0; i < a->n_accounts; i++)
    if (allows (&a->accounts[i], fields))
      {
        if (n < max)
          ret[n] = &a->accounts[i];
        n++;
      }
  return n;
}

static bool
is_password (const struct app_account *account)
{
  return streq (account->kind, "password");
}

/* Whether an app grants an account of this kind tokens. */
static bool
has_tokens (const struct app_account *account)
{
  return streq (account->kind, "oauth") || streq (account->kind, "app-install");
}

static const struct app_field *
find_field (const struct app_account *account, const char *key)
{
  size_t i;

  for (i = 0; i < account->n_fields; i++)
    if (streq (account->fields[i].key, key))
      return &account->fields[i];
  if (is_password (account) && streq (key, "password"))
    return &password;
  if (is_password (account) && streq (key, "totp") && !streq (account->totp, "no"))
    return &totp;
  if (has_tokens (account) && streq (key, "access_token"))
    return &access_token;
  if (has_tokens (account) && streq (key, "refresh_token"))
    return &refresh_token;
  return NULL;
}

/* The first key of O that is no field of ACCOUNT; NULL = none. */
static const char *
stranger (const struct app_account *account, json_t *o)
{
  const char *key;
  json_t *value;

  json_object_foreach (o, key, value)
    if (!app_is_empty (value) && !find_field (account, key))
      return key;
  return NULL;
}

static json_t *
find_value (const struct given *g, const char *key)
{
  json_t *value = json_object_get (g->secrets, key);

  return app_is_empty (value) ? json_object_get (g->fields, key) : value;
}

/* Base32 or an otpauth URI; what it says is read when a code is made. */
static bool
totp_form (const char *s)
{
  size_t letters = 0;

  if (strncasecmp (s, "otpauth://totp/", 15) == 0)
    return strstr (s, "secret=") != NULL;
  for (; *s; s++)
    if ((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') || (*s >= '2' && *s <= '7'))
      letters++;
    else if (*s != ' ' && *s != '-' && *s != '=')
      return false;
  return letters >= 16;
}

static int
put_field (const struct given *g, const struct app_field *f, bool required, json_t *out,
           struct app_error *error)
{
  json_t *value = find_value (g, f->key);
  json_t *into = json_object_get (out, f->kind == APP_SECRET ? "secrets" : "fields");
  int r = 0;

  if (app_is_empty (value) && f->declared)
    value = json_object_get (f->declared, "default");
  if (!app_is_empty (value))
    r = app_check_value (f, value, into, error);
  if (r == 0 && required && app_is_empty (json_object_get (into, f->key)))
    r = app_refuse (error, f->key, "%s (%s) is required.", f->key, f->label);
  return r;
}

static int
put_password (const struct app_account *account, const struct given *g, json_t *out,
              struct app_error *error)
{
  bool needed = streq (account->totp, "required");
  const char *text;
  int r = put_field (g, &password, /* required= */ true, out, error);

  if (r < 0 || streq (account->totp, "no"))
    return r;
  r = put_field (g, &totp, needed, out, error);
  text = app_value (json_object_get (out, "secrets"), "totp");
  if (r == 0 && text && !totp_form (text))
    r = app_refuse (error, "totp", "totp must be the base32 secret that the app shows, "
                                   "or an otpauth:// address.");
  return r;
}

/* A refresh token must be there where new access tokens are made from it. */
static int
put_tokens (const struct app_account *account, const struct given *g, json_t *out,
            struct app_error *error)
{
  json_t *oauth = json_object_get (account->declared, "oauth");
  const char *grant = json_string_value (json_object_get (oauth, "grant"));
  int r = put_field (g, &access_token, /* required= */ false, out, error);

  return r < 0 ? r : put_field (g, &refresh_token, grant && streq (grant, "refresh_token"), out, error);
}

/* username, e-mail and phone: any account may have them to be recognised by. */
static int
put_contact (const struct app_account *account, const struct given *g, json_t *out,
             struct app_error *error)
{
  json_t *name = json_object_get (g->account, "username");
  json_t *number = json_object_get (g->account, "phone");
  const char *mail = app_value (g->account, "email");
  _cleanup_ (freep) char *email = NULL;
  int r = 0;

  if (!app_is_empty (name))
    r = app_check_value (&username, name, out, error);
  if (r == 0 && is_password (account) && app_is_empty (json_object_get (out, "username")))
    r = app_refuse (error, "username", "username (User name) is required.");
  if (r == 0 && !app_is_empty (number))
    r = account->phone ? app_check_value (&phone, number, out, error)
        : app_refuse (error, "phone", "An account of kind %s has no phone number.", account->kind);
  if (r < 0 || !mail || !*mail)
    return r;
  email = email_normalise (mail);
  if (!email)
    return app_refuse (error, "email", "email must be one address, as name@example.com.");
  return json_object_set_new (out, "email", json_string (email)) < 0 ? -ENOMEM : 0;
}

static int
check_as (const struct app_account *account, const struct given *g, json_t **ret,
          struct app_error *error)
{
  json_t *out = json_pack ("{s:s, s:{}, s:{}}", "kind", account->kind, "fields", "secrets");
  const char *odd = stranger (account, g->secrets);
  size_t i;
  int r = out ? 0 : -ENOMEM;

  if (!odd)
    odd = stranger (account, g->fields);
  if (r == 0 && odd)
    r = app_refuse (error, odd, "An account of kind %s has no field %.40s.", account->kind, odd);
  if (r == 0)
    r = put_contact (account, g, out, error);
  if (r == 0 && is_password (account))
    r = put_password (account, g, out, error);
  if (r == 0 && has_tokens (account))
    r = put_tokens (account, g, out, error);
  for (i = 0; i < account->n_fields && r == 0; i++)
    r = put_field (g, &account->fields[i], account->fields[i].required, out, error);
  if (r < 0)
    {
      json_decref (out);
      return r;
    }
  *ret = out;
  return 0;
}

static int
refuse_kind (const struct app_account *const *kinds, size_t n, struct app_error *error)
{
  char all[128] = "";
  size_t used = 0, i;

  for (i = 0; i < n && used < sizeof all; i++)
    used += (size_t) snprintf (all + used, sizeof all - used, "%s%s",
                               !i ? "" : i + 1 < n ? ", " : " or ", kinds[i]->kind);
  return app_refuse (error, "kind", n ? "Give what one kind of account needs: %s."
                     : "No kind of account goes with these settings.%s", all);
}

/* Of N kinds: the one named KIND, else the only one that has every given name, else the
   only one there is.  NULL when that leaves more than one or none. */
static const struct app_account *
choose (const struct app_account *const *kinds, size_t n, const char *kind,
        const struct given *g)
{
  const struct app_account *fit = NULL;
  size_t i, fits = 0;

  for (i = 0; kind && i < n; i++)
    if (streq (kinds[i]->kind, kind))
      return kinds[i];
  if (kind)
    return NULL;
  for (i = 0; i < n; i++)
    if (!stranger (kinds[i], g->secrets) && !stranger (kinds[i], g->fields))
      {
        fit = kinds[i];
        fits++;
      }
  return fits == 1 ? fit : n == 1 ? kinds[0] : NULL;
}

int
app_check_account (const struct app *a, json_t *account, json_t *fields, json_t **ret,
                   struct app_error *error)
{
  struct given g = { account, json_object_get (account, "fields"),
                     json_object_get (account, "secrets") };
  const struct app_account *kinds[KINDS_MAX], *kind;
  size_t n = MIN (app_account_kinds (a, fields, kinds, KINDS_MAX), (size_t) KINDS_MAX);

  kind = choose (kinds, n, app_value (account, "kind"), &g);
  return kind ? check_as (kind, &g, ret, error) : refuse_kind (kinds, n, error);
}
