/* A crowd: people of new members, looked up in the order of their addresses. */
#include <config.h>

#include "unit.h"

#include "host/common/text.h"
#include "host/engine/sync.h"

#define ROUNDS 3
#define MANY 1000u

static struct crowd crowd;
static char asked[4096];
static int fails_at;     /* the look-up that fails, from 1; 0 = none */
static int looked_up;

static void
setup (void)
{
  crowd = (struct crowd) { .n = 0 };
  asked[0] = '\0';
  fails_at = looked_up = 0;
}

static void
teardown (void)
{
  crowd_done (&crowd);
  ck_assert_uint_eq (crowd.n, 0);
  crowd_done (&crowd);
}

static void
add (uint64_t at, const char *address)
{
  ck_assert_int_eq (crowd_add (&crowd, at, address, strlen (address)), 0);
}

/* Knows all addresses of example.com; a person's number is the length of theirs. */
static int
find (void *arg, const char *address, size_t len, struct person_facts *ret)
{
  size_t n = strlen (asked);

  ck_assert_ptr_eq (arg, &crowd);
  if (n + len + 2 < sizeof asked)
    (void) snprintf (asked + n, sizeof asked - n, "%s%.*s", n ? " " : "", (int) len, address);
  if (++looked_up == fails_at)
    return -EIO;
  if (!memmem (address, len, "@example.com", 12))
    return 0;
  ret->number = len;
  return 1;
}

START_TEST (test_each_gets_its_own_person)
{
  static const char *const addresses[] = { "zoe@example.com", "", "ann@example.com", "b@elsewhere.test", "ann@example.com" };
  size_t i, round;

  /* Cleared, it is as new. */
  for (round = 0; round < ROUNDS; round++)
    {
      for (i = 0; i < ARRAY_SIZE (addresses); i++)
        add (100 + i, addresses[i]);
      ck_assert_int_eq (crowd_resolve (&crowd, find, &crowd), 0);
      ck_assert_uint_eq (crowd.n, ARRAY_SIZE (addresses));
      for (i = 0; i < ARRAY_SIZE (addresses); i++)
        {
          const char *at = strstr (addresses[i], "@example.com");

          ck_assert_uint_eq (crowd.v[i].at, 100 + i);
          ck_assert_int_eq (crowd.v[i].found, at != NULL);
          if (at)
            ck_assert_uint_eq (crowd.v[i].person.number, strlen (addresses[i]));
        }
      crowd_clear (&crowd);
      ck_assert_uint_eq (crowd.n, 0);
    }
  /* Who has no address is not asked about. */
  ck_assert_int_eq (looked_up, ROUNDS * 4);
}
END_TEST

START_TEST (test_they_are_asked_for_in_order)
{
  add (1, "carl@example.com");
  add (2, "ann@example.com");
  /* Bytes, and not numbers with a sign: "é" is behind all of ASCII. */
  add (3, "\xc3\xa9va@example.com");
  add (4, "a@b");
  add (5, "bob@example.com");
  ck_assert_int_eq (crowd_resolve (&crowd, find, &crowd), 0);
  ck_assert_str_eq (asked, "a@b ann@example.com bob@example.com carl@example.com \xc3\xa9va@example.com");
}
END_TEST

START_TEST (test_a_failure_ends_it)
{
  add (1, "carl@example.com");
  add (2, "ann@example.com");
  add (3, "bob@example.com");
  fails_at = 2;
  ck_assert_int_eq (crowd_resolve (&crowd, find, &crowd), -EIO);
  ck_assert_int_eq (looked_up, 2);
  ck_assert (crowd.v[1].found && !crowd.v[0].found && !crowd.v[2].found);
}
END_TEST

START_TEST (test_an_empty_one_asks_nothing)
{
  ck_assert_int_eq (crowd_resolve (&crowd, find, &crowd), 0);
  ck_assert_int_eq (looked_up, 0);
}
END_TEST

START_TEST (test_many_of_the_longest)
{
  char address[EMAIL_MAX + 1];
  uint32_t i;

  for (i = 0; i < MANY; i++)
    {
      (void) snprintf (address, sizeof address, "%0*u@example.com", (int) EMAIL_MAX - 12, MANY - i);
      ck_assert_uint_eq (strlen (address), EMAIL_MAX);
      add (i, address);
    }
  ck_assert_int_eq (crowd_resolve (&crowd, find, &crowd), 0);
  ck_assert_uint_eq (crowd.n, MANY);
  for (i = 0; i < MANY; i++)
    ck_assert (crowd.v[i].found && crowd.v[i].at == i);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_each_gets_its_own_person);
  tcase_add_test (t, test_they_are_asked_for_in_order);
  tcase_add_test (t, test_a_failure_ends_it);
  tcase_add_test (t, test_an_empty_one_asks_nothing);
  tcase_add_test (t, test_many_of_the_longest);
}

UNIT_MAIN ("crowd", fill)
