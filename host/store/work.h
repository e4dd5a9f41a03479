/* Inside the store: what lies in the work and state folders beside the environment. */
#ifndef USHER_STORE_WORK_H
#define USHER_STORE_WORK_H

#include "host/store/backup.h"

#define WORK_BACKUP "backup-"        /* in the work folder: copies that are read from */
#define WORK_RESTORE "restore-in"    /* in the work folder: what is being received */
#define STATE_RESTORE "restore"      /* in the state folder: marked */
#define STATE_ASIDE "store-before-"  /* in the state folder: what was replaced */
#define RESTORE_INFO "restored.json" /* in the folder of a store that was a backup */

/* One backup and one restore of S at a time, each with the room of a whole store: whether FLAG,
   which is S's, was free, and is ours now; and giving it back. */
bool work_claim (struct store *s, bool *flag);
void work_release (struct store *s, bool *flag);

/* Size and digest of FD's file, from its start. */
int work_digest (int fd, uint64_t *ret_size, uint8_t ret[BACKUP_DIGEST_SIZE]);
/* Deletes the folder PATH and the files in it; not being there is fine. */
int work_drop_folder (const char *path);
/* Deletes what backups and restores that were cut off left in the work folder DIR.  ALL:
   and everything else. */
int work_clean (const char *dir, bool all);
/* Goes on with a restore that was marked in STATE_DIR, on which the caller has the lock. */
int work_swap (const char *state_dir);

#endif
