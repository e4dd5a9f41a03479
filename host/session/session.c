/* Owns the life of a session: its two children, the links to them, how it ends. */
#include <config.h>

#include "host/session/private.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/common/row.h"

/* START and a CALL of the largest kind, and replies besides. */
#define OUT_MAX (8u * 1024 * 1024)
#define TEXT_MAX 2048u
#define SIBLING_MS 200             /* for the end of the one that was to blame to be known */
#define SECRETS_BYTES_MAX (1024u * 1024)  /* wire_net_start.secrets */

void
session_outcome_done (struct session_outcome *o)
{
  free (o->text);
  free (o->field);
  free (o->url);
  *o = (struct session_outcome) { 0 };
}

/* ---- How it ends. */

/* Net is left alone until the token that it is getting is safe: session_close waits. */
static void
kill_both (struct session *s)
{
  if (s->worker.child)
    supervisor_child_kill (s->worker.child);
  if (s->net.child && !s->renewing)
    supervisor_child_kill (s->net.child);
}

int
session_fail (struct session *s, int32_t status, const char *fmt, ...)
{
  struct buf text = BUF_INIT (TEXT_MAX);
  va_list ap;

  if (s->dead)
    return -ECONNABORTED;
  va_start (ap, fmt);
  buf_vprintf (&text, fmt, ap);
  va_end (ap);
  s->dead = true;
  s->dead_status = status;
  s->dead_text = buf_steal (&text);
  kill_both (s);
  return -ECONNABORTED;
}

const char *
session_doing (const struct session *s)
{
  if (s->call)
    return s->call->op->name;
  return !s->calls ? "its start" : s->closing ? "or after its last operation" : "the pause between two operations";
}

static bool
ended_badly (const struct session_link *link, int64_t timeout_ms, struct supervisor_exit *ret)
{
  return supervisor_child_ended (link->child, timeout_ms, ret) && (ret->signal || ret->status);
}

void
session_lost (struct session *s, struct session_link *link)
{
  struct session_link *other = link == &s->worker ? &s->net : &s->worker;
  struct supervisor_exit how = { 0 };
  const char *name;

  if (s->dead)
    return;
  if (link == &s->net)
    s->renewing = false;
  /* A child ends in good order when its sibling is gone: then the sibling is to blame. */
  if (!ended_badly (link, SESSION_END_MS, &how) && ended_badly (other, SIBLING_MS, &how))
    link = other;
  if (link == &s->net && !how.signal && how.status == WIRE_EXIT_PROTOCOL)
    {
      session_fail (s, USHER_E_MISUSE, "%s sent %s what it must not in %s", s->worker.who, link->who,
                    session_doing (s));
      return;
    }
  s->blameless = link == &s->net;
  if (!supervisor_child_ended (link->child, 0, &how))
    {
      session_fail (s, USHER_E_MISUSE, "%s closed its channel in %s and did not end", link->who,
                    session_doing (s));
      return;
    }
  name = how.signal ? sigdescr_np (how.signal) : NULL;
  if (link == &s->worker && how.status == WIRE_EXIT_UNCONFINED)
    session_fail (s, USHER_E_NOMEM, "%s cannot be confined on this system, so it may not run", link->who);
  else if (how.signal)
    session_fail (s, USHER_E_NOMEM, "%s ended by signal %d (%s) in %s", link->who, how.signal,
                  name ? name : "unknown", session_doing (s));
  else
    session_fail (s, USHER_E_NOMEM, "%s ended with status %d in %s", link->who, how.status,
                  session_doing (s));
}

bool
session_alive (struct session *s)
{
  return !s->dead && !supervisor_child_ended (s->worker.child, 0, NULL)
         && !supervisor_child_ended (s->net.child, 0, NULL);
}

void
session_wake (struct session *s)
{
  uint64_t one = 1;
  ssize_t n _unused_;

  /* Fails only when the counter is full, and then the call wakes anyway. */
  n = write (s->wake_fd, &one, sizeof one);
}

/* ---- Sending. */

int
session_queue (struct session_link *link, uint16_t type, uint32_t stream, const void *msg)
{
  return wire_encode (&link->out, type, stream, msg);
}

void
session_push (struct session *s, struct session_link *link)
{
  int r;

  if (s->dead || !link->out.len)
    return;
  r = wire_push (&link->channel, &link->out);
  if (r < 0 && r != -EAGAIN)
    session_lost (s, link);
  else if (!link->out.len)
    {
      /* It may have held secrets. */
      buf_wipe (&link->out);
      link->replies = 0;
    }
}

/* ---- Opening. */

static int
refuse (struct session_outcome *o, int r, int32_t status, const char *fmt, ...) _printf_ (4, 5);

static int
refuse (struct session_outcome *o, int r, int32_t status, const char *fmt, ...)
{
  struct buf text = BUF_INIT (TEXT_MAX);
  va_list ap;

  va_start (ap, fmt);
  buf_vprintf (&text, fmt, ap);
  va_end (ap);
  o->status = status;
  o->text = buf_steal (&text);
  return r;
}

static size_t
count (const char *const *v)
{
  size_t n = 0;

  while (v && v[n])
    n++;
  return n;
}

/* A value that the connector sees in its configuration anyway is not searched for. */
static bool
is_open (const struct session_spec *spec, const char *value)
{
  size_t i;

  for (i = 0; i < spec->n_conf; i++)
    if (streq (spec->conf[i].value, value))
      return true;
  return false;
}

/* Makes the stand-ins and the two lists: for the worker by name, for net with values. */
static int
deal_secrets (struct session *s, const struct session_spec *spec, struct usher_kv *ret_worker, size_t *ret_n,
              char (*standins)[STANDIN_LEN + 1], struct buf *ret_net)
{
  size_t i;
  int r;

  for (i = 0; i < spec->n_secrets; i++)
    {
      const struct session_secret *from = &spec->secrets[i];
      struct wire_secret secret = { from->name, standins[i], from->value ? from->value : "",
                                    { from->origins, count (from->origins) } };

      r = session_standin (standins[i]);
      if (r == 0 && from->value && *from->value && !is_open (spec, from->value))
        r = session_secrets_put (&s->secrets, from->name, from->value);
      if (r == 0)
        r = wire_put_secret (ret_net, &secret);
      if (r < 0)
        return r;
      if (from->value)
        ret_worker[(*ret_n)++]
          = (struct usher_kv) { from->name, spec->reveal ? from->value : standins[i] };
    }
  return 0;
}

static int
queue_first_frames (struct session *s, const struct session_spec *spec)
{
  char standins[SECRETS_MAX][STANDIN_LEN + 1];
  struct usher_kv dealt[SECRETS_MAX];
  _cleanup_ (buf_wipe) struct buf secrets = BUF_SECRET (SECRETS_BYTES_MAX);
  struct wire_start start = {
    .connector = spec->connector_path, .app = spec->app, .run = { spec->run, spec->run_len },
    .conf = { spec->conf, spec->n_conf }, .secrets = { dealt, 0 }, .reveal = spec->reveal,
  };
  struct wire_net_start net = {
    .origins = { spec->origins, count (spec->origins) },
    .private_ok = { spec->private_ok, count (spec->private_ok) },
    .auth = { spec->auth, spec->auth ? strlen (spec->auth) : 0 },
    .rate = { spec->rate, spec->rate ? strlen (spec->rate) : 0 },
    .oauth = { spec->oauth, spec->oauth ? strlen (spec->oauth) : 0 },
    .cookies = { spec->cookies, spec->cookies_len }, .keep_cookies = spec->keep_cookies,
    .proxy = spec->proxy, .no_proxy = spec->no_proxy, .ca_file = spec->ca_file,
    .user_agent = "usher/" PACKAGE_VERSION,
  };
  int r;

  if (spec->n_secrets > SECRETS_MAX)
    return -E2BIG;
  r = deal_secrets (s, spec, dealt, &start.secrets.n, standins, &secrets);
  if (r < 0)
    return r;
  net.secrets = (struct wire_blob) { secrets.data, secrets.len };
  r = session_queue (&s->net, WIRE_NET_START, 0, &net);
  return r < 0 ? r : session_queue (&s->worker, WIRE_START, 0, &start);
}

/* Three pairs: usherd-worker, usherd-net, worker-net. */
static int
spawn_both (struct session *s)
{
  int pairs[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } }, r = 0, i;

  for (i = 0; i < 3 && r == 0; i++)
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]) < 0)
      r = -errno;
  if (r == 0)
    r = supervisor_spawn (s->supervisor, SUPERVISOR_WORKER, pairs[0][1], pairs[2][0], &s->worker.child);
  if (r == 0)
    r = supervisor_spawn (s->supervisor, SUPERVISOR_NET, pairs[1][1], pairs[2][1], &s->net.child);
  if (r == 0)
    {
      s->worker.channel.fd = TAKE_FD (pairs[0][0]);
      s->net.channel.fd = TAKE_FD (pairs[1][0]);
      if (fcntl (s->worker.channel.fd, F_SETFL, O_NONBLOCK) < 0
          || fcntl (s->net.channel.fd, F_SETFL, O_NONBLOCK) < 0)
        r = -errno;
    }
  for (i = 0; i < 6; i++)
    closep (&pairs[i / 2][i % 2]);
  return r;
}

/* Waits until both have taken their first frames. */
static void
hand_over (struct session *s)
{
  int64_t until = clock_mono_ms () + SESSION_GRACE_MS, left;

  for (;;)
    {
      struct pollfd fds[2] = { { .fd = s->worker.out.len ? s->worker.channel.fd : -1, .events = POLLOUT },
                               { .fd = s->net.out.len ? s->net.channel.fd : -1, .events = POLLOUT } };

      session_push (s, &s->worker);
      session_push (s, &s->net);
      if (s->dead || (!s->worker.out.len && !s->net.out.len))
        return;
      left = until - clock_mono_ms ();
      if (left <= 0)
        {
          session_fail (s, USHER_E_TIMEOUT, "%s did not read its first frame",
                        s->worker.out.len ? s->worker.who : s->net.who);
          return;
        }
      (void) poll (fds, ARRAY_SIZE (fds), (int) left);
    }
}

static char *
worker_name (const char *connector_path)
{
  const char *slash = strrchr (connector_path, '/'), *base = slash ? slash + 1 : connector_path;
  size_t len = strlen (base);
  struct buf name = BUF_INIT (TEXT_MAX);

  if (len > 3 && streq (base + len - 3, ".so"))
    len -= 3;
  buf_puts (&name, "the connector ");
  buf_put (&name, base, len);
  return buf_steal (&name);
}

static struct session *
session_new (struct supervisor *sup, const struct session_spec *spec)
{
  struct session *s = calloc (1, sizeof *s);

  if (!s)
    {
      if (spec->tokens)
        spec->tokens->done (spec->tokens_arg);
      return NULL;
    }
  s->supervisor = sup;
  s->tokens = spec->tokens;
  s->tokens_arg = spec->tokens_arg;
  s->rates = spec->rates;
  s->end_events = spec->end_events;
  s->end_arg = spec->end_arg;
  s->message = (struct arena) ARENA_INIT (WIRE_ARENA_MAX);
  s->worker.out = (struct buf) BUF_SECRET (OUT_MAX);
  s->net.out = (struct buf) BUF_SECRET (OUT_MAX);
  wire_channel_init (&s->worker.channel, -1);
  wire_channel_init (&s->net.channel, -1);
  s->name = strdup (spec->name);
  s->worker.who = worker_name (spec->connector_path);
  s->net.who = strdup (SUPERVISOR_NET);
  s->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (!s->name || !s->worker.who || !s->net.who || s->wake_fd < 0)
    {
      session_close (s);
      return NULL;
    }
  return s;
}

int
session_open (struct supervisor *sup, const struct session_spec *spec, struct session **ret,
              struct session_outcome *ret_outcome)
{
  _cleanup_ (session_closep) struct session *s = session_new (sup, spec);
  int r;

  *ret_outcome = (struct session_outcome) { .status = USHER_DONE };
  if (!s)
    return refuse (ret_outcome, -ENOMEM, USHER_E_NOMEM, "no memory or descriptor is left for a session");
  r = rate_rules_parse (spec->rate, &s->rules);
  if (r < 0)
    return refuse (ret_outcome, r, USHER_E_CONFIG, "the rate limits of the app %s are not understood",
                   spec->app);
  r = queue_first_frames (s, spec);
  if (r < 0)
    return refuse (ret_outcome, r, r == -ENOMEM ? USHER_E_NOMEM : USHER_E_CONFIG,
                   "the settings of %s cannot be handed to its connector: %s", spec->name, strerrordesc_np (-r));
  r = spawn_both (s);
  if (r < 0)
    return refuse (ret_outcome, r, USHER_E_NOMEM, "%s cannot be started: %s",
                   s->worker.child ? SUPERVISOR_NET : SUPERVISOR_WORKER, strerrordesc_np (-r));
  hand_over (s);
  if (s->dead)
    {
      ret_outcome->status = s->dead_status;
      ret_outcome->crashed = true;
      ret_outcome->blameless = s->blameless;
      ret_outcome->text = TAKE (s->dead_text);
      return -ECONNABORTED;
    }
  *ret = TAKE (s);
  return 0;
}

/* ---- Closing. */

/* Sends END and reads on, for a moment, what they still have to say. */
static void
end_both (struct session *s)
{
  struct session_link *links[2] = { &s->worker, &s->net };
  int64_t until = clock_mono_ms () + SESSION_CLOSE_MS, left;
  int i;

  for (i = 0; i < 2; i++)
    if (session_queue (links[i], WIRE_END, 0, NULL) < 0)
      return;
  while (!s->dead && (!s->worker.channel.eof || !s->net.channel.eof)
         && (left = (s->renewing ? s->renew_by_ms : until) - clock_mono_ms ()) > 0)
    {
      struct pollfd fds[2];

      for (i = 0; i < 2; i++)
        {
          session_push (s, links[i]);
          fds[i] = (struct pollfd) { .fd = links[i]->channel.eof ? -1 : links[i]->channel.fd,
                                     .events = links[i]->out.len ? POLLIN | POLLOUT : POLLIN };
        }
      (void) poll (fds, ARRAY_SIZE (fds), (int) left);
      for (i = 0; i < 2 && !s->dead; i++)
        if (fds[i].revents)
          {
            int r = wire_fill (&links[i]->channel);

            if (r < 0 && r != -EAGAIN && r != -ENOBUFS)
              links[i]->channel.eof = true;
            session_take (s, links[i]);
          }
    }
}

/* Whether LINK's child ended by itself, and badly.  Who closed its end is about to exit; who did
   not is killed. */
static bool
crashed (const struct session_link *link)
{
  struct supervisor_exit how;

  return ended_badly (link, link->channel.eof ? SESSION_END_MS : 0, &how);
}

/* Ends a session of which nobody was told that it broke.  No outcome will name a child that ended
   badly after its last answer, or whose sibling answered first, so the log does. */
static void
end_well (struct session *s)
{
  bool worker, net;

  s->closing = true;
  end_both (s);
  worker = crashed (&s->worker);
  net = crashed (&s->net);
  if (worker || net)
    session_lost (s, worker ? &s->worker : &s->net);
  if (s->dead)
    log_warning ("%s: %s; the next task starts both anew", s->name, s->dead_text ? s->dead_text : "a child ended");
}

static void
link_done (struct session_link *link)
{
  supervisor_child_free (link->child);
  wire_channel_done (&link->channel);
  buf_wipe (&link->out);
  free (link->who);
}

void
session_close (struct session *s)
{
  size_t i;

  if (!s)
    return;
  if (s->worker.child && s->net.child && !s->dead)
    end_well (s);
  session_end_renewal (s);
  for (i = 0; i < s->rules.n; i++)
    if (s->lent[i])
      rate_return (s->rates, s->rules.v[i].key, s->lent[i]);
  link_done (&s->worker);
  link_done (&s->net);
  closep (&s->wake_fd);
  session_secrets_done (&s->secrets);
  sieve_done (&s->sieve);
  rate_rules_done (&s->rules);
  if (s->tokens)
    s->tokens->done (s->tokens_arg);
  arena_done (&s->message);
  free (s->dead_text);
  free (s->name);
  free (s);
}
