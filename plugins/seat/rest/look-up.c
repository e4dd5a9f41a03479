/* Values that a request of their own finds: a directory's id, the number behind a name.  Asked when a
   text first names one, and kept for the session.  They depend on the hub alone, never on what an
   operation is about.  */
#include <config.h>

#include "plugins/seat/rest/steps.h"

#include <stdio.h>

#define INSIDE_MAX 4u /* look-ups that need each other */

struct looking
{
  struct rest_op *op;
  const struct rest_source *source;
  const struct rest_answer *answer;
  const char *name;
  bool found;
};

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  struct looking *l = arg;
  const char *value;
  bool fits;
  int32_t r;

  if (l->found)
    return USHER_DONE;
  r = rest_source_fits (l->op, l->source, values, &fits);
  if (r == USHER_ABSENT)
    return rest_missing (l->op);
  value = fits ? rest_source_text (l->source, values, l->answer, "value") : NULL;
  if (r < 0 || !value)
    return r;
  l->found = true;
  return rest_names_set (&l->op->rest->session, l->name, value);
}

static int32_t
ask (struct rest_op *op, const json_t *spec, const char *name)
{
  struct rest_answer a;
  struct looking l = { .op = op, .source = rest_source_of (op->rest, spec), .answer = &a, .name = name };
  int32_t r = rest_ask (op, spec, REST_TO_READ, /* key */ NULL, &a);

  if (r >= 0)
    r = rest_source_each (op, l.source, &a, on_item, &l);
  if (r >= 0 && !l.found)
    r = seat_fail (op->ctx, USHER_E_SHAPE, NULL, "The app shows no %s", name);
  rest_answer_done (&a);
  return r;
}

int32_t
rest_look_up (struct rest_op *op, const char *name, const char **ret)
{
  struct rest *rest = op->rest;
  const json_t *spec = json_object_get (json_object_get (rest->run, "look_up"), name);
  const char *known = rest_names_get (&rest->session, name);
  char what[REST_NAME_MAX + 16];
  struct rest_op own = { .ctx = op->ctx, .rest = rest, .what = what };
  int32_t r;

  if (known || !spec)
    {
      *ret = known;
      return known ? USHER_DONE : USHER_ABSENT;
    }
  if (rest->looking == INSIDE_MAX)
    return seat_fail (op->ctx, USHER_E_CONFIG, NULL, "The app file's look-ups need each other: %s", name);
  (void) snprintf (what, sizeof what, "look up %s", name);
  rest->looking++;
  r = ask (&own, spec, name);
  rest->looking--;
  rest_op_done (&own);
  if (r < 0)
    return r;
  *ret = rest_names_get (&rest->session, name);
  return *ret ? USHER_DONE : USHER_ABSENT;
}
