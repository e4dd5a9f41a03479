/* The SCIM 2.0 client (RFC 7643, 7644, 9865): what its files share.  One struct scim is one
   open hub; it is used by one thread, and holds no page and no secret.  */
#ifndef SEAT_SCIM_H
#define SEAT_SCIM_H

#include <jansson.h>

#include <usher/connector.h>
#include <usher/pager.h>
#include <usher/rows.h>

#include "plugins/seat/fail.h"
#include "plugins/seat/text.h"

#define SCIM_OPEN_MAX    3u        /* pages or groups asked for at once, the one being read included */
#define SCIM_PAGE_MAX    10000u    /* users asked for in a page */
#define SCIM_ANSWER_MAX  1048576u  /* bytes of an answer about one thing */
#define SCIM_ROLES_MAX   256u      /* roles of one user */
#define SCIM_SEEN_MAX    2048u     /* different roles of a hub */
#define SCIM_DETAIL_MAX  200u      /* bytes of a sentence that are the app's own words */
#define SCIM_ID_MAX      1024u
#define SCIM_STATE_MAX   16384u    /* bytes that the host keeps under one key */

#define SCIM_GROUP "role"          /* the one role group of the app file */
#define SCIM_CORE  "urn:ietf:params:scim:schemas:core:2.0:User"

/* Where the role of a user stands. */
enum scim_carrier
{
  SCIM_ROLES,         /* roles[].value */
  SCIM_ENTITLEMENTS,  /* entitlements[].value */
  SCIM_GROUPS,        /* membership in a group */
  SCIM_ATTRIBUTE,     /* one attribute, mostly of an extension schema */
};

enum scim_leave { SCIM_DEACTIVATE, SCIM_DELETE, SCIM_STRIP };

/* How an answer is paged: as configured, or as the app advertises. */
enum scim_paging { SCIM_PAGING_AUTO, SCIM_PAGING_INDEX, SCIM_PAGING_CURSOR };

/* A set of role ids with labels, in the order in which they came. */
struct scim_roles
{
  struct scim_role { char *id, *label; } *v;  /* owned; label NULL when there is none */
  size_t n;
  bool full;      /* there were more than SCIM_SEEN_MAX */
  bool changed;   /* since the last scim_roles_save */
};

struct scim
{
  /* From the hub and the app file. */
  char *base;                   /* without a slash at the end */
  enum scim_carrier carrier;
  char *schema;                 /* of SCIM_ATTRIBUTE; NULL when it is the core schema */
  char *attribute;              /* of SCIM_ATTRIBUTE; "roles" or "entitlements" for those */
  enum scim_leave leave;
  enum scim_paging paging;
  uint64_t page;                /* users asked for in a page */
  bool patch_by_value;          /* {"op":"replace","value":{...}} instead of "path" */
  bool patch_set, patch;        /* PATCH may be used; set: the app file says so */
  bool put;                     /* PUT may be used */
  bool find_by_email;           /* filter on the address instead of userName */
  char *find;                   /* the attribute to filter on */
  char *content_type;
  const char *idempotency;      /* the header that makes POST /Users safe to repeat; NULL = none */
  /* What the app says of itself: hints, never a reason to fail. */
  bool hinted;
  bool etag, cursor;
  uint64_t page_max;            /* 0 = not told */
  /* Programs of the extractor. */
  struct usher_rows *users;     /* of a list */
  struct usher_rows *user;      /* of one user, in brackets */
  struct usher_rows *groups;
  struct usher_rows *members;   /* of one group */
};

/* scim.c: operations of the connector, as usher/connector.h describes them. */
int32_t scim_open (struct usher_ctx *ctx, json_t *run, struct scim **ret);
void scim_free (struct scim *s);
int32_t scim_check (struct usher_ctx *ctx, struct scim *s);
/* Asks /ServiceProviderConfig once a session.  Fails only when the host says stop. */
int32_t scim_hints (struct usher_ctx *ctx, struct scim *s);

/* scim-url.c: addresses and filters.  All answer NULL for no memory, or when ID cannot stand in
   a path (scim_id_ok); the caller frees them.  */
bool scim_id_ok (const char *id);
/* BASE/KIND, or BASE/KIND/ID with the id escaped. */
char *scim_url (const struct scim *s, const char *kind, const char *id);
/* The page that begins with START, or (CURSOR not NULL) the one behind CURSOR. */
char *scim_url_page (const struct scim *s, const char *kind, uint64_t start, const char *cursor,
                     uint64_t count);
char *scim_url_filter (const struct scim *s, const char *kind, const char *attribute,
                       const char *value);
/* members[value eq "ID"], the path of one member of a group. */
char *scim_member_path (const char *id);

/* scim-http.c: one request and its answer. */
struct scim_answer
{
  int32_t status;
  bool html;
  char *body;        /* owned; NULL when there was none */
  size_t len;
};
void scim_answer_done (struct scim_answer *a);

/* The statuses that are an answer.  401, 429 and 5xx are not: what can be done about those (a fresh
   token, waiting, trying again) is the host's affair. */
#define SCIM_ACCEPT_READ  "200,400,403,404,410,501"
#define SCIM_ACCEPT_WRITE "200,201,202,204,400,402,403,404,405,409,410,412,413,415,422,501"

/* Opens a GET of URL. */
int32_t scim_get_open (struct usher_ctx *ctx, const char *url, uint32_t *ret_h);
/* Does a request and reads its answer.  URL NULL answers USHER_E_NOMEM; BODY and IF_MATCH may be
   NULL.  *RET is untouched on failure, else scim_answer_done frees it.  A write whose answer was
   lost is USHER_E_UNCERTAIN. */
int32_t scim_call (struct usher_ctx *ctx, const struct scim *s, const char *method,
                   const char *url, json_t *body, const char *if_match, struct scim_answer *ret);
/* The same, as POST with the key of an intent, where the app knows such keys. */
int32_t scim_make (struct usher_ctx *ctx, const struct scim *s, const char *url, json_t *body, const char *key,
                   struct scim_answer *ret);
/* Reads the answer to H, for reads that began with scim_get_open. */
int32_t scim_answer_read (struct usher_ctx *ctx, uint32_t h, struct scim_answer *ret);
/* The answer's JSON object; USHER_E_SHAPE with a sentence when it is not one. */
int32_t scim_answer_json (struct usher_ctx *ctx, const struct scim_answer *a, json_t **ret);
/* A member of a JSON object, the name without regard to case. */
json_t *scim_get (json_t *object, const char *name);

/* scim-error.c: what an answer means that is not a yes. */
/* What the refused request was for; decides what a 400 or a 404 means. */
enum scim_aim { SCIM_TO_LIST, SCIM_TO_READ, SCIM_TO_INVITE, SCIM_TO_CHANGE, SCIM_TO_SET_ROLE };
int32_t scim_error (struct usher_ctx *ctx, const struct scim_answer *a, enum scim_aim aim);
/* The scimType of an answer, "" when it has none, in BUF. */
const char *scim_type (const struct scim_answer *a, char *buf, size_t cap);
/* A 404 or 410 in the app's own words: a SCIM error, or no body.  A web page is the wrong
   address, not an absent user. */
bool scim_gone (const struct scim_answer *a);
/* The app does not do this method. */
bool scim_no_method (const struct scim_answer *a);

/* scim-user.c: users as rows. */
/* Places of the values in the programs of users. */
enum
{
  SCIM_F_ID, SCIM_F_USERNAME, SCIM_F_ACTIVE, SCIM_F_GIVEN, SCIM_F_FAMILY, SCIM_F_FORMATTED,
  SCIM_F_DISPLAY, SCIM_F_EMAIL, SCIM_F_PRIMARY, SCIM_F_CREATED, SCIM_F_VERSION, SCIM_F_ROLE,
  SCIM_F_ROLE_LABEL, SCIM_F_ROLE_TYPE, SCIM_F_COUNT
};

/* A user as the extractor sees it: borrowed from the item. */
struct scim_view
{
  struct usher_member row;      /* its roles lie in ROLES */
  struct usher_kv roles[SCIM_ROLES_MAX];
  const char *labels[SCIM_ROLES_MAX];
  const char *version;
  bool groups;                  /* the user says in which groups it is */
};

/* A user kept: owns what its row points to. */
struct scim_user
{
  struct usher_member row;
  const char *version;          /* ETag; NULL when not told */
  bool groups;
  char *text;                   /* its JSON, for PUT */
  void *block;                  /* private */
};

int32_t scim_user_programs (struct scim *s);
/* USHER_E_LIMIT when there are more than SCIM_ROLES_MAX roles. */
int32_t scim_user_view (const struct scim *s, const struct usher_item *item, struct scim_view *ret);
int32_t scim_user_keep (const struct scim_view *view, struct scim_user *ret);
void scim_user_done (struct scim_user *u);
/* Replaces the roles of a kept user. */
int32_t scim_user_set_roles (struct scim_user *u, const struct usher_kv *roles, size_t n);
/* The user in the body of an answer; USHER_E_SHAPE when it is not one. */
int32_t scim_user_parse (struct usher_ctx *ctx, struct scim *s, const struct scim_answer *a,
                         struct scim_user *ret);
bool scim_has_role (const struct usher_kv *roles, size_t n, const char *id);
/* Both name the same roles, in any order. */
bool scim_same_roles (const struct usher_kv *a, size_t n_a, const struct usher_kv *b, size_t n_b);

/* scim-roles.c: the roles of a hub. */
void scim_roles_done (struct scim_roles *roles);
int32_t scim_roles_add (struct scim_roles *roles, const char *id, const char *label);
bool scim_roles_have (const struct scim_roles *roles, const char *id);
int32_t scim_roles_emit (struct usher_ctx *ctx, const struct scim_roles *roles);
/* The hub field "roles". */
int32_t scim_roles_configured (struct usher_ctx *ctx, struct scim_roles *roles);
/* In the hub's state, under KEY.  Load adds; USHER_ABSENT when nothing is kept.  Save writes when
   something changed; what is too large for the state is forgotten. */
int32_t scim_roles_load (struct usher_ctx *ctx, const char *key, struct scim_roles *roles);
int32_t scim_roles_save (struct usher_ctx *ctx, const char *key, struct scim_roles *roles);
#define SCIM_STATE_ROLES   "roles"          /* of the last whole listing */
#define SCIM_STATE_LISTING "roles.listing"  /* of the listing under way */

/* scim-walk.c: page after page of a list. */
struct scim_walk
{
  struct usher_ctx *ctx;
  struct scim *s;
  const char *kind;             /* "Users" or "Groups" */
  struct usher_rows *rows;
  int32_t (*item) (void *arg, const struct usher_item *item);
  int32_t (*page) (void *arg, struct scim_walk *w);  /* behind each page; may be NULL */
  void *arg;
  /* private */
  struct usher_pager *pager;
  bool by_cursor, full, fitted;
  uint64_t count;               /* asked for in a page */
  uint64_t unread;              /* items without an id, groups that may not be read */
  struct scim_ahead { uint32_t h; uint64_t start; } ahead[SCIM_OPEN_MAX];
  size_t n_ahead;
  int64_t total;                /* as the last page said; -1 = not told */
};
/* Whether lists of this app are walked by cursor, as far as is known before the first page. */
bool scim_by_cursor (const struct scim *s);
/* Makes the walk ready; needs the fields above "private". */
int32_t scim_walk_begin (struct scim_walk *w);
int32_t scim_walk_run (struct scim_walk *w);
void scim_walk_done (struct scim_walk *w);
/* Where the walk stands, for a checkpoint: bytes written, or negative. */
int32_t scim_walk_save (const struct scim_walk *w, void *blob, size_t cap);
int32_t scim_walk_restore (struct scim_walk *w, const void *blob, size_t len);
/* Verdict, as usher_pager_verdict. */
uint32_t scim_walk_verdict (const struct scim_walk *w, int64_t *ret_total, const char **ret_why);

/* scim-list.c */
int32_t scim_list (struct usher_ctx *ctx, struct scim *s, const struct usher_list *want);

/* scim-group.c: groups as roles. */
/* Streams the members of the N groups IDS, at most SCIM_OPEN_MAX at once. */
typedef int32_t scim_member_fn (void *arg, const char *group, const char *user);
int32_t scim_group_members (struct usher_ctx *ctx, struct scim *s, char *const *ids, size_t n,
                            scim_member_fn *fn, void *arg, uint64_t *ret_forbidden);
/* The groups of user U, as its roles: from the user where it says so, else asked of each group. */
int32_t scim_group_roles (struct usher_ctx *ctx, struct scim *s, struct scim_user *u);
/* Makes WANTED the groups of U: adds first, then takes away.  USHER_ALREADY when it was so. */
int32_t scim_group_set (struct usher_ctx *ctx, struct scim *s, const struct scim_user *u,
                        const struct usher_kv *wanted, size_t n);

/* scim-find.c: one user. */
/* The user that a member row tells of: USHER_DONE, USHER_ABSENT, or an error.  By its id where
   it has one; an app that answers "none" to that is asked by name and address, or for the whole
   list where it does not filter, and only the user with that id counts. */
int32_t scim_look_up (struct usher_ctx *ctx, struct scim *s, const struct usher_member *who,
                      struct scim_user *ret);
/* By name or address (either may be NULL), rechecked here.  WALK: where the app does not filter,
   go through the whole list; otherwise that is USHER_ABSENT too. */
int32_t scim_find (struct usher_ctx *ctx, struct scim *s, const char *username, const char *email,
                   bool walk, struct scim_user *ret);
int32_t scim_read (struct usher_ctx *ctx, struct scim *s, const struct usher_member *who);

/* scim-edit.c: a change of one user, by PATCH or PUT. */
struct scim_edit
{
  bool set_active, active;
  bool set_roles;
  const struct usher_kv *roles;
  size_t n_roles;
};
/* U is the user as just read and becomes the user as the app shows it afterwards.  USHER_DONE,
   USHER_ABSENT when it is gone, or an error.  Groups are not roles here. */
int32_t scim_edit (struct usher_ctx *ctx, struct scim *s, const struct scim_edit *edit,
                   enum scim_aim aim, struct scim_user *u);
/* Puts the roles into a user that is being made. */
int32_t scim_put_roles (const struct scim *s, json_t *user, const struct usher_kv *roles,
                        size_t n);

/* scim-write.c */
int32_t scim_invite (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c);
int32_t scim_set_role (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c);
int32_t scim_remove (struct usher_ctx *ctx, struct scim *s, const struct usher_change *c);

#endif
