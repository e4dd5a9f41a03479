/* Which failures of a safe request are worth another attempt, and when.  Pure. */
#ifndef USHER_NET_RETRY_H
#define USHER_NET_RETRY_H

#include "host/common/base.h"

#define RETRY_ATTEMPTS_MAX 3u       /* of one request, redirects not counted */
#define RETRY_WAIT_MAX_MS 5000      /* a longer wait is for usherd to keep */

/* The app, or what stands before it, is out for the moment. */
bool retry_status (int32_t status);
/* The connection failed in a way that may pass (a CURLcode). */
bool retry_curl (int code);
/* How long to wait after attempt number ATTEMPT (from 1): 0.5 s, then 1 s, and so on,
   each plus or minus half. */
int64_t retry_wait_ms (unsigned int attempt);

#endif
