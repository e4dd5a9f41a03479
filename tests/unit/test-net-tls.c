/* usher-net and certificates: always verified, an authority of one's own works.  The app
   is openssl's s_server with a certificate made here. */
#include <config.h>

#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "net-play.h"

extern char **environ;

static char folder[] = "/tmp/usher-net-XXXXXX", cert[64], key[64];
static struct play play;

/* Runs openssl with ARGV; its standard output and error go to OUT. */
static pid_t
openssl (const char *const argv[], int out)
{
  posix_spawn_file_actions_t actions;
  pid_t pid = 0;
  int r;

  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2 (&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, out, STDERR_FILENO);
  r = posix_spawnp (&pid, "openssl", &actions, NULL, (char *const *) (uintptr_t) argv, environ);
  posix_spawn_file_actions_destroy (&actions);
  return r == 0 ? pid : -1;
}

/* A certificate of localhost that nobody but itself vouches for. */
static bool
make_certificate (void)
{
  const char *const argv[] = {
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
    "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
    "subjectAltName=DNS:localhost", NULL
  };
  int null = open ("/dev/null", O_WRONLY | O_CLOEXEC), status = -1;
  pid_t pid = openssl (argv, null);

  close (null);
  return pid > 0 && waitpid (pid, &status, 0) == pid && status == 0;
}

/* Starts the app; its port, 0 when it did not come up. */
static int
serve (pid_t *ret_pid)
{
  const char *const argv[] = { "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert,
                               "-key", key, "-www", NULL };
  char text[4096] = "";
  size_t len = 0;
  int fds[2], port = 0;
  ssize_t n;

  ck_assert_int_eq (pipe2 (fds, O_CLOEXEC), 0);
  *ret_pid = openssl (argv, fds[1]);
  close (fds[1]);
  ck_assert_int_gt (*ret_pid, 0);
  while (!port && (n = read (fds[0], text + len, sizeof text - 1 - len)) > 0)
    {
      const char *at;

      len += (size_t) n;
      text[len] = '\0';
      at = strstr (text, "ACCEPT 127.0.0.1:");
      if (at && strchr (at, '\n'))
        port = (int) strtoul (at + 17, NULL, 10);
    }
  close (fds[0]);
  return port;
}

static struct play_answer *
fetch (const char *ca_file, const char *host, int port)
{
  char origin[64], url[80];
  const char *origins[] = { origin };
  struct wire_net_start m = { .origins = { origins, 1 }, .ca_file = ca_file };

  (void) snprintf (origin, sizeof origin, "https://%s:%d", host, port);
  (void) snprintf (url, sizeof url, "%s/", origin);
  play_start (&play, &m, NULL);
  return play_fetch (&play, 1, url);
}

START_TEST (test_certificates_are_verified_and_an_authority_can_be_named)
{
  struct play_answer *a;
  pid_t app;
  int port = serve (&app);

  ck_assert_int_gt (port, 0);
  a = fetch (NULL, "localhost", port);
  ck_assert_int_eq (a->result, USHER_E_CONFIG);
  ck_assert_ptr_nonnull (strstr (a->text, "ca-file"));
  ck_assert_int_eq (play_end (&play), 0);
  a = fetch (cert, "localhost", port);
  ck_assert_msg (a->result == 0, "%s", a->text);
  ck_assert_int_eq (a->status, 200);
  ck_assert_int_eq (play_end (&play), 0);
  /* The same authority, another name. */
  a = fetch (cert, "127.0.0.1", port);
  ck_assert_int_eq (a->result, USHER_E_CONFIG);
  ck_assert_int_eq (play_end (&play), 0);
  a = fetch ("/nonexistent.pem", "localhost", port);
  ck_assert_int_eq (a->result, USHER_E_CONFIG);
  ck_assert_int_eq (play_end (&play), 0);
  ck_assert_int_eq (kill (app, SIGTERM), 0);
  (void) waitpid (app, NULL, 0);
}
END_TEST

static int
run (void)
{
  Suite *suite = suite_create ("net-tls");
  TCase *tcase = tcase_create ("net-tls");
  SRunner *runner;
  int failed;

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, test_certificates_are_verified_and_an_authority_can_be_named);
  suite_add_tcase (suite, tcase);
  runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
main (void)
{
  int r = 77;

  if (!mkdtemp (folder))
    return EXIT_FAILURE;
  (void) snprintf (cert, sizeof cert, "%s/cert.pem", folder);
  (void) snprintf (key, sizeof key, "%s/key.pem", folder);
  if (make_certificate ())
    r = run ();
  (void) unlink (cert);
  (void) unlink (key);
  (void) rmdir (folder);
  return r;
}
