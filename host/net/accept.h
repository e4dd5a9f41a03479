/* Which statuses a request takes for an answer: "200,404", "2xx", "any"; NULL means any
   2xx. */
#ifndef USHER_NET_ACCEPT_H
#define USHER_NET_ACCEPT_H

#include "host/common/base.h"

bool accept_valid (const char *accept);
bool accept_status (const char *accept, int32_t status);

#endif
