/* The engine's pure pieces: the safeguard, the proof of a listing, folding rows. */
#include <config.h>

#include "unit.h"

#include "host/engine/settings.h"
#include "host/engine/sync.h"

/* ---- The safeguard. */

static enum guard_verdict
judge (uint64_t known, uint64_t missing, uint64_t seen)
{
  struct guard g = { .known = known, .missing = missing, .seen = seen, .threshold = 20, .floor = 2, .cap = 500 };

  return guard_judge (&g);
}

START_TEST (test_equality_does_not_stop)
{
  ck_assert_int_eq (judge (50, 10, 40), GUARD_PASS);
  ck_assert_int_eq (judge (50, 11, 39), GUARD_SHARE);
}
END_TEST

START_TEST (test_floor_lets_small_hubs_lose_two)
{
  ck_assert_int_eq (judge (4, 2, 2), GUARD_PASS);
  ck_assert_int_eq (judge (4, 3, 1), GUARD_SHARE);
}
END_TEST

START_TEST (test_empty_listing_always_stops_when_somebody_was_known)
{
  ck_assert_int_eq (judge (1, 1, 0), GUARD_EMPTY);
  ck_assert_int_eq (judge (0, 0, 0), GUARD_PASS);
}
END_TEST

START_TEST (test_cap_stops_whatever_the_share)
{
  ck_assert_int_eq (judge (1000000, 500, 999500), GUARD_PASS);
  ck_assert_int_eq (judge (1000000, 501, 999499), GUARD_CAP);
}
END_TEST

START_TEST (test_more_than_half_of_the_highest_role_stops)
{
  struct guard g = { .known = 100, .missing = 2, .seen = 98, .threshold = 20, .floor = 2, .cap = 500,
                     .top = 4, .top_lost = 2 };
  _cleanup_ (freep) char *why = NULL;

  ck_assert_int_eq (guard_judge (&g), GUARD_PASS);
  g.top = 3;
  ck_assert_int_eq (guard_judge (&g), GUARD_TOP);
  why = guard_sentence (&g, GUARD_TOP);
  ck_assert_ptr_nonnull (strstr (why, "2 of the 3 holders"));
  g = (struct guard) { .known = 100, .seen = 100, .threshold = 20, .floor = 2, .cap = 500 };
  ck_assert_int_eq (guard_judge (&g), GUARD_PASS);
}
END_TEST

START_TEST (test_doubt_lets_nobody_go_unasked)
{
  struct guard g = { .known = 100, .missing = 1, .seen = 99, .threshold = 20, .floor = 2, .cap = 500, .ask = true };
  _cleanup_ (freep) char *why = NULL;

  ck_assert_int_eq (guard_judge (&g), GUARD_ASK);
  why = guard_sentence (&g, GUARD_ASK);
  ck_assert_ptr_nonnull (strstr (why, "in doubt"));
  g.missing = 0;
  ck_assert_int_eq (guard_judge (&g), GUARD_PASS);
}
END_TEST

START_TEST (test_keep_list_stops_one)
{
  struct guard g = { .known = 100, .missing = 1, .seen = 99, .threshold = 100, .floor = 100, .cap = 500,
                     .kept_touched = true };
  char *s;

  ck_assert_int_eq (guard_judge (&g), GUARD_KEPT);
  s = guard_sentence (&g, GUARD_KEPT);
  ck_assert_ptr_nonnull (strstr (s, "keep list"));
  free (s);
}
END_TEST

/* ---- Proof. */

static json_t *
note (int kind, int verdict, long long total, bool witnessed)
{
  return json_pack ("{s:i, s:i, s:I, s:b}", "kind", kind, "verdict", verdict, "total", (json_int_t) total, "witnessed",
                    witnessed);
}

static void
section (struct proof *p, int kind, int verdict, long long total, bool witnessed, uint64_t rows)
{
  json_t *n = note (kind, verdict, total, witnessed);

  proof_section (p, n, rows);
  json_decref (n);
}

START_TEST (test_absence_counts_only_in_a_proved_section)
{
  struct proof p;

  proof_init (&p);
  section (&p, USHER_S_MEMBERS, USHER_COMPLETE, 3, true, 3);
  proof_finish (&p);
  ck_assert_int_eq (p.listing, LISTING_COMPLETE);
  ck_assert (p.members);

  proof_init (&p);
  section (&p, USHER_S_MEMBERS, USHER_COMPLETE, 3, false, 3);
  proof_finish (&p);
  ck_assert_int_eq (p.listing, LISTING_UNPROVED);
  ck_assert (!p.members);

  proof_init (&p);
  section (&p, USHER_S_MEMBERS, USHER_PARTIAL, -1, true, 3);
  proof_finish (&p);
  ck_assert_int_eq (p.listing, LISTING_PARTIAL);
  ck_assert (!p.members);
}
END_TEST

START_TEST (test_totals_must_agree)
{
  struct proof p;

  proof_init (&p);
  section (&p, USHER_S_MEMBERS, USHER_COMPLETE, 4, true, 3);
  proof_finish (&p);
  ck_assert_int_eq (p.listing, LISTING_UNPROVED);
  ck_assert_ptr_nonnull (strstr (p.why, "counts 4 and showed 3"));

  /* Whatever the connector calls it. */
  proof_init (&p);
  section (&p, USHER_S_MEMBERS, USHER_PARTIAL, 4, true, 3);
  proof_finish (&p);
  ck_assert_int_eq (p.listing, LISTING_UNPROVED);
}
END_TEST

START_TEST (test_one_bad_section_spoils_only_its_kind)
{
  struct proof p;

  proof_init (&p);
  section (&p, USHER_S_MEMBERS, USHER_COMPLETE, -1, true, 3);
  section (&p, USHER_S_ROLE_OF, USHER_PARTIAL, -1, true, 0);
  proof_finish (&p);
  ck_assert_int_eq (p.listing, LISTING_PARTIAL);
  ck_assert (p.members);
  ck_assert (!p.roles);
}
END_TEST

START_TEST (test_listing_without_members_proves_nothing)
{
  struct proof p;

  proof_init (&p);
  section (&p, USHER_S_ROLES, USHER_COMPLETE, -1, true, 2);
  proof_finish (&p);
  ck_assert_int_eq (p.listing, LISTING_UNPROVED);
}
END_TEST

/* ---- Folding. */

static struct buf
member_row (const char *id, const char *email, const char *role)
{
  struct usher_kv roles[] = { { "role", role } };
  struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE, .id = id, .email = email, .roles = roles,
                            .n_roles = role ? 1 : 0 };
  struct buf b = BUF_INIT (ROW_MAX + 8);

  ck_assert_int_eq (row_put_member (&b, &m), 0);
  return b;
}

static struct buf
edge_row (const char *id, const char *group)
{
  struct usher_member who = { .size = sizeof who, .id = id, .state = USHER_ACTIVE };
  struct usher_kv role = { "group", group };
  struct buf b = BUF_INIT (ROW_MAX + 8);

  ck_assert_int_eq (row_put_role_of (&b, &who, &role), 0);
  return b;
}

START_TEST (test_a_single_row_passes_through_unchanged)
{
  struct buf a = member_row ("1", "a@example.com", "member");
  struct fold f;
  const void *row;
  size_t len;

  fold_init (&f);
  fold_reset (&f);
  ck_assert_int_eq (fold_add (&f, 1, a.data, a.len), 0);
  ck_assert_int_eq (fold_finish (&f, &row, &len), 1);
  ck_assert_ptr_eq (row, a.data);
  ck_assert (!f.duplicate);
  fold_done (&f);
  buf_done (&a);
}
END_TEST

START_TEST (test_edges_and_scopes_unite)
{
  struct buf a = member_row ("1", "a@example.com", "member"), b = member_row ("1", NULL, "admin");
  struct buf e = edge_row ("1", "G1");
  struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  struct fold f;
  struct row row;
  const void *p;
  size_t len;

  fold_init (&f);
  fold_reset (&f);
  ck_assert_int_eq (fold_add (&f, 3, e.data, e.len), 0);
  ck_assert_int_eq (fold_add (&f, 1, a.data, a.len), 0);
  ck_assert_int_eq (fold_add (&f, 2, b.data, b.len), 0);
  ck_assert_int_eq (fold_finish (&f, &p, &len), 1);
  ck_assert_int_eq (row_get (p, len, &arena, &row), 0);
  ck_assert_uint_eq (row.member.n_roles, 3);
  ck_assert_str_eq (row.member.email, "a@example.com");
  ck_assert (!f.duplicate);
  arena_done (&arena);
  fold_done (&f);
  buf_done (&a);
  buf_done (&b);
  buf_done (&e);
}
END_TEST

START_TEST (test_twice_in_one_section_is_a_duplicate)
{
  struct buf a = member_row ("1", "a@example.com", "member");
  struct fold f;

  fold_init (&f);
  fold_reset (&f);
  ck_assert_int_eq (fold_add (&f, 1, a.data, a.len), 0);
  ck_assert_int_eq (fold_add (&f, 1, a.data, a.len), 0);
  ck_assert (f.duplicate);
  fold_done (&f);
  buf_done (&a);
}
END_TEST

START_TEST (test_edges_alone_are_nobody)
{
  struct buf e = edge_row ("nested-group", "G1");
  struct fold f;
  const void *p;
  size_t len;

  fold_init (&f);
  fold_reset (&f);
  ck_assert_int_eq (fold_add (&f, 1, e.data, e.len), 0);
  ck_assert_int_eq (fold_finish (&f, &p, &len), 0);
  fold_done (&f);
  buf_done (&e);
}
END_TEST

/* ---- Settings. */

START_TEST (test_settings_are_named_and_bounded)
{
  json_t *hub = json_object (), *good = json_loads ("{\"sync-interval\": \"12h\", \"safeguard-threshold\": 30}", 0, NULL);
  static const char *const bad[] = { "{\"sync-interval\": \"30m\"}", "{\"safeguard-threshold\": 0}",
                                     "{\"safeguard-treshold\": 20}", "{\"deprovision-mode\": \"maybe\"}" };
  struct refusal r = { 0 };
  size_t i;

  ck_assert_int_eq (settings_set (hub, good, &r), 0);
  ck_assert_int_eq (hub_setting (hub, "sync-interval"), 12 * 3600);
  ck_assert_int_eq (hub_setting (hub, "safeguard-threshold"), 30);
  ck_assert_int_eq (hub_setting (hub, "safeguard-floor"), 2);
  for (i = 0; i < ARRAY_SIZE (bad); i++)
    {
      json_t *given = json_loads (bad[i], 0, NULL);

      ck_assert_int_lt (settings_set (hub, given, &r), 0);
      ck_assert_str_eq (r.code, "validation-failed");
      ck_assert_ptr_nonnull (r.field);
      json_decref (given);
    }
  ck_assert_int_eq (hub_setting (hub, "sync-interval"), 12 * 3600);
  refusal_done (&r);
  json_decref (good);
  json_decref (hub);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_equality_does_not_stop);
  tcase_add_test (t, test_floor_lets_small_hubs_lose_two);
  tcase_add_test (t, test_empty_listing_always_stops_when_somebody_was_known);
  tcase_add_test (t, test_cap_stops_whatever_the_share);
  tcase_add_test (t, test_more_than_half_of_the_highest_role_stops);
  tcase_add_test (t, test_doubt_lets_nobody_go_unasked);
  tcase_add_test (t, test_keep_list_stops_one);
  tcase_add_test (t, test_absence_counts_only_in_a_proved_section);
  tcase_add_test (t, test_totals_must_agree);
  tcase_add_test (t, test_one_bad_section_spoils_only_its_kind);
  tcase_add_test (t, test_listing_without_members_proves_nothing);
  tcase_add_test (t, test_a_single_row_passes_through_unchanged);
  tcase_add_test (t, test_edges_and_scopes_unite);
  tcase_add_test (t, test_twice_in_one_section_is_a_duplicate);
  tcase_add_test (t, test_edges_alone_are_nobody);
  tcase_add_test (t, test_settings_are_named_and_bounded);
}

UNIT_MAIN ("engine", fill)
