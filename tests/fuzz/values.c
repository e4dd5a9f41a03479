/* Values of descriptors: a line with a JSON array of VALUEs, then a body, read as JSON or, where it
   begins with "<", as XML.  Whatever either is, texts can be read, an id by jq is the id by its path, and what was refused has a sentence.  Expressions are not of the input:
   they are libjq's to read.  */
#include <config.h>

#include "plugins/seat/rest/value.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <usher/fakehost.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define VALUES_MAX 8u

static struct usher_fake *fake;
static struct rest_reader *both;   /* a plain path beside the same in jq */
static struct rest_jq *beside;
static struct rest_jq *none;

static const char *const places[VALUES_MAX] = { "0", "1", "2", "3", "4", "5", "6", "7" };
static const struct usher_kv namespaces[] = { { "t", "urn:t" } };

struct want
{
  size_t n;
  size_t sum;
};

static int32_t
on_both (void *arg, const struct rest_texts *values)
{
  (void) arg;
  /* A plain path gives numbers as they are written, and jq only strings here. */
  if (values[1].n > 0 && (values[0].n != 1 || strcmp (values[0].v[0], values[1].v[0]) != 0))
    abort ();
  return 0;
}

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  struct want *want = arg;

  for (size_t i = 0; i < want->n; i++)
    for (size_t k = 0; k < values[i].n; k++)
      want->sum += strlen (values[i].v[k]);
  return 0;
}

static struct rest_reader *
make (struct rest_jq *jq, json_t *array, bool xml, const char *items)
{
  json_t *values[VALUES_MAX];
  struct rest_reader *reader = NULL;
  struct rest_reader_spec spec = {
    .jq = jq, .xml = xml, .namespaces = namespaces, .n_namespaces = 1, .items = items, .items_place = "at",
    .values = values, .places = places, .nested = xml };

  for (; spec.n_values < json_array_size (array) && spec.n_values < VALUES_MAX; spec.n_values++)
    values[spec.n_values] = json_array_get (array, spec.n_values);
  (void) rest_reader_new (usher_fake_ctx (fake), &spec, &reader);
  return reader;
}

/* libjq points at the end of its stack, where a search for leaks does not find it. */
static void
end (void)
{
  rest_reader_free (both);
  rest_jq_free (beside);
}

/* What is the same for all inputs. */
static void
begin (void)
{
  json_t *pair = json_pack ("[s,{s:s}]", "id", "jq", "if .id | type == \"string\" then .id else empty end");

  fake = usher_fake_new ();
  if (rest_jq_new (&beside) < 0 || rest_jq_new (&none) < 0)
    abort ();
  both = make (beside, pair, /* xml */ false, "m[]");
  if (!both || rest_jq_compile (beside, usher_fake_ctx (fake)) < 0 || atexit (end) != 0)
    abort ();
  json_decref (pair);
}

static void
read_body (struct rest_reader *reader, const char *body, size_t len, rest_item_fn *fn, void *arg)
{
  int32_t r = rest_reader_each_in (reader, NULL, body, len, fn, arg);

  if (r < 0 && r != USHER_E_NOMEM && !rest_reader_error (reader)[0])
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *) data, *line = memchr (text, '\n', size), *body;
  size_t len;
  struct want want = { .n = 0 };
  json_t *values;
  struct rest_reader *reader;
  bool xml;

  if (!fake)
    begin ();
  if (!line)
    return 0;
  body = line + 1;
  len = size - (size_t) (body - text);
  xml = len > 0 && *body == '<';
  (void) rest_reader_each_in (both, NULL, body, len, on_both, NULL);
  values = json_loadb (text, (size_t) (line - text), JSON_REJECT_DUPLICATES, NULL);
  if (!values || memmem (text, (size_t) (line - text), "jq", 2))
    {
      json_decref (values);
      return 0;
    }
  want.n = json_array_size (values) < VALUES_MAX ? json_array_size (values) : VALUES_MAX;
  reader = make (none, values, xml, xml ? "/t:m/t:row" : "m[]");
  if (reader)
    read_body (reader, body, len, on_item, &want);
  rest_reader_free (reader);
  usher_fake_clear (fake);
  json_decref (values);
  return 0;
}
