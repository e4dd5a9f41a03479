/* Owns the reading of seeds and the rule that a step is used once. */
#include <config.h>

#include "host/net/totp.h"

#include <curl/curl.h>
#include <liboath/oath.h>

#include "host/common/text.h"

#define SEED_MAX 1024u

DEFINE_CLEANUP (CURLU *, curl_url_cleanup)
DEFINE_CLEANUP (char *, curl_free)

void
totp_done (struct totp *t)
{
  secret_done (&t->key);
}

static int
set_key (struct totp *t, const char *base32, size_t len)
{
  char *key = NULL;
  size_t key_len = 0;
  int r;

  if (!len || len > SEED_MAX || oath_base32_decode (base32, len, &key, &key_len) != OATH_OK)
    return -EINVAL;
  r = key_len ? secret_set (&t->key, key, key_len) : -EINVAL;
  explicit_bzero (key, key_len);
  free (key);
  return r;
}

static int
set_parameter (struct totp *t, const char *name, size_t name_len, const char *value)
{
  uint64_t n;

  if (name_len == 6 && strncasecmp (name, "secret", 6) == 0)
    return set_key (t, value, strlen (value));
  if (name_len == 6 && strncasecmp (name, "digits", 6) == 0)
    {
      if (parse_u64 (value, 6, 8, &n) < 0)
        return -EINVAL;
      t->digits = (unsigned int) n;
    }
  else if (name_len == 6 && strncasecmp (name, "period", 6) == 0)
    {
      if (parse_u64 (value, 10, 300, &n) < 0)
        return -EINVAL;
      t->period_s = (unsigned int) n;
    }
  else if (name_len == 9 && strncasecmp (name, "algorithm", 9) == 0)
    {
      if (ascii_casecmp (value, "SHA256") == 0)
        t->flags = OATH_TOTP_HMAC_SHA256;
      else if (ascii_casecmp (value, "SHA512") == 0)
        t->flags = OATH_TOTP_HMAC_SHA512;
      else if (ascii_casecmp (value, "SHA1") != 0)
        return -EINVAL;
    }
  return 0;
}

static int
parse_query (struct totp *t, char *query)
{
  while (*query)
    {
      size_t len = strcspn (query, "&"), name = strcspn (query, "=&");
      char *next = query + len + (query[len] == '&');
      _cleanup_ (curl_freep) char *value = NULL;
      int r;

      if (name < len)
        {
          value = curl_easy_unescape (NULL, query + name + 1, (int) (len - name - 1), NULL);
          if (!value)
            return -ENOMEM;
          r = set_parameter (t, query, name, value);
          explicit_bzero (value, strlen (value));
          if (r < 0)
            return r;
        }
      query = next;
    }
  return t->key.data ? 0 : -EINVAL;
}

static int
parse_uri (struct totp *t, const char *s)
{
  _cleanup_ (curl_url_cleanupp) CURLU *u = curl_url ();
  _cleanup_ (curl_freep) char *host = NULL, *query = NULL;
  int r;

  if (!u)
    return -ENOMEM;
  if (curl_url_set (u, CURLUPART_URL, s, CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE) != CURLUE_OK
      || curl_url_get (u, CURLUPART_HOST, &host, 0) != CURLUE_OK
      || ascii_casecmp (host, "totp") != 0
      || curl_url_get (u, CURLUPART_QUERY, &query, 0) != CURLUE_OK)
    return -EINVAL;
  r = parse_query (t, query);
  explicit_bzero (query, strlen (query));
  return r;
}

static int
parse_seed (struct totp *t, const char *s)
{
  char seed[SEED_MAX];
  size_t len = 0;
  int r;

  for (; *s; s++)
    {
      if (*s == ' ' || *s == '-')
        continue;
      if (len == sizeof seed)
        return -EINVAL;
      seed[len++] = (char) (*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
    }
  r = set_key (t, seed, len);
  explicit_bzero (seed, sizeof seed);
  return r;
}

int
totp_parse (const char *s, struct totp *ret)
{
  struct totp t = { .period_s = OATH_TOTP_DEFAULT_TIME_STEP_SIZE, .digits = 6, .last_step = -1 };
  int r;

  if (strlen (s) > SEED_MAX || oath_init () != OATH_OK)
    return -EINVAL;
  r = strncasecmp (s, "otpauth://", 10) == 0 ? parse_uri (&t, s) : parse_seed (&t, s);
  if (r < 0)
    {
      totp_done (&t);
      return r;
    }
  *ret = t;
  return 0;
}

int
totp_code (struct totp *t, int64_t now_ms, char ret[TOTP_CODE_SIZE], int64_t *ret_wait_ms)
{
  int64_t period_ms = (int64_t) t->period_s * 1000, step = now_ms / period_ms;

  if (step <= t->last_step)
    {
      *ret_wait_ms = (t->last_step + 1) * period_ms - now_ms;
      return -EAGAIN;
    }
  if (oath_totp_generate2 (t->key.data, t->key.len, now_ms / 1000, t->period_s, 0, t->digits,
                           t->flags, ret) != OATH_OK)
    return -EINVAL;
  t->last_step = step;
  return 0;
}
