/* A connector of the first day.  museum.so beside it was built from this file when 1.0 was fixed,
   against nothing but the header of 1.0, and is never rebuilt: every later host must run it.

     cc -std=c99 -O2 -fPIC -shared -fvisibility=hidden -Wl,-z,defs -o museum.so museum.c

   The app is lines of text: "id email role".  */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/connector.h>

#define BODY_MAX 4096

static const char url[] = "https://museum.example.com/members";

static int32_t
museum_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  if (!USHER_HAS (usher_hub, hub, spec_len) || !usher_conf (ctx, "room", 1))
    return USHER_E_CONFIG;
  *ret_self = malloc (1);
  return *ret_self ? USHER_DONE : USHER_E_NOMEM;
}

static void
museum_close (struct usher_ctx *ctx, void *self)
{
  usher_log (ctx, USHER_LOG_INFO, "closed");
  free (self);
}

static int32_t
send_request (struct usher_ctx *ctx, const char *method, const char *body, char *ret_text)
{
  char token[128];
  const struct usher_kv header = { "X-Token", token };
  struct usher_request request = { .size = sizeof request, .method = method, .url = url,
                                   .accept = "200", .headers = &header, .n_headers = 1,
                                   .body = body, .body_len = body ? strlen (body) : 0 };
  struct usher_response response = { .size = sizeof response };
  const char *secret = usher_secret (ctx, "token");
  size_t len = 0, n;
  uint32_t h;
  int32_t r;

  (void) snprintf (token, sizeof token, "%s", secret ? secret : "");
  r = usher_http_open (ctx, &request, &h);
  if (r < 0)
    return r;
  r = usher_http_head (ctx, h, &response);
  while (r == USHER_DONE)
    {
      r = usher_http_read (ctx, h, ret_text + len, BODY_MAX - 1 - len, &n);
      if (r < 0 || n == 0)
        break;
      len += n;
      if (len == BODY_MAX - 1)
        r = USHER_E_LIMIT;
    }
  usher_http_close (ctx, h);
  ret_text[len] = '\0';
  if (r == USHER_DONE && response.status == 401)
    return USHER_E_TOKEN;
  return r;
}

/* Emits each line, or only that of ID. */
static int32_t
emit_lines (struct usher_ctx *ctx, char *text, const char *id, int *ret_n)
{
  char *line, *rest = text;
  int32_t r = USHER_DONE;

  *ret_n = 0;
  while (r == USHER_DONE && rest && *rest)
    {
      struct usher_kv role = { "role", NULL };
      struct usher_member member = { .size = sizeof member, .state = USHER_ACTIVE, .roles = &role,
                                     .n_roles = 1 };
      char *email, *last;

      line = rest;
      rest = strchr (line, '\n');
      if (rest)
        *rest++ = '\0';
      email = strchr (line, ' ');
      last = email ? strchr (email + 1, ' ') : NULL;
      if (!last)
        return USHER_E_SHAPE;
      *email++ = '\0';
      *last++ = '\0';
      if (id && strcmp (id, line) != 0)
        continue;
      member.id = line;
      member.email = email;
      role.value = last;
      r = usher_emit_member (ctx, &member);
      ++*ret_n;
    }
  return r;
}

static int32_t
museum_check (struct usher_ctx *ctx, void *self)
{
  char text[BODY_MAX];
  int32_t r = send_request (ctx, "GET", NULL, text);

  (void) self;
  return r < 0 ? r : usher_fact (ctx, "space.id", "museum");
}

static int32_t
museum_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  char text[BODY_MAX];
  int32_t r;
  int n;

  (void) self;
  if (!(want->kinds & UINT64_C (1) << USHER_S_MEMBERS / 100))
    return USHER_DONE;
  r = usher_section (ctx, USHER_S_MEMBERS, NULL);
  if (r == USHER_DONE)
    r = send_request (ctx, "GET", NULL, text);
  if (r == USHER_DONE)
    r = emit_lines (ctx, text, NULL, &n);
  if (r == USHER_DONE)
    r = usher_checkpoint (ctx, "end", 3);
  return r < 0 ? r : usher_section_end (ctx, USHER_COMPLETE, n, NULL);
}

static int32_t
museum_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  char text[BODY_MAX];
  int32_t r = send_request (ctx, "GET", NULL, text);
  int n;

  (void) self;
  if (r == USHER_DONE)
    r = emit_lines (ctx, text, who->id, &n);
  return r < 0 ? r : n ? USHER_DONE : USHER_ABSENT;
}

static int32_t
museum_invite (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  const struct usher_fault fault = { .size = sizeof fault, .code = USHER_E_SEATS,
                                     .text = "the museum is full" };
  char text[BODY_MAX], body[BODY_MAX];
  int32_t r;
  int n;

  (void) self;
  (void) snprintf (body, sizeof body, "%s %s\n", change->member->email, change->roles[0].value);
  r = send_request (ctx, "POST", body, text);
  if (r < 0)
    return r;
  return strcmp (text, "full") == 0 ? usher_fail (ctx, &fault) : emit_lines (ctx, text, NULL, &n);
}

static const struct usher_connector connector = {
  .abi = USHER_CONNECTOR_ABI (0), .name = "museum", .version = "1.0", .open = museum_open,
  .close = museum_close, .check = museum_check, .list = museum_list, .read = museum_read,
  .invite = museum_invite,
};

USHER_CONNECTOR_ENTRY (&connector)
