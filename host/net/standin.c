/* Owns the real secrets and their way into a request. */
#include <config.h>

#include "host/net/standin.h"

#include "host/common/text.h"
#include "host/net/url.h"

#define ORIGINS_MAX 64u

static bool
is_alnum (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether 32 characters at P have the form of a stand-in. */
static bool
has_form (const char *p)
{
  size_t i;

  if (p[0] != 'u' || p[1] != 'S')
    return false;
  for (i = 2; i < STANDIN_LENGTH; i++)
    if (!is_alnum (p[i]))
      return false;
  return true;
}

static void
standin_done (struct standin *s)
{
  size_t i;

  for (i = 0; i < s->n_origins; i++)
    free (s->origins[i]);
  free (s->origins);
  free (s->name);
  secret_done (&s->value);
  totp_done (&s->totp);
  explicit_bzero (s->code, sizeof s->code);
}

void
standins_done (struct standins *s)
{
  size_t i;

  for (i = 0; i < s->n; i++)
    standin_done (&s->v[i]);
  free (s->v);
  *s = (struct standins) { 0 };
}

static int
set_origins (struct standin *s, const char *const *origins, size_t n)
{
  size_t i;

  if (n > ORIGINS_MAX)
    return -E2BIG;
  s->origins = calloc (n ? n : 1, sizeof *s->origins);
  if (!s->origins)
    return -ENOMEM;
  for (i = 0; i < n; i++)
    {
      _cleanup_ (url_done) struct url u = { 0 };
      int r = url_parse (origins[i], &u);

      if (r < 0)
        return r;
      s->origins[s->n_origins++] = TAKE (u.origin);
    }
  return 0;
}

static int
fill (struct standin *s, const char *name, const char *token, const char *value,
      const char *const *origins, size_t n_origins)
{
  int r;

  memcpy (s->token, token, STANDIN_LENGTH);
  s->name = strdup (name);
  if (!s->name)
    return -ENOMEM;
  r = secret_set (&s->value, value, strlen (value));
  if (r < 0)
    return r;
  s->is_code = streq (name, "totp");
  if (s->is_code)
    {
      r = totp_parse (value, &s->totp);
      if (r < 0)
        return r;
    }
  return set_origins (s, origins, n_origins);
}

int
standins_add (struct standins *s, const char *name, const char *token, const char *value,
              const char *const *origins, size_t n_origins)
{
  struct standin *more, new = { 0 };
  size_t i;
  int r;

  if (strlen (token) != STANDIN_LENGTH || !has_form (token))
    return -EINVAL;
  for (i = 0; i < s->n; i++)
    if (streq (s->v[i].token, token))
      return -EINVAL;
  if (s->n >= STANDINS_MAX)
    return -E2BIG;
  r = fill (&new, name, token, value, origins, n_origins);
  if (r < 0)
    {
      standin_done (&new);
      return r;
    }
  more = reallocarray (s->v, s->n + 1, sizeof *more);
  if (!more)
    {
      standin_done (&new);
      return -ENOMEM;
    }
  s->v = more;
  s->v[s->n++] = new;
  return 0;
}

struct standin *
standins_find (const struct standins *s, const char *name)
{
  size_t i;

  for (i = 0; i < s->n; i++)
    if (streq (s->v[i].name, name))
      return &s->v[i];
  return NULL;
}

int
standins_set (struct standins *s, const char *name, const char *value)
{
  struct standin *found = standins_find (s, name);

  if (!found)
    return -ENOENT;
  return found->is_code ? -EINVAL : secret_set (&found->value, value, strlen (value));
}

bool
standin_may_go (const struct standin *s, const char *origin)
{
  size_t i;

  for (i = 0; i < s->n_origins; i++)
    if (streq (s->origins[i], origin))
      return true;
  return false;
}

enum standin_place
standin_place_of (const char *content_type)
{
  char type[128];
  size_t len;

  if (!content_type)
    return STANDIN_RAW;
  len = strcspn (content_type, "; \t");
  if (len >= sizeof type)
    return STANDIN_RAW;
  memcpy (type, content_type, len);
  type[len] = '\0';
  ascii_lower (type);
  if (streq (type, "application/json") || streq (type, "text/json") || has_suffix (type, "+json"))
    return STANDIN_JSON;
  if (streq (type, "application/x-www-form-urlencoded"))
    return STANDIN_FORM;
  if (streq (type, "application/xml") || streq (type, "text/xml") || has_suffix (type, "+xml"))
    return STANDIN_XML;
  return STANDIN_RAW;
}

int
standin_value (struct standin_use *use, struct standin *s, struct buf *out)
{
  int r;

  use->name = s->name;
  if (!standin_may_go (s, use->origin))
    return -EACCES;
  if (s->stale)
    return -EINPROGRESS;
  use->with_token |= s->is_token;
  if (!s->is_code)
    {
      buf_put (out, s->value.data, s->value.len);
      return buf_error (out);
    }
  if (s->code_exchange != use->exchange)
    {
      r = totp_code (&s->totp, use->now_ms, s->code, &use->wait_ms);
      if (r < 0)
        return r;
      s->code_exchange = use->exchange;
    }
  buf_puts (out, s->code);
  return buf_error (out);
}

static void
put_percent (const char *p, size_t len, struct buf *out)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (is_alnum (p[i]) || p[i] == '-' || p[i] == '.' || p[i] == '_' || p[i] == '~')
      buf_putc (out, p[i]);
    else
      buf_printf (out, "%%%02X", (unsigned char) p[i]);
}

static void
put_json (const char *p, size_t len, struct buf *out)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (p[i] == '"' || p[i] == '\\')
      {
        buf_putc (out, '\\');
        buf_putc (out, p[i]);
      }
    else if ((unsigned char) p[i] < 0x20 || p[i] == 0x7f)
      buf_printf (out, "\\u%04x", (unsigned char) p[i]);
    else
      buf_putc (out, p[i]);
}

static int
put_xml (const char *p, size_t len, struct buf *out)
{
  size_t i;

  for (i = 0; i < len; i++)
    switch (p[i])
      {
      case '&': buf_puts (out, "&amp;"); break;
      case '<': buf_puts (out, "&lt;"); break;
      case '>': buf_puts (out, "&gt;"); break;
      case '"': buf_puts (out, "&quot;"); break;
      case '\'': buf_puts (out, "&apos;"); break;
      case '\t':
      case '\n':
      case '\r':
        buf_printf (out, "&#%d;", p[i]);
        break;
      default:
        /* XML 1.0 has no way to write the other controls. */
        if ((unsigned char) p[i] < 0x20)
          return -EINVAL;
        buf_putc (out, p[i]);
      }
  return 0;
}

static int
put_header (const char *p, size_t len, struct buf *out)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (((unsigned char) p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
      return -EINVAL;
  buf_put (out, p, len);
  return 0;
}

int
standin_escape (enum standin_place place, const char *value, size_t len, struct buf *out)
{
  int r = 0;

  switch (place)
    {
    case STANDIN_URL:
    case STANDIN_FORM:
      put_percent (value, len, out);
      break;
    case STANDIN_JSON:
      put_json (value, len, out);
      break;
    case STANDIN_XML:
      r = put_xml (value, len, out);
      break;
    case STANDIN_HEADER:
      r = put_header (value, len, out);
      break;
    case STANDIN_RAW:
      buf_put (out, value, len);
      break;
    }
  return r < 0 ? r : buf_error (out);
}

static struct standin *
find_token (const struct standins *s, const char *p)
{
  size_t i;

  if (!has_form (p))
    return NULL;
  for (i = 0; i < s->n; i++)
    if (memcmp (s->v[i].token, p, STANDIN_LENGTH) == 0)
      return &s->v[i];
  return NULL;
}

static int
put_value (struct standin_use *use, enum standin_place place, struct standin *s, struct buf *out)
{
  _cleanup_ (buf_wipe) struct buf value = BUF_INIT (out->max);
  int r = standin_value (use, s, &value);

  return r < 0 ? r : standin_escape (place, value.data ? value.data : "", value.len, out);
}

int
standins_replace (struct standin_use *use, enum standin_place place, const char *text, size_t len,
                  struct buf *out)
{
  size_t plain = 0, at = 0;
  int r;

  while (at + STANDIN_LENGTH <= len)
    {
      const char *next = memchr (text + at, 'u', len - at - (STANDIN_LENGTH - 1));
      struct standin *s;

      if (!next)
        break;
      PLANTED_BUG (next, STANDIN_LENGTH);
      at = (size_t) (next - text);
      s = find_token (use->all, next);
      if (!s)
        {
          at++;
          continue;
        }
      buf_put (out, text + plain, at - plain);
      r = put_value (use, place, s, out);
      if (r < 0)
        return r;
      at += STANDIN_LENGTH;
      plain = at;
    }
  buf_put (out, text + plain, len - plain);
  return buf_error (out);
}
