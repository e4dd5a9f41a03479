/* The engine: everything that Usher decides and does, behind one kind of call.  The
   API (and, through it, the command and the console) is the only caller.

   An action gets who asks, what about, and a JSON body; it answers JSON in the shape of
   interface.md, or a refusal.  Checks come in one order: permission, input, state,
   effect; the first that fails answers, and a refused action changed nothing. */
#ifndef USHER_ENGINE_ENGINE_H
#define USHER_ENGINE_ENGINE_H

#include <jansson.h>

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/id.h"
#include "host/conf/conf.h"
#include <usher/connector.h>

#include "host/engine/refusal.h"
#include "host/store/store.h"

struct engine;

struct engine_options
{
  const struct conf *conf;         /* borrowed for the life of the engine */
  struct store *store;             /* borrowed */
  const char *state_dir;
  const char *libexec_dir;         /* where usher-worker and usher-net are */
  const char *connector_path;      /* DIR[:DIR...] */
  const char *app_path;            /* DIR[:DIR...] */
  const char *library_path;        /* DIR[:DIR...], NULL = none */
  void (*restart) (void *arg);     /* asks the process to stop the engine and begin again; returns at once */
  void *restart_arg;
};

/* Opens vault, app files and connectors, rolls half-applied syncs forward, puts open
   tasks back into the queue, starts the threads.  On failure a sentence in *RET_WHY. */
int engine_start (const struct engine_options *options, struct engine **ret, char **ret_why);
/* Lets running tasks stop at a place they resume from, then ends all threads. */
void engine_stop (struct engine *e);
/* Reads app files and connectors again (SIGHUP); running sessions go on. */
void engine_reload (struct engine *e);

/* ---- Who asks. */

enum caller_kind
{
  CALLER_SOCKET,   /* the kernel vouches for it: acts as workspace Owner */
  CALLER_TOKEN,
  CALLER_SYSTEM,
};
#define SCOPE_READ 1u
#define SCOPE_WRITE 2u   /* members, syncs, people */
#define SCOPE_ADMIN 4u   /* hubs, accounts, tokens, connectors, set-up */

struct caller
{
  enum caller_kind kind;
  struct id person;        /* zero before set-up */
  struct id token;         /* CALLER_TOKEN */
  unsigned int scopes;     /* SCOPE_... */
  const char *trigger;     /* "cli", "api", "console", "schedule", "system" */
  const char *source;      /* address, for events; NULL = the socket */
  const char *client;      /* User-Agent; NULL = none */
};
/* The caller behind a bearer token: 1 and *RET (strings not set), 0 when there is no
   such token or it is expired or revoked. */
int engine_token_caller (struct engine *e, const char *token, struct caller *ret);
/* The caller on the socket. */
void engine_socket_caller (struct engine *e, struct caller *ret);

/* ---- Calls. */

struct call
{
  const struct caller *caller;
  const char *path[3];      /* what stood in the braces of the path: ids or names */
  json_t *body;             /* borrowed; an object, or NULL */
  const char *text;         /* a body that is not JSON (CSV), or NULL */
  size_t text_len;
  const struct usher_kv *query;
  size_t n_query;
  const char *cursor;       /* of a list; NULL = from the start */
  size_t limit;             /* of a list: 1 to 500 */
  bool confirmed;           /* "confirm": true, or ?confirm=true */
  const char *if_match;     /* entity tags, one of which the thing must have; NULL = whatever it is */
  struct call_key *key;     /* a write that is to happen once: see engine_key_begin; NULL = none */
};
/* The value of a query parameter, NULL when absent. */
const char *call_query (const struct call *c, const char *name);
/* Whether a query parameter is "true"; the API lets no value in but that and "false". */
bool call_flag (const struct call *c, const char *name);

/* The entity tag of a thing, made of what is shown of it. */
#define CALL_TAG_SIZE 35
int call_tag (const json_t *shown, char ret[CALL_TAG_SIZE]);
/* Whether TAG (NULL = none), or *, stands in LIST (If-Match, If-None-Match).  WEAK: weak
   tags count. */
bool call_tag_listed (const char *list, const char *tag, bool weak);

/* An Idempotency-Key on its way through one request. */
#define KEY_HASH_SIZE 65
struct call_key
{
  char name[KEY_HASH_SIZE];     /* of caller and key */
  char request[KEY_HASH_SIZE];  /* of method, path, query and body */
  bool replaces;            /* the engine's */
  struct call_key *next;    /* the engine's, until engine_key_end */
};
/* Of the request that C, METHOD, URL (as sent, without query) and its body are. */
void engine_key_make (const struct call *c, const char *key, const char *method, const char *url, const void *body,
                      size_t len, struct call_key *ret);
/* 1: the request was done; its answer, a new reference, in *RET.  0: it is to be done now,
   with K in its call; engine_key_end when it is over.  -ECANCELED: another request has the
   key, the same one is under way, or there are too many. */
int engine_key_begin (struct engine *e, struct call_key *k, json_t **ret, struct refusal *r);
/* After 0 and 1. */
void engine_key_end (struct engine *e, struct call_key *k);

/* ---- Events as they happen. */

struct event_stream;

/* The events behind the sequence AFTER (NULL = from now on) that the caller may see and
   the query (hub, person) asks for. */
int engine_stream_open (struct engine *e, const struct call *c, const uint64_t *after, struct event_stream **ret,
                        struct refusal *r);
/* Waits up to TIMEOUT_MS.  1: *RET is a new array of events, not empty, about as much as
   MAX bytes.  0: nothing came.  -ECANCELED: the caller may not see more, or the daemon
   ends.  No transaction is open while it waits or when it has returned. */
int engine_stream_read (struct event_stream *s, int64_t timeout_ms, size_t max, json_t **ret);
void engine_stream_close (struct event_stream *s);
/* All reads return from now on. */
void engine_streams_end (struct engine *e);

/* ---- For those who watch the daemon. */

/* Whether it does its work: the store answers and the clock's thread lives.  If not, *RET_WHY
   is a sentence (caller frees). */
bool engine_ready (struct engine *e, char **ret_why);
/* Appends metric families in the text form of OpenMetrics 1.0, without the end mark. */
int engine_metrics (struct engine *e, const struct call *c, struct buf *out, struct refusal *r);

/* ---- Backup and restore: bytes, so no actions.  They answer 0, or -ECANCELED and a
   refusal. */

struct backup;
/* A copy of the store as it is now, SIZE bytes. */
int engine_backup (struct engine *e, const struct call *c, struct backup **ret, uint64_t *ret_size, struct refusal *r);
/* Up to LEN bytes from AT on; how many, or a negative errno. */
ssize_t engine_backup_read (struct backup *b, uint64_t at, void *p, size_t len);
void engine_backup_close (struct backup *b);

struct restoring;
/* A backup is going to be received; on the socket also before set-up. */
int engine_restore_begin (struct engine *e, const struct call *c, struct restoring **ret, struct refusal *r);
int engine_restore_put (struct restoring *g, const void *p, size_t len, struct refusal *r);
/* All of it came: if it is whole, of no newer schema, and usher.key opens what is sealed in
   it, it will be in the store's place after engine_restart.  Until that is called everything
   is as before. */
int engine_restore_end (struct restoring *g, const struct call *c, json_t **ret, struct refusal *r);
/* Takes NULL. */
void engine_restore_close (struct restoring *g);
/* Stops the engine and starts it again, soon. */
void engine_restart (struct engine *e);

/* Answers 0 and a new reference in *RET, or -ECANCELED and a refusal.  Lists answer
   {"items": [...], "next": "..."}; what starts work answers the task. */
typedef int engine_action (struct engine *e, const struct call *c, json_t **ret, struct refusal *ret_refusal);

/* GET /status, /doctor; POST /setup {owner, name} */
engine_action engine_status, engine_doctor, engine_setup;
/* GET /apps, /apps/{app} */
engine_action engine_app_list, engine_app_show;
/* /hubs: connect (POST) answers {"hub": {...}, "task": {...}} */
engine_action engine_hub_list, engine_hub_connect, engine_hub_show, engine_hub_set, engine_hub_remove,
  engine_hub_restore, engine_hub_check, engine_hub_sync, engine_hub_set_account, engine_hub_roles,
  engine_hub_plan;
/* /accounts */
engine_action engine_account_list, engine_account_add, engine_account_show, engine_account_set,
  engine_account_remove;
/* /hubs/{hub}/members: path[0] = hub, path[1] = member */
engine_action engine_member_list, engine_member_show, engine_member_invite, engine_member_set_role,
  engine_member_remove, engine_member_resend, engine_member_match, engine_member_unlink, engine_member_exempt,
  engine_member_unexempt;
/* /people, POST /directory/import */
engine_action engine_person_list, engine_person_add, engine_person_show, engine_person_remove,
  engine_directory_import;
/* The body of an import is long: whether C may is asked before it is read, and there is one
   import at a time.  0, and engine_import_end when it is over however it went; or a refusal. */
int engine_import_begin (struct engine *e, const struct caller *c, struct refusal *ret_refusal);
void engine_import_end (struct engine *e);
/* /tasks */
engine_action engine_task_list, engine_task_show, engine_task_cancel, engine_task_retry;
/* /reports, /issues, /events */
engine_action engine_report_list, engine_report_show, engine_report_apply, engine_report_dismiss, engine_issue_list,
  engine_issue_read, engine_event_list;
/* /tokens: POST {name, scopes: [], expires_at} answers the token once, as "token" */
engine_action engine_token_list, engine_token_create, engine_token_revoke;
/* POST /key/rotate; GET /audit/verify */
engine_action engine_key_rotate, engine_audit_verify;
/* /connectors, POST /connectors/{name}/enable | disable */
engine_action engine_connector_list, engine_connector_enable, engine_connector_disable;

#endif
