/* The access token of the session's account: when it is of no more use, usherd is asked for another.
   usherd has a newer one, or lends this process what the token endpoint is to be asked with; the
   answer goes back, and only what usherd then hands out, because it is kept, is ever used.  One
   renewal at a time; a renewal that has begun is brought to its end, whoever has gone meanwhile:
   an app that changed its refresh token does not take the old one again. */
#ifndef USHER_NET_OAUTH_H
#define USHER_NET_OAUTH_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/wire.h"
#include "host/net/exchange.h"
#include "host/net/oauth-form.h"

struct net;
struct standin;

enum oauth_state
{
  OAUTH_IDLE,
  OAUTH_ASKED,          /* TOKEN_ASK is out */
  OAUTH_LATER,          /* to be asked again: somebody else renews it */
  OAUTH_RENEWING,       /* the token endpoint is asked */
  OAUTH_TOLD,           /* TOKEN_GOT is out */
  OAUTH_TELL_LATER,     /* usherd could not keep it: to be told again */
};

struct oauth
{
  struct standin *token;    /* borrowed from the session; NULL = there is nothing to renew */
  struct oauth_form form;
  enum oauth_state state;
  uint64_t serial;          /* of the token's value, 0 = none */
  bool refused;             /* ... which the app does not take */
  int64_t due_ms, ends_ms;  /* monotonic; INT64_MAX = not known */
  int64_t not_before_ms;    /* monotonic; when LATER, or after a failure with a token that is good still */
  int64_t deadline_ms;      /* monotonic; while RENEWING */
  struct exchange x;
  struct buf body;          /* of the request */
  struct buf text;          /* of the answer */
  bool too_long;
  struct oauth_answer answer;
  int64_t until_ms;         /* wall clock; that the endpoint asked to wait for */
  unsigned int tells;
};

/* Takes what NET_START says; -EINVAL, -ENOMEM. */
int oauth_start (struct net *net, const void *json, size_t len);
void oauth_done (struct oauth *o);

/* Says in the token's `stale` whether its value may be used now. */
void oauth_look (struct net *net);
/* The app did not take the token that had this serial. */
void oauth_refused (struct net *net, uint64_t serial);
/* Starts what is due; requests that wait for the token are told when it is there, or cannot be. */
void oauth_step (struct net *net);
/* The monotonic time at which oauth_step has something to do; INT64_MAX = none. */
int64_t oauth_due (const struct net *net);
/* What usherd answered.  -EBADMSG when it was not asked. */
int oauth_take (struct net *net, const struct wire_token *t);
/* The exchange with the token endpoint ended with this CURLcode. */
void oauth_complete (struct net *net, int code);
/* Whether a renewal has begun and usherd has not said that it is kept. */
bool oauth_busy (const struct net *net);

#endif
