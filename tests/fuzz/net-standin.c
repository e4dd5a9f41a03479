/* Stand-ins in text of a connector: the first byte chooses the place.  No stand-in is
   left, and nothing but it has changed. */
#include <config.h>

#include "host/net/redact.h"
#include "host/net/standin.h"

#define HERE "https://app.example.com:443"
#define TOKEN "uSabcdefghijklmnopqrstuvwxyz0123"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static size_t
count (const char *p, size_t len)
{
  const char *end = p + len;
  size_t n = 0;

  while ((p = memmem (p, (size_t) (end - p), TOKEN, STANDIN_LENGTH)))
    {
      p += STANDIN_LENGTH;
      n++;
    }
  return n;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const hosts[] = { HERE };
  _cleanup_ (standins_done) struct standins s = { 0 };
  _cleanup_ (redact_done) struct redact r = { 0 };
  _cleanup_ (buf_done) struct buf out = BUF_INIT (16u << 20), clean = BUF_INIT (16u << 20);
  struct standin_use use = { .all = &s, .origin = HERE, .exchange = 1 };
  const char *text = (const char *) data + 1;

  if (size < 2)
    return 0;
  /* A value of plain characters is as long in every place. */
  if (standins_add (&s, "token", TOKEN, "valu3", hosts, 1) < 0 || redact_build (&s, &r) < 0)
    abort ();
  if (standins_replace (&use, (enum standin_place) (data[0] % (STANDIN_RAW + 1)), text, size - 1,
                        &out) < 0)
    abort ();
  if (out.len != size - 1 - count (text, size - 1) * (STANDIN_LENGTH - 5))
    abort ();
  redact_put (&r, out.data ? out.data : "", out.len, &clean);
  if (buf_error (&clean) || (clean.len && memmem (clean.data, clean.len, "valu3", 5)))
    abort ();
  return 0;
}
