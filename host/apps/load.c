/* Owns finding app files in folders, and the sets made of them. */
#include <config.h>

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>

#include "host/apps/app.h"
#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/common/text.h"

struct apps
{
  atomic_uint refs;
  struct app **v;          /* owned, by id */
  size_t n;
  struct app_broken *broken; /* owned, by id */
  size_t n_broken;
};

/* A file that may become an app. */
struct candidate
{
  char *path;              /* owned */
  const char *name;        /* in PATH */
  size_t order;            /* of its folder */
};

struct search
{
  struct candidate *v;
  size_t n, room;
  app_problem_fn *fn;
  void *data;
  char *first;             /* owned: the first problem of the file at hand */
  size_t problems;         /* of it */
};

static int
add_candidate (struct search *s, const char *dir, const char *name, size_t order)
{
  char *path;

  if (s->n == s->room)
    {
      size_t room = s->room ? s->room * 2 : 32;
      struct candidate *v = realloc (s->v, room * sizeof *v);

      if (!v)
        return -ENOMEM;
      s->v = v;
      s->room = room;
    }
  if (asprintf (&path, "%s/%s", dir, name) < 0)
    return -ENOMEM;
  s->v[s->n++] = (struct candidate) { path, path + strlen (dir) + 1, order };
  return 0;
}

/* An app_problem_fn: what is told to the caller, and kept for a set. */
static void
note (void *data, const struct app_problem *problem)
{
  struct search *s = data;

  if (!s->problems++)
    s->first = app_problem_format (problem);
  s->fn (s->data, problem);
}

static void
tell (struct search *s, const char *file, const char *text)
{
  s->fn (s->data, &(struct app_problem) { .file = file, .path = "", .text = text });
}

static int
search_folder (struct search *s, const char *dir, size_t order)
{
  DIR *d = opendir (dir);
  struct dirent *e;
  int r = 0;

  if (!d)
    {
      if (errno == ENOMEM)
        return -ENOMEM;
      if (errno != ENOENT)
        tell (s, dir, strerror (errno));
      return 0;
    }
  while (r == 0 && (e = readdir (d)))
    {
      if (e->d_name[0] == '.' || !has_suffix (e->d_name, ".json"))
        continue;
      if (s->n >= APP_COUNT_MAX)
        {
          tell (s, dir, "there are more than 2,000 app files; the rest is left out");
          break;
        }
      r = add_candidate (s, dir, e->d_name, order);
    }
  (void) closedir (d);
  return r;
}

static int
search_path (struct search *s, const char *path)
{
  size_t order = 0;
  int r = 0;

  while (r == 0 && *path)
    {
      size_t len = strcspn (path, ":");

      if (len)
        {
          _cleanup_ (freep) char *dir = strndup (path, len);

          r = dir ? search_folder (s, dir, order++) : -ENOMEM;
        }
      path += len + (path[len] == ':');
    }
  return r;
}

/* By id, then by folder.  "a.json" comes before "a-b.json", as "a" before "a-b". */
static int
compare (const void *a, const void *b)
{
  const struct candidate *one = a, *other = b;
  size_t n = strlen (one->name) - strlen (".json"), m = strlen (other->name) - strlen (".json");
  int r = memcmp (one->name, other->name, MIN (n, m));

  if (!r)
    r = (n > m) - (n < m);

  return r ? r : (one->order > other->order) - (one->order < other->order);
}

static int
load_one (struct search *s, const char *file, struct apps *set)
{
  struct buf b = BUF_INIT (APP_FILE_MAX);
  struct app *a;
  size_t len;
  char *text;
  int r = io_read_file (file, &b);

  if (r < 0 && r != -ENOMEM)
    {
      note (s, &(struct app_problem) { .file = file, .path = "",
                                       .text = r == -E2BIG ? "is longer than 1 MiB" : strerror (-r) });
      buf_done (&b);
      return 0;
    }
  len = b.len;
  text = r < 0 ? NULL : buf_steal (&b);
  if (!text)
    {
      buf_done (&b);
      return -ENOMEM;
    }
  r = app_parse (file, text, len, note, s, &a);
  if (r == 1)
    set->v[set->n++] = a;
  return r < 0 ? r : 0;
}

/* Loads C; a file that is wrong is kept as such. */
static int
load_candidate (struct search *s, const struct candidate *c, struct apps *set)
{
  struct app_broken *broken = &set->broken[set->n_broken];
  size_t before = set->n;
  int r;

  s->problems = 0;
  r = load_one (s, c->path, set);
  if (r == 0 && set->n == before)
    {
      set->n_broken++;
      broken->id = strndup (c->name, strlen (c->name) - strlen (".json"));
      broken->more = s->problems ? s->problems - 1 : 0;
      broken->why = TAKE (s->first);
      if (!broken->id || !broken->why)
        r = -ENOMEM;
    }
  free (TAKE (s->first));
  return r;
}

static int
load_candidates (struct search *s, struct apps *set)
{
  size_t i;
  int r = 0;

  set->v = calloc (s->n + 1, sizeof *set->v);
  set->broken = calloc (s->n + 1, sizeof *set->broken);
  if (!set->v || !set->broken)
    return -ENOMEM;
  if (s->n)
    qsort (s->v, s->n, sizeof *s->v, compare);
  for (i = 0; i < s->n && r == 0; i++)
    if (!i || !streq (s->v[i].name, s->v[i - 1].name))
      r = load_candidate (s, &s->v[i], set);
  return r;
}

int
apps_load (const char *path, app_problem_fn *fn, void *data, struct apps **ret)
{
  _cleanup_ (apps_unrefp) struct apps *set = calloc (1, sizeof *set);
  struct search s = { .fn = fn, .data = data };
  size_t i;
  int r;

  if (!set)
    return -ENOMEM;
  atomic_init (&set->refs, 1);
  r = search_path (&s, path);
  if (r == 0)
    r = load_candidates (&s, set);
  for (i = 0; i < s.n; i++)
    free (s.v[i].path);
  free (s.v);
  if (r < 0)
    return r;
  *ret = TAKE (set);
  return 0;
}

struct apps *
apps_ref (struct apps *set)
{
  (void) atomic_fetch_add (&set->refs, 1);
  return set;
}

struct apps *
apps_unref (struct apps *set)
{
  size_t i;

  if (!set || atomic_fetch_sub (&set->refs, 1) > 1)
    return NULL;
  for (i = 0; i < set->n; i++)
    (void) app_free (set->v[i]);
  for (i = 0; i < set->n_broken; i++)
    {
      free (set->broken[i].id);
      free (set->broken[i].why);
    }
  free (set->broken);
  free (set->v);
  free (set);
  return NULL;
}

size_t
apps_count (const struct apps *set)
{
  return set->n;
}

const struct app *
apps_at (const struct apps *set, size_t i)
{
  return i < set->n ? set->v[i] : NULL;
}

const struct app_broken *
apps_broken_at (const struct apps *set, size_t i)
{
  return i < set->n_broken ? &set->broken[i] : NULL;
}

const struct app_broken *
apps_find_broken (const struct apps *set, const char *id)
{
  size_t i;

  for (i = 0; i < set->n_broken; i++)
    if (streq (set->broken[i].id, id))
      return &set->broken[i];
  return NULL;
}

const struct app *
apps_find (const struct apps *set, const char *id)
{
  size_t lo = 0, hi = set->n;

  while (lo < hi)
    {
      size_t mid = lo + (hi - lo) / 2;
      int r = strcmp (app_id (set->v[mid]), id);

      if (r == 0)
        return set->v[mid];
      if (r < 0)
        lo = mid + 1;
      else
        hi = mid;
    }
  return NULL;
}
