/* What this process may still do once it has read its start: speak to the ports of its app
   and to its two channels, read what names and certificates need.  No file is written, no
   program run, no other service of this machine reached. */
#ifndef USHER_NET_CONFINE_H
#define USHER_NET_CONFINE_H

#include "host/common/base.h"
#include "host/common/buf.h"

/* First thing of all: closes every descriptor above LAST, forbids dumps and cores, sets
   the limits. */
int confine_early (int last);
/* Landlock and seccomp, with CA_FILE readable, which must not be NULL, and TCP connections to
   PORTS.  What the kernel lacks of Landlock is appended to LOST as sentences.  -ENOSYS without
   seccomp. */
int confine_late (const char *ca_file, const uint16_t *ports, size_t n_ports, struct buf *lost);

#endif
