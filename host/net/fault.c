/* Owns the table from libcurl's failures to ours. */
#include <config.h>

#include "host/net/fault.h"

#include <curl/curl.h>
#include <stdio.h>
#include <usher/connector.h>

#include "host/net/request.h"

static const struct
{
  int code;
  int32_t status;
  const char *sentence;  /* %s: the host */
} table[] = {
  { CURLE_COULDNT_RESOLVE_HOST, USHER_E_NETWORK,
    "The name %s could not be resolved; check the address of the hub and the name service." },
  { CURLE_COULDNT_RESOLVE_PROXY, USHER_E_NETWORK,
    "The proxy on the way to %s could not be resolved; check the proxy setting." },
  { CURLE_COULDNT_CONNECT, USHER_E_NETWORK,
    "No connection to %s could be made; check the address of the hub and the network." },
  { CURLE_OPERATION_TIMEDOUT, USHER_E_TIMEOUT, "%s did not answer in time." },
  { CURLE_PEER_FAILED_VERIFICATION, USHER_E_CONFIG,
    "The certificate of %s could not be verified; when its authority is your own, name that in "
    "ca-file." },
  { CURLE_SSL_CACERT_BADFILE, USHER_E_CONFIG,
    "The certificates for %s could not be read; check ca-file." },
  { CURLE_SSL_CONNECT_ERROR, USHER_E_NETWORK, "No secure connection to %s could be made." },
  { CURLE_GOT_NOTHING, USHER_E_NETWORK, "%s closed the connection without an answer." },
  { CURLE_PARTIAL_FILE, USHER_E_NETWORK, "The answer of %s was cut short." },
  { CURLE_RECV_ERROR, USHER_E_NETWORK, "The connection to %s broke before the answer was whole." },
  { CURLE_SEND_ERROR, USHER_E_NETWORK, "The connection to %s broke while the request was sent." },
  { CURLE_BAD_CONTENT_ENCODING, USHER_E_SHAPE,
    "The answer of %s is not compressed the way it says." },
  { CURLE_WEIRD_SERVER_REPLY, USHER_E_SHAPE, "%s answered with something that is not HTTP." },
  { CURLE_UNSUPPORTED_PROTOCOL, USHER_E_SHAPE, "%s answered with something that is not HTTP." },
  { CURLE_OUT_OF_MEMORY, USHER_E_NOMEM, "There is not enough memory for the answer of %s." },
};

static const char *
our_own (int32_t fault)
{
  switch (fault)
    {
    case USHER_E_LIMIT:
      return "The answer of %s is larger than is taken; ask for smaller pages.";
    case USHER_E_SHAPE:
      return "%s answered with something that is not HTTP.";
    default:
      return "There is not enough memory for the answer of %s.";
    }
}

/* The status and the sentence with its %s, before the request's own nature counts. */
static int32_t
look_up (const struct exchange *x, int32_t fault, bool paused, int code, const char **ret)
{
  size_t i;

  if (fault)
    {
      *ret = our_own (fault);
      return fault;
    }
  if (x->address_refused)
    {
      *ret = "The name %s leads to a private address; list its network in allow-private if that "
             "is meant.";
      return USHER_E_CONFIG;
    }
  /* Bytes pile up in libcurl only while the worker is slow: then it is their number. */
  if (code == CURLE_OUT_OF_MEMORY && paused)
    {
      *ret = our_own (USHER_E_LIMIT);
      return USHER_E_LIMIT;
    }
  for (i = 0; i < sizeof table / sizeof table[0]; i++)
    if (table[i].code == code)
      {
        *ret = table[i].sentence;
        return table[i].status;
      }
  *ret = "The exchange with %s failed.";
  return USHER_E_NETWORK;
}

/* The sentences are ours, each with one %s: put together by hand, so that no format comes
   from a variable. */
static int
say (const char *text, const char *host, char *ret, size_t size)
{
  const char *at = strstr (text, "%s");

  return snprintf (ret, size, "%.*s%s%s", (int) (at - text), text, host, at + 2);
}

int32_t
fault_of_exchange (const struct exchange *x, int code, char *ret, size_t size)
{
  const char *text;
  int32_t status = look_up (x, x->fault, /* paused= */ false, code, &text);

  (void) say (text, x->target->host, ret, size);
  return status;
}

int32_t
fault_explain (const struct request *r, int code, char *ret, size_t size)
{
  const char *text;
  int32_t status = look_up (&r->x, r->fault ? r->fault : r->x.fault, r->paused_ms != 0, code, &text);
  int n = say (text, r->at.host, ret, size);

  if (r->wrote && (status == USHER_E_NETWORK || status == USHER_E_TIMEOUT))
    {
      status = USHER_E_UNCERTAIN;
      if (n > 0 && (size_t) n < size)
        (void) snprintf (ret + n, size - (size_t) n,
                         "  The change may have been made; Usher looks before it tries again.");
    }
  return status;
}
