/* Standard output: lists page by page and things one at a time, as a table, JSON or
   CSV.  What comes from outside is escaped here, once, for each of the three. */
#ifndef USHER_CLI_OUTPUT_H
#define USHER_CLI_OUTPUT_H

#include <jansson.h>

#include "host/cli/args.h"
#include "host/cli/view.h"

/* Rows that a table holds back to align them; longer lists come in blocks. */
#define TABLE_ROWS 5000u

struct libscols_table;

struct listing
{
  enum format format;
  const struct view *view;
  struct libscols_table *table; /* owned; the block that is being filled */
  size_t rows;                  /* in that block */
  bool any;                     /* something was printed */
};

/* Begins a list; every begun list is ended, also after an error. */
int listing_begin (struct listing *l, enum format format, const struct view *view);
/* Prints, or holds back, one item (borrowed). */
int listing_add (struct listing *l, const json_t *item);
int listing_end (struct listing *l);
/* Ends a list that cannot be finished: what is held back is printed, but JSON stays
   open, so that no reader takes it for the whole. */
void listing_break (struct listing *l);
/* All items of an array at once. */
int output_items (enum format format, const struct view *view, const json_t *items);

/* Prints one thing: JSON as it is, CSV and tables with a line for each of its names. */
int output_thing (enum format format, const json_t *thing);

/* Appends FIELD as RFC 4180 wants it, with an apostrophe before what a spreadsheet
   would take for a formula. */
void csv_field (struct buf *out, const char *field);

/* 0 when all that was printed arrived, else a sentence and a status. */
int output_finish (void);

#endif
