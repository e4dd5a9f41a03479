/* Owns event streams as clients read them.  Each holds one piece of text at most, made when
   the last was sent: a client that reads slowly waits for itself alone. */
#include <config.h>

#include "host/api/stream.h"

#include "host/common/buf.h"
#include "host/common/text.h"

#define STREAMS_MAX 256u
#define HEARTBEAT_MS 15000          /* less than the idle time of connections */
#define PIECE_BYTES (64u * 1024)    /* no new event is added behind this */
#define PIECE_MAX (1u << 20)
#define BLOCK_BYTES 4096u
#define RETRY_MS 2000

struct streams
{
  struct engine *engine;
  _Atomic size_t open;
};

struct stream
{
  struct streams *all;
  struct event_stream *events;   /* owned */
  struct buf piece;
  size_t sent;                   /* of it */
};

int
streams_new (struct engine *e, struct streams **ret)
{
  struct streams *s = calloc (1, sizeof *s);

  if (!s)
    return -ENOMEM;
  s->engine = e;
  *ret = s;
  return 0;
}

void
streams_end (struct streams *s)
{
  engine_streams_end (s->engine);
}

void
streams_free (struct streams *s)
{
  free (s);
}

size_t
streams_open (const struct streams *s)
{
  return atomic_load (&s->open);
}

/* JSON has no line breaks in its compact form: an event is one line of data. */
static int
put_event (struct buf *out, const json_t *event)
{
  char *text = json_dumps (event, JSON_COMPACT);

  if (!text)
    return -ENOMEM;
  buf_printf (out, "id: %lld\nevent: %s\ndata: %s\n\n", (long long) json_integer_value (json_object_get (event, "seq")),
              json_string_value (json_object_get (event, "type")), text);
  free (text);
  return buf_error (out);
}

/* The next piece: events, or the sign of life. */
static int
fill (struct stream *s)
{
  json_t *events = NULL, *event;
  int x = engine_stream_read (s->events, HEARTBEAT_MS, PIECE_BYTES, &events);
  size_t i;

  buf_reset (&s->piece);
  s->sent = 0;
  if (x == 0)
    buf_puts (&s->piece, ":\n\n");
  json_array_foreach (events, i, event)
    if (x >= 0)
      x = put_event (&s->piece, event);
  json_decref (events);
  return x < 0 ? x : buf_error (&s->piece);
}

/* On the connection's own thread, which may wait. */
static ssize_t
read_more (void *arg, uint64_t at, char *to, size_t max)
{
  struct stream *s = arg;
  size_t n;

  (void) at;
  if (s->sent == s->piece.len && fill (s) < 0)
    return MHD_CONTENT_READER_END_OF_STREAM;
  n = MIN (max, s->piece.len - s->sent);
  memcpy (to, s->piece.data + s->sent, n);
  s->sent += n;
  return (ssize_t) n;
}

static void
done (void *arg)
{
  struct stream *s = arg;

  engine_stream_close (s->events);
  buf_done (&s->piece);
  atomic_fetch_sub (&s->all->open, 1);
  free (s);
}

static int
open_stream (struct streams *all, const struct call *call, const char *last, struct stream **ret, struct refusal *r)
{
  struct stream *s;
  uint64_t after = 0;
  int x;

  if (last && parse_u64 (last, 0, UINT64_MAX, &after) < 0)
    return refuse (r, "malformed", "Last-Event-ID", "Last-Event-ID is the id of an event of this stream.");
  s = calloc (1, sizeof *s);
  if (!s)
    return refuse_errno (r, -ENOMEM);
  s->all = all;
  s->piece = (struct buf) BUF_INIT (PIECE_MAX);
  buf_printf (&s->piece, "retry: %d\n\n", RETRY_MS);
  x = engine_stream_open (all->engine, call, last ? &after : NULL, &s->events, r);
  if (x < 0)
    {
      buf_done (&s->piece);
      free (s);
      return x;
    }
  *ret = s;
  return 0;
}

int
stream_answer (struct streams *all, struct MHD_Connection *c, const struct call *call, const char *last,
               struct traffic *traffic, struct refusal *r)
{
  struct MHD_Response *response;
  struct stream *s = NULL;
  int x;

  if (atomic_fetch_add (&all->open, 1) >= STREAMS_MAX)
    x = refuse (r, "unavailable", NULL, "%u event streams are open, and no more may be.", STREAMS_MAX);
  else
    x = open_stream (all, call, last, &s, r);
  if (x < 0)
    {
      atomic_fetch_sub (&all->open, 1);
      return x;
    }
  response = MHD_create_response_from_callback (MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_more, s, done);
  if (!response)
    {
      done (s);
      return refuse_errno (r, -ENOMEM);
    }
  (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
  (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  (void) MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
  x = answer_with (c, traffic, MHD_HTTP_OK, response) == MHD_YES ? 0 : refuse_errno (r, -ENOMEM);
  MHD_destroy_response (response);
  return x;
}
