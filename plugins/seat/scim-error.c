/* What an answer means that is not a yes: SCIM error bodies (RFC 7644 3.12) and bare statuses
   become the codes of the ABI, with the app's own words kept short.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <stdio.h>
#include <string.h>

/* The member NAME of an error body as text: a status is text by the RFC and a number at some. */
static void
error_text (json_t *error, const char *name, char *buf, size_t cap)
{
  json_t *value = error ? scim_get (error, name) : NULL;

  buf[0] = '\0';
  if (json_is_string (value))
    snprintf (buf, cap, "%s", json_string_value (value));
  else if (json_is_integer (value))
    snprintf (buf, cap, "%" JSON_INTEGER_FORMAT, json_integer_value (value));
}

/* The error object of a body; a new reference, NULL when there is none.  SCIM 1.1 wraps them in
   an array "Errors". */
static json_t *
error_object (const struct scim_answer *a)
{
  _cleanup_ (json_decrefp) json_t *j = NULL;
  json_t *list;

  if (!a->body || a->html)
    return NULL;
  j = json_loadb (a->body, a->len, JSON_ALLOW_NUL, NULL);
  if (!json_is_object (j))
    return NULL;
  list = scim_get (j, "Errors");
  if (json_is_array (list))
    return json_incref (json_array_get (list, 0));
  return json_incref (j);
}

const char *
scim_type (const struct scim_answer *a, char *buf, size_t cap)
{
  _cleanup_ (json_decrefp) json_t *error = error_object (a);

  error_text (error, "scimType", buf, cap);
  return buf;
}

/* The app's own words: one line, no controls, cut at a whole character. */
static void
error_detail (json_t *error, char buf[SCIM_DETAIL_MAX])
{
  size_t len;

  error_text (error, "detail", buf, SCIM_DETAIL_MAX);
  if (!buf[0])
    error_text (error, "description", buf, SCIM_DETAIL_MAX);
  if (!buf[0])
    error_text (error, "message", buf, SCIM_DETAIL_MAX);
  len = strlen (buf);
  if (len == SCIM_DETAIL_MAX - 1)
    {
      while (len > 0 && ((unsigned char) buf[len - 1] & 0xc0) == 0x80)
        len--;
      if (len > 0 && (unsigned char) buf[len - 1] >= 0xc0)
        len--;
      buf[len] = '\0';
    }
  for (char *p = buf; *p; p++)
    if ((unsigned char) *p < 0x20 || *p == 0x7f)
      *p = ' ';
}

/* What the words of a refusal say that its status does not. */
static int32_t
code_of_words (const char *detail, const char **ret_field)
{
  static const struct { const char *word; int32_t code; const char *field; } words[] = {
    { "seat", USHER_E_SEATS, NULL },
    { "licence", USHER_E_SEATS, NULL },
    { "license", USHER_E_SEATS, NULL },
    { "last owner", USHER_E_LAST_OWNER, NULL },
    { "last admin", USHER_E_LAST_OWNER, NULL },
    { "subscription", USHER_E_SUBSCRIPTION, NULL },
  };

  for (size_t i = 0; i < ARRAY_SIZE (words); i++)
    if (text_has (detail, words[i].word))
      {
        *ret_field = words[i].field;
        return words[i].code;
      }
  return USHER_E_REFUSED;
}

static int32_t
code_of_type (const char *type)
{
  static const struct { const char *type; int32_t code; } types[] = {
    { "expiredCursor", USHER_E_CURSOR },
    { "invalidCursor", USHER_E_CURSOR },
    { "invalidCount", USHER_E_SHAPE },
    { "tooMany", USHER_E_LIMIT },
    { "sensitive", USHER_E_FORBIDDEN },
    { "invalidVers", USHER_E_VERSION },
  };

  for (size_t i = 0; i < ARRAY_SIZE (types); i++)
    if (text_same (type, types[i].type))
      return types[i].code;
  return 0;
}

/* A value was not to the app's liking: whose, follows from what was asked. */
static int32_t
code_of_value (enum scim_aim aim, const char *detail, const char **ret_field)
{
  switch (aim)
    {
    case SCIM_TO_SET_ROLE:
      *ret_field = "role";
      return USHER_E_ROLE;
    case SCIM_TO_INVITE:
      if (text_has (detail, "role") || text_has (detail, "entitlement"))
        {
          *ret_field = "role";
          return USHER_E_ROLE;
        }
      if (text_has (detail, "email") || text_has (detail, "e-mail"))
        {
          *ret_field = "email";
          return USHER_E_ADDRESS;
        }
      if (text_has (detail, "userName"))
        {
          *ret_field = "username";
          return USHER_E_FIELD;
        }
      return USHER_E_REFUSED;
    case SCIM_TO_LIST:
    case SCIM_TO_READ:
      return USHER_E_SHAPE;
    case SCIM_TO_CHANGE:
      return USHER_E_REFUSED;
    }
  return USHER_E_REFUSED;
}

static int32_t
code_of_status (int32_t status, enum scim_aim aim, const char *detail, const char **ret_field)
{
  bool reads = aim == SCIM_TO_LIST || aim == SCIM_TO_READ;
  int32_t code = reads ? USHER_E_REFUSED : code_of_words (detail, ret_field);

  if (code != USHER_E_REFUSED)
    return code;
  switch (status)
    {
    case 401: return USHER_E_TOKEN;
    case 402: return USHER_E_SUBSCRIPTION;
    case 403: return USHER_E_FORBIDDEN;
    case 404:
    case 410: return reads || aim == SCIM_TO_INVITE ? USHER_E_SPACE : USHER_E_NO_MEMBER;
    case 405:
    case 501: return USHER_E_UNSUPPORTED;
    case 413: return USHER_E_LIMIT;
    case 429: return USHER_E_RATE;
    case 400:
    case 422: return code_of_value (aim, detail, ret_field);
    default:  return status >= 500 ? USHER_E_APP_DOWN : reads ? USHER_E_SHAPE : USHER_E_REFUSED;
    }
}

int32_t
scim_error (struct usher_ctx *ctx, const struct scim_answer *a, enum scim_aim aim)
{
  static const char *const asked[] = {
    [SCIM_TO_LIST] = "to list", [SCIM_TO_READ] = "to read a user",
    [SCIM_TO_INVITE] = "to make a user", [SCIM_TO_CHANGE] = "to change a user",
    [SCIM_TO_SET_ROLE] = "to change roles",
  };
  _cleanup_ (json_decrefp) json_t *error = error_object (a);
  char detail[SCIM_DETAIL_MAX], type[64];
  const char *field = NULL;
  int32_t code;

  error_detail (error, detail);
  error_text (error, "scimType", type, sizeof type);
  code = code_of_type (type);
  if (code == 0)
    code = code_of_status (a->status, aim, detail, &field);
  if (code == USHER_E_SPACE)
    return seat_fail (ctx, code, "base_url", "There is no SCIM service at the base URL (status %d)",
                      (int) a->status);
  if (a->html)
    return seat_fail (ctx, code, field, "Asked %s, the app answered status %d and a web page",
                      asked[aim], (int) a->status);
  if (!detail[0])
    return seat_fail (ctx, code, field, "Asked %s, the app answered status %d", asked[aim],
                      (int) a->status);
  return seat_fail (ctx, code, field, "Asked %s, the app answered: %s", asked[aim], detail);
}

bool
scim_gone (const struct scim_answer *a)
{
  _cleanup_ (json_decrefp) json_t *error = NULL;

  if ((a->status != 404 && a->status != 410) || a->html)
    return false;
  if (a->len == 0)
    return true;
  error = error_object (a);
  return error && (json_object_size (error) == 0 || scim_get (error, "detail")
                   || scim_get (error, "schemas") || scim_get (error, "status"));
}

bool
scim_no_method (const struct scim_answer *a)
{
  return a->status == 405 || a->status == 501;
}
