/* Plays usherd and usher-net against a real usher-worker over two socketpairs. */
#ifndef USHER_TESTS_WORKER_RIG_H
#define USHER_TESTS_WORKER_RIG_H

#include <sys/types.h>

#include "host/common/row.h"
#include "host/common/wire.h"

/* Nothing that the worker does takes this long. */
#define RIG_PATIENCE_MS 20000

struct rig
{
  pid_t pid;                       /* 0 = was waited for */
  struct wire_channel host, net;
  struct arena arena;              /* of the last message */
  uint16_t type;                   /* of the last message, 0 = end of file */
  uint32_t stream;
  union wire_message m;
  const void *bytes;               /* of ROWS and BODY */
  size_t len;
  unsigned int logs;               /* LOG messages that were passed over */
  char log[1025];                  /* the last of them */
};

/* Starts the worker with a connector whose "run" is WHAT.  ENV as NAME=VALUE, or NULL. */
void rig_start (struct rig *g, const char *connector, const char *what, const char *env);
void rig_call (struct rig *g, uint32_t op);
void rig_call_with (struct rig *g, const struct wire_call *call);
void rig_send (struct rig *g, uint16_t type, uint32_t stream, const void *msg);
void rig_reply (struct rig *g, int32_t status, const char *value);
/* The next message from the worker to usherd, LOG passed over, or to usher-net; its
   type, 0 at the end of file. */
uint16_t rig_next (struct rig *g);
uint16_t rig_next_net (struct rig *g);
/* Takes messages until RESULT, answering questions with 0, and answers its status;
   INT32_MIN when the worker ended instead.  The text of a FAULT is left in g->fault. */
int32_t rig_result (struct rig *g, char *ret_fault, size_t size);
/* The number or text that the connector tells as a fact KEY, which comes next. */
void rig_expect_fact (struct rig *g, const char *key, const char *value);
/* Waits for the end of the process: its wait status. */
int rig_wait (struct rig *g);
/* END, and the exit status must be 0. */
void rig_end (struct rig *g);
/* Whatever is left. */
void rig_done (struct rig *g);

/* Runs PROGRAM with ARGV to its end: its wait status, and its two outputs, cut at SIZE. */
int rig_run (const char *const *argv, char *ret_out, char *ret_err, size_t size);

#endif
