/* Backups: what is copied comes back the same, and anything less than that is refused and
   leaves the store as it was. */
#include <config.h>

#include "store-dump.h"

#include <pthread.h>
#include <sodium.h>
#include <sys/stat.h>

#include "host/common/io.h"
#include "host/store/backup.h"
#include "host/store/work.h"

#define PRINT "0123456789abcdef"

static struct fixture f;
static struct id workspace;

static void
setup (void)
{
  fixture_make (&f, FIXTURE_MAP);
  workspace = id_new ();
}

static void
teardown (void)
{
  fixture_remove (&f);
}

static void
add_team (const char *name)
{
  struct txn *t = store_write (f.store);
  char text[ID_TEXT_SIZE];
  struct id id = id_new ();
  json_t *doc;

  id_format (&id, text);
  doc = json_pack ("{s:s, s:s}", "id", text, "name", name);
  txn_doc_put (t, STORE_TEAM, doc);
  txn_event_add (t, doc);
  json_decref (doc);
  ck_assert_int_eq (txn_commit (t), 0);
}

/* The whole file. */
static void
take (struct buf *ret)
{
  struct backup *b = NULL;
  char chunk[5000];
  ssize_t n;

  ck_assert_int_eq (backup_new (f.store, &workspace, PRINT, &b), 0);
  buf_reset (ret);
  while ((n = backup_read (b, ret->len, chunk, sizeof chunk)) > 0)
    buf_put (ret, chunk, (size_t) n);
  ck_assert_int_eq (n, 0);
  ck_assert_uint_eq (ret->len, BACKUP_HEAD_SIZE + backup_head (b)->size);
  backup_free (b);
}

/* Receives LEN bytes of FILE in steps of STEP; the first error. */
static int
receive (const char *file, size_t len, size_t step, bool mark)
{
  struct restore *r = NULL;
  struct store *image = NULL;
  json_t *info = json_pack ("{s:s}", "by", "test");
  size_t at;
  int x;

  ck_assert_int_eq (restore_new (f.store, &r), 0);
  for (at = 0, x = 0; at < len && x == 0; at += step)
    x = restore_put (r, file + at, MIN (step, len - at));
  if (x == 0)
    x = restore_finish (r, &image);
  if (x == 0 && mark)
    x = restore_mark (r, info);
  restore_free (r);
  json_decref (info);
  return x;
}

static size_t
files_in (const char *folder)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (256);
  struct stat st;

  /* Folders in a folder: each has a link to it. */
  buf_printf (&path, "%s/%s", f.dir, folder);
  return stat (path.data, &st) < 0 ? 0 : (size_t) st.st_nlink;
}

START_TEST (test_a_backup_put_back_is_the_same_store)
{
  struct buf file = BUF_INIT (64 << 20);
  char *before, *after;
  json_t *info = NULL;
  char *aside;

  add_team ("one");
  add_team ("two");
  before = dump_store (f.store);
  take (&file);
  add_team ("three");
  ck_assert_int_eq (receive (file.data, file.len, 777, /* mark= */ true), 0);
  /* Until the next start nothing is different. */
  add_team ("four");
  fixture_reopen (&f, FIXTURE_MAP);
  after = dump_store (f.store);
  ck_assert_str_eq (before, after);
  ck_assert_int_eq (store_restored (f.store, &info), 1);
  ck_assert_str_eq (json_string_value (json_object_get (info, "by")), "test");
  aside = store_aside (f.store, json_string_value (json_object_get (info, "aside")));
  ck_assert_ptr_nonnull (aside);
  free (aside);
  json_decref (info);
  /* It is asked about until it is settled. */
  fixture_reopen (&f, FIXTURE_MAP);
  ck_assert_int_eq (store_restored (f.store, &info), 1);
  json_decref (info);
  ck_assert_int_eq (store_restore_settled (f.store), 0);
  ck_assert_int_eq (store_restored (f.store, &info), 0);
  fixture_reopen (&f, FIXTURE_MAP);
  ck_assert_int_eq (store_restored (f.store, &info), 0);
  add_team ("three");
  free (before);
  free (after);
  buf_done (&file);
}
END_TEST

START_TEST (test_a_damaged_or_cut_file_is_refused)
{
  struct buf file = BUF_INIT (64 << 20);
  char *before;
  size_t i, places = 64;

  add_team ("one");
  take (&file);
  before = dump_store (f.store);
  for (i = 0; i < places; i++)
    {
      size_t at = i * file.len / places;
      int x;

      file.data[at] ^= 0x10;
      x = receive (file.data, file.len, 4096, false);
      ck_assert (x == -EBADMSG || (at < 16 && x == -EILSEQ));
      file.data[at] ^= 0x10;
      x = receive (file.data, at, 4096, false);
      ck_assert (x == -EBADMSG || (at == 0 && x == -EBADMSG));
    }
  for (i = 0; i < BACKUP_HEAD_SIZE; i++)
    {
      int x;

      file.data[i] ^= 1;
      x = receive (file.data, file.len, 4096, false);
      ck_assert (x == -EBADMSG || (i < 16 && x == -EILSEQ));
      file.data[i] ^= 1;
    }
  buf_puts (&file, "more");
  ck_assert_int_eq (receive (file.data, file.len, 4096, false), -EFBIG);
  ck_assert_uint_eq (files_in ("work"), 2);
  ck_assert_uint_eq (files_in (STATE_RESTORE), 0);
  fixture_reopen (&f, FIXTURE_MAP);
  {
    char *after = dump_store (f.store);

    ck_assert_str_eq (before, after);
    free (after);
  }
  free (before);
  buf_done (&file);
}
END_TEST

/* Makes the head of FILE say something else, with a right digest. */
static void
change_head (struct buf *file, const struct backup_head *head)
{
  backup_head_put (head, (uint8_t *) file->data);
}

START_TEST (test_a_newer_schema_or_form_is_refused_at_its_head)
{
  struct buf file = BUF_INIT (64 << 20);
  struct backup_head head;

  take (&file);
  ck_assert_int_eq (backup_head_get (file.data, file.len, &head), 0);
  ck_assert_str_eq (head.print, PRINT);
  ck_assert_str_eq (head.program, PACKAGE_VERSION);
  ck_assert (id_equal (&head.workspace, &workspace));
  head.schema = STORE_SCHEMA + 1;
  change_head (&file, &head);
  ck_assert_int_eq (receive (file.data, BACKUP_HEAD_SIZE, BACKUP_HEAD_SIZE, false), -EPROTONOSUPPORT);
  head.schema = STORE_SCHEMA - 1;   /* the image says otherwise */
  change_head (&file, &head);
  ck_assert_int_eq (receive (file.data, file.len, 4096, false), -EBADMSG);
  head.schema = STORE_SCHEMA;
  file.data[16]++;
  (void) crypto_generichash ((uint8_t *) file.data + 480, 32, (uint8_t *) file.data, 480, NULL, 0);
  ck_assert_int_eq (receive (file.data, file.len, 4096, false), -EPROTONOSUPPORT);
  head.size = 1ull << 39;
  change_head (&file, &head);
  ck_assert_int_eq (receive (file.data, BACKUP_HEAD_SIZE, BACKUP_HEAD_SIZE, false), -ENOSPC);
  buf_done (&file);
}
END_TEST

START_TEST (test_an_image_that_is_no_store_is_refused)
{
  struct buf file = BUF_INIT (1 << 20);
  struct backup_head head = { .schema = STORE_SCHEMA, .size = 65536 };
  char *image = calloc (1, 65536);
  size_t i;

  for (i = 0; i < 2; i++)
    {
      memset (image, i ? 0xff : 0, 65536);
      (void) crypto_generichash (head.digest, sizeof head.digest, (uint8_t *) image, 65536, NULL, 0);
      buf_reset (&file);
      (void) buf_reserve (&file, BACKUP_HEAD_SIZE);
      file.len = BACKUP_HEAD_SIZE;
      change_head (&file, &head);
      buf_put (&file, image, 65536);
      ck_assert_int_eq (receive (file.data, file.len, 4096, false), -EBADMSG);
    }
  free (image);
  buf_done (&file);
}
END_TEST

START_TEST (test_one_at_a_time)
{
  struct backup *b = NULL, *second = NULL;
  struct restore *r = NULL, *other = NULL;

  ck_assert_int_eq (backup_new (f.store, &workspace, PRINT, &b), 0);
  ck_assert_int_eq (backup_new (f.store, &workspace, PRINT, &second), -EBUSY);
  backup_free (b);
  ck_assert_int_eq (backup_new (f.store, &workspace, PRINT, &b), 0);
  backup_free (b);
  ck_assert_int_eq (restore_new (f.store, &r), 0);
  ck_assert_int_eq (restore_new (f.store, &other), -EBUSY);
  restore_free (r);
  ck_assert_int_eq (restore_new (f.store, &r), 0);
  restore_free (r);
}
END_TEST

static void *
write_on (void *arg)
{
  bool *stop = arg;
  char name[32];
  int i = 0;

  while (!__atomic_load_n (stop, __ATOMIC_RELAXED))
    {
      (void) snprintf (name, sizeof name, "team %d", i++);
      add_team (name);
    }
  return NULL;
}

START_TEST (test_a_copy_beside_writers_is_whole)
{
  struct buf file = BUF_INIT (64 << 20);
  bool stop = false;
  pthread_t thread;
  int i;

  ck_assert_int_eq (pthread_create (&thread, NULL, write_on, &stop), 0);
  for (i = 0; i < 5; i++)
    {
      take (&file);
      ck_assert_int_eq (receive (file.data, file.len, 65536, i == 4), 0);
    }
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  ck_assert_int_eq (pthread_join (thread, NULL), 0);
  fixture_reopen (&f, FIXTURE_MAP);
  add_team ("after");
  buf_done (&file);
}
END_TEST

START_TEST (test_a_reader_of_a_backup_holds_no_transaction)
{
  struct backup *b = NULL;
  struct store_space before, after;
  int i;

  add_team ("one");
  ck_assert_int_eq (backup_new (f.store, &workspace, PRINT, &b), 0);
  add_team ("two");
  add_team ("three");
  store_space (f.store, &before);
  for (i = 0; i < 500; i++)
    {
      struct txn *t = store_write (f.store);

      txn_meta_put (t, "x", &i, sizeof i);
      ck_assert_int_eq (txn_commit (t), 0);
    }
  store_space (f.store, &after);
  /* Pages are used again, so the file hardly grows. */
  ck_assert_uint_le (after.map_used, before.map_used + 65536);
  backup_free (b);
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_a_backup_put_back_is_the_same_store);
  tcase_add_test (t, test_a_damaged_or_cut_file_is_refused);
  tcase_add_test (t, test_a_newer_schema_or_form_is_refused_at_its_head);
  tcase_add_test (t, test_an_image_that_is_no_store_is_refused);
  tcase_add_test (t, test_one_at_a_time);
  tcase_add_test (t, test_a_copy_beside_writers_is_whole);
  tcase_add_test (t, test_a_reader_of_a_backup_holds_no_transaction);
}

UNIT_MAIN ("backup", fill)
