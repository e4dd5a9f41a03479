/* Values out of answers: a reader knows where the items of an answer stand and which values of
   each are wanted, as a descriptor says it, and gives them as texts.

   A VALUE is a path, or an object that names one source of texts and what becomes of them:

     "user.email"                        the path of a value; see usher/rows.h, for XML usher/xml.h
     {"at": PATH}                        the same
     {"jq": "expression"}                what the expression gives for the item (JSON only)
     {"const": "text"}                   that text
     {"first": [VALUE, ...]}             the first of them that has a text which is not empty
     {"header": "Name"}                  a header of the answer; of pages only
     "then": WORD or [WORD, ...]         lower, trim, last-segment: done to each text, in order
     "map": {"word": "ours", "*": ...}   last: the text in place of each word; null leaves it out;
                                         a word that is not named is what "*" says, or stays

   Strings, numbers as they are written, true and false are texts.  null is none.  An array or an
   object is refused: it is a mistake of the path; jq alone gives the elements of an array.

   A VALUE that cannot be right is told to usher_fail with the place where it stands, each of
   them, when its reader is made; one of jq when rest_jq_compile is called.  */
#ifndef SEAT_REST_VALUE_H
#define SEAT_REST_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <usher/connector.h>

#define REST_TEXTS_MAX 65536u      /* texts of one item */
#define REST_BODY_MAX  8388608u    /* bytes of an answer of which a page value is asked by jq */

/* The jq expressions of a descriptor: one program, because to make one takes a while. */
struct rest_jq;

int32_t rest_jq_new (struct rest_jq **ret_jq);
/* After the last rest_reader_new and before the first answer; nothing to do where there is no jq.
   USHER_E_CONFIG when an expression cannot be compiled: each was told to usher_fail. */
int32_t rest_jq_compile (struct rest_jq *jq, struct usher_ctx *ctx);
/* After all its readers; NULL is fine. */
void rest_jq_free (struct rest_jq *jq);

struct rest_reader;

struct rest_reader_spec
{
  struct rest_jq *jq;              /* borrowed until rest_reader_free */
  bool xml;
  bool nested;                     /* an array or object is its JSON text, instead of refused */
  const struct usher_kv *namespaces;  /* of XML: prefixes of paths; copied */
  size_t n_namespaces;
  const char *items;               /* path of the items; NULL = the answer itself is the one item */
  const char *items_place;
  const char *through;             /* jq that makes of an item the objects that the VALUEs, which are
                                      paths then, speak of: none, one or several; NULL = itself */
  const char *through_place;
  json_t *const *values;           /* VALUEs of an item */
  const char *const *places;       /* where each stands: "run.rest.list[0].member.id" */
  size_t n_values;
  json_t *const *page;             /* VALUEs of the answer; none where it is the one item */
  const char *const *page_places;
  size_t n_page;
};

/* Compiles SPEC, which is not needed afterwards.  USHER_DONE and *RET_READER, which the caller
   frees; USHER_E_CONFIG when something in it cannot be right; USHER_E_NOMEM. */
int32_t rest_reader_new (struct usher_ctx *ctx, const struct rest_reader_spec *spec,
                         struct rest_reader **ret_reader);
/* NULL is fine. */
void rest_reader_free (struct rest_reader *reader);

/* The texts of a VALUE.  N is 0 when it is absent. */
struct rest_texts
{
  const char *const *v;
  size_t n;
};

/* Called for each item with the texts of all VALUEs, borrowed until it returns.  A negative answer
   stops, and is the answer of rest_reader_each. */
typedef int32_t rest_item_fn (void *arg, const struct rest_texts *values);

/* Reads the body of the open request H to its end.  Answers like usher_rows_each; USHER_E_SHAPE
   also for an item that an expression fails on; usher_fail has been told a sentence, with the place
   where it is about one VALUE. */
int32_t rest_reader_each (struct rest_reader *reader, struct usher_ctx *ctx, uint32_t h,
                          rest_item_fn *fn, void *arg);
/* The same over LEN bytes of memory; HEAD has the headers and may be NULL.  Tells nobody:
   rest_reader_error has the sentence. */
int32_t rest_reader_each_in (struct rest_reader *reader, const struct usher_response *head,
                             const char *text, size_t len, rest_item_fn *fn, void *arg);

/* After either, until the next one: */
/* The texts of page VALUE I; borrowed. */
const struct rest_texts *rest_reader_page (const struct rest_reader *reader, size_t i);
/* How many items there were, and whether their path led to a list, though it may be empty. */
uint64_t rest_reader_count (const struct rest_reader *reader);
bool rest_reader_present (const struct rest_reader *reader);
/* What was wrong, in a sentence without a full stop; "" when nothing was. */
const char *rest_reader_error (const struct rest_reader *reader);

#endif
