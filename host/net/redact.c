/* Owns the forms of secrets that must not be seen. */
#include <config.h>

#include "host/net/redact.h"

#include <sodium.h>

#include "host/common/text.h"

#define VALUE_MAX (64u * 1024)

void
redact_done (struct redact *r)
{
  size_t i;

  for (i = 0; i < r->n; i++)
    {
      explicit_bzero (r->needles[i].text, r->needles[i].len);
      free (r->needles[i].text);
    }
  free (r->needles);
  *r = (struct redact) { 0 };
}

static int
add (struct redact *r, const char *name, const char *text, size_t len)
{
  struct redact_needle *more;
  size_t i;

  if (len < REDACT_MIN)
    return 0;
  for (i = 0; i < r->n; i++)
    if (r->needles[i].len == len && memcmp (r->needles[i].text, text, len) == 0)
      return 0;
  if (r->n == REDACT_NEEDLES_MAX)
    return -E2BIG;
  more = reallocarray (r->needles, r->n + 1, sizeof *more);
  if (!more)
    return -ENOMEM;
  r->needles = more;
  more[r->n] = (struct redact_needle) { malloc (len), len, name };
  if (!more[r->n].text)
    return -ENOMEM;
  memcpy (more[r->n].text, text, len);
  r->n++;
  return 0;
}

/* The value as PLACE writes it; once more with hex digits in lower case, and with the
   slashes that some write as "\/". */
static int
add_escaped (struct redact *r, const struct standin *s, enum standin_place place)
{
  _cleanup_ (buf_wipe) struct buf text = BUF_INIT (8 * VALUE_MAX), other = BUF_INIT (8 * VALUE_MAX);
  size_t i;
  int e;

  /* What cannot be written in that place cannot be read there either. */
  if (standin_escape (place, s->value.data, s->value.len, &text) < 0 || !text.len)
    return 0;
  e = add (r, s->name, text.data, text.len);
  if (e < 0)
    return e;
  for (i = 0; i < text.len; i++)
    if (place == STANDIN_JSON && text.data[i] == '/')
      buf_puts (&other, "\\/");
    else if (place == STANDIN_URL && text.data[i] == '%' && i + 2 < text.len)
      {
        char lower[4] = { '%', text.data[i + 1], text.data[i + 2], '\0' };

        ascii_lower (lower);
        buf_puts (&other, lower);
        i += 2;
      }
    else
      buf_putc (&other, text.data[i]);
  return buf_error (&other) ? buf_error (&other) : add (r, s->name, other.data, other.len);
}

/* The characters of base64 that only the value decides, when SKIP bytes of something
   else stand before it in a group of three. */
static int
add_base64 (struct redact *r, const struct standin *s, size_t skip, int variant)
{
  _cleanup_ (buf_wipe) struct buf plain = BUF_INIT (VALUE_MAX + 3), text = BUF_INIT (2 * VALUE_MAX);
  size_t first = skip ? skip + 1 : 0, last, size;
  char *at;

  buf_put (&plain, "\0\0", skip);
  buf_put (&plain, s->value.data, s->value.len);
  if (buf_error (&plain))
    return buf_error (&plain);
  size = sodium_base64_encoded_len (plain.len, variant);
  at = buf_reserve (&text, size);
  if (!at)
    return buf_error (&text);
  sodium_bin2base64 (at, size, (const unsigned char *) plain.data, plain.len, variant);
  text.len = size - 1;
  last = plain.len * 8 / 6;
  return last > first ? add (r, s->name, text.data + first, last - first) : 0;
}

int
redact_add (struct redact *r, const struct standin *s)
{
  static const enum standin_place places[] = { STANDIN_RAW, STANDIN_URL, STANDIN_JSON,
                                               STANDIN_XML };
  size_t i;
  int e;

  if (s->value.len < REDACT_MIN || streq (s->name, "username"))
    return 0;
  for (i = 0; i < ARRAY_SIZE (places); i++)
    {
      e = add_escaped (r, s, places[i]);
      if (e < 0)
        return e;
    }
  for (i = 0; i < 3; i++)
    {
      e = add_base64 (r, s, i, sodium_base64_VARIANT_ORIGINAL);
      if (e == 0)
        e = add_base64 (r, s, i, sodium_base64_VARIANT_URLSAFE);
      if (e < 0)
        return e;
    }
  return 0;
}

/* A value has at most this many forms: see add_escaped and add_base64. */
#define FORMS_MAX 14u

int
redact_next (struct redact *r, const char *name, const char *value)
{
  struct standin s = { .name = (char *) (uintptr_t) name,
                       .value = { (char *) (uintptr_t) value, strlen (value) } };
  size_t i, mine = 0, kept = 0;

  for (i = 0; i < r->n; i++)
    mine += r->needles[i].name == name;
  for (i = 0; i < r->n; i++)
    if (r->needles[i].name == name && mine > REDACT_SERIES * FORMS_MAX)
      {
        explicit_bzero (r->needles[i].text, r->needles[i].len);
        free (r->needles[i].text);
        mine--;
      }
    else
      r->needles[kept++] = r->needles[i];
  r->n = kept;
  return redact_add (r, &s);
}

int
redact_build (const struct standins *secrets, struct redact *ret)
{
  _cleanup_ (redact_done) struct redact r = { 0 };
  size_t i;

  for (i = 0; i < secrets->n; i++)
    {
      int e = redact_add (&r, &secrets->v[i]);

      if (e < 0)
        return e;
    }
  *ret = r;
  r = (struct redact) { 0 };
  return 0;
}

/* The longest needle that begins at TEXT, *ret_len its bytes in TEXT; or NULL. */
static const struct redact_needle *
match (const struct redact *r, const char *text, size_t len, size_t *ret_len)
{
  const struct redact_needle *best = NULL;
  size_t i, best_len = 0;

  for (i = 0; i < r->n; i++)
    {
      size_t n = MIN (r->needles[i].len, len);

      if (n >= REDACT_MIN && n > best_len && r->needles[i].text[0] == text[0]
          && memcmp (r->needles[i].text, text, n) == 0)
        {
          best = &r->needles[i];
          best_len = n;
        }
    }
  *ret_len = best_len;
  return best;
}

void
redact_put (const struct redact *r, const char *text, size_t len, struct buf *out)
{
  size_t at, n, plain = 0;

  for (at = 0; at < len; at++)
    {
      const struct redact_needle *hit = match (r, text + at, len - at, &n);

      if (!hit)
        continue;
      buf_put (out, text + plain, at - plain);
      buf_printf (out, "[%s]", hit->name);
      at += n - 1;
      plain = at + 1;
    }
  buf_put (out, text + plain, len - plain);
}
