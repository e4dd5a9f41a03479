/* Owns how a plan is shown: its changes in their order, then what they come to and what the
   guard says of them. */
#include <config.h>

#include "host/cli/cli.h"
#include "host/cli/output.h"
#include "host/cli/say.h"

static void
say_counts (const json_t *plan)
{
  static const char *const actions[] = { "add", "change", "lower", "remove" };
  const json_t *counts = json_object_get (plan, "counts"), *guard = json_object_get (plan, "guard");
  _cleanup_ (buf_done) struct buf line = BUF_INIT (SENTENCE_MAX);
  size_t i;

  for (i = 0; i < ARRAY_SIZE (actions); i++)
    buf_printf (&line, "%s%" JSON_INTEGER_FORMAT " to %s", i ? ", " : "",
                json_integer_value (json_object_get (counts, actions[i])), actions[i]);
  if (json_is_true (json_object_get (plan, "more")))
    buf_puts (&line, "; not all are shown");
  say_line ("Plan: %s.", line.data ? line.data : "");
  if (*json_text (guard, "why"))
    say_line ("The guard stops it: %s", json_text (guard, "why"));
}

/* What else a person has to know of the hub. */
static void
say_hub (const json_t *plan)
{
  const char *status = json_text (plan, "hub_status"), *reason = json_text (plan, "hub_reason");
  const char *report = json_text (plan, "report");

  if (*status && !streq (status, "healthy"))
    say_line ("The hub is %s%s%s", status, *reason ? ": " : ".", reason);
  if (*report)
    say_line ("Removals wait in a report: usher report show %s", report);
}

int
plan_show (const struct cli *cli, const struct view *view, const json_t *plan)
{
  int status;

  if (cli->args.format == FORMAT_JSON)
    return output_thing (FORMAT_JSON, plan);
  status = output_items (cli->args.format, view, json_object_get (plan, "items"));
  if (cli->args.format == FORMAT_TABLE && !cli->args.quiet)
    {
      say_counts (plan);
      say_hub (plan);
    }
  return status;
}

int
run_plan (struct cli *cli)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = request_path (cli, cli->args.command->path, &path);

  if (!status)
    status = client_get (cli->client, path.data, &a);
  return status ? status : plan_show (cli, &view_plan, a.json);
}
