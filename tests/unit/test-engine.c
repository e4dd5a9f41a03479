/* The engine's pure pieces: the safeguard, ranks, plans, the proof of a listing, folding rows. */
#include <config.h>

#include "unit.h"

#include "host/engine/settings.h"
#include "host/engine/sync.h"

/* ---- The safeguard. */

#define DEFAULTS .threshold = 20, .floor = 2, .cap = 500, .who = "members"

/* Each limit on both sides of its edge, with nothing else near its own. */
static const struct
{
  const char *claim;
  struct guard g;
  enum guard_verdict verdict;
} limits[] = {
  { "equality with the threshold", { .known = 50, .missing = 10, .seen = 40, DEFAULTS }, GUARD_PASS },
  { "above the threshold", { .known = 50, .missing = 11, .seen = 39, DEFAULTS }, GUARD_SHARE },
  { "threshold 1", { .known = 1000, .missing = 10, .seen = 990, .threshold = 1, .floor = 2, .cap = 500 }, GUARD_PASS },
  { "above 1", { .known = 1000, .missing = 11, .seen = 989, .threshold = 1, .floor = 2, .cap = 500 }, GUARD_SHARE },
  { "threshold 100, all but one",
    { .known = 400, .missing = 399, .seen = 1, .threshold = 100, .floor = 2, .cap = 500 }, GUARD_PASS },
  { "threshold 100, all, others seen",
    { .known = 400, .missing = 400, .seen = 1, .threshold = 100, .floor = 2, .cap = 500 }, GUARD_PASS },
  { "the floor", { .known = 4, .missing = 2, .seen = 2, DEFAULTS }, GUARD_PASS },
  { "above the floor", { .known = 4, .missing = 3, .seen = 1, DEFAULTS }, GUARD_SHARE },
  { "floor 0", { .known = 4, .missing = 1, .seen = 3, .threshold = 20, .floor = 0, .cap = 500 }, GUARD_SHARE },
  { "floor 0, nobody missing", { .known = 4, .missing = 0, .seen = 4, .threshold = 20, .floor = 0, .cap = 500 },
    GUARD_PASS },
  { "floor 100", { .known = 101, .missing = 100, .seen = 1, .threshold = 20, .floor = 100, .cap = 500 }, GUARD_PASS },
  { "above floor 100", { .known = 102, .missing = 101, .seen = 1, .threshold = 20, .floor = 100, .cap = 500 },
    GUARD_SHARE },
  { "the cap", { .known = 1000000, .missing = 500, .seen = 999500, DEFAULTS }, GUARD_PASS },
  { "above the cap", { .known = 1000000, .missing = 501, .seen = 999499, DEFAULTS }, GUARD_CAP },
  { "a cap below the floor", { .known = 100, .missing = 2, .seen = 98, .threshold = 20, .floor = 2, .cap = 1 },
    GUARD_CAP },
  { "the highest cap, share too high",
    { .known = 4000000, .missing = 1000000, .seen = 3000000, .threshold = 20, .floor = 2, .cap = 1000000 },
    GUARD_SHARE },
  { "10,000,000 known and all but one missing",
    { .known = 10000000, .missing = 9999999, .seen = 1, .threshold = 100, .floor = 2, .cap = 10000000 }, GUARD_PASS },
  { "nobody known, nobody seen", { .known = 0, .missing = 0, .seen = 0, DEFAULTS }, GUARD_PASS },
  { "one known, nobody seen", { .known = 1, .missing = 1, .seen = 0, DEFAULTS }, GUARD_EMPTY },
  { "nobody seen, whatever is allowed",
    { .known = 5, .missing = 5, .seen = 0, .threshold = 100, .floor = 100, .cap = 500 }, GUARD_EMPTY },
  { "half of the highest role", { .known = 100, .missing = 2, .seen = 98, DEFAULTS, .top = 4, .top_lost = 2 },
    GUARD_PASS },
  { "more than half", { .known = 100, .missing = 2, .seen = 98, DEFAULTS, .top = 3, .top_lost = 2 }, GUARD_TOP },
  { "the only one, lowered", { .known = 100, .missing = 0, .seen = 100, DEFAULTS, .top = 1, .top_lost = 1 }, GUARD_TOP },
  { "none of the highest role", { .known = 100, .missing = 0, .seen = 100, DEFAULTS, .top = 0, .top_lost = 0 },
    GUARD_PASS },
  { "one of the keep list, within all else",
    { .known = 100, .missing = 1, .seen = 99, .threshold = 100, .floor = 100, .cap = 500, .kept = "ada@example.com" },
    GUARD_KEPT },
  { "one of the keep list, lowered", { .known = 100, .missing = 0, .seen = 100, DEFAULTS, .kept = "ada@example.com" },
    GUARD_KEPT },
  { "the last owner of a hub", { .known = 100, .missing = 1, .seen = 99, DEFAULTS, .owner = "Acme" }, GUARD_OWNER },
  { "in doubt, one missing", { .known = 100, .missing = 1, .seen = 99, DEFAULTS, .ask = true }, GUARD_ASK },
  { "in doubt, nobody missing", { .known = 100, .missing = 0, .seen = 100, DEFAULTS, .ask = true }, GUARD_PASS },
};

START_TEST (test_each_limit_of_the_guard_at_its_edge)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (limits); i++)
    ck_assert_msg (guard_judge (&limits[i].g) == limits[i].verdict, "%s: %s, wanted %s", limits[i].claim,
                   guard_name (guard_judge (&limits[i].g)), guard_name (limits[i].verdict));
}
END_TEST

/* Held to the rule as it is written down, over all small hubs and settings. */
START_TEST (test_guard_is_the_rule_for_all_small_hubs)
{
  static const int64_t thresholds[] = { 1, 20, 33, 50, 99, 100 }, floors[] = { 0, 1, 2, 5 }, caps[] = { 1, 3, 500 };
  uint64_t known, missing;
  size_t t, f, c;

  for (known = 0; known <= 40; known++)
    for (missing = 0; missing <= known; missing++)
      for (t = 0; t < ARRAY_SIZE (thresholds); t++)
        for (f = 0; f < ARRAY_SIZE (floors); f++)
          for (c = 0; c < ARRAY_SIZE (caps); c++)
            {
              struct guard g = { .known = known, .missing = missing, .seen = known - missing,
                                 .threshold = thresholds[t], .floor = floors[f], .cap = caps[c] };
              double share = known ? 100.0 * (double) missing / (double) known : 0;
              bool stops = known && (g.seen == 0 || missing > (uint64_t) g.cap
                                     || (missing > (uint64_t) g.floor && share > (double) g.threshold + 1e-9));

              ck_assert_int_eq (guard_judge (&g) != GUARD_PASS, stops);
            }
}
END_TEST

START_TEST (test_each_verdict_says_why_in_one_sentence)
{
  static const struct
  {
    enum guard_verdict verdict;
    const char *says;
  } sentences[] = {
    { GUARD_EMPTY, "Nobody is listed, but 9 members" },  { GUARD_SHARE, "5 of 9 known members" },
    { GUARD_CAP, "more than the cap of 500" },           { GUARD_KEPT, "ada@example.com is on the keep list" },
    { GUARD_OWNER, "The hub Acme would lose its last" }, { GUARD_TOP, "2 of the 3 holders" },
    { GUARD_ASK, "in doubt" },
  };
  struct guard g = { .known = 9, .missing = 5, .seen = 4, DEFAULTS, .top = 3, .top_lost = 2,
                     .kept = "ada@example.com", .owner = "Acme" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (sentences); i++)
    {
      _cleanup_ (freep) char *why = guard_sentence (&g, sentences[i].verdict);

      ck_assert_msg (why && strstr (why, sentences[i].says), "%s", why ? why : "no sentence");
      ck_assert_ptr_nonnull (strstr (why, "nothing was applied."));
    }
}
END_TEST

/* ---- Ranks. */

/* A member row with one role of a group; the view borrows from OUT. */
static struct row_view
holder (struct buf *out, const char *group, const char *role, uint32_t state)
{
  struct usher_kv roles[] = { { group, role } };
  struct usher_member m = { .size = sizeof m, .id = "1", .state = state, .roles = roles, .n_roles = role ? 1 : 0 };
  struct row_view view;

  buf_reset (out);
  ck_assert_int_eq (row_put_member (out, &m), 0);
  ck_assert_int_eq (row_look (out->data, out->len, &view), 0);
  return view;
}

START_TEST (test_less_than_before)
{
  static const struct
  {
    const char *group, *before, *after;
    uint32_t state;
    bool lowered, top;
  } cases[] = {
    { "level", "admin", "admin", USHER_ACTIVE, false, true },
    { "level", "admin", "editor", USHER_ACTIVE, true, false },
    { "level", "editor", "admin", USHER_ACTIVE, false, true },
    { "level", "editor", "author", USHER_ACTIVE, false, false },  /* of the same rank */
    { "level", "editor", NULL, USHER_ACTIVE, true, false },
    { "level", NULL, "editor", USHER_ACTIVE, false, false },
    { "level", "unheard-of", "editor", USHER_ACTIVE, false, false },
    { "level", "admin", "admin", USHER_DISABLED, true, false },
    { "level", "admin", NULL, USHER_UNREADABLE, false, false },
    { "flag", "billing", "billing", USHER_ACTIVE, false, false },
    { "flag", "billing", "support", USHER_ACTIVE, true, false },  /* no ranks: what is gone is less */
    { "flag", NULL, "support", USHER_ACTIVE, false, false },
  };
  struct ranks ranks = { json_pack ("{s:{s:i, s:i, s:i}}", "level", "admin", 30, "editor", 20, "author", 20),
                         json_pack ("{s:i}", "level", 30) };
  _cleanup_ (buf_done) struct buf a = BUF_INIT (ROW_MAX), b = BUF_INIT (ROW_MAX);
  size_t i;

  for (i = 0; i < ARRAY_SIZE (cases); i++)
    {
      struct row_view was = holder (&a, cases[i].group, cases[i].before, USHER_ACTIVE);
      struct row_view now = holder (&b, cases[i].group, cases[i].after, cases[i].state);

      ck_assert_msg (ranks_lowered (&ranks, &was, &now) == cases[i].lowered, "case %zu", i);
      ck_assert_msg (ranks_top (&ranks, &now) == cases[i].top, "case %zu", i);
    }
  ranks_done (&ranks);
}
END_TEST

/* ---- The plan. */

START_TEST (test_plan_counts_all_and_shows_the_first_in_order)
{
  struct plan p;
  struct id id = id_new ();
  json_t *shown, *items;
  size_t i;

  plan_init (&p);
  for (i = 0; i < PLAN_ITEMS_MAX + 5; i++)
    if (plan_count (&p, PLAN_REMOVE))
      plan_item (&p, PLAN_REMOVE, plan_member (&id, NULL, NULL));
  if (plan_count (&p, PLAN_ADD))
    plan_item (&p, PLAN_ADD, plan_member (&id, NULL, NULL));
  p.guard = (struct guard) { .known = 2000, .missing = PLAN_ITEMS_MAX + 5, .seen = 995, DEFAULTS };
  ck_assert_int_eq (plan_judge (&p), GUARD_CAP);
  shown = plan_json (&p);
  items = json_object_get (shown, "items");
  ck_assert_uint_eq (json_array_size (items), PLAN_ITEMS_MAX + 1);
  ck_assert_str_eq (json_text (json_array_get (items, 0), "action"), "add");
  ck_assert_str_eq (json_text (json_array_get (items, 1), "action"), "remove");
  ck_assert_int_eq (json_number (json_object_get (shown, "counts"), "remove", 0), PLAN_ITEMS_MAX + 5);
  ck_assert (json_flag (shown, "more"));
  ck_assert_str_eq (json_text (json_object_get (shown, "guard"), "verdict"), "cap");
  json_decref (shown);
  plan_remove_nobody (&p);
  shown = plan_json (&p);
  ck_assert_uint_eq (json_array_size (json_object_get (shown, "items")), 1);
  ck_assert (!json_flag (shown, "more"));
  json_decref (shown);
  plan_done (&p);
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

START_TEST (test_partial_listing_removes_nobody_whatever_is_partial)
{
  static const int others[] = { USHER_S_INVITES, USHER_S_ROLES, USHER_S_ROLE_OF, USHER_S_OBJECTS };
  struct proof p;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (others); i++)
    {
      proof_init (&p);
      section (&p, USHER_S_MEMBERS, USHER_COMPLETE, -1, true, 3);
      section (&p, others[i], USHER_PARTIAL, -1, true, 0);
      proof_finish (&p);
      ck_assert_int_eq (p.listing, LISTING_PARTIAL);
      ck_assert (!p.members && !p.invites);
      /* The groups of somebody who is there go by their own section. */
      ck_assert (p.roles == (others[i] != USHER_S_ROLE_OF));
    }
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

START_TEST (test_each_invitation_waits_four_times_longer)
{
  const int64_t minute = 60 * 1000, first = 10 * minute, now = 1000 * first, most = 30 * 24 * 60 * minute;
  struct member_link link = { .invitations = 0 };

  ck_assert_int_eq (invitation_wait_ms (&link, now), 0);
  link.invited_ms = now;
  link.invitations = 1;
  ck_assert_int_eq (invitation_wait_ms (&link, now), first);
  ck_assert_int_eq (invitation_wait_ms (&link, now + first), 0);
  /* A clock that was ahead makes nobody wait. */
  ck_assert_int_eq (invitation_wait_ms (&link, now - first), 0);
  link.invitations = 3;
  ck_assert_int_eq (invitation_wait_ms (&link, now + minute), 16 * first - minute);
  link.invitations = UINT32_MAX;
  ck_assert_int_eq (invitation_wait_ms (&link, now), most);
  invitation_accepted (&link);
  ck_assert_int_eq (invitation_wait_ms (&link, now), 0);
}
END_TEST

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
  tcase_add_test (t, test_each_limit_of_the_guard_at_its_edge);
  tcase_add_test (t, test_guard_is_the_rule_for_all_small_hubs);
  tcase_add_test (t, test_each_verdict_says_why_in_one_sentence);
  tcase_add_test (t, test_less_than_before);
  tcase_add_test (t, test_plan_counts_all_and_shows_the_first_in_order);
  tcase_add_test (t, test_absence_counts_only_in_a_proved_section);
  tcase_add_test (t, test_totals_must_agree);
  tcase_add_test (t, test_partial_listing_removes_nobody_whatever_is_partial);
  tcase_add_test (t, test_listing_without_members_proves_nothing);
  tcase_add_test (t, test_a_single_row_passes_through_unchanged);
  tcase_add_test (t, test_edges_and_scopes_unite);
  tcase_add_test (t, test_twice_in_one_section_is_a_duplicate);
  tcase_add_test (t, test_edges_alone_are_nobody);
  tcase_add_test (t, test_each_invitation_waits_four_times_longer);
  tcase_add_test (t, test_settings_are_named_and_bounded);
}

UNIT_MAIN ("engine", fill)
