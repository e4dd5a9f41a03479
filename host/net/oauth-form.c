/* Owns what is written to a token endpoint, and how its answers are taken: each, however odd,
   ends in tokens or in one sentence. */
#include <config.h>

#include "host/net/oauth-form.h"

#include <jansson.h>
#include <stdio.h>
#include <usher/connector.h>

#include "host/common/json-memory.h"
#include "host/common/text.h"
#include "host/net/auth.h"

#define FORM_MAX (256u * 1024)
#define ERROR_CODE_MAX 64u

void
oauth_form_done (struct oauth_form *f)
{
  url_done (&f->url);
  free (f->client_id);
  buf_done (&f->fixed);
  *f = (struct oauth_form) { 0 };
}

/* ---- The request. */

static void
put_percent (const char *value, struct buf *out)
{
  (void) standin_escape (STANDIN_FORM, value, strlen (value), out);
}

static void
put_pair (const char *name, const char *value, struct buf *out)
{
  if (out->len)
    buf_putc (out, '&');
  put_percent (name, out);
  buf_putc (out, '=');
  put_percent (value, out);
}

/* The scopes, separated by spaces, and the file's own form fields. */
static int
parse_fixed (json_t *root, struct buf *out)
{
  _cleanup_ (buf_done) struct buf scope = BUF_INIT (FORM_MAX);
  json_t *value;
  const char *name;
  size_t i;

  json_array_foreach (json_object_get (root, "scopes"), i, value)
    {
      if (!json_is_string (value))
        return -EINVAL;
      buf_printf (&scope, "%s%s", i ? " " : "", json_string_value (value));
    }
  if (buf_error (&scope))
    return buf_error (&scope);
  if (scope.len)
    put_pair ("scope", scope.data, out);
  json_object_foreach (json_object_get (root, "extra"), name, value)
    {
      if (!json_is_string (value))
        return -EINVAL;
      put_pair (name, json_string_value (value), out);
    }
  return buf_error (out);
}

int
oauth_form_parse (const char *json, size_t len, struct oauth_form *ret)
{
  json_auto_t *root = json_loadb (json, len, JSON_REJECT_DUPLICATES, NULL);
  const char *url = json_string_value (json_object_get (root, "token_url"));
  const char *grant = json_string_value (json_object_get (root, "grant"));
  const char *auth = json_string_value (json_object_get (root, "client_auth"));
  const char *id = json_string_value (json_object_get (root, "client_id"));
  _cleanup_ (oauth_form_done) struct oauth_form f = { .fixed = BUF_INIT (FORM_MAX) };
  int r;

  if (!url || !grant)
    return -EINVAL;
  r = url_parse (url, &f.url);
  if (r == 0)
    r = parse_fixed (root, &f.fixed);
  if (r < 0)
    return r;
  f.by_refresh = streq (grant, "refresh_token");
  f.in_body = auth && streq (auth, "body");
  f.client_id = id ? strdup (id) : NULL;
  if (id && !f.client_id)
    return -ENOMEM;
  *ret = f;
  f = (struct oauth_form) { 0 };
  return 0;
}

/* RFC 6749 section 2.3.1: both are written as in a form before they are joined. */
static int
put_basic (const char *id, const char *secret, struct buf *headers)
{
  _cleanup_ (buf_wipe) struct buf pair = BUF_INIT (FORM_MAX);
  int r;

  put_percent (id, &pair);
  buf_putc (&pair, ':');
  put_percent (secret, &pair);
  if (buf_error (&pair))
    return buf_error (&pair);
  buf_puts (headers, "Authorization: Basic ");
  r = auth_put_base64 (&pair, headers);
  buf_putc (headers, '\0');
  return r;
}

int
oauth_form_fill (const struct oauth_form *f, const struct oauth_secrets *s, struct buf *headers,
                 struct buf *body)
{
  static const char fixed[] = "Content-Type: application/x-www-form-urlencoded\0Accept: application/json";
  const char *id = s->id ? s->id : f->client_id ? f->client_id : "";
  int r = 0;

  buf_put (headers, fixed, sizeof fixed);
  if (!f->in_body)
    r = put_basic (id, s->secret ? s->secret : "", headers);
  if (r < 0)
    return r;
  put_pair ("grant_type", f->by_refresh ? "refresh_token" : "client_credentials", body);
  if (f->by_refresh)
    put_pair ("refresh_token", s->refresh ? s->refresh : "", body);
  if (f->in_body)
    put_pair ("client_id", id, body);
  if (f->in_body && s->secret)
    put_pair ("client_secret", s->secret, body);
  if (f->fixed.len)
    {
      buf_putc (body, '&');
      buf_put (body, f->fixed.data, f->fixed.len);
    }
  return buf_error (headers) ? buf_error (headers) : buf_error (body);
}

/* ---- The answer. */

void
oauth_answer_done (struct oauth_answer *a)
{
  secret_done (&a->access);
  secret_done (&a->refresh);
  *a = (struct oauth_answer) { 0 };
}

static void refuse (struct oauth_answer *a, int32_t status, const char *fmt, ...) _printf_ (3, 4);

/* The first reason stays. */
static void
refuse (struct oauth_answer *a, int32_t status, const char *fmt, ...)
{
  va_list ap;

  if (a->status)
    return;
  a->status = status;
  va_start (ap, fmt);
  (void) vsnprintf (a->text, sizeof a->text, fmt, ap);
  va_end (ap);
}

/* Codes of RFC 6749 section 5.2 and of those who have more of them.  Any other refuses the
   credential: the word of an app that no longer grants access is its own. */
static const struct
{
  const char *code;
  int32_t status;
  const char *what;   /* to do, or what is wrong */
} codes[] = {
  { "invalid_grant", USHER_E_TOKEN, "grant access again, and give the account the new refresh token" },
  { "invalid_client", USHER_E_TOKEN, "correct client_id and client_secret of the account" },
  { "unauthorized_client", USHER_E_TOKEN, "allow the client this kind of grant at the app" },
  { "access_denied", USHER_E_TOKEN, "grant access again" },
  { "invalid_scope", USHER_E_CONFIG, "correct \"scopes\" in the app file, or allow them at the app" },
  { "invalid_request", USHER_E_CONFIG, "correct \"oauth\" in the app file" },
  { "unsupported_grant_type", USHER_E_CONFIG, "correct \"grant\" in the app file" },
  { "temporarily_unavailable", USHER_E_APP_DOWN, "Usher tries again" },
  { "server_error", USHER_E_APP_DOWN, "Usher tries again" },
  { "slow_down", USHER_E_RATE, "Usher goes on when it may" },
};

/* A code that may be shown: nothing that a hostile answer hides in it. */
static bool
is_code (const char *s)
{
  size_t len = strspn (s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

  return len && len <= ERROR_CODE_MAX && !s[len];
}

static void
refuse_code (struct oauth_answer *a, const char *host, int32_t http, const char *code)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (codes); i++)
    if (streq (codes[i].code, code))
      {
        refuse (a, codes[i].status, "%s gives no access token (%s): %s.", host, code, codes[i].what);
        return;
      }
  refuse (a, http >= 500 ? USHER_E_APP_DOWN : USHER_E_TOKEN, "%s gives no access token (%s): %s.", host,
          is_code (code) ? code : "with an error of its own",
          http >= 500 ? "Usher tries again" : "grant access again");
}

/* There is no error that could be read. */
static void
refuse_status (struct oauth_answer *a, const char *host, int32_t http, const char *moved)
{
  if (http >= 300 && http < 400)
    refuse (a, USHER_E_CONFIG, "%s sent the request for an access token on to %s, and secrets do not follow; "
            "correct token_url in the app file.", host, moved ? moved : "no web address");
  else if (http >= 500)
    refuse (a, USHER_E_APP_DOWN, "%s answered %d to the request for an access token; Usher tries again.", host,
            http);
  else if (http == 429)
    refuse (a, USHER_E_RATE, "%s allows no more requests for access tokens for now; Usher goes on when it may.",
            host);
  else if (http == 401)
    refuse (a, USHER_E_TOKEN, "%s answered 401 to the request for an access token: correct client_id and "
            "client_secret of the account.", host);
  else
    refuse (a, USHER_E_CONFIG, "%s answered %d to the request for an access token; check token_url in the app "
            "file.", host, http);
}

/* RFC 6749 appendix A.12: visible characters; one that holds others cannot be sent. */
static bool
take_token (const json_t *value, struct secret *ret)
{
  const char *s = json_string_value (value);
  size_t i, len = s ? strlen (s) : 0;

  if (!len || len > OAUTH_TOKEN_MAX)
    return false;
  for (i = 0; i < len; i++)
    if (s[i] <= 0x20 || s[i] >= 0x7f)
      return false;
  PLANTED_BUG (s, len);
  return secret_set (ret, s, len) == 0;
}

/* Seconds, as a number or, as some do, a text of one. */
static void
take_life (struct oauth_answer *a, const char *host, const json_t *value)
{
  const char *text = json_string_value (value);
  uint64_t n = 0;
  double s;

  a->life_ms = -1;
  if (!json_is_number (value) && !(text && parse_u64 (text, 0, UINT64_MAX, &n) == 0))
    return;
  s = json_is_number (value) ? json_number_value (value) : (double) n;
  if (s < 1)
    refuse (a, USHER_E_SHAPE, "%s gave an access token that is over at once (expires_in); report this to the app.",
            host);
  else
    a->life_ms = s < (double) (OAUTH_LIFE_MAX_MS / 1000) ? (int64_t) (s * 1000) : OAUTH_LIFE_MAX_MS;
}

static void
take_tokens (struct oauth_answer *a, const char *host, const json_t *root)
{
  const json_t *type = json_object_get (root, "token_type"), *access = json_object_get (root, "access_token");
  const json_t *refresh = json_object_get (root, "refresh_token");

  /* An app that has changed the refresh token does not take the old one again. */
  if (json_is_string (refresh) && *json_string_value (refresh) && !take_token (refresh, &a->refresh))
    refuse (a, USHER_E_SHAPE, "%s gave a refresh token that cannot be sent back; grant access again.", host);
  if (json_is_string (type) && ascii_casecmp (json_string_value (type), "bearer") != 0)
    refuse (a, USHER_E_SHAPE, "%s gave an access token of another type than bearer, which Usher cannot use.", host);
  if (!take_token (access, &a->access))
    refuse (a, USHER_E_SHAPE, "%s answered the request for an access token without one that can be used.", host);
  take_life (a, host, json_object_get (root, "expires_in"));
  if (a->status)
    secret_done (&a->access);
}

void
oauth_answer_read (const char *host, int32_t http, const char *moved, const char *body, size_t len,
                   struct oauth_answer *ret)
{
  json_auto_t *root = NULL;
  const char *error;

  *ret = (struct oauth_answer) { .life_ms = -1 };
  (void) json_memory_failed ();
  root = json_loadb (body, len, JSON_REJECT_DUPLICATES, NULL);
  if (json_memory_failed ())
    {
      /* An answer that could not be read refuses nothing. */
      refuse (ret, USHER_E_NOMEM, "There is not enough memory to read the answer of %s.", host);
      return;
    }
  error = json_string_value (json_object_get (root, "error"));
  /* Some answer 200 with an error. */
  if (error && (http < 300 || http >= 400))
    refuse_code (ret, host, http, error);
  else if (http < 200 || http >= 300)
    refuse_status (ret, host, http, moved);
  else if (!json_is_object (root))
    refuse (ret, USHER_E_SHAPE, "%s answered the request for an access token with something that is not JSON; "
            "check token_url in the app file.", host);
  else
    take_tokens (ret, host, root);
}
