/* Owns the poll loop over the two channels. */
#include <config.h>

#include "host/worker/link.h"

#include <poll.h>

#define HOST 0
#define PEER 1

/* The largest message with the headers of its frames; one is written at a time. */
#define OUT_MAX (4u * 1024 * 1024)

void
link_leave (int status)
{
  _exit (status);
}

void
link_init (struct link *l, const struct link_events *events, void *arg)
{
  *l = (struct link) { .to_host = BUF_INIT (OUT_MAX), .to_peer = BUF_INIT (OUT_MAX),
                       .events = events, .arg = arg };
  wire_channel_init (&l->host, WIRE_FD_HOST);
  wire_channel_init (&l->peer, WIRE_FD_PEER);
}

static void
lose_peer (struct link *l)
{
  wire_channel_done (&l->peer);
  buf_reset (&l->to_peer);
  l->events->peer_gone (l->arg);
}

static void
lost (struct link *l, int which, int error)
{
  if (error == -EBADMSG || error == -ENOMEM)
    link_leave (WIRE_EXIT_PROTOCOL);
  if (which == HOST)
    link_leave (EXIT_SUCCESS);
  lose_peer (l);
}

/* Hands out the whole frames that were read. */
static void
hand_out (struct link *l, int which)
{
  struct wire_channel *c = which == HOST ? &l->host : &l->peer;
  struct wire_frame f;
  int r;

  while ((r = wire_next (c, &f)) == 1)
    (which == HOST ? l->events->host : l->events->peer) (l->arg, &f);
  if (r < 0)
    lost (l, which, r);
}

static void
take (struct link *l, int which)
{
  int r;

  r = wire_fill (which == HOST ? &l->host : &l->peer);
  if (r == -EAGAIN)
    return;
  if (r <= 0)
    {
      lost (l, which, r);
      return;
    }
  hand_out (l, which);
}

static void
push (struct link *l, int which)
{
  int r;

  r = which == HOST ? wire_push (&l->host, &l->to_host) : wire_push (&l->peer, &l->to_peer);
  if (r < 0 && r != -EAGAIN)
    lost (l, which, r);
}

static void
turn (struct link *l, int timeout_ms)
{
  struct pollfd p[2] = {
    { .fd = l->host.fd, .events = (short) (POLLIN | (l->to_host.len ? POLLOUT : 0)) },
    { .fd = l->peer.fd, .events = (short) (POLLIN | (l->to_peer.len ? POLLOUT : 0)) },
  };
  int which;

  if (poll (p, ARRAY_SIZE (p), timeout_ms) <= 0)
    return;
  for (which = HOST; which <= PEER; which++)
    {
      if (p[which].revents & (POLLIN | POLLHUP | POLLERR))
        take (l, which);
      if (p[which].revents & POLLOUT)
        push (l, which);
    }
}

void
link_begin (struct link *l)
{
  hand_out (l, HOST);
}

void
link_poll (struct link *l)
{
  turn (l, 0);
}

void
link_wait (struct link *l)
{
  turn (l, /* for ever */ -1);
}

static void
write_host (struct link *l)
{
  push (l, HOST);
  while (l->to_host.len)
    link_wait (l);
}

int
link_to_host (struct link *l, uint16_t type, uint32_t stream, const void *msg)
{
  int r;

  r = wire_encode (&l->to_host, type, stream, msg);
  if (r == 0)
    write_host (l);
  return r;
}

int
link_bytes_to_host (struct link *l, uint16_t type, uint32_t stream, const void *p, size_t len)
{
  int r;

  r = wire_encode_bytes (&l->to_host, type, stream, p, len);
  if (r == 0)
    write_host (l);
  return r;
}

int
link_to_peer (struct link *l, uint16_t type, uint32_t stream, const void *msg)
{
  int r;

  r = wire_encode (&l->to_peer, type, stream, msg);
  if (r < 0)
    return r;
  if (l->peer.fd < 0)
    {
      buf_reset (&l->to_peer);
      return 0;
    }
  push (l, PEER);
  while (l->to_peer.len)
    link_wait (l);
  return 0;
}
