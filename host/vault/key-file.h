/* usher.key: where it stands, how it is made, who may read it. */
#ifndef USHER_VAULT_KEY_FILE_H
#define USHER_VAULT_KEY_FILE_H

#include "host/common/base.h"

#define KEY_FILE_BYTES 32u

/* Reads the key into KEY, making STATE_DIR/usher.key when there is none.  *PATH is the
   file (caller frees).  As vault_open otherwise. */
int key_file_get (const char *state_dir, uint8_t key[KEY_FILE_BYTES], char **path, bool *made,
                  char **why);

#endif
