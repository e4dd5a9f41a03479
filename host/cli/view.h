/* How things of the API are shown to people: the columns of each kind of list, and what
   stands in a cell.  Printing is output.h. */
#ifndef USHER_CLI_VIEW_H
#define USHER_CLI_VIEW_H

#include <jansson.h>

#include "host/common/base.h"
#include "host/common/buf.h"

#define COLUMN_TIME 1u   /* an RFC 3339 time: people see it in their own zone */
#define COLUMN_NUMBER 2u /* at the right edge */
#define COLUMN_STATE 4u  /* coloured by what it says */
#define COLUMN_TEXT 8u   /* sentences: folded to the terminal's width */

#define CELL_MAX (64u * 1024)

struct column
{
  const char *title; /* heading of a table; NULL ends a view */
  const char *key;   /* path in the item, with dots; several, with spaces, are joined by
                        a space; CSV has a column for each, with the key as its heading */
  unsigned int flags;
  const char *absent; /* shown in a table where there is nothing; NULL = nothing */
};

struct view
{
  const struct column *columns;
};

extern const struct view view_accounts, view_apps, view_audit, view_checks, view_connectors, view_events,
  view_hubs, view_issues, view_members, view_people, view_plan, view_plan_people, view_report_rows, view_reports,
  view_roles, view_tasks, view_tokens;

/* Appends what stands in column C of ITEM: text as it is, lists joined by SEPARATOR,
   things by their label, name, e-mail or id.  Times are changed only with LOCAL. */
void view_cell (const struct column *c, const json_t *item, const char *separator, bool local,
                struct buf *out);
/* The same for one value. */
void view_value (const json_t *value, const char *separator, struct buf *out);
/* The colour that libsmartcols knows for the state TEXT; NULL = none. */
const char *view_colour (const char *text);
/* An RFC 3339 time as the clock on the wall shows it; other text as it is. */
void view_time (const char *text, struct buf *out);

#endif
