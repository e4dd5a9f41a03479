/* App files: whatever the bytes, what jansson takes has one node a value, the checker
   ends and names places that are in the text, and a file without problems loads. */
#include <config.h>

#include "host/apps/app.h"
#include "host/apps/json-offsets.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static size_t
count (json_t *v)
{
  size_t n = 1, i;
  const char *key;
  json_t *child;

  json_object_foreach (v, key, child)
    n += count (child);
  json_array_foreach (v, i, child)
    n += count (child);
  return n;
}

static void
check_offsets (const char *text, size_t len)
{
  struct json_map map;
  struct json_fault fault = { 0, NULL };
  json_error_t error;
  json_t *tree = json_loadb (text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
  int r = json_map_scan (text, len, &map, &fault);

  if (r < 0 && (!fault.text || fault.at > len))
    abort ();
  /* jansson takes a zero byte for the end of the text; the scanner does not. */
  if (tree && r < 0 && !strstr (fault.text, "deeper") && !memchr (text, '\0', len))
    abort ();
  if (tree && r == 0 && count (tree) != map.n)
    abort ();
  if (r == 0)
    json_map_done (&map);
  json_decref (tree);
}

static void
on_problem (void *data, const struct app_problem *p)
{
  ++*(size_t *) data;
  if (!*p->text || (p->line && !p->column))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *text = malloc (size + 1);
  struct app *a = NULL;
  size_t told = 0;
  int r;

  if (!text)
    abort ();
  memcpy (text, data, size);
  text[size] = '\0';
  check_offsets (text, size);
  r = app_parse ("every-key.json", text, size, on_problem, &told, &a);
  if ((r == 1) != (told == 0) || (r == 1) != (a != NULL))
    abort ();
  (void) app_free (a);
  return 0;
}
