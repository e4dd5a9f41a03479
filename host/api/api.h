/* The HTTP API: turns requests into actions of the engine and their answers into JSON.
   Knows names, paths and status codes; decides nothing. */
#ifndef USHER_API_API_H
#define USHER_API_API_H

#include "host/common/base.h"
#include "host/engine/engine.h"

struct api;

struct api_options
{
  struct engine *engine;       /* borrowed */
  const char *socket_path;     /* the unix socket on which the kernel says who calls */
  const char *listen;          /* "ADDR:PORT" or "unix:PATH"; requests need a token.  NULL = none */
  const char *tls_cert, *tls_key;  /* PEM files for LISTEN; both or neither */
};

/* Opens the listeners and answers requests on threads of their own.  On failure a
   sentence in *RET_WHY (caller frees). */
int api_start (const struct api_options *options, struct api **ret, char **ret_why);
/* The port that LISTEN got, 0 when it is not TCP. */
unsigned int api_port (const struct api *a);
/* Ends running requests and removes the sockets. */
void api_stop (struct api *a);

#endif
