/* A value that must not be seen: overwritten when freed, never printed. */
#ifndef USHER_COMMON_SECRET_H
#define USHER_COMMON_SECRET_H

#include "host/common/base.h"

struct secret
{
  char *data;  /* owned; NUL-terminated; NULL = none */
  size_t len;
};

static inline void
secret_done (struct secret *s)
{
  if (s->data)
    explicit_bzero (s->data, s->len);
  free (s->data);
  *s = (struct secret) { NULL, 0 };
}

/* A copy of LEN bytes; -ENOMEM. */
static inline int
secret_set (struct secret *s, const char *data, size_t len)
{
  char *copy = malloc (len + 1);

  if (!copy)
    return -ENOMEM;
  memcpy (copy, data, len);
  copy[len] = '\0';
  secret_done (s);
  *s = (struct secret) { copy, len };
  return 0;
}

#endif
