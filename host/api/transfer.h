/* Backups on their way over HTTP: larger than memory, longer than the patience that other
   requests get. */
#ifndef USHER_API_TRANSFER_H
#define USHER_API_TRANSFER_H

#include "host/api/answer.h"

#define TRANSFER_TYPE "application/octet-stream"

/* Makes a backup and begins to send it.  -ECANCELED: R says why not. */
int transfer_backup (struct MHD_Connection *c, struct engine *e, const struct call *call, struct traffic *traffic,
                     struct refusal *r);
/* Lets the request at C take its time. */
void transfer_slow (struct MHD_Connection *c);

#endif
