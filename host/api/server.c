/* Owns the listeners: the unix socket, and one on TCP (or a second socket) for those who
   have a token.  A thread a connection, because a request may wait for the store. */
#include <config.h>

#include "host/api/api.h"

#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "host/api/request.h"
#include "host/api/stream.h"
#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/common/log.h"
#include "host/common/text.h"

#define CONNECTIONS_MAX 1024u
#define STACK_SIZE (256u * 1024)
#define MEMORY_LIMIT (64u * 1024)
#define IDLE_S 60u
#define BACKLOG 1024
#define PEM_MAX (256u * 1024)
#define GROUP "usher"

struct listener
{
  struct MHD_Daemon *daemon;
  struct request_host host;
  char *path;                /* owned: of a unix socket, to be removed */
  ino_t inode;               /* what stands there while it is ours */
  struct buf cert, key;      /* PEM; kept for the life of the daemon */
};

struct api
{
  struct listener socket, web;
  unsigned int port;
  struct traffic traffic;
  struct streams *streams;   /* owned */
};

static int
fail (char **ret_why, int error, const char *fmt, const char *what)
{
  struct buf why = BUF_INIT (1024);

  buf_printf (&why, "%s %s: %s", fmt, what,
              error == -EADDRINUSE ? "something else listens there; end it, or name another place" : strerror (-error));
  *ret_why = buf_steal (&why);
  return error;
}

/* ---- Sockets. */

/* Members of the group may connect; where there is no such group, only the owner. */
static void
open_to_group (const char *path)
{
  struct group group, *found = NULL;
  char text[16384];

  if (getgrnam_r (GROUP, &group, text, sizeof text, &found) == 0 && found && chown (path, (uid_t) -1, group.gr_gid) == 0)
    (void) chmod (path, 0660);
  else
    (void) chmod (path, 0600);
}

static ino_t
inode_of (const char *path)
{
  struct stat st;

  return lstat (path, &st) == 0 ? st.st_ino : 0;
}

/* The socket of a daemon that was killed stays behind; one that answers is another's. */
static bool
is_served (const struct sockaddr_un *address)
{
  _cleanup_ (closep) int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  return fd >= 0 && (connect (fd, (const struct sockaddr *) address, sizeof *address) == 0 || errno == EAGAIN);
}

static int
listen_unix (struct listener *l, int *ret)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  _cleanup_ (closep) int fd = -1;

  if (strlen (l->path) >= sizeof address.sun_path)
    return -ENAMETOOLONG;
  memcpy (address.sun_path, l->path, strlen (l->path) + 1);
  if (is_served (&address))
    return -EADDRINUSE;
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  (void) unlink (l->path);
  if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0)
    return -errno;
  l->inode = inode_of (l->path);
  open_to_group (l->path);
  if (listen (fd, BACKLOG) < 0)
    return -errno;
  *ret = TAKE_FD (fd);
  return 0;
}

/* "127.0.0.1:8420" or "[::1]:8420"; names are not resolved. */
static int
resolve (const char *text, struct addrinfo **ret)
{
  struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
  _cleanup_ (freep) char *host = strdup (text);
  char *colon = host ? strrchr (host, ':') : NULL, *name = host;

  if (!colon)
    return -EINVAL;
  *colon = '\0';
  if (name[0] == '[' && colon > name + 1 && colon[-1] == ']')
    {
      colon[-1] = '\0';
      name++;
    }
  if (streq (name, "localhost"))
    hints.ai_flags &= ~AI_NUMERICHOST;
  return getaddrinfo (name, colon + 1, &hints, ret) == 0 ? 0 : -EINVAL;
}

static int
listen_tcp (const char *text, int *ret, unsigned int *ret_port)
{
  struct sockaddr_storage bound;
  socklen_t len = sizeof bound;
  struct addrinfo *a = NULL;
  _cleanup_ (closep) int fd = -1;
  int on = 1, x = resolve (text, &a);

  if (x < 0)
    return x;
  fd = socket (a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0
      || bind (fd, a->ai_addr, a->ai_addrlen) < 0 || listen (fd, BACKLOG) < 0
      || getsockname (fd, (struct sockaddr *) &bound, &len) < 0)
    x = -errno;
  freeaddrinfo (a);
  if (x < 0)
    return x;
  *ret_port = ntohs (bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *) &bound)->sin6_port
                                                 : ((struct sockaddr_in *) &bound)->sin_port);
  *ret = TAKE_FD (fd);
  return 0;
}

/* ---- Daemons. */

/* Paths and queries are decoded by us, a segment at a time: a name may hold a slash. */
static size_t
leave_escaped (void *arg, struct MHD_Connection *c, char *s)
{
  (void) arg;
  (void) c;
  return strlen (s);
}

static _printf_ (2, 0) void
log_mhd (void *arg, const char *fmt, va_list ap)
{
  char text[512];

  (void) arg;
  (void) vsnprintf (text, sizeof text, fmt, ap);
  text[strcspn (text, "\n")] = '\0';
  log_debug ("http: %s", text);
}

static int
start_daemon (struct listener *l, int fd)
{
  unsigned int flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC
                       | MHD_USE_ERROR_LOG | (l->cert.len ? MHD_USE_TLS : 0u);
  struct MHD_OptionItem tls[] = { { MHD_OPTION_HTTPS_MEM_CERT, 0, l->cert.data },
                                  { MHD_OPTION_HTTPS_MEM_KEY, 0, l->key.data },
                                  { MHD_OPTION_END, 0, NULL } };

  if (!l->cert.len)
    tls[0].option = MHD_OPTION_END;
  l->daemon = MHD_start_daemon (
    flags, 0, NULL, NULL, request_serve, &l->host, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
    MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_THREAD_STACK_SIZE, (size_t) STACK_SIZE,
    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) MEMORY_LIMIT, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, request_end, NULL, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
    MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
  if (l->daemon)
    return 0;
  (void) close (fd);
  return -EIO;
}

static int
read_tls (struct listener *l, const struct api_options *o, char **ret_why)
{
  int x;

  if (!o->tls_cert)
    return 0;
  x = io_read_file (o->tls_cert, &l->cert);
  if (x < 0)
    return fail (ret_why, x, "The certificate cannot be read:", o->tls_cert);
  x = io_read_file (o->tls_key, &l->key);
  return x < 0 ? fail (ret_why, x, "The key of the certificate cannot be read:", o->tls_key) : 0;
}

static int
start_web (struct api *a, const struct api_options *o, char **ret_why)
{
  int fd = -1, x;

  if (has_prefix (o->listen, "unix:"))
    {
      a->web.path = strdup (o->listen + strlen ("unix:"));
      a->web.host.kernel_vouches = true;
      x = a->web.path ? listen_unix (&a->web, &fd) : -ENOMEM;
    }
  else
    x = listen_tcp (o->listen, &fd, &a->port);
  if (x == 0)
    {
      x = read_tls (&a->web, o, ret_why);
      if (x < 0)
        {
          (void) close (fd);
          return x;
        }
      x = start_daemon (&a->web, fd);
    }
  return x < 0 ? fail (ret_why, x, "cannot listen on", o->listen) : 0;
}

int
api_start (const struct api_options *o, struct api **ret, char **ret_why)
{
  struct api *a = calloc (1, sizeof *a);
  int fd = -1, x;

  if (!a)
    return -ENOMEM;
  if (streams_new (o->engine, &a->streams) < 0)
    {
      free (a);
      return -ENOMEM;
    }
  a->socket.host = (struct request_host) { o->engine, &a->traffic, a->streams, true };
  a->web.host = (struct request_host) { o->engine, &a->traffic, a->streams, false };
  a->web.cert = a->web.key = a->socket.cert = a->socket.key = (struct buf) BUF_INIT (PEM_MAX);
  a->socket.path = strdup (o->socket_path);
  x = a->socket.path ? listen_unix (&a->socket, &fd) : -ENOMEM;
  if (x == 0)
    x = start_daemon (&a->socket, fd);
  if (x < 0)
    x = fail (ret_why, x, "cannot listen on", o->socket_path);
  else if (o->listen)
    x = start_web (a, o, ret_why);
  if (x < 0)
    {
      api_stop (a);
      return x;
    }
  *ret = a;
  return 0;
}

unsigned int
api_port (const struct api *a)
{
  return a->port;
}

static void
stop_listener (struct listener *l)
{
  if (l->daemon)
    MHD_stop_daemon (l->daemon);
  if (l->path && l->inode && inode_of (l->path) == l->inode)
    (void) unlink (l->path);
  free (l->path);
  buf_done (&l->cert);
  buf_wipe (&l->key);
}

void
api_stop (struct api *a)
{
  /* Their threads wait for events, and MHD_stop_daemon for them. */
  streams_end (a->streams);
  stop_listener (&a->web);
  stop_listener (&a->socket);
  streams_free (a->streams);
  free (a);
}
