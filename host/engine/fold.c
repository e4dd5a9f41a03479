/* Owns how rows that speak of one member become one: lists unite, the later scalar
   wins.  The usual case, one row and no edge, passes through without being decoded. */
#include <config.h>

#include "host/engine/sync.h"

#define FOLD_MAX (512u * 1024)

void
fold_init (struct fold *f)
{
  *f = (struct fold) { .arena = ARENA_INIT (FOLD_MAX), .out = BUF_INIT (ROW_MAX + 8) };
}

void
fold_done (struct fold *f)
{
  arena_done (&f->arena);
  buf_done (&f->out);
}

void
fold_reset (struct fold *f)
{
  arena_reset (&f->arena);
  buf_reset (&f->out);
  f->member = (struct usher_member) { 0 };
  f->only = NULL;
  f->only_len = f->n = f->edges = 0;
  f->scope = 0;
  f->duplicate = false;
  f->roomy = NULL;
  f->room = 0;
}

/* The AT entries of LIST where N have room.  A list that grows an entry at a time, such as the
   groups of one person, is copied only when it doubles. */
static struct usher_kv *
make_room (struct fold *f, const struct usher_kv *list, size_t at, size_t n)
{
  struct usher_kv *grown;
  size_t room = 4;

  if (at && list == f->roomy && n <= f->room)
    return f->roomy;
  while (room < n)
    room *= 2;
  grown = arena_array (&f->arena, room, sizeof *grown);
  if (!grown)
    return NULL;
  if (at)
    memcpy (grown, list, at * sizeof *grown);
  f->roomy = grown;
  f->room = room;
  return grown;
}

static int
add_kvs (struct fold *f, const struct usher_kv **list, size_t *n, const struct usher_kv *more, size_t n_more)
{
  struct usher_kv *grown;
  size_t i, j, at = *n;

  if (!n_more)
    return 0;
  grown = make_room (f, *list, at, at + n_more);
  if (!grown)
    return -E2BIG;
  for (i = 0; i < n_more; i++)
    {
      for (j = 0; j < at; j++)
        if (streq (grown[j].key, more[i].key) && streq (grown[j].value, more[i].value))
          break;
      if (j == at)
        grown[at++] = more[i];
    }
  *list = grown;
  *n = at;
  return 0;
}

static int
add_access (struct fold *f, const struct usher_access *const *more, size_t n_more)
{
  const struct usher_access **grown;

  if (!n_more)
    return 0;
  grown = arena_array (&f->arena, f->member.n_access + n_more, sizeof *grown);
  if (!grown)
    return -E2BIG;
  if (f->member.n_access)
    memcpy (grown, f->member.access, f->member.n_access * sizeof *grown);
  memcpy (grown + f->member.n_access, more, n_more * sizeof *grown);
  f->member.access = grown;
  f->member.n_access += n_more;
  return 0;
}

#define LATER(field)     \
  if (more->field)       \
    all->field = more->field

static int
unite (struct fold *f, const struct usher_member *more)
{
  struct usher_member *all = &f->member;
  int r;

  if (f->n == 0)
    {
      /* Edges that came first stay. */
      const struct usher_kv *roles = all->roles;
      size_t n_roles = all->n_roles;
      const struct usher_access *const *access = all->access;
      size_t n_access = all->n_access;

      *all = *more;
      r = add_kvs (f, &all->roles, &all->n_roles, roles, n_roles);
      return r < 0 ? r : add_access (f, access, n_access);
    }
  LATER (state);
  LATER (flags);
  LATER (handle);
  LATER (username);
  LATER (email);
  LATER (first_name);
  LATER (last_name);
  LATER (name);
  LATER (partner);
  LATER (created_ms);
  LATER (expires_ms);
  LATER (last_used_ms);
  r = add_kvs (f, &all->roles, &all->n_roles, more->roles, more->n_roles);
  if (r == 0)
    r = add_kvs (f, &all->attrs, &all->n_attrs, more->attrs, more->n_attrs);
  return r < 0 ? r : add_access (f, more->access, more->n_access);
}

static int
add_edge (struct fold *f, const struct row *row)
{
  if (row->kind == ROW_ROLE_OF)
    return add_kvs (f, &f->member.roles, &f->member.n_roles, &row->role_of, 1);
  if (row->kind == ROW_ACCESS)
    {
      struct usher_access *copy = arena_alloc (&f->arena, sizeof *copy);
      const struct usher_access *one = copy;

      if (!copy)
        return -E2BIG;
      *copy = row->access;
      return add_access (f, &one, 1);
    }
  return 0;
}

static int
take (struct fold *f, const void *row, size_t len)
{
  struct row decoded;
  int r = row_get (row, len, &f->arena, &decoded);

  if (r < 0)
    return r;
  if (decoded.kind == ROW_MEMBER)
    return unite (f, &decoded.member);
  f->edges++;
  return add_edge (f, &decoded);
}

/* Row kind without decoding: it stands behind the length. */
static bool
is_member (const void *row)
{
  return ((const uint8_t *) row)[4] == ROW_MEMBER;
}

/* Decodes the row that had been passed through so far. */
static int
open_up (struct fold *f)
{
  size_t n = f->n;
  int r;

  if (!f->only)
    return 0;
  f->n = 0;
  r = take (f, TAKE (f->only), f->only_len);
  f->n = n;
  return r;
}

int
fold_add (struct fold *f, uint32_t scope, const void *row, size_t len)
{
  bool member = is_member (row);
  int r;

  if (member && f->n && f->scope == scope)
    f->duplicate = true;
  if (member && f->n == 0 && f->edges == 0)
    {
      f->only = row;
      f->only_len = len;
      r = 0;
    }
  else
    {
      r = open_up (f);
      if (r == 0)
        r = take (f, row, len);
    }
  f->n += member;
  if (member)
    f->scope = scope;
  return r;
}

int
fold_keep_roles (struct fold *f, const void *row, size_t len)
{
  struct row old;
  int r = open_up (f);

  if (r == 0)
    r = row_get (row, len, &f->arena, &old);
  return r < 0 ? r : add_kvs (f, &f->member.roles, &f->member.n_roles, old.member.roles, old.member.n_roles);
}

int
fold_finish (struct fold *f, const void **ret_row, size_t *ret_len)
{
  int r;

  if (f->n == 0)
    return 0;
  if (f->only)
    {
      *ret_row = f->only;
      *ret_len = f->only_len;
      return 1;
    }
  buf_reset (&f->out);
  r = row_put_member (&f->out, &f->member);
  if (r < 0)
    return r;
  *ret_row = f->out.data;
  *ret_len = f->out.len;
  return 1;
}
