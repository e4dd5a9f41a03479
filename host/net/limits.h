/* What an answer says about how often one may ask: Retry-After in all its spellings; the
   headers X-RateLimit-*, X-Rate-Limit-*, RateLimit-* and the vendors' own names of that
   pattern; RateLimit and RateLimit-Policy of the IETF draft in its old and its structured
   form; usage as JSON in a header; and the body of a refusal. */
#ifndef USHER_NET_LIMITS_H
#define USHER_NET_LIMITS_H

#include "host/common/base.h"
#include "host/net/when.h"

/* No app is believed when it asks for a longer wait, */
#define LIMITS_WAIT_MAX_MS (INT64_C (25) * 3600 * 1000)
/* nor that long by an answer that is good: when more is needed the next refusal says so. */
#define LIMITS_UNASKED_MAX_MS (INT64_C (3600) * 1000)
#define LIMITS_POLICIES_MAX 8u
#define LIMITS_NAME_MAX 40u
#define LIMITS_QUOTE_MAX 120u
#define LIMITS_BODY_MAX (16u * 1024)

/* What plain numbers in a reset count, by "headers" of the app file. */
enum limits_dialect
{
  LIMITS_STANDARD,           /* seconds */
  LIMITS_MILLISECONDS,
  LIMITS_MINUTES,
  LIMITS_NOTHING,            /* its headers are not to be believed */
};

/* One allowance of possibly several: "the day's", "the search's". */
struct limits_policy
{
  char name[LIMITS_NAME_MAX];
  char quote[LIMITS_QUOTE_MAX];  /* the header that told when it is renewed, or is used up */
  int64_t remaining;         /* -1 = not told */
  struct when reset;
  int64_t period_ms;         /* 0 = not told */
};

struct limits
{
  enum limits_dialect dialect;
  int64_t date_ms;           /* the app's own clock, 0 = not told */
  struct when retry;         /* Retry-After, whoever spells it */
  struct when regain;        /* access is closed until then */
  char quote[LIMITS_QUOTE_MAX];  /* where RETRY or REGAIN stood */
  char odd[LIMITS_QUOTE_MAX];    /* the first that is no time or number; "" = none */
  struct limits_policy policies[LIMITS_POLICIES_MAX];
  unsigned int n;
};

/* "standard", "milliseconds", "minutes", "none"; -EINVAL. */
int limits_dialect_parse (const char *name, enum limits_dialect *ret);

/* Takes note of one header of an answer; others are ignored. */
void limits_header (struct limits *l, const char *name, const char *value);
/* Takes note of the body of an answer that is none: JSON that says somewhere how long to
   wait.  At most LIMITS_BODY_MAX; anything else is ignored. */
void limits_body (struct limits *l, const char *p, size_t len);

/* Whether an answer of this status says "not now". */
bool limits_throttled (const struct limits *l, int32_t status);

/* What it comes to. */
struct limits_verdict
{
  bool throttled;
  bool bounded;              /* it asked for more than is believed, and gets the most */
  int64_t until_ms;          /* wall time before which nothing more than REMAINING should be
                                asked, at most LIMITS_WAIT_MAX_MS away; 0 = it names none */
  int64_t remaining;         /* -1 = not told */
  const char *quote;         /* the header it stands on; borrowed from the limits, "" = none */
  const char *odd;           /* what is no time, or one that has passed; borrowed, "" = none */
};
void limits_judge (const struct limits *l, int32_t status, int64_t now_ms, struct limits_verdict *ret);

/* ---- Between the files of the parser. */

/* What a value tells. */
enum limits_field { LIMITS_RETRY, LIMITS_REGAIN, LIMITS_RESET, LIMITS_REMAINING };
/* Takes note of W of FIELD, of the allowance POLICY where it is one's ("" = it has no name);
   TOLD_BY is a quote of LIMITS_QUOTE_MAX bytes. */
void limits_note (struct limits *l, enum limits_field field, const char *policy, struct when w,
                  const char *told_by);
/* The same of what is none. */
void limits_note_odd (struct limits *l, const char *told_by);
/* Takes note of every member of the JSON document at P that says how long to wait; TOLD_BY
   is a quote of LIMITS_QUOTE_MAX bytes.  False when it is no JSON. */
bool limits_json (struct limits *l, const char *told_by, const char *p, size_t len);

#endif
