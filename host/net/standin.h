/* Secrets and what stands for them: "uS" and 30 characters of A-Z a-z 0-9, random for
   each session.  Only this process knows both.  A stand-in is found in the address,
   the header values and the body of a request and replaced by the value, written as
   its place wants it, towards the origins listed for that secret only. */
#ifndef USHER_NET_STANDIN_H
#define USHER_NET_STANDIN_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/secret.h"
#include "host/net/totp.h"

#define STANDIN_LENGTH 32u
#define STANDINS_MAX 64u

struct standin
{
  char *name;               /* owned: "token" */
  char token[STANDIN_LENGTH + 1];
  struct secret value;
  char **origins;           /* owned: where it may go */
  size_t n_origins;
  bool is_token;            /* an access token that this process has renewed (oauth.h) */
  bool stale;               /* ... and its value is of no use before that was done */
  bool is_code;             /* the value is a seed, what is sent is a code */
  struct totp totp;
  char code[TOTP_CODE_SIZE];  /* of the exchange below */
  uint64_t code_exchange;
};

struct standins
{
  struct standin *v;        /* owned */
  size_t n;
};

enum standin_place
{
  STANDIN_URL,              /* percent, everything but unreserved characters */
  STANDIN_HEADER,           /* as it is; no controls */
  STANDIN_JSON,             /* inside a JSON string */
  STANDIN_FORM,             /* percent */
  STANDIN_XML,              /* entities, for text and attributes */
  STANDIN_RAW,              /* as it is */
};

/* One exchange on the wire: the codes in it are computed once. */
struct standin_use
{
  struct standins *all;     /* borrowed */
  const char *origin;       /* where the exchange goes */
  int64_t now_ms;           /* wall clock */
  uint64_t exchange;        /* its number, not 0 */
  bool with_token;          /* set when an access token was put in */
  /* Set when a call below fails: */
  const char *name;         /* the secret that it failed at; borrowed */
  int64_t wait_ms;          /* with -EAGAIN */
};

void standins_done (struct standins *s);
/* Adds one; copies.  A secret called "totp" is a seed.  -EINVAL when the token has not
   the form or comes twice, an origin is none, or a seed cannot be read. */
int standins_add (struct standins *s, const char *name, const char *token, const char *value,
                  const char *const *origins, size_t n_origins);

/* Gives the secret called NAME another value.  -ENOENT when there is none, -EINVAL for a
   seed. */
int standins_set (struct standins *s, const char *name, const char *value);

/* The secret called NAME, or NULL. */
struct standin *standins_find (const struct standins *s, const char *name);
bool standin_may_go (const struct standin *s, const char *origin);

/* The place that a body of this media type is. */
enum standin_place standin_place_of (const char *content_type);

/* The value of S as it is now, appended to OUT raw.
     -EACCES  it may not go to that origin
     -EAGAIN  the code of this moment is spent
     -EINPROGRESS  it has to be renewed first
     -EINVAL, -E2BIG, -ENOMEM */
int standin_value (struct standin_use *use, struct standin *s, struct buf *out);
/* Appends VALUE as PLACE wants it; -EINVAL when it cannot stand there. */
int standin_escape (enum standin_place place, const char *value, size_t len, struct buf *out);
/* Appends TEXT with every stand-in replaced.  As standin_value; -EINVAL when a value
   cannot stand in that place. */
int standins_replace (struct standin_use *use, enum standin_place place, const char *text,
                      size_t len, struct buf *out);

#endif
