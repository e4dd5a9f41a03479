/* app: a SCIM 2.0 app of N members over TLS, which costs as little as it can.  The addresses
   below /N/PAGE/CHANGED/scim/v2 are an app of N members that gives PAGE of them at most in one
   answer, and of which CHANGED in a thousand are other than below /N/PAGE/0.  Members are
   written once, when they are first asked for; a page is a piece of that text.

   app CERTIFICATE KEY: prints its port, runs until its standard input ends.  */
#include <config.h>

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/base.h"
#include "host/common/io.h"
#include "tests/bench/people.h"

#define FILE_MAX 65536u
#define LISTS_MAX 4u
#define MEMBERS_MAX 10000000u
#define HEAD_MAX 256u

/* All members of an app, one behind the other, each with a comma behind it. */
struct list
{
  uint32_t n, changed;
  char *text;
  size_t *ends;        /* ends[i]: where member i begins and the one before it ends */
};

/* What is listed so far.  Only the one thread of the server uses it. */
static struct list lists[LISTS_MAX];
static size_t n_lists;

static struct list *
find_list (uint32_t n, uint32_t changed)
{
  struct list *l;
  size_t i, cap = (size_t) n * 450 + PEOPLE_JSON_MAX;

  for (i = 0; i < n_lists; i++)
    if (lists[i].n == n && lists[i].changed == changed)
      return &lists[i];
  if (n_lists == LISTS_MAX || n > MEMBERS_MAX)
    return NULL;
  l = &lists[n_lists];
  *l = (struct list) { n, changed, malloc (cap), calloc ((size_t) n + 1, sizeof *l->ends) };
  if (!l->text || !l->ends)
    return NULL;
  for (i = 0; i < n; i++)
    {
      assert (l->ends[i] + PEOPLE_JSON_MAX < cap);
      l->ends[i + 1] = l->ends[i] + people_json ((uint32_t) i, changed, l->text + l->ends[i]) + 1;
      l->text[l->ends[i + 1] - 1] = ',';
    }
  n_lists++;
  return l;
}

static uint32_t
argument (struct MHD_Connection *c, const char *name, uint32_t fallback)
{
  const char *text = MHD_lookup_connection_value (c, MHD_GET_ARGUMENT_KIND, name);

  return text ? (uint32_t) strtoul (text, NULL, 10) : fallback;
}

static enum MHD_Result
answer (struct MHD_Connection *c, unsigned int status, char *body /* takes */, size_t len)
{
  struct MHD_Response *r = MHD_create_response_from_buffer (len, body, MHD_RESPMEM_MUST_FREE);
  enum MHD_Result ret;

  (void) MHD_add_response_header (r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/scim+json");
  ret = MHD_queue_response (c, status, r);
  MHD_destroy_response (r);
  return ret;
}

static enum MHD_Result
answer_text (struct MHD_Connection *c, unsigned int status, const char *text)
{
  return answer (c, status, strdup (text), strlen (text));
}

static enum MHD_Result
answer_page (struct MHD_Connection *c, const struct list *l, uint32_t page_max)
{
  uint32_t start = MAX (argument (c, "startIndex", 1), 1u) - 1;
  uint32_t count = MIN (argument (c, "count", page_max), page_max);
  size_t from, bytes, head;
  char *body;

  start = MIN (start, l->n);
  count = MIN (count, l->n - start);
  from = l->ends[start];
  bytes = count ? l->ends[start + count] - 1 - from : 0;
  body = malloc (HEAD_MAX + bytes + 2);
  if (!body)
    return MHD_NO;
  head = (size_t) snprintf (body, HEAD_MAX,
                            "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],"
                            "\"totalResults\":%u,\"startIndex\":%u,\"itemsPerPage\":%u,\"Resources\":[",
                            l->n, start + 1, count);
  memcpy (body + head, l->text + from, bytes);
  memcpy (body + head + bytes, "]}", 2);
  return answer (c, MHD_HTTP_OK, body, head + bytes + 2);
}

static enum MHD_Result
on_request (void *arg, struct MHD_Connection *c, const char *url, const char *method,
            const char *version, const char *data, size_t *data_len, void **state)
{
  unsigned long part[3];
  const struct list *l;
  const char *at = url;
  char *end;
  size_t i;

  (void) arg;
  (void) version;
  (void) data;
  (void) data_len;
  /* An answer at the first call, before the end of the request, would end the connection. */
  if (!*state)
    {
      *state = lists;
      return MHD_YES;
    }
  for (i = 0; i < ARRAY_SIZE (part); i++)
    {
      part[i] = *at == '/' ? strtoul (at + 1, &end, 10) : 0;
      at = *at == '/' ? end : at;
    }
  if (strcmp (method, "GET") != 0 || part[0] > MEMBERS_MAX || part[1] == 0)
    return answer_text (c, MHD_HTTP_NOT_FOUND, "{}");
  if (strcmp (at, "/scim/v2/ServiceProviderConfig") == 0)
    return answer_text (c, MHD_HTTP_OK, "{\"patch\":{\"supported\":true}}");
  l = strcmp (at, "/scim/v2/Users") == 0 ? find_list ((uint32_t) part[0], (uint32_t) part[2]) : NULL;
  if (!l)
    return answer_text (c, MHD_HTTP_NOT_FOUND, "{}");
  return answer_page (c, l, (uint32_t) part[1]);
}

static bool
read_file (const char *path, char ret[FILE_MAX])
{
  FILE *f = fopen (path, "re");
  size_t n = f ? fread (ret, 1, FILE_MAX - 1, f) : 0;

  if (f)
    (void) fclose (f);
  ret[n] = '\0';
  return n > 0;
}

int
main (int argc, char **argv)
{
  static char cert[FILE_MAX], key[FILE_MAX];
  struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  const union MHD_DaemonInfo *info;
  struct MHD_Daemon *d;

  if (argc != 3 || !read_file (argv[1], cert) || !read_file (argv[2], key))
    {
      (void) fprintf (stderr, "usage: app CERTIFICATE KEY\n");
      return EXIT_FAILURE;
    }
  d = MHD_start_daemon (MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL, on_request, NULL,
                        MHD_OPTION_SOCK_ADDR, &loopback, MHD_OPTION_HTTPS_MEM_CERT, cert,
                        MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_END);
  info = d ? MHD_get_daemon_info (d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
  if (!info)
    {
      (void) fprintf (stderr, "app: the server cannot be started\n");
      return EXIT_FAILURE;
    }
  (void) printf ("%u\n", (unsigned int) info->port);
  (void) fflush (stdout);
  while (getchar () != EOF)
    ;
  MHD_stop_daemon (d);
  while (n_lists-- > 0)
    {
      free (lists[n_lists].text);
      free (lists[n_lists].ends);
    }
  return EXIT_SUCCESS;
}
