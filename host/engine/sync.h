/* The inner pieces of a sync, each a pure step: fold the rows of one member into one,
   judge the sections, merge what the app shows with what the store knows. */
#ifndef USHER_ENGINE_SYNC_H
#define USHER_ENGINE_SYNC_H

#include "host/common/text.h"
#include "host/engine/plan.h"
#include "host/engine/settings.h"
#include "host/store/delta.h"
#include "host/store/sorter.h"
#include "host/store/spool.h"

/* ---- fold.c: rows that speak of one member. */

struct fold
{
  struct arena arena;
  struct buf out;             /* the united row, when there was something to unite */
  struct usher_member member; /* in arena */
  const void *only;           /* the one row there was, borrowed; NULL = more */
  size_t only_len;
  size_t n;                   /* member rows */
  size_t edges;
  uint32_t scope;             /* of the newest member row */
  bool duplicate;             /* the same member twice in one scope */
  struct usher_kv *roomy;     /* in arena: the list made last, and how many it has room for */
  size_t room;
};
void fold_init (struct fold *f);
void fold_done (struct fold *f);
void fold_reset (struct fold *f);
/* Adds a row of the listing's scope number SCOPE; ROW is borrowed until fold_finish. */
int fold_add (struct fold *f, uint32_t scope, const void *row, size_t len);
/* Roles that the app's listing could not vouch for: those of an earlier row are kept. */
int fold_keep_roles (struct fold *f, const void *row, size_t len);
/* 1 and the row (borrowed), 0 when there were only edges. */
int fold_finish (struct fold *f, const void **ret_row, size_t *ret_len);

/* ---- prove.c: what the sections of a listing are worth (behaviour 5.4). */

enum listing { LISTING_COMPLETE, LISTING_PARTIAL, LISTING_UNPROVED };
const char *listing_name (enum listing l);

struct proof
{
  enum listing listing;
  bool members;       /* absence of a member counts */
  bool invites;
  bool roles;         /* absence of a role-of edge counts */
  char why[256];      /* the first reason against; "" = none */
  size_t sections, sections_of_members, sections_of_invites;
};
/* Looks at one SECTION_END note of the spool, and at the distinct rows it had (UINT64_MAX
   = not counted). */
void proof_init (struct proof *p);
void proof_section (struct proof *p, const json_t *note, uint64_t distinct);
void proof_against (struct proof *p, const char *why);
void proof_finish (struct proof *p);

/* What the rows of a listing are sorted by their keys with: where each stands in the spool.
   Only its first SYNC_PLACE_SIZE bytes are sorted along. */
struct sync_place
{
  uint64_t at;
  uint32_t scope;     /* which of the listing's: a section that was cut off and resumed is one */
};
#define SYNC_PLACE_SIZE (offsetof (struct sync_place, scope) + sizeof (uint32_t))

/* ---- crowd.c: new members whose people are looked up together. */

#define CROWD_MAX 131072u

struct crowd_member
{
  uint64_t at;                /* its row in the spool */
  uint32_t address;           /* in addresses */
  uint16_t address_len;       /* 0 = none */
  bool found;
  struct person_facts person; /* found */
};
struct crowd_order;
struct crowd
{
  struct crowd_member *v;     /* owned, as the rest; in the order they were added */
  struct crowd_order *order;
  uint32_t n;
  struct buf addresses;
};
/* An empty one is all zero. */
void crowd_done (struct crowd *c);
/* One of CROWD_MAX at most, with its address as email_fold writes it. */
int crowd_add (struct crowd *c, uint64_t at, const char *address, size_t len);
/* Calls FIND (1 and *ret, 0, negative) for each, nearly in the order of addresses. */
typedef int crowd_find_fn (void *arg, const char *address, size_t len, struct person_facts *ret);
int crowd_resolve (struct crowd *c, crowd_find_fn *find, void *arg);
void crowd_clear (struct crowd *c);

/* ---- merge.c: what becomes of each member; merge-walk.c: the reading pass that asks. */

#define MERGE_ROLE_SETS 256u

struct ids
{
  struct id *v;                /* owned */
  size_t n, cap;
};

struct merge
{
  /* in */
  struct run *run;
  struct delta *delta;
  const struct proof *proof;
  uint64_t start_seq;          /* rows verified after this are left alone */
  bool first;                  /* the hub's first sync: no event a member */
  bool dry;
  /* out */
  uint64_t seen, added, changed, known, duplicates;
  uint64_t others;             /* members, without invitations and the automation account */
  uint64_t reappeared;         /* removed by Usher, and shown again */
  struct id *missing;          /* owned: members that the listing lacks */
  uint64_t missing_known;      /* of them, those that count for the safeguard */
  size_t n_missing, cap_missing;
  struct id *lowered;          /* owned: whom the guard must know of: of keep-members or highest role */
  size_t n_lowered, cap_lowered;
  char *kept_missing, *kept_lowered;  /* owned: the first of keep-members; NULL = none */
  struct ranks ranks;
  uint64_t top;                /* who holds a highest role */
  uint64_t top_missing, top_lowered;  /* of them */
  struct plan plan;
  json_t *roles_seen;          /* owned: {group: {id: true}} */
  /* inner */
  struct txn *look;            /* a snapshot for looking people up, renewed */
  unsigned int looked;
  bool empty;                  /* the hub has no members yet */
  bool nobody;                 /* the directory has no people yet */
  int64_t now_ms;
  const char *own_name, *own_email;  /* borrowed: the account this hub acts with */
  uint64_t *linked;            /* people linked in this pass, a bit for each number */
  size_t cap_linked;           /* words */
  struct crowd crowd;          /* of a hub's first members */
  const struct crowd_member *one;    /* the one of it that is decided about; NULL = none is */
  struct row_text role_sets[MERGE_ROLE_SETS]; /* noted already; borrowed from the spool */
  struct ids gone_invites;     /* invitations that are no longer listed */
  struct ids adopted_invites;
  struct arena held;           /* an invitation that goes on as a member */
};
void merge_init (struct merge *m, struct run *run);
void merge_done (struct merge *m);
/* The listing turned out not to be proved: nobody is missing. */
void merge_miss_nobody (struct merge *m);
/* What is known of somebody whom a proved listing lacks. */
enum absence
{
  ABSENCE_UNSURE,     /* missed once more */
  ABSENCE_SURE,       /* gone */
  ABSENCE_DENIED,     /* asked for that one, the app shows them: what was missed before counts no more */
};
/* Writes the missing as ABSENCES, one for each of them, say. */
int merge_missing (struct merge *m, const enum absence *absences);
/* In how many proved listings in a row the member was missing before this one. */
uint32_t merge_missed (struct merge *m, const struct id *member);
/* Ends the snapshot that things are looked up in, which nobody may hold over a wait or a write;
   the next look begins another.  What went wrong in it. */
int merge_rest (struct merge *m);
/* The member row of an id, for asking the app: 1, copied to OUT. */
int merge_row_of (struct merge *m, const struct id *member, struct buf *out);

/* For the walk.  The address to match by, as it is compared; its length, 0 for none. */
size_t merge_address_of (const struct row_view *shown, char ret[EMAIL_MAX]);
/* Whose address this is: 1, 0, or negative.  ARG is the merge. */
int merge_find_person (void *arg, const char *address, size_t len, struct person_facts *ret);
/* Counts what the app shows.  LASTING: the row stays where it is for the whole walk. */
void merge_count (struct merge *m, const struct row_view *shown, bool lasting);
/* A member that only the app shows, that both know, that only the store knows. */
int merge_on_new (struct merge *m, const char *key, size_t key_len, const void *row, size_t row_len,
                  const struct row_view *shown);
int merge_on_both (struct merge *m, const struct member *old, const void *row, size_t row_len,
                   const struct row_view *shown);
int merge_on_old (struct merge *m, const struct member *old);
/* When all have passed. */
int merge_expire_invitations (struct merge *m);

/* ---- merge-walk.c */

/* Walks the sorted rows (struct sync_place) and the store side by side. */
int merge_run (struct merge *m, struct sorter *rows, const struct spool *spool);

#endif
