/* Owns what a connector tells about members: sections, checkpoints, rows, and the rules
   of the contract about their order.  Rows go to usherd in frames of up to 64 KiB. */
#include <config.h>

#include "host/worker/host.h"

#include "host/common/row.h"

/* A look at usherd's channel costs a system call; rows come by the million. */
#define ROWS_A_LOOK 64u

/* Which rows a section of each kind holds. */
static const struct
{
  uint32_t kind;
  enum row_kind row;
} holds[] = {
  { USHER_S_MEMBERS, ROW_MEMBER },
  { USHER_S_INVITES, ROW_MEMBER },
  { USHER_S_ROLES, ROW_ROLE },
  { USHER_S_ROLE_OF, ROW_ROLE_OF },
  { USHER_S_OBJECTS, ROW_OBJECT },
  { USHER_S_ACCESS, ROW_ACCESS },
};

static const char *
row_name (enum row_kind kind)
{
  switch (kind)
    {
    case ROW_MEMBER:
      return "a member";
    case ROW_ROLE:
      return "a role";
    case ROW_OBJECT:
      return "an object";
    case ROW_ACCESS:
      return "a right";
    case ROW_ROLE_OF:
      return "the role of a member";
    }
  return "a row";
}

static bool
is_write (uint32_t op)
{
  return op >= WIRE_OP_INVITE && op <= WIRE_OP_RESEND;
}

static bool
known_section (uint32_t kind)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (holds); i++)
    if (holds[i].kind == kind)
      return true;
  return false;
}

static bool
section_holds (uint32_t kind, enum row_kind row)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (holds); i++)
    if (holds[i].kind == kind)
      return holds[i].row == row;
  return false;
}

/* Sends the first LEN bytes of what is encoded and keeps the rest. */
static void
send_rows (struct host *h, size_t len)
{
  (void) link_bytes_to_host (&h->link, WIRE_ROWS, 0, h->rows.data, len);
  buf_drop (&h->rows, len);
}

void
host_flush_rows (struct host *h)
{
  if (h->rows.len)
    send_rows (h, h->rows.len);
}

/* Whether a row of this kind may come now. */
static int32_t
may_emit (struct host *h, enum row_kind kind, const void *row)
{
  int32_t r = h->broken;

  if (h->beats++ % ROWS_A_LOOK == 0)
    r = host_enter (h);
  if (r < 0 || h->cancelled)
    return r < 0 ? r : USHER_E_CANCELLED;
  if (!row)
    return host_misuse (h, "the connector emitted NULL for %s", row_name (kind));
  if (h->op == WIRE_OP_LIST)
    {
      if (!h->section.open)
        return host_misuse (h, "the connector emitted %s outside a section", row_name (kind));
      if (!section_holds (h->section.kind, kind))
        return host_misuse (h, "the connector emitted %s in a section of kind %u",
                            row_name (kind), h->section.kind);
      return 0;
    }
  if (h->op == WIRE_OP_CHECK && kind != ROW_ACCESS && kind != ROW_ROLE_OF)
    return 0;
  if ((h->op == WIRE_OP_READ || is_write (h->op)) && kind == ROW_MEMBER)
    return h->emitted ? host_misuse (h, "the connector emitted more than the one member") : 0;
  return host_misuse (h, "the connector emitted %s out of place", row_name (kind));
}

/* Counts the row that was put after BEFORE, and sends when a frame is full. */
static int32_t
emitted (struct host *h, enum row_kind kind, size_t before, int error)
{
  if (error < 0)
    return host_unsendable (h, error, row_name (kind));
  if (h->rows.len > WIRE_PAYLOAD_MAX)
    send_rows (h, before);
  h->emitted++;
  h->section.rows++;
  return USHER_DONE;
}

int32_t
host_emit_member (struct usher_ctx *ctx, const struct usher_member *m)
{
  struct host *h = host_of (ctx);
  size_t before = h->rows.len;
  int32_t r = may_emit (h, ROW_MEMBER, m);

  if (r < 0)
    return r;
  if (h->section.open && h->section.kind == USHER_S_INVITES && m->state < USHER_PENDING)
    return host_misuse (h, "the connector emitted a member in a section of invitations");
  if (m->state < USHER_PENDING && (!m->id || !*m->id))
    return host_misuse (h, "the connector emitted a member without an id");
  return emitted (h, ROW_MEMBER, before, row_put_member (&h->rows, m));
}

int32_t
host_emit_role (struct usher_ctx *ctx, const struct usher_role *role)
{
  struct host *h = host_of (ctx);
  size_t before = h->rows.len;
  int32_t r = may_emit (h, ROW_ROLE, role);

  return r < 0 ? r : emitted (h, ROW_ROLE, before, row_put_role (&h->rows, role));
}

int32_t
host_emit_object (struct usher_ctx *ctx, const struct usher_object *o)
{
  struct host *h = host_of (ctx);
  size_t before = h->rows.len;
  int32_t r = may_emit (h, ROW_OBJECT, o);

  return r < 0 ? r : emitted (h, ROW_OBJECT, before, row_put_object (&h->rows, o));
}

int32_t
host_emit_access (struct usher_ctx *ctx, const struct usher_member *who,
                  const struct usher_access *a)
{
  struct host *h = host_of (ctx);
  size_t before = h->rows.len;
  int32_t r = may_emit (h, ROW_ACCESS, who ? (const void *) a : NULL);

  return r < 0 ? r : emitted (h, ROW_ACCESS, before, row_put_access (&h->rows, who, a));
}

int32_t
host_emit_role_of (struct usher_ctx *ctx, const struct usher_member *who,
                   const struct usher_kv *role)
{
  struct host *h = host_of (ctx);
  size_t before = h->rows.len;
  int32_t r = may_emit (h, ROW_ROLE_OF, who ? (const void *) role : NULL);

  return r < 0 ? r : emitted (h, ROW_ROLE_OF, before, row_put_role_of (&h->rows, who, role));
}

int32_t
host_section (struct usher_ctx *ctx, uint32_t kind, const char *scope)
{
  struct host *h = host_of (ctx);
  const struct wire_section msg = { h->next_ordinal, kind, scope };
  int32_t status = host_enter (h);
  int r;

  if (status < 0)
    return status;
  if (h->op != WIRE_OP_LIST)
    return host_misuse (h, "the connector opened a section outside list");
  if (h->section.open)
    return host_misuse (h, "the connector opened a section inside a section");
  if (!known_section (kind))
    return host_misuse (h, "the connector opened a section of the unknown kind %u", kind);
  r = link_to_host (&h->link, WIRE_SECTION, 0, &msg);
  if (r < 0)
    return host_unsendable (h, r, "the scope of a section");
  h->section = (struct host_section) { .open = true, .ordinal = h->next_ordinal++, .kind = kind };
  return USHER_DONE;
}

int32_t
host_section_end (struct usher_ctx *ctx, uint32_t verdict, int64_t total, const char *why)
{
  struct host *h = host_of (ctx);
  const struct host_section *s = &h->section;
  const struct wire_section_end msg
    = { s->ordinal, verdict, total, why, s->rows, s->requests };
  int32_t status = host_enter (h);
  int r;

  if (status < 0)
    return status;
  if (!s->open)
    return host_misuse (h, "the connector ended a section that is not open");
  if ((verdict != USHER_COMPLETE && verdict != USHER_PARTIAL) || total < -1)
    return host_misuse (h, "the connector ended a section with verdict %u and total %lld",
                        verdict, (long long) total);
  host_flush_rows (h);
  r = link_to_host (&h->link, WIRE_SECTION_END, 0, &msg);
  if (r < 0)
    return host_unsendable (h, r, "the reason at the end of a section");
  h->section.open = false;
  return USHER_DONE;
}

int32_t
host_checkpoint (struct usher_ctx *ctx, const void *p, size_t len)
{
  struct host *h = host_of (ctx);
  const struct wire_checkpoint msg = { { p, len } };
  int32_t status = host_enter (h);

  if (status < 0)
    return status;
  if (h->op != WIRE_OP_LIST && !is_write (h->op))
    return host_misuse (h, "the connector made a checkpoint outside list and the writes");
  if (!p || !len || len > HOST_BLOB_MAX)
    return host_misuse (h, "the connector made a checkpoint of %zu bytes; 1 to %u are allowed",
                        len, HOST_BLOB_MAX);
  if (host_holds_secret (h, p, len))
    return host_misuse (h, "the connector wanted to keep a secret in a checkpoint");
  host_flush_rows (h);
  return host_ask (h, WIRE_CHECKPOINT, &msg);
}
