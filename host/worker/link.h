/* The worker's two channels, served together by its one thread: whoever waits for
   usherd or for usher-net, or writes to one of them, also takes what the other sends,
   so that no two processes wait for each other. */
#ifndef USHER_WORKER_LINK_H
#define USHER_WORKER_LINK_H

#include "host/common/wire.h"

/* What happens to a frame.  None of these may send. */
struct link_events
{
  void (*host) (void *arg, const struct wire_frame *f);
  void (*peer) (void *arg, const struct wire_frame *f);
  void (*peer_gone) (void *arg);
};

struct link
{
  struct wire_channel host, peer;   /* usherd, usher-net */
  struct buf to_host, to_peer;
  const struct link_events *events; /* borrowed */
  void *arg;                        /* borrowed */
};

/* Takes over WIRE_FD_HOST and WIRE_FD_PEER. */
void link_init (struct link *l, const struct link_events *events, void *arg);

/* Hands out what was read from usherd together with the first message, START, which is
   taken from the channel directly. */
void link_begin (struct link *l);
/* Hands out what has arrived, without waiting. */
void link_poll (struct link *l);
/* Waits until something has happened on a channel, and handles it. */
void link_wait (struct link *l);

/* Encode and write a message, serving both channels until it is written.  -E2BIG and
   -EINVAL as wire_encode; nothing was sent then.  Messages to a net that is gone are
   dropped. */
int link_to_host (struct link *l, uint16_t type, uint32_t stream, const void *msg);
int link_to_peer (struct link *l, uint16_t type, uint32_t stream, const void *msg);
int link_bytes_to_host (struct link *l, uint16_t type, uint32_t stream, const void *p, size_t len);

/* Ends the process at once, whatever the connector on the stack was doing.  Called when
   usherd is gone (status 0) or a channel is broken (WIRE_EXIT_PROTOCOL). */
_Noreturn void link_leave (int status);

#endif
