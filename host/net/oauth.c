/* Owns the renewal of the access token. */
#include <config.h>

#include "host/net/oauth.h"

#include <stdio.h>
#include <usher/connector.h>

#include "host/common/clock.h"
#include "host/common/failure.h"
#include "host/common/log.h"
#include "host/net/fault.h"
#include "host/net/session.h"

#define ACCESS "access_token"
#define REFRESH "refresh_token"
#define SECRET "client_secret"
#define RENEW_TIMEOUT_MS 30000
/* A renewal that failed while the token is good still is tried again after this. */
#define FAILED_WAIT_MS 60000
/* What was just got is used, however soon it ends. */
#define USED_MS 1000
#define TELLS_MAX 30u
#define BODY_MAX (256u * 1024)

int
oauth_start (struct net *net, const void *json, size_t len)
{
  struct oauth *o = &net->oauth;
  int r;

  if (!len)
    return 0;
  r = oauth_form_parse (json, len, &o->form);
  if (r < 0)
    return r;
  o->token = standins_find (&net->secrets, ACCESS);
  if (!o->token)
    return -EINVAL;
  o->token->is_token = true;
  o->due_ms = o->ends_ms = INT64_MAX;
  o->body = (struct buf) BUF_INIT (BODY_MAX);
  o->text = (struct buf) BUF_INIT (OAUTH_ANSWER_MAX);
  return 0;
}

void
oauth_done (struct oauth *o)
{
  exchange_done (&o->x);
  buf_wipe (&o->body);
  buf_wipe (&o->text);
  oauth_answer_done (&o->answer);
  oauth_form_done (&o->form);
}

/* ---- What the session has. */

void
oauth_look (struct net *net)
{
  struct oauth *o = &net->oauth;
  int64_t now = clock_mono_ms ();
  bool good = o->serial && !o->refused && now < o->ends_ms;

  if (o->token)
    o->token->stale = !(good && (now < o->due_ms || now < o->not_before_ms));
}

void
oauth_refused (struct net *net, uint64_t serial)
{
  if (serial == net->oauth.serial)
    net->oauth.refused = true;
}

static bool
is_wanted (const struct net *net)
{
  size_t i;

  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i] && net->requests[i]->wants_token)
      return true;
  return false;
}

static void
tell_requests (struct net *net, const struct wire_token *failed)
{
  size_t i;

  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i] && net->requests[i]->wants_token)
      {
        if (failed)
          request_refuse_token (net->requests[i], failed->status, failed->until_ms,
                                failed->text ? failed->text : "There is no access token.");
        else
          net->requests[i]->wants_token = false;
      }
}

bool
oauth_busy (const struct net *net)
{
  return net->oauth.state >= OAUTH_RENEWING;
}

/* ---- Asking usherd, and telling it. */

static void
ask (struct net *net)
{
  struct oauth *o = &net->oauth;
  struct wire_token_ask m = { .serial = o->serial };

  o->state = OAUTH_ASKED;
  session_tell_host (net, WIRE_TOKEN_ASK, &m);
}

static void
tell (struct net *net)
{
  struct oauth *o = &net->oauth;
  const struct oauth_answer *a = &o->answer;
  struct wire_token_got m = { .status = a->status, .text = a->status ? a->text : NULL,
                              .until_ms = o->until_ms, .access = a->access.data,
                              .refresh = a->refresh.data, .life_ms = a->life_ms };

  o->state = OAUTH_TOLD;
  o->tells++;
  session_tell_host (net, WIRE_TOKEN_GOT, &m);
}

/* ---- The exchange with the token endpoint. */

static bool
on_head (void *owner)
{
  (void) owner;
  return true;
}

static enum exchange_take
on_body (void *owner, const char *p, size_t len)
{
  struct oauth *o = owner;

  o->too_long |= len > OAUTH_ANSWER_MAX - o->text.len;
  if (o->too_long)
    return EXCHANGE_STOP;
  buf_put (&o->text, p, len);
  return buf_error (&o->text) ? EXCHANGE_STOP : EXCHANGE_TAKEN;
}

static void
fail (struct oauth *o, int32_t status, const char *sentence)
{
  oauth_answer_done (&o->answer);
  o->answer.status = status;
  o->answer.life_ms = -1;
  (void) snprintf (o->answer.text, sizeof o->answer.text, "%s", sentence);
}

static int
begin (struct net *net, const struct wire_token *t)
{
  struct oauth *o = &net->oauth;
  struct oauth_secrets s = { t->id, t->secret, t->refresh };
  _cleanup_ (buf_wipe) struct buf headers = BUF_INIT (BODY_MAX);
  struct exchange_order order = { .target = &o->form.url, .url = o->form.url.text, .method = "POST",
                                  .body = &o->body, .fresh = true };
  int r = t->refresh ? redact_next (&net->redact, REFRESH, t->refresh) : 0;

  if (r == 0 && t->secret)
    r = redact_next (&net->redact, SECRET, t->secret);
  if (r < 0)
    return r;
  /* Room for everything, so that growing leaves no copies of secrets behind. */
  if (!buf_reserve (&headers, BODY_MAX / 2) || !buf_reserve (&o->body, BODY_MAX / 2)
      || !buf_reserve (&o->text, OAUTH_ANSWER_MAX))
    return -ENOMEM;
  r = oauth_form_fill (&o->form, &s, &headers, &o->body);
  if (r < 0)
    return r;
  order.headers = headers.data;
  order.headers_len = headers.len;
  return exchange_start (&o->x, &net->wire, &order, (struct exchange_sink) { o, on_head, on_body });
}

static void
renew (struct net *net, const struct wire_token *t)
{
  struct oauth *o = &net->oauth;

  oauth_answer_done (&o->answer);
  o->until_ms = 0;
  o->tells = 0;
  o->too_long = false;
  if (o->form.by_refresh && !t->refresh)
    {
      fail (o, USHER_E_TOKEN, "The account has no refresh token; grant access again, and give it one.");
      tell (net);
      return;
    }
  if (begin (net, t) == 0)
    {
      o->state = OAUTH_RENEWING;
      o->deadline_ms = clock_mono_ms () + MIN (request_default_timeout (), RENEW_TIMEOUT_MS);
      return;
    }
  fail (o, USHER_E_NOMEM, "There is not enough memory to ask for an access token.");
  buf_wipe (&o->body);
  tell (net);
}

/* Where a redirect led to, for people; NULL = nowhere. */
static const char *
moved_to (const struct oauth *o, struct url *ret)
{
  const char *location = exchange_header (&o->x, "location");

  return location && url_resolve (&o->form.url, location, ret) == 0 ? ret->origin : NULL;
}

/* What the endpoint answered is in; a token in it is a secret before anything is said of it. */
static void
read_answer (struct net *net)
{
  struct oauth *o = &net->oauth;
  struct oauth_answer *a = &o->answer;
  _cleanup_ (url_done) struct url moved = { 0 };
  struct limits_verdict limits;
  int r = 0;

  oauth_answer_read (o->form.url.host, o->x.status, moved_to (o, &moved), o->text.data ? o->text.data : "",
                     o->text.len, a);
  if (a->access.data)
    r = redact_next (&net->redact, ACCESS, a->access.data);
  if (r == 0 && a->refresh.data)
    r = redact_next (&net->redact, REFRESH, a->refresh.data);
  if (r < 0)
    {
      secret_done (&a->access);
      a->status = USHER_E_NOMEM;
      (void) snprintf (a->text, sizeof a->text, "There is not enough memory for an access token.");
    }
  if (failure_class (a->status) == 2 || o->x.status == 503)
    {
      limits_judge (&o->x.limits, o->x.status, clock_now_ms (), &limits);
      o->until_ms = limits.until_ms;
    }
}

void
oauth_complete (struct net *net, int code)
{
  struct oauth *o = &net->oauth;
  char sentence[OAUTH_SENTENCE_MAX];

  if (o->too_long)
    {
      (void) snprintf (sentence, sizeof sentence, "%s answered the request for an access token with more than "
                       "%u KiB; check token_url in the app file.", o->form.url.host, OAUTH_ANSWER_MAX / 1024);
      fail (o, USHER_E_SHAPE, sentence);
    }
  else if (code != CURLE_OK)
    {
      int32_t status = fault_of_exchange (&o->x, code, sentence, sizeof sentence);

      fail (o, status, sentence);
    }
  else
    read_answer (net);
  exchange_done (&o->x);
  buf_wipe (&o->body);
  buf_wipe (&o->text);
  tell (net);
}

/* ---- What usherd answers. */

static int
put_on (struct net *net, const struct wire_token *t)
{
  struct oauth *o = &net->oauth;
  int64_t now = clock_mono_ms ();
  int r = redact_next (&net->redact, ACCESS, t->access);

  if (r == 0)
    r = standins_set (&net->secrets, ACCESS, t->access);
  if (r < 0)
    return r;
  o->serial = t->serial;
  o->refused = false;
  o->due_ms = t->due_in_ms < 0 ? INT64_MAX : now + MAX (t->due_in_ms, USED_MS);
  o->ends_ms = t->ends_in_ms < 0 ? INT64_MAX : now + MAX (t->ends_in_ms, USED_MS);
  o->not_before_ms = 0;
  return 0;
}

/* A token that is good for a while yet is used until it ends; but not when the credential itself
   was refused. */
static void
settle_failure (struct net *net, const struct wire_token *t)
{
  struct oauth *o = &net->oauth;
  bool lasting = failure_class (t->status) == 3 || failure_class (t->status) == 5;
  int64_t wait = t->until_ms ? t->until_ms - clock_now_ms () : 0;

  if (o->serial && !o->refused && !lasting && clock_mono_ms () < o->ends_ms)
    {
      o->not_before_ms = clock_mono_ms () + MAX (wait, FAILED_WAIT_MS);
      session_log (net, LOG_LEVEL_WARNING, "%s  The one that there is serves for now.", t->text ? t->text : "");
      tell_requests (net, /* failed= */ NULL);
      return;
    }
  tell_requests (net, t);
}

static int
take_answer (struct net *net, const struct wire_token *t)
{
  struct oauth *o = &net->oauth;
  int r = t->access ? put_on (net, t) : 0;

  if (r < 0)
    return r;
  if (t->renew)
    {
      /* Nobody needs it any more: usherd lends it to the next. */
      if (!is_wanted (net))
        {
          fail (o, USHER_E_CANCELLED, "The request that needed an access token is over.");
          tell (net);
        }
      else
        renew (net, t);
      return 0;
    }
  o->state = OAUTH_IDLE;
  if (t->status < 0)
    settle_failure (net, t);
  else if (t->access)
    tell_requests (net, /* failed= */ NULL);
  else
    return -EBADMSG;
  return 0;
}

int
oauth_take (struct net *net, const struct wire_token *t)
{
  struct oauth *o = &net->oauth;

  if (!o->token || (o->state != OAUTH_ASKED && o->state != OAUTH_TOLD))
    return -EBADMSG;
  if (t->wait_ms > 0)
    {
      o->not_before_ms = clock_mono_ms () + t->wait_ms;
      if (o->state == OAUTH_ASKED)
        o->state = OAUTH_LATER;
      else if (o->tells < TELLS_MAX)
        o->state = OAUTH_TELL_LATER;
      else
        return -ETIMEDOUT;
      return 0;
    }
  oauth_answer_done (&o->answer);
  return take_answer (net, t);
}

void
oauth_step (struct net *net)
{
  struct oauth *o = &net->oauth;
  int64_t now = clock_mono_ms ();

  switch (o->state)
    {
    case OAUTH_IDLE:
      if (o->token && is_wanted (net))
        ask (net);
      break;
    case OAUTH_LATER:
      if (now >= o->not_before_ms && !is_wanted (net))
        o->state = OAUTH_IDLE;
      else if (now >= o->not_before_ms)
        ask (net);
      break;
    case OAUTH_RENEWING:
      if (now >= o->deadline_ms)
        oauth_complete (net, CURLE_OPERATION_TIMEDOUT);
      break;
    case OAUTH_TELL_LATER:
      if (now >= o->not_before_ms)
        tell (net);
      break;
    case OAUTH_ASKED:
    case OAUTH_TOLD:
      break;
    }
}

int64_t
oauth_due (const struct net *net)
{
  const struct oauth *o = &net->oauth;

  switch (o->state)
    {
    case OAUTH_LATER:
    case OAUTH_TELL_LATER:
      return o->not_before_ms;
    case OAUTH_RENEWING:
      return o->deadline_ms;
    case OAUTH_IDLE:
    case OAUTH_ASKED:
    case OAUTH_TOLD:
      break;
    }
  return INT64_MAX;
}
