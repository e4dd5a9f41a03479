/* Rows from a hostile worker: what decodes must encode to a row that decodes to the
   same bytes, and its key lies within the row. */
#include <config.h>

#include "host/common/row.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static int
put (struct buf *out, const struct row *row)
{
  switch (row->kind)
    {
    case ROW_MEMBER:
      return row_put_member (out, &row->member);
    case ROW_ROLE:
      return row_put_role (out, &row->role);
    case ROW_OBJECT:
      return row_put_object (out, &row->object);
    case ROW_ACCESS:
      return row_put_access (out, &row->member, &row->access);
    case ROW_ROLE_OF:
      return row_put_role_of (out, &row->member, &row->role_of);
    default:
      abort ();
    }
}

static void
look (const uint8_t *p, size_t len)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  _cleanup_ (buf_done) struct buf again = BUF_INIT (ROW_MAX);
  struct row_key key;
  struct row row;
  bool keyed = row_key (p, len, &key) == 0;

  if (keyed && ((const uint8_t *) key.id < p || (const uint8_t *) key.id + key.len > p + len))
    abort ();
  if (row_get (p, len, &arena, &row) < 0)
    return;
  if (!keyed && row.kind != ROW_ROLE && row.kind != ROW_OBJECT)
    abort ();
  if (put (&again, &row) < 0 || again.len != len || memcmp (again.data, p, len) != 0)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  size_t at = 0, span;

  while (at < size && row_span (data + at, size - at, &span) == 0)
    {
      look (data + at, span);
      at += span;
    }
  return 0;
}
