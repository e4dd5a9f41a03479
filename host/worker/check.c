/* Owns the host that a connector sees when all it is asked is whether it takes an app file. */
#include <config.h>

#include "host/worker/check.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/clock.h"
#include "host/common/io.h"
#include "host/common/text.h"
#include "host/common/wire.h"
#include "host/worker/confine.h"

#define INPUT_MAX (4u * 1024 * 1024)
#define OUTPUT_MAX 262144u
#define TEXTS_MAX 2000u
#define TOLD_MAX 200u          /* problems, and as many notes */
#define SENTENCE_MAX 1024u

/* The former standard output and error (confine.h). */
#define OUT WIRE_FD_HOST
#define ERR WIRE_FD_PEER

/* The texts of the input. */
enum { APP_ID, APP_FILE, APP_RUN, APP_CONF };

struct checker
{
  struct usher_ctx ctx;        /* first: this is what the connector holds */
  const char *text[TEXTS_MAX]; /* what was read, in its order */
  size_t n;
  struct buf problems, notes;  /* of the answer */
  size_t n_problems, n_notes;
  int32_t status;              /* of open */
};

static struct checker *
checker_of (struct usher_ctx *ctx)
{
  return (struct checker *) (void *) ctx;
}

static void
put_member (struct buf *b, const char *key, const char *text)
{
  char clean[SENTENCE_MAX];

  utf8_clean (text ? text : "", clean, sizeof clean);
  buf_printf (b, "\"%s\":", key);
  buf_put_json (b, clean);
}

/* ---- The helpers.  ---- */

static void
help_log (struct usher_ctx *ctx, uint32_t level, const char *text)
{
  struct checker *c = checker_of (ctx);

  (void) level;
  if (!text || c->n_notes == TOLD_MAX)
    return;
  buf_puts (&c->notes, c->n_notes++ ? ",{" : "{");
  put_member (&c->notes, "text", text);
  buf_puts (&c->notes, "}");
}

static int32_t
help_fail (struct usher_ctx *ctx, const struct usher_fault *fault)
{
  struct checker *c = checker_of (ctx);

  if (!fault || fault->code > -100)
    return USHER_E_MISUSE;
  if (c->n_problems == TOLD_MAX)
    return fault->code;
  buf_puts (&c->problems, c->n_problems++ ? ",{" : "{");
  put_member (&c->problems, "path", USHER_HAS (usher_fault, fault, field) ? fault->field : NULL);
  buf_puts (&c->problems, ",");
  put_member (&c->problems, "text", USHER_HAS (usher_fault, fault, text) ? fault->text : NULL);
  buf_puts (&c->problems, "}");
  return fault->code;
}

static int32_t
help_poll (struct usher_ctx *ctx)
{
  (void) ctx;
  return 0;
}

static int64_t
help_now_ms (struct usher_ctx *ctx)
{
  (void) ctx;
  return clock_now_ms ();
}

static const char *
help_conf (struct usher_ctx *ctx, const char *name, size_t index)
{
  const struct checker *c = checker_of (ctx);
  size_t i;

  if (name && streq (name, "app.file"))
    return index == 0 ? c->text[APP_FILE] : NULL;
  for (i = APP_CONF; name && i + 1 < c->n; i += 2)
    if (streq (c->text[i], name) && index-- == 0)
      return c->text[i + 1];
  return NULL;
}

static const char *
help_secret (struct usher_ctx *ctx, const char *name)
{
  (void) ctx;
  (void) name;
  return NULL;
}

/* What belongs to a session.  A connector that asks for it in open goes on without. */
static int32_t
no_secret_put (struct usher_ctx *ctx, const char *name, const char *value, int64_t expires_ms)
{
  (void) ctx, (void) name, (void) value, (void) expires_ms;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_state_get (struct usher_ctx *ctx, const char *key, const void **ret, size_t *ret_len)
{
  (void) ctx, (void) key, (void) ret, (void) ret_len;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_state_put (struct usher_ctx *ctx, const char *key, const void *p, size_t len)
{
  (void) ctx, (void) key, (void) p, (void) len;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_http_open (struct usher_ctx *ctx, const struct usher_request *request, uint32_t *ret_h)
{
  (void) ctx, (void) request, (void) ret_h;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_http_head (struct usher_ctx *ctx, uint32_t h, struct usher_response *ret)
{
  (void) ctx, (void) h, (void) ret;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_http_read (struct usher_ctx *ctx, uint32_t h, void *buf, size_t cap, size_t *ret_len)
{
  (void) ctx, (void) h, (void) buf, (void) cap, (void) ret_len;
  return USHER_E_UNSUPPORTED;
}

static void
no_http_close (struct usher_ctx *ctx, uint32_t h)
{
  (void) ctx, (void) h;
}

static int32_t
no_section (struct usher_ctx *ctx, uint32_t kind, const char *scope)
{
  (void) ctx, (void) kind, (void) scope;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_section_end (struct usher_ctx *ctx, uint32_t verdict, int64_t total, const char *why)
{
  (void) ctx, (void) verdict, (void) total, (void) why;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_checkpoint (struct usher_ctx *ctx, const void *p, size_t len)
{
  (void) ctx, (void) p, (void) len;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_member (struct usher_ctx *ctx, const struct usher_member *m)
{
  (void) ctx, (void) m;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_role (struct usher_ctx *ctx, const struct usher_role *r)
{
  (void) ctx, (void) r;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_object (struct usher_ctx *ctx, const struct usher_object *o)
{
  (void) ctx, (void) o;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_access (struct usher_ctx *ctx, const struct usher_member *who, const struct usher_access *a)
{
  (void) ctx, (void) who, (void) a;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_role_of (struct usher_ctx *ctx, const struct usher_member *who, const struct usher_kv *role)
{
  (void) ctx, (void) who, (void) role;
  return USHER_E_UNSUPPORTED;
}

static int32_t
no_fact (struct usher_ctx *ctx, const char *key, const char *value)
{
  (void) ctx, (void) key, (void) value;
  return USHER_E_UNSUPPORTED;
}

/* Of a response there is nothing to ask, as no request is let out; no section opens, no row passes. */
static const struct usher_host check_table = {
  .abi = { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof (struct usher_host), 0 },
  .log = help_log,
  .fail = help_fail,
  .poll = help_poll,
  .now_ms = help_now_ms,
  .conf = help_conf,
  .secret = help_secret,
  .secret_put = no_secret_put,
  .state_get = no_state_get,
  .state_put = no_state_put,
  .http_open = no_http_open,
  .http_head = no_http_head,
  .http_read = no_http_read,
  .http_close = no_http_close,
  .section = no_section,
  .section_end = no_section_end,
  .checkpoint = no_checkpoint,
  .emit_member = no_member,
  .emit_role = no_role,
  .emit_object = no_object,
  .emit_access = no_access,
  .emit_role_of = no_role_of,
  .fact = no_fact,
};

/* ---- The check ---- */

static int
say (const char *text)
{
  char line[LOAD_TEXT_MAX + 32];
  int n = snprintf (line, sizeof line, "usher-worker: %s\n", text);

  (void) io_write_all (ERR, line, MIN ((size_t) n, sizeof line - 1));
  return EXIT_FAILURE;
}

/* Cuts the input at its zero bytes; false when it is not as it must be. */
static bool
split (struct checker *c, const struct buf *in)
{
  size_t at = 0;

  if (!in->len || in->data[in->len - 1])
    return false;
  for (; at < in->len && c->n < TEXTS_MAX; at += strlen (in->data + at) + 1)
    c->text[c->n++] = in->data + at;
  return c->n >= APP_CONF;
}

static int
answer (struct checker *c)
{
  _cleanup_ (buf_done) struct buf json = BUF_INIT (2 * OUTPUT_MAX);

  buf_puts (&json, "{\"problems\":[");
  buf_put (&json, c->problems.data, c->problems.len);
  buf_puts (&json, "],\"notes\":[");
  buf_put (&json, c->notes.data, c->notes.len);
  buf_printf (&json, "],\"status\":%" PRId32 "}\n", c->status);
  if (buf_error (&json) || buf_error (&c->problems) || buf_error (&c->notes)
      || io_write_all (OUT, json.data, json.len) < 0)
    return EXIT_FAILURE;
  return EXIT_SUCCESS;
}

/* Opens the connector as a session would. */
static void
run_open (struct checker *c, const struct usher_connector *connector)
{
  const struct usher_hub hub = { sizeof hub, 0, c->text[APP_ID], c->text[APP_RUN], strlen (c->text[APP_RUN]) };
  void *self = NULL;

  c->status = connector->open (&c->ctx, &hub, &self);
  if (c->status == USHER_DONE)
    connector->close (&c->ctx, self);
}

int
check_app (const char *path, const struct load_dirs *dirs)
{
  static struct checker c = { .problems = BUF_INIT (OUTPUT_MAX), .notes = BUF_INIT (OUTPUT_MAX) };
  _cleanup_ (buf_done) struct buf in = BUF_INIT (INPUT_MAX);
  char text[LOAD_TEXT_MAX], full[PATH_MAX];
  const char *unprotected;
  struct connector connector;
  int status;

  if (!realpath (path, full) || io_read_fd (STDIN_FILENO, &in) < 0 || !split (&c, &in))
    {
      (void) fprintf (stderr, "usher-worker: %s or what stands on standard input cannot be read\n", path);
      return EXIT_FAILURE;
    }
  if (confine_process (CONFINE_INSPECT) < 0 || confine_code (full, dirs, &unprotected) < 0)
    {
      (void) say ("this process cannot be confined, so no connector is loaded");
      return WIRE_EXIT_UNCONFINED;
    }
  if (load_connector (full, dirs, &connector, text) < 0)
    return say (text);
  c.ctx.host = &check_table;
  run_open (&c, &connector.table);
  status = answer (&c);
  buf_done (&c.problems);
  buf_done (&c.notes);
  return status;
}
