/* XML from an app: the first byte chooses how the rest is cut.  Rows do not depend on the cut, and
   read row by row a document says what it says when it is read whole. */
#include <config.h>

#include <usher/fakehost.h>
#include <usher/xml.h>

#include <stdlib.h>
#include <string.h>

#define URL "https://app.example.com/members"
#define FIELDS 5
/* What a value read whole may be asked of: each asking walks the document. */
#define COMPARED_MAX 64u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const char *const fields[FIELDS] = { "@id", "x:name", "in/mail", "in/@x:kind", "." };
static const struct usher_kv prefixes[] = { { "x", "urn:m" } };
static const char *const page[] = { "/m/total", "/m/@count" };

static int32_t on_page (void *arg, const struct usher_item *item);

static const struct usher_xml_spec spec = {
  .size = sizeof spec, .row = "/m/x:row", .fields = fields, .n_fields = FIELDS, .prefixes = prefixes,
  .n_prefixes = 1, .page = page, .n_page = 2, .page_fn = on_page };

struct body
{
  const uint8_t *data;
  size_t size;
};

/* What was read row by row, to be compared. */
struct seen
{
  uint64_t sum;
  struct usher_xml *whole;   /* NULL = not compared */
  size_t rows;
};

static void
answer (void *arg, const struct usher_request *request, struct usher_fake_answer *ret)
{
  const struct body *b = arg;

  (void) request;
  ret->status = 200;
  ret->content_type = "application/xml";
  ret->body = b->data;
  ret->body_len = b->size;
}

static int32_t
on_page (void *arg, const struct usher_item *item)
{
  struct seen *seen = arg;
  const struct usher_value *v;
  size_t i, j, n;

  v = usher_item_values (item, &n);
  for (i = 0; i < n; i++)
    {
      if (v[i].text[v[i].len] != '\0' || strlen (v[i].text) != v[i].len)
        abort ();
      for (j = 0; j < v[i].len; j++)
        seen->sum = seen->sum * 31 + (unsigned char) v[i].text[j];
      seen->sum = seen->sum * 31 + v[i].field * 8 + v[i].index;
    }
  return 0;
}

static int32_t
on_row (void *arg, const struct usher_item *item)
{
  struct seen *seen = arg;
  size_t i;

  (void) on_page (arg, item);
  for (i = 0; seen->whole && i < FIELDS && seen->rows < COMPARED_MAX; i++)
    {
      const char *here = usher_item_text (item, (uint32_t) i);
      const char *there = usher_xml_text (seen->whole, seen->rows, fields[i]);

      if (!here != !there || (here && strcmp (here, there) != 0))
        abort ();
    }
  seen->rows++;
  return 0;
}

static int32_t
read_rows (struct body *b, size_t chunk, struct seen *seen)
{
  const struct usher_request req = { .size = sizeof req, .url = URL };
  struct usher_fake *fake = usher_fake_new ();
  uint64_t rows = 0;
  uint32_t h = 0;
  int32_t r;

  usher_fake_http (fake, answer, b);
  usher_fake_chunk (fake, chunk);
  if (usher_http_open (usher_fake_ctx (fake), &req, &h) != USHER_DONE)
    abort ();
  r = usher_xml_each (&spec, usher_fake_ctx (fake), h, on_row, seen, &rows);
  if (r == USHER_DONE && rows != seen->rows)
    abort ();
  usher_fake_free (fake);
  return r;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct seen one = { 0 }, cut = { 0 };
  struct body b;
  int32_t r, whole;
  size_t rows = 0;

  if (size < 2)
    return 0;
  b = (struct body) { data + 1, size - 1 };
  whole = usher_xml_new (b.data, b.size, prefixes, 1, &one.whole);
  if (whole == USHER_DONE && usher_xml_select (one.whole, spec.row, &rows) != USHER_DONE)
    abort ();
  if (whole != USHER_DONE)
    one.whole = NULL;
  r = read_rows (&b, 0, &one);
  if (read_rows (&b, 1u + data[0], &cut) != r || (r == USHER_DONE && (cut.sum != one.sum || cut.rows != rows)))
    abort ();
  /* Row by row the depth has a lower maximum. */
  if (r != whole && r != USHER_E_LIMIT)
    abort ();
  usher_xml_free (one.whole);
  return 0;
}
