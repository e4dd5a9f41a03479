/* External merge sort of records by key (memcmp, a prefix before what it begins),
   stable in the order they were added.  A run of up to 16 MiB is sorted in memory; more
   runs go to a temporary file in DIR that has no name.

   All sorters of the process share one budget of two times 16 MiB.  Where it is used up
   a sorter makes do with runs of 256 KiB instead of waiting: one is often filled while
   another is read, so waiting could be for ever.  A sorter belongs to one thread at a
   time. */
#ifndef USHER_STORE_SORTER_H
#define USHER_STORE_SORTER_H

#include "host/common/base.h"

struct sorter;

int sorter_new (const char *dir, struct sorter **ret);
void sorter_free (struct sorter *s);
DEFINE_CLEANUP (struct sorter *, sorter_free)

/* Adds a record; both parts are copied.  KEY up to 4 KiB, VALUE less than 64 KiB (-E2BIG). */
#define SORTER_KEY_MAX 4096u
#define SORTER_VALUE_MAX 65535u
int sorter_add (struct sorter *s, const void *key, size_t key_len, const void *value, size_t value_len);
/* No more is added; records can be taken. */
int sorter_finish (struct sorter *s);
/* The next record in key order: 1 and bytes borrowed until sorter_free, 0 at the end. */
int sorter_next (struct sorter *s, const void **ret_key, size_t *ret_key_len, const void **ret_value,
                 size_t *ret_value_len);
/* Begins again at the first record. */
int sorter_rewind (struct sorter *s);

#endif
