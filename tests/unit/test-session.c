/* usherd's side of a session, against children that lie, flood, hang and die. */
#include <config.h>

#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "child.h"
#include "fake.h"
#include "host/common/clock.h"
#include "host/session/session.h"
#include "host/session/supervisor.h"

static const char *const names[] = { SUPERVISOR_WORKER, SUPERVISOR_NET, NULL };
static struct supervisor *supervisor;
static struct rate_table *rates;

/* What the caller of a session saw. */
struct heard
{
  unsigned int sections, ends, facts, logs, checkpoints, cookies, evidence;
  uint64_t rows;
  struct session_section section;      /* the last; its strings are in text */
  char why[256], text[512], log[2048], body[512], secret[64];
  char state[64];
  int32_t answer;                      /* of rows and checkpoint */
};

static int32_t
on_section (void *arg, uint32_t ordinal _unused_, uint32_t kind _unused_, const char *scope _unused_)
{
  struct heard *h = arg;

  h->sections++;
  return 0;
}

static int32_t
on_rows (void *arg, uint32_t ordinal _unused_, const void *rows _unused_, size_t len _unused_, size_t n)
{
  struct heard *h = arg;

  h->rows += n;
  return h->answer;
}

static int32_t
on_section_end (void *arg, const struct session_section *section)
{
  struct heard *h = arg;

  h->ends++;
  h->section = *section;
  snprintf (h->why, sizeof h->why, "%s", section->why ? section->why : "");
  return 0;
}

static int32_t
on_checkpoint (void *arg, const void *cursor _unused_, size_t len _unused_)
{
  struct heard *h = arg;

  h->checkpoints++;
  return h->answer;
}

static int32_t
on_fact (void *arg, const char *key _unused_, const char *value)
{
  struct heard *h = arg;

  h->facts++;
  snprintf (h->text, sizeof h->text, "%s", value);
  return 0;
}

static int32_t
on_state_get (void *arg, const char *key _unused_, struct buf *ret)
{
  struct heard *h = arg;

  buf_puts (ret, h->state);
  return 0;
}

static int32_t
on_state_put (void *arg, const char *key _unused_, const void *p, size_t len)
{
  struct heard *h = arg;

  snprintf (h->state, sizeof h->state, "%.*s", (int) len, (const char *) p);
  return 0;
}

static int32_t
on_secret_put (void *arg, const char *name _unused_, const char *value, int64_t expires_ms _unused_)
{
  struct heard *h = arg;

  snprintf (h->secret, sizeof h->secret, "%s", value);
  return 0;
}

static void
on_log (void *arg, uint32_t level _unused_, const char *text)
{
  struct heard *h = arg;

  h->logs++;
  snprintf (h->log, sizeof h->log, "%s", text);
}

static void
on_cookies (void *arg, const void *p _unused_, size_t len _unused_)
{
  struct heard *h = arg;

  h->cookies++;
}

static void
on_evidence (void *arg, int32_t status _unused_, const char *url _unused_, const void *body, size_t len)
{
  struct heard *h = arg;

  h->evidence++;
  snprintf (h->body, sizeof h->body, "%.*s", (int) len, (const char *) body);
}

static const struct session_events events = {
  .section = on_section, .rows = on_rows, .section_end = on_section_end, .checkpoint = on_checkpoint,
  .fact = on_fact, .state_get = on_state_get, .state_put = on_state_put, .secret_put = on_secret_put,
  .log = on_log, .cookies = on_cookies, .evidence = on_evidence,
};

static void
setup (void)
{
  struct supervisor_options options = { .libexec_dir = fake_dir };

  fake_setup (names);
  ck_assert_int_eq (supervisor_start (&options, &supervisor), 0);
  ck_assert_int_eq (rate_table_new (&rates), 0);
}

static void
teardown (void)
{
  rate_table_free (rates);
  supervisor_stop (supervisor);
  fake_teardown (names);
  ck_assert_int_eq (waitpid (-1, NULL, WNOHANG), -1);
}

#define SECRET "hunter2/\"long"

/* TOKENS: what keeps access tokens, with HEARD; NULL = nobody. */
static struct session *
open_with (const char *worker, const char *net, struct heard *end, const struct session_tokens *tokens,
           struct heard *heard)
{
  static const char *const origins[] = { "https://app.example.com:443", NULL };
  static const struct usher_kv conf[] = { { "account.username", "ada@corp.test" } };
  static const struct session_secret secrets[] = { { "token", SECRET, origins },
                                                   { "username", "ada@corp.test", origins } };
  struct session_spec spec = {
    .name = "Acme", .connector_path = "/usr/lib/usher/connectors/seat.so", .app = "scim",
    .run = worker, .run_len = strlen (worker), .auth = net, .origins = origins, .rates = rates,
    .secrets = secrets, .n_secrets = 2, .conf = conf, .n_conf = 1,
    .rate = "[{\"key\":\"app\",\"per\":[\"3/s\"]},{\"key\":\"free\"}]",
    .end_events = end ? &events : NULL, .end_arg = end, .tokens = tokens, .tokens_arg = heard,
  };
  struct session_outcome o;
  struct session *s = NULL;

  ck_assert_int_eq (session_open (supervisor, &spec, &s, &o), 0);
  ck_assert_int_eq (o.status, 0);
  session_outcome_done (&o);
  return s;
}

static struct session *
open_session (const char *worker, const char *net, struct heard *end)
{
  return open_with (worker, net, end, /* tokens= */ NULL, /* heard= */ NULL);
}

static int32_t
call (struct session *s, uint32_t op, int64_t time_max_ms, struct heard *h, struct session_outcome *o)
{
  struct session_limits limits = { .rows_max = 5000, .bytes_max = 4000000, .time_max_ms = time_max_ms };
  struct wire_call c = { .op = op };

  return session_call (s, &c, &limits, &events, h, NULL, o);
}

/* One session, one operation. */
static void
run (const char *worker, const char *net, uint32_t op, struct heard *h, struct session_outcome *o)
{
  struct session *s = open_session (worker, net, NULL);

  (void) call (s, op, 20000, h, o);
  session_close (s);
}

/* ---- Children that do what they should. */

START_TEST (test_listing_is_heard_and_witnessed)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nsection 100\nrows 3000\ncheckpoint page 2\nend 3000 2 1 3000\nfact 17\nlog hello\n"
       "section 200\nend 0 2 2\nstate kept\nresult 0 1", "tally 2", WIRE_OP_LIST, &h, &o);
  ck_assert_int_eq (o.status, USHER_DONE);
  ck_assert (!o.crashed && o.called);
  ck_assert_ptr_null (o.text);
  ck_assert_uint_eq (o.requests, 4);
  ck_assert_uint_eq (o.bytes, 2000);
  ck_assert (o.cpu_seconds >= 0);
  ck_assert_uint_eq (h.rows, 3000);
  ck_assert_uint_eq (h.sections, 2);
  ck_assert_uint_eq (h.ends, 2);
  ck_assert_uint_eq (h.checkpoints, 1);
  ck_assert_uint_eq (h.section.verdict, USHER_PARTIAL);
  ck_assert_int_eq (h.section.total, -1);
  ck_assert (h.section.witnessed);
  ck_assert_str_eq (h.text, "17");
  ck_assert_str_eq (h.log, "hello");
  ck_assert_str_eq (h.state, "kept");
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_session_serves_call_after_call)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s = open_session ("call\nresult 0\ncall\nsection 100\nrows 1\nend 1 1\nresult 0\n"
                                    "call\nrows 1\nresult 0\ncall\nresult 3\ncall\nresult 2",
                                    "tally 1", NULL);

  ck_assert_int_eq (call (s, WIRE_OP_LOGIN, 0, &h, &o), USHER_DONE);
  ck_assert_int_eq (call (s, WIRE_OP_LIST, 0, &h, &o), USHER_DONE);
  ck_assert_uint_eq (h.section.ordinal, 1);
  ck_assert_int_eq (call (s, WIRE_OP_READ, 0, &h, &o), USHER_DONE);
  ck_assert_int_eq (call (s, WIRE_OP_READ, 0, &h, &o), USHER_ABSENT);
  ck_assert_int_eq (call (s, WIRE_OP_INVITE, 0, &h, &o), USHER_INVITED);
  ck_assert (session_alive (s));
  session_close (s);
}
END_TEST

START_TEST (test_cookies_and_last_answer_are_told_at_the_end)
{
  struct heard h = { 0 }, end = { 0 };
  struct session_outcome o;
  struct session *s = open_session ("call\nresult 0", "cookies early\nwait", &end);

  ck_assert_int_eq (call (s, WIRE_OP_LOGIN, 0, &h, &o), USHER_DONE);
  session_close (s);
  ck_assert_uint_eq (h.cookies + end.cookies, 1);
}
END_TEST

/* ---- The judgement of sections. */

struct judged { const char *worker, *net; bool witnessed; const char *why; };

static const struct judged judgements[] = {
  { "call\nsection 100\nrows 2\nend 2 3\nresult 0", "tally 3", true, "" },
  { "call\nsection 100\nrows 2\nend 2 3\nresult 0", "tally 3 1", false, "HTTP 403 for a page" },
  { "call\nsection 100\nrows 2\nend 2 3\nresult 0", "tally 3 0 1", false, "not accepted" },
  { "call\nsection 100\nrows 2\nend 2 3\nresult 0", "tally 3 0 0 1", false, "not accepted" },
  { "call\nsection 100\nrows 2\nend 2 3\nresult 0", "tally 4", false, "different numbers" },
  { "call\nsection 100\nrows 2\nend 2 3\nresult 0", "tally 2", false, "different numbers" },
  { "call\nsection 100\nrows 2\nend 2 0\nresult 0", "tally 0", false, "not asked for its members" },
  { "call\nsection 300\nend 0 0\nresult 0", "tally 0", true, "" },
  { "call\nsection 100\nrows 2\nresult 0", "tally 1", false, "ended inside" },
  { "call\nsection 100\nrows 2\nresult -103", "tally 1", false, "ended inside" },
};

START_TEST (test_section_is_judged_by_both_words)
{
  const struct judged *j = &judgements[_i];
  struct heard h = { 0 };
  struct session_outcome o;

  run (j->worker, j->net, WIRE_OP_LIST, &h, &o);
  ck_assert_msg (!o.crashed, "%s", o.text);
  ck_assert_uint_eq (h.ends, 1);
  ck_assert_msg (h.section.witnessed == j->witnessed, "%s", h.why);
  ck_assert_msg (j->witnessed ? !*h.why : strstr (h.why, j->why) != NULL, "%s", h.why);
  session_outcome_done (&o);
}
END_TEST

/* ---- Children that break the frames. */

struct hostile { uint32_t op; const char *worker, *net; int32_t status; const char *text; };

static const struct hostile hostiles[] = {
  /* Out of place. */
  { WIRE_OP_LIST, "call\nrows 1\nresult 0", "", USHER_E_MISUSE, "ROWS in list: no section" },
  { WIRE_OP_LOGIN, "call\nrows 1\nresult 0", "", USHER_E_MISUSE, "ROWS in login" },
  { WIRE_OP_LIST, "call\nend 0 0\nresult 0", "", USHER_E_MISUSE, "SECTION_END in list: it is out of place" },
  { WIRE_OP_LIST, "call\nsection 100\nsection 100", "", USHER_E_MISUSE, "SECTION in list: it is out of place" },
  { WIRE_OP_READ, "call\nsection 100", "", USHER_E_MISUSE, "no sections" },
  { WIRE_OP_LIST, "call\nsection 150", "", USHER_E_MISUSE, "no such kind" },
  { WIRE_OP_LIST, "call\nsection 0", "", USHER_E_MISUSE, "no such kind" },
  { WIRE_OP_LIST, "call\nsection 100 1", "", USHER_E_MISUSE, "not the next" },
  { WIRE_OP_LIST, "call\nsection 100 -1", "", USHER_E_MISUSE, "not the next" },
  { WIRE_OP_LOGIN, "call\ncheckpoint x", "", USHER_E_MISUSE, "CHECKPOINT" },
  { WIRE_OP_READ, "call\ncheckpoint x", "", USHER_E_MISUSE, "CHECKPOINT" },
  { WIRE_OP_LIST, "call\nsection 100\nrows 2\nend 1 0", "", USHER_E_MISUSE, "not those that came" },
  { WIRE_OP_LIST, "call\nsection 100\nrows 2\nend 3 0", "", USHER_E_MISUSE, "not those that came" },
  { WIRE_OP_LIST, "call\nsection 100\nend 0 0 3", "", USHER_E_MISUSE, "verdict" },
  { WIRE_OP_LIST, "call\nsection 100\nend 0 0 1 -7", "", USHER_E_MISUSE, "verdict" },
  /* Not theirs to send. */
  { WIRE_OP_LIST, "call\ntold 1", "", USHER_E_MISUSE, "seat sent TALLY" },
  { WIRE_OP_LIST, "call\nask 0 1", "", USHER_E_MISUSE, "seat sent ASK" },
  { WIRE_OP_LIST, "call\nseen 0 200", "", USHER_E_MISUSE, "seat sent SEEN" },
  { WIRE_OP_LIST, "call\ncookies x", "", USHER_E_MISUSE, "seat sent COOKIES" },
  { WIRE_OP_LIST, "call\nevidence x", "", USHER_E_MISUSE, "seat sent EVIDENCE" },
  { WIRE_OP_LIST, "call\nraw 100", "", USHER_E_MISUSE, "seat sent START" },
  { WIRE_OP_LIST, "call\nraw 120", "", USHER_E_MISUSE, "seat sent REPLY" },
  { WIRE_OP_LIST, "call\nraw 140", "", USHER_E_MISUSE, "seat sent END" },
  { WIRE_OP_LIST, "call\nraw 400", "", USHER_E_MISUSE, "seat sent OPEN" },
  { WIRE_OP_LIST, "call\nraw 520", "", USHER_E_MISUSE, "seat sent DONE" },
  { WIRE_OP_LIST, "call\nhang", "result 0", USHER_E_MISUSE, "usher-net sent RESULT" },
  { WIRE_OP_LIST, "call\nhang", "fact x", USHER_E_MISUSE, "usher-net sent FACT" },
  { WIRE_OP_LIST, "call\nhang", "section 100", USHER_E_MISUSE, "usher-net sent SECTION" },
  { WIRE_OP_LIST, "call\nhang", "rows 1", USHER_E_MISUSE, "usher-net sent ROWS" },
  { WIRE_OP_LIST, "call\nhang", "checkpoints 1", USHER_E_MISUSE, "usher-net sent CHECKPOINT" },
  { WIRE_OP_LIST, "call\nhang", "told 1", USHER_E_MISUSE, "usher-net sent TALLY" },
  { WIRE_OP_LIST, "call\nsection 100\nend 0 0\nhang", "sleep 200\ntold 7", USHER_E_MISUSE, "usher-net sent TALLY" },
  { WIRE_OP_LIST, "call\nhang", "ask 9 1", USHER_E_MISUSE, "usher-net sent ASK" },
  { WIRE_OP_LIST, "call\nhang", "ask 0 0", USHER_E_MISUSE, "usher-net sent ASK" },
  { WIRE_OP_LIST, "call\nhang", "ask 0 65", USHER_E_MISUSE, "usher-net sent ASK" },
  { WIRE_OP_LIST, "call\nhang", "seen 0 200", USHER_E_MISUSE, "usher-net sent SEEN" },
  { WIRE_OP_LIST, "call\nhang", "ask 1 1\nseen 1 200\nseen 1 200", USHER_E_MISUSE, "usher-net sent SEEN" },
  { WIRE_OP_LIST, "call\nhang", "ask 1 1\nseen 1 429 -9223372036854775808", USHER_E_MISUSE, "no such time" },
  /* Broken. */
  { WIRE_OP_LIST, "call\nraw 9999", "", USHER_E_MISUSE, "no frame" },
  { WIRE_OP_LIST, "call\nbytes ffffffff2c01000000000000", "", USHER_E_MISUSE, "no frame" },
  { WIRE_OP_LIST, "call\nraw 300 00", "", USHER_E_MISUSE, "RESULT in list: it is broken" },
  { WIRE_OP_LIST, "call\nraw 300 0000000000000000ff", "", USHER_E_MISUSE, "no frame" },
  { WIRE_OP_LIST, "call\nraw 200 06000000020000fffe", "", USHER_E_MISUSE, "LOG in list: it is broken" },
  { WIRE_OP_LIST, "call\nsection 100\nraw 240", "", USHER_E_MISUSE, "ROWS in list: a row is broken" },
  { WIRE_OP_LIST, "call\nsection 100\nraw 240 01000000", "", USHER_E_MISUSE, "a row is broken" },
  { WIRE_OP_LIST, "call\nsection 100\nraw 240 ffffff7f01", "", USHER_E_MISUSE, "a row is broken" },
  { WIRE_OP_LIST, "call\nsection 100\nraw 240 0100000001", "", USHER_E_MISUSE, "a row is broken" },
  { WIRE_OP_LIST, "call\nbytes 0800\nexit 0", "", USHER_E_NOMEM, "ended with status 0" },
  /* Answers that cannot be. */
  { WIRE_OP_LIST, "call\nresult 1", "", USHER_E_MISUSE, "answered 1 to list" },
  { WIRE_OP_LIST, "call\nresult 3", "", USHER_E_MISUSE, "answered 3 to list" },
  { WIRE_OP_LOGIN, "call\nresult 1", "", USHER_E_MISUSE, "answered 1 to login" },
  { WIRE_OP_CHECK, "call\nresult 2", "", USHER_E_MISUSE, "answered 2 to check" },
  { WIRE_OP_READ, "call\nresult 0", "", USHER_E_MISUSE, "answered 0 to read: there was no row" },
  { WIRE_OP_READ, "call\nresult 2", "", USHER_E_MISUSE, "answered 2 to read" },
  { WIRE_OP_REMOVE, "call\nresult 2", "", USHER_E_MISUSE, "answered 2 to remove" },
  { WIRE_OP_SET_ROLE, "call\nresult 3", "", USHER_E_MISUSE, "answered 3 to set-role" },
  { WIRE_OP_INVITE, "call\nresult 4", "", USHER_E_MISUSE, "answered 4 to invite" },
  { WIRE_OP_INVITE, "call\nresult 2147483647", "", USHER_E_MISUSE, "answered" },
  { WIRE_OP_INVITE, "call\nresult -5", "", USHER_E_MISUSE, "no such status" },
  { WIRE_OP_INVITE, "call\nresult -2147483648", "", USHER_E_MISUSE, "no such status" },
  { WIRE_OP_INVITE, "call\nresult -203", "", USHER_E_MISUSE, "until when" },
  { WIRE_OP_INVITE, "call\nfault -203 0\nresult -203", "", USHER_E_MISUSE, "until when" },
  /* Ends. */
  { WIRE_OP_LIST, "call\nexit 3", "", USHER_E_NOMEM, "the connector seat ended with status 3 in list" },
  { WIRE_OP_LIST, "exit 0", "", USHER_E_NOMEM, "the connector seat ended with status 0 in list" },
  { WIRE_OP_LIST, "call\nsection 100\nrows 5\nexit 3", "", USHER_E_NOMEM, "status 3 in list" },
  { WIRE_OP_LIST, "call\nsignal 9", "", USHER_E_NOMEM, "the connector seat ended by signal 9 (Killed) in list" },
  { WIRE_OP_INVITE, "call\nhang", "sleep 100\nexit 4", USHER_E_NOMEM, "usher-net ended with status 4 in invite" },
  { WIRE_OP_INVITE, "call\nhang", "sleep 100\nsignal 15", USHER_E_NOMEM, "usher-net ended by signal 15 (Terminated) in invite" },
  { WIRE_OP_LIST, "call\nsection 100\nend 0 0\nhang", "sleep 200\nexit 4", USHER_E_NOMEM, "usher-net ended" },
  { WIRE_OP_LIST, "call\nclose", "", USHER_E_MISUSE, "closed its channel in list and did not end" },
  /* The sibling's good end is not blamed. */
  { WIRE_OP_LIST, "call\nwait\nresult 0", "sleep 100\nexit 4", USHER_E_NOMEM, "usher-net ended with status 4" },
  /* Its sibling's end is its own fault. */
  { WIRE_OP_LIST, "call\nhang", "sleep 100\nexit 76", USHER_E_MISUSE, "the connector seat sent usher-net what it must not in list" },
  /* Says what nobody needs. */
  { WIRE_OP_LIST, "call\nlogs 10001\nhang", "", USHER_E_MISUSE, "no end to it" },
  /* Asks and does not read. */
  { WIRE_OP_LIST, "call\ncheckpoints 1000000\nhang", "", USHER_E_MISUSE, "does not read" },
};

START_TEST (test_hostile_child_ends_its_session)
{
  const struct hostile *c = &hostiles[_i];
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s = open_session (c->worker, c->net, NULL);

  ck_assert_int_lt (call (s, c->op, 20000, &h, &o), 0);
  ck_assert_msg (o.status == c->status, "%d %s", o.status, o.text);
  ck_assert (o.crashed);
  ck_assert_msg (strstr (o.text, c->text) != NULL, "%s", o.text);
  session_outcome_done (&o);
  ck_assert (!session_alive (s));
  /* And it stays ended. */
  ck_assert_int_eq (call (s, c->op, 20000, &h, &o), c->status);
  ck_assert (o.crashed);
  session_outcome_done (&o);
  session_close (s);
}
END_TEST

START_TEST (test_cut_frame_never_answers)
{
  static const char whole[] = "080000002c010000000000000000000000000000";
  size_t n;

  for (n = 0; n < sizeof whole - 1; n += 2)
    {
      char script[128];
      struct heard h = { 0 };
      struct session_outcome o;

      snprintf (script, sizeof script, "call\nbytes %.*s\nexit 0", (int) n, whole);
      run (script, "", WIRE_OP_LIST, &h, &o);
      ck_assert_int_eq (o.status, USHER_E_NOMEM);
      session_outcome_done (&o);
    }
}
END_TEST

START_TEST (test_segfault_is_named)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nsignal 11", "", WIRE_OP_LIST, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_NOMEM);
  ck_assert (o.crashed);
#ifndef USHER_SANITIZERS
  ck_assert_str_eq (o.text, "the connector seat ended by signal 11 (Segmentation fault) in list");
#endif
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_write_whose_worker_is_lost_counts_as_called)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nexit 1", "", WIRE_OP_REMOVE, &h, &o);
  ck_assert (o.crashed && o.called);
  session_outcome_done (&o);
  run ("call\nresult -103 0", "", WIRE_OP_REMOVE, &h, &o);
  ck_assert (!o.crashed && !o.called);
}
END_TEST

/* ---- Floods. */

START_TEST (test_too_many_rows_are_a_limit_not_a_crash)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nsection 100\nrows 6000\ncancel\nresult -1002", "", WIRE_OP_LIST, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_LIMIT);
  ck_assert (!o.crashed);
  ck_assert_ptr_nonnull (strstr (o.text, "5000 rows"));
  ck_assert_uint_le (h.rows, 5000);
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_flood_of_sections_is_a_limit)
{
  struct buf script = BUF_INIT (1024 * 1024);
  struct heard h = { 0 };
  struct session_outcome o;
  int i;

  buf_puts (&script, "call\n");
  for (i = 0; i < 10001; i++)
    buf_puts (&script, "section 300\nend 0 0\n");
  buf_puts (&script, "result -1002");
  run (script.data, "", WIRE_OP_LIST, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_LIMIT);
  ck_assert_uint_eq (h.sections, 10000);
  session_outcome_done (&o);
  buf_done (&script);
}
END_TEST

START_TEST (test_flood_of_facts_is_a_limit)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nfact 2000\nresult 0", "", WIRE_OP_CHECK, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_LIMIT);
  ck_assert_uint_eq (h.facts, 1000);
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_log_lines_above_200_are_dropped)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nlogs 10000\nresult 0", "logs 300", WIRE_OP_CHECK, &h, &o);
  ck_assert_int_eq (o.status, USHER_DONE);
  ck_assert_uint_eq (h.logs, 200);
}
END_TEST

/* ---- Time and cancel. */

#ifdef USHER_TEST_HOOKS
START_TEST (test_silent_worker_is_ended_long_before_its_time)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s = open_session ("call\ncancel\nresult -1002\ncall\nresult 0", "", NULL);

  ck_assert_int_eq (setenv ("USHER_TEST_SILENCE_MS", "200", 1), 0);
  ck_assert_int_eq (call (s, WIRE_OP_LIST, 20000, &h, &o), USHER_E_TIMEOUT);
  ck_assert_ptr_nonnull (strstr (o.text, "nothing was heard of list"));
  session_outcome_done (&o);
  ck_assert_int_eq (unsetenv ("USHER_TEST_SILENCE_MS"), 0);
  ck_assert_int_eq (call (s, WIRE_OP_LIST, 20000, &h, &o), USHER_DONE);
  session_close (s);
}
END_TEST
#endif

START_TEST (test_slow_worker_is_cancelled_and_lives)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s = open_session ("call\ncancel\nresult -1002\ncall\nresult 0", "", NULL);

  ck_assert_int_eq (call (s, WIRE_OP_LIST, 200, &h, &o), USHER_E_TIMEOUT);
  ck_assert (!o.crashed);
  ck_assert_ptr_nonnull (strstr (o.text, "list took longer"));
  session_outcome_done (&o);
  ck_assert (session_alive (s));
  ck_assert_int_eq (call (s, WIRE_OP_LIST, 20000, &h, &o), USHER_DONE);
  session_close (s);
}
END_TEST

START_TEST (test_hanging_worker_is_killed_after_the_grace)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s = open_session ("call\nhang", "", NULL);
  int64_t before = clock_mono_ms ();

  ck_assert_int_eq (call (s, WIRE_OP_LIST, 200, &h, &o), USHER_E_TIMEOUT);
  ck_assert (o.crashed);
  ck_assert_ptr_nonnull (strstr (o.text, "the connector seat did not answer a cancel of list and was killed"));
  ck_assert_int_ge (clock_mono_ms () - before, 10000);
  session_outcome_done (&o);
  session_close (s);
}
END_TEST

struct canceller { struct session *s; bool flag; };

static void *
cancel_soon (void *arg)
{
  struct canceller *c = arg;

  usleep (200000);
  __atomic_store_n (&c->flag, true, __ATOMIC_RELAXED);
  session_wake (c->s);
  return NULL;
}

START_TEST (test_cancel_from_another_thread)
{
  struct canceller c = { open_session ("call\ncancel\nresult -1002", "", NULL), false };
  struct wire_call list = { .op = WIRE_OP_LIST };
  struct heard h = { 0 };
  struct session_outcome o;
  pthread_t thread;

  ck_assert_int_eq (pthread_create (&thread, NULL, cancel_soon, &c), 0);
  ck_assert_int_eq (session_call (c.s, &list, NULL, &events, &h, &c.flag, &o), USHER_E_CANCELLED);
  ck_assert (!o.crashed);
  pthread_join (thread, NULL);
  session_outcome_done (&o);
  session_close (c.s);
}
END_TEST

START_TEST (test_what_was_done_before_the_cancel_is_done)
{
  struct canceller c = { open_session ("call\ncancel\nresult 0 1", "", NULL), true };
  struct wire_call invite = { .op = WIRE_OP_INVITE };
  struct heard h = { 0 };
  struct session_outcome o;

  ck_assert_int_eq (session_call (c.s, &invite, NULL, &events, &h, &c.flag, &o), USHER_DONE);
  session_close (c.s);
}
END_TEST

START_TEST (test_wait_for_a_permit_does_not_count)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s;
  int64_t before = clock_mono_ms (), wait;
  struct rate_rule rule = { .per = { { 3, 1000 } } };

  /* Nothing is left for this second. */
  ck_assert_uint_eq (rate_ask (rates, "app", &rule, 3, &wait), 3);
  s = open_session ("call\nwait\nresult 0", "asked 0\ngo", NULL);
  ck_assert_int_eq (call (s, WIRE_OP_LIST, 500, &h, &o), USHER_DONE);
  ck_assert_int_ge (clock_mono_ms () - before, 800);
  session_close (s);
  /* The permit that it held at its end came back. */
  ck_assert_uint_eq (rate_ask (rates, "free", &(struct rate_rule) { .in_flight = 1 }, 1, &wait), 1);
}
END_TEST

START_TEST (test_permits_come_back_with_the_session)
{
  struct rate_rule free_rule = { .in_flight = 0 };
  struct heard h = { 0 };
  struct session_outcome o;
  int64_t wait;

  run ("call\nwait\nresult 0", "ask 1 64\nask 1 64\ngo", WIRE_OP_LIST, &h, &o);
  ck_assert_int_eq (o.status, USHER_DONE);
  /* All but what is lent: 1,024 may be in flight where no rule limits it. */
  ck_assert_uint_eq (rate_ask (rates, "free", &free_rule, 2000, &wait), 1024);
}
END_TEST

/* ---- What the caller answers. */

START_TEST (test_caller_can_end_the_operation)
{
  struct heard h = { .answer = USHER_E_LIMIT };
  struct session_outcome o;

  run ("call\nsection 100\nrows 10\ncancel\nresult 0", "", WIRE_OP_LIST, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_LIMIT);
  ck_assert (!o.crashed);
  ck_assert_uint_eq (h.rows, 10);
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_message_that_nobody_wants_is_misuse)
{
  struct session_events none = { 0 };
  static const struct { uint32_t op; const char *script; } scripts[] = {
    { WIRE_OP_LIST, "call\nsection 100" }, { WIRE_OP_INVITE, "call\nrows 1" }, { WIRE_OP_LIST, "call\nfact 1" },
    { WIRE_OP_LIST, "call\ncheckpoint x" }, { WIRE_OP_LIST, "call\nstate x" }, { WIRE_OP_LIST, "call\nsecret x" },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (scripts); i++)
    {
      struct session *s = open_session (scripts[i].script, "", NULL);
      struct wire_call c = { .op = scripts[i].op };
      struct session_outcome o;

      ck_assert_int_eq (session_call (s, &c, NULL, &none, NULL, NULL, &o), USHER_E_MISUSE);
      ck_assert (o.crashed);
      session_outcome_done (&o);
      session_close (s);
    }
}
END_TEST

/* ---- Secrets. */

START_TEST (test_texts_are_free_of_secrets)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nlog token " SECRET " of ada@corp.test\nfact x" SECRET "y\nfault -302 it is " SECRET "\nresult -302",
       "", WIRE_OP_CHECK, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_PASSWORD);
  ck_assert_str_eq (h.log, "token [token] of ada@corp.test");
  ck_assert_str_eq (h.text, "x[token]y");
  ck_assert_str_eq (o.text, "-302 it is [token]");
  ck_assert_str_eq (o.field, "field");
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_evidence_is_free_of_secrets)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nwait\nresult 0", "sleep 100\nevidence <b>" SECRET "</b>\ngo", WIRE_OP_CHECK, &h, &o);
  ck_assert_uint_eq (h.evidence, 1);
  ck_assert_str_eq (h.body, "<b>[token]</b>");
}
END_TEST

START_TEST (test_rows_with_a_secret_end_the_operation)
{
  static const char *const leaks[] = {
    "section 100\nrow x" SECRET "y",
    "section 100\nrow next=hunter2%2F%22long",
    "section 100\nrow hunter2\\/\\\"long",
    "section 100\nrow dXNlcjpodW50ZXIyLyJsb25n",
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (leaks); i++)
    {
      struct heard h = { 0 };
      struct session_outcome o;
      char script[256];

      snprintf (script, sizeof script, "call\n%s\nend 1 1\nresult 0", leaks[i]);
      run (script, "tally 1", WIRE_OP_LIST, &h, &o);
      ck_assert_int_eq (o.status, USHER_E_SHAPE);
      ck_assert_msg (!o.crashed, "%s", o.text);
      ck_assert_ptr_nonnull (strstr (o.text, "sent a secret of the account back in a row"));
      ck_assert_uint_eq (h.rows, 0);
      session_outcome_done (&o);
    }
}
END_TEST

START_TEST (test_checkpoint_with_a_secret_is_refused)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nsection 100\ncheckpoint-refused next=" SECRET "\n"
       "checkpoint-refused next=hunter2%2f%22long\n"
       "checkpoint-refused {\"n\":\"hunter2\\/\\\"long\"}\n"
       "checkpoint-refused {\"n\":\"hunter2%2F\\u0022long\"}\n"
       "checkpoint-refused dXNlcjpodW50ZXIyLyJsb25n\n"
       "checkpoint after=ada@corp.test\nend 0 1\nresult 0", "tally 1", WIRE_OP_LIST, &h, &o);
  ck_assert_msg (o.status == USHER_DONE, "%s", o.text);
  ck_assert_uint_eq (h.checkpoints, 1);
}
END_TEST

START_TEST (test_new_secret_is_kept_and_searched_for)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\nsecret fresh-token\nlog fresh-token\ncheckpoint-refused fresh-token\nresult 0", "", WIRE_OP_INVITE, &h, &o);
  ck_assert_msg (o.status == USHER_DONE, "%s", o.text);
  ck_assert_str_eq (h.secret, "fresh-token");
  ck_assert_str_eq (h.log, "[token]");
}
END_TEST

/* Whoever replaces a secret, its values so far stay out of every text. */
START_TEST (test_replaced_secret_is_still_searched_for)
{
  struct heard h = { 0 };
  struct session_outcome o;
  char script[4096] = "call\n";
  int i;

  for (i = 0; i < 200; i++)
    (void) snprintf (script + strlen (script), sizeof script - strlen (script), "secret fresh-%03d\n", i);
  (void) snprintf (script + strlen (script), sizeof script - strlen (script),
                   "checkpoint-refused " SECRET "\nlog fresh-000 " SECRET " fresh-199\nresult 0");
  run (script, "", WIRE_OP_INVITE, &h, &o);
  ck_assert_msg (o.status == USHER_DONE, "%s", o.text);
  ck_assert_str_eq (h.secret, "fresh-199");
  ck_assert_str_eq (h.log, "[token] [token] [token]");
}
END_TEST

/* ---- Access tokens. */

static void
no_tokens (void *arg _unused_, uint64_t serial _unused_, bool tries _unused_, struct session_token *ret)
{
  ret->wait_ms = 1;
}

static void
tokens_done (void *arg _unused_)
{
}

static void
lend (void *arg _unused_, uint64_t serial _unused_, bool tries _unused_, struct session_token *ret)
{
  ret->renew = true;
  ck_assert_int_eq (secret_set (&ret->refresh, "refresh-1", 9), 0);
}

static void
keep (void *arg, const struct wire_token_got *got, struct session_token *ret)
{
  struct heard *h = arg;

  snprintf (h->secret, sizeof h->secret, "%s", got->refresh);
  ret->status = USHER_E_CANCELLED;
}

static const struct session_tokens lender = { .ask = lend, .got = keep, .done = tokens_done };

/* Whatever the connector has filled usherd's table with. */
START_TEST (test_a_full_table_of_secrets_loses_no_refresh_token)
{
  struct heard h = { 0 };
  struct session_outcome o;
  char script[4096] = "call\n";
  struct session *s;
  int i;

  for (i = 0; i < 200; i++)
    (void) snprintf (script + strlen (script), sizeof script - strlen (script), "secret fresh-%03d\n", i);
  (void) snprintf (script + strlen (script), sizeof script - strlen (script), "go\nwait\nresult 0");
  s = open_with (script, "wait\ntoken-ask\ntoken-got refresh-2\ngo", NULL, &lender, &h);
  (void) call (s, WIRE_OP_INVITE, 20000, &h, &o);
  session_close (s);
  ck_assert_msg (o.status == USHER_DONE, "%s", o.text);
  ck_assert_str_eq (h.secret, "refresh-2");
}
END_TEST

#ifdef USHER_TEST_HOOKS
START_TEST (test_what_cannot_be_hidden_is_kept_and_ends_the_session)
{
  struct heard h = { 0 };
  struct session_outcome o;
  struct session *s;

  /* Three for what was lent, the fourth for what was got. */
  ck_assert_int_eq (setenv ("USHER_FAIL_POINTS", "token-hide=fail:4", 1), 0);
  s = open_with ("call\ngo\nwait\nresult 0", "wait\ntoken-ask\ntoken-got refresh-2\nhang", NULL, &lender, &h);
  (void) call (s, WIRE_OP_INVITE, 20000, &h, &o);
  /* Waits for no end of a renewal that is over: this net would never tell one. */
  session_close (s);
  ck_assert_str_eq (h.secret, "refresh-2");
  ck_assert_int_eq (o.status, USHER_E_NOMEM);
  ck_assert_ptr_nonnull (strstr (o.text, "TOKEN_GOT"));
  session_outcome_done (&o);
}
END_TEST
#endif

START_TEST (test_no_connector_replaces_what_a_token_is_got_with)
{
  static const struct session_tokens tokens = { .ask = no_tokens, .done = tokens_done };
  static const char script[] = "call\nsecret-refused access_token\nsecret-refused refresh_token\n"
                               "secret-refused client_id\nsecret-refused client_secret\n%sresult 0";
  struct heard h = { 0 };
  struct session_outcome o;
  char own[256], others[256];
  struct session *s;

  (void) snprintf (own, sizeof own, script, "secret fresh\n");
  s = open_with (own, "", NULL, &tokens, &h);
  (void) call (s, WIRE_OP_INVITE, 20000, &h, &o);
  session_close (s);
  ck_assert_msg (o.status == USHER_DONE, "%s", o.text);
  ck_assert_str_eq (h.secret, "fresh");
  /* Where nobody renews them they are secrets as any other. */
  (void) snprintf (others, sizeof others, script, "");
  run (others, "", WIRE_OP_INVITE, &h, &o);
  ck_assert_str_eq (h.secret, "a new value");
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_later_says_until_when)
{
  struct heard h = { 0 };
  struct session_outcome o;

  run ("call\ncheckpoint step 2\nfault -203 1700000000000\nresult -203 1", "", WIRE_OP_INVITE, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_LATER);
  ck_assert_int_eq (o.until_ms, 1700000000000);
  ck_assert (o.called && !o.crashed);
  session_outcome_done (&o);
  /* A fault of another class is not of this failure. */
  run ("call\nfault -701\nresult -103 1", "", WIRE_OP_INVITE, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_APP_DOWN);
  ck_assert_ptr_null (o.text);
}
END_TEST

static int64_t
closed_for (const char *key)
{
  struct rate_state s;

  return rate_look (rates, key, &s) && s.closed_until_ms ? s.closed_until_ms - clock_now_ms () : 0;
}

/* One that asks nothing of net but tells of a limit, in FAULT. */
static void
run_limit (const char *fault, int32_t status, struct session_outcome *o)
{
  struct heard h = { 0 };
  char script[128];

  (void) snprintf (script, sizeof script, "call\n%s\nresult %d 1", fault, (int) status);
  run (script, "", WIRE_OP_LIST, &h, o);
  ck_assert_int_eq (o->status, status);
}

START_TEST (test_a_limit_that_only_the_connector_knows_is_everybodys)
{
  struct session_outcome o;
  char fault[64];

  (void) snprintf (fault, sizeof fault, "fault -201 %lld", (long long) clock_now_ms () + 300000);
  run_limit (fault, USHER_E_RATE, &o);
  session_outcome_done (&o);
  ck_assert_int_gt (closed_for ("app"), 290000);
  ck_assert_int_gt (closed_for ("free"), 290000);
}
END_TEST

START_TEST (test_a_limit_without_a_time_gets_one)
{
  struct session_outcome o;

  run_limit ("log info too many", USHER_E_RATE, &o);
  ck_assert_int_le (closed_for ("app"), 60000);
  ck_assert_int_gt (closed_for ("app"), 50000);
  ck_assert_int_gt (o.until_ms, clock_now_ms () + 50000);
  session_outcome_done (&o);
  run_limit ("log info quota", USHER_E_QUOTA, &o);
  ck_assert_int_gt (closed_for ("app"), 3500000);
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_a_limit_beyond_a_day_is_bounded_and_says_so)
{
  struct session_outcome o;

  run_limit ("fault -202 253402300799000", USHER_E_QUOTA, &o);
  ck_assert_int_le (o.until_ms, clock_now_ms () + RATE_WAIT_MAX_MS);
  ck_assert_int_gt (o.until_ms, clock_now_ms () + RATE_WAIT_MAX_MS - 60000);
  ck_assert_ptr_nonnull (strstr (o.text, "after 25 hours: -202"));
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_later_is_bounded_and_closes_nothing)
{
  struct session_outcome o;

  run_limit ("fault -203 253402300799000", USHER_E_LATER, &o);
  ck_assert_int_le (o.until_ms, clock_now_ms () + RATE_WAIT_MAX_MS);
  ck_assert_int_eq (closed_for ("app"), 0);
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_a_limit_of_one_key_closes_no_other)
{
  struct heard h = { 0 };
  struct session_outcome o;
  char net[128], worker[128];
  long long until = (long long) clock_now_ms () + 300000;

  (void) snprintf (net, sizeof net, "sleep 100\nask 0 1\nseen 0 -201 %lld\ngo", until);
  (void) snprintf (worker, sizeof worker, "call\nwait\nfault -201 %lld\nresult -201 1", until);
  run (worker, net, WIRE_OP_LIST, &h, &o);
  ck_assert_int_eq (o.status, USHER_E_RATE);
  ck_assert_int_gt (closed_for ("app"), 290000);
  ck_assert_int_eq (closed_for ("free"), 0);
  session_outcome_done (&o);
}
END_TEST

/* ---- Opening, closing, keeping. */

START_TEST (test_missing_program_is_named)
{
  struct session_spec spec = { .name = "Acme", .connector_path = "x.so", .app = "x", .rates = rates };
  struct session_outcome o;
  struct session *s = NULL;
  char path[128];

  snprintf (path, sizeof path, "%s/%s", fake_dir, SUPERVISOR_NET);
  ck_assert_int_eq (unlink (path), 0);
  ck_assert_int_eq (session_open (supervisor, &spec, &s, &o), -ENOENT);
  ck_assert_ptr_null (s);
  ck_assert_str_eq (o.text, "usher-net cannot be started: No such file or directory");
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_wrong_rate_rules_are_a_setting)
{
  struct session_spec spec = { .name = "Acme", .connector_path = "x.so", .app = "x", .rates = rates, .rate = "{" };
  struct session_outcome o;
  struct session *s = NULL;

  ck_assert_int_eq (session_open (supervisor, &spec, &s, &o), -EINVAL);
  ck_assert_int_eq (o.status, USHER_E_CONFIG);
  session_outcome_done (&o);
}
END_TEST

START_TEST (test_200_sessions_leave_no_descriptor_and_no_process)
{
  int before = fake_count_fds (), i;

  for (i = 0; i < 200; i++)
    {
      struct heard h = { 0 };
      struct session_outcome o;

      run (i % 2 ? "call\nresult 0" : "call\nexit 1", "", WIRE_OP_CHECK, &h, &o);
      session_outcome_done (&o);
    }
  ck_assert_int_eq (fake_count_fds (), before);
}
END_TEST

START_TEST (test_pool_keeps_one_live_session_a_key)
{
  struct session_pool *p;
  struct session *a = open_session ("call\nresult 0", "", NULL), *b = open_session ("call\nresult 0", "", NULL);
  struct session *dead = open_session ("exit 1", "", NULL);
  struct heard h = { 0 };
  struct session_outcome o;

  ck_assert_int_eq (session_pool_new (60000, &p), 0);
  ck_assert_ptr_null (session_pool_take (p, "hub/1"));
  session_pool_give (p, "hub/1", a);
  ck_assert_ptr_null (session_pool_take (p, "hub/2"));
  ck_assert_ptr_eq (session_pool_take (p, "hub/1"), a);
  ck_assert_ptr_null (session_pool_take (p, "hub/1"));
  session_pool_give (p, "hub/1", a);
  session_pool_give (p, "hub/1", b);
  ck_assert_ptr_eq (session_pool_take (p, "hub/1"), b);
  (void) call (dead, WIRE_OP_CHECK, 0, &h, &o);
  session_outcome_done (&o);
  session_pool_give (p, "hub/3", dead);
  ck_assert_ptr_null (session_pool_take (p, "hub/3"));
  session_pool_give (p, "hub/1", b);
  session_pool_drop (p, "hub/");
  ck_assert_ptr_null (session_pool_take (p, "hub/1"));
  ck_assert_int_eq (session_pool_sweep (p), -1);
  session_pool_free (p);
}
END_TEST

START_TEST (test_pool_sweeps_what_idled_too_long)
{
  struct session_pool *p;
  int64_t due;

  ck_assert_int_eq (session_pool_new (2000, &p), 0);
  session_pool_give (p, "a", open_session ("call", "", NULL));
  due = session_pool_sweep (p);
  ck_assert (due > 0 && due <= 2000);
  usleep ((useconds_t) due * 1000 + 20000);
  ck_assert_int_eq (session_pool_sweep (p), -1);
  ck_assert_ptr_null (session_pool_take (p, "a"));
  session_pool_give (p, "b", open_session ("call", "", NULL));
  session_pool_free (p);
}
END_TEST

/* ---- What the log says of a child that ended after the last answer. */

static int log_pipe[2];

static void
catch_log (void)
{
  ck_assert_int_eq (pipe2 (log_pipe, O_CLOEXEC | O_NONBLOCK), 0);
  ck_assert_int_eq (dup2 (log_pipe[1], STDERR_FILENO), STDERR_FILENO);
}

/* Everything since then, up to SIZE. */
static void
caught_log (char *ret, size_t size)
{
  ssize_t n = read (log_pipe[0], ret, size - 1);

  ret[MAX (n, 0)] = '\0';
}

static void
lose_child (struct session *s, const char *name)
{
  pid_t pid = find_child (name);
  int i;

  ck_assert_int_gt (pid, 0);
  ck_assert_int_eq (kill (pid, SIGKILL), 0);
  for (i = 0; i < 2000 && session_alive (s); i++)
    usleep (10000);
  ck_assert (!session_alive (s));
}

/* Who is lost once the call is answered, NULL = nobody; what is done with the session then. */
struct loss { const char *lost, *way, *log; };

#define LOST "<4>usher: Acme: %s ended by signal 9 (Killed) in or after its last operation; " \
  "the next task starts both anew\n"

static const struct loss losses[] = {
  { NULL, "close", "" },
  { SUPERVISOR_WORKER, "close", "the connector seat" },
  { SUPERVISOR_NET, "close", "usher-net" },
  { SUPERVISOR_NET, "give", "usher-net" },
  { SUPERVISOR_NET, "take", "usher-net" },
  { SUPERVISOR_NET, "sweep", "usher-net" },
};

START_TEST (test_child_that_nobody_asks_for_is_told_to_the_log_once)
{
  const struct loss *l = &losses[_i];
  struct session *s = open_session ("call\nresult 0", "", NULL);
  bool kept = streq (l->way, "take") || streq (l->way, "sweep");
  char wanted[256] = "", log[4096];
  struct session_pool *p;
  struct heard h = { 0 };
  struct session_outcome o;

  ck_assert_int_eq (session_pool_new (60000, &p), 0);
  ck_assert_int_eq (call (s, WIRE_OP_CHECK, 20000, &h, &o), USHER_DONE);
  catch_log ();
  if (kept)
    session_pool_give (p, "hub/1", s);
  if (l->lost)
    lose_child (s, l->lost);
  if (streq (l->way, "close"))
    session_close (s);
  else if (streq (l->way, "give"))
    session_pool_give (p, "hub/1", s);
  else if (streq (l->way, "take"))
    ck_assert_ptr_null (session_pool_take (p, "hub/1"));
  else
    ck_assert_int_eq (session_pool_sweep (p), -1);
  caught_log (log, sizeof log);
  if (l->lost)
    (void) snprintf (wanted, sizeof wanted, LOST, l->log);
  ck_assert_str_eq (log, wanted);
  session_pool_free (p);
}
END_TEST

START_TEST (test_child_that_an_outcome_named_is_not_told_to_the_log)
{
  struct session *s = open_session ("call\nexit 3", "", NULL);
  struct heard h = { 0 };
  struct session_outcome o;
  char log[4096];

  catch_log ();
  ck_assert_int_eq (call (s, WIRE_OP_CHECK, 20000, &h, &o), USHER_E_NOMEM);
  ck_assert_str_eq (o.text, "the connector seat ended with status 3 in check");
  session_outcome_done (&o);
  session_close (s);
  caught_log (log, sizeof log);
  ck_assert_str_eq (log, "");
}
END_TEST

static void *
use_pool (void *arg)
{
  struct session_pool *p = arg;
  int i;

  for (i = 0; i < 15; i++)
    {
      struct session *s = session_pool_take (p, i % 3 ? "x/1" : "x/2");
      struct heard h = { 0 };
      struct session_outcome o;

      if (!s)
        s = open_session ("call\nresult 0\ncall\nresult 0\ncall\nresult 0\ncall\nexit 0", "", NULL);
      if (call (s, WIRE_OP_CHECK, 5000, &h, &o) < 0)
        session_outcome_done (&o);
      session_pool_give (p, i % 3 ? "x/1" : "x/2", s);
      if (i == 7)
        session_pool_drop (p, "x/");
      (void) session_pool_sweep (p);
    }
  return NULL;
}

START_TEST (test_threads_share_a_pool)
{
  struct session_pool *p;
  pthread_t threads[3];
  int i;

  ck_assert_int_eq (session_pool_new (1000, &p), 0);
  for (i = 0; i < 3; i++)
    ck_assert_int_eq (pthread_create (&threads[i], NULL, use_pool, p), 0);
  for (i = 0; i < 3; i++)
    pthread_join (threads[i], NULL);
  session_pool_free (p);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_listing_is_heard_and_witnessed);
  tcase_add_test (t, test_session_serves_call_after_call);
  tcase_add_test (t, test_cookies_and_last_answer_are_told_at_the_end);
  tcase_add_loop_test (t, test_section_is_judged_by_both_words, 0, ARRAY_SIZE (judgements));
  tcase_add_loop_test (t, test_hostile_child_ends_its_session, 0, ARRAY_SIZE (hostiles));
  tcase_add_test (t, test_cut_frame_never_answers);
  tcase_add_test (t, test_segfault_is_named);
  tcase_add_test (t, test_write_whose_worker_is_lost_counts_as_called);
  tcase_add_test (t, test_too_many_rows_are_a_limit_not_a_crash);
  tcase_add_test (t, test_flood_of_sections_is_a_limit);
  tcase_add_test (t, test_flood_of_facts_is_a_limit);
  tcase_add_test (t, test_log_lines_above_200_are_dropped);
#ifdef USHER_TEST_HOOKS
  tcase_add_test (t, test_silent_worker_is_ended_long_before_its_time);
#endif
  tcase_add_test (t, test_slow_worker_is_cancelled_and_lives);
  tcase_add_test (t, test_hanging_worker_is_killed_after_the_grace);
  tcase_add_test (t, test_cancel_from_another_thread);
  tcase_add_test (t, test_what_was_done_before_the_cancel_is_done);
  tcase_add_test (t, test_wait_for_a_permit_does_not_count);
  tcase_add_test (t, test_permits_come_back_with_the_session);
  tcase_add_test (t, test_caller_can_end_the_operation);
  tcase_add_test (t, test_message_that_nobody_wants_is_misuse);
  tcase_add_test (t, test_texts_are_free_of_secrets);
  tcase_add_test (t, test_evidence_is_free_of_secrets);
  tcase_add_test (t, test_rows_with_a_secret_end_the_operation);
  tcase_add_test (t, test_checkpoint_with_a_secret_is_refused);
  tcase_add_test (t, test_new_secret_is_kept_and_searched_for);
  tcase_add_test (t, test_replaced_secret_is_still_searched_for);
  tcase_add_test (t, test_a_full_table_of_secrets_loses_no_refresh_token);
#ifdef USHER_TEST_HOOKS
  tcase_add_test (t, test_what_cannot_be_hidden_is_kept_and_ends_the_session);
#endif
  tcase_add_test (t, test_no_connector_replaces_what_a_token_is_got_with);
  tcase_add_test (t, test_later_says_until_when);
  tcase_add_test (t, test_a_limit_that_only_the_connector_knows_is_everybodys);
  tcase_add_test (t, test_a_limit_without_a_time_gets_one);
  tcase_add_test (t, test_a_limit_beyond_a_day_is_bounded_and_says_so);
  tcase_add_test (t, test_later_is_bounded_and_closes_nothing);
  tcase_add_test (t, test_a_limit_of_one_key_closes_no_other);
  tcase_add_test (t, test_missing_program_is_named);
  tcase_add_test (t, test_wrong_rate_rules_are_a_setting);
  tcase_add_test (t, test_200_sessions_leave_no_descriptor_and_no_process);
  tcase_add_test (t, test_pool_keeps_one_live_session_a_key);
  tcase_add_test (t, test_pool_sweeps_what_idled_too_long);
  tcase_add_loop_test (t, test_child_that_nobody_asks_for_is_told_to_the_log_once, 0, ARRAY_SIZE (losses));
  tcase_add_test (t, test_child_that_an_outcome_named_is_not_told_to_the_log);
  tcase_add_test (t, test_threads_share_a_pool);
}

UNIT_MAIN ("session", fill)
