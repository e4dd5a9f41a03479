/* Owns the life of a request: what starts it, what repeats it, what ends it. */
#include <config.h>

#include "host/net/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <usher/connector.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/net/answer.h"
#include "host/net/compose.h"
#include "host/net/fault.h"
#include "host/net/retry.h"
#include "host/net/session.h"

#define SENTENCE_MAX 1024u
/* A wait that the app asked for without saying how long. */
#define THROTTLE_WAIT_MS 60000
/* What the worker may at most have room for, and what one transfer hands over at once. */
#define PENDING_MAX (256u * 1024)

#ifdef USHER_TEST_HOOKS
/* Tests of an app that never answers do not wait a minute for it. */
int64_t
request_default_timeout (void)
{
  const char *asked = getenv ("USHER_TEST_TIMEOUT_MS");

  return asked ? strtol (asked, NULL, 10) : REQUEST_TIMEOUT_MS;
}
#else
int64_t
request_default_timeout (void)
{
  return REQUEST_TIMEOUT_MS;
}
#endif

static struct request **
find (struct net *net, uint32_t id)
{
  size_t i;

  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i] && net->requests[i]->id == id)
      return &net->requests[i];
  return NULL;
}

void
request_free (struct request *r)
{
  struct request **place = find (r->net, r->id);

  if (place && *place == r)
    *place = NULL;
  exchange_done (&r->x);
  url_done (&r->at);
  buf_wipe (&r->body);
  buf_done (&r->pending);
  buf_done (&r->refusal);
  buf_done (&r->evidence.body);
  free (r->evidence.url);
  free ((char *) (uintptr_t) r->done.text);
  arena_done (&r->memory);
  free (r);
}

bool
request_is_safe (const struct request *r)
{
  return streq (r->method, "GET") || streq (r->method, "HEAD")
         || ((r->asked.flags & USHER_H_SAFE) && r->method == r->asked.method);
}

/* Whether the same may be sent once more without asking anybody. */
static bool
may_repeat (const struct request *r)
{
  return request_is_safe (r) && r->attempts < RETRY_ATTEMPTS_MAX;
}

/* What the answer says of limits; a refusal that names no time gets one. */
static void
judge_limits (const struct request *r, struct limits_verdict *ret)
{
  int64_t now = clock_now_ms ();

  limits_judge (&r->x.limits, r->x.status, now, ret);
  if (ret->throttled && !ret->until_ms)
    ret->until_ms = now + (may_repeat (r) ? retry_wait_ms (r->attempts) : THROTTLE_WAIT_MS);
}

/* usherd has its permits back, and learns what the answer said of limits. */
static void
give_back (struct request *r, const struct limits_verdict *v)
{
  struct wire_seen seen = { .status = 0, .remaining = -1 };
  unsigned int i;

  if (r->x.head_whole)
    seen = (struct wire_seen) { .status = v->throttled ? USHER_E_RATE : r->x.status,
                                .until_ms = v->until_ms, .remaining = v->remaining };
  for (i = 0; r->permits.held >> i; i++)
    if ((r->permits.held >> i) & 1)
      {
        seen.rate = i;
        session_tell_host (r->net, WIRE_SEEN, &seen);
      }
  r->permits = (struct rate_hold) { 0 };
}

/* The same of an exchange that nobody waits for any more. */
static void
let_go (struct request *r)
{
  struct limits_verdict v;

  judge_limits (r, &v);
  give_back (r, &v);
}

static void
send_done (struct request *r)
{
  session_tell_peer (r->net, WIRE_DONE, r->id, &r->done);
  request_free (r);
}

void
request_finish (struct request *r, int32_t status, int64_t until_ms, const char *fmt, ...)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (2 * SENTENCE_MAX);
  char sentence[SENTENCE_MAX];
  va_list ap;

  let_go (r);
  exchange_done (&r->x);
  buf_wipe (&r->body);
  r->done = (struct wire_done) { .status = status, .until_ms = until_ms };
  if (fmt)
    {
      va_start (ap, fmt);
      (void) vsnprintf (sentence, sizeof sentence, fmt, ap);
      va_end (ap);
      redact_put (&r->net->redact, sentence, strlen (sentence), &text);
      r->done.text = buf_steal (&text);
    }
  r->state = REQUEST_DRAINING;
  if (answer_push (r))
    send_done (r);
}

/* A failure that the section's witness has to know. */
static void
fail (struct request *r, enum witness_flaw flaw, int32_t status, int64_t until_ms,
      const char *sentence)
{
  witness_bad (&r->net->witness, r->asked.ordinal, flaw, r->asked.method, r->asked.url, sentence);
  request_finish (r, status, until_ms, "%s", sentence);
}

static void
refuse (struct request *r, const char *why)
{
  char sentence[SENTENCE_MAX];

  (void) snprintf (sentence, sizeof sentence, "The connector made a request that is not sent: %s.",
                   why);
  fail (r, WITNESS_REFUSED, USHER_E_MISUSE, 0, sentence);
}

/* Checks what the worker wants; false when R was finished. */
static bool
admit (struct request *r)
{
  char why[SENTENCE_MAX];
  const char *wrong = compose_check (r);

  if (!wrong && (!r->asked.url || url_parse (r->asked.url, &r->at) < 0))
    wrong = "its address is none";
  if (wrong)
    {
      refuse (r, wrong);
      return false;
    }
  if (!allow_origin (&r->net->allow, &r->at))
    {
      (void) snprintf (why, sizeof why, "%s is not among the hosts of this app", r->at.origin);
      refuse (r, why);
      return false;
    }
  if (auth_find (&r->net->auth, r->asked.auth, &r->rule) < 0)
    {
      (void) snprintf (why, sizeof why, "the app file has no auth rule \"%s\"", r->asked.auth);
      refuse (r, why);
      return false;
    }
  return true;
}

/* The OPEN itself, in memory of the request's own. */
static int
take_open (struct request *r, const void *payload, size_t len)
{
  union wire_message m;
  void *body;
  int e = wire_decode (WIRE_OPEN, payload, len, &r->memory, &m);

  if (e < 0)
    return e;
  r->asked = m.open;
  if (!m.open.body.len)
    return 0;
  body = arena_alloc (&r->memory, m.open.body.len);
  if (!body)
    return -ENOMEM;
  memcpy (body, m.open.body.data, m.open.body.len);
  r->asked.body.data = body;
  return 0;
}

static struct request *
request_new (struct net *net, uint32_t id)
{
  struct request *r = calloc (1, sizeof *r);

  if (!r)
    return NULL;
  r->net = net;
  r->id = id;
  r->memory = (struct arena) ARENA_INIT (WIRE_ARENA_MAX);
  r->body = (struct buf) BUF_INIT (EXCHANGE_BODY_MAX);
  r->pending = (struct buf) BUF_INIT (PENDING_MAX);
  r->refusal = (struct buf) BUF_INIT (LIMITS_BODY_MAX);
  r->credit = WIRE_CREDIT_BYTES;
  r->evidence.body = (struct buf) BUF_INIT (REQUEST_EVIDENCE_MAX);
  return r;
}

static void
too_many (struct net *net, uint32_t id)
{
  struct wire_done done = { .status = USHER_E_MISUSE,
                            .text = "The connector has more requests open at once than it may." };

  session_tell_peer (net, WIRE_DONE, id, &done);
}

int
request_open (struct net *net, uint32_t id, const void *payload, size_t len)
{
  struct request **place = NULL, *r;
  size_t i;
  int e;

  if (find (net, id))
    return -EBADMSG;
  for (i = 0; i < WIRE_REQUESTS_MAX && !place; i++)
    if (!net->requests[i])
      place = &net->requests[i];
  if (!place)
    {
      too_many (net, id);
      return 0;
    }
  r = request_new (net, id);
  if (!r)
    return -ENOMEM;
  e = take_open (r, payload, len);
  if (e == 0)
    e = witness_request (&net->witness, r->asked.ordinal);
  if (e < 0)
    {
      request_free (r);
      return e;
    }
  *place = r;
  r->method = r->asked.method;
  r->with_body = r->asked.body.len > 0;
  r->left_ms = r->asked.timeout_ms > 0 ? MIN (r->asked.timeout_ms, REQUEST_TIMEOUT_MAX_MS)
                                       : request_default_timeout ();
  r->max_bytes = r->asked.max_bytes ? MIN (r->asked.max_bytes, REQUEST_BYTES_MAX)
                                    : REQUEST_BYTES_MAX;
  (void) admit (r);
  return 0;
}

void
request_credit (struct net *net, uint32_t id, uint32_t bytes)
{
  struct request **place = find (net, id), *r = place ? *place : NULL;

  /* Credit for a request that is over crosses its DONE. */
  if (!r)
    return;
  r->credit = MIN (r->credit + bytes, REQUEST_CREDIT_MAX);
  if (!answer_push (r))
    return;
  if (r->state == REQUEST_DRAINING)
    {
      send_done (r);
      return;
    }
  if (r->paused_ms)
    {
      /* The time that the worker took is not the app's. */
      r->deadline_ms += clock_mono_ms () - r->paused_ms;
      r->paused_ms = 0;
      exchange_resume (&r->x);
    }
}

void
request_close (struct net *net, uint32_t id)
{
  struct request **place = find (net, id);

  if (!place)
    return;
  let_go (*place);
  request_free (*place);
}

static void
run (struct request *r, int64_t now)
{
  r->plan = REQUEST_UNDECIDED;
  r->fault = 0;
  r->skipped = 0;
  buf_reset (&r->refusal);
  if (compose_start (r) < 0)
    return;
  r->attempts++;
  r->state = REQUEST_RUNNING;
  r->deadline_ms = now + r->left_ms;
}

void
request_step (struct request *r)
{
  int64_t now = clock_mono_ms ();

  if (r->state == REQUEST_WAITING && !r->wants_token && now >= r->not_before_ms
      && rates_take (&r->net->rates, r->at.origin, now, &r->permits))
    run (r, now);
  else if (r->state == REQUEST_RUNNING && !r->paused_ms && now >= r->deadline_ms)
    request_complete (r, CURLE_OPERATION_TIMEDOUT);
}

int
request_waits_for (const struct request *r)
{
  return r->state == REQUEST_WAITING && !r->wants_token && clock_mono_ms () >= r->not_before_ms
         && r->permits.next < r->net->rates.n ? (int) r->permits.next : -1;
}

int64_t
request_due (const struct request *r)
{
  switch (r->state)
    {
    case REQUEST_WAITING:
      {
        int rule = request_waits_for (r);

        if (r->wants_token)
          return INT64_MAX;
        if (rule >= 0 && r->net->rates.rules[rule].asked)
          return INT64_MAX;
        return rule >= 0 ? r->net->rates.rules[rule].not_before_ms : r->not_before_ms;
      }
    case REQUEST_RUNNING:
      return r->paused_ms ? INT64_MAX : r->deadline_ms;
    case REQUEST_DRAINING:
      break;
    }
  return INT64_MAX;
}

void
request_throttle (struct request *r, unsigned int rule, int64_t until_ms)
{
  char sentence[SENTENCE_MAX];

  if (request_waits_for (r) != (int) rule)
    return;
  (void) snprintf (sentence, sizeof sentence,
                   "%s allows no more requests for now; Usher goes on when it may.", r->at.host);
  fail (r, WITNESS_REFUSED, USHER_E_RATE, until_ms, sentence);
}

void
request_refuse_token (struct request *r, int32_t status, int64_t until_ms, const char *sentence)
{
  r->wants_token = false;
  fail (r, WITNESS_REFUSED, status, until_ms, sentence);
}

/* Once more, or the next hop, after WAIT_MS. */
static void
again (struct request *r, int64_t wait_ms)
{
  exchange_done (&r->x);
  buf_wipe (&r->body);
  r->not_before_ms = clock_mono_ms () + wait_ms;
  r->state = REQUEST_WAITING;
}

/* What cannot be believed is said, once a session. */
static void
tell_odd (struct request *r, const struct limits_verdict *v)
{
  if (!*v->odd || r->net->odd_told)
    return;
  r->net->odd_told = true;
  session_log (r->net, LOG_LEVEL_WARNING,
               "%s says of its limits what cannot be believed (%s); Usher keeps to waits of its own.",
               r->at.host, v->odd);
}

static void
throttled (struct request *r, const struct limits_verdict *v)
{
  char sentence[SENTENCE_MAX];
  int64_t wait = v->until_ms - clock_now_ms ();

  if (may_repeat (r) && wait <= RETRY_WAIT_MAX_MS)
    {
      witness_bad (&r->net->witness, r->asked.ordinal, WITNESS_REFUSED, r->asked.method,
                   r->asked.url, "the app limited the rate of requests");
      again (r, MAX (wait, retry_wait_ms (r->attempts)));
      return;
    }
  if (v->bounded)
    (void) snprintf (sentence, sizeof sentence, "%s asked to wait for longer than a day (%s); Usher "
                     "asks it again after %d hours.", r->at.host, v->quote,
                     (int) (LIMITS_WAIT_MAX_MS / 3600000));
  else if (*v->quote)
    (void) snprintf (sentence, sizeof sentence, "%s asked to wait before the next request (%s); Usher "
                     "goes on when it may.", r->at.host, v->quote);
  else
    (void) snprintf (sentence, sizeof sentence, "%s takes no more requests for now and does not say "
                     "until when; Usher asks it again in a minute.", r->at.host);
  fail (r, WITNESS_REFUSED, USHER_E_RATE, v->until_ms, sentence);
}

/* The method after a redirect: RFC 9110 section 15.4, and what all clients do with POST. */
static void
change_method (struct request *r)
{
  int32_t s = r->x.status;

  if ((s == 303 && !streq (r->method, "HEAD"))
      || ((s == 301 || s == 302) && streq (r->method, "POST")))
    {
      r->method = "GET";
      r->with_body = false;
    }
}

static void
follow (struct request *r)
{
  const char *location = exchange_header (&r->x, "location");
  struct url next = { 0 };
  char sentence[SENTENCE_MAX];
  bool readable = location && url_resolve (&r->at, location, &next) == 0;

  if (!readable || !allow_origin (&r->net->allow, &next))
    {
      (void) snprintf (sentence, sizeof sentence, "%s sent the request on to %s, which is not "
                       "among the hosts of this app; check the address of the hub.", r->at.origin,
                       readable ? next.origin : "something that is no web address");
      url_done (&next);
      fail (r, WITNESS_FOREIGN_REDIRECT, USHER_E_SHAPE, 0, sentence);
      return;
    }
  if (r->hops == REQUEST_REDIRECTS_MAX)
    {
      (void) snprintf (sentence, sizeof sentence, "%s sent the request on more than %u times; "
                       "check the address of the hub.", r->at.host, REQUEST_REDIRECTS_MAX);
      url_done (&next);
      fail (r, WITNESS_REFUSED, USHER_E_SHAPE, 0, sentence);
      return;
    }
  change_method (r);
  r->elsewhere |= !streq (next.origin, r->at.origin);
  exchange_done (&r->x);
  url_done (&r->at);
  r->at = next;
  r->hops++;
  r->attempts = 0;
  again (r, 0);
}

/* The exchange failed: nothing, or not all, of an answer came. */
static void
break_off (struct request *r, int code)
{
  bool began = r->plan == REQUEST_DELIVER;
  char sentence[SENTENCE_MAX];
  int32_t status = fault_explain (r, code, sentence, sizeof sentence);

  if (!began && code != CURLE_OPERATION_TIMEDOUT && !r->fault && !r->x.address_refused
      && may_repeat (r) && retry_curl (code))
    {
      witness_bad (&r->net->witness, r->asked.ordinal, WITNESS_REFUSED, r->asked.method,
                   r->asked.url, sentence);
      again (r, retry_wait_ms (r->attempts));
      return;
    }
  if (began)
    answer_settle (r, true);
  fail (r, began ? WITNESS_SHORT : WITNESS_REFUSED, status, 0, sentence);
}

static void
deliver_end (struct request *r)
{
  answer_settle (r, !r->accepted || r->odd);
  if (r->accepted && !r->odd)
    witness_good (&r->net->witness, r->asked.ordinal, r->asked.method, r->asked.url);
  request_finish (r, USHER_DONE, 0, NULL);
}

void
request_complete (struct request *r, int code)
{
  struct limits_verdict v;

  if (r->plan == REQUEST_THROTTLED && r->refusal.data)
    limits_body (&r->x.limits, r->refusal.data, r->refusal.len);
  judge_limits (r, &v);
  tell_odd (r, &v);
  r->left_ms = MAX (r->deadline_ms - clock_mono_ms (), 1);
  r->wrote |= r->x.sending && !request_is_safe (r);
  give_back (r, &v);
  switch (r->plan)
    {
    case REQUEST_FOLLOW:
      follow (r);
      return;
    case REQUEST_THROTTLED:
      throttled (r, &v);
      return;
    case REQUEST_REPEAT:
      witness_bad (&r->net->witness, r->asked.ordinal, WITNESS_REFUSED, r->asked.method,
                   r->asked.url, "the app was out for the moment");
      again (r, retry_wait_ms (r->attempts));
      return;
    case REQUEST_RENEW:
      witness_bad (&r->net->witness, r->asked.ordinal, WITNESS_REFUSED, r->asked.method,
                   r->asked.url, "the app did not take the access token");
      r->renewed = true;
      r->wrote = false;
      oauth_refused (r->net, r->token);
      again (r, 0);
      return;
    case REQUEST_DELIVER:
      if (code == CURLE_OK && !r->fault)
        {
          deliver_end (r);
          return;
        }
      break;
    case REQUEST_UNDECIDED:
      break;
    }
  break_off (r, code);
}
