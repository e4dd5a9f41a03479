/* Owns streams of events: each is a place in the event database and no more.  What a
   client has not read yet stands there, not in memory. */
#include <config.h>

#include "host/common/clock.h"
#include "host/engine/internal.h"

#define ROWS_AT_ONCE 1000u   /* looked at in one transaction */

struct event_stream
{
  struct engine *e;
  struct caller caller;      /* without its texts */
  struct event_ask asked;
  uint64_t at;               /* the sequence of the last event looked at */
};

int
engine_stream_open (struct engine *e, const struct call *c, const uint64_t *after, struct event_stream **ret,
                    struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  uint64_t newest = store_newest_event (e->store);
  struct event_ask asked;
  struct event_stream *s;
  int x = event_ask (t, c, &asked, r);

  if (x < 0)
    return x;
  s = calloc (1, sizeof *s);
  if (!s)
    return refuse_errno (r, -ENOMEM);
  /* A place that is still to come is one of before a restore: what is new now would be held
     back until then. */
  *s = (struct event_stream) { .e = e, .caller = *c->caller, .asked = asked,
                               .at = after ? MIN (*after, newest) : newest };
  s->caller.trigger = s->caller.source = s->caller.client = NULL;
  *ret = s;
  return 0;
}

void
engine_stream_close (struct event_stream *s)
{
  free (s);
}

void
engine_streams_end (struct engine *e)
{
  store_end_waits (e->store);
}

struct chunk
{
  struct event_stream *s;
  struct txn *t;
  json_t *events;
  size_t rows, bytes, max;
};

static bool
is_id (const json_t *event, const char *key, const struct id *id)
{
  struct id found;

  return json_id (event, key, &found) && id_equal (&found, id);
}

static bool
take (void *arg, json_t *event)
{
  struct chunk *c = arg;
  struct event_ask *asked = &c->s->asked;

  if ((!asked->by_hub || is_id (event, "hub", &asked->hub))
      && (!asked->by_person || is_id (event, "person", &asked->person)) && sees_work (&asked->sight, c->t, event))
    {
      c->bytes += json_dumpb (event, NULL, 0, JSON_COMPACT);
      (void) json_array_append (c->events, event);
    }
  return ++c->rows < ROWS_AT_ONCE && c->bytes < c->max;
}

/* Rights end with the token, and with the role of who made it. */
static bool
may_go_on (struct txn *t, struct event_stream *s)
{
  struct refusal r = { 0 };
  bool good = caller_may (t, &s->caller, SCOPE_READ, ROLE_GUEST, &r) == 0 && token_is_good (t, &s->caller);

  refusal_done (&r);
  if (good)
    sight_begin (&s->asked.sight, t, &s->caller);
  return good;
}

int
engine_stream_read (struct event_stream *s, int64_t timeout_ms, size_t max, json_t **ret)
{
  int64_t until = clock_mono_ms () + timeout_ms, left = timeout_ms;
  struct chunk c = { .s = s, .max = max };
  int x = 0;

  c.events = json_array ();
  if (!c.events)
    return -ENOMEM;
  for (; x == 0 && !json_array_size (c.events) && left >= 0; left = until - clock_mono_ms ())
    {
      bool news = store_wait_event (s->e->store, s->at, left);

      c.t = store_read (s->e->store);
      if (store_waits_ended (s->e->store) || !may_go_on (c.t, s))
        x = -ECANCELED;
      else if (news)
        {
          c.rows = 0;
          s->at = txn_event_follow (c.t, s->at, take, &c);
        }
      txn_abort (c.t);
    }
  if (x == 0 && json_array_size (c.events))
    {
      *ret = c.events;
      return 1;
    }
  json_decref (c.events);
  return x;
}
