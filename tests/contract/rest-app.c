/* The application, by its paths.  */
#include <config.h>

#include "tests/contract/rest-app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKED_MAX 2048

/* A request taken apart. */
struct asked
{
  const char *method;
  char path[ASKED_MAX], query[ASKED_MAX];  /* escaped */
  json_t *body;                            /* owned; NULL = none, or no JSON */
};

void
rest_app_init (struct rest_app *app)
{
  *app = (struct rest_app) { .members = json_array (), .invites = json_array () };
}

void
rest_app_done (struct rest_app *app)
{
  json_decref (app->members);
  json_decref (app->invites);
  free (app->last);
  free (app->body);
  free (app->link);
}

static json_t *
add (struct rest_app *app, const char *email, const char *role)
{
  char id[16];
  json_t *member;

  (void) snprintf (id, sizeof id, "m%u", ++app->made);
  member = json_pack ("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "email", email, "first", "User", "last", id, "role",
                      role, "created", "2024-01-02T03:04:05Z");
  json_array_append_new (app->members, member);
  return member;
}

void
rest_app_fill (struct rest_app *app, unsigned int n)
{
  for (unsigned int i = 1; i <= n; i++)
    {
      char email[64];

      (void) snprintf (email, sizeof email, "user%u@example.com", i);
      (void) add (app, email, i == 1 ? "admin" : "member");
    }
}

/* ---- Requests and answers ---- */

static int
hex (char c)
{
  return c >= '0' && c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void
unescape (char *s)
{
  char *to = s;

  for (; *s; s++)
    if (*s == '%' && s[1] && s[2])
      {
        *to++ = (char) (hex (s[1]) << 4 | hex (s[2]));
        s += 2;
      }
    else
      *to++ = *s;
  *to = '\0';
}

/* The parameter NAME, unescaped, in BUF; NULL when there is none. */
static const char *
param (const struct asked *a, const char *name, char *buf, size_t cap)
{
  size_t len = strlen (name);

  for (const char *p = a->query; *p; p += strcspn (p, "&"), p += *p == '&')
    if (strncmp (p, name, len) == 0 && p[len] == '=')
      {
        (void) snprintf (buf, cap, "%.*s", (int) strcspn (p + len + 1, "&"), p + len + 1);
        unescape (buf);
        return buf;
      }
  return NULL;
}

static unsigned int
number (const struct asked *a, const char *name, unsigned int fallback)
{
  char buf[32];

  return param (a, name, buf, sizeof buf) ? (unsigned int) strtoul (buf, NULL, 10) : fallback;
}

/* Takes J. */
static void
answer (struct rest_app *app, struct usher_fake_answer *ret, int status, json_t *j)
{
  free (app->body);
  app->body = j ? json_dumps (j, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
  json_decref (j);
  ret->status = status;
  ret->content_type = app->body ? "application/json" : NULL;
  ret->body = app->body;
  ret->body_len = app->body ? strlen (app->body) : 0;
}

static void
refuse (struct rest_app *app, struct usher_fake_answer *ret, int status, const char *code, const char *message)
{
  answer (app, ret, status, json_pack ("{s:b, s:s, s:s}", "ok", 0, "code", code, "message", message));
}

/* ---- Pages ---- */

static json_t *
slice (const json_t *all, size_t from, size_t n)
{
  json_t *rows = json_array ();

  for (size_t i = from; i < from + n && i < json_array_size (all); i++)
    json_array_append (rows, json_array_get (all, i));
  return rows;
}

/* The address of page PAGE (from 1) of the same list. */
static char *
page_url (const struct rest_app *app, const struct asked *a, unsigned int page, unsigned int size)
{
  char *url = malloc (ASKED_MAX);

  (void) snprintf (url, ASKED_MAX, "%s%.1900s?page=%u&size=%u%s",
                   app->traps.elsewhere ? "https://elsewhere.example.com/api" : REST_APP_BASE, a->path, page, size,
                   app->traps.leaky ? "&key=t0p-secret" : "");
  return url;
}

/* /members and /invites: {"rows", "total", "pages", "next", "url", "more"}, and a Link header. */
static void
list (struct rest_app *app, const struct asked *a, const json_t *all, struct usher_fake_answer *ret)
{
  unsigned int size = number (a, "size", 4), page = number (a, "page", 0), offset = number (a, "offset", 0);
  size_t total = json_array_size (all), n = size;
  json_t *rows, *j;
  char cursor[32], *url;
  bool more;

  if (number (a, "cursor", 0))
    page = number (a, "cursor", 0);
  if (!page)
    page = offset / size + 1;
  if (app->traps.stuck)
    page = 1;
  if (app->traps.refusing_page == page)
    {
      refuse (app, ret, 200, "broken", "try later");
      return;
    }
  more = (size_t) page * size < total || app->traps.stuck;
  rows = slice (all, (size_t) (page - 1) * size, page == app->traps.short_page ? n - 1 : n);
  url = page_url (app, a, page + 1, size);
  (void) snprintf (cursor, sizeof cursor, "%u", page + 1);
  j = json_pack ("{s:b, s:o, s:I, s:I, s:b}", "ok", 1, page == app->traps.changed_page ? "others" : "rows", rows,
                 "total", (json_int_t) total, "pages", (json_int_t) ((total + size - 1) / size), "more", more);
  if (more)
    {
      json_object_set_new (j, "next", json_string (cursor));
      json_object_set_new (j, "url", json_string (url));
    }
  free (app->link);
  app->link = malloc (2 * ASKED_MAX);
  (void) snprintf (app->link, 2 * ASKED_MAX, "<%s>; rel=\"first\"; results=\"true\","
  " <%s>; rel=\"next\"; results=\"%s\"",
                   url, url, more ? "true" : "false");
  free (url);
  answer (app, ret, 200, j);
}

/* ---- One ---- */

static size_t
place_of (const json_t *all, const char *key, const char *value)
{
  size_t i;
  json_t *one;

  json_array_foreach (all, i, one)
    if (value && strcmp (json_string_value (json_object_get (one, key)), value) == 0)
      return i;
  return SIZE_MAX;
}

static const char *
text (const struct asked *a, const char *key)
{
  return json_string_value (json_object_get (a->body, key));
}

/* POST /members makes a member, POST /invites an invitation. */
static void
make (struct rest_app *app, const struct asked *a, bool invite, struct usher_fake_answer *ret)
{
  const char *email = text (a, "email"), *role = text (a, "role");
  json_t *one;

  if (!email || !role)
    refuse (app, ret, 422, "field", "email and role are needed");
  else if (place_of (app->members, "email", email) != SIZE_MAX)
    refuse (app, ret, 409, "member", "is a member already");
  else if (place_of (app->invites, "email", email) != SIZE_MAX)
    refuse (app, ret, 409, "invited", "is invited already");
  else
    {
      app->effects++;
      one = add (app, email, role);
      if (invite)
        {
          json_object_set_new (one, "link", json_string ("https://app.example.com/join/x1"));
          json_array_append (app->invites, one);
          json_array_remove (app->members, json_array_size (app->members) - 1);
        }
      answer (app, ret, 201, json_incref (one));
    }
}

static void
one (struct rest_app *app, const struct asked *a, json_t *all, const char *id, struct usher_fake_answer *ret)
{
  size_t i = place_of (all, "id", id);
  json_t *member = json_array_get (all, i);

  if (i == SIZE_MAX)
    refuse (app, ret, 404, "none", "there is nobody by that id");
  else if (strcmp (a->method, "GET") == 0)
    answer (app, ret, 200, json_incref (member));
  else if (strcmp (a->method, "PUT") == 0 && text (a, "role"))
    {
      app->effects += strcmp (json_string_value (json_object_get (member, "role")), text (a, "role")) != 0;
      json_object_set (member, "role", json_object_get (a->body, "role"));
      answer (app, ret, 200, json_incref (member));
    }
  else if (strcmp (a->method, "DELETE") == 0)
    {
      app->effects++;
      json_array_remove (all, i);
      answer (app, ret, 204, NULL);
    }
  else
    refuse (app, ret, 405, "method", "cannot be done");
}

static void
search (struct rest_app *app, const struct asked *a, struct usher_fake_answer *ret)
{
  char email[ASKED_MAX];
  size_t i = place_of (app->members, "email", param (a, "email", email, sizeof email));

  answer (app, ret, 200, json_pack ("{s:b, s:o}", "ok", 1, "rows",
                                    i == SIZE_MAX ? json_array () : slice (app->members, i, 1)));
}

static void
route (struct rest_app *app, const struct asked *a, struct usher_fake_answer *ret)
{
  bool get = strcmp (a->method, "GET") == 0, post = strcmp (a->method, "POST") == 0;
  bool invites = strncmp (a->path, "/invites", 8) == 0;
  json_t *all = invites ? app->invites : app->members;
  char id[ASKED_MAX];

  if (strcmp (a->path, "/members") == 0 || strcmp (a->path, "/invites") == 0)
    {
      if (get)
        list (app, a, all, ret);
      else if (post)
        make (app, a, invites, ret);
      else
        refuse (app, ret, 405, "method", "cannot be done");
      return;
    }
  if (get && strcmp (a->path, "/search") == 0)
    {
      search (app, a, ret);
      return;
    }
  if (get && strcmp (a->path, "/roles") == 0)
    {
      answer (app, ret, 200, json_pack ("[{s:s, s:s}, {s:s, s:s}]", "id", "admin", "title", "Admin", "id", "member",
                                        "title", "Member"));
      return;
    }
  if (strncmp (a->path, "/members/", 9) == 0 || strncmp (a->path, "/invites/", 9) == 0)
    {
      (void) snprintf (id, sizeof id, "%s", a->path + 9);
      unescape (id);
      one (app, a, all, id, ret);
      return;
    }
  app->strange++;
  refuse (app, ret, 400, "path", "not known");
}

void
rest_app_http (void *arg, const struct usher_request *request, struct usher_fake_answer *ret)
{
  struct rest_app *app = arg;
  struct asked a = { .method = request->method };
  const char *url = request->url, *query = strchr (url, '?');
  bool changes = strcmp (a.method, "GET") != 0;

  if (strncmp (url, REST_APP_BASE, strlen (REST_APP_BASE)) != 0)
    app->strange++;
  else
    url += strlen (REST_APP_BASE);
  (void) snprintf (a.path, sizeof a.path, "%.*s", (int) (query ? query - url : (int) strlen (url)), url);
  (void) snprintf (a.query, sizeof a.query, "%s", query ? query + 1 : "");
  a.body = request->body ? json_loadb (request->body, request->body_len, 0, NULL) : NULL;
  if (changes)
    {
      free (app->last);
      if (asprintf (&app->last, "%s %s %.*s", a.method, url, (int) request->body_len,
                    request->body ? (const char *) request->body : "") < 0)
        abort ();
    }
  app->changes += changes;
  route (app, &a, ret);
  if (app->link && strcmp (a.method, "GET") == 0)
    {
      static struct usher_kv link;

      link = (struct usher_kv) { "Link", app->link };
      ret->headers = &link;
      ret->n_headers = 1;
    }
  if (changes && app->traps.lost && app->changes == app->traps.lost)
    ret->status = USHER_E_NETWORK;
  json_decref (a.body);
}
