/* JSON with texts in it, and the values of parameters.

   In a body every string is a text.  An object with the one member "number", "boolean", "optional" or
   "list" is not sent as it stands: it says of what type a value is, that it may be missing, or
   names a list.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <math.h>
#include <string.h>

#include "plugins/seat/rest/steps.h"

/* The key and the member of an object that has one member; NULL for any other value. */
static const char *
only_member (const json_t *spec, const json_t **ret)
{
  void *iter;

  if (!json_is_object (spec) || json_object_size (spec) != 1)
    return NULL;
  iter = json_object_iter ((json_t *) (uintptr_t) spec);
  *ret = json_object_iter_value (iter);
  return json_object_iter_key (iter);
}

static const json_t *
typed (const json_t *spec, const char *type)
{
  const json_t *value = NULL;
  const char *key = only_member (spec, &value);

  return key && strcmp (key, type) == 0 ? value : NULL;
}

static int32_t
make_number (struct rest_op *op, const char *text, json_t **ret)
{
  json_t *j = json_loads (text, JSON_DECODE_ANY, NULL);

  if (!json_is_number (j))
    {
      json_decref (j);
      return seat_fail (op->ctx, USHER_E_FIELD, NULL, "The app needs a number, and %.80s is none", text);
    }
  *ret = j;
  return USHER_DONE;
}

static int32_t
make_boolean (struct rest_op *op, const char *text, json_t **ret)
{
  bool yes = text_same (text, "true");

  if (!yes && !text_same (text, "false"))
    return seat_fail (op->ctx, USHER_E_FIELD, NULL, "The app needs true or false, and %.80s is neither", text);
  *ret = json_boolean (yes);
  return USHER_DONE;
}

static int32_t
make_string (struct rest_op *op, const char *text, json_t **ret)
{
  *ret = json_string (text);
  /* What is not UTF-8 cannot be said in JSON. */
  return *ret ? USHER_DONE
              : seat_fail (op->ctx, USHER_E_FIELD, NULL, "A value for the app is not UTF-8");
}

/* The text of SPEC as a value of the type that MAKE makes. */
static int32_t
make (struct rest_op *op, const json_t *spec, int32_t (*type) (struct rest_op *, const char *, json_t **),
      json_t **ret)
{
  _cleanup_ (freep) char *text = NULL;
  int32_t r = rest_text (op, json_string_value (spec) ? json_string_value (spec) : "", &text);

  return r == USHER_DONE ? type (op, text, ret) : r;
}

static int32_t make_any (struct rest_op *op, const json_t *spec, unsigned int depth, json_t **ret);

static int32_t
make_object (struct rest_op *op, const json_t *spec, unsigned int depth, json_t **ret)
{
  _cleanup_ (json_decrefp) json_t *out = json_object ();
  const char *key;
  json_t *member;

  json_object_foreach ((json_t *) (uintptr_t) spec, key, member)
    {
      const json_t *optional = typed (member, "optional");
      json_t *value = NULL;
      int32_t r = make_any (op, optional ? optional : member, depth + 1, &value);

      if (r == USHER_ABSENT && optional)
        continue;
      if (r != USHER_DONE)
        return r;
      if (json_object_set_new (out, key, value) < 0)
        return USHER_E_NOMEM;
    }
  *ret = TAKE (out);
  return *ret ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
make_array (struct rest_op *op, const json_t *spec, unsigned int depth, json_t **ret)
{
  _cleanup_ (json_decrefp) json_t *out = json_array ();
  size_t i;
  json_t *element;

  json_array_foreach (spec, i, element)
    {
      const json_t *optional = typed (element, "optional");
      json_t *value = NULL;
      int32_t r = make_any (op, optional ? optional : element, depth + 1, &value);

      if (r == USHER_ABSENT && optional)
        continue;
      if (r != USHER_DONE)
        return r;
      if (json_array_append_new (out, value) < 0)
        return USHER_E_NOMEM;
    }
  *ret = TAKE (out);
  return *ret ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
make_any (struct rest_op *op, const json_t *spec, unsigned int depth, json_t **ret)
{
  const json_t *value;

  if (depth > REST_DEPTH_MAX)
    return seat_fail (op->ctx, USHER_E_CONFIG, NULL, "The app file's body has more than %u values inside each other",
                      REST_DEPTH_MAX);
  if (json_is_string (spec))
    return make (op, spec, make_string, ret);
  if ((value = typed (spec, "number")))
    return make (op, value, make_number, ret);
  if ((value = typed (spec, "boolean")))
    return make (op, value, make_boolean, ret);
  if ((value = typed (spec, "list")))
    return rest_list_of (op, json_string_value (value), ret);
  if (json_is_object (spec))
    return make_object (op, spec, depth, ret);
  if (json_is_array (spec))
    return make_array (op, spec, depth, ret);
  *ret = json_deep_copy (spec);
  return *ret ? USHER_DONE : USHER_E_NOMEM;
}

int32_t
rest_json (struct rest_op *op, const json_t *spec, json_t **ret)
{
  const json_t *optional = typed (spec, "optional");

  return make_any (op, optional ? optional : spec, 0, ret);
}

/* ---- Parameters ---- */

static int32_t
put_json (struct rest_op *op, const json_t *spec, enum rest_place place, struct text *out)
{
  _cleanup_ (json_decrefp) json_t *j = NULL;
  _cleanup_ (freep) char *text = NULL;
  int32_t r = rest_json (op, spec, &j);

  if (r != USHER_DONE)
    return r;
  /* ASCII only, so that it can stand in a header as well. */
  text = json_dumps (j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
  if (!text)
    return USHER_E_NOMEM;
  if (place == REST_PERCENT)
    text_put_percent (out, text);
  else
    text_puts (out, text);
  return USHER_DONE;
}

int32_t
rest_param (struct rest_op *op, const json_t *spec, enum rest_place place, struct text *out, bool *ret_skip)
{
  const json_t *optional = typed (spec, "optional"), *json;
  size_t before = out->len;
  int32_t r;

  *ret_skip = false;
  if (optional)
    spec = optional;
  json = typed (spec, "json");
  if (json_is_string (spec))
    r = rest_text_put (op, json_string_value (spec), place, out);
  else
    r = put_json (op, json ? json : spec, place, out);
  if (r != USHER_ABSENT || !optional)
    return r;
  if (out->s)
    out->s[before] = '\0';
  out->len = before;
  *ret_skip = true;
  return USHER_DONE;
}
