/* The store: opening, transactions, documents, events, values. */
#include <config.h>

#include "store-fixture.h"

#include <fcntl.h>
#include <pthread.h>

#include "host/common/clock.h"
#include "host/common/io.h"
#include "host/store/keys.h"
#include "host/store/txn.h"

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

static json_t *
new_doc (const char *format, const char *value, struct id *ret_id)
{
  char text[ID_TEXT_SIZE];
  json_t *doc = json_pack (format, "label", value);

  ck_assert_ptr_nonnull (doc);
  *ret_id = id_new ();
  id_format (ret_id, text);
  json_object_set_new (doc, "id", json_string (text));
  return doc;
}

static json_t *
doc_from (const char *json, struct id *ret_id)
{
  char text[ID_TEXT_SIZE];
  json_t *doc = json_loads (json, 0, NULL);

  ck_assert_ptr_nonnull (doc);
  *ret_id = id_new ();
  id_format (ret_id, text);
  json_object_set_new (doc, "id", json_string (text));
  return doc;
}

/* Puts JSON in a transaction of its own: what txn_commit answers. */
static int
put (enum store_kind kind, const char *json, struct id *ret_id)
{
  struct txn *t = store_write (f.store);
  json_t *doc = doc_from (json, ret_id);

  txn_doc_put (t, kind, doc);
  json_decref (doc);
  return txn_commit (t);
}

static size_t
count_found (enum store_index index, const char *key)
{
  struct txn *t = store_read (f.store);
  struct id ids[16];
  size_t n = txn_doc_find (t, index, key, ids, ARRAY_SIZE (ids));

  ck_assert_int_eq (txn_error (t), 0);
  txn_abort (t);
  return n;
}

/* ---- Keys. */

/* A tuple as the store has them: number, text, id, number, rest. */
struct tuple
{
  uint8_t kind;
  char text[4];
  struct id id;
  uint64_t seq;
  char rest[3];
  size_t rest_len;
};

static void
random_tuple (struct tuple *ret)
{
  size_t i;

  memset (ret, 0, sizeof *ret);
  ret->kind = (uint8_t) (rand () % 2);
  for (i = 0; i < (size_t) (rand () % 4); i++)
    ret->text[i] = (char) (1 + 0xfe * (rand () % 2));
  ret->id.b[15] = (uint8_t) (rand () % 2);
  ret->seq = (uint64_t) (rand () % 2) << (8 * (rand () % 8));
  ret->rest_len = (size_t) (rand () % 3);
  for (i = 0; i < ret->rest_len; i++)
    ret->rest[i] = (char) (0xff * (rand () % 2));
}

static int
sign (int v)
{
  return (v > 0) - (v < 0);
}

static int
compare_tuples (const struct tuple *a, const struct tuple *b)
{
  int c = a->kind - b->kind;

  if (c == 0)
    c = strcmp (a->text, b->text);
  if (c == 0)
    c = memcmp (a->id.b, b->id.b, ID_BYTES);
  if (c == 0)
    c = (a->seq > b->seq) - (a->seq < b->seq);
  return sign (c ? c : key_compare (a->rest, a->rest_len, b->rest, b->rest_len));
}

static void
encode (const struct tuple *t, struct key *ret)
{
  key_start (ret);
  key_u8 (ret, t->kind);
  key_text (ret, t->text, strlen (t->text));
  key_id (ret, &t->id);
  key_u64 (ret, t->seq);
  key_rest (ret, t->rest, t->rest_len);
}

START_TEST (test_keys_sort_as_their_parts_do)
{
  struct tuple a, b;
  struct key ka, kb;
  int i, equal = 0;

  srand (7);
  for (i = 0; i < 200000; i++)
    {
      random_tuple (&a);
      random_tuple (&b);
      encode (&a, &ka);
      encode (&b, &kb);
      ck_assert_int_eq (sign (key_compare (ka.b, ka.len, kb.b, kb.len)), compare_tuples (&a, &b));
      equal += compare_tuples (&a, &b) == 0;
    }
  ck_assert_int_gt (equal, 0);
}
END_TEST

START_TEST (test_long_key_parts_fit_and_never_meet_short_ones)
{
  char long_text[2000];
  uint8_t a[KEY_PART_MAX], b[KEY_PART_MAX];
  struct key key;
  struct id id = id_new ();

  memset (long_text, 'x', sizeof long_text);
  ck_assert_uint_eq (key_part (long_text, KEY_PART_MAX - 1, a), KEY_PART_MAX - 1);
  ck_assert_uint_eq (key_part (long_text, KEY_PART_MAX, a), KEY_PART_MAX);
  ck_assert_uint_eq (key_part (long_text, KEY_PART_MAX + 1, b), KEY_PART_MAX);
  ck_assert_int_ne (memcmp (a, b, KEY_PART_MAX), 0);
  ck_assert_int_eq (memcmp (a, b, 300), 0);
  key_start (&key);
  key_id (&key, &id);
  key_u8 (&key, 1);
  key_text (&key, long_text, sizeof long_text);
  key_id (&key, &id);
  ck_assert_uint_le (key.len, KEY_MAX);
}
END_TEST

/* ---- Opening. */

START_TEST (test_second_open_is_refused_with_a_sentence)
{
  struct store_options options = { f.dir, FIXTURE_MAP };
  struct store *second = NULL;
  char *why = NULL;

  ck_assert_int_eq (store_open (&options, &second, &why), -EBUSY);
  ck_assert_ptr_null (second);
  ck_assert_ptr_nonnull (strstr (why, "another usherd"));
  free (why);
}
END_TEST

START_TEST (test_missing_folder_is_refused_with_a_sentence)
{
  struct store_options options = { "/nonexistent/usher", FIXTURE_MAP };
  struct store *s = NULL;
  char *why = NULL;

  ck_assert_int_eq (store_open (&options, &s, &why), -ENOENT);
  ck_assert_ptr_nonnull (strstr (why, "/nonexistent/usher"));
  free (why);
}
END_TEST

START_TEST (test_another_schema_is_refused_untouched)
{
  static const uint8_t schemas[] = { STORE_SCHEMA - 1, STORE_SCHEMA + 1 };
  char wanted[32];
  struct store_options options = { f.dir, FIXTURE_MAP };
  _cleanup_ (buf_done) struct buf before = BUF_INIT (1 << 24), after = BUF_INIT (1 << 24);
  struct txn *t = store_write (f.store);
  char path[128], *why = NULL;

  txn_meta_put (t, "schema", (uint8_t[]) { 0, 0, 0, schemas[_i] }, 4);
  ck_assert_int_eq (txn_commit (t), 0);
  store_close (f.store);
  f.store = NULL;
  (void) snprintf (path, sizeof path, "%s/store/data.mdb", f.dir);
  ck_assert_int_eq (io_read_file (path, &before), 0);
  ck_assert_int_eq (store_open (&options, &f.store, &why), -EPROTONOSUPPORT);
  (void) snprintf (wanted, sizeof wanted, "schema %u", schemas[_i]);
  ck_assert_ptr_nonnull (strstr (why, wanted));
  free (why);
  ck_assert_int_eq (io_read_file (path, &after), 0);
  ck_assert_uint_eq (before.len, after.len);
  ck_assert_int_eq (memcmp (before.data, after.data, before.len), 0);
  buf_done (&after);
}
END_TEST

START_TEST (test_map_is_halved_until_the_system_grants_it)
{
  struct store_space space;

  fixture_reopen (&f, 1ull << 50);
  store_space (f.store, &space);
  ck_assert_uint_lt (space.map_size, 1ull << 50);
  ck_assert_uint_ge (space.map_size, 1ull << 30);
}
END_TEST

START_TEST (test_room_is_refused_before_it_runs_out)
{
  struct store_space space;

  store_space (f.store, &space);
  ck_assert_uint_eq (space.map_size, FIXTURE_MAP);
  ck_assert_uint_gt (space.map_used, 0);
  ck_assert_uint_gt (space.disk_free, 0);
  ck_assert_int_eq (store_check_room (f.store, 1 << 20), 0);
  ck_assert_int_eq (store_check_room (f.store, FIXTURE_MAP), -ENOSPC);
  ck_assert_int_eq (store_check_room (f.store, UINT64_MAX), -ENOSPC);
}
END_TEST

/* ---- Documents. */

START_TEST (test_document_survives_reopening)
{
  struct id id;
  struct txn *t;
  json_t *doc;

  ck_assert_int_eq (put (STORE_TEAM, "{\"name\":\"Blue\",\"n\":5}", &id), 0);
  fixture_reopen (&f, FIXTURE_MAP);
  t = store_read (f.store);
  doc = txn_doc_get (t, STORE_TEAM, &id);
  ck_assert_ptr_nonnull (doc);
  ck_assert_int_eq (json_integer_value (json_object_get (doc, "n")), 5);
  json_decref (doc);
  ck_assert_ptr_null (txn_doc_get (t, STORE_PERSON, &id));
  ck_assert_int_eq (txn_commit (t), 0);
}
END_TEST

START_TEST (test_document_without_an_id_is_refused)
{
  struct txn *t = store_write (f.store);
  json_t *doc = json_pack ("{s:s}", "id", "seven");

  txn_doc_put (t, STORE_TEAM, doc);
  json_decref (doc);
  ck_assert_int_eq (txn_commit (t), -EINVAL);
}
END_TEST

START_TEST (test_unique_index_refuses_and_names_itself)
{
  struct id one, two;
  struct txn *t;
  json_t *doc;

  ck_assert_int_eq (put (STORE_PERSON, "{\"email\":\"ada@corp.test\","
                                       "\"secondary_emails\":[\"a@corp.test\"]}", &one), 0);
  t = store_write (f.store);
  doc = doc_from ("{\"email\":\"x@corp.test\",\"secondary_emails\":[\"A@Corp.test\"]}", &two);
  txn_doc_put (t, STORE_PERSON, doc);
  json_decref (doc);
  ck_assert_int_eq (txn_error (t), -EEXIST);
  ck_assert_int_eq (txn_clash (t), STORE_PERSON_ADDRESS);
  ck_assert_int_eq (txn_commit (t), -EEXIST);
  ck_assert_uint_eq (count_found (STORE_PERSON_ADDRESS, "x@corp.test"), 0);
  ck_assert_uint_eq (count_found (STORE_PERSON_ADDRESS, "A@corp.test"), 1);
}
END_TEST

START_TEST (test_index_follows_the_document)
{
  struct id id;
  struct txn *t;
  json_t *doc;

  ck_assert_int_eq (put (STORE_HUB, "{\"label\":\"Acme\",\"app\":\"scim\",\"space_key\":\"K1\"}", &id), 0);
  ck_assert_uint_eq (count_found (STORE_HUB_LABEL, "acme"), 1);
  ck_assert_uint_eq (count_found (STORE_HUB_SPACE, "scim k1"), 1);
  t = store_write (f.store);
  doc = txn_doc_get (t, STORE_HUB, &id);
  json_object_set_new (doc, "label", json_string ("Other"));
  txn_doc_put (t, STORE_HUB, doc);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (count_found (STORE_HUB_LABEL, "acme"), 0);
  ck_assert_uint_eq (count_found (STORE_HUB_LABEL, "other"), 1);

  t = store_write (f.store);
  json_object_set_new (doc, "status", json_string ("removed"));
  txn_doc_put (t, STORE_HUB, doc);
  json_decref (doc);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (count_found (STORE_HUB_LABEL, "other"), 0);
  ck_assert_uint_eq (count_found (STORE_HUB_SPACE, "scim k1"), 0);
  ck_assert_int_eq (put (STORE_HUB, "{\"label\":\"Other\"}", &id), 0);

  t = store_write (f.store);
  txn_doc_delete (t, STORE_HUB, &id);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (count_found (STORE_HUB_LABEL, "other"), 0);
}
END_TEST

START_TEST (test_pair_index_finds_by_both_and_by_the_first)
{
  struct id id;

  ck_assert_int_eq (put (STORE_GRANT, "{\"person\":\"P1\",\"hub\":\"H1\"}", &id), 0);
  ck_assert_int_eq (put (STORE_GRANT, "{\"person\":\"P1\",\"hub\":\"H2\"}", &id), 0);
  ck_assert_int_eq (put (STORE_GRANT, "{\"team\":\"T\",\"hub\":\"H2\"}", &id), 0);
  ck_assert_uint_eq (count_found (STORE_GRANT_PERSON, "P1"), 2);
  ck_assert_uint_eq (count_found (STORE_GRANT_PERSON, "P1 H2"), 1);
  ck_assert_uint_eq (count_found (STORE_GRANT_HUB, "H2"), 2);
}
END_TEST

START_TEST (test_open_tasks_are_those_without_an_end)
{
  struct id one, two;

  ck_assert_int_eq (put (STORE_TASK, "{\"hub\":\"H\",\"ended_at\":null}", &one), 0);
  ck_assert_int_eq (put (STORE_TASK, "{\"hub\":\"H\",\"ended_at\":\"2026\"}", &two), 0);
  ck_assert_uint_eq (count_found (STORE_TASK_OPEN, "open"), 1);
  ck_assert_uint_eq (count_found (STORE_TASK_HUB, "h"), 2);
}
END_TEST

START_TEST (test_long_texts_are_indexed_by_hash)
{
  _cleanup_ (buf_done) struct buf json = BUF_INIT (10000), key = BUF_INIT (10000);
  struct id id;
  int i;

  for (i = 0; i < 1000; i++)
    buf_putc (&key, 'k');
  buf_printf (&json, "{\"key\":\"%s\"}", key.data);
  ck_assert_int_eq (put (STORE_ISSUE, json.data, &id), 0);
  ck_assert_uint_eq (count_found (STORE_ISSUE_KEY, key.data), 1);
  ck_assert_int_eq (put (STORE_ISSUE, json.data, &id), -EEXIST);
  buf_putc (&key, 'k');
  ck_assert_uint_eq (count_found (STORE_ISSUE_KEY, key.data), 0);
}
END_TEST

/* ---- Walking. */

struct seen
{
  struct txn *t;          /* with it each document shown is deleted, and the one behind */
  struct id ids[32];
  size_t n, stop;
};

static bool
see (void *arg, json_t *doc)
{
  struct seen *s = arg;

  ck_assert_int_eq (id_parse (json_string_value (json_object_get (doc, "id")), &s->ids[s->n]), 0);
  s->n++;
  return s->n < s->stop;
}

START_TEST (test_walk_pages_behind_a_key_whatever_was_deleted)
{
  struct seen s = { .stop = 3 };
  struct id ids[10], gone;
  struct txn *t;
  int i;

  for (i = 0; i < 10; i++)
    ck_assert_int_eq (put (STORE_TASK, "{\"hub\":\"H\"}", &ids[i]), 0);
  t = store_read (f.store);
  txn_doc_walk (t, STORE_TASK, 0, NULL, false, NULL, see, &s);
  txn_abort (t);
  ck_assert_uint_eq (s.n, 3);
  ck_assert (id_equal (&s.ids[2], &ids[2]));

  /* The key of the page and the one behind it vanish between two pages. */
  gone = s.ids[2];
  t = store_write (f.store);
  txn_doc_delete (t, STORE_TASK, &gone);
  txn_doc_delete (t, STORE_TASK, &ids[3]);
  ck_assert_int_eq (txn_commit (t), 0);
  s = (struct seen) { .stop = 32 };
  t = store_read (f.store);
  txn_doc_walk (t, STORE_TASK, STORE_TASK_HUB, "h", false, &gone, see, &s);
  txn_abort (t);
  ck_assert_uint_eq (s.n, 6);
  ck_assert (id_equal (&s.ids[0], &ids[4]));

  s = (struct seen) { .stop = 32 };
  t = store_read (f.store);
  txn_doc_walk (t, STORE_TASK, 0, NULL, true, &ids[5], see, &s);
  txn_abort (t);
  ck_assert_uint_eq (s.n, 3);
  ck_assert (id_equal (&s.ids[0], &ids[4]));
  ck_assert (id_equal (&s.ids[2], &ids[0]));

  s = (struct seen) { .stop = 1 };
  t = store_read (f.store);
  txn_doc_walk (t, STORE_TASK, STORE_TASK_HUB, "h", true, NULL, see, &s);
  txn_abort (t);
  ck_assert (id_equal (&s.ids[0], &ids[9]));
}
END_TEST

static bool
delete_it (void *arg, json_t *doc)
{
  struct seen *s = arg;

  (void) see (s, doc);
  txn_doc_delete (s->t, STORE_TASK, &s->ids[s->n - 1]);
  return true;
}

START_TEST (test_walk_may_delete_what_it_sees)
{
  struct seen s = { .stop = 32 };
  struct id ids[10];
  int i;

  for (i = 0; i < 10; i++)
    ck_assert_int_eq (put (STORE_TASK, "{\"hub\":\"H\"}", &ids[i]), 0);
  s.t = store_write (f.store);
  txn_doc_walk (s.t, STORE_TASK, STORE_TASK_HUB, "h", false, NULL, delete_it, &s);
  ck_assert_int_eq (txn_commit (s.t), 0);
  ck_assert_uint_eq (s.n, 10);
  ck_assert_uint_eq (count_found (STORE_TASK_HUB, "h"), 0);
}
END_TEST

/* ---- Transactions. */

START_TEST (test_errors_stick_and_read_straight_down)
{
  struct txn *t = store_write (f.store);
  struct id id;
  json_t *doc = new_doc ("{s:s}", "Acme", &id);

  txn_fail (t, -EXDEV);
  txn_fail (t, -EIO);
  txn_doc_put (t, STORE_HUB, doc);
  ck_assert_ptr_null (txn_doc_get (t, STORE_HUB, &id));
  txn_meta_put (t, "name", "x", 1);
  ck_assert_uint_eq (txn_next_seq (t), 0);
  txn_event_add (t, doc);
  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, see, NULL);
  ck_assert_int_eq (txn_error (t), -EXDEV);
  ck_assert_int_eq (txn_commit (t), -EXDEV);
  json_decref (doc);
  ck_assert_uint_eq (count_found (STORE_HUB_LABEL, "acme"), 0);
}
END_TEST

START_TEST (test_full_map_keeps_what_was_committed_and_takes_the_batch_again)
{
  struct id id;
  struct txn *t;
  char *big = malloc (8 << 20);
  json_t *doc;
  int i, r;

  /* The smallest map there is, filled until it answers. */
  fixture_reopen (&f, 1);
  ck_assert_ptr_nonnull (big);
  memset (big, 'x', (8 << 20) - 1);
  big[(8 << 20) - 1] = '\0';
  ck_assert_int_eq (put (STORE_TEAM, "{\"name\":\"first\"}", &id), 0);
  t = store_write (f.store);
  for (i = 0; i < 10; i++)
    {
      doc = doc_from ("{\"name\":\"batch\"}", &id);
      json_object_set_new (doc, "name", json_sprintf ("batch %d", i));
      json_object_set_new (doc, "text", json_string (big));
      txn_doc_put (t, STORE_TEAM, doc);
      json_decref (doc);
    }
  r = txn_commit (t);
  ck_assert_int_eq (r, -ENOSPC);
  ck_assert_uint_eq (count_found (STORE_TEAM_NAME, "first"), 1);
  ck_assert_uint_eq (count_found (STORE_TEAM_NAME, "batch 0"), 0);

  fixture_reopen (&f, FIXTURE_MAP);
  t = store_write (f.store);
  for (i = 0; i < 10; i++)
    {
      doc = doc_from ("{\"name\":\"batch\"}", &id);
      json_object_set_new (doc, "name", json_sprintf ("batch %d", i));
      json_object_set_new (doc, "text", json_string (big));
      txn_doc_put (t, STORE_TEAM, doc);
      json_decref (doc);
    }
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_eq (count_found (STORE_TEAM_NAME, "batch 9"), 1);
  free (big);
}
END_TEST

START_TEST (test_sequence_grows_over_restarts)
{
  struct txn *t = store_write (f.store);
  uint64_t first = txn_next_seq (t), second = txn_next_seq (t);

  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_uint_gt (second, first);
  fixture_reopen (&f, FIXTURE_MAP);
  t = store_read (f.store);
  ck_assert_uint_eq (txn_last_seq (t), second);
  txn_abort (t);
  t = store_write (f.store);
  ck_assert_uint_gt (txn_next_seq (t), second);
  txn_abort (t);
}
END_TEST

START_TEST (test_reader_sees_its_snapshot_and_waits_for_nobody)
{
  struct txn *reader, *writer = store_write (f.store), *other;
  struct id id;
  json_t *doc = new_doc ("{s:s}", "Acme", &id), *got;

  txn_doc_put (writer, STORE_HUB, doc);
  /* All in one thread: a reader that waited for the writer would hang here. */
  reader = store_read (f.store);
  ck_assert_ptr_null (txn_doc_get (reader, STORE_HUB, &id));
  ck_assert_int_eq (txn_commit (writer), 0);
  ck_assert_ptr_null (txn_doc_get (reader, STORE_HUB, &id));
  other = store_read (f.store);
  got = txn_doc_get (other, STORE_HUB, &id);
  ck_assert_ptr_nonnull (got);
  json_decref (got);
  json_decref (doc);
  txn_abort (other);
  ck_assert_int_eq (txn_commit (reader), 0);
}
END_TEST

#define WRITERS 12
static int order[WRITERS];
static int order_n;

static void *
write_in_turn (void *arg)
{
  struct txn *t = store_write (f.store);

  order[order_n++] = *(int *) arg; /* guarded by the writer's turn */
  ck_assert_int_eq (txn_commit (t), 0);
  return NULL;
}

static uint64_t
tickets (void)
{
  uint64_t n;

  pthread_mutex_lock (&f.store->lock);
  n = f.store->next_ticket;
  pthread_mutex_unlock (&f.store->lock);
  return n;
}

START_TEST (test_writers_get_their_turn_in_the_order_they_came)
{
  struct txn *first = store_write (f.store);
  pthread_t threads[WRITERS];
  uint64_t before = tickets ();
  int numbers[WRITERS], i;

  for (i = 0; i < WRITERS; i++)
    {
      numbers[i] = i;
      ck_assert_int_eq (pthread_create (&threads[i], NULL, write_in_turn, &numbers[i]), 0);
      while (tickets () != before + (uint64_t) i + 1)
        sched_yield ();
    }
  ck_assert_int_eq (order_n, 0);
  txn_abort (first);
  for (i = 0; i < WRITERS; i++)
    pthread_join (threads[i], NULL);
  for (i = 0; i < WRITERS; i++)
    ck_assert_int_eq (order[i], i);
}
END_TEST

/* ---- Events and values. */

static json_int_t seqs[16];
static size_t n_seqs;

static bool
see_event (void *arg, json_t *event)
{
  size_t *max = arg;

  seqs[n_seqs++] = json_integer_value (json_object_get (event, "seq"));
  ck_assert_ptr_nonnull (json_object_get (event, "time"));
  return n_seqs < *max;
}

static void
add_event (const char *hub, const char *person)
{
  struct txn *t = store_write (f.store);
  json_t *event = json_pack ("{s:s, s:s, s:s}", "type", "member.found", "hub", hub, "person", person);

  txn_event_add (t, event);
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (event);
}

START_TEST (test_events_are_found_newest_first_by_hub_and_person)
{
  static const char hub[] = "01900000-0000-7000-8000-000000000001";
  static const char other[] = "01900000-0000-7000-8000-000000000002";
  struct event_filter filter = { .hub = NULL };
  struct id id, person;
  size_t max = 16;
  struct txn *t;

  ck_assert_int_eq (id_parse (hub, &id), 0);
  ck_assert_int_eq (id_parse (other, &person), 0);
  add_event (hub, other);
  add_event (other, other);
  add_event (hub, hub);
  add_event (hub, other);
  t = store_read (f.store);
  txn_event_walk (t, &filter, 0, see_event, &max);
  ck_assert_uint_eq (n_seqs, 4);
  ck_assert_int_gt (seqs[0], seqs[3]);

  filter.hub = &id;
  txn_event_walk (t, &filter, (uint64_t) seqs[0], see_event, &max);
  ck_assert_uint_eq (n_seqs, 6);
  ck_assert_int_eq (seqs[4], seqs[1]);

  filter.person = &person;
  n_seqs = 0;
  txn_event_walk (t, &filter, 0, see_event, &max);
  ck_assert_uint_eq (n_seqs, 2);

  filter = (struct event_filter) { .since_ms = clock_now_ms () + 60000 };
  n_seqs = 0;
  txn_event_walk (t, &filter, 0, see_event, &max);
  ck_assert_uint_eq (n_seqs, 0);

  txn_event_follow (t, 2, see_event, &max);
  ck_assert_uint_eq (n_seqs, 2);
  ck_assert_int_lt (seqs[0], seqs[1]);
  ck_assert_int_eq (txn_commit (t), 0);
}
END_TEST

START_TEST (test_prune_takes_the_oldest_and_their_index)
{
  static const char hub[] = "01900000-0000-7000-8000-000000000001";
  struct event_filter filter = { .hub = NULL };
  size_t max = 16;
  struct id id;
  struct txn *t;
  int i;

  ck_assert_int_eq (id_parse (hub, &id), 0);
  for (i = 0; i < 5; i++)
    add_event (hub, hub);
  t = store_write (f.store);
  ck_assert_uint_eq (txn_event_prune (t, clock_now_ms () - 60000, 10), 0);
  ck_assert_uint_eq (txn_event_prune (t, clock_now_ms () + 60000, 3), 3);
  ck_assert_int_eq (txn_commit (t), 0);
  filter.hub = &id;
  t = store_read (f.store);
  txn_event_walk (t, &filter, 0, see_event, &max);
  ck_assert_uint_eq (n_seqs, 2);
  ck_assert_int_eq (txn_commit (t), 0);
}
END_TEST

static bool
join_names (void *arg, const char *name)
{
  strcat (arg, name);
  strcat (arg, ",");
  return true;
}

START_TEST (test_secrets_and_state_are_kept_apart_by_owner)
{
  struct id a = id_new (), b = id_new ();
  struct txn *t = store_write (f.store);
  char names[64] = "", big[20000] = "", long_key[900];
  const void *value;
  size_t len;

  memset (long_key, 'k', sizeof long_key - 1);
  long_key[sizeof long_key - 1] = '\0';
  txn_secret_put (t, &a, "token", "sealed", 6);
  txn_secret_put (t, &a, "password", "x", 1);
  txn_secret_put (t, &b, "token", "other", 5);
  txn_state_put (t, &a, long_key, "s", 1);
  txn_state_put (t, &b, "cursor", "", 0);
  ck_assert_int_eq (txn_commit (t), 0);

  t = store_write (f.store);
  ck_assert_int_eq (txn_secret_get (t, &a, "token", &value, &len), 1);
  ck_assert_uint_eq (len, 6);
  ck_assert_int_eq (memcmp (value, "sealed", 6), 0);
  txn_secret_names (t, &a, join_names, names);
  ck_assert_str_eq (names, "password,token,");
  ck_assert_int_eq (txn_state_get (t, &a, long_key, &value, &len), 1);
  ck_assert_int_eq (txn_state_get (t, &b, "cursor", &value, &len), 1);
  ck_assert_uint_eq (len, 0);
  ck_assert_int_eq (txn_state_get (t, &a, "cursor", &value, &len), 0);
  txn_secret_delete (t, &a, NULL);
  txn_state_drop (t, &a);
  ck_assert_int_eq (txn_secret_get (t, &a, "token", &value, &len), 0);
  ck_assert_int_eq (txn_state_get (t, &a, long_key, &value, &len), 0);
  ck_assert_int_eq (txn_secret_get (t, &b, "token", &value, &len), 1);
  txn_secret_delete (t, &b, "token");
  ck_assert_int_eq (txn_secret_get (t, &b, "token", &value, &len), 0);
  ck_assert_int_eq (txn_error (t), 0);
  txn_state_put (t, &a, "k", big, sizeof big);
  ck_assert_int_eq (txn_commit (t), -E2BIG);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_keys_sort_as_their_parts_do);
  tcase_add_test (t, test_long_key_parts_fit_and_never_meet_short_ones);
  tcase_add_test (t, test_second_open_is_refused_with_a_sentence);
  tcase_add_test (t, test_missing_folder_is_refused_with_a_sentence);
  tcase_add_loop_test (t, test_another_schema_is_refused_untouched, 0, 2);
  if (!getenv ("USHER_VALGRIND"))
    tcase_add_test (t, test_map_is_halved_until_the_system_grants_it);
  tcase_add_test (t, test_room_is_refused_before_it_runs_out);
  tcase_add_test (t, test_document_survives_reopening);
  tcase_add_test (t, test_document_without_an_id_is_refused);
  tcase_add_test (t, test_unique_index_refuses_and_names_itself);
  tcase_add_test (t, test_index_follows_the_document);
  tcase_add_test (t, test_pair_index_finds_by_both_and_by_the_first);
  tcase_add_test (t, test_open_tasks_are_those_without_an_end);
  tcase_add_test (t, test_long_texts_are_indexed_by_hash);
  tcase_add_test (t, test_walk_pages_behind_a_key_whatever_was_deleted);
  tcase_add_test (t, test_walk_may_delete_what_it_sees);
  tcase_add_test (t, test_errors_stick_and_read_straight_down);
  tcase_add_test (t, test_full_map_keeps_what_was_committed_and_takes_the_batch_again);
  tcase_add_test (t, test_sequence_grows_over_restarts);
  tcase_add_test (t, test_reader_sees_its_snapshot_and_waits_for_nobody);
  tcase_add_test (t, test_writers_get_their_turn_in_the_order_they_came);
  tcase_add_test (t, test_events_are_found_newest_first_by_hub_and_person);
  tcase_add_test (t, test_prune_takes_the_oldest_and_their_index);
  tcase_add_test (t, test_secrets_and_state_are_kept_apart_by_owner);
}

UNIT_MAIN ("store", fill)
