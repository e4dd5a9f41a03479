/* The store when its process dies at a bad moment: fail points kill a child, the test
   looks at what it left.  The parent does not open the store before, as a process
   reads its fail points once. */
#include <config.h>

#include "delta-fixture.h"
#include "store-dump.h"

#include <signal.h>
#include <sys/wait.h>

#include "host/common/io.h"

#ifdef USHER_TEST_HOOKS

static struct fixture f;

static void
setup (void)
{
  (void) snprintf (f.dir, sizeof f.dir, "/tmp/usher-store-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (f.dir));
}

static void
teardown (void)
{
  fixture_remove (&f);
}

/* Runs FN in a child whose fail points are POINTS ("" = none); how it ended. */
static int
run (const char *points, void (*fn) (void))
{
  char log[128];
  int status;
  pid_t pid = fork ();

  if (pid == 0)
    {
      (void) snprintf (log, sizeof log, "%s/fail.log", f.dir);
      (void) setenv ("USHER_FAIL_LOG", log, 1);
      (void) setenv ("USHER_FAIL_POINTS", points, 1);
      fixture_reopen (&f, FIXTURE_MAP);
      fn ();
      store_close (f.store);
      _exit (0);
    }
  ck_assert_int_eq (waitpid (pid, &status, 0), pid);
  return status;
}

/* The same, and it was POINTS that killed the child. */
static void
run_and_die (const char *points, void (*fn) (void))
{
  char log[128], line[64] = "";
  int status = run (points, fn);
  FILE *file;

  ck_assert (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
  (void) snprintf (log, sizeof log, "%s/fail.log", f.dir);
  file = fopen (log, "r");
  ck_assert_ptr_nonnull (file);
  ck_assert_ptr_nonnull (fgets (line, sizeof line, file));
  fclose (file);
  ck_assert_int_eq (strncmp (line, points, strcspn (points, "=")), 0);
}

/* ---- Commits. */

static void
put_name (void)
{
  struct txn *t = store_write (f.store);

  txn_meta_put (t, "name", "Blue", 4);
  (void) txn_commit (t);
}

static bool
has_name (void)
{
  const void *value;
  size_t len;
  struct txn *t;
  bool found;

  fixture_reopen (&f, FIXTURE_MAP);
  t = store_read (f.store);
  found = txn_meta_get (t, "name", &value, &len);
  ck_assert_int_eq (txn_commit (t), 0);
  return found;
}

/* Opening commits too, so what the test does is the second pass. */
START_TEST (test_kill_before_commit_leaves_nothing)
{
  run_and_die ("store-before-commit=kill:2", put_name);
  ck_assert (!has_name ());
}
END_TEST

START_TEST (test_kill_after_commit_leaves_everything)
{
  run_and_die ("store-after-commit=kill:2", put_name);
  ck_assert (has_name ());
}
END_TEST

/* ---- Deltas. */

#define MANY 12000u

static void
bring_to (uint32_t n, int version)
{
  struct delta *d = delta_make (f.store, n, version);

  (void) delta_apply (d, &delta_notes);
  delta_free (d);
}

static void
import_many (void)
{
  bring_to (MANY, 0);
}

static void
change_many (void)
{
  bring_to (MANY, 1);
}

static void
import_few (void)
{
  bring_to (300, 0);
}

static void
recover (void)
{
  if (delta_recover (f.store, &delta_notes, /* lost= */ NULL) < 0)
    _exit (1);
}

static void
write_dump (void)
{
  _cleanup_ (freep) char *text = dump_store (f.store);
  char path[128];

  (void) snprintf (path, sizeof path, "%s/dump", f.dir);
  if (io_replace_file (path, text, strlen (text), 0600) < 0)
    _exit (1);
}

/* What the folder's store holds; told by a child, as everything here. */
static char *
dump (void)
{
  struct buf text = BUF_INIT (1u << 30);
  char path[128];

  ck_assert_int_eq (run ("", write_dump), 0);
  (void) snprintf (path, sizeof path, "%s/dump", f.dir);
  ck_assert_int_eq (io_read_file (path, &text), 0);
  return buf_steal (&text);
}

/* What BEFORE (may be NULL) and FN leave in a folder of their own, undisturbed. */
static char *
undisturbed (void (*before) (void), void (*fn) (void))
{
  struct fixture mine = f;
  char *text;

  setup ();
  if (before)
    ck_assert_int_eq (run ("", before), 0);
  ck_assert_int_eq (run ("", fn), 0);
  text = dump ();
  fixture_remove (&f);
  f = mine;
  return text;
}

static int
leftovers (void)
{
  char path[128];

  (void) snprintf (path, sizeof path, "%s/work/delta-01020300-0000-0000-0000-000000000000", f.dir);
  return access (path, F_OK) == 0;
}

/* Pass 1 of a commit is that of opening, 2 the mark, 3 the first batch. */
static const char *const middle[] = {
  "delta-batch=kill:1", "delta-batch=kill:3", "store-after-commit=kill:3",
  "store-before-commit=kill:2", "store-after-commit=kill:2",
};

/* Whether the store went back to what it was or on to what it should be must not show. */
static void
die_and_recover (const char *points, void (*fn) (void), const char *wanted, const char *before)
{
  _cleanup_ (freep) char *got = NULL;

  run_and_die (points, fn);
  ck_assert_int_eq (run ("", recover), 0);
  ck_assert (!leftovers ());
  got = dump ();
  /* Killed before the mark: as it was, to be made again from the spool. */
  if (before && streq (got, before))
    {
      ck_assert_int_eq (strcmp (points, "store-before-commit=kill:2"), 0);
      return;
    }
  ck_assert (streq (got, wanted));
}

START_TEST (test_kill_in_an_import_is_rolled_forward)
{
  _cleanup_ (freep) char *wanted = undisturbed (NULL, import_many);
  _cleanup_ (freep) char *before = dump ();

  die_and_recover (middle[_i], import_many, wanted, before);
}
END_TEST

START_TEST (test_kill_in_a_large_change_is_rolled_forward)
{
  _cleanup_ (freep) char *wanted = undisturbed (import_many, change_many), *before = NULL;

  ck_assert_int_eq (run ("", import_many), 0);
  before = dump ();
  die_and_recover (middle[_i], change_many, wanted, before);
}
END_TEST

START_TEST (test_kill_while_recovering_is_rolled_forward_too)
{
  _cleanup_ (freep) char *wanted = undisturbed (NULL, import_many), *got = NULL;
  char log[128];

  run_and_die ("delta-batch=kill:2", import_many);
  (void) snprintf (log, sizeof log, "%s/fail.log", f.dir);
  ck_assert_int_eq (unlink (log), 0);
  run_and_die ("delta-batch=kill:2", recover);
  ck_assert_int_eq (run ("", recover), 0);
  got = dump ();
  ck_assert (streq (got, wanted));
}
END_TEST

START_TEST (test_kill_in_a_small_delta_leaves_all_or_nothing)
{
  static const char *const points[] = {
    "delta-batch=kill:1", "store-before-commit=kill:2", "store-after-commit=kill:2",
  };
  _cleanup_ (freep) char *wanted = undisturbed (NULL, import_few), *before = dump (), *got = NULL;

  run_and_die (points[_i], import_few);
  ck_assert_int_eq (run ("", recover), 0);
  ck_assert (!leftovers ());
  got = dump ();
  ck_assert (streq (got, _i == 2 ? wanted : before));
}
END_TEST

/* ---- A delta whose file is lost. */

static void
lose_file (void)
{
  char path[128];

  (void) snprintf (path, sizeof path, "%s/work/delta-01020300-0000-0000-0000-000000000000", f.dir);
  ck_assert_int_eq (unlink (path), 0);
}

static bool
copy_member (void *arg, const struct member *m)
{
  txn_member_put (arg, &delta_hub, m);
  return txn_error (arg) == 0;
}

/* Exits with 0 when the hub's members are what single puts of the same members make. */
static void
forget (void)
{
  struct fixture copy;
  struct hub_counts counts, wanted;
  struct txn *from, *to;
  struct delta *d;
  char *got, *want;

  if (delta_resume (f.store, &delta_hub, &d) != -EBADMSG)
    _exit (2);
  if (delta_forget (f.store, &delta_hub) != 1 || delta_forget (f.store, &delta_hub) != 0)
    _exit (3);
  fixture_make (&copy, FIXTURE_MAP);
  from = store_read (f.store);
  to = store_write (copy.store);
  txn_member_walk (from, &delta_hub, /* tab= */ -1, /* after= */ NULL, copy_member, to);
  txn_counts (from, &delta_hub, &counts);
  txn_counts (to, &delta_hub, &wanted);
  if (txn_commit (to) < 0 || txn_commit (from) < 0 || memcmp (&counts, &wanted, sizeof counts) != 0)
    _exit (4);
  got = dump_members (f.store);
  want = dump_members (copy.store);
  if (!streq (got, want))
    _exit (5);
  fixture_remove (&copy);
  if (delta_new (f.store, &delta_hub, &d) < 0)
    _exit (6);
  delta_free (d);
  free (got);
  free (want);
}

static const char *const lost[] = {
  "delta-batch=kill:1", "delta-batch=kill:2", "delta-batch=kill:3", "delta-batch=kill:4",
  "delta-batch=kill:5", "delta-batch=kill:6",
};

START_TEST (test_lost_delta_is_forgotten_and_leaves_a_whole_hub)
{
  ck_assert_int_eq (run ("", import_many), 0);
  run_and_die (lost[_i], change_many);
  lose_file ();
  ck_assert_int_eq (run ("", recover), W_EXITCODE (1, 0));
  ck_assert_int_eq (run ("", forget), 0);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_kill_before_commit_leaves_nothing);
  tcase_add_test (t, test_kill_after_commit_leaves_everything);
  tcase_add_loop_test (t, test_kill_in_an_import_is_rolled_forward, 0, ARRAY_SIZE (middle));
  tcase_add_loop_test (t, test_kill_in_a_large_change_is_rolled_forward, 0, 3);
  tcase_add_test (t, test_kill_while_recovering_is_rolled_forward_too);
  tcase_add_loop_test (t, test_lost_delta_is_forgotten_and_leaves_a_whole_hub, 0, ARRAY_SIZE (lost));
  tcase_add_loop_test (t, test_kill_in_a_small_delta_leaves_all_or_nothing, 0, 3);
}

UNIT_MAIN ("store-faults", fill)

#else

int
main (void)
{
  return 77; /* skipped: fail points are not compiled in */
}

#endif
