/* Owns the requests of an operation: at most eight, each with its own window of bytes
   that net may send before they are read.  Answers of requests that were closed are
   dropped. */
#include <config.h>

#include "host/worker/host.h"

#include "host/common/row.h"
#include "host/common/text.h"

/* Credit goes back in pieces of this many bytes. */
#define CREDIT_STEP 65536u

static struct host_stream *
find (struct host *h, uint32_t id)
{
  size_t i;

  for (i = 0; id && i < ARRAY_SIZE (h->streams); i++)
    if (h->streams[i].id == id)
      return &h->streams[i];
  return NULL;
}

static void
release (struct host_stream *s)
{
  arena_done (&s->arena);
  buf_done (&s->body);
  memset (s, 0, sizeof *s);
}

/* What usher-net sends.  */

static void
on_head (struct host_stream *s, const struct wire_frame *f)
{
  union wire_message m;

  if (s->headed || wire_decode (f->type, f->payload, f->len, &s->arena, &m) < 0)
    link_leave (WIRE_EXIT_PROTOCOL);
  s->head = m.head;
  s->headed = true;
}

static void
on_body (struct host_stream *s, const struct wire_frame *f)
{
  if (!s->headed || f->len > s->credit)
    link_leave (WIRE_EXIT_PROTOCOL);
  s->credit -= (uint32_t) f->len;
  /* What is unread fits, because it is within the credit. */
  if (s->body.len + f->len > s->body.max)
    {
      buf_drop (&s->body, s->at);
      s->at = 0;
    }
  buf_put (&s->body, f->payload, f->len);
  if (buf_error (&s->body))
    link_leave (WIRE_EXIT_PROTOCOL);
}

static void
finish (struct host_stream *s, int32_t status, const char *text, int64_t until_ms)
{
  s->done = true;
  s->status = status;
  s->until_ms = until_ms;
  utf8_clean (text ? text : "", s->text, sizeof s->text);
}

static void
on_done (struct host_stream *s, const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  union wire_message m;

  if (wire_decode (f->type, f->payload, f->len, &arena, &m) < 0
      || (m.done.status == 0 && !s->headed) || m.done.status > 0)
    link_leave (WIRE_EXIT_PROTOCOL);
  finish (s, m.done.status, m.done.text, m.done.until_ms);
}

void
host_on_peer (void *arg, const struct wire_frame *f)
{
  struct host *h = arg;
  struct host_stream *s = find (h, f->stream);

  if (f->type != WIRE_HEAD && f->type != WIRE_BODY && f->type != WIRE_DONE)
    link_leave (WIRE_EXIT_PROTOCOL);
  if (!s && f->stream && f->stream <= h->last_stream)
    return;
  if (!s || s->done)
    link_leave (WIRE_EXIT_PROTOCOL);
  if (f->type == WIRE_HEAD)
    on_head (s, f);
  else if (f->type == WIRE_BODY)
    on_body (s, f);
  else
    on_done (s, f);
}

void
host_on_peer_gone (void *arg)
{
  struct host *h = arg;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (h->streams); i++)
    if (h->streams[i].id && !h->streams[i].done)
      finish (&h->streams[i], USHER_E_NETWORK, "usher-net ended before the answer did", 0);
}

/* What the connector calls.  */

static bool
is_token (const char *s)
{
  /* RFC 9110 5.6.2 */
  static const char marks[] = "!#$%&'*+-.^_`|~";

  if (!*s)
    return false;
  for (; *s; s++)
    if (!((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')
          || strchr (marks, *s)))
      return false;
  return true;
}

/* Nothing that would end a line of a request; a tab is a space in a header. */
static bool
is_one_line (const char *s, bool is_url)
{
  for (; *s; s++)
    if (((unsigned char) *s < 0x20 && (is_url || *s != '\t')) || *s == 0x7f
        || (is_url && *s == ' '))
      return false;
  return true;
}

/* NULL, or what is wrong with the request. */
static const char *
fault_of (const struct usher_request *q)
{
  size_t i;

  if (q->method && !is_token (q->method))
    return "no method";
  if (!q->url || (!has_prefix (q->url, "https://") && !has_prefix (q->url, "http://"))
      || !is_one_line (q->url, /* is_url */ true))
    return "no http or https address";
  if (!q->body && q->body_len)
    return "a body that is NULL";
  if (q->timeout_ms < 0)
    return "a negative timeout";
  for (i = 0; i < q->n_headers; i++)
    {
      const struct usher_kv *kv = &q->headers[i];

      if (!kv->key || !is_token (kv->key) || !kv->value
          || !is_one_line (kv->value, /* is_url */ false))
        return "a header that is not one line";
    }
  return NULL;
}

static struct host_stream *
new_stream (struct host *h)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (h->streams); i++)
    if (!h->streams[i].id)
      {
        h->streams[i] = (struct host_stream) {
          .id = ++h->last_stream,
          .arena = ARENA_INIT (WIRE_ARENA_MAX),
          .body = BUF_INIT (WIRE_CREDIT_BYTES),
          .credit = WIRE_CREDIT_BYTES,
        };
        return &h->streams[i];
      }
  return NULL;
}

int32_t
host_http_open (struct usher_ctx *ctx, const struct usher_request *given, uint32_t *ret_h)
{
  struct host *h = host_of (ctx);
  int32_t status = host_enter (h);
  const struct usher_request *q;
  struct usher_request copy;
  struct host_stream *s;
  const char *wrong;
  int r;

  if (status < 0)
    return status;
  if (!h->op || !given || !ret_h)
    return host_misuse (h, "the connector made a request outside an operation, or none");
  q = ROW_COVERED (usher_request, given, &copy);
  wrong = fault_of (q);
  if (wrong)
    return host_misuse (h, "the connector made a request with %s", wrong);
  s = new_stream (h);
  if (!s)
    return host_misuse (h, "the connector opened more than %u requests", WIRE_REQUESTS_MAX);
  const struct wire_open msg = {
    .ordinal = h->section.open ? h->section.ordinal : 0, .flags = q->flags,
    .method = q->method ? q->method : "GET", .url = q->url, .auth = q->auth, .accept = q->accept,
    .headers = { q->headers, q->n_headers }, .body = { q->body, q->body_len },
    .timeout_ms = q->timeout_ms, .max_bytes = q->max_bytes };

  r = link_to_peer (&h->link, WIRE_OPEN, s->id, &msg);
  if (r < 0)
    {
      release (s);
      return host_unsendable (h, r, "a request");
    }
  if (h->link.peer.fd < 0)
    host_on_peer_gone (h);
  h->requested = true;
  h->section.requests += h->section.open;
  *ret_h = s->id;
  return USHER_DONE;
}

/* The status of a request that net gave up; its sentence is kept for the RESULT. */
static int32_t
failed (struct host *h, const struct host_stream *s)
{
  h->net_fault.code = s->status;
  memcpy (h->net_fault.text, s->text, sizeof h->net_fault.text);
  h->net_fault.until_ms = s->until_ms;
  return s->status;
}

/* The open request ID, with news of it taken; NULL when *RET_STATUS says why not. */
static struct host_stream *
enter_stream (struct host *h, uint32_t id, int32_t *ret_status)
{
  struct host_stream *s = find (h, id);

  *ret_status = host_enter (h);
  if (*ret_status < 0)
    return NULL;
  if (!s)
    *ret_status = host_misuse (h, "the connector used the request %u, which is not open", id);
  return s;
}

int32_t
host_http_head (struct usher_ctx *ctx, uint32_t id, struct usher_response *ret)
{
  struct host *h = host_of (ctx);
  struct usher_response full = { 0 };
  int32_t status;
  struct host_stream *s = enter_stream (h, id, &status);

  if (!s)
    return status;
  if (!ret || ret->size < sizeof ret->size + sizeof ret->status)
    return host_misuse (h, "the connector gave no room for a response");
  while (!s->headed && !s->done && !h->cancelled)
    link_wait (&h->link);
  if (h->cancelled)
    return USHER_E_CANCELLED;
  if (!s->headed)
    return failed (h, s);
  full.size = ret->size;
  full.status = s->head.status;
  full.url = s->head.url;
  full.headers = s->head.headers.v;
  full.n_headers = s->head.headers.n;
  memcpy (ret, &full, MIN (ret->size, sizeof full));
  return USHER_DONE;
}

/* Gives the credit of N bytes back that were read. */
static void
give_back (struct host *h, struct host_stream *s, size_t n)
{
  struct wire_credit msg;

  s->owed += (uint32_t) n;
  if (s->owed < CREDIT_STEP || s->done)
    return;
  msg.bytes = s->owed;
  s->credit += s->owed;
  s->owed = 0;
  (void) link_to_peer (&h->link, WIRE_CREDIT, s->id, &msg);
}

int32_t
host_http_read (struct usher_ctx *ctx, uint32_t id, void *buf, size_t cap, size_t *ret_len)
{
  struct host *h = host_of (ctx);
  int32_t status;
  struct host_stream *s = enter_stream (h, id, &status);
  size_t n;

  if (!s)
    return status;
  if (!buf || !cap || !ret_len)
    return host_misuse (h, "the connector gave no room for a body");
  while (s->at == s->body.len && !s->done && !h->cancelled)
    link_wait (&h->link);
  if (h->cancelled)
    return USHER_E_CANCELLED;
  n = MIN (cap, s->body.len - s->at);
  if (!n && s->status < 0)
    return failed (h, s);
  if (n)
    memcpy (buf, s->body.data + s->at, n);
  s->at += n;
  if (s->at == s->body.len)
    {
      buf_reset (&s->body);
      s->at = 0;
    }
  give_back (h, s, n);
  *ret_len = n;
  return USHER_DONE;
}

void
host_http_close (struct usher_ctx *ctx, uint32_t id)
{
  struct host *h = host_of (ctx);
  struct host_stream *s = find (h, id);

  if (!s)
    return;
  /* Net forgets a request by itself once it has said DONE. */
  if (!s->done)
    (void) link_to_peer (&h->link, WIRE_CLOSE, id, NULL);
  release (s);
}

void
host_close_streams (struct host *h)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (h->streams); i++)
    host_http_close (&h->ctx, h->streams[i].id);
}
