/* Owns the way from a VALUE to its texts.  A text that stands as it is wanted is handed on where
   it lies; only what "then" changes is copied.  */
#include <config.h>

#include "plugins/seat/rest/value-private.h"

#include <string.h>

#define BLOCK_BYTES 4096u

/* ---- memory ---- */

struct value_block
{
  struct value_block *next;
  size_t used, cap;
  char bytes[];
};

static struct value_block *
block_new (struct value_memory *memory, size_t need)
{
  size_t cap = need > BLOCK_BYTES ? need : BLOCK_BYTES;
  struct value_block *b = malloc (sizeof *b + cap);

  if (!b)
    return NULL;
  *b = (struct value_block) { .next = memory->blocks, .cap = cap };
  memory->blocks = b;
  return b;
}

char *
value_room (struct value_memory *memory, size_t len)
{
  struct value_block *b = memory->blocks;
  char *room;

  if (!b || b->cap - b->used <= len)
    b = block_new (memory, len + 1);
  if (!b)
    return NULL;
  room = b->bytes + b->used;
  b->used += len + 1;
  return room;
}

char *
value_copy (struct value_memory *memory, const char *text, size_t len)
{
  char *copy = value_room (memory, len);

  if (!copy)
    return NULL;
  memcpy (copy, text, len);
  copy[len] = '\0';
  return copy;
}

static void
free_from (struct value_block *b)
{
  while (b)
    {
      struct value_block *next = b->next;

      free (b);
      b = next;
    }
}

void
value_memory_reset (struct value_memory *memory)
{
  struct value_block *b = memory->blocks;

  if (!b)
    return;
  free_from (b->next);
  b->next = NULL;
  b->used = 0;
}

void
value_memory_done (struct value_memory *memory)
{
  free_from (memory->blocks);
  memory->blocks = NULL;
}

/* ---- texts ---- */

static int32_t __attribute__ ((cold))
grow (struct value_list *list)
{
  size_t cap = list->cap ? list->cap * 2 : 64;
  const char **v;

  if (list->n == REST_TEXTS_MAX)
    return USHER_E_LIMIT;
  v = reallocarray (list->v, cap, sizeof *v);
  if (!v)
    return USHER_E_NOMEM;
  list->v = v;
  list->cap = cap;
  return USHER_DONE;
}

int32_t
value_list_add (struct value_list *list, const char *text)
{
  int32_t r = list->n == list->cap ? grow (list) : USHER_DONE;

  if (r >= 0)
    list->v[list->n++] = text;
  return r;
}

static int32_t
add_path (const struct value *v, const struct value_input *in, struct value_list *list)
{
  const struct usher_value *found = in->item ? usher_item_get (in->item, v->at) : in->page[v->at];
  int32_t r = USHER_DONE;

  while (found && r >= 0)
    {
      if (found->type > USHER_V_STRING && !in->nested)
        return USHER_E_SHAPE;
      if (found->type != USHER_V_NULL)
        r = value_list_add (list, found->text);
      found = in->item ? usher_item_next (in->item, found) : NULL;
    }
  return r;
}

static int32_t
add_texts (const struct rest_texts *texts, struct value_list *list)
{
  int32_t r = USHER_DONE;

  for (size_t i = 0; i < texts->n && r >= 0; i++)
    r = value_list_add (list, texts->v[i]);
  return r;
}

static int32_t
add_headers (const struct value *v, const struct value_input *in, struct value_list *list)
{
  int32_t r = USHER_DONE;

  for (size_t i = 0; in->head && i < in->head->n_headers && r >= 0; i++)
    if (strcmp (in->head->headers[i].key, v->text) == 0)
      r = value_list_add (list, in->head->headers[i].value);
  return r;
}

/* The first part with a text that says something. */
static int32_t
add_first (const struct value *v, const struct value_input *in, struct value_memory *memory,
           struct value_list *list)
{
  size_t from = list->n;

  for (size_t i = 0; i < v->n_parts; i++)
    {
      int32_t r = value_texts (&v->parts[i], in, memory, list);

      if (r < 0)
        return r;
      for (size_t k = from; k < list->n; k++)
        if (list->v[k][0] != '\0')
          return USHER_DONE;
      list->n = from;
    }
  return USHER_DONE;
}

/* ---- what becomes of them ---- */

static bool
is_space (char c)
{
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
lower (char *s)
{
  for (; *s; s++)
    if (*s >= 'A' && *s <= 'Z')
      *s = (char) (*s - 'A' + 'a');
}

static char *
trim (char *s)
{
  size_t len;

  while (is_space (*s))
    s++;
  len = strlen (s);
  while (len > 0 && is_space (s[len - 1]))
    len--;
  s[len] = '\0';
  return s;
}

/* What stands behind the last "/" of an address, or where it has none, the last ":" of a URN. */
static char *
last_segment (char *s)
{
  size_t len = strcspn (s, "?#");
  char *cut;

  while (len > 0 && s[len - 1] == '/')
    len--;
  s[len] = '\0';
  cut = strrchr (s, '/');
  if (!cut)
    cut = strrchr (s, ':');
  return cut ? cut + 1 : s;
}

static int32_t
change (const struct value *v, struct value_memory *memory, const char **text)
{
  char *s = value_copy (memory, *text, strlen (*text));

  if (!s)
    return USHER_E_NOMEM;
  for (size_t i = 0; i < v->n_then; i++)
    switch (v->then[i])
      {
      case THEN_LOWER:
        lower (s);
        break;
      case THEN_TRIM:
        s = trim (s);
        break;
      case THEN_LAST_SEGMENT:
        s = last_segment (s);
        break;
      }
  *text = s;
  return USHER_DONE;
}

/* The text in place of TEXT, or NULL. */
static const char *
word (const struct value *v, const char *text)
{
  for (size_t i = 0; i < v->n_words; i++)
    if (strcmp (v->words[i].from, text) == 0)
      return v->words[i].to;
  return v->other ? v->other->to : text;
}

static void
map (const struct value *v, struct value_list *list, size_t from)
{
  size_t n = from;

  for (size_t i = from; i < list->n; i++)
    {
      const char *text = word (v, list->v[i]);

      if (text)
        list->v[n++] = text;
    }
  list->n = n;
}

int32_t
value_texts (const struct value *v, const struct value_input *in, struct value_memory *memory,
             struct value_list *list)
{
  size_t from = list->n;
  int32_t r = USHER_DONE;

  switch (v->source)
    {
    case VALUE_PATH:
      r = add_path (v, in, list);
      break;
    case VALUE_JQ:
      r = add_texts (&in->jq[v->at], list);
      break;
    case VALUE_CONST:
      r = value_list_add (list, v->text);
      break;
    case VALUE_FIRST:
      r = add_first (v, in, memory, list);
      break;
    case VALUE_HEADER:
      r = add_headers (v, in, list);
      break;
    }
  for (size_t i = from; v->n_then > 0 && i < list->n && r >= 0; i++)
    r = change (v, memory, &list->v[i]);
  if (r >= 0 && v->n_words > 0)
    map (v, list, from);
  return r;
}
