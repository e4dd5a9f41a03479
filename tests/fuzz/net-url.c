/* Addresses from a connector and from an app's redirects: what parses has one form, and
   parsing that form again changes nothing. */
#include <config.h>

#include "host/net/url.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
look (const struct url *u)
{
  struct url again = { 0 };

  if (strchr (u->text, '#') || strpbrk (u->host, "@/\\?# \r\n") || !u->port)
    abort ();
  if (url_parse (u->text, &again) < 0 || !streq (u->origin, again.origin)
      || !streq (u->text, again.text))
    abort ();
  url_done (&again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  _cleanup_ (freep) char *s = strndup ((const char *) data, size);
  _cleanup_ (url_done) struct url base = { 0 }, u = { 0 }, next = { 0 };

  if (!s || url_parse ("https://app.example.com/a/b?c", &base) < 0)
    abort ();
  if (url_parse (s, &u) == 0)
    look (&u);
  if (url_resolve (&base, s, &next) == 0)
    look (&next);
  (void) url_bypasses_proxy ("app.example.com", s);
  return 0;
}
