/* Owns the bytes of a delta's items. */
#include <config.h>

#include "host/store/delta-file.h"

#include <limits.h>

#include "host/common/buf.h"
#include "host/store/reader.h"
#include "host/store/txn.h"

#define HAS_ROW 2u
#define TAB_SHIFT 4u  /* of a new member: its tab, above the other flags */

int
delta_encode_head (struct buf *out, const struct delta_head *h)
{
  buf_put (out, h->hub.b, ID_BYTES);
  buf_put_u64 (out, h->base);
  return buf_error (out);
}

int
delta_decode_head (const struct page_item *item, struct delta_head *ret)
{
  struct reader r = { item->data, item->len, item->type != DELTA_HEAD };

  reader_id (&r, &ret->hub);
  ret->base = reader_number (&r, 8);
  return r.bad || r.left ? -EBADMSG : 0;
}

int
delta_encode_member (struct buf *out, const struct delta_member *m)
{
  buf_put (out, m->id.b, ID_BYTES);
  buf_put_u8 (out, m->row ? HAS_ROW : 0);
  buf_put (out, m->person.b, ID_BYTES);
  buf_put_u16 (out, (uint16_t) m->key_len);
  buf_put (out, m->key, m->key_len);
  return buf_error (out);
}

int
delta_decode_member (const struct page_item *item, struct delta_member *ret)
{
  struct reader r = { item->data, item->len, false };
  uint64_t flags;

  reader_id (&r, &ret->id);
  flags = reader_number (&r, 1);
  reader_id (&r, &ret->person);
  ret->key_len = (size_t) reader_number (&r, 2);
  ret->key = (const char *) reader_take (&r, ret->key_len);
  if (r.bad || ret->key_len > RECORD_KEY_MAX || (!(flags & HAS_ROW) && r.left))
    return -EBADMSG;
  ret->row = flags & HAS_ROW ? r.p : NULL;
  ret->row_len = r.left;
  return 0;
}

/* Whether the key of LINK is what its row says. */
static bool
is_row_key (const struct record_link *link, const void *row, size_t len)
{
  char key[ROW_NATIVE_MAX];
  int n = row_native (row, len, key);

  return n >= 0 && link->key && key_compare (key, (size_t) n, link->key, link->key_len) == 0;
}

int
delta_encode_new (struct buf *out, const struct record_link *given, const void *row, size_t row_len)
{
  struct record_link link = *given;
  unsigned int flags = (unsigned int) member_tab (&link.link) << TAB_SHIFT;
  size_t at, len;
  int r;

  if (row)
    {
      if (!is_row_key (given, row, row_len))
        return -EINVAL;
      flags |= HAS_ROW;
      link.key = NULL;
      link.key_len = 0;
    }
  buf_put (out, link.link.id.b, ID_BYTES);
  buf_put_u8 (out, (uint8_t) flags);
  buf_put_u16 (out, 0); /* the length of the link, once it is known */
  at = out->len;
  r = record_put_link (out, &link);
  if (r < 0)
    return r;
  len = out->len - at;
  out->data[at - 2] = (char) len;
  out->data[at - 1] = (char) (len >> 8);
  return 0;
}

int
delta_decode_new (const struct page_item *item, struct delta_new_member *ret)
{
  struct reader r = { item->data, item->len, false };
  uint64_t flags;

  reader_id (&r, &ret->id);
  flags = reader_number (&r, 1);
  ret->link_len = (size_t) reader_number (&r, 2);
  ret->link = reader_take (&r, ret->link_len);
  if (r.bad || (!(flags & HAS_ROW) && r.left))
    return -EBADMSG;
  ret->row = flags & HAS_ROW ? r.p : NULL;
  ret->row_len = r.left;
  return 0;
}

int
delta_member_of_new (struct delta_new_member *m, struct member *ret)
{
  struct record_link link;
  int r = record_get_link (m->link, m->link_len, &link), n;

  if (r < 0)
    return r;
  *ret = (struct member) { link.link, link.key, link.key_len, m->row, m->row_len };
  ret->link.id = m->id;
  if (!m->row)
    return 0;
  n = row_native (m->row, m->row_len, m->key);
  if (n < 0)
    return n;
  ret->key = m->key;
  ret->key_len = (size_t) n;
  return 0;
}

int
delta_tab_of_new (const struct page_item *item)
{
  return item->len > ID_BYTES ? ((const uint8_t *) item->data)[ID_BYTES] >> TAB_SHIFT : -1;
}

int
delta_decode_op (const struct page_item *item, struct delta_op *ret)
{
  struct reader r = { item->data, item->len, false };
  const uint8_t *key;

  ret->key.len = (size_t) reader_number (&r, 2);
  ret->db = (uint8_t) reader_number (&r, 1);
  key = reader_take (&r, ret->key.len);
  ret->put = reader_number (&r, 1);
  reader_id (&r, &ret->member);
  if (r.bad || ret->key.len > KEY_MAX || ret->db < DB_LINK || ret->db > DB_PERSON)
    return -EBADMSG;
  memcpy (ret->key.b, key, ret->key.len);
  ret->value = r.p;
  ret->value_len = r.left;
  return 0;
}

int
delta_decode_seal (const struct page_item *item, uint64_t *ret_rows, json_t **ret_summary)
{
  struct reader r = { item->data, item->len, item->type != DELTA_SEAL };
  uint64_t rows = reader_number (&r, 8);

  if (!r.bad)
    *ret_summary = json_loadb ((const char *) r.p, r.left, JSON_DECODE_ANY, NULL);
  if (r.bad || !*ret_summary)
    return -EBADMSG;
  *ret_rows = rows;
  return 0;
}

char *
delta_path (struct store *s, const struct id *hub)
{
  struct buf path = BUF_INIT (PATH_MAX);
  char text[ID_TEXT_SIZE];

  id_format (hub, text);
  buf_printf (&path, "%s/%s%s", store_work_dir (s), DELTA_PREFIX, text);
  return buf_steal (&path);
}
