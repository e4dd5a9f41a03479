/* A place in an app file: the value jansson made, where it stands in the text, and the
   way to it.  Spots live on the stack of the walk; each points to the one above. */
#ifndef USHER_APPS_SPOT_H
#define USHER_APPS_SPOT_H

#include <jansson.h>

#include "host/apps/apps.h"
#include "host/apps/json-offsets.h"

/* One file being checked. */
struct check
{
  const char *file;        /* what problems call it; borrowed */
  const char *text;        /* borrowed */
  size_t len;
  struct json_map map;     /* owned */
  json_t *root;            /* owned reference */
  app_problem_fn *fn;
  void *data;
  size_t problems;         /* found so far */
};

struct spot
{
  struct check *check;
  json_t *value;           /* borrowed from check->root */
  size_t node;             /* in check->map */
  const struct spot *up;   /* NULL at the root */
  const char *key;         /* in an object */
  size_t index;            /* in a list */
  void *iter;
};

/* The whole document. */
struct spot spot_root (struct check *check);
/* The first child of an object or list, then the next; its value is NULL when there is
   none. */
void spot_first (const struct spot *up, struct spot *ret);
void spot_next (struct spot *s);
/* The member KEY of an object, the element INDEX of a list; false when absent. */
bool spot_member (const struct spot *up, const char *key, struct spot *ret);
bool spot_element (const struct spot *up, size_t index, struct spot *ret);
#define SPOT_EACH(child, up) \
  for (spot_first ((up), (child)); (child)->value; spot_next (child))

/* The text of a member, NULL when it is absent or no text. */
const char *spot_text (const struct spot *up, const char *key);
bool spot_true (const struct spot *up, const char *key);

/* Says that the value here, or its key, is wrong. */
void spot_problem (const struct spot *s, const char *fmt, ...) _printf_ (2, 3);
void spot_key_problem (const struct spot *s, const char *fmt, ...) _printf_ (2, 3);
/* Says that the text as a whole is wrong at an offset. */
void check_problem (struct check *c, size_t at, const char *text);

/* The two halves of the check: form by table, then what ties parts together; the
   second may rely on the first having found nothing. */
void shape_check (const struct spot *root);
void cross_check (const struct spot *root);

/* Whether PATTERN (ERE, for the whole text) takes TEXT; -EINVAL when it is no ERE. */
int pattern_matches (const char *pattern, const char *text);

#endif
