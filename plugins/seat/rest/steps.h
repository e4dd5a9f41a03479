/* Changes as steps, and what the rest of the engine needs of them.  */
#ifndef SEAT_REST_STEPS_H
#define SEAT_REST_STEPS_H

#include "plugins/seat/rest/rest.h"

/* look-up.c: the value that run.look_up has under NAME, asked once a session: USHER_DONE,
   USHER_ABSENT when there is no such look-up, or an error that was told. */
int32_t rest_look_up (struct rest_op *op, const char *name, const char **ret);

/* change.c: what a change is about, as names. */
/* Sets the names of a member: id, handle, email, state and the rest. */
int32_t rest_name_member (struct rest_op *op, const struct usher_member *member);
/* Sets the names of op->change: those of its member, its roles and its fields. */
int32_t rest_name_change (struct rest_op *op);
/* What LIST names, as a JSON array: "roles" or "new_roles", "old_roles", "added_roles" and
   "removed_roles", each with ".GROUP" of one group, as the words that the app knows them by; or
   the values of a hub field. */
int32_t rest_list_of (struct rest_op *op, const char *list, json_t **ret);
/* The same as roles, REST_ROLES_MAX at most; USHER_ABSENT when LIST is none of these. */
int32_t rest_roles_of (const struct rest_op *op, const char *list, const struct usher_kv **ret, size_t *ret_n);
/* The word that the app takes for a role. */
const char *rest_role_word (const struct rest_op *op, const struct usher_kv *role);
/* Whether "when" of SPEC holds, as far as it has one. */
int32_t rest_when (struct rest_op *op, const json_t *spec, bool *ret);

/* read.c: reads WHO by "read" and emits the row: USHER_DONE, USHER_ABSENT, an error that was told;
   USHER_E_UNSUPPORTED, untold, when no entry of "read" is fit for it. */
int32_t rest_read_one (struct rest_op *op, const struct usher_member *who);

#endif
