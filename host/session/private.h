/* What the files of a session share: its state, its two links, the call that runs.
   session.c opens, closes and ends it; frames.c judges and answers what the
   children send; call.c runs one operation.  */
#ifndef USHER_SESSION_PRIVATE_H
#define USHER_SESSION_PRIVATE_H

#include "host/session/secrets.h"
#include "host/session/session.h"
#include "host/session/supervisor.h"

#define SESSION_GRACE_MS 10000     /* to answer a cancel, a question, to take a frame */
#define SESSION_END_MS 1000        /* to end after an end of file */
#define SESSION_CLOSE_MS 6000      /* to end after END: net gives the worker 5 s */

#define SESSION_RENEW_MS 90000     /* a renewal of a token, once begun */

struct session_link
{
  struct wire_channel channel;
  struct buf out;                  /* what the socket has not taken yet */
  unsigned int replies;            /* queued since it last had taken everything */
  struct supervisor_child *child;
  char *who;                       /* owned; "the connector seat", "usher-net" */
};

/* Where a call stands; a set of these says when a message may come. */
#define CALL_NONE 1u               /* between two calls */
#define CALL_OPEN 2u               /* no section is open */
#define CALL_SECTION 4u
#define CALL_TALLY 8u              /* net is asked about a section; the worker must wait */
#define CALL_DONE 16u              /* RESULT is there and every section is judged */

/* One kind of operation. */
struct session_op
{
  uint32_t op;
  const char *name;
  uint32_t answers;                /* bit n: answer n fits */
  bool sections;                   /* may open sections */
  bool rows;                       /* rows may come outside sections */
  bool checkpoints;
  bool needs_member;               /* DONE without a member row is no answer */
};

struct session_fault
{
  int32_t code;
  char *text, *field, *url;        /* owned */
  int64_t until_ms;
};

struct session_call
{
  const struct session_op *op;
  const struct session_events *events;
  void *arg;
  struct session_limits limits;    /* with the defaults filled in */
  const bool *cancel;
  unsigned int state;              /* CALL_... */

  struct session_section section;  /* the one that is open; scope and why owned */
  uint64_t counted;                /* rows of it that came */
  bool broken_off;                 /* RESULT came while it was open */

  uint64_t rows, bytes, member_rows;
  uint32_t sections, facts, logs, chatter, states, empty_pages;
  uint64_t requests, answered;     /* net's tallies, summed: requests, bytes */

  uint32_t probed;                 /* bit n: rate key n has had its probe */
  int64_t told_until_ms;           /* wall; the longest wait that net was told of or told */

  struct session_fault fault;
  struct wire_result result;
  bool has_result;

  /* Set once the host itself ends the operation. */
  int32_t stop;                    /* USHER_E_..., 0 = not */
  bool stop_wins;                  /* even over a RESULT that says it was done */
  char *stop_text;                 /* owned */
  int64_t grace_until;             /* monotonic */

  int64_t tally_until;             /* monotonic */
  int64_t used_ms, waited_ms;      /* time spent, by the session and by the app's wish */
  int64_t last_tick;
  int64_t heard_ms;                /* monotonic: when a child last said something */
  bool quiet;                      /* the caller was told that this is long ago */
};

struct session
{
  struct supervisor *supervisor;
  char *name;                      /* owned; the hub's label, for the log */
  struct session_link worker, net;
  int wake_fd;
  struct session_secrets secrets;
  struct sieve sieve;              /* finds them in rows; made with the first that come */
  bool sieve_made;
  struct rate_table *rates;        /* borrowed */
  struct rate_rules rules;
  uint32_t lent[RATE_RULES_MAX];   /* permits that net holds */
  uint32_t probes;                 /* bit n: the permit of key n is a probe */
  int64_t wait_until[RATE_RULES_MAX];  /* monotonic: net waits because of the app */
  const struct session_tokens *tokens;  /* borrowed; NULL = there are none */
  void *tokens_arg;                /* owned, by way of tokens->done */
  bool renewing;                   /* net was lent a renewal, and has not told its end */
  int64_t renew_by_ms;             /* monotonic; then it never will */
  uint32_t ordinal;                /* of the last section */
  uint32_t doubt;                  /* the section that net doubts, 0 = none */
  uint32_t calls;
  struct arena message;
  struct session_call *call;       /* NULL between calls */
  const struct session_events *end_events;  /* borrowed, with its argument; may be NULL */
  void *end_arg;
  uint32_t end_logs, end_chatter;

  bool closing;                    /* no operation will follow */
  bool dead;                       /* broke the frames, was lost or killed */
  bool blameless;                  /* ... by usher-net, not by the connector */
  int32_t dead_status;
  char *dead_text;                 /* owned; NULL = no memory for it */
};

/* ---- session.c */

/* Ends the session for good: kills both children.  The first reason stays.  Answers
   -ECONNABORTED, so that callers can return it. */
int session_fail (struct session *s, int32_t status, const char *fmt, ...) _printf_ (3, 4);
/* LINK is at its end: says how its child ended. */
void session_lost (struct session *s, struct session_link *link);
/* Queues a message; as wire_encode. */
int session_queue (struct session_link *link, uint16_t type, uint32_t stream, const void *msg);
/* Writes what the socket takes. */
void session_push (struct session *s, struct session_link *link);
/* For messages, behind "in": "list", or where between its calls it is. */
const char *session_doing (const struct session *s);

/* Takes in what has come from LINK by now. */
void session_hear (struct session *s, struct session_link *link);

/* ---- frames.c */

/* Judges and handles every message of LINK that has been read. */
void session_take (struct session *s, struct session_link *link);
/* Whether LINK is to be read now: the worker waits while a section of it is judged. */
bool session_listens (const struct session *s, const struct session_link *link);

/* From now on VALUE is one of those that must not be seen; as session_secrets_put. */
int session_hide (struct session *s, const char *name, const char *value);
/* LINK did what its frames do not allow; -ECONNABORTED. */
int session_misuse (struct session *s, const struct session_link *link, uint16_t type, const char *why);

/* ---- renewal.c */

int session_take_token_ask (struct session *s, uint32_t stream, const union wire_message *m);
int session_take_token_got (struct session *s, uint32_t stream, const union wire_message *m);
/* Hears net, which is all that is left of S, until it has told how its renewal ended. */
void session_end_renewal (struct session *s);

/* ---- call.c */

/* The kind of operation WIRE_OP_...; NULL = there is none. */
const struct session_op *session_find_op (uint32_t op);
/* Frees what a call owns. */
void session_call_done (struct session_call *c);
/* Frees what a section of a call owns. */
void session_section_done (struct session_section *section);
/* The host ends the operation: the worker is told, and has the grace to answer. */
void session_stop (struct session *s, int32_t status, bool wins, const char *fmt, ...) _printf_ (4, 5);

#endif
