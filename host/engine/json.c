/* Owns the small habits around JSON documents: typed reads, times, ids. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

const char *
json_text (const json_t *o, const char *key)
{
  return json_string_value (json_object_get (o, key));
}

bool
json_flag (const json_t *o, const char *key)
{
  return json_is_true (json_object_get (o, key));
}

int64_t
json_number (const json_t *o, const char *key, int64_t otherwise)
{
  const json_t *v = json_object_get (o, key);

  return json_is_integer (v) ? json_integer_value (v) : otherwise;
}

void
json_set_text (json_t *o, const char *key, const char *value)
{
  if (value)
    (void) json_object_set_new (o, key, json_string (value));
  else
    (void) json_object_del (o, key);
}

void
json_set_time (json_t *o, const char *key, int64_t ms)
{
  char text[CLOCK_RFC3339_SIZE];

  clock_rfc3339 (ms, text);
  json_set_text (o, key, ms ? text : NULL);
}

int64_t
json_time (const json_t *o, const char *key)
{
  const char *s = json_text (o, key);
  int64_t ms;

  return s && clock_parse_rfc3339 (s, &ms) == 0 ? ms : 0;
}

void
json_set_id (json_t *o, const char *key, const struct id *id)
{
  char text[ID_TEXT_SIZE];

  id_format (id, text);
  json_set_text (o, key, id_is_zero (id) ? NULL : text);
}

bool
json_id (const json_t *o, const char *key, struct id *ret)
{
  return id_parse (json_text (o, key), ret) == 0;
}

json_t *
doc_new (const struct caller *caller)
{
  json_t *doc = json_object ();
  struct id id = id_new ();
  int64_t now = clock_now_ms ();

  json_set_id (doc, "id", &id);
  json_set_time (doc, "created_at", now);
  json_set_time (doc, "updated_at", now);
  (void) json_object_set_new (doc, "created_by", caller_json (caller));
  return doc;
}
