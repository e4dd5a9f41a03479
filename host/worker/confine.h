/* What the worker gives up before a line of a connector runs.  Two steps, because the
   folders that stay readable are known only when START has come. */
#ifndef USHER_WORKER_CONFINE_H
#define USHER_WORKER_CONFINE_H

#include "host/common/base.h"
#include "host/worker/load.h"

enum confine_mode
{
  CONFINE_SESSION,  /* serves usherd; standard descriptors lead nowhere */
  CONFINE_INSPECT,  /* prints what a connector says: descriptors 3 and 4 are the
                       former 1 and 2, for the worker's own words */
};

/* Descriptors, resource limits, no new privileges, not dumpable.  0 or a negative errno. */
int confine_process (enum confine_mode mode);

/* Landlock, then seccomp: afterwards only system libraries, the folder of CONNECTOR and
   DIRS can be read, and what is not on a small list of system calls ends the process.
   *RET_UNPROTECTED: NULL, or a sentence that says what does not hold because the kernel
   lacks Landlock.  A negative errno when seccomp is missing, or Landlock is there and does
   not take the rules: then nothing may run. */
int confine_code (const char *connector, const struct load_dirs *dirs,
                  const char **ret_unprotected);

/* One step of confine_code each. */
int landlock_confine (const char *connector, const struct load_dirs *dirs);
int seccomp_confine (void);

#endif
