/* Rate limits shared by all sessions: one bucket a rate key.  usher-net asks for
   permits before it sends and reports what the answers said; usherd holds the buckets,
   because several hubs may share one key (an app's client id, a host). */
#ifndef USHER_SESSION_RATE_H
#define USHER_SESSION_RATE_H

#include "host/common/base.h"

#define RATE_WINDOWS 8u        /* windows a key */
#define RATE_UNITS_MAX 9999u   /* units a window lasts */
#define RATE_WAIT_MAX_MS INT64_C (90000000)  /* 25 h: no app is believed that asks for more */
#define RATE_RULES_MAX 32u     /* keys an app */
#define RATE_KEY_MAX 1024u     /* bytes of a key */

struct rate_table;

int rate_table_new (struct rate_table **ret);
void rate_table_free (struct rate_table *t);

/* The rules of one key: requests in each window, and how many may be in flight. */
struct rate_rule
{
  struct { uint32_t n; int64_t ms; } per[RATE_WINDOWS];  /* n = 0: unused */
  uint32_t in_flight;                                    /* 0 = no limit */
};
/* "10/s", "600/min", "864000/day", "5/h", "100/15min" into one window; -EINVAL. */
int rate_parse_per (const char *s, uint32_t *ret_n, int64_t *ret_ms);
/* Asks for up to WANT permits of KEY, made with RULE when it is new; a rule that
   changed takes effect here.  In no span as long as a window are more permits lent than
   the rule has.  Answers how many are lent; 0 and in *RET_WAIT_MS when to ask again. */
uint32_t rate_ask (struct rate_table *t, const char *key, const struct rate_rule *rule, uint32_t want,
                   int64_t *ret_wait_ms);
/* A permit comes back with what the answer said: UNTIL_MS (wall, 0 = nothing) closes
   the key until then, at most RATE_WAIT_MAX_MS; with REMAINING above zero and no
   throttling it is the time until which no more than that may be sent.  REMAINING -1 =
   not told; THROTTLED halves what may be in flight, once for all that was in flight then;
   when as many good answers have come as may be in flight, that grows by one. */
void rate_seen (struct rate_table *t, const char *key, bool throttled, int64_t until_ms, int64_t remaining);
/* The same for what the app said in another way than by an answer: closes KEY, made with
   RULE when it is new, until UNTIL_MS (wall). */
void rate_close (struct rate_table *t, const char *key, const struct rate_rule *rule, int64_t until_ms);
/* Lends one permit of KEY although the app asked to wait, to see whether it still does:
   only while none is out.  */
bool rate_probe (struct rate_table *t, const char *key);
/* The app answers again: nothing that it asked for before keeps KEY closed.  */
void rate_open (struct rate_table *t, const char *key);

/* What holds KEY back now; wall times, 0 = nothing does. */
struct rate_state
{
  int64_t closed_until_ms;       /* the app asked to wait */
  int64_t full_until_ms;         /* a window of the rule is used up */
  int64_t left_until_ms, left;   /* the app said how many requests are left until then */
  uint32_t allowed, in_flight;   /* after a refusal: of so many; 0 = as the rule says */
};
/* False when nobody asked for KEY so far. */
bool rate_look (struct rate_table *t, const char *key, struct rate_state *ret);
/* Permits that a dead session never gave back. */
void rate_return (struct rate_table *t, const char *key, uint32_t n);

/* "rate" of an app file with its keys filled in. */
struct rate_rules
{
  struct { char *key; struct rate_rule rule; } v[RATE_RULES_MAX];  /* keys owned */
  size_t n;
};
/* Parses [{"key": "..." or ["...", ...], "per": ["10/s", ...], "in_flight": N}, ...];
   NULL is an empty list, other members are left alone.  -EINVAL when it has another
   form, -E2BIG over the maxima, -ENOMEM. */
int rate_rules_parse (const char *json, struct rate_rules *ret);
void rate_rules_done (struct rate_rules *r);

#endif
