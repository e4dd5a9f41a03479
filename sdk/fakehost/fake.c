/* Owns the fake host: its memory, its events, the operations, and what goes wrong on purpose. */
#include <config.h>

#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
fake_alloc (struct usher_fake *fake, size_t size)
{
  struct fake_block *block = calloc (1, sizeof *block + size);

  if (!block)
    {
      fputs ("usher-fakehost: out of memory\n", stderr);
      abort ();
    }
  block->next = fake->blocks;
  fake->blocks = block;
  return block + 1;
}

void *
fake_copy (struct usher_fake *fake, const void *p, size_t len)
{
  char *copy = fake_alloc (fake, len + 1);

  if (len > 0)
    memcpy (copy, p, len);
  return copy;
}

char *
fake_strdup (struct usher_fake *fake, const char *s)
{
  return s ? fake_copy (fake, s, strlen (s)) : NULL;
}

struct usher_fake_event *
fake_event (struct usher_fake *fake, uint32_t kind)
{
  struct usher_fake_event *e;

  if (fake->n_events == fake->cap_events)
    {
      fake->cap_events = fake->cap_events ? fake->cap_events * 2 : 64;
      fake->events = reallocarray (fake->events, fake->cap_events, sizeof *fake->events);
      if (!fake->events)
        {
          fputs ("usher-fakehost: out of memory\n", stderr);
          abort ();
        }
    }
  e = &fake->events[fake->n_events++];
  memset (e, 0, sizeof *e);
  e->kind = kind;
  e->call = fake->calls_all;
  e->section = fake->section;
  return e;
}

int32_t
fake_misuse (struct usher_fake *fake, const char *sentence)
{
  if (!fake->broken)
    fake->broken = sentence;
  return USHER_E_MISUSE;
}

/* What log, now_ms, conf and secret answer is no status; fail answers what it was given. */
static bool
hears_cancel (uint32_t helper)
{
  return helper != USHER_FAKE_HELPER (log) && helper != USHER_FAKE_HELPER (fail)
         && helper != USHER_FAKE_HELPER (now_ms) && helper != USHER_FAKE_HELPER (conf)
         && helper != USHER_FAKE_HELPER (secret) && helper != USHER_FAKE_HELPER (http_close);
}

int32_t
fake_enter (struct usher_fake *fake, uint32_t helper)
{
  fake->calls[helper]++;
  fake->calls_all++;
  if (fake->op == FAKE_NONE && fake->connector)
    return fake_misuse (fake, "a helper was called from outside an operation");
  if (fake->cancel_n && fake->calls_all >= fake->cancel_n)
    fake->cancelled = true;
  if (fake->fail_n && fake->fail_helper == helper && fake->calls[helper] == fake->fail_n)
    {
      fake->fired = true;
      return fake->fail_status;
    }
  if (!fake->cancelled || !hears_cancel (helper))
    return 0;
  fake->fired = true;
  return USHER_E_CANCELLED;
}

struct usher_fake *
usher_fake_new (void)
{
  struct usher_fake *fake = calloc (1, sizeof *fake);
  struct usher_host *host;

  if (!fake)
    abort ();
  host = &fake->table.host;
  host->abi = (struct usher_abi) { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof *host, 0 };
  fake_hub_table (host);
  fake_http_table (host);
  fake_rows_table (host);
  fake->ctx.host = host;
  fake->now_ms = INT64_C (1700000000000);
  return fake;
}

void
usher_fake_free (struct usher_fake *fake)
{
  if (!fake)
    return;
  usher_fake_close (fake);
  while (fake->blocks)
    {
      struct fake_block *next = fake->blocks->next;

      free (fake->blocks);
      fake->blocks = next;
    }
  free (fake->events);
  free (fake);
}

struct usher_ctx *
usher_fake_ctx (struct usher_fake *fake)
{
  return &fake->ctx;
}

void
usher_fake_fail (struct usher_fake *fake, uint32_t helper, uint32_t n, int32_t status)
{
  fake->fail_helper = helper;
  fake->fail_n = n;
  fake->fail_status = status;
  fake->fired = false;
}

void
usher_fake_cancel (struct usher_fake *fake, uint32_t n)
{
  fake->cancel_n = n;
  fake->cancelled = fake->fired = false;
}

void
usher_fake_cut (struct usher_fake *fake, uint32_t n, size_t at)
{
  fake->cut_n = n;
  fake->cut_at = at;
  fake->fired = false;
}

void
usher_fake_pretend (struct usher_fake *fake, uint32_t minor, uint32_t size)
{
  fake->table.host.abi.minor = (uint16_t) minor;
  fake->table.host.abi.size = size < sizeof fake->table ? size : (uint32_t) sizeof fake->table;
}

/* ---- operations ---- */

static void
begin (struct usher_fake *fake, enum fake_op op)
{
  fake->op = op;
  fake->section = 0;
  fake->rows = fake->lines = 0;
}

static int32_t
end (struct usher_fake *fake, int32_t r)
{
  if (fake->section && r >= 0)
    (void) fake_misuse (fake, "a section was left open");
  if (fake->op == FAKE_READ && r == USHER_DONE && fake->rows != 1)
    (void) fake_misuse (fake, "read answered USHER_DONE and did not emit one row");
  if (r > USHER_ABSENT || (r == USHER_ABSENT && fake->op != FAKE_READ)
      || (r == USHER_INVITED && fake->op != FAKE_WRITE))
    (void) fake_misuse (fake, "an operation gave an answer that is not one of its own");
  fake_http_end (fake);
  fake->op = FAKE_NONE;
  fake->section = 0;
  return fake->broken ? USHER_E_MISUSE : r;
}

int32_t
usher_fake_open (struct usher_fake *fake, const struct usher_connector *connector, const char *app,
                 const char *spec)
{
  struct usher_hub hub = { .size = sizeof hub, .app = app, .spec = spec, .spec_len = strlen (spec) };
  const struct usher_abi *abi = &connector->abi;
  int32_t r;

  usher_fake_close (fake);
  if (abi->magic != USHER_MAGIC || abi->major != USHER_MAJOR
      || abi->min_minor > fake->table.host.abi.minor)
    return USHER_E_UNSUPPORTED;
  memset (&fake->seen, 0, sizeof fake->seen);
  memcpy (&fake->seen, connector,
          abi->size < sizeof fake->seen ? abi->size : sizeof fake->seen);
  if (!fake->seen.name || !fake->seen.open || !fake->seen.close || !fake->seen.check
      || !fake->seen.list)
    return USHER_E_UNSUPPORTED;
  fake->connector = connector;
  begin (fake, FAKE_OPEN);
  r = end (fake, fake->seen.open (&fake->ctx, &hub, &fake->self));
  fake->is_open = r == USHER_DONE;
  return r;
}

int32_t
usher_fake_login (struct usher_fake *fake, uint32_t why, const char *code)
{
  struct usher_login login = { .size = sizeof login, .why = why, .code = code,
                               .redirect_uri = code ? "https://usher.example.com/oauth/callback" : NULL };

  if (!fake->seen.login)
    return USHER_E_UNSUPPORTED;
  begin (fake, FAKE_LOGIN);
  return end (fake, fake->seen.login (&fake->ctx, fake->self, &login));
}

int32_t
usher_fake_check (struct usher_fake *fake)
{
  begin (fake, FAKE_CHECK);
  return end (fake, fake->seen.check (&fake->ctx, fake->self));
}

int32_t
usher_fake_list (struct usher_fake *fake, uint64_t kinds, const void *cursor, size_t cursor_len)
{
  struct usher_list list = { .size = sizeof list, .kinds = kinds, .cursor = cursor,
                             .cursor_len = cursor_len };

  begin (fake, FAKE_LIST);
  return end (fake, fake->seen.list (&fake->ctx, fake->self, &list));
}

int32_t
usher_fake_read (struct usher_fake *fake, const struct usher_member *who)
{
  if (!fake->seen.read)
    return USHER_E_UNSUPPORTED;
  begin (fake, FAKE_READ);
  return end (fake, fake->seen.read (&fake->ctx, fake->self, who));
}

int32_t
usher_fake_write (struct usher_fake *fake, usher_write *write, const struct usher_change *change)
{
  if (!write)
    return USHER_E_UNSUPPORTED;
  begin (fake, FAKE_WRITE);
  return end (fake, write (&fake->ctx, fake->self, change));
}

void
usher_fake_close (struct usher_fake *fake)
{
  if (!fake->is_open)
    return;
  begin (fake, FAKE_OPEN);
  fake->seen.close (&fake->ctx, fake->self);
  (void) end (fake, USHER_DONE);
  fake->is_open = false;
  fake->self = NULL;
}

const struct usher_connector *
usher_fake_connector (struct usher_fake *fake)
{
  return &fake->seen;
}

/* ---- what was seen ---- */

size_t
usher_fake_events (const struct usher_fake *fake)
{
  return fake->n_events;
}

const struct usher_fake_event *
usher_fake_event (const struct usher_fake *fake, size_t i)
{
  return i < fake->n_events ? &fake->events[i] : NULL;
}

const struct usher_fake_event *
usher_fake_last (const struct usher_fake *fake, uint32_t kind)
{
  size_t i;

  for (i = fake->n_events; i > 0; i--)
    if (fake->events[i - 1].kind == kind)
      return &fake->events[i - 1];
  return NULL;
}

size_t
usher_fake_count (const struct usher_fake *fake, uint32_t kind)
{
  size_t i, n = 0;

  for (i = 0; i < fake->n_events; i++)
    n += fake->events[i].kind == kind;
  return n;
}

const struct usher_member *
usher_fake_member (const struct usher_fake *fake, const char *id)
{
  size_t i;

  for (i = fake->n_events; i > 0; i--)
    {
      const struct usher_fake_event *e = &fake->events[i - 1];

      if (e->kind == USHER_FAKE_MEMBER && e->member->id && strcmp (e->member->id, id) == 0)
        return e->member;
    }
  return NULL;
}

void
usher_fake_clear (struct usher_fake *fake)
{
  fake->n_events = 0;
  memset (fake->calls, 0, sizeof fake->calls);
  fake->calls_all = fake->fail_n = fake->cancel_n = fake->cut_n = 0;
  fake->requests = fake->open_max = fake->open_left = 0;
  fake->cancelled = fake->fired = false;
  fake->broken = NULL;
}

uint32_t
usher_fake_calls (const struct usher_fake *fake, uint32_t helper)
{
  return helper < USHER_FAKE_HELPERS ? fake->calls[helper] : 0;
}

uint32_t
usher_fake_calls_all (const struct usher_fake *fake)
{
  return fake->calls_all;
}

uint32_t
usher_fake_open_max (const struct usher_fake *fake)
{
  return fake->open_max;
}

uint32_t
usher_fake_open_left (const struct usher_fake *fake)
{
  return fake->open_left;
}

int
usher_fake_fired (const struct usher_fake *fake)
{
  return fake->fired;
}

const char *
usher_fake_broken (const struct usher_fake *fake)
{
  return fake->broken;
}
