/* Owns the paths of the API and how one is found. */
#include <config.h>

#include "host/api/routes.h"

#include "host/common/buf.h"
#include "host/common/text.h"

#define J BODY_JSON
#define N BODY_NONE
#define T BODY_TEXT

const struct route routes[] = {
  { "GET", "/status", engine_status, 200, N, false, "State of the daemon", NULL },
  { "GET", "/doctor", engine_doctor, 200, N, false, "Everything that must hold, checked", NULL },
  { "POST", "/setup", engine_setup, 201, J, false, "Make the workspace and its Owner",
    "owner:t name:t" },
  { "GET", "/apps", engine_app_list, 200, N, true, "The catalogue", NULL },
  { "GET", "/apps/{app}", engine_app_show, 200, N, false, "One app", NULL },
  { "GET", "/hubs", engine_hub_list, 200, N, true, "Hubs", NULL },
  { "POST", "/hubs", engine_hub_connect, 202, J, false, "Connect a hub",
    "app:t label:t login_method:t fields:o settings:o account:a" },
  { "GET", "/hubs/{hub}", engine_hub_show, 200, N, false, "One hub", NULL },
  { "PATCH", "/hubs/{hub}", engine_hub_set, 200, J, false, "Change settings",
    "label:t login_method:t fields:o settings:o secrets:o" },
  { "DELETE", "/hubs/{hub}", engine_hub_remove, 200, N, false, "Remove a hub", NULL },
  { "POST", "/hubs/{hub}/check", engine_hub_check, 202, J, false, "Validate again", NULL },
  { "POST", "/hubs/{hub}/sync", engine_hub_sync, 202, J, false, "Check for updates",
    "dry_run:b" },
  { "POST", "/hubs/{hub}/restore", engine_hub_restore, 202, J, false, "Restore a removed hub", NULL },
  { "PUT", "/hubs/{hub}/account", engine_hub_set_account, 202, J, false, "Replace the automation account",
    "account:t" },
  { "GET", "/hubs/{hub}/roles", engine_hub_roles, 200, N, true, "Roles that the hub knows", NULL },
  { "GET", "/hubs/{hub}/members", engine_member_list, 200, N, true, "Members", NULL },
  { "POST", "/hubs/{hub}/members", engine_member_invite, 202, J, false, "Invite a person",
    "email:t roles:l assets:l hub_role:t seat:b fields:o guest:b create:b" },
  { "GET", "/hubs/{hub}/members/{member}", engine_member_show, 200, N, false, "One member", NULL },
  { "PATCH", "/hubs/{hub}/members/{member}", engine_member_set_role, 202, J, false, "Set roles",
    "roles:l" },
  { "DELETE", "/hubs/{hub}/members/{member}", engine_member_remove, 202, N, false, "Remove a member", NULL },
  { "POST", "/hubs/{hub}/members/{member}/match", engine_member_match, 200, J, false, "Match to a person",
    "person:t hub_role:t" },
  { "POST", "/hubs/{hub}/members/{member}/unlink", engine_member_unlink, 200, J, false, "Unmatch", NULL },
  { "POST", "/hubs/{hub}/members/{member}/exempt", engine_member_exempt, 200, J, false, "Exempt",
    "reason:t" },
  { "POST", "/hubs/{hub}/members/{member}/unexempt", engine_member_unexempt, 200, J, false, "End the exemption", NULL },
  { "GET", "/accounts", engine_account_list, 200, N, true, "Saved accounts", NULL },
  { "POST", "/accounts", engine_account_add, 201, J, false, "Save an account",
    "app:t label:t kind:t username:t email:t phone:t fields:o secrets:o" },
  { "GET", "/accounts/{account}", engine_account_show, 200, N, false, "One account", NULL },
  { "PATCH", "/accounts/{account}", engine_account_set, 200, J, false, "Change an account",
    "label:t kind:t username:t email:t phone:t fields:o secrets:o" },
  { "DELETE", "/accounts/{account}", engine_account_remove, 200, N, false, "Delete an account", NULL },
  { "GET", "/people", engine_person_list, 200, N, true, "People", NULL },
  { "POST", "/people", engine_person_add, 201, J, false, "Add a person",
    "email:t first_name:t last_name:t username:t secondary_emails:l is_guest:b workspace_role:t" },
  { "GET", "/people/{person}", engine_person_show, 200, N, false, "One person", NULL },
  { "DELETE", "/people/{person}", engine_person_remove, 200, N, false, "Remove a person", NULL },
  { "POST", "/directory/import", engine_directory_import, 200, T, false, "Import people from CSV", NULL },
  { "GET", "/tasks", engine_task_list, 200, N, true, "Tasks", NULL },
  { "GET", "/tasks/{task}", engine_task_show, 200, N, false, "One task", NULL },
  { "POST", "/tasks/{task}/cancel", engine_task_cancel, 200, J, false, "Cancel a task", NULL },
  { "POST", "/tasks/{task}/retry", engine_task_retry, 202, J, false, "Retry a task", NULL },
  { "GET", "/reports", engine_report_list, 200, N, true, "Reports", NULL },
  { "GET", "/reports/{report}", engine_report_show, 200, N, false, "One report", NULL },
  { "GET", "/issues", engine_issue_list, 200, N, true, "The health inbox", NULL },
  { "POST", "/issues/{issue}/read", engine_issue_read, 200, J, false, "Mark an issue as read", NULL },
  { "GET", "/events", engine_event_list, 200, N, true, "Activity", NULL },
  { "GET", "/tokens", engine_token_list, 200, N, true, "API tokens", NULL },
  { "POST", "/tokens", engine_token_create, 201, J, false, "Make a token",
    "name:t scopes:l expires_at:t" },
  { "DELETE", "/tokens/{token}", engine_token_revoke, 200, N, false, "Revoke a token", NULL },
  { "GET", "/connectors", engine_connector_list, 200, N, true, "Installed connectors", NULL },
  { "POST", "/connectors/{connector}/enable", engine_connector_enable, 200, J, false, "Use a connector again", NULL },
  { "POST", "/connectors/{connector}/disable", engine_connector_disable, 200, J, false, "Switch a connector off", NULL },
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

enum route_found
route_find (const char *method, const char *path, const struct route **ret, char *ret_names[3])
{
  enum route_found found = ROUTE_NO_PATH;
  const char *at[3];
  size_t len[3], n, i, k;

  for (i = 0; i < n_routes; i++)
    {
      if (!fits (routes[i].path, path, at, len, &n))
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
    if (fits (routes[i].path, path, at, len, &n))
      buf_printf (&allow, "%s%s%s", allow.len ? ", " : "", routes[i].method,
                  streq (routes[i].method, "GET") ? ", HEAD" : "");
  return buf_steal (&allow);
}
