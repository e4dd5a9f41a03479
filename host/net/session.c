/* Owns the loop over the two channels and libcurl, and what usherd said at the start. */
#include <config.h>

#include "host/net/session.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/common/text.h"
#include "host/net/retry.h"

/* Frames on their way: the credit of all requests, their heads, and room to spare. */
#define QUEUE_MAX (16u * 1024 * 1024)
#define COOKIES_MAX (1024u * 1024)
/* After END the worker has this long to close its connector. */
#define END_WAIT_MS 5000
/* What is left to say at the end may take this long. */
#define FLUSH_WAIT_MS 5000
#define POLL_MAX_MS 60000
#define CONNECTIONS_MAX 16L
#define DNS_PORT 53
/* Of a proxy whose address names none: libcurl's, by its kind. */
#define HTTPS_PORT 443
#define PROXY_PORT 1080

DEFINE_CLEANUP (CURL *, curl_easy_cleanup)

/* Where distributions keep the certificates of public authorities in one file. */
static const char *const bundles[] = {
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
};

#ifdef USHER_TEST_HOOKS
/* Tests name an address for a host of theirs. */
static const char *
test_resolve (void)
{
  return getenv ("USHER_TEST_RESOLVE");
}
#else
static const char *
test_resolve (void)
{
  return NULL;
}
#endif

void
session_tell_host (struct net *net, uint16_t type, const void *msg)
{
  int r = wire_encode (&net->to_host, type, 0, msg);

  if (r < 0 && type != WIRE_LOG)
    session_log (net, LOG_LEVEL_WARNING, "%s could not be told: %s.", wire_name (type),
                 strerror (-r));
}

void
session_tell_peer (struct net *net, uint16_t type, uint32_t stream, const void *msg)
{
  int r = wire_encode (&net->to_peer, type, stream, msg);

  /* A worker that waits for a frame that cannot be made would wait for ever. */
  if (r < 0 && !net->to_peer.error)
    net->to_peer.error = r;
}

void
session_tell_body (struct net *net, uint32_t stream, const void *p, size_t len)
{
  int r = wire_encode_bytes (&net->to_peer, WIRE_BODY, stream, p, len);

  if (r < 0 && !net->to_peer.error)
    net->to_peer.error = r;
}

void
session_log (struct net *net, uint32_t level, const char *fmt, ...)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (4096);
  char line[1000];
  struct wire_log log = { .level = level };
  va_list ap;

  va_start (ap, fmt);
  (void) vsnprintf (line, sizeof line, fmt, ap);
  va_end (ap);
  redact_put (&net->redact, line, strlen (line), &text);
  log.text = text.data;
  if (!buf_error (&text) && log.text)
    session_tell_host (net, WIRE_LOG, &log);
}

void
session_tell_evidence (struct net *net, struct evidence *e)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (4 * REQUEST_EVIDENCE_MAX);
  _cleanup_ (freep) char *url = NULL;
  struct wire_evidence m = { .status = e->status };

  if (!e->status)
    return;
  redact_put (&net->redact, e->body.data ? e->body.data : "", e->body.len, &text);
  url = url_for_people (e->url);
  if (url && !buf_error (&text))
    {
      m.url = url;
      m.body = (struct wire_blob) { text.data, text.len };
      session_tell_host (net, WIRE_EVIDENCE, &m);
    }
  e->status = 0;
  buf_reset (&e->body);
}

static int
copy_text (const char *s, const char **ret)
{
  char *copy = s && *s ? strdup (s) : NULL;

  if (s && *s && !copy)
    return -ENOMEM;
  *ret = copy;
  return 0;
}

static const char *
system_bundle (void)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (bundles); i++)
    if (access (bundles[i], R_OK) == 0)
      return bundles[i];
  return bundles[0];
}

static int
take_settings (struct net *net, const struct wire_net_start *s)
{
  int r = copy_text (s->proxy, &net->wire.proxy);

  if (r == 0)
    r = copy_text (s->no_proxy, &net->wire.no_proxy);
  if (r == 0)
    r = copy_text (s->ca_file ? s->ca_file : system_bundle (), &net->wire.ca_file);
  if (r == 0)
    r = copy_text (s->user_agent ? s->user_agent : PACKAGE "/" VERSION, &net->wire.user_agent);
  net->wire.keep_cookies = s->keep_cookies != 0;
  return r;
}

static int
take_hosts (struct net *net, const struct wire_net_start *s)
{
  size_t i;
  int r = 0;

  for (i = 0; r == 0 && i < s->origins.n; i++)
    r = allow_add_origin (&net->allow, s->origins.v[i]);
  for (i = 0; r == 0 && i < s->private_ok.n; i++)
    r = allow_add_network (&net->allow, s->private_ok.v[i]);
  return r;
}

static int
take_secrets (struct net *net, const struct wire_net_start *s, struct arena *arena)
{
  struct wire_secret secret;
  size_t at = 0;
  int r;

  while ((r = wire_next_secret (&s->secrets, &at, arena, &secret)) > 0)
    {
      if (!secret.name || !secret.standin || !secret.value)
        return -EINVAL;
      r = standins_add (&net->secrets, secret.name, secret.standin, secret.value, secret.hosts.v,
                        secret.hosts.n);
      if (r < 0)
        return r;
    }
  return r < 0 ? r : redact_build (&net->secrets, &net->redact);
}

/* One easy handle that serves the session's jar of cookies. */
static CURL *
jar_open (const struct net *net)
{
  CURL *easy = curl_easy_init ();

  if (easy && curl_easy_setopt (easy, CURLOPT_SHARE, net->wire.share) != CURLE_OK)
    {
      curl_easy_cleanup (easy);
      return NULL;
    }
  return easy;
}

/* The jar is lines in Netscape's format, as libcurl reads and writes them. */
static int
load_cookies (struct net *net, const struct wire_blob *jar)
{
  _cleanup_ (curl_easy_cleanupp) CURL *easy = jar_open (net);
  const char *at = jar->data, *end = at + jar->len;

  if (!easy)
    return -ENOMEM;
  while (at < end)
    {
      const char *eol = memchr (at, '\n', (size_t) (end - at));
      _cleanup_ (freep) char *line = NULL;

      eol = eol ? eol : end;
      line = strndup (at, (size_t) (eol - at));
      if (!line || (*line && curl_easy_setopt (easy, CURLOPT_COOKIELIST, line) != CURLE_OK))
        return -ENOMEM;
      at = eol + 1;
    }
  return 0;
}

static void
tell_cookies (struct net *net)
{
  _cleanup_ (curl_easy_cleanupp) CURL *easy = net->wire.keep_cookies ? jar_open (net) : NULL;
  _cleanup_ (buf_wipe) struct buf jar = BUF_INIT (COOKIES_MAX);
  struct curl_slist *list = NULL, *c;
  struct wire_cookies m;

  if (!easy || curl_easy_getinfo (easy, CURLINFO_COOKIELIST, &list) != CURLE_OK)
    return;
  for (c = list; c; c = c->next)
    {
      buf_puts (&jar, c->data);
      buf_putc (&jar, '\n');
    }
  curl_slist_free_all (list);
  m.jar = (struct wire_blob) { jar.data, jar.len };
  if (!buf_error (&jar))
    session_tell_host (net, WIRE_COOKIES, &m);
}

static int
make_handles (struct net *net)
{
  if (curl_global_init (CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return -ENOMEM;
  net->wire.multi = curl_multi_init ();
  net->wire.share = curl_share_init ();
  if (!net->wire.multi || !net->wire.share)
    return -ENOMEM;
  /* One stream a connection: this libcurl stops all streams of a connection when one of
     them waits for the worker, and the worker may be waiting for another. */
  (void) curl_multi_setopt (net->wire.multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  (void) curl_multi_setopt (net->wire.multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
  (void) curl_share_setopt (net->wire.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  if (net->wire.keep_cookies)
    (void) curl_share_setopt (net->wire.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
  net->wire.allow = &net->allow;
  net->wire.resolve = test_resolve ();
  return 0;
}

static int
take_start (struct net *net, const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  union wire_message m;
  int r;

  if (f->type != WIRE_NET_START)
    return -EBADMSG;
  r = wire_decode (f->type, f->payload, f->len, &arena, &m);
  if (r == 0)
    r = take_settings (net, &m.net_start);
  if (r == 0)
    r = take_hosts (net, &m.net_start);
  if (r == 0)
    r = auth_parse (m.net_start.auth.data, m.net_start.auth.len, &net->auth);
  if (r == 0)
    r = rates_parse (m.net_start.rate.data, m.net_start.rate.len, &net->rates);
  if (r == 0)
    r = take_secrets (net, &m.net_start, &arena);
  if (r == 0)
    r = oauth_start (net, m.net_start.oauth.data, m.net_start.oauth.len);
  if (r == 0)
    r = make_handles (net);
  if (r == 0 && net->wire.keep_cookies && m.net_start.cookies.len)
    r = load_cookies (net, &m.net_start.cookies);
  return r;
}

/* The port of a proxy; 0 = its address names none. */
static uint16_t
proxy_port (const char *proxy)
{
  CURLU *u = curl_url ();
  char *text = NULL;
  uint64_t port = 0;

  if (u && curl_url_set (u, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
      && curl_url_get (u, CURLUPART_PORT, &text, 0) == CURLUE_OK)
    (void) parse_u64 (text, 1, UINT16_MAX, &port);
  curl_free (text);
  curl_url_cleanup (u);
  return (uint16_t) port;
}

size_t
session_ports (const struct net *net, uint16_t ret[SESSION_PORTS_MAX])
{
  const char *proxy = net->wire.proxy;
  size_t n = allow_ports (&net->allow, ret);

  ret[n++] = DNS_PORT;
  if (net->oauth.token)
    ret[n++] = net->oauth.form.url.port;
  if (proxy && *proxy && proxy_port (proxy))
    ret[n++] = proxy_port (proxy);
  else if (proxy && *proxy)
    {
      ret[n++] = HTTPS_PORT;
      ret[n++] = PROXY_PORT;
    }
  return n;
}

int
session_start (struct net *net)
{
  struct wire_frame f;
  int r;

  net->to_host = (struct buf) BUF_INIT (QUEUE_MAX);
  net->to_peer = (struct buf) BUF_INIT (QUEUE_MAX);
  net->last.body = (struct buf) BUF_INIT (REQUEST_EVIDENCE_MAX);
  r = wire_wait (&net->host, &f);
  if (r <= 0)
    return r < 0 ? r : -EPIPE;
  r = take_start (net, &f);
  if (r < 0 && r != -ENOMEM)
    session_log (net, LOG_LEVEL_ERROR, "The start of the session cannot be read: %s.",
                 strerror (-r));
  return r;
}

static int
serve_peer_frame (struct net *net, const struct wire_frame *f)
{
  struct arena arena = ARENA_INIT (0);
  union wire_message m;
  int r;

  switch (f->type)
    {
    case WIRE_OPEN:
      return request_open (net, f->stream, f->payload, f->len);
    case WIRE_CREDIT:
      r = wire_decode (f->type, f->payload, f->len, &arena, &m);
      if (r == 0)
        request_credit (net, f->stream, m.credit.bytes);
      return r;
    case WIRE_CLOSE:
      request_close (net, f->stream);
      return 0;
    default:
      return -EBADMSG;
    }
}

static int
take_from_peer (struct net *net)
{
  struct wire_frame f;
  int r;

  for (;;)
    {
      while ((r = wire_next (&net->peer, &f)) > 0)
        {
          r = serve_peer_frame (net, &f);
          if (r < 0)
            return r;
        }
      if (r < 0)
        return r;
      r = wire_fill (&net->peer);
      if (r == -EAGAIN)
        return 0;
      if (r <= 0)
        return r < 0 ? r : -EPIPE;
    }
}

/* What came of a channel to the worker, which is to blame for all but an end and our own lack
   of memory. */
static int
blame_peer (struct net *net, int r)
{
  net->peer_broke_it = r < 0 && r != -EPIPE && r != -ENOMEM;
  return r;
}

/* Takes in all that the worker has written so far.  0, -EPIPE at the end of file, or another
   negative errno. */
static int
serve_peer (struct net *net)
{
  return blame_peer (net, take_from_peer (net));
}

/* The worker has gone, or is not heard any more: nobody hears of its requests either. */
static void
leave_requests (struct net *net)
{
  size_t i;

  net->alone = true;
  buf_reset (&net->to_peer);
  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i])
      request_close (net, net->requests[i]->id);
}

static int
serve_permit (struct net *net, const struct wire_permit *p)
{
  int r = rates_permit (&net->rates, p, clock_mono_ms ());
  size_t i;

  /* A short wait is waited for here; a long one ends the requests, so that usherd can
     park the task. */
  if (r < 0 || p->n || p->wait_ms <= RETRY_WAIT_MAX_MS)
    return r;
  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i])
      request_throttle (net->requests[i], p->rate,
                        p->until_ms ? p->until_ms : clock_now_ms () + p->wait_ms);
  return 0;
}

static int
serve_tally (struct net *net, uint32_t ordinal)
{
  struct wire_tally tally;
  int r = net->alone || net->peer.eof ? 0 : serve_peer (net);

  /* usherd asks when the worker has ended the section, so everything that the worker
     wrote about it lies in the channel by now, and is counted first. */
  if (r < 0 && r != -EPIPE)
    return r;
  witness_tally (&net->witness, ordinal, &tally);
  session_tell_host (net, WIRE_TALLY, &tally);
  witness_forget (&net->witness, ordinal);
  return 0;
}

/* The connector handed usherd a new value, of a token say; from now on it is this one.  The old
   one is still taken out of every text: what cannot be taken out ends the session, but no renewal. */
static int
serve_secret (struct net *net, const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  union wire_message m;
  int r = wire_decode (f->type, f->payload, f->len, &arena, &m);

  if (r == 0 && (!m.secret_put.name || !m.secret_put.value))
    r = -EBADMSG;
  if (r == 0 && net->alone)
    return 0;
  if (r == 0)
    r = standins_set (&net->secrets, m.secret_put.name, m.secret_put.value);
  /* A secret that the app file does not name goes nowhere. */
  if (r == -ENOENT || r == -EINVAL)
    return 0;
  if (r == 0)
    r = redact_add (&net->redact, standins_find (&net->secrets, m.secret_put.name));
  if (r == -E2BIG)
    {
      session_log (net, LOG_LEVEL_ERROR, "The connector replaced its secrets too often in one session, "
                   "which ends it.  Report this to the connector's author.");
      (void) wire_push (&net->host, &net->to_host);
    }
  if (r == -E2BIG && oauth_busy (net))
    {
      net->peer_broke_it = true;
      leave_requests (net);
      return 0;
    }
  return r;
}

static int
serve_token (struct net *net, const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  union wire_message m;
  int r = wire_decode (f->type, f->payload, f->len, &arena, &m);

  return r < 0 ? r : oauth_take (net, &m.token);
}

static int
serve_host_frame (struct net *net, const struct wire_frame *f)
{
  struct arena arena = ARENA_INIT (0);
  union wire_message m;
  int r = 0;

  if (f->type == WIRE_SECRET_PUT)
    return serve_secret (net, f);
  if (f->type == WIRE_TOKEN)
    return serve_token (net, f);
  if (f->type != WIRE_PERMIT && f->type != WIRE_TALLY_ASK && f->type != WIRE_END)
    return -EBADMSG;
  if (f->type == WIRE_END)
    {
      net->ended = true;
      net->end_by_ms = clock_mono_ms () + END_WAIT_MS;
      return 0;
    }
  r = wire_decode (f->type, f->payload, f->len, &arena, &m);
  if (r < 0)
    return r;
  return f->type == WIRE_PERMIT ? serve_permit (net, &m.permit)
                                : serve_tally (net, m.tally_ask.ordinal);
}

static int
serve_host (struct net *net)
{
  struct wire_frame f;
  int r;

  for (;;)
    {
      while ((r = wire_next (&net->host, &f)) > 0)
        {
          r = serve_host_frame (net, &f);
          if (r < 0)
            return r;
        }
      if (r < 0)
        return r;
      r = wire_fill (&net->host);
      if (r == -EAGAIN)
        return 0;
      if (r <= 0)
        return r < 0 ? r : -EPIPE;
    }
}

/* A permit that its request did not live to use. */
static void
return_permits (struct net *net, unsigned int rule)
{
  struct wire_seen seen = { .rate = rule, .remaining = -1 };

  while (rates_spare (&net->rates, rule))
    session_tell_host (net, WIRE_SEEN, &seen);
}

/* Asks for the permits that requests wait for, once a rule. */
static void
ask_permits (struct net *net)
{
  unsigned int waiting[RATE_RULES_MAX] = { 0 }, i;
  int64_t now = clock_mono_ms ();

  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    {
      int rule = net->requests[i] ? request_waits_for (net->requests[i]) : -1;

      if (rule >= 0)
        waiting[rule]++;
    }
  for (i = 0; i < net->rates.n; i++)
    {
      struct rate_rule *rule = &net->rates.rules[i];
      struct wire_ask ask = { .rate = i, .n = waiting[i] };

      if (!waiting[i])
        return_permits (net, i);
      if (!waiting[i] || rule->asked || rule->have || now < rule->not_before_ms)
        continue;
      rule->asked = true;
      session_tell_host (net, WIRE_ASK, &ask);
    }
}

static void
step_requests (struct net *net)
{
  size_t i;

  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i])
      request_step (net->requests[i]);
}

static void
drive_curl (struct net *net)
{
  CURLMsg *msg;
  int running, left;

  (void) curl_multi_perform (net->wire.multi, &running);
  while ((msg = curl_multi_info_read (net->wire.multi, &left)))
    if (msg->msg == CURLMSG_DONE)
      {
        char *owner = NULL;
        int code = (int) msg->data.result;

        (void) curl_easy_getinfo (msg->easy_handle, CURLINFO_PRIVATE, &owner);
        if (owner == (char *) &net->oauth)
          oauth_complete (net, code);
        else
          request_complete ((struct request *) (void *) owner, code);
      }
}

static int
push (struct wire_channel *c, struct buf *out)
{
  int r = out->len || buf_error (out) ? wire_push (c, out) : 0;

  return r == -EAGAIN ? 0 : r;
}

/* How long nothing has to be done but wait. */
static int
idle_ms (const struct net *net)
{
  int64_t due = clock_mono_ms () + POLL_MAX_MS, now = clock_mono_ms ();
  size_t i;

  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i])
      due = MIN (due, request_due (net->requests[i]));
  due = MIN (due, oauth_due (net));
  if (net->ended)
    due = MIN (due, net->end_by_ms);
  return (int) MAX (due - now, 0);
}

/* Waits for any end and takes in what came.  0, 1 when the worker has gone, or a
   negative errno. */
static int
wait_and_read (struct net *net)
{
  struct curl_waitfd fds[2] = { { net->host.fd, CURL_WAIT_POLLIN, 0 },
                                { net->peer.fd, CURL_WAIT_POLLIN, 0 } };
  int r;

  if (net->to_host.len)
    fds[0].events |= CURL_WAIT_POLLOUT;
  /* The worker hears nothing before usherd has heard what came first. */
  if (net->to_peer.len && !net->to_host.len)
    fds[1].events |= CURL_WAIT_POLLOUT;
  if (curl_multi_poll (net->wire.multi, fds, net->alone ? 1 : 2, idle_ms (net), NULL) != CURLM_OK)
    return -EIO;
  if (!net->alone && fds[1].revents & CURL_WAIT_POLLIN)
    {
      r = serve_peer (net);
      if (r == -EPIPE)
        return 1;
      if (r < 0)
        return r;
    }
  return fds[0].revents & CURL_WAIT_POLLIN ? serve_host (net) : 0;
}

static void
tell_doubt (struct net *net)
{
  struct wire_doubt doubt = { witness_doubt (&net->witness) };

  if (doubt.ordinal == net->doubt)
    return;
  net->doubt = doubt.ordinal;
  session_tell_host (net, WIRE_DOUBT, &doubt);
}

/* Says what is kept for the end. */
static void
finish (struct net *net)
{
  int64_t by = clock_mono_ms () + FLUSH_WAIT_MS;
  struct pollfd p = { .fd = net->host.fd, .events = POLLOUT };

  tell_cookies (net);
  session_tell_evidence (net, &net->last);
  while (wire_push (&net->host, &net->to_host) == -EAGAIN && clock_mono_ms () < by)
    (void) poll (&p, 1, 100);
}

int
session_serve (struct net *net)
{
  int r;

  /* The other end of each pair has flags of its own. */
  if (fcntl (net->host.fd, F_SETFL, O_NONBLOCK) < 0 || fcntl (net->peer.fd, F_SETFL, O_NONBLOCK) < 0)
    return -errno;
  /* What came in one piece with START does not wake us again. */
  r = serve_host (net);
  if (r < 0)
    return r == -EPIPE ? 0 : r;
  for (;;)
    {
      step_requests (net);
      oauth_step (net);
      ask_permits (net);
      drive_curl (net);
      /* usherd hears first, so that no checkpoint of the worker's overtakes a doubt. */
      tell_doubt (net);
      r = push (&net->host, &net->to_host);
      if (r < 0)
        return r == -EPIPE ? 0 : r;
      r = net->alone || net->to_host.len ? 0 : blame_peer (net, push (&net->peer, &net->to_peer));
      if (r == -EPIPE)
        r = 1;
      if (r == 0)
        r = wait_and_read (net);
      /* A worker that broke its channel does not end a renewal either. */
      if (r == 1 || (r < 0 && net->peer_broke_it && oauth_busy (net)))
        leave_requests (net);
      else if (r < 0 && r != -EPIPE)
        return r;
      if (r == -EPIPE || ((net->alone || (net->ended && clock_mono_ms () >= net->end_by_ms))
                          && !oauth_busy (net)))
        {
          finish (net);
          return net->peer_broke_it ? -EBADMSG : 0;
        }
    }
}

void
session_done (struct net *net)
{
  size_t i;

  for (i = 0; i < WIRE_REQUESTS_MAX; i++)
    if (net->requests[i])
      request_free (net->requests[i]);
  oauth_done (&net->oauth);
  if (net->wire.multi)
    (void) curl_multi_cleanup (net->wire.multi);
  if (net->wire.share)
    (void) curl_share_cleanup (net->wire.share);
  free ((char *) (uintptr_t) net->wire.proxy);
  free ((char *) (uintptr_t) net->wire.no_proxy);
  free ((char *) (uintptr_t) net->wire.ca_file);
  free ((char *) (uintptr_t) net->wire.user_agent);
  witness_done (&net->witness);
  redact_done (&net->redact);
  rates_done (&net->rates);
  auth_done (&net->auth);
  standins_done (&net->secrets);
  allow_done (&net->allow);
  free (net->last.url);
  buf_done (&net->last.body);
  buf_done (&net->to_host);
  buf_done (&net->to_peer);
  wire_channel_done (&net->host);
  wire_channel_done (&net->peer);
}
