/* The way of an answer: from the wire to the worker, within its credit. */
#ifndef USHER_NET_ANSWER_H
#define USHER_NET_ANSWER_H

#include "host/common/base.h"
#include "host/net/exchange.h"

struct request;

/* The sink of a request's exchanges; OWNER is the request. */
bool answer_head (void *owner);
enum exchange_take answer_body (void *owner, const char *p, size_t len);

/* Passes on what there is credit for; true when nothing is left. */
bool answer_push (struct request *r);
/* The answer is over: evidence goes to usherd when it was BAD, else it is kept. */
void answer_settle (struct request *r, bool bad);

#endif
