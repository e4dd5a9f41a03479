/* Owns the walls of usher-net. */
#include <config.h>

#include "host/net/confine.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/landlock.h"

/* Besides buffers, which have their own maxima, each look-up of a name has a thread with a
   stack of 8 MiB. */
#define DATA_MAX (256u * 1024 * 1024)
/* The C library reserves 64 MiB for each of these threads, and uses little of it. */
#define ADDRESSES_MAX (UINT64_C (4) * 1024 * 1024 * 1024)
#define FILES_MAX 256u
/* Seconds of processor time in a session; a listing of ten million rows needs about 20. */
#define CPU_MAX_S 600u

/* Read by glibc's resolver and by the TLS library. */
static const char *const readable[] = {
  "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
  "/etc/services", "/etc/ld.so.cache", "/etc/ssl", "/etc/pki", "/etc/crypto-policies",
  "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/lib", "/usr/lib64",
  "/lib", "/lib64", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
  "/dev/urandom", "/proc/sys/crypto",
};

#ifdef USHER_SANITIZERS
/* AddressSanitizer reserves terabytes; its leak check cannot work under seccomp. */
const char *__asan_default_options (void);
const char *
__asan_default_options (void)
{
  return "detect_leaks=0";
}

static int
limit_memory (void)
{
  return 0;
}
#else
static int
limit_memory (void)
{
  static const struct rlimit data = { DATA_MAX, DATA_MAX }, addresses = { ADDRESSES_MAX, ADDRESSES_MAX };

  return setrlimit (RLIMIT_DATA, &data) < 0 || setrlimit (RLIMIT_AS, &addresses) < 0 ? -errno : 0;
}
#endif

int
confine_early (int last)
{
  static const struct rlimit none = { 0, 0 }, files = { FILES_MAX, FILES_MAX }, cpu = { CPU_MAX_S, CPU_MAX_S };

  /* By number, because the C library of older systems has no wrapper. */
  if (syscall (SYS_close_range, (unsigned int) last + 1, ~0U, 0) < 0 && errno != ENOSYS)
    return -errno;
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
      || setrlimit (RLIMIT_CORE, &none) < 0 || setrlimit (RLIMIT_FSIZE, &none) < 0
      || setrlimit (RLIMIT_NOFILE, &files) < 0 || setrlimit (RLIMIT_CPU, &cpu) < 0)
    return -errno;
  return limit_memory ();
}

static int
wall_files (const char *ca_file, const uint16_t *ports, size_t n_ports, struct buf *lost)
{
  _cleanup_ (closep) int fd = landlock_open ();
  size_t i;
  int r = 0;

  if (fd == -ENOSYS)
    {
      buf_puts (lost, "This kernel has no Landlock: usher-net can read what its user can.");
      return 0;
    }
  if (fd < 0)
    return fd;
  for (i = 0; r == 0 && i < ARRAY_SIZE (readable); i++)
    r = landlock_allow (fd, readable[i], LANDLOCK_READ);
  if (r == 0)
    r = landlock_allow (fd, ca_file, LANDLOCK_READ);
  for (i = 0; r == 0 && i < n_ports; i++)
    r = landlock_allow_port (fd, ports[i]);
  return r < 0 ? r : landlock_restrict (fd);
}

/* What libcurl, OpenSSL, glibc's resolver and its thread call. */
static const int allowed[] = {
  SCMP_SYS (brk), SCMP_SYS (clock_gettime), SCMP_SYS (clock_nanosleep), SCMP_SYS (close),
  SCMP_SYS (connect), SCMP_SYS (epoll_create1), SCMP_SYS (epoll_ctl), SCMP_SYS (epoll_pwait),
  SCMP_SYS (epoll_wait), SCMP_SYS (eventfd2), SCMP_SYS (exit), SCMP_SYS (exit_group),
  SCMP_SYS (fstat), SCMP_SYS (futex), SCMP_SYS (getcpu), SCMP_SYS (getegid),
  SCMP_SYS (geteuid), SCMP_SYS (getgid), SCMP_SYS (getpeername), SCMP_SYS (getpid),
  SCMP_SYS (getppid), SCMP_SYS (getrandom), SCMP_SYS (getrlimit), SCMP_SYS (getsockname),
  SCMP_SYS (getsockopt), SCMP_SYS (gettid), SCMP_SYS (gettimeofday), SCMP_SYS (getuid),
  SCMP_SYS (lseek), SCMP_SYS (madvise), SCMP_SYS (membarrier),
  SCMP_SYS (mremap), SCMP_SYS (munmap), SCMP_SYS (nanosleep), SCMP_SYS (newfstatat),
  SCMP_SYS (pipe2), SCMP_SYS (poll), SCMP_SYS (ppoll),
  SCMP_SYS (pread64), SCMP_SYS (prlimit64), SCMP_SYS (read), SCMP_SYS (readv),
  SCMP_SYS (recvfrom), SCMP_SYS (recvmmsg), SCMP_SYS (recvmsg), SCMP_SYS (restart_syscall),
  SCMP_SYS (rseq), SCMP_SYS (rt_sigaction), SCMP_SYS (rt_sigprocmask), SCMP_SYS (rt_sigreturn),
  SCMP_SYS (sched_getaffinity), SCMP_SYS (sched_yield), SCMP_SYS (sendmmsg), SCMP_SYS (sendmsg),
  SCMP_SYS (sendto), SCMP_SYS (set_robust_list), SCMP_SYS (setsockopt), SCMP_SYS (shutdown),
  SCMP_SYS (sigaltstack), SCMP_SYS (stat), SCMP_SYS (statfs),
  SCMP_SYS (sysinfo), SCMP_SYS (time), SCMP_SYS (uname), SCMP_SYS (write), SCMP_SYS (writev),
};

/* What libraries try and can do without: answered by an error instead of the end. */
static const int refused[] = {
  SCMP_SYS (access), SCMP_SYS (bind), SCMP_SYS (dup), SCMP_SYS (faccessat),
  SCMP_SYS (faccessat2), SCMP_SYS (getdents64), SCMP_SYS (lstat), SCMP_SYS (prctl),
  SCMP_SYS (readlink), SCMP_SYS (readlinkat), SCMP_SYS (statx), SCMP_SYS (tgkill),
};

/* TCP and UDP, and the question which addresses this machine has.  No local sockets: behind
   them are usherd and every other service that trusts who runs here; what glibc asks over them
   (nscd, systemd-resolved) it asks name servers then.  The type's upper bits are flags. */
static int
add_sockets (scmp_filter_ctx f)
{
  const scmp_datum_t type = 0xf;
  const struct
  {
    int call;
    struct scmp_arg_cmp args[3];
    unsigned int n;
  } rules[] = {
    { SCMP_SYS (socket), { SCMP_A0 (SCMP_CMP_EQ, AF_INET, 0), SCMP_A1 (SCMP_CMP_MASKED_EQ, type, SOCK_STREAM) }, 2 },
    { SCMP_SYS (socket), { SCMP_A0 (SCMP_CMP_EQ, AF_INET, 0), SCMP_A1 (SCMP_CMP_MASKED_EQ, type, SOCK_DGRAM) }, 2 },
    { SCMP_SYS (socket), { SCMP_A0 (SCMP_CMP_EQ, AF_INET6, 0), SCMP_A1 (SCMP_CMP_MASKED_EQ, type, SOCK_STREAM) }, 2 },
    { SCMP_SYS (socket), { SCMP_A0 (SCMP_CMP_EQ, AF_INET6, 0), SCMP_A1 (SCMP_CMP_MASKED_EQ, type, SOCK_DGRAM) }, 2 },
    { SCMP_SYS (socket), { SCMP_A0 (SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A1 (SCMP_CMP_MASKED_EQ, type, SOCK_RAW),
                           SCMP_A2 (SCMP_CMP_EQ, NETLINK_ROUTE, 0) }, 3 },
    /* libcurl wakes itself with one.  A pair of datagrams could be led elsewhere. */
    { SCMP_SYS (socketpair), { SCMP_A1 (SCMP_CMP_MASKED_EQ, type, SOCK_STREAM) }, 1 },
  };
  size_t i;
  int r = seccomp_rule_add (f, SCMP_ACT_ERRNO (EAFNOSUPPORT), SCMP_SYS (socket), 1, SCMP_A0 (SCMP_CMP_EQ, AF_UNIX, 0));

  for (i = 0; r == 0 && i < ARRAY_SIZE (rules); i++)
    r = seccomp_rule_add_array (f, SCMP_ACT_ALLOW, rules[i].call, rules[i].n, rules[i].args);
  return r;
}

/* What is asked of descriptors.  Not F_SETOWN and its like: the signals that it asks the kernel
   for reach other processes. */
static int
add_descriptors (scmp_filter_ctx f)
{
  static const scmp_datum_t requests[] = { FIONBIO, FIONREAD, TCGETS };
  size_t i;
  int r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (fcntl), 1, SCMP_A1 (SCMP_CMP_LE, F_SETFL, 0));

  if (r == 0)
    r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (fcntl), 1, SCMP_A1 (SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0));
  for (i = 0; r == 0 && i < ARRAY_SIZE (requests); i++)
    r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (ioctl), 1, SCMP_A1 (SCMP_CMP_EQ, requests[i], 0));
  return r;
}

/* Files are opened to be read. */
static int
add_files (scmp_filter_ctx f)
{
  const scmp_datum_t changing = O_ACCMODE | O_CREAT | O_TRUNC;
  int r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (openat), 1,
                            SCMP_A2 (SCMP_CMP_MASKED_EQ, changing, O_RDONLY));

  return r == 0 ? seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (open), 1,
                                    SCMP_A1 (SCMP_CMP_MASKED_EQ, changing, O_RDONLY))
                : r;
}

/* Memory is this process's own, because what is shared is not counted as data.  It is written
   or run, never both; code comes only from library files, which name services load at the
   first look-up. */
static int
add_memory (scmp_filter_ctx f)
{
  int r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (mmap), 2, SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                            SCMP_A3 (SCMP_CMP_MASKED_EQ, MAP_SHARED, 0));

  if (r == 0)
    r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (mmap), 2,
                          SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC),
                          SCMP_A3 (SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_SHARED, 0));
  if (r == 0)
    r = seccomp_rule_add (f, SCMP_ACT_ERRNO (EACCES), SCMP_SYS (mmap), 1,
                          SCMP_A3 (SCMP_CMP_MASKED_EQ, MAP_SHARED, MAP_SHARED));
  if (r == 0)
    r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (mprotect), 1,
                          SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  return r;
}

/* Threads, not processes.  clone3 keeps its flags behind a pointer, so it is answered
   ENOSYS, and the C library falls back to clone. */
static int
add_threads (scmp_filter_ctx f)
{
  const scmp_datum_t thread = 0x00010000 /* CLONE_THREAD */ | 0x00000100 /* CLONE_VM */;
  int r = seccomp_rule_add (f, SCMP_ACT_ALLOW, SCMP_SYS (clone), 1,
                            SCMP_A0 (SCMP_CMP_MASKED_EQ, thread, thread));

  return r == 0 ? seccomp_rule_add (f, SCMP_ACT_ERRNO (ENOSYS), SCMP_SYS (clone3), 0) : r;
}

static int
wall_calls (void)
{
  scmp_filter_ctx f = seccomp_init (SCMP_ACT_KILL_PROCESS);
  size_t i;
  int r = 0;

  if (!f)
    return -ENOSYS;
  for (i = 0; r == 0 && i < ARRAY_SIZE (allowed); i++)
    r = seccomp_rule_add (f, SCMP_ACT_ALLOW, allowed[i], 0);
  for (i = 0; r == 0 && i < ARRAY_SIZE (refused); i++)
    r = seccomp_rule_add (f, SCMP_ACT_ERRNO (EPERM), refused[i], 0);
  if (r == 0)
    r = add_sockets (f);
  if (r == 0)
    r = add_descriptors (f);
  if (r == 0)
    r = add_files (f);
  if (r == 0)
    r = add_memory (f);
  if (r == 0)
    r = add_threads (f);
  if (r == 0)
    r = seccomp_load (f);
  seccomp_release (f);
  return r;
}

int
confine_late (const char *ca_file, const uint16_t *ports, size_t n_ports, struct buf *lost)
{
  int r = wall_files (ca_file, ports, n_ports, lost);

  return r < 0 ? r : wall_calls ();
}
