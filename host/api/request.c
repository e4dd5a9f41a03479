/* Owns one request: who calls, what for, with which body; and its answer. */
#include <config.h>

#include "host/api/request.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>

#include "host/api/routes.h"
#include "host/common/buf.h"
#include "host/common/log.h"
#include "host/common/text.h"

#define JSON_BODY_MAX (1u << 20)
#define TEXT_BODY_MAX (256u << 20)
#define QUERY_MAX 32u
#define GROUPS_MAX 256
#define GROUP "usher"

struct request
{
  struct request_host *host;
  const struct route *route;
  char *names[3];
  struct caller caller;
  struct buf body;
  struct usher_kv query[QUERY_MAX];
  size_t n_query;
  bool importing;             /* engine_import_end is owed */
  struct refusal refusal;     /* set: the answer, whatever the body says */
  char *allow;                /* with method-not-allowed: what the path takes */
};

/* ---- Answers. */

static enum MHD_Result
answer (struct MHD_Connection *c, int status, const char *type, const char *allow, char *text /* takes */)
{
  struct MHD_Response *response;
  enum MHD_Result r;

  if (!text)
    return MHD_NO;
  response = MHD_create_response_from_buffer (strlen (text), text, MHD_RESPMEM_MUST_FREE);
  if (!response)
    {
      free (text);
      return MHD_NO;
    }
  (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
  (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  (void) MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
  if (allow)
    (void) MHD_add_response_header (response, MHD_HTTP_HEADER_ALLOW, allow);
  if (status == MHD_HTTP_UNAUTHORIZED)
    (void) MHD_add_response_header (response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
  r = MHD_queue_response (c, (unsigned int) status, response);
  MHD_destroy_response (response);
  return r;
}

/* RFC 9457. */
static enum MHD_Result
answer_refusal (struct MHD_Connection *c, const struct request *q)
{
  const struct refusal *r = &q->refusal;
  json_t *o = json_pack ("{s:s, s:i, s:s, s:s}", "type", "about:blank", "status", r->http, "code", r->code, "title",
                         r->title);
  char *text;

  if (r->detail)
    (void) json_object_set_new (o, "detail", json_string (r->detail));
  if (r->field)
    (void) json_object_set_new (o, "field", json_string (r->field));
  (void) json_object_set_new (o, "action", json_string (r->action));
  text = json_dumps (o, JSON_COMPACT);
  json_decref (o);
  return answer (c, r->http, "application/problem+json", q->allow, text);
}

/* ---- Who calls. */

static bool
in_group (uid_t uid, gid_t gid)
{
  struct group group, *found = NULL;
  struct passwd user, *who = NULL;
  char group_text[16384], user_text[4096];
  gid_t groups[GROUPS_MAX];
  int n = GROUPS_MAX, i;

  if (getgrnam_r (GROUP, &group, group_text, sizeof group_text, &found) != 0 || !found)
    return false;
  if (gid == group.gr_gid)
    return true;
  if (getpwuid_r (uid, &user, user_text, sizeof user_text, &who) != 0 || !who
      || getgrouplist (user.pw_name, user.pw_gid, groups, &n) < 0)
    return false;
  for (i = 0; i < n; i++)
    if (groups[i] == group.gr_gid)
      return true;
  return false;
}

/* On the socket the caller is who the kernel says. */
static bool
peer_may (struct MHD_Connection *c)
{
  const union MHD_ConnectionInfo *info = MHD_get_connection_info (c, MHD_CONNECTION_INFO_CONNECTION_FD);
  struct ucred peer;
  socklen_t len = sizeof peer;

  if (!info || getsockopt (info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
    return false;
  return peer.uid == 0 || peer.uid == geteuid () || in_group (peer.uid, peer.gid);
}

static int
identify (struct request *q, struct MHD_Connection *c)
{
  const char *authorization = MHD_lookup_connection_value (c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
  static const char bearer[] = "Bearer ";

  if (authorization)
    {
      if (strncasecmp (authorization, bearer, sizeof bearer - 1) != 0
          || engine_token_caller (q->host->engine, authorization + sizeof bearer - 1, &q->caller) != 1)
        return refuse (&q->refusal, "not-signed-in", NULL, "The token is not known, expired or revoked.");
    }
  else if (q->host->kernel_vouches)
    {
      if (!peer_may (c))
        return refuse (&q->refusal, "not-permitted", NULL,
                       "Only root, the daemon's user and members of the group " GROUP " may use the socket.");
      engine_socket_caller (q->host->engine, &q->caller);
    }
  else
    return refuse (&q->refusal, "not-signed-in", NULL, "A request over TCP needs a token.");
  q->caller.client = MHD_lookup_connection_value (c, MHD_HEADER_KIND, MHD_HTTP_HEADER_USER_AGENT);
  return 0;
}

/* ---- What for. */

static int
find_route (struct request *q, const char *method, const char *url)
{
  if (streq (method, MHD_HTTP_METHOD_HEAD))
    method = MHD_HTTP_METHOD_GET;
  if (!has_prefix (url, API_BASE "/"))
    return refuse (&q->refusal, "not-found", NULL, "There is nothing at this path.");
  switch (route_find (method, url + strlen (API_BASE), &q->route, q->names))
    {
    case ROUTE_FOUND:
      return 0;
    case ROUTE_NO_METHOD:
      q->allow = route_allow (url + strlen (API_BASE));
      return refuse (&q->refusal, "method-not-allowed", NULL, "The path does not take %s.", method);
    case ROUTE_MALFORMED:
      return refuse (&q->refusal, "malformed", NULL,
                     "A name in the path is not UTF-8 text in percent-encoding.");
    case ROUTE_NO_PATH:
      break;
    }
  return refuse (&q->refusal, "not-found", NULL, "There is nothing at this path.");
}

static enum MHD_Result
take_query (void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
  struct request *q = arg;
  char *name = url_decode (key, strlen (key), true);
  char *text = value ? url_decode (value, strlen (value), true) : strdup ("");

  (void) kind;
  if (name && text && q->n_query < QUERY_MAX)
    q->query[q->n_query++] = (struct usher_kv) { name, text };
  else
    {
      free (name);
      free (text);
      (void) refuse (&q->refusal, "malformed", NULL, "The query of the request cannot be read.");
    }
  return MHD_YES;
}

static int
check_type (struct request *q, struct MHD_Connection *c)
{
  const char *type = MHD_lookup_connection_value (c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
  const char *want = q->route->body == BODY_TEXT ? "text/csv" : "application/json";

  if (q->route->body == BODY_NONE || !type || strncasecmp (type, want, strlen (want)) == 0)
    return 0;
  return refuse (&q->refusal, "unsupported-type", NULL, "The body is to be %s.", want);
}

/* ---- The life of a request. */

static void
request_free (struct request *q)
{
  size_t i;

  if (q->importing)
    engine_import_end (q->host->engine);
  for (i = 0; i < ARRAY_SIZE (q->names); i++)
    free (q->names[i]);
  for (i = 0; i < q->n_query; i++)
    {
      free ((char *) (uintptr_t) q->query[i].key);
      free ((char *) (uintptr_t) q->query[i].value);
    }
  buf_wipe (&q->body); /* it may hold secrets */
  refusal_done (&q->refusal);
  free (q->allow);
  free (q);
}

static int
begin_import (struct request *q)
{
  int x = engine_import_begin (q->host->engine, &q->caller, &q->refusal);

  q->importing = x == 0;
  return x;
}

static void
begin (struct request *q, struct MHD_Connection *c, const char *method, const char *url)
{
  if (identify (q, c) == 0 && find_route (q, method, url) == 0 && check_type (q, c) == 0
      && (q->route->body != BODY_TEXT || begin_import (q) == 0))
    (void) MHD_get_connection_values (c, MHD_GET_ARGUMENT_KIND, take_query, q);
  q->body = (struct buf) BUF_INIT (q->route && q->route->body == BODY_TEXT ? TEXT_BODY_MAX : JSON_BODY_MAX);
}

/* Whether VALUE may stand for a field of TYPE (see routes.h); null is no value. */
static bool
has_type (const json_t *value, char type)
{
  switch (json_typeof (value))
    {
    case JSON_NULL:
      return true;
    case JSON_STRING:
      return type == 't' || type == 'a';
    case JSON_TRUE:
    case JSON_FALSE:
      return type == 'b';
    case JSON_ARRAY:
      return type == 'l';
    case JSON_OBJECT:
      return type == 'o' || type == 'a';
    case JSON_INTEGER:
    case JSON_REAL:
      break;
    }
  return false;
}

/* The type of the field KEY among FIELDS; 0 = there is no such field. */
static char
type_of (const char *fields, const char *key)
{
  size_t len = strlen (key);
  const char *at;

  for (at = fields ? fields : ""; *at; at += strcspn (at, " "), at += *at == ' ')
    if (strncmp (at, key, len) == 0 && at[len] == ':')
      return at[len + 1];
  return streq (key, "confirm") ? 'b' : '\0';
}

/* A field that nobody would read is a mistake of the caller: nothing is done then. */
static int
check_fields (struct request *q, json_t *body)
{
  const char *key;
  json_t *value;

  json_object_foreach (body, key, value)
    {
      char type = type_of (q->route->fields, key);

      if (!type)
        return refuse (&q->refusal, "validation-failed", key, "This request takes no field %.80s.", key);
      if (!has_type (value, type))
        return refuse (&q->refusal, "validation-failed", key, "%s is to be %s.", key,
                       type == 't' ? "text" : type == 'b' ? "true or false" : type == 'l' ? "a list"
                       : type == 'o' ? "an object" : "an id, a label or an object");
    }
  return 0;
}

static int
read_body (struct request *q, struct call *call)
{
  json_error_t error;

  if (buf_error (&q->body))
    return refuse (&q->refusal, "too-large", NULL, "The body is larger than %zu bytes.", q->body.max);
  if (q->route->body == BODY_TEXT)
    {
      call->text = q->body.data ? q->body.data : "";
      call->text_len = q->body.len;
    }
  else if (q->body.len)
    {
      call->body = json_loadb (q->body.data, q->body.len, JSON_REJECT_DUPLICATES, &error);
      if (!call->body)
        return refuse (&q->refusal, "malformed", NULL, "The body is not JSON: line %d, column %d.", error.line,
                       error.column);
      if (!json_is_object (call->body))
        return refuse (&q->refusal, "malformed", NULL, "The body is to be a JSON object.");
      if (check_fields (q, call->body) < 0)
        return -ECANCELED;
    }
  call->confirmed = json_is_true (json_object_get (call->body, "confirm")) || streq (call_query (call, "confirm"), "true");
  return 0;
}

static int
read_paging (struct request *q, struct call *call)
{
  const char *limit = call_query (call, "limit");
  uint64_t n = 0;

  call->cursor = call_query (call, "cursor");
  if (limit && parse_u64 (limit, 1, 500, &n) < 0)
    return refuse (&q->refusal, "validation-failed", "limit", "limit is a number from 1 to 500.");
  call->limit = (size_t) n;
  return 0;
}

static enum MHD_Result
finish (struct request *q, struct MHD_Connection *c)
{
  struct call call = { .caller = &q->caller, .path = { q->names[0], q->names[1], q->names[2] }, .query = q->query,
                       .n_query = q->n_query };
  json_t *result = NULL;
  enum MHD_Result r;
  int x = read_body (q, &call);

  if (x == 0)
    x = read_paging (q, &call);
  if (x == 0)
    x = q->route->action (q->host->engine, &call, &result, &q->refusal);
  /* Work that was under way already is not accepted a second time. */
  if (x == 0)
    r = answer (c, json_is_true (json_object_get (result, "joined")) ? MHD_HTTP_OK : q->route->status,
                "application/json", NULL, json_dumps (result, JSON_COMPACT));
  else
    r = answer_refusal (c, q);
  json_decref (result);
  json_decref (call.body);
  return r;
}

static enum MHD_Result
answer_plain (struct MHD_Connection *c, const char *text)
{
  return answer (c, MHD_HTTP_OK, "text/plain", NULL, strdup (text));
}

enum MHD_Result
request_serve (void *arg, struct MHD_Connection *c, const char *url, const char *method, const char *version,
               const char *data, size_t *data_len, void **state)
{
  struct request *q = *state;

  (void) version;
  if (!q)
    {
      if (streq (url, "/healthz") || streq (url, "/readyz"))
        return answer_plain (c, "ok\n");
      q = calloc (1, sizeof *q);
      if (!q)
        return MHD_NO;
      q->host = arg;
      *state = q;
      begin (q, c, method, url);
      /* A refusal does not wait for a body that may be long. */
      return q->refusal.code ? answer_refusal (c, q) : MHD_YES;
    }
  if (*data_len)
    {
      buf_put (&q->body, data, *data_len);
      *data_len = 0;
      return MHD_YES;
    }
  return q->refusal.code ? answer_refusal (c, q) : finish (q, c);
}

void
request_end (void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
  (void) arg;
  (void) c;
  (void) why;
  if (*state)
    request_free (*state);
  *state = NULL;
}
