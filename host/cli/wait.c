/* Owns the wait for a task: when it is asked for, what is shown meanwhile, and the exit
   status that its end stands for. */
#include <config.h>

#include "host/cli/bar.h"
#include "host/cli/cli.h"
#include "host/cli/interrupt.h"
#include "host/cli/output.h"
#include "host/cli/say.h"
#include "host/common/clock.h"

#define POLL_FIRST_MS 100
#define POLL_MAX_MS 1000
#define FOLLOW_LOOK_MS 5000

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

  if (streq (reason, "app-asked") && *json_text (task, "message"))
    why = json_text (task, "message");
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
  static const char *const counts[] = { "seen", "added", "changed", "removed", "missing" };
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
    (void) plan_show (cli, &view_plan, plan);
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

/* A wait under way. */
struct wait
{
  struct cli *cli;
  const char *id;
  struct buf path;     /* of the task */
  struct bar bar;
  struct answer task;  /* as it was last seen */
  char *last;          /* the wait that was said last; owned */
  bool named;
  bool followed;       /* the stream has begun */
  int64_t due_ms;      /* when the task is looked at though no event told of it */
};

/* Looks at the task: -1 while it is open, else the status that the wait ends with. */
static int
look (struct wait *w)
{
  int status;

  answer_done (&w->task);
  status = client_get (w->cli->client, w->path.data, &w->task);
  if (status)
    return status;
  if (!w->named)
    say_line ("Task %s: %s", w->id, task_label (json_text (w->task.json, "kind")));
  w->named = true;
  if (is_open (w->task.json))
    show_progress (&w->bar, w->task.json, w->cli->args.quiet, &w->last);
  else
    bar_clear (&w->bar);
  return judge (w->cli, w->task.json);
}

/* The stream tells of the task's end.  How far it is, and what it waits for, is no event. */
static int
on_news (void *arg, bool begun, const char *data)
{
  struct wait *w = arg;
  int64_t now = clock_mono_ms ();

  /* What was before the stream began, it does not tell. */
  if (data ? !strstr (data, w->id) : begun == w->followed && now < w->due_ms)
    return -1;
  w->followed = begun;
  w->due_ms = now + (begun && !w->bar.on ? FOLLOW_LOOK_MS : POLL_MAX_MS);
  return look (w);
}

/* -1 when the stream ended before the task. */
static int
follow (struct wait *w)
{
  _cleanup_ (buf_done) struct buf stream = BUF_INIT (4096);

  buf_puts (&stream, "/events/stream?hub=");
  if (request_encode (&stream, json_text (w->task.json, "hub")) || buf_error (&stream))
    return say_no_memory ();
  w->due_ms = clock_mono_ms () + POLL_FIRST_MS;
  return client_follow (w->cli->client, stream.data, on_news, w);
}

static int
poll_task (struct wait *w)
{
  int64_t pause = POLL_FIRST_MS;
  int status = -1;

  for (; status < 0 && !interrupt_pending (); pause = MIN (pause * 3 / 2, POLL_MAX_MS))
    {
      interrupt_sleep (pause);
      if (!interrupt_pending ())
        status = look (w);
    }
  return status;
}

int
wait_for_task (struct cli *cli, const char *id, bool by_stream, json_t **ret)
{
  struct wait w = { .cli = cli, .id = id, .path = BUF_INIT (4096),
                    .bar = { !cli->args.quiet && isatty (STDERR_FILENO), false },
                    .named = cli->args.format != FORMAT_TABLE || cli->args.quiet };
  int status;

  buf_puts (&w.path, "/tasks/");
  if (request_encode (&w.path, id) || buf_error (&w.path))
    status = say_no_memory ();
  else
    status = look (&w);
  if (status < 0 && by_stream)
    status = follow (&w);
  if (status < 0)
    status = poll_task (&w);
  bar_clear (&w.bar);
  if (interrupt_pending () && (status < 0 || status == interrupt_status ()))
    status = give_up (id);
  else if (ret)
    *ret = json_incref (w.task.json);
  answer_done (&w.task);
  buf_done (&w.path);
  free (w.last);
  return status;
}
