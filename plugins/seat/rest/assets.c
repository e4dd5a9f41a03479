/* What there is in the app besides members, and who has which right on it.  Rights are listed by
   asset, a section each: what is forbidden on one says nothing about the others.  */
#include <config.h>

#include "plugins/seat/rest/list.h"

#include <stdio.h>
#include <string.h>

#define ASSETS_MAX 100000u /* of one type whose rights are listed */

static const json_t *
entry (const struct rest *rest, const char *key, size_t i)
{
  return json_array_get (json_object_get (rest->run, key), i);
}

static const char *
type_of (const json_t *spec)
{
  return json_string_value (json_object_get (spec, "type"));
}

size_t
rest_objects_n (const struct rest *rest)
{
  return json_array_size (json_object_get (rest->run, "objects"));
}

size_t
rest_access_n (const struct rest *rest)
{
  return json_array_size (json_object_get (rest->run, "access"));
}

/* ---- Objects ---- */

struct objects
{
  struct rest_listing *l;
  struct rest_op op;
  struct rest_walk walk;
  const json_t *spec;
  char **ids;                   /* when they are collected instead of emitted; owned */
  size_t n_ids;
  bool collect;
};

static int32_t
collect (struct objects *o, const char *id)
{
  char **grown;

  if (o->n_ids == ASSETS_MAX)
    return seat_fail (o->op.ctx, USHER_E_LIMIT, NULL, "The app has more than %u assets of the type %s", ASSETS_MAX,
                      type_of (o->spec));
  grown = reallocarray (o->ids, o->n_ids + 1, sizeof *grown);
  if (!grown)
    return USHER_E_NOMEM;
  o->ids = grown;
  o->ids[o->n_ids] = strdup (id);
  return o->ids[o->n_ids++] ? USHER_DONE : USHER_E_NOMEM;
}

static uint32_t
object_kind (const json_t *spec)
{
  const char *kind = json_string_value (json_object_get (spec, "kind"));

  if (kind && strcmp (kind, "partner") == 0)
    return USHER_PARTNER;
  return kind && strcmp (kind, "licence") == 0 ? USHER_LICENCE : USHER_ASSET;
}

static int64_t
seats (const char *text)
{
  return text && *text && strlen (text) < 18 && !text[strspn (text, "0123456789")] ? strtoll (text, NULL, 10) : -1;
}

static int32_t
on_object (void *arg, const struct rest_texts *values)
{
  struct objects *o = arg;
  const struct rest_source *s = o->walk.source;
  const char *id = rest_source_text (s, values, NULL, "id");
  struct usher_object object = { .size = sizeof object, .kind = object_kind (o->spec), .id = id };

  rest_walk_id (&o->walk, id);
  if (!id || o->collect)
    return id ? collect (o, id) : USHER_DONE;
  object.type = type_of (o->spec);
  object.name = rest_source_text (s, values, NULL, "name");
  object.parent = rest_source_text (s, values, NULL, "parent");
  object.total = seats (rest_source_text (s, values, NULL, "total_seats"));
  object.used = seats (rest_source_text (s, values, NULL, "used_seats"));
  return usher_emit_object (o->op.ctx, &object);
}

static int32_t
on_object_page (void *arg, struct rest_walk *w)
{
  struct objects *o = arg;

  return rest_list_checkpoint (o->l, NULL, 0, w);
}

static void
objects_begin (struct objects *o, struct rest_listing *l, const json_t *spec)
{
  *o = (struct objects) { .l = l, .op = { .ctx = l->ctx, .rest = l->rest, .what = "list assets" }, .spec = spec };
  o->walk = (struct rest_walk) { .op = &o->op, .source = rest_source_of (l->rest, spec), .aim = REST_TO_LIST,
                                 .item = on_object, .arg = o };
}

static void
objects_done (struct objects *o)
{
  for (size_t i = 0; i < o->n_ids; i++)
    free (o->ids[i]);
  free (o->ids);
  rest_walk_done (&o->walk);
  rest_op_done (&o->op);
}

int32_t
rest_objects_list (struct rest_listing *l, size_t i)
{
  const json_t *spec = entry (l->rest, "objects", i);
  struct objects o;
  int32_t r;

  objects_begin (&o, l, spec);
  o.walk.page = on_object_page;
  r = rest_list_section (l, &o.walk, USHER_S_OBJECTS, type_of (spec), l->cursor, l->cursor_len);
  objects_done (&o);
  return r;
}

/* The ids of all assets of TYPE. */
static int32_t
assets_of (struct rest_listing *l, const char *type, struct objects *ret)
{
  const json_t *spec = NULL;
  int32_t r;

  for (size_t i = 0; i < rest_objects_n (l->rest) && !spec; i++)
    if (type && type_of (entry (l->rest, "objects", i)) && strcmp (type_of (entry (l->rest, "objects", i)), type) == 0)
      spec = entry (l->rest, "objects", i);
  if (!spec)
    return seat_fail (l->ctx, USHER_E_CONFIG, NULL, "The app file lists rights on %s, and no objects of that type",
                      type ? type : "?");
  objects_begin (ret, l, spec);
  ret->collect = true;
  r = rest_walk_begin (&ret->walk);
  return r < 0 ? r : rest_walk_run (&ret->walk);
}

/* ---- Access ---- */

struct rights
{
  struct rest_listing *l;
  struct rest_op op;
  struct rest_walk walk;
  const json_t *spec;
  const char *asset;
};

static int32_t
emit_right (struct rights *g, const struct rest_texts *values, const struct usher_member *who)
{
  const struct rest_source *s = g->walk.source;
  struct usher_access access = { .size = sizeof access, .asset = g->asset, .type = type_of (g->spec) };
  const struct rest_texts *actions = rest_source_texts (s, values, "actions");

  access.role = rest_source_text (s, values, NULL, "role");
  if (actions)
    {
      access.actions = actions->v;
      access.n_actions = actions->n;
    }
  return usher_emit_access (g->op.ctx, who, &access);
}

static int32_t
on_right (void *arg, const struct rest_texts *values)
{
  struct rights *g = arg;
  struct rest_row row;
  int32_t r = rest_row (&g->op, &g->walk.source->plan, values, &row);

  if (r < 0)
    return r;
  rest_walk_id (&g->walk, row.row.id ? row.row.id : row.row.email);
  return row.skip || !(row.row.id || row.row.email) ? USHER_DONE : emit_right (g, values, &row.row);
}

/* The checkpoint names the asset, because others may come and go meanwhile. */
static int32_t
on_right_page (void *arg, struct rest_walk *w)
{
  struct rights *g = arg;

  return rest_list_checkpoint (g->l, g->asset, strlen (g->asset) + 1, w);
}

static int32_t
rights_on (struct rest_listing *l, const json_t *spec, const char *asset, const uint8_t *cursor, size_t cursor_len)
{
  struct rights g = { .l = l, .op = { .ctx = l->ctx, .rest = l->rest, .what = "list rights on an asset" },
                      .spec = spec, .asset = asset };
  int32_t r;

  g.walk = (struct rest_walk) { .op = &g.op, .source = rest_source_of (l->rest, spec), .aim = REST_TO_LIST,
                                .item = on_right, .page = on_right_page, .arg = &g };
  r = rest_names_set (&g.op.names, "asset", asset);
  if (r >= 0)
    r = rest_list_section (l, &g.walk, USHER_S_ACCESS, asset, cursor, cursor_len);
  rest_walk_done (&g.walk);
  rest_op_done (&g.op);
  if (r != USHER_E_FORBIDDEN)
    return r;
  return usher_section_end (l->ctx, USHER_PARTIAL, -1, "the account may not see who has rights on this asset");
}

int32_t
rest_access_list (struct rest_listing *l, size_t i)
{
  const json_t *spec = entry (l->rest, "access", i);
  const char *from = (const char *) l->cursor;
  size_t from_len = from ? strnlen (from, l->cursor_len) : 0;
  struct objects o = { .l = l };
  bool there = !from;
  int32_t r;

  if (from && from_len == l->cursor_len)
    return USHER_E_CURSOR;
  r = assets_of (l, type_of (spec), &o);
  for (size_t k = 0; r >= 0 && k < o.n_ids; k++)
    {
      bool here = from && strcmp (o.ids[k], from) == 0;

      there = there || here;
      if (there)
        r = rights_on (l, spec, o.ids[k], here ? l->cursor + from_len + 1 : NULL,
                       here ? l->cursor_len - from_len - 1 : 0);
    }
  objects_done (&o);
  /* The asset is gone; whose rights are known already, only a new listing can tell. */
  return r >= 0 && !there ? USHER_E_CURSOR : r;
}
