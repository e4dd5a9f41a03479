/* Owns walking an app file with offsets at hand, and saying what is wrong where. */
#include <config.h>

#include "host/apps/spot.h"

#include <stdarg.h>
#include <stdio.h>

#include "host/common/buf.h"

#define PATH_MAX_ 1024u
#define SENTENCE_MAX 1024u

struct spot
spot_root (struct check *check)
{
  return (struct spot) { .check = check, .value = check->root };
}

/* Takes the value that belongs to the child's node. */
static void
settle (struct spot *s)
{
  if (json_is_object (s->up->value))
    {
      s->key = json_object_iter_key (s->iter);
      s->value = json_object_iter_value (s->iter);
    }
  else
    s->value = json_array_get (s->up->value, s->index);
}

void
spot_first (const struct spot *up, struct spot *ret)
{
  *ret = (struct spot) { .check = up->check, .up = up, .node = up->node + 1 };
  if (json_object_size (up->value) == 0 && json_array_size (up->value) == 0)
    return;
  if (json_is_object (up->value))
    ret->iter = json_object_iter (up->value);
  settle (ret);
}

void
spot_next (struct spot *s)
{
  size_t next = s->check->map.v[s->node].next;

  s->value = NULL;
  if (!next)
    return;
  s->node = next;
  s->index++;
  if (s->iter)
    s->iter = json_object_iter_next (s->up->value, s->iter);
  settle (s);
}

bool
spot_member (const struct spot *up, const char *key, struct spot *ret)
{
  struct spot s;

  if (!json_object_get (up->value, key))
    return false;
  SPOT_EACH (&s, up)
    if (streq (s.key, key))
      {
        *ret = s;
        return true;
      }
  return false;
}

bool
spot_element (const struct spot *up, size_t index, struct spot *ret)
{
  struct spot s;

  if (index >= json_array_size (up->value))
    return false;
  SPOT_EACH (&s, up)
    if (s.index == index)
      {
        *ret = s;
        return true;
      }
  return false;
}

const char *
spot_text (const struct spot *up, const char *key)
{
  return json_string_value (json_object_get (up->value, key));
}

bool
spot_true (const struct spot *up, const char *key)
{
  return json_is_true (json_object_get (up->value, key));
}

static void
put_path (struct buf *b, const struct spot *s)
{
  if (!s->up)
    return;
  put_path (b, s->up);
  if (!s->key)
    buf_printf (b, "[%zu]", s->index);
  else
    buf_printf (b, "%s%s", b->len ? "." : "", s->key);
}

static void
tell (struct check *c, size_t at, const char *path, const char *text)
{
  struct app_problem p = { .file = c->file, .path = path, .text = text };

  if (c->problems++ >= APP_PROBLEMS_MAX)
    return;
  json_line_column (c->text, c->len, at, &p.line, &p.column);
  c->fn (c->data, &p);
}

static _printf_ (3, 0) void
tell_spot (const struct spot *s, size_t at, const char *fmt, va_list ap)
{
  struct buf path = BUF_INIT (PATH_MAX_), text = BUF_INIT (SENTENCE_MAX);

  put_path (&path, s);
  buf_vprintf (&text, fmt, ap);
  tell (s->check, at, path.data ? path.data : "",
        buf_error (&text) ? "is wrong, in a way too long to say" : text.data);
  buf_done (&path);
  buf_done (&text);
}

void
spot_problem (const struct spot *s, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  tell_spot (s, s->check->map.v[s->node].at, fmt, ap);
  va_end (ap);
}

void
spot_key_problem (const struct spot *s, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  tell_spot (s, s->check->map.v[s->node].key_at, fmt, ap);
  va_end (ap);
}

void
check_problem (struct check *c, size_t at, const char *text)
{
  tell (c, at, "", text);
}
