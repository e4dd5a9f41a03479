/* Owns the keys while the daemon runs, and the two sealed forms:

     data key  u8 version, 8 bytes fingerprint of usher.key, u32 id, nonce, sealed key
     value     u8 version, u32 id of the data key, nonce, sealed value

   each with what stands before the nonce, and the place it belongs to, authenticated. */
#include <config.h>

#include "host/vault/vault.h"

#include <pthread.h>
#include <sodium.h>

#include "host/common/le.h"
#include "host/vault/key-file.h"

#define FORM 1u
#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define PRINT_BYTES 8u
#define KEY_HEAD (1 + PRINT_BYTES + 4)
#define VALUE_HEAD (1 + 4)

_Static_assert (KEY_BYTES == KEY_FILE_BYTES, "usher.key is a key of the cipher");
_Static_assert (VAULT_KEY_SIZE == KEY_HEAD + NONCE_BYTES + KEY_BYTES + TAG_BYTES, "sealed key");
_Static_assert (VAULT_OVERHEAD == VALUE_HEAD + NONCE_BYTES + TAG_BYTES, "sealed value");

struct data_key
{
  uint32_t id;
  uint8_t key[KEY_BYTES];
};

/* A usher.key. */
struct master
{
  uint8_t key[KEY_BYTES];
  uint8_t print[PRINT_BYTES];    /* of it */
  char *path;                    /* owned */
};

/* In memory of libsodium: locked if it may be, guarded, overwritten when freed. */
struct vault
{
  struct master masters[2];      /* usher.key, and usher.key.new when there is one */
  size_t n_masters;              /* the last one seals */
  bool made;
  pthread_mutex_t lock;          /* guards what follows */
  struct data_key keys[VAULT_KEYS_MAX];
  size_t n_keys;
  uint32_t current;              /* id, 0 = none */
};

static void
set_print (struct master *m)
{
  static const char purpose[] = "usher.key fingerprint";
  uint8_t hash[crypto_generichash_BYTES];

  (void) crypto_generichash (hash, sizeof hash, (const uint8_t *) purpose, sizeof purpose - 1,
                             m->key, sizeof m->key);
  memcpy (m->print, hash, PRINT_BYTES);
}

/* usher.key, and usher.key.new where it is another one. */
static int
read_masters (struct vault *v, const char *state_dir, char **why)
{
  struct master *m = v->masters;
  int r = key_file_get (state_dir, m[0].key, &m[0].path, &v->made, why);

  if (r < 0)
    return r;
  v->n_masters = 1;
  set_print (&m[0]);
  r = key_file_get_new (state_dir, m[1].key, &m[1].path, why);
  if (r < 0)
    return r == -ENOENT ? 0 : r;
  v->n_masters = 2;
  set_print (&m[1]);
  return 0;
}

int
vault_open (const char *state_dir, struct vault **ret, char **why)
{
  struct vault *v;
  int r;

  *why = NULL;
  if (sodium_init () < 0)
    return -ENOSYS;
  v = sodium_allocarray (1, sizeof *v);
  if (!v)
    return -ENOMEM;
  memset (v, 0, sizeof *v);
  (void) pthread_mutex_init (&v->lock, NULL);
  r = read_masters (v, state_dir, why);
  if (r < 0)
    {
      vault_close (v);
      return r;
    }
  *ret = v;
  return 0;
}

struct vault *
vault_close (struct vault *v)
{
  if (!v)
    return NULL;
  (void) pthread_mutex_destroy (&v->lock);
  free (v->masters[0].path);
  free (v->masters[1].path);
  sodium_free (v);
  return NULL;
}

const char *
vault_key_file (const struct vault *v)
{
  return v->masters[0].path;
}

bool
vault_key_made (const struct vault *v)
{
  return v->made;
}

const char *
vault_new_key_file (const struct vault *v)
{
  return v->masters[1].path;
}

void
vault_print (const struct vault *v, char ret[VAULT_PRINT_SIZE])
{
  (void) sodium_bin2hex (ret, VAULT_PRINT_SIZE, v->masters[v->n_masters - 1].print, PRINT_BYTES);
}

int
vault_print_of (const void *sealed, size_t len, char ret[VAULT_PRINT_SIZE])
{
  const uint8_t *p = sealed;

  if (len != VAULT_KEY_SIZE || p[0] != FORM)
    return -EBADMSG;
  (void) sodium_bin2hex (ret, VAULT_PRINT_SIZE, p + 1, PRINT_BYTES);
  return 0;
}

/* Adds a key that is whole; the caller holds the lock. */
static int
keep (struct vault *v, const struct data_key *key)
{
  size_t i;

  for (i = 0; i < v->n_keys; i++)
    if (v->keys[i].id == key->id)
      return -EEXIST;
  if (v->n_keys == VAULT_KEYS_MAX)
    return -ENOSPC;
  v->keys[v->n_keys++] = *key;
  v->current = MAX (v->current, key->id);
  return 0;
}

static void
seal_key (const struct vault *v, const struct data_key *key, uint8_t sealed[VAULT_KEY_SIZE])
{
  const struct master *m = &v->masters[v->n_masters - 1];
  uint8_t *nonce = sealed + KEY_HEAD;

  sealed[0] = FORM;
  memcpy (sealed + 1, m->print, PRINT_BYTES);
  le_put_u32 (sealed + 1 + PRINT_BYTES, key->id);
  randombytes_buf (nonce, NONCE_BYTES);
  (void) crypto_aead_xchacha20poly1305_ietf_encrypt (nonce + NONCE_BYTES, NULL, key->key, KEY_BYTES,
                                                     sealed, KEY_HEAD, NULL, nonce, m->key);
}

static void
put_key (const struct vault *v, const struct data_key *key, struct buf *out)
{
  uint8_t sealed[VAULT_KEY_SIZE];

  seal_key (v, key, sealed);
  buf_put (out, sealed, sizeof sealed);
}

int
vault_make_key (struct vault *v, struct buf *out)
{
  struct data_key key = { .id = vault_current_key (v) + 1 };

  randombytes_buf (key.key, sizeof key.key);
  put_key (v, &key, out);
  sodium_memzero (&key, sizeof key);
  return buf_error (out);
}

int
vault_put_keys (struct vault *v, uint32_t from, struct buf *out)
{
  size_t i;

  (void) pthread_mutex_lock (&v->lock);
  for (i = 0; i < v->n_keys; i++)
    if (v->keys[i].id >= from)
      put_key (v, &v->keys[i], out);
  (void) pthread_mutex_unlock (&v->lock);
  return buf_error (out);
}

void
vault_forget_keys (struct vault *v, uint32_t from)
{
  size_t i, n = 0;

  (void) pthread_mutex_lock (&v->lock);
  for (i = 0; i < v->n_keys; i++)
    if (v->keys[i].id >= from)
      v->keys[n++] = v->keys[i];
  sodium_memzero (v->keys + n, (v->n_keys - n) * sizeof *v->keys);
  v->n_keys = n;
  (void) pthread_mutex_unlock (&v->lock);
}

/* The usher.key that sealed with the fingerprint PRINT; NULL = another one. */
static const struct master *
find_master (const struct vault *v, const uint8_t *print)
{
  size_t i;

  for (i = v->n_masters; i-- > 0;)
    if (sodium_memcmp (print, v->masters[i].print, PRINT_BYTES) == 0)
      return &v->masters[i];
  return NULL;
}

int
vault_add_key (struct vault *v, const void *sealed, size_t len)
{
  const uint8_t *p = sealed, *nonce = p + KEY_HEAD;
  const struct master *m;
  struct data_key key;
  int r;

  if (len != VAULT_KEY_SIZE || p[0] != FORM)
    return -EBADMSG;
  m = find_master (v, p + 1);
  if (!m)
    return -EKEYREJECTED;
  key.id = le_get_u32 (p + 1 + PRINT_BYTES);
  r = crypto_aead_xchacha20poly1305_ietf_decrypt (key.key, NULL, NULL, nonce + NONCE_BYTES,
                                                  KEY_BYTES + TAG_BYTES, p, KEY_HEAD, nonce, m->key);
  if (r != 0 || !key.id)
    r = -EBADMSG;
  else
    {
      (void) pthread_mutex_lock (&v->lock);
      r = keep (v, &key);
      (void) pthread_mutex_unlock (&v->lock);
    }
  sodium_memzero (&key, sizeof key);
  return r < 0 ? r : m != &v->masters[v->n_masters - 1];
}

/* A copy of the data key ID, 0 = the current one; the caller overwrites it. */
static int
find_key (struct vault *v, uint32_t id, struct data_key *ret)
{
  int r = -ENOKEY;
  size_t i;

  (void) pthread_mutex_lock (&v->lock);
  if (!id)
    id = v->current;
  for (i = 0; i < v->n_keys; i++)
    if (v->keys[i].id == id)
      {
        *ret = v->keys[i];
        r = 0;
      }
  (void) pthread_mutex_unlock (&v->lock);
  return r;
}

/* What a value is bound to: its head, and both names with their lengths. */
static int
put_place (struct buf *b, const uint8_t *head, const char *account, const char *field)
{
  size_t n = strlen (account), m = strlen (field);

  if (!n || !m || n > VAULT_NAME_MAX || m > VAULT_NAME_MAX)
    return -EINVAL;
  buf_put (b, head, VALUE_HEAD);
  buf_put_u8 (b, (uint8_t) n);
  buf_put (b, account, n);
  buf_put_u8 (b, (uint8_t) m);
  buf_put (b, field, m);
  return buf_error (b);
}

int
vault_seal (struct vault *v, const char *account, const char *field, const void *value,
            size_t len, struct buf *out)
{
  struct buf place = BUF_INIT (1024);
  struct data_key key;
  uint8_t *p;
  int r;

  if (len > VAULT_VALUE_MAX)
    return -E2BIG;
  r = find_key (v, 0, &key);
  if (r < 0)
    return r;
  p = buf_reserve (out, len + VAULT_OVERHEAD);
  r = p ? 0 : buf_error (out);
  if (r == 0)
    {
      p[0] = FORM;
      le_put_u32 (p + 1, key.id);
      r = put_place (&place, p, account, field);
    }
  if (r == 0)
    {
      uint8_t *nonce = p + VALUE_HEAD;

      randombytes_buf (nonce, NONCE_BYTES);
      (void) crypto_aead_xchacha20poly1305_ietf_encrypt (nonce + NONCE_BYTES, NULL, value, len,
                                                         (const uint8_t *) place.data, place.len,
                                                         NULL, nonce, key.key);
      out->len += len + VAULT_OVERHEAD;
    }
  sodium_memzero (&key, sizeof key);
  buf_done (&place);
  return r;
}

/* Decrypts into memory that ends with a NUL. */
static int
decrypt (const uint8_t *p, size_t len, const struct buf *place, const struct data_key *key,
         struct secret *ret)
{
  struct secret value = { malloc (len - VAULT_OVERHEAD + 1), len - VAULT_OVERHEAD };
  const uint8_t *nonce = p + VALUE_HEAD;

  if (!value.data)
    return -ENOMEM;
  value.data[value.len] = '\0';
  if (crypto_aead_xchacha20poly1305_ietf_decrypt ((uint8_t *) value.data, NULL, NULL,
                                                  nonce + NONCE_BYTES, value.len + TAG_BYTES,
                                                  (const uint8_t *) place->data, place->len, nonce,
                                                  key->key) != 0)
    {
      secret_done (&value);
      return -EBADMSG;
    }
  secret_done (ret);
  *ret = value;
  return 0;
}

int
vault_unseal (struct vault *v, const char *account, const char *field, const void *sealed,
              size_t len, struct secret *ret)
{
  struct buf place = BUF_INIT (1024);
  uint32_t id = vault_key_of (sealed, len);
  struct data_key key;
  int r;

  if (!id || len > VAULT_VALUE_MAX + VAULT_OVERHEAD)
    return -EBADMSG;
  r = find_key (v, id, &key);
  if (r < 0)
    return r;
  r = put_place (&place, sealed, account, field);
  if (r == 0)
    r = decrypt (sealed, len, &place, &key, ret);
  sodium_memzero (&key, sizeof key);
  buf_done (&place);
  return r;
}

uint32_t
vault_current_key (struct vault *v)
{
  uint32_t id;

  (void) pthread_mutex_lock (&v->lock);
  id = v->current;
  (void) pthread_mutex_unlock (&v->lock);
  return id;
}

uint32_t
vault_key_of (const void *sealed, size_t len)
{
  const uint8_t *p = sealed;

  return len >= VAULT_OVERHEAD && p[0] == FORM ? le_get_u32 (p + 1) : 0;
}

const char *
vault_strerror (int error)
{
  switch (error)
    {
    case -EKEYREJECTED:
      return "The secrets were sealed with another usher.key; put that file back.";
    case -ENOKEY:
      return "The data key that this secret was sealed with is missing; restore it from a backup.";
    case -EBADMSG:
      return "A sealed secret was changed or damaged; set it again.";
    case -E2BIG:
      return "The secret is longer than 64 KiB.";
    case -ENOSPC:
      return "There are too many data keys; rotate what the old ones seal first.";
    default:
      return strerror (error < 0 ? -error : error);
    }
}
