/* The settings of a hub: their names, kinds and ranges (behaviour 3.3, 5.5). */
#ifndef USHER_ENGINE_SETTINGS_H
#define USHER_ENGINE_SETTINGS_H

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

/* ---- The highest roles (top-role.c). */

/* Those of the highest rank in each ranked group, as roles_of has them; empty where nothing is
   ranked.  A new reference. */
json_t *top_roles (const struct app *app, const json_t *hub);
/* Whether M counts for the safeguard and holds one of TOP. */
bool top_role_held (const json_t *top, const struct member *m);

#endif
