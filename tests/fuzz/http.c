/* What clients send in headers, paths and queries: cursors, lists of entity tags, percent-
   encoding.  Whatever the bytes, a cursor that is taken is one that was given out, and text
   that is decoded holds no control character. */
#include <config.h>

#include "host/api/cursor.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char hub[] = "Acme";
static char *names[3] = { hub, NULL, NULL };

static void
cursor (const char *text)
{
  const struct cursor_list l = { &routes[0], names, NULL, 0 };
  char *inner = cursor_unwrap (&l, text), *again;

  if (inner)
    {
      again = cursor_wrap (&l, inner);
      if (!again || strcmp (again, text) != 0)
        abort ();
      free (again);
    }
  free (inner);
  /* Any text that the engine may give comes back. */
  again = cursor_wrap (&l, text);
  if (again && *text)
    {
      inner = cursor_unwrap (&l, again);
      if (!inner || strcmp (inner, text) != 0)
        abort ();
      free (inner);
    }
  free (again);
}

static void
path (const char *text)
{
  const struct route *r = NULL;
  char *found[3] = { NULL, NULL, NULL }, *decoded = url_decode (text, strlen (text), true), *allow = route_allow (text);
  const char *p;
  size_t i;

  for (p = decoded ? decoded : ""; *p; p++)
    if ((unsigned char) *p < 0x20 || *p == 0x7f)
      abort ();
  if (route_find ("GET", text, &r, found) == ROUTE_FOUND && !r)
    abort ();
  for (i = 0; i < 3; i++)
    free (found[i]);
  free (decoded);
  free (allow);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *text = malloc (size + 1);

  if (!text)
    abort ();
  memcpy (text, data, size);
  text[size] = '\0';
  cursor (text);
  path (text);
  (void) call_tag_listed (text, "\"a\"", true);
  (void) call_tag_listed (text, NULL, false);
  free (text);
  return 0;
}
