/* Inside the store: what txn_member_put and the apply of a delta have in common. */
#ifndef USHER_STORE_MEMBERS_H
#define USHER_STORE_MEMBERS_H

#include "host/store/record.h"
#include "host/store/txn.h"

/* The index entries that a member has: its tab, up to two texts, its person.  Each is the
   key without the hub, its database in front: what a sorter can put in order for one hub. */
#define MEMBER_ENTRIES_MAX 4
#define MEMBER_ENTRY_MAX (1 + 2 * ID_BYTES)

struct member_entry
{
  size_t len;
  uint8_t b[MEMBER_ENTRY_MAX];
};

struct member_entries
{
  struct member_entry v[MEMBER_ENTRIES_MAX];
  size_t n;
};

/* Where the one of the tab stands, which every member has. */
#define MEMBER_ENTRY_TAB 0

/* M NULL has none.  -EBADMSG for a row that is not a member's. */
int member_entries (const struct id *hub, const struct member *m, struct member_entries *ret);
void member_entry_of_tab (const struct id *member, enum member_tab tab, struct member_entry *ret);
bool member_entries_have (const struct member_entries *e, const struct member_entry *entry);
/* The database of an entry, and its key there. */
enum db member_entry_key (const struct id *hub, const uint8_t *entry, size_t len, struct key *ret);

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
