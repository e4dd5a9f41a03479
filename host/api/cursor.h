/* Cursors of lists, as clients see them: opaque, and good for the list alone that gave them
   out.  What they lead to is the engine's. */
#ifndef USHER_API_CURSOR_H
#define USHER_API_CURSOR_H

#include "host/api/routes.h"

/* The list that a request asks for: its path, what stood in the braces, its filters. */
struct cursor_list
{
  const struct route *route;
  char *const *names;                /* 3, NULL where there is none */
  const struct usher_kv *query;
  size_t n_query;
};

/* The cursor that stands for the engine's INNER; caller frees, NULL = no memory. */
char *cursor_wrap (const struct cursor_list *l, const char *inner);
/* The reverse: caller frees; NULL when TEXT is not a cursor of this list. */
char *cursor_unwrap (const struct cursor_list *l, const char *text);

#endif
