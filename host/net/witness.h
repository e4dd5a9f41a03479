/* What this process saw of each section of a listing, whatever the connector says: the
   host believes a section only when every request of it was answered well.  An answer
   that was not good is made good by a later good one for the same request (method and
   address as the connector gave them). */
#ifndef USHER_NET_WITNESS_H
#define USHER_NET_WITNESS_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/wire.h"

#define WITNESS_SECTIONS_MAX 1024u  /* not yet asked for; the oldest is forgotten */
#define WITNESS_BAD_MAX 64u         /* a section; what is more cannot be made good */

enum witness_flaw
{
  WITNESS_REFUSED,           /* a status that is not an answer, or no answer at all */
  WITNESS_SHORT,             /* the body was cut */
  WITNESS_FOREIGN_REDIRECT,
  WITNESS_ODD_TYPE,          /* another content type than the section's first */
};

struct witness_section;

struct witness
{
  struct witness_section *sections;  /* owned; the newest first */
  size_t n;
};

void witness_done (struct witness *w);

/* A request of section ORDINAL (0: none, nothing is noted) was opened. */
int witness_request (struct witness *w, uint32_t ordinal);
/* Body bytes came in. */
void witness_bytes (struct witness *w, uint32_t ordinal, size_t n);
/* An accepted answer with this content type (NULL: none told).  True unless it differs
   from the section's first. */
bool witness_type (struct witness *w, uint32_t ordinal, const char *content_type);
/* The request went wrong; WHY is a sentence without secrets. */
void witness_bad (struct witness *w, uint32_t ordinal, enum witness_flaw flaw, const char *method,
                  const char *url, const char *why);
/* The request was answered well and whole: what went wrong with it before is forgiven. */
void witness_good (struct witness *w, uint32_t ordinal, const char *method, const char *url);

/* What is to be told of ORDINAL; an unknown one has no requests.  ret->why is borrowed
   until witness_forget. */
void witness_tally (const struct witness *w, uint32_t ordinal, struct wire_tally *ret);
void witness_forget (struct witness *w, uint32_t ordinal);
/* The newest section, while a request of it has not been made good; 0 = none such. */
uint32_t witness_doubt (const struct witness *w);

#endif
