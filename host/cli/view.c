/* Owns the columns, and the text of a cell. */
#include <config.h>

#include "host/cli/view.h"

#include <time.h>

#include "host/common/clock.h"

#define KEY_MAX 256u

#define VIEW(name, ...)                                                  \
  static const struct column name##_columns[] = { __VA_ARGS__, { NULL, NULL, 0, NULL } }; \
  const struct view name = { name##_columns }

VIEW (view_accounts,
      { "LABEL", "label", 0, NULL },
      { "APP", "app", 0, NULL },
      { "KIND", "kind", 0, NULL },
      { "USERNAME", "username", 0, NULL },
      { "USE", "use", 0, NULL },
      { "HUB", "hub", 0, NULL },
      { "ID", "id", 0, NULL });

VIEW (view_apps,
      { "APP", "id", 0, NULL },
      { "NAME", "name", 0, NULL },
      { "CONNECTOR", "connector", 0, NULL },
      { "EVIDENCE", "evidence", COLUMN_TEXT, NULL },
      { "BROKEN", "broken", COLUMN_TEXT, NULL });

VIEW (view_checks,
      { "CHECK", "name", 0, NULL },
      { "OK", "ok", COLUMN_STATE, NULL },
      { "DETAIL", "detail", COLUMN_TEXT, NULL },
      { "WHAT TO DO", "action", COLUMN_TEXT, NULL });

VIEW (view_connectors,
      { "NAME", "name", 0, NULL },
      { "VERSION", "version", 0, NULL },
      { "ABI", "abi", 0, NULL },
      { "ENABLED", "enabled", COLUMN_STATE, NULL },
      { "PAUSED FOR", "paused", COLUMN_TEXT, NULL },
      { "BROKEN", "broken", COLUMN_TEXT, NULL });

VIEW (view_events,
      { "TIME", "time", COLUMN_TIME, NULL },
      { "TYPE", "type", 0, NULL },
      { "ACTOR", "actor", 0, NULL },
      { "HUB", "hub_label", 0, NULL },
      { "PERSON", "person_label", 0, NULL },
      { "OUTCOME", "outcome", COLUMN_STATE, NULL },
      { "DETAILS", "details", COLUMN_TEXT, NULL });

VIEW (view_audit,
      { "SEQ", "seq", COLUMN_NUMBER, NULL },
      { "TIME", "time", COLUMN_TIME, NULL },
      { "TYPE", "type", 0, NULL },
      { "OUTCOME", "outcome", COLUMN_STATE, NULL },
      { "ACTOR", "actor.kind", 0, NULL },
      { "ACTOR PERSON", "actor.person", 0, NULL },
      { "ACTOR TOKEN", "actor.token", 0, NULL },
      { "SOURCE", "source", 0, NULL },
      { "CLIENT", "client", 0, NULL },
      { "APP", "app", 0, NULL },
      { "HUB", "hub", 0, NULL },
      { "LABEL", "hub_label", 0, NULL },
      { "PERSON", "person", 0, NULL },
      { "MEMBER", "member", 0, NULL },
      { "ACCOUNT", "account", 0, NULL },
      { "TASK", "task", 0, NULL },
      { "DETAILS", "details", COLUMN_TEXT, NULL },
      { "ID", "id", 0, NULL });

VIEW (view_hubs,
      { "HUB", "label", 0, NULL },
      { "APP", "app", 0, NULL },
      { "STATUS", "status", COLUMN_STATE, NULL },
      { "UNMATCHED", "counts.unmatched", COLUMN_NUMBER, NULL },
      { "ONBOARDED", "counts.onboarded", COLUMN_NUMBER, NULL },
      { "GUEST", "counts.guest", COLUMN_NUMBER, NULL },
      { "EXEMPTED", "counts.exempted", COLUMN_NUMBER, NULL },
      { "LAST SYNCED", "last_synced_at", COLUMN_TIME, "Not synced" },
      { "ID", "id", 0, NULL });

VIEW (view_issues,
      { "ID", "id", 0, NULL },
      { "STATE", "state", COLUMN_STATE, NULL },
      { "HUB", "hub_label", 0, NULL },
      { "CODE", "code", 0, NULL },
      { "COUNT", "count", COLUMN_NUMBER, NULL },
      { "LAST SEEN", "last_seen", COLUMN_TIME, NULL },
      { "WHAT TO DO", "action", COLUMN_TEXT, NULL });

VIEW (view_members,
      { "E-MAIL", "email", 0, NULL },
      { "USERNAME", "username", 0, NULL },
      { "NAME", "first_name last_name", 0, NULL },
      { "ROLES", "roles", COLUMN_TEXT, NULL },
      { "PERSON", "person", 0, NULL },
      { "TYPE", "type", 0, NULL },
      { "TAB", "tab", 0, NULL },
      { "STATUS", "status", COLUMN_STATE, NULL },
      { "IN APP", "app_state", COLUMN_STATE, NULL },
      { "ID", "id", 0, NULL });

VIEW (view_people,
      { "E-MAIL", "email", 0, NULL },
      { "NAME", "first_name last_name", 0, NULL },
      { "USERNAME", "username", 0, NULL },
      { "ROLE", "workspace_role", 0, NULL },
      { "STATUS", "status", COLUMN_STATE, NULL },
      { "GUEST", "is_guest", 0, NULL },
      { "SOURCE", "source", 0, NULL },
      { "ID", "id", 0, NULL });

VIEW (view_plan,
      { "ACTION", "action", 0, NULL },
      { "E-MAIL", "email", 0, NULL },
      { "USERNAME", "username", 0, NULL },
      { "ROLES BEFORE", "was", COLUMN_TEXT, NULL },
      { "ROLES", "roles", COLUMN_TEXT, NULL },
      { "STATUS", "status", COLUMN_STATE, NULL },
      { "MEMBER", "member", 0, NULL });

VIEW (view_plan_people,
      { "ACTION", "action", 0, NULL },
      { "E-MAIL", "email", 0, NULL },
      { "NAME", "first_name last_name", 0, NULL },
      { "USERNAME", "username", 0, NULL },
      { "ROLE", "workspace_role", 0, NULL },
      { "CHANGES", "changes", COLUMN_TEXT, NULL });

VIEW (view_reports,
      { "ID", "id", 0, NULL },
      { "HUB", "hub_label", 0, NULL },
      { "KIND", "kind", 0, NULL },
      { "STATUS", "status", COLUMN_STATE, NULL },
      { "REVISION", "revision", COLUMN_NUMBER, NULL },
      { "REMOVES", "removed_count", COLUMN_NUMBER, NULL },
      { "CREATED", "created_at", COLUMN_TIME, NULL });

VIEW (view_report_rows,
      { "E-MAIL", "who.email", 0, NULL },
      { "USERNAME", "who.username", 0, NULL },
      { "NAME", "who.first_name who.last_name", 0, NULL },
      { "ROLES", "who.roles", COLUMN_TEXT, NULL },
      { "CAUSE", "cause", 0, NULL },
      { "DECISION", "decision", 0, NULL },
      { "RESULT", "result", COLUMN_STATE, NULL },
      { "MEMBER", "member", 0, NULL });

VIEW (view_roles,
      { "ROLE", "id", 0, NULL },
      { "LABEL", "label", 0, NULL },
      { "GROUP", "group", 0, NULL });

VIEW (view_tasks,
      { "ID", "id", 0, NULL },
      { "TASK", "kind", 0, NULL },
      { "STATUS", "status", COLUMN_STATE, NULL },
      { "WAITS FOR", "wait_reason", 0, NULL },
      { "UNTIL", "next_attempt_at", COLUMN_TIME, NULL },
      { "HUB", "hub_label", 0, NULL },
      { "CREATED", "created_at", COLUMN_TIME, NULL },
      { "CODE", "error.code", 0, NULL });

VIEW (view_tokens,
      { "NAME", "name", 0, NULL },
      { "SCOPES", "scopes", 0, NULL },
      { "EXPIRES", "expires_at", COLUMN_TIME, "never" },
      { "ID", "id", 0, NULL });

/* The value at PATH, names with dots between; NULL when there is none. */
static const json_t *
find (const json_t *item, const char *path, size_t len)
{
  const char *end = path + len;

  while (item && path < end)
    {
      const char *dot = memchr (path, '.', (size_t) (end - path));
      size_t n = (size_t) ((dot ? dot : end) - path);
      char key[KEY_MAX];

      if (n >= sizeof key)
        return NULL;
      memcpy (key, path, n);
      key[n] = '\0';
      item = json_object_get (item, key);
      path += n + (dot ? 1 : 0);
    }
  return json_is_null (item) ? NULL : item;
}

/* What a thing is called where there is room for one word. */
static const json_t *
name_of (const json_t *thing)
{
  static const char *const keys[] = { "label", "name", "email", "username", "id", "kind" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (keys); i++)
    {
      const json_t *value = json_object_get (thing, keys[i]);

      if (json_is_string (value) && json_string_length (value))
        return value;
    }
  return NULL;
}

static int
append (const char *text, size_t len, void *data)
{
  buf_put (data, text, len);
  return buf_error (data);
}

/* One value that is no list. */
static void
put_plain (const json_t *value, struct buf *out)
{
  const json_t *name = json_is_object (value) ? name_of (value) : NULL;

  if (name)
    value = name;
  if (json_is_string (value))
    buf_puts (out, json_string_value (value));
  else if (json_is_boolean (value))
    buf_puts (out, json_is_true (value) ? "yes" : "no");
  else if (value && !json_is_null (value) && !(json_is_object (value) && !json_object_size (value)))
    (void) json_dump_callback (value, append, out, JSON_COMPACT | JSON_ENCODE_ANY);
}

void
view_value (const json_t *value, const char *separator, struct buf *out)
{
  const json_t *element;
  size_t i;

  if (!json_is_array (value))
    {
      put_plain (value, out);
      return;
    }
  json_array_foreach (value, i, element)
    {
      if (i)
        buf_puts (out, separator);
      put_plain (element, out);
    }
}

void
view_time (const char *text, struct buf *out)
{
  char shown[64];
  struct tm tm;
  int64_t ms;
  time_t s;

  if (clock_parse_rfc3339 (text, &ms) < 0)
    {
      buf_puts (out, text);
      return;
    }
  s = (time_t) (ms / 1000);
  if (!localtime_r (&s, &tm) || !strftime (shown, sizeof shown, "%Y-%m-%d %H:%M:%S", &tm))
    buf_puts (out, text);
  else
    buf_puts (out, shown);
}

void
view_cell (const struct column *c, const json_t *item, const char *separator, bool local,
           struct buf *out)
{
  const char *key = c->key;
  size_t start = out->len;

  while (*key)
    {
      size_t len = strcspn (key, " ");
      const json_t *value = find (item, key, len);

      if (value && out->len > start)
        buf_putc (out, ' ');
      if (local && (c->flags & COLUMN_TIME) && json_is_string (value))
        view_time (json_string_value (value), out);
      else
        view_value (value, separator, out);
      key += len + (key[len] ? 1 : 0);
    }
  if (local && out->len == start && c->absent)
    buf_puts (out, c->absent);
}

const char *
view_colour (const char *text)
{
  static const struct
  {
    const char *state, *colour;
  } colours[] = {
    { "healthy", "green" },      { "completed", "green" },     { "yes", "green" },
    { "onboarded", "green" },    { "active", "green" },        { "applied", "green" },
    { "not-completed", "red" },  { "no", "red" },              { "failed", "red" },
    { "invite-failed", "red" },  { "update-failed", "red" },   { "deprovisioning-failed", "red" },
    { "sync-failed", "red" },    { "review-configuration", "red" },
    { "review-automation-account", "red" },
    { "retrying", "yellow" },    { "requires-sync", "yellow" }, { "unmatched", "yellow" },
    { "open", "yellow" },        { "unread", "yellow" },        { "under-validation", "yellow" },
    { "invite-expired", "yellow" },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (colours); i++)
    if (streq (text, colours[i].state))
      return colours[i].colour;
  return NULL;
}
