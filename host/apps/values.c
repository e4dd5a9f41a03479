/* Owns the check of values that people give for fields: of a hub, and for
   provisioning.  Accounts: accounts.c. */
#include <config.h>

#include <stdarg.h>
#include <stdio.h>

#include "host/apps/app.h"
#include "host/apps/spot.h"
#include "host/apps/template.h"
#include "host/common/suggest.h"
#include "host/common/text.h"

#define KEYS_MAX 64u

int
app_refuse (struct app_error *error, const char *field, const char *fmt, ...)
{
  va_list ap;

  (void) snprintf (error->field, sizeof error->field, "%s", field);
  va_start (ap, fmt);
  (void) vsnprintf (error->text, sizeof error->text, fmt, ap);
  va_end (ap);
  return -EINVAL;
}

bool
app_is_empty (json_t *value)
{
  const char *text = json_string_value (value);

  return !value || json_is_null (value) || (text && !*text)
         || (json_is_array (value) && json_array_size (value) == 0);
}

const char *
app_value (json_t *values, const char *key)
{
  return json_string_value (json_object_get (values, key));
}

/* "a, b or c"; as much of it as SIZE takes. */
static void
list_choices (const struct app_field *f, char *ret, size_t size)
{
  size_t used = 0, i;

  ret[0] = '\0';
  for (i = 0; i < f->n_choices && used < size; i++)
    used += (size_t) snprintf (ret + used, size - used, "%s%s",
                               !i ? "" : i + 1 < f->n_choices ? ", " : " or ", f->choices[i]);
}

static int
check_choice (const struct app_field *f, const char *text, struct app_error *error)
{
  char all[256];
  size_t i;

  for (i = 0; i < f->n_choices; i++)
    if (streq (f->choices[i], text))
      return 0;
  list_choices (f, all, sizeof all);
  return app_refuse (error, f->key, "%s must be %s.", f->key, all);
}

static int
check_text (const struct app_field *f, const char *text, struct app_error *error)
{
  const char *pattern = app_value (f->declared, "pattern"), *c;
  size_t max = f->kind == APP_SECRET ? APP_SECRET_MAX : APP_TEXT_MAX, len = strlen (text);

  if (len > max)
    return app_refuse (error, f->key, "%s is longer than %zu bytes.", f->key, max);
  for (c = text; f->kind != APP_SECRET && *c; c++)
    if ((unsigned char) *c < 0x20 || *c == 0x7f)
      return app_refuse (error, f->key, "%s must not hold control characters.", f->key);
  /* In a header or a form it would end the line; what a connector reads may be a key file. */
  if (f->kind == APP_SECRET && !f->reveal && text[strcspn (text, "\r\n")])
    return app_refuse (error, f->key, "%s must be one line, and a line break is inside.", f->key);
  if (f->identifier == APP_ID_FREE && pattern_matches ("[A-Za-z0-9]{3,30}", text) != 1)
    return app_refuse (error, f->key, "%s must be 3 to 30 letters and digits.", f->key);
  if (pattern && pattern_matches (pattern, text) != 1)
    return app_refuse (error, f->key, "%s must have the form %s.", f->key, pattern);
  return 0;
}

/* The normal form of one value, in memory of its own. */
static int
check_one (const struct app_field *f, const char *given, char **ret, struct app_error *error)
{
  const char *end = given + strlen (given), *why;
  _cleanup_ (freep) char *text = NULL;
  int r = 0;

  /* The line end of a file is no part of a secret; a blank may be. */
  if (f->kind == APP_SECRET)
    {
      end -= end > given && end[-1] == '\n';
      end -= end > given && end[-1] == '\r';
    }
  while (f->kind != APP_SECRET && end > given && strchr ("\n\r \t", end[-1]))
    end--;
  while (f->kind != APP_SECRET && given < end && (*given == ' ' || *given == '\t'))
    given++;
  text = strndup (given, (size_t) (end - given));
  if (!text)
    return -ENOMEM;
  switch (f->kind)
    {
    case APP_CHOICE:
      r = check_choice (f, text, error);
      break;
    case APP_URL:
      r = *text ? app_url_normalise (text, ret, &why) : 0;
      if (r == -EINVAL)
        return app_refuse (error, f->key, "%s %s.", f->key, why);
      if (r < 0 || *text)
        return r;
      break;
    case APP_TEXT:
    case APP_SECRET:
      r = *text ? check_text (f, text, error) : 0;
      break;
    }
  if (r == 0)
    *ret = TAKE (text);
  else if (f->kind == APP_SECRET)
    explicit_bzero (text, strlen (text));
  return r;
}

static int
check_many (const struct app_field *f, json_t *list, json_t *ret, struct app_error *error)
{
  json_t *out, *value;
  size_t i;

  if (json_array_size (list) > APP_MANY_MAX)
    return app_refuse (error, f->key, "%s has more than %u values.", f->key, APP_MANY_MAX);
  out = json_array ();
  if (!out || json_object_set_new (ret, f->key, out) < 0)
    return -ENOMEM;
  json_array_foreach (list, i, value)
    {
      _cleanup_ (freep) char *text = NULL;
      int r;

      if (!json_is_string (value))
        return app_refuse (error, f->key, "%s must be a list of texts.", f->key);
      r = check_one (f, json_string_value (value), &text, error);
      if (r < 0)
        return r;
      if (*text && json_array_append_new (out, json_string (text)) < 0)
        return -ENOMEM;
    }
  return 0;
}

int
app_check_value (const struct app_field *f, json_t *value, json_t *ret, struct app_error *error)
{
  char *text = NULL;
  int r;

  if (f->many)
    {
      json_t *list = json_is_array (value) ? json_incref (value) : json_pack ("[O]", value);

      r = list ? check_many (f, list, ret, error) : -ENOMEM;
      json_decref (list);
      return r;
    }
  if (!json_is_string (value))
    return app_refuse (error, f->key, "%s must be a text.", f->key);
  r = check_one (f, json_string_value (value), &text, error);
  if (r < 0)
    return r;
  if (*text && json_object_set_new (ret, f->key, json_string (text)) < 0)
    r = -ENOMEM;
  if (f->kind == APP_SECRET)
    explicit_bzero (text, strlen (text));
  free (text);
  return r;
}

/* Every key of VALUES is a field. */
static int
check_keys (const struct app_field *fields, size_t n, json_t *values, struct app_error *error)
{
  const char *keys[KEYS_MAX], *key, *near;
  json_t *value;
  size_t i;

  for (i = 0; i < n && i < KEYS_MAX; i++)
    keys[i] = fields[i].key;
  json_object_foreach (values, key, value)
    {
      for (i = 0; i < n && !streq (fields[i].key, key); i++)
        ;
      if (i < n)
        continue;
      near = suggest_nearest (key, keys, MIN (n, (size_t) KEYS_MAX));
      if (near)
        return app_refuse (error, key, "There is no field %.40s; did you mean %s?", key, near);
      return app_refuse (error, key, "There is no field %.40s.", key);
    }
  return 0;
}

static int
check_missing (const struct app_field *f, json_t *values, struct app_error *error)
{
  if (!f->required || !app_is_empty (json_object_get (values, f->key)))
    return 0;
  return app_refuse (error, f->key, "%s (%s) is required.", f->key, f->label);
}

int
app_check_fields (const struct app *a, json_t *values, json_t **ret, struct app_error *error)
{
  json_t *out = json_object ();
  size_t i;
  int r;

  r = out ? check_keys (a->fields, a->n_fields, values, error) : -ENOMEM;
  for (i = 0; i < a->n_fields && r == 0; i++)
    {
      const struct app_field *f = &a->fields[i];
      json_t *value = json_object_get (values, f->key);

      if (app_is_empty (value))
        value = json_object_get (f->declared, "default");
      if (value)
        r = app_check_value (f, value, out, error);
      if (r == 0)
        r = check_missing (f, out, error);
    }
  if (r < 0)
    {
      json_decref (out);
      return r;
    }
  *ret = out;
  return 0;
}

static const char *
person_value (void *data, const char *name)
{
  const char *text = app_value (data, name);

  return text && *text ? text : NULL;
}

/* The declared default with PERSON's values in it; *RET NULL when it has none. */
static int
fill_default (const struct app_field *f, json_t *person, json_t **ret)
{
  json_t *def = json_object_get (f->declared, "default");
  char *text;
  int r;

  *ret = NULL;
  if (!json_is_string (def))
    {
      *ret = json_incref (def);
      return 0;
    }
  r = template_fill (json_string_value (def), APP_TEXT_MAX, person_value, person, &text);
  if (r == -ENOMEM)
    return r;
  if (r != 1)
    return 0;
  *ret = json_string (text);
  free (text);
  return *ret ? 0 : -ENOMEM;
}

int
app_check_provisioning (const struct app *a, unsigned int on, json_t *values, json_t *person,
                        json_t **ret, struct app_error *error)
{
  json_t *out = json_object ();
  size_t i;
  int r;

  r = out ? check_keys (a->provisioning, a->n_provisioning, values, error) : -ENOMEM;
  for (i = 0; i < a->n_provisioning && r == 0; i++)
    {
      const struct app_field *f = &a->provisioning[i];
      json_t *value = json_object_get (values, f->key);

      if (!(f->on & on))
        continue;
      if (!app_is_empty (value))
        (void) json_incref (value);
      else
        r = fill_default (f, person, &value);
      if (r == 0 && value)
        r = app_check_value (f, value, out, error);
      json_decref (value);
      if (r == 0)
        r = check_missing (f, out, error);
    }
  if (r < 0)
    {
      json_decref (out);
      return r;
    }
  *ret = out;
  return 0;
}
