/* Inside of rows.h: the trie of paths, the tokens, and the machine that walks both.
   rows-path.c builds the trie, rows-token.h reads tokens, rows.c is the machine. */
#ifndef USHER_LIB_ROWS_PRIVATE_H
#define USHER_LIB_ROWS_PRIVATE_H

#include <usher/rows.h>

#include <stdbool.h>
#include <string.h>

#define ROWS_CHUNK 65536u                          /* bytes read at a time */
#define ROWS_PAD 64u                               /* NULs behind the bytes, for loads of 16 */
#define ROWS_SCRATCH_MAX (2u * USHER_ROWS_ITEM_MAX) /* decoded and raw texts of one item */
#define ROWS_NONE UINT32_MAX
#define ROWS_PICKS_MAX 4u

/* What the path of the items wants to see at a place. */
enum rows_want { ROWS_ANYTHING, ROWS_OBJECT, ROWS_ARRAY };

/* One place that a path goes through. */
struct rows_node
{
  struct rows_node *child;  /* owned: first of the names below, chained by next */
  struct rows_node *next;
  struct rows_node *each;   /* owned: the elements, "[]" */
  char *name;               /* owned */
  size_t len;
  uint64_t prefix, mask;    /* its first 8 bytes as they lie in memory, and which of them count */
  uint64_t lens;            /* bit min (len, 63) of each name below */
  uint64_t bit;             /* this name's bit in the frame's seen */
  uint32_t n_children;
  uint32_t field;           /* first path that ends here, ROWS_NONE = none */
  uint8_t want;             /* enum rows_want */
  bool items;               /* of an each: its elements are the items */
};

/* The "[N]" of a path: its step number STEP takes element INDEX and no other. */
struct rows_picks
{
  uint32_t n;
  struct { uint32_t step, index; } at[ROWS_PICKS_MAX];
};

/* One array or object that is open. */
struct rows_frame
{
  const struct rows_node *node;  /* borrowed; NULL = nobody asks */
  uint64_t seen;                 /* names that came already */
  size_t start;                  /* of its bracket, in buf */
  uint32_t index;                /* element being read */
  bool array;
};

enum rows_expect
{
  ROWS_VALUE,           /* the outermost value */
  ROWS_MEMBER_OR_END,
  ROWS_MEMBER,
  ROWS_ELEMENT_OR_END,
  ROWS_ELEMENT,
  ROWS_NEXT,            /* a comma or the end of the array or object */
  ROWS_END,             /* nothing but space */
};

typedef int32_t rows_read_fn (void *arg, void *buf, size_t cap, size_t *ret_len);

struct usher_item
{
  struct usher_value *values;  /* owned */
  uint32_t *at;                /* owned; where the text is: in the item, or in scratch */
  uint32_t n, cap;
  uint32_t first[USHER_ROWS_FIELDS_MAX], last[USHER_ROWS_FIELDS_MAX];
};

struct usher_rows
{
  /* The program. */
  struct rows_node *page_root, *item_root;         /* owned */
  uint32_t same[2][USHER_ROWS_FIELDS_MAX];         /* next path that ends at the same place */
  struct rows_picks picks[2][USHER_ROWS_FIELDS_MAX];
  uint32_t n_fields, n_page;
  bool strict, nocase;
  bool whole;                                      /* the answer is the one item */
  uint32_t chunk;

  /* The bytes: a part of the body, ROWS_PAD NULs behind it. */
  unsigned char *buf;          /* owned */
  size_t cap, len;
  size_t at;                   /* next byte to scan */
  uint64_t gone;               /* bytes of the body before buf */
  bool eof;
  rows_read_fn *read;
  void *read_arg;

  /* The machine. */
  enum rows_expect expect;
  uint32_t depth;              /* frames in use */
  uint32_t items_depth;        /* depth of the array of items, 0 = not in it */
  uint32_t outer_depth;        /* depth of the outermost array that a path of the item steps into */
  uint32_t keep_depth;         /* depth of a page value that is wanted as text, 0 = none */
  size_t item_start, keep_start;
  bool in_item, busy, present;
  uint64_t count;
  struct rows_frame frame[USHER_ROWS_DEPTH_MAX + 1];  /* [0] stands for the outside */

  /* What was found. */
  usher_rows_fn *fn;
  void *fn_arg;
  struct usher_item item;
  char *scratch;               /* owned */
  size_t scratch_len, scratch_cap;
  struct usher_value page[USHER_ROWS_FIELDS_MAX];  /* text owned */
  bool page_set[USHER_ROWS_FIELDS_MAX];
  char error[192];
};

/* rows-path.c */
int32_t rows_compile (struct usher_rows *rows, const struct usher_rows_spec *spec);
struct rows_node *rows_node_free (struct rows_node *node);
/* The name below PARENT without regard to ASCII case, or NULL. */
const struct rows_node *rows_node_find_nocase (const struct rows_node *parent, const char *name,
                                               size_t len);
/* The name below PARENT, or NULL.  8 bytes can be read at NAME. */
static inline const struct rows_node *
rows_node_find (const struct usher_rows *rows, const struct rows_node *parent, const char *name,
                size_t len)
{
  const struct rows_node *node;
  uint64_t prefix;

  if (!(parent->lens >> (len < 63 ? len : 63) & 1))
    return NULL;
  memcpy (&prefix, name, sizeof prefix);
  for (node = parent->child; node; node = node->next)
    if (node->len == len && (prefix & node->mask) == node->prefix
        && (len <= 8 || memcmp (node->name + 8, name + 8, len - 8) == 0))
      return node;
  return rows->nocase ? rows_node_find_nocase (parent, name, len) : NULL;
}

/* rows.c; READ answers like http_read. */
int32_t rows_run (struct usher_rows *rows, rows_read_fn *read, void *read_arg, usher_rows_fn *fn,
                  void *arg);

#endif
