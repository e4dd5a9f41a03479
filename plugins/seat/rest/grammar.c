/* Owns the small languages inside texts: paths of JSON and XML, regular expressions, templates.  Judges
   only; what reads them for good is the SDK, the C library and the engine.  */
#include <config.h>

#include "plugins/seat/rest/shape.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#include <usher/rows.h>
#include <usher/xml.h>

#define PATTERN_MAX 512u
#define COPIES_MAX 2000u
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/* ---- Paths ---- */

/* The name at *P, quoted or plain, which moves behind it. */
static const char *
skip_name (const char **p)
{
  const char *s = *p;

  if (*s != '\'')
    {
      s += strcspn (s, ".[]'");
      if (s == *p)
        return "a name is missing in this path; a path is names with dots between them (\"user.email\")";
      if (*s == ']' || *s == '\'')
        return "a name with ] or ' in it stands in single quotes";
    }
  else
    {
      for (s++; *s && (*s != '\'' || s[1] == '\''); s++)
        s += *s == '\'';
      if (!*s)
        return "this path has no closing quote";
      s++;
    }
  *p = s;
  return NULL;
}

/* [] or [N] at *P, which moves behind it. */
static const char *
skip_brackets (const char **p)
{
  size_t digits = strspn (*p + 1, "0123456789");

  if ((*p)[1 + digits] != ']' || digits > 5)
    return "brackets in a path are [] (each element) or [N] (the N-th, from 0)";
  *p += digits + 2;
  return NULL;
}

static const char *
json_path (const char *path)
{
  const char *p = path, *wrong = NULL;

  if (strlen (path) > USHER_ROWS_PATH_MAX)
    return "a path has at most 512 bytes";
  while (*p && !wrong)
    if (*p == '[')
      wrong = skip_brackets (&p);
    else
      {
        p += p != path && *p == '.';
        wrong = p[-(p != path)] == ']' ? "a dot follows a closing bracket" : skip_name (&p);
      }
  return wrong;
}

/* One step of a path of XML: [@][prefix:]name, *, or "." alone. */
static bool
xml_step (const char *step, size_t len)
{
  size_t i = len > 0 && step[0] == '@', colons = 0, start = i;

  if (len == 1 && step[0] == '.')
    return true;
  for (; i < len; i++)
    if (step[i] == ':')
      {
        if (++colons > 1 || i == start || i + 1 == len)
          return false;
      }
    else if (!strchr (NAME_CHARS, step[i]) && !((unsigned char) step[i] & 0x80))
      return false;
  return len > start;
}

static const char *
xml_path (const char *path)
{
  const char *p = path;

  if (strlen (path) > USHER_XML_PATH_MAX)
    return "a path has at most 512 bytes";
  for (;;)
    {
      size_t len = strcspn (p, "/");

      if (!xml_step (p, len))
        return "a path of XML is names with / between them, the last maybe @attribute (\"name/first\", \"@id\", \".\")";
      p += len;
      if (!*p)
        return NULL;
      if (p > path && memchr (p - len, '@', len))
        return "an attribute is the end of a path";
      p++;
    }
}

const char *
grammar_path (const char *path, bool xml)
{
  if (xml)
    return xml_path (path + (*path == '/'));
  if (*path == '/')
    return "a path of JSON is names with dots between them (\"user.email\"); with slashes it is one of XML";
  return json_path (path);
}

const char *
grammar_items (const char *path, bool xml)
{
  size_t len = strlen (path);

  if (xml)
    return path[0] != '/' ? "the path of rows of XML begins with / and the outermost element (\"/users/user\")"
                          : xml_path (path + 1);
  if (len < 2 || strcmp (path + len - 2, "[]") != 0)
    return "the path of items ends with [] (\"members[]\", or \"[]\" for an answer that is a list)";
  return grammar_path (path, false);
}

/* ---- Regular expressions ---- */

/* Whether the repetitions {n,m}, multiplied, stay within bounds: the C library copies what is
   repeated. */
static bool
affordable (const char *pattern)
{
  size_t copies = 1;

  for (const char *p = pattern; (p = strchr (p, '{')); p++)
    {
      size_t most = 1, n = 0;

      for (const char *d = p + 1; *d && *d != '}' && n <= COPIES_MAX; d++)
        {
          n = *d >= '0' && *d <= '9' ? n * 10 + (size_t) (*d - '0') : 0;
          most = n > most ? n : most;
        }
      copies *= most;
      if (copies > COPIES_MAX)
        return false;
    }
  return true;
}

const char *
grammar_ere (const char *pattern)
{
  regex_t re;

  if (strlen (pattern) > PATTERN_MAX || !affordable (pattern)
      || regcomp (&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
    return "must be a POSIX extended regular expression of at most 512 bytes, with repetitions of 2000 at most";
  regfree (&re);
  return NULL;
}

bool
grammar_matches (const char *pattern, const char *text)
{
  char whole[PATTERN_MAX];
  regex_t re;
  int r;

  (void) snprintf (whole, sizeof whole, "^(%s)$", pattern);
  if (regcomp (&re, whole, REG_EXTENDED | REG_NOSUB) != 0)
    return false;
  r = regexec (&re, text, 0, NULL, 0);
  regfree (&re);
  return r == 0;
}

/* ---- Templates ---- */

const char *
grammar_template (const char *text)
{
  const char *p = text;

  PLANTED_BUG (text, strlen (text));
  while (*(p += strcspn (p, "{}")))
    {
      size_t len = strspn (p + 1, NAME_CHARS);

      if (p[0] == p[1])
        p += 2;
      else if (p[0] == '}')
        return "a } stands alone; a brace that is no part of {name} is written twice: }}";
      else if (len == 0 || len >= GRAMMAR_NAME_MAX || p[1 + len] != '}')
        return "a { stands alone; a brace that is no part of {name} is written twice: {{";
      else
        p += len + 2;
    }
  return NULL;
}

bool
grammar_next_name (const char **at, char name[GRAMMAR_NAME_MAX])
{
  const char *p = *at;

  while (*(p += strcspn (p, "{}")))
    {
      size_t len = strspn (p + 1, NAME_CHARS);

      if (p[0] == p[1])
        {
          p += 2;
          continue;
        }
      memcpy (name, p + 1, len);
      name[len] = '\0';
      *at = p + len + 2;
      return true;
    }
  return false;
}
