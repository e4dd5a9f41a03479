/* Owns the edit distance between two short words (Levenshtein, one row). */
#include <config.h>

#include "host/common/suggest.h"

#include "host/common/base.h"

static size_t
distance (const char *a, size_t n, const char *b, size_t m)
{
  size_t row[SUGGEST_MAX + 1], i, j;

  for (j = 0; j <= m; j++)
    row[j] = j;
  for (i = 1; i <= n; i++)
    {
      size_t diagonal = row[0];

      row[0] = i;
      for (j = 1; j <= m; j++)
        {
          size_t change = diagonal + (a[i - 1] != b[j - 1]);

          diagonal = row[j];
          row[j] = MIN (change, MIN (row[j], row[j - 1]) + 1);
        }
    }
  return row[m];
}

const char *
suggest_nearest (const char *word, const char *const *words, size_t n)
{
  size_t len = strlen (word), limit = MAX (len / 3, 1u), i;
  const char *best = NULL;

  if (!len || len > SUGGEST_MAX)
    return NULL;
  for (i = 0; i < n; i++)
    {
      size_t other = words[i] ? strlen (words[i]) : SIZE_MAX, d;

      if (other > SUGGEST_MAX)
        continue;
      d = distance (word, len, words[i], other);
      if (d > limit || (best && d == limit))
        continue;
      best = words[i];
      limit = d;
    }
  return best;
}
