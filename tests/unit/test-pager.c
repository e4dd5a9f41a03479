/* pager: where the next page is, loops of any period, the verdict, and states. */
#include <config.h>

#include "unit.h"

#include <usher/pager.h>

#include <stdio.h>
#include <string.h>

static struct usher_pager *
make (uint32_t style, uint64_t first, uint64_t count, uint32_t flags)
{
  const struct usher_pager_spec spec = { sizeof spec, style, flags, 0, first, count };
  struct usher_pager *pager;

  ck_assert_int_eq (usher_pager_new (&spec, &pager), USHER_DONE);
  return pager;
}

/* A page of ITEMS members, the first of which is FROM. */
static int32_t
turn (struct usher_pager *pager, unsigned from, unsigned items, int64_t total, const char *cursor)
{
  const struct usher_pager_page page = { sizeof page, 0, items, total, cursor };
  char id[32];
  unsigned i;

  for (i = 0; i < items; i++)
    {
      snprintf (id, sizeof id, "id-%u", from + i);
      usher_pager_id (pager, id, strlen (id));
    }
  return usher_pager_turn (pager, &page);
}

static void
expect (struct usher_pager *pager, uint32_t verdict, int64_t total, const char *why)
{
  const char *said;
  int64_t n;

  ck_assert_uint_eq (usher_pager_verdict (pager, &n, &said), verdict);
  ck_assert_int_eq (n, total);
  if (why)
    ck_assert_str_eq (said, why);
  else
    ck_assert_ptr_null (said);
}

START_TEST (test_index_advances_by_what_came)
{
  struct usher_pager *p = make (USHER_PAGER_INDEX, 1, 500, 0);

  ck_assert_uint_eq (usher_pager_position (p), 1);
  ck_assert_int_eq (turn (p, 0, 100, 250, NULL), 0);
  ck_assert_uint_eq (usher_pager_position (p), 101);
  ck_assert_int_eq (turn (p, 100, 100, 250, NULL), 0);
  ck_assert_int_eq (turn (p, 200, 50, 250, NULL), 0);
  ck_assert (!usher_pager_more (p));
  ck_assert_uint_eq (usher_pager_items (p), 250);
  ck_assert_uint_eq (usher_pager_pages (p), 3);
  expect (p, USHER_COMPLETE, 250, NULL);
  usher_pager_free (p);
}
END_TEST

START_TEST (test_page_numbers_advance_by_one_and_end_when_empty)
{
  struct usher_pager *p = make (USHER_PAGER_NUMBER, 1, 0, 0);

  ck_assert_int_eq (turn (p, 0, 20, -1, NULL), 0);
  ck_assert_uint_eq (usher_pager_position (p), 2);
  ck_assert_int_eq (turn (p, 20, 3, -1, NULL), 0);
  ck_assert (usher_pager_more (p));
  ck_assert_int_eq (turn (p, 0, 0, -1, NULL), 0);
  ck_assert (!usher_pager_more (p));
  expect (p, USHER_COMPLETE, -1, NULL);
  usher_pager_free (p);
}
END_TEST

START_TEST (test_short_page_ends_only_where_that_is_the_rule)
{
  struct usher_pager *p = make (USHER_PAGER_OFFSET, 0, 20, USHER_PAGER_SHORT_ENDS);

  ck_assert_int_eq (turn (p, 0, 20, -1, NULL), 0);
  ck_assert (usher_pager_more (p));
  ck_assert_int_eq (turn (p, 20, 19, -1, NULL), 0);
  ck_assert (!usher_pager_more (p));
  usher_pager_free (p);
}
END_TEST

START_TEST (test_fewer_than_announced_is_partial_with_the_numbers)
{
  struct usher_pager *p = make (USHER_PAGER_INDEX, 1, 100, 0);

  ck_assert_int_eq (turn (p, 0, 100, 312, NULL), 0);
  ck_assert_int_eq (turn (p, 0, 0, 312, NULL), 0);
  expect (p, USHER_PARTIAL, 312, "312 were announced and 100 came");
  usher_pager_free (p);
}
END_TEST

START_TEST (test_stopping_early_is_partial)
{
  struct usher_pager *p = make (USHER_PAGER_INDEX, 1, 100, 0);

  ck_assert_int_eq (turn (p, 0, 100, 312, NULL), 0);
  expect (p, USHER_PARTIAL, 312, "the listing stopped after page 1");
  usher_pager_free (p);
}
END_TEST

START_TEST (test_ignored_start_is_a_loop)
{
  struct usher_pager *p = make (USHER_PAGER_INDEX, 1, 100, 0);

  ck_assert_int_eq (turn (p, 0, 100, 312, NULL), 0);
  ck_assert_int_eq (turn (p, 0, 99, 312, NULL), USHER_E_LOOP);
  ck_assert (!usher_pager_more (p));
  expect (p, USHER_PARTIAL, 312, "page 2 begins with the same item as an earlier one");
  usher_pager_free (p);
}
END_TEST

START_TEST (test_same_ids_in_another_order_are_the_same_page)
{
  struct usher_pager *p = make (USHER_PAGER_NUMBER, 1, 0, 0);
  const struct usher_pager_page page = { sizeof page, 0, 3, -1, NULL };

  ck_assert_int_eq (turn (p, 0, 3, -1, NULL), 0);
  usher_pager_id (p, "id-2", 4);
  usher_pager_id (p, "id-0", 4);
  usher_pager_id (p, "id-1", 4);
  ck_assert_int_eq (usher_pager_turn (p, &page), USHER_E_LOOP);
  ck_assert_str_eq (usher_pager_error (p), "page 2 has the same items as an earlier one");
  usher_pager_free (p);
}
END_TEST

START_TEST (test_cursor_that_came_before_is_a_loop_and_none_is_the_end)
{
  struct usher_pager *p = make (USHER_PAGER_CURSOR, 0, 0, 0);

  ck_assert_str_eq (usher_pager_cursor (p), "");
  ck_assert_int_eq (turn (p, 0, 5, -1, "a"), 0);
  ck_assert_str_eq (usher_pager_cursor (p), "a");
  ck_assert_int_eq (turn (p, 0, 0, -1, "b"), 0);   /* an empty page in between is no end */
  ck_assert (usher_pager_more (p));
  ck_assert_int_eq (turn (p, 5, 5, -1, "a"), USHER_E_LOOP);
  usher_pager_free (p);

  p = make (USHER_PAGER_CURSOR, 0, 0, 0);
  ck_assert_int_eq (turn (p, 0, 5, -1, "a"), 0);
  ck_assert_int_eq (turn (p, 5, 5, 10, NULL), 0);
  ck_assert (!usher_pager_more (p));
  expect (p, USHER_COMPLETE, 10, NULL);
  usher_pager_free (p);
}
END_TEST

START_TEST (test_cursor_over_its_maximum_is_refused)
{
  struct usher_pager *p = make (USHER_PAGER_CURSOR, 0, 0, 0);
  char cursor[USHER_PAGER_CURSOR_MAX + 2];

  memset (cursor, 'x', sizeof cursor);
  cursor[USHER_PAGER_CURSOR_MAX] = '\0';
  ck_assert_int_eq (turn (p, 0, 1, -1, cursor), 0);
  cursor[USHER_PAGER_CURSOR_MAX] = 'x';
  cursor[USHER_PAGER_CURSOR_MAX + 1] = '\0';
  ck_assert_int_eq (turn (p, 1, 1, -1, cursor), USHER_E_LIMIT);
  usher_pager_free (p);
}
END_TEST

START_TEST (test_no_end_after_the_most_pages_is_a_loop)
{
  const struct usher_pager_spec spec = { sizeof spec, USHER_PAGER_NUMBER, 0, 3, 1, 0 };
  struct usher_pager *p;

  ck_assert_int_eq (usher_pager_new (&spec, &p), USHER_DONE);
  ck_assert_int_eq (turn (p, 0, 1, -1, NULL), 0);
  ck_assert_int_eq (turn (p, 1, 1, -1, NULL), 0);
  ck_assert_int_eq (turn (p, 2, 1, -1, NULL), USHER_E_LOOP);
  usher_pager_free (p);
}
END_TEST

/* Saves and restores into another pager of the same spec. */
static struct usher_pager *
move (struct usher_pager *p, uint32_t style)
{
  static unsigned char blob[USHER_PAGER_STATE_MAX];
  int32_t len = usher_pager_save (p, blob, sizeof blob);
  struct usher_pager *q = make (style, style == USHER_PAGER_NUMBER, 0, 0);

  ck_assert_int_gt (len, 0);
  ck_assert_int_eq (usher_pager_restore (q, blob, (size_t) len), USHER_DONE);
  ck_assert_uint_eq (usher_pager_position (q), usher_pager_position (p));
  ck_assert_str_eq (usher_pager_cursor (q), usher_pager_cursor (p));
  ck_assert_uint_eq (usher_pager_items (q), usher_pager_items (p));
  usher_pager_free (p);
  return q;
}

/* Pages go round with PERIOD after LEAD others; the state moves every MOVES pages.  How many
   pages after the first repeated one the loop was seen. */
static unsigned
caught_after (unsigned lead, unsigned period, unsigned moves)
{
  struct usher_pager *p = make (USHER_PAGER_NUMBER, 1, 0, 0);
  unsigned n;

  for (n = 0;; n++)
    {
      unsigned page = n < lead ? n : lead + (n - lead) % period;

      ck_assert_uint_lt (n, lead + 3 * period);
      if (turn (p, page * 10, 2, -1, NULL) == USHER_E_LOOP)
        break;
      if (n % moves == moves - 1)
        p = move (p, USHER_PAGER_NUMBER);
    }
  usher_pager_free (p);
  return n - (lead + period);
}

START_TEST (test_loop_of_any_period_is_seen_at_once)
{
  unsigned period;

  for (period = 1; period < 60; period++)
    ck_assert_uint_eq (caught_after (period % 7, period, 100000), 0);
  ck_assert_uint_eq (caught_after (3, 5000, 100000), 0);
}
END_TEST

START_TEST (test_loop_of_any_period_is_seen_across_restarts)
{
  ck_assert_uint_eq (caught_after (1, 1, 1), 0);
  ck_assert_uint_eq (caught_after (0, 7, 3), 0);
  ck_assert_uint_eq (caught_after (100, 16, 5), 0);
  /* At the latest where a power of two comes again. */
  ck_assert_uint_eq (caught_after (0, 17, 1), 0);
  ck_assert_uint_eq (caught_after (0, 513, 101), 0);
  ck_assert_uint_le (caught_after (700, 3000, 333), 1024 - 700);
  ck_assert_uint_le (caught_after (5000, 6000, 1), 8192 - 5000);
  ck_assert_uint_le (caught_after (1, 40000, 997), 1);
}
END_TEST

START_TEST (test_state_of_the_longest_listing_fits)
{
  static unsigned char blob[USHER_PAGER_STATE_MAX];
  struct usher_pager *p = make (USHER_PAGER_CURSOR, 0, 0, 0);
  char cursor[USHER_PAGER_CURSOR_MAX + 1];
  unsigned i;

  memset (cursor, 'x', sizeof cursor);
  cursor[USHER_PAGER_CURSOR_MAX] = '\0';
  for (i = 0; i < USHER_PAGER_PAGES_MAX - 1; i++)
    {
      snprintf (cursor, 9, "%08u", i);
      cursor[8] = 'x';
      if (turn (p, i, 1, -1, cursor) != USHER_DONE)
        ck_abort ();
    }
  ck_assert_int_gt (usher_pager_save (p, blob, sizeof blob), 3600);
  ck_assert_int_eq (usher_pager_save (p, blob, 3600), USHER_E_LIMIT);
  p = move (p, USHER_PAGER_CURSOR);
  ck_assert_int_eq (turn (p, i, 1, -1, NULL), USHER_DONE);
  expect (p, USHER_COMPLETE, -1, NULL);
  usher_pager_free (p);
}
END_TEST

START_TEST (test_every_cut_or_flipped_state_is_refused_or_harmless)
{
  unsigned char blob[USHER_PAGER_STATE_MAX], bad[USHER_PAGER_STATE_MAX];
  struct usher_pager *p = make (USHER_PAGER_CURSOR, 0, 0, 0), *q;
  int32_t len;
  size_t i;

  ck_assert_int_eq (turn (p, 0, 5, 9, "next"), 0);
  len = usher_pager_save (p, blob, sizeof blob);
  for (i = 0; i < (size_t) len; i++)
    {
      q = make (USHER_PAGER_CURSOR, 0, 0, 0);
      ck_assert_int_eq (usher_pager_restore (q, blob, i), USHER_E_CURSOR);
      usher_pager_free (q);
      q = make (USHER_PAGER_CURSOR, 0, 0, 0);
      memcpy (bad, blob, (size_t) len);
      bad[i] ^= 0xff;
      (void) usher_pager_restore (q, bad, (size_t) len);
      usher_pager_free (q);
    }
  q = make (USHER_PAGER_INDEX, 1, 0, 0);
  ck_assert_int_eq (usher_pager_restore (q, blob, (size_t) len), USHER_E_CURSOR);
  usher_pager_free (q);
  usher_pager_free (p);
}
END_TEST

START_TEST (test_state_of_a_million_members_is_small)
{
  static unsigned char blob[USHER_PAGER_STATE_MAX];
  struct usher_pager *p = make (USHER_PAGER_INDEX, 1, 100, 0);
  unsigned i;

  for (i = 0; i < 9999; i++)
    if (turn (p, i * 100, 100, 1000000, NULL) != USHER_DONE)
      ck_abort ();
  ck_assert_int_lt (usher_pager_save (p, blob, sizeof blob), 400);
  usher_pager_free (p);
}
END_TEST

START_TEST (test_state_in_the_middle_of_a_page_is_misuse)
{
  struct usher_pager *p = make (USHER_PAGER_INDEX, 1, 0, 0);
  unsigned char blob[USHER_PAGER_STATE_MAX];

  usher_pager_id (p, "x", 1);
  ck_assert_int_eq (usher_pager_save (p, blob, sizeof blob), USHER_E_MISUSE);
  usher_pager_free (p);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_index_advances_by_what_came);
  tcase_add_test (t, test_page_numbers_advance_by_one_and_end_when_empty);
  tcase_add_test (t, test_short_page_ends_only_where_that_is_the_rule);
  tcase_add_test (t, test_fewer_than_announced_is_partial_with_the_numbers);
  tcase_add_test (t, test_stopping_early_is_partial);
  tcase_add_test (t, test_ignored_start_is_a_loop);
  tcase_add_test (t, test_same_ids_in_another_order_are_the_same_page);
  tcase_add_test (t, test_cursor_that_came_before_is_a_loop_and_none_is_the_end);
  tcase_add_test (t, test_cursor_over_its_maximum_is_refused);
  tcase_add_test (t, test_no_end_after_the_most_pages_is_a_loop);
  tcase_add_test (t, test_loop_of_any_period_is_seen_at_once);
  tcase_add_test (t, test_loop_of_any_period_is_seen_across_restarts);
  tcase_add_test (t, test_state_of_the_longest_listing_fits);
  tcase_add_test (t, test_state_of_a_million_members_is_small);
  tcase_add_test (t, test_every_cut_or_flipped_state_is_refused_or_harmless);
  tcase_add_test (t, test_state_in_the_middle_of_a_page_is_misuse);
}

UNIT_MAIN ("pager", fill)
