/* Access tokens that Usher gets by itself, kept with their account: who may renew one, what it is
   renewed with, and how what came of it is kept before anybody uses it. */
#ifndef USHER_ENGINE_CREDENTIAL_H
#define USHER_ENGINE_CREDENTIAL_H

#include "host/engine/internal.h"

struct credential;

/* What a session of ACCOUNT has as its tokens_arg, with credential_tokens; NULL = no memory. */
struct credential *credential_new (struct engine *e, const struct id *account);
extern const struct session_tokens credential_tokens;

/* ACCOUNT, to be put, was given SECRETS or fields: a token that was got before is forgotten, and so
   is that the app refused the account. */
void credential_replaced (struct txn *t, json_t *account, const json_t *secrets);

#endif
