/* A session of the real usher-worker and usher-net with a connector of the test
   (real-connector.c) and two servers on loopback: what each process knows, and what
   usherd makes of what both say. */
#include <config.h>

#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "child.h"
#include "host/common/row.h"
#include "host/session/session.h"
#include "host/session/supervisor.h"
#include "net-server.h"

#define VALUE "s3cret/\"value"
#define IDS_MAX 16u
#define SECTIONS_MAX 4u

static struct supervisor *supervisor;
static struct rate_table *rates;
static struct server app, other;
static char app_origin[64], other_origin[64];

/* What usherd was told. */
struct heard
{
  struct session_section sections[SECTIONS_MAX];   /* as they ended */
  char why[SECTIONS_MAX][256];
  size_t n_sections;
  char ids[IDS_MAX][16];
  size_t n_ids;
  char cursor;                   /* of the last checkpoint, 0 = there was none */
  unsigned int checkpoints;
  char fact[256];
  struct buf jar;
  unsigned int jars;
  int32_t evidence_status;
  char evidence[256];
  unsigned int kill_at;          /* checkpoint, from 1, at which the worker is killed */
  pid_t killed;
};

static int32_t
on_section (void *arg _unused_, uint32_t ordinal _unused_, uint32_t kind _unused_,
            const char *scope _unused_)
{
  return 0;
}

static int32_t
on_rows (void *arg, uint32_t ordinal _unused_, const void *rows, size_t len, size_t n _unused_)
{
  struct heard *h = arg;
  struct row_key key;
  size_t at, span;

  for (at = 0; at < len; at += span)
    {
      const char *row = (const char *) rows + at;

      ck_assert_int_eq (row_span (row, len - at, &span), 0);
      ck_assert_int_eq (row_key (row, span, &key), 0);
      ck_assert_uint_lt (h->n_ids, IDS_MAX);
      (void) snprintf (h->ids[h->n_ids++], sizeof h->ids[0], "%.*s", (int) key.len, key.id);
    }
  return 0;
}

static int32_t
on_section_end (void *arg, const struct session_section *section)
{
  struct heard *h = arg;

  ck_assert_uint_lt (h->n_sections, SECTIONS_MAX);
  h->sections[h->n_sections] = *section;
  (void) snprintf (h->why[h->n_sections], sizeof h->why[0], "%s", section->why ? section->why : "");
  h->n_sections++;
  return 0;
}

static int32_t
on_checkpoint (void *arg, const void *cursor, size_t len)
{
  struct heard *h = arg;

  ck_assert_uint_eq (len, 1);
  h->cursor = *(const char *) cursor;
  if (++h->checkpoints == h->kill_at)
    {
      h->killed = find_child (SUPERVISOR_WORKER);
      ck_assert_int_gt (h->killed, 0);
      ck_assert_int_eq (kill (h->killed, SIGKILL), 0);
    }
  return 0;
}

static int32_t
on_fact (void *arg, const char *key, const char *value)
{
  struct heard *h = arg;

  ck_assert_str_eq (key, "self.id");
  (void) snprintf (h->fact, sizeof h->fact, "%s", value);
  return 0;
}

static void
on_cookies (void *arg, const void *p, size_t len)
{
  struct heard *h = arg;

  h->jars++;
  buf_put (&h->jar, p, len);
}

static void
on_evidence (void *arg, int32_t status, const char *url, const void *body, size_t len)
{
  struct heard *h = arg;

  h->evidence_status = status;
  (void) snprintf (h->evidence, sizeof h->evidence, "%s %.*s", url, (int) len, (const char *) body);
}

static const struct session_events events = {
  .section = on_section, .rows = on_rows, .section_end = on_section_end,
  .checkpoint = on_checkpoint, .fact = on_fact, .cookies = on_cookies, .evidence = on_evidence,
};

static void
setup (void)
{
  struct supervisor_options options = { .libexec_dir = LIBEXEC };

  server_start (&app);
  server_start (&other);
  (void) snprintf (app_origin, sizeof app_origin, "http://127.0.0.1:%d", app.port);
  (void) snprintf (other_origin, sizeof other_origin, "http://127.0.0.1:%d", other.port);
  ck_assert_int_eq (supervisor_start (&options, &supervisor), 0);
  ck_assert_int_eq (rate_table_new (&rates), 0);
}

static void
teardown (void)
{
  rate_table_free (rates);
  supervisor_stop (supervisor);
  ck_assert_int_eq (waitpid (-1, NULL, WNOHANG), -1);
}

/* The token may go to the app; the connector may ask the other one as well. */
static struct session *
open_session (struct heard *end, const struct buf *jar)
{
  const char *const origins[] = { app_origin, other_origin, NULL };
  const char *const private_ok[] = { "127.0.0.0/8", NULL };
  const char *const token_origins[] = { app_origin, NULL };
  const struct session_secret token = { "token", VALUE, token_origins };
  const struct usher_kv conf[] = { { "app", app_origin }, { "other", other_origin } };
  const struct session_spec spec = {
    .name = "Acme", .connector_path = CONNECTOR, .app = "real", .run = "{}", .run_len = 2,
    .conf = conf, .n_conf = 2, .secrets = &token, .n_secrets = 1, .origins = origins,
    .private_ok = private_ok, .auth = "{\"default\":{\"bearer\":\"token\"},\"none\":{}}",
    .cookies = jar ? jar->data : NULL, .cookies_len = jar ? jar->len : 0, .keep_cookies = true,
    .rates = rates, .end_events = end ? &events : NULL, .end_arg = end,
  };
  struct session_outcome o;
  struct session *s = NULL;

  ck_assert_int_eq (session_open (supervisor, &spec, &s, &o), 0);
  session_outcome_done (&o);
  return s;
}

static int32_t
call (struct session *s, uint32_t op, const char *cursor, struct heard *h, struct session_outcome *o)
{
  const struct session_limits limits = { .time_max_ms = 20000 };
  const struct wire_call c = { .op = op, .kinds = UINT64_MAX,
                               .cursor = { cursor, cursor && *cursor ? 1 : 0 } };

  return session_call (s, &c, &limits, &events, h, NULL, o);
}

START_TEST (test_listing_is_witnessed_by_net_and_what_it_saw_fail_is_not)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s = open_session (NULL, NULL);

  ck_assert_msg (call (s, WIRE_OP_LIST, NULL, &h, &o) == USHER_DONE, "%s", o.text);
  ck_assert (!o.crashed && o.called);
  ck_assert_uint_eq (o.requests, 4);
  ck_assert_uint_eq (h.checkpoints, 3);
  ck_assert_uint_eq (h.n_ids, 6);
  ck_assert_str_eq (h.ids[5], "u5");
  ck_assert_uint_eq (h.n_sections, 2);
  /* The members: three pages that both saw. */
  ck_assert_msg (h.sections[0].witnessed, "%s", h.why[0]);
  ck_assert_uint_eq (h.sections[0].kind, USHER_S_MEMBERS);
  ck_assert_uint_eq (h.sections[0].verdict, USHER_COMPLETE);
  ck_assert_uint_eq (h.sections[0].requests, 3);
  ck_assert_uint_eq (h.sections[0].rows, 6);
  ck_assert_int_eq (h.sections[0].total, 6);
  /* The invitations: the connector says that there are none; net saw the error. */
  ck_assert_uint_eq (server_seen (&app, "/error"), 1);
  ck_assert (!h.sections[1].witnessed);
  ck_assert_uint_eq (h.sections[1].kind, USHER_S_INVITES);
  ck_assert_uint_eq (h.sections[1].verdict, USHER_COMPLETE);
  ck_assert_msg (strstr (h.why[1], "500") != NULL, "%s", h.why[1]);
  ck_assert_int_eq (h.evidence_status, 500);
  ck_assert_ptr_nonnull (strstr (h.evidence, "out of order"));
  session_outcome_done (&o);
  session_close (s);
}
END_TEST

START_TEST (test_secret_reaches_its_host_and_nobody_else)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s = open_session (NULL, NULL);

  ck_assert_int_eq (call (s, WIRE_OP_LOGIN, NULL, &h, &o), USHER_DONE);
  session_outcome_done (&o);
  ck_assert (server_last_has (&app, "Authorization: Bearer " VALUE "\r\n"));
  /* The connector has something else, and that is not sent to the other host in any form. */
  ck_assert_int_eq (call (s, WIRE_OP_CHECK, NULL, &h, &o), USHER_E_MISUSE);
  ck_assert_uint_eq (strlen (h.fact), 32);
  ck_assert_int_eq (strncmp (h.fact, "uS", 2), 0);
  ck_assert_uint_eq (server_connections (&other), 0);
  ck_assert_ptr_nonnull (o.text);
  ck_assert_ptr_nonnull (strstr (o.text, "token"));
  ck_assert_ptr_null (strstr (o.text, VALUE));
  session_outcome_done (&o);
  session_close (s);
}
END_TEST

START_TEST (test_cookies_of_a_session_are_told_at_its_end_and_serve_the_next)
{
  struct heard h = { 0 }, end = { .jar = BUF_INIT (65536) };
  struct session_outcome o;
  struct session *s = open_session (&end, NULL);

  ck_assert_int_eq (call (s, WIRE_OP_LOGIN, NULL, &h, &o), USHER_DONE);
  session_outcome_done (&o);
  ck_assert (!server_last_has (&app, "Cookie: "));
  ck_assert_uint_eq (h.jars + end.jars, 0);
  session_close (s);
  ck_assert_uint_eq (end.jars, 1);
  ck_assert_uint_gt (end.jar.len, 0);
  s = open_session (NULL, &end.jar);
  ck_assert_int_eq (call (s, WIRE_OP_LOGIN, NULL, &h, &o), USHER_DONE);
  session_outcome_done (&o);
  ck_assert (server_last_has (&app, "sid=s3ss10n"));
  session_close (s);
  buf_done (&end.jar);
}
END_TEST

START_TEST (test_listing_of_a_killed_worker_goes_on_in_another_session)
{
  struct heard h = { .kill_at = 2, .jar = BUF_INIT (65536) };
  struct session_outcome o;
  struct session *s = open_session (NULL, NULL);
  size_t i;

  ck_assert_int_eq (call (s, WIRE_OP_LIST, NULL, &h, &o), USHER_E_NOMEM);
  ck_assert_int_gt (h.killed, 0);
  ck_assert (o.crashed && o.called);
  ck_assert_str_eq (o.text, "the connector real ended by signal 9 (Killed) in list");
  ck_assert (!session_alive (s));
  ck_assert_uint_eq (h.n_sections, 0);
  ck_assert_int_eq (h.cursor, '2');
  session_outcome_done (&o);
  session_close (s);
  s = open_session (NULL, NULL);
  ck_assert_msg (call (s, WIRE_OP_LIST, &h.cursor, &h, &o) == USHER_DONE, "%s", o.text);
  session_outcome_done (&o);
  ck_assert_uint_eq (h.n_ids, 6);
  for (i = 0; i < h.n_ids; i++)
    ck_assert_int_eq (h.ids[i][1], (int) ('0' + i));
  ck_assert_uint_eq (server_seen (&app, "/page/0"), 1);
  ck_assert_uint_eq (server_seen (&app, "/page/1"), 1);
  ck_assert_uint_eq (server_seen (&app, "/page/2"), 1);
  ck_assert (h.sections[0].witnessed);
  session_close (s);
  buf_done (&h.jar);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_listing_is_witnessed_by_net_and_what_it_saw_fail_is_not);
  tcase_add_test (t, test_secret_reaches_its_host_and_nobody_else);
  tcase_add_test (t, test_cookies_of_a_session_are_told_at_its_end_and_serve_the_next);
  tcase_add_test (t, test_listing_of_a_killed_worker_goes_on_in_another_session);
}

UNIT_MAIN ("session-real", fill)
