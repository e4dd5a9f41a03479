/* Owns the permits that are at hand. */
#include <config.h>

#include "host/net/rate.h"

#include <jansson.h>

#include "host/net/retry.h"
#include "host/net/url.h"

/* An answer "none, ask again" is not followed by asking at once. */
#define ASK_AGAIN_MS 50

void
rates_done (struct rates *r)
{
  unsigned int i;

  for (i = 0; i < r->n; i++)
    free (r->rules[i].origin);
  free (r->rules);
  *r = (struct rates) { 0 };
}

int
rates_parse (const char *json, size_t len, struct rates *ret)
{
  json_auto_t *root = NULL;
  _cleanup_ (rates_done) struct rates r = { 0 };
  json_t *rule;
  size_t i;

  if (!len)
    {
      *ret = r;
      return 0;
    }
  root = json_loadb (json, len, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_array (root) || json_array_size (root) > RATE_RULES_MAX)
    return -EINVAL;
  r.rules = calloc (RATE_RULES_MAX, sizeof *r.rules);
  if (!r.rules)
    return -ENOMEM;
  json_array_foreach (root, i, rule)
    {
      const char *origin = json_string_value (json_object_get (rule, "origin"));
      const char *dialect = json_string_value (json_object_get (rule, "headers"));
      _cleanup_ (url_done) struct url u = { 0 };

      if (!json_is_object (rule) || (origin && url_parse (origin, &u) < 0)
          || (dialect && limits_dialect_parse (dialect, &r.rules[r.n].dialect) < 0))
        return -EINVAL;
      r.rules[r.n++].origin = TAKE (u.origin);
    }
  *ret = r;
  r = (struct rates) { 0 };
  return 0;
}

static bool
covers (const struct rate_rule *rule, const char *origin)
{
  return !rule->origin || streq (rule->origin, origin);
}

enum limits_dialect
rates_dialect (const struct rates *r, const char *origin)
{
  unsigned int i;

  for (i = 0; i < r->n; i++)
    if (covers (&r->rules[i], origin))
      return r->rules[i].dialect;
  return LIMITS_STANDARD;
}

bool
rates_take (struct rates *r, const char *origin, int64_t now_ms, struct rate_hold *hold)
{
  for (; hold->next < r->n; hold->next++)
    {
      struct rate_rule *rule = &r->rules[hold->next];

      if (!covers (rule, origin))
        continue;
      if (!rule->have || now_ms < rule->not_before_ms)
        return false;
      rule->have--;
      hold->held |= UINT32_C (1) << hold->next;
    }
  return true;
}

bool
rates_spare (struct rates *r, unsigned int rule)
{
  if (!r->rules[rule].have)
    return false;
  r->rules[rule].have--;
  return true;
}

int
rates_permit (struct rates *r, const struct wire_permit *p, int64_t now_ms)
{
  struct rate_rule *rule;
  int64_t wait_ms;

  if (p->rate >= r->n || p->n > RATE_PERMITS_MAX - r->rules[p->rate].have || p->wait_ms < 0
      || p->wait_ms > INT64_C (25) * 3600 * 1000)
    return -EBADMSG;
  rule = &r->rules[p->rate];
  rule->asked = false;
  rule->have += p->n;
  /* A long wait is usherd's to keep, which may end it sooner: the next request asks anew. */
  wait_ms = p->wait_ms > RETRY_WAIT_MAX_MS ? 0 : p->wait_ms;
  rule->not_before_ms = now_ms + MAX (wait_ms, p->n ? 0 : ASK_AGAIN_MS);
  return 0;
}
