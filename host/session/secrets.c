/* Owns stand-ins and the search for secret values. */
#include <config.h>

#include "host/session/secrets.h"

#include <sys/random.h>

#include "host/common/buf.h"

#define TEXT_MAX (512u * 1024)     /* of a redacted text; the longest message is 256 KiB */
#define WITHHELD "(withheld: it holds a secret)"

bool
session_secret_is_of_token (const char *name)
{
  static const char *const names[SECRETS_OF_TOKENS] = { "access_token", "client_id", "client_secret", "refresh_token" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (names); i++)
    if (streq (names[i], name))
      return true;
  return false;
}

void
session_secrets_done (struct session_secrets *s)
{
  size_t i;

  for (i = 0; i < s->n; i++)
    {
      free (s->v[i].name);
      secret_done (&s->v[i].value);
    }
  s->n = 0;
}

static int
add (struct session_secrets *s, const char *name, const char *value)
{
  char *copy = strdup (name);
  int r;

  if (!copy)
    return -ENOMEM;
  s->v[s->n].value = (struct secret) { NULL, 0 };
  r = secret_set (&s->v[s->n].value, value, strlen (value));
  if (r < 0)
    {
      free (copy);
      return r;
    }
  s->v[s->n++].name = copy;
  return 0;
}

int
session_secrets_put (struct session_secrets *s, const char *name, const char *value)
{
  size_t values = 0, last = 0, i;

  for (i = 0; i < s->n; i++)
    if (streq (s->v[i].name, name))
      {
        if (streq (s->v[i].value.data, value))
          return 0;
        values++;
        last = i;
      }
  if (s->n < SECRETS_SEARCHED_MAX || (values < 2 && session_secret_is_of_token (name)))
    return add (s, name, value);
  return values > 1 ? secret_set (&s->v[last].value, value, strlen (value)) : -E2BIG;
}

int
session_standin (char ret[STANDIN_LEN + 1])
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const unsigned int whole = 256 - 256 % (sizeof alphabet - 1);
  size_t n = 0;

  ret[n++] = 'u';
  ret[n++] = 'S';
  while (n < STANDIN_LEN)
    {
      unsigned char random[64];
      ssize_t got = getrandom (random, sizeof random, 0), i;

      if (got < 0 && errno != EINTR)
        return -errno;
      /* A byte above the last whole multiple would favour some letters. */
      for (i = 0; i < got && n < STANDIN_LEN; i++)
        if (random[i] < whole)
          ret[n++] = alphabet[random[i] % (sizeof alphabet - 1)];
    }
  ret[n] = '\0';
  return 0;
}

/* ---- Looking through escapes. */

static int
hex_digit (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* N hex digits at P, -1 if they are not. */
static int
hex (const char *p, size_t left, size_t n)
{
  int v = 0;
  size_t i;

  if (left < n)
    return -1;
  for (i = 0; i < n; i++)
    {
      int d = hex_digit (p[i]);

      if (d < 0)
        return -1;
      v = v * 16 + d;
    }
  return v;
}

static void
put_utf8 (struct buf *out, int c)
{
  if (c >= 0x800)
    {
      buf_putc (out, (char) (0xe0 | (c >> 12)));
      buf_putc (out, (char) (0x80 | ((c >> 6) & 0x3f)));
      buf_putc (out, (char) (0x80 | (c & 0x3f)));
    }
  else if (c >= 0x80)
    {
      buf_putc (out, (char) (0xc0 | (c >> 6)));
      buf_putc (out, (char) (0x80 | (c & 0x3f)));
    }
  else
    buf_putc (out, (char) c);
}

/* Takes JSON's escapes off, wherever they stand; surrogates come out as they are. */
static void
unescape_json (const char *p, size_t len, struct buf *out)
{
  static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
  const char *end = p + len, *at;

  /* A backslash at the very end escapes nothing. */
  for (; (at = memchr (p, '\\', (size_t) (end - p))) && at + 1 < end; p = at + 1)
    {
      const char *short_form;
      int c;

      buf_put (out, p, (size_t) (at - p));
      at++;
      c = *at == 'u' ? hex (at + 1, (size_t) (end - at) - 1, 4) : -1;
      short_form = *at ? strchr (from, *at) : NULL;
      if (c >= 0)
        {
          put_utf8 (out, c);
          at += 4;
        }
      else
        buf_putc (out, short_form ? to[short_form - from] : *at);
    }
  buf_put (out, p, (size_t) (end - p));
}

/* Takes percent escapes off; PLUS: a plus is a space, as in forms. */
static void
unescape_url (const char *p, size_t len, bool plus, struct buf *out)
{
  char *to = buf_reserve (out, len);
  size_t i, n = 0;
  int c;

  for (i = 0; to && i < len; i++)
    if (p[i] == '%' && (c = hex (p + i + 1, len - i - 1, 2)) >= 0)
      {
        to[n++] = (char) c;
        i += 2;
      }
    else
      to[n++] = plus && p[i] == '+' ? ' ' : p[i];
  out->len += n;
}

/* What stands in every base64 text that has VALUE at OFFSET (modulo 3), whatever is
   before and after it. */
static void
base64_core (const struct secret *value, size_t offset, bool url, struct buf *out)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t bit, bits = 8 * value->len;

  /* The first sextet that is made of the value alone, then each whole one. */
  for (bit = (6 - 8 * offset % 6) % 6; bit + 6 <= bits; bit += 6)
    {
      unsigned int two = (unsigned int) (unsigned char) value->data[bit / 8] << 8, six;

      if (bit / 8 + 1 < value->len)
        two |= (unsigned char) value->data[bit / 8 + 1];
      six = (two >> (10 - bit % 8)) & 63;
      buf_putc (out, url && six == 62 ? '-' : url && six == 63 ? '_' : plain[six]);
    }
}

/* ---- Searching.  Each checkpoint of a listing is searched, so all values and their forms
   are looked for at once: few places of a text begin with the two bytes that one of them
   begins with. */

#define FORMS 7u                   /* the value, and base64 of two kinds at three offsets */

struct needles
{
  uint8_t begins[(UINT16_MAX + 1) / 8];  /* a bit for each two bytes that one begins with */
  struct { size_t at, len; } v[FORMS * SECRETS_ROOM];
  size_t n;
  struct buf text;
};

static unsigned int
two_bytes (const char *p)
{
  return (unsigned char) p[0] | (unsigned int) (unsigned char) p[1] << 8;
}

/* What was put behind AT is one more. */
static void
add_needle (struct needles *n, size_t at)
{
  size_t len = n->text.len - at;
  unsigned int two;

  if (buf_error (&n->text))
    return;
  assert (len >= 2);
  two = two_bytes (n->text.data + at);
  n->begins[two / 8] |= (uint8_t) (1u << two % 8);
  n->v[n->n].at = at;
  n->v[n->n++].len = len;
}

/* -ENOMEM. */
static int
make_needles (const struct session_secrets *s, struct needles *ret)
{
  size_t i, form, at, room = 0;

  memset (ret->begins, 0, sizeof ret->begins);
  ret->n = 0;
  ret->text = (struct buf) BUF_INIT (SIZE_MAX / 2);
  /* At once, so that no copy is left behind when it grows. */
  for (i = 0; i < s->n; i++)
    room += s->v[i].value.len * 2 * FORMS;
  (void) buf_reserve (&ret->text, room);
  for (i = 0; i < s->n; i++)
    {
      const struct secret *value = &s->v[i].value;

      if (value->len < SECRET_SEARCHED_MIN)
        continue;
      at = ret->text.len;
      buf_put (&ret->text, value->data, value->len);
      add_needle (ret, at);
      for (form = 0; form < FORMS - 1; form++)
        {
          at = ret->text.len;
          base64_core (value, form % 3, form >= 3, &ret->text);
          add_needle (ret, at);
        }
    }
  return buf_error (&ret->text);
}

static bool
has_at (const struct needles *n, const char *p, size_t left)
{
  size_t i;

  for (i = 0; i < n->n; i++)
    if (n->v[i].len <= left && memcmp (p, n->text.data + n->v[i].at, n->v[i].len) == 0)
      return true;
  return false;
}

static bool
has_any (const struct needles *n, const char *p, size_t len)
{
  size_t i;

  for (i = 0; i + 1 < len; i++)
    {
      unsigned int two = two_bytes (p + i);

      if ((n->begins[two / 8] >> two % 8 & 1) && has_at (n, p + i, len - i))
        return true;
    }
  return false;
}

/* Also looks through percent escapes. */
static bool
has_any_url (const struct needles *n, const char *p, size_t len)
{
  bool escaped = len && memchr (p, '%', len), spaced = len && memchr (p, '+', len);
  int plus;

  if (has_any (n, p, len))
    return true;
  for (plus = 0; plus < 2; plus++)
    {
      _cleanup_ (buf_wipe) struct buf view = BUF_INIT (len + 1);

      if (plus ? !spaced : !escaped)
        continue;
      unescape_url (p, len, plus, &view);
      if (buf_error (&view) || has_any (n, view.data ? view.data : "", view.len))
        return true;
    }
  return false;
}

bool
session_secrets_in (const struct session_secrets *s, const void *p, size_t len)
{
  _cleanup_ (buf_wipe) struct buf view = BUF_INIT (3 * len + 1);
  struct needles n;
  bool in;

  if (!len || !s->n)
    return false;
  in = make_needles (s, &n) < 0 || has_any_url (&n, p, len);
  if (!in && memchr (p, '\\', len))
    {
      unescape_json (p, len, &view);
      in = buf_error (&view) || has_any_url (&n, view.data ? view.data : "", view.len);
    }
  buf_wipe (&n.text);
  return in;
}

/* As JSON has it in a string; SLASHES: with "\/", as some write it. */
static void
escape_json (const struct secret *value, bool slashes, struct buf *out)
{
  static const char from[] = "\b\f\n\r\t", to[] = "bfnrt";
  size_t i;

  for (i = 0; i < value->len; i++)
    {
      char c = value->data[i];
      const char *short_form = c ? strchr (from, c) : NULL;

      if (short_form || c == '"' || c == '\\' || (slashes && c == '/'))
        buf_putc (out, '\\');
      buf_putc (out, short_form ? to[short_form - from] : c);
    }
}

/* As it stands in an address: all but unreserved characters (RFC 3986 2.3). */
static void
escape_url (const struct secret *value, bool upper, struct buf *out)
{
  size_t i;

  for (i = 0; i < value->len; i++)
    {
      unsigned char c = (unsigned char) value->data[i];

      if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr ("-._~", c)))
        buf_putc (out, (char) c);
      else
        buf_printf (out, upper ? "%%%02X" : "%%%02x", c);
    }
}

int
session_secrets_sieve (const struct session_secrets *s, struct sieve *ret)
{
  size_t i, form;
  int r = 0;

  sieve_init (ret);
  for (i = 0; i < s->n; i++)
    {
      const struct secret *value = &s->v[i].value;

      if (value->len >= SIEVE_STRING_MIN)
        r = sieve_add (ret, value->data, value->len);
      for (form = 0; form < 10 && r == 0 && value->len >= SIEVE_STRING_MIN; form++)
        {
          _cleanup_ (buf_wipe) struct buf text = BUF_INIT (SIZE_MAX / 2);

          if (form < 6)
            base64_core (value, form % 3, form >= 3, &text);
          else if (form < 8)
            escape_json (value, form == 7, &text);
          else
            escape_url (value, form == 9, &text);
          r = buf_error (&text);
          if (r == 0)
            r = sieve_add (ret, text.data, text.len);
        }
      if (r < 0)
        {
          sieve_done (ret);
          return r;
        }
    }
  sieve_ready (ret);
  return 0;
}

/* The value that begins at P, NULL = none.  Of several the longest, so that no end of it
   is left over. */
static const char *
value_at (const struct session_secrets *s, const char *p, size_t left, size_t *ret_len)
{
  const char *name = NULL;
  size_t i;

  *ret_len = 0;
  for (i = 0; i < s->n; i++)
    {
      const struct secret *value = &s->v[i].value;

      if (value->len >= SECRET_SEARCHED_MIN && value->len > *ret_len && value->len <= left
          && memcmp (p, value->data, value->len) == 0)
        {
          name = s->v[i].name;
          *ret_len = value->len;
        }
    }
  return name;
}

char *
session_secrets_redact (const struct session_secrets *s, const char *text, size_t len)
{
  _cleanup_ (buf_wipe) struct buf out = BUF_INIT (TEXT_MAX);
  size_t i = 0;

  while (i < len)
    {
      size_t value_len;
      const char *name = value_at (s, text + i, len - i, &value_len);

      if (name)
        buf_printf (&out, "[%s]", name);
      else
        buf_putc (&out, text[i]);
      i += name ? value_len : 1;
    }
  if (buf_error (&out) || (out.len && session_secrets_in (s, out.data, out.len)))
    return strdup (WITHHELD);
  return buf_steal (&out);
}
