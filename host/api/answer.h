/* Answers: what goes back to a client, and how many of each status went. */
#ifndef USHER_API_ANSWER_H
#define USHER_API_ANSWER_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "host/engine/engine.h"

#define STATUS_MIN 200
#define STATUS_MAX 599

/* Counted over all listeners. */
struct traffic
{
  _Atomic uint64_t answered[STATUS_MAX - STATUS_MIN + 1];
};

/* A header of an answer; those without VALUE are left out. */
struct header
{
  const char *name, *value;
};

/* Queues TEXT (taken, from malloc; NULL = no memory) with the N headers. */
enum MHD_Result answer_text (struct MHD_Connection *c, struct traffic *traffic, int status, const char *type,
                             const struct header *headers, size_t n, char *text);
/* Queues what RESPONSE (borrowed) is. */
enum MHD_Result answer_with (struct MHD_Connection *c, struct traffic *traffic, int status,
                             struct MHD_Response *response);
/* RFC 9457. */
enum MHD_Result answer_refusal (struct MHD_Connection *c, struct traffic *traffic, const struct refusal *r,
                                const struct header *headers, size_t n);

#endif
