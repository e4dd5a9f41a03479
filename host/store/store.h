/* The only door to state.  One LMDB environment in the state folder, owned by usherd
   alone.  The store speaks of documents (hubs, people, tasks ...), members, events and
   secrets; keys and bytes stay behind this door.  It knows nobody above it.

   No transaction is open while its thread waits for a worker, the network, a client
   or a file. */
#ifndef USHER_STORE_STORE_H
#define USHER_STORE_STORE_H

#include <jansson.h>

#include "host/common/arena.h"
#include "host/common/base.h"
#include "host/common/id.h"
#include "host/store/member.h"

#define STORE_SCHEMA 2u

struct store;
struct txn;

struct store_options
{
  const char *state_dir;  /* exists */
  uint64_t map_size;      /* bytes; tried in halves when the system refuses it */
};

/* Locks the folder (flock, a second usherd is refused), opens or makes the store,
   refuses another schema untouched (none older was ever released).  On failure a negative
   errno and in *RET_WHY (caller frees) one sentence: what, which, what to do. */
int store_open (const struct store_options *options, struct store **ret, char **ret_why);
void store_close (struct store *s);
DEFINE_CLEANUP (struct store *, store_close)

/* ---- Transactions.  Errors are sticky: after the first one, calls on the transaction
   do nothing and answer it, and txn_commit aborts and answers it, so that a sequence
   of calls reads straight down.  -ENOSPC stands for a full disk and a full map,
   -EEXIST for a clash in a unique index (txn_clash says which). */

/* A snapshot.  Never NULL: a failure shows as txn_error. */
struct txn *store_read (struct store *s);
/* The one write transaction; writers get their turn in the order they came. */
struct txn *store_write (struct store *s);
int txn_error (const struct txn *t);
/* Ends and frees; 0 when everything is on disk. */
int txn_commit (struct txn *t);
/* Ends and frees without effect. */
void txn_abort (struct txn *t);
DEFINE_CLEANUP (struct txn *, txn_abort)
/* Sets the sticky error, for callers who find a reason of their own. */
void txn_fail (struct txn *t, int error);

/* The next value of the store's sequence: greater than all before, kept over restarts. */
uint64_t txn_next_seq (struct txn *t);
/* The sequence goes on above SEQ: that of another store, whose readers go on with this one. */
void txn_raise_seq (struct txn *t, uint64_t seq);
/* The newest value that was given out, as far as the transaction sees; 0 = none yet. */
uint64_t txn_last_seq (struct txn *t);

/* ---- Documents: small things, kept as JSON objects whose "id" is a UUID. */

enum store_kind
{
  STORE_WORKSPACE = 1,
  STORE_PERSON = 2,
  STORE_TEAM = 3,
  STORE_HUB = 4,
  STORE_ACCOUNT = 5,
  STORE_GRANT = 6,
  STORE_TASK = 7,
  STORE_REPORT = 8,
  STORE_ISSUE = 9,
  STORE_TOKEN = 10,
  STORE_ANSWER = 11,     /* what a request with an Idempotency-Key was answered */
};

/* Ways to find documents; store/schema.c says from which fields each is made, and all
   text is compared in lower case.  A unique index refuses a second document. */
enum store_index
{
  STORE_PERSON_ADDRESS = 1,   /* unique: email and each of secondary_emails */
  STORE_PERSON_USERNAME = 2,  /* username */
  STORE_TEAM_NAME = 3,        /* unique: name */
  STORE_HUB_LABEL = 4,        /* unique: label; not while status is removed */
  STORE_HUB_SPACE = 5,        /* unique: app and space_key, where space_key is set; not while removed */
  STORE_ACCOUNT_LABEL = 6,    /* label */
  STORE_GRANT_HUB = 7,        /* hub */
  STORE_GRANT_PERSON = 8,     /* person, hub (key: "PERSON-ID HUB-ID", or the person alone) */
  STORE_TASK_HUB = 9,         /* hub */
  STORE_TASK_OPEN = 10,       /* "open", while ended_at is missing */
  STORE_TASK_PARENT = 11,     /* parent */
  STORE_REPORT_HUB = 12,      /* hub */
  STORE_ISSUE_KEY = 13,       /* unique: key */
  STORE_TOKEN_HASH = 14,      /* unique: hash */
  STORE_HUB_ACCOUNT = 15,     /* account; not while removed */
  STORE_ISSUE_OPEN = 16,      /* open_key; the engine takes it off when the issue is resolved */
  STORE_ANSWER_KEY = 17,      /* unique: key */
};

/* A new reference, or NULL: not there, or an error. */
json_t *txn_doc_get (struct txn *t, enum store_kind kind, const struct id *id);
/* Adds or replaces DOC (borrowed; "id" is set) and its index entries. */
void txn_doc_put (struct txn *t, enum store_kind kind, json_t *doc);
void txn_doc_delete (struct txn *t, enum store_kind kind, const struct id *id);
/* After -EEXIST: the index that refused, else 0. */
enum store_index txn_clash (const struct txn *t);

/* The documents an index has for KEY: up to MAX ids in id order; their number.  The key
   of an index over two fields has a space between them ("APP SPACE-KEY"). */
size_t txn_doc_find (struct txn *t, enum store_index index, const char *key, struct id *ret, size_t max);

/* What is asked of a person by the million: the one whose address the LEN bytes at TEXT
   (as email_fold writes them) are.  1 and *ret, or 0. */
struct person_facts
{
  struct id id;
  uint64_t number;   /* people are numbered from 0 on, each for as long as it has an address */
  bool removed, guest;
};
int txn_person_by_address (struct txn *t, const char *text, size_t len, struct person_facts *ret);
/* How many numbers were given to people so far; 0: nobody has an address. */
uint64_t txn_people (struct txn *t);

/* Walks documents of a kind in id order (NEWEST: descending), beginning behind AFTER
   (NULL = at the start); FN gets a borrowed document and answers true to go on.
   With INDEX not 0 only those that the index has for KEY. */
typedef bool txn_doc_fn (void *arg, json_t *doc);
void txn_doc_walk (struct txn *t, enum store_kind kind, enum store_index index, const char *key,
                   bool newest, const struct id *after, txn_doc_fn *fn, void *arg);

/* ---- Members of a hub. */

struct hub_counts
{
  uint64_t tab[MEMBER_TABS];  /* live members under each tab */
  uint64_t known;             /* member_is_known */
  uint64_t removed;
};

void txn_counts (struct txn *t, const struct id *hub, struct hub_counts *ret);
/* 1 and *ret (borrowed from the transaction until it ends or writes), or 0. */
int txn_member_get (struct txn *t, const struct id *hub, const struct id *member, struct member *ret);
int txn_member_by_key (struct txn *t, const struct id *hub, const char *key, size_t len, struct member *ret);
/* The live member that PERSON is linked to, else the newest removed one: 1 or 0. */
int txn_member_by_person (struct txn *t, const struct id *hub, const struct id *person, struct member *ret);
/* Members whose native id, e-mail (normalised) or user name (lower case) is TEXT:
   up to MAX ids, live ones first; their number.  A user name that is the e-mail counts once. */
size_t txn_member_find (struct txn *t, const struct id *hub, const char *text, struct id *ret, size_t max);
/* Hubs in which PERSON has a link, live or removed; their number. */
size_t txn_person_hubs (struct txn *t, const struct id *person, struct id *ret, size_t max);
/* Walks the members of one tab (live and removed), or of all when TAB is -1, in id
   order behind AFTER. */
typedef bool txn_member_fn (void *arg, const struct member *m);
void txn_member_walk (struct txn *t, const struct id *hub, int tab, const struct id *after,
                      txn_member_fn *fn, void *arg);
/* Adds or replaces one member with its index entries and the counters.  M->row NULL
   with a key keeps the row as it is; a key other than before moves the member (an
   invitation that became a member) and needs its row. -EEXIST: the person has another
   live member here, or the key another member.  -EBUSY: a delta of more than one
   transaction is being applied to the hub; try again when delta_apply has returned. */
void txn_member_put (struct txn *t, const struct id *hub, const struct member *m);
void txn_member_delete (struct txn *t, const struct id *hub, const struct id *member);
/* Deletes members of a hub that is purged, at most MAX; how many.  Less than MAX: none
   is left.  A million members in one transaction would be held in memory, so callers
   commit between calls. */
size_t txn_members_drop (struct txn *t, const struct id *hub, size_t max);

/* ---- Events: append-only. */

/* Adds EVENT (borrowed); "id" (a UUID), "seq" and "time" are set in it here. */
void txn_event_add (struct txn *t, json_t *event);
struct event_filter
{
  const struct id *hub, *person;  /* NULL = any; one of them at most is used as index */
  int64_t since_ms;
};
/* Newest first behind sequence BEFORE (0 = from the newest); ends at the first event
   older than since_ms.  One that is damaged is passed over, and named in the log once. */
void txn_event_walk (struct txn *t, const struct event_filter *f, uint64_t before, txn_doc_fn *fn, void *arg);
/* Ascending from sequence AFTER: what a stream reads, which goes on from the answer, the
   sequence of the last event that was looked at, also when that one is damaged. */
uint64_t txn_event_follow (struct txn *t, uint64_t after, txn_doc_fn *fn, void *arg);
/* The sequence of the newest event on disk; 0 = none. */
uint64_t store_newest_event (struct store *s);
/* Waits until there is an event behind AFTER, at most TIMEOUT_MS: whether there is one.
   Costs nothing while nothing is added.  After store_end_waits it does not wait. */
bool store_wait_event (struct store *s, uint64_t after, int64_t timeout_ms);
void store_end_waits (struct store *s);
bool store_waits_ended (struct store *s);
/* Deletes events older than BEFORE_MS, at most MAX; how many. */
size_t txn_event_prune (struct txn *t, int64_t before_ms, size_t max);

/* Events form a chain: each has a hash, made with a key, over itself and the hash of the
   one before it, and where the chain begins and ends is kept with a tag of that key.  Who
   changes, takes out, moves or cuts off events without the key is found.  Not found is a
   whole older copy of the store in its place: note the head elsewhere for that. */
#define STORE_CHAIN_KEY_SIZE 32u
#define STORE_HASH_SIZE 32u
struct chain_link
{
  uint64_t seq;                    /* of an event; 0 = before the first */
  uint8_t hash[STORE_HASH_SIZE];
};
/* Before the first event is added or verified; wiped by store_close.  Until then the key
   is all zero. */
void store_set_chain_key (struct store *s, const uint8_t key[STORE_CHAIN_KEY_SIZE]);
/* The store has no events yet: their chain begins here. */
void txn_chain_begin (struct txn *t);
/* The last link.  False: it is missing or was not made with the key. */
bool txn_chain_head (struct txn *t, struct chain_link *ret);

enum chain_fault
{
  CHAIN_WHOLE,
  CHAIN_CHANGED,   /* the event is not as it was written */
  CHAIN_MISSING,   /* there was an event of this sequence, perhaps more before it */
  CHAIN_MOVED,     /* the event stood elsewhere, or was put in */
  CHAIN_CUT,       /* the last events are gone, up to this sequence */
  CHAIN_HEAD,      /* the record of the last event is missing or forged, or was so when
                      the event of this sequence was added */
  CHAIN_BASE,      /* so is that of the beginning */
};
/* How far a verification is; begins as all zero. */
struct chain_check
{
  struct chain_link at;            /* the last event that was good */
  int64_t at_ms;
  uint64_t events;                 /* good ones */
  uint64_t first;                  /* the first of them */
  int64_t first_ms;
  enum chain_fault fault;          /* and of which event, and when: near it where it is gone */
  uint64_t fault_seq;
  int64_t fault_ms;
};
/* Verifies at most MAX events more.  1: go on, in another transaction; 0: the chain is
   whole; -EBADMSG: C says what is wrong; or another negative errno. */
int txn_chain_check (struct txn *t, struct chain_check *c, size_t max);

/* ---- Small values. */

/* Sealed secrets of an account (the vault seals; the store keeps bytes). */
void txn_secret_put (struct txn *t, const struct id *account, const char *field, const void *p, size_t len);
/* 1 and borrowed bytes, or 0. */
int txn_secret_get (struct txn *t, const struct id *account, const char *field, const void **ret, size_t *ret_len);
/* FIELD NULL: all of the account. */
void txn_secret_delete (struct txn *t, const struct id *account, const char *field);
typedef bool txn_name_fn (void *arg, const char *name);
void txn_secret_names (struct txn *t, const struct id *account, txn_name_fn *fn, void *arg);
/* Walks the secrets of all accounts behind FIELD of AFTER (NULL = from the first).  The
   bytes are borrowed; FN may put secrets. */
typedef bool txn_secret_fn (void *arg, const struct id *account, const char *field, const void *p, size_t len);
void txn_secret_walk (struct txn *t, const struct id *after, const char *field, txn_secret_fn *fn, void *arg);
/* A connector's own state for a hub, 16 KiB a value. */
void txn_state_put (struct txn *t, const struct id *hub, const char *key, const void *p, size_t len);
int txn_state_get (struct txn *t, const struct id *hub, const char *key, const void **ret, size_t *ret_len);
/* How many values a hub has. */
size_t txn_state_count (struct txn *t, const struct id *hub);
void txn_state_drop (struct txn *t, const struct id *hub);
/* Values of the installation (sealed data keys, ...). */
void txn_meta_put (struct txn *t, const char *name, const void *p, size_t len);
int txn_meta_get (struct txn *t, const char *name, const void **ret, size_t *ret_len);

/* ---- Upkeep. */

struct store_space
{
  uint64_t map_size, map_used;  /* bytes */
  uint64_t disk_free;
  uint64_t commits;             /* transactions that changed something since the store was made */
};
#define STORE_DISK_FULL 1048576u   /* less than this free: the disk is full */
void store_space (struct store *s, struct store_space *ret);
struct store_readers
{
  size_t n;            /* read transactions that are open */
  int64_t oldest_ms;   /* for how long the oldest has been */
};
void store_readers (struct store *s, struct store_readers *ret);
/* -ENOSPC when BYTES more, and a tenth of them to spare, would not fit the map or the
   disk. */
int store_check_room (struct store *s, uint64_t bytes);
/* The store is a backup that was put back, and what follows from that is not settled yet: 1
   and in *RET, a new reference, what restore_mark was given; 0; or a negative errno. */
int store_restored (struct store *s, json_t **ret);
/* It is settled, on disk. */
int store_restore_settled (struct store *s);
/* The folder NAME of a store that was put aside, NULL when it is gone; caller frees. */
char *store_aside (struct store *s, const char *name);
/* Folder for spools and deltas, inside the state folder. */
const char *store_work_dir (const struct store *s);

#endif
