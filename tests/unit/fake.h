/* A folder with fake children, for tests of the supervisor and of sessions. */
#ifndef USHER_TESTS_FAKE_H
#define USHER_TESTS_FAKE_H

#include <check.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/common/base.h"

static char fake_dir[] = "/tmp/usher-fake-XXXXXX";

/* Makes the folder and links each of NAMES (NULL-terminated) in it to the fake child. */
static inline void
fake_setup (const char *const *names)
{
  char self[PATH_MAX], target[PATH_MAX + 32], path[128];
  ssize_t n = readlink ("/proc/self/exe", self, sizeof self - 1);

  ck_assert_int_gt (n, 0);
  self[n] = '\0';
  *strrchr (self, '/') = '\0';
  snprintf (target, sizeof target, "%s/fake-child", self);
  ck_assert_ptr_nonnull (mkdtemp (fake_dir));
  for (; *names; names++)
    {
      snprintf (path, sizeof path, "%s/%s", fake_dir, *names);
      ck_assert_int_eq (symlink (target, path), 0);
    }
}

static inline void
fake_teardown (const char *const *names)
{
  char path[128];

  for (; *names; names++)
    {
      snprintf (path, sizeof path, "%s/%s", fake_dir, *names);
      (void) unlink (path);
    }
  ck_assert_int_eq (rmdir (fake_dir), 0);
}

/* Descriptors that this process has open. */
static inline int
fake_count_fds (void)
{
  DIR *d = opendir ("/proc/self/fd");
  int n = 0;

  ck_assert_ptr_nonnull (d);
  while (readdir (d))
    n++;
  closedir (d);
  return n;
}

#endif
