/* Owns the file usher.key: 64 hexadecimal digits and a newline, so that it can be
   copied, printed and put into a safe. */
#include <config.h>

#include "host/vault/key-file.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/common/failpoint.h"
#include "host/common/io.h"

#define TEXT_SIZE (2 * KEY_FILE_BYTES + 1)

static _printf_ (3, 4) int
fail (int r, char **why, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  if (vasprintf (why, fmt, ap) < 0)
    *why = NULL;
  va_end (ap);
  return r;
}

/* Reads PATH; PRIVATE: refuses a file that others can read.  -ENOENT without a sentence. */
static int
read_key (const char *path, bool private, uint8_t *key, char **why)
{
  char text[TEXT_SIZE + 2];
  const char *end = NULL;
  _cleanup_ (closep) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  struct stat st;
  size_t len;
  ssize_t n;
  int r;

  if (fd < 0)
    return errno == ENOENT ? -ENOENT
           : fail (-errno, why, "%s cannot be read: %s.", path, strerror (errno));
  if (fstat (fd, &st) < 0 || !S_ISREG (st.st_mode))
    return fail (-EINVAL, why, "%s must be a regular file.", path);
  if (private && (st.st_mode & 077))
    return fail (-EPERM, why, "%s can be read or changed by others (mode %04o); run: chmod 600 %s",
                 path, (unsigned int) st.st_mode & 07777, path);
  n = read (fd, text, sizeof text - 1);
  text[n > 0 ? n : 0] = '\0';
  r = sodium_hex2bin (key, KEY_FILE_BYTES, text, strlen (text), NULL, &len, &end);
  if (r < 0 || len != KEY_FILE_BYTES || (*end && !streq (end, "\n")))
    r = -EINVAL;
  sodium_memzero (text, sizeof text);
  if (r < 0)
    return fail (r, why, "%s holds no key: it must be 64 hexadecimal digits and a newline; "
                         "put the file back from where it was kept.", path);
  return 0;
}

static int
write_key (int fd)
{
  uint8_t key[KEY_FILE_BYTES];
  char text[TEXT_SIZE + 1];
  int r;

  randombytes_buf (key, sizeof key);
  (void) sodium_bin2hex (text, TEXT_SIZE, key, sizeof key);
  text[TEXT_SIZE - 1] = '\n';
  r = io_write_all (fd, text, TEXT_SIZE);
  sodium_memzero (key, sizeof key);
  sodium_memzero (text, sizeof text);
  if (r == 0 && fsync (fd) < 0)
    r = -errno;
  return r;
}

/* Writes a new key beside PATH and gives it that name unless somebody was faster: link
   never replaces.  1 when ours is the one, 0 when another's is. */
static int
make_key (const char *path)
{
  _cleanup_ (freep) char *beside = NULL;
  _cleanup_ (closep) int fd = -1;
  int r;

  if (asprintf (&beside, "%s.XXXXXX", path) < 0)
    {
      beside = NULL;
      return -ENOMEM;
    }
  fd = mkostemp (beside, O_CLOEXEC);
  if (fd < 0)
    return -errno;
  r = write_key (fd);
  if (r == 0)
    r = fail_point ("vault-key-written");
  if (r == 0)
    r = link (beside, path) == 0 ? 1 : errno == EEXIST ? 0 : -errno;
  (void) unlink (beside);
  if (r >= 0)
    {
      int synced = io_sync_folder_of (path);

      r = synced < 0 ? synced : r;
    }
  return r;
}

/* *RET: the credential's path, or NULL when systemd gave no such folder. */
static int
credential_path (const char *name, char **ret)
{
  const char *folder = secure_getenv ("CREDENTIALS_DIRECTORY");

  *ret = NULL;
  if (folder && *folder && asprintf (ret, "%s/%s", folder, name) < 0)
    {
      *ret = NULL;
      return -ENOMEM;
    }
  return 0;
}

/* Reads NAME from the credentials, else from the state folder.  *RET_PATH is where it is, or
   with -ENOENT where it could be. */
static int
find_key (const char *state_dir, const char *name, uint8_t key[KEY_FILE_BYTES], char **ret_path,
          char **why)
{
  int r;

  *why = NULL;
  r = credential_path (name, ret_path);
  if (r < 0)
    return r;
  /* systemd guards credentials itself; an ACL there shows as a group bit. */
  r = *ret_path ? read_key (*ret_path, /* private= */ false, key, why) : -ENOENT;
  if (r != -ENOENT)
    return r;
  free (TAKE (*ret_path));
  if (asprintf (ret_path, "%s/%s", state_dir, name) < 0)
    {
      *ret_path = NULL;
      return -ENOMEM;
    }
  return read_key (*ret_path, /* private= */ true, key, why);
}

int
key_file_get (const char *state_dir, uint8_t key[KEY_FILE_BYTES], char **ret_path, bool *made,
              char **why)
{
  _cleanup_ (freep) char *path = NULL;
  int r = find_key (state_dir, "usher.key", key, &path, why);

  *made = false;
  if (r == -ENOENT)
    {
      r = make_key (path);
      if (r < 0)
        return fail (r, why, "%s cannot be made: %s.", path, strerror (-r));
      *made = r == 1;
      r = read_key (path, /* private= */ true, key, why);
    }
  if (r == 0)
    *ret_path = TAKE (path);
  return r;
}

int
key_file_get_new (const char *state_dir, uint8_t key[KEY_FILE_BYTES], char **ret_path, char **why)
{
  _cleanup_ (freep) char *path = NULL;
  int r = find_key (state_dir, "usher.key.new", key, &path, why);

  if (r == 0)
    *ret_path = TAKE (path);
  return r;
}
