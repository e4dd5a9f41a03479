/* Inside the store: the bytes of a link record and of a hub's counters.  Little-endian,
   a version first; decoding treats the bytes as damaged until they prove otherwise. */
#ifndef USHER_STORE_RECORD_H
#define USHER_STORE_RECORD_H

#include "host/common/buf.h"
#include "host/store/store.h"

/* Longest reason or note, native key, and a whole link record with a row behind it. */
#define RECORD_TEXT_MAX 4096u
#define RECORD_KEY_MAX (ROW_ID_MAX + 2)
#define RECORD_LINK_MAX 16384u
#define RECORD_MAX (RECORD_LINK_MAX + ROW_MAX + ID_BYTES)

/* A link as it is kept.  STAMP is the hub's write count when it was written. */
struct record_link
{
  struct member_link link;
  const char *key;        /* native key; NULL = none */
  size_t key_len;
  uint64_t stamp;
};

/* Appends; -E2BIG over a maximum. */
int record_put_link (struct buf *out, const struct record_link *r);
/* Appends a native key to the link without one that OUT holds from AT on. */
int record_put_key (struct buf *out, size_t at, const char *key, size_t len);
/* Texts and key are borrowed from P.  The id comes from the record's key, so link.id
   is left zero.  -EBADMSG for anything that record_put_link does not write. */
int record_get_link (const void *p, size_t len, struct record_link *ret);

struct record_counts
{
  struct hub_counts counts;
  uint64_t writes;        /* grows with every change to the hub's members */
};

#define RECORD_COUNTS_SIZE (1 + 8 * (MEMBER_TABS + 3))
void record_put_counts (const struct record_counts *r, uint8_t ret[RECORD_COUNTS_SIZE]);
int record_get_counts (const void *p, size_t len, struct record_counts *ret);

#endif
