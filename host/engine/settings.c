/* Owns what may be set on a hub, and which roles it knows. */
#include <config.h>

#include "host/engine/settings.h"

#include "host/common/text.h"

#define KEEP_MAX 1000u
#define ROLES_MAX 100u

enum kind { NUMBER, SECONDS, CHOICE, LIST };

static const struct setting
{
  const char *name;
  enum kind kind;
  uint64_t min, max;
  const char *choices[3];
} settings[] = {
  { "sync-interval", SECONDS, 3600, 7 * 24 * 3600, { NULL } },
  { "safeguard-threshold", NUMBER, 1, 100, { NULL } },
  { "safeguard-floor", NUMBER, 0, 100, { NULL } },
  { "safeguard-cap", NUMBER, 1, 1000000, { NULL } },
  { "settle-window", SECONDS, 0, 3600, { NULL } },
  { "deprovision-mode", CHOICE, 0, 0, { "confirm", "automatic" } },
  { "rotate-on-leave", CHOICE, 0, 0, { "on", "off" } },
  { "notify-matched", CHOICE, 0, 0, { "on", "off" } },
  { "keep-members", LIST, 0, KEEP_MAX, { NULL } },
};

/* "24h", "5m", "300s", "300" to seconds. */
static int
parse_seconds (const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
  static const struct
  {
    char unit;
    uint64_t factor;
  } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 24 * 3600 } };
  _cleanup_ (freep) char *digits = strdup (s);
  uint64_t v, factor = 1;
  size_t n, i;

  if (!digits || !(n = strlen (digits)))
    return -EINVAL;
  for (i = 0; i < ARRAY_SIZE (units); i++)
    if (digits[n - 1] == units[i].unit)
      {
        factor = units[i].factor;
        digits[n - 1] = '\0';
        break;
      }
  if (parse_u64 (digits, 0, UINT32_MAX, &v) < 0 || v * factor < min || v * factor > max)
    return -ERANGE;
  *ret = v * factor;
  return 0;
}

static int
set_number (json_t *to, const struct setting *s, const json_t *value, struct refusal *r)
{
  uint64_t v = 0;
  int x = -EINVAL;

  if (json_is_integer (value) && json_integer_value (value) >= 0)
    {
      v = (uint64_t) json_integer_value (value);
      x = v < s->min || v > s->max ? -ERANGE : 0;
    }
  else if (json_is_string (value))
    x = s->kind == SECONDS ? parse_seconds (json_string_value (value), s->min, s->max, &v)
                           : parse_u64 (json_string_value (value), s->min, s->max, &v);
  if (x < 0)
    return refuse (r, "validation-failed", s->name, "%s is a %s from %llu to %llu.", s->name,
                   s->kind == SECONDS ? "time in seconds (or as 24h)" : "number", (unsigned long long) s->min,
                   (unsigned long long) s->max);
  (void) json_object_set_new (to, s->name, json_integer ((json_int_t) v));
  return 0;
}

static int
set_choice (json_t *to, const struct setting *s, const json_t *value, struct refusal *r)
{
  const char *text = json_is_boolean (value) ? (json_is_true (value) ? "on" : "off") : json_string_value (value);

  if (!streq (text, s->choices[0]) && !streq (text, s->choices[1]))
    return refuse (r, "validation-failed", s->name, "%s is %s or %s.", s->name, s->choices[0], s->choices[1]);
  json_set_text (to, s->name, text);
  return 0;
}

/* An array of texts, or one text with commas. */
static int
set_list (json_t *to, const struct setting *s, const json_t *value, struct refusal *r)
{
  json_t *list = json_array (), *one;
  size_t i;

  if (json_is_array (value))
    {
      json_array_foreach (value, i, one)
        if (json_is_string (one))
          (void) json_array_append (list, one);
    }
  else if (json_is_string (value))
    {
      const char *p = json_string_value (value);

      while (*p)
        {
          size_t n = strcspn (p, ",");

          if (n)
            (void) json_array_append_new (list, json_stringn (p, n));
          p += n + (p[n] == ',');
        }
    }
  if (json_array_size (list) > s->max || (json_is_array (value) && json_array_size (list) != json_array_size (value)))
    {
      json_decref (list);
      return refuse (r, "validation-failed", s->name, "%s is a list of at most %llu ids or addresses.", s->name,
                     (unsigned long long) s->max);
    }
  (void) json_object_set_new (to, s->name, list);
  return 0;
}

int
settings_set (json_t *hub, json_t *given, struct refusal *r)
{
  json_t *to, *value;
  const char *name;
  size_t i;
  int x = 0;

  if (!given)
    return 0;
  if (!json_is_object (given))
    return refuse (r, "validation-failed", "settings", "settings is an object of names and values.");
  to = json_deep_copy (json_object_get (hub, "settings"));
  if (!to)
    to = json_object ();
  json_object_foreach (given, name, value)
    {
      for (i = 0; i < ARRAY_SIZE (settings) && !streq (settings[i].name, name); i++)
        ;
      if (i == ARRAY_SIZE (settings))
        x = refuse (r, "validation-failed", name, "There is no setting %s.", name);
      else if (json_is_null (value))
        (void) json_object_del (to, name);
      else if (settings[i].kind == CHOICE)
        x = set_choice (to, &settings[i], value, r);
      else if (settings[i].kind == LIST)
        x = set_list (to, &settings[i], value, r);
      else
        x = set_number (to, &settings[i], value, r);
      if (x < 0)
        break;
    }
  if (x == 0)
    (void) json_object_set (hub, "settings", to);
  json_decref (to);
  return x;
}

/* ---- Roles. */

static json_t *
role_known (json_t *roles, const char *group, const char *id)
{
  json_t *role;
  size_t i;

  json_array_foreach (roles, i, role)
    if (streq (json_text (role, "id"), id) && (!group || streq (json_text (role, "group"), group)))
      return role;
  return NULL;
}

json_t *
roles_of (const struct app *app, const json_t *hub)
{
  json_t *roles = json_array (), *found = json_object_get (hub, "roles"), *role;
  const json_t *named = json_object_get (json_object_get (hub, "fields"), "roles");
  const struct app_role_group *groups;
  const struct app_role *declared;
  size_t n, i, n_groups = 0;

  groups = app ? app_role_groups (app, &n_groups) : NULL;
  declared = app ? app_roles (app, &n) : NULL;
  for (i = 0; declared && i < n; i++)
    (void) json_array_append_new (roles, json_pack ("{s:s, s:s, s:s, s:i, s:b}", "id", declared[i].id, "label",
                                                    declared[i].label, "group", declared[i].group, "rank",
                                                    (int) declared[i].rank, "assignable", declared[i].assignable));
  json_array_foreach (found, i, role)
    if (!role_known (roles, json_text (role, "group"), json_text (role, "id")))
      (void) json_array_append (roles, role);
  json_array_foreach (named, i, role)
    if (json_is_string (role) && n_groups && !role_known (roles, NULL, json_string_value (role)))
      (void) json_array_append_new (roles, json_pack ("{s:O, s:O, s:s, s:i, s:b}", "id", role, "label", role,
                                                      "group", groups[0].key, "rank", 0, "assignable", 1));
  return roles;
}

/* By id, else by label in any case. */
static json_t *
role_named (json_t *roles, const char *group, const char *name)
{
  json_t *role = role_known (roles, group, name);
  size_t i;

  if (role)
    return role;
  json_array_foreach (roles, i, role)
    if ((!group || streq (json_text (role, "group"), group))
        && ascii_casecmp (json_text (role, "label"), name) == 0)
      return role;
  return NULL;
}

#define ROLES_TOLD 10u
#define ROLES_TEXT_MAX 16384u

/* ": admin, member", as many as a sentence bears. */
static void
tell_roles (const json_t *known, struct buf *out)
{
  const json_t *role;
  size_t i, n = 0;

  json_array_foreach (known, i, role)
    if (json_flag (role, "assignable") && n++ < ROLES_TOLD)
      buf_printf (out, "%s%s", n == 1 ? "; it knows " : ", ", json_text (role, "id"));
  if (n > ROLES_TOLD)
    buf_printf (out, " and %zu more", n - ROLES_TOLD);
}

static int
take_role (json_t *known, const json_t *asked, json_t *chosen, struct refusal *r)
{
  const char *name = json_is_object (asked) ? json_text (asked, "id") : json_string_value (asked);
  json_t *role;

  if (!name)
    return refuse (r, "validation-failed", "roles", "roles is a list of role ids.");
  role = role_named (known, json_is_object (asked) ? json_text (asked, "group") : NULL, name);
  if (!role || !json_flag (role, "assignable"))
    {
      _cleanup_ (buf_done) struct buf others = BUF_INIT (ROLES_TEXT_MAX);

      tell_roles (known, &others);
      return refuse (r, "role-not-assignable", "roles", "%s %s%s.",
                     role ? "One may see, but not give, the role" : "The hub knows no role", name,
                     others.data ? others.data : "");
    }
  if (!role_known (chosen, json_text (role, "group"), json_text (role, "id")))
    (void) json_array_append_new (chosen, json_pack ("{s:O, s:O}", "id", json_object_get (role, "id"), "group",
                                                     json_object_get (role, "group")));
  return 0;
}

/* pick one, required, incompatible. */
static int
check_groups (const struct app *app, const json_t *chosen, bool required, struct refusal *r)
{
  size_t n_groups, g, i, j;
  const struct app_role_group *groups = app_role_groups (app, &n_groups);
  json_t *a, *b;

  for (g = 0; g < n_groups; g++)
    {
      size_t n = 0;

      json_array_foreach (chosen, i, a)
        n += streq (json_text (a, "group"), groups[g].key);
      if (n > 1 && !groups[g].many)
        return refuse (r, "roles-incompatible", "roles", "Only one role of %s can be held.", groups[g].label);
      if (n == 0 && groups[g].required && required)
        return refuse (r, "validation-failed", "roles", "A role of %s is required.", groups[g].label);
    }
  json_array_foreach (chosen, i, a)
    json_array_foreach (chosen, j, b)
      if (i < j && streq (json_text (a, "group"), json_text (b, "group"))
          && app_roles_incompatible (app, json_text (a, "group"), json_text (a, "id"), json_text (b, "id")))
        return refuse (r, "roles-incompatible", "roles", "The roles %s and %s exclude each other.",
                       json_text (a, "id"), json_text (b, "id"));
  return 0;
}

int
roles_check (const struct app *app, const json_t *hub, json_t *asked, bool required, json_t **ret,
             struct refusal *r)
{
  json_t *known, *chosen, *one;
  size_t i;
  int x = 0;

  if (asked && (!json_is_array (asked) || json_array_size (asked) > ROLES_MAX))
    return refuse (r, "validation-failed", "roles", "roles is a list of at most %u role ids.", ROLES_MAX);
  known = roles_of (app, hub);
  chosen = json_array ();
  json_array_foreach (asked, i, one)
    if (x == 0)
      x = take_role (known, one, chosen, r);
  if (x == 0)
    x = check_groups (app, chosen, required, r);
  json_decref (known);
  if (x < 0)
    {
      json_decref (chosen);
      return x;
    }
  *ret = chosen;
  return 0;
}
