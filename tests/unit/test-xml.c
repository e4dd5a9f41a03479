/* xml: whole documents, rows out of a stream, and what must never be let in. */
#include <config.h>

#include "unit.h"

#include <usher/fakehost.h>
#include <usher/xml.h>

#include <stdio.h>
#include <string.h>

#define URL "https://app.example.com/members"

static const char list[] =
  "<?xml version=\"1.0\"?><m:members xmlns:m=\"urn:m\"><total>2</total>"
  "<m:member m:id=\"1&amp;2\" kind=\"x\"><name>Ada <b>L</b></name><mail>a@example.com</mail>"
  "<mail type=\"w\">b@example.com</mail><in><name>no</name></in></m:member>"
  "<other><m:member m:id=\"9\"/></other>"
  "<m:member m:id=\"3\"><name><![CDATA[<x>]]>&amp;&#233;</name></m:member></m:members>";

static const char *const fields[] = { "@x:id", "name", "mail", "mail/@type", "@kind", "in/name" };
static const struct usher_kv prefixes[] = { { "x", "urn:m" } };
static const char *const page[] = { "/x:members/total", "/x:members/@none", "/*/other/x:member/@x:id" };

/* The page stands in "[...]" behind the rows. */
static int32_t
on_page (void *arg, const struct usher_item *item)
{
  const struct usher_value *v;
  uint32_t f;

  strcat (arg, "[");
  for (f = 0; f < 3; f++)
    for (v = usher_item_get (item, f); v; v = usher_item_next (item, v))
      snprintf ((char *) arg + strlen (arg), 64, "%u.%u=%s;", f, v->index, v->text);
  strcat (arg, "]");
  return 0;
}

static const struct usher_xml_spec spec = {
  .size = sizeof spec, .row = "/x:members/x:member", .fields = fields, .n_fields = 6,
  .prefixes = prefixes, .n_prefixes = 1, .page = page, .n_page = 3, .page_fn = on_page };

static int32_t
on_row (void *arg, const struct usher_item *item)
{
  const struct usher_value *v;
  uint32_t f;

  for (f = 0; f < 6; f++)
    for (v = usher_item_get (item, f); v; v = usher_item_next (item, v))
      {
        ck_assert_uint_eq (v->len, strlen (v->text));
        snprintf ((char *) arg + strlen (arg), 64, "%u.%u=%s;", f, v->index, v->text);
      }
  strcat (arg, "/");
  return 0;
}

/* Reads BODY as rows, BYTES at a time. */
static int32_t
read_rows (const char *body, size_t bytes, char *text, uint64_t *ret_rows, char *ret_fault)
{
  struct usher_fake *fake = usher_fake_new ();
  const struct usher_request req = { .size = sizeof req, .url = URL };
  uint32_t h = 0;
  int32_t r;

  text[0] = ret_fault[0] = '\0';
  usher_fake_answer (fake, "GET", URL, 200, "application/xml", body);
  usher_fake_chunk (fake, bytes);
  ck_assert_int_eq (usher_http_open (usher_fake_ctx (fake), &req, &h), USHER_DONE);
  r = usher_xml_each (&spec, usher_fake_ctx (fake), h, on_row, text, ret_rows);
  if (usher_fake_last (fake, USHER_FAKE_FAULT))
    snprintf (ret_fault, 128, "%s", usher_fake_last (fake, USHER_FAKE_FAULT)->text);
  usher_fake_free (fake);
  return r;
}

START_TEST (test_rows_are_the_same_at_every_split)
{
  char text[1024], fault[128];
  uint64_t rows;
  size_t n;

  for (n = 1; n < sizeof list; n++)
    {
      ck_assert_int_eq (read_rows (list, n, text, &rows, fault), USHER_DONE);
      ck_assert_uint_eq (rows, 2);
      ck_assert_str_eq (text, "0.0=1&2;1.0=Ada L;2.0=a@example.com;2.1=b@example.com;3.0=w;4.0=x;5.0=no;/"
                        "0.0=3;1.0=<x>&\xc3\xa9;/[0.0=2;2.0=9;]");
    }
}
END_TEST

START_TEST (test_xml_in_memory_says_whether_its_list_was_there)
{
  static const struct { const char *body; uint32_t present; uint64_t rows; int32_t r; } cases[] = {
    { list, 1, 2, USHER_DONE },
    { "<members xmlns=\"urn:m\"/>", 1, 0, USHER_DONE },
    { "<error><x:member xmlns:x=\"urn:m\"/></error>", 0, 0, USHER_DONE },
    { "<members xmlns=\"urn:m\">", 1, 0, USHER_E_SHAPE },
    { "", 0, 0, USHER_E_SHAPE },
  };
  struct usher_xml_end end = { .size = sizeof end };
  char text[1024];
  size_t i;

  for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      text[0] = '\0';
      ck_assert_int_eq (usher_xml_read (&spec, NULL, 0, cases[i].body, strlen (cases[i].body), on_row, text,
                                        &end), cases[i].r);
      ck_assert_uint_eq (end.present, cases[i].present);
      ck_assert_uint_eq (end.rows, cases[i].rows);
      ck_assert (!end.why == !cases[i].r);
    }
}
END_TEST

START_TEST (test_a_specification_of_before_page_values_is_read)
{
  struct usher_xml_end end = { .size = sizeof end };
  struct usher_xml_spec old = spec;
  char text[1024] = "";

  old.size = offsetof (struct usher_xml_spec, page);
  ck_assert_int_eq (usher_xml_read (&old, NULL, 0, list, sizeof list - 1, on_row, text, &end), USHER_DONE);
  ck_assert_uint_eq (end.rows, 2);
  ck_assert_ptr_null (strchr (text, '['));
}
END_TEST

static int32_t
skip (void *arg, const struct usher_item *item)
{
  (void) arg;
  (void) item;
  return 0;
}

/* What the page path is to a list whose rows are at ROW. */
static int32_t
read_beside (const char *row, const char *page_path)
{
  struct usher_xml_end end = { .size = sizeof end };
  struct usher_xml_spec one = spec;

  one.row = row;
  one.page = &page_path;
  one.n_page = 1;
  one.page_fn = skip;
  return usher_xml_read (&one, NULL, 0, list, sizeof list - 1, skip, NULL, &end);
}

START_TEST (test_page_paths_meet_rows_by_name_and_namespace)
{
  static const struct { const char *row, *page; int32_t status; } cases[] = {
    { "/*/x:member", "/x:members/x:member", USHER_E_MISUSE },
    { "/*/x:member", "/x:members/x:member/name", USHER_E_MISUSE },
    { "/x:members/x:member", "/*/x:member", USHER_E_MISUSE },
    { "/x:members/x:member", "/x:members/*", USHER_E_MISUSE },
    { "/x:members/x:member", "/x:members/*/name", USHER_E_MISUSE },
    { "/x:members/*", "/x:members/total", USHER_E_MISUSE },
    { "/x:members/*", "/*/*", USHER_E_MISUSE },
    { "/x:members/x:member", "/x:members/member", USHER_DONE },
    { "/*/x:member", "/x:members/total", USHER_DONE },
    { "/*/x:member", "/*/@x:id", USHER_DONE },
    { "/x:members/*", "/*/@x:id", USHER_DONE },
  };
  size_t i;

  for (i = 0; i < sizeof cases / sizeof cases[0]; i++)
    ck_assert_msg (read_beside (cases[i].row, cases[i].page) == cases[i].status, "%s beside %s", cases[i].page,
                   cases[i].row);
}
END_TEST

START_TEST (test_page_paths_through_the_rows_are_misuse)
{
  static const char *const bad[] = { "total", "/", "/x:members/x:member", "/x:members/x:member/name", "/y:a" };
  struct usher_xml_end end = { .size = sizeof end };
  struct usher_xml_spec one = spec;
  size_t i;

  one.n_page = 1;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
    {
      one.page = &bad[i];
      ck_assert_int_eq (usher_xml_read (&one, NULL, 0, list, sizeof list - 1, on_row, NULL, &end),
                        USHER_E_MISUSE);
    }
}
END_TEST

START_TEST (test_an_attribute_over_the_limit_ends_before_the_next_is_looked_at)
{
  static const char head[] = "<m:members xmlns:m=\"urn:m\"><m:member m:id=\"", tail[] = "\" kind=\"x\"/></m:members>";
  size_t len = (1u << 20) + 1;
  char *body = malloc (sizeof head + len + sizeof tail), text[1024], fault[128];
  uint64_t rows;

  memcpy (body, head, sizeof head - 1);
  memset (body + sizeof head - 1, 'a', len);
  memcpy (body + sizeof head - 1 + len, tail, sizeof tail);
  ck_assert_int_eq (read_rows (body, 0, text, &rows, fault), USHER_E_LIMIT);
  ck_assert_str_ne (fault, "");
  free (body);
}
END_TEST

START_TEST (test_every_truncation_is_refused)
{
  char body[sizeof list], text[1024], fault[128];
  uint64_t rows;
  size_t n;

  for (n = 0; n < sizeof list - 1; n++)
    {
      memcpy (body, list, n);
      body[n] = '\0';
      ck_assert_int_eq (read_rows (body, 0, text, &rows, fault), USHER_E_SHAPE);
      ck_assert_str_ne (fault, "");
    }
}
END_TEST

static const char laughs[] =
  "<!DOCTYPE m [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;\">"
  "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]><m>&d;&d;&d;&d;</m>";
static const char outside[] =
  "<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><m>&x;</m>";
static const char external[] = "<!DOCTYPE m SYSTEM \"http://127.0.0.1:9/x.dtd\"><m/>";

START_TEST (test_no_document_type_is_let_in)
{
  static const char *const bad[] = { laughs, outside, external };
  char text[1024], fault[128];
  struct usher_xml *xml;
  uint64_t rows;
  size_t i;

  for (i = 0; i < 3; i++)
    {
      ck_assert_int_eq (read_rows (bad[i], 0, text, &rows, fault), USHER_E_SHAPE);
      ck_assert_str_eq (fault, "the answer has a document type declaration");
      ck_assert_int_eq (usher_xml_new (bad[i], strlen (bad[i]), NULL, 0, &xml), USHER_E_SHAPE);
    }
  ck_assert_int_eq (usher_xml_new ("<m>&nbsp;</m>", 13, NULL, 0, &xml), USHER_E_SHAPE);
}
END_TEST

START_TEST (test_nothing_stands_behind_the_end)
{
  static const struct { const char *text; size_t len; } bad[] = {
    { "<m/>x", 5 }, { "<m/>\0", 5 }, { "<m/>\0<n/>", 9 }, { "\377\376<\0m\0/\0>\0\0\0", 12 },
  };
  struct usher_xml *xml;
  size_t i;

  for (i = 0; i < 4; i++)
    ck_assert_int_eq (usher_xml_new (bad[i].text, bad[i].len, NULL, 0, &xml), USHER_E_SHAPE);
}
END_TEST

START_TEST (test_row_and_depth_over_their_maxima_are_refused)
{
  char *body = malloc (2 * USHER_XML_ROW_MAX), text[1024], fault[128];
  uint64_t rows;
  size_t at;
  unsigned i;

  ck_assert_ptr_nonnull (body);
  at = (size_t) snprintf (body, 64, "<m:members xmlns:m=\"urn:m\"><m:member><name>");
  memset (body + at, 'x', USHER_XML_ROW_MAX + 10);
  memcpy (body + at + USHER_XML_ROW_MAX + 10, "</name></m:member></m:members>", 31);
  ck_assert_int_eq (read_rows (body, 0, text, &rows, fault), USHER_E_LIMIT);
  for (at = i = 0; i < 65; i++)
    at += (size_t) snprintf (body + at, 4, "<a>");
  ck_assert_int_eq (read_rows (body, 0, text, &rows, fault), USHER_E_LIMIT);
  free (body);
}
END_TEST

START_TEST (test_document_is_asked_by_xpath_with_declared_prefixes)
{
  struct usher_xml *xml;
  size_t n = 0;

  ck_assert_int_eq (usher_xml_new (list, sizeof list - 1, prefixes, 1, &xml), USHER_DONE);
  ck_assert_str_eq (usher_xml_text (xml, USHER_XML_ROOT, "/x:members/total"), "2");
  ck_assert_int_eq (usher_xml_select (xml, "/x:members/x:member", &n), USHER_DONE);
  ck_assert_uint_eq (n, 2);
  ck_assert_str_eq (usher_xml_text (xml, 0, "@x:id"), "1&2");
  ck_assert_str_eq (usher_xml_text (xml, 0, "mail[@type='w']"), "b@example.com");
  ck_assert_str_eq (usher_xml_text (xml, 0, "count(mail)"), "2");
  ck_assert_ptr_null (usher_xml_text (xml, 1, "mail"));
  ck_assert_ptr_null (usher_xml_text (xml, 2, "mail"));
  ck_assert_ptr_null (usher_xml_text (xml, 0, "mail["));
  ck_assert_int_eq (usher_xml_select (xml, "y:no", &n), USHER_E_MISUSE);
  ck_assert_int_eq (usher_xml_select (xml, "1 + 1", &n), USHER_E_MISUSE);
  usher_xml_free (xml);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_rows_are_the_same_at_every_split);
  tcase_add_test (t, test_an_attribute_over_the_limit_ends_before_the_next_is_looked_at);
  tcase_add_test (t, test_xml_in_memory_says_whether_its_list_was_there);
  tcase_add_test (t, test_a_specification_of_before_page_values_is_read);
  tcase_add_test (t, test_page_paths_through_the_rows_are_misuse);
  tcase_add_test (t, test_page_paths_meet_rows_by_name_and_namespace);
  tcase_add_test (t, test_every_truncation_is_refused);
  tcase_add_test (t, test_no_document_type_is_let_in);
  tcase_add_test (t, test_nothing_stands_behind_the_end);
  tcase_add_test (t, test_row_and_depth_over_their_maxima_are_refused);
  tcase_add_test (t, test_document_is_asked_by_xpath_with_declared_prefixes);
}

UNIT_MAIN ("xml", fill)
