/* Owns the judgement of a listing: what its sections, the witness and the app's own
   totals say together. */
#include <config.h>

#include <stdio.h>

#include "host/engine/sync.h"

const char *
listing_name (enum listing l)
{
  switch (l)
    {
    case LISTING_COMPLETE:
      return "complete";
    case LISTING_PARTIAL:
      return "partial";
    case LISTING_UNPROVED:
      return "unproved";
    }
  return "unproved";
}

void
proof_init (struct proof *p)
{
  *p = (struct proof) { .listing = LISTING_COMPLETE, .roles = true };
}

static void
lower (struct proof *p, enum listing to, const char *why)
{
  if (to <= p->listing)
    return;
  p->listing = to;
  (void) snprintf (p->why, sizeof p->why, "%s", why);
}

void
proof_against (struct proof *p, const char *why)
{
  lower (p, LISTING_UNPROVED, why);
  p->members = p->invites = p->roles = false;
}

/* One section: good, said to be partial, or not proved. */
static enum listing
judge (const json_t *note, uint64_t distinct, char *why, size_t why_size)
{
  int64_t total = json_number (note, "total", -1);
  const char *said = json_text (note, "why");

  if (!json_flag (note, "witnessed"))
    {
      (void) snprintf (why, why_size, "%s", said ? said : "an answer of the app was not accepted");
      return LISTING_UNPROVED;
    }
  /* Rows that the app counts and does not show are no limit that a connector can tell of. */
  if (total >= 0 && distinct != UINT64_MAX && (uint64_t) total != distinct)
    {
      (void) snprintf (why, why_size, "the app counts %lld and showed %llu", (long long) total,
                       (unsigned long long) distinct);
      return LISTING_UNPROVED;
    }
  if (json_number (note, "verdict", 0) == USHER_PARTIAL)
    {
      (void) snprintf (why, why_size, "%s", said ? said : "the connector could not read everything");
      return LISTING_PARTIAL;
    }
  if (json_number (note, "verdict", 0) != USHER_COMPLETE)
    {
      (void) snprintf (why, why_size, "%s", said ? said : "the listing ended without its end being reached");
      return LISTING_UNPROVED;
    }
  return LISTING_COMPLETE;
}

void
proof_section (struct proof *p, const json_t *note, uint64_t distinct)
{
  int64_t kind = json_number (note, "kind", 0);
  char why[sizeof p->why] = "";
  enum listing l = judge (note, distinct, why, sizeof why);

  p->sections++;
  if (l != LISTING_COMPLETE)
    lower (p, l, why);
  if (kind == USHER_S_MEMBERS)
    p->members = p->sections_of_members++ == 0 ? l == LISTING_COMPLETE : p->members && l == LISTING_COMPLETE;
  else if (kind == USHER_S_INVITES)
    p->invites = p->sections_of_invites++ == 0 ? l == LISTING_COMPLETE : p->invites && l == LISTING_COMPLETE;
  else if (kind == USHER_S_ROLE_OF)
    p->roles = p->roles && l == LISTING_COMPLETE;
}

void
proof_finish (struct proof *p)
{
  if (!p->sections_of_members)
    proof_against (p, "the connector listed no members");
  /* Only a whole listing says of anybody that they are gone (behaviour 5.4); and one doubt is doubt
     about everything that is not there. */
  if (p->listing != LISTING_COMPLETE)
    p->members = p->invites = false;
  if (p->listing == LISTING_UNPROVED)
    p->roles = false;
}
