/* Owns the bytes of keys.  Pure functions; no part of a key is put together elsewhere. */
#include <config.h>

#include "host/store/keys.h"

#include <sodium.h>

#include "host/common/text.h"

#define HASH_BYTES 32u
#define HASH_TEXT (2 * HASH_BYTES)
#define HEAD_BYTES (KEY_PART_MAX - HASH_TEXT)

static void
put (struct key *k, const void *p, size_t len)
{
  assert (len <= KEY_MAX - k->len);
  if (len)
    memcpy (k->b + k->len, p, len);
  k->len += len;
}

void
key_u8 (struct key *k, uint8_t v)
{
  put (k, &v, 1);
}

void
key_u64 (struct key *k, uint64_t v)
{
  uint8_t b[8];
  size_t i;

  for (i = 0; i < sizeof b; i++)
    b[i] = (uint8_t) (v >> (8 * (7 - i)));
  put (k, b, sizeof b);
}

void
key_id (struct key *k, const struct id *id)
{
  put (k, id->b, ID_BYTES);
}

size_t
key_part (const void *p, size_t len, uint8_t ret[KEY_PART_MAX])
{
  uint8_t hash[HASH_BYTES];
  char text[HASH_TEXT + 1];

  if (len < KEY_PART_MAX)
    {
      if (len)
        memcpy (ret, p, len);
      return len;
    }
  /* Written in hex, so that a hashed text holds no NUL either. */
  (void) crypto_generichash (hash, sizeof hash, p, len, /* key= */ NULL, 0);
  hex_encode (hash, sizeof hash, text);
  memcpy (ret, p, HEAD_BYTES);
  memcpy (ret + HEAD_BYTES, text, HASH_TEXT);
  return KEY_PART_MAX;
}

void
key_rest (struct key *k, const void *p, size_t len)
{
  uint8_t part[KEY_PART_MAX];

  len = key_part (p, len, part);
  put (k, part, len);
}

void
key_text (struct key *k, const char *s, size_t len)
{
  assert (len == 0 || !memchr (s, '\0', len));
  key_rest (k, s, len);
  key_u8 (k, 0);
}

void
key_upper (struct key *k)
{
  memset (k->b + k->len, 0xff, KEY_MAX - k->len);
  k->len = KEY_MAX;
}

bool
key_id_at (const void *key, size_t len, size_t at, struct id *ret)
{
  if (at > len || len - at < ID_BYTES)
    return false;
  memcpy (ret->b, (const uint8_t *) key + at, ID_BYTES);
  return true;
}

bool
key_u64_at (const void *key, size_t len, size_t at, uint64_t *ret)
{
  const uint8_t *b = key;
  uint64_t v = 0;
  size_t i;

  if (at > len || len - at < 8)
    return false;
  for (i = 0; i < 8; i++)
    v = v << 8 | b[at + i];
  *ret = v;
  return true;
}

bool
key_last_id (const void *key, size_t len, struct id *ret)
{
  return len >= ID_BYTES && key_id_at (key, len, len - ID_BYTES, ret);
}

bool
key_has_prefix (const void *key, size_t len, const struct key *prefix)
{
  return len >= prefix->len && memcmp (key, prefix->b, prefix->len) == 0;
}

int
key_compare (const void *a, size_t a_len, const void *b, size_t b_len)
{
  size_t n = MIN (a_len, b_len);
  int c = n ? memcmp (a, b, n) : 0;

  return c ? c : (a_len > b_len) - (a_len < b_len);
}
