/* Owns the wait for a task: how often it is asked for, what is shown meanwhile, and the
   exit status that its end stands for. */
#include <config.h>

#include "host/cli/bar.h"
#include "host/cli/cli.h"
#include "host/cli/interrupt.h"
#include "host/cli/output.h"
#include "host/cli/say.h"

#define POLL_FIRST_MS 100
#define POLL_MAX_MS 1000

const char *
task_label (const char *kind)
{
  static const struct
  {
    const char *kind, *label;
  } labels[] = {
    { "validate", "Validating" },
    { "sync", "Check for updates" },
    { "add-user", "Adding users" },
    { "update-role", "Updating user roles" },
    { "remove-user", "Removing users" },
    { "rotate-password", "Rotating passwords" },
    { "mfa-on", "Turning on MFA" },
    { "mfa-off", "Turning off MFA" },
    { "update-assets", "Updating assets" },
    { "partner-sync", "Monitoring partners" },
    { "partner-assets", "Managing partner assets" },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (labels); i++)
    if (streq (kind, labels[i].kind))
      return labels[i].label;
  return kind;
}

const char *
task_of (const struct answer *a, size_t i)
{
  const json_t *task = json_object_get (a->json, "task"), *tasks;

  if (a->status != 202 && !json_is_true (json_object_get (a->json, "joined")))
    return NULL;
  tasks = json_object_get (a->json, "tasks");
  if (json_is_array (tasks))
    task = json_array_get (tasks, i);
  else if (i)
    return NULL;
  else if (!task && *json_text (a->json, "kind"))
    task = a->json;
  return json_is_string (task) ? json_string_value (task)
                               : json_string_value (json_object_get (task, "id"));
}

/* What TASK is doing while it is not running: a retry, a wait the app asked for. */
static void
describe_wait (const json_t *task, struct buf *out)
{
  const char *status = json_text (task, "status"), *reason = json_text (task, "wait_reason");
  const char *next = json_text (task, "next_attempt_at");
  const char *why = json_text (json_object_get (task, "error"), "message");

  if (streq (reason, "app-asked"))
    buf_puts (out, "waiting, as the app asked");
  else if (*reason)
    buf_printf (out, "waiting: %s", reason);
  else if (streq (status, "retrying"))
    buf_puts (out, "to be tried again");
  else
    return;
  if (*next)
    {
      buf_puts (out, streq (reason, "app-asked") ? " until " : " at ");
      view_time (next, out);
    }
  if (streq (status, "retrying") && *why)
    buf_printf (out, ": %s", why);
}

/* "500 of 1000 members", as far as TASK tells. */
static void
describe_progress (const json_t *task, json_int_t done, json_int_t total, struct buf *out)
{
  const char *unit = json_text (json_object_get (task, "progress"), "unit");

  if (done <= 0)
    buf_puts (out, json_text (task, "status"));
  else if (total > 0)
    buf_printf (out, "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " %s", done, total, unit);
  else
    buf_printf (out, "%" JSON_INTEGER_FORMAT " %s", done, unit);
}

/* Without a terminal each wait is said once: *LAST is the one said before. */
static void
show_progress (struct bar *bar, const json_t *task, bool quiet, char **last)
{
  _cleanup_ (buf_done) struct buf note = BUF_INIT (SENTENCE_MAX);
  const json_t *progress = json_object_get (task, "progress");
  json_int_t done = json_integer_value (json_object_get (progress, "done"));
  json_int_t total = json_integer_value (json_object_get (progress, "total"));
  const char *label = task_label (json_text (task, "kind"));

  describe_wait (task, &note);
  if (bar->on)
    {
      if (!note.len)
        describe_progress (task, done, total, &note);
      if (*json_text (task, "next_attempt_at"))
        buf_puts (&note, "  (^C ends the wait, not the task)");
      bar_draw (bar, label, (uint64_t) MAX (done, 0), (uint64_t) MAX (total, 0),
                note.data ? note.data : "");
      return;
    }
  if (!quiet && note.len && !streq (note.data, *last))
    say_note ("%s: %s", label, note.data);
  free (*last);
  *last = note.len ? strdup (note.data) : NULL;
}

/* Why TASK needs a person: a sentence; NULL when it does not. */
static const char *
needs_person (const json_t *task)
{
  const char *reason = json_text (task, "wait_reason");

  if (streq (reason, "hub-needs-review"))
    return "waits until its hub was reviewed; usher doctor shows what is wrong";
  if (streq (reason, "connector-missing"))
    return "waits for the app's connector to be installed, mended or enabled; usher connector list shows it";
  if (streq (reason, "report-open"))
    return "is held in a report until somebody applies it; see usher report list";
  return NULL;
}

static int
say_failure (const json_t *task)
{
  const json_t *error = json_object_get (task, "error");
  const char *code = json_text (error, "code"), *message = json_text (error, "message");
  const char *action = json_text (error, "action");

  return say_error (streq (code, "safeguard-exceeded") ? STATUS_NEEDS_PERSON : STATUS_FAILED,
                    "%s was not completed%s%s%s%s%s%s%s", task_label (json_text (task, "kind")),
                    *message ? ": " : ".", message, *action ? " " : "", action,
                    *code ? " [" : "", code, *code ? "]" : "");
}

static void
say_success (const json_t *task)
{
  const json_t *sync = json_object_get (task, "sync");
  _cleanup_ (buf_done) struct buf line = BUF_INIT (SENTENCE_MAX);
  static const char *const counts[] = { "seen", "added", "changed", "missing" };
  size_t i;

  buf_printf (&line, "%s: completed", task_label (json_text (task, "kind")));
  if (streq (json_text (task, "result"), "no-op"))
    buf_puts (&line, ", there was nothing to do");
  for (i = 0; i < ARRAY_SIZE (counts) && json_is_object (sync); i++)
    buf_printf (&line, "%s%" JSON_INTEGER_FORMAT " %s", i ? ", " : "; ",
                json_integer_value (json_object_get (sync, counts[i])), counts[i]);
  if (json_is_object (sync) && *json_text (sync, "listing"))
    buf_printf (&line, "; listing %s", json_text (sync, "listing"));
  say_line ("%s.", line.data ? line.data : "completed");
}

/* -1 while the task is open, else the exit status it ends the wait with. */
static int
judge (const struct cli *cli, const json_t *task)
{
  const char *status = json_text (task, "status"), *why = needs_person (task);
  const json_t *plan = json_object_get (task, "plan");

  if (plan && cli->args.format == FORMAT_TABLE)
    (void) plan_show (cli, plan);
  if (streq (status, "completed"))
    {
      if (cli->args.format == FORMAT_TABLE && !cli->args.quiet)
        say_success (task);
      return STATUS_DONE;
    }
  if (streq (status, "not-completed"))
    return say_failure (task);
  if (why)
    return say_error (STATUS_NEEDS_PERSON, "%s (task %s) %s.",
                      task_label (json_text (task, "kind")), json_text (task, "id"), why);
  return -1;
}

static int
give_up (const char *id)
{
  say_note ("Task %s goes on; usher task watch %s waits for it again.", id, id);
  return interrupt_status ();
}

static bool
is_open (const json_t *task)
{
  return !streq (json_text (task, "status"), "completed")
         && !streq (json_text (task, "status"), "not-completed") && !needs_person (task);
}

int
wait_for_task (struct cli *cli, const char *id, json_t **ret)
{
  struct bar bar = { !cli->args.quiet && isatty (STDERR_FILENO), false };
  _cleanup_ (buf_done) struct buf path = BUF_INIT (4096);
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  _cleanup_ (freep) char *last = NULL;
  bool named = cli->args.format != FORMAT_TABLE || cli->args.quiet;
  int64_t pause = POLL_FIRST_MS;
  int status;

  buf_puts (&path, "/tasks/");
  if (request_encode (&path, id) || buf_error (&path))
    return say_no_memory ();
  for (status = -1; status < 0; pause = MIN (pause * 3 / 2, POLL_MAX_MS))
    {
      answer_done (&a);
      status = client_get (cli->client, path.data, &a);
      if (status)
        break;
      if (!named)
        say_line ("Task %s: %s", id, task_label (json_text (a.json, "kind")));
      named = true;
      if (is_open (a.json))
        show_progress (&bar, a.json, cli->args.quiet, &last);
      else
        bar_clear (&bar);
      status = judge (cli, a.json);
      if (status < 0)
        interrupt_sleep (pause);
      if (status < 0 && interrupt_pending ())
        status = interrupt_status ();
    }
  bar_clear (&bar);
  if (interrupt_pending () && status == interrupt_status ())
    return give_up (id);
  if (ret)
    *ret = json_incref (a.json);
  return status;
}
