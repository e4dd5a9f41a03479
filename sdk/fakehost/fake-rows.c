/* Helpers of a listing: sections, checkpoints, rows and edges, each held to its place. */
#include <config.h>

#include "fake.h"

#include <string.h>

#define SELF ((struct usher_fake *) ctx)
#define ENTER(helper) fake_enter (SELF, USHER_FAKE_HELPER (helper))

/* A zeroed *TO with as much of the sized struct FROM as both know. */
#define TAKE_SIZED(to, from) \
  do \
    { \
      memset ((to), 0, sizeof *(to)); \
      memcpy ((to), (from), (from)->size < sizeof *(to) ? (from)->size : sizeof *(to)); \
      (to)->size = sizeof *(to); \
    } \
  while (0)

static const struct usher_kv *
copy_kvs (struct usher_fake *fake, const struct usher_kv *kvs, size_t n)
{
  struct usher_kv *copy = fake_alloc (fake, (n + 1) * sizeof *copy);
  size_t i;

  for (i = 0; i < n; i++)
    copy[i] = (struct usher_kv) { fake_strdup (fake, kvs[i].key), fake_strdup (fake, kvs[i].value) };
  return copy;
}

static struct usher_access *
copy_access (struct usher_fake *fake, const struct usher_access *a)
{
  struct usher_access *copy = fake_alloc (fake, sizeof *copy);
  const char **actions;
  size_t i;

  TAKE_SIZED (copy, a);
  copy->asset = fake_strdup (fake, copy->asset);
  copy->type = fake_strdup (fake, copy->type);
  copy->role = fake_strdup (fake, copy->role);
  actions = fake_alloc (fake, (copy->n_actions + 1) * sizeof *actions);
  for (i = 0; i < copy->n_actions; i++)
    actions[i] = fake_strdup (fake, copy->actions[i]);
  copy->actions = actions;
  return copy;
}

static struct usher_member *
copy_member (struct usher_fake *fake, const struct usher_member *m)
{
  struct usher_member *copy = fake_alloc (fake, sizeof *copy);
  const struct usher_access **access;
  size_t i;

  TAKE_SIZED (copy, m);
  copy->id = fake_strdup (fake, copy->id);
  copy->handle = fake_strdup (fake, copy->handle);
  copy->username = fake_strdup (fake, copy->username);
  copy->email = fake_strdup (fake, copy->email);
  copy->first_name = fake_strdup (fake, copy->first_name);
  copy->last_name = fake_strdup (fake, copy->last_name);
  copy->name = fake_strdup (fake, copy->name);
  copy->partner = fake_strdup (fake, copy->partner);
  copy->roles = copy_kvs (fake, copy->roles, copy->n_roles);
  copy->attrs = copy_kvs (fake, copy->attrs, copy->n_attrs);
  access = fake_alloc (fake, (copy->n_access + 1) * sizeof *access);
  for (i = 0; i < copy->n_access; i++)
    access[i] = copy_access (fake, copy->access[i]);
  copy->access = access;
  return copy;
}

static bool
known_state (uint32_t state)
{
  return state >= USHER_ACTIVE && state <= USHER_DECLINED && state % 100 == 0;
}

/* 0 when M can be told apart and is within its limits. */
static int32_t
check_who (struct usher_fake *fake, const struct usher_member *m)
{
  if (!m->id && !(m->state >= USHER_PENDING && m->email) && !m->partner)
    return fake_misuse (fake, "only an invitation may have no id, and then it needs an email");
  if ((m->id && strlen (m->id) > FAKE_ID_MAX) || (m->handle && strlen (m->handle) > FAKE_ID_MAX))
    return fake_misuse (fake, "an id or a handle is longer than 1 KiB");
  return 0;
}

/* 0 when a row may come now: in a listing inside a section of kind A or B, in check when CHECK,
   in read and the writes when ONE. */
static int32_t
check_place (struct usher_fake *fake, uint32_t a, uint32_t b, bool check, bool one)
{
  fake->rows++;
  if (fake->op == FAKE_LIST && fake->section && (fake->section == a || fake->section == b))
    return 0;
  if ((fake->op == FAKE_CHECK && check) || ((fake->op == FAKE_READ || fake->op == FAKE_WRITE) && one))
    return 0;
  return fake_misuse (fake, "a row came outside a section of its kind");
}

static int32_t
do_section (struct usher_ctx *ctx, uint32_t kind, const char *scope)
{
  int32_t r = ENTER (section);
  struct usher_fake_event *e;

  if (r < 0)
    return r;
  if (SELF->op != FAKE_LIST || SELF->section)
    return fake_misuse (SELF, "a section opens only in list, and only when none is open");
  if (kind < USHER_S_MEMBERS || kind > USHER_S_ACCESS || kind % 100
      || (scope && strlen (scope) > FAKE_ID_MAX))
    return fake_misuse (SELF, "a section has a kind that does not exist or a scope over 1 KiB");
  SELF->section = kind;
  e = fake_event (SELF, USHER_FAKE_SECTION);
  e->number = kind;
  e->text = fake_strdup (SELF, scope);
  return USHER_DONE;
}

static int32_t
do_section_end (struct usher_ctx *ctx, uint32_t verdict, int64_t total, const char *why)
{
  int32_t r = ENTER (section_end);
  struct usher_fake_event *e;

  if (r < 0)
    return r;
  if (!SELF->section)
    return fake_misuse (SELF, "section_end without a section");
  if ((verdict != USHER_COMPLETE && verdict != USHER_PARTIAL) || total < -1
      || (verdict == USHER_PARTIAL && !why))
    return fake_misuse (SELF, "a section ends complete, or partial with a sentence why");
  e = fake_event (SELF, USHER_FAKE_SECTION_END);
  e->number = verdict;
  e->total = total;
  e->text = fake_strdup (SELF, why);
  SELF->section = 0;
  return USHER_DONE;
}

static int32_t
do_checkpoint (struct usher_ctx *ctx, const void *data, size_t len)
{
  int32_t r = ENTER (checkpoint);
  const struct fake_field *f;
  struct usher_fake_event *e;

  if (r < 0)
    return r;
  if (SELF->op != FAKE_LIST && SELF->op != FAKE_WRITE)
    return fake_misuse (SELF, "a checkpoint belongs to list or to a write");
  if (len > FAKE_BLOB_MAX)
    return fake_misuse (SELF, "a checkpoint is longer than 16 KiB");
  for (f = SELF->secrets; f; f = f->next)
    if (f->value[0] && memmem (data, len, f->value, strlen (f->value)))
      return fake_misuse (SELF, "a checkpoint holds the value of a secret");
  e = fake_event (SELF, USHER_FAKE_CHECKPOINT);
  e->text = fake_copy (SELF, data, len);
  e->len = len;
  return USHER_DONE;
}

static int32_t
do_member (struct usher_ctx *ctx, const struct usher_member *m)
{
  int32_t r = ENTER (emit_member);
  struct usher_member *copy;

  if (r == 0)
    r = check_place (SELF, USHER_S_MEMBERS, USHER_S_INVITES, true, true);
  if (r < 0)
    return r;
  copy = copy_member (SELF, m);
  if (!known_state (copy->state) || (!copy->id && copy->state < USHER_PENDING))
    return fake_misuse (SELF, "a member needs a state that exists, and an id unless it is invited");
  r = check_who (SELF, copy);
  if (r < 0)
    return r;
  fake_event (SELF, USHER_FAKE_MEMBER)->member = copy;
  return USHER_DONE;
}

static int32_t
do_role (struct usher_ctx *ctx, const struct usher_role *role)
{
  int32_t r = ENTER (emit_role);
  struct usher_role *copy;

  if (r == 0)
    r = check_place (SELF, USHER_S_ROLES, USHER_S_ROLES, true, false);
  if (r < 0)
    return r;
  copy = fake_alloc (SELF, sizeof *copy);
  TAKE_SIZED (copy, role);
  if (!copy->id)
    return fake_misuse (SELF, "a role needs an id");
  copy->id = fake_strdup (SELF, copy->id);
  copy->label = fake_strdup (SELF, copy->label);
  copy->group = fake_strdup (SELF, copy->group);
  copy->asset_type = fake_strdup (SELF, copy->asset_type);
  fake_event (SELF, USHER_FAKE_ROLE)->role = copy;
  return USHER_DONE;
}

static int32_t
do_object (struct usher_ctx *ctx, const struct usher_object *object)
{
  int32_t r = ENTER (emit_object);
  struct usher_object *copy;

  if (r == 0)
    r = check_place (SELF, USHER_S_OBJECTS, USHER_S_OBJECTS, true, false);
  if (r < 0)
    return r;
  copy = fake_alloc (SELF, sizeof *copy);
  TAKE_SIZED (copy, object);
  if (!copy->id)
    return fake_misuse (SELF, "an object needs an id");
  copy->id = fake_strdup (SELF, copy->id);
  copy->type = fake_strdup (SELF, copy->type);
  copy->name = fake_strdup (SELF, copy->name);
  copy->parent = fake_strdup (SELF, copy->parent);
  fake_event (SELF, USHER_FAKE_OBJECT)->object = copy;
  return USHER_DONE;
}

static int32_t
do_access (struct usher_ctx *ctx, const struct usher_member *who, const struct usher_access *access)
{
  int32_t r = ENTER (emit_access);
  struct usher_fake_event *e;
  struct usher_member *copy;

  if (r == 0)
    r = check_place (SELF, USHER_S_ACCESS, USHER_S_ACCESS, false, false);
  if (r < 0)
    return r;
  copy = copy_member (SELF, who);
  r = check_who (SELF, copy);
  if (r < 0)
    return r;
  e = fake_event (SELF, USHER_FAKE_ACCESS);
  e->member = copy;
  e->access = copy_access (SELF, access);
  return USHER_DONE;
}

static int32_t
do_role_of (struct usher_ctx *ctx, const struct usher_member *who, const struct usher_kv *role)
{
  int32_t r = ENTER (emit_role_of);
  struct usher_fake_event *e;
  struct usher_member *copy;

  if (r == 0)
    r = check_place (SELF, USHER_S_ROLE_OF, USHER_S_ROLE_OF, false, false);
  if (r < 0)
    return r;
  copy = copy_member (SELF, who);
  r = check_who (SELF, copy);
  if (r < 0)
    return r;
  e = fake_event (SELF, USHER_FAKE_ROLE_OF);
  e->member = copy;
  e->key = fake_strdup (SELF, role->key);
  e->text = fake_strdup (SELF, role->value);
  return USHER_DONE;
}

void
fake_rows_table (struct usher_host *host)
{
  host->section = do_section;
  host->section_end = do_section_end;
  host->checkpoint = do_checkpoint;
  host->emit_member = do_member;
  host->emit_role = do_role;
  host->emit_object = do_object;
  host->emit_access = do_access;
  host->emit_role_of = do_role_of;
}
