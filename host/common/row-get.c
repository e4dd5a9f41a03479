/* Owns the reading of rows: whole into structs, checked only, or the few fields that are
   looked at by the million.  What a row says is not believed before it was checked. */
#include <config.h>

#include "host/common/row.h"

#include <endian.h>

#include "host/common/text.h"

static bool
pending (uint32_t state)
{
  return state >= USHER_PENDING;
}

struct reader
{
  const uint8_t *p;
  size_t left;
  struct arena *arena;  /* NULL = nothing is kept, the row is only checked */
  char *text;           /* where the next string is copied to */
  int error;            /* first error, sticky */
};

static void
broken (struct reader *rd, int error)
{
  if (!rd->error)
    rd->error = error;
  rd->left = 0;
}

static inline uint64_t
get_number (struct reader *rd, size_t bytes)
{
  uint64_t le = 0;

  if (rd->left < bytes)
    {
      broken (rd, -EBADMSG);
      return 0;
    }
  memcpy (&le, rd->p, bytes);
  rd->p += bytes;
  rd->left -= bytes;
  return le64toh (le);
}

/* The next text where it stands; its length in *ret_len, NULL when there is none. */
static const char *
get_span (struct reader *rd, size_t max, size_t *ret_len)
{
  size_t len = get_number (rd, 2);
  const char *s = (const char *) rd->p;

  *ret_len = 0;
  if (rd->error || len == ROW_NO_TEXT)
    return NULL;
  if (len > rd->left || len > max || !utf8_valid (s, len))
    {
      broken (rd, -EBADMSG);
      return NULL;
    }
  rd->p += len;
  rd->left -= len;
  *ret_len = len;
  return s;
}

/* A copy with a NUL; NULL for none, and where nothing is kept. */
static const char *
copy_span (struct reader *rd, const char *s, size_t len)
{
  char *copy = rd->text;

  if (!s || rd->error || !rd->arena)
    return NULL;
  memcpy (copy, s, len);
  copy[len] = '\0';
  rd->text += len + 1;
  return copy;
}

static const char *
get_text (struct reader *rd, size_t max)
{
  size_t len;
  const char *s = get_span (rd, max, &len);

  if (s)
    PLANTED_BUG (s, len);
  return copy_span (rd, s, len);
}

static const char *
get_id (struct reader *rd)
{
  size_t len;
  const char *s = get_span (rd, ROW_ID_MAX, &len);

  if (!len)
    broken (rd, -EBADMSG);
  return copy_span (rd, s, len);
}

static bool
is_lowered (const char *email, const char *key, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (key[i] != (email[i] >= 'A' && email[i] <= 'Z' ? email[i] + ('a' - 'A') : email[i]))
      return false;
  return true;
}

/* The part that row_key needs; the strings stay where they are. */
struct who
{
  uint32_t state, flags;
  const char *id, *email, *key, *partner;
  size_t id_len, email_len, key_len, partner_len;
};

/* Whether what takes the place of a missing id is what put_who would have written. */
static bool
well_keyed (const struct who *who, bool edge)
{
  if (who->id)
    return who->id_len;
  if (edge && !who->email)
    return !who->key && who->partner_len;
  return pending (who->state) && who->email_len && who->key_len == who->email_len
         && is_lowered (who->email, who->key, who->key_len);
}

static void
get_who_spans (struct reader *rd, bool edge, struct who *ret)
{
  *ret = (struct who) { 0 };
  ret->state = (uint32_t) get_number (rd, 4);
  ret->flags = (uint32_t) get_number (rd, 4);
  ret->id = get_span (rd, ROW_ID_MAX, &ret->id_len);
  ret->email = get_span (rd, ret->id ? ROW_TEXT_MAX : ROW_ID_MAX, &ret->email_len);
  if (!ret->id)
    ret->key = get_span (rd, ROW_ID_MAX, &ret->key_len);
  ret->partner = get_span (rd, ROW_ID_MAX, &ret->partner_len);
  if (!rd->error && !well_keyed (ret, edge))
    broken (rd, -EBADMSG);
}

static void
get_who (struct reader *rd, bool edge, struct usher_member *m)
{
  struct who who;

  get_who_spans (rd, edge, &who);
  m->size = sizeof *m;
  m->state = who.state;
  m->flags = who.flags;
  m->id = copy_span (rd, who.id, who.id_len);
  m->email = copy_span (rd, who.email, who.email_len);
  m->partner = copy_span (rd, who.partner, who.partner_len);
}

/* How many elements follow, believed only if each can have LEAST bytes of what is left. */
static size_t
get_count (struct reader *rd, size_t least)
{
  size_t n = get_number (rd, 2);

  if (n > rd->left / least)
    broken (rd, -EBADMSG);
  return rd->error ? 0 : n;
}

/* Room for N elements of SIZE bytes; NULL for none, and where nothing is kept. */
static void *
make_array (struct reader *rd, size_t n, size_t size)
{
  void *v;

  if (!n || rd->error || !rd->arena)
    return NULL;
  v = arena_array (rd->arena, n, size);
  if (!v)
    broken (rd, -ENOMEM);
  return v;
}

static void
get_access (struct reader *rd, struct usher_access *a)
{
  const char **actions, *action;
  size_t i;

  a->size = sizeof *a;
  a->flags = (uint32_t) get_number (rd, 4);
  a->asset = get_id (rd);
  a->type = get_text (rd, ROW_ID_MAX);
  a->role = get_text (rd, ROW_ID_MAX);
  a->n_actions = get_count (rd, /* length and one byte */ 3);
  actions = make_array (rd, a->n_actions, sizeof *actions);
  for (i = 0; i < a->n_actions && !rd->error; i++)
    {
      action = get_id (rd);
      if (actions)
        actions[i] = action;
    }
  a->actions = actions;
}

static void
get_role_pair (struct reader *rd, struct usher_kv *kv)
{
  kv->key = get_id (rd);
  kv->value = get_id (rd);
}

static const struct usher_kv *
get_roles (struct reader *rd, size_t *ret_n)
{
  size_t n = get_count (rd, /* two lengths and two bytes */ 6), i;
  struct usher_kv *kv = make_array (rd, n, sizeof *kv), role;

  for (i = 0; i < n && !rd->error; i++)
    {
      get_role_pair (rd, &role);
      if (kv)
        kv[i] = role;
    }
  *ret_n = n;
  return kv;
}

static const struct usher_kv *
get_attrs (struct reader *rd, size_t *ret_n)
{
  size_t n = get_count (rd, /* two lengths and one byte */ 5), i;
  struct usher_kv *kv = make_array (rd, n, sizeof *kv), attr;

  for (i = 0; i < n && !rd->error; i++)
    {
      attr.key = get_id (rd);
      attr.value = get_text (rd, ROW_TEXT_MAX);
      if (kv)
        kv[i] = attr;
    }
  *ret_n = n;
  return kv;
}

static const struct usher_access *const *
get_rights (struct reader *rd, size_t *ret_n)
{
  size_t n = get_count (rd, /* flags, three lengths, a byte, a count */ 13), i;
  const struct usher_access **v = make_array (rd, n, sizeof *v);
  struct usher_access *all = make_array (rd, n, sizeof *all), one;

  for (i = 0; i < n && !rd->error; i++)
    {
      get_access (rd, &one);
      if (!v || !all)
        continue;
      all[i] = one;
      v[i] = &all[i];
    }
  *ret_n = n;
  return v;
}

static void
get_member (struct reader *rd, struct usher_member *m)
{
  get_who (rd, /* edge */ false, m);
  if (m->state < USHER_ACTIVE || m->state >= USHER_DECLINED + 100)
    broken (rd, -EBADMSG);
  m->created_ms = (int64_t) get_number (rd, 8);
  m->expires_ms = (int64_t) get_number (rd, 8);
  m->last_used_ms = (int64_t) get_number (rd, 8);
  m->handle = get_text (rd, ROW_ID_MAX);
  m->username = get_text (rd, ROW_TEXT_MAX);
  m->first_name = get_text (rd, ROW_TEXT_MAX);
  m->last_name = get_text (rd, ROW_TEXT_MAX);
  m->name = get_text (rd, ROW_TEXT_MAX);
  m->roles = get_roles (rd, &m->n_roles);
  m->attrs = get_attrs (rd, &m->n_attrs);
  m->access = get_rights (rd, &m->n_access);
}

static void
get_role (struct reader *rd, struct usher_role *r)
{
  r->size = sizeof *r;
  r->flags = (uint32_t) get_number (rd, 4);
  r->rank = (int32_t) get_number (rd, 4);
  r->id = get_id (rd);
  r->label = get_text (rd, ROW_TEXT_MAX);
  r->group = get_text (rd, ROW_ID_MAX);
  r->asset_type = get_text (rd, ROW_ID_MAX);
}

static void
get_object (struct reader *rd, struct usher_object *o)
{
  o->size = sizeof *o;
  o->kind = (uint32_t) get_number (rd, 4);
  o->total = (int64_t) get_number (rd, 8);
  o->used = (int64_t) get_number (rd, 8);
  o->id = get_id (rd);
  o->type = get_text (rd, ROW_ID_MAX);
  o->name = get_text (rd, ROW_TEXT_MAX);
  o->parent = get_text (rd, ROW_ID_MAX);
}

static void
get_fields (struct reader *rd, struct row *row)
{
  switch (row->kind)
    {
    case ROW_MEMBER:
      get_member (rd, &row->member);
      break;
    case ROW_ROLE:
      get_role (rd, &row->role);
      break;
    case ROW_OBJECT:
      get_object (rd, &row->object);
      break;
    case ROW_ACCESS:
      get_who (rd, /* edge */ true, &row->member);
      get_access (rd, &row->access);
      break;
    case ROW_ROLE_OF:
      get_who (rd, /* edge */ true, &row->member);
      get_role_pair (rd, &row->role_of);
      break;
    default:
      broken (rd, -EBADMSG);
    }
}

int
row_span (const void *p, size_t len, size_t *ret)
{
  struct reader rd = { .p = p, .left = len };
  uint64_t n = get_number (&rd, ROW_PREFIX);

  if (rd.error || n == 0 || n > ROW_MAX - ROW_PREFIX || n > rd.left)
    return -EBADMSG;
  *ret = ROW_PREFIX + n;
  return 0;
}

/* A reader of what follows the length of the one row that the LEN bytes at P are. */
static int
open_row (const void *p, size_t len, struct reader *ret)
{
  size_t span;
  int r;

  r = row_span (p, len, &span);
  if (r < 0)
    return r;
  if (span != len)
    return -EBADMSG;
  *ret = (struct reader) { .p = (const uint8_t *) p + ROW_PREFIX, .left = len - ROW_PREFIX };
  return 0;
}

/* Reads all of a row that was opened. */
static int
get_row (struct reader *rd, struct row *row)
{
  memset (row, 0, sizeof *row);
  row->kind = (uint8_t) get_number (rd, 1);
  get_fields (rd, row);
  if (rd->left)
    broken (rd, -EBADMSG);
  return rd->error;
}

int
row_get (const void *p, size_t len, struct arena *arena, struct row *ret)
{
  struct reader rd;
  struct row row;
  int r;

  r = open_row (p, len, &rd);
  if (r < 0)
    return r;
  rd.arena = arena;
  /* A text has two bytes of length in the row and one NUL in the copy: they all fit. */
  rd.text = arena_alloc (arena, len);
  if (!rd.text)
    return -ENOMEM;
  r = get_row (&rd, &row);
  if (r == 0)
    *ret = row;
  return r;
}

int
row_check (const void *p, size_t len, enum row_kind *ret_kind)
{
  struct reader rd;
  struct row row;
  int r;

  r = open_row (p, len, &rd);
  if (r == 0)
    r = get_row (&rd, &row);
  if (r == 0)
    *ret_kind = (enum row_kind) row.kind;
  return r;
}

/* Looking.  */

static struct row_text
look_text (struct reader *rd)
{
  size_t len = get_number (rd, 2);
  struct row_text t = { (const char *) rd->p, len };

  if (rd->error || len == ROW_NO_TEXT)
    return (struct row_text) { NULL, 0 };
  if (len > rd->left)
    {
      broken (rd, -EBADMSG);
      return (struct row_text) { NULL, 0 };
    }
  rd->p += len;
  rd->left -= len;
  return t;
}

int
row_look (const void *p, size_t len, struct row_view *ret)
{
  struct row_view v = { 0 };
  struct reader rd;
  size_t n;
  int r = open_row (p, len, &rd);

  if (r < 0)
    return r;
  if (get_number (&rd, 1) != ROW_MEMBER)
    return -EBADMSG;
  v.state = (uint32_t) get_number (&rd, 4);
  v.flags = (uint32_t) get_number (&rd, 4);
  v.id = look_text (&rd);
  v.email = look_text (&rd);
  if (!v.id.s)
    (void) look_text (&rd);      /* key */
  (void) look_text (&rd);        /* partner */
  (void) get_number (&rd, 8);    /* created */
  (void) get_number (&rd, 8);    /* expires */
  (void) get_number (&rd, 8);    /* last used */
  (void) look_text (&rd);        /* handle */
  v.username = look_text (&rd);
  (void) look_text (&rd);        /* first name */
  (void) look_text (&rd);        /* last name */
  (void) look_text (&rd);        /* name */
  n = 2 * get_number (&rd, 2);
  v.roles.s = (const char *) rd.p;
  for (; n && !rd.error; n--)
    (void) look_text (&rd);
  if (rd.error)
    return rd.error;
  v.roles.len = (size_t) ((const char *) rd.p - v.roles.s);
  *ret = v;
  return 0;
}

bool
row_next_role (struct row_text *roles, struct row_text *ret_group, struct row_text *ret_id)
{
  struct reader rd = { .p = (const uint8_t *) roles->s, .left = roles->len };

  if (!roles->len)
    return false;
  *ret_group = look_text (&rd);
  *ret_id = look_text (&rd);
  *roles = (struct row_text) { (const char *) rd.p, rd.left };
  return !rd.error;
}

int
row_key (const void *p, size_t len, struct row_key *ret)
{
  struct reader rd;
  struct who who;
  uint64_t kind;
  int r;

  r = open_row (p, len, &rd);
  if (r < 0)
    return r;
  kind = get_number (&rd, 1);
  if (kind == ROW_ROLE || kind == ROW_OBJECT)
    return -EINVAL;
  if (kind != ROW_MEMBER && kind != ROW_ACCESS && kind != ROW_ROLE_OF)
    return -EBADMSG;
  get_who_spans (&rd, kind != ROW_MEMBER, &who);
  if (rd.error)
    return rd.error;
  *ret = (struct row_key) { .space = pending (who.state) ? 'i' : 'm' };
  if (who.id)
    {
      ret->id = who.id;
      ret->len = who.id_len;
    }
  else if (who.key)
    {
      ret->by_email = true;
      ret->id = who.key;
      ret->len = who.key_len;
    }
  else
    {
      ret->space = 'p';
      ret->id = who.partner;
      ret->len = who.partner_len;
    }
  return 0;
}

int
row_native (const void *p, size_t len, char ret[ROW_NATIVE_MAX])
{
  struct row_key key;
  int r = row_key (p, len, &key), n = 0;

  if (r < 0)
    return r;
  ret[n++] = key.space;
  if (key.by_email)
    ret[n++] = '\0';
  memcpy (ret + n, key.id, key.len);
  return n + (int) key.len;
}
