/* Owns the bytes of a row.  Encoding is the hot path of a listing: one pass over the
   strings, straight into the buffer, nothing allocated per row.

   member    state, flags, id, email, [key], partner, created, expires, last used,
             handle, username, first name, last name, name, roles, attrs, access
   access    state, flags, id, email, [key], partner, access
   role of   state, flags, id, email, [key], partner, group, role
   role      flags, rank, id, label, group, asset type
   object    kind, total, used, id, type, name, parent

   The three rows that belong to somebody begin alike, so that row_key need not know
   more.  [key] stands only where there is no id: the e-mail in lower case, or NULL for
   an edge that belongs to a partner as a whole.  */
#include <config.h>

#include "host/common/row.h"

#include <endian.h>

#include "host/common/text.h"

#define PREFIX 4u           /* the length */
#define NO_TEXT 0xffffu
#define COUNT_MAX 0xffffu

/* Encoding.  */

struct writer
{
  char *p, *end;
  int error;       /* first error, sticky */
};

static void
fail (struct writer *w, int error)
{
  if (!w->error)
    w->error = error;
  w->end = w->p;
}

static inline void
put_number (struct writer *w, uint64_t v, size_t bytes)
{
  const uint64_t le = htole64 (v);

  if ((size_t) (w->end - w->p) < bytes)
    {
      fail (w, -E2BIG);
      return;
    }
  memcpy (w->p, &le, bytes);
  w->p += bytes;
}

/* Where LEN bytes of text go, their length written; NULL when they do not fit. */
static char *
text_room (struct writer *w, size_t len)
{
  char *at;

  put_number (w, len, 2);
  if ((size_t) (w->end - w->p) < len)
    {
      fail (w, -E2BIG);
      return NULL;
    }
  at = w->p;
  w->p += len;
  return at;
}

static void
put_text (struct writer *w, const char *s, size_t max)
{
  size_t len;
  char *at;

  if (!s)
    {
      put_number (w, NO_TEXT, 2);
      return;
    }
  len = strnlen (s, max + 1);
  if (len > max)
    fail (w, -E2BIG);
  else if (!utf8_valid (s, len))
    fail (w, -EINVAL);
  else
    {
      at = text_room (w, len);
      if (at)
        memcpy (at, s, len);
    }
}

/* An id that must be there. */
static void
put_id (struct writer *w, const char *s)
{
  if (!s || !*s)
    fail (w, -EINVAL);
  else
    put_text (w, s, ROW_ID_MAX);
}

static bool
pending (uint32_t state)
{
  return state >= USHER_PENDING;
}

/* The part that row_key reads.  EDGE: it may also belong to a partner as a whole. */
static void
put_who (struct writer *w, const struct usher_member *m, bool edge)
{
  const char *id = m->id && *m->id ? m->id : NULL;

  put_number (w, m->state, 4);
  put_number (w, m->flags, 4);
  put_text (w, id, ROW_ID_MAX);
  put_text (w, m->email, id ? ROW_TEXT_MAX : ROW_ID_MAX);
  if (!id && edge && !m->email)
    {
      put_text (w, NULL, ROW_ID_MAX);
      put_id (w, m->partner);
      return;
    }
  if (!id)
    {
      char *key = w->p + 2;

      if (!pending (m->state))
        fail (w, -EINVAL);
      put_id (w, m->email);
      if (!w->error)
        for (; key < w->p; key++)
          *key = (char) (*key >= 'A' && *key <= 'Z' ? *key + ('a' - 'A') : *key);
    }
  put_text (w, m->partner, ROW_ID_MAX);
}

static void
put_count (struct writer *w, size_t n)
{
  if (n > COUNT_MAX)
    fail (w, -E2BIG);
  else
    put_number (w, n, 2);
}

static void
put_access (struct writer *w, const struct usher_access *given)
{
  struct usher_access copy;
  const struct usher_access *a = ROW_COVERED (usher_access, given, &copy);
  size_t i;

  put_number (w, a->flags, 4);
  put_id (w, a->asset);
  put_text (w, a->type, ROW_ID_MAX);
  put_text (w, a->role, ROW_ID_MAX);
  put_count (w, a->n_actions);
  for (i = 0; i < a->n_actions && !w->error; i++)
    put_id (w, a->actions[i]);
}

static void
put_role_pair (struct writer *w, const struct usher_kv *kv)
{
  put_id (w, kv->key);
  put_id (w, kv->value);
}

static void
put_member_lists (struct writer *w, const struct usher_member *m)
{
  size_t i;

  put_count (w, m->n_roles);
  for (i = 0; i < m->n_roles && !w->error; i++)
    put_role_pair (w, &m->roles[i]);
  put_count (w, m->n_attrs);
  for (i = 0; i < m->n_attrs && !w->error; i++)
    {
      put_id (w, m->attrs[i].key);
      put_text (w, m->attrs[i].value, ROW_TEXT_MAX);
    }
  put_count (w, m->n_access);
  for (i = 0; i < m->n_access && !w->error; i++)
    if (m->access[i])
      put_access (w, m->access[i]);
    else
      fail (w, -EINVAL);
}

/* Begins a row at the end of OUT. */
static struct writer
begin (struct buf *out, enum row_kind kind)
{
  size_t room = MIN (out->max - out->len, ROW_MAX);
  char *p = buf_reserve (out, room);
  struct writer w = { p, p ? p + room : p, p ? 0 : buf_error (out) };

  put_number (&w, 0, PREFIX);
  put_number (&w, kind, 1);
  return w;
}

/* Ends it: the length is known now. */
static int
finish (struct buf *out, struct writer *w)
{
  char *p;
  size_t n;

  if (w->error)
    {
      if (out->data)
        out->data[out->len] = '\0';
      return w->error;
    }
  p = out->data + out->len;
  n = (size_t) (w->p - p);
  w->p = p;
  put_number (w, n - PREFIX, PREFIX);
  out->len += n;
  out->data[out->len] = '\0';
  return 0;
}

int
row_put_member (struct buf *out, const struct usher_member *given)
{
  struct usher_member copy;
  const struct usher_member *m = ROW_COVERED (usher_member, given, &copy);
  struct writer w = begin (out, ROW_MEMBER);

  if (m->state < USHER_ACTIVE || m->state >= USHER_DECLINED + 100)
    fail (&w, -EINVAL);
  put_who (&w, m, /* edge */ false);
  put_number (&w, (uint64_t) m->created_ms, 8);
  put_number (&w, (uint64_t) m->expires_ms, 8);
  put_number (&w, (uint64_t) m->last_used_ms, 8);
  put_text (&w, m->handle, ROW_ID_MAX);
  put_text (&w, m->username, ROW_TEXT_MAX);
  put_text (&w, m->first_name, ROW_TEXT_MAX);
  put_text (&w, m->last_name, ROW_TEXT_MAX);
  put_text (&w, m->name, ROW_TEXT_MAX);
  put_member_lists (&w, m);
  return finish (out, &w);
}

int
row_put_role (struct buf *out, const struct usher_role *given)
{
  struct usher_role copy;
  const struct usher_role *r = ROW_COVERED (usher_role, given, &copy);
  struct writer w = begin (out, ROW_ROLE);

  put_number (&w, r->flags, 4);
  put_number (&w, (uint32_t) r->rank, 4);
  put_id (&w, r->id);
  put_text (&w, r->label, ROW_TEXT_MAX);
  put_text (&w, r->group, ROW_ID_MAX);
  put_text (&w, r->asset_type, ROW_ID_MAX);
  return finish (out, &w);
}

int
row_put_object (struct buf *out, const struct usher_object *given)
{
  struct usher_object copy;
  const struct usher_object *o = ROW_COVERED (usher_object, given, &copy);
  struct writer w = begin (out, ROW_OBJECT);

  put_number (&w, o->kind, 4);
  put_number (&w, (uint64_t) o->total, 8);
  put_number (&w, (uint64_t) o->used, 8);
  put_id (&w, o->id);
  put_text (&w, o->type, ROW_ID_MAX);
  put_text (&w, o->name, ROW_TEXT_MAX);
  put_text (&w, o->parent, ROW_ID_MAX);
  return finish (out, &w);
}

int
row_put_access (struct buf *out, const struct usher_member *given, const struct usher_access *a)
{
  struct usher_member copy;
  struct writer w = begin (out, ROW_ACCESS);

  put_who (&w, ROW_COVERED (usher_member, given, &copy), /* edge */ true);
  put_access (&w, a);
  return finish (out, &w);
}

int
row_put_role_of (struct buf *out, const struct usher_member *given, const struct usher_kv *role)
{
  struct usher_member copy;
  struct writer w = begin (out, ROW_ROLE_OF);

  put_who (&w, ROW_COVERED (usher_member, given, &copy), /* edge */ true);
  put_role_pair (&w, role);
  return finish (out, &w);
}

/* Decoding.  */

struct reader
{
  const uint8_t *p;
  size_t left;
  struct arena *arena;
  char *text;      /* where the next string is copied to */
  int error;       /* first error, sticky */
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
  if (rd->error || len == NO_TEXT)
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

static const char *
get_text (struct reader *rd, size_t max)
{
  size_t len;
  const char *s = get_span (rd, max, &len);
  char *copy = rd->text;

  if (!s)
    return NULL;
  memcpy (copy, s, len);
  copy[len] = '\0';
  rd->text += len + 1;
  return copy;
}

static const char *
get_id (struct reader *rd)
{
  const char *s = get_text (rd, ROW_ID_MAX);

  if (!s || !*s)
    broken (rd, -EBADMSG);
  return s;
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

static const char *
copy_span (struct reader *rd, const char *s, size_t len)
{
  char *copy = rd->text;

  if (!s || rd->error)
    return NULL;
  memcpy (copy, s, len);
  copy[len] = '\0';
  rd->text += len + 1;
  return copy;
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

/* N elements of SIZE bytes, believed only if each can have LEAST bytes of what is left. */
static void *
get_array (struct reader *rd, size_t least, size_t size, size_t *ret_n)
{
  size_t n = get_number (rd, 2);
  void *v;

  *ret_n = 0;
  if (rd->error || !n)
    return NULL;
  if (n > rd->left / least)
    {
      broken (rd, -EBADMSG);
      return NULL;
    }
  v = arena_array (rd->arena, n, size);
  if (!v)
    broken (rd, -ENOMEM);
  else
    *ret_n = n;
  return v;
}

static void
get_access (struct reader *rd, struct usher_access *a)
{
  const char **actions;
  size_t i;

  a->size = sizeof *a;
  a->flags = (uint32_t) get_number (rd, 4);
  a->asset = get_id (rd);
  a->type = get_text (rd, ROW_ID_MAX);
  a->role = get_text (rd, ROW_ID_MAX);
  actions = get_array (rd, /* length and one byte */ 3, sizeof *actions, &a->n_actions);
  for (i = 0; i < a->n_actions; i++)
    actions[i] = get_id (rd);
  a->actions = actions;
}

static void
get_role_pair (struct reader *rd, struct usher_kv *kv)
{
  kv->key = get_id (rd);
  kv->value = get_id (rd);
}

static void
get_member_lists (struct reader *rd, struct usher_member *m)
{
  const struct usher_access **access;
  struct usher_access *all;
  struct usher_kv *kv;
  size_t i;

  kv = get_array (rd, /* two lengths and two bytes */ 6, sizeof *kv, &m->n_roles);
  for (i = 0; i < m->n_roles; i++)
    get_role_pair (rd, &kv[i]);
  m->roles = kv;
  kv = get_array (rd, /* two lengths and one byte */ 5, sizeof *kv, &m->n_attrs);
  for (i = 0; i < m->n_attrs; i++)
    {
      kv[i].key = get_id (rd);
      kv[i].value = get_text (rd, ROW_TEXT_MAX);
    }
  m->attrs = kv;
  access = get_array (rd, /* flags, three lengths, a byte, a count */ 13, sizeof *access,
                      &m->n_access);
  all = m->n_access ? arena_array (rd->arena, m->n_access, sizeof *all) : NULL;
  if (m->n_access && !all)
    {
      broken (rd, -ENOMEM);
      m->n_access = 0;
    }
  for (i = 0; i < m->n_access; i++)
    {
      get_access (rd, &all[i]);
      access[i] = &all[i];
    }
  m->access = access;
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
  get_member_lists (rd, m);
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
  uint64_t n = get_number (&rd, PREFIX);

  if (rd.error || n == 0 || n > ROW_MAX - PREFIX || n > rd.left)
    return -EBADMSG;
  *ret = PREFIX + n;
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
  *ret = (struct reader) { .p = (const uint8_t *) p + PREFIX, .left = len - PREFIX };
  return 0;
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
  memset (&row, 0, sizeof row);
  rd.arena = arena;
  /* A text has two bytes of length in the row and one NUL in the copy: they all fit. */
  rd.text = arena_alloc (arena, len);
  if (!rd.text)
    return -ENOMEM;
  row.kind = (uint8_t) get_number (&rd, 1);
  get_fields (&rd, &row);
  if (rd.left)
    broken (&rd, -EBADMSG);
  if (rd.error)
    return rd.error;
  *ret = row;
  return 0;
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
