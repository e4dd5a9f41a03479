/* Owns the one thing a signal handler may touch: the number of the signal. */
#include <config.h>

#include "host/cli/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

#include "host/cli/say.h"

static volatile sig_atomic_t pending;

static void
note (int number)
{
  pending = number;
}

void
interrupt_install (void)
{
  struct sigaction action = { .sa_handler = note }; /* no SA_RESTART: reads end */

  (void) sigaction (SIGINT, &action, NULL);
  (void) sigaction (SIGTERM, &action, NULL);
}

int
interrupt_pending (void)
{
  return pending;
}

int
interrupt_status (void)
{
  return STATUS_SIGNAL + pending;
}

/* ppoll opens the mask and waits in one step, so that a signal between the look at
   `pending` and the wait is not slept through. */
static void
wait_for (struct pollfd *fd, nfds_t n, const struct timespec *limit)
{
  sigset_t both, before;

  (void) sigemptyset (&both);
  (void) sigaddset (&both, SIGINT);
  (void) sigaddset (&both, SIGTERM);
  (void) sigprocmask (SIG_BLOCK, &both, &before);
  if (!pending)
    (void) ppoll (fd, n, limit, &before);
  (void) sigprocmask (SIG_SETMASK, &before, NULL);
}

bool
interrupt_wait_input (int fd)
{
  struct pollfd in = { .fd = fd, .events = POLLIN };

  wait_for (&in, 1, NULL);
  return !pending;
}

void
interrupt_sleep (int64_t ms)
{
  struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000 };

  wait_for (NULL, 0, &limit);
}
