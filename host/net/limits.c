/* Owns the judgement of what an answer said of limits.  */
#include <config.h>

#include "host/net/limits.h"

/* Clocks differ by moments: what has passed by less than this is due now. */
#define JUST_PASSED_MS 60000

int
limits_dialect_parse (const char *name, enum limits_dialect *ret)
{
  static const char *const names[] = {
    [LIMITS_STANDARD] = "standard", [LIMITS_MILLISECONDS] = "milliseconds",
    [LIMITS_MINUTES] = "minutes",   [LIMITS_NOTHING] = "none",
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (names); i++)
    if (streq (name, names[i]))
      {
        *ret = (enum limits_dialect) i;
        return 0;
      }
  return -EINVAL;
}

bool
limits_throttled (const struct limits *l, int32_t status)
{
  size_t i;

  if (status == 429)
    return true;
  if (status < 400)
    return false;
  if (l->regain.kind != WHEN_NONE)
    return true;
  if (status != 403)
    return status >= 500 && l->retry.kind != WHEN_NONE;
  for (i = 0; i < l->n; i++)
    if (l->policies[i].remaining == 0)
      return true;
  return l->retry.kind != WHEN_NONE;
}

/* The app's own time: it may be hours away from ours. */
static int64_t
app_now (const struct limits *l, int64_t now_ms)
{
  return l->date_ms ? l->date_ms : now_ms;
}

static int64_t
wait_of (const struct limits *l, struct when w, int64_t now_ms)
{
  return w.kind == WHEN_MOMENT ? w.ms - app_now (l, now_ms) : w.ms;
}

/* How long until P is renewed; false when nothing tells. */
static bool
policy_wait (const struct limits *l, const struct limits_policy *p, int64_t now_ms, int64_t *ret)
{
  const struct limits_policy *reset = p;
  size_t i;

  /* A remainder may have a name of its own beside a reset that has none. */
  for (i = 0; i < l->n && reset->reset.kind == WHEN_NONE && !p->period_ms; i++)
    if (!*l->policies[i].name)
      reset = &l->policies[i];
  if (reset->reset.kind != WHEN_NONE)
    *ret = wait_of (l, reset->reset, now_ms);
  else if (p->period_ms)
    /* Without a word on it, a day ends when days end. */
    *ret = p->period_ms - app_now (l, now_ms) % p->period_ms;
  else
    return false;
  return true;
}

/* How well an allowance explains a refusal: one that is used up, one that does not say, one
   that has something left. */
static int
weight (const struct limits_policy *p)
{
  return p->remaining == 0 ? 2 : p->remaining < 0;
}

/* The allowance that binds: of those that explain most, the one with the longest wait; where
   all have something left, the one that has least. */
static const struct limits_policy *
binding (const struct limits *l, int64_t now_ms, int64_t *ret_wait)
{
  const struct limits_policy *best = NULL;
  int64_t wait;
  size_t i;

  for (i = 0; i < l->n; i++)
    {
      const struct limits_policy *p = &l->policies[i];

      /* A declaration is no news of it. */
      if ((p->remaining < 0 && p->reset.kind == WHEN_NONE) || !policy_wait (l, p, now_ms, &wait))
        continue;
      if (best
          && (weight (p) < weight (best)
              || (weight (p) == weight (best)
                  && (p->remaining > 0 ? p->remaining >= best->remaining : wait <= *ret_wait))))
        continue;
      best = p;
      *ret_wait = wait;
    }
  return best;
}

/* The wait after a refusal, with what told it. */
static bool
refusal_wait (const struct limits *l, int64_t now_ms, int64_t *ret_wait, const char **ret_quote)
{
  const struct limits_policy *p;

  *ret_quote = l->quote;
  if (l->retry.kind != WHEN_NONE)
    *ret_wait = wait_of (l, l->retry, now_ms);
  else if (l->regain.kind != WHEN_NONE)
    *ret_wait = wait_of (l, l->regain, now_ms);
  else
    {
      p = binding (l, now_ms, ret_wait);
      if (p)
        *ret_quote = p->quote;
      return p != NULL;
    }
  return true;
}

static void
judge_refusal (const struct limits *l, int64_t now_ms, struct limits_verdict *v)
{
  int64_t wait;
  const char *quote;

  if (!refusal_wait (l, now_ms, &wait, &quote))
    return;
  if (wait < -JUST_PASSED_MS)
    {
      if (!*v->odd)
        v->odd = quote;
      return;
    }
  v->quote = quote;
  v->bounded = wait > LIMITS_WAIT_MAX_MS;
  v->until_ms = now_ms + MIN (MAX (wait, 0), LIMITS_WAIT_MAX_MS);
}

static void
judge_answer (const struct limits *l, int64_t now_ms, struct limits_verdict *v)
{
  int64_t wait;
  const struct limits_policy *p = binding (l, now_ms, &wait);

  if (!p || p->remaining < 0 || wait <= 0)
    return;
  if (wait > LIMITS_WAIT_MAX_MS)
    {
      if (!*v->odd)
        v->odd = p->quote;
      return;
    }
  v->quote = p->quote;
  v->remaining = p->remaining;
  v->until_ms = now_ms + MIN (wait, LIMITS_UNASKED_MAX_MS);
}

void
limits_judge (const struct limits *l, int32_t status, int64_t now_ms, struct limits_verdict *ret)
{
  *ret = (struct limits_verdict) { .throttled = limits_throttled (l, status), .remaining = -1, .quote = "",
                                   .odd = l->odd };
  if (ret->throttled)
    judge_refusal (l, now_ms, ret);
  else if (status >= 200 && status < 500)
    judge_answer (l, now_ms, ret);
}
