/* Connectors that crash, flood, lie or try to get out.  Each ends as an outcome that the
   host can name, and this process, in usherd's place, goes on. */
#include <config.h>

#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "host/common/io.h"
#include "worker-rig.h"

#define BAD BAD_FOLDER "/bad.so"

/* Runs one listing of the connector that does WHAT; the wait status of the worker. */
static int
run_to_death (struct rig *g, const char *what, const char *env)
{
  rig_start (g, BAD, what, env);
  rig_call (g, WIRE_OP_LIST);
  ck_assert_int_eq (rig_result (g, NULL, 0), INT32_MIN);
  return rig_wait (g);
}

/* ---- Ends of the process. */

static const struct
{
  const char *what;
  int signal;   /* 0 = it exits */
} deaths[] = {
  { "crash-in-open", SIGSEGV },
  { "crash", SIGSEGV },
  { "recurse", SIGSEGV },
  { "abort", SIGABRT },
  { "exit", 0 },
  /* Refused by seccomp. */
  { "fork", SIGSYS },
  { "thread", SIGSYS },
  { "exec", SIGSYS },
  { "socket", SIGSYS },
  { "ptrace", SIGSYS },
  { "kill", SIGSYS },
  { "bind", SIGSYS },
};

START_TEST (test_a_death_is_an_outcome)
{
  struct rig g;
  int status = run_to_death (&g, deaths[_i].what, NULL);

  if (deaths[_i].signal)
    {
      ck_assert_msg (WIFSIGNALED (status), "%s", deaths[_i].what);
      ck_assert_int_eq (WTERMSIG (status), deaths[_i].signal);
    }
  else
    ck_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  rig_done (&g);
}
END_TEST

#ifdef USHER_TEST_HOOKS
START_TEST (test_an_endless_loop_ends_at_its_limit)
{
  struct rig g;
  int status = run_to_death (&g, "loop", "USHER_TEST_CPU_S=1");

  ck_assert (WIFSIGNALED (status));
  ck_assert_int_eq (WTERMSIG (status), SIGXCPU);
  rig_done (&g);
}
END_TEST
#endif

START_TEST (test_forged_frames_are_seen_as_such)
{
  struct wire_frame f;
  struct rig g;

  rig_start (&g, BAD, "forge", NULL);
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_int_eq (wire_wait (&g.host, &f), -EBADMSG);
  rig_done (&g);
}
END_TEST

/* ---- What is refused with an error, which the connector tells as a fact. */

static const struct
{
  const char *what, *key;
  long long least, most;
} refusals[] = {
  { "shadow", "warn.errno", EACCES, EACCES },
  { "environ", "warn.errno", EACCES, EACCES },
  { "parent-memory", "warn.errno", EACCES, EACCES },
  { "write", "warn.errno", EACCES, EACCES },
  { "code", "warn.errno", EACCES, EACCES },
  { "make-code", "warn.errno", EACCES, EACCES },
  { "signal", "warn.errno", EACCES, EACCES },
  { "owner", "warn.errno", EACCES, EACCES },
  /* 256 MiB of data, a little of which is the worker's own; nothing that is not data. */
  { "memory", "warn.mib", 200, 256 },
  { "shared-memory", "warn.mib", 0, 0 },
  { "addresses", "warn.gib", 0, 0 },
  /* 16 descriptors, five of which are taken. */
  { "files", "warn.files", 1, 11 },
};

START_TEST (test_a_way_out_is_closed)
{
  struct rig g;
  long long n;

  rig_start (&g, BAD, refusals[_i].what, NULL);
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_uint_eq (rig_next (&g), WIRE_FACT);
  ck_assert_str_eq (g.m.fact.key, refusals[_i].key);
  n = strtoll (g.m.fact.value, NULL, 10);
  ck_assert_msg (n >= refusals[_i].least && n <= refusals[_i].most, "%s: %lld",
                 refusals[_i].what, n);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_REFUSED);
  rig_end (&g);
}
END_TEST

START_TEST (test_limits_cannot_be_raised)
{
  struct rig g;

  rig_start (&g, BAD, "limits", NULL);
  rig_call (&g, WIRE_OP_LIST);
  rig_expect_fact (&g, "warn.limit", "268435456");
  rig_expect_fact (&g, "warn.errno", "13");
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_REFUSED);
  rig_end (&g);
}
END_TEST

START_TEST (test_what_a_connector_prints_goes_nowhere)
{
  struct rig g;

  char fault[1024];

  rig_start (&g, BAD, "print", NULL);
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_int_eq (rig_result (&g, fault, sizeof fault), USHER_E_REFUSED);
  ck_assert_str_eq (fault, "printed two lines");
  rig_end (&g);
}
END_TEST

/* ---- Breaches of the contract: a status, a sentence, and the worker lives on. */

static const struct
{
  const char *what;
  uint32_t op;
  int32_t status;
  const char *sentence;
} breaches[] = {
  { "huge-row", WIRE_OP_LIST, USHER_E_LIMIT, "a member is over its limit" },
  { "not-utf8", WIRE_OP_LIST, USHER_E_MISUSE, "not UTF-8" },
  { "no-section", WIRE_OP_LIST, USHER_E_MISUSE, "a member outside a section" },
  { "no-id", WIRE_OP_LIST, USHER_E_MISUSE, "without an id" },
  { "wrong-section", WIRE_OP_LIST, USHER_E_MISUSE, "a member in a section of kind 300" },
  { "nested-sections", WIRE_OP_LIST, USHER_E_MISUSE, "a section inside a section" },
  { "left-open", WIRE_OP_LIST, USHER_E_MISUSE, "left a section open" },
  { "big-checkpoint", WIRE_OP_LIST, USHER_E_MISUSE, "a checkpoint of 16385 bytes" },
  { "secret-checkpoint", WIRE_OP_LIST, USHER_E_MISUSE, "a secret in a checkpoint" },
  { "many-requests", WIRE_OP_LIST, USHER_E_MISUSE, "more than 8 requests" },
  { "split-header", WIRE_OP_LIST, USHER_E_MISUSE, "a header that is not one line" },
  { "bad-method", WIRE_OP_LIST, USHER_E_MISUSE, "no method" },
  { "bad-scheme", WIRE_OP_LIST, USHER_E_MISUSE, "no http or https address" },
  { "odd-answer", WIRE_OP_LIST, USHER_E_MISUSE, "answered 42" },
  { "null", WIRE_OP_LIST, USHER_E_MISUSE, "emitted NULL" },
  { "deny-everything", WIRE_OP_LIST, USHER_E_MISUSE, "outside a section" },
  { "request-in-open", WIRE_OP_CHECK, USHER_E_MISUSE, "outside an operation" },
  { "checkpoint-in-check", WIRE_OP_CHECK, USHER_E_MISUSE, "outside list and the writes" },
  { "", WIRE_OP_READ, USHER_E_MISUSE, "emitted none" },
  { "absent-and-present", WIRE_OP_READ, USHER_E_MISUSE, "said that it is absent" },
};

START_TEST (test_a_breach_is_told_in_a_sentence)
{
  char fault[1024];
  struct rig g;
  int i;

  rig_start (&g, BAD, breaches[_i].what, NULL);
  for (i = 0; i < 2; i++)
    {
      rig_call (&g, breaches[_i].op);
      ck_assert_int_eq (rig_result (&g, fault, sizeof fault), breaches[_i].status);
      ck_assert_msg (strstr (fault, breaches[_i].sentence) != NULL, "%s: %s", breaches[_i].what,
                     fault);
    }
  rig_end (&g);
}
END_TEST

START_TEST (test_endless_rows_come_in_bounded_frames_until_cancelled)
{
  struct rig g;
  size_t bytes = 0;

  rig_start (&g, BAD, "endless-rows", NULL);
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_uint_eq (rig_next (&g), WIRE_SECTION);
  while (bytes < 20u << 20)
    {
      ck_assert_uint_eq (rig_next (&g), WIRE_ROWS);
      ck_assert_uint_le (g.len, WIRE_PAYLOAD_MAX);
      ck_assert_uint_gt (g.len, WIRE_PAYLOAD_MAX - ROW_MAX);
      bytes += g.len;
    }
  rig_send (&g, WIRE_CANCEL, 0, NULL);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_CANCELLED);
  rig_end (&g);
}
END_TEST

/* ---- Files that cannot be loaded. */

static const struct
{
  const char *file, *sentence;
} broken[] = {
  { BAD_FOLDER "/broken-symbol.so", "does not export usher_connector_v1" },
  { BAD_FOLDER "/broken-null.so", "answered NULL" },
  { BAD_FOLDER "/broken-magic.so", "magic number 12345678" },
  { BAD_FOLDER "/broken-major.so", "built for version 2" },
  { BAD_FOLDER "/broken-minor.so", "needs version 1.7 of the connector ABI, this host has 1.0" },
  { BAD_FOLDER "/broken-size.so", "40 bytes" },
  { BAD_FOLDER "/broken-operation.so", "lacks the operation list" },
  { BAD_FOLDER "/broken-name.so", "has no name" },
  { BAD_FOLDER "/broken-library.so", "no_library_has_this" },
  { BAD_FOLDER "/no-such-file.so", "cannot be opened" },
  { "/dev/null", "is not a shared object" },
  { "relative.so", "not an absolute path" },
};

START_TEST (test_a_broken_file_is_told_in_a_sentence)
{
  char fault[1024];
  struct rig g;
  int i;

  /* Every call is answered, so that the host needs no rule of its own for them. */
  rig_start (&g, broken[_i].file, "", NULL);
  for (i = 0; i < 2 && broken[_i].file[0] == '/'; i++)
    {
      rig_call (&g, WIRE_OP_CHECK);
      ck_assert_int_eq (rig_result (&g, fault, sizeof fault), USHER_E_MISUSE);
      ck_assert_msg (strstr (fault, broken[_i].sentence) != NULL, "%s", fault);
    }
  rig_end (&g);
}
END_TEST

START_TEST (test_inspect_says_what_is_broken)
{
  const char *const argv[] = { WORKER, "--inspect", broken[_i].file, NULL };
  char out[4096], err[4096];
  int status = rig_run (argv, out, err, sizeof out);

  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), 1);
  ck_assert_str_eq (out, "");
  ck_assert_msg (strstr (err, broken[_i].sentence) || broken[_i].file[0] != '/', "%s", err);
}
END_TEST

START_TEST (test_a_crash_in_a_constructor_is_an_outcome)
{
  const char *const argv[] = { WORKER, "--inspect", BAD_FOLDER "/broken-constructor.so", NULL };
  char out[4096], err[4096];
  struct rig g;
  int status;

  rig_start (&g, BAD_FOLDER "/broken-constructor.so", "", NULL);
  ck_assert_uint_eq (rig_next (&g), 0);
  status = rig_wait (&g);
  ck_assert (WIFSIGNALED (status));
  ck_assert_int_eq (WTERMSIG (status), SIGSEGV);
  rig_done (&g);
  status = rig_run (argv, out, err, sizeof out);
  ck_assert (WIFSIGNALED (status));
  ck_assert_str_eq (out, "");
}
END_TEST

START_TEST (test_a_file_cut_short_is_damaged)
{
  static const char path[] = "usher-cut.so";
  const char *const argv[] = { WORKER, "--inspect", path, NULL };
  _cleanup_ (buf_done) struct buf file = BUF_INIT (16u << 20);
  char out[4096], err[4096];

  ck_assert_int_eq (io_read_file (GOOD, &file), 0);
  ck_assert_int_eq (io_replace_file (path, file.data, file.len / 2, 0600), 0);
  ck_assert_int_eq (WEXITSTATUS (rig_run (argv, out, err, sizeof out)), 1);
  ck_assert_ptr_nonnull (strstr (err, "is damaged"));
  ck_assert_int_eq (unlink (path), 0);
}
END_TEST

START_TEST (test_an_older_and_shorter_table_still_runs)
{
  const char *const argv[] = { WORKER, "--inspect", BAD_FOLDER "/broken-short.so", NULL };
  char out[4096], err[4096];
  struct rig g;

  ck_assert_int_eq (rig_run (argv, out, err, sizeof out), 0);
  ck_assert_ptr_nonnull (strstr (out, "[\"open\",\"close\",\"check\",\"list\"]"));
  rig_start (&g, BAD_FOLDER "/broken-short.so", "", NULL);
  rig_call (&g, WIRE_OP_RESEND);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_UNSUPPORTED);
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_loop_test (t, test_a_death_is_an_outcome, 0, ARRAY_SIZE (deaths));
#ifdef USHER_TEST_HOOKS
  tcase_add_test (t, test_an_endless_loop_ends_at_its_limit);
#endif
  tcase_add_test (t, test_forged_frames_are_seen_as_such);
  tcase_add_loop_test (t, test_a_way_out_is_closed, 0, ARRAY_SIZE (refusals));
  tcase_add_test (t, test_limits_cannot_be_raised);
  tcase_add_test (t, test_what_a_connector_prints_goes_nowhere);
  tcase_add_loop_test (t, test_a_breach_is_told_in_a_sentence, 0, ARRAY_SIZE (breaches));
  tcase_add_test (t, test_endless_rows_come_in_bounded_frames_until_cancelled);
  tcase_add_loop_test (t, test_a_broken_file_is_told_in_a_sentence, 0, ARRAY_SIZE (broken));
  tcase_add_loop_test (t, test_inspect_says_what_is_broken, 0, ARRAY_SIZE (broken));
  tcase_add_test (t, test_a_crash_in_a_constructor_is_an_outcome);
  tcase_add_test (t, test_a_file_cut_short_is_damaged);
  tcase_add_test (t, test_an_older_and_shorter_table_still_runs);
}

UNIT_MAIN ("worker-bad", fill)
