/* What sessions ask of the supervisor: to start a child, to say how it ended, to kill
   it.  session.h has its start and stop.  Any thread may call these; a child belongs to
   one owner. */
#ifndef USHER_SESSION_SUPERVISOR_H
#define USHER_SESSION_SUPERVISOR_H

#include "host/session/session.h"

#define SUPERVISOR_WORKER "usher-worker"
#define SUPERVISOR_NET "usher-net"
#define SUPERVISOR_CHILDREN_MAX 1024u

struct supervisor_child;

struct supervisor_exit
{
  int signal;          /* it ended by, 0 = it called exit */
  int status;          /* of exit */
  double cpu_seconds;  /* user and system */
};

/* Starts PROGRAM with HOST_FD as its fd 3 and PEER_FD as its fd 4 (both borrowed), no
   other descriptor but standard ones, and an empty environment.  A negative errno:
   -ENOENT when the program is missing, -EAGAIN over SUPERVISOR_CHILDREN_MAX. */
int supervisor_spawn (struct supervisor *s, const char *program, int host_fd, int peer_fd,
                      struct supervisor_child **ret);
/* Whether it has ended and was reaped; waits up to TIMEOUT_MS for that.  RET may be
   NULL. */
bool supervisor_child_ended (struct supervisor_child *c, int64_t timeout_ms, struct supervisor_exit *ret);
/* SIGKILL, unless it has ended. */
void supervisor_child_kill (struct supervisor_child *c);
/* Seconds of CPU it has used so far. */
double supervisor_child_cpu (struct supervisor_child *c);
/* Gives the child up: it is killed if it runs, and reaped.  NULL is fine. */
void supervisor_child_free (struct supervisor_child *c);

#endif
