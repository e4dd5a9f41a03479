/* Owns the one form of URL that people may type for a hub: http or https, a host, maybe
   a port and a path.  Stricter than RFC 3986, so that no two programs read it
   differently. */
#include <config.h>

#include "host/apps/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#include "host/apps/apps.h"
#include "host/common/buf.h"
#include "host/common/text.h"

#define LABEL_MAX 63u
#define HOST_MAX 253u

struct parts
{
  bool tls;
  const char *host;
  size_t host_len;
  uint64_t port;       /* 0 = the scheme's */
  const char *path;    /* to the end */
};

static bool
is_alnum (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A last label that a resolver may take for a number: those only as four decimals. */
static bool
looks_numeric (const char *label)
{
  return label[strspn (label, "0123456789")] == '\0'
         || ((label[0] == '0') && (label[1] == 'x' || label[1] == 'X'));
}

bool
url_host_valid (const char *host)
{
  size_t len = strlen (host), label = 0, i;
  const char *last = host;
  struct in_addr v4;

  if (!len || len > HOST_MAX)
    return false;
  for (i = 0; i < len; i++)
    if (host[i] == '.')
      {
        if (!label || host[i - 1] == '-')
          return false;
        label = 0;
        last = host + i + 1;
      }
    else if (!(is_alnum (host[i]) || host[i] == '_' || (host[i] == '-' && label))
             || ++label > LABEL_MAX)
      return false;
  if (!label || host[len - 1] == '-')
    return false;
  return !looks_numeric (last) || inet_pton (AF_INET, host, &v4) == 1;
}

bool
url_host_port_valid (const char *host)
{
  const char *colon = strchr (host, ':');
  char name[HOST_MAX + 1];
  size_t len = colon ? (size_t) (colon - host) : strlen (host);
  uint64_t port;

  if (len > HOST_MAX || (colon && parse_u64 (colon + 1, 1, 65535, &port) < 0))
    return false;
  memcpy (name, host, len);
  name[len] = '\0';
  return url_host_valid (name);
}

static bool
host_valid (const char *host, size_t len)
{
  char copy[HOST_MAX + 1];
  struct in6_addr v6;

  if (!len || len > HOST_MAX)
    return false;
  memcpy (copy, host, len);
  copy[len] = '\0';
  if (copy[0] != '[')
    return url_host_valid (copy);
  if (copy[len - 1] != ']')
    return false;
  copy[len - 1] = '\0';
  return inet_pton (AF_INET6, copy + 1, &v6) == 1;
}

/* ":8080", ":" or "" in front of PATH. */
static int
parse_port (const char *s, size_t len, uint64_t *ret)
{
  char digits[6];

  *ret = 0;
  if (!len)
    return 0;
  if (s[0] != ':' || len < 2 || len > sizeof digits)
    return -EINVAL;
  memcpy (digits, s + 1, len - 1);
  digits[len - 1] = '\0';
  return parse_u64 (digits, 1, 65535, ret);
}

static int
parse_authority (struct parts *p, const char *s, const char **why)
{
  size_t len = strcspn (s, "/");
  const char *end = s[0] == '[' ? memchr (s, ']', len) : NULL;

  *why = "must not hold a user name or password";
  if (memchr (s, '@', len))
    return -EINVAL;
  p->host = s;
  p->host_len = end ? (size_t) (end - s) + 1 : strcspn (s, ":/");
  *why = "has no valid host name after ://";
  if (!host_valid (p->host, p->host_len))
    return -EINVAL;
  *why = "has a port that is not a number from 1 to 65535";
  if (parse_port (s + p->host_len, len - p->host_len, &p->port) < 0)
    return -EINVAL;
  p->path = s + len;
  return 0;
}

static int
parse (const char *s, struct parts *ret, const char **why)
{
  const char *rest = strstr (s, "://"), *c;
  size_t scheme = rest ? (size_t) (rest - s) : 0;

  *why = "must begin with https:// (or http://)";
  ret->tls = scheme == 5 && strncasecmp (s, "https", 5) == 0;
  if (!rest || (!ret->tls && !(scheme == 4 && strncasecmp (s, "http", 4) == 0)))
    return -EINVAL;
  *why = "must not hold spaces, quotes, backslashes, <, > or letters beyond ASCII";
  for (c = s; *c; c++)
    if ((unsigned char) *c <= 0x20 || (unsigned char) *c >= 0x7f || strchr ("\"'\\<>^`{|}", *c))
      return -EINVAL;
  *why = "must not hold ? or #";
  if (strpbrk (s, "?#"))
    return -EINVAL;
  return parse_authority (ret, rest + 3, why);
}

static void
put_lower (struct buf *b, const char *s, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    buf_putc (b, (char) (s[i] >= 'A' && s[i] <= 'Z' ? s[i] + ('a' - 'A') : s[i]));
}

int
app_url_normalise (const char *s, char **ret, const char **why)
{
  struct buf b = BUF_INIT (APP_URL_MAX + 16);
  struct parts p;
  size_t path;
  char *url;
  int r;

  *why = "is longer than 2,048 bytes";
  if (strlen (s) > APP_URL_MAX)
    return -EINVAL;
  r = parse (s, &p, why);
  if (r < 0)
    return r;
  for (path = strlen (p.path); path && p.path[path - 1] == '/'; path--)
    ;
  buf_puts (&b, p.tls ? "https://" : "http://");
  put_lower (&b, p.host, p.host_len);
  if (p.port && p.port != (p.tls ? 443 : 80))
    buf_printf (&b, ":%u", (unsigned int) p.port);
  buf_put (&b, p.path, path);
  url = buf_steal (&b);
  if (!url)
    return -ENOMEM;
  *ret = url;
  return 0;
}

char *
app_url_origin (const char *url)
{
  const char *why;
  struct parts p;
  char *origin;

  if (parse (url, &p, &why) < 0)
    return NULL;
  if (!p.port)
    p.port = p.tls ? 443 : 80;
  if (asprintf (&origin, "%s://%.*s:%u", p.tls ? "https" : "http", (int) p.host_len, p.host,
                (unsigned int) p.port) < 0)
    return NULL;
  return origin;
}
