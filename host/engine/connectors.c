/* Owns the list of installed connectors.  No connector is loaded here: usher-worker,
   confined, looks into each file and says what it is. */
#include <config.h>

#include "host/engine/connectors.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/common/text.h"
#include "host/engine/inspect.h"

#define CONNECTORS_MAX 500u
#define WHY_MAX (INSPECT_MAX + 4096u)
#define FAULTS_MAX 3u        /* of one app */
#define FAULTS_WITHIN_MS (10 * 60 * 1000)

struct connector
{
  char *name, *path;
  struct timespec changed;     /* of the file when it was inspected */
  ino_t inode;
  json_t *about;               /* what the worker says; NULL = broken */
  char *broken;                /* the sentence why */
  bool disabled;
  bool fresh;                  /* inspected by the last reload */
  json_t *faults;              /* app -> {"at": [monotonic times, the oldest first], "last": the
                                  sentence, "paused": true}; guarded by the list's lock */
};

struct connectors
{
  pthread_mutex_t lock;
  struct connector **v;        /* guarded by lock */
  size_t n;
};

static void
connector_free (struct connector *c)
{
  free (c->name);
  free (c->path);
  free (c->broken);
  json_decref (c->about);
  json_decref (c->faults);
  free (c);
}
DEFINE_CLEANUP (struct connector *, connector_free)

/* ---- Looking into a file. */

static void
inspect (struct engine *e, struct connector *c)
{
  const struct inspect_place place = { e->libexec_dir, e->library_dirs };

  c->about = inspect_run (&place, "--inspect", c->path, NULL, 0, &c->broken);
}

/* ---- The folder. */

static json_t *
read_mark (struct engine *e, const char *name)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  char key[320];
  const void *p;
  size_t len;

  (void) snprintf (key, sizeof key, "connector %s", name);
  return txn_meta_get (t, key, &p, &len) == 1 ? json_loadb (p, len, 0, NULL) : NULL;
}

/* What outlives the process: whether it is switched off, and which apps are paused. */
static int
write_mark (struct txn *t, const struct connector *c)
{
  json_t *paused = json_object (), *mark, *fault;
  _cleanup_ (freep) char *text = NULL;
  char key[320];
  const char *app;

  json_object_foreach (c->faults, app, fault)
    if (json_flag (fault, "paused"))
      (void) json_object_set (paused, app, fault);
  mark = json_pack ("{s:b, s:o}", "disabled", c->disabled, "paused", paused);
  text = json_dumps (mark, JSON_COMPACT);
  json_decref (mark);
  if (!text)
    return -ENOMEM;
  (void) snprintf (key, sizeof key, "connector %s", c->name);
  txn_meta_put (t, key, text, strlen (text));
  return txn_error (t);
}

static struct connector *
find (struct connector **v, size_t n, const char *name)
{
  size_t i;

  for (i = 0; i < n; i++)
    if (streq (v[i]->name, name))
      return v[i];
  return NULL;
}

/* One file: known and unchanged it is kept as it is, else it is inspected. */
static struct connector *
meet (struct engine *e, struct connector **known, size_t n_known, const char *dir, const char *file)
{
  _cleanup_ (connector_freep) struct connector *c = calloc (1, sizeof *c);
  _cleanup_ (buf_done) struct buf path = BUF_INIT (4096);
  struct connector *old;
  json_t *mark;
  struct stat st;

  if (!c)
    return NULL;
  c->name = strndup (file, strlen (file) - strlen (".so"));
  buf_printf (&path, "%s/%s", dir, file);
  c->path = buf_steal (&path);
  if (!c->name || !c->path || stat (c->path, &st) < 0)
    return NULL;
  c->changed = st.st_mtim;
  c->inode = st.st_ino;
  old = find (known, n_known, c->name);
  if (old && streq (old->path, c->path) && old->inode == c->inode && old->changed.tv_sec == c->changed.tv_sec
      && old->changed.tv_nsec == c->changed.tv_nsec)
    {
      c->about = json_incref (old->about);
      c->broken = old->broken ? strdup (old->broken) : NULL;
      c->disabled = old->disabled;
      pthread_mutex_lock (&e->connectors->lock);
      c->faults = json_deep_copy (old->faults);
      pthread_mutex_unlock (&e->connectors->lock);
      return c->faults ? TAKE (c) : NULL;
    }
  mark = read_mark (e, c->name);
  c->disabled = json_flag (mark, "disabled");
  /* A new file deserves a new try. */
  c->faults = old ? NULL : json_deep_copy (json_object_get (mark, "paused"));
  if (!json_is_object (c->faults))
    {
      json_decref (c->faults);
      c->faults = json_object ();
    }
  json_decref (mark);
  inspect (e, c);
  c->fresh = true;
  if (c->broken)
    log_warning ("the connector %s cannot be used: %s", c->path, c->broken);
  return TAKE (c);
}

static void
scan_folder (struct engine *e, struct connectors *old, const char *dir, struct connector **v, size_t *n)
{
  DIR *d = opendir (dir);
  struct dirent *entry;

  while (d && *n < CONNECTORS_MAX && (entry = readdir (d)))
    {
      struct connector *c;

      if (entry->d_name[0] == '.' || !has_suffix (entry->d_name, ".so") || strlen (entry->d_name) > 255)
        continue;
      c = meet (e, old->v, old->n, dir, entry->d_name);
      if (c && find (v, *n, c->name))
        connector_free (c);
      else if (c)
        v[(*n)++] = c;
    }
  if (d)
    (void) closedir (d);
}

static int
by_name (const void *a, const void *b)
{
  return strcmp ((*(struct connector *const *) a)->name, (*(struct connector *const *) b)->name);
}

void
connectors_reload (struct engine *e)
{
  struct connectors *cs = e->connectors;
  struct connector **v = calloc (CONNECTORS_MAX, sizeof *v), **old_v;
  size_t n = 0, old_n, i;
  const char *p = e->connector_path;

  if (!v)
    return;
  while (p && *p)
    {
      _cleanup_ (freep) char *dir = strndup (p, strcspn (p, ":"));

      if (dir && *dir)
        scan_folder (e, cs, dir, v, &n);
      p += strcspn (p, ":");
      p += *p == ':';
    }
  qsort (v, n, sizeof *v, by_name);
  pthread_mutex_lock (&cs->lock);
  old_v = cs->v;
  old_n = cs->n;
  cs->v = v;
  cs->n = n;
  pthread_mutex_unlock (&cs->lock);
  for (i = 0; i < old_n; i++)
    connector_free (old_v[i]);
  free (old_v);
  /* Hubs that the file of before put into review get another try.  Only a reload changes
     the list, and there is one at a time. */
  for (i = 0; e->queue && i < n; i++)
    if (v[i]->fresh && !v[i]->broken)
      hubs_probe (e, v[i]->name);
}

int
connectors_start (struct engine *e)
{
  e->connectors = calloc (1, sizeof *e->connectors);
  if (!e->connectors)
    return -ENOMEM;
  (void) pthread_mutex_init (&e->connectors->lock, NULL);
  connectors_reload (e);
  return 0;
}

void
connectors_stop (struct engine *e)
{
  struct connectors *cs = e->connectors;
  size_t i;

  if (!cs)
    return;
  for (i = 0; i < cs->n; i++)
    connector_free (cs->v[i]);
  free (cs->v);
  (void) pthread_mutex_destroy (&cs->lock);
  free (cs);
  e->connectors = NULL;
}

/* ---- Use. */

/* Why C (NULL = not there) cannot be used at all, as a sentence into OUT; false when it can. */
static bool
unusable (const struct connector *c, const char *name, struct buf *out)
{
  if (!c)
    buf_printf (out, "The connector %s is not installed.", name);
  else if (c->broken)
    buf_puts (out, c->broken);
  else if (c->disabled)
    buf_printf (out, "The connector %s is switched off; usher connector enable %s switches it on.", name, name);
  return out->len > 0;
}

/* The same for the hubs of APP. */
static bool
unusable_for (const struct connector *c, const char *name, const char *app, struct buf *out)
{
  const json_t *fault = c ? json_object_get (c->faults, app) : NULL;

  if (unusable (c, name, out))
    return true;
  if (json_flag (fault, "paused"))
    buf_printf (out, "The connector %s failed three times in ten minutes with the app %s, whose hubs are paused; "
                     "usher connector enable %s ends it.  The last time: %s.",
                name, app, name, json_text (fault, "last"));
  return out->len > 0;
}

char *
connectors_path (struct engine *e, const char *name, const char *app, char **ret_why)
{
  _cleanup_ (buf_done) struct buf why = BUF_INIT (WHY_MAX);
  struct connectors *cs = e->connectors;
  struct connector *c;
  char *path = NULL;

  pthread_mutex_lock (&cs->lock);
  c = find (cs->v, cs->n, name);
  if (!unusable_for (c, name, app, &why))
    path = strdup (c->path);
  pthread_mutex_unlock (&cs->lock);
  *ret_why = path ? NULL : buf_steal (&why);
  return path;
}

char *
connectors_broken (struct engine *e, const char *name, const char *app)
{
  char *why = NULL;

  free (connectors_path (e, name, app, &why));
  return why;
}

bool
connectors_paused (struct engine *e, const char *name, const char *app)
{
  struct connectors *cs = e->connectors;
  struct connector *c;
  bool paused;

  pthread_mutex_lock (&cs->lock);
  c = find (cs->v, cs->n, name);
  paused = c && json_flag (json_object_get (c->faults, app), "paused");
  pthread_mutex_unlock (&cs->lock);
  return paused;
}

/* Keeps the mark of NAME; a failure only means that it is forgotten at a restart. */
static void
keep_mark (struct engine *e, const char *name)
{
  struct txn *t = store_write (e->store);
  struct connectors *cs = e->connectors;
  struct connector *c;

  pthread_mutex_lock (&cs->lock);
  c = find (cs->v, cs->n, name);
  if (c)
    (void) write_mark (t, c);
  pthread_mutex_unlock (&cs->lock);
  (void) txn_commit (t);
}

/* Adds a fault at NOW; true when it is the one that pauses. */
static bool
add_fault (json_t *faults, const char *app, const char *text, int64_t now)
{
  json_t *fault = json_object_get (faults, app), *at;

  if (!fault)
    {
      fault = json_pack ("{s:[]}", "at");
      (void) json_object_set_new (faults, app, fault);
    }
  at = json_object_get (fault, "at");
  (void) json_array_append_new (at, json_integer (now));
  if (json_array_size (at) > FAULTS_MAX)
    (void) json_array_remove (at, 0);
  json_set_text (fault, "last", text);
  if (json_flag (fault, "paused") || json_array_size (at) < FAULTS_MAX
      || now - json_integer_value (json_array_get (at, 0)) >= FAULTS_WITHIN_MS)
    return false;
  (void) json_object_set_new (fault, "paused", json_true ());
  return true;
}

void
connectors_fault (struct engine *e, const char *name, const char *app, const char *text)
{
  struct connectors *cs = e->connectors;
  struct connector *c;
  bool pause;

  pthread_mutex_lock (&cs->lock);
  c = find (cs->v, cs->n, name);
  pause = c && add_fault (c->faults, app, text, clock_mono_ms ());
  pthread_mutex_unlock (&cs->lock);
  if (!pause)
    return;
  log_error ("the connector %s failed three times in ten minutes with the app %s, whose hubs are paused; "
             "usher connector enable %s ends it",
             name, app, name);
  keep_mark (e, name);
}

/* ---- Actions. */

static json_t *
render (const struct connector *c)
{
  _cleanup_ (buf_done) struct buf why = BUF_INIT (WHY_MAX);
  json_t *o = c->about ? json_deep_copy (c->about) : json_object (), *paused = json_array (), *fault;
  const char *app;

  json_set_text (o, "name", c->name);
  json_set_text (o, "path", c->path);
  (void) json_object_set_new (o, "enabled", json_boolean (!c->disabled));
  json_object_foreach (c->faults, app, fault)
    if (json_flag (fault, "paused"))
      (void) json_array_append_new (paused, json_string (app));
  (void) json_object_set_new (o, "paused", paused);
  if (unusable (c, c->name, &why))
    json_set_text (o, "broken", why.data);
  return o;
}

void
connectors_check (struct engine *e, json_t *checks, confinement_add *add)
{
  struct connectors *cs = e->connectors;
  size_t i;

  pthread_mutex_lock (&cs->lock);
  for (i = 0; i < cs->n; i++)
    {
      const struct connector *c = cs->v[i];
      _cleanup_ (buf_done) struct buf name = BUF_INIT (512), detail = BUF_INIT (INSPECT_MAX + 4096);

      buf_printf (&name, "connector %s", c->name);
      buf_printf (&detail, "%s%s%s", c->path, c->broken ? ": " : "", c->broken ? c->broken : "");
      add (checks, name.data, !c->broken, detail.data, "Replace or remove the file, then reload usherd.");
    }
  pthread_mutex_unlock (&cs->lock);
}

int
engine_connector_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_USER, r);
  struct connectors *cs = e->connectors;
  json_t *items;
  size_t i;

  txn_abort (t);
  if (x < 0)
    return x;
  items = json_array ();
  pthread_mutex_lock (&cs->lock);
  for (i = 0; i < cs->n; i++)
    (void) json_array_append_new (items, render (cs->v[i]));
  pthread_mutex_unlock (&cs->lock);
  return list_of (items, (const char *const[2]) { "name", NULL }, c, ret, r);
}

static int
set_enabled (struct engine *e, const struct call *c, bool enabled, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_SUPER_ADMIN, r);
  struct connectors *cs = e->connectors;
  struct connector *found = NULL;
  json_t *answer = NULL;

  pthread_mutex_lock (&cs->lock);
  if (x == 0)
    found = find (cs->v, cs->n, c->path[0]);
  if (found)
    {
      found->disabled = !enabled;
      (void) json_object_clear (found->faults);
      (void) write_mark (t, found);
      answer = render (found);
    }
  pthread_mutex_unlock (&cs->lock);
  if (x == 0 && !found)
    x = refuse (r, "not-found", NULL, "There is no connector %s.", c->path[0]);
  x = call_end (e, c, t, x, answer, ret, r);
  if (x == 0 && enabled)
    hubs_probe (e, c->path[0]);
  return x;
}

int
engine_connector_enable (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  return set_enabled (e, c, true, ret, r);
}

int
engine_connector_disable (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  return set_enabled (e, c, false, ret, r);
}
