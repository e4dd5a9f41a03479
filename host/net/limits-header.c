/* Owns the names of headers that speak of limits, and the list form of two of them.  */
#include <config.h>

#include "host/net/limits.h"

#include <ctype.h>
#include <stdio.h>

#include "host/common/text.h"

#define HEADER_NAME_MAX 64u
#define WORD_MAX 24u

static int64_t
unit_of (const struct limits *l)
{
  switch (l->dialect)
    {
    case LIMITS_STANDARD:
    case LIMITS_NOTHING:
      return 1000;
    case LIMITS_MILLISECONDS:
      return 1;
    case LIMITS_MINUTES:
      return 60000;
    }
  return 1000;
}

/* "Name: value" as people may see it in a sentence. */
static void
quote (char ret[LIMITS_QUOTE_MAX], const char *name, const char *value)
{
  char *at;

  (void) snprintf (ret, LIMITS_QUOTE_MAX, "%s: %s", name, value);
  for (at = ret; *at; at++)
    if (*at < ' ' || *at > '~')
      *at = '?';
}

/* ---- What the files of the parser note. */

/* The allowance NAME, made when it is new; NULL when there are too many. */
static struct limits_policy *
policy_of (struct limits *l, const char *name)
{
  struct limits_policy *p;
  size_t i;

  for (i = 0; i < l->n; i++)
    if (strncmp (l->policies[i].name, name, LIMITS_NAME_MAX - 1) == 0)
      return &l->policies[i];
  if (l->n == LIMITS_POLICIES_MAX)
    return NULL;
  p = &l->policies[l->n++];
  *p = (struct limits_policy) { .remaining = -1 };
  (void) snprintf (p->name, sizeof p->name, "%s", name);
  return p;
}

void
limits_note (struct limits *l, enum limits_field field, const char *policy, struct when w,
             const char *told_by)
{
  struct limits_policy *p;

  switch (field)
    {
    case LIMITS_RETRY:
    case LIMITS_REGAIN:
      {
        struct when *mine = field == LIMITS_RETRY ? &l->retry : &l->regain;

        /* Of several the longest counts; the first where they are of two kinds. */
        if (mine->kind != WHEN_NONE && (mine->kind != w.kind || mine->ms >= w.ms))
          return;
        *mine = w;
        memcpy (l->quote, told_by, LIMITS_QUOTE_MAX);
        return;
      }
    case LIMITS_RESET:
      p = policy_of (l, policy);
      if (!p)
        return;
      p->reset = w;
      memcpy (p->quote, told_by, LIMITS_QUOTE_MAX);
      return;
    case LIMITS_REMAINING:
      p = policy_of (l, policy);
      if (!p)
        return;
      p->remaining = w.ms;
      if (!*p->quote)
        memcpy (p->quote, told_by, LIMITS_QUOTE_MAX);
      return;
    }
}

void
limits_note_odd (struct limits *l, const char *told_by)
{
  if (!*l->odd)
    memcpy (l->odd, told_by, LIMITS_QUOTE_MAX);
}

/* A count as the MS of a wait, so that the same bounds hold. */
static int
parse_count (const char *s, struct when *ret)
{
  struct when w;

  if (!(*s >= '0' && *s <= '9') || when_parse (s, 1, &w) < 0)
    return -EINVAL;
  w.kind = WHEN_WAIT;
  *ret = w;
  return 0;
}

static void
note_value (struct limits *l, enum limits_field field, const char *policy, const char *value,
            int64_t unit_ms, const char *told_by)
{
  struct when w;
  int r = field == LIMITS_REMAINING ? parse_count (value, &w) : when_parse (value, unit_ms, &w);

  if (r < 0)
    limits_note_odd (l, told_by);
  else
    limits_note (l, field, policy, w, told_by);
}

/* ---- RateLimit and RateLimit-Policy. */

/* One parameter or name of an item, LEN characters at S; POLICY is the name that goes on. */
static void
note_part (struct limits *l, const char *s, size_t len, char policy[LIMITS_NAME_MAX], const char *told_by)
{
  char part[LIMITS_NAME_MAX], *value;
  struct limits_policy *p;
  struct when w;

  (void) snprintf (part, sizeof part, "%.*s", (int) MIN (len, sizeof part), s);
  value = strchr (part, '=');
  if (!value || *part == '"')
    {
      size_t open = *part == '"';

      (void) snprintf (policy, LIMITS_NAME_MAX, "%.*s", (int) strcspn (part + open, "\""), part + open);
      return;
    }
  *value++ = '\0';
  if (streq (part, "r") || streq (part, "remaining"))
    note_value (l, LIMITS_REMAINING, policy, value, 1, told_by);
  else if (streq (part, "t") || streq (part, "reset"))
    note_value (l, LIMITS_RESET, policy, value, 1000, told_by);
  else if (streq (part, "w") && when_parse (value, 1000, &w) == 0 && w.kind == WHEN_WAIT
           && (p = policy_of (l, policy)))
    p->period_ms = w.ms;
}

/* "default";r=50;t=30, "daily";r=0;t=3600   or, of older drafts,   limit=100, remaining=0, reset=5 */
static void
note_list (struct limits *l, const char *value, const char *told_by)
{
  char policy[LIMITS_NAME_MAX] = "";

  for (;;)
    {
      const char *start, *end;

      value += strspn (value, " \t,;");
      if (!*value)
        return;
      start = value;
      end = *value == '"' ? strchr (value + 1, '"') : NULL;
      if (end)
        value = end + 1;
      value += strcspn (value, " \t,;");
      note_part (l, start, (size_t) (value - start), policy, told_by);
    }
}

/* ---- Names. */

/* What the words of a name say: X-RateLimit-Reset-After, RateLimit-Remaining-Day. */
struct name
{
  int field;                 /* enum limits_field, -1 = none that counts here */
  int64_t unit_ms;           /* 0 = the dialect's */
  int64_t period_ms;
  char policy[LIMITS_NAME_MAX];  /* the words that are left */
};

static const struct word
{
  const char *text;
  int field;
  int64_t unit_ms, period_ms;
} words[] = {
  { "remaining", LIMITS_REMAINING, 0, 0 },
  { "reset", LIMITS_RESET, 0, 0 },
  { "resettime", LIMITS_RESET, 0, 0 },
  { "after", -1, 0, 0 },
  { "at", -1, 0, 0 },
  { "in", -1, 0, 0 },
  { "time", -1, 0, 0 },
  { "x", -1, 0, 0 },
  { "ms", -1, 1, 0 },
  { "milliseconds", -1, 1, 0 },
  { "seconds", -1, 1000, 0 },
  { "minutes", -1, 60000, 0 },
  { "second", -1, 0, 1000 },
  { "secondly", -1, 0, 1000 },
  { "minute", -1, 0, 60000 },
  { "hour", -1, 0, 3600000 },
  { "hourly", -1, 0, 3600000 },
  { "day", -1, 0, 86400000 },
  { "daily", -1, 0, 86400000 },
};

static void
read_word (struct name *n, const char *word, size_t len)
{
  size_t i, used = strlen (n->policy);
  const struct word *w = NULL;

  for (i = 0; i < ARRAY_SIZE (words) && !w; i++)
    if (strlen (words[i].text) == len && strncasecmp (words[i].text, word, len) == 0)
      w = &words[i];
  if (w && w->field >= 0)
    n->field = w->field;
  if (w && w->unit_ms)
    n->unit_ms = w->unit_ms;
  if (w && w->period_ms)
    n->period_ms = w->period_ms;
  if (w && !w->period_ms)
    return;
  for (i = 0; i < len && used + 1 < sizeof n->policy; i++)
    n->policy[used++] = (char) tolower ((unsigned char) word[i]);
  n->policy[used] = '\0';
}

/* Reads the words of LEN characters at S, between hyphens. */
static void
read_words (struct name *n, const char *s, size_t len)
{
  size_t at = 0;

  while (at < len)
    {
      size_t end = at;

      while (end < len && s[end] != '-')
        end++;
      if (end > at)
        read_word (n, s + at, end - at);
      at = end + 1;
    }
}

/* The words around STEM in NAME; false when it does not stand there as a word. */
static bool
around (const char *name, const char *stem, struct name *ret)
{
  const char *at = strcasestr (name, stem);
  size_t len = strlen (stem);

  if (!at || (at > name && at[-1] != '-') || (at[len] && at[len] != '-'))
    return false;
  *ret = (struct name) { .field = -1 };
  read_words (ret, name, (size_t) (at - name));
  read_words (ret, at + len, strlen (at + len));
  return true;
}

void
limits_header (struct limits *l, const char *name, const char *value)
{
  char told_by[LIMITS_QUOTE_MAX] = "";
  struct limits_policy *p;
  struct name n;

  PLANTED_BUG (value, strlen (value));
  if (ascii_casecmp (name, "date") == 0)
    {
      (void) when_parse_date (value, &l->date_ms);
      return;
    }
  if (l->dialect == LIMITS_NOTHING || strlen (name) > HEADER_NAME_MAX)
    return;
  if (around (name, "retry-after", &n))
    {
      quote (told_by, name, value);
      note_value (l, LIMITS_RETRY, "", value, n.unit_ms ? n.unit_ms : 1000, told_by);
    }
  else if (ascii_casecmp (name, "ratelimit") == 0 || ascii_casecmp (name, "ratelimit-policy") == 0)
    {
      quote (told_by, name, value);
      note_list (l, value, told_by);
    }
  else if ((around (name, "ratelimit", &n) || around (name, "rate-limit", &n)) && n.field >= 0)
    {
      quote (told_by, name, value);
      note_value (l, (enum limits_field) n.field, n.policy, value, n.unit_ms ? n.unit_ms : unit_of (l),
                  told_by);
      if (n.period_ms && (p = policy_of (l, n.policy)))
        p->period_ms = n.period_ms;
    }
  else if (*value == '{' && strlen (name) > 6 && ascii_casecmp (name + strlen (name) - 6, "-usage") == 0)
    {
      quote (told_by, name, value);
      if (!limits_json (l, told_by, value, strlen (value)))
        limits_note_odd (l, told_by);
    }
}
