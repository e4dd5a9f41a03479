/* Owns a session's part in the renewal of access tokens: what net asks and has got is passed on,
   secrets among it are known as such first, and a renewal that has begun is heard to its end. */
#include <config.h>

#include "host/session/private.h"

#include <poll.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"

void
session_token_done (struct session_token *t)
{
  free (t->text);
  secret_done (&t->access);
  secret_done (&t->id);
  secret_done (&t->secret);
  secret_done (&t->refresh);
  *t = (struct session_token) { 0 };
}

static int
hide (struct session *s, const char *name, const char *value)
{
  int r = value ? session_hide (s, name, value) : 0;

  return r < 0 ? r : fail_point ("token-hide");
}

static int
answer (struct session *s, const struct session_token *t)
{
  struct wire_token m = { .status = t->status, .renew = t->renew, .text = t->text, .until_ms = t->until_ms,
                          .wait_ms = t->wait_ms, .serial = t->serial, .access = t->access.data,
                          .due_in_ms = t->due_in_ms, .ends_in_ms = t->ends_in_ms, .id = t->id.data,
                          .secret = t->secret.data, .refresh = t->refresh.data };
  int r = hide (s, "access_token", m.access);

  if (r == 0)
    r = hide (s, "refresh_token", m.refresh);
  if (r == 0)
    r = hide (s, "client_secret", m.secret);
  if (r == 0)
    r = session_queue (&s->net, WIRE_TOKEN, 0, &m);
  /* What net does not hear it does not answer. */
  s->renewing = r == 0 && (t->renew || (s->renewing && t->wait_ms));
  if (s->renewing && t->renew)
    s->renew_by_ms = clock_mono_ms () + SESSION_RENEW_MS;
  return r;
}

int
session_take_token_ask (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  struct session_token t = { 0 };
  int r;

  if (!s->tokens || s->renewing)
    return session_misuse (s, &s->net, WIRE_TOKEN_ASK, "there is none to be had, or it is getting one");
  /* Between two calls nobody would hear how it ended. */
  if (!s->call || s->call->state == CALL_DONE)
    t.wait_ms = 1;
  else
    s->tokens->ask (s->tokens_arg, m->token_ask.serial, s->call->limits.probes, &t);
  r = answer (s, &t);
  session_token_done (&t);
  return r;
}

int
session_take_token_got (struct session *s, uint32_t stream _unused_, const union wire_message *m)
{
  _cleanup_ (freep) char *text = NULL;
  struct wire_token_got got = m->token_got;
  struct session_token t = { 0 };
  int r;

  if (!s->tokens || !s->renewing || got.status > 0 || got.life_ms < -1
      || (got.status == 0 && (!got.access || !*got.access)))
    return session_misuse (s, &s->net, WIRE_TOKEN_GOT, "nobody asked for it, or there is nothing in it");
  r = hide (s, "access_token", got.access);
  if (r == 0)
    r = hide (s, "refresh_token", got.refresh);
  text = r == 0 && got.text ? session_secrets_redact (&s->secrets, got.text, strlen (got.text)) : NULL;
  got.text = text;
  /* Kept whatever becomes of the session: the app may take no other from now on. */
  s->tokens->got (s->tokens_arg, &got, &t);
  if (r == 0)
    r = answer (s, &t);
  else
    s->renewing = false;
  session_token_done (&t);
  return r;
}

void
session_end_renewal (struct session *s)
{
  while (s->renewing && !s->net.channel.eof)
    {
      struct pollfd p = { .fd = s->net.channel.fd, .events = s->net.out.len ? POLLIN | POLLOUT : POLLIN };
      int64_t left = s->renew_by_ms - clock_mono_ms ();

      if (left <= 0 || (poll (&p, 1, (int) left) < 0 && errno != EINTR))
        return;
      if (s->net.out.len && wire_push (&s->net.channel, &s->net.out) == -EPIPE)
        return;
      if (!(p.revents & (POLLIN | POLLHUP | POLLERR)))
        continue;
      if (wire_fill (&s->net.channel) == -EPIPE)
        return;
      session_take (s, &s->net);
    }
}
