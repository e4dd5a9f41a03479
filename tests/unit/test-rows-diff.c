/* rows against jansson: random documents, whole and damaged, at every split of the bytes.
   Both must agree whether it is JSON, and on every value.  */
#include <config.h>

#include "unit.h"

#include "sdk/lib/rows-private.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DOCUMENTS 3000
#define TEXT_MAX 2048

static const char *const fields[] = { "id", "name.first", "tags[]", "emails[].value", "emails[].ok",
                                      "n", "o", "emails", "'a.b'.c", "", "tags[1]",
                                      "emails[0].value" };
#define N_FIELDS (sizeof fields / sizeof fields[0])
static const char *const page_fields[] = { "total", "meta.next" };

struct text
{
  char s[64 * TEXT_MAX];
  size_t len;
};

static uint64_t seed;

/* For the inner loops: libcheck writes to a file at each ck_assert. */
static void
must (bool ok)
{
  if (!ok)
    ck_abort_msg ("a check of an inner loop failed");
}

static unsigned
pick (unsigned n)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (unsigned) (seed >> 33) % n;
}

static void __attribute__ ((format (printf, 2, 3)))
add (struct text *t, const char *fmt, ...)
{
  va_list ap;
  int n;

  va_start (ap, fmt);
  n = vsnprintf (t->s + t->len, sizeof t->s - t->len, fmt, ap);
  va_end (ap);
  t->len += (size_t) n;
  must (n >= 0 && t->len < sizeof t->s);
}

/* ---- random documents ---- */

static void
gen_space (struct text *t)
{
  static const char *const spaces[] = { "", "", "", "", " ", "\n", "\t ", "\r\n  " };

  add (t, "%s", spaces[pick (8)]);
}

static void
gen_string (struct text *t)
{
  static const char *const parts[] = {
    "a", "Ada", "x@example.com", "0123456789abcdef0123456789", "\xc3\xa9", "\xe2\x82\xac",
    "\xf0\x9f\x98\x80", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\u20AC", " ",
    "\x7f", "\\b\\f\\r\\t", "{[,:]}", "\\u0000" };
  unsigned n = pick (5);

  add (t, "\"");
  while (n-- > 0)
    add (t, "%s", parts[pick (sizeof parts / sizeof parts[0])]);
  add (t, "\"");
}

static void gen_value (struct text *t, unsigned depth);

static void
gen_array (struct text *t, unsigned depth)
{
  unsigned n = pick (4), i;

  add (t, "[");
  gen_space (t);
  for (i = 0; i < n; i++)
    {
      if (i > 0)
        add (t, ",");
      gen_space (t);
      gen_value (t, depth + 1);
      gen_space (t);
    }
  add (t, "]");
}

/* An object with a part of NAMES (17 at most), each once. */
static void
gen_object (struct text *t, const char *const *names, unsigned n, unsigned depth)
{
  unsigned i, some = 0;

  add (t, "{");
  gen_space (t);
  for (i = 0; i < n; i++)
    {
      if (pick (4) == 0)
        continue;
      add (t, some++ ? ",%s" : "%s", "");
      gen_space (t);
      add (t, "\"%s\"", names[i]);
      gen_space (t);
      add (t, ":");
      gen_space (t);
      gen_value (t, depth + 1);
      gen_space (t);
    }
  add (t, "}");
}

static void
gen_value (struct text *t, unsigned depth)
{
  static const char *const scalars[] = { "true", "false", "null", "0", "-0", "12", "-3.25", "1e3",
                                         "4E-2", "1234567890123", "0.5e+1" };
  static const char *const names[] = { "id", "name", "value", "ok", "first", "c", "i\\u0064x", "" };
  unsigned kind = pick (depth > 5 ? 5 : 9);

  if (kind < 3)
    gen_string (t);
  else if (kind < 5)
    add (t, "%s", scalars[pick (sizeof scalars / sizeof scalars[0])]);
  else if (kind < 7)
    gen_array (t, depth);
  else
    gen_object (t, names, sizeof names / sizeof names[0], depth);
}

static void
gen_document (struct text *t)
{
  static const char *const names[] = { "id", "name", "tags", "emails", "n", "o", "a.b", "other" };
  unsigned n = pick (4), i;

  t->len = 0;
  gen_space (t);
  add (t, "{");
  if (pick (2))
    add (t, "\"total\":%u,", pick (1000));
  add (t, "\"%s\":", pick (8) ? "list" : "l\\u0069st");
  if (pick (12) == 0)
    gen_value (t, 0);
  else
    {
      add (t, "[");
      for (i = 0; i < n; i++)
        {
          add (t, i ? "," : "");
          gen_space (t);
          if (pick (8) == 0)
            gen_value (t, 0);
          else
            gen_object (t, names, sizeof names / sizeof names[0], 0);
          gen_space (t);
        }
      add (t, "]");
    }
  add (t, ",\"meta\":{\"next\":");
  gen_string (t);
  add (t, "},\"rest\":");
  gen_value (t, 0);
  add (t, "}");
  gen_space (t);
}

static void
damage (struct text *t)
{
  static const char bytes[] = "\"\\{}[],:0-.eu\x01\xff\xc3\x80 tn9d";
  size_t at = pick ((unsigned) t->len);

  switch (pick (4))
    {
    case 0:
      t->s[at] = bytes[pick (sizeof bytes - 1)];
      break;
    case 1:
      memmove (t->s + at, t->s + at + 1, t->len - at);
      t->len--;
      break;
    case 2:
      memmove (t->s + at + 1, t->s + at, t->len - at + 1);
      t->s[at] = bytes[pick (sizeof bytes - 1)];
      t->len++;
      break;
    default:
      t->len = at;
      t->s[at] = '\0';
      break;
    }
}

/* ---- what jansson says ---- */

/* The text of V; NUL is U+FFFD in rows. */
static void
say_text (struct text *out, const json_t *v)
{
  const char *s = json_string_value (v);
  size_t len = json_string_length (v), i;

  for (i = 0; i < len; i++)
    if (s[i])
      add (out, "%c", s[i]);
    else
      add (out, "\xef\xbf\xbd");
}

static void
say (struct text *out, size_t field, unsigned index, const json_t *v)
{
  char *raw;

  add (out, "%zu.%u=", field, index);
  switch (json_typeof (v))
    {
    case JSON_STRING:
      add (out, "s");
      say_text (out, v);
      add (out, ";");
      break;
    case JSON_REAL:
    case JSON_INTEGER:
      add (out, "n%.17g;", json_number_value (v));
      break;
    default:
      raw = json_dumps (v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
      add (out, "r%s;", raw);
      free (raw);
    }
}

static void
say_each (struct text *out, size_t field, const json_t *array, const char *name)
{
  const json_t *v;
  size_t i;

  for (i = 0; i < json_array_size (array); i++)
    {
      v = json_array_get (array, i);
      if (name)
        v = json_object_get (v, name);
      if (v)
        say (out, field, (unsigned) i, v);
    }
}

static void
say_item (struct text *out, const json_t *item)
{
  const json_t *emails = json_object_get (item, "emails"), *v;

  add (out, "item ");
  if ((v = json_object_get (item, "id")))
    say (out, 0, 0, v);
  if ((v = json_object_get (json_object_get (item, "name"), "first")))
    say (out, 1, 0, v);
  say_each (out, 2, json_object_get (item, "tags"), NULL);
  say_each (out, 3, emails, "value");
  say_each (out, 4, emails, "ok");
  if ((v = json_object_get (item, "n")))
    say (out, 5, 0, v);
  if ((v = json_object_get (item, "o")))
    say (out, 6, 0, v);
  if (emails)
    say (out, 7, 0, emails);
  if ((v = json_object_get (json_object_get (item, "a.b"), "c")))
    say (out, 8, 0, v);
  say (out, 9, 0, item);
  if ((v = json_array_get (json_object_get (item, "tags"), 1)))
    say (out, 10, 1, v);
  if ((v = json_object_get (json_array_get (emails, 0), "value")))
    say (out, 11, 0, v);
}

/* The verdict of jansson and what it found; -1 when the two may differ. */
static int
by_jansson (const struct text *doc, struct text *out)
{
  json_error_t e;
  json_t *root = json_loadb (doc->s, doc->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e), *list, *v;
  size_t i;
  int ok = 1;

  out->len = 0;
  out->s[0] = '\0';
  if (!root)
    return json_error_code (&e) == json_error_duplicate_key
           || json_error_code (&e) == json_error_numeric_overflow
           || json_error_code (&e) == json_error_null_byte_in_key
           || strstr (e.text, "invalid Unicode") /* half a surrogate pair: test-rows.c */ ? -1 : 0;
  list = json_object_get (root, "list");
  if (!json_is_object (root) || (list && !json_is_array (list) && !json_is_null (list)))
    ok = 0;
  json_array_foreach (list, i, v)
    say_item (out, v);
  add (out, "present %d ", json_is_array (list));
  if ((v = json_object_get (root, "total")))
    say (out, 0, 0, v);
  if ((v = json_object_get (json_object_get (root, "meta"), "next")))
    say (out, 1, 0, v);
  json_decref (root);
  return ok;
}

/* ---- what rows says ---- */

static void
say_value (struct text *out, const struct usher_value *v)
{
  json_t *raw;
  char *text;

  must (strlen (v->text) == v->len);
  add (out, "%u.%u=", v->field, v->index);
  if (v->type == USHER_V_STRING)
    add (out, "s%s;", v->text);
  else if (v->type == USHER_V_NUMBER)
    add (out, "n%.17g;", strtod (v->text, NULL) + 0.0);   /* jansson has no -0 */
  else
    {
      raw = json_loads (v->text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
      must (raw != NULL);
      text = json_dumps (raw, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
      add (out, "r%s;", text);
      free (text);
      json_decref (raw);
    }
}

static int32_t
on_item (void *arg, const struct usher_item *item)
{
  struct text *out = arg;
  const struct usher_value *v;
  uint32_t i;

  add (out, "item ");
  for (i = 0; i < N_FIELDS; i++)
    for (v = usher_item_get (item, i); v; v = usher_item_next (item, v))
      say_value (out, v);
  return 0;
}

static int
by_rows (struct usher_rows *rows, const struct text *doc, uint32_t chunk, struct text *out)
{
  int32_t r;
  uint32_t i;

  out->len = 0;
  out->s[0] = '\0';
  rows->chunk = chunk;
  r = usher_rows_each_in (rows, doc->s, doc->len, on_item, out);
  if (r == USHER_E_SHAPE)
    {
      must (usher_rows_error (rows)[0]);
      return 0;
    }
  must (r == USHER_DONE);
  add (out, "present %d ", usher_rows_present (rows));
  for (i = 0; i < 2; i++)
    if (usher_rows_page (rows, i))
      say_value (out, usher_rows_page (rows, i));
  return 1;
}

static unsigned accepted, refused;

/* At every split, or when there are many bytes at SPLITS of them. */
static void
compare (struct usher_rows *rows, const struct text *doc, uint32_t splits, struct text *want,
         struct text *got)
{
  uint32_t chunk, every = 1 + (uint32_t) doc->len / splits;
  int jansson = by_jansson (doc, want), ours;

  if (jansson < 0)
    return;
  *(jansson ? &accepted : &refused) += 1;
  for (chunk = 1 + pick (every); chunk <= doc->len + 1; chunk += every)
    {
      ours = by_rows (rows, doc, chunk, got);
      if (ours != jansson)
        ck_abort_msg ("chunk %u, jansson %d, rows %d (%s): %.800s", chunk, jansson, ours,
                      usher_rows_error (rows), doc->s);
      if (ours && strcmp (want->s, got->s) != 0)
        ck_abort_msg ("chunk %u: %.800s\nwant %.800s\ngot  %.800s", chunk, doc->s,
                       want->s, got->s);
    }
}

static void
run (bool damaged)
{
  const struct usher_rows_spec spec = { sizeof spec, 0, "list[]", fields, N_FIELDS, page_fields, 2 };
  struct text *doc = malloc (3 * sizeof *doc);
  struct usher_rows *rows;
  int i;

  ck_assert_ptr_nonnull (doc);
  ck_assert_int_eq (usher_rows_new (&spec, &rows), USHER_DONE);
  for (i = 0; i < DOCUMENTS; i++)
    {
      seed = UINT64_C (0x9e3779b97f4a7c15) + (uint64_t) i * 2 + damaged;
      do
        gen_document (doc);
      while (doc->len > TEXT_MAX);
      if (damaged)
        damage (doc);
      compare (rows, doc, i < 40 ? TEXT_MAX : 20, doc + 1, doc + 2);
    }
  usher_rows_free (rows);
  free (doc);
}

START_TEST (test_rows_and_jansson_read_the_same_values)
{
  run (false);
  ck_assert_uint_gt (accepted, DOCUMENTS * 8 / 10);
}
END_TEST

START_TEST (test_rows_and_jansson_refuse_the_same_damage)
{
  run (true);
  ck_assert_uint_gt (refused, DOCUMENTS / 2);
  ck_assert_uint_gt (accepted, DOCUMENTS / 10);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_rows_and_jansson_read_the_same_values);
  tcase_add_test (t, test_rows_and_jansson_refuse_the_same_damage);
}

UNIT_MAIN ("rows-diff", fill)
