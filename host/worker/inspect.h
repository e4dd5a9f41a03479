/* usher-worker --inspect: what a file says of itself, as JSON. */
#ifndef USHER_WORKER_INSPECT_H
#define USHER_WORKER_INSPECT_H

#include "host/worker/load.h"

/* Loads the file in this process, which is confined first, and prints.  The exit status:
   0; 1 when the file is no connector, with the sentence on standard error;
   WIRE_EXIT_UNCONFINED. */
int inspect_file (const char *path, const struct load_dirs *dirs);

#endif
