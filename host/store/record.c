/* Owns the layout of link records and counters. */
#include <config.h>

#include "host/store/record.h"

#define RECORD_VERSION 1u
#define NO_TEXT 0xffffu

/* Reads forward; the first thing that does not fit sets ERROR and all later reads
   answer zero. */
struct reader
{
  const uint8_t *p, *end;
  int error;
};

static const uint8_t *
take (struct reader *r, size_t len)
{
  const uint8_t *p = r->p;

  if (r->error || (size_t) (r->end - p) < len)
    {
      r->error = -EBADMSG;
      return NULL;
    }
  r->p += len;
  return p;
}

static uint64_t
get_number (struct reader *r, size_t len)
{
  const uint8_t *p = take (r, len);
  uint64_t v = 0;

  while (p && len--)
    v = v << 8 | p[len];
  return v;
}

static void
get_id (struct reader *r, struct id *ret)
{
  const uint8_t *p = take (r, ID_BYTES);

  if (p)
    memcpy (ret->b, p, ID_BYTES);
}

/* A text with its NUL, or free bytes (TEXT false) with a NUL behind them. */
static const char *
get_bytes (struct reader *r, size_t max, bool text, size_t *ret_len)
{
  size_t len = (size_t) get_number (r, 2);
  const uint8_t *p;

  *ret_len = 0;
  if (r->error || len == NO_TEXT)
    return NULL;
  p = take (r, len + 1);
  if (!p || len > max || p[len] != '\0' || (text && memchr (p, '\0', len)))
    {
      r->error = -EBADMSG;
      return NULL;
    }
  *ret_len = len;
  return (const char *) p;
}

static void
put_id (struct buf *out, const struct id *id)
{
  buf_put (out, id->b, ID_BYTES);
}

static void
put_bytes (struct buf *out, const char *s, size_t len)
{
  if (!s)
    return buf_put_u16 (out, NO_TEXT);
  buf_put_u16 (out, (uint16_t) len);
  buf_put (out, s, len);
  buf_put_u8 (out, 0);
}

static size_t
length (const char *s)
{
  return s ? strlen (s) : 0;
}

int
record_put_link (struct buf *out, const struct record_link *r)
{
  const struct member_link *l = &r->link;

  if (length (l->reason) > RECORD_TEXT_MAX || length (l->note) > RECORD_TEXT_MAX
      || r->key_len > RECORD_KEY_MAX)
    return -E2BIG;
  buf_put_u8 (out, RECORD_VERSION);
  put_id (out, &l->person);
  buf_put_u16 (out, l->status);
  buf_put_u16 (out, l->before);
  buf_put_u32 (out, l->flags);
  buf_put_u8 (out, l->hub_role);
  buf_put_u32 (out, l->missed);
  buf_put_u64 (out, l->seq);
  buf_put_u64 (out, r->stamp);
  buf_put_u64 (out, (uint64_t) l->first_seen_ms);
  buf_put_u64 (out, (uint64_t) l->last_seen_ms);
  buf_put_u64 (out, (uint64_t) l->changed_ms);
  buf_put_u64 (out, (uint64_t) l->adopted_ms);
  put_id (out, &l->exempt_by);
  buf_put_u64 (out, (uint64_t) l->exempt_ms);
  put_bytes (out, l->reason, length (l->reason));
  put_bytes (out, l->note, length (l->note));
  put_bytes (out, r->key, r->key_len);
  return buf_error (out);
}

int
record_get_link (const void *p, size_t len, struct record_link *ret)
{
  struct reader r = { p, (const uint8_t *) p + len, 0 };
  struct record_link link = { .key = NULL };
  struct member_link *l = &link.link;
  size_t unused;

  if (get_number (&r, 1) != RECORD_VERSION)
    return -EBADMSG;
  get_id (&r, &l->person);
  l->status = (uint16_t) get_number (&r, 2);
  l->before = (uint16_t) get_number (&r, 2);
  l->flags = (uint32_t) get_number (&r, 4);
  l->hub_role = (uint8_t) get_number (&r, 1);
  l->missed = (uint32_t) get_number (&r, 4);
  l->seq = get_number (&r, 8);
  link.stamp = get_number (&r, 8);
  l->first_seen_ms = (int64_t) get_number (&r, 8);
  l->last_seen_ms = (int64_t) get_number (&r, 8);
  l->changed_ms = (int64_t) get_number (&r, 8);
  l->adopted_ms = (int64_t) get_number (&r, 8);
  get_id (&r, &l->exempt_by);
  l->exempt_ms = (int64_t) get_number (&r, 8);
  l->reason = get_bytes (&r, RECORD_TEXT_MAX, /* text= */ true, &unused);
  l->note = get_bytes (&r, RECORD_TEXT_MAX, /* text= */ true, &unused);
  link.key = get_bytes (&r, RECORD_KEY_MAX, /* text= */ false, &link.key_len);
  if (r.error || r.p != r.end)
    return -EBADMSG;
  *ret = link;
  return 0;
}

void
record_put_counts (const struct record_counts *r, uint8_t ret[RECORD_COUNTS_SIZE])
{
  uint64_t v[MEMBER_TABS + 3];
  size_t i, n = 0;

  for (i = 0; i < MEMBER_TABS; i++)
    v[n++] = r->counts.tab[i];
  v[n++] = r->counts.known;
  v[n++] = r->counts.removed;
  v[n++] = r->writes;
  *ret++ = RECORD_VERSION;
  for (i = 0; i < 8 * n; i++)
    *ret++ = (uint8_t) (v[i / 8] >> (8 * (i % 8)));
}

int
record_get_counts (const void *p, size_t len, struct record_counts *ret)
{
  struct reader r = { p, (const uint8_t *) p + len, 0 };
  size_t i;

  if (len != RECORD_COUNTS_SIZE || get_number (&r, 1) != RECORD_VERSION)
    return -EBADMSG;
  for (i = 0; i < MEMBER_TABS; i++)
    ret->counts.tab[i] = get_number (&r, 8);
  ret->counts.known = get_number (&r, 8);
  ret->counts.removed = get_number (&r, 8);
  ret->writes = get_number (&r, 8);
  return 0;
}
