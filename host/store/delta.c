/* Owns the making of a delta: rows as they come, and what changes of known members'
   links and index entries through a sorter, so that it is written in key order. */
#include <config.h>

#include "host/store/delta-file.h"

#include "host/store/members.h"

#define PAGE_BYTES (256u * 1024)
#define EVENT_JSON_MAX 65536u

size_t
store_order_key (const char *key, size_t len, uint8_t ret[STORE_ORDER_KEY_MAX])
{
  _Static_assert (STORE_ORDER_KEY_MAX == KEY_PART_MAX, "one order for sorters and the store");
  return key_part (key, len, ret);
}

static int
begin_base (struct store *s, const struct id *hub, uint64_t *ret)
{
  struct txn *t = store_read (s);
  struct record_counts counts;
  struct key key;
  MDB_val value;

  value_hub_key (&key, VALUE_APPLYING, hub, /* member= */ NULL);
  if (txn_load (t, DB_VALUE, &key, &value))
    txn_fail (t, -EBUSY);
  counts_load (t, hub, &counts);
  *ret = counts.writes;
  return txn_commit (t);
}

int
delta_new (struct store *s, const struct id *hub, struct delta **ret)
{
  _cleanup_ (delta_freep) struct delta *d = calloc (1, sizeof *d);
  _cleanup_ (buf_done) struct buf head = BUF_INIT (64);
  int r;

  if (!d)
    return -ENOMEM;
  d->file.fd = -1;
  d->store = s;
  d->head.hub = *hub;
  d->scratch = (struct buf) BUF_INIT (RECORD_LINK_MAX + 64);
  r = begin_base (s, hub, &d->head.base);
  if (r < 0)
    return r;
  d->path = delta_path (s, hub);
  if (!d->path)
    return -ENOMEM;
  r = pagefile_open (&d->file, d->path, DELTA_MAGIC, /* fresh= */ true);
  if (r == 0)
    r = sorter_new (store_work_dir (s), &d->ops);
  if (r == 0)
    r = delta_encode_head (&head, &d->head);
  if (r == 0)
    r = pagefile_put (&d->file, DELTA_HEAD, head.data, head.len, NULL, 0);
  if (r == 0)
    *ret = TAKE (d);
  return r;
}

void
delta_free (struct delta *d)
{
  if (!d)
    return;
  if (d->file.fd >= 0 && !d->begun)
    (void) unlink (d->path);
  pagefile_done (&d->file);
  sorter_free (d->ops);
  buf_done (&d->scratch);
  free (d->path);
  free (d);
}

uint64_t
delta_rows (const struct delta *d)
{
  return d->rows;
}

/* Appends an item; pages are ended as they fill. */
static int
put_item (struct delta *d, uint8_t type, const void *a, size_t a_len, const void *b, size_t b_len)
{
  int r = pagefile_put (&d->file, type, a, a_len, b, b_len);

  if (r == 0 && d->file.size - d->file.whole >= PAGE_BYTES)
    r = pagefile_end_page (&d->file, /* sync= */ false);
  return r;
}

/* What delta_decode_op reads: its first part is the key of the sorter. */
static int
add_op (struct delta *d, enum db db, const struct key *key, bool put, const struct id *member,
        const struct buf *value)
{
  uint8_t sort_key[1 + KEY_MAX];
  _cleanup_ (buf_done) struct buf rest = BUF_INIT (1 + ID_BYTES + RECORD_LINK_MAX);

  sort_key[0] = (uint8_t) db;
  memcpy (sort_key + 1, key->b, key->len);
  buf_put_u8 (&rest, put);
  buf_put (&rest, member->b, ID_BYTES);
  if (value)
    buf_put (&rest, value->data, value->len);
  if (buf_error (&rest))
    return buf_error (&rest);
  return sorter_add (d->ops, sort_key, 1 + key->len, rest.data, rest.len);
}

static bool
same_key (const struct member *a, const struct member *b)
{
  return a->key && b->key && key_compare (a->key, a->key_len, b->key, b->key_len) == 0;
}

/* The link of M as the apply writes it. */
static struct record_link
stamped (const struct delta *d, const struct member *m)
{
  return (struct record_link) { m->link, m->key, m->key_len, d->head.base + 1 };
}

static int
put_new (struct delta *d, const struct member *m)
{
  struct record_link link = stamped (d, m);
  int r;

  buf_reset (&d->scratch);
  r = delta_encode_new (&d->scratch, &link, m->row, m->row_len);
  return r < 0 ? r : put_item (d, DELTA_NEW, d->scratch.data, d->scratch.len, m->row, m->row_len);
}

static int
put_known (struct delta *d, const struct member *old, const struct member *m)
{
  struct delta_member member = { .id = m->link.id, .key = m->key, .key_len = m->key_len };
  bool same_row = same_key (old, m) && old->row && old->row_len == m->row_len
                  && memcmp (old->row, m->row, m->row_len) == 0;
  int r;

  if (m->key && !same_row)
    {
      member.row = m->row;
      member.row_len = m->row_len;
    }
  if (member_is_live (&m->link)
      && !(member_is_live (&old->link) && id_equal (&old->link.person, &m->link.person)))
    member.person = m->link.person;
  buf_reset (&d->scratch);
  r = delta_encode_member (&d->scratch, &member);
  return r < 0 ? r : put_item (d, DELTA_MEMBER, d->scratch.data, d->scratch.len, member.row,
                               member.row_len);
}

static int
add_link (struct delta *d, const struct member *old, const struct member *m)
{
  struct record_link was = stamped (d, old), link = stamped (d, m);
  _cleanup_ (buf_done) struct buf before = BUF_INIT (RECORD_LINK_MAX);
  struct key key;
  int r;

  buf_reset (&d->scratch);
  r = record_put_link (&before, &was);
  if (r == 0)
    r = record_put_link (&d->scratch, &link);
  if (r < 0 || (before.len == d->scratch.len
                && memcmp (before.data, d->scratch.data, before.len) == 0))
    return r;
  link_key (&key, &d->head.hub, &m->link.id);
  return add_op (d, DB_LINK, &key, /* put= */ true, &m->link.id, &d->scratch);
}

/* Adds what A has of entries and B has not. */
static int
add_entries (struct delta *d, const struct member_entries *a, const struct member_entries *b,
             bool put, const struct id *member)
{
  struct key key;
  enum db db;
  size_t i;
  int r = 0;

  for (i = 0; r == 0 && i < a->n; i++)
    if (!member_entries_have (b, &a->v[i]))
      {
        db = member_entry_key (&d->head.hub, a->v[i].b, a->v[i].len, &key);
        r = add_op (d, db, &key, put, member, NULL);
      }
  return r;
}

static int
add_changes (struct delta *d, const struct member *old, const struct member *m)
{
  struct member_entries before, now;
  struct key key;
  int r = 0;

  if (old->key && !same_key (old, m))
    {
      seen_key (&key, &d->head.hub, old->key, old->key_len);
      r = add_op (d, DB_SEEN, &key, /* put= */ false, &m->link.id, NULL);
    }
  if (r == 0)
    r = add_link (d, old, m);
  if (r == 0)
    r = member_entries (&d->head.hub, old, &before);
  if (r == 0)
    r = member_entries (&d->head.hub, m, &now);
  if (r == 0)
    r = add_entries (d, &before, &now, /* put= */ false, &m->link.id);
  return r < 0 ? r : add_entries (d, &now, &before, /* put= */ true, &m->link.id);
}

int
delta_put (struct delta *d, const struct member *old, const struct member *m)
{
  struct member now = *m;
  int r;

  assert (!d->sealed && (!old || id_equal (&old->link.id, &m->link.id)));
  if (now.key && !now.row)
    {
      if (!old || !same_key (old, &now))
        return -EINVAL;
      now.row = old->row;
      now.row_len = old->row_len;
    }
  r = old ? put_known (d, old, &now) : put_new (d, &now);
  if (r == 0 && old)
    r = add_changes (d, old, &now);
  if (r == 0)
    d->rows++;
  return r;
}

int
delta_event (struct delta *d, json_t *event)
{
  _cleanup_ (freep) char *text = json_dumps (event, JSON_COMPACT);

  assert (!d->sealed);
  if (!text)
    return -ENOMEM;
  if (strlen (text) > EVENT_JSON_MAX)
    return -E2BIG;
  return put_item (d, DELTA_EVENT, text, strlen (text), NULL, 0);
}

/* Moves the sorted changes into the file. */
static int
drain_ops (struct delta *d)
{
  const void *key, *value;
  size_t key_len, value_len;
  int r = sorter_finish (d->ops);

  while (r == 0 && sorter_next (d->ops, &key, &key_len, &value, &value_len) == 1)
    {
      uint8_t head[2 + 1 + KEY_MAX];

      head[0] = (uint8_t) (key_len - 1);
      head[1] = (uint8_t) ((key_len - 1) >> 8);
      memcpy (head + 2, key, key_len);
      r = put_item (d, DELTA_OP, head, 2 + key_len, value, value_len);
    }
  sorter_free (TAKE (d->ops));
  return r;
}

int
delta_seal (struct delta *d, json_t *summary)
{
  _cleanup_ (freep) char *text = json_dumps (summary, JSON_COMPACT | JSON_ENCODE_ANY);
  uint8_t rows[8];
  size_t i;
  int r;

  assert (!d->sealed);
  if (!text)
    return -ENOMEM;
  r = drain_ops (d);
  for (i = 0; i < sizeof rows; i++)
    rows[i] = (uint8_t) (d->rows >> (8 * i));
  if (r == 0)
    r = pagefile_put (&d->file, DELTA_SEAL, rows, sizeof rows, text, strlen (text));
  if (r == 0)
    r = pagefile_end_page (&d->file, /* sync= */ true);
  d->sealed = r == 0;
  return r;
}
