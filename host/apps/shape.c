/* Owns the table of an app file's keys, and holds a file to it.  What ties one part of a
   file to another is cross.c. */
#include <config.h>

#include "host/apps/shape.h"

#include <stdio.h>

#include "host/apps/spot.h"
#include "host/common/suggest.h"
#include "host/common/text.h"

#define KEYS_MAX 64u
#define LIST_MAX 1000

#define KEY .pattern = "[a-z][a-z0-9_]{0,31}", \
  .right = "a lower-case letter, then letters, digits and _, 32 at most"
#define WORDS(...) .words = (const char *const[]) { __VA_ARGS__, NULL }
#define ROW(name, what) .key = name, .kind = SHAPE_##what
#define END { .key = NULL }

static const struct shape any_text = { .kind = SHAPE_TEXT, .max = 1024 };
static const struct shape field_key = { .kind = SHAPE_TEXT, KEY };
static const struct shape id_text = { .kind = SHAPE_TEXT, .max = 255 };

/* What the three kinds of fields share. */
#define FIELD_SHAPES \
  { ROW ("key", TEXT), .required = true, KEY }, \
  { ROW ("label", TEXT), .required = true, .max = 80 }, \
  { ROW ("required", BOOL) }, \
  { ROW ("default", TEXTS) }, \
  { ROW ("pattern", TEXT), .max = 512 }, \
  { ROW ("choices", LIST), .of = &id_text, .min = 1, .max = 200 }, \
  { ROW ("many", BOOL) }, \
  { ROW ("help", TEXT), .max = 500 }

static const struct shape hub_field_keys[] = {
  FIELD_SHAPES,
  { ROW ("kind", TEXT), .required = true, WORDS ("text", "choice", "url") },
  { ROW ("id", TEXT), WORDS ("space", "free") },
  END
};
static const struct shape hub_field = { .kind = SHAPE_OBJECT, .of = hub_field_keys };

static const struct shape account_field_keys[] = {
  FIELD_SHAPES,
  { ROW ("kind", TEXT), .required = true, WORDS ("text", "choice", "url", "secret") },
  { ROW ("hosts", LIST), .of = &any_text, .min = 1, .max = 100 },
  { ROW ("reveal", BOOL) },
  END
};
static const struct shape account_field = { .kind = SHAPE_OBJECT, .of = account_field_keys };

static const struct shape provisioning_on = { .kind = SHAPE_TEXT, WORDS ("add", "update") };
static const struct shape provisioning_keys[] = {
  FIELD_SHAPES,
  { ROW ("kind", TEXT), .required = true, WORDS ("text", "choice", "url") },
  { ROW ("on", LIST), .required = true, .of = &provisioning_on, .min = 1, .max = 2 },
  END
};
static const struct shape provisioning_field = { .kind = SHAPE_OBJECT, .of = provisioning_keys };

static const struct shape login_method = { .kind = SHAPE_TEXT, WORDS ("sso", "password") };

static const struct shape when_values
  = { .kind = SHAPE_LIST, .of = &id_text, .min = 1, .max = 200 };
static const struct shape scope_text
  = { .kind = SHAPE_TEXT, .pattern = "[!-~]{1,255}",
      .right = "one scope: printable characters without spaces" };
static const struct shape oauth_keys[] = {
  { ROW ("token_url", TEXT), .required = true, .max = 1024 },
  { ROW ("grant", TEXT), .required = true, WORDS ("refresh_token", "client_credentials") },
  { ROW ("client_auth", TEXT), WORDS ("basic", "body") },
  { ROW ("scopes", LIST), .of = &scope_text, .min = 1, .max = 100 },
  { ROW ("extra", MAP), .of = &any_text, .pattern = "[A-Za-z0-9_.~-]{1,64}",
    .right = "the name of a form field: letters, digits, _ . ~ and -" },
  END
};
static const struct shape account_keys[] = {
  { ROW ("kind", TEXT), .required = true,
    WORDS ("password", "token", "oauth", "app-install") },
  { ROW ("fields", LIST), .of = &account_field, .max = 50 },
  { ROW ("totp", TEXT), WORDS ("no", "optional", "required") },
  { ROW ("phone", BOOL) },
  { ROW ("when", MAP), .of = &when_values, KEY },
  { ROW ("oauth", OBJECT), .of = oauth_keys },
  END
};
static const struct shape account = { .kind = SHAPE_OBJECT, .of = account_keys };

#define HEADER_NAME .pattern = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", \
  .right = "the name of an HTTP header"

static const struct shape query_value = { .kind = SHAPE_PROOF };
static const struct shape auth_rule_keys[] = {
  { ROW ("bearer", TEXT), KEY },
  { ROW ("header", MAP), .of = &field_key, HEADER_NAME },
  { ROW ("basic", LIST), .of = &field_key, .min = 2, .max = 2 },
  { ROW ("query", MAP), .of = &query_value, .pattern = "[A-Za-z0-9_.~-]{1,64}",
    .right = "the name of a query parameter: letters, digits, _ . ~ and -" },
  END
};
static const struct shape auth_rule = { .kind = SHAPE_OBJECT, .of = auth_rule_keys };

static const struct shape session_keys[] = {
  { ROW ("cookies", BOOL) },
  { ROW ("save", BOOL) },
  END
};

static const struct shape rate_per = {
  .kind = SHAPE_TEXT, .pattern = "[1-9][0-9]{0,8}/([1-9][0-9]{0,3})?(s|min|h|day)",
  .right = "a number, / and s, min, h or day (\"10/s\", \"600/min\", \"100/15min\")"
};
static const struct shape rate_keys[] = {
  { ROW ("key", LIST), .required = true, .of = &field_key, .min = 1, .max = 8 },
  { ROW ("per", LIST), .of = &rate_per, .min = 1, .max = 8 },
  { ROW ("in_flight", NUMBER), .min = 1, .max = 64 },
  { ROW ("headers", TEXT), WORDS ("standard", "milliseconds", "minutes", "none") },
  END
};
static const struct shape rate = { .kind = SHAPE_OBJECT, .of = rate_keys };

static const struct shape can_keys[] = {
  { ROW ("sync", WHY), .required = true },
  { ROW ("add-user", WHY), .required = true },
  { ROW ("update-role", WHY), .required = true },
  { ROW ("remove-user", WHY), .required = true },
  { ROW ("assets", WHY), .required = true },
  { ROW ("partners", WHY), .required = true },
  { ROW ("rotate-password", WHY), .required = true },
  { ROW ("mfa", WHY), .required = true },
  END
};

static const struct shape add_keys[] = {
  { ROW ("how", TEXT), .required = true,
    WORDS ("create", "invite", "invite-link", "just-in-time") },
  { ROW ("lifetime_days", NUMBER), .min = 1, .max = 3650 },
  { ROW ("pending", TEXT), .required = true, WORDS ("listed", "section", "none") },
  { ROW ("resend", BOOL) },
  { ROW ("revoke", BOOL) },
  { ROW ("idempotency", TEXT), HEADER_NAME },
  END
};

static const struct shape remove_keys[] = {
  { ROW ("policy", TEXT), .required = true,
    .pattern = "delete|deactivate|strip|[{][a-z][a-z0-9_]{0,31}[}]",
    .right = "delete, deactivate, strip, or {field} of a choice among these" },
  END
};

static const struct shape role_group_keys[] = {
  { ROW ("key", TEXT), .required = true, KEY },
  { ROW ("label", TEXT), .required = true, .max = 80 },
  { ROW ("model", TEXT), .required = true, WORDS ("ranked", "latest") },
  { ROW ("pick", TEXT), .required = true, WORDS ("one", "many") },
  { ROW ("required", BOOL) },
  { ROW ("discovered", BOOL) },
  END
};
static const struct shape role_group = { .kind = SHAPE_OBJECT, .of = role_group_keys };

static const struct shape role_keys[] = {
  { ROW ("group", TEXT), .required = true, KEY },
  { ROW ("id", TEXT), .required = true, .max = 255 },
  { ROW ("label", TEXT), .required = true, .max = 80 },
  { ROW ("rank", NUMBER), .min = 1, .max = 1000000 },
  { ROW ("assignable", BOOL) },
  { ROW ("incompatible", LIST), .of = &id_text, .min = 1, .max = 200 },
  END
};
static const struct shape role = { .kind = SHAPE_OBJECT, .of = role_keys };

static const struct shape asset_role_keys[] = {
  { ROW ("id", TEXT), .required = true, .max = 255 },
  { ROW ("label", TEXT), .required = true, .max = 80 },
  { ROW ("rank", NUMBER), .min = 1, .max = 1000000 },
  END
};
static const struct shape asset_role = { .kind = SHAPE_OBJECT, .of = asset_role_keys };
static const struct shape asset_action_keys[] = {
  { ROW ("id", TEXT), .required = true, .max = 255 },
  { ROW ("label", TEXT), .required = true, .max = 80 },
  END
};
static const struct shape asset_action = { .kind = SHAPE_OBJECT, .of = asset_action_keys };
static const struct shape asset_type_keys[] = {
  { ROW ("key", TEXT), .required = true, .pattern = "[A-Za-z][A-Za-z0-9_-]{0,63}",
    .right = "a letter, then letters, digits, _ and -, 64 at most" },
  { ROW ("label", TEXT), .required = true, .max = 80 },
  { ROW ("parent", TEXT), .max = 64 },
  { ROW ("grant", TEXT), .required = true, WORDS ("member", "invite") },
  { ROW ("roles", LIST), .of = &asset_role, .min = 1, .max = 200 },
  { ROW ("actions", LIST), .of = &asset_action, .min = 1, .max = 200 },
  { ROW ("listed", WHY) },
  END
};
static const struct shape asset_type = { .kind = SHAPE_OBJECT, .of = asset_type_keys };

static const struct shape password_keys[] = {
  { ROW ("length", NUMBER), .required = true, .min = 8, .max = 128 },
  { ROW ("classes", NUMBER), .required = true, .min = 1, .max = 4 },
  END
};

static const struct shape app_keys[] = {
  { ROW ("usher_app", NUMBER), .required = true, .min = APP_FORMAT, .max = APP_FORMAT },
  { ROW ("id", TEXT), .required = true, .pattern = "[a-z][a-z0-9-]{1,31}",
    .right = "a lower-case letter, then letters, digits and -, 2 to 32 in all" },
  { ROW ("name", TEXT), .required = true, .max = 80 },
  { ROW ("connector", TEXT), .required = true, .pattern = "[a-z][a-z0-9_-]{0,63}",
    .right = "the file name of a connector without .so" },
  { ROW ("evidence", TEXT), .required = true,
    .pattern = "(verified|specification|documented|unverified) .+",
    .right = "verified, specification, documented or unverified, and by what" },
  { ROW ("home_url", TEXT), .max = 1024 },
  { ROW ("login_url", TEXT), .max = 1024 },
  { ROW ("icon", TEXT), .max = 1024 },
  { ROW ("fields", LIST), .of = &hub_field, .max = 50 },
  { ROW ("login_methods", LIST), .required = true, .of = &login_method, .min = 1, .max = 2 },
  { ROW ("accounts", LIST), .required = true, .of = &account, .min = 1, .max = 20 },
  { ROW ("native_role", TEXT), .max = 500 },
  { ROW ("hosts", LIST), .required = true, .of = &any_text, .min = 1, .max = 100 },
  { ROW ("auth", MAP), .required = true, .of = &auth_rule,
    .pattern = "[a-z][a-z0-9_-]{0,31}",
    .right = "a lower-case letter, then letters, digits, _ and -, 32 at most" },
  { ROW ("session", OBJECT), .of = session_keys },
  { ROW ("rate", LIST), .of = &rate, .max = 20 },
  { ROW ("can", OBJECT), .required = true, .of = can_keys },
  { ROW ("add", OBJECT), .of = add_keys },
  { ROW ("update", TEXT), WORDS ("in-place", "re-add", "none") },
  { ROW ("remove", OBJECT), .of = remove_keys },
  { ROW ("read", TEXT), .required = true, WORDS ("lookup", "list") },
  { ROW ("emails", BOOL), .required = true },
  { ROW ("role_groups", LIST), .of = &role_group, .max = 50 },
  { ROW ("roles", LIST), .of = &role, .max = LIST_MAX },
  { ROW ("asset_types", LIST), .of = &asset_type, .max = 100 },
  { ROW ("provisioning", LIST), .of = &provisioning_field, .max = 50 },
  { ROW ("password_rules", OBJECT), .of = password_keys },
  { ROW ("run", ANY) },
  END
};
const struct shape *const shape_app = app_keys;

static void check_value (const struct spot *s, const struct shape *shape);

/* "a, b or c" */
static void
join_words (const char *const *words, char *ret, size_t size)
{
  size_t used = 0, i;

  ret[0] = '\0';
  for (i = 0; words[i] && used < size; i++)
    used += (size_t) snprintf (ret + used, size - used, "%s%s",
                               !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
}

static void
check_words (const struct spot *s, const char *const *words, const char *text)
{
  const char *near;
  char all[256];
  size_t n;

  for (n = 0; words[n]; n++)
    if (streq (words[n], text))
      return;
  join_words (words, all, sizeof all);
  near = suggest_nearest (text, words, n);
  if (near)
    spot_problem (s, "must be %s; did you mean \"%s\"?", all, near);
  else
    spot_problem (s, "must be %s", all);
}

static bool
has_control (const char *text)
{
  for (; *text; text++)
    if ((unsigned char) *text < 0x20 || *text == 0x7f)
      return true;
  return false;
}

static void
check_text (const struct spot *s, const struct shape *shape)
{
  const char *text = json_string_value (s->value);

  if (!text)
    spot_problem (s, "must be a text");
  else if (shape->words)
    check_words (s, shape->words, text);
  else if (!*text)
    spot_problem (s, "must not be empty");
  else if (has_control (text))
    spot_problem (s, "must not hold control characters");
  else if (shape->max && utf8_length (text) > (size_t) shape->max)
    spot_problem (s, "must have at most %lld characters", (long long) shape->max);
  else if (shape->pattern && pattern_matches (shape->pattern, text) != 1)
    spot_problem (s, "must be %s", shape->right);
}

static void
check_texts (const struct spot *s)
{
  struct spot child;

  if (!json_is_array (s->value))
    {
      check_text (s, &any_text);
      return;
    }
  SPOT_EACH (&child, s)
    check_text (&child, &any_text);
}

static void
check_number (const struct spot *s, const struct shape *shape)
{
  if (!json_is_integer (s->value) || json_integer_value (s->value) < shape->min
      || json_integer_value (s->value) > shape->max)
    {
      if (shape->min == shape->max)
        spot_problem (s, "must be %lld", (long long) shape->min);
      else
        spot_problem (s, "must be a whole number from %lld to %lld", (long long) shape->min,
                      (long long) shape->max);
    }
}

static void
check_why (const struct spot *s)
{
  const char *text = json_string_value (s->value);

  if (!json_is_true (s->value) && (!text || strlen (text) < 8 || has_control (text)))
    spot_problem (s, "must be true, or the sentence that says why not");
}

static void
check_list (const struct spot *s, const struct shape *shape)
{
  size_t n = json_array_size (s->value);
  struct spot child;

  if (!json_is_array (s->value))
    spot_problem (s, "must be a list");
  else if (n < (size_t) shape->min || n > (size_t) shape->max)
    {
      if (shape->min == shape->max)
        spot_problem (s, "must have %lld elements", (long long) shape->min);
      else
        spot_problem (s, "must have %lld to %lld elements", (long long) shape->min,
                      (long long) shape->max);
    }
  else
    SPOT_EACH (&child, s)
      check_value (&child, shape->of);
}

static void
unknown_key (const struct spot *s, const struct shape *table)
{
  const char *keys[KEYS_MAX], *near;
  size_t n;

  for (n = 0; table[n].key && n < KEYS_MAX; n++)
    keys[n] = table[n].key;
  near = suggest_nearest (s->key, keys, n);
  if (near)
    spot_key_problem (s, "is not a key here; did you mean \"%s\"?", near);
  else
    spot_key_problem (s, "is not a key here; keys of your own begin with x-");
}

static void
check_object (const struct spot *s, const struct shape *table)
{
  const struct shape *shape;
  struct spot child;

  if (!json_is_object (s->value))
    {
      spot_problem (s, "must be an object");
      return;
    }
  SPOT_EACH (&child, s)
    {
      for (shape = table; shape->key && !streq (shape->key, child.key); shape++)
        ;
      if (shape->key)
        check_value (&child, shape);
      else if (!has_prefix (child.key, "x-"))
        unknown_key (&child, table);
    }
  for (shape = table; shape->key; shape++)
    if (shape->required && !json_object_get (s->value, shape->key))
      spot_problem (s, "must have the key \"%s\"", shape->key);
}

static void
check_map (const struct spot *s, const struct shape *shape)
{
  struct spot child;

  if (!json_is_object (s->value))
    {
      spot_problem (s, "must be an object");
      return;
    }
  SPOT_EACH (&child, s)
    if (pattern_matches (shape->pattern, child.key) != 1)
      spot_key_problem (&child, "its key must be %s", shape->right);
    else
      check_value (&child, shape->of);
}

static void
check_proof (const struct spot *s)
{
  static const struct shape table[] = {
    { ROW ("hmac-sha256", LIST), .required = true, .of = &field_key, .min = 2, .max = 2 },
    END
  };

  if (json_is_string (s->value))
    check_text (s, &field_key);
  else if (!json_is_object (s->value))
    spot_problem (s, "must be a field, or {\"hmac-sha256\": [key field, text field]}");
  else
    check_object (s, table);
}

static void
check_value (const struct spot *s, const struct shape *shape)
{
  switch (shape->kind)
    {
    case SHAPE_TEXT:
      check_text (s, shape);
      break;
    case SHAPE_TEXTS:
      check_texts (s);
      break;
    case SHAPE_NUMBER:
      check_number (s, shape);
      break;
    case SHAPE_BOOL:
      if (!json_is_boolean (s->value))
        spot_problem (s, "must be true or false");
      break;
    case SHAPE_WHY:
      check_why (s);
      break;
    case SHAPE_LIST:
      check_list (s, shape);
      break;
    case SHAPE_OBJECT:
      check_object (s, shape->of);
      break;
    case SHAPE_MAP:
      check_map (s, shape);
      break;
    case SHAPE_PROOF:
      check_proof (s);
      break;
    case SHAPE_ANY:
      if (!json_is_object (s->value))
        spot_problem (s, "must be an object");
      break;
    }
}

void
shape_check (const struct spot *root)
{
  check_object (root, shape_app);
}
