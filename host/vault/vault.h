/* Seals secrets, so that state, backups and whoever reads them hold nothing but bytes.

   Two layers: `usher.key`, which stands outside the state (a systemd credential, or a
   file of mode 0600), seals data keys; data keys seal values.  To replace usher.key, the
   new one is put beside it as `usher.key.new`: both open, the new one seals.  The vault knows no
   store: sealed keys and values are given to the caller, who keeps them.  XChaCha20-
   Poly1305; a value is bound to its account and field, so one put in another's place
   does not open.  All functions but vault_open and vault_close may be called by several
   threads at once. */
#ifndef USHER_VAULT_VAULT_H
#define USHER_VAULT_VAULT_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/secret.h"

#define VAULT_VALUE_MAX 65536u     /* bytes of a secret */
#define VAULT_NAME_MAX 255u        /* bytes of an account or field name */
#define VAULT_KEYS_MAX 64u         /* data keys known at once */
#define VAULT_OVERHEAD 45u         /* what sealing adds to a value */
#define VAULT_KEY_SIZE 85u         /* a sealed data key */

struct vault;

/* Finds usher.key: $CREDENTIALS_DIRECTORY/usher.key, else STATE_DIR/usher.key, which is
   made when it is missing (0600, whole or not at all; several who try get the same one).
   0, or a negative errno and *WHY, a sentence that names the file and what to do (caller
   frees; may be NULL when memory is out): -EPERM when others can read the file, -EINVAL
   when it holds no key. */
int vault_open (const char *state_dir, struct vault **ret, char **why);
/* Overwrites all keys; takes NULL, returns NULL. */
struct vault *vault_close (struct vault *v);
DEFINE_CLEANUP (struct vault *, vault_close)

/* The file that usher.key was read from; borrowed. */
const char *vault_key_file (const struct vault *v);
/* Whether vault_open made that file. */
bool vault_key_made (const struct vault *v);
/* The file of usher.key.new, borrowed; NULL = there is none. */
const char *vault_new_key_file (const struct vault *v);
/* The fingerprint of the usher.key that seals, or of the one that a sealed data key needs:
   it says which file it is, and nothing of what is in it. */
#define VAULT_PRINT_SIZE 17
void vault_print (const struct vault *v, char ret[VAULT_PRINT_SIZE]);
int vault_print_of (const void *sealed, size_t len, char ret[VAULT_PRINT_SIZE]);

/* Appends a new data key to OUT, sealed, with an id above all that are known.  It seals
   nothing before vault_add_key: the caller keeps it first. */
int vault_make_key (struct vault *v, struct buf *out);
/* Makes known a sealed data key that was kept.  The one with the highest id seals.  1 when
   it was sealed with the usher.key that usher.key.new replaces, else 0.
   -EKEYREJECTED when it was sealed with another usher.key, -EBADMSG when it was changed,
   -EEXIST when it is known already, -ENOSPC beyond VAULT_KEYS_MAX. */
int vault_add_key (struct vault *v, const void *sealed, size_t len);
/* Appends every data key from the id FROM on, sealed with the newest usher.key. */
int vault_put_keys (struct vault *v, uint32_t from, struct buf *out);
/* Forgets data keys with an id below FROM: nothing that they sealed is opened any more. */
void vault_forget_keys (struct vault *v, uint32_t from);

/* Appends VALUE, sealed, to OUT.  -ENOKEY without a data key, -EINVAL for an empty or too
   long name, -E2BIG for a value over VAULT_VALUE_MAX, or OUT's own error. */
int vault_seal (struct vault *v, const char *account, const char *field, const void *value,
                size_t len, struct buf *out);
/* Opens what vault_seal made for the same account and field.  -ENOKEY when its data key
   is not known, -EBADMSG when it was changed, cut, or sealed for another place. */
int vault_unseal (struct vault *v, const char *account, const char *field, const void *sealed,
                  size_t len, struct secret *ret);

/* The data key that seals now, 0 = none, and the one that a sealed value needs (0 when it
   is no sealed value): what differs is sealed again when keys are rotated. */
uint32_t vault_current_key (struct vault *v);
uint32_t vault_key_of (const void *sealed, size_t len);

/* A sentence for the errors above: what it means and what to do.  Static. */
const char *vault_strerror (int error);

#endif
