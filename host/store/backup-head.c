/* Owns the head of a backup. */
#include <config.h>

#include "host/store/backup.h"

#include <sodium.h>
#include <stdio.h>

/* The line ends and the end of file of other systems: a file that a text mode touched is
   known by its first bytes. */
static const char magic[16] = { 'U', 'S', 'H', 'E', 'R', ' ', 'B', 'A', 'C', 'K', 'U', 'P', '\r', '\n', '\032', '\n' };

#define FORM 1u
#define AT_FORM 16u
#define AT_SCHEMA 20u
#define AT_WORKSPACE 24u
#define AT_TAKEN 40u
#define AT_SIZE 48u
#define AT_DIGEST 56u
#define AT_PRINT 88u
#define AT_PROGRAM 112u
#define AT_HEAD_DIGEST (BACKUP_HEAD_SIZE - BACKUP_DIGEST_SIZE)

static void
put_number (uint8_t *p, uint64_t v, size_t bytes)
{
  size_t i;

  for (i = 0; i < bytes; i++)
    p[i] = (uint8_t) (v >> (8 * i));
}

static uint64_t
get_number (const uint8_t *p, size_t bytes)
{
  uint64_t v = 0;

  while (bytes--)
    v = v << 8 | p[bytes];
  return v;
}

void
backup_head_put (const struct backup_head *head, uint8_t ret[BACKUP_HEAD_SIZE])
{
  memset (ret, 0, BACKUP_HEAD_SIZE);
  memcpy (ret, magic, sizeof magic);
  put_number (ret + AT_FORM, FORM, 4);
  put_number (ret + AT_SCHEMA, head->schema, 4);
  memcpy (ret + AT_WORKSPACE, head->workspace.b, ID_BYTES);
  put_number (ret + AT_TAKEN, (uint64_t) head->taken_ms, 8);
  put_number (ret + AT_SIZE, head->size, 8);
  memcpy (ret + AT_DIGEST, head->digest, BACKUP_DIGEST_SIZE);
  (void) snprintf ((char *) ret + AT_PRINT, BACKUP_PRINT_SIZE, "%s", head->print);
  (void) snprintf ((char *) ret + AT_PROGRAM, BACKUP_PROGRAM_SIZE, "%s", head->program);
  (void) crypto_generichash (ret + AT_HEAD_DIGEST, BACKUP_DIGEST_SIZE, ret, AT_HEAD_DIGEST, NULL, 0);
}

/* A text of printable characters and its NUL, within SIZE bytes. */
static bool
get_text (const uint8_t *p, size_t size, char *ret)
{
  size_t i;

  for (i = 0; i < size && p[i]; i++)
    if (p[i] < 0x20 || p[i] > 0x7e)
      return false;
  if (i == size)
    return false;
  memcpy (ret, p, i + 1);
  return true;
}

int
backup_head_get (const void *p, size_t len, struct backup_head *ret)
{
  uint8_t digest[BACKUP_DIGEST_SIZE];
  struct backup_head head = { 0 };
  const uint8_t *b = p;

  if (memcmp (b, magic, MIN (len, sizeof magic)) != 0)
    return -EILSEQ;
  if (len < BACKUP_HEAD_SIZE)
    return -EBADMSG;
  (void) crypto_generichash (digest, sizeof digest, b, AT_HEAD_DIGEST, NULL, 0);
  if (memcmp (digest, b + AT_HEAD_DIGEST, sizeof digest) != 0)
    return -EBADMSG;
  if (get_number (b + AT_FORM, 4) != FORM)
    return -EPROTONOSUPPORT;
  head.schema = (uint32_t) get_number (b + AT_SCHEMA, 4);
  memcpy (head.workspace.b, b + AT_WORKSPACE, ID_BYTES);
  head.taken_ms = (int64_t) get_number (b + AT_TAKEN, 8);
  head.size = get_number (b + AT_SIZE, 8);
  memcpy (head.digest, b + AT_DIGEST, BACKUP_DIGEST_SIZE);
  if (!get_text (b + AT_PRINT, BACKUP_PRINT_SIZE, head.print)
      || !get_text (b + AT_PROGRAM, BACKUP_PROGRAM_SIZE, head.program) || head.size > BACKUP_IMAGE_MAX)
    return -EBADMSG;
  *ret = head;
  return 0;
}
