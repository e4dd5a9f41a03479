/* Bodies of open requests: pulled into the rows machine, or whole into memory. */
#include <config.h>

#include "rows-private.h"

#include <stdlib.h>
#include <string.h>

struct request
{
  struct usher_ctx *ctx;
  uint32_t h;
};

struct memory
{
  const char *at;
  size_t left;
};

static int32_t
read_request (void *arg, void *buf, size_t cap, size_t *ret_len)
{
  const struct request *q = arg;

  return usher_http_read (q->ctx, q->h, buf, cap, ret_len);
}

static int32_t
read_memory (void *arg, void *buf, size_t cap, size_t *ret_len)
{
  struct memory *m = arg;
  size_t n = m->left < cap ? m->left : cap;

  if (n > 0)
    memcpy (buf, m->at, n);
  m->at += n;
  m->left -= n;
  *ret_len = n;
  return USHER_DONE;
}

int32_t
usher_rows_each (struct usher_rows *rows, struct usher_ctx *ctx, uint32_t h, usher_rows_fn *fn,
                 void *arg)
{
  struct request q = { ctx, h };
  int32_t r = rows_run (rows, read_request, &q, fn, arg);

  if (r < 0 && usher_rows_error (rows)[0])
    {
      const struct usher_fault fault = { .size = sizeof fault, .code = r,
                                         .text = usher_rows_error (rows) };

      (void) usher_fail (ctx, &fault);
    }
  return r;
}

int32_t
usher_rows_each_in (struct usher_rows *rows, const void *text, size_t len, usher_rows_fn *fn,
                    void *arg)
{
  struct memory m = { text, len };

  return rows_run (rows, read_memory, &m, fn, arg);
}

int32_t
usher_body_read (struct usher_ctx *ctx, uint32_t h, size_t max, char **ret_body, size_t *ret_len)
{
  size_t cap = 4096, len = 0, n;
  char *body = malloc (cap), *p;
  int32_t r = body ? USHER_DONE : USHER_E_NOMEM;

  while (r == USHER_DONE)
    {
      n = 0;
      r = usher_http_read (ctx, h, body + len, cap - len - 1, &n);
      if (r < 0 || n == 0)
        break;
      len += n;
      if (len > max)
        r = USHER_E_LIMIT;
      else if (cap - len <= cap / 2)
        {
          p = realloc (body, cap * 2);
          if (!p)
            r = USHER_E_NOMEM;
          else
            {
              body = p;
              cap *= 2;
            }
        }
    }
  if (r < 0)
    {
      free (body);
      return r;
    }
  body[len] = '\0';
  *ret_body = body;
  *ret_len = len;
  return USHER_DONE;
}

void
usher_body_free (char *body)
{
  free (body);
}
