/* One exchange on the wire: one request sent, one answer taken apart.  Owns the libcurl
   handle and everything that is set on it.  Follows no redirect, repeats nothing: what
   an answer means is the request's affair (request.h). */
#ifndef USHER_NET_EXCHANGE_H
#define USHER_NET_EXCHANGE_H

#include <curl/curl.h>

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/net/limits.h"
#include "host/net/url.h"

#define EXCHANGE_HEAD_MAX 65536u    /* the answer's header lines, together */
#define EXCHANGE_BODY_MAX (2u * 1024 * 1024)  /* of the request, secrets put in */

struct allow;

/* What is the same for all exchanges of a session; all borrowed. */
struct exchange_net
{
  CURLM *multi;
  CURLSH *share;
  const struct allow *allow;
  const char *proxy, *no_proxy, *ca_file, *user_agent;
  bool keep_cookies;                /* in the share */
  const char *resolve;              /* tests only: "host:port:address", or NULL */
};

enum exchange_take
{
  EXCHANGE_TAKEN,
  EXCHANGE_WAIT,                    /* not now: exchange_resume when there is room */
  EXCHANGE_STOP,                    /* end the exchange */
};

/* Who wants the answer.  Both run inside libcurl: they start and end no exchange. */
struct exchange_sink
{
  void *owner;
  /* The header lines are whole; false ends the exchange. */
  bool (*head) (void *owner);
  /* The next bytes of the body, decompressed; taken whole or not at all. */
  enum exchange_take (*body) (void *owner, const char *p, size_t len);
};

struct exchange
{
  CURL *easy;                       /* owned; NULL = not running */
  struct curl_slist *headers;       /* owned */
  struct curl_slist *resolve;       /* owned */
  const struct exchange_net *net;   /* borrowed */
  const struct url *target;         /* borrowed */
  struct exchange_sink sink;
  bool proxied;
  bool sending;                     /* the request has begun to leave */
  bool address_refused;             /* the name leads to an address that is not allowed */
  int32_t fault;                    /* USHER_E_... of an answer that breaks HTTP, 0 */
  char error[CURL_ERROR_SIZE];
  /* The answer */
  int32_t status;                   /* 0 = none yet */
  bool head_whole;
  size_t head_bytes;
  struct buf head;                  /* "name", NUL, "value", NUL, and so on */
  struct limits limits;
};

/* What to send; borrowed until exchange_start returns. */
struct exchange_order
{
  const struct url *target;         /* borrowed until the end of the exchange */
  const char *url;                  /* the same address with its secrets in place */
  const char *method;
  const char *headers;              /* "Name: value", NUL, and so on */
  size_t headers_len;
  const struct buf *body;           /* NULL = none; borrowed until the end */
  enum limits_dialect dialect;      /* how the answer speaks of limits */
  bool fresh;                       /* on a connection of its own */
};

/* Starts it; X is zeroed or done.  0, -ENOMEM, or -EIO when libcurl refuses. */
int exchange_start (struct exchange *x, const struct exchange_net *net,
                    const struct exchange_order *order, struct exchange_sink sink);
/* Goes on after EXCHANGE_WAIT. */
void exchange_resume (struct exchange *x);
/* Ends it where it stands and frees what it holds. */
void exchange_done (struct exchange *x);

/* The first header NAME of the answer, or NULL; borrowed. */
const char *exchange_header (const struct exchange *x, const char *name);
/* The next header at *AT (begins at 0): name and value, borrowed; false at the end. */
bool exchange_next_header (const struct exchange *x, size_t *at, const char **ret_name,
                           const char **ret_value);

#endif
