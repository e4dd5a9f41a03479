/* What usher-worker, confined, says of a file. */
#ifndef USHER_ENGINE_INSPECT_H
#define USHER_ENGINE_INSPECT_H

#include <jansson.h>

#include "host/common/base.h"

#define INSPECT_MAX 262144u   /* bytes of what it says */

/* Where programs and libraries are; borrowed. */
struct inspect_place
{
  const char *libexec_dir;
  char *const *library_dirs;    /* NULL-terminated; NULL = none */
};

/* Runs usher-worker OPTION FILE with the LEN bytes at IN (NULL = none) as its standard input, for
   ten seconds at most.  The JSON object that it prints; else NULL and a sentence in *RET_WHY.  The
   caller owns both. */
json_t *inspect_run (const struct inspect_place *place, const char *option, const char *file,
                     const void *in, size_t len, char **ret_why);

/* DIR:DIR as a NULL-terminated list, NULL without memory; freed by inspect_free_dirs. */
char **inspect_split_dirs (const char *path);
char **inspect_free_dirs (char **dirs);
DEFINE_CLEANUP (char **, inspect_free_dirs)

#endif
