/* One HTTP request, as libmicrohttpd hands it over. */
#ifndef USHER_API_REQUEST_H
#define USHER_API_REQUEST_H

#include <microhttpd.h>

#include "host/api/answer.h"

struct streams;

/* What the requests of one listener share. */
struct request_host
{
  struct engine *engine;
  struct traffic *traffic;
  struct streams *streams;
  bool kernel_vouches;   /* a unix socket: the peer's user is known */
};

/* Callbacks of a daemon; ARG is its struct request_host. */
enum MHD_Result request_serve (void *arg, struct MHD_Connection *c, const char *url, const char *method,
                               const char *version, const char *data, size_t *data_len, void **state);
void request_end (void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why);

#endif
