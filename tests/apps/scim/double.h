/* A SCIM application in memory, in the process of the test: what the connector's requests are
   answered by.  It knows nothing of a host; whoever has a request hands it over and takes the
   answer.  It behaves by RFC 7644 until a trap is set.  */
#ifndef TESTS_SCIM_DOUBLE_H
#define TESTS_SCIM_DOUBLE_H

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOUBLE_BASE "https://app.example.com/scim/v2"

/* How it differs from a well-behaved one; all 0 = not at all. */
struct double_traps
{
  uint64_t page_max;          /* pages are not longer, whatever is asked */
  uint64_t short_page;        /* this page (from 1) lacks its last row */
  bool past_end_repeats;      /* a page behind the end is page 1 again */
  bool start_ignored;         /* always page 1 */
  bool no_resources;          /* an empty list has no Resources */
  bool no_total;              /* totalResults is left out */
  int64_t total_moves;        /* added to totalResults on every page behind the first */
  bool cursors;               /* RFC 9865, advertised */
  bool cursors_only_said;     /* advertised, and refused */
  bool cursor_repeats;        /* the next cursor is the same for ever */
  uint64_t cursor_expires;    /* the cursor of this page (from 1) is too old */
  bool twice;                 /* every page begins with the last row of the page before */
  bool nameless;              /* one user has no id */
  bool filter_refused;        /* 400 invalidFilter */
  bool filter_ignored;        /* a filter changes nothing */
  bool filter_404;            /* no hit is a 404 */
  bool no_patch;              /* 405 */
  bool patch_not_said;        /* ServiceProviderConfig says no PATCH, and it is 405 */
  bool no_put;                /* 405 */
  bool no_body;               /* writes are answered without a body */
  bool another;               /* writes are answered with the first user */
  bool create_200;            /* 200 instead of 201 */
  bool create_conflict_400;   /* 400 uniqueness instead of 409 */
  bool invisible;             /* a conflict about somebody whom the token cannot see */
  bool names_upper;           /* attribute names in another case */
  bool etag;                  /* advertised, and If-Match is held to */
  uint64_t race;              /* so many writes with If-Match meet a change of another */
  bool lies;                  /* writes are answered as if carried out */
  bool gone_html;             /* what is not there is a web page with 404 */
  bool gone_empty;            /* what is not there is a 404 without a body */
  bool html;                  /* everything is a web page with 200 */
  bool no_config;             /* /ServiceProviderConfig is a 404 */
  bool no_user_groups;        /* users do not say in which groups they are */
  bool no_member_filter;      /* a path with a filter is 400 invalidPath */
  int status;                 /* everything but /ServiceProviderConfig is this status */
  bool status_of_writes;      /* and what only reads is not */
  const char *detail;         /* with this detail */
};

struct double_app
{
  json_t *users, *groups;     /* arrays */
  struct double_traps traps;
  uint64_t requests;          /* all */
  uint64_t pages;             /* lists of users */
  uint64_t effects;           /* changes that were carried out */
  uint64_t trapped;           /* how often a trap made a difference */
  uint64_t made;              /* for new ids */
  uint64_t open, open_max;    /* pages asked for and not yet closed: kept by whoever has them */
};

struct double_request { const char *method, *url, *if_match, *body; size_t body_len; };
struct double_answer { int status; const char *type; char *body; size_t len; };  /* body: free */

struct double_app *double_new (void);
void double_free (struct double_app *app);
/* A user user<N>@example.com with this role; its id is u<N>. */
void double_add_user (struct double_app *app, unsigned n, const char *role);
/* A group g<N> called Group <N>, of the users from FIRST to LAST. */
void double_add_group (struct double_app *app, unsigned n, unsigned first, unsigned last);
/* Borrowed; NULL when there is none. */
json_t *double_user (const struct double_app *app, const char *id);
json_t *double_user_named (const struct double_app *app, const char *name);
bool double_in_group (const struct double_app *app, const char *group, const char *user);
void double_answer (struct double_app *app, const struct double_request *request,
                    struct double_answer *ret);

#endif
