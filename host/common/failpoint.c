/* Owns the parsing and counting of fail points (test hooks only). */
#include <config.h>

#include "host/common/failpoint.h"

#ifdef USHER_TEST_HOOKS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#define POINTS_MAX 16

static struct point
{
  char name[48], action[8];
  unsigned long at, passed;
} points[POINTS_MAX];
static size_t n_points;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
read_points (void)
{
  const char *s = getenv ("USHER_FAIL_POINTS");

  while (s && *s && n_points < POINTS_MAX)
    {
      struct point *p = &points[n_points];
      size_t name = strcspn (s, "="), action;

      if (s[name] != '=' || name >= sizeof p->name)
        return;
      memcpy (p->name, s, name);
      s += name + 1;
      action = strcspn (s, ":,");
      if (action >= sizeof p->action)
        return;
      memcpy (p->action, s, action);
      s += action;
      p->at = 1;
      if (*s == ':')
        {
          char *end;

          p->at = strtoul (s + 1, &end, 10);
          s = end;
        }
      n_points++;
      if (*s == ',')
        s++;
    }
}

static void
note (const struct point *p)
{
  const char *path = getenv ("USHER_FAIL_LOG");
  char line[96];
  ssize_t n _unused_;
  int fd, len;

  if (!path || (fd = open (path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) < 0)
    return;
  len = snprintf (line, sizeof line, "%s %s %lu\n", p->name, p->action, p->passed);
  n = write (fd, line, (size_t) len);
  close (fd);
}

int
fail_point (const char *name)
{
  struct point *hit = NULL;
  size_t i;

  pthread_once (&once, read_points);
  pthread_mutex_lock (&lock);
  for (i = 0; i < n_points; i++)
    if (streq (points[i].name, name) && ++points[i].passed == points[i].at)
      hit = &points[i];
  pthread_mutex_unlock (&lock);
  if (!hit)
    return 0;
  note (hit);
  if (streq (hit->action, "kill"))
    (void) kill (getpid (), SIGKILL);
  else if (streq (hit->action, "stop"))
    (void) kill (getpid (), SIGSTOP);
  else if (streq (hit->action, "abort"))
    abort ();
  return streq (hit->action, "fail") ? -EIO : streq (hit->action, "full") ? -ENOSPC : 0;
}

#else

/* ISO C wants something in every file. */
typedef int failpoint_unused;

#endif
