/* Owns the scanner that notes where each value of a JSON text (RFC 8259) stands.  It
   keeps offsets only; what the values are is jansson's business. */
#include <config.h>

#include "host/apps/json-offsets.h"

struct scan
{
  const char *text;
  size_t len, at;
  struct json_map map;
  size_t room;
  size_t depth;
  struct json_fault fault;
};

static int scan_value (struct scan *s, size_t key_at);

static int
refuse (struct scan *s, size_t at, const char *text)
{
  s->fault = (struct json_fault) { at, text };
  return -EINVAL;
}

/* The character at hand; 0 at the end, which is not valid JSON anywhere. */
static char
look (const struct scan *s)
{
  return s->at < s->len ? s->text[s->at] : '\0';
}

static void
skip_space (struct scan *s)
{
  while (look (s) == ' ' || look (s) == '\t' || look (s) == '\n' || look (s) == '\r')
    s->at++;
}

static bool
is_digit (char c)
{
  return c >= '0' && c <= '9';
}

static bool
is_hex (char c)
{
  return is_digit (c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int
scan_escape (struct scan *s)
{
  size_t at = s->at++, i;
  char c = look (s);

  if (!c || !strchr ("\"\\/bfnrtu", c))
    return refuse (s, at, "a backslash is followed by one of \" \\ / b f n r t u");
  s->at++;
  for (i = 0; c == 'u' && i < 4; i++, s->at++)
    if (!is_hex (look (s)))
      return refuse (s, at, "\\u is followed by four hexadecimal digits");
  return 0;
}

static int
scan_string (struct scan *s)
{
  size_t start = s->at++;
  int r;

  for (;;)
    {
      unsigned char c = (unsigned char) look (s);

      if (s->at >= s->len || c == '\n')
        return refuse (s, start, "this text has no closing quote");
      if (c < 0x20)
        return refuse (s, s->at, "a control character in a text is written as \\u and four digits");
      if (c == '"')
        {
          s->at++;
          PLANTED_BUG (s->text + start, s->at - start);
          return 0;
        }
      if (c != '\\')
        s->at++;
      else if ((r = scan_escape (s)) < 0)
        return r;
    }
}

static void
skip_digits (struct scan *s)
{
  while (is_digit (look (s)))
    s->at++;
}

static int
scan_number (struct scan *s)
{
  size_t start = s->at;

  if (look (s) == '-')
    s->at++;
  if (!is_digit (look (s)))
    return refuse (s, start, "a minus is followed by a digit");
  if (look (s) == '0')
    s->at++;
  else
    skip_digits (s);
  if (is_digit (look (s)))
    return refuse (s, start, "a number does not begin with 0");
  if (look (s) == '.')
    {
      s->at++;
      if (!is_digit (look (s)))
        return refuse (s, start, "a decimal point is followed by a digit");
      skip_digits (s);
    }
  if (look (s) == 'e' || look (s) == 'E')
    {
      s->at++;
      if (look (s) == '+' || look (s) == '-')
        s->at++;
      if (!is_digit (look (s)))
        return refuse (s, start, "an exponent has digits");
      skip_digits (s);
    }
  return 0;
}

static int
scan_word (struct scan *s)
{
  static const char *const word[] = { "true", "false", "null" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (word); i++)
    {
      size_t n = strlen (word[i]);

      if (s->len - s->at >= n && memcmp (s->text + s->at, word[i], n) == 0)
        {
          s->at += n;
          return 0;
        }
    }
  return refuse (s, s->at, s->at < s->len ? "a value is expected here" : "the file ends too early");
}

/* After a value in a list or object: 1 when another follows, 0 at CLOSE. */
static int
scan_separator (struct scan *s, char close)
{
  skip_space (s);
  if (look (s) == close)
    {
      s->at++;
      return 0;
    }
  if (look (s) != ',')
    return refuse (s, s->at, s->at >= s->len ? "the file ends too early"
                   : close == '}' ? "a comma or } is expected here"
                   : "a comma or ] is expected here");
  s->at++;
  skip_space (s);
  return 1;
}

/* "key": in front of a value. */
static int
scan_key (struct scan *s, size_t *ret)
{
  size_t at = s->at;
  int r;

  if (look (s) != '"')
    return refuse (s, at, at < s->len ? "a key in double quotes is expected here"
                   : "the file ends too early");
  r = scan_string (s);
  if (r < 0)
    return r;
  skip_space (s);
  if (look (s) != ':')
    return refuse (s, s->at, "a colon is expected after the key");
  s->at++;
  *ret = at;
  return 0;
}

static int
scan_members (struct scan *s, char close)
{
  size_t last = 0, key_at = 0;
  int r;

  if (++s->depth > JSON_DEPTH_MAX)
    return refuse (s, s->at, "this is nested deeper than 32");
  s->at++;
  skip_space (s);
  if (look (s) == close)
    {
      s->at++;
      s->depth--;
      return 0;
    }
  do
    {
      size_t index = s->map.n;

      if (close == '}' && (r = scan_key (s, &key_at)) < 0)
        return r;
      skip_space (s);
      r = scan_value (s, close == '}' ? key_at : s->at);
      if (r < 0)
        return r;
      if (last)
        s->map.v[last].next = (uint32_t) index;
      last = index;
      r = scan_separator (s, close);
    }
  while (r > 0);
  s->depth--;
  return r;
}

static int
add_node (struct scan *s, size_t key_at)
{
  struct json_node *v;

  if (s->map.n >= JSON_NODES_MAX)
    return refuse (s, s->at, "the file has more than 200,000 values");
  if (s->map.n == s->room)
    {
      size_t room = s->room ? s->room * 2 : 256;

      v = realloc (s->map.v, room * sizeof *v);
      if (!v)
        return -ENOMEM;
      s->map.v = v;
      s->room = room;
    }
  s->map.v[s->map.n++] = (struct json_node) { .at = (uint32_t) s->at, .key_at = (uint32_t) key_at };
  return 0;
}

static int
scan_value (struct scan *s, size_t key_at)
{
  size_t index = s->map.n;
  int r = add_node (s, key_at);

  if (r < 0)
    return r;
  if (look (s) == '{')
    r = scan_members (s, '}');
  else if (look (s) == '[')
    r = scan_members (s, ']');
  else if (look (s) == '"')
    r = scan_string (s);
  else if (look (s) == '-' || is_digit (look (s)))
    r = scan_number (s);
  else
    r = scan_word (s);
  if (r == 0)
    s->map.v[index].end = (uint32_t) s->at;
  return r;
}

int
json_map_scan (const char *text, size_t len, struct json_map *ret, struct json_fault *fault)
{
  struct scan s = { .text = text, .len = len };
  int r;

  assert (len <= UINT32_MAX);
  skip_space (&s);
  r = scan_value (&s, s.at);
  if (r == 0)
    {
      skip_space (&s);
      if (s.at < len)
        r = refuse (&s, s.at, "nothing may follow the closing bracket");
    }
  if (r < 0)
    {
      if (r == -EINVAL)
        *fault = s.fault;
      json_map_done (&s.map);
      return r;
    }
  *ret = s.map;
  return 0;
}

void
json_map_done (struct json_map *m)
{
  free (m->v);
  *m = (struct json_map) { NULL, 0 };
}

void
json_line_column (const char *text, size_t len, size_t at, size_t *line, size_t *column)
{
  size_t i;

  *line = *column = 1;
  for (i = 0; i < at && i < len; i++)
    if (text[i] == '\n')
      {
        ++*line;
        *column = 1;
      }
    else if (((unsigned char) text[i] & 0xc0) != 0x80)
      ++*column;
}
