/* Owns the list of open tasks in memory: their order, and which may run next. */
#include <config.h>

#include "host/engine/work.h"

#include "host/common/clock.h"

#define THREADS_MAX 256u

static int
work_order (const struct work *a, const struct work *b)
{
  if (a->class != b->class)
    return a->class < b->class ? -1 : 1;
  return memcmp (a->task.b, b->task.b, ID_BYTES);
}

struct work *
work_find (const struct work_list *l, const struct id *task)
{
  size_t i;

  for (i = 0; i < l->n; i++)
    if (id_equal (&l->v[i]->task, task))
      return l->v[i];
  return NULL;
}

void
work_remove (struct work_list *l, struct work *w)
{
  size_t i;

  for (i = 0; l->v[i] != w; i++)
    ;
  memmove (l->v + i, l->v + i + 1, (l->n - i - 1) * sizeof *l->v);
  l->n--;
  free (w);
}

int
work_insert (struct work_list *l, struct work *w /* takes */)
{
  size_t i;

  if (l->n == l->cap)
    {
      size_t cap = l->cap ? l->cap * 2 : 64;
      struct work **v = reallocarray (l->v, cap, sizeof *v);

      if (!v)
        {
          free (w);
          return -ENOMEM;
        }
      l->v = v;
      l->cap = cap;
    }
  for (i = l->n; i > 0 && work_order (w, l->v[i - 1]) < 0; i--)
    l->v[i] = l->v[i - 1];
  l->v[i] = w;
  l->n++;
  return 0;
}

int
work_of (const json_t *task, struct work **ret)
{
  _cleanup_ (freep) struct work *w = calloc (1, sizeof *w);
  enum task_kind kind;
  /* A clock that went back makes no wait longer than it was. */
  int64_t from = MAX (clock_now_ms (), json_time (task, "updated_at")), next = json_time (task, "next_attempt_at");

  if (!w)
    return -ENOMEM;
  if (task_kind_parse (json_text (task, "kind"), &kind) < 0 || !json_id (task, "id", &w->task)
      || !json_id (task, "hub", &w->hub))
    return -EINVAL;
  w->class = kind == TASK_VALIDATE ? WORK_CHECK : kind == TASK_SYNC ? WORK_SYNC : WORK_WRITE;
  w->due_ms = clock_mono_ms () + (next ? MAX (next - from, 0) : 0);
  *ret = TAKE (w);
  return 0;
}

/* Hubs with a running task: at most one a thread. */
static size_t
busy_hubs (const struct work_list *l, const struct id **ret)
{
  size_t n = 0, i;

  for (i = 0; i < l->n && n < THREADS_MAX; i++)
    if (l->v[i]->running)
      ret[n++] = &l->v[i]->hub;
  return n;
}

static bool
is_among (const struct id *hub, const struct id *const *v, size_t n)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (id_equal (v[i], hub))
      return true;
  return false;
}

struct work *
work_pick (const struct work_list *l, bool writes_only, int64_t *sleep_ms)
{
  int64_t now = clock_mono_ms ();
  const struct id *busy[THREADS_MAX];
  size_t n_busy = busy_hubs (l, busy), i;

  for (i = 0; i < l->n; i++)
    {
      struct work *w = l->v[i];

      if (w->running || w->held || w->blocked || (writes_only && w->class == WORK_SYNC))
        continue;
      if (w->due_ms > now)
        {
          *sleep_ms = MIN (*sleep_ms, w->due_ms - now);
          continue;
        }
      if (!is_among (&w->hub, busy, n_busy))
        return w;
    }
  return NULL;
}
