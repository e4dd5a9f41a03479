/* Finds the children that usherd's side of a session has started, to kill them. */
#ifndef USHER_TESTS_CHILD_H
#define USHER_TESTS_CHILD_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>

#include "host/common/base.h"

/* A child of this process, of any of its threads, whose program is NAME; 0 = there is none. */
static inline pid_t
find_child (const char *wanted)
{
  const struct dirent *e;
  DIR *proc = opendir ("/proc");
  pid_t found = 0;

  ck_assert_ptr_nonnull (proc);
  while (!found && (e = readdir (proc)))
    {
      char path[300], name[16] = "";
      int pid, parent = 0;
      FILE *f;

      (void) snprintf (path, sizeof path, "/proc/%s/stat", e->d_name);
      f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen (path, "re") : NULL;
      if (!f)
        continue;
      if (fscanf (f, "%d (%15[^)]) %*c %d", &pid, name, &parent) == 3 && parent == getpid ()
          && streq (name, wanted))
        found = pid;
      (void) fclose (f);
    }
  (void) closedir (proc);
  return found;
}

#endif
