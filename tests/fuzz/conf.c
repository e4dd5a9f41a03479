/* usher.conf: whatever the bytes, a file is taken or refused with a line and a sentence, and a
   value that was taken is taken again in the form in which it is kept. */
#include <config.h>

#include "host/conf/conf.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

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

static void
check_text (const struct conf_key *k, const char *value, struct conf *again)
{
  char *why = NULL;

  if (conf_set (again, k->section, k->key, value, &why) < 0
      || strcmp (*(char **) (void *) ((char *) again + k->offset), value) != 0)
    abort ();
}

static void
check_list (const struct conf_key *k, const struct conf_list *list, struct conf *again)
{
  char *why = NULL;
  size_t i;

  if (list->n > CONF_LIST_MAX)
    abort ();
  for (i = 0; i < list->n; i++)
    if (conf_set (again, k->section, k->key, list->v[i], &why) < 0)
      abort ();
}

static void
check_taken (struct conf *conf)
{
  struct conf again;
  size_t i;

  if (conf_init (&again) < 0)
    abort ();
  for (i = 0; i < conf_n_keys; i++)
    {
      const struct conf_key *k = &conf_keys[i];
      void *place = (char *) conf + k->offset;

      if (is_list (k))
        check_list (k, place, &again);
      else if (is_number (k))
        {
          if (*(uint64_t *) place < k->min || *(uint64_t *) place > k->max)
            abort ();
        }
      else if (*(char **) place)
        check_text (k, *(char **) place, &again);
    }
  conf_done (&again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *problem = NULL, *why = NULL;
  struct conf conf;
  int r;

  if (conf_init (&conf) < 0)
    abort ();
  r = conf_load_text ("x.conf", (const char *) data, size, &conf, &problem);
  if ((r < 0) != (problem != NULL) || (problem && strncmp (problem, "x.conf:", 7) != 0))
    abort ();
  if (r == 0)
    {
      check_taken (&conf);
      if ((conf_check (&conf, &why) < 0) != (why != NULL))
        abort ();
    }
  free (problem);
  free (why);
  conf_done (&conf);
  return 0;
}
