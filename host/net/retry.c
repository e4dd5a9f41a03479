/* Owns the table of passing failures. */
#include <config.h>

#include "host/net/retry.h"

#include <curl/curl.h>
#include <sys/random.h>

#define FIRST_WAIT_MS 500

bool
retry_status (int32_t status)
{
  return status == 502 || status == 503 || status == 504;
}

bool
retry_curl (int code)
{
  switch (code)
    {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_AGAIN:
      return true;
    default:
      return false;
    }
}

int64_t
retry_wait_ms (unsigned int attempt)
{
  int64_t base = (int64_t) FIRST_WAIT_MS << MIN (attempt ? attempt - 1 : 0, 4u);
  uint32_t random = 0;

  /* Without randomness all sessions would come back at once, but they would come. */
  if (getrandom (&random, sizeof random, GRND_NONBLOCK) != (ssize_t) sizeof random)
    random = UINT32_MAX / 2;
  return base / 2 + (int64_t) (((uint64_t) base * random) >> 32);
}
