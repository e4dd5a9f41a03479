/* The external sort: order, stability, runs on disk, the shared budget. */
#include <config.h>

#include "store-fixture.h"

#include <dirent.h>
#include <pthread.h>

#include "host/store/keys.h"
#include "host/store/sorter.h"

static char dir[64];

static void
setup (void)
{
  (void) snprintf (dir, sizeof dir, "/tmp/usher-sorter-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
}

static void
teardown (void)
{
  ck_assert_int_eq (rmdir (dir), 0); /* no file is left */
}

/* Adds N records whose keys repeat; the value is the place in the order added. */
static void
fill_sorter (struct sorter *s, uint32_t n, size_t padding)
{
  _cleanup_ (freep) char *value = calloc (1, sizeof n + padding);
  uint32_t i;
  char key[16];

  srand (5);
  for (i = 0; i < n; i++)
    {
      memcpy (value, &i, sizeof i);
      (void) snprintf (key, sizeof key, "%05d", rand () % 50000);
      ck_assert_int_eq (sorter_add (s, key, strlen (key), value, sizeof n + padding), 0);
    }
}

static void
check_order (struct sorter *s, uint32_t n)
{
  const void *key, *value;
  size_t key_len, value_len;
  uint32_t taken = 0, last = 0, number;
  char before[16] = "";

  while (sorter_next (s, &key, &key_len, &value, &value_len) == 1)
    {
      int c = key_compare (before, strlen (before), key, key_len);

      memcpy (&number, value, sizeof number);
      ck_assert_int_le (c, 0);
      if (taken && c == 0)
        ck_assert_uint_lt (last, number);
      memcpy (before, key, key_len);
      before[key_len] = '\0';
      last = number;
      taken++;
    }
  ck_assert_uint_eq (taken, n);
}

static bool
has_open_file (void)
{
  DIR *fds = opendir ("/proc/self/fd");
  struct dirent *e;
  char path[300], target[300];
  bool found = false;
  ssize_t len;

  while ((e = readdir (fds)))
    {
      (void) snprintf (path, sizeof path, "/proc/self/fd/%s", e->d_name);
      len = readlink (path, target, sizeof target - 1);
      if (len > 0)
        {
          target[len] = '\0';
          found = found || strncmp (target, dir, strlen (dir)) == 0;
        }
    }
  closedir (fds);
  return found;
}

START_TEST (test_one_run_is_sorted_without_a_file)
{
  struct sorter *s;

  ck_assert_int_eq (sorter_new (dir, &s), 0);
  fill_sorter (s, 1000, 0);
  ck_assert_int_eq (sorter_finish (s), 0);
  check_order (s, 1000);
  ck_assert (!has_open_file ());
  ck_assert_int_eq (sorter_rewind (s), 0);
  check_order (s, 1000);
  sorter_free (s);
}
END_TEST

START_TEST (test_many_runs_merge_in_order_and_stably)
{
  struct sorter *s;

  ck_assert_int_eq (sorter_new (dir, &s), 0);
  fill_sorter (s, 100000, 500);
  ck_assert_int_eq (sorter_finish (s), 0);
  ck_assert (has_open_file ());
  check_order (s, 100000);
  ck_assert_int_eq (sorter_rewind (s), 0);
  check_order (s, 100000);
  sorter_free (s);
}
END_TEST

START_TEST (test_sorters_beyond_the_budget_use_small_runs)
{
  struct sorter *s[4];
  int i;

  for (i = 0; i < 4; i++)
    {
      ck_assert_int_eq (sorter_new (dir, &s[i]), 0);
      fill_sorter (s[i], 20000, 600);
    }
  for (i = 0; i < 4; i++)
    {
      ck_assert_int_eq (sorter_finish (s[i]), 0);
      check_order (s[i], 20000);
    }
  for (i = 0; i < 4; i++)
    sorter_free (s[i]);
}
END_TEST

START_TEST (test_keys_compare_as_bytes)
{
  static const struct { const char *key; size_t len; } keys[] = {
    { "", 0 }, { "\0", 1 }, { "\0\0", 2 }, { "\0\1", 2 }, { "abcdefgh", 8 }, { "abcdefgh\0", 9 },
    { "abcdefghi", 9 }, { "abcdefgi", 8 }, { "b", 1 }, { "\xff", 1 },
  };
  const void *key, *value;
  size_t key_len, value_len, i;
  struct sorter *s;

  ck_assert_int_eq (sorter_new (dir, &s), 0);
  for (i = ARRAY_SIZE (keys); i-- > 0;)
    ck_assert_int_eq (sorter_add (s, keys[i].key, keys[i].len, NULL, 0), 0);
  ck_assert_int_eq (sorter_finish (s), 0);
  for (i = 0; i < ARRAY_SIZE (keys); i++)
    {
      ck_assert_int_eq (sorter_next (s, &key, &key_len, &value, &value_len), 1);
      ck_assert_int_eq (key_compare (key, key_len, keys[i].key, keys[i].len), 0);
      ck_assert_uint_eq (value_len, 0);
    }
  ck_assert_int_eq (sorter_next (s, &key, &key_len, &value, &value_len), 0);
  sorter_free (s);
}
END_TEST

/* Keys that are equal, and keys each of which begins with the one before. */
static void *
sort_alike (void *arg)
{
  uint32_t i, *ret_n = arg;
  const void *key, *value;
  size_t key_len, value_len, last = 0;
  struct sorter *s;
  char text[400];

  memset (text, 'a', sizeof text);
  ck_assert_int_eq (sorter_new (dir, &s), 0);
  for (i = 0; i < 4000; i++)
    ck_assert_int_eq (sorter_add (s, text, i % 2 ? sizeof text : i % sizeof text, &i, sizeof i), 0);
  ck_assert_int_eq (sorter_finish (s), 0);
  while (sorter_next (s, &key, &key_len, &value, &value_len) == 1)
    {
      ck_assert_uint_le (last, key_len);
      last = key_len;
      ++*ret_n;
    }
  sorter_free (s);
  return NULL;
}

START_TEST (test_keys_alike_need_little_stack)
{
  pthread_attr_t attr;
  pthread_t thread;
  uint32_t n = 0;

  ck_assert_int_eq (pthread_attr_init (&attr), 0);
  ck_assert_int_eq (pthread_attr_setstacksize (&attr, 256 * 1024), 0);
  ck_assert_int_eq (pthread_create (&thread, &attr, sort_alike, &n), 0);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  ck_assert_uint_eq (n, 4000);
  (void) pthread_attr_destroy (&attr);
}
END_TEST

START_TEST (test_records_over_the_limit_are_refused)
{
  char *big = calloc (1, SORTER_VALUE_MAX + 1);
  struct sorter *s;

  ck_assert_int_eq (sorter_new (dir, &s), 0);
  ck_assert_int_eq (sorter_add (s, big, SORTER_KEY_MAX, big, SORTER_VALUE_MAX), 0);
  ck_assert_int_eq (sorter_add (s, big, SORTER_KEY_MAX + 1, NULL, 0), -E2BIG);
  ck_assert_int_eq (sorter_add (s, big, 1, big, SORTER_VALUE_MAX + 1), -E2BIG);
  sorter_free (s);
  free (big);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_one_run_is_sorted_without_a_file);
  tcase_add_test (t, test_many_runs_merge_in_order_and_stably);
  tcase_add_test (t, test_sorters_beyond_the_budget_use_small_runs);
  tcase_add_test (t, test_keys_compare_as_bytes);
  tcase_add_test (t, test_keys_alike_need_little_stack);
  tcase_add_test (t, test_records_over_the_limit_are_refused);
}

UNIT_MAIN ("sorter", fill)
