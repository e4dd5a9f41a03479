/* Owns a backup that is being received, and its way into the place of the store. */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "host/common/clock.h"
#include "host/common/failpoint.h"
#include "host/common/io.h"
#include "host/store/txn.h"
#include "host/store/work.h"

#define INFO_MAX (64u * 1024)

struct restore
{
  struct store *store;       /* borrowed; its flag `restoring` is ours */
  char *folder;              /* owned: in the work folder */
  int fd;                    /* of the image in it */
  uint8_t bytes[BACKUP_HEAD_SIZE];
  size_t n_bytes;            /* of the head, so far */
  struct backup_head head;
  uint64_t size;             /* of the image, so far */
  crypto_generichash_state state;
  struct store *image;       /* owned */
  int error;
};

static char *
path_of (const char *dir, const char *name)
{
  char *path = NULL;

  return asprintf (&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* ---- Receiving. */

int
restore_new (struct store *s, struct restore **ret)
{
  _cleanup_ (restore_freep) struct restore *r = NULL;
  _cleanup_ (freep) char *image = NULL;
  int x;

  if (!work_claim (s, &s->restoring))
    return -EBUSY;
  r = calloc (1, sizeof *r);
  if (!r)
    {
      work_release (s, &s->restoring);
      return -ENOMEM;
    }
  r->store = s;
  r->fd = -1;
  (void) crypto_generichash_init (&r->state, NULL, 0, BACKUP_DIGEST_SIZE);
  r->folder = path_of (s->work_dir, WORK_RESTORE);
  image = r->folder ? path_of (r->folder, "data.mdb") : NULL;
  if (!image)
    return -ENOMEM;
  x = work_drop_folder (r->folder);
  if (x < 0)
    return x;
  if (mkdir (r->folder, 0700) < 0)
    return -errno;
  r->fd = open (image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (r->fd < 0)
    return -errno;
  *ret = TAKE (r);
  return 0;
}

struct restore *
restore_free (struct restore *r)
{
  if (!r)
    return NULL;
  store_close (r->image);
  closep (&r->fd);
  if (r->folder)
    (void) work_drop_folder (r->folder);
  free (r->folder);
  work_release (r->store, &r->store->restoring);
  free (r);
  return NULL;
}

/* The head is whole: is it worth to receive the rest? */
static int
take_head (struct restore *r)
{
  struct store_space space;
  int x = backup_head_get (r->bytes, sizeof r->bytes, &r->head);

  if (x < 0)
    return x;
  if (r->head.schema > STORE_SCHEMA)
    return -EPROTONOSUPPORT;
  store_space (r->store, &space);
  return r->head.size > space.disk_free ? -ENOSPC : 0;
}

static int
put_image (struct restore *r, const void *p, size_t len)
{
  int x;

  if (len > r->head.size - r->size)
    return -EFBIG;
  x = io_write_all (r->fd, p, len);
  if (x < 0)
    return x;
  (void) crypto_generichash_update (&r->state, p, len);
  r->size += len;
  return fail_point ("restore-received");
}

int
restore_put (struct restore *r, const void *p, size_t len)
{
  size_t n = MIN (len, sizeof r->bytes - r->n_bytes);

  if (r->error)
    return r->error;
  memcpy (r->bytes + r->n_bytes, p, n);
  r->n_bytes += n;
  if (n && r->n_bytes == sizeof r->bytes)
    r->error = take_head (r);
  if (r->error == 0 && len > n)
    r->error = put_image (r, (const uint8_t *) p + n, len - n);
  return r->error;
}

const struct backup_head *
restore_head (const struct restore *r)
{
  return r->n_bytes == sizeof r->bytes ? &r->head : NULL;
}

int
restore_finish (struct restore *r, struct store **ret_image)
{
  uint8_t digest[BACKUP_DIGEST_SIZE];

  if (r->error == 0 && r->n_bytes < sizeof r->bytes)
    r->error = backup_head_get (r->bytes, r->n_bytes, &r->head);
  if (r->error)
    return r->error;
  (void) crypto_generichash_final (&r->state, digest, sizeof digest);
  if (r->size != r->head.size || memcmp (digest, r->head.digest, sizeof digest) != 0)
    r->error = -EBADMSG;
  else if (fsync (r->fd) < 0)
    r->error = -errno;
  else
    r->error = store_open_image (r->folder, r->size, r->head.schema, &r->image);
  *ret_image = r->image;
  return r->error;
}

/* ---- Marking. */

/* "store-before-2026-11-24T104500.123Z" */
static int
name_aside (json_t *info)
{
  char time[CLOCK_RFC3339_SIZE], name[sizeof STATE_ASIDE + CLOCK_RFC3339_SIZE];
  size_t n = strlen (STATE_ASIDE), i;

  clock_rfc3339 (clock_now_ms (), time);
  memcpy (name, STATE_ASIDE, n);
  for (i = 0; time[i]; i++)
    if (time[i] != ':')
      name[n++] = time[i];
  name[n] = '\0';
  return json_object_set_new (info, "aside", json_string (name)) < 0 ? -ENOMEM : 0;
}

static int
write_info (const char *folder, const json_t *info)
{
  _cleanup_ (freep) char *path = path_of (folder, RESTORE_INFO), *text = json_dumps (info, JSON_COMPACT);

  return path && text ? io_replace_file (path, text, strlen (text), 0600) : -ENOMEM;
}

int
restore_mark (struct restore *r, json_t *info)
{
  _cleanup_ (freep) char *marked = path_of (r->store->state_dir, STATE_RESTORE);
  int x;

  if (!marked)
    return -ENOMEM;
  store_close (TAKE (r->image));
  x = name_aside (info);
  if (x == 0)
    x = write_info (r->folder, info);
  if (x == 0)
    x = fail_point ("restore-before-mark");
  if (x < 0)
    return x;
  if (rename (r->folder, marked) < 0)
    return -errno;
  x = io_sync_folder_of (marked);
  if (x == 0)
    x = io_sync_folder_of (r->folder);
  if (x == 0)
    x = fail_point ("restore-marked");
  /* What is told to have failed must not happen at some later start. */
  if (x < 0)
    (void) rename (marked, r->folder);
  return x;
}

/* ---- Folders. */

/* Deletes what is in the folder PATH and begins with NAME. */
static int
drop_files (const char *path, const char *name)
{
  DIR *dir = opendir (path);
  struct dirent *entry;
  int x = 0;

  if (!dir)
    return errno == ENOENT ? 0 : -errno;
  while ((entry = readdir (dir)))
    if (!streq (entry->d_name, ".") && !streq (entry->d_name, "..")
        && strncmp (entry->d_name, name, strlen (name)) == 0
        && unlinkat (dirfd (dir), entry->d_name, 0) < 0 && errno != EISDIR && errno != EPERM)
      x = -errno;
  (void) closedir (dir);
  return x;
}

int
work_drop_folder (const char *path)
{
  int x = drop_files (path, "");

  if (x == 0 && rmdir (path) < 0 && errno != ENOENT)
    x = -errno;
  return x;
}

int
work_clean (const char *dir, bool all)
{
  _cleanup_ (freep) char *received = path_of (dir, WORK_RESTORE);
  int x = received ? work_drop_folder (received) : -ENOMEM;

  return x < 0 ? x : drop_files (dir, all ? "" : WORK_BACKUP);
}

/* ---- At start. */

int
work_swap (const char *state_dir)
{
  _cleanup_ (freep) char *marked = path_of (state_dir, STATE_RESTORE), *store = path_of (state_dir, "store");
  _cleanup_ (freep) char *info_path = NULL, *aside = NULL;
  _cleanup_ (buf_done) struct buf text = BUF_INIT (INFO_MAX);
  const char *name;
  json_t *info;
  int x;

  if (!marked || !store)
    return -ENOMEM;
  if (access (marked, F_OK) < 0)
    return errno == ENOENT ? 0 : -errno;
  info_path = path_of (marked, RESTORE_INFO);
  x = info_path ? io_read_file (info_path, &text) : -ENOMEM;
  if (x < 0)
    return x;
  info = json_loadb (text.data ? text.data : "", text.len, 0, NULL);
  name = json_string_value (json_object_get (info, "aside"));
  x = !name || strchr (name, '/') || strncmp (name, STATE_ASIDE, strlen (STATE_ASIDE)) != 0 ? -EBADMSG : 0;
  if (x == 0 && !(aside = path_of (state_dir, name)))
    x = -ENOMEM;
  json_decref (info);
  if (x < 0)
    return x;
  /* Where it is gone already, the daemon was killed between the two. */
  if (rename (store, aside) < 0 && errno != ENOENT)
    return -errno;
  x = io_sync_folder_of (store);
  if (x == 0)
    x = fail_point ("restore-store-aside");
  if (x == 0 && rename (marked, store) < 0)
    x = -errno;
  if (x == 0)
    x = io_sync_folder_of (store);
  return x == 0 ? fail_point ("restore-in-place") : x;
}

/* ---- Settling. */

int
store_restored (struct store *s, json_t **ret)
{
  _cleanup_ (freep) char *path = path_of (s->state_dir, "store/" RESTORE_INFO);
  _cleanup_ (buf_done) struct buf text = BUF_INIT (INFO_MAX);
  int x;

  *ret = NULL;
  x = path ? io_read_file (path, &text) : -ENOMEM;
  if (x < 0)
    return x == -ENOENT ? 0 : x;
  *ret = json_loadb (text.data ? text.data : "", text.len, 0, NULL);
  return *ret ? 1 : -EBADMSG;
}

int
store_restore_settled (struct store *s)
{
  _cleanup_ (freep) char *path = path_of (s->state_dir, "store/" RESTORE_INFO);

  if (!path)
    return -ENOMEM;
  return unlink (path) < 0 && errno != ENOENT ? -errno : io_sync_folder_of (path);
}

char *
store_aside (struct store *s, const char *name)
{
  _cleanup_ (freep) char *path = path_of (s->state_dir, name);

  return path && access (path, F_OK) == 0 ? TAKE (path) : NULL;
}
