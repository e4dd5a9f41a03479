/* The pure pieces of the API: the table of routes, cursors, entity tags, the document. */
#include <config.h>

#include "unit.h"

#include "host/api/cursor.h"
#include "host/api/document.h"
#include "host/api/routes.h"

/* ---- The table. */

START_TEST (test_rows_are_whole)
{
  size_t i, k;

  for (i = 0; i < n_routes; i++)
    {
      const struct route *r = &routes[i];

      ck_assert_msg (!r->action == (r->special != SPECIAL_NONE), "%s %s", r->method, r->path);
      ck_assert_msg (r->path[0] == '/' && r->answer && r->summary, "%s %s", r->method, r->path);
      ck_assert_msg (!(r->flags & ROUTE_LIST) || (r->status == 200 && !route_writes (r)), "%s is no list", r->path);
      ck_assert_msg (!(r->flags & ROUTE_TAGGED) || strchr (r->path, '{'), "%s names nothing", r->path);
      ck_assert_msg (!r->fields || r->body == BODY_JSON, "%s has fields and no body", r->path);
      for (k = 0; k < i; k++)
        ck_assert_msg (!streq (routes[k].method, r->method) || !streq (routes[k].path, r->path), "%s %s comes twice",
                       r->method, r->path);
    }
}
END_TEST

static const struct route *
route_of (const char *method, const char *path)
{
  const struct route *r = NULL;
  char *names[3] = { NULL, NULL, NULL };
  size_t i;

  ck_assert_int_eq (route_find (method, path, &r, names), ROUTE_FOUND);
  for (i = 0; i < 3; i++)
    free (names[i]);
  return r;
}

START_TEST (test_only_whole_words_are_taken)
{
  const struct route *setup = route_of ("POST", "/api/v1/setup"), *members = route_of ("GET", "/api/v1/hubs/x/members"),
                     *import = route_of ("POST", "/api/v1/directory/import");

  ck_assert_int_eq (route_field (setup, "owner"), 't');
  ck_assert_int_eq (route_field (setup, "confirm"), 'b');
  ck_assert_int_eq (route_field (setup, "own"), 0);
  ck_assert_int_eq (route_field (setup, "owner:t! name"), 0);
  ck_assert_int_eq (route_field (setup, ""), 0);
  ck_assert (route_parameter (members, "tab") == 't' && route_parameter (members, "at") == 't'
             && route_parameter (members, "limit") == 't');
  ck_assert (!route_parameter (members, "ta") && !route_parameter (members, "tab status")
             && !route_parameter (members, "") && !route_parameter (members, "confirm"));
  ck_assert_int_eq (route_parameter (import, "file"), 't');
  ck_assert_int_eq (route_parameter (import, "dry_run"), 'b');
  ck_assert_int_eq (route_parameter (import, "remove_missing"), 'b');
  ck_assert_int_eq (route_parameter (import, "confirm"), 'b');
  ck_assert (!route_parameter (import, "dry") && !route_parameter (import, "dry_run:b"));
}
END_TEST

/* ---- Cursors. */

static char *none[3] = { NULL, NULL, NULL };
static char label[] = "Acme";
static char *acme[3] = { label, NULL, NULL };

START_TEST (test_cursor_comes_back)
{
  static const char *const inners[] = { "1", "01890000-0000-7000-8000-000000000001", "seat", "admin\nrole" };
  struct cursor_list l = { route_of ("GET", "/api/v1/hubs/x/members"), acme, NULL, 0 };
  size_t i, len;

  for (i = 0; i < ARRAY_SIZE (inners); i++)
    {
      char *text = cursor_wrap (&l, inners[i]), *back;

      ck_assert_ptr_nonnull (text);
      back = cursor_unwrap (&l, text);
      ck_assert_str_eq (back, inners[i]);
      free (back);
      for (len = strlen (text); len-- > 0;)
        {
          text[len] = '\0';
          ck_assert_ptr_null (cursor_unwrap (&l, text));
        }
      free (text);
    }
}
END_TEST

START_TEST (test_cursor_is_bound)
{
  const struct usher_kv one[] = { { "tab", "guest" }, { "search", "x" }, { "limit", "5" } };
  const struct usher_kv other[] = { { "search", "x" }, { "cursor", "c" }, { "tab", "guest" } };
  const struct usher_kv less[] = { { "tab", "guest" } };
  const struct route *members = route_of ("GET", "/api/v1/hubs/x/members"), *roles = route_of ("GET", "/api/v1/hubs/x/roles");
  struct cursor_list l = { members, acme, one, ARRAY_SIZE (one) };
  char *text = cursor_wrap (&l, "1"), *back;

  l = (struct cursor_list) { members, acme, other, ARRAY_SIZE (other) };
  back = cursor_unwrap (&l, text);
  ck_assert_str_eq (back, "1");
  free (back);
  l = (struct cursor_list) { members, acme, less, ARRAY_SIZE (less) };
  ck_assert_ptr_null (cursor_unwrap (&l, text));
  l = (struct cursor_list) { members, none, one, ARRAY_SIZE (one) };
  ck_assert_ptr_null (cursor_unwrap (&l, text));
  l = (struct cursor_list) { roles, acme, one, ARRAY_SIZE (one) };
  ck_assert_ptr_null (cursor_unwrap (&l, text));
  free (text);
}
END_TEST

/* ---- Entity tags. */

START_TEST (test_tags_in_lists)
{
  static const struct
  {
    const char *list;
    bool strong, weak;
  } cases[] = {
    { "\"a\"", true, true },       { "*", true, true },          { " \"b\" , \"a\"", true, true }, { "W/\"a\"", false, true },
    { "\"b,\\\"\", \"a\"", false, false }, { "\"x,y\",\"a\"", true, true }, { "\"ab\"", false, false },    { "\"a", false, false },
    { "a", false, false },         { "", false, false },         { ",,,", false, false },          { "W/", false, false },
    { "\"b\"\"a\"", true, true },  { "b, *", true, true },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (cases); i++)
    {
      ck_assert_msg (call_tag_listed (cases[i].list, "\"a\"", false) == cases[i].strong, "%s", cases[i].list);
      ck_assert_msg (call_tag_listed (cases[i].list, "\"a\"", true) == cases[i].weak, "weak %s", cases[i].list);
    }
  ck_assert (call_tag_listed ("*", NULL, false) && !call_tag_listed ("\"\"", NULL, false));
}
END_TEST

START_TEST (test_tag_follows_what_is_shown)
{
  json_t *one = json_pack ("{s:i, s:s}", "a", 1, "b", "x"), *same = json_pack ("{s:s, s:i}", "b", "x", "a", 1);
  char tag[CALL_TAG_SIZE], other[CALL_TAG_SIZE];

  ck_assert_int_eq (call_tag (one, tag), 0);
  ck_assert_int_eq (call_tag (same, other), 0);
  ck_assert_str_eq (tag, other);
  (void) json_object_set_new (same, "a", json_integer (2));
  ck_assert_int_eq (call_tag (same, other), 0);
  ck_assert_str_ne (tag, other);
  ck_assert_uint_eq (strlen (tag), CALL_TAG_SIZE - 1);
  json_decref (one);
  json_decref (same);
}
END_TEST

/* ---- The document. */

START_TEST (test_document_is_json)
{
  char *text = document_text ();
  json_t *whole = json_loads (text, JSON_REJECT_DUPLICATES, NULL);

  ck_assert_ptr_nonnull (whole);
  ck_assert_uint_gt (json_object_size (json_object_get (whole, "paths")), 40);
  json_decref (whole);
  free (text);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_rows_are_whole);
  tcase_add_test (t, test_only_whole_words_are_taken);
  tcase_add_test (t, test_cursor_comes_back);
  tcase_add_test (t, test_cursor_is_bound);
  tcase_add_test (t, test_tags_in_lists);
  tcase_add_test (t, test_tag_follows_what_is_shown);
  tcase_add_test (t, test_document_is_json);
}

UNIT_MAIN ("api", fill)
