/* Owns the status of a member while a task changes it, and once the task failed. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

static void
set_member_status (struct txn *t, const json_t *task, const json_t *hub, uint16_t status)
{
  struct id hub_id, member;
  struct member m;

  if (!json_id (hub, "id", &hub_id) || !json_id (task, "member", &member)
      || txn_member_get (t, &hub_id, &member, &m) != 1)
    return;
  m.link.status = status;
  m.link.changed_ms = clock_now_ms ();
  m.row = NULL;
  txn_member_put (t, &hub_id, &m);
}

void
change_begins (struct txn *t, const json_t *task, const json_t *hub)
{
  enum task_kind kind;

  if (task_kind_parse (json_text (task, "kind"), &kind) < 0)
    return;
  switch (kind)
    {
    case TASK_ADD_USER:
      set_member_status (t, task, hub, MEMBER_INVITING);
      break;
    case TASK_UPDATE_ROLE:
      set_member_status (t, task, hub, MEMBER_AWAITING_UPDATE);
      break;
    case TASK_REMOVE_USER:
      set_member_status (t, task, hub, MEMBER_AWAITING_DEPROVISIONING);
      break;
    case TASK_VALIDATE:
    case TASK_SYNC:
      break;
    }
}

void
change_failed (struct txn *t, const json_t *task, const json_t *hub)
{
  bool cancelled = streq (json_text (json_object_get (task, "error"), "code"), "cancelled");
  enum task_kind kind;

  if (task_kind_parse (json_text (task, "kind"), &kind) < 0)
    return;
  switch (kind)
    {
    case TASK_ADD_USER:
      set_member_status (t, task, hub, json_flag (json_object_get (task, "input"), "resend") ? MEMBER_PENDING_INVITE
                                                                                           : MEMBER_INVITE_FAILED);
      break;
    case TASK_UPDATE_ROLE:
      set_member_status (t, task, hub, cancelled ? member_settled (hub) : MEMBER_UPDATE_FAILED);
      break;
    case TASK_REMOVE_USER:
      if (!cancelled)
        set_member_status (t, task, hub, MEMBER_DEPROVISIONING_FAILED);
      else
        set_member_status (t, task, hub,
                           json_object_get (task, "person") ? member_settled (hub) : MEMBER_UNMATCHED);
      break;
    case TASK_VALIDATE:
    case TASK_SYNC:
      break;
    }
}
