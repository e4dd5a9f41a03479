/* usher.key and usher.key.new: where they stand, how one is made, who may read them. */
#ifndef USHER_VAULT_KEY_FILE_H
#define USHER_VAULT_KEY_FILE_H

#include "host/common/base.h"

#define KEY_FILE_BYTES 32u

/* Reads the key into KEY, making STATE_DIR/usher.key when there is none.  *PATH is the
   file (caller frees).  As vault_open otherwise. */
int key_file_get (const char *state_dir, uint8_t key[KEY_FILE_BYTES], char **path, bool *made,
                  char **why);
/* The same for usher.key.new, which is never made; -ENOENT, without a sentence, when there
   is none. */
int key_file_get_new (const char *state_dir, uint8_t key[KEY_FILE_BYTES], char **path, char **why);

#endif
