/* What the values of a descriptor cost, above the extractor and beside jq: a file of pages, each a
   line with 1,000 members.  Prints the CPU time of the process and its private memory at the end.
   values write FILE MEMBERS | values (rows | plain | jq | through) FILE | values filter  */
#include <config.h>

#include "plugins/seat/rest/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <usher/fakehost.h>
#include <usher/rows.h>

#include "tests/bench/people.h"

#define PAGE 1000u
#define FIELDS 7u

static const char *const paths[FIELDS] = { "id", "userName", "name.givenName", "name.familyName",
                                           "emails[0].value", "meta.created", "roles[].value" };
static const char *const expressions[FIELDS] = { ".id", ".userName", ".name.givenName", ".name.familyName",
                                                 ".emails[0].value", ".meta.created", "[.roles[].value]" };
static const char *const names[FIELDS] = { "id", "username", "first", "last", "email", "created", "roles" };
/* The same for the command jq, which has to write what it finds. */
static const char through[] =
  "{id, username: .userName, first: .name.givenName, last: .name.familyName, email: .emails[0].value, "
  "created: .meta.created, roles: [.roles[].value]}";

static size_t bytes;   /* of all texts, so that they are looked at */

static int32_t
on_row (void *arg, const struct usher_item *item)
{
  size_t n;
  const struct usher_value *v = usher_item_values (item, &n);

  (void) arg;
  for (size_t i = 0; i < n; i++)
    bytes += v[i].len;
  return 0;
}

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  (void) arg;
  for (size_t i = 0; i < FIELDS; i++)
    for (size_t k = 0; k < values[i].n; k++)
      bytes += strlen (values[i].v[k]);
  return 0;
}

static void
must (int32_t r, const char *what)
{
  if (r >= 0)
    return;
  fprintf (stderr, "values: %s: %d\n", what, (int) r);
  exit (EXIT_FAILURE);
}

static void
write_pages (const char *path, unsigned long members)
{
  FILE *f = fopen (path, "w");
  char json[PEOPLE_JSON_MAX];

  must (f ? 0 : -1, path);
  for (unsigned long i = 0; i < members; i++)
    {
      size_t len = people_json ((uint32_t) i, 0, json);

      fputs (i % PAGE ? "," : "{\"Resources\":[", f);
      fwrite (json, 1, len, f);
      fputs (i % PAGE == PAGE - 1 || i == members - 1 ? "]}\n" : "", f);
    }
  must (fclose (f) ? -1 : 0, path);
}

/* A reader of the values as MODE has them. */
static struct rest_reader *
make_reader (struct usher_ctx *ctx, const char *mode)
{
  bool jq = strcmp (mode, "jq") == 0, by_object = strcmp (mode, "through") == 0;
  json_t *values[FIELDS];
  struct rest_jq *set;
  struct rest_reader *reader;
  struct rest_reader_spec spec = {
    .items = "Resources[]", .items_place = "at", .values = values, .places = names, .n_values = FIELDS,
    .through = by_object ? through : NULL, .through_place = "member.jq" };

  for (size_t i = 0; i < FIELDS; i++)
    values[i] = jq ? json_pack ("{s:s}", "jq", expressions[i])
                   : json_string (by_object ? names[i] : paths[i]);
  must (rest_jq_new (&set), "rest_jq_new");
  spec.jq = set;
  must (rest_reader_new (ctx, &spec, &reader), "rest_reader_new");
  must (rest_jq_compile (set, ctx), "rest_jq_compile");
  return reader;
}

static void
read_pages (const char *path, const char *mode)
{
  const struct usher_rows_spec spec = { .size = sizeof spec, .items = "Resources[]", .fields = paths,
                                        .n_fields = FIELDS };
  struct usher_fake *fake = usher_fake_new ();
  struct rest_reader *reader = strcmp (mode, "rows") == 0 ? NULL : make_reader (usher_fake_ctx (fake), mode);
  struct usher_rows *rows = NULL;
  FILE *f = fopen (path, "r");
  char *line = NULL;
  size_t cap = 0;
  ssize_t len;

  must (f ? usher_rows_new (&spec, &rows) : -1, path);
  while ((len = getline (&line, &cap, f)) > 0)
    if (reader)
      must (rest_reader_each_in (reader, NULL, line, (size_t) len, on_item, NULL), "rest_reader_each_in");
    else
      must (usher_rows_each_in (rows, line, (size_t) len, on_row, NULL), "usher_rows_each_in");
}

/* Private memory in KiB. */
static unsigned long
private_kib (void)
{
  FILE *f = fopen ("/proc/self/status", "r");
  char line[256];
  unsigned long kib = 0;

  while (f && fgets (line, sizeof line, f))
    if (strncmp (line, "RssAnon:", 8) == 0)
      kib = strtoul (line + 8, NULL, 10);
  return kib;
}

int
main (int argc, char **argv)
{
  struct timespec t;

  if (argc == 2 && strcmp (argv[1], "filter") == 0)
    printf (".Resources[] | %s\n", through);
  else if (argc == 4 && strcmp (argv[1], "write") == 0)
    write_pages (argv[2], strtoul (argv[3], NULL, 10));
  else if (argc == 3)
    {
      read_pages (argv[2], argv[1]);
      clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
      printf ("%s %.4f s, %lu KiB private, %zu bytes\n", argv[1], (double) t.tv_sec + (double) t.tv_nsec / 1e9,
              private_kib (), bytes);
    }
  else
    return EXIT_FAILURE;
  return EXIT_SUCCESS;
}
