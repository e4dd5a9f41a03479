/* What usher-net can no longer do once it is confined, tried by a process that is. */
#include <config.h>

#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/landlock.h"
#include "host/net/confine.h"

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define PORTS_SINCE 4

static const uint16_t app_port = 8443;

/* Tries: the errno, 0 = it was possible. */

static int
is_error (int r)
{
  return r < 0 ? errno : 0;
}

static int
connect_to (uint16_t port)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons (port) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  to.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  return fd < 0 ? errno : is_error (connect (fd, (struct sockaddr *) &to, sizeof to));
}

static int
reach_app (void)
{
  int e = connect_to (app_port);

  /* Nobody listens there, but one may ask. */
  return e == ECONNREFUSED ? 0 : e;
}

static int
reach_other_port (void)
{
  return connect_to (8444);
}

static int
ask_name_server (void)
{
  return is_error (socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int
ask_addresses (void)
{
  return is_error (socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
}

static int
local_socket (void)
{
  return is_error (socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
wait_on_port (void)
{
  struct sockaddr_in any = { .sin_family = AF_INET };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  return fd < 0 ? errno : is_error (bind (fd, (struct sockaddr *) &any, sizeof any));
}

static int
read_passwords (void)
{
  return is_error (open ("/etc/shadow", O_RDONLY | O_CLOEXEC));
}

static int
read_authorities (void)
{
  return is_error (open (CA_FILE, O_RDONLY | O_CLOEXEC));
}

static int
share_memory (void)
{
  return mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int
signal_parent (void)
{
  return is_error (tgkill (getppid (), getppid (), SIGTERM));
}

static void *
idle (void *arg)
{
  return arg;
}

/* As each look-up of a name does. */
static int
run_thread (void)
{
  pthread_t thread;
  int e = pthread_create (&thread, NULL, idle, NULL);

  return e ? e : pthread_join (thread, NULL);
}

/* These end the process. */

static int
packet_socket (void)
{
  return is_error (socket (AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int
raw_socket (void)
{
  return is_error (socket (AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
}

static int
pair_of_datagrams (void)
{
  int fds[2];

  return is_error (socketpair (AF_UNIX, SOCK_DGRAM, 0, fds));
}

static int
own_parent (void)
{
  int fds[2];

  return pipe2 (fds, O_CLOEXEC) < 0 ? errno : is_error (fcntl (fds[0], F_SETOWN, getppid ()));
}

static int
run_program (void)
{
  static char program[] = "/bin/true";
  char *const argv[] = { program, NULL }, *const env[] = { NULL };

  return is_error (execve (program, argv, env));
}

static int
new_process (void)
{
  return is_error (fork ());
}

static int
write_file (void)
{
  return is_error (open ("/tmp/usher-net-wrote", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int
run_what_was_written (void)
{
  void *p = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  return p == MAP_FAILED ? errno : is_error (mprotect (p, 4096, PROT_READ | PROT_EXEC));
}

static const struct
{
  const char *name;
  int (*run) (void);
  int error;      /* what it is answered */
  int signal;     /* what it ends with instead */
  int landlock;   /* the version that refuses it; 0 = seccomp does */
} tries[] = {
  { "the app's port", reach_app, 0, 0, 0 },
  { "name servers", ask_name_server, 0, 0, 0 },
  { "this machine's addresses", ask_addresses, 0, 0, 0 },
  { "certificates", read_authorities, 0, 0, 0 },
  { "a thread", run_thread, 0, 0, 0 },
  { "another port", reach_other_port, EACCES, 0, PORTS_SINCE },
  { "a local socket", local_socket, EAFNOSUPPORT, 0, 0 },
  { "waiting on a port", wait_on_port, EPERM, 0, 0 },
  { "/etc/shadow", read_passwords, EACCES, 0, 1 },
  { "shared memory", share_memory, EACCES, 0, 0 },
  { "a signal", signal_parent, EPERM, 0, 0 },
  { "packets", packet_socket, 0, SIGSYS, 0 },
  { "raw packets", raw_socket, 0, SIGSYS, 0 },
  { "a pair of datagrams", pair_of_datagrams, 0, SIGSYS, 0 },
  { "another owner of a descriptor", own_parent, 0, SIGSYS, 0 },
  { "a program", run_program, 0, SIGSYS, 0 },
  { "a process", new_process, 0, SIGSYS, 0 },
  { "a file", write_file, 0, SIGSYS, 0 },
  { "code that was written", run_what_was_written, 0, SIGSYS, 0 },
};

#define UNCONFINED 255

START_TEST (test_only_what_an_app_needs_is_left)
{
  pid_t pid = fork ();
  int status;

  ck_assert_int_ge (pid, 0);
  if (pid == 0)
    {
      struct buf lost = BUF_INIT (1024);

      if (confine_early (/* last= */ 1024) < 0 || confine_late (CA_FILE, &app_port, 1, &lost) < 0)
        _exit (UNCONFINED);
      _exit (tries[_i].run ());
    }
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  if (tries[_i].signal)
    ck_assert_msg (WIFSIGNALED (status) && WTERMSIG (status) == tries[_i].signal, "%s: %x", tries[_i].name,
                   (unsigned int) status);
  else if (landlock_version () >= tries[_i].landlock)
    ck_assert_msg (WIFEXITED (status) && WEXITSTATUS (status) == tries[_i].error, "%s: %x", tries[_i].name,
                   (unsigned int) status);
}
END_TEST

START_TEST (test_what_a_kernel_lacks_is_named)
{
  ck_assert_ptr_nonnull (strstr (landlock_lacks (0), "files"));
  ck_assert_ptr_nonnull (strstr (landlock_lacks (1), "port"));
  ck_assert_ptr_nonnull (strstr (landlock_lacks (PORTS_SINCE - 1), "port"));
  ck_assert_ptr_null (landlock_lacks (PORTS_SINCE));
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_loop_test (t, test_only_what_an_app_needs_is_left, 0, ARRAY_SIZE (tries));
  tcase_add_test (t, test_what_a_kernel_lacks_is_named);
}

UNIT_MAIN ("net-confine", fill)
