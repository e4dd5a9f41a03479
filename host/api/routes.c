/* Owns the paths of the API, how one is found and what it takes. */
#include <config.h>

#include "host/api/routes.h"

#include "host/common/buf.h"
#include "host/common/text.h"

#define J BODY_JSON
#define N BODY_NONE
#define T BODY_TEXT
#define B BODY_BACKUP
#define LIST ROUTE_LIST
#define TAGGED ROUTE_TAGGED
#define READ SCOPE_READ
#define WRITE SCOPE_WRITE
#define ADMIN SCOPE_ADMIN

/* A path from start to end on the line of its method, so that the table can be read down. */
const struct route routes[] = {
  { "GET", "/status", engine_status, 200, N, 0, READ, "Status", "State of the daemon", NULL, NULL, 0 },
  { "GET", "/doctor", engine_doctor, 200, N, 0, READ, "Doctor", "Everything that must hold, checked", NULL, NULL, 0 },
  { "POST", "/setup", engine_setup, 201, J, 0, 0, "SetUp", "Make the workspace and its Owner", NULL,
    "owner:t! name:t", 0 },
  { "GET", "/openapi.json", NULL, 200, N, 0, 0, "Document", "This document", NULL, NULL, SPECIAL_DOCUMENT },
  { "GET", "/apps", engine_app_list, 200, N, LIST, READ, "App", "The catalogue", NULL, NULL, 0 },
  { "GET", "/apps/{app}", engine_app_show, 200, N, TAGGED, READ, "App", "One app", NULL, NULL, 0 },
  { "GET", "/hubs", engine_hub_list, 200, N, LIST, READ, "Hub", "Hubs", "removed:b", NULL, 0 },
  { "POST", "/hubs", engine_hub_connect, 202, J, 0, ADMIN, "HubAndTask", "Connect a hub", NULL,
    "app:t! label:t! login_method:t fields:o settings:o account:a", 0 },
  { "GET", "/hubs/{hub}", engine_hub_show, 200, N, TAGGED, READ, "Hub", "One hub", NULL, NULL, 0 },
  { "PATCH", "/hubs/{hub}", engine_hub_set, 200, J, TAGGED, ADMIN, "Hub", "Change settings", NULL,
    "label:t login_method:t fields:o settings:o secrets:o", 0 },
  { "DELETE", "/hubs/{hub}", engine_hub_remove, 200, N, TAGGED, ADMIN, "Hub", "Remove a hub", "reason text", NULL, 0 },
  { "POST", "/hubs/{hub}/check", engine_hub_check, 202, J, TAGGED, ADMIN, "Task", "Validate again", NULL, NULL, 0 },
  { "POST", "/hubs/{hub}/sync", engine_hub_sync, 202, J, TAGGED | ROUTE_JOINS, WRITE, "Task", "Check for updates", NULL,
    "dry_run:b", 0 },
  { "POST", "/hubs/{hub}/restore", engine_hub_restore, 202, J, TAGGED, ADMIN, "Hub", "Restore a removed hub", NULL,
    NULL, 0 },
  { "PUT", "/hubs/{hub}/account", engine_hub_set_account, 202, J, TAGGED, ADMIN, "Hub",
    "Replace the automation account", NULL, "account:t!", 0 },
  { "GET", "/hubs/{hub}/roles", engine_hub_roles, 200, N, LIST, READ, "Role", "Roles that the hub knows", NULL, NULL, 0 },
  { "GET", "/hubs/{hub}/members", engine_member_list, 200, N, LIST, READ, "Member", "Members", "tab status search at",
    NULL, 0 },
  { "POST", "/hubs/{hub}/members", engine_member_invite, 202, J, 0, WRITE, "TaskOrNothing", "Invite a person", NULL,
    "email:t! roles:l assets:l hub_role:t seat:b fields:o guest:b create:b", 0 },
  { "GET", "/hubs/{hub}/members/{member}", engine_member_show, 200, N, TAGGED, READ, "Member", "One member", NULL, NULL,
    0 },
  { "PATCH", "/hubs/{hub}/members/{member}", engine_member_set_role, 202, J, TAGGED, WRITE, "Task", "Set roles", NULL,
    "roles:l!", 0 },
  { "DELETE", "/hubs/{hub}/members/{member}", engine_member_remove, 202, N, TAGGED, WRITE, "TaskOrMember",
    "Remove a member", "hub_only:b", NULL, 0 },
  { "POST", "/hubs/{hub}/members/{member}/match", engine_member_match, 200, J, TAGGED, WRITE, "Member",
    "Match to a person", NULL, "person:t! hub_role:t", 0 },
  { "POST", "/hubs/{hub}/members/{member}/resend", engine_member_resend, 202, J, TAGGED, WRITE, "Task",
    "Send the invitation again", NULL, NULL, 0 },
  { "POST", "/hubs/{hub}/members/{member}/unlink", engine_member_unlink, 200, J, TAGGED, WRITE, "MemberOrNothing",
    "Unmatch", NULL, NULL, 0 },
  { "POST", "/hubs/{hub}/members/{member}/exempt", engine_member_exempt, 200, J, TAGGED, WRITE, "Member", "Exempt", NULL,
    "reason:t!", 0 },
  { "POST", "/hubs/{hub}/members/{member}/unexempt", engine_member_unexempt, 200, J, TAGGED, WRITE, "Member",
    "End the exemption", NULL, NULL, 0 },
  { "GET", "/hubs/{hub}/plan", engine_hub_plan, 200, N, 0, READ, "Plan", "What is decided and not yet so in the app",
    NULL, NULL, 0 },
  { "GET", "/accounts", engine_account_list, 200, N, LIST, READ, "Account", "Saved accounts", "app", NULL, 0 },
  { "POST", "/accounts", engine_account_add, 201, J, 0, ADMIN, "Account", "Save an account", NULL,
    "app:t! label:t! kind:t username:t email:t phone:t fields:o secrets:o", 0 },
  { "GET", "/accounts/{account}", engine_account_show, 200, N, TAGGED, READ, "Account", "One account", NULL, NULL, 0 },
  { "PATCH", "/accounts/{account}", engine_account_set, 200, J, TAGGED, ADMIN, "Account", "Change an account", NULL,
    "label:t kind:t username:t email:t phone:t fields:o secrets:o", 0 },
  { "DELETE", "/accounts/{account}", engine_account_remove, 200, N, TAGGED, ADMIN, "Nothing", "Delete an account", NULL,
    NULL, 0 },
  { "GET", "/people", engine_person_list, 200, N, LIST, READ, "Person", "People", "search status", NULL, 0 },
  { "POST", "/people", engine_person_add, 201, J, 0, WRITE, "Person", "Add a person", NULL,
    "email:t! first_name:t last_name:t username:t secondary_emails:l is_guest:b workspace_role:t", 0 },
  { "GET", "/people/{person}", engine_person_show, 200, N, TAGGED, READ, "Person", "One person", NULL, NULL, 0 },
  { "DELETE", "/people/{person}", engine_person_remove, 200, N, TAGGED, WRITE, "Person", "Remove a person", NULL, NULL,
    0 },
  { "POST", "/directory/import", engine_directory_import, 200, T, 0, WRITE, "Import", "Import people from CSV",
    "format file remove_missing:b dry_run:b", NULL, 0 },
  { "GET", "/tasks", engine_task_list, 200, N, LIST, READ, "Task", "Tasks", "hub status kind", NULL, 0 },
  { "GET", "/tasks/{task}", engine_task_show, 200, N, TAGGED, READ, "Task", "One task", NULL, NULL, 0 },
  { "POST", "/tasks/{task}/cancel", engine_task_cancel, 200, J, TAGGED, WRITE, "Task", "Cancel a task", NULL, NULL, 0 },
  { "POST", "/tasks/{task}/retry", engine_task_retry, 202, J, TAGGED, WRITE, "Task", "Retry a task", NULL, NULL, 0 },
  { "GET", "/reports", engine_report_list, 200, N, LIST, READ, "Report", "Reports", "hub", NULL, 0 },
  { "GET", "/reports/{report}", engine_report_show, 200, N, TAGGED, READ, "Report", "One report", NULL, NULL, 0 },
  { "POST", "/reports/{report}/apply", engine_report_apply, 202, J, TAGGED, WRITE, "TaskOrDecided", "Apply a report", NULL,
    "revision:n! reason:t! keep:o", 0 },
  { "POST", "/reports/{report}/dismiss", engine_report_dismiss, 200, J, TAGGED, WRITE, "Report", "Dismiss a report",
    NULL, "reason:t!", 0 },
  { "GET", "/issues", engine_issue_list, 200, N, LIST, READ, "Issue", "The health inbox", "state", NULL, 0 },
  { "POST", "/issues/{issue}/read", engine_issue_read, 200, J, 0, WRITE, "Issue", "Mark an issue as read", NULL, NULL, 0 },
  { "GET", "/events", engine_event_list, 200, N, LIST, READ, "Event", "Activity", "hub person since", NULL, 0 },
  { "GET", "/events/stream", NULL, 200, N, 0, READ, "Stream", "Activity as it happens", "hub person", NULL,
    SPECIAL_STREAM },
  { "GET", "/tokens", engine_token_list, 200, N, LIST, ADMIN, "Token", "API tokens", NULL, NULL, 0 },
  { "POST", "/tokens", engine_token_create, 201, J, 0, ADMIN, "NewToken", "Make a token", NULL,
    "name:t! scopes:l expires_at:t", 0 },
  { "DELETE", "/tokens/{token}", engine_token_revoke, 200, N, 0, ADMIN, "Token", "Revoke a token", NULL, NULL, 0 },
  { "POST", "/backup", NULL, 200, N, 0, ADMIN, "Backup", "Make a backup; it holds no usher.key", NULL, NULL,
    SPECIAL_BACKUP },
  { "POST", "/restore", NULL, 202, B, 0, ADMIN, "Restored", "Put a backup in the store's place and start again",
    NULL, NULL, SPECIAL_RESTORE },
  { "GET", "/audit/verify", engine_audit_verify, 200, N, 0, READ, "Verification", "Verify the chain of events", NULL,
    NULL, 0 },
  { "POST", "/key/rotate", engine_key_rotate, 200, J, 0, ADMIN, "Rotation", "Rotate the data keys", NULL, NULL, 0 },
  { "GET", "/connectors", engine_connector_list, 200, N, LIST, READ, "Connector", "Installed connectors", NULL, NULL, 0 },
  { "POST", "/connectors/{connector}/enable", engine_connector_enable, 200, J, 0, ADMIN, "Connector",
    "Use a connector again", NULL, NULL, 0 },
  { "POST", "/connectors/{connector}/disable", engine_connector_disable, 200, J, 0, ADMIN, "Connector",
    "Switch a connector off", NULL, NULL, 0 },
  { "GET", "/healthz", NULL, 200, N, ROUTE_ROOT | ROUTE_OPEN, 0, "Plain", "Whether the daemon answers", NULL, NULL,
    SPECIAL_HEALTH },
  { "GET", "/readyz", NULL, 200, N, ROUTE_ROOT, 0, "Plain", "Whether the daemon does its work", NULL, NULL,
    SPECIAL_READY },
  { "GET", "/metrics", NULL, 200, N, ROUTE_ROOT, READ, "Metrics", "Counters, as OpenMetrics", NULL, NULL,
    SPECIAL_METRICS },
};
const size_t n_routes = ARRAY_SIZE (routes);

char *
url_decode (const char *s, size_t len, bool plus_is_space)
{
  char *out = malloc (len + 1);
  size_t i, n = 0;

  if (!out)
    return NULL;
  for (i = 0; i < len; i++)
    {
      unsigned char c = (unsigned char) s[i];

      if (c == '%')
        {
          char pair[3] = { 0 };

          if (len - i >= 3)
            memcpy (pair, s + i + 1, 2);
          if (hex_decode (pair, &c, 1) < 0)
            break;
          i += 2;
        }
      else if (c == '+' && plus_is_space)
        c = ' ';
      if (c < 0x20 || c == 0x7f)
        break;
      out[n++] = (char) c;
    }
  out[n] = '\0';
  PLANTED_BUG (out, n);
  if (i == len && utf8_valid (out, n))
    return out;
  free (out);
  return NULL;
}

/* The raw segment at *P, and *P behind it. */
static size_t
segment (const char **p, const char **ret)
{
  size_t n;

  if (**p == '/')
    (*p)++;
  *ret = *p;
  n = strcspn (*p, "/");
  *p += n;
  return n;
}

/* Whether the raw PATH is of the form of TEMPLATE; where its braces are goes to AT. */
static bool
fits (const char *template, const char *path, const char *at[3], size_t len[3], size_t *ret_n)
{
  size_t n = 0;

  while (*template && *path)
    {
      const char *want, *have;
      size_t want_len = segment (&template, &want), have_len = segment (&path, &have);

      if (!have_len)
        return false;
      if (want[0] == '{')
        {
          at[n] = have;
          len[n++] = have_len;
        }
      else if (want_len != have_len || memcmp (want, have, have_len) != 0)
        return false;
    }
  *ret_n = n;
  return !*template && !*path;
}

/* The same with the whole PATH of a request. */
static bool
leads_to (const struct route *r, const char *path, const char *at[3], size_t len[3], size_t *ret_n)
{
  if (r->flags & ROUTE_ROOT)
    return fits (r->path, path, at, len, ret_n);
  return has_prefix (path, API_BASE "/") && fits (r->path, path + strlen (API_BASE), at, len, ret_n);
}

enum route_found
route_find (const char *method, const char *path, const struct route **ret, char *ret_names[3])
{
  enum route_found found = ROUTE_NO_PATH;
  const char *at[3];
  size_t len[3], n, i, k;

  for (i = 0; i < n_routes; i++)
    {
      if (!leads_to (&routes[i], path, at, len, &n))
        continue;
      found = ROUTE_NO_METHOD;
      if (!streq (routes[i].method, method))
        continue;
      for (k = 0; k < n; k++)
        {
          ret_names[k] = url_decode (at[k], len[k], false);
          if (!ret_names[k])
            {
              while (k-- > 0)
                free (TAKE (ret_names[k]));
              return ROUTE_MALFORMED;
            }
        }
      *ret = &routes[i];
      return ROUTE_FOUND;
    }
  return found;
}

char *
route_allow (const char *path)
{
  struct buf allow = BUF_INIT (256);
  const char *at[3];
  size_t len[3], n, i;

  for (i = 0; i < n_routes; i++)
    if (leads_to (&routes[i], path, at, len, &n))
      buf_printf (&allow, "%s%s%s", allow.len ? ", " : "", routes[i].method,
                  streq (routes[i].method, "GET") ? ", HEAD" : "");
  return buf_steal (&allow);
}

/* ---- What a route takes. */

/* Where the word that NAME begins stands in LIST, up to the byte END behind it or the
   word's end; NULL = nowhere. */
static const char *
word (const char *list, const char *name, char end)
{
  size_t len = strlen (name);
  const char *at;

  if (strpbrk (name, " :!"))
    return NULL;
  for (at = list ? list : ""; *at; at += strcspn (at, " "), at += *at == ' ')
    if (strncmp (at, name, len) == 0 && (at[len] == end || (end == ' ' && !at[len])))
      return at;
  return NULL;
}

bool
route_writes (const struct route *r)
{
  return !streq (r->method, "GET");
}

char
route_parameter (const struct route *r, const char *name)
{
  const char *at = word (r->query, name, ':');

  if (at)
    return at[strlen (name) + 1];
  if (streq (name, "confirm"))
    return route_writes (r) ? 'b' : '\0';
  if (streq (name, "limit") || streq (name, "cursor"))
    return r->flags & ROUTE_LIST ? 't' : '\0';
  return word (r->query, name, ' ') ? 't' : '\0';
}

char
route_field (const struct route *r, const char *key)
{
  const char *at = word (r->fields, key, ':');

  return at ? at[strlen (key) + 1] : streq (key, "confirm") ? 'b' : '\0';
}
