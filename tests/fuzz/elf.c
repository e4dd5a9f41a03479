/* Connectors before any of their code runs: whatever the file, the reader ends and what it
   gives lies within the file. */
#include <config.h>

#include "host/worker/elf.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *p = (const char *) data;
  struct elf_object object;
  size_t i;
  int r = elf_read (p, size, "usher_connector_v1", &object);

  if (r < 0)
    {
      if (r != -ENOEXEC && r != -EBADMSG)
        abort ();
      return 0;
    }
  if (object.n_needed > ELF_NEEDED_MAX)
    abort ();
  for (i = 0; i < object.n_needed; i++)
    if (object.needed[i] < p || object.needed[i] >= p + size
        || !memchr (object.needed[i], '\0', (size_t) (p + size - object.needed[i])))
      abort ();
  return 0;
}
