/* One request and its answer.  Retries, waits, redirects and the token are the host's.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

void
scim_answer_done (struct scim_answer *a)
{
  usher_body_free (a->body);
  *a = (struct scim_answer) { 0 };
}

#define ACCEPT "application/scim+json, application/json"

int32_t
scim_get_open (struct usher_ctx *ctx, const char *url, uint32_t *ret_h)
{
  static const struct usher_kv headers[] = { { "Accept", ACCEPT } };
  struct usher_request request = { .size = sizeof request };

  if (!url)
    return USHER_E_NOMEM;
  request.method = "GET";
  request.url = url;
  request.accept = SCIM_ACCEPT_READ;
  request.headers = headers;
  request.n_headers = ARRAY_SIZE (headers);
  return usher_http_open (ctx, &request, ret_h);
}

/* CONDITION is one header more, or NULL. */
static int32_t
write_open (struct usher_ctx *ctx, const struct scim *s, const char *method, const char *url,
            const char *body, const struct usher_kv *condition, bool twice, uint32_t *ret_h)
{
  struct usher_kv headers[3] = { { "Accept", ACCEPT } };
  struct usher_request request = { .size = sizeof request };
  size_t n = 1;

  if (body)
    headers[n++] = (struct usher_kv) { "Content-Type", s->content_type };
  if (condition)
    headers[n++] = *condition;
  request.method = method;
  request.url = url;
  request.accept = SCIM_ACCEPT_WRITE;
  request.headers = headers;
  request.n_headers = n;
  request.body = body;
  request.body_len = body ? strlen (body) : 0;
  request.flags = twice ? USHER_H_IDEMPOTENT : 0;
  return usher_http_open (ctx, &request, ret_h);
}

static bool
says_html (const struct usher_response *response)
{
  for (size_t i = 0; i < response->n_headers; i++)
    if (text_same (response->headers[i].key, "Content-Type"))
      return text_has (response->headers[i].value, "html");
  return false;
}

int32_t
scim_answer_read (struct usher_ctx *ctx, uint32_t h, struct scim_answer *ret)
{
  struct usher_response response = { .size = sizeof response };
  struct scim_answer a = { 0 };
  int32_t r;

  r = usher_http_head (ctx, h, &response);
  if (r < 0)
    return r;
  a.status = response.status;
  a.html = says_html (&response);
  r = usher_body_read (ctx, h, SCIM_ANSWER_MAX, &a.body, &a.len);
  if (r < 0)
    return r;
  if (a.len > 0 && a.body[strspn (a.body, " \t\r\n")] == '<')
    a.html = true;
  *ret = a;
  return USHER_DONE;
}

/* The request has gone out; when its answer is late or breaks off, nobody knows whether it was
   carried out.  */
static int32_t
write_read (struct usher_ctx *ctx, uint32_t h, struct scim_answer *ret)
{
  int32_t r = scim_answer_read (ctx, h, ret);

  if (r != USHER_E_NETWORK && r != USHER_E_TIMEOUT)
    return r;
  return seat_fail (ctx, USHER_E_UNCERTAIN, NULL,
                    "The answer to a change did not arrive; it may have been made");
}

static int32_t
send (struct usher_ctx *ctx, const struct scim *s, const char *method, const char *url, json_t *body,
      const struct usher_kv *condition, bool twice, struct scim_answer *ret)
{
  bool get = strcmp (method, "GET") == 0;
  _cleanup_ (freep) char *text = NULL;
  uint32_t h;
  int32_t r;

  if (!url)
    return USHER_E_NOMEM;
  if (body)
    {
      text = json_dumps (body, JSON_COMPACT);
      if (!text)
        return USHER_E_NOMEM;
    }
  r = get ? scim_get_open (ctx, url, &h)
          : write_open (ctx, s, method, url, text, condition, twice, &h);
  if (r < 0)
    return r;
  r = get ? scim_answer_read (ctx, h, ret) : write_read (ctx, h, ret);
  usher_http_close (ctx, h);
  return r;
}

int32_t
scim_call (struct usher_ctx *ctx, const struct scim *s, const char *method, const char *url,
           json_t *body, const char *if_match, struct scim_answer *ret)
{
  const struct usher_kv match = { "If-Match", if_match };

  /* Everything but making something says what shall be, and can be said twice. */
  return send (ctx, s, method, url, body, if_match ? &match : NULL, strcmp (method, "POST") != 0, ret);
}

int32_t
scim_make (struct usher_ctx *ctx, const struct scim *s, const char *url, json_t *body, const char *key,
           struct scim_answer *ret)
{
  const struct usher_kv once = { s->idempotency, key };
  bool known = s->idempotency && key;

  return send (ctx, s, "POST", url, body, known ? &once : NULL, /* twice */ known, ret);
}

int32_t
scim_answer_json (struct usher_ctx *ctx, const struct scim_answer *a, json_t **ret)
{
  json_t *j;

  if (a->html)
    return seat_fail (ctx, USHER_E_SHAPE, NULL,
                      "The app answered with a web page instead of SCIM; check the base URL");
  j = a->body ? json_loadb (a->body, a->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL) : NULL;
  if (!json_is_object (j))
    {
      json_decref (j);
      return seat_fail (ctx, USHER_E_SHAPE, NULL, "The app's answer is not a JSON object");
    }
  *ret = j;
  return USHER_DONE;
}

json_t *
scim_get (json_t *object, const char *name)
{
  const char *key;
  json_t *value;

  json_object_foreach (object, key, value)
    if (text_same (key, name))
      return value;
  return NULL;
}
