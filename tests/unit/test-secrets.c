/* The search for the values of secrets, in every form in which they are looked for. */
#include <config.h>

#include <check.h>
#include <stdio.h>

#include "host/session/secrets.h"
#include "host/session/sieve.h"
#include "tests/unit/unit.h"

static const char value[] = "S3cr3t\"\\/+=%&<>'~\n-end";

static struct session_secrets
one_secret (const char *text)
{
  struct session_secrets s = { .n = 0 };

  ck_assert_int_eq (session_secrets_put (&s, "token", text), 0);
  return s;
}

/* What other programs make of VALUE; those of base64 behind no, one and two bytes, with more behind it. */
static const char *const forms[] = {
  value,
  "S3cr3t\\\"\\\\/+=%&<>'~\\n-end",
  "S3cr3t\\\"\\\\\\/+=%&<>'~\\n-end",
  "S3cr3t%22%5C%2F%2B%3D%25%26%3C%3E%27~%0A-end",
  "S3cr3t%22%5c%2f%2b%3d%25%26%3c%3e%27~%0a-end",
  "UzNjcjN0IlwvKz0lJjw+J34KLWVuZA==",
  "eFMzY3IzdCJcLys9JSY8Pid+Ci1lbmR5",
  "eHhTM2NyM3QiXC8rPSUmPD4nfgotZW5keQ==",
  "eHhTM2NyM3QiXC8rPSUmPD4nfgotZW5keQ",
  "UzNjcjN0IlwvKz0lJjw-J34KLWVuZA",
};

START_TEST (test_every_form_is_found_wherever_it_stands)
{
  struct session_secrets s = one_secret (value);
  char room[512];
  struct sieve sieve;
  size_t at, i;

  ck_assert_int_eq (session_secrets_sieve (&s, &sieve), 0);
  for (i = 0; i < ARRAY_SIZE (forms); i++)
    for (at = 0; at < 200; at++)
      {
        size_t len = strlen (forms[i]);

        memset (room, 'a', sizeof room);
        memcpy (room + at, forms[i], len);
        ck_assert_msg (session_secrets_in (&s, room, sizeof room), "%s at %zu", forms[i], at);
        ck_assert_msg (sieve_in (&sieve, room, sizeof room), "%s at %zu, by the sieve", forms[i], at);
        ck_assert_msg (sieve_in (&sieve, room + at, len), "%s alone", forms[i]);
        /* What base64 makes of the last bits is not looked for. */
        ck_assert_msg (!sieve_in (&sieve, room, at + len - 6), "%s, cut, at %zu", forms[i], at);
      }
  sieve_done (&sieve);
  session_secrets_done (&s);
}
END_TEST

START_TEST (test_the_unescaping_search_looks_through_both_escapes)
{
  static const char *const odd[] = {
    "\\u0053\\u0033cr3t\\u0022\\u005c\\u002f+=%&<>'~\\u000a-end",
    "S3cr3t%5C%22%5C%5C%2F%2B%3D%25%26%3C%3E%27~%5Cn-end",
  };
  struct session_secrets s = one_secret (value);

  ck_assert (session_secrets_in (&s, odd[0], strlen (odd[0])));
  ck_assert (!session_secrets_in (&s, odd[1], strlen (odd[1]) - 4));
  session_secrets_done (&s);
}
END_TEST

START_TEST (test_a_sieve_of_none_and_of_short_ones_finds_nothing)
{
  struct session_secrets s = one_secret ("1234567");
  struct sieve sieve;

  ck_assert_int_eq (session_secrets_sieve (&s, &sieve), 0);
  ck_assert_uint_eq (sieve.n, 0);
  ck_assert (!sieve_in (&sieve, "1234567", 7));
  sieve_done (&sieve);
  session_secrets_done (&s);
  s = (struct session_secrets) { .n = 0 };
  ck_assert_int_eq (session_secrets_sieve (&s, &sieve), 0);
  ck_assert (!sieve_in (&sieve, "", 0));
  sieve_done (&sieve);
}
END_TEST

/* Few letters, so that much is nearly found; a naive search says what is right. */
START_TEST (test_a_sieve_finds_what_a_naive_search_finds)
{
  unsigned int seed = 1, round;

  for (round = 0; round < 2000; round++)
    {
      char text[300], needle[3][100];
      struct sieve sieve;
      bool found = false;
      size_t i, k, len;

      sieve_init (&sieve);
      for (i = 0; i < sizeof text; i++)
        text[i] = (char) ('a' + (seed = seed * 1103515245 + 12345) / 65536 % 2);
      for (k = 0; k < 3; k++)
        {
          len = 8 + (seed = seed * 1103515245 + 12345) / 65536 % (round % 2 ? 6 : 92);
          for (i = 0; i < len; i++)
            needle[k][i] = (char) ('a' + (seed = seed * 1103515245 + 12345) / 65536 % 2);
          if (round % 3 == 0)
            memcpy (needle[k], text + seed / 65536 % 200, len);
          ck_assert_int_eq (sieve_add (&sieve, needle[k], len), 0);
          found |= memmem (text, sizeof text, needle[k], len) != NULL;
        }
      sieve_ready (&sieve);
      ck_assert_msg (sieve_in (&sieve, text, sizeof text) == found, "round %u", round);
      sieve_done (&sieve);
    }
}
END_TEST

START_TEST (test_there_is_always_room_for_the_tokens)
{
  static const char *const names[] = { "access_token", "refresh_token", "client_id", "client_secret" };
  struct session_secrets s = { .n = 0 };
  char text[32];
  size_t i, k;

  for (i = 0; i < SECRETS_SEARCHED_MAX; i++)
    {
      (void) snprintf (text, sizeof text, "value-%03zu.", i);
      ck_assert_int_eq (session_secrets_put (&s, i ? "token" : "refresh_token", text), 0);
    }
  ck_assert_int_eq (session_secrets_put (&s, "other", "one-more"), -E2BIG);
  for (i = 0; i < 100; i++)
    for (k = 0; k < ARRAY_SIZE (names); k++)
      {
        (void) snprintf (text, sizeof text, "%s-%03zu.", names[k], i);
        ck_assert_int_eq (session_secrets_put (&s, names[k], text), 0);
        ck_assert (session_secrets_in (&s, text, strlen (text)));
      }
  ck_assert_uint_le (s.n, SECRETS_ROOM);
  ck_assert (session_secrets_in (&s, "value-000.", 10));
  session_secrets_done (&s);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_there_is_always_room_for_the_tokens);
  tcase_add_test (t, test_every_form_is_found_wherever_it_stands);
  tcase_add_test (t, test_the_unescaping_search_looks_through_both_escapes);
  tcase_add_test (t, test_a_sieve_of_none_and_of_short_ones_finds_nothing);
  tcase_add_test (t, test_a_sieve_finds_what_a_naive_search_finds);
}

UNIT_MAIN ("secrets", fill)
