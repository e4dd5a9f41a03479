/* Owns the life of an operation: CALL, the connector's function, RESULT. */
#include <config.h>

#include "host/worker/host.h"

#include "host/common/row.h"

#define CALL_ARENA_MAX (16u * 1024 * 1024)
#define ACCESS_MAX 65536u

/* A CALL as the connector wants it; what it points to lies in the arena or the CALL. */
struct arguments
{
  struct arena arena;
  struct wire_call call;
  struct usher_login login;
  struct usher_list list;
  struct usher_member member;
  struct usher_change change;
};

static int
read_member (struct arguments *a)
{
  struct row row;
  int r;

  a->member.size = sizeof a->member;
  if (!a->call.member.len)
    return 0;
  r = row_get (a->call.member.data, a->call.member.len, &a->arena, &row);
  if (r < 0)
    return r;
  if (row.kind != ROW_MEMBER)
    return -EBADMSG;
  a->member = row.member;
  return 0;
}

/* Counts the access rows; with V, reads them too. */
static int
walk_access (struct arguments *a, struct usher_access *v, const struct usher_access **list,
             size_t *ret_n)
{
  const char *p = a->call.access.data;
  size_t left = a->call.access.len, span, n = 0;
  struct row row;
  int r;

  while (left)
    {
      r = row_span (p, left, &span);
      if (r == 0 && v)
        r = row_get (p, span, &a->arena, &row);
      if (r < 0)
        return r;
      if (v)
        {
          if (row.kind != ROW_ACCESS)
            return -EBADMSG;
          v[n] = row.access;
          list[n] = &v[n];
        }
      n++;
      p += span;
      left -= span;
    }
  *ret_n = n;
  return n > ACCESS_MAX ? -EBADMSG : 0;
}

static int
read_access (struct arguments *a)
{
  const struct usher_access **list;
  struct usher_access *v;
  size_t n;
  int r;

  r = walk_access (a, NULL, NULL, &n);
  if (r < 0 || !n)
    return r;
  v = arena_array (&a->arena, n, sizeof *v);
  list = arena_array (&a->arena, n, sizeof *list);
  if (!v || !list)
    return -ENOMEM;
  a->change.access = list;
  a->change.n_access = n;
  return walk_access (a, v, list, &n);
}

/* PAYLOAD stays until the operation has ended. */
static int
read_call (const struct buf *payload, struct arguments *a)
{
  const struct wire_call *c = &a->call;
  union wire_message m;
  int r;

  r = wire_decode (WIRE_CALL, payload->data, payload->len, &a->arena, &m);
  if (r < 0)
    return r;
  a->call = m.call;
  r = read_member (a);
  if (r < 0)
    return r;
  a->login = (struct usher_login) { sizeof a->login, c->why, c->code, c->redirect_uri,
                                    c->verifier };
  a->list = (struct usher_list) { sizeof a->list, 0, c->kinds, c->cursor.data, c->cursor.len };
  a->change = (struct usher_change) {
    .size = sizeof a->change, .attempt = c->attempt, .member = &a->member, .roles = c->roles.v,
    .n_roles = c->roles.n, .fields = c->fields.v, .n_fields = c->fields.n, .key = c->key,
    .resume = c->resume.data, .resume_len = c->resume.len };
  return read_access (a);
}

static usher_write *
write_of (const struct usher_connector *c, uint32_t op)
{
  switch (op)
    {
    case WIRE_OP_INVITE:
      return c->invite;
    case WIRE_OP_SET_ROLE:
      return c->set_role;
    case WIRE_OP_SET_ACCESS:
      return c->set_access;
    case WIRE_OP_REMOVE:
      return c->remove;
    case WIRE_OP_RESEND:
      return c->resend;
    default:
      return NULL;
    }
}

static int32_t
dispatch (struct host *h, const struct usher_connector *c, void *self, const struct arguments *a)
{
  usher_write *write;

  switch (h->op)
    {
    case WIRE_OP_LOGIN:
      return c->login ? c->login (&h->ctx, self, &a->login) : USHER_E_UNSUPPORTED;
    case WIRE_OP_CHECK:
      return c->check (&h->ctx, self);
    case WIRE_OP_LIST:
      return c->list (&h->ctx, self, &a->list);
    case WIRE_OP_READ:
      return c->read ? c->read (&h->ctx, self, &a->member) : USHER_E_UNSUPPORTED;
    default:
      write = write_of (c, h->op);
      return write ? write (&h->ctx, self, &a->change) : USHER_E_UNSUPPORTED;
    }
}

/* The answers that an operation may give, besides errors. */
static bool
is_answer (uint32_t op, int32_t status)
{
  if (op == WIRE_OP_READ)
    return status == USHER_DONE || status == USHER_ABSENT;
  if (op >= WIRE_OP_INVITE)
    return status == USHER_DONE || status == USHER_ALREADY || status == USHER_INVITED;
  return status == USHER_DONE;
}

/* What the operation really ended with. */
static int32_t
judge (struct host *h, int32_t status)
{
  if (h->broken)
    return h->broken;
  if (status > -100 && !is_answer (h->op, status))
    return host_misuse (h, "the connector answered %d, which is no answer to this operation",
                        status);
  if (status < 0)
    return status;
  if (h->section.open)
    return host_misuse (h, "the connector left a section open");
  if (h->op == WIRE_OP_READ && (status == USHER_DONE) != (h->emitted == 1))
    return host_misuse (h, status == USHER_DONE
                             ? "the connector read a member and emitted none"
                             : "the connector emitted a member and said that it is absent");
  return status;
}

/* Tells why, if it was said for this very status. */
static void
send_fault (struct host *h, int32_t status)
{
  const struct host_fault *f = h->fault.code == status ? &h->fault : &h->net_fault;
  const struct wire_fault msg = { f->code, f->text, f->has_field ? f->field : NULL,
                                  f->has_url ? f->url : NULL, f->until_ms };

  if (status < 0 && f->code == status)
    (void) link_to_host (&h->link, WIRE_FAULT, 0, &msg);
}

static void
begin (struct host *h)
{
  h->busy = true;
  h->called = h->cancelled = h->requested = false;
  h->op = 0;
  h->broken = 0;
  h->fault.code = h->net_fault.code = 0;
  h->section = (struct host_section) { 0 };
  h->emitted = 0;
  h->lines = h->facts = h->beats = 0;
  buf_reset (&h->rows);
}

static void
end (struct host *h, int32_t status)
{
  const struct wire_result msg = { status, h->requested };

  host_close_streams (h);
  host_flush_rows (h);
  send_fault (h, status);
  h->op = 0;
  /* From here a CANCEL is too late. */
  h->busy = false;
  (void) link_to_host (&h->link, WIRE_RESULT, 0, &msg);
}

/* Opens the connector if that was not done yet, then calls the operation. */
static int32_t
call (struct host *h, const struct usher_connector *c, void **self, bool *opened,
      const struct arguments *a)
{
  const struct usher_hub hub = { sizeof hub, 0, h->start.app, h->run.data ? h->run.data : "",
                                 h->run.len };
  int32_t r;

  if (!*opened)
    {
      r = c->open (&h->ctx, &hub, self);
      if (r > 0 || (r < 0 && r > -100))
        r = host_misuse (h, "the connector answered %d to open", r);
      if (r < 0 || h->broken)
        return h->broken ? h->broken : r;
      *opened = true;
    }
  h->op = a->call.op;
  h->next_ordinal = a->call.ordinal;
  return judge (h, dispatch (h, c, *self, a));
}

void
run_session (struct host *h, const struct usher_connector *connector, const char *why)
{
  bool opened = false;
  void *self = NULL;

  for (;;)
    {
      struct arguments a = { .arena = ARENA_INIT (CALL_ARENA_MAX) };
      int32_t status;

      while (!h->called && !h->ending)
        link_wait (&h->link);
      if (h->ending)
        break;
      begin (h);
      if (read_call (&h->call, &a) < 0)
        link_leave (WIRE_EXIT_PROTOCOL);
      status = connector ? call (h, connector, &self, &opened, &a) : host_misuse (h, "%s", why);
      end (h, status);
      arena_done (&a.arena);
    }
  if (opened)
    connector->close (&h->ctx, self);
}
