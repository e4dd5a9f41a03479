/* The head of a backup as anybody may send it: what is taken is written the same again,
   and an input made right by its digest reaches the fields. */
#include <config.h>

#include <sodium.h>

#include "host/store/backup.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try (const uint8_t *bytes, size_t len)
{
  struct backup_head head, again;
  uint8_t out[BACKUP_HEAD_SIZE];

  if (backup_head_get (bytes, len, &head) < 0)
    return;
  if (len < BACKUP_HEAD_SIZE || head.size > BACKUP_IMAGE_MAX || strlen (head.print) >= BACKUP_PRINT_SIZE
      || strlen (head.program) >= BACKUP_PROGRAM_SIZE)
    abort ();
  backup_head_put (&head, out);
  if (backup_head_get (out, sizeof out, &again) < 0 || again.size != head.size || again.schema != head.schema
      || !streq (again.print, head.print) || !streq (again.program, head.program))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint8_t whole[BACKUP_HEAD_SIZE] = { 0 };
  /* Of the size of the input, so that reading on is caught. */
  uint8_t *copy = malloc (size ? size : 1);

  if (!copy)
    abort ();
  memcpy (copy, data, size);
  try (copy, size);
  free (copy);
  memcpy (whole, data, MIN (size, sizeof whole));
  (void) crypto_generichash (whole + BACKUP_HEAD_SIZE - BACKUP_DIGEST_SIZE, BACKUP_DIGEST_SIZE, whole,
                             BACKUP_HEAD_SIZE - BACKUP_DIGEST_SIZE, NULL, 0);
  try (whole, sizeof whole);
  return 0;
}
