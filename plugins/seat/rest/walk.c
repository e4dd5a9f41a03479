/* Page after page of a source: which page to ask for, what the page says of the next one, and the
   asking ahead where the next addresses are known (by number; by offset behind a full page).

   A cursor that is a URL is kept as what stands behind scheme and host, so that it can only lead to
   where the base is, and without the parameters that hold secrets.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <stdio.h>
#include <string.h>

#define UNREAD_BYTES 4 /* of a saved walk, before the pager's own */

static const json_t *
page_of (const struct rest_walk *w)
{
  return json_object_get (w->source->spec, "page");
}

static bool
has_style (const struct rest_walk *w, const char *style)
{
  const char *word = json_string_value (json_object_get (page_of (w), "style"));

  return word && strcmp (word, style) == 0;
}

static uint64_t
number_of (const json_t *j, uint64_t fallback)
{
  return json_is_integer (j) && json_integer_value (j) >= 0 ? (uint64_t) json_integer_value (j) : fallback;
}

int32_t
rest_walk_begin (struct rest_walk *w)
{
  const json_t *page = page_of (w), *first = json_object_get (page, "first");
  struct usher_pager_spec spec = { .size = sizeof spec };
  uint32_t style = w->source->style;

  w->size = number_of (json_object_get (page, "size"), 0);
  w->total = -1;
  spec.style = style ? style : USHER_PAGER_NUMBER;
  spec.first = style == USHER_PAGER_CURSOR ? 0 : number_of (first, style == USHER_PAGER_OFFSET ? 0 : 1);
  spec.count = w->size;
  spec.max_pages = (uint32_t) number_of (json_object_get (page, "max"), 0);
  if (json_is_true (json_object_get (page, "short_ends")))
    spec.flags = USHER_PAGER_SHORT_ENDS;
  return usher_pager_new (&spec, &w->pager);
}

static void
discard_ahead (struct rest_walk *w)
{
  for (size_t i = 0; i < w->n_ahead; i++)
    usher_http_close (w->op->ctx, w->ahead[i].h);
  w->n_ahead = 0;
}

void
rest_walk_done (struct rest_walk *w)
{
  discard_ahead (w);
  usher_pager_free (w->pager);
  w->pager = NULL;
}

/* ---- Asking ---- */

/* The names that the request of a page may use. */
static int32_t
name_page (struct rest_walk *w, uint64_t position)
{
  struct rest_names *names = &w->op->names;
  const char *cursor = w->source->style == USHER_PAGER_CURSOR ? usher_pager_cursor (w->pager) : "";
  const json_t *first = json_object_get (page_of (w), "first");
  char number[24], size[24] = "";
  int32_t r;

  (void) snprintf (number, sizeof number, "%llu", (unsigned long long) position);
  if (w->size)
    (void) snprintf (size, sizeof size, "%llu", (unsigned long long) w->size);
  r = rest_names_set (names, "page", number);
  if (r >= 0)
    r = rest_names_set (names, "offset", number);
  if (r >= 0)
    r = rest_names_set (names, "size", size);
  if (r >= 0)
    r = rest_names_set (names, "cursor", *cursor || !json_is_string (first) ? cursor : json_string_value (first));
  return r;
}

static int32_t
open_page (struct rest_walk *w, uint64_t position, uint32_t *ret_h)
{
  const json_t *page = page_of (w);
  const char *cursor = w->source->style == USHER_PAGER_CURSOR ? usher_pager_cursor (w->pager) : "";
  bool by_url = has_style (w, "link") || has_style (w, "next");
  struct rest_extra extra = { .send = json_object_get (page, "send"),
                              .in = json_string_value (json_object_get (page, "in")),
                              .first = usher_pager_pages (w->pager) == 0,
                              .url = by_url && *cursor ? cursor : NULL,
                              .drop = json_object_get (page, "drop") };
  int32_t r = name_page (w, position);

  return r < 0 ? r : rest_open (w->op, w->source->spec, w->aim, &extra, /* key */ NULL, ret_h);
}

/* The page at POSITION: asked ahead, or now. */
static int32_t
take_page (struct rest_walk *w, uint64_t position, uint32_t *ret_h)
{
  if (w->n_ahead > 0 && w->ahead[0].position == position)
    {
      *ret_h = w->ahead[0].h;
      w->n_ahead--;
      memmove (w->ahead, w->ahead + 1, w->n_ahead * sizeof *w->ahead);
      return USHER_DONE;
    }
  discard_ahead (w);
  return open_page (w, position, ret_h);
}

/* Asks for the pages behind POSITION while it is read: those whose addresses are known, and never
   beyond the announced total, where some apps answer the first page again. */
static int32_t
ask_ahead (struct rest_walk *w, uint64_t position)
{
  bool by_number = w->source->style == USHER_PAGER_NUMBER;
  uint64_t next = w->n_ahead > 0 ? w->ahead[w->n_ahead - 1].position : position, left;

  if ((!by_number && w->source->style != USHER_PAGER_OFFSET) || w->total < 0 || !w->full || w->one || !w->size)
    return USHER_DONE;
  /* Pages that hold what is announced behind what came, without the one being read. */
  left = (uint64_t) w->total > usher_pager_items (w->pager) ? (uint64_t) w->total - usher_pager_items (w->pager) : 0;
  left = (left + w->size - 1) / w->size;
  while (w->n_ahead < REST_OPEN_MAX - 1 && w->n_ahead + 1 < left)
    {
      int32_t r;

      next += by_number ? 1 : w->size;
      r = open_page (w, next, &w->ahead[w->n_ahead].h);
      if (r != USHER_DONE)
        return r;
      w->ahead[w->n_ahead++].position = next;
    }
  return USHER_DONE;
}

/* ---- The next page, as this one says ---- */

static const struct rest_texts *
page_text (void *arg, size_t i)
{
  const struct rest_walk *w = arg;

  return w->source->reader && w->source->items ? rest_reader_page (w->source->reader, i) : NULL;
}

/* The parameter at P of LEN bytes holds no secret: its name is not among those to DROP. */
static bool
is_kept (const char *p, size_t len, const json_t *drop)
{
  size_t name = strcspn (p, "="), i;
  json_t *one;

  json_array_foreach (drop, i, one)
    if (json_string_length (one) == (name < len ? name : len)
        && strncmp (p, json_string_value (one), json_string_length (one)) == 0)
      return false;
  return true;
}

static char *
without_dropped (const char *url, const json_t *drop)
{
  struct text out = { 0 };
  const char *p = strchr (url, '?'), *separator = "?";

  text_put (&out, url, p ? (size_t) (p - url) : strlen (url));
  while (p && *p)
    {
      size_t len = strcspn (++p, "&");

      if (len > 0 && is_kept (p, len, drop))
        {
          text_puts (&out, separator);
          text_put (&out, p, len);
          separator = "&";
        }
      p += len;
    }
  return text_steal (&out);
}

/* URL of an answer as a cursor, which the caller frees: what stands behind the host of the base.  It
   may be whole, or begin with "/" or "?". */
static int32_t
reduce (struct rest_walk *w, const struct rest_answer *a, const char *url, char **ret)
{
  const struct rest *rest = w->op->rest;
  struct text whole = { 0 };
  size_t origin = rest->origin_len;

  if (strncmp (url, rest->base, origin) == 0 && (url[origin] == '/' || url[origin] == '?'))
    url += origin;
  else if (url[0] == '?')
    {
      const char *asked = a->head.url ? strstr (a->head.url, "://") : NULL;

      asked = asked ? strchr (asked + 3, '/') : NULL;
      text_put (&whole, asked ? asked : "/", asked ? strcspn (asked, "?#") : 1);
    }
  else if (url[0] != '/' || url[1] == '/')
    return seat_fail (w->op->ctx, USHER_E_SHAPE, NULL, "The app names another host for its next page");
  text_put (&whole, url, strcspn (url, "#"));
  url = text_steal (&whole);
  if (!url)
    return seat_fail (w->op->ctx, USHER_E_LIMIT, NULL, "The address of the app's next page is too long");
  *ret = without_dropped (url, json_object_get (page_of (w), "drop"));
  free ((char *) (uintptr_t) url);
  return *ret ? USHER_DONE : USHER_E_NOMEM;
}

/* The value of parameter NAME of a link (RFC 8288) at P, up to END: its length, -1 when it has none. */
static int
link_param (const char *p, const char *end, const char *name, const char **ret)
{
  size_t len = strlen (name);

  while (p < end)
    {
      const char *value;
      size_t n;

      p += strspn (p, "; \t");
      n = strcspn (p, "=;,");
      value = p + n + (p[n] == '=');
      if (n == len && strncmp (p, name, len) == 0 && p[n] == '=')
        {
          bool quoted = *value == '"';

          *ret = value + quoted;
          return (int) strcspn (*ret, quoted ? "\"" : ";, ");
        }
      p = value;
      p += *p == '"' ? strcspn (p + 1, "\"") + 2 : strcspn (p, ";,");
      if (p >= end || *p == ',' || !*p)
        break;
    }
  return -1;
}

/* The link of TEXT with rel="next" and what "while" of the page asks for: its URL, which the caller
   frees, NULL when there is none or no memory. */
static char *
next_link (const struct rest_walk *w, const char *text)
{
  const json_t *conditions = json_object_get (page_of (w), "while");

  for (const char *p = text; (p = strchr (p, '<')); )
    {
      const char *close = strchr (p, '>'), *end, *value, *name;
      bool fits;
      int len;
      json_t *want;

      if (!close)
        break;
      end = close + 1 + strcspn (close + 1, "<");
      len = link_param (close + 1, end, "rel", &value);
      fits = len == 4 && strncmp (value, "next", 4) == 0;
      json_object_foreach ((json_t *) (uintptr_t) conditions, name, want)
        {
          len = link_param (close + 1, end, name, &value);
          fits = fits && len >= 0 && (size_t) len == json_string_length (want)
                 && strncmp (value, json_string_value (want), (size_t) len) == 0;
        }
      if (fits)
        return strndup (p + 1, (size_t) (close - p - 1));
      p = end;
    }
  return NULL;
}

/* All headers of a name count as one list, but a link never spans two. */
static char *
link_of (const struct rest_walk *w, const struct rest_answer *a)
{
  for (size_t i = 0; i < a->head.n_headers; i++)
    if (text_same (a->head.headers[i].key, "link"))
      {
        char *url = next_link (w, a->head.headers[i].value);

        if (url)
          return url;
      }
  return NULL;
}

/* The cursor of the next page, which the caller frees; NULL: this was the last one. */
static int32_t
next_cursor (struct rest_walk *w, const struct rest_answer *a, const struct rest_picked *picked, char **ret)
{
  const struct rest_source *s = w->source;
  _cleanup_ (freep) char *url = NULL;
  const char *text;

  *ret = NULL;
  if (has_style (w, "link"))
    url = link_of (w, a);
  else if (has_style (w, "next"))
    {
      text = rest_picked_text (picked, s->next, 0);
      url = text && *text ? strdup (text) : NULL;
    }
  else
    {
      text = rest_picked_text (picked, s->cursor, 0);
      *ret = text && *text ? strdup (text) : NULL;
      return text && *text && !*ret ? USHER_E_NOMEM : USHER_DONE;
    }
  return url ? reduce (w, a, url, ret) : USHER_DONE;
}

static int64_t
count_of (const struct rest_picked *picked, int number)
{
  const char *text = rest_picked_text (picked, number, 0);
  int64_t value = 0;

  if (!text || !*text || strlen (text) > 18 || text[strspn (text, "0123456789")])
    return -1;
  for (; *text; text++)
    value = value * 10 + (*text - '0');
  return value;
}

/* What the page said of itself; CURSOR is borrowed by RET. */
static void
describe (const struct rest_walk *w, const struct rest_picked *picked, const char *cursor,
          struct usher_pager_page *ret)
{
  const struct rest_source *s = w->source;
  const char *more = rest_picked_text (picked, s->more, 0);
  int64_t pages = count_of (picked, s->pages);

  *ret = (struct usher_pager_page) { .size = sizeof *ret, .total = count_of (picked, s->total), .cursor = cursor };
  ret->items = s->reader ? rest_reader_count (s->reader) : 0;
  ret->last = s->style == 0 || (more && text_same (more, "false"))
              || (pages >= 0 && (int64_t) usher_pager_pages (w->pager) + 1 >= pages);
}

/* ---- Reading ---- */

void
rest_walk_id (struct rest_walk *w, const char *id)
{
  if (id && *id)
    usher_pager_id (w->pager, id, strlen (id));
  else
    w->unread++;
}

static int32_t
turn (struct rest_walk *w, const struct rest_answer *a, const struct rest_picked *picked)
{
  _cleanup_ (freep) char *cursor = NULL;
  struct usher_pager_page page;
  int32_t r = next_cursor (w, a, picked, &cursor);

  if (r < 0)
    return r;
  describe (w, picked, cursor, &page);
  w->total = page.total;
  r = usher_pager_turn (w->pager, &page);
  if (r < 0)
    return seat_fail (w->op->ctx, r, NULL, "Asked to %s: %s", w->op->what, usher_pager_error (w->pager));
  w->full = page.items == w->size;
  if (!w->full && w->source->style == USHER_PAGER_OFFSET)
    discard_ahead (w);
  return w->page ? w->page (w->arg, w) : USHER_DONE;
}

static int32_t
read_page (struct rest_walk *w, uint32_t h)
{
  const struct rest_source *s = w->source;
  struct rest_answer a;
  struct rest_picked picked = { .pick = &s->page, .answer = &a, .text = page_text, .arg = w };
  int32_t r = rest_head (w->op, h, &a);

  if (r >= 0 && a.head.status / 100 != 2)
    {
      r = rest_judge_body (w->op, s, w->aim, &a);
      if (r >= 0 && r != USHER_ABSENT)
        r = seat_fail (w->op->ctx, USHER_E_SHAPE, NULL, "Asked to %s, the app answered status %d", w->op->what,
                       (int) a.head.status);
    }
  else if (r >= 0)
    {
      r = s->reader ? rest_reader_each (s->reader, w->op->ctx, h, w->item, w->arg) : USHER_DONE;
      if (r >= 0)
        r = rest_judge (w->op, s->spec, w->aim, &picked);
      if (r >= 0 && s->reader && !rest_reader_present (s->reader)
          && !json_is_true (json_object_get (s->spec, "absent_is_empty")))
        r = seat_fail (w->op->ctx, USHER_E_SHAPE, NULL, "Asked to %s, the app answered without %s", w->op->what,
                       json_string_value (json_object_get (s->spec, "at")));
      if (r >= 0)
        r = turn (w, &a, &picked);
    }
  rest_answer_done (&a);
  return r;
}

int32_t
rest_walk_run (struct rest_walk *w)
{
  while (usher_pager_more (w->pager))
    {
      uint64_t position = w->source->style == USHER_PAGER_CURSOR ? 0 : usher_pager_position (w->pager);
      uint32_t h;
      int32_t r = take_page (w, position, &h);

      if (r != USHER_DONE)
        return r;
      r = ask_ahead (w, position);
      if (r < 0)
        usher_http_close (w->op->ctx, h);
      else
        r = read_page (w, h);
      if (r != USHER_DONE)
        return r;
      if (w->one)
        break;
    }
  return USHER_DONE;
}

/* ---- Where it stands ---- */

int32_t
rest_walk_save (const struct rest_walk *w, void *blob, size_t cap)
{
  uint8_t *p = blob;
  int32_t r;

  if (cap < UNREAD_BYTES)
    return USHER_E_LIMIT;
  for (int i = 0; i < UNREAD_BYTES; i++)
    p[i] = (uint8_t) (w->unread >> (8 * i));
  r = usher_pager_save (w->pager, p + UNREAD_BYTES, cap - UNREAD_BYTES);
  return r < 0 ? r : r + UNREAD_BYTES;
}

int32_t
rest_walk_restore (struct rest_walk *w, const void *blob, size_t len)
{
  const uint8_t *p = blob;

  if (len < UNREAD_BYTES)
    return USHER_E_CURSOR;
  w->unread = 0;
  for (int i = 0; i < UNREAD_BYTES; i++)
    w->unread |= (uint32_t) p[i] << (8 * i);
  return usher_pager_restore (w->pager, p + UNREAD_BYTES, len - UNREAD_BYTES);
}

uint32_t
rest_walk_verdict (const struct rest_walk *w, int64_t *ret_total, const char **ret_why)
{
  uint32_t verdict = usher_pager_verdict (w->pager, ret_total, ret_why);

  if (verdict != USHER_COMPLETE || w->unread == 0)
    return verdict;
  *ret_why = "some entries of the app have no id";
  return USHER_PARTIAL;
}
