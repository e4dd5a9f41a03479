/* Requests of the API: METHOD, path, query and body, a line each; with the method "*", one to every
   route, whose braces all hold what stands in the place of the path.  Whatever they are, they are
   refused with a code or give the action what the table of routes says it takes. */
#include <config.h>

/* The reading of a request is the file's own business; no action is run here. */
#include "host/api/request.c"

#define ROUTES_MAX 1024u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
const char *fuzz_missed (void);

static bool read_whole[ROUTES_MAX];   /* by route: a request to it was read and not refused */

const char *
fuzz_missed (void)
{
  size_t i;

  for (i = 0; i < n_routes; i++)
    if (!read_whole[i] && (routes[i].body == BODY_NONE || routes[i].body == BODY_JSON) && !routes[i].special)
      return routes[i].path;
  return NULL;
}

static void
check_names (const struct request *q)
{
  size_t i, n = 0;
  const char *brace;

  for (brace = q->route->path; (brace = strchr (brace, '{')); brace++)
    n++;
  for (i = 0; i < ARRAY_SIZE (q->names); i++)
    if ((i < n) != (q->names[i] != NULL) || (q->names[i] && !utf8_valid (q->names[i], strlen (q->names[i]))))
      abort ();
}

/* "a=b&c", parted as libmicrohttpd does before it hands the pairs over. */
static void
read_pairs (struct request *q, char *text)
{
  char *pair;

  while ((pair = strsep (&text, "&")))
    {
      char *value = strchr (pair, '=');

      if (value)
        *value++ = '\0';
      (void) take_query (q, MHD_GET_ARGUMENT_KIND, pair, value);
    }
  if (q->n_query > QUERY_MAX)
    abort ();
}

static void
read_call (struct request *q)
{
  struct call call = { .query = q->query, .n_query = q->n_query };
  const char *key;
  json_t *value;
  int r = read_body (q, &call);

  if ((r < 0) != (q->refusal.code != NULL))
    abort ();
  if (r == 0 && call.body)
    json_object_foreach (call.body, key, value)
      if (!streq (key, "confirm") && (!q->route->fields || !strstr (q->route->fields, key)))
        abort ();
  if (r == 0 && q->route->body == BODY_TEXT && call.text_len != q->body.len)
    abort ();
  json_decref (call.body);
}

static void
read_request (struct request *q, const char *method, const char *url, char *query, const char *body, size_t len)
{
  if (find_route (q, method, url) < 0)
    {
      if (!q->refusal.code)
        abort ();
      return;
    }
  check_names (q);
  read_pairs (q, query);
  q->body = (struct buf) BUF_INIT (JSON_BODY_MAX);
  buf_put (&q->body, body, len);
  if (!q->refusal.code)
    read_call (q);
  if (!q->refusal.code)
    read_whole[q->route - routes] = true;
}

static void
read_one (const char *method, const char *url, const char *query, const char *body, size_t len)
{
  struct request *q = calloc (1, sizeof *q);
  char *pairs = strdup (query);

  if (!q || !pairs)
    abort ();
  read_request (q, method, url, pairs, body, len);
  request_free (q);
  free (pairs);
}

/* One to R, with NAME in its braces. */
static void
read_route (const struct route *r, const char *name, const char *query, const char *body, size_t len)
{
  struct buf url = BUF_INIT (1 << 20);
  const char *p;

  if (!(r->flags & ROUTE_ROOT))
    buf_puts (&url, API_BASE);
  for (p = r->path; *p; p++)
    if (*p != '{')
      buf_putc (&url, *p);
    else
      {
        buf_puts (&url, name);
        p = strchr (p, '}');
      }
  buf_putc (&url, '\0');
  if (!buf_error (&url))
    read_one (r->method, url.data, query, body, len);
  buf_done (&url);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *text = malloc (size + 1), *rest = text, *line[3] = { NULL };
  size_t i, len;

  if (!text)
    abort ();
  memcpy (text, data, size);
  text[size] = '\0';
  for (i = 0; i < ARRAY_SIZE (line) && rest; i++)
    line[i] = strsep (&rest, "\n");
  len = rest ? size - (size_t) (rest - text) : 0;
  if (rest && !streq (line[0], "*"))
    read_one (line[0], line[1], line[2], rest, len);
  for (i = 0; rest && streq (line[0], "*") && i < n_routes; i++)
    read_route (&routes[i], line[1], line[2], rest, len);
  free (text);
  return 0;
}
