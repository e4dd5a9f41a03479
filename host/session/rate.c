/* Owns the buckets of all rate keys.  Each window of a rule is a ring of slots: a slot
   counts what was lent while it lasted, and a permit is lent only while all slots that
   touch the window together stay below the limit.  The oldest slot counts whole, so the
   limit holds for every span, not only on average.  */
#include <config.h>

#include "host/session/rate.h"

#include <limits.h>
#include <pthread.h>

#include "host/common/clock.h"
#include "host/common/text.h"

#define CHAINS 1024u
#define KEYS_MAX 65536u
#define SLOTS 16u
#define IN_FLIGHT_MAX 1024u        /* where no rule limits it */
#define POLL_MS 50                 /* an answer in flight may come any time */

struct window
{
  int64_t slot;                    /* number of the newest slot since the clock began */
  uint32_t lent[SLOTS];            /* by slot number modulo SLOTS */
};

struct bucket
{
  struct bucket *next;
  struct rate_rule rule;
  struct window windows[RATE_WINDOWS];
  uint32_t out;                    /* permits lent and not yet back */
  uint32_t ceiling;                /* the most that may be in flight */
  uint32_t allowed;                /* of that, after throttling */
  uint32_t before;                 /* of OUT, what was lent before the last throttling */
  uint32_t good;                   /* answers since ALLOWED changed */
  int64_t closed_until;            /* monotonic; 0 = open */
  int64_t left, left_until;        /* what the app said remains until then; -1 = not told */
  char key[];
};

struct rate_table
{
  pthread_mutex_t lock;            /* guards all below */
  struct bucket *chains[CHAINS];
  size_t n;
};

/* The LEN digits at S, a number from 1 to MAX. */
static int
parse_leading (const char *s, size_t len, uint64_t max, uint64_t *ret)
{
  char digits[16];

  if (len >= sizeof digits)
    return -EINVAL;
  memcpy (digits, s, len);
  digits[len] = '\0';
  return parse_u64 (digits, 1, max, ret);
}

int
rate_parse_per (const char *s, uint32_t *ret_n, int64_t *ret_ms)
{
  static const struct { const char *name; int64_t ms; } units[] = {
    { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "day", 86400000 },
  };
  const char *slash = strchr (s, '/');
  uint64_t n, times = 1;
  const char *unit;
  size_t i;

  if (!slash || parse_leading (s, (size_t) (slash - s), UINT32_MAX, &n) < 0)
    return -EINVAL;
  unit = slash + 1 + strspn (slash + 1, "0123456789");
  if (unit > slash + 1 && parse_leading (slash + 1, (size_t) (unit - slash - 1), RATE_UNITS_MAX, &times) < 0)
    return -EINVAL;
  for (i = 0; i < ARRAY_SIZE (units); i++)
    if (streq (unit, units[i].name))
      {
        *ret_n = (uint32_t) n;
        *ret_ms = (int64_t) times * units[i].ms;
        return 0;
      }
  return -EINVAL;
}

static struct bucket **
chain_of (struct rate_table *t, const char *key)
{
  uint32_t h = 2166136261u;        /* FNV-1a; keys come from configuration */

  for (; *key; key++)
    h = (h ^ (unsigned char) *key) * 16777619u;
  return &t->chains[h % CHAINS];
}

static struct bucket *
find (struct rate_table *t, const char *key)
{
  struct bucket *b = *chain_of (t, key);

  while (b && !streq (b->key, key))
    b = b->next;
  return b;
}

static int64_t
slot_ms (const struct rate_rule *rule, size_t i)
{
  return (rule->per[i].ms + SLOTS - 2) / (SLOTS - 1);
}

/* Lets the slots that left the window go. */
static void
window_turn (struct window *w, int64_t now_slot)
{
  for (; w->slot < now_slot; w->slot++)
    {
      if (now_slot - w->slot > (int64_t) SLOTS)
        w->slot = now_slot - SLOTS;
      w->lent[(w->slot + 1) % SLOTS] = 0;
    }
}

static uint32_t
window_lent (const struct window *w)
{
  uint32_t sum = 0;
  size_t i;

  for (i = 0; i < SLOTS; i++)
    sum += w->lent[i];
  return sum;
}

/* When the oldest slot that has anything leaves the window. */
static int64_t
window_opens (const struct window *w, int64_t length)
{
  int64_t slot;

  for (slot = w->slot - (SLOTS - 1); slot < w->slot; slot++)
    if (slot >= 0 && w->lent[slot % SLOTS])
      break;
  return (slot + SLOTS) * length;
}

/* A bucket that would answer a new one's answers. */
static bool
is_idle (struct bucket *b, int64_t now)
{
  size_t i;

  if (b->out || b->closed_until > now || b->left_until > now || b->allowed < b->ceiling)
    return false;
  for (i = 0; i < RATE_WINDOWS; i++)
    if (b->rule.per[i].n)
      {
        window_turn (&b->windows[i], now / slot_ms (&b->rule, i));
        if (window_lent (&b->windows[i]))
          return false;
      }
  return true;
}

static void
evict_idle (struct rate_table *t, int64_t now)
{
  size_t i;

  for (i = 0; i < CHAINS; i++)
    {
      struct bucket **at = &t->chains[i];

      while (*at)
        {
          struct bucket *b = *at;

          if (!is_idle (b, now))
            {
              at = &b->next;
              continue;
            }
          *at = b->next;
          free (b);
          t->n--;
        }
    }
}

static bool
rule_equal (const struct rate_rule *a, const struct rate_rule *b)
{
  size_t i;

  for (i = 0; i < RATE_WINDOWS; i++)
    if (a->per[i].n != b->per[i].n || a->per[i].ms != b->per[i].ms)
      return false;
  return a->in_flight == b->in_flight;
}

/* What is counted by windows of the same length stays counted. */
static void
set_rule (struct bucket *b, const struct rate_rule *rule)
{
  size_t i;

  for (i = 0; i < RATE_WINDOWS; i++)
    if (b->rule.per[i].ms != rule->per[i].ms)
      b->windows[i] = (struct window) { 0 };
  b->rule = *rule;
  b->ceiling = rule->in_flight ? rule->in_flight : IN_FLIGHT_MAX;
  b->allowed = b->ceiling;
  b->good = 0;
}

static struct bucket *
find_or_make (struct rate_table *t, const char *key, const struct rate_rule *rule, int64_t now)
{
  struct bucket *b = find (t, key), **chain;
  size_t len = strlen (key) + 1;

  if (b)
    {
      if (!rule_equal (&b->rule, rule))
        set_rule (b, rule);
      return b;
    }
  if (t->n >= KEYS_MAX)
    evict_idle (t, now);
  if (t->n >= KEYS_MAX || !(b = calloc (1, sizeof *b + len)))
    return NULL;
  memcpy (b->key, key, len);
  set_rule (b, rule);
  b->left = -1;
  chain = chain_of (t, key);
  b->next = *chain;
  *chain = b;
  t->n++;
  return b;
}

/* How many of WANT the windows let through; 0 and when they will. */
static uint32_t
windows_allow (struct bucket *b, uint32_t want, int64_t now, int64_t *ret_wait_ms)
{
  size_t i;

  for (i = 0; i < RATE_WINDOWS && want; i++)
    {
      struct window *w = &b->windows[i];
      uint32_t lent;

      if (!b->rule.per[i].n)
        continue;
      window_turn (w, now / slot_ms (&b->rule, i));
      lent = window_lent (w);
      if (lent >= b->rule.per[i].n)
        {
          *ret_wait_ms = window_opens (w, slot_ms (&b->rule, i)) - now;
          return 0;
        }
      want = MIN (want, b->rule.per[i].n - lent);
    }
  return want;
}

static void
windows_count (struct bucket *b, uint32_t n)
{
  size_t i;

  for (i = 0; i < RATE_WINDOWS; i++)
    if (b->rule.per[i].n)
      b->windows[i].lent[b->windows[i].slot % SLOTS] += n;
}

static uint32_t
lend (struct bucket *b, uint32_t want, int64_t now, int64_t *ret_wait_ms)
{
  if (b->closed_until > now)
    {
      *ret_wait_ms = b->closed_until - now;
      return 0;
    }
  if (b->left_until <= now)
    b->left = -1;
  *ret_wait_ms = POLL_MS;
  if (b->out >= b->allowed)
    return 0;
  want = MIN (want, b->allowed - b->out);
  if (b->left == 0)
    {
      *ret_wait_ms = b->out ? POLL_MS : b->left_until - now;
      return 0;
    }
  if (b->left > 0 && (int64_t) want > b->left)
    want = (uint32_t) b->left;
  want = windows_allow (b, want, now, ret_wait_ms);
  windows_count (b, want);
  b->out += want;
  if (b->left > 0)
    b->left -= want;
  return want;
}

uint32_t
rate_ask (struct rate_table *t, const char *key, const struct rate_rule *rule, uint32_t want,
          int64_t *ret_wait_ms)
{
  int64_t now = clock_mono_ms (), wait = POLL_MS;
  struct bucket *b;
  uint32_t n = 0;

  pthread_mutex_lock (&t->lock);
  b = find_or_make (t, key, rule, now);
  if (b && want)
    n = lend (b, want, now, &wait);
  pthread_mutex_unlock (&t->lock);
  *ret_wait_ms = n ? 0 : MAX (wait, 1);
  return n;
}

/* Requests that were in flight together are refused together: that is one refusal. */
static void
adapt (struct bucket *b, bool throttled)
{
  bool before = b->before > 0;

  if (before)
    b->before--;
  if (throttled && !before)
    {
      b->allowed = MAX (MIN (b->allowed, b->out) / 2, 1);
      b->before = b->out ? b->out - 1 : 0;
      b->good = 0;
    }
  else if (!throttled && b->allowed < b->ceiling && ++b->good >= b->allowed)
    {
      b->allowed++;
      b->good = 0;
    }
}

static int64_t
span_until (int64_t until_ms)
{
  int64_t span = until_ms > 0 ? until_ms - clock_now_ms () : 0;

  return MIN (MAX (span, 0), RATE_WAIT_MAX_MS);
}

void
rate_seen (struct rate_table *t, const char *key, bool throttled, int64_t until_ms, int64_t remaining)
{
  int64_t now = clock_mono_ms (), span = span_until (until_ms);
  struct bucket *b;

  pthread_mutex_lock (&t->lock);
  b = find (t, key);
  if (b)
    {
      adapt (b, throttled);
      if (b->out)
        b->out--;
      if (span && remaining > 0 && !throttled)
        {
          /* Those still in flight may not have been counted by the app. */
          b->left = MAX (remaining - b->out, 0);
          b->left_until = now + span;
        }
      else if (span)
        b->closed_until = MAX (b->closed_until, now + span);
    }
  pthread_mutex_unlock (&t->lock);
}

void
rate_close (struct rate_table *t, const char *key, const struct rate_rule *rule, int64_t until_ms)
{
  int64_t now = clock_mono_ms (), span = span_until (until_ms);
  struct bucket *b;

  pthread_mutex_lock (&t->lock);
  b = span ? find_or_make (t, key, rule, now) : NULL;
  if (b)
    b->closed_until = MAX (b->closed_until, now + span);
  pthread_mutex_unlock (&t->lock);
}

static void
look (struct bucket *b, int64_t now, int64_t wall, struct rate_state *s)
{
  int64_t wait = 0;

  if (b->closed_until > now)
    s->closed_until_ms = wall + b->closed_until;
  if (windows_allow (b, 1, now, &wait) == 0)
    s->full_until_ms = wall + now + wait;
  if (b->left >= 0 && b->left_until > now)
    {
      s->left_until_ms = wall + b->left_until;
      s->left = b->left;
    }
  if (b->allowed < b->ceiling)
    {
      s->allowed = b->allowed;
      s->in_flight = b->rule.in_flight;
    }
}

bool
rate_look (struct rate_table *t, const char *key, struct rate_state *ret)
{
  int64_t now = clock_mono_ms (), wall = clock_now_ms () - now;
  struct bucket *b;

  *ret = (struct rate_state) { 0 };
  pthread_mutex_lock (&t->lock);
  b = find (t, key);
  if (b)
    look (b, now, wall, ret);
  pthread_mutex_unlock (&t->lock);
  return b != NULL;
}

bool
rate_probe (struct rate_table *t, const char *key)
{
  struct bucket *b;
  bool lent;

  pthread_mutex_lock (&t->lock);
  b = find (t, key);
  lent = b && !b->out;
  if (lent)
    {
      windows_count (b, 1);
      b->out = 1;
    }
  pthread_mutex_unlock (&t->lock);
  return lent;
}

void
rate_open (struct rate_table *t, const char *key)
{
  struct bucket *b;

  pthread_mutex_lock (&t->lock);
  b = find (t, key);
  if (b)
    b->closed_until = 0;
  pthread_mutex_unlock (&t->lock);
}

void
rate_return (struct rate_table *t, const char *key, uint32_t n)
{
  struct bucket *b;

  pthread_mutex_lock (&t->lock);
  b = find (t, key);
  if (b)
    {
      b->out -= MIN (b->out, n);
      b->before = MIN (b->before, b->out);
    }
  pthread_mutex_unlock (&t->lock);
}

int
rate_table_new (struct rate_table **ret)
{
  struct rate_table *t = calloc (1, sizeof *t);

  if (!t)
    return -ENOMEM;
  pthread_mutex_init (&t->lock, /* attributes= */ NULL);
  *ret = t;
  return 0;
}

void
rate_table_free (struct rate_table *t)
{
  size_t i;

  if (!t)
    return;
  for (i = 0; i < CHAINS; i++)
    while (t->chains[i])
      {
        struct bucket *b = t->chains[i];

        t->chains[i] = b->next;
        free (b);
      }
  pthread_mutex_destroy (&t->lock);
  free (t);
}
