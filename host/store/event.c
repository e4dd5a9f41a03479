/* Owns events: by sequence, and found by hub and by person.  Called inside
   transactions only. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/store/chain.h"

#define EVENT_MAX 65536u

static void
seq_key (struct key *k, uint64_t seq)
{
  key_start (k);
  key_u8 (k, EVENT_SEQ);
  key_u64 (k, seq);
}

/* The entry that EVENT has in an index, made of its field NAME; false when it has none. */
static bool
index_key (struct key *k, uint8_t index, const json_t *event, const char *name, uint64_t seq)
{
  struct id id;

  if (id_parse (json_string_value (json_object_get (event, name)), &id) < 0)
    return false;
  key_start (k);
  key_u8 (k, index);
  key_id (k, &id);
  key_u64 (k, seq);
  return true;
}

static int
stamp (json_t *event, uint64_t seq, int64_t now_ms)
{
  char id[ID_TEXT_SIZE], time[CLOCK_RFC3339_SIZE];
  struct id new_id = id_new ();

  id_format (&new_id, id);
  clock_rfc3339 (now_ms, time);
  if (json_object_set_new (event, "id", json_string (id)) < 0
      || json_object_set_new (event, "seq", json_integer ((json_int_t) seq)) < 0
      || json_object_set_new (event, "time", json_string (time)) < 0)
    return -ENOMEM;
  return 0;
}

void
txn_event_add (struct txn *t, json_t *event)
{
  _cleanup_ (buf_done) struct buf value = BUF_INIT (EVENT_MAX);
  _cleanup_ (freep) char *text = NULL;
  int64_t now_ms = clock_now_ms ();
  uint64_t seq = txn_next_seq (t);
  struct chain_event link = { .seq = seq, .time_ms = now_ms };
  struct key key;

  if (!txn_ok (t))
    return;
  txn_fail (t, stamp (event, seq, now_ms));
  text = json_dumps (event, JSON_COMPACT);
  if (!text)
    return txn_fail (t, -ENOMEM);
  link.text = text;
  link.len = strlen (text);
  chain_append (t, &link);
  buf_put_u64 (&value, (uint64_t) now_ms);
  buf_put_u64 (&value, link.before);
  buf_put (&value, link.hash, sizeof link.hash);
  buf_put (&value, text, link.len);
  txn_fail (t, buf_error (&value));
  seq_key (&key, seq);
  txn_store (t, DB_EVENT, &key, value.data, value.len);
  t->newest_event = seq;
  if (index_key (&key, EVENT_HUB, event, "hub", seq))
    txn_store (t, DB_EVENT, &key, "", 0);
  if (index_key (&key, EVENT_PERSON, event, "person", seq))
    txn_store (t, DB_EVENT, &key, "", 0);
}

/* Names the event SEQ in the log: once, however often readers come by. */
static void
name_damaged (struct store *s, uint64_t seq)
{
  size_t i;

  pthread_mutex_lock (&s->lock);
  for (i = 0; i < s->n_damaged && s->damaged[i] != seq; i++)
    ;
  if (i == s->n_damaged && i < STORE_DAMAGED_MAX)
    {
      s->damaged[s->n_damaged++] = seq;
      log_error ("The event %llu is damaged in the store, and no list shows it: run usher audit verify.",
                 (unsigned long long) seq);
    }
  pthread_mutex_unlock (&s->lock);
}

/* The event SEQ of a stored value: a new reference.  NULL with T failed for lack of memory; NULL
   alone where the event is damaged, which readers go past. */
static json_t *
parse (struct txn *t, const MDB_val *value, uint64_t seq, int64_t *ret_ms)
{
  struct chain_event stored;
  json_t *event = NULL;
  json_error_t error;

  if (chain_event_get (value->mv_data, value->mv_size, &stored) == 0
      && !(event = json_loadb (stored.text, stored.len, 0, &error)) && json_error_code (&error) == json_error_out_of_memory)
    txn_fail (t, -ENOMEM);
  else if (event)
    *ret_ms = stored.time_ms;
  else
    name_damaged (t->store, seq);
  return event;
}

/* Takes EVENT's reference. */
static bool
hand_over (json_t *event, txn_doc_fn *fn, void *arg)
{
  bool more = fn (arg, event);

  json_decref (event);
  return more;
}

static bool
is_person (const json_t *event, const struct id *person)
{
  struct id id;

  return !person || (id_parse (json_string_value (json_object_get (event, "person")), &id) == 0
                     && id_equal (&id, person));
}

/* One step of a walk: the event that W is at, if it is wanted; *RET_SEQ is its sequence. */
static bool
show (struct walk *w, const struct event_filter *f, txn_doc_fn *fn, void *arg, uint64_t *ret_seq)
{
  struct key key;
  MDB_val value = w->value;
  json_t *event;
  int64_t ms;

  if (!key_u64_at (w->key.mv_data, w->key.mv_size, w->prefix.len, ret_seq))
    return true;
  seq_key (&key, *ret_seq);
  if (w->prefix.len > 1 && !txn_load (w->t, DB_EVENT, &key, &value))
    return true;
  event = parse (w->t, &value, *ret_seq, &ms);
  if (!event)
    return txn_ok (w->t);
  if (ms >= f->since_ms && is_person (event, f->person))
    return hand_over (event, fn, arg);
  json_decref (event);
  /* What came before is older still. */
  return ms >= f->since_ms;
}

void
txn_event_walk (struct txn *t, const struct event_filter *f, uint64_t before, txn_doc_fn *fn,
                void *arg)
{
  struct key prefix, behind;
  struct walk w;
  uint64_t seq;
  bool more = true;

  key_start (&prefix);
  key_u8 (&prefix, f->hub ? EVENT_HUB : f->person ? EVENT_PERSON : EVENT_SEQ);
  if (f->hub || f->person)
    key_id (&prefix, f->hub ? f->hub : f->person);
  behind = prefix;
  if (before)
    key_u64 (&behind, before);
  walk_begin (&w, t, DB_EVENT, &prefix, before ? &behind : NULL, /* newest= */ true);
  while (more && walk_next (&w))
    more = show (&w, f, fn, arg, &seq);
  walk_end (&w);
}

uint64_t
txn_event_follow (struct txn *t, uint64_t after, txn_doc_fn *fn, void *arg)
{
  static const struct event_filter all = { .since_ms = INT64_MIN };
  struct key prefix, behind;
  struct walk w;
  uint64_t seq = after;
  bool more = true;

  key_start (&prefix);
  key_u8 (&prefix, EVENT_SEQ);
  seq_key (&behind, after);
  walk_begin (&w, t, DB_EVENT, &prefix, &behind, /* newest= */ false);
  while (more && walk_next (&w))
    {
      more = show (&w, &all, fn, arg, &seq);
      after = txn_ok (t) ? seq : after;
    }
  walk_end (&w);
  return after;
}

uint64_t
txn_newest_event (struct txn *t)
{
  struct key prefix;
  uint64_t seq = 0;
  struct walk w;

  key_start (&prefix);
  key_u8 (&prefix, EVENT_SEQ);
  walk_begin (&w, t, DB_EVENT, &prefix, /* after= */ NULL, /* newest= */ true);
  if (walk_next (&w) && !key_u64_at (w.key.mv_data, w.key.mv_size, prefix.len, &seq))
    txn_fail (t, -EBADMSG);
  walk_end (&w);
  return seq;
}

uint64_t
store_newest_event (struct store *s)
{
  uint64_t seq;

  pthread_mutex_lock (&s->lock);
  seq = s->newest_event;
  pthread_mutex_unlock (&s->lock);
  return seq;
}

bool
store_wait_event (struct store *s, uint64_t after, int64_t timeout_ms)
{
  struct timespec until = clock_deadline (timeout_ms);
  bool there;
  int x = 0;

  pthread_mutex_lock (&s->lock);
  while (s->newest_event <= after && !s->waits_ended && x == 0)
    x = pthread_cond_timedwait (&s->news, &s->lock, &until);
  there = s->newest_event > after;
  pthread_mutex_unlock (&s->lock);
  return there;
}

void
store_end_waits (struct store *s)
{
  pthread_mutex_lock (&s->lock);
  s->waits_ended = true;
  pthread_cond_broadcast (&s->news);
  pthread_mutex_unlock (&s->lock);
}

bool
store_waits_ended (struct store *s)
{
  bool ended;

  pthread_mutex_lock (&s->lock);
  ended = s->waits_ended;
  pthread_mutex_unlock (&s->lock);
  return ended;
}

/* How far retention got. */
struct pruned
{
  int64_t before_ms;
  struct chain_link base;   /* the last event deleted */
  bool whole;               /* all of them followed each other */
};

/* Deletes the event that W is at, if it is old.  One that is damaged goes like others: where
   it has no time any more, it stood before all that are younger; where its text tells no hub
   and person, its entries in the indexes stay and lead nowhere, which walks pass over. */
static bool
prune (struct walk *w, struct pruned *p)
{
  struct chain_event stored = { .time_ms = INT64_MIN };
  bool there = chain_event_get (w->value.mv_data, w->value.mv_size, &stored) == 0;
  struct key key;
  json_t *event;

  if (stored.time_ms >= p->before_ms || !key_u64_at (w->key.mv_data, w->key.mv_size, w->prefix.len, &stored.seq))
    return false;
  p->whole = p->whole && there && chain_follow (w->t->store, &p->base, &stored);
  event = there ? json_loadb (stored.text, stored.len, 0, NULL) : NULL;
  seq_key (&key, stored.seq);
  txn_erase (w->t, DB_EVENT, &key);
  if (index_key (&key, EVENT_HUB, event, "hub", stored.seq))
    txn_erase (w->t, DB_EVENT, &key);
  if (index_key (&key, EVENT_PERSON, event, "person", stored.seq))
    txn_erase (w->t, DB_EVENT, &key);
  json_decref (event);
  return true;
}

size_t
txn_event_prune (struct txn *t, int64_t before_ms, size_t max)
{
  struct pruned p = { .before_ms = before_ms };
  struct key prefix;
  struct walk w;
  size_t n = 0;

  p.whole = chain_base (t, &p.base);
  key_start (&prefix);
  key_u8 (&prefix, EVENT_SEQ);
  walk_begin (&w, t, DB_EVENT, &prefix, /* after= */ NULL, /* newest= */ false);
  while (n < max && walk_next (&w) && prune (&w, &p))
    n++;
  walk_end (&w);
  if (n)
    chain_set_base (t, p.whole ? &p.base : NULL);
  return n;
}
