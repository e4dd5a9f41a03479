/* Owns the verification of the event chain. */
#include <config.h>

#include "host/common/buf.h"
#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

#define AT_ONCE 1000u   /* events of a read transaction */

static const struct
{
  const char *name, *text;
} faults[] = {
  [CHAIN_CHANGED] = { "changed", "The event is not as it was written." },
  [CHAIN_MISSING] = { "missing", "The event is missing, and perhaps more before it." },
  [CHAIN_MOVED] = { "moved", "The event stands where another one was, or was put in." },
  [CHAIN_CUT] = { "cut-off", "The last events are missing, up to this one." },
  [CHAIN_HEAD] = { "head", "The record of the last event is missing or was not made by this daemon, so later events "
                           "may be missing." },
  [CHAIN_BASE] = { "base", "The record of where the events begin is missing or was not made by this daemon, or "
                           "retention deleted events that were tampered with before." },
};

static json_t *
link_json (uint64_t seq, int64_t ms, const uint8_t *hash)
{
  char text[2 * STORE_HASH_SIZE + 1];
  json_t *o = json_pack ("{s:I}", "seq", (json_int_t) seq);

  json_set_time (o, "time", ms);
  if (hash)
    {
      hex_encode (hash, STORE_HASH_SIZE, text);
      json_set_text (o, "hash", text);
    }
  return o;
}

static json_t *
render (const struct chain_check *c)
{
  json_t *o = json_pack ("{s:b, s:I}", "ok", c->fault == CHAIN_WHOLE, "events", (json_int_t) c->events), *fault;

  if (c->events)
    {
      (void) json_object_set_new (o, "first", link_json (c->first, c->first_ms, NULL));
      (void) json_object_set_new (o, "last", link_json (c->at.seq, c->at_ms, c->at.hash));
    }
  if (c->fault != CHAIN_WHOLE)
    {
      fault = link_json (c->fault_seq, c->fault_ms, NULL);
      json_set_text (fault, "kind", faults[c->fault].name);
      json_set_text (fault, "message", faults[c->fault].text);
      (void) json_object_set_new (o, "fault", fault);
    }
  return o;
}

int
engine_audit_verify (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct chain_check check = { 0 };
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_ADMIN, r);

  txn_abort (t);
  if (x < 0)
    return x;
  do
    {
      t = store_read (e->store);
      x = txn_error (t) < 0 ? txn_error (t) : txn_chain_check (t, &check, AT_ONCE);
      txn_abort (t);
    }
  while (x == 1);
  if (x < 0 && check.fault == CHAIN_WHOLE)
    return refuse_errno (r, x);
  *ret = render (&check);
  return 0;
}
