/* Helpers of HTTP: requests answered from a table or by the test's function. */
#include <config.h>

#include "fake.h"

#include <stdlib.h>
#include <string.h>

#define SELF ((struct usher_fake *) ctx)
#define ENTER(helper) fake_enter (SELF, USHER_FAKE_HELPER (helper))

static struct usher_fake_answer
copy_answer (struct usher_fake *fake, const struct usher_fake_answer *a)
{
  struct usher_fake_answer copy = *a;
  size_t type = a->content_type != NULL, i;
  struct usher_kv *headers = fake_alloc (fake, (a->n_headers + 1) * sizeof *headers);

  if (type)
    headers[0] = (struct usher_kv) { "content-type", fake_strdup (fake, a->content_type) };
  for (i = 0; i < a->n_headers; i++)
    headers[type + i] = (struct usher_kv) { fake_strdup (fake, a->headers[i].key),
                                            fake_strdup (fake, a->headers[i].value) };
  copy.headers = headers;
  copy.n_headers = a->n_headers + type;
  copy.body = fake_copy (fake, a->body, a->body_len);
  return copy;
}

void
usher_fake_answer (struct usher_fake *fake, const char *method, const char *url, int32_t status,
                   const char *content_type, const char *body)
{
  const struct usher_fake_answer answer = { .size = sizeof answer, .status = status,
                                            .content_type = content_type, .body = body,
                                            .body_len = body ? strlen (body) : 0 };
  struct fake_route *route = fake_alloc (fake, sizeof *route);

  route->method = fake_strdup (fake, method);
  route->url = fake_strdup (fake, url);
  route->answer = copy_answer (fake, &answer);
  route->next = fake->routes;
  fake->routes = route;
}

void
usher_fake_http (struct usher_fake *fake, usher_fake_http_fn *fn, void *arg)
{
  fake->http = fn;
  fake->http_arg = arg;
}

void
usher_fake_chunk (struct usher_fake *fake, size_t bytes)
{
  fake->chunk = bytes;
}

const void *
fake_reveal (struct usher_fake *fake, const void *s, size_t len, size_t *ret_len)
{
  const char *p = s, *hit;
  const struct fake_field *f;
  size_t before, value;
  char *out;

  *ret_len = len;
  for (f = fake->secrets; f; f = f->next)
    while (*ret_len >= FAKE_STANDIN && (hit = memmem (p, *ret_len, f->standin, FAKE_STANDIN)))
      {
        before = (size_t) (hit - p);
        value = strlen (f->value);
        out = fake_alloc (fake, *ret_len - FAKE_STANDIN + value + 1);
        memcpy (out, p, before);
        memcpy (out + before, f->value, value);
        memcpy (out + before + value, hit + FAKE_STANDIN, *ret_len - before - FAKE_STANDIN);
        *ret_len += value - FAKE_STANDIN;
        p = out;
      }
  return p;
}

static const char *
reveal_text (struct usher_fake *fake, const char *s)
{
  size_t len;

  return fake_reveal (fake, s, strlen (s) + 1, &len);
}

/* REQ as it would go out, with all fields of this header. */
static struct usher_request
sent (struct usher_fake *fake, const struct usher_request *req)
{
  struct usher_request out = { .size = 0 };
  struct usher_kv *headers;
  size_t i;

  memcpy (&out, req, req->size < sizeof out ? req->size : sizeof out);
  out.size = sizeof out;
  out.method = fake_strdup (fake, out.method ? out.method : "GET");
  out.url = reveal_text (fake, fake_strdup (fake, out.url));
  headers = fake_alloc (fake, (out.n_headers + 1) * sizeof *headers);
  for (i = 0; i < out.n_headers; i++)
    headers[i] = (struct usher_kv) { fake_strdup (fake, out.headers[i].key),
                                     reveal_text (fake, fake_strdup (fake, out.headers[i].value)) };
  out.headers = headers;
  if (out.body)
    out.body = fake_reveal (fake, fake_copy (fake, out.body, out.body_len), out.body_len,
                            &out.body_len);
  return out;
}

static struct usher_fake_answer
answer_to (struct usher_fake *fake, const struct usher_request *req)
{
  struct usher_fake_answer answer = { .size = sizeof answer, .status = 404 };
  const struct fake_route *route;

  for (route = fake->routes; route; route = route->next)
    if (strcmp (route->method, req->method) == 0 && strcmp (route->url, req->url) == 0)
      return route->answer;
  if (fake->http)
    {
      answer.status = 0;
      fake->http (fake->http_arg, req, &answer);
    }
  return copy_answer (fake, &answer);
}

static void
begin_handle (struct usher_fake *fake, struct fake_handle *handle, const struct usher_request *req)
{
  const struct usher_fake_answer *a = &handle->answer;

  *handle = (struct fake_handle) { .open = true, .answer = answer_to (fake, req), .url = req->url };
  handle->cut = a->cut != 0;
  handle->end = a->cut && a->cut < a->body_len ? a->cut : a->body_len;
  fake->requests++;
  if (fake->requests == fake->cut_n && fake->cut_at < handle->end)
    {
      handle->cut = handle->asked = true;
      handle->end = fake->cut_at;
    }
  fake->open++;
  if (fake->open > fake->open_max)
    fake->open_max = fake->open;
}

static int32_t
do_open (struct usher_ctx *ctx, const struct usher_request *req, uint32_t *ret_h)
{
  struct usher_fake_event *e;
  struct usher_request out;
  int32_t r = ENTER (http_open);
  uint32_t h;

  if (r < 0)
    return r;
  if (SELF->op == FAKE_OPEN)
    return fake_misuse (SELF, "open and close make no requests");
  if (!USHER_HAS (usher_request, req, url) || !req->url
      || (strncmp (req->url, "https://", 8) && strncmp (req->url, "http://", 7)))
    return fake_misuse (SELF, "a request needs an absolute http or https URL");
  for (h = 0; h < FAKE_HANDLES && SELF->handle[h].open; h++)
    ;
  if (h == FAKE_HANDLES)
    return fake_misuse (SELF, "more than 8 requests are open");
  out = sent (SELF, req);
  begin_handle (SELF, &SELF->handle[h], &out);
  e = fake_event (SELF, USHER_FAKE_REQUEST);
  e->number = h + 1;
  e->key = out.method;
  e->text = out.url;
  *ret_h = h + 1;
  return USHER_DONE;
}

static struct fake_handle *
find_handle (struct usher_fake *fake, uint32_t h)
{
  return h > 0 && h <= FAKE_HANDLES && fake->handle[h - 1].open ? &fake->handle[h - 1] : NULL;
}

static int32_t
do_head (struct usher_ctx *ctx, uint32_t h, struct usher_response *ret)
{
  struct fake_handle *handle = find_handle (SELF, h);
  struct usher_response full = { .size = sizeof full };
  uint32_t size = ret->size;
  int32_t r = ENTER (http_head);

  if (r < 0)
    return r;
  if (!handle || size < offsetof (struct usher_response, url))
    return fake_misuse (SELF, "http_head needs an open handle and a response with its size set");
  if (handle->answer.status < 0)
    return handle->answer.status;
  full.status = handle->answer.status;
  full.url = handle->url;
  full.headers = handle->answer.headers;
  full.n_headers = handle->answer.n_headers;
  full.size = size;
  memcpy (ret, &full, size < sizeof full ? size : sizeof full);
  return USHER_DONE;
}

static int32_t
do_read (struct usher_ctx *ctx, uint32_t h, void *buf, size_t cap, size_t *ret_len)
{
  struct fake_handle *handle = find_handle (SELF, h);
  int32_t r = ENTER (http_read);
  size_t n;

  if (r < 0)
    return r;
  if (!handle || cap == 0)
    return fake_misuse (SELF, "http_read needs an open handle and room");
  if (handle->answer.status < 0)
    return handle->answer.status;
  n = handle->end - handle->at;
  if (n == 0 && handle->cut)
    {
      SELF->fired |= handle->asked;
      return USHER_E_NETWORK;
    }
  n = n < cap ? n : cap;
  if (SELF->chunk && n > SELF->chunk)
    n = SELF->chunk;
  memcpy (buf, (const char *) handle->answer.body + handle->at, n);
  handle->at += n;
  *ret_len = n;
  return USHER_DONE;
}

static void
do_close (struct usher_ctx *ctx, uint32_t h)
{
  struct fake_handle *handle = find_handle (SELF, h);

  (void) ENTER (http_close);
  if (!handle)
    return;
  handle->open = false;
  SELF->open--;
}

void
fake_http_end (struct usher_fake *fake)
{
  fake->open_left += fake->open;
  fake->open = 0;
  memset (fake->handle, 0, sizeof fake->handle);
}

void
fake_http_table (struct usher_host *host)
{
  host->http_open = do_open;
  host->http_head = do_head;
  host->http_read = do_read;
  host->http_close = do_close;
}
