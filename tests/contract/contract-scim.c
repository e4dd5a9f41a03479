/* The SCIM client of plugins/seat under the contract: by index and by cursor, with each carrier
   of roles and each way to leave.  */
#include <config.h>

#include "tests/contract/contract.h"
#include "tests/contract/scim-app.h"

#include <stdlib.h>

static void *
start (void)
{
  struct scim_app *s = calloc (1, sizeof *s);

  if (!s)
    abort ();
  scim_app_init (s);
  for (unsigned i = 1; i <= 11; i++)
    double_add_user (s->app, i, i == 1 ? "admin" : "member");
  double_add_group (s->app, 1, 1, 4);
  double_add_group (s->app, 2, 3, 9);
  double_add_group (s->app, 3, 11, 11);
  return s;
}

static void *
start_cursor (void)
{
  struct scim_app *s = start ();

  s->app->traps.cursors = true;
  return s;
}

/* The least that is still SCIM: no PATCH, no filter, answers without bodies, no User.groups. */
static void *
start_poor (void)
{
  struct scim_app *s = start ();
  struct double_traps *traps = &s->app->traps;

  traps->no_patch = traps->filter_refused = traps->no_body = true;
  traps->no_user_groups = traps->gone_empty = true;
  return s;
}

static void
stop (void *app)
{
  scim_app_done (app);
  free (app);
}

static uint64_t
effects (void *app)
{
  return ((const struct scim_app *) app)->app->effects;
}

#define SPEC "{\"scim\":{\"page\":4,\"patch\":\"path\",\"find\":\"userName\"}}"
#define COMMON .stop = stop, .http = scim_app_http, .effects = effects, .present = "u5", \
               .absent = "u99", .email = "new@example.com"
#define BASE { "base_url", DOUBLE_BASE "/" }

static const struct usher_kv deactivate[] = { BASE, { NULL, NULL } };
static const struct usher_kv delete[] = { BASE, { "leave", "delete" }, { NULL, NULL } };
static const struct usher_kv strip[] = { BASE, { "leave", "strip" }, { "roles", "owner" },
                                          { NULL, NULL } };
static const struct usher_kv by_groups[] = { BASE, { "role_from", "groups" },
                                              { "leave", "strip" }, { NULL, NULL } };
static const struct usher_kv by_urn[] = {
  BASE, { "role_from", "urn:ietf:params:scim:schemas:extension:notion:2.0:User:role" },
  { NULL, NULL }
};

const struct contract_app contract_apps[] = {
  { .name = "index", .spec = SPEC, .conf = deactivate, .start = start, .role = "admin", COMMON },
  { .name = "cursor", .spec = SPEC, .conf = delete, .start = start_cursor, .role = "admin",
    COMMON },
  { .name = "strip", .spec = SPEC, .conf = strip, .start = start, .role = "owner", COMMON },
  { .name = "groups", .spec = SPEC, .conf = by_groups, .start = start, .role = "g1", COMMON },
  { .name = "urn", .spec = SPEC, .conf = by_urn, .start = start, .role = "owner", COMMON },
  { .name = "poor", .spec = SPEC, .conf = deactivate, .start = start_poor, .role = "admin",
    COMMON },
  { .name = "poor groups", .spec = SPEC, .conf = by_groups, .start = start_poor, .role = "g1",
    COMMON },
};
const int contract_n_apps = sizeof contract_apps / sizeof contract_apps[0];
