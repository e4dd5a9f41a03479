/* Owns the table of configuration keys and the reading of usher.conf by it. */
#include <config.h>

#include "host/conf/conf.h"

#include <ini.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/common/suggest.h"
#include "host/common/text.h"
#include "host/conf/value.h"

#define KEY(s, k, t, field) .section = s, .key = k, .type = t, .offset = offsetof (struct conf, field)
#define DAY UINT64_C (86400000)

const struct conf_key conf_keys[] = {
  { KEY ("paths", "state-dir", CONF_PATH, paths.state_dir), .def = LOCALSTATEDIR "/lib/usher" },
  { KEY ("paths", "runtime-dir", CONF_PATH, paths.runtime_dir), .def = RUNSTATEDIR "/usher" },
  { KEY ("paths", "connector-path", CONF_PATHS, paths.connector_path), .def = CONNECTORDIR },
  { KEY ("paths", "app-path", CONF_PATHS, paths.app_path),
    .def = SYSCONFDIR "/usher/apps:" APPDIR },
  { KEY ("web", "listen", CONF_LISTEN, web.listen), .def = "127.0.0.1:8420" },
  { KEY ("web", "public-url", CONF_URL, web.public_url), .words = "https:// http://" },
  { KEY ("web", "tls-cert", CONF_PATH, web.tls_cert) },
  { KEY ("web", "tls-key", CONF_PATH, web.tls_key) },
  { KEY ("web", "trusted-proxies", CONF_NETWORKS, web.trusted_proxies) },
  { KEY ("http", "proxy", CONF_URL, http.proxy), .words = "http:// https:// socks5h://" },
  { KEY ("http", "no-proxy", CONF_NAMES, http.no_proxy) },
  { KEY ("http", "ca-file", CONF_PATH, http.ca_file) },
  { KEY ("http", "allow-private", CONF_NETWORKS, http.allow_private) },
  { KEY ("mail", "url", CONF_URL, mail.url), .words = "smtps:// smtp://" },
  { KEY ("mail", "from", CONF_MAIL, mail.from) },
  { KEY ("mail", "user", CONF_TEXT, mail.user) },
  { KEY ("mail", "password-file", CONF_PATH, mail.password_file) },
  { KEY ("store", "map-size", CONF_SIZE, store.map_size), .def = "64G",
    .min = UINT64_C (64) << 20, .max = UINT64_C (16) << 40 },
  { KEY ("tasks", "workers", CONF_NUMBER, tasks.workers), .def = "4", .min = 3, .max = 64 },
  { KEY ("tasks", "retry-wait", CONF_DURATION, tasks.retry_wait), .def = "30s",
    .min = 10, .max = 3600000 },
  { KEY ("log", "level", CONF_WORD, log.level), .def = "info",
    .words = "error warning info debug" },
  { KEY ("log", "format", CONF_WORD, log.format), .def = "text", .words = "text json" },
  { KEY ("retention", "events", CONF_DURATION, retention.events), .def = "400d",
    .min = DAY, .max = 3660 * DAY },
  { KEY ("retention", "tasks", CONF_DURATION, retention.tasks), .def = "400d",
    .min = DAY, .max = 3660 * DAY },
};
const size_t conf_n_keys = ARRAY_SIZE (conf_keys);

/* A message for the caller; returns R, or -ENOMEM. */
static _printf_ (3, 4) int
fail (int r, char **why, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  if (vasprintf (why, fmt, ap) < 0)
    {
      *why = NULL;
      r = -ENOMEM;
    }
  va_end (ap);
  return r;
}

static void
clear_list (struct conf_list *list)
{
  size_t i;

  for (i = 0; i < list->n; i++)
    free (list->v[i]);
  free (list->v);
  *list = (struct conf_list) { NULL, 0 };
}

static bool
is_list (const struct conf_key *k)
{
  return k->type == CONF_NETWORKS || k->type == CONF_NAMES;
}

static bool
is_number (const struct conf_key *k)
{
  return k->type == CONF_NUMBER || k->type == CONF_SIZE || k->type == CONF_DURATION;
}

static const struct conf_key *
find_key (const char *section, const char *key)
{
  size_t i;

  for (i = 0; i < conf_n_keys; i++)
    if (streq (conf_keys[i].section, section) && streq (conf_keys[i].key, key))
      return &conf_keys[i];
  return NULL;
}

static bool
has_section (const char *section)
{
  size_t i;

  for (i = 0; i < conf_n_keys; i++)
    if (streq (conf_keys[i].section, section))
      return true;
  return false;
}

static int
refuse_section (const char *section, char **why)
{
  const char *names[ARRAY_SIZE (conf_keys)], *near;
  size_t i;

  for (i = 0; i < conf_n_keys; i++)
    names[i] = conf_keys[i].section;
  near = suggest_nearest (section, names, conf_n_keys);
  if (near)
    return fail (-ENOENT, why, "there is no section [%.40s]; did you mean [%s]?", section, near);
  return fail (-ENOENT, why, "there is no section [%.40s]; sections are [paths], [web], [http], "
                             "[mail], [store], [tasks], [log] and [retention]", section);
}

static int
refuse_key (const char *section, const char *key, char **why)
{
  const char *names[ARRAY_SIZE (conf_keys)], *near;
  size_t i, n = 0;

  if (!*section)
    return fail (-ENOENT, why, "a key must stand in a section, as [web]");
  if (!has_section (section))
    return refuse_section (section, why);
  for (i = 0; i < conf_n_keys; i++)
    if (streq (conf_keys[i].section, section))
      names[n++] = conf_keys[i].key;
  near = suggest_nearest (key, names, n);
  if (near)
    return fail (-ENOENT, why, "there is no such key in [%s]; did you mean %s?", section, near);
  for (i = 0; i < conf_n_keys; i++)
    if (streq (conf_keys[i].key, key))
      return fail (-ENOENT, why, "there is no such key in [%s]; it belongs into [%s]", section,
                   conf_keys[i].section);
  return fail (-ENOENT, why, "there is no such key in [%s]; see usher.conf(5)", section);
}

/* Puts a checked value into its place.  APPEND: a list goes on. */
static int
store_value (struct conf *conf, const struct conf_key *k, const char *value, bool append,
             char **why)
{
  char *place = (char *) conf + k->offset;

  if (is_list (k))
    {
      struct conf_list *list = (struct conf_list *) (void *) place;

      if (!append)
        clear_list (list);
      return value_list (k, value, list, why);
    }
  if (is_number (k))
    return value_number (k, value, (uint64_t *) (void *) place, why);
  {
    char **text = (char **) (void *) place, *copy = NULL;
    int r = *value ? value_text (k, value, &copy, why) : 0;

    if (r < 0)
      return r;
    free (*text);
    *text = copy;
    return 0;
  }
}

static int
set (struct conf *conf, const char *section, const char *key, const char *value, bool append,
     char **why)
{
  const struct conf_key *k = find_key (section, key);

  *why = NULL;
  if (!k)
    return refuse_key (section, key, why);
  if (!*value)
    value = k->def ? k->def : "";
  return store_value (conf, k, value, append, why);
}

int
conf_set (struct conf *conf, const char *section, const char *key, const char *value, char **why)
{
  return set (conf, section, key, value, /* append= */ false, why);
}

int
conf_init (struct conf *conf)
{
  char *why;
  size_t i;

  *conf = (struct conf) { .store = { 0 } };
  for (i = 0; i < conf_n_keys; i++)
    if (conf_set (conf, conf_keys[i].section, conf_keys[i].key, "", &why) < 0)
      {
        free (why);
        conf_done (conf);
        return -ENOMEM;
      }
  return 0;
}

void
conf_done (struct conf *conf)
{
  size_t i;

  for (i = 0; i < conf_n_keys; i++)
    {
      char *place = (char *) conf + conf_keys[i].offset;

      if (is_list (&conf_keys[i]))
        clear_list ((struct conf_list *) (void *) place);
      else if (!is_number (&conf_keys[i]))
        free (*(char **) (void *) place);
    }
  *conf = (struct conf) { .store = { 0 } };
}

/* ---- The file ------------------------------------------------------------------ */

/* What a file is read with: inih asks for lines and gives keys, so the line at hand is
   known when a key arrives. */
struct reading
{
  struct conf *conf;
  const char *path, *text, *end;
  size_t line;
  bool indented;                       /* the line goes on with the key before */
  bool seen[ARRAY_SIZE (conf_keys)];
  char *problem;                       /* the first one; owned */
  size_t problem_line;
  int r;
};

static void
note (struct reading *f, int r, const char *key, char *why)
{
  if (!f->problem && f->r == 0)
    {
      f->r = r == -ENOENT ? -EINVAL : r;
      f->problem_line = f->line;
      if (why && asprintf (&f->problem, "%s:%zu: %.80s%s%s", f->path, f->line, key,
                           *key ? ": " : "", why) < 0)
        f->problem = NULL;
    }
  free (why);
}

/* A section that holds no key is seen by nobody else. */
static void
check_section (struct reading *f, const char *line)
{
  size_t n = strcspn (line, "]");
  char section[64], *why = NULL;
  int r;

  if (line[n] != ']' || n >= sizeof section)
    return;
  memcpy (section, line, n);
  section[n] = '\0';
  if (has_section (section))
    return;
  r = refuse_section (section, &why);
  note (f, r, "", why);
}

/* What inih calls in place of fgets. */
static char *
read_line (char *str, int num, void *stream)
{
  struct reading *f = stream;
  const char *newline = memchr (f->text, '\n', (size_t) (f->end - f->text));
  size_t len = (size_t) ((newline ? newline + 1 : f->end) - f->text), room = (size_t) num - 1;

  if (!len)
    return NULL;
  f->line++;
  if (len > room || memchr (f->text, '\0', len))
    {
      char *why = NULL;
      int r = len > room ? fail (-EINVAL, &why, "this line is longer than %zu bytes", room - 1)
              : fail (-EINVAL, &why, "this line holds a zero byte");

      note (f, r, "", why);
      f->text = f->end;
      return NULL;
    }
  memcpy (str, f->text, len);
  str[len] = '\0';
  f->text += len;
  f->indented = str[0] == ' ' || str[0] == '\t';
  if (str[strspn (str, " \t")] == '[')
    check_section (f, str + strspn (str, " \t") + 1);
  return str;
}

static int
take_key (void *user, const char *section, const char *key, const char *value)
{
  struct reading *f = user;
  const struct conf_key *k = find_key (section, key);
  char *why = NULL;
  int r;

  if (f->r < 0)
    return 0;
  PLANTED_BUG (value, value ? strlen (value) : 0);
  if (k && f->seen[k - conf_keys] && !(f->indented && is_list (k)))
    {
      r = fail (-EINVAL, &why, f->indented
                ? "has one value; only lists go on in an indented line"
                : "stands here twice");
      note (f, r, key, why);
      return 0;
    }
  r = set (f->conf, section, key, value ? value : "", k && f->seen[k - conf_keys], &why);
  if (k)
    f->seen[k - conf_keys] = true;
  if (r < 0)
    note (f, r, key, why);
  return r == 0;
}

int
conf_load_text (const char *path, const char *text, size_t len, struct conf *conf, char **problem)
{
  struct reading f = { .conf = conf, .path = path, .text = text, .end = text + len };
  char *why = NULL;
  int line, r;

  *problem = NULL;
  line = ini_parse_stream (read_line, &f, take_key, &f);
  /* inih goes on after a line it cannot read: what was noted may come from further down. */
  if (line > 0 && (f.r == 0 || (size_t) line < f.problem_line))
    {
      free (TAKE (f.problem));
      f.r = 0;
      f.line = (size_t) line;
      r = fail (-EINVAL, &why, "must be [section], key = value, or a comment after # or ;");
      note (&f, r, "", why);
    }
  if (line < 0 && f.r == 0)
    f.r = -ENOMEM;
  *problem = f.problem;
  return f.r;
}

int
conf_load (const char *path, struct conf *conf, char **problem)
{
  struct buf b = BUF_INIT (CONF_FILE_MAX);
  int r = io_read_file (path, &b);

  *problem = NULL;
  if (r < 0)
    r = fail (r, problem, "%s cannot be read: %s.", path,
              r == -E2BIG ? "it is longer than 1 MiB" : strerror (-r));
  else
    r = conf_load_text (path, b.data ? b.data : "", b.len, conf, problem);
  buf_done (&b);
  return r;
}

int
conf_check (const struct conf *conf, char **why)
{
  *why = NULL;
  if (!conf->web.tls_cert != !conf->web.tls_key)
    return fail (-EINVAL, why, "[web] %s is missing: tls-cert and tls-key are given together.",
                 conf->web.tls_cert ? "tls-key" : "tls-cert");
  if (!conf->mail.url != !conf->mail.from)
    return fail (-EINVAL, why, "[mail] %s is missing: url and from are given together.",
                 conf->mail.url ? "from" : "url");
  if (!conf->mail.user != !conf->mail.password_file)
    return fail (-EINVAL, why,
                 "[mail] %s is missing: user and password-file are given together.",
                 conf->mail.user ? "password-file" : "user");
  return 0;
}

int
conf_check_files (const struct conf *conf, char **why)
{
  const struct { const char *key, *path; } files[] = {
    { "[web] tls-cert", conf->web.tls_cert },
    { "[web] tls-key", conf->web.tls_key },
    { "[http] ca-file", conf->http.ca_file },
    { "[mail] password-file", conf->mail.password_file },
  };
  size_t i;

  *why = NULL;
  for (i = 0; i < ARRAY_SIZE (files); i++)
    if (files[i].path && access (files[i].path, R_OK) < 0)
      return fail (-errno, why, "%s: %s cannot be read: %s.", files[i].key, files[i].path, strerror (errno));
  return 0;
}
