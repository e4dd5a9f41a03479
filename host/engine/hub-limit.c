/* Owns the words in which people are told what holds a hub back at its app, and what is
   known of that after a restart.  */
#include <config.h>

#include "host/common/clock.h"
#include "host/engine/internal.h"

#define TEXT_MAX 1024u

/* The rate keys of HUB, as a session of it would have them. */
static int
keys_of (struct engine *e, struct txn *t, const json_t *hub, struct rate_rules *ret)
{
  struct apps *apps = engine_apps (e);
  const struct app *app = apps_find (apps, json_text (hub, "app"));
  _cleanup_ (freep) char *json = NULL;
  json_t *account = NULL;
  struct id id;
  int x = -ENOENT;

  if (app && json_id (hub, "account", &id))
    account = txn_doc_get (t, STORE_ACCOUNT, &id);
  if (account)
    {
      json = app_rate_json (app, json_object_get (hub, "fields"), json_object_get (account, "fields"));
      x = json ? rate_rules_parse (json, ret) : -ENOMEM;
    }
  json_decref (account);
  apps_unref (apps);
  return x;
}

/* What holds it back by any of its keys: the longest waits, the fewest requests. */
static void
gather (struct engine *e, struct txn *t, const json_t *hub, struct rate_state *ret)
{
  struct rate_rules rules;
  size_t i;

  *ret = (struct rate_state) { .closed_until_ms = hub_app_waits_until (hub) };
  if (keys_of (e, t, hub, &rules) < 0)
    return;
  for (i = 0; i < rules.n; i++)
    {
      struct rate_state s;

      if (!rate_look (e->rates, rules.v[i].key, &s))
        continue;
      ret->closed_until_ms = MAX (ret->closed_until_ms, s.closed_until_ms);
      ret->full_until_ms = MAX (ret->full_until_ms, s.full_until_ms);
      if (s.left_until_ms && (!ret->left_until_ms || s.left < ret->left))
        {
          ret->left = s.left;
          ret->left_until_ms = s.left_until_ms;
        }
      if (s.allowed && (!ret->allowed || s.allowed < ret->allowed))
        {
          ret->allowed = s.allowed;
          ret->in_flight = s.in_flight;
        }
    }
  rate_rules_done (&rules);
}

static void
put_time (struct buf *out, const char *before, int64_t ms, const char *after)
{
  char text[CLOCK_RFC3339_SIZE];

  /* Whole seconds: nobody reads more. */
  clock_rfc3339 (ms / 1000 * 1000, text);
  buf_printf (out, "%s%s%s", before, text, after);
}

static void
put_sentences (const struct rate_state *s, struct buf *out)
{
  if (s->closed_until_ms)
    put_time (out, "The app asked to wait until ", s->closed_until_ms,
              "; what waits goes on then by itself, and usher hub check asks it at once.");
  else if (s->full_until_ms)
    put_time (out, "The requests that the app file allows are used up until ", s->full_until_ms,
              "; what waits goes on then by itself.");
  else if (s->left_until_ms && !s->left)
    put_time (out, "The app allows no more requests until ", s->left_until_ms,
              "; what waits goes on then by itself.");
  else if (s->left_until_ms)
    {
      buf_printf (out, "The app allows %lld more requests", (long long) s->left);
      put_time (out, " until ", s->left_until_ms, ".");
    }
  if (!s->allowed)
    return;
  buf_printf (out, "%sSince it refused, %u request%s in flight at once", out->len ? "  " : "", s->allowed,
              s->allowed == 1 ? " is" : "s are");
  if (s->in_flight)
    buf_printf (out, " in place of %u", s->in_flight);
  buf_puts (out, "; good answers make it more.");
}

char *
hub_limit (struct engine *e, struct txn *t, const json_t *hub, int64_t *ret_closed_until_ms)
{
  struct buf text = BUF_INIT (TEXT_MAX);
  struct rate_state s = { 0 };

  if (hub_is_live (hub))
    gather (e, t, hub, &s);
  put_sentences (&s, &text);
  if (ret_closed_until_ms)
    *ret_closed_until_ms = s.closed_until_ms;
  return text.len ? buf_steal (&text) : NULL;
}

struct restore
{
  struct engine *e;
  struct txn *t;
};

static bool
restore_hub (void *arg, json_t *hub)
{
  struct restore *r = arg;
  int64_t until = hub_is_live (hub) ? hub_app_waits_until (hub) : 0;
  struct rate_rules rules;
  size_t i;

  if (!until || keys_of (r->e, r->t, hub, &rules) < 0)
    return true;
  for (i = 0; i < rules.n; i++)
    rate_close (r->e->rates, rules.v[i].key, &rules.v[i].rule, until);
  rate_rules_done (&rules);
  return true;
}

int
hub_limits_restore (struct engine *e)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  struct restore r = { e, t };

  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, restore_hub, &r);
  return txn_error (t);
}
