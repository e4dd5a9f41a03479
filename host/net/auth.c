/* Owns the proofs that are computed here because a connector must not see the keys. */
#include <config.h>

#include "host/net/auth.h"

#include <jansson.h>
#include <sodium.h>

#include "host/common/text.h"

#define PROOF_MAX (64u * 1024)

static void
part_done (struct auth_part *p)
{
  free (p->name);
  free (p->field[0]);
  free (p->field[1]);
}

void
auth_done (struct auth *a)
{
  size_t i, k;

  for (i = 0; i < a->n_rules; i++)
    {
      for (k = 0; k < a->rules[i].n_parts; k++)
        part_done (&a->rules[i].parts[k]);
      free (a->rules[i].parts);
      free (a->rules[i].name);
    }
  free (a->rules);
  *a = (struct auth) { 0 };
}

static bool
is_token (const char *s)
{
  return *s && s[strspn (s, "!#$%&'*+-.^_`|~0123456789"
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static int
add_part (struct auth_rule *rule, enum auth_kind kind, const char *name, json_t *first,
          json_t *second)
{
  struct auth_part p = { .kind = kind };
  json_t *field[2] = { first, second };
  size_t i;

  if (rule->n_parts >= AUTH_PARTS_MAX || (kind == AUTH_HEADER && !is_token (name)))
    return -EINVAL;
  for (i = 0; i < 2 && field[i]; i++)
    if (!json_is_string (field[i]))
      return -EINVAL;
  if (name)
    p.name = strdup (name);
  for (i = 0; i < 2 && field[i]; i++)
    p.field[i] = strdup (json_string_value (field[i]));
  if ((name && !p.name) || !p.field[0] || (second && !p.field[1]))
    {
      part_done (&p);
      return -ENOMEM;
    }
  rule->parts[rule->n_parts++] = p;
  return 0;
}

static int
add_pair (struct auth_rule *rule, enum auth_kind kind, const char *name, json_t *pair)
{
  if (!json_is_array (pair) || json_array_size (pair) != 2)
    return -EINVAL;
  return add_part (rule, kind, name, json_array_get (pair, 0), json_array_get (pair, 1));
}

static int
add_query (struct auth_rule *rule, const char *name, json_t *value)
{
  if (json_is_object (value))
    return json_object_size (value) == 1
           ? add_pair (rule, AUTH_QUERY_HMAC, name, json_object_get (value, "hmac-sha256"))
           : -EINVAL;
  return add_part (rule, AUTH_QUERY, name, value, NULL);
}

static int
add_named (struct auth_rule *rule, bool query, json_t *object)
{
  const char *name;
  json_t *value;

  if (!json_is_object (object))
    return -EINVAL;
  json_object_foreach (object, name, value)
    {
      int r = query ? add_query (rule, name, value)
                    : add_part (rule, AUTH_HEADER, name, value, NULL);

      if (r < 0)
        return r;
    }
  return 0;
}

static int
parse_rule (struct auth_rule *rule, const char *name, json_t *object)
{
  const char *key;
  json_t *value;
  int r = 0;

  rule->name = strdup (name);
  rule->parts = calloc (AUTH_PARTS_MAX, sizeof *rule->parts);
  if (!rule->name || !rule->parts)
    return -ENOMEM;
  if (!json_is_object (object))
    return -EINVAL;
  json_object_foreach (object, key, value)
    {
      if (streq (key, "bearer"))
        r = add_part (rule, AUTH_BEARER, NULL, value, NULL);
      else if (streq (key, "basic"))
        r = add_pair (rule, AUTH_BASIC, NULL, value);
      else if (streq (key, "header") || streq (key, "query"))
        r = add_named (rule, streq (key, "query"), value);
      else if (!has_prefix (key, "x-"))
        r = -EINVAL;
      if (r < 0)
        return r;
    }
  return 0;
}

int
auth_parse (const char *json, size_t len, struct auth *ret)
{
  json_auto_t *root = NULL;
  _cleanup_ (auth_done) struct auth a = { 0 };
  const char *name;
  json_t *value;
  int r;

  if (!len)
    {
      *ret = a;
      return 0;
    }
  root = json_loadb (json, len, JSON_REJECT_DUPLICATES, NULL);
  if (!json_is_object (root) || json_object_size (root) > AUTH_RULES_MAX)
    return -EINVAL;
  a.rules = calloc (AUTH_RULES_MAX, sizeof *a.rules);
  if (!a.rules)
    return -ENOMEM;
  json_object_foreach (root, name, value)
    {
      r = parse_rule (&a.rules[a.n_rules++], name, value);
      if (r < 0)
        return r;
    }
  *ret = a;
  a = (struct auth) { 0 };
  return 0;
}

int
auth_find (const struct auth *a, const char *name, const struct auth_rule **ret)
{
  const char *wanted = name ? name : "default";
  size_t i;

  for (i = 0; i < a->n_rules; i++)
    if (streq (a->rules[i].name, wanted))
      {
        *ret = &a->rules[i];
        return 0;
      }
  if (name && *name)
    return -ENOENT;
  *ret = NULL;
  return 0;
}

bool
auth_may_go (const struct auth_rule *rule, const struct standins *all, const char *origin)
{
  size_t i, k;

  for (i = 0; i < rule->n_parts; i++)
    for (k = 0; k < 2; k++)
      {
        const char *field = rule->parts[i].field[k];
        const struct standin *s = field && *field ? standins_find (all, field) : NULL;

        if (s && !standin_may_go (s, origin))
          return false;
      }
  return true;
}

static int
put_field (struct standin_use *use, const char *field, struct buf *out)
{
  struct standin *s;

  if (!*field)
    return 0;
  s = standins_find (use->all, field);
  if (!s)
    {
      use->name = field;
      return -ENOENT;
    }
  return standin_value (use, s, out);
}

int
auth_put_base64 (const struct buf *plain, struct buf *out)
{
  size_t size = sodium_base64_encoded_len (plain->len, sodium_base64_VARIANT_ORIGINAL);
  char *at = buf_reserve (out, size);

  if (!at)
    return buf_error (out);
  sodium_bin2base64 (at, size, (const unsigned char *) (plain->data ? plain->data : ""),
                     plain->len, sodium_base64_VARIANT_ORIGINAL);
  out->len += size - 1;
  return 0;
}

static int
put_basic (const struct auth_part *p, struct standin_use *use, struct buf *out)
{
  _cleanup_ (buf_wipe) struct buf pair = BUF_INIT (PROOF_MAX);
  int r = put_field (use, p->field[0], &pair);

  if (r < 0)
    return r;
  buf_putc (&pair, ':');
  r = put_field (use, p->field[1], &pair);
  if (r < 0)
    return r;
  if (buf_error (&pair))
    return buf_error (&pair);
  return auth_put_base64 (&pair, out);
}

static int
put_hmac (const struct auth_part *p, struct standin_use *use, struct buf *out)
{
  _cleanup_ (buf_wipe) struct buf key = BUF_INIT (PROOF_MAX), text = BUF_INIT (PROOF_MAX);
  crypto_auth_hmacsha256_state state;
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  char hex[2 * sizeof mac + 1];
  int r = put_field (use, p->field[0], &key);

  if (r < 0)
    return r;
  r = put_field (use, p->field[1], &text);
  if (r < 0)
    return r;
  crypto_auth_hmacsha256_init (&state, (const unsigned char *) (key.data ? key.data : ""), key.len);
  crypto_auth_hmacsha256_update (&state, (const unsigned char *) (text.data ? text.data : ""),
                                 text.len);
  crypto_auth_hmacsha256_final (&state, mac);
  sodium_memzero (&state, sizeof state);
  hex_encode (mac, sizeof mac, hex);
  buf_puts (out, hex);
  return buf_error (out);
}

static int
put_header_part (const struct auth_part *p, struct standin_use *use, struct buf *headers)
{
  _cleanup_ (buf_wipe) struct buf value = BUF_INIT (PROOF_MAX);
  int r;

  if (p->kind == AUTH_BASIC)
    {
      buf_puts (&value, "Basic ");
      r = put_basic (p, use, &value);
    }
  else
    {
      if (p->kind == AUTH_BEARER)
        buf_puts (&value, "Bearer ");
      r = put_field (use, p->field[0], &value);
    }
  if (r < 0)
    return r;
  buf_printf (headers, "%s: ", p->kind == AUTH_HEADER ? p->name : "Authorization");
  r = standin_escape (STANDIN_HEADER, value.data ? value.data : "", value.len, headers);
  if (r < 0)
    return r;
  buf_putc (headers, '\0');
  return buf_error (headers);
}

static int
put_query_part (const struct auth_part *p, struct standin_use *use, struct buf *query)
{
  _cleanup_ (buf_wipe) struct buf value = BUF_INIT (PROOF_MAX);
  int r = p->kind == AUTH_QUERY_HMAC ? put_hmac (p, use, &value)
                                     : put_field (use, p->field[0], &value);

  if (r < 0)
    return r;
  if (query->len)
    buf_putc (query, '&');
  r = standin_escape (STANDIN_URL, p->name, strlen (p->name), query);
  if (r < 0)
    return r;
  buf_putc (query, '=');
  return standin_escape (STANDIN_URL, value.data ? value.data : "", value.len, query);
}

int
auth_apply (const struct auth_rule *rule, struct standin_use *use, struct buf *headers,
            struct buf *query)
{
  size_t i;

  for (i = 0; i < rule->n_parts; i++)
    {
      const struct auth_part *p = &rule->parts[i];
      int r = 0;

      switch (p->kind)
        {
        case AUTH_BEARER:
        case AUTH_BASIC:
        case AUTH_HEADER:
          r = put_header_part (p, use, headers);
          break;
        case AUTH_QUERY:
        case AUTH_QUERY_HMAC:
          r = put_query_part (p, use, query);
          break;
        }
      if (r < 0)
        return r;
    }
  return 0;
}
