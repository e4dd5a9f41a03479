/* Values of descriptors: every form, what is refused, and that jq reaches nothing but its item. */
#include <config.h>

#include "unit.h"

#include "plugins/seat/rest/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <usher/fakehost.h>

#define URL "https://app.example.com/members"
#define VALUES_MAX 16
#define TEXT_MAX 8192

/* libjq 1.6 loses the tokens of a program that it cannot parse.  Its functions keep no frame pointer,
   so that no more than the innermost of them is known. */
const char *__lsan_default_suppressions (void);
const char *
__lsan_default_suppressions (void)
{
  return "leak:jv_mem_alloc\n";
}

/* A reader made of JSON, with a fake host beside it. */
struct rig
{
  struct usher_fake *fake;
  struct rest_jq *jq;
  struct rest_reader *reader;
  json_t *json;              /* VALUEs of an item, then those of the page */
  bool nested, xml;
  const char *through;
  const char *items;
  char text[TEXT_MAX];       /* what came: texts with "|" between them, ";" behind a value */
  int32_t answer;            /* of each item */
};

static void __attribute__ ((format (printf, 2, 3)))
add (char *text, const char *fmt, ...)
{
  size_t len = strlen (text);
  va_list ap;

  va_start (ap, fmt);
  (void) vsnprintf (text + len, TEXT_MAX - len, fmt, ap);
  va_end (ap);
}

static void
add_texts (char *text, const struct rest_texts *t)
{
  for (size_t i = 0; i < t->n; i++)
    add (text, i ? "|%s" : "%s", t->v[i]);
  add (text, t->n ? ";" : "-;");
}

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  struct rig *rig = arg;

  for (size_t i = 0; i < json_array_size (json_array_get (rig->json, 0)); i++)
    add_texts (rig->text, &values[i]);
  add (rig->text, " ");
  return rig->answer;
}

/* JSON is [[VALUE of an item, ...], [VALUE of the page, ...]]. */
static int32_t
make (struct rig *rig, const char *json)
{
  static const char *const places[VALUES_MAX] = { "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8",
                                                  "v9", "v10", "v11", "v12", "v13", "v14", "v15" };
  static const char *const pages[VALUES_MAX] = { "p0", "p1", "p2", "p3" };
  static const struct usher_kv namespaces[] = { { "t", "urn:t" } };
  json_t *values[VALUES_MAX], *page[VALUES_MAX];
  struct rest_reader_spec spec = {
    .jq = NULL, .nested = rig->nested, .xml = rig->xml, .items = rig->items, .items_place = "at",
    .through = rig->through, .through_place = "member.jq", .values = values, .places = places,
    .page = page, .page_places = pages, .namespaces = namespaces, .n_namespaces = 1 };
  int32_t r;

  rig->fake = usher_fake_new ();
  rig->json = json_loads (json, 0, NULL);
  ck_assert_ptr_nonnull (rig->json);
  for (; spec.n_values < json_array_size (json_array_get (rig->json, 0)); spec.n_values++)
    values[spec.n_values] = json_array_get (json_array_get (rig->json, 0), spec.n_values);
  for (; spec.n_page < json_array_size (json_array_get (rig->json, 1)); spec.n_page++)
    page[spec.n_page] = json_array_get (json_array_get (rig->json, 1), spec.n_page);
  ck_assert_int_eq (rest_jq_new (&rig->jq), USHER_DONE);
  spec.jq = rig->jq;
  r = rest_reader_new (usher_fake_ctx (rig->fake), &spec, &rig->reader);
  return r < 0 ? r : rest_jq_compile (rig->jq, usher_fake_ctx (rig->fake));
}

static void
done (struct rig *rig)
{
  rest_reader_free (rig->reader);
  rest_jq_free (rig->jq);
  json_decref (rig->json);
  usher_fake_free (rig->fake);
}

/* Reads BODY through a request, BYTES at a time, with the page's values at the end. */
static int32_t
read_body (struct rig *rig, const char *body, size_t bytes)
{
  const struct usher_request req = { .size = sizeof req, .url = URL };
  uint32_t h = 0;
  int32_t r;

  rig->text[0] = '\0';
  usher_fake_answer (rig->fake, "GET", URL, 200, "application/json", body);
  usher_fake_chunk (rig->fake, bytes);
  ck_assert_int_eq (usher_http_open (usher_fake_ctx (rig->fake), &req, &h), USHER_DONE);
  r = rest_reader_each (rig->reader, usher_fake_ctx (rig->fake), h, on_item, rig);
  usher_http_close (usher_fake_ctx (rig->fake), h);
  for (size_t i = 0; r >= 0 && i < json_array_size (json_array_get (rig->json, 1)); i++)
    add_texts (rig->text, rest_reader_page (rig->reader, i));
  return r;
}

/* What a reader of VALUES makes of BODY, from memory. */
static int32_t
read_once (const char *items, const char *values, const char *body, char *text)
{
  struct rig rig = { .items = items };
  int32_t r = make (&rig, values);

  if (r >= 0)
    r = rest_reader_each_in (rig.reader, NULL, body, strlen (body), on_item, &rig);
  (void) snprintf (text, TEXT_MAX, "%s%s", rig.text, r < 0 && rig.reader ? rest_reader_error (rig.reader) : "");
  done (&rig);
  return r;
}

static const struct usher_fake_event *
fault (const struct rig *rig, size_t n)
{
  for (size_t i = 0; i < usher_fake_events (rig->fake); i++)
    if (usher_fake_event (rig->fake, i)->kind == USHER_FAKE_FAULT && n-- == 0)
      return usher_fake_event (rig->fake, i);
  return NULL;
}

START_TEST (test_every_form_of_a_value)
{
  static const char body[] =
    "{\"members\":[{\"id\":12345678901234567890,\"user\":{\"mail\":\" Ada@Example.COM \",\"url\":"
    "\"https://app.example.com/users/a%20b/?x=1\"},\"urn\":\"urn:li:person:x9\",\"guest\":false,\"nick\":\"\","
    "\"name\":\"Ada\",\"emails\":[{\"value\":\"a\"},{\"value\":\"b\"}],\"none\":null,\"role\":40,"
    "\"roles\":[\"x\",\"y\",\"z\"],\"zero\":\"a\\u0000b\",\"frac\":1.50}]}";
  static const struct { const char *value, *want; } cases[] = {
    { "\"id\"", "12345678901234567890" }, { "\"guest\"", "false" }, { "\"none\"", "-" },
    { "\"missing\"", "-" }, { "\"emails[].value\"", "a|b" }, { "\"emails[1].value\"", "b" },
    { "\"roles[]\"", "x|y|z" }, { "\"frac\"", "1.50" }, { "\"zero\"", "a\xef\xbf\xbd" "b" },
    { "{\"at\":\"name\"}", "Ada" }, { "{\"const\":\"member\"}", "member" }, { "{\"const\":\"\"}", "" },
    { "{\"at\":\"user.mail\",\"then\":[\"trim\",\"lower\"]}", "ada@example.com" },
    { "{\"at\":\"user.mail\",\"then\":\"lower\"}", " ada@example.com " },
    { "{\"at\":\"user.url\",\"then\":\"last-segment\"}", "a%20b" },
    { "{\"at\":\"urn\",\"then\":\"last-segment\"}", "x9" },
    { "{\"at\":\"name\",\"then\":\"last-segment\"}", "Ada" },
    { "{\"at\":\"role\",\"map\":{\"40\":\"maintainer\",\"30\":\"developer\"}}", "maintainer" },
    { "{\"at\":\"roles[]\",\"map\":{\"x\":\"one\",\"y\":null}}", "one|z" },
    { "{\"at\":\"roles[]\",\"map\":{\"x\":\"one\",\"*\":\"other\"}}", "one|other|other" },
    { "{\"at\":\"roles[]\",\"map\":{\"x\":\"one\",\"*\":null}}", "one" },
    { "{\"at\":\"guest\",\"map\":{\"true\":\"guest\",\"false\":null}}", "-" },
    { "{\"first\":[\"missing\",\"none\",\"nick\",\"name\",\"id\"]}", "Ada" },
    { "{\"first\":[\"missing\",\"nick\"]}", "-" },
    { "{\"first\":[{\"at\":\"guest\",\"map\":{\"true\":\"guest\",\"false\":null}},{\"const\":\"member\"}]}",
      "member" },
    { "{\"first\":[\"none\",{\"first\":[\"missing\",\"name\"],\"then\":\"lower\"}],\"map\":{\"ada\":\"Lovelace\"}}",
      "Lovelace" },
    { "{\"jq\":\".name\"}", "Ada" }, { "{\"jq\":\".none, .missing\"}", "-" }, { "{\"jq\":\"empty\"}", "-" },
    { "{\"jq\":\".roles\"}", "x|y|z" }, { "{\"jq\":\".roles[1:][]\"}", "y|z" },
    { "{\"jq\":\".emails | map(.value)\"}", "a|b" }, { "{\"jq\":\".guest | not\"}", "true" },
    { "{\"jq\":\".role + 2\"}", "42" }, { "{\"jq\":\".frac * 3\"}", "4.5" },
    { "{\"jq\":\"9007199254740992\"}", "9007199254740992" },
    { "{\"jq\":\".zero\"}", "a\xef\xbf\xbd" "b" }, { "{\"jq\":\"[.name, null, 1, true]\"}", "Ada|1|true" },
    { "{\"jq\":\"def f: .name; f # a comment )\"}", "Ada" },
    { "{\"jq\":\".name # and \\\\\"}", "Ada" },
    { "{\"jq\":\"if .role == 40 then \\\"m\\\" else \\\"n\\\" end\",\"map\":{\"m\":\"M\"}}", "M" },
    { "{\"jq\":\".name | test(\\\"^A\\\")\"}", "true" },
  };
  char values[512], text[TEXT_MAX], want[256];

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      snprintf (values, sizeof values, "[[\"id\",%s,\"name\"]]", cases[i].value);
      snprintf (want, sizeof want, "12345678901234567890;%s;Ada; ", cases[i].want);
      ck_assert_msg (read_once ("members[]", values, body, text) == USHER_DONE, "%s: %s", values, text);
      ck_assert_str_eq (text, want);
    }
}
END_TEST

START_TEST (test_integers_that_jq_would_round_reach_it_as_texts)
{
  static const char body[] =
    "[{\"id\":9007199254740993,\"n\":-12345678901234567890,\"s\":\"x 12345678901234567890\",\"ok\":9007199254740992,"
    "\"f\":0.12345678901234567890,\"e\":1234567890123456789e2,\"list\":[1,12345678901234567]}]";
  char text[TEXT_MAX];

  ck_assert_int_eq (read_once ("[]", "[[{\"jq\":\".id\"},{\"jq\":\".n\"},{\"jq\":\".s\"},{\"jq\":\".ok\"},"
                               "{\"jq\":\".f\"},{\"jq\":\".e\"},{\"jq\":\".list\"},{\"jq\":\".id | type\"},"
                               "{\"jq\":\".ok | type\"}]]", body, text), USHER_DONE);
  ck_assert_str_eq (text, "9007199254740993;-12345678901234567890;x 12345678901234567890;9007199254740992;"
                    "0.12345678901234568;123456789012345680000;1|12345678901234567;string;number; ");
}
END_TEST

START_TEST (test_an_array_or_object_is_refused_unless_wanted)
{
  struct rig rig = { .items = "m[]", .nested = true };
  static const char body[] = "{\"m\":[{\"a\":[1, 2],\"o\":{\"x\":null}}]}";
  char text[TEXT_MAX];

  ck_assert_int_eq (read_once ("m[]", "[[\"a\"]]", body, text), USHER_E_SHAPE);
  ck_assert_str_eq (text, "v0 leads to an array or an object where a text was expected");
  ck_assert_int_eq (read_once ("m[]", "[[\"b\",\"o\"]]", body, text), USHER_E_SHAPE);
  ck_assert_str_eq (text, "v1 leads to an array or an object where a text was expected");
  ck_assert_int_eq (read_once ("m[]", "[[{\"jq\":\".o\"}]]", body, text), USHER_E_SHAPE);
  ck_assert_str_eq (text, "v0.jq gives an array or an object where a text was expected");
  ck_assert_int_eq (make (&rig, "[[\"a\",\"o\"]]"), USHER_DONE);
  ck_assert_int_eq (rest_reader_each_in (rig.reader, NULL, body, sizeof body - 1, on_item, &rig), USHER_DONE);
  ck_assert_str_eq (rig.text, "[1, 2];{\"x\":null}; ");
  done (&rig);
}
END_TEST

START_TEST (test_a_page_has_values_of_paths_jq_and_headers)
{
  struct rig rig = { .items = "list[]" };
  static const char body[] = "{\"total\":2,\"list\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"next\":{\"cursor\":\"c\\u0031\"}}";

  ck_assert_int_eq (make (&rig, "[[\"id\"],[\"total\",{\"first\":[\"none\",\"next.cursor\"]},{\"header\":\"X-Total\"}]]"),
                    USHER_DONE);
  for (size_t bytes = 1; bytes < sizeof body; bytes++)
    {
      ck_assert_int_eq (read_body (&rig, body, bytes), USHER_DONE);
      ck_assert_str_eq (rig.text, "a; b; 2;c1;-;");
      ck_assert_uint_eq (rest_reader_count (rig.reader), 2);
      ck_assert (rest_reader_present (rig.reader));
    }
  ck_assert_int_eq (read_body (&rig, "{\"other\":[]}", 0), USHER_DONE);
  ck_assert_str_eq (rig.text, "-;-;-;");
  ck_assert (!rest_reader_present (rig.reader));
  done (&rig);
  rig = (struct rig) { .items = "list[]" };
  ck_assert_int_eq (make (&rig, "[[\"id\"],[{\"jq\":\".total > (.list | length)\"},\"total\"]]"), USHER_DONE);
  ck_assert_int_eq (read_body (&rig, body, 3), USHER_DONE);
  ck_assert_str_eq (rig.text, "a; b; false;2;");
  done (&rig);
}
END_TEST

START_TEST (test_headers_of_the_answer_are_page_values)
{
  const struct usher_kv headers[] = { { "x-total", "7" }, { "link", "<a>" }, { "link", "<b>" } };
  const struct usher_response head = { .size = sizeof head, .status = 200, .headers = headers, .n_headers = 3 };
  struct rig rig = { .items = "[]" };

  ck_assert_int_eq (make (&rig, "[[],[{\"header\":\"X-Total\"},{\"header\":\"link\"},{\"header\":\"Age\"}]]"),
                    USHER_DONE);
  ck_assert_int_eq (rest_reader_each_in (rig.reader, &head, "[]", 2, on_item, &rig), USHER_DONE);
  for (size_t i = 0; i < 3; i++)
    add_texts (rig.text, rest_reader_page (rig.reader, i));
  ck_assert_str_eq (rig.text, "7;<a>|<b>;-;");
  done (&rig);
}
END_TEST

START_TEST (test_the_answer_itself_is_the_item)
{
  char text[TEXT_MAX];

  ck_assert_int_eq (read_once (NULL, "[[\"user.id\",{\"jq\":\".user.id + 1\"}]]", "{\"user\":{\"id\":4}}", text),
                    USHER_DONE);
  ck_assert_str_eq (text, "4;5; ");
  ck_assert_int_eq (read_once (NULL, "[[\"user.id\"]]", "<html>", text), USHER_E_SHAPE);
  ck_assert_str_eq (text, "the answer is a page of HTML or XML, not JSON");
}
END_TEST

START_TEST (test_through_gives_objects_whose_members_the_values_are)
{
  struct rig rig = { .items = "[]", .through = ".who[] | select(.id > 1) | {id: (.id|tostring), roles: {role: .r}}" };
  static const char body[] = "[{\"who\":[{\"id\":1},{\"id\":2,\"r\":[\"a\",\"b\"]},{\"id\":3}]},{\"who\":[]}]";

  ck_assert_int_eq (make (&rig, "[[\"id\",\"roles.role\",{\"first\":[\"name\",{\"const\":\"?\"}]}]]"), USHER_DONE);
  ck_assert_int_eq (read_body (&rig, body, 0), USHER_DONE);
  ck_assert_str_eq (rig.text, "2;a|b;?; 3;-;?; ");
  ck_assert_uint_eq (rest_reader_count (rig.reader), 2);
  ck_assert_int_eq (read_body (&rig, "[{\"who\":7}]", 0), USHER_E_SHAPE);
  ck_assert_str_eq (fault (&rig, 0)->key, "member.jq");
  ck_assert_str_eq (fault (&rig, 0)->text, "member.jq fails on an item: Cannot iterate over number (7)");
  ck_assert_int_eq (read_body (&rig, "[{\"who\":[{\"id\":2,\"r\":{}}]}]", 0), USHER_E_SHAPE);
  ck_assert_str_eq (fault (&rig, 1)->text, "member.jq gives an array or an object where a text was expected");
  done (&rig);
  rig = (struct rig) { .items = "[]", .through = ".x" };
  ck_assert_int_eq (make (&rig, "[[\"id\",\"roles.role\"]]"), USHER_DONE);
  ck_assert_int_eq (read_body (&rig, "[{\"x\":{\"id\":true,\"roles\":null}}]", 0), USHER_DONE);
  ck_assert_str_eq (rig.text, "true;-; ");
  ck_assert_int_eq (read_body (&rig, "[{\"x\":[]}]", 0), USHER_E_SHAPE);
  ck_assert_str_eq (fault (&rig, 0)->text, "member.jq gives an array where an object was expected");
  ck_assert_int_eq (read_body (&rig, "[{\"x\":{\"roles\":\"a\"}}]", 0), USHER_E_SHAPE);
  ck_assert_str_eq (fault (&rig, 1)->text, "member.jq gives no object at \"roles.role\"");
  done (&rig);
  rig = (struct rig) { .items = "[]", .through = ".x" };
  ck_assert_int_eq (make (&rig, "[[\"a.b.c.d.e\",\"a[]\",\"\"]]"), USHER_E_CONFIG);
  ck_assert_str_eq (fault (&rig, 2)->key, "v2");
  done (&rig);
}
END_TEST

START_TEST (test_xml_has_the_same_values_by_its_own_paths)
{
  struct rig rig = { .items = "/t:users/t:user", .xml = true };
  static const char body[] =
    "<users xmlns=\"urn:t\" total_count=\"2\"><user id=\"1\"><mail>A@x</mail><mail>b@x</mail><admin>true</admin>"
    "</user><user id=\"2\"><admin>false</admin></user></users>";

  ck_assert_int_eq (make (&rig, "[[\"@id\",{\"at\":\"t:mail\",\"then\":\"lower\"},{\"at\":\"t:admin\",\"map\":"
                          "{\"true\":\"admin\",\"*\":null}},{\"const\":\"c\"}],[\"/t:users/@total_count\","
                          "{\"header\":\"none\"}]]"), USHER_DONE);
  for (size_t bytes = 1; bytes < sizeof body; bytes++)
    {
      ck_assert_int_eq (read_body (&rig, body, bytes), USHER_DONE);
      ck_assert_str_eq (rig.text, "1;a@x|b@x;admin;c; 2;-;-;c; 2;-;");
      ck_assert_uint_eq (rest_reader_count (rig.reader), 2);
      ck_assert (rest_reader_present (rig.reader));
    }
  ck_assert_int_eq (read_body (&rig, "<error/>", 0), USHER_DONE);
  ck_assert (!rest_reader_present (rig.reader));
  ck_assert_int_eq (read_body (&rig, "<users xmlns=\"urn:t\"><user>", 0), USHER_E_SHAPE);
  ck_assert_str_eq (fault (&rig, 0)->text, "the answer is not well-formed XML or ends in the middle");
  done (&rig);
  rig = (struct rig) { .xml = true };
  ck_assert_int_eq (make (&rig, "[[\"id\",\"a/b\"]]"), USHER_DONE);
  rig.text[0] = '\0';
  ck_assert_int_eq (rest_reader_each_in (rig.reader, NULL, "<user><id>7</id></user>", 23, on_item, &rig), USHER_DONE);
  ck_assert_str_eq (rig.text, "7;-; ");
  done (&rig);
}
END_TEST

START_TEST (test_what_cannot_be_right_in_xml_is_told)
{
  static const struct { const char *items, *json, *place, *text; } cases[] = {
    { "users/user", "[[\"id\"]]", "at", "The path \"users/user\" does not lead to elements: it begins with /" },
    { "/users/user", "[[\"id\",\"u:id\"]]", "v1", "The path \"u:id\" cannot be read" },
    { "/users/user", "[[\"id\"],[\"/users/user/id\"]]", "p0",
      "The path \"/users/user/id\" cannot be read, or leads through the items" },
    { "/users/user", "[[{\"jq\":\".id\"}]]", "v0.jq", "A jq expression is of JSON, and these answers are XML" },
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      struct rig rig = { .items = cases[i].items, .xml = true };

      ck_assert_int_eq (make (&rig, cases[i].json), USHER_E_CONFIG);
      ck_assert_str_eq (fault (&rig, 0)->text, cases[i].text);
      ck_assert_str_eq (fault (&rig, 0)->key, cases[i].place);
      ck_assert_ptr_null (fault (&rig, 1));
      done (&rig);
    }
}
END_TEST

START_TEST (test_what_cannot_be_right_is_told_with_its_place_and_all_of_it)
{
  static const struct { const char *value, *place, *text; } cases[] = {
    { "7", "v0", "A value is a path, or an object that says where it comes from" },
    { "{}", "v0", "A value comes from \"at\", \"jq\", \"const\", \"first\" or \"header\"" },
    { "{\"at\":1}", "v0.at", "A path is a text" },
    { "{\"jq\":1}", "v0.jq", "An expression is a text" },
    { "{\"const\":1}", "v0.const", "A constant is a text" },
    { "{\"first\":[]}", "v0.first", "\"first\" is a list of values" },
    { "{\"first\":[\"a\",3]}", "v0.first[1]", "A value is a path, or an object that says where it comes from" },
    { "{\"header\":\"x\"}", "v0.header", "An item has no header: headers are of the whole answer" },
    { "{\"at\":\"a\",\"jq\":\".b\"}", "v0.jq", "A value comes from one place, and this is the second" },
    { "{\"at\":\"a\",\"as\":\"b\"}", "v0.as", "A value has no \"as\": it has \"at\", \"jq\", \"const\", \"first\" "
      "or \"header\", and \"then\" and \"map\"" },
    { "{\"at\":\"a\",\"then\":\"upper\"}", "v0.then",
      "\"then\" is \"lower\", \"trim\" or \"last-segment\", or a list of them" },
    { "{\"at\":\"a\",\"then\":[\"lower\",5]}", "v0.then[1]",
      "\"then\" is \"lower\", \"trim\" or \"last-segment\", or a list of them" },
    { "{\"at\":\"a\",\"map\":{\"x\":1}}", "v0.map.x", "A word becomes a text, or null, which leaves it out" },
    { "{\"at\":\"a\",\"map\":{}}", "v0.map",
      "\"map\" is an object of words, each with the text in its place or null" },
    { "\"a..b\"", "v0", "The path \"a..b\" cannot be read" },
    { "\"a[x]\"", "v0", "The path \"a[x]\" cannot be read" },
    { "{\"jq\":\".a +\"}", "v0.jq", "The jq expression cannot be compiled: syntax error, unexpected ')'" },
    { "{\"jq\":\".a)\"}", "v0.jq", "The jq expression cannot be compiled: syntax error, unexpected INVALID_CHARACTER, expecting $end" },
    { "{\"jq\":\"foo(1)\"}", "v0.jq", "The jq expression cannot be compiled: foo/1 is not defined" },
    { "{\"jq\":\"$__prog_args\"}", "v0.jq", "The jq expression cannot be compiled: $__prog_args is not defined" },
    { "{\"jq\":\"\\\"open\"}", "v0.jq", "The jq expression cannot be compiled: syntax error, unexpected $end, "
      "expecting QQSTRING_TEXT or QQSTRING_INTERP_START or QQSTRING_END" },
  };
  char values[512];

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    {
      struct rig rig = { .items = "[]" };

      snprintf (values, sizeof values, "[[%s,{\"jq\":\".fine\"}]]", cases[i].value);
      ck_assert_msg (make (&rig, values) == USHER_E_CONFIG, "%s", values);
      ck_assert_ptr_nonnull (fault (&rig, 0));
      ck_assert_str_eq (fault (&rig, 0)->text, cases[i].text);
      ck_assert_str_eq (fault (&rig, 0)->key, cases[i].place);
      ck_assert_ptr_null (fault (&rig, 1));
      done (&rig);
    }
}
END_TEST

START_TEST (test_all_problems_of_a_reader_are_told)
{
  struct rig rig = { .items = "[]" };

  ck_assert_int_eq (make (&rig, "[[\"a\",{\"at\":1},{\"jq\":2}],[{\"header\":3}]]"), USHER_E_CONFIG);
  ck_assert_str_eq (fault (&rig, 0)->key, "v1.at");
  ck_assert_str_eq (fault (&rig, 1)->key, "v2.jq");
  ck_assert_str_eq (fault (&rig, 2)->key, "p0.header");
  done (&rig);
  rig = (struct rig) { .items = "[]" };
  ck_assert_int_eq (make (&rig, "[[{\"jq\":\".a |\"},{\"jq\":\".b\"},{\"jq\":\"bar\"}]]"), USHER_E_CONFIG);
  ck_assert_str_eq (fault (&rig, 0)->key, "v0.jq");
  ck_assert_str_eq (fault (&rig, 1)->key, "v2.jq");
  ck_assert_ptr_null (fault (&rig, 2));
  done (&rig);
  rig = (struct rig) { .items = "list" };
  ck_assert_int_eq (make (&rig, "[[\"a\"]]"), USHER_E_CONFIG);
  ck_assert_str_eq (fault (&rig, 0)->key, "at");
  ck_assert_str_eq (fault (&rig, 0)->text, "The path \"list\" does not lead to a list: it ends with []");
  done (&rig);
  rig = (struct rig) { .items = "list[]" };
  ck_assert_int_eq (make (&rig, "[[\"a\"],[\"b\",\"list[].id\"]]"), USHER_E_CONFIG);
  ck_assert_str_eq (fault (&rig, 0)->key, "p1");
  ck_assert_ptr_null (fault (&rig, 1));
  done (&rig);
}
END_TEST

START_TEST (test_an_expression_reaches_nothing_but_its_item)
{
  static const char *const words[] = {
    "input", "inputs", "debug", "stderr", "input_filename", "input_line_number", "halt", "halt_error",
    "halt_error(1)", "env", "env.HOME", "\"a\" | modulemeta", "get_search_list", "now", "localtime",
    "strflocaltime(\"%H\")", "[limit(1; inputs)]", "def f: env; f" };
  static const char *const syntax[] = { "import \"a\" as a; 1", "include \"a\"; 1", "import \"a\" as $a; 1",
                                        "module {}; 1" };
  char values[256], text[TEXT_MAX];

  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    {
      struct rig rig = { .items = "[]" };
      json_t *word = json_string (words[i]);
      char *dumped = json_dumps (word, JSON_ENCODE_ANY);

      snprintf (values, sizeof values, "[[{\"jq\":%s}]]", dumped);
      ck_assert_msg (make (&rig, values) == USHER_E_CONFIG, "%s", words[i]);
      ck_assert_msg (strstr (fault (&rig, 0)->text, "which is not for descriptors") != NULL, "%s: %s", words[i], fault (&rig, 0)->text);
      free (dumped);
      json_decref (word);
      done (&rig);
    }
  for (size_t i = 0; i < sizeof syntax / sizeof syntax[0]; i++)
    {
      struct rig rig = { .items = "[]" };
      json_t *word = json_pack ("[[{s:s}]]", "jq", syntax[i]);
      char *dumped = json_dumps (word, 0);

      ck_assert_msg (make (&rig, dumped) == USHER_E_CONFIG, "%s", syntax[i]);
      ck_assert_msg (strstr (fault (&rig, 0)->text, "syntax error") != NULL, "%s", fault (&rig, 0)->text);
      free (dumped);
      json_decref (word);
      done (&rig);
    }
  ck_assert_int_eq (setenv ("USHER_SEEN", "yes", 1), 0);
  ck_assert_int_eq (clearenv (), 0);   /* as the worker's is */
  ck_assert_int_eq (read_once ("[]", "[[{\"jq\":\"$ENV | length\"},{\"jq\":\"$__loc__.line > 0\"}]]", "[{}]", text),
                    USHER_DONE);
  ck_assert_str_eq (text, "0;true; ");
}
END_TEST

START_TEST (test_an_expression_that_fails_is_named_with_the_words_of_jq)
{
  struct rig rig = { .items = "[]" };

  ck_assert_int_eq (make (&rig, "[[\"id\",{\"jq\":\".a\"},{\"jq\":\".a, (.b | ascii_downcase)\"},{\"jq\":\".c\"}]]"),
                    USHER_DONE);
  ck_assert_int_eq (read_body (&rig, "[{\"a\":1,\"b\":\"X\"},{\"a\":2,\"b\":3}]", 0), USHER_E_SHAPE);
  ck_assert_str_eq (rig.text, "-;1;1|x;-; ");
  ck_assert_str_eq (fault (&rig, 0)->key, "v2.jq");
  ck_assert_str_eq (fault (&rig, 0)->text, "v2.jq fails on an item: explode input must be a string");
  /* The reader is good for the next answer. */
  ck_assert_int_eq (read_body (&rig, "[{\"a\":1,\"b\":\"X\"}]", 0), USHER_DONE);
  ck_assert_str_eq (rig.text, "-;1;1|x;-; ");
  done (&rig);
  rig = (struct rig) { .items = "[]" };
  ck_assert_int_eq (make (&rig, "[[{\"jq\":\".a\"},{\"jq\":\"if .b == 3 then error(null) else .b end\"}]]"),
                    USHER_DONE);
  ck_assert_int_eq (read_body (&rig, "[{\"a\":2,\"b\":3}]", 0), USHER_DONE);   /* to jq, as good as empty */
  ck_assert_str_eq (rig.text, "2;-; ");
  ck_assert_int_eq (read_body (&rig, "[{\"a\":1,\"b\":\"X\"}]", 0), USHER_DONE);
  ck_assert_str_eq (rig.text, "1;X; ");
  done (&rig);
}
END_TEST

START_TEST (test_an_expression_without_end_is_stopped_and_named)
{
  static const char *const endless[] = { "def f: f; f", "last(range(1e18))", "until(false; . )", "[range(1e18)] | length" };
  char values[128], text[TEXT_MAX];

  for (size_t i = 0; i < 3; i++)
    {
      snprintf (values, sizeof values, "[[\"id\",{\"jq\":\"%s\"}]]", endless[i]);
      ck_assert_msg (read_once ("[]", values, "[{}]", text) == USHER_E_LIMIT, "%s: %s", endless[i], text);
      ck_assert_str_eq (text, "v1.jq takes more than a second for one item");
    }
  ck_assert_int_eq (read_once ("[]", "[[{\"jq\":\"repeat(1)\"}]]", "[{}]", text), USHER_E_LIMIT);
  ck_assert_str_eq (text, "v0.jq gives more than 65536 texts for one item");
}
END_TEST

START_TEST (test_a_negative_answer_of_the_function_stops)
{
  struct rig rig = { .items = "[]", .answer = USHER_E_CANCELLED };

  ck_assert_int_eq (make (&rig, "[[{\"jq\":\".a\"}]]"), USHER_DONE);
  ck_assert_int_eq (read_body (&rig, "[{\"a\":1},{\"a\":2}]", 0), USHER_E_CANCELLED);
  ck_assert_str_eq (rig.text, "1; ");
  ck_assert_ptr_null (fault (&rig, 0));
  done (&rig);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_every_form_of_a_value);
  tcase_add_test (t, test_integers_that_jq_would_round_reach_it_as_texts);
  tcase_add_test (t, test_an_array_or_object_is_refused_unless_wanted);
  tcase_add_test (t, test_a_page_has_values_of_paths_jq_and_headers);
  tcase_add_test (t, test_headers_of_the_answer_are_page_values);
  tcase_add_test (t, test_the_answer_itself_is_the_item);
  tcase_add_test (t, test_through_gives_objects_whose_members_the_values_are);
  tcase_add_test (t, test_xml_has_the_same_values_by_its_own_paths);
  tcase_add_test (t, test_what_cannot_be_right_in_xml_is_told);
  tcase_add_test (t, test_what_cannot_be_right_is_told_with_its_place_and_all_of_it);
  tcase_add_test (t, test_all_problems_of_a_reader_are_told);
  tcase_add_test (t, test_an_expression_reaches_nothing_but_its_item);
  tcase_add_test (t, test_an_expression_that_fails_is_named_with_the_words_of_jq);
  tcase_add_test (t, test_an_expression_without_end_is_stopped_and_named);
  tcase_add_test (t, test_a_negative_answer_of_the_function_stops);
}

UNIT_MAIN ("rest-value", fill)
