/* Owns one request: who calls, what for, with which body; and its answer. */
#include <config.h>

#include "host/api/request.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>

#include "host/api/cursor.h"
#include "host/api/document.h"
#include "host/api/metrics.h"
#include "host/api/stream.h"
#include "host/api/transfer.h"
#include "host/common/buf.h"
#include "host/common/json-memory.h"
#include "host/common/log.h"
#include "host/common/text.h"

#define JSON_BODY_MAX (1u << 20)
#define TEXT_BODY_MAX (256u << 20)
#define QUERY_MAX 32u
#define GROUPS_MAX 256
#define GROUP "usher"
#define IDEMPOTENCY_KEY "Idempotency-Key"
#define KEY_LENGTH_MAX 255u
#define REALM "Bearer realm=\"usher\""

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
  struct restoring *restoring; /* owned: of a body that is a backup */
  bool restart;               /* when the answer has gone out */
  struct refusal refusal;     /* set: the answer, whatever the body says */
  char *allow;                /* with method-not-allowed: what the path takes */
  char *cursor;               /* the engine's, out of the client's */
  bool bad_token;             /* one was given, and it is no good */
};

/* ---- Answers. */

static const char *
header_of (struct MHD_Connection *c, const char *name)
{
  return MHD_lookup_connection_value (c, MHD_HEADER_KIND, name);
}

/* What a client that was not let in is told to bring (RFC 6750, 3). */
static const char *
challenge (const struct request *q)
{
  if (q->refusal.http == MHD_HTTP_UNAUTHORIZED)
    return q->bad_token ? REALM ", error=\"invalid_token\"" : REALM;
  if (q->refusal.http != MHD_HTTP_FORBIDDEN || q->caller.kind != CALLER_TOKEN || !q->route
      || !(q->route->scope & ~q->caller.scopes))
    return NULL;
  switch (q->route->scope)
    {
    case SCOPE_READ:
      return REALM ", error=\"insufficient_scope\", scope=\"read\"";
    case SCOPE_WRITE:
      return REALM ", error=\"insufficient_scope\", scope=\"write\"";
    default:
      return REALM ", error=\"insufficient_scope\", scope=\"admin\"";
    }
}

/* Before its answer: who has that may begin the next import. */
static void
end_import (struct request *q)
{
  if (q->importing)
    engine_import_end (q->host->engine);
  q->importing = false;
}

static enum MHD_Result
answer_no (struct MHD_Connection *c, struct request *q)
{
  const struct header headers[] = { { MHD_HTTP_HEADER_ALLOW, q->allow },
                                    { MHD_HTTP_HEADER_WWW_AUTHENTICATE, challenge (q) } };

  end_import (q);
  return answer_refusal (c, q->host->traffic, &q->refusal, headers, ARRAY_SIZE (headers));
}

static enum MHD_Result
answer_plain (struct MHD_Connection *c, const struct request_host *host, int status, const char *type, char *text)
{
  return answer_text (c, host->traffic, status, type, NULL, 0, text);
}

/* RESULT is the thing that the path names: its tag goes with it, and stands for it where
   the client has it already (RFC 9110, 13.1.2). */
static enum MHD_Result
answer_tagged (struct MHD_Connection *c, const struct request *q, const json_t *result)
{
  const char *have = route_writes (q->route) ? NULL : header_of (c, MHD_HTTP_HEADER_IF_NONE_MATCH);
  char tag[CALL_TAG_SIZE];
  struct header header = { MHD_HTTP_HEADER_ETAG, tag };

  if (call_tag (result, tag) < 0)
    return MHD_NO;
  if (have && call_tag_listed (have, tag, /* weak= */ true))
    return answer_text (c, q->host->traffic, MHD_HTTP_NOT_MODIFIED, "", &header, 1, strdup (""));
  return answer_text (c, q->host->traffic, q->route->status, "application/json", &header, 1,
                      json_dumps (result, JSON_COMPACT));
}

static enum MHD_Result
answer_result (struct MHD_Connection *c, const struct request *q, const json_t *result)
{
  bool joined = json_is_true (json_object_get (result, "joined"));

  if ((q->route->flags & ROUTE_TAGGED) && (!route_writes (q->route) || streq (q->route->method, "PATCH"))
      && q->route->status == MHD_HTTP_OK)
    return answer_tagged (c, q, result);
  /* Work that was under way already is not accepted a second time. */
  return answer_plain (c, q->host, joined ? MHD_HTTP_OK : q->route->status, "application/json",
                       json_dumps (result, JSON_COMPACT));
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
  const char *authorization = header_of (c, MHD_HTTP_HEADER_AUTHORIZATION);
  static const char bearer[] = "Bearer ";

  if (authorization)
    {
      if (strncasecmp (authorization, bearer, sizeof bearer - 1) != 0
          || engine_token_caller (q->host->engine, authorization + sizeof bearer - 1, &q->caller) != 1)
        {
          q->bad_token = true;
          return refuse (&q->refusal, "not-signed-in", NULL, "The token is not known, expired or revoked.");
        }
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
  q->caller.client = header_of (c, MHD_HTTP_HEADER_USER_AGENT);
  return 0;
}

/* ---- What for. */

static int
find_route (struct request *q, const char *method, const char *url)
{
  if (streq (method, MHD_HTTP_METHOD_HEAD))
    method = MHD_HTTP_METHOD_GET;
  switch (route_find (method, url, &q->route, q->names))
    {
    case ROUTE_FOUND:
      return 0;
    case ROUTE_NO_METHOD:
      q->allow = route_allow (url);
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
  const char *type = header_of (c, MHD_HTTP_HEADER_CONTENT_TYPE);
  const char *want = q->route->body == BODY_TEXT ? "text/csv"
                     : q->route->body == BODY_BACKUP ? TRANSFER_TYPE : "application/json";

  if (q->route->body == BODY_NONE || !type || strncasecmp (type, want, strlen (want)) == 0)
    return 0;
  return refuse (&q->refusal, "unsupported-type", NULL, "The body is to be %s.", want);
}

/* ---- The life of a request. */

static void
request_free (struct request *q)
{
  size_t i;

  end_import (q);
  engine_restore_close (q->restoring);
  if (q->restart)
    engine_restart (q->host->engine);
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
  free (q->cursor);
  free (q);
}

static int
begin_import (struct request *q)
{
  int x = engine_import_begin (q->host->engine, &q->caller, &q->refusal);

  q->importing = x == 0;
  return x;
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
      return type == 'n';
    case JSON_REAL:
      break;
    }
  return false;
}

/* A field that nobody would read is a mistake of the caller: nothing is done then. */
static int
check_fields (struct request *q, json_t *body)
{
  const char *key;
  json_t *value;

  json_object_foreach (body, key, value)
    {
      char type = route_field (q->route, key);

      if (!type)
        return refuse (&q->refusal, "validation-failed", key, "This request takes no field %.80s.", key);
      if (!has_type (value, type))
        return refuse (&q->refusal, "validation-failed", key, "%s is to be %s.", key,
                       type == 't' ? "text" : type == 'b' ? "true or false" : type == 'l' ? "a list"
                       : type == 'o' ? "an object" : type == 'n' ? "a whole number" : "an id, a label or an object");
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
  call->confirmed = json_is_true (json_object_get (call->body, "confirm")) || call_flag (call, "confirm");
  return 0;
}

static struct cursor_list
list_asked (const struct request *q)
{
  return (struct cursor_list) { q->route, q->names, q->query, q->n_query };
}

/* So is a parameter that nobody would read, or that is to be true or false and is neither. */
static int
check_query (struct request *q)
{
  size_t i;

  for (i = 0; i < q->n_query; i++)
    {
      const char *name = q->query[i].key, *value = q->query[i].value;
      char type = route_parameter (q->route, name);

      if (!type)
        return refuse (&q->refusal, "validation-failed", name, "This request takes no parameter %.80s.", name);
      if (type == 'b' && !streq (value, "true") && !streq (value, "false"))
        return refuse (&q->refusal, "validation-failed", name, "%s is to be true or false, not \"%.80s\".", name,
                       value);
    }
  return 0;
}

static int
read_query (struct request *q, struct call *call)
{
  const char *limit = call_query (call, "limit"), *cursor = call_query (call, "cursor");
  const struct cursor_list list = list_asked (q);
  uint64_t n = 0;

  if (check_query (q) < 0)
    return -ECANCELED;
  if (limit && parse_u64 (limit, 1, 500, &n) < 0)
    return refuse (&q->refusal, "validation-failed", "limit", "limit is a number from 1 to 500.");
  call->limit = (size_t) n;
  if (cursor)
    {
      q->cursor = cursor_unwrap (&list, cursor);
      if (!q->cursor)
        return refuse (&q->refusal, "malformed", "cursor",
                       "The cursor is not one that this list, with these filters, gave out.");
      call->cursor = q->cursor;
    }
  return 0;
}

static int
begin_restore (struct request *q, struct MHD_Connection *c)
{
  struct call call = { .caller = &q->caller, .query = q->query, .n_query = q->n_query };

  if (q->refusal.code || read_query (q, &call) < 0)
    return -ECANCELED;
  transfer_slow (c);
  call.confirmed = call_flag (&call, "confirm");
  return engine_restore_begin (q->host->engine, &call, &q->restoring, &q->refusal);
}

static void
begin (struct request *q, struct MHD_Connection *c, const char *method, const char *url)
{
  if (identify (q, c) == 0 && find_route (q, method, url) == 0 && check_type (q, c) == 0
      && (q->route->body != BODY_TEXT || begin_import (q) == 0))
    {
      (void) MHD_get_connection_values (c, MHD_GET_ARGUMENT_KIND, take_query, q);
      if (q->route->body == BODY_BACKUP)
        (void) begin_restore (q, c);
    }
  q->body = (struct buf) BUF_INIT (q->route && q->route->body == BODY_TEXT ? TEXT_BODY_MAX : JSON_BODY_MAX);
}

/* What the client saw before it decided; nothing but things has a tag. */
static int
read_match (struct request *q, struct MHD_Connection *c, struct call *call)
{
  const char *match = route_writes (q->route) ? header_of (c, MHD_HTTP_HEADER_IF_MATCH) : NULL;

  if (match && !(q->route->flags & ROUTE_TAGGED) && !call_tag_listed (match, NULL, /* weak= */ false))
    return refuse (&q->refusal, "changed", NULL, "What stands at this path has no entity tag that If-Match could name.");
  call->if_match = match;
  return 0;
}

/* The answer's "next", as clients see it. */
static int
wrap_next (const struct request *q, json_t *result)
{
  const char *next = json_string_value (json_object_get (result, "next"));
  const struct cursor_list list = list_asked (q);
  char *text;
  int x;

  if (!next || !(q->route->flags & ROUTE_LIST))
    return 0;
  text = cursor_wrap (&list, next);
  x = text ? json_object_set_new (result, "next", json_string (text)) : -1;
  free (text);
  return x;
}

static int
act (struct request *q, struct call *call, json_t **ret)
{
  int x;

  (void) json_memory_failed ();
  x = q->route->action (q->host->engine, call, ret, &q->refusal);
  end_import (q);
  if (x == 0 && wrap_next (q, *ret) < 0)
    x = refuse_errno (&q->refusal, -ENOMEM);
  /* What could not be set is missing in the answer.  One that wrote has its effect all the same. */
  if (x == 0 && json_memory_failed () && !route_writes (q->route))
    x = refuse_errno (&q->refusal, -ENOMEM);
  return x;
}

/* With a key: the first answer where there is one, else the action, once. */
static int
act_once (struct request *q, const char *method, const char *url, const char *key, struct call *call, json_t **ret)
{
  struct call_key once;
  int x;

  if (!*key || strlen (key) > KEY_LENGTH_MAX)
    return refuse (&q->refusal, "malformed", IDEMPOTENCY_KEY, "An " IDEMPOTENCY_KEY " has 1 to %u characters.",
                   KEY_LENGTH_MAX);
  engine_key_make (call, key, method, url, q->body.data, q->body.len, &once);
  x = engine_key_begin (q->host->engine, &once, ret, &q->refusal);
  if (x < 0)
    return x;
  call->key = &once;
  x = x == 1 ? 0 : act (q, call, ret);
  engine_key_end (q->host->engine, &once);
  return x;
}

static enum MHD_Result
finish_action (struct request *q, struct MHD_Connection *c, const char *method, const char *url, struct call *call)
{
  const char *key = route_writes (q->route) ? header_of (c, IDEMPOTENCY_KEY) : NULL;
  json_t *result = NULL;
  enum MHD_Result r;
  int x = read_match (q, c, call);

  if (x == 0)
    x = key ? act_once (q, method, url, key, call, &result) : act (q, call, &result);
  r = x == 0 ? answer_result (c, q, result) : answer_no (c, q);
  json_decref (result);
  return r;
}

static enum MHD_Result
finish_restore (struct request *q, struct MHD_Connection *c, struct call *call)
{
  json_t *result = NULL;
  enum MHD_Result r;

  q->restart = engine_restore_end (q->restoring, call, &result, &q->refusal) == 0;
  /* Before the client hears of it, so that it may send another. */
  engine_restore_close (TAKE (q->restoring));
  if (!q->restart)
    return answer_no (c, q);
  r = answer_plain (c, q->host, q->route->status, "application/json", json_dumps (result, JSON_COMPACT));
  json_decref (result);
  return r;
}

/* What no action of the engine answers. */
static enum MHD_Result
finish_special (struct request *q, struct MHD_Connection *c, struct call *call)
{
  char *why = NULL, *text;

  switch (q->route->special)
    {
    case SPECIAL_DOCUMENT:
      return answer_plain (c, q->host, MHD_HTTP_OK, "application/json", document_text ());
    case SPECIAL_READY:
      if (engine_ready (q->host->engine, &why))
        return answer_plain (c, q->host, MHD_HTTP_OK, "text/plain", strdup ("ok\n"));
      return answer_plain (c, q->host, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain", why);
    case SPECIAL_METRICS:
      text = metrics_text (q->host->engine, call, q->host->traffic, q->host->streams, &q->refusal);
      return text ? answer_plain (c, q->host, MHD_HTTP_OK, METRICS_TYPE, text) : answer_no (c, q);
    case SPECIAL_STREAM:
      if (stream_answer (q->host->streams, c, call, header_of (c, "Last-Event-ID"), q->host->traffic, &q->refusal) == 0)
        return MHD_YES;
      return answer_no (c, q);
    case SPECIAL_BACKUP:
      if (transfer_backup (c, q->host->engine, call, q->host->traffic, &q->refusal) == 0)
        return MHD_YES;
      return answer_no (c, q);
    case SPECIAL_RESTORE:
      return finish_restore (q, c, call);
    case SPECIAL_HEALTH:
    case SPECIAL_NONE:
      break;
    }
  return MHD_NO;
}

static enum MHD_Result
finish (struct request *q, struct MHD_Connection *c, const char *method, const char *url)
{
  struct call call = { .caller = &q->caller, .path = { q->names[0], q->names[1], q->names[2] }, .query = q->query,
                       .n_query = q->n_query };
  enum MHD_Result r;

  if (read_body (q, &call) < 0 || read_query (q, &call) < 0)
    r = answer_no (c, q);
  else if (q->route->special)
    r = finish_special (q, c, &call);
  else
    r = finish_action (q, c, method, url, &call);
  json_decref (call.body);
  return r;
}

static void
take_body (struct request *q, const char *data, size_t len)
{
  if (q->route->body != BODY_BACKUP)
    buf_put (&q->body, data, len);
  else if (q->restoring && engine_restore_put (q->restoring, data, len, &q->refusal) < 0)
    engine_restore_close (TAKE (q->restoring));
}

enum MHD_Result
request_serve (void *arg, struct MHD_Connection *c, const char *url, const char *method, const char *version,
               const char *data, size_t *data_len, void **state)
{
  struct request_host *host = arg;
  struct request *q = *state;

  (void) version;
  if (!q)
    {
      /* The one path that is open to all. */
      if (streq (url, "/healthz") && (streq (method, MHD_HTTP_METHOD_GET) || streq (method, MHD_HTTP_METHOD_HEAD)))
        return answer_plain (c, host, MHD_HTTP_OK, "text/plain", strdup ("ok\n"));
      q = calloc (1, sizeof *q);
      if (!q)
        return MHD_NO;
      q->host = host;
      *state = q;
      begin (q, c, method, url);
      /* A refusal does not wait for a body that may be long. */
      return q->refusal.code ? answer_no (c, q) : MHD_YES;
    }
  if (*data_len)
    {
      take_body (q, data, *data_len);
      *data_len = 0;
      return MHD_YES;
    }
  return q->refusal.code ? answer_no (c, q) : finish (q, c, method, url);
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
