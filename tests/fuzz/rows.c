/* Fuzz target of rows: the first byte chooses how the bytes are cut, the rest is the body.
   What is accepted must not depend on the cut.  */
#include <config.h>

#include "sdk/lib/rows-private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t len);

static const char *const fields[] = { "id", "name.first", "tags[]", "emails[].value", "", "o",
                                      "emails[1].value" };
static const char *const page[] = { "total", "meta" };

static int32_t
on_item (void *arg, const struct usher_item *item)
{
  uint64_t *sum = arg;
  const struct usher_value *v;
  size_t i, j, n;

  v = usher_item_values (item, &n);
  for (i = 0; i < n; i++)
    {
      if (v[i].text[v[i].len] != '\0')
        abort ();
      for (j = 0; j < v[i].len; j++)
        *sum = *sum * 31 + (unsigned char) v[i].text[j];
      *sum = *sum * 31 + v[i].field + v[i].index;
    }
  return 0;
}

static int32_t
run (const uint8_t *data, size_t len, uint32_t chunk, uint64_t *ret_sum)
{
  const struct usher_rows_spec spec = { sizeof spec, USHER_ROWS_NOCASE, "list[]", fields, 7, page, 2 };
  struct usher_rows *rows;
  int32_t r;

  *ret_sum = 0;
  if (usher_rows_new (&spec, &rows) < 0)
    abort ();
  rows->chunk = chunk;
  r = usher_rows_each_in (rows, data, len, on_item, ret_sum);
  usher_rows_free (rows);
  return r;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t len)
{
  uint64_t whole, cut;

  if (len == 0)
    return 0;
  if (run (data + 1, len - 1, ROWS_CHUNK, &whole) != run (data + 1, len - 1, 1 + data[0], &cut)
      || whole != cut)
    abort ();
  return 0;
}
