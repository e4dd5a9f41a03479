/* What token endpoints answer; the first byte chooses the status.  A token that is taken can stand in
   a header, and each answer is tokens or a sentence. */
#include <config.h>

#include "host/net/oauth-form.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_token (const struct secret *s)
{
  size_t i;

  for (i = 0; i < s->len; i++)
    if (s->data[i] <= 0x20 || s->data[i] >= 0x7f)
      abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const int32_t statuses[] = { 200, 201, 302, 400, 401, 403, 429, 500, 503, 0 };
  struct oauth_answer a;
  struct oauth_form f = { 0 };

  if (!size)
    return 0;
  oauth_answer_read ("login.example.com", statuses[data[0] % ARRAY_SIZE (statuses)], NULL,
                     (const char *) data + 1, size - 1, &a);
  if (a.status > 0 || (a.status == 0) != (a.access.data != NULL) || (a.status < 0) != (*a.text != '\0')
      || a.life_ms < -1 || a.life_ms > OAUTH_LIFE_MAX_MS)
    abort ();
  check_token (&a.access);
  check_token (&a.refresh);
  oauth_answer_done (&a);
  if (oauth_form_parse ((const char *) data + 1, size - 1, &f) == 0)
    oauth_form_done (&f);
  return 0;
}
