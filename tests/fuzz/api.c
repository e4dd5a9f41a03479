/* Requests of the API: METHOD, path, query and body, a line each.  Whatever they are, they are
   refused with a code or give the action what the table of routes says it takes. */
#include <config.h>

/* The reading of a request is the file's own business; no action is run here. */
#include "host/api/request.c"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

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
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct request *q = calloc (1, sizeof *q);
  char *text = malloc (size + 1), *rest = text, *line[3] = { NULL };
  size_t i;

  if (!q || !text)
    abort ();
  memcpy (text, data, size);
  text[size] = '\0';
  for (i = 0; i < ARRAY_SIZE (line) && rest; i++)
    line[i] = strsep (&rest, "\n");
  if (rest)
    read_request (q, line[0], line[1], line[2], rest, size - (size_t) (rest - text));
  request_free (q);
  free (text);
  return 0;
}
