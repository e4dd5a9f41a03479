/* Owns the choice of an account's kind, and `account add`.  The app file says which
   kinds there are and which fields each has. */
#include <config.h>

#include "host/cli/ask.h"
#include "host/cli/cli.h"
#include "host/cli/say.h"

int
account_app (struct cli *cli, const char *name, json_t **ret_app)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  struct answer a = { 0, NULL };
  int status;

  buf_puts (&path, "/apps/");
  status = request_encode (&path, name);
  if (!status && buf_error (&path))
    status = say_error (STATUS_USAGE, "The name of the app is too long.");
  if (!status)
    status = client_get (cli->client, path.data, &a);
  if (!status)
    *ret_app = a.json;
  return status;
}

/* What hub field KEY of APP is: as given, else its default. */
static const char *
field_value (const json_t *app, const json_t *fields, const char *key)
{
  const json_t *field;
  size_t i;

  if (json_is_string (json_object_get (fields, key)))
    return json_text (fields, key);
  json_array_foreach (json_object_get (app, "fields"), i, field)
    if (streq (json_text (field, "key"), key))
      return json_text (field, "default");
  return "";
}

/* Is KIND offered with these hub fields?  Its "when" names the values they may have. */
static bool
is_offered (const json_t *app, const json_t *fields, const json_t *kind)
{
  const char *key;
  json_t *allowed, *value;
  size_t i;

  if (!fields)
    return true;
  json_object_foreach (json_object_get (kind, "when"), key, allowed)
    {
      bool found = false;

      json_array_foreach (allowed, i, value)
        found = found || streq (json_string_value (value), field_value (app, fields, key));
      if (!found)
        return false;
    }
  return true;
}

/* Does an app grant tokens to an account of KIND?  Then it has them of itself. */
static bool
has_tokens (const json_t *kind)
{
  return streq (json_text (kind, "kind"), "oauth") || streq (json_text (kind, "kind"), "app-install");
}

/* Must there be a refresh token, as others are got with it? */
static bool
needs_refresh (const json_t *kind)
{
  return streq (json_text (json_object_get (kind, "oauth"), "grant"), "refresh_token");
}

static bool
has_secret (const json_t *kind, const char *name)
{
  const json_t *field;
  size_t i;

  if (streq (name, "totp"))
    return *json_text (kind, "totp") && !streq (json_text (kind, "totp"), "no");
  if (streq (name, "password") && streq (json_text (kind, "kind"), "password"))
    return true;
  if (has_tokens (kind) && (streq (name, "access_token") || streq (name, "refresh_token")))
    return true;
  json_array_foreach (json_object_get (kind, "fields"), i, field)
    if (streq (json_text (field, "key"), name))
      return true;
  return false;
}

static bool
has_secrets (const json_t *kind, const json_t *secrets)
{
  const char *name;
  json_t *value;

  /* Iterating changes nothing; jansson only asks for it without const. */
  json_object_foreach ((json_t *) (uintptr_t) secrets, name, value)
    if (!has_secret (kind, name))
      return false;
  return true;
}

/* "token (token), password (username, password)", for the sentence that asks. */
static void
list_kinds (const json_t *app, struct buf *out)
{
  const json_t *kind, *field;
  size_t i, j;

  json_array_foreach (json_object_get (app, "accounts"), i, kind)
    {
      buf_printf (out, "%s%s", i ? "; " : "", json_text (kind, "kind"));
      if (streq (json_text (kind, "kind"), "password"))
        buf_puts (out, " with --username and --password");
      json_array_foreach (json_object_get (kind, "fields"), j, field)
        buf_printf (out, "%s --secret %s=@FILE", j ? "," : " with", json_text (field, "key"));
      if (needs_refresh (kind))
        buf_puts (out, ", --secret refresh_token=@FILE");
    }
}

/* The only kind of APP that is offered and has all SECRETS, or the one named NAMED;
   borrowed.  NULL and STATUS_DONE for an app that declares none. */
static int
choose_kind (const json_t *app, const json_t *fields, const json_t *secrets, const char *named,
             const json_t **ret)
{
  const json_t *kind, *chosen = NULL, *kinds = json_object_get (app, "accounts");
  _cleanup_ (buf_done) struct buf all = BUF_INIT (SENTENCE_MAX);
  size_t i, n = 0;

  json_array_foreach (kinds, i, kind)
    if (*named ? streq (json_text (kind, "kind"), named)
               : is_offered (app, fields, kind) && has_secrets (kind, secrets))
      {
        chosen = kind;
        n++;
      }
  *ret = n == 1 ? chosen : NULL;
  if (n == 1 || !json_array_size (kinds))
    return STATUS_DONE;
  list_kinds (app, &all);
  if (n)
    return say_error (STATUS_USAGE, "Which kind of account is it?  Add --kind: %s.",
                      all.data ? all.data : "");
  return say_error (STATUS_USAGE, "No kind of account of %s fits what was given; there is: %s.",
                    json_text (app, "id"), all.data ? all.data : "");
}

static int
ask_missing (const json_t *secrets_given, const char *key, const char *label, json_t *secrets)
{
  _cleanup_ (secret_done) struct secret secret = { NULL, 0 };
  int status;

  if (json_object_get (secrets_given, key))
    return STATUS_DONE;
  status = ask_secret (*label ? label : key, &secret);
  if (!status && json_object_set_new (secrets, key, json_stringn (secret.data, secret.len)) < 0)
    status = say_error (STATUS_USAGE, "%s: what was typed is not UTF-8 text.", key);
  return status;
}

/* At a terminal, what KIND requires and nobody gave is asked for. */
static int
ask_secrets (const json_t *kind, json_t *account)
{
  json_t *secrets = json_object_get (account, "secrets");
  const json_t *field;
  int status = STATUS_DONE;
  size_t i;

  if (!kind || !ask_possible ())
    return STATUS_DONE;
  if (!secrets)
    {
      secrets = json_object ();
      if (json_object_set_new (account, "secrets", secrets) < 0)
        return say_no_memory ();
    }
  if (streq (json_text (kind, "kind"), "password"))
    status = ask_missing (secrets, "password", "Password", secrets);
  else if (needs_refresh (kind))
    status = ask_missing (secrets, "refresh_token", "Refresh token", secrets);
  json_array_foreach (json_object_get (kind, "fields"), i, field)
    if (!status && streq (json_text (field, "kind"), "secret")
        && json_is_true (json_object_get (field, "required")))
      status = ask_missing (secrets, json_text (field, "key"), json_text (field, "label"), secrets);
  return status;
}

int
account_complete (struct cli *cli, const json_t *app, const json_t *fields, json_t *account)
{
  const char *named = args_value (&cli->args, "--kind");
  const json_t *kind = NULL;
  int status = choose_kind (app, fields, json_object_get (account, "secrets"),
                            named ? named : "", &kind);

  if (!status && kind
      && json_object_set_new (account, "kind", json_string (json_text (kind, "kind"))) < 0)
    status = say_no_memory ();
  return status ? status : ask_secrets (kind, account);
}

int
run_account_add (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  json_t *app = NULL, *body = NULL;
  int status = account_app (cli, args_value (&cli->args, "--app"), &app);

  cli->app = app;
  if (!status)
    status = request_body (cli, &body);
  if (!status)
    status = account_complete (cli, app, NULL, body);
  if (!status)
    status = request_write (cli, "POST", "/accounts", body, &a);
  if (!status)
    status = request_finish (cli, &a);
  cli->app = NULL;
  json_decref (app);
  json_decref (body);
  return status;
}
