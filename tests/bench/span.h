/* What a part of a bench program costs, from span_begin to span_end, as a line that bench.py
   reads. */
#ifndef BENCH_SPAN_H
#define BENCH_SPAN_H

#include <stdint.h>

struct span
{
  double wall, cpu, children;
  uint64_t written;
};

/* CHILDREN: seconds of CPU that other processes of the program have used so far. */
void span_begin (struct span *s, double children);
/* Prints the line for NAME.  ROWS and their BYTES are what was handled. */
void span_end (const struct span *s, const char *name, double children, uint64_t rows, uint64_t bytes);

#endif
