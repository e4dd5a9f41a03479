/* Several people on one engine: who sees what, and where a secret may be sent.  No connector
   is installed, so tasks are made and wait. */
#include <config.h>

#include "store-fixture.h"

#include "host/engine/people.h"

static struct fixture f;
static struct conf conf;
static struct engine *engine;

/* Who acts: the owner of the workspace, who set it up, and people made by them. */
static struct caller owner, super, admin, ann, ben, guest;

/* Runs ACTION and answers what it answered; NULL for a refusal, whose code is put in CODE. */
static char code[64], field[64];

static json_t *
run (engine_action *action, const struct caller *c, const char *path, const char *query, json_t *body /* takes */)
{
  const struct usher_kv pairs[] = { { "hub", query } };
  struct call call = { .caller = c, .path = { path }, .body = body, .query = pairs, .n_query = query ? 1 : 0,
                       .confirmed = true };
  struct refusal r = { 0 };
  json_t *answer = NULL;
  int x = action (engine, &call, &answer, &r);

  (void) snprintf (code, sizeof code, "%s", x < 0 ? r.code : "");
  (void) snprintf (field, sizeof field, "%s", x < 0 && r.field ? r.field : "");
  ck_assert_int_eq (x, x < 0 ? -ECANCELED : 0);
  refusal_done (&r);
  json_decref (body);
  return answer;
}

static void
good (engine_action *action, const struct caller *c, const char *path, json_t *body)
{
  json_t *answer = run (action, c, path, NULL, body);

  ck_assert_msg (answer != NULL, "refused: %s %s", code, field);
  json_decref (answer);
}

static void
refused (engine_action *action, const struct caller *c, const char *path, json_t *body, const char *wanted)
{
  json_t *answer = run (action, c, path, NULL, body);

  ck_assert_ptr_null (answer);
  ck_assert_str_eq (code, wanted);
}

static struct caller
person (const char *email, const char *role)
{
  json_t *made = run (engine_person_add, &owner, NULL, NULL,
                      json_pack ("{s:s, s:s}", "email", email, "workspace_role", role));
  struct caller c = { .kind = CALLER_TOKEN, .scopes = ~0u, .trigger = "api" };

  ck_assert_ptr_nonnull (made);
  ck_assert (json_id (made, "id", &c.person));
  json_decref (made);
  return c;
}

static json_t *
account (const char *label, const char *token)
{
  return json_pack ("{s:s, s:s, s:s, s:{s:s}}", "app", "scim", "label", label, "kind", "token", "secrets", "token", token);
}

static json_t *
new_hub (const char *label, const char *url, json_t *with /* takes */)
{
  return json_pack ("{s:s, s:s, s:s, s:{s:s}, s:o}", "app", "scim", "label", label, "login_method", "sso", "fields",
                    "base_url", url, "account", with);
}

static json_t *
secret (const char *value)
{
  return json_pack ("{s:s, s:s, s:{s:s}}", "label", "new", "kind", "token", "secrets", "token", value);
}

#define URL_A "https://a.example.com/scim"
#define URL_B "https://b.example.com/scim"
#define URL_MINE "https://mine.example.com/scim"

/* Ann has hub A, Ben hub B. */
static void
setup (void)
{
  struct engine_options options = { .conf = &conf, .libexec_dir = "/nonexistent", .connector_path = "/nonexistent",
                                    .app_path = TOP_SRCDIR "/plugins/seat/apps" };
  char *why = NULL;

  fixture_make (&f, FIXTURE_MAP);
  ck_assert_int_eq (conf_init (&conf), 0);
  options.store = f.store;
  options.state_dir = f.dir;
  ck_assert_msg (engine_start (&options, &engine, &why) == 0, "%s", why ? why : "");
  engine_socket_caller (engine, &owner);
  good (engine_setup, &owner, NULL, json_pack ("{s:s}", "owner", "owner@example.com"));
  engine_socket_caller (engine, &owner);
  super = person ("super@example.com", "super-admin");
  admin = person ("admin@example.com", "admin");
  ann = person ("ann@example.com", "user");
  ben = person ("ben@example.com", "user");
  guest = person ("guest@example.com", "guest");
  good (engine_hub_connect, &ann, NULL, new_hub ("A", URL_A, secret ("token of ann")));
  good (engine_hub_connect, &ben, NULL, new_hub ("B", URL_B, secret ("token of ben")));
}

static void
teardown (void)
{
  engine_stop (engine);
  conf_done (&conf);
  fixture_remove (&f);
}

/* The texts under KEY of a list's items, sorted as they come, with commas. */
static const char *
listed (engine_action *action, const struct caller *c, const char *key)
{
  static char text[512];
  json_t *answer = run (action, c, NULL, NULL, NULL), *item;
  size_t i, n = 0;

  if (!answer)
    return code;
  text[0] = '\0';
  json_array_foreach (json_object_get (answer, "items"), i, item)
    {
      const char *value = json_text (item, key);

      if (value && !strstr (text, value) && n < sizeof text - 100)
        n += (size_t) snprintf (text + n, sizeof text - n, "%s%s", n ? "," : "", value);
    }
  json_decref (answer);
  return text;
}

START_TEST (test_lists_show_what_is_ones_own)
{
  ck_assert_str_eq (listed (engine_hub_list, &ann, "label"), "A");
  ck_assert_str_eq (listed (engine_hub_list, &ben, "label"), "B");
  ck_assert_str_eq (listed (engine_hub_list, &admin, "label"), "A,B");
  ck_assert_str_eq (listed (engine_hub_list, &owner, "label"), "A,B");
  ck_assert_str_eq (listed (engine_hub_list, &guest, "label"), "");
  ck_assert_str_eq (listed (engine_account_list, &ann, "label"), "new");
  ck_assert_str_eq (listed (engine_event_list, &ben, "hub_label"), "B");
  ck_assert_str_eq (listed (engine_event_list, &admin, "hub_label"), "B,A");
  ck_assert_str_eq (listed (engine_event_list, &guest, "type"), "person.joined");
  ck_assert_str_eq (listed (engine_account_list, &guest, "label"), "not-permitted");
  ck_assert_str_eq (listed (engine_report_list, &ann, "hub_label"), "");
}
END_TEST

START_TEST (test_tasks_of_other_hubs_are_not_found)
{
  json_t *tasks = run (engine_task_list, &ben, NULL, NULL, NULL), *task = NULL;
  char id[ID_TEXT_SIZE];
  json_t *shown;

  ck_assert_uint_eq (json_array_size (json_object_get (tasks, "items")), 1);
  task = json_array_get (json_object_get (tasks, "items"), 0);
  (void) snprintf (id, sizeof id, "%s", json_text (task, "id"));
  json_decref (tasks);
  good (engine_task_show, &ben, id, NULL);
  good (engine_task_show, &admin, id, NULL);
  refused (engine_task_show, &ann, id, NULL, "not-found");
  refused (engine_task_show, &guest, id, NULL, "not-found");
  refused (engine_task_cancel, &ann, id, json_object (), "not-permitted");
  shown = run (engine_task_list, &ann, NULL, "B", NULL);
  ck_assert_ptr_null (shown);
  ck_assert_str_eq (code, "not-found");
}
END_TEST

START_TEST (test_collaborators_see_the_card)
{
  struct txn *t = store_write (f.store);
  struct caller gus = guest;
  struct id hub;
  json_t *doc = NULL, *grant, *shown;
  struct refusal r = { 0 };

  ck_assert_int_eq (find_hub (t, "A", false, &doc, &r), 0);
  ck_assert (json_id (doc, "id", &hub));
  grant = grant_new (&owner, &hub, &gus.person, "share", HUB_COLLABORATOR, true, NULL);
  txn_doc_put (t, STORE_GRANT, grant);
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (grant);
  json_decref (doc);
  shown = run (engine_hub_show, &gus, "A", NULL, NULL);
  ck_assert_str_eq (json_text (shown, "label"), "A");
  ck_assert_ptr_null (json_object_get (shown, "fields"));
  ck_assert_ptr_null (json_object_get (shown, "status"));
  json_decref (shown);
  refused (engine_hub_show, &gus, "B", NULL, "not-found");
  refused (engine_hub_roles, &gus, "A", NULL, "not-permitted");
  refused (engine_member_list, &gus, "A", NULL, "not-permitted");
}
END_TEST

/* The open report of hub A, of one member who is missing; *RET_TASK the sync that made it. */
static void
stopped_report (char id[ID_TEXT_SIZE], json_t **ret_task)
{
  const struct id missing = id_new ();
  const struct held held = { .removed = &missing, .n_removed = 1 };
  struct txn *t = store_write (f.store);
  json_t *hub = NULL, *reports;
  struct refusal r = { 0 };

  ck_assert_int_eq (find_hub (t, "A", false, &hub, &r), 0);
  *ret_task = task_new (&system_caller, TASK_SYNC, hub, NULL, NULL, NULL);
  report_safeguard (t, hub, *ret_task, &held, "One is missing.");
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (hub);
  reports = run (engine_report_list, &ann, NULL, NULL, NULL);
  ck_assert_uint_eq (json_array_size (json_object_get (reports, "items")), 1);
  (void) snprintf (id, ID_TEXT_SIZE, "%s", json_text (json_array_get (json_object_get (reports, "items"), 0), "id"));
  json_decref (reports);
}

/* Ben has ROLE on hub A from now on. */
static void
ben_gets (enum hub_role role)
{
  struct txn *t = store_write (f.store);
  json_t *hub = NULL, *grant;
  struct refusal r = { 0 };
  struct id id;

  ck_assert_int_eq (find_hub (t, "A", false, &hub, &r), 0);
  ck_assert (json_id (hub, "id", &id));
  grant = grant_new (&owner, &id, &ben.person, "share", role, false, NULL);
  txn_doc_put (t, STORE_GRANT, grant);
  ck_assert_int_eq (txn_commit (t), 0);
  json_decref (grant);
  json_decref (hub);
}

static json_t *
application (void)
{
  return json_pack ("{s:i, s:s}", "revision", 1, "reason", "They left");
}

START_TEST (test_only_owners_apply_a_report)
{
  char id[ID_TEXT_SIZE];
  json_t *task;

  stopped_report (id, &task);
  refused (engine_report_show, &ben, id, NULL, "not-permitted");
  refused (engine_report_apply, &ben, id, application (), "not-permitted");
  refused (engine_report_apply, &guest, id, application (), "not-permitted");
  ben_gets (HUB_MANAGER);
  good (engine_report_show, &ben, id, NULL);
  refused (engine_report_apply, &ben, id, application (), "not-permitted");
  refused (engine_report_apply, &ben, id, json_object (), "not-permitted");
  good (engine_report_apply, &ann, id, application ());
  refused (engine_report_apply, &ann, id, application (), "report-closed");
  refused (engine_report_dismiss, &ben, id, json_pack ("{s:s}", "reason", "Not so"), "report-closed");
  json_decref (task);
}
END_TEST

START_TEST (test_managers_dismiss_a_report)
{
  char id[ID_TEXT_SIZE];
  json_t *task;

  stopped_report (id, &task);
  ben_gets (HUB_MANAGER);
  refused (engine_report_dismiss, &ben, id, json_object (), "reason-required");
  good (engine_report_dismiss, &ben, id, json_pack ("{s:s}", "reason", "Not so"));
  refused (engine_report_apply, &ann, id, application (), "report-closed");
  json_decref (task);
}
END_TEST

/* What the sync that applies it may take, and what becomes of it where that sync does not end well. */
START_TEST (test_a_report_approves_its_own_rows)
{
  const struct id members[] = { id_new (), id_new () };
  struct id applying;
  const struct held one = { .removed = members, .n_removed = 1 }, none = { .n_removed = 0 };
  const struct held other = { .removed = members + 1, .n_removed = 1 }, both = { .removed = members, .n_removed = 2 };
  const struct held lowered = { .lowered = members, .n_lowered = 1 };
  char id[ID_TEXT_SIZE];
  json_t *hub = NULL, *task, *applies, *report;
  struct refusal r = { 0 };
  struct txn *t;

  stopped_report (id, &task);
  t = store_write (f.store);
  ck_assert_int_eq (find_hub (t, "A", false, &hub, &r), 0);
  report_safeguard (t, hub, task, &one, "One is missing.");
  ck_assert_ptr_null (report_approves (t, task, &one));
  ck_assert_int_eq (txn_commit (t), 0);
  applies = run (engine_report_apply, &ann, id, NULL, json_pack ("{s:i, s:s}", "revision", 2, "reason", "They left"));
  ck_assert_ptr_nonnull (applies);
  t = store_write (f.store);
  json_decref (task);
  ck_assert (json_id (applies, "id", &applying));
  task = txn_doc_get (t, STORE_TASK, &applying);
  report = report_approves (t, task, &one);
  ck_assert_ptr_nonnull (report);
  json_decref (report);
  report = report_approves (t, task, &none);
  ck_assert_ptr_nonnull (report);
  json_decref (report);
  ck_assert_ptr_null (report_approves (t, task, &other));
  ck_assert_ptr_null (report_approves (t, task, &both));
  ck_assert_ptr_null (report_approves (t, task, &lowered));
  /* It is stopped, by more than was approved, or by anything else: it waits again. */
  report_reopen (t, task);
  ck_assert_ptr_null (report_approves (t, task, &one));
  ck_assert_int_eq (txn_commit (t), 0);
  good (engine_report_apply, &ann, id, json_pack ("{s:i, s:s}", "revision", 2, "reason", "They left"));
  json_decref (applies);
  json_decref (task);
  json_decref (hub);
}
END_TEST

/* Ann is of a directory that no longer names her. */
static struct leavers_told
ann_leaves (void)
{
  struct txn *t = store_write (f.store);
  json_t *doc = txn_doc_get (t, STORE_PERSON, &ann.person), *named = json_object ();
  struct leavers_told told;
  struct plan plan;
  json_t *people;

  json_set_text (doc, "source", "directory");
  txn_doc_put (t, STORE_PERSON, doc);
  plan_init (&plan);
  people = leavers_plan (t, named, /* rows= */ 1, /* fresh= */ 0, &plan);
  leavers_settle (t, &owner, &plan, people, &told);
  ck_assert_int_eq (txn_commit (t), 0);
  plan_done (&plan);
  json_decref (people);
  json_decref (doc);
  json_decref (named);
  return told;
}

START_TEST (test_a_hub_does_not_lose_its_last_owner_unasked)
{
  struct leavers_told told = ann_leaves ();
  json_t *report;

  ck_assert_uint_eq (told.removed, 0);
  ck_assert_uint_eq (told.held, 1);
  report = run (engine_report_show, &admin, told.report, NULL, NULL);
  ck_assert_ptr_nonnull (strstr (json_text (report, "reason"), "The hub A would lose its last owner"));
  json_decref (report);
  refused (engine_report_show, &ben, told.report, NULL, "not-permitted");
  refused (engine_report_apply, &ben, told.report, application (), "not-permitted");
  ck_assert_str_eq (listed (engine_report_list, &ben, "id"), "");
  ck_assert_str_eq (listed (engine_report_list, &admin, "id"), told.report);
  ben_gets (HUB_OWNER);
  told = ann_leaves ();
  ck_assert_uint_eq (told.removed, 1);
  ck_assert_uint_eq (told.held, 0);
}
END_TEST

static json_int_t
hubs_counted (const struct caller *c)
{
  json_t *status = run (engine_status, c, NULL, NULL, NULL);
  json_int_t n = json_integer_value (json_object_get (json_object_get (status, "hubs"), "total"));

  json_decref (status);
  return n;
}

static bool
doctor_names (const struct caller *c, const char *name)
{
  json_t *answer = run (engine_doctor, c, NULL, NULL, NULL), *check;
  bool found = false;
  size_t i;

  json_array_foreach (json_object_get (answer, "checks"), i, check)
    found = found || streq (json_text (check, "name"), name);
  json_decref (answer);
  return found;
}

START_TEST (test_state_is_that_of_ones_own_hubs)
{
  ck_assert_int_eq (hubs_counted (&ann), 1);
  ck_assert_int_eq (hubs_counted (&admin), 2);
  ck_assert_int_eq (hubs_counted (&guest), 0);
  ck_assert (doctor_names (&ann, "hub A"));
  ck_assert (!doctor_names (&ann, "hub B"));
  ck_assert (!doctor_names (&ann, "key"));
  ck_assert (doctor_names (&owner, "hub A") && doctor_names (&owner, "hub B") && doctor_names (&owner, "key"));
}
END_TEST

START_TEST (test_free_account_belongs_to_its_maker)
{
  good (engine_account_add, &ann, NULL, account ("Spare", "a secret of ann"));
  good (engine_account_show, &ann, "Spare", NULL);
  good (engine_account_show, &admin, "Spare", NULL);
  refused (engine_account_show, &ben, "Spare", NULL, "not-found");
  refused (engine_account_set, &ben, "Spare", json_pack ("{s:s}", "label", "Mine"), "not-found");
  refused (engine_account_remove, &ben, "Spare", NULL, "not-found");
  refused (engine_hub_set_account, &ben, "B", json_pack ("{s:s}", "account", "Spare"), "not-found");
  refused (engine_hub_connect, &ben, NULL, new_hub ("C", URL_MINE, json_string ("Spare")), "not-found");
  /* Labels of accounts are not unique: another's does not get in the way of one's own. */
  good (engine_account_add, &ben, NULL, account ("Spare", "a secret of ben"));
  good (engine_account_show, &ben, "Spare", NULL);
  good (engine_hub_set_account, &ann, "A", json_pack ("{s:s}", "account", "Spare"));
}
END_TEST

START_TEST (test_admin_cannot_send_anothers_secret_elsewhere)
{
  good (engine_account_add, &ann, NULL, account ("Spare", "a secret of ann"));
  refused (engine_hub_connect, &admin, NULL, new_hub ("C", URL_MINE, json_string ("Spare")), "validation-failed");
  ck_assert_str_eq (field, "account");
  refused (engine_hub_show, &admin, "C", NULL, "not-found");
  /* With a secret of their own they may; from then on it is not ann's. */
  good (engine_account_set, &admin, "Spare", json_pack ("{s:{s:s}}", "secrets", "token", "a secret of the admin"));
  refused (engine_hub_connect, &ann, NULL, new_hub ("C", URL_MINE, json_string ("Spare")), "validation-failed");
  good (engine_hub_connect, &admin, NULL, new_hub ("C", URL_MINE, json_string ("Spare")));
}
END_TEST

static const char *
hub_field (const char *hub, const char *key)
{
  static char text[256];
  json_t *shown = run (engine_hub_show, &owner, hub, NULL, NULL);

  (void) snprintf (text, sizeof text, "%s", json_text (json_object_get (shown, "fields"), key));
  json_decref (shown);
  return text;
}

static json_t *
fields (const char *key, const char *value)
{
  return json_pack ("{s:{s:s}}", "fields", key, value);
}

START_TEST (test_another_host_wants_the_secret_anew)
{
  json_t *body;

  refused (engine_hub_set, &ann, "A", fields ("base_url", URL_MINE), "validation-failed");
  ck_assert_str_eq (field, "base_url");
  refused (engine_hub_set, &ann, "A", fields ("base_url", "http://a.example.com/scim"), "validation-failed");
  refused (engine_hub_set, &ann, "A", fields ("base_url", "https://a.example.com:8443/scim"), "validation-failed");
  ck_assert_str_eq (hub_field ("A", "base_url"), URL_A);
  /* The same host under another path, and fields that make no address, are no such change. */
  good (engine_hub_set, &ann, "A", fields ("base_url", "https://a.example.com/other"));
  good (engine_hub_set, &ann, "A", fields ("leave", "delete"));
  body = fields ("base_url", URL_MINE);
  (void) json_object_set_new (body, "secrets", json_pack ("{s:s}", "token", "another token"));
  good (engine_hub_set, &ann, "A", body);
  ck_assert_str_eq (hub_field ("A", "base_url"), URL_MINE);
}
END_TEST

START_TEST (test_account_keeps_to_the_host_it_was_made_for)
{
  good (engine_account_add, &ann, NULL, account ("Spare", "a secret of ann"));
  good (engine_hub_set_account, &ann, "A", json_pack ("{s:s}", "account", "Spare"));
  /* "new", now free, was made for hub A. */
  refused (engine_hub_connect, &ann, NULL, new_hub ("C", URL_MINE, json_string ("new")), "validation-failed");
  ck_assert_str_eq (field, "account");
  good (engine_hub_set_account, &ann, "A", json_pack ("{s:s}", "account", "new"));
  good (engine_account_set, &ann, "Spare", json_pack ("{s:{s:s}}", "secrets", "token", "given anew"));
  good (engine_hub_connect, &ann, NULL, new_hub ("C", URL_MINE, json_string ("Spare")));
}
END_TEST

START_TEST (test_restored_hub_keeps_its_account)
{
  const struct usher_kv reason[] = { { "reason", "other" } };
  struct call c = { .caller = &ann, .path = { "A" }, .query = reason, .n_query = 1, .confirmed = true };
  struct refusal r = { 0 };
  json_t *answer = NULL;

  ck_assert_int_eq (engine_hub_remove (engine, &c, &answer, &r), 0);
  json_decref (answer);
  good (engine_hub_restore, &ann, "A", json_object ());
}
END_TEST

/* The sequences of all events that C sees in a stream, or in the list, with commas. */
static const char *
streamed (const struct caller *c)
{
  static char text[2048];
  struct caller here = *c;
  struct call call = { .caller = &here };
  struct refusal r = { 0 };
  struct event_stream *s;
  json_t *events, *event;
  uint64_t after = 0;
  size_t i, n = 0;

  here.kind = CALLER_SOCKET; /* there is no token behind it */
  text[0] = '\0';
  ck_assert_int_eq (engine_stream_open (engine, &call, &after, &s, &r), 0);
  while (engine_stream_read (s, 0, 256, &events) == 1)
    {
      json_array_foreach (events, i, event)
        n += (size_t) snprintf (text + n, sizeof text - n, "%s%lld", n ? "," : "", (long long) json_number (event, "seq", 0));
      json_decref (events);
    }
  engine_stream_close (s);
  return text;
}

static void
same_in_both (const struct caller *c)
{
  json_t *answer = run (engine_event_list, c, NULL, NULL, NULL), *items = json_object_get (answer, "items");
  char text[2048] = "";
  size_t i = json_array_size (items), n = 0;

  ck_assert (i > 0);
  while (i-- > 0)
    n += (size_t) snprintf (text + n, sizeof text - n, "%s%lld", n ? "," : "",
                            (long long) json_number (json_array_get (items, i), "seq", 0));
  json_decref (answer);
  ck_assert_str_eq (streamed (c), text);
}

START_TEST (test_a_stream_shows_what_the_list_does)
{
  same_in_both (&owner);
  same_in_both (&admin);
  same_in_both (&ann);
  same_in_both (&guest);
}
END_TEST

START_TEST (test_a_stream_ends_with_its_callers_rights)
{
  struct caller here = ben;
  struct call call = { .caller = &here };
  struct refusal r = { 0 };
  struct event_stream *s;
  json_t *events;

  here.kind = CALLER_SOCKET;
  ck_assert_int_eq (engine_stream_open (engine, &call, NULL, &s, &r), 0);
  ck_assert_int_eq (engine_stream_read (s, 0, 256, &events), 0);
  good (engine_person_remove, &owner, "ben@example.com", NULL);
  ck_assert_int_eq (engine_stream_read (s, 0, 256, &events), -ECANCELED);
  engine_stream_close (s);
}
END_TEST

static json_t *
share (const char *role, bool seat)
{
  return json_pack ("{s:s, s:s, s:b}", "email", "ben@example.com", "hub_role", role, "seat", (int) seat);
}

START_TEST (test_a_hub_that_nobody_owns_gets_an_owner)
{
  refused (engine_member_invite, &super, "A", share ("owner", false), "not-permitted");
  ck_assert (!doctor_names (&owner, "owner of A"));
  good (engine_person_remove, &owner, "ann@example.com", NULL);
  ck_assert (doctor_names (&owner, "owner of A") && !doctor_names (&owner, "owner of B"));
  /* Who may not, and what: nothing but the owner's role. */
  refused (engine_member_invite, &admin, "A", share ("owner", false), "not-permitted");
  refused (engine_member_invite, &ben, "A", share ("owner", false), "not-permitted");
  refused (engine_member_invite, &super, "A", share ("owner", true), "not-permitted");
  refused (engine_member_invite, &super, "A", share ("manager", false), "not-permitted");
  refused (engine_hub_set, &super, "A", fields ("leave", "delete"), "not-permitted");
  good (engine_member_invite, &super, "A", share ("owner", false));
  ck_assert (!doctor_names (&owner, "owner of A"));
  good (engine_hub_set, &ben, "A", fields ("leave", "delete"));
  /* Once. */
  refused (engine_member_invite, &super, "A", share ("owner", false), "not-permitted");
}
END_TEST

/* The directory says that ann's workspace role is ROLE. */
static void
ann_is (const char *role)
{
  char csv[96];
  struct call call = { .caller = &owner, .text = csv, .confirmed = true };
  struct refusal r = { 0 };
  json_t *answer = NULL;

  (void) snprintf (csv, sizeof csv, "email,workspace_role\nann@example.com,%s\n", role);
  call.text_len = strlen (csv);
  ck_assert_msg (engine_directory_import (engine, &call, &answer, &r) == 0, "%s", r.detail ? r.detail : "");
  json_decref (answer);
}

START_TEST (test_a_hub_that_nobody_owns_is_in_the_inbox)
{
  ck_assert_str_eq (listed (engine_issue_list, &owner, "code"), "");
  good (engine_person_remove, &owner, "ann@example.com", NULL);
  ck_assert_str_eq (listed (engine_issue_list, &owner, "code"), "no-owner");
  ck_assert_str_eq (listed (engine_issue_list, &owner, "kind"), "ownership");
  ck_assert_str_eq (listed (engine_issue_list, &owner, "group"), "hub-set-up");
  ck_assert_str_eq (listed (engine_issue_list, &owner, "hub_label"), "A");
  ck_assert_str_eq (listed (engine_issue_list, &ben, "code"), "");
  good (engine_member_invite, &super, "A", share ("owner", false));
  ck_assert_str_eq (listed (engine_issue_list, &owner, "code"), "");
  /* Who owns two hubs leaves two without. */
  good (engine_person_remove, &owner, "ben@example.com", NULL);
  ck_assert_str_eq (listed (engine_issue_list, &owner, "hub_label"), "B,A");
}
END_TEST

START_TEST (test_who_only_signs_in_owns_nothing)
{
  good (engine_hub_set, &ann, "A", fields ("leave", "delete"));
  ann_is ("login-only");
  refused (engine_hub_set, &ann, "A", fields ("leave", "strip"), "not-permitted");
  ck_assert_str_eq (listed (engine_hub_list, &ann, "label"), "A");
  ck_assert (doctor_names (&owner, "owner of A"));
  ck_assert_str_eq (listed (engine_issue_list, &owner, "code"), "no-owner");
  ann_is ("user");
  ck_assert (!doctor_names (&owner, "owner of A"));
  ck_assert_str_eq (listed (engine_issue_list, &owner, "code"), "");
  good (engine_hub_set, &ann, "A", fields ("leave", "strip"));
  /* Nobody loses an owner with a guest who goes. */
  ann_is ("guest");
  good (engine_member_invite, &super, "A", share ("owner", false));
  good (engine_person_remove, &owner, "ann@example.com", NULL);
  ck_assert_str_eq (listed (engine_issue_list, &owner, "code"), "");
}
END_TEST

START_TEST (test_who_was_matched_as_owner_owns)
{
  struct member m = { .link = { .id = id_new (), .status = MEMBER_UNMATCHED } };
  struct call call = { .caller = &ann, .path = { "A", NULL }, .body = json_pack ("{s:s, s:s}", "person",
                       "ben@example.com", "hub_role", "owner") };
  struct txn *t = store_write (f.store);
  json_t *doc = NULL, *answer = NULL;
  struct refusal r = { 0 };
  char id[ID_TEXT_SIZE];
  struct id hub;

  ck_assert_int_eq (find_hub (t, "A", false, &doc, &r), 0);
  ck_assert (json_id (doc, "id", &hub));
  json_decref (doc);
  txn_member_put (t, &hub, &m);
  ck_assert_int_eq (txn_commit (t), 0);
  id_format (&m.link.id, id);
  call.path[1] = id;
  ck_assert_int_eq (engine_member_match (engine, &call, &answer, &r), 0);
  ck_assert_str_eq (json_text (answer, "hub_role"), "owner");
  json_decref (answer);
  json_decref (call.body);
  good (engine_person_remove, &owner, "ann@example.com", NULL);
  ck_assert (!doctor_names (&owner, "owner of A"));
  refused (engine_member_invite, &super, "A", share ("owner", false), "not-permitted");
  good (engine_hub_set, &ben, "A", fields ("leave", "delete"));
}
END_TEST

START_TEST (test_tokens_are_ones_own)
{
  good (engine_token_create, &ann, NULL, json_pack ("{s:s}", "name", "mine"));
  ck_assert_str_eq (listed (engine_token_list, &ben, "name"), "");
  ck_assert_str_eq (listed (engine_token_list, &ann, "name"), "mine");
  ck_assert_str_eq (listed (engine_token_list, &admin, "name"), "mine");
  refused (engine_token_revoke, &ben, "mine", NULL, "not-found");
  good (engine_token_revoke, &ann, "mine", NULL);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_lists_show_what_is_ones_own);
  tcase_add_test (t, test_tasks_of_other_hubs_are_not_found);
  tcase_add_test (t, test_collaborators_see_the_card);
  tcase_add_test (t, test_only_owners_apply_a_report);
  tcase_add_test (t, test_managers_dismiss_a_report);
  tcase_add_test (t, test_a_report_approves_its_own_rows);
  tcase_add_test (t, test_a_hub_does_not_lose_its_last_owner_unasked);
  tcase_add_test (t, test_state_is_that_of_ones_own_hubs);
  tcase_add_test (t, test_free_account_belongs_to_its_maker);
  tcase_add_test (t, test_admin_cannot_send_anothers_secret_elsewhere);
  tcase_add_test (t, test_another_host_wants_the_secret_anew);
  tcase_add_test (t, test_account_keeps_to_the_host_it_was_made_for);
  tcase_add_test (t, test_restored_hub_keeps_its_account);
  tcase_add_test (t, test_a_stream_shows_what_the_list_does);
  tcase_add_test (t, test_a_stream_ends_with_its_callers_rights);
  tcase_add_test (t, test_a_hub_that_nobody_owns_gets_an_owner);
  tcase_add_test (t, test_a_hub_that_nobody_owns_is_in_the_inbox);
  tcase_add_test (t, test_who_only_signs_in_owns_nothing);
  tcase_add_test (t, test_who_was_matched_as_owner_owns);
  tcase_add_test (t, test_tokens_are_ones_own);
}

UNIT_MAIN ("sight", fill)
