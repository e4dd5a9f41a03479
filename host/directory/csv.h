/* People as CSV: reading a file row by row, and writing fields that spreadsheets show
   as they are.  Keeps nothing; what becomes of a person is the engine's. */
#ifndef USHER_DIRECTORY_CSV_H
#define USHER_DIRECTORY_CSV_H

#include "host/common/base.h"
#include "host/common/buf.h"

#define CSV_FILE_MAX 268435456u    /* 256 MiB */
#define CSV_ROWS_MAX 1000000u
#define CSV_FIELD_MAX 4096u
#define CSV_LIST_MAX 100u          /* e-mails or teams of one person */
#define CSV_PROBLEMS_MAX 1000u     /* told; all are counted */

/* The columns of a file, as bits. */
#define CSV_EMAIL 1u
#define CSV_FIRST_NAME 2u
#define CSV_LAST_NAME 4u
#define CSV_USERNAME 8u
#define CSV_IS_GUEST 16u
#define CSV_SECONDARY_EMAILS 32u
#define CSV_WORKSPACE_ROLE 64u
#define CSV_TEAMS 128u

/* One row.  Borrowed for the call; NULL = the cell is empty or there is no such column,
   which COLUMNS tells. */
struct csv_person
{
  size_t line;                     /* where the row begins, from 1 */
  unsigned int columns;            /* of the file */
  const char *email;               /* normalised; never NULL */
  const char *first_name, *last_name, *username, *workspace_role;
  int is_guest;                    /* 1, 0, -1 = not said */
  const char *const *secondary_emails;   /* normalised */
  size_t n_secondary_emails;
  const char *const *teams;
  size_t n_teams;
};

struct csv_problem
{
  size_t line;
  const char *field;               /* the column; "" = the row or the file */
  const char *text;                /* what is wrong and what would be right */
};

struct csv_totals
{
  size_t rows, bad;                /* rows without the header; of them, refused */
};

/* A negative answer ends the reading and is returned. */
typedef int csv_person_fn (void *data, const struct csv_person *person);
typedef void csv_problem_fn (void *data, const struct csv_problem *problem);

/* Reads LEN bytes of CSV (RFC 4180, UTF-8, a byte order mark or not): a header that names
   the columns, `email` among them, then people.  A row with something wrong is told to
   PROBLEM and left out, and reading goes on; an e-mail address that two rows claim is
   wrong in the second.  0 and *TOTALS; -EINVAL when the file itself is wrong (its header,
   its quoting, over a maximum), which PROBLEM was told and after which nothing more is
   read; -ENOMEM; or what PERSON answered. */
int csv_people_read (const char *text, size_t len, csv_person_fn *person, csv_problem_fn *problem,
                     void *data, struct csv_totals *totals);

/* Appends TEXT as a field, quoted where it must be.  What a spreadsheet would take for a
   formula (= + - @, tab or carriage return in front) gets an apostrophe. */
void csv_put_field (struct buf *out, const char *text);
/* Appends N fields and the end of the row; NULL is an empty field. */
void csv_put_row (struct buf *out, const char *const *fields, size_t n);

#endif
