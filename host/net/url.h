/* Addresses of the web: one parser, libcurl's, so that what is checked is what is
   fetched.  Only http and https, and nothing that a browser would guess at.  */
#ifndef USHER_NET_URL_H
#define USHER_NET_URL_H

#include "host/common/base.h"

#define URL_MAX 65536u
#define URL_HOST_MAX 255u

struct url
{
  char *text;    /* owned: normalised, without fragment */
  char *origin;  /* owned: "https://host:port", lower case, port always there */
  char *host;    /* owned: as in the origin; an IPv6 address without brackets */
  uint16_t port;
  bool https;
};

void url_done (struct url *u);

/* Parses an absolute address.  -EINVAL when it is not one, has another scheme, a user
   name or password, a zone, spaces or controls, or a host that is not plain ASCII. */
int url_parse (const char *s, struct url *ret);
/* The same for LOCATION as it stands in an answer of BASE (RFC 3986 section 5). */
int url_resolve (const struct url *base, const char *location, struct url *ret);

/* S without query and fragment, for people: a new string, the caller frees it; NULL
   without memory. */
char *url_for_people (const char *s);

/* Whether HOST (and its port) is to be reached without the proxy: LIST holds names
   separated by commas or spaces; a name covers its subdomains, "*" covers all. */
bool url_bypasses_proxy (const char *host, const char *list);

#endif
