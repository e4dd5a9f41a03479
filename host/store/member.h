/* A member of a hub, as the store keeps it: what the app shows (the row, written by
   syncs and read-backs) and what was decided about it (the link) are two records, so
   that a sync never overwrites a decision. */
#ifndef USHER_STORE_MEMBER_H
#define USHER_STORE_MEMBER_H

#include "host/common/base.h"
#include "host/common/id.h"
#include "host/common/row.h"

/* Numbers are stored: never change or reuse one. */
enum member_status
{
  MEMBER_ONBOARDED = 10,
  MEMBER_UNMATCHED = 20,
  MEMBER_EXEMPTED = 30,
  MEMBER_PENDING_CLAIM = 40,
  MEMBER_INVITING = 50,
  MEMBER_PENDING_INVITE = 60,
  MEMBER_INVITE_EXPIRED = 70,
  MEMBER_INVITE_FAILED = 80,
  MEMBER_AWAITING_LOGIN = 90,   /* settled, as ONBOARDED is: which of them, the hub says when it is shown */
  MEMBER_AWAITING_UPDATE = 100,
  MEMBER_UPDATE_FAILED = 110,
  MEMBER_AWAITING_DEPROVISIONING = 120,
  MEMBER_DEPROVISIONING_FAILED = 130,
  MEMBER_REMOVED = 140,
  MEMBER_SYNC_FAILED = 150,
};

enum member_tab
{
  MEMBER_TAB_UNMATCHED,
  MEMBER_TAB_ONBOARDED,
  MEMBER_TAB_GUEST,
  MEMBER_TAB_EXEMPTED,
};
#define MEMBER_TABS 4

#define MEMBER_F_EXEMPT 1u          /* exemption: reason, exempt_by, exempt_ms are set */
#define MEMBER_F_NO_AUTO_MATCH 2u
#define MEMBER_F_AUTOMATION 4u      /* the account this hub acts with */
#define MEMBER_F_GUEST 8u           /* the linked person is a guest */
#define MEMBER_F_ADOPTED 16u        /* an adopted grant: collaborator or hub_role, roles follow the app */
#define MEMBER_F_BY_USHER 32u       /* removed (or being removed) by Usher, not natively */
#define MEMBER_F_SEEN 64u           /* the app has shown it (a sync or a read-back) */
#define MEMBER_F_DISABLED 128u      /* the app shows it as switched off: holds no seat */
#define MEMBER_F_INVITE 256u        /* its row is an invitation */

struct member_link
{
  struct id id;
  struct id person;        /* zero = unmatched */
  uint16_t status;         /* enum member_status */
  uint16_t before;         /* status before MEMBER_SYNC_FAILED, else 0 */
  uint32_t flags;          /* MEMBER_F_... */
  uint8_t hub_role;        /* of the adopted grant: 1 collaborator, 2 manager, 3 owner */
  uint32_t missed;         /* proved listings in a row that lacked it */
  uint64_t seq;            /* sequence of its last verified change (txn_next_seq) */
  int64_t first_seen_ms;   /* 0 = never */
  int64_t last_seen_ms;    /* 0 = by the hub's newest sync */
  int64_t changed_ms;      /* when status last changed */
  int64_t adopted_ms;
  int64_t invited_ms;      /* when it was last invited; 0 = never, or joined since */
  uint32_t invitations;    /* sent since it last joined */
  const char *reason;      /* of the exemption; NULL = none */
  struct id exempt_by;
  int64_t exempt_ms;
  const char *note;        /* a sentence to show with the status; NULL = none */
};

/* Link and row together.  Everything pointed to is borrowed: see who fills it. */
struct member
{
  struct member_link link;
  const char *key;         /* native key ("m" or "i" and the id, row_key); NULL = not in the app yet */
  size_t key_len;
  const void *row;         /* a ROW_MEMBER as row.h encodes it; NULL with key */
  size_t row_len;
};

/* "unmatched", "onboarded", "guest", "exempted"; and back, -EINVAL. */
const char *member_tab_name (enum member_tab tab);
int member_tab_parse (const char *s, enum member_tab *ret);
/* "pending-invite-claim" and so on; and back, -EINVAL. */
const char *member_status_name (uint16_t status);
int member_status_parse (const char *s, uint16_t *ret);
/* The one tab a member is under, whatever its status: exemption, then no person,
   then guest, else onboarded.  The automation account's own member is onboarded. */
enum member_tab member_tab (const struct member_link *link);
/* Live = not removed. */
bool member_is_live (const struct member_link *link);
/* Counts for the safeguard: live, seen in the app, holding a seat (not disabled), no
   invitation, not the automation account. */
bool member_is_known (const struct member_link *link);

#endif
