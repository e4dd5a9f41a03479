/* A connector that hands on whatever its app answers, wherever there is a way out of it:
   tests/e2e/canary.py is that app, and answers with the secrets that it was sent.

   In each operation it asks base_url/OPERATION, by the rule "all"; an answer is lines "WAY TEXT", and
   each TEXT goes out by its WAY. */
#include <stdio.h>
#include <string.h>

#include <usher/connector.h>

#define BODY_MAX (256u * 1024)

/* There is one session in a process. */
static struct self
{
  const char *base_url;
  char body[BODY_MAX + 1];
} only;

/* ---- The app. */

static int32_t
fail (struct usher_ctx *ctx, const char *text)
{
  const struct usher_fault fault
    = { .size = sizeof fault, .code = USHER_E_REFUSED, .text = text, .field = text, .url = text };

  return usher_fail (ctx, &fault);
}

/* The body of base_url/WHAT, as a string in the BODY_MAX + 1 bytes of RET. */
static int32_t
ask (struct usher_ctx *ctx, const struct self *s, const char *what, const char *form, char *ret)
{
  char url[2048];
  const struct usher_kv kv = { "Content-Type", "application/x-www-form-urlencoded" };
  const struct usher_request q
    = { .size = sizeof q, .method = form ? "POST" : NULL, .url = url, .auth = "all",
        .headers = &kv, .n_headers = form ? 1 : 0, .body = form, .body_len = form ? strlen (form) : 0 };
  struct usher_response head = { .size = sizeof head };
  size_t n = 0, got = 1;
  uint32_t h;
  int32_t r;

  (void) snprintf (url, sizeof url, "%s/%s", s->base_url, what);
  r = usher_http_open (ctx, &q, &h);
  if (r < 0)
    return r;
  r = usher_http_head (ctx, h, &head);
  while (r >= 0 && got && n < BODY_MAX)
    {
      r = usher_http_read (ctx, h, ret + n, BODY_MAX - n, &got);
      n += r < 0 ? 0 : got;
    }
  ret[n] = '\0';
  if (r >= 0 && (head.status < 200 || head.status > 299))
    r = fail (ctx, ret);
  usher_http_close (ctx, h);
  return r;
}

/* ---- The ways out. */

static int32_t
say (struct usher_ctx *ctx, const char *text)
{
  usher_log (ctx, USHER_LOG_INFO, text);
  return USHER_DONE;
}

/* Something must have been asked for in a section. */
static int32_t
ask_in_section (struct usher_ctx *ctx, const char *what)
{
  static char ignored[BODY_MAX + 1];

  return ask (ctx, &only, what, NULL, ignored);
}

static int32_t
tell (struct usher_ctx *ctx, const char *text)
{
  return usher_fact (ctx, "warn.canary", text);
}

static int32_t
tell_key (struct usher_ctx *ctx, const char *text)
{
  return usher_fact (ctx, text, "as a key");
}

static int32_t
open_section (struct usher_ctx *ctx, const char *scope)
{
  return usher_section (ctx, USHER_S_MEMBERS, *scope ? scope : NULL);
}

static int32_t
close_section (struct usher_ctx *ctx, const char *why)
{
  return usher_section_end (ctx, *why ? USHER_PARTIAL : USHER_COMPLETE, -1, *why ? why : NULL);
}

static int32_t
keep_place (struct usher_ctx *ctx, const char *text)
{
  return usher_checkpoint (ctx, text, strlen (text));
}

static int32_t
keep (struct usher_ctx *ctx, const char *text)
{
  return usher_state_put (ctx, "canary", text, strlen (text));
}

static int32_t
keep_key (struct usher_ctx *ctx, const char *text)
{
  return usher_state_put (ctx, text, "as a key", 8);
}

static int32_t
keep_secret (struct usher_ctx *ctx, const char *text)
{
  return usher_secret_put (ctx, "session", text, 0);
}

static int32_t
keep_secret_name (struct usher_ctx *ctx, const char *text)
{
  return usher_secret_put (ctx, text, "as a name", 0);
}

static int32_t
emit (struct usher_ctx *ctx, const char *id, const char *email, const char *name, const char *handle)
{
  const struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE, .id = id, .name = name,
                                  .email = email, .handle = handle };

  return usher_emit_member (ctx, &m);
}

static int32_t
member (struct usher_ctx *ctx, const char *email)
{
  return emit (ctx, email, email, "Nobody", NULL);
}

static int32_t
member_id (struct usher_ctx *ctx, const char *text)
{
  return emit (ctx, text, "id@example.com", NULL, NULL);
}

static int32_t
member_name (struct usher_ctx *ctx, const char *text)
{
  return emit (ctx, "name", "name@example.com", text, NULL);
}

static int32_t
member_handle (struct usher_ctx *ctx, const char *text)
{
  return emit (ctx, "handle", "handle@example.com", NULL, text);
}

static int32_t
member_attr (struct usher_ctx *ctx, const char *text)
{
  const struct usher_kv attr = { "note", text };
  const struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE, .id = "attr",
                                  .email = "attr@example.com", .attrs = &attr, .n_attrs = 1 };

  return usher_emit_member (ctx, &m);
}

static const struct
{
  const char *name;
  int32_t (*go) (struct usher_ctx *, const char *text);
} ways[] = {
  { "log", say }, { "ask", ask_in_section }, { "fail", fail }, { "fact", tell }, { "fact-key", tell_key },
  { "section", open_section }, { "section-end", close_section }, { "checkpoint", keep_place },
  { "state", keep }, { "state-key", keep_key }, { "secret", keep_secret },
  { "secret-name", keep_secret_name }, { "member", member }, { "member-id", member_id },
  { "member-name", member_name }, { "member-handle", member_handle },
  { "member-attr", member_attr },
};

static int32_t
hand_on (struct usher_ctx *ctx, const char *line)
{
  size_t i, len = strcspn (line, " ");

  for (i = 0; i < sizeof ways / sizeof ways[0]; i++)
    if (strlen (ways[i].name) == len && strncmp (ways[i].name, line, len) == 0)
      return ways[i].go (ctx, line[len] ? line + len + 1 : "");
  return USHER_E_SHAPE;
}

/* The host's refusal of one way keeps no other from being tried. */
static int32_t
run (struct usher_ctx *ctx, struct self *s, const char *what)
{
  int32_t r = ask (ctx, s, what, NULL, s->body), result = r;
  char *line = s->body, *end;

  for (; r >= 0 && *line; line = end)
    {
      int32_t one;

      end = line + strcspn (line, "\n");
      if (*end)
        *end++ = '\0';
      one = hand_on (ctx, line);
      if (one == USHER_E_REFUSED || one == USHER_E_SHAPE)
        result = one;
    }
  return result;
}

/* ---- The operations. */

static int32_t
leaky_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  (void) hub;
  only.base_url = usher_conf (ctx, "base_url", 0);
  *ret_self = &only;
  return USHER_DONE;
}

static void
leaky_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  (void) self;
}

/* All that a form of a web site would be sent, in its body. */
static int32_t
leaky_login (struct usher_ctx *ctx, void *self, const struct usher_login *why)
{
  const char *password = usher_secret (ctx, "password"), *totp = usher_secret (ctx, "totp");
  char form[256];

  (void) self;
  (void) why;
  (void) snprintf (form, sizeof form, "password=%s&totp=%s", password ? password : "",
                   totp ? totp : "");
  return ask (ctx, &only, "login", form, only.body);
}

static int32_t
leaky_check (struct usher_ctx *ctx, void *self)
{
  return run (ctx, self, "check");
}

static int32_t
leaky_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  (void) want;
  return run (ctx, self, "list");
}

static int32_t
leaky_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  (void) who;
  return run (ctx, self, "read");
}

static int32_t
leaky_invite (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  (void) change;
  return run (ctx, self, "invite");
}

static int32_t
leaky_set_role (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  (void) change;
  return run (ctx, self, "set-role");
}

static int32_t
leaky_remove (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  (void) change;
  return run (ctx, self, "remove");
}

static const struct usher_connector leaky = {
  .abi = USHER_CONNECTOR_ABI (0),
  .name = "leaky", .version = "1",
  .open = leaky_open, .close = leaky_close, .login = leaky_login, .check = leaky_check,
  .list = leaky_list, .read = leaky_read, .invite = leaky_invite, .set_role = leaky_set_role,
  .remove = leaky_remove,
};

USHER_CONNECTOR_ENTRY (&leaky)
