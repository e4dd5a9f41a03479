/* The spool: what was ended as a page comes back whole, nothing else does. */
#include <config.h>

#include "store-fixture.h"

#include <sys/stat.h>

#include "host/common/io.h"
#include "host/store/crc32c.h"
#include "host/store/spool.h"

static char dir[64];

static void
setup (void)
{
  (void) snprintf (dir, sizeof dir, "/tmp/usher-spool-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (dir));
}

static void
teardown (void)
{
  (void) nftw (dir, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

static struct spool *
reopen (char ret_cursor[32])
{
  struct spool *s = NULL;
  const void *cursor;
  size_t len;

  ck_assert_int_eq (spool_open (dir, "spool", &s, &cursor, &len), 0);
  ck_assert_uint_lt (len, 32);
  if (cursor)
    memcpy (ret_cursor, cursor, len);
  ret_cursor[len] = '\0';
  return s;
}

static void
add_row (struct spool *s, int number)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX);
  char id[16];

  (void) snprintf (id, sizeof id, "U%d", number);
  fixture_row (&row, id, NULL, NULL, "somebody");
  ck_assert_int_eq (spool_rows (s, row.data, row.len), 0);
}

/* Two pages of three rows, sections 1 and 2 (scope "x"), finished. */
static void
write_two_pages (void)
{
  struct spool_section one = { .ordinal = 1, .kind = 100 };
  struct spool_section two = { .ordinal = 2, .kind = 100, .scope = "x" };
  char cursor[32];
  struct spool *s = reopen (cursor);
  int i;

  ck_assert_int_eq (spool_set_head (s, "{\"began\":1}"), 0);
  ck_assert_int_eq (spool_section (s, &one), 0);
  for (i = 0; i < 3; i++)
    add_row (s, i);
  ck_assert_int_eq (spool_checkpoint (s, "page 2", 6), 0);
  ck_assert_int_eq (spool_section_end (s, 1, "{\"total\":3}"), 0);
  ck_assert_int_eq (spool_section (s, &two), 0);
  for (i = 3; i < 6; i++)
    add_row (s, i);
  ck_assert_int_eq (spool_section_end (s, 2, "{\"total\":9}"), 0);
  ck_assert_int_eq (spool_finish (s), 0);
  ck_assert (spool_finished (s));
  ck_assert_int_eq (spool_checkpoint (s, "x", 1), -EINVAL);
  spool_close (s);
}

struct tally
{
  int sections, ends, rows, stop;
  char notes[64], scopes[64];
};

static int
count (void *arg, const struct spool_item *item)
{
  struct tally *t = arg;

  if (item->type == SPOOL_SECTION)
    t->sections++;
  else if (item->type == SPOOL_SECTION_END)
    {
      t->ends++;
      strcat (t->notes, item->json);
    }
  else
    {
      _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
      struct row row;
      char id[16];

      ck_assert_int_eq (row_get (item->row, item->row_len, &arena, &row), 0);
      (void) snprintf (id, sizeof id, "U%d", t->rows++);
      ck_assert_str_eq (row.member.id, id);
      strcat (t->scopes, item->section->scope ? item->section->scope : "-");
    }
  return t->rows == t->stop ? -ECANCELED : 0;
}

static struct tally
walk (struct spool *s)
{
  struct tally t = { .stop = -1 };

  ck_assert_int_eq (spool_walk (s, count, &t), 0);
  return t;
}

START_TEST (test_listing_comes_back_in_order_with_its_sections)
{
  char cursor[32];
  struct tally t = { .stop = 2 };
  struct spool *s;
  size_t n;

  write_two_pages ();
  s = reopen (cursor);
  ck_assert_str_eq (cursor, "page 2");
  ck_assert_str_eq (spool_head (s), "{\"began\":1}");
  ck_assert (spool_finished (s));
  ck_assert_ptr_nonnull (spool_sections (s, &n));
  ck_assert_uint_eq (n, 2);
  ck_assert (spool_sections (s, &n)[1].ended);
  ck_assert_int_eq (spool_walk (s, count, &t), -ECANCELED);
  t = walk (s);
  ck_assert_int_eq (t.sections, 2);
  ck_assert_int_eq (t.rows, 6);
  ck_assert_str_eq (t.notes, "{\"total\":3}{\"total\":9}");
  ck_assert_str_eq (t.scopes, "---xxx");
  spool_close (s);
  spool_remove (dir, "spool");
  spool_remove (dir, "spool");
  s = reopen (cursor);
  ck_assert_ptr_null (spool_head (s));
  ck_assert_int_eq (walk (s).sections, 0);
  spool_close (s);
}
END_TEST

START_TEST (test_unfinished_page_is_gone_and_the_listing_goes_on)
{
  struct spool_section one = { .ordinal = 1, .kind = 100 };
  struct spool_section two = { .ordinal = 2, .kind = 200 };
  char cursor[32];
  struct spool *s = reopen (cursor);
  size_t n;

  ck_assert_str_eq (cursor, "");
  ck_assert_int_eq (spool_section (s, &one), 0);
  add_row (s, 0);
  ck_assert_int_eq (spool_checkpoint (s, "c1", 2), 0);
  add_row (s, 99);
  ck_assert_int_eq (spool_section (s, &two), 0);
  spool_close (s);

  s = reopen (cursor);
  ck_assert_str_eq (cursor, "c1");
  ck_assert (!spool_finished (s));
  (void) spool_sections (s, &n);
  ck_assert_uint_eq (n, 1);
  add_row (s, 1);
  ck_assert_int_eq (spool_finish (s), 0);
  ck_assert_int_eq (walk (s).rows, 2);
  spool_close (s);
}
END_TEST

/* A sound page of one row, then two in doubt, the second with a section of its own. */
static struct spool *
write_doubt (void)
{
  struct spool_section one = { .ordinal = 1, .kind = 100 }, two = { .ordinal = 2, .kind = 100, .scope = "x" };
  char cursor[32];
  struct spool *s = reopen (cursor);

  ck_assert_int_eq (spool_set_head (s, "{\"began\":1}"), 0);
  ck_assert_int_eq (spool_section (s, &one), 0);
  add_row (s, 0);
  ck_assert_int_eq (spool_checkpoint (s, "page 2", 6), 0);
  add_row (s, 1);
  ck_assert_int_eq (spool_doubt (s), 0);
  ck_assert_int_eq (spool_checkpoint (s, "page 3", 6), 0);
  ck_assert_int_eq (spool_section (s, &two), 0);
  add_row (s, 2);
  ck_assert_int_eq (spool_doubt (s), 0);
  ck_assert_int_eq (spool_checkpoint (s, "page 4", 6), 0);
  return s;
}

/* S is back at its one sound page. */
static void
check_sound (struct spool *s)
{
  struct tally t = { .stop = -1 };
  size_t n;

  (void) spool_sections (s, &n);
  ck_assert_uint_eq (n, 1);
  ck_assert_str_eq (spool_head (s), "{\"began\":1}");
  ck_assert_int_eq (spool_walk (s, count, &t), 0);
  ck_assert_int_eq (t.rows, 1);
}

START_TEST (test_a_listing_goes_on_from_its_last_sound_page)
{
  char cursor[32];
  struct spool *s = write_doubt ();
  const void *at;
  size_t len;

  /* In this process, also with a page that is not ended. */
  add_row (s, 9);
  ck_assert_int_eq (spool_rewind (s, &at, &len), 0);
  ck_assert_uint_eq (len, 6);
  ck_assert_int_eq (memcmp (at, "page 2", 6), 0);
  check_sound (s);
  spool_close (s);
  spool_remove (dir, "spool");
  /* In another one. */
  spool_close (write_doubt ());
  s = reopen (cursor);
  ck_assert_str_eq (cursor, "page 2");
  check_sound (s);
  spool_close (s);
}
END_TEST

START_TEST (test_a_sound_page_vouches_for_those_before)
{
  struct tally t = { .stop = -1 };
  char cursor[32];
  struct spool *s = write_doubt ();

  ck_assert_int_eq (spool_checkpoint (s, "page 5", 6), 0);
  spool_close (s);
  s = reopen (cursor);
  ck_assert_str_eq (cursor, "page 5");
  ck_assert_int_eq (spool_walk (s, count, &t), 0);
  ck_assert_int_eq (t.rows, 3);
  spool_close (s);
}
END_TEST

START_TEST (test_a_listing_in_doubt_from_the_start_begins_anew)
{
  struct spool_section one = { .ordinal = 1, .kind = 100 };
  char cursor[32];
  struct spool *s = reopen (cursor);
  size_t n;

  ck_assert_int_eq (spool_set_head (s, "{\"began\":1}"), 0);
  ck_assert_int_eq (spool_section (s, &one), 0);
  ck_assert_int_eq (spool_doubt (s), 0);
  ck_assert_int_eq (spool_checkpoint (s, "page 2", 6), 0);
  spool_close (s);
  s = reopen (cursor);
  (void) spool_sections (s, &n);
  ck_assert_str_eq (cursor, "");
  ck_assert_uint_eq (n, 0);
  ck_assert_str_eq (spool_head (s), "{\"began\":1}");
  spool_close (s);
}
END_TEST

START_TEST (test_wrong_order_and_sizes_are_refused)
{
  struct spool_section one = { .ordinal = 1, .kind = 100 };
  char cursor[32], *big = calloc (1, SPOOL_ROWS_MAX + 2);
  struct spool *s = reopen (cursor);

  ck_assert_int_eq (spool_rows (s, "x", 1), -EINVAL);
  ck_assert_int_eq (spool_section_end (s, 1, "{}"), -EINVAL);
  ck_assert_int_eq (spool_section (s, &one), 0);
  ck_assert_int_eq (spool_set_head (s, "{}"), -EINVAL);
  ck_assert_int_eq (spool_rows (s, big, SPOOL_ROWS_MAX + 1), -E2BIG);
  ck_assert_int_eq (spool_checkpoint (s, big, SPOOL_CURSOR_MAX + 1), -E2BIG);
  memset (big, ' ', SPOOL_ROWS_MAX + 1);
  ck_assert_int_eq (spool_section_end (s, 1, big), -E2BIG);
  free (big);
  spool_close (s);
}
END_TEST

/* The spool file's bytes become those of FILE, whatever was there. */
static struct tally
with_bytes (const char *data, size_t len, char cursor[32])
{
  struct tally t;
  struct spool *s;
  char path[96];

  (void) snprintf (path, sizeof path, "%s/spool", dir);
  ck_assert_int_eq (io_replace_file (path, data, len, 0600), 0);
  s = reopen (cursor);
  t = walk (s);
  spool_close (s);
  return t;
}

START_TEST (test_cut_at_any_byte_opens_with_whole_pages_only)
{
  _cleanup_ (buf_done) struct buf file = BUF_INIT (1 << 20);
  char path[96], cursor[32];
  int full = 0, half = 0, none = 0;
  size_t i;

  write_two_pages ();
  (void) snprintf (path, sizeof path, "%s/spool", dir);
  ck_assert_int_eq (io_read_file (path, &file), 0);
  for (i = 0; i <= file.len; i++)
    {
      struct tally t = with_bytes (file.data, i, cursor);

      if (t.rows == 6)
        full++;
      else if (t.rows == 3)
        {
          half++;
          ck_assert_str_eq (cursor, "page 2");
        }
      else
        {
          ck_assert_int_eq (t.rows, 0);
          none++;
        }
    }
  ck_assert_int_eq (full, 1);
  ck_assert_int_gt (half, 1);
  ck_assert_int_gt (none, 1);
}
END_TEST

START_TEST (test_damaged_byte_drops_its_page_and_what_follows)
{
  _cleanup_ (buf_done) struct buf file = BUF_INIT (1 << 20);
  char path[96], cursor[32];
  size_t i;

  write_two_pages ();
  (void) snprintf (path, sizeof path, "%s/spool", dir);
  ck_assert_int_eq (io_read_file (path, &file), 0);
  for (i = 0; i < file.len; i++)
    {
      struct tally t;

      file.data[i] ^= 0x20;
      t = with_bytes (file.data, file.len, cursor);
      ck_assert_int_ne (t.rows, 6);
      ck_assert (t.rows == 0 || t.rows == 3);
      file.data[i] ^= 0x20;
    }
  ck_assert_int_eq (with_bytes (file.data, file.len, cursor).rows, 6);
}
END_TEST

START_TEST (test_crc_is_castagnoli)
{
  char zeros[32] = { 0 };

  /* RFC 3720 B.4 and the usual check value. */
  ck_assert_uint_eq (crc32c (0, zeros, sizeof zeros), 0x8a9136aau);
  ck_assert_uint_eq (crc32c (0, "123456789", 9), 0xe3069283u);
  ck_assert_uint_eq (crc32c (crc32c (0, "1234", 4), "56789", 5), 0xe3069283u);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_listing_comes_back_in_order_with_its_sections);
  tcase_add_test (t, test_unfinished_page_is_gone_and_the_listing_goes_on);
  tcase_add_test (t, test_a_listing_goes_on_from_its_last_sound_page);
  tcase_add_test (t, test_a_sound_page_vouches_for_those_before);
  tcase_add_test (t, test_a_listing_in_doubt_from_the_start_begins_anew);
  tcase_add_test (t, test_wrong_order_and_sizes_are_refused);
  tcase_add_test (t, test_cut_at_any_byte_opens_with_whole_pages_only);
  tcase_add_test (t, test_damaged_byte_drops_its_page_and_what_follows);
  tcase_add_test (t, test_crc_is_castagnoli);
}

UNIT_MAIN ("spool", fill)
