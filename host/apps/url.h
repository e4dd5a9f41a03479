/* Host names, as app files and hub fields may hold them.  URLs: apps.h. */
#ifndef USHER_APPS_URL_H
#define USHER_APPS_URL_H

#include "host/common/base.h"

/* A DNS name (RFC 1123, underscores too) or a dotted IPv4 address; no other form that a
   resolver would read as a number. */
bool url_host_valid (const char *host);
/* The same, maybe with ":" and a port behind it. */
bool url_host_port_valid (const char *host);

#endif
