/* Owns one end of a socketpair: frames read and put together to messages, buffers
   written whole.  Knows of a message only how long it may be. */
#include <config.h>

#include "host/common/wire.h"

#include <poll.h>
#include <sys/socket.h>

/* What is read ahead at most: the rest of one frame and one whole frame more. */
#define FILL_MAX (2 * (WIRE_HEADER + WIRE_PAYLOAD_MAX))

void
wire_channel_init (struct wire_channel *c, int fd)
{
  *c = (struct wire_channel) { .fd = fd, .in = BUF_INIT (FILL_MAX) };
  (void) pthread_mutex_init (&c->writing, NULL);
}

void
wire_channel_done (struct wire_channel *c)
{
  closep (&c->fd);
  c->fd = -1;
  /* Secrets pass through here. */
  buf_wipe (&c->in);
  buf_wipe (&c->message);
  (void) pthread_mutex_destroy (&c->writing);
}

int
wire_fill (struct wire_channel *c)
{
  ssize_t n;

  if (c->at)
    {
      buf_drop (&c->in, c->at);
      c->at = 0;
    }
  if (c->in.len == FILL_MAX)
    return -ENOBUFS;
  if (!buf_reserve (&c->in, FILL_MAX - c->in.len))
    return buf_error (&c->in);
  do
    n = read (c->fd, c->in.data + c->in.len, FILL_MAX - c->in.len);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == ECONNRESET ? -EPIPE : -errno;
  if (n == 0)
    c->eof = true;
  c->in.len += (size_t) n;
  return (int) n;
}

struct header
{
  uint32_t len, stream;
  uint16_t type, flags;
};

static struct header
read_header (const char *p)
{
  uint32_t words[3] = { 0 };
  size_t i;

  for (i = 0; i < WIRE_HEADER; i++)
    words[i / 4] |= (uint32_t) (uint8_t) p[i] << (8 * (i % 4));
  return (struct header) { words[0], words[2], (uint16_t) words[1], (uint16_t) (words[1] >> 16) };
}

/* Whether a frame with this header may come now, judged before its payload. */
static bool
acceptable (const struct wire_channel *c, const struct header *h)
{
  enum wire_form form = wire_form (h->type);
  size_t before = c->type ? c->message.len : 0;

  if (form == WIRE_FORM_NONE || h->len > WIRE_PAYLOAD_MAX || (h->flags & ~WIRE_MORE))
    return false;
  if (c->type && (c->type != h->type || c->stream != h->stream))
    return false;
  /* Only full frames are followed by more, so a message has a bounded number. */
  if ((h->flags & WIRE_MORE) && (form == WIRE_FORM_BYTES || h->len != WIRE_PAYLOAD_MAX))
    return false;
  return before + h->len <= wire_max (h->type);
}

/* Adds one frame's payload to the message being put together. */
static int
collect (struct wire_channel *c, const struct header *h, const char *payload)
{
  if (!c->type)
    {
      buf_wipe (&c->message);
      c->message.max = wire_max (h->type);
    }
  buf_put (&c->message, payload, h->len);
  c->type = h->flags & WIRE_MORE ? h->type : 0;
  c->stream = h->stream;
  return buf_error (&c->message);
}

int
wire_next (struct wire_channel *c, struct wire_frame *ret)
{
  for (;;)
    {
      size_t left = c->in.len - c->at;
      struct wire_frame frame;
      struct header h;
      const char *p;
      bool whole;
      int r;

      if (left < WIRE_HEADER)
        return 0;
      p = c->in.data + c->at;
      h = read_header (p);
      if (!acceptable (c, &h))
        return -EBADMSG;
      if (left - WIRE_HEADER < h.len)
        return 0;
      p += WIRE_HEADER;
      c->at += WIRE_HEADER + h.len;
      frame = (struct wire_frame) { h.type, h.stream, p, h.len };
      whole = !c->type && !(h.flags & WIRE_MORE);
      if (!whole)
        {
          r = collect (c, &h, p);
          if (r < 0)
            return r;
          if (c->type)
            continue;
          frame.payload = c->message.data;
          frame.len = c->message.len;
        }
      *ret = frame;
      return 1;
    }
}

static int
wait_for (int fd, short events)
{
  struct pollfd p = { .fd = fd, .events = events };
  int n;

  do
    n = poll (&p, 1, /* timeout */ -1);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

int
wire_wait (struct wire_channel *c, struct wire_frame *ret)
{
  int r;

  for (;;)
    {
      r = wire_next (c, ret);
      if (r != 0)
        return r;
      r = wire_fill (c);
      if (r == 0)
        return c->in.len > c->at || c->type ? -EPIPE : 0;
      if (r == -EAGAIN)
        r = wait_for (c->fd, POLLIN);
      if (r < 0)
        return r;
    }
}

/* Writes from P what the socket takes without waiting; bytes or a negative errno. */
static ssize_t
send_some (int fd, const char *p, size_t len)
{
  ssize_t n;

  do
    n = send (fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return errno == ECONNRESET ? -EPIPE : -errno;
  return n;
}

int
wire_push (struct wire_channel *c, struct buf *out)
{
  size_t sent = 0;
  ssize_t n = 0;

  if (buf_error (out))
    return buf_error (out);
  while (sent < out->len)
    {
      n = send_some (c->fd, out->data + sent, out->len - sent);
      if (n < 0)
        break;
      sent += (size_t) n;
    }
  if (sent)
    buf_drop (out, sent);
  return n < 0 ? (int) n : 0;
}

static int
write_all (int fd, const char *p, size_t len)
{
  int r;

  while (len)
    {
      ssize_t n = send_some (fd, p, len);

      if (n >= 0)
        {
          p += n;
          len -= (size_t) n;
          continue;
        }
      if (n != -EAGAIN)
        return (int) n;
      r = wait_for (fd, POLLOUT);
      if (r < 0)
        return r;
    }
  return 0;
}

int
wire_flush (struct wire_channel *c, struct buf *out)
{
  int r = buf_error (out);

  if (r == 0)
    {
      (void) pthread_mutex_lock (&c->writing);
      r = write_all (c->fd, out->data, out->len);
      (void) pthread_mutex_unlock (&c->writing);
    }
  buf_reset (out);
  return r;
}

int
wire_send (struct wire_channel *c, uint16_t type, uint32_t stream, const void *msg)
{
  size_t max = wire_max (type);
  _cleanup_ (buf_wipe) struct buf out
    = BUF_INIT (max + (max / WIRE_PAYLOAD_MAX + 1) * WIRE_HEADER);
  int r;

  r = wire_encode (&out, type, stream, msg);
  return r < 0 ? r : wire_flush (c, &out);
}
