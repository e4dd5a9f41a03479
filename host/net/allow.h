/* Where this session may go: the origins of its hub, and which network addresses may
   stand behind their names.  Decided anew for every request, every redirect and every
   socket that is opened. */
#ifndef USHER_NET_ALLOW_H
#define USHER_NET_ALLOW_H

#include <sys/socket.h>

#include "host/common/base.h"
#include "host/net/url.h"

#define ALLOW_ORIGINS_MAX 256u
#define ALLOW_NETWORKS_MAX 256u

struct allow_network
{
  uint8_t address[16];  /* IPv4 as ::ffff:a.b.c.d */
  unsigned int bits;    /* of the 128 */
};

struct allow
{
  char **origins;       /* owned */
  size_t n_origins;
  struct allow_network *networks;  /* owned: private ones that may be reached */
  size_t n_networks;
};

void allow_done (struct allow *a);
/* Adds an origin ("https://host" or "https://host:port").  -EINVAL, -E2BIG, -ENOMEM. */
int allow_add_origin (struct allow *a, const char *origin);
/* Adds a network in CIDR form, or a single address. */
int allow_add_network (struct allow *a, const char *cidr);

/* The ports of all origins, one an origin: how many. */
size_t allow_ports (const struct allow *a, uint16_t ret[ALLOW_ORIGINS_MAX]);

/* Scheme, host and port are those of a listed origin. */
bool allow_origin (const struct allow *a, const struct url *u);

enum allow_kind
{
  ALLOW_PUBLIC,
  ALLOW_PRIVATE,  /* loopback, private and other addresses of a closed network */
  ALLOW_NEVER,    /* link-local, multicast, unspecified: nothing a hub can live at */
};

/* What an address is; one that carries an IPv4 address (mapped, compatible, NAT64,
   6to4, Teredo) is what that is. */
enum allow_kind allow_classify (const struct sockaddr *sa);

/* Whether U may be fetched from this address: public ones always; private ones when U
   names that very address, when U names "localhost" and it is a loopback address, or
   when a listed network holds it. */
bool allow_address (const struct allow *a, const struct url *u, const struct sockaddr *sa);

#endif
