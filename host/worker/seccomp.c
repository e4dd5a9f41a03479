/* Owns the list of system calls that a connector can make.  What is not on it ends the
   process: sockets, processes and threads, exec, ptrace, mounts, bpf, keys, perf,
   userfaultfd, io_uring and whatever a later kernel brings.  What libraries are known to
   try and do without is refused with an error instead. */
#include <config.h>

#include "host/worker/confine.h"

#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>

static const int allowed[] = {
  /* frames, and files that Landlock lets be opened */
  SCMP_SYS (read), SCMP_SYS (readv), SCMP_SYS (pread64), SCMP_SYS (write), SCMP_SYS (writev),
  SCMP_SYS (sendto), SCMP_SYS (poll), SCMP_SYS (ppoll), SCMP_SYS (close), SCMP_SYS (lseek),
  SCMP_SYS (fstat), SCMP_SYS (stat), SCMP_SYS (lstat), SCMP_SYS (newfstatat), SCMP_SYS (statx),
  SCMP_SYS (access), SCMP_SYS (faccessat), SCMP_SYS (faccessat2), SCMP_SYS (readlink),
  SCMP_SYS (readlinkat), SCMP_SYS (getdents64), SCMP_SYS (getcwd),
  /* memory */
  SCMP_SYS (brk), SCMP_SYS (munmap), SCMP_SYS (mremap), SCMP_SYS (madvise), SCMP_SYS (futex),
  /* time, chance, who am I */
  SCMP_SYS (clock_gettime), SCMP_SYS (clock_getres), SCMP_SYS (gettimeofday), SCMP_SYS (time),
  SCMP_SYS (times), SCMP_SYS (getrandom), SCMP_SYS (getpid), SCMP_SYS (gettid),
  SCMP_SYS (getppid), SCMP_SYS (getuid), SCMP_SYS (geteuid), SCMP_SYS (getgid),
  SCMP_SYS (getegid), SCMP_SYS (uname), SCMP_SYS (sysinfo), SCMP_SYS (getrlimit),
  SCMP_SYS (getrusage), SCMP_SYS (sched_yield),
  /* signals to itself, and the end */
  SCMP_SYS (rt_sigaction), SCMP_SYS (rt_sigprocmask), SCMP_SYS (rt_sigreturn),
  SCMP_SYS (sigaltstack), SCMP_SYS (restart_syscall), SCMP_SYS (exit), SCMP_SYS (exit_group),
};

static const int refused[] = {
  SCMP_SYS (ioctl), SCMP_SYS (prctl), SCMP_SYS (setrlimit), SCMP_SYS (nanosleep),
  SCMP_SYS (clock_nanosleep), SCMP_SYS (sched_getaffinity), SCMP_SYS (statfs),
  SCMP_SYS (fstatfs), SCMP_SYS (umask), SCMP_SYS (mkdir), SCMP_SYS (unlink), SCMP_SYS (dup),
  SCMP_SYS (dup2), SCMP_SYS (dup3), SCMP_SYS (rseq), SCMP_SYS (set_robust_list),
  SCMP_SYS (membarrier),
};

/* A call of which only some arguments are allowed; others are EACCES. */
struct rule
{
  int call;
  unsigned int n;
  struct scmp_arg_cmp args[2];
};

static bool
known (int call)
{
  /* libseccomp numbers calls that this architecture lacks below zero. */
  return call >= 0;
}

static int
add_rules (scmp_filter_ctx filter, uint32_t action, const struct rule *rules, size_t n)
{
  size_t i;
  int r = 0;

  for (i = 0; r == 0 && i < n; i++)
    if (known (rules[i].call))
      r = seccomp_rule_add_array (filter, action, rules[i].call, rules[i].n, rules[i].args);
  return r;
}

/* Adds the calls that depend on their arguments. */
static int
allow_some (scmp_filter_ctx filter)
{
  const scmp_datum_t opening = O_ACCMODE | O_CREAT | O_TRUNC, rwx = PROT_WRITE | PROT_EXEC;
  const struct rule rules[] = {
    { SCMP_SYS (open), 1, { SCMP_A1 (SCMP_CMP_MASKED_EQ, opening, O_RDONLY) } },
    { SCMP_SYS (openat), 1, { SCMP_A2 (SCMP_CMP_MASKED_EQ, opening, O_RDONLY) } },
    /* Memory is this process's own, because what is shared is not counted as data; and code
       comes from files, whatever was written to before. */
    { SCMP_SYS (mmap), 2, { SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_A3 (SCMP_CMP_MASKED_EQ, MAP_SHARED, 0) } },
    { SCMP_SYS (mmap), 2, { SCMP_A2 (SCMP_CMP_MASKED_EQ, rwx, PROT_EXEC),
                            SCMP_A3 (SCMP_CMP_MASKED_EQ, MAP_SHARED | MAP_ANONYMOUS, 0) } },
    { SCMP_SYS (mprotect), 1, { SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) } },
    /* Not F_SETOWN: the signals that it asks the kernel for reach other processes. */
    { SCMP_SYS (fcntl), 1, { SCMP_A1 (SCMP_CMP_LE, F_SETFL, 0) } },
    /* abort () and raise () */
    { SCMP_SYS (tgkill), 1, { SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t) getpid (), 0) } },
    /* Limits can be asked, not changed. */
    { SCMP_SYS (prlimit64), 1, { SCMP_A2 (SCMP_CMP_EQ, 0, 0) } },
    /* A signal to itself for the processor time that it used: how a connector bounds what it runs. */
    { SCMP_SYS (setitimer), 1, { SCMP_A0 (SCMP_CMP_EQ, ITIMER_VIRTUAL, 0) } },
  };

  return add_rules (filter, SCMP_ACT_ALLOW, rules, ARRAY_SIZE (rules));
}

/* The same calls with the other arguments: libseccomp wants the conditions reversed. */
static int
refuse_rest (scmp_filter_ctx filter)
{
  const scmp_datum_t rwx = PROT_WRITE | PROT_EXEC;
  const struct rule rules[] = {
    { SCMP_SYS (open), 1, { SCMP_A1 (SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY) } },
    { SCMP_SYS (open), 1, { SCMP_A1 (SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR) } },
    { SCMP_SYS (openat), 1, { SCMP_A2 (SCMP_CMP_MASKED_EQ, O_ACCMODE, O_WRONLY) } },
    { SCMP_SYS (openat), 1, { SCMP_A2 (SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDWR) } },
    { SCMP_SYS (mmap), 1, { SCMP_A3 (SCMP_CMP_MASKED_EQ, MAP_SHARED, MAP_SHARED) } },
    { SCMP_SYS (mmap), 1, { SCMP_A2 (SCMP_CMP_MASKED_EQ, rwx, rwx) } },
    { SCMP_SYS (mmap), 2, { SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC),
                            SCMP_A3 (SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS) } },
    { SCMP_SYS (mprotect), 1, { SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC) } },
    { SCMP_SYS (fcntl), 1, { SCMP_A1 (SCMP_CMP_GT, F_SETFL, 0) } },
    { SCMP_SYS (tgkill), 1, { SCMP_A0 (SCMP_CMP_NE, (scmp_datum_t) getpid (), 0) } },
    { SCMP_SYS (prlimit64), 1, { SCMP_A2 (SCMP_CMP_NE, 0, 0) } },
    { SCMP_SYS (setitimer), 1, { SCMP_A0 (SCMP_CMP_NE, ITIMER_VIRTUAL, 0) } },
  };

  return add_rules (filter, SCMP_ACT_ERRNO (EACCES), rules, ARRAY_SIZE (rules));
}

static int
add_lists (scmp_filter_ctx filter)
{
  size_t i;
  int r = 0;

  for (i = 0; r == 0 && i < ARRAY_SIZE (allowed); i++)
    if (known (allowed[i]))
      r = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
  for (i = 0; r == 0 && i < ARRAY_SIZE (refused); i++)
    if (known (refused[i]))
      r = seccomp_rule_add_array (filter, SCMP_ACT_ERRNO (EPERM), refused[i], 0, NULL);
  return r;
}

#ifdef USHER_TEST_HOOKS
/* Names the call before the process ends of it: the signal comes again, by default, as
   soon as this returns. */
static void
tell (int signal, siginfo_t *info, void *context)
{
  char text[] = "usher-worker: system call .... is not allowed\n";
  unsigned int number = (unsigned int) info->si_syscall;
  struct sigaction plain = { .sa_handler = SIG_DFL };
  char *at = strstr (text, "....") + 3;
  ssize_t n _unused_;
  int i;

  (void) context;
  for (i = 0; i < 4; i++, number /= 10)
    *at-- = (char) ('0' + number % 10);
  n = write (STDERR_FILENO, text, sizeof text - 1);
  (void) sigaction (signal, &plain, NULL);
  (void) raise (signal);
}

static int
default_action (uint32_t *ret)
{
  struct sigaction action = { .sa_sigaction = tell, .sa_flags = SA_SIGINFO };

  *ret = SCMP_ACT_TRAP;
  return sigaction (SIGSYS, &action, NULL) < 0 ? -errno : 0;
}
#else
static int
default_action (uint32_t *ret)
{
  *ret = SCMP_ACT_KILL_PROCESS;
  return 0;
}
#endif

int
seccomp_confine (void)
{
  scmp_filter_ctx filter;
  uint32_t action;
  int r;

  r = default_action (&action);
  if (r < 0)
    return r;
  filter = seccomp_init (action);
  if (!filter)
    return -ENOMEM;
  r = seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (r == 0)
    r = add_lists (filter);
  if (r == 0)
    r = allow_some (filter);
  if (r == 0)
    r = refuse_rest (filter);
  if (r == 0)
    r = seccomp_load (filter);
  seccomp_release (filter);
  return r;
}
