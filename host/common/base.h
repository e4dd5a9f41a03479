/* The small vocabulary that every file of the host speaks: cleanup attributes,
   ownership hand-over, checked arithmetic.  Owns no state and links to nothing. */
#ifndef USHER_COMMON_BASE_H
#define USHER_COMMON_BASE_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__ ((cleanup (f)))
#define _printf_(a, b) __attribute__ ((format (printf, a, b)))
#define _unused_ __attribute__ ((unused))

#define ARRAY_SIZE(a) (sizeof (a) / sizeof ((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Hand an owning local over: yields its value and leaves NULL behind. */
#define TAKE(p) \
  ({ __typeof__ (p) *take_ = &(p); __typeof__ (p) taken_ = *take_; *take_ = NULL; taken_; })

/* The same for a descriptor; leaves -1 behind. */
#define TAKE_FD(fd) \
  ({ int *take_ = &(fd); int taken_ = *take_; *take_ = -1; taken_; })

/* Defines `funcp`, for _cleanup_(funcp) on a pointer that `func` frees. */
#define DEFINE_CLEANUP(type, func) \
  static inline _unused_ void func##p (type *p) { if (*p) func (*p); }

static inline void
freep (void *p)
{
  free (*(void **) p);
}

static inline void
closep (int *fd)
{
  if (*fd >= 0)
    (void) close (*fd);
}

static inline bool
streq (const char *a, const char *b)
{
  return a == b || (a && b && strcmp (a, b) == 0);
}

/* Checked size arithmetic: true when it fits. */
#define SIZE_ADD(a, b, ret) (!__builtin_add_overflow ((size_t) (a), (size_t) (b), (ret)))
#define SIZE_MUL(a, b, ret) (!__builtin_mul_overflow ((size_t) (a), (size_t) (b), (ret)))

#endif
