/* "run" of app files: whatever the bytes, the check ends without a request, every problem has a place
   that the file has, and the place is found. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include <usher/fakehost.h>

#include "host/apps/apps.h"
#include "plugins/seat/rest/shape.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_events (struct usher_fake *fake, const char *text, size_t len, int32_t r)
{
  const struct usher_fake_event *e;
  size_t i, problems = 0, line, column;

  for (i = 0; (e = usher_fake_event (fake, i)); i++)
    {
      if (e->kind == USHER_FAKE_REQUEST)
        abort ();
      if (e->kind != USHER_FAKE_FAULT)
        continue;
      problems++;
      if (strncmp (e->key, "run", 3) != 0 || !*e->text)
        abort ();
      if (app_locate (text, len, e->key, &line, &column) == 0 && (!line || !column))
        abort ();
    }
  if ((r == USHER_E_CONFIG) != (problems > 0) || problems > PLACE_PROBLEMS_MAX)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  json_t *app = json_loadb ((const char *) data, size, JSON_REJECT_DUPLICATES, NULL);
  json_t *run = json_incref (json_object_get (app, "run"));
  struct usher_fake *fake;
  char *rest;

  if (run)
    {
      fake = usher_fake_new ();
      (void) json_object_del (app, "run");
      rest = json_dumps (app, JSON_COMPACT);
      usher_fake_conf (fake, "app.file", rest);
      check_events (fake, (const char *) data, size, descriptor_check (usher_fake_ctx (fake), run));
      usher_fake_free (fake);
      free (rest);
    }
  json_decref (run);
  json_decref (app);
  return 0;
}
