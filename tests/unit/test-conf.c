/* The configuration: values, what is refused and in which words, and the manual page
   held to the table of keys. */
#include <config.h>

#include "unit.h"

#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/conf/conf.h"

static struct conf
loaded (const char *text)
{
  struct conf conf;
  char *problem;
  int r;

  ck_assert_int_eq (conf_init (&conf), 0);
  r = conf_load_text ("t.conf", text, strlen (text), &conf, &problem);
  ck_assert_msg (r == 0, "%s", problem ? problem : "no memory");
  return conf;
}

/* TEXT is refused with SENTENCE. */
static void
refuse (const char *text, const char *sentence)
{
  struct conf conf;
  char *problem = NULL;

  ck_assert_int_eq (conf_init (&conf), 0);
  ck_assert_int_eq (conf_load_text ("t.conf", text, strlen (text), &conf, &problem), -EINVAL);
  ck_assert_ptr_nonnull (problem);
  ck_assert_str_eq (problem, sentence);
  free (problem);
  conf_done (&conf);
}

START_TEST (test_an_empty_file_is_all_defaults)
{
  struct conf conf = loaded ("");

  ck_assert_str_eq (conf.web.listen, "127.0.0.1:8420");
  ck_assert_ptr_null (conf.web.public_url);
  ck_assert_uint_eq (conf.web.trusted_proxies.n, 0);
  ck_assert_uint_eq (conf.store.map_size, UINT64_C (64) << 30);
  ck_assert_uint_eq (conf.tasks.workers, 4);
  ck_assert_uint_eq (conf.tasks.retry_wait, 30000);
  ck_assert_uint_eq (conf.retention.events, UINT64_C (400) * 86400000);
  ck_assert_str_eq (conf.log.level, "info");
  ck_assert_str_eq (conf.log.format, "text");
  conf_done (&conf);
}
END_TEST

START_TEST (test_every_section_is_read)
{
  struct conf conf = loaded (
    "\xef\xbb\xbf# a comment\n[paths]\nstate-dir = /srv/usher\n"
    "[web]\nlisten = [::1]:80 ; inline\npublic-url = https://u.example.com/\n"
    "tls-cert=/a\ntls-key: /b\ntrusted-proxies = ::1, 10.0.0.0/8\n\n"
    "[http]\nproxy = http://p.corp.test:3128\nno-proxy = .corp.test 10.0.0.1\nca-file = /ca\n"
    "allow-private = 10.0.0.0/8\n   fd00::/8\n   192.168.1.1\n"
    "[mail]\nurl = smtps://mail.example.com\nfrom = Usher@example.com\nuser = u\n"
    "password-file = /p\n[store]\nmap-size = 512M\n[tasks]\nworkers = 8\nretry-wait = 50ms\n"
    "[log]\nlevel = debug\nformat = json\n[retention]\nevents = 30d\ntasks = 720h\n");
  char *why;

  ck_assert_str_eq (conf.paths.state_dir, "/srv/usher");
  ck_assert_str_eq (conf.web.listen, "[::1]:80");
  ck_assert_str_eq (conf.web.public_url, "https://u.example.com");
  ck_assert_str_eq (conf.web.tls_key, "/b");
  ck_assert_uint_eq (conf.web.trusted_proxies.n, 2);
  ck_assert_str_eq (conf.web.trusted_proxies.v[1], "10.0.0.0/8");
  ck_assert_str_eq (conf.http.no_proxy.v[0], ".corp.test");
  ck_assert_uint_eq (conf.http.allow_private.n, 3);
  ck_assert_str_eq (conf.http.allow_private.v[2], "192.168.1.1");
  ck_assert_str_eq (conf.mail.from, "Usher@example.com");
  ck_assert_uint_eq (conf.store.map_size, UINT64_C (512) << 20);
  ck_assert_uint_eq (conf.tasks.retry_wait, 50);
  ck_assert_str_eq (conf.log.format, "json");
  ck_assert_uint_eq (conf.retention.tasks, UINT64_C (720) * 3600000);
  ck_assert_int_eq (conf_check (&conf, &why), 0);
  conf_done (&conf);
}
END_TEST

START_TEST (test_what_is_wrong_is_named_by_line_and_key)
{
  refuse ("[web]\nlisten = nowhere\n",
          "t.conf:2: listen: must be ADDRESS:PORT, as 127.0.0.1:8420 or [::1]:8420, "
          "or unix:/PATH");
  refuse ("[web]\n\nlisten = 127.0.0.1:65536\n",
          "t.conf:3: listen: must be ADDRESS:PORT, as 127.0.0.1:8420 or [::1]:8420, "
          "or unix:/PATH");
  refuse ("[web]\nlisten = unix:relative\n",
          "t.conf:2: listen: must be ADDRESS:PORT, as 127.0.0.1:8420 or [::1]:8420, "
          "or unix:/PATH");
  refuse ("[web]\nlisen = x\n",
          "t.conf:2: lisen: there is no such key in [web]; did you mean listen?");
  refuse ("[web]\nworkers = 4\n",
          "t.conf:2: workers: there is no such key in [web]; it belongs into [tasks]");
  refuse ("[web]\nqqqqqqqqq = 4\n",
          "t.conf:2: qqqqqqqqq: there is no such key in [web]; see usher.conf(5)");
  refuse ("[webb]\n", "t.conf:1: there is no section [webb]; did you mean [web]?");
  refuse ("\n[nothing]\na = b\n",
          "t.conf:2: there is no section [nothing]; sections are [paths], [web], [http], [mail], "
          "[store], [tasks], [log] and [retention]");
  refuse ("a = b\n", "t.conf:1: a: a key must stand in a section, as [web]");
  refuse ("[log]\nlevel\n",
          "t.conf:2: must be [section], key = value, or a comment after # or ;");
  refuse ("[log\nlevel = info\n",
          "t.conf:1: must be [section], key = value, or a comment after # or ;");
  refuse ("[log]\nlevel = loud\n", "t.conf:2: level: must be error, warning, info or debug");
  refuse ("[log]\nlevel = info\n[web]\n[log]\nlevel = debug\n",
          "t.conf:5: level: stands here twice");
  refuse ("[log]\nlevel = info\n  debug\n",
          "t.conf:3: level: has one value; only lists go on in an indented line");
  refuse ("[store]\nmap-size = 1M\n",
          "t.conf:2: map-size: must be from 64M to 16T, written as 512M or 64G");
  refuse ("[tasks]\nretry-wait = 30\n",
          "t.conf:2: retry-wait: must be from 10ms to 1h, written as 30s, 5m, 24h or 400d");
  refuse ("[tasks]\nworkers = 2\n", "t.conf:2: workers: must be a whole number from 3 to 64");
  refuse ("[http]\nallow-private = 10.0.0.0/33\n",
          "t.conf:2: allow-private: must be networks, as 10.0.0.0/8 or fd00::/8; "
          "\"10.0.0.0/33\" is none");
  refuse ("[http]\nproxy = ftp://x\n",
          "t.conf:2: proxy: must be an address that begins with http://, https:// or socks5h://");
  refuse ("[web]\npublic-url = https:///\n",
          "t.conf:2: public-url: must be an address that begins with https:// or http://");
  refuse ("[mail]\nfrom = nobody\n",
          "t.conf:2: from: must be one e-mail address, as usher@example.com");
  refuse ("[paths]\nstate-dir = here\n",
          "t.conf:2: state-dir: must be a path that begins with /");
  refuse ("[paths]\napp-path = /a:b\n",
          "t.conf:2: app-path: must be folders that begin with /, joined by colons");
}
END_TEST

START_TEST (test_a_line_over_the_limit_is_named)
{
  struct conf conf;
  struct buf b = BUF_INIT (100000);
  char *problem;
  size_t i;

  buf_puts (&b, "[http]\nno-proxy =");
  for (i = 0; i < 5000; i++)
    buf_puts (&b, " a.example.com");
  ck_assert_int_eq (conf_init (&conf), 0);
  ck_assert_int_eq (conf_load_text ("t.conf", b.data, b.len, &conf, &problem), -EINVAL);
  ck_assert_ptr_nonnull (problem);
  ck_assert_ptr_nonnull (strstr (problem, "t.conf:2: this line is longer than "));
  free (problem);
  buf_reset (&b);
  buf_put (&b, "[log]\nlevel = in\0fo\n", 20);
  ck_assert_int_eq (conf_load_text ("t.conf", b.data, b.len, &conf, &problem), -EINVAL);
  ck_assert_str_eq (problem, "t.conf:2: this line holds a zero byte");
  free (problem);
  conf_done (&conf);
  buf_done (&b);
}
END_TEST

START_TEST (test_a_list_over_the_limit_is_refused)
{
  struct conf conf;
  struct buf b = BUF_INIT (100000);
  char *problem;
  size_t i;

  buf_puts (&b, "[http]\nno-proxy = a\n");
  for (i = 0; i < CONF_LIST_MAX; i++)
    buf_puts (&b, " a.example.com\n");
  ck_assert_int_eq (conf_init (&conf), 0);
  ck_assert_int_eq (conf_load_text ("t.conf", b.data, b.len, &conf, &problem), -EINVAL);
  ck_assert_str_eq (problem, "t.conf:258: no-proxy: must have at most 256 elements");
  free (problem);
  conf_done (&conf);
  buf_done (&b);
}
END_TEST

START_TEST (test_flags_win_and_an_empty_value_is_the_default)
{
  struct conf conf = loaded ("[web]\nlisten = 127.0.0.1:1\n");
  char *why;

  ck_assert_int_eq (conf_set (&conf, "web", "listen", "unix:/run/x", &why), 0);
  ck_assert_str_eq (conf.web.listen, "unix:/run/x");
  ck_assert_int_eq (conf_set (&conf, "web", "listen", "here", &why), -EINVAL);
  ck_assert_ptr_nonnull (strstr (why, "must be ADDRESS:PORT"));
  free (why);
  ck_assert_str_eq (conf.web.listen, "unix:/run/x");
  ck_assert_int_eq (conf_set (&conf, "web", "listen", "", &why), 0);
  ck_assert_str_eq (conf.web.listen, "127.0.0.1:8420");
  ck_assert_int_eq (conf_set (&conf, "web", "nothing-like-it", "x", &why), -ENOENT);
  free (why);
  conf_done (&conf);
}
END_TEST

START_TEST (test_keys_that_belong_together_are_asked_for)
{
  struct conf conf = loaded ("[web]\ntls-cert = /a\n");
  char *why;

  ck_assert_int_eq (conf_check (&conf, &why), -EINVAL);
  ck_assert_ptr_nonnull (strstr (why, "tls-key is missing"));
  free (why);
  conf_done (&conf);
  conf = loaded ("[mail]\nurl = smtp://m.example.com\n");
  ck_assert_int_eq (conf_check (&conf, &why), -EINVAL);
  ck_assert_ptr_nonnull (strstr (why, "[mail] from is missing"));
  free (why);
  conf_done (&conf);
}
END_TEST

START_TEST (test_a_missing_file_is_told_apart)
{
  struct conf conf;
  char *problem;

  ck_assert_int_eq (conf_init (&conf), 0);
  ck_assert_int_eq (conf_load ("/nonexistent/usher.conf", &conf, &problem), -ENOENT);
  ck_assert_ptr_nonnull (strstr (problem, "/nonexistent/usher.conf cannot be read"));
  free (problem);
  conf_done (&conf);
}
END_TEST

START_TEST (test_sizes_and_durations_do_not_overflow)
{
  uint64_t v = 7;

  ck_assert_int_eq (parse_size ("16777215T", &v), 0);
  ck_assert_uint_eq (v, UINT64_C (16777215) << 40);
  ck_assert_int_eq (parse_size ("16777216T", &v), -ERANGE);
  ck_assert_int_eq (parse_size ("99999999999999999999999999", &v), -ERANGE);
  ck_assert_int_eq (parse_size ("G", &v), -EINVAL);
  ck_assert_int_eq (parse_size ("-1G", &v), -EINVAL);
  ck_assert_int_eq (parse_size ("1GB", &v), -EINVAL);
  ck_assert_int_eq (parse_duration_ms ("2h", &v), 0);
  ck_assert_uint_eq (v, 7200000);
  ck_assert_int_eq (parse_duration_ms ("18446744073709551615d", &v), -ERANGE);
  ck_assert_int_eq (parse_duration_ms ("5", &v), -EINVAL);
  ck_assert_int_eq (parse_duration_ms ("", &v), -EINVAL);
  ck_assert_uint_eq (v, 7200000);
}
END_TEST

START_TEST (test_a_file_cut_at_any_byte_is_read_or_refused)
{
  static const char text[] = "[web]\nlisten = [::1]:80 ; x\npublic-url = https://u.example.com/\n"
                             "trusted-proxies = ::1,\n 10.0.0.0/8\n[tasks]\nworkers = 8\n";
  size_t i;

  for (i = 0; i < sizeof text; i++)
    {
      struct conf conf;
      char *problem, *cut = malloc (i ? i : 1);
      int r;

      memcpy (cut, text, i);
      ck_assert_int_eq (conf_init (&conf), 0);
      r = conf_load_text ("t.conf", cut, i, &conf, &problem);
      ck_assert (r == 0 ? !problem : r == -EINVAL && problem);
      free (problem);
      free (cut);
      conf_done (&conf);
    }
}
END_TEST

/* Every key of the table has a heading under its section, and no heading has none. */
START_TEST (test_manual_page_has_every_key_and_no_other)
{
  struct buf b = BUF_INIT (CONF_FILE_MAX);
  char section[64] = "", key[64], *line, *rest;
  size_t found = 0, i;

  ck_assert_int_eq (io_read_file (TOP_SRCDIR "/host/man/usher.conf.5", &b), 0);
  for (line = strtok_r (b.data, "\n", &rest); line; line = strtok_r (NULL, "\n", &rest))
    if (strncmp (line, ".Ss ", 4) == 0)
      (void) snprintf (section, sizeof section, "%s", line + 4);
    else if (strncmp (line, ".It Ic ", 7) == 0)
      {
        (void) snprintf (key, sizeof key, "%.*s", (int) strcspn (line + 7, " "), line + 7);
        ck_assert_uint_lt (found, conf_n_keys);
        ck_assert_str_eq (section, conf_keys[found].section);
        ck_assert_str_eq (key, conf_keys[found].key);
        found++;
      }
  ck_assert_uint_eq (found, conf_n_keys);
  for (i = 0; i < conf_n_keys; i++)
    if (conf_keys[i].type == CONF_WORD)
      ck_assert_ptr_nonnull (conf_keys[i].words);
  buf_done (&b);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_an_empty_file_is_all_defaults);
  tcase_add_test (t, test_every_section_is_read);
  tcase_add_test (t, test_what_is_wrong_is_named_by_line_and_key);
  tcase_add_test (t, test_a_line_over_the_limit_is_named);
  tcase_add_test (t, test_a_list_over_the_limit_is_refused);
  tcase_add_test (t, test_flags_win_and_an_empty_value_is_the_default);
  tcase_add_test (t, test_keys_that_belong_together_are_asked_for);
  tcase_add_test (t, test_a_missing_file_is_told_apart);
  tcase_add_test (t, test_sizes_and_durations_do_not_overflow);
  tcase_add_test (t, test_a_file_cut_at_any_byte_is_read_or_refused);
  tcase_add_test (t, test_manual_page_has_every_key_and_no_other);
}

UNIT_MAIN ("conf", fill)
