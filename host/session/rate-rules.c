/* Owns the form of "rate" in an app file, once its keys are filled in. */
#include <config.h>

#include "host/session/rate.h"

#include <jansson.h>

#include "host/common/buf.h"
#include "host/common/json-memory.h"

/* A key of several parts is one text; the separator cannot stand in a part. */
#define KEY_SEPARATOR '\n'

static int
put_part (struct buf *key, const json_t *part)
{
  if (!json_is_string (part) || strchr (json_string_value (part), KEY_SEPARATOR))
    return -EINVAL;
  buf_puts (key, json_string_value (part));
  return 0;
}

static int
parse_key (const json_t *v, char **ret)
{
  _cleanup_ (buf_done) struct buf key = BUF_INIT (RATE_KEY_MAX);
  size_t i;
  int r = 0;

  if (!json_is_array (v))
    r = put_part (&key, v);
  else
    for (i = 0; i < json_array_size (v) && r == 0; i++)
      {
        if (i)
          buf_putc (&key, KEY_SEPARATOR);
        r = put_part (&key, json_array_get (v, i));
      }
  if (r < 0 || buf_error (&key))
    return r < 0 ? r : buf_error (&key);
  if (!key.len)
    return -EINVAL;
  *ret = buf_steal (&key);
  return *ret ? 0 : -ENOMEM;
}

static int
parse_rule (const json_t *o, struct rate_rule *ret)
{
  const json_t *per = json_object_get (o, "per"), *in_flight = json_object_get (o, "in_flight");
  size_t i;

  if ((per && !json_is_array (per)) || (in_flight && !json_is_integer (in_flight)))
    return -EINVAL;
  if (json_array_size (per) > RATE_WINDOWS)
    return -E2BIG;
  for (i = 0; i < json_array_size (per); i++)
    {
      const json_t *text = json_array_get (per, i);

      if (!json_is_string (text)
          || rate_parse_per (json_string_value (text), &ret->per[i].n, &ret->per[i].ms) < 0)
        return -EINVAL;
    }
  if (in_flight)
    {
      if (json_integer_value (in_flight) < 1 || json_integer_value (in_flight) > UINT32_MAX)
        return -EINVAL;
      ret->in_flight = (uint32_t) json_integer_value (in_flight);
    }
  return 0;
}

static int
parse_all (const json_t *a, struct rate_rules *ret)
{
  int r;

  if (!json_is_array (a))
    return -EINVAL;
  if (json_array_size (a) > RATE_RULES_MAX)
    return -E2BIG;
  for (; ret->n < json_array_size (a); ret->n++)
    {
      const json_t *o = json_array_get (a, ret->n);

      if (!json_is_object (o))
        return -EINVAL;
      r = parse_rule (o, &ret->v[ret->n].rule);
      if (r == 0)
        r = parse_key (json_object_get (o, "key"), &ret->v[ret->n].key);
      if (r < 0)
        return r;
    }
  return 0;
}

int
rate_rules_parse (const char *json, struct rate_rules *ret)
{
  struct rate_rules rules = { .n = 0 };
  json_t *a;
  int r;

  if (!json)
    {
      *ret = rules;
      return 0;
    }
  (void) json_memory_failed ();
  a = json_loads (json, JSON_REJECT_DUPLICATES, /* error= */ NULL);
  r = json_memory_failed () ? -ENOMEM : parse_all (a, &rules);
  json_decref (a);
  if (r < 0)
    {
      rate_rules_done (&rules);
      return r;
    }
  *ret = rules;
  return 0;
}

void
rate_rules_done (struct rate_rules *r)
{
  size_t i;

  for (i = 0; i < r->n; i++)
    free (r->v[i].key);
  r->n = 0;
}
