/* Owns how long an invitation is good, and how soon somebody may be invited again. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"

#define DAY_MS (24 * 3600 * 1000LL)
/* After the first invitation; four times longer after each one that nobody accepted, so that
   whoever sends them by a timer sends fewer and fewer. */
#define COOL_DOWN_MS (10 * 60 * 1000LL)
#define COOL_DOWN_FACTOR 4
#define COOL_DOWN_MAX_MS (30 * DAY_MS)

bool
invitation_mailed (const struct app *app)
{
  return has_prefix (app_get_text (app, "add.how", "create"), "invite");
}

bool
invitation_by_login (const struct app *app)
{
  return streq (app_get_text (app, "add.how", "create"), "just-in-time");
}

void
invitation_sent (struct member_link *link)
{
  link->invited_ms = clock_now_ms ();
  if (link->invitations < UINT32_MAX)
    link->invitations++;
}

void
invitation_accepted (struct member_link *link)
{
  link->invited_ms = 0;
  link->invitations = 0;
}

int64_t
invitation_wait_ms (const struct member_link *link, int64_t now_ms)
{
  int64_t cool_down = COOL_DOWN_MS;
  uint32_t i;

  /* One that is yet to come was sent by a clock that was wrong: nobody waits for that. */
  if (!link->invited_ms || link->invited_ms > now_ms)
    return 0;
  for (i = 1; i < link->invitations && cool_down < COOL_DOWN_MAX_MS; i++)
    cool_down *= COOL_DOWN_FACTOR;
  return MAX (MIN (cool_down, COOL_DOWN_MAX_MS) - (now_ms - link->invited_ms), 0);
}

int64_t
invitation_ends_ms (const struct app *app, int64_t sent_ms)
{
  int64_t days = app_get_number (app, "add.lifetime_days", 0);

  return days && sent_ms ? sent_ms + days * DAY_MS : 0;
}

bool
invitation_over (const struct app *app, const struct member_link *link, const void *row, size_t len, int64_t now_ms)
{
  struct arena arena = ARENA_INIT (ROW_MAX * 4);
  int64_t ends = 0, sent = link->invited_ms;
  struct row decoded;

  if (row_get (row, len, &arena, &decoded) == 0)
    {
      ends = decoded.member.expires_ms;
      sent = MAX (sent, decoded.member.created_ms);
    }
  arena_done (&arena);
  if (!ends)
    ends = invitation_ends_ms (app, sent ? sent : link->first_seen_ms);
  return ends && ends <= now_ms;
}

char *
invitation_mark (const struct usher_member *m)
{
  struct buf mark = BUF_INIT (ROW_ID_MAX + 64);

  buf_printf (&mark, "%lld %lld %s", (long long) m->created_ms, (long long) m->expires_ms, m->id ? m->id : "");
  return buf_steal (&mark);
}
