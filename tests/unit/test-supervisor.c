/* The supervisor: what a child is given, how its end is told, that none is left. */
#include <config.h>

#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "fake.h"
#include "host/common/clock.h"
#include "host/common/io.h"
#include "host/session/supervisor.h"

static const char *const names[] = { "exit-3", "segv", "hang", "report", "eof", SUPERVISOR_WORKER, NULL };
static struct supervisor *supervisor;

static void
setup (void)
{
  static const char *const dirs[] = { "/lib/a", "/lib/b", NULL };
  struct supervisor_options options = { fake_dir, dirs };

  fake_setup (names);
  ck_assert_int_eq (supervisor_start (&options, &supervisor), 0);
}

static void
teardown (void)
{
  supervisor_stop (supervisor);
  fake_teardown (names);
  /* Nobody is left to be reaped. */
  ck_assert_int_eq (waitpid (-1, NULL, WNOHANG), -1);
  ck_assert_int_eq (errno, ECHILD);
}

/* The near ends of what the child has as fd 3 and 4. */
static struct supervisor_child *
spawn (const char *program, int ends[2])
{
  struct supervisor_child *c = NULL;
  int host[2], peer[2];

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, host), 0);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, peer), 0);
  ck_assert_int_eq (supervisor_spawn (supervisor, program, host[1], peer[1], &c), 0);
  close (host[1]);
  close (peer[1]);
  ends[0] = host[0];
  ends[1] = peer[0];
  return c;
}

static void
close_ends (int ends[2])
{
  close (ends[0]);
  close (ends[1]);
}

START_TEST (test_child_is_given_two_sockets_and_an_empty_environment)
{
  struct buf told = BUF_INIT (10000), peer = BUF_INIT (100);
  int not_for_it = open ("/dev/null", O_RDONLY | O_CLOEXEC), ends[2];
  struct supervisor_child *c = spawn ("report", ends);

  ck_assert_int_eq (io_read_fd (ends[0], &told), 0);
  ck_assert_int_eq (io_read_fd (ends[1], &peer), 0);
#ifdef USHER_SANITIZERS
  ck_assert_str_eq (told.data, "env ASAN_OPTIONS=detect_leaks=0\nfd 0\nfd 1\nfd 2\nfd 3\nfd 4\n");
#else
  ck_assert_str_eq (told.data, "fd 0\nfd 1\nfd 2\nfd 3\nfd 4\n");
#endif
  ck_assert_str_eq (peer.data, "peer\n");
  buf_done (&told);
  buf_done (&peer);
  supervisor_child_free (c);
  close_ends (ends);
  close (not_for_it);
}
END_TEST

START_TEST (test_low_descriptors_do_not_cross)
{
  /* The pairs take 3 to 6 or close to it; the child must still have them the right way. */
  int fd, ends[2];
  struct supervisor_child *c;
  char text[8] = "";

  for (fd = 3; fd < 5; fd++)
    if (fcntl (fd, F_GETFD) >= 0)
      ck_assert_int_ge (fcntl (fd, F_DUPFD_CLOEXEC, 50), 50);
  c = spawn ("report", ends);
  ck_assert_int_eq (io_read_all (ends[1], text, 5), 0);
  ck_assert_str_eq (text, "peer\n");
  supervisor_child_free (c);
  close_ends (ends);
}
END_TEST

START_TEST (test_exit_and_signal_are_told_apart)
{
  struct supervisor_exit how;
  struct supervisor_child *c;
  int ends[2];

  c = spawn ("exit-3", ends);
  ck_assert (supervisor_child_ended (c, 10000, &how));
  ck_assert_int_eq (how.status, 3);
  ck_assert_int_eq (how.signal, 0);
  ck_assert (how.cpu_seconds >= 0 && how.cpu_seconds < 10);
  supervisor_child_free (c);
  close_ends (ends);

  c = spawn ("segv", ends);
  ck_assert (supervisor_child_ended (c, 10000, &how));
#ifndef USHER_SANITIZERS
  ck_assert_int_eq (how.signal, SIGSEGV);
#endif
  supervisor_child_free (c);
  close_ends (ends);
}
END_TEST

START_TEST (test_end_of_file_ends_a_child)
{
  struct supervisor_exit how;
  int ends[2];
  struct supervisor_child *c = spawn ("eof", ends);

  ck_assert (!supervisor_child_ended (c, 50, NULL));
  close_ends (ends);
  ck_assert (supervisor_child_ended (c, 10000, &how));
  ck_assert_int_eq (how.status, 0);
  supervisor_child_free (c);
}
END_TEST

START_TEST (test_hanging_child_is_killed)
{
  struct supervisor_exit how;
  int ends[2];
  struct supervisor_child *c = spawn ("hang", ends);

  ck_assert (!supervisor_child_ended (c, 50, NULL));
  ck_assert (supervisor_child_cpu (c) >= 0);
  supervisor_child_kill (c);
  ck_assert (supervisor_child_ended (c, 10000, &how));
  ck_assert_int_eq (how.signal, SIGKILL);
  supervisor_child_kill (c);
  supervisor_child_free (c);
  close_ends (ends);
}
END_TEST

START_TEST (test_worker_is_told_its_library_folders)
{
  struct buf told = BUF_INIT (10000);
  int ends[2];
  struct supervisor_child *c = spawn (SUPERVISOR_WORKER, ends);

  ck_assert_int_eq (io_read_fd (ends[0], &told), 0);
  ck_assert_ptr_nonnull (strstr (told.data, "arg --library-dir\narg /lib/a\narg --library-dir\narg /lib/b\nfd"));
  buf_done (&told);
  supervisor_child_free (c);
  close_ends (ends);
}
END_TEST

START_TEST (test_missing_program_is_said)
{
  struct supervisor_child *c = NULL;

  ck_assert_int_eq (supervisor_spawn (supervisor, "usher-nothing", 0, 0, &c), -ENOENT);
  ck_assert_ptr_null (c);
}
END_TEST

START_TEST (test_stop_kills_what_is_left)
{
  int ends[2];

  /* Given up while it runs; teardown finds nobody. */
  supervisor_child_free (spawn ("hang", ends));
  close_ends (ends);
}
END_TEST

START_TEST (test_a_thousand_children_leave_no_descriptor)
{
  int before = fake_count_fds (), i, ends[2];
  struct supervisor_exit how;

  for (i = 0; i < 1000; i++)
    {
      struct supervisor_child *c = spawn ("exit-3", ends);

      ck_assert (supervisor_child_ended (c, 10000, &how));
      ck_assert_int_eq (how.status, 3);
      supervisor_child_free (c);
      close_ends (ends);
    }
  ck_assert_int_eq (fake_count_fds (), before);
}
END_TEST

static void *
spawn_some (void *arg _unused_)
{
  int i, ends[2];

  for (i = 0; i < 40; i++)
    {
      struct supervisor_child *c = spawn (i % 2 ? "eof" : "hang", ends);

      if (i % 3)
        supervisor_child_kill (c);
      if (i % 3 == 1)
        ck_assert (supervisor_child_ended (c, 10000, NULL));
      supervisor_child_free (c);
      close_ends (ends);
    }
  return NULL;
}

START_TEST (test_threads_spawn_at_once)
{
  pthread_t threads[4];
  int i;

  for (i = 0; i < 4; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, spawn_some, NULL), 0);
  for (i = 0; i < 4; i++)
    pthread_join (threads[i], NULL);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_child_is_given_two_sockets_and_an_empty_environment);
  tcase_add_test (t, test_low_descriptors_do_not_cross);
  tcase_add_test (t, test_exit_and_signal_are_told_apart);
  tcase_add_test (t, test_end_of_file_ends_a_child);
  tcase_add_test (t, test_hanging_child_is_killed);
  tcase_add_test (t, test_worker_is_told_its_library_folders);
  tcase_add_test (t, test_missing_program_is_said);
  tcase_add_test (t, test_stop_kills_what_is_left);
  tcase_add_test (t, test_a_thousand_children_leave_no_descriptor);
  tcase_add_test (t, test_threads_spawn_at_once);
}

UNIT_MAIN ("supervisor", fill)
