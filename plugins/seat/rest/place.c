/* Owns walking "run", and the words about a place in it.  */
#include <config.h>

#include "plugins/seat/rest/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 40u

/* Takes the value that belongs to the child. */
static void
settle (struct place *p)
{
  if (json_is_object (p->up->value))
    {
      p->key = p->iter ? json_object_iter_key (p->iter) : NULL;
      p->value = p->iter ? json_object_iter_value (p->iter) : NULL;
    }
  else
    p->value = json_array_get (p->up->value, p->index);
}

struct place
place_first (const struct place *up)
{
  struct place p = { .check = up->check, .up = up, .iter = json_object_iter (up->value) };

  settle (&p);
  return p;
}

void
place_next (struct place *p)
{
  p->index++;
  p->iter = json_object_iter_next (p->up->value, p->iter);
  settle (p);
}

struct place
place_member (const struct place *up, const char *key)
{
  return (struct place) { .check = up->check, .up = up, .key = key,
                          .value = json_object_get (up->value, key) };
}

const char *
place_text (const struct place *up, const char *key)
{
  return json_string_value (json_object_get (up->value, key));
}

/* Writes the path of P and answers how long it would be. */
static size_t
put_path (const struct place *p, char *buf, size_t size)
{
  size_t used = p->up ? put_path (p->up, buf, size) : 0;
  size_t at = used < size ? used : size;
  int n;

  if (!p->up)
    n = snprintf (buf, size, "run");
  else if (p->key)
    n = snprintf (buf + at, size - at, ".%s", p->key);
  else
    n = snprintf (buf + at, size - at, "[%zu]", p->index);
  return used + (size_t) (n > 0 ? n : 0);
}

void
place_problem (const struct place *p, const char *format, ...)
{
  char path[PLACE_PATH_MAX], text[PLACE_SENTENCE_MAX];
  struct check *c = p->check;
  va_list ap;

  if (c->n_problems == PLACE_PROBLEMS_MAX)
    return;
  (void) put_path (p, path, sizeof path);
  va_start (ap, format);
  (void) vsnprintf (text, sizeof text, format, ap);
  va_end (ap);
  c->problem[c->n_problems].path = strdup (path);
  c->problem[c->n_problems].text = strdup (text);
  c->n_problems++;
}

void
place_note (const struct place *p, const char *format, ...)
{
  char line[PLACE_PATH_MAX + PLACE_SENTENCE_MAX];
  size_t n = put_path (p, line, PLACE_PATH_MAX);
  va_list ap;

  n = n < PLACE_PATH_MAX ? n : PLACE_PATH_MAX - 1;
  n += (size_t) snprintf (line + n, sizeof line - n, ": ");
  va_start (ap, format);
  (void) vsnprintf (line + n, sizeof line - n, format, ap);
  va_end (ap);
  usher_log (p->check->ctx, USHER_LOG_INFO, line);
}

/* Edit distance (Levenshtein, one row). */
static size_t
distance (const char *a, size_t n, const char *b, size_t m)
{
  size_t row[WORD_MAX + 1], i, j;

  for (j = 0; j <= m; j++)
    row[j] = j;
  for (i = 1; i <= n; i++)
    {
      size_t diagonal = row[0];

      row[0] = i;
      for (j = 1; j <= m; j++)
        {
          size_t best = diagonal + (a[i - 1] != b[j - 1]);

          diagonal = row[j];
          best = row[j] + 1 < best ? row[j] + 1 : best;
          row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
  return row[m];
}

const char *
place_nearest (const char *word, const char *const *words, size_t n)
{
  size_t len = strlen (word), least = len < 6 ? 2 : len / 3 + 1, i;
  const char *best = NULL;

  if (len == 0 || len > WORD_MAX)
    return NULL;
  for (i = 0; i < n; i++)
    {
      size_t other = strlen (words[i]);
      size_t d = other <= WORD_MAX ? distance (word, len, words[i], other) : least;

      if (d < least)
        {
          best = words[i];
          least = d;
        }
    }
  return best;
}
