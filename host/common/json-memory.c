/* Owns the allocations of jansson, and for each thread whether one has failed. */
#include <config.h>

#include "host/common/json-memory.h"

#include <jansson.h>

static __thread bool failed;

static void *
allocate (size_t size)
{
  void *p = malloc (size);

  if (!p)
    failed = true;
  return p;
}

/* Before main, because it has to precede whatever jansson allocates, in every program that asks. */
static __attribute__ ((constructor)) void
install (void)
{
  json_set_alloc_funcs (allocate, free);
}

bool
json_memory_failed (void)
{
  bool was = failed;

  failed = false;
  return was;
}
