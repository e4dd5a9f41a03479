/* Owns the one rule that stops a plan before its first write (behaviour 5.5). */
#include <config.h>

#include "host/common/buf.h"
#include "host/engine/plan.h"

static const char *const names[] = {
  [GUARD_PASS] = "pass", [GUARD_EMPTY] = "empty", [GUARD_KEPT] = "kept", [GUARD_OWNER] = "last-owner",
  [GUARD_ASK] = "doubt", [GUARD_TOP] = "highest-role", [GUARD_CAP] = "cap", [GUARD_SHARE] = "share",
};

const char *
guard_name (enum guard_verdict v)
{
  return names[v];
}

enum guard_verdict
guard_judge (const struct guard *g)
{
  if (g->known == 0)
    return GUARD_PASS;
  if (g->seen == 0)
    return GUARD_EMPTY;
  if (g->kept)
    return GUARD_KEPT;
  if (g->owner)
    return GUARD_OWNER;
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
  struct buf s = BUF_INIT (GUARD_SENTENCE_MAX);
  unsigned long long missing = g->missing, known = g->known;

  switch (v)
    {
    case GUARD_PASS:
      break;
    case GUARD_EMPTY:
      buf_printf (&s, "Nobody is listed, but %llu %s were known; nothing was applied.", known, g->who);
      break;
    case GUARD_SHARE:
      buf_printf (&s, "%llu of %llu known %s are missing, more than %lld %%; nothing was applied.", missing, known,
                  g->who, (long long) g->threshold);
      break;
    case GUARD_CAP:
      buf_printf (&s, "%llu %s are missing, more than the cap of %lld; nothing was applied.", missing, g->who,
                  (long long) g->cap);
      break;
    case GUARD_KEPT:
      buf_printf (&s, "%s is on the keep list, and would be removed or lowered; nothing was applied.", g->kept);
      break;
    case GUARD_OWNER:
      buf_printf (&s, "The hub %s would lose its last owner; nothing was applied.", g->owner);
      break;
    case GUARD_TOP:
      buf_printf (&s, "%llu of the %llu holders of the highest role would be removed or lowered, more than half; "
                  "nothing was applied.", (unsigned long long) g->top_lost, (unsigned long long) g->top);
      break;
    case GUARD_ASK:
      buf_printf (&s, "%llu of %llu known %s are missing, and what is known is in doubt since a sync was lost or "
                  "a backup restored; nothing was applied.", missing, known, g->who);
      break;
    }
  return buf_steal (&s);
}
