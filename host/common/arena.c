/* Owns bump allocation in blocks of 4 KiB or more. */
#include <config.h>

#include "host/common/arena.h"

#include <stdalign.h>

#define BLOCK_MIN 4096u

struct arena_block
{
  struct arena_block *next;
  size_t used, cap;
  alignas (max_align_t) char data[];
};

static size_t
aligned (size_t n)
{
  return (n + alignof (max_align_t) - 1) & ~(alignof (max_align_t) - 1);
}

void *
arena_alloc (struct arena *a, size_t size)
{
  struct arena_block *b = a->blocks;
  size_t cap;
  void *p;

  if (size > a->max - a->used)
    return NULL;
  size = aligned (size);
  if (!b || b->cap - b->used < size)
    {
      cap = MAX (size, BLOCK_MIN);
      b = malloc (sizeof *b + cap);
      if (!b)
        return NULL;
      b->next = a->blocks;
      b->used = 0;
      b->cap = cap;
      a->blocks = b;
    }
  p = b->data + b->used;
  b->used += size;
  a->used = MIN (a->used + size, a->max);
  memset (p, 0, size);
  return p;
}

void *
arena_array (struct arena *a, size_t n, size_t size)
{
  size_t total;

  return SIZE_MUL (n, size, &total) ? arena_alloc (a, total) : NULL;
}

char *
arena_strndup (struct arena *a, const char *s, size_t len)
{
  char *p = len < SIZE_MAX ? arena_alloc (a, len + 1) : NULL;

  if (p)
    memcpy (p, s, len);
  return p;
}

void
arena_reset (struct arena *a)
{
  while (a->blocks && a->blocks->next)
    {
      struct arena_block *b = a->blocks;

      a->blocks = b->next;
      free (b);
    }
  if (a->blocks)
    a->blocks->used = 0;
  a->used = 0;
}

void
arena_done (struct arena *a)
{
  arena_reset (a);
  free (a->blocks);
  a->blocks = NULL;
}
