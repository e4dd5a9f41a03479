/* Owns the layout of link records and counters. */
#include <config.h>

#include "host/store/record.h"

#include "host/store/reader.h"

#define LINK_VERSION 2u
#define COUNTS_VERSION 1u

/* What a link has beside version, status and flags, in this order.  A hub has a million
   links that say little: what is zero takes no room, and times that are one time are kept
   once.  Numbers are stored: never change or reuse one. */
#define HAS_PERSON 1u
#define HAS_BEFORE 2u
#define HAS_HUB_ROLE 4u
#define HAS_MISSED 8u
#define HAS_SEQ 16u
#define HAS_FIRST_SEEN 32u
#define HAS_LAST_SEEN 64u
#define HAS_CHANGED 128u     /* else: when it was first seen */
#define HAS_ADOPTED 256u
#define ADOPTED_THEN 512u    /* adopted when its status last changed */
#define HAS_EXEMPT_BY 1024u
#define HAS_EXEMPT_MS 2048u
#define HAS_REASON 4096u
#define HAS_NOTE 8192u
#define HAS_KEY 16384u
#define HAS_INVITED 32768u    /* when, and how often */

/* A number in bytes of seven bits, the low ones first, all but the last marked. */
#define VARINT_MAX 10u

static uint64_t
get_varint (struct reader *r)
{
  uint64_t v = 0;
  unsigned int shift = 0;
  const uint8_t *p;

  do
    {
      p = reader_take (r, 1);
      if (!p || shift > 63 || (shift == 63 && *p > 1))
        {
          r->bad = true;
          return 0;
        }
      v |= (uint64_t) (*p & 0x7f) << shift;
      shift += 7;
    }
  while (*p & 0x80);
  return v;
}

/* A text with its NUL, or free bytes (TEXT false) with a NUL behind them. */
static const char *
get_bytes (struct reader *r, size_t max, bool text, size_t *ret_len)
{
  size_t len = (size_t) get_varint (r);
  const uint8_t *p;

  *ret_len = 0;
  if (r->bad || len > max)
    {
      r->bad = true;
      return NULL;
    }
  p = reader_take (r, len + 1);
  if (!p || p[len] != '\0' || (text && memchr (p, '\0', len)))
    {
      r->bad = true;
      return NULL;
    }
  *ret_len = len;
  return (const char *) p;
}

/* The numbers of a link on their way out. */
struct writer
{
  uint8_t b[8 + 2 * ID_BYTES + 12 * VARINT_MAX];
  size_t n;
};

static void
put_bits (struct writer *w, uint32_t v, size_t len)
{
  for (; len; len--, v >>= 8)
    w->b[w->n++] = (uint8_t) v;
}

static void
put_varint (struct writer *w, uint64_t v)
{
  for (; v > 0x7f; v >>= 7)
    w->b[w->n++] = (uint8_t) (v | 0x80);
  w->b[w->n++] = (uint8_t) v;
}

static void
put_id (struct writer *w, const struct id *id)
{
  memcpy (w->b + w->n, id->b, ID_BYTES);
  w->n += ID_BYTES;
}

static void
put_bytes (struct buf *out, const char *s, size_t len)
{
  struct writer w = { .n = 0 };

  put_varint (&w, len);
  buf_put (out, w.b, w.n);
  buf_put (out, s, len);
  buf_put_u8 (out, 0);
}

static size_t
length (const char *s)
{
  return s ? strlen (s) : 0;
}

static uint32_t
parts (const struct record_link *r)
{
  const struct member_link *l = &r->link;
  uint32_t has = 0;

  has |= id_is_zero (&l->person) ? 0 : HAS_PERSON;
  has |= l->before ? HAS_BEFORE : 0;
  has |= l->hub_role ? HAS_HUB_ROLE : 0;
  has |= l->missed ? HAS_MISSED : 0;
  has |= l->seq ? HAS_SEQ : 0;
  has |= l->first_seen_ms ? HAS_FIRST_SEEN : 0;
  has |= l->last_seen_ms ? HAS_LAST_SEEN : 0;
  has |= l->changed_ms != l->first_seen_ms ? HAS_CHANGED : 0;
  if (l->adopted_ms)
    has |= l->adopted_ms == l->changed_ms ? ADOPTED_THEN : HAS_ADOPTED;
  has |= id_is_zero (&l->exempt_by) ? 0 : HAS_EXEMPT_BY;
  has |= l->exempt_ms ? HAS_EXEMPT_MS : 0;
  has |= l->reason ? HAS_REASON : 0;
  has |= l->note ? HAS_NOTE : 0;
  has |= r->key ? HAS_KEY : 0;
  has |= l->invited_ms || l->invitations ? HAS_INVITED : 0;
  return has;
}

int
record_put_link (struct buf *out, const struct record_link *r)
{
  const struct member_link *l = &r->link;
  uint32_t has = parts (r);
  struct writer w = { .n = 0 };

  if (length (l->reason) > RECORD_TEXT_MAX || length (l->note) > RECORD_TEXT_MAX
      || r->key_len > RECORD_KEY_MAX)
    return -E2BIG;
  put_bits (&w, LINK_VERSION, 1);
  put_bits (&w, has, 2);
  put_varint (&w, l->status);
  put_varint (&w, l->flags);
  put_varint (&w, r->stamp);
  if (has & HAS_PERSON)
    put_id (&w, &l->person);
  if (has & HAS_BEFORE)
    put_varint (&w, l->before);
  if (has & HAS_HUB_ROLE)
    put_varint (&w, l->hub_role);
  if (has & HAS_MISSED)
    put_varint (&w, l->missed);
  if (has & HAS_SEQ)
    put_varint (&w, l->seq);
  if (has & HAS_FIRST_SEEN)
    put_varint (&w, (uint64_t) l->first_seen_ms);
  if (has & HAS_LAST_SEEN)
    put_varint (&w, (uint64_t) l->last_seen_ms);
  if (has & HAS_CHANGED)
    put_varint (&w, (uint64_t) l->changed_ms);
  if (has & HAS_ADOPTED)
    put_varint (&w, (uint64_t) l->adopted_ms);
  if (has & HAS_EXEMPT_BY)
    put_id (&w, &l->exempt_by);
  if (has & HAS_EXEMPT_MS)
    put_varint (&w, (uint64_t) l->exempt_ms);
  if (has & HAS_INVITED)
    {
      put_varint (&w, (uint64_t) l->invited_ms);
      put_varint (&w, l->invitations);
    }
  buf_put (out, w.b, w.n);
  if (has & HAS_REASON)
    put_bytes (out, l->reason, length (l->reason));
  if (has & HAS_NOTE)
    put_bytes (out, l->note, length (l->note));
  if (has & HAS_KEY)
    put_bytes (out, r->key, r->key_len);
  return buf_error (out);
}

int
record_put_key (struct buf *out, size_t at, const char *key, size_t len)
{
  if (len > RECORD_KEY_MAX)
    return -E2BIG;
  assert (out->len - at > 2);
  out->data[at + 1] = (char) ((uint8_t) out->data[at + 1] | (HAS_KEY & 0xff));
  out->data[at + 2] = (char) ((uint8_t) out->data[at + 2] | (HAS_KEY >> 8));
  put_bytes (out, key, len);
  return buf_error (out);
}

/* A number that is only there with BIT, and then is up to MAX. */
static uint64_t
get_part (struct reader *r, uint32_t has, uint32_t bit, uint64_t max)
{
  uint64_t v = has & bit ? get_varint (r) : 0;

  if (v > max)
    r->bad = true;
  return v;
}

static void
get_times (struct reader *r, uint32_t has, struct member_link *l)
{
  l->first_seen_ms = (int64_t) get_part (r, has, HAS_FIRST_SEEN, UINT64_MAX);
  l->last_seen_ms = (int64_t) get_part (r, has, HAS_LAST_SEEN, UINT64_MAX);
  l->changed_ms = (int64_t) get_part (r, has, HAS_CHANGED, UINT64_MAX);
  if (!(has & HAS_CHANGED))
    l->changed_ms = l->first_seen_ms;
  l->adopted_ms = (int64_t) get_part (r, has, HAS_ADOPTED, UINT64_MAX);
  if (has & ADOPTED_THEN)
    l->adopted_ms = l->changed_ms;
}

int
record_get_link (const void *p, size_t len, struct record_link *ret)
{
  struct reader r = { p, len, false };
  struct record_link link = { .key = NULL };
  struct member_link *l = &link.link;
  size_t unused;
  uint32_t has;

  if (reader_number (&r, 1) != LINK_VERSION)
    return -EBADMSG;
  has = (uint32_t) reader_number (&r, 2);
  l->status = (uint16_t) get_part (&r, 1, 1, UINT16_MAX);
  l->flags = (uint32_t) get_part (&r, 1, 1, UINT32_MAX);
  link.stamp = get_varint (&r);
  if (has & HAS_PERSON)
    reader_id (&r, &l->person);
  l->before = (uint16_t) get_part (&r, has, HAS_BEFORE, UINT16_MAX);
  l->hub_role = (uint8_t) get_part (&r, has, HAS_HUB_ROLE, UINT8_MAX);
  l->missed = (uint32_t) get_part (&r, has, HAS_MISSED, UINT32_MAX);
  l->seq = get_part (&r, has, HAS_SEQ, UINT64_MAX);
  get_times (&r, has, l);
  if (has & HAS_EXEMPT_BY)
    reader_id (&r, &l->exempt_by);
  l->exempt_ms = (int64_t) get_part (&r, has, HAS_EXEMPT_MS, UINT64_MAX);
  l->invited_ms = (int64_t) get_part (&r, has, HAS_INVITED, UINT64_MAX);
  l->invitations = (uint32_t) get_part (&r, has, HAS_INVITED, UINT32_MAX);
  if (has & HAS_REASON)
    l->reason = get_bytes (&r, RECORD_TEXT_MAX, /* text= */ true, &unused);
  if (has & HAS_NOTE)
    l->note = get_bytes (&r, RECORD_TEXT_MAX, /* text= */ true, &unused);
  if (has & HAS_KEY)
    link.key = get_bytes (&r, RECORD_KEY_MAX, /* text= */ false, &link.key_len);
  if (r.bad || r.left)
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
  *ret++ = COUNTS_VERSION;
  for (i = 0; i < 8 * n; i++)
    *ret++ = (uint8_t) (v[i / 8] >> (8 * (i % 8)));
}

int
record_get_counts (const void *p, size_t len, struct record_counts *ret)
{
  struct reader r = { p, len, false };
  size_t i;

  if (len != RECORD_COUNTS_SIZE || reader_number (&r, 1) != COUNTS_VERSION)
    return -EBADMSG;
  for (i = 0; i < MEMBER_TABS; i++)
    ret->counts.tab[i] = reader_number (&r, 8);
  ret->counts.known = reader_number (&r, 8);
  ret->counts.removed = reader_number (&r, 8);
  ret->writes = reader_number (&r, 8);
  return 0;
}
