/* usher-net as usherd and usher-worker see it: the real program, between a stand-in for
   each of them and an app on loopback that misbehaves. */
#include <config.h>

#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "net-play.h"
#include "net-server.h"

#define OTHER_TOKEN "uSZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"
#define ACCESS_TOKEN "uSAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static struct server server;
static struct play play;
static char origin[64], localhost[64];

struct setup
{
  const char *origins[4], *private_ok[2];
  const char *auth, *rate, *proxy, *no_proxy, *ca_file, *cookies, *env;
  bool keep_cookies;
  const char *token_path;        /* of the token endpoint; NULL = there is none */
};

static void
put_secrets (struct buf *out, bool oauth)
{
  const char *here[] = { origin }, *there[] = { "https://other.example:443" };
  struct wire_secret token = { "token", PLAY_TOKEN, PLAY_VALUE, { here, 1 } };
  struct wire_secret other = { "other", OTHER_TOKEN, "elsewhere", { there, 1 } };
  struct wire_secret access = { "access_token", ACCESS_TOKEN, "", { here, 1 } };

  ck_assert_int_eq (wire_put_secret (out, &token), 0);
  ck_assert_int_eq (wire_put_secret (out, &other), 0);
  if (oauth)
    ck_assert_int_eq (wire_put_secret (out, &access), 0);
}

static size_t
count (const char *const *v, size_t max)
{
  size_t n = 0;

  while (n < max && v[n])
    n++;
  return n;
}

static void
begin_with (struct setup s)
{
  static const char auth[] =
    "{\"default\": {}, \"bearer\": {\"bearer\": \"token\"}, \"other\": {\"bearer\": \"other\"}, "
    "\"access\": {\"bearer\": \"access_token\"}, "
    "\"all\": {\"basic\": [\"token\", \"\"], \"header\": {\"X-Key\": \"token\"}, "
    "\"query\": {\"k\": \"token\", \"proof\": {\"hmac-sha256\": [\"token\", \"token\"]}}}}";
  struct buf secrets = BUF_INIT (65536);
  char oauth[256];
  struct wire_net_start m = { .keep_cookies = s.keep_cookies, .proxy = s.proxy,
                              .no_proxy = s.no_proxy, .ca_file = s.ca_file };

  if (!server.port)
    server_start (&server);
  (void) snprintf (origin, sizeof origin, "http://127.0.0.1:%d", server.port);
  (void) snprintf (localhost, sizeof localhost, "http://localhost:%d", server.port);
  if (!s.origins[0])
    {
      s.origins[0] = origin;
      s.origins[1] = localhost;
    }
  put_secrets (&secrets, s.token_path);
  m.origins = (struct wire_strings) { s.origins, count (s.origins, 4) };
  m.private_ok = (struct wire_strings) { s.private_ok, count (s.private_ok, 2) };
  m.secrets = (struct wire_blob) { secrets.data, secrets.len };
  m.auth = (struct wire_blob) { auth, sizeof auth - 1 };
  (void) snprintf (oauth, sizeof oauth, "{\"token_url\": \"%s%s\", \"grant\": \"refresh_token\", "
                   "\"client_id\": \"me\"}", origin, s.token_path ? s.token_path : "");
  if (s.token_path)
    m.oauth = (struct wire_blob) { oauth, strlen (oauth) };
  if (s.rate)
    m.rate = (struct wire_blob) { s.rate, strlen (s.rate) };
  if (s.cookies)
    m.cookies = (struct wire_blob) { s.cookies, strlen (s.cookies) };
  play_start (&play, &m, s.env);
  buf_done (&secrets);
}

static void
begin (void)
{
  begin_with ((struct setup) { .env = NULL });
}

/* The session ends because its ends go away, and without a complaint. */
static void
end (void)
{
  ck_assert_int_eq (play_end (&play), 0);
}

static const char *
at (const char *path)
{
  static char url[512];

  (void) snprintf (url, sizeof url, "%s%s", origin, path);
  return url;
}

static struct play_answer *
fetch (const char *path)
{
  return play_fetch (&play, 1, at (path));
}

static struct play_answer *
request (struct wire_open o, const char *path)
{
  o.url = at (path);
  o.ordinal = 1;
  play_open (&play, 1, &o);
  (void) play_until (&play, &play.a[1].done);
  return &play.a[1];
}

static void
expect_proved (uint64_t requests)
{
  const struct wire_tally *t = play_tally (&play, 1);

  ck_assert (play.tallied);
  ck_assert_msg (!t->why, "%s", t->why ? t->why : "");
  ck_assert_uint_eq (t->requests, requests);
  ck_assert_uint_eq (t->refused + t->short_bodies + t->foreign_redirects + t->odd_types, 0);
}

/* Its failure is this class of thing, told in one sentence that names the host. */
static void
expect_fault (const struct play_answer *a, int32_t status, const char *host)
{
  ck_assert (a->done);
  ck_assert_msg (a->result == status, "%d: %s", a->result, a->text);
  ck_assert_msg (strstr (a->text, host), "%s", a->text);
  ck_assert_ptr_null (strchr (a->text, '?'));
}

START_TEST (test_a_page_is_fetched_whole)
{
  struct play_answer *a;

  begin ();
  a = fetch ("/plain?page=1");
  ck_assert_int_eq (a->result, 0);
  ck_assert_int_eq (a->status, 200);
  ck_assert_str_eq (a->body.data, "{\"hello\":\"world\"}");
  ck_assert_str_eq (a->url, at ("/plain?page=1"));
  ck_assert_ptr_nonnull (strcasestr (a->headers, "content-type: application/json\n"));
  expect_proved (1);
  ck_assert_uint_eq (play.tally.bytes, a->body.len);
  end ();
}
END_TEST

START_TEST (test_connections_are_kept)
{
  unsigned int i;

  begin ();
  for (i = 0; i < 20; i++)
    ck_assert_int_eq (fetch ("/plain")->result, 0);
  ck_assert_uint_eq (server_requests (&server), 20);
  ck_assert_uint_eq (server_connections (&server), 1);
  end ();
}
END_TEST

START_TEST (test_a_slow_reader_loses_nothing)
{
  struct play_answer *a;
  size_t granted = WIRE_CREDIT_BYTES;
  unsigned int i;

  begin ();
  play.window = 0;
  play_get (&play, 1, at ("/big"));
  play_for (&play, 700);
  a = &play.a[1];
  ck_assert_uint_eq (a->body.len, WIRE_CREDIT_BYTES);
  ck_assert (!a->done);
  /* Other requests go on meanwhile. */
  ck_assert_int_eq (play_fetch (&play, 2, at ("/plain"))->result, 0);
  /* Odd pieces, from one byte on. */
  for (i = 1; !a->done; i = i * 3 + 1)
    {
      struct wire_credit c = { MIN (i, 300000u) };

      play_to_peer (&play, WIRE_CREDIT, 1, &c);
      granted += c.bytes;
      play_for (&play, 30);
      ck_assert_uint_le (a->body.len, granted);
    }
  ck_assert_int_eq (a->result, 0);
  ck_assert_uint_eq (a->body.len, 2u * 1024 * 1024);
  for (i = 0; i < a->body.len / 64; i++)
    ck_assert_uint_eq (strtoul (a->body.data + i * 64, NULL, 10), i);
  end ();
}
END_TEST

START_TEST (test_eight_are_fetched_ahead_and_a_ninth_is_refused)
{
  char path[32];
  uint32_t i;

  begin ();
  /* The gate opens only once all eight stand before it. */
  for (i = 1; i <= 7; i++)
    {
      (void) snprintf (path, sizeof path, "/gate/%u", i);
      play_get (&play, i, at (path));
    }
  play_get (&play, 8, at ("/silent"));
  play_get (&play, 9, at ("/plain"));
  ck_assert (play_until (&play, &play.a[9].done));
  ck_assert_int_eq (play.a[9].result, USHER_E_MISUSE);
  play_to_peer (&play, WIRE_CLOSE, 8, NULL);
  play_get (&play, 10, at ("/gate/8"));
  for (i = 1; i <= 7; i++)
    {
      ck_assert (play_until (&play, &play.a[i].done));
      ck_assert_int_eq (play.a[i].result, 0);
    }
  ck_assert (play_until (&play, &play.a[10].done));
  end ();
}
END_TEST

START_TEST (test_what_is_compressed_is_counted_unpacked)
{
  struct play_answer *a;

  begin ();
  a = fetch ("/gzip");
  ck_assert_int_eq (a->result, 0);
  ck_assert_str_eq (a->body.data, "hello, hello, hello");
  ck_assert_ptr_null (strcasestr (a->headers, "content-encoding"));
  ck_assert_ptr_null (strcasestr (a->headers, "content-length"));
  a = request ((struct wire_open) { .method = "GET", .max_bytes = 1000000 }, "/bomb");
  expect_fault (a, USHER_E_LIMIT, "127.0.0.1");
  ck_assert_uint_le (a->body.len, 1000000);
  ck_assert_uint_eq (play_tally (&play, 1)->short_bodies, 1);
  end ();
}
END_TEST

START_TEST (test_a_body_without_end_ends_at_its_limit)
{
  begin ();
  expect_fault (request ((struct wire_open) { .method = "GET", .max_bytes = 100000 }, "/endless"),
                USHER_E_LIMIT, "127.0.0.1");
  expect_fault (fetch ("/header-bomb"), USHER_E_LIMIT, "127.0.0.1");
  end ();
}
END_TEST

START_TEST (test_a_cut_body_is_short)
{
  static const char *const paths[] = { "/short", "/short-chunk" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (paths); i++)
    {
      const struct wire_tally *t;
      struct play_answer *a;

      begin ();
      a = fetch (paths[i]);
      expect_fault (a, USHER_E_NETWORK, "127.0.0.1");
      ck_assert (a->headed);
      t = play_tally (&play, 1);
      ck_assert_uint_eq (t->short_bodies, 1);
      ck_assert_ptr_nonnull (t->why);
      end ();
    }
}
END_TEST

START_TEST (test_redirects_stay_among_the_hosts)
{
  struct play_answer *a;

  begin ();
  a = fetch ("/redirect/within");
  ck_assert_int_eq (a->result, 0);
  ck_assert_str_eq (a->url, at ("/plain"));
  expect_proved (1);
  a = fetch ("/redirect/foreign");
  expect_fault (a, USHER_E_SHAPE, "login.other.example");
  ck_assert (!a->headed);
  ck_assert_uint_eq (play_tally (&play, 1)->foreign_redirects, 1);
  expect_fault (fetch ("/redirect/private"), USHER_E_SHAPE, "10.0.0.1");
  expect_fault (fetch ("/redirect/loop"), USHER_E_SHAPE, "127.0.0.1");
  ck_assert_uint_eq (server_seen (&server, "/redirect/loop"), 6);
  a = request ((struct wire_open) { .method = "GET", .flags = USHER_H_NO_FOLLOW, .accept = "302" },
               "/redirect/foreign");
  ck_assert_int_eq (a->status, 302);
  ck_assert_int_eq (a->result, 0);
  end ();
}
END_TEST

START_TEST (test_a_redirect_changes_the_method_as_it_should)
{
  struct usher_kv type = { "Content-Type", "text/plain" };
  struct wire_open o = { .method = "POST", .headers = { &type, 1 }, .body = { "body", 4 } };

  begin ();
  ck_assert_int_eq (request (o, "/redirect/post")->result, 0);
  ck_assert (server_last_has (&server, "GET /echo HTTP/1.1\r\n"));
  ck_assert (!server_last_has (&server, "Content-Type"));
  ck_assert_int_eq (request (o, "/redirect/keep")->result, 0);
  ck_assert (server_last_has (&server, "POST /echo HTTP/1.1\r\n"));
  ck_assert (server_last_has (&server, "\r\n\r\nbody"));
  end ();
}
END_TEST

START_TEST (test_secrets_do_not_follow_a_redirect_to_another_host)
{
  struct usher_kv key = { "X-Key", PLAY_TOKEN };
  struct wire_open o = { .method = "GET", .auth = "bearer", .headers = { &key, 1 } };

  begin ();
  ck_assert_int_eq (request (o, "/redirect/localhost")->result, 0);
  ck_assert (server_last_has (&server, "Host: localhost:"));
  ck_assert (!server_last_has (&server, "tok/en"));
  ck_assert (!server_last_has (&server, "Authorization"));
  end ();
}
END_TEST

#ifdef USHER_TEST_HOOKS
START_TEST (test_a_name_cannot_lead_to_a_private_address)
{
  char app[64], resolve[64], env[128];

  server_start (&server);
  (void) snprintf (app, sizeof app, "http://app.test:%d", server.port);
  (void) snprintf (resolve, sizeof resolve, "app.test:%d:127.0.0.1", server.port);
  (void) snprintf (env, sizeof env, "USHER_TEST_RESOLVE=%s", resolve);
  begin_with ((struct setup) { .origins = { app }, .env = env });
  (void) snprintf (origin, sizeof origin, "%s", app);
  expect_fault (fetch ("/plain"), USHER_E_CONFIG, "app.test");
  ck_assert_uint_eq (server_connections (&server), 0);
  end ();
  /* The same name may go there when its network is listed: so the name did lead there. */
  begin_with ((struct setup) { .origins = { app }, .private_ok = { "127.0.0.0/8" }, .env = env });
  (void) snprintf (origin, sizeof origin, "%s", app);
  ck_assert_int_eq (fetch ("/plain")->result, 0);
  ck_assert_uint_eq (server_connections (&server), 1);
  end ();
}
END_TEST
#endif

START_TEST (test_localhost_may_be_named_by_the_hub)
{
  char url[128];

  begin ();
  (void) snprintf (url, sizeof url, "%s/plain", localhost);
  ck_assert_int_eq (play_fetch (&play, 1, url)->result, 0);
  end ();
}
END_TEST

START_TEST (test_an_unlisted_host_is_misuse)
{
  begin ();
  expect_fault (play_fetch (&play, 1, "http://127.0.0.1:1/x"), USHER_E_MISUSE, "127.0.0.1:1");
  expect_fault (play_fetch (&play, 1, "https://127.0.0.1/x"), USHER_E_MISUSE, "127.0.0.1:443");
  ck_assert_int_eq (play_fetch (&play, 1, "file:///etc/passwd")->result, USHER_E_MISUSE);
  ck_assert_uint_eq (play_tally (&play, 1)->refused, 3);
  end ();
}
END_TEST

START_TEST (test_secrets_are_put_in_their_places)
{
  struct usher_kv kv[] = { { "Content-Type", "application/json" }, { "X-Key", "v " PLAY_TOKEN } };
  struct wire_open o = { .method = "POST", .headers = { kv, 2 },
                         .body = { "{\"p\":\"" PLAY_TOKEN "\"}", 40 } };
  struct play_answer *a;

  begin ();
  a = request (o, "/echo?t=" PLAY_TOKEN);
  ck_assert_int_eq (a->result, 0);
  ck_assert (server_last_has (&server, "POST /echo?t=tok%2Fen%221 HTTP/1.1\r\n"));
  ck_assert (server_last_has (&server, "X-Key: v tok/en\"1\r\n"));
  ck_assert (server_last_has (&server, "{\"p\":\"tok/en\\\"1\"}"));
  ck_assert (server_last_has (&server, "Content-Length: 17\r\n"));
  /* The worker sees its own address again. */
  ck_assert_ptr_nonnull (strstr (a->url, PLAY_TOKEN));
  end ();
}
END_TEST

START_TEST (test_a_secret_for_another_host_is_not_sent)
{
  struct usher_kv key = { "X-Key", OTHER_TOKEN };

  begin ();
  expect_fault (request ((struct wire_open) { .method = "GET", .headers = { &key, 1 } }, "/echo"),
                USHER_E_MISUSE, "127.0.0.1");
  expect_fault (request ((struct wire_open) { .method = "GET", .auth = "other" }, "/echo"),
                USHER_E_MISUSE, "127.0.0.1");
  expect_fault (request ((struct wire_open) { .method = "PUT", .body = { OTHER_TOKEN, 32 } },
                         "/echo"), USHER_E_MISUSE, "127.0.0.1");
  ck_assert_uint_eq (server_connections (&server), 0);
  end ();
}
END_TEST

START_TEST (test_auth_rules_prove_a_request)
{
  begin ();
  ck_assert_int_eq (request ((struct wire_open) { .method = "GET", .auth = "bearer" },
                             "/echo")->result, 0);
  ck_assert (server_last_has (&server, "Authorization: Bearer tok/en\"1\r\n"));
  ck_assert_int_eq (request ((struct wire_open) { .method = "GET", .auth = "all" },
                             "/echo?a=b")->result, 0);
  ck_assert (server_last_has (&server, "Authorization: Basic dG9rL2VuIjE6\r\n"));
  ck_assert (server_last_has (&server, "X-Key: tok/en\"1\r\n"));
  ck_assert (server_last_has (&server, "/echo?a=b&k=tok%2Fen%221&proof="));
  ck_assert_int_eq (request ((struct wire_open) { .method = "GET", .auth = "none" },
                             "/echo")->result, USHER_E_MISUSE);
  end ();
}
END_TEST

START_TEST (test_requests_of_bad_form_are_misuse)
{
  struct usher_kv split = { "X", "a\r\nY: b" }, host = { "Host", "x" }, name = { "a b", "c" };
  const struct usher_kv *bad[] = { &split, &host, &name };
  size_t i;

  begin ();
  for (i = 0; i < ARRAY_SIZE (bad); i++)
    ck_assert_int_eq (request ((struct wire_open) { .method = "GET", .headers = { bad[i], 1 } },
                               "/echo")->result, USHER_E_MISUSE);
  ck_assert_int_eq (request ((struct wire_open) { .method = "GET /x" }, "/")->result,
                    USHER_E_MISUSE);
  ck_assert_int_eq (request ((struct wire_open) { .method = "GET", .accept = "2" }, "/")->result,
                    USHER_E_MISUSE);
  ck_assert_uint_eq (server_connections (&server), 0);
  end ();
}
END_TEST

START_TEST (test_short_waits_are_kept_and_long_ones_told)
{
  static const char *const paths[] = { "/throttle/seconds", "/throttle/date" };
  struct play_answer *a;
  int64_t now;
  size_t i;

  begin ();
  for (i = 0; i < ARRAY_SIZE (paths); i++)
    {
      now = clock_mono_ms ();
      ck_assert_int_eq (fetch (paths[i])->result, 0);
      ck_assert_uint_eq (server_seen (&server, paths[i]), 2);
      ck_assert_int_ge (clock_mono_ms () - now, 900);
      expect_proved (1);
    }
  now = clock_now_ms ();
  a = fetch ("/throttle/long");
  expect_fault (a, USHER_E_RATE, "127.0.0.1");
  ck_assert (!a->headed);
  ck_assert_int_ge (a->until_ms, now + 3590000);
  ck_assert_uint_eq (play_tally (&play, 1)->refused, 1);
  end ();
}
END_TEST

START_TEST (test_a_change_is_not_repeated_when_the_app_slows_down)
{
  begin ();
  expect_fault (request ((struct wire_open) { .method = "POST" }, "/throttle/seconds"),
                USHER_E_RATE, "127.0.0.1");
  ck_assert_uint_eq (server_seen (&server, "/throttle/seconds"), 1);
  ck_assert_int_eq (request ((struct wire_open) { .method = "POST" }, "/flaky")->status, 503);
  ck_assert_uint_eq (server_seen (&server, "/flaky"), 1);
  end ();
}
END_TEST

START_TEST (test_a_failure_made_good_leaves_the_section_proved)
{
  begin ();
  ck_assert_int_eq (fetch ("/flaky")->status, 200);
  ck_assert_uint_eq (server_seen (&server, "/flaky"), 2);
  ck_assert_int_eq (fetch ("/drop-once")->status, 200);
  expect_proved (2);
  end ();
  begin ();
  expect_fault (fetch ("/drop"), USHER_E_NETWORK, "127.0.0.1");
  ck_assert_uint_eq (server_seen (&server, "/drop"), 3);
  ck_assert_uint_eq (play_tally (&play, 1)->refused, 1);
  end ();
}
END_TEST

START_TEST (test_a_change_without_an_answer_is_uncertain_and_sent_once)
{
  begin ();
  /* A pooled connection must not make libcurl send it again. */
  ck_assert_int_eq (fetch ("/plain")->result, 0);
  expect_fault (request ((struct wire_open) { .method = "POST", .body = { "x", 1 } }, "/drop"),
                USHER_E_UNCERTAIN, "127.0.0.1");
  ck_assert_uint_eq (server_seen (&server, "/drop"), 1);
  expect_fault (request ((struct wire_open) { .method = "DELETE", .timeout_ms = 300 }, "/silent"),
                USHER_E_UNCERTAIN, "127.0.0.1");
  end ();
  /* Nothing listens: nothing was sent. */
  begin_with ((struct setup) { .origins = { "http://127.0.0.1:1" } });
  (void) snprintf (origin, sizeof origin, "http://127.0.0.1:1");
  expect_fault (request ((struct wire_open) { .method = "POST" }, "/x"), USHER_E_NETWORK,
                "127.0.0.1");
  end ();
}
END_TEST

START_TEST (test_an_answer_that_does_not_come_times_out)
{
  begin ();
  expect_fault (request ((struct wire_open) { .method = "GET", .timeout_ms = 300 }, "/silent"),
                USHER_E_TIMEOUT, "127.0.0.1");
  end ();
}
END_TEST

START_TEST (test_the_witness_knows_refusals_and_odd_types)
{
  const struct wire_tally *t;

  begin ();
  ck_assert_int_eq (fetch ("/plain")->result, 0);
  ck_assert_int_eq (fetch ("/html")->result, 0);
  ck_assert_int_eq (fetch ("/gone")->status, 404);
  ck_assert_int_eq (request ((struct wire_open) { .method = "GET", .accept = "200,404" },
                             "/gone?2")->status, 404);
  t = play_tally (&play, 1);
  ck_assert_uint_eq (t->requests, 4);
  ck_assert_uint_eq (t->odd_types, 1);
  ck_assert_uint_eq (t->refused, 1);
  ck_assert_ptr_nonnull (strstr (t->why, "content type"));
  /* Told once; the next section begins anew. */
  ck_assert_uint_eq (play_tally (&play, 1)->requests, 0);
  end ();
}
END_TEST

START_TEST (test_evidence_holds_no_secret)
{
  begin ();
  ck_assert_int_eq (fetch ("/gone")->status, 404);
  (void) play_tally (&play, 1);
  ck_assert_uint_eq (play.evidences, 1);
  ck_assert_str_eq (play.evidence.data, "{\"detail\":\"[token]\"}");
  end ();
}
END_TEST

START_TEST (test_evidence_holds_no_secret_that_was_replaced)
{
  struct wire_secret_put second = { "token", "second", 0 };

  begin ();
  play_to_host (&play, WIRE_SECRET_PUT, &second);
  (void) play_tally (&play, 1);   /* answered in turn */
  (void) fetch ("/echo?t=" PLAY_TOKEN);
  ck_assert (server_last_has (&server, "GET /echo?t=second HTTP/1.1\r\n"));
  ck_assert_int_eq (fetch ("/gone")->status, 404);
  ck_assert_str_eq (play.evidence.data, "{\"detail\":\"[token]\"}");
  end ();
}
END_TEST

static void
replace_secrets_without_end (void)
{
  struct wire_secret_put put = { .name = "token" };
  char value[32];
  unsigned int i;

  for (i = 0; i < 300; i++)
    {
      (void) snprintf (value, sizeof value, "%u/\"+<value>", i);
      put.value = value;
      play_to_host (&play, WIRE_SECRET_PUT, &put);
    }
}

START_TEST (test_secrets_replaced_without_end_end_the_session)
{
  bool never = false;

  begin ();
  replace_secrets_without_end ();
  (void) play_until (&play, &never);
  ck_assert_ptr_nonnull (strstr (play.log.data, "replaced its secrets too often"));
  ck_assert_int_eq (play_wait (&play), 1);
}
END_TEST

/* What the endpoint answers may be the only refresh token that the app takes from now on. */
START_TEST (test_secrets_replaced_without_end_lose_no_renewal)
{
  struct wire_open o = { .ordinal = 1, .method = "GET", .url = origin, .auth = "access" };
  struct wire_token lent = { .renew = 1, .serial = 1, .due_in_ms = -1, .ends_in_ms = -1, .secret = "of-a-client",
                             .refresh = "to-renew" };
  struct wire_token refused = { .status = USHER_E_TOKEN, .text = "There is none." };
  bool never = false;

  begin_with ((struct setup) { .token_path = "/gate/token" });
  play_open (&play, 1, &o);
  ck_assert (play_until (&play, &play.token_asked));
  play_to_host (&play, WIRE_TOKEN, &lent);
  while (!server_seen (&server, "/gate/token"))
    play_for (&play, 10);
  replace_secrets_without_end ();
  do
    {
      play.logged = false;
      ck_assert (play_until (&play, &play.logged));
    }
  while (!strstr (play.log.data, "replaced its secrets too often"));
  ck_assert (!play.token_got);
  server_open_gate (&server);
  ck_assert (play_until (&play, &play.token_got));
  play_to_host (&play, WIRE_TOKEN, &refused);
  (void) play_until (&play, &never);
  ck_assert_int_eq (play_wait (&play), WIRE_EXIT_PROTOCOL);
}
END_TEST

START_TEST (test_odd_bytes_in_headers_do_no_harm)
{
  begin ();
  ck_assert_ptr_nonnull (strstr (fetch ("/latin")->headers, "J\xc3\xbcrgen"));
  ck_assert_int_eq (fetch ("/nul")->result, USHER_E_SHAPE);
  end ();
}
END_TEST

START_TEST (test_cookies_live_as_long_as_the_session_and_are_handed_back)
{
  char *jar;

  begin_with ((struct setup) { .keep_cookies = true });
  ck_assert_ptr_null (strstr (fetch ("/cookie")->headers, "s3ss10n"));
  ck_assert_ptr_nonnull (strstr (play.a[1].headers, "c5rf"));
  ck_assert_int_eq (fetch ("/echo")->result, 0);
  ck_assert (server_last_has (&server, "sid=s3ss10n"));
  play_to_host (&play, WIRE_END, NULL);
  wire_channel_done (&play.peer);
  play.peer.fd = -1;
  ck_assert (play_until (&play, &play.cookies_told));
  ck_assert_ptr_nonnull (strstr (play.cookies.data, "s3ss10n"));
  jar = strdup (play.cookies.data);
  end ();
  begin_with ((struct setup) { .keep_cookies = true, .cookies = jar });
  ck_assert_int_eq (fetch ("/echo")->result, 0);
  ck_assert (server_last_has (&server, "sid=s3ss10n"));
  end ();
  free (jar);
}
END_TEST

START_TEST (test_every_exchange_spends_a_permit_and_gives_it_back)
{
  struct wire_permit wait = { .rate = 0, .n = 0, .wait_ms = 100, .until_ms = 1 };
  struct wire_permit later = { .rate = 0, .n = 0, .wait_ms = 3600000, .until_ms = 77 };

  begin_with ((struct setup) { .rate = "[{\"key\":\"k\",\"per\":[\"10/s\"],\"in_flight\":1}]" });
  ck_assert_int_eq (fetch ("/redirect/within")->result, 0);
  (void) play_tally (&play, 1);
  ck_assert_uint_eq (play.asks, 2);
  ck_assert_uint_eq (play.seens, 2);
  ck_assert_int_eq (play.seen.status, 200);
  ck_assert_int_eq (play.seen.remaining, -1);
  play.grant = false;
  play_get (&play, 2, at ("/never"));
  play_for (&play, 100);
  ck_assert_uint_eq (play.asks, 3);
  play_to_host (&play, WIRE_PERMIT, &wait);
  play_for (&play, 400);
  ck_assert_uint_eq (play.asks, 4);
  play_to_host (&play, WIRE_PERMIT, &later);
  ck_assert (play_until (&play, &play.a[2].done));
  ck_assert_int_eq (play.a[2].result, USHER_E_RATE);
  ck_assert_int_eq (play.a[2].until_ms, 77);
  ck_assert_uint_eq (server_seen (&server, "/never"), 0);
  end ();
}
END_TEST

START_TEST (test_a_permit_that_nobody_needs_any_more_goes_back)
{
  begin_with ((struct setup) { .rate = "[{\"key\":\"k\",\"in_flight\":1}]" });
  play.grant = false;
  play_get (&play, 1, at ("/never"));
  play_for (&play, 100);
  ck_assert_uint_eq (play.asks, 1);
  play_to_peer (&play, WIRE_CLOSE, 1, NULL);
  play_for (&play, 50);
  play_to_host (&play, WIRE_PERMIT, &(struct wire_permit) { .n = 1 });
  play_for (&play, 100);
  ck_assert_uint_eq (play.seens, 1);
  ck_assert_int_eq (play.seen.status, 0);
  end ();
}
END_TEST

START_TEST (test_a_closed_request_says_nothing_more)
{
  begin ();
  play.window = 0;
  play_get (&play, 1, at ("/big"));
  play_for (&play, 200);
  ck_assert_uint_gt (play.a[1].body.len, 0);
  play_to_peer (&play, WIRE_CLOSE, 1, NULL);
  play_to_peer (&play, WIRE_CREDIT, 1, &(struct wire_credit) { 1000 });
  ck_assert_int_eq (play_fetch (&play, 2, at ("/plain"))->result, 0);
  ck_assert (!play.a[1].done);
  expect_proved (2);
  end ();
}
END_TEST

START_TEST (test_the_proxy_is_used_but_for_its_exceptions)
{
  char proxy[64];

  server_start (&server);
  (void) snprintf (proxy, sizeof proxy, "http://127.0.0.1:%d", server.port);
  begin_with ((struct setup) { .origins = { "http://app.test" }, .proxy = proxy });
  (void) snprintf (origin, sizeof origin, "http://app.test");
  ck_assert_int_eq (fetch ("/plain")->status, 200);
  ck_assert (server_last_has (&server, "GET http://app.test/plain HTTP/1.1\r\n"));
  end ();
  begin_with ((struct setup) { .proxy = proxy, .no_proxy = "app.test, 127.0.0.1" });
  ck_assert_int_eq (fetch ("/plain")->status, 200);
  ck_assert (server_last_has (&server, "GET /plain HTTP/1.1\r\n"));
  end ();
}
END_TEST

START_TEST (test_the_end_of_either_channel_ends_it)
{
  begin ();
  play_get (&play, 1, at ("/silent"));
  wire_channel_done (&play.peer);
  ck_assert_int_eq (play_wait (&play), 0);
  begin ();
  play_get (&play, 1, at ("/silent"));
  wire_channel_done (&play.host);
  ck_assert_int_eq (play_wait (&play), 0);
}
END_TEST

START_TEST (test_nonsense_ends_it)
{
  begin ();
  ck_assert (write (play.peer.fd, "nonsense, nonsense", 18) == 18);
  ck_assert_int_eq (play_wait (&play), WIRE_EXIT_PROTOCOL);
  play_start (&play, NULL, NULL);
  play_to_host (&play, WIRE_END, NULL);
  ck_assert_int_eq (play_wait (&play), 1);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_a_page_is_fetched_whole);
  tcase_add_test (t, test_connections_are_kept);
  tcase_add_test (t, test_a_slow_reader_loses_nothing);
  tcase_add_test (t, test_eight_are_fetched_ahead_and_a_ninth_is_refused);
  tcase_add_test (t, test_what_is_compressed_is_counted_unpacked);
  tcase_add_test (t, test_a_body_without_end_ends_at_its_limit);
  tcase_add_test (t, test_a_cut_body_is_short);
  tcase_add_test (t, test_redirects_stay_among_the_hosts);
  tcase_add_test (t, test_a_redirect_changes_the_method_as_it_should);
  tcase_add_test (t, test_secrets_do_not_follow_a_redirect_to_another_host);
#ifdef USHER_TEST_HOOKS /* the name service is told what to answer */
  tcase_add_test (t, test_a_name_cannot_lead_to_a_private_address);
#endif
  tcase_add_test (t, test_localhost_may_be_named_by_the_hub);
  tcase_add_test (t, test_an_unlisted_host_is_misuse);
  tcase_add_test (t, test_secrets_are_put_in_their_places);
  tcase_add_test (t, test_a_secret_for_another_host_is_not_sent);
  tcase_add_test (t, test_auth_rules_prove_a_request);
  tcase_add_test (t, test_requests_of_bad_form_are_misuse);
  tcase_add_test (t, test_short_waits_are_kept_and_long_ones_told);
  tcase_add_test (t, test_a_change_is_not_repeated_when_the_app_slows_down);
  tcase_add_test (t, test_a_failure_made_good_leaves_the_section_proved);
  tcase_add_test (t, test_a_change_without_an_answer_is_uncertain_and_sent_once);
  tcase_add_test (t, test_an_answer_that_does_not_come_times_out);
  tcase_add_test (t, test_the_witness_knows_refusals_and_odd_types);
  tcase_add_test (t, test_evidence_holds_no_secret);
  tcase_add_test (t, test_evidence_holds_no_secret_that_was_replaced);
  tcase_add_test (t, test_secrets_replaced_without_end_end_the_session);
  tcase_add_test (t, test_secrets_replaced_without_end_lose_no_renewal);
  tcase_add_test (t, test_odd_bytes_in_headers_do_no_harm);
  tcase_add_test (t, test_cookies_live_as_long_as_the_session_and_are_handed_back);
  tcase_add_test (t, test_every_exchange_spends_a_permit_and_gives_it_back);
  tcase_add_test (t, test_a_permit_that_nobody_needs_any_more_goes_back);
  tcase_add_test (t, test_a_closed_request_says_nothing_more);
  tcase_add_test (t, test_the_proxy_is_used_but_for_its_exceptions);
  tcase_add_test (t, test_the_end_of_either_channel_ends_it);
  tcase_add_test (t, test_nonsense_ends_it);
}

UNIT_MAIN ("net", fill)
