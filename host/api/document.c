/* Owns the OpenAPI document.  Paths, methods, parameters, bodies, scopes and answers come
   from the table of routes, problem codes from the engine's table of refusals; prose and the
   schemas of things from schemas.json.  So the document cannot say what the code does not. */
#include <config.h>

#include "host/api/document.h"

#include <stdio.h>

#include "host/api/routes.h"
#include "host/common/buf.h"
#include "host/common/text.h"

#define NAME_LENGTH_MAX 255u
#define PROBLEM_JSON "application/problem+json"

/* ---- Small pieces; all take what they are given. */

static json_t *
ref (const char *section, const char *name)
{
  char path[NAME_LENGTH_MAX + 64];

  (void) snprintf (path, sizeof path, "#/components/%s/%s", section, name);
  return json_pack ("{s:s}", "$ref", path);
}

static void
set (json_t *o, const char *key, json_t *value)
{
  (void) json_object_set_new (o, key, value);
}

static void
add (json_t *list, json_t *value)
{
  (void) json_array_append_new (list, value);
}

static json_t *
content (const char *type, json_t *schema)
{
  return json_pack ("{s:{s:o}}", type, "schema", schema);
}

static json_t *
list_of (json_t *item)
{
  return json_pack ("{s:s, s:[s], s:{s:{s:s, s:o}, s:{s:s, s:s}}, s:b}", "type", "object", "required", "items",
                    "properties", "items", "type", "array", "items", item, "next", "type", "string", "description",
                    "The cursor of the next page; absent at the end.", "additionalProperties", 0);
}

/* "{", up to "}" in TEMPLATE, and TEMPLATE behind it; NULL = none is left. */
static const char *
next_name (const char **template, char ret[NAME_LENGTH_MAX])
{
  const char *open = strchr (*template, '{');
  size_t len = open ? strcspn (open + 1, "}") : 0;

  if (!open || len >= NAME_LENGTH_MAX)
    return NULL;
  memcpy (ret, open + 1, len);
  ret[len] = '\0';
  *template = open + 1 + len;
  return ret;
}

/* ---- An operation. */

static json_t *
parameters (const struct route *r)
{
  json_t *list = json_array ();
  const char *rest = r->path;
  char name[NAME_LENGTH_MAX];
  size_t len;

  while (next_name (&rest, name))
    add (list, ref ("parameters", name));
  for (rest = r->query ? r->query : ""; *rest; rest += len, rest += *rest == ' ')
    {
      len = strcspn (rest, " ");
      (void) snprintf (name, sizeof name, "query-%.*s", (int) strcspn (rest, ": "), rest);
      add (list, ref ("parameters", name));
    }
  if (r->flags & ROUTE_LIST)
    {
      add (list, ref ("parameters", "query-limit"));
      add (list, ref ("parameters", "query-cursor"));
    }
  if (r->special == SPECIAL_RESTORE)
    add (list, ref ("parameters", "query-confirm"));
  else if (route_writes (r) && !r->special)
    {
      add (list, ref ("parameters", "query-confirm"));
      add (list, ref ("parameters", "Idempotency-Key"));
      add (list, ref ("parameters", "If-Match"));
    }
  else if (r->flags & ROUTE_TAGGED)
    add (list, ref ("parameters", "If-None-Match"));
  if (r->special == SPECIAL_STREAM)
    add (list, ref ("parameters", "Last-Event-ID"));
  return list;
}

/* null is no value (see routes.h). */
static json_t *
field_schema (char type)
{
  switch (type)
    {
    case 't':
      return json_pack ("{s:[s, s]}", "type", "string", "null");
    case 'b':
      return json_pack ("{s:[s, s]}", "type", "boolean", "null");
    case 'n':
      return json_pack ("{s:[s, s]}", "type", "integer", "null");
    case 'l':
      return json_pack ("{s:[s, s]}", "type", "array", "null");
    case 'o':
      return json_pack ("{s:[s, s]}", "type", "object", "null");
    default:
      return json_pack ("{s:[s, s, s]}", "type", "string", "object", "null");
    }
}

/* The body that R's fields make; HINTS says more of fields, by name. */
static json_t *
body_schema (const struct route *r, const json_t *hints)
{
  json_t *properties = json_object (), *required = json_array (), *schema;
  const char *at = r->fields ? r->fields : "";
  char name[NAME_LENGTH_MAX];

  for (; *at; at += strcspn (at, " "), at += *at == ' ')
    {
      size_t len = strcspn (at, ":");

      (void) snprintf (name, sizeof name, "%.*s", (int) len, at);
      schema = field_schema (at[len + 1]);
      (void) json_object_update (schema, json_object_get (hints, name));
      set (properties, name, schema);
      if (at[len + 2] == '!')
        add (required, json_string (name));
    }
  set (properties, "confirm", json_pack ("{s:[s, s], s:s}", "type", "boolean", "null", "description",
                                         "Do what wants confirmation."));
  schema = json_pack ("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
  if (json_array_size (required))
    set (schema, "required", required);
  else
    json_decref (required);
  return schema;
}

static json_t *
request_body (const struct route *r, const json_t *hints)
{
  json_t *schema;
  bool needed;

  if (r->body == BODY_BACKUP)
    return json_pack ("{s:b, s:o}", "required", 1, "content",
                      content ("application/octet-stream", ref ("schemas", "Backup")));
  schema = r->body == BODY_TEXT ? json_pack ("{s:s}", "type", "string") : body_schema (r, hints);
  needed = r->body == BODY_TEXT || json_object_get (schema, "required");
  return json_pack ("{s:b, s:o}", "required", needed, "content",
                    content (r->body == BODY_TEXT ? "text/csv" : "application/json", schema));
}

static json_t *
good_answer (const struct route *r)
{
  json_t *schema = ref ("schemas", r->answer), *answer;
  const char *type = "application/json";

  if (r->flags & ROUTE_LIST)
    schema = list_of (schema);
  if (r->special == SPECIAL_STREAM)
    type = "text/event-stream";
  else if (r->special == SPECIAL_METRICS)
    type = "application/openmetrics-text";
  else if (r->special == SPECIAL_BACKUP)
    type = "application/octet-stream";
  else if (r->special == SPECIAL_READY || r->special == SPECIAL_HEALTH)
    type = "text/plain";
  answer = json_pack ("{s:s, s:o}", "description", r->summary, "content", content (type, schema));
  if ((r->flags & ROUTE_TAGGED) && r->status == 200 && (!route_writes (r) || streq (r->method, "PATCH")))
    set (answer, "headers", json_pack ("{s:o}", "ETag", ref ("headers", "ETag")));
  return answer;
}

/* What any request can be refused with, and what only one that has a body, a thing at its
   path, or an effect. */
static json_t *
answers (const struct route *r)
{
  static const char *const all[] = { "400", "401", "403", "404", "409", "410", "422", "503" };
  static const char *const of_writes[] = { "412", "413", "415", "428", "429" };
  json_t *o = json_object ();
  char status[16];
  size_t i;

  (void) snprintf (status, sizeof status, "%d", r->status);
  set (o, status, good_answer (r));
  if (r->flags & ROUTE_JOINS)
    set (o, "200", good_answer (r));
  if ((r->flags & ROUTE_TAGGED) && !route_writes (r))
    set (o, "304", json_pack ("{s:s, s:{s:o}}", "description", "As If-None-Match has it.", "headers", "ETag",
                              ref ("headers", "ETag")));
  if (r->flags & ROUTE_OPEN)
    return o;
  for (i = 0; i < ARRAY_SIZE (all); i++)
    set (o, all[i], ref ("responses", all[i]));
  for (i = 0; route_writes (r) && i < ARRAY_SIZE (of_writes); i++)
    set (o, of_writes[i], ref ("responses", of_writes[i]));
  if (r->special == SPECIAL_READY)
    set (o, "503", json_pack ("{s:s, s:o}", "description", "It does not; why, in a sentence.", "content",
                              content ("text/plain", ref ("schemas", "Plain"))));
  return o;
}

static json_t *
security (const struct route *r)
{
  json_t *scopes = json_array ();

  if (r->flags & ROUTE_OPEN)
    {
      json_decref (scopes);
      return json_array ();
    }
  if (r->scope)
    add (scopes, json_string (r->scope == SCOPE_READ ? "read" : r->scope == SCOPE_WRITE ? "write" : "admin"));
  return json_pack ("[{s:o}]", "token", scopes);
}

/* "patch-hubs-hub-account": the method and the words of the path. */
static json_t *
operation_id (const struct route *r)
{
  struct buf name = BUF_INIT (NAME_LENGTH_MAX);
  const char *p;
  json_t *id;

  for (p = r->method; *p; p++)
    buf_putc (&name, (char) (*p | 0x20));
  for (p = r->path; *p; p++)
    if (*p != '{' && *p != '}')
      buf_putc (&name, *p == '/' ? '-' : *p);
  id = json_string (name.data);
  buf_done (&name);
  return id;
}

static json_t *
operation (const struct route *r, const json_t *hints)
{
  json_t *o = json_pack ("{s:o, s:s, s:o, s:o, s:o}", "operationId", operation_id (r), "summary", r->summary, "security",
                         security (r), "parameters", parameters (r), "responses", answers (r));
  size_t len = strcspn (r->path + 1, "/");

  set (o, "tags", json_pack ("[s%]", r->path + 1, len));
  if (r->body != BODY_NONE)
    set (o, "requestBody", request_body (r, hints));
  return o;
}

/* ---- Refusals. */

static json_t *
refusal_answer (int status)
{
  json_t *codes = json_array (), *schema, *answer;
  const char *code;
  bool waits = status == 429 || status == 503 || status == 409;
  size_t i;
  int http;

  for (i = 0; refusal_at (i, &code, &http); i++)
    if (http == status)
      add (codes, json_string (code));
  schema = json_pack ("{s:[o, {s:{s:{s:i}, s:{s:o}}}]}", "allOf", ref ("schemas", "Problem"), "properties", "status",
                      "const", status, "code", "enum", codes);
  answer = json_pack ("{s:s, s:o}", "description", "Refused; nothing was changed.", "content",
                      content (PROBLEM_JSON, schema));
  if (waits)
    set (answer, "headers", json_pack ("{s:o}", "Retry-After", ref ("headers", "Retry-After")));
  if (status == 401 || status == 403)
    set (answer, "headers", json_pack ("{s:o}", "WWW-Authenticate", ref ("headers", "WWW-Authenticate")));
  return answer;
}

static json_t *
refusals (void)
{
  json_t *o = json_object ();
  const char *code;
  char status[16];
  size_t i;
  int http;

  for (i = 0; refusal_at (i, &code, &http); i++)
    {
      (void) snprintf (status, sizeof status, "%d", http);
      if (!json_object_get (o, status))
        set (o, status, refusal_answer (http));
    }
  return o;
}

/* ---- The whole. */

char *
document_text (void)
{
  json_t *whole = json_loads (schemas_json, JSON_REJECT_DUPLICATES, NULL), *paths = json_object (), *item;
  const json_t *hints = json_object_get (whole, "x-fields");
  char path[NAME_LENGTH_MAX], method[16], *text;
  size_t i;

  set (json_object_get (whole, "info"), "version", json_string (PACKAGE_VERSION));
  for (i = 0; i < n_routes; i++)
    {
      const struct route *r = &routes[i];

      (void) snprintf (path, sizeof path, "%s%s", r->flags & ROUTE_ROOT ? "" : API_BASE, r->path);
      (void) snprintf (method, sizeof method, "%s", r->method);
      ascii_lower (method);
      item = json_object_get (paths, path);
      if (!item)
        {
          item = json_object ();
          set (paths, path, item);
        }
      set (item, method, operation (r, hints));
    }
  set (whole, "paths", paths);
  set (json_object_get (whole, "components"), "responses", refusals ());
  (void) json_object_del (whole, "x-fields");
  text = json_dumps (whole, JSON_INDENT (2));
  json_decref (whole);
  return text;
}
