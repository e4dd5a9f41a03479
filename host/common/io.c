/* Owns the loops around read and write. */
#include <config.h>

#include "host/common/io.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

#define READ_CHUNK 65536u

int
io_write_all (int fd, const void *p, size_t len)
{
  const char *at = p;

  while (len)
    {
      ssize_t n = write (fd, at, len);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -errno;
      at += n;
      len -= (size_t) n;
    }
  return 0;
}

int
io_read_all (int fd, void *p, size_t len)
{
  char *at = p;

  while (len)
    {
      ssize_t n = read (fd, at, len);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -errno;
      if (n == 0)
        return -EPIPE;
      at += n;
      len -= (size_t) n;
    }
  return 0;
}

int
io_read_fd (int fd, struct buf *out)
{
  for (;;)
    {
      char chunk[READ_CHUNK];
      ssize_t n = read (fd, chunk, sizeof chunk);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -errno;
      if (n == 0)
        return buf_error (out);
      buf_put (out, chunk, (size_t) n);
      explicit_bzero (chunk, (size_t) n);
      if (buf_error (out))
        return buf_error (out);
    }
}

int
io_read_file (const char *path, struct buf *out)
{
  _cleanup_ (closep) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

  return fd < 0 ? -errno : io_read_fd (fd, out);
}

int
io_sync_folder_of (const char *path)
{
  _cleanup_ (freep) char *copy = strdup (path);
  _cleanup_ (closep) int fd = -1;

  if (!copy)
    return -ENOMEM;
  fd = open (dirname (copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fsync (fd) < 0)
    return -errno;
  return 0;
}

int
io_replace_file (const char *path, const void *p, size_t len, unsigned int mode)
{
  _cleanup_ (buf_done) struct buf temp = BUF_INIT (4096);
  _cleanup_ (closep) int fd = -1;
  int r;

  buf_printf (&temp, "%s.%ld.new", path, (long) getpid ());
  if (buf_error (&temp))
    return buf_error (&temp);
  fd = open (temp.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return -errno;
  r = io_write_all (fd, p, len);
  if (r == 0 && fsync (fd) < 0)
    r = -errno;
  if (r == 0 && rename (temp.data, path) < 0)
    r = -errno;
  if (r < 0)
    {
      (void) unlink (temp.data);
      return r;
    }
  return io_sync_folder_of (path);
}
