/* Owns what ties one part of an app file to another: names that must exist, values that
   must be among others, what a capability needs.  Relies on shape.c for the form. */
#include <config.h>

#include <stdio.h>

#include "host/apps/spot.h"
#include "host/apps/template.h"
#include "host/apps/url.h"
#include "host/common/suggest.h"
#include "host/common/text.h"

#define NAMES_MAX 200u

/* The element of the list LIST whose KEY is NAME (LEN bytes); NULL = none. */
static json_t *
find (json_t *list, const char *key, const char *name, size_t len)
{
  json_t *element;
  size_t i;

  json_array_foreach (list, i, element)
    {
      const char *text = json_string_value (json_object_get (element, key));

      if (text && strlen (text) == len && memcmp (text, name, len) == 0)
        return element;
    }
  return NULL;
}

static json_t *
root_list (const struct spot *s, const char *key)
{
  return json_object_get (s->check->root, key);
}

static json_t *
hub_field (const struct spot *s, const char *name, size_t len)
{
  return find (root_list (s, "fields"), "key", name, len);
}

/* ", did you mean ..." among the KEYs of LIST. */
static void
say_unknown (const struct spot *s, const char *what, const char *name, size_t len, json_t *list,
             const char *key)
{
  const char *names[NAMES_MAX], *near;
  char word[SUGGEST_MAX + 1];
  json_t *element;
  size_t i, n = 0;

  (void) snprintf (word, sizeof word, "%.*s", (int) MIN (len, (size_t) SUGGEST_MAX), name);
  json_array_foreach (list, i, element)
    if (n < NAMES_MAX && json_is_string (json_object_get (element, key)))
      names[n++] = json_string_value (json_object_get (element, key));
  near = suggest_nearest (word, names, n);
  if (near)
    spot_problem (s, "there is no %s \"%s\"; did you mean \"%s\"?", what, word, near);
  else
    spot_problem (s, "there is no %s \"%s\"", what, word);
}

/* Every KEY of a list stands there once. */
static void
check_unique (const struct spot *list, const char *key, const char *what)
{
  struct spot s;

  SPOT_EACH (&s, list)
    {
      const char *name = spot_text (&s, key);
      struct spot at;

      if (name && find (list->value, key, name, strlen (name)) != s.value
          && spot_member (&s, key, &at))
        spot_problem (&at, "%s \"%s\" stands here twice", what, name);
    }
}

/* ---- Fields ------------------------------------------------------------------ */

static bool
among (json_t *list, const char *text)
{
  json_t *element;
  size_t i;

  json_array_foreach (list, i, element)
    if (streq (json_string_value (element), text))
      return true;
  return false;
}

/* TEXT is a value that the field at S takes by itself. */
static void
check_default (const struct spot *s, const struct spot *at, const char *text)
{
  const char *kind = spot_text (s, "kind"), *pattern = spot_text (s, "pattern"), *why;
  _cleanup_ (freep) char *url = NULL;

  if (streq (kind, "secret"))
    spot_problem (at, "a secret has no default");
  else if (streq (kind, "choice"))
    {
      if (!among (json_object_get (s->value, "choices"), text))
        spot_problem (at, "must be one of the choices");
    }
  else if (streq (kind, "url"))
    {
      if (app_url_normalise (text, &url, &why) == -EINVAL)
        spot_problem (at, "%s", why);
    }
  else if (pattern && pattern_matches (pattern, text) == 0)
    spot_problem (at, "must match the field's own pattern");
}

static void
check_field_default (const struct spot *s, bool templates)
{
  struct spot at, element;
  const char *text;

  if (!spot_member (s, "default", &at))
    return;
  if (json_is_array (at.value) && !spot_true (s, "many"))
    spot_problem (&at, "must be one text, as the field has not \"many\"");
  else if (json_is_array (at.value))
    SPOT_EACH (&element, &at)
      check_default (s, &element, json_string_value (element.value));
  else
    {
      text = json_string_value (at.value);
      if (!templates || !strpbrk (text, "{}"))
        check_default (s, &at, text);
    }
}

static void
check_field (const struct spot *s, bool templates)
{
  const char *kind = spot_text (s, "kind");
  struct spot at;

  if (streq (kind, "choice") && !json_object_get (s->value, "choices"))
    spot_problem (s, "a choice must have \"choices\"");
  if (!streq (kind, "choice") && spot_member (s, "choices", &at))
    spot_key_problem (&at, "only a field of kind choice has choices");
  if (spot_member (s, "pattern", &at))
    {
      if (!streq (kind, "text") && !streq (kind, "secret"))
        spot_key_problem (&at, "only a field of kind text or secret has a pattern");
      else if (pattern_matches (spot_text (s, "pattern"), "") < 0)
        spot_problem (&at, "must be a POSIX extended regular expression, "
                           "with repetitions of 2,000 at most");
    }
  check_field_default (s, templates);
}

static void
check_hub_fields (const struct spot *root)
{
  const char *first = NULL;
  struct spot list, s, at;

  if (!spot_member (root, "fields", &list))
    return;
  check_unique (&list, "key", "the field");
  SPOT_EACH (&s, &list)
    {
      check_field (&s, /* templates= */ false);
      if (!spot_member (&s, "id", &at))
        continue;
      if (first)
        spot_problem (&at, "field \"%s\" tells hubs apart already; one field at most has \"id\"",
                      first);
      else
        first = spot_text (&s, "key");
      if (spot_true (&s, "many"))
        spot_problem (&at, "a field with \"many\" cannot tell hubs apart");
    }
}

/* ---- Templates ----------------------------------------------------------------- */

/* The {names} of a template are hub fields with one value.  False after a problem. */
static bool
check_template_fields (const struct spot *s, const char *text)
{
  struct template_part part;
  const char *at = text;
  json_t *field;
  int r;

  while ((r = template_next (&at, &part)) > 0)
    {
      if (!part.field)
        continue;
      field = hub_field (s, part.text, part.len);
      if (!field)
        {
          say_unknown (s, "hub field", part.text, part.len, root_list (s, "fields"), "key");
          return false;
        }
      if (json_is_true (json_object_get (field, "many")))
        {
          spot_problem (s, "field \"%.*s\" has many values and cannot stand here", (int) part.len,
                        part.text);
          return false;
        }
    }
  if (r < 0)
    spot_problem (s, "a brace must be part of {field}");
  return r == 0;
}

static bool
is_url (json_t *field)
{
  return streq (json_string_value (json_object_get (field, "kind")), "url");
}

/* "host", "host:port", "{field}", "{field}.example.com" */
static void
check_host (const struct spot *s)
{
  const char *text = json_string_value (s->value), *at = text;
  struct template_part part;
  char host[1025];
  size_t n = 0;

  if (!check_template_fields (s, text))
    return;
  while (template_next (&at, &part) > 0 && n < sizeof host - 1)
    if (!part.field)
      n += (size_t) snprintf (host + n, sizeof host - n, "%.*s", (int) part.len, part.text);
    else if (is_url (hub_field (s, part.text, part.len)))
      {
        if (part.len + 2 != strlen (text))
          spot_problem (s, "field \"%.*s\" is a URL; it must stand alone, as {%.*s}",
                        (int) part.len, part.text, (int) part.len, part.text);
        return;
      }
    else
      host[n++] = 'f';
  host[MIN (n, sizeof host - 1)] = '\0';
  if (!url_host_port_valid (host))
    spot_problem (s, "must be a host name, maybe with a port, without https:// and path");
}

static void
check_hosts (const struct spot *up)
{
  struct spot list, s;

  if (spot_member (up, "hosts", &list))
    SPOT_EACH (&s, &list)
      check_host (&s);
}

static void
check_link (const struct spot *s)
{
  const char *text = json_string_value (s->value);

  if (check_template_fields (s, text) && text[0] != '{' && !has_prefix (text, "https://"))
    spot_problem (s, "must begin with https:// or a {field}");
}

static void
check_links (const struct spot *root)
{
  static const char *const key[] = { "home_url", "login_url", "icon" };
  struct spot s;
  size_t i;

  for (i = 0; i < ARRAY_SIZE (key); i++)
    if (spot_member (root, key[i], &s))
      check_link (&s);
}

/* ---- Accounts, auth, rate -------------------------------------------------------- */

/* What an account has of itself, beside the fields that the file gives it. */
static const struct
{
  const char *name, *kinds; /* NULL = every kind */
  bool secret;
} builtin[] = {
  { "username", NULL, false }, { "email", NULL, false }, { "phone", NULL, false },
  { "password", "password", true }, { "totp", "password", true },
  { "access_token", "oauth app-install", true }, { "refresh_token", "oauth app-install", true },
};

static bool
has_account_field (const struct spot *s, const char *name, bool *ret_secret)
{
  json_t *account, *field;
  size_t i, j;

  json_array_foreach (root_list (s, "accounts"), i, account)
    {
      const char *kind = json_string_value (json_object_get (account, "kind"));

      field = find (json_object_get (account, "fields"), "key", name, strlen (name));
      if (field)
        {
          *ret_secret = streq (json_string_value (json_object_get (field, "kind")), "secret");
          return true;
        }
      for (j = 0; j < ARRAY_SIZE (builtin); j++)
        if (streq (builtin[j].name, name) && (!builtin[j].kinds || strstr (builtin[j].kinds, kind)))
          {
            *ret_secret = builtin[j].secret;
            return true;
          }
    }
  return false;
}

/* Whether an account of KIND has the I-th of itself.  Password and totp are nobody's key. */
static bool
is_builtin (size_t i, const char *kind)
{
  return !builtin[i].kinds || streq (builtin[i].kinds, "password") || strstr (builtin[i].kinds, kind);
}

static void
check_account_fields (const struct spot *account)
{
  const char *kind = spot_text (account, "kind");
  struct spot list, s, at;
  size_t i;

  if (!spot_member (account, "fields", &list))
    return;
  check_unique (&list, "key", "the field");
  SPOT_EACH (&s, &list)
    {
      bool secret = streq (spot_text (&s, "kind"), "secret");

      check_field (&s, /* templates= */ false);
      check_hosts (&s);
      for (i = 0; i < ARRAY_SIZE (builtin) && spot_member (&s, "key", &at); i++)
        if (streq (builtin[i].name, spot_text (&s, "key")) && is_builtin (i, kind))
          spot_problem (&at, "an account has \"%s\" of itself; take another key", builtin[i].name);
      if (!secret && spot_member (&s, "hosts", &at))
        spot_key_problem (&at, "only a secret has hosts");
      if (!secret && spot_member (&s, "reveal", &at))
        spot_key_problem (&at, "only a secret can be revealed");
      if (secret && spot_true (&s, "many") && spot_member (&s, "many", &at))
        spot_problem (&at, "a secret has one value");
    }
}

/* Form fields of a token request that are not the file's to give. */
static void
check_extra (const struct spot *oauth)
{
  static const char *const ours[] = { "grant_type", "refresh_token", "scope", "client_id",
                                      "client_secret" };
  struct spot extra, s;
  size_t i;

  if (!spot_member (oauth, "extra", &extra))
    return;
  SPOT_EACH (&s, &extra)
    for (i = 0; i < ARRAY_SIZE (ours); i++)
      if (streq (ours[i], s.key))
        spot_key_problem (&s, "Usher fills in \"%s\" itself", s.key);
}

static void
check_oauth (const struct spot *account)
{
  json_t *fields = json_object_get (account->value, "fields"), *secret;
  const char *kind = spot_text (account, "kind");
  struct spot s, at;

  if (!spot_member (account, "oauth", &s))
    return;
  if (!streq (kind, "oauth"))
    {
      spot_key_problem (&s, "only an account of kind oauth has it");
      return;
    }
  if (spot_member (&s, "token_url", &at))
    check_link (&at);
  check_extra (&s);
  if (!find (fields, "key", "client_id", strlen ("client_id")))
    spot_problem (&s, "the account must have a field \"client_id\"");
  secret = find (fields, "key", "client_secret", strlen ("client_secret"));
  if (secret && !streq (json_string_value (json_object_get (secret, "kind")), "secret"))
    spot_problem (&s, "the field \"client_secret\" must be of kind secret");
  /* RFC 6749 section 2.3.1: a client without a secret only names itself, in the body. */
  if (!secret && !streq (spot_text (&s, "client_auth"), "body"))
    spot_problem (&s, "the account must have a field \"client_secret\", unless client_auth is body");
}

static void
check_when (const struct spot *account)
{
  struct spot when, s, value;

  if (!spot_member (account, "when", &when))
    return;
  SPOT_EACH (&s, &when)
    {
      json_t *field = hub_field (&s, s.key, strlen (s.key));

      if (!field)
        say_unknown (&s, "hub field", s.key, strlen (s.key), root_list (&s, "fields"), "key");
      else if (!streq (json_string_value (json_object_get (field, "kind")), "choice"))
        spot_problem (&s, "field \"%s\" must be a choice to decide about accounts", s.key);
      else
        SPOT_EACH (&value, &s)
          if (!among (json_object_get (field, "choices"), json_string_value (value.value)))
            spot_problem (&value, "must be one of the choices of \"%s\"", s.key);
    }
}

static void
check_accounts (const struct spot *root)
{
  struct spot list, s, at;

  if (!spot_member (root, "accounts", &list))
    return;
  SPOT_EACH (&s, &list)
    {
      const char *kind = spot_text (&s, "kind");
      json_t *first = find (list.value, "kind", kind, strlen (kind));

      if (first != s.value
          && (!json_object_get (first, "when") || !json_object_get (s.value, "when")))
        spot_problem (&s, "kind %s stands here twice; \"when\" must tell them apart", kind);
      if (!streq (kind, "password") && spot_member (&s, "totp", &at))
        spot_key_problem (&at, "only an account of kind password has totp");
      check_account_fields (&s);
      check_oauth (&s);
      check_when (&s);
    }
}

static void
check_account_ref (const struct spot *s)
{
  const char *name = json_string_value (s->value);
  bool secret;

  if (!has_account_field (s, name, &secret))
    spot_problem (s, "no account has a field \"%s\"", name);
}

/* Every element of a list or object names an account field. */
static void
check_account_refs (const struct spot *up)
{
  struct spot s;

  SPOT_EACH (&s, up)
    check_account_ref (&s);
}

static void
check_query (const struct spot *query)
{
  struct spot s, proof;

  SPOT_EACH (&s, query)
    if (json_is_string (s.value))
      check_account_ref (&s);
    else if (spot_member (&s, "hmac-sha256", &proof))
      check_account_refs (&proof);
}

static void
check_auth_rule (const struct spot *rule)
{
  struct spot s;

  if (spot_member (rule, "bearer", &s))
    check_account_ref (&s);
  if (spot_member (rule, "header", &s))
    check_account_refs (&s);
  if (spot_member (rule, "basic", &s))
    check_account_refs (&s);
  if (spot_member (rule, "query", &s))
    check_query (&s);
}

static void
check_auth (const struct spot *root)
{
  struct spot auth, s;

  if (!spot_member (root, "auth", &auth))
    return;
  if (!json_object_get (auth.value, "default"))
    spot_problem (&auth, "must have the rule \"default\"; {} sends nothing");
  SPOT_EACH (&s, &auth)
    check_auth_rule (&s);
}

static void
check_rate_key (const struct spot *s)
{
  const char *name = json_string_value (s->value);
  bool secret = false;

  const json_t *field = hub_field (s, name, strlen (name));

  if (field && json_is_true (json_object_get (field, "many")))
    spot_problem (s, "a field of many values cannot be a rate key");
  if (streq (name, "host") || field)
    return;
  if (!has_account_field (s, name, &secret))
    spot_problem (s, "must be host, or a field of the hub or an account; there is no \"%s\"",
                  name);
  else if (secret)
    spot_problem (s, "a secret cannot be a rate key");
}

static void
check_rate (const struct spot *root)
{
  struct spot list, s, keys, key;

  if (!spot_member (root, "rate", &list))
    return;
  SPOT_EACH (&s, &list)
    if (spot_member (&s, "key", &keys))
      SPOT_EACH (&key, &keys)
        check_rate_key (&key);
}

/* ---- What the app can ------------------------------------------------------------ */

static void
check_can (const struct spot *root)
{
  static const struct { const char *can, *needs; } need[] = {
    { "add-user", "add" }, { "update-role", "update" }, { "remove-user", "remove" },
    { "assets", "asset_types" }, { "rotate-password", "password_rules" },
  };
  const char *update = spot_text (root, "update");
  struct spot can, add, s;
  size_t i;

  if (!spot_member (root, "can", &can))
    return;
  for (i = 0; i < ARRAY_SIZE (need); i++)
    if (spot_true (&can, need[i].can) && !json_object_get (root->value, need[i].needs)
        && spot_member (&can, need[i].can, &s))
      spot_problem (&s, "is true, so the file must have \"%s\"", need[i].needs);
  if (spot_true (&can, "update-role") && streq (update, "none")
      && spot_member (root, "update", &s))
    spot_problem (&s, "must not be none, as can.update-role is true");
  /* An invitation whose answer was lost would be sent again, or never: nobody could tell. */
  if (spot_true (&can, "update-role") && streq (update, "re-add") && spot_member (root, "add", &add)
      && streq (spot_text (&add, "pending"), "none") && !streq (spot_text (&add, "how"), "create")
      && spot_member (root, "update", &s))
    spot_problem (&s, "re-add invites, so add.pending must say where invitations are seen, not none");
  if (spot_true (&can, "assets") && spot_member (root, "asset_types", &s)
      && json_array_size (s.value) == 0)
    spot_problem (&s, "must not be empty, as can.assets is true");
}

static void
check_remove (const struct spot *root)
{
  struct spot remove, policy;
  const char *text;
  json_t *field, *choice;
  size_t i;

  if (!spot_member (root, "remove", &remove) || !spot_member (&remove, "policy", &policy))
    return;
  text = json_string_value (policy.value);
  if (text[0] != '{')
    return;
  field = hub_field (&policy, text + 1, strlen (text) - 2);
  if (!field)
    {
      say_unknown (&policy, "hub field", text + 1, strlen (text) - 2, root_list (root, "fields"),
                   "key");
      return;
    }
  if (!json_object_get (field, "default") && !json_is_true (json_object_get (field, "required")))
    spot_problem (&policy, "field %s must be required or have a default", text);
  if (!json_is_array (json_object_get (field, "choices")))
    spot_problem (&policy, "field %s must be a choice", text);
  json_array_foreach (json_object_get (field, "choices"), i, choice)
    if (!streq (json_string_value (choice), "delete")
        && !streq (json_string_value (choice), "deactivate")
        && !streq (json_string_value (choice), "strip"))
      spot_problem (&policy, "field %s has the choice \"%s\"; a policy is delete, deactivate "
                             "or strip", text, json_string_value (choice));
}

/* ---- Roles, assets, provisioning --------------------------------------------------- */

static json_t *
find_role (json_t *roles, const char *group, const char *id)
{
  json_t *role;
  size_t i;

  json_array_foreach (roles, i, role)
    if (streq (json_string_value (json_object_get (role, "group")), group)
        && streq (json_string_value (json_object_get (role, "id")), id))
      return role;
  return NULL;
}

static void
check_role (const struct spot *s, json_t *roles)
{
  const char *name = spot_text (s, "group"), *id = spot_text (s, "id");
  json_t *groups = root_list (s, "role_groups");
  json_t *group = find (groups, "key", name, strlen (name));
  struct spot at, other;
  bool ranked;

  if (find_role (roles, name, id) != s->value && spot_member (s, "id", &at))
    spot_problem (&at, "role \"%s\" stands twice in group \"%s\"", id, name);
  if (!group)
    {
      if (spot_member (s, "group", &at))
        say_unknown (&at, "role group", name, strlen (name), groups, "key");
      return;
    }
  ranked = streq (json_string_value (json_object_get (group, "model")), "ranked");
  if (ranked && !json_object_get (s->value, "rank"))
    spot_problem (s, "must have \"rank\", as group \"%s\" is ranked", name);
  if (!ranked && spot_member (s, "rank", &at))
    spot_key_problem (&at, "group \"%s\" is not ranked", name);
  if (!spot_member (s, "incompatible", &at))
    return;
  SPOT_EACH (&other, &at)
    if (streq (json_string_value (other.value), id))
      spot_problem (&other, "a role cannot exclude itself");
    else if (!find_role (roles, name, json_string_value (other.value)))
      spot_problem (&other, "group \"%s\" has no role \"%s\"", name,
                    json_string_value (other.value));
}

static void
check_roles (const struct spot *root)
{
  json_t *roles = root_list (root, "roles"), *role;
  struct spot list, s;

  if (spot_member (root, "role_groups", &list))
    {
      check_unique (&list, "key", "the role group");
      SPOT_EACH (&s, &list)
        {
          const char *key = spot_text (&s, "key");
          bool any = spot_true (&s, "discovered");
          size_t i;

          json_array_foreach (roles, i, role)
            any |= streq (json_string_value (json_object_get (role, "group")), key);
          if (!any)
            spot_problem (&s, "must be discovered, or have roles in \"roles\"");
        }
    }
  if (spot_member (root, "roles", &list))
    SPOT_EACH (&s, &list)
      check_role (&s, roles);
}

/* No type is its own ancestor. */
static void
check_parent (const struct spot *s, json_t *types)
{
  const char *name = spot_text (s, "parent"), *self = spot_text (s, "key");
  struct spot at;
  json_t *type;
  size_t steps;

  if (!name || !spot_member (s, "parent", &at))
    return;
  if (!find (types, "key", name, strlen (name)))
    {
      say_unknown (&at, "asset type", name, strlen (name), types, "key");
      return;
    }
  for (steps = 0; name && steps <= json_array_size (types); steps++)
    {
      if (streq (name, self))
        {
          spot_problem (&at, "asset type \"%s\" would be its own ancestor", self);
          return;
        }
      type = find (types, "key", name, strlen (name));
      name = json_string_value (json_object_get (type, "parent"));
    }
}

static void
check_assets (const struct spot *root)
{
  struct spot list, s, at;

  if (!spot_member (root, "asset_types", &list))
    return;
  check_unique (&list, "key", "the asset type");
  SPOT_EACH (&s, &list)
    {
      check_parent (&s, list.value);
      if (spot_member (&s, "roles", &at))
        check_unique (&at, "id", "the role");
      if (spot_member (&s, "actions", &at))
        {
          check_unique (&at, "id", "the action");
          if (json_object_get (s.value, "roles"))
            spot_key_problem (&at, "an asset type has roles or actions, not both");
        }
    }
}

static void
check_provisioning_default (const struct spot *s)
{
  static const char *const known[] = { "email", "first_name", "last_name", "username" };
  const char *text = json_string_value (s->value), *at = text;
  struct template_part part;
  size_t i;
  int r = 0;

  while (text && (r = template_next (&at, &part)) > 0)
    {
      for (i = 0; part.field && i < ARRAY_SIZE (known); i++)
        if (strlen (known[i]) == part.len && memcmp (known[i], part.text, part.len) == 0)
          break;
      if (part.field && i == ARRAY_SIZE (known))
        spot_problem (s, "knows {email}, {first_name}, {last_name} and {username}, not {%.*s}",
                      (int) part.len, part.text);
    }
  if (r < 0)
    spot_problem (s, "a brace must be part of {email}, {first_name}, {last_name} or {username}");
}

static void
check_provisioning (const struct spot *root)
{
  struct spot list, s, at;

  if (!spot_member (root, "provisioning", &list))
    return;
  check_unique (&list, "key", "the field");
  SPOT_EACH (&s, &list)
    {
      check_field (&s, /* templates= */ true);
      if (spot_member (&s, "default", &at))
        check_provisioning_default (&at);
    }
}

static void
check_session (const struct spot *root)
{
  struct spot session, s;

  if (spot_member (root, "session", &session) && spot_true (&session, "save")
      && !spot_true (&session, "cookies") && spot_member (&session, "save", &s))
    spot_problem (&s, "saves cookies, so \"cookies\" must be true");
}

void
cross_check (const struct spot *root)
{
  check_links (root);
  check_hub_fields (root);
  check_accounts (root);
  check_hosts (root);
  check_auth (root);
  check_session (root);
  check_rate (root);
  check_can (root);
  check_remove (root);
  check_roles (root);
  check_assets (root);
  check_provisioning (root);
}
