/* Members of a hub: link and row, the ways to find them, the counters. */
#include <config.h>

#include "store-fixture.h"

#include "host/store/record.h"

static struct fixture f;
static struct id hub, other_hub;

static void
setup (void)
{
  fixture_make (&f, FIXTURE_MAP);
  hub = id_new ();
  other_hub = id_new ();
}

static void
teardown (void)
{
  fixture_remove (&f);
}

static int
put (const struct id *where, const struct member *m)
{
  struct txn *t = store_write (f.store);

  txn_member_put (t, where, m);
  return txn_commit (t);
}

static struct member
get (const struct id *where, const struct id *id)
{
  struct txn *t = store_read (f.store);
  struct member m = { .key = NULL };

  ck_assert_int_eq (txn_member_get (t, where, id, &m), 1);
  ck_assert_int_eq (txn_commit (t), 0);
  return m;
}

static size_t
found (const char *text, struct id *ret_first)
{
  struct txn *t = store_read (f.store);
  struct id ids[8];
  size_t n = txn_member_find (t, &hub, text, ids, ARRAY_SIZE (ids));

  ck_assert_int_eq (txn_commit (t), 0);
  if (n && ret_first)
    *ret_first = ids[0];
  return n;
}

static struct hub_counts
counts (void)
{
  struct txn *t = store_read (f.store);
  struct hub_counts c;

  txn_counts (t, &hub, &c);
  ck_assert_int_eq (txn_commit (t), 0);
  return c;
}

START_TEST (test_member_is_found_by_id_key_text_and_person)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct id id = id_new (), person = id_new (), first;
  struct member m, got;
  struct txn *t;

  fixture_row (&row, "U1", "Ada", "Ada@Example.com", "Ada L");
  fixture_member (&m, &id, "mU1", &row);
  m.link.person = person;
  m.link.status = MEMBER_ONBOARDED;
  m.link.note = "hello";
  ck_assert_int_eq (put (&hub, &m), 0);

  t = store_read (f.store);
  ck_assert_int_eq (txn_member_get (t, &hub, &id, &got), 1);
  ck_assert (id_equal (&got.link.id, &id));
  ck_assert_str_eq (got.link.note, "hello");
  ck_assert_ptr_null (got.link.reason);
  ck_assert_uint_eq (got.row_len, row.len);
  ck_assert_int_eq (memcmp (got.row, row.data, row.len), 0);
  ck_assert_int_eq (txn_member_by_key (t, &hub, "mU1", 3, &got), 1);
  ck_assert_int_eq (txn_member_by_key (t, &hub, "iU1", 3, &got), 0);
  ck_assert_int_eq (txn_member_by_key (t, &other_hub, "mU1", 3, &got), 0);
  ck_assert_int_eq (txn_member_by_person (t, &hub, &person, &got), 1);
  ck_assert_int_eq (txn_member_by_person (t, &other_hub, &person, &got), 0);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (found ("U1", &first), 1);
  ck_assert (id_equal (&first, &id));
  ck_assert_uint_eq (found ("ada@example.com", NULL), 1);
  ck_assert_uint_eq (found ("ada", NULL), 1);
  ck_assert_uint_eq (found ("Ada", NULL), 0);
}
END_TEST

START_TEST (test_user_name_that_is_the_address_is_found_once)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct id id = id_new ();
  struct member m;

  fixture_row (&row, "a@example.com", "A@example.com", "a@example.com", NULL);
  fixture_member (&m, &id, "ma@example.com", &row);
  ck_assert_int_eq (put (&hub, &m), 0);
  ck_assert_uint_eq (found ("a@example.com", NULL), 1);
}
END_TEST

START_TEST (test_decision_keeps_the_row_and_row_change_moves_the_index)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct id id = id_new (), person = id_new ();
  struct member m, got;
  struct txn *t;

  fixture_row (&row, "U1", "ada", "a@example.com", NULL);
  fixture_member (&m, &id, "mU1", &row);
  ck_assert_int_eq (put (&hub, &m), 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_UNMATCHED], 1);

  /* A decision: read, changed and written back with everything still borrowed. */
  t = store_write (f.store);
  ck_assert_int_eq (txn_member_get (t, &hub, &id, &got), 1);
  got.link.person = person;
  got.link.status = MEMBER_ONBOARDED;
  txn_member_put (t, &hub, &got);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_UNMATCHED], 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_ONBOARDED], 1);

  m = get (&hub, &id);
  m.row = NULL;
  m.link.missed = 1;
  ck_assert_int_eq (put (&hub, &m), 0);
  m = get (&hub, &id);
  ck_assert_uint_eq (m.row_len, row.len);
  ck_assert_uint_eq (m.link.missed, 1);

  fixture_row (&row, "U1", "ada", "new@example.com", NULL);
  fixture_member (&m, &id, "mU1", &row);
  ck_assert_int_eq (put (&hub, &m), 0);
  ck_assert_uint_eq (found ("a@example.com", NULL), 0);
  ck_assert_uint_eq (found ("new@example.com", NULL), 1);
}
END_TEST

START_TEST (test_accepted_invitation_moves_to_its_new_key)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct id id = id_new ();
  struct member m;
  struct txn *t;

  fixture_row (&row, "I1", NULL, "a@example.com", NULL);
  fixture_member (&m, &id, "iI1", &row);
  ck_assert_int_eq (put (&hub, &m), 0);
  fixture_row (&row, "U1", NULL, "a@example.com", NULL);
  fixture_member (&m, &id, "mU1", &row);
  m.row = NULL;
  ck_assert_int_eq (put (&hub, &m), -EINVAL);
  m.row = row.data;
  ck_assert_int_eq (put (&hub, &m), 0);
  t = store_read (f.store);
  ck_assert_int_eq (txn_member_by_key (t, &hub, "iI1", 3, &m), 0);
  ck_assert_int_eq (txn_member_by_key (t, &hub, "mU1", 3, &m), 1);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (found ("I1", NULL), 0);
}
END_TEST

START_TEST (test_person_has_one_live_member_and_a_key_one_member)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct id one = id_new (), two = id_new (), person = id_new (), first;
  struct member m, got;
  struct txn *t;

  fixture_row (&row, "U1", NULL, "a@example.com", NULL);
  fixture_member (&m, &one, "mU1", &row);
  m.link.person = person;
  ck_assert_int_eq (put (&hub, &m), 0);
  ck_assert_int_eq (put (&other_hub, &m), 0);
  m.link.id = two;
  ck_assert_int_eq (put (&hub, &m), -EEXIST);
  m.key = "mU2";
  ck_assert_int_eq (put (&hub, &m), -EEXIST);
  m.link.person = (struct id) { { 0 } };
  ck_assert_int_eq (put (&hub, &m), 0);

  /* Once the first is removed, the person can have the second. */
  m = get (&hub, &one);
  m.link.status = MEMBER_REMOVED;
  m.row = NULL;
  ck_assert_int_eq (put (&hub, &m), 0);
  m = get (&hub, &two);
  m.link.person = person;
  m.row = NULL;
  ck_assert_int_eq (put (&hub, &m), 0);
  t = store_read (f.store);
  ck_assert_int_eq (txn_member_by_person (t, &hub, &person, &got), 1);
  ck_assert (id_equal (&got.link.id, &two));
  ck_assert_uint_eq (txn_person_hubs (t, &person, &first, 1), 1);
  ck_assert_int_eq (txn_commit (t), 0);
  /* Both rows have this address; the live one comes first, whatever its id. */
  ck_assert_uint_eq (found ("a@example.com", &first), 2);
  ck_assert (id_equal (&first, &two));
  ck_assert_uint_eq (counts ().removed, 1);
  ck_assert_uint_eq (counts ().known, 1);
}
END_TEST

START_TEST (test_member_without_a_key_waits_for_its_row)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct member m = { .link = { .id = id_new (), .status = MEMBER_INVITING } };
  struct id id = m.link.id;

  ck_assert_int_eq (put (&hub, &m), 0);
  m = get (&hub, &id);
  ck_assert_ptr_null (m.key);
  ck_assert_ptr_null (m.row);
  ck_assert_uint_eq (counts ().known, 0);
  fixture_row (&row, "U1", NULL, "a@example.com", NULL);
  fixture_member (&m, &id, "mU1", &row);
  ck_assert_int_eq (put (&hub, &m), 0);
  ck_assert_uint_eq (counts ().known, 1);
  ck_assert_uint_eq (found ("U1", NULL), 1);
}
END_TEST

START_TEST (test_long_native_ids_are_told_apart)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  char key[1026];
  struct id ids[2] = { id_new (), id_new () };
  struct member m;
  struct txn *t;
  int i;

  memset (key, 'x', sizeof key - 1);
  key[0] = 'm';
  key[sizeof key - 1] = '\0';
  for (i = 0; i < 2; i++)
    {
      key[sizeof key - 2] = (char) ('a' + i);
      fixture_row (&row, key + 1, NULL, NULL, NULL);
      fixture_member (&m, &ids[i], key, &row);
      ck_assert_int_eq (put (&hub, &m), 0);
    }
  t = store_read (f.store);
  ck_assert_int_eq (txn_member_by_key (t, &hub, key, strlen (key), &m), 1);
  ck_assert (id_equal (&m.link.id, &ids[1]));
  ck_assert_uint_eq (m.key_len, 1025);
  key[sizeof key - 2] = 'c';
  ck_assert_int_eq (txn_member_by_key (t, &hub, key, strlen (key), &m), 0);
  ck_assert_int_eq (txn_commit (t), 0);
  key[sizeof key - 2] = 'a';
  ck_assert_uint_eq (found (key + 1, NULL), 1);
}
END_TEST

struct page
{
  struct id ids[64];
  size_t n, max;
};

static bool
see (void *arg, const struct member *m)
{
  struct page *p = arg;

  p->ids[p->n++] = m->link.id;
  return p->n < p->max;
}

static void
fill_hub (struct id *ids, size_t n)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct txn *t = store_write (f.store);
  char key[16], email[32];
  struct member m;
  size_t i;

  for (i = 0; i < n; i++)
    {
      (void) snprintf (key, sizeof key, "mU%zu", i);
      (void) snprintf (email, sizeof email, "u%zu@example.com", i);
      fixture_row (&row, key + 1, NULL, email, NULL);
      ids[i] = id_new ();
      fixture_member (&m, &ids[i], key, &row);
      if (i % 2)
        m.link.person = id_new ();
      txn_member_put (t, &hub, &m);
    }
  ck_assert_int_eq (txn_commit (t), 0);
}

START_TEST (test_pages_of_a_tab_go_on_behind_the_last_key)
{
  struct id ids[50];
  struct page page = { .max = 10 };
  struct txn *t;
  size_t i;

  fill_hub (ids, 50);
  t = store_read (f.store);
  txn_member_walk (t, &hub, MEMBER_TAB_ONBOARDED, NULL, see, &page);
  for (i = 0; i < 10; i++)
    ck_assert (id_equal (&page.ids[i], &ids[2 * i + 1]));
  page.n = 0;
  txn_member_walk (t, &hub, MEMBER_TAB_ONBOARDED, &ids[19], see, &page);
  ck_assert (id_equal (&page.ids[0], &ids[21]));
  page = (struct page) { .max = 64 };
  txn_member_walk (t, &hub, -1, &ids[9], see, &page);
  ck_assert_uint_eq (page.n, 40);
  page.n = 0;
  txn_member_walk (t, &other_hub, -1, NULL, see, &page);
  ck_assert_uint_eq (page.n, 0);
  ck_assert_int_eq (txn_commit (t), 0);
}
END_TEST

START_TEST (test_delete_and_drop_leave_nothing)
{
  struct hub_counts zero = { .known = 0 }, c;
  struct id ids[50];
  struct page page = { .max = 64 };
  struct txn *t;

  fill_hub (ids, 50);
  t = store_write (f.store);
  txn_member_delete (t, &hub, &ids[7]);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (found ("u7@example.com", NULL), 0);
  ck_assert_uint_eq (counts ().known, 49);
  t = store_write (f.store);
  ck_assert_uint_eq (txn_members_drop (t, &hub, 30), 30);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (counts ().known, 19);
  t = store_write (f.store);
  ck_assert_uint_eq (txn_members_drop (t, &hub, 30), 19);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (found ("u49@example.com", NULL), 0);
  c = counts ();
  ck_assert_int_eq (memcmp (&c, &zero, sizeof c), 0);
  t = store_read (f.store);
  txn_member_walk (t, &hub, -1, NULL, see, &page);
  ck_assert_uint_eq (page.n, 0);
  ck_assert_int_eq (txn_commit (t), 0);
}
END_TEST

START_TEST (test_counters_know_who_counts)
{
  struct member m = { .link = { .status = MEMBER_ONBOARDED, .flags = MEMBER_F_SEEN } };
  static const uint32_t out[] = { MEMBER_F_DISABLED, MEMBER_F_INVITE, MEMBER_F_AUTOMATION };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (out); i++)
    {
      m.link.id = id_new ();
      m.link.flags = MEMBER_F_SEEN | out[i];
      ck_assert_int_eq (put (&hub, &m), 0);
    }
  ck_assert_uint_eq (counts ().known, 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_ONBOARDED], 1);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_UNMATCHED], 2);
  m.link.flags = MEMBER_F_SEEN | MEMBER_F_EXEMPT;
  m.link.id = id_new ();
  m.link.person = id_new ();
  ck_assert_int_eq (put (&hub, &m), 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_EXEMPTED], 1);
  m.link.flags = MEMBER_F_GUEST;
  ck_assert_int_eq (put (&hub, &m), 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_EXEMPTED], 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_GUEST], 1);
}
END_TEST

START_TEST (test_link_record_is_whole_or_refused)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (RECORD_MAX);
  struct record_link link = {
    .link = { .person = id_new (), .status = MEMBER_EXEMPTED, .before = 7, .flags = 0x1ff,
              .hub_role = 3, .missed = 2, .seq = UINT64_MAX, .first_seen_ms = -1,
              .last_seen_ms = INT64_MAX, .changed_ms = 5, .adopted_ms = 6, .reason = "kept",
              .exempt_by = id_new (), .exempt_ms = 8, .invited_ms = 10, .invitations = UINT32_MAX,
              .note = "" },
    .key = "i\0a@example.com", .key_len = 15, .stamp = 9,
  };
  struct record_link got;
  char text[RECORD_TEXT_MAX + 2];
  size_t i;

  ck_assert_int_eq (record_put_link (&out, &link), 0);
  ck_assert_int_eq (record_get_link (out.data, out.len, &got), 0);
  ck_assert (id_equal (&got.link.exempt_by, &link.link.exempt_by));
  ck_assert_int_eq (got.link.first_seen_ms, -1);
  ck_assert_int_eq (got.link.last_seen_ms, INT64_MAX);
  ck_assert_str_eq (got.link.reason, "kept");
  ck_assert_str_eq (got.link.note, "");
  ck_assert_int_eq (got.link.invited_ms, 10);
  ck_assert_uint_eq (got.link.invitations, UINT32_MAX);
  ck_assert_uint_eq (got.key_len, 15);
  ck_assert_uint_eq (got.stamp, 9);
  for (i = 0; i < out.len; i++)
    {
      char *cut = malloc (i + 1); /* exact, so that a read beyond it is caught */

      memcpy (cut, out.data, i);
      ck_assert_int_eq (record_get_link (cut, i, &got), -EBADMSG);
      free (cut);
    }
  buf_putc (&out, 'x');
  ck_assert_int_eq (record_get_link (out.data, out.len, &got), -EBADMSG);
  memset (text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  link.link.reason = text;
  buf_reset (&out);
  ck_assert_int_eq (record_put_link (&out, &link), -E2BIG);
}
END_TEST

START_TEST (test_names_of_states_survive)
{
  enum member_tab tab;
  uint16_t status;
  int i;

  for (i = 0; i < MEMBER_TABS; i++)
    {
      ck_assert_int_eq (member_tab_parse (member_tab_name ((enum member_tab) i), &tab), 0);
      ck_assert_int_eq ((int) tab, i);
    }
  for (i = MEMBER_ONBOARDED; i <= MEMBER_SYNC_FAILED; i += 10)
    {
      ck_assert_int_eq (member_status_parse (member_status_name ((uint16_t) i), &status), 0);
      ck_assert_int_eq (status, i);
    }
  ck_assert_str_eq (member_status_name (MEMBER_PENDING_INVITE), "pending-invite-claim");
  ck_assert_int_eq (member_status_parse ("gone", &status), -EINVAL);
  ck_assert_int_eq (member_tab_parse ("gone", &tab), -EINVAL);
}
END_TEST

/* ---- People, by the million. */

static struct id
put_person (const char *json)
{
  struct txn *t = store_write (f.store);
  json_t *doc = json_loads (json, 0, NULL);
  struct id id = id_new ();
  char text[ID_TEXT_SIZE];

  id_format (&id, text);
  ck_assert_int_eq (json_object_set_new (doc, "id", json_string (text)), 0);
  txn_doc_put (t, STORE_PERSON, doc);
  json_decref (doc);
  ck_assert_int_eq (txn_commit (t), 0);
  return id;
}

/* 1 and what is known of the person with this address, or 0. */
static int
person_by (const char *address, struct person_facts *ret)
{
  struct txn *t = store_read (f.store);
  int there = txn_person_by_address (t, address, strlen (address), ret);

  ck_assert_int_eq (txn_error (t), 0);
  txn_abort (t);
  return there;
}

START_TEST (test_a_person_is_found_by_each_address)
{
  struct person_facts facts = { .number = 77 };
  struct id ann, bob;
  json_t *doc;
  struct txn *t;

  ck_assert_int_eq (person_by ("ann@example.com", &facts), 0);
  ann = put_person ("{\"email\":\"ann@example.com\",\"secondary_emails\":[\"a@corp.test\"]}");
  bob = put_person ("{\"email\":\"ann@example.com.au\",\"is_guest\":true}");
  /* Neither the beginning of an address nor more than it. */
  ck_assert_int_eq (person_by ("ann@example.co", &facts), 0);
  ck_assert_int_eq (person_by ("ann@example.com.", &facts), 0);
  ck_assert_int_eq (person_by ("", &facts), 0);
  ck_assert_uint_eq (facts.number, 77);
  ck_assert_int_eq (person_by ("ann@example.com", &facts), 1);
  ck_assert (id_equal (&facts.id, &ann) && facts.number == 0 && !facts.guest && !facts.removed);
  ck_assert_int_eq (person_by ("a@corp.test", &facts), 1);
  ck_assert (id_equal (&facts.id, &ann) && facts.number == 0);
  ck_assert_int_eq (person_by ("ann@example.com.au", &facts), 1);
  ck_assert (id_equal (&facts.id, &bob) && facts.number == 1 && facts.guest);

  /* What changes about them is known from then on; their number stays. */
  t = store_write (f.store);
  doc = txn_doc_get (t, STORE_PERSON, &ann);
  json_object_set_new (doc, "email", json_string ("anna@example.com"));
  json_object_set_new (doc, "status", json_string ("removed"));
  txn_doc_put (t, STORE_PERSON, doc);
  json_decref (doc);
  /* In the same transaction too. */
  ck_assert_int_eq (txn_person_by_address (t, "anna@example.com", 16, &facts), 1);
  ck_assert (id_equal (&facts.id, &ann) && facts.number == 0 && facts.removed);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_int_eq (person_by ("ann@example.com", &facts), 0);
  ck_assert_int_eq (person_by ("a@corp.test", &facts), 1);
  ck_assert (facts.removed);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_member_is_found_by_id_key_text_and_person);
  tcase_add_test (t, test_user_name_that_is_the_address_is_found_once);
  tcase_add_test (t, test_decision_keeps_the_row_and_row_change_moves_the_index);
  tcase_add_test (t, test_accepted_invitation_moves_to_its_new_key);
  tcase_add_test (t, test_person_has_one_live_member_and_a_key_one_member);
  tcase_add_test (t, test_member_without_a_key_waits_for_its_row);
  tcase_add_test (t, test_long_native_ids_are_told_apart);
  tcase_add_test (t, test_pages_of_a_tab_go_on_behind_the_last_key);
  tcase_add_test (t, test_delete_and_drop_leave_nothing);
  tcase_add_test (t, test_counters_know_who_counts);
  tcase_add_test (t, test_link_record_is_whole_or_refused);
  tcase_add_test (t, test_names_of_states_survive);
  tcase_add_test (t, test_a_person_is_found_by_each_address);
}

UNIT_MAIN ("members", fill)
