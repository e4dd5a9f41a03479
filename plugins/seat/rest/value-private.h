/* Inside of value.h.  value-tree.c makes VALUEs out of JSON, value-text.c makes texts of them,
   value-jq.c runs the expressions, value.c reads answers.  */
#ifndef SEAT_REST_VALUE_PRIVATE_H
#define SEAT_REST_VALUE_PRIVATE_H

#include "plugins/seat/rest/value.h"

#include <usher/rows.h>

#include "plugins/seat/text.h"

#define VALUE_PLACE_MAX 512u  /* bytes of a place: "run.rest.list[0].member.id.first[1]" */
#define VALUE_DEPTH_MAX 8u    /* "first" in "first" */
#define VALUE_THEN_MAX 4u
#define ERROR_MAX 768u        /* bytes of a sentence about an answer */

enum value_source { VALUE_PATH, VALUE_JQ, VALUE_CONST, VALUE_FIRST, VALUE_HEADER };
enum value_then { THEN_LOWER, THEN_TRIM, THEN_LAST_SEGMENT };

struct value_word
{
  char *from, *to;          /* owned; TO NULL = absent */
};

struct value
{
  enum value_source source;
  uint32_t at;              /* VALUE_PATH: its field; VALUE_JQ: its expression in the reader */
  char *text;               /* owned; of a constant, or the name of a header in lower case */
  struct value *parts;      /* owned; of VALUE_FIRST */
  size_t n_parts;
  enum value_then then[VALUE_THEN_MAX];
  size_t n_then;
  struct value_word *words; /* owned; of "map" */
  size_t n_words;
  const struct value_word *other;  /* borrowed from WORDS: "*" */
};

/* The paths that VALUEs name, each once. */
struct value_paths
{
  char *v[USHER_ROWS_FIELDS_MAX];       /* owned */
  char *place[USHER_ROWS_FIELDS_MAX];   /* owned; where the first that named it stands */
  uint32_t n;
};

/* Memory of texts that were made, given back all at once. */
struct value_block;
struct value_memory
{
  struct value_block *blocks;   /* owned */
};

/* Texts of several VALUEs, one behind the other. */
struct value_list
{
  const char **v;               /* owned; the texts are borrowed */
  size_t n, cap;
};

/* Where VALUEs get their texts from: an item or the page, what jq gave, the headers. */
struct value_input
{
  const struct usher_item *item;           /* NULL: the page */
  const struct usher_value *const *page;   /* by field; NULL where there is none */
  const struct rest_texts *jq;             /* by expression */
  const struct usher_response *head;       /* may be NULL */
  bool nested;
};

/* value-tree.c.  Problems are told to CTX, each with its place. */
struct value_maker
{
  struct usher_ctx *ctx;
  struct rest_jq *jq;
  uint32_t program;             /* of the reader in JQ */
  struct value_paths *paths;
  bool xml;
  bool outermost;               /* the item is the outermost element of the answer */
  bool page;
  bool through;                 /* paths are of jq */
  bool wrong;                   /* a problem was told */
};
int32_t value_make (struct value_maker *m, json_t *json, const char *place,
                    struct value *ret);
void value_done (struct value *v);
void value_paths_done (struct value_paths *paths);
/* Tells that what stands at PLACE cannot be right. */
void __attribute__ ((format (printf, 3, 4)))
value_wrong (struct value_maker *m, const char *place, const char *fmt, ...);

/* value-text.c */
/* Appends the texts of V.  USHER_E_SHAPE when one is an array or object that is not wanted. */
int32_t value_texts (const struct value *v, const struct value_input *in,
                     struct value_memory *memory, struct value_list *list);
int32_t value_list_add (struct value_list *list, const char *text);
/* Room for LEN bytes and a NUL, or NULL; with a copy of TEXT in it. */
char *value_room (struct value_memory *memory, size_t len);
char *value_copy (struct value_memory *memory, const char *text, size_t len);
/* Forgets the texts, and keeps what they lay in for the next ones. */
void value_memory_reset (struct value_memory *memory);
void value_memory_done (struct value_memory *memory);

/* value-jq.c */
/* One more program; THROUGH may be NULL. */
int32_t jq_program (struct rest_jq *jq, const char *through, const char *place,
                    uint32_t *ret_program);
/* One more expression of PROGRAM; its number in it. */
int32_t jq_add (struct rest_jq *jq, uint32_t program, const char *text, const char *place,
                uint32_t *ret_expression);
/* The same for a member of what THROUGH gives: names with dots between them.  USHER_E_LIMIT when
   there are too many. */
int32_t jq_add_member (struct rest_jq *jq, uint32_t program, const char *path, const char *place,
                       uint32_t *ret_expression);
/* How many PROGRAM has. */
uint32_t jq_count (const struct rest_jq *jq, uint32_t program);
/* Called with the texts of all expressions of a program, for each object that THROUGH gives. */
typedef int32_t jq_fn (void *arg, const struct rest_texts *by_expression);
/* Runs PROGRAM over ITEM, a value of rows.  A failure of an expression is USHER_E_SHAPE or
   USHER_E_LIMIT with its sentence in ERROR, ERROR_MAX bytes, and its place, borrowed. */
int32_t jq_run (struct rest_jq *jq, uint32_t program, const struct usher_value *item, jq_fn *fn,
                void *arg, const char **ret_place, char *error);

#endif
