/* usher/pager.h: page after page, and the proof that the end was the end.  Part of libusher-sdk,
   since 1.0.

   A pager knows which page to ask for next, sees that no page and no cursor comes twice, counts
   what came against what was announced, and can be kept in a checkpoint.  It does no request of
   its own:

     while (usher_pager_more (pager))
       {
         ask for usher_pager_position (pager) or usher_pager_cursor (pager);
         for each item: usher_pager_id (pager, id, strlen (id));
         r = usher_pager_turn (pager, &page);             the page is through
         if (r < 0) return r;
         len = usher_pager_save (pager, blob, sizeof blob);
         r = usher_checkpoint (ctx, blob, len);
       }
     verdict = usher_pager_verdict (pager, &total, &why);
     usher_section_end (ctx, verdict, total, why);

   Loop guard.  Each page has a fingerprint of its set of ids, whatever their order.  A page that
   came before, however many pages ago, a cursor that came before, a page that begins with the id
   that the page before or the first page began with, or more pages than the maximum: USHER_E_LOOP.
   After usher_pager_restore the guard knows the last 16 pages, and before them those whose number
   is a power of two: it still sees a loop of any period, at the latest after as many pages more as
   came before the loop.  */
#ifndef USHER_PAGER_H
#define USHER_PAGER_H 1

#include <usher/connector.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the app counts. */
#define USHER_PAGER_INDEX  100u  /* by item, from FIRST (SCIM: 1), advanced by what came */
#define USHER_PAGER_OFFSET 200u  /* by item, from FIRST (mostly 0), advanced by what came */
#define USHER_PAGER_NUMBER 300u  /* by page, from FIRST, advanced by one */
#define USHER_PAGER_CURSOR 400u  /* the answer holds the next cursor; none = the end */

/* Maxima. */
#define USHER_PAGER_PAGES_MAX  131072u /* pages of one listing */
#define USHER_PAGER_CURSOR_MAX 3072u   /* bytes of a cursor */
#define USHER_PAGER_STATE_MAX  4096u   /* bytes that usher_pager_save writes; leaves 12 of a checkpoint's
                                          16 KiB to the connector */

/* Flags. */
#define USHER_PAGER_SHORT_ENDS 1u  /* a page of fewer than COUNT items is the last one.  Only for apps
                                      that keep to COUNT; those that lower it silently end early */

struct usher_pager_spec
{
  uint32_t size;       /* sizeof (struct usher_pager_spec) */
  uint32_t style;      /* USHER_PAGER_INDEX ... */
  uint32_t flags;
  uint32_t max_pages;  /* 0 = USHER_PAGER_PAGES_MAX */
  uint64_t first;      /* position of the first page; not for CURSOR */
  uint64_t count;      /* items asked for in a page; 0 = the app decides */
};

/* What a page said of itself. */
struct usher_pager_page
{
  uint32_t size;       /* sizeof (struct usher_pager_page) */
  uint32_t last;       /* 1: the app says that this is the last page (has_more: false) */
  uint64_t items;      /* how many items it had */
  int64_t total;       /* how many items the app says there are in all; -1 = not told */
  const char *cursor;  /* CURSOR: the next one; NULL or "" = there is none.  Copied */
};

struct usher_pager;

/* USHER_DONE and *RET_PAGER, which the caller frees with usher_pager_free; USHER_E_MISUSE when SPEC
   makes no sense; USHER_E_NOMEM. */
int32_t usher_pager_new (const struct usher_pager_spec *spec, struct usher_pager **ret_pager);
/* Frees a pager; NULL is fine. */
void usher_pager_free (struct usher_pager *pager);

/* 1 while there is a page to ask for. */
int usher_pager_more (const struct usher_pager *pager);
/* Of the page to ask for: startIndex, offset or page number. */
uint64_t usher_pager_position (const struct usher_pager *pager);
/* Of the page to ask for: its cursor, "" for the first.  Borrowed until the next usher_pager_turn. */
const char *usher_pager_cursor (const struct usher_pager *pager);

/* Tells the id of one item of the page being read; LEN bytes.  Order does not matter, but for the
   first one.  An app whose items have no id may tell any text that differs. */
void usher_pager_id (struct usher_pager *pager, const char *id, size_t len);
/* The page being read is whole: judges it and advances.  USHER_DONE; USHER_E_LOOP; USHER_E_LIMIT
   for a cursor that is too long; USHER_E_NOMEM.  After a negative answer there are no more pages
   and the verdict is USHER_PARTIAL. */
int32_t usher_pager_turn (struct usher_pager *pager, const struct usher_pager_page *page);

/* Items of all pages so far, and pages. */
uint64_t usher_pager_items (const struct usher_pager *pager);
uint32_t usher_pager_pages (const struct usher_pager *pager);

/* USHER_COMPLETE when the end was reached by the app's own rule and at least as many items came as
   were announced; else USHER_PARTIAL.  *RET_TOTAL is the last announced total, -1 when there was
   none; *RET_WHY a sentence, NULL when complete, borrowed until the next call.  Both go to
   section_end as they are; more items than announced is for the host to judge. */
uint32_t usher_pager_verdict (const struct usher_pager *pager, int64_t *ret_total,
                              const char **ret_why);
/* Why usher_pager_turn was negative, in a sentence; "" when it was not. */
const char *usher_pager_error (const struct usher_pager *pager);

/* Writes what is needed to go on with the next page, in this or another process and on any
   machine, into CAP bytes at BLOB.  Only between pages.  Bytes written, at most
   USHER_PAGER_STATE_MAX; USHER_E_LIMIT when CAP is too small; USHER_E_MISUSE in the middle of a
   page. */
int32_t usher_pager_save (const struct usher_pager *pager, void *blob, size_t cap);
/* Puts back what usher_pager_save wrote into a pager made by the same spec and not yet used.
   USHER_E_CURSOR when the bytes are not such or belong to another style: begin the listing again,
   with a new pager; USHER_E_NOMEM. */
int32_t usher_pager_restore (struct usher_pager *pager, const void *blob, size_t len);

#ifdef __cplusplus
}
#endif
#endif
