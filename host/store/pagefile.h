/* Inside the store: a file of typed items in pages that end with a CRC-32C.  Written
   front to back; what comes behind the last whole page is as if it had never been.
   The spool and the delta are such files.

   Layout, little-endian: 8 bytes of magic, then items of u8 type, u32 length, bytes.
   Item 0xff ends a page: its bytes are the u32 CRC of everything from the end of the
   page before up to them.  A pagefile belongs to one thread at a time. */
#ifndef USHER_STORE_PAGEFILE_H
#define USHER_STORE_PAGEFILE_H

#include "host/common/buf.h"

#define PAGEFILE_MAGIC_SIZE 8u
#define PAGEFILE_ITEM_MAX (4u * 1024 * 1024)   /* the seal of a delta holds the roles of its hub */

struct pagefile
{
  int fd;             /* owned; -1 = not open */
  struct buf out;     /* items not yet written */
  uint32_t crc;       /* of the open page so far */
  uint64_t size;      /* with what is in OUT */
  uint64_t whole;     /* where the last whole page ends */
  int error;          /* sticky: a negative errno */
};

/* Opens PATH, cut behind its last whole page; makes it when it is not there, not of
   this MAGIC (PAGEFILE_MAGIC_SIZE bytes), or FRESH is set. */
int pagefile_open (struct pagefile *f, const char *path, const char *magic, bool fresh);
void pagefile_done (struct pagefile *f);
/* Makes it empty again. */
int pagefile_clear (struct pagefile *f, const char *magic);
/* Drops what comes behind END, the end of a whole page. */
int pagefile_cut (struct pagefile *f, uint64_t end);
/* Appends an item of two parts (LEN may be 0).  Sticky. */
int pagefile_put (struct pagefile *f, uint8_t type, const void *a, size_t a_len, const void *b,
                  size_t b_len);
/* Ends the page and hands it to the system; with SYNC to the disk. */
int pagefile_end_page (struct pagefile *f, bool sync);

/* The whole pages of a file, mapped. */
struct pages
{
  const uint8_t *p;
  size_t len;
};

int pages_map (int fd, uint64_t len, struct pages *ret);
void pages_unmap (struct pages *p);
/* How far whole pages go; -EBADMSG for another magic. */
int pages_check (const struct pages *p, const char *magic, uint64_t *ret_whole);

struct page_item
{
  uint8_t type;
  const void *data;   /* borrowed from the map */
  size_t len;
};

/* The item at *AT (PAGEFILE_MAGIC_SIZE at the start), which moves on; ends of pages are
   passed over.  1 and *ret, which else stays as it is; 0 at the end, -EBADMSG. */
int pages_next (const struct pages *p, uint64_t *at, struct page_item *ret);
/* Where the page ends that AT lies in. */
uint64_t pages_end_of (const struct pages *p, uint64_t at);

#endif
