/* Owns readers: what was compiled out of a descriptor, and one answer after the other going
   through it.  */
#include <config.h>

#include "plugins/seat/rest/value-private.h"

#include <stdio.h>
#include <string.h>
#include <usher/xml.h>

/* VALUEs of one kind, and what they gave last. */
struct values
{
  struct value *v;           /* owned */
  char **places;             /* owned, each too */
  size_t n;
  struct value_paths paths;
  uint32_t program;          /* of their expressions */
  struct value_memory memory;
  struct value_list list;
  struct rest_texts *texts;  /* owned */
};

struct rest_reader
{
  struct rest_jq *jq;        /* borrowed */
  struct values item, page;
  struct usher_rows *rows;   /* owned; NULL: XML */
  struct usher_kv *namespaces; /* owned, with its texts */
  size_t n_namespaces;
  struct usher_xml_end xml;  /* of the last answer */
  char *items, *items_place; /* owned; NULL: the answer is the one item */
  uint32_t raw;              /* field that is the item itself, for jq */
  bool nested;

  /* While an answer is read. */
  rest_item_fn *fn;
  void *arg;
  const struct usher_item *current;   /* the item, or the page of XML */
  const struct usher_response *head;
  const char *where;         /* place that ERROR is about; borrowed, NULL = none */
  char error[ERROR_MAX];
};

static int32_t on_xml_page (void *arg, const struct usher_item *item);

/* ---- making ---- */

static int32_t
make_values (struct value_maker *m, json_t *const *json, const char *const *places, size_t n,
             struct values *ret)
{
  int32_t r = USHER_DONE;

  ret->v = calloc (n + 1, sizeof *ret->v);
  ret->places = calloc (n + 1, sizeof *ret->places);
  ret->texts = calloc (n + 1, sizeof *ret->texts);
  if (!ret->v || !ret->places || !ret->texts)
    return USHER_E_NOMEM;
  m->program = ret->program;
  m->paths = &ret->paths;
  for (; ret->n < n && r >= 0; ret->n++)
    {
      ret->places[ret->n] = strdup (places[ret->n]);
      r = ret->places[ret->n] ? value_make (m, json[ret->n], places[ret->n], &ret->v[ret->n])
                              : USHER_E_NOMEM;
    }
  return r;
}

static void
values_done (struct values *values)
{
  for (size_t i = 0; i < values->n; i++)
    {
      value_done (&values->v[i]);
      free (values->places[i]);
    }
  value_paths_done (&values->paths);
  value_memory_done (&values->memory);
  free (values->v);
  free (values->places);
  free (values->texts);
  free (values->list.v);
}

/* jq reads the item as a whole. */
static int32_t
add_raw (struct rest_reader *reader)
{
  struct value_paths *p = &reader->item.paths;

  if (jq_count (reader->jq, reader->item.program) == 0)
    return USHER_DONE;
  for (reader->raw = 0; reader->raw < p->n; reader->raw++)
    if (p->v[reader->raw][0] == '\0')
      return USHER_DONE;
  if (p->n == ARRAY_SIZE (p->v))
    return USHER_E_LIMIT;
  p->v[p->n] = strdup ("");
  return p->v[p->n++] ? USHER_DONE : USHER_E_NOMEM;
}

/* XML is read by a specification; where the answer is the one item, by its outermost element. */
static struct usher_xml_spec
xml_for (const struct rest_reader *reader, const struct value_paths *fields,
         const struct value_paths *page)
{
  struct usher_xml_spec spec = { .size = sizeof spec };

  spec.row = reader->items ? reader->items : "/*";
  spec.fields = (const char *const *) fields->v;
  spec.n_fields = fields->n;
  spec.prefixes = reader->namespaces;
  spec.n_prefixes = reader->n_namespaces;
  spec.page = (const char *const *) page->v;
  spec.n_page = page->n;
  spec.page_fn = on_xml_page;
  return spec;
}

/* Whether these paths can be read; for JSON, the program that reads them. */
static int32_t
try_paths (const struct rest_reader *reader, bool xml, const struct value_paths *fields,
           const struct value_paths *page, struct usher_rows **ret)
{
  struct usher_rows_spec spec = { .size = sizeof spec };

  if (xml)
    {
      const struct usher_xml_spec of_xml = xml_for (reader, fields, page);
      struct usher_xml_end end = { .size = sizeof end };
      int32_t r = usher_xml_read (&of_xml, NULL, 0, "", 0, NULL, NULL, &end);

      return r == USHER_E_SHAPE ? USHER_DONE : r;
    }
  spec.items = reader->items ? reader->items : "";
  spec.fields = (const char *const *) fields->v;
  spec.n_fields = fields->n;
  spec.page = (const char *const *) page->v;
  spec.n_page = page->n;
  return usher_rows_new (&spec, ret);
}

/* One path of PAGE, or of items, is wrong: finds out which, and tells. */
static void
blame (struct value_maker *m, const struct rest_reader *reader, const struct value_paths *paths,
       bool page)
{
  for (uint32_t i = 0; i < paths->n; i++)
    {
      const struct value_paths one = { .v = { paths->v[i] }, .n = 1 }, none = { .n = 0 };
      struct usher_rows *rows = NULL;
      int32_t r = try_paths (reader, m->xml, page ? &none : &one, page ? &one : &none, &rows);

      usher_rows_free (rows);
      if (r == USHER_E_MISUSE || r == USHER_E_LIMIT)
        value_wrong (m, paths->place[i], page ? "The path \"%.80s\" cannot be read, or leads through "
                     "the items" : "The path \"%.80s\" cannot be read", paths->v[i]);
    }
}

static int32_t
make_rows (struct value_maker *m, struct rest_reader *reader)
{
  const struct value_paths none = { .n = 0 };
  int32_t r = try_paths (reader, m->xml, &reader->item.paths, &reader->page.paths, &reader->rows);
  struct usher_rows *rows = NULL;

  if (r >= 0 || r == USHER_E_NOMEM)
    return r;
  r = try_paths (reader, m->xml, &none, &none, &rows);
  usher_rows_free (rows);
  if (r < 0)
    value_wrong (m, reader->items_place, m->xml ? "The path \"%.80s\" does not lead to elements: it "
                 "begins with /" : "The path \"%.80s\" does not lead to a list: it ends with []",
                 reader->items);
  else
    {
      blame (m, reader, &reader->item.paths, /* page */ false);
      blame (m, reader, &reader->page.paths, /* page */ true);
    }
  return USHER_E_CONFIG;
}

static int32_t
copy_namespaces (const struct rest_reader_spec *spec, struct rest_reader *reader)
{
  reader->namespaces = calloc (spec->n_namespaces + 1, sizeof *reader->namespaces);
  for (size_t i = 0; reader->namespaces && i < spec->n_namespaces; i++)
    {
      struct usher_kv *kv = &reader->namespaces[reader->n_namespaces++];

      kv->key = strdup (spec->namespaces[i].key);
      kv->value = strdup (spec->namespaces[i].value);
      if (!kv->key || !kv->value)
        return USHER_E_NOMEM;
    }
  return reader->namespaces ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
fill (struct value_maker *m, const struct rest_reader_spec *spec, struct rest_reader *reader)
{
  int32_t r = copy_namespaces (spec, reader);

  if (r < 0)
    return r;
  if (spec->items)
    {
      reader->items = strdup (spec->items);
      reader->items_place = strdup (spec->items_place);
      if (!reader->items || !reader->items_place)
        return USHER_E_NOMEM;
    }
  r = jq_program (spec->jq, spec->through, spec->through_place, &reader->item.program);
  if (r >= 0)
    r = jq_program (spec->jq, NULL, NULL, &reader->page.program);
  m->through = spec->through != NULL;
  if (r >= 0)
    r = make_values (m, spec->values, spec->places, spec->n_values, &reader->item);
  m->through = false;
  m->page = true;
  if (r >= 0)
    r = make_values (m, spec->page, spec->page_places, spec->n_page, &reader->page);
  if (r >= 0)
    r = add_raw (reader);
  if (r >= 0 && !m->wrong)
    r = make_rows (m, reader);
  return r >= 0 && m->wrong ? USHER_E_CONFIG : r;
}

int32_t
rest_reader_new (struct usher_ctx *ctx, const struct rest_reader_spec *spec,
                 struct rest_reader **ret_reader)
{
  struct rest_reader *reader = calloc (1, sizeof *reader);
  struct value_maker m = { .ctx = ctx, .jq = spec->jq, .xml = spec->xml,
                           .outermost = spec->xml && !spec->items };
  int32_t r;

  if (!reader)
    return USHER_E_NOMEM;
  reader->jq = spec->jq;
  reader->nested = spec->nested;
  r = !spec->items && spec->n_page > 0 ? USHER_E_MISUSE : fill (&m, spec, reader);
  if (r < 0)
    {
      rest_reader_free (reader);
      return r;
    }
  *ret_reader = reader;
  return USHER_DONE;
}

void
rest_reader_free (struct rest_reader *reader)
{
  if (!reader)
    return;
  usher_rows_free (reader->rows);
  for (size_t i = 0; i < reader->n_namespaces; i++)
    {
      free ((void *) (uintptr_t) reader->namespaces[i].key);
      free ((void *) (uintptr_t) reader->namespaces[i].value);
    }
  free (reader->namespaces);
  values_done (&reader->item);
  values_done (&reader->page);
  free (reader->items);
  free (reader->items_place);
  free (reader);
}

/* ---- reading ---- */

static int32_t __attribute__ ((format (printf, 4, 5), cold))
failed (struct rest_reader *reader, int32_t r, const char *where, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  (void) vsnprintf (reader->error, sizeof reader->error, fmt, ap);
  va_end (ap);
  reader->where = where;
  return r;
}

/* The texts of all VALUES. */
static int32_t
collect (struct rest_reader *reader, struct values *values, const struct value_input *in)
{
  size_t at = 0;

  values->list.n = 0;
  for (size_t i = 0; i < values->n; i++)
    {
      size_t from = values->list.n;
      int32_t r = value_texts (&values->v[i], in, &values->memory, &values->list);

      if (r == USHER_E_SHAPE)
        return failed (reader, r, values->places[i], "%s leads to an array or an object where a text "
                       "was expected", values->places[i]);
      if (r == USHER_E_LIMIT)
        return failed (reader, r, values->places[i], "an item has more than %u values", REST_TEXTS_MAX);
      if (r < 0)
        return r;
      values->texts[i].n = values->list.n - from;
    }
  for (size_t i = 0; i < values->n; at += values->texts[i++].n)
    values->texts[i].v = values->texts[i].n ? values->list.v + at : NULL;
  return USHER_DONE;
}

/* Hands over the item, of which jq gave BY_EXPRESSION. */
static int32_t
hand_over (void *arg, const struct rest_texts *by_expression)
{
  struct rest_reader *reader = arg;
  const struct value_input in = { .item = reader->current, .jq = by_expression,
                                  .nested = reader->nested };
  int32_t r = collect (reader, &reader->item, &in);

  return r < 0 || !reader->fn ? r : reader->fn (reader->arg, reader->item.texts);
}

static int32_t
on_item (void *arg, const struct usher_item *item)
{
  struct rest_reader *reader = arg;
  const struct usher_value *raw;

  reader->current = item;
  value_memory_reset (&reader->item.memory);
  if (jq_count (reader->jq, reader->item.program) == 0)
    return hand_over (reader, NULL);
  raw = usher_item_get (item, reader->raw);
  return jq_run (reader->jq, reader->item.program, raw, hand_over, reader, &reader->where,
                 reader->error);
}

/* Page values outlive the answer. */
static int32_t
keep_page (void *arg, const struct rest_texts *by_expression)
{
  struct rest_reader *reader = arg;
  struct values *page = &reader->page;
  const struct usher_value *met[USHER_ROWS_FIELDS_MAX];
  const struct value_input in = { .item = reader->rows ? NULL : reader->current, .page = met,
                                  .jq = by_expression, .head = reader->head,
                                  .nested = reader->nested };
  int32_t r;

  for (uint32_t i = 0; reader->rows && i < page->paths.n; i++)
    met[i] = usher_rows_page (reader->rows, i);
  r = collect (reader, page, &in);
  for (size_t i = 0; i < page->list.n && r >= 0; i++)
    {
      page->list.v[i] = value_copy (&page->memory, page->list.v[i], strlen (page->list.v[i]));
      if (!page->list.v[i])
        r = USHER_E_NOMEM;
    }
  return r;
}

static int32_t
on_xml_page (void *arg, const struct usher_item *item)
{
  struct rest_reader *reader = arg;

  reader->current = item;
  return keep_page (reader, NULL);
}

static void
begin (struct rest_reader *reader, const struct usher_response *head, rest_item_fn *fn, void *arg)
{
  reader->fn = fn;
  reader->arg = arg;
  reader->head = head;
  reader->where = NULL;
  reader->error[0] = '\0';
  value_memory_reset (&reader->page.memory);
  for (size_t i = 0; i < reader->page.n; i++)
    reader->page.texts[i].n = 0;
}

/* XML, out of the request H of CTX or out of memory. */
static int32_t
read_xml (struct rest_reader *reader, struct usher_ctx *ctx, uint32_t h, const char *text,
          size_t len)
{
  const struct usher_xml_spec spec = xml_for (reader, &reader->item.paths, &reader->page.paths);
  int32_t r;

  reader->xml.size = sizeof reader->xml;
  r = usher_xml_read (&spec, ctx, h, text, len, on_item, reader, &reader->xml);
  return reader->xml.why ? failed (reader, r, NULL, "%s", reader->xml.why) : r;
}

/* The answer is through: TEXT is it, where jq is to see it. */
static int32_t
end (struct rest_reader *reader, const char *text, size_t len)
{
  const struct usher_value whole = { .type = USHER_V_OBJECT, .text = text, .len = len };

  if (jq_count (reader->jq, reader->page.program) == 0)
    return keep_page (reader, NULL);
  return jq_run (reader->jq, reader->page.program, &whole, keep_page, reader, &reader->where,
                 reader->error);
}

int32_t
rest_reader_each_in (struct rest_reader *reader, const struct usher_response *head,
                     const char *text, size_t len, rest_item_fn *fn, void *arg)
{
  int32_t r;

  begin (reader, head, fn, arg);
  if (!reader->rows)
    return read_xml (reader, NULL, 0, text, len);
  r = usher_rows_each_in (reader->rows, text, len, on_item, reader);
  if (r < 0 && usher_rows_error (reader->rows)[0])
    return failed (reader, r, NULL, "%s", usher_rows_error (reader->rows));
  return r < 0 ? r : end (reader, text, len);
}

/* The answer in memory, for jq. */
static int32_t
each_whole (struct rest_reader *reader, struct usher_ctx *ctx, uint32_t h,
            const struct usher_response *head, rest_item_fn *fn, void *arg)
{
  size_t len = 0;
  char *text = NULL;
  int32_t r = usher_body_read (ctx, h, REST_BODY_MAX, &text, &len);

  if (r == USHER_E_LIMIT)
    return failed (reader, r, NULL, "the answer is longer than %u bytes", REST_BODY_MAX);
  if (r >= 0)
    r = rest_reader_each_in (reader, head, text, len, fn, arg);
  usher_body_free (text);
  return r;
}

static int32_t
each_row (struct rest_reader *reader, struct usher_ctx *ctx, uint32_t h,
          const struct usher_response *head, rest_item_fn *fn, void *arg)
{
  int32_t r;

  begin (reader, head, fn, arg);
  if (!reader->rows)
    return read_xml (reader, ctx, h, NULL, 0);
  r = usher_rows_each (reader->rows, ctx, h, on_item, reader);
  return r < 0 ? r : end (reader, NULL, 0);
}

int32_t
rest_reader_each (struct rest_reader *reader, struct usher_ctx *ctx, uint32_t h, rest_item_fn *fn,
                  void *arg)
{
  struct usher_response head = { .size = sizeof head };
  struct usher_fault fault = { .size = sizeof fault, .text = reader->error };
  int32_t r = usher_http_head (ctx, h, &head);

  if (r < 0)
    return r;
  r = jq_count (reader->jq, reader->page.program) > 0
      ? each_whole (reader, ctx, h, &head, fn, arg)
      : each_row (reader, ctx, h, &head, fn, arg);
  fault.code = r;
  fault.field = reader->where;
  if (r < 0 && reader->error[0])
    (void) usher_fail (ctx, &fault);
  return r;
}

const struct rest_texts *
rest_reader_page (const struct rest_reader *reader, size_t i)
{
  return &reader->page.texts[i];
}

uint64_t
rest_reader_count (const struct rest_reader *reader)
{
  return reader->rows ? usher_rows_count (reader->rows) : reader->xml.rows;
}

bool
rest_reader_present (const struct rest_reader *reader)
{
  return reader->rows ? usher_rows_present (reader->rows) != 0 : reader->xml.present != 0;
}

const char *
rest_reader_error (const struct rest_reader *reader)
{
  return reader->error;
}
