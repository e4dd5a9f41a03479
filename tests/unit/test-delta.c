/* Deltas: what a sync changes comes into the store once, whole, and never over a
   decision made meanwhile. */
#include <config.h>

#include "delta-fixture.h"
#include "store-dump.h"

#include <dirent.h>

#include "host/store/sorter.h"

#define MANY 12000u

static struct fixture f;

static void
setup (void)
{
  fixture_make (&f, FIXTURE_MAP);
}

static void
teardown (void)
{
  fixture_remove (&f);
}

static void
apply (struct delta *d)
{
  int calls = 0;

  ck_assert_int_eq (delta_apply (d, &(struct delta_steps) { .close = delta_note, .arg = &calls }), 0);
  ck_assert_int_eq (calls, 1);
  delta_free (d);
}

static size_t
files_left (void)
{
  DIR *dir = opendir (store_work_dir (f.store));
  const struct dirent *e;
  size_t n = 0;

  while ((e = readdir (dir)))
    n += e->d_name[0] != '.';
  closedir (dir);
  return n;
}

static struct hub_counts
counts (void)
{
  struct txn *t = store_read (f.store);
  struct hub_counts c;

  txn_counts (t, &delta_hub, &c);
  ck_assert_int_eq (txn_commit (t), 0);
  return c;
}

static void
put (const struct member *m)
{
  struct txn *t = store_write (f.store);

  txn_member_put (t, &delta_hub, m);
  ck_assert_int_eq (txn_commit (t), 0);
}

/* N members at VERSION by txn_member_put alone. */
static char *
put_one_by_one (uint32_t n, int version)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct fixture mine = f;
  struct txn *t;
  struct member m;
  char key[16], *dump;
  uint32_t i;

  fixture_make (&f, FIXTURE_MAP);
  t = store_write (f.store);
  for (i = 0; i < n; i++)
    {
      delta_member (&m, &row, key, i, version);
      txn_member_put (t, &delta_hub, &m);
    }
  ck_assert_int_eq (txn_commit (t), 0);
  dump = dump_members (f.store);
  fixture_remove (&f);
  f = mine;
  return dump;
}

static void
check_like_one_by_one (uint32_t n)
{
  _cleanup_ (freep) char *first = NULL, *second = NULL, *got = NULL, *now = NULL;

  apply (delta_make (f.store, n, 0));
  first = put_one_by_one (n, 0);
  got = dump_members (f.store);
  ck_assert (streq (first, got));
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_UNMATCHED], n);
  apply (delta_make (f.store, n, 1));
  second = put_one_by_one (n, 1);
  now = dump_members (f.store);
  ck_assert (streq (second, now));
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_ONBOARDED], n);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_UNMATCHED], 0);
  ck_assert_uint_eq (counts ().known, n);
  ck_assert_uint_eq (files_left (), 0);
}

START_TEST (test_small_delta_is_what_single_puts_make)
{
  check_like_one_by_one (500);
}
END_TEST

START_TEST (test_large_delta_is_what_single_puts_make)
{
  check_like_one_by_one (MANY);
}
END_TEST

START_TEST (test_walk_shows_members_in_the_order_of_a_sorter)
{
  static const char *const ids[] = { "b", "a", "B", "a\xc3\xa9", "aa", "" };
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  uint8_t order[STORE_ORDER_KEY_MAX];
  char key[1000];
  const void *sorted, *value;
  size_t sorted_len, value_len, n = 0, i;
  struct sorter *sorter;
  struct seen_walk *w;
  struct member m;
  struct id id;

  ck_assert_int_eq (sorter_new (store_work_dir (f.store), &sorter), 0);
  for (i = 0; i < 30; i++)
    {
      id = id_new ();
      memset (key, 'x', sizeof key);
      if (i < ARRAY_SIZE (ids) - 1)
        (void) snprintf (key, sizeof key, "m%s", ids[i]);
      else
        (void) snprintf (key + 435 + i, 20, "%zu", i % 7 * i); /* around the limit */
      key[0] = i % 2 ? 'i' : 'm';
      fixture_row (&row, key + 1, NULL, NULL, NULL);
      fixture_member (&m, &id, key, &row);
      put (&m);
      ck_assert_int_eq (sorter_add (sorter, order, store_order_key (key, strlen (key), order),
                                    id.b, sizeof id.b), 0);
    }
  ck_assert_int_eq (sorter_finish (sorter), 0);
  ck_assert_int_eq (seen_walk_open (f.store, &delta_hub, &w), 0);
  while (seen_walk_next (w, &m) == 1)
    {
      ck_assert_int_eq (sorter_next (sorter, &sorted, &sorted_len, &value, &value_len), 1);
      ck_assert_int_eq (memcmp (value, m.link.id.b, ID_BYTES), 0);
      n++;
    }
  ck_assert_uint_eq (n, 30);
  seen_walk_close (w);
  sorter_free (sorter);
}
END_TEST

START_TEST (test_walk_goes_on_beside_a_writer)
{
  struct seen_walk *w;
  struct member m;
  struct txn *t;
  size_t n = 0;

  apply (delta_make (f.store, 3000, 0));
  ck_assert_int_eq (seen_walk_open (f.store, &delta_hub, &w), 0);
  while (seen_walk_next (w, &m) == 1)
    if (++n == 500)
      {
        /* Where the next chunk begins is deleted, and something far behind it. */
        struct id at = delta_id (9, 999), next = delta_id (9, 1000), far = delta_id (9, 2500);

        t = store_write (f.store);
        txn_member_delete (t, &delta_hub, &at);
        txn_member_delete (t, &delta_hub, &next);
        txn_member_delete (t, &delta_hub, &far);
        ck_assert_int_eq (txn_commit (t), 0);
      }
  seen_walk_close (w);
  ck_assert_uint_eq (n, 3000 - 2); /* the first of them was in the old snapshot */
}
END_TEST

/* Member NUMBER is matched by hand: version 0 with a person. */
static void
decide (uint32_t number)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct member m;
  char key[16];

  delta_member (&m, &row, key, number, 0);
  m.link.person = delta_id (8, number);
  m.link.status = MEMBER_ONBOARDED;
  m.link.note = "by hand";
  put (&m);
}

static void
check_decision_stands (uint32_t n)
{
  struct id changed = delta_id (9, 3), deleted = delta_id (9, 4), other = delta_id (9, 5);
  struct id ids[4];
  struct member m;
  struct delta *d;
  struct txn *t;

  apply (delta_make (f.store, n, 0));
  d = delta_make (f.store, n, 1);
  decide (3);
  t = store_write (f.store);
  txn_member_delete (t, &delta_hub, &deleted);
  ck_assert_int_eq (txn_commit (t), 0);
  apply (d);

  t = store_read (f.store);
  ck_assert_int_eq (txn_member_get (t, &delta_hub, &changed, &m), 1);
  ck_assert_str_eq (m.link.note, "by hand");
  ck_assert_uint_eq (txn_member_find (t, &delta_hub, "u121509.0@example.com", ids, 4), 1);
  ck_assert_uint_eq (txn_member_find (t, &delta_hub, "u121509.1@example.com", ids, 4), 0);
  ck_assert_int_eq (txn_member_get (t, &delta_hub, &deleted, &m), 0);
  ck_assert_int_eq (txn_member_by_key (t, &delta_hub, "mU0000004", 9, &m), 0);
  ck_assert_int_eq (txn_member_get (t, &delta_hub, &other, &m), 1);
  ck_assert_uint_eq (m.link.status, MEMBER_ONBOARDED);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_ONBOARDED], n - 1);

  /* The next delta has no quarrel with what this one wrote. */
  d = delta_make (f.store, 3, 2);
  apply (d);
  t = store_read (f.store);
  ck_assert_uint_eq (txn_member_find (t, &delta_hub, "u40503.2@example.com", ids, 4), 1);
  ck_assert_int_eq (txn_commit (t), 0);
}

START_TEST (test_small_delta_leaves_a_newer_decision)
{
  check_decision_stands (50);
}
END_TEST

START_TEST (test_large_delta_leaves_a_newer_decision)
{
  check_decision_stands (MANY);
}
END_TEST

START_TEST (test_person_taken_meanwhile_keeps_the_new_member_out)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct id person = delta_id (7, 1), id = delta_id (9, 1);
  struct member m = { .link = { .id = id_new (), .person = person, .status = MEMBER_INVITING } };
  struct delta *d;
  char key[16];
  struct txn *t;

  ck_assert_int_eq (delta_new (f.store, &delta_hub, &d), 0);
  put (&m);
  delta_member (&m, &row, key, 1, 1);
  ck_assert_int_eq (delta_put (d, NULL, &m), 0);
  delta_member (&m, &row, key, 2, 1);
  ck_assert_int_eq (delta_put (d, NULL, &m), 0);
  ck_assert_int_eq (delta_seal (d, json_null ()), 0);
  apply (d);
  t = store_read (f.store);
  ck_assert_int_eq (txn_member_get (t, &delta_hub, &id, &m), 0);
  ck_assert_int_eq (txn_member_by_person (t, &delta_hub, &person, &m), 1);
  ck_assert_uint_eq (m.link.status, MEMBER_INVITING);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (counts ().tab[MEMBER_TAB_ONBOARDED], 2);
}
END_TEST

START_TEST (test_keys_change_hands_within_a_delta)
{
  _cleanup_ (buf_done) struct buf row_a = BUF_INIT (ROW_MAX), row_b = BUF_INIT (ROW_MAX);
  struct member a, b, was;
  char key_a[16], key_b[16];
  struct delta *d;
  struct txn *t;

  apply (delta_make (f.store, 2, 0));
  /* Member 0 gets the key of member 1, which is removed and loses its own. */
  delta_member (&was, &row_a, key_a, 0, 0);
  delta_member (&b, &row_b, key_b, 1, 0);
  a = was;
  a.key = key_b;
  a.row = row_b.data;
  a.row_len = row_b.len;
  ck_assert_int_eq (delta_new (f.store, &delta_hub, &d), 0);
  ck_assert_int_eq (delta_put (d, &was, &a), 0);
  was = b;
  b.link.status = MEMBER_REMOVED;
  b.key = NULL;
  b.row = NULL;
  b.key_len = b.row_len = 0;
  ck_assert_int_eq (delta_put (d, &was, &b), 0);
  ck_assert_int_eq (delta_seal (d, json_null ()), 0);
  apply (d);
  t = store_read (f.store);
  ck_assert_int_eq (txn_member_by_key (t, &delta_hub, "mU0000001", 9, &was), 1);
  ck_assert (id_equal (&was.link.id, &a.link.id));
  ck_assert_int_eq (txn_member_by_key (t, &delta_hub, "mU0000000", 9, &was), 0);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (counts ().removed, 1);
}
END_TEST

START_TEST (test_delta_that_is_given_up_leaves_nothing)
{
  struct delta *d = delta_make (f.store, 10, 0);

  ck_assert_uint_eq (files_left (), 1);
  delta_free (d);
  ck_assert_uint_eq (files_left (), 0);
  ck_assert_int_eq (delta_new (f.store, &delta_hub, &d), 0);
  delta_free (d);
  ck_assert_uint_eq (files_left (), 0);
  ck_assert_int_eq (delta_resume (f.store, &delta_hub, &d), -ENOENT);
}
END_TEST

static int
refuse (void *arg _unused_, struct txn *t _unused_, const struct id *hub _unused_,
        json_t *summary _unused_)
{
  return -ENOSPC;
}

static const struct delta_steps refusing = { .close = refuse };

START_TEST (test_half_applied_delta_holds_its_hub_until_it_is_finished)
{
  _cleanup_ (freep) char *wanted = put_one_by_one (MANY, 0), *got = NULL;
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct delta *d = delta_make (f.store, MANY, 0), *second = NULL;
  struct member m;
  struct txn *t;
  char key[16];

  ck_assert_int_eq (delta_apply (d, &refusing), -ENOSPC);
  delta_free (d);
  ck_assert_uint_eq (files_left (), 1);
  ck_assert_int_eq (delta_new (f.store, &delta_hub, &second), -EBUSY);
  delta_member (&m, &row, key, 5, 1);
  t = store_write (f.store);
  txn_member_put (t, &delta_hub, &m);
  ck_assert_int_eq (txn_commit (t), -EBUSY);

  ck_assert_int_eq (delta_resume (f.store, &delta_hub, &d), 0);
  apply (d);
  got = dump_members (f.store);
  ck_assert (streq (wanted, got));
  ck_assert_uint_eq (files_left (), 0);
  put (&m);
}
END_TEST

START_TEST (test_full_map_loses_nothing_of_a_delta)
{
  _cleanup_ (freep) char *wanted = put_one_by_one (40000, 0), *got = NULL;
  struct delta *d;
  int r, calls = 0;

  /* 64 MiB, of which a large document leaves too little. */
  fixture_reopen (&f, 1);
  {
    struct id id = id_new ();
    char text[ID_TEXT_SIZE], *big = malloc (12 << 20);
    json_t *doc;
    struct txn *t;
    int i;

    memset (big, 'x', (12 << 20) - 1);
    big[(12 << 20) - 1] = '\0';
    for (i = 0; i < 4; i++)
      {
        id = id_new ();
        id_format (&id, text);
        doc = json_pack ("{s:s, s:s}", "id", text, "text", big);
        t = store_write (f.store);
        txn_doc_put (t, STORE_TEAM, doc);
        ck_assert_int_eq (txn_commit (t), 0);
        json_decref (doc);
      }
    free (big);
  }
  d = delta_make (f.store, 40000, 0);
  r = delta_apply (d, &(struct delta_steps) { .close = delta_note, .arg = &calls });
  ck_assert_int_eq (r, -ENOSPC);
  ck_assert_int_eq (calls, 0);
  delta_free (d);
  fixture_reopen (&f, FIXTURE_MAP);
  ck_assert_int_eq (delta_recover (f.store, &(struct delta_steps) { .close = delta_note, .arg = &calls }, /* lost= */ NULL), 0);
  ck_assert_int_eq (calls, 1);
  got = dump_members (f.store);
  ck_assert (streq (wanted, got));
}
END_TEST

START_TEST (test_damaged_delta_is_told_and_not_applied)
{
  struct delta *d = delta_make (f.store, MANY, 0);
  char path[160], text[ID_TEXT_SIZE];
  int calls = 0;
  FILE *file;

  ck_assert_int_eq (delta_apply (d, &refusing), -ENOSPC);
  delta_free (d);
  id_format (&delta_hub, text);
  (void) snprintf (path, sizeof path, "%s/delta-%s", store_work_dir (f.store), text);
  file = fopen (path, "r+");
  ck_assert_ptr_nonnull (file);
  ck_assert_int_eq (fseek (file, 100000, SEEK_SET), 0);
  (void) fputs ("damage", file);
  fclose (file);
  ck_assert_int_eq (delta_recover (f.store, &(struct delta_steps) { .close = delta_note, .arg = &calls }, /* lost= */ NULL), -EBADMSG);
  ck_assert_int_eq (calls, 0);
  ck_assert_uint_eq (files_left (), 1);
}
END_TEST

static bool
count_event (void *arg, json_t *event _unused_)
{
  ++*(int *) arg;
  return true;
}

START_TEST (test_events_come_with_the_rows_they_belong_to)
{
  struct event_filter filter = { .hub = &delta_hub };
  char text[ID_TEXT_SIZE];
  struct delta *d;
  struct txn *t;
  json_t *event;
  int i, n = 0;

  id_format (&delta_hub, text);
  ck_assert_int_eq (delta_new (f.store, &delta_hub, &d), 0);
  event = json_pack ("{s:s, s:s}", "type", "member.found", "hub", text);
  for (i = 0; i < 3; i++)
    ck_assert_int_eq (delta_event (d, event), 0);
  ck_assert_int_eq (delta_seal (d, event), 0);
  json_decref (event);
  apply (d);
  t = store_read (f.store);
  txn_event_walk (t, &filter, 0, count_event, &n);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_int_eq (n, 3);
}
END_TEST

static int
weigh_note (void *arg, struct txn *t _unused_, const struct id *hub _unused_, json_t *summary)
{
  *(size_t *) arg = json_string_length (summary);
  return 0;
}

START_TEST (test_seal_holds_the_roles_of_a_large_company)
{
  const size_t len = 3 * 1024 * 1024;
  char *text = malloc (len + 1);
  struct delta *d;
  json_t *summary;
  size_t weight = 0;

  ck_assert_ptr_nonnull (text);
  memset (text, 'r', len);
  text[len] = '\0';
  summary = json_string (text);
  free (text);
  ck_assert_int_eq (delta_new (f.store, &delta_hub, &d), 0);
  ck_assert_int_eq (delta_seal (d, summary), 0);
  json_decref (summary);
  ck_assert_int_eq (delta_apply (d, &(struct delta_steps) { .close = weigh_note, .arg = &weight }), 0);
  delta_free (d);
  ck_assert_uint_eq (weight, len);
}
END_TEST

/* Of members who go in batches: how many were told, how often, and how many times again. */
struct farewell
{
  size_t told, times;
  bool fails;              /* in the second batch, once */
  uint8_t seen[2 * MANY];
};

static int
part (void *arg, struct txn *t, const struct id *hub, const json_t *summary, const struct delta_turn *turns, size_t n)
{
  struct farewell *all = arg;
  uint32_t number;
  size_t i;

  if (all->fails && all->times == 1)
    {
      all->fails = false;
      return -ENOSPC;
    }
  ck_assert (json_is_object (summary));
  all->times++;
  for (i = 0; i < n; i++, all->told++)
    {
      struct member m;

      memcpy (&number, turns[i].member.b + 8, sizeof number);
      ck_assert (number < 2 * MANY && number % 2 == 0 && !all->seen[number]);
      all->seen[number] = 1;
      ck_assert_int_eq (turns[i].now, MEMBER_REMOVED);
      ck_assert (turns[i].was != 0 && turns[i].was != MEMBER_REMOVED);
      ck_assert (txn_member_get (t, hub, &turns[i].member, &m) == 1 && !member_is_live (&m.link));
    }
  return 0;
}

static int
end_farewell (void *arg _unused_, struct txn *t _unused_, const struct id *hub _unused_, json_t *summary _unused_)
{
  return 0;
}

/* Of N known members each second one goes. */
static struct delta *
farewell_of (uint32_t n)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  json_t *summary = json_object ();
  struct delta *d;
  uint32_t i;

  ck_assert_int_eq (delta_new (f.store, &delta_hub, &d), 0);
  for (i = 0; i < n; i++)
    {
      struct member old, m;
      char key[16];

      delta_member (&old, &row, key, i, 0);
      m = old;
      if (i % 2)
        m.link.missed = 1;
      else
        m.link.status = MEMBER_REMOVED;
      ck_assert_int_eq (delta_put (d, &old, &m), 0);
    }
  ck_assert_int_eq (delta_seal (d, summary), 0);
  json_decref (summary);
  return d;
}

START_TEST (test_each_who_turns_is_told_once_in_the_batch_that_turns_them)
{
  static const uint32_t sizes[] = { 100, 2 * MANY };
  struct farewell *who = calloc (1, sizeof *who);
  struct delta_steps steps = { .close = end_farewell, .turned = part, .arg = who };
  struct delta *d;
  int r;

  ck_assert_ptr_nonnull (who);
  apply (delta_make (f.store, sizes[_i], 0));
  d = farewell_of (sizes[_i]);
  who->fails = _i == 1;
  r = delta_apply (d, &steps);
  if (_i == 1)
    {
      ck_assert_int_eq (r, -ENOSPC);
      r = delta_apply (d, &steps);
    }
  ck_assert_int_eq (r, 0);
  delta_free (d);
  ck_assert_uint_eq (who->told, sizes[_i] / 2);
  ck_assert (_i == 1 ? who->times > 1 : who->times == 1);
  free (who);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_small_delta_is_what_single_puts_make);
  tcase_add_test (t, test_large_delta_is_what_single_puts_make);
  tcase_add_test (t, test_walk_shows_members_in_the_order_of_a_sorter);
  tcase_add_test (t, test_walk_goes_on_beside_a_writer);
  tcase_add_test (t, test_small_delta_leaves_a_newer_decision);
  tcase_add_test (t, test_large_delta_leaves_a_newer_decision);
  tcase_add_test (t, test_person_taken_meanwhile_keeps_the_new_member_out);
  tcase_add_test (t, test_keys_change_hands_within_a_delta);
  tcase_add_test (t, test_delta_that_is_given_up_leaves_nothing);
  tcase_add_test (t, test_half_applied_delta_holds_its_hub_until_it_is_finished);
  tcase_add_test (t, test_full_map_loses_nothing_of_a_delta);
  tcase_add_test (t, test_damaged_delta_is_told_and_not_applied);
  tcase_add_test (t, test_events_come_with_the_rows_they_belong_to);
  tcase_add_loop_test (t, test_each_who_turns_is_told_once_in_the_batch_that_turns_them, 0, 2);
  tcase_add_test (t, test_seal_holds_the_roles_of_a_large_company);
}

UNIT_MAIN ("delta", fill)
