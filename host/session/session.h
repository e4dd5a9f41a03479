/* A session: one worker and one net process that serve one hub.  This is usherd's side
   of the frames.  Everything the children send is hostile: a table says which message
   is allowed when, and every run has a maximum of rows, bytes and seconds.  A child
   that dies, hangs, floods or lies ends its session with an outcome that names it;
   nothing else notices.

   Knows the wire; knows nothing of the store, hubs or tasks. */
#ifndef USHER_SESSION_H
#define USHER_SESSION_H

#include "host/common/base.h"
#include "host/common/secret.h"
#include "host/common/wire.h"
#include "host/session/rate.h"

/* ---- The supervisor: the one thread that spawns (posix_spawn, never fork) and reaps
   (pidfd) the children of all sessions. */

struct supervisor;

struct supervisor_options
{
  const char *libexec_dir;        /* holds usher-worker and usher-net */
  const char *const *library_dirs; /* more folders with libraries, NULL-terminated; NULL = none */
};

int supervisor_start (const struct supervisor_options *options, struct supervisor **ret);
/* Ends every child that is left and the thread.  All sessions are closed before. */
void supervisor_stop (struct supervisor *s);

/* ---- Sessions. */

struct session_events;

/* A real value and where it may go.  VALUE NULL: there is none yet; the connector is told
   so, but what it puts later under this name may go there. */
struct session_secret
{
  const char *name, *value;
  const char *const *origins;  /* NULL-terminated, "https://host:port" */
};

/* An access token that usher-net asks for: see struct wire_token, whose fields these are. */
struct session_token
{
  int32_t status;
  char *text;                     /* owned */
  int64_t until_ms, wait_ms;
  bool renew;
  uint64_t serial;
  struct secret access;           /* owned; none where data is NULL */
  int64_t due_in_ms, ends_in_ms;
  struct secret id, secret, refresh;
};
void session_token_done (struct session_token *t);

/* Who keeps the access tokens of a session's account.  Called on the thread that runs
   session_call or session_close; each but done fills *RET (session_token_done). */
struct session_tokens
{
  /* The one with SERIAL is of no more use.  TRIES: also when the app has refused the account. */
  void (*ask) (void *arg, uint64_t serial, bool tries, struct session_token *ret);
  /* What the token endpoint answered after RENEW: kept before this returns, or wait_ms says when
     it is to be told again. */
  void (*got) (void *arg, const struct wire_token_got *got, struct session_token *ret);
  /* The session is over, and what was lent to it is free. */
  void (*done) (void *arg);
};

/* Everything borrowed until session_open returns. */
struct session_spec
{
  const char *name;               /* for messages: the hub's label */
  const char *connector_path, *app;
  const char *run;                /* text of "run" */
  size_t run_len;
  const struct usher_kv *conf;
  size_t n_conf;
  const struct session_secret *secrets;
  size_t n_secrets;
  bool reveal;
  const char *const *origins;     /* allow-list, NULL-terminated */
  const char *const *private_ok;  /* networks, NULL-terminated */
  const char *auth;               /* JSON text of "auth" */
  const char *oauth;              /* JSON text of how access tokens are got, NULL = they are not */
  const struct session_tokens *tokens;  /* with that; outlives the session */
  void *tokens_arg;               /* the session's from now on, also when it cannot be opened */
  const char *rate;               /* JSON text of "rate" with its keys filled in: an array */
  const void *cookies;
  size_t cookies_len;
  bool keep_cookies;
  const char *proxy, *no_proxy, *ca_file;  /* NULL = none, the system's */
  struct rate_table *rates;       /* the buckets that all sessions share; outlives the session */
  /* What usher-net tells at the very end: the cookies, the last answer.  Called by
     session_close, on its thread; only log, cookies and evidence are.  Both outlive the
     session; NULL = nobody wants it. */
  const struct session_events *end_events;
  void *end_arg;
};

struct session;

/* How an operation, or the start of a session, ended. */
struct session_outcome
{
  int32_t status;        /* USHER_DONE, _ALREADY, _INVITED, _ABSENT or USHER_E_... */
  bool called;           /* a request went out, or nobody knows: the app may have changed */
  bool crashed;          /* a child ended by itself, was killed, or broke the frames */
  bool blameless;        /* ... and it was usher-net: the connector is not to blame */
  char *text;            /* owned; a sentence, NULL = none */
  char *field, *url;     /* owned */
  int64_t until_ms;      /* of class 2 always told, at most RATE_WAIT_MAX_MS away, and the
                            rate keys are closed until then (it may have passed); else 0 = not told */
  uint64_t requests, bytes;  /* of its sections, as usher-net counted them */
  double cpu_seconds;    /* of both children so far */
};
void session_outcome_done (struct session_outcome *o);

/* The judgement of one section: the worker's word and net's tally of the same ordinal
   together.  A listing of members that asked the app nothing is not witnessed. */
struct session_section
{
  uint32_t ordinal, kind;
  const char *scope;
  uint32_t verdict;      /* USHER_COMPLETE, USHER_PARTIAL */
  int64_t total;         /* -1 = not told */
  uint64_t rows, requests, bytes;
  bool witnessed;        /* net saw only accepted, whole answers, and the counts agree */
  const char *why;       /* the first reason against; NULL = none */
};

/* What the caller does with what arrives.  Each answers 0 or a negative USHER_E_ status
   that ends the operation.  Called on the thread that runs session_call.  NULL = that
   message is refused as out of place (log, cookies, evidence: is dropped; section_end and quiet
   are optional). Texts are free of secrets; what they point to is borrowed for the call. */
struct session_events
{
  int32_t (*section) (void *arg, uint32_t ordinal, uint32_t kind, const char *scope);
  int32_t (*rows) (void *arg, uint32_t ordinal, const void *rows, size_t len, size_t n);
  int32_t (*section_end) (void *arg, const struct session_section *section);
  int32_t (*checkpoint) (void *arg, const void *cursor, size_t len);
  int32_t (*fact) (void *arg, const char *key, const char *value);
  int32_t (*state_get) (void *arg, const char *key, struct buf *ret);
  int32_t (*state_put) (void *arg, const char *key, const void *p, size_t len);
  int32_t (*secret_put) (void *arg, const char *name, const char *value, int64_t expires_ms);
  void (*log) (void *arg, uint32_t level, const char *text);
  void (*cookies) (void *arg, const void *p, size_t len);
  void (*evidence) (void *arg, int32_t status, const char *url, const void *body, size_t len);
  /* Nothing was heard of either child for SESSION_QUIET_MS; then, once, that it is over. */
  void (*quiet) (void *arg, bool quiet);
};
#define SESSION_QUIET_MS 5000

struct session_limits
{
  uint64_t rows_max, bytes_max;  /* 0 = 10,000,000 rows, no limit of bytes; cursors count */
  int64_t time_max_ms;           /* waits that the app asked for do not count */
  bool probes;                   /* one request of each rate key goes out although the app
                                    asked to wait; a good answer ends the wait */
};

/* Spawns both children and hands them their first frames.  0, or a negative errno with
   the reason in *RET_OUTCOME (crashed is set where a child ended at once), which is
   always filled: session_outcome_done. */
int session_open (struct supervisor *sup, const struct session_spec *spec, struct session **ret,
                  struct session_outcome *ret_outcome);
/* Ends both children (END, then a moment, then a kill) and frees.  A child that ended badly
   without an outcome that says so is named in the log, by a warning.  NULL is fine. */
void session_close (struct session *s);
DEFINE_CLEANUP (struct session *, session_close)
/* False once a child has ended: such a session is only good for closing. */
bool session_alive (struct session *s);

/* Runs one operation to its RESULT.  CALL's ordinal is filled in here.  When *CANCEL
   (any thread may set it, then call session_wake) turns true, the worker is told; it
   has 10 s to answer.  Always fills *RET (session_outcome_done); returns RET->status. */
int32_t session_call (struct session *s, const struct wire_call *call, const struct session_limits *limits,
                      const struct session_events *events, void *arg, const bool *cancel,
                      struct session_outcome *ret);
/* Whether the section under way has an answer that was not accepted and not made good by now: for
   the checkpoint event, which must not be gone on from then. */
bool session_doubts (const struct session *s);
/* Makes a session_call in another thread look at its cancel flag. */
void session_wake (struct session *s);

/* ---- Sessions kept for a moment after their task, so that ten changes sign in once. */

struct session_pool;
int session_pool_new (int64_t idle_ms, struct session_pool **ret);
void session_pool_free (struct session_pool *p);  /* closes all */
/* A live session kept under KEY (hub id and generation of its configuration), now the
   caller's; NULL = none. */
struct session *session_pool_take (struct session_pool *p, const char *key);
/* Gives one back; a dead one is closed.  At most one is kept a key. */
void session_pool_give (struct session_pool *p, const char *key, struct session *s /* takes */);
/* Closes those whose key begins with PREFIX (a hub's id: configuration changed). */
void session_pool_drop (struct session_pool *p, const char *prefix);
/* How many are kept. */
size_t session_pool_size (struct session_pool *p);
/* Closes what idled too long; answers the ms until the next one is due, -1 = none. */
int64_t session_pool_sweep (struct session_pool *p);

#endif
