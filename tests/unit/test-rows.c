/* rows: paths, shapes, limits, what it says when an answer is not what it should be. */
#include <config.h>

#include "unit.h"

#include "sdk/lib/rows-private.h"

#include <stdio.h>
#include <string.h>

static const char *const fields[] = { "id", "emails[].value", "emails[].primary", "name.givenName",
                                      "'urn:x:2.0:User'.role", "meta" };
static const char *const page_fields[] = { "totalResults", "next" };

struct seen
{
  char text[4096];
  unsigned items;
  int32_t answer;
};

static struct usher_rows *
compile (const char *items, uint32_t flags)
{
  const struct usher_rows_spec spec = { sizeof spec, flags, items, fields, 6, page_fields, 2 };
  struct usher_rows *rows;

  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_DONE);
  return rows;
}

static int32_t
on_item (void *arg, const struct usher_item *item)
{
  struct seen *seen = arg;
  const char *id = usher_item_text (item, 0);

  seen->items++;
  if (id && strlen (seen->text) + strlen (id) + 2 < sizeof seen->text)
    {
      strcat (seen->text, id);
      strcat (seen->text, " ");
    }
  return seen->answer;
}

static int32_t
read_text (struct usher_rows *rows, const char *json, struct seen *seen)
{
  memset (seen, 0, sizeof *seen);
  return usher_rows_each_in (rows, json, strlen (json), on_item, seen);
}

START_TEST (test_page_values_stand_before_or_behind_the_items)
{
  struct usher_rows *rows = compile ("Resources[]", 0);
  struct seen seen;
  int64_t total;

  ck_assert_int_eq (read_text (rows, "{\"totalResults\":2,\"Resources\":[{\"id\":\"a\"},{\"id\":\"b\"}],"
                               "\"next\":\"c\\u0031\"}", &seen), USHER_DONE);
  ck_assert_str_eq (seen.text, "a b ");
  ck_assert_uint_eq (usher_rows_count (rows), 2);
  ck_assert_int_eq (usher_value_int (usher_rows_page (rows, 0), 0, 10, &total), USHER_DONE);
  ck_assert_int_eq (total, 2);
  ck_assert_str_eq (usher_rows_page (rows, 1)->text, "c1");
  ck_assert_int_eq (read_text (rows, "{\"Resources\":[]}", &seen), USHER_DONE);
  ck_assert_ptr_null (usher_rows_page (rows, 0));
  ck_assert_int_eq (usher_value_int (usher_rows_page (rows, 0), 0, 10, &total), USHER_E_SHAPE);
  usher_rows_free (rows);
}
END_TEST

static int32_t
on_joined (void *arg, const struct usher_item *item)
{
  const struct usher_value *v, **ret = arg;

  for (v = usher_item_get (item, 2); v; v = usher_item_next (item, v))
    if (usher_value_true (v))
      break;
  ck_assert_ptr_nonnull (v);
  *ret = usher_item_at (item, 1, v->index);
  ck_assert_str_eq ((*ret)->text, "b@example.com");
  ck_assert_str_eq (usher_item_text (item, 3), "Ada");
  ck_assert_str_eq (usher_item_text (item, 4), "owner");
  ck_assert_ptr_null (usher_item_text (item, 5));
  ck_assert_uint_eq (usher_item_get (item, 5)->type, USHER_V_OBJECT);
  ck_assert_str_eq (usher_item_get (item, 5)->text, "{ \"a\": [1, \"}\"] }");
  ck_assert_ptr_null (usher_item_get (item, 40));
  return 0;
}

START_TEST (test_values_of_one_element_are_joined_by_its_index)
{
  struct usher_rows *rows = compile ("Resources[]", USHER_ROWS_NOCASE);
  static const char json[] = "{\"resources\":[{\"Emails\":[{\"value\":\"a@example.com\"},{\"primary\":true,"
    "\"VALUE\":\"b@example.com\"}],\"NAME\":{\"givenname\":\"Ada\"},\"URN:x:2.0:user\":{\"role\":\"owner\"},"
    "\"meta\":{ \"a\": [1, \"}\"] }}]}";
  const struct usher_value *found = NULL;

  ck_assert_int_eq (usher_rows_each_in (rows, json, sizeof json - 1, on_joined, &found), USHER_DONE);
  ck_assert_ptr_nonnull (found);
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_names_differ_by_case_unless_said)
{
  struct usher_rows *rows = compile ("Resources[]", 0);
  struct seen seen;

  ck_assert_int_eq (read_text (rows, "{\"resources\":[{\"id\":\"a\"}]}", &seen), USHER_DONE);
  ck_assert_int_eq (usher_rows_present (rows), 0);
  ck_assert_uint_eq (seen.items, 0);
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_bare_array_and_array_inside_an_array)
{
  struct usher_rows *rows = compile ("[]", 0);
  struct seen seen;

  ck_assert_int_eq (read_text (rows, " [ {\"id\":1}, {\"id\":true} ] ", &seen), USHER_DONE);
  ck_assert_str_eq (seen.text, "1 true ");
  usher_rows_free (rows);
  rows = compile ("groups[].members[]", 0);
  ck_assert_int_eq (read_text (rows, "{\"groups\":[{\"members\":[{\"id\":\"a\"}]},{},{\"members\":"
                               "[{\"id\":\"b\"},7,{\"id\":null}]}]}", &seen), USHER_DONE);
  ck_assert_str_eq (seen.text, "a b ");
  ck_assert_uint_eq (seen.items, 4);
  usher_rows_free (rows);
}
END_TEST

static int32_t
on_number (void *arg, const struct usher_item *item)
{
  size_t n;
  const struct usher_value *v = usher_item_values (item, &n);

  ck_assert_uint_eq (n, 1);
  strcat (arg, v->text);
  strcat (arg, ";");
  return 0;
}

START_TEST (test_items_that_are_no_objects_are_values_themselves)
{
  static const char *const self[] = { "" };
  const struct usher_rows_spec spec = { sizeof spec, 0, "[]", self, 1, NULL, 0 };
  static const char json[] = "[1,22,\"three\",[4],null]";
  char text[64];
  struct usher_rows *rows;
  uint32_t chunk;

  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_DONE);
  for (chunk = 1; chunk < sizeof json; chunk++)
    {
      text[0] = '\0';
      rows->chunk = chunk;
      ck_assert_int_eq (usher_rows_each_in (rows, json, sizeof json - 1, on_number, text), USHER_DONE);
      ck_assert_str_eq (text, "1;22;three;[4];null;");
    }
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_missing_items_are_told_and_refused_when_strict)
{
  struct usher_rows *rows = compile ("Resources[]", 0);
  struct seen seen;

  ck_assert_int_eq (read_text (rows, "{\"totalResults\":0}", &seen), USHER_DONE);
  ck_assert_int_eq (usher_rows_present (rows), 0);
  ck_assert_int_eq (read_text (rows, "{\"Resources\":null}", &seen), USHER_DONE);
  ck_assert_int_eq (usher_rows_present (rows), 0);
  ck_assert_int_eq (read_text (rows, "{\"Resources\":[]}", &seen), USHER_DONE);
  ck_assert_int_eq (usher_rows_present (rows), 1);
  usher_rows_free (rows);
  rows = compile ("Resources[]", USHER_ROWS_STRICT);
  ck_assert_int_eq (read_text (rows, "{\"totalResults\":0}", &seen), USHER_E_SHAPE);
  ck_assert_str_eq (usher_rows_error (rows), "the answer has no list of items");
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_another_shape_is_told_in_a_sentence)
{
  static const struct { const char *json, *error; } cases[] = {
    { "", "the answer is empty where JSON was expected" },
    { " \n", "the answer is empty where JSON was expected" },
    { "\n<!DOCTYPE html>", "the answer is a page of HTML or XML, not JSON" },
    { "[]", "the answer is an array where an object was expected" },
    { "\"text\"", "the answer is a text where an object was expected" },
    { "null", "the answer is null where an object was expected" },
    { "{\"Resources\":{}}", "\"Resources\" is an object where an array was expected" },
    { "{\"Resources\":\"x\"}", "\"Resources\" is a text where an array was expected" },
    { "{\"Resources\":[", "the answer ends in the middle, after 14 bytes" },
    { "{\"Resources\":[]} x", "the answer is not JSON: 'x' at byte 17" },
    { "{\"Resources\":[],}", "the answer is not JSON: '}' at byte 16" },
    { "{\"Resources\":[\"\x01\"]}", "the answer is not JSON: byte 0x01 at byte 15" },
    { "{\"Resources\":[],\"Resources\":[]}", "\"Resources\" stands twice in one object, before byte 28" },
    { "{\"Resources\":[{\"id\":1,\"\\u0069d\":2}]}", "\"id\" stands twice in one object, before byte 32" },
  };
  struct usher_rows *rows = compile ("Resources[]", 0);
  struct seen seen;
  size_t i;

  for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      ck_assert_int_eq (read_text (rows, cases[i].json, &seen), USHER_E_SHAPE);
      ck_assert_str_eq (usher_rows_error (rows), cases[i].error);
    }
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_every_truncation_is_refused)
{
  static const char json[] = "{\"totalResults\":2,\"Resources\":[{\"id\":\"\xc3\xa9\\ud83d\\ude00\",\"n\":-1.5e+3,"
    "\"t\":true},{\"id\":null}],\"next\":\"x\"}";
  struct usher_rows *rows = compile ("Resources[]", 0);
  struct seen seen = { "", 0, 0 };
  size_t len;

  for (len = 0; len < sizeof json - 1; len++)
    {
      ck_assert_int_eq (usher_rows_each_in (rows, json, len, on_item, &seen), USHER_E_SHAPE);
      ck_assert_str_ne (usher_rows_error (rows), "");
    }
  ck_assert_int_eq (usher_rows_each_in (rows, json, len, on_item, &seen), USHER_DONE);
  ck_assert_str_eq (usher_rows_error (rows), "");
  usher_rows_free (rows);
}
END_TEST

static int32_t
on_replaced (void *arg, const struct usher_item *item)
{
  const struct usher_value *v = usher_item_get (item, 0);

  ck_assert_ptr_nonnull (v);
  ck_assert_uint_eq (strlen (v->text), v->len);
  ck_assert_str_eq (v->text, arg);
  return 0;
}

START_TEST (test_what_no_text_can_hold_is_replaced_at_every_cut)
{
  static const char *const ids[][2] = {
    { "a\\u0000b", "a\xef\xbf\xbd" "b" },                          /* NUL */
    { "\\ud83d", "\xef\xbf\xbd" },                               /* a first half at the end */
    { "\\ud83dx", "\xef\xbf\xbdx" },
    { "\\ud83d\\n", "\xef\xbf\xbd\n" },
    { "\\ude00", "\xef\xbf\xbd" },                               /* a second half alone */
    { "\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
    { "\\ud83d\\u0041", "\xef\xbf\xbd" "A" },
  };
  struct usher_rows *rows = compile ("Resources[]", 0);
  char json[256];
  size_t i;
  int len;

  for (i = 0; i < sizeof ids / sizeof ids[0]; i++)
    {
      len = snprintf (json, sizeof json, "{\"Resources\":[{\"id\":\"%s\"}]}", ids[i][0]);
      for (rows->chunk = 1; rows->chunk <= (uint32_t) len; rows->chunk++)
        {
          ck_assert_int_eq (usher_rows_each_in (rows, json, (size_t) len, on_replaced,
                                                (void *) (uintptr_t) ids[i][1]), USHER_DONE);
          ck_assert_uint_eq (usher_rows_count (rows), 1);
        }
    }
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_functions_negative_answer_stops)
{
  struct usher_rows *rows = compile ("Resources[]", 0);
  static const char json[] = "{\"Resources\":[{\"id\":\"a\"},{\"id\":\"b\"}]}";
  struct seen seen = { "", 0, USHER_E_CANCELLED };

  ck_assert_int_eq (usher_rows_each_in (rows, json, sizeof json - 1, on_item, &seen),
                    USHER_E_CANCELLED);
  ck_assert_uint_eq (seen.items, 1);
  usher_rows_free (rows);
}
END_TEST

static int32_t
on_nested (void *arg, const struct usher_item *item)
{
  (void) item;
  ck_assert_int_eq (usher_rows_each_in (arg, "{}", 2, NULL, NULL), USHER_E_MISUSE);
  return 0;
}

START_TEST (test_program_in_use_is_misuse)
{
  struct usher_rows *rows = compile ("Resources[]", 0);
  static const char json[] = "{\"Resources\":[1]}";

  ck_assert_int_eq (usher_rows_each_in (rows, json, sizeof json - 1, on_nested, rows), USHER_DONE);
  ck_assert_uint_eq (usher_rows_count (rows), 1);
  usher_rows_free (rows);
}
END_TEST

/* HEAD, N times FILL, TAIL. */
static int32_t
read_big (struct usher_rows *rows, const char *head, char fill, size_t n, const char *tail)
{
  size_t h = strlen (head), t = strlen (tail);
  char *json = malloc (h + n + t);
  struct seen seen = { "", 0, 0 };
  int32_t r;

  ck_assert_ptr_nonnull (json);
  memcpy (json, head, h);
  memset (json + h, fill, n);
  memcpy (json + h + n, tail, t);
  r = usher_rows_each_in (rows, json, h + n + t, on_item, &seen);
  free (json);
  return r;
}

START_TEST (test_item_over_its_maximum_is_refused_and_all_else_may_be_long)
{
  struct usher_rows *rows = compile ("Resources[]", 0);

  ck_assert_int_eq (read_big (rows, "{\"Resources\":[{\"x\":\"", 'a', USHER_ROWS_ITEM_MAX - 8, "\"}]}"),
                    USHER_DONE);
  ck_assert_int_eq (read_big (rows, "{\"Resources\":[{\"x\":\"", 'a', USHER_ROWS_ITEM_MAX - 7, "\"}]}"),
                    USHER_E_LIMIT);
  ck_assert_str_eq (usher_rows_error (rows), "an item is longer than 1048576 bytes");
  ck_assert_int_eq (read_big (rows, "{\"Resources\":[{\"x\":\"", 'a', 3 * USHER_ROWS_ITEM_MAX, "\"}]}"),
                    USHER_E_LIMIT);
  ck_assert_int_eq (read_big (rows, "{\"other\":[1", ' ', 5 * USHER_ROWS_ITEM_MAX,
                              "],\"Resources\":[]}"), USHER_DONE);
  ck_assert_uint_lt (rows->cap, 4 * USHER_ROWS_ITEM_MAX);
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_depth_over_its_maximum_is_refused)
{
  struct usher_rows *rows = compile ("[]", 0);
  char json[2 * USHER_ROWS_DEPTH_MAX + 3];
  struct seen seen;

  memset (json, '[', USHER_ROWS_DEPTH_MAX);
  memset (json + USHER_ROWS_DEPTH_MAX, ']', USHER_ROWS_DEPTH_MAX);
  json[2 * USHER_ROWS_DEPTH_MAX] = '\0';
  ck_assert_int_eq (read_text (rows, json, &seen), USHER_DONE);
  memset (json, '[', USHER_ROWS_DEPTH_MAX + 1);
  memset (json + USHER_ROWS_DEPTH_MAX + 1, ']', USHER_ROWS_DEPTH_MAX + 1);
  json[2 * USHER_ROWS_DEPTH_MAX + 2] = '\0';
  ck_assert_int_eq (read_text (rows, json, &seen), USHER_E_LIMIT);
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_paths_that_cannot_be_read_are_misuse)
{
  static const char *const bad[] = { ".", "a.", ".a", "a..b", "a[", "a[-1]", "a[0", "a[ 0]", "a[0x1]", "a[]b",
                                     "a[0]b", "'a", "a]", "a'b'" };
  const char *path, *whole[] = { "" }, *through[] = { "Resources[].id" };
  struct usher_rows_spec spec = { sizeof spec, 0, "Resources[]", &path, 1, NULL, 0 };
  struct usher_rows *rows;
  size_t i;

  for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
    {
      path = bad[i];
      ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_MISUSE);
    }
  path = "id";
  spec.items = "Resources";
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_MISUSE);
  spec.items = "Resources[0].members[]";
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_MISUSE);
  path = "a[65536]";
  spec.items = "[]";
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_LIMIT);
  path = "a[0][0][0][0][0]";
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_LIMIT);
  path = "id";
  spec.items = "Resources[]";
  spec.page = whole;
  spec.n_page = 1;
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_MISUSE);
  spec.page = through;
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_MISUSE);
  spec.items = "";
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_MISUSE);
  spec.n_page = USHER_ROWS_FIELDS_MAX + 1;
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_E_LIMIT);
}
END_TEST

/* Text of all values, each with its field. */
static int32_t
on_any (void *arg, const struct usher_item *item)
{
  size_t n, i;
  const struct usher_value *v = usher_item_values (item, &n);
  char *text = arg;

  for (i = 0; i < n; i++)
    sprintf (text + strlen (text), "%u=%s;", v[i].field, v[i].text);
  return 0;
}

START_TEST (test_an_index_takes_one_element_of_its_array)
{
  static const char *const some[] = { "e[0].v", "e[1].v", "e[].v", "m[][1]", "m[1][]", "m[1][0]", "[0]",
                                      "e[9].v", "m[1]" };
  static const char *const page[] = { "p[1].n", "p[].n", "p[0]" };
  const struct usher_rows_spec spec = { sizeof spec, 0, "list[]", some, 9, page, 3 };
  static const char json[] = "{\"p\":[{\"n\":1},{\"n\":2}],\"list\":[{\"e\":[{\"v\":\"a\"},{\"v\":\"b\"}],"
    "\"m\":[[1,2],[3,4]]},{\"m\":[5,[6]]},[7,[8]],{\"e\":{\"v\":9}}]}";
  struct usher_rows *rows;
  char text[256];
  uint32_t chunk;

  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_DONE);
  for (chunk = 1; chunk < sizeof json; chunk++)
    {
      text[0] = '\0';
      rows->chunk = chunk;
      ck_assert_int_eq (usher_rows_each_in (rows, json, sizeof json - 1, on_any, text), USHER_DONE);
      ck_assert_str_eq (text, "2=a;0=a;2=b;1=b;3=2;5=3;4=3;4=4;3=4;8=[3,4];5=6;4=6;8=[6];6=7;");
      ck_assert_str_eq (usher_rows_page (rows, 0)->text, "2");
      ck_assert_str_eq (usher_rows_page (rows, 1)->text, "1");
      ck_assert_str_eq (usher_rows_page (rows, 2)->text, "{\"n\":1}");
    }
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_the_whole_answer_is_the_one_item)
{
  static const char *const some[] = { "id", "list[1]", "" };
  const struct usher_rows_spec spec = { sizeof spec, USHER_ROWS_STRICT, "", some, 3, NULL, 0 };
  static const char json[] = " {\"id\":\"a\",\"list\":[1,2]} ";
  struct usher_rows *rows;
  char text[256];
  uint32_t chunk;

  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_DONE);
  for (chunk = 1; chunk < sizeof json; chunk++)
    {
      text[0] = '\0';
      rows->chunk = chunk;
      ck_assert_int_eq (usher_rows_each_in (rows, json, sizeof json - 1, on_any, text), USHER_DONE);
      ck_assert_str_eq (text, "0=a;1=2;2={\"id\":\"a\",\"list\":[1,2]};");
      ck_assert_uint_eq (usher_rows_count (rows), 1);
      text[0] = '\0';
      ck_assert_int_eq (usher_rows_each_in (rows, "[5,6]", 5, on_any, text), USHER_DONE);
      ck_assert_str_eq (text, "2=[5,6];");
    }
  ck_assert_int_eq (usher_rows_each_in (rows, "{} {}", 5, NULL, NULL), USHER_E_SHAPE);
  ck_assert_int_eq (usher_rows_each_in (rows, "5", 1, NULL, NULL), USHER_E_SHAPE);
  ck_assert_int_eq (usher_rows_each_in (rows, "", 0, NULL, NULL), USHER_E_SHAPE);
  usher_rows_free (rows);
}
END_TEST

static int32_t
on_twice (void *arg, const struct usher_item *item)
{
  strcat (arg, usher_item_text (item, 0));
  strcat (arg, usher_item_text (item, 1));
  strcat (arg, usher_item_text (item, 2));
  return 0;
}

START_TEST (test_paths_with_the_same_end_all_get_the_value)
{
  static const char *const same[] = { "a", "'a'", "'it''s'" };
  const struct usher_rows_spec spec = { sizeof spec, 0, "[]", same, 3, NULL, 0 };
  struct usher_rows *rows;
  char text[32] = "";

  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_DONE);
  ck_assert_int_eq (usher_rows_each_in (rows, "[{\"a\":\"x\",\"it's\":\"y\"}]", 22, on_twice, text),
                    USHER_DONE);
  ck_assert_str_eq (text, "xxy");
  usher_rows_free (rows);
}
END_TEST

START_TEST (test_whole_numbers_are_read_within_their_range)
{
  static const struct { uint32_t type; const char *text; int64_t want; int32_t r; } cases[] = {
    { USHER_V_NUMBER, "0", 0, 0 }, { USHER_V_STRING, "42", 42, 0 },
    { USHER_V_NUMBER, "9223372036854775807", INT64_MAX, 0 },
    { USHER_V_NUMBER, "-9223372036854775808", INT64_MIN, 0 },
    { USHER_V_NUMBER, "9223372036854775808", 0, USHER_E_SHAPE },
    { USHER_V_NUMBER, "1.0", 0, USHER_E_SHAPE }, { USHER_V_NUMBER, "1e3", 0, USHER_E_SHAPE },
    { USHER_V_STRING, "", 0, USHER_E_SHAPE }, { USHER_V_STRING, "-", 0, USHER_E_SHAPE },
    { USHER_V_TRUE, "true", 0, USHER_E_SHAPE },
  };
  int64_t n;
  size_t i;

  for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      const struct usher_value v = { 0, cases[i].type, 0, 0, cases[i].text, strlen (cases[i].text) };

      ck_assert_int_eq (usher_value_int (&v, INT64_MIN, INT64_MAX, &n), cases[i].r);
      if (cases[i].r == 0)
        ck_assert_int_eq (n, cases[i].want);
    }
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_page_values_stand_before_or_behind_the_items);
  tcase_add_test (t, test_values_of_one_element_are_joined_by_its_index);
  tcase_add_test (t, test_names_differ_by_case_unless_said);
  tcase_add_test (t, test_bare_array_and_array_inside_an_array);
  tcase_add_test (t, test_items_that_are_no_objects_are_values_themselves);
  tcase_add_test (t, test_missing_items_are_told_and_refused_when_strict);
  tcase_add_test (t, test_another_shape_is_told_in_a_sentence);
  tcase_add_test (t, test_every_truncation_is_refused);
  tcase_add_test (t, test_what_no_text_can_hold_is_replaced_at_every_cut);
  tcase_add_test (t, test_functions_negative_answer_stops);
  tcase_add_test (t, test_program_in_use_is_misuse);
  tcase_add_test (t, test_item_over_its_maximum_is_refused_and_all_else_may_be_long);
  tcase_add_test (t, test_depth_over_its_maximum_is_refused);
  tcase_add_test (t, test_paths_that_cannot_be_read_are_misuse);
  tcase_add_test (t, test_an_index_takes_one_element_of_its_array);
  tcase_add_test (t, test_the_whole_answer_is_the_one_item);
  tcase_add_test (t, test_paths_with_the_same_end_all_get_the_value);
  tcase_add_test (t, test_whole_numbers_are_read_within_their_range);
}

UNIT_MAIN ("rows", fill)
