/* The vault: what is sealed opens for its own place and key only, and the key file is
   made once and kept private. */
#include <config.h>

#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/common/io.h"
#include "host/vault/vault.h"

static char folder[] = "/tmp/usher-vault-XXXXXX";
static char key_path[64], new_key_path[80];

static void
setup (void)
{
  ck_assert_ptr_nonnull (mkdtemp (folder));
  (void) snprintf (key_path, sizeof key_path, "%s/usher.key", folder);
  (void) snprintf (new_key_path, sizeof new_key_path, "%s.new", key_path);
  (void) unsetenv ("CREDENTIALS_DIRECTORY");
}

static void
teardown (void)
{
  (void) unlink (key_path);
  (void) unlink (new_key_path);
  ck_assert_int_eq (rmdir (folder), 0);   /* nothing else was left there */
}

static struct vault *
open_vault (void)
{
  struct vault *v = NULL;
  char *why;

  ck_assert_int_eq (vault_open (folder, &v, &why), 0);
  ck_assert_ptr_null (why);
  return v;
}

/* Appends a new data key to KEY, and lets V seal with it. */
static void
make_key (struct vault *v, struct buf *key)
{
  ck_assert_int_eq (vault_make_key (v, key), 0);
  ck_assert_int_eq (vault_add_key (v, key->data + key->len - VAULT_KEY_SIZE, VAULT_KEY_SIZE), 0);
}

/* A vault with one data key, whose sealed form is appended to KEY. */
static struct vault *
ready_vault (struct buf *key)
{
  struct vault *v = open_vault ();

  make_key (v, key);
  ck_assert_uint_eq (key->len, VAULT_KEY_SIZE);
  return v;
}

static void
refuse_open (int error, const char *part)
{
  struct vault *v = NULL;
  char *why = NULL;

  ck_assert_int_eq (vault_open (folder, &v, &why), error);
  ck_assert_ptr_null (v);
  ck_assert_ptr_nonnull (why);
  ck_assert_ptr_nonnull (strstr (why, part));
  ck_assert_ptr_nonnull (strstr (why, key_path));
  free (why);
}

START_TEST (test_sealed_value_opens_after_a_restart)
{
  struct buf key = BUF_INIT (1024), sealed = BUF_INIT (1024);
  struct secret s = { NULL, 0 };
  struct vault *v = ready_vault (&key);

  ck_assert (vault_key_made (v));
  ck_assert_str_eq (vault_key_file (v), key_path);
  ck_assert_int_eq (vault_seal (v, "account-1", "token", "s3cret", 6, &sealed), 0);
  ck_assert_uint_eq (sealed.len, 6 + VAULT_OVERHEAD);
  ck_assert_ptr_null (memmem (sealed.data, sealed.len, "s3cret", 6));
  v = vault_close (v);
  v = open_vault ();
  ck_assert (!vault_key_made (v));
  ck_assert_int_eq (vault_unseal (v, "account-1", "token", sealed.data, sealed.len, &s), -ENOKEY);
  ck_assert_int_eq (vault_add_key (v, key.data, key.len), 0);
  ck_assert_int_eq (vault_add_key (v, key.data, key.len), -EEXIST);
  ck_assert_int_eq (vault_unseal (v, "account-1", "token", sealed.data, sealed.len, &s), 0);
  ck_assert_uint_eq (s.len, 6);
  ck_assert_str_eq (s.data, "s3cret");
  secret_done (&s);
  vault_close (v);
  buf_done (&key);
  buf_done (&sealed);
}
END_TEST

START_TEST (test_value_opens_in_its_own_place_only)
{
  struct buf key = BUF_INIT (1024), sealed = BUF_INIT (1024);
  struct secret s = { NULL, 0 };
  struct vault *v = ready_vault (&key);

  ck_assert_int_eq (vault_seal (v, "ab", "c", "x", 1, &sealed), 0);
  ck_assert_int_eq (vault_unseal (v, "ab", "d", sealed.data, sealed.len, &s), -EBADMSG);
  ck_assert_int_eq (vault_unseal (v, "ac", "c", sealed.data, sealed.len, &s), -EBADMSG);
  ck_assert_int_eq (vault_unseal (v, "a", "bc", sealed.data, sealed.len, &s), -EBADMSG);
  ck_assert_ptr_null (s.data);
  ck_assert_int_eq (vault_unseal (v, "ab", "c", sealed.data, sealed.len, &s), 0);
  secret_done (&s);
  vault_close (v);
  buf_done (&key);
  buf_done (&sealed);
}
END_TEST

START_TEST (test_every_changed_or_missing_byte_is_noticed)
{
  struct buf key = BUF_INIT (1024), sealed = BUF_INIT (1024);
  struct secret s = { NULL, 0 };
  struct vault *v = ready_vault (&key), *other = open_vault ();
  size_t i;
  int r;

  ck_assert_int_eq (vault_seal (v, "a", "b", "value", 5, &sealed), 0);
  for (i = 0; i < sealed.len; i++)
    {
      char *cut = malloc (i ? i : 1);   /* of that size, so that reading on is caught */

      memcpy (cut, sealed.data, i);
      ck_assert_int_eq (vault_unseal (v, "a", "b", cut, i, &s), -EBADMSG);
      free (cut);
      sealed.data[i] ^= 1;
      r = vault_unseal (v, "a", "b", sealed.data, sealed.len, &s);
      ck_assert (r == -EBADMSG || (r == -ENOKEY && i >= 1 && i <= 4));
      sealed.data[i] ^= 1;
    }
  for (i = 0; i < key.len; i++)
    {
      ck_assert_int_eq (vault_add_key (other, key.data, i), -EBADMSG);
      key.data[i] ^= 1;
      r = vault_add_key (other, key.data, key.len);
      ck_assert (r == -EBADMSG || (r == -EKEYREJECTED && i >= 1 && i <= 8));
      key.data[i] ^= 1;
    }
  ck_assert_ptr_null (s.data);
  vault_close (v);
  vault_close (other);
  buf_done (&key);
  buf_done (&sealed);
}
END_TEST

START_TEST (test_another_usher_key_is_told_from_damage)
{
  struct buf key = BUF_INIT (1024);
  struct vault *v = ready_vault (&key);

  v = vault_close (v);
  ck_assert_int_eq (unlink (key_path), 0);
  v = open_vault ();
  ck_assert_int_eq (vault_add_key (v, key.data, key.len), -EKEYREJECTED);
  ck_assert_ptr_nonnull (strstr (vault_strerror (-EKEYREJECTED), "another usher.key"));
  vault_close (v);
  buf_done (&key);
}
END_TEST

START_TEST (test_newest_data_key_seals_and_old_ones_open)
{
  struct buf first = BUF_INIT (1024), second = BUF_INIT (1024);
  struct buf old = BUF_INIT (1024), new = BUF_INIT (1024);
  struct secret s = { NULL, 0 };
  struct vault *v = ready_vault (&first);

  ck_assert_int_eq (vault_seal (v, "a", "b", "old", 3, &old), 0);
  make_key (v, &second);
  ck_assert_uint_eq (vault_current_key (v), 2);
  ck_assert_int_eq (vault_seal (v, "a", "b", "new", 3, &new), 0);
  ck_assert_uint_eq (vault_key_of (old.data, old.len), 1);
  ck_assert_uint_eq (vault_key_of (new.data, new.len), 2);
  v = vault_close (v);
  v = open_vault ();
  ck_assert_int_eq (vault_add_key (v, second.data, second.len), 0);
  ck_assert_int_eq (vault_add_key (v, first.data, first.len), 0);
  ck_assert_uint_eq (vault_current_key (v), 2);
  ck_assert_int_eq (vault_unseal (v, "a", "b", old.data, old.len, &s), 0);
  ck_assert_str_eq (s.data, "old");
  ck_assert_int_eq (vault_unseal (v, "a", "b", new.data, new.len, &s), 0);
  ck_assert_str_eq (s.data, "new");
  secret_done (&s);
  vault_close (v);
  buf_done (&first);
  buf_done (&second);
  buf_done (&old);
  buf_done (&new);
}
END_TEST

START_TEST (test_forgotten_data_keys_open_nothing)
{
  struct buf keys = BUF_INIT (1024), old = BUF_INIT (1024), kept = BUF_INIT (1024);
  struct secret s = { NULL, 0 };
  struct vault *v = ready_vault (&keys);

  ck_assert_int_eq (vault_seal (v, "a", "b", "old", 3, &old), 0);
  make_key (v, &keys);
  vault_forget_keys (v, 2);
  ck_assert_int_eq (vault_unseal (v, "a", "b", old.data, old.len, &s), -ENOKEY);
  ck_assert_uint_eq (vault_current_key (v), 2);
  ck_assert_int_eq (vault_put_keys (v, 0, &kept), 0);
  ck_assert_uint_eq (kept.len, VAULT_KEY_SIZE);
  vault_close (v);
  buf_done (&keys);
  buf_done (&old);
  buf_done (&kept);
}
END_TEST

/* Puts a usher.key.new beside usher.key. */
static void
put_new_key (void)
{
  static const char text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

  ck_assert_int_eq (io_replace_file (new_key_path, text, sizeof text - 1, 0600), 0);
}

START_TEST (test_usher_key_is_replaced_in_steps_that_each_open)
{
  struct buf key = BUF_INIT (1024), sealed = BUF_INIT (1024), again = BUF_INIT (1024);
  char before[VAULT_PRINT_SIZE], after[VAULT_PRINT_SIZE], needs[VAULT_PRINT_SIZE];
  struct secret s = { NULL, 0 };
  struct vault *v = ready_vault (&key);

  ck_assert_int_eq (vault_seal (v, "a", "b", "value", 5, &sealed), 0);
  ck_assert_ptr_null (vault_new_key_file (v));
  vault_print (v, before);
  v = vault_close (v);

  put_new_key ();
  v = open_vault ();
  ck_assert_str_eq (vault_new_key_file (v), new_key_path);
  vault_print (v, after);
  ck_assert_str_ne (before, after);
  ck_assert_int_eq (vault_add_key (v, key.data, key.len), 1);
  ck_assert_int_eq (vault_put_keys (v, 0, &again), 0);
  ck_assert_int_eq (vault_print_of (again.data, again.len, needs), 0);
  ck_assert_str_eq (needs, after);
  v = vault_close (v);

  /* Both are there still: either form opens. */
  v = open_vault ();
  ck_assert_int_eq (vault_add_key (v, again.data, again.len), 0);
  v = vault_close (v);
  ck_assert_int_eq (rename (new_key_path, key_path), 0);
  v = open_vault ();
  ck_assert_int_eq (vault_add_key (v, key.data, key.len), -EKEYREJECTED);
  ck_assert_int_eq (vault_add_key (v, again.data, again.len), 0);
  ck_assert_int_eq (vault_unseal (v, "a", "b", sealed.data, sealed.len, &s), 0);
  ck_assert_str_eq (s.data, "value");
  secret_done (&s);
  vault_close (v);
  buf_done (&key);
  buf_done (&sealed);
  buf_done (&again);
}
END_TEST

START_TEST (test_a_new_key_that_others_can_read_is_refused)
{
  vault_close (open_vault ());
  put_new_key ();
  ck_assert_int_eq (chmod (new_key_path, 0644), 0);
  refuse_open (-EPERM, "usher.key.new");
}
END_TEST

START_TEST (test_limits_are_refused)
{
  static char big[VAULT_VALUE_MAX + 1], name[VAULT_NAME_MAX + 2];
  struct buf key = BUF_INIT (1024), out = BUF_INIT (VAULT_VALUE_MAX + 1024);
  struct secret s = { NULL, 0 };
  struct vault *v = open_vault ();
  size_t i;

  ck_assert_int_eq (vault_seal (v, "a", "b", "x", 1, &out), -ENOKEY);
  ck_assert_int_eq (vault_make_key (v, &key), 0);
  ck_assert_int_eq (vault_seal (v, "a", "b", "x", 1, &out), -ENOKEY);
  ck_assert_int_eq (vault_add_key (v, key.data, key.len), 0);
  ck_assert_int_eq (vault_seal (v, "a", "b", big, sizeof big, &out), -E2BIG);
  memset (name, 'n', sizeof name - 1);
  ck_assert_int_eq (vault_seal (v, name, "b", "x", 1, &out), -EINVAL);
  ck_assert_int_eq (vault_seal (v, "", "b", "x", 1, &out), -EINVAL);
  ck_assert_uint_eq (out.len, 0);
  ck_assert_int_eq (vault_seal (v, "a", "b", big, VAULT_VALUE_MAX, &out), 0);
  ck_assert_int_eq (vault_unseal (v, "a", "b", out.data, out.len, &s), 0);
  ck_assert_uint_eq (s.len, VAULT_VALUE_MAX);
  secret_done (&s);
  buf_reset (&out);
  ck_assert_int_eq (vault_seal (v, "a", "b", "", 0, &out), 0);
  ck_assert_int_eq (vault_unseal (v, "a", "b", out.data, out.len, &s), 0);
  ck_assert_str_eq (s.data, "");
  secret_done (&s);
  for (i = 1; i < VAULT_KEYS_MAX; i++)
    {
      buf_reset (&key);
      make_key (v, &key);
    }
  buf_reset (&key);
  ck_assert_int_eq (vault_make_key (v, &key), 0);
  ck_assert_int_eq (vault_add_key (v, key.data, key.len), -ENOSPC);
  vault_close (v);
  buf_done (&key);
  buf_done (&out);
}
END_TEST

START_TEST (test_key_file_that_others_can_read_is_refused)
{
  struct stat st;

  vault_close (open_vault ());
  ck_assert_int_eq (stat (key_path, &st), 0);
  ck_assert_int_eq (st.st_mode & 07777, 0600);
  ck_assert_int_eq (chmod (key_path, 0640), 0);
  refuse_open (-EPERM, "chmod 600");
  ck_assert_int_eq (chmod (key_path, 0604), 0);
  refuse_open (-EPERM, "0604");
}
END_TEST

START_TEST (test_key_file_cut_at_any_byte_is_refused)
{
  struct buf b = BUF_INIT (1024);
  size_t i;

  vault_close (open_vault ());
  ck_assert_int_eq (io_read_file (key_path, &b), 0);
  ck_assert_uint_eq (b.len, 65);
  for (i = 0; i < 64; i++)
    {
      ck_assert_int_eq (io_replace_file (key_path, b.data, i, 0600), 0);
      refuse_open (-EINVAL, "64 hexadecimal digits");
    }
  ck_assert_int_eq (io_replace_file (key_path, b.data, 64, 0600), 0);
  vault_close (open_vault ());
  buf_puts (&b, "0");
  ck_assert_int_eq (io_replace_file (key_path, b.data, b.len, 0600), 0);
  refuse_open (-EINVAL, "64 hexadecimal digits");
  buf_done (&b);
}
END_TEST

START_TEST (test_a_systemd_credential_comes_first)
{
  char credentials[] = "/tmp/usher-credentials-XXXXXX", path[64];
  static const char text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
  struct vault *v;

  ck_assert_ptr_nonnull (mkdtemp (credentials));
  (void) snprintf (path, sizeof path, "%s/usher.key", credentials);
  ck_assert_int_eq (io_replace_file (path, text, sizeof text - 1, 0440), 0);
  ck_assert_int_eq (setenv ("CREDENTIALS_DIRECTORY", credentials, 1), 0);
  v = open_vault ();
  ck_assert_str_eq (vault_key_file (v), path);
  ck_assert (!vault_key_made (v));
  ck_assert_int_eq (access (key_path, F_OK), -1);
  vault_close (v);
  (void) unlink (path);
  (void) rmdir (credentials);
}
END_TEST

START_TEST (test_many_who_make_the_key_at_once_get_the_same)
{
  struct buf key = BUF_INIT (1024);
  struct vault *v;
  pid_t child[8];
  int pipes[2], go[2], status;
  char byte = 0;
  size_t i;

  ck_assert_int_eq (pipe2 (pipes, O_CLOEXEC), 0);
  ck_assert_int_eq (pipe2 (go, O_CLOEXEC), 0);
  for (i = 0; i < ARRAY_SIZE (child); i++)
    {
      child[i] = fork ();
      ck_assert_int_ge (child[i], 0);
      if (child[i] == 0)
        {
          char *why;

          (void) close (go[1]);
          /* The end of file comes when the parent lets go. */
          if (read (go[0], &byte, 1) != 0 || vault_open (folder, &v, &why) < 0
              || vault_make_key (v, &key) < 0)
            _exit (1);
          _exit (write (pipes[1], key.data, VAULT_KEY_SIZE) == VAULT_KEY_SIZE ? 0 : 1);
        }
    }
  (void) close (go[0]);
  (void) close (go[1]);
  for (i = 0; i < ARRAY_SIZE (child); i++)
    {
      ck_assert_int_eq (waitpid (child[i], &status, 0), child[i]);
      ck_assert_int_eq (status, 0);
    }
  for (i = 0; i < ARRAY_SIZE (child); i++)
    {
      char sealed[VAULT_KEY_SIZE];

      v = open_vault ();
      ck_assert_int_eq (io_read_all (pipes[0], sealed, sizeof sealed), 0);
      ck_assert_int_eq (vault_add_key (v, sealed, sizeof sealed), 0);
      vault_close (v);
    }
  (void) close (pipes[0]);
  (void) close (pipes[1]);
}
END_TEST

#ifdef USHER_TEST_HOOKS
START_TEST (test_a_key_that_cannot_be_made_leaves_nothing)
{
  char log[80], fired[64] = "";
  FILE *f;

  (void) snprintf (log, sizeof log, "%s.fired", folder);
  ck_assert_int_eq (setenv ("USHER_FAIL_LOG", log, 1), 0);
  ck_assert_int_eq (setenv ("USHER_FAIL_POINTS", "vault-key-written=fail", 1), 0);
  refuse_open (-EIO, "cannot be made");
  ck_assert_int_eq (access (key_path, F_OK), -1);
  f = fopen (log, "re");
  ck_assert_ptr_nonnull (f);
  ck_assert_ptr_nonnull (fgets (fired, sizeof fired, f));
  (void) fclose (f);
  (void) unlink (log);
  ck_assert_ptr_nonnull (strstr (fired, "vault-key-written"));
  vault_close (open_vault ());   /* the next one succeeds */
}
END_TEST
#endif

static void
fill (TCase *t)
{
  tcase_add_checked_fixture (t, setup, teardown);
  tcase_add_test (t, test_sealed_value_opens_after_a_restart);
  tcase_add_test (t, test_value_opens_in_its_own_place_only);
  tcase_add_test (t, test_every_changed_or_missing_byte_is_noticed);
  tcase_add_test (t, test_another_usher_key_is_told_from_damage);
  tcase_add_test (t, test_newest_data_key_seals_and_old_ones_open);
  tcase_add_test (t, test_forgotten_data_keys_open_nothing);
  tcase_add_test (t, test_usher_key_is_replaced_in_steps_that_each_open);
  tcase_add_test (t, test_a_new_key_that_others_can_read_is_refused);
  tcase_add_test (t, test_limits_are_refused);
  tcase_add_test (t, test_key_file_that_others_can_read_is_refused);
  tcase_add_test (t, test_key_file_cut_at_any_byte_is_refused);
  tcase_add_test (t, test_a_systemd_credential_comes_first);
  tcase_add_test (t, test_many_who_make_the_key_at_once_get_the_same);
#ifdef USHER_TEST_HOOKS
  tcase_add_test (t, test_a_key_that_cannot_be_made_leaves_nothing);
#endif
}

UNIT_MAIN ("vault", fill)
