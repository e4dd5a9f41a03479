/* Owns what an address looks like once it is taken apart. */
#include <config.h>

#include "host/net/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>

#include "host/common/text.h"

DEFINE_CLEANUP (CURLU *, curl_url_cleanup)
DEFINE_CLEANUP (char *, curl_free)

void
url_done (struct url *u)
{
  free (u->text);
  free (u->origin);
  free (u->host);
  *u = (struct url) { 0 };
}

/* Bytes that no address may hold as they are; libcurl would encode or guess. */
static bool
is_plain (const char *s)
{
  for (; *s; s++)
    if ((unsigned char) *s <= 0x20 || *s == 0x7f || *s == '\\')
      return false;
  return true;
}

/* HOST as libcurl gives it -> the one form an address of its kind has. */
static int
canonical_host (const char *host, char **ret)
{
  size_t len = strlen (host);
  const char *p;

  if (!len || len > URL_HOST_MAX)
    return -EINVAL;
  if (host[0] == '[')
    {
      char bare[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
      struct in6_addr a;

      if (len < 4 || len - 2 >= sizeof bare)
        return -EINVAL;
      memcpy (bare, host + 1, len - 2);
      bare[len - 2] = '\0';
      if (inet_pton (AF_INET6, bare, &a) != 1)
        return -EINVAL;
      *ret = strdup (inet_ntop (AF_INET6, &a, canonical, sizeof canonical));
      return *ret ? 0 : -ENOMEM;
    }
  for (p = host; *p; p++)
    if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9')
          || *p == '.' || *p == '-' || *p == '_'))
      return -EINVAL;
  *ret = strdup (host);
  if (!*ret)
    return -ENOMEM;
  ascii_lower (*ret);
  return 0;
}

/* 0, or why libcurl did not do it. */
static int
outcome (CURLUcode code)
{
  return code == CURLUE_OK ? 0 : code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

/* 1 where U has PART, 0 where it has none; -ENOMEM, which is neither. */
static int
has_part (CURLU *u, CURLUPart part)
{
  _cleanup_ (curl_freep) char *s = NULL;
  int r = outcome (curl_url_get (u, part, &s, 0));

  return r == -ENOMEM ? r : r == 0 && s && *s;
}

/* -EINVAL where U has a part that could deceive. */
static int
check_parts (CURLU *u)
{
  static const CURLUPart parts[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_ZONEID };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (parts); i++)
    {
      int has = has_part (u, parts[i]);

      if (has)
        return has < 0 ? has : -EINVAL;
    }
  return 0;
}

static int
take_apart (CURLU *u, struct url *ret)
{
  _cleanup_ (curl_freep) char *scheme = NULL, *host = NULL, *port = NULL, *text = NULL;
  _cleanup_ (url_done) struct url out = { 0 };
  uint64_t number;
  int r;

  r = check_parts (u);
  if (r == 0)
    r = outcome (curl_url_set (u, CURLUPART_FRAGMENT, NULL, 0));
  if (r == 0)
    r = outcome (curl_url_get (u, CURLUPART_SCHEME, &scheme, 0));
  if (r == 0)
    r = outcome (curl_url_get (u, CURLUPART_HOST, &host, 0));
  if (r == 0)
    r = outcome (curl_url_get (u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT));
  if (r == 0)
    r = outcome (curl_url_get (u, CURLUPART_URL, &text, 0));
  if (r < 0)
    return r;
  out.https = streq (scheme, "https");
  if ((!out.https && !streq (scheme, "http")) || strlen (text) > URL_MAX
      || parse_u64 (port, 1, UINT16_MAX, &number) < 0)
    return -EINVAL;
  out.port = (uint16_t) number;
  r = canonical_host (host, &out.host);
  if (r < 0)
    return r;
  out.text = strdup (text);
  if (!out.text
      || asprintf (&out.origin, strchr (out.host, ':') ? "%s://[%s]:%u" : "%s://%s:%u", scheme,
                   out.host, out.port) < 0)
    {
      out.origin = NULL;
      return -ENOMEM;
    }
  *ret = out;
  out = (struct url) { 0 };
  return 0;
}

static int
parse (CURLU *u, const char *s, struct url *ret)
{
  int r;

  /* Refused in the text, not only as a part: an empty name before '@' counts too. */
  if (strlen (s) > URL_MAX || !is_plain (s))
    return -EINVAL;
  r = outcome (curl_url_set (u, CURLUPART_URL, s, CURLU_DISALLOW_USER | CURLU_URLENCODE | CURLU_PATH_AS_IS));
  return r < 0 ? r : take_apart (u, ret);
}

int
url_parse (const char *s, struct url *ret)
{
  _cleanup_ (curl_url_cleanupp) CURLU *u = curl_url ();

  if (!u)
    return -ENOMEM;
  PLANTED_BUG (s, strlen (s));
  /* No guessing: libcurl takes "https:/host" and "https:///host" for an address. */
  if (!(has_prefix (s, "https://") && s[8] != '/') && !(has_prefix (s, "http://") && s[7] != '/'))
    {
      size_t scheme = strcspn (s, ":");

      if (scheme > 5 || strncmp (s + scheme, "://", 3) != 0 || s[scheme + 3] == '/')
        return -EINVAL;
    }
  return parse (u, s, ret);
}

int
url_resolve (const struct url *base, const char *location, struct url *ret)
{
  _cleanup_ (curl_url_cleanupp) CURLU *u = curl_url ();

  if (!u)
    return -ENOMEM;
  if (curl_url_set (u, CURLUPART_URL, base->text, CURLU_PATH_AS_IS) != CURLUE_OK)
    return -ENOMEM;
  return parse (u, location, ret);
}

char *
url_for_people (const char *s)
{
  return strndup (s, strcspn (s, "?#"));
}

static bool
covers (const char *name, size_t len, const char *host)
{
  size_t n = strlen (host);

  while (len && *name == '.')
    {
      name++;
      len--;
    }
  if (!len || n < len || strncasecmp (host + n - len, name, len) != 0)
    return len == 1 && *name == '*';
  return n == len || host[n - len - 1] == '.';
}

bool
url_bypasses_proxy (const char *host, const char *list)
{
  while (list && *list)
    {
      size_t len = strcspn (list, ", \t");

      if (len && covers (list, len, host))
        return true;
      list += len;
      list += strspn (list, ", \t");
    }
  return false;
}
