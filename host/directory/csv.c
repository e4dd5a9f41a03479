/* Owns the reading of people from CSV: libcsv takes rows apart, one physical line at a
   time so that each row's line is known; this file names columns and checks cells. */
#include <config.h>

#include "host/directory/csv.h"

#include <csv.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/common/arena.h"
#include "host/common/suggest.h"
#include "host/common/text.h"
#include "host/directory/seen.h"

#define COLUMNS_MAX 64u
#define CHUNK 65536u
#define SENTENCE_MAX 512u
#define ARENA_BYTES 4194304u
#define SKIPPED SIZE_MAX           /* a column named x-... */

static const char *const column_names[] = {
  "email", "first_name", "last_name", "username", "is_guest", "secondary_emails",
  "workspace_role", "teams",
};
#define N_COLUMNS ARRAY_SIZE (column_names)
enum { EMAIL, FIRST_NAME, LAST_NAME, USERNAME, IS_GUEST, SECONDARY_EMAILS, WORKSPACE_ROLE, TEAMS };

struct reader
{
  csv_person_fn *person;
  csv_problem_fn *problem;
  void *data;
  struct csv_totals totals;
  size_t problems;
  int r;                           /* negative: over */
  size_t line, row_line;           /* of the text at hand, of the row's beginning */
  bool header_read;
  size_t columns[COLUMNS_MAX];     /* which column_names each one is */
  size_t n_columns;
  unsigned int present;            /* CSV_... */
  struct arena arena;              /* what a row's cells lie in */
  const char *cells[COLUMNS_MAX];  /* of the row at hand */
  size_t n_cells;                  /* also those beyond COLUMNS_MAX */
  bool row_bad;
  struct seen seen;
};

static _printf_ (4, 0) void
tell (struct reader *rd, size_t line, const char *field, const char *fmt, va_list ap)
{
  char text[SENTENCE_MAX];

  if (rd->problems++ >= CSV_PROBLEMS_MAX)
    return;
  (void) vsnprintf (text, sizeof text, fmt, ap);
  rd->problem (rd->data, &(struct csv_problem) { line, field, text });
}

/* Something is wrong with the row at hand. */
static _printf_ (3, 4) void
refuse (struct reader *rd, const char *field, const char *fmt, ...)
{
  va_list ap;

  rd->row_bad = true;
  va_start (ap, fmt);
  tell (rd, rd->row_line, field, fmt, ap);
  va_end (ap);
}

/* Something is wrong with the file: nothing more is read. */
static _printf_ (3, 4) void
give_up (struct reader *rd, size_t line, const char *fmt, ...)
{
  va_list ap;

  if (rd->r < 0)
    return;
  rd->r = -EINVAL;
  va_start (ap, fmt);
  tell (rd, line, "", fmt, ap);
  va_end (ap);
}

/* ---- The header ---------------------------------------------------------------- */

static void
name_column (struct reader *rd, size_t i)
{
  const char *name = rd->cells[i], *near;
  size_t c, j;

  rd->columns[i] = SKIPPED;
  if (has_prefix (name, "x-") || has_prefix (name, "X-"))
    return;
  for (c = 0; c < N_COLUMNS && ascii_casecmp (column_names[c], name) != 0; c++)
    ;
  if (c == N_COLUMNS)
    {
      near = suggest_nearest (name, column_names, N_COLUMNS);
      if (strchr (name, ';') || strchr (name, '\t'))
        give_up (rd, rd->row_line, "the columns must be parted by commas");
      else if (near)
        give_up (rd, rd->row_line, "there is no column \"%.40s\"; did you mean %s?", name, near);
      else
        give_up (rd, rd->row_line, "there is no column \"%.40s\"; columns are email, first_name, "
                 "last_name, username, is_guest, secondary_emails, workspace_role and teams, "
                 "and names that begin with x- are passed over", name);
      return;
    }
  for (j = 0; j < i; j++)
    if (rd->columns[j] == c)
      give_up (rd, rd->row_line, "the column %s stands there twice", column_names[c]);
  rd->columns[i] = c;
  rd->present |= 1u << c;
}

static void
take_header (struct reader *rd)
{
  size_t i;

  rd->header_read = true;
  if (rd->n_cells > COLUMNS_MAX)
    {
      give_up (rd, rd->row_line, "there are more than %u columns", COLUMNS_MAX);
      return;
    }
  rd->n_columns = rd->n_cells;
  for (i = 0; i < rd->n_columns && rd->r == 0; i++)
    name_column (rd, i);
  if (rd->r == 0 && !(rd->present & CSV_EMAIL))
    give_up (rd, rd->row_line, "the first row must name the columns, email among them");
}

/* ---- Rows ------------------------------------------------------------------------ */

/* A normalised copy in the arena; NULL after a problem. */
static const char *
take_email (struct reader *rd, const char *text, const char *field)
{
  _cleanup_ (freep) char *email = email_normalise (text);
  int64_t before;

  if (!email)
    {
      refuse (rd, field, "must be %s, as name@example.com; \"%.80s\" is not",
              streq (field, "email") ? "one address" : "addresses parted by ;", text);
      return NULL;
    }
  before = seen_add (&rd->seen, email, (uint32_t) rd->row_line);
  if (before < 0)
    rd->r = (int) before;
  else if (before)
    refuse (rd, field, "line %lld has the address %.80s already", (long long) before, email);
  return arena_strndup (&rd->arena, email, strlen (email));
}

/* Cuts CELL at semicolons into *RET; blanks around elements and empty ones fall away. */
static void
take_list (struct reader *rd, const char *cell, const char *field, bool emails,
           const char *const **ret, size_t *ret_n)
{
  const char **list = arena_array (&rd->arena, CSV_LIST_MAX, sizeof *list);
  size_t n = 0;

  if (!list)
    {
      rd->r = -ENOMEM;
      return;
    }
  while (*cell)
    {
      const char *begin = cell + strspn (cell, " \t"), *end = cell + strcspn (cell, ";");
      const char *text;

      cell = end + (*end == ';');
      while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
      if (end <= begin)
        continue;
      if (n == CSV_LIST_MAX)
        {
          refuse (rd, field, "has more than %u elements", CSV_LIST_MAX);
          break;
        }
      text = arena_strndup (&rd->arena, begin, (size_t) (end - begin));
      if (text && emails)
        text = take_email (rd, text, field);
      if (text)
        list[n++] = text;
    }
  *ret = list;
  *ret_n = n;
}

static int
take_bool (struct reader *rd, const char *cell)
{
  static const char *const yes[] = { "true", "yes", "1" }, *const no[] = { "false", "no", "0" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (yes); i++)
    {
      if (ascii_casecmp (cell, yes[i]) == 0)
        return 1;
      if (ascii_casecmp (cell, no[i]) == 0)
        return 0;
    }
  refuse (rd, "is_guest", "must be true or false");
  return -1;
}

static const char *
take_role (struct reader *rd, const char *cell)
{
  static const char *const role[] = { "super-admin", "admin", "user", "login-only", "guest" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (role); i++)
    if (ascii_casecmp (cell, role[i]) == 0)
      return role[i];
  if (ascii_casecmp (cell, "owner") == 0)
    refuse (rd, "workspace_role", "cannot be owner: ownership is handed over by the Owner");
  else
    refuse (rd, "workspace_role", "must be super-admin, admin, user, login-only or guest");
  return NULL;
}

static void
take_cell (struct reader *rd, size_t column, const char *cell, struct csv_person *p)
{
  PLANTED_BUG (cell, strlen (cell));
  switch (column)
    {
    case EMAIL:
      p->email = take_email (rd, cell, "email");
      break;
    case FIRST_NAME:
      p->first_name = cell;
      break;
    case LAST_NAME:
      p->last_name = cell;
      break;
    case USERNAME:
      p->username = cell;
      break;
    case IS_GUEST:
      p->is_guest = take_bool (rd, cell);
      break;
    case SECONDARY_EMAILS:
      take_list (rd, cell, "secondary_emails", /* emails= */ true, &p->secondary_emails,
                 &p->n_secondary_emails);
      break;
    case WORKSPACE_ROLE:
      p->workspace_role = take_role (rd, cell);
      break;
    case TEAMS:
      take_list (rd, cell, "teams", /* emails= */ false, &p->teams, &p->n_teams);
      break;
    }
}

static void
check_cells (struct reader *rd)
{
  size_t i;

  for (i = 0; i < MIN (rd->n_cells, rd->n_columns); i++)
    {
      const char *name = rd->columns[i] == SKIPPED ? "" : column_names[rd->columns[i]];
      const char *c;

      if (!utf8_valid (rd->cells[i], strlen (rd->cells[i])))
        refuse (rd, name, "must be UTF-8");
      for (c = rd->cells[i]; *c; c++)
        if (((unsigned char) *c < 0x20 || *c == 0x7f) && rd->columns[i] != SKIPPED)
          {
            refuse (rd, name, "must not hold line breaks or control characters");
            break;
          }
    }
  if (rd->n_cells != rd->n_columns)
    refuse (rd, "", "has %zu fields, and the header %zu", rd->n_cells, rd->n_columns);
}

static void
take_row (struct reader *rd)
{
  struct csv_person p = { .line = rd->row_line, .columns = rd->present, .is_guest = -1 };
  size_t i;

  if (++rd->totals.rows > CSV_ROWS_MAX)
    {
      give_up (rd, rd->row_line, "there are more than 1,000,000 rows");
      return;
    }
  check_cells (rd);
  for (i = 0; i < rd->n_columns && !rd->row_bad; i++)
    if (*rd->cells[i])
      take_cell (rd, rd->columns[i], rd->cells[i], &p);
    else if (rd->columns[i] == EMAIL)
      refuse (rd, "email", "must not be empty");
  if (!rd->row_bad && p.is_guest == 1 && p.workspace_role && !streq (p.workspace_role, "guest"))
    refuse (rd, "workspace_role", "must be guest or empty where is_guest is true");
  if (rd->row_bad)
    rd->totals.bad++;
  else if (rd->r == 0)
    rd->r = rd->person (rd->data, &p);
}

/* ---- libcsv ------------------------------------------------------------------------ */

static void
on_field (void *p, size_t len, void *data)
{
  struct reader *rd = data;
  const char *text = p ? p : "";
  char *copy = NULL;

  if (rd->r < 0)
    return;
  if (rd->n_cells < COLUMNS_MAX)
    {
      if (memchr (text, '\0', len))
        give_up (rd, rd->row_line, "the file holds a zero byte; it must be UTF-8 text");
      if (len > CSV_FIELD_MAX)
        refuse (rd, rd->n_cells < rd->n_columns && rd->columns[rd->n_cells] != SKIPPED
                ? column_names[rd->columns[rd->n_cells]] : "",
                "is longer than %u bytes", CSV_FIELD_MAX);
      copy = arena_strndup (&rd->arena, text, MIN (len, (size_t) CSV_FIELD_MAX));
      if (!copy)
        rd->r = -ENOMEM;
      rd->cells[rd->n_cells] = copy;
    }
  rd->n_cells++;
}

static void
on_row (int end, void *data)
{
  struct reader *rd = data;

  (void) end;
  if (rd->r < 0)
    return;
  /* A line of blanks is one empty cell. */
  if (rd->n_cells > 1 || *rd->cells[0])
    {
      if (rd->header_read)
        take_row (rd);
      else
        take_header (rd);
    }
  rd->n_cells = 0;
  rd->row_bad = false;
  arena_reset (&rd->arena);
}

/* Feeds LEN bytes that hold no line's end but at their own end. */
static void
feed (struct reader *rd, struct csv_parser *parser, const char *text, size_t len)
{
  while (len && rd->r == 0)
    {
      size_t n = MIN (len, (size_t) CHUNK);

      if (csv_parse (parser, text, n, on_field, on_row, rd) != n && rd->r == 0)
        {
          if (csv_error (parser) == CSV_EPARSE)
            give_up (rd, rd->line, "a quote stands in the middle of a field; quotes go around the "
                                   "whole field and are doubled inside");
          else
            rd->r = -ENOMEM;
        }
      /* A quote that is never closed would swallow the rest of the file. */
      if (parser->entry_pos > 2 * CHUNK)
        give_up (rd, rd->row_line, "a field that begins in this row has no closing quote");
      text += n;
      len -= n;
    }
}

static void
read_lines (struct reader *rd, struct csv_parser *parser, const char *text, size_t len)
{
  while (len && rd->r == 0)
    {
      const char *newline = memchr (text, '\n', len);
      size_t n = newline ? (size_t) (newline - text) + 1 : len;

      rd->line++;
      if (!rd->n_cells && !parser->entry_pos)
        rd->row_line = rd->line;
      feed (rd, parser, text, n);
      text += n;
      len -= n;
    }
  if (rd->r == 0 && csv_fini (parser, on_field, on_row, rd) != 0 && rd->r == 0)
    give_up (rd, rd->row_line, "a field that begins in this row has no closing quote");
}

static const char *
skip_mark (struct reader *rd, const char *text, size_t *len)
{
  if (*len >= 2 && (memcmp (text, "\xff\xfe", 2) == 0 || memcmp (text, "\xfe\xff", 2) == 0))
    give_up (rd, 1, "the file is UTF-16; it must be UTF-8");
  if (*len < 3 || memcmp (text, "\xef\xbb\xbf", 3) != 0)
    return text;
  *len -= 3;
  return text + 3;
}

int
csv_people_read (const char *text, size_t len, csv_person_fn *person, csv_problem_fn *problem,
                 void *data, struct csv_totals *totals)
{
  struct reader rd = { .person = person, .problem = problem, .data = data,
                       .arena = ARENA_INIT (ARENA_BYTES) };
  struct csv_parser parser;

  rd.r = seen_init (&rd.seen);
  if (rd.r < 0)
    return rd.r;
  if (csv_init (&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
    {
      seen_done (&rd.seen);
      return -ENOMEM;
    }
  if (len > CSV_FILE_MAX)
    give_up (&rd, 0, "the file is longer than 256 MiB");
  text = skip_mark (&rd, text, &len);
  if (rd.r == 0)
    read_lines (&rd, &parser, text, len);
  if (rd.r == 0 && !rd.header_read)
    give_up (&rd, 1, "the first row must name the columns, email among them");
  csv_free (&parser);
  arena_done (&rd.arena);
  seen_done (&rd.seen);
  if (rd.r < 0)
    return rd.r;
  *totals = rd.totals;
  return 0;
}
