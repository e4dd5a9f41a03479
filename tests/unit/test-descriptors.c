/* What "run" of an app file may say: files that are right, one for each feature, and edits of them
   that are wrong, each refused where and why it must be, without a request. */
#include <config.h>

#include "unit.h"

#include <stdio.h>
#include <usher/fakehost.h>

#include "host/apps/apps.h"
#include "host/common/buf.h"
#include "host/common/io.h"
#include "plugins/seat/rest/shape.h"

#define CORPUS TOP_SRCDIR "/tests/unit/descriptors/"
#define FILE_BYTES (1u << 20)
#define LINE_BYTES 1200u

static const char *const good[] = { "boards", "chat", "graph", "links", "markup", "members", "scim-options" };

static void
never (void *data, const struct app_problem *p)
{
  (void) data;
  ck_abort_msg ("%s:%zu:%zu: %s: %s", p->file, p->line, p->column, p->path, p->text);
}

static char *
read_good (const char *name)
{
  struct buf b = BUF_INIT (FILE_BYTES);
  char path[512];

  (void) snprintf (path, sizeof path, CORPUS "good/%s.json", name);
  ck_assert_int_eq (io_read_file (path, &b), 0);
  return buf_steal (&b);
}

/* A host that is asked about the app file TEXT, whose "run" is *RET_RUN; WHOLE: it tells the rest
   of the file too. */
static struct usher_fake *
ask (const char *text, bool whole, json_t **ret_run)
{
  struct usher_fake *fake = usher_fake_new ();
  json_error_t error;
  json_t *app = json_loads (text, JSON_REJECT_DUPLICATES, &error);
  char *rest;

  ck_assert_msg (app != NULL, "%s", error.text);
  *ret_run = json_incref (json_object_get (app, "run"));
  (void) json_object_del (app, "run");
  rest = json_dumps (app, JSON_COMPACT);
  if (whole)
    usher_fake_conf (fake, "app.file", rest);
  free (rest);
  json_decref (app);
  return fake;
}

/* The last event of KIND, which is what a session keeps; NULL = none. */
static const struct usher_fake_event *
last (struct usher_fake *fake, uint32_t kind)
{
  const struct usher_fake_event *found = NULL, *e;
  size_t i;

  for (i = 0; (e = usher_fake_event (fake, i)); i++)
    if (e->kind == kind)
      found = e;
  return found;
}

/* What is said first about TEXT: "LINE:COLUMN PATH: SENTENCE" into RET, "" when nothing is. */
static void
first_problem (const char *text, bool whole, char *ret)
{
  const struct usher_fake_event *e;
  size_t line, column;
  json_t *run;
  struct usher_fake *fake = ask (text, whole, &run);
  int32_t r = descriptor_check (usher_fake_ctx (fake), run);

  e = last (fake, USHER_FAKE_FAULT);
  *ret = '\0';
  if (e)
    {
      ck_assert_int_eq (r, USHER_E_CONFIG);
      ck_assert_int_eq (app_locate (text, strlen (text), e->key, &line, &column), 0);
      (void) snprintf (ret, LINE_BYTES, "%zu:%zu %s: %s", line, column, e->key, e->text);
    }
  else
    ck_assert_int_eq (r, USHER_DONE);
  ck_assert_ptr_null (last (fake, USHER_FAKE_REQUEST));
  json_decref (run);
  usher_fake_free (fake);
}

START_TEST (test_what_is_right_passes)
{
  char said[LINE_BYTES];
  char *text = read_good (good[_i]);
  char file[64];

  (void) snprintf (file, sizeof file, "%s.json", good[_i]);
  ck_assert_int_eq (app_check_text (file, text, strlen (text), never, NULL), 0);
  first_problem (text, /* whole= */ true, said);
  ck_assert_str_eq (said, "");
  first_problem (text, /* whole= */ false, said);
  ck_assert_str_eq (said, "");
  free (text);
}
END_TEST

/* TEXT with the one occurrence of OLD made NEW. */
static char *
edit (const char *text, const char *old, const char *new, const char *where)
{
  struct buf b = BUF_INIT (FILE_BYTES);
  const char *at = strstr (text, old);

  ck_assert_msg (at != NULL, "%s: not in the file: %s", where, old);
  ck_assert_msg (!strstr (at + 1, old), "%s: more than once in the file: %s", where, old);
  buf_put (&b, text, (size_t) (at - text));
  buf_puts (&b, new);
  buf_puts (&b, at + strlen (old));
  return buf_steal (&b);
}

/* The next line of *AT, without its end; NULL at the end. */
static char *
next_line (char **at)
{
  char *line = *at;

  if (!*line)
    return NULL;
  line[strcspn (line, "\n")] = '\0';
  *at = line + strlen (line) + 1;
  return line;
}

START_TEST (test_every_mistake_is_named_where_and_why_without_a_request)
{
  struct buf b = BUF_INIT (FILE_BYTES);
  char *at, *line, *base = NULL, said[LINE_BYTES], old[LINE_BYTES] = "", new[LINE_BYTES] = "";
  size_t cases = 0, bad = 0;

  ck_assert_int_eq (io_read_file (CORPUS "bad", &b), 0);
  buf_put (&b, "", 1);
  for (at = b.data; (line = next_line (&at));)
    if (line[0] == '=')
      {
        free (base);
        base = read_good (line + 2);
      }
    else if (line[0] == '-' || line[0] == '+')
      (void) snprintf (line[0] == '-' ? old : new, LINE_BYTES, "%s", line + 2);
    else if (line[0] == 's' || line[0] == 'c')
      {
        char *text = edit (base, old, new, line);

        first_problem (text, /* whole= */ true, said);
        if (strcmp (said, line + 2) != 0)
          {
            (void) printf ("- %s\n+ %s\n%c %s\nnot: %s\n", old, new, line[0], said, line + 2);
            bad++;
          }
        cases++;
        free (text);
      }
  (void) fflush (stdout);
  ck_assert_uint_eq (bad, 0);
  ck_assert_uint_ge (cases, 200);
  free (base);
  buf_done (&b);
}
END_TEST

/* ---- The manual page ---- */

#define KEYS_MAX 400u

struct keys
{
  const char *v[KEYS_MAX];
  size_t n;
};

static bool
has (const struct keys *k, const char *key)
{
  size_t i;

  for (i = 0; i < k->n; i++)
    if (strcmp (k->v[i], key) == 0)
      return true;
  return false;
}

/* Every key of TABLE and of what stands in it. */
static void
collect (const struct shape *table, struct keys *ret)
{
  for (; table->key; table++)
    {
      const struct shape *of = table->of;

      if (!has (ret, table->key))
        ret->v[ret->n++] = table->key;
      ck_assert_uint_lt (ret->n, KEYS_MAX);
      if (of && (table->kind == SHAPE_MAP || table->kind == SHAPE_LIST))
        of = of->kind == SHAPE_OBJECT ? of->of : NULL;
      if (of)
        collect (of, ret);
    }
}

/* The words of the lines ".Cm ..." and ".It Cm ..." of TEXT, which is cut into them; ITEMS: of the
   latter alone. */
static void
page_words (char *text, bool items, struct keys *ret)
{
  char *line, *word, *lines, *words;

  for (line = strtok_r (text, "\n", &lines); line; line = strtok_r (NULL, "\n", &lines))
    if (strncmp (line, ".It Cm ", 7) == 0 || (!items && strncmp (line, ".Cm ", 4) == 0))
      for (word = strtok_r (line + (line[1] == 'I' ? 7 : 4), " ", &words); word; word = strtok_r (NULL, " ", &words))
        if (strpbrk (word, "abcdefghijklmnopqrstuvwxyz"))
          ret->v[ret->n++] = word;
  ck_assert_uint_lt (ret->n, KEYS_MAX);
}

START_TEST (test_manual_page_has_every_key_of_a_descriptor_and_no_other)
{
  struct keys keys = { .n = 0 }, items = { .n = 0 }, words = { .n = 0 };
  struct buf b = BUF_INIT (FILE_BYTES);
  char *from, *copy;
  size_t i;

  collect (shape_run[0].of, &keys);
  ck_assert_uint_gt (keys.n, 100);
  ck_assert_int_eq (io_read_file (TOP_SRCDIR "/host/man/usher-app.5", &b), 0);
  buf_put (&b, "", 1);
  from = strstr (b.data, ".Sh AN APP BY ITS API");
  ck_assert_ptr_nonnull (from);
  *strstr (from, ".Sh FILES") = '\0';
  copy = strdup (from);
  page_words (copy, /* items= */ true, &items);
  page_words (from, /* items= */ false, &words);
  for (i = 0; i < keys.n; i++)
    ck_assert_msg (has (&words, keys.v[i]), "usher-app.5 lacks the key %s", keys.v[i]);
  for (i = 0; i < items.n; i++)
    ck_assert_msg (has (&keys, items.v[i]), "usher-app.5 has %s, which is no key", items.v[i]);
  free (copy);
  buf_done (&b);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_loop_test (t, test_what_is_right_passes, 0, (int) ARRAY_SIZE (good));
  tcase_add_test (t, test_every_mistake_is_named_where_and_why_without_a_request);
  tcase_add_test (t, test_manual_page_has_every_key_of_a_descriptor_and_no_other);
}

UNIT_MAIN ("descriptors", fill)
