/* Owns the process's descriptors, resource limits and attributes, and the order of the
   steps.  What each limit is for stands beside it. */
#include <config.h>

#include "host/worker/confine.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "host/common/failpoint.h"
#include "host/common/wire.h"

#define DATA_MAX (256u * 1024 * 1024)
#define STACK_MAX (8u * 1024 * 1024)
/* With libraries.  What is mapped and not counted as data costs page tables. */
#define ADDRESSES_MAX (1024u * 1024 * 1024)
#define FILES_MAX 16u
/* Seconds of processor time in a session; a listing of ten million rows needs about 20. */
#define CPU_MAX_S 600u
/* Between the signal that says so and the one that cannot be caught. */
#define CPU_GRACE_S 5u

#ifdef USHER_SANITIZERS
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#ifdef USHER_TEST_HOOKS
#define HOOKED 1
#else
#define HOOKED 0
#endif

static int
limit (int what, rlim_t soft, rlim_t hard)
{
  const struct rlimit value = { soft, hard };

  /* Glibc's type of the first argument is an enum in C++ and in C with _GNU_SOURCE. */
  return setrlimit ((__rlimit_resource_t) what, &value) < 0 ? -errno : 0;
}

/* A test of an endless loop cannot wait ten minutes. */
static rlim_t
cpu_max (void)
{
#ifdef USHER_TEST_HOOKS
  if (getenv ("USHER_TEST_CPU_S"))
    return strtoul (getenv ("USHER_TEST_CPU_S"), NULL, 10);
#endif
  return CPU_MAX_S;
}

static int
limit_resources (enum confine_mode mode)
{
  const rlim_t cpu = cpu_max ();
  const struct
  {
    int what;
    rlim_t soft, hard;
    bool wanted;
  } limits[] = {
    { RLIMIT_CORE, 0, 0, true },
    { RLIMIT_CPU, cpu, cpu + CPU_GRACE_S, true },
    { RLIMIT_NOFILE, FILES_MAX, FILES_MAX, true },
    { RLIMIT_NPROC, 0, 0, true },
    { RLIMIT_MEMLOCK, 0, 0, true },
    { RLIMIT_MSGQUEUE, 0, 0, true },
    { RLIMIT_STACK, STACK_MAX, STACK_MAX, true },
    /* The shadow memory of AddressSanitizer is counted as data. */
    { RLIMIT_DATA, DATA_MAX, DATA_MAX, !SANITIZED },
    { RLIMIT_AS, ADDRESSES_MAX, ADDRESSES_MAX, !SANITIZED },
    /* The words of inspect, or of a sanitizer, may go to a file. */
    { RLIMIT_FSIZE, 0, 0, mode == CONFINE_SESSION && !SANITIZED && !HOOKED },
  };
  size_t i;
  int r;

  for (i = 0; i < ARRAY_SIZE (limits); i++)
    if (limits[i].wanted)
      {
        r = limit (limits[i].what, limits[i].soft, limits[i].hard);
        if (r < 0)
          return r;
      }
  return 0;
}

static int
move (int from, int to)
{
  return dup2 (from, to) < 0 ? -errno : 0;
}

/* A connector that prints must disturb nobody.  Descriptor 2 stays where a sanitizer or
   a test wants to see how the process ended. */
static int
close_descriptors (enum confine_mode mode)
{
  _cleanup_ (closep) int null = -1;
  int r = 0;

  if (mode == CONFINE_INSPECT)
    {
      r = move (STDOUT_FILENO, WIRE_FD_HOST);
      if (r == 0)
        r = move (STDERR_FILENO, WIRE_FD_PEER);
      if (r < 0)
        return r;
    }
  null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0)
    return -errno;
  if (null <= WIRE_FD_PEER)
    return -EBADF;
  r = move (null, STDIN_FILENO);
  if (r == 0)
    r = move (null, STDOUT_FILENO);
  if (r == 0 && !SANITIZED && !HOOKED)
    r = move (null, STDERR_FILENO);
  if (r < 0)
    return r;
  null = -1;
  return close_range (WIRE_FD_PEER + 1, ~0u, 0) < 0 ? -errno : 0;
}

int
confine_process (enum confine_mode mode)
{
  int r;

  r = close_descriptors (mode);
  if (r < 0)
    return r;
  r = limit_resources (mode);
  if (r < 0)
    return r;
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return -errno;
  return 0;
}

int
confine_code (const char *connector, const struct load_dirs *dirs, const char **ret_unprotected)
{
  int r;

  r = fail_point ("worker.landlock") < 0 ? -ENOSYS : landlock_confine (connector, dirs);
  if (r < 0 && r != -ENOSYS)
    return r;
  *ret_unprotected = r == 0 ? NULL
                            : "the kernel has no Landlock: a connector can read what the user "
                              "that runs Usher can read";
  r = fail_point ("worker.seccomp");
  return r < 0 ? r : seccomp_confine ();
}
