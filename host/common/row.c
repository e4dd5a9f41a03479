/* Owns the bytes of a row, and writes them; row-get.c reads them.  Encoding is the hot path of a listing: one pass over the
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

#define COUNT_MAX 0xffffu

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
      put_number (w, ROW_NO_TEXT, 2);
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
      /* A copy whose maximum is known becomes "rep movs", which takes longer for a name than the
         call does: so it is not known. */
      __asm__ ("" : "+r" (len));
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

      if (m->state < USHER_PENDING)
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

  put_number (&w, 0, ROW_PREFIX);
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
  put_number (w, n - ROW_PREFIX, ROW_PREFIX);
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
