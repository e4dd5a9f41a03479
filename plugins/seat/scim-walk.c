/* Page after page of a list, index paging (RFC 7644 3.4.2.4) or by cursor (RFC 9865), and the
   asking ahead.

   Index paging advances by what came, never by what was asked: servers lower the count in
   silence.  Once a page came full, the addresses of the next ones are known, start + count, and
   up to SCIM_OPEN_MAX are asked for at once; a short page shows that they were wrong, and
   discards them.  A first page that was short although there is more tells the app's own limit,
   and the next pages ask for that many.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

/* Page values of the programs of lists. */
enum { PAGE_TOTAL, PAGE_CURSOR };

/* The head of a saved walk, before the pager's own bytes. */
struct saved
{
  char magic[4];
  uint8_t by_cursor, unread[4], count[4];
};
static const char magic[4] = { 'w', 'l', 'k', '1' };

static void
put_u32 (uint8_t *p, uint64_t v)
{
  v = v > UINT32_MAX ? UINT32_MAX : v;
  for (int i = 0; i < 4; i++)
    p[i] = (uint8_t) (v >> (8 * i));
}

static uint32_t
get_u32 (const uint8_t *p)
{
  return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static void
discard_ahead (struct scim_walk *w)
{
  for (size_t i = 0; i < w->n_ahead; i++)
    usher_http_close (w->ctx, w->ahead[i].h);
  w->n_ahead = 0;
}

static int32_t
make_pager (struct scim_walk *w)
{
  struct usher_pager_spec spec = { .size = sizeof spec };

  spec.style = w->by_cursor ? USHER_PAGER_CURSOR : USHER_PAGER_INDEX;
  spec.first = w->by_cursor ? 0 : 1;
  spec.count = w->count;
  usher_pager_free (w->pager);
  w->pager = NULL;
  return usher_pager_new (&spec, &w->pager);
}

bool
scim_by_cursor (const struct scim *s)
{
  return s->paging == SCIM_PAGING_CURSOR || (s->paging == SCIM_PAGING_AUTO && s->cursor);
}

int32_t
scim_walk_begin (struct scim_walk *w)
{
  struct scim *s = w->s;
  int32_t r = scim_hints (w->ctx, s);

  if (r < 0)
    return r;
  w->by_cursor = scim_by_cursor (s);
  w->count = s->page_max && s->page_max < s->page ? s->page_max : s->page;
  w->total = -1;
  return make_pager (w);
}

void
scim_walk_done (struct scim_walk *w)
{
  discard_ahead (w);
  usher_pager_free (w->pager);
  w->pager = NULL;
}

static int32_t
open_page (struct scim_walk *w, uint64_t start, uint32_t *ret_h)
{
  _cleanup_ (freep) char *url
    = scim_url_page (w->s, w->kind, start, w->by_cursor ? usher_pager_cursor (w->pager) : NULL,
                     w->count);

  return scim_get_open (w->ctx, url, ret_h);
}

/* The page at START: asked ahead, or now. */
static int32_t
take_page (struct scim_walk *w, uint64_t start, uint32_t *ret_h)
{
  if (w->n_ahead > 0 && w->ahead[0].start == start)
    {
      *ret_h = w->ahead[0].h;
      w->n_ahead--;
      memmove (w->ahead, w->ahead + 1, w->n_ahead * sizeof *w->ahead);
      return USHER_DONE;
    }
  discard_ahead (w);
  return open_page (w, start, ret_h);
}

/* Asks for the pages behind START while it is read.  Never beyond the announced total: some
   servers answer page 1 there. */
static int32_t
ask_ahead (struct scim_walk *w, uint64_t start)
{
  uint64_t next = w->n_ahead > 0 ? w->ahead[w->n_ahead - 1].start : start;

  if (w->by_cursor || !w->full || w->total < 0)
    return USHER_DONE;
  while (w->n_ahead < SCIM_OPEN_MAX - 1)
    {
      int32_t r;

      next += w->count;
      if (next > (uint64_t) w->total)
        return USHER_DONE;
      r = open_page (w, next, &w->ahead[w->n_ahead].h);
      if (r < 0)
        return r;
      w->ahead[w->n_ahead++].start = next;
    }
  return USHER_DONE;
}

static int32_t
on_item (void *arg, const struct usher_item *item)
{
  struct scim_walk *w = arg;
  const char *id = usher_item_text (item, SCIM_F_ID);

  if (!id || !*id)
    {
      w->unread++;
      return USHER_DONE;
    }
  usher_pager_id (w->pager, id, strlen (id));
  return w->item (w->arg, item);
}

/* The rows of one page.  USHER_ABSENT: the app does not page by cursor after all. */
static int32_t
read_page (struct scim_walk *w, uint32_t h)
{
  struct usher_response response = { .size = sizeof response };
  struct scim_answer a = { 0 };
  int32_t r = usher_http_head (w->ctx, h, &response);

  if (r < 0)
    return r;
  if (response.status == 200)
    return usher_rows_each (w->rows, w->ctx, h, on_item, w);
  r = scim_answer_read (w->ctx, h, &a);
  if (r < 0)
    return r;
  if (w->by_cursor && usher_pager_pages (w->pager) == 0 && w->s->paging == SCIM_PAGING_AUTO
      && (a.status == 400 || a.status == 501))
    r = USHER_ABSENT;
  else
    r = scim_error (w->ctx, &a, SCIM_TO_LIST);
  scim_answer_done (&a);
  return r;
}

/* The page is through: tells the pager, and learns from its length. */
static int32_t
turn_page (struct scim_walk *w)
{
  const struct usher_value *cursor = usher_rows_page (w->rows, PAGE_CURSOR);
  struct usher_pager_page page = { .size = sizeof page };
  int32_t r;

  page.items = usher_rows_count (w->rows);
  if (usher_value_int (usher_rows_page (w->rows, PAGE_TOTAL), 0, INT64_MAX, &page.total) < 0)
    page.total = -1;
  if (cursor && cursor->type == USHER_V_STRING)
    page.cursor = cursor->text;
  if (!usher_rows_present (w->rows) && page.total < 0)
    return seat_fail (w->ctx, USHER_E_SHAPE, NULL,
                      "The app's answer is not a SCIM list: it has neither Resources nor "
                      "totalResults");
  w->total = page.total;
  r = usher_pager_turn (w->pager, &page);
  if (r < 0)
    return seat_fail (w->ctx, r, NULL, "Listing %s: %s", w->kind, usher_pager_error (w->pager));
  w->full = page.items == w->count;
  if (!w->full)
    discard_ahead (w);
  if (!w->full && !w->fitted && page.items > 0 && page.items < w->count
      && usher_pager_more (w->pager))
    w->count = page.items;
  w->fitted = true;
  return w->page ? w->page (w->arg, w) : USHER_DONE;
}

int32_t
scim_walk_run (struct scim_walk *w)
{
  while (usher_pager_more (w->pager))
    {
      uint64_t start = w->by_cursor ? 0 : usher_pager_position (w->pager);
      uint32_t h;
      int32_t r = take_page (w, start, &h);

      if (r < 0)
        return r;
      r = ask_ahead (w, start);
      if (r >= 0)
        r = read_page (w, h);
      usher_http_close (w->ctx, h);
      if (r == USHER_ABSENT)
        {
          w->by_cursor = false;
          r = make_pager (w);
        }
      else if (r >= 0)
        r = turn_page (w);
      if (r < 0)
        return r;
    }
  return USHER_DONE;
}

int32_t
scim_walk_save (const struct scim_walk *w, void *blob, size_t cap)
{
  struct saved head = { .by_cursor = w->by_cursor };
  int32_t r;

  if (cap < sizeof head)
    return USHER_E_LIMIT;
  memcpy (head.magic, magic, sizeof magic);
  put_u32 (head.unread, w->unread);
  put_u32 (head.count, w->count);
  memcpy (blob, &head, sizeof head);
  r = usher_pager_save (w->pager, (char *) blob + sizeof head, cap - sizeof head);
  return r < 0 ? r : (int32_t) sizeof head + r;
}

int32_t
scim_walk_restore (struct scim_walk *w, const void *blob, size_t len)
{
  struct saved head;
  uint32_t count;
  int32_t r;

  if (len < sizeof head)
    return USHER_E_CURSOR;
  memcpy (&head, blob, sizeof head);
  count = get_u32 (head.count);
  if (memcmp (head.magic, magic, sizeof magic) != 0 || head.by_cursor > 1 || count == 0
      || count > SCIM_PAGE_MAX)
    return USHER_E_CURSOR;
  w->by_cursor = head.by_cursor;
  w->unread = get_u32 (head.unread);
  w->count = count;
  w->fitted = true;
  r = make_pager (w);
  if (r < 0)
    return r;
  return usher_pager_restore (w->pager, (const char *) blob + sizeof head, len - sizeof head);
}

uint32_t
scim_walk_verdict (const struct scim_walk *w, int64_t *ret_total, const char **ret_why)
{
  uint32_t verdict = usher_pager_verdict (w->pager, ret_total, ret_why);

  if (verdict == USHER_COMPLETE && w->unread > 0)
    {
      *ret_why = "the app lists entries that cannot be read or have no id";
      *ret_total = -1;  /* the app counts them too */
      return USHER_PARTIAL;
    }
  return verdict;
}
