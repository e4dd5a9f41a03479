/* Owns the settings of libcurl and its callbacks. */
#include <config.h>

#include "host/net/exchange.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <usher/connector.h>

#include "host/common/text.h"
#include "host/net/allow.h"

#define CONNECT_TIMEOUT_MS 10000L
/* An answer that all but stands still for this long is dead. */
#define LOW_SPEED_BYTES 10L
#define LOW_SPEED_S 60L
/* What a callback answers to end its transfer: no length, and not "pause". */
#define ENDS SIZE_MAX

static size_t
on_body (char *p, size_t size, size_t n, void *user)
{
  struct exchange *x = user;
  size_t len = size * n;

  switch (x->sink.body (x->sink.owner, p, len))
    {
    case EXCHANGE_TAKEN:
      return len;
    case EXCHANGE_WAIT:
      return CURL_WRITEFUNC_PAUSE;
    case EXCHANGE_STOP:
      break;
    }
  return ENDS;
}

/* Every connection passes here, so no name can lead to an address that is not allowed.
   Through a proxy the address is the proxy's, which is the operator's own choice. */
static curl_socket_t
on_socket (void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
  struct exchange *x = user;

  (void) purpose;
  if (!x->proxied && !allow_address (x->net->allow, x->target, &a->addr))
    {
      x->address_refused = true;
      return CURL_SOCKET_BAD;
    }
  return socket (a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The connection stands and the request is about to leave. */
static int
on_ready (void *user, char *remote, char *local, int remote_port, int local_port)
{
  struct exchange *x = user;

  (void) remote;
  (void) local;
  (void) remote_port;
  (void) local_port;
  x->sending = true;
  return CURL_PREREQFUNC_OK;
}

static void
forget_answer (struct exchange *x)
{
  x->status = 0;
  x->head_bytes = 0;
  buf_reset (&x->head);
  x->limits = (struct limits) { .dialect = x->limits.dialect };
}

/* "HTTP/1.1 200 OK" */
static int32_t
status_of (const char *line, size_t len)
{
  const char *at = memchr (line, ' ', len);
  int32_t status = 0;
  int i;

  if (!at || (size_t) (at - line) + 4 > len)
    return 0;
  for (i = 1; i <= 3; i++)
    {
      if (at[i] < '0' || at[i] > '9')
        return 0;
      status = status * 10 + (at[i] - '0');
    }
  return status;
}

/* Appends LEN bytes as UTF-8: header values are bytes, and what is not UTF-8 is Latin-1
   by HTTP's own history. */
static void
put_text (struct buf *out, const char *p, size_t len)
{
  size_t i;

  if (utf8_valid (p, len))
    {
      buf_put (out, p, len);
      return;
    }
  for (i = 0; i < len; i++)
    {
      unsigned char c = (unsigned char) p[i];

      if (c < 0x80)
        buf_putc (out, p[i]);
      else
        {
          buf_putc (out, (char) (0xc0 | (c >> 6)));
          buf_putc (out, (char) (0x80 | (c & 0x3f)));
        }
    }
}

static void
note_header (struct exchange *x, const char *line, size_t len)
{
  const char *colon = memchr (line, ':', len), *value, *end = line + len;
  size_t start = x->head.len, at;

  /* A line that goes on the last one (obsolete, RFC 9112 section 5.2) is dropped. */
  if (!colon || colon == line || line[0] == ' ' || line[0] == '\t')
    return;
  for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
    value++;
  while (end > value && strchr (" \t\r\n", end[-1]))
    end--;
  put_text (&x->head, line, (size_t) (colon - line));
  buf_putc (&x->head, '\0');
  at = x->head.len;
  put_text (&x->head, value, (size_t) (end - value));
  buf_putc (&x->head, '\0');
  if (!buf_error (&x->head))
    limits_header (&x->limits, x->head.data + start, x->head.data + at);
}

/* The empty line that ends the header lines of one answer. */
static bool
end_head (struct exchange *x)
{
  if (x->status >= 100 && x->status < 200)
    {
      forget_answer (x);
      return true;
    }
  x->head_whole = true;
  return x->sink.head (x->sink.owner);
}

static size_t
on_head (char *line, size_t size, size_t n, void *user)
{
  struct exchange *x = user;
  size_t len = size * n;
  bool empty = len == 0 || (len == 1 && line[0] == '\n') || (len == 2 && line[0] == '\r');

  if (x->head_whole)
    return len; /* a trailer */
  x->head_bytes += len;
  if (x->head_bytes > EXCHANGE_HEAD_MAX)
    {
      x->fault = USHER_E_LIMIT;
      return ENDS;
    }
  if (memchr (line, '\0', len))
    {
      x->fault = USHER_E_SHAPE;
      return ENDS;
    }
  if (empty)
    return end_head (x) ? len : ENDS;
  if (len > 5 && strncmp (line, "HTTP/", 5) == 0 && !x->status)
    x->status = status_of (line, len);
  else
    note_header (x, line, len);
  return len;
}

static int
set_headers (struct exchange *x, const struct exchange_order *order)
{
  /* libcurl's own ideas that an app has not asked for. */
  static const char *const silenced[] = { "Expect:", "Content-Type:" };
  bool typed = false;
  size_t at, i;

  for (at = 0; at < order->headers_len; at += strlen (order->headers + at) + 1)
    {
      struct curl_slist *more = curl_slist_append (x->headers, order->headers + at);

      if (!more)
        return -ENOMEM;
      x->headers = more;
      typed |= strncasecmp (order->headers + at, "Content-Type:", 13) == 0;
    }
  for (i = 0; i < ARRAY_SIZE (silenced) - typed; i++)
    {
      struct curl_slist *more = curl_slist_append (x->headers, silenced[i]);

      if (!more)
        return -ENOMEM;
      x->headers = more;
    }
  return 0;
}

/* SET (option, value), reads straight down: the first failure sticks in RC. */
#define SET(option, value) \
  (rc = rc == CURLE_OK ? curl_easy_setopt (x->easy, CURLOPT_##option, (value)) : rc)

static CURLcode
set_method (struct exchange *x, const struct exchange_order *order)
{
  CURLcode rc = CURLE_OK;
  bool carries = streq (order->method, "POST") || streq (order->method, "PUT")
                 || streq (order->method, "PATCH");

  if (streq (order->method, "HEAD"))
    return curl_easy_setopt (x->easy, CURLOPT_NOBODY, 1L);
  if (order->body || carries)
    {
      SET (POST, 1L);
      SET (POSTFIELDS, order->body && order->body->data ? order->body->data : "");
      SET (POSTFIELDSIZE_LARGE, (curl_off_t) (order->body ? order->body->len : 0));
    }
  else
    SET (HTTPGET, 1L);
  SET (CUSTOMREQUEST, order->method);
  return rc;
}

static CURLcode
set_connection (struct exchange *x, const struct exchange_order *order)
{
  CURLcode rc = CURLE_OK;
  const struct exchange_net *net = x->net;

  SET (URL, order->url);
  SET (PROTOCOLS_STR, order->target->https ? "https" : "http");
  SET (PATH_AS_IS, 1L);
  SET (FOLLOWLOCATION, 0L);
  SET (HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
  SET (CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
  SET (LOW_SPEED_LIMIT, LOW_SPEED_BYTES);
  SET (LOW_SPEED_TIME, LOW_SPEED_S);
  SET (TCP_KEEPALIVE, 1L);
  SET (NOSIGNAL, 1L);
  SET (NETRC, (long) CURL_NETRC_IGNORED);
  SET (FRESH_CONNECT, order->fresh ? 1L : 0L);
  SET (SHARE, net->share);
  SET (OPENSOCKETFUNCTION, on_socket);
  SET (OPENSOCKETDATA, x);
  SET (PREREQFUNCTION, on_ready);
  SET (PREREQDATA, x);
  /* Said for every exchange, because the environment must never decide. */
  SET (PROXY, x->proxied ? net->proxy : "");
  SET (NOPROXY, "");
  SET (HEADEROPT, (long) CURLHEADER_SEPARATE);
  SET (SUPPRESS_CONNECT_HEADERS, 1L);
  /* One bundle by its path and no folder, else libcurl's cache of it is off and each
     connection loads it anew. */
  SET (CAINFO, net->ca_file);
  SET (CAPATH, NULL);
  SET (PROXY_CAINFO, net->ca_file);
  SET (PROXY_CAPATH, NULL);
  SET (SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
  SET (SSL_VERIFYPEER, 1L);
  SET (SSL_VERIFYHOST, 2L);
  if (x->resolve)
    SET (RESOLVE, x->resolve);
  return rc;
}

static CURLcode
set_answer (struct exchange *x)
{
  CURLcode rc = CURLE_OK;

  SET (ACCEPT_ENCODING, "");
  SET (HEADERFUNCTION, on_head);
  SET (HEADERDATA, x);
  SET (WRITEFUNCTION, on_body);
  SET (WRITEDATA, x);
  SET (ERRORBUFFER, x->error);
  SET (PRIVATE, x->sink.owner);
  if (x->net->keep_cookies)
    SET (COOKIEFILE, "");
  return rc;
}

int
exchange_start (struct exchange *x, const struct exchange_net *net,
                const struct exchange_order *order, struct exchange_sink sink)
{
  CURLcode rc;

  *x = (struct exchange) { .net = net, .target = order->target, .sink = sink,
                           .head = BUF_INIT (4 * EXCHANGE_HEAD_MAX), .limits = { .dialect = order->dialect } };
  x->proxied = net->proxy && *net->proxy
               && !url_bypasses_proxy (order->target->host, net->no_proxy);
  x->easy = curl_easy_init ();
  if (!x->easy || set_headers (x, order) < 0)
    {
      exchange_done (x);
      return -ENOMEM;
    }
  if (net->resolve)
    x->resolve = curl_slist_append (NULL, net->resolve);
  rc = set_connection (x, order);
  if (rc == CURLE_OK)
    rc = set_method (x, order);
  if (rc == CURLE_OK)
    rc = set_answer (x);
  SET (HTTPHEADER, x->headers);
  SET (USERAGENT, net->user_agent);
  if (rc != CURLE_OK || curl_multi_add_handle (net->multi, x->easy) != CURLM_OK)
    {
      exchange_done (x);
      return rc == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
    }
  return 0;
}

void
exchange_resume (struct exchange *x)
{
  if (x->easy)
    (void) curl_easy_pause (x->easy, CURLPAUSE_CONT);
}

void
exchange_done (struct exchange *x)
{
  if (x->easy)
    {
      (void) curl_multi_remove_handle (x->net->multi, x->easy);
      curl_easy_cleanup (x->easy);
      x->easy = NULL;
    }
  curl_slist_free_all (TAKE (x->headers));
  curl_slist_free_all (TAKE (x->resolve));
  buf_done (&x->head);
}

bool
exchange_next_header (const struct exchange *x, size_t *at, const char **ret_name,
                      const char **ret_value)
{
  if (buf_error (&x->head) || *at >= x->head.len)
    return false;
  *ret_name = x->head.data + *at;
  *ret_value = *ret_name + strlen (*ret_name) + 1;
  *at += strlen (*ret_name) + strlen (*ret_value) + 2;
  return true;
}

const char *
exchange_header (const struct exchange *x, const char *name)
{
  const char *key, *value;
  size_t at = 0;

  while (exchange_next_header (x, &at, &key, &value))
    if (ascii_casecmp (key, name) == 0)
      return value;
  return NULL;
}
