/* Owns the trie of paths: reads them, merges them, looks names up. */
#include <config.h>

#include "rows-private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct step
{
  char name[USHER_ROWS_PATH_MAX];
  size_t len;
  bool each;   /* "[]" or "[N]": no name */
  bool pick;   /* "[N]" */
  uint32_t index;
};

struct rows_node *
rows_node_free (struct rows_node *node)
{
  while (node)
    {
      struct rows_node *next = node->next;

      rows_node_free (node->child);
      rows_node_free (node->each);
      free (node->name);
      free (node);
      node = next;
    }
  return NULL;
}

const struct rows_node *
rows_node_find_nocase (const struct rows_node *parent, const char *name, size_t len)
{
  const struct rows_node *node;

  for (node = parent->child; node; node = node->next)
    if (node->len == len && strncasecmp (node->name, name, len) == 0)
      return node;
  return NULL;
}

/* A name at *P, quoted or plain.  Moves *P behind it. */
static int32_t
read_name (const char **p, struct step *ret)
{
  const char *s = *p;
  bool quoted = *s == '\'';

  *ret = (struct step) { .each = false };
  if (quoted)
    s++;
  for (;; s++)
    {
      if (quoted && s[0] == '\'' && s[1] == '\'')
        s++;
      else if (quoted && *s == '\'')
        break;
      else if (!quoted && (*s == '\0' || *s == '.' || *s == '['))
        break;
      else if (*s == '\0' || (!quoted && (*s == ']' || *s == '\'')))
        return USHER_E_MISUSE;
      if (ret->len == sizeof ret->name)
        return USHER_E_LIMIT;
      ret->name[ret->len++] = *s;
    }
  if (quoted)
    s++;
  else if (ret->len == 0)
    return USHER_E_MISUSE;
  *p = s;
  return USHER_DONE;
}

/* The brackets at *P.  Moves *P behind them. */
static int32_t
read_brackets (const char **p, struct step *ret)
{
  const char *s = *p + 1;

  *ret = (struct step) { .each = true, .pick = *s != ']' };
  for (; *s >= '0' && *s <= '9'; s++)
    {
      ret->index = ret->index * 10 + (uint32_t) (*s - '0');
      if (ret->index > USHER_ROWS_INDEX_MAX)
        return USHER_E_LIMIT;
    }
  if (*s != ']' || (ret->pick && s == *p + 1))
    return USHER_E_MISUSE;
  *p = s + 1;
  return USHER_DONE;
}

/* The step at *P of PATH; 1 and *RET, 0 at the end. */
static int32_t
next_step (const char *path, const char **p, struct step *ret)
{
  int32_t r;

  if (**p == '\0')
    return 0;
  if (**p == '[')
    r = read_brackets (p, ret);
  else if (*p != path && *(*p)++ != '.')
    r = USHER_E_MISUSE;
  else
    r = read_name (p, ret);
  return r < 0 ? r : 1;
}

static struct rows_node *
node_new (void)
{
  struct rows_node *node = calloc (1, sizeof *node);

  if (node)
    node->field = ROWS_NONE;
  return node;
}

static struct rows_node *
add_child (struct rows_node *parent, const struct step *step)
{
  struct rows_node *node = node_new (), **end = &parent->child;

  if (!node)
    return NULL;
  node->name = calloc (1, step->len + sizeof node->prefix);
  if (!node->name)
    return rows_node_free (node);
  memcpy (node->name, step->name, step->len);
  node->len = step->len;
  memcpy (&node->prefix, node->name, sizeof node->prefix);
  memset (&node->mask, 0xff, step->len < 8 ? step->len : 8);
  node->bit = UINT64_C (1) << parent->n_children++;
  parent->lens |= UINT64_C (1) << (step->len < 63 ? step->len : 63);
  while (*end)
    end = &(*end)->next;
  *end = node;
  return node;
}

/* The node that STEP leads to, made when it is not there. */
static struct rows_node *
walk (const struct usher_rows *rows, struct rows_node *node, const struct step *step)
{
  struct rows_node *child;

  if (step->each)
    {
      if (!node->each)
        node->each = node_new ();
      return node->each;
    }
  for (child = node->child; child; child = child->next)
    if (child->len == step->len
        && (rows->nocase ? strncasecmp (child->name, step->name, step->len)
                         : memcmp (child->name, step->name, step->len)) == 0)
      return child;
  return add_child (node, step);
}

/* Step number N of a path is STEP: notes the element that it takes. */
static int32_t
add_pick (struct rows_picks *picks, uint32_t n, const struct step *step)
{
  if (!step->pick)
    return USHER_DONE;
  if (picks->n == ROWS_PICKS_MAX)
    return USHER_E_LIMIT;
  picks->at[picks->n].step = n;
  picks->at[picks->n++].index = step->index;
  return USHER_DONE;
}

/* Adds PATH as number FIELD of items (SET 0) or of the page (1). */
static int32_t
add_path (struct usher_rows *rows, uint32_t set, const char *path, uint32_t field)
{
  struct rows_node *node = set ? rows->page_root : rows->item_root;
  const char *p = path;
  struct step step;
  uint32_t n = 0;
  int32_t r;

  if (!path)
    return USHER_E_MISUSE;
  if (strlen (path) > USHER_ROWS_PATH_MAX)
    return USHER_E_LIMIT;
  while ((r = next_step (path, &p, &step)) > 0)
    {
      node = walk (rows, node, &step);
      if (!node)
        return USHER_E_NOMEM;
      if (node->items)
        return USHER_E_MISUSE;
      r = add_pick (&rows->picks[set][field], n++, &step);
      if (r < 0)
        return r;
    }
  if (r < 0)
    return r;
  if (node->want != ROWS_ANYTHING)
    return USHER_E_MISUSE;
  rows->same[set][field] = node->field;
  node->field = field;
  return USHER_DONE;
}

static int32_t
add_items (struct usher_rows *rows, const char *path)
{
  struct rows_node *node = rows->page_root, *next;
  const char *p = path;
  struct step step;
  int32_t r;

  if (!path)
    return USHER_E_MISUSE;
  if (strlen (path) > USHER_ROWS_PATH_MAX)
    return USHER_E_LIMIT;
  rows->whole = *path == '\0';
  step.each = rows->whole;
  while ((r = next_step (path, &p, &step)) > 0)
    {
      if (step.pick)
        return USHER_E_MISUSE;
      next = walk (rows, node, &step);
      if (!next)
        return USHER_E_NOMEM;
      node->want = step.each ? ROWS_ARRAY : ROWS_OBJECT;
      node = next;
    }
  if (r < 0)
    return r;
  node->items = step.each;
  return step.each && !(rows->whole && rows->n_page) ? USHER_DONE : USHER_E_MISUSE;
}

int32_t
rows_compile (struct usher_rows *rows, const struct usher_rows_spec *spec)
{
  int32_t r;
  uint32_t i;

  if (spec->n_fields > USHER_ROWS_FIELDS_MAX || spec->n_page > USHER_ROWS_FIELDS_MAX)
    return USHER_E_LIMIT;
  rows->n_fields = (uint32_t) spec->n_fields;
  rows->n_page = (uint32_t) spec->n_page;
  rows->strict = spec->flags & USHER_ROWS_STRICT;
  rows->nocase = spec->flags & USHER_ROWS_NOCASE;
  rows->page_root = node_new ();
  rows->item_root = node_new ();
  if (!rows->page_root || !rows->item_root)
    return USHER_E_NOMEM;
  r = add_items (rows, spec->items);
  for (i = 0; r == USHER_DONE && i < rows->n_page; i++)
    r = add_path (rows, 1, spec->page[i], i);
  for (i = 0; r == USHER_DONE && i < rows->n_fields; i++)
    r = add_path (rows, 0, spec->fields[i], i);
  return r;
}
