/* Takes secrets out of text by value, in the forms in which apps send them back: as
   they are, percent-encoded, in JSON, in XML, in base64 at any offset. */
#ifndef USHER_NET_REDACT_H
#define USHER_NET_REDACT_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/net/standin.h"

/* Shorter values are left alone: they would shred every text and say nothing. */
#define REDACT_MIN 4u
/* Forms of all values; a secret has at most 12, so the 64 of a session may be replaced by new
   values more than 100 times. */
#define REDACT_NEEDLES_MAX 2048u

struct redact_needle
{
  char *text;          /* owned */
  size_t len;
  const char *name;    /* borrowed from the standins */
};

struct redact
{
  struct redact_needle *needles;  /* owned */
  size_t n;
};

void redact_done (struct redact *r);
/* Prepares for all secrets but "username", which is shown everywhere.  Borrows SECRETS. */
int redact_build (const struct standins *secrets, struct redact *ret);
/* Takes out the value that SECRET has now as well; those it had before stay, because apps
   repeat in their answers what they were sent earlier.  Borrows SECRET's name.  -E2BIG when there
   are too many, -ENOMEM; then some forms of it may be missing. */
int redact_add (struct redact *r, const struct standin *secret);
/* The same for a VALUE called NAME (borrowed) that follows others for as long as the session
   lasts: of those before it the last REDACT_SERIES are kept. */
#define REDACT_SERIES 4u
int redact_next (struct redact *r, const char *name, const char *value);
/* Appends TEXT to OUT with "[NAME]" in place of secrets; a secret that is cut by the
   end of TEXT counts too. */
void redact_put (const struct redact *r, const char *text, size_t len, struct buf *out);

#endif
