/* A backup: one file with a whole store in it, but for what is in the work folder.

     bytes 0 to 511     the head, little-endian, with a digest of its own
     the rest           an LMDB environment, compacted; its size and digest are in the head

   A backup holds no usher.key: what is sealed in the store is sealed in the backup. */
#ifndef USHER_STORE_BACKUP_H
#define USHER_STORE_BACKUP_H

#include "host/store/store.h"

#define BACKUP_HEAD_SIZE 512u
#define BACKUP_DIGEST_SIZE 32u
#define BACKUP_PRINT_SIZE 17u      /* of the fingerprint of an usher.key, with its NUL */
#define BACKUP_PROGRAM_SIZE 32u
#define BACKUP_IMAGE_MAX (1ull << 40)

struct backup_head
{
  uint32_t schema;
  struct id workspace;             /* zero: it was not set up */
  int64_t taken_ms;
  uint64_t size;                   /* of the image */
  uint8_t digest[BACKUP_DIGEST_SIZE];  /* of the image: BLAKE2b-256 */
  char print[BACKUP_PRINT_SIZE];   /* which usher.key opens it */
  char program[BACKUP_PROGRAM_SIZE];   /* the version of usherd that made it */
};

/* Texts in HEAD that are too long are cut. */
void backup_head_put (const struct backup_head *head, uint8_t ret[BACKUP_HEAD_SIZE]);
/* -EILSEQ: these bytes begin no backup; -EBADMSG: they are damaged, or fewer than
   BACKUP_HEAD_SIZE; -EPROTONOSUPPORT: a newer usherd wrote them, in another form. */
int backup_head_get (const void *p, size_t len, struct backup_head *ret);

/* ---- Making one. */

struct backup;

/* Copies S as it is now into a file without a name in its work folder, and holds one read
   transaction meanwhile: who reads the backup, and how slowly, does not matter to the
   store.  PRINT says which usher.key seals.  -EBUSY while another backup of S is open,
   -ENOSPC when the copy would not fit the disk. */
int backup_new (struct store *s, const struct id *workspace, const char *print, struct backup **ret);
struct backup *backup_free (struct backup *b);
DEFINE_CLEANUP (struct backup *, backup_free)
const struct backup_head *backup_head (const struct backup *b);
/* Up to LEN bytes of the file from AT on; how many, 0 at its end. */
ssize_t backup_read (const struct backup *b, uint64_t at, void *p, size_t len);

/* ---- Putting one back.

   What is received is kept in the work folder until it is known to be whole.  Then it is
   marked: it gets a name in the state folder under which the next store_open finds it.
   That puts the store of then aside, under a name of its own, and the backup into its
   place, each by one rename, and goes on with that when it was cut off.  Until the caller
   has settled what follows from it (store_restored), it is asked again at each start. */

struct restore;

/* -EBUSY while another one is received. */
int restore_new (struct store *s, struct restore **ret);
/* Forgets what was received, unless it was marked. */
struct restore *restore_free (struct restore *r);
DEFINE_CLEANUP (struct restore *, restore_free)
/* Takes the next bytes of the file.  An error stays: those of backup_head_get,
   -EPROTONOSUPPORT also for a schema that is newer than this usherd's, -EFBIG for more bytes
   than the head says, -ENOSPC, ... */
int restore_put (struct restore *r, const void *p, size_t len);
/* The head, NULL before its last byte came. */
const struct backup_head *restore_head (const struct restore *r);
/* All bytes came: checks size and digest and opens the image, for reading only, until
   restore_free.  -EBADMSG when it is damaged or cut. */
int restore_finish (struct restore *r, struct store **ret_image);
/* Marks it.  INFO (borrowed) is given back by store_restored; it gets "aside", the name of
   the folder in which the store of now will be kept. */
int restore_mark (struct restore *r, json_t *info);

#endif
