/* The SCIM client against servers that differ from the RFC, each in one way.  Every test of a
   trap shows that the trap was met.  */
#include <config.h>

#include "plugins/seat/scim.h"
#include "tests/contract/run.h"
#include "tests/contract/scim-app.h"
#include "tests/unit/unit.h"

#include <string.h>

#define SPEC "{\"scim\":{\"page\":4}}"

struct stage
{
  struct scim_app scim;
  struct double_app *app;      /* scim.app */
  struct usher_fake *fake;
  const char *spec;
  char line[RUN_LINE_MAX];
};

static const struct usher_kv plain[] = { { "base_url", DOUBLE_BASE }, { NULL, NULL } };
static const struct usher_kv by_groups[] = { { "base_url", DOUBLE_BASE },
                                             { "role_from", "groups" }, { NULL, NULL } };

static void
begin (struct stage *s, const struct usher_kv *conf)
{
  *s = (struct stage) { .spec = SPEC };
  scim_app_init (&s->scim);
  s->app = s->scim.app;
  for (unsigned i = 1; i <= 11; i++)
    double_add_user (s->app, i, i == 1 ? "admin" : "member");
  double_add_group (s->app, 1, 1, 4);
  double_add_group (s->app, 2, 3, 9);
  s->fake = run_new (conf, scim_app_http, &s->scim);
}

static void
end (struct stage *s)
{
  usher_fake_free (s->fake);
  scim_app_done (&s->scim);
}

static int32_t
list (struct stage *s)
{
  usher_fake_clear (s->fake);
  return run_list (s->fake, s->spec, NULL, 0);
}

static int32_t
check (struct stage *s)
{
  usher_fake_clear (s->fake);
  return run_check (s->fake, s->spec);
}

static int32_t
read_one (struct stage *s, const char *id, const char *name)
{
  struct usher_member who = { .size = sizeof who, .state = USHER_ACTIVE, .id = id,
                              .username = name, .email = name };

  usher_fake_clear (s->fake);
  return run_read (s->fake, s->spec, &who);
}

static int32_t
write_one (struct stage *s, enum run_write which, const char *id, const char *email,
           const char *role)
{
  struct usher_kv roles = { "role", role };
  struct usher_member who = { .size = sizeof who, .state = USHER_ACTIVE, .id = id,
                              .username = email, .email = email };
  struct usher_change c = { .size = sizeof c, .attempt = 1, .member = &who, .roles = &roles,
                            .n_roles = role != NULL, .key = "k" };

  usher_fake_clear (s->fake);
  return run_write (s->fake, s->spec, which, &c);
}

static size_t
count (const struct stage *s, const char *prefix)
{
  return run_count (s->fake, prefix);
}

/* Borrowed until the next one. */
static const char *
line (struct stage *s, const char *prefix)
{
  return run_line (s->fake, prefix, s->line, sizeof s->line);
}

static const struct usher_fake_event *
last (const struct stage *s, uint32_t kind)
{
  static const struct usher_fake_event none = { .text = "", .key = "" };
  const struct usher_fake_event *e = usher_fake_last (s->fake, kind);

  return e ? e : &none;
}

static bool
was_asked (const struct stage *s, const char *url)
{
  size_t i;

  for (i = 0; i < usher_fake_events (s->fake); i++)
    if (usher_fake_event (s->fake, i)->kind == USHER_FAKE_REQUEST
        && strcmp (usher_fake_event (s->fake, i)->text, url) == 0)
      return true;
  return false;
}

/* ---- Listing ---- */

START_TEST (test_a_listing_has_users_and_roles)
{
  struct stage s;

  begin (&s, plain);
  ck_assert_int_eq (list (&s), USHER_DONE);
  ck_assert_uint_eq (count (&s, "member "), 11);
  ck_assert_str_eq (line (&s, ""), "section 100 -");
  ck_assert_str_eq (line (&s, "member "), "member active u1 user1@example.com user1@example.com User u1 "
                            "1704164645000 roles=admin");
  ck_assert_str_eq (line (&s, "end complete 11"), "end complete 11 -");
  ck_assert_str_eq (line (&s, "role admin"), "role admin admin assignable");
  ck_assert_uint_eq (count (&s, "role "), 2);
  ck_assert_uint_eq (count (&s, "end complete"), 2);
  ck_assert_uint_le (usher_fake_open_max (s.fake), SCIM_OPEN_MAX);
  end (&s);
}
END_TEST

START_TEST (test_groups_are_roles_and_a_group_in_a_group_is_nobody)
{
  struct stage s;

  begin (&s, by_groups);
  ck_assert_int_eq (list (&s), USHER_DONE);
  ck_assert_str_eq (line (&s, "role g1"), "role g1 Group 1 assignable");
  ck_assert_uint_eq (count (&s, "role-of "), 11);
  ck_assert_uint_eq (count (&s, "role-of g999"), 0);
  ck_assert_uint_eq (count (&s, "end complete"), 3);
  end (&s);
}
END_TEST

/* Traps that a listing still gets to the end of, whole. */
START_TEST (test_a_listing_is_whole_in_spite_of)
{
  static const struct double_traps traps[] = {
    { .page_max = 3 },                       /* the count is lowered in silence */
    { .past_end_repeats = true },            /* page 1 again behind the end: never asked for */
    { .cursors = true },
    { .cursors_only_said = true },           /* falls back to index */
    { .names_upper = true },
    { .no_config = true },
  };
  struct stage s;

  begin (&s, plain);
  s.app->traps = traps[_i];
  ck_assert_int_eq (list (&s), USHER_DONE);
  ck_assert_uint_eq (count (&s, "member active u"), 11);
  ck_assert_uint_eq (count (&s, "end complete 11"), 1);
  end (&s);
}
END_TEST

/* Traps after which nobody may be counted as missing. */
START_TEST (test_a_listing_is_never_complete_with)
{
  static const struct { struct double_traps traps; int32_t r; } cases[] = {
    { { .start_ignored = true }, USHER_E_LOOP },
    { { .cursors = true, .cursor_repeats = true }, USHER_E_LOOP },
    { { .cursors = true, .cursor_expires = 2 }, USHER_E_CURSOR },
    { { .total_moves = 5 }, USHER_DONE },
    { { .nameless = true }, USHER_DONE },
    { { .html = true }, USHER_E_SHAPE },
    { { .status = 401 }, USHER_E_TOKEN },
    { { .status = 403, .detail = "no" }, USHER_E_FORBIDDEN },
    { { .status = 404 }, USHER_E_SPACE },
    { { .status = 429 }, USHER_E_RATE },
    { { .status = 503 }, USHER_E_APP_DOWN },
  };
  struct stage s;

  begin (&s, plain);
  s.app->traps = cases[_i].traps;
  ck_assert_int_eq (list (&s), cases[_i].r);
  ck_assert_uint_gt (s.app->trapped, 0);
  ck_assert_uint_eq (count (&s, "end complete 1"), 0);
  ck_assert_uint_eq (count (&s, "end partial"), cases[_i].r == USHER_DONE ? 1 : 0);
  end (&s);
}
END_TEST

/* Each page goes on behind what came of the one before; what comes twice is told twice, for the
   host counts ids against the total. */
START_TEST (test_a_listing_ends_in_the_verdict_of_what_came)
{
  static const struct
  {
    struct double_traps traps;
    int32_t r;
    const char *end;
    size_t members;
  } cases[] = {
    { { .short_page = 2 }, USHER_DONE, "end complete 11 -", 11 },  /* goes on behind what came */
    /* Told with the total that was not reached: the host finds that nothing is proved. */
    { { .short_page = 2, .cursors = true }, USHER_DONE, "end partial 11 ", 10 },
    { { .short_page = 3, .cursors = true }, USHER_DONE, "end partial 11 ", 10 },
    { { .no_total = true }, USHER_DONE, "end complete -1 -", 11 },
    { { .no_total = true, .cursors = true }, USHER_DONE, "end complete -1 -", 11 },
    { { .no_total = true, .past_end_repeats = true }, USHER_E_LOOP, NULL, 15 },
    { { .no_total = true, .start_ignored = true }, USHER_E_LOOP, NULL, 8 },
    { { .twice = true }, USHER_DONE, "end complete 11 -", 12 },
    { { .twice = true, .cursors = true }, USHER_DONE, "end complete 11 -", 13 },
    { { .twice = true, .no_total = true }, USHER_DONE, "end complete -1 -", 12 },
  };
  struct stage s;

  begin (&s, plain);
  s.app->traps = cases[_i].traps;
  ck_assert_int_eq (list (&s), cases[_i].r);
  ck_assert_uint_gt (s.app->trapped, 0);
  ck_assert_uint_eq (count (&s, "member active u"), cases[_i].members);
  ck_assert_uint_eq (count (&s, "end "), cases[_i].r < 0 ? 0 : 2);
  if (cases[_i].end)
    ck_assert_int_eq (strncmp (line (&s, "end "), cases[_i].end, strlen (cases[_i].end)), 0);
  end (&s);
}
END_TEST

START_TEST (test_an_empty_list_without_resources_is_a_list)
{
  struct stage s;

  begin (&s, plain);
  json_array_clear (s.app->users);
  s.app->traps.no_resources = true;
  ck_assert_int_eq (list (&s), USHER_DONE);
  ck_assert_uint_eq (s.app->trapped, 1);
  ck_assert_uint_eq (count (&s, "end complete 0"), 1);
  end (&s);
}
END_TEST

START_TEST (test_pages_are_asked_ahead_and_no_more_often_than_there_are)
{
  struct stage s;

  begin (&s, plain);
  for (unsigned i = 12; i <= 40; i++)
    double_add_user (s.app, i, "member");
  ck_assert_int_eq (list (&s), USHER_DONE);
  ck_assert_uint_eq (s.app->pages, 10);
  ck_assert_uint_eq (usher_fake_open_max (s.fake), SCIM_OPEN_MAX);
  end (&s);
}
END_TEST

/* ---- Check and read ---- */

START_TEST (test_check_tells_what_is_wrong)
{
  static const struct { struct double_traps traps; int32_t r; } cases[] = {
    { { .page_max = 0 }, USHER_DONE },
    { { .status = 401 }, USHER_E_TOKEN },
    { { .status = 403 }, USHER_E_FORBIDDEN },
    { { .status = 404 }, USHER_E_SPACE },
    { { .html = true }, USHER_E_SHAPE },
    { { .no_config = true }, USHER_DONE },
  };
  struct stage s;

  begin (&s, plain);
  s.app->traps = cases[_i].traps;
  ck_assert_int_eq (check (&s), cases[_i].r);
  if (cases[_i].r < 0)
    ck_assert_int_eq (-(int32_t) last (&s, USHER_FAKE_FAULT)->number, cases[_i].r);
  end (&s);
}
END_TEST

START_TEST (test_without_patch_and_put_a_hub_cannot_update_roles)
{
  struct stage s;

  begin (&s, plain);
  s.spec = "{\"scim\":{\"put\":false}}";
  s.app->traps.patch_not_said = true;
  ck_assert_int_eq (check (&s), USHER_DONE);
  ck_assert_uint_eq (count (&s, "fact cannot.update-role "), 1);
  end (&s);
}
END_TEST

START_TEST (test_absent_is_said_by_the_app_only)
{
  struct stage s;

  begin (&s, plain);
  ck_assert_int_eq (read_one (&s, "u99", NULL), USHER_ABSENT);
  s.app->traps.gone_empty = true;
  ck_assert_int_eq (read_one (&s, "u99", NULL), USHER_ABSENT);
  s.app->traps = (struct double_traps) { .gone_html = true };
  ck_assert_int_eq (read_one (&s, "u99", NULL), USHER_E_SHAPE);
  s.app->traps = (struct double_traps) { .html = true };
  ck_assert_int_eq (read_one (&s, "u1", NULL), USHER_E_SHAPE);
  end (&s);
}
END_TEST

START_TEST (test_a_user_is_found_by_name_whatever_the_filter_does)
{
  static const struct double_traps traps[] = {
    { .page_max = 0 }, { .filter_refused = true }, { .filter_ignored = true },
    { .filter_404 = true },
  };
  struct stage s;

  begin (&s, plain);
  s.app->traps = traps[_i];
  ck_assert_int_eq (read_one (&s, NULL, "USER7@example.com"), USHER_DONE);
  ck_assert_uint_eq (count (&s, "member active u7 "), 1);
  ck_assert_int_eq (read_one (&s, NULL, "nobody@example.com"), USHER_ABSENT);
  if (_i > 0)
    ck_assert_uint_gt (s.app->trapped, 0);
  end (&s);
}
END_TEST

START_TEST (test_an_id_never_leaves_its_place_in_the_address)
{
  struct stage s;

  begin (&s, plain);
  ck_assert_int_eq (write_one (&s, RUN_REMOVE, "../Groups/g1", NULL, NULL), USHER_ALREADY);
  ck_assert (was_asked (&s, DOUBLE_BASE "/Users/..%2FGroups%2Fg1"));
  ck_assert_int_eq (read_one (&s, "..", NULL), USHER_E_SHAPE);
  ck_assert_int_eq (read_one (&s, "", NULL), USHER_E_SHAPE);
  ck_assert_int_eq (read_one (&s, NULL, "a\"b\\@example.com"), USHER_ABSENT);
  ck_assert_str_eq (last (&s, USHER_FAKE_REQUEST)->text, DOUBLE_BASE "/Users?filter=emails.value%20eq%20"
                                "%22a%5C%22b%5C%5C%40example.com%22");
  end (&s);
}
END_TEST

/* ---- Writes ---- */

START_TEST (test_an_invite_makes_one_account_whatever_the_answer_is)
{
  static const struct double_traps traps[] = {
    { .page_max = 0 }, { .no_body = true }, { .create_200 = true }, { .filter_refused = true },
    { .another = true },
  };
  struct stage s;

  begin (&s, plain);
  s.app->traps = traps[_i];
  ck_assert_int_eq (write_one (&s, RUN_INVITE, NULL, "new@example.com", "member"), USHER_DONE);
  ck_assert_uint_eq (count (&s, "member active new1 new@example.com new@example.com"), 1);
  ck_assert_int_eq (write_one (&s, RUN_INVITE, NULL, "new@example.com", "member"), USHER_ALREADY);
  ck_assert_uint_eq (s.app->effects, 1);
  end (&s);
}
END_TEST

START_TEST (test_a_taken_name_is_adopted)
{
  struct stage s;

  begin (&s, plain);
  s.app->traps.filter_refused = true;
  s.app->traps.create_conflict_400 = _i == 1;
  ck_assert_int_eq (write_one (&s, RUN_INVITE, NULL, "user3@example.com", "member"),
                    USHER_ALREADY);
  ck_assert_uint_eq (s.app->effects, 0);
  /* Switched off: switched on again, no second one. */
  json_object_set_new (double_user (s.app, "u3"), "active", json_false ());
  ck_assert_int_eq (write_one (&s, RUN_INVITE, NULL, "user3@example.com", "admin"), USHER_DONE);
  ck_assert_uint_eq (count (&s, "member active u3 "), 1);
  ck_assert_ptr_nonnull (strstr (line (&s, "member "), "roles=admin"));
  ck_assert_uint_eq (json_array_size (s.app->users), 11);
  end (&s);
}
END_TEST

START_TEST (test_a_name_that_the_token_cannot_see_is_refused)
{
  struct stage s;

  begin (&s, plain);
  s.app->traps.invisible = true;
  ck_assert_int_eq (write_one (&s, RUN_INVITE, NULL, "hidden@example.com", "member"),
                    USHER_E_REFUSED);
  ck_assert_uint_gt (s.app->trapped, 0);
  ck_assert_ptr_nonnull (strstr (last (&s, USHER_FAKE_FAULT)->text, "cannot see"));
  end (&s);
}
END_TEST

START_TEST (test_a_lost_answer_is_uncertain_and_the_next_attempt_finds_its_work)
{
  static const int32_t how[] = { USHER_E_NETWORK, USHER_E_TIMEOUT };
  struct stage s;

  begin (&s, plain);
  s.scim.lost = how[_i];
  ck_assert_int_eq (write_one (&s, RUN_INVITE, NULL, "new@example.com", "member"),
                    USHER_E_UNCERTAIN);
  ck_assert_int_eq (s.scim.lost, 0);
  ck_assert_int_eq (write_one (&s, RUN_INVITE, NULL, "new@example.com", "member"), USHER_ALREADY);
  ck_assert_uint_eq (s.app->effects, 1);
  end (&s);
}
END_TEST

START_TEST (test_a_role_is_set_by_patch_or_put)
{
  static const struct double_traps traps[] = {
    { .page_max = 0 }, { .no_patch = true }, { .patch_not_said = true }, { .no_body = true },
    { .etag = true, .race = 1 }, { .another = true },
  };
  struct stage s;

  begin (&s, plain);
  s.app->traps = traps[_i];
  ck_assert_int_eq (write_one (&s, RUN_SET_ROLE, "u5", NULL, "admin"), USHER_DONE);
  ck_assert_ptr_nonnull (strstr (line (&s, "member active u5 "), "roles=admin"));
  ck_assert_uint_eq (s.app->effects, 1);
  if (_i == 1 || _i >= 3)
    ck_assert_uint_gt (s.app->trapped, 0);
  end (&s);
}
END_TEST

START_TEST (test_a_patch_without_path_says_the_same)
{
  struct stage s;

  begin (&s, plain);
  s.spec = "{\"scim\":{\"patch\":\"value\"}}";
  ck_assert_int_eq (write_one (&s, RUN_SET_ROLE, "u5", NULL, "admin"), USHER_DONE);
  ck_assert_ptr_nonnull (strstr (line (&s, "member "), "roles=admin"));
  ck_assert_int_eq (write_one (&s, RUN_REMOVE, "u5", NULL, NULL), USHER_DONE);
  ck_assert (json_is_false (json_object_get (double_user (s.app, "u5"), "active")));
  end (&s);
}
END_TEST

START_TEST (test_only_roles_that_were_seen_or_named_are_given)
{
  static const struct usher_kv named[] = { { "base_url", DOUBLE_BASE }, { "roles", "owner" },
                                            { NULL, NULL } };
  struct stage s;

  begin (&s, named);
  ck_assert_int_eq (list (&s), USHER_DONE);
  ck_assert_int_eq (write_one (&s, RUN_SET_ROLE, "u5", NULL, "emperor"), USHER_E_ROLE);
  ck_assert_str_eq (last (&s, USHER_FAKE_FAULT)->key, "role");
  ck_assert_uint_eq (s.app->effects, 0);
  ck_assert_int_eq (write_one (&s, RUN_SET_ROLE, "u5", NULL, "owner"), USHER_DONE);
  ck_assert_int_eq (write_one (&s, RUN_SET_ROLE, "u5", NULL, "admin"), USHER_DONE);
  end (&s);
}
END_TEST

START_TEST (test_a_group_is_joined_before_another_is_left)
{
  struct stage s;

  begin (&s, by_groups);
  s.app->traps.no_user_groups = _i & 1;
  s.app->traps.no_member_filter = (_i & 2) != 0;
  s.app->traps.no_patch = (_i & 4) != 0;
  ck_assert_int_eq (write_one (&s, RUN_SET_ROLE, "u1", NULL, "g2"), USHER_DONE);
  ck_assert (double_in_group (s.app, "g2", "u1"));
  ck_assert (!double_in_group (s.app, "g1", "u1"));
  ck_assert_uint_eq (s.app->effects, 2);
  ck_assert_int_eq (read_one (&s, "u1", NULL), USHER_DONE);
  ck_assert_ptr_nonnull (strstr (line (&s, "member "), "roles=g2"));
  end (&s);
}
END_TEST

START_TEST (test_leaving_follows_the_policy_and_is_done_once)
{
  static const char *const policies[] = { "deactivate", "delete", "strip" };
  struct usher_kv conf[] = { { "base_url", DOUBLE_BASE }, { "leave", policies[_i] },
                              { NULL, NULL } };
  struct stage s;
  json_t *user;

  begin (&s, conf);
  ck_assert_int_eq (write_one (&s, RUN_REMOVE, "u2", NULL, NULL), USHER_DONE);
  user = double_user (s.app, "u2");
  ck_assert_int_eq (user == NULL, _i == 1);
  ck_assert_int_eq (json_is_false (json_object_get (user, "active")), _i == 0);
  if (_i == 2)
    ck_assert_uint_eq (json_array_size (json_object_get (user, "roles")), 0);
  ck_assert_int_eq (write_one (&s, RUN_REMOVE, "u2", NULL, NULL), USHER_ALREADY);
  ck_assert_uint_eq (s.app->effects, 1);
  end (&s);
}
END_TEST

START_TEST (test_a_refusal_names_its_kind)
{
  static const struct { int status; const char *detail; int32_t r; } cases[] = {
    { 403, "All seats are in use", USHER_E_SEATS },
    { 400, "The last owner cannot go", USHER_E_LAST_OWNER },
    { 403, "Not yours", USHER_E_FORBIDDEN },
    { 400, "No", USHER_E_REFUSED },
    { 402, "Pay", USHER_E_SUBSCRIPTION },
    { 500, "Oops", USHER_E_APP_DOWN },
  };
  static const struct usher_kv conf[] = { { "base_url", DOUBLE_BASE }, { "leave", "delete" },
                                           { NULL, NULL } };
  struct stage s;

  begin (&s, conf);
  s.app->traps.status = cases[_i].status;
  s.app->traps.status_of_writes = true;
  s.app->traps.detail = cases[_i].detail;
  ck_assert_int_eq (write_one (&s, RUN_REMOVE, "u2", NULL, NULL), cases[_i].r);
  ck_assert_uint_eq (s.app->trapped, 1);
  ck_assert_ptr_nonnull (strstr (last (&s, USHER_FAKE_FAULT)->text, cases[_i].detail));
  end (&s);
}
END_TEST

START_TEST (test_a_setting_that_makes_no_sense_is_named)
{
  static const struct { struct usher_kv conf[3]; const char *field; } cases[] = {
    { { { "base_url", "ftp://app.example.com" } }, "base_url" },
    { { { "base_url", DOUBLE_BASE "?x=1" } }, "base_url" },
    { { { "base_url", DOUBLE_BASE }, { "leave", "burn" } }, "leave" },
    { { { "base_url", DOUBLE_BASE }, { "role_from", "hat" } }, "role_from" },
    { { { "base_url", DOUBLE_BASE }, { "role_from", "urn:x" } }, "role_from" },
  };
  struct stage s;

  begin (&s, cases[_i].conf);
  ck_assert_int_eq (check (&s), USHER_E_CONFIG);
  ck_assert_str_eq (last (&s, USHER_FAKE_FAULT)->key, cases[_i].field);
  ck_assert_uint_eq (s.app->requests, 0);
  end (&s);
}
END_TEST

START_TEST (test_times_are_whole_or_nothing)
{
  ck_assert_int_eq (text_time_ms ("1970-01-01T00:00:01.5Z"), 1500);
  ck_assert_int_eq (text_time_ms ("1970-01-01T01:00:00+01:00"), 0);
  ck_assert_int_eq (text_time_ms ("2024-01-02T03:04:05Z"), 1704164645000);
  ck_assert_int_eq (text_time_ms ("2024-13-02T03:04:05Z"), 0);
  ck_assert_int_eq (text_time_ms ("2024-01-02"), 0);
  ck_assert_int_eq (text_time_ms (NULL), 0);
}
END_TEST

static void
fill (TCase *tc)
{
  tcase_add_test (tc, test_a_listing_has_users_and_roles);
  tcase_add_test (tc, test_groups_are_roles_and_a_group_in_a_group_is_nobody);
  tcase_add_loop_test (tc, test_a_listing_is_whole_in_spite_of, 0, 6);
  tcase_add_loop_test (tc, test_a_listing_is_never_complete_with, 0, 11);
  tcase_add_loop_test (tc, test_a_listing_ends_in_the_verdict_of_what_came, 0, 10);
  tcase_add_test (tc, test_an_empty_list_without_resources_is_a_list);
  tcase_add_test (tc, test_pages_are_asked_ahead_and_no_more_often_than_there_are);
  tcase_add_loop_test (tc, test_check_tells_what_is_wrong, 0, 6);
  tcase_add_test (tc, test_without_patch_and_put_a_hub_cannot_update_roles);
  tcase_add_test (tc, test_absent_is_said_by_the_app_only);
  tcase_add_loop_test (tc, test_a_user_is_found_by_name_whatever_the_filter_does, 0, 4);
  tcase_add_test (tc, test_an_id_never_leaves_its_place_in_the_address);
  tcase_add_loop_test (tc, test_an_invite_makes_one_account_whatever_the_answer_is, 0, 5);
  tcase_add_loop_test (tc, test_a_taken_name_is_adopted, 0, 2);
  tcase_add_test (tc, test_a_name_that_the_token_cannot_see_is_refused);
  tcase_add_loop_test (tc, test_a_lost_answer_is_uncertain_and_the_next_attempt_finds_its_work, 0,
                       2);
  tcase_add_loop_test (tc, test_a_role_is_set_by_patch_or_put, 0, 6);
  tcase_add_test (tc, test_a_patch_without_path_says_the_same);
  tcase_add_test (tc, test_only_roles_that_were_seen_or_named_are_given);
  tcase_add_loop_test (tc, test_a_group_is_joined_before_another_is_left, 0, 8);
  tcase_add_loop_test (tc, test_leaving_follows_the_policy_and_is_done_once, 0, 3);
  tcase_add_loop_test (tc, test_a_refusal_names_its_kind, 0, 6);
  tcase_add_loop_test (tc, test_a_setting_that_makes_no_sense_is_named, 0, 5);
  tcase_add_test (tc, test_times_are_whole_or_nothing);
}

UNIT_MAIN ("scim", fill)
