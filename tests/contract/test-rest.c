/* The descriptor engine: what texts become where they stand, what answers mean, where listings end,
   and changes of several steps.  Every test of a trap shows that the trap was met.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"
#include "tests/contract/rest-specs.h"
#include "tests/contract/run.h"
#include "tests/unit/unit.h"

#include <string.h>

#define LIST(page) "{\"rest\":{\"base\":\"{base_url}\",\"list\":[" REST_PASS (page) "]}}"

struct stage
{
  struct rest_app app;
  struct usher_fake *fake;
  char line[RUN_LINE_MAX];
};

static const struct usher_kv conf[] = { { "base_url", REST_APP_BASE "/" }, { "org", "a/b c" },
                                         { "many", "x" }, { "many", "y" }, { NULL, NULL } };

static void
begin (struct stage *s, unsigned int members)
{
  rest_app_init (&s->app);
  rest_app_fill (&s->app, members);
  s->fake = run_new (conf, rest_app_http, &s->app);
}

static void
end (struct stage *s)
{
  usher_fake_free (s->fake);
  rest_app_done (&s->app);
}

static const char *
fault (const struct stage *s)
{
  const struct usher_fake_event *e = usher_fake_last (s->fake, USHER_FAKE_FAULT);

  return e ? e->text : "";
}

static const char *
last_url (const struct stage *s)
{
  return usher_fake_last (s->fake, USHER_FAKE_REQUEST)->text;
}

/* A change of MEMBER by the step or steps STEPS of KEY. */
static int32_t
write_by (struct stage *s, enum run_write which, const char *steps, const struct usher_change *c)
{
  static const char *const keys[] = { [RUN_INVITE] = "invite", [RUN_SET_ROLE] = "set_role", [RUN_REMOVE] = "remove" };
  char *spec;
  int32_t r;

  ck_assert_int_gt (asprintf (&spec, "{\"rest\":{\"base\":\"{base_url}\",\"list\":[" REST_PASS (REST_NUMBER) "],"
                                     "\"%s\":%s," REST_READ "}}", keys[which], steps), 0);
  r = run_write (s->fake, spec, which, c);
  free (spec);
  return r;
}

#define MEMBER(...) { .size = sizeof (struct usher_member), .state = USHER_ACTIVE, __VA_ARGS__ }
#define CHANGE(who, ...) \
  { .size = sizeof (struct usher_change), .attempt = 1, .member = (who), .key = "k1", __VA_ARGS__ }

/* ---- Texts ---- */

/* TEXT with {v} being VALUE, in PLACE; NULL when it is refused. */
static char *
put (const char *text, const char *value, enum rest_place place)
{
  struct usher_fake *fake = usher_fake_new ();
  struct rest rest = { .run = NULL };
  struct rest_op op = { .ctx = usher_fake_ctx (fake), .rest = &rest, .what = "try" };
  struct text out = { 0 };
  int32_t r = rest_names_set (&op.names, "v", value);

  ck_assert_int_eq (r, USHER_DONE);
  r = rest_text_put (&op, text, place, &out);
  rest_op_done (&op);
  usher_fake_free (fake);
  if (r != USHER_DONE)
    {
      text_done (&out);
      return NULL;
    }
  return text_steal (&out);
}

static void
becomes (const char *text, const char *value, enum rest_place place, const char *want)
{
  char *got = put (text, value, place);

  if (want)
    ck_assert_str_eq (got, want);
  else
    ck_assert_ptr_null (got);
  free (got);
}

START_TEST (test_a_value_is_escaped_for_its_place)
{
  becomes ("/orgs/{v}/x", "a/b?c#d%e f", REST_PATH, "/orgs/a%2Fb%3Fc%23d%25e%20f/x");
  becomes ("a={v}", "&=", REST_PERCENT, "a%3D%26%3D");
  becomes ("/{v}", "J\xc3\xbcrgen{}", REST_PATH, "/J%C3%BCrgen%7B%7D");
  becomes ("<u n=\"{v}\"/>", "a\"<&>'\r\n", REST_XML, "<u n=\"a&quot;&lt;&amp;&gt;&#39;&#13;&#10;\"/>");
  becomes ("Bearer {v}", "abc", REST_HEADER, "Bearer abc");
  becomes ("{{{v}}}", "{v}", REST_RAW, "{{v}}");
}
END_TEST

START_TEST (test_what_cannot_stand_in_a_place_is_refused)
{
  becomes ("{v}", "a\r\nX: y", REST_HEADER, NULL);
  becomes ("{v}", "a\x7f", REST_HEADER, NULL);
  becomes ("<a>{v}</a>", "a\x01", REST_XML, NULL);
  becomes ("{v}", NULL, REST_PATH, NULL);
  becomes ("{other}", "x", REST_RAW, NULL);
  becomes ("a{v", "x", REST_RAW, NULL);
  becomes ("a}", "x", REST_RAW, NULL);
}
END_TEST

START_TEST (test_an_id_cannot_climb_out_of_its_segment)
{
  static const char *const climbing[] = { ".", ".." };
  struct stage s;

  begin (&s, 1);
  for (size_t i = 0; i < 2; i++)
    {
      struct usher_member who = MEMBER (.id = climbing[i]);
      struct usher_change c = CHANGE (&who);

      ck_assert_int_eq (write_by (&s, RUN_REMOVE, "{\"delete\":\"/members/{id}\"}", &c), USHER_E_FIELD);
    }
  ck_assert_uint_eq (s.app.changes, 0);
  end (&s);
}
END_TEST

START_TEST (test_a_hostile_id_is_one_segment)
{
  struct usher_member who = MEMBER (.id = "../members/m1?x=\"\r\n{id}%2e");
  struct usher_change c = CHANGE (&who);
  struct stage s;

  begin (&s, 1);
  ck_assert_int_eq (write_by (&s, RUN_REMOVE, "{\"delete\":\"/members/{id}\"}", &c), USHER_ALREADY);
  ck_assert_str_eq (last_url (&s), REST_APP_BASE "/members/..%2Fmembers%2Fm1%3Fx%3D%22%0D%0A%7Bid%7D%252e");
  ck_assert_uint_eq (s.app.effects, 0);
  end (&s);
}
END_TEST

START_TEST (test_bodies_have_the_types_that_are_asked_for)
{
  struct usher_kv roles[] = { { "role", "admin" }, { "team", "red" } };
  struct usher_kv fields[] = { { "level", "30" }, { "mail", "true" } };
  struct usher_member who = MEMBER (.email = "o\"x@example.com", .username = "ox");
  struct usher_change c = CHANGE (&who, .roles = roles, .n_roles = 2, .fields = fields, .n_fields = 2);
  struct stage s;

  begin (&s, 1);
  ck_assert_int_eq (write_by (&s, RUN_INVITE,
                              "{\"post\":\"/members\",\"json\":{\"email\":\"{email}\",\"role\":\"{role.team}\","
                              "\"n\":{\"number\":\"{field.level}\"},\"b\":{\"boolean\":\"{field.mail}\"},"
                              "\"all\":{\"list\":\"roles\"},\"hub\":{\"list\":\"many\"},\"no\":{\"optional\":\"{"
                              "first_name}\"},"
                              "\"deep\":[{\"x\":\"{{{username}}}\"}]},\"member\":" REST_MEMBER "}", &c), USHER_DONE);
  ck_assert_str_eq (s.app.last, "POST /members {\"email\":\"o\\\"x@example.com\",\"role\":\"red\",\"n\":30,\"b\":true,"
                                "\"all\":[\"admin\",\"red\"],\"hub\":[\"x\",\"y\"],\"deep\":[{\"x\":\"{ox}\"}]}");
  end (&s);
}
END_TEST

START_TEST (test_forms_queries_xml_and_graphql)
{
  static const struct { const char *step, *want; } ways[] = {
    { "{\"post\":\"/x\",\"form\":{\"e\":\"{email}\",\"j\":{\"json\":{\"a\":\"{email}\"}},\"n\":{\"optional\":\"{"
      "name}\"}}}",
      "POST /x e=a%26b%40example.com&j=%7B%22a%22%3A%22a%26b%40example.com%22%7D" },
    { "{\"post\":\"/x/{org}\",\"query\":{\"e\":\"{email}\"}}", "POST /x/a%2Fb%20c?e=a%26b%40example.com " },
    { "{\"post\":\"/x\",\"xml\":\"<u e='{email}'/>\"}", "POST /x <u e='a&amp;b@example.com'/>" },
    { "{\"post\":\"/x\",\"graphql\":{\"query\":\"mutation($e:String!){add(e:$e){id}}\",\"variables\":{\"e\":\"{"
      "email}\"}}}",
      "POST /x {\"query\":\"mutation($e:String!){add(e:$e){id}}\",\"variables\":{\"e\":\"a&b@example.com\"}}" },
    { "{\"post\":\"/x\",\"json\":[\"{email}\"]}", "POST /x [\"a&b@example.com\"]" },
    { "{\"delete\":\"/x\",\"json\":{\"e\":\"{email}\"}}", "DELETE /x {\"e\":\"a&b@example.com\"}" },
  };
  struct usher_member who = MEMBER (.email = "a&b@example.com");
  struct usher_change c = CHANGE (&who);

  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
    {
      struct stage s;

      begin (&s, 1);
      ck_assert_int_eq (write_by (&s, RUN_INVITE, ways[i].step, &c), USHER_E_REFUSED);
      ck_assert_str_eq (s.app.last, ways[i].want);
      ck_assert_ptr_nonnull (strstr (fault (&s), "not known"));
      end (&s);
    }
}
END_TEST

START_TEST (test_what_is_missing_is_refused_before_any_request)
{
  static const struct { const char *step; int32_t want; } lacks[] = {
    { "{\"post\":\"/members\",\"json\":{\"e\":\"{email}\"}}", USHER_E_ADDRESS },
    { "{\"post\":\"/members\",\"json\":{\"e\":\"{field.dept}\"}}", USHER_E_FIELD },
    { "{\"post\":\"/members\",\"json\":{\"e\":\"{role}\"}}", USHER_E_ROLE },
    { "{\"post\":\"/members/{id}\"}", USHER_E_REFUSED },
    { "{\"post\":\"/members\",\"headers\":{\"X\":\"{secret.none}\"}}", USHER_E_TOKEN },
    { "{\"post\":\"/members/{nothing}\"}", USHER_E_CONFIG },
  };
  struct usher_member who = MEMBER (.username = "x");
  struct usher_change c = CHANGE (&who);
  struct stage s;

  begin (&s, 1);
  for (size_t i = 0; i < sizeof lacks / sizeof lacks[0]; i++)
    ck_assert_int_eq (write_by (&s, RUN_INVITE, lacks[i].step, &c), lacks[i].want);
  ck_assert_uint_eq (usher_fake_count (s.fake, USHER_FAKE_REQUEST), 0);
  end (&s);
}
END_TEST

/* ---- Listings ---- */

static const char *const styles[] = {
  LIST (REST_NUMBER), LIST (REST_PAGES), LIST (REST_EMPTY), LIST (REST_OFFSET), LIST (REST_SHORT),
  LIST (REST_CURSOR), LIST (REST_LINK), LIST (REST_NEXT),
};
#define N_STYLES ((int) (sizeof styles / sizeof styles[0]))

START_TEST (test_every_style_lists_all_and_no_more)
{
  static const unsigned int sizes[] = { 0, 1, 3, 4, 5, 8, 40 };

  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    {
      struct stage s;

      begin (&s, sizes[i]);
      ck_assert_int_eq (run_list (s.fake, styles[_i], NULL, 0), USHER_DONE);
      ck_assert_uint_eq (run_count (s.fake, "member "), sizes[i]);
      ck_assert_uint_eq (run_count (s.fake, "end complete"), 1);
      ck_assert_uint_eq (s.app.strange, 0);
      /* One request a page, and where the app says no total, one that is empty. */
      ck_assert_uint_le (usher_fake_count (s.fake, USHER_FAKE_REQUEST), sizes[i] / 4 + 2);
      ck_assert_uint_le (usher_fake_open_max (s.fake), REST_OPEN_MAX);
      end (&s);
    }
}
END_TEST

START_TEST (test_a_page_that_comes_again_ends_the_listing)
{
  struct stage s;
  int32_t r;

  begin (&s, 11);
  s.app.traps.stuck = true;
  r = run_list (s.fake, styles[_i], NULL, 0);
  ck_assert_int_eq (r, USHER_E_LOOP);
  ck_assert_uint_eq (run_count (s.fake, "end complete"), 0);
  end (&s);
}
END_TEST

START_TEST (test_an_answer_of_another_shape_is_no_page)
{
  struct stage s;

  begin (&s, 11);
  s.app.traps.changed_page = 2;
  ck_assert_int_eq (run_list (s.fake, styles[_i], NULL, 0), USHER_E_SHAPE);
  ck_assert_uint_eq (run_count (s.fake, "end"), 0);
  end (&s);
}
END_TEST

START_TEST (test_a_yes_that_says_no_is_no_page)
{
  struct stage s;

  begin (&s, 11);
  s.app.traps.refusing_page = 2;
  ck_assert_int_eq (run_list (s.fake, "{\"rest\":{\"base\":\"{base_url}\",\"ok\":{\"at\":\"ok\",\"is\":\"true\"},"
                                      "\"answers\":[{\"at\":\"code\",\"is\":\"broken\",\"means\":\"rate\","
                                      "\"say\":\"message\","
                                      "\"wait\":{\"seconds\":30}}],\"list\":[" REST_PASS (REST_NUMBER) "]}}", NULL, 0),
                    USHER_E_RATE);
  ck_assert_str_eq (fault (&s), "Asked to list members, the app answered: try later");
  ck_assert_int_gt (usher_fake_last (s.fake, USHER_FAKE_FAULT)->total, 0);
  ck_assert_uint_eq (run_count (s.fake, "end"), 0);
  end (&s);
}
END_TEST

START_TEST (test_a_short_page_leaves_the_total_unproved)
{
  struct stage s;

  begin (&s, 11);
  s.app.traps.short_page = 2;
  ck_assert_int_eq (run_list (s.fake, LIST (REST_CURSOR), NULL, 0), USHER_DONE);
  ck_assert_str_eq (run_line (s.fake, "end", s.line, sizeof s.line), "end partial 11 11 were announced and 10 came");
  end (&s);
}
END_TEST

START_TEST (test_a_next_page_on_another_host_is_not_asked)
{
  struct stage s;

  begin (&s, 11);
  s.app.traps.elsewhere = true;
  ck_assert_int_eq (run_list (s.fake, styles[_i], NULL, 0), USHER_E_SHAPE);
  ck_assert_uint_eq (usher_fake_count (s.fake, USHER_FAKE_REQUEST), 1);
  end (&s);
}
END_TEST

START_TEST (test_a_secret_in_an_address_stays_out_of_checkpoints)
{
  struct stage s;

  begin (&s, 11);
  s.app.traps.leaky = true;
  ck_assert_int_eq (run_list (s.fake, "{\"rest\":{\"base\":\"{base_url}\",\"list\":[{\"get\":\"/members\","
                                      "\"query\":{\"key\":\"{secret.token}\"},\"at\":\"rows[]\",\"page\":" REST_NEXT
                                      ",\"member\":" REST_MEMBER "}]}}", NULL, 0), USHER_DONE);
  ck_assert_uint_eq (run_count (s.fake, "member "), 11);
  for (size_t i = 0; i < usher_fake_events (s.fake); i++)
    {
      const struct usher_fake_event *e = usher_fake_event (s.fake, i);

      if (e->kind == USHER_FAKE_CHECKPOINT)
        ck_assert_ptr_null (memmem (e->text, e->len, "t0p-secret", 10));
      if (e->kind == USHER_FAKE_REQUEST)
        ck_assert_ptr_nonnull (strstr (e->text, "key=t0p-secret"));
    }
  end (&s);
}
END_TEST

START_TEST (test_a_state_that_nobody_knows_is_named)
{
  struct stage s;

  begin (&s, 3);
  ck_assert_int_eq (run_list (s.fake, "{\"rest\":{\"base\":\"{base_url}\",\"list\":[{\"get\":\"/members\","
                                      "\"at\":\"rows[]\","
                                      "\"member\":{\"id\":\"id\",\"state\":{\"at\":\"role\",\"map\":{"
                                      "\"admin\":\"active\"}}}}]}}",
                              NULL, 0), USHER_E_SHAPE);
  ck_assert_ptr_nonnull (strstr (fault (&s), "\"member\""));
  end (&s);
}
END_TEST

/* What a listing by SPEC tells, with the answers set before; its lines are then to be had. */
static void
list_by (struct stage *s, const char *spec)
{
  int32_t r = run_list (s->fake, spec, NULL, 0);

  ck_assert_msg (r == USHER_DONE, "answers %d: %s", r, fault (s));
}

START_TEST (test_xml_is_listed_by_paths_with_prefixes)
{
  struct stage s;

  begin (&s, 0);
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/users?pageNumber=1", 200, "application/xml",
                     "<?xml version='1.0'?><r xmlns='http://example.com/api'><pagination totalAvailable='2'/>"
                     "<users><user id='1' name='a&amp;b' siteRole='Viewer'/></users></r>");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/users?pageNumber=2", 200, "application/xml",
                     "<?xml version='1.0'?><r xmlns='http://example.com/api'><pagination totalAvailable='2'/>"
                     "<users><user id='2' name='c' siteRole='Unlicensed'/></users></r>");
  list_by (&s, "{\"rest\":{\"base\":\"{base_url}\",\"format\":\"xml\",\"namespaces\":{"
               "\"t\":\"http://example.com/api\"},"
               "\"list\":[{\"get\":\"/users\",\"at\":\"/t:r/t:users/t:user\",\"page\":{\"style\":\"number\","
               "\"send\":{\"pageNumber\":\"{page}\"},\"total\":\"/t:r/t:pagination/@totalAvailable\"},"
               "\"member\":{\"id\":\"@id\",\"username\":\"@name\",\"roles\":{\"role\":\"@siteRole\"}}}]}}");
  ck_assert_str_eq (run_line (s.fake, "member active 1", s.line, sizeof s.line),
                    "member active 1 a&b - - - 0 roles=Viewer");
  ck_assert_uint_eq (run_count (s.fake, "member "), 2);
  ck_assert_uint_eq (run_count (s.fake, "end complete 2"), 1);
  end (&s);
}
END_TEST

/* Answers a GraphQL listing in two pages, by the cursor among the variables. */
static void
graph_http (void *arg, const struct usher_request *request, struct usher_fake_answer *ret)
{
  static const char *const pages[] = {
    "{\"data\":{\"org\":{\"edges\":[{\"role\":\"ADMIN\",\"node\":{\"id\":\"u1\"}}],\"pageInfo\":{\"more\":true,"
    "\"end\":\"c1\"}}}}",
    "{\"data\":{\"org\":{\"edges\":[{\"role\":\"MEMBER\",\"node\":{\"id\":\"u2\"}}],\"pageInfo\":{\"more\":false,"
    "\"end\":\"c2\"}}}}",
    "{\"data\":null,\"errors\":[{\"message\":\"what?\"}]}",
  };
  json_t *j = json_loadb (request->body, request->body_len, 0, NULL), *variables = json_object_get (j, "variables");
  const char *org = json_string_value (json_object_get (variables, "org"));
  const char *after = json_string_value (json_object_get (variables, "after"));
  const char *answer = pages[!org || strcmp (org, "a/b c") ? 2 : !after ? 0 : strcmp (after, "c1") == 0 ? 1 : 2];

  (void) arg;
  ret->status = 200;
  ret->content_type = "application/json";
  ret->body = answer;
  ret->body_len = strlen (answer);
  json_decref (j);
}

#define GRAPH(org) "{\"rest\":{\"base\":\"{base_url}\",\"ok\":{\"at\":\"errors[].message\",\"absent\":true," \
  "\"say\":\"errors[].message\"}," \
  "\"list\":[{\"post\":\"/graphql\",\"graphql\":{\"query\":\"query($org:String!,$after:String){org}\"," \
  "\"variables\":{\"org\":\"" org "\"}},\"at\":\"data.org.edges[]\",\"page\":{\"style\":\"cursor\"," \
  "\"cursor\":\"data.org.pageInfo.end\",\"more\":\"data.org.pageInfo.more\",\"send\":{\"after\":\"{cursor}\"}}," \
  "\"member\":{\"id\":\"node.id\",\"roles\":{\"role\":{\"at\":\"role\",\"map\":{\"ADMIN\":\"admin\"}}}}}]}}"

START_TEST (test_graphql_is_listed_by_its_variables)
{
  struct stage s;

  begin (&s, 0);
  usher_fake_http (s.fake, graph_http, NULL);
  list_by (&s, GRAPH ("{org}"));
  ck_assert_uint_eq (run_count (s.fake, "member "), 2);
  ck_assert_str_eq (run_line (s.fake, "member active u1", s.line, sizeof s.line),
                    "member active u1 - - - - 0 roles=admin");
  ck_assert_int_eq (run_list (s.fake, GRAPH ("other"), NULL, 0), USHER_E_SHAPE);
  ck_assert_str_eq (fault (&s), "Asked to list members, the app answered: what?");
  end (&s);
}
END_TEST

START_TEST (test_passes_have_constants_and_groups_have_members)
{
  struct stage s;

  begin (&s, 0);
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/m?role=boss", 200, "application/json", "[{\"id\":1},{\"id\":2,"
                                                                                           "\"bot\":true}]");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/m?role=staff", 200, "application/json", "[{\"id\":3,"
                                                                                            "\"gone\":true}]");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/g", 200, "application/json", "[{\"who\":1,\"in\":[\"a\",\"b\"]}]");
  list_by (&s, "{\"rest\":{\"base\":\"{base_url}\",\"list\":["
               "{\"get\":\"/m\",\"query\":{\"role\":\"{r}\"},\"const\":{\"r\":\"boss\"},\"scope\":\"boss\","
               "\"at\":\"[]\","
               "\"member\":{\"id\":\"id\",\"not_a_person\":\"bot\",\"roles\":{\"role\":{\"const\":\"admin\"}}}},"
               "{\"get\":\"/m\",\"query\":{\"role\":\"{r}\"},\"const\":{\"r\":\"staff\"},\"at\":\"[]\","
               "\"member\":{\"id\":\"id\",\"skip\":\"gone\"}},"
               "{\"get\":\"/g\",\"kind\":\"role-of\",\"at\":\"[]\",\"member\":{\"id\":\"who\",\"roles\":{"
               "\"group\":\"in[]\"}}}]}}");
  ck_assert_str_eq (run_line (s.fake, "section", s.line, sizeof s.line), "section 100 boss");
  ck_assert_uint_eq (run_count (s.fake, "section 100 2"), 1);
  ck_assert_uint_eq (run_count (s.fake, "member "), 2);
  ck_assert_uint_eq (usher_fake_member (s.fake, "2")->flags, USHER_F_NOT_A_PERSON);
  ck_assert_uint_eq (run_count (s.fake, "role-of 1 "), 2);
  ck_assert_uint_eq (run_count (s.fake, "end complete"), 3);
  end (&s);
}
END_TEST

START_TEST (test_rights_are_listed_by_asset_and_a_forbidden_one_is_partial)
{
  struct stage s;

  begin (&s, 0);
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/m", 200, "application/json", "[{\"id\":1}]");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/boards", 200, "application/json",
                     "[{\"id\":\"b 1\",\"title\":\"One\"},{\"id\":\"b2\"}]");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/boards/b%201/people", 200, "application/json",
                     "[{\"who\":1,\"as\":\"editor\"}]");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/boards/b2/people", 403, "application/json", "{}");
  list_by (&s, "{\"rest\":{\"base\":\"{base_url}\",\"list\":[{\"get\":\"/m\",\"at\":\"[]\",\"member\":{"
               "\"id\":\"id\"}}],"
               "\"objects\":[{\"type\":\"board\",\"get\":\"/boards\",\"at\":\"[]\",\"id\":\"id\",\"name\":\"title\"}],"
               "\"access\":[{\"type\":\"board\",\"get\":\"/boards/{asset}/people\",\"at\":\"[]\",\"member\":{"
               "\"id\":\"who\"},"
               "\"role\":\"as\"}]}}");
  ck_assert_uint_eq (run_count (s.fake, "object "), 2);
  ck_assert_str_eq (run_line (s.fake, "object b 1", s.line, sizeof s.line), "object b 1 One");
  ck_assert_str_eq (run_line (s.fake, "access", s.line, sizeof s.line), "access 1 b 1 editor");
  ck_assert_uint_eq (run_count (s.fake, "end partial"), 1);
  ck_assert_uint_eq (run_count (s.fake, "end complete"), 3);
  end (&s);
}
END_TEST

/* ---- Answers ---- */

START_TEST (test_a_status_means_what_it_says_by_itself)
{
  static const struct { int32_t status, invite, remove; } means[] = {
    { 401, USHER_E_TOKEN, USHER_E_TOKEN },         { 402, USHER_E_SEATS, USHER_E_SEATS },
    { 403, USHER_E_FORBIDDEN, USHER_E_FORBIDDEN }, { 404, USHER_E_SPACE, USHER_ALREADY },
    { 409, USHER_E_REFUSED, USHER_E_REFUSED },     { 422, USHER_E_REFUSED, USHER_E_REFUSED },
    { 500, USHER_E_APP_DOWN, USHER_E_APP_DOWN },   { 302, USHER_E_SHAPE, USHER_E_SHAPE },
  };
  struct usher_member who = MEMBER (.id = "m1", .email = "a@example.com");
  struct usher_change c = CHANGE (&who);

  for (size_t i = 0; i < sizeof means / sizeof means[0]; i++)
    {
      struct stage s;

      begin (&s, 1);
      usher_fake_answer (s.fake, "POST", REST_APP_BASE "/x", means[i].status, "text/html", "<!DOCTYPE html>no");
      ck_assert_int_eq (write_by (&s, RUN_INVITE, "{\"post\":\"/x\"}", &c), means[i].invite);
      ck_assert_int_eq (write_by (&s, RUN_REMOVE, "{\"post\":\"/x\"}", &c), means[i].remove);
      ck_assert_ptr_nonnull (strstr (fault (&s), "a web page"));
      end (&s);
    }
}
END_TEST

START_TEST (test_the_first_answer_that_fits_wins)
{
  struct usher_member who = MEMBER (.id = "m1", .email = "user1@example.com");
  struct usher_kv role = { "role", "admin" };
  struct usher_change c = CHANGE (&who, .roles = &role, .n_roles = 1);
  struct stage s;

  begin (&s, 1);
  ck_assert_int_eq (write_by (&s, RUN_INVITE,
                              "{\"post\":\"/members\",\"json\":{\"email\":\"{email}\",\"role\":\"{role}\"},"
                              "\"answers\":["
                              "{\"status\":\"422\",\"means\":\"role\"},"
                              "{\"status\":\"4xx\",\"at\":\"code\",\"matches\":\"^mem\",\"means\":\"already\"},"
                              "{\"status\":409,\"means\":\"seats\"}]}", &c), USHER_ALREADY);
  ck_assert_int_eq (write_by (&s, RUN_INVITE,
                              "{\"post\":\"/members\",\"json\":{\"email\":\"{email}\",\"role\":\"{role}\"},"
                              "\"answers\":["
                              "{\"at\":\"code\",\"is\":[\"a\",\"b\"],\"means\":\"already\"},"
                              "{\"status\":\"409\",\"means\":\"field\",\"field\":\"email\"}]}", &c), USHER_E_FIELD);
  ck_assert_str_eq (usher_fake_last (s.fake, USHER_FAKE_FAULT)->key, "email");
  ck_assert_str_eq (fault (&s), "Asked to add a member, the app answered: is a member already");
  end (&s);
}
END_TEST

START_TEST (test_a_yes_may_hold_a_no_for_one)
{
  static const struct { const char *body; int32_t want; } answers[] = {
    { "{\"items\":[{\"who\":\"A@example.com\",\"error\":\"is there\"}]}", USHER_ALREADY },
    { "{\"items\":[{\"who\":\"other@example.com\",\"error\":\"is there\"}]}", USHER_DONE },
    { "{\"items\":[{\"who\":\"a@example.com\",\"error\":\"no seat\"}]}", USHER_E_SEATS },
    { "{\"items\":[{\"who\":\"a@example.com\",\"error\":\"what\"}]}", USHER_E_REFUSED },
    { "{\"items\":[{\"who\":\"a@example.com\"}]}", USHER_DONE },
  };
  struct usher_member who = MEMBER (.id = "m1", .email = "a@example.com");
  struct usher_change c = CHANGE (&who);

  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
    {
      struct stage s;

      begin (&s, 1);
      usher_fake_answer (s.fake, "POST", REST_APP_BASE "/x", 200, "application/json", answers[i].body);
      ck_assert_int_eq (write_by (&s, RUN_INVITE,
                                  "{\"post\":\"/x\",\"item_results\":{\"items\":\"items[]\",\"id\":\"who\","
                                  "\"ok\":{\"at\":\"error\",\"absent\":true},\"answers\":["
                                  "{\"at\":\"error\",\"is\":\"is there\",\"means\":\"already\"},"
                                  "{\"at\":\"error\",\"matches\":\"seat\","
                                  "\"means\":\"seats\"}]}}", &c), answers[i].want);
      end (&s);
    }
}
END_TEST

/* ---- Steps ---- */

#define TWO_STEPS "[{\"post\":\"/members\",\"json\":{\"email\":\"{email}\",\"role\":\"member\"},\"keep\":{" \
  "\"id\":\"id\"}}," \
                  "{\"put\":\"/members/{id}\",\"json\":{\"role\":\"{role}\"},\"member\":" REST_MEMBER "}]"

START_TEST (test_a_change_goes_on_behind_the_step_that_was_done)
{
  struct usher_member who = MEMBER (.email = "new@example.com");
  struct usher_kv role = { "role", "admin" };
  struct usher_change c = CHANGE (&who, .roles = &role, .n_roles = 1);
  const struct usher_fake_event *mark;
  struct stage s;
  char *blob;

  begin (&s, 2);
  s.app.traps.lost = 2;
  ck_assert_int_eq (write_by (&s, RUN_INVITE, TWO_STEPS, &c), USHER_E_UNCERTAIN);
  ck_assert_uint_eq (usher_fake_count (s.fake, USHER_FAKE_CHECKPOINT), 1);
  mark = usher_fake_last (s.fake, USHER_FAKE_CHECKPOINT);
  blob = strndup (mark->text, mark->len);
  c.resume = blob;
  c.resume_len = mark->len;
  c.attempt = 2;
  ck_assert_int_eq (write_by (&s, RUN_INVITE, TWO_STEPS, &c), USHER_DONE);
  ck_assert_uint_eq (json_array_size (s.app.members), 3);
  ck_assert_uint_eq (s.app.changes, 3);
  ck_assert_ptr_nonnull (strstr (run_line (s.fake, "member ", s.line, sizeof s.line), "m3 new@example.com"));
  ck_assert_ptr_nonnull (strstr (s.line, "roles=admin"));
  c.resume_len = 5;
  ck_assert_int_eq (write_by (&s, RUN_INVITE, TWO_STEPS, &c), USHER_E_UNCERTAIN);
  free (blob);
  end (&s);
}
END_TEST

#define FIND "{\"find\":true,\"get\":\"/search\",\"query\":{\"email\":\"{email}\"},\"at\":\"rows[]\"," \
             "\"where\":{\"at\":\"email\",\"is\":\"{email}\"},\"keep\":{\"found\":\"id\"}}"

START_TEST (test_somebody_is_looked_for_before_the_change)
{
  struct usher_member who = MEMBER (.id = "other", .email = "USER2@example.com");
  struct usher_change c = CHANGE (&who);
  struct stage s;

  begin (&s, 3);
  /* The app compares with regard to case, so it finds nobody. */
  ck_assert_int_eq (write_by (&s, RUN_REMOVE, "[" FIND ",{\"delete\":\"/members/{found}\"}]", &c), USHER_ALREADY);
  who.email = "user2@example.com";
  ck_assert_int_eq (write_by (&s, RUN_REMOVE, "[" FIND ",{\"delete\":\"/members/{found}\"}]", &c), USHER_DONE);
  ck_assert_str_eq (s.app.last, "DELETE /members/m2 ");
  ck_assert_uint_eq (s.app.effects, 1);
  end (&s);
}
END_TEST

START_TEST (test_a_member_is_found_on_any_page)
{
  struct usher_member who = MEMBER (.id = "x", .email = "User10@Example.com");
  struct usher_change c = CHANGE (&who);
  struct stage s;

  begin (&s, 11);
  ck_assert_int_eq (write_by (&s, RUN_REMOVE, "[{\"find\":true,\"get\":\"/members\",\"at\":\"rows[]\","
                                              "\"page\":" REST_NUMBER
                                              ",\"where\":{\"at\":\"email\",\"is\":\"{email}\"},\"keep\":{"
                                              "\"found\":\"id\"}},"
                                              "{\"delete\":\"/members/{found}\"}]", &c), USHER_DONE);
  ck_assert_str_eq (s.app.last, "DELETE /members/m10 ");
  end (&s);
}
END_TEST

START_TEST (test_a_step_is_done_when_and_for_what_it_says)
{
  static const struct usher_kv old[] = { { "role", "a" }, { "role", "b" } };
  static const struct usher_kv new[] = { { "role", "b" }, { "role", "c" } };
  struct usher_member who = MEMBER (.id = "m1", .email = "user1@example.com", .roles = old, .n_roles = 2);
  struct usher_change c = CHANGE (&who, .roles = new, .n_roles = 2);
  struct stage s;

  begin (&s, 1);
  ck_assert_int_eq (write_by (&s, RUN_SET_ROLE,
                              "[{\"put\":\"/members/m1\",\"json\":{\"role\":\"-{role}\"},\"for\":\"removed_roles\"},"
                              "{\"delete\":\"/members/m1\",\"when\":{\"role\":\"other\"}},"
                              "{\"put\":\"/members/m1\",\"json\":{\"role\":\"+{role}\"},\"for\":\"added_roles\","
                              "\"when\":{\"state\":[\"member\",\"disabled\"],\"old_role\":\"a\"}}]", &c), USHER_DONE);
  ck_assert_uint_eq (s.app.changes, 2);
  ck_assert_str_eq (s.app.last, "PUT /members/m1 {\"role\":\"+c\"}");
  end (&s);
}
END_TEST

START_TEST (test_an_invitation_is_not_addressed_as_a_member)
{
  struct usher_member who = MEMBER (.id = "m1", .email = "user1@example.com");
  struct usher_change c = CHANGE (&who);
  struct stage s;

  begin (&s, 1);
  who.state = USHER_PENDING;
  ck_assert_int_eq (write_by (&s, RUN_REMOVE, "{\"delete\":\"/members/{id}\"}", &c), USHER_E_UNSUPPORTED);
  ck_assert_int_eq (write_by (&s, RUN_SET_ROLE, "{\"put\":\"/members/{id}\"}", &c), USHER_E_NOT_JOINED);
  ck_assert_uint_eq (s.app.changes, 0);
  ck_assert_int_eq (write_by (&s, RUN_REMOVE, "[{\"delete\":\"/members/{id}\"},{\"delete\":\"/invites/{id}\","
                                              "\"when\":{\"state\":\"pending\"}}]", &c), USHER_ALREADY);
  ck_assert_str_eq (s.app.last, "DELETE /invites/m1 ");
  end (&s);
}
END_TEST

START_TEST (test_an_invitation_has_its_id_and_its_link)
{
  struct usher_member who = MEMBER (.email = "new@example.com");
  struct usher_kv role = { "role", "admin" };
  struct usher_change c = CHANGE (&who, .roles = &role, .n_roles = 1);
  const struct usher_member *row;
  struct stage s;

  begin (&s, 1);
  usher_fake_conf (s.fake, "add.how", "invite-link");
  ck_assert_int_eq (write_by (&s, RUN_INVITE, "{\"post\":\"/invites\",\"json\":{\"email\":\"{email}\",\"role\":\"{"
                                              "role}\"},"
                                              "\"keep\":{\"id\":\"id\",\"invite_link\":\"link\"}}", &c), USHER_INVITED);
  row = usher_fake_last (s.fake, USHER_FAKE_MEMBER)->member;
  ck_assert_uint_eq (row->state, USHER_PENDING);
  ck_assert_str_eq (row->id, "m2");
  ck_assert_uint_eq (row->n_attrs, 1);
  ck_assert_str_eq (row->attrs[0].value, "https://app.example.com/join/x1");
  end (&s);
}
END_TEST

/* ---- Signing in, looking up ---- */

#define SIGNED(list) "{\"rest\":{\"base\":\"{base_url}\",\"login\":{\"post\":\"/signin\",\"auth\":\"\",\"json\":{" \
  "\"u\":\"{secret.token}\"}," \
  "\"token\":\"credentials.token\",\"secret\":\"session\",\"expires_in\":\"credentials.lives\",\"keep\":{" \
  "\"site\":\"site\"}}," \
  "\"look_up\":{\"dir\":{\"get\":\"/dirs\",\"at\":\"[]\",\"where\":{\"at\":\"name\",\"is\":\"main\"}," \
  "\"value\":\"id\"}}," \
  "\"list\":[" list "]}}"

START_TEST (test_a_token_is_put_away_and_a_look_up_asked_once)
{
  static const char spec[] = SIGNED ("{\"get\":\"/sites/{site}/{dir}/{dir}\",\"at\":\"[]\",\"member\":{"
                                     "\"id\":\"id\"}}");
  struct stage s;

  begin (&s, 1);
  usher_fake_answer (s.fake, "POST", REST_APP_BASE "/signin", 200, "application/json",
                     "{\"credentials\":{\"token\":\"T1\",\"lives\":60},\"site\":\"s9\"}");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/dirs", 200, "application/json",
                     "[{\"name\":\"old\",\"id\":1},{\"name\":\"main\",\"id\":2}]");
  usher_fake_answer (s.fake, "GET", REST_APP_BASE "/sites/s9/2/2", 200, "application/json", "[{\"id\":\"u1\"}]");
  usher_fake_now (s.fake, 1000);
  ck_assert_int_eq (usher_fake_open (s.fake, usher_connector_v1 (), "app", spec), USHER_DONE);
  ck_assert_int_eq (usher_fake_login (s.fake, USHER_LOGIN_FIRST, NULL), USHER_DONE);
  ck_assert_str_eq (usher_fake_last (s.fake, USHER_FAKE_SECRET_PUT)->key, "session");
  ck_assert_str_eq (usher_fake_last (s.fake, USHER_FAKE_SECRET_PUT)->text, "T1");
  ck_assert_int_eq (usher_fake_last (s.fake, USHER_FAKE_SECRET_PUT)->total, 61000);
  ck_assert_int_eq (usher_fake_list (s.fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  ck_assert_int_eq (usher_fake_list (s.fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  ck_assert_uint_eq (run_count (s.fake, "member active u1"), 2);
  ck_assert_uint_eq (usher_fake_count (s.fake, USHER_FAKE_REQUEST), 4);
  ck_assert_ptr_null (usher_fake_broken (s.fake));
  end (&s);
}
END_TEST

START_TEST (test_a_sign_in_that_is_refused_is_a_password)
{
  struct stage s;

  begin (&s, 1);
  usher_fake_answer (s.fake, "POST", REST_APP_BASE "/signin", 401, "application/json", "{\"message\":\"no\"}");
  ck_assert_int_eq (usher_fake_open (s.fake, usher_connector_v1 (), "app", SIGNED (REST_PASS (REST_NUMBER))),
                    USHER_DONE);
  ck_assert_int_eq (usher_fake_login (s.fake, USHER_LOGIN_FIRST, NULL), USHER_E_PASSWORD);
  end (&s);
}
END_TEST

static void
fill (TCase *tc)
{
  tcase_add_test (tc, test_a_value_is_escaped_for_its_place);
  tcase_add_test (tc, test_what_cannot_stand_in_a_place_is_refused);
  tcase_add_test (tc, test_an_id_cannot_climb_out_of_its_segment);
  tcase_add_test (tc, test_a_hostile_id_is_one_segment);
  tcase_add_test (tc, test_bodies_have_the_types_that_are_asked_for);
  tcase_add_test (tc, test_forms_queries_xml_and_graphql);
  tcase_add_test (tc, test_what_is_missing_is_refused_before_any_request);
  tcase_add_loop_test (tc, test_every_style_lists_all_and_no_more, 0, N_STYLES);
  tcase_add_loop_test (tc, test_a_page_that_comes_again_ends_the_listing, 0, N_STYLES);
  tcase_add_loop_test (tc, test_an_answer_of_another_shape_is_no_page, 0, N_STYLES);
  tcase_add_test (tc, test_a_yes_that_says_no_is_no_page);
  tcase_add_test (tc, test_a_short_page_leaves_the_total_unproved);
  tcase_add_loop_test (tc, test_a_next_page_on_another_host_is_not_asked, N_STYLES - 2, N_STYLES);
  tcase_add_test (tc, test_a_secret_in_an_address_stays_out_of_checkpoints);
  tcase_add_test (tc, test_a_state_that_nobody_knows_is_named);
  tcase_add_test (tc, test_xml_is_listed_by_paths_with_prefixes);
  tcase_add_test (tc, test_graphql_is_listed_by_its_variables);
  tcase_add_test (tc, test_passes_have_constants_and_groups_have_members);
  tcase_add_test (tc, test_rights_are_listed_by_asset_and_a_forbidden_one_is_partial);
  tcase_add_test (tc, test_a_status_means_what_it_says_by_itself);
  tcase_add_test (tc, test_the_first_answer_that_fits_wins);
  tcase_add_test (tc, test_a_yes_may_hold_a_no_for_one);
  tcase_add_test (tc, test_a_change_goes_on_behind_the_step_that_was_done);
  tcase_add_test (tc, test_somebody_is_looked_for_before_the_change);
  tcase_add_test (tc, test_a_member_is_found_on_any_page);
  tcase_add_test (tc, test_a_step_is_done_when_and_for_what_it_says);
  tcase_add_test (tc, test_an_invitation_is_not_addressed_as_a_member);
  tcase_add_test (tc, test_an_invitation_has_its_id_and_its_link);
  tcase_add_test (tc, test_a_token_is_put_away_and_a_look_up_asked_once);
  tcase_add_test (tc, test_a_sign_in_that_is_refused_is_a_password);
}

UNIT_MAIN ("rest", fill)
