/* Many who leave at once: the members whom an app no longer shows. */
#include <config.h>

#include "store-fixture.h"

#include "host/engine/sync-run.h"

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
  struct delta_steps steps = { .close = close_plainly, .gone = sync_steps.gone };
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

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_set_timeout (t, 60);
  tcase_add_test (t, test_all_members_who_are_gone_are_settled);
}

UNIT_MAIN ("leave", fill)
