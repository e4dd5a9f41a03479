/* Owns what binds a cursor to its list: a hash over the path, what stood in its braces, the
   filters in any order, and the cursor itself.  It keeps mistakes out; there is nothing to
   be had by forging one, for the list asks for permission each time. */
#include <config.h>

#include "host/api/cursor.h"

#include <sodium.h>

#include "host/common/buf.h"

#define INNER_MAX 1024u
#define BOUND_MAX (256u * 1024)
#define HASH_BYTES crypto_shorthash_BYTES
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static void
put_text (struct buf *b, const char *s)
{
  buf_put (b, s ? s : "", s ? strlen (s) + 1 : 1);
}

static int
by_text (const void *a, const void *b)
{
  const struct usher_kv *const *x = a, *const *y = b;
  int order = strcmp ((*x)->key, (*y)->key);

  return order ? order : strcmp ((*x)->value, (*y)->value);
}

/* The page's own parameters are none of the list's. */
static bool
is_filter (const struct usher_kv *kv)
{
  return !streq (kv->key, "limit") && !streq (kv->key, "cursor");
}

static void
put_filters (struct buf *b, const struct cursor_list *l)
{
  const struct usher_kv **sorted = calloc (l->n_query + 1, sizeof *sorted);
  size_t n = 0, i;

  for (i = 0; sorted && i < l->n_query; i++)
    if (is_filter (&l->query[i]))
      sorted[n++] = &l->query[i];
  if (sorted)
    qsort (sorted, n, sizeof *sorted, by_text);
  else
    b->error = -ENOMEM;
  for (i = 0; i < n; i++)
    {
      put_text (b, sorted[i]->key);
      put_text (b, sorted[i]->value);
    }
  free (sorted);
}

static int
hash (const struct cursor_list *l, const char *inner, unsigned char ret[HASH_BYTES])
{
  static const unsigned char key[crypto_shorthash_KEYBYTES];
  struct buf b = BUF_INIT (BOUND_MAX);
  size_t i;
  int x;

  put_text (&b, inner);
  put_text (&b, l->route->path);
  for (i = 0; i < 3; i++)
    put_text (&b, l->names[i]);
  put_filters (&b, l);
  x = buf_error (&b);
  if (x == 0)
    (void) crypto_shorthash (ret, (const unsigned char *) b.data, b.len, key);
  buf_done (&b);
  return x;
}

char *
cursor_wrap (const struct cursor_list *l, const char *inner)
{
  unsigned char whole[HASH_BYTES + INNER_MAX];
  size_t len = strlen (inner), size = sodium_base64_ENCODED_LEN (HASH_BYTES + len, VARIANT);
  char *text;

  if (len > INNER_MAX || hash (l, inner, whole) < 0)
    return NULL;
  memcpy (whole + HASH_BYTES, inner, len);
  text = malloc (size);
  if (text)
    (void) sodium_bin2base64 (text, size, whole, HASH_BYTES + len, VARIANT);
  return text;
}

char *
cursor_unwrap (const struct cursor_list *l, const char *text)
{
  unsigned char whole[HASH_BYTES + INNER_MAX + 1], wanted[HASH_BYTES];
  const char *inner = (const char *) whole + HASH_BYTES;
  size_t len;

  if (sodium_base642bin (whole, sizeof whole - 1, text, strlen (text), NULL, &len, NULL, VARIANT) != 0
      || len <= HASH_BYTES)
    return NULL;
  whole[len] = '\0';
  /* Bytes behind a NUL would not be seen by the hash. */
  if (strlen (inner) != len - HASH_BYTES || hash (l, inner, wanted) < 0 || sodium_memcmp (whole, wanted, HASH_BYTES) != 0)
    return NULL;
  return strdup (inner);
}
