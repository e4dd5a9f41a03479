/* Owns the two ways to ask an app for one member. */
#include <config.h>

#include "host/engine/readback.h"

#include "host/common/text.h"

/* Walks whole rows, handing each to FN. */
static int32_t
each_row (const void *rows, size_t len, bool (*fn) (void *, const void *, size_t), void *arg)
{
  const char *at = rows;

  while (len)
    {
      size_t span;

      if (row_span (at, len, &span) < 0)
        return USHER_E_MISUSE;
      if (((const uint8_t *) at)[4] == ROW_MEMBER && !fn (arg, at, span))
        return USHER_E_NOMEM;
      at += span;
      len -= span;
    }
  return 0;
}

static bool
keep (void *arg, const void *row, size_t len)
{
  struct buf *out = arg;

  buf_reset (out);
  buf_put (out, row, len);
  return buf_error (out) == 0;
}

static int32_t
on_rows (void *arg, uint32_t ordinal, const void *rows, size_t len, size_t n)
{
  struct readback *b = arg;

  (void) ordinal;
  (void) n;
  return each_row (rows, len, keep, b->row);
}

static int32_t
on_fact (void *arg, const char *key, const char *value)
{
  (void) arg;
  (void) key;
  (void) value;
  return 0;
}

const struct session_events readback_events = {
  .rows = on_rows,
  .fact = on_fact,
  RUN_EVENTS,
};

/* ---- By a listing. */

struct search
{
  struct readback base;
  const struct buf *who;
  char *email;               /* owned; of somebody who has no id yet */
  struct arena arena;
  bool proved;
};

static bool
is_who (void *arg, const void *row, size_t len)
{
  struct search *s = arg;
  struct row_key a, b;
  struct row decoded;
  bool same;

  if (row_key (s->who->data, s->who->len, &a) < 0 || row_key (row, len, &b) < 0)
    return false;
  same = a.space == b.space && a.by_email == b.by_email && a.len == b.len && memcmp (a.id, b.id, a.len) == 0;
  if (!same && s->email)
    {
      _cleanup_ (freep) char *email = NULL;

      arena_reset (&s->arena);
      if (row_get (row, len, &s->arena, &decoded) < 0)
        return false;
      email = decoded.member.email ? email_normalise (decoded.member.email) : NULL;
      same = streq (email, s->email) && email;
    }
  return !same || keep (s->base.row, row, len);
}

static int32_t
on_search_rows (void *arg, uint32_t ordinal, const void *rows, size_t len, size_t n)
{
  (void) ordinal;
  (void) n;
  return each_row (rows, len, is_who, arg);
}

static int32_t
on_search_end (void *arg, const struct session_section *section)
{
  struct search *s = arg;

  s->proved = s->proved && section->witnessed && section->verdict == USHER_COMPLETE;
  return 0;
}

static int32_t
on_search_checkpoint (void *arg, const void *p, size_t len)
{
  (void) arg;
  (void) p;
  (void) len;
  return 0;
}

static int32_t
search (struct run *r, struct session *session, const struct buf *who, struct buf *shown,
        struct session_outcome *o)
{
  struct session_limits limits = { .time_max_ms = RUN_SYNC_TIME_MAX_MS, .bytes_max = RUN_SYNC_BYTES_MAX };
  struct session_events events = readback_events;
  struct search s = { .base = { r, shown, NULL }, .who = who, .arena = ARENA_INIT (ROW_MAX * 4), .proved = true };
  struct wire_call call = { .op = WIRE_OP_LIST, .kinds = 1u << USHER_S_MEMBERS / 100 | 1u << USHER_S_INVITES / 100 };
  struct row row;
  int32_t x;

  if (row_get (who->data, who->len, &s.arena, &row) == 0 && !row.member.id && row.member.email)
    s.email = email_normalise (row.member.email);
  events.rows = on_search_rows;
  events.section = run_any_section;
  events.section_end = on_search_end;
  events.checkpoint = on_search_checkpoint;
  x = run_call (r, session, &call, &limits, &events, &s, NULL, o);
  free (s.email);
  arena_done (&s.arena);
  if (x == USHER_DONE && !shown->len)
    return s.proved ? USHER_ABSENT : USHER_E_SHAPE;
  return x;
}

int
readback (struct run *r, struct session *s, const struct buf *who, struct buf *shown, struct arena *arena,
          struct usher_member *ret)
{
  struct session_limits limits = { .time_max_ms = RUN_TIME_MAX_MS };
  struct session_outcome o = { 0 };
  struct readback b = { .r = r, .row = shown };
  struct wire_call call = { .op = WIRE_OP_READ, .member = { who->data, who->len } };
  struct row row;
  int32_t x;

  buf_reset (shown);
  if (streq (app_get_text (r->app, "read", "list"), "lookup"))
    x = run_call (r, s, &call, &limits, &readback_events, &b, NULL, &o);
  else
    x = search (r, s, who, shown, &o);
  if (x < 0)
    run_fail_outcome (r, &o);
  session_outcome_done (&o);
  if (x < 0)
    return -EIO;
  if (x == USHER_ABSENT)
    {
      buf_reset (shown);
      return 0;
    }
  if (!shown->len || row_get (shown->data, shown->len, arena, &row) < 0)
    {
      run_fail (r, "connector-fault", "The connector read a member and showed none.");
      return -EIO;
    }
  *ret = row.member;
  return 1;
}
