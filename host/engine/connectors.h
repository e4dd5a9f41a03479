/* The connectors that are installed: one .so a name, inspected by a confined process
   before anybody uses it.  Counts the faults of each: three with one app in ten minutes pause
   that app's hubs, and not those of the others that the connector runs. */
#ifndef USHER_ENGINE_CONNECTORS_H
#define USHER_ENGINE_CONNECTORS_H

#include "host/engine/confinement.h"
#include "host/engine/internal.h"

int connectors_start (struct engine *e);
void connectors_stop (struct engine *e);
/* Looks through the connector path again; new, replaced and missing files take effect. */
void connectors_reload (struct engine *e);
/* Where the connector NAME is; NULL when it is missing, broken, switched off or paused for
   APP, and then a sentence in *RET_WHY.  The caller frees both. */
char *connectors_path (struct engine *e, const char *name, const char *app, char **ret_why);
/* The sentence why NAME cannot be used for APP; NULL when it can.  Caller frees. */
char *connectors_broken (struct engine *e, const char *name, const char *app);
/* The doctor's look at each file: ADD is told its name, and why it cannot be loaded. */
void connectors_check (struct engine *e, json_t *checks, confinement_add *add);
bool connectors_paused (struct engine *e, const char *name, const char *app);
/* A run for APP ended by a crash or a breach of the contract; TEXT says by which. */
void connectors_fault (struct engine *e, const char *name, const char *app, const char *text);

#endif
