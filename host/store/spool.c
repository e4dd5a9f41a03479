/* Owns what the items of a spool mean. */
#include <config.h>

#include "host/store/spool.h"

#include <limits.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/le.h"
#include "host/common/row.h"
#include "host/store/pagefile.h"

#define MAGIC "USHSPL1\n"
#define SYNC_EVERY_MS 5000
/* Of a row, fetched ahead: what most rows have. */
#define AHEAD_BYTES 256u
#define CACHE_LINE 64u

/* Numbers are stored: never change or reuse one. */
#define ITEM_HEAD 1u         /* JSON */
#define ITEM_SECTION 2u      /* u32 ordinal, u32 kind, u8 1 and the scope, or u8 0 */
#define ITEM_SECTION_END 3u  /* u32 ordinal, JSON */
#define ITEM_ROWS 4u         /* whole rows */
#define ITEM_CURSOR 5u       /* the cursor that the rows before it belong to */
#define ITEM_FINISH 6u       /* nothing; the listing is whole */
#define ITEM_DOUBT 7u        /* nothing; the listing must not go on from this page */

struct spool
{
  struct pagefile file;
  char *head;                        /* owned; NULL = none */
  struct spool_section *sections;    /* owned, with their scopes */
  size_t n_sections, cap;
  struct buf cursor;
  bool has_cursor, finished;
  bool doubt;                        /* of the page under way */
  uint64_t sound;                    /* where the last page without doubt ends */
  int64_t synced_ms;                 /* monotonic */
  struct pages pages;                /* what the last walk read; empty = none */
};

static void
forget (struct spool *s)
{
  size_t i;

  for (i = 0; i < s->n_sections; i++)
    free ((void *) (uintptr_t) s->sections[i].scope);
  s->n_sections = 0;
  free (TAKE (s->head));
  buf_reset (&s->cursor);
  s->has_cursor = s->finished = s->doubt = false;
}

void
spool_close (struct spool *s)
{
  if (!s)
    return;
  forget (s);
  pages_unmap (&s->pages);
  free (s->sections);
  buf_done (&s->cursor);
  pagefile_done (&s->file);
  free (s);
}

/* ---- What each item does to what is remembered. */

static int
remember_section (struct spool *s, uint32_t ordinal, uint32_t kind, const char *scope, size_t len)
{
  size_t cap = s->cap ? 2 * s->cap : 8;
  struct spool_section *v;
  char *copy = NULL;

  if (s->n_sections >= SPOOL_SECTIONS_MAX)
    return -E2BIG;
  if (s->n_sections == s->cap)
    {
      v = reallocarray (s->sections, cap, sizeof *v);
      if (!v)
        return -ENOMEM;
      s->sections = v;
      s->cap = cap;
    }
  if (scope && !(copy = strndup (scope, len)))
    return -ENOMEM;
  s->sections[s->n_sections++] = (struct spool_section) { ordinal, kind, copy, false };
  return 0;
}

static struct spool_section *
find_section (const struct spool *s, uint32_t ordinal)
{
  size_t i = s->n_sections;

  while (i-- > 0)
    if (s->sections[i].ordinal == ordinal)
      return &s->sections[i];
  return NULL;
}

static int
check_rows (const struct spool *s, const uint8_t *rows, size_t len)
{
  size_t span;
  int r;

  if (s->n_sections == 0)
    return -EBADMSG;
  for (; len; rows += span, len -= span)
    {
      r = row_span (rows, len, &span);
      if (r < 0)
        return r;
    }
  return 0;
}

/* The JSON of an item whose first SKIP bytes are something else: caller frees; NULL
   when it does not fit or memory ran out. */
static char *
copy_json (const struct page_item *item, size_t skip)
{
  if (item->len < skip || item->len - skip > SPOOL_JSON_MAX)
    return NULL;
  return strndup ((const char *) item->data + skip, item->len - skip);
}

static int
recall_section (struct spool *s, const struct page_item *item)
{
  const uint8_t *p = item->data;

  if (item->len < 9 || item->len > 9 + ROW_TEXT_MAX)
    return -EBADMSG;
  return remember_section (s, le_get_u32 (p), le_get_u32 (p + 4), p[8] ? (const char *) p + 9 : NULL,
                           item->len - 9);
}

static int
recall_end (struct spool *s, const struct page_item *item)
{
  struct spool_section *section;

  section = item->len >= 4 ? find_section (s, le_get_u32 (item->data)) : NULL;
  if (!section)
    return -EBADMSG;
  section->ended = true;
  return 0;
}

static int
recall (struct spool *s, const struct page_item *item)
{
  switch (item->type)
    {
    case ITEM_HEAD:
      free (s->head);
      s->head = copy_json (item, 0);
      return s->head ? 0 : -EBADMSG;
    case ITEM_SECTION:
      return recall_section (s, item);
    case ITEM_SECTION_END:
      return recall_end (s, item);
    case ITEM_ROWS:
      return check_rows (s, item->data, item->len);
    case ITEM_CURSOR:
      buf_reset (&s->cursor);
      buf_put (&s->cursor, item->data, item->len);
      s->has_cursor = true;
      return buf_error (&s->cursor);
    case ITEM_FINISH:
      s->finished = true;
      return 0;
    case ITEM_DOUBT:
      return 0;
    default:
      return -EBADMSG;
    }
}

/* Where the last page without doubt ends. */
static uint64_t
find_sound (const struct pages *pages)
{
  uint64_t at = PAGEFILE_MAGIC_SIZE, end = at, sound = at;
  struct page_item item;
  bool doubt = false;

  while (pages_next (pages, &at, &item) > 0)
    {
      if (at > end)
        {
          sound = doubt ? sound : end;
          doubt = false;
          end = pages_end_of (pages, at);
        }
      doubt = doubt || item.type == ITEM_DOUBT;
    }
  return doubt ? sound : end;
}

/* Everything that the file has up to its last page without doubt, which becomes its end;
   -EBADMSG for what this program does not write. */
static int
recall_all (struct spool *s)
{
  uint64_t at = PAGEFILE_MAGIC_SIZE;
  struct pages pages, sound;
  struct page_item item;
  int r;

  r = pages_map (s->file.fd, s->file.whole, &pages);
  if (r < 0)
    return r;
  s->sound = find_sound (&pages);
  sound = (struct pages) { pages.p, (size_t) s->sound };
  while ((r = pages_next (&sound, &at, &item)) > 0)
    {
      r = recall (s, &item);
      if (r < 0)
        break;
    }
  pages_unmap (&pages);
  return r < 0 ? r : pagefile_cut (&s->file, s->sound);
}

int
spool_open (const char *dir, const char *name, struct spool **ret, const void **ret_cursor,
            size_t *ret_cursor_len)
{
  _cleanup_ (spool_closep) struct spool *s = calloc (1, sizeof *s);
  char path[PATH_MAX];
  int r;

  if (!s)
    return -ENOMEM;
  s->file.fd = -1;
  s->cursor = (struct buf) BUF_INIT (SPOOL_CURSOR_MAX);
  if (snprintf (path, sizeof path, "%s/%s", dir, name) >= (int) sizeof path)
    return -ENAMETOOLONG;
  r = pagefile_open (&s->file, path, MAGIC, /* fresh= */ false);
  if (r < 0)
    return r;
  r = recall_all (s);
  if (r == -EBADMSG)
    {
      /* Whole pages of another version: nothing of them can be used. */
      forget (s);
      r = pagefile_clear (&s->file, MAGIC);
      s->sound = PAGEFILE_MAGIC_SIZE;
    }
  if (r < 0)
    return r;
  s->synced_ms = clock_mono_ms ();
  *ret_cursor = s->has_cursor ? (s->cursor.data ? s->cursor.data : "") : NULL;
  *ret_cursor_len = s->cursor.len;
  *ret = TAKE (s);
  return 0;
}

int
spool_rewind (struct spool *s, const void **ret_cursor, size_t *ret_cursor_len)
{
  int r;

  pages_unmap (&s->pages);
  forget (s);
  r = pagefile_cut (&s->file, s->sound);
  if (r == 0)
    r = recall_all (s);
  if (r < 0)
    return r;
  *ret_cursor = s->has_cursor ? (s->cursor.data ? s->cursor.data : "") : NULL;
  *ret_cursor_len = s->cursor.len;
  return 0;
}

void
spool_remove (const char *dir, const char *name)
{
  char path[PATH_MAX];

  if (snprintf (path, sizeof path, "%s/%s", dir, name) < (int) sizeof path)
    (void) unlink (path);
}

const char *
spool_head (const struct spool *s)
{
  return s->head;
}

const struct spool_section *
spool_sections (const struct spool *s, size_t *ret_n)
{
  *ret_n = s->n_sections;
  return s->sections;
}

bool
spool_finished (const struct spool *s)
{
  return s->finished;
}

uint64_t
spool_bytes (const struct spool *s)
{
  return s->file.size;
}

/* ---- Writing. */

/* The page under way is whole. */
static int
end_page (struct spool *s, bool sync)
{
  int r = pagefile_end_page (&s->file, sync);

  if (r == 0 && !s->doubt)
    s->sound = s->file.whole;
  s->doubt = false;
  return r;
}

int
spool_set_head (struct spool *s, const char *json)
{
  char *copy;
  int r;

  if (s->head || s->n_sections)
    return -EINVAL;
  if (strlen (json) > SPOOL_JSON_MAX)
    return -E2BIG;
  copy = strdup (json);
  if (!copy)
    return -ENOMEM;
  s->head = copy;
  r = pagefile_put (&s->file, ITEM_HEAD, json, strlen (json), NULL, 0);
  /* It goes to disk with the first rows: without any it is worth nothing. */
  return r < 0 ? r : end_page (s, /* sync= */ false);
}

int
spool_section (struct spool *s, const struct spool_section *section)
{
  size_t len = section->scope ? strlen (section->scope) : 0;
  uint8_t head[9];
  int r;

  if (s->finished)
    return -EINVAL;
  if (len > ROW_TEXT_MAX)
    return -E2BIG;
  r = remember_section (s, section->ordinal, section->kind, section->scope, len);
  if (r < 0)
    return r;
  le_put_u32 (head, section->ordinal);
  le_put_u32 (head + 4, section->kind);
  head[8] = section->scope ? 1 : 0;
  return pagefile_put (&s->file, ITEM_SECTION, head, sizeof head, section->scope, len);
}

int
spool_section_end (struct spool *s, uint32_t ordinal, const char *json)
{
  struct spool_section *section = find_section (s, ordinal);
  uint8_t head[4];

  if (s->finished || !section)
    return -EINVAL;
  if (strlen (json) > SPOOL_JSON_MAX)
    return -E2BIG;
  section->ended = true;
  le_put_u32 (head, ordinal);
  return pagefile_put (&s->file, ITEM_SECTION_END, head, sizeof head, json, strlen (json));
}

int
spool_rows (struct spool *s, const void *rows, size_t len)
{
  if (s->finished || s->n_sections == 0)
    return -EINVAL;
  if (len > SPOOL_ROWS_MAX)
    return -E2BIG;
  return len ? pagefile_put (&s->file, ITEM_ROWS, rows, len, NULL, 0) : 0;
}

int
spool_doubt (struct spool *s)
{
  if (s->finished)
    return -EINVAL;
  s->doubt = true;
  return pagefile_put (&s->file, ITEM_DOUBT, NULL, 0, NULL, 0);
}

int
spool_checkpoint (struct spool *s, const void *cursor, size_t len)
{
  int64_t now_ms = clock_mono_ms ();
  bool sync = now_ms - s->synced_ms >= SYNC_EVERY_MS;
  int r;

  if (s->finished)
    return -EINVAL;
  if (len > SPOOL_CURSOR_MAX)
    return -E2BIG;
  r = pagefile_put (&s->file, ITEM_CURSOR, cursor, len, NULL, 0);
  if (r == 0)
    r = end_page (s, sync);
  if (sync)
    s->synced_ms = now_ms;
  return r == 0 ? fail_point ("spool-checkpoint") : r;
}

int
spool_finish (struct spool *s)
{
  int r;

  if (s->finished)
    return -EINVAL;
  r = pagefile_put (&s->file, ITEM_FINISH, NULL, 0, NULL, 0);
  if (r == 0)
    r = end_page (s, /* sync= */ true);
  s->finished = r == 0;
  return r;
}

/* ---- Reading. */

/* Hands the rows of one item over, one by one. */
static int
walk_rows (const struct spool *s, const struct page_item *item, struct spool_item *out,
           spool_fn *fn, void *arg)
{
  const uint8_t *p = item->data;
  size_t len = item->len, span;
  int r = 0;

  out->type = SPOOL_ROW;
  for (; len && r == 0; p += span, len -= span)
    {
      r = row_span (p, len, &span);
      if (r < 0)
        return r;
      out->row = p;
      out->row_len = span;
      out->at = (uint64_t) (p - s->pages.p);
      r = fn (arg, out);
    }
  return r;
}

static int
walk_end (const struct spool *s, const struct page_item *item, spool_fn *fn, void *arg)
{
  _cleanup_ (freep) char *json = copy_json (item, 4);
  struct spool_item out = { .type = SPOOL_SECTION_END, .json = json };

  out.section = json ? find_section (s, le_get_u32 (item->data)) : NULL;
  return out.section ? fn (arg, &out) : -EBADMSG;
}

/* BEGUN counts the sections passed, which are remembered in the same order. */
static int
walk_item (const struct spool *s, const struct page_item *item, size_t *begun, spool_fn *fn,
           void *arg)
{
  struct spool_item out = { .section = NULL };

  if (item->type == ITEM_SECTION)
    {
      if (*begun >= s->n_sections)
        return -EBADMSG;
      out = (struct spool_item) { .type = SPOOL_SECTION, .section = &s->sections[(*begun)++] };
      return fn (arg, &out);
    }
  if (item->type == ITEM_SECTION_END)
    return walk_end (s, item, fn, arg);
  if (item->type != ITEM_ROWS)
    return 0;
  if (*begun == 0)
    return -EBADMSG;
  out.section = &s->sections[*begun - 1];
  return walk_rows (s, item, &out, fn, arg);
}

int
spool_walk (struct spool *s, spool_fn *fn, void *arg)
{
  uint64_t at = PAGEFILE_MAGIC_SIZE;
  struct page_item item;
  size_t begun = 0;
  int r;

  pages_unmap (&s->pages);
  r = pages_map (s->file.fd, s->file.whole, &s->pages);
  if (r < 0)
    return r;
  while ((r = pages_next (&s->pages, &at, &item)) > 0)
    {
      r = walk_item (s, &item, &begun, fn, arg);
      if (r < 0)
        break;
    }
  return r;
}

const void *
spool_row_at (const struct spool *s, uint64_t at, size_t *ret_len)
{
  if (at >= s->pages.len || row_span (s->pages.p + at, s->pages.len - (size_t) at, ret_len) < 0)
    return NULL;
  return s->pages.p + at;
}

void
spool_row_ahead (const struct spool *s, uint64_t at)
{
  size_t i;

  for (i = 0; i < AHEAD_BYTES; i += CACHE_LINE)
    if (at < s->pages.len && s->pages.len - at > i)
      __builtin_prefetch (s->pages.p + at + i);
}
