/* Fail points: places where a test can stop, kill or fail the process.  They exist
   only with --enable-test-hooks; else they are nothing. */
#ifndef USHER_COMMON_FAILPOINT_H
#define USHER_COMMON_FAILPOINT_H

#include "host/common/base.h"

#ifdef USHER_TEST_HOOKS
/* The environment variable USHER_FAIL_POINTS, read at the first call, holds
   "NAME=ACTION[:N]" separated by commas.  At the N-th pass (default: the first) of
   point NAME, ACTION is done once:
     kill   SIGKILL to this process
     abort  abort ()
     stop   SIGSTOP to this process
     fail   the call answers -EIO
     full   the call answers -ENOSPC
   Every pass is counted; what fired is written to the file named by
   USHER_FAIL_LOG, so that a test can prove it.  0, -EIO or -ENOSPC. */
int fail_point (const char *name);
#else
#define fail_point(name) 0
#endif

#endif
