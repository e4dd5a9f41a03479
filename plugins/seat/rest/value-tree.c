/* Makes VALUEs out of the JSON of a descriptor, and tells what cannot be right there.  */
#include <config.h>

#include "plugins/seat/rest/value-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX 512u

static const char *const then_words[] = {
  [THEN_LOWER] = "lower", [THEN_TRIM] = "trim", [THEN_LAST_SEGMENT] = "last-segment",
};

static int32_t make_value (struct value_maker *m, json_t *json, const char *place,
                           unsigned depth, struct value *ret);

void
value_wrong (struct value_maker *m, const char *place, const char *fmt, ...)
{
  char text[SENTENCE_MAX];
  const struct usher_fault fault = { .size = sizeof fault, .code = USHER_E_CONFIG, .text = text,
                                     .field = place };
  va_list ap;

  va_start (ap, fmt);
  (void) vsnprintf (text, sizeof text, fmt, ap);
  va_end (ap);
  (void) usher_fail (m->ctx, &fault);
  m->wrong = true;
}

/* A place inside of PLACE. */
static void __attribute__ ((format (printf, 3, 4)))
inside (char *ret, const char *place, const char *fmt, ...)
{
  int n = snprintf (ret, VALUE_PLACE_MAX, "%s", place);
  va_list ap;

  if (n < 0 || (size_t) n >= VALUE_PLACE_MAX)
    return;
  va_start (ap, fmt);
  (void) vsnprintf (ret + n, VALUE_PLACE_MAX - (size_t) n, fmt, ap);
  va_end (ap);
}

/* ---- sources ---- */

/* The field of PATH, which is as good as the one that named it first. */
static int32_t
make_field (struct value_maker *m, const char *path, const char *place, struct value *ret)
{
  struct value_paths *p = m->paths;

  ret->source = VALUE_PATH;
  for (ret->at = 0; ret->at < p->n; ret->at++)
    if (strcmp (p->v[ret->at], path) == 0)
      return USHER_DONE;
  if (p->n == ARRAY_SIZE (p->v))
    {
      value_wrong (m, place, "There are more than %zu different paths", ARRAY_SIZE (p->v));
      return USHER_DONE;
    }
  p->v[p->n] = strdup (path);
  p->place[p->n] = strdup (place);
  p->n++;
  return p->v[ret->at] && p->place[ret->at] ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
make_jq (struct value_maker *m, const char *text, const char *place, struct value *ret)
{
  ret->source = VALUE_JQ;
  if (!m->xml)
    return jq_add (m->jq, m->program, text, place, &ret->at);
  value_wrong (m, place, "A jq expression is of JSON, and these answers are XML");
  return USHER_DONE;
}

/* Of what "through" gives: names with dots between them. */
static int32_t
make_member (struct value_maker *m, const char *path, const char *place, struct value *ret)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  int32_t r = USHER_E_LIMIT;

  ret->source = VALUE_JQ;
  if (*path && path[strspn (path, plain)] == '\0')
    r = jq_add_member (m->jq, m->program, path, place, &ret->at);
  if (r != USHER_E_LIMIT)
    return r;
  value_wrong (m, place, "The path \"%.80s\" cannot be read: a few names with dots between them lead to "
               "what the expression gives", path);
  return USHER_DONE;
}

static int32_t
make_path (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  const char *path = json_string_value (json);

  if (!path)
    {
      value_wrong (m, place, "A path is a text");
      return USHER_DONE;
    }
  /* Fields are counted from the item, which is the outermost element itself here. */
  if (m->outermost && *path == '/')
    {
      const char *below = strchr (path + 1, '/');

      path = below ? below + 1 : ".";
    }
  return m->through ? make_member (m, path, place, ret) : make_field (m, path, place, ret);
}

static int32_t
make_expression (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  if (json_is_string (json))
    return make_jq (m, json_string_value (json), place, ret);
  value_wrong (m, place, "An expression is a text");
  return USHER_DONE;
}

static int32_t
make_const (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  ret->source = VALUE_CONST;
  if (json_is_string (json))
    ret->text = strdup (json_string_value (json));
  else
    value_wrong (m, place, "A constant is a text");
  return m->wrong || ret->text ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
make_header (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  ret->source = VALUE_HEADER;
  if (!json_is_string (json))
    value_wrong (m, place, "The name of a header is a text");
  else if (!m->page)
    value_wrong (m, place, "An item has no header: headers are of the whole answer");
  else
    ret->text = strdup (json_string_value (json));
  for (char *p = ret->text; p && *p; p++)
    if (*p >= 'A' && *p <= 'Z')
      *p = (char) (*p - 'A' + 'a');
  return m->wrong || ret->text ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
make_first (struct value_maker *m, json_t *json, const char *place, unsigned depth,
            struct value *ret)
{
  char part[VALUE_PLACE_MAX];
  size_t n = json_array_size (json);
  int32_t r = USHER_DONE;

  ret->source = VALUE_FIRST;
  if (n == 0 || depth == VALUE_DEPTH_MAX)
    {
      value_wrong (m, place, n == 0 ? "\"first\" is a list of values"
                                    : "The lists are too deep inside each other");
      return USHER_DONE;
    }
  ret->parts = calloc (n, sizeof *ret->parts);
  if (!ret->parts)
    return USHER_E_NOMEM;
  ret->n_parts = n;
  for (size_t i = 0; i < n && r >= 0; i++)
    {
      inside (part, place, "[%zu]", i);
      r = make_value (m, json_array_get (json, i), part, depth + 1, &ret->parts[i]);
    }
  return r;
}

/* ---- what becomes of the texts ---- */

static void
add_then (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  const char *name = json_string_value (json);

  for (size_t i = 0; name && i < ARRAY_SIZE (then_words); i++)
    if (strcmp (name, then_words[i]) == 0)
      {
        if (ret->n_then == VALUE_THEN_MAX)
          value_wrong (m, place, "There are more than %u words", VALUE_THEN_MAX);
        else
          ret->then[ret->n_then++] = (enum value_then) i;
        return;
      }
  value_wrong (m, place, "\"then\" is \"lower\", \"trim\" or \"last-segment\", or a list of them");
}

static void
make_then (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  char part[VALUE_PLACE_MAX];

  if (!json_is_array (json))
    {
      add_then (m, json, place, ret);
      return;
    }
  for (size_t i = 0; i < json_array_size (json); i++)
    {
      inside (part, place, "[%zu]", i);
      add_then (m, json_array_get (json, i), part, ret);
    }
}

static int32_t
make_map (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  size_t n = json_object_size (json);
  char part[VALUE_PLACE_MAX];
  const char *from;
  json_t *to;

  if (n == 0)
    {
      value_wrong (m, place, "\"map\" is an object of words, each with the text in its place or null");
      return USHER_DONE;
    }
  ret->words = calloc (n, sizeof *ret->words);
  if (!ret->words)
    return USHER_E_NOMEM;
  json_object_foreach (json, from, to)
    {
      struct value_word *word = &ret->words[ret->n_words++];

      inside (part, place, ".%s", from);
      word->from = strdup (from);
      if (json_is_string (to))
        word->to = strdup (json_string_value (to));
      else if (!json_is_null (to))
        value_wrong (m, part, "A word becomes a text, or null, which leaves it out");
      if (!word->from || (json_is_string (to) && !word->to))
        return USHER_E_NOMEM;
      if (strcmp (from, "*") == 0)
        ret->other = word;
    }
  return USHER_DONE;
}

/* ---- a VALUE ---- */

/* The member KEY of a VALUE. */
static int32_t
make_part (struct value_maker *m, const char *key, json_t *json, const char *place, unsigned depth,
           struct value *ret)
{
  if (strcmp (key, "at") == 0)
    return make_path (m, json, place, ret);
  if (strcmp (key, "jq") == 0)
    return make_expression (m, json, place, ret);
  if (strcmp (key, "const") == 0)
    return make_const (m, json, place, ret);
  if (strcmp (key, "first") == 0)
    return make_first (m, json, place, depth, ret);
  if (strcmp (key, "header") == 0)
    return make_header (m, json, place, ret);
  if (strcmp (key, "map") == 0)
    return make_map (m, json, place, ret);
  if (strcmp (key, "then") == 0)
    make_then (m, json, place, ret);
  else
    value_wrong (m, place, "A value has no \"%.40s\": it has \"at\", \"jq\", \"const\", \"first\" "
                 "or \"header\", and \"then\" and \"map\"", key);
  return USHER_DONE;
}

static bool
is_source (const char *key)
{
  static const char *const sources[] = { "at", "jq", "const", "first", "header" };

  for (size_t i = 0; i < ARRAY_SIZE (sources); i++)
    if (strcmp (key, sources[i]) == 0)
      return true;
  return false;
}

static int32_t
make_value (struct value_maker *m, json_t *json, const char *place, unsigned depth,
            struct value *ret)
{
  char part[VALUE_PLACE_MAX];
  unsigned sources = 0;
  const char *key;
  json_t *member;
  int32_t r = USHER_DONE;

  if (json_is_string (json))
    return make_path (m, json, place, ret);
  if (!json_is_object (json))
    {
      value_wrong (m, place, "A value is a path, or an object that says where it comes from");
      return USHER_DONE;
    }
  json_object_foreach (json, key, member)
    {
      inside (part, place, ".%s", key);
      sources += is_source (key);
      if (sources > 1 && is_source (key))
        value_wrong (m, part, "A value comes from one place, and this is the second");
      else
        r = make_part (m, key, member, part, depth, ret);
      if (r < 0)
        return r;
    }
  if (sources == 0)
    value_wrong (m, place, "A value comes from \"at\", \"jq\", \"const\", \"first\" or \"header\"");
  return r;
}

int32_t
value_make (struct value_maker *m, json_t *json, const char *place, struct value *ret)
{
  return make_value (m, json, place, /* depth */ 0, ret);
}

void
value_done (struct value *v)
{
  for (size_t i = 0; i < v->n_parts; i++)
    value_done (&v->parts[i]);
  for (size_t i = 0; i < v->n_words; i++)
    {
      free (v->words[i].from);
      free (v->words[i].to);
    }
  free (v->parts);
  free (v->words);
  free (v->text);
}

void
value_paths_done (struct value_paths *paths)
{
  for (uint32_t i = 0; i < paths->n; i++)
    {
      free (paths->v[i]);
      free (paths->place[i]);
    }
}
