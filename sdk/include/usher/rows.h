/* usher/rows.h: rows out of JSON of any length, while it arrives.  Part of libusher-sdk, since 1.0.

   A program says once where the items of an answer stand and which values of each item
   are wanted.  usher_rows_each then pulls the body of a request, finds the items while it
   scans, and calls back for each of them.  No page is held in memory, only the item that
   is not whole yet.

     static const char *const fields[] = { "id", "userName", "emails[].value" };
     static const char *const page[] = { "totalResults" };
     const struct usher_rows_spec spec = { sizeof spec, USHER_ROWS_NOCASE,
                                           "Resources[]", fields, 3, page, 1 };
     r = usher_rows_new (&spec, &rows);
     ...
     r = usher_rows_each (rows, ctx, h, on_user, self);

   A path is a row of names with a dot between them, each of which steps into an object.
   "[]" behind a name steps into every element of an array, "[N]" into one, counted from 0:

     id                      the member "id" of the item
     name.givenName          a member of a member
     emails[].value          the member "value" of each element of "emails"
     groups[]                each element of "groups"
     emails[0].value         the member "value" of the first element of "emails"
     'urn:x:2.0:User'.role   a name in single quotes is taken as it stands, with its dots,
                             colons and brackets; '' inside the quotes is one quote
     (empty)                 the item itself

   The path of the items ends with "[]": "Resources[]", "data.members[]", or "[]" for an
   answer that is a bare array; it has no "[N]".  The empty one makes the whole answer the one
   item, and then there are no page values.  Paths of items start at the item, paths of the page
   at the outermost object.  A page value may stand before or behind the items.

   What is not JSON by RFC 8259 is refused, to the last byte of the body: UTF-8, numbers,
   escapes.  What its grammar lets pass and no text can hold is read as U+FFFD, so that one
   strange member does not stop a listing: NUL (\u0000), and half a surrogate pair (\ud83d).
   JSON text that is handed over as it stands keeps them escaped.  A name that
   a path asks for may stand only once in its object.  Numbers are handed over as they are
   written; their range is not judged.

   Not for several threads at once: one program, one usher_rows_each at a time.  */
#ifndef USHER_ROWS_H
#define USHER_ROWS_H 1

#include <usher/connector.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Maxima.  What is over them answers USHER_E_LIMIT. */
#define USHER_ROWS_ITEM_MAX   1048576u /* bytes of one item, of one page value, and of one text or
                                          number anywhere */
#define USHER_ROWS_DEPTH_MAX  64u      /* arrays and objects inside each other, the outermost included */
#define USHER_ROWS_FIELDS_MAX 63u      /* paths of items, and as many of the page */
#define USHER_ROWS_PATH_MAX   512u     /* bytes of one path */
#define USHER_ROWS_INDEX_MAX  65535u   /* N of a "[N]", of which one path has at most 4 */
#define USHER_ROWS_VALUES_MAX 65536u   /* values that one item gives */

/* Flags of a program. */
#define USHER_ROWS_STRICT 1u  /* an answer without its items is USHER_E_SHAPE, not an empty one */
#define USHER_ROWS_NOCASE 2u  /* names are compared without regard to ASCII case (SCIM) */

struct usher_rows_spec
{
  uint32_t size;               /* sizeof (struct usher_rows_spec) */
  uint32_t flags;              /* USHER_ROWS_... */
  const char *items;           /* path of the items, ends with "[]"; "" = the answer */
  const char *const *fields;   /* paths in an item; values name them by their place here */
  size_t n_fields;
  const char *const *page;     /* paths in the page, none of them through the items */
  size_t n_page;
};

/* What a value is. */
#define USHER_V_NULL   0u
#define USHER_V_FALSE  1u
#define USHER_V_TRUE   2u
#define USHER_V_NUMBER 3u
#define USHER_V_STRING 4u
#define USHER_V_ARRAY  5u
#define USHER_V_OBJECT 6u

/* One value that a path met. */
struct usher_value
{
  uint32_t field;    /* which path: its place in fields (or page) */
  uint32_t type;     /* USHER_V_... */
  uint32_t index;    /* of a path with "[]": which element of its first array, from 0 */
  uint32_t next;     /* private: where the next value of this field is */
  const char *text;  /* string: decoded UTF-8; else the JSON text of it ("null", "12.0", "[1, 2]").
                        Ends with NUL in any case */
  size_t len;        /* bytes of text, without that NUL */
};

/* The values of one item, in the order in which they end there. */
struct usher_item;
struct usher_rows;

/* Called for each item.  ITEM, its values and their texts are borrowed until it returns.
   0 to go on; a negative status stops, and usher_rows_each returns it. */
typedef int32_t usher_rows_fn (void *arg, const struct usher_item *item);

/* Compiles SPEC, which is not needed afterwards.  USHER_DONE and *RET_ROWS, which the caller
   frees with usher_rows_free; USHER_E_MISUSE when a path cannot be read or a page path holds the
   items or goes through them; USHER_E_LIMIT; USHER_E_NOMEM. */
int32_t usher_rows_new (const struct usher_rows_spec *spec, struct usher_rows **ret_rows);
/* Frees a program; NULL is fine. */
void usher_rows_free (struct usher_rows *rows);

/* Reads the body of the open request H to its end and calls FN for each item.  The caller has
   looked at the status by http_head, and closes H afterwards.  USHER_DONE when the body was one
   whole JSON text.  USHER_E_SHAPE when it was cut, not JSON, or the items are not an array: FN
   has been called for the items before that place, and usher_fail has been told a sentence.
   USHER_E_LIMIT; USHER_E_NOMEM; USHER_E_MISUSE when called from FN with the same ROWS; what
   http_read or FN answered. */
int32_t usher_rows_each (struct usher_rows *rows, struct usher_ctx *ctx, uint32_t h,
                         usher_rows_fn *fn, void *arg);
/* The same over LEN bytes of memory; tells nobody, usher_rows_error has the sentence. */
int32_t usher_rows_each_in (struct usher_rows *rows, const void *text, size_t len,
                            usher_rows_fn *fn, void *arg);

/* After usher_rows_each, until the next one or usher_rows_free: */
/* 1 when the array of the items was there, though empty; 0 when its name was missing or null. */
int usher_rows_present (const struct usher_rows *rows);
/* How many items there were. */
uint64_t usher_rows_count (const struct usher_rows *rows);
/* The value that page path N met, NULL when none.  Borrowed from ROWS.  Also usable from FN, for
   values that stood before the item. */
const struct usher_value *usher_rows_page (const struct usher_rows *rows, uint32_t n);
/* What was wrong, in a sentence without a full stop; "" after USHER_DONE. */
const char *usher_rows_error (const struct usher_rows *rows);

/* All values of ITEM. */
const struct usher_value *usher_item_values (const struct usher_item *item, size_t *ret_n);
/* The first value of field N, or NULL; then the next one of the same field, or NULL. */
const struct usher_value *usher_item_get (const struct usher_item *item, uint32_t n);
const struct usher_value *usher_item_next (const struct usher_item *item,
                                           const struct usher_value *value);
/* The value of field N in element INDEX, or NULL: joins emails[].value to emails[].primary. */
const struct usher_value *usher_item_at (const struct usher_item *item, uint32_t n,
                                         uint32_t index);
/* The text of the first value of field N when it is a string, number or boolean, else NULL. */
const char *usher_item_text (const struct usher_item *item, uint32_t n);

/* 1 when VALUE is there and true: the boolean, or the text "true" in any case (some servers write
   it so). */
int usher_value_true (const struct usher_value *value);
/* VALUE as a whole number in MIN..MAX: a number without fraction or exponent, or a text of such.
   USHER_DONE, or USHER_E_SHAPE when it is not there, not whole, or out of the range. */
int32_t usher_value_int (const struct usher_value *value, int64_t min, int64_t max,
                         int64_t *ret_number);

/* Reads the whole body of the open request H into memory, for json_loadb or xmlReadMemory.
   *RET_BODY ends with NUL (not counted in *RET_LEN); the caller frees it with usher_body_free.
   USHER_E_LIMIT when it has more than MAX bytes; USHER_E_NOMEM; what http_read answered. */
int32_t usher_body_read (struct usher_ctx *ctx, uint32_t h, size_t max, char **ret_body,
                         size_t *ret_len);
/* Frees what usher_body_read gave; NULL is fine. */
void usher_body_free (char *body);

#ifdef __cplusplus
}
#endif
#endif
