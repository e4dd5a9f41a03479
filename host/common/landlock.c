/* Owns Landlock's kernel interface, written out here because the headers of Debian 12
   know only its second version; values are those of linux/landlock.h. */
#include <config.h>

#include "host/common/landlock.h"

#include <fcntl.h>
#include <sys/syscall.h>

#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT 2

#define FS_EXECUTE (UINT64_C (1) << 0)
#define FS_READ_FILE (UINT64_C (1) << 2)
#define FS_ALL_1 ((UINT64_C (1) << 13) - 1) /* all rights that version 1 knows */
#define FS_REFER (UINT64_C (1) << 13)       /* 2 */
#define FS_TRUNCATE (UINT64_C (1) << 14)    /* 3 */
#define TCP_BIND (UINT64_C (1) << 0)        /* 4 */
#define TCP_CONNECT (UINT64_C (1) << 1)     /* 4 */
#define PORTS_SINCE 4
#define FS_IOCTL_DEV (UINT64_C (1) << 15)   /* 5 */
#define SCOPE_ALL (UINT64_C (3))            /* 6: abstract sockets and signals */

struct ruleset
{
  uint64_t fs, net, scoped;
};

struct path_beneath
{
  uint64_t allowed;
  int32_t fd;
} __attribute__ ((packed));

struct net_port
{
  uint64_t allowed, port;
};

/* What a kernel of VERSION can refuse; *RET_SIZE is as much of the struct as it knows. */
static struct ruleset
refused (int version, size_t *ret_size)
{
  struct ruleset r = { .fs = FS_ALL_1 };

  *ret_size = sizeof r.fs;
  if (version >= 2)
    r.fs |= FS_REFER;
  if (version >= 3)
    r.fs |= FS_TRUNCATE;
  if (version >= PORTS_SINCE)
    {
      r.net = TCP_BIND | TCP_CONNECT;
      *ret_size = offsetof (struct ruleset, scoped);
    }
  if (version >= 5)
    r.fs |= FS_IOCTL_DEV;
  if (version >= 6)
    {
      r.scoped = SCOPE_ALL;
      *ret_size = sizeof r;
    }
  return r;
}

int
landlock_version (void)
{
  long version = syscall (CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

  return version < 0 ? 0 : (int) version;
}

const char *
landlock_lacks (int version)
{
  if (version < 1)
    return "connectors and usher-net can read the files of the daemon's user";
  /* Devices, signals and abstract sockets, of 5 and 6, seccomp refuses as well. */
  if (version < PORTS_SINCE)
    return "usher-net can connect to every TCP port, not only to those of its app";
  return NULL;
}

int
landlock_open (void)
{
  int version = landlock_version (), fd;
  struct ruleset attr;
  size_t size;

  if (version < 1)
    return -ENOSYS;
  attr = refused (version, &size);
  fd = (int) syscall (CREATE_RULESET, &attr, size, 0);
  return fd < 0 ? -errno : fd;
}

int
landlock_allow (int ruleset, const char *path, enum landlock_access access)
{
  _cleanup_ (closep) int fd = open (path, O_PATH | O_CLOEXEC);
  struct path_beneath rule = { access == LANDLOCK_RUN ? FS_READ_FILE | FS_EXECUTE : FS_READ_FILE, fd };

  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
  return syscall (ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

int
landlock_allow_port (int ruleset, uint16_t port)
{
  struct net_port rule = { TCP_CONNECT, port };

  if (landlock_version () < PORTS_SINCE)
    return 0;
  return syscall (ADD_RULE, ruleset, RULE_NET_PORT, &rule, 0) < 0 ? -errno : 0;
}

int
landlock_restrict (int ruleset)
{
  return syscall (RESTRICT_SELF, ruleset, 0) < 0 ? -errno : 0;
}
