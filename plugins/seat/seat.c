/* The connector "seat": apps whose members are seats, reached by a common protocol.  It owns the
   table of operations; "run" of the app file says which protocol an app speaks.  */
#include <config.h>

#include "plugins/seat/rest/shape.h"
#include "plugins/seat/scim.h"

#include <string.h>

static int32_t
seat_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  json_t *spec = json_loadb (hub->spec ? hub->spec : "", hub->spec_len, JSON_REJECT_DUPLICATES,
                             NULL);
  struct scim *s = NULL;
  int32_t r = spec ? descriptor_check (ctx, spec)
                   : scim_fail (ctx, USHER_E_CONFIG, "run", "The app file's run cannot be read");

  if (r >= 0 && !json_object_get (spec, "scim"))
    r = scim_fail (ctx, USHER_E_UNSUPPORTED, "run.rest", "This connector cannot carry out run.rest");
  if (r >= 0)
    r = scim_open (ctx, json_object_get (spec, "scim"), &s);
  json_decref (spec);
  if (r >= 0)
    *ret_self = s;
  return r;
}

static void
seat_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  scim_free (self);
}

static int32_t
seat_check (struct usher_ctx *ctx, void *self)
{
  return scim_check (ctx, self);
}

static int32_t
seat_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  return scim_list (ctx, self, want);
}

static int32_t
seat_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  return scim_read (ctx, self, who);
}

static int32_t
seat_invite (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  return scim_invite (ctx, self, change);
}

static int32_t
seat_set_role (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  return scim_set_role (ctx, self, change);
}

static int32_t
seat_remove (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  return scim_remove (ctx, self, change);
}

static const struct usher_connector connector = {
  .abi = USHER_CONNECTOR_ABI (0),
  .name = "seat",
  .version = PACKAGE_VERSION,
  .open = seat_open,
  .close = seat_close,
  .check = seat_check,
  .list = seat_list,
  .read = seat_read,
  .invite = seat_invite,
  .set_role = seat_set_role,
  .remove = seat_remove,
};

USHER_CONNECTOR_ENTRY (&connector)
