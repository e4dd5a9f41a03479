/* Signing in: a request that yields a token, which the host keeps as a secret of the account, or
   cookies, which the host keeps by itself.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

struct signing
{
  struct rest_op *op;
  const json_t *spec;
  const struct rest_source *source;
  const struct rest_answer *answer;
  bool token;                   /* one came */
};

/* When a token that lives for SECONDS ends; 0 = it does not say. */
static int64_t
expires_ms (struct usher_ctx *ctx, const char *seconds)
{
  char *end;
  double number = seconds ? strtod (seconds, &end) : 0;

  return seconds && end != seconds && number > 0 && number < 1e10 ? usher_now_ms (ctx) + (int64_t) (number * 1000) : 0;
}

static int32_t
take (struct signing *s, const struct rest_texts *values)
{
  const char *token = rest_source_text (s->source, values, s->answer, "token");
  const char *secret = json_string_value (json_object_get (s->spec, "secret"));
  int32_t r = rest_source_keep (s->source, values, s->answer, &s->op->rest->session);

  if (r < 0 || !token || s->token)
    return r;
  s->token = true;
  return usher_secret_put (s->op->ctx, secret ? secret : "session", token,
                           expires_ms (s->op->ctx, rest_source_text (s->source, values, s->answer, "expires_in")));
}

static int32_t
on_answer (void *arg, const struct rest_texts *values)
{
  return take (arg, values);
}

static int32_t
sign_in (struct rest_op *op, const json_t *spec)
{
  struct rest_answer a;
  struct signing s = { .op = op, .spec = spec, .source = rest_source_of (op->rest, spec), .answer = &a };
  int32_t r = rest_ask (op, spec, REST_TO_LOGIN, /* key */ NULL, &a);

  if (r >= 0)
    r = rest_source_each (op, s.source, &a, on_answer, &s);
  /* A token may stand in a header of an answer without a body. */
  if (r >= 0 && a.len == 0)
    r = take (&s, NULL);
  if (r >= 0 && json_object_get (spec, "token") && !s.token)
    r = seat_fail (op->ctx, USHER_E_SHAPE, NULL, "The app signed in and gave no token");
  rest_answer_done (&a);
  return r;
}

int32_t
rest_login (struct usher_ctx *ctx, struct rest *rest, const struct usher_login *login)
{
  struct rest_op op = { .ctx = ctx, .rest = rest, .what = "sign in" };
  const json_t *spec = json_object_get (rest->run, "login");
  int32_t r;

  if (!spec || login->why == USHER_LOGIN_CODE)
    return USHER_E_UNSUPPORTED;
  rest_names_done (&rest->session);
  r = sign_in (&op, spec);
  rest_op_done (&op);
  return r < 0 ? r : USHER_DONE;
}
