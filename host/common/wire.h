/* The frames that usherd, usher-worker and usher-net exchange over socketpairs, and
   the codec of every message in them.  One table describes all messages; encoding,
   decoding, limits and tests walk that table.  All three processes treat what they
   receive as hostile: a message is either decoded whole and within its limits, or
   the channel is dead.

   A frame is a header of 12 bytes, little-endian (u32 payload length, u16 type,
   u16 flags, u32 stream), and up to 64 KiB of payload.  A message that needs more is
   cut into frames of the same type and stream, all but the last flagged MORE.  */
#ifndef USHER_COMMON_WIRE_H
#define USHER_COMMON_WIRE_H

#include <pthread.h>

#include <usher/connector.h>

#include "host/common/arena.h"
#include "host/common/base.h"
#include "host/common/buf.h"

#define WIRE_HEADER 12u
#define WIRE_PAYLOAD_MAX 65536u
#define WIRE_MORE 1u

/* Descriptors in the children: fd 3 leads to usherd, fd 4 to the sibling. */
#define WIRE_FD_HOST 3
#define WIRE_FD_PEER 4

enum wire_type
{
  /* usherd -> usher-worker */
  WIRE_START = 100,   /* once: which connector, which hub */
  WIRE_CALL = 110,    /* one operation; answered by RESULT */
  WIRE_REPLY = 120,   /* to the request of the same stream */
  WIRE_CANCEL = 130,  /* every helper answers CANCELLED from now on, until RESULT */
  WIRE_END = 140,     /* close the connector and exit 0 (to both children) */
  /* usher-worker -> usherd */
  WIRE_LOG = 200,     /* (from both children) */
  WIRE_FAULT = 210,
  WIRE_FACT = 220,
  WIRE_SECTION = 230,
  WIRE_ROWS = 240,    /* payload: rows as row.h encodes them, none cut; no MORE */
  WIRE_SECTION_END = 250,
  WIRE_CHECKPOINT = 260,  /* answered by REPLY */
  WIRE_STATE_GET = 270,   /* answered by REPLY */
  WIRE_STATE_PUT = 280,   /* answered by REPLY */
  WIRE_SECRET_PUT = 290,  /* answered by REPLY (from both children); usherd passes the
                             worker's on to net, without an answer */
  WIRE_RESULT = 300,
  /* usher-worker -> usher-net; stream = the request's handle */
  WIRE_OPEN = 400,
  WIRE_CREDIT = 410,
  WIRE_CLOSE = 420,
  /* usher-net -> usher-worker */
  WIRE_HEAD = 500,
  WIRE_BODY = 510,    /* payload: bytes as they are; no MORE */
  WIRE_DONE = 520,
  /* usherd -> usher-net */
  WIRE_NET_START = 600,
  WIRE_PERMIT = 610,
  WIRE_TALLY_ASK = 620,
  WIRE_TOKEN = 630,   /* what TOKEN_ASK and TOKEN_GOT are answered with */
  /* usher-net -> usherd */
  WIRE_ASK = 700,
  WIRE_SEEN = 710,
  WIRE_TALLY = 720,
  WIRE_COOKIES = 730,
  WIRE_EVIDENCE = 740,
  WIRE_DOUBT = 750,
  WIRE_TOKEN_ASK = 760,  /* net has no good access token */
  WIRE_TOKEN_GOT = 770,  /* what the token endpoint answered: usherd keeps it before it is used */
};

/* A request begins with this much credit: net may send that many bytes of its body.
   CREDIT gives back what the connector has read. */
#define WIRE_CREDIT_BYTES (256u * 1024)
/* Requests of one session that are open at a time. */
#define WIRE_REQUESTS_MAX 8u

/* What usher-worker exits with by itself; anything else is the connector's doing.  PROTOCOL is
   usher-net's as well, when it was the worker that broke the protocol. */
#define WIRE_EXIT_USAGE 64        /* bad arguments, no START */
#define WIRE_EXIT_UNCONFINED 69   /* it cannot be confined here: no session may start */
#define WIRE_EXIT_PROTOCOL 76     /* a frame that is broken or out of place */

/* What a decoded message points to lies in the arena given to wire_decode.  Strings
   are UTF-8, NUL-terminated; NULL where the sender sent none. */

struct wire_blob
{
  const void *data;
  size_t len;
};

struct wire_strings
{
  const char *const *v;
  size_t n;
};

struct wire_kvs
{
  const struct usher_kv *v;
  size_t n;
};

struct wire_start
{
  const char *connector;    /* path of the .so */
  const char *app;          /* app id */
  struct wire_blob run;     /* "run" of the app file, as it stands there; 1 MiB */
  struct wire_kvs conf;     /* name -> value; a name of many values comes several times */
  struct wire_kvs secrets;  /* name -> stand-in */
  uint32_t reveal;          /* 1: the stand-ins are real values ("reveal" of the app file) */
};

#define WIRE_OP_LOGIN 100u
#define WIRE_OP_CHECK 200u
#define WIRE_OP_LIST 300u
#define WIRE_OP_READ 400u
#define WIRE_OP_INVITE 500u
#define WIRE_OP_SET_ROLE 600u
#define WIRE_OP_SET_ACCESS 700u
#define WIRE_OP_REMOVE 800u
#define WIRE_OP_RESEND 900u

struct wire_call
{
  uint32_t op;              /* WIRE_OP_... */
  uint32_t ordinal;         /* of the first section this call will open */
  /* list */
  uint64_t kinds;
  struct wire_blob cursor;
  /* login */
  uint32_t why;             /* USHER_LOGIN_... */
  const char *code, *redirect_uri, *verifier;
  /* read and the writes */
  uint32_t attempt;
  struct wire_blob member;  /* a member row, row.h */
  struct wire_kvs roles;    /* the whole wanted set */
  struct wire_blob access;  /* access rows, row.h, one after the other */
  struct wire_kvs fields;
  const char *key;
  struct wire_blob resume;
};

struct wire_reply
{
  int32_t status;           /* 0 or USHER_E_... */
  struct wire_blob value;   /* of STATE_GET */
};

struct wire_log { uint32_t level; const char *text; };                 /* LOG_LEVEL_... */
struct wire_fault { int32_t code; const char *text, *field, *url; int64_t until_ms; };
struct wire_fact { const char *key, *value; };
struct wire_section { uint32_t ordinal, kind; const char *scope; };
struct wire_section_end
{
  uint32_t ordinal, verdict;  /* USHER_COMPLETE, USHER_PARTIAL */
  int64_t total;              /* -1 = not told */
  const char *why;
  uint64_t rows, requests;    /* counted by the worker's host table */
};
struct wire_checkpoint { struct wire_blob cursor; };
struct wire_state { const char *key; struct wire_blob value; };        /* GET: value empty */
struct wire_secret_put { const char *name, *value; int64_t expires_ms; };
struct wire_result { int32_t status; uint32_t called; };               /* called: 1 once a request was opened */

struct wire_open
{
  uint32_t ordinal;         /* section the request belongs to, 0 = none */
  uint32_t flags;           /* USHER_H_... */
  const char *method, *url, *auth, *accept;
  struct wire_kvs headers;
  struct wire_blob body;    /* 1 MiB */
  int64_t timeout_ms;       /* 0 = net's default */
  uint64_t max_bytes;       /* 0 = 64 MiB */
};
struct wire_credit { uint32_t bytes; };
struct wire_head { int32_t status; const char *url; struct wire_kvs headers; };
struct wire_done
{
  int32_t status;           /* 0 = whole; USHER_E_... */
  const char *text;         /* a sentence, NULL when whole */
  int64_t until_ms;         /* with a throttled status */
};

struct wire_secret
{
  const char *name, *standin, *value;
  struct wire_strings hosts;  /* "https://host:port" origins it may go to */
};

struct wire_net_start
{
  struct wire_strings origins;     /* allow-list: "https://host:port" */
  struct wire_strings private_ok;  /* networks in CIDR form that may be reached though private */
  struct wire_blob auth;           /* "auth" of the app file, JSON */
  struct wire_blob secrets;        /* struct wire_secret, encoded one after the other: wire_put_secret */
  struct wire_blob rate;           /* "rate" of the app file with its keys filled in, JSON */
  struct wire_blob cookies;        /* what COOKIES of an earlier session held */
  struct wire_blob oauth;          /* how access tokens are got, JSON; empty = they are not */
  const char *proxy, *no_proxy, *ca_file, *user_agent;
  uint32_t keep_cookies;           /* 1: the app file has session.cookies */
};

/* Permits are lent per rate key; usherd owns the buckets. */
struct wire_permit { uint32_t rate; uint32_t n; int64_t wait_ms; int64_t until_ms; };
struct wire_tally_ask { uint32_t ordinal; };
/* The section that has an answer which was not accepted and not made good since; 0 = none.  Told
   before the worker hears of the answer. */
struct wire_doubt { uint32_t ordinal; };
struct wire_ask { uint32_t rate; uint32_t n; };
/* STATUS: that of HTTP, USHER_E_RATE when the app says "not now", 0 when none came.  UNTIL_MS
   (wall, 0 = not told): before then no more than REMAINING may be asked (-1 = not told), of a
   refusal nothing. */
struct wire_seen { uint32_t rate; int32_t status; int64_t until_ms; int64_t remaining; };
struct wire_tally
{
  uint32_t ordinal;
  uint32_t zero;
  uint64_t requests, refused, short_bodies, foreign_redirects, odd_types, bytes;
  const char *why;                 /* the first reason that makes the section unproved */
};
struct wire_cookies { struct wire_blob jar; };
struct wire_evidence { int32_t status; const char *url; struct wire_blob body; };

/* Access tokens of an account are numbered; usherd has the latest.  SERIAL is of the one that net
   has and that is of no more use, 0 = none. */
struct wire_token_ask { uint64_t serial; };
/* One of: a status below 0, for those who wait; WAIT_MS, to ask or tell again after it; RENEW, for
   net to ask the token endpoint with what stands here; else ACCESS alone.  With RENEW, ACCESS is
   an older token that is good for a while yet. */
struct wire_token
{
  int32_t status;
  uint32_t renew;
  const char *text;                /* with a status: a sentence */
  int64_t until_ms, wait_ms;
  uint64_t serial;                 /* of ACCESS */
  const char *access;
  int64_t due_in_ms, ends_in_ms;   /* when it is to be renewed, and ends; -1 = not known */
  const char *id, *secret, *refresh;
};
/* STATUS below 0: there is no access token to be had; a refresh token is kept nevertheless. */
struct wire_token_got
{
  int32_t status;
  uint32_t zero;
  const char *text;
  int64_t until_ms;
  const char *access, *refresh;
  int64_t life_ms;                 /* -1 = not told */
};

/* Any message: what wire_decode fills. */
union wire_message
{
  struct wire_start start;
  struct wire_call call;
  struct wire_reply reply;
  struct wire_log log;
  struct wire_fault fault;
  struct wire_fact fact;
  struct wire_section section;
  struct wire_section_end section_end;
  struct wire_checkpoint checkpoint;
  struct wire_state state;
  struct wire_secret_put secret_put;
  struct wire_result result;
  struct wire_open open;
  struct wire_credit credit;
  struct wire_head head;
  struct wire_done done;
  struct wire_net_start net_start;
  struct wire_permit permit;
  struct wire_tally_ask tally_ask;
  struct wire_doubt doubt;
  struct wire_ask ask;
  struct wire_seen seen;
  struct wire_tally tally;
  struct wire_cookies cookies;
  struct wire_evidence evidence;
  struct wire_token_ask token_ask;
  struct wire_token token;
  struct wire_token_got token_got;
};

/* "START", for logs; "?" for a type that does not exist. */
const char *wire_name (uint16_t type);
/* The most bytes that a whole message of TYPE may have; 0 for an unknown type and for
   one without fields. */
size_t wire_max (uint16_t type);
/* What the payload of TYPE is: nothing known, fields, or bytes as they are (one frame). */
enum wire_form { WIRE_FORM_NONE, WIRE_FORM_FIELDS, WIRE_FORM_BYTES };
enum wire_form wire_form (uint16_t type);

/* Appends the message TYPE for STREAM to OUT as one or more frames.  MSG is the
   struct of that type, NULL for CANCEL, CLOSE and END.  -E2BIG when a field is over its
   limit or OUT over its maximum, -EINVAL when a string is not UTF-8 or a list has a
   NULL key or element.  Nothing is appended then, and OUT stays usable. */
int wire_encode (struct buf *out, uint16_t type, uint32_t stream, const void *msg);
/* The same for ROWS and BODY, whose payload is bytes: one frame, LEN at most 64 KiB. */
int wire_encode_bytes (struct buf *out, uint16_t type, uint32_t stream, const void *p, size_t len);

/* Decodes a whole message.  Strings and arrays lie in ARENA, blobs are borrowed from
   PAYLOAD (NULL when empty).  -EBADMSG when it is truncated, longer than its fields,
   over a limit, or holds a string that is not UTF-8; -ENOMEM when ARENA is full.  An
   arena of WIRE_ARENA_MAX holds any message. */
#define WIRE_ARENA_MAX (8u * 1024 * 1024)
int wire_decode (uint16_t type, const void *payload, size_t len, struct arena *arena,
                 union wire_message *ret);

/* struct wire_secret inside wire_net_start.secrets. */
int wire_put_secret (struct buf *out, const struct wire_secret *s);
/* The next secret at *AT (starts at 0); 1 and *ret, 0 at the end, -EBADMSG. */
int wire_next_secret (const struct wire_blob *b, size_t *at, struct arena *arena,
                      struct wire_secret *ret);

/* One end of a socketpair: reads frames, puts cut messages together, writes whole
   buffers.  One thread reads; wire_flush and wire_send may be called by several, and
   what each call writes stays together. */
struct wire_channel
{
  int fd;              /* owned; -1 = closed */
  pthread_mutex_t writing; /* held while a buffer is written */
  struct buf in;       /* bytes read and not yet taken; the other fields are the reader's */
  size_t at;           /* of them, already handed out */
  struct buf message;  /* the message being put together */
  uint16_t type;       /* its type, 0 = none */
  uint32_t stream;
  bool eof;
};

struct wire_frame
{
  uint16_t type;
  uint32_t stream;
  const void *payload; /* borrowed until the next wire_ call on the channel */
  size_t len;
};

void wire_channel_init (struct wire_channel *c, int fd /* takes */);
void wire_channel_done (struct wire_channel *c);
/* Reads once, without waiting when FD is non-blocking.  Bytes read, 0 at end of file,
   -EAGAIN, -EPIPE when the peer is gone, -ENOBUFS when whole messages wait to be taken
   by wire_next, or another negative errno. */
int wire_fill (struct wire_channel *c);
/* The next whole message already read: 1 and *ret, 0 when more must be read,
   -EBADMSG when the peer broke the format (unknown type, too long, wrong MORE). */
int wire_next (struct wire_channel *c, struct wire_frame *ret);
/* Fills and takes until there is a message; 1, 0 at a clean end of file, -EPIPE at one
   in mid-message, or another negative errno. */
int wire_wait (struct wire_channel *c, struct wire_frame *ret);
/* Writes all of OUT and resets it, waiting as long as needed.  -EPIPE when the peer
   is gone (no signal). */
int wire_flush (struct wire_channel *c, struct buf *out);
/* Writes what the peer takes without waiting and drops it from OUT: 0 when all went,
   -EAGAIN when some is left.  For one thread that serves several channels. */
int wire_push (struct wire_channel *c, struct buf *out);
/* Encodes one message and writes it. */
int wire_send (struct wire_channel *c, uint16_t type, uint32_t stream, const void *msg);

#endif
