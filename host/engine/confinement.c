/* Owns the probe of the kernel: seccomp filters and the version of Landlock. */
#include <config.h>

#include "host/engine/confinement.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "host/common/landlock.h"

static bool
has_seccomp (void)
{
  uint32_t action = SECCOMP_RET_KILL_PROCESS;

  return syscall (SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

json_t *
confinement_json (void)
{
  return json_pack ("{s:b, s:i}", "seccomp", has_seccomp (), "landlock", landlock_version ());
}

void
confinement_check (json_t *checks, confinement_add *add)
{
  int abi = landlock_version ();
  char text[64];

  add (checks, "seccomp", has_seccomp (), has_seccomp () ? "available" : "missing: no session starts",
       "Use a kernel with seccomp filters.");
  (void) snprintf (text, sizeof text, abi ? "ABI %d" : "missing: connectors can read files of the daemon's user", abi);
  add (checks, "Landlock", abi > 0, text, "Use a kernel with Landlock (5.13 or later, in the lsm= list).");
}
