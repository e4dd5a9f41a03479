/* usher-worker --check-app: what a connector makes of an app file. */
#ifndef USHER_WORKER_CHECK_H
#define USHER_WORKER_CHECK_H

#include "host/worker/load.h"

/* Reads from standard input, with a zero byte behind each: the app's id, its file without "run",
   "run", and names and values of settings in turn.  Confines this process, loads the connector at
   PATH, opens it with "run" and prints one JSON object: what it told usher_fail as "problems"
   (path, text), what it logged as "notes" (text) and what open answered as "status".  Nothing that it asks of a session is there.
   The exit status: 0; 1 when the file is no connector or the input is not understood, with the
   sentence on standard error; WIRE_EXIT_UNCONFINED. */
int check_app (const char *path, const struct load_dirs *dirs);

#endif
