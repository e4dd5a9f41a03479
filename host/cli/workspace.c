/* Owns the commands on the workspace whose answers are not shown as they come: doctor,
   setup, tokens, people as CSV, the rows of a report, and the wait for a task that is there
   already. */
#include <config.h>

#include "host/cli/ask.h"
#include "host/cli/cli.h"
#include "host/cli/interrupt.h"
#include "host/cli/output.h"
#include "host/cli/say.h"

#define IMPORT_MAX (64u * 1024 * 1024)

int
run_doctor (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = client_get (cli->client, "/doctor", &a);

  if (!status)
    status = cli->args.format == FORMAT_JSON
             ? output_thing (FORMAT_JSON, a.json)
             : output_items (cli->args.format, cli->args.command->view, json_object_get (a.json, "checks"));
  if (!status && !json_is_true (json_object_get (a.json, "ok")))
    status = STATUS_FAILED;
  return status;
}

/* For people: what it is, then its rows; CSV has the rows alone. */
static int
show_report (const struct cli *cli, json_t *report)
{
  static const char *const lists[] = { "removed_users", "updated_roles" };
  json_t *rows;
  int status = STATUS_DONE;
  size_t i;

  if (cli->args.format == FORMAT_JSON)
    return output_thing (FORMAT_JSON, report);
  rows = json_array ();
  for (i = 0; i < ARRAY_SIZE (lists); i++)
    {
      (void) json_array_extend (rows, json_object_get (report, lists[i]));
      (void) json_object_del (report, lists[i]);
    }
  if (cli->args.format == FORMAT_TABLE)
    {
      status = output_thing (FORMAT_TABLE, report);
      say_line ("%s", "");
    }
  if (!status)
    status = output_items (cli->args.format, cli->args.command->view, rows);
  json_decref (rows);
  return status;
}

int
run_report_show (struct cli *cli)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = request_path (cli, cli->args.command->path, &path);

  if (!status)
    status = client_get (cli->client, path.data, &a);
  return status ? status : show_report (cli, a.json);
}

/* The request that the command's options make, and its answer. */
static int
call (struct cli *cli, struct answer *ret)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  json_t *body = NULL;
  int status = request_path (cli, cli->args.command->path, &path);

  if (!status)
    status = request_body (cli, &body);
  if (!status)
    status = request_write (cli, cli->args.command->method, path.data, body, ret);
  json_decref (body);
  return status;
}

int
run_report_dismiss (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = call (cli, &a);

  return status || cli->args.quiet ? status : show_report (cli, a.json);
}

int
run_setup (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = call (cli, &a);
  const char *line;

  if (status)
    return status;
  line = json_text (a.json, "message");
  if (cli->args.format != FORMAT_TABLE || !*line)
    return request_finish (cli, &a);
  for (; *line; line += strcspn (line, "\n"), line += *line == '\n')
    say_line ("%.*s", (int) MIN (strcspn (line, "\n"), SENTENCE_MAX), line);
  return STATUS_DONE;
}

int
run_token_create (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = call (cli, &a);

  if (status)
    return status;
  if (cli->args.format != FORMAT_TABLE || !*json_text (a.json, "token"))
    return output_thing (cli->args.format, a.json);
  say_line ("%s", json_text (a.json, "token"));
  if (!cli->args.quiet)
    say_note ("This is the only time the token is shown; keep it in a file only you can read.");
  return STATUS_DONE;
}

int
run_task_watch (struct cli *cli)
{
  json_t *task = NULL;
  int status = wait_for_task (cli, args_operand (&cli->args, "TASK"), /* by_stream= */ true, &task);

  if (task && cli->args.format != FORMAT_TABLE)
    (void) output_thing (cli->args.format, task);
  json_decref (task);
  return status;
}

static void
say_import (const json_t *result)
{
  static const char *const counts[] = { "added", "changed", "unchanged", "removed" };
  _cleanup_ (buf_done) struct buf line = BUF_INIT (SENTENCE_MAX);
  size_t i;

  for (i = 0; i < ARRAY_SIZE (counts); i++)
    buf_printf (&line, "%s%" JSON_INTEGER_FORMAT " %s", i ? ", " : "",
                json_integer_value (json_object_get (result, counts[i])), counts[i]);
  say_line ("People: %s.", line.data ? line.data : "");
}

/* What the daemon made of FILE; rows it could not take are named one by one. */
static int
finish_import (struct cli *cli, const char *file, const struct answer *a)
{
  int status = answer_check (a);
  bool wrong = json_array_size (json_object_get (a->json, "errors")) > 0;
  const json_t *plan = json_object_get (a->json, "plan");

  if (!status && plan && cli->args.format != FORMAT_JSON)
    status = plan_show (cli, &view_plan_people, plan);
  else if (!status && cli->args.format != FORMAT_TABLE)
    status = output_thing (cli->args.format, a->json);
  else if (!status && !cli->args.quiet)
    say_import (a->json);
  if (!status && plan && json_object_get (a->json, "held"))
    status = say_error (STATUS_NEEDS_PERSON, "%" JSON_INTEGER_FORMAT " people who are not in the file would be held in "
                        "a report.", json_integer_value (json_object_get (a->json, "held")));
  else if (!status && *json_text (a->json, "report"))
    status = say_error (STATUS_NEEDS_PERSON, "%" JSON_INTEGER_FORMAT " people who are not in the file are held in a "
                        "report; see usher report show %s.",
                        json_integer_value (json_object_get (a->json, "held")), json_text (a->json, "report"));
  if (wrong)
    answer_say_errors (a->json, file);
  return wrong && !status ? STATUS_USAGE : status;
}

int
run_directory_import (struct cli *cli)
{
  _cleanup_ (buf_done) struct buf people = BUF_INIT (IMPORT_MAX);
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  const char *file = args_operand (&cli->args, "FILE");
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  bool remove = args_has (&cli->args, "--remove-missing"), dry = args_has (&cli->args, "--dry-run");
  int r = ask_file (file, &people), status;

  if (r == -EINTR)
    return interrupt_status ();
  if (r == -E2BIG)
    return say_error (STATUS_USAGE, "%s is longer than %u MiB; import it in parts.", file,
                      IMPORT_MAX / (1024 * 1024));
  if (r < 0)
    return say_error (STATUS_USAGE, "%s cannot be read: %s.", file, strerror (-r));
  if (remove && !dry)
    {
      status = request_confirm (cli, "This removes from Usher the people of the directory who are not in the file.");
      if (status)
        return status;
    }
  buf_printf (&path, "/directory/import?format=csv&remove_missing=%s%s&file=", remove ? "true" : "false",
              dry ? "&dry_run=true" : remove ? "&confirm=true" : "");
  status = request_encode (&path, streq (file, "-") ? "standard input" : file);
  if (!status && buf_error (&path))
    status = say_error (STATUS_USAGE, "The name of the file is too long.");
  if (status)
    return status;
  status = client_send (cli->client, "POST", path.data, "text/csv", people.data ? people.data : "", people.len, &a);
  return status ? status : finish_import (cli, file, &a);
}
