/* Reading one member back: what the app shows now, by the connector's read or, where an
   app cannot be asked for one member, by its listing. */
#ifndef USHER_ENGINE_READBACK_H
#define USHER_ENGINE_READBACK_H

#include "host/engine/internal.h"

/* What the row events of read and the writes fill: the newest member row. */
struct readback
{
  struct run *r;        /* first: see RUN_EVENTS */
  struct buf *row;      /* borrowed */
  void *owner;          /* for callbacks of the owner's own */
};
/* Rows into a struct readback; no checkpoint. */
extern const struct session_events readback_events;

/* Asks for the member that WHO (a member row) is.  1: *RET (in ARENA) and its bytes in
   SHOWN; 0: the app says that there is none (SHOWN empty); negative: R says why. */
int readback (struct run *r, struct session *s, const struct buf *who, struct buf *shown, struct arena *arena,
              struct usher_member *ret);

#endif
