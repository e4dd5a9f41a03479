/* What the files of the engine share with each other, and nobody outside it sees. */
#ifndef USHER_ENGINE_INTERNAL_H
#define USHER_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/apps/apps.h"
#include "host/engine/engine.h"
#include "host/session/rate.h"
#include "host/session/session.h"
#include "host/vault/vault.h"

#define ENGINE_LIST_MAX 500u
#define SESSION_IDLE_MS 60000

struct delta_turn;
struct queue;
struct work;
struct connectors;
struct keys;
struct metrics;
struct schedule;

struct engine
{
  const struct conf *conf;
  struct store *store;
  struct vault *vault;
  struct supervisor *supervisor;
  struct rate_table *rates;
  struct session_pool *pool;
  struct queue *queue;            /* open tasks and the threads that run them */
  struct schedule *schedule;      /* what happens by the clock */
  struct metrics *metrics;        /* what is counted since the start */
  struct keys *keys;              /* Idempotency-Keys under way and answered */
  struct connectors *connectors;  /* the .so files found, their faults and pauses */
  char *state_dir, *libexec_dir, *connector_path, *app_path;
  char **library_dirs;            /* NULL-terminated; NULL = none */
  int64_t started_ms;
  atomic_bool importing;          /* people are read from a file, or its body from a client */
  void (*restart) (void *arg);
  void *restart_arg;

  pthread_rwlock_t apps_lock;
  struct apps *apps;              /* guarded by apps_lock: replaced whole by a reload */

  pthread_mutex_t renewing_lock;
  struct credential *renewing;    /* guarded by renewing_lock: those that renew their account's token */

  pthread_mutex_t seals_lock;     /* one rotation at a time */
  uint32_t data_key;              /* guarded by seals_lock: older ones left the store; 0 = unknown */
};

/* A reference to the app files of now; apps_unref when done. */
struct apps *engine_apps (struct engine *e);

/* ---- JSON in small: all borrow unless said. */

const char *json_text (const json_t *o, const char *key);        /* NULL unless a string */
bool json_flag (const json_t *o, const char *key);               /* false unless true */
int64_t json_number (const json_t *o, const char *key, int64_t otherwise);
void json_set_text (json_t *o, const char *key, const char *value);  /* NULL: null is not stored, the key goes */
void json_set_time (json_t *o, const char *key, int64_t ms);         /* 0: the key goes */
int64_t json_time (const json_t *o, const char *key);                /* 0 when absent */
void json_set_id (json_t *o, const char *key, const struct id *id);  /* zero: the key goes */
bool json_id (const json_t *o, const char *key, struct id *ret);     /* false when absent */
/* A new document: id, created_at, updated_at, created_by. */
json_t *doc_new (const struct caller *caller);

/* ---- Lists (list.c).  A page {"items": [], "next": ...} is put together from snapshots of
   at most 1,000 things each, and looks at 10,000 at most: what is searched for may be rare, so
   a page may be short, or empty, and have a next one. */
#define LIST_CURSOR_SIZE 40u
struct list
{
  json_t *items;
  size_t limit;
  size_t looked;              /* at how many things */
  char at[LIST_CURSOR_SIZE];  /* the cursor of the last of them; "" = none yet */
  bool more;                  /* ITEMS is full, and there is one more */
};
/* Notes the thing whose cursor is AT; ITEM (taken) is how it is shown, NULL when it is left
   out.  False: the walk is to end. */
bool list_take (struct list *l, const char *at, json_t *item);
/* Walks behind AFTER (a cursor, as the client gave it; NULL = from the start) while list_take
   says so; for a cursor that is none, txn_fail -EINVAL. */
typedef void list_walk (struct list *l, struct txn *t, const char *after, void *arg);
/* The page that C asks for, or the refusal of what the store failed at. */
int list_page (struct engine *e, const struct call *c, list_walk *walk, void *arg, json_t **ret, struct refusal *r);
/* The same for documents, walked as txn_doc_walk does. */
struct doc_list
{
  enum store_kind kind;
  enum store_index index;
  const char *key;
  bool newest;
  json_t *(*show) (void *arg, struct txn *t, const json_t *doc);  /* NULL = left out */
  void *arg;
};
int list_docs (struct engine *e, const struct call *c, struct doc_list d, json_t **ret, struct refusal *r);
/* The same for a short list that is made whole, in an order that stays: the page of ALL
   (taken) that C asks for.  KEYS: the one or two texts by which an item is known. */
int list_of (json_t *all, const char *const keys[2], const struct call *c, json_t **ret, struct refusal *r);
/* ANSWER (taken), unless something could not be read. */
int answer_read (struct txn *t, json_t *answer, json_t **ret, struct refusal *r);

/* ---- Begin and end of a write (call.c). */

/* Refuses when the caller saw the thing otherwise than SHOWN (taken). */
int call_match (const struct call *c, json_t *shown, struct refusal *r);
#define CALL_FULL_MAX 8192u
/* "The disk that holds DIR is full", or the map, after -ENOSPC: without a full stop. */
void call_full (struct engine *e, struct buf *out);
/* Ends T.  Where X is 0 it commits, together with ANSWER (taken; NULL where X is not 0)
   when that is to be given again, and answers it; else T has no effect and X is answered. */
int call_end (struct engine *e, const struct call *c, struct txn *t, int x, json_t *answer, json_t **ret,
              struct refusal *r);

/* ---- Who may. */

/* Refuses not-set-up, a missing scope, a workspace role below ROLE. */
enum workspace_role { ROLE_GUEST, ROLE_LOGIN_ONLY, ROLE_USER, ROLE_ADMIN, ROLE_SUPER_ADMIN, ROLE_OWNER };
enum hub_role { HUB_NONE, HUB_COLLABORATOR, HUB_MANAGER, HUB_OWNER };
const char *workspace_role_name (enum workspace_role role);
int workspace_role_parse (const char *s, enum workspace_role *ret);
const char *hub_role_name (enum hub_role role);   /* NULL for HUB_NONE */
int hub_role_parse (const char *s, enum hub_role *ret);
int caller_may (struct txn *t, const struct caller *c, unsigned int scope, enum workspace_role role,
                struct refusal *r);
/* The same for a hub: the highest hub role over the caller's grants. */
int caller_may_hub (struct txn *t, const struct caller *c, unsigned int scope, const json_t *hub,
                    enum hub_role role, struct refusal *r);
/* The workspace role of who calls; the system's is the owner's. */
enum workspace_role caller_role (struct txn *t, const struct caller *c);
/* The highest hub role that PERSON may have: guests and those who only sign in are collaborators
   at most, whatever they were given before; none for who was removed, or is NULL. */
enum hub_role hub_role_most (const json_t *person);
/* ROLE, or what PERSON may have of it. */
enum hub_role hub_role_capped (struct txn *t, enum hub_role role, const struct id *person);
/* The highest hub role that PERSON has on the hub. */
enum hub_role hub_role_of (struct txn *t, const struct id *hub, const struct id *person);
/* ---- Who sees what (sight.c). */
struct sight
{
  bool all;             /* an admin of the workspace */
  struct id person;
  struct id hub;        /* whose role was asked for last, and what it is */
  enum hub_role role;
};
void sight_begin (struct sight *s, struct txn *t, const struct caller *c);
/* The caller's role on the hub whose id OF has under KEY. */
enum hub_role sight_role (struct sight *s, struct txn *t, const json_t *of, const char *key);
bool sees_hub (struct sight *s, struct txn *t, const json_t *hub);
/* A task, an event or an issue: those of hubs of one's own as owner or manager, and those that
   one is the actor or the person of. */
bool sees_work (struct sight *s, struct txn *t, const json_t *doc);
bool sees_report (struct sight *s, struct txn *t, const json_t *report);
/* Of a hub: its owners; a free one: who made it. */
bool sees_account (struct sight *s, struct txn *t, const json_t *account);

/* The workspace, NULL before set-up; a new reference. */
json_t *workspace_get (struct txn *t);
/* False for a token that was revoked or expired since C was made of it. */
bool token_is_good (struct txn *t, const struct caller *c);
/* What a token is kept as. */
void token_hash (const char *token, char ret[65]);
/* "person", "token" or "system", and the id, for actor and created_by. */
json_t *caller_json (const struct caller *c);
extern const struct caller system_caller;

/* ---- Names people type: an id or a label, an address, a user name.  A new reference,
   or a refusal (not-found, or validation-failed when ambiguous). */
int find_hub (struct txn *t, const char *name, bool removed_too, json_t **ret, struct refusal *r);
/* The hub of the path of C, whose caller has SCOPE and ROLE on it; the caller's also on a refusal. */
int find_hub_for (struct txn *t, const struct call *c, unsigned int scope, enum hub_role role, bool removed_too,
                  json_t **ret, struct refusal *r);
/* The same as find_hub, removed ones too, for who only looks: a hub that C does not see is not found. */
int find_hub_seen (struct txn *t, const struct caller *c, const char *name, json_t **ret, struct refusal *r);
/* Among those that C sees. */
int find_account (struct txn *t, const struct caller *c, const char *name, json_t **ret, struct refusal *r);
int find_person (struct txn *t, const char *name, json_t **ret, struct refusal *r);
int find_member (struct txn *t, const json_t *hub, const char *name, struct member *ret, struct refusal *r);

/* ---- Events and issues. */

/* TYPE "member.matched"; the rest may be NULL.  DETAILS is taken. */
struct event
{
  const char *type;
  const struct caller *caller;
  const json_t *hub;
  const struct id *member, *person, *account, *task;
  json_t *details;
  const char *outcome;
};
json_t *event_json (const struct event *ev);
void event_add (struct txn *t, const struct event *ev);
/* The hub and person whose events a request asks for, and what its caller sees. */
struct event_ask
{
  struct id hub, person;
  bool by_hub, by_person;
  struct sight sight;
};
int event_ask (struct txn *t, const struct call *c, struct event_ask *ret, struct refusal *r);
/* One issue per hub, task kind, code and member: a repeat counts up and is unread. */
void issue_raise (struct txn *t, const char *group, const json_t *hub, const json_t *task, const char *code,
                  const char *text);
/* Whether that one is unresolved, seen or not. */
bool issue_is_open (struct txn *t, const json_t *hub, const char *kind, const char *code, const char *member);
void issue_resolve (struct txn *t, const json_t *hub, const char *task_kind, const struct id *member);
/* Those of any of MEMBERS ({id: true}), by one look at what is open. */
void issue_resolve_all (struct txn *t, const json_t *hub, const char *task_kind, const json_t *members);

/* ---- Tasks as documents (task.c). */

enum task_kind { TASK_VALIDATE, TASK_SYNC, TASK_ADD_USER, TASK_UPDATE_ROLE, TASK_REMOVE_USER };
const char *task_kind_name (enum task_kind kind);
int task_kind_parse (const char *s, enum task_kind *ret);
/* A queued task; INPUT is taken. */
json_t *task_new (const struct caller *c, enum task_kind kind, const json_t *hub, const struct id *member,
                  const struct id *person, json_t *input);
/* As the API shows it: without input, intent and other inner fields, with live progress. */
json_t *task_render (struct engine *e, const json_t *task);
/* The open task of a kind on a hub (or, MEMBER given, of any kind on that member). */
bool task_open_on (struct txn *t, const struct id *hub, int kind, const struct id *member, json_t **ret);

/* (attempt.c) Ends a task without success: code, message, issue, member and hub status follow. */
void task_end_failed (struct txn *t, json_t *task, json_t *hub, const char *code, const char *text,
                      const char *field);
/* An ended task begins a new series of attempts. */
void task_requeue (struct txn *t, json_t *task, const json_t *hub);

/* ---- The queue (queue.c). */

int queue_start (struct engine *e);
void queue_stop (struct engine *e);
/* A task that was just committed may run. */
void queue_add (struct engine *e, const json_t *task);
/* Hub status or connectors changed: look again. */
void queue_kick (struct engine *e);
/* Who ends a queued or waiting task holds it first, so that it does not begin: false when it is
   running.  Once that is committed or failed it is released: OVER, or to go on as it was. */
bool queue_hold (struct engine *e, const struct id *task);
void queue_release (struct engine *e, const struct id *task, bool over);
/* The hub was removed: its tasks end. */
void queue_drop_hub (struct engine *e, const struct id *hub);
struct queue_counts { size_t open, running; };
void queue_counts (struct engine *e, struct queue_counts *ret);
/* Why an open task waits when the store has no room to say so; NULL = see the store. */
const char *queue_waits (struct engine *e, const struct id *task);
bool queue_progress (struct engine *e, const struct id *task, uint64_t *ret_done, uint64_t *ret_total);

/* ---- The clock (schedule.c). */

int schedule_start (struct engine *e);
void schedule_stop (struct engine *e);
/* Whether it looked at what is due in the last minutes. */
bool schedule_alive (struct engine *e);
/* A connector can be used again: hubs in review that stand on it are validated. */
void hubs_probe (struct engine *e, const char *connector);

/* ---- Running a task. */

/* Why a run stopped short of an end. */
enum run_end
{
  RUN_NONE,        /* the body said nothing: a bug, reported as a failure */
  RUN_COMPLETED,   /* the body wrote task and effect in one commit */
  RUN_FAILED,      /* code, text: the retry policy decides */
  RUN_WAITS,       /* the app asked to wait until until_ms */
  RUN_INTERRUPTED, /* made room for a write, the settings changed, or the daemon stops */
  RUN_PARKED,      /* somebody has to do something first: reason; not an attempt */
  RUN_DROPPED,     /* somebody else ended the task: nothing of it is written */
};

struct run
{
  struct engine *e;
  struct id task_id, hub_id;
  json_t *task, *hub;      /* owned; as read when the run began */
  struct apps *apps;       /* owned reference */
  const struct app *app;   /* in apps; NULL = gone */
  struct work *work;       /* its place in the queue */
  const bool *stop;        /* the session_call's cancel flag */
  /* out */
  enum run_end end;
  const char *code;        /* failure code, static */
  const char *reason;      /* wait_reason, static */
  char *text, *field;      /* owned */
  int64_t until_ms;
  bool limited;            /* the app limits requests: until then nothing else need try */
  bool moved;              /* a listing's cursor moved: the attempt does not count */
  uint64_t requests, bytes;  /* of the sections of its operations */
  bool crashed;
  /* for the queue */
  int64_t due_ms;          /* monotonic: when it may run again */
  bool blocked;            /* not before a kick */
  bool untold;             /* the store could not be told how the run ended */
};

/* Whether the task is still open in T and its hub live; else sets RUN_DROPPED.  Asked
   in every transaction that writes the task. */
bool run_is_wanted (struct run *r, struct txn *t);
void run_progress (struct run *r, uint64_t done, uint64_t total);
/* The session to wake when the run is to stop; NULL = none any more. */
void run_watch (struct run *r, struct session *s);
/* A checkpoint of a sync asks: is there a write waiting for this hub? */
bool run_should_yield (struct run *r);
/* Sets RUN_FAILED with a code of the host. */
void run_fail (struct run *r, const char *code, const char *fmt, ...) _printf_ (3, 4);
/* Sets RUN_PARKED: the task is queued with that wait_reason. */
void run_park (struct run *r, const char *reason);
/* Whether ERROR says that the disk or the map of the store is full. */
bool run_no_room (int error);
/* The store, or a file beside it, answered ERROR: a full disk is waited for, anything
   else is store-error with WHAT as its sentence. */
void run_store_failed (struct run *r, int error, const char *what);
/* Takes over how an operation ended: failure, wait or interruption. */
void run_fail_outcome (struct run *r, const struct session_outcome *o);
/* In the body's closing transaction: the task is completed, RESULT "done" or "no-op". */
void run_complete (struct run *r, struct txn *t, const char *result);

/* The same for a task that is not RUN's, such as one finished after a crash. */
void task_completed (struct txn *t, json_t *task, const json_t *hub, const char *result);

/* What every table of session_events of a run has: what the connector keeps, and says.  ARG is
   a struct that begins with a pointer to the run, or such a pointer's place. */
int32_t run_state_get (void *arg, const char *key, struct buf *ret);
int32_t run_state_put (void *arg, const char *key, const void *p, size_t len);
int32_t run_secret_put (void *arg, const char *name, const char *value, int64_t expires_ms);
void run_log (void *arg, uint32_t level, const char *text);
/* (queue.c) A run of which nothing is heard lends its thread, until it is heard again. */
void run_quiet (void *arg, bool quiet);
#define RUN_EVENTS                                                                     \
  .state_get = run_state_get, .state_put = run_state_put, .secret_put = run_secret_put, \
  .log = run_log, .quiet = run_quiet
/* For sections of which only the rows count. */
int32_t run_any_section (void *arg, uint32_t ordinal, uint32_t kind, const char *scope);

void run_validate (struct run *r);
void run_sync (struct run *r);
/* At start: what a sync left half applied is finished or, its file lost, given up (recover.c). */
int sync_recover (struct engine *e);
/* The closing step of a sync, also of one whose apply was cut off (delta_recover). */
int sync_close (void *arg, struct txn *t, const struct id *hub, json_t *sum);
/* For each batch of members whose status it turned. */
int sync_turned (void *arg, struct txn *t, const struct id *hub, const json_t *sum, const struct delta_turn *turns,
                 size_t n);
void run_change (struct run *r);   /* add-user, update-role, remove-user */
/* Why the change that TASK is to make is no longer to be made although the task is open: what
   was decided since it was queued counts (behaviour 6.3).  NULL = it is wanted; static. */
const char *change_not_wanted (struct txn *t, const json_t *task, const json_t *hub, const struct member_link *link);
/* The member's status while its task is queued, and after it ended without success. */
void change_begins (struct txn *t, const json_t *task, const json_t *hub);
void change_failed (struct txn *t, const json_t *task, const json_t *hub);

/* ---- Sessions of a hub (hub-session.c). */

/* A session for the hub, warm or new, signed in.  NULL: R says why. */
struct session *run_session (struct run *r);
/* Gives it back to be kept for a moment, or closes it after a crash. */
void run_session_done (struct run *r, struct session *s);
/* session_call with the login policy: after SESSION or TOKEN the connector signs in
   once and the operation is called again.  AGAIN (may be NULL) renews CALL first, for
   instance with the last cursor. */
int32_t run_call (struct run *r, struct session *s, struct wire_call *call, const struct session_limits *limits,
                  const struct session_events *ev, void *arg,
                  void (*again) (void *arg, struct wire_call *call), struct session_outcome *ret);
#define RUN_TIME_MAX_MS (10 * 60 * 1000)       /* an attempt, behaviour 7.3 */
#define RUN_SYNC_TIME_MAX_MS (60 * 60 * 1000)
#define RUN_SYNC_BYTES_MAX (UINT64_C (16) * 1024 * 1024 * 1024)  /* of rows and cursors */

/* ---- Hub status (hub-status.c). */

void hub_set_status (struct txn *t, json_t *hub, const char *status, const char *reason, const struct caller *c);
/* What a task's final failure does to its hub. */
struct failure;
void hub_task_failed (struct txn *t, json_t *hub, const json_t *task, const struct failure *f, const char *text);
bool hub_is_live (const json_t *hub);
/* The newest removed hub of a label, a new reference; NULL = none. */
json_t *hub_removed_by_label (struct txn *t, const char *label);
/* Under validation or in review: only validate runs. */
bool hub_waits (const json_t *hub);
/* HUB, to be put: its next sync makes a report of any removal, whatever the share; one that
   removes nobody ends that. */
void hub_ask_removals (json_t *hub);
bool hub_asks_removals (const json_t *hub);
/* A sync showed the hub as it is: it need not ask any more. */
void hub_is_certain (json_t *hub);
/* The app asked to wait UNTIL_MS; put with the task that waits. */
void hub_app_asked (struct txn *t, json_t *hub, int64_t until_ms);
/* HUB, to be put: its app answers. */
void hub_app_answers (json_t *hub);
/* The same of the hub ID, which is read, and put where that changes it. */
void hub_app_answered (struct txn *t, const struct id *id);
/* The same, and its tasks that wait as the app asked are due: an array of them for queue_add. */
json_t *hub_end_wait (struct txn *t, json_t *hub);
/* Until when the app asked to wait; 0 = it does not. */
int64_t hub_app_waits_until (const json_t *hub);
/* Sentences on what holds HUB back at its app (hub-limit.c), owned; NULL = nothing does.
   *RET_CLOSED_UNTIL_MS, which may be NULL: until when the app asked to wait any hub that
   shares a key; 0 = it does not. */
char *hub_limit (struct engine *e, struct txn *t, const json_t *hub, int64_t *ret_closed_until_ms);
/* Closes the rate keys of hubs whose apps asked to wait before the daemon was started. */
int hub_limits_restore (struct engine *e);
/* A settings value, by its name with hyphens. */
int64_t hub_setting (const json_t *hub, const char *name);
json_t *hub_render (struct txn *t, struct engine *e, const json_t *hub);
/* As S sees it: a collaborator has its card. */
json_t *hub_render_for (struct sight *s, struct txn *t, struct engine *e, const json_t *hub);
/* Queues validate for a hub whose settings or account changed; the task, owned. */
json_t *hub_revalidate (struct txn *t, json_t *hub, const struct caller *c);
/* Queues the hub's sync unless one is open; the open or new task, owned. */
json_t *hub_queue_sync (struct txn *t, json_t *hub, const struct caller *c, json_t *input, bool *ret_new);

/* ---- Reports (report.c): plans that the guard stopped, until a person decides. */

/* Who a stopped sync would have removed and lowered; borrowed. */
struct held
{
  const struct id *removed, *lowered;
  size_t n_removed, n_lowered;
};
/* The open report of HUB (NULL: of people), a new reference; NULL = none. */
json_t *report_open (struct txn *t, const json_t *hub);
/* Makes or refreshes the open safeguard report of a hub. */
void report_safeguard (struct txn *t, const json_t *hub, const json_t *task, const struct held *h, const char *why);
/* Whether TASK, a sync, applies a report, and all of H is in it: a new reference to it, or NULL. */
json_t *report_approves (struct txn *t, const json_t *task, const struct held *h);
/* TASK was completed: the report that it applies, if any, is applied. */
void report_applied (struct txn *t, const json_t *hub, const json_t *task);
/* TASK ended without success: the report that it applied waits for a person again. */
void report_reopen (struct txn *t, const json_t *task);
/* The same of the people whom a directory no longer names: a report of no hub, whose id is answered. */
void report_people (struct txn *t, const struct id *people, size_t n, const char *why, char ret_id[ID_TEXT_SIZE]);
/* A directory names PEOPLE ({id: true}) again: they are no longer in the open report. */
void report_drop_people (struct txn *t, const json_t *people);
/* What was held is no longer so: the hub is gone, or a sync passed.  HUB NULL: the report of people. */
void report_withdraw (struct txn *t, const json_t *hub);

/* ---- Members (member.c). */
json_t *member_render (struct txn *t, const json_t *hub, const struct member *m);
/* settled: onboarded or awaiting-login (behaviour 4.2). */
uint16_t member_settled (const json_t *hub);

/* ---- Invitations (invitation.c). */
/* Whether the app asks whom it adds to accept first. */
bool invitation_mailed (const struct app *app);
/* Nobody is invited: the app makes the account when the person signs in first. */
bool invitation_by_login (const struct app *app);
/* Counts one more that went out; and, once its person joined, none. */
void invitation_sent (struct member_link *link);
void invitation_accepted (struct member_link *link);
/* How long the member must be left alone before the next one; 0 = not at all. */
int64_t invitation_wait_ms (const struct member_link *link, int64_t now_ms);
/* Until when one that was sent then is good, as the app file declares it; 0 = not told. */
int64_t invitation_ends_ms (const struct app *app, int64_t sent_ms);
/* Whether the invitation of this ROW can no longer be accepted, by the app's word or the app
   file's. */
bool invitation_over (const struct app *app, const struct member_link *link, const void *row, size_t len,
                      int64_t now_ms);
/* What tells an invitation from the next one to the same person, in words that a document can
   keep; the caller's, NULL without memory. */
char *invitation_mark (const struct usher_member *m);

/* ---- Grants (grant.c). */
/* The direct grant documents of a person on a hub; a new array. */
json_t *grants_of (struct txn *t, const struct id *hub, const struct id *person);
/* A new grant document; ROLES is taken. */
json_t *grant_new (const struct caller *c, const struct id *hub, const struct id *person, const char *origin,
                   enum hub_role role, bool seat, json_t *roles);
/* The person's one direct grant, a new reference; NULL = none. */
json_t *grant_direct (struct txn *t, const struct id *hub, const struct id *person);
void grant_end (struct txn *t, json_t *grant, const json_t *hub, const struct caller *c);
/* Makes the person's direct grant, or edits it; puts it and the event.  Without a list of roles,
   or fields (both borrowed), those it has stay. */
struct grant_terms
{
  enum hub_role role;
  bool seat;
  json_t *roles, *fields;
};
void grant_share (struct txn *t, const struct caller *c, const json_t *hub, const struct id *person,
                  const struct grant_terms *terms);
/* Whether the hub has an active owner beside EXCEPT (may be NULL). */
bool hub_has_owner (struct txn *t, const struct id *hub, const struct id *except);
/* The same without any of PEOPLE, {id: true}. */
bool hub_has_owner_beside (struct txn *t, const struct id *hub, const json_t *people);
/* An owner of HUB came or went: the health inbox says when none is left, and that no more. */
void hub_owners_changed (struct txn *t, const json_t *hub);
/* The same for all that PERSON, who may own hubs no more or again, was made an owner of. */
void person_owning_changed (struct txn *t, const json_t *person);
/* What grants call for (behaviour 6.1): seat, hub role, and the app roles as an array of
   {id, group}.  A purely individual grant follows the app. */
struct wanted
{
  enum hub_role hub_role;
  bool seat;
  bool follows;   /* no role is wanted but what the app shows */
  json_t *roles;  /* owned */
};
void wanted_resolve (struct txn *t, const json_t *hub, const struct id *person, const struct member *m,
                     struct wanted *ret);

#endif
