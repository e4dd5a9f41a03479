/* Frames: every message survives the trip, and nothing else does. */
#include <config.h>

#include "unit.h"

#include <pthread.h>
#include <sys/socket.h>

#include "host/common/wire.h"

#define BLOB(text) { (text), sizeof (text) - 1 }

/* Every field of every message is filled with something that is not zero. */

static const struct usher_kv pairs[] = { { "base_url", "https://app.example.com" },
                                         { "roles", "é" }, { "roles", NULL }, { "", "" } };
static const char *const texts[] = { "https://app.example.com:443", "" };

#define PAIRS { pairs, ARRAY_SIZE (pairs) }
#define TEXTS { texts, ARRAY_SIZE (texts) }

static const struct wire_start start
  = { "/x/seat.so", "scim", BLOB ("{\"a\":1}"), PAIRS, PAIRS, 1 };
static const struct wire_call call = {
  WIRE_OP_LIST, 7, 1u << 3, BLOB ("members 41"), USHER_LOGIN_CODE, "code", "https://h/cb", "v", 2,
  BLOB ("member"), PAIRS, BLOB ("access"), PAIRS, "key", BLOB ("resume") };
static const struct wire_reply reply = { USHER_E_MISUSE, BLOB ("value") };
static const struct wire_log log_line = { 6, "one line" };
static const struct wire_fault fault
  = { USHER_E_FIELD, "a sentence", "email", "https://h/", INT64_MAX };
static const struct wire_fact fact = { "space.id", "42" };
static const struct wire_section section = { 3, USHER_S_MEMBERS, "active" };
static const struct wire_section_end section_end = { 3, USHER_PARTIAL, -1, "why", 1000, 11 };
static const struct wire_checkpoint checkpoint = { BLOB ("members\0" "82") };
static const struct wire_state state = { "etag", BLOB ("abc") };
static const struct wire_secret_put secret_put = { "token", "uS", INT64_MIN };
static const struct wire_result result = { USHER_ALREADY, 1 };
static const struct wire_open open_request = {
  3, USHER_H_SAFE, "GET", "https://app.example.com/", "default", "200,404", PAIRS,
  BLOB ("body"), 30000, 1u << 20 };
static const struct wire_credit credit = { 65536 };
static const struct wire_head head = { 200, "https://app.example.com/x", PAIRS };
static const struct wire_done done = { USHER_E_RATE, "too many", 1700000000123 };
static const struct wire_net_start net_start = {
  TEXTS, TEXTS, BLOB ("{}"), BLOB ("s"), BLOB ("[]"), BLOB ("jar"), BLOB ("{}"), "http://p:1", "localhost",
  "/ca.pem", "usher", 1 };
static const struct wire_permit permit = { 1, 5, 200, 1700000000123 };
static const struct wire_tally_ask tally_ask = { 9 };
static const struct wire_doubt doubt = { 9 };
static const struct wire_ask ask = { 1, 5 };
static const struct wire_seen seen = { 1, 429, 1700000000123, -1 };
static const struct wire_tally tally = { 9, 0, 5, 1, 1, 2, 3, 4096, "a page answered 500" };
static const struct wire_cookies cookies = { BLOB ("jar") };
static const struct wire_evidence evidence = { 500, "https://h/", BLOB ("<html>") };

static const struct wire_token_ask token_ask = { 7 };
static const struct wire_token token = {
  USHER_E_TOKEN, 1, "a sentence", 1700000000123, 100, 7, "access", 1800000, 3600000, "client",
  "secret", "refresh" };
static const struct wire_token_got token_got
  = { USHER_E_TOKEN, 0, "a sentence", 1700000000123, "access", "refresh", 3600000 };

static const struct
{
  uint16_t type;
  const void *msg;
  size_t size;
} samples[] = {
  { WIRE_START, &start, sizeof start },
  { WIRE_CALL, &call, sizeof call },
  { WIRE_REPLY, &reply, sizeof reply },
  { WIRE_CANCEL, NULL, 0 },
  { WIRE_END, NULL, 0 },
  { WIRE_LOG, &log_line, sizeof log_line },
  { WIRE_FAULT, &fault, sizeof fault },
  { WIRE_FACT, &fact, sizeof fact },
  { WIRE_SECTION, &section, sizeof section },
  { WIRE_SECTION_END, &section_end, sizeof section_end },
  { WIRE_CHECKPOINT, &checkpoint, sizeof checkpoint },
  { WIRE_STATE_GET, &state, sizeof state },
  { WIRE_STATE_PUT, &state, sizeof state },
  { WIRE_SECRET_PUT, &secret_put, sizeof secret_put },
  { WIRE_RESULT, &result, sizeof result },
  { WIRE_OPEN, &open_request, sizeof open_request },
  { WIRE_CREDIT, &credit, sizeof credit },
  { WIRE_CLOSE, NULL, 0 },
  { WIRE_HEAD, &head, sizeof head },
  { WIRE_DONE, &done, sizeof done },
  { WIRE_NET_START, &net_start, sizeof net_start },
  { WIRE_PERMIT, &permit, sizeof permit },
  { WIRE_TALLY_ASK, &tally_ask, sizeof tally_ask },
  { WIRE_DOUBT, &doubt, sizeof doubt },
  { WIRE_ASK, &ask, sizeof ask },
  { WIRE_SEEN, &seen, sizeof seen },
  { WIRE_TALLY, &tally, sizeof tally },
  { WIRE_COOKIES, &cookies, sizeof cookies },
  { WIRE_EVIDENCE, &evidence, sizeof evidence },
  { WIRE_TOKEN, &token, sizeof token },
  { WIRE_TOKEN_ASK, &token_ask, sizeof token_ask },
  { WIRE_TOKEN_GOT, &token_got, sizeof token_got },
};

/* Encodes sample I alone; the payload begins after one header. */
static void
encode (size_t i, struct buf *out)
{
  buf_reset (out);
  ck_assert_int_eq (wire_encode (out, samples[i].type, 77, samples[i].msg), 0);
  ck_assert_uint_ge (out->len, WIRE_HEADER);
}

START_TEST (test_every_type_has_a_sample_here)
{
  size_t covered = 0, i;
  unsigned int type;

  for (type = 0; type <= UINT16_MAX; type++)
    if (!streq (wire_name ((uint16_t) type), "?"))
      {
        for (i = 0; i < ARRAY_SIZE (samples) && samples[i].type != type; i++)
          ;
        ck_assert_msg (i < ARRAY_SIZE (samples) || type == WIRE_ROWS || type == WIRE_BODY,
                       "%s", wire_name ((uint16_t) type));
        covered++;
      }
  ck_assert_uint_eq (covered, ARRAY_SIZE (samples) + 2);
}
END_TEST

/* Equal bytes when encoded again say that no field changed; no word of the struct lost
   says that no field was left out of the table. */
START_TEST (test_every_message_survives_with_every_field)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (1u << 20), again = BUF_INIT (1u << 20);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  union wire_message m;
  size_t i, n;

  for (i = 0; i < ARRAY_SIZE (samples); i++)
    {
      encode (i, &out);
      ck_assert_int_eq (wire_decode (samples[i].type, out.data + WIRE_HEADER,
                                     out.len - WIRE_HEADER, &arena, &m), 0);
      for (n = 0; n + 8 <= samples[i].size; n += 8)
        {
          uint64_t sent, got;

          memcpy (&sent, (const char *) samples[i].msg + n, 8);
          memcpy (&got, (const char *) &m + n, 8);
          ck_assert_msg (!sent == !got, "%s at %zu", wire_name (samples[i].type), n);
        }
      buf_reset (&again);
      ck_assert_int_eq (wire_encode (&again, samples[i].type, 77, samples[i].msg ? &m : NULL), 0);
      ck_assert_uint_eq (again.len, out.len);
      ck_assert_mem_eq (again.data, out.data, out.len);
    }
}
END_TEST

START_TEST (test_strings_are_told_from_missing_ones)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  _cleanup_ (buf_done) struct buf out = BUF_INIT (4096);
  const struct wire_fault empty = { .text = "" };
  union wire_message m;

  ck_assert_int_eq (wire_encode (&out, WIRE_FAULT, 0, &empty), 0);
  ck_assert_int_eq (wire_decode (WIRE_FAULT, out.data + WIRE_HEADER, out.len - WIRE_HEADER,
                                 &arena, &m), 0);
  ck_assert_str_eq (m.fault.text, "");
  ck_assert_ptr_null (m.fault.field);
}
END_TEST

START_TEST (test_a_message_cut_anywhere_or_too_long_is_refused)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  _cleanup_ (buf_done) struct buf out = BUF_INIT (1u << 20);
  union wire_message m;
  size_t i, n;

  for (i = 0; i < ARRAY_SIZE (samples); i++)
    {
      encode (i, &out);
      for (n = 0; n < out.len - WIRE_HEADER; n++)
        ck_assert_int_eq (wire_decode (samples[i].type, out.data + WIRE_HEADER, n, &arena, &m),
                          -EBADMSG);
      buf_putc (&out, 0);
      ck_assert_int_eq (wire_decode (samples[i].type, out.data + WIRE_HEADER,
                                     out.len - WIRE_HEADER, &arena, &m), -EBADMSG);
      arena_reset (&arena);
    }
  ck_assert_int_eq (wire_decode (1, "", 0, &arena, &m), -EBADMSG);
  ck_assert_int_eq (wire_decode (WIRE_ROWS, "", 0, &arena, &m), -EBADMSG);
}
END_TEST

/* A struct with one long string or blob at its limit and one byte over it. */
static void
check_limit (uint16_t type, const void *fits, const void *over, size_t payload)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  _cleanup_ (buf_done) struct buf out = BUF_INIT (4u << 20);
  union wire_message m;

  buf_puts (&out, "before");
  ck_assert_int_eq (wire_encode (&out, type, 1, over), -E2BIG);
  ck_assert_str_eq (out.data, "before");
  ck_assert_int_eq (buf_error (&out), 0);
  buf_reset (&out);
  ck_assert_int_eq (wire_encode (&out, type, 1, fits), 0);
  if (payload <= WIRE_PAYLOAD_MAX)
    ck_assert_int_eq (wire_decode (type, out.data + WIRE_HEADER, out.len - WIRE_HEADER,
                                   &arena, &m), 0);
}

/* The u32 LEN and LEN bytes of 'a', after the LEAD bytes at HEAD. */
static int
decode_long (uint16_t type, const char *lead, size_t lead_len, uint32_t len)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  _cleanup_ (buf_done) struct buf in = BUF_INIT (4u << 20);
  union wire_message m;
  uint32_t i;

  buf_put (&in, lead, lead_len);
  buf_put_u32 (&in, len);
  for (i = 0; i < len; i++)
    buf_putc (&in, 'a');
  return wire_decode (type, in.data, in.len, &arena, &m);
}

START_TEST (test_limits_hold_on_both_sides)
{
  static char text[1025 + 1], blob[1024 * 1024 + 1];
  const struct wire_log over_line = { 6, text }, line = { 6, text + 1 };
  const struct wire_checkpoint cursor = { { blob, 16384 } }, over_cursor = { { blob, 16385 } };
  const struct wire_open body = { .method = "POST", .url = "u", .body = { blob, sizeof blob - 1 } };
  const struct wire_open over_body = { .method = "POST", .url = "u", .body = { blob, sizeof blob } };
  const struct wire_start run = { .run = { blob, sizeof blob - 1 } };
  const struct wire_start over_run = { .run = { blob, sizeof blob } };
  struct usher_kv many[70];
  const struct wire_open headers = { .headers = { many, 60 } }, over_headers = { .headers = { many, 70 } };
  size_t i;

  memset (text, 'a', 1025);
  for (i = 0; i < ARRAY_SIZE (many); i++)
    many[i] = (struct usher_kv) { "k", text };
  check_limit (WIRE_LOG, &line, &over_line, 1032);
  check_limit (WIRE_CHECKPOINT, &cursor, &over_cursor, 16388);
  check_limit (WIRE_OPEN, &body, &over_body, 1 << 20);
  check_limit (WIRE_START, &run, &over_run, 1 << 20);
  check_limit (WIRE_OPEN, &headers, &over_headers, 62000);
  ck_assert_int_eq (decode_long (WIRE_LOG, "\6\0\0\0", 4, 1024), 0);
  ck_assert_int_eq (decode_long (WIRE_LOG, "\6\0\0\0", 4, 1025), -EBADMSG);
  ck_assert_int_eq (decode_long (WIRE_CHECKPOINT, "", 0, 16384), 0);
  ck_assert_int_eq (decode_long (WIRE_CHECKPOINT, "", 0, 16385), -EBADMSG);
  ck_assert_int_eq (decode_long (WIRE_COOKIES, "", 0, 1u << 20), 0);
  ck_assert_int_eq (decode_long (WIRE_COOKIES, "", 0, (1u << 20) + 1), -EBADMSG);
}
END_TEST

START_TEST (test_what_is_not_text_is_refused_on_both_sides)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (4096);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  const struct usher_kv keyless = { NULL, "v" };
  const struct wire_log latin = { 6, "caf\xe9" };
  const struct wire_head no_key = { 200, "u", { &keyless, 1 } };
  union wire_message m;

  ck_assert_int_eq (wire_encode (&out, WIRE_LOG, 0, &latin), -EINVAL);
  ck_assert_int_eq (wire_encode (&out, WIRE_HEAD, 0, &no_key), -EINVAL);
  ck_assert_uint_eq (out.len, 0);
  ck_assert_int_eq (wire_decode (WIRE_LOG, "\6\0\0\0\1\0\0\0\xe9", 9, &arena, &m), -EBADMSG);
  ck_assert_int_eq (wire_decode (WIRE_LOG, "\6\0\0\0\1\0\0\0\0", 9, &arena, &m), -EBADMSG);
}
END_TEST

/* HEAD is a status, a url and pairs: the count of pairs is at byte 8. */
START_TEST (test_a_count_is_believed_only_as_far_as_the_bytes_go)
{
  _cleanup_ (buf_done) struct buf in = BUF_INIT (4096);
  struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  static const uint32_t lies[] = { 1, 2, 1000, 0x1fffffff, 0x20000000, 0x7fffffff, UINT32_MAX };
  union wire_message m;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (lies); i++)
    {
      buf_reset (&in);
      buf_put_u32 (&in, 200);
      buf_put_u32 (&in, UINT32_MAX);
      buf_put_u32 (&in, lies[i]);
      ck_assert_int_eq (wire_decode (WIRE_HEAD, in.data, in.len, &arena, &m), -EBADMSG);
      ck_assert_uint_eq (arena.used, 0);
    }
  arena_done (&arena);
}
END_TEST

START_TEST (test_a_full_arena_is_no_memory)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (4096);
  struct arena arena = ARENA_INIT (16);
  union wire_message m;

  ck_assert_int_eq (wire_encode (&out, WIRE_HEAD, 0, &head), 0);
  ck_assert_int_eq (wire_decode (WIRE_HEAD, out.data + WIRE_HEADER, out.len - WIRE_HEADER,
                                 &arena, &m), -ENOMEM);
  arena_done (&arena);
}
END_TEST

START_TEST (test_secrets_are_read_one_after_the_other)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (65536);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  const struct wire_secret one = { "token", "uS1", "t0ps3cret", TEXTS };
  const struct wire_secret two = { "username", "uS2", "ada", { NULL, 0 } };
  struct wire_blob b;
  struct wire_secret s;
  size_t at = 0, n;

  ck_assert_int_eq (wire_put_secret (&out, &one), 0);
  ck_assert_int_eq (wire_put_secret (&out, &two), 0);
  b = (struct wire_blob) { out.data, out.len };
  ck_assert_int_eq (wire_next_secret (&b, &at, &arena, &s), 1);
  ck_assert_str_eq (s.value, "t0ps3cret");
  ck_assert_uint_eq (s.hosts.n, 2);
  n = at;
  ck_assert_int_eq (wire_next_secret (&b, &at, &arena, &s), 1);
  ck_assert_str_eq (s.name, "username");
  ck_assert_int_eq (wire_next_secret (&b, &at, &arena, &s), 0);
  for (b.len = n + 1; b.len < out.len; b.len++)
    {
      at = n;
      ck_assert_int_eq (wire_next_secret (&b, &at, &arena, &s), -EBADMSG);
      ck_assert_uint_eq (at, n);
    }
}
END_TEST

/* Channels over a real socketpair.  */

static void
make_pair (struct wire_channel *a, struct wire_channel *b)
{
  int fds[2];

  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  wire_channel_init (a, fds[0]);
  wire_channel_init (b, fds[1]);
}

static void *
send_start (void *arg)
{
  static char blob[1024 * 1024];
  const struct wire_start big = { .connector = "/x.so", .run = { blob, sizeof blob } };

  memset (blob, 'x', sizeof blob);
  blob[sizeof blob - 1] = '!';
  return wire_send (arg, WIRE_START, 5, &big) == 0 ? arg : NULL;
}

START_TEST (test_a_message_of_many_frames_arrives_whole)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  struct wire_channel a, b;
  struct wire_frame f;
  union wire_message m;
  pthread_t thread;
  void *sent;

  make_pair (&a, &b);
  ck_assert_int_eq (pthread_create (&thread, NULL, send_start, &a), 0);
  ck_assert_int_eq (wire_wait (&b, &f), 1);
  ck_assert_int_eq (pthread_join (thread, &sent), 0);
  ck_assert_ptr_nonnull (sent);
  ck_assert_uint_eq (f.type, WIRE_START);
  ck_assert_uint_eq (f.stream, 5);
  ck_assert_int_eq (wire_decode (f.type, f.payload, f.len, &arena, &m), 0);
  ck_assert_uint_eq (m.start.run.len, 1024 * 1024);
  ck_assert_int_eq (((const char *) m.start.run.data)[m.start.run.len - 1], '!');
  ck_assert_int_eq (wire_send (&a, WIRE_CANCEL, 0, NULL), 0);
  wire_channel_done (&a);
  ck_assert_int_eq (wire_wait (&b, &f), 1);
  ck_assert_uint_eq (f.type, WIRE_CANCEL);
  ck_assert_int_eq (wire_wait (&b, &f), 0);
  ck_assert (b.eof);
  wire_channel_done (&b);
}
END_TEST

struct raw
{
  uint32_t len;
  uint16_t type, flags;
  uint32_t stream;
  uint32_t bytes;   /* that follow */
};

/* What wire_wait says after these frames and an end of file. */
static int
feed (const struct raw *frames, size_t n)
{
  _cleanup_ (buf_done) struct buf raw = BUF_INIT (1u << 20);
  struct wire_channel a, b;
  struct wire_frame f;
  size_t i, k;
  int r;

  for (i = 0; i < n; i++)
    {
      buf_put_u32 (&raw, frames[i].len);
      buf_put_u16 (&raw, frames[i].type);
      buf_put_u16 (&raw, frames[i].flags);
      buf_put_u32 (&raw, frames[i].stream);
      for (k = 0; k < frames[i].bytes; k++)
        buf_putc (&raw, 0);
    }
  make_pair (&a, &b);
  ck_assert_int_eq (wire_push (&a, &raw), 0);
  wire_channel_done (&a);
  do
    r = wire_wait (&b, &f);
  while (r == 1);
  wire_channel_done (&b);
  return r;
}

#define FEED(...)                                                       \
  feed ((const struct raw[]) { __VA_ARGS__ },                           \
        sizeof ((const struct raw[]) { __VA_ARGS__ }) / sizeof (struct raw))

START_TEST (test_frames_that_break_the_format_end_the_channel)
{
  ck_assert_int_eq (FEED ({ 0, WIRE_CANCEL, 0, 0, 0 }, { 65536, WIRE_BODY, 0, 9, 65536 }), 0);
  ck_assert_int_eq (FEED ({ 0, 99, 0, 0, 0 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 0, WIRE_CANCEL, 2, 0, 0 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 1, WIRE_CANCEL, 0, 0, 1 }), -EBADMSG);
  /* Judged by the header alone, before the payload is there. */
  ck_assert_int_eq (FEED ({ 65537, WIRE_BODY, 0, 0, 0 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ UINT32_MAX, WIRE_START, 0, 0, 0 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 1033, WIRE_LOG, 0, 0, 0 }), -EBADMSG);
  /* Cut in mid-frame. */
  ck_assert_int_eq (FEED ({ 10, WIRE_LOG, 0, 0, 9 }), -EPIPE);
}
END_TEST

START_TEST (test_more_is_for_full_frames_of_one_message)
{
  ck_assert_int_eq (FEED ({ 65536, WIRE_START, WIRE_MORE, 1, 65536 },
                          { 1, WIRE_START, 0, 1, 1 }), 0);
  ck_assert_int_eq (FEED ({ 65536, WIRE_START, WIRE_MORE, 1, 65536 },
                          { 0, WIRE_CANCEL, 0, 1, 0 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 65536, WIRE_START, WIRE_MORE, 1, 65536 },
                          { 1, WIRE_START, 0, 2, 1 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 65535, WIRE_START, WIRE_MORE, 1, 65535 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 0, WIRE_START, WIRE_MORE, 1, 0 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 65536, WIRE_BODY, WIRE_MORE, 1, 65536 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 65536, WIRE_ROWS, WIRE_MORE, 1, 65536 }), -EBADMSG);
  ck_assert_int_eq (FEED ({ 65536, WIRE_START, WIRE_MORE, 1, 65536 }), -EPIPE);
}
END_TEST

START_TEST (test_bytes_travel_as_they_are)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (1u << 20);
  static char blob[WIRE_PAYLOAD_MAX + 1];
  struct wire_channel a, b;
  struct wire_frame f;

  ck_assert_int_eq (wire_encode_bytes (&out, WIRE_BODY, 3, blob, sizeof blob), -E2BIG);
  ck_assert_int_eq (wire_encode_bytes (&out, WIRE_BODY, 3, blob, sizeof blob - 1), 0);
  ck_assert_int_eq (wire_encode_bytes (&out, WIRE_BODY, 4, "\xff\0", 2), 0);
  make_pair (&a, &b);
  ck_assert_int_eq (wire_push (&a, &out), 0);
  ck_assert_uint_eq (out.len, 0);
  ck_assert_int_eq (wire_wait (&b, &f), 1);
  ck_assert_uint_eq (f.len, WIRE_PAYLOAD_MAX);
  ck_assert_int_eq (wire_wait (&b, &f), 1);
  ck_assert_uint_eq (f.stream, 4);
  ck_assert_mem_eq (f.payload, "\xff\0", 2);
  wire_channel_done (&a);
  wire_channel_done (&b);
}
END_TEST

START_TEST (test_a_peer_that_is_gone_is_no_signal)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (4u << 20);
  struct wire_channel a, b;
  int i;

  make_pair (&a, &b);
  for (i = 0; i < 32; i++)
    ck_assert_int_eq (wire_encode (&out, WIRE_CHECKPOINT, 0,
                                   &(const struct wire_checkpoint) { { "x", 1 } }), 0);
  ck_assert_int_eq (wire_flush (&a, &out), 0);
  wire_channel_done (&b);
  ck_assert_int_eq (wire_send (&a, WIRE_CANCEL, 0, NULL), -EPIPE);
  wire_channel_done (&a);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_every_type_has_a_sample_here);
  tcase_add_test (t, test_every_message_survives_with_every_field);
  tcase_add_test (t, test_strings_are_told_from_missing_ones);
  tcase_add_test (t, test_a_message_cut_anywhere_or_too_long_is_refused);
  tcase_add_test (t, test_limits_hold_on_both_sides);
  tcase_add_test (t, test_what_is_not_text_is_refused_on_both_sides);
  tcase_add_test (t, test_a_count_is_believed_only_as_far_as_the_bytes_go);
  tcase_add_test (t, test_a_full_arena_is_no_memory);
  tcase_add_test (t, test_secrets_are_read_one_after_the_other);
  tcase_add_test (t, test_a_message_of_many_frames_arrives_whole);
  tcase_add_test (t, test_frames_that_break_the_format_end_the_channel);
  tcase_add_test (t, test_more_is_for_full_frames_of_one_message);
  tcase_add_test (t, test_bytes_travel_as_they_are);
  tcase_add_test (t, test_a_peer_that_is_gone_is_no_signal);
}

UNIT_MAIN ("wire", fill)
