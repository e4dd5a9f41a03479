/* Owns the helpers that neither list nor fetch, what usherd sends, and how a broken
   contract is remembered. */
#include <config.h>

#include "host/worker/host.h"

#include <stdarg.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/common/row.h"
#include "host/common/text.h"

int32_t
host_enter (struct host *h)
{
  link_poll (&h->link);
  if (h->cancelled)
    return USHER_E_CANCELLED;
  return h->broken;
}

static void
set_fault (struct host_fault *f, int32_t code, const char *text, const char *field,
           const char *url, int64_t until_ms)
{
  f->code = code;
  utf8_clean (text ? text : "", f->text, sizeof f->text);
  utf8_clean (field ? field : "", f->field, sizeof f->field);
  utf8_clean (url ? url : "", f->url, sizeof f->url);
  f->has_field = field;
  f->has_url = url;
  f->until_ms = until_ms;
}

static _printf_ (3, 0) int32_t
refuse (struct host *h, int32_t status, const char *fmt, va_list ap)
{
  char text[HOST_LINE_MAX];

  if (!h->broken)
    {
      (void) vsnprintf (text, sizeof text, fmt, ap);
      set_fault (&h->fault, status, text, NULL, NULL, 0);
      h->broken = status;
    }
  return status;
}

int32_t
host_refuse (struct host *h, int32_t status, const char *fmt, ...)
{
  va_list ap;
  int32_t r;

  va_start (ap, fmt);
  r = refuse (h, status, fmt, ap);
  va_end (ap);
  return r;
}

int32_t
host_misuse (struct host *h, const char *fmt, ...)
{
  va_list ap;
  int32_t r;

  va_start (ap, fmt);
  r = refuse (h, USHER_E_MISUSE, fmt, ap);
  va_end (ap);
  return r;
}

int32_t
host_unsendable (struct host *h, int error, const char *what)
{
  if (error == -E2BIG)
    return host_refuse (h, USHER_E_LIMIT, "%s is over its limit", what);
  if (error == -EINVAL)
    return host_misuse (h, "the connector passed %s that lacks what is required or is not UTF-8",
                        what);
  return host_refuse (h, USHER_E_NOMEM, "no memory for %s", what);
}

bool
host_holds_secret (const struct host *h, const void *p, size_t len)
{
  size_t i;

  for (i = 0; len && i < h->start.secrets.n; i++)
    {
      const char *s = h->start.secrets.v[i].value;

      if (s && *s && memmem (p, len, s, strlen (s)))
        return true;
    }
  return false;
}

int32_t
host_ask (struct host *h, uint16_t type, const void *msg)
{
  int r;

  h->asked++;
  h->waiting = h->asked;
  r = link_to_host (&h->link, type, h->asked, msg);
  if (r < 0)
    {
      h->waiting = 0;
      return host_unsendable (h, r, "a value");
    }
  while (h->waiting && !h->cancelled)
    link_wait (&h->link);
  if (!h->waiting)
    return h->reply_status;
  h->waiting = 0;
  return USHER_E_CANCELLED;
}

/* What usherd sends.  */

static void
on_reply (struct host *h, const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  union wire_message m;

  if (wire_decode (f->type, f->payload, f->len, &arena, &m) < 0 || f->stream > h->asked)
    link_leave (WIRE_EXIT_PROTOCOL);
  /* A late answer to a question that a CANCEL ended. */
  if (!h->waiting || f->stream != h->waiting)
    return;
  buf_reset (&h->reply);
  buf_put (&h->reply, m.reply.value.data, m.reply.value.len);
  h->reply_status = buf_error (&h->reply) ? USHER_E_NOMEM : m.reply.status;
  h->waiting = 0;
}

static void
on_host (void *arg, const struct wire_frame *f)
{
  struct host *h = arg;

  switch (f->type)
    {
    case WIRE_CALL:
      if (h->busy || h->called)
        link_leave (WIRE_EXIT_PROTOCOL);
      buf_reset (&h->call);
      buf_put (&h->call, f->payload, f->len);
      if (buf_error (&h->call))
        link_leave (WIRE_EXIT_PROTOCOL);
      h->called = true;
      break;
    case WIRE_REPLY:
      on_reply (h, f);
      break;
    case WIRE_CANCEL:
      /* One that crosses with the RESULT has come too late. */
      h->cancelled = h->busy;
      break;
    case WIRE_END:
      h->cancelled = h->busy;
      h->ending = true;
      break;
    default:
      link_leave (WIRE_EXIT_PROTOCOL);
    }
}

const struct link_events host_events = {
  .host = on_host,
  .peer = host_on_peer,
  .peer_gone = host_on_peer_gone,
};

/* The helpers.  */

static void
help_log (struct usher_ctx *ctx, uint32_t level, const char *text)
{
  static const char over[] = "the connector logged more than 200 lines; the rest is dropped";
  struct host *h = host_of (ctx);
  char line[HOST_LINE_MAX + 1];
  struct wire_log msg = { LOG_LEVEL_INFO, line };

  if (!text || h->lines > HOST_LINES_MAX)
    return;
  if (level == LOG_LEVEL_ERROR || level == LOG_LEVEL_WARNING || level == LOG_LEVEL_DEBUG)
    msg.level = level;
  if (h->lines == HOST_LINES_MAX)
    msg = (struct wire_log) { LOG_LEVEL_WARNING, over };
  else
    utf8_clean (text, line, sizeof line);
  h->lines++;
  (void) link_to_host (&h->link, WIRE_LOG, 0, &msg);
}

static int32_t
help_fail (struct usher_ctx *ctx, const struct usher_fault *given)
{
  struct host *h = host_of (ctx);
  struct usher_fault copy;
  const struct usher_fault *f;

  if (!given)
    return host_misuse (h, "the connector passed no fault to fail");
  f = ROW_COVERED (usher_fault, given, &copy);
  if (f->code > -100)
    return host_misuse (h, "the connector failed with %d, which is no error", f->code);
  if (!h->broken)
    set_fault (&h->fault, f->code, f->text, f->field, f->url, f->until_ms);
  return f->code;
}

static int32_t
help_poll (struct usher_ctx *ctx)
{
  return host_enter (host_of (ctx));
}

static int64_t
help_now_ms (struct usher_ctx *ctx)
{
  (void) ctx;
  return clock_now_ms ();
}

static const char *
find_value (const struct wire_kvs *kvs, const char *name, size_t index)
{
  size_t i;

  for (i = 0; name && i < kvs->n; i++)
    if (streq (kvs->v[i].key, name) && index-- == 0)
      return kvs->v[i].value;
  return NULL;
}

static const char *
help_conf (struct usher_ctx *ctx, const char *name, size_t index)
{
  return find_value (&host_of (ctx)->start.conf, name, index);
}

static const char *
help_secret (struct usher_ctx *ctx, const char *name)
{
  return find_value (&host_of (ctx)->start.secrets, name, 0);
}

static int32_t
help_secret_put (struct usher_ctx *ctx, const char *name, const char *value, int64_t expires_ms)
{
  struct host *h = host_of (ctx);
  const struct wire_secret_put msg = { name, value, expires_ms };
  int32_t r = host_enter (h);

  if (r < 0)
    return r;
  if (!h->op || !name || !*name || !value || expires_ms < 0)
    return host_misuse (h, "the connector stored a secret without a name or value, or out of "
                        "place");
  return host_ask (h, WIRE_SECRET_PUT, &msg);
}

static int32_t
help_state_get (struct usher_ctx *ctx, const char *key, const void **ret, size_t *ret_len)
{
  struct host *h = host_of (ctx);
  const struct wire_state msg = { .key = key };
  int32_t r = host_enter (h);

  if (r < 0)
    return r;
  if (!key || !*key || !ret || !ret_len)
    return host_misuse (h, "the connector asked for a state without a key");
  r = host_ask (h, WIRE_STATE_GET, &msg);
  if (r < 0)
    return r;
  *ret = h->reply.len ? h->reply.data : NULL;
  *ret_len = h->reply.len;
  return r;
}

static int32_t
help_state_put (struct usher_ctx *ctx, const char *key, const void *p, size_t len)
{
  struct host *h = host_of (ctx);
  const struct wire_state msg = { key, { p, len } };
  int32_t r = host_enter (h);

  if (r < 0)
    return r;
  if (!key || !*key || (!p && len))
    return host_misuse (h, "the connector kept a state without a key or bytes");
  if (len > HOST_BLOB_MAX)
    return host_refuse (h, USHER_E_LIMIT, "a state of %zu bytes is over %u", len, HOST_BLOB_MAX);
  if (host_holds_secret (h, p, len))
    return host_misuse (h, "the connector wanted to keep a secret in its state");
  return host_ask (h, WIRE_STATE_PUT, &msg);
}

static int32_t
help_fact (struct usher_ctx *ctx, const char *key, const char *value)
{
  struct host *h = host_of (ctx);
  const struct wire_fact msg = { key, value };
  int32_t status = host_enter (h);
  int r;

  if (status < 0)
    return status;
  if (!key || !*key || !value)
    return host_misuse (h, "the connector told a fact without a key or value");
  if (h->facts == HOST_FACTS_MAX)
    return host_refuse (h, USHER_E_LIMIT, "more than %u facts in one operation", HOST_FACTS_MAX);
  h->facts++;
  r = link_to_host (&h->link, WIRE_FACT, 0, &msg);
  return r < 0 ? host_unsendable (h, r, "a fact") : USHER_DONE;
}

const struct usher_host host_table = {
  .abi = { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof (struct usher_host), 0 },
  .log = help_log,
  .fail = help_fail,
  .poll = help_poll,
  .now_ms = help_now_ms,
  .conf = help_conf,
  .secret = help_secret,
  .secret_put = help_secret_put,
  .state_get = help_state_get,
  .state_put = help_state_put,
  .http_open = host_http_open,
  .http_head = host_http_head,
  .http_read = host_http_read,
  .http_close = host_http_close,
  .section = host_section,
  .section_end = host_section_end,
  .checkpoint = host_checkpoint,
  .emit_member = host_emit_member,
  .emit_role = host_emit_role,
  .emit_object = host_emit_object,
  .emit_access = host_emit_access,
  .emit_role_of = host_emit_role_of,
  .fact = help_fact,
};
