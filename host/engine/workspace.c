/* Owns the workspace as a whole: set-up, state, and the doctor's look at everything that
   must hold. */
#include <config.h>

#include <stdio.h>
#include <sys/stat.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/confinement.h"
#include "host/engine/connectors.h"
#include "host/engine/people.h"
#include "host/engine/restored.h"
#include "host/engine/seals.h"

#define NAME_MAX_CHARS 80u
#define CHECK_NAME_MAX 512u
#define BROKEN_WHY_MAX 65536u

/* ---- Set-up. */

static int
set_up (struct txn *t, const struct call *c, json_t **ret_workspace, json_t **ret_owner, struct refusal *r)
{
  const char *name = json_text (c->body, "name");
  char host[256] = "workspace";
  struct person_fields f = { .email = json_text (c->body, "owner"), .is_guest = -1,
                             .giver = ROLE_OWNER };
  struct caller owner = *c->caller;
  json_t *workspace;
  int x;

  if (name && (!*name || !text_is_line (name) || utf8_length (name) > NAME_MAX_CHARS))
    return refuse (r, "validation-failed", "name", "The name of a workspace has 1 to %u characters, in one line.",
                   NAME_MAX_CHARS);
  if (!f.email)
    return refuse (r, "validation-failed", "owner", "owner is the e-mail address of the workspace's owner.");
  x = person_make (t, &system_caller, &f, ret_owner, r);
  if (x < 0)
    return x;
  json_set_text (*ret_owner, "workspace_role", "owner");
  txn_doc_put (t, STORE_PERSON, *ret_owner);
  (void) json_id (*ret_owner, "id", &owner.person);
  (void) gethostname (host, sizeof host - 1);
  workspace = doc_new (&owner);
  json_set_text (workspace, "name", name ? name : host);
  json_set_text (workspace, "owner", json_text (*ret_owner, "id"));
  (void) json_object_set_new (workspace, "corporate_domains", json_array ());
  txn_doc_put (t, STORE_WORKSPACE, workspace);
  event_add (t, &(struct event) { .type = "workspace.set-up", .caller = &owner });
  *ret_workspace = workspace;
  return 0;
}

int
engine_setup (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *workspace = workspace_get (t), *owner = NULL, *answer = NULL;
  int x = 0;

  if (c->caller->kind != CALLER_SOCKET)
    x = refuse (r, "not-permitted", NULL, "Set-up works on the daemon's socket only.");
  else if (workspace)
    x = refuse (r, "already-set-up", NULL, "The workspace %s was set up already.", json_text (workspace, "name"));
  else
    x = set_up (t, c, &workspace, &owner, r);
  if (x == 0)
    answer = json_pack ("{s:O, s:o, s:s}", "workspace", workspace, "owner", person_render (owner), "message",
                        "The workspace is ready.  On this machine's socket you act as its Owner; for other machines "
                        "make a token: usher token create NAME --scope read --scope write --scope admin");
  x = call_end (e, c, t, x, answer, ret, r);
  json_decref (workspace);
  json_decref (owner);
  return x;
}

/* ---- State. */

struct tally
{
  struct engine *e;
  struct sight sight;
  struct txn *t;
  size_t live, healthy, review, waiting, limited;  /* hubs */
  size_t issues, reports;
};

static bool
count_hub (void *arg, json_t *hub)
{
  struct tally *n = arg;
  const char *status = json_text (hub, "status");
  int64_t waits_until;

  if (!hub_is_live (hub) || !sees_hub (&n->sight, n->t, hub))
    return true;
  n->live++;
  n->healthy += streq (status, "healthy");
  n->review += has_prefix (status, "review-");
  n->waiting += streq (status, "requires-sync") || streq (status, "under-validation");
  free (hub_limit (n->e, n->t, hub, &waits_until));
  n->limited += waits_until != 0;
  return true;
}

static bool
count_unread (void *arg, json_t *issue)
{
  struct tally *n = arg;

  n->issues += streq (json_text (issue, "state"), "unread") && sees_work (&n->sight, n->t, issue);
  return true;
}

static bool
count_open (void *arg, json_t *report)
{
  struct tally *n = arg;

  n->reports += streq (json_text (report, "status"), "open") && sees_report (&n->sight, n->t, report);
  return true;
}

int
engine_status (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *workspace = workspace_get (t), *answer, *restored;
  struct queue_counts tasks;
  struct store_space space;
  struct tally n = { .e = e, .t = t };
  int x = workspace ? caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r) : 0;

  if (x < 0)
    {
      json_decref (workspace);
      return x;
    }
  sight_begin (&n.sight, t, c->caller);
  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, count_hub, &n);
  txn_doc_walk (t, STORE_ISSUE, 0, NULL, false, NULL, count_unread, &n);
  txn_doc_walk (t, STORE_REPORT, 0, NULL, false, NULL, count_open, &n);
  queue_counts (e, &tasks);
  store_space (e->store, &space);
  answer = json_pack ("{s:s, s:b, s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I, s:I}, s:I, s:I, s:{s:I, s:I, s:I}, s:o}", "version",
                      PACKAGE_VERSION, "set_up", workspace != NULL, "hubs", "total", (json_int_t) n.live, "healthy",
                      (json_int_t) n.healthy, "in_review", (json_int_t) n.review, "waiting",
                      (json_int_t) n.waiting, "limited", (json_int_t) n.limited, "tasks", "open", (json_int_t) tasks.open, "running",
                      (json_int_t) tasks.running, "issues_unread", (json_int_t) n.issues, "reports_open",
                      (json_int_t) n.reports, "store", "map_size", (json_int_t) space.map_size, "map_used",
                      (json_int_t) space.map_used, "disk_free", (json_int_t) space.disk_free, "confinement",
                      confinement_json ());
  json_set_time (answer, "started_at", e->started_ms);
  json_set_text (answer, "workspace", json_text (workspace, "name"));
  restored = n.sight.all || !workspace ? restored_json (e, t) : NULL;
  if (restored)
    (void) json_object_set_new (answer, "restored", restored);
  json_decref (workspace);
  return answer_read (t, answer, ret, r);
}

/* ---- Doctor. */

static void
add_check (json_t *checks, const char *name, bool ok, const char *detail, const char *action)
{
  json_t *check = json_pack ("{s:s, s:b}", "name", name, "ok", ok);

  json_set_text (check, "detail", detail);
  json_set_text (check, "action", ok ? NULL : action);
  (void) json_array_append_new (checks, check);
}

static void
check_state (struct engine *e, json_t *checks)
{
  struct stat st = { 0 };
  struct store_space space;
  char text[160];
  bool closed;

  closed = stat (e->state_dir, &st) == 0 && !(st.st_mode & 077);
  add_check (checks, "state folder", closed, e->state_dir, "Take the folder's rights from group and others (chmod 700).");
  closed = stat (vault_key_file (e->vault), &st) == 0 && !(st.st_mode & 077);
  add_check (checks, "key", closed, vault_key_file (e->vault), "Let nobody but the daemon's user read the key (chmod 600).");
  store_space (e->store, &space);
  (void) snprintf (text, sizeof text, "%llu MiB of %llu MiB of the map, %llu MiB free on disk",
                   (unsigned long long) (space.map_used >> 20), (unsigned long long) (space.map_size >> 20),
                   (unsigned long long) (space.disk_free >> 20));
  add_check (checks, "store", store_check_room (e->store, 64u << 20) == 0, text,
             "Free space on the disk that holds the state folder, or raise map-size in usher.conf.");
}

/* The sentence why the file cannot be used; caller frees, NULL = no memory. */
static char *
broken_why (const struct app_broken *broken)
{
  struct buf why = BUF_INIT (BROKEN_WHY_MAX);

  buf_puts (&why, broken->why);
  if (broken->more)
    buf_printf (&why, " (and %zu more)", broken->more);
  return buf_steal (&why);
}

static void
check_apps (struct engine *e, json_t *checks)
{
  const struct app_broken *broken;
  struct apps *apps = engine_apps (e);
  size_t i;

  for (i = 0; i < apps_count (apps); i++)
    {
      const struct app *app = apps_at (apps, i);
      _cleanup_ (freep) char *why = connectors_broken (e, app_connector (app), app_id (app));
      char name[64];

      (void) snprintf (name, sizeof name, "app %s", app_id (app));
      add_check (checks, name, !why, why ? why : app_name (app), "Install or mend the connector, then reload.");
    }
  for (i = 0; (broken = apps_broken_at (apps, i)); i++)
    {
      _cleanup_ (freep) char *why = broken_why (broken);
      _cleanup_ (buf_done) struct buf name = BUF_INIT (CHECK_NAME_MAX);

      buf_printf (&name, "app %s", broken->id);
      add_check (checks, name.data, false, why, "Correct the file (usher app check names every line), then reload.");
    }
  if (!apps_count (apps) && !i)
    add_check (checks, "apps", false, "No app file was found.", "Check --app-path.");
  apps_unref (apps);
}

struct hub_checks
{
  struct engine *e;
  struct sight sight;
  struct txn *t;
  json_t *checks;
};

/* What waits in an open report, of HUB (NULL: of people). */
static void
check_report (struct txn *t, const json_t *hub, json_t *checks)
{
  json_t *report = report_open (t, hub);
  char name[128], detail[128];

  if (report)
    {
      (void) snprintf (name, sizeof name, "report of %s", hub ? json_text (hub, "label") : "people");
      (void) snprintf (detail, sizeof detail, "%lld removals wait in report %s",
                       (long long) json_number (report, "removed_count", 0), json_text (report, "id"));
      add_check (checks, name, false, detail, "Read it (usher report show), then apply or dismiss it.");
    }
  json_decref (report);
}

static bool
check_hub (void *arg, json_t *hub)
{
  struct hub_checks *h = arg;
  const char *status = json_text (hub, "status"), *reason = json_text (hub, "status_reason");
  _cleanup_ (freep) char *limit = NULL;
  char name[128], detail[2048];
  struct id id;

  if (!hub_is_live (hub) || (!h->sight.all && sight_role (&h->sight, h->t, hub, "id") < HUB_MANAGER))
    return true;
  (void) snprintf (name, sizeof name, "hub %s", json_text (hub, "label"));
  limit = hub_limit (h->e, h->t, hub, NULL);
  (void) snprintf (detail, sizeof detail, "%s%s%s%s%s", status, reason ? ": " : "", reason ? reason : "",
                   limit ? ".  " : "", limit ? limit : "");
  if (streq (status, "under-validation") && reason)
    add_check (h->checks, name, false, detail, "It is tried again every hour.  To try at once: usher hub check.");
  else if (streq (status, "requires-sync") && reason)
    add_check (h->checks, name, false, detail, "Sync it: usher sync.");
  else
    add_check (h->checks, name, !has_prefix (status, "review-"), detail, "Correct what the reason names, then: usher hub check.");
  check_report (h->t, hub, h->checks);
  (void) snprintf (name, sizeof name, "owner of %s", json_text (hub, "label"));
  if (json_id (hub, "id", &id) && !hub_has_owner (h->t, &id, /* except= */ NULL))
    add_check (h->checks, name, false, "nobody is left who owns the hub",
               "A super-admin names somebody: usher member invite HUB EMAIL --hub-role owner --no-seat.");
  return true;
}

int
engine_doctor (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (e->store);
  json_t *checks = json_array (), *workspace = workspace_get (t), *check;
  struct hub_checks hubs = { .e = e, .t = t };
  bool ok = true;
  size_t i;
  int x = workspace ? caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r) : 0;

  if (x < 0)
    {
      json_decref (workspace);
      json_decref (checks);
      return x;
    }
  sight_begin (&hubs.sight, t, c->caller);
  hubs.checks = checks;
  add_check (checks, "set-up", workspace != NULL, workspace ? json_text (workspace, "name") : "no workspace yet",
             "Run usher setup --owner EMAIL.");
  /* The machine is the business of those who run it. */
  if (!workspace || hubs.sight.all)
    {
      check_state (e, checks);
      seals_check (e, checks, add_check);
      restored_check (e, t, checks, add_check);
      confinement_check (checks, add_check);
      connectors_check (e, checks, add_check);
      check_report (t, /* hub= */ NULL, checks);
    }
  check_apps (e, checks);
  txn_doc_walk (t, STORE_HUB, 0, NULL, false, NULL, check_hub, &hubs);
  json_array_foreach (checks, i, check)
    ok = ok && json_flag (check, "ok");
  json_decref (workspace);
  return answer_read (t, json_pack ("{s:b, s:o}", "ok", ok, "checks", checks), ret, r);
}

/* ---- The catalogue. */

static json_t *
app_render (struct engine *e, const struct app *app)
{
  _cleanup_ (freep) char *broken = connectors_broken (e, app_connector (app), app_id (app));
  json_t *o = json_loads (app_public_json (app), 0, NULL);

  if (o)
    json_set_text (o, "broken", broken);
  return o;
}

/* A file that is wrong: there is only its name. */
static json_t *
broken_render (const struct app_broken *broken)
{
  _cleanup_ (freep) char *why = broken_why (broken);
  json_t *o = json_object ();

  json_set_text (o, "id", broken->id);
  json_set_text (o, "broken", why);
  return o;
}

int
engine_app_list (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);
  struct apps *apps;
  json_t *items;
  size_t i, j = 0;

  txn_abort (t);
  if (x < 0)
    return x;
  apps = engine_apps (e);
  items = json_array ();
  for (i = 0; i < apps_count (apps) || apps_broken_at (apps, j);)
    {
      const struct app_broken *broken = apps_broken_at (apps, j);

      if (broken && (i == apps_count (apps) || strcmp (broken->id, app_id (apps_at (apps, i))) < 0))
        {
          (void) json_array_append_new (items, broken_render (broken));
          j++;
        }
      else
        (void) json_array_append_new (items, app_render (e, apps_at (apps, i++)));
    }
  apps_unref (apps);
  return list_of (items, (const char *const[2]) { "id", NULL }, c, ret, r);
}

int
engine_app_show (struct engine *e, const struct call *c, json_t **ret, struct refusal *r)
{
  struct txn *t = store_read (e->store);
  int x = caller_may (t, c->caller, SCOPE_READ, ROLE_GUEST, r);
  struct apps *apps = engine_apps (e);
  const struct app *app = apps_find (apps, c->path[0]);
  const struct app_broken *broken;

  txn_abort (t);
  if (x == 0 && !app && (broken = apps_find_broken (apps, c->path[0])))
    x = refuse (r, "not-found", NULL, "The app %s cannot be used, as its file is wrong: %s.", c->path[0], broken->why);
  else if (x == 0 && !app)
    x = refuse (r, "not-found", NULL, "There is no app %s in the catalogue.", c->path[0]);
  if (x == 0)
    *ret = app_render (e, app);
  apps_unref (apps);
  return x;
}
