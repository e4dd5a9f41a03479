/* /metrics: what the engine and the API count, in the text form of OpenMetrics 1.0. */
#ifndef USHER_API_METRICS_H
#define USHER_API_METRICS_H

#include "host/api/answer.h"

#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct streams;

/* Caller frees; NULL: R says why not. */
char *metrics_text (struct engine *e, const struct call *c, struct traffic *traffic, struct streams *streams,
                    struct refusal *r);

#endif
