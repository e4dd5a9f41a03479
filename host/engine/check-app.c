/* Owns bringing an app file and its connector together before there is a hub. */
#include <config.h>

#include "host/engine/check-app.h"

#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/common/text.h"
#include "host/engine/inspect.h"
#include "host/engine/internal.h"

#define INPUT_MAX (4u * 1024 * 1024)
#define REMARKS_MAX 400u
#define RUN "run"
#define FIELD_PATH_SIZE 32

struct checking
{
  const char *file;
  struct buf text;              /* of the file */
  json_t *app, *said;           /* the file; the connector's answer */
  struct app_problem remark[REMARKS_MAX];  /* their texts lie in the answer */
  size_t n;
  char why[96];                 /* the text of the remark on an open that failed in silence */
};

static void
checking_done (struct checking *c)
{
  buf_done (&c->text);
  json_decref (c->app);
  json_decref (c->said);
}

/* Where the connector NAME is among the folders of PATH: 1 and its file, 0 when it is in none. */
static int
find_connector (const char *path, const char *name, struct buf *ret)
{
  const char *p = path;

  while (p && *p)
    {
      size_t len = strcspn (p, ":");

      buf_reset (ret);
      buf_printf (ret, "%.*s/%s.so", (int) len, p, name);
      if (buf_error (ret))
        return buf_error (ret);
      if (len && access (ret->data, F_OK) == 0)
        return 1;
      p += len + (p[len] == ':');
    }
  return 0;
}

static void
put_text (struct buf *b, const char *text)
{
  buf_put (b, text, strlen (text) + 1);
}

/* A value for each of FIELDS but the secret ones. */
static void
put_samples (struct buf *b, json_t *fields)
{
  json_t *field, *given;
  size_t i;

  json_array_foreach (fields, i, field)
    {
      const char *kind = json_text (field, "kind");

      if (streq (kind, "secret"))
        continue;
      given = json_object_get (field, "default");
      if (!given)
        given = json_object_get (field, "choices");
      if (json_is_array (given))
        given = json_array_get (given, 0);
      put_text (b, json_text (field, "key"));
      put_text (b, json_is_string (given) ? json_string_value (given)
                   : streq (kind, "url") ? "https://example.com" : "example");
    }
}

/* What a hub and its account could have: open wants a value where a URL is made. */
static void
put_conf (struct buf *b, const json_t *app)
{
  static const char *const of_accounts[] = { "account.username", "account.email", "account.phone" };
  json_t *account;
  size_t i;

  put_samples (b, json_object_get (app, "fields"));
  json_array_foreach (json_object_get (app, "accounts"), i, account)
    put_samples (b, json_object_get (account, "fields"));
  for (i = 0; i < ARRAY_SIZE (of_accounts); i++)
    {
      put_text (b, of_accounts[i]);
      put_text (b, "example");
    }
}

/* What usher-worker --check-app reads. */
static int
put_input (struct buf *b, json_t *app)
{
  json_t *rest = json_copy (app), *run = json_object_get (app, RUN);
  _cleanup_ (freep) char *run_text = run ? json_dumps (run, JSON_COMPACT) : strdup ("{}");
  _cleanup_ (freep) char *rest_text = NULL;

  (void) json_object_del (rest, RUN);
  rest_text = json_dumps (rest, JSON_COMPACT);
  json_decref (rest);
  if (!run_text || !rest_text)
    return -ENOMEM;
  put_text (b, json_text (app, "id"));
  put_text (b, rest_text);
  put_text (b, run_text);
  put_conf (b, app);
  return buf_error (b);
}

/* Bytes of TEXT that are a path in "run", which ends with ": "; 0 = none. */
static size_t
path_length (const char *text)
{
  const char *end = strstr (text, ": ");

  return end && has_prefix (text, RUN) && strchr (".[:", text[strlen (RUN)]) ? (size_t) (end - text) : 0;
}

static void
add (struct checking *c, const char *path, const char *text, bool note)
{
  struct app_problem *p = &c->remark[c->n];

  if (c->n == REMARKS_MAX)
    return;
  *p = (struct app_problem) { .file = c->file, .path = path, .text = text, .note = note };
  (void) app_locate (c->text.data, c->text.len, path, &p->line, &p->column);
  c->n++;
}

/* Whether PATH is "run" or stands in it. */
static bool
is_about_run (const char *path)
{
  return has_prefix (path, RUN) && strchr (".[", path[strlen (RUN)]);
}

/* Whether the hub's field KEY is one of the app's; then *RET is its path. */
static bool
find_field (const struct checking *c, const char *key, char ret[FIELD_PATH_SIZE])
{
  json_t *field;
  size_t i;

  json_array_foreach (json_object_get (c->app, "fields"), i, field)
    if (streq (json_text (field, "key"), key))
      {
        (void) snprintf (ret, FIELD_PATH_SIZE, "fields[%zu]", i);
        return true;
      }
  return false;
}

/* What is said of a hub's field is said of the sample that stood for its value: no fault of the file. */
static void
take_refusal (struct checking *c, json_t *problem)
{
  const char *path = json_text (problem, "path"), *text = json_text (problem, "text");
  char field[FIELD_PATH_SIZE];
  bool note = find_field (c, path ?: "", field);

  if (!text || !*text)
    return;
  (void) json_object_set_new (problem, "path", json_string (note ? field : path && *path ? path : RUN));
  if (note)
    (void) json_object_set_new (problem, "text", json_sprintf ("of a sample of its value the connector says: %s", text));
  add (c, json_text (problem, "path"), json_text (problem, "text"), note);
}

/* Whatever open told of "run"; the rest only where it failed, for then something is to be told. */
static void
take_problems (struct checking *c)
{
  json_int_t status = json_integer_value (json_object_get (c->said, "status"));
  const size_t before = c->n;
  json_t *problem;
  size_t i;

  json_array_foreach (json_object_get (c->said, "problems"), i, problem)
    if (is_about_run (json_text (problem, "path") ?: ""))
      add (c, json_text (problem, "path"), json_text (problem, "text"), /* note= */ false);
    else if (status != USHER_DONE)
      take_refusal (c, problem);
  if (status == USHER_DONE || c->n > before)
    return;
  (void) snprintf (c->why, sizeof c->why, "the connector does not open with this, and does not say why (status %d)",
                   (int) status);
  add (c, RUN, c->why, /* note= */ false);
}

static void
take_notes (struct checking *c)
{
  json_t *element;
  size_t i;

  json_array_foreach (json_object_get (c->said, "notes"), i, element)
    {
      const char *text = json_text (element, "text");
      size_t len = text ? path_length (text) : 0;

      if (len)
        {
          json_object_set_new (element, "path", json_stringn (text, len));
          add (c, json_text (element, "path"), text + len + 2, /* note= */ true);
        }
      else if (text)
        add (c, RUN, text, /* note= */ true);
    }
}

static int
by_place (const void *a, const void *b)
{
  const struct app_problem *x = a, *y = b;

  if (x->line != y->line)
    return x->line < y->line ? -1 : 1;
  return x->column < y->column ? -1 : x->column > y->column;
}

/* Asks the connector; 0 or -ENOMEM. */
static int
ask (const struct engine_options *options, struct checking *c)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (4096), in = BUF_INIT (INPUT_MAX);
  _cleanup_ (inspect_free_dirsp) char **dirs = inspect_split_dirs (options->library_path);
  const struct inspect_place place = { options->libexec_dir, dirs };
  _cleanup_ (freep) char *why = NULL;
  int found = find_connector (options->connector_path, json_text (c->app, "connector"), &path);
  int x = found < 0 ? found : dirs ? put_input (&in, c->app) : -ENOMEM;

  if (x < 0)
    return x;
  if (!found)
    {
      add (c, "connector", "is in no folder of the connector path, so \"run\" was not looked at", /* note= */ true);
      return 0;
    }
  c->said = inspect_run (&place, "--check-app", path.data, in.data, in.len, &why);
  if (!c->said)
    {
      c->said = json_pack ("{s:s?}", "why", why);
      add (c, "connector", json_text (c->said, "why"), /* note= */ false);
    }
  take_problems (c);
  take_notes (c);
  return 0;
}

int
engine_check_app (const struct engine_options *options, const char *file, app_problem_fn *fn, void *data)
{
  _cleanup_ (checking_done) struct checking c = { .file = file, .text = BUF_INIT (APP_FILE_MAX) };
  int problems = app_check_file (file, fn, data), x;
  size_t i;

  if (problems)
    return problems;
  x = io_read_file (file, &c.text);
  if (x == 0)
    c.app = json_loadb (c.text.data, c.text.len, JSON_REJECT_DUPLICATES, NULL);
  if (x == 0)
    x = c.app ? ask (options, &c) : -ENOMEM;
  if (x < 0)
    return -ENOMEM;
  qsort (c.remark, c.n, sizeof c.remark[0], by_place);
  for (i = 0; i < c.n; i++)
    {
      problems += !c.remark[i].note;
      fn (data, &c.remark[i]);
    }
  return problems;
}
