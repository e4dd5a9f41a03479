/* Owns the way from a command line to one request, and from its answer to what is
   printed.  Most commands are no more than this. */
#include <config.h>

#include <curl/curl.h>
#include <stdio.h>

#include "host/cli/ask.h"
#include "host/cli/cli.h"
#include "host/cli/output.h"
#include "host/cli/say.h"
#include "host/cli/view.h"
#include "host/common/text.h"

int
request_encode (struct buf *out, const char *text)
{
  char *encoded = curl_easy_escape (NULL, text, 0);

  if (!encoded)
    return say_no_memory ();
  buf_puts (out, encoded);
  curl_free (encoded);
  return STATUS_DONE;
}

/* TEMPLATE with its operands, encoded for a path or as they were typed. */
static int
fill (const struct args *a, const char *template, bool encode, struct buf *out)
{
  while (*template)
    {
      size_t plain = strcspn (template, "{"), len;
      const char *value;
      char name[32];

      buf_put (out, template, plain);
      template += plain;
      if (!*template)
        break;
      len = strcspn (template + 1, "}");
      assert (len < sizeof name);
      memcpy (name, template + 1, len);
      name[len] = '\0';
      value = args_operand (a, name);
      assert (value);
      if (!encode)
        buf_puts (out, value);
      else if (request_encode (out, value))
        return STATUS_FAILED;
      template += len + 2;
    }
  return buf_error (out) ? say_error (STATUS_USAGE, "The names given are too long.") : STATUS_DONE;
}

int
request_path (const struct cli *cli, const char *template, struct buf *path)
{
  size_t i;
  int status = fill (&cli->args, template, /* encode */ true, path);

  for (i = 0; i < cli->args.n_given && !status; i++)
    {
      const struct given *g = &cli->args.given[i];

      if (g->option->kind != OPTION_QUERY && g->option->kind != OPTION_QUERY_TRUE)
        continue;
      buf_printf (path, "%c%s=", strchr (path->data, '?') ? '&' : '?', g->option->key);
      status = request_encode (path, g->option->kind == OPTION_QUERY ? g->value : "true");
    }
  if (!status && buf_error (path))
    return say_error (STATUS_USAGE, "The values given are too long.");
  return status;
}

int
request_set (json_t *body, const char *path, json_t *value)
{
  const char *dot;

  while ((dot = strchr (path, '.')))
    {
      _cleanup_ (freep) char *key = strndup (path, (size_t) (dot - path));
      json_t *inner = key ? json_object_get (body, key) : NULL;

      if (key && !json_is_object (inner))
        {
          inner = json_object ();
          if (json_object_set_new (body, key, inner) < 0)
            inner = NULL;
        }
      if (!inner)
        {
          json_decref (value);
          return say_no_memory ();
        }
      body = inner;
      path = dot + 1;
    }
  return json_object_set_new (body, path, value) < 0 ? say_no_memory () : STATUS_DONE;
}

int
request_pair (const char *what, const char *pair, char **ret_key, const char **ret_value)
{
  const char *equals = strchr (pair, '=');

  if (!equals || equals == pair)
    return say_error (STATUS_USAGE, "%s takes NAME=VALUE.", what);
  *ret_key = strndup (pair, (size_t) (equals - pair));
  *ret_value = equals + 1;
  return *ret_key ? STATUS_DONE : say_no_memory ();
}

int
request_secret (struct cli *cli, const char *option, const char *spec, json_t **ret)
{
  _cleanup_ (secret_done) struct secret secret = { NULL, 0 };
  int status;

  if (streq (spec, "-") && !isatty (STDIN_FILENO))
    {
      if (cli->input_used)
        return say_error (STATUS_USAGE, "%s: standard input can be read only once; name a file.",
                          option);
      cli->input_used = true;
    }
  status = ask_source (option, spec, &secret);
  if (status)
    return status;
  *ret = json_stringn (secret.data, secret.len);
  return *ret ? STATUS_DONE
              : say_error (STATUS_USAGE, "%s: what was read is not UTF-8 text.", option);
}

/* The object at PATH in BODY, made when missing; borrowed. */
static json_t *
object_at (json_t *body, const char *path)
{
  json_t *at = body;
  const char *key = path;
  size_t len;

  while (at && *key)
    {
      len = strcspn (key, ".");
      at = json_object_getn (at, key, len);
      key += len + (key[len] ? 1 : 0);
    }
  if (at)
    return at;
  at = json_object ();
  if (!at || request_set (body, path, at))
    return NULL;
  return at;
}

/* OBJECT[KEY] = VALUE (taken); a second value makes a list of it. */
static int
add_value (json_t *object, const char *key, json_t *value)
{
  json_t *before = json_object_get (object, key), *list;

  if (!before)
    return json_object_set_new (object, key, value) < 0 ? say_no_memory () : STATUS_DONE;
  if (json_is_array (before))
    return json_array_append_new (before, value) < 0 ? say_no_memory () : STATUS_DONE;
  list = json_array ();
  if (!list || json_array_append (list, before) < 0 || json_array_append_new (list, value) < 0
      || json_object_set_new (object, key, list) < 0)
    return say_no_memory ();
  return STATUS_DONE;
}

static int
put_pair (struct cli *cli, json_t *body, const struct given *g)
{
  json_t *object = object_at (body, g->option->key), *text = NULL;
  _cleanup_ (freep) char *key = NULL;
  const char *value;
  int status = object ? request_pair (g->option->name, g->value, &key, &value) : STATUS_FAILED;

  if (status)
    return status;
  if (g->option->kind == OPTION_PAIRS)
    return add_value (object, key, json_string (value));
  if (json_object_get (object, key))
    return say_error (STATUS_USAGE, "%s %s can be given only once.", g->option->name, key);
  {
    _cleanup_ (buf_done) struct buf name = BUF_INIT (1024);

    buf_printf (&name, "%s %s", g->option->name, key);
    status = request_secret (cli, name.data ? name.data : g->option->name, value, &text);
  }
  return status ? status : add_value (object, key, text);
}

static int
put_number (json_t *body, const struct given *g)
{
  uint64_t v;

  if (parse_u64 (g->value, 0, INT64_MAX, &v) < 0)
    return say_error (STATUS_USAGE, "%s takes a whole number, not %s.", g->option->name, g->value);
  return request_set (body, g->option->key, json_integer ((json_int_t) v));
}

/* ID=PERM; an id may hold "=", a permission does not. */
static int
put_asset (json_t *body, const struct given *g)
{
  const char *equals = strrchr (g->value, '=');
  json_t *list = json_object_get (body, g->option->key), *asset;

  if (!equals || equals == g->value || !equals[1])
    return say_error (STATUS_USAGE, "%s takes ID=PERMISSION.", g->option->name);
  if (!list && json_object_set_new (body, g->option->key, (list = json_array ())) < 0)
    return say_no_memory ();
  asset = json_pack ("{s:s%, s:s}", "id", g->value, (size_t) (equals - g->value), "role",
                     equals + 1);
  return !asset || json_array_append_new (list, asset) < 0 ? say_no_memory () : STATUS_DONE;
}

static int
put_list (json_t *body, const struct given *g)
{
  json_t *list = json_object_get (body, g->option->key);

  if (!list && json_object_set_new (body, g->option->key, (list = json_array ())) < 0)
    return say_no_memory ();
  return json_array_append_new (list, json_string (g->value)) < 0 ? say_no_memory () : STATUS_DONE;
}

static int
put_option (struct cli *cli, json_t *body, const struct given *g)
{
  json_t *secret = NULL;
  int status;

  switch (g->option->kind)
    {
    case OPTION_TEXT:
      return request_set (body, g->option->key, json_string (g->value));
    case OPTION_NUMBER:
      return put_number (body, g);
    case OPTION_LIST:
      return put_list (body, g);
    case OPTION_PAIRS:
    case OPTION_SECRETS:
      return put_pair (cli, body, g);
    case OPTION_ASSETS:
      return put_asset (body, g);
    case OPTION_TRUE:
      return request_set (body, g->option->key, json_true ());
    case OPTION_FALSE:
      return request_set (body, g->option->key, json_false ());
    case OPTION_SECRET:
      status = request_secret (cli, g->option->name, g->value, &secret);
      return status ? status : request_set (body, g->option->key, secret);
    case OPTION_NONE:
    case OPTION_QUERY:
    case OPTION_QUERY_TRUE:
      break;
    }
  return STATUS_DONE;
}

/* The operands that the path does not use. */
static int
put_operands (const struct args *a, json_t *body)
{
  const char *path = a->command->path ? a->command->path : "";
  char name[32], braced[34];
  bool repeats;
  size_t i;
  int status = STATUS_DONE;

  for (i = 0; !status && command_operand (a->command, i, name, &repeats); i++)
    {
      (void) snprintf (braced, sizeof braced, "{%s}", name);
      if (strstr (path, braced) || repeats)
        continue;
      ascii_lower (name);
      status = request_set (body, name, json_string (a->operands[i]));
    }
  return status;
}

int
request_body (struct cli *cli, json_t **ret)
{
  json_t *body = json_object ();
  int status = body ? put_operands (&cli->args, body) : say_no_memory ();
  size_t i;

  for (i = 0; i < cli->args.n_given && !status; i++)
    status = put_option (cli, body, &cli->args.given[i]);
  if (status)
    json_decref (body);
  else
    *ret = body;
  return status;
}

int
request_confirm (const struct cli *cli, const char *question)
{
  bool yes = cli->args.yes;
  int status;

  if (yes)
    return STATUS_DONE;
  if (!ask_possible ())
    return say_error (STATUS_USAGE, "%s  Repeat the command with --yes. [confirmation-required]",
                      question);
  status = ask_yes (question, &yes);
  if (status || yes)
    return status;
  return say_error (STATUS_USAGE, "Nothing was changed.");
}

/* The option of KIND that the command takes; NULL = none. */
static const char *
option_of (const struct cli *cli, enum option_kind kind)
{
  const struct option *o;

  for (o = cli->args.command->options; o && o->name; o++)
    if (o->kind == kind)
      return o->name;
  return NULL;
}

static bool
has_field (const json_t *fields, const char *key, bool secret)
{
  const json_t *field;
  size_t i;

  json_array_foreach (fields, i, field)
    if (streq (json_text (field, "key"), key) && (!secret || streq (json_text (field, "kind"), "secret")))
      return true;
  return false;
}

/* By which of its repeated options the command line gives the field KEY of the app. */
static const char *
app_option (const struct cli *cli, const char *key)
{
  const json_t *kind;
  size_t i;

  if (has_field (json_object_get (cli->app, "fields"), key, /* secret= */ false))
    return option_of (cli, OPTION_PAIRS);
  json_array_foreach (json_object_get (cli->app, "accounts"), i, kind)
    if (has_field (json_object_get (kind, "fields"), key, /* secret= */ true))
      return option_of (cli, OPTION_SECRETS);
  return NULL;
}

/* What the command line calls FIELD of the body: "--username", "--secret token".  Nothing
   where it has no word of its own for it. */
static void
say_option (const struct cli *cli, const char *field, struct buf *out)
{
  const struct option *o;
  const char *dot, *repeated = app_option (cli, field);
  size_t i;

  for (i = 0; i < cli->args.n_given && !repeated; i++)
    {
      const struct given *g = &cli->args.given[i];

      if ((g->option->kind == OPTION_PAIRS || g->option->kind == OPTION_SECRETS) && has_prefix (g->value, field)
          && g->value[strlen (field)] == '=')
        repeated = g->option->name;
    }
  if (repeated)
    {
      buf_printf (out, "%s %s", repeated, field);
      return;
    }
  for (o = cli->args.command->options; o && o->name && *field; o++)
    {
      dot = o->key ? strrchr (o->key, '.') : NULL;
      if (streq (o->key ? (dot ? dot + 1 : o->key) : o->name + 2, field))
        {
          buf_puts (out, o->name);
          return;
        }
    }
}

static int
confirm_at (const char *method, const char *path, json_t *body, struct buf *ret_path)
{
  buf_puts (ret_path, path);
  if (streq (method, "DELETE"))
    buf_printf (ret_path, "%cconfirm=true", strchr (path, '?') ? '&' : '?');
  else if (body && request_set (body, "confirm", json_true ()))
    return STATUS_FAILED;
  return buf_error (ret_path) ? say_no_memory () : STATUS_DONE;
}

int
request_write (struct cli *cli, const char *method, const char *path, json_t *body,
               struct answer *ret)
{
  _cleanup_ (buf_done) struct buf confirmed = BUF_INIT (PATH_MAX_BYTES + 64);
  _cleanup_ (buf_done) struct buf option = BUF_INIT (SENTENCE_MAX);
  struct answer a = { 0, NULL };
  const char *detail;
  int status = STATUS_DONE;

  if (cli->args.command->question)
    {
      status = confirm_at (method, path, body, &confirmed);
      path = confirmed.data;
    }
  if (!status)
    status = client_call (cli->client, method, path, body, &a);
  if (!status && a.status == 428 && streq (answer_code (&a), "confirmation-required")
      && !confirmed.len && (cli->args.yes || ask_possible ()))
    {
      detail = json_string_value (json_object_get (a.json, "detail"));
      status = request_confirm (cli, detail ? detail : "Do this?");
      answer_done (&a);
      if (!status)
        status = confirm_at (method, path, body, &confirmed);
      if (!status)
        status = client_call (cli->client, method, confirmed.data, body, &a);
    }
  if (!status)
    {
      say_option (cli, json_text (a.json, "field"), &option);
      status = answer_check_option (&a, option.len ? option.data : NULL);
    }
  if (status)
    answer_done (&a);
  else
    *ret = a;
  return status;
}

/* What became of THING in a sentence; the whole of it is for programs, and for `show`. */
static void
say_changed (const char *method, const json_t *thing)
{
  _cleanup_ (buf_done) struct buf name = BUF_INIT (CELL_MAX);
  bool validated = streq (json_text (thing, "status"), "under-validation");

  view_value (thing, ", ", &name);
  say_line ("%s was %s%s", name.data ? name.data : "It", streq (method, "DELETE") ? "removed" : "changed",
            validated ? "; it is validated now." : ".");
}

int
request_finish (struct cli *cli, const struct answer *a)
{
  const struct args *args = &cli->args;
  bool write = !streq (args->command->method, "GET");
  const char *id;
  json_t *task;
  int status = STATUS_DONE;
  size_t i;

  if (!task_of (a, 0) || (args->no_wait && args->format != FORMAT_TABLE))
    {
      if (!a->json && args->format == FORMAT_TABLE && !args->quiet)
        say_line ("Done.");
      if (!a->json || (write && args->quiet))
        return STATUS_DONE;
      if (args->format != FORMAT_TABLE || !write || streq (args->command->method, "POST"))
        return output_thing (args->format, a->json);
      say_changed (args->command->method, a->json);
      return STATUS_DONE;
    }
  for (i = 0; !status && (id = task_of (a, i)); i++)
    if (args->no_wait)
      say_line ("%s", id);
    else
      {
        task = NULL;
        status = wait_for_task (cli, id, /* by_stream= */ false, &task);
        if (task && args->format != FORMAT_TABLE)
          (void) output_thing (args->format, task);
        json_decref (task);
      }
  return status;
}

static int
print_item (const json_t *item, void *listing)
{
  return listing_add (listing, item);
}

static int
run_list (struct cli *cli, const char *path)
{
  struct listing l;
  int status = listing_begin (&l, cli->args.format, cli->args.command->view);

  if (!status)
    status = client_list (cli->client, path, print_item, &l);
  if (status)
    listing_break (&l);
  else
    status = listing_end (&l);
  return status;
}

int
request_run (struct cli *cli)
{
  const struct command *c = cli->args.command;
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES), question = BUF_INIT (4096);
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  json_t *body = NULL;
  int status = request_path (cli, c->path, &path);

  if (!status && c->question)
    {
      status = fill (&cli->args, c->question, /* encode */ false, &question);
      if (!status)
        status = request_confirm (cli, question.data);
    }
  if (status)
    return status;
  if (streq (c->method, "GET"))
    {
      if (c->view)
        return run_list (cli, path.data);
      status = client_get (cli->client, path.data, &a);
    }
  else
    {
      if (!streq (c->method, "DELETE"))
        status = request_body (cli, &body);
      if (!status)
        status = request_write (cli, c->method, path.data, body, &a);
      json_decref (body);
    }
  return status ? status : request_finish (cli, &a);
}
