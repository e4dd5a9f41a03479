/* The listing: each pass is a section, then the roles, then assets and rights.  After each page a
   checkpoint says where to go on: two bytes for the unit, then the walk.  */
#include <config.h>

#include "plugins/seat/rest/list.h"

#include <stdio.h>
#include <string.h>

#define UNIT_BYTES 2

bool
rest_list_wants (const struct rest_listing *l, uint32_t kind)
{
  return l->want->kinds == 0 || (l->want->kinds >> (kind / 100) & 1) != 0;
}

int32_t
rest_list_checkpoint (struct rest_listing *l, const void *head, size_t head_len, const struct rest_walk *w)
{
  uint8_t blob[REST_STATE_MAX];
  size_t at = UNIT_BYTES + head_len;
  int32_t len;

  if (at > sizeof blob)
    return USHER_E_LIMIT;
  blob[0] = (uint8_t) l->unit;
  blob[1] = (uint8_t) (l->unit >> 8);
  if (head_len)
    memcpy (blob + UNIT_BYTES, head, head_len);
  len = rest_walk_save (w, blob + at, sizeof blob - at);
  return len < 0 ? len : usher_checkpoint (l->ctx, blob, at + (size_t) len);
}

int32_t
rest_list_section (struct rest_listing *l, struct rest_walk *w, uint32_t kind, const char *scope,
                   const uint8_t *cursor, size_t cursor_len)
{
  const char *why = NULL;
  int64_t total = -1;
  uint32_t verdict;
  int32_t r = rest_walk_begin (w);

  if (r >= 0 && cursor)
    r = rest_walk_restore (w, cursor, cursor_len);
  if (r >= 0)
    r = usher_section (l->ctx, kind, scope);
  if (r >= 0)
    r = rest_walk_run (w);
  if (r < 0)
    return r;
  verdict = rest_walk_verdict (w, &total, &why);
  return usher_section_end (l->ctx, verdict, total, why);
}

/* ---- A pass ---- */

struct pass
{
  struct rest_listing *l;
  struct rest_op op;
  struct rest_walk walk;
  uint32_t kind;
};

static uint32_t
kind_of (const json_t *spec)
{
  const char *kind = json_string_value (json_object_get (spec, "kind"));

  if (kind && strcmp (kind, "invites") == 0)
    return USHER_S_INVITES;
  return kind && strcmp (kind, "role-of") == 0 ? USHER_S_ROLE_OF : USHER_S_MEMBERS;
}

static int32_t
emit_edges (struct pass *p, const struct usher_member *m)
{
  int32_t r = USHER_DONE;

  for (size_t i = 0; i < m->n_roles && r >= 0; i++)
    r = usher_emit_role_of (p->l->ctx, m, &m->roles[i]);
  return r;
}

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  struct pass *p = arg;
  const struct rest_source *s = p->walk.source;
  struct rest_row row;
  bool fits;
  int32_t r = rest_source_fits (&p->op, s, values, &fits);

  if (r == USHER_DONE)
    r = rest_row (&p->op, &s->plan, values, &row);
  if (r == USHER_ABSENT)
    return rest_missing (&p->op);
  if (r < 0)
    return r;
  /* An invitation without an id is known by its address. */
  rest_walk_id (&p->walk, row.row.id ? row.row.id : row.row.state >= USHER_PENDING ? row.row.email : NULL);
  if (row.skip || !fits || !(row.row.id || (row.row.state >= USHER_PENDING && row.row.email)))
    return USHER_DONE;
  if (p->kind == USHER_S_ROLE_OF)
    return emit_edges (p, &row.row);
  return usher_emit_member (p->l->ctx, &row.row);
}

static int32_t
on_page (void *arg, struct rest_walk *w)
{
  struct pass *p = arg;

  return rest_list_checkpoint (p->l, NULL, 0, w);
}

int32_t
rest_name_constants (struct rest_op *op, const json_t *spec)
{
  const char *name;
  json_t *value;
  int32_t r = USHER_DONE;

  json_object_foreach (json_object_get (spec, "const"), name, value)
    if (r >= 0)
      r = rest_names_set (&op->names, name, json_string_value (value));
  return r;
}

static int32_t
list_pass (struct rest_listing *l, size_t i, bool several)
{
  const json_t *spec = json_array_get (json_object_get (l->rest->run, "list"), i);
  const char *scope = json_string_value (json_object_get (spec, "scope"));
  struct pass p = { .l = l, .op = { .ctx = l->ctx, .rest = l->rest, .what = "list members" }, .kind = kind_of (spec) };
  char number[24];
  int32_t r;

  if (!rest_list_wants (l, p.kind))
    return USHER_DONE;
  p.walk = (struct rest_walk) { .op = &p.op, .source = rest_source_of (l->rest, spec), .aim = REST_TO_LIST,
                                .item = on_item, .page = on_page, .arg = &p };
  (void) snprintf (number, sizeof number, "%zu", i + 1);
  r = rest_name_constants (&p.op, spec);
  if (r >= 0)
    r = rest_list_section (l, &p.walk, p.kind, scope ? scope : several ? number : NULL, l->cursor, l->cursor_len);
  rest_walk_done (&p.walk);
  rest_op_done (&p.op);
  return r;
}

/* ---- All of them ---- */

static int32_t
run_unit (struct rest_listing *l, size_t n_passes)
{
  size_t i = l->unit, objects = rest_objects_n (l->rest);

  if (i < n_passes)
    return list_pass (l, i, n_passes > 1);
  i -= n_passes;
  if (i == 0)
    return rest_roles_asked (l->rest) && rest_list_wants (l, USHER_S_ROLES) ? rest_roles_list (l) : USHER_DONE;
  i -= 1;
  if (i < objects)
    return rest_list_wants (l, USHER_S_OBJECTS) ? rest_objects_list (l, i) : USHER_DONE;
  return rest_list_wants (l, USHER_S_ACCESS) ? rest_access_list (l, i - objects) : USHER_DONE;
}

int32_t
rest_list (struct usher_ctx *ctx, struct rest *rest, const struct usher_list *want)
{
  struct rest_listing l = { .ctx = ctx, .rest = rest, .want = want };
  size_t n_passes = json_array_size (json_object_get (rest->run, "list"));
  size_t units = n_passes + 1 + rest_objects_n (rest) + rest_access_n (rest);
  int32_t r = USHER_DONE;

  if (want->cursor && want->cursor_len > 0)
    {
      const uint8_t *p = want->cursor;

      if (want->cursor_len <= UNIT_BYTES || (size_t) (p[0] | p[1] << 8) >= units)
        return USHER_E_CURSOR;
      l.unit = (uint16_t) (p[0] | p[1] << 8);
      l.cursor = p + UNIT_BYTES;
      l.cursor_len = want->cursor_len - UNIT_BYTES;
    }
  for (; l.unit < units && r >= 0; l.unit++)
    {
      r = run_unit (&l, n_passes);
      l.cursor = NULL;
      l.cursor_len = 0;
    }
  return r < 0 ? r : USHER_DONE;
}
