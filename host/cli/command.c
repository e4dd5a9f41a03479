/* Owns the table of commands, and the help that is made of it. */
#include <config.h>

#include "host/cli/command.h"

#include <stdio.h>

#include "host/cli/cli.h"
#include "host/cli/view.h"

#define END { NULL, NULL, OPTION_NONE, 0, NULL, NULL }

const struct option global_options[] = {
  { "--socket", "PATH", OPTION_NONE, 0, NULL, "the daemon's socket" },
  { "--url", "URL", OPTION_NONE, 0, NULL, "the daemon's address, in place of a socket" },
  { "--token-file", "FILE", OPTION_NONE, 0, NULL, "the token for --url is in FILE" },
  { "-o", "table|json|csv", OPTION_NONE, 0, NULL, "how answers are printed" },
  { "-q", NULL, OPTION_NONE, 0, NULL, "print only what was asked for" },
  { "--yes", NULL, OPTION_NONE, 0, NULL, "answer yes to every question" },
  { "--no-wait", NULL, OPTION_NONE, 0, NULL, "print the task's id and do not wait for it" },
  { "--version", NULL, OPTION_NONE, 0, NULL, "print the version" },
  { "--help", NULL, OPTION_NONE, 0, NULL, "show this; after a command, that command" },
  END,
};

#define SECRET_OPTIONS(prefix)                                                            \
  { "--username", "USER", OPTION_TEXT, 0, prefix "username", "the account's user name" },  \
  { "--password", "@FILE|-", OPTION_SECRET, 0, prefix "secrets.password",                  \
    "its password, from a file or standard input" },                                       \
  { "--totp", "@FILE|-", OPTION_SECRET, 0, prefix "secrets.totp",                          \
    "the seed of its one-time codes: base32 or an otpauth address" },                      \
  { "--phone", "PHONE", OPTION_TEXT, 0, prefix "phone", "the phone number linked to it" }, \
  { "--secret", "FIELD=@FILE|-", OPTION_SECRETS, OPTION_MANY, prefix "secrets",            \
    "another secret of it, such as a token" }

static const struct option setup_options[] = {
  { "--owner", "EMAIL", OPTION_TEXT, OPTION_REQUIRED, "owner", "the workspace's owner" },
  { "--name", "NAME", OPTION_TEXT, 0, "name", "the workspace's name; the host's by default" },
  END,
};

static const struct option connect_options[] = {
  { "--label", "LABEL", OPTION_TEXT, OPTION_REQUIRED, "label", "the hub's name in Usher" },
  { "--login-method", "sso|password", OPTION_TEXT, 0, "login_method", "how people log in" },
  { "--business-id", "ID", OPTION_NONE, 0, NULL, "the app's id of the space" },
  { "--set", "FIELD=VALUE", OPTION_PAIRS, OPTION_MANY, "fields", "a field of the app" },
  { "--account", "ACCOUNT", OPTION_NONE, 0, NULL, "a saved account, in place of a new one" },
  { "--kind", "KIND", OPTION_NONE, 0, NULL,
    "the kind of the new account, where its fields do not tell" },
  SECRET_OPTIONS ("account."),
  END,
};

static const struct option hub_set_options[] = {
  { "--password", "@FILE|-", OPTION_SECRET, 0, "secrets.password",
    "the account's password anew, where it is to be sent to another address" },
  { "--totp", "@FILE|-", OPTION_SECRET, 0, "secrets.totp", "the seed of its one-time codes anew" },
  { "--secret", "FIELD=@FILE|-", OPTION_SECRETS, OPTION_MANY, "secrets", "another secret of it anew" },
  END,
};

static const struct option hub_remove_options[] = {
  { "--reason", "REASON", OPTION_QUERY, OPTION_DAEMON_ASKS, "reason",
    "no-longer-used, connected-by-mistake, replaced or other" },
  END,
};

static const struct option set_account_options[] = {
  { "--account", "ACCOUNT", OPTION_TEXT, OPTION_REQUIRED, "account", "a saved account" },
  END,
};

static const struct option account_list_options[] = {
  { "--app", "APP", OPTION_QUERY, 0, "app", "only accounts of this app" },
  END,
};

static const struct option account_add_options[] = {
  { "--app", "APP", OPTION_TEXT, OPTION_REQUIRED, "app", "the app it belongs to" },
  { "--kind", "KIND", OPTION_TEXT, 0, "kind", "its kind, where its fields do not tell" },
  SECRET_OPTIONS (""),
  END,
};

static const struct option account_set_options[] = {
  { "--label", "LABEL", OPTION_TEXT, 0, "label", "another name in Usher" },
  SECRET_OPTIONS (""),
  END,
};

static const struct option sync_options[] = {
  { "--dry-run", NULL, OPTION_TRUE, 0, "dry_run", "show what it would do; apply nothing" },
  END,
};

static const struct option member_list_options[] = {
  { "--tab", "TAB", OPTION_QUERY, 0, "tab", "unmatched, onboarded, guest or exempted" },
  { "--status", "STATUS", OPTION_QUERY, 0, "status", "only members with this status" },
  { "--search", "TEXT", OPTION_QUERY, 0, "search", "part of a name, user name or address" },
  { "--at", "TIME", OPTION_QUERY, 0, "at", "as it was at this time" },
  END,
};

static const struct option invite_options[] = {
  { "--role", "ROLE", OPTION_LIST, OPTION_MANY, "roles", "an app role; may be repeated" },
  { "--asset", "ID=PERM", OPTION_ASSETS, OPTION_MANY, "assets", "a right on an asset" },
  { "--hub-role", "ROLE", OPTION_TEXT, 0, "hub_role", "owner, manager or collaborator" },
  { "--no-seat", NULL, OPTION_FALSE, 0, "seat", "share only the hub; no account in the app" },
  { "--set", "FIELD=VALUE", OPTION_PAIRS, OPTION_MANY, "fields", "a provisioning field" },
  { "--guest", NULL, OPTION_TRUE, 0, "guest", "add the person as a guest when unknown" },
  { "--create", NULL, OPTION_TRUE, 0, "create", "add the person when unknown" },
  END,
};

static const struct option set_role_options[] = {
  { "--role", "ROLE", OPTION_LIST, OPTION_REQUIRED | OPTION_MANY, "roles",
    "an app role; all that are wanted are named" },
  END,
};

static const struct option member_remove_options[] = {
  { "--hub-only", NULL, OPTION_QUERY_TRUE, 0, "hub_only",
    "take away only the hub; the account stays in the app" },
  END,
};

static const struct option match_options[] = {
  { "--person", "PERSON", OPTION_TEXT, OPTION_REQUIRED, "person", "who the member is" },
  { "--hub-role", "ROLE", OPTION_TEXT, 0, "hub_role", "owner or collaborator" },
  END,
};

static const struct option exempt_options[] = {
  { "--reason", "TEXT", OPTION_TEXT, OPTION_DAEMON_ASKS, "reason", "why the member stays" },
  END,
};

static const struct option person_list_options[] = {
  { "--search", "TEXT", OPTION_QUERY, 0, "search", "part of a name, user name or address" },
  { "--status", "STATUS", OPTION_QUERY, 0, "status", "pending, active or removed" },
  END,
};

static const struct option person_add_options[] = {
  { "--first-name", "NAME", OPTION_TEXT, 0, "first_name", "the first name" },
  { "--last-name", "NAME", OPTION_TEXT, 0, "last_name", "the last name" },
  { "--username", "USER", OPTION_TEXT, 0, "username", "the user name" },
  { "--guest", NULL, OPTION_TRUE, 0, "is_guest", "an external collaborator" },
  { "--partner", "PARTNER", OPTION_TEXT, 0, "partner", "the local partner of a guest" },
  END,
};

static const struct option task_list_options[] = {
  { "--status", "STATUS", OPTION_QUERY, 0, "status", "only tasks with this status" },
  { "--hub", "HUB", OPTION_QUERY, 0, "hub", "only tasks of this hub" },
  END,
};

static const struct option token_create_options[] = {
  { "--scope", "SCOPE", OPTION_LIST, OPTION_MANY, "scopes", "what it may do; may be repeated" },
  { "--expires", "TIME", OPTION_TEXT, 0, "expires_at", "when it ends" },
  END,
};

static const struct option issue_list_options[] = {
  { "--state", "STATE", OPTION_QUERY, 0, "state", "unread, read or resolved" },
  END,
};

static const struct option import_options[] = {
  { "--remove-missing", NULL, OPTION_NONE, 0, NULL, "remove the people who are not in FILE" },
  { "--dry-run", NULL, OPTION_NONE, 0, NULL, "show what it would do; change nothing" },
  END,
};

static const struct option audit_options[] = {
  { "--hub", "HUB", OPTION_QUERY, 0, "hub", "only what concerns this hub" },
  { "--person", "PERSON", OPTION_QUERY, 0, "person", "only what concerns this person" },
  { "--since", "TIME", OPTION_QUERY, 0, "since", "only what happened since then" },
  END,
};

static const struct option report_apply_options[] = {
  { "--revision", "N", OPTION_NUMBER, OPTION_REQUIRED, "revision", "the revision that was read" },
  { "--reason", "TEXT", OPTION_TEXT, OPTION_DAEMON_ASKS, "reason", "why it is right" },
  { "--keep", "MEMBER=REASON", OPTION_PAIRS, OPTION_MANY, "keep", "a member that stays; where rows are decided apart" },
  END,
};

static const struct option report_dismiss_options[] = {
  { "--reason", "TEXT", OPTION_TEXT, OPTION_DAEMON_ASKS, "reason", "why it is wrong" },
  END,
};

#define REQUEST(name, operands, summary, options, method, path, view, question) \
  { name, operands, summary, options, method, path, view, question, 0, NULL }
#define RUN(name, operands, summary, options, method, path, view, run) \
  { name, operands, summary, options, method, path, view, NULL, 0, run }
#define ON_FILES(name, operands, summary, run) \
  { name, operands, summary, NULL, NULL, NULL, NULL, NULL, COMMAND_NO_DAEMON, run }

const struct command commands[] = {
  REQUEST ("status", "", "State of the daemon and its problems", NULL,
           "GET", "/status", NULL, NULL),
  RUN ("doctor", "", "Check configuration, key, permissions, kernel, connectors and hubs", NULL,
       "GET", "/doctor", &view_checks, run_doctor),
  RUN ("setup", "", "First run: make the workspace and its owner", setup_options,
       "POST", "/setup", NULL, run_setup),

  REQUEST ("app list", "", "The apps that can be connected", NULL,
           "GET", "/apps", &view_apps, NULL),
  REQUEST ("app show", "APP", "One app: its fields, roles and what it can", NULL,
           "GET", "/apps/{APP}", NULL, NULL),
  ON_FILES ("app check", "FILE", "Check an app file", run_app_check),

  RUN ("hub connect", "APP", "Connect an app and see who is in it", connect_options,
       "POST", "/hubs", NULL, run_hub_connect),
  REQUEST ("hub list", "", "The hubs", NULL, "GET", "/hubs", &view_hubs, NULL),
  REQUEST ("hub show", "HUB", "One hub", NULL, "GET", "/hubs/{HUB}", NULL, NULL),
  RUN ("hub set", "HUB FIELD=VALUE...", "Change label, login method, fields or settings", hub_set_options,
       "PATCH", "/hubs/{HUB}", NULL, run_hub_set),
  REQUEST ("hub roles", "HUB", "The roles that can be given in a hub", NULL,
           "GET", "/hubs/{HUB}/roles", &view_roles, NULL),
  REQUEST ("hub set-account", "HUB", "Use another automation account", set_account_options,
           "PUT", "/hubs/{HUB}/account", NULL, NULL),
  REQUEST ("hub check", "HUB", "Sign in to the app and look whether all is well", NULL,
           "POST", "/hubs/{HUB}/check", NULL, NULL),
  RUN ("hub remove", "HUB", "Forget a hub; nothing changes in the app", hub_remove_options,
       "DELETE", "/hubs/{HUB}", NULL, run_hub_remove),
  REQUEST ("hub restore", "HUB", "Bring back a hub removed in the last 30 days", NULL,
           "POST", "/hubs/{HUB}/restore", NULL, NULL),

  REQUEST ("account list", "", "The saved accounts", account_list_options,
           "GET", "/accounts", &view_accounts, NULL),
  REQUEST ("account show", "ACCOUNT", "One account, without its secrets", NULL,
           "GET", "/accounts/{ACCOUNT}", NULL, NULL),
  RUN ("account add", "LABEL", "Save an account of an app", account_add_options,
       "POST", "/accounts", NULL, run_account_add),
  REQUEST ("account set", "ACCOUNT", "Change an account or replace a secret",
           account_set_options, "PATCH", "/accounts/{ACCOUNT}", NULL, NULL),
  REQUEST ("account remove", "ACCOUNT", "Forget an account", NULL,
           "DELETE", "/accounts/{ACCOUNT}", NULL,
           "Forget the account {ACCOUNT} and its secrets?"),

  REQUEST ("sync", "HUB", "Check for updates: read who is in the app", sync_options,
           "POST", "/hubs/{HUB}/sync", NULL, NULL),
  REQUEST ("check-for-updates", "HUB", "The same as sync", sync_options,
           "POST", "/hubs/{HUB}/sync", NULL, NULL),

  RUN ("plan", "HUB", "What is decided and not yet so in the app; changes nothing", NULL,
       "GET", "/hubs/{HUB}/plan", &view_plan, run_plan),

  REQUEST ("member list", "HUB", "Who is in the app", member_list_options,
           "GET", "/hubs/{HUB}/members", &view_members, NULL),
  REQUEST ("member show", "HUB MEMBER", "One member", NULL,
           "GET", "/hubs/{HUB}/members/{MEMBER}", NULL, NULL),
  REQUEST ("member invite", "HUB EMAIL", "Give a person a seat in the app", invite_options,
           "POST", "/hubs/{HUB}/members", NULL, NULL),
  REQUEST ("member set-role", "HUB MEMBER", "Change a member's app roles", set_role_options,
           "PATCH", "/hubs/{HUB}/members/{MEMBER}", NULL, NULL),
  REQUEST ("member remove", "HUB MEMBER", "Take a member's seat and permissions away",
           member_remove_options, "DELETE", "/hubs/{HUB}/members/{MEMBER}", NULL,
           "Remove {MEMBER} from {HUB}?"),
  REQUEST ("member resend", "HUB MEMBER", "Send the invitation again", NULL,
           "POST", "/hubs/{HUB}/members/{MEMBER}/resend", NULL, NULL),
  REQUEST ("member match", "HUB MEMBER", "Say which person a member is", match_options,
           "POST", "/hubs/{HUB}/members/{MEMBER}/match", NULL, NULL),
  REQUEST ("member unlink", "HUB MEMBER", "Undo a match; the app is not touched", NULL,
           "POST", "/hubs/{HUB}/members/{MEMBER}/unlink", NULL, NULL),
  REQUEST ("member exempt", "HUB MEMBER", "Keep a member in the app, unmanaged", exempt_options,
           "POST", "/hubs/{HUB}/members/{MEMBER}/exempt", NULL, NULL),
  REQUEST ("member unexempt", "HUB MEMBER", "End an exemption", NULL,
           "POST", "/hubs/{HUB}/members/{MEMBER}/unexempt", NULL,
           "End the exemption of {MEMBER} in {HUB}?"),

  REQUEST ("person list", "", "The people of the workspace", person_list_options,
           "GET", "/people", &view_people, NULL),
  REQUEST ("person show", "PERSON", "One person", NULL, "GET", "/people/{PERSON}", NULL, NULL),
  REQUEST ("person add", "EMAIL", "Add a person", person_add_options,
           "POST", "/people", NULL, NULL),
  REQUEST ("person remove", "PERSON", "Remove a person from the workspace", NULL,
           "DELETE", "/people/{PERSON}", NULL, "Remove {PERSON} from the workspace?"),

  REQUEST ("task list", "", "The tasks", task_list_options, "GET", "/tasks", &view_tasks, NULL),
  REQUEST ("task show", "TASK", "One task", NULL, "GET", "/tasks/{TASK}", NULL, NULL),
  RUN ("task watch", "TASK", "Wait for a task and end with its status", NULL,
       "GET", "/tasks/{TASK}", NULL, run_task_watch),
  REQUEST ("task cancel", "TASK", "Cancel a task that has not started", NULL,
           "POST", "/tasks/{TASK}/cancel", NULL, NULL),
  REQUEST ("task retry", "TASK", "Try a task again that was not completed", NULL,
           "POST", "/tasks/{TASK}/retry", NULL, NULL),

  RUN ("token create", "NAME", "Make an API token; it is shown once", token_create_options,
       "POST", "/tokens", NULL, run_token_create),
  REQUEST ("token list", "", "The API tokens", NULL, "GET", "/tokens", &view_tokens, NULL),
  REQUEST ("token revoke", "TOKEN", "End an API token", NULL, "DELETE", "/tokens/{TOKEN}", NULL,
           "Revoke the token {TOKEN}?"),

  REQUEST ("report list", "", "Removals held until a person applies them", NULL,
           "GET", "/reports", &view_reports, NULL),
  RUN ("report show", "REPORT", "One report with its rows", NULL,
       "GET", "/reports/{REPORT}", &view_report_rows, run_report_show),
  REQUEST ("report apply", "REPORT", "Let through what a report holds, once", report_apply_options,
           "POST", "/reports/{REPORT}/apply", NULL, "Apply the report {REPORT}?"),
  RUN ("report dismiss", "REPORT", "Close a report; nothing of it is done", report_dismiss_options,
       "POST", "/reports/{REPORT}/dismiss", &view_report_rows, run_report_dismiss),

  REQUEST ("issue list", "", "What needs somebody's attention", issue_list_options,
           "GET", "/issues", &view_issues, NULL),
  REQUEST ("issue read", "ISSUE", "Mark an issue as read", NULL,
           "POST", "/issues/{ISSUE}/read", NULL, NULL),

  RUN ("directory import csv", "FILE", "Add and change people as a CSV file says",
       import_options, "POST", "/directory/import", NULL, run_directory_import),

  REQUEST ("connector list", "", "The connectors", NULL,
           "GET", "/connectors", &view_connectors, NULL),
  ON_FILES ("connector inspect", "FILE", "Name, version, ABI and operations of a connector file",
            run_connector_inspect),
  REQUEST ("connector enable", "NAME", "Use a connector, also after it was paused", NULL,
           "POST", "/connectors/{NAME}/enable", NULL, NULL),
  REQUEST ("connector disable", "NAME", "Stop using a connector; its hubs wait", NULL,
           "POST", "/connectors/{NAME}/disable", NULL,
           "Disable the connector {NAME}?  Its hubs will wait."),

  REQUEST ("audit list", "", "What happened, who did it", audit_options,
           "GET", "/events", &view_events, NULL),
  RUN ("audit verify", "", "Look whether any event was changed, taken out, moved or cut off", NULL,
       "GET", "/audit/verify", NULL, run_audit_verify),
  RUN ("audit export", "", "Every event with all it has: a line of JSON each, or CSV", audit_options,
       "GET", "/events", &view_audit, run_audit_export),

  RUN ("backup", "FILE", "Write everything but usher.key into a file", NULL,
       "POST", "/backup", NULL, run_backup),
  RUN ("restore", "FILE", "Put a backup in the store's place", NULL,
       "POST", "/restore", NULL, run_restore),
  REQUEST ("key rotate", "", "Make a new data key and seal every secret with it", NULL,
           "POST", "/key/rotate", NULL, NULL),

  { NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL },
};

/* How many of WORDS spell NAME from its start to its end; 0 = they do not. */
static size_t
spells (const char *name, const char *const *words, size_t n)
{
  size_t i;

  for (i = 0; i < n; i++)
    {
      size_t len = strcspn (name, " ");

      if (strlen (words[i]) != len || strncmp (name, words[i], len) != 0)
        return 0;
      if (!name[len])
        return i + 1;
      name += len + 1;
    }
  return 0;
}

const struct command *
command_find (const char *const *words, size_t n, size_t *ret_used)
{
  const struct command *c;

  for (c = commands; c->name; c++)
    {
      size_t used = spells (c->name, words, n);

      if (used)
        {
          *ret_used = used;
          return c;
        }
    }
  return NULL;
}

const struct option *
command_option (const struct command *c, const char *name)
{
  const struct option *o;

  for (o = c ? c->options : NULL; o && o->name; o++)
    if (streq (o->name, name))
      return o;
  for (o = global_options; o->name; o++)
    if (streq (o->name, name))
      return o;
  return NULL;
}

bool
command_operand (const struct command *c, size_t i, char name[32], bool *ret_repeats)
{
  const char *word = c->operands;
  size_t len;

  for (;; i--)
    {
      len = strcspn (word, " ");
      if (!len)
        return false;
      if (!i)
        break;
      word += len + (word[len] ? 1 : 0);
    }
  assert (len < 32);
  memcpy (name, word, len);
  name[len] = '\0';
  *ret_repeats = len > 3 && streq (name + len - 3, "...");
  if (*ret_repeats)
    name[len - 3] = '\0';
  return true;
}

static void
print_option (const struct option *o)
{
  char left[64];

  (void) snprintf (left, sizeof left, "%s%s%s", o->name, o->value ? " " : "",
                   o->value ? o->value : "");
  if (strlen (left) > 24)
    (void) printf ("  %s\n  %24s %s\n", left, "", o->help);
  else
    (void) printf ("  %-24s %s\n", left, o->help);
}

void
command_help (const struct command *c)
{
  const struct option *o;

  (void) printf ("%s.\n\nusage: usher %s%s%s", c->summary, c->name, *c->operands ? " " : "",
                 c->operands);
  for (o = c->options; o && o->name; o++)
    {
      bool needed = o->flags & (OPTION_REQUIRED | OPTION_DAEMON_ASKS);

      (void) printf (" %s%s%s%s%s%s", needed ? "" : "[", o->name, o->value ? " " : "",
                     o->value ? o->value : "", needed ? "" : "]",
                     o->flags & OPTION_MANY ? "..." : "");
    }
  (void) printf ("\n");
  for (o = c->options; o && o->name; o++)
    {
      if (o == c->options)
        (void) printf ("\n");
      print_option (o);
    }
  (void) printf ("\nOptions of every command: usher --help.  More: man usher.\n");
}

/* The first word of NAME. */
static size_t
group_length (const char *name)
{
  return strcspn (name, " ");
}

/* One line for each first word, with what may follow it. */
static void
print_groups (void)
{
  const struct command *c, *d;

  for (c = commands; c->name; c = d)
    {
      size_t len = group_length (c->name);
      int column;

      column = printf ("  %-10.*s", (int) len, c->name);
      if (!c->name[len])
        {
          (void) printf (" %s%s%s\n", c->operands, *c->operands ? "  " : "", c->summary);
          d = c + 1;
          continue;
        }
      for (d = c; d->name && group_length (d->name) == len
                  && strncmp (d->name, c->name, len) == 0; d++)
        {
          const char *rest = d->name + len + 1;

          if (column + (int) strlen (rest) + 3 > 78)
            column = printf ("\n%13s", "") - 1;
          else
            column += printf ("%s", d == c ? " " : " | ");
          column += printf ("%s", rest);
        }
      (void) printf ("\n");
    }
}

void
command_help_all (const char *group)
{
  const struct command *c;
  const struct option *o;
  size_t len = group ? strlen (group) : 0;
  bool any = false;

  for (c = commands; group && c->name; c++)
    if (group_length (c->name) == len && strncmp (c->name, group, len) == 0)
      {
        (void) printf ("  %s %s\n      %s\n", c->name, c->operands, c->summary);
        any = true;
      }
  if (any)
    {
      (void) printf ("\nusher COMMAND --help shows its options.\n");
      return;
    }
  (void) printf ("usher manages who has a seat in your apps.\n\n"
                 "usage: usher [OPTION]... COMMAND ...\n\n");
  print_groups ();
  (void) printf ("\n");
  for (o = global_options; o->name; o++)
    print_option (o);
  (void) printf ("\nusher COMMAND --help shows how a command is called.  More: man usher.\n");
}
