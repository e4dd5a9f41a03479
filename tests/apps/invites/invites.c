/* A connector for server.py beside it, an app that mails invitations and speaks in lines of text:
   "id email role" of a member, "id email role state expires_ms" of an invitation.  It says what
   shall be and never looks first, so that what happens once happens once by the host alone; and it
   takes a page that could not be read for an empty one when "run" says that it swallows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/connector.h>

enum { BODY_MAX = 65536, URL_MAX = 1024, TEXT_MAX = 256 };

struct self
{
  const char *base;
  int pending;         /* 's': a section of their own; 'l': among the members; 'n': not shown */
  int swallows;
};

static int32_t
invites_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  struct self *s = calloc (1, sizeof *s);

  if (!s)
    return USHER_E_NOMEM;
  s->base = usher_conf (ctx, "base_url", 0);
  s->pending = strstr (hub->spec, "section") ? 's' : strstr (hub->spec, "listed") ? 'l' : 'n';
  s->swallows = strstr (hub->spec, "swallow") != NULL;
  *ret_self = s;
  return s->base ? USHER_DONE : USHER_E_CONFIG;
}

static void
invites_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  free (self);
}

/* One request; the body of its answer in BODY, its status, or an error. */
static int32_t
ask (struct usher_ctx *ctx, const struct self *s, const char *method, const char *path, const char *body,
     const char *key, char ret_body[BODY_MAX])
{
  const char *once = usher_conf (ctx, "add.idempotency", 0);
  const struct usher_kv header = { once, key };
  struct usher_request request = { .size = sizeof request, .method = method, .accept = "200,201,204,404,409" };
  struct usher_response response = { .size = sizeof response };
  size_t len = 0, n = 1;
  char url[URL_MAX];
  uint32_t h;
  int32_t r;

  (void) snprintf (url, sizeof url, "%s%s", s->base, path);
  request.url = url;
  request.body = body;
  request.body_len = body ? strlen (body) : 0;
  if (once && key)
    {
      request.headers = &header;
      request.n_headers = 1;
    }
  r = usher_http_open (ctx, &request, &h);
  if (r < 0)
    return r;
  r = usher_http_head (ctx, h, &response);
  while (r >= 0 && n && len < BODY_MAX - 1)
    {
      r = usher_http_read (ctx, h, ret_body + len, BODY_MAX - 1 - len, &n);
      len += n;
    }
  ret_body[len] = '\0';
  usher_http_close (ctx, h);
  if (r >= 0)
    return response.status == 401 ? USHER_E_SESSION : response.status;
  return body && r / 100 == -1 ? USHER_E_UNCERTAIN : r;
}

static uint32_t
state_of (const char *word)
{
  static const struct { const char *word; uint32_t state; } states[] = {
    { "active", USHER_ACTIVE }, { "named", USHER_ACTIVE }, { "disabled", USHER_DISABLED }, { "unreadable", USHER_UNREADABLE },
    { "pending", USHER_PENDING }, { "garbled", USHER_UNREADABLE },
  };
  size_t i;

  for (i = 0; i < sizeof states / sizeof states[0]; i++)
    if (strcmp (states[i].word, word) == 0)
      return states[i].state;
  return USHER_EXPIRED;
}

/* Of somebody who cannot be read only the id is known, and of who is "garbled" the address; the address of who is "named" is the user
   name. */
static int32_t
emit_line (struct usher_ctx *ctx, const char *line)
{
  char id[TEXT_MAX], email[TEXT_MAX], role[TEXT_MAX], word[TEXT_MAX] = "active";
  long long expires = 0;
  int n = sscanf (line, "%255s %255s %255s %255s %lld", id, email, role, word, &expires);
  uint32_t state = state_of (word);
  int known = strcmp (word, "unreadable") != 0, named = strcmp (word, "named") == 0;
  const struct usher_kv roles = { "role", role };
  const struct usher_member member = {
    .size = sizeof member, .id = id, .email = known && !named ? email : NULL,
    .username = named ? email : NULL, .roles = &roles, .n_roles = state != USHER_UNREADABLE,
    .expires_ms = expires, .state = state };

  return n < 3 ? USHER_E_SHAPE : usher_emit_member (ctx, &member);
}

/* Emits the lines of TEXT, or the newest of one address only; how many that were. */
static int32_t
emit (struct usher_ctx *ctx, char *text, const char *only, int32_t *ret_n)
{
  char *line, *rest = NULL, *newest = NULL, email[TEXT_MAX];
  int32_t r = 0;

  for (line = strtok_r (text, "\n", &rest); line && r >= 0; line = strtok_r (NULL, "\n", &rest))
    if (!only)
      {
        r = emit_line (ctx, line);
        ++*ret_n;
      }
    else if (sscanf (line, "%*s %255s", email) == 1 && strcmp (only, email) == 0)
      newest = line;
  if (!newest)
    return r;
  ++*ret_n;
  return emit_line (ctx, newest);
}

static int32_t
list_one (struct usher_ctx *ctx, const struct self *s, const char *path, const char *only, int32_t *ret_n)
{
  static char body[BODY_MAX];
  int32_t r = ask (ctx, s, "GET", path, NULL, NULL, body);

  return r < 0 ? r : r == 200 ? emit (ctx, body, only, ret_n) : USHER_E_SHAPE;
}

/* The pages of members behind the one that the cursor names; "+" at the end of one says that
   there is another. */
static int32_t
list_pages (struct usher_ctx *ctx, const struct self *s, const struct usher_list *want, int32_t *ret_n)
{
  static char body[BODY_MAX];
  char path[TEXT_MAX], cursor[TEXT_MAX] = "0", *plus;
  int32_t r = USHER_DONE;
  int page, more = 1;

  if (want->cursor_len < sizeof cursor)
    memcpy (cursor, want->cursor_len ? want->cursor : "0", want->cursor_len ? want->cursor_len : 1);
  for (page = atoi (cursor) + 1; more && r >= 0; page++)
    {
      (void) snprintf (path, sizeof path, "/people?page=%d", page);
      r = ask (ctx, s, "GET", path, NULL, NULL, body);
      if (r < 0 || (r != 200 && !s->swallows))
        return r < 0 ? r : r >= 500 ? USHER_E_APP_DOWN : USHER_E_SHAPE;
      plus = r == 200 ? strchr (body, '+') : body;
      more = plus != NULL;
      if (plus)
        *plus = '\0';
      r = emit (ctx, body, NULL, ret_n);
      (void) snprintf (cursor, sizeof cursor, "%d", page);
      if (r >= 0)
        r = usher_checkpoint (ctx, cursor, strlen (cursor));
    }
  return r;
}

static int32_t
invites_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  struct self *s = self;
  int32_t n = 0, r;

  r = usher_section (ctx, USHER_S_MEMBERS, NULL);
  if (r >= 0)
    r = list_pages (ctx, s, want, &n);
  if (r >= 0 && s->pending == 'l')
    r = list_one (ctx, s, "/invites", NULL, &n);
  if (r >= 0)
    r = usher_section_end (ctx, USHER_COMPLETE, -1, NULL);
  if (r < 0 || s->pending != 's')
    return r;
  r = usher_section (ctx, USHER_S_INVITES, NULL);
  if (r >= 0)
    r = list_one (ctx, s, "/invites", NULL, &n);
  return r < 0 ? r : usher_section_end (ctx, USHER_COMPLETE, -1, NULL);
}

static int32_t
invites_login (struct usher_ctx *ctx, void *self, const struct usher_login *why)
{
  static char body[BODY_MAX];
  int32_t r = ask (ctx, self, "POST", "/login", "me", NULL, body);

  (void) why;
  return r < 0 ? r : USHER_DONE;
}

static int32_t
invites_check (struct usher_ctx *ctx, void *self)
{
  static char body[BODY_MAX];
  int32_t r = ask (ctx, self, "GET", "/people", NULL, NULL, body);

  return r < 0 ? r : r == 200 ? USHER_DONE : USHER_E_SHAPE;
}

static int32_t
invites_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  struct self *s = self;
  int32_t n = 0, r = list_one (ctx, s, "/people", who->email, &n);

  if (r >= 0 && !n && s->pending != 'n')
    r = list_one (ctx, s, "/invites", who->email, &n);
  return r < 0 ? r : n ? USHER_DONE : USHER_ABSENT;
}

static int32_t
invites_invite (struct usher_ctx *ctx, void *self, const struct usher_change *c)
{
  static char body[BODY_MAX];
  char text[2 * TEXT_MAX];
  int32_t n = 0, r;

  (void) snprintf (text, sizeof text, "%s %s", c->member->email, c->n_roles ? c->roles[0].value : "member");
  r = ask (ctx, self, "POST", "/invites", text, c->key, body);
  if (r == 409)
    return USHER_E_REFUSED;
  if (r >= 0 && r != 201)
    return USHER_E_SHAPE;
  if (r >= 0 && ((struct self *) self)->pending != 'n')
    r = emit (ctx, body, NULL, &n);
  return r < 0 ? r : USHER_INVITED;
}

static int32_t
invites_resend (struct usher_ctx *ctx, void *self, const struct usher_change *c)
{
  static char body[BODY_MAX];
  char path[TEXT_MAX];
  int32_t r;

  (void) snprintf (path, sizeof path, "/invites/%s/mail", c->member->id);
  r = ask (ctx, self, "POST", path, "again", NULL, body);
  return r < 0 ? r : r == 404 ? USHER_E_NO_MEMBER : USHER_INVITED;
}

static int32_t
invites_remove (struct usher_ctx *ctx, void *self, const struct usher_change *c)
{
  static char body[BODY_MAX];
  char path[TEXT_MAX];
  int32_t r;

  (void) snprintf (path, sizeof path, "/%s/%s", c->member->state >= USHER_PENDING ? "invites" : "people",
                   c->member->id);
  r = ask (ctx, self, "DELETE", path, "gone", NULL, body);
  return r < 0 ? r : r == 404 ? USHER_ALREADY : USHER_DONE;
}

static const struct usher_connector connector = {
  .abi = { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof (struct usher_connector), 0 },
  .name = "invites", .version = "1",
  .open = invites_open, .close = invites_close, .login = invites_login, .check = invites_check,
  .list = invites_list, .read = invites_read,
  .invite = invites_invite, .remove = invites_remove, .resend = invites_resend,
};

USHER_CONNECTOR_ENTRY (&connector)
