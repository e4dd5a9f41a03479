/* Plain paths against jq: random items, in which any place may be of another type or missing.  Both
   ways to a value have to give the same texts.  */
#include <config.h>

#include "unit.h"

#include "plugins/seat/rest/value.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <usher/fakehost.h>

#define ITEMS 20000
#define PAIRS 7
#define TEXT_MAX 65536

static const char *const paths[PAIRS] = { "id", "name.first", "tags[]", "emails[].value", "emails[1].value",
                                          "'a.b'.c", "deep[].list[0]" };
static const char *const expressions[PAIRS] = {
  ".id", ".name | objects | .first", ".tags | arrays | .[]", ".emails | arrays | .[] | objects | .value",
  ".emails | arrays | .[1] | objects | .value", ".[\"a.b\"] | objects | .c",
  ".deep | arrays | .[] | objects | .list | arrays | .[0]" };

static uint64_t seed = UINT64_C (0x9e3779b97f4a7c15);
static unsigned long compared;

static unsigned
pick (unsigned n)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (unsigned) (seed >> 33) % n;
}

struct text
{
  char s[TEXT_MAX];
  size_t len;
};

static void __attribute__ ((format (printf, 2, 3)))
add (struct text *t, const char *fmt, ...)
{
  va_list ap;
  int n;

  va_start (ap, fmt);
  n = vsnprintf (t->s + t->len, sizeof t->s - t->len, fmt, ap);
  va_end (ap);
  t->len += (size_t) n;
  if (t->len >= sizeof t->s)
    abort ();
}

static void
add_scalar (struct text *t)
{
  static const char *const scalars[] = {
    "true", "false", "null", "0", "12", "-7", "-3.25", "0.5", "9007199254740992", "9007199254740993",
    "-12345678901234567890", "123456789012345678901234567890", "\"\"", "\"Ada\"", "\"9007199254740993\"",
    "\"a\\\\\\\"12345678901234567890\"", "\"\\u00e9\\ud83d\\ude00\"", "\"x\\u0000y\"", "\"\xe2\x82\xac\\n\"" };

  add (t, "%s", scalars[pick (sizeof scalars / sizeof scalars[0])]);
}

static void add_list (struct text *t, const char *name);

/* {NAME: a scalar}, and what is not asked for beside it. */
static void
add_object (struct text *t, const char *name)
{
  add (t, "{ \"%s\" :", pick (5) ? name : "other");
  if (strcmp (name, "list") == 0)
    add_list (t, NULL);
  else
    add_scalar (t);
  add (t, pick (2) ? "}" : ",\"more\":[1,{\"id\":2}]}");
}

/* Elements, each {NAME: a scalar} or a scalar. */
static void
add_list (struct text *t, const char *name)
{
  unsigned n = pick (4);

  add (t, "[");
  for (unsigned i = 0; i < n; i++)
    {
      add (t, i ? ", " : "");
      if (name && pick (6))
        add_object (t, name);
      else
        add_scalar (t);
    }
  add (t, "]");
}

static void
add_item (struct text *t)
{
  static const struct { const char *name, *inner; bool list; } members[] = {
    { "id", NULL, false }, { "name", "first", false }, { "tags", NULL, true }, { "emails", "value", true },
    { "a.b", "c", false }, { "deep", "list", true }, { "unasked", "x", true } };
  const char *comma = "";

  add (t, "{");
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
    {
      if (pick (6) == 0)
        continue;
      add (t, "%s\"%s\": ", comma, members[i].name);
      comma = ",";
      if (pick (8) == 0 || (!members[i].list && !members[i].inner))
        add_scalar (t);
      else if (members[i].list)
        add_list (t, members[i].inner);
      else
        add_object (t, members[i].inner);
    }
  add (t, "}");
}

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  (void) arg;
  for (size_t i = 0; i < PAIRS; i++)
    {
      const struct rest_texts *plain = &values[2 * i], *jq = &values[2 * i + 1];

      if (plain->n != jq->n)
        ck_abort_msg ("%s gives %zu texts, jq %zu", paths[i], plain->n, jq->n);
      for (size_t k = 0; k < plain->n; k++)
        if (strcmp (plain->v[k], jq->v[k]) != 0)
          ck_abort_msg ("%s gives \"%s\", jq \"%s\"", paths[i], plain->v[k], jq->v[k]);
      compared += plain->n;
    }
  return 0;
}

START_TEST (test_a_plain_path_gives_what_jq_gives)
{
  static const char *const places[2 * PAIRS] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
                                                 "n" };
  struct usher_fake *fake = usher_fake_new ();
  struct text *t = calloc (1, sizeof *t);
  json_t *values[2 * PAIRS];
  struct rest_jq *jq;
  struct rest_reader *reader;
  struct rest_reader_spec spec = { .items = "[]", .items_place = "at", .values = values, .places = places,
                                   .n_values = 2 * PAIRS };

  ck_assert_ptr_nonnull (t);
  for (size_t i = 0; i < PAIRS; i++)
    {
      values[2 * i] = json_string (paths[i]);
      values[2 * i + 1] = json_pack ("{s:s}", "jq", expressions[i]);
    }
  ck_assert_int_eq (rest_jq_new (&jq), USHER_DONE);
  spec.jq = jq;
  ck_assert_int_eq (rest_reader_new (usher_fake_ctx (fake), &spec, &reader), USHER_DONE);
  ck_assert_int_eq (rest_jq_compile (jq, usher_fake_ctx (fake)), USHER_DONE);
  for (unsigned n = 0; n < ITEMS; n++)
    {
      t->len = 0;
      add (t, "[");
      add_item (t);
      add (t, "]");
      if (rest_reader_each_in (reader, NULL, t->s, t->len, on_item, NULL) < 0)
        ck_abort_msg ("%s: %s", t->s, rest_reader_error (reader));
    }
  ck_assert_uint_gt (compared, ITEMS);
  for (size_t i = 0; i < 2 * PAIRS; i++)
    json_decref (values[i]);
  rest_reader_free (reader);
  rest_jq_free (jq);
  usher_fake_free (fake);
  free (t);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_a_plain_path_gives_what_jq_gives);
}

UNIT_MAIN ("rest-diff", fill)
