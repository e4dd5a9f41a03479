/* Owns documents: JSON text by kind and id, and the index entries made of it.  Called
   inside transactions only. */
#include <config.h>

#include "host/store/store.h"

#include "host/common/json-memory.h"
#include "host/store/schema.h"
#include "host/store/txn.h"

#define DOCUMENT_MAX (16u * 1024 * 1024)

static void
document_key (struct key *k, enum store_kind kind, const struct id *id)
{
  key_start (k);
  key_u8 (k, (uint8_t) kind);
  key_id (k, id);
}

static json_t *
parse (struct txn *t, const MDB_val *value)
{
  json_t *doc;

  (void) json_memory_failed ();
  doc = json_loadb (value->mv_data, value->mv_size, JSON_REJECT_DUPLICATES, NULL);
  if (!doc)
    txn_fail (t, json_memory_failed () ? -ENOMEM : -EBADMSG);
  return doc;
}

json_t *
txn_doc_get (struct txn *t, enum store_kind kind, const struct id *id)
{
  struct key key;
  MDB_val value;

  document_key (&key, kind, id);
  return txn_load (t, DB_DOCUMENT, &key, &value) ? parse (t, &value) : NULL;
}

/* Fails T when a unique index has the text of KEY for another document. */
static void
check_unique (struct txn *t, const struct key *key)
{
  enum store_index index = (enum store_index) key->b[0];
  struct key prefix = *key;
  struct walk w;

  if (!schema_unique (index))
    return;
  prefix.len -= ID_BYTES;
  walk_begin (&w, t, DB_INDEX, &prefix, /* after= */ NULL, /* newest= */ false);
  while (walk_next (&w))
    if (key_compare (w.key.mv_data, w.key.mv_size, key->b, key->len) != 0)
      {
        t->clash = index;
        txn_fail (t, -EEXIST);
      }
  walk_end (&w);
}

static bool
is_address (const struct key *key)
{
  return key->b[0] == STORE_PERSON_ADDRESS;
}

uint64_t
txn_people (struct txn *t)
{
  const void *value;
  uint64_t n = 0;
  size_t len;

  if (txn_meta_get (t, "people", &value, &len) && !key_u64_at (value, len, 0, &n))
    txn_fail (t, -EBADMSG);
  return n;
}

/* The number that the entries of a person have, else the next one. */
static uint64_t
person_number (struct txn *t, const struct schema_entries *before)
{
  struct person_facts facts = { .number = 0 };
  struct key next;
  MDB_val found;
  size_t i;

  for (i = 0; i < before->n; i++)
    if (is_address (&before->v[i]) && txn_load (t, DB_INDEX, &before->v[i], &found))
      {
        txn_fail (t, schema_get_facts (found.mv_data, found.mv_size, &facts));
        return facts.number;
      }
  facts.number = txn_people (t);
  key_start (&next);
  key_u64 (&next, facts.number + 1);
  txn_meta_put (t, "people", next.b, next.len);
  return facts.number;
}

/* Makes the index entries of a document those of NOW instead of those of BEFORE, and an
   address of a person say FACTS. */
static void
change_entries (struct txn *t, const struct schema_entries *before,
                const struct schema_entries *now, const uint8_t facts[SCHEMA_FACTS_SIZE])
{
  size_t i;

  for (i = 0; i < before->n; i++)
    if (!schema_entries_have (now, &before->v[i]))
      txn_erase (t, DB_INDEX, &before->v[i]);
  for (i = 0; i < now->n && txn_ok (t); i++)
    {
      bool had = schema_entries_have (before, &now->v[i]);

      if (!had)
        check_unique (t, &now->v[i]);
      if (is_address (&now->v[i]))
        txn_store (t, DB_INDEX, &now->v[i], facts, SCHEMA_FACTS_SIZE);
      else if (!had)
        txn_store (t, DB_INDEX, &now->v[i], "", 0);
    }
}

/* DOC NULL: it is deleted. */
static void
replace (struct txn *t, enum store_kind kind, const struct id *id, const json_t *doc)
{
  _cleanup_ (schema_entries_done) struct schema_entries before = { NULL, 0, 0 };
  _cleanup_ (schema_entries_done) struct schema_entries now = { NULL, 0, 0 };
  json_t *old = txn_doc_get (t, kind, id);
  uint8_t facts[SCHEMA_FACTS_SIZE];

  if (old)
    txn_fail (t, schema_entries (kind, id, old, &before));
  json_decref (old);
  if (doc)
    txn_fail (t, schema_entries (kind, id, doc, &now));
  if (doc && kind == STORE_PERSON && txn_ok (t))
    schema_put_facts (doc, person_number (t, &before), facts);
  if (txn_ok (t))
    change_entries (t, &before, &now, facts);
}

int
txn_person_by_address (struct txn *t, const char *text, size_t len, struct person_facts *ret)
{
  struct person_facts facts;
  MDB_val k, value;
  struct key key;
  int rc;

  key_start (&key);
  key_u8 (&key, STORE_PERSON_ADDRESS);
  key_text (&key, text, len);
  if (txn_ok (t) && !t->addresses)
    txn_fail (t, store_error (mdb_cursor_open (t->txn, t->store->db[DB_INDEX], &t->addresses)));
  if (!txn_ok (t))
    return 0;
  k = key_val (&key);
  rc = mdb_cursor_get (t->addresses, &k, &value, MDB_SET_RANGE);
  if (rc && rc != MDB_NOTFOUND)
    txn_fail (t, store_error (rc));
  if (rc || !key_has_prefix (k.mv_data, k.mv_size, &key)
      || !key_last_id (k.mv_data, k.mv_size, &facts.id))
    return 0;
  txn_fail (t, schema_get_facts (value.mv_data, value.mv_size, &facts));
  if (txn_ok (t))
    *ret = facts;
  return txn_ok (t);
}

void
txn_doc_put (struct txn *t, enum store_kind kind, json_t *doc)
{
  _cleanup_ (freep) char *text = NULL;
  struct id id;
  struct key key;

  if (!txn_ok (t))
    return;
  if (id_parse (json_string_value (json_object_get (doc, "id")), &id) < 0)
    return txn_fail (t, -EINVAL);
  text = json_dumps (doc, JSON_COMPACT);
  /* What could not be set is missing in DOC, and nobody else would notice. */
  if (json_memory_failed () || !text)
    return txn_fail (t, -ENOMEM);
  if (strlen (text) > DOCUMENT_MAX)
    return txn_fail (t, -E2BIG);
  replace (t, kind, &id, doc);
  document_key (&key, kind, &id);
  txn_store (t, DB_DOCUMENT, &key, text, strlen (text));
}

void
txn_doc_delete (struct txn *t, enum store_kind kind, const struct id *id)
{
  struct key key;

  replace (t, kind, id, /* doc= */ NULL);
  document_key (&key, kind, id);
  txn_erase (t, DB_DOCUMENT, &key);
}

size_t
txn_doc_find (struct txn *t, enum store_index index, const char *key, struct id *ret, size_t max)
{
  struct key prefix;
  struct walk w;
  size_t n = 0;

  txn_fail (t, schema_prefix (index, key, &prefix));
  walk_begin (&w, t, DB_INDEX, &prefix, /* after= */ NULL, /* newest= */ false);
  while (n < max && walk_next (&w))
    if (key_last_id (w.key.mv_data, w.key.mv_size, &ret[n]))
      n++;
  walk_end (&w);
  return n;
}

static bool
hand_over (struct txn *t, const MDB_val *value, txn_doc_fn *fn, void *arg)
{
  json_t *doc = parse (t, value);
  bool more = doc && fn (arg, doc);

  json_decref (doc);
  return more;
}

void
txn_doc_walk (struct txn *t, enum store_kind kind, enum store_index index, const char *key,
              bool newest, const struct id *after, txn_doc_fn *fn, void *arg)
{
  struct key prefix, behind, place;
  struct walk w;
  bool more = true;

  key_start (&prefix);
  if (index)
    txn_fail (t, schema_prefix (index, key, &prefix));
  else
    key_u8 (&prefix, (uint8_t) kind);
  behind = prefix;
  if (after)
    key_id (&behind, after);
  walk_begin (&w, t, index ? DB_INDEX : DB_DOCUMENT, &prefix, after ? &behind : NULL, newest);
  while (more && walk_next (&w))
    {
      MDB_val value = w.value;
      struct id id;

      if (index)
        {
          if (!key_last_id (w.key.mv_data, w.key.mv_size, &id))
            continue;
          document_key (&place, kind, &id);
          if (!txn_load (t, DB_DOCUMENT, &place, &value))
            continue;
        }
      more = hand_over (t, &value, fn, arg);
    }
  walk_end (&w);
}
