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

struct reader
{
  const struct usher_xml_spec *spec;
  struct path row, field[USHER_XML_FIELDS_MAX];
  uint32_t n_fields;
  uint32_t depth, on;      /* elements open; how many of the first belong to the path of rows */
  struct usher_item item;
  char *scratch;           /* owned: finished values of the row */
  size_t scratch_len, scratch_cap;
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

static bool
same (const struct step *step, const xmlChar *name, const xmlChar *ns)
{
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
keep (struct reader *rd, uint32_t f, const char *p, size_t len)
{
  size_t at = rd->scratch_len;
  int32_t r = append (&rd->scratch, &rd->scratch_len, &rd->scratch_cap, p, len);

  if (r == USHER_DONE)
    {
      rd->scratch_len++;   /* its NUL */
      r = rows_item_add (&rd->item, f, USHER_V_STRING, rd->field[f].met++, (uint32_t) at, len);
    }
  if (r < 0)
    stop (rd, r, "a row is longer than 1 MiB or has too many values");
}

/* An attribute's value: libxml2 leaves its ampersands as references. */
static void
keep_attribute (struct reader *rd, uint32_t f, const char *p, size_t len)
{
  static const char ref[] = "&#38;";
  struct path *field = &rd->field[f];
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
    keep (rd, f, field->text ? field->text : "", field->len);
}

/* The attributes of the element that field F's path has led to, but for its last step. */
static void
take_attributes (struct reader *rd, uint32_t f, int n, const xmlChar **attrs)
{
  const struct path *field = &rd->field[f];
  int i;

  /* A parser that was stopped has freed the text that the attributes point into. */
  for (i = 0; i < n && rd->r == USHER_DONE; i++)
    if (same (&field->step[field->n - 1], attrs[5 * i], attrs[5 * i + 2]))
      keep_attribute (rd, f, (const char *) attrs[5 * i + 3],
                      (size_t) (attrs[5 * i + 4] - attrs[5 * i + 3]));
}

/* An element begins, BELOW elements below its row: what it means to field F. */
static void
enter_field (struct reader *rd, uint32_t f, uint32_t below, const xmlChar *name, const xmlChar *ns,
             int n, const xmlChar **attrs)
{
  struct path *field = &rd->field[f];

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
    take_attributes (rd, f, n, attrs);
}

static void
leave_field (struct reader *rd, uint32_t f, uint32_t below)
{
  struct path *field = &rd->field[f];

  if (field->on != below)
    return;
  if (field->open && below == field->n)
    {
      field->open = false;
      keep (rd, f, field->len ? field->text : "", field->len);
    }
  if (below > 0)
    field->on = below - 1;
}

/* ---- what the parser tells ---- */

static void
begin_row (struct reader *rd)
{
  uint32_t f;

  rd->item.n = 0;
  rd->scratch_len = 0;
  memset (rd->item.first, 0xff, sizeof rd->item.first);
  for (f = 0; f < rd->n_fields; f++)
    {
      rd->field[f].on = rd->field[f].met = 0;
      rd->field[f].open = false;
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
  if (rd->on < rd->row.n)
    return;
  if (rd->depth == rd->row.n)
    begin_row (rd);
  for (f = 0; f < rd->n_fields; f++)
    enter_field (rd, f, rd->depth - rd->row.n, name, ns, n, attrs);
}

static void
end_row (struct reader *rd)
{
  uint32_t i;
  int32_t r;

  rd->rows++;
  for (i = 0; i < rd->item.n; i++)
    rd->item.values[i].text = rd->scratch + rd->item.at[i];
  r = rd->fn (rd->arg, &rd->item);
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
  if (rd->on == rd->row.n && rd->r == USHER_DONE)
    {
      for (f = 0; f < rd->n_fields; f++)
        leave_field (rd, f, rd->depth - rd->row.n);
      if (rd->depth == rd->row.n && rd->r == USHER_DONE)
        end_row (rd);
    }
  rd->depth--;
  if (rd->on > rd->depth)
    rd->on = rd->depth;
}

static void
on_text (void *arg, const xmlChar *text, int len)
{
  struct reader *rd = arg;
  uint32_t f;

  if (rd->on < rd->row.n || rd->r < 0)
    return;
  for (f = 0; f < rd->n_fields; f++)
    if (rd->field[f].open
        && append (&rd->field[f].text, &rd->field[f].len, &rd->field[f].cap, (const char *) text,
                   (size_t) len) < 0)
      stop (rd, USHER_E_LIMIT, "a row is longer than 1 MiB or has too many values");
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

static int32_t
prepare (struct reader *rd, const struct usher_xml_spec *spec)
{
  int32_t r;
  size_t i;

  if (!spec || spec->size < sizeof *spec || spec->n_fields > USHER_XML_FIELDS_MAX || !spec->row
      || spec->row[0] != '/')
    return USHER_E_MISUSE;
  rd->spec = spec;
  r = read_path (spec, spec->row + 1, &rd->row);
  if (r == USHER_DONE && (rd->row.n == 0 || rd->row.step[rd->row.n - 1].attribute))
    r = USHER_E_MISUSE;
  for (i = 0; r == USHER_DONE && i < spec->n_fields; i++)
    r = read_path (spec, spec->fields[i], &rd->field[i]);
  rd->n_fields = (uint32_t) spec->n_fields;
  return r;
}

/* Gives the body to the parser, chunk by chunk. */
static int32_t
feed (struct reader *rd, struct usher_ctx *ctx, uint32_t h)
{
  static const char broken[] = "the answer is not well-formed XML or ends in the middle";
  char *buf = malloc (CHUNK);
  size_t n = 0;
  int32_t r = buf ? USHER_DONE : USHER_E_NOMEM;

  while (r == USHER_DONE && rd->r == USHER_DONE)
    {
      r = usher_http_read (ctx, h, buf, CHUNK, &n);
      if (r < 0)
        break;
      if (xmlParseChunk (rd->parser, buf, (int) n, n == 0) != 0 && rd->r == USHER_DONE)
        stop (rd, USHER_E_SHAPE, broken);
      if (n == 0)
        break;
    }
  free (buf);
  if (r == USHER_DONE && rd->r == USHER_DONE && !rd->parser->wellFormed)
    stop (rd, USHER_E_SHAPE, broken);
  return r < 0 ? r : rd->r;
}

static void
reader_free (struct reader *rd)
{
  uint32_t f;

  if (rd->parser)
    {
      xmlFreeDoc (rd->parser->myDoc);
      xmlFreeParserCtxt (rd->parser);
    }
  for (f = 0; f < rd->n_fields; f++)
    free (rd->field[f].text);
  free (rd->scratch);
  free (rd->item.values);
  free (rd->item.at);
  free (rd);
}

int32_t
usher_xml_each (const struct usher_xml_spec *spec, struct usher_ctx *ctx, uint32_t h,
                usher_rows_fn *fn, void *arg, uint64_t *ret_rows)
{
  xmlSAXHandler sax = { .initialized = XML_SAX2_MAGIC, .startElementNs = on_start,
                        .endElementNs = on_end, .characters = on_text, .cdataBlock = on_text,
                        .internalSubset = on_doctype, .serror = on_error };
  struct reader *rd = calloc (1, sizeof *rd);
  struct usher_fault fault = { .size = sizeof fault };
  int32_t r;

  if (!rd)
    return USHER_E_NOMEM;
  rd->fn = fn;
  rd->arg = arg;
  r = prepare (rd, spec);
  if (r == USHER_DONE)
    {
      rd->parser = xmlCreatePushParserCtxt (&sax, rd, NULL, 0, NULL);
      r = rd->parser ? USHER_DONE : USHER_E_NOMEM;
    }
  if (r == USHER_DONE)
    {
      (void) xmlCtxtUseOptions (rd->parser, XML_PARSE_NONET);
      r = feed (rd, ctx, h);
    }
  if (r < 0 && rd->why)
    {
      fault.code = r;
      fault.text = rd->why;
      (void) usher_fail (ctx, &fault);
    }
  if (r == USHER_DONE && ret_rows)
    *ret_rows = rd->rows;
  reader_free (rd);
  return r;
}
