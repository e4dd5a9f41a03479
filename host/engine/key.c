/* Owns Idempotency-Key: a request that is repeated with its key gets the first answer, and
   its effect happens once.  The answer is committed with the effect, so that no crash comes
   between them; which requests are under way is known in memory alone.

   What was refused changed nothing and is not kept: its key may be used again. */
#include <config.h>

#include <sodium.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/internal.h"
#include "host/engine/key.h"

#define KEPT_MS (24 * 3600 * 1000LL)
#define KEYS_MAX 100000u
#define SEALED_MAX (VAULT_VALUE_MAX + VAULT_OVERHEAD)
#define FIELD "sealed"

struct keys
{
  pthread_mutex_t lock;
  struct call_key *busy;   /* guarded by lock: requests under way */
  size_t n;                /* guarded by lock: answers kept */
};

/* ---- Kept answers. */

static bool
is_old (const json_t *kept)
{
  return json_time (kept, "created_at") < clock_now_ms () - KEPT_MS;
}

/* The answer kept for K, a new reference; NULL = none. */
static json_t *
kept_for (struct txn *t, const struct call_key *k)
{
  struct id id;

  return txn_doc_find (t, STORE_ANSWER_KEY, k->name, &id, 1) == 1 ? txn_doc_get (t, STORE_ANSWER, &id) : NULL;
}

/* The answer may hold a token, and the request a password that its hash would let guess: a
   copy of the store is to open nothing. */
static int
seal (struct engine *e, const struct call_key *k, const json_t *answer, json_t *kept)
{
  _cleanup_ (buf_done) struct buf sealed = BUF_INIT (SEALED_MAX);
  json_t *whole = json_pack ("{s:s, s:O}", "request", k->request, "answer", answer);
  char *text = json_dumps (whole, JSON_COMPACT), *hex;
  int x = text ? vault_seal (e->vault, k->name, FIELD, text, strlen (text), &sealed) : -ENOMEM;

  if (text)
    explicit_bzero (text, strlen (text));
  free (text);
  json_decref (whole);
  hex = x == 0 ? malloc (2 * sealed.len + 1) : NULL;
  if (hex)
    {
      hex_encode (sealed.data, sealed.len, hex);
      json_set_text (kept, FIELD, hex);
    }
  else if (x == 0)
    x = -ENOMEM;
  free (hex);
  return x;
}

/* What seal was given, a new reference. */
static int
unseal (struct engine *e, const struct call_key *k, const json_t *kept, json_t **ret)
{
  const char *hex = json_text (kept, FIELD);
  size_t len = hex ? strlen (hex) / 2 : 0;
  struct secret text = { NULL, 0 };
  unsigned char *sealed = malloc (len + 1);
  int x = sealed && len ? hex_decode (hex, sealed, len) : -ENOMEM;

  if (x == 0)
    x = vault_unseal (e->vault, k->name, FIELD, sealed, len, &text);
  free (sealed);
  if (x == 0)
    {
      *ret = json_loadb (text.data, text.len, 0, NULL);
      x = *ret ? 0 : -ENOMEM;
    }
  secret_done (&text);
  return x;
}

int
key_keep (struct engine *e, struct txn *t, struct call_key *k, const json_t *answer, struct refusal *r)
{
  json_t *kept = kept_for (t, k);
  struct id id;
  int x;

  /* One past its time gives way to the new one. */
  k->replaces = kept && json_id (kept, "id", &id);
  if (k->replaces)
    txn_doc_delete (t, STORE_ANSWER, &id);
  json_decref (kept);
  kept = doc_new (&system_caller);
  json_set_text (kept, "key", k->name);
  x = seal (e, k, answer, kept);
  if (x == 0)
    txn_doc_put (t, STORE_ANSWER, kept);
  json_decref (kept);
  if (x == -E2BIG)
    return refuse (r, "too-large", NULL, "The answer is too large to be kept for an Idempotency-Key; nothing was done.");
  return x < 0 ? refuse_errno (r, x) : 0;
}

void
key_kept (struct engine *e, const struct call_key *k)
{
  struct keys *keys = e->keys;

  pthread_mutex_lock (&keys->lock);
  keys->n += !k->replaces;
  pthread_mutex_unlock (&keys->lock);
}

/* ---- Requests. */

static void
hash_text (crypto_generichash_state *h, const char *s)
{
  (void) crypto_generichash_update (h, (const unsigned char *) (s ? s : ""), s ? strlen (s) + 1 : 1);
}

static void
hash_end (crypto_generichash_state *h, char ret[KEY_HASH_SIZE])
{
  unsigned char hash[(KEY_HASH_SIZE - 1) / 2];

  (void) crypto_generichash_final (h, hash, sizeof hash);
  hex_encode (hash, sizeof hash, ret);
}

void
engine_key_make (const struct call *c, const char *key, const char *method, const char *url, const void *body,
                 size_t len, struct call_key *ret)
{
  char token[ID_TEXT_SIZE];
  crypto_generichash_state h;
  size_t i;

  *ret = (struct call_key) { 0 };
  id_format (&c->caller->token, token);
  (void) crypto_generichash_init (&h, NULL, 0, (KEY_HASH_SIZE - 1) / 2);
  hash_text (&h, token);
  hash_text (&h, key);
  hash_end (&h, ret->name);
  (void) crypto_generichash_init (&h, NULL, 0, (KEY_HASH_SIZE - 1) / 2);
  hash_text (&h, method);
  hash_text (&h, url);
  for (i = 0; i < c->n_query; i++)
    {
      hash_text (&h, c->query[i].key);
      hash_text (&h, c->query[i].value);
    }
  (void) crypto_generichash_update (&h, body, len);
  hash_end (&h, ret->request);
}

/* Puts K among those under way; false where one with its name is there. */
static bool
take_place (struct keys *keys, struct call_key *k)
{
  const struct call_key *other;

  pthread_mutex_lock (&keys->lock);
  for (other = keys->busy; other && !streq (other->name, k->name); other = other->next)
    ;
  if (!other)
    {
      k->next = keys->busy;
      keys->busy = k;
    }
  pthread_mutex_unlock (&keys->lock);
  return !other;
}

/* Whether an answer to each of those under way can be kept: asked before anything is done,
   because not every action has its effect in one commit. */
static bool
have_room (struct keys *keys)
{
  const struct call_key *k;
  size_t n;

  pthread_mutex_lock (&keys->lock);
  n = keys->n;
  for (k = keys->busy; k; k = k->next)
    n++;
  pthread_mutex_unlock (&keys->lock);
  return n <= KEYS_MAX;
}

int
engine_key_begin (struct engine *e, struct call_key *k, json_t **ret, struct refusal *r)
{
  json_t *kept, *whole = NULL;
  struct txn *t;
  int x = 0;

  if (!take_place (e->keys, k))
    return refuse (r, "idempotency-pending", NULL, "The first request with this Idempotency-Key is still under way.");
  t = store_read (e->store);
  kept = kept_for (t, k);
  if (txn_error (t) < 0)
    x = refuse_errno (r, txn_error (t));
  txn_abort (t);
  if (kept && is_old (kept))
    json_decref (TAKE (kept));
  if (x == 0 && !kept && !have_room (e->keys))
    x = refuse (r, "rate-limited", NULL,
                "More than %u requests of the last 24 hours carried an Idempotency-Key; nothing was done.", KEYS_MAX);
  if (kept && unseal (e, k, kept, &whole) < 0)
    x = refuse (r, "idempotency-conflict", NULL,
                "The request was done, but its answer was sealed with a key that is gone.");
  else if (kept && !streq (json_text (whole, "request"), k->request))
    x = refuse (r, "idempotency-conflict", NULL, "Another request had this Idempotency-Key.");
  else if (kept)
    {
      *ret = json_incref (json_object_get (whole, "answer"));
      x = 1;
    }
  json_decref (kept);
  json_decref (whole);
  if (x < 0)
    engine_key_end (e, k);
  return x;
}

void
engine_key_end (struct engine *e, struct call_key *k)
{
  struct keys *keys = e->keys;
  struct call_key **at;

  pthread_mutex_lock (&keys->lock);
  for (at = &keys->busy; *at != k; at = &(*at)->next)
    ;
  *at = k->next;
  pthread_mutex_unlock (&keys->lock);
}

/* ---- Upkeep. */

struct old
{
  json_t *ids;
  size_t max;
};

static bool
collect_old (void *arg, json_t *kept)
{
  struct old *o = arg;

  /* Ids ascend with the time they were made: the walk ends at the first young one. */
  return is_old (kept) && json_array_append (o->ids, json_object_get (kept, "id")) == 0
         && json_array_size (o->ids) < o->max;
}

size_t
keys_prune (struct txn *t, size_t max)
{
  struct old old = { json_array (), max };
  json_t *text;
  struct id id;
  size_t i, n = 0;

  txn_doc_walk (t, STORE_ANSWER, 0, NULL, false, NULL, collect_old, &old);
  json_array_foreach (old.ids, i, text)
    if (id_parse (json_string_value (text), &id) == 0)
      {
        txn_doc_delete (t, STORE_ANSWER, &id);
        n++;
      }
  json_decref (old.ids);
  return n;
}

void
keys_pruned (struct engine *e, size_t n)
{
  struct keys *keys = e->keys;

  pthread_mutex_lock (&keys->lock);
  keys->n -= MIN (n, keys->n);
  pthread_mutex_unlock (&keys->lock);
}

size_t
keys_count (struct engine *e)
{
  struct keys *keys = e->keys;
  size_t n;

  pthread_mutex_lock (&keys->lock);
  n = keys->n;
  pthread_mutex_unlock (&keys->lock);
  return n;
}

static bool
count (void *arg, json_t *kept)
{
  (void) kept;
  ++*(size_t *) arg;
  return true;
}

int
keys_start (struct engine *e)
{
  struct keys *keys = calloc (1, sizeof *keys);
  struct txn *t;
  int x;

  if (!keys)
    return -ENOMEM;
  (void) pthread_mutex_init (&keys->lock, NULL);
  e->keys = keys;
  t = store_read (e->store);
  txn_doc_walk (t, STORE_ANSWER, 0, NULL, false, NULL, count, &keys->n);
  x = txn_error (t);
  txn_abort (t);
  return x;
}

void
keys_stop (struct engine *e)
{
  if (!e->keys)
    return;
  (void) pthread_mutex_destroy (&e->keys->lock);
  free (TAKE (e->keys));
}
