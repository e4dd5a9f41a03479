/* Owns the judgement of origins and addresses. */
#include <config.h>

#include "host/net/allow.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "host/common/text.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

void
allow_done (struct allow *a)
{
  size_t i;

  for (i = 0; i < a->n_origins; i++)
    free (a->origins[i]);
  free (a->origins);
  free (a->networks);
  *a = (struct allow) { 0 };
}

/* Makes room for one more in an array of at most MAX elements. */
static void *
grown (void *array, size_t n, size_t max, size_t size)
{
  return n < max ? reallocarray (array, n + 1, size) : NULL;
}

int
allow_add_origin (struct allow *a, const char *origin)
{
  _cleanup_ (url_done) struct url u = { 0 };
  char **more;
  int r = url_parse (origin, &u);

  if (r < 0)
    return r;
  if (a->n_origins >= ALLOW_ORIGINS_MAX)
    return -E2BIG;
  more = grown (a->origins, a->n_origins, ALLOW_ORIGINS_MAX, sizeof *more);
  if (!more)
    return -ENOMEM;
  a->origins = more;
  a->origins[a->n_origins++] = TAKE (u.origin);
  return 0;
}

size_t
allow_ports (const struct allow *a, uint16_t ret[ALLOW_ORIGINS_MAX])
{
  uint64_t port;
  size_t n = 0, i;

  for (i = 0; i < a->n_origins; i++)
    /* An origin always ends in its port. */
    if (parse_u64 (strrchr (a->origins[i], ':') + 1, 1, UINT16_MAX, &port) == 0)
      ret[n++] = (uint16_t) port;
  return n;
}

static int
address_from_text (const char *s, uint8_t ret[16], bool *ret_v4)
{
  if (inet_pton (AF_INET6, s, ret) == 1)
    {
      *ret_v4 = false;
      return 0;
    }
  if (inet_pton (AF_INET, s, ret + 12) != 1)
    return -EINVAL;
  memcpy (ret, mapped_prefix, sizeof mapped_prefix);
  *ret_v4 = true;
  return 0;
}

int
allow_add_network (struct allow *a, const char *cidr)
{
  char text[INET6_ADDRSTRLEN];
  struct allow_network net = { .bits = 128 };
  struct allow_network *more;
  size_t len = strcspn (cidr, "/");
  uint64_t bits;
  bool v4;

  if (len >= sizeof text)
    return -EINVAL;
  memcpy (text, cidr, len);
  text[len] = '\0';
  if (address_from_text (text, net.address, &v4) < 0)
    return -EINVAL;
  if (cidr[len] == '/')
    {
      if (parse_u64 (cidr + len + 1, 0, v4 ? 32 : 128, &bits) < 0)
        return -EINVAL;
      net.bits = (unsigned int) bits + (v4 ? 96 : 0);
    }
  if (a->n_networks >= ALLOW_NETWORKS_MAX)
    return -E2BIG;
  more = grown (a->networks, a->n_networks, ALLOW_NETWORKS_MAX, sizeof *more);
  if (!more)
    return -ENOMEM;
  a->networks = more;
  a->networks[a->n_networks++] = net;
  return 0;
}

bool
allow_origin (const struct allow *a, const struct url *u)
{
  size_t i;

  for (i = 0; i < a->n_origins; i++)
    if (streq (a->origins[i], u->origin))
      return true;
  return false;
}

static bool
in_network (const uint8_t a[16], const uint8_t net[16], unsigned int bits)
{
  unsigned int whole = bits / 8, rest = bits % 8;

  return memcmp (a, net, whole) == 0
         && (!rest || ((a[whole] ^ net[whole]) >> (8 - rest)) == 0);
}

struct range
{
  uint8_t prefix[16];
  unsigned int bits;
  enum allow_kind kind;
};

/* IANA special-purpose registries; the first that holds an address decides. */
static const struct range ranges_v4[] = {
  { { 0 }, 8, ALLOW_NEVER },                  /* this network */
  { { 169, 254 }, 16, ALLOW_NEVER },          /* link-local; cloud metadata */
  { { 224 }, 4, ALLOW_NEVER },                /* multicast */
  { { 255, 255, 255, 255 }, 32, ALLOW_NEVER },
  { { 10 }, 8, ALLOW_PRIVATE },
  { { 100, 64 }, 10, ALLOW_PRIVATE },         /* carrier-grade NAT */
  { { 127 }, 8, ALLOW_PRIVATE },
  { { 172, 16 }, 12, ALLOW_PRIVATE },
  { { 192, 0, 0 }, 24, ALLOW_PRIVATE },
  { { 192, 0, 2 }, 24, ALLOW_PRIVATE },       /* documentation */
  { { 192, 168 }, 16, ALLOW_PRIVATE },
  { { 198, 18 }, 15, ALLOW_PRIVATE },         /* benchmarks */
  { { 198, 51, 100 }, 24, ALLOW_PRIVATE },
  { { 203, 0, 113 }, 24, ALLOW_PRIVATE },
  { { 240 }, 4, ALLOW_PRIVATE },              /* reserved */
};

static const struct range ranges_v6[] = {
  { { 0 }, 128, ALLOW_NEVER },
  { { [15] = 1 }, 128, ALLOW_PRIVATE },       /* loopback */
  { { 0xfe, 0x80 }, 10, ALLOW_NEVER },        /* link-local */
  { { 0xff }, 8, ALLOW_NEVER },               /* multicast */
  { { 0xfc }, 7, ALLOW_PRIVATE },             /* unique local */
  { { 0xfe, 0xc0 }, 10, ALLOW_PRIVATE },      /* site-local, deprecated */
  { { 0x00, 0x64, 0xff, 0x9b, 0, 1 }, 48, ALLOW_PRIVATE },  /* NAT64 of one's own */
  { { 0x01 }, 64, ALLOW_PRIVATE },            /* discard */
  { { 0x20, 0x01, 0x0d, 0xb8 }, 32, ALLOW_PRIVATE },        /* documentation */
};

/* Prefixes whose addresses carry an IPv4 address at byte AT; FLIPPED: inverted. */
static const struct
{
  uint8_t prefix[16];
  unsigned int bits, at;
  bool flipped;
} carriers[] = {
  { { [10] = 0xff, [11] = 0xff }, 96, 12, false },          /* mapped */
  { { [8] = 0xff, [9] = 0xff }, 96, 12, false },            /* translated, RFC 2765 */
  { { 0 }, 96, 12, false },                                 /* compatible */
  { { 0x00, 0x64, 0xff, 0x9b }, 96, 12, false },            /* NAT64, RFC 6052 */
  { { 0x20, 0x02 }, 16, 2, false },                         /* 6to4 */
  { { 0x20, 0x01, 0, 0 }, 32, 12, true },                   /* Teredo */
};

static enum allow_kind
look_up (const uint8_t a[16], const struct range *ranges, size_t n, enum allow_kind otherwise)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (in_network (a, ranges[i].prefix, ranges[i].bits))
      return ranges[i].kind;
  return otherwise;
}

static enum allow_kind
classify_v4 (const uint8_t v4[4])
{
  uint8_t a[16] = { v4[0], v4[1], v4[2], v4[3] };

  return look_up (a, ranges_v4, ARRAY_SIZE (ranges_v4), ALLOW_PUBLIC);
}

static enum allow_kind
classify_v6 (const uint8_t a[16])
{
  uint8_t v4[4];
  size_t i, k;

  if (look_up (a, ranges_v6, 2, ALLOW_PUBLIC) != ALLOW_PUBLIC)
    return look_up (a, ranges_v6, 2, ALLOW_PUBLIC);
  for (i = 0; i < ARRAY_SIZE (carriers); i++)
    if (in_network (a, carriers[i].prefix, carriers[i].bits))
      {
        for (k = 0; k < sizeof v4; k++)
          v4[k] = (uint8_t) (a[carriers[i].at + k] ^ (carriers[i].flipped ? 0xff : 0));
        return classify_v4 (v4);
      }
  return look_up (a, ranges_v6, ARRAY_SIZE (ranges_v6), ALLOW_PUBLIC);
}

/* The 16 bytes of an address, IPv4 mapped; false for another family. */
static bool
bytes_of (const struct sockaddr *sa, uint8_t ret[16])
{
  if (sa->sa_family == AF_INET)
    {
      struct sockaddr_in in;

      memcpy (&in, sa, sizeof in);
      memcpy (ret, mapped_prefix, sizeof mapped_prefix);
      memcpy (ret + 12, &in.sin_addr, 4);
      return true;
    }
  if (sa->sa_family == AF_INET6)
    {
      struct sockaddr_in6 in6;

      memcpy (&in6, sa, sizeof in6);
      memcpy (ret, &in6.sin6_addr, 16);
      return true;
    }
  return false;
}

enum allow_kind
allow_classify (const struct sockaddr *sa)
{
  uint8_t a[16];

  return bytes_of (sa, a) ? classify_v6 (a) : ALLOW_NEVER;
}

static bool
is_loopback (const uint8_t a[16])
{
  static const uint8_t one[16] = { [15] = 1 };

  return memcmp (a, one, sizeof one) == 0
         || (memcmp (a, mapped_prefix, sizeof mapped_prefix) == 0 && a[12] == 127);
}

bool
allow_address (const struct allow *a, const struct url *u, const struct sockaddr *sa)
{
  uint8_t address[16], named[16];
  size_t i;
  bool v4;

  if (!bytes_of (sa, address))
    return false;
  switch (classify_v6 (address))
    {
    case ALLOW_PUBLIC:
      return true;
    case ALLOW_NEVER:
      return false;
    case ALLOW_PRIVATE:
      break;
    }
  if (address_from_text (u->host, named, &v4) == 0
      && memcmp (named, address, sizeof address) == 0)
    return true;
  if (streq (u->host, "localhost") && is_loopback (address))
    return true;
  for (i = 0; i < a->n_networks; i++)
    if (in_network (address, a->networks[i].address, a->networks[i].bits))
      return true;
  return false;
}
