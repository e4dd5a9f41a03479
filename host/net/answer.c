/* Owns what is decided at an answer's head, and the credit. */
#include <config.h>

#include "host/net/answer.h"

#include <stdio.h>

#include <usher/connector.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/net/accept.h"
#include "host/net/request.h"
#include "host/net/retry.h"
#include "host/net/session.h"

/* A body that nobody wants is read up to here, so that its connection can be kept. */
#define SKIP_MAX (64u * 1024)
#define HEADERS_MAX 256u

static bool
is_redirect (const struct request *r)
{
  int32_t s = r->x.status;

  return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308)
         && !(r->asked.flags & USHER_H_NO_FOLLOW) && exchange_header (&r->x, "location");
}

static enum request_plan
decide (const struct request *r)
{
  if (is_redirect (r))
    return REQUEST_FOLLOW;
  /* Also where 401 would be an answer: the connector asks with a token that is good.  Nothing was
     done (RFC 9110 section 15.5.2), so what is not safe may go again. */
  if (r->x.status == 401 && r->token && !r->renewed)
    return REQUEST_RENEW;
  /* Also where the connector knows a meaning of the status: 403 is "forbidden" to it. */
  if (limits_throttled (&r->x.limits, r->x.status))
    return REQUEST_THROTTLED;
  if (accept_status (r->asked.accept, r->x.status))
    return REQUEST_DELIVER;
  if (retry_status (r->x.status) && request_is_safe (r) && r->attempts < RETRY_ATTEMPTS_MAX)
    return REQUEST_REPEAT;
  return REQUEST_DELIVER;
}

/* Headers that say how the answer travelled, which is over; and, where the session keeps
   cookies, those that no script of a page could read either. */
static bool
is_hidden (const struct request *r, const char *name, const char *value, bool encoded)
{
  static const char *const travel[] = { "connection", "content-encoding", "keep-alive",
                                        "transfer-encoding" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (travel); i++)
    if (ascii_casecmp (name, travel[i]) == 0)
      return true;
  if (encoded && ascii_casecmp (name, "content-length") == 0)
    return true;
  return r->net->wire.keep_cookies && ascii_casecmp (name, "set-cookie") == 0
         && strcasestr (value, "httponly");
}

/* The headers that the worker may see, secrets taken out. */
static int
visible_headers (struct request *r, struct arena *arena, struct wire_kvs *ret)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (8 * EXCHANGE_HEAD_MAX);
  bool encoded = exchange_header (&r->x, "content-encoding") != NULL;
  struct usher_kv *kv = arena_array (arena, HEADERS_MAX, sizeof *kv);
  const char *name, *value;
  size_t at = 0, n = 0;

  if (!kv)
    return -ENOMEM;
  while (n < HEADERS_MAX && exchange_next_header (&r->x, &at, &name, &value))
    {
      if (is_hidden (r, name, value, encoded))
        continue;
      buf_reset (&text);
      redact_put (&r->net->redact, value, strlen (value), &text);
      kv[n].key = arena_strndup (arena, name, strlen (name));
      kv[n].value = arena_strndup (arena, text.data ? text.data : "", text.len);
      if (buf_error (&text) || !kv[n].key || !kv[n].value)
        return -ENOMEM;
      n++;
    }
  *ret = (struct wire_kvs) { kv, n };
  return 0;
}

/* The address as the worker and usherd may see it. */
static char *
visible_url (const struct request *r)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (2 * URL_MAX);

  if (r->hops == 0)
    return strdup (r->asked.url);
  redact_put (&r->net->redact, r->at.text, strlen (r->at.text), &text);
  return buf_steal (&text);
}

static bool
send_head (struct request *r)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  struct wire_head head = { .status = r->x.status };

  free (r->evidence.url);
  r->evidence.url = visible_url (r);
  r->evidence.status = r->x.status;
  if (!r->evidence.url || visible_headers (r, &arena, &head.headers) < 0)
    {
      r->fault = USHER_E_NOMEM;
      return false;
    }
  head.url = r->evidence.url;
  session_tell_peer (r->net, WIRE_HEAD, r->id, &head);
  return true;
}

static void
judge (struct request *r)
{
  struct net *net = r->net;
  const char *type = exchange_header (&r->x, "content-type");
  char why[512];

  r->accepted = accept_status (r->asked.accept, r->x.status);
  r->odd = r->accepted && !witness_type (&net->witness, r->asked.ordinal, type);
  if (!r->accepted)
    {
      (void) snprintf (why, sizeof why, "%s answered %d, which is not an answer here", r->at.host,
                       r->x.status);
      witness_bad (&net->witness, r->asked.ordinal, WITNESS_REFUSED, r->asked.method,
                   r->asked.url, why);
    }
  else if (r->odd)
    {
      (void) snprintf (why, sizeof why, "%s answered with another content type than before",
                       r->at.host);
      witness_bad (&net->witness, r->asked.ordinal, WITNESS_ODD_TYPE, r->asked.method,
                   r->asked.url, why);
    }
}

bool
answer_head (void *owner)
{
  struct request *r = owner;

  r->plan = decide (r);
  if (r->plan != REQUEST_DELIVER)
    return true;
  judge (r);
  return send_head (r);
}

bool
answer_push (struct request *r)
{
  while (r->pending.len && r->credit)
    {
      size_t n = MIN (MIN (r->pending.len, r->credit), WIRE_PAYLOAD_MAX);

      session_tell_body (r->net, r->id, r->pending.data, n);
      buf_drop (&r->pending, n);
      r->credit -= n;
    }
  return r->pending.len == 0;
}

static void
keep_evidence (struct request *r, const char *p, size_t len)
{
  size_t room = REQUEST_EVIDENCE_MAX - MIN (r->evidence.body.len, REQUEST_EVIDENCE_MAX);

  buf_put (&r->evidence.body, p, MIN (len, room));
}

enum exchange_take
answer_body (void *owner, const char *p, size_t len)
{
  struct request *r = owner;

  if (r->plan != REQUEST_DELIVER)
    {
      r->skipped += len;
      if (r->plan == REQUEST_THROTTLED)
        buf_put (&r->refusal, p, len);
      return r->skipped > SKIP_MAX ? EXCHANGE_STOP : EXCHANGE_TAKEN;
    }
  if (r->pending.len)
    {
      if (!r->paused_ms)
        r->paused_ms = clock_mono_ms ();
      return EXCHANGE_WAIT;
    }
  if (len > r->max_bytes - r->received)
    {
      r->fault = USHER_E_LIMIT;
      return EXCHANGE_STOP;
    }
  r->received += len;
  witness_bytes (&r->net->witness, r->asked.ordinal, len);
  keep_evidence (r, p, len);
  buf_put (&r->pending, p, len);
  if (buf_error (&r->pending))
    {
      r->fault = USHER_E_NOMEM;
      return EXCHANGE_STOP;
    }
  (void) answer_push (r);
  return EXCHANGE_TAKEN;
}

void
answer_settle (struct request *r, bool bad)
{
  struct net *net = r->net;
  struct evidence old = net->last;

  if (bad)
    {
      session_tell_evidence (net, &r->evidence);
      return;
    }
  net->last = r->evidence;
  r->evidence = old;
  r->evidence.status = 0;
  buf_reset (&r->evidence.body);
}
