/* Owns the probe of the kernel: seccomp filters and the version of Landlock. */
#include <config.h>

#include "host/engine/confinement.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "host/common/landlock.h"
#include "host/common/log.h"

static bool
has_seccomp (void)
{
  uint32_t action = SECCOMP_RET_KILL_PROCESS;

  return syscall (SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

json_t *
confinement_json (void)
{
  int abi = landlock_version ();

  return json_pack ("{s:b, s:i, s:s*}", "seccomp", has_seccomp (), "landlock", abi, "lacks", landlock_lacks (abi));
}

void
confinement_log (void)
{
  const char *lacks = landlock_lacks (landlock_version ());

  if (!has_seccomp ())
    log_warning ("this kernel has no seccomp filters: no session starts");
  if (lacks)
    log_warning ("the Landlock of this kernel is missing or old: %s", lacks);
}

void
confinement_check (json_t *checks, confinement_add *add)
{
  int abi = landlock_version ();
  const char *lacks = landlock_lacks (abi);
  char text[256];

  add (checks, "seccomp", has_seccomp (),
       has_seccomp () ? "available: connectors make no socket, process, thread or file"
                      : "missing: no session starts",
       "Use a kernel with seccomp filters.");
  if (!lacks)
    (void) snprintf (text, sizeof text,
                     "ABI %d: connectors read libraries only, usher-net connects to the ports of its app only", abi);
  else if (abi)
    (void) snprintf (text, sizeof text, "ABI %d: connectors read libraries only; but %s", abi, lacks);
  else
    (void) snprintf (text, sizeof text, "missing: %s", lacks);
  /* An older one is no fault to mend: the services of Debian 12 have it. */
  add (checks, "Landlock", abi > 0, text, "Use a kernel with Landlock (6.7 or later, in the lsm= list).");
}
