/* Many who leave at once: members whom an app no longer shows, people whom a directory no longer names. */
#include <config.h>

#include "store-fixture.h"

#include "host/engine/people.h"
#include "host/engine/sync-run.h"

#define PEOPLE 10005u   /* more than a report has rows */
#define MEMBERS 7000u

static struct fixture f;
static struct id hub;

static void
setup (void)
{
  json_t *doc = json_object ();
  struct txn *t;

  fixture_make (&f, FIXTURE_MAP);
  hub = id_new ();
  json_set_id (doc, "id", &hub);
  json_set_text (doc, "label", "Acme");
  t = store_write (f.store);
  txn_doc_put (t, STORE_HUB, doc);
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (doc);
}

static void
teardown (void)
{
  fixture_remove (&f);
}

/* ---- Members. */

static void
give_seat (struct txn *t, const struct id *person)
{
  struct id id = id_new ();
  json_t *grant = json_object ();

  json_set_id (grant, "id", &id);
  json_set_id (grant, "hub", &hub);
  json_set_id (grant, "person", person);
  (void) json_object_set_new (grant, "seat", json_true ());
  txn_doc_put (t, STORE_GRANT, grant);
  json_decref (grant);
}

static void
fail_for (struct txn *t, const struct id *member)
{
  json_t *hub_doc = txn_doc_get (t, STORE_HUB, &hub), *about = json_object ();

  json_set_text (about, "kind", "remove-user");
  json_set_id (about, "member", member);
  issue_raise (t, "access-termination", hub_doc, about, "app-error", "The app did not do it.");
  json_decref (about);
  json_decref (hub_doc);
}

/* Member NUMBER, onboarded, of a person with a seat. */
static void
member_of (struct member *m, struct buf *row, char key[16], uint32_t number, const struct id *id, const struct id *person)
{
  char email[40];

  (void) snprintf (key, 16, "mU%07u", (unsigned int) number);
  (void) snprintf (email, sizeof email, "u%u@example.com", (unsigned int) number);
  fixture_row (row, key + 1, NULL, email, "Somebody");
  fixture_member (m, id, key, row);
  m->link.person = *person;
  m->link.status = MEMBER_ONBOARDED;
}

static int
close_plainly (void *arg _unused_, struct txn *t _unused_, const struct id *id _unused_, json_t *summary _unused_)
{
  return 0;
}

struct tally
{
  size_t grants, lapsed, issues;
};

static bool
count_grant (void *arg, json_t *grant)
{
  struct tally *n = arg;

  n->grants++;
  n->lapsed += json_flag (grant, "lapsed");
  return true;
}

static bool
count_issue (void *arg, json_t *issue)
{
  struct tally *n = arg;

  n->issues += !streq (json_text (issue, "state"), "resolved");
  return true;
}

START_TEST (test_all_members_who_are_gone_are_settled)
{
  static struct id ids[MEMBERS], people[MEMBERS];
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct delta_steps steps = { .close = close_plainly, .turned = sync_steps.turned };
  struct tally n = { 0 };
  json_t *summary = json_object ();
  struct delta *d;
  struct txn *t = store_write (f.store);
  uint32_t i;

  for (i = 0; i < MEMBERS; i++)
    {
      struct member m;
      char key[16];

      ids[i] = id_new ();
      people[i] = id_new ();
      member_of (&m, &row, key, i, &ids[i], &people[i]);
      txn_member_put (t, &hub, &m);
      give_seat (t, &people[i]);
      if (i % 100 == 0)
        fail_for (t, &ids[i]);
    }
  ck_assert_int_eq (txn_commit (t), 0);
  /* All but the first and the last go. */
  ck_assert_int_eq (delta_new (f.store, &hub, &d), 0);
  for (i = 1; i < MEMBERS - 1; i++)
    {
      struct member old, m;
      char key[16];

      member_of (&old, &row, key, i, &ids[i], &people[i]);
      m = old;
      m.link.status = MEMBER_REMOVED;
      ck_assert_int_eq (delta_put (d, &old, &m), 0);
    }
  ck_assert_int_eq (delta_seal (d, summary), 0);
  json_decref (summary);
  ck_assert_int_eq (delta_apply (d, &steps), 0);
  delta_free (d);
  t = store_read (f.store);
  txn_doc_walk (t, STORE_GRANT, 0, NULL, false, NULL, count_grant, &n);
  txn_doc_walk (t, STORE_ISSUE, 0, NULL, false, NULL, count_issue, &n);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (n.grants, MEMBERS);
  ck_assert_uint_eq (n.lapsed, MEMBERS - 2);
  ck_assert_uint_eq (n.issues, 1);
}
END_TEST

/* ---- People. */

static bool
take_first (void *arg, json_t *doc)
{
  *(json_t **) arg = json_incref (doc);
  return false;
}

/* The report; a new reference. */
static json_t *
the_report (struct txn *t)
{
  json_t *report = NULL;

  txn_doc_walk (t, STORE_REPORT, 0, NULL, true, NULL, take_first, &report);
  ck_assert_ptr_nonnull (report);
  return report;
}

static void
expect_report (struct txn *t, json_int_t count, size_t rows)
{
  json_t *report = the_report (t);

  ck_assert_int_eq ((json_int_t) json_number (report, "removed_count", 0), count);
  ck_assert_uint_eq (json_array_size (json_object_get (report, "removed_users")), rows);
  json_decref (report);
}

static void
employ (struct txn *t, const struct id *id, size_t number)
{
  json_t *person = json_object ();
  char email[40];

  (void) snprintf (email, sizeof email, "p%zu@example.com", number);
  json_set_id (person, "id", id);
  json_set_text (person, "email", email);
  json_set_text (person, "source", "directory");
  json_set_text (person, "status", "active");
  json_set_text (person, "workspace_role", "user");
  txn_doc_put (t, STORE_PERSON, person);
  json_decref (person);
}

static void
rehire (struct txn *t, const struct id *id)
{
  char text[ID_TEXT_SIZE];
  json_t *named;

  id_format (id, text);
  named = json_pack ("{s:b}", text, 1);
  report_drop_people (t, named);
  json_decref (named);
}

struct staff
{
  size_t removed, active, local;
};

static bool
count_person (void *arg, json_t *person)
{
  struct staff *n = arg;
  bool removed = streq (json_text (person, "status"), "removed");

  n->removed += removed;
  n->active += !removed;
  n->local += streq (json_text (person, "source"), "local");
  return true;
}

START_TEST (test_a_report_of_more_people_than_it_shows_is_applied_to_all)
{
  static struct id ids[PEOPLE];
  char report_id[ID_TEXT_SIZE];
  struct refusal r = { 0 };
  struct staff n = { 0 };
  struct txn *t = store_write (f.store);
  json_t *keep = json_pack ("{s:s}", "p10004@example.com", "Works on."), *nobody = json_pack ("{s:s}", "p1@example.com", "x");
  json_t *report, *done;
  size_t i;

  for (i = 0; i < PEOPLE; i++)
    {
      ids[i] = id_new ();
      employ (t, &ids[i], i);
    }
  report_people (t, ids, PEOPLE, "Too many.", report_id);
  expect_report (t, PEOPLE, 10000);
  /* One with a row and one without are named again. */
  rehire (t, &ids[1]);
  expect_report (t, PEOPLE - 1, 10000);
  rehire (t, &ids[10003]);
  expect_report (t, PEOPLE - 2, 10000);
  report = the_report (t);
  ck_assert_int_eq (leavers_check (t, report, keep, &r), 0);
  ck_assert_int_lt (leavers_check (t, report, nobody, &r), 0);
  done = leavers_apply (t, &system_caller, report, keep);
  ck_assert_int_eq ((json_int_t) json_number (done, "removed", 0), PEOPLE - 3);
  ck_assert_int_eq ((json_int_t) json_number (done, "kept", 0), 1);
  /* Who was kept without a row has one, which says why. */
  ck_assert_uint_eq (json_array_size (json_object_get (report, "removed_users")), 10001);
  ck_assert_str_eq (json_text (json_array_get (json_object_get (report, "removed_users"), 10000), "reason"), "Works on.");
  txn_doc_walk (t, STORE_PERSON, 0, NULL, false, NULL, count_person, &n);
  ck_assert_uint_eq (n.removed, PEOPLE - 3);
  ck_assert_uint_eq (n.active, 3);
  ck_assert_uint_eq (n.local, 1);
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (report);
  json_decref (done);
  json_decref (keep);
  json_decref (nobody);
  refusal_done (&r);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_set_timeout (t, 60);
  tcase_add_test (t, test_a_report_of_more_people_than_it_shows_is_applied_to_all);
  tcase_add_test (t, test_all_members_who_are_gone_are_settled);
}

UNIT_MAIN ("leave", fill)
