/* What the actions on members share. */
#ifndef USHER_ENGINE_MEMBERS_H
#define USHER_ENGINE_MEMBERS_H

#include "host/engine/internal.h"

/* What a held member may take: its row and texts. */
#define MEMBER_HELD_MAX (128u * 1024)

/* What every change of one member (path[1]; M NULL = none yet) opens with: permission,
   hub, member, and that it is not the automation account.  On success T and HUB are the
   caller's, and what *M points to is held in HELD: it outlives writes. */
int member_begin (struct engine *e, const struct call *c, enum hub_role role, struct txn **ret_t, json_t **ret_hub,
                  struct member *m, struct arena *held, struct refusal *r);
/* Copies what *M borrows from a transaction into HELD. */
int member_hold (struct member *m, struct arena *held);
/* Commits where X is 0 and answers the member; takes T and HUB. */
int member_end (struct engine *e, const struct call *c, struct txn *t, int x, json_t *hub, const struct id *member,
                json_t **ret, struct refusal *r);
void member_set_status (struct member *m, uint16_t status);
/* Links M to PERSON: as a collaborator where it is ADOPTED, else as a grant says. */
void member_link_person (struct member *m, const json_t *hub, const json_t *person, bool adopted);
void member_unlink (struct txn *t, const json_t *hub, struct member *m, const struct caller *c);
/* Guests and login-only persons are collaborators only. */
int member_role_allowed (const json_t *person, enum hub_role role, struct refusal *r);
/* Refuses to end one's own role, or the last owner's. */
int member_check_own (struct txn *t, const struct call *c, const json_t *hub, const struct member *m,
                      struct refusal *r);
/* Whether an ended task may begin anew: one that invites only where no invitation waits, and
   none before the next mail to the member may go out (member-change.c). */
int member_check_retry (struct txn *t, const struct apps *apps, const json_t *hub, const json_t *task,
                        struct refusal *r);

#endif
