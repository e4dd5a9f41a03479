/* Owns the clocks: wall, processor time of the process, bytes given to write. */
#include <config.h>

#include "tests/bench/span.h"

#include <stdio.h>
#include <time.h>

#include "host/common/base.h"

static double
seconds (clockid_t clock)
{
  struct timespec t;

  (void) clock_gettime (clock, &t);
  return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* "wchar" of proc(5). */
static uint64_t
written (void)
{
  FILE *f = fopen ("/proc/self/io", "re");
  char line[128];
  uint64_t n = 0;

  while (f && fgets (line, sizeof line, f))
    if (strncmp (line, "wchar: ", 7) == 0)
      n = strtoull (line + 7, NULL, 10);
  if (f)
    (void) fclose (f);
  return n;
}

void
span_begin (struct span *s, double children)
{
  *s = (struct span) { seconds (CLOCK_MONOTONIC), seconds (CLOCK_PROCESS_CPUTIME_ID), children, written () };
}

void
span_end (const struct span *s, const char *name, double children, uint64_t rows, uint64_t bytes)
{
  double cpu = seconds (CLOCK_PROCESS_CPUTIME_ID) - s->cpu;

  (void) printf ("{\"span\": \"%s\", \"wall\": %.6f, \"cpu\": %.6f, \"host_cpu\": %.6f, \"written\": %llu, "
                 "\"rows\": %llu, \"row_bytes\": %llu}\n",
                 name, seconds (CLOCK_MONOTONIC) - s->wall, cpu + children - s->children, cpu,
                 (unsigned long long) (written () - s->written), (unsigned long long) rows,
                 (unsigned long long) bytes);
  (void) fflush (stdout);
}
