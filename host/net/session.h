/* One session: what usherd said at its start, and the loop that serves the worker until
   one of the two ends goes away. */
#ifndef USHER_NET_SESSION_H
#define USHER_NET_SESSION_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/wire.h"
#include "host/net/allow.h"
#include "host/net/auth.h"
#include "host/net/exchange.h"
#include "host/net/oauth.h"
#include "host/net/rate.h"
#include "host/net/redact.h"
#include "host/net/request.h"
#include "host/net/standin.h"
#include "host/net/witness.h"

struct net
{
  struct wire_channel host, peer;
  struct buf to_host, to_peer;   /* frames on their way */
  struct exchange_net wire;      /* the handles and strings in it are owned here */
  struct allow allow;
  struct standins secrets;
  struct auth auth;
  struct rates rates;
  struct redact redact;
  struct oauth oauth;
  struct witness witness;
  uint32_t doubt;              /* what usherd was told of it last */
  struct request *requests[WIRE_REQUESTS_MAX];  /* owned; NULL = free */
  uint64_t exchanges;            /* started so far */
  struct evidence last;          /* the last good answer: told at the end, for whoever has to
                                    find out why a connector made nothing of it */
  bool peer_broke_it;            /* why serving ended: the worker's channel */
  bool odd_told;                 /* what cannot be believed of limits was said once */
  bool alone;                    /* the worker has gone */
  bool ended;                    /* usherd said END */
  int64_t end_by_ms;             /* monotonic; then it ends whatever the worker does */
};

/* Waits for NET_START on the first channel and keeps what it says.  -EPIPE when usherd
   went away, -EBADMSG or -EINVAL when it said nonsense. */
int session_start (struct net *net);
/* TCP ports that the session connects to, as its start has told them: those of its app, of the
   token endpoint, of name servers, of the proxy.  How many. */
#define SESSION_PORTS_MAX (ALLOW_ORIGINS_MAX + 4)
size_t session_ports (const struct net *net, uint16_t ret[SESSION_PORTS_MAX]);
/* Serves until an end of file or END.  0, or a negative errno of a broken channel. */
int session_serve (struct net *net);
void session_done (struct net *net);

/* Queue a message for usherd, for the worker.  A text in it must have been redacted. */
void session_tell_host (struct net *net, uint16_t type, const void *msg);
void session_tell_peer (struct net *net, uint16_t type, uint32_t stream, const void *msg);
void session_tell_body (struct net *net, uint32_t stream, const void *p, size_t len);
/* A line for usherd's log; secrets are taken out here. */
void session_log (struct net *net, uint32_t level, const char *fmt, ...) _printf_ (3, 4);
/* Passes the evidence on and empties it. */
void session_tell_evidence (struct net *net, struct evidence *e);

#endif
