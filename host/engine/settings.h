/* The settings of a hub: their names, kinds and ranges (behaviour 3.3, 5.5). */
#ifndef USHER_ENGINE_SETTINGS_H
#define USHER_ENGINE_SETTINGS_H

#include "host/common/row.h"
#include "host/engine/internal.h"

/* Takes over what GIVEN (NULL = nothing) says into the hub's settings; null sets a value
   back to its default.  Numbers may come as text, times as "24h". */
int settings_set (json_t *hub, json_t *given, struct refusal *r);

/* The roles a hub knows: declared in the app file, discovered, named in its field roles.
   A new array of {id, label, group, rank, assignable}. */
json_t *roles_of (const struct app *app, const json_t *hub);
/* Turns what a caller asked for (an array of ids, labels or {id, group}) into [{id,
   group}] of assignable roles, as the app's groups allow; a new array. */
int roles_check (const struct app *app, const json_t *hub, json_t *asked, bool required, json_t **ret,
                 struct refusal *r);

/* ---- Ranks of roles (rank.c). */

struct ranks
{
  json_t *of;    /* owned: {group: {id: rank}} of the groups that are ranked */
  json_t *top;   /* owned: {group: rank}, the highest of each that has one */
};
void ranks_init (struct ranks *r, const struct app *app, const json_t *hub);
void ranks_done (struct ranks *r);
/* Whether the app shows ROW active and with a highest role. */
bool ranks_top (const struct ranks *r, const struct row_view *row);
/* The same of a member as it was last seen, if it counts for the safeguard. */
bool ranks_top_held (const struct ranks *r, const struct member *m);
/* Whether NOW is less than WAS: switched off, a lower rank, or in a group without ranks a role
   that is gone. */
bool ranks_lowered (const struct ranks *r, const struct row_view *was, const struct row_view *now);

#endif
