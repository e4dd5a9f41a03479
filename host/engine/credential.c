/* Owns the renewal of access tokens, one at a time for an account, whichever sessions ask.  An
   account has beside its secrets

     token  serial      counts the tokens and credentials it has had: who comes with an older one
                        gets the newer, and who renewed with an older one has lost
            issued_at, expires_at
            granted     the serial with which somebody gave a refresh token: who renewed with an
                        older one has lost that too
            refused     {status, text}: the app's last word, until somebody gives a new credential */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/failure.h"
#include "host/common/log.h"
#include "host/engine/credential.h"

#define ACCESS "access_token"
#define REFRESH "refresh_token"
#define SEALED_MAX (64u * 1024)
/* Somebody else renews the token: look again after this. */
#define BUSY_WAIT_MS 100
/* It could not be kept: the disk is full, say. */
#define KEEP_WAIT_MS 1000
/* However short a token lives, it is used for this long. */
#define USE_MIN_MS 5000

struct credential
{
  struct engine *e;              /* borrowed */
  struct id account;
  bool holds;                    /* it renews the account's token; in e->renewing then */
  struct credential *next;       /* in e->renewing; guarded by e->renewing_lock */
  uint64_t serial;               /* of the account when it began */
};

struct credential *
credential_new (struct engine *e, const struct id *account)
{
  struct credential *c = calloc (1, sizeof *c);

  if (!c)
    return NULL;
  c->e = e;
  c->account = *account;
  return c;
}

/* ---- Who renews. */

static bool
hold (struct credential *c)
{
  struct credential *other;

  (void) pthread_mutex_lock (&c->e->renewing_lock);
  for (other = c->e->renewing; other && !id_equal (&other->account, &c->account);)
    other = other->next;
  if (!other)
    {
      c->next = c->e->renewing;
      c->e->renewing = c;
      c->holds = true;
    }
  (void) pthread_mutex_unlock (&c->e->renewing_lock);
  return c->holds;
}

static void
release (struct credential *c)
{
  struct credential **at;

  if (!c->holds)
    return;
  (void) pthread_mutex_lock (&c->e->renewing_lock);
  for (at = &c->e->renewing; *at != c;)
    at = &(*at)->next;
  *at = c->next;
  c->holds = false;
  (void) pthread_mutex_unlock (&c->e->renewing_lock);
}

/* ---- What the account has. */

static uint64_t
serial_of (const json_t *account)
{
  /* 0 is nobody's: what a session has that has none. */
  return (uint64_t) json_number (json_object_get (account, "token"), "serial", 0) + 1;
}

/* The secret NAME; none is fine. */
static int
unseal (struct credential *c, struct txn *t, const char *name, struct secret *ret)
{
  char id[ID_TEXT_SIZE];
  const void *sealed;
  size_t len;

  if (txn_secret_get (t, &c->account, name, &sealed, &len) != 1)
    return txn_error (t);
  id_format (&c->account, id);
  return vault_unseal (c->e->vault, id, name, sealed, len, ret);
}

static int
seal (struct credential *c, struct txn *t, const char *name, const char *value)
{
  _cleanup_ (buf_done) struct buf sealed = BUF_INIT (SEALED_MAX);
  char id[ID_TEXT_SIZE];
  int x;

  id_format (&c->account, id);
  x = vault_seal (c->e->vault, id, name, value, strlen (value), &sealed);
  if (x == 0)
    txn_secret_put (t, &c->account, name, sealed.data, sealed.len);
  return x;
}

/* When the token is due, and ends, from now on. */
static void
set_times (const json_t *token, struct session_token *ret)
{
  int64_t issued = json_time (token, "issued_at"), expires = json_time (token, "expires_at");
  int64_t life = expires - issued, age = clock_now_ms () - issued;

  ret->due_in_ms = ret->ends_in_ms = -1;
  if (!expires)
    return;
  /* The clock may have been set back meanwhile. */
  age = MAX (age, 0);
  ret->due_in_ms = MAX (MAX (life / 2, USE_MIN_MS) - age, 0);
  ret->ends_in_ms = MAX (life - age, 0);
}

static void
say (struct session_token *ret, int32_t status, const char *text)
{
  ret->status = status;
  ret->text = text ? strdup (text) : NULL;
}

/* What there is for a session whose token has SERIAL: another token, or what to renew it with. */
static int
look (struct credential *c, uint64_t serial, bool tries, struct session_token *ret)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (c->e->store);
  json_t *account = txn_doc_get (t, STORE_ACCOUNT, &c->account);
  const json_t *token = json_object_get (account, "token"), *refused = json_object_get (token, "refused");
  int x = txn_error (t);

  if (x < 0)
    return x;
  if (!account)
    say (ret, USHER_E_TOKEN, "The account was removed.");
  else if (refused && !tries)
    say (ret, (int32_t) json_number (refused, "status", USHER_E_TOKEN), json_text (refused, "text"));
  else
    {
      ret->serial = c->serial = serial_of (account);
      set_times (token, ret);
      if (ret->serial != serial)
        x = unseal (c, t, ACCESS, &ret->access);
      ret->renew = !ret->access.data || ret->due_in_ms == 0;
      if (x == 0 && ret->renew)
        x = unseal (c, t, REFRESH, &ret->refresh);
      if (x == 0 && ret->renew)
        x = unseal (c, t, "client_secret", &ret->secret);
      if (x == 0 && ret->renew)
        x = unseal (c, t, "client_id", &ret->id);
      if (ret->ends_in_ms == 0)
        secret_done (&ret->access);
    }
  json_decref (account);
  return x;
}

static void
ask (void *arg, uint64_t serial, bool tries, struct session_token *ret)
{
  struct credential *c = arg;

  if (!c->holds && !hold (c))
    {
      ret->wait_ms = BUSY_WAIT_MS;
      return;
    }
  if (look (c, serial, tries, ret) < 0)
    {
      session_token_done (ret);
      say (ret, USHER_E_NOMEM, "The secrets of the automation account cannot be read.");
    }
  if (!ret->renew)
    release (c);
}

/* ---- What came of it. */

static void
note (json_t *account, const struct wire_token_got *got)
{
  json_t *token = json_object (), *refused;
  int64_t now = clock_now_ms ();
  json_int_t serial = (json_int_t) serial_of (account);

  if (got->access)
    {
      (void) json_object_set_new (token, "serial", json_integer (serial));
      json_set_time (token, "issued_at", now);
      json_set_time (token, "expires_at", got->life_ms < 0 ? 0 : now + got->life_ms);
    }
  else
    {
      (void) json_object_update (token, json_object_get (account, "token"));
      refused = json_object ();
      (void) json_object_set_new (refused, "status", json_integer (got->status));
      json_set_text (refused, "text", got->text);
      if (failure_class (got->status) == 3)
        (void) json_object_set (token, "refused", refused);
      json_decref (refused);
    }
  (void) json_object_set_new (account, "token", token);
}

/* Whether nobody has given the account another refresh token since C began: then the app may
   take no other than the one it has given now. */
static bool
is_granted (const struct credential *c, const json_t *account)
{
  return (uint64_t) json_number (json_object_get (account, "token"), "granted", 0) <= c->serial;
}

/* Keeps what was got, all of it or nothing.  1 when the account has had another credential
   meanwhile: then nothing but a refresh token is of use. */
static int
keep (struct credential *c, const struct wire_token_got *got)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (c->e->store);
  json_t *account = txn_doc_get (t, STORE_ACCOUNT, &c->account);
  bool replaced = !account || serial_of (account) != c->serial;
  int x = fail_point ("token-keep");

  if (x == 0)
    x = txn_error (t);
  if (x == 0 && got->refresh && account && is_granted (c, account))
    x = seal (c, t, REFRESH, got->refresh);
  if (x == 0 && got->access && !replaced)
    x = seal (c, t, ACCESS, got->access);
  if (x == 0 && !replaced)
    {
      note (account, got);
      txn_doc_put (t, STORE_ACCOUNT, account);
    }
  if (x == 0)
    x = txn_commit (TAKE (t));
  json_decref (account);
  return x < 0 ? x : replaced;
}

static void
hand_out (const struct credential *c, const struct wire_token_got *got, struct session_token *ret)
{
  ret->serial = c->serial + 1;
  ret->due_in_ms = got->life_ms < 0 ? -1 : MAX (got->life_ms / 2, USE_MIN_MS);
  ret->ends_in_ms = got->life_ms;
  if (secret_set (&ret->access, got->access, strlen (got->access)) < 0)
    say (ret, USHER_E_NOMEM, "There is not enough memory for an access token.");
}

static void
got (void *arg, const struct wire_token_got *m, struct session_token *ret)
{
  struct credential *c = arg;
  struct wire_token_got tokens = *m;
  int x = 0;

  if (m->status < 0)
    tokens.access = NULL;
  (void) fail_point ("token-answered");
  if (tokens.access || tokens.refresh || failure_class (m->status) == 3)
    x = keep (c, &tokens);
  (void) fail_point ("token-kept");
  if (x < 0 && (tokens.access || tokens.refresh))
    {
      log_error ("a token that an app has just given cannot be kept because the store answers %s; it is tried "
                 "again", strerror (-x));
      ret->wait_ms = KEEP_WAIT_MS;
      return;
    }
  if (x > 0)
    {
      ask (c, 0, /* tries= */ true, ret);
      return;
    }
  if (tokens.access)
    hand_out (c, &tokens, ret);
  else
    {
      say (ret, m->status, m->text);
      ret->until_ms = m->until_ms;
    }
  release (c);
}

static void
done (void *arg)
{
  struct credential *c = arg;

  release (c);
  free (c);
}

const struct session_tokens credential_tokens = { .ask = ask, .got = got, .done = done };

void
credential_replaced (struct txn *t, json_t *account, const json_t *secrets)
{
  json_t *token = json_object (), *granted = json_object_get (json_object_get (account, "token"), "granted");
  json_int_t serial = (json_int_t) serial_of (account);
  struct id id;

  if (!json_object_get (secrets, ACCESS) && json_id (account, "id", &id))
    txn_secret_delete (t, &id, ACCESS);
  (void) json_object_set_new (token, "serial", json_integer (serial));
  if (json_object_get (secrets, REFRESH))
    (void) json_object_set_new (token, "granted", json_integer (serial + 1));
  else if (granted)
    (void) json_object_set (token, "granted", granted);
  (void) json_object_set_new (account, "token", token);
}
