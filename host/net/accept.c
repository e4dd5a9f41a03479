/* Owns the little language of accepted statuses. */
#include <config.h>

#include "host/net/accept.h"

/* One element at S of LEN characters: a status, a class as "4xx", or "any".  -1 when it
   is none of them, else whether it covers STATUS. */
static int
covers (const char *s, size_t len, int32_t status)
{
  if (len != 3)
    return -1;
  if (memcmp (s, "any", 3) == 0)
    return 1;
  if (s[0] < '1' || s[0] > '5')
    return -1;
  if (s[1] == 'x' && s[2] == 'x')
    return status / 100 == s[0] - '0';
  if (s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9')
    return -1;
  return status == (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
}

/* -1: not valid; else whether some element covers STATUS. */
static int
look_up (const char *accept, int32_t status)
{
  int found = 0;

  for (;;)
    {
      size_t len;
      int r;

      accept += strspn (accept, " ");
      len = strcspn (accept, ", ");
      r = covers (accept, len, status);
      if (r < 0)
        return r;
      found |= r;
      accept += len + strspn (accept + len, " ");
      if (!*accept)
        return found;
      if (*accept++ != ',')
        return -1;
    }
}

bool
accept_valid (const char *accept)
{
  return !accept || look_up (accept, 0) >= 0;
}

bool
accept_status (const char *accept, int32_t status)
{
  return look_up (accept ? accept : "2xx", status) > 0;
}
