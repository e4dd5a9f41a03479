/* The shared vocabulary: buffers, text, ids, times, failure codes. */
#include <config.h>

#include "unit.h"

#include <usher/connector.h>

#include "host/common/arena.h"
#include "host/common/buf.h"
#include "host/common/clock.h"
#include "host/common/failure.h"
#include "host/common/id.h"
#include "host/common/text.h"

START_TEST (test_buf_never_exceeds_its_maximum)
{
  struct buf b = BUF_INIT (10);

  buf_puts (&b, "0123456789");
  ck_assert_int_eq (buf_error (&b), 0);
  buf_putc (&b, 'x');
  ck_assert_int_eq (buf_error (&b), -E2BIG);
  ck_assert_uint_eq (b.len, 10);
  ck_assert_ptr_null (buf_steal (&b));
}
END_TEST

START_TEST (test_buf_writes_json_strings)
{
  struct buf b = BUF_INIT (100);
  char *s;

  buf_put_json (&b, "a\"\\\n\x01é");
  s = buf_steal (&b);
  ck_assert_str_eq (s, "\"a\\\"\\\\\\u000a\\u0001é\"");
  free (s);
}
END_TEST

START_TEST (test_arena_stops_at_its_maximum)
{
  struct arena a = ARENA_INIT (100);

  ck_assert_ptr_nonnull (arena_alloc (&a, 60));
  ck_assert_ptr_null (arena_alloc (&a, 60));
  ck_assert_ptr_null (arena_array (&a, SIZE_MAX, 16));
  arena_reset (&a);
  ck_assert_ptr_nonnull (arena_alloc (&a, 60));
  arena_done (&a);
}
END_TEST

START_TEST (test_numbers_are_whole_and_in_range)
{
  uint64_t v = 7;

  ck_assert_int_eq (parse_u64 ("18446744073709551615", 0, UINT64_MAX, &v), 0);
  ck_assert_uint_eq (v, UINT64_MAX);
  v = 7;
  ck_assert_int_eq (parse_u64 ("18446744073709551616", 0, UINT64_MAX, &v), -ERANGE);
  ck_assert_int_eq (parse_u64 ("-1", 0, 9, &v), -EINVAL);
  ck_assert_int_eq (parse_u64 (" 1", 0, 9, &v), -EINVAL);
  ck_assert_int_eq (parse_u64 ("1x", 0, 9, &v), -EINVAL);
  ck_assert_int_eq (parse_u64 ("", 0, 9, &v), -EINVAL);
  ck_assert_int_eq (parse_u64 ("10", 0, 9, &v), -ERANGE);
  ck_assert_uint_eq (v, 7);
}
END_TEST

START_TEST (test_utf8_refuses_what_rfc_3629_refuses)
{
  ck_assert (utf8_valid ("aé€😀", strlen ("aé€😀")));
  ck_assert (!utf8_valid ("\xc0\xaf", 2));             /* overlong */
  ck_assert (!utf8_valid ("\xed\xa0\x80", 3));         /* surrogate */
  ck_assert (!utf8_valid ("\xf4\x90\x80\x80", 4));     /* above U+10FFFF */
  ck_assert (!utf8_valid ("\xe2\x82", 2));             /* cut */
  ck_assert (!utf8_valid ("a\0b", 3));
}
END_TEST

START_TEST (test_email_is_trimmed_and_lowered_without_tricks)
{
  char *e = email_normalise ("  Ada.L+x@Example.COM ");

  ck_assert_str_eq (e, "ada.l+x@example.com");
  free (e);
  ck_assert_ptr_null (email_normalise ("ada"));
  ck_assert_ptr_null (email_normalise ("@x"));
  ck_assert_ptr_null (email_normalise ("a@"));
  ck_assert_ptr_null (email_normalise ("a@b@c"));
  ck_assert_ptr_null (email_normalise ("a b@c"));
}
END_TEST

START_TEST (test_ids_ascend_and_survive_text)
{
  struct id last = id_new (), next, back;
  char text[ID_TEXT_SIZE];
  int i;

  for (i = 0; i < 10000; i++)
    {
      next = id_new ();
      ck_assert_int_lt (memcmp (last.b, next.b, ID_BYTES), 0);
      last = next;
    }
  id_format (&last, text);
  ck_assert_int_eq (text[14], '7');
  ck_assert_int_eq (id_parse (text, &back), 0);
  ck_assert (id_equal (&last, &back));
  text[3] = 'g';
  ck_assert_int_eq (id_parse (text, &back), -EINVAL);
}
END_TEST

START_TEST (test_times_survive_text)
{
  char text[CLOCK_RFC3339_SIZE];
  int64_t ms;

  clock_rfc3339 (1700000000123, text);
  ck_assert_str_eq (text, "2023-11-14T22:13:20.123Z");
  ck_assert_int_eq (clock_parse_rfc3339 (text, &ms), 0);
  ck_assert_int_eq (ms, 1700000000123);
  ck_assert_int_eq (clock_parse_rfc3339 ("2023-11-14T23:13:20+01:00", &ms), 0);
  ck_assert_int_eq (ms, 1700000000000);
  ck_assert_int_eq (clock_parse_rfc3339 ("2023-11-14", &ms), -EINVAL);
  ck_assert_int_eq (clock_parse_rfc3339 ("2023-13-14T00:00:00Z", &ms), -EINVAL);
}
END_TEST

START_TEST (test_every_status_has_a_known_code)
{
  ck_assert_str_eq (failure_code (USHER_E_TOKEN), "token-rejected");
  ck_assert_str_eq (failure_code (-699), "refused-by-app");
  ck_assert_str_eq (failure_code (-9900), "connector-fault");
  ck_assert_int_eq (failure_class (USHER_E_UNCERTAIN), 8);
  ck_assert_int_eq (failure_class (USHER_DONE), 0);
  ck_assert_int_eq (failure_find ("token-rejected")->hub, FAILURE_HUB_ACCOUNT);
  ck_assert_str_eq (failure_find ("what-is-this")->step, "contact-operator");
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_buf_never_exceeds_its_maximum);
  tcase_add_test (t, test_buf_writes_json_strings);
  tcase_add_test (t, test_arena_stops_at_its_maximum);
  tcase_add_test (t, test_numbers_are_whole_and_in_range);
  tcase_add_test (t, test_utf8_refuses_what_rfc_3629_refuses);
  tcase_add_test (t, test_email_is_trimmed_and_lowered_without_tricks);
  tcase_add_test (t, test_ids_ascend_and_survive_text);
  tcase_add_test (t, test_times_survive_text);
  tcase_add_test (t, test_every_status_has_a_known_code);
}

UNIT_MAIN ("common", fill)
