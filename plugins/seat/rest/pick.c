/* Values that are wanted of an answer as a whole, by tests, paging and waits.  Many tests look at
   the same value, so each is read once.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <stdio.h>
#include <string.h>

int
rest_pick_find (const struct rest_pick *pick, const json_t *value)
{
  for (size_t i = 0; value && i < pick->n; i++)
    if (json_equal (pick->values[i], value))
      return (int) i;
  return -1;
}

int
rest_pick_add (struct rest_pick *pick, const json_t *value, const char *place, const char *key)
{
  char stand[REST_PLACE_MAX * 2];
  int found = rest_pick_find (pick, value);
  size_t i = pick->n;

  if (!value || json_is_null (value) || found >= 0 || i == REST_VALUES_MAX)
    return found;
  pick->values[i] = value;
  pick->place[i] = -1;
  if (!json_object_get (value, "header"))
    {
      (void) snprintf (stand, sizeof stand, "%s.%s", place, key);
      pick->stand[pick->n_body] = strdup (stand);
      if (!pick->stand[pick->n_body])
        return -1;
      pick->place[i] = (int) pick->n_body;
      pick->body[pick->n_body++] = (json_t *) (uintptr_t) value;
    }
  return (int) pick->n++;
}

void
rest_pick_done (struct rest_pick *pick)
{
  for (size_t i = 0; i < pick->n_body; i++)
    free (pick->stand[i]);
  *pick = (struct rest_pick) { .n = 0 };
}

static const struct rest_texts *
in_body (const struct rest_picked *p, int number)
{
  int place = p->pick->place[number];

  return place >= 0 && p->text ? p->text (p->arg, (size_t) place) : NULL;
}

static const char *
in_head (const struct rest_picked *p, int number)
{
  const json_t *name = json_object_get (p->pick->values[number], "header");

  return name && p->answer ? rest_header (p->answer, json_string_value (name)) : NULL;
}

size_t
rest_picked_n (const struct rest_picked *p, int number)
{
  const struct rest_texts *texts = number >= 0 ? in_body (p, number) : NULL;

  if (number < 0)
    return 0;
  return texts ? texts->n : in_head (p, number) != NULL;
}

const char *
rest_picked_text (const struct rest_picked *p, int number, size_t i)
{
  const struct rest_texts *texts = number >= 0 ? in_body (p, number) : NULL;

  if (number < 0)
    return NULL;
  if (texts)
    return i < texts->n ? texts->v[i] : NULL;
  return i == 0 ? in_head (p, number) : NULL;
}
