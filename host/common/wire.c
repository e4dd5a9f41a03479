/* Owns the one table of messages that encoding, decoding and limits walk, and the header
   that a frame begins with.  Called by all three processes; allocates nothing by a number
   it was sent. */
#include <config.h>

#include "host/common/wire.h"

#include "host/common/row.h"
#include "host/common/text.h"

#define KIB 1024u
#define MIB (1024u * KIB)

/* Limits of single fields, in bytes. */
#define ID_MAX KIB
#define NAME_MAX_BYTES 256u
#define LINE_MAX_BYTES KIB        /* a log line, a sentence of a verdict */
#define SENTENCE_MAX (4 * KIB)
#define PATH_MAX_BYTES (4 * KIB)
#define URL_MAX (16 * KIB)
#define BLOB_MAX (16 * KIB)       /* a cursor, a resume blob, a state value */
#define VALUE_MAX (16 * KIB)      /* a secret */
#define LIST_MAX (64 * KIB)       /* a list of pairs or of names, with its lengths */
#define DOCUMENT_MAX MIB          /* an app file and its parts, a body */

#define NO_TEXT UINT32_MAX        /* length of a string that is not there */

enum kind
{
  KIND_END = 0,
  KIND_32,
  KIND_64,
  KIND_TEXT,     /* u32 length or NO_TEXT, bytes */
  KIND_BLOB,     /* u32 length, bytes */
  KIND_TEXTS,    /* u32 count, texts */
  KIND_PAIRS,    /* u32 count, two texts each */
};

struct field
{
  enum kind kind;
  uint32_t offset;
  uint32_t limit;  /* bytes of a text or blob; of a whole list, lengths included */
};

struct message
{
  uint16_t type;
  bool bytes;      /* the payload is bytes as they are: one frame, no fields */
  const char *name;
  const struct field *fields;
};

#define N32(s, m) { KIND_32, offsetof (struct s, m), 4 }
#define N64(s, m) { KIND_64, offsetof (struct s, m), 8 }
#define TEXT(s, m, max) { KIND_TEXT, offsetof (struct s, m), (max) }
#define BLOB(s, m, max) { KIND_BLOB, offsetof (struct s, m), (max) }
#define TEXTS(s, m, max) { KIND_TEXTS, offsetof (struct s, m), (max) }
#define PAIRS(s, m, max) { KIND_PAIRS, offsetof (struct s, m), (max) }
#define END { KIND_END, 0, 0 }

/* *INDENT-OFF* */
static const struct field none[] = { END };

static const struct field start[] = {
  TEXT (wire_start, connector, PATH_MAX_BYTES), TEXT (wire_start, app, NAME_MAX_BYTES),
  BLOB (wire_start, run, DOCUMENT_MAX), PAIRS (wire_start, conf, 4 * LIST_MAX),
  PAIRS (wire_start, secrets, LIST_MAX), N32 (wire_start, reveal), END };

static const struct field call[] = {
  N32 (wire_call, op), N32 (wire_call, ordinal), N64 (wire_call, kinds),
  BLOB (wire_call, cursor, BLOB_MAX), N32 (wire_call, why),
  TEXT (wire_call, code, VALUE_MAX), TEXT (wire_call, redirect_uri, URL_MAX),
  TEXT (wire_call, verifier, ID_MAX), N32 (wire_call, attempt),
  BLOB (wire_call, member, ROW_MAX), PAIRS (wire_call, roles, LIST_MAX),
  BLOB (wire_call, access, DOCUMENT_MAX), PAIRS (wire_call, fields, LIST_MAX),
  TEXT (wire_call, key, ID_MAX), BLOB (wire_call, resume, BLOB_MAX), END };

static const struct field reply[] = {
  N32 (wire_reply, status), BLOB (wire_reply, value, BLOB_MAX), END };

static const struct field log_line[] = {
  N32 (wire_log, level), TEXT (wire_log, text, LINE_MAX_BYTES), END };

static const struct field fault[] = {
  N32 (wire_fault, code), TEXT (wire_fault, text, SENTENCE_MAX),
  TEXT (wire_fault, field, ID_MAX), TEXT (wire_fault, url, URL_MAX),
  N64 (wire_fault, until_ms), END };

static const struct field fact[] = {
  TEXT (wire_fact, key, NAME_MAX_BYTES), TEXT (wire_fact, value, SENTENCE_MAX), END };

static const struct field section[] = {
  N32 (wire_section, ordinal), N32 (wire_section, kind),
  TEXT (wire_section, scope, ID_MAX), END };

static const struct field section_end[] = {
  N32 (wire_section_end, ordinal), N32 (wire_section_end, verdict),
  N64 (wire_section_end, total), TEXT (wire_section_end, why, LINE_MAX_BYTES),
  N64 (wire_section_end, rows), N64 (wire_section_end, requests), END };

static const struct field checkpoint[] = {
  BLOB (wire_checkpoint, cursor, BLOB_MAX), END };

static const struct field state[] = {
  TEXT (wire_state, key, ID_MAX), BLOB (wire_state, value, BLOB_MAX), END };

static const struct field secret_put[] = {
  TEXT (wire_secret_put, name, NAME_MAX_BYTES), TEXT (wire_secret_put, value, VALUE_MAX),
  N64 (wire_secret_put, expires_ms), END };

static const struct field result[] = {
  N32 (wire_result, status), N32 (wire_result, called), END };

static const struct field open_request[] = {
  N32 (wire_open, ordinal), N32 (wire_open, flags), TEXT (wire_open, method, 32),
  TEXT (wire_open, url, URL_MAX), TEXT (wire_open, auth, NAME_MAX_BYTES),
  TEXT (wire_open, accept, ID_MAX), PAIRS (wire_open, headers, LIST_MAX),
  BLOB (wire_open, body, DOCUMENT_MAX), N64 (wire_open, timeout_ms),
  N64 (wire_open, max_bytes), END };

static const struct field credit[] = { N32 (wire_credit, bytes), END };

static const struct field head[] = {
  N32 (wire_head, status), TEXT (wire_head, url, URL_MAX),
  PAIRS (wire_head, headers, 4 * LIST_MAX), END };

static const struct field done[] = {
  N32 (wire_done, status), TEXT (wire_done, text, SENTENCE_MAX),
  N64 (wire_done, until_ms), END };

static const struct field net_start[] = {
  TEXTS (wire_net_start, origins, LIST_MAX), TEXTS (wire_net_start, private_ok, LIST_MAX),
  BLOB (wire_net_start, auth, DOCUMENT_MAX), BLOB (wire_net_start, secrets, DOCUMENT_MAX),
  BLOB (wire_net_start, rate, DOCUMENT_MAX), BLOB (wire_net_start, cookies, DOCUMENT_MAX),
  BLOB (wire_net_start, oauth, DOCUMENT_MAX),
  TEXT (wire_net_start, proxy, PATH_MAX_BYTES),
  TEXT (wire_net_start, no_proxy, PATH_MAX_BYTES),
  TEXT (wire_net_start, ca_file, PATH_MAX_BYTES),
  TEXT (wire_net_start, user_agent, NAME_MAX_BYTES),
  N32 (wire_net_start, keep_cookies), END };

static const struct field permit[] = {
  N32 (wire_permit, rate), N32 (wire_permit, n), N64 (wire_permit, wait_ms),
  N64 (wire_permit, until_ms), END };

static const struct field tally_ask[] = { N32 (wire_tally_ask, ordinal), END };

static const struct field doubt[] = { N32 (wire_doubt, ordinal), END };

static const struct field ask[] = { N32 (wire_ask, rate), N32 (wire_ask, n), END };

static const struct field seen[] = {
  N32 (wire_seen, rate), N32 (wire_seen, status), N64 (wire_seen, until_ms),
  N64 (wire_seen, remaining), END };

static const struct field tally[] = {
  N32 (wire_tally, ordinal), N64 (wire_tally, requests), N64 (wire_tally, refused),
  N64 (wire_tally, short_bodies), N64 (wire_tally, foreign_redirects),
  N64 (wire_tally, odd_types), N64 (wire_tally, bytes),
  TEXT (wire_tally, why, LINE_MAX_BYTES), END };

static const struct field cookies[] = { BLOB (wire_cookies, jar, DOCUMENT_MAX), END };

static const struct field evidence[] = {
  N32 (wire_evidence, status), TEXT (wire_evidence, url, URL_MAX),
  BLOB (wire_evidence, body, 4 * LIST_MAX), END };

static const struct field token_ask[] = { N64 (wire_token_ask, serial), END };

static const struct field token[] = {
  N32 (wire_token, status), N32 (wire_token, renew), TEXT (wire_token, text, LINE_MAX_BYTES),
  N64 (wire_token, until_ms), N64 (wire_token, wait_ms), N64 (wire_token, serial),
  TEXT (wire_token, access, VALUE_MAX), N64 (wire_token, due_in_ms),
  N64 (wire_token, ends_in_ms), TEXT (wire_token, id, VALUE_MAX),
  TEXT (wire_token, secret, VALUE_MAX), TEXT (wire_token, refresh, VALUE_MAX), END };

static const struct field token_got[] = {
  N32 (wire_token_got, status), TEXT (wire_token_got, text, LINE_MAX_BYTES),
  N64 (wire_token_got, until_ms), TEXT (wire_token_got, access, VALUE_MAX),
  TEXT (wire_token_got, refresh, VALUE_MAX), N64 (wire_token_got, life_ms), END };

static const struct field secret[] = {
  TEXT (wire_secret, name, NAME_MAX_BYTES), TEXT (wire_secret, standin, NAME_MAX_BYTES),
  TEXT (wire_secret, value, VALUE_MAX), TEXTS (wire_secret, hosts, LIST_MAX), END };

static const struct message messages[] = {
  { WIRE_START, false, "START", start },
  { WIRE_CALL, false, "CALL", call },
  { WIRE_REPLY, false, "REPLY", reply },
  { WIRE_CANCEL, false, "CANCEL", none },
  { WIRE_END, false, "END", none },
  { WIRE_LOG, false, "LOG", log_line },
  { WIRE_FAULT, false, "FAULT", fault },
  { WIRE_FACT, false, "FACT", fact },
  { WIRE_SECTION, false, "SECTION", section },
  { WIRE_ROWS, true, "ROWS", none },
  { WIRE_SECTION_END, false, "SECTION_END", section_end },
  { WIRE_CHECKPOINT, false, "CHECKPOINT", checkpoint },
  { WIRE_STATE_GET, false, "STATE_GET", state },
  { WIRE_STATE_PUT, false, "STATE_PUT", state },
  { WIRE_SECRET_PUT, false, "SECRET_PUT", secret_put },
  { WIRE_RESULT, false, "RESULT", result },
  { WIRE_OPEN, false, "OPEN", open_request },
  { WIRE_CREDIT, false, "CREDIT", credit },
  { WIRE_CLOSE, false, "CLOSE", none },
  { WIRE_HEAD, false, "HEAD", head },
  { WIRE_BODY, true, "BODY", none },
  { WIRE_DONE, false, "DONE", done },
  { WIRE_NET_START, false, "NET_START", net_start },
  { WIRE_PERMIT, false, "PERMIT", permit },
  { WIRE_TALLY_ASK, false, "TALLY_ASK", tally_ask },
  { WIRE_ASK, false, "ASK", ask },
  { WIRE_SEEN, false, "SEEN", seen },
  { WIRE_TALLY, false, "TALLY", tally },
  { WIRE_COOKIES, false, "COOKIES", cookies },
  { WIRE_EVIDENCE, false, "EVIDENCE", evidence },
  { WIRE_DOUBT, false, "DOUBT", doubt },
  { WIRE_TOKEN, false, "TOKEN", token },
  { WIRE_TOKEN_ASK, false, "TOKEN_ASK", token_ask },
  { WIRE_TOKEN_GOT, false, "TOKEN_GOT", token_got },
};
/* *INDENT-ON* */

static const struct message *
find (uint16_t type)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (messages); i++)
    if (messages[i].type == type)
      return &messages[i];
  return NULL;
}

static size_t
message_max (const struct message *m)
{
  const struct field *f;
  size_t n = m->bytes ? WIRE_PAYLOAD_MAX : 0;

  for (f = m->fields; f->kind != KIND_END; f++)
    n += f->limit + (f->kind == KIND_TEXT || f->kind == KIND_BLOB ? 4 : 0);
  return n;
}

const char *
wire_name (uint16_t type)
{
  const struct message *m = find (type);

  return m ? m->name : "?";
}

size_t
wire_max (uint16_t type)
{
  const struct message *m = find (type);

  return m ? message_max (m) : 0;
}

enum wire_form
wire_form (uint16_t type)
{
  const struct message *m = find (type);

  if (!m)
    return WIRE_FORM_NONE;
  return m->bytes ? WIRE_FORM_BYTES : WIRE_FORM_FIELDS;
}

/* Encoding.  */

static int
put_text (struct buf *out, const char *s, size_t max)
{
  size_t len;

  if (!s)
    {
      buf_put_u32 (out, NO_TEXT);
      return 0;
    }
  len = strnlen (s, max + 1);
  if (len > max)
    return -E2BIG;
  if (!utf8_valid (s, len))
    return -EINVAL;
  buf_put_u32 (out, (uint32_t) len);
  buf_put (out, s, len);
  return 0;
}

static int
put_blob (struct buf *out, const struct wire_blob *b, size_t max)
{
  if (b->len > max)
    return -E2BIG;
  buf_put_u32 (out, (uint32_t) b->len);
  buf_put (out, b->data, b->len);
  return 0;
}

/* N elements of one text (STEP 1) or of a key and a value (STEP 2). */
static int
put_list (struct buf *out, const char *const *v, size_t n, size_t step, size_t max)
{
  size_t begin = out->len, i;
  int r;

  if (n > max / (4 * step))
    return -E2BIG;
  buf_put_u32 (out, (uint32_t) n);
  for (i = 0; i < n * step; i++)
    {
      if (!v[i] && i % step == 0)
        return -EINVAL;
      r = put_text (out, v[i], max);
      if (r < 0)
        return r;
      if (out->len - begin > max)
        return -E2BIG;
    }
  return 0;
}

/* A pair is two strings and nothing else, so an array of pairs reads as texts. */
static_assert (sizeof (struct usher_kv) == 2 * sizeof (char *), "a pair has no padding");

static int
put_field (struct buf *out, const struct field *f, const void *at)
{
  const struct wire_strings *texts = at;
  const struct wire_kvs *pairs = at;

  switch (f->kind)
    {
    case KIND_END:
      break;
    case KIND_32:
      buf_put_u32 (out, *(const uint32_t *) at);
      break;
    case KIND_64:
      buf_put_u64 (out, *(const uint64_t *) at);
      break;
    case KIND_TEXT:
      return put_text (out, *(const char *const *) at, f->limit);
    case KIND_BLOB:
      return put_blob (out, at, f->limit);
    case KIND_TEXTS:
      return put_list (out, texts->v, texts->n, 1, f->limit);
    case KIND_PAIRS:
      return put_list (out, (const char *const *) (const void *) pairs->v, pairs->n, 2, f->limit);
    }
  return 0;
}

static int
put_fields (struct buf *out, const struct field *fields, const void *msg)
{
  const struct field *f;
  int r;

  for (f = fields; f->kind != KIND_END; f++)
    {
      r = put_field (out, f, (const char *) msg + f->offset);
      if (r < 0)
        return r;
    }
  return buf_error (out);
}

static void
write_header (char *p, size_t len, uint16_t type, uint16_t flags, uint32_t stream)
{
  const uint32_t words[3] = { (uint32_t) len, type | (uint32_t) flags << 16, stream };
  size_t i;

  for (i = 0; i < WIRE_HEADER; i++)
    p[i] = (char) (words[i / 4] >> (8 * (i % 4)));
}

/* Cuts the payload of LEN bytes that begins one header after BEGIN into frames: makes
   room for the further headers from the last frame backwards, in place. */
static int
cut (struct buf *out, size_t begin, size_t len, uint16_t type, uint32_t stream)
{
  size_t frames = len <= WIRE_PAYLOAD_MAX ? 1 : (len + WIRE_PAYLOAD_MAX - 1) / WIRE_PAYLOAD_MAX;
  size_t more = (frames - 1) * WIRE_HEADER, i;
  char *base;

  if (!buf_reserve (out, more))
    return buf_error (out);
  out->len += more;
  out->data[out->len] = '\0';
  base = out->data + begin;
  for (i = frames; i-- > 0;)
    {
      size_t from = i * WIRE_PAYLOAD_MAX, n = MIN (len - from, WIRE_PAYLOAD_MAX);
      char *frame = base + i * (WIRE_HEADER + WIRE_PAYLOAD_MAX);

      memmove (frame + WIRE_HEADER, base + WIRE_HEADER + from, n);
      write_header (frame, n, type, i + 1 < frames ? WIRE_MORE : 0, stream);
    }
  return 0;
}

/* Takes back what was appended after LEN. */
static int
undo (struct buf *out, size_t len, int r)
{
  out->len = len;
  out->error = 0;
  if (out->data)
    out->data[len] = '\0';
  return r;
}

int
wire_encode (struct buf *out, uint16_t type, uint32_t stream, const void *msg)
{
  static const char room[WIRE_HEADER];
  const struct message *m = find (type);
  size_t begin = out->len;
  int r;

  assert (m && !m->bytes);
  if (buf_error (out))
    return buf_error (out);
  buf_put (out, room, sizeof room);
  r = put_fields (out, m->fields, msg);
  if (r == 0)
    r = cut (out, begin, out->len - begin - WIRE_HEADER, type, stream);
  return r < 0 ? undo (out, begin, r) : 0;
}

int
wire_encode_bytes (struct buf *out, uint16_t type, uint32_t stream, const void *p, size_t len)
{
  const struct message *m _unused_ = find (type);
  char header[WIRE_HEADER];
  size_t begin = out->len;

  assert (m && m->bytes);
  if (buf_error (out))
    return buf_error (out);
  if (len > WIRE_PAYLOAD_MAX)
    return -E2BIG;
  write_header (header, len, type, 0, stream);
  buf_put (out, header, sizeof header);
  buf_put (out, p, len);
  return buf_error (out) ? undo (out, begin, buf_error (out)) : 0;
}

/* Decoding.  */

struct reader
{
  const uint8_t *p;
  size_t left;
  struct arena *arena;
};

static int
get_number (struct reader *rd, size_t bytes, uint64_t *ret)
{
  uint64_t v = 0;
  size_t i;

  if (rd->left < bytes)
    return -EBADMSG;
  for (i = 0; i < bytes; i++)
    v |= (uint64_t) rd->p[i] << (8 * i);
  rd->p += bytes;
  rd->left -= bytes;
  *ret = v;
  return 0;
}

static int
get_text (struct reader *rd, size_t max, const char **ret)
{
  uint64_t len;
  char *copy;
  int r;

  r = get_number (rd, 4, &len);
  if (r < 0)
    return r;
  if (len == NO_TEXT)
    {
      *ret = NULL;
      return 0;
    }
  if (len > rd->left || len > max || !utf8_valid ((const char *) rd->p, len))
    return -EBADMSG;
  copy = arena_strndup (rd->arena, (const char *) rd->p, len);
  if (!copy)
    return -ENOMEM;
  PLANTED_BUG (copy, len);
  rd->p += len;
  rd->left -= len;
  *ret = copy;
  return 0;
}

static int
get_blob (struct reader *rd, size_t max, struct wire_blob *ret)
{
  uint64_t len;
  int r;

  r = get_number (rd, 4, &len);
  if (r < 0)
    return r;
  if (len > rd->left || len > max)
    return -EBADMSG;
  *ret = (struct wire_blob) { len ? rd->p : NULL, len };
  rd->p += len;
  rd->left -= len;
  return 0;
}

/* The reverse of put_list.  The count is believed only as far as the bytes go. */
static int
get_list (struct reader *rd, size_t step, size_t max, const char ***ret, size_t *ret_n)
{
  size_t before = rd->left, i;
  const char **v = NULL;
  uint64_t n;
  int r;

  r = get_number (rd, 4, &n);
  if (r < 0)
    return r;
  if (n > MIN (rd->left, max) / (4 * step))
    return -EBADMSG;
  if (n)
    {
      v = arena_array (rd->arena, n * step, sizeof *v);
      if (!v)
        return -ENOMEM;
    }
  for (i = 0; i < n * step; i++)
    {
      r = get_text (rd, max, &v[i]);
      if (r < 0)
        return r;
      if ((!v[i] && i % step == 0) || before - rd->left > max)
        return -EBADMSG;
    }
  *ret = v;
  *ret_n = n;
  return 0;
}

static int
get_field (struct reader *rd, const struct field *f, void *at)
{
  struct wire_strings *texts = at;
  struct wire_kvs *pairs = at;
  const char **v;
  uint64_t number;
  int r = 0;

  switch (f->kind)
    {
    case KIND_END:
      break;
    case KIND_32:
      r = get_number (rd, 4, &number);
      if (r == 0)
        *(uint32_t *) at = (uint32_t) number;
      break;
    case KIND_64:
      r = get_number (rd, 8, &number);
      if (r == 0)
        *(uint64_t *) at = number;
      break;
    case KIND_TEXT:
      r = get_text (rd, f->limit, at);
      break;
    case KIND_BLOB:
      r = get_blob (rd, f->limit, at);
      break;
    case KIND_TEXTS:
      r = get_list (rd, 1, f->limit, &v, &texts->n);
      if (r == 0)
        texts->v = v;
      break;
    case KIND_PAIRS:
      r = get_list (rd, 2, f->limit, &v, &pairs->n);
      if (r == 0)
        pairs->v = (const struct usher_kv *) (const void *) v;
      break;
    }
  return r;
}

static int
get_fields (struct reader *rd, const struct field *fields, void *ret)
{
  const struct field *f;
  int r;

  for (f = fields; f->kind != KIND_END; f++)
    {
      r = get_field (rd, f, (char *) ret + f->offset);
      if (r < 0)
        return r;
    }
  return 0;
}

int
wire_decode (uint16_t type, const void *payload, size_t len, struct arena *arena,
             union wire_message *ret)
{
  const struct message *m = find (type);
  struct reader rd = { payload, len, arena };
  union wire_message msg;
  int r;

  if (!m || m->bytes)
    return -EBADMSG;
  memset (&msg, 0, sizeof msg);
  r = get_fields (&rd, m->fields, &msg);
  if (r < 0)
    return r;
  if (rd.left)
    return -EBADMSG;
  *ret = msg;
  return 0;
}

int
wire_put_secret (struct buf *out, const struct wire_secret *s)
{
  size_t begin = out->len;
  int r;

  if (buf_error (out))
    return buf_error (out);
  r = put_fields (out, secret, s);
  return r < 0 ? undo (out, begin, r) : 0;
}

int
wire_next_secret (const struct wire_blob *b, size_t *at, struct arena *arena,
                  struct wire_secret *ret)
{
  struct reader rd = { NULL, 0, arena };
  struct wire_secret s = { 0 };
  int r;

  assert (*at <= b->len);
  if (*at == b->len)
    return 0;
  rd.p = (const uint8_t *) b->data + *at;
  rd.left = b->len - *at;
  r = get_fields (&rd, secret, &s);
  if (r < 0)
    return r;
  *at = b->len - rd.left;
  *ret = s;
  return 1;
}
