/* Owns the values of an item and of the page.  Values of an item point into the buffer while
   it is scanned, as offsets from the item's start, because the buffer moves; escaped and raw
   texts are copied to a scratch buffer, since the item's bytes get their NULs at the end.  */
#include <config.h>

#include "rows-value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#define IN_SCRATCH UINT32_C (0x80000000)

void
rows_item_begin (struct usher_rows *rows)
{
  rows->item.n = 0;
  rows->scratch_len = 0;
  memset (rows->item.first, 0xff, rows->n_fields * sizeof rows->item.first[0]);
}

static int32_t __attribute__ ((cold))
grow_values (struct usher_item *item)
{
  uint32_t cap = item->cap ? item->cap * 2 : 64;
  void *p;

  if (item->n == USHER_ROWS_VALUES_MAX)
    return USHER_E_LIMIT;
  p = reallocarray (item->values, cap, sizeof *item->values);
  if (!p)
    return USHER_E_NOMEM;
  item->values = p;
  p = reallocarray (item->at, cap, sizeof *item->at);
  if (!p)
    return USHER_E_NOMEM;
  item->at = p;
  item->cap = cap;
  return USHER_DONE;
}

/* Room for LEN bytes and a NUL in scratch; *RET_AT is where. */
static int32_t
reserve (struct usher_rows *rows, size_t len, size_t *ret_at)
{
  size_t need = rows->scratch_len + len + 1, cap = rows->scratch_cap ? rows->scratch_cap : 4096;
  char *p;

  if (len > ROWS_SCRATCH_MAX || need > ROWS_SCRATCH_MAX)
    return USHER_E_LIMIT;
  while (cap < need)
    cap *= 2;
  if (cap != rows->scratch_cap)
    {
      p = realloc (rows->scratch, cap);
      if (!p)
        return USHER_E_NOMEM;
      rows->scratch = p;
      rows->scratch_cap = cap;
    }
  *ret_at = rows->scratch_len;
  return USHER_DONE;
}

int32_t
rows_item_add (struct usher_item *item, uint32_t field, uint32_t type, uint32_t index, uint32_t at,
               size_t len)
{
  int32_t r = item->n == item->cap ? grow_values (item) : USHER_DONE;

  if (r < 0)
    return r;
  if (item->first[field] == ROWS_NONE)
    item->first[field] = item->n;
  else
    item->values[item->last[field]].next = item->n;
  item->last[field] = item->n;
  item->values[item->n] = (struct usher_value) { .field = field, .type = type, .index = index,
                                                 .next = ROWS_NONE, .len = len };
  item->at[item->n++] = at;
  return USHER_DONE;
}

/* Whether the arrays that are open are at the elements that path FIELD takes.  Each step of a
   path is made in an array or object of its own, the first in number BASE + 1. */
static inline bool
picked (const struct usher_rows *rows, uint32_t set, uint32_t field, uint32_t base)
{
  const struct rows_picks *picks = &rows->picks[set][field];
  uint32_t i;

  for (i = 0; i < picks->n; i++)
    if (rows->frame[base + 1 + picks->at[i].step].index != picks->at[i].index)
      return false;
  return true;
}

/* Appends one value per path that ends at the place. */
static int32_t
add_values (struct usher_rows *rows, uint32_t field, uint32_t type, uint32_t at, size_t len)
{
  uint32_t index = rows->outer_depth ? rows->frame[rows->outer_depth].index : 0;
  int32_t r = USHER_DONE;

  for (; field != ROWS_NONE && r == USHER_DONE; field = rows->same[0][field])
    if (picked (rows, 0, field, rows->items_depth))
      r = rows_item_add (&rows->item, field, type, index, at, len);
  return r;
}

/* Keeps a copy of the text for the page; the first of several stays. */
static int32_t
set_page (struct usher_rows *rows, uint32_t field, uint32_t type, const struct token_text *text)
{
  for (; field != ROWS_NONE; field = rows->same[1][field])
    {
      struct usher_value *v = &rows->page[field];
      size_t len = text->len;
      char *copy;

      if (rows->page_set[field] || !picked (rows, 1, field, 0))
        continue;
      if (len > USHER_ROWS_ITEM_MAX)
        return USHER_E_LIMIT;
      copy = malloc (len + 1);
      if (!copy)
        return USHER_E_NOMEM;
      if (text->escaped)
        len = token_decode (text, copy);
      else
        memcpy (copy, text->start, len);
      copy[len] = '\0';
      *v = (struct usher_value) { .field = field, .type = type, .next = ROWS_NONE, .text = copy,
                                  .len = len };
      rows->page_set[field] = true;
    }
  return USHER_DONE;
}

int32_t
rows_capture (struct usher_rows *rows, const struct rows_node *node, uint32_t type,
              const struct token_text *text)
{
  size_t at, len = text->len;
  int32_t r;

  PLANTED_BUG (text->start, text->len);
  if (!rows->in_item)
    return set_page (rows, node->field, type, text);
  at = (size_t) (text->start - rows->buf) - rows->item_start;
  if (text->escaped)
    {
      r = reserve (rows, text->len, &at);
      if (r < 0)
        return r;
      len = token_decode (text, rows->scratch + at);
      rows->scratch[at + len] = '\0';
      rows->scratch_len = at + len + 1;
      at |= IN_SCRATCH;
    }
  return add_values (rows, node->field, type, (uint32_t) at, len);
}

int32_t
rows_capture_raw (struct usher_rows *rows, const struct rows_frame *f, const unsigned char *text,
                  size_t len)
{
  const struct token_text raw = { text, len, false };
  uint32_t type = f->array ? USHER_V_ARRAY : USHER_V_OBJECT;
  size_t at;
  int32_t r;

  if (!rows->in_item)
    return set_page (rows, f->node->field, type, &raw);
  r = reserve (rows, len, &at);
  if (r < 0)
    return r;
  memcpy (rows->scratch + at, text, len);
  rows->scratch[at + len] = '\0';
  rows->scratch_len = at + len + 1;
  return add_values (rows, f->node->field, type, (uint32_t) at | IN_SCRATCH, len);
}

int32_t
rows_deliver (struct usher_rows *rows, unsigned char *start, size_t len)
{
  struct usher_item *item = &rows->item;
  unsigned char behind = start[len];   /* an item that is a bare number ends right before it */
  int32_t r;
  uint32_t i;

  for (i = 0; i < item->n; i++)
    if (item->at[i] & IN_SCRATCH)
      item->values[i].text = rows->scratch + (item->at[i] & ~IN_SCRATCH);
    else
      {
        start[item->at[i] + item->values[i].len] = '\0';
        item->values[i].text = (const char *) start + item->at[i];
      }
  r = rows->fn ? rows->fn (rows->fn_arg, item) : USHER_DONE;
  start[len] = behind;
  return r;
}

void
rows_page_clear (struct usher_rows *rows)
{
  uint32_t i;

  for (i = 0; i < rows->n_page; i++)
    if (rows->page_set[i])
      {
        free ((char *) (uintptr_t) rows->page[i].text);
        rows->page_set[i] = false;
      }
}

const struct usher_value *
usher_item_values (const struct usher_item *item, size_t *ret_n)
{
  *ret_n = item->n;
  return item->values;
}

const struct usher_value *
usher_item_get (const struct usher_item *item, uint32_t n)
{
  if (n >= USHER_ROWS_FIELDS_MAX || item->n == 0 || item->first[n] >= item->n)
    return NULL;
  return &item->values[item->first[n]];
}

const struct usher_value *
usher_item_next (const struct usher_item *item, const struct usher_value *value)
{
  return value->next == ROWS_NONE ? NULL : &item->values[value->next];
}

const struct usher_value *
usher_item_at (const struct usher_item *item, uint32_t n, uint32_t index)
{
  const struct usher_value *v = usher_item_get (item, n);

  while (v && v->index < index)
    v = usher_item_next (item, v);
  return v && v->index == index ? v : NULL;
}

const char *
usher_item_text (const struct usher_item *item, uint32_t n)
{
  const struct usher_value *v = usher_item_get (item, n);

  return v && v->type >= USHER_V_FALSE && v->type <= USHER_V_STRING ? v->text : NULL;
}

int
usher_value_true (const struct usher_value *value)
{
  if (!value)
    return 0;
  return value->type == USHER_V_TRUE
         || (value->type == USHER_V_STRING && strcasecmp (value->text, "true") == 0);
}

int32_t
usher_value_int (const struct usher_value *value, int64_t min, int64_t max, int64_t *ret_number)
{
  const char *s;
  bool negative;
  int64_t v = 0;

  if (!value || (value->type != USHER_V_NUMBER && value->type != USHER_V_STRING))
    return USHER_E_SHAPE;
  negative = value->text[0] == '-';
  s = value->text + negative;
  if (*s == '\0')
    return USHER_E_SHAPE;
  for (; *s; s++)
    if (*s < '0' || *s > '9' || __builtin_mul_overflow (v, 10, &v)
        || __builtin_sub_overflow (v, *s - '0', &v))   /* downwards, so that INT64_MIN fits */
      return USHER_E_SHAPE;
  if (!negative && __builtin_sub_overflow ((int64_t) 0, v, &v))
    return USHER_E_SHAPE;
  if (v < min || v > max)
    return USHER_E_SHAPE;
  *ret_number = v;
  return USHER_DONE;
}
