/* /events/stream: server-sent events (the HTML standard, 9.2). */
#ifndef USHER_API_STREAM_H
#define USHER_API_STREAM_H

#include "host/api/answer.h"

struct streams;

/* What streams share: how many there may be, and when they end. */
int streams_new (struct engine *e, struct streams **ret);
/* All end now; returns at once. */
void streams_end (struct streams *s);
/* After the last one ended. */
void streams_free (struct streams *s);
size_t streams_open (const struct streams *s);

/* Begins an answer that has no end of its own, behind the event LAST (a sequence; NULL =
   from now on).  -ECANCELED: R says why not. */
int stream_answer (struct streams *s, struct MHD_Connection *c, const struct call *call, const char *last,
                   struct traffic *traffic, struct refusal *r);

#endif
