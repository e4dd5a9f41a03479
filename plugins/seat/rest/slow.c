/* Owns what is right in a descriptor and slow: the notes of usher app check.  */
#include <config.h>

#include "plugins/seat/rest/shape.h"

#include <string.h>

#include "plugins/seat/text.h"

#define SMALL_PAGE 50

/* The plain path that does what the expression does; false when there is none. */
static bool
plain_path (const char *expression, char *ret, size_t size)
{
  if (!grammar_matches ("(\\.[A-Za-z_][A-Za-z0-9_]*)+", expression) || strlen (expression) > size)
    return false;
  memcpy (ret, expression + 1, strlen (expression));
  return true;
}

void
slow_jq (const struct place *p, const char *expression)
{
  char path[256];

  if (plain_path (expression, path, sizeof path))
    place_note (p, "this jq expression is run for every item; the path \"%s\" does the same and is much faster", path);
  else
    place_note (p, "this jq expression is run for every item, which is slower than a path");
}

static void
note_page (const struct place *source)
{
  struct place page = place_member (source, "page"), size = place_member (&page, "size");
  const char *style = place_text (&page, "style");

  if (!style || strcmp (style, "none") == 0)
    return;
  if (size.value && json_integer_value (size.value) < SMALL_PAGE)
    place_note (&size, "%lld items a page make many requests; take the largest page that the app allows",
                (long long) json_integer_value (size.value));
  if (!size.value)
    place_note (&page, "has no \"size\", so the app decides how many requests a list takes");
  if ((strcmp (style, "number") == 0 || strcmp (style, "offset") == 0) && !json_object_get (page.value, "total")
      && !json_object_get (page.value, "pages") && !json_object_get (page.value, "more")
      && !json_object_get (page.value, "short_ends"))
    place_note (&page, "ends at an empty page, one request more than needed; \"total\", \"pages\" or \"more\" save it");
}

static void
note_sources (const struct place *rest, const char *key)
{
  struct place list = place_member (rest, key), p;

  PLACE_EACH (&p, &list)
    {
      note_page (&p);
      if (strcmp (key, "access") == 0)
        place_note (&p, "is asked for once for each asset of type %s", place_text (&p, "type"));
    }
}

/* Whether a text in VALUE holds a {name}. */
static bool
holds_name (json_t *value)
{
  const char *text = json_string_value (value), *key;
  char name[GRAMMAR_NAME_MAX];
  json_t *child;
  size_t i;

  if (text)
    return grammar_next_name (&text, name);
  json_array_foreach (value, i, child)
    if (holds_name (child))
      return true;
  json_object_foreach (value, key, child)
    if (holds_name (child))
      return true;
  return false;
}

/* A search that names nothing in its request brings the whole list. */
static void
note_search (const struct place *p, const char *what)
{
  static const char *const parts[] = { "get", "post", "query", "json", "form", "xml", "graphql" };
  bool named = !json_object_get (p->value, "at");

  for (size_t i = 0; i < ARRAY_SIZE (parts); i++)
    named |= holds_name (json_object_get (p->value, parts[i]));
  if (!named)
    place_note (p, "%s", what);
}

static void
note_steps (const struct place *rest, const char *key)
{
  static const char search[] = "searches a whole list for one member, at each change; a parameter that filters saves that";
  struct place steps = place_member (rest, key), p;

  if (json_is_object (steps.value))
    note_search (&steps, search);
  else
    PLACE_EACH (&p, &steps)
      note_search (&p, search);
}

void
slow_notes (const struct place *run)
{
  static const char *const lists[] = { "list", "roles", "objects", "access" };
  static const char *const changes[] = { "read", "invite", "set_role", "remove", "resend" };
  struct place rest = place_member (run, "rest"), map = place_member (&rest, "look_up"), p;

  if (!rest.value)
    return;
  for (size_t i = 0; i < ARRAY_SIZE (lists); i++)
    note_sources (&rest, lists[i]);
  for (size_t i = 0; i < ARRAY_SIZE (changes); i++)
    note_steps (&rest, changes[i]);
  PLACE_EACH (&p, &map)
    note_search (&p, "lists until it finds its value, once a session");
}
