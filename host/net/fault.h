/* What a failed exchange means: its status and the sentence for people. */
#ifndef USHER_NET_FAULT_H
#define USHER_NET_FAULT_H

#include "host/common/base.h"

struct exchange;
struct request;

/* USHER_E_... of an exchange that ended with CURLcode CODE, and one sentence that names
   the host and what to do.  A change whose request had begun to leave is uncertain. */
int32_t fault_explain (const struct request *r, int code, char *ret, size_t size);

/* The same of an exchange that is no connector's request. */
int32_t fault_of_exchange (const struct exchange *x, int code, char *ret, size_t size);

#endif
