/* A worker that runs a well-behaved connector: each helper, seen from the other end. */
#include <config.h>

#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "worker-rig.h"

/* The rows of one ROWS message; each must be readable. */
static size_t
count_rows (const struct rig *g)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  const char *p = g->bytes;
  size_t left = g->len, span, n = 0;
  struct row row;

  ck_assert_uint_le (g->len, WIRE_PAYLOAD_MAX);
  while (left)
    {
      ck_assert_int_eq (row_span (p, left, &span), 0);
      ck_assert_int_eq (row_get (p, span, &arena, &row), 0);
      arena_reset (&arena);
      p += span;
      left -= span;
      n++;
    }
  return n;
}

/* Pages from FIRST to 3, of a thousand rows each, with a checkpoint after each. */
static void
expect_pages (struct rig *g, int first)
{
  int page;

  ck_assert_uint_eq (rig_next (g), WIRE_SECTION);
  ck_assert_uint_eq (g->m.section.ordinal, 5);
  ck_assert_uint_eq (g->m.section.kind, USHER_S_MEMBERS);
  ck_assert_str_eq (g->m.section.scope, "active");
  for (page = first; page < 3; page++)
    {
      size_t rows = 0;

      while (rig_next (g) == WIRE_ROWS)
        rows += count_rows (g);
      ck_assert_uint_eq (rows, 1000);
      ck_assert_uint_eq (g->type, WIRE_CHECKPOINT);
      ck_assert_int_eq (*(const char *) g->m.checkpoint.cursor.data, '1' + page);
      rig_reply (g, 0, NULL);
    }
  ck_assert_uint_eq (rig_next (g), WIRE_SECTION_END);
  ck_assert_uint_eq (g->m.section_end.ordinal, 5);
  ck_assert_uint_eq (g->m.section_end.verdict, USHER_COMPLETE);
  ck_assert_int_eq (g->m.section_end.total, 3000);
  ck_assert_uint_eq (g->m.section_end.rows, (uint64_t) (3 - first) * 1000);
  ck_assert_uint_eq (rig_next (g), WIRE_RESULT);
  ck_assert_int_eq (g->m.result.status, USHER_DONE);
  ck_assert_uint_eq (g->m.result.called, 0);
}

START_TEST (test_rows_come_before_the_checkpoint_that_ties_them)
{
  const struct wire_call resumed = { .op = WIRE_OP_LIST, .ordinal = 5, .cursor = { "2", 2 } };
  struct rig g;

  rig_start (&g, GOOD, "pages", NULL);
  rig_call (&g, WIRE_OP_LIST);
  rig_expect_fact (&g, "warn.app", "app");
  expect_pages (&g, 0);
  /* The same connector goes on from a cursor. */
  rig_call_with (&g, &resumed);
  expect_pages (&g, 2);
  rig_end (&g);
  ck_assert_str_eq (g.log, "closed");
}
END_TEST

START_TEST (test_a_refused_checkpoint_ends_the_listing)
{
  struct rig g;

  rig_start (&g, GOOD, "pages", NULL);
  rig_call (&g, WIRE_OP_LIST);
  while (rig_next (&g) != WIRE_CHECKPOINT)
    ck_assert_uint_ne (g.type, 0);
  rig_reply (&g, USHER_E_LIMIT, NULL);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_LIMIT);
  rig_end (&g);
}
END_TEST

START_TEST (test_every_section_holds_its_kind_of_row)
{
  static const uint32_t kinds[]
    = { USHER_S_ROLES, USHER_S_OBJECTS, USHER_S_ROLE_OF, USHER_S_ACCESS };
  struct rig g;
  size_t i;

  rig_start (&g, GOOD, "edges", NULL);
  rig_call (&g, WIRE_OP_LIST);
  rig_expect_fact (&g, "warn.app", "app");
  for (i = 0; i < ARRAY_SIZE (kinds); i++)
    {
      ck_assert_uint_eq (rig_next (&g), WIRE_SECTION);
      ck_assert_uint_eq (g.m.section.ordinal, 5 + i);
      ck_assert_uint_eq (g.m.section.kind, kinds[i]);
      ck_assert_uint_eq (rig_next (&g), WIRE_ROWS);
      ck_assert_uint_eq (count_rows (&g), 1);
      ck_assert_uint_eq (rig_next (&g), WIRE_SECTION_END);
      ck_assert_uint_eq (g.m.section_end.rows, 1);
    }
  ck_assert_uint_eq (g.m.section_end.verdict, USHER_PARTIAL);
  ck_assert_str_eq (g.m.section_end.why, "no right on act_2");
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

/* usher-net's side.  */

static void
send_net (struct rig *g, uint16_t type, uint32_t stream, const void *msg)
{
  ck_assert_int_eq (wire_send (&g->net, type, stream, msg), 0);
}

static void
send_head (struct rig *g, uint32_t stream)
{
  static const struct usher_kv header = { "content-type", "application/json" };
  const struct wire_head head = { 200, "https://app.example.com/x", { &header, 1 } };

  send_net (g, WIRE_HEAD, stream, &head);
}

static void
send_body (struct rig *g, uint32_t stream, size_t len)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (1u << 20);
  static char ones[WIRE_PAYLOAD_MAX];

  memset (ones, 1, sizeof ones);
  ck_assert_int_eq (wire_encode_bytes (&out, WIRE_BODY, stream, ones, len), 0);
  ck_assert_int_eq (wire_flush (&g->net, &out), 0);
}

static void
send_done (struct rig *g, uint32_t stream, int32_t status, const char *text)
{
  const struct wire_done done = { status, text, 0 };

  send_net (g, WIRE_DONE, stream, &done);
}

/* Sends TOTAL bytes, never more than the credit, which must come back. */
static void
send_within_credit (struct rig *g, uint32_t stream, size_t total)
{
  size_t credit = WIRE_CREDIT_BYTES;

  while (total)
    {
      size_t n = MIN (total, MIN (credit, WIRE_PAYLOAD_MAX));

      if (!n)
        {
          ck_assert_uint_eq (rig_next_net (g), WIRE_CREDIT);
          ck_assert_uint_eq (g->stream, stream);
          credit += g->m.credit.bytes;
          ck_assert_uint_le (credit, WIRE_CREDIT_BYTES);
          continue;
        }
      send_body (g, stream, n);
      credit -= n;
      total -= n;
    }
}

static void
expect_open (struct rig *g, uint32_t ordinal, const char *url, uint32_t *ret_stream)
{
  ck_assert_uint_eq (rig_next_net (g), WIRE_OPEN);
  ck_assert_uint_eq (g->m.open.ordinal, ordinal);
  ck_assert_str_eq (g->m.open.method, "GET");
  ck_assert_str_eq (g->m.open.url, url);
  ck_assert_str_eq (g->m.open.accept, "200,404");
  ck_assert_ptr_null (g->m.open.auth);
  ck_assert_uint_eq (g->m.open.headers.n, 1);
  *ret_stream = g->stream;
}

START_TEST (test_bodies_are_pulled_within_the_credit)
{
  uint32_t one, two;
  struct rig g;

  rig_start (&g, GOOD, "fetch", NULL);
  rig_call (&g, WIRE_OP_LIST);
  expect_open (&g, 5, "https://app.example.com/1", &one);
  expect_open (&g, 5, "https://app.example.com/2", &two);
  /* The first request fills its window and is not read yet; the second must go on. */
  send_head (&g, one);
  for (int i = 0; i < 4; i++)
    send_body (&g, one, WIRE_PAYLOAD_MAX);
  send_head (&g, two);
  send_within_credit (&g, two, 1000000);
  send_done (&g, two, 0, NULL);
  send_done (&g, one, 0, NULL);
  rig_expect_fact (&g, "warn.app", "app");
  ck_assert_uint_eq (rig_next (&g), WIRE_SECTION);
  rig_expect_fact (&g, "warn.status", "200");
  rig_expect_fact (&g, "warn.header", "application/json");
  rig_expect_fact (&g, "warn.bytes", "1000000");
  rig_expect_fact (&g, "warn.sum", "1000000");
  rig_expect_fact (&g, "warn.bytes", "262144");
  rig_expect_fact (&g, "warn.sum", "262144");
  ck_assert_uint_eq (rig_next (&g), WIRE_SECTION_END);
  ck_assert_uint_eq (g.m.section_end.requests, 2);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  ck_assert_uint_eq (g.m.result.called, 1);
  rig_end (&g);
}
END_TEST

START_TEST (test_more_than_the_credit_ends_the_session)
{
  uint32_t one;
  struct rig g;
  int i, status;

  rig_start (&g, GOOD, "fetch", NULL);
  rig_call (&g, WIRE_OP_LIST);
  expect_open (&g, 5, "https://app.example.com/1", &one);
  send_head (&g, one);
  for (i = 0; i < 5; i++)
    send_body (&g, one, WIRE_PAYLOAD_MAX);
  status = rig_wait (&g);
  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), WIRE_EXIT_PROTOCOL);
  rig_done (&g);
}
END_TEST

START_TEST (test_the_status_of_done_is_the_answer_with_its_sentence)
{
  char fault[256];
  uint32_t one;
  struct rig g;

  rig_start (&g, GOOD, "fetch", NULL);
  rig_call (&g, WIRE_OP_LIST);
  expect_open (&g, 5, "https://app.example.com/1", &one);
  expect_open (&g, 5, "https://app.example.com/2", &one);
  send_done (&g, one, USHER_E_TIMEOUT, "app.example.com did not answer within 30 s");
  ck_assert_int_eq (rig_result (&g, fault, sizeof fault), USHER_E_TIMEOUT);
  ck_assert_str_eq (fault, "app.example.com did not answer within 30 s");
  ck_assert_uint_eq (g.m.result.called, 1);
  /* What the operation left open is closed. */
  ck_assert_uint_eq (rig_next_net (&g), WIRE_CLOSE);
  ck_assert_uint_eq (g.stream, one - 1);
  rig_end (&g);
}
END_TEST

START_TEST (test_answers_of_a_closed_request_are_dropped)
{
  uint32_t one, two;
  struct rig g;

  rig_start (&g, GOOD, "abandon", NULL);
  rig_call (&g, WIRE_OP_CHECK);
  expect_open (&g, 0, "https://app.example.com/1", &one);
  ck_assert_uint_eq (rig_next_net (&g), WIRE_CLOSE);
  ck_assert_uint_eq (g.stream, one);
  expect_open (&g, 0, "https://app.example.com/2", &two);
  send_head (&g, one);
  send_body (&g, one, 100);
  send_done (&g, one, 0, NULL);
  send_head (&g, two);
  send_body (&g, two, 7);
  send_done (&g, two, 0, NULL);
  rig_expect_fact (&g, "warn.app", "app");
  rig_expect_fact (&g, "warn.bytes", "7");
  rig_expect_fact (&g, "warn.sum", "7");
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

START_TEST (test_a_net_that_is_gone_is_a_network_error)
{
  uint32_t one;
  struct rig g;

  rig_start (&g, GOOD, "fetch", NULL);
  rig_call (&g, WIRE_OP_LIST);
  expect_open (&g, 5, "https://app.example.com/1", &one);
  wire_channel_done (&g.net);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_NETWORK);
  /* And so is every later request. */
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_NETWORK);
  rig_end (&g);
}
END_TEST

START_TEST (test_cancel_reaches_a_helper_that_waits)
{
  uint32_t one;
  struct rig g;

  rig_start (&g, GOOD, "fetch", NULL);
  rig_call (&g, WIRE_OP_LIST);
  expect_open (&g, 5, "https://app.example.com/1", &one);
  expect_open (&g, 5, "https://app.example.com/2", &one);
  rig_send (&g, WIRE_CANCEL, 0, NULL);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_CANCELLED);
  /* One that comes between two operations cancels none. */
  rig_send (&g, WIRE_CANCEL, 0, NULL);
  rig_call (&g, WIRE_OP_CHECK);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

START_TEST (test_cancel_ends_a_question_and_its_late_answer_is_dropped)
{
  struct rig g;

  rig_start (&g, GOOD, "pages", NULL);
  rig_call (&g, WIRE_OP_LIST);
  while (rig_next (&g) != WIRE_CHECKPOINT)
    ck_assert_uint_ne (g.type, 0);
  rig_send (&g, WIRE_CANCEL, 0, NULL);
  rig_reply (&g, 0, NULL);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_CANCELLED);
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

/* The other helpers.  */

START_TEST (test_conf_and_secrets_are_found_by_name)
{
  struct rig g;

  rig_start (&g, GOOD, "conf", NULL);
  rig_call (&g, WIRE_OP_CHECK);
  rig_expect_fact (&g, "warn.app", "app");
  rig_expect_fact (&g, "warn.first", "admin");
  rig_expect_fact (&g, "warn.second", "viewer");
  rig_expect_fact (&g, "warn.third", "(none)");
  rig_expect_fact (&g, "warn.secret", "uS0123456789abcdefghijABCDEFGHIJ");
  rig_expect_fact (&g, "warn.none", "(none)");
  rig_expect_fact (&g, "warn.time", "now");
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

START_TEST (test_a_timer_of_processor_time_is_all_that_ticks)
{
  struct rig g;

  rig_start (&g, GOOD, "work", NULL);
  rig_call (&g, WIRE_OP_CHECK);
  rig_expect_fact (&g, "warn.app", "app");
  rig_expect_fact (&g, "warn.clock", "refused");
  rig_expect_fact (&g, "warn.ticks", "two");
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

START_TEST (test_state_is_asked_and_kept)
{
  struct rig g;

  rig_start (&g, GOOD, "state", NULL);
  rig_call (&g, WIRE_OP_CHECK);
  rig_expect_fact (&g, "warn.app", "app");
  ck_assert_uint_eq (rig_next (&g), WIRE_STATE_GET);
  ck_assert_str_eq (g.m.state.key, "count");
  rig_reply (&g, 0, "seven");
  ck_assert_uint_eq (rig_next (&g), WIRE_STATE_PUT);
  ck_assert_mem_eq (g.m.state.value.data, "seven!", 6);
  rig_reply (&g, 0, NULL);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_call (&g, WIRE_OP_CHECK);
  ck_assert_uint_eq (rig_next (&g), WIRE_STATE_GET);
  rig_reply (&g, 0, NULL);
  ck_assert_uint_eq (rig_next (&g), WIRE_STATE_PUT);
  ck_assert_uint_eq (g.m.state.value.len, 1);
  rig_reply (&g, USHER_E_NOMEM, NULL);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_NOMEM);
  rig_end (&g);
}
END_TEST

START_TEST (test_login_hands_over_a_token)
{
  const struct wire_call call = { .op = WIRE_OP_LOGIN, .why = USHER_LOGIN_CODE, .code = "abc" };
  struct rig g;

  rig_start (&g, GOOD, "", NULL);
  rig_call_with (&g, &call);
  rig_expect_fact (&g, "warn.app", "app");
  rig_expect_fact (&g, "warn.why", "300");
  rig_expect_fact (&g, "warn.code", "abc");
  ck_assert_uint_eq (rig_next (&g), WIRE_SECRET_PUT);
  ck_assert_str_eq (g.m.secret_put.name, "token");
  ck_assert_str_eq (g.m.secret_put.value, "fresh");
  ck_assert_int_eq (g.m.secret_put.expires_ms, 1700000000123);
  rig_reply (&g, 0, NULL);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  rig_end (&g);
}
END_TEST

static void
put_invitee (struct buf *member, struct buf *access)
{
  const struct usher_member m = { .size = sizeof m, .state = USHER_PENDING,
                                  .email = "new@corp.test" };
  const struct usher_access one = { .size = sizeof one, .asset = "act_1" };
  const struct usher_access two = { .size = sizeof two, .asset = "act_2" };

  ck_assert_int_eq (row_put_member (member, &m), 0);
  ck_assert_int_eq (row_put_access (access, &m, &one), 0);
  ck_assert_int_eq (row_put_access (access, &m, &two), 0);
}

START_TEST (test_a_write_gets_the_whole_change)
{
  static const struct usher_kv role = { "base", "admin" }, field = { "username", "new" };
  _cleanup_ (buf_done) struct buf member = BUF_INIT (65536), access = BUF_INIT (65536);
  struct rig g;

  put_invitee (&member, &access);
  const struct wire_call call
    = { .op = WIRE_OP_INVITE, .attempt = 2, .member = { member.data, member.len },
        .roles = { &role, 1 }, .access = { access.data, access.len }, .fields = { &field, 1 },
        .key = "intent-1", .resume = { "step 0", 6 } };

  rig_start (&g, GOOD, "", NULL);
  rig_call_with (&g, &call);
  rig_expect_fact (&g, "warn.app", "app");
  rig_expect_fact (&g, "warn.attempt", "2");
  rig_expect_fact (&g, "warn.role", "admin");
  rig_expect_fact (&g, "warn.asset", "act_2");
  rig_expect_fact (&g, "warn.field", "new");
  rig_expect_fact (&g, "warn.key", "intent-1");
  rig_expect_fact (&g, "warn.resume", "6");
  ck_assert_uint_eq (rig_next (&g), WIRE_CHECKPOINT);
  rig_reply (&g, 0, NULL);
  ck_assert_uint_eq (rig_next (&g), WIRE_ROWS);
  ck_assert_uint_eq (count_rows (&g), 1);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_INVITED);
  rig_end (&g);
}
END_TEST

START_TEST (test_read_tells_present_from_absent)
{
  static const char *const ids[] = { "17", "gone" };
  struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE };
  struct rig g;
  int i;

  rig_start (&g, GOOD, "", NULL);
  for (i = 0; i < 2; i++)
    {
      _cleanup_ (buf_done) struct buf row = BUF_INIT (65536);
      struct wire_call call = { .op = WIRE_OP_READ };

      m.id = ids[i];
      ck_assert_int_eq (row_put_member (&row, &m), 0);
      call.member = (struct wire_blob) { row.data, row.len };
      rig_call_with (&g, &call);
      ck_assert_int_eq (rig_result (&g, NULL, 0), i ? USHER_ABSENT : USHER_DONE);
    }
  rig_end (&g);
}
END_TEST

START_TEST (test_what_a_connector_lacks_is_unsupported)
{
  struct rig g;

  rig_start (&g, GOOD, "", NULL);
  rig_call (&g, WIRE_OP_SET_ACCESS);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_UNSUPPORTED);
  rig_call (&g, 12345);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_UNSUPPORTED);
  rig_end (&g);
}
END_TEST

START_TEST (test_a_fault_travels_whole)
{
  struct rig g;

  rig_start (&g, GOOD, "fail", NULL);
  rig_call (&g, WIRE_OP_CHECK);
  rig_expect_fact (&g, "warn.app", "app");
  ck_assert_uint_eq (rig_next (&g), WIRE_FAULT);
  ck_assert_int_eq (g.m.fault.code, USHER_E_FORBIDDEN);
  ck_assert_str_eq (g.m.fault.text, "a right is missing");
  ck_assert_str_eq (g.m.fault.field, "users:read");
  ck_assert_str_eq (g.m.fault.url, "https://app.example.com/rights");
  ck_assert_int_eq (g.m.fault.until_ms, 5);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_E_FORBIDDEN);
  rig_end (&g);
}
END_TEST

START_TEST (test_a_talkative_connector_is_cut_off)
{
  struct rig g;

  rig_start (&g, GOOD, "chatter", NULL);
  rig_call (&g, WIRE_OP_CHECK);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  ck_assert_uint_eq (g.logs, 201);
  ck_assert_ptr_nonnull (strstr (g.log, "dropped"));
  rig_end (&g);
}
END_TEST

/* Life and death.  */

START_TEST (test_the_worker_ends_with_usherd)
{
  struct rig g;
  int status;

  rig_start (&g, GOOD, "pages", NULL);
  rig_call (&g, WIRE_OP_LIST);
  ck_assert_uint_ne (rig_next (&g), 0);
  wire_channel_done (&g.host);
  status = rig_wait (&g);
  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), 0);
  rig_done (&g);
}
END_TEST

START_TEST (test_a_frame_out_of_place_ends_the_session)
{
  static const uint16_t types[] = { WIRE_NET_START, WIRE_START, WIRE_CALL };
  struct rig g;
  size_t i;
  int status;

  for (i = 0; i < ARRAY_SIZE (types); i++)
    {
      const union wire_message zero = { 0 };

      rig_start (&g, GOOD, "pages", NULL);
      rig_call (&g, WIRE_OP_LIST);
      while (rig_next (&g) != WIRE_CHECKPOINT)
        ck_assert_uint_ne (g.type, 0);
      rig_send (&g, types[i], 0, &zero);
      status = rig_wait (&g);
      ck_assert (WIFEXITED (status));
      ck_assert_int_eq (WEXITSTATUS (status), WIRE_EXIT_PROTOCOL);
      rig_done (&g);
    }
}
END_TEST

#ifdef USHER_TEST_HOOKS
START_TEST (test_without_seccomp_nothing_runs)
{
  struct rig g;
  int status;

  rig_start (&g, GOOD, "", "USHER_FAIL_POINTS=worker.seccomp=fail");
  ck_assert_uint_eq (rig_next (&g), 0);
  status = rig_wait (&g);
  ck_assert (WIFEXITED (status));
  ck_assert_int_eq (WEXITSTATUS (status), WIRE_EXIT_UNCONFINED);
  rig_done (&g);
}
END_TEST

START_TEST (test_without_landlock_it_runs_and_says_so)
{
  struct rig g;

  rig_start (&g, GOOD, "", "USHER_FAIL_POINTS=worker.landlock=fail");
  rig_call (&g, WIRE_OP_CHECK);
  ck_assert_int_eq (rig_result (&g, NULL, 0), USHER_DONE);
  ck_assert_uint_eq (g.logs, 1);
  ck_assert_ptr_nonnull (strstr (g.log, "Landlock"));
  rig_end (&g);
}
END_TEST
#endif

START_TEST (test_inspect_prints_what_a_connector_is)
{
  const char *const argv[] = { WORKER, "--inspect", GOOD, NULL };
  char out[4096], err[4096];

  ck_assert_int_eq (rig_run (argv, out, err, sizeof out), 0);
  ck_assert_str_eq (err, "");
  ck_assert_str_eq (out, "{\"name\":\"good\",\"version\":\"1.0\",\"abi\":\"1.0\",\"min_minor\":0,"
                         "\"operations\":[\"open\",\"close\",\"login\",\"check\",\"list\","
                         "\"read\",\"invite\"],\"path\":\"" GOOD "\"}\n");
}
END_TEST

START_TEST (test_wrong_arguments_are_refused)
{
  const char *const unknown[] = { WORKER, "--nonsense", NULL };
  const char *const extra[] = { WORKER, "extra", NULL };
  char out[4096], err[4096];

  ck_assert_int_eq (WEXITSTATUS (rig_run (unknown, out, err, sizeof out)), WIRE_EXIT_USAGE);
  ck_assert_int_eq (WEXITSTATUS (rig_run (extra, out, err, sizeof out)), WIRE_EXIT_USAGE);
  ck_assert_ptr_nonnull (strstr (err, "usage:"));
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_rows_come_before_the_checkpoint_that_ties_them);
  tcase_add_test (t, test_a_refused_checkpoint_ends_the_listing);
  tcase_add_test (t, test_every_section_holds_its_kind_of_row);
  tcase_add_test (t, test_bodies_are_pulled_within_the_credit);
  tcase_add_test (t, test_more_than_the_credit_ends_the_session);
  tcase_add_test (t, test_the_status_of_done_is_the_answer_with_its_sentence);
  tcase_add_test (t, test_answers_of_a_closed_request_are_dropped);
  tcase_add_test (t, test_a_net_that_is_gone_is_a_network_error);
  tcase_add_test (t, test_cancel_reaches_a_helper_that_waits);
  tcase_add_test (t, test_cancel_ends_a_question_and_its_late_answer_is_dropped);
  tcase_add_test (t, test_conf_and_secrets_are_found_by_name);
  tcase_add_test (t, test_a_timer_of_processor_time_is_all_that_ticks);
  tcase_add_test (t, test_state_is_asked_and_kept);
  tcase_add_test (t, test_login_hands_over_a_token);
  tcase_add_test (t, test_a_write_gets_the_whole_change);
  tcase_add_test (t, test_read_tells_present_from_absent);
  tcase_add_test (t, test_what_a_connector_lacks_is_unsupported);
  tcase_add_test (t, test_a_fault_travels_whole);
  tcase_add_test (t, test_a_talkative_connector_is_cut_off);
  tcase_add_test (t, test_the_worker_ends_with_usherd);
  tcase_add_test (t, test_a_frame_out_of_place_ends_the_session);
#ifdef USHER_TEST_HOOKS
  tcase_add_test (t, test_without_seccomp_nothing_runs);
  tcase_add_test (t, test_without_landlock_it_runs_and_says_so);
#endif
  tcase_add_test (t, test_inspect_prints_what_a_connector_is);
  tcase_add_test (t, test_wrong_arguments_are_refused);
}

UNIT_MAIN ("worker", fill)
