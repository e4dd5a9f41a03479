/* The command usher without a daemon: its table, its man page, its command line, and
   what becomes of text from outside. */
#include <config.h>

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>

#include "host/cli/ask.h"
#include "host/cli/cli.h"
#include "host/cli/output.h"
#include "host/cli/say.h"
#include "host/common/io.h"
#include "host/common/text.h"

#define WORDS_MAX 64

/* Takes LINE apart at its spaces. */
static int
parse (const char *line, struct args *ret)
{
  static char copy[4096];
  char *argv[WORDS_MAX], *word = copy;
  int argc = 0;

  ck_assert_uint_lt (strlen (line), sizeof copy);
  memcpy (copy, line, strlen (line) + 1);
  while (*word)
    {
      size_t len = strcspn (word, " ");

      ck_assert_int_lt (argc, WORDS_MAX);
      argv[argc++] = word;
      word += len + (word[len] ? 1 : 0);
      if (word > copy && word[-1] == ' ')
        word[-1] = '\0';
    }
  return args_parse (argc, argv, ret);
}

START_TEST (test_every_row_of_the_table_is_whole)
{
  const struct command *c;
  const struct option *o, *p;

  for (c = commands; c->name; c++)
    {
      const char *brace;

      ck_assert_ptr_nonnull (c->summary);
      ck_assert_msg (c->run || (c->method && c->path), "%s does nothing", c->name);
      for (brace = c->path; brace && (brace = strchr (brace, '{')); brace++)
        {
          char name[32], operand[32];
          bool repeats, found = false;
          size_t i;

          (void) snprintf (name, sizeof name, "%.*s", (int) strcspn (brace + 1, "}"), brace + 1);
          for (i = 0; command_operand (c, i, operand, &repeats); i++)
            found = found || streq (name, operand);
          ck_assert_msg (found, "%s has no operand %s", c->name, name);
        }
      for (o = c->options; o && o->name; o++)
        {
          bool flag = o->kind == OPTION_TRUE || o->kind == OPTION_FALSE
                      || o->kind == OPTION_QUERY_TRUE;

          ck_assert_msg (o->kind == OPTION_NONE || o->key, "%s %s goes nowhere", c->name, o->name);
          ck_assert_msg (!flag || !o->value, "%s %s takes a value", c->name, o->name);
          for (p = o + 1; p->name; p++)
            ck_assert_msg (!streq (o->name, p->name), "%s has %s twice", c->name, o->name);
          for (p = global_options; p->name; p++)
            ck_assert_msg (!streq (o->name, p->name), "%s takes %s away", c->name, o->name);
        }
    }
}
END_TEST

/* The man page as lines. */
struct page
{
  struct buf text;
  const char *lines[4096];
  size_t n;
};

static void
read_page (struct page *p)
{
  const char *folder = getenv ("srcdir");
  char path[4096], *line, *end;

  *p = (struct page) { .text = BUF_INIT (1024 * 1024) };
  (void) snprintf (path, sizeof path, "%s/host/man/usher.1", folder ? folder : ".");
  ck_assert_msg (io_read_file (path, &p->text) == 0, "%s cannot be read", path);
  for (line = p->text.data; (end = strchr (line, '\n')); line = end + 1)
    {
      ck_assert_uint_lt (p->n, ARRAY_SIZE (p->lines));
      *end = '\0';
      p->lines[p->n++] = line;
    }
}

/* The line after the one that is HEADING; fails when there is none, or a second one. */
static size_t
section (const struct page *p, const char *heading)
{
  size_t i, found = 0;

  for (i = 0; i < p->n; i++)
    if (streq (p->lines[i], heading))
      {
        ck_assert_msg (!found, "usher(1) has \"%s\" twice", heading);
        found = i + 1;
      }
  ck_assert_msg (found, "usher(1) has no \"%s\"", heading);
  return found;
}

static bool
is_heading (const char *line)
{
  return has_prefix (line, ".Ss ") || has_prefix (line, ".Sh ");
}

/* The items of the section that begins at line AT are OPTIONS, no more and no less. */
static void
compare_options (const struct page *p, size_t at, const char *name, const struct option *options)
{
  const struct option *o = options;

  for (; at < p->n && !is_heading (p->lines[at]); at++)
    if (has_prefix (p->lines[at], ".It Fl "))
      {
        char want[128] = "nothing more";

        if (o && o->name)
          (void) snprintf (want, sizeof want, ".It Fl %s%s%s", o->name + 1, o->value ? " Ar " : "",
                           o->value ? o->value : "");
        ck_assert_msg (streq (p->lines[at], want), "usher(1), %s: \"%s\" should be \"%s\"", name,
                       p->lines[at], want);
        o++;
      }
  ck_assert_msg (!o || !o->name, "usher(1), %s: %s is missing", name, o ? o->name : "");
}

START_TEST (test_man_page_has_each_command_and_option_and_no_other)
{
  _cleanup_ (freep) struct page *p = malloc (sizeof *p);
  const struct command *c;
  size_t i, headings = 0, n = 0;

  ck_assert_ptr_nonnull (p);
  read_page (p);
  compare_options (p, section (p, ".Sh OPTIONS"), "OPTIONS", global_options);
  for (c = commands; c->name; c++, n++)
    {
      char heading[128], call[256];
      size_t at;

      (void) snprintf (heading, sizeof heading, ".Ss %s", c->name);
      (void) snprintf (call, sizeof call, ".Nm Cm %s%s%s", c->name, *c->operands ? " Ar " : "",
                       c->operands);
      at = section (p, heading);
      ck_assert_str_eq (p->lines[at], call);
      compare_options (p, at, c->name, c->options);
    }
  for (i = 0; i < p->n; i++)
    headings += has_prefix (p->lines[i], ".Ss ");
  ck_assert_uint_eq (headings, n);
  buf_done (&p->text);
}
END_TEST

START_TEST (test_a_command_line_is_taken_apart)
{
  struct args a;

  ck_assert_int_eq (parse ("-o json member --yes invite Acme --role=a new@example.com --role b -q",
                           &a), 0);
  ck_assert_str_eq (a.command->name, "member invite");
  ck_assert_int_eq (a.format, FORMAT_JSON);
  ck_assert (a.yes && a.quiet && !a.no_wait);
  ck_assert_str_eq (args_operand (&a, "HUB"), "Acme");
  ck_assert_str_eq (args_operand (&a, "EMAIL"), "new@example.com");
  ck_assert_ptr_null (args_operand (&a, "MEMBER"));
  ck_assert_uint_eq (a.n_given, 2);
  ck_assert_str_eq (args_value (&a, "--role"), "a");
  ck_assert_str_eq (a.given[1].value, "b");
}
END_TEST

START_TEST (test_a_lone_dash_is_a_value_and_an_operand)
{
  struct args a;

  ck_assert_int_eq (parse ("account set A --password - --totp=-", &a), 0);
  ck_assert_str_eq (args_value (&a, "--password"), "-");
  ck_assert_str_eq (args_value (&a, "--totp"), "-");
  ck_assert_int_eq (parse ("directory import csv -", &a), 0);
  ck_assert_str_eq (args_operand (&a, "FILE"), "-");
}
END_TEST

START_TEST (test_operands_that_repeat_are_all_kept)
{
  struct args a;

  ck_assert_int_eq (parse ("hub set Acme a=1 b=2 c=3", &a), 0);
  ck_assert_uint_eq (a.n_operands, 4);
  ck_assert_int_eq (parse ("hub set Acme", &a), STATUS_USAGE);
}
END_TEST

START_TEST (test_a_command_line_has_a_maximum)
{
  static char *argv[GIVEN_MAX * 2 + 8];
  char member[] = "member", invite[] = "invite", hub[] = "hub", set[] = "set", name[] = "Acme",
       role[] = "--role=a", field[] = "a=1";
  struct args a;
  int argc = 0;
  size_t i;

  argv[argc++] = member;
  argv[argc++] = invite;
  argv[argc++] = name;
  argv[argc++] = name;
  for (i = 0; i < GIVEN_MAX + 1; i++)
    argv[argc++] = role;
  ck_assert_int_eq (args_parse (argc - 1, argv, &a), 0);
  ck_assert_int_eq (args_parse (argc, argv, &a), STATUS_USAGE);
  argc = 2;
  argv[0] = hub;
  argv[1] = set;
  for (i = 0; i < OPERAND_MAX + 1; i++)
    argv[argc++] = field;
  ck_assert_int_eq (args_parse (argc - 1, argv, &a), 0);
  ck_assert_int_eq (args_parse (argc, argv, &a), STATUS_USAGE);
}
END_TEST

START_TEST (test_every_beginning_of_a_command_line_is_taken_or_refused)
{
  static const char line[] = "--socket s hub connect scim --label L --set a=b --secret t=@f -o csv";
  char cut[sizeof line];
  struct args a;
  size_t n;

  for (n = 0; n < sizeof line; n++)
    {
      int status;

      memcpy (cut, line, n);
      cut[n] = '\0';
      status = parse (cut, &a);
      ck_assert_msg (status == STATUS_DONE || status == STATUS_USAGE, "%d for \"%s\"", status, cut);
    }
}
END_TEST

static void
check_escape (const char *in, const char *out)
{
  struct buf b = BUF_INIT (1024);

  escape_text (&b, in);
  ck_assert_str_eq (b.data ? b.data : "", out);
  buf_done (&b);
}

START_TEST (test_text_cannot_steer_a_terminal)
{
  check_escape ("plain é 漢 😀", "plain é 漢 😀");
  check_escape ("\x1b[31m", "\\u{1b}[31m");
  check_escape ("a\r\nb\tc\x7f", "a\\u{d}\\u{a}b\\u{9}c\\u{7f}");
  check_escape ("\xc2\x9b" "1m", "\\u{9b}1m");
  check_escape ("\xe2\x80\xae" "b\xe2\x81\xa6", "\\u{202e}b\\u{2066}");
}
END_TEST

START_TEST (test_escaping_stops_at_the_end_of_cut_off_text)
{
  static const char text[] = "é漢😀";
  char cut[sizeof text];
  size_t n;

  for (n = 0; n < sizeof text; n++)
    {
      struct buf b = BUF_INIT (1024);

      memcpy (cut, text, n);
      cut[n] = '\0';
      escape_text (&b, cut);
      ck_assert_int_eq (buf_error (&b), 0);
      ck_assert (utf8_valid (b.data ? b.data : "", b.len));
      buf_done (&b);
    }
}
END_TEST

START_TEST (test_escaped_json_is_the_same_json)
{
  static const char text[] = "{\n  \"a\": \"\xc2\x9b\xe2\x80\xae\x7f\"\n}";
  struct buf b = BUF_INIT (1024);
  json_t *before = json_loads (text, 0, NULL), *after;

  escape_json (&b, text);
  ck_assert_ptr_null (strstr (b.data, "\xc2\x9b"));
  ck_assert_ptr_null (strchr (b.data, 0x7f));
  after = json_loads (b.data, 0, NULL);
  ck_assert (before && after && json_equal (before, after));
  json_decref (before);
  json_decref (after);
  buf_done (&b);
}
END_TEST

static void
check_csv (const char *in, const char *out)
{
  struct buf b = BUF_INIT (1024);

  csv_field (&b, in);
  ck_assert_str_eq (b.data ? b.data : "", out);
  buf_done (&b);
}

START_TEST (test_csv_is_quoted_and_calculates_nothing)
{
  check_csv ("", "");
  check_csv ("plain", "plain");
  check_csv ("a,b", "\"a,b\"");
  check_csv ("a\"b\r\n", "\"a\"\"b\r\n\"");
  check_csv ("=1+1", "\"'=1+1\"");
  check_csv ("+1", "\"'+1\"");
  check_csv ("-1", "\"'-1\"");
  check_csv ("@a", "\"'@a\"");
  check_csv ("\ta", "\"'\ta\"");
  check_csv ("\ra", "\"'\ra\"");
  check_csv ("a=1", "a=1");
}
END_TEST

static void
check_cell (const char *json, const struct column *c, bool local, const char *want)
{
  struct buf b = BUF_INIT (CELL_MAX);
  json_t *item = json_loads (json, JSON_ALLOW_NUL, NULL);

  ck_assert_ptr_nonnull (item);
  view_cell (c, item, ", ", local, &b);
  ck_assert_str_eq (b.data ? b.data : "", want);
  buf_done (&b);
  json_decref (item);
}

START_TEST (test_cells_show_what_the_api_said)
{
  const struct column name = { "NAME", "first last", 0, NULL };
  const struct column deep = { "DEEP", "a.b", 0, NULL };
  const struct column roles = { "ROLES", "roles", 0, NULL };
  const struct column when = { "WHEN", "at", COLUMN_TIME, "never" };

  check_cell ("{\"first\": \"New\", \"last\": \"Person\"}", &name, true, "New Person");
  check_cell ("{\"first\": null, \"last\": \"Person\"}", &name, true, "Person");
  check_cell ("{\"a\": {\"b\": 7}}", &deep, true, "7");
  check_cell ("{\"a\": 7}", &deep, true, "");
  check_cell ("{\"a\": {\"b\": true}}", &deep, true, "yes");
  check_cell ("{\"roles\": [{\"id\": \"x\", \"label\": \"Admin\"}, \"b\", {\"id\": \"c\"}]}",
              &roles, true, "Admin, b, c");
  check_cell ("{\"roles\": {\"odd\": 1}}", &roles, true, "{\"odd\":1}");
  check_cell ("{\"roles\": {}}", &roles, true, "");
  check_cell ("{}", &when, true, "never");
  check_cell ("{}", &when, false, "");
  check_cell ("{\"at\": \"2026-11-24T06:10:50Z\"}", &when, true, "2026-11-24 06:10:50");
  check_cell ("{\"at\": \"2026-11-24T06:10:50Z\"}", &when, false, "2026-11-24T06:10:50Z");
  check_cell ("{\"at\": \"soon\"}", &when, true, "soon");
}
END_TEST

START_TEST (test_a_cell_has_a_maximum)
{
  const struct column c = { "A", "a", 0, NULL };
  char *text = calloc (1, CELL_MAX + 2);
  struct buf b = BUF_INIT (CELL_MAX);
  json_t *item;

  ck_assert_ptr_nonnull (text);
  memset (text, 'x', CELL_MAX + 1);
  item = json_pack ("{s:s}", "a", text);
  view_cell (&c, item, ", ", true, &b);
  ck_assert_int_eq (buf_error (&b), -E2BIG);
  buf_done (&b);
  json_decref (item);
  free (text);
}
END_TEST

START_TEST (test_a_body_is_made_of_operands_and_options)
{
  struct cli *cli = calloc (1, sizeof *cli);
  json_t *body = NULL;
  char *text;

  ck_assert_ptr_nonnull (cli);
  ck_assert_int_eq (parse ("member invite Acme a@example.com --role r --set x=1 --set x=2 "
                           "--set y=a=b --asset i=j=full --no-seat", &cli->args), 0);
  ck_assert_int_eq (request_body (cli, &body), 0);
  text = json_dumps (body, JSON_COMPACT);
  ck_assert_str_eq (text, "{\"email\":\"a@example.com\",\"roles\":[\"r\"],"
                          "\"fields\":{\"x\":[\"1\",\"2\"],\"y\":\"a=b\"},"
                          "\"assets\":[{\"id\":\"i=j\",\"role\":\"full\"}],\"seat\":false}");
  free (text);
  json_decref (body);
  free (cli);
}
END_TEST

START_TEST (test_a_path_holds_operands_encoded)
{
  struct cli *cli = calloc (1, sizeof *cli);
  struct buf path = BUF_INIT (1024);

  ck_assert_ptr_nonnull (cli);
  ck_assert_int_eq (parse ("member remove a/b? ../é --hub-only", &cli->args), 0);
  ck_assert_int_eq (request_path (cli, cli->args.command->path, &path), 0);
  ck_assert_str_eq (path.data, "/hubs/a%2Fb%3F/members/..%2F%C3%A9?hub_only=true");
  buf_done (&path);
  free (cli);
}
END_TEST

START_TEST (test_a_task_is_found_in_each_shape_of_answer)
{
  static const struct
  {
    long status;
    const char *json, *first, *second;
  } rows[] = {
    { 202, "{\"id\": \"t\", \"kind\": \"sync\"}", "t", NULL },
    { 202, "{\"id\": \"h\", \"label\": \"Acme\"}", NULL, NULL },
    { 202, "{\"id\": \"h\", \"task\": {\"id\": \"t\"}}", "t", NULL },
    { 202, "{\"id\": \"h\", \"task\": \"t\"}", "t", NULL },
    { 202, "{\"tasks\": [{\"id\": \"t\"}, \"u\"]}", "t", "u" },
    { 200, "{\"id\": \"t\", \"kind\": \"sync\", \"joined\": true}", "t", NULL },
    { 200, "{\"id\": \"m\", \"task\": \"t\"}", NULL, NULL },
    { 201, "{\"id\": \"p\"}", NULL, NULL },
    { 202, "[]", NULL, NULL },
  };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (rows); i++)
    {
      struct answer a = { rows[i].status, json_loads (rows[i].json, 0, NULL) };

      ck_assert_msg (streq (task_of (&a, 0), rows[i].first), "%s", rows[i].json);
      ck_assert_msg (streq (task_of (&a, 1), rows[i].second), "%s", rows[i].json);
      answer_done (&a);
    }
}
END_TEST

START_TEST (test_a_secret_is_never_an_argument)
{
  struct secret s = { NULL, 0 };

  ck_assert_int_eq (ask_source ("--password", "value", &s), STATUS_USAGE);
  ck_assert_int_eq (ask_source ("--password", "@", &s), STATUS_USAGE);
  ck_assert_int_eq (ask_source ("--password", "", &s), STATUS_USAGE);
  ck_assert_int_eq (ask_source ("--password", "@/nonexistent", &s), STATUS_USAGE);
  ck_assert_ptr_null (s.data);
  ck_assert_int_eq (ask_source ("--password", "@/dev/null", &s), STATUS_DONE);
  ck_assert_uint_eq (s.len, 0);
  secret_done (&s);
}
END_TEST

static void
fill (TCase *t)
{
  (void) setenv ("TZ", "UTC", 1);
  tcase_add_test (t, test_every_row_of_the_table_is_whole);
  tcase_add_test (t, test_man_page_has_each_command_and_option_and_no_other);
  tcase_add_test (t, test_a_command_line_is_taken_apart);
  tcase_add_test (t, test_a_lone_dash_is_a_value_and_an_operand);
  tcase_add_test (t, test_operands_that_repeat_are_all_kept);
  tcase_add_test (t, test_a_command_line_has_a_maximum);
  tcase_add_test (t, test_every_beginning_of_a_command_line_is_taken_or_refused);
  tcase_add_test (t, test_text_cannot_steer_a_terminal);
  tcase_add_test (t, test_escaping_stops_at_the_end_of_cut_off_text);
  tcase_add_test (t, test_escaped_json_is_the_same_json);
  tcase_add_test (t, test_csv_is_quoted_and_calculates_nothing);
  tcase_add_test (t, test_cells_show_what_the_api_said);
  tcase_add_test (t, test_a_cell_has_a_maximum);
  tcase_add_test (t, test_a_body_is_made_of_operands_and_options);
  tcase_add_test (t, test_a_path_holds_operands_encoded);
  tcase_add_test (t, test_a_task_is_found_in_each_shape_of_answer);
  tcase_add_test (t, test_a_secret_is_never_an_argument);
}

UNIT_MAIN ("cli", fill)
