/* The one line that shows how far something is, on a terminal only. */
#ifndef USHER_CLI_BAR_H
#define USHER_CLI_BAR_H

#include "host/common/base.h"

struct bar
{
  bool on;    /* standard error is a terminal and people want to see it */
  bool drawn; /* there is a line to take back */
};

/* Shows WHAT, with a bar when TOTAL is not 0, and NOTE (may be ""). */
void bar_draw (struct bar *b, const char *what, uint64_t done, uint64_t total, const char *note);
/* Takes the line back, before anything else is printed. */
void bar_clear (struct bar *b);

#endif
