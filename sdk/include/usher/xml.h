/* usher/xml.h: XML answers, whole or row by row.  Part of libusher-sdk, since 1.0.

   A small document is read whole and asked by XPath.  A long list is read while it arrives: the
   elements at a path are rows, the fields of each are named by paths relative to it.

   Prefixes in paths are those that the caller declares, whatever the document calls them; a name
   without prefix is in no namespace.  Neither way loads anything: no network, no external entity.
   A document type declaration is refused, so there are no entities but the five of XML.  Documents,
   rows, depth and values have maxima: what is over them answers USHER_E_LIMIT.  */
#ifndef USHER_XML_H
#define USHER_XML_H 1

#include <usher/connector.h>
#include <usher/rows.h>

#ifdef __cplusplus
extern "C" {
#endif

#define USHER_XML_DOCUMENT_MAX 8388608u   /* bytes of a document that is read whole */
#define USHER_XML_ROW_MAX      1048576u   /* bytes of the values of one row */
#define USHER_XML_DEPTH_MAX    64u        /* elements inside each other, read row by row */
#define USHER_XML_FIELDS_MAX   63u
#define USHER_XML_PATH_MAX     512u       /* bytes of one path, read row by row */

/* ---- A whole document ---- */

struct usher_xml;

/* Reads LEN bytes.  PREFIXES are prefix and namespace; copied.  USHER_DONE and *RET_XML, which the
   caller frees with usher_xml_free; USHER_E_SHAPE when it is not XML or has a document type;
   USHER_E_LIMIT; USHER_E_NOMEM. */
int32_t usher_xml_new (const void *text, size_t len, const struct usher_kv *prefixes,
                       size_t n_prefixes, struct usher_xml **ret_xml);
/* Frees a document and all texts that it gave; NULL is fine. */
void usher_xml_free (struct usher_xml *xml);

/* The place that a path starts from, besides a row. */
#define USHER_XML_ROOT SIZE_MAX

/* Makes the nodes that XPATH selects the rows, in document order; *RET_N is how many.
   USHER_E_MISUSE when XPATH cannot be read or selects no nodes but a value. */
int32_t usher_xml_select (struct usher_xml *xml, const char *xpath, size_t *ret_n);
/* The text that XPATH gives from ROW (or USHER_XML_ROOT): the content of the first node, or the
   value of an expression.  NULL when it selects nothing or cannot be read.  Borrowed from XML. */
const char *usher_xml_text (struct usher_xml *xml, size_t row, const char *xpath);

/* ---- Row by row ---- */

struct usher_xml_spec
{
  uint32_t size;                    /* sizeof (struct usher_xml_spec) */
  uint32_t zero;
  const char *row;                  /* "/members/member": names from the outermost element on; "*"
                                       is any name */
  const char *const *fields;        /* "id", "name/first", "@id", "phone/@type", "." (its own text) */
  size_t n_fields;
  const struct usher_kv *prefixes;  /* prefix and namespace */
  size_t n_prefixes;
  const char *const *page;          /* "/members/@total": from the outermost element on, none of
                                       them through the rows */
  size_t n_page;
  usher_rows_fn *page_fn;           /* called once, behind the last row: the item has what the page
                                       paths met */
};

/* What reading ended with. */
struct usher_xml_end
{
  uint32_t size;      /* set by the caller: sizeof (struct usher_xml_end) */
  uint32_t present;   /* 1 when the element that holds the rows was there, though empty */
  uint64_t rows;
  const char *why;    /* what was wrong, in a sentence without a full stop, or NULL; never freed */
};

/* Reads the body of the open request H to its end and calls FN for each row.  The item has the
   values as texts, all that a field met in their order; index counts them.  The value of an element
   is all text inside it.  *RET_ROWS counts the rows and may be NULL.  Answers like
   usher_rows_each; usher_fail has been told a sentence. */
int32_t usher_xml_each (const struct usher_xml_spec *spec, struct usher_ctx *ctx, uint32_t h,
                        usher_rows_fn *fn, void *arg, uint64_t *ret_rows);
/* The same over the request H of CTX, or where CTX is NULL, over LEN bytes of memory; tells nobody:
   *RET_END has the sentence. */
int32_t usher_xml_read (const struct usher_xml_spec *spec, struct usher_ctx *ctx, uint32_t h,
                        const void *text, size_t len, usher_rows_fn *fn, void *arg,
                        struct usher_xml_end *ret_end);

#ifdef __cplusplus
}
#endif
#endif
