/* Owns the names under which JSON says how long to wait: in headers of usage, and in the
   bodies of refusals.  */
#include <config.h>

#include "host/net/limits.h"

#include <jansson.h>
#include <stdio.h>

#define DEPTH_MAX 8u
#define KEY_MAX 40u

/* Letters in lower case, without what is between words: retry_after is retryAfter. */
static const struct member
{
  const char *key;
  enum limits_field field;
  int64_t unit_ms;
} members[] = {
  { "retryafter", LIMITS_RETRY, 1000 },
  { "retryafterseconds", LIMITS_RETRY, 1000 },
  { "retryafterms", LIMITS_RETRY, 1 },
  { "retryaftermillis", LIMITS_RETRY, 1 },
  { "retryaftermilliseconds", LIMITS_RETRY, 1 },
  { "retryin", LIMITS_RETRY, 1000 },
  { "retryat", LIMITS_RETRY, 1000 },
  /* google.rpc.RetryInfo: "30s" */
  { "retrydelay", LIMITS_RETRY, 1000 },
  /* Paid social: per account and kind of call, in minutes; 0 while access is open. */
  { "estimatedtimetoregainaccess", LIMITS_REGAIN, 60000 },
  { "resettimeduration", LIMITS_RESET, 1000 },
};

struct walk
{
  struct limits *limits;
  const char *quote;
};

static const struct member *
find (const char *key)
{
  char plain[KEY_MAX];
  size_t n = 0, i;

  for (; *key && n + 1 < sizeof plain; key++)
    if ((*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z'))
      plain[n++] = (char) (*key | 0x20);
    else if (*key != '_' && *key != '-')
      return NULL;
  plain[n] = '\0';
  for (i = 0; i < ARRAY_SIZE (members); i++)
    if (streq (members[i].key, plain))
      return &members[i];
  return NULL;
}

static void
note (struct walk *w, const struct member *m, const json_t *value)
{
  struct when when;
  int r = -EINVAL;

  if (json_is_string (value))
    r = when_parse (json_string_value (value), m->unit_ms, &when);
  else if (json_is_number (value))
    r = when_number (json_number_value (value), m->unit_ms, &when);
  else
    return;
  if (r < 0)
    limits_note_odd (w->limits, w->quote);
  else if (m->field != LIMITS_REGAIN || when.ms)
    limits_note (w->limits, m->field, "", when, w->quote);
}

static void
walk (struct walk *w, json_t *value, unsigned int depth)
{
  const char *key;
  json_t *child;
  size_t i;

  if (depth == DEPTH_MAX)
    return;
  if (json_is_array (value))
    json_array_foreach (value, i, child)
      walk (w, child, depth + 1);
  else
    json_object_foreach (value, key, child)
      {
        const struct member *m = find (key);

        if (m)
          note (w, m, child);
        else
          walk (w, child, depth + 1);
      }
}

bool
limits_json (struct limits *l, const char *told_by, const char *p, size_t len)
{
  /* A number beyond all bounds is still one. */
  json_auto_t *root = json_loadb (p, len, JSON_DECODE_INT_AS_REAL, /* error= */ NULL);
  struct walk w = { l, told_by };

  if (!root)
    return false;
  walk (&w, root, 0);
  return true;
}

void
limits_body (struct limits *l, const char *p, size_t len)
{
  char told_by[LIMITS_QUOTE_MAX] = "its body";

  if (l->dialect == LIMITS_NOTHING || !len || len > LIMITS_BODY_MAX || (*p != '{' && *p != '['))
    return;
  (void) limits_json (l, told_by, p, len);
}
