/* The lists of the engine, each on a store that fails in the middle, and page by page. */
#include <config.h>

#include "store-fixture.h"

#include "host/engine/internal.h"
#include "host/store/txn.h"

static struct fixture f;
static struct engine engine;
static struct caller caller = { .kind = CALLER_SOCKET, .scopes = ~0u, .trigger = "api" };

static json_t *
put (struct txn *t, enum store_kind kind, json_t *doc, const char *id)
{
  json_set_text (doc, "id", id);
  txn_doc_put (t, kind, doc);
  return doc;
}

#define OWNER "01890000-0000-7000-8000-000000000001"
#define HUB "01890000-0000-7000-8000-000000000002"

/* A workspace, its owner, and a hub of the owner's. */
static void
setup (void)
{
  struct txn *t;

  fixture_make (&f, FIXTURE_MAP);
  engine = (struct engine) { .store = f.store };
  ck_assert_int_eq (rate_table_new (&engine.rates), 0);
  ck_assert_int_eq (apps_load ("", NULL, NULL, &engine.apps), 0);
  ck_assert_int_eq (id_parse (OWNER, &caller.person), 0);
  t = store_write (f.store);
  json_decref (put (t, STORE_WORKSPACE, json_pack ("{s:s}", "owner", OWNER), OWNER));
  json_decref (put (t, STORE_PERSON,
                    json_pack ("{s:s, s:s, s:s}", "email", "owner@example.com", "workspace_role", "owner", "status",
                               "active"),
                    OWNER));
  json_decref (put (t, STORE_HUB, json_pack ("{s:s, s:s, s:s}", "label", "Acme", "app", "scim", "status", "healthy"), HUB));
  json_decref (put (t, STORE_GRANT, json_pack ("{s:s, s:s, s:s}", "hub", HUB, "person", OWNER, "hub_role", "owner"), HUB));
  ck_assert_int_eq (txn_commit (t), 0);
}

static void
teardown (void)
{
  apps_unref (engine.apps);
  rate_table_free (engine.rates);
  fixture_remove (&f);
}

static struct call
call_of (void)
{
  return (struct call) { .caller = &caller, .path = { HUB, NULL, NULL } };
}

static const struct list_case
{
  engine_action *action;
  enum store_kind kind;   /* of the document that cannot be read; 0 = a member */
} cases[] = {
  { engine_account_list, STORE_ACCOUNT }, { engine_hub_list, STORE_HUB },       { engine_task_list, STORE_TASK },
  { engine_person_list, STORE_PERSON },   { engine_issue_list, STORE_ISSUE },   { engine_report_list, STORE_REPORT },
  { engine_token_list, STORE_TOKEN },     { engine_member_list, 0 },
};

/* Bytes that are no document or member, in the order of the walk behind all there are. */
static void
spoil (const struct list_case *c)
{
  struct txn *t = store_write (f.store);
  struct id last, hub;
  struct key key;

  memset (&last, 0xfe, sizeof last);
  ck_assert_int_eq (id_parse (HUB, &hub), 0);
  key_start (&key);
  if (c->kind)
    key_u8 (&key, (uint8_t) c->kind);
  else
    key_id (&key, &hub);
  key_id (&key, &last);
  txn_store (t, c->kind ? DB_DOCUMENT : DB_LINK, &key, "x", 1);
  ck_assert_int_eq (txn_commit (t), 0);
}

START_TEST (test_list_that_cannot_be_read_is_refused)
{
  struct call c = call_of ();
  struct refusal r = { 0 };
  json_t *answer = NULL;

  ck_assert_int_eq (cases[_i].action (&engine, &c, &answer, &r), 0);
  ck_assert (json_is_array (json_object_get (answer, "items")));
  json_decref (TAKE (answer));
  spoil (&cases[_i]);
  ck_assert_int_eq (cases[_i].action (&engine, &c, &answer, &r), -ECANCELED);
  ck_assert_ptr_null (answer);
  ck_assert_str_eq (r.code, "unavailable");
  refusal_done (&r);
}
END_TEST

/* The others are not lost with it. */
START_TEST (test_list_goes_past_an_event_that_cannot_be_read)
{
  struct txn *t = store_write (f.store);
  struct call c = call_of ();
  struct refusal r = { 0 };
  json_t *answer = NULL, *event = json_pack ("{s:s}", "type", "hub.updated");
  struct key key;

  txn_event_add (t, event);
  key_start (&key);
  key_u8 (&key, EVENT_SEQ);
  key_u64 (&key, 77);
  txn_store (t, DB_EVENT, &key, "x", 1);
  ck_assert_int_eq (txn_commit (t), 0);
  ck_assert_int_eq (engine_event_list (&engine, &c, &answer, &r), 0);
  ck_assert_uint_eq (json_array_size (json_object_get (answer, "items")), 1);
  json_decref (answer);
  json_decref (event);
}
END_TEST

static void
add_people (unsigned int n)
{
  struct txn *t = store_write (f.store);
  unsigned int i;
  char email[40];
  struct id id;
  char text[ID_TEXT_SIZE];

  for (i = 0; i < n; i++)
    {
      id = id_new ();
      id_format (&id, text);
      (void) snprintf (email, sizeof email, "p%u@example.com", i);
      json_decref (put (t, STORE_PERSON,
                        json_pack ("{s:s, s:s, s:s}", "email", email, "workspace_role", "user", "status", "pending"), text));
    }
  ck_assert_int_eq (txn_commit (t), 0);
}

/* Reads whole lists; how many pages, in *RET_ITEMS how many items. */
static size_t
read_all (engine_action *action, struct call c, size_t *ret_items)
{
  char cursor[LIST_CURSOR_SIZE];
  struct refusal r = { 0 };
  size_t pages = 0;
  json_t *answer;
  const char *next;

  *ret_items = 0;
  do
    {
      ck_assert_int_eq (action (&engine, &c, &answer, &r), 0);
      *ret_items += json_array_size (json_object_get (answer, "items"));
      pages++;
      next = json_text (answer, "next");
      (void) snprintf (cursor, sizeof cursor, "%s", next ? next : "");
      c.cursor = cursor;
      json_decref (answer);
    }
  while (cursor[0]);
  return pages;
}

START_TEST (test_pages_show_each_thing_once)
{
  struct call c = call_of ();
  size_t items;

  add_people (2500);
  c.limit = 500;
  ck_assert_uint_eq (read_all (engine_person_list, c, &items), 6);
  ck_assert_uint_eq (items, 2501);
  c.limit = 499;
  ck_assert_uint_eq (read_all (engine_person_list, c, &items), 6);
  ck_assert_uint_eq (items, 2501);
}
END_TEST

/* A hub of N members of whom the last one alone is called Rare. */
static void
add_members (unsigned int n)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  struct txn *t = store_write (f.store);
  struct id hub, id = { { 9 } };
  unsigned int i, big;
  struct member m;
  char key[16];

  ck_assert_int_eq (id_parse (HUB, &hub), 0);
  for (i = 0; i < n; i++)
    {
      big = __builtin_bswap32 (i);
      memcpy (id.b + 4, &big, sizeof big);
      (void) snprintf (key, sizeof key, "mU%07u", i);
      fixture_row (&row, key + 1, NULL, NULL, i + 1 == n ? "Rare" : "Common");
      fixture_member (&m, &id, key, &row);
      txn_member_put (t, &hub, &m);
    }
  ck_assert_int_eq (txn_commit (t), 0);
}

START_TEST (test_search_looks_at_ten_thousand_members_a_page)
{
  const struct usher_kv search = { "search", "rare" };
  struct call c = call_of ();
  struct refusal r = { 0 };
  json_t *answer;
  size_t items;

  add_members (10500);
  c.query = &search;
  c.n_query = 1;
  ck_assert_int_eq (engine_member_list (&engine, &c, &answer, &r), 0);
  ck_assert_uint_eq (json_array_size (json_object_get (answer, "items")), 0);
  ck_assert_ptr_nonnull (json_text (answer, "next"));
  json_decref (answer);
  ck_assert_uint_eq (read_all (engine_member_list, c, &items), 2);
  ck_assert_uint_eq (items, 1);
}
END_TEST

START_TEST (test_cursors_of_other_lists_are_refused)
{
  static const char *const wrong[] = { "", "x", "-1", "01890000-0000-7000-8000-00000000000",
                                       "0123456789012345678901234567890123456789" };
  struct call c = call_of ();
  struct refusal r = { 0 };
  json_t *answer;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (wrong); i++)
    {
      c.cursor = wrong[i];
      ck_assert_int_eq (cases[_i].action (&engine, &c, &answer, &r), -ECANCELED);
      ck_assert_str_eq (r.code, "malformed");
      ck_assert_str_eq (r.field, "cursor");
    }
  refusal_done (&r);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_loop_test (t, test_list_that_cannot_be_read_is_refused, 0, ARRAY_SIZE (cases));
  tcase_add_test (t, test_list_goes_past_an_event_that_cannot_be_read);
  tcase_add_loop_test (t, test_cursors_of_other_lists_are_refused, 0, ARRAY_SIZE (cases));
  tcase_add_test (t, test_pages_show_each_thing_once);
  tcase_add_test (t, test_search_looks_at_ten_thousand_members_a_page);
}

UNIT_MAIN ("lists", fill)
