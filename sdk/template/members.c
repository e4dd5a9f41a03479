/* An example of a connector outside Usher's tree: an app that keeps its members as XML.

     GET    /members.xml     <members total="2"><member id="7" role="admin"><email>..</email>
                             <name>..</name></member>..</members>
     GET    /members/7.xml   one <member>, or 404 with <error code="no-such-member"/>
     POST   /members.xml     <member role="..."><email>..</email></member>: 201 and the member
     PUT    /members/7.xml   <member role="..."/>: 200 and the member
     DELETE /members/7.xml   204, or the 404 above                                          */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <usher/connector.h>
#include <usher/xml.h>

enum { ANSWER_MAX = 65536, URL_MAX = 2048 };

struct self
{
  const char *base;   /* of the hub's fields; lives until close */
};

static int32_t
fail (struct usher_ctx *ctx, int32_t code, const char *text)
{
  const struct usher_fault fault = { .size = sizeof fault, .code = code, .text = text };

  return usher_fail (ctx, &fault);
}

/* What an HTTP status means where it is not one of those awaited. */
static int32_t
refused (int32_t status)
{
  return status == 401 ? USHER_E_TOKEN : status == 403 ? USHER_E_FORBIDDEN
         : status == 429 ? USHER_E_RATE : status >= 500 ? USHER_E_APP_DOWN : USHER_E_SHAPE;
}

/* TEXT with what XML needs escaped; 0 when it does not fit. */
static int
escape (const char *text, char *ret, size_t cap)
{
  size_t len = 0;

  for (; *text; text++)
    {
      const char *as = *text == '<' ? "&lt;" : *text == '&' ? "&amp;" : *text == '"' ? "&quot;" : NULL;
      size_t n = as ? strlen (as) : 1;

      if (len + n >= cap)
        return 0;
      memcpy (ret + len, as ? as : text, n);
      len += n;
    }
  ret[len] = '\0';
  return 1;
}

/* Sends one request and waits for its status. */
static int32_t
ask (struct usher_ctx *ctx, const struct self *s, const char *method, const char *path,
     const char *body, const char *accept, uint32_t *ret_h, int32_t *ret_status)
{
  const struct usher_kv type = { "Content-Type", "application/xml" };
  struct usher_request request = { .size = sizeof request, .method = method, .accept = accept };
  struct usher_response response = { .size = sizeof response };
  char url[URL_MAX];
  int32_t r;

  if (snprintf (url, sizeof url, "%s%s", s->base, path) >= (int) sizeof url)
    return USHER_E_LIMIT;
  request.url = url;
  if (body)
    {
      request.headers = &type;
      request.n_headers = 1;
      request.body = body;
      request.body_len = strlen (body);
    }
  r = usher_http_open (ctx, &request, ret_h);
  if (r < 0)
    return r;
  r = usher_http_head (ctx, *ret_h, &response);
  if (r < 0)
    usher_http_close (ctx, *ret_h);
  *ret_status = response.status;
  return r;
}

static int32_t
emit (struct usher_ctx *ctx, const char *id, const char *role, const char *email, const char *name)
{
  const struct usher_kv roles = { "role", role };
  const struct usher_member member = {
    .size = sizeof member, .state = USHER_ACTIVE, .id = id, .email = email, .name = name,
    .roles = role ? &roles : NULL, .n_roles = role != NULL };

  return usher_emit_member (ctx, &member);
}

/* Reads the <member> of an open request and emits it; ABSENT only on the app's own word. */
static int32_t
take_member (struct usher_ctx *ctx, uint32_t h)
{
  struct usher_xml *xml = NULL;
  const char *id, *code;
  char *body = NULL;
  size_t len;
  int32_t r = usher_body_read (ctx, h, ANSWER_MAX, &body, &len);

  if (r == USHER_DONE)
    r = usher_xml_new (body, len, NULL, 0, &xml);
  usher_body_free (body);
  if (r < 0)
    return r;
  id = usher_xml_text (xml, USHER_XML_ROOT, "/member/@id");
  code = usher_xml_text (xml, USHER_XML_ROOT, "/error/@code");
  if (id)
    r = emit (ctx, id, usher_xml_text (xml, USHER_XML_ROOT, "/member/@role"),
              usher_xml_text (xml, USHER_XML_ROOT, "/member/email"),
              usher_xml_text (xml, USHER_XML_ROOT, "/member/name"));
  else if (code && strcmp (code, "no-such-member") == 0)
    r = USHER_ABSENT;
  else
    r = fail (ctx, USHER_E_SHAPE, "the app answered with something that is not a member");
  usher_xml_free (xml);
  return r;
}

/* One request about one member, whose answer is that member or the app's word that there is none. */
static int32_t
ask_member (struct usher_ctx *ctx, const struct self *s, const char *method, const char *id,
            const char *body)
{
  char path[URL_MAX] = "/members.xml";
  int32_t r, status;
  uint32_t h;

  if (id && snprintf (path, sizeof path, "/members/%s.xml", id) >= (int) sizeof path)
    return USHER_E_LIMIT;
  r = ask (ctx, s, method, path, body, "200,201,204,404", &h, &status);
  if (r < 0)   /* a change whose answer is lost may have been made */
    return r / 100 == -1 && body ? USHER_E_UNCERTAIN : r;
  if (status == 200 || status == 201 || status == 404)
    r = take_member (ctx, h);
  else
    r = status == 204 ? USHER_DONE : refused (status);
  usher_http_close (ctx, h);
  return r;
}

static int32_t
members_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  const char *base = usher_conf (ctx, "base_url", 0);

  (void) hub;
  if (!base || !(*ret_self = calloc (1, sizeof (struct self))))
    return base ? USHER_E_NOMEM : USHER_E_CONFIG;
  ((struct self *) *ret_self)->base = base;
  return USHER_DONE;
}

static void
members_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  free (self);
}

static int32_t
on_row (void *arg, const struct usher_item *item)
{
  if (!usher_item_text (item, 0))
    return fail (arg, USHER_E_SHAPE, "the app listed a member without an id");
  return emit (arg, usher_item_text (item, 0), usher_item_text (item, 1), usher_item_text (item, 2),
               usher_item_text (item, 3));
}

static int32_t
members_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  static const char *const fields[] = { "@id", "@role", "email", "name" };
  const struct usher_xml_spec spec = { .size = sizeof spec, .row = "/members/member",
                                       .fields = fields, .n_fields = 4 };
  int32_t r, status;
  uint32_t h;

  (void) want;   /* one page: there is nothing to resume */
  r = usher_section (ctx, USHER_S_MEMBERS, NULL);
  if (r == USHER_DONE)
    r = ask (ctx, self, "GET", "/members.xml", NULL, "200", &h, &status);
  if (r < 0)
    return r;
  r = status == 200 ? usher_xml_each (&spec, ctx, h, on_row, ctx, NULL) : refused (status);
  usher_http_close (ctx, h);
  return r < 0 ? r : usher_section_end (ctx, USHER_COMPLETE, -1, NULL);
}

static int32_t
members_check (struct usher_ctx *ctx, void *self)
{
  int32_t status, r;
  uint32_t h;

  r = ask (ctx, self, "GET", "/members.xml", NULL, "200", &h, &status);
  if (r < 0)
    return r;
  usher_http_close (ctx, h);
  return status == 200 ? USHER_DONE : status == 404 ? USHER_E_SPACE : refused (status);
}

static int32_t
members_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  return ask_member (ctx, self, "GET", who->id, NULL);
}

/* Invite and set_role: an invitee has no id yet. */
static int32_t
members_put (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  const char *id = change->member->id, *email = change->member->email;
  char body[4096], role_text[1024], email_text[1024];
  int32_t r;

  if (!escape (change->n_roles ? change->roles[0].value : "", role_text, sizeof role_text)
      || !escape (email ? email : "", email_text, sizeof email_text))
    return USHER_E_LIMIT;
  (void) snprintf (body, sizeof body, "<member role=\"%s\"><email>%s</email></member>", role_text,
                   email_text);
  r = ask_member (ctx, self, id ? "PUT" : "POST", id, body);
  return r == USHER_ABSENT ? USHER_E_NO_MEMBER : r;
}

static int32_t
members_remove (struct usher_ctx *ctx, void *self, const struct usher_change *change)
{
  int32_t r = ask_member (ctx, self, "DELETE", change->member->id, "");

  return r == USHER_ABSENT ? USHER_ALREADY : r;
}

static const struct usher_connector connector = {
  .abi = USHER_CONNECTOR_ABI (0), .name = "members", .version = "1.0",
  .open = members_open, .close = members_close, .check = members_check, .list = members_list,
  .read = members_read, .invite = members_put, .set_role = members_put,
  .remove = members_remove,
};
USHER_CONNECTOR_ENTRY (&connector)
