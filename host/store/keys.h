/* The one builder of keys.  A key is a sequence of typed parts, each written so that
   memcmp of two keys orders them as their parts do: integers big-endian, ids as they
   are, a text with a NUL behind it.  Only the last part may be free bytes.

   LMDB takes 511 bytes at most.  A text or free part of KEY_PART_MAX bytes or more is
   written as its first bytes and a hash of the whole, KEY_PART_MAX bytes together, so
   it never meets a short one; the whole text stands in the value it leads to. */
#ifndef USHER_STORE_KEYS_H
#define USHER_STORE_KEYS_H

#include "host/common/base.h"
#include "host/common/id.h"

#define KEY_MAX 511u
#define KEY_PART_MAX 448u

struct key
{
  size_t len;
  uint8_t b[KEY_MAX];
};

/* Empties K. */
static inline void
key_start (struct key *k)
{
  k->len = 0;
}

void key_u8 (struct key *k, uint8_t v);
void key_u64 (struct key *k, uint64_t v);
void key_id (struct key *k, const struct id *id);
/* LEN bytes without NUL, then a NUL. */
void key_text (struct key *k, const char *s, size_t len);
/* The last part: any bytes. */
void key_rest (struct key *k, const void *p, size_t len);
/* Fills up with 0xff: a key behind every key that begins like K. */
void key_upper (struct key *k);

/* What key_rest writes for LEN bytes at P; its length. */
size_t key_part (const void *p, size_t len, uint8_t ret[KEY_PART_MAX]);

/* Parts of a stored key, at an offset that its kind fixes.  False when it is too
   short. */
bool key_id_at (const void *key, size_t len, size_t at, struct id *ret);
bool key_u64_at (const void *key, size_t len, size_t at, uint64_t *ret);
/* The id a key ends with. */
bool key_last_id (const void *key, size_t len, struct id *ret);

bool key_has_prefix (const void *key, size_t len, const struct key *prefix);
/* memcmp order, a prefix before what it begins. */
int key_compare (const void *a, size_t a_len, const void *b, size_t b_len);

#endif
