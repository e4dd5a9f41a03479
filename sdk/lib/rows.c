/* Owns the machine of rows.h: one pass over the bytes, with the open arrays and objects on a
   stack of its own and the trie of paths followed beside it.  It can stop before any token
   and go on when more bytes are there; nothing is scanned twice but the token that was cut.
   Finding and judging happen here, tokens in rows-token.h, values in rows-value.c.  */
#include <config.h>

#include "rows-private.h"
#include "rows-token.h"
#include "rows-value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MORE 1   /* a step needs bytes that are not there yet */

static int32_t __attribute__ ((format (printf, 3, 4), cold))
wrong (struct usher_rows *s, int32_t code, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  (void) vsnprintf (s->error, sizeof s->error, fmt, ap);
  va_end (ap);
  return code;
}

static unsigned long long
offset (const struct usher_rows *s, const unsigned char *p)
{
  return (unsigned long long) s->gone + (unsigned long long) (p - s->buf);
}

/* P is where a token stopped that is not whole: cut by the end of what was read, by the end
   of the body, or not JSON. */
static int32_t __attribute__ ((cold))
stopped (struct usher_rows *s, const unsigned char *p)
{
  static const ptrdiff_t longest = 12;   /* bytes of an escape that a token looks ahead */
  const unsigned char *end = s->buf + s->len;

  if (!s->eof && end - p < longest)
    return MORE;
  if (p >= end && s->expect == ROWS_VALUE)
    return wrong (s, USHER_E_SHAPE, "the answer is empty where JSON was expected");
  if (p >= end)
    return wrong (s, USHER_E_SHAPE, "the answer ends in the middle, after %llu bytes",
                  offset (s, end));
  if (s->expect == ROWS_VALUE && *p == '<')
    return wrong (s, USHER_E_SHAPE, "the answer is a page of HTML or XML, not JSON");
  if (*p > 0x20 && *p < 0x7f)
    return wrong (s, USHER_E_SHAPE, "the answer is not JSON: '%c' at byte %llu", *p, offset (s, p));
  return wrong (s, USHER_E_SHAPE, "the answer is not JSON: byte 0x%02x at byte %llu", *p,
                offset (s, p));
}

/* A value could not be kept, for the reason R. */
static int32_t __attribute__ ((cold))
not_kept (struct usher_rows *s, int32_t r)
{
  return r == USHER_E_LIMIT ? wrong (s, r, "an item has too many or too long values") : r;
}

/* The item that ends before END is whole. */
static int32_t
item_end (struct usher_rows *s, const unsigned char *end)
{
  unsigned char *start = s->buf + s->item_start;
  int32_t r;

  s->in_item = false;
  s->count++;
  if ((size_t) (end - start) > USHER_ROWS_ITEM_MAX)
    return wrong (s, USHER_E_LIMIT, "an item is longer than %u bytes", USHER_ROWS_ITEM_MAX);
  r = rows_deliver (s, start, (size_t) (end - start));
  return r < 0 ? r : 0;
}

/* A value is through, and what stands behind it is at P. */
static inline int32_t
value_end (struct usher_rows *s, const unsigned char *p)
{
  s->at = (size_t) (p - s->buf);
  if (s->depth == s->items_depth && s->in_item)
    {
      int32_t r = item_end (s, p);
      if (r < 0)
        return r;
    }
  s->expect = s->depth ? ROWS_NEXT : ROWS_END;
  return 0;
}

/* NODE's path of items wants something else than what begins at P. */
static int32_t __attribute__ ((cold))
other_shape (struct usher_rows *s, const struct rows_node *node, const unsigned char *p)
{
  const char *wanted = node->want == ROWS_ARRAY ? "an array" : "an object";
  const char *is = *p == '{' ? "an object" : *p == '[' ? "an array" : *p == '"' ? "a text"
                   : *p == 't' || *p == 'f' ? "a boolean" : *p == 'n' ? "null" : "a number";

  if (node->name)
    return wrong (s, USHER_E_SHAPE, "\"%.60s\" is %s where %s was expected", node->name, is, wanted);
  return wrong (s, USHER_E_SHAPE, "the answer is %s where %s was expected", is, wanted);
}

/* An array or object begins at P. */
static int32_t
open_frame (struct usher_rows *s, const unsigned char *p, const struct rows_node *node)
{
  struct rows_frame *f;
  bool array = *p == '[';

  if (s->depth == USHER_ROWS_DEPTH_MAX)
    return wrong (s, USHER_E_LIMIT, "the answer has more than %u levels", USHER_ROWS_DEPTH_MAX);
  f = &s->frame[++s->depth];
  *f = (struct rows_frame) { node, 0, (size_t) (p - s->buf), 0, array };
  if (node && array && node->each)
    {
      if (node->each->items)
        {
          s->items_depth = s->depth;
          s->present = true;
        }
      else if (s->in_item && s->outer_depth == 0)
        s->outer_depth = s->depth;
    }
  if (node && node->field != ROWS_NONE && !s->in_item && s->keep_depth == 0)
    {
      s->keep_depth = s->depth;
      s->keep_start = f->start;
    }
  s->at = (size_t) (p + 1 - s->buf);
  s->expect = array ? ROWS_ELEMENT_OR_END : ROWS_MEMBER_OR_END;
  return 0;
}

/* The bracket at P closes the innermost array or object. */
static int32_t
close_frame (struct usher_rows *s, const unsigned char *p)
{
  const struct rows_frame *f = &s->frame[s->depth--];
  int32_t r;

  if (s->items_depth > s->depth)
    s->items_depth = 0;
  if (s->outer_depth > s->depth)
    s->outer_depth = 0;
  if (f->node && f->node->field != ROWS_NONE)
    {
      r = rows_capture_raw (s, f, s->buf + f->start, (size_t) (p + 1 - s->buf) - f->start);
      if (r < 0)
        return not_kept (s, r);
    }
  if (s->keep_depth > s->depth)
    s->keep_depth = 0;
  return value_end (s, p + 1);
}

/* The value at P, which is not an array or object: its type and text. */
static inline const unsigned char *
scalar (const unsigned char *p, uint32_t *ret_type, struct token_text *text,
        const unsigned char **stop)
{
  const unsigned char *start = p;

  text->escaped = false;
  switch (*p)
    {
    case '"':
      *ret_type = USHER_V_STRING;
      return token_text (p, text, stop);
    case 't':
      *ret_type = USHER_V_TRUE;
      p = token_word (p, "true", 4, stop);
      break;
    case 'f':
      *ret_type = USHER_V_FALSE;
      p = token_word (p, "false", 5, stop);
      break;
    case 'n':
      *ret_type = USHER_V_NULL;
      p = token_word (p, "null", 4, stop);
      break;
    default:
      *ret_type = USHER_V_NUMBER;
      *stop = p;
      if (*p != '-' && (*p < '0' || *p > '9'))
        return TOKEN_STOP;
      p = token_number (p, stop);
      break;
    }
  text->start = start;
  text->len = p ? (size_t) (p - start) : 0;
  return p;
}

/* The value at P.  BIT marks its name as seen in the innermost object once nothing can
   stop this step any more. */
static inline int32_t
value (struct usher_rows *s, const unsigned char *p, const struct rows_node *node, uint64_t bit)
{
  const unsigned char *end, *stop = NULL;
  struct token_text text;
  uint32_t type;
  int32_t r;

  if (*p == '{' || *p == '[')
    {
      if (node && node->want != ROWS_ANYTHING && (*p == '[') != (node->want == ROWS_ARRAY))
        return other_shape (s, node, p);
      s->frame[s->depth].seen |= bit;
      return open_frame (s, p, node);
    }
  end = scalar (p, &type, &text, &stop);
  if (!end)
    return stopped (s, stop);
  if (type == USHER_V_NUMBER && !s->eof && end == s->buf + s->len)
    return MORE;
  if (s->depth == 0 || (node && node->want != ROWS_ANYTHING && type != USHER_V_NULL))
    return other_shape (s, node, p);
  s->frame[s->depth].seen |= bit;
  if (node && node->field != ROWS_NONE)
    {
      r = rows_capture (s, node, type, &text);
      if (r < 0)
        return not_kept (s, r);
    }
  return value_end (s, end);
}

/* A name with escapes; apart, so that its buffer costs the others nothing. */
static const struct rows_node * __attribute__ ((noinline, cold))
find_escaped (struct usher_rows *s, const struct rows_node *node, const struct token_text *text)
{
  char plain[6 * USHER_ROWS_PATH_MAX + sizeof (uint64_t)];

  if (text->len > 6 * USHER_ROWS_PATH_MAX)
    return NULL;
  return rows_node_find (s, node, plain, token_decode (text, plain));
}

/* The node of the name TEXT in the innermost object, NULL when nobody asks for it. */
static inline const struct rows_node *
find_name (struct usher_rows *s, const struct token_text *text)
{
  const struct rows_node *node = s->frame[s->depth].node;

  if (!node || !node->child)
    return NULL;
  if (text->escaped)
    return find_escaped (s, node, text);
  return rows_node_find (s, node, (const char *) text->start, text->len);
}

/* The member at P: name, colon, value. */
static int32_t
member (struct usher_rows *s, const unsigned char *p)
{
  const unsigned char *stop = p;
  const struct rows_node *node;
  struct token_text name;

  if (*p != '"' || !(p = token_text (p, &name, &stop)))
    return stopped (s, stop);
  p = token_space (p);
  if (*p != ':')
    return stopped (s, p);
  p = token_space (p + 1);
  node = find_name (s, &name);
  if (!node)
    return value (s, p, NULL, 0);
  if (s->frame[s->depth].seen & node->bit)
    return wrong (s, USHER_E_SHAPE, "\"%.60s\" stands twice in one object, before byte %llu",
                  node->name, offset (s, p));
  return value (s, p, node, node->bit);
}

/* An item at P. */
static int32_t
item (struct usher_rows *s, const unsigned char *p)
{
  rows_item_begin (s);
  s->item_start = (size_t) (p - s->buf);
  s->in_item = true;
  return value (s, p, s->item_root, 0);
}

/* The element at P of the innermost array. */
static int32_t
element (struct usher_rows *s, const unsigned char *p)
{
  const struct rows_frame *f = &s->frame[s->depth];
  const struct rows_node *node = f->node ? f->node->each : NULL;

  return node && node->items ? item (s, p) : value (s, p, node, 0);
}

/* One step from the next byte that is not space: 0, MORE, or a status. */
static inline int32_t
step (struct usher_rows *s)
{
  const unsigned char *p = token_space (s->buf + s->at);
  struct rows_frame *f = &s->frame[s->depth];

  s->at = (size_t) (p - s->buf);
  if (*p == '\0' && s->expect != ROWS_END)
    return stopped (s, p);
  switch (s->expect)
    {
    case ROWS_VALUE:
      return s->whole ? item (s, p) : value (s, p, s->page_root, 0);
    case ROWS_MEMBER_OR_END:
      if (*p == '}')
        return close_frame (s, p);
      return member (s, p);
    case ROWS_MEMBER:
      return member (s, p);
    case ROWS_ELEMENT_OR_END:
      if (*p == ']')
        return close_frame (s, p);
      return element (s, p);
    case ROWS_ELEMENT:
      return element (s, p);
    case ROWS_NEXT:
      if (*p == ',')
        {
          s->at++;
          f->index++;
          s->expect = f->array ? ROWS_ELEMENT : ROWS_MEMBER;
          return 0;
        }
      if (*p == (f->array ? ']' : '}'))
        return close_frame (s, p);
      return stopped (s, p);
    case ROWS_END:
      break;
    }
  return p == s->buf + s->len ? MORE : stopped (s, p);
}

/* The first byte that must stay in the buffer. */
static size_t
kept_from (const struct usher_rows *s)
{
  if (s->in_item)
    return s->item_start;
  return s->keep_depth ? s->keep_start : s->at;
}

/* Drops what is through, and moves the places that point into the buffer. */
static void
shift (struct usher_rows *s, size_t from)
{
  uint32_t i;

  if (from == 0)
    return;
  memmove (s->buf, s->buf + from, s->len - from);
  s->gone += from;
  s->len -= from;
  s->at -= from;
  s->item_start -= s->in_item ? from : 0;
  s->keep_start -= s->keep_depth ? from : 0;
  for (i = 1; i <= s->depth; i++)
    s->frame[i].start -= from < s->frame[i].start ? from : s->frame[i].start;
}

static int32_t
make_room (struct usher_rows *s)
{
  size_t cap = s->cap ? s->cap : 2 * (size_t) s->chunk + ROWS_PAD;
  unsigned char *p;

  while (cap - s->len < s->chunk + ROWS_PAD)
    cap *= 2;
  if (cap == s->cap)
    return USHER_DONE;
  p = realloc (s->buf, cap);
  if (!p)
    return USHER_E_NOMEM;
  s->buf = p;
  s->cap = cap;
  return USHER_DONE;
}

/* Reads one chunk behind what must stay. */
static int32_t
fill (struct usher_rows *s)
{
  size_t goal, n;
  int32_t r;

  shift (s, kept_from (s));
  if (s->len > USHER_ROWS_ITEM_MAX)
    return wrong (s, USHER_E_LIMIT, "an item or a value is longer than %u bytes",
                  USHER_ROWS_ITEM_MAX);
  r = make_room (s);
  if (r < 0)
    return r;
  for (goal = s->len + s->chunk; s->len < goal && !s->eof; s->len += n)
    {
      n = 0;
      r = s->read (s->read_arg, s->buf + s->len, goal - s->len, &n);
      if (r < 0)
        return r;
      s->eof = n == 0;
    }
  memset (s->buf + s->len, 0, ROWS_PAD);
  return USHER_DONE;
}

static void
reset (struct usher_rows *s)
{
  s->at = s->len = 0;
  s->gone = s->count = 0;
  s->eof = s->in_item = false;
  s->present = s->whole;
  s->expect = ROWS_VALUE;
  s->depth = s->items_depth = s->outer_depth = s->keep_depth = 0;
  s->frame[0] = (struct rows_frame) { NULL, 0, 0, 0, false };
  s->error[0] = '\0';
  rows_page_clear (s);
}

static int32_t
scan (struct usher_rows *s)
{
  int32_t r;

  do
    {
      r = fill (s);
      if (r < 0)
        return r;
      do
        r = step (s);
      while (r == 0);
      if (r < 0)
        return r;
    }
  while (!s->eof);
  if (s->strict && !s->present)
    return wrong (s, USHER_E_SHAPE, "the answer has no list of items");
  return USHER_DONE;
}

int32_t
rows_run (struct usher_rows *s, rows_read_fn *read, void *read_arg, usher_rows_fn *fn, void *arg)
{
  int32_t r;

  if (s->busy)
    return USHER_E_MISUSE;
  reset (s);
  s->read = read;
  s->read_arg = read_arg;
  s->fn = fn;
  s->fn_arg = arg;
  s->busy = true;
  r = scan (s);
  s->busy = false;
  return r;
}

int32_t
usher_rows_new (const struct usher_rows_spec *spec, struct usher_rows **ret_rows)
{
  struct usher_rows *rows;
  int32_t r;

  if (!spec || spec->size < sizeof *spec || !ret_rows)
    return USHER_E_MISUSE;
  rows = calloc (1, sizeof *rows);
  if (!rows)
    return USHER_E_NOMEM;
  rows->chunk = ROWS_CHUNK;
  memset (rows->item.first, 0xff, sizeof rows->item.first);
  r = rows_compile (rows, spec);
  if (r < 0)
    {
      usher_rows_free (rows);
      return r;
    }
  *ret_rows = rows;
  return USHER_DONE;
}

void
usher_rows_free (struct usher_rows *rows)
{
  if (!rows)
    return;
  rows_page_clear (rows);
  rows_node_free (rows->page_root);
  rows_node_free (rows->item_root);
  free (rows->item.values);
  free (rows->item.at);
  free (rows->scratch);
  free (rows->buf);
  free (rows);
}

int
usher_rows_present (const struct usher_rows *rows)
{
  return rows->present;
}

uint64_t
usher_rows_count (const struct usher_rows *rows)
{
  return rows->count;
}

const struct usher_value *
usher_rows_page (const struct usher_rows *rows, uint32_t n)
{
  return n < rows->n_page && rows->page_set[n] ? &rows->page[n] : NULL;
}

const char *
usher_rows_error (const struct usher_rows *rows)
{
  return rows->error;
}
