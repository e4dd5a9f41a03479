/* ^C and SIGTERM: noted, never acted on inside a handler, so that a wait can print its
   task's id and a prompt can give the terminal its echo back. */
#ifndef USHER_CLI_INTERRUPT_H
#define USHER_CLI_INTERRUPT_H

#include "host/common/base.h"

void interrupt_install (void);
/* The signal that came, 0 = none. */
int interrupt_pending (void);
/* STATUS_SIGNAL plus that signal. */
int interrupt_status (void);
/* Waits until FD can be read; false as soon as a signal came, also when that was
   before. */
bool interrupt_wait_input (int fd);
/* Sleeps, but not through a signal. */
void interrupt_sleep (int64_t ms);

#endif
