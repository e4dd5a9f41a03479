/* Owns the making of one hop's address, header lines and body. */
#include <config.h>

#include "host/net/compose.h"

#include <usher/connector.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/net/accept.h"
#include "host/net/answer.h"
#include "host/net/request.h"
#include "host/net/session.h"

#define URL_TEXT_MAX (4u * URL_MAX)
#define HEADERS_MAX (1024u * 1024)

/* Headers that are ours to write. */
static const char *const ours[] = {
  "Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "Keep-Alive",
  "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
};

struct draft
{
  struct buf url, headers, query;
};

static void
draft_done (struct draft *d)
{
  buf_wipe (&d->url);
  buf_wipe (&d->headers);
  buf_wipe (&d->query);
}

static bool
is_token (const char *s)
{
  return *s && s[strspn (s, "!#$%&'*+-.^_`|~0123456789"
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static bool
has_controls (const char *s)
{
  for (; *s; s++)
    if (((unsigned char) *s < 0x20 && *s != '\t') || *s == 0x7f)
      return true;
  return false;
}

static const char *
check_header (const struct usher_kv *kv)
{
  size_t i;

  if (!is_token (kv->key))
    return "a header has no proper name";
  for (i = 0; i < ARRAY_SIZE (ours); i++)
    if (ascii_casecmp (kv->key, ours[i]) == 0)
      return "a header is one that the host writes itself";
  return kv->value && has_controls (kv->value) ? "a header value holds a line break" : NULL;
}

const char *
compose_check (const struct request *r)
{
  const struct wire_open *o = &r->asked;
  const char *wrong;
  size_t i;

  if (!o->method || !is_token (o->method) || streq (o->method, "CONNECT")
      || streq (o->method, "TRACE"))
    return "the method is none";
  if (!accept_valid (o->accept))
    return "the list of accepted statuses cannot be read";
  if (o->timeout_ms < 0)
    return "the time limit is negative";
  for (i = 0; i < o->headers.n; i++)
    {
      wrong = check_header (&o->headers.v[i]);
      if (wrong)
        return wrong;
    }
  return NULL;
}

static const char *
content_type (const struct request *r)
{
  size_t i;

  for (i = 0; i < r->asked.headers.n; i++)
    if (ascii_casecmp (r->asked.headers.v[i].key, "Content-Type") == 0)
      return r->asked.headers.v[i].value;
  return NULL;
}

/* A header that does not go with the request where it is now. */
static bool
left_out (const struct request *r, const char *name)
{
  if (!r->with_body && r->asked.body.len && ascii_casecmp (name, "Content-Type") == 0)
    return true;
  return r->elsewhere && (ascii_casecmp (name, "Authorization") == 0
                          || ascii_casecmp (name, "Cookie") == 0);
}

static int
put_headers (const struct request *r, struct standin_use *use, struct draft *d)
{
  size_t i;

  for (i = 0; i < r->asked.headers.n; i++)
    {
      const struct usher_kv *kv = &r->asked.headers.v[i];
      const char *value = kv->value ? kv->value : "";
      size_t start = d->headers.len;
      int e;

      if (left_out (r, kv->key))
        continue;
      /* "Name;" is libcurl's way to send a header without a value. */
      buf_printf (&d->headers, *value ? "%s: " : "%s;", kv->key);
      e = standins_replace (use, STANDIN_HEADER, value, strlen (value), &d->headers);
      if (e == -EACCES && r->elsewhere)
        {
          d->headers.len = start;
          continue;
        }
      if (e < 0)
        return e;
      buf_putc (&d->headers, '\0');
    }
  return buf_error (&d->headers);
}

static int
put_url (const struct request *r, struct standin_use *use, struct draft *d)
{
  const char *text = r->at.text;
  int e = 0;

  /* Only in the connector's own address: what an app sends in a redirect is the app's
     text, and nothing is put into that. */
  if (r->hops == 0)
    e = standins_replace (use, STANDIN_URL, text, strlen (text), &d->url);
  else
    buf_puts (&d->url, text);
  if (e < 0)
    return e;
  if (d->query.len)
    {
      buf_putc (&d->url, strchr (text, '?') ? '&' : '?');
      buf_put (&d->url, d->query.data, d->query.len);
    }
  return buf_error (&d->url);
}

static int
put_body (struct request *r, struct standin_use *use)
{
  buf_wipe (&r->body);
  if (!r->with_body)
    return 0;
  return standins_replace (use, standin_place_of (content_type (r)), r->asked.body.data,
                           r->asked.body.len, &r->body);
}

static int
draft (struct request *r, struct standin_use *use, struct draft *d)
{
  int e = 0;

  if (r->rule && (!r->elsewhere || auth_may_go (r->rule, use->all, use->origin)))
    e = auth_apply (r->rule, use, &d->headers, &d->query);
  if (e == 0)
    e = put_headers (r, use, d);
  if (e == 0)
    e = put_url (r, use, d);
  if (e == 0)
    e = put_body (r, use);
  return e;
}

static int
start (struct request *r, const struct draft *d)
{
  static const struct exchange_sink sink = { NULL, answer_head, answer_body };
  struct exchange_sink mine = sink;
  struct exchange_order order = {
    .target = &r->at,
    .url = d->url.data,
    .method = r->method,
    .headers = d->headers.data ? d->headers.data : "",
    .headers_len = d->headers.len,
    .body = r->with_body ? &r->body : NULL,
    .dialect = rates_dialect (&r->net->rates, r->at.origin),
    /* On a connection from the pool that has just died, libcurl would send again by
       itself: a change must never be sent twice. */
    .fresh = !request_is_safe (r),
  };

  mine.owner = r;
  return exchange_start (&r->x, &r->net->wire, &order, mine);
}

static void
explain (struct request *r, const struct standin_use *use, int e)
{
  switch (e)
    {
    case -EACCES:
      request_finish (r, USHER_E_MISUSE, 0,
                      "The connector wanted to send the secret \"%s\" to %s, which the app file "
                      "does not list for it; nothing was sent.", use->name, r->at.host);
      return;
    case -ENOENT:
      request_finish (r, USHER_E_CONFIG, 0,
                      "Requests to %s are to be proved by \"%s\", which has no value; set it in "
                      "the account.", r->at.host, use->name);
      return;
    case -EINVAL:
      request_finish (r, USHER_E_CONFIG, 0,
                      "The secret \"%s\" holds characters that cannot be sent to %s; set it anew "
                      "without line breaks.", use->name, r->at.host);
      return;
    case -E2BIG:
      request_finish (r, USHER_E_LIMIT, 0, "The request to %s is too large to be sent.",
                      r->at.host);
      return;
    default:
      request_finish (r, USHER_E_NOMEM, 0, "There is not enough memory for a request to %s.",
                      r->at.host);
    }
}

int
compose_start (struct request *r)
{
  struct net *net = r->net;
  struct standin_use use = { .all = &net->secrets, .origin = r->at.origin,
                             .now_ms = clock_now_ms (), .exchange = ++net->exchanges };
  _cleanup_ (draft_done) struct draft d = { BUF_INIT (URL_TEXT_MAX), BUF_INIT (HEADERS_MAX),
                                            BUF_INIT (URL_MAX) };
  int e;

  oauth_look (net);
  e = draft (r, &use, &d);
  r->token = use.with_token ? net->oauth.serial : 0;
  if (e == -EINPROGRESS)
    {
      r->wants_token = true;
      return e;
    }
  if (e == -EAGAIN)
    {
      r->not_before_ms = clock_mono_ms () + use.wait_ms;
      return e;
    }
  if (e == 0)
    e = start (r, &d);
  if (e < 0)
    explain (r, &use, e);
  return e;
}
