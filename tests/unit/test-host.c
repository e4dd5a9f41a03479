/* The fake host: what it lets through and what it does not, and older and newer hosts against
   older and newer connectors.  */
#include <config.h>

#include "unit.h"

#include <usher/fakehost.h>
#include <usher/rows.h>

#include <string.h>

#define URL "https://app.example.com/m"

static int32_t (*job) (struct usher_ctx *);   /* what the operation under test does */

static int32_t
do_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  (void) ctx;
  (void) hub;
  *ret_self = NULL;
  return USHER_DONE;
}

static void
do_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  (void) self;
}

static int32_t
do_check (struct usher_ctx *ctx, void *self)
{
  (void) self;
  return job (ctx);
}

static int32_t
do_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  (void) self;
  (void) want;
  return job (ctx);
}

static int32_t
do_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  (void) self;
  (void) who;
  return job (ctx);
}

static int32_t
do_write (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  (void) self;
  (void) change;
  return job (ctx);
}

static const struct usher_connector plain = {
  .abi = USHER_CONNECTOR_ABI (0), .name = "plain", .version = "1", .open = do_open,
  .close = do_close, .check = do_check, .list = do_list, .read = do_read, .invite = do_write,
  .resend = do_write };

static struct usher_fake *
open_plain (int32_t (*what) (struct usher_ctx *))
{
  struct usher_fake *fake = usher_fake_new ();

  job = what;
  usher_fake_secret (fake, "token", "t0p");
  usher_fake_answer (fake, "GET", URL, 200, "application/json", "{\"list\":[{\"id\":\"a\"},{\"id\":\"b\"}]}");
  ck_assert_int_eq (usher_fake_open (fake, &plain, "plain", "{}"), USHER_DONE);
  return fake;
}

static int32_t
emit (struct usher_ctx *ctx, const char *id, uint32_t state, const char *email)
{
  const struct usher_member m = { .size = sizeof m, .state = state, .id = id, .email = email };

  return usher_emit_member (ctx, &m);
}

static int32_t
nothing (struct usher_ctx *ctx)
{
  return usher_poll (ctx);
}

static int32_t
row_without_section (struct usher_ctx *ctx)
{
  return emit (ctx, "a", USHER_ACTIVE, NULL);
}

static int32_t
row_without_id (struct usher_ctx *ctx)
{
  (void) usher_section (ctx, USHER_S_MEMBERS, NULL);
  return emit (ctx, NULL, USHER_ACTIVE, "a@example.com");
}

static int32_t
invitation_without_id (struct usher_ctx *ctx)
{
  (void) usher_section (ctx, USHER_S_INVITES, NULL);
  (void) emit (ctx, NULL, USHER_PENDING, "a@example.com");
  return usher_section_end (ctx, USHER_COMPLETE, -1, NULL);
}

static int32_t
section_left_open (struct usher_ctx *ctx)
{
  return usher_section (ctx, USHER_S_MEMBERS, NULL);
}

static int32_t
section_in_section (struct usher_ctx *ctx)
{
  (void) usher_section (ctx, USHER_S_MEMBERS, NULL);
  return usher_section (ctx, USHER_S_INVITES, NULL);
}

static int32_t
secret_in_checkpoint (struct usher_ctx *ctx)
{
  return usher_checkpoint (ctx, "next=t0p&page=2", 15);
}

static int32_t
nine_requests (struct usher_ctx *ctx)
{
  const struct usher_request req = { .size = sizeof req, .url = URL };
  int32_t r = USHER_DONE;
  uint32_t h;
  int i;

  for (i = 0; i < 9 && r == USHER_DONE; i++)
    r = usher_http_open (ctx, &req, &h);
  return r;
}

static int32_t
strange_fact (struct usher_ctx *ctx)
{
  return usher_fact (ctx, "weather", "fine");
}

START_TEST (test_breaches_of_the_contract_are_misuse)
{
  static int32_t (*const bad[]) (struct usher_ctx *) = {
    row_without_section, row_without_id, section_left_open, section_in_section,
    secret_in_checkpoint, nine_requests, strange_fact };
  struct usher_fake *fake;
  size_t i;

  for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
    {
      fake = open_plain (bad[i]);
      ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_E_MISUSE);
      ck_assert_ptr_nonnull (usher_fake_broken (fake));
      usher_fake_free (fake);
    }
  fake = open_plain (invitation_without_id);
  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  usher_fake_free (fake);
  fake = open_plain (nothing);
  ck_assert_int_eq (usher_fake_read (fake, NULL), USHER_E_MISUSE);   /* DONE without a row */
  usher_fake_free (fake);
}
END_TEST

static int32_t
on_item (void *arg, const struct usher_item *item)
{
  return emit (arg, usher_item_text (item, 0), USHER_ACTIVE, NULL);
}

static int32_t
whole_listing (struct usher_ctx *ctx)
{
  static const char *const fields[] = { "id" };
  const struct usher_rows_spec spec = { sizeof spec, USHER_ROWS_STRICT, "list[]", fields, 1, NULL, 0 };
  const struct usher_request req = { .size = sizeof req, .url = URL };
  struct usher_rows *rows = NULL;
  uint32_t h = 0;
  int32_t r = usher_section (ctx, USHER_S_MEMBERS, NULL);

  if (r == USHER_DONE)
    r = usher_http_open (ctx, &req, &h);
  if (r == USHER_DONE)
    r = usher_rows_new (&spec, &rows);
  if (r == USHER_DONE)
    r = usher_rows_each (rows, ctx, h, on_item, ctx);
  usher_rows_free (rows);
  usher_http_close (ctx, h);
  if (r == USHER_DONE)
    r = usher_checkpoint (ctx, "x", 1);
  return r < 0 ? r : usher_section_end (ctx, USHER_COMPLETE, 2, NULL);
}

START_TEST (test_rows_are_read_from_requests_of_any_chunk)
{
  struct usher_fake *fake = open_plain (whole_listing);
  size_t n;

  for (n = 1; n < 40; n++)
    {
      usher_fake_clear (fake);
      usher_fake_chunk (fake, n);
      ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
      ck_assert_uint_eq (usher_fake_count (fake, USHER_FAKE_MEMBER), 2);
    }
  usher_fake_answer (fake, "GET", URL, 200, "text/html", "<html>");
  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_E_SHAPE);
  ck_assert_str_eq (usher_fake_last (fake, USHER_FAKE_FAULT)->text,
                    "the answer is a page of HTML or XML, not JSON");
  usher_fake_free (fake);
}
END_TEST

START_TEST (test_every_helper_call_can_fail_or_be_cancelled)
{
  struct usher_fake *fake = open_plain (whole_listing);
  uint32_t n, helper, calls[USHER_FAKE_HELPERS], all;

  usher_fake_clear (fake);
  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  all = usher_fake_calls_all (fake);
  for (helper = 0; helper < USHER_FAKE_HELPERS; helper++)
    calls[helper] = usher_fake_calls (fake, helper);
  ck_assert_uint_eq (calls[USHER_FAKE_HELPER (emit_member)], 2);
  for (n = 1; n <= all; n++)
    {
      usher_fake_clear (fake);
      usher_fake_cancel (fake, n);
      ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_E_CANCELLED);
      ck_assert (usher_fake_fired (fake));
    }
  for (helper = 0; helper < USHER_FAKE_HELPERS; helper++)
    for (n = 1; n <= calls[helper] && helper != USHER_FAKE_HELPER (http_close); n++)
      {
        usher_fake_clear (fake);
        usher_fake_fail (fake, helper, n, USHER_E_TIMEOUT);
        ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_E_TIMEOUT);
        ck_assert (usher_fake_fired (fake));
      }
  usher_fake_free (fake);
}
END_TEST

START_TEST (test_cut_answer_gives_what_is_before_the_cut)
{
  struct usher_fake *fake = open_plain (whole_listing);
  const size_t len = strlen ("{\"list\":[{\"id\":\"a\"},{\"id\":\"b\"}]}");
  size_t at;

  usher_fake_chunk (fake, 1);
  for (at = 0; at < len; at++)
    {
      usher_fake_clear (fake);
      usher_fake_cut (fake, 1, at);
      ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_E_NETWORK);
      ck_assert (usher_fake_fired (fake));
      ck_assert_uint_eq (usher_fake_calls (fake, USHER_FAKE_HELPER (http_read)), at + 1);
    }
  usher_fake_clear (fake);
  usher_fake_cut (fake, 1, len);
  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  usher_fake_clear (fake);
  usher_fake_cut (fake, 2, 0);
  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  ck_assert (!usher_fake_fired (fake));
  usher_fake_free (fake);
}
END_TEST

/* A cancel behind a checkpoint is the end that a killed process has. */
START_TEST (test_event_knows_the_call_that_told_it)
{
  struct usher_fake *fake = open_plain (whole_listing);
  uint32_t call;

  usher_fake_clear (fake);
  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  call = usher_fake_last (fake, USHER_FAKE_CHECKPOINT)->call;
  ck_assert_uint_gt (call, usher_fake_last (fake, USHER_FAKE_MEMBER)->call);
  usher_fake_clear (fake);
  usher_fake_cancel (fake, call + 1);
  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_E_CANCELLED);
  ck_assert_uint_eq (usher_fake_count (fake, USHER_FAKE_CHECKPOINT), 1);
  ck_assert_uint_eq (usher_fake_count (fake, USHER_FAKE_SECTION_END), 0);
  usher_fake_free (fake);
}
END_TEST

static int32_t
words_then_poll (struct usher_ctx *ctx)
{
  const struct usher_fault fault = { .size = sizeof fault, .code = USHER_E_REFUSED, .text = "no" };

  ck_assert_str_eq (usher_conf (ctx, "color", 0), "red");
  ck_assert_ptr_nonnull (usher_secret (ctx, "token"));
  ck_assert_int_eq (usher_fail (ctx, &fault), USHER_E_REFUSED);
  return usher_poll (ctx);
}

START_TEST (test_cancel_leaves_what_answers_no_status)
{
  struct usher_fake *fake = open_plain (words_then_poll);

  usher_fake_conf (fake, "color", "red");
  usher_fake_cancel (fake, 1);
  ck_assert_int_eq (usher_fake_check (fake), USHER_E_CANCELLED);
  ck_assert (usher_fake_fired (fake));
  usher_fake_clear (fake);
  usher_fake_cancel (fake, 5);   /* there are four calls */
  ck_assert_int_eq (usher_fake_check (fake), USHER_DONE);
  ck_assert (!usher_fake_fired (fake));
  usher_fake_free (fake);
}
END_TEST

static int32_t
three_requests (struct usher_ctx *ctx)
{
  const struct usher_request req = { .size = sizeof req, .url = URL };
  uint32_t h = 0;
  int i;

  for (i = 0; i < 3; i++)
    ck_assert_int_eq (usher_http_open (ctx, &req, &h), USHER_DONE);
  usher_http_close (ctx, h);
  return usher_http_open (ctx, &req, &h);
}

START_TEST (test_open_requests_are_counted)
{
  struct usher_fake *fake = open_plain (three_requests);

  ck_assert_int_eq (usher_fake_check (fake), USHER_DONE);
  ck_assert_uint_eq (usher_fake_open_max (fake), 3);
  ck_assert_uint_eq (usher_fake_open_left (fake), 3);
  usher_fake_clear (fake);
  ck_assert_uint_eq (usher_fake_open_max (fake), 0);
  ck_assert_uint_eq (usher_fake_open_left (fake), 0);
  usher_fake_free (fake);
}
END_TEST

static int32_t
fact_or_not (struct usher_ctx *ctx)
{
  int32_t r = usher_fact (ctx, "space.id", "x");

  return r == USHER_E_UNSUPPORTED ? USHER_ALREADY : r;
}

START_TEST (test_helper_that_an_older_host_lacks_is_unsupported)
{
  struct usher_fake *fake = open_plain (fact_or_not);

  usher_fake_pretend (fake, 0, offsetof (struct usher_host, fact));
  ck_assert_int_eq (usher_fake_check (fake), USHER_ALREADY);
  ck_assert_uint_eq (usher_fake_calls (fake, USHER_FAKE_HELPER (fact)), 0);
  usher_fake_pretend (fake, 3, sizeof (struct usher_host) + 16);   /* newer: more behind the end */
  ck_assert_int_eq (usher_fake_check (fake), USHER_DONE);
  usher_fake_free (fake);
}
END_TEST

START_TEST (test_older_and_newer_connectors_load)
{
  struct { struct usher_connector c; int32_t (*later) (void); } newer = { plain, NULL };
  const struct usher_change change = { .size = sizeof change };
  struct usher_connector older = plain;
  struct usher_fake *fake = usher_fake_new ();

  job = nothing;
  older.abi.size = offsetof (struct usher_connector, resend);
  ck_assert_int_eq (usher_fake_open (fake, &older, "x", "{}"), USHER_DONE);
  ck_assert_ptr_null (usher_fake_connector (fake)->resend);   /* set, but not covered by its size */
  ck_assert_int_eq (usher_fake_write (fake, usher_fake_connector (fake)->resend, &change),
                    USHER_E_UNSUPPORTED);
  newer.c.abi.size = sizeof newer;
  newer.c.abi.minor = 7;
  ck_assert_int_eq (usher_fake_open (fake, &newer.c, "x", "{}"), USHER_DONE);
  ck_assert_int_eq (usher_fake_check (fake), USHER_DONE);
  newer.c.abi.min_minor = 7;
  ck_assert_int_eq (usher_fake_open (fake, &newer.c, "x", "{}"), USHER_E_UNSUPPORTED);
  older.abi.magic++;
  ck_assert_int_eq (usher_fake_open (fake, &older, "x", "{}"), USHER_E_UNSUPPORTED);
  usher_fake_free (fake);
}
END_TEST

/* A member as a connector of a later minor would emit it, and one of a former. */
static int32_t
rows_of_other_sizes (struct usher_ctx *ctx)
{
  struct { struct usher_member m; const char *later; } newer = { { 0 }, "x" };
  struct usher_member older = { 0 };
  int32_t r = usher_section (ctx, USHER_S_MEMBERS, NULL);

  newer.m = (struct usher_member) { .size = sizeof newer, .state = USHER_ACTIVE, .id = "n" };
  older = (struct usher_member) { .size = offsetof (struct usher_member, access), .n_access = 9,
                                  .state = USHER_ACTIVE, .id = "o" };
  if (r == USHER_DONE)
    r = usher_emit_member (ctx, &newer.m);
  if (r == USHER_DONE)
    r = usher_emit_member (ctx, &older);
  return r < 0 ? r : usher_section_end (ctx, USHER_COMPLETE, -1, NULL);
}

START_TEST (test_structs_are_read_as_far_as_their_size)
{
  struct usher_fake *fake = open_plain (rows_of_other_sizes);

  ck_assert_int_eq (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0), USHER_DONE);
  ck_assert_uint_eq (usher_fake_member (fake, "o")->n_access, 0);
  ck_assert_ptr_nonnull (usher_fake_member (fake, "n"));
  usher_fake_free (fake);
}
END_TEST

static int32_t
token_in_header (struct usher_ctx *ctx)
{
  const struct usher_kv header = { "Authorization", usher_secret (ctx, "token") };
  const struct usher_request req = { .size = sizeof req, .url = URL "?x", .headers = &header,
                                     .n_headers = 1 };
  uint32_t h;

  ck_assert_uint_eq (strlen (header.value), 32);
  ck_assert_int_eq (strncmp (header.value, "uS", 2), 0);
  return usher_http_open (ctx, &req, &h);
}

static void
on_request (void *arg, const struct usher_request *request, struct usher_fake_answer *ret)
{
  ck_assert_str_eq (request->headers[0].value, "t0p");
  ret->status = 200;
  *(int *) arg += 1;
}

START_TEST (test_stand_in_becomes_the_value_on_the_wire)
{
  struct usher_fake *fake = open_plain (token_in_header);
  int asked = 0;

  usher_fake_http (fake, on_request, &asked);
  ck_assert_int_eq (usher_fake_check (fake), USHER_DONE);
  ck_assert_int_eq (asked, 1);
  usher_fake_free (fake);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_breaches_of_the_contract_are_misuse);
  tcase_add_test (t, test_rows_are_read_from_requests_of_any_chunk);
  tcase_add_test (t, test_every_helper_call_can_fail_or_be_cancelled);
  tcase_add_test (t, test_cut_answer_gives_what_is_before_the_cut);
  tcase_add_test (t, test_event_knows_the_call_that_told_it);
  tcase_add_test (t, test_cancel_leaves_what_answers_no_status);
  tcase_add_test (t, test_open_requests_are_counted);
  tcase_add_test (t, test_helper_that_an_older_host_lacks_is_unsupported);
  tcase_add_test (t, test_older_and_newer_connectors_load);
  tcase_add_test (t, test_structs_are_read_as_far_as_their_size);
  tcase_add_test (t, test_stand_in_becomes_the_value_on_the_wire);
}

UNIT_MAIN ("host", fill)
