/* The two forms of OAuth 2 (RFC 6749): the request for an access token as an app file has it, and
   what the token endpoint may answer.  Pure; what is asked when is oauth.h. */
#ifndef USHER_NET_OAUTH_FORM_H
#define USHER_NET_OAUTH_FORM_H

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/secret.h"
#include "host/net/url.h"

#define OAUTH_ANSWER_MAX (64u * 1024)
#define OAUTH_TOKEN_MAX 16384u     /* bytes of a token */
/* No token is believed to live longer. */
#define OAUTH_LIFE_MAX_MS (INT64_C (365) * 24 * 3600 * 1000)
#define OAUTH_SENTENCE_MAX 512u

/* "oauth" of the app file, with what usherd filled in. */
struct oauth_form
{
  struct url url;                  /* owned: the token endpoint */
  bool by_refresh;                 /* grant refresh_token; else client_credentials */
  bool in_body;                    /* client_auth body; else basic */
  char *client_id;                 /* owned; NULL = it comes with the secrets */
  struct buf fixed;                /* "&scope=...&a=b": the same each time */
};

void oauth_form_done (struct oauth_form *f);
/* -EINVAL, -ENOMEM. */
int oauth_form_parse (const char *json, size_t len, struct oauth_form *ret);

/* What one request is made with; borrowed, NULL = there is none. */
struct oauth_secrets
{
  const char *id, *secret, *refresh;
};
/* Appends the request's header lines ("Name: value" and NUL, one after the other) and its body. */
int oauth_form_fill (const struct oauth_form *f, const struct oauth_secrets *s, struct buf *headers,
                     struct buf *body);

struct oauth_answer
{
  int32_t status;                  /* 0, or USHER_E_... and a sentence */
  char text[OAUTH_SENTENCE_MAX];
  struct secret access, refresh;   /* owned; a refresh token may be there with any status */
  int64_t life_ms;                 /* -1 = not told */
};

void oauth_answer_done (struct oauth_answer *a);
/* What an answer of HOST with this HTTP status and body means.  MOVED: where it led to, for a
   redirect, NULL = nowhere.  Always fills *RET. */
void oauth_answer_read (const char *host, int32_t http, const char *moved, const char *body, size_t len,
                        struct oauth_answer *ret);

#endif
