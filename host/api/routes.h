/* The table of paths: one row an action.  What the API takes, what it refuses and what
   /openapi.json says of both are read from these rows alone. */
#ifndef USHER_API_ROUTES_H
#define USHER_API_ROUTES_H

#include "host/engine/engine.h"

#define API_BASE "/api/v1"

/* BODY_TEXT is people as CSV, long: engine_import_begin is asked before it is read. */
enum route_body { BODY_NONE, BODY_JSON, BODY_TEXT, BODY_BACKUP };

/* What answers: an action of the engine, or one of these. */
enum route_special
{
  SPECIAL_NONE,
  SPECIAL_DOCUMENT,   /* /openapi.json */
  SPECIAL_STREAM,     /* /events/stream */
  SPECIAL_METRICS,
  SPECIAL_READY,
  SPECIAL_HEALTH,
  SPECIAL_BACKUP,     /* /backup */
  SPECIAL_RESTORE,    /* /restore, of a body that is a backup */
};

#define ROUTE_LIST 1u     /* answers {"items", "next"} and takes limit and cursor */
#define ROUTE_TAGGED 2u   /* what the path names has an entity tag; the action asks call_match */
#define ROUTE_JOINS 4u    /* 200 with "joined" where the work was under way already */
#define ROUTE_ROOT 8u     /* stands beside API_BASE, not below it */
#define ROUTE_OPEN 16u    /* needs no token */

struct route
{
  const char *method, *path;   /* "/hubs/{hub}/sync" below API_BASE */
  engine_action *action;       /* NULL with SPECIAL */
  int status;                  /* of a good answer */
  enum route_body body;
  unsigned int flags;          /* ROUTE_... */
  unsigned int scope;          /* what a token needs; 0 = any will do.  The action checks it */
  const char *answer;          /* schema of the answer, of a list that of an item; see schemas.json */
  const char *summary;
  /* Parameters it takes, by spaces; with :b behind it one that is true or false.  NULL = none. */
  const char *query;
  /* What a JSON body may hold, beside confirm: "name:type ..."; the type is t (text),
     b (boolean), n (whole number), l (list), o (object) or a (account: its id, or an object), with ! behind
     it where the action wants the field. */
  const char *fields;
  enum route_special special;
};

extern const struct route routes[];
extern const size_t n_routes;

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_MALFORMED };
/* Finds the route of METHOD and the raw path.  What stands in its braces, decoded, goes to
   RET_NAMES (up to 3, caller frees each). */
enum route_found route_find (const char *method, const char *path, const struct route **ret, char *ret_names[3]);
/* The methods that PATH takes, as the header Allow lists them; caller frees. */
char *route_allow (const char *path);
/* The type of the query parameter NAME, one of R's own, of lists, or confirm: t (text) or b
   (true or false); 0 = R takes none of that name. */
char route_parameter (const struct route *r, const char *name);
/* The type of the body's field KEY (see fields); 0 = there is no such field. */
char route_field (const struct route *r, const char *key);
/* Whether R changes something: takes confirm, Idempotency-Key, If-Match. */
bool route_writes (const struct route *r);

/* Percent-decodes LEN bytes; NULL when a % is not followed by two hex digits, or the
   result is not UTF-8 or holds a control character.  Caller frees. */
char *url_decode (const char *s, size_t len, bool plus_is_space);

#endif
