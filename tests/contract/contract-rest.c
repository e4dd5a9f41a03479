/* The descriptor engine of plugins/seat under the contract, with each style of paging, and with
   several passes.  */
#include <config.h>

#include "tests/contract/contract.h"
#include "tests/contract/rest-specs.h"

#include <stdlib.h>

static void *
start (void)
{
  struct rest_app *app = calloc (1, sizeof *app);

  if (!app)
    abort ();
  rest_app_init (app);
  rest_app_fill (app, 11);
  return app;
}

static void
stop (void *app)
{
  rest_app_done (app);
  free (app);
}

static uint64_t
effects (void *app)
{
  return ((const struct rest_app *) app)->effects;
}

#define COMMON .conf = conf, .start = start, .stop = stop, .http = rest_app_http, .effects = effects, \
               .present = "m5", .absent = "m99", .email = "new@example.com", .role = "admin"

static const struct usher_kv conf[] = { { "base_url", REST_APP_BASE "/" }, { NULL, NULL } };

const struct contract_app contract_apps[] = {
  { .name = "number", .spec = REST_SPEC_OF (REST_PASS (REST_NUMBER)), COMMON },
  { .name = "pages", .spec = REST_SPEC_OF (REST_PASS (REST_PAGES)), COMMON },
  { .name = "empty", .spec = REST_SPEC_OF (REST_PASS (REST_EMPTY)), COMMON },
  { .name = "offset", .spec = REST_SPEC_OF (REST_PASS (REST_OFFSET)), COMMON },
  { .name = "short", .spec = REST_SPEC_OF (REST_PASS (REST_SHORT)), COMMON },
  { .name = "cursor", .spec = REST_SPEC_OF (REST_PASS (REST_CURSOR)), COMMON },
  { .name = "link", .spec = REST_SPEC_OF (REST_PASS (REST_LINK)), COMMON },
  { .name = "next", .spec = REST_SPEC_OF (REST_PASS (REST_NEXT)), COMMON },
  { .name = "passes", .spec = REST_SPEC_OF (REST_PASS (REST_NUMBER) "," REST_PASS (REST_CURSOR)), COMMON },
};
const int contract_n_apps = sizeof contract_apps / sizeof contract_apps[0];
