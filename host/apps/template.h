/* Templates of app files: text with {field} in it. */
#ifndef USHER_APPS_TEMPLATE_H
#define USHER_APPS_TEMPLATE_H

#include "host/common/base.h"

struct template_part
{
  const char *text;   /* borrowed from the template; not NUL-terminated */
  size_t len;
  bool field;         /* TEXT is the name between the braces */
};

/* The next part at *AT (starts at the template); 1 and *ret, 0 at the end, -EINVAL for a
   brace that is not part of {name}. */
int template_next (const char **at, struct template_part *ret);

/* The value of a field, NULL = none; borrowed until the next call. */
typedef const char *template_value_fn (void *data, const char *name);
/* Fills T in.  1 and *ret (caller frees), 0 when a field has no value, -EINVAL, -E2BIG
   beyond MAX bytes, -ENOMEM. */
int template_fill (const char *t, size_t max, template_value_fn *fn, void *data, char **ret);

#endif
