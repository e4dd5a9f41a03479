/* Owns the count of pages: where the next one is, which were seen, what was announced. */
#include <config.h>

#include <usher/pager.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a saved state knows of earlier pages: the newest NEWEST, and of those before them the
   pages 0, 1, 2, 4, 8 ...  A loop of a period up to NEWEST meets a newest one.  A longer one that
   begins at page M meets the first power of two from M on, which is below 2 M, however often the
   state was saved and put back (Brent's algorithm keeps but the last power; here all are kept).
   A state is small because it is written for each page of a listing.  */
#define NEWEST 16u
#define POWERS 18u
_Static_assert (USHER_PAGER_PAGES_MAX <= 1u << (POWERS - 1), "each power below the maximum has room");

#define MAGIC UINT32_C (0x32676170)   /* "pag2" */
#define HEAD_BYTES 80u
_Static_assert (HEAD_BYTES + 2 * (NEWEST + POWERS) * 8 + USHER_PAGER_CURSOR_MAX
                <= USHER_PAGER_STATE_MAX, "a saved state fits");

/* Fingerprints in the order of their pages, and a hash table over them.  The first powers_below
   (base) of them came out of a saved state and are those of pages 0, 1, 2, 4 ... below base; then
   comes every page from base on.  */
struct seen
{
  uint64_t *value;   /* owned */
  uint32_t *slot;    /* owned; 1 + index of a value, 0 = free; a power of two, at most half full */
  uint32_t n, cap, n_slots;
  uint32_t base;
};

struct usher_pager
{
  uint32_t style, flags, max_pages;
  uint64_t first, count;

  uint64_t position, items;
  uint32_t pages;
  bool done, ended;            /* no more pages; ended by the app's own rule */
  int64_t total;
  char cursor[USHER_PAGER_CURSOR_MAX + 1];
  struct seen ids, cursors;
  uint64_t first_id, last_id;  /* hash of the id that the first page, the last page began with */

  /* The page being read. */
  uint64_t sum, begin;
  uint64_t n_ids;

  char error[128], why[128];
};

/* ---- fingerprints ---- */

/* FNV-1a with a final mix, so that sums of them stay apart. */
static uint64_t
hash (const char *p, size_t len)
{
  uint64_t h = UINT64_C (0xcbf29ce484222325);
  size_t i;

  for (i = 0; i < len; i++)
    h = (h ^ (unsigned char) p[i]) * UINT64_C (0x100000001b3);
  h = (h ^ (h >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  h = (h ^ (h >> 27)) * UINT64_C (0x94d049bb133111eb);
  return h ^ (h >> 31);
}

static bool
seen_has (const struct seen *s, uint64_t value)
{
  uint32_t i;

  if (s->n_slots == 0)
    return false;
  for (i = (uint32_t) value & (s->n_slots - 1); s->slot[i]; i = (i + 1) & (s->n_slots - 1))
    if (s->value[s->slot[i] - 1] == value)
      return true;
  return false;
}

static void
seen_place (struct seen *s, uint32_t index)
{
  uint32_t i = (uint32_t) s->value[index] & (s->n_slots - 1);

  while (s->slot[i])
    i = (i + 1) & (s->n_slots - 1);
  s->slot[i] = index + 1;
}

static int32_t
seen_grow (struct seen *s)
{
  uint32_t cap = s->cap ? s->cap * 2 : 64, i;
  uint64_t *value = reallocarray (s->value, cap, sizeof *value);
  uint32_t *slot;

  if (!value)
    return USHER_E_NOMEM;
  s->value = value;
  slot = calloc (cap * 2, sizeof *slot);
  if (!slot)
    return USHER_E_NOMEM;
  free (s->slot);
  s->slot = slot;
  s->cap = cap;
  s->n_slots = cap * 2;
  for (i = 0; i < s->n; i++)
    seen_place (s, i);
  return USHER_DONE;
}

static int32_t
seen_add (struct seen *s, uint64_t value)
{
  int32_t r = s->n == s->cap ? seen_grow (s) : USHER_DONE;

  if (r < 0)
    return r;
  s->value[s->n] = value;
  seen_place (s, s->n++);
  return USHER_DONE;
}

static void
seen_done (struct seen *s)
{
  free (s->value);
  free (s->slot);
}

/* ---- pages ---- */

int32_t
usher_pager_new (const struct usher_pager_spec *spec, struct usher_pager **ret_pager)
{
  struct usher_pager *pager;

  if (!spec || spec->size < sizeof *spec || !ret_pager
      || spec->max_pages > USHER_PAGER_PAGES_MAX
      || (spec->style != USHER_PAGER_INDEX && spec->style != USHER_PAGER_OFFSET
          && spec->style != USHER_PAGER_NUMBER && spec->style != USHER_PAGER_CURSOR)
      || (spec->flags & USHER_PAGER_SHORT_ENDS && spec->count == 0))
    return USHER_E_MISUSE;
  pager = calloc (1, sizeof *pager);
  if (!pager)
    return USHER_E_NOMEM;
  pager->style = spec->style;
  pager->flags = spec->flags;
  pager->max_pages = spec->max_pages ? spec->max_pages : USHER_PAGER_PAGES_MAX;
  pager->first = pager->position = spec->first;
  pager->count = spec->count;
  pager->total = -1;
  *ret_pager = pager;
  return USHER_DONE;
}

void
usher_pager_free (struct usher_pager *pager)
{
  if (!pager)
    return;
  seen_done (&pager->ids);
  seen_done (&pager->cursors);
  free (pager);
}

int
usher_pager_more (const struct usher_pager *pager)
{
  return !pager->done;
}

uint64_t
usher_pager_position (const struct usher_pager *pager)
{
  return pager->position;
}

const char *
usher_pager_cursor (const struct usher_pager *pager)
{
  return pager->cursor;
}

uint64_t
usher_pager_items (const struct usher_pager *pager)
{
  return pager->items;
}

uint32_t
usher_pager_pages (const struct usher_pager *pager)
{
  return pager->pages;
}

const char *
usher_pager_error (const struct usher_pager *pager)
{
  return pager->error;
}

void
usher_pager_id (struct usher_pager *pager, const char *id, size_t len)
{
  uint64_t h = hash (id, len);

  if (pager->n_ids++ == 0)
    pager->begin = h;
  pager->sum += h;
}

static int32_t __attribute__ ((format (printf, 3, 4)))
stop (struct usher_pager *pager, int32_t code, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  (void) vsnprintf (pager->error, sizeof pager->error, fmt, ap);
  va_end (ap);
  pager->done = true;
  return code;
}

/* Whether the page that was just read came before. */
static int32_t
guard_page (struct usher_pager *pager)
{
  uint64_t print = pager->sum + pager->n_ids;

  if (pager->n_ids == 0)
    return USHER_DONE;
  if (seen_has (&pager->ids, print))
    return stop (pager, USHER_E_LOOP, "page %u has the same items as an earlier one", pager->pages);
  if (pager->ids.n > 0 && (pager->begin == pager->first_id || pager->begin == pager->last_id))
    return stop (pager, USHER_E_LOOP, "page %u begins with the same item as an earlier one",
                 pager->pages);
  if (pager->ids.n == 0)
    pager->first_id = pager->begin;
  pager->last_id = pager->begin;
  if (seen_add (&pager->ids, print) < 0)
    return stop (pager, USHER_E_NOMEM, "out of memory");
  return USHER_DONE;
}

/* Takes the next cursor; none is the end. */
static int32_t
turn_cursor (struct usher_pager *pager, const struct usher_pager_page *page)
{
  size_t len = page->cursor ? strlen (page->cursor) : 0;
  uint64_t h;

  if (len > USHER_PAGER_CURSOR_MAX)
    return stop (pager, USHER_E_LIMIT, "a cursor is longer than %u bytes", USHER_PAGER_CURSOR_MAX);
  if (len == 0 || page->last)
    {
      pager->cursor[0] = '\0';
      pager->ended = true;
      return USHER_DONE;
    }
  h = hash (page->cursor, len);
  if (seen_has (&pager->cursors, h))
    return stop (pager, USHER_E_LOOP, "the cursor behind page %u came before", pager->pages);
  if (seen_add (&pager->cursors, h) < 0)
    return stop (pager, USHER_E_NOMEM, "out of memory");
  memcpy (pager->cursor, page->cursor, len + 1);
  return USHER_DONE;
}

/* Whether pages that are counted end here: an empty page, all that was announced, the app's own
   word, or a short page where that is the rule. */
static bool
counted_end (const struct usher_pager *pager, const struct usher_pager_page *page)
{
  if (page->items == 0 || page->last)
    return true;
  if (pager->total >= 0 && pager->items >= (uint64_t) pager->total)
    return true;
  return pager->flags & USHER_PAGER_SHORT_ENDS && page->items < pager->count;
}

int32_t
usher_pager_turn (struct usher_pager *pager, const struct usher_pager_page *page)
{
  int32_t r;

  if (pager->done || !page || page->size < sizeof *page)
    return stop (pager, USHER_E_MISUSE, "a page behind the end");
  pager->pages++;
  pager->items += page->items;
  if (page->total >= 0)
    pager->total = page->total;
  r = guard_page (pager);
  pager->sum = pager->n_ids = 0;
  if (r < 0)
    return r;
  if (pager->style == USHER_PAGER_CURSOR)
    r = turn_cursor (pager, page);
  else
    {
      pager->ended = counted_end (pager, page);
      pager->position += pager->style == USHER_PAGER_NUMBER ? 1 : page->items;
    }
  if (r < 0)
    return r;
  if (!pager->ended && pager->pages >= pager->max_pages)
    return stop (pager, USHER_E_LOOP, "there is no end after %u pages", pager->pages);
  pager->done = pager->ended;
  return USHER_DONE;
}

uint32_t
usher_pager_verdict (const struct usher_pager *pager, int64_t *ret_total, const char **ret_why)
{
  /* The sentence belongs to the pager; the judgement changes nothing else. */
  char *why = ((struct usher_pager *) (uintptr_t) pager)->why;

  *ret_total = pager->total;
  if (pager->ended && (pager->total < 0 || pager->items >= (uint64_t) pager->total))
    {
      *ret_why = NULL;
      return USHER_COMPLETE;
    }
  if (pager->error[0])
    (void) snprintf (why, sizeof pager->why, "%s", pager->error);
  else if (!pager->ended)
    (void) snprintf (why, sizeof pager->why, "the listing stopped after page %u", pager->pages);
  else
    (void) snprintf (why, sizeof pager->why, "%lld were announced and %llu came",
                     (long long) pager->total, (unsigned long long) pager->items);
  *ret_why = why;
  return USHER_PARTIAL;
}

/* ---- state ---- */

static unsigned char *
put (unsigned char *p, uint64_t v)
{
  int i;

  for (i = 0; i < 8; i++)
    *p++ = (unsigned char) (v >> (8 * i));
  return p;
}

static uint64_t
get (const unsigned char **p)
{
  uint64_t v = 0;
  int i;

  for (i = 0; i < 8; i++)
    v |= (uint64_t) *(*p)++ << (8 * i);
  return v;
}

/* How many of 0, 1, 2, 4, 8 ... are below N. */
static uint32_t
powers_below (uint32_t n)
{
  uint32_t count = n > 0, power;

  for (power = 1; power < n; power *= 2)
    count++;
  return count;
}

/* What a saved state has of a set of TOTAL pages: the powers of two below OLDER, and each page
   from there on. */
struct kept
{
  uint32_t total, older, n;
};

static struct kept
kept_of (uint32_t total)
{
  uint32_t older = total > NEWEST ? total - NEWEST : 0;

  return (struct kept) { total, older, powers_below (older) + (total - older) };
}

static struct kept
seen_kept (const struct seen *s)
{
  return kept_of (s->base + s->n - powers_below (s->base));
}

/* Of PAGE, which is from base on or a power of two. */
static uint64_t
seen_at (const struct seen *s, uint32_t page)
{
  return s->value[page < s->base ? powers_below (page) : powers_below (s->base) + page - s->base];
}

static unsigned char *
seen_put (unsigned char *p, const struct seen *s, const struct kept *k)
{
  uint32_t i;

  for (i = 0; i < k->older; i = i ? 2 * i : 1)
    p = put (p, seen_at (s, i));
  for (i = k->older; i < k->total; i++)
    p = put (p, seen_at (s, i));
  return p;
}

int32_t
usher_pager_save (const struct usher_pager *pager, void *blob, size_t cap)
{
  struct kept ids = seen_kept (&pager->ids), cursors = seen_kept (&pager->cursors);
  size_t cursor_len = strlen (pager->cursor);
  size_t need = HEAD_BYTES + 8 * ((size_t) ids.n + cursors.n) + cursor_len;
  unsigned char *p = blob;

  if (pager->n_ids > 0 || pager->error[0])
    return USHER_E_MISUSE;
  if (cap < need)
    return USHER_E_LIMIT;
  p = put (p, MAGIC | (uint64_t) pager->style << 32);
  p = put (p, pager->position);
  p = put (p, pager->items);
  p = put (p, (uint64_t) pager->total);
  p = put (p, pager->pages | (uint64_t) pager->ended << 32);
  p = put (p, pager->first_id);
  p = put (p, pager->last_id);
  p = put (p, ids.total);
  p = put (p, cursors.total);
  p = put (p, cursor_len);
  p = seen_put (p, &pager->ids, &ids);
  p = seen_put (p, &pager->cursors, &cursors);
  memcpy (p, pager->cursor, cursor_len);
  return (int32_t) need;
}

/* What a number of pages says; n over all bounds when it cannot be. */
static struct kept
read_kept (uint64_t total)
{
  return total <= USHER_PAGER_PAGES_MAX ? kept_of ((uint32_t) total)
                                        : (struct kept) { 0, 0, UINT32_MAX };
}

static int32_t
seen_get (struct seen *s, const unsigned char **p, const struct kept *k)
{
  int32_t r = USHER_DONE;
  uint32_t i;

  for (i = 0; i < k->n && r == USHER_DONE; i++)
    r = seen_add (s, get (p));
  s->base = k->older;
  return r;
}

int32_t
usher_pager_restore (struct usher_pager *pager, const void *blob, size_t len)
{
  const unsigned char *p = blob;
  uint64_t pages, cursor_len;
  struct kept ids, cursors;
  int32_t r;

  if (pager->pages > 0 || pager->ids.n > 0)
    return USHER_E_MISUSE;
  if (len < HEAD_BYTES || get (&p) != (MAGIC | (uint64_t) pager->style << 32))
    return USHER_E_CURSOR;
  pager->position = get (&p);
  pager->items = get (&p);
  pager->total = (int64_t) get (&p);
  pages = get (&p);
  pager->first_id = get (&p);
  pager->last_id = get (&p);
  ids = read_kept (get (&p));
  cursors = read_kept (get (&p));
  cursor_len = get (&p);
  if (cursor_len > USHER_PAGER_CURSOR_MAX
      || len != HEAD_BYTES + 8 * ((size_t) ids.n + cursors.n) + cursor_len || pages >> 33
      || (uint32_t) pages > pager->max_pages)
    return USHER_E_CURSOR;
  r = seen_get (&pager->ids, &p, &ids);
  if (r == USHER_DONE)
    r = seen_get (&pager->cursors, &p, &cursors);
  if (r < 0)
    return r;
  if (memchr (p, '\0', cursor_len))
    return USHER_E_CURSOR;
  memcpy (pager->cursor, p, cursor_len);
  pager->cursor[cursor_len] = '\0';
  pager->pages = (uint32_t) pages;
  pager->ended = pager->done = pages >> 32;
  return USHER_DONE;
}
