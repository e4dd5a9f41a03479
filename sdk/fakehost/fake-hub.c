/* Helpers about the hub: log, fault, time, fields, secrets, state, facts. */
#include <config.h>

#include "fake.h"

#include <stdio.h>
#include <string.h>

#define SELF ((struct usher_fake *) ctx)
#define ENTER(helper) fake_enter (SELF, USHER_FAKE_HELPER (helper))

static struct fake_field *
add_field (struct usher_fake *fake, struct fake_field **list, const char *name, const char *value)
{
  struct fake_field *f = fake_alloc (fake, sizeof *f), **end = list;

  f->name = fake_strdup (fake, name);
  f->value = fake_strdup (fake, value);
  while (*end)
    end = &(*end)->next;
  *end = f;
  return f;
}

static struct fake_field *
find_field (struct fake_field *f, const char *name, size_t index)
{
  for (; f; f = f->next)
    if (strcmp (f->name, name) == 0 && index-- == 0)
      return f;
  return NULL;
}

void
usher_fake_conf (struct usher_fake *fake, const char *name, const char *value)
{
  add_field (fake, &fake->conf, name, value);
}

void
usher_fake_secret (struct usher_fake *fake, const char *name, const char *value)
{
  struct fake_field *f = find_field (fake->secrets, name, 0);

  if (f)
    {
      f->value = fake_strdup (fake, value);
      return;
    }
  f = add_field (fake, &fake->secrets, name, value);
  (void) snprintf (f->standin, sizeof f->standin, "uS%030u", ++fake->n_secrets);
}

void
usher_fake_now (struct usher_fake *fake, int64_t now_ms)
{
  fake->now_ms = now_ms;
}

static void
do_log (struct usher_ctx *ctx, uint32_t level, const char *text)
{
  struct usher_fake_event *e;

  if (ENTER (log) != 0 || SELF->lines++ >= FAKE_LOG_LINES)
    return;
  e = fake_event (SELF, USHER_FAKE_LOG);
  e->number = level;
  e->text = fake_strdup (SELF, text);
}

static int32_t
do_fail (struct usher_ctx *ctx, const struct usher_fault *fault)
{
  struct usher_fake_event *e;
  int32_t r = ENTER (fail);

  if (r < 0)
    return r;
  if (fault->code >= 0 || !USHER_HAS (usher_fault, fault, text) || !fault->text)
    return fake_misuse (SELF, "a fault needs a negative code and a sentence");
  e = fake_event (SELF, USHER_FAKE_FAULT);
  e->number = (uint32_t) -fault->code;
  e->text = fake_strdup (SELF, fault->text);
  e->key = USHER_HAS (usher_fault, fault, field) ? fake_strdup (SELF, fault->field) : NULL;
  e->total = USHER_HAS (usher_fault, fault, until_ms) ? fault->until_ms : 0;
  return fault->code;
}

static int32_t
do_poll (struct usher_ctx *ctx)
{
  return ENTER (poll);
}

static int64_t
do_now_ms (struct usher_ctx *ctx)
{
  (void) ENTER (now_ms);
  return SELF->now_ms;
}

static const char *
do_conf (struct usher_ctx *ctx, const char *name, size_t index)
{
  struct fake_field *f = ENTER (conf) < 0 ? NULL : find_field (SELF->conf, name, index);

  return f ? f->value : NULL;
}

static const char *
do_secret (struct usher_ctx *ctx, const char *name)
{
  struct fake_field *f = ENTER (secret) < 0 ? NULL : find_field (SELF->secrets, name, 0);

  return f ? f->standin : NULL;
}

static int32_t
do_secret_put (struct usher_ctx *ctx, const char *name, const char *value, int64_t expires_ms)
{
  struct usher_fake_event *e;
  int32_t r = ENTER (secret_put);

  if (r < 0)
    return r;
  e = fake_event (SELF, USHER_FAKE_SECRET_PUT);
  e->key = fake_strdup (SELF, name);
  e->text = fake_strdup (SELF, value);
  e->total = expires_ms;
  usher_fake_secret (SELF, name, value);
  return USHER_DONE;
}

static int32_t
do_state_get (struct usher_ctx *ctx, const char *key, const void **ret, size_t *ret_len)
{
  int32_t r = ENTER (state_get);
  struct fake_field *f;

  if (r < 0)
    return r;
  f = find_field (SELF->states, key, 0);
  *ret = f && f->len > 0 ? f->data : NULL;
  *ret_len = f ? f->len : 0;
  return USHER_DONE;
}

static int32_t
do_state_put (struct usher_ctx *ctx, const char *key, const void *data, size_t len)
{
  int32_t r = ENTER (state_put);
  struct fake_field *f;

  if (r < 0)
    return r;
  if (len > FAKE_BLOB_MAX)
    return fake_misuse (SELF, "a state is longer than 16 KiB");
  f = find_field (SELF->states, key, 0);
  if (!f)
    f = add_field (SELF, &SELF->states, key, "");
  f->data = fake_copy (SELF, data, len);
  f->len = len;
  return USHER_DONE;
}

static int32_t
do_fact (struct usher_ctx *ctx, const char *key, const char *value)
{
  static const char *const known[] = { "space.id", "space.name", "self.id", "self.login" };
  static const char *const families[] = { "missing.", "cannot.", "warn." };
  struct usher_fake_event *e;
  int32_t r = ENTER (fact);
  bool ok = false;
  size_t i;

  if (r < 0)
    return r;
  for (i = 0; i < sizeof known / sizeof known[0]; i++)
    ok |= strcmp (key, known[i]) == 0;
  for (i = 0; i < sizeof families / sizeof families[0]; i++)
    ok |= strncmp (key, families[i], strlen (families[i])) == 0 && key[strlen (families[i])];
  if (!ok || !value)
    return fake_misuse (SELF, "a fact has a key that 1.0 does not know, or no value");
  e = fake_event (SELF, USHER_FAKE_FACT);
  e->key = fake_strdup (SELF, key);
  e->text = fake_strdup (SELF, value);
  return USHER_DONE;
}

void
fake_hub_table (struct usher_host *host)
{
  host->log = do_log;
  host->fail = do_fail;
  host->poll = do_poll;
  host->now_ms = do_now_ms;
  host->conf = do_conf;
  host->secret = do_secret;
  host->secret_put = do_secret_put;
  host->state_get = do_state_get;
  host->state_put = do_state_put;
  host->fact = do_fact;
}
