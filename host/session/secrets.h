/* The secrets of one session as usherd has to know them: to make stand-ins, and to find
   a value in what a child sent, so that it reaches no log, no outcome and no disk. */
#ifndef USHER_SESSION_SECRETS_H
#define USHER_SESSION_SECRETS_H

#include "host/common/base.h"
#include "host/common/secret.h"
#include "host/session/sieve.h"

#define STANDIN_LEN 32u            /* "uS" and 30 random letters and digits */
#define SECRETS_MAX 64u            /* a session */
#define SECRETS_SEARCHED_MAX 128u  /* with values that were replaced */
#define SECRETS_OF_TOKENS 4u       /* names */
#define SECRETS_ROOM (SECRETS_SEARCHED_MAX + 2 * SECRETS_OF_TOKENS)
#define SECRET_SEARCHED_MIN 4u     /* shorter values would be found everywhere */

/* Whether usherd itself gets and keeps the secret NAME where an account has access tokens. */
bool session_secret_is_of_token (const char *name);

struct session_secrets
{
  struct { char *name; struct secret value; } v[SECRETS_ROOM];  /* owned */
  size_t n;
};

void session_secrets_done (struct session_secrets *s);
/* Remembers a value to search for.  Earlier values of the same NAME are still searched for:
   they may stand in what is under way, and no child can make the host forget one.  Over
   SECRETS_SEARCHED_MAX the last of several values of NAME makes room, else -E2BIG; but there is
   always room for two values of a secret of tokens.  -ENOMEM. */
int session_secrets_put (struct session_secrets *s, const char *name, const char *value);

/* A new stand-in. */
int session_standin (char ret[STANDIN_LEN + 1]);

/* Whether P holds a value: as it is, escaped as JSON or for URLs (either, or one within
   the other), or in base64 at any offset.  No memory counts as yes. */
bool session_secrets_in (const struct session_secrets *s, const void *p, size_t len);
/* The same for rows, of which there may be a gigabyte: RET finds each value of SIEVE_STRING_MIN
   bytes and more, escaped in the ways that are usual, in base64 at any offset.  -ENOMEM. */
int session_secrets_sieve (const struct session_secrets *s, struct sieve *ret);
/* TEXT with "[NAME]" in place of each value; all of it is withheld when a value is still
   there in another form.  The caller frees; NULL for no memory. */
char *session_secrets_redact (const struct session_secrets *s, const char *text, size_t len);

#endif
