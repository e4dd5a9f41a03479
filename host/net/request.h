/* One request of the connector, from OPEN to DONE: its checks, its exchanges on the
   wire (redirects, attempts), the way of its answer to the worker within the credit,
   and what the witness and usherd learn of it. */
#ifndef USHER_NET_REQUEST_H
#define USHER_NET_REQUEST_H

#include "host/common/arena.h"
#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/wire.h"
#include "host/net/auth.h"
#include "host/net/exchange.h"
#include "host/net/rate.h"
#include "host/net/url.h"

#define REQUEST_REDIRECTS_MAX 5u
#define REQUEST_TIMEOUT_MS 60000
#define REQUEST_TIMEOUT_MAX_MS (INT64_C (10) * 60 * 1000)
#define REQUEST_BYTES_MAX (UINT64_C (64) * 1024 * 1024)
#define REQUEST_CREDIT_MAX (1024u * 1024)
#define REQUEST_EVIDENCE_MAX (64u * 1024)

struct net;

enum request_state
{
  REQUEST_WAITING,      /* for a permit, or for its time */
  REQUEST_RUNNING,      /* an exchange is on the wire */
  REQUEST_DRAINING,     /* all is known; bytes wait for the worker's credit */
};

/* What becomes of the answer that is coming in. */
enum request_plan
{
  REQUEST_UNDECIDED,    /* its head is not here yet */
  REQUEST_DELIVER,      /* to the worker */
  REQUEST_FOLLOW,       /* it is a redirect */
  REQUEST_REPEAT,       /* the app is out for the moment */
  REQUEST_THROTTLED,    /* the app says "not now" */
  REQUEST_RENEW,        /* the app does not take the access token */
};

struct evidence
{
  int32_t status;       /* 0 = none */
  char *url;            /* owned */
  struct buf body;
};

struct request
{
  struct net *net;          /* borrowed */
  uint32_t id;
  enum request_state state;
  struct arena memory;      /* holds what asked points to */
  struct wire_open asked;   /* what the worker wants, with its stand-ins */
  const struct auth_rule *rule;  /* borrowed; NULL = no proof */
  /* Where it is now */
  struct url at;            /* the address of this hop */
  const char *method;       /* of this hop */
  bool with_body;
  bool elsewhere;           /* a redirect has led to another origin */
  bool wrote;               /* something not safe has begun to leave */
  unsigned int hops, attempts;
  int64_t not_before_ms;    /* monotonic; while WAITING */
  int64_t left_ms;          /* of its time, outside the exchange that runs */
  int64_t deadline_ms;      /* monotonic; of the exchange that runs */
  int64_t paused_ms;        /* monotonic; since when it waits for credit, 0 = it does not */
  bool wants_token;         /* while WAITING: for the access token to be renewed */
  bool renewed;             /* the app refused the token once; the next one counts */
  uint64_t token;           /* serial of the one that the exchange carries, 0 = none */
  struct rate_hold permits;
  struct buf body;          /* of this hop, secrets in it */
  struct exchange x;
  enum request_plan plan;
  bool accepted, odd;       /* of the answer that is delivered */
  int32_t fault;            /* why we ended the exchange: USHER_E_..., 0 */
  uint64_t max_bytes, received;
  uint64_t skipped;         /* bytes of a body that nobody wants */
  struct buf refusal;       /* the body of an answer that says "not now" */
  uint64_t credit;
  struct buf pending;       /* bytes taken in for which there is no credit yet */
  struct wire_done done;    /* while DRAINING; its text is owned */
  struct evidence evidence; /* of the answer that is delivered */
};

/* Takes a request in; what is wrong with it is answered by DONE.  -ENOMEM, or -EBADMSG
   when the payload is no OPEN or the handle is still in use. */
int request_open (struct net *net, uint32_t id, const void *payload, size_t len);
/* Bytes that the worker has room for. */
void request_credit (struct net *net, uint32_t id, uint32_t bytes);
/* The worker has no more use for it; nothing more is said about it. */
void request_close (struct net *net, uint32_t id);
/* Frees it and its place in the session. */
void request_free (struct request *r);

/* Starts what can be started and ends what is overdue; may free R. */
void request_step (struct request *r);
/* Its exchange came to an end with this CURLcode; may free R. */
void request_complete (struct request *r, int code);
/* usherd lends no permits of RULE before UNTIL_MS; frees R if it waits for one. */
void request_throttle (struct request *r, unsigned int rule, int64_t until_ms);
/* There is no access token for it, and why; frees R when it waits for one. */
void request_refuse_token (struct request *r, int32_t status, int64_t until_ms, const char *sentence);
/* How long an answer may take when nobody says. */
int64_t request_default_timeout (void);
/* The rule whose permit it waits for, or -1. */
int request_waits_for (const struct request *r);
/* The monotonic time at which request_step has something to do; INT64_MAX = none. */
int64_t request_due (const struct request *r);

/* Ends it: DONE with this status and sentence, once the worker has taken all bytes; may
   free R. */
void request_finish (struct request *r, int32_t status, int64_t until_ms, const char *fmt, ...)
  _printf_ (4, 5);
/* A request that the app may get twice without harm. */
bool request_is_safe (const struct request *r);

#endif
