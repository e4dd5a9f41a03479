/* The contract of usher/connector.h as checks that every connector has to pass.  Each check
   counts how often it was reached, so that one which never happened does not pass.  */
#include <config.h>

#include "tests/contract/contract.h"
#include "tests/contract/run.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

/* An app and a host for it. */
struct stage
{
  const struct contract_app *app;
  void *d;             /* double */
  struct usher_fake *fake;
};

static void
stage_begin (struct stage *s, int which)
{
  s->app = &contract_apps[which];
  s->d = s->app->start ();
  s->fake = run_new (s->app->conf, s->app->http, s->d);
}

static void
stage_end (struct stage *s)
{
  usher_fake_free (s->fake);
  s->app->stop (s->d);
}

static int32_t
stage_list (struct stage *s, const void *cursor, size_t len)
{
  return run_list (s->fake, s->app->spec, cursor, len);
}

/* ---- What was told ---- */

struct lines { char **v; size_t n; };

/* Adds the lines of the first N_EVENTS events; SECTIONS: also those that open a section. */
static void
lines_add (struct lines *l, const struct usher_fake *fake, size_t n_events, bool sections)
{
  char text[RUN_LINE_MAX];

  l->v = reallocarray (l->v, l->n + n_events + 1, sizeof *l->v);
  ck_assert_ptr_nonnull (l->v);
  for (size_t i = 0; i < n_events; i++)
    {
      const struct usher_fake_event *e = usher_fake_event (fake, i);

      if ((sections || e->kind != USHER_FAKE_SECTION) && run_line_of (e, text, sizeof text))
        l->v[l->n++] = strdup (text);
    }
}

static void
lines_done (struct lines *l)
{
  for (size_t i = 0; i < l->n; i++)
    free (l->v[i]);
  free (l->v);
}

static void
same_lines (const struct lines *a, const struct lines *b)
{
  for (size_t i = 0; i < a->n && i < b->n; i++)
    ck_assert_str_eq (a->v[i], b->v[i]);
  ck_assert_uint_eq (a->n, b->n);
}

/* Both hosts were told the same. */
static void
same_told (const struct usher_fake *a, const struct usher_fake *b)
{
  struct lines of_a = { NULL, 0 }, of_b = { NULL, 0 };

  lines_add (&of_a, a, usher_fake_events (a), true);
  lines_add (&of_b, b, usher_fake_events (b), true);
  same_lines (&of_a, &of_b);
  lines_done (&of_a);
  lines_done (&of_b);
}

/* The event of checkpoint K (from 0), and its place in *RET_AT; NULL when there are fewer. */
static const struct usher_fake_event *
checkpoint (const struct usher_fake *fake, size_t k, size_t *ret_at)
{
  for (size_t i = 0; i < usher_fake_events (fake); i++)
    if (usher_fake_event (fake, i)->kind == USHER_FAKE_CHECKPOINT && k-- == 0)
      {
        *ret_at = i;
        return usher_fake_event (fake, i);
      }
  return NULL;
}

/* Helpers that can answer an error of their own. */
static const uint32_t fallible[] = {
  USHER_FAKE_HELPER (poll), USHER_FAKE_HELPER (secret_put), USHER_FAKE_HELPER (state_get),
  USHER_FAKE_HELPER (state_put), USHER_FAKE_HELPER (http_open), USHER_FAKE_HELPER (http_head),
  USHER_FAKE_HELPER (http_read), USHER_FAKE_HELPER (section), USHER_FAKE_HELPER (section_end),
  USHER_FAKE_HELPER (checkpoint), USHER_FAKE_HELPER (emit_member), USHER_FAKE_HELPER (emit_role),
  USHER_FAKE_HELPER (emit_object), USHER_FAKE_HELPER (emit_access),
  USHER_FAKE_HELPER (emit_role_of), USHER_FAKE_HELPER (fact),
};
#define N_FALLIBLE (sizeof fallible / sizeof fallible[0])

/* ---- Operations ---- */

/* The operations, each from a fresh start. */
enum operation { CHECK, LIST, READ, INVITE, SET_ROLE, REMOVE, OPERATIONS };
static const char *const operation_names[] = { "check", "list", "read", "invite", "set_role",
                                               "remove" };

static int32_t
operate (struct stage *s, enum operation op)
{
  const struct contract_app *app = s->app;
  struct usher_kv role = { "role", app->role };
  struct usher_member who = { .size = sizeof who, .state = USHER_ACTIVE, .id = app->present };
  struct usher_member invitee = { .size = sizeof invitee, .state = USHER_ACTIVE,
                                  .email = app->email, .username = app->email,
                                  .first_name = "New", .last_name = "Person" };
  struct usher_change change = { .size = sizeof change, .attempt = 1, .member = &who,
                                 .roles = &role, .n_roles = 1, .key = "k" };

  switch (op)
    {
    case CHECK:
      return run_check (s->fake, app->spec);
    case LIST:
      return stage_list (s, NULL, 0);
    case READ:
      return run_read (s->fake, app->spec, &who);
    case INVITE:
      change.member = &invitee;
      return run_write (s->fake, app->spec, RUN_INVITE, &change);
    case SET_ROLE:
      return run_write (s->fake, app->spec, RUN_SET_ROLE, &change);
    case REMOVE:
      change.n_roles = 0;
      return run_write (s->fake, app->spec, RUN_REMOVE, &change);
    case OPERATIONS:
      break;
    }
  return USHER_E_UNSUPPORTED;
}

START_TEST (test_the_connector_says_what_it_is)
{
  const struct usher_connector *c = usher_connector_v1 ();

  ck_assert_uint_eq (c->abi.magic, USHER_MAGIC);
  ck_assert_uint_eq (c->abi.major, USHER_MAJOR);
  ck_assert_uint_le (c->abi.min_minor, USHER_MINOR);
  ck_assert_ptr_nonnull (c->name);
  ck_assert_ptr_nonnull (c->version);
  ck_assert (c->open && c->close && c->check && c->list);
}
END_TEST

START_TEST (test_listing_twice_gives_the_same)
{
  struct stage a, b;

  stage_begin (&a, _i);
  stage_begin (&b, _i);
  ck_assert_int_eq (stage_list (&a, NULL, 0), USHER_DONE);
  ck_assert_int_eq (stage_list (&b, NULL, 0), USHER_DONE);
  ck_assert_uint_gt (run_count (a.fake, "member "), 1);
  ck_assert_uint_ge (run_count (a.fake, "end complete"), 1);
  same_told (a.fake, b.fake);
  /* Again with what the first listing left in the hub's state. */
  usher_fake_clear (b.fake);
  ck_assert_int_eq (stage_list (&b, NULL, 0), USHER_DONE);
  same_told (a.fake, b.fake);
  stage_end (&a);
  stage_end (&b);
}
END_TEST

/* Ends a listing right behind checkpoint K, as a killed process does, and goes on from it; false
   when nothing comes behind it that could end. */
static bool
resume_at (int which, const struct stage *whole, size_t k)
{
  struct lines want = { NULL, 0 }, got = { NULL, 0 };
  const struct usher_fake_event *mark;
  struct stage s;
  size_t at;
  int32_t r;

  mark = checkpoint (whole->fake, k, &at);
  stage_begin (&s, which);
  usher_fake_cancel (s.fake, mark->call + 1);
  r = stage_list (&s, NULL, 0);
  if (!usher_fake_fired (s.fake))
    {
      ck_assert_int_eq (r, USHER_DONE);
      stage_end (&s);
      return false;
    }
  ck_assert_int_eq (r, USHER_E_CANCELLED);
  ck_assert_uint_eq (usher_fake_count (s.fake, USHER_FAKE_CHECKPOINT), k + 1);
  ck_assert_ptr_nonnull (checkpoint (s.fake, k, &at));
  /* Sections are opened again after an interruption. */
  lines_add (&got, s.fake, at, false);
  usher_fake_clear (s.fake);
  ck_assert_int_eq (stage_list (&s, mark->text, mark->len), USHER_DONE);
  lines_add (&got, s.fake, usher_fake_events (s.fake), false);
  lines_add (&want, whole->fake, usher_fake_events (whole->fake), false);
  same_lines (&want, &got);
  lines_done (&want);
  lines_done (&got);
  stage_end (&s);
  return true;
}

START_TEST (test_listing_resumes_at_every_checkpoint)
{
  struct stage whole;
  size_t marks, resumed = 0;

  stage_begin (&whole, _i);
  ck_assert_int_eq (stage_list (&whole, NULL, 0), USHER_DONE);
  marks = usher_fake_count (whole.fake, USHER_FAKE_CHECKPOINT);
  ck_assert_uint_gt (marks, 1);
  for (size_t k = 0; k < marks; k++)
    resumed += resume_at (_i, &whole, k);
  /* Only the last may be the end of the listing as well. */
  ck_assert_uint_ge (resumed, marks - 1);
  stage_end (&whole);
}
END_TEST

START_TEST (test_a_cursor_cut_at_any_byte_is_refused)
{
  const struct usher_fake_event *mark;
  struct stage whole, s;
  size_t at;

  stage_begin (&whole, _i);
  ck_assert_int_eq (stage_list (&whole, NULL, 0), USHER_DONE);
  mark = checkpoint (whole.fake, 0, &at);
  ck_assert_uint_gt (mark->len, 1);
  for (size_t len = 1; len < mark->len; len++)
    {
      stage_begin (&s, _i);
      ck_assert_int_eq (stage_list (&s, mark->text, len), USHER_E_CURSOR);
      stage_end (&s);
    }
  stage_end (&whole);
}
END_TEST

/* Whether the body of answer N is read as far as byte AT. */
static bool
breaks_off (int which, uint32_t n, size_t at)
{
  struct stage s;
  bool fired;
  int32_t r;

  stage_begin (&s, which);
  usher_fake_cut (s.fake, n, at);
  r = stage_list (&s, NULL, 0);
  fired = usher_fake_fired (s.fake);
  if (fired)
    ck_assert_int_lt (r, 0);
  stage_end (&s);
  return fired;
}

START_TEST (test_a_body_that_breaks_off_never_completes_a_listing)
{
  struct stage s;
  uint32_t reached = 0, answers;

  stage_begin (&s, _i);
  ck_assert_int_eq (stage_list (&s, NULL, 0), USHER_DONE);
  answers = (uint32_t) usher_fake_count (s.fake, USHER_FAKE_REQUEST);
  stage_end (&s);
  /* Each answer behind the first, which may be about the app and not of the listing. */
  for (uint32_t n = 2; n <= answers; n++)
    {
      ck_assert (breaks_off (_i, n, 0));
      for (size_t at = 7; breaks_off (_i, n, at); at += 7)
        reached++;
    }
  ck_assert_uint_gt (reached, 10 * (answers - 1));
}
END_TEST

START_TEST (test_a_member_is_read_and_nobody_is_absent)
{
  struct stage s;
  struct usher_member nobody = { .size = sizeof nobody, .state = USHER_ACTIVE };
  struct usher_member unknown = { .size = sizeof unknown, .state = USHER_ACTIVE };

  stage_begin (&s, _i);
  ck_assert_int_eq (operate (&s, READ), USHER_DONE);
  nobody.id = s.app->absent;
  ck_assert_int_eq (run_read (s.fake, s.app->spec, &nobody), USHER_ABSENT);
  unknown.email = unknown.username = s.app->email;
  ck_assert_int_eq (run_read (s.fake, s.app->spec, &unknown), USHER_ABSENT);
  stage_end (&s);
}
END_TEST

static const char *
fault_text (const struct usher_fake *fake)
{
  const struct usher_fake_event *fault = usher_fake_last (fake, USHER_FAKE_FAULT);

  return fault ? fault->text : "";
}

START_TEST (test_every_write_done_twice_happens_once)
{
  for (int op = INVITE; op <= REMOVE; op++)
    {
      struct stage s;
      uint64_t effects;
      int32_t r;

      stage_begin (&s, _i);
      r = operate (&s, op);
      ck_assert_msg (r == USHER_DONE || r == USHER_INVITED, "%s answers %d: %s",
                     operation_names[op], r, fault_text (s.fake));
      effects = s.app->effects (s.d);
      ck_assert_uint_ge (effects, 1);
      usher_fake_clear (s.fake);
      r = operate (&s, op);
      ck_assert_msg (r == USHER_ALREADY || r == USHER_DONE, "%s again answers %d: %s",
                     operation_names[op], r, fault_text (s.fake));
      ck_assert_uint_eq (s.app->effects (s.d), effects);
      stage_end (&s);
    }
}
END_TEST

START_TEST (test_a_cancel_at_every_helper_ends_the_operation)
{
  for (int op = 0; op < OPERATIONS; op++)
    {
      struct stage s;
      uint32_t calls, can_end = 0, ended = 0;

      stage_begin (&s, _i);
      ck_assert_int_ge (operate (&s, op), 0);
      calls = usher_fake_calls_all (s.fake);
      for (size_t i = 0; i < N_FALLIBLE; i++)
        can_end += usher_fake_calls (s.fake, fallible[i]);
      stage_end (&s);
      for (uint32_t n = 1; n <= calls; n++)
        {
          int32_t r;

          stage_begin (&s, _i);
          usher_fake_cancel (s.fake, n);
          r = operate (&s, op);
          /* Behind the last helper that can tell, a cancel comes too late. */
          if (usher_fake_fired (s.fake))
            ck_assert_int_eq (r, USHER_E_CANCELLED);
          else
            ck_assert_int_ge (r, 0);
          ended += r < 0;
          stage_end (&s);
        }
      ck_assert_uint_gt (can_end, 0);
      ck_assert_uint_ge (ended, can_end);
    }
}
END_TEST

/* Fails call N of HELPER: the failure is passed on (then true), or it was about something that may
   fail, and then nothing differs from GOOD. */
static bool
is_passed_on (int which, enum operation op, const struct stage *good, uint32_t helper, uint32_t n)
{
  struct stage s;
  int32_t r;

  stage_begin (&s, which);
  usher_fake_fail (s.fake, helper, n, USHER_E_APP_DOWN);
  r = operate (&s, op);
  ck_assert (usher_fake_fired (s.fake));
  if (r < 0)
    ck_assert_int_eq (r, USHER_E_APP_DOWN);
  else
    same_told (good->fake, s.fake);
  stage_end (&s);
  return r < 0;
}

START_TEST (test_every_failing_helper_is_passed_on_or_makes_no_difference)
{
  for (int op = 0; op < OPERATIONS; op++)
    {
      struct stage good;
      uint32_t passed = 0;

      stage_begin (&good, _i);
      ck_assert_int_ge (operate (&good, op), 0);
      for (size_t i = 0; i < N_FALLIBLE; i++)
        for (uint32_t n = 1; n <= usher_fake_calls (good.fake, fallible[i]); n++)
          passed += is_passed_on (_i, op, &good, fallible[i], n);
      ck_assert_uint_gt (passed, 0);
      stage_end (&good);
    }
}
END_TEST

START_TEST (test_a_slow_body_loses_nothing)
{
  struct stage fast, slow;

  stage_begin (&fast, _i);
  stage_begin (&slow, _i);
  usher_fake_chunk (slow.fake, 1);
  ck_assert_int_eq (stage_list (&fast, NULL, 0), USHER_DONE);
  ck_assert_int_eq (stage_list (&slow, NULL, 0), USHER_DONE);
  ck_assert_uint_gt (usher_fake_calls (slow.fake, USHER_FAKE_HELPER (http_read)),
                     usher_fake_calls (fast.fake, USHER_FAKE_HELPER (http_read)));
  same_told (fast.fake, slow.fake);
  stage_end (&fast);
  stage_end (&slow);
}
END_TEST

static void
fill (TCase *tc)
{
  tcase_add_test (tc, test_the_connector_says_what_it_is);
  tcase_add_loop_test (tc, test_listing_twice_gives_the_same, 0, contract_n_apps);
  tcase_add_loop_test (tc, test_listing_resumes_at_every_checkpoint, 0, contract_n_apps);
  tcase_add_loop_test (tc, test_a_cursor_cut_at_any_byte_is_refused, 0, contract_n_apps);
  tcase_add_loop_test (tc, test_a_body_that_breaks_off_never_completes_a_listing, 0,
                       contract_n_apps);
  tcase_add_loop_test (tc, test_a_member_is_read_and_nobody_is_absent, 0, contract_n_apps);
  tcase_add_loop_test (tc, test_every_write_done_twice_happens_once, 0, contract_n_apps);
  tcase_add_loop_test (tc, test_a_cancel_at_every_helper_ends_the_operation, 0, contract_n_apps);
  tcase_add_loop_test (tc, test_every_failing_helper_is_passed_on_or_makes_no_difference, 0,
                       contract_n_apps);
  tcase_add_loop_test (tc, test_a_slow_body_loses_nothing, 0, contract_n_apps);
}

UNIT_MAIN ("contract", fill)
