/* People as CSV: whatever the bytes, each person has an address and every list is
   within its maximum; what is written reads back. */
#include <config.h>

#include "host/directory/csv.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static size_t good;   /* people written */

static int
on_person (void *data, const struct csv_person *p)
{
  struct buf *out = data;
  size_t i;

  if (!p->email || !strchr (p->email, '@') || !p->line || p->n_teams > CSV_LIST_MAX
      || p->n_secondary_emails > CSV_LIST_MAX)
    abort ();
  for (i = 0; i < p->n_teams; i++)
    if (!*p->teams[i])
      abort ();
  /* What gets an apostrophe reads back as another text. */
  if (strchr ("=+-@", p->email[0]) || (p->first_name && strchr ("=+-@", p->first_name[0]))
      || (p->last_name && strchr ("=+-@", p->last_name[0])))
    return 0;
  ++good;
  csv_put_row (out, (const char *const[]) { p->email, p->first_name, p->last_name }, 3);
  return 0;
}

static void
on_problem (void *data, const struct csv_problem *p)
{
  (void) data;
  if (!p->field || !*p->text)
    abort ();
}

static int
on_again (void *data, const struct csv_person *p)
{
  (void) p;
  ++*(size_t *) data;
  return 0;
}

static void
on_no_problem (void *data, const struct csv_problem *p)
{
  (void) data;
  (void) p;
  abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct buf out = BUF_INIT (64u << 20);
  struct csv_totals totals;
  size_t again = 0;

  good = 0;
  buf_puts (&out, "email,first_name,last_name\r\n");
  if (csv_people_read ((const char *) data, size, on_person, on_problem, &out, &totals) == 0)
    if (buf_error (&out) == 0
        && (csv_people_read (out.data, out.len, on_again, on_no_problem, &again, &totals) != 0
            || again != good))
      abort ();
  buf_done (&out);
  return 0;
}
