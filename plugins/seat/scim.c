/* One hub of a SCIM 2.0 application: its settings, what the app says of itself, and the check.
   The operations proper are in scim-list.c, scim-find.c and scim-write.c.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

/* ---- Settings ---- */

static int32_t
take_base (struct usher_ctx *ctx, struct scim *s)
{
  const char *url = usher_conf (ctx, "base_url", 0);
  size_t len = url ? strlen (url) : 0;

  if (!url || (strncmp (url, "https://", 8) != 0 && strncmp (url, "http://", 7) != 0))
    return seat_fail (ctx, USHER_E_CONFIG, "base_url",
                      "The base URL must begin with https:// or http://");
  if (strpbrk (url, "?#") || len > TEXT_MAX / 4)
    return seat_fail (ctx, USHER_E_CONFIG, "base_url",
                      "The base URL is an address that stands before /Users, without ? and #");
  while (len > 0 && url[len - 1] == '/')
    len--;
  s->base = strndup (url, len);
  return s->base ? USHER_DONE : USHER_E_NOMEM;
}

/* urn:SCHEMA:attribute, with a colon or a dot before the attribute. */
static int32_t
take_urn (struct usher_ctx *ctx, struct scim *s, const char *urn)
{
  const char *colon = strrchr (urn, ':');
  const char *dot = strrchr (urn, '.');
  const char *cut = dot && dot > colon ? dot : colon;
  size_t len = (size_t) (cut - urn);

  if (len <= strlen ("urn:") || cut[1] == '\0' || strpbrk (urn, "'\"[] ")
      || strlen (urn) >= USHER_ROWS_PATH_MAX - 8)
    return seat_fail (ctx, USHER_E_CONFIG, "role_from",
                      "A URN names a schema and, behind its last colon or dot, an attribute");
  s->carrier = SCIM_ATTRIBUTE;
  s->attribute = strdup (cut + 1);
  if (!s->attribute)
    return USHER_E_NOMEM;
  /* Attributes of the core schema stand in the user itself (RFC 7643 3.3). */
  if (len == strlen (SCIM_CORE) && strncmp (urn, SCIM_CORE, len) == 0)
    return USHER_DONE;
  s->schema = strndup (urn, len);
  return s->schema ? USHER_DONE : USHER_E_NOMEM;
}

static int32_t
take_role_from (struct usher_ctx *ctx, struct scim *s)
{
  static const char *const names[] = {
    [SCIM_ROLES] = "roles", [SCIM_ENTITLEMENTS] = "entitlements", [SCIM_GROUPS] = "groups",
  };
  const char *from = usher_conf (ctx, "role_from", 0);

  if (!from || !*from)
    from = names[SCIM_ROLES];
  if (strncmp (from, "urn:", 4) == 0)
    return take_urn (ctx, s, from);
  for (size_t i = 0; i < ARRAY_SIZE (names); i++)
    if (strcmp (from, names[i]) == 0)
      {
        s->carrier = (enum scim_carrier) i;
        s->attribute = strdup (names[i]);
        return s->attribute ? USHER_DONE : USHER_E_NOMEM;
      }
  return seat_fail (ctx, USHER_E_CONFIG, "role_from",
                    "The role stands in roles, entitlements, groups, or an attribute by its URN");
}

static int32_t
take_leave (struct usher_ctx *ctx, struct scim *s)
{
  static const char *const names[] = {
    [SCIM_DEACTIVATE] = "deactivate", [SCIM_DELETE] = "delete", [SCIM_STRIP] = "strip",
  };
  const char *leave = usher_conf (ctx, "leave", 0);

  for (size_t i = 0; i < ARRAY_SIZE (names); i++)
    if (!leave || !*leave || strcmp (leave, names[i]) == 0)
      {
        s->leave = (enum scim_leave) i;
        return USHER_DONE;
      }
  return seat_fail (ctx, USHER_E_CONFIG, "leave", "People leave by deactivate, delete or strip");
}

/* ---- "run" of the app file, of whose form descriptor_check is sure ---- */

/* The string NAME of RUN, or FALLBACK; a new copy. */
static int32_t
take_string (const json_t *run, const char *name, const char *fallback, char **ret)
{
  const char *text = json_string_value (json_object_get (run, name));

  *ret = strdup (text && *text ? text : fallback);
  return *ret ? USHER_DONE : USHER_E_NOMEM;
}

/* "patch": "path" or "value" is the form of PATCH, false is none; without it the app says.
   "put": false forbids PUT. */
static void
take_writing (struct scim *s, const json_t *run)
{
  const json_t *patch = json_object_get (run, "patch");

  s->patch_set = json_is_false (patch);
  s->patch = !s->patch_set;
  s->patch_by_value = json_is_string (patch) && strcmp (json_string_value (patch), "value") == 0;
  s->put = !json_is_false (json_object_get (run, "put"));
}

static void
take_paging (struct scim *s, const json_t *run)
{
  const json_t *page = json_object_get (run, "page");
  const char *paging = json_string_value (json_object_get (run, "paging"));

  s->page = page ? (uint64_t) json_integer_value (page) : 1000;
  s->paging = !paging ? SCIM_PAGING_AUTO
              : strcmp (paging, "index") == 0 ? SCIM_PAGING_INDEX : SCIM_PAGING_CURSOR;
}

static int32_t
take_run (struct usher_ctx *ctx, struct scim *s, const json_t *run)
{
  int32_t r = take_string (run, "find", "userName", &s->find);

  take_writing (s, run);
  take_paging (s, run);
  if (r >= 0)
    r = take_string (run, "content_type", "application/scim+json", &s->content_type);
  s->idempotency = usher_conf (ctx, "add.idempotency", 0);
  if (r >= 0)
    s->find_by_email = text_has (s->find, "email");
  return r;
}

/* ---- Programs ---- */

static int32_t
make_programs (struct scim *s)
{
  /* id and displayName at the places where users have id and userName. */
  static const char *const group[] = { "id", "displayName" };
  static const char *const list[] = { "totalResults", "nextCursor" };
  static const char *const member[] = { "value", "type", "$ref" };
  static const char *const self[] = { "id" };
  struct usher_rows_spec groups = { .size = sizeof groups, .flags = USHER_ROWS_NOCASE,
                                    .items = "Resources[]", .fields = group, .n_fields = 2,
                                    .page = list, .n_page = 2 };
  struct usher_rows_spec members = { .size = sizeof members, .flags = USHER_ROWS_NOCASE,
                                     .items = "members[]", .fields = member, .n_fields = 3,
                                     .page = self, .n_page = 1 };
  int32_t r = scim_user_programs (s);

  if (r >= 0)
    r = usher_rows_new (&groups, &s->groups);
  return r < 0 ? r : usher_rows_new (&members, &s->members);
}

void
scim_free (struct scim *s)
{
  if (!s)
    return;
  usher_rows_free (s->users);
  usher_rows_free (s->user);
  usher_rows_free (s->groups);
  usher_rows_free (s->members);
  free (s->base);
  free (s->schema);
  free (s->attribute);
  free (s->find);
  free (s->content_type);
  free (s);
}

int32_t
scim_open (struct usher_ctx *ctx, json_t *run, struct scim **ret)
{
  struct scim *s = calloc (1, sizeof *s);
  int32_t r;

  if (!s)
    return USHER_E_NOMEM;
  r = take_base (ctx, s);
  if (r >= 0)
    r = take_role_from (ctx, s);
  if (r >= 0)
    r = take_leave (ctx, s);
  if (r >= 0)
    r = take_run (ctx, s, run);
  if (r >= 0)
    r = make_programs (s);
  if (r < 0)
    {
      scim_free (s);
      return r;
    }
  *ret = s;
  return USHER_DONE;
}

/* ---- What the app says of itself ---- */

static bool
supported (json_t *config, const char *block, bool fallback)
{
  json_t *value = scim_get (scim_get (config, block), "supported");

  return json_is_boolean (value) ? json_is_true (value) : fallback;
}

static void
take_hints (struct scim *s, json_t *config)
{
  json_t *pagination = scim_get (config, "pagination");
  json_t *page_max = scim_get (pagination, "maxPageSize");

  s->etag = supported (config, "etag", false);
  if (!s->patch_set)
    s->patch = supported (config, "patch", true);
  s->cursor = json_is_true (scim_get (pagination, "cursor"));
  if (json_is_integer (page_max) && json_integer_value (page_max) > 0)
    s->page_max = (uint64_t) json_integer_value (page_max);
}

int32_t
scim_hints (struct usher_ctx *ctx, struct scim *s)
{
  _cleanup_ (freep) char *url = NULL;
  struct scim_answer a = { 0 };
  json_t *config;
  int32_t r;

  if (s->hinted)
    return USHER_DONE;
  s->hinted = true;
  url = scim_url (s, "ServiceProviderConfig", NULL);
  r = scim_call (ctx, s, "GET", url, NULL, NULL, &a);
  if (r == USHER_E_CANCELLED || r == USHER_E_NOMEM)
    return r;
  if (r < 0)
    return USHER_DONE;
  config = a.status == 200 && a.body ? json_loadb (a.body, a.len, JSON_ALLOW_NUL, NULL) : NULL;
  if (config)
    take_hints (s, config);
  json_decref (config);
  scim_answer_done (&a);
  return USHER_DONE;
}

/* ---- Check ---- */

static int32_t
on_one (void *arg, const struct usher_item *item)
{
  struct scim *s = arg;
  struct scim_view view;

  return scim_user_view (s, item, &view);
}

static int32_t
on_any (void *arg, const struct usher_item *item)
{
  (void) arg;
  (void) item;
  return USHER_DONE;
}

/* One entry of KIND, asked for by cursor or by index.  USHER_ABSENT: this app may know the other
   way only. */
static int32_t
probe_page (struct usher_ctx *ctx, struct scim *s, const char *kind, bool by_cursor,
            struct usher_rows *rows, usher_rows_fn *fn)
{
  _cleanup_ (freep) char *url = scim_url_page (s, kind, 1, by_cursor ? "" : NULL, 1);
  struct usher_response response = { .size = sizeof response };
  struct scim_answer a = { 0 };
  uint32_t h;
  int32_t r = scim_get_open (ctx, url, &h);

  if (r < 0)
    return r;
  r = usher_http_head (ctx, h, &response);
  if (r >= 0 && response.status == 200)
    {
      r = usher_rows_each (rows, ctx, h, fn, s);
      if (r == USHER_E_SHAPE
          || (r >= 0 && !usher_rows_present (rows) && !usher_rows_page (rows, 0)))
        r = seat_fail (ctx, USHER_E_SHAPE, NULL,
                       "What answers at the base URL does not speak SCIM; check the base URL");
    }
  else if (r >= 0)
    {
      r = scim_answer_read (ctx, h, &a);
      if (r >= 0)
        r = by_cursor && s->paging == SCIM_PAGING_AUTO && (a.status == 400 || a.status == 501)
              ? USHER_ABSENT
              : scim_error (ctx, &a, SCIM_TO_LIST);
      scim_answer_done (&a);
    }
  usher_http_close (ctx, h);
  return r;
}

/* Proves address, token and right, the way a listing will go. */
static int32_t
probe (struct usher_ctx *ctx, struct scim *s, const char *kind, struct usher_rows *rows,
       usher_rows_fn *fn)
{
  int32_t r = probe_page (ctx, s, kind, scim_by_cursor (s), rows, fn);

  return r == USHER_ABSENT ? probe_page (ctx, s, kind, /* by_cursor */ false, rows, fn) : r;
}

int32_t
scim_check (struct usher_ctx *ctx, struct scim *s)
{
  struct scim_roles roles = { 0 };
  int32_t r = scim_hints (ctx, s);

  if (r >= 0 && !s->patch && !s->put)
    r = usher_fact (ctx, "cannot.update-role", "The app has neither PATCH nor PUT");
  if (r >= 0)
    r = probe (ctx, s, "Users", s->users, on_one);
  if (r >= 0 && s->carrier == SCIM_GROUPS)
    r = probe (ctx, s, "Groups", s->groups, on_any);
  if (r >= 0)
    r = scim_roles_configured (ctx, &roles);
  if (r >= 0)
    r = scim_roles_emit (ctx, &roles);
  scim_roles_done (&roles);
  return r < 0 ? r : USHER_DONE;
}
