/* Inside the store: what ties events to each other.

   Each event carries a keyed hash (BLAKE2b-256) over the hash of the event before it and
   over itself.  Two links of that chain are kept in "meta", each with a keyed tag, so that
   they cannot be made without the key: the base, behind which the first event stands
   (retention moves it), and the head, which is the last event.  A chain without its head
   or base is as broken as one without an event. */
#ifndef USHER_STORE_CHAIN_H
#define USHER_STORE_CHAIN_H

#include "host/store/store.h"
#include "host/store/txn.h"

/* An event as it is kept: time, the sequence before, hash, JSON text. */
#define EVENT_TIME_BYTES 8u
#define EVENT_HASH_AT 16u
#define EVENT_TEXT_AT (EVENT_HASH_AT + STORE_HASH_SIZE)

/* What one event is made of; TEXT is borrowed. */
struct chain_event
{
  uint64_t seq, before;      /* BEFORE: the sequence of the event before it */
  int64_t time_ms;
  uint8_t hash[STORE_HASH_SIZE];
  const char *text;
  size_t len;
};

/* Takes a stored event apart; -EBADMSG when it is too short to be one. */
int chain_event_get (const void *p, size_t len, struct chain_event *ret);

/* Sets EVENT->before and ->hash to follow the head and makes it the head.  Where the head
   is missing or was tampered with, the event follows nothing, and the break stays to be
   found. */
void chain_append (struct txn *t, struct chain_event *event);
/* Whether EVENT follows LINK; then LINK is EVENT's. */
bool chain_follow (const struct store *s, struct chain_link *link, const struct chain_event *event);
/* Retention: false when the base is missing or was tampered with. */
bool chain_base (struct txn *t, struct chain_link *ret);
/* Events up to LINK are gone.  NULL: so are some that did not follow, and that this was so
   stays to be found. */
void chain_set_base (struct txn *t, const struct chain_link *link);

#endif
