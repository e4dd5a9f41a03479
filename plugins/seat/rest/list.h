/* A listing under way, for the files that list one kind of thing each.  */
#ifndef SEAT_REST_LIST_H
#define SEAT_REST_LIST_H

#include "plugins/seat/rest/rest.h"

/* What is listed one after the other: the passes, then roles, objects and access.  A checkpoint
   says in which of them it was made. */
struct rest_listing
{
  struct usher_ctx *ctx;
  struct rest *rest;
  const struct usher_list *want;
  uint16_t unit;                /* under way */
  const uint8_t *cursor;        /* within it; NULL = from the start */
  size_t cursor_len;
};

bool rest_list_wants (const struct rest_listing *l, uint32_t kind);
/* Keeps where W stands, HEAD bytes before it. */
int32_t rest_list_checkpoint (struct rest_listing *l, const void *head, size_t head_len,
                              const struct rest_walk *w);
/* Opens a section of KIND and SCOPE and goes through W, from CURSOR where it is not NULL. */
int32_t rest_list_section (struct rest_listing *l, struct rest_walk *w, uint32_t kind, const char *scope,
                           const uint8_t *cursor, size_t cursor_len);

/* assets.c: what there is, and who has which right on it.  UNITS of them each. */
size_t rest_objects_n (const struct rest *rest);
int32_t rest_objects_list (struct rest_listing *l, size_t i);
size_t rest_access_n (const struct rest *rest);
int32_t rest_access_list (struct rest_listing *l, size_t i);

/* roles.c */
bool rest_roles_asked (const struct rest *rest);
int32_t rest_roles_list (struct rest_listing *l);

#endif
