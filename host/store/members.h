/* Inside the store: what txn_member_put and the apply of a delta have in common. */
#ifndef USHER_STORE_MEMBERS_H
#define USHER_STORE_MEMBERS_H

#include "host/store/record.h"
#include "host/store/txn.h"

/* The index entries that a member has: its tab, up to three texts, its person. */
#define MEMBER_ENTRIES_MAX 5

struct member_entries
{
  struct { enum db db; struct key key; } v[MEMBER_ENTRIES_MAX];
  size_t n;
};

/* M NULL has none.  -EBADMSG for a row that does not decode, -ENOMEM. */
int member_entries (const struct id *hub, const struct member *m, struct member_entries *ret);
bool member_entries_have (const struct member_entries *e, enum db db, const struct key *key);

void link_key (struct key *k, const struct id *hub, const struct id *member);
void seen_key (struct key *k, const struct id *hub, const char *native, size_t len);
void counts_key (struct key *k, const struct id *hub);
/* Keys of VALUE_APPLYING (MEMBER NULL) and VALUE_SKIPPED. */
void value_hub_key (struct key *k, uint8_t what, const struct id *hub, const struct id *member);

/* The link record of a member, borrowed like txn_load's: 1 or 0. */
int link_load (struct txn *t, const struct id *hub, const struct id *member,
               struct record_link *ret);
/* Zero counts when the hub has none. */
void counts_load (struct txn *t, const struct id *hub, struct record_counts *ret);
void counts_store (struct txn *t, const struct id *hub, const struct record_counts *counts);
/* Takes OLD out of the counts and puts NOW in; either may be NULL. */
void counts_change (struct hub_counts *c, const struct member_link *old,
                    const struct member_link *now);

/* Calls FN for the link of each member of HUB that PERSON has, until it answers false. */
typedef bool person_fn (void *arg, const struct record_link *link);
void person_walk (struct txn *t, const struct id *hub, const struct id *person, person_fn *fn,
                  void *arg);

#endif
