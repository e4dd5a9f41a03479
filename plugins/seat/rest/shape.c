/* Owns the walk that holds "run" to its table.  */
#include <config.h>

#include "plugins/seat/rest/shape.h"

#include <stdio.h>
#include <string.h>

#include "plugins/seat/text.h"

#define KEYS_MAX 64u
#define DEPTH_MAX 32u
#define MAP_MAX 200u

static void walk_value (const struct place *p, const struct shape *shape);
static void check_keys (const struct place *p, const struct shape *table, const char *others);

/* ---- Words ---- */

/* "a, b or c" */
static void
join_words (const char *const *words, size_t n, char *ret, size_t size)
{
  size_t used = 0;

  ret[0] = '\0';
  for (size_t i = 0; i < n && used < size; i++)
    used += (size_t) snprintf (ret + used, size - used, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
}

static void
check_words (const struct place *p, const char *const *words, const char *text)
{
  const char *near;
  char all[512];
  size_t n;

  for (n = 0; words[n]; n++)
    if (strcmp (words[n], text) == 0)
      return;
  join_words (words, n, all, sizeof all);
  near = place_nearest (text, words, n);
  if (near)
    place_problem (p, "must be %s; did you mean \"%s\"?", all, near);
  else
    place_problem (p, "must be %s", all);
}

static bool
has_control (const char *text, bool lines)
{
  for (; *text; text++)
    if (((unsigned char) *text < 0x20 && !(lines && strchr ("\t\r\n", *text))) || *text == 0x7f)
      return true;
  return false;
}

/* What every text has to be; false after a problem. */
static bool
check_plain (const struct place *p, const struct shape *shape, const char *what)
{
  const char *text = json_string_value (p->value);

  if (!text)
    place_problem (p, "must be %s%s", what, json_is_number (p->value) || json_is_boolean (p->value) ? ", in quotes" : "");
  else if (!*text && !(shape->flags & SHAPE_EMPTY))
    place_problem (p, "must not be empty");
  else if (has_control (text, shape->flags & SHAPE_LINES))
    place_problem (p, "must not hold control characters");
  else if (shape->max && strlen (text) > (size_t) shape->max)
    place_problem (p, "must have at most %lld bytes", (long long) shape->max);
  else
    return true;
  return false;
}

static void
walk_text (const struct place *p, const struct shape *shape)
{
  const char *text = json_string_value (p->value);

  if (p->check->phase == CHECK_NAMES && shape->ref && text)
    known_refer (p, shape, text);
  if (p->check->phase != CHECK_FORM
      || !check_plain (p, shape, shape->flags & SHAPE_OR_FALSE ? "false, or a text" : "a text"))
    return;
  if (shape->words)
    check_words (p, shape->words, text);
  else if (shape->pattern && !grammar_matches (shape->pattern, text))
    place_problem (p, "must be %s", shape->right);
}

static void
walk_texts (const struct place *p, const struct shape *shape)
{
  struct place child;

  if (!json_is_array (p->value))
    walk_text (p, shape);
  else if (json_array_size (p->value) == 0 && p->check->phase == CHECK_FORM)
    place_problem (p, "must have one element at least");
  else
    PLACE_EACH (&child, p)
      walk_text (&child, shape);
}

static void
walk_ere (const struct place *p, const struct shape *shape)
{
  const char *wrong;

  if (p->check->phase != CHECK_FORM || !check_plain (p, shape, "a text"))
    return;
  wrong = grammar_ere (json_string_value (p->value));
  if (wrong)
    place_problem (p, "%s", wrong);
}

/* ---- Templates ---- */

static void
walk_template (const struct place *p, const struct shape *shape)
{
  const char *wrong;

  if (p->check->phase == CHECK_NAMES)
    known_check (p, shape);
  else if (p->check->phase == CHECK_FORM && check_plain (p, shape, "a text"))
    {
      wrong = grammar_template (json_string_value (p->value));
      if (wrong)
        place_problem (p, "%s", wrong);
    }
}

static void
walk_url (const struct place *p, const struct shape *shape)
{
  const char *text = json_string_value (p->value);
  bool whole = text && (strncmp (text, "https://", 8) == 0 || strncmp (text, "http://", 7) == 0);

  if (p->check->phase != CHECK_FORM || !text || !*text || whole)
    walk_template (p, shape);
  else if (shape->flags & SHAPE_BASE ? text[0] != '{' : text[0] != '/')
    place_problem (p, shape->flags & SHAPE_BASE ? "must begin with https:// or with the {field} of a URL"
                                                : "must begin with / (what follows the base) or with https://");
  else if (strchr (text, '?'))
    place_problem (p, "must not hold a ?; parameters stand in \"query\"");
  else
    walk_template (p, shape);
}

static void
walk_list_name (const struct place *p)
{
  static const struct shape name = { .kind = SHAPE_TEXT, .max = GRAMMAR_NAME_MAX - 1 };

  if (p->check->phase == CHECK_NAMES)
    known_list (p, json_string_value (p->value));
  else
    walk_text (p, &name);
}

static void
walk_json (const struct place *p, unsigned int depth)
{
  static const struct shape text = { .kind = SHAPE_TEMPLATE, .flags = SHAPE_EMPTY | SHAPE_LINES, .max = 65536 };
  static const char *const typed[] = { "number", "boolean", "optional" };
  struct place child;

  if (json_is_string (p->value))
    walk_template (p, &text);
  if (depth == DEPTH_MAX && p->check->phase == CHECK_FORM)
    place_problem (p, "is nested too deep");
  if (depth == DEPTH_MAX)
    return;
  PLACE_EACH (&child, p)
    {
      bool alone = json_object_size (p->value) == 1, special = false;

      for (size_t i = 0; alone && i < ARRAY_SIZE (typed); i++)
        special |= strcmp (child.key, typed[i]) == 0;
      if (special)
        walk_template (&child, &text);
      else if (alone && strcmp (child.key, "list") == 0 && json_is_string (child.value))
        walk_list_name (&child);
      else
        walk_json (&child, depth + 1);
    }
}

static void
walk_field (const struct place *p, const struct shape *shape)
{
  struct place json = place_member (p, "json"), optional = place_member (p, "optional");

  if (json_is_number (p->value) || json_is_boolean (p->value))
    return;
  if (!json_is_object (p->value))
    walk_template (p, shape);
  else if (json_object_size (p->value) != 1 || (!json.value && !optional.value))
    {
      if (p->check->phase == CHECK_FORM)
        place_problem (p, "must be a text, {\"json\": ...} or {\"optional\": text}");
    }
  else if (json.value)
    walk_json (&json, 0);
  else
    walk_template (&optional, shape);
}

/* ---- Values ---- */

static void
walk_path (const struct place *p, const char *(*grammar) (const char *, bool))
{
  static const struct shape any = { .kind = SHAPE_TEXT, .max = 512, .flags = SHAPE_EMPTY };
  const char *wrong;

  if (p->check->phase != CHECK_FORM || !check_plain (p, &any, "a path"))
    return;
  wrong = grammar (json_string_value (p->value), p->check->xml);
  if (wrong)
    place_problem (p, "%s", wrong);
}

static void
walk_jq (const struct place *p)
{
  static const struct shape any = { .kind = SHAPE_TEXT, .max = 8192, .flags = SHAPE_LINES };

  if (p->check->phase == CHECK_SPEED)
    slow_jq (p, json_string_value (p->value));
  else if (p->check->phase == CHECK_FORM && check_plain (p, &any, "an expression of jq") && p->check->xml)
    place_problem (p, "answers are XML, and jq reads JSON; use a path, map or first");
}

static void
walk_map_words (const struct place *p, const struct shape *shape)
{
  struct place child;

  if (p->check->phase != CHECK_FORM)
    return;
  if (!json_is_object (p->value) || json_object_size (p->value) == 0)
    {
      place_problem (p, "must be an object of the app's words, each with ours");
      return;
    }
  PLACE_EACH (&child, p)
    if (!json_is_string (child.value) && !json_is_null (child.value))
      place_problem (&child, "must be a text, or null for no value");
    else if (shape->words && json_is_string (child.value))
      check_words (&child, shape->words, json_string_value (child.value));
}

static void
walk_then (const struct place *p)
{
  static const char *const words[] = { "lower", "last-segment", "trim", NULL };
  static const struct shape word = { .kind = SHAPE_TEXT, .words = words };
  struct place child;

  if (p->check->phase != CHECK_FORM)
    return;
  if (json_is_string (p->value))
    walk_text (p, &word);
  else if (!json_is_array (p->value) || json_array_size (p->value) == 0)
    place_problem (p, "must be lower, last-segment or trim, or a list of them");
  else
    PLACE_EACH (&child, p)
      walk_text (&child, &word);
}

static void
walk_const (const struct place *p, const struct shape *shape)
{
  static const struct shape any = { .kind = SHAPE_TEXT, .max = 1024 };

  if (p->check->phase == CHECK_FORM && check_plain (p, &any, "a text") && shape->words)
    check_words (p, shape->words, json_string_value (p->value));
}

static void
walk_first (const struct place *p, const struct shape *shape)
{
  struct place child;

  if (!json_is_array (p->value) || json_array_size (p->value) == 0)
    {
      if (p->check->phase == CHECK_FORM)
        place_problem (p, "must be a list of values, the first of which that is there counts");
    }
  else
    PLACE_EACH (&child, p)
      walk_value (&child, shape);
}

static void
walk_header (const struct place *p, const struct shape *shape)
{
  static const struct shape name = { .kind = SHAPE_TEXT, .pattern = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}",
                                     .right = "the name of an HTTP header" };

  if (p->check->phase == CHECK_FORM && !(shape->flags & SHAPE_HEADER))
    place_problem (p, "a header belongs to the whole answer and not to one item of it");
  else
    walk_text (p, &name);
}

static void
walk_number (const struct place *p, const struct shape *shape)
{
  if (p->check->phase == CHECK_FORM
      && (!json_is_integer (p->value) || json_integer_value (p->value) < shape->min
          || json_integer_value (p->value) > shape->max))
    place_problem (p, "must be a whole number from %lld to %lld", (long long) shape->min, (long long) shape->max);
}

/* {"at"...} and its like: one key that says where from, and what is done with it. */
static void
walk_source (const struct place *p, const struct shape *shape)
{
  static const struct shape keys[] = {
    { .key = "const", .one = 's', .required = true }, { .key = "jq", .one = 's', .required = true },
    { .key = "at", .one = 's', .required = true }, { .key = "first", .one = 's', .required = true },
    { .key = "header", .one = 's', .required = true }, { .key = "map" }, { .key = "then" }, { .key = NULL } };
  struct place child;

  if (p->check->phase == CHECK_FORM)
    check_keys (p, keys, /* others= */ NULL);
  PLACE_EACH (&child, p)
    if (strcmp (child.key, "const") == 0)
      walk_const (&child, shape);
    else if (strcmp (child.key, "jq") == 0)
      walk_jq (&child);
    else if (strcmp (child.key, "at") == 0)
      walk_path (&child, grammar_path);
    else if (strcmp (child.key, "first") == 0)
      walk_first (&child, shape);
    else if (strcmp (child.key, "header") == 0)
      walk_header (&child, shape);
    else if (strcmp (child.key, "map") == 0)
      walk_map_words (&child, shape);
    else if (strcmp (child.key, "then") == 0)
      walk_then (&child);
}

static void
walk_where (const struct place *p, const struct shape *shape)
{
  if ((shape->flags & SHAPE_OR_NUMBER) && json_is_number (p->value))
    walk_number (p, shape);
  else if (json_is_string (p->value))
    walk_path (p, grammar_path);
  else if (json_is_object (p->value))
    walk_source (p, shape);
  else if (p->check->phase == CHECK_FORM)
    place_problem (p, "must be a path in quotes, or an object with at, const, first, jq or header");
}

/* ---- Objects ---- */

static void
unknown_key (const struct place *p, const struct shape *table)
{
  const char *keys[KEYS_MAX], *near;
  size_t n;

  for (n = 0; table[n].key && n < KEYS_MAX; n++)
    keys[n] = table[n].key;
  near = place_nearest (p->key, keys, n);
  if (near)
    place_problem (p, "is not a key here; did you mean \"%s\"?", near);
  else
    place_problem (p, "is not a key here; keys of your own begin with x-");
}

static const struct shape *
row_of (const struct shape *table, const char *key)
{
  for (; table->key; table++)
    if (strcmp (table->key, key) == 0)
      return table;
  return NULL;
}

/* Of the keys that exclude each other with ROW's, the one that P has first. */
static const char *
first_of (const struct place *p, const struct shape *table, char one)
{
  const char *key;
  json_t *child;

  json_object_foreach (p->value, key, child)
    {
      const struct shape *row = row_of (table, key);

      if (row && row->one == one)
        return key;
    }
  return NULL;
}

/* ROW's key is not there, and has to be. */
static void
missing_key (const struct place *p, const struct shape *table, const struct shape *row)
{
  const char *keys[KEYS_MAX];
  char all[256];
  size_t n = 0;

  if (!row->one)
    {
      place_problem (p, "must have the key \"%s\"", row->key);
      return;
    }
  for (const struct shape *other = table; other->key && n < KEYS_MAX; other++)
    if (other->one == row->one && other < row)
      return; /* told at the first of them */
    else if (other->one == row->one)
      keys[n++] = other->key;
  join_words (keys, n, all, sizeof all);
  if (!first_of (p, table, row->one))
    place_problem (p, "must have one of %s", all);
}

/* The keys of the object at P are those of TABLE; OTHERS: an ERE for more of them. */
static void
check_keys (const struct place *p, const struct shape *table, const char *others)
{
  const struct shape *row;
  struct place child;

  PLACE_EACH (&child, p)
    {
      row = row_of (table, child.key);
      if (!row)
        {
          if (strncmp (child.key, "x-", 2) != 0 && !(others && grammar_matches (others, child.key)))
            unknown_key (&child, table);
          continue;
        }
      if (row->one && strcmp (first_of (p, table, row->one), row->key) != 0)
        place_problem (&child, "cannot stand beside \"%s\"", first_of (p, table, row->one));
      if (row->beside && !json_object_get (p->value, row->beside))
        place_problem (&child, "stands only beside \"%s\"", row->beside);
    }
  for (row = table; row->key; row++)
    if (row->required && !json_object_get (p->value, row->key))
      missing_key (p, table, row);
}

static bool
is_object (const struct place *p)
{
  if (json_is_object (p->value))
    return true;
  if (p->check->phase == CHECK_FORM)
    place_problem (p, "must be an object");
  return false;
}

static void
walk_object (const struct place *p, const struct shape *shape)
{
  /* true: it is there, null: it is not. */
  static const struct shape others = { .kind = SHAPE_TEXTS, .max = 1024, .flags = SHAPE_EMPTY };
  const struct shape *row;
  struct place child;

  if (!is_object (p))
    return;
  if (p->check->phase == CHECK_FORM)
    check_keys (p, shape->of, shape->pattern);
  PLACE_EACH (&child, p)
    {
      row = row_of (shape->of, child.key);
      if (row)
        walk_value (&child, row);
      else if (shape->pattern)
        {
          if (!json_is_true (child.value) && !json_is_null (child.value))
            walk_texts (&child, &others);
          if (p->check->phase == CHECK_NAMES)
            known_name (&child, child.key);
        }
    }
}

static void
walk_map (const struct place *p, const struct shape *shape)
{
  struct place child;

  if (!is_object (p))
    return;
  if (p->check->phase == CHECK_FORM && json_object_size (p->value) > MAP_MAX)
    place_problem (p, "must have at most %u keys", MAP_MAX);
  PLACE_EACH (&child, p)
    {
      if (p->check->phase == CHECK_FORM && !grammar_matches (shape->pattern, child.key))
        {
          place_problem (&child, "its key must be %s", shape->right);
          continue;
        }
      if (p->check->phase == CHECK_NAMES && (shape->flags & SHAPE_NEW))
        known_new (&child, child.key);
      if (p->check->phase == CHECK_NAMES && shape->ref)
        known_refer (&child, shape, child.key);
      walk_value (&child, shape->of);
    }
}

static void
walk_list (const struct place *p, const struct shape *shape)
{
  struct place child;
  size_t n = json_array_size (p->value);

  if (!json_is_array (p->value))
    {
      if (p->check->phase == CHECK_FORM)
        place_problem (p, "must be a list");
      return;
    }
  if (p->check->phase == CHECK_FORM && (n < (size_t) shape->min || n > (size_t) shape->max))
    {
      place_problem (p, "must have %lld to %lld elements", (long long) shape->min, (long long) shape->max);
      return;
    }
  PLACE_EACH (&child, p)
    walk_value (&child, shape->of);
}

/* What each element of EITHER and STEPS is: where it is repeated for roles, {role} is one of them. */
static struct shape
element_of (const struct shape *shape)
{
  static const char *const repeated[] = { "role", NULL };

  return (struct shape) { .kind = SHAPE_OBJECT, .of = shape->of, .names = repeated, .names_if = "for" };
}

/* One object, or a list of them. */
static void
walk_either (const struct place *p, const struct shape *shape)
{
  const struct shape one = element_of (shape);
  const struct shape list = { .kind = SHAPE_LIST, .of = &one, .min = 1, .max = shape->max };

  if (json_is_object (p->value) || json_is_array (p->value))
    walk_value (p, json_is_object (p->value) ? &one : &list);
  else if (p->check->phase == CHECK_FORM)
    place_problem (p, "must be an object, or a list of them");
}

/* Steps from the N-th child on, each inside the names of those before it. */
static void
walk_steps (struct place *child, const struct shape *one)
{
  struct check *c = child->check;
  const struct names *before = c->names;
  struct names kept = { .up = before };

  if (!child->value)
    return;
  walk_value (child, one);
  kept.keys = json_object_get (child->value, "keep");
  c->names = &kept;
  place_next (child);
  walk_steps (child, one);
  c->names = before;
}

/* ---- Any ---- */

static void
walk_kind (const struct place *p, const struct shape *shape)
{
  const struct shape one = element_of (shape);
  struct place child;

  switch (shape->kind)
    {
    case SHAPE_TEXT: walk_text (p, shape); break;
    case SHAPE_TEXTS: walk_texts (p, shape); break;
    case SHAPE_TEMPLATE: walk_template (p, shape); break;
    case SHAPE_URL: walk_url (p, shape); break;
    case SHAPE_FIELD: walk_field (p, shape); break;
    case SHAPE_JSON: walk_json (p, 0); break;
    case SHAPE_ERE: walk_ere (p, shape); break;
    case SHAPE_NUMBER: walk_number (p, shape); break;
    case SHAPE_BOOL:
      if (p->check->phase == CHECK_FORM && !json_is_boolean (p->value))
        place_problem (p, "must be true or false");
      break;
    case SHAPE_ITEMS: walk_path (p, grammar_items); break;
    case SHAPE_VALUE: walk_where (p, shape); break;
    case SHAPE_LIST: walk_list (p, shape); break;
    case SHAPE_OBJECT: walk_object (p, shape); break;
    case SHAPE_MAP: walk_map (p, shape); break;
    case SHAPE_EITHER: walk_either (p, shape); break;
    case SHAPE_STEPS:
      child = place_first (p);
      if (p->check->phase != CHECK_NAMES || !json_is_array (p->value))
        walk_either (p, shape);
      else
        walk_steps (&child, &one);
      break;
    case SHAPE_JQ: walk_jq (p); break;
    }
}

static void
walk_value (const struct place *p, const struct shape *shape)
{
  struct check *c = p->check;
  const struct names *outer = c->names;
  json_t *kept = c->kept, *more = shape->names_of ? json_object_get (p->value, shape->names_of) : NULL;
  bool words = shape->names && (!shape->names_if || json_object_get (p->value, shape->names_if));
  const struct names inner = { .up = outer, .words = words ? shape->names : NULL, .keys = more };

  if ((shape->flags & SHAPE_OR_FALSE) && json_is_false (p->value))
    return;
  if (words || more)
    c->names = &inner;
  if (shape->flags & SHAPE_FIRST)
    c->kept = NULL;
  if ((shape->flags & SHAPE_OR_NUMBER) && shape->kind == SHAPE_TEXT && json_is_number (p->value))
    walk_number (p, shape);
  else
    walk_kind (p, shape);
  c->names = outer;
  c->kept = kept;
}

void
shape_walk (const struct place *run)
{
  static const struct shape whole = { .kind = SHAPE_OBJECT, .of = shape_run };

  walk_value (run, &whole);
}

/* ---- The check ---- */

#define PLACED_BYTES 1024u   /* of a problem with its place */

/* In a session there is nobody who makes a line of the field: the sentence names the place. */
static int32_t
say (const struct check *c, const struct usher_fault *fault)
{
  struct usher_fault placed = *fault;
  char text[PLACED_BYTES];

  if (c->app)
    return usher_fail (c->ctx, fault);
  (void) snprintf (text, sizeof text, "%s of the app file %s", fault->field, fault->text);
  placed.text = text;
  return usher_fail (c->ctx, &placed);
}

static int32_t
tell (struct check *c)
{
  struct usher_fault fault = { .size = sizeof fault, .code = USHER_E_CONFIG };
  int32_t r = USHER_DONE;

  while (c->n_problems > 0)
    {
      c->n_problems--;
      fault.field = c->problem[c->n_problems].path;
      fault.text = c->problem[c->n_problems].text;
      r = fault.field && fault.text ? say (c, &fault) : USHER_E_NOMEM;
      free (c->problem[c->n_problems].path);
      free (c->problem[c->n_problems].text);
    }
  return r;
}

int32_t
descriptor_check (struct usher_ctx *ctx, json_t *run)
{
  const char *app = usher_conf (ctx, "app.file", 0);
  json_t *rest = json_object_get (run, "rest");
  struct check c = { .ctx = ctx, .run = run, .app = app ? json_loads (app, 0, NULL) : NULL };
  const struct place place = { .check = &c, .value = run };
  int32_t r;

  c.xml = strcmp (json_string_value (json_object_get (rest, "format")) ?: "", "xml") == 0;
  c.kept = json_object_get (json_object_get (rest, "login"), "keep");
  shape_walk (&place);
  if (c.n_problems == 0)
    {
      c.phase = CHECK_NAMES;
      shape_walk (&place);
      cross_check_rest (&place);
    }
  if (c.n_problems == 0 && c.app)
    {
      c.phase = CHECK_SPEED;
      shape_walk (&place);
      slow_notes (&place);
    }
  r = tell (&c);
  json_decref (c.app);
  return r;
}
