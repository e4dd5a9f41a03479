/* Owns the names of member states and the rule that puts a member under its tab.  Pure
   functions. */
#include <config.h>

#include "host/store/member.h"

static const char *const tabs[MEMBER_TABS] = {
  [MEMBER_TAB_UNMATCHED] = "unmatched",
  [MEMBER_TAB_ONBOARDED] = "onboarded",
  [MEMBER_TAB_GUEST] = "guest",
  [MEMBER_TAB_EXEMPTED] = "exempted",
};

static const struct
{
  uint16_t status;
  const char *name;
} statuses[] = {
  { MEMBER_ONBOARDED, "onboarded" },
  { MEMBER_UNMATCHED, "unmatched" },
  { MEMBER_EXEMPTED, "exempted" },
  { MEMBER_PENDING_CLAIM, "pending-claim" },
  { MEMBER_INVITING, "inviting" },
  { MEMBER_PENDING_INVITE, "pending-invite-claim" },
  { MEMBER_INVITE_EXPIRED, "invite-expired" },
  { MEMBER_INVITE_FAILED, "invite-failed" },
  { MEMBER_AWAITING_LOGIN, "awaiting-login" },
  { MEMBER_AWAITING_UPDATE, "awaiting-update" },
  { MEMBER_UPDATE_FAILED, "update-failed" },
  { MEMBER_AWAITING_DEPROVISIONING, "awaiting-deprovisioning" },
  { MEMBER_DEPROVISIONING_FAILED, "deprovisioning-failed" },
  { MEMBER_REMOVED, "removed" },
  { MEMBER_SYNC_FAILED, "sync-failed" },
};

const char *
member_tab_name (enum member_tab tab)
{
  return tabs[tab];
}

int
member_tab_parse (const char *s, enum member_tab *ret)
{
  int i;

  for (i = 0; i < MEMBER_TABS; i++)
    if (streq (tabs[i], s))
      {
        *ret = (enum member_tab) i;
        return 0;
      }
  return -EINVAL;
}

const char *
member_status_name (uint16_t status)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (statuses); i++)
    if (statuses[i].status == status)
      return statuses[i].name;
  return "unknown";
}

int
member_status_parse (const char *s, uint16_t *ret)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (statuses); i++)
    if (streq (statuses[i].name, s))
      {
        *ret = statuses[i].status;
        return 0;
      }
  return -EINVAL;
}

enum member_tab
member_tab (const struct member_link *link)
{
  if (link->flags & MEMBER_F_AUTOMATION)
    return MEMBER_TAB_ONBOARDED;
  if (link->flags & MEMBER_F_EXEMPT)
    return MEMBER_TAB_EXEMPTED;
  if (id_is_zero (&link->person))
    return MEMBER_TAB_UNMATCHED;
  return link->flags & MEMBER_F_GUEST ? MEMBER_TAB_GUEST : MEMBER_TAB_ONBOARDED;
}

bool
member_is_live (const struct member_link *link)
{
  return link->status != MEMBER_REMOVED;
}

bool
member_is_known (const struct member_link *link)
{
  const uint32_t out = MEMBER_F_DISABLED | MEMBER_F_INVITE | MEMBER_F_AUTOMATION;

  return member_is_live (link) && (link->flags & MEMBER_F_SEEN) && !(link->flags & out);
}
