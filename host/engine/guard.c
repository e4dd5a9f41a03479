/* Owns the one rule that stops a plan before its first write (behaviour 5.5). */
#include <config.h>

#include "host/common/buf.h"
#include "host/engine/internal.h"

enum guard_verdict
guard_judge (const struct guard *g)
{
  if (g->known == 0)
    return GUARD_PASS;
  if (g->seen == 0)
    return GUARD_EMPTY;
  if (g->missing && g->kept_touched)
    return GUARD_KEPT;
  if (g->missing && g->ask)
    return GUARD_ASK;
  if (2 * g->top_lost > g->top)
    return GUARD_TOP;
  if (g->missing > (uint64_t) g->cap)
    return GUARD_CAP;
  if (g->missing <= (uint64_t) g->floor)
    return GUARD_PASS;
  /* At most 10,000,000 rows a listing: the products fit. */
  if (100 * g->missing > (uint64_t) g->threshold * g->known)
    return GUARD_SHARE;
  return GUARD_PASS;
}

char *
guard_sentence (const struct guard *g, enum guard_verdict v)
{
  struct buf s = BUF_INIT (512);

  switch (v)
    {
    case GUARD_PASS:
      break;
    case GUARD_EMPTY:
      buf_printf (&s, "The app lists nobody, but %llu members were known; nothing was applied.",
                  (unsigned long long) g->known);
      break;
    case GUARD_SHARE:
      buf_printf (&s, "%llu of %llu known members are missing, more than %lld %%; nothing was applied.",
                  (unsigned long long) g->missing, (unsigned long long) g->known, (long long) g->threshold);
      break;
    case GUARD_CAP:
      buf_printf (&s, "%llu members are missing, more than the cap of %lld; nothing was applied.",
                  (unsigned long long) g->missing, (long long) g->cap);
      break;
    case GUARD_KEPT:
      buf_puts (&s, "A member on the keep list is among the missing; nothing was applied.");
      break;
    case GUARD_TOP:
      buf_printf (&s, "%llu of the %llu holders of the highest role are missing, more than half; nothing was applied.",
                  (unsigned long long) g->top_lost, (unsigned long long) g->top);
      break;
    case GUARD_ASK:
      buf_printf (&s, "%llu of %llu known members are missing, and what is known is in doubt since a sync was lost or "
                  "a backup restored; nothing was applied.", (unsigned long long) g->missing,
                  (unsigned long long) g->known);
      break;
    }
  return buf_steal (&s);
}
