/* Owns standard output: libsmartcols for people, JSON and CSV for programs. */
#include <config.h>

#include "host/cli/output.h"

#include <libsmartcols.h>
#include <stdio.h>

#include "host/cli/say.h"
#include "host/common/text.h"

#define JSON_PRINT_MAX (512u * 1024 * 1024)
#define THING_DEPTH 8u /* how deep a table looks into a thing */

/* JSON for programs goes out as it is dumped; at a terminal it is laid out, and what a
   terminal would obey is written as an escape, which JSON reads the same. */
static int
print_json (const json_t *value, bool whole)
{
  bool terminal = isatty (STDOUT_FILENO);
  _cleanup_ (buf_done) struct buf safe = BUF_INIT (JSON_PRINT_MAX);
  _cleanup_ (freep) char *text = NULL;

  if (!terminal)
    {
      (void) json_dumpf (value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
      return STATUS_DONE; /* what could not be written, output_finish tells */
    }
  text = json_dumps (value, (whole ? JSON_INDENT (2) : JSON_COMPACT) | JSON_ENCODE_ANY);
  if (text)
    escape_json (&safe, text);
  if (!text || buf_error (&safe))
    return say_no_memory ();
  (void) fputs (safe.data ? safe.data : "", stdout);
  return STATUS_DONE;
}

static bool
coloured (void)
{
  const char *none = getenv ("NO_COLOR");

  return isatty (STDOUT_FILENO) && !(none && *none);
}

static struct libscols_table *
new_table (void)
{
  struct libscols_table *table = scols_new_table ();

  if (table)
    {
      (void) scols_table_enable_colors (table, coloured ());
      (void) scols_table_set_termforce (table, SCOLS_TERMFORCE_AUTO);
    }
  return table;
}

static int
begin_table (struct listing *l)
{
  const struct column *c;

  l->rows = 0;
  l->table = new_table ();
  if (!l->table)
    return say_no_memory ();
  for (c = l->view->columns; c->title; c++)
    {
      int flags = (c->flags & COLUMN_NUMBER ? SCOLS_FL_RIGHT : 0)
                  | (c->flags & COLUMN_TEXT && isatty (STDOUT_FILENO) ? SCOLS_FL_WRAP : 0);

      if (!scols_table_new_column (l->table, c->title, c->flags & COLUMN_TEXT ? 0.3 : 0, flags))
        return say_no_memory ();
    }
  return STATUS_DONE;
}

static void
flush_table (struct listing *l)
{
  if (l->table && l->rows)
    {
      (void) scols_print_table (l->table);
      l->any = true;
    }
  scols_unref_table (l->table);
  l->table = NULL;
}

static int
add_row (struct listing *l, const json_t *item)
{
  struct libscols_line *line;
  const struct column *c;
  size_t i;
  int status;

  if (l->rows == TABLE_ROWS)
    {
      flush_table (l);
      status = begin_table (l);
      if (status)
        return status;
    }
  line = scols_table_new_line (l->table, NULL);
  if (!line)
    return say_no_memory ();
  l->rows++;
  for (i = 0, c = l->view->columns; c->title; i++, c++)
    {
      _cleanup_ (buf_done) struct buf raw = BUF_INIT (CELL_MAX), safe = BUF_INIT (CELL_MAX * 8);
      const char *colour;

      view_cell (c, item, ", ", /* local */ true, &raw);
      escape_text (&safe, raw.data ? raw.data : "");
      if (scols_line_set_data (line, i, safe.data ? safe.data : "") < 0)
        return say_no_memory ();
      colour = c->flags & COLUMN_STATE && safe.data ? view_colour (safe.data) : NULL;
      if (colour)
        (void) scols_cell_set_color (scols_line_get_cell (line, i), colour);
    }
  return STATUS_DONE;
}

void
csv_field (struct buf *out, const char *field)
{
  bool formula = *field && strchr ("=+-@\t\r", *field);

  if (!formula && !field[strcspn (field, ",\"\r\n")])
    {
      buf_puts (out, field);
      return;
    }
  buf_putc (out, '"');
  if (formula)
    buf_putc (out, '\'');
  for (; *field; field++)
    {
      if (*field == '"')
        buf_putc (out, '"');
      buf_putc (out, *field);
    }
  buf_putc (out, '"');
}

/* A CSV cell at a terminal is escaped as a table's is; a program gets it as it is. */
static void
put_csv_text (struct buf *row, const char *text)
{
  _cleanup_ (buf_done) struct buf safe = BUF_INIT (CELL_MAX * 8);

  if (isatty (STDOUT_FILENO))
    {
      escape_text (&safe, text);
      text = safe.data ? safe.data : "";
    }
  csv_field (row, text);
}

/* C's cell of ITEM, or its heading for NULL; one for each of its keys. */
static void
put_csv_cells (struct buf *row, const struct column *c, bool first, const json_t *item)
{
  const char *key = c->key;
  size_t len;

  for (; *key; key += len + (key[len] ? 1 : 0))
    {
      _cleanup_ (buf_done) struct buf name = BUF_INIT (CELL_MAX), cell = BUF_INIT (CELL_MAX);
      struct column one = *c;

      len = strcspn (key, " ");
      buf_put (&name, key, len);
      one.key = name.data;
      if (item && one.key)
        view_cell (&one, item, ";", /* local */ false, &cell);
      if (!first || key != c->key)
        buf_putc (row, ',');
      put_csv_text (row, item ? (cell.data ? cell.data : "") : one.key ? one.key : "");
    }
}

/* ITEM's row, or the headings for NULL. */
static int
print_csv_row (const struct view *view, const json_t *item)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (CELL_MAX * 64);
  const struct column *c;

  for (c = view->columns; c->title; c++)
    put_csv_cells (&row, c, c == view->columns, item);
  buf_puts (&row, "\r\n");
  if (buf_error (&row))
    return say_error (STATUS_FAILED, "A row is too long to be printed.");
  (void) fwrite (row.data, 1, row.len, stdout);
  return STATUS_DONE;
}

int
listing_begin (struct listing *l, enum format format, const struct view *view)
{
  *l = (struct listing) { .format = format, .view = view };
  switch (format)
    {
    case FORMAT_TABLE:
      return begin_table (l);
    case FORMAT_CSV:
    case FORMAT_JSON:
      /* Headings and bracket wait for the first answer: a refusal prints nothing. */
      return STATUS_DONE;
    }
  return STATUS_FAILED;
}

static int
add_csv (struct listing *l, const json_t *item)
{
  int status = l->any ? STATUS_DONE : print_csv_row (l->view, NULL);

  l->any = true;
  return status || !item ? status : print_csv_row (l->view, item);
}

int
listing_add (struct listing *l, const json_t *item)
{
  switch (l->format)
    {
    case FORMAT_TABLE:
      return add_row (l, item);
    case FORMAT_CSV:
      return add_csv (l, item);
    case FORMAT_JSON:
      (void) fputs (l->any ? ",\n" : "[\n", stdout);
      l->any = true;
      return print_json (item, /* whole */ false);
    }
  return STATUS_FAILED;
}

int
listing_end (struct listing *l)
{
  int status = STATUS_DONE;

  if (l->format == FORMAT_JSON)
    (void) fputs (l->any ? "\n]\n" : "[]\n", stdout);
  else if (l->format == FORMAT_CSV && !l->any)
    status = add_csv (l, NULL);
  listing_break (l);
  if (l->format == FORMAT_TABLE && !l->any && isatty (STDOUT_FILENO))
    say_note ("There are none.");
  return status;
}

void
listing_break (struct listing *l)
{
  flush_table (l);
}

int
output_items (enum format format, const struct view *view, const json_t *items)
{
  struct listing l;
  const json_t *item;
  size_t i;
  int status = listing_begin (&l, format, view);

  json_array_foreach (items, i, item)
    if (!status)
      status = listing_add (&l, item);
  (void) listing_end (&l);
  return status;
}

/* A name and its value as a line; NAME comes from outside like the value. */
static int
add_pair (struct libscols_table *table, const char *name, const char *value)
{
  _cleanup_ (buf_done) struct buf left = BUF_INIT (CELL_MAX * 8), right = BUF_INIT (CELL_MAX * 8);
  struct libscols_line *line;
  const char *colour;

  escape_text (&left, name);
  escape_text (&right, value);
  if (!table)
    {
      _cleanup_ (buf_done) struct buf row = BUF_INIT (CELL_MAX * 32);

      put_csv_text (&row, name);
      buf_putc (&row, ',');
      put_csv_text (&row, value);
      (void) printf ("%s\r\n", row.data ? row.data : "");
      return STATUS_DONE;
    }
  line = scols_table_new_line (table, NULL);
  if (!line || scols_line_set_data (line, 0, left.data ? left.data : "") < 0
      || scols_line_set_data (line, 1, right.data ? right.data : "") < 0)
    return say_no_memory ();
  colour = right.data ? view_colour (right.data) : NULL;
  if (colour && (has_suffix (name, "status") || streq (name, "state")))
    (void) scols_cell_set_color (scols_line_get_cell (line, 1), colour);
  return STATUS_DONE;
}

static int
add_things (struct libscols_table *table, const char *prefix, const json_t *value,
            unsigned int depth)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (CELL_MAX);
  const char *key;
  json_t *inner;
  int status = STATUS_DONE;

  if (json_is_object (value) && depth < THING_DEPTH)
    {
      /* Iterating does not change the object; jansson only asks for it without const. */
      json_object_foreach ((json_t *) (uintptr_t) value, key, inner)
        {
          _cleanup_ (buf_done) struct buf path = BUF_INIT (CELL_MAX);

          buf_printf (&path, "%s%s%s", prefix, *prefix ? "." : "", key);
          if (!status && path.data)
            status = add_things (table, path.data, inner, depth + 1);
        }
      return status;
    }
  if (table && json_is_string (value) && has_suffix (prefix, "_at"))
    view_time (json_string_value (value), &text);
  else
    view_value (value, table ? ", " : ";", &text);
  return add_pair (table, prefix, text.data ? text.data : "");
}

static int
print_pairs (const json_t *thing)
{
  struct libscols_table *table = new_table ();
  int status;

  if (!table || !scols_table_new_column (table, "NAME", 0, 0)
      || !scols_table_new_column (table, "VALUE", 0.7,
                                  isatty (STDOUT_FILENO) ? SCOLS_FL_WRAP : 0))
    {
      scols_unref_table (table);
      return say_no_memory ();
    }
  (void) scols_table_enable_noheadings (table, 1);
  status = add_things (table, "", thing, 0);
  if (!status)
    (void) scols_print_table (table);
  scols_unref_table (table);
  return status;
}

int
output_thing (enum format format, const json_t *thing)
{
  int status;

  switch (format)
    {
    case FORMAT_TABLE:
      return print_pairs (thing);
    case FORMAT_CSV:
      (void) fputs ("name,value\r\n", stdout);
      return add_things (NULL, "", thing, 0);
    case FORMAT_JSON:
      status = print_json (thing, /* whole */ true);
      (void) fputc ('\n', stdout);
      return status;
    }
  return STATUS_FAILED;
}

int
output_finish (void)
{
  if (fflush (stdout) == 0 && !ferror (stdout))
    return STATUS_DONE;
  return say_error (STATUS_FAILED, "What was to be printed could not be written: %s.",
                    strerror (errno));
}
