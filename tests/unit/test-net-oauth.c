/* What usher-net writes to a token endpoint, and what it takes from one. */
#include <config.h>

#include "unit.h"

#include <stdio.h>
#include <usher/connector.h>

#include "host/net/oauth-form.h"
#include "host/net/redact.h"

#define HOST "login.example.com"
#define FORM "{\"token_url\": \"https://login.example.com/token\", \"grant\": "

static struct oauth_form form;
static struct buf headers = BUF_INIT (65536), body = BUF_INIT (65536);
static struct oauth_answer answer;

static void
fill_form (const char *json, const struct oauth_secrets *s)
{
  oauth_form_done (&form);
  buf_reset (&headers);
  buf_reset (&body);
  ck_assert_int_eq (oauth_form_parse (json, strlen (json), &form), 0);
  ck_assert_int_eq (oauth_form_fill (&form, s, &headers, &body), 0);
}

START_TEST (test_a_client_proves_itself_as_the_file_says)
{
  const struct oauth_secrets s = { NULL, "s:/ö", "r+1" };
  static const char basic[] = "Authorization: Basic dSUyMDE6cyUzQSUyRiVDMyVCNg==";

  fill_form (FORM "\"refresh_token\", \"client_id\": \"u 1\", \"scopes\": [\"a:b\", \"c\"], "
             "\"extra\": {\"keep\": \"a&b\"}}", &s);
  ck_assert_str_eq (body.data, "grant_type=refresh_token&refresh_token=r%2B1&scope=a%3Ab%20c&keep=a%26b");
  ck_assert_ptr_nonnull (memmem (headers.data, headers.len, basic, sizeof basic));
  fill_form (FORM "\"client_credentials\", \"client_auth\": \"body\", \"client_id\": \"u 1\"}", &s);
  ck_assert_str_eq (body.data, "grant_type=client_credentials&client_id=u%201&client_secret=s%3A%2F%C3%B6");
  ck_assert_ptr_null (memmem (headers.data, headers.len, "Basic", 5));
  fill_form (FORM "\"client_credentials\", \"client_auth\": \"body\"}", &(struct oauth_secrets) { .id = "me" });
  ck_assert_str_eq (body.data, "grant_type=client_credentials&client_id=me");
  oauth_form_done (&form);
}
END_TEST

START_TEST (test_forms_that_say_too_little_are_refused)
{
  static const char *const bad[] = {
    "", "[]", "{}", "{\"grant\": \"refresh_token\"}", "{\"token_url\": \"https://login.example.com/\"}",
    FORM "5}", FORM "\"refresh_token\", \"scopes\": [1]}", FORM "\"refresh_token\", \"extra\": {\"a\": 1}}",
    "{\"token_url\": \"ftp://login.example.com/\", \"grant\": \"refresh_token\"}",
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (bad); i++)
    ck_assert_msg (oauth_form_parse (bad[i], strlen (bad[i]), &form) == -EINVAL, "%s", bad[i]);
}
END_TEST

/* What an endpoint that answers HTTP and TEXT gives. */
static int32_t
read_answer (int32_t http, const char *text)
{
  oauth_answer_done (&answer);
  oauth_answer_read (HOST, http, NULL, text, strlen (text), &answer);
  ck_assert_int_eq (!answer.status, answer.access.data != NULL);
  ck_assert_int_eq (answer.status < 0, *answer.text != '\0');
  if (answer.status)
    ck_assert_ptr_nonnull (strstr (answer.text, HOST));
  return answer.status;
}

#define TOKENS "{\"access_token\": \"abc\", \"refresh_token\": \"def\""

START_TEST (test_good_answers_give_tokens_and_their_life)
{
  static const struct { const char *expires; int64_t life_ms; } lives[] = {
    { "", -1 }, { ", \"expires_in\": null", -1 }, { ", \"expires_in\": \"soon\"", -1 }, { ", \"expires_in\": {}", -1 },
    { ", \"expires_in\": 3600", 3600000 }, { ", \"expires_in\": \"3599\"", 3599000 },
    { ", \"expires_in\": 1.5", 1500 }, { ", \"expires_in\": 9223372036854775807", OAUTH_LIFE_MAX_MS },
    { ", \"expires_in\": 1e300", OAUTH_LIFE_MAX_MS }, { ", \"expires_in\": \"99999999999999999999\"", -1 },
  };
  char text[512];
  size_t i;

  for (i = 0; i < ARRAY_SIZE (lives); i++)
    {
      (void) snprintf (text, sizeof text, TOKENS ", \"token_type\": \"Bearer\"%s}", lives[i].expires);
      ck_assert_int_eq (read_answer (200, text), 0);
      ck_assert_str_eq (answer.access.data, "abc");
      ck_assert_str_eq (answer.refresh.data, "def");
      ck_assert_msg (answer.life_ms == lives[i].life_ms, "%s: %lld", lives[i].expires, (long long) answer.life_ms);
    }
  ck_assert_int_eq (read_answer (200, "{\"access_token\": \"abc\"}"), 0);
  ck_assert_ptr_null (answer.refresh.data);
  oauth_answer_done (&answer);
}
END_TEST

START_TEST (test_odd_answers_give_a_sentence)
{
  static const struct { int32_t http; const char *text; int32_t status; bool refresh; } odd[] = {
    { 200, "<html>", USHER_E_SHAPE, false }, { 200, "", USHER_E_SHAPE, false }, { 200, "[]", USHER_E_SHAPE, false },
    { 200, "{\"access_token\": \"a\", \"access_token\": \"b\"}", USHER_E_SHAPE, false },
    { 200, TOKENS ", \"expires_in\": 0}", USHER_E_SHAPE, true },
    { 200, TOKENS ", \"expires_in\": -1}", USHER_E_SHAPE, true },
    { 200, TOKENS ", \"expires_in\": -1e300}", USHER_E_SHAPE, true },
    { 200, TOKENS ", \"token_type\": \"mac\"}", USHER_E_SHAPE, true },
    { 200, "{\"refresh_token\": \"def\"}", USHER_E_SHAPE, true },
    { 200, "{\"access_token\": \"a b\", \"refresh_token\": \"def\"}", USHER_E_SHAPE, true },
    { 200, "{\"access_token\": \"abc\", \"refresh_token\": \"d\\nf\"}", USHER_E_SHAPE, false },
    { 200, "{\"access_token\": \"\"}", USHER_E_SHAPE, false }, { 200, "{\"access_token\": 5}", USHER_E_SHAPE, false },
    { 200, "{\"error\": \"invalid_grant\", \"refresh_token\": \"def\"}", USHER_E_TOKEN, false },
    { 400, "{\"error\": \"invalid_grant\"}", USHER_E_TOKEN, false },
    { 401, "{\"error\": \"invalid_client\"}", USHER_E_TOKEN, false }, { 401, "<html>", USHER_E_TOKEN, false },
    { 400, "{\"error\": \"bad_refresh_token\"}", USHER_E_TOKEN, false },
    { 400, "{\"error\": \"invalid_scope\"}", USHER_E_CONFIG, false }, { 404, "", USHER_E_CONFIG, false },
    { 307, "", USHER_E_CONFIG, false }, { 302, "{\"error\": \"invalid_grant\"}", USHER_E_CONFIG, false },
    { 503, "", USHER_E_APP_DOWN, false }, { 500, "{\"error\": \"oops\"}", USHER_E_APP_DOWN, false },
    { 400, "{\"error\": \"temporarily_unavailable\"}", USHER_E_APP_DOWN, false },
    { 429, "", USHER_E_RATE, false }, { 400, "{\"error\": \"slow_down\"}", USHER_E_RATE, false },
    { 100, "{}", USHER_E_CONFIG, false }, { 0, "", USHER_E_CONFIG, false },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (odd); i++)
    {
      ck_assert_msg (read_answer (odd[i].http, odd[i].text) == odd[i].status, "%d %s: %d %s", odd[i].http,
                     odd[i].text, answer.status, answer.text);
      ck_assert_msg ((answer.refresh.data != NULL) == odd[i].refresh, "%d %s", odd[i].http, odd[i].text);
    }
  oauth_answer_done (&answer);
}
END_TEST

START_TEST (test_an_error_code_hides_nothing_in_the_sentence)
{
  ck_assert_int_eq (read_answer (400, "{\"error\": \"x<script>\"}"), USHER_E_TOKEN);
  ck_assert_ptr_null (strstr (answer.text, "script"));
  ck_assert_int_eq (read_answer (400, "{\"error\": \"\"}"), USHER_E_TOKEN);
  ck_assert_int_eq (read_answer (400, "{\"error\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}"),
                    USHER_E_TOKEN);
  ck_assert_ptr_null (strstr (answer.text, "aaa"));
  oauth_answer_done (&answer);
}
END_TEST

START_TEST (test_every_beginning_of_an_answer_is_no_token)
{
  static const char whole[] = TOKENS ", \"token_type\": \"bearer\", \"expires_in\": 3600}";
  size_t i;

  for (i = 0; i < sizeof whole - 1; i++)
    {
      oauth_answer_done (&answer);
      oauth_answer_read (HOST, 200, NULL, whole, i, &answer);
      ck_assert_int_eq (answer.status, USHER_E_SHAPE);
    }
  oauth_answer_done (&answer);
}
END_TEST

START_TEST (test_redaction_of_a_series_is_bounded)
{
  struct redact r = { 0 };
  struct buf out = BUF_INIT (65536);
  char value[64];
  unsigned int i;
  size_t most = 0;

  for (i = 0; i < 2000; i++)
    {
      (void) snprintf (value, sizeof value, "%u/\"+<value>", i);
      ck_assert_int_eq (redact_next (&r, "access_token", value), 0);
      most = MAX (most, r.n);
    }
  ck_assert_uint_lt (most, 100);
  for (i = 2000 - REDACT_SERIES; i < 2000; i++)
    {
      (void) snprintf (value, sizeof value, "%u/\"+<value>", i);
      buf_reset (&out);
      redact_put (&r, value, strlen (value), &out);
      ck_assert_str_eq (out.data, "[access_token]");
    }
  buf_done (&out);
  redact_done (&r);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_a_client_proves_itself_as_the_file_says);
  tcase_add_test (t, test_forms_that_say_too_little_are_refused);
  tcase_add_test (t, test_good_answers_give_tokens_and_their_life);
  tcase_add_test (t, test_odd_answers_give_a_sentence);
  tcase_add_test (t, test_an_error_code_hides_nothing_in_the_sentence);
  tcase_add_test (t, test_every_beginning_of_an_answer_is_no_token);
  tcase_add_test (t, test_redaction_of_a_series_is_bounded);
}

UNIT_MAIN ("net-oauth", fill)
