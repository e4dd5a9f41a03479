/* Owns the misbehaviour of apps. */
#include <config.h>

#include "net-server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "host/common/text.h"

#define GATE_WIDTH 8u
#define BIG_BYTES (2u * 1024 * 1024)

/* 32 KiB of zeros as one block of deflate that ends at a byte, to be sent again and
   again. */
static const unsigned char zeros[] = {
  0xec, 0xc1, 0x81, 0x00, 0x00, 0x00, 0x00, 0x80, 0x20, 0xa5, 0xfd, 0xe9, 0x16, 0xa9, 0x0a, 0x00,
  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x18, 0x00,
  0x00, 0xff, 0xff,
};
/* "hello, hello, hello" by gzip. */
static const unsigned char hello[] = {
  0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7,
  0x51, 0xc8, 0x40, 0xa2, 0x00, 0x9f, 0xa1, 0xca, 0x09, 0x13, 0x00, 0x00, 0x00,
};

struct visit
{
  struct server *s;
  int fd;
};

struct query
{
  char method[16], path[256];
  char text[65536];          /* the whole request */
  size_t len;
  bool last;                 /* the connection ends after the answer */
};

static bool
say (int fd, const void *p, size_t len)
{
  while (len)
    {
      ssize_t n = send (fd, p, len, MSG_NOSIGNAL);

      if (n <= 0)
        return false;
      p = (const char *) p + n;
      len -= (size_t) n;
    }
  return true;
}

static bool _printf_ (2, 3)
sayf (int fd, const char *fmt, ...)
{
  char text[4096];
  va_list ap;
  int n;

  va_start (ap, fmt);
  n = vsnprintf (text, sizeof text, fmt, ap);
  va_end (ap);
  return say (fd, text, (size_t) n);
}

static bool
answer (int fd, const char *status, const char *extra, const char *body)
{
  return sayf (fd, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, extra, strlen (body),
               body);
}

#define JSON "Content-Type: application/json\r\n"

static bool
read_query (int fd, struct query *q)
{
  size_t length = 0;
  const char *end, *at;

  q->len = 0;
  for (;;)
    {
      ssize_t n = recv (fd, q->text + q->len, sizeof q->text - 1 - q->len, 0);

      if (n <= 0)
        return false;
      q->len += (size_t) n;
      q->text[q->len] = '\0';
      end = strstr (q->text, "\r\n\r\n");
      if (!end)
        continue;
      at = strcasestr (q->text, "\r\nContent-Length:");
      if (at && at < end)
        length = strtoul (at + 17, NULL, 10);
      if (q->len >= (size_t) (end - q->text) + 4 + length)
        return sscanf (q->text, "%15s %255s", q->method, q->path) == 2;
    }
}

static unsigned int
note (struct server *s, const struct query *q)
{
  unsigned int n = 0;
  size_t i;

  pthread_mutex_lock (&s->lock);
  s->requests++;
  memcpy (s->last, q->text, q->len + 1);
  for (i = 0; i < SERVER_PATHS_MAX; i++)
    if (!s->seen[i].n || streq (s->seen[i].path, q->path))
      {
        (void) snprintf (s->seen[i].path, sizeof s->seen[i].path, "%.60s", q->path);
        n = ++s->seen[i].n;
        break;
      }
  pthread_cond_broadcast (&s->changed);
  pthread_mutex_unlock (&s->lock);
  return n;
}

static void
date (time_t t, char *ret, size_t size)
{
  struct tm tm;

  (void) gmtime_r (&t, &tm);
  (void) strftime (ret, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* An app whose clock is a day behind asks to wait for a second. */
static bool
throttle_by_date (int fd)
{
  char now[64], then[64];
  time_t t = time (NULL) - 86400;

  date (t, now, sizeof now);
  date (t + 1, then, sizeof then);
  return sayf (fd, "HTTP/1.1 429 Slow\r\nDate: %s\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
               now, then);
}

static bool
big (int fd)
{
  char line[65];
  unsigned int i;

  if (!sayf (fd, "HTTP/1.1 200 OK\r\n" JSON "Content-Length: %u\r\n\r\n", BIG_BYTES))
    return false;
  for (i = 0; i < BIG_BYTES / 64; i++)
    {
      (void) snprintf (line, sizeof line, "%063u\n", i);
      if (!say (fd, line, 64))
        return false;
    }
  return true;
}

static bool
bomb (int fd)
{
  if (!sayf (fd, "HTTP/1.1 200 OK\r\n" JSON "Content-Encoding: deflate\r\n\r\n"))
    return false;
  while (say (fd, zeros, sizeof zeros))
    continue;
  return false;
}

static bool
endless (int fd)
{
  if (!sayf (fd, "HTTP/1.1 200 OK\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n"))
    return false;
  while (sayf (fd, "10\r\n0123456789abcdef\r\n"))
    continue;
  return false;
}

static bool
gzip (int fd)
{
  return sayf (fd, "HTTP/1.1 200 OK\r\n" JSON "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
               sizeof hello)
         && say (fd, hello, sizeof hello);
}

static bool
header_bomb (int fd)
{
  unsigned int i;

  if (!sayf (fd, "HTTP/1.1 200 OK\r\n"))
    return false;
  for (i = 0; i < 2000; i++)
    if (!sayf (fd, "X-%u: 0123456789012345678901234567890123456789012345678901234567890\r\n", i))
      return false;
  return sayf (fd, "Content-Length: 0\r\n\r\n");
}

/* Answers nobody before all who fetch ahead have asked. */
static bool
gate (struct server *s, int fd)
{
  pthread_mutex_lock (&s->lock);
  s->gate++;
  pthread_cond_broadcast (&s->changed);
  while (s->gate < GATE_WIDTH)
    pthread_cond_wait (&s->changed, &s->lock);
  pthread_mutex_unlock (&s->lock);
  return answer (fd, "200 OK", JSON, "{}");
}

static bool
redirect (struct server *s, int fd, const char *path)
{
  char to[256];

  if (streq (path, "/redirect/foreign"))
    return answer (fd, "302 Found", "Location: http://login.other.example/?s=1\r\n", "");
  if (streq (path, "/redirect/private"))
    return answer (fd, "302 Found", "Location: http://10.0.0.1/latest\r\n", "");
  if (streq (path, "/redirect/loop"))
    return answer (fd, "302 Found", "Location: loop\r\n", "");
  if (streq (path, "/redirect/post"))
    return answer (fd, "303 See Other", "Location: /echo\r\n", "");
  if (streq (path, "/redirect/keep"))
    return answer (fd, "307 Temporary", "Location: /echo\r\n", "");
  if (streq (path, "/redirect/localhost"))
    {
      (void) snprintf (to, sizeof to, "Location: http://localhost:%d/echo\r\n", s->port);
      return answer (fd, "302 Found", to, "");
    }
  return answer (fd, "302 Found", "Location: ../plain#top\r\n", "");
}

static bool
throttle (int fd, const char *path, unsigned int n)
{
  if (streq (path, "/throttle/long"))
    return answer (fd, "429 Slow", "Retry-After: 3600\r\n", "");
  if (n > 1)
    return answer (fd, "200 OK", JSON, "{}");
  if (streq (path, "/throttle/date"))
    return throttle_by_date (fd);
  return answer (fd, "429 Slow", "Retry-After: 1\r\n", "");
}

/* False ends the connection. */
static bool
respond (struct server *s, int fd, const struct query *q, unsigned int n)
{
  const char *p = q->path;

  if (has_prefix (p, "http://app.test/"))
    p += strlen ("http://app.test");
  if (has_prefix (p, "/redirect/"))
    return redirect (s, fd, p);
  if (has_prefix (p, "/throttle/"))
    return throttle (fd, p, n);
  if (has_prefix (p, "/gate/"))
    return gate (s, fd);
  if (has_prefix (p, "/echo"))
    return answer (fd, "200 OK", "Content-Type: text/plain\r\n", q->text);
  if (streq (p, "/big"))
    return big (fd);
  if (streq (p, "/bomb"))
    return bomb (fd);
  if (streq (p, "/endless"))
    return endless (fd);
  if (streq (p, "/gzip"))
    return gzip (fd);
  if (streq (p, "/header-bomb"))
    return header_bomb (fd);
  if (streq (p, "/nul"))
    return say (fd, "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", 46);
  if (streq (p, "/latin"))
    return answer (fd, "200 OK", JSON "X-Name: J\xfcrgen\r\n", "{}");
  if (streq (p, "/html"))
    return answer (fd, "200 OK", "Content-Type: text/html\r\n", "<p>token is tok/en\"1</p>");
  if (has_prefix (p, "/gone"))
    return answer (fd, "404 Not Found", JSON, "{\"detail\":\"tok\\/en\\\"1\"}");
  if (streq (p, "/cookie"))
    return answer (fd, "200 OK", JSON "Set-Cookie: sid=s3ss10n; Path=/; HttpOnly\r\n"
                   "Set-Cookie: csrf=c5rf; Path=/\r\n", "{}");
  if (streq (p, "/flaky"))
    return n == 1 ? answer (fd, "503 Out", "", "") : answer (fd, "200 OK", JSON, "{}");
  if (streq (p, "/short"))
    {
      (void) sayf (fd, "HTTP/1.1 200 OK\r\n" JSON "Content-Length: 100\r\n\r\n0123456789");
      return false;
    }
  if (streq (p, "/short-chunk"))
    {
      (void) sayf (fd, "HTTP/1.1 200 OK\r\n" JSON "Transfer-Encoding: chunked\r\n\r\n64\r\n0123");
      return false;
    }
  if (streq (p, "/error"))
    return answer (fd, "500 Oops", JSON, "{\"detail\":\"out of order\"}");
  if (streq (p, "/drop") || (streq (p, "/drop-once") && n == 1))
    return false;
  if (streq (p, "/silent"))
    return recv (fd, (char[1]) { 0 }, 1, 0) > 0;
  return answer (fd, "200 OK", JSON, "{\"hello\":\"world\"}");
}

static void *
visit (void *arg)
{
  struct visit *v = arg;
  struct query *q = malloc (sizeof *q);

  while (q && read_query (v->fd, q) && respond (v->s, v->fd, q, note (v->s, q)))
    continue;
  close (v->fd);
  free (q);
  free (v);
  return NULL;
}

static void *
listen_for (void *arg)
{
  struct server *s = arg;
  int fd;

  while ((fd = accept (s->fd, NULL, NULL)) >= 0)
    {
      struct visit *v = malloc (sizeof *v);
      pthread_t t;

      if (!v)
        abort ();
      *v = (struct visit) { s, fd };
      pthread_mutex_lock (&s->lock);
      s->connections++;
      pthread_mutex_unlock (&s->lock);
      if (pthread_create (&t, NULL, visit, v) != 0)
        abort ();
      pthread_detach (t);
    }
  return NULL;
}

void
server_start (struct server *s)
{
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof a;

  memset (s, 0, sizeof *s);
  pthread_mutex_init (&s->lock, NULL);
  pthread_cond_init (&s->changed, NULL);
  s->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s->fd < 0 || bind (s->fd, (struct sockaddr *) &a, sizeof a) < 0 || listen (s->fd, 64) < 0
      || getsockname (s->fd, (struct sockaddr *) &a, &len) < 0
      || pthread_create (&s->thread, NULL, listen_for, s) != 0)
    abort ();
  s->port = ntohs (a.sin_port);
}

void
server_open_gate (struct server *s)
{
  pthread_mutex_lock (&s->lock);
  s->gate = GATE_WIDTH;
  pthread_cond_broadcast (&s->changed);
  pthread_mutex_unlock (&s->lock);
}

unsigned int
server_connections (struct server *s)
{
  unsigned int n;

  pthread_mutex_lock (&s->lock);
  n = s->connections;
  pthread_mutex_unlock (&s->lock);
  return n;
}

unsigned int
server_requests (struct server *s)
{
  unsigned int n;

  pthread_mutex_lock (&s->lock);
  n = s->requests;
  pthread_mutex_unlock (&s->lock);
  return n;
}

unsigned int
server_seen (struct server *s, const char *path)
{
  unsigned int n = 0;
  size_t i;

  pthread_mutex_lock (&s->lock);
  for (i = 0; i < SERVER_PATHS_MAX; i++)
    if (streq (s->seen[i].path, path))
      n = s->seen[i].n;
  pthread_mutex_unlock (&s->lock);
  return n;
}

bool
server_last_has (struct server *s, const char *text)
{
  bool has;

  pthread_mutex_lock (&s->lock);
  has = strstr (s->last, text) != NULL;
  pthread_mutex_unlock (&s->lock);
  return has;
}
