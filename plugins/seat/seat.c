/* The connector "seat": apps whose members are seats, reached by a common protocol.  It owns the
   table of operations; "run" of the app file says which protocol an app speaks.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"
#include "plugins/seat/rest/shape.h"
#include "plugins/seat/scim.h"

#include <string.h>

/* One open hub speaks one of these; the other is NULL. */
struct seat
{
  struct scim *scim;
  struct rest *rest;
};

static int32_t
open_run (struct usher_ctx *ctx, const json_t *run, struct seat *s)
{
  json_t *scim = json_object_get (run, "scim"), *rest = json_object_get (run, "rest");

  if (json_is_object (rest))
    return rest_new (ctx, rest, &s->rest);
  return json_is_object (scim)
         ? scim_open (ctx, scim, &s->scim)
         : seat_fail (ctx, USHER_E_CONFIG, NULL, "The app file's run has neither \"scim\" nor \"rest\"");
}

static int32_t
seat_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  json_t *run = json_loadb (hub->spec ? hub->spec : "", hub->spec_len, JSON_REJECT_DUPLICATES, NULL);
  struct seat *s = calloc (1, sizeof *s);
  int32_t r = USHER_E_NOMEM;

  if (s)
    r = run ? descriptor_check (ctx, run) : seat_fail (ctx, USHER_E_CONFIG, "run", "The app file's run cannot be read");
  if (r >= 0)
    r = open_run (ctx, run, s);
  json_decref (run);
  if (r < 0)
    free (s);
  else
    *ret_self = s;
  return r;
}

static void
seat_close (struct usher_ctx *ctx, void *self)
{
  struct seat *s = self;

  (void) ctx;
  scim_free (s->scim);
  rest_free (s->rest);
  free (s);
}

/* SCIM needs nothing but an auth rule. */
static int32_t
seat_login (struct usher_ctx *ctx, void *self, const struct usher_login *login)
{
  struct seat *s = self;

  return s->rest ? rest_login (ctx, s->rest, login) : USHER_E_UNSUPPORTED;
}

static int32_t
seat_check (struct usher_ctx *ctx, void *self)
{
  struct seat *s = self;

  return s->rest ? rest_check (ctx, s->rest) : scim_check (ctx, s->scim);
}

static int32_t
seat_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  struct seat *s = self;

  return s->rest ? rest_list (ctx, s->rest, want) : scim_list (ctx, s->scim, want);
}

static int32_t
seat_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  struct seat *s = self;

  return s->rest ? rest_read (ctx, s->rest, who) : scim_read (ctx, s->scim, who);
}

static int32_t
seat_invite (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  struct seat *s = self;

  return s->rest ? rest_invite (ctx, s->rest, change) : scim_invite (ctx, s->scim, change);
}

static int32_t
seat_set_role (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  struct seat *s = self;

  return s->rest ? rest_set_role (ctx, s->rest, change) : scim_set_role (ctx, s->scim, change);
}

static int32_t
seat_remove (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  struct seat *s = self;

  return s->rest ? rest_remove (ctx, s->rest, change) : scim_remove (ctx, s->scim, change);
}

static int32_t
seat_resend (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  struct seat *s = self;

  return s->rest ? rest_resend (ctx, s->rest, change) : USHER_E_UNSUPPORTED;
}

static const struct usher_connector connector = {
  .abi = USHER_CONNECTOR_ABI (0),
  .name = "seat",
  .version = PACKAGE_VERSION,
  .open = seat_open,
  .close = seat_close,
  .login = seat_login,
  .check = seat_check,
  .list = seat_list,
  .read = seat_read,
  .invite = seat_invite,
  .set_role = seat_set_role,
  .remove = seat_remove,
  .resend = seat_resend,
};

USHER_CONNECTOR_ENTRY (&connector)
