/* People as CSV: what is read, what is refused and how it is named, and what is
   written. */
#include <config.h>

#include "unit.h"

#include <stdio.h>

#include "host/directory/csv.h"

/* What a reading told, one line a person or problem. */
struct told
{
  struct buf people, problems;
};

static int
on_person (void *data, const struct csv_person *p)
{
  struct told *t = data;
  size_t i;

  buf_printf (&t->people, "%zu %s|%s|%s|%s|%d|%s|", p->line, p->email,
              p->first_name ? p->first_name : "-", p->last_name ? p->last_name : "-",
              p->username ? p->username : "-", p->is_guest,
              p->workspace_role ? p->workspace_role : "-");
  for (i = 0; i < p->n_secondary_emails; i++)
    buf_printf (&t->people, "%s;", p->secondary_emails[i]);
  buf_puts (&t->people, "|");
  for (i = 0; i < p->n_teams; i++)
    buf_printf (&t->people, "%s;", p->teams[i]);
  buf_puts (&t->people, "\n");
  return 0;
}

static void
on_problem (void *data, const struct csv_problem *p)
{
  struct told *t = data;

  buf_printf (&t->problems, "%zu %s: %s\n", p->line, p->field, p->text);
}

/* Reads TEXT; PEOPLE and PROBLEMS are what must be told. */
static void
expect_n (const char *text, size_t len, int result, const char *people, const char *problems)
{
  struct told t = { BUF_INIT (1 << 20), BUF_INIT (1 << 20) };
  struct csv_totals totals = { 0, 0 };
  int r = csv_people_read (text, len, on_person, on_problem, &t, &totals);

  ck_assert_str_eq (t.problems.data ? t.problems.data : "", problems);
  ck_assert_str_eq (t.people.data ? t.people.data : "", people);
  ck_assert_int_eq (r, result);
  buf_done (&t.people);
  buf_done (&t.problems);
}

static void
expect (const char *text, int result, const char *people, const char *problems)
{
  expect_n (text, strlen (text), result, people, problems);
}

START_TEST (test_columns_are_found_by_name)
{
  expect ("Teams, email,x-note,is_guest,secondary_emails,workspace_role,username,last_name,"
          "first_name\r\n"
          "Ops; Dev ;, Ada@Example.com ,zz,no,a@corp.test;B@corp.test,Admin,ada,\"L, \"\"x\"\"\","
          "Ada\r\n"
          "\r\n"
          ",bob@example.com,,YES,,,,,\r\n", 0,
          "2 ada@example.com|Ada|L, \"x\"|ada|0|admin|a@corp.test;b@corp.test;|Ops;Dev;\n"
          "4 bob@example.com|-|-|-|1|-||\n", "");
}
END_TEST

START_TEST (test_a_byte_order_mark_and_a_missing_last_newline_are_fine)
{
  expect ("\xef\xbb\xbf" "email\na@example.com", 0, "2 a@example.com|-|-|-|-1|-||\n", "");
}
END_TEST

START_TEST (test_bad_rows_are_named_and_the_rest_is_read)
{
  expect ("email,is_guest,workspace_role\n"
          "nobody,,\n"
          ",no,\n"
          "a@example.com,maybe,\n"
          "b@example.com,,boss\n"
          "c@example.com,,owner\n"
          "d@example.com,yes,admin\n"
          "e@example.com\n"
          "f@example.com,,,,\n"
          "g@example.com,,guest\n"
          "G@example.com,,\n", 0,
          "10 g@example.com|-|-|-|-1|guest||\n",
          "2 email: must be one address, as name@example.com; \"nobody\" is not\n"
          "3 email: must not be empty\n"
          "4 is_guest: must be true or false\n"
          "5 workspace_role: must be super-admin, admin, user, login-only or guest\n"
          "6 workspace_role: cannot be owner: ownership is handed over by the Owner\n"
          "7 workspace_role: must be guest or empty where is_guest is true\n"
          "8 : has 1 fields, and the header 3\n"
          "9 : has 5 fields, and the header 3\n"
          "11 email: line 10 has the address g@example.com already\n");
}
END_TEST

START_TEST (test_an_address_belongs_to_one_row)
{
  expect ("email,secondary_emails\n"
          "a@example.com,b@example.com\n"
          "b@example.com,\n"
          "c@example.com,c@example.com\n"
          "d@example.com,nothing\n", 0,
          "2 a@example.com|-|-|-|-1|-|b@example.com;|\n",
          "3 email: line 2 has the address b@example.com already\n"
          "4 secondary_emails: line 4 has the address c@example.com already\n"
          "5 secondary_emails: must be addresses parted by ;, as name@example.com; "
          "\"nothing\" is not\n");
}
END_TEST

START_TEST (test_lines_are_counted_through_quoted_newlines)
{
  expect ("email,first_name\na@example.com,\"two\nlines\"\nnobody,x\n", 0, "",
          "2 first_name: must not hold line breaks or control characters\n"
          "4 email: must be one address, as name@example.com; \"nobody\" is not\n");
}
END_TEST

START_TEST (test_a_wrong_header_ends_the_reading)
{
  expect ("", -EINVAL, "", "1 : the first row must name the columns, email among them\n");
  expect ("first_name,last_name\nA,B\n", -EINVAL, "",
          "1 : the first row must name the columns, email among them\n");
  expect ("email,frist_name\na@example.com,A\n", -EINVAL, "",
          "1 : there is no column \"frist_name\"; did you mean first_name?\n");
  expect ("email,email\n", -EINVAL, "", "1 : the column email stands there twice\n");
  expect ("email;first_name\n", -EINVAL, "", "1 : the columns must be parted by commas\n");
  expect ("\xff\xfe" "e", -EINVAL, "", "1 : the file is UTF-16; it must be UTF-8\n");
}
END_TEST

START_TEST (test_broken_quoting_is_named)
{
  expect ("email,first_name\na@example.com,\"x\nb@example.com,y\n", -EINVAL, "",
          "2 : a field that begins in this row has no closing quote\n");
  expect ("email,first_name\na@example.com,x\"y\n", -EINVAL, "",
          "2 : a quote stands in the middle of a field; quotes go around the whole field and are "
          "doubled inside\n");
}
END_TEST

START_TEST (test_bytes_that_are_no_text_are_refused)
{
  static const char zero[] = "email\na@example.com\0\n";

  expect ("email,first_name\na@example.com,\xff\n", 0, "", "2 first_name: must be UTF-8\n");
  expect_n (zero, sizeof zero - 1, -EINVAL, "",
            "2 : the file holds a zero byte; it must be UTF-8 text\n");
}
END_TEST

START_TEST (test_fields_and_lists_over_their_maximum_are_refused)
{
  struct buf b = BUF_INIT (1 << 20);
  size_t i;

  buf_puts (&b, "email,first_name,teams\na@example.com,");
  for (i = 0; i < CSV_FIELD_MAX + 1; i++)
    buf_putc (&b, 'x');
  buf_puts (&b, ",\nb@example.com,,");
  for (i = 0; i < CSV_LIST_MAX + 1; i++)
    buf_puts (&b, "t;");
  buf_puts (&b, "\n");
  expect (b.data, 0, "",
          "2 first_name: is longer than 4096 bytes\n3 teams: has more than 100 elements\n");
  buf_done (&b);
}
END_TEST

START_TEST (test_an_unclosed_quote_does_not_swallow_a_large_file)
{
  struct buf b = BUF_INIT (8 << 20);

  buf_puts (&b, "email,first_name\na@example.com,\"");
  while (b.len < (4u << 20))
    buf_puts (&b, "b@example.com,x\n");
  expect (b.data, -EINVAL, "", "2 : a field that begins in this row has no closing quote\n");
  buf_done (&b);
}
END_TEST

static int
count (void *data, const struct csv_person *p)
{
  (void) p;
  ++*(size_t *) data;
  return 0;
}

static void
ignore (void *data, const struct csv_problem *p)
{
  (void) data;
  (void) p;
}

START_TEST (test_more_rows_than_the_maximum_are_refused)
{
  struct buf b = BUF_INIT (64 << 20);
  struct csv_totals totals;
  size_t n = 0, i;

  buf_puts (&b, "email\n");
  for (i = 0; i < CSV_ROWS_MAX; i++)
    buf_printf (&b, "u%zu@example.com\n", i);
  ck_assert_int_eq (csv_people_read (b.data, b.len, count, ignore, &n, &totals), 0);
  ck_assert_uint_eq (n, CSV_ROWS_MAX);
  ck_assert_uint_eq (totals.rows, CSV_ROWS_MAX);
  ck_assert_uint_eq (totals.bad, 0);
  buf_puts (&b, "one@more.example.com\n");
  ck_assert_int_eq (csv_people_read (b.data, b.len, count, ignore, &n, &totals), -EINVAL);
  buf_done (&b);
}
END_TEST

static int
stop (void *data, const struct csv_person *p)
{
  (void) data;
  (void) p;
  return -ECANCELED;
}

START_TEST (test_the_caller_can_stop)
{
  static const char text[] = "email\na@example.com\nb@example.com\n";
  struct csv_totals totals;

  ck_assert_int_eq (csv_people_read (text, sizeof text - 1, stop, ignore, NULL, &totals),
                    -ECANCELED);
}
END_TEST

START_TEST (test_a_file_cut_at_any_byte_is_read_or_refused)
{
  static const char text[] = "email,first_name,teams\r\na@example.com,\"A, \"\"x\"\"\",a;b\r\n";
  struct csv_totals totals;
  size_t i, n = 0;

  for (i = 0; i < sizeof text; i++)
    {
      char *cut = malloc (i ? i : 1);
      int r;

      memcpy (cut, text, i);
      r = csv_people_read (cut, i, count, ignore, &n, &totals);
      ck_assert (r == 0 || r == -EINVAL);
      free (cut);
    }
}
END_TEST

START_TEST (test_written_fields_are_quoted_and_no_formulas)
{
  static const char *const fields[] = { "plain", "a,b", "say \"x\"", "=1+1", "+4", "-1", "@x",
                                        "\tx", "", NULL, " pad", "two\nlines", "x=1" };
  struct buf b = BUF_INIT (1000);

  csv_put_row (&b, fields, ARRAY_SIZE (fields));
  ck_assert_str_eq (b.data, "plain,\"a,b\",\"say \"\"x\"\"\",\"'=1+1\",\"'+4\",\"'-1\",\"'@x\","
                            "\"'\tx\",,,\" pad\",\"two\nlines\",x=1\r\n");
  buf_done (&b);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_columns_are_found_by_name);
  tcase_add_test (t, test_a_byte_order_mark_and_a_missing_last_newline_are_fine);
  tcase_add_test (t, test_bad_rows_are_named_and_the_rest_is_read);
  tcase_add_test (t, test_an_address_belongs_to_one_row);
  tcase_add_test (t, test_lines_are_counted_through_quoted_newlines);
  tcase_add_test (t, test_a_wrong_header_ends_the_reading);
  tcase_add_test (t, test_broken_quoting_is_named);
  tcase_add_test (t, test_bytes_that_are_no_text_are_refused);
  tcase_add_test (t, test_fields_and_lists_over_their_maximum_are_refused);
  tcase_add_test (t, test_an_unclosed_quote_does_not_swallow_a_large_file);
  tcase_add_test (t, test_more_rows_than_the_maximum_are_refused);
  tcase_add_test (t, test_the_caller_can_stop);
  tcase_add_test (t, test_a_file_cut_at_any_byte_is_read_or_refused);
  tcase_add_test (t, test_written_fields_are_quoted_and_no_formulas);
}

UNIT_MAIN ("csv", fill)
