/* Owns small values: secrets, connector state, the installation's own, the sequence.
   Called inside transactions only. */
#include <config.h>

#include "host/store/txn.h"

#define NAME_MAX_BYTES 255u
#define STATE_KEY_MAX 1024u
#define STATE_MAX 16384u
#define VALUE_MAX 65536u

/* Nothing is kept under an empty name. */
static bool
fits (struct txn *t, const char *name, size_t name_max, size_t len, size_t len_max)
{
  if (!*name)
    txn_fail (t, -EINVAL);
  if (strlen (name) > name_max || len > len_max)
    txn_fail (t, -E2BIG);
  return txn_ok (t);
}

static void
value_key (struct key *k, uint8_t what, const struct id *id, const char *name)
{
  key_start (k);
  key_u8 (k, what);
  key_id (k, id);
  if (name)
    key_rest (k, name, strlen (name));
}

static int
load (struct txn *t, enum db db, const struct key *key, const void **ret, size_t *ret_len)
{
  MDB_val value;

  if (!txn_load (t, db, key, &value))
    return 0;
  *ret = value.mv_data;
  *ret_len = value.mv_size;
  return 1;
}

static void
erase_all (struct txn *t, const struct key *prefix)
{
  struct walk w;

  walk_begin (&w, t, DB_VALUE, prefix, /* after= */ NULL, /* newest= */ false);
  while (walk_next (&w))
    txn_fail (t, store_write_error (t->store, mdb_cursor_del (w.cursor, 0)));
  walk_end (&w);
}

void
txn_secret_put (struct txn *t, const struct id *account, const char *field, const void *p, size_t len)
{
  struct key key;

  if (!fits (t, field, NAME_MAX_BYTES, len, VALUE_MAX))
    return;
  value_key (&key, VALUE_SECRET, account, field);
  txn_store (t, DB_VALUE, &key, p, len);
}

int
txn_secret_get (struct txn *t, const struct id *account, const char *field, const void **ret,
                size_t *ret_len)
{
  struct key key;

  value_key (&key, VALUE_SECRET, account, field);
  return load (t, DB_VALUE, &key, ret, ret_len);
}

void
txn_secret_delete (struct txn *t, const struct id *account, const char *field)
{
  struct key key;

  value_key (&key, VALUE_SECRET, account, field);
  if (field)
    txn_erase (t, DB_VALUE, &key);
  else
    erase_all (t, &key);
}

void
txn_secret_names (struct txn *t, const struct id *account, txn_name_fn *fn, void *arg)
{
  struct key prefix;
  struct walk w;
  bool more = true;

  value_key (&prefix, VALUE_SECRET, account, /* name= */ NULL);
  walk_begin (&w, t, DB_VALUE, &prefix, /* after= */ NULL, /* newest= */ false);
  while (more && walk_next (&w))
    {
      char name[NAME_MAX_BYTES + 1];
      size_t len = MIN (w.key.mv_size - prefix.len, sizeof name - 1);

      memcpy (name, (const char *) w.key.mv_data + prefix.len, len);
      name[len] = '\0';
      more = fn (arg, name);
    }
  walk_end (&w);
}

void
txn_secret_walk (struct txn *t, const struct id *after, const char *field, txn_secret_fn *fn, void *arg)
{
  struct key prefix, behind;
  struct walk w;
  struct id account;
  bool more = true;

  key_start (&prefix);
  key_u8 (&prefix, VALUE_SECRET);
  if (after)
    value_key (&behind, VALUE_SECRET, after, field);
  walk_begin (&w, t, DB_VALUE, &prefix, after ? &behind : NULL, /* newest= */ false);
  while (more && walk_next (&w))
    {
      char name[NAME_MAX_BYTES + 1];
      size_t at = prefix.len + ID_BYTES, len = w.key.mv_size - at;

      if (!key_id_at (w.key.mv_data, w.key.mv_size, prefix.len, &account) || len >= sizeof name)
        continue;
      memcpy (name, (const char *) w.key.mv_data + at, len);
      name[len] = '\0';
      more = fn (arg, &account, name, w.value.mv_data, w.value.mv_size);
    }
  walk_end (&w);
}

void
txn_state_put (struct txn *t, const struct id *hub, const char *name, const void *p, size_t len)
{
  struct key key;

  if (!fits (t, name, STATE_KEY_MAX, len, STATE_MAX))
    return;
  value_key (&key, VALUE_STATE, hub, name);
  txn_store (t, DB_VALUE, &key, p, len);
}

int
txn_state_get (struct txn *t, const struct id *hub, const char *name, const void **ret,
               size_t *ret_len)
{
  struct key key;

  value_key (&key, VALUE_STATE, hub, name);
  return load (t, DB_VALUE, &key, ret, ret_len);
}

size_t
txn_state_count (struct txn *t, const struct id *hub)
{
  struct key prefix;
  struct walk w;
  size_t n = 0;

  value_key (&prefix, VALUE_STATE, hub, /* name= */ NULL);
  walk_begin (&w, t, DB_VALUE, &prefix, /* after= */ NULL, /* newest= */ false);
  while (walk_next (&w))
    n++;
  walk_end (&w);
  return n;
}

void
txn_state_drop (struct txn *t, const struct id *hub)
{
  struct key prefix;

  value_key (&prefix, VALUE_STATE, hub, /* name= */ NULL);
  erase_all (t, &prefix);
}

static void
meta_key (struct key *k, const char *name)
{
  key_start (k);
  key_rest (k, name, strlen (name));
}

void
txn_meta_put (struct txn *t, const char *name, const void *p, size_t len)
{
  struct key key;

  if (!fits (t, name, NAME_MAX_BYTES, len, VALUE_MAX))
    return;
  meta_key (&key, name);
  txn_store (t, DB_META, &key, p, len);
}

int
txn_meta_get (struct txn *t, const char *name, const void **ret, size_t *ret_len)
{
  struct key key;

  meta_key (&key, name);
  return load (t, DB_META, &key, ret, ret_len);
}

uint64_t
txn_last_seq (struct txn *t)
{
  const void *value;
  uint64_t seq = 0;
  size_t len;

  if (txn_meta_get (t, "seq", &value, &len) && !key_u64_at (value, len, 0, &seq))
    txn_fail (t, -EBADMSG);
  return seq;
}

static void
put_seq (struct txn *t, uint64_t seq)
{
  struct key key;

  key_start (&key);
  key_u64 (&key, seq);
  txn_meta_put (t, "seq", key.b, key.len);
}

uint64_t
txn_next_seq (struct txn *t)
{
  uint64_t seq = txn_last_seq (t) + 1;

  put_seq (t, seq);
  return txn_ok (t) ? seq : 0;
}

void
txn_raise_seq (struct txn *t, uint64_t seq)
{
  put_seq (t, MAX (txn_last_seq (t), seq));
}
