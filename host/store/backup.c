/* Owns the copy that a backup is read from. */
#include <config.h>

#include "host/store/backup.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/io.h"
#include "host/store/txn.h"
#include "host/store/work.h"

#define CHUNK (256u * 1024)
#define ROOM_MIN (16ull * 1024 * 1024)   /* left to the daemon beside the copy */

struct backup
{
  struct store *store;       /* borrowed; its flag `copying` is ours */
  struct backup_head head;
  uint8_t bytes[BACKUP_HEAD_SIZE];
  int fd;                    /* of the image; it has no name */
};

bool
work_claim (struct store *s, bool *flag)
{
  bool ours;

  pthread_mutex_lock (&s->lock);
  ours = !*flag;
  *flag = true;
  pthread_mutex_unlock (&s->lock);
  return ours;
}

void
work_release (struct store *s, bool *flag)
{
  pthread_mutex_lock (&s->lock);
  *flag = false;
  pthread_mutex_unlock (&s->lock);
}

struct backup *
backup_free (struct backup *b)
{
  if (!b)
    return NULL;
  closep (&b->fd);
  work_release (b->store, &b->store->copying);
  free (b);
  return NULL;
}

static int
check_room (struct store *s)
{
  struct store_space space;

  store_space (s, &space);
  return space.disk_free < ROOM_MIN || space.disk_free - ROOM_MIN < space.map_used ? -ENOSPC : 0;
}

/* A file that is gone when its descriptor is. */
static int
make_file (const struct store *s, int *ret)
{
  _cleanup_ (freep) char *path = NULL;
  int fd;

  if (asprintf (&path, "%s/" WORK_BACKUP "XXXXXX", s->work_dir) < 0)
    {
      path = NULL;
      return -ENOMEM;
    }
  fd = mkostemp (path, O_CLOEXEC);
  if (fd < 0)
    return -errno;
  (void) unlink (path);
  *ret = fd;
  return 0;
}

/* LMDB refuses to compact where pages were lost, which a crash long ago may have done: then
   the copy is one of all pages. */
static int
copy (struct store *s, int fd)
{
  int rc = mdb_env_copyfd2 (s->env, fd, MDB_CP_COMPACT);

  if (rc == MDB_INCOMPATIBLE)
    {
      if (lseek (fd, 0, SEEK_SET) < 0 || ftruncate (fd, 0) < 0)
        return -errno;
      rc = mdb_env_copyfd2 (s->env, fd, 0);
    }
  return store_error (rc);
}

int
work_digest (int fd, uint64_t *ret_size, uint8_t ret[BACKUP_DIGEST_SIZE])
{
  _cleanup_ (freep) uint8_t *chunk = malloc (CHUNK);
  crypto_generichash_state state;
  uint64_t at = 0;
  ssize_t n;

  if (!chunk)
    return -ENOMEM;
  (void) crypto_generichash_init (&state, NULL, 0, BACKUP_DIGEST_SIZE);
  while ((n = pread (fd, chunk, CHUNK, (off_t) at)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -errno;
      (void) crypto_generichash_update (&state, chunk, (size_t) n);
      at += (uint64_t) n;
    }
  (void) crypto_generichash_final (&state, ret, BACKUP_DIGEST_SIZE);
  *ret_size = at;
  return 0;
}

int
backup_new (struct store *s, const struct id *workspace, const char *print, struct backup **ret)
{
  _cleanup_ (backup_freep) struct backup *b = NULL;
  int x;

  if (!work_claim (s, &s->copying))
    return -EBUSY;
  b = calloc (1, sizeof *b);
  if (!b)
    {
      work_release (s, &s->copying);
      return -ENOMEM;
    }
  b->store = s;
  b->fd = -1;
  b->head = (struct backup_head) { .schema = STORE_SCHEMA, .workspace = *workspace, .taken_ms = clock_now_ms () };
  (void) snprintf (b->head.print, sizeof b->head.print, "%s", print);
  (void) snprintf (b->head.program, sizeof b->head.program, "%s", PACKAGE_VERSION);
  x = check_room (s);
  if (x == 0)
    x = make_file (s, &b->fd);
  if (x == 0)
    x = fail_point ("backup-copy");
  if (x == 0)
    x = copy (s, b->fd);
  if (x == 0)
    x = work_digest (b->fd, &b->head.size, b->head.digest);
  if (x < 0)
    return x;
  backup_head_put (&b->head, b->bytes);
  *ret = TAKE (b);
  return 0;
}

const struct backup_head *
backup_head (const struct backup *b)
{
  return &b->head;
}

ssize_t
backup_read (const struct backup *b, uint64_t at, void *p, size_t len)
{
  ssize_t n;

  if (at < BACKUP_HEAD_SIZE)
    {
      len = MIN (len, BACKUP_HEAD_SIZE - at);
      memcpy (p, b->bytes + at, len);
      return (ssize_t) len;
    }
  do
    n = pread (b->fd, p, len, (off_t) (at - BACKUP_HEAD_SIZE));
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}
