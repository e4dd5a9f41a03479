/* What is counted for those who watch the daemon.  Inside the engine; what others may ask
   is in engine.h. */
#ifndef USHER_ENGINE_METRICS_H
#define USHER_ENGINE_METRICS_H

#include "host/engine/engine.h"

int metrics_start (struct engine *e);
void metrics_stop (struct engine *e);

#endif
