/* Where everything stands in a JSON text: the offset of each value and key, in the
   order of the text, beside the tree that jansson makes of it.  Used to name line and
   column in what is said about a file. */
#ifndef USHER_APPS_JSON_OFFSETS_H
#define USHER_APPS_JSON_OFFSETS_H

#include "host/common/base.h"

#define JSON_DEPTH_MAX 32u
#define JSON_NODES_MAX 200000u

/* One value.  The children of the value at index i, if it has any, begin at i + 1. */
struct json_node
{
  uint32_t at, end;     /* its bytes: [at, end) */
  uint32_t key_at;      /* in an object: the opening quote of its key; else = at */
  uint32_t next;        /* index of its next sibling, 0 = none */
};

struct json_map
{
  struct json_node *v;  /* owned; v[0] is the whole document */
  size_t n;
};

struct json_fault
{
  size_t at;            /* offset of what is wrong */
  const char *text;     /* a sentence, static */
};

/* Maps TEXT, which must be one JSON document of at most UINT32_MAX bytes.  Keys that
   stand twice, UTF-8 and surrogates are left to jansson.  -EINVAL and *FAULT when it
   is not JSON or deeper or longer than the maxima; -ENOMEM. */
int json_map_scan (const char *text, size_t len, struct json_map *ret, struct json_fault *fault);
void json_map_done (struct json_map *m);

/* Line and column of an offset, both from 1; columns count characters. */
void json_line_column (const char *text, size_t len, size_t at, size_t *line, size_t *column);

#endif
