/* Owns the commands on hubs that are more than one request: connect, set, remove. */
#include <config.h>

#include "host/cli/ask.h"
#include "host/cli/cli.h"
#include "host/cli/interrupt.h"
#include "host/cli/output.h"
#include "host/cli/say.h"
#include "host/common/clock.h"
#include "host/common/text.h"

/* How long the first sync may take to be made once the hub is validated. */
#define FIRST_SYNC_MS 10000
#define FIRST_SYNC_EVERY_MS 200

/* --business-id is whichever field of APP is the space's id or tells hubs apart. */
static int
set_business_id (struct cli *cli, const json_t *app, json_t *body)
{
  const char *id = args_value (&cli->args, "--business-id"), *key;
  const json_t *field, *given;
  size_t i;

  if (!id)
    return STATUS_DONE;
  json_array_foreach (json_object_get (app, "fields"), i, field)
    if (*json_text (field, "id"))
      {
        json_t *fields = json_object_get (body, "fields");

        key = json_text (field, "key");
        given = json_object_get (fields, key);
        if (given && !streq (json_string_value (given), id))
          return say_error (STATUS_USAGE, "--business-id is %s of the app %s, and --set %s= says something "
                            "else; give it once.", key, json_text (app, "id"), key);
        if (!fields && json_object_set_new (body, "fields", (fields = json_object ())) < 0)
          return say_no_memory ();
        return json_object_set_new (fields, key, json_string (id)) < 0
                 ? say_no_memory () : STATUS_DONE;
      }
  return say_error (STATUS_USAGE, "--business-id: the app %s has no id field; usher app show %s "
                    "lists its fields.", json_text (app, "id"), json_text (app, "id"));
}

static int
set_account (struct cli *cli, const json_t *app, json_t *body)
{
  const char *saved = args_value (&cli->args, "--account");
  json_t *account = json_object_get (body, "account"), *fields = json_object_get (body, "fields");
  json_t *none = NULL;
  int status;

  if (saved && (account || args_has (&cli->args, "--kind")))
    return say_error (STATUS_USAGE, "--account names a saved account; leave out the options that "
                      "describe a new one.");
  if (saved)
    return request_set (body, "account", json_string (saved));
  if (!account && json_object_set_new (body, "account", (account = json_object ())) < 0)
    return say_no_memory ();
  if (json_object_set (account, "label", json_object_get (body, "label")) < 0)
    return say_no_memory ();
  if (!fields)
    fields = none = json_object ();
  status = account_complete (cli, app, fields, account);
  json_decref (none);
  return status;
}

static int
connect_body (struct cli *cli, const json_t *app, json_t **ret)
{
  json_t *body = NULL;
  int status = request_body (cli, &body);

  if (!status)
    status = set_business_id (cli, app, body);
  if (!status)
    status = set_account (cli, app, body);
  if (status)
    json_decref (body);
  else
    *ret = body;
  return status;
}

/* The first task of a kind: ids of later tasks are greater. */
struct first_task
{
  const char *kind;
  char *id; /* owned; NULL = none yet */
};

static int
keep_first (const json_t *item, void *data)
{
  struct first_task *first = data;
  const char *id = json_text (item, "id");

  if (!*id || !streq (json_text (item, "kind"), first->kind)
      || (first->id && strcmp (id, first->id) > 0))
    return STATUS_DONE;
  free (first->id);
  first->id = strdup (id);
  return first->id ? STATUS_DONE : say_no_memory ();
}

/* The hub's first task of KIND, tried for PATIENCE_MS; *ret is NULL when there is none.
   The caller frees it. */
static int
find_first (struct cli *cli, const char *hub, const char *kind, int64_t patience_ms, char **ret)
{
  int64_t deadline = clock_mono_ms () + patience_ms;
  struct first_task first = { kind, NULL };
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  int status;

  buf_puts (&path, "/tasks?hub=");
  if (request_encode (&path, hub) || buf_error (&path))
    return say_no_memory ();
  for (;;)
    {
      status = client_list (cli->client, path.data, keep_first, &first);
      if (!status && interrupt_pending ())
        status = interrupt_status ();
      if (status || first.id || clock_mono_ms () >= deadline)
        break;
      interrupt_sleep (FIRST_SYNC_EVERY_MS);
    }
  if (status)
    free (first.id);
  else
    *ret = first.id;
  return status;
}

/* The task that validates the new hub: the answer names it, or the hub's tasks do. */
static int
find_validate (struct cli *cli, const struct answer *a, const char *hub, char **ret)
{
  const json_t *task = json_object_get (a->json, "task");
  const char *id = json_is_string (task) ? json_string_value (task) : json_text (task, "id");

  if (!*id)
    return find_first (cli, hub, "validate", FIRST_SYNC_MS, ret);
  *ret = strdup (id);
  return *ret ? STATUS_DONE : say_no_memory ();
}

static int
wait_for_first_sync (struct cli *cli, const char *hub)
{
  _cleanup_ (freep) char *sync = NULL;
  int status = find_first (cli, hub, "sync", FIRST_SYNC_MS, &sync);

  if (status)
    return status;
  if (!sync)
    return say_error (STATUS_FAILED, "The hub is validated, but its first sync has not started; "
                      "start it with usher sync %s.", hub);
  return wait_for_task (cli, sync, /* by_stream= */ false, NULL);
}

/* The hub as it is now, which is what the command was about. */
static int
show_connected (struct cli *cli, const char *hub, int status)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  int shown;

  if (status >= STATUS_UNREACHABLE || (cli->args.format == FORMAT_TABLE && cli->args.quiet))
    return status;
  buf_puts (&path, "/hubs/");
  shown = request_encode (&path, hub);
  if (!shown)
    shown = client_get (cli->client, path.data, &a);
  if (shown)
    return status ? status : shown;
  if (cli->args.format != FORMAT_TABLE)
    (void) output_thing (cli->args.format, a.json);
  else if (!status)
    say_line ("%s is connected and %s.", json_text (a.json, "label"), json_text (a.json, "status"));
  return status;
}

static int
wait_for_connection (struct cli *cli, const json_t *app, const struct answer *a)
{
  const json_t *inner = json_object_get (a->json, "hub");
  const char *hub = json_is_string (inner) ? json_string_value (inner)
                                           : json_text (inner ? inner : a->json, "id");
  const json_t *can_sync = json_object_get (json_object_get (app, "can"), "sync");
  _cleanup_ (freep) char *validate = NULL;
  int status;

  if (!*hub)
    return say_error (STATUS_FAILED, "The answer names no hub; usher hub list shows whether it "
                      "was made.");
  status = find_validate (cli, a, hub, &validate);
  if (status)
    return status;
  if (!validate)
    return say_error (STATUS_FAILED, "The hub was made, but nothing validates it; try "
                      "usher hub check %s.", hub);
  if (cli->args.no_wait)
    {
      if (cli->args.format != FORMAT_TABLE)
        return output_thing (cli->args.format, a->json);
      say_line ("%s", validate);
      return STATUS_DONE;
    }
  status = wait_for_task (cli, validate, /* by_stream= */ false, NULL);
  if (!status && (!can_sync || json_is_true (can_sync)))
    status = wait_for_first_sync (cli, hub);
  return show_connected (cli, hub, status);
}

int
run_hub_connect (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  json_t *app = NULL, *body = NULL;
  int status = account_app (cli, args_operand (&cli->args, "APP"), &app);

  cli->app = app;
  if (!status)
    status = connect_body (cli, app, &body);
  if (!status)
    status = request_write (cli, "POST", "/hubs", body, &a);
  json_decref (body); /* its secrets do not outlive the request */
  if (!status)
    status = wait_for_connection (cli, app, &a);
  cli->app = NULL;
  json_decref (app);
  return status;
}

enum setting_kind
{
  SETTING_TEXT,
  SETTING_NUMBER,
  SETTING_LIST, /* values with commas between */
};

static const struct
{
  const char *name;
  enum setting_kind kind;
} settings[] = {
  { "sync-interval", SETTING_TEXT },
  { "safeguard-threshold", SETTING_NUMBER },
  { "safeguard-floor", SETTING_NUMBER },
  { "safeguard-cap", SETTING_NUMBER },
  { "settle-window", SETTING_TEXT },
  { "deprovision-mode", SETTING_TEXT },
  { "keep-members", SETTING_LIST },
  { "rotate-on-leave", SETTING_TEXT },
  { "notify-matched", SETTING_TEXT },
};

static json_t *
split_list (const char *value)
{
  json_t *list = json_array ();
  size_t len;

  for (; list && *value; value += len + (value[len] ? 1 : 0))
    {
      len = strcspn (value, ",");
      if (len && json_array_append_new (list, json_stringn (value, len)) < 0)
        {
          json_decref (list);
          list = NULL;
        }
    }
  return list;
}

/* Text that is no number goes as it is: what a setting may be, the daemon says. */
static json_t *
setting_value (enum setting_kind kind, const char *value)
{
  uint64_t number;

  switch (kind)
    {
    case SETTING_NUMBER:
      if (parse_u64 (value, 0, INT64_MAX, &number) == 0)
        return json_integer ((json_int_t) number);
      return json_string (value);
    case SETTING_LIST:
      return split_list (value);
    case SETTING_TEXT:
      break;
    }
  return json_string (value);
}

static json_t *
object_in (json_t *body, const char *key)
{
  json_t *object = json_object_get (body, key);

  if (!object && json_object_set_new (body, key, (object = json_object ())) < 0)
    return NULL;
  return object;
}

/* FIELD=VALUE: a property of the hub, one of its settings, or a field of its app, which
   has a list of values when it is named more than once. */
static int
set_field (json_t *body, const char *pair)
{
  _cleanup_ (freep) char *name = NULL;
  const char *value;
  int status = request_pair ("hub set", pair, &name, &value);
  json_t *fields, *before;
  size_t i;

  if (status)
    return status;
  if (streq (name, "label"))
    return request_set (body, "label", json_string (value));
  if (streq (name, "login-method") || streq (name, "login_method"))
    return request_set (body, "login_method", json_string (value));
  for (i = 0; i < ARRAY_SIZE (settings); i++)
    if (streq (name, settings[i].name))
      {
        json_t *object = object_in (body, "settings");

        return json_object_set_new (object, name, setting_value (settings[i].kind, value)) < 0
                 ? say_no_memory () : STATUS_DONE;
      }
  fields = object_in (body, "fields");
  before = json_object_get (fields, name);
  if (!before)
    return json_object_set_new (fields, name, json_string (value)) < 0 ? say_no_memory ()
                                                                       : STATUS_DONE;
  if (json_is_string (before)
      && json_object_set_new (fields, name, json_pack ("[O]", before)) < 0)
    return say_no_memory ();
  before = json_object_get (fields, name);
  return json_array_append_new (before, json_string (value)) < 0 ? say_no_memory () : STATUS_DONE;
}

int
run_hub_set (struct cli *cli)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  json_t *body = NULL;
  int status = request_path (cli, cli->args.command->path, &path);
  size_t i;

  if (!status)
    status = request_body (cli, &body);

  for (i = 1; i < cli->args.n_operands && !status; i++)
    status = set_field (body, cli->args.operands[i]);
  if (!status)
    status = request_write (cli, "PATCH", path.data, body, &a);
  json_decref (body); /* its secrets do not outlive the request */
  return status ? status : request_finish (cli, &a);
}

/* The label has to be typed, as in the console: hubs are easily confused. */
static int
confirm_removal (const char *label)
{
  _cleanup_ (buf_done) struct buf question = BUF_INIT (SENTENCE_MAX);
  char answer[ANSWER_MAX];
  int status;

  if (!ask_possible ())
    return say_error (STATUS_USAGE, "Remove the hub %s?  Repeat the command with --yes. "
                      "[confirmation-required]", label);
  buf_printf (&question,
              "Usher forgets the hub; nothing changes in the app.  Type %s to remove it:", label);
  status = ask_line (question.data ? question.data : "Type its label:", answer);
  if (status || ascii_casecmp (answer, label) == 0)
    return status;
  return say_error (STATUS_USAGE, "That is not %s.  Nothing was changed.", label);
}

int
run_hub_remove (struct cli *cli)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  _cleanup_ (buf_done) struct buf plain = BUF_INIT (PATH_MAX_BYTES);
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = request_path (cli, cli->args.command->path, &path);

  if (!status && !cli->args.yes)
    {
      buf_put (&plain, path.data, strcspn (path.data, "?"));
      status = client_get (cli->client, plain.data, &a);
      if (!status)
        status = confirm_removal (json_text (a.json, "label"));
      answer_done (&a);
    }
  if (status)
    return status;
  buf_printf (&path, "%cconfirm=true", strchr (path.data, '?') ? '&' : '?');
  status = client_call (cli->client, "DELETE", path.data, NULL, &a);
  if (!status)
    status = answer_check (&a);
  return status ? status : request_finish (cli, &a);
}
