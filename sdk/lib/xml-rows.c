/* Owns the reading of long XML lists: libxml2's push parser tells of elements and text, the
   paths are followed beside it, and only the values of one row are kept.  */
#include <config.h>

#include <usher/xml.h>

#include "rows-private.h"
#include "rows-value.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK 65536u
#define STEPS_MAX 32u      /* names in a path */

struct step
{
  const char *name, *ns;   /* ns NULL = none */
  size_t len;
  bool attribute;
};

struct path
{
  struct step step[STEPS_MAX];
  uint32_t n;              /* 0: the row's own text */
  uint32_t on;             /* of a field: how many steps lead to the element being read */
  uint32_t met;            /* values in this row */
  bool open;
  char *text;              /* owned: its text so far */
  size_t len, cap;
};

/* The paths of a row or of the page, and what they met. */
struct fields
{
  struct path path[USHER_XML_FIELDS_MAX];
  uint32_t n;
  struct usher_item item;
  char *scratch;           /* owned: finished values */
  size_t scratch_len, scratch_cap;
};

struct reader
{
  struct usher_xml_spec spec;   /* what the caller's header has of it */
  struct path row;
  struct fields fields, page;
  uint32_t depth, on;      /* elements open; how many of the first belong to the path of rows */
  bool present;            /* what holds the rows was there */
  uint64_t rows;
  usher_rows_fn *fn;
  void *arg;
  xmlParserCtxtPtr parser;
  int32_t r;               /* the first thing that went wrong */
  const char *why;
};

static void
stop (struct reader *rd, int32_t r, const char *why)
{
  if (rd->r == USHER_DONE)
    {
      rd->r = r;
      rd->why = why;
    }
  xmlStopParser (rd->parser);
}

/* ---- paths ---- */

static const char *
find_ns (const struct usher_xml_spec *spec, const char *prefix, size_t len)
{
  size_t i;

  for (i = 0; i < spec->n_prefixes; i++)
    if (strlen (spec->prefixes[i].key) == len && memcmp (spec->prefixes[i].key, prefix, len) == 0)
      return spec->prefixes[i].value;
  return NULL;
}

/* The step at P, LEN bytes: [@][prefix:]name. */
static int32_t
read_step (const struct usher_xml_spec *spec, const char *p, size_t len, struct step *ret)
{
  const char *colon;

  *ret = (struct step) { p, NULL, len, len > 0 && *p == '@' };
  if (ret->attribute)
    {
      ret->name++;
      ret->len--;
    }
  colon = memchr (ret->name, ':', ret->len);
  if (colon)
    {
      ret->ns = find_ns (spec, ret->name, (size_t) (colon - ret->name));
      if (!ret->ns)
        return USHER_E_MISUSE;
      ret->len -= (size_t) (colon + 1 - ret->name);
      ret->name = colon + 1;
    }
  return ret->len > 0 && !memchr (ret->name, '@', ret->len) && !memchr (ret->name, '[', ret->len)
         ? USHER_DONE : USHER_E_MISUSE;
}

static int32_t
read_path (const struct usher_xml_spec *spec, const char *text, struct path *ret)
{
  const char *p = text, *end;
  int32_t r;

  if (!text || strlen (text) > USHER_XML_PATH_MAX)
    return USHER_E_MISUSE;
  ret->n = 0;
  if (strcmp (text, ".") == 0)
    return USHER_DONE;
  for (;; p = end + 1)
    {
      end = strchr (p, '/');
      if (ret->n == STEPS_MAX || (ret->n > 0 && ret->step[ret->n - 1].attribute))
        return USHER_E_MISUSE;
      r = read_step (spec, p, end ? (size_t) (end - p) : strlen (p), &ret->step[ret->n++]);
      if (r < 0 || !end)
        return r;
    }
}

/* The name * is of any element, in any namespace. */
static bool
is_any (const struct step *step)
{
  return step->len == 1 && *step->name == '*';
}

static bool
same (const struct step *step, const xmlChar *name, const xmlChar *ns)
{
  if (is_any (step))
    return true;
  if (strncmp (step->name, (const char *) name, step->len) != 0 || name[step->len] != '\0')
    return false;
  return step->ns ? ns && strcmp (step->ns, (const char *) ns) == 0 : !ns;
}

/* ---- values ---- */

/* Appends to a text of a row. */
static int32_t
append (char **text, size_t *len, size_t *cap, const char *p, size_t n)
{
  size_t need = *len + n + 1, room = *cap ? *cap : 256;
  char *grown;

  if (need > USHER_XML_ROW_MAX)
    return USHER_E_LIMIT;
  while (room < need)
    room *= 2;
  if (room != *cap)
    {
      grown = realloc (*text, room);
      if (!grown)
        return USHER_E_NOMEM;
      *text = grown;
      *cap = room;
    }
  memcpy (*text + *len, p, n);
  *len += n;
  (*text)[*len] = '\0';
  return USHER_DONE;
}

/* Keeps LEN bytes as one more value of field F. */
static void
keep (struct reader *rd, struct fields *set, uint32_t f, const char *p, size_t len)
{
  size_t at = set->scratch_len;
  int32_t r = append (&set->scratch, &set->scratch_len, &set->scratch_cap, p, len);

  if (r == USHER_DONE)
    {
      set->scratch_len++;   /* its NUL */
      r = rows_item_add (&set->item, f, USHER_V_STRING, set->path[f].met++, (uint32_t) at, len);
    }
  if (r < 0)
    stop (rd, r, "a row is longer than 1 MiB or has too many values");
}

/* An attribute's value: libxml2 leaves its ampersands as references. */
static void
keep_attribute (struct reader *rd, struct fields *set, uint32_t f, const char *p, size_t len)
{
  static const char ref[] = "&#38;";
  struct path *field = &set->path[f];
  size_t i;
  int32_t r = USHER_DONE;

  field->len = 0;
  for (i = 0; i < len && r == USHER_DONE; i++)
    {
      r = append (&field->text, &field->len, &field->cap, p + i, 1);
      if (len - i >= sizeof ref - 1 && memcmp (p + i, ref, sizeof ref - 1) == 0)
        i += sizeof ref - 2;
    }
  if (r < 0)
    stop (rd, r, "a row is longer than 1 MiB or has too many values");
  else
    keep (rd, set, f, field->text ? field->text : "", field->len);
}

/* The attributes of the element that field F's path has led to, but for its last step. */
static void
take_attributes (struct reader *rd, struct fields *set, uint32_t f, int n, const xmlChar **attrs)
{
  const struct path *field = &set->path[f];
  int i;

  /* A parser that was stopped has freed the text that the attributes point into. */
  for (i = 0; i < n && rd->r == USHER_DONE; i++)
    if (same (&field->step[field->n - 1], attrs[5 * i], attrs[5 * i + 2]))
      keep_attribute (rd, set, f, (const char *) attrs[5 * i + 3],
                      (size_t) (attrs[5 * i + 4] - attrs[5 * i + 3]));
}

/* An element begins, BELOW elements below what the paths of SET start from: what it means to
   field F. */
static void
enter_field (struct reader *rd, struct fields *set, uint32_t f, uint32_t below, const xmlChar *name,
             const xmlChar *ns, int n, const xmlChar **attrs)
{
  struct path *field = &set->path[f];

  if (below > 0)
    {
      if (field->on != below - 1 || below > field->n || field->step[below - 1].attribute
          || !same (&field->step[below - 1], name, ns))
        return;
      field->on = below;
    }
  if (field->on == field->n)
    {
      field->open = true;
      field->len = 0;
    }
  else if (field->on == field->n - 1 && field->step[field->n - 1].attribute)
    take_attributes (rd, set, f, n, attrs);
}

static void
leave_field (struct reader *rd, struct fields *set, uint32_t f, uint32_t below)
{
  struct path *field = &set->path[f];

  if (field->on != below)
    return;
  if (field->open && below == field->n)
    {
      field->open = false;
      keep (rd, set, f, field->len ? field->text : "", field->len);
    }
  if (below > 0)
    field->on = below - 1;
}

/* ---- what the parser tells ---- */

static void
begin_item (struct fields *set)
{
  uint32_t f;

  set->item.n = 0;
  set->scratch_len = 0;
  memset (set->item.first, 0xff, sizeof set->item.first);
  for (f = 0; f < set->n; f++)
    {
      set->path[f].on = set->path[f].met = 0;
      set->path[f].open = false;
    }
}

static void
on_start (void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *ns, int n_ns,
          const xmlChar **nss, int n, int n_default, const xmlChar **attrs)
{
  struct reader *rd = arg;
  uint32_t f;

  (void) prefix;
  (void) n_ns;
  (void) nss;
  (void) n_default;
  if (rd->depth == USHER_XML_DEPTH_MAX)
    {
      stop (rd, USHER_E_LIMIT, "the answer has more than 64 levels");
      return;
    }
  if (rd->on == rd->depth && rd->on < rd->row.n && same (&rd->row.step[rd->on], name, ns))
    rd->on++;
  rd->depth++;
  rd->present = rd->present || rd->on + 1 >= rd->row.n;
  for (f = 0; f < rd->page.n; f++)
    enter_field (rd, &rd->page, f, rd->depth, name, ns, n, attrs);
  if (rd->on < rd->row.n)
    return;
  if (rd->depth == rd->row.n)
    begin_item (&rd->fields);
  for (f = 0; f < rd->fields.n; f++)
    enter_field (rd, &rd->fields, f, rd->depth - rd->row.n, name, ns, n, attrs);
}

/* Hands over what SET met. */
static void
end_item (struct reader *rd, struct fields *set, usher_rows_fn *fn)
{
  uint32_t i;
  int32_t r;

  for (i = 0; i < set->item.n; i++)
    set->item.values[i].text = set->scratch + set->item.at[i];
  r = fn ? fn (rd->arg, &set->item) : USHER_DONE;
  if (r < 0)
    stop (rd, r, NULL);
}

static void
on_end (void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *ns)
{
  struct reader *rd = arg;
  uint32_t f;

  (void) name;
  (void) prefix;
  (void) ns;
  for (f = 0; f < rd->page.n && rd->r == USHER_DONE; f++)
    leave_field (rd, &rd->page, f, rd->depth);
  if (rd->on == rd->row.n && rd->r == USHER_DONE)
    {
      for (f = 0; f < rd->fields.n; f++)
        leave_field (rd, &rd->fields, f, rd->depth - rd->row.n);
      if (rd->depth == rd->row.n && rd->r == USHER_DONE)
        {
          rd->rows++;
          end_item (rd, &rd->fields, rd->fn);
        }
    }
  rd->depth--;
  if (rd->on > rd->depth)
    rd->on = rd->depth;
}

/* Adds text to those paths of SET that are open. */
static void
add_text (struct reader *rd, struct fields *set, const char *text, size_t len)
{
  uint32_t f;

  for (f = 0; f < set->n; f++)
    if (set->path[f].open
        && append (&set->path[f].text, &set->path[f].len, &set->path[f].cap, text, len) < 0)
      stop (rd, USHER_E_LIMIT, "a row is longer than 1 MiB or has too many values");
}

static void
on_text (void *arg, const xmlChar *text, int len)
{
  struct reader *rd = arg;

  if (rd->r < 0)
    return;
  add_text (rd, &rd->page, (const char *) text, (size_t) len);
  if (rd->on == rd->row.n)
    add_text (rd, &rd->fields, (const char *) text, (size_t) len);
}

static void
on_doctype (void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
  (void) name;
  (void) id;
  (void) system;
  stop (arg, USHER_E_SHAPE, "the answer has a document type declaration");
}

static void
on_error (void *arg, xmlErrorPtr error)
{
  (void) arg;
  (void) error;
}

/* ---- the loop ---- */

/* A path from the outermost element on. */
static int32_t
read_absolute (const struct usher_xml_spec *spec, const char *text, struct path *ret)
{
  return text && *text == '/' ? read_path (spec, text + 1, ret) : USHER_E_MISUSE;
}

/* Whether there are elements that both steps lead to. */
static bool
meet (const struct step *a, const struct step *b)
{
  if (a->attribute || b->attribute)
    return false;
  if (is_any (a) || is_any (b))
    return true;
  if (a->len != b->len || memcmp (a->name, b->name, a->len) != 0)
    return false;
  return a->ns && b->ns ? strcmp (a->ns, b->ns) == 0 : a->ns == b->ns;
}

/* Whether PATH can lead to a row or through one. */
static bool
through_rows (const struct path *row, const struct path *path)
{
  uint32_t i;

  for (i = 0; i < row->n && i < path->n; i++)
    if (!meet (&row->step[i], &path->step[i]))
      return false;
  return i == row->n;
}

static int32_t
prepare (struct reader *rd, const struct usher_xml_spec *given)
{
  const struct usher_xml_spec *spec = &rd->spec;
  int32_t r;

  if (!given || given->size < offsetof (struct usher_xml_spec, page))
    return USHER_E_MISUSE;
  memcpy (&rd->spec, given, given->size < sizeof *given ? given->size : sizeof *given);
  if (spec->n_fields > USHER_XML_FIELDS_MAX || spec->n_page > USHER_XML_FIELDS_MAX)
    return USHER_E_MISUSE;
  r = read_absolute (spec, spec->row, &rd->row);
  if (r == USHER_DONE && (rd->row.n == 0 || rd->row.step[rd->row.n - 1].attribute))
    r = USHER_E_MISUSE;
  for (; r == USHER_DONE && rd->fields.n < spec->n_fields; rd->fields.n++)
    r = read_path (spec, spec->fields[rd->fields.n], &rd->fields.path[rd->fields.n]);
  for (; r == USHER_DONE && rd->page.n < spec->n_page; rd->page.n++)
    {
      struct path *path = &rd->page.path[rd->page.n];

      r = read_absolute (spec, spec->page[rd->page.n], path);
      if (r == USHER_DONE && (path->n == 0 || through_rows (&rd->row, path)))
        r = USHER_E_MISUSE;
    }
  begin_item (&rd->page);
  return r;
}

static const char broken[] = "the answer is not well-formed XML or ends in the middle";

/* Gives LEN bytes to the parser; 0 are the end. */
static void
parse (struct reader *rd, const char *text, size_t len)
{
  if (xmlParseChunk (rd->parser, text, (int) len, len == 0) != 0 && rd->r == USHER_DONE)
    stop (rd, USHER_E_SHAPE, broken);
}

/* Gives the body to the parser, chunk by chunk. */
static int32_t
feed (struct reader *rd, struct usher_ctx *ctx, uint32_t h)
{
  char *buf = malloc (CHUNK);
  size_t n = 1;
  int32_t r = buf ? USHER_DONE : USHER_E_NOMEM;

  while (r == USHER_DONE && rd->r == USHER_DONE && n > 0)
    {
      r = usher_http_read (ctx, h, buf, CHUNK, &n);
      if (r == USHER_DONE)
        parse (rd, buf, n);
    }
  free (buf);
  return r;
}

static void
feed_memory (struct reader *rd, const char *text, size_t len)
{
  size_t n;

  for (; len > 0 && rd->r == USHER_DONE; text += n, len -= n)
    {
      n = len < CHUNK ? len : CHUNK;
      parse (rd, text, n);
    }
  if (rd->r == USHER_DONE)
    parse (rd, "", 0);
}

static void
fields_done (struct fields *set)
{
  uint32_t f;

  for (f = 0; f < set->n; f++)
    free (set->path[f].text);
  free (set->scratch);
  free (set->item.values);
  free (set->item.at);
}

static void
reader_free (struct reader *rd)
{
  if (rd->parser)
    {
      xmlFreeDoc (rd->parser->myDoc);
      xmlFreeParserCtxt (rd->parser);
    }
  fields_done (&rd->fields);
  fields_done (&rd->page);
  free (rd);
}

static int32_t
run (struct reader *rd, struct usher_ctx *ctx, uint32_t h, const void *text, size_t len)
{
  xmlSAXHandler sax = { .initialized = XML_SAX2_MAGIC, .startElementNs = on_start,
                        .endElementNs = on_end, .characters = on_text, .cdataBlock = on_text,
                        .internalSubset = on_doctype, .serror = on_error };
  int32_t r = USHER_DONE;

  rd->parser = xmlCreatePushParserCtxt (&sax, rd, NULL, 0, NULL);
  if (!rd->parser)
    return USHER_E_NOMEM;
  (void) xmlCtxtUseOptions (rd->parser, XML_PARSE_NONET);
  if (ctx)
    r = feed (rd, ctx, h);
  else
    feed_memory (rd, text, len);
  if (r == USHER_DONE && rd->r == USHER_DONE && !rd->parser->wellFormed)
    stop (rd, USHER_E_SHAPE, broken);
  if (r == USHER_DONE && rd->r == USHER_DONE)
    end_item (rd, &rd->page, rd->spec.page_fn);
  return r < 0 ? r : rd->r;
}

int32_t
usher_xml_read (const struct usher_xml_spec *spec, struct usher_ctx *ctx, uint32_t h,
                const void *text, size_t len, usher_rows_fn *fn, void *arg,
                struct usher_xml_end *ret_end)
{
  struct reader *rd = calloc (1, sizeof *rd);
  int32_t r;

  ret_end->present = 0;
  ret_end->rows = 0;
  ret_end->why = NULL;
  if (!rd)
    return USHER_E_NOMEM;
  rd->fn = fn;
  rd->arg = arg;
  r = prepare (rd, spec);
  if (r == USHER_DONE)
    r = run (rd, ctx, h, text, len);
  ret_end->present = rd->present;
  ret_end->rows = rd->rows;
  ret_end->why = r < 0 ? rd->why : NULL;
  reader_free (rd);
  return r;
}

int32_t
usher_xml_each (const struct usher_xml_spec *spec, struct usher_ctx *ctx, uint32_t h,
                usher_rows_fn *fn, void *arg, uint64_t *ret_rows)
{
  struct usher_xml_end end = { .size = sizeof end };
  int32_t r = usher_xml_read (spec, ctx, h, NULL, 0, fn, arg, &end);
  const struct usher_fault fault = { .size = sizeof fault, .code = r, .text = end.why };

  if (end.why)
    (void) usher_fail (ctx, &fault);
  if (r == USHER_DONE && ret_rows)
    *ret_rows = end.rows;
  return r;
}
