/* TEXT: a literal with {name} in it.  What a value is, a stranger may have chosen; where it stands
   decides how it is escaped, never who wrote the descriptor.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <string.h>

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/* The part that TEXT begins with: *RET_NAME_LEN is 0 for a literal of *RET_LEN bytes, else the bytes
   of the name behind the brace.  False when it is neither, which shape.c has refused before. */
static bool
part (const char *text, size_t *ret_len, size_t *ret_name_len)
{
  size_t len = strcspn (text, "{}"), name;

  *ret_name_len = 0;
  *ret_len = len;
  if (len > 0)
    return true;
  *ret_len = 2;
  if (text[0] == text[1])
    return true;
  name = text[0] == '{' ? strspn (text + 1, NAME_CHARS) : 0;
  if (name == 0 || name >= REST_NAME_MAX || text[1 + name] != '}')
    return false;
  *ret_len = name + 2;
  *ret_name_len = name;
  return true;
}

/* ---- Escaping ---- */

static bool
has_control (const char *s, bool line_ends)
{
  for (; *s; s++)
    if ((unsigned char) *s == 0x7f
        || ((unsigned char) *s < 0x20 && !(line_ends && strchr ("\t\r\n", *s))))
      return true;
  return false;
}

/* For text and for attributes in either quotes; line ends survive the normalisation of attributes
   (XML 1.0, 3.3.3) as references. */
static void
put_xml (struct text *out, const char *s)
{
  static const char special[] = "&<>\"'\t\r\n";
  static const char *const as[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#9;", "&#13;", "&#10;" };

  while (*s)
    {
      size_t plain = strcspn (s, special);

      text_put (out, s, plain);
      s += plain;
      if (*s)
        text_puts (out, as[strchr (special, *s++) - special]);
    }
}

/* Whether VALUE can stand there at all. */
static bool
fits (const char *value, enum rest_place place)
{
  switch (place)
    {
    case REST_HEADER: return !has_control (value, /* line_ends */ false);
    case REST_XML: return !has_control (value, /* line_ends */ true);
    case REST_RAW:
    case REST_PERCENT:
    case REST_PATH: return true;
    }
  return false;
}

static void
put_value (struct text *out, const char *value, enum rest_place place)
{
  switch (place)
    {
    case REST_RAW:
    case REST_HEADER:
      text_puts (out, value);
      break;
    case REST_PERCENT:
    case REST_PATH:
      text_put_percent (out, value);
      break;
    case REST_XML:
      put_xml (out, value);
      break;
    }
}

static int32_t
put_name (struct rest_op *op, const char *name, enum rest_place place, struct text *out)
{
  const char *value;
  int32_t r = rest_value (op, name, &value);

  if (r < 0)
    return r;
  if (!value)
    {
      memcpy (op->missing, name, strlen (name) + 1);
      return USHER_ABSENT;
    }
  if (!fits (value, place))
    return seat_fail (op->ctx, USHER_E_FIELD, name,
                      "The value of %s has characters that cannot be sent to the app", name);
  put_value (out, value, place);
  return USHER_DONE;
}

int32_t
rest_text_put (struct rest_op *op, const char *text, enum rest_place place, struct text *out)
{
  while (*text)
    {
      char name[REST_NAME_MAX];
      size_t len, name_len;
      int32_t r = USHER_DONE;

      if (!part (text, &len, &name_len))
        return seat_fail (op->ctx, USHER_E_CONFIG, NULL, "The app file's text %.80s is not understood", text);
      if (name_len > 0)
        {
          memcpy (name, text + 1, name_len);
          name[name_len] = '\0';
          r = put_name (op, name, place, out);
        }
      else
        {
          /* Of a doubled brace one. */
          size_t literal = text[0] == '{' || text[0] == '}' ? 1 : len;
          char *one = strndup (text, literal);

          if (!one)
            return USHER_E_NOMEM;
          if (place == REST_PERCENT)
            text_put_percent (out, one);
          else
            text_puts (out, one);
          free (one);
        }
      if (r != USHER_DONE)
        return r;
      text += len;
    }
  return out->bad ? seat_fail (op->ctx, USHER_E_LIMIT, NULL, "A text sent to the app is too long") : USHER_DONE;
}

int32_t
rest_text (struct rest_op *op, const char *text, char **ret)
{
  struct text out = { 0 };
  int32_t r = rest_text_put (op, text, REST_RAW, &out);
  char *s;

  if (r != USHER_DONE)
    {
      text_done (&out);
      return r;
    }
  s = text_steal (&out);
  if (!s)
    return USHER_E_NOMEM;
  *ret = s;
  return USHER_DONE;
}
