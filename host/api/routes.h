/* The table of paths: one row an action. */
#ifndef USHER_API_ROUTES_H
#define USHER_API_ROUTES_H

#include "host/engine/engine.h"

#define API_BASE "/api/v1"
#define ROUTE_SEGMENTS_MAX 8u

/* BODY_TEXT is people as CSV, long: engine_import_begin is asked before it is read. */
enum route_body { BODY_NONE, BODY_JSON, BODY_TEXT };

struct route
{
  const char *method, *path;   /* "/hubs/{hub}/sync" below API_BASE */
  engine_action *action;
  int status;                  /* of a good answer */
  enum route_body body;
  bool list;                   /* answers {"items", "next"} and takes limit and cursor */
  const char *summary;
  /* What a JSON body may hold, beside confirm: "name:type ..."; the type is t (text),
     b (boolean), l (list), o (object) or a (account: its id, or an object). */
  const char *fields;
};

extern const struct route routes[];
extern const size_t n_routes;

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_MALFORMED };
/* Finds the route of METHOD and the raw path below API_BASE.  What stands in its braces,
   decoded, goes to RET_NAMES (up to 3, caller frees each). */
enum route_found route_find (const char *method, const char *path, const struct route **ret, char *ret_names[3]);
/* The methods that PATH takes, as the header Allow lists them; caller frees. */
char *route_allow (const char *path);

/* Percent-decodes LEN bytes; NULL when a % is not followed by two hex digits, or the
   result is not UTF-8 or holds a control character.  Caller frees. */
char *url_decode (const char *s, size_t len, bool plus_is_space);

#endif
