/* App files: a corpus of bad ones, each refused where and why it must be; what good ones
   declare; and the check of values that people give. */
#include <config.h>

#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "host/apps/apps.h"
#include "host/apps/json-offsets.h"
#include "host/apps/shape.h"
#include "host/common/buf.h"
#include "host/common/io.h"

#define CORPUS TOP_SRCDIR "/tests/unit/apps/"

static void
keep_first (void *data, const struct app_problem *p)
{
  char **first = data;

  if (!*first)
    *first = app_problem_format (p);
}

static void
never (void *data, const struct app_problem *p)
{
  (void) data;
  ck_abort_msg ("%s:%zu:%zu: %s: %s", p->file, p->line, p->column, p->path, p->text);
}

static struct apps *
good (void)
{
  struct apps *set = NULL;

  ck_assert_int_eq (apps_load (CORPUS "good", never, NULL, &set), 0);
  return set;
}

static json_t *
json (const char *text)
{
  json_error_t error;
  json_t *v = json_loads (text, 0, &error);

  ck_assert_msg (v != NULL, "%s: %s", text, error.text);
  return v;
}

START_TEST (test_every_bad_file_is_refused_where_and_why_it_must_be)
{
  struct buf b = BUF_INIT (1 << 20);
  char *line, *rest, name[64], place[32], path[512], want[1024];
  size_t files = 0;
  int at;

  ck_assert_int_eq (io_read_file (CORPUS "EXPECTED", &b), 0);
  for (line = strtok_r (b.data, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
    {
      char *first = NULL;

      if (line[0] == '#')
        continue;
      /* NAME FLAG LINE:COLUMN SENTENCE */
      at = (int) strcspn (line, " ");
      (void) snprintf (name, sizeof name, "%.*s", at, line);
      line += at + 3;
      at = (int) strcspn (line, " ");
      (void) snprintf (place, sizeof place, "%.*s", at, line);
      (void) snprintf (path, sizeof path, CORPUS "bad/%s.json", name);
      (void) snprintf (want, sizeof want, "%s:%s: %s", path, place, line + at + 1);
      ck_assert_int_gt (app_check_file (path, keep_first, &first), 0);
      ck_assert_str_eq (first, want);
      free (first);
      files++;
    }
  ck_assert_uint_ge (files, 60);
  buf_done (&b);
}
END_TEST

START_TEST (test_good_files_load_in_order)
{
  struct apps *set = good ();
  const char *text, *why = NULL;
  size_t len;

  ck_assert_uint_eq (apps_count (set), 5);
  ck_assert_str_eq (app_id (apps_at (set, 0)), "backslash");
  ck_assert_str_eq (app_id (apps_at (set, 4)), "smallest");
  ck_assert_ptr_null (apps_find (set, "nothing"));
  ck_assert_str_eq (app_name (apps_find (set, "scim")), "SCIM 2.0 application");
  ck_assert_str_eq (app_connector (apps_find (set, "scim")), "seat");
  app_run (apps_find (set, "every-key"), &text, &len);
  ck_assert_uint_eq (len, strlen ("{\"any\": [1, 2.5, null, {\"x\": \"\\u00e9\"}]}"));
  ck_assert_int_eq (memcmp (text, "{\"any\": [1, 2.5, null, {\"x\": \"\\u00e9\"}]}", len), 0);
  ck_assert_ptr_null (strstr (app_public_json (apps_find (set, "every-key")), "\"run\""));
  app_run (apps_find (set, "smallest"), &text, &len);
  ck_assert_uint_eq (len, 2);
  ck_assert (app_can (apps_find (set, "scim"), "sync", &why));
  ck_assert (!app_can (apps_find (set, "scim"), "mfa", &why));
  ck_assert_str_eq (why, "SCIM has no second factor");
  ck_assert (app_login_method (apps_find (set, "scim"), "password"));
  ck_assert (!app_login_method (apps_find (set, "smallest"), "password"));
  ck_assert_str_eq (app_get_text (apps_find (set, "scim"), "add.how", ""), "create");
  ck_assert_int_eq (app_get_number (apps_find (set, "backslash"), "password_rules.length", 0), 24);
  ck_assert (app_get_bool (apps_find (set, "backslash"), "session.save", false));
  ck_assert_ptr_eq (apps_ref (set), set);
  ck_assert_ptr_null (apps_unref (set));
  ck_assert_uint_eq (apps_count (set), 5);
  apps_unref (set);
}
END_TEST

START_TEST (test_the_earlier_folder_wins_and_wrong_files_are_left_out)
{
  char folder[] = "/tmp/usher-apps-XXXXXX", path[300], first[64];
  struct buf b = BUF_INIT (APP_FILE_MAX);
  struct apps *set;
  char *problem = NULL;

  ck_assert_ptr_nonnull (mkdtemp (folder));
  (void) snprintf (first, sizeof first, "%s/scim.json", folder);
  ck_assert_int_eq (io_replace_file (first, "{", 1, 0644), 0);
  (void) snprintf (path, sizeof path, "%s::/nonexistent:%s", folder, CORPUS "good");
  ck_assert_int_eq (apps_load (path, keep_first, &problem, &set), 0);
  ck_assert_ptr_nonnull (strstr (problem, "scim.json:1:2: the file ends too early"));
  ck_assert_uint_eq (apps_count (set), 4);
  ck_assert_ptr_null (apps_find (set, "scim"));
  apps_unref (set);
  free (problem);
  (void) unlink (first);
  (void) rmdir (folder);
  buf_done (&b);
}
END_TEST

START_TEST (test_a_file_cut_at_any_byte_is_refused)
{
  struct buf b = BUF_INIT (APP_FILE_MAX);
  size_t i, end;

  ck_assert_int_eq (io_read_file (CORPUS "good/every-key.json", &b), 0);
  for (end = b.len; b.data[end - 1] != '}'; end--)
    ;
  for (i = 0; i < end; i++)
    {
      char *cut = malloc (i ? i : 1), *first = NULL;

      memcpy (cut, b.data, i);
      ck_assert_int_gt (app_check_text ("every-key.json", cut, i, keep_first, &first), 0);
      free (first);
      free (cut);
    }
  buf_done (&b);
}
END_TEST

START_TEST (test_a_file_over_the_limit_is_refused)
{
  static char big[APP_FILE_MAX + 1];
  char *first = NULL;

  memset (big, ' ', sizeof big);
  ck_assert_int_eq (app_check_text ("big.json", big, sizeof big, keep_first, &first), 1);
  ck_assert_str_eq (first, "big.json: is longer than 1 MiB");
  free (first);
}
END_TEST

/* The fields VALUES of app ID become WANT, or are refused with that sentence. */
static void
expect_fields (const char *id, const char *values, const char *want)
{
  struct apps *set = good ();
  json_t *given = json (values), *got = NULL;
  struct app_error error = { "", "" };
  int r = app_check_fields (apps_find (set, id), given, &got, &error);

  if (r == 0)
    {
      char *text = json_dumps (got, JSON_COMPACT | JSON_SORT_KEYS);

      ck_assert_str_eq (text, want);
      free (text);
      json_decref (got);
    }
  else
    ck_assert_str_eq (error.text, want);
  json_decref (given);
  apps_unref (set);
}

START_TEST (test_hub_fields_are_normalised_or_refused)
{
  expect_fields ("scim", "{\"base_url\": \" HTTPS://App.Example.com:443/scim/v2// \"}",
                 "{\"base_url\":\"https://app.example.com/scim/v2\",\"leave\":\"deactivate\","
                 "\"role_from\":\"roles\"}");
  expect_fields ("scim", "{\"base_url\": \"http://127.0.0.1:9000/scim/v2\", \"roles\": \"a\", "
                 "\"leave\": null}",
                 "{\"base_url\":\"http://127.0.0.1:9000/scim/v2\",\"leave\":\"deactivate\","
                 "\"role_from\":\"roles\",\"roles\":[\"a\"]}");
  expect_fields ("scim", "{}", "base_url (SCIM base URL) is required.");
  expect_fields ("scim", "{\"base_uri\": \"x\"}",
                 "There is no field base_uri; did you mean base_url?");
  expect_fields ("scim", "{\"base_url\": \"app.example.com\"}",
                 "base_url must begin with https:// (or http://).");
  expect_fields ("scim", "{\"base_url\": \"https://u:p@app.example.com\"}",
                 "base_url must not hold a user name or password.");
  expect_fields ("scim", "{\"base_url\": \"https://app.example.com/?a\"}",
                 "base_url must not hold ? or #.");
  expect_fields ("scim", "{\"base_url\": \"https://2130706433/\"}",
                 "base_url has no valid host name after ://.");
  expect_fields ("scim", "{\"base_url\": \"https://a.example.com:0/\"}",
                 "base_url has a port that is not a number from 1 to 65535.");
  expect_fields ("scim", "{\"base_url\": \"https://a.example.com\", \"leave\": \"keep\"}",
                 "leave must be deactivate, delete or strip.");
  expect_fields ("scim", "{\"base_url\": \"https://a.example.com\", \"role_from\": \"x\"}",
                 "role_from must have the form roles|entitlements|groups|urn:[!-~]+.");
  expect_fields ("scim", "{\"base_url\": 5}", "base_url must be a text.");
}
END_TEST

/* Account GIVEN for app ID with hub FIELDS becomes WANT, or is refused so. */
static void
expect_account (const char *id, const char *fields, const char *given, const char *want)
{
  struct apps *set = good ();
  json_t *hub = json (fields), *account = json (given), *got = NULL;
  struct app_error error = { "", "" };
  int r = app_check_account (apps_find (set, id), account, hub, &got, &error);

  if (r == 0)
    {
      char *text = json_dumps (got, JSON_COMPACT | JSON_SORT_KEYS);

      ck_assert_str_eq (text, want);
      free (text);
      json_decref (got);
    }
  else
    ck_assert_str_eq (error.text, want);
  json_decref (hub);
  json_decref (account);
  apps_unref (set);
}

START_TEST (test_accounts_are_checked_against_the_kinds_that_fields_allow)
{
  expect_account ("scim", "{}", "{\"secrets\": {\"token\": \"t\\n\"}}",
                  "{\"fields\":{},\"kind\":\"token\",\"secrets\":{\"token\":\"t\"}}");
  expect_account ("scim", "{}", "{\"secrets\": {\"token\": \"t\\r\\n\"}}",
                  "{\"fields\":{},\"kind\":\"token\",\"secrets\":{\"token\":\"t\"}}");
  expect_account ("scim", "{}", "{\"secrets\": {\"token\": \"t\\nu\"}}",
                  "token must be one line, and a line break is inside.");
  expect_account ("scim", "{}", "{\"secrets\": {\"token\": \"t\\ru\"}}",
                  "token must be one line, and a line break is inside.");
  expect_account ("scim", "{}", "{\"secrets\": {\"token\": \"t\\n\\n\"}}",
                  "token must be one line, and a line break is inside.");
  expect_account ("scim", "{}", "{\"username\": \"me\", \"secrets\": {}}",
                  "token (Bearer token) is required.");
  expect_account ("scim", "{}", "{\"kind\": \"password\", \"secrets\": {\"token\": \"t\"}}",
                  "Give what one kind of account needs: token.");
  expect_account ("scim", "{}", "{\"secrets\": {\"tokn\": \"t\"}}",
                  "An account of kind token has no field tokn.");
  expect_account ("backslash", "{\"profile\": \"web-html\"}",
                  "{\"username\": \"a@corp.test\", \"secrets\": {\"password\": \" p \"}}",
                  "{\"fields\":{},\"kind\":\"password\",\"secrets\":{\"password\":\" p \"},"
                  "\"username\":\"a@corp.test\"}");
  expect_account ("backslash", "{\"profile\": \"web-html\"}",
                  "{\"secrets\": {\"password\": \"p\"}}", "username (User name) is required.");
  expect_account ("backslash", "{\"profile\": \"web-html\"}",
                  "{\"username\": \"a\", \"secrets\": {\"password\": \"p\", \"totp\": \"12\"}}",
                  "totp must be the base32 secret that the app shows, or an otpauth:// address.");
  expect_account ("backslash", "{\"profile\": \"web-html\"}",
                  "{\"username\": \"a\", \"phone\": \"1\", \"secrets\": {\"password\": \"p\"}}",
                  "An account of kind password has no phone number.");
  expect_account ("backslash", "{\"profile\": \"endpoint\"}",
                  "{\"secrets\": {\"password\": \"p\"}}",
                  "An account of kind token has no field password.");
  expect_account ("every-key", "{\"leave\": \"deactivate\"}",
                  "{\"secrets\": {\"token\": \"t\", \"app_key\": \"k\"}}",
                  "{\"fields\":{\"app_key\":\"k\"},\"kind\":\"token\",\"secrets\":"
                  "{\"token\":\"t\"}}");
  expect_account ("oauth", "{\"leave\": \"deactivate\"}",
                  "{\"secrets\": {\"client_id\": \"c\", \"client_secret\": \"s\", \"refresh_token\": \"r\"}}",
                  "{\"fields\":{\"client_id\":\"c\"},\"kind\":\"oauth\",\"secrets\":"
                  "{\"client_secret\":\"s\",\"refresh_token\":\"r\"}}");
  expect_account ("oauth", "{\"leave\": \"deactivate\"}",
                  "{\"secrets\": {\"client_id\": \"c\", \"client_secret\": \"s\"}}",
                  "refresh_token (Refresh token) is required.");
}
END_TEST

START_TEST (test_what_the_token_endpoint_is_asked_with_goes_there_alone)
{
  struct apps *set = good ();
  const struct app *a = apps_find (set, "oauth");
  json_t *fields = json ("{\"base_url\": \"http://127.0.0.1:9000\", \"slug\": \"acme\"}");
  json_t *account = json ("{\"client_id\": \"c\"}");
  static const char *const inner[] = { "client_secret", "refresh_token" };
  struct app_list list = { NULL, 0 };
  char *text;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (inner); i++)
    {
      ck_assert_int_eq (app_secret_origins (a, "oauth", inner[i], fields, &list), 0);
      ck_assert_uint_eq (list.n, 1);
      ck_assert_str_eq (list.v[0], "http://127.0.0.1:9000");
      app_list_done (&list);
      ck_assert (app_secret_is_inner (a, "oauth", inner[i], fields));
    }
  ck_assert (!app_secret_is_inner (a, "oauth", "access_token", fields));
  ck_assert (!app_secret_is_inner (a, "token", "token", fields));
  ck_assert_int_eq (app_secret_origins (a, "oauth", "access_token", fields, &list), 0);
  ck_assert_uint_eq (list.n, 3);
  app_list_done (&list);
  ck_assert_int_eq (app_oauth_json (a, "oauth", fields, account, &text), 0);
  ck_assert_ptr_nonnull (strstr (text, "\"token_url\":\"http://127.0.0.1:9000/oauth/token\""));
  ck_assert_ptr_nonnull (strstr (text, "\"client_id\":\"c\""));
  free (text);
  ck_assert_int_eq (app_oauth_json (a, "token", fields, account, &text), 0);
  ck_assert_ptr_null (text);
  json_decref (fields);
  fields = json ("{}");
  ck_assert_int_eq (app_oauth_json (a, "oauth", fields, account, &text), -EINVAL);
  json_decref (fields);
  json_decref (account);
  apps_unref (set);
}
END_TEST

START_TEST (test_origins_follow_the_fields)
{
  struct apps *set = good ();
  const struct app *a = apps_find (set, "every-key");
  json_t *fields = json ("{\"base_url\": \"http://127.0.0.1:9000/x\", \"slug\": \"acme\"}");
  json_t *account = json ("{\"app_key\": \"k\"}");
  struct app_list list = { NULL, 0 };
  char *text;

  ck_assert_int_eq (app_origins (a, fields, &list), 0);
  ck_assert_uint_eq (list.n, 3);
  ck_assert_str_eq (list.v[0], "http://127.0.0.1:9000");
  ck_assert_str_eq (list.v[1], "https://acme.example.com:443");
  ck_assert_str_eq (list.v[2], "https://api.example.com:8443");
  app_list_done (&list);
  ck_assert_int_eq (app_secret_origins (a, "token", "token", fields, &list), 0);
  ck_assert_uint_eq (list.n, 1);
  ck_assert_str_eq (list.v[0], "http://127.0.0.1:9000");
  app_list_done (&list);
  ck_assert_int_eq (app_secret_origins (a, "password", "password", fields, &list), 0);
  ck_assert_uint_eq (list.n, 3);
  app_list_done (&list);
  ck_assert_int_eq (app_space_id (a, fields, &text), 0);
  ck_assert_str_eq (text, "http://127.0.0.1:9000/x");
  free (text);
  ck_assert_int_eq (app_link (a, "home_url", fields, &text), 0);
  ck_assert_str_eq (text, "https://acme.example.com/");
  free (text);
  text = app_rate_json (a, fields, account);
  /* One for each host, and no two apps share one. */
  ck_assert_ptr_nonnull (strstr (text, "\"key\":[\"every-key\",\"http://127.0.0.1:9000\",\"k\"]"));
  ck_assert_ptr_nonnull (strstr (text, "\"origin\":\"https://acme.example.com:443\""));
  ck_assert_ptr_nonnull (strstr (text, "[\"every-key\",\"https://api.example.com:8443\",\"k\"]"));
  ck_assert_ptr_nonnull (strstr (text, "\"headers\":\"milliseconds\""));
  free (text);
  text = app_rate_json (a, fields, NULL);
  ck_assert_ptr_nonnull (strstr (text, "[\"every-key\",\"http://127.0.0.1:9000\",\"\"]"));
  free (text);
  json_decref (fields);
  fields = json ("{\"slug\": \"a/b\"}");
  ck_assert_int_eq (app_origins (a, fields, &list), -EINVAL);
  ck_assert_int_eq (app_space_id (a, fields, &text), 0);
  ck_assert_ptr_null (text);
  json_decref (fields);
  json_decref (account);
  apps_unref (set);
}
END_TEST

START_TEST (test_policy_roles_and_provisioning_follow_the_file)
{
  struct apps *set = good ();
  const struct app *a = apps_find (set, "every-key");
  json_t *fields = json ("{\"leave\": \"delete\"}"), *none = json ("{}"), *got;
  json_t *person = json ("{\"email\": \"ada@example.com\"}");
  struct app_error error;

  ck_assert_str_eq (app_remove_policy (a, fields), "delete");
  ck_assert_int_eq (app_role (a, "base", "admin")->rank, 30);
  ck_assert_ptr_null (app_role (a, "base", "editor"));
  ck_assert (app_role_group (a, "base")->ranked);
  ck_assert (app_roles_incompatible (a, "base", "viewer", "admin"));
  ck_assert (!app_roles_incompatible (a, "base", "viewer", "viewer"));
  ck_assert_int_eq (app_check_provisioning (a, APP_ON_ADD, none, person, &got, &error), 0);
  ck_assert_str_eq (json_string_value (json_object_get (got, "user_name")), "ada@example.com");
  json_decref (got);
  ck_assert_int_eq (app_check_provisioning (a, APP_ON_UPDATE, none, person, &got, &error), 0);
  ck_assert_uint_eq (json_object_size (got), 0);
  json_decref (got);
  json_decref (fields);
  json_decref (none);
  json_decref (person);
  apps_unref (set);
}
END_TEST

static size_t
occurrences (const char *text, const char *key)
{
  char heading[80];
  size_t n = 0;

  (void) snprintf (heading, sizeof heading, "\n.It Ic %s\n", key);
  while ((text = strstr (text, heading)))
    {
      n++;
      text++;
    }
  return n;
}

/* The keys below SHAPE; NULL = none. */
static const struct shape *
keys_below (const struct shape *shape)
{
  if (shape->kind == SHAPE_OBJECT)
    return shape->of;
  if ((shape->kind == SHAPE_LIST || shape->kind == SHAPE_MAP) && shape->of->kind == SHAPE_OBJECT)
    return shape->of->of;
  return NULL;
}

/* Every key of the table, at any depth, has a heading in the manual page. */
static void
find_keys (const struct shape *table, const char *page)
{
  for (; table->key; table++)
    {
      ck_assert_msg (occurrences (page, table->key) >= 1, "usher-app.5 lacks %s", table->key);
      if (keys_below (table))
        find_keys (keys_below (table), page);
    }
}

/* Whether KEY is a key of the table at any depth. */
static bool
has_key (const struct shape *table, const char *key)
{
  for (; table->key; table++)
    if (strcmp (table->key, key) == 0 || (keys_below (table) && has_key (keys_below (table), key)))
      return true;
  return false;
}

START_TEST (test_manual_page_has_every_key_and_no_other)
{
  struct buf b = BUF_INIT (1 << 20);
  char *line, *rest;

  ck_assert_int_eq (io_read_file (TOP_SRCDIR "/host/man/usher-app.5", &b), 0);
  find_keys (shape_app, b.data);
  for (line = strtok_r (b.data, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
    if (strncmp (line, ".It Ic ", 7) == 0)
      ck_assert_msg (has_key (shape_app, line + 7), "usher-app.5 has %s", line + 7);
  buf_done (&b);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_every_bad_file_is_refused_where_and_why_it_must_be);
  tcase_add_test (t, test_good_files_load_in_order);
  tcase_add_test (t, test_the_earlier_folder_wins_and_wrong_files_are_left_out);
  tcase_add_test (t, test_a_file_cut_at_any_byte_is_refused);
  tcase_add_test (t, test_a_file_over_the_limit_is_refused);
  tcase_add_test (t, test_hub_fields_are_normalised_or_refused);
  tcase_add_test (t, test_accounts_are_checked_against_the_kinds_that_fields_allow);
  tcase_add_test (t, test_what_the_token_endpoint_is_asked_with_goes_there_alone);
  tcase_add_test (t, test_origins_follow_the_fields);
  tcase_add_test (t, test_policy_roles_and_provisioning_follow_the_file);
  tcase_add_test (t, test_manual_page_has_every_key_and_no_other);
}

UNIT_MAIN ("apps", fill)
