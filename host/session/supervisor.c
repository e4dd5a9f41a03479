/* Owns the one thread that spawns and reaps the children of all sessions.  Requests
   queue to it; pidfds tell it who ended.  Children that nobody owns any more are killed
   and reaped here.  */
#include <config.h>

#include "host/session/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "host/common/clock.h"
#include "host/common/text.h"

#define LIBRARY_DIRS_MAX 16u
#define ENVIRONMENT_MAX 8u
#define LOOK_MS 20                 /* how often to look where there are no pidfds */
#define LOWEST_FD 5                /* above what the children use */

struct supervisor_child
{
  struct supervisor *supervisor;
  struct supervisor_child *next;   /* in ->children; the thread's, under the lock */
  pid_t pid;
  int pidfd;                       /* -1: the kernel has none */
  bool owned;                      /* a session holds a pointer to it */
  bool ended;
  struct supervisor_exit exit;
};

/* A spawn that waits for the thread; lies on the caller's stack. */
struct request
{
  struct request *next;
  const char *program;
  int host_fd, peer_fd;
  bool done;
  int r;
  struct supervisor_child *child;
};

struct supervisor
{
  char *libexec_dir;
  char *library_dirs[LIBRARY_DIRS_MAX];
  size_t n_library_dirs;
  int wake_fd;
  pthread_t thread;
  pthread_mutex_t lock;            /* guards all below, and every child */
  pthread_cond_t changed;          /* a request was done, a child ended */
  struct request *requests, **last_request;
  struct supervisor_child *children;
  size_t n_children;
  bool stopping;
};

static void
wake (struct supervisor *s)
{
  uint64_t one = 1;
  ssize_t n _unused_;

  /* Fails only when the counter is full, and then the thread wakes anyway. */
  n = write (s->wake_fd, &one, sizeof one);
}

/* ---- Spawning: on the thread, without the lock. */

static int
set_attributes (posix_spawnattr_t *attr)
{
  sigset_t none, all;
  int e;

  sigemptyset (&none);
  sigfillset (&all);
  e = posix_spawnattr_setsigmask (attr, &none);
  if (!e)
    e = posix_spawnattr_setsigdefault (attr, &all);
  /* A group of its own: what the terminal sends to usherd is not meant for it. */
  if (!e)
    e = posix_spawnattr_setpgroup (attr, 0);
  if (!e)
    e = posix_spawnattr_setflags (attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  return e;
}

/* usher-worker runs foreign code, which must not write into usherd's log. */
static bool
silent (const char *program)
{
#ifdef USHER_SANITIZERS
  (void) program;
  return false;
#else
  return streq (program, SUPERVISOR_WORKER);
#endif
}

static int
set_files (posix_spawn_file_actions_t *files, const struct request *q)
{
  int e;

  e = posix_spawn_file_actions_addopen (files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
  if (!e)
    e = posix_spawn_file_actions_adddup2 (files, STDIN_FILENO, STDOUT_FILENO);
  if (!e && silent (q->program))
    e = posix_spawn_file_actions_adddup2 (files, STDIN_FILENO, STDERR_FILENO);
  if (!e)
    e = posix_spawn_file_actions_adddup2 (files, q->host_fd, WIRE_FD_HOST);
  if (!e)
    e = posix_spawn_file_actions_adddup2 (files, q->peer_fd, WIRE_FD_PEER);
  /* Ours close by themselves; what usherd was started with might not. */
  if (!e)
    e = posix_spawn_file_actions_addclosefrom_np (files, LOWEST_FD);
  return e;
}

/* Empty, but for what test builds need. */
static void
fill_environment (char *ret[ENVIRONMENT_MAX + 1])
{
  size_t n = 0;

#ifdef USHER_SANITIZERS
  /* The leak checker needs ptrace, which the children's confinement forbids. */
  static char leaks[] = "ASAN_OPTIONS=detect_leaks=0";

  ret[n++] = leaks;
#endif
#ifdef USHER_TEST_HOOKS
  for (char **v = environ; *v && n < ENVIRONMENT_MAX; v++)
    if (has_prefix (*v, "USHER_TEST_"))
      ret[n++] = *v;
#endif
  ret[n] = NULL;
}

static int
run_program (struct supervisor *s, const struct request *q, pid_t *ret)
{
  char *environment[ENVIRONMENT_MAX + 1];
  static char library_dir[] = "--library-dir";
  _cleanup_ (buf_done) struct buf path = BUF_INIT (4096);
  _cleanup_ (freep) char *name = strdup (q->program);
  char *argv[2 + 2 * LIBRARY_DIRS_MAX];
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attr;
  size_t n = 0, i;
  int e;

  buf_printf (&path, "%s/%s", s->libexec_dir, q->program);
  if (buf_error (&path) || !name)
    return name ? buf_error (&path) : -ENOMEM;
  argv[n++] = name;
  for (i = 0; i < s->n_library_dirs && streq (q->program, SUPERVISOR_WORKER); i++)
    {
      argv[n++] = library_dir;
      argv[n++] = s->library_dirs[i];
    }
  argv[n] = NULL;
  fill_environment (environment);
  e = posix_spawnattr_init (&attr);
  if (e)
    return -e;
  e = posix_spawn_file_actions_init (&files);
  if (!e)
    {
      e = set_attributes (&attr);
      if (!e)
        e = set_files (&files, q);
      if (!e)
        e = posix_spawn (ret, path.data, &files, &attr, argv, environment);
      posix_spawn_file_actions_destroy (&files);
    }
  posix_spawnattr_destroy (&attr);
  return -e;
}

static int
start_child (struct supervisor *s, const struct request *q, struct supervisor_child **ret)
{
  struct supervisor_child *c = calloc (1, sizeof *c);
  int r;

  if (!c)
    return -ENOMEM;
  r = run_program (s, q, &c->pid);
  if (r < 0)
    {
      free (c);
      return r;
    }
  c->supervisor = s;
  c->owned = true;
  c->pidfd = (int) syscall (SYS_pidfd_open, c->pid, 0);
  *ret = c;
  return 0;
}

/* Does the oldest request; called and returns with the lock held. */
static void
serve_request (struct supervisor *s)
{
  struct request *q = s->requests;
  int r = -EAGAIN;

  s->requests = q->next;
  if (!s->requests)
    s->last_request = &s->requests;
  if (s->n_children < SUPERVISOR_CHILDREN_MAX && !s->stopping)
    {
      pthread_mutex_unlock (&s->lock);
      r = start_child (s, q, &q->child);
      pthread_mutex_lock (&s->lock);
    }
  if (r == 0)
    {
      q->child->next = s->children;
      s->children = q->child;
      s->n_children++;
    }
  q->r = r;
  q->done = true;
  pthread_cond_broadcast (&s->changed);
}

/* ---- Reaping: on the thread, with the lock. */

static void
child_destroy (struct supervisor_child *c)
{
  closep (&c->pidfd);
  free (c);
}

static double
seconds (const struct timeval *tv)
{
  return (double) tv->tv_sec + (double) tv->tv_usec / 1e6;
}

static bool
reap (struct supervisor_child *c)
{
  struct rusage used = { 0 };
  int status = 0;
  pid_t pid = wait4 (c->pid, &status, WNOHANG, &used);

  if (pid == 0 || (pid < 0 && errno == EINTR))
    return false;
  c->ended = true;
  c->exit.signal = pid > 0 && WIFSIGNALED (status) ? WTERMSIG (status) : 0;
  c->exit.status = pid > 0 && WIFEXITED (status) ? WEXITSTATUS (status) : 0;
  c->exit.cpu_seconds = seconds (&used.ru_utime) + seconds (&used.ru_stime);
  return true;
}

static void
reap_all (struct supervisor *s)
{
  struct supervisor_child **at = &s->children;

  while (*at)
    {
      struct supervisor_child *c = *at;

      if (!reap (c))
        {
          at = &c->next;
          continue;
        }
      *at = c->next;
      s->n_children--;
      if (!c->owned)
        child_destroy (c);
      pthread_cond_broadcast (&s->changed);
    }
}

/* Sleeps until there is something to do; called with the lock, which it gives up
   meanwhile. */
static void
sleep_until_needed (struct supervisor *s)
{
  struct pollfd fds[SUPERVISOR_CHILDREN_MAX + 1];
  struct supervisor_child *c;
  int timeout = -1;
  uint64_t counter;
  ssize_t got _unused_;
  nfds_t n = 0;

  fds[n++] = (struct pollfd) { .fd = s->wake_fd, .events = POLLIN };
  for (c = s->children; c; c = c->next)
    if (c->pidfd >= 0)
      fds[n++] = (struct pollfd) { .fd = c->pidfd, .events = POLLIN };
    else
      timeout = LOOK_MS;
  pthread_mutex_unlock (&s->lock);
  (void) poll (fds, n, timeout);
  got = read (s->wake_fd, &counter, sizeof counter);
  pthread_mutex_lock (&s->lock);
}

static void
kill_child (struct supervisor_child *c)
{
  /* Reaping needs the lock that is held here, so the pid is still its own. */
  if (!c->ended)
    (void) kill (c->pid, SIGKILL);
}

static void *
supervise (void *arg)
{
  struct supervisor *s = arg;
  struct supervisor_child *c;

  pthread_mutex_lock (&s->lock);
  while (!s->stopping || s->children || s->requests)
    {
      if (s->requests)
        {
          serve_request (s);
          continue;
        }
      if (s->stopping)
        for (c = s->children; c; c = c->next)
          kill_child (c);
      reap_all (s);
      if (!s->requests && (!s->stopping || s->children))
        sleep_until_needed (s);
    }
  pthread_mutex_unlock (&s->lock);
  return NULL;
}

/* ---- For sessions. */

/* A copy of FD above the numbers that the child will use. */
static int
raise_fd (int fd)
{
  int raised = fcntl (fd, F_DUPFD_CLOEXEC, LOWEST_FD);

  return raised < 0 ? -errno : raised;
}

int
supervisor_spawn (struct supervisor *s, const char *program, int host_fd, int peer_fd,
                  struct supervisor_child **ret)
{
  _cleanup_ (closep) int host = raise_fd (host_fd);
  _cleanup_ (closep) int peer = raise_fd (peer_fd);
  struct request q = { .program = program, .host_fd = host, .peer_fd = peer };

  if (host < 0 || peer < 0)
    return host < 0 ? host : peer;
  pthread_mutex_lock (&s->lock);
  *s->last_request = &q;
  s->last_request = &q.next;
  wake (s);
  while (!q.done)
    pthread_cond_wait (&s->changed, &s->lock);
  pthread_mutex_unlock (&s->lock);
  if (q.r == 0)
    *ret = q.child;
  return q.r;
}

bool
supervisor_child_ended (struct supervisor_child *c, int64_t timeout_ms, struct supervisor_exit *ret)
{
  struct supervisor *s = c->supervisor;
  struct timespec until = clock_deadline (timeout_ms);
  bool ended;
  int e = 0;

  pthread_mutex_lock (&s->lock);
  while (!c->ended && timeout_ms > 0 && e == 0)
    e = pthread_cond_timedwait (&s->changed, &s->lock, &until);
  ended = c->ended;
  if (ended && ret)
    *ret = c->exit;
  pthread_mutex_unlock (&s->lock);
  return ended;
}

void
supervisor_child_kill (struct supervisor_child *c)
{
  pthread_mutex_lock (&c->supervisor->lock);
  kill_child (c);
  pthread_mutex_unlock (&c->supervisor->lock);
}

double
supervisor_child_cpu (struct supervisor_child *c)
{
  struct timespec used = { 0 };
  clockid_t clock;
  double ret;

  pthread_mutex_lock (&c->supervisor->lock);
  if (!c->ended && clock_getcpuclockid (c->pid, &clock) == 0)
    (void) clock_gettime (clock, &used);
  ret = c->ended ? c->exit.cpu_seconds : (double) used.tv_sec + (double) used.tv_nsec / 1e9;
  pthread_mutex_unlock (&c->supervisor->lock);
  return ret;
}

void
supervisor_child_free (struct supervisor_child *c)
{
  struct supervisor *s;
  bool ended;

  if (!c)
    return;
  s = c->supervisor;
  pthread_mutex_lock (&s->lock);
  kill_child (c);
  c->owned = false;
  ended = c->ended;
  pthread_mutex_unlock (&s->lock);
  if (ended)
    child_destroy (c);
}

/* ---- Start and stop. */

static void
supervisor_free (struct supervisor *s)
{
  size_t i;

  for (i = 0; i < s->n_library_dirs; i++)
    free (s->library_dirs[i]);
  free (s->libexec_dir);
  closep (&s->wake_fd);
  pthread_cond_destroy (&s->changed);
  pthread_mutex_destroy (&s->lock);
  free (s);
}

static int
copy_options (struct supervisor *s, const struct supervisor_options *options)
{
  const char *const *dir;

  s->libexec_dir = strdup (options->libexec_dir);
  if (!s->libexec_dir)
    return -ENOMEM;
  for (dir = options->library_dirs; dir && *dir; dir++)
    {
      if (s->n_library_dirs == LIBRARY_DIRS_MAX)
        return -E2BIG;
      s->library_dirs[s->n_library_dirs] = strdup (*dir);
      if (!s->library_dirs[s->n_library_dirs])
        return -ENOMEM;
      s->n_library_dirs++;
    }
  return 0;
}

static int
start_thread (struct supervisor *s)
{
  sigset_t all, before;
  int e;

  /* Signals are for main's thread. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  e = pthread_create (&s->thread, /* attributes= */ NULL, supervise, s);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return -e;
}

int
supervisor_start (const struct supervisor_options *options, struct supervisor **ret)
{
  struct supervisor *s = calloc (1, sizeof *s);
  pthread_condattr_t monotonic;
  int r;

  if (!s)
    return -ENOMEM;
  s->last_request = &s->requests;
  pthread_mutex_init (&s->lock, /* attributes= */ NULL);
  pthread_condattr_init (&monotonic);
  pthread_condattr_setclock (&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init (&s->changed, &monotonic);
  pthread_condattr_destroy (&monotonic);
  s->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  r = s->wake_fd < 0 ? -errno : copy_options (s, options);
  if (r == 0)
    r = start_thread (s);
  if (r < 0)
    {
      supervisor_free (s);
      return r;
    }
  *ret = s;
  return 0;
}

void
supervisor_stop (struct supervisor *s)
{
  if (!s)
    return;
  pthread_mutex_lock (&s->lock);
  s->stopping = true;
  wake (s);
  pthread_mutex_unlock (&s->lock);
  pthread_join (s->thread, NULL);
  supervisor_free (s);
}
