/* What this kernel can hold the child processes to. */
#ifndef USHER_ENGINE_CONFINEMENT_H
#define USHER_ENGINE_CONFINEMENT_H

#include <jansson.h>

#include "host/common/base.h"

/* {"seccomp": true, "landlock": 3, "lacks": "..."}: the Landlock ABI, 0 = none; what does not
   hold because of it, if there is anything. */
json_t *confinement_json (void);
/* A line for each thing that does not hold. */
void confinement_log (void);
typedef void confinement_add (json_t *checks, const char *name, bool ok, const char *detail, const char *action);
/* Adds a check each for seccomp and Landlock. */
void confinement_check (json_t *checks, confinement_add *add);

#endif
