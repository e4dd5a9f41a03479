/* Cursors as clients send them.  One that is taken is the very text that stands for what it
   leads to, and good for its list alone; and whatever a list leads to comes back. */
#include <config.h>

#include <stdio.h>

#include "host/api/cursor.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static char acme[] = "Acme", other[] = "Other";
static char *const names[] = { acme, NULL, NULL }, *const others[] = { other, NULL, NULL };
static const struct usher_kv query[] = { { "tab", "guest" }, { "limit", "2" } };

static struct cursor_list
list_of (char *const *of)
{
  size_t i;

  for (i = 0; !streq (routes[i].path, "/hubs/{hub}/members"); i++)
    ;
  return (struct cursor_list) { &routes[i], of, query, ARRAY_SIZE (query) };
}

static void
check_taken (const char *text)
{
  const struct cursor_list l = list_of (names), not_l = list_of (others);
  char *inner = cursor_unwrap (&l, text), *again = inner ? cursor_wrap (&l, inner) : NULL;

  if (inner && (!again || !streq (again, text) || cursor_unwrap (&not_l, text)))
    abort ();
  free (inner);
  free (again);
}

static void
check_given (const char *inner)
{
  const struct cursor_list l = list_of (names);
  char *text = *inner ? cursor_wrap (&l, inner) : NULL, *back = text ? cursor_unwrap (&l, text) : NULL;

  if (text && (!back || !streq (back, inner)))
    abort ();
  free (text);
  free (back);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *text = malloc (size + 1);

  if (!text)
    abort ();
  memcpy (text, data, size);
  text[size] = '\0';
  check_taken (text);
  check_given (text);
  free (text);
  return 0;
}
