/* The check of one app file: its form, and what its connector makes of "run". */
#ifndef USHER_ENGINE_CHECK_APP_H
#define USHER_ENGINE_CHECK_APP_H

#include "host/apps/apps.h"
#include "host/engine/engine.h"

/* Checks FILE and tells FN everything in the order of the file: first what app_check_file finds;
   when that is nothing, what the connector says, in a confined process and without a session.  One
   that does not open has a problem with "run" at least, but for what it says of a field, of whose
   value it saw a sample: that is a note.
   The folders are those of OPTIONS; no engine has to run.  The number of problems, in which notes
   do not count, or -ENOMEM. */
int engine_check_app (const struct engine_options *options, const char *file, app_problem_fn *fn,
                      void *data);

#endif
