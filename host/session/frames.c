/* Owns what the children may send, and when: one table.  Every message is decoded whole,
   judged against the table and the state of the call, and only then handled; anything
   else ends the session.  Text is redacted here before anybody sees it.  */
#include <config.h>

#include "host/session/private.h"

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/failure.h"
#include "host/common/log.h"
#include "host/common/row.h"

#define SECTIONS_MAX 10000u        /* a call */
#define FACTS_MAX 1000u
#define LOGS_MAX 200u              /* lines shown; what is more is dropped */
#define CHATTER_MAX 10000u         /* lines and faults of a worker, whose helpers let through 400 */
#define STATES_MAX 1000u           /* values that a call keeps */
#define EMPTY_PAGES_MAX 1000u      /* checkpoints in a row, with nothing between them */
#define LOOSE_ROWS_MAX 100000u     /* rows outside sections: roles that check tells */
#define PERMITS_MAX 64u            /* asked for at once */
#define REPLIES_MAX 1000u          /* that a child has not taken */
#define STATE_MAX (16u * 1024)
#define WAIT_MAX_MS 5000           /* the longest that net waits; then it ends the request */

#define FROM_WORKER 1u
#define FROM_NET 2u

typedef int handler (struct session *s, uint32_t stream, const union wire_message *m);

int
session_hide (struct session *s, const char *name, const char *value)
{
  sieve_done (&s->sieve);
  s->sieve_made = false;
  return session_secrets_put (&s->secrets, name, value);
}

int
session_misuse (struct session *s, const struct session_link *link, uint16_t type, const char *why)
{
  /* What it says of a renewal is not believed either. */
  if (link == &s->net)
    s->renewing = false;
  return session_fail (s, USHER_E_MISUSE, "%s sent %s in %s: %s", link->who, wire_name (type),
                       session_doing (s), why);
}

static int
worker_misuse (struct session *s, uint16_t type, const char *why)
{
  return session_misuse (s, &s->worker, type, why);
}

static int
net_misuse (struct session *s, uint16_t type, const char *why)
{
  return session_misuse (s, &s->net, type, why);
}

/* A copy without secrets; NULL stays NULL, as does a lack of memory. */
static char *
clean (const struct session *s, const char *text)
{
  return text ? session_secrets_redact (&s->secrets, text, strlen (text)) : NULL;
}

/* What would lie open on the disk: an app that sends a secret back there ends the operation. */
static void
stop_leak (struct session *s, const char *where)
{
  session_stop (s, USHER_E_SHAPE, /* wins= */ true,
                "the app sent a secret of the account back in %s, and nothing of it is kept", where);
}

static bool
leaks (struct session *s, const char *text, const char *where)
{
  if (!text || !session_secrets_in (&s->secrets, text, strlen (text)))
    return false;
  stop_leak (s, where);
  return true;
}

/* -ENOMEM. */
static int
rows_leak (struct session *s, const void *p, size_t len)
{
  int r = s->sieve_made ? 0 : session_secrets_sieve (&s->secrets, &s->sieve);

  if (r < 0)
    return r;
  s->sieve_made = true;
  if (sieve_in (&s->sieve, p, len))
    stop_leak (s, "a row");
  return 0;
}

/* Once the host ends the operation, its caller hears no more of it. */
static bool
deaf (const struct session *s)
{
  return s->call->stop != 0;
}

/* What the caller answered ends the operation unless it is 0. */
static void
heed (struct session *s, int32_t status)
{
  if (status < 0)
    session_stop (s, status, /* wins= */ true, "the operation was ended by the host");
}

static int
reply (struct session *s, struct session_link *link, uint32_t stream, int32_t status,
       const struct buf *value)
{
  struct wire_reply m = { .status = status };

  /* Each helper waits for its reply, so honest children have very few open. */
  if (link->replies++ == REPLIES_MAX)
    return session_fail (s, USHER_E_MISUSE, "%s does not read what it asked for in %s", link->who,
                         session_doing (s));
  if (value)
    m.value = (struct wire_blob) { value->data, value->len };
  return session_queue (link, WIRE_REPLY, stream, &m);
}

/* Who hears what may come at any time. */
static const struct session_events *
listener (const struct session *s, void **ret_arg)
{
  *ret_arg = s->call ? s->call->arg : s->end_arg;
  return s->call ? s->call->events : s->end_events;
}

/* ---- From the worker. */

static int
take_log (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  static const uint32_t levels[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
  uint32_t *logs = s->call ? &s->call->logs : &s->end_logs, level = LOG_LEVEL_DEBUG;
  const struct session_events *events;
  _cleanup_ (freep) char *text = NULL;
  void *arg;
  size_t i;

  events = listener (s, &arg);
  if (!events || !events->log || !m->log.text || *logs == LOGS_MAX)
    return 0;
  ++*logs;
  for (i = ARRAY_SIZE (levels); i-- > 0;)
    if (m->log.level <= levels[i])
      level = levels[i];
  text = clean (s, m->log.text);
  if (text)
    events->log (arg, level, text);
  return 0;
}

/* Whether the worker has said too much, past its helpers: then it is over. */
static int
take_chatter (struct session *s, uint16_t type)
{
  uint32_t *chatter = s->call ? &s->call->chatter : &s->end_chatter;

  return (*chatter)++ < CHATTER_MAX ? 0 : worker_misuse (s, type, "there is no end to it");
}

static int
take_log_of_worker (struct session *s, uint32_t stream, const union wire_message *m)
{
  int r = take_chatter (s, WIRE_LOG);

  return r < 0 ? r : take_log (s, stream, m);
}

static int
take_fault (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  struct session_fault *f = &s->call->fault;
  int r = take_chatter (s, WIRE_FAULT);

  if (r < 0)
    return r;
  free (f->text);
  free (f->field);
  free (f->url);
  *f = (struct session_fault) { m->fault.code, clean (s, m->fault.text), clean (s, m->fault.field),
                                clean (s, m->fault.url), m->fault.until_ms };
  return 0;
}

static int
take_fact (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  struct session_call *c = s->call;
  _cleanup_ (freep) char *value = NULL;

  if (!c->events->fact)
    return worker_misuse (s, WIRE_FACT, "nobody asked for facts");
  if (!m->fact.key || !*m->fact.key)
    return worker_misuse (s, WIRE_FACT, "it has no key");
  if (deaf (s))
    return 0;
  if (c->facts++ == FACTS_MAX)
    {
      session_stop (s, USHER_E_LIMIT, /* wins= */ true, "%s told more than %u facts", s->worker.who, FACTS_MAX);
      return 0;
    }
  if (leaks (s, m->fact.key, "the name of a fact"))
    return 0;
  value = clean (s, m->fact.value ? m->fact.value : "");
  if (!value)
    return -ENOMEM;
  heed (s, c->events->fact (c->arg, m->fact.key, value));
  return 0;
}

static bool
section_kind_known (uint32_t kind)
{
  switch (kind)
    {
    case USHER_S_MEMBERS:
    case USHER_S_INVITES:
    case USHER_S_ROLES:
    case USHER_S_ROLE_OF:
    case USHER_S_OBJECTS:
    case USHER_S_ACCESS:
      return true;
    default:
      return false;
    }
}

static int
take_section (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  struct session_call *c = s->call;

  if (!c->op->sections || !c->events->section)
    return worker_misuse (s, WIRE_SECTION, "this operation has no sections");
  if (!section_kind_known (m->section.kind))
    return worker_misuse (s, WIRE_SECTION, "there is no such kind");
  if (m->section.ordinal != s->ordinal + 1)
    return worker_misuse (s, WIRE_SECTION, "its number is not the next");
  s->ordinal++;
  c->empty_pages = 0;
  c->section = (struct session_section) { .ordinal = m->section.ordinal, .kind = m->section.kind };
  if (m->section.scope)
    {
      c->section.scope = strdup (m->section.scope);
      if (!c->section.scope)
        return -ENOMEM;
    }
  c->counted = 0;
  c->state = CALL_SECTION;
  if (deaf (s) || leaks (s, m->section.scope, "the scope of a section"))
    return 0;
  if (c->sections++ == SECTIONS_MAX)
    {
      session_stop (s, USHER_E_LIMIT, /* wins= */ true, "the listing has more than %u sections", SECTIONS_MAX);
      return 0;
    }
  heed (s, c->events->section (c->arg, c->section.ordinal, c->section.kind, c->section.scope));
  return 0;
}

/* Checks every row; how many there are, and how many of them are members. */
static int
check_rows (const char *p, size_t len, uint64_t *ret_n, uint64_t *ret_members)
{
  uint64_t n = 0, members = 0;

  while (len)
    {
      enum row_kind kind;
      size_t span;

      if (row_span (p, len, &span) < 0 || row_check (p, span, &kind) < 0)
        return -EBADMSG;
      members += kind == ROW_MEMBER;
      n++;
      p += span;
      len -= span;
    }
  *ret_n = n;
  *ret_members = members;
  return n ? 0 : -EBADMSG;
}

/* Ends what has written more than it may. */
static void
stop_at_bytes (struct session *s)
{
  const struct session_call *c = s->call;

  if (c->limits.bytes_max && c->bytes > c->limits.bytes_max)
    session_stop (s, USHER_E_LIMIT, /* wins= */ true, "the rows and cursors of the app have more than %llu bytes",
                  (unsigned long long) c->limits.bytes_max);
}

static int
take_rows (struct session *s, const void *p, size_t len)
{
  struct session_call *c = s->call;
  bool loose = c->state != CALL_SECTION;
  uint64_t n, members;

  if (!c->events->rows || (loose && !c->op->rows))
    return worker_misuse (s, WIRE_ROWS, loose ? "no section is open" : "nobody asked for rows");
  if (check_rows (p, len, &n, &members) < 0)
    return worker_misuse (s, WIRE_ROWS, "a row is broken");
  c->counted += n;
  c->empty_pages = 0;
  c->rows += n;
  c->bytes += len;
  c->member_rows += members;
  if (deaf (s))
    return 0;
  if (rows_leak (s, p, len) < 0)
    return -ENOMEM;
  if (c->rows > c->limits.rows_max || (loose && c->rows > LOOSE_ROWS_MAX))
    session_stop (s, USHER_E_LIMIT, /* wins= */ true, "the app has more than %llu rows",
                  (unsigned long long) (loose ? LOOSE_ROWS_MAX : c->limits.rows_max));
  stop_at_bytes (s);
  if (!deaf (s))
    heed (s, c->events->rows (c->arg, loose ? 0 : c->section.ordinal, p, len, (size_t) n));
  return 0;
}

/* Asks net what it saw of the section; the worker is not read until it answers. */
static int
ask_tally (struct session *s)
{
  struct wire_tally_ask ask = { s->call->section.ordinal };

  s->call->state = CALL_TALLY;
  s->call->tally_until = clock_mono_ms () + SESSION_GRACE_MS;
  return session_queue (&s->net, WIRE_TALLY_ASK, 0, &ask);
}

static int
take_section_end (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  const struct wire_section_end *end = &m->section_end;
  struct session_call *c = s->call;

  if (end->ordinal != c->section.ordinal)
    return worker_misuse (s, WIRE_SECTION_END, "another section is open");
  if (end->rows != c->counted)
    return worker_misuse (s, WIRE_SECTION_END, "its rows are not those that came");
  if ((end->verdict != USHER_COMPLETE && end->verdict != USHER_PARTIAL) || end->total < -1)
    return worker_misuse (s, WIRE_SECTION_END, "there is no such verdict or total");
  c->section.verdict = end->verdict;
  c->section.total = end->total;
  c->section.rows = end->rows;
  c->section.requests = end->requests;
  c->section.why = clean (s, end->why);
  return ask_tally (s);
}

static int
take_checkpoint (struct session *s, uint32_t stream, const union wire_message *m)
{
  struct session_call *c = s->call;
  const struct wire_blob *cursor = &m->checkpoint.cursor;
  int32_t status = USHER_E_CANCELLED;
  int r;

  if (!c->op->checkpoints || !c->events->checkpoint)
    return worker_misuse (s, WIRE_CHECKPOINT, "this operation keeps nothing");
  c->bytes += cursor->len;
  stop_at_bytes (s);
  if (c->empty_pages++ == EMPTY_PAGES_MAX)
    session_stop (s, USHER_E_LOOP, /* wins= */ true, "%u pages in a row have nothing on them", EMPTY_PAGES_MAX);
  if (session_secrets_in (&s->secrets, cursor->data, cursor->len))
    status = USHER_E_MISUSE;
  else if (!deaf (s))
    {
      status = c->events->checkpoint (c->arg, cursor->data, cursor->len);
      heed (s, status);
    }
  r = reply (s, &s->worker, stream, status, NULL);
  if (r < 0)
    return r;
  session_push (s, &s->worker);
  return fail_point ("session-page");
}

static int
take_state_get (struct session *s, uint32_t stream, const union wire_message *m)
{
  _cleanup_ (buf_wipe) struct buf value = BUF_INIT (STATE_MAX);
  struct session_call *c = s->call;
  int32_t status = USHER_E_CANCELLED;

  if (!c->events->state_get || !m->state.key)
    return worker_misuse (s, WIRE_STATE_GET, "nothing is kept for this operation");
  if (!deaf (s))
    {
      status = c->events->state_get (c->arg, m->state.key, &value);
      if (buf_error (&value))
        status = USHER_E_LIMIT;
      heed (s, status);
    }
  return reply (s, &s->worker, stream, status, status < 0 ? NULL : &value);
}

static int
take_state_put (struct session *s, uint32_t stream, const union wire_message *m)
{
  struct session_call *c = s->call;
  int32_t status = USHER_E_CANCELLED;

  if (!c->events->state_put || !m->state.key)
    return worker_misuse (s, WIRE_STATE_PUT, "nothing is kept for this operation");
  /* What is kept lies open on the disk, as a checkpoint does. */
  if (session_secrets_in (&s->secrets, m->state.value.data, m->state.value.len)
      || session_secrets_in (&s->secrets, m->state.key, strlen (m->state.key)))
    status = USHER_E_MISUSE;
  else if (!deaf (s))
    {
      status = c->states++ < STATES_MAX
                 ? c->events->state_put (c->arg, m->state.key, m->state.value.data, m->state.value.len)
                 : USHER_E_LIMIT;
      if (status == USHER_E_LIMIT)
        session_stop (s, status, /* wins= */ true, "%s keeps more values than there is room for", s->worker.who);
      heed (s, status);
    }
  return reply (s, &s->worker, stream, status, NULL);
}

static int
take_result (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  struct session_call *c = s->call;
  bool open = c->state == CALL_SECTION;

  c->result = m->result;
  c->has_result = true;
  c->state = CALL_DONE;
  if (!open)
    return 0;
  c->broken_off = true;
  c->section.verdict = USHER_PARTIAL;
  c->section.total = -1;
  c->section.rows = c->counted;
  return ask_tally (s);
}

/* ---- From either. */

static int
put_secret (struct session *s, struct session_link *link, uint32_t stream, const struct wire_secret_put *put)
{
  struct session_call *c = s->call;
  int32_t status = USHER_E_CANCELLED;

  if (!c->events->secret_put || !put->name || !*put->name || !put->value)
    return session_misuse (s, link, WIRE_SECRET_PUT, "no secret can be kept, or it has no name");
  /* A connector that replaced what the next token is got with would end the account. */
  if ((s->tokens && session_secret_is_of_token (put->name))
      || session_secrets_in (&s->secrets, put->name, strlen (put->name)))
    status = USHER_E_MISUSE;
  else if (session_hide (s, put->name, put->value) < 0)
    status = USHER_E_LIMIT;
  else if (!deaf (s))
    {
      status = c->events->secret_put (c->arg, put->name, put->value, put->expires_ms);
      heed (s, status);
    }
  /* Before the worker goes on, so that its next request carries the new value. */
  if (status == 0 && link == &s->worker
      && session_queue (&s->net, WIRE_SECRET_PUT, 0, put) < 0)
    status = USHER_E_LIMIT;
  if (status == 0)
    session_push (s, &s->net);
  return reply (s, link, stream, status, NULL);
}

static int
take_secret_of_worker (struct session *s, uint32_t stream, const union wire_message *m)
{
  return put_secret (s, &s->worker, stream, &m->secret_put);
}

static int
take_secret_of_net (struct session *s, uint32_t stream, const union wire_message *m)
{
  return put_secret (s, &s->net, stream, &m->secret_put);
}

/* ---- From net. */

/* A permit of a key that is closed for long, for a call that probes. */
static bool
probe (struct session *s, uint32_t rate, int64_t wait_ms)
{
  uint32_t bit = UINT32_C (1) << rate;

  if (!s->call || !s->call->limits.probes || s->call->probed & bit || wait_ms <= WAIT_MAX_MS
      || !rate_probe (s->rates, s->rules.v[rate].key))
    return false;
  s->call->probed |= bit;
  s->probes |= bit;
  return true;
}

/* The call is told of a wait by the host itself. */
static void
note_wait (struct session *s, int64_t until_ms)
{
  if (s->call)
    s->call->told_until_ms = MAX (s->call->told_until_ms, until_ms);
}

static int
take_ask (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  const struct wire_ask *ask = &m->ask;
  struct wire_permit permit = { .rate = ask->rate };

  if (ask->rate >= s->rules.n || ask->n == 0 || ask->n > PERMITS_MAX)
    return net_misuse (s, WIRE_ASK, "there is no such rate key, or not so many permits");
  permit.n = rate_ask (s->rates, s->rules.v[ask->rate].key, &s->rules.v[ask->rate].rule, ask->n,
                       &permit.wait_ms);
  if (!permit.n && probe (s, ask->rate, permit.wait_ms))
    {
      permit.n = 1;
      permit.wait_ms = 0;
    }
  s->lent[ask->rate] += permit.n;
  s->wait_until[ask->rate] = permit.n ? 0 : clock_mono_ms () + MIN (permit.wait_ms, WAIT_MAX_MS);
  if (!permit.n)
    {
      permit.until_ms = clock_now_ms () + permit.wait_ms;
      note_wait (s, permit.until_ms);
    }
  return session_queue (&s->net, WIRE_PERMIT, 0, &permit);
}

static int
take_seen (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  const struct wire_seen *seen = &m->seen;
  bool throttled = failure_class (seen->status) == 2;
  bool waits = seen->until_ms && (throttled || seen->remaining <= 0);
  uint32_t bit;

  if (seen->rate >= s->rules.n || !s->lent[seen->rate])
    return net_misuse (s, WIRE_SEEN, "it had no permit for it");
  if (seen->until_ms < 0 || seen->remaining < -1)
    return net_misuse (s, WIRE_SEEN, "there is no such time or count");
  s->lent[seen->rate]--;
  rate_seen (s->rates, s->rules.v[seen->rate].key, throttled, seen->until_ms, seen->remaining);
  bit = UINT32_C (1) << seen->rate;
  if (s->probes & bit && !throttled && !waits && seen->status >= 200 && seen->status < 500)
    rate_open (s->rates, s->rules.v[seen->rate].key);
  s->probes &= ~bit;
  if (waits)
    {
      int64_t wait = MIN (seen->until_ms - clock_now_ms (), WAIT_MAX_MS);

      note_wait (s, seen->until_ms);
      s->wait_until[seen->rate] = clock_mono_ms () + MAX (wait, 0);
    }
  return 0;
}

/* The first reason that net has seen against a section. */
static const char *
seen_against (const struct wire_tally *t)
{
  if (t->refused || t->short_bodies || t->foreign_redirects || t->odd_types)
    return t->why ? t->why : "an answer of the app was not accepted";
  return NULL;
}

/* The same, or what the counts show. */
static const char *
doubt (const struct session_call *c, const struct wire_tally *t)
{
  if (c->broken_off)
    return "the operation ended inside this section";
  if (seen_against (t))
    return seen_against (t);
  if (t->requests != c->section.requests)
    return "the connector and the host counted different numbers of requests";
  if (c->section.kind == USHER_S_MEMBERS && c->section.verdict == USHER_COMPLETE && !t->requests)
    return "the app was not asked for its members";
  return NULL;
}

static int
take_doubt (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  s->doubt = m->doubt.ordinal;
  return 0;
}

bool
session_doubts (const struct session *s)
{
  return s->call && s->call->state == CALL_SECTION && s->doubt == s->call->section.ordinal;
}

static int
take_tally (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  const struct wire_tally *t = &m->tally;
  struct session_call *c = s->call;
  _cleanup_ (freep) char *why = NULL;
  const char *against;
  struct session_section told = c->section;

  if (t->ordinal != told.ordinal)
    return net_misuse (s, WIRE_TALLY, "nobody asked about this section");
  against = doubt (c, t);
  told.witnessed = !against;
  told.requests = t->requests;
  told.bytes = t->bytes;
  if (against)
    {
      why = clean (s, against);
      told.why = why;
    }
  c->requests += t->requests;
  c->answered += t->bytes;
  c->state = c->has_result ? CALL_DONE : CALL_OPEN;
  if (!deaf (s) && c->events->section_end)
    heed (s, c->events->section_end (c->arg, &told));
  session_section_done (&c->section);
  return 0;
}

static int
take_cookies (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  const struct session_events *events;
  void *arg;

  events = listener (s, &arg);
  if (events && events->cookies)
    events->cookies (arg, m->cookies.jar.data, m->cookies.jar.len);
  return 0;
}

static int
take_evidence (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  const struct wire_evidence *e = &m->evidence;
  const struct session_events *events;
  _cleanup_ (freep) char *url = NULL;
  _cleanup_ (freep) char *body = NULL;
  void *arg;

  events = listener (s, &arg);
  if (!events || !events->evidence)
    return 0;
  url = clean (s, e->url ? e->url : "");
  body = session_secrets_redact (&s->secrets, e->body.data, e->body.len);
  if (url && body)
    /* It is text: what is behind a NUL is left out. */
    events->evidence (arg, e->status, url, body, strlen (body));
  return 0;
}

/* ---- The table. */

#define IN_CALL (CALL_OPEN | CALL_SECTION)
#define ANY (CALL_NONE | CALL_OPEN | CALL_SECTION | CALL_TALLY | CALL_DONE)

static const struct rule
{
  uint16_t type;
  uint16_t from;
  unsigned int states;
  handler *handle;                 /* NULL: ROWS, whose payload is bytes */
} rules[] = {
  { WIRE_LOG, FROM_WORKER, ANY, take_log_of_worker },
  { WIRE_FAULT, FROM_WORKER, IN_CALL, take_fault },
  { WIRE_FACT, FROM_WORKER, IN_CALL, take_fact },
  { WIRE_SECTION, FROM_WORKER, CALL_OPEN, take_section },
  { WIRE_ROWS, FROM_WORKER, IN_CALL, NULL },
  { WIRE_SECTION_END, FROM_WORKER, CALL_SECTION, take_section_end },
  { WIRE_CHECKPOINT, FROM_WORKER, IN_CALL, take_checkpoint },
  { WIRE_STATE_GET, FROM_WORKER, IN_CALL, take_state_get },
  { WIRE_STATE_PUT, FROM_WORKER, IN_CALL, take_state_put },
  { WIRE_SECRET_PUT, FROM_WORKER, IN_CALL, take_secret_of_worker },
  { WIRE_RESULT, FROM_WORKER, IN_CALL, take_result },
  { WIRE_LOG, FROM_NET, ANY, take_log },
  { WIRE_ASK, FROM_NET, ANY, take_ask },
  { WIRE_SEEN, FROM_NET, ANY, take_seen },
  { WIRE_TALLY, FROM_NET, CALL_TALLY, take_tally },
  { WIRE_SECRET_PUT, FROM_NET, IN_CALL | CALL_TALLY, take_secret_of_net },
  { WIRE_COOKIES, FROM_NET, ANY, take_cookies },
  { WIRE_TOKEN_ASK, FROM_NET, ANY, session_take_token_ask },
  { WIRE_TOKEN_GOT, FROM_NET, ANY, session_take_token_got },
  { WIRE_EVIDENCE, FROM_NET, ANY, take_evidence },
  { WIRE_DOUBT, FROM_NET, ANY, take_doubt },
};

static const struct rule *
find_rule (uint16_t type, uint16_t from)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (rules); i++)
    if (rules[i].type == type && rules[i].from == from)
      return &rules[i];
  return NULL;
}

static int
handle (struct session *s, struct session_link *link, const struct wire_frame *f)
{
  const struct rule *rule = find_rule (f->type, link == &s->worker ? FROM_WORKER : FROM_NET);
  union wire_message m;

  /* A session that has failed hears of nothing but the token that its net is getting. */
  if (s->dead && f->type != WIRE_TOKEN_GOT)
    return 0;
  if (!rule)
    return session_misuse (s, link, f->type, "it is not the one to send that");
  if (!(rule->states & (s->call ? s->call->state : CALL_NONE)))
    return session_misuse (s, link, f->type, "it is out of place");
  if (!rule->handle)
    return take_rows (s, f->payload, f->len);
  /* What net said of the answers before is known by now. */
  if (f->type == WIRE_CHECKPOINT)
    {
      session_hear (s, &s->net);
      if (s->dead)
        return 0;
    }
  arena_reset (&s->message);
  if (wire_decode (f->type, f->payload, f->len, &s->message, &m) < 0)
    return session_misuse (s, link, f->type, "it is broken");
  return rule->handle (s, f->stream, &m);
}

bool
session_listens (const struct session *s, const struct session_link *link)
{
  if (s->dead)
    return s->renewing && link == &s->net;
  return link == &s->net || !s->call || !(s->call->state & (CALL_TALLY | CALL_DONE));
}

void
session_take (struct session *s, struct session_link *link)
{
  while (session_listens (s, link))
    {
      struct wire_frame f;
      int r = wire_next (&link->channel, &f);

      if (r == 0)
        return;
      if (r < 0)
        {
          if (link == &s->net)
            s->renewing = false;
          session_fail (s, USHER_E_MISUSE, "%s sent what is no frame in %s", link->who, session_doing (s));
          return;
        }
      r = handle (s, link, &f);
      if (r < 0)
        /* Unless it was the child's fault, and that is known already. */
        session_fail (s, USHER_E_NOMEM, "the host could not handle %s of %s in %s", wire_name (f.type),
                      link->who, session_doing (s));
    }
}
