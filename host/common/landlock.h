/* Landlock by system call: which files and TCP ports a process can still reach.  Works
   with what the kernel has; a ruleset refuses all that the kernel can refuse and nobody
   allowed.  How to use it: landlock_open, landlock_allow for each path, landlock_allow_port
   for each port, landlock_restrict. */
#ifndef USHER_COMMON_LANDLOCK_H
#define USHER_COMMON_LANDLOCK_H

#include "host/common/base.h"

enum landlock_access
{
  LANDLOCK_READ,       /* files can be read */
  LANDLOCK_RUN,        /* and be run, or mapped to be run */
};

/* The version of Landlock that this kernel has; 0 = none. */
int landlock_version (void);
/* What a confined process can do under that VERSION that later ones refuse and seccomp does not:
   the end of a sentence, NULL = nothing. */
const char *landlock_lacks (int version);

/* A ruleset that allows no file and no TCP port yet: the descriptor, which the caller closes;
   -ENOSYS where the kernel has no Landlock, or another negative errno. */
int landlock_open (void);
/* Allows PATH, and when it is a folder all that is below it.  A path that does not exist or
   cannot be reached needs no rule. */
int landlock_allow (int ruleset, const char *path, enum landlock_access access);
/* Allows connections to PORT; to wait for some stays refused.  Nothing to do where the kernel
   cannot refuse ports. */
int landlock_allow_port (int ruleset, uint16_t port);
/* From now on, for this process and for ever. */
int landlock_restrict (int ruleset);

#endif
