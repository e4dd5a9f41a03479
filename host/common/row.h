/* Rows: what a listing is made of, as bytes.  The worker encodes what the connector
   emits, usherd keeps the same bytes in its spool and its store, so a row is encoded
   once.  Little-endian; strings are u16 length (0xffff = NULL) and bytes. */
#ifndef USHER_COMMON_ROW_H
#define USHER_COMMON_ROW_H

#include <usher/connector.h>

#include "host/common/arena.h"
#include "host/common/base.h"
#include "host/common/buf.h"

#define ROW_PREFIX 4u       /* the length */
#define ROW_NO_TEXT 0xffffu /* a length that says NULL */
#define ROW_MAX 49152u      /* a whole row */
#define ROW_ID_MAX 1024u    /* an id, a handle */
#define ROW_TEXT_MAX 4096u  /* any other text */

/* A struct of the ABI at P as far as its size says: P itself, or COPY (a struct TYPE *)
   filled with the covered fields, of which each is 4 or 8 bytes. */
#define ROW_COVERED(type, p, copy)                                                      \
  ((p)->size >= sizeof (struct type)                                                    \
     ? (p)                                                                              \
     : (const struct type *) memcpy (memset ((copy), 0, sizeof *(copy)), (p),           \
                                     (p)->size & ~(size_t) 7))

enum row_kind
{
  ROW_MEMBER = 1,   /* struct usher_member: a member or an invitation */
  ROW_ROLE = 2,     /* struct usher_role */
  ROW_OBJECT = 3,   /* struct usher_object */
  ROW_ACCESS = 4,   /* who, struct usher_access */
  ROW_ROLE_OF = 5,  /* who, struct usher_kv */
};

/* A decoded row; what it points to lies in the arena. */
struct row
{
  uint8_t kind;
  struct usher_member member;   /* ROW_MEMBER; ACCESS and ROLE_OF: who (id, email, partner, state) */
  struct usher_role role;       /* ROW_ROLE */
  struct usher_object object;   /* ROW_OBJECT */
  struct usher_access access;   /* ROW_ACCESS */
  struct usher_kv role_of;      /* ROW_ROLE_OF */
};

/* Append a row: u32 length of what follows, u8 kind, fields.  Structs are read as far as
   their size says.  -E2BIG when an id, a text or the row is over its limit or OUT is
   full, -EINVAL when a required id is missing, a state is none or a text is not UTF-8;
   nothing is appended then, and OUT stays usable. */
int row_put_member (struct buf *out, const struct usher_member *m);
int row_put_role (struct buf *out, const struct usher_role *r);
int row_put_object (struct buf *out, const struct usher_object *o);
int row_put_access (struct buf *out, const struct usher_member *who, const struct usher_access *a);
int row_put_role_of (struct buf *out, const struct usher_member *who, const struct usher_kv *role);

/* The bytes of the row at P: 4 + its length, with LEN bytes to look at.  -EBADMSG
   when it does not fit or is over ROW_MAX. */
int row_span (const void *p, size_t len, size_t *ret);
/* Decodes one row of exactly LEN bytes.  -EBADMSG when anything is wrong with it,
   -ENOMEM when the arena is full; one of ROW_ARENA_MAX holds any row. */
#define ROW_ARENA_MAX (1024u * 1024)
int row_get (const void *p, size_t len, struct arena *arena, struct row *ret);

/* Checks one row of exactly LEN bytes as row_get does, and copies nothing: 0 and its
   kind, or -EBADMSG. */
int row_check (const void *p, size_t len, enum row_kind *ret_kind);

/* What is looked at in a row of a member that row_check or row_get has passed, or that this
   program wrote: texts stay where they are.  For the million rows that are compared,
   matched and found by; the rest of a row is read by row_get. */
struct row_text
{
  const char *s;        /* NULL = none; not NUL-terminated */
  size_t len;
};
struct row_view
{
  uint32_t state, flags;
  struct row_text id, email, username;
  struct row_text roles; /* the bytes of all roles, for row_next_role */
};
/* -EBADMSG for another kind and for what does not fit. */
int row_look (const void *p, size_t len, struct row_view *ret);
/* Takes the next role off ROLES: true and its two texts, or false at the end. */
bool row_next_role (struct row_text *roles, struct row_text *ret_group, struct row_text *ret_id);

/* The key a member row (and the edges of that member) sorts and merges by: 'm' or,
   for an invitation, 'i', then the id; an invitation without an id has 'i', NUL and
   its e-mail in lower case.  An edge of a partner as a whole (no id, no e-mail) has 'p'
   and the partner.  Borrowed from P.  At most
   ROW_ID_MAX + 2 bytes.  -EINVAL for a row that belongs to nobody (roles, objects),
   -EBADMSG for a broken one. */
struct row_key
{
  char space;           /* 'm', 'i' or 'p' */
  bool by_email;
  const char *id;       /* not NUL-terminated */
  size_t len;
};
int row_key (const void *p, size_t len, struct row_key *ret);
/* The same in one piece, which is what the store keeps members by: the space, NUL where it
   is by e-mail, the id.  Its length, or what row_key answers. */
#define ROW_NATIVE_MAX (ROW_ID_MAX + 2)
int row_native (const void *p, size_t len, char ret[ROW_NATIVE_MAX]);

#endif
