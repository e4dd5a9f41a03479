/* A request, put together and sent, and its answer.  Retries, waits, redirects, cookies and what the
   auth rule gives are the host's.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <string.h>

#define METHODS 5
static const struct { const char *key, *method; } methods[METHODS] = {
  { "get", "GET" }, { "post", "POST" }, { "put", "PUT" }, { "patch", "PATCH" }, { "delete", "DELETE" },
};

/* A request while it is put together; owns its texts. */
struct draft
{
  struct rest_op *op;
  const json_t *spec;
  const struct rest_extra *extra;
  bool safe;                    /* changes nothing */
  const char *method;
  char *url, *body;
  size_t body_len;
  struct usher_kv headers[REST_HEADERS_MAX];
  char *owned[REST_HEADERS_MAX];
  size_t n_headers;
};

static void
draft_done (struct draft *d)
{
  for (size_t i = 0; i < d->n_headers; i++)
    free (d->owned[i]);
  free (d->url);
  free (d->body);
}

/* The row of METHODS that SPEC names; METHODS when none. */
static size_t
method_of (const json_t *spec)
{
  size_t i;

  for (i = 0; i < METHODS; i++)
    if (json_object_get (spec, methods[i].key))
      break;
  return i;
}

bool
rest_is_request (const json_t *spec)
{
  return method_of (spec) < METHODS;
}

bool
rest_is_read (const json_t *spec, enum rest_aim aim)
{
  return (aim <= REST_TO_READ && aim != REST_TO_LOGIN) || json_object_get (spec, "get")
         || json_is_true (json_object_get (spec, "safe"));
}

/* ---- Address ---- */

/* The path has no segment that would climb. */
static bool
climbs (const char *url)
{
  const char *p = strstr (url, "://"), *end = url + strcspn (url, "?#");

  for (p = p ? p + 3 : url; p < end;)
    {
      size_t len = strcspn (p, "/?#");

      if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
        return true;
      p += len + 1;
    }
  return false;
}

/* A name at the beginning of an address is an address itself, and stands as it is. */
static int32_t
put_address (struct rest_op *op, const char *path, struct text *url)
{
  _cleanup_ (freep) char *head = NULL;
  size_t len = path[0] == '{' && path[1] != '{' ? strcspn (path, "}") + 1 : 0;
  int32_t r;

  if (path[0] == '/' || path[0] == '?' || !*path)
    text_puts (url, op->rest->base);
  if (len > strlen (path))
    len = 0;
  head = strndup (path, len);
  if (!head)
    return USHER_E_NOMEM;
  r = rest_text_put (op, head, REST_RAW, url);
  if (r == USHER_DONE)
    r = rest_text_put (op, path + len, REST_PATH, url);
  return r;
}

/* Appends NAME=VALUE of PARAMS, each behind SEPARATOR, which becomes "&". */
static int32_t
put_params (struct rest_op *op, const json_t *params, bool lenient, struct text *out, const char **separator)
{
  const char *name;
  json_t *value;

  json_object_foreach ((json_t *) (uintptr_t) params, name, value)
    {
      struct text one = { 0 };
      bool skip;
      int32_t r = rest_param (op, value, REST_PERCENT, &one, &skip);

      if (r == USHER_DONE && one.bad)
        r = seat_fail (op->ctx, USHER_E_LIMIT, NULL, "The parameter %s is too long", name);
      if (r == USHER_DONE && !skip)
        {
          text_puts (out, *separator);
          text_put_percent (out, name);
          text_puts (out, "=");
          text_put (out, one.s ? one.s : "", one.len);
          *separator = "&";
        }
      text_done (&one);
      if (r != USHER_DONE && !(r == USHER_ABSENT && lenient))
        return r;
    }
  return USHER_DONE;
}

/* Where the parameters of a page go. */
static bool
extra_goes (const struct draft *d, const char *where)
{
  const struct rest_extra *e = d->extra;
  const char *in;

  if (!e || !e->send || e->url)
    return false;
  in = e->in;
  if (!in && strcmp (d->method, "POST") == 0)
    in = json_object_get (d->spec, "form") ? "form"
         : json_object_get (d->spec, "json") || json_object_get (d->spec, "graphql") ? "json" : NULL;
  return strcmp (in ? in : "query", where) == 0;
}

/* What a link lost with its secrets: the parameters of the request by those names. */
static int32_t
put_dropped (struct draft *d, struct text *url, const char **separator)
{
  const json_t *query = json_object_get (d->spec, "query");
  _cleanup_ (json_decrefp) json_t *again = json_object ();
  size_t i;
  json_t *name;

  json_array_foreach (d->extra->drop, i, name)
    if (json_object_get (query, json_string_value (name))
        && json_object_set (again, json_string_value (name), json_object_get (query, json_string_value (name))) < 0)
      return USHER_E_NOMEM;
  return put_params (d->op, again, false, url, separator);
}

static int32_t
put_url (struct draft *d, const char *path, struct text *url)
{
  const char *separator;
  int32_t r;

  if (d->extra && d->extra->url)
    {
      text_put (url, d->op->rest->base, d->op->rest->origin_len);
      text_puts (url, d->extra->url);
    }
  else
    {
      r = put_address (d->op, path, url);
      if (r != USHER_DONE)
        return r;
    }
  if (url->bad)
    return seat_fail (d->op->ctx, USHER_E_LIMIT, NULL, "An address of the app is too long");
  separator = strchr (url->s, '?') ? "&" : "?";
  if (d->extra && d->extra->url)
    return put_dropped (d, url, &separator);
  r = put_params (d->op, json_object_get (d->spec, "query"), false, url, &separator);
  if (r == USHER_DONE && extra_goes (d, "query"))
    r = put_params (d->op, d->extra->send, d->extra->first, url, &separator);
  return r;
}

static int32_t
make_url (struct draft *d)
{
  const char *path = json_string_value (json_object_get (d->spec, methods[method_of (d->spec)].key));
  struct text url = { 0 };
  int32_t r = put_url (d, path ? path : "", &url);

  if (r == USHER_DONE)
    {
      d->url = text_steal (&url);
      if (!d->url)
        return seat_fail (d->op->ctx, USHER_E_LIMIT, NULL, "An address of the app is too long");
      if (climbs (d->url))
        r = seat_fail (d->op->ctx, USHER_E_FIELD, NULL, "A value that is \".\" or \"..\" cannot stand in an address");
    }
  text_done (&url);
  return r;
}

/* ---- Headers ---- */

/* Takes VALUE in any case. */
static int32_t
put_header (struct draft *d, const char *name, char *value)
{
  for (size_t i = 0; i < d->n_headers; i++)
    if (text_same (d->headers[i].key, name))
      {
        free (d->owned[i]);
        d->headers[i].value = d->owned[i] = value;
        return value ? USHER_DONE : USHER_E_NOMEM;
      }
  if (!value || d->n_headers == REST_HEADERS_MAX)
    {
      free (value);
      return value ? seat_fail (d->op->ctx, USHER_E_LIMIT, NULL, "A request has more than %u headers", REST_HEADERS_MAX)
                   : USHER_E_NOMEM;
    }
  d->owned[d->n_headers] = value;
  d->headers[d->n_headers++] = (struct usher_kv) { name, value };
  return USHER_DONE;
}

static int32_t
put_headers (struct draft *d, const json_t *headers)
{
  const char *name;
  json_t *spec;

  json_object_foreach ((json_t *) (uintptr_t) headers, name, spec)
    {
      struct text value = { 0 };
      bool skip;
      int32_t r = rest_param (d->op, spec, REST_HEADER, &value, &skip);

      if (r != USHER_DONE || skip)
        text_done (&value);
      else
        r = put_header (d, name, text_steal (&value));
      if (r != USHER_DONE)
        return r;
    }
  return USHER_DONE;
}

static int32_t
make_headers (struct draft *d, const char *type, const char *key)
{
  const char *once = usher_conf (d->op->ctx, "add.idempotency", 0);
  int32_t r = put_header (d, "Accept", strdup (d->op->rest->xml ? "application/xml" : "application/json"));

  if (r == USHER_DONE && type)
    r = put_header (d, "Content-Type", strdup (type));
  if (r == USHER_DONE && key && once)
    r = put_header (d, once, strdup (key));
  if (r == USHER_DONE)
    r = put_headers (d, json_object_get (d->op->rest->run, "headers"));
  return r == USHER_DONE ? put_headers (d, json_object_get (d->spec, "headers")) : r;
}

/* ---- Body ---- */

static int32_t
dump (struct draft *d, json_t *j)
{
  d->body = json_dumps (j, JSON_COMPACT | JSON_ENCODE_ANY);
  d->body_len = d->body ? strlen (d->body) : 0;
  return d->body ? USHER_DONE : USHER_E_NOMEM;
}

/* The parameters of a page as members of the body. */
static int32_t
put_extra_json (struct draft *d, json_t *body)
{
  const char *name;
  json_t *spec;

  json_object_foreach ((json_t *) (uintptr_t) d->extra->send, name, spec)
    {
      json_t *value = NULL;
      int32_t r = rest_json (d->op, spec, &value);

      if (r == USHER_ABSENT && d->extra->first)
        continue;
      if (r != USHER_DONE)
        return r;
      if (json_object_set_new (body, name, value) < 0)
        return seat_fail (d->op->ctx, USHER_E_CONFIG, NULL,
                          "Pages can be asked for only in a body that is a JSON object");
    }
  return USHER_DONE;
}

static int32_t
make_json (struct draft *d, const json_t *spec)
{
  _cleanup_ (json_decrefp) json_t *j = NULL;
  int32_t r = rest_json (d->op, spec, &j);

  if (r == USHER_DONE && extra_goes (d, "json"))
    r = put_extra_json (d, j);
  return r == USHER_DONE ? dump (d, j) : r;
}

/* The document stands as it is; what differs goes into the variables. */
static int32_t
make_graphql (struct draft *d, const json_t *spec)
{
  _cleanup_ (json_decrefp) json_t *variables = NULL, *j = NULL;
  const json_t *given = json_object_get (spec, "variables");
  int32_t r = USHER_DONE;

  if (given)
    r = rest_json (d->op, given, &variables);
  else
    variables = json_object ();
  if (r == USHER_DONE && d->extra && d->extra->send)
    r = put_extra_json (d, variables);
  if (r != USHER_DONE)
    return r;
  j = json_pack ("{s:s, s:O}", "query", json_string_value (json_object_get (spec, "query")), "variables", variables);
  return j ? dump (d, j) : USHER_E_NOMEM;
}

static int32_t
make_form (struct draft *d, const json_t *spec)
{
  struct text form = { 0 };
  const char *separator = "";
  int32_t r = put_params (d->op, spec, false, &form, &separator);

  if (r == USHER_DONE && extra_goes (d, "form"))
    r = put_params (d->op, d->extra->send, d->extra->first, &form, &separator);
  if (r == USHER_DONE)
    {
      d->body_len = form.len;
      d->body = text_steal (&form);
      if (!d->body)
        r = seat_fail (d->op->ctx, USHER_E_LIMIT, NULL, "A form for the app is too long");
    }
  text_done (&form);
  return r;
}

static int32_t
make_xml (struct draft *d, const json_t *spec)
{
  struct text xml = { 0 };
  int32_t r = rest_text_put (d->op, json_string_value (spec), REST_XML, &xml);

  if (r == USHER_DONE)
    {
      d->body_len = xml.len;
      d->body = text_steal (&xml);
      if (!d->body)
        r = seat_fail (d->op->ctx, USHER_E_LIMIT, NULL, "A document for the app is too long");
    }
  text_done (&xml);
  return r;
}

/* The body, and its type in *RET_TYPE: NULL = there is none. */
static int32_t
make_body (struct draft *d, const char **ret_type)
{
  static const struct
  {
    const char *key, *type;
    int32_t (*make) (struct draft *, const json_t *);
  } kinds[] = {
    { "json", "application/json", make_json },
    { "form", "application/x-www-form-urlencoded", make_form },
    { "xml", "application/xml", make_xml },
    { "graphql", "application/json", make_graphql },
  };

  *ret_type = NULL;
  for (size_t i = 0; i < ARRAY_SIZE (kinds); i++)
    {
      const json_t *spec = json_object_get (d->spec, kinds[i].key);

      if (spec)
        {
          *ret_type = kinds[i].type;
          return kinds[i].make (d, spec);
        }
    }
  return USHER_DONE;
}

/* ---- Sending ---- */

static uint32_t
flags_of (const struct draft *d, bool keyed)
{
  const json_t *twice = json_object_get (d->spec, "idempotent");
  bool by_method = strcmp (d->method, "PUT") == 0 || strcmp (d->method, "DELETE") == 0;

  if (d->safe)
    return USHER_H_SAFE;
  return keyed || (twice ? json_is_true (twice) : by_method) ? USHER_H_IDEMPOTENT : 0;
}

static const char *
auth_of (const struct rest_op *op, const json_t *spec)
{
  const json_t *own = json_object_get (spec, "auth");

  return json_string_value (own ? own : json_object_get (op->rest->run, "auth"));
}

static int32_t
draft_open (struct draft *d, const char *key, uint32_t *ret_h)
{
  struct usher_request request = { .size = sizeof request };
  const char *type;
  int32_t r = make_url (d);

  if (r == USHER_DONE)
    r = make_body (d, &type);
  if (r == USHER_DONE)
    r = make_headers (d, type, key);
  if (r == USHER_ABSENT)
    return d->op->lenient ? REST_LACKS : rest_missing (d->op);
  if (r < 0)
    return r;
  request.method = d->method;
  request.url = d->url;
  request.auth = auth_of (d->op, d->spec);
  request.accept = json_string_value (json_object_get (d->spec, "accept"));
  /* A change belongs to no section: what its answer means is for the tests to say. */
  if (!request.accept && !d->safe)
    request.accept = "2xx,400,402,403,404,405,409,410,412,422";
  request.headers = d->headers;
  request.n_headers = d->n_headers;
  request.body = d->body;
  request.body_len = d->body_len;
  request.flags = flags_of (d, key && usher_conf (d->op->ctx, "add.idempotency", 0));
  return usher_http_open (d->op->ctx, &request, ret_h);
}

int32_t
rest_open (struct rest_op *op, const json_t *spec, enum rest_aim aim, const struct rest_extra *extra,
           const char *key, uint32_t *ret_h)
{
  size_t method = method_of (spec);
  struct draft d = { .op = op, .spec = spec, .extra = extra, .safe = rest_is_read (spec, aim) };
  int32_t r;

  if (method == METHODS)
    return seat_fail (op->ctx, USHER_E_CONFIG, NULL, "The app file has no request to %s", op->what);
  d.method = methods[method].method;
  r = draft_open (&d, key, ret_h);
  draft_done (&d);
  return r;
}

void
rest_answer_done (struct rest_answer *a)
{
  if (a->h)
    usher_http_close (a->ctx, a->h);
  usher_body_free (a->body);
  *a = (struct rest_answer) { 0 };
}

int32_t
rest_head (struct rest_op *op, uint32_t h, struct rest_answer *ret)
{
  *ret = (struct rest_answer) { .ctx = op->ctx, .h = h, .head = { .size = sizeof ret->head } };
  return usher_http_head (op->ctx, h, &ret->head);
}

int32_t
rest_body (struct rest_op *op, struct rest_answer *a)
{
  return a->body ? USHER_DONE : usher_body_read (op->ctx, a->h, REST_ANSWER_MAX, &a->body, &a->len);
}

int32_t
rest_ask (struct rest_op *op, const json_t *spec, enum rest_aim aim, const char *key, struct rest_answer *ret)
{
  uint32_t h;
  int32_t r = rest_open (op, spec, aim, /* extra */ NULL, key, &h);

  *ret = (struct rest_answer) { 0 };
  if (r != USHER_DONE)
    return r;
  r = rest_head (op, h, ret);
  if (r >= 0)
    r = rest_body (op, ret);
  if ((r == USHER_E_NETWORK || r == USHER_E_TIMEOUT) && !rest_is_read (spec, aim) && aim != REST_TO_LOGIN)
    /* It has gone out; nobody knows whether it was carried out. */
    return seat_fail (op->ctx, USHER_E_UNCERTAIN, NULL, "The answer to a change did not arrive; it may have been made");
  return r < 0 ? r : rest_judge_body (op, rest_source_of (op->rest, spec), aim, ret);
}

const char *
rest_header (const struct rest_answer *a, const char *name)
{
  for (size_t i = 0; a && i < a->head.n_headers; i++)
    if (text_same (a->head.headers[i].key, name))
      return a->head.headers[i].value;
  return NULL;
}
