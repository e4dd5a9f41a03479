/* From requests and answers of the ABI to those of the double and back.  */
#include <config.h>

#include "tests/contract/scim-app.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
scim_app_init (struct scim_app *s)
{
  *s = (struct scim_app) { .app = double_new () };
}

void
scim_app_done (struct scim_app *s)
{
  double_free (s->app);
  free (s->body);
}

static const char *
header (const struct usher_request *request, const char *name)
{
  for (size_t i = 0; i < request->n_headers; i++)
    if (strcasecmp (request->headers[i].key, name) == 0)
      return request->headers[i].value;
  return NULL;
}

void
scim_app_http (void *arg, const struct usher_request *request, struct usher_fake_answer *ret)
{
  struct scim_app *s = arg;
  const struct double_request asked = { request->method, request->url, header (request, "If-Match"),
                                        request->body, request->body_len };
  struct double_answer a;

  double_answer (s->app, &asked, &a);
  free (s->body);
  s->body = a.body;
  ret->status = a.status;
  ret->content_type = a.len > 0 ? a.type : NULL;
  ret->body = a.body;
  ret->body_len = a.len;
  if (s->lost && strcmp (request->method, "GET") != 0)
    {
      ret->status = s->lost;
      s->lost = 0;
    }
}
