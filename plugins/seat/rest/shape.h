/* The language of "run" (usher-descriptor(5)) as a table: every key, what may stand there and beside
   what; and the walk that holds a file to it.  The manual page and the JSON Schema are held to the
   same table by tests.  */
#ifndef SEAT_REST_SHAPE_H
#define SEAT_REST_SHAPE_H

#include "plugins/seat/rest/place.h"

enum shape_kind
{
  SHAPE_TEXT,      /* matching `pattern`, or one of `words`, or any of 1 to `max` bytes */
  SHAPE_TEXTS,     /* such a text, or a list of them */
  SHAPE_TEMPLATE,  /* a text with {names}, at most `max` bytes */
  SHAPE_URL,       /* a template that begins with / (only a request) or https:// */
  SHAPE_FIELD,     /* of a query, form or header: a template, {"json": any} or {"optional": template} */
  SHAPE_JSON,      /* any JSON, every text in it a template */
  SHAPE_ERE,       /* a POSIX extended regular expression */
  SHAPE_NUMBER,    /* whole, `min` to `max` */
  SHAPE_BOOL,
  SHAPE_ITEMS,     /* the path of the items of an answer */
  SHAPE_VALUE,     /* where a value stands in an item, or in the answer */
  SHAPE_LIST,      /* `of`: what each element is; `min` to `max` of them */
  SHAPE_OBJECT,    /* `of`: its keys; with `pattern` also names, each with what it is to be */
  SHAPE_MAP,       /* any key that matches `pattern`; `of`: what each value is */
  SHAPE_EITHER,    /* one object with the keys `of`, or a list of them, `max` at most */
  SHAPE_STEPS,     /* the same, where each knows what those before it keep */
  SHAPE_JQ,        /* an expression of jq */
};

/* What else may stand there. */
#define SHAPE_OR_NUMBER 1u  /* a whole number, `min` to `max` */
#define SHAPE_OR_FALSE  2u
#define SHAPE_EMPTY     4u  /* a text may be empty */
#define SHAPE_LINES     8u  /* a text may have several lines */
#define SHAPE_HEADER   16u  /* a value may be a header of the answer */
#define SHAPE_BASE     32u  /* an address that others are appended to */
#define SHAPE_NEW      64u  /* keys of a map are new names, which must not be known ones */
#define SHAPE_FIRST   128u  /* what login keeps is not known yet */

/* What a text, or each key of a map, must be one of, as the rest of the app file has it. */
enum shape_ref { REF_NONE, REF_AUTH, REF_GROUP, REF_TYPE };

struct shape
{
  const char *key;                 /* NULL ends a table */
  enum shape_kind kind;
  bool required;                   /* with `one`: one of those must be there */
  unsigned int flags;
  char one;                        /* keys of an object with the same letter exclude each other */
  const char *beside;              /* stands only beside this key */
  const struct shape *of;
  const char *pattern, *right;     /* ERE for the whole text; what it means, in words */
  const char *const *words;        /* ends with NULL */
  int64_t min, max;
  enum shape_ref ref;
  const char *const *names;        /* known to the templates in it; as struct names */
  const char *names_of;            /* so are the keys of this member of it */
  const char *names_if;            /* `names` only where it has this member */
};

/* The keys of "run"; a table that ends with a NULL key. */
extern const struct shape shape_run[];
/* Names that Usher fills in; struct names. */
extern const char *const shape_filled[];

/* Holds RUN, the "run" of an app file, to the language.  Asks the app for nothing.

   Every problem, PLACE_PROBLEMS_MAX at most, is told to usher_fail with USHER_E_CONFIG, a sentence and
   its path as field; the last one first, because a session keeps what was told last.  Where
   usher_conf has "app.file" (usher app check), what ties RUN to the rest of the file is looked at
   too, and what is right but slow is told to usher_log.

   After USHER_DONE its reader may rely on the form that the table describes.  USHER_E_CONFIG;
   USHER_E_NOMEM. */
int32_t descriptor_check (struct usher_ctx *ctx, json_t *run);

/* shape.c, for the files beside it: one walk of CHECK's phase. */
void shape_walk (const struct place *run);
/* grammar.c: what is wrong with a text, as a sentence (static); NULL = nothing. */
const char *grammar_path (const char *path, bool xml);
const char *grammar_items (const char *path, bool xml);
const char *grammar_ere (const char *pattern);
const char *grammar_template (const char *text);
/* The next {name} at or behind *AT, which moves behind it: true and its name in NAME; false at the
   end.  The text has passed grammar_template. */
#define GRAMMAR_NAME_MAX 64u   /* bytes of a name, the NUL included */
bool grammar_next_name (const char **at, char name[GRAMMAR_NAME_MAX]);
/* Whether TEXT, whole, is what PATTERN describes. */
bool grammar_matches (const char *pattern, const char *text);

/* known.c: the {names} of the template at P are known there. */
void known_check (const struct place *p, const struct shape *shape);
/* The text or key NAME at P is what `ref` of SHAPE says. */
void known_refer (const struct place *p, const struct shape *shape, const char *name);
/* NAME, which stands at P, is known there. */
void known_name (const struct place *p, const char *name);
/* The list NAME, which stands at P, is known there. */
void known_list (const struct place *p, const char *name);
/* NAME, which P introduces, is not one that Usher fills in. */
void known_new (const struct place *p, const char *name);
/* cross.c: what ties one part of run.rest to another, and to the app file. */
void cross_check_rest (const struct place *run);
/* slow.c: what is right but slow. */
void slow_jq (const struct place *p, const char *expression);
void slow_notes (const struct place *run);

#endif
