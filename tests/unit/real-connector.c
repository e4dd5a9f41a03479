/* A connector that asks a server for what test-session-real.c looks at.  Its hub has the
   addresses "app" and "other"; the app has PAGES pages of two members, /page/N. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/connector.h>

#define PAGES 3
#define URL_MAX 256

static int32_t
real_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  (void) ctx;
  (void) hub;
  *ret_self = NULL;
  return USHER_DONE;
}

static void
real_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  (void) self;
}

/* Asks for PATH of the server that the field HOST names, and reads the answer. */
static int32_t
get (struct usher_ctx *ctx, const char *host, const char *path, const char *auth,
     const struct usher_kv *header)
{
  const char *base = usher_conf (ctx, host, 0);
  char url[URL_MAX], body[512];
  const struct usher_request q = { .size = sizeof q, .method = "GET", .url = url, .auth = auth,
                                   .headers = header, .n_headers = header != NULL };
  struct usher_response a = { .size = sizeof a };
  size_t n = 1;
  uint32_t h;
  int32_t r;

  (void) snprintf (url, sizeof url, "%s%s", base ? base : "", path);
  r = usher_http_open (ctx, &q, &h);
  if (r < 0)
    return r;
  r = usher_http_head (ctx, h, &a);
  while (r >= 0 && n > 0)
    r = usher_http_read (ctx, h, body, sizeof body, &n);
  usher_http_close (ctx, h);
  return r;
}

static int32_t
real_login (struct usher_ctx *ctx, void *self, const struct usher_login *login)
{
  (void) self;
  (void) login;
  return get (ctx, "app", "/cookie", NULL, NULL);
}

/* Tells what it holds for the secret, then shows it to a host that must not have it. */
static int32_t
real_check (struct usher_ctx *ctx, void *self)
{
  const struct usher_kv header = { "X-Token", usher_secret (ctx, "token") };
  int32_t r = usher_fact (ctx, "self.id", header.value ? header.value : "");

  (void) self;
  return r < 0 ? r : get (ctx, "other", "/echo", "", &header);
}

static int32_t
list_page (struct usher_ctx *ctx, int page)
{
  char path[32], id[32];
  const struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE, .id = id };
  int32_t r;
  int i;

  (void) snprintf (path, sizeof path, "/page/%d", page);
  r = get (ctx, "app", path, NULL, NULL);
  for (i = 0; r >= 0 && i < 2; i++)
    {
      (void) snprintf (id, sizeof id, "u%d", 2 * page + i);
      r = usher_emit_member (ctx, &m);
    }
  return r;
}

/* Members page by page; then invitations, of which it makes up that there are none. */
static int32_t
real_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  int page = want->cursor ? *(const char *) want->cursor - '0' : 0;
  int32_t r = usher_section (ctx, USHER_S_MEMBERS, NULL);
  char cursor;

  (void) self;
  for (; r >= 0 && page < PAGES; page++)
    {
      cursor = (char) ('0' + page + 1);
      r = list_page (ctx, page);
      if (r >= 0)
        r = usher_checkpoint (ctx, &cursor, 1);
    }
  if (r >= 0)
    r = usher_section_end (ctx, USHER_COMPLETE, 2 * (int64_t) PAGES, NULL);
  if (r >= 0)
    r = usher_section (ctx, USHER_S_INVITES, NULL);
  if (r < 0)
    return r;
  (void) get (ctx, "app", "/error", NULL, NULL);
  return usher_section_end (ctx, USHER_COMPLETE, 0, NULL);
}

USHER_EXPORT const struct usher_connector *
usher_connector_v1 (void)
{
  static const struct usher_connector connector = {
    .abi = USHER_CONNECTOR_ABI (0), .name = "real", .version = "1", .open = real_open,
    .close = real_close, .login = real_login, .check = real_check, .list = real_list };

  return &connector;
}
