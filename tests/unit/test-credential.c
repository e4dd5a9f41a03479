/* Access tokens of an account: one session renews, all get what it got, and nothing that is older
   overwrites what is newer. */
#include <config.h>

#include "store-fixture.h"

#include <pthread.h>

#include "host/engine/credential.h"

#define SESSIONS 8
#define HOUR_MS 3600000

static struct fixture f;
static struct engine engine;
static struct id account;

static void
setup (void)
{
  struct buf sealed = BUF_INIT (4096);
  json_t *doc = json_object ();
  struct txn *t;
  char *why = NULL;

  fixture_make (&f, FIXTURE_MAP);
  engine = (struct engine) { .store = f.store, .renewing_lock = PTHREAD_MUTEX_INITIALIZER };
  ck_assert_msg (vault_open (f.dir, &engine.vault, &why) == 0, "%s", why ? why : "");
  ck_assert_int_eq (vault_make_key (engine.vault, &sealed), 0);
  ck_assert_int_eq (vault_add_key (engine.vault, sealed.data, sealed.len), 0);
  buf_done (&sealed);
  account = id_new ();
  json_set_id (doc, "id", &account);
  json_set_text (doc, "kind", "oauth");
  t = store_write (f.store);
  txn_doc_put (t, STORE_ACCOUNT, doc);
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (doc);
}

static void
teardown (void)
{
  vault_close (engine.vault);
  fixture_remove (&f);
}

static void
put_secret (const char *name, const char *value)
{
  struct buf sealed = BUF_INIT (4096);
  struct txn *t = store_write (f.store);
  char id[ID_TEXT_SIZE];

  id_format (&account, id);
  ck_assert_int_eq (vault_seal (engine.vault, id, name, value, strlen (value), &sealed), 0);
  txn_secret_put (t, &account, name, sealed.data, sealed.len);
  ck_assert_int_eq (txn_commit (t), 0);
  buf_done (&sealed);
}

static struct credential *
session (void)
{
  struct credential *c = credential_new (&engine, &account);

  ck_assert_ptr_nonnull (c);
  return c;
}

static struct session_token
ask (struct credential *c, uint64_t serial, bool tries)
{
  struct session_token t = { 0 };

  credential_tokens.ask (c, serial, tries, &t);
  return t;
}

static struct session_token
got (struct credential *c, struct wire_token_got m)
{
  struct session_token t = { 0 };

  credential_tokens.got (c, &m, &t);
  return t;
}

#define expect(token, member, wanted) \
  do { struct session_token t_ = (token); ck_assert_int_eq (t_.member, wanted); session_token_done (&t_); } while (0)

static void
expect_text (const struct secret *s, const char *wanted)
{
  ck_assert_ptr_nonnull (s->data);
  ck_assert_str_eq (s->data, wanted);
}

START_TEST (test_one_renews_and_all_get_it)
{
  struct credential *one = session (), *other = session ();
  struct session_token t;

  put_secret ("refresh_token", "r1");
  put_secret ("client_secret", "s");
  t = ask (one, 0, false);
  ck_assert (t.renew && !t.access.data && !t.id.data);
  expect_text (&t.refresh, "r1");
  expect_text (&t.secret, "s");
  session_token_done (&t);
  expect (ask (other, 0, false), wait_ms > 0, true);
  t = got (one, (struct wire_token_got) { .access = "a1", .refresh = "r2", .life_ms = HOUR_MS });
  expect_text (&t.access, "a1");
  ck_assert (!t.renew && !t.refresh.data && !t.status);
  ck_assert_int_eq (t.due_in_ms, HOUR_MS / 2);
  ck_assert_int_eq (t.ends_in_ms, HOUR_MS);
  session_token_done (&t);
  t = ask (other, 0, false);
  expect_text (&t.access, "a1");
  ck_assert (!t.renew && t.due_in_ms <= HOUR_MS / 2 && t.due_in_ms > HOUR_MS / 3);
  session_token_done (&t);
  /* One whose token was refused gets the newer one, and only who has the newest renews. */
  t = ask (one, 1, false);
  ck_assert (!t.renew && t.serial == 2);
  session_token_done (&t);
  t = ask (other, 2, false);
  ck_assert (t.renew && !t.access.data);
  expect_text (&t.refresh, "r2");
  session_token_done (&t);
  credential_tokens.done (one);
  credential_tokens.done (other);
}
END_TEST

START_TEST (test_who_ends_without_a_word_lets_the_next_one)
{
  struct credential *one = session (), *other = session ();

  put_secret ("refresh_token", "r1");
  expect (ask (one, 0, false), renew, true);
  expect (ask (other, 0, false), wait_ms > 0, true);
  credential_tokens.done (one);
  expect (ask (other, 0, false), renew, true);
  expect (got (other, (struct wire_token_got) { .status = USHER_E_NETWORK, .text = "out", .life_ms = -1 }), status,
          USHER_E_NETWORK);
  /* It was let go with the failure. */
  one = session ();
  expect (ask (one, 0, false), renew, true);
  credential_tokens.done (one);
  credential_tokens.done (other);
}
END_TEST

START_TEST (test_a_refresh_token_is_kept_though_there_is_no_access_token)
{
  struct credential *one = session ();
  struct session_token t;

  put_secret ("refresh_token", "r1");
  expect (ask (one, 0, false), renew, true);
  expect (got (one, (struct wire_token_got) { .status = USHER_E_SHAPE, .text = "odd", .access = "a1",
                                              .refresh = "r2", .life_ms = -1 }), status, USHER_E_SHAPE);
  t = ask (one, 0, false);
  ck_assert (t.renew && !t.access.data);
  expect_text (&t.refresh, "r2");
  session_token_done (&t);
  credential_tokens.done (one);
}
END_TEST

START_TEST (test_a_refusal_is_final_until_there_is_another_credential)
{
  struct credential *one = session ();
  struct session_token t;
  struct txn *w;
  json_t *doc;

  put_secret ("refresh_token", "r1");
  put_secret ("access_token", "a0");
  expect (ask (one, 1, false), renew, true);
  expect (got (one, (struct wire_token_got) { .status = USHER_E_TOKEN, .text = "Gone.", .life_ms = -1 }), status,
          USHER_E_TOKEN);
  t = ask (one, 0, false);
  ck_assert_int_eq (t.status, USHER_E_TOKEN);
  ck_assert_str_eq (t.text, "Gone.");
  ck_assert (!t.renew && !t.access.data);
  session_token_done (&t);
  /* A person who asks for a check gets one. */
  expect (ask (one, 1, true), renew, true);
  credential_tokens.done (one);
  one = session ();
  w = store_write (f.store);
  doc = txn_doc_get (w, STORE_ACCOUNT, &account);
  credential_replaced (w, doc, NULL);
  txn_doc_put (w, STORE_ACCOUNT, doc);
  ck_assert_int_eq (txn_commit (w), 0);
  json_decref (doc);
  t = ask (one, 0, false);
  ck_assert (t.renew && !t.access.data && t.serial == 2);
  session_token_done (&t);
  credential_tokens.done (one);
}
END_TEST

/* A person gives the account the secret NAME. */
static void
replace (const char *name, const char *value)
{
  json_t *secrets = json_pack ("{s:s}", name, value), *doc;
  struct txn *w;

  put_secret (name, value);
  w = store_write (f.store);
  doc = txn_doc_get (w, STORE_ACCOUNT, &account);
  credential_replaced (w, doc, secrets);
  txn_doc_put (w, STORE_ACCOUNT, doc);
  ck_assert_int_eq (txn_commit (w), 0);
  json_decref (doc);
  json_decref (secrets);
}

START_TEST (test_what_was_got_with_an_older_credential_is_dropped)
{
  struct credential *one = session ();
  struct session_token t;

  put_secret ("refresh_token", "r1");
  expect (ask (one, 0, false), renew, true);
  replace ("refresh_token", "from-a-person");
  replace ("client_secret", "s2");
  t = got (one, (struct wire_token_got) { .access = "a1", .refresh = "r2", .life_ms = HOUR_MS });
  ck_assert (t.renew && !t.access.data);
  expect_text (&t.refresh, "from-a-person");
  session_token_done (&t);
  credential_tokens.done (one);
}
END_TEST

START_TEST (test_a_refresh_token_that_nobody_replaced_is_kept)
{
  struct credential *one = session ();
  struct session_token t;

  replace ("refresh_token", "r1");
  expect (ask (one, 0, false), renew, true);
  replace ("client_secret", "s2");
  t = got (one, (struct wire_token_got) { .access = "a1", .refresh = "r2", .life_ms = HOUR_MS });
  ck_assert (t.renew && !t.access.data);
  expect_text (&t.refresh, "r2");
  expect_text (&t.secret, "s2");
  session_token_done (&t);
  expect (got (one, (struct wire_token_got) { .access = "a2", .refresh = "r3", .life_ms = HOUR_MS }), status, 0);
  t = ask (one, 0, false);
  expect_text (&t.access, "a2");
  session_token_done (&t);
  credential_tokens.done (one);
}
END_TEST

START_TEST (test_a_token_without_a_known_life_is_used_until_it_is_refused)
{
  struct credential *one = session ();
  struct session_token t;

  put_secret ("access_token", "a0");
  t = ask (one, 0, false);
  expect_text (&t.access, "a0");
  ck_assert (!t.renew && t.due_in_ms == -1 && t.ends_in_ms == -1 && t.serial == 1);
  session_token_done (&t);
  expect (ask (one, 1, false), renew, true);
  expect (got (one, (struct wire_token_got) { .access = "a1", .life_ms = -1 }), due_in_ms, -1);
  credential_tokens.done (one);
}
END_TEST

/* ---- Many at once. */

static int renewals;   /* by whoever renews: one at a time */

static void *
work (void *arg _unused_)
{
  struct credential *c = session ();
  uint64_t serial = 0;
  int i;

  for (i = 0; i < 20;)
    {
      struct session_token t = ask (c, serial, false);
      char access[32], refresh[32], wanted[32];

      if (t.renew)
        {
          int n = __atomic_add_fetch (&renewals, 1, __ATOMIC_SEQ_CST);

          (void) snprintf (wanted, sizeof wanted, "r%d", n - 1);
          ck_assert_str_eq (t.refresh.data, wanted);
          (void) snprintf (access, sizeof access, "a%d", n);
          (void) snprintf (refresh, sizeof refresh, "r%d", n);
          session_token_done (&t);
          t = got (c, (struct wire_token_got) { .access = access, .refresh = refresh, .life_ms = HOUR_MS });
        }
      if (t.access.data)
        {
          serial = t.serial;
          i++;
        }
      session_token_done (&t);
    }
  credential_tokens.done (c);
  return NULL;
}

START_TEST (test_no_refresh_token_is_used_twice_by_many_sessions)
{
  pthread_t threads[SESSIONS];
  int i;

  put_secret ("refresh_token", "r0");
  for (i = 0; i < SESSIONS; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, work, NULL), 0);
  for (i = 0; i < SESSIONS; i++)
    (void) pthread_join (threads[i], NULL);
  ck_assert_int_ge (renewals, 20);
  ck_assert_int_le (renewals, SESSIONS * 20);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_one_renews_and_all_get_it);
  tcase_add_test (t, test_who_ends_without_a_word_lets_the_next_one);
  tcase_add_test (t, test_a_refresh_token_is_kept_though_there_is_no_access_token);
  tcase_add_test (t, test_a_refusal_is_final_until_there_is_another_credential);
  tcase_add_test (t, test_what_was_got_with_an_older_credential_is_dropped);
  tcase_add_test (t, test_a_refresh_token_that_nobody_replaced_is_kept);
  tcase_add_test (t, test_a_token_without_a_known_life_is_used_until_it_is_refused);
  tcase_add_test (t, test_no_refresh_token_is_used_twice_by_many_sessions);
}

UNIT_MAIN ("credential", fill)
