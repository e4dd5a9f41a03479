/* Owns the keys that seal: opening them at start, the rotation of data keys, and what the
   doctor says of both. */
#include <config.h>

#include "host/engine/seals.h"

#include <sodium.h>
#include <stdio.h>

#include "host/common/failpoint.h"
#include "host/common/log.h"
#include "host/engine/internal.h"

#define DATA_KEYS "data-key"     /* sealed data keys, one after the other */
#define CHAIN_KEY "chain-key"    /* a sealed value */
#define CHAIN_ACCOUNT "events"   /* the place it is bound to */
#define CHAIN_FIELD "chain"
#define KEYS_BYTES_MAX (VAULT_KEYS_MAX * VAULT_KEY_SIZE)
#define SEALED_MAX (VAULT_VALUE_MAX + VAULT_OVERHEAD)
#define AT_ONCE 64u              /* values of a transaction */

/* ---- At start. */

static int _printf_ (3, 4)
fail (char **ret_why, int error, const char *fmt, ...)
{
  struct buf why = BUF_INIT (8192);
  va_list ap;

  va_start (ap, fmt);
  buf_vprintf (&why, fmt, ap);
  va_end (ap);
  *ret_why = buf_steal (&why);
  return error;
}

/* A new usher.key opens nothing that another one sealed: it must not look like the key. */
static int
lost_key (struct engine *e, char **ret_why)
{
  (void) unlink (vault_key_file (e->vault));
  return fail (ret_why, -ENOKEY, "%s is missing, and the secrets of this state were sealed with it; "
               "put it back from where it was kept.", vault_key_file (e->vault));
}

static int
bad_key (struct vault *v, int error, const void *sealed, size_t len, char **ret_why)
{
  char have[VAULT_PRINT_SIZE], need[VAULT_PRINT_SIZE];
  struct buf why = BUF_INIT (8192);

  buf_printf (&why, "%s: %s", vault_key_file (v), vault_strerror (error));
  vault_print (v, have);
  if (error == -EKEYREJECTED && vault_print_of (sealed, len, need) == 0)
    buf_printf (&why, "  (Its fingerprint is %s, that of the one needed is %s.)", have, need);
  *ret_why = buf_steal (&why);
  return error;
}

int
seals_load (struct txn *t, struct vault *v, char **ret_why)
{
  const char *p = NULL;
  const void *kept;
  size_t len = 0, i;
  int x = 0;

  if (txn_meta_get (t, DATA_KEYS, &kept, &len) == 1)
    p = kept;
  if (!len || len % VAULT_KEY_SIZE)
    return bad_key (v, -EBADMSG, p, len, ret_why);
  for (i = 0; i < len; i += VAULT_KEY_SIZE)
    {
      int added = vault_add_key (v, p + i, VAULT_KEY_SIZE);

      if (added < 0)
        return bad_key (v, added, p + i, VAULT_KEY_SIZE, ret_why);
      x |= added;
    }
  return x;
}

/* The first keys, and the first link of the chain. */
static int
make_keys (struct engine *e, struct txn *t)
{
  _cleanup_ (buf_done) struct buf key = BUF_INIT (KEYS_BYTES_MAX), sealed = BUF_INIT (SEALED_MAX);
  uint8_t chain[STORE_CHAIN_KEY_SIZE];
  int x = vault_make_key (e->vault, &key);

  if (x == 0)
    x = vault_add_key (e->vault, key.data, key.len);
  if (x < 0)
    return x;
  txn_meta_put (t, DATA_KEYS, key.data, key.len);
  randombytes_buf (chain, sizeof chain);
  x = vault_seal (e->vault, CHAIN_ACCOUNT, CHAIN_FIELD, chain, sizeof chain, &sealed);
  if (x == 0)
    {
      txn_meta_put (t, CHAIN_KEY, sealed.data, sealed.len);
      store_set_chain_key (e->store, chain);
      (void) txn_event_prune (t, INT64_MAX, SIZE_MAX);
      txn_chain_begin (t);
    }
  sodium_memzero (chain, sizeof chain);
  return x;
}

static int
open_chain_key (struct txn *t, struct vault *v, struct secret *ret)
{
  const void *p;
  size_t len;
  int x;

  if (txn_meta_get (t, CHAIN_KEY, &p, &len) != 1)
    return -EBADMSG;
  x = vault_unseal (v, CHAIN_ACCOUNT, CHAIN_FIELD, p, len, ret);
  return x == 0 && ret->len != STORE_CHAIN_KEY_SIZE ? -EBADMSG : x;
}

static int
open_keys (struct engine *e, struct txn *t, char **ret_why)
{
  _cleanup_ (secret_done) struct secret chain = { NULL, 0 };
  _cleanup_ (buf_done) struct buf again = BUF_INIT (KEYS_BYTES_MAX);
  int x = seals_load (t, e->vault, ret_why);

  if (x < 0)
    return x;
  if (x == 1)
    {
      x = vault_put_keys (e->vault, 0, &again);
      if (x < 0)
        return fail (ret_why, x, "The data keys cannot be sealed anew: %s", strerror (-x));
      txn_meta_put (t, DATA_KEYS, again.data, again.len);
      log_info ("the data keys are sealed with %s now; give it the name usher.key in place of the old one",
                vault_new_key_file (e->vault));
    }
  x = open_chain_key (t, e->vault, &chain);
  if (x < 0)
    return fail (ret_why, x, "The key of the event chain does not open (%s); restore a backup.", strerror (-x));
  store_set_chain_key (e->store, (const uint8_t *) chain.data);
  return 0;
}

/* In a state that was never set up nothing is sealed yet: the usher.key that was put there
   meanwhile, for a backup that is to be restored, is the one. */
static bool
begins_anew (struct engine *e, struct txn *t)
{
  json_t *workspace = workspace_get (t);
  const void *p;
  size_t len;
  bool anew;

  if (txn_meta_get (t, DATA_KEYS, &p, &len) != 1)
    anew = true;
  else
    anew = !workspace && len >= VAULT_KEY_SIZE && vault_add_key (e->vault, p, VAULT_KEY_SIZE) == -EKEYREJECTED;
  vault_forget_keys (e->vault, UINT32_MAX);
  json_decref (workspace);
  return anew;
}

int
seals_open (struct engine *e, char **ret_why)
{
  _cleanup_ (txn_abortp) struct txn *t = NULL;
  int x = vault_open (e->state_dir, &e->vault, ret_why);

  if (x < 0)
    return x;
  t = store_write (e->store);
  if (begins_anew (e, t))
    {
      x = make_keys (e, t);
      if (x < 0)
        return fail (ret_why, x, "The data key cannot be made: %s", vault_strerror (x));
    }
  else
    {
      if (vault_key_made (e->vault))
        return lost_key (e, ret_why);
      x = open_keys (e, t, ret_why);
      if (x < 0)
        return x;
    }
  x = txn_commit (TAKE (t));
  return x < 0 ? fail (ret_why, x, "The data key cannot be kept in the store: %s", strerror (-x)) : 0;
}

/* ---- Looking at every sealed value. */

struct look
{
  struct vault *vault;
  uint32_t current;
  size_t values, old, unopened;
};

static bool
count_value (void *arg, const struct id *account, const char *field, const void *p, size_t len)
{
  struct look *l = arg;

  (void) account;
  (void) field;
  l->values++;
  l->old += vault_key_of (p, len) != l->current;
  return true;
}

static bool
open_value (void *arg, const struct id *account, const char *field, const void *p, size_t len)
{
  _cleanup_ (secret_done) struct secret value = { NULL, 0 };
  struct look *l = arg;
  char id[ID_TEXT_SIZE];

  id_format (account, id);
  l->unopened += vault_unseal (l->vault, id, field, p, len, &value) < 0;
  return true;
}

/* Values in T that another key than the current one seals, the chain's key included. */
static struct look
count_values (struct txn *t, struct vault *v)
{
  struct look l = { .vault = v, .current = vault_current_key (v) };
  struct id none = { { 0 } };
  const void *p;
  size_t len;

  txn_secret_walk (t, NULL, NULL, count_value, &l);
  if (txn_meta_get (t, CHAIN_KEY, &p, &len) == 1)
    (void) count_value (&l, &none, CHAIN_FIELD, p, len);
  return l;
}

size_t
seals_unopened (struct txn *t, struct vault *v)
{
  _cleanup_ (secret_done) struct secret chain = { NULL, 0 };
  struct look l = { .vault = v };

  txn_secret_walk (t, NULL, NULL, open_value, &l);
  l.unopened += open_chain_key (t, v, &chain) < 0;
  return l.unopened;
}

void
seals_check (struct engine *e, json_t *checks, confinement_add *add)
{
  struct txn *t = store_read (e->store);
  struct look l = count_values (t, e->vault);
  char text[160];

  txn_abort (t);
  if (l.old)
    (void) snprintf (text, sizeof text, "%zu of %zu sealed values are under an old data key", l.old, l.values);
  else
    (void) snprintf (text, sizeof text, "%zu sealed values, all under data key %u", l.values, l.current);
  add (checks, "secrets", l.old == 0, text, "Run usher key rotate.");
  if (vault_new_key_file (e->vault))
    add (checks, "new key", false, vault_new_key_file (e->vault),
         "It seals the data keys now: give it the name usher.key in place of the old one, which only backups "
         "made before still need.");
}

/* ---- Rotation. */

/* A new data key that seals from now on; its id in *RET. */
static int
add_key (struct engine *e, const struct call *c, uint32_t *ret)
{
  _cleanup_ (buf_done) struct buf keys = BUF_INIT (KEYS_BYTES_MAX);
  _cleanup_ (txn_abortp) struct txn *t = store_write (e->store);
  const void *p;
  size_t len;
  int x;

  if (txn_meta_get (t, DATA_KEYS, &p, &len) != 1)
    return txn_error (t) ? txn_error (t) : -ENOKEY;
  buf_put (&keys, p, len);
  x = vault_make_key (e->vault, &keys);
  if (x < 0)
    return x;
  txn_meta_put (t, DATA_KEYS, keys.data, keys.len);
  event_add (t, &(struct event) { .type = "key.rotated", .caller = c->caller,
                                  .details = json_pack ("{s:i}", "key", (int) vault_current_key (e->vault) + 1) });
  x = txn_commit (TAKE (t));
  if (x == 0)
    x = fail_point ("rotate-key-kept");
  if (x == 0)
    x = vault_add_key (e->vault, keys.data + keys.len - VAULT_KEY_SIZE, VAULT_KEY_SIZE);
  *ret = vault_current_key (e->vault);
  return x;
}

struct reseal
{
  struct engine *e;
  struct txn *t;
  struct id account;               /* where the walk is */
  char field[VAULT_NAME_MAX + 1];
  bool begun;
  size_t here, done;               /* sealed in this transaction, and in all */
  int error;
};

static bool
reseal_value (void *arg, const struct id *account, const char *field, const void *p, size_t len)
{
  _cleanup_ (buf_done) struct buf sealed = BUF_INIT (SEALED_MAX);
  _cleanup_ (secret_done) struct secret value = { NULL, 0 };
  struct reseal *s = arg;
  char id[ID_TEXT_SIZE];

  s->begun = true;
  s->account = *account;
  (void) snprintf (s->field, sizeof s->field, "%s", field);
  id_format (account, id);
  /* What does not open stays as it is, and so does the key it names. */
  if (vault_key_of (p, len) == vault_current_key (s->e->vault)
      || vault_unseal (s->e->vault, id, field, p, len, &value) < 0)
    return true;
  s->error = vault_seal (s->e->vault, id, field, value.data, value.len, &sealed);
  if (s->error == 0)
    txn_secret_put (s->t, account, field, sealed.data, sealed.len);
  s->here++;
  return s->error == 0 && s->here < AT_ONCE;
}

static int
reseal_chain_key (struct engine *e, struct txn *t)
{
  _cleanup_ (buf_done) struct buf sealed = BUF_INIT (SEALED_MAX);
  _cleanup_ (secret_done) struct secret chain = { NULL, 0 };
  int x = open_chain_key (t, e->vault, &chain);

  if (x == 0)
    x = vault_seal (e->vault, CHAIN_ACCOUNT, CHAIN_FIELD, chain.data, chain.len, &sealed);
  if (x == 0)
    txn_meta_put (t, CHAIN_KEY, sealed.data, sealed.len);
  return x;
}

/* Seals every value with the current key, a few in a transaction: readers and writers go
   on between them. */
static int
reseal (struct engine *e, size_t *ret_done)
{
  struct reseal s = { .e = e };
  int x;

  do
    {
      _cleanup_ (txn_abortp) struct txn *t = s.t = store_write (e->store);
      bool first = !s.begun;

      s.here = 0;
      txn_secret_walk (t, first ? NULL : &s.account, s.field, reseal_value, &s);
      x = s.error;
      if (x == 0 && first)
        x = reseal_chain_key (e, t);
      if (x == 0)
        x = txn_commit (TAKE (t));
      if (x == 0)
        x = fail_point ("rotate-resealed");
      s.done += s.here;
    }
  while (x == 0 && s.here == AT_ONCE);
  *ret_done = s.done;
  return x;
}

/* In T: takes the old keys out of the store if nothing there needs them.  No other
   transaction writes meanwhile, and values are sealed inside of one. */
static int
drop_keys (struct engine *e, struct txn *t, uint32_t current, size_t *ret_left)
{
  _cleanup_ (buf_done) struct buf keys = BUF_INIT (KEYS_BYTES_MAX);
  int x;

  *ret_left = count_values (t, e->vault).old;
  if (*ret_left || txn_error (t))
    return txn_error (t);
  x = vault_put_keys (e->vault, current, &keys);
  if (x == 0)
    txn_meta_put (t, DATA_KEYS, keys.data, keys.len);
  return x;
}

static int
refuse_rotation (struct refusal *r, int error)
{
  if (error == -E2BIG)
    return refuse (r, "unavailable", NULL, "%s", vault_strerror (-ENOSPC));
  return refuse_errno (r, error);
}

/* The old keys leave the store, but stay in memory until the next rotation or the end of
   the process: a reader may still hold a value from before. */
static int
rotate (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  json_t *answer = NULL;
  size_t done = 0, left = 0;
  uint32_t key = 0;
  struct txn *t;
  int x;

  if (e->data_key)
    vault_forget_keys (e->vault, e->data_key);
  x = add_key (e, c, &key);
  if (x == 0)
    x = reseal (e, &done);
  if (x < 0)
    return refuse_rotation (r, x);
  t = store_write (e->store);
  x = drop_keys (e, t, key, &left);
  if (x == 0)
    answer = json_pack ("{s:I, s:I, s:I}", "key", (json_int_t) key, "sealed", (json_int_t) done, "unopened",
                        (json_int_t) left);
  else
    (void) refuse_rotation (r, x);
  x = call_end (e, c, t, x, answer, ret, r);
  if (x == 0)
    e->data_key = left ? 0 : key;
  return x;
}

int
engine_key_rotate (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_OWNER, r);

  txn_abort (t);
  if (x < 0)
    return x;
  pthread_mutex_lock (&e->seals_lock);
  x = rotate (e, c, ret, r);
  pthread_mutex_unlock (&e->seals_lock);
  if (x == 0)
    log_info ("data keys were rotated");
  return x;
}
