/* Where items come from: what the descriptor says of an answer, compiled into one reader.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <stdio.h>
#include <string.h>

/* The VALUEs of a reader while they are collected. */
struct draft
{
  struct usher_ctx *ctx;
  const char *place;
  json_t *values[REST_VALUES_MAX];
  char *places[REST_VALUES_MAX];   /* owned */
  size_t n;
  json_t *made;                    /* VALUEs that the descriptor does not spell out; owned */
  int32_t status;                  /* what went wrong; sticks */
};

static void
draft_done (struct draft *d)
{
  for (size_t i = 0; i < d->n; i++)
    free (d->places[i]);
  json_decref (d->made);
}

/* Adds VALUE, which stands at KEY (and SUB): its number, -1 when there is none. */
static int
add (struct draft *d, const json_t *value, const char *key, const char *sub)
{
  char place[REST_PLACE_MAX * 2];

  if (!value || json_is_null (value) || d->status < 0)
    return -1;
  if (d->n == REST_VALUES_MAX)
    {
      d->status = seat_fail (d->ctx, USHER_E_CONFIG, d->place, "More than %u values are wanted of an item",
                             REST_VALUES_MAX);
      return -1;
    }
  (void) snprintf (place, sizeof place, "%s.%s%s%s", d->place, key, sub ? "." : "", sub ? sub : "");
  d->places[d->n] = strdup (place);
  if (!d->places[d->n])
    {
      d->status = USHER_E_NOMEM;
      return -1;
    }
  d->values[d->n] = (json_t *) (uintptr_t) value;
  return (int) d->n++;
}

/* ---- Rows ---- */

static const char *const slots[REST_SLOTS] = {
  [REST_ID] = "id", [REST_HANDLE] = "handle", [REST_USERNAME] = "username", [REST_EMAIL] = "email",
  [REST_FIRST_NAME] = "first_name", [REST_LAST_NAME] = "last_name", [REST_NAME] = "name",
  [REST_PARTNER] = "partner", [REST_CREATED] = "created", [REST_EXPIRES] = "expires",
  [REST_LAST_USED] = "last_used", [REST_STATE] = "state", [REST_SKIP] = "skip",
  [REST_NOT_A_PERSON] = "not_a_person", [REST_SELF] = "self",
};

static void
add_list (struct draft *d, const json_t *list, const char *key, size_t max, struct rest_row_list **ret,
          size_t *ret_n)
{
  struct rest_row_list *v = calloc (json_object_size (list) + 1, sizeof *v);
  const char *name;
  json_t *value;

  *ret = v;
  *ret_n = 0;
  if (!v)
    d->status = USHER_E_NOMEM;
  json_object_foreach ((json_t *) (uintptr_t) list, name, value)
    {
      int number = v && *ret_n < max ? add (d, value, key, name) : -1;

      if (number >= 0)
        v[(*ret_n)++] = (struct rest_row_list) { name, number };
    }
}

/* What stands at NAME of MEMBER.  An object that jq makes has the names of a row itself. */
static const json_t *
slot_value (struct draft *d, const json_t *member, const char *name)
{
  const json_t *value = json_object_get (member, name);
  json_t *path;

  if (value || !json_object_get (member, "jq"))
    return value;
  path = json_string (name);
  if (json_array_append_new (d->made, path) < 0)
    d->status = USHER_E_NOMEM;
  return d->status < 0 ? NULL : path;
}

static void
plan_rows (struct draft *d, struct rest_source *s)
{
  json_t *member = json_object_get (s->spec, "member");
  const char *kind = json_string_value (json_object_get (s->spec, "kind"));

  s->rows = member != NULL;
  s->plan.invites = kind && strcmp (kind, "invites") == 0;
  for (size_t i = 0; i < REST_SLOTS; i++)
    s->plan.slot[i] = add (d, slot_value (d, member, slots[i]), "member", slots[i]);
  add_list (d, json_object_get (member, "roles"), "member.roles", REST_ROLES_MAX, &s->plan.roles, &s->plan.n_roles);
  add_list (d, json_object_get (member, "attrs"), "member.attrs", REST_ATTRS_MAX, &s->plan.attrs, &s->plan.n_attrs);
}

/* ---- What is no part of a row ---- */

static void
add_extra (struct draft *d, struct rest_source *s, const char *name, const json_t *value, bool keep)
{
  const char *header = json_string_value (json_object_get (value, "header"));
  struct rest_extra_value *e = &s->extras[s->n_extras];

  if (!value)
    return;
  *e = (struct rest_extra_value) { .name = name, .header = header, .value = -1, .keep = keep };
  if (!header)
    e->value = add (d, value, keep ? "keep" : name, keep ? name : NULL);
  if (header || e->value >= 0)
    s->n_extras++;
}

/* Keys of lists, look-ups and sign-ins whose value is a VALUE. */
static const char *const extra_keys[] = { "value", "token", "expires_in", "id", "name", "parent", "label", "rank",
                                          "assignable", "role", "actions", "total_seats", "used_seats" };

static void
plan_extras (struct draft *d, struct rest_source *s)
{
  const json_t *keep = json_object_get (s->spec, "keep"), *facts = json_object_get (s->spec, "facts");
  const char *name;
  json_t *value;

  s->extras = calloc (ARRAY_SIZE (extra_keys) + json_object_size (keep) + json_object_size (facts) + 1,
                      sizeof *s->extras);
  if (!s->extras)
    {
      d->status = USHER_E_NOMEM;
      return;
    }
  for (size_t i = 0; i < ARRAY_SIZE (extra_keys); i++)
    add_extra (d, s, extra_keys[i], json_object_get (s->spec, extra_keys[i]), /* keep */ false);
  json_object_foreach ((json_t *) (uintptr_t) keep, name, value)
    add_extra (d, s, name, value, /* keep */ true);
  json_object_foreach ((json_t *) (uintptr_t) facts, name, value)
    add_extra (d, s, name, value, /* keep */ false);
}

/* ---- Pages ---- */

static uint32_t
style_of (const char *style)
{
  static const struct { const char *word; uint32_t style; } styles[] = {
    { "none", 0 }, { "number", USHER_PAGER_NUMBER }, { "offset", USHER_PAGER_OFFSET },
    { "cursor", USHER_PAGER_CURSOR }, { "link", USHER_PAGER_CURSOR }, { "next", USHER_PAGER_CURSOR },
  };

  for (size_t i = 0; style && i < ARRAY_SIZE (styles); i++)
    if (strcmp (style, styles[i].word) == 0)
      return styles[i].style;
  return 0;
}

static void
plan_page (const struct rest *rest, const char *place, struct rest_source *s)
{
  const json_t *page = json_object_get (s->spec, "page");
  struct rest_rules rules = rest_rules_of (rest, s->spec);

  s->style = style_of (json_string_value (json_object_get (page, "style")));
  rest_rules_pick (&rules, place, &s->tests);
  rest_words_pick (rest, &s->tests);
  rest_rules_pick (&rules, place, &s->page);
  s->total = rest_pick_add (&s->page, json_object_get (page, "total"), place, "page.total");
  s->pages = rest_pick_add (&s->page, json_object_get (page, "pages"), place, "page.pages");
  s->cursor = rest_pick_add (&s->page, json_object_get (page, "cursor"), place, "page.cursor");
  s->next = rest_pick_add (&s->page, json_object_get (page, "next"), place, "page.next");
  s->more = rest_pick_add (&s->page, json_object_get (page, "more"), place, "page.more");
}

/* ---- Making ---- */

/* The reader of the items, and of what the page says of itself. */
static int32_t
compile_items (struct draft *d, const struct rest *rest, struct rest_source *s)
{
  const char *items = json_string_value (json_object_get (s->spec, "at"));
  char at[REST_PLACE_MAX + 16], jq[REST_PLACE_MAX + 16];
  const struct rest_reader_spec spec = {
    .jq = rest->jq, .xml = rest->xml, .namespaces = rest->namespaces,
    .n_namespaces = rest->n_namespaces, .items = items, .items_place = at,
    .through = json_string_value (json_object_get (json_object_get (s->spec, "member"), "jq")), .through_place = jq,
    .values = d->values, .n_values = d->n, .places = (const char *const *) d->places,
    .page = s->page.body, .page_places = (const char *const *) s->page.stand, .n_page = items ? s->page.n_body : 0,
  };

  s->items = items != NULL;
  if (d->n == 0 && !items)
    return USHER_DONE;
  (void) snprintf (at, sizeof at, "%s.at", d->place);
  (void) snprintf (jq, sizeof jq, "%s.member.jq", d->place);
  return rest_reader_new (d->ctx, &spec, &s->reader);
}

/* The reader of answers that are judged as a whole. */
static int32_t
compile_whole (struct draft *d, const struct rest *rest, struct rest_source *s)
{
  const struct rest_reader_spec spec = {
    .jq = rest->jq, .xml = rest->xml, .nested = true, .namespaces = rest->namespaces,
    .n_namespaces = rest->n_namespaces, .values = s->tests.body, .n_values = s->tests.n_body,
    .places = (const char *const *) s->tests.stand,
  };

  return s->tests.n_body > 0 ? rest_reader_new (d->ctx, &spec, &s->whole) : USHER_DONE;
}

/* The reader of the results of a call that is about several at once. */
static int32_t
compile_results (struct draft *d, const struct rest *rest, struct rest_source *s)
{
  const json_t *results = json_object_get (s->spec, "item_results");
  const struct rest_rules rules = { .ok = json_object_get (results, "ok"),
                                    .own = json_object_get (results, "answers") };
  char at[REST_PLACE_MAX + 16], items[REST_PLACE_MAX + 32];
  struct rest_reader_spec spec = { .jq = rest->jq, .xml = rest->xml, .nested = true, .namespaces = rest->namespaces,
                                   .n_namespaces = rest->n_namespaces, .items_place = items };

  if (!results)
    return USHER_DONE;
  (void) snprintf (at, sizeof at, "%s.item_results", d->place);
  (void) snprintf (items, sizeof items, "%s.items", at);
  s->result_id = rest_pick_add (&s->result_tests, json_object_get (results, "id"), at, "id");
  rest_rules_pick (&rules, at, &s->result_tests);
  rest_words_pick (rest, &s->result_tests);
  spec.items = json_string_value (json_object_get (results, "items"));
  spec.values = s->result_tests.body;
  spec.n_values = s->result_tests.n_body;
  spec.places = (const char *const *) s->result_tests.stand;
  return rest_reader_new (d->ctx, &spec, &s->results);
}

int32_t
rest_source_add (struct usher_ctx *ctx, struct rest *rest, const json_t *spec, const char *place)
{
  struct rest_source **grown = reallocarray (rest->sources, rest->n_sources + 1, sizeof *grown);
  struct rest_source *s = calloc (1, sizeof *s);
  struct draft d = { .ctx = ctx, .place = place, .made = json_array () };

  if (grown)
    rest->sources = grown;
  if (!grown || !s || !d.made)
    {
      free (s);
      draft_done (&d);
      return USHER_E_NOMEM;
    }
  rest->sources[rest->n_sources++] = s;
  s->spec = spec;
  plan_rows (&d, s);
  s->where = add (&d, json_object_get (json_object_get (spec, "where"), "at"), "where", "at");
  plan_extras (&d, s);
  plan_page (rest, place, s);
  if (d.status == USHER_DONE)
    d.status = compile_items (&d, rest, s);
  if (d.status == USHER_DONE)
    d.status = compile_whole (&d, rest, s);
  if (d.status == USHER_DONE)
    d.status = compile_results (&d, rest, s);
  draft_done (&d);
  return d.status;
}

const struct rest_source *
rest_source_of (const struct rest *rest, const json_t *spec)
{
  for (size_t i = 0; i < rest->n_sources; i++)
    if (rest->sources[i]->spec == spec)
      return rest->sources[i];
  return NULL;
}

void
rest_source_free (struct rest_source *s)
{
  if (!s)
    return;
  rest_row_plan_done (&s->plan);
  rest_reader_free (s->reader);
  rest_reader_free (s->whole);
  rest_reader_free (s->results);
  rest_pick_done (&s->page);
  rest_pick_done (&s->tests);
  rest_pick_done (&s->result_tests);
  free (s->extras);
  free (s);
}

/* ---- Use ---- */

static const char *
text_of (const struct rest_extra_value *e, const struct rest_texts *values, const struct rest_answer *a)
{
  return e->header ? rest_header (a, e->header) : values ? rest_first (values, e->value) : NULL;
}

const char *
rest_source_text (const struct rest_source *s, const struct rest_texts *values, const struct rest_answer *a,
                  const char *name)
{
  for (size_t i = 0; i < s->n_extras; i++)
    if (!s->extras[i].keep && strcmp (s->extras[i].name, name) == 0)
      return text_of (&s->extras[i], values, a);
  return NULL;
}

const struct rest_texts *
rest_source_texts (const struct rest_source *s, const struct rest_texts *values, const char *name)
{
  for (size_t i = 0; i < s->n_extras; i++)
    if (!s->extras[i].keep && s->extras[i].value >= 0 && strcmp (s->extras[i].name, name) == 0)
      return &values[s->extras[i].value];
  return NULL;
}

int32_t
rest_source_keep (const struct rest_source *s, const struct rest_texts *values, const struct rest_answer *a,
                  struct rest_names *ret)
{
  int32_t r = USHER_DONE;

  for (size_t i = 0; i < s->n_extras && r >= 0; i++)
    if (s->extras[i].keep)
      r = rest_names_set (ret, s->extras[i].name, text_of (&s->extras[i], values, a));
  return r;
}

int32_t
rest_source_fits (struct rest_op *op, const struct rest_source *s, const struct rest_texts *values, bool *ret)
{
  const char *want = json_string_value (json_object_get (json_object_get (s->spec, "where"), "is"));
  _cleanup_ (freep) char *text = NULL;
  int32_t r;

  *ret = true;
  if (!want)
    return USHER_DONE;
  *ret = false;
  if (s->where < 0)
    return USHER_DONE;
  r = rest_text (op, want, &text);
  for (size_t i = 0; r == USHER_DONE && !*ret && i < values[s->where].n; i++)
    *ret = text_is_address (text) ? text_same (values[s->where].v[i], text) : strcmp (values[s->where].v[i], text) == 0;
  return r;
}

int32_t
rest_source_each (struct rest_op *op, const struct rest_source *s, struct rest_answer *a, rest_item_fn *fn,
                  void *arg)
{
  int32_t r = rest_body (op, a);

  if (r < 0 || !s->reader || a->len == 0)
    return r;
  r = rest_reader_each_in (s->reader, &a->head, a->body, a->len, fn, arg);
  if (r == USHER_E_SHAPE && rest_reader_error (s->reader)[0])
    return seat_fail (op->ctx, r, NULL, "Asked to %s, the app answered what cannot be read: %s", op->what,
                      rest_reader_error (s->reader));
  return r;
}
