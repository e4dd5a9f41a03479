/* obvious: what one would write first.  libcurl gets a page, jansson makes it a tree, and each
   record is put into the same databases as it comes, 10,000 a transaction.

   obvious DIR URL PAGE CA-FILE   a first sync into the empty folder DIR, then an unchanged one */
#include <config.h>

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>

#include "host/common/text.h"
#include "tests/bench/span.h"
#include "tests/bench/tables.h"

#define BATCH 10000u
#define PAGE_BYTES_MAX (64u * 1024 * 1024)
#define URL_MAX 1024u

struct obvious
{
  CURL *curl;
  const char *url, *page;
  struct buf body, row;
  struct tables tables;
  bool again;              /* the unchanged pass: each record is there */
  uint64_t rows, bytes;
};

static size_t
on_body (char *p, size_t size, size_t n, void *arg)
{
  struct obvious *o = arg;

  buf_put (&o->body, p, size * n);
  return buf_error (&o->body) ? 0 : size * n;
}

static const char *
text (const json_t *o, const char *key)
{
  return json_string_value (json_object_get (o, key));
}

static void
on_user (struct obvious *o, const json_t *user)
{
  const json_t *name = json_object_get (user, "name"), *emails = json_object_get (user, "emails");
  const json_t *role = json_array_get (json_object_get (user, "roles"), 0);
  const struct usher_kv roles = { "role", text (role, "value") };
  const struct usher_member m = {
    .size = sizeof m, .state = json_is_true (json_object_get (user, "active")) ? USHER_ACTIVE : USHER_DISABLED,
    .id = text (user, "id"), .username = text (user, "userName"),
    .email = text (json_array_get (emails, 0), "value"), .first_name = text (name, "givenName"),
    .last_name = text (name, "familyName"), .roles = &roles, .n_roles = 1,
  };
  char key[NATIVE_MAX];
  size_t key_len;

  buf_reset (&o->row);
  must (row_put_member (&o->row, &m), "a row");
  o->rows++;
  o->bytes += o->row.len;
  key_len = native_key (o->row.data, o->row.len, key);
  if (o->again)
    tables_renew (&o->tables, key, key_len, o->row.data, o->row.len);
  else
    tables_add (&o->tables, key, key_len, o->row.data, o->row.len);
}

/* The page that begins at START; how many the app says there are, 0 at the end. */
static uint64_t
take_page (struct obvious *o, uint64_t start)
{
  char url[URL_MAX];
  json_t *page, *users, *user;
  uint64_t n;
  size_t i;

  (void) snprintf (url, sizeof url, "%s/Users?startIndex=%llu&count=%s", o->url, (unsigned long long) start, o->page);
  buf_reset (&o->body);
  (void) curl_easy_setopt (o->curl, CURLOPT_URL, url);
  must (curl_easy_perform (o->curl) == CURLE_OK ? 0 : -EIO, url);
  page = json_loadb (o->body.data, o->body.len, 0, NULL);
  users = json_object_get (page, "Resources");
  json_array_foreach (users, i, user)
    on_user (o, user);
  n = json_array_size (users);
  json_decref (page);
  return n;
}

static void
take_all (struct obvious *o)
{
  uint64_t start = 1, n;

  o->rows = o->bytes = 0;
  while ((n = take_page (o, start)) > 0)
    start += n;
  must (o->rows ? 0 : -ENODATA, o->url);
}

static void
both (struct obvious *o, const char *dir)
{
  struct span s;

  span_begin (&s, 0);
  tables_open (&o->tables, dir, BATCH, /* append= */ false);
  take_all (o);
  tables_finish (&o->tables);
  span_end (&s, "first", 0, o->rows, o->bytes);
  span_begin (&s, 0);
  o->again = true;
  take_all (o);
  tables_finish (&o->tables);
  span_end (&s, "unchanged", 0, o->rows, o->bytes);
  tables_close (&o->tables);
}

int
main (int argc, char **argv)
{
  struct obvious o = { .body = BUF_INIT (PAGE_BYTES_MAX), .row = BUF_INIT (ROW_MAX) };

  if (argc != 5)
    {
      (void) fprintf (stderr, "usage: obvious DIR URL PAGE CA-FILE\n");
      return EXIT_FAILURE;
    }
  (void) curl_global_init (CURL_GLOBAL_DEFAULT);
  o.curl = curl_easy_init ();
  must (o.curl ? 0 : -ENOMEM, "curl");
  o.url = argv[2];
  o.page = argv[3];
  (void) curl_easy_setopt (o.curl, CURLOPT_CAINFO, argv[4]);
  (void) curl_easy_setopt (o.curl, CURLOPT_WRITEFUNCTION, on_body);
  (void) curl_easy_setopt (o.curl, CURLOPT_WRITEDATA, &o);
  (void) curl_easy_setopt (o.curl, CURLOPT_FAILONERROR, 1L);
  both (&o, argv[1]);
  curl_easy_cleanup (o.curl);
  curl_global_cleanup ();
  buf_done (&o.body);
  buf_done (&o.row);
  return EXIT_SUCCESS;
}
