/* The spool: where the rows of one listing wait on disk until the listing is proved.
   Rows are kept in the order they came, cursors between them; each checkpoint ends a
   page with a CRC, so that after a kill everything up to the last whole page is used
   again and at most one page is fetched twice.  A spool belongs to one thread at a time. */
#ifndef USHER_STORE_SPOOL_H
#define USHER_STORE_SPOOL_H

#include "host/common/base.h"

/* Maxima; over them a call answers -E2BIG. */
#define SPOOL_SECTIONS_MAX 65536u
#define SPOOL_ROWS_MAX 65536u      /* bytes in one call */
#define SPOOL_JSON_MAX 65536u
#define SPOOL_CURSOR_MAX 16384u

struct spool;

/* One section as the spool remembers it. */
struct spool_section
{
  uint32_t ordinal, kind;   /* USHER_S_... */
  const char *scope;        /* NULL = whole */
  bool ended;               /* spool_section_end came */
};

/* Makes DIR/NAME, or opens what a killed run left there and drops what comes after its
   last whole page that is not in doubt.  *RET_CURSOR (borrowed until the next checkpoint)
   is the last cursor, NULL at the start. */
int spool_open (const char *dir, const char *name, struct spool **ret, const void **ret_cursor,
                size_t *ret_cursor_len);
/* Goes back to where spool_open would begin now, with its cursor. */
int spool_rewind (struct spool *s, const void **ret_cursor, size_t *ret_cursor_len);
/* What its whole pages hold: the sections in the order they began (borrowed until the
   next one), and whether spool_finish ended them. */
const struct spool_section *spool_sections (const struct spool *s, size_t *ret_n);
bool spool_finished (const struct spool *s);
/* Frees; the file stays, without the page that is not ended. */
void spool_close (struct spool *s);
DEFINE_CLEANUP (struct spool *, spool_close)
/* Deletes DIR/NAME; not there is fine. */
void spool_remove (const char *dir, const char *name);

/* A note about the whole listing (JSON text), kept in the file: when it began, which
   configuration it belongs to.  Written once, right after the file is made; a reopened
   spool answers it (borrowed), else NULL. */
int spool_set_head (struct spool *s, const char *json);
const char *spool_head (const struct spool *s);

/* A section began or ended; END's note is JSON text (verdict, total, tally).  Nothing is
   added to a spool that is finished (-EINVAL). */
int spool_section (struct spool *s, const struct spool_section *section);
int spool_section_end (struct spool *s, uint32_t ordinal, const char *json);
/* LEN bytes of whole rows (row.h), already checked, of the section begun last. */
int spool_rows (struct spool *s, const void *rows, size_t len);
/* The page under way is in doubt: it counts when the listing ends well, and is not gone on
   from.  A later page that is not in doubt vouches for it. */
int spool_doubt (struct spool *s);
/* Ends a page: rows before it belong to the cursor.  Flushed to disk at least every 5 s. */
int spool_checkpoint (struct spool *s, const void *cursor, size_t len);
/* Ends the last page: the listing is whole.  Flushed. */
int spool_finish (struct spool *s);
uint64_t spool_bytes (const struct spool *s);

/* Reads all whole pages back in order; FN answers 0 to go on or a negative value, which
   ends the walk and is returned.  Rows stay where they are, as spool_row_at says. */
struct spool_item
{
  enum { SPOOL_SECTION, SPOOL_SECTION_END, SPOOL_ROW } type;
  const struct spool_section *section; /* the one that the item belongs to */
  const char *json;                    /* SPOOL_SECTION_END */
  const void *row;                     /* SPOOL_ROW: one whole row with its length */
  size_t row_len;
  uint64_t at;                         /* SPOOL_ROW: where spool_row_at finds it again */
};
typedef int spool_fn (void *arg, const struct spool_item *item);
int spool_walk (struct spool *s, spool_fn *fn, void *arg);
/* A row that a walk has shown, and its length; borrowed until something is added or the
   spool is closed.  NULL when nothing like a row is there. */
const void *spool_row_at (const struct spool *s, uint64_t at, size_t *ret_len);
/* The row will be asked for soon: the processor may fetch it meanwhile. */
void spool_row_ahead (const struct spool *s, uint64_t at);

#endif
