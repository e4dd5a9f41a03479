/* What leaves this process: the request as the connector wrote it, with proofs added and
   secrets in their places. */
#ifndef USHER_NET_COMPOSE_H
#define USHER_NET_COMPOSE_H

#include "host/common/base.h"

struct request;

/* Whether the connector may ask for this at all.  NULL, or what is wrong with it, a
   static sentence. */
const char *compose_check (const struct request *r);

/* Puts the secrets in and starts the exchange of this hop.  0; -EAGAIN when a one-time
   code is spent (r->not_before_ms says when the next one begins); -EINPROGRESS when the
   access token has to be renewed (r->wants_token); else R was finished and is gone. */
int compose_start (struct request *r);

#endif
