/* Owns the child process and the two far ends of its channels. */
#include <config.h>

#include "worker-rig.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "host/common/io.h"

static const struct usher_kv conf[] = { { "roles", "admin" }, { "roles", "viewer" } };
static const struct usher_kv secrets[] = { { "token", "uS0123456789abcdefghijABCDEFGHIJ" } };

/* The descriptors of the test itself are above those that the worker is given. */
static int
raise_fd (int fd)
{
  int high = fcntl (fd, F_DUPFD_CLOEXEC, 20);

  ck_assert_int_ge (high, 20);
  (void) close (fd);
  return high;
}

static void
spawn (struct rig *g, int host, int net, const char *env)
{
  static char program[] = WORKER;
  char *const argv[] = { program, NULL };
  char *const environment[] = { (char *) (uintptr_t) env, NULL };
  posix_spawn_file_actions_t files;

  ck_assert_int_eq (posix_spawn_file_actions_init (&files), 0);
  ck_assert_int_eq (posix_spawn_file_actions_adddup2 (&files, host, WIRE_FD_HOST), 0);
  ck_assert_int_eq (posix_spawn_file_actions_adddup2 (&files, net, WIRE_FD_PEER), 0);
  ck_assert_int_eq (posix_spawn (&g->pid, WORKER, &files, NULL, argv, environment), 0);
  posix_spawn_file_actions_destroy (&files);
}

void
rig_start (struct rig *g, const char *connector, const char *what, const char *env)
{
  const struct wire_start start = { connector, "app", { what, strlen (what) }, { conf, 2 },
                                    { secrets, 1 }, 0 };
  int host[2], net[2];

  memset (g, 0, sizeof *g);
  g->arena = (struct arena) ARENA_INIT (WIRE_ARENA_MAX);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, host), 0);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, net), 0);
  host[0] = raise_fd (host[0]);
  host[1] = raise_fd (host[1]);
  net[0] = raise_fd (net[0]);
  net[1] = raise_fd (net[1]);
  spawn (g, host[1], net[1], env);
  (void) close (host[1]);
  (void) close (net[1]);
  wire_channel_init (&g->host, host[0]);
  wire_channel_init (&g->net, net[0]);
  rig_send (g, WIRE_START, 0, &start);
}

void
rig_send (struct rig *g, uint16_t type, uint32_t stream, const void *msg)
{
  /* -EPIPE is for the test to find when it reads. */
  (void) wire_send (&g->host, type, stream, msg);
}

void
rig_call (struct rig *g, uint32_t op)
{
  const struct wire_call call = { .op = op, .ordinal = 5, .kinds = UINT64_MAX };

  rig_call_with (g, &call);
}

void
rig_call_with (struct rig *g, const struct wire_call *call)
{
  rig_send (g, WIRE_CALL, 0, call);
}

void
rig_reply (struct rig *g, int32_t status, const char *value)
{
  const struct wire_reply reply = { status, { value, value ? strlen (value) : 0 } };

  rig_send (g, WIRE_REPLY, g->stream, &reply);
}

static uint16_t
next (struct rig *g, struct wire_channel *c)
{
  struct pollfd p = { .fd = c->fd, .events = POLLIN };
  struct wire_frame f;
  int r;

  while ((r = wire_next (c, &f)) == 0)
    {
      ck_assert_int_eq (poll (&p, 1, RIG_PATIENCE_MS), 1);
      r = wire_fill (c);
      if (r <= 0)
        break;
    }
  g->type = 0;
  if (r <= 0)
    {
      ck_assert_int_ne (r, -EBADMSG);
      return 0;
    }
  g->type = f.type;
  g->stream = f.stream;
  g->bytes = f.payload;
  g->len = f.len;
  arena_reset (&g->arena);
  if (f.type != WIRE_ROWS && f.type != WIRE_BODY)
    ck_assert_int_eq (wire_decode (f.type, f.payload, f.len, &g->arena, &g->m), 0);
  return f.type;
}

uint16_t
rig_next (struct rig *g)
{
  while (next (g, &g->host) == WIRE_LOG)
    {
      g->logs++;
      (void) snprintf (g->log, sizeof g->log, "%s", g->m.log.text);
    }
  return g->type;
}

uint16_t
rig_next_net (struct rig *g)
{
  return next (g, &g->net);
}

int32_t
rig_result (struct rig *g, char *ret_fault, size_t size)
{
  if (ret_fault)
    ret_fault[0] = '\0';
  while (rig_next (g))
    if (g->type == WIRE_RESULT)
      return g->m.result.status;
    else if (g->type == WIRE_FAULT && ret_fault)
      (void) snprintf (ret_fault, size, "%s", g->m.fault.text);
    else if (g->type == WIRE_CHECKPOINT || g->type == WIRE_STATE_PUT
             || g->type == WIRE_STATE_GET || g->type == WIRE_SECRET_PUT)
      rig_reply (g, 0, NULL);
  return INT32_MIN;
}

void
rig_expect_fact (struct rig *g, const char *key, const char *value)
{
  ck_assert_uint_eq (rig_next (g), WIRE_FACT);
  ck_assert_str_eq (g->m.fact.key, key);
  ck_assert_str_eq (g->m.fact.value, value);
}

int
rig_wait (struct rig *g)
{
  int status = -1;

  ck_assert_int_eq (waitpid (g->pid, &status, 0), g->pid);
  g->pid = 0;
  return status;
}

void
rig_end (struct rig *g)
{
  int status;

  rig_send (g, WIRE_END, 0, NULL);
  ck_assert_uint_eq (rig_next (g), 0);
  status = rig_wait (g);
  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), 0);
  rig_done (g);
}

void
rig_done (struct rig *g)
{
  if (g->pid)
    {
      (void) kill (g->pid, SIGKILL);
      (void) waitpid (g->pid, NULL, 0);
    }
  wire_channel_done (&g->host);
  wire_channel_done (&g->net);
  arena_done (&g->arena);
}

/* Reads a pipe to its end. */
static void
collect (int fd, char *ret, size_t size)
{
  _cleanup_ (buf_done) struct buf all = BUF_INIT (1u << 20);

  ck_assert_int_eq (io_read_fd (fd, &all), 0);
  (void) snprintf (ret, size, "%s", all.data ? all.data : "");
  (void) close (fd);
}

int
rig_run (const char *const *argv, char *ret_out, char *ret_err, size_t size)
{
  char *const environment[] = { NULL };
  posix_spawn_file_actions_t files;
  int out[2], err[2], status = -1;
  pid_t pid;

  ck_assert_int_eq (pipe2 (out, O_CLOEXEC), 0);
  ck_assert_int_eq (pipe2 (err, O_CLOEXEC), 0);
  out[1] = raise_fd (out[1]);
  err[1] = raise_fd (err[1]);
  ck_assert_int_eq (posix_spawn_file_actions_init (&files), 0);
  ck_assert_int_eq (posix_spawn_file_actions_adddup2 (&files, out[1], STDOUT_FILENO), 0);
  ck_assert_int_eq (posix_spawn_file_actions_adddup2 (&files, err[1], STDERR_FILENO), 0);
  ck_assert_int_eq (posix_spawn (&pid, argv[0], &files, NULL,
                                 (char *const *) (uintptr_t) argv, environment), 0);
  posix_spawn_file_actions_destroy (&files);
  (void) close (out[1]);
  (void) close (err[1]);
  collect (out[0], ret_out, size);
  collect (err[0], ret_err, size);
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  return status;
}
