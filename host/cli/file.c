/* Owns the commands on files.  They need no daemon: the program that would use the file
   says what it makes of it, in its own confinement. */
#include <config.h>

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "host/cli/cli.h"
#include "host/cli/output.h"
#include "host/cli/say.h"
#include "host/common/io.h"

#define REPORT_MAX (1024u * 1024)
#define LIBRARY_DIRS_MAX 16u
#define INSPECT "--inspect"

extern char **environ;

/* NAME in the folder that belongs to this build or, when installed, in FOLDER. */
static void
program_path (const char *folder, const char *name, struct buf *out)
{
  const char *uninstalled = secure_getenv ("USHER_LIBEXEC_DIR");

  buf_printf (out, "%s/%s", uninstalled && *uninstalled ? uninstalled : folder, name);
}

/* Where connectors of a tree that is not installed find their libraries. */
static size_t
add_library_dirs (char *folders, const char **argv)
{
  static const char flag[] = "--library-dir";
  char *rest = NULL, *dir;
  size_t n = 0;

  for (dir = strtok_r (folders, ":", &rest); dir && n < 2 * LIBRARY_DIRS_MAX; dir = strtok_r (NULL, ":", &rest))
    {
      argv[n++] = flag;
      argv[n++] = dir;
    }
  return n;
}

/* Runs PROGRAM, for the worker with its library folders, OPTION FILE and keeps what it
   prints; FORMAT: how usherd is to print it. */
static int
run_program (const char *program, const char *option, const char *file, enum format format,
             struct buf *ret_report, int *ret_wait)
{
  const char *argv[2 * LIBRARY_DIRS_MAX + 6] = { program };
  bool worker = streq (option, INSPECT);
  const char *folders = worker ? secure_getenv ("USHER_LIBRARY_PATH") : NULL;
  _cleanup_ (freep) char *copy = strdup (folders ? folders : "");
  size_t n = 1 + (copy ? add_library_dirs (copy, argv + 1) : 0);
  posix_spawn_file_actions_t actions;
  int ends[2] = { -1, -1 }, r = 0;
  pid_t pid = -1;

  argv[n++] = option;
  argv[n++] = file;
  if (!worker && format == FORMAT_JSON)
    {
      argv[n++] = "--log-format";
      argv[n] = "json";
    }
  if (pipe2 (ends, O_CLOEXEC) < 0)
    r = -errno;
  (void) posix_spawn_file_actions_init (&actions);
  (void) posix_spawn_file_actions_adddup2 (&actions, ends[1], STDOUT_FILENO);
  if (!r)
    r = copy ? -posix_spawn (&pid, program, &actions, NULL, (char *const *) (uintptr_t) argv, environ)
             : -ENOMEM;
  (void) posix_spawn_file_actions_destroy (&actions);
  closep (&ends[1]);
  if (!r)
    {
      r = io_read_fd (ends[0], ret_report);
      closep (&ends[0]); /* a program that says too much ends by that */
      while (waitpid (pid, ret_wait, 0) < 0 && errno == EINTR)
        ;
    }
  else
    closep (&ends[0]);
  return r;
}

/* A JSON object is shown like any thing; other text line by line. */
static int
show_report (enum format format, const struct buf *report)
{
  json_error_t error;
  json_t *thing = report->len ? json_loadb (report->data, report->len, 0, &error) : NULL;
  const char *line = report->data;
  int status = STATUS_DONE;

  if (thing)
    status = output_thing (format, thing);
  for (; !thing && line && *line; line += strcspn (line, "\n"), line += *line == '\n')
    say_line ("%.*s", (int) MIN (strcspn (line, "\n"), SENTENCE_MAX), line);
  json_decref (thing);
  return status;
}

static int
run_on_file (struct cli *cli, const char *folder, const char *name, const char *option)
{
  _cleanup_ (buf_done) struct buf program = BUF_INIT (4096), report = BUF_INIT (REPORT_MAX);
  const char *file = args_operand (&cli->args, "FILE");
  int status, how = 0, r;

  if (access (file, R_OK) < 0)
    return say_error (errno == ENOENT ? STATUS_NOT_FOUND : STATUS_USAGE, "%s cannot be read: %s.",
                      file, strerror (errno));
  program_path (folder, name, &program);
  if (buf_error (&program))
    return say_no_memory ();
  r = run_program (program.data, option, file, cli->args.format, &report, &how);
  if (r < 0)
    return say_error (STATUS_FAILED, "%s cannot be run: %s; is usher installed whole?",
                      program.data, strerror (-r));
  status = show_report (cli->args.format, &report);
  if (WIFSIGNALED (how))
    return say_error (STATUS_FAILED, "%s: looking at it was ended by signal %d (%s).", file,
                      WTERMSIG (how), strsignal (WTERMSIG (how)));
  if (WEXITSTATUS (how) == 0)
    return status;
  return WEXITSTATUS (how) <= STATUS_UNREACHABLE ? WEXITSTATUS (how) : STATUS_FAILED;
}

int
run_connector_inspect (struct cli *cli)
{
  return run_on_file (cli, LIBEXECDIR, "usher-worker", INSPECT);
}

int
run_app_check (struct cli *cli)
{
  return run_on_file (cli, SBINDIR, "usherd", "--check-app");
}
