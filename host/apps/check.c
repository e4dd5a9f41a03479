/* Owns the way from the text of an app file to a checked tree: offsets, jansson, shape,
   cross-checks, each only if the one before found nothing. */
#include <config.h>

#include <stdio.h>

#include "host/apps/app.h"
#include "host/apps/spot.h"
#include "host/common/buf.h"
#include "host/common/io.h"

/* Where the key that jansson met twice begins. */
static size_t
last_key_before (const struct check *c, int position)
{
  size_t at = 0, i;

  for (i = 0; i < c->map.n; i++)
    if (c->map.v[i].key_at != c->map.v[i].at && c->map.v[i].key_at < (size_t) position)
      at = c->map.v[i].key_at;
  return at;
}

static void
ignore_problem (void *data, const struct app_problem *problem)
{
  (void) data;
  (void) problem;
}

static int
parse (struct check *c)
{
  struct json_fault fault = { 0, NULL };
  json_error_t error;
  int r;

  r = json_map_scan (c->text, c->len, &c->map, &fault);
  if (r == -EINVAL)
    check_problem (c, fault.at, fault.text);
  if (r < 0)
    return r == -EINVAL ? 0 : r;
  c->root = json_loadb (c->text, c->len, JSON_REJECT_DUPLICATES, &error);
  if (c->root)
    return 0;
  switch (json_error_code (&error))
    {
    case json_error_out_of_memory:
      return -ENOMEM;
    case json_error_duplicate_key:
      check_problem (c, last_key_before (c, error.position),
                     "this key stands twice in its object");
      break;
    case json_error_invalid_utf8:
      check_problem (c, (size_t) error.position, "the file must be UTF-8");
      break;
    case json_error_null_character:
    case json_error_null_byte_in_key:
      check_problem (c, (size_t) error.position, "a text must not hold \\u0000");
      break;
    default:
      check_problem (c, (size_t) error.position, error.text);
    }
  return 0;
}

static void
check_name (const struct spot *root)
{
  const char *slash = strrchr (root->check->file, '/');
  const char *name = slash ? slash + 1 : root->check->file, *id = spot_text (root, "id");
  size_t len = id ? strlen (id) : 0;
  struct spot s;

  if (id && !(strncmp (name, id, len) == 0 && streq (name + len, ".json"))
      && spot_member (root, "id", &s))
    spot_problem (&s, "must be the file's name without .json; the file is called %s", name);
}

/* Finds what is wrong; 0, or -ENOMEM. */
static int
run_check (struct check *c)
{
  struct spot root, format;
  int r = parse (c);

  if (r < 0 || !c->root)
    return r;
  root = spot_root (c);
  if (spot_member (&root, "usher_app", &format)
      && json_integer_value (format.value) > (json_int_t) APP_FORMAT)
    {
      spot_problem (&format, "this file is for a newer Usher: it has format %lld, and this Usher "
                             "reads format %u", (long long) json_integer_value (format.value),
                    APP_FORMAT);
      return 0;
    }
  shape_check (&root);
  if (c->problems)
    return 0;
  check_name (&root);
  cross_check (&root);
  return 0;
}

static void
done (struct check *c)
{
  json_map_done (&c->map);
  json_decref (c->root);
}

int
app_check_text (const char *file, const char *text, size_t len, app_problem_fn *fn, void *data)
{
  struct check c = { .file = file, .text = text, .len = len, .fn = fn, .data = data };
  int r;

  if (len > APP_FILE_MAX)
    {
      fn (data, &(struct app_problem) { .file = file, .path = "",
                                        .text = "is longer than 1 MiB" });
      return 1;
    }
  r = run_check (&c);
  done (&c);
  return r < 0 ? r : (int) MIN (c.problems, APP_PROBLEMS_MAX);
}

int
app_check_file (const char *file, app_problem_fn *fn, void *data)
{
  struct buf b = BUF_INIT (APP_FILE_MAX);
  struct app_problem p = { .file = file, .path = "" };
  int r = io_read_file (file, &b);

  if (r == 0)
    r = app_check_text (file, b.data ? b.data : "", b.len, fn, data);
  else if (r != -ENOMEM)
    {
      p.text = r == -E2BIG ? "is longer than 1 MiB" : strerror (-r);
      fn (data, &p);
      r = 1;
    }
  buf_done (&b);
  return r;
}

/* Whether what PATH says behind FROM begins with the child at S; *RET is where that ends. */
static bool
leads_to (const struct spot *s, const char *path, size_t from, size_t *ret)
{
  char index[32];
  size_t len;

  if (s->key)
    {
      from += from > 0 && path[from] == '.';
      len = strlen (s->key);
      if (strncmp (path + from, s->key, len) != 0)
        return false;
    }
  else
    {
      len = (size_t) snprintf (index, sizeof index, "[%zu]", s->index);
      if (strncmp (path + from, index, len) != 0)
        return false;
    }
  *ret = from + len;
  return !path[*ret] || path[*ret] == '.' || path[*ret] == '[';
}

/* The offset of what PATH names below UP, or of the last on the way to it. */
static size_t
offset_of (const struct spot *up, const char *path, size_t from)
{
  struct spot s, best = *up;
  size_t behind = from, at;

  SPOT_EACH (&s, up)
    if (leads_to (&s, path, from, &at) && at > behind)
      {
        best = s;
        behind = at;
      }
  /* A key may have dots in it: the longest one that fits is meant. */
  return behind > from ? offset_of (&best, path, behind) : up->check->map.v[up->node].key_at;
}

int
app_locate (const char *text, size_t len, const char *path, size_t *ret_line, size_t *ret_column)
{
  struct check c = { .text = text, .len = len, .fn = ignore_problem };
  struct spot root;
  int r = parse (&c);

  if (r == 0)
    r = c.root ? 0 : -EINVAL;
  if (r == 0)
    {
      root = spot_root (&c);
      json_line_column (text, len, offset_of (&root, path, 0), ret_line, ret_column);
    }
  done (&c);
  return r;
}

char *
app_problem_format (const struct app_problem *p)
{
  const char *note = p->note ? "note: " : "";
  char *text;
  int n;

  if (p->line)
    n = asprintf (&text, "%s:%zu:%zu: %s%s%s%s", p->file, p->line, p->column, note, p->path,
                  *p->path ? ": " : "", p->text);
  else
    n = asprintf (&text, "%s: %s%s", p->file, note, p->text);
  return n < 0 ? NULL : text;
}

int
app_parse (const char *file, char *text, size_t len, app_problem_fn *fn, void *data,
           struct app **ret)
{
  struct check c = { .file = file, .text = text, .len = len, .fn = fn, .data = data };
  _cleanup_ (app_freep) struct app *a = calloc (1, sizeof *a);
  struct spot root, run;
  int r;

  if (!a)
    {
      free (text);
      return -ENOMEM;
    }
  a->text = text;
  r = run_check (&c);
  if (r == 0 && !c.problems)
    {
      root = spot_root (&c);
      if (spot_member (&root, "run", &run))
        {
          a->run_at = c.map.v[run.node].at;
          a->run_len = c.map.v[run.node].end - a->run_at;
        }
      a->root = json_incref (c.root);
      r = app_build (a);
      r = r < 0 ? r : 1;
    }
  done (&c);
  if (r == 1)
    *ret = TAKE (a);
  return r;
}
