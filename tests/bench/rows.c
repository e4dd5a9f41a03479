/* What a listing costs: 1,000,000 members of about 400 bytes in pages, eight fields taken out
   of thirteen, by rows and by jansson in one run.  CPU time of the process, not of the wall.
   rows-bench [PAGE-SIZE]  */
#include <config.h>

#include <usher/rows.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MEMBERS 1000000u
#define PAGES_MAX 8u     /* different pages, used in turn */

static const char *const fields[] = { "id", "username", "profile.name", "profile.email", "admin",
                                      "state", "created_at", "groups[]" };
static const char *const page_fields[] = { "total" };

struct page
{
  char *text;
  size_t len;
};

struct sum
{
  size_t bytes, values;
};

static double
cpu (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
write_member (FILE *f, unsigned n)
{
  static const char *const names[] = { "Ada Lovelace", "Grace Hopper", "Ren\xc3\xa9 Descartes",
                                       "Alan Turing", "Barbara Liskov", "Edsger Dijkstra",
                                       "Donald Knuth", "Frances Allen" };

  fprintf (f, "{\"id\":\"01HV%022u\",\"username\":\"user%07u\",\"profile\":{\"name\":\"%s\","
           "\"email\":\"user%07u@corp.example.com\",\"title\":\"Senior Engineer of Things\","
           "\"avatar\":\"https://cdn.example.com/avatars/%07u/large.png\"},\"admin\":%s,"
           "\"state\":\"active\",\"created_at\":\"2024-03-01T12:00:00Z\","
           "\"updated_at\":\"2025-03-01T12:00:00Z\",\"groups\":[\"engineering\",\"all-hands\"]}",
           n, n, names[n % 8], n, n, n % 50 ? "false" : "true");
}

static struct page
make_page (unsigned first, unsigned count)
{
  struct page p = { NULL, 0 };
  FILE *f = open_memstream (&p.text, &p.len);
  unsigned i;

  if (!f)
    abort ();
  fputs ("{\"total\":1000000,\"members\":[", f);
  for (i = 0; i < count; i++)
    {
      if (i > 0)
        fputc (',', f);
      write_member (f, first + i);
    }
  fputs ("]}", f);
  fclose (f);
  return p;
}

static int32_t
on_item (void *arg, const struct usher_item *item)
{
  struct sum *sum = arg;
  const struct usher_value *v;
  size_t i, n;

  v = usher_item_values (item, &n);
  for (i = 0; i < n; i++)
    sum->bytes += v[i].len;
  sum->values += n;
  return 0;
}

static void
take (struct sum *sum, const json_t *v)
{
  if (json_is_boolean (v))
    sum->bytes += json_is_true (v) ? 4 : 5;
  else
    sum->bytes += json_string_length (v);
  sum->values++;
}

static void
by_jansson (const struct page *p, struct sum *sum)
{
  json_t *root = json_loadb (p->text, p->len, JSON_REJECT_DUPLICATES, NULL), *m, *g;
  size_t i, j;

  json_array_foreach (json_object_get (root, "members"), i, m)
    {
      json_t *profile = json_object_get (m, "profile");

      take (sum, json_object_get (m, "id"));
      take (sum, json_object_get (m, "username"));
      take (sum, json_object_get (profile, "name"));
      take (sum, json_object_get (profile, "email"));
      take (sum, json_object_get (m, "admin"));
      take (sum, json_object_get (m, "state"));
      take (sum, json_object_get (m, "created_at"));
      json_array_foreach (json_object_get (m, "groups"), j, g)
        take (sum, g);
    }
  json_decref (root);
}

int
main (int argc, char **argv)
{
  const struct usher_rows_spec spec = { sizeof spec, 0, "members[]", fields,
                                        sizeof fields / sizeof fields[0], page_fields, 1 };
  unsigned count = argc > 1 ? (unsigned) strtoul (argv[1], NULL, 10) : 1000, i, pages;
  struct page page[PAGES_MAX];
  struct sum a = { 0, 0 }, b = { 0, 0 };
  struct usher_rows *rows;
  double t0, t1, t2;
  size_t bytes = 0;

  if (count == 0 || count > MEMBERS || usher_rows_new (&spec, &rows) < 0)
    return EXIT_FAILURE;
  pages = MEMBERS / count;
  for (i = 0; i < PAGES_MAX; i++)
    page[i] = make_page (i * count, count);
  t0 = cpu ();
  for (i = 0; i < pages; i++)
    {
      bytes += page[i % PAGES_MAX].len;
      if (usher_rows_each_in (rows, page[i % PAGES_MAX].text, page[i % PAGES_MAX].len, on_item, &a) < 0)
        return EXIT_FAILURE;
    }
  t1 = cpu ();
  for (i = 0; i < pages; i++)
    by_jansson (&page[i % PAGES_MAX], &b);
  t2 = cpu ();
  printf ("%u members, %zu bytes, pages of %u\n", pages * count, bytes, count);
  printf ("rows     %.3f s  %.0f MB/s\n", t1 - t0, (double) bytes / (t1 - t0) / 1e6);
  printf ("jansson  %.3f s  %.0f MB/s\n", t2 - t1, (double) bytes / (t2 - t1) / 1e6);
  printf ("ratio    %.1f\n", (t2 - t1) / (t1 - t0));
  usher_rows_free (rows);
  for (i = 0; i < PAGES_MAX; i++)
    free (page[i].text);
  if (a.bytes != b.bytes || a.values != b.values)
    {
      fprintf (stderr, "rows-bench: rows and jansson read different values\n");
      return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}
