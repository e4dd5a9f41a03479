/* Owns the chain of events: its hashes, its two ends, and the walk that holds the events
   to it.  Called inside transactions only. */
#include <config.h>

#include "host/store/chain.h"

#include <sodium.h>

#include "host/common/clock.h"
#include "host/common/le.h"

#define HEAD "chain-head"
#define BASE "chain-base"
#define LINK_BYTES (8u + STORE_HASH_SIZE)
#define RECORD_BYTES (LINK_BYTES + STORE_HASH_SIZE)
#define NOTHING UINT64_MAX   /* what an event follows that found no head */

_Static_assert (STORE_CHAIN_KEY_SIZE <= crypto_generichash_KEYBYTES_MAX, "a key of BLAKE2b");
_Static_assert (STORE_HASH_SIZE <= crypto_generichash_BYTES_MAX, "a hash of BLAKE2b");

void
store_set_chain_key (struct store *s, const uint8_t key[STORE_CHAIN_KEY_SIZE])
{
  memcpy (s->chain_key, key, sizeof s->chain_key);
}

/* ---- Hashes. */

/* Of EVENT behind a link with HASH; EVENT->before says which. */
static void
event_hash (const struct store *s, const struct chain_event *event, const uint8_t *hash,
            uint8_t ret[STORE_HASH_SIZE])
{
  crypto_generichash_state state;
  uint8_t numbers[24];

  le_put_u64 (numbers, event->before);
  le_put_u64 (numbers + 8, event->seq);
  le_put_u64 (numbers + 16, (uint64_t) event->time_ms);
  (void) crypto_generichash_init (&state, s->chain_key, sizeof s->chain_key, STORE_HASH_SIZE);
  (void) crypto_generichash_update (&state, hash, STORE_HASH_SIZE);
  (void) crypto_generichash_update (&state, numbers, sizeof numbers);
  (void) crypto_generichash_update (&state, (const uint8_t *) event->text, event->len);
  (void) crypto_generichash_final (&state, ret, STORE_HASH_SIZE);
}

/* The tag of an end of the chain: of its NAME, so that one never stands for the other. */
static void
end_tag (const struct store *s, const char *name, const uint8_t link[LINK_BYTES],
         uint8_t ret[STORE_HASH_SIZE])
{
  crypto_generichash_state state;

  (void) crypto_generichash_init (&state, s->chain_key, sizeof s->chain_key, STORE_HASH_SIZE);
  (void) crypto_generichash_update (&state, (const uint8_t *) name, strlen (name) + 1);
  (void) crypto_generichash_update (&state, link, LINK_BYTES);
  (void) crypto_generichash_final (&state, ret, STORE_HASH_SIZE);
}

/* ---- Ends. */

static void
put_end (struct txn *t, const char *name, const struct chain_link *link)
{
  uint8_t record[RECORD_BYTES];

  le_put_u64 (record, link->seq);
  memcpy (record + 8, link->hash, STORE_HASH_SIZE);
  end_tag (t->store, name, record, record + LINK_BYTES);
  txn_meta_put (t, name, record, sizeof record);
}

/* False when it is missing or was not made with the key. */
static bool
get_end (struct txn *t, const char *name, struct chain_link *ret)
{
  uint8_t tag[STORE_HASH_SIZE];
  const void *p;
  size_t len;

  if (txn_meta_get (t, name, &p, &len) != 1 || len != RECORD_BYTES)
    return false;
  end_tag (t->store, name, p, tag);
  if (sodium_memcmp (tag, (const uint8_t *) p + LINK_BYTES, sizeof tag) != 0)
    return false;
  ret->seq = le_get_u64 (p);
  memcpy (ret->hash, (const uint8_t *) p + 8, STORE_HASH_SIZE);
  return true;
}

void
txn_chain_begin (struct txn *t)
{
  const struct chain_link none = { 0 };

  put_end (t, BASE, &none);
  put_end (t, HEAD, &none);
}

bool
txn_chain_head (struct txn *t, struct chain_link *ret)
{
  return get_end (t, HEAD, ret);
}

bool
chain_base (struct txn *t, struct chain_link *ret)
{
  return get_end (t, BASE, ret);
}

void
chain_set_base (struct txn *t, const struct chain_link *link)
{
  if (link)
    put_end (t, BASE, link);
  else
    txn_meta_put (t, BASE, "", 0);
}

void
chain_append (struct txn *t, struct chain_event *event)
{
  struct chain_link head = { .seq = NOTHING };

  (void) get_end (t, HEAD, &head);
  event->before = head.seq;
  event_hash (t->store, event, head.hash, event->hash);
  head.seq = event->seq;
  memcpy (head.hash, event->hash, sizeof head.hash);
  put_end (t, HEAD, &head);
}

int
chain_event_get (const void *p, size_t len, struct chain_event *ret)
{
  const uint8_t *b = p;

  if (len <= EVENT_TEXT_AT)
    return -EBADMSG;
  ret->time_ms = (int64_t) le_get_u64 (b);
  ret->before = le_get_u64 (b + EVENT_TIME_BYTES);
  memcpy (ret->hash, b + EVENT_HASH_AT, STORE_HASH_SIZE);
  ret->text = (const char *) b + EVENT_TEXT_AT;
  ret->len = len - EVENT_TEXT_AT;
  return 0;
}

bool
chain_follow (const struct store *s, struct chain_link *link, const struct chain_event *event)
{
  uint8_t hash[STORE_HASH_SIZE];

  event_hash (s, event, link->hash, hash);
  if (event->before != link->seq || sodium_memcmp (hash, event->hash, sizeof hash) != 0)
    return false;
  link->seq = event->seq;
  memcpy (link->hash, hash, sizeof hash);
  return true;
}

/* ---- Verifying. */

static int
fault (struct chain_check *c, enum chain_fault what, uint64_t seq, int64_t time_ms)
{
  c->fault = what;
  c->fault_seq = seq;
  c->fault_ms = time_ms;
  return -EBADMSG;
}

/* What is wrong with EVENT, whose hash does not follow C. */
static int
explain (struct chain_check *c, const struct chain_event *event)
{
  json_t *json = json_loadb (event->text, event->len, 0, NULL);
  uint64_t own = (uint64_t) json_integer_value (json_object_get (json, "seq"));
  bool moved = json && own != event->seq;

  json_decref (json);
  if (moved)
    return fault (c, CHAIN_MOVED, event->seq, event->time_ms);
  if (event->before == NOTHING)
    return fault (c, CHAIN_HEAD, event->seq, event->time_ms);
  /* What it says of the one before it is as little proved as the rest, but the best there
     is to tell a gap by. */
  if (event->before > c->at.seq && event->before < event->seq)
    return fault (c, CHAIN_MISSING, event->before, event->time_ms);
  return fault (c, CHAIN_CHANGED, event->seq, event->time_ms);
}

/* The next event W is at. */
static int
check_event (struct txn *t, struct chain_check *c, const struct walk *w)
{
  struct chain_event event = { 0 };

  if (!key_u64_at (w->key.mv_data, w->key.mv_size, w->prefix.len, &event.seq)
      || chain_event_get (w->value.mv_data, w->value.mv_size, &event) < 0)
    return fault (c, CHAIN_CHANGED, event.seq, c->at_ms);
  if (event.seq <= c->at.seq)
    return fault (c, CHAIN_MOVED, event.seq, event.time_ms);
  if (!chain_follow (t->store, &c->at, &event))
    return explain (c, &event);
  c->at_ms = event.time_ms;
  if (!c->events++)
    {
      c->first = event.seq;
      c->first_ms = event.time_ms;
    }
  return 0;
}

/* Behind the last event: it must be the head. */
static int
check_head (struct txn *t, struct chain_check *c)
{
  struct chain_link head;

  if (!get_end (t, HEAD, &head))
    return fault (c, CHAIN_HEAD, c->at.seq, c->at_ms);
  if (head.seq > c->at.seq)
    return fault (c, CHAIN_CUT, head.seq, c->at_ms);
  if (head.seq != c->at.seq || sodium_memcmp (head.hash, c->at.hash, sizeof head.hash) != 0)
    return fault (c, CHAIN_HEAD, c->at.seq, c->at_ms);
  return 0;
}

int
txn_chain_check (struct txn *t, struct chain_check *c, size_t max)
{
  struct chain_link base;
  struct key prefix, behind;
  struct walk w;
  int x = 0;

  if (!get_end (t, BASE, &base))
    return txn_ok (t) ? fault (c, CHAIN_BASE, 0, 0) : txn_error (t);
  /* Retention may have overtaken the walk. */
  if (base.seq > c->at.seq)
    c->at = base;
  key_start (&prefix);
  key_u8 (&prefix, EVENT_SEQ);
  behind = prefix;
  key_u64 (&behind, c->at.seq);
  /* At the start, what stands before the base is looked at too: nothing may. */
  walk_begin (&w, t, DB_EVENT, &prefix, c->events ? &behind : NULL, /* newest= */ false);
  while (x == 0 && max && walk_next (&w))
    {
      x = check_event (t, c, &w);
      max--;
    }
  walk_end (&w);
  if (x < 0 || txn_error (t))
    return x < 0 ? x : txn_error (t);
  return max ? check_head (t, c) : 1;
}
