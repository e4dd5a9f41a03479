/* Owns what each type of configuration key takes, and how a wrong value is refused. */
#include <config.h>

#include "host/conf/value.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

#include "host/common/text.h"

#define LISTEN_MAX 128u

struct unit
{
  const char *name;
  uint64_t factor;
};

static const struct unit sizes[] = {
  { "", 1 }, { "K", UINT64_C (1) << 10 }, { "M", UINT64_C (1) << 20 },
  { "G", UINT64_C (1) << 30 }, { "T", UINT64_C (1) << 40 },
};
static const struct unit durations[] = {
  { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

static _printf_ (2, 3) int
refuse (char **why, const char *fmt, ...)
{
  va_list ap;
  int r = -EINVAL;

  va_start (ap, fmt);
  if (vasprintf (why, fmt, ap) < 0)
    {
      *why = NULL;
      r = -ENOMEM;
    }
  va_end (ap);
  return r;
}

/* A number and one of N units. */
static int
parse_units (const char *s, const struct unit *units, size_t n, uint64_t *ret)
{
  size_t digits = strspn (s, "0123456789"), i;
  char number[24];
  uint64_t v;
  int r;

  if (!digits || digits >= sizeof number)
    return digits ? -ERANGE : -EINVAL;
  memcpy (number, s, digits);
  number[digits] = '\0';
  for (i = 0; i < n; i++)
    if (streq (units[i].name, s + digits))
      {
        r = parse_u64 (number, 0, UINT64_MAX, &v);
        if (r < 0)
          return r;
        return __builtin_mul_overflow (v, units[i].factor, ret) ? -ERANGE : 0;
      }
  return -EINVAL;
}

int
parse_size (const char *s, uint64_t *ret)
{
  uint64_t v;
  int r = parse_units (s, sizes, ARRAY_SIZE (sizes), &v);

  if (r == 0)
    *ret = v;
  return r;
}

int
parse_duration_ms (const char *s, uint64_t *ret)
{
  uint64_t v;
  int r = parse_units (s, durations, ARRAY_SIZE (durations), &v);

  if (r == 0)
    *ret = v;
  return r;
}

/* V in the largest unit that divides it. */
static void
format_units (uint64_t v, const struct unit *units, size_t n, char ret[32])
{
  while (n > 1 && v % units[n - 1].factor)
    n--;
  (void) snprintf (ret, 32, "%llu%s", (unsigned long long) (v / units[n - 1].factor),
                   units[n - 1].name);
}

static int
refuse_range (const struct conf_key *k, const struct unit *units, size_t n, const char *example,
              char **why)
{
  char min[32], max[32];

  format_units (k->min, units, n, min);
  format_units (k->max, units, n, max);
  return refuse (why, "must be from %s to %s, written as %s", min, max, example);
}

int
value_number (const struct conf_key *k, const char *value, uint64_t *ret, char **why)
{
  uint64_t v = 0;
  int r;

  if (k->type == CONF_SIZE)
    r = parse_size (value, &v);
  else if (k->type == CONF_DURATION)
    r = parse_duration_ms (value, &v);
  else
    r = parse_u64 (value, 0, UINT64_MAX, &v);
  if (r == 0 && v >= k->min && v <= k->max)
    {
      *ret = v;
      return 0;
    }
  if (k->type == CONF_SIZE)
    return refuse_range (k, sizes, ARRAY_SIZE (sizes), "512M or 64G", why);
  if (k->type == CONF_DURATION)
    return refuse_range (k, durations, ARRAY_SIZE (durations), "30s, 5m, 24h or 400d", why);
  return refuse (why, "must be a whole number from %llu to %llu", (unsigned long long) k->min,
                 (unsigned long long) k->max);
}

/* Whether one of the space-separated WORDS is VALUE, or (PREFIX) stands in it before a host. */
static bool
among (const char *words, const char *value, bool prefix)
{
  while (*words)
    {
      size_t n = strcspn (words, " ");

      if (strncmp (words, value, n) == 0 && (prefix ? value[n] != '\0' && value[n] != '/' : value[n] == '\0'))
        return true;
      words += n;
      words += strspn (words, " ");
    }
  return false;
}

/* "a, b or c" from "a b c". */
static void
join (const char *words, char ret[128])
{
  size_t used = 0;

  ret[0] = '\0';
  while (*words && used < 128)
    {
      size_t n = strcspn (words, " ");
      const char *next = words + n + strspn (words + n, " ");

      used += (size_t) snprintf (ret + used, 128 - used, "%.*s%s", (int) n, words,
                                 !*next ? "" : strchr (next, ' ') ? ", " : " or ");
      words = next;
    }
}

/* "127.0.0.1", "[::1]", "localhost" */
static bool
address_valid (const char *s, size_t len)
{
  char copy[LISTEN_MAX];
  uint8_t any[16];

  if (!len || len >= sizeof copy)
    return false;
  memcpy (copy, s, len);
  copy[len] = '\0';
  if (copy[0] == '[' && copy[len - 1] == ']')
    {
      copy[len - 1] = '\0';
      return inet_pton (AF_INET6, copy + 1, any) == 1;
    }
  return streq (copy, "localhost") || inet_pton (AF_INET, copy, any) == 1;
}

static bool
listen_valid (const char *s)
{
  const char *colon = strrchr (s, ':');
  uint64_t port;

  if (has_prefix (s, "unix:"))
    return s[5] == '/' && strlen (s + 5) < sizeof ((struct sockaddr_un *) 0)->sun_path;
  return colon && parse_u64 (colon + 1, 0, 65535, &port) == 0
         && address_valid (s, (size_t) (colon - s));
}

static bool
paths_valid (const char *s)
{
  while (*s)
    {
      size_t n = strcspn (s, ":");

      if (s[0] != '/')
        return false;
      s += n + (s[n] == ':');
    }
  return true;
}

static bool
has_blank (const char *s)
{
  return s[strcspn (s, " \t\"<>\\")] != '\0';
}

static int
check_text (const struct conf_key *k, const char *value, char **why)
{
  _cleanup_ (freep) char *mail = NULL;
  char all[128];

  switch (k->type)
    {
    case CONF_PATH:
      return value[0] == '/' ? 0 : refuse (why, "must be a path that begins with /");
    case CONF_PATHS:
      return paths_valid (value) ? 0
             : refuse (why, "must be folders that begin with /, joined by colons");
    case CONF_LISTEN:
      return listen_valid (value) ? 0
             : refuse (why, "must be ADDRESS:PORT, as 127.0.0.1:8420 or [::1]:8420, "
                            "or unix:/PATH");
    case CONF_URL:
      join (k->words, all);
      return among (k->words, value, /* prefix= */ true) && !has_blank (value) ? 0
             : refuse (why, "must be an address that begins with %s", all);
    case CONF_MAIL:
      mail = email_normalise (value);
      return mail ? 0 : refuse (why, "must be one e-mail address, as usher@example.com");
    case CONF_WORD:
      join (k->words, all);
      return among (k->words, value, /* prefix= */ false) ? 0 : refuse (why, "must be %s", all);
    case CONF_TEXT:
    case CONF_NUMBER:
    case CONF_SIZE:
    case CONF_DURATION:
    case CONF_NETWORKS:
    case CONF_NAMES:
      return 0;
    }
  return 0;
}

int
value_text (const struct conf_key *k, const char *value, char **ret, char **why)
{
  size_t len = strlen (value), i;
  int r;

  if (len > CONF_TEXT_MAX)
    return refuse (why, "must have at most %u bytes", CONF_TEXT_MAX);
  for (i = 0; i < len; i++)
    if ((unsigned char) value[i] < 0x20 || value[i] == 0x7f)
      return refuse (why, "must not hold control characters");
  r = check_text (k, value, why);
  if (r < 0)
    return r;
  while (k->type == CONF_URL && len && value[len - 1] == '/')
    len--;
  *ret = strndup (value, len);
  return *ret ? 0 : -ENOMEM;
}

/* "10.0.0.0/8", "::1" */
static bool
network_valid (const char *s)
{
  const char *slash = strchr (s, '/');
  size_t len = slash ? (size_t) (slash - s) : strlen (s);
  uint8_t any[16];
  char copy[64];
  uint64_t bits;
  int family;

  if (len >= sizeof copy)
    return false;
  memcpy (copy, s, len);
  copy[len] = '\0';
  family = strchr (copy, ':') ? AF_INET6 : AF_INET;
  return inet_pton (family, copy, any) == 1
         && (!slash || parse_u64 (slash + 1, 0, family == AF_INET6 ? 128 : 32, &bits) == 0);
}

/* "example.com", ".example.com", a network */
static bool
name_valid (const char *s)
{
  const char *name = s + (s[0] == '.');

  return network_valid (s)
         || (*name && name[strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789.-_")] == '\0');
}

int
value_list (const struct conf_key *k, const char *value, struct conf_list *list, char **why)
{
  for (value += strspn (value, " \t,"); *value; value += strspn (value, " \t,"))
    {
      size_t n = strcspn (value, " \t,");
      _cleanup_ (freep) char *element = strndup (value, n);
      char **v;

      if (!element)
        return -ENOMEM;
      if (k->type == CONF_NETWORKS && !network_valid (element))
        return refuse (why, "must be networks, as 10.0.0.0/8 or fd00::/8; \"%.60s\" is none",
                       element);
      if (k->type == CONF_NAMES && !name_valid (element))
        return refuse (why, "must be host names or networks; \"%.60s\" is neither", element);
      if (list->n >= CONF_LIST_MAX)
        return refuse (why, "must have at most %u elements", CONF_LIST_MAX);
      v = realloc (list->v, (list->n + 1) * sizeof *v);
      if (!v)
        return -ENOMEM;
      list->v = v;
      list->v[list->n++] = TAKE (element);
      value += n;
    }
  return 0;
}
