/* Owns the {field} syntax. */
#include <config.h>

#include "host/apps/template.h"

#include "host/common/buf.h"

#define NAME_MAX_ 32u

int
template_next (const char **at, struct template_part *ret)
{
  const char *s = *at;
  size_t n = strcspn (s, "{}");

  if (!*s)
    return 0;
  if (n)
    {
      *ret = (struct template_part) { s, n, /* field= */ false };
      *at = s + n;
      return 1;
    }
  n = strspn (s + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");
  if (s[0] != '{' || !n || n > NAME_MAX_ || s[1 + n] != '}')
    return -EINVAL;
  *ret = (struct template_part) { s + 1, n, /* field= */ true };
  *at = s + n + 2;
  return 1;
}

int
template_fill (const char *t, size_t max, template_value_fn *fn, void *data, char **ret)
{
  struct buf b = BUF_INIT (max);
  struct template_part part;
  char *text;
  int r;

  while ((r = template_next (&t, &part)) > 0)
    if (!part.field)
      buf_put (&b, part.text, part.len);
    else
      {
        char name[NAME_MAX_ + 1];
        const char *value;

        memcpy (name, part.text, part.len);
        name[part.len] = '\0';
        value = fn (data, name);
        if (!value)
          {
            buf_done (&b);
            return 0;
          }
        buf_puts (&b, value);
      }
  if (r == 0)
    r = buf_error (&b);
  text = buf_steal (&b);
  if (r == 0 && !text)
    r = -ENOMEM;
  if (r < 0)
    {
      free (text);
      return r;
    }
  *ret = text;
  return 1;
}
