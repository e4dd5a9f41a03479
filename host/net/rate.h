/* Permits to ask an app, lent by usherd, which owns the buckets of each rate rule.
   Every exchange on the wire spends one of each rule that covers it and gives it back
   with SEEN.  Permits are taken in the order of the rules, so that two sessions cannot
   wait for each other.

   A rule is an object of the app file's "rate" with its key filled in; of it this
   process reads only "origin" ("https://host:port"): the exchanges that it covers,
   all of them when it is missing; and "headers": how their answers speak of limits. */
#ifndef USHER_NET_RATE_H
#define USHER_NET_RATE_H

#include "host/common/base.h"
#include "host/common/wire.h"
#include "host/net/limits.h"

#define RATE_RULES_MAX 32u
#define RATE_PERMITS_MAX 1024u

struct rate_rule
{
  char *origin;             /* owned; NULL = covers all */
  enum limits_dialect dialect;
  unsigned int have;        /* permits at hand */
  bool asked;               /* ASK is out, PERMIT has not come */
  int64_t not_before_ms;    /* monotonic: no permit may be used or asked for before; at most
                               RETRY_WAIT_MAX_MS away */
};

struct rates
{
  struct rate_rule *rules;  /* owned */
  unsigned int n;
};

/* The permits of one exchange. */
struct rate_hold
{
  uint32_t held;            /* bit n: a permit of rule n */
  unsigned int next;        /* rules before it are settled */
};

void rates_done (struct rates *r);
/* -EINVAL when it is not an array of objects, or longer than RATE_RULES_MAX. */
int rates_parse (const char *json, size_t len, struct rates *ret);

/* Takes what can be had for an exchange with ORIGIN.  True when HOLD is complete; else
   HOLD->next is the rule that it waits for. */
bool rates_take (struct rates *r, const char *origin, int64_t now_ms, struct rate_hold *hold);
/* How answers of ORIGIN speak of limits: as the first rule says that covers them. */
enum limits_dialect rates_dialect (const struct rates *r, const char *origin);
/* Gives back, one after the other, the permits of RULE that nobody waits for: true while
   there was one. */
bool rates_spare (struct rates *r, unsigned int rule);
/* What usherd answered.  -EBADMSG for a rule that does not exist. */
int rates_permit (struct rates *r, const struct wire_permit *p, int64_t now_ms);

#endif
