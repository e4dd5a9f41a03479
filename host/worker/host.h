/* What the helpers of the connector ABI stand on: one hub, one connector, one operation
   at a time.  Private to the worker: host-table.c has the helpers, rows.c those that
   list, http.c those that fetch, run.c the operations that call them. */
#ifndef USHER_WORKER_HOST_H
#define USHER_WORKER_HOST_H

#include <usher/connector.h>

#include "host/common/arena.h"
#include "host/common/buf.h"
#include "host/worker/link.h"
#include "host/worker/load.h"

#define HOST_LINES_MAX 200u       /* log lines of an operation */
#define HOST_LINE_MAX 1024u       /* bytes of one */
#define HOST_FACTS_MAX 1000u      /* of an operation */
#define HOST_BLOB_MAX 16384u      /* a cursor, a resume blob, a state value */
#define HOST_SENTENCE_MAX 4096u
#define HOST_FIELD_MAX 1024u
#define HOST_URL_MAX 16384u

/* Why an operation is about to fail; the last one that was told counts. */
struct host_fault
{
  int32_t code;                   /* 0 = none */
  char text[HOST_SENTENCE_MAX + 1], field[HOST_FIELD_MAX + 1], url[HOST_URL_MAX + 1];
  bool has_field, has_url;
  int64_t until_ms;
};

/* One request. */
struct host_stream
{
  uint32_t id;                    /* 0 = free */
  bool headed, done;
  int32_t status;                 /* of DONE */
  char text[HOST_SENTENCE_MAX + 1];
  int64_t until_ms;
  struct arena arena;             /* holds head */
  struct wire_head head;
  struct buf body;                /* received and not yet read from AT on */
  size_t at;
  uint32_t credit;                /* bytes that net may still send */
  uint32_t owed;                  /* bytes that were read and not yet given back */
};

struct host_section
{
  bool open;
  uint32_t ordinal, kind;
  uint64_t rows, requests;
};

struct host
{
  struct usher_ctx ctx;           /* first: this is what the connector holds */
  struct link link;
  /* the session */
  struct arena arena;             /* holds start */
  struct wire_start start;
  struct buf run;                 /* "run" of the app file */
  /* between operations */
  struct buf call;                /* the CALL that came, whole */
  bool called, ending;
  /* the operation */
  uint32_t op;                    /* WIRE_OP_..., 0 = none (open and close included) */
  bool busy, cancelled;
  int32_t broken;                 /* the connector broke the contract: how it will end */
  struct host_fault fault, net_fault;
  bool requested;                 /* a request was opened */
  uint32_t next_ordinal;
  struct host_section section;
  struct buf rows;                /* encoded and not yet sent */
  uint64_t emitted;
  unsigned int lines, facts, beats;
  /* the question to usherd that is open */
  uint32_t asked, waiting;        /* last stream used; the one waited for, 0 = none */
  int32_t reply_status;
  struct buf reply;               /* its value; what state_get lends */
  /* requests */
  struct host_stream streams[WIRE_REQUESTS_MAX];
  uint32_t last_stream;
};

static inline struct host *
host_of (struct usher_ctx *ctx)
{
  return (struct host *) (void *) ctx;
}

/* The table that the connector reaches through its context. */
extern const struct usher_host host_table;
extern const struct link_events host_events;

/* Takes waiting frames; 0, USHER_E_CANCELLED, or how the operation was broken already. */
int32_t host_enter (struct host *h);
/* The connector did what it must not: FMT is the sentence.  Remembers the first one, so
   that ignoring the answer does not make the operation succeed; answers
   USHER_E_MISUSE, or STATUS. */
int32_t host_misuse (struct host *h, const char *fmt, ...) _printf_ (2, 3);
int32_t host_refuse (struct host *h, int32_t status, const char *fmt, ...) _printf_ (3, 4);
/* The status for a message that could not be encoded. */
int32_t host_unsendable (struct host *h, int error, const char *what);
/* Sends a question and waits for its REPLY, whose status it answers. */
int32_t host_ask (struct host *h, uint16_t type, const void *msg);
/* Whether the LEN bytes at P hold a secret's stand-in. */
bool host_holds_secret (const struct host *h, const void *p, size_t len);

/* rows.c */
int32_t host_section (struct usher_ctx *ctx, uint32_t kind, const char *scope);
int32_t host_section_end (struct usher_ctx *ctx, uint32_t verdict, int64_t total, const char *why);
int32_t host_checkpoint (struct usher_ctx *ctx, const void *p, size_t len);
int32_t host_emit_member (struct usher_ctx *ctx, const struct usher_member *m);
int32_t host_emit_role (struct usher_ctx *ctx, const struct usher_role *r);
int32_t host_emit_object (struct usher_ctx *ctx, const struct usher_object *o);
int32_t host_emit_access (struct usher_ctx *ctx, const struct usher_member *who,
                          const struct usher_access *a);
int32_t host_emit_role_of (struct usher_ctx *ctx, const struct usher_member *who,
                           const struct usher_kv *role);
/* Sends the rows that are left. */
void host_flush_rows (struct host *h);

/* http.c */
int32_t host_http_open (struct usher_ctx *ctx, const struct usher_request *req, uint32_t *ret_h);
int32_t host_http_head (struct usher_ctx *ctx, uint32_t id, struct usher_response *ret);
int32_t host_http_read (struct usher_ctx *ctx, uint32_t id, void *buf, size_t cap,
                        size_t *ret_len);
void host_http_close (struct usher_ctx *ctx, uint32_t id);
/* Closes what the operation left open. */
void host_close_streams (struct host *h);
void host_on_peer (void *arg, const struct wire_frame *f);
void host_on_peer_gone (void *arg);

/* run.c: serves operations until END.  CONNECTOR is NULL when it could not be loaded:
   then WHY answers each. */
void run_session (struct host *h, const struct usher_connector *connector, const char *why);

#endif
