/* The catalogue: what is declared for each app in its file, usher-app(5).  Files are
   checked whole before anything of them is used, and never changed afterwards, so a
   set may be read by all threads.  Nothing here talks to a connector or the store.

   JSON values in arguments are borrowed and not changed; hub field values are an
   object of key -> text, or list of texts where the field has "many". */
#ifndef USHER_APPS_APPS_H
#define USHER_APPS_APPS_H

#include <jansson.h>

#include "host/common/base.h"

#define APP_FORMAT 1u              /* the "usher_app" that is read */
#define APP_FILE_MAX 1048576u
#define APP_ID_MAX 32u
#define APP_COUNT_MAX 2000u        /* files in one path */
#define APP_PROBLEMS_MAX 50u       /* told about one file */
#define APP_TEXT_MAX 1024u         /* bytes in the value of a text field */
#define APP_URL_MAX 2048u
#define APP_SECRET_MAX 16384u
#define APP_MANY_MAX 200u          /* values of one field */

struct apps;                       /* a set */
struct app;                        /* one of it; lives as long as the set */

/* ---- Files ---------------------------------------------------------------- */

struct app_problem
{
  const char *file;                /* all borrowed for the call */
  size_t line, column;             /* from 1; 0 = about the file itself */
  const char *path;                /* "accounts[0].fields[1].kind"; "" = the file itself */
  const char *text;                /* what is wrong and what would be right */
  bool note;                       /* it is right, but could be better */
};
typedef void app_problem_fn (void *data, const struct app_problem *problem);

/* "FILE:LINE:COLUMN: PATH: TEXT", of a note "FILE:LINE:COLUMN: note: PATH: TEXT", without what
   is not known.  Caller frees; NULL = no memory. */
char *app_problem_format (const struct app_problem *problem);

/* Checks one file, whose name must be its id and ".json".  The number of problems told
   to FN, or a negative errno (-ENOMEM). */
int app_check_file (const char *file, app_problem_fn *fn, void *data);
/* The same for text that is not in a file; FILE is what problems call it. */
int app_check_text (const char *file, const char *text, size_t len, app_problem_fn *fn, void *data);

/* Where in the TEXT of an app file PATH begins, its key where it has one; of what is not there,
   the thing that it would stand in.  -EINVAL when TEXT is no JSON; -ENOMEM. */
int app_locate (const char *text, size_t len, const char *path, size_t *ret_line,
                size_t *ret_column);

/* Reads every *.json in PATH (DIR:DIR...).  An id found in two folders is taken from the
   earlier one, also when that file is wrong; a folder that is missing is empty.  Wrong
   files are told to FN and kept apart, as broken.  A set with one reference; 0 or -ENOMEM. */
int apps_load (const char *path, app_problem_fn *fn, void *data, struct apps **ret);
struct apps *apps_ref (struct apps *set);
struct apps *apps_unref (struct apps *set);   /* takes NULL; returns NULL */
DEFINE_CLEANUP (struct apps *, apps_unref)

/* In the order of their ids. */
size_t apps_count (const struct apps *set);
const struct app *apps_at (const struct apps *set, size_t i);
const struct app *apps_find (const struct apps *set, const char *id);   /* NULL = none */

/* A file that is wrong; lives as long as the set. */
struct app_broken
{
  char *id;                        /* its name without ".json" */
  char *why;                       /* its first problem, as app_problem_format has it */
  size_t more;                     /* problems beside that one */
};
/* In the order of their ids; NULL behind the last. */
const struct app_broken *apps_broken_at (const struct apps *set, size_t i);
const struct app_broken *apps_find_broken (const struct apps *set, const char *id);   /* NULL = none */

/* ---- What is declared ------------------------------------------------------- */

enum app_kind { APP_TEXT, APP_CHOICE, APP_URL, APP_SECRET };
enum app_identifier { APP_ID_NONE, APP_ID_SPACE, APP_ID_FREE };
#define APP_ON_ADD 1u
#define APP_ON_UPDATE 2u

struct app_list                    /* texts; owned where a function fills it */
{
  char **v;
  size_t n;
};
void app_list_done (struct app_list *list);

/* A field of a hub, of an account, or for provisioning.  All borrowed from the app. */
struct app_field
{
  const char *key, *label, *help;  /* help: NULL = none */
  enum app_kind kind;
  bool required, many;
  bool reveal;                     /* secret: the connector gets the real value */
  enum app_identifier identifier;
  unsigned int on;                 /* provisioning: APP_ON_... */
  const char *const *choices;
  size_t n_choices;
  json_t *declared;                /* its object in the file */
};

struct app_account
{
  const char *kind;                /* "password", "token", "oauth", "app-install" */
  const char *totp;                /* "no", "optional", "required" */
  bool phone;
  const struct app_field *fields;  /* without username and password of kind "password" */
  size_t n_fields;
  json_t *declared;
};

struct app_role_group
{
  const char *key, *label;
  bool ranked;                     /* model "ranked"; else "latest" */
  bool many;                       /* pick "many" */
  bool required, discovered;
};

struct app_role
{
  const char *group, *id, *label;
  int32_t rank;                    /* 0 = none */
  bool assignable;
};

const char *app_id (const struct app *a);
const char *app_name (const struct app *a);
const char *app_connector (const struct app *a);
const char *app_evidence (const struct app *a);

/* The file without "run", as compact JSON text; borrowed. */
const char *app_public_json (const struct app *a);
/* "run" as it stands in the file, "{}" where it has none; borrowed, not NUL-terminated. */
void app_run (const struct app *a, const char **text, size_t *len);
/* "auth" as JSON text, for usher-net; borrowed. */
const char *app_auth_json (const struct app *a);

/* Whether the app can CAPABILITY ("sync", "add-user", ...).  When not, *WHY (may be
   NULL) is the sentence of the file; borrowed. */
bool app_can (const struct app *a, const char *capability, const char **why);
bool app_login_method (const struct app *a, const char *method);   /* is it offered */

/* A value of the file by "key" or "key.key", for what has no function of its own
   ("add.pending", "session.cookies", "password_rules.length"); borrowed, NULL = absent. */
const json_t *app_get (const struct app *a, const char *path);
/* The same as text, number or truth; DEF where it is absent. */
const char *app_get_text (const struct app *a, const char *path, const char *def);
int64_t app_get_number (const struct app *a, const char *path, int64_t def);
bool app_get_bool (const struct app *a, const char *path, bool def);

const struct app_field *app_fields (const struct app *a, size_t *n);
const struct app_field *app_field (const struct app *a, const char *key);   /* NULL = none */
const struct app_field *app_provisioning (const struct app *a, size_t *n);

const struct app_role_group *app_role_groups (const struct app *a, size_t *n);
const struct app_role_group *app_role_group (const struct app *a, const char *key);
const struct app_role *app_roles (const struct app *a, size_t *n);
/* The declared role, NULL when the file has none (it may have been discovered). */
const struct app_role *app_role (const struct app *a, const char *group, const char *id);
/* Whether the file says that two roles of GROUP exclude each other (either way round). */
bool app_roles_incompatible (const struct app *a, const char *group, const char *one,
                             const char *other);

/* ---- Values that people give ------------------------------------------------ */

struct app_error
{
  char field[64];                  /* the key of the field; "" = none in particular */
  char text[512];                  /* a sentence: what is wrong and what would be right */
};

/* Checks hub field values.  *RET is a new object with every field that has a value:
   URLs normalised (lower-case scheme and host, no default port, no trailing slash),
   texts trimmed, defaults filled in, "many" always a list.  An empty text or null is no
   value.  -EINVAL and *ERROR; -ENOMEM. */
int app_check_fields (const struct app *a, json_t *values, json_t **ret, struct app_error *error);

/* The account kinds that these (normalised) hub fields allow, in file order; at most
   MAX are put in RET, all of them counted. */
size_t app_account_kinds (const struct app *a, json_t *fields, const struct app_account **ret,
                          size_t max);

/* Checks an account {kind?, username?, email?, phone?, fields{}?, secrets{}?} against
   the kinds that FIELDS allow.  Without "kind", it is the one kind that has what was given.
   *RET is a new object {kind, username?, email?, phone?, fields, secrets}: values under
   "secrets" that are no secrets (an app id, say) are moved to "fields".  A value under
   "secrets" of kind password may be "password" and "totp".  ERROR->field is "username",
   "phone", "kind" or the key of the field, and no value appears in ERROR->text. */
int app_check_account (const struct app *a, json_t *account, json_t *fields, json_t **ret,
                       struct app_error *error);

/* Checks provisioning values for APP_ON_ADD or APP_ON_UPDATE.  PERSON has email,
   first_name, last_name, username; the file's defaults are filled from it.  A default that
   names something PERSON does not have is no value.  *RET: key -> value. */
int app_check_provisioning (const struct app *a, unsigned int on, json_t *values, json_t *person,
                            json_t **ret, struct app_error *error);

/* ---- What follows from hub fields (normalised by app_check_fields) ------------ */

/* Where the hub's requests may go: "https://host:port", each once.  A host whose field
   has no value is left out.  -EINVAL when a name made from fields is no host name. */
int app_origins (const struct app *a, json_t *fields, struct app_list *ret);
/* Where the value of secret FIELD of an account of KIND may go; as app_origins. */
int app_secret_origins (const struct app *a, const char *kind, const char *field, json_t *fields,
                        struct app_list *ret);
/* Whether that value is for the token endpoint of "oauth" alone: no connector gets a stand-in
   for it. */
bool app_secret_is_inner (const struct app *a, const char *kind, const char *field, json_t *fields);
/* How usher-net gets access tokens for an account of KIND: "oauth" of the file as JSON text, with
   token_url filled in and client_id where the account has it as a text; *RET NULL when the file
   does not say.  Caller frees.  -EINVAL when the fields make no address, -ENOMEM. */
int app_oauth_json (const struct app *a, const char *kind, json_t *fields, json_t *account_fields,
                    char **ret);
/* What tells this hub's space from others, in a form to compare (lower case, a URL as
   normalised); *RET NULL when the app has neither space id nor free identifier, or it
   has no value.  Caller frees.  0 or -ENOMEM. */
int app_space_id (const struct app *a, json_t *fields, char **ret);
/* "delete", "deactivate" or "strip"; borrowed from the app. */
const char *app_remove_policy (const struct app *a, json_t *fields);
/* "rate" of the file as JSON text, each "key" a list of texts that tells what is counted
   together: the id of the app, then the values of the hub and account fields that it names
   (an empty text where one has none), without secrets.  An entry that names host becomes one
   for each origin, with that in its key and as "origin", as long as all are APP_RATES_MAX at
   most.  ACCOUNT_FIELDS may be NULL.  Caller frees; NULL = no memory. */
#define APP_RATES_MAX 32u
char *app_rate_json (const struct app *a, json_t *fields, json_t *account_fields);
/* home_url, login_url or icon (WHICH) with the fields filled in; *RET NULL when the file
   has none or a field in it has no value.  Caller frees.  0 or -ENOMEM. */
int app_link (const struct app *a, const char *which, json_t *fields, char **ret);

/* ---- URLs -------------------------------------------------------------------- */

/* The normal form of an http or https URL with a host and no user name, ? or #.  -EINVAL
   and *WHY (a sentence, static); -ENOMEM.  Caller frees *RET. */
int app_url_normalise (const char *s, char **ret, const char **why);
/* "https://host:port" of a normal URL; caller frees, NULL = no memory. */
char *app_url_origin (const char *url);

#endif
