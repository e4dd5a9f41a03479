/* Owns POSIX extended regular expressions as app files use them: for a whole text, and
   bounded in what they may cost to compile. */
#include <config.h>

#include <regex.h>
#include <stdio.h>

#include "host/apps/spot.h"

#define PATTERN_MAX 512u
#define PATTERN_COPIES_MAX 2000u

/* Whether the repetitions {n,m} of PATTERN, multiplied, stay within bounds: the C
   library copies what is repeated. */
static bool
affordable (const char *pattern)
{
  size_t copies = 1;
  const char *p;

  if (strlen (pattern) > PATTERN_MAX)
    return false;
  for (p = pattern; (p = strchr (p, '{')); p++)
    {
      size_t n = 0, most = 1;
      const char *d;

      for (d = p + 1; *d && *d != '}'; d++)
        if (*d >= '0' && *d <= '9')
          {
            n = n * 10 + (size_t) (*d - '0');
            if (n > PATTERN_COPIES_MAX)
              return false;
            most = MAX (most, n);
          }
        else
          n = 0;
      copies *= most;
      if (copies > PATTERN_COPIES_MAX)
        return false;
    }
  return true;
}

int
pattern_matches (const char *pattern, const char *text)
{
  _cleanup_ (freep) char *whole = NULL;
  regex_t re;
  int r;

  if (!affordable (pattern))
    return -EINVAL;
  if (asprintf (&whole, "^(%s)$", pattern) < 0)
    {
      whole = NULL;
      return -ENOMEM;
    }
  /* Alone first: "a)|(b" would only be balanced inside the parentheses. */
  if (regcomp (&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
    return -EINVAL;
  regfree (&re);
  if (regcomp (&re, whole, REG_EXTENDED | REG_NOSUB) != 0)
    return -EINVAL;
  r = regexec (&re, text, 0, NULL, 0) == 0;
  regfree (&re);
  return r;
}
