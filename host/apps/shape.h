/* The table of usher-app(5): every key of an app file, what may stand there, and the
   walk that holds a file to it.  The manual page and the JSON Schema are held to the
   same table by tests. */
#ifndef USHER_APPS_SHAPE_H
#define USHER_APPS_SHAPE_H

#include "host/common/base.h"

enum shape_kind
{
  SHAPE_TEXT,       /* matching `pattern`, or one of `words`, or any of 1 to `max` characters */
  SHAPE_TEXTS,      /* a text, or a list of texts */
  SHAPE_NUMBER,     /* whole, `min` to `max` */
  SHAPE_BOOL,
  SHAPE_WHY,        /* true, or a sentence */
  SHAPE_LIST,       /* `of`: what each element is; `min` to `max` of them */
  SHAPE_OBJECT,     /* `of`: its keys */
  SHAPE_MAP,        /* any key that matches `pattern`; `of`: what each value is */
  SHAPE_PROOF,      /* a query parameter of an auth rule: text, or {"hmac-sha256": [F, F]} */
  SHAPE_ANY,        /* an object that is the connector's */
};

struct shape
{
  const char *key;            /* NULL ends a table */
  enum shape_kind kind;
  bool required;
  const struct shape *of;
  const char *pattern;        /* ERE for the whole text */
  const char *right;          /* what PATTERN means: "a letter, then ..." */
  const char *const *words;   /* ends with NULL */
  int64_t min, max;           /* of a number, of a list's length, of a text's (max only) */
};

/* The keys of an app file; a table that ends with a NULL key. */
extern const struct shape *const shape_app;

#endif
