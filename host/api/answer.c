/* Owns the form of answers: headers that all have, problem details, the count. */
#include <config.h>

#include "host/api/answer.h"

#include <stdio.h>

#define HEADERS_MAX 8u

enum MHD_Result
answer_with (struct MHD_Connection *c, struct traffic *traffic, int status, struct MHD_Response *response)
{
  if (status >= STATUS_MIN && status <= STATUS_MAX)
    atomic_fetch_add (&traffic->answered[status - STATUS_MIN], 1);
  return MHD_queue_response (c, (unsigned int) status, response);
}

enum MHD_Result
answer_text (struct MHD_Connection *c, struct traffic *traffic, int status, const char *type,
             const struct header *headers, size_t n, char *text)
{
  struct MHD_Response *response;
  bool cached = false;
  enum MHD_Result r;
  size_t i;

  if (!text)
    return MHD_NO;
  response = MHD_create_response_from_buffer (strlen (text), text, MHD_RESPMEM_MUST_FREE);
  if (!response)
    {
      free (text);
      return MHD_NO;
    }
  for (i = 0; i < n; i++)
    if (headers[i].value)
      {
        cached = cached || streq (headers[i].name, MHD_HTTP_HEADER_ETAG);
        (void) MHD_add_response_header (response, headers[i].name, headers[i].value);
      }
  if (*text)
    (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  /* What has a tag may be kept, if it is asked for anew each time. */
  (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CACHE_CONTROL, cached ? "private, no-cache" : "no-store");
  (void) MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
  r = answer_with (c, traffic, status, response);
  MHD_destroy_response (response);
  return r;
}

enum MHD_Result
answer_refusal (struct MHD_Connection *c, struct traffic *traffic, const struct refusal *r, const struct header *headers,
                size_t n)
{
  json_t *o = json_pack ("{s:s, s:i, s:s, s:s}", "type", "about:blank", "status", r->http, "code", r->code, "title",
                         r->title);
  struct header all[HEADERS_MAX];
  char *text, retry[16];

  assert (n < HEADERS_MAX);
  (void) snprintf (retry, sizeof retry, "%u", r->retry_s);
  memcpy (all, headers, n * sizeof *headers);
  all[n] = (struct header) { MHD_HTTP_HEADER_RETRY_AFTER, r->retry_s ? retry : NULL };
  if (r->detail)
    (void) json_object_set_new (o, "detail", json_string (r->detail));
  if (r->field)
    (void) json_object_set_new (o, "field", json_string (r->field));
  if (r->errors)
    {
      (void) json_object_set (o, "errors", r->errors);
      (void) json_object_set_new (o, "more_errors", json_integer ((json_int_t) r->more_errors));
    }
  (void) json_object_set_new (o, "action", json_string (r->action));
  text = json_dumps (o, JSON_COMPACT);
  json_decref (o);
  return answer_text (c, traffic, r->http, "application/problem+json", all, n + 1, text);
}
