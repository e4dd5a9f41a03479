/* Owns what a name in "run" may refer to: what Usher fills in, what a descriptor keeps and looks up, and
   what the rest of the app file declares.  Without that, only what the descriptor itself decides is
   judged.  */
#include <config.h>

#include "plugins/seat/rest/shape.h"

#include <string.h>

#include "plugins/seat/text.h"

#define KNOWN_MAX 256u
#define SECRET "secret."
#define LIST_WORDS "roles", "old_roles", "new_roles", "added_roles", "removed_roles"

/* What an account has of itself (usher-app(5)). */
static const char *const account_texts[] = { "account.username", "account.email", "account.phone" };
static const char *const account_secrets[] = { "username", "password", "totp", "access_token", "refresh_token" };

static bool
among (const char *const *words, size_t n, const char *name)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp (words[i], name) == 0)
      return true;
  return false;
}

/* The element of LIST whose "key" is NAME. */
static json_t *
find_key (json_t *list, const char *name)
{
  json_t *element;
  size_t i;

  json_array_foreach (list, i, element)
    {
      const char *key = json_string_value (json_object_get (element, "key"));

      if (key && strcmp (key, name) == 0)
        return element;
    }
  return NULL;
}

static bool
is_kind (json_t *field, const char *kind)
{
  const char *text = json_string_value (json_object_get (field, "kind"));

  return text && strcmp (text, kind) == 0;
}

/* The field NAME of any account. */
static json_t *
account_field (const struct check *c, const char *name)
{
  json_t *account, *field;
  size_t i;

  json_array_foreach (json_object_get (c->app, "accounts"), i, account)
    {
      field = find_key (json_object_get (account, "fields"), name);
      if (field)
        return field;
    }
  return NULL;
}

/* ---- Names known at a place ---- */

/* What may be meant where NAME is not known. */
struct known
{
  const char *v[KNOWN_MAX];
  size_t n;
};

static void
add (struct known *k, const char *name)
{
  if (name && k->n < KNOWN_MAX)
    k->v[k->n++] = name;
}

static void
add_fields (struct known *k, json_t *fields, bool secrets)
{
  json_t *field;
  size_t i;

  json_array_foreach (fields, i, field)
    if (is_kind (field, "secret") == secrets)
      add (k, json_string_value (json_object_get (field, "key")));
}

static void
add_object (struct known *k, json_t *object)
{
  const char *key;
  json_t *value;

  json_object_foreach (object, key, value)
    add (k, key);
}

static void
gather (const struct check *c, struct known *k)
{
  json_t *account;
  size_t i;

  for (const struct names *s = c->names; s; s = s->up)
    {
      for (i = 0; s->words && s->words[i]; i++)
        add (k, s->words[i]);
      add_object (k, s->keys);
    }
  add_object (k, c->kept);
  add_fields (k, json_object_get (c->app, "fields"), /* secrets= */ false);
  json_array_foreach (json_object_get (c->app, "accounts"), i, account)
    add_fields (k, json_object_get (account, "fields"), /* secrets= */ false);
  for (i = 0; i < ARRAY_SIZE (account_texts); i++)
    add (k, account_texts[i]);
}

/* "role.GROUP" and "field.KEY": the dot's left side is known, the right side is the app file's. */
static bool
check_dotted (const struct place *p, const char *name)
{
  const char *dot = strchr (name, '.');
  json_t *app = p->check->app;

  if (!app)
    return true;
  if (strncmp (name, "field.", 6) == 0)
    {
      if (find_key (json_object_get (app, "provisioning"), dot + 1))
        return true;
      place_problem (p, "there is no provisioning field \"%s\" in the app file", dot + 1);
    }
  else if (!find_key (json_object_get (app, "role_groups"), dot + 1))
    place_problem (p, "there is no role group \"%s\" in the app file", dot + 1);
  else
    return true;
  return false;
}

/* Whether a scope knows NAME; *RET_DOTTED: as the beginning of it. */
static bool
in_scope (const struct check *c, const char *name, bool *ret_dotted)
{
  *ret_dotted = false;
  for (const struct names *s = c->names; s; s = s->up)
    {
      if (json_object_get (s->keys, name))
        return true;
      for (size_t i = 0; s->words && s->words[i]; i++)
        {
          size_t len = strlen (s->words[i]);

          *ret_dotted = s->words[i][len - 1] == '.' && strncmp (name, s->words[i], len) == 0 && name[len];
          if (*ret_dotted || strcmp (name, s->words[i]) == 0)
            return true;
        }
    }
  return json_object_get (c->kept, name) != NULL;
}

static bool
is_filled (const char *name)
{
  for (size_t i = 0; shape_filled[i]; i++)
    if (strcmp (shape_filled[i], name) == 0)
      return true;
  return false;
}

static void
unknown (const struct place *p, const char *name)
{
  struct known k = { .n = 0 };
  const char *near;

  gather (p->check, &k);
  near = place_nearest (name, k.v, k.n);
  if (is_filled (name))
    place_problem (p, "{%s} has no value here", name);
  else if (near)
    place_problem (p, "nothing is known here by the name {%s}; did you mean {%s}?", name, near);
  else
    place_problem (p, "nothing is known here by the name {%s}", name);
}

static void
check_secret (const struct place *p, const char *name)
{
  const struct check *c = p->check;
  const char *own = json_string_value (json_object_get (
    json_object_get (json_object_get (c->run, "rest"), "login"), "secret"));
  struct known k = { .n = 0 };
  json_t *account;
  const char *near;
  size_t i;

  if (strcmp (name, own ? own : "session") == 0 || !c->app
      || among (account_secrets, ARRAY_SIZE (account_secrets), name) || is_kind (account_field (c, name), "secret"))
    return;
  json_array_foreach (json_object_get (c->app, "accounts"), i, account)
    add_fields (&k, json_object_get (account, "fields"), /* secrets= */ true);
  near = place_nearest (name, k.v, k.n);
  if (account_field (c, name))
    place_problem (p, "\"%s\" is no secret; write {%s}", name, name);
  else if (near)
    place_problem (p, "no account has a secret \"%s\"; did you mean {secret.%s}?", name, near);
  else
    place_problem (p, "no account has a secret \"%s\"", name);
}

/* A field of the hub or an account.  URL: it may stand there although it is a URL. */
static void
check_field (const struct place *p, const char *name, bool url)
{
  const struct check *c = p->check;
  json_t *hub = find_key (json_object_get (c->app, "fields"), name), *account = account_field (c, name);

  if (!c->app)
    return;
  if (hub && is_kind (hub, "url") && !url)
    place_problem (p, "{%s} is a URL, which stands only at the beginning of run.rest.base", name);
  else if ((hub && json_is_true (json_object_get (hub, "many"))) || json_is_true (json_object_get (account, "many")))
    place_problem (p, "{%s} has many values; write {\"list\": \"%s\"} in a JSON body", name, name);
  else if (!hub && (is_kind (account, "secret") || among (account_secrets, ARRAY_SIZE (account_secrets), name)))
    place_problem (p, "\"%s\" is a secret; write {secret.%s}", name, name);
  else if (!hub && !account && !among (account_texts, ARRAY_SIZE (account_texts), name))
    unknown (p, name);
}

void
known_check (const struct place *p, const struct shape *shape)
{
  const char *text = json_string_value (p->value), *at = text;
  char name[GRAMMAR_NAME_MAX];

  while (text && grammar_next_name (&at, name))
    {
      bool first = at == text + strlen (name) + 2, dotted;

      if (strncmp (name, SECRET, strlen (SECRET)) == 0)
        check_secret (p, name + strlen (SECRET));
      else if (in_scope (p->check, name, &dotted))
        (void) (dotted && check_dotted (p, name));
      else
        check_field (p, name, shape->kind != SHAPE_URL || (first && (shape->flags & SHAPE_BASE)));
    }
}

void
known_name (const struct place *p, const char *name)
{
  bool dotted;

  if (!in_scope (p->check, name, &dotted))
    check_field (p, name, /* url= */ true);
  else if (dotted)
    (void) check_dotted (p, name);
}

void
known_list (const struct place *p, const char *name)
{
  static const char *const lists[] = { LIST_WORDS };
  const char *dot = strchr (name, '.');
  json_t *app = p->check->app;
  const char *near;

  if (among (lists, ARRAY_SIZE (lists), name) || !app)
    return;
  if (dot && strncmp (name, "roles.", 6) == 0)
    (void) check_dotted (p, name);
  else if (!json_is_true (json_object_get (find_key (json_object_get (app, "fields"), name), "many")))
    {
      near = place_nearest (name, lists, ARRAY_SIZE (lists));
      place_problem (p, "there is no list \"%s\"; did you mean \"%s\"?", name, near ? near : "roles");
    }
}

/* ---- New names ---- */

void
known_new (const struct place *p, const char *name)
{
  /* What a step keeps of these goes into the row. */
  static const char *const row[] = { "id", "handle" };

  if (p->up->key && strcmp (p->up->key, "keep") == 0 && among (row, ARRAY_SIZE (row), name))
    return;
  if (is_filled (name))
    place_problem (p, "\"%s\" is a name that Usher fills in itself; take another", name);
  else if (find_key (json_object_get (p->check->app, "fields"), name))
    place_problem (p, "\"%s\" is the name of a hub field; take another", name);
}

/* ---- References ---- */

static bool
refers (json_t *list, const char *name, struct known *k)
{
  json_t *element;
  size_t i;

  json_array_foreach (list, i, element)
    add (k, json_string_value (json_object_get (element, "key")));
  return find_key (list, name);
}

void
known_refer (const struct place *p, const struct shape *shape, const char *name)
{
  static const char *const what[]
    = { [REF_AUTH] = "rule of auth", [REF_GROUP] = "role group", [REF_TYPE] = "asset type" };
  json_t *app = p->check->app;
  struct known k = { .n = 0 };
  const char *near;
  bool found = true;

  if (!app)
    return;
  switch (shape->ref)
    {
    case REF_NONE: break;
    case REF_AUTH:
      add_object (&k, json_object_get (app, "auth"));
      found = !*name || json_object_get (json_object_get (app, "auth"), name);
      break;
    case REF_GROUP: found = refers (json_object_get (app, "role_groups"), name, &k); break;
    case REF_TYPE: found = refers (json_object_get (app, "asset_types"), name, &k); break;
    }
  near = found ? NULL : place_nearest (name, k.v, k.n);
  if (near)
    place_problem (p, "there is no %s \"%s\" in the app file; did you mean \"%s\"?", what[shape->ref], name, near);
  else if (!found)
    place_problem (p, "there is no %s \"%s\" in the app file", what[shape->ref], name);
}
