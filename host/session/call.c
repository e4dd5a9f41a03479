/* Owns one operation from CALL to RESULT: the loop that waits, the clock that runs, and
   the judgement of what came of it.  */
#include <config.h>

#include "host/session/private.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/failure.h"

#define ROWS_MAX_DEFAULT UINT64_C (10000000)
#define TIME_MAX_MS_DEFAULT (INT64_C (24) * 3600 * 1000)
#define WAITED_MAX_MS (INT64_C (25) * 3600 * 1000)  /* what an app may ask for, in all */
#define POLL_MAX_MS 60000
/* Longer than the longest request (usher-net: 10 min), in which both children may say nothing. */
#define SILENCE_MAX_MS (11 * 60 * 1000)
/* Waits that nobody named: of a rate, and of a quota of a day or longer. */
#define RATE_WAIT_MS 60000
#define QUOTA_WAIT_MS (INT64_C (3600) * 1000)
/* The connector tells a wait of the host's own again, maybe rounded up. */
#define TOLD_TOLERANCE_MS 1000
#define TEXT_MAX 2048u
/* Reads of one link in a row: more than the evidence of all requests that net may hold. */
#define HEARD_AT_ONCE 64u

#define ANSWER(a) (1u << (a))
#define REMOVE (ANSWER (USHER_DONE) | ANSWER (USHER_ALREADY))
/* Where an app changes by inviting anew, any write may end so. */
#define WRITE (REMOVE | ANSWER (USHER_INVITED))

static const struct session_op ops[] = {
  { WIRE_OP_LOGIN, "login", ANSWER (USHER_DONE), .sections = false },
  { WIRE_OP_CHECK, "check", ANSWER (USHER_DONE), .sections = true, .rows = true },
  { WIRE_OP_LIST, "list", ANSWER (USHER_DONE), .sections = true, .checkpoints = true },
  { WIRE_OP_READ, "read", ANSWER (USHER_DONE) | ANSWER (USHER_ABSENT), .rows = true, .needs_member = true },
  { WIRE_OP_INVITE, "invite", WRITE, .rows = true, .checkpoints = true },
  { WIRE_OP_SET_ROLE, "set-role", WRITE, .rows = true, .checkpoints = true },
  { WIRE_OP_SET_ACCESS, "set-access", WRITE, .rows = true, .checkpoints = true },
  { WIRE_OP_REMOVE, "remove", REMOVE, .rows = true, .checkpoints = true },
  { WIRE_OP_RESEND, "resend", WRITE, .rows = true, .checkpoints = true },
};

const struct session_op *
session_find_op (uint32_t op)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (ops); i++)
    if (ops[i].op == op)
      return &ops[i];
  return NULL;
}

void
session_section_done (struct session_section *section)
{
  free ((void *) (uintptr_t) section->scope);
  free ((void *) (uintptr_t) section->why);
  *section = (struct session_section) { 0 };
}

void
session_stop (struct session *s, int32_t status, bool wins, const char *fmt, ...)
{
  struct session_call *c = s->call;
  struct buf text = BUF_INIT (TEXT_MAX);
  va_list ap;

  if (c->stop || s->dead)
    return;
  va_start (ap, fmt);
  buf_vprintf (&text, fmt, ap);
  va_end (ap);
  c->stop = status;
  c->stop_wins = wins;
  c->stop_text = buf_steal (&text);
  c->grace_until = clock_mono_ms () + SESSION_GRACE_MS;
  (void) session_queue (&s->worker, WIRE_CANCEL, 0, NULL);
}

/* ---- The clock. */

/* A test of a connector that hangs cannot wait for eleven minutes. */
static int64_t
silence_max (void)
{
#ifdef USHER_TEST_HOOKS
  if (getenv ("USHER_TEST_SILENCE_MS"))
    return strtol (getenv ("USHER_TEST_SILENCE_MS"), NULL, 10);
#endif
  return SILENCE_MAX_MS;
}

/* Until when net waits because the app asked for it; 0 = it does not. */
static int64_t
app_wait_until (const struct session *s)
{
  int64_t until = 0;
  size_t i;

  for (i = 0; i < s->rules.n; i++)
    until = MAX (until, s->wait_until[i]);
  return until;
}

/* When the operation ends for want of any word; waits that the app asked for do not count. */
static int64_t
silent_until (const struct session *s)
{
  return MAX (s->call->heard_ms, app_wait_until (s)) + silence_max ();
}

/* Adds what passed since the last look: to the app's waits, or to the session's time. */
static void
tick (struct session *s)
{
  struct session_call *c = s->call;
  int64_t now = clock_mono_ms (), passed = now - c->last_tick, waited;

  waited = MIN (now, app_wait_until (s)) - c->last_tick;
  waited = MIN (MAX (waited, 0), MAX (WAITED_MAX_MS - c->waited_ms, 0));
  c->waited_ms += waited;
  c->used_ms += passed - waited;
  c->last_tick = now;
}

static void
tell_quiet (struct session_call *c, bool quiet)
{
  if (quiet == c->quiet)
    return;
  c->quiet = quiet;
  if (c->events->quiet)
    c->events->quiet (c->arg, quiet);
}

static void
look_at_clock (struct session *s)
{
  struct session_call *c = s->call;

  tick (s);
  tell_quiet (c, c->last_tick - c->heard_ms >= SESSION_QUIET_MS);
  if (c->state == CALL_DONE)
    {
      if (s->renewing && c->last_tick >= s->renew_by_ms)
        session_misuse (s, &s->net, WIRE_TOKEN_GOT, "it did not bring the renewal of a token to its end");
      return;
    }
  if (c->cancel && __atomic_load_n (c->cancel, __ATOMIC_RELAXED))
    session_stop (s, USHER_E_CANCELLED, /* wins= */ false, "the operation was cancelled");
  if (c->used_ms >= c->limits.time_max_ms)
    session_stop (s, USHER_E_TIMEOUT, /* wins= */ false, "%s took longer than %lld s", c->op->name,
                  (long long) (c->limits.time_max_ms / 1000));
  if (c->last_tick >= silent_until (s))
    session_stop (s, USHER_E_TIMEOUT, /* wins= */ false, "nothing was heard of %s for %lld s", c->op->name,
                  (long long) (silence_max () / 1000));
  if (c->stop && c->last_tick >= c->grace_until)
    session_fail (s, c->stop, "%s did not answer a cancel of %s and was killed (%s)", s->worker.who,
                  c->op->name, c->stop_text ? c->stop_text : "");
  if (c->state == CALL_TALLY && c->last_tick >= c->tally_until)
    session_fail (s, USHER_E_TIMEOUT, "%s did not say what it saw of a section in %s", s->net.who,
                  c->op->name);
}

static int
poll_timeout (const struct session *s)
{
  const struct session_call *c = s->call;
  int64_t now = c->last_tick, left = POLL_MAX_MS;

  if (c->state == CALL_DONE)
    return (int) MAX (MIN (left, s->renew_by_ms - now), 0);
  left = MIN (left, c->limits.time_max_ms - c->used_ms + MAX (app_wait_until (s) - now, 0));
  left = MIN (left, silent_until (s) - now);
  if (!c->quiet)
    left = MIN (left, c->heard_ms + SESSION_QUIET_MS - now);
  if (c->stop)
    left = MIN (POLL_MAX_MS, c->grace_until - now);
  if (c->state == CALL_TALLY)
    left = MIN (left, c->tally_until - now);
  return (int) MAX (left, 0);
}

/* ---- The loop. */

static struct pollfd
watch (const struct session *s, const struct session_link *link)
{
  struct pollfd p = { .fd = link->channel.fd };

  if (session_listens (s, link))
    p.events |= POLLIN;
  if (link->out.len)
    p.events |= POLLOUT;
  /* A closed end that must wait would wake us again and again. */
  if (!p.events)
    p.fd = -1;
  return p;
}

static void
read_link (struct session *s, struct session_link *link)
{
  int r = wire_fill (&link->channel);

  if (r > 0)
    s->call->heard_ms = clock_mono_ms ();
  session_take (s, link);
  /* What was said before the end counts, but for what the worker said ahead. */
  if ((r == 0 || r == -EPIPE) && session_listens (s, link))
    session_lost (s, link);
  else if (r < 0 && r != -EAGAIN && r != -EPIPE && r != -ENOBUFS)
    session_fail (s, USHER_E_NOMEM, "%s cannot be read: %s", link->who, strerrordesc_np (-r));
}

static void
turn (struct session *s)
{
  struct session_link *links[2] = { &s->worker, &s->net };
  struct pollfd fds[3];
  uint64_t counter;
  ssize_t n _unused_;
  int i;

  for (i = 0; i < 2; i++)
    {
      session_take (s, links[i]);
      session_push (s, links[i]);
    }
  look_at_clock (s);
  if (s->dead || (s->call->state == CALL_DONE && !s->renewing))
    return;
  for (i = 0; i < 2; i++)
    fds[i] = watch (s, links[i]);
  fds[2] = (struct pollfd) { .fd = s->wake_fd, .events = POLLIN };
  if (poll (fds, ARRAY_SIZE (fds), poll_timeout (s)) <= 0)
    return;
  if (fds[2].revents)
    n = read (s->wake_fd, &counter, sizeof counter);
  for (i = 0; i < 2 && !s->dead; i++)
    if (fds[i].revents & (POLLIN | POLLHUP | POLLERR) && session_listens (s, links[i]))
      read_link (s, links[i]);
}

/* ---- What came of it. */

static bool
status_known (int32_t status)
{
  return failure_class (status) >= 1 && failure_class (status) <= 11;
}

/* Why this RESULT cannot be; NULL when it can. */
static const char *
objection (const struct session_call *c)
{
  int32_t status = c->result.status;

  if (status >= 0 && (status > USHER_ABSENT || !(c->op->answers & ANSWER (status))))
    return "that is no answer to it";
  if (status < 0 && !status_known (status))
    return "there is no such status";
  if (status == USHER_DONE && c->op->needs_member && !c->member_rows)
    return "there was no row";
  if (status == USHER_E_LATER && (c->fault.code != status || c->fault.until_ms <= 0))
    return "it did not say until when";
  return NULL;
}

/* What the connector said of its failure, if it is of this one. */
static void
take_fault_text (struct session_call *c, struct session_outcome *o)
{
  struct session_fault *f = &c->fault;

  if (o->status >= 0 || failure_class (f->code) != failure_class (o->status))
    return;
  o->text = TAKE (f->text);
  o->field = TAKE (f->field);
  o->url = TAKE (f->url);
  o->until_ms = f->until_ms;
}

/* What the connector read of limits in an answer, or knows from the vendor's own table,
   holds for all who share the keys. */
static void
heed_limit (struct session *s, struct session_outcome *o)
{
  int64_t now = clock_now_ms (), most = now + RATE_WAIT_MAX_MS;
  bool far = o->until_ms > most;
  size_t i;

  if (!o->until_ms)
    o->until_ms = now + (o->status == USHER_E_QUOTA ? QUOTA_WAIT_MS : RATE_WAIT_MS);
  o->until_ms = MIN (o->until_ms, most);
  if (far)
    {
      struct buf text = BUF_INIT (TEXT_MAX);

      buf_printf (&text, "The app named a time more than a day away, Usher asks it again after 25 hours%s%s",
                  o->text ? ": " : "", o->text ? o->text : "");
      free (o->text);
      o->text = buf_steal (&text);
    }
  if (o->status == USHER_E_LATER || o->until_ms <= s->call->told_until_ms + TOLD_TOLERANCE_MS)
    return;
  for (i = 0; i < s->rules.n; i++)
    rate_close (s->rates, s->rules.v[i].key, &s->rules.v[i].rule, o->until_ms);
}

static void
conclude (struct session *s, struct session_outcome *o)
{
  struct session_call *c = s->call;
  const char *against = !s->dead && !c->stop ? objection (c) : NULL;

  if (against)
    session_fail (s, USHER_E_MISUSE, "%s answered %d to %s: %s", s->worker.who, c->result.status,
                  c->op->name, against);
  /* Without a RESULT nobody knows whether a request went out. */
  o->called = c->has_result ? c->result.called != 0 : true;
  o->requests = c->requests;
  o->bytes = c->answered;
  if (s->dead)
    {
      o->crashed = true;
      o->blameless = s->blameless;
      o->status = s->dead_status;
      o->text = s->dead_text ? strdup (s->dead_text) : NULL;
    }
  else if (c->stop && (c->stop_wins || c->result.status < 0 || objection (c)))
    {
      o->status = c->stop;
      o->text = TAKE (c->stop_text);
    }
  else
    {
      o->status = c->result.status;
      take_fault_text (c, o);
    }
  if (failure_class (o->status) == 2)
    heed_limit (s, o);
}

void
session_call_done (struct session_call *c)
{
  session_section_done (&c->section);
  free (c->fault.text);
  free (c->fault.field);
  free (c->fault.url);
  free (c->stop_text);
}

static int32_t
cannot_call (struct session_outcome *o, int32_t status, bool crashed, const char *text)
{
  o->status = status;
  o->crashed = crashed;
  o->text = strdup (text);
  return status;
}

void
session_hear (struct session *s, struct session_link *link)
{
  unsigned int i;
  int r = 1;

  /* All of it, but no stream without end. */
  for (i = 0; i < HEARD_AT_ONCE && r > 0 && !s->dead; i++)
    {
      r = wire_fill (&link->channel);
      session_take (s, link);
    }
  if ((r == 0 || r == -EPIPE) && !s->dead)
    session_lost (s, link);
}

/* What came between two calls; the first call also hears what open said. */
static void
hear_leftovers (struct session *s)
{
  if (s->calls)
    session_hear (s, &s->worker);
  if (!s->dead)
    session_hear (s, &s->net);
}

int32_t
session_call (struct session *s, const struct wire_call *call, const struct session_limits *limits,
              const struct session_events *events, void *arg, const bool *cancel,
              struct session_outcome *ret)
{
  struct session_call c = { .op = session_find_op (call->op), .events = events, .arg = arg, .cancel = cancel,
                            .state = CALL_OPEN, .last_tick = clock_mono_ms (), .heard_ms = clock_mono_ms () };
  struct wire_call sent = *call;

  *ret = (struct session_outcome) { 0 };
  if (!c.op)
    return cannot_call (ret, USHER_E_UNSUPPORTED, /* crashed= */ false, "there is no such operation");
  hear_leftovers (s);
  if (s->dead)
    {
      ret->blameless = s->blameless;
      return cannot_call (ret, s->dead_status, /* crashed= */ true, s->dead_text ? s->dead_text : "");
    }
  if (limits)
    c.limits = *limits;
  if (!c.limits.rows_max)
    c.limits.rows_max = ROWS_MAX_DEFAULT;
  if (c.limits.time_max_ms <= 0)
    c.limits.time_max_ms = TIME_MAX_MS_DEFAULT;
  s->call = &c;
  sent.ordinal = s->ordinal + 1;
  if (session_queue (&s->worker, WIRE_CALL, ++s->calls, &sent) < 0)
    {
      s->call = NULL;
      return cannot_call (ret, USHER_E_LIMIT, s->dead, "the change is too big to be handed over");
    }
  /* A token that net is getting may be the only one that the app takes from now on. */
  while (!s->dead && (c.state != CALL_DONE || s->renewing))
    turn (s);
  tell_quiet (&c, false);
  /* What net said before the worker's RESULT, its evidence say, belongs to this call. */
  if (!s->dead)
    session_hear (s, &s->net);
  conclude (s, ret);
  ret->cpu_seconds = supervisor_child_cpu (s->worker.child) + supervisor_child_cpu (s->net.child);
  s->call = NULL;
  session_call_done (&c);
  (void) fail_point ("session-before-result");
  return ret->status;
}
