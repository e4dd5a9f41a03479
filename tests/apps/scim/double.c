/* A SCIM application in memory.  */
#include <config.h>

#include "tests/apps/scim/double.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define USER_SCHEMA "urn:ietf:params:scim:schemas:core:2.0:User"
#define LIST_SCHEMA "urn:ietf:params:scim:api:messages:2.0:ListResponse"
#define ERROR_SCHEMA "urn:ietf:params:scim:api:messages:2.0:Error"

struct double_app *
double_new (void)
{
  struct double_app *app = calloc (1, sizeof *app);

  if (!app)
    abort ();
  app->users = json_array ();
  app->groups = json_array ();
  return app;
}

void
double_free (struct double_app *app)
{
  if (!app)
    return;
  json_decref (app->users);
  json_decref (app->groups);
  free (app);
}

void
double_add_user (struct double_app *app, unsigned n, const char *role)
{
  char id[32], name[64];

  snprintf (id, sizeof id, "u%u", n);
  snprintf (name, sizeof name, "user%u@example.com", n);
  json_array_append_new (app->users,
                         json_pack ("{s:[s], s:s, s:s, s:b, s:{s:s, s:s}, s:[{s:s, s:b}], "
                                    "s:[{s:s}], s:{s:s, s:s}}",
                                    "schemas", USER_SCHEMA, "id", id, "userName", name,
                                    "active", 1, "name", "givenName", "User", "familyName", id,
                                    "emails", "value", name, "primary", 1,
                                    "roles", "value", role,
                                    "meta", "created", "2024-01-02T03:04:05Z", "version",
                                    "W/\"1\""));
}

void
double_add_group (struct double_app *app, unsigned n, unsigned first, unsigned last)
{
  json_t *members = json_array ();
  char id[32], name[64];

  for (unsigned i = first; i <= last; i++)
    {
      snprintf (id, sizeof id, "u%u", i);
      json_array_append_new (members, json_pack ("{s:s, s:s}", "value", id, "type", "User"));
    }
  /* A group inside it is nobody. */
  json_array_append_new (members, json_pack ("{s:s, s:s}", "value", "g999", "type", "Group"));
  snprintf (id, sizeof id, "g%u", n);
  snprintf (name, sizeof name, "Group %u", n);
  json_array_append_new (app->groups, json_pack ("{s:s, s:s, s:o}", "id", id, "displayName", name,
                                                 "members", members));
}

static const char *
text_of (const json_t *thing, const char *name)
{
  const char *text = json_string_value (json_object_get (thing, name));

  return text ? text : "";
}

static json_t *
find (const json_t *things, const char *name, const char *value, size_t *ret_at)
{
  size_t i;
  json_t *thing;

  json_array_foreach (things, i, thing)
    if (strcasecmp (text_of (thing, name), value) == 0)
      {
        if (ret_at)
          *ret_at = i;
        return thing;
      }
  return NULL;
}

json_t *
double_user (const struct double_app *app, const char *id)
{
  return find (app->users, "id", id, NULL);
}

json_t *
double_user_named (const struct double_app *app, const char *name)
{
  return find (app->users, "userName", name, NULL);
}

bool
double_in_group (const struct double_app *app, const char *group, const char *user)
{
  const json_t *g = find (app->groups, "id", group, NULL);

  return find (json_object_get (g, "members"), "value", user, NULL) != NULL;
}

/* ---- Answers ---- */

static void
answer_text (struct double_answer *ret, int status, const char *type, const char *text)
{
  ret->status = status;
  ret->type = type;
  ret->body = strdup (text);
  ret->len = strlen (text);
}

static void
answer_json (struct double_answer *ret, int status, json_t *thing)
{
  ret->status = status;
  ret->type = "application/scim+json";
  ret->body = json_dumps (thing, JSON_COMPACT);
  ret->len = strlen (ret->body);
  json_decref (thing);
}

static void
answer_error (struct double_answer *ret, int status, const char *type, const char *detail)
{
  char text[8];

  snprintf (text, sizeof text, "%d", status);
  answer_json (ret, status, json_pack ("{s:[s], s:s, s:s*, s:s*}", "schemas", ERROR_SCHEMA,
                                       "status", text, "scimType", type, "detail", detail));
}

static void
answer_gone (struct double_app *app, struct double_answer *ret)
{
  if (app->traps.gone_html || app->traps.gone_empty)
    app->trapped++;
  if (app->traps.gone_html)
    answer_text (ret, 404, "text/html", "<html>Not found</html>");
  else if (app->traps.gone_empty)
    ret->status = 404;
  else
    answer_error (ret, 404, NULL, "There is none by this id");
}

/* A user as it is sent: with its groups where it says so. */
static json_t *
shown (const struct double_app *app, json_t *thing)
{
  json_t *copy = json_deep_copy (thing);
  json_t *groups, *group;
  size_t i;

  if (app->traps.no_user_groups || !json_object_get (thing, "userName"))
    return copy;
  groups = json_array ();
  json_array_foreach (app->groups, i, group)
    if (double_in_group (app, text_of (group, "id"), text_of (thing, "id")))
      json_array_append_new (groups, json_pack ("{s:s}", "value", text_of (group, "id")));
  json_object_set_new (copy, "groups", groups);
  if (app->traps.names_upper)
    {
      json_object_set (copy, "USERNAME", json_object_get (copy, "userName"));
      json_object_del (copy, "userName");
    }
  return copy;
}

/* ---- Addresses ---- */

/* The parameter NAME of URL, decoded, in BUF; false when it is not there. */
static bool
parameter (const char *url, const char *name, char *buf, size_t cap)
{
  const char *p = strchr (url, '?');
  size_t len = strlen (name), n = 0;

  while (p && (strncmp (p + 1, name, len) != 0 || p[1 + len] != '='))
    p = strchr (p + 1, '&');
  if (!p)
    return false;
  for (p += len + 2; *p && *p != '&' && n + 1 < cap; p++)
    {
      unsigned c = (unsigned char) *p;

      if (*p == '%' && isxdigit ((unsigned char) p[1]) && sscanf (p + 1, "%2x", &c) == 1)
        p += 2;
      buf[n++] = (char) c;
    }
  buf[n] = '\0';
  return true;
}

static uint64_t
number (const char *url, const char *name, uint64_t fallback)
{
  char text[32];

  return parameter (url, name, text, sizeof text) ? strtoull (text, NULL, 10) : fallback;
}

/* ---- Lists ---- */

struct span { uint64_t start, count, page; bool cursor; };

static json_t *
rows_of (struct double_app *app, json_t *things, const struct span *span)
{
  json_t *rows = json_array ();
  uint64_t start = span->start;
  size_t all = json_array_size (things);

  if (app->traps.twice && start > 1)
    {
      json_array_append_new (rows, shown (app, json_array_get (things, start - 2)));
      app->trapped++;
    }
  for (size_t i = start - 1; i < all && i < start - 1 + span->count; i++)
    json_array_append_new (rows, shown (app, json_array_get (things, i)));
  if (app->traps.nameless && start == 1 && json_array_size (rows) > 1)
    {
      json_object_del (json_array_get (rows, 1), "id");
      app->trapped++;
    }
  if (app->traps.short_page == span->page && json_array_size (rows) > 0)
    {
      json_array_remove (rows, json_array_size (rows) - 1);
      app->trapped++;
    }
  return rows;
}

/* Which rows are asked for; false after an error. */
static bool
take_span (struct double_app *app, const struct double_request *request, size_t all,
           struct span *ret, struct double_answer *answer)
{
  struct double_traps *traps = &app->traps;
  char cursor[64];

  ret->cursor = parameter (request->url, "cursor", cursor, sizeof cursor);
  ret->start = ret->cursor ? (*cursor ? strtoull (cursor, NULL, 10) : 1)
                           : number (request->url, "startIndex", 1);
  ret->count = number (request->url, "count", 100);
  if (traps->page_max && ret->count > traps->page_max)
    {
      ret->count = traps->page_max;
      app->trapped++;
    }
  ret->page = ret->count ? (ret->start - 1) / ret->count + 1 : 1;
  if (ret->cursor && traps->cursors_only_said)
    {
      app->trapped++;
      answer_error (answer, 400, "invalidCursor", "There are no cursors here");
      return false;
    }
  if (ret->cursor && traps->cursor_expires == ret->page)
    {
      app->trapped++;
      answer_error (answer, 400, "expiredCursor", "The cursor is too old");
      return false;
    }
  if (traps->start_ignored || (traps->past_end_repeats && ret->start > all))
    {
      app->trapped += ret->start > 1;
      ret->start = 1;
    }
  return true;
}

static void
answer_list (struct double_app *app, const struct double_request *request, json_t *things,
             struct double_answer *ret)
{
  struct double_traps *traps = &app->traps;
  size_t all = json_array_size (things), n;
  char excluded[64], next[32];
  struct span span;
  json_t *rows, *head, *row;
  size_t i;

  if (things == app->users)
    app->pages++;
  if (!take_span (app, request, all, &span, ret))
    return;
  rows = rows_of (app, things, &span);
  n = json_array_size (rows);
  if (parameter (request->url, "excludedAttributes", excluded, sizeof excluded))
    json_array_foreach (rows, i, row)
      json_object_del (row, excluded);
  head = json_pack ("{s:[s], s:I, s:I}", "schemas", LIST_SCHEMA, "totalResults",
                    (json_int_t) all + (span.start > 1 ? traps->total_moves : 0),
                    "itemsPerPage", (json_int_t) n);
  app->trapped += (span.start > 1 && traps->total_moves) || traps->no_total;
  if (traps->no_total)
    json_object_del (head, "totalResults");
  snprintf (next, sizeof next, "%llu",
            (unsigned long long) (traps->cursor_repeats ? span.count + 1 : span.start + span.count));
  app->trapped += traps->cursor_repeats && span.start > 1;
  if (span.cursor && span.start - 1 + span.count < all)
    json_object_set_new (head, "nextCursor", json_string (next));
  if (n == 0 && traps->no_resources)
    {
      json_decref (rows);
      app->trapped++;
    }
  else
    json_object_set_new (head, traps->names_upper ? "RESOURCES" : "Resources", rows);
  answer_json (ret, 200, head);
}

/* attribute eq "value"; VALUE has no escapes but \" and \\ here. */
static bool
parse_filter (const char *filter, char *name, size_t cap, char *value, size_t value_cap)
{
  const char *eq = strstr (filter, " eq \"");
  size_t n = 0;

  if (!eq || (size_t) (eq - filter) >= cap)
    return false;
  memcpy (name, filter, (size_t) (eq - filter));
  name[eq - filter] = '\0';
  for (const char *p = eq + 5; *p && *p != '"' && n + 1 < value_cap; p++)
    {
      if (*p == '\\' && p[1])
        p++;
      value[n++] = *p;
    }
  value[n] = '\0';
  return true;
}

static bool
has_email (const json_t *user, const char *value)
{
  return find (json_object_get (user, "emails"), "value", value, NULL) != NULL;
}

static void
answer_filter (struct double_app *app, const struct double_request *request, const char *filter,
               struct double_answer *ret)
{
  char name[64], value[256];
  json_t *hits, *user;
  size_t i;

  if (app->traps.filter_ignored)
    {
      app->trapped++;
      answer_list (app, request, app->users, ret);
      return;
    }
  if (app->traps.filter_refused || !parse_filter (filter, name, sizeof name, value, sizeof value))
    {
      app->trapped++;
      answer_error (ret, 400, "invalidFilter", "This filter is not known here");
      return;
    }
  hits = json_array ();
  json_array_foreach (app->users, i, user)
    if (strcasecmp (text_of (user, name), value) == 0
        || (strcmp (name, "emails.value") == 0 && has_email (user, value)))
      json_array_append_new (hits, shown (app, user));
  if (app->traps.invisible)
    json_array_clear (hits);
  if (json_array_size (hits) == 0 && app->traps.filter_404)
    {
      app->trapped++;
      json_decref (hits);
      answer_gone (app, ret);
      return;
    }
  answer_json (ret, 200, json_pack ("{s:[s], s:I, s:o}", "schemas", LIST_SCHEMA, "totalResults",
                                    (json_int_t) json_array_size (hits), "Resources", hits));
}

/* ---- Writes ---- */

/* Puts VALUE at a path of one name, or urn:...:attribute; NULL takes it away. */
static void
set_path (json_t *thing, const char *path, json_t *value)
{
  const char *colon = strncasecmp (path, "urn:", 4) == 0 ? strrchr (path, ':') : NULL;
  char schema[256];
  json_t *extension;

  if (colon)
    {
      snprintf (schema, sizeof schema, "%.*s", (int) (colon - path), path);
      extension = json_object_get (thing, schema);
      if (!extension)
        {
          extension = json_object ();
          json_object_set_new (thing, schema, extension);
        }
      thing = extension;
      path = colon + 1;
    }
  if (value && !json_is_null (value))
    json_object_set (thing, path, value);
  else
    json_object_del (thing, path);
}

static void
set_all (json_t *thing, json_t *values)
{
  const char *key, *attribute;
  json_t *value, *part;
  char path[512];

  json_object_foreach (values, key, value)
    if (strncasecmp (key, "urn:", 4) == 0 && json_is_object (value))
      json_object_foreach (value, attribute, part)
        {
          snprintf (path, sizeof path, "%s:%s", key, attribute);
          set_path (thing, path, part);
        }
    else
      set_path (thing, key, value);
}

static void
drop_member (json_t *group, const char *id)
{
  json_t *members = json_object_get (group, "members");
  size_t at;

  while (find (members, "value", id, &at))
    json_array_remove (members, at);
}

static void
patch_members (json_t *group, const char *op, json_t *value)
{
  json_t *members = json_object_get (group, "members"), *member;
  size_t i;

  json_array_foreach (value, i, member)
    {
      drop_member (group, text_of (member, "value"));
      if (strcmp (op, "add") == 0)
        json_array_append (members, member);
    }
}

/* One operation on THING; 0, or the status of the error. */
static int
patch_one (struct double_app *app, json_t *thing, json_t *op)
{
  const char *verb = text_of (op, "op"), *path = text_of (op, "path");
  json_t *value = json_object_get (op, "value");
  char id[256];

  if (strncmp (path, "members[value eq \"", 18) == 0 && strcmp (verb, "remove") == 0)
    {
      if (app->traps.no_member_filter)
        {
          app->trapped++;
          return 400;
        }
      snprintf (id, sizeof id, "%.*s", (int) strcspn (path + 18, "\""), path + 18);
      drop_member (thing, id);
    }
  else if (strcmp (path, "members") == 0)
    patch_members (thing, verb, value);
  else if (*path)
    set_path (thing, path, strcmp (verb, "remove") == 0 ? NULL : value);
  else if (json_is_object (value))
    set_all (thing, value);
  else
    return 400;
  return 0;
}

static int
patch (struct double_app *app, json_t *thing, json_t *body)
{
  json_t *op;
  size_t i;

  json_array_foreach (json_object_get (body, "Operations"), i, op)
    {
      int status = patch_one (app, thing, op);

      if (status)
        return status;
    }
  return json_array_size (json_object_get (body, "Operations")) > 0 ? 0 : 400;
}

/* What is carried out replaces the thing; its version goes up. */
static void
store (struct double_app *app, json_t *things, size_t at, json_t *after)
{
  json_t *meta = json_object_get (after, "meta");
  char version[32];

  if (app->traps.lies)
    {
      app->trapped++;
      return;
    }
  app->effects++;
  snprintf (version, sizeof version, "W/\"%llu\"", (unsigned long long) app->effects + 1);
  if (meta)
    json_object_set_new (meta, "version", json_string (version));
  json_array_set (things, at, after);
}

static void
answer_thing (struct double_app *app, int status, json_t *thing, struct double_answer *ret)
{
  if (app->traps.another)
    {
      app->trapped++;
      thing = json_array_get (app->users, 0);
    }
  if (!app->traps.no_body)
    {
      answer_json (ret, status, shown (app, thing));
      return;
    }
  app->trapped++;
  ret->status = status == 201 ? 201 : 204;
}

static void
create (struct double_app *app, json_t *body, struct double_answer *ret)
{
  char id[32];

  if (!*text_of (body, "userName"))
    {
      answer_error (ret, 400, "invalidValue", "userName is missing");
      return;
    }
  if (double_user_named (app, text_of (body, "userName")) || app->traps.invisible)
    {
      app->trapped += app->traps.create_conflict_400 || app->traps.invisible;
      answer_error (ret, app->traps.create_conflict_400 ? 400 : 409, "uniqueness",
                    "The user exists");
      return;
    }
  snprintf (id, sizeof id, "new%llu", (unsigned long long) ++app->made);
  json_object_set_new (body, "id", json_string (id));
  json_object_set_new (body, "meta", json_pack ("{s:s}", "version", "W/\"1\""));
  if (app->traps.lies)
    app->trapped++;
  else
    {
      json_array_append (app->users, body);
      app->effects++;
    }
  app->trapped += app->traps.create_200;
  answer_thing (app, app->traps.create_200 ? 200 : 201, body, ret);
}

static void
delete (struct double_app *app, json_t *things, size_t at, struct double_answer *ret)
{
  if (app->traps.lies)
    app->trapped++;
  else
    {
      json_array_remove (things, at);
      app->effects++;
    }
  ret->status = 204;
}

static bool
is_stale (struct double_app *app, const struct double_request *request, json_t *thing)
{
  json_t *meta = json_object_get (thing, "meta");

  if (!request->if_match)
    return false;
  if (app->traps.race > 0)
    {
      app->traps.race--;
      app->trapped++;
      json_object_set_new (meta, "version", json_string ("W/\"raced\""));
    }
  return strcmp (request->if_match, text_of (meta, "version")) != 0;
}

static void
change (struct double_app *app, const struct double_request *request, json_t *things, size_t at,
        json_t *body, struct double_answer *ret)
{
  json_t *thing = json_array_get (things, at), *after;
  bool patches = strcmp (request->method, "PATCH") == 0;
  int status = 0;

  if (is_stale (app, request, thing))
    {
      answer_error (ret, 412, "invalidVers", "The user was changed");
      return;
    }
  if (patches ? app->traps.no_patch || app->traps.patch_not_said : app->traps.no_put)
    {
      app->trapped++;
      answer_error (ret, 405, NULL, "Not done here");
      return;
    }
  after = json_deep_copy (patches ? thing : body);
  if (patches)
    status = patch (app, after, body);
  else if (json_object_get (body, "id") && json_object_get (body, "meta"))
    status = 400;
  else
    {
      json_object_set (after, "id", json_object_get (thing, "id"));
      if (json_object_get (thing, "meta"))
        json_object_set_new (after, "meta", json_deep_copy (json_object_get (thing, "meta")));
    }
  if (status)
    answer_error (ret, status, "invalidPath", "This operation is not known here");
  else
    {
      store (app, things, at, after);
      answer_thing (app, 200, after, ret);
    }
  json_decref (after);
}

/* ---- Dispatch ---- */

static void
answer_config (struct double_app *app, struct double_answer *ret)
{
  bool cursors = app->traps.cursors || app->traps.cursors_only_said;

  if (app->traps.no_config)
    {
      app->trapped++;
      answer_gone (app, ret);
      return;
    }
  answer_json (ret, 200,
               json_pack ("{s:{s:b}, s:{s:b}, s:{s:b, s:i}, s:{s:b, s:b}}",
                          "patch", "supported", !app->traps.patch_not_said,
                          "etag", "supported", app->traps.etag,
                          "filter", "supported", 1, "maxResults", 100,
                          "pagination", "cursor", cursors, "index", !app->traps.cursors));
}

static void
answer_thing_at (struct double_app *app, const struct double_request *request, json_t *things,
                 const char *id, json_t *body, struct double_answer *ret)
{
  json_t *thing;
  size_t at;

  thing = find (things, "id", id, &at);
  if (!thing)
    answer_gone (app, ret);
  else if (strcmp (request->method, "GET") == 0)
    answer_json (ret, 200, shown (app, thing));
  else if (strcmp (request->method, "DELETE") == 0)
    delete (app, things, at, ret);
  else if (body)
    change (app, request, things, at, body, ret);
  else
    answer_error (ret, 400, "invalidSyntax", "Not JSON");
}

/* The id of BASE/KIND/ID, decoded, in BUF: false for BASE/KIND.  A slash in what is decoded shows
   an id that was not escaped. */
static bool
id_of (const char *path, char *buf, size_t cap)
{
  size_t n = 0;

  path = strchr (path, '/');
  if (!path)
    return false;
  for (path++; *path && *path != '?' && n + 1 < cap; path++)
    {
      unsigned c = (unsigned char) *path;

      if (*path == '%' && sscanf (path + 1, "%2x", &c) == 1)
        path += 2;
      buf[n++] = (char) c;
    }
  buf[n] = '\0';
  return true;
}

static void
dispatch (struct double_app *app, const struct double_request *request, const char *path,
          struct double_answer *ret)
{
  json_t *things = strncmp (path, "Users", 5) == 0 ? app->users : app->groups;
  json_t *body = request->body_len ? json_loadb (request->body, request->body_len, 0, NULL) : NULL;
  char id[512], filter[512];

  if (id_of (path, id, sizeof id))
    answer_thing_at (app, request, things, id, body, ret);
  else if (strcmp (request->method, "POST") == 0 && body && things == app->users)
    create (app, body, ret);
  else if (strcmp (request->method, "GET") != 0)
    answer_error (ret, 400, "invalidSyntax", "Not known here");
  else if (parameter (request->url, "filter", filter, sizeof filter))
    answer_filter (app, request, filter, ret);
  else
    answer_list (app, request, things, ret);
  json_decref (body);
}

void
double_answer (struct double_app *app, const struct double_request *request,
               struct double_answer *ret)
{
  size_t base = strlen (DOUBLE_BASE "/");
  const char *path = request->url + base;

  *ret = (struct double_answer) { .type = "application/scim+json" };
  app->requests++;
  if (app->traps.html)
    {
      app->trapped++;
      answer_text (ret, 200, "text/html", "<!DOCTYPE html><html>Please sign in</html>");
    }
  else if (strncmp (request->url, DOUBLE_BASE "/", base) != 0)
    answer_text (ret, 404, "text/html", "<html>Not found</html>");
  else if (strncmp (path, "ServiceProviderConfig", 21) == 0)
    answer_config (app, ret);
  else if (app->traps.status && !(app->traps.status_of_writes && strcmp (request->method, "GET") == 0))
    {
      app->trapped++;
      if (app->traps.detail)
        answer_error (ret, app->traps.status, NULL, app->traps.detail);
      else
        ret->status = app->traps.status;
    }
  else if (strncmp (path, "Users", 5) == 0 || strncmp (path, "Groups", 6) == 0)
    dispatch (app, request, path, ret);
  else
    answer_text (ret, 404, "text/html", "<html>Not found</html>");
}
