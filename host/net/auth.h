/* The auth rules of the app file: how a request proves who sends it, where placing a
   stand-in is not enough.  A rule is an object of any of
     "bearer": F            Authorization: Bearer <F>
     "basic": [F, F]        Authorization: Basic <F:F>; "" is an empty half
     "header": {"N": F}     header N
     "query": {"N": F}      query parameter N; instead of F a proof:
                            {"hmac-sha256": [key F, text F]}, in lower-case hex
   where F names a secret. */
#ifndef USHER_NET_AUTH_H
#define USHER_NET_AUTH_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/net/standin.h"

#define AUTH_RULES_MAX 32u
#define AUTH_PARTS_MAX 16u

enum auth_kind
{
  AUTH_BEARER,
  AUTH_BASIC,
  AUTH_HEADER,
  AUTH_QUERY,
  AUTH_QUERY_HMAC,
};

struct auth_part
{
  enum auth_kind kind;
  char *name;           /* owned: of the header or parameter; NULL for bearer and basic */
  char *field[2];       /* owned: names of secrets */
};

struct auth_rule
{
  char *name;           /* owned */
  struct auth_part *parts;  /* owned */
  size_t n_parts;
};

struct auth
{
  struct auth_rule *rules;  /* owned */
  size_t n_rules;
};

void auth_done (struct auth *a);
/* Reads the rules from JSON; an empty text means none.  -EINVAL. */
int auth_parse (const char *json, size_t len, struct auth *ret);

/* The rule a request names: NULL means "default" (which may be missing: no proof), ""
   means none.  *ret is NULL for no proof; -ENOENT when there is no such rule. */
int auth_find (const struct auth *a, const char *name, const struct auth_rule **ret);

/* Appends the rule's headers to HEADERS ("Name: value" and NUL, one after the other)
   and its parameters to QUERY ("a=b&c=d").  -ENOENT: a field has no value (use->name);
   else as standin_value. */
int auth_apply (const struct auth_rule *rule, struct standin_use *use, struct buf *headers,
                struct buf *query);
/* Appends PLAIN in base64. */
int auth_put_base64 (const struct buf *plain, struct buf *out);
/* Whether all its secrets may go to ORIGIN. */
bool auth_may_go (const struct auth_rule *rule, const struct standins *all, const char *origin);

#endif
