/* A session whose two children send whatever they like.  The input is a list of steps, each a
   byte that says what happens, a length of two bytes, and so many bytes:

     0  the worker sends them      2  a call begins: operation / 100, what its caller answers
     1  net sends them             3  the host ends the call, as after a cancel

   Both children are ends of socketpairs in this process.  What reaches the caller of the session
   must be within its limits, in order, and free of the secret.  */
#include <config.h>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* Its table says which messages there are. */
#include "host/session/frames.c"

#define SECRET "hunter2-Rabbit"
#define ROWS_MAX 200u
#define BYTES_MAX 20000u
#define OUT_MAX (64u * 1024)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
const char *fuzz_missed (void);

static bool heard[ARRAY_SIZE (rules)];   /* a message of that rule came, and did not end the session */

const char *
fuzz_missed (void)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (rules); i++)
    if (!heard[i])
      return wire_name (rules[i].type);
  return NULL;
}

/* What FROM sent to a session that lives on. */
static void
note_frames (uint16_t from, const uint8_t *data, size_t len)
{
  while (len >= WIRE_HEADER)
    {
      const struct rule *rule = find_rule ((uint16_t) (data[4] | data[5] << 8), from);
      size_t span = WIRE_HEADER + ((size_t) data[0] | (size_t) data[1] << 8 | (size_t) data[2] << 16);

      if (span > len)
        return;
      if (rule)
        heard[rule - rules] = true;
      data += span;
      len -= span;
    }
}

struct play
{
  struct session *s;
  int worker, net;           /* the children's ends */
  struct rate_table *rates;
  struct session_call call;
  int32_t answer;            /* of the caller, to everything */
  uint32_t ordinal;          /* of the section that is open for the caller, 0 = none */
  uint64_t rows;             /* that the caller was given in this call */
};

static void
must (bool holds)
{
  if (!holds)
    abort ();
}

/* ---- The caller. */

static void
see_text (const char *text)
{
  must (!text || !strstr (text, SECRET));
}

static int32_t
on_section (void *arg, uint32_t ordinal, uint32_t kind, const char *scope)
{
  struct play *p = arg;

  see_text (scope);

  must (ordinal && kind >= USHER_S_MEMBERS && kind <= USHER_S_ACCESS && kind % 100 == 0);
  must (!p->ordinal);
  p->ordinal = ordinal;
  return p->answer;
}

static int32_t
on_rows (void *arg, uint32_t ordinal, const void *rows, size_t len, size_t n)
{
  struct play *p = arg;
  size_t span, at;

  must (ordinal == p->ordinal && n > 0);
  must (!memmem (rows, len, SECRET, strlen (SECRET)));
  for (at = 0; at < len; at += span, n--)
    must (row_span ((const char *) rows + at, len - at, &span) == 0 && span <= len - at);
  must (n == 0);
  p->rows = p->call.rows;
  must (p->rows <= ROWS_MAX && p->call.bytes <= BYTES_MAX);
  return p->answer;
}

static int32_t
on_section_end (void *arg, const struct session_section *section)
{
  struct play *p = arg;

  must (section->ordinal == p->ordinal);
  must (section->verdict == USHER_COMPLETE || section->verdict == USHER_PARTIAL);
  must (section->total >= -1);
  must (section->witnessed || section->why);
  see_text (section->why);
  p->ordinal = 0;
  return p->answer;
}

/* Once the host ended the call, also of a section that the caller never heard of. */
static int32_t
on_checkpoint (void *arg, const void *cursor, size_t len)
{
  struct play *p = arg;

  must (!memmem (cursor, len, SECRET, strlen (SECRET)));
  return p->answer;
}

static int32_t
on_fact (void *arg, const char *key, const char *value)
{
  struct play *p = arg;

  must (*key != '\0');
  see_text (key);
  see_text (value);
  return p->answer;
}

static int32_t
on_state_get (void *arg, const char *key _unused_, struct buf *ret)
{
  struct play *p = arg;

  buf_puts (ret, "kept");
  return p->answer;
}

static int32_t
on_state_put (void *arg, const char *key _unused_, const void *data, size_t len)
{
  return on_checkpoint (arg, data, len);
}

static int32_t
on_secret_put (void *arg, const char *name, const char *value _unused_, int64_t expires_ms _unused_)
{
  struct play *p = arg;

  must (*name != '\0');
  return p->answer;
}

static void
on_log (void *arg _unused_, uint32_t level _unused_, const char *text)
{
  see_text (text);
}

static void
on_cookies (void *arg _unused_, const void *data, size_t len)
{
  must (data || !len);
}

static void
on_evidence (void *arg _unused_, int32_t status _unused_, const char *url, const void *body, size_t len)
{
  see_text (url);
  must (!memmem (body, len, SECRET, strlen (SECRET)));
}

static const struct session_events events = {
  .section = on_section, .rows = on_rows, .section_end = on_section_end,
  .checkpoint = on_checkpoint, .fact = on_fact,
  .state_get = on_state_get, .state_put = on_state_put, .secret_put = on_secret_put,
  .log = on_log, .cookies = on_cookies, .evidence = on_evidence,
};

/* ---- The owner of its tokens. */

static void
on_token_ask (void *arg _unused_, uint64_t serial, bool tries _unused_, struct session_token *ret)
{
  ret->renew = serial % 2 == 0;
  ret->serial = serial + 1;
  must (secret_set (&ret->access, SECRET, strlen (SECRET)) == 0);
}

static void
on_token_got (void *arg _unused_, const struct wire_token_got *got, struct session_token *ret)
{
  must (got->status < 0 || (got->access && *got->access));
  see_text (got->text);
  ret->status = got->status;
  ret->wait_ms = got->life_ms % 2;
}

static void
on_tokens_done (void *arg)
{
  struct play *p = arg;

  p->s = NULL;
}

static const struct session_tokens tokens = { on_token_ask, on_token_got, on_tokens_done };

/* ---- The session. */

static int
open_link (struct session_link *link, const char *who)
{
  int pair[2];

  must (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
  wire_channel_init (&link->channel, pair[0]);
  link->out = (struct buf) BUF_INIT (OUT_MAX);
  link->who = strdup (who);
  must (link->who != NULL);
  return pair[1];
}

static void
open_play (struct play *p)
{
  struct session *s = calloc (1, sizeof *s);

  must (s != NULL);
  *p = (struct play) { .s = s };
  p->worker = open_link (&s->worker, "the connector seat");
  p->net = open_link (&s->net, "usher-net");
  must (rate_table_new (&p->rates) == 0);
  must (rate_rules_parse ("[{\"key\":\"app\",\"per\":[\"3/s\"]},{\"key\":\"free\"}]", &s->rules) == 0);
  must (session_secrets_put (&s->secrets, "token", SECRET) == 0);
  s->rates = p->rates;
  s->message = (struct arena) ARENA_INIT (WIRE_ARENA_MAX);
  s->wake_fd = -1;
  s->tokens = &tokens;
  s->tokens_arg = p;
  s->end_events = &events;
  s->end_arg = p;
}

static void
end_call (struct play *p)
{
  struct session_call *c = p->s->call;

  if (!c)
    return;
  see_text (c->fault.text);
  see_text (c->stop_text);
  must (c->state != CALL_DONE || c->has_result || p->s->dead);
  session_call_done (c);
  p->s->call = NULL;
  p->ordinal = 0;
}

static void
begin_call (struct play *p, const uint8_t *data, size_t len)
{
  const struct session_op *op = session_find_op (len ? data[0] * 100u : 0);

  end_call (p);
  if (!op)
    return;
  p->call = (struct session_call) { .op = op, .events = &events, .arg = p, .state = CALL_OPEN,
                                    .limits = { .rows_max = ROWS_MAX, .bytes_max = BYTES_MAX, .time_max_ms = 1000 } };
  p->answer = len > 1 && data[1] ? USHER_E_SPACE : 0;
  p->rows = 0;
  p->s->call = &p->call;
  p->s->calls++;
}

/* The child takes what the host sent it. */
static void
drain (int fd)
{
  char bytes[4096];

  while (read (fd, bytes, sizeof bytes) > 0)
    ;
}

static void
hear (struct play *p, struct session_link *link)
{
  int r = wire_fill (&link->channel);

  must (r >= 0 || r == -EAGAIN || r == -ENOBUFS);
  session_take (p->s, link);
  session_push (p->s, link);
}

/* Sends and listens in turns, for a socket takes only so much. */
static void
say (struct play *p, struct session_link *link, int fd, const uint8_t *data, size_t len)
{
  const uint8_t *begin = data;

  while (len && session_listens (p->s, link))
    {
      ssize_t n = write (fd, data, len);

      if (n > 0)
        {
          data += n;
          len -= (size_t) n;
        }
      hear (p, link);
      drain (fd);
    }
  if (!p->s->dead)
    note_frames (link == &p->s->net ? FROM_NET : FROM_WORKER, begin, (size_t) (data - begin));
}

static void
step (struct play *p, uint8_t what, const uint8_t *data, size_t len)
{
  switch (what & 3)
    {
    case 0:
      say (p, &p->s->worker, p->worker, data, len);
      break;
    case 1:
      say (p, &p->s->net, p->net, data, len);
      /* It may have set the worker free. */
      hear (p, &p->s->worker);
      break;
    case 2:
      begin_call (p, data, len);
      break;
    default:
      if (p->s->call)
        session_stop (p->s, USHER_E_CANCELLED, /* wins= */ false, "the operation was cancelled");
      break;
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct play p;

  open_play (&p);
  while (size > 3 && !p.s->dead)
    {
      size_t len = MIN ((size_t) (data[1] | data[2] << 8), size - 3);

      step (&p, data[0], data + 3, len);
      data += 3 + len;
      size -= 3 + len;
    }
  see_text (p.s->dead_text);
  must (!p.s->dead || p.s->dead_status < 0);
  end_call (&p);
  /* Else what it is getting would be waited for. */
  (void) close (p.worker);
  (void) close (p.net);
  session_close (p.s);
  must (!p.s);
  rate_table_free (p.rates);
  return 0;
}
