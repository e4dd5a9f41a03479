/* The parts of usher-net that judge text: addresses, secrets, the witness. */
#include <config.h>

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "host/net/accept.h"
#include "host/net/allow.h"
#include "host/net/auth.h"
#include "host/net/rate.h"
#include "host/net/redact.h"
#include "host/net/retry.h"
#include "host/net/standin.h"
#include "host/net/url.h"
#include "host/net/witness.h"

#define TOKEN "uSabcdefghijklmnopqrstuvwxyz0123"
#define CODE "uScodecodecodecodecodecodecodeco"
#define NASTY "a\"b\\c<&>'d e/+%\xc3\xa9"
#define HERE "https://app.example.com:443"

static void
expect_origin (const char *s, const char *origin)
{
  struct url u = { 0 };

  ck_assert_msg (url_parse (s, &u) == 0, "%s", s);
  ck_assert_str_eq (u.origin, origin);
  url_done (&u);
}

START_TEST (test_an_origin_has_one_form)
{
  expect_origin ("https://app.example.com", HERE);
  expect_origin ("HTTPS://APP.Example.com:443/a?b#c", HERE);
  expect_origin ("http://app.example.com/", "http://app.example.com:80");
  expect_origin ("https://[2001:DB8:0::1]:8443/", "https://[2001:db8::1]:8443");
  expect_origin ("http://0x7f.1/", "http://127.0.0.1:80");
  expect_origin ("http://2130706433/", "http://127.0.0.1:80");
}
END_TEST

START_TEST (test_addresses_that_could_deceive_are_refused)
{
  static const char *const bad[] = {
    "", "app.example.com", "ftp://app.example.com/", "file:///etc/passwd", "https:///x",
    "https:/app.example.com", "https://user@app.example.com/", "https://u:p@app.example.com/",
    "https://app.example.com@evil.example/", "https://app.example.com\\@evil.example/",
    "https://app.example.com /", "https://app.example.com/\r\nX: y", "https://app.example.com/a b",
    "https://[fe80::1%25eth0]/", "https://[::1", "https://app.example.com:0/",
    "https://app.example.com:99999/", "https://%61pp.example.com\xc3\xa9/", "https://a_b$c/",
    "http:///[::1]/", "javascript:alert(1)", "https://",
  };
  struct url u = { 0 };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (bad); i++)
    ck_assert_msg (url_parse (bad[i], &u) < 0, "%s -> %s", bad[i], u.origin);
}
END_TEST

START_TEST (test_locations_are_resolved_against_their_page)
{
  static const struct { const char *location, *want; } t[] = {
    { "/x", "https://app.example.com/x" },
    { "x?y", "https://app.example.com/a/x?y" },
    { "//evil.example/x", "https://evil.example/x" },
    { "https://app.example.com:443/z#f", "https://app.example.com:443/z" },
  };
  struct url base = { 0 };
  size_t i;

  ck_assert_int_eq (url_parse ("https://app.example.com/a/b?c", &base), 0);
  for (i = 0; i < ARRAY_SIZE (t); i++)
    {
      struct url u = { 0 };

      ck_assert_int_eq (url_resolve (&base, t[i].location, &u), 0);
      ck_assert_str_eq (u.text, t[i].want);
      url_done (&u);
    }
  ck_assert_int_lt (url_resolve (&base, "https://u@app.example.com/", &base), 0);
  url_done (&base);
}
END_TEST

START_TEST (test_the_proxy_list_covers_names_and_what_is_below_them)
{
  ck_assert (url_bypasses_proxy ("a.corp.test", "x.example, .corp.test"));
  ck_assert (url_bypasses_proxy ("corp.test", "CORP.test"));
  ck_assert (!url_bypasses_proxy ("acorp.test", "corp.test"));
  ck_assert (url_bypasses_proxy ("anything", "*"));
  ck_assert (!url_bypasses_proxy ("anything", NULL));
  ck_assert (!url_bypasses_proxy ("anything", ""));
}
END_TEST

static struct sockaddr_storage
address (const char *s)
{
  struct sockaddr_storage ss = { 0 };
  struct sockaddr_in in = { .sin_family = AF_INET };
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

  if (inet_pton (AF_INET, s, &in.sin_addr) == 1)
    memcpy (&ss, &in, sizeof in);
  else if (inet_pton (AF_INET6, s, &in6.sin6_addr) == 1)
    memcpy (&ss, &in6, sizeof in6);
  return ss;
}

START_TEST (test_every_disguise_of_a_private_address_is_seen)
{
  static const struct { const char *s; enum allow_kind kind; } t[] = {
    { "93.184.216.34", ALLOW_PUBLIC }, { "2606:2800::1", ALLOW_PUBLIC },
    { "127.0.0.1", ALLOW_PRIVATE }, { "127.9.9.9", ALLOW_PRIVATE }, { "10.1.2.3", ALLOW_PRIVATE },
    { "172.16.0.1", ALLOW_PRIVATE }, { "172.32.0.1", ALLOW_PUBLIC },
    { "192.168.1.1", ALLOW_PRIVATE }, { "100.64.0.1", ALLOW_PRIVATE },
    { "100.128.0.1", ALLOW_PUBLIC }, { "198.19.0.1", ALLOW_PRIVATE },
    { "169.254.169.254", ALLOW_NEVER }, { "0.0.0.0", ALLOW_NEVER }, { "224.0.0.1", ALLOW_NEVER },
    { "255.255.255.255", ALLOW_NEVER }, { "::", ALLOW_NEVER }, { "::1", ALLOW_PRIVATE },
    { "fe80::1", ALLOW_NEVER }, { "fc00::1", ALLOW_PRIVATE }, { "ff02::1", ALLOW_NEVER },
    { "::ffff:127.0.0.1", ALLOW_PRIVATE }, { "::ffff:169.254.169.254", ALLOW_NEVER },
    { "::ffff:93.184.216.34", ALLOW_PUBLIC }, { "::10.0.0.1", ALLOW_PRIVATE },
    { "64:ff9b::a00:1", ALLOW_PRIVATE }, { "64:ff9b::a9fe:a9fe", ALLOW_NEVER },
    { "64:ff9b::5db8:d822", ALLOW_PUBLIC }, { "64:ff9b:1::1", ALLOW_PRIVATE },
    { "2002:a00:1::1", ALLOW_PRIVATE }, { "2002:a9fe:a9fe::", ALLOW_NEVER },
    { "2001:0:1:2:3:4:f5ff:fffe", ALLOW_PRIVATE }, { "::ffff:0:10.0.0.1", ALLOW_PRIVATE },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (t); i++)
    {
      struct sockaddr_storage ss = address (t[i].s);

      ck_assert_msg (allow_classify ((struct sockaddr *) &ss) == t[i].kind, "%s", t[i].s);
    }
}
END_TEST

static bool
may_reach (const struct allow *a, const char *url, const char *s)
{
  struct sockaddr_storage ss = address (s);
  struct url u = { 0 };
  bool may;

  ck_assert_int_eq (url_parse (url, &u), 0);
  may = allow_address (a, &u, (struct sockaddr *) &ss);
  url_done (&u);
  return may;
}

START_TEST (test_a_private_address_is_reached_only_when_named)
{
  struct allow a = { 0 };

  ck_assert (may_reach (&a, "https://app.example.com", "93.184.216.34"));
  ck_assert (!may_reach (&a, "https://app.example.com", "10.0.0.1"));
  ck_assert (may_reach (&a, "https://10.0.0.1", "10.0.0.1"));
  ck_assert (!may_reach (&a, "https://10.0.0.1", "10.0.0.2"));
  ck_assert (may_reach (&a, "https://localhost", "127.0.0.1"));
  ck_assert (may_reach (&a, "https://localhost", "::1"));
  ck_assert (!may_reach (&a, "https://localhost", "10.0.0.1"));
  ck_assert (!may_reach (&a, "https://169.254.169.254", "169.254.169.254"));
  ck_assert_int_eq (allow_add_network (&a, "10.0.0.0/9"), 0);
  ck_assert_int_eq (allow_add_network (&a, "fd00::/8"), 0);
  ck_assert_int_eq (allow_add_network (&a, "169.254.0.0/16"), 0);
  ck_assert (may_reach (&a, "https://app.example.com", "10.127.0.1"));
  ck_assert (!may_reach (&a, "https://app.example.com", "10.128.0.1"));
  ck_assert (may_reach (&a, "https://app.example.com", "fd12::1"));
  ck_assert (!may_reach (&a, "https://app.example.com", "169.254.169.254"));
  ck_assert_int_lt (allow_add_network (&a, "10.0.0.0/33"), 0);
  ck_assert_int_lt (allow_add_network (&a, "10.0.0/8"), 0);
  ck_assert_int_lt (allow_add_network (&a, "x"), 0);
  allow_done (&a);
}
END_TEST

START_TEST (test_an_origin_matches_exactly)
{
  struct allow a = { 0 };
  struct url u = { 0 };
  static const char *const no[] = { "http://app.example.com", "https://app.example.com:8443",
                                    "https://x.app.example.com", "https://app.example.com." };
  size_t i;

  ck_assert_int_eq (allow_add_origin (&a, "https://app.example.com"), 0);
  ck_assert_int_eq (url_parse ("https://APP.example.com:443/x", &u), 0);
  ck_assert (allow_origin (&a, &u));
  url_done (&u);
  for (i = 0; i < ARRAY_SIZE (no); i++)
    {
      ck_assert_int_eq (url_parse (no[i], &u), 0);
      ck_assert_msg (!allow_origin (&a, &u), "%s", no[i]);
      url_done (&u);
    }
  allow_done (&a);
}
END_TEST

static struct standins
secrets (const char *value)
{
  static const char *const hosts[] = { HERE };
  struct standins s = { 0 };

  ck_assert_int_eq (standins_add (&s, "token", TOKEN, value, hosts, 1), 0);
  /* The seed of RFC 6238's test vectors, appendix B. */
  ck_assert_int_eq (standins_add (&s, "totp", CODE, "GEZD GNBV GY3T QOJQ gezd gnbv gy3t qojq",
                                  hosts, 1), 0);
  return s;
}

static char *
replaced (const char *value, enum standin_place place, const char *text)
{
  struct standins s = secrets (value);
  struct standin_use use = { .all = &s, .origin = HERE, .exchange = 1 };
  struct buf out = BUF_INIT (4096);
  char *result;

  result = standins_replace (&use, place, text, strlen (text), &out) == 0 ? buf_steal (&out) : NULL;
  buf_done (&out);
  standins_done (&s);
  return result;
}

START_TEST (test_a_value_is_written_as_its_place_wants_it)
{
  static const struct { enum standin_place place; const char *want; } t[] = {
    { STANDIN_URL, "a%22b%5Cc%3C%26%3E%27d%20e%2F%2B%25%C3%A9" },
    { STANDIN_FORM, "a%22b%5Cc%3C%26%3E%27d%20e%2F%2B%25%C3%A9" },
    { STANDIN_JSON, "a\\\"b\\\\c<&>'d e/+%\xc3\xa9" },
    { STANDIN_XML, "a&quot;b\\c&lt;&amp;&gt;&apos;d e/+%\xc3\xa9" },
    { STANDIN_HEADER, NASTY },
    { STANDIN_RAW, NASTY },
  };
  char want[256];
  size_t i;

  for (i = 0; i < ARRAY_SIZE (t); i++)
    {
      char *got = replaced (NASTY, t[i].place, "u" TOKEN "uS" TOKEN);

      (void) snprintf (want, sizeof want, "u%suS%s", t[i].want, t[i].want);
      ck_assert_str_eq (got, want);
      free (got);
    }
}
END_TEST

START_TEST (test_a_line_break_in_a_secret_splits_no_header)
{
  char *s;

  ck_assert_ptr_null (replaced ("a\r\nX: y", STANDIN_HEADER, "Bearer " TOKEN));
  ck_assert_ptr_null (replaced ("a\x01", STANDIN_XML, TOKEN));
  s = replaced ("a\r\nb", STANDIN_JSON, TOKEN);
  ck_assert_str_eq (s, "a\\u000d\\u000ab");
  free (s);
  s = replaced ("a\r\nb", STANDIN_URL, TOKEN);
  ck_assert_str_eq (s, "a%0D%0Ab");
  free (s);
}
END_TEST

START_TEST (test_what_only_looks_like_a_stand_in_stays)
{
  static const char *const texts[] = { "", "uS", "uSabcdefghijklmnopqrstuvwxyz012",
                                       "uSabcdefghijklmnopqrstuvwxyz012!", "uuuuuSuSuS",
                                       "uSAbcdefghijklmnopqrstuvwxyz0123" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (texts); i++)
    {
      char *s = replaced ("v", STANDIN_RAW, texts[i]);

      ck_assert_str_eq (s, texts[i]);
      free (s);
    }
}
END_TEST

START_TEST (test_a_secret_goes_only_where_it_is_listed)
{
  struct standins s = secrets ("v");
  struct standin_use use = { .all = &s, .origin = "https://app.example.com:8443", .exchange = 1 };
  struct buf out = BUF_INIT (100);

  ck_assert_int_eq (standins_replace (&use, STANDIN_RAW, TOKEN, 32, &out), -EACCES);
  ck_assert_str_eq (use.name, "token");
  ck_assert_uint_eq (out.len, 0);
  ck_assert_int_eq (standins_add (&s, "again", TOKEN, "w", NULL, 0), -EINVAL);
  ck_assert_int_eq (standins_add (&s, "form", "uS", "w", NULL, 0), -EINVAL);
  ck_assert_int_eq (standins_add (&s, "totp", "uS000000000000000000000000000000", "not base32!",
                                  NULL, 0), -EINVAL);
  standins_done (&s);
  buf_done (&out);
}
END_TEST

START_TEST (test_a_code_is_never_sent_twice)
{
  struct standins s = secrets ("v");
  struct standin_use use = { .all = &s, .origin = HERE, .now_ms = 59000, .exchange = 1 };
  struct buf out = BUF_INIT (100);

  ck_assert_int_eq (standins_replace (&use, STANDIN_RAW, CODE CODE, 64, &out), 0);
  ck_assert_str_eq (out.data, "287082287082"); /* RFC 6238: 94287082, its last six */
  use.exchange = 2;
  ck_assert_int_eq (standins_replace (&use, STANDIN_RAW, CODE, 32, &out), -EAGAIN);
  ck_assert_int_eq (use.wait_ms, 1000);
  use.now_ms += use.wait_ms;
  ck_assert_int_eq (standins_replace (&use, STANDIN_RAW, CODE, 32, &out), 0);
  ck_assert_uint_eq (out.len, 18);
  /* A clock that goes back brings no step back. */
  use.exchange = 3;
  use.now_ms = 30000;
  ck_assert_int_eq (standins_replace (&use, STANDIN_RAW, CODE, 32, &out), -EAGAIN);
  standins_done (&s);
  buf_done (&out);
}
END_TEST

START_TEST (test_seeds_come_as_addresses_too)
{
  struct totp t = { 0 };
  char code[TOTP_CODE_SIZE];
  int64_t wait;

  ck_assert_int_eq (totp_parse ("otpauth://totp/App:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                                "&issuer=App&digits=8&period=30&algorithm=SHA1", &t), 0);
  ck_assert_int_eq (totp_code (&t, 59000, code, &wait), 0);
  ck_assert_str_eq (code, "94287082");
  totp_done (&t);
  ck_assert_int_lt (totp_parse ("otpauth://hotp/x?secret=GEZDGNBV", &t), 0);
  ck_assert_int_lt (totp_parse ("otpauth://totp/x?digits=6", &t), 0);
  ck_assert_int_lt (totp_parse ("otpauth://totp/x?secret=GEZDGNBV&digits=99", &t), 0);
  ck_assert_int_lt (totp_parse ("", &t), 0);
}
END_TEST

START_TEST (test_the_place_of_a_body_follows_its_type)
{
  ck_assert_int_eq (standin_place_of ("application/scim+json; charset=utf-8"), STANDIN_JSON);
  ck_assert_int_eq (standin_place_of ("Application/JSON"), STANDIN_JSON);
  ck_assert_int_eq (standin_place_of ("application/x-www-form-urlencoded"), STANDIN_FORM);
  ck_assert_int_eq (standin_place_of ("application/soap+xml"), STANDIN_XML);
  ck_assert_int_eq (standin_place_of ("text/plain"), STANDIN_RAW);
  ck_assert_int_eq (standin_place_of (NULL), STANDIN_RAW);
}
END_TEST

START_TEST (test_auth_rules_of_bad_form_are_refused)
{
  static const char *const bad[] = {
    "[]", "{\"a\": []}", "{\"a\": {\"bearer\": 1}}", "{\"a\": {\"basic\": [\"x\"]}}",
    "{\"a\": {\"basic\": \"x\"}}", "{\"a\": {\"header\": {\"a b\": \"x\"}}}",
    "{\"a\": {\"header\": {\"A: b\\r\\nC\": \"x\"}}}", "{\"a\": {\"query\": {\"k\": {}}}}",
    "{\"a\": {\"query\": {\"k\": {\"hmac-sha1\": [\"x\", \"y\"]}}}}", "{\"a\": {\"other\": \"x\"}}",
    "{\"a\": {}", "{\"a\": {}, \"a\": {}}",
  };
  struct auth a = { 0 };
  const struct auth_rule *rule;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (bad); i++)
    ck_assert_msg (auth_parse (bad[i], strlen (bad[i]), &a) == -EINVAL, "%s", bad[i]);
  ck_assert_int_eq (auth_parse ("{\"other\": {\"bearer\": \"gone\"}}", 29, &a), 0);
  ck_assert_int_eq (auth_find (&a, NULL, &rule), 0);
  ck_assert_ptr_null (rule);
  ck_assert_int_eq (auth_find (&a, "", &rule), 0);
  ck_assert_int_eq (auth_find (&a, "none", &rule), -ENOENT);
  auth_done (&a);
}
END_TEST

START_TEST (test_auth_computes_what_the_vendors_document)
{
  static const char rules[] = "{\"r\": {\"basic\": [\"token\", \"token\"], \"query\": "
                              "{\"a b\": {\"hmac-sha256\": [\"token\", \"text\"]}}}}";
  static const char *const hosts[] = { HERE };
  struct standins s = secrets ("Jefe");
  struct standin_use use = { .all = &s, .origin = HERE, .exchange = 1 };
  struct buf headers = BUF_INIT (1000), query = BUF_INIT (1000);
  const struct auth_rule *rule;
  struct auth a = { 0 };

  /* RFC 4231, test case 2. */
  ck_assert_int_eq (standins_add (&s, "text", "uS000000000000000000000000000001",
                                  "what do ya want for nothing?", hosts, 1), 0);
  ck_assert_int_eq (auth_parse (rules, sizeof rules - 1, &a), 0);
  ck_assert_int_eq (auth_find (&a, "r", &rule), 0);
  ck_assert (auth_may_go (rule, &s, HERE));
  ck_assert (!auth_may_go (rule, &s, "https://evil.example:443"));
  ck_assert_int_eq (auth_apply (rule, &use, &headers, &query), 0);
  ck_assert_str_eq (headers.data, "Authorization: Basic SmVmZTpKZWZl");
  ck_assert_str_eq (query.data, "a%20b=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec"
                    "3843");
  auth_done (&a);
  standins_done (&s);
  buf_done (&headers);
  buf_done (&query);
}
END_TEST

START_TEST (test_accept_knows_its_little_language)
{
  ck_assert (accept_status (NULL, 204));
  ck_assert (!accept_status (NULL, 404));
  ck_assert (accept_status ("200,404", 404));
  ck_assert (accept_status ("200, 4xx", 418));
  ck_assert (accept_status ("any", 500));
  ck_assert (!accept_status ("200", 201));
  ck_assert (accept_valid (NULL));
  ck_assert (!accept_valid (""));
  ck_assert (!accept_valid ("200,"));
  ck_assert (!accept_valid ("2"));
  ck_assert (!accept_valid ("200;404"));
  ck_assert (!accept_valid ("999"));
}
END_TEST

START_TEST (test_the_witness_forgives_what_was_made_good)
{
  struct witness w = { 0 };
  struct wire_tally t;
  unsigned int i;

  ck_assert_int_eq (witness_request (&w, 5), 0);
  ck_assert_int_eq (witness_request (&w, 5), 0);
  ck_assert_int_eq (witness_request (&w, 0), 0);
  ck_assert_uint_eq (witness_doubt (&w), 0);
  witness_bad (&w, 5, WITNESS_REFUSED, "GET", "https://a/1", "first");
  witness_bad (&w, 5, WITNESS_SHORT, "GET", "https://a/1", "the same request");
  witness_bad (&w, 5, WITNESS_SHORT, "GET", "https://a/2", "second");
  witness_bad (&w, 0, WITNESS_SHORT, "GET", "https://a/2", "of no section");
  witness_tally (&w, 5, &t);
  ck_assert_uint_eq (t.requests, 2);
  ck_assert_uint_eq (t.refused, 1);
  ck_assert_uint_eq (witness_doubt (&w), 5);
  ck_assert_uint_eq (t.short_bodies, 1);
  ck_assert_str_eq (t.why, "first");
  witness_good (&w, 5, "POST", "https://a/1");
  witness_good (&w, 5, "GET", "https://a/1");
  witness_tally (&w, 5, &t);
  ck_assert_uint_eq (t.refused, 0);
  ck_assert_str_eq (t.why, "second");
  witness_good (&w, 5, "GET", "https://a/2");
  ck_assert_uint_eq (witness_doubt (&w), 0);
  /* More than fit are counted, and nothing makes them good. */
  for (i = 0; i < WITNESS_BAD_MAX + 10; i++)
    {
      char url[32];

      (void) snprintf (url, sizeof url, "https://b/%u", i);
      witness_bad (&w, 5, WITNESS_FOREIGN_REDIRECT, "GET", url, "x");
    }
  witness_tally (&w, 5, &t);
  ck_assert_uint_eq (t.foreign_redirects, WITNESS_BAD_MAX + 10);
  ck_assert_uint_eq (witness_doubt (&w), 5);
  witness_forget (&w, 5);
  witness_tally (&w, 5, &t);
  ck_assert_uint_eq (t.requests, 0);
  witness_done (&w);
}
END_TEST

START_TEST (test_the_witness_compares_media_types)
{
  struct witness w = { 0 };

  ck_assert_int_eq (witness_request (&w, 1), 0);
  ck_assert (witness_type (&w, 1, NULL));
  ck_assert (witness_type (&w, 1, "Application/JSON; charset=utf-8"));
  ck_assert (witness_type (&w, 1, "application/json"));
  ck_assert (witness_type (&w, 1, NULL));
  ck_assert (!witness_type (&w, 1, "text/html"));
  ck_assert (witness_type (&w, 2, "text/html"));
  witness_done (&w);
}
END_TEST

START_TEST (test_redaction_finds_every_form)
{
  static const char *const texts[] = {
    "x tok/en\"1+ y", "x tok%2Fen%221%2B y", "x tok%2fen%221%2b y", "x tok/en\\\"1+ y",
    "x tok\\/en\\\"1+ y", "x tok/en&quot;1+ y", "x dG9rL2VuIjEr y", "Basic eDp0b2svZW4iMSs=",
    "Basic eHg6dG9rL2VuIjEr", "Basic eHh4OnRvay9lbiIxKw==", "cut tok/en", "cut tok%2Fe",
  };
  struct standins s = secrets ("tok/en\"1+");
  struct redact r = { 0 };
  size_t i;

  ck_assert_int_eq (redact_build (&s, &r), 0);
  for (i = 0; i < ARRAY_SIZE (texts); i++)
    {
      struct buf out = BUF_INIT (1000);

      redact_put (&r, texts[i], strlen (texts[i]), &out);
      ck_assert_int_eq (buf_error (&out), 0);
      ck_assert_msg (strstr (out.data, "[token]"), "%s -> %s", texts[i], out.data);
      buf_done (&out);
    }
  redact_done (&r);
  standins_done (&s);
}
END_TEST

START_TEST (test_redaction_still_finds_what_a_secret_was)
{
  static const char *const texts[] = { "x tok/en\"1+ y", "x tok%2Fen%221%2B y", "x second y",
                                       "Basic c2Vjb25k" };
  struct standins s = secrets ("tok/en\"1+");
  struct redact r = { 0 };
  size_t i;

  ck_assert_int_eq (redact_build (&s, &r), 0);
  ck_assert_int_eq (standins_set (&s, "token", "second"), 0);
  ck_assert_int_eq (redact_add (&r, standins_find (&s, "token")), 0);
  for (i = 0; i < ARRAY_SIZE (texts); i++)
    {
      struct buf out = BUF_INIT (1000);

      redact_put (&r, texts[i], strlen (texts[i]), &out);
      ck_assert_int_eq (buf_error (&out), 0);
      ck_assert_msg (strstr (out.data, "[token]"), "%s -> %s", texts[i], out.data);
      buf_done (&out);
    }
  redact_done (&r);
  standins_done (&s);
}
END_TEST

START_TEST (test_permits_are_taken_in_the_order_of_the_rules)
{
  static const char rules[] = "[{\"key\": \"a\"}, {\"origin\": \"https://x.example\"}, {}]";
  struct wire_permit p = { .n = 1 };
  struct rate_hold hold = { 0 };
  struct rates r = { 0 };

  ck_assert_int_eq (rates_parse ("{}", 2, &r), -EINVAL);
  ck_assert_int_eq (rates_parse ("[1]", 3, &r), -EINVAL);
  ck_assert_int_eq (rates_parse (rules, sizeof rules - 1, &r), 0);
  ck_assert (!rates_take (&r, HERE, 0, &hold));
  ck_assert_uint_eq (hold.next, 0);
  p.rate = 2;
  ck_assert_int_eq (rates_permit (&r, &p, 0), 0);
  ck_assert (!rates_take (&r, HERE, 0, &hold));
  ck_assert_uint_eq (hold.next, 0);
  p.rate = 0;
  p.wait_ms = 10;
  ck_assert_int_eq (rates_permit (&r, &p, 0), 0);
  ck_assert (!rates_take (&r, HERE, 9, &hold));
  ck_assert (rates_take (&r, HERE, 10, &hold));
  ck_assert_uint_eq (hold.held, 5);
  /* A long wait ends the requests that wait; the next one asks again. */
  p = (struct wire_permit) { .rate = 0, .wait_ms = 7200000 };
  ck_assert_int_eq (rates_permit (&r, &p, 0), 0);
  ck_assert_int_le (r.rules[0].not_before_ms, 1000);
  p.rate = 3;
  ck_assert_int_eq (rates_permit (&r, &p, 0), -EBADMSG);
  p = (struct wire_permit) { .rate = 1, .n = UINT32_MAX };
  ck_assert_int_eq (rates_permit (&r, &p, 0), -EBADMSG);
  rates_done (&r);
}
END_TEST

START_TEST (test_waits_between_attempts_grow_and_differ)
{
  bool differ = false;
  int i;

  for (i = 0; i < 100; i++)
    {
      int64_t first = retry_wait_ms (1), second = retry_wait_ms (2);

      ck_assert (first >= 250 && first < 750);
      ck_assert (second >= 500 && second < 1500);
      differ |= first != retry_wait_ms (1);
    }
  ck_assert (differ);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_an_origin_has_one_form);
  tcase_add_test (t, test_addresses_that_could_deceive_are_refused);
  tcase_add_test (t, test_locations_are_resolved_against_their_page);
  tcase_add_test (t, test_the_proxy_list_covers_names_and_what_is_below_them);
  tcase_add_test (t, test_every_disguise_of_a_private_address_is_seen);
  tcase_add_test (t, test_a_private_address_is_reached_only_when_named);
  tcase_add_test (t, test_an_origin_matches_exactly);
  tcase_add_test (t, test_a_value_is_written_as_its_place_wants_it);
  tcase_add_test (t, test_a_line_break_in_a_secret_splits_no_header);
  tcase_add_test (t, test_what_only_looks_like_a_stand_in_stays);
  tcase_add_test (t, test_a_secret_goes_only_where_it_is_listed);
  tcase_add_test (t, test_a_code_is_never_sent_twice);
  tcase_add_test (t, test_seeds_come_as_addresses_too);
  tcase_add_test (t, test_the_place_of_a_body_follows_its_type);
  tcase_add_test (t, test_auth_rules_of_bad_form_are_refused);
  tcase_add_test (t, test_auth_computes_what_the_vendors_document);
  tcase_add_test (t, test_accept_knows_its_little_language);
  tcase_add_test (t, test_the_witness_forgives_what_was_made_good);
  tcase_add_test (t, test_the_witness_compares_media_types);
  tcase_add_test (t, test_redaction_finds_every_form);
  tcase_add_test (t, test_redaction_still_finds_what_a_secret_was);
  tcase_add_test (t, test_permits_are_taken_in_the_order_of_the_rules);
  tcase_add_test (t, test_waits_between_attempts_grow_and_differ);
}

UNIT_MAIN ("net-parts", fill)
