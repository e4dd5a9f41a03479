/* A connector whose open ends as "run" says: {"how": "silent"} and the like.  What usher app check
   makes of that is tested with it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <usher/connector.h>

static int32_t
fail_at (struct usher_ctx *ctx, const char *field)
{
  const struct usher_fault fault = { .size = sizeof fault, .code = USHER_E_CONFIG, .text = "It is not to be.",
                                     .field = field };

  return usher_fail (ctx, &fault);
}

static bool
is_how (const struct usher_hub *hub, const char *how)
{
  char run[64];
  int n = snprintf (run, sizeof run, "{\"how\":\"%s\"}", how);

  return n >= 0 && (size_t) n == hub->spec_len && memcmp (run, hub->spec, hub->spec_len) == 0;
}

static int32_t
refuse_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  *ret_self = NULL;
  if (is_how (hub, "silent"))
    return USHER_E_CONFIG;
  if (is_how (hub, "with a sentence"))
    return fail_at (ctx, NULL);
  if (is_how (hub, "about hosts"))
    return fail_at (ctx, "hosts[0]");
  if (is_how (hub, "about a field"))
    return fail_at (ctx, "team");
  if (is_how (hub, "about run"))
    return fail_at (ctx, "run.how");
  if (is_how (hub, "not at all"))
    (void) fail_at (ctx, NULL);
  if (is_how (hub, "with a word"))
    usher_log (ctx, USHER_LOG_INFO, "run");
  return USHER_DONE;
}

static void
refuse_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  (void) self;
}

static int32_t
refuse_check (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  (void) self;
  return USHER_DONE;
}

static int32_t
refuse_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  (void) ctx;
  (void) self;
  (void) want;
  return USHER_DONE;
}

const struct usher_connector *usher_connector_v1 (void);

__attribute__ ((visibility ("default"))) const struct usher_connector *
usher_connector_v1 (void)
{
  static const struct usher_connector c = {
    .abi = { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof c, 0 },
    .name = "refuse",
    .version = "1",
    .open = refuse_open,
    .close = refuse_close,
    .check = refuse_check,
    .list = refuse_list,
  };

  return &c;
}
