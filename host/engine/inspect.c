/* Owns running usher-worker for what it prints: no connector is ever loaded in this process. */
#include <config.h>

#include "host/engine/inspect.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "host/common/buf.h"
#include "host/common/clock.h"
#include "host/common/io.h"

#define INSPECT_MS 10000
#define INSPECT_END_MS 1000
#define ARGUMENTS_MAX 64u

/* What the process is joined to. */
struct ends
{
  int in, out[2], err[2];     /* out and err: a pipe each, its reading end first */
};
#define ENDS_INIT { -1, { -1, -1 }, { -1, -1 } }

static void
ends_done (struct ends *e)
{
  closep (&e->in);
  closep (&e->out[0]);
  closep (&e->out[1]);
  closep (&e->err[0]);
  closep (&e->err[1]);
}

/* A file in memory, and not a pipe: who reads it may end before it was read. */
static int
open_input (const void *p, size_t len, int *ret)
{
  _cleanup_ (closep) int fd = p ? memfd_create ("input", MFD_CLOEXEC)
                                : open ("/dev/null", O_RDONLY | O_CLOEXEC);
  int x = fd < 0 ? -errno : 0;

  if (x == 0 && p)
    x = io_write_all (fd, p, len);
  if (x == 0 && p && lseek (fd, 0, SEEK_SET) < 0)
    x = -errno;
  if (x == 0)
    *ret = TAKE_FD (fd);
  return x;
}

static int
spawn_worker (const struct inspect_place *place, const char *option, const char *file, const struct ends *e,
              pid_t *ret)
{
  _cleanup_ (buf_done) struct buf worker = BUF_INIT (4096);
  posix_spawn_file_actions_t actions;
  const char *argv[ARGUMENTS_MAX] = { "usher-worker" };
  char *none[] = { NULL };
  size_t n = 1, i;
  int x;

  buf_printf (&worker, "%s/usher-worker", place->libexec_dir);
  if (buf_error (&worker))
    return buf_error (&worker);
  for (i = 0; place->library_dirs && place->library_dirs[i] && n + 4 < ARRAY_SIZE (argv); i++)
    {
      argv[n++] = "--library-dir";
      argv[n++] = place->library_dirs[i];
    }
  argv[n++] = option;
  argv[n++] = file;
  if (posix_spawn_file_actions_init (&actions) != 0)
    return -ENOMEM;
  (void) posix_spawn_file_actions_adddup2 (&actions, e->in, STDIN_FILENO);
  (void) posix_spawn_file_actions_adddup2 (&actions, e->out[1], STDOUT_FILENO);
  (void) posix_spawn_file_actions_adddup2 (&actions, e->err[1], STDERR_FILENO);
  x = -posix_spawn (ret, worker.data, &actions, NULL, (char *const *) (uintptr_t) argv, none);
  (void) posix_spawn_file_actions_destroy (&actions);
  return x;
}

/* Reads both until they end; what is over the maximum is read and dropped.  False when
   that takes too long. */
static bool
listen_to (int out, struct buf *said, int err, struct buf *complaint)
{
  struct pollfd fds[2] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };
  struct buf *into[2] = { said, complaint };
  int64_t until = clock_mono_ms () + INSPECT_MS, left;
  size_t i;

  while (fds[0].fd >= 0 || fds[1].fd >= 0)
    {
      left = until - clock_mono_ms ();
      if (left <= 0)
        return false;
      if (poll (fds, ARRAY_SIZE (fds), (int) left) < 0 && errno != EINTR)
        return false;
      for (i = 0; i < ARRAY_SIZE (fds); i++)
        if (fds[i].fd >= 0 && fds[i].revents)
          {
            char chunk[4096];
            ssize_t n = read (fds[i].fd, chunk, sizeof chunk);

            if (n > 0 && into[i]->len + (size_t) n <= into[i]->max)
              buf_put (into[i], chunk, (size_t) n);
            else if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
              fds[i].fd = -1;
          }
    }
  return true;
}

/* Reaps the child; one that closed its pipes and goes on is ended.  False then. */
static bool
ended (pid_t pid, int *ret_status)
{
  int64_t until = clock_mono_ms () + INSPECT_END_MS;
  pid_t got;

  while ((got = waitpid (pid, ret_status, WNOHANG)) == 0 && clock_mono_ms () < until)
    (void) usleep (2000);
  if (got == pid)
    return true;
  (void) kill (pid, SIGKILL);
  while (waitpid (pid, ret_status, 0) < 0 && errno == EINTR)
    ;
  return false;
}

/* Waits for what PID says and for its end.  Its wait status, or -1 when it took too long; then
   WHY has the sentence. */
static int
attend (pid_t pid, const struct ends *e, struct buf *said, struct buf *why)
{
  bool late = !listen_to (e->out[0], said, e->err[0], why);
  int status = -1;

  if (late)
    {
      (void) kill (pid, SIGKILL);
      buf_reset (why);
      buf_printf (why, "Loading it took longer than %d s.", INSPECT_MS / 1000);
    }
  if (!ended (pid, &status) || late)
    return -1;
  if (WIFSIGNALED (status))
    {
      buf_reset (why);
      buf_printf (why, "Loading it ended by signal %d (%s).", WTERMSIG (status), strsignal (WTERMSIG (status)));
    }
  return status;
}

json_t *
inspect_run (const struct inspect_place *place, const char *option, const char *file, const void *in,
             size_t len, char **ret_why)
{
  _cleanup_ (buf_done) struct buf said = BUF_INIT (INSPECT_MAX), why = BUF_INIT (INSPECT_MAX);
  _cleanup_ (ends_done) struct ends ends = ENDS_INIT;
  json_t *about = NULL;
  int status = -1, x;
  pid_t pid;

  x = open_input (in, len, &ends.in);
  if (x == 0 && (pipe2 (ends.out, O_CLOEXEC) < 0 || pipe2 (ends.err, O_CLOEXEC) < 0))
    x = -errno;
  if (x == 0)
    x = spawn_worker (place, option, file, &ends, &pid);
  if (x == 0)
    {
      closep (&ends.out[1]);
      closep (&ends.err[1]);
      status = attend (pid, &ends, &said, &why);
    }
  if (status >= 0 && WIFEXITED (status) && WEXITSTATUS (status) == 0 && said.len)
    about = json_loadb (said.data, said.len, 0, NULL);
  if (about)
    return about;
  if (why.len && why.data[why.len - 1] == '\n')
    why.data[--why.len] = '\0';
  if (x < 0)
    buf_printf (&why, "usher-worker cannot be started: %s.", strerror (-x));
  *ret_why = why.len ? buf_steal (&why) : strdup ("usher-worker refused it without a word.");
  return NULL;
}

/* ---- Folders ---- */

char **
inspect_split_dirs (const char *path)
{
  size_t n = 2, i = 0;
  const char *p;
  char **v;

  for (p = path; p && *p; p++)
    n += *p == ':';
  v = calloc (n, sizeof *v);
  for (p = path; v && p && *p;)
    {
      size_t len = strcspn (p, ":");

      if (len)
        v[i++] = strndup (p, len);
      p += len + (p[len] == ':');
    }
  return v;
}

char **
inspect_free_dirs (char **dirs)
{
  size_t i;

  for (i = 0; dirs && dirs[i]; i++)
    free (dirs[i]);
  free (dirs);
  return NULL;
}
