/* Owns the sessions that are kept for a moment after their task.  Sessions are closed
   without the lock, because a child may take its time to end.  */
#include <config.h>

#include "host/session/session.h"

#include <pthread.h>

#include "host/common/clock.h"
#include "host/common/text.h"

struct kept
{
  struct kept *next;
  struct session *session;         /* owned */
  int64_t until;                   /* monotonic */
  char *key;                       /* owned */
};

struct session_pool
{
  pthread_mutex_t lock;            /* guards ->kept */
  struct kept *kept;               /* owned */
  int64_t idle_ms;
};

static void
kept_free (struct kept *k)
{
  while (k)
    {
      struct kept *next = k->next;

      session_close (k->session);
      free (k->key);
      free (k);
      k = next;
    }
}

typedef bool choice (const struct kept *k, const void *arg);

/* Takes those out that are WANTED; with the lock held. */
static struct kept *
take_out (struct session_pool *p, choice *wanted, const void *arg)
{
  struct kept **at = &p->kept, *out = NULL;

  while (*at)
    {
      struct kept *k = *at;

      if (!wanted (k, arg))
        {
          at = &k->next;
          continue;
        }
      *at = k->next;
      k->next = out;
      out = k;
    }
  return out;
}

static struct kept *
take_out_locked (struct session_pool *p, choice *wanted, const void *arg)
{
  struct kept *out;

  pthread_mutex_lock (&p->lock);
  out = take_out (p, wanted, arg);
  pthread_mutex_unlock (&p->lock);
  return out;
}

static bool
has_key (const struct kept *k, const void *arg)
{
  return streq (k->key, arg);
}

static bool
key_begins (const struct kept *k, const void *arg)
{
  return has_prefix (k->key, arg);
}

static bool
is_over (const struct kept *k, const void *arg)
{
  return k->until <= *(const int64_t *) arg || !session_alive (k->session);
}

static bool
is_any (const struct kept *k _unused_, const void *arg _unused_)
{
  return true;
}

int
session_pool_new (int64_t idle_ms, struct session_pool **ret)
{
  struct session_pool *p = calloc (1, sizeof *p);

  if (!p)
    return -ENOMEM;
  pthread_mutex_init (&p->lock, /* attributes= */ NULL);
  p->idle_ms = idle_ms;
  *ret = p;
  return 0;
}

void
session_pool_free (struct session_pool *p)
{
  if (!p)
    return;
  kept_free (take_out_locked (p, is_any, NULL));
  pthread_mutex_destroy (&p->lock);
  free (p);
}

size_t
session_pool_size (struct session_pool *p)
{
  const struct kept *k;
  size_t n = 0;

  pthread_mutex_lock (&p->lock);
  for (k = p->kept; k; k = k->next)
    n++;
  pthread_mutex_unlock (&p->lock);
  return n;
}

struct session *
session_pool_take (struct session_pool *p, const char *key)
{
  struct kept *k = take_out_locked (p, has_key, key);
  struct session *s = NULL;

  if (k && session_alive (k->session))
    s = TAKE (k->session);
  kept_free (k);
  return s;
}

void
session_pool_give (struct session_pool *p, const char *key, struct session *s)
{
  struct kept *k, *older;

  if (!s)
    return;
  k = session_alive (s) ? calloc (1, sizeof *k) : NULL;
  if (!k || !(k->key = strdup (key)))
    {
      free (k);
      session_close (s);
      return;
    }
  k->session = s;
  k->until = clock_mono_ms () + p->idle_ms;
  pthread_mutex_lock (&p->lock);
  older = take_out (p, has_key, key);
  k->next = p->kept;
  p->kept = k;
  pthread_mutex_unlock (&p->lock);
  kept_free (older);
}

void
session_pool_drop (struct session_pool *p, const char *prefix)
{
  kept_free (take_out_locked (p, key_begins, prefix));
}

int64_t
session_pool_sweep (struct session_pool *p)
{
  int64_t now = clock_mono_ms (), next = -1;
  struct kept *k, *over;

  pthread_mutex_lock (&p->lock);
  over = take_out (p, is_over, &now);
  for (k = p->kept; k; k = k->next)
    next = next < 0 ? k->until - now : MIN (next, k->until - now);
  pthread_mutex_unlock (&p->lock);
  kept_free (over);
  return next;
}
