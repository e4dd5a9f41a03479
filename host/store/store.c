/* Owns the environment: the lock on the state folder, opening, the schema version and
   the room that is left.  Called at start and by upkeep. */
#include <config.h>

#include "host/store/store.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "host/store/txn.h"
#include "host/store/work.h"

#define PATH_BYTES_MAX 4096u
#define MAP_MIN (64ull * 1024 * 1024)
/* One reader a thread of usherd, and some to spare. */
#define READERS_MAX 1536u
/* A cache line for each, and the head. */
#define LOCK_FILE_BYTES (64 * (READERS_MAX + 64))

static const char *const db_names[DB_COUNT] = {
  [DB_META] = "meta",     [DB_DOCUMENT] = "document", [DB_INDEX] = "index",
  [DB_LINK] = "link",     [DB_SEEN] = "seen",         [DB_FIND] = "find",
  [DB_PERSON] = "person", [DB_EVENT] = "event",       [DB_VALUE] = "value",
};

/* Puts the sentence together and passes ERROR on. */
static int _printf_ (3, 4)
refuse (char **ret_why, int error, const char *fmt, ...)
{
  va_list ap;

  va_start (ap, fmt);
  if (vasprintf (ret_why, fmt, ap) < 0)
    *ret_why = NULL;
  va_end (ap);
  return error;
}

static char *
path_in (const char *dir, const char *name)
{
  struct buf b = BUF_INIT (PATH_BYTES_MAX);

  buf_printf (&b, "%s/%s", dir, name);
  return buf_steal (&b);
}

static int
lock_folder (struct store *s, const char *dir, char **ret_why)
{
  _cleanup_ (freep) char *path = path_in (dir, "usher.lock");
  _cleanup_ (closep) int fd = -1;

  if (!path)
    return refuse (ret_why, -ENAMETOOLONG, "The name of the state folder %s is too long.", dir);
  fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return refuse (ret_why, -errno,
                   "%s cannot be opened (%s); make the state folder and give it to usherd.", path,
                   strerror (errno));
  if (flock (fd, LOCK_EX | LOCK_NB) < 0)
    return refuse (ret_why, errno == EWOULDBLOCK ? -EBUSY : -errno,
                   "The state folder %s is in use by another usherd; stop it first.", dir);
  s->lock_fd = TAKE_FD (fd);
  return 0;
}

static int
make_folder (const char *dir, const char *name, char **ret, char **ret_why)
{
  _cleanup_ (freep) char *path = path_in (dir, name);

  if (!path)
    return refuse (ret_why, -ENAMETOOLONG, "The name of the state folder %s is too long.", dir);
  if (mkdir (path, 0700) < 0 && errno != EEXIST)
    return refuse (ret_why, -errno, "%s cannot be made: %s.", path, strerror (errno));
  *ret = TAKE (path);
  return 0;
}

/* LMDB maps its lock file, which it makes as a hole: a page of it that a full disk cannot
   give would be a bus error in the middle of a read.  Before LMDB opens it, because to
   close it later would drop LMDB's locks. */
static int
fill_lock_file (const char *dir)
{
  _cleanup_ (freep) char *path = path_in (dir, "lock.mdb");
  _cleanup_ (closep) int fd = -1;

  if (!path)
    return -ENAMETOOLONG;
  fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  return fd < 0 ? -errno : -posix_fallocate (fd, 0, LOCK_FILE_BYTES);
}

/* Opens PATH with a map of SIZE, or half of it and so on where the system does not
   give that much address space. */
static int
open_environment (struct store *s, const char *path, uint64_t size)
{
  uint64_t page = (uint64_t) sysconf (_SC_PAGESIZE);
  int rc;

  for (size = MAX (size, MAP_MIN) / page * page;; size = size / 2 / page * page)
    {
      rc = mdb_env_create (&s->env);
      if (rc)
        {
          s->env = NULL;
          return store_error (rc);
        }
      (void) mdb_env_set_mapsize (s->env, size);
      (void) mdb_env_set_maxdbs (s->env, DB_COUNT);
      (void) mdb_env_set_maxreaders (s->env, READERS_MAX);
      rc = mdb_env_open (s->env, path, MDB_NOTLS, 0600);
      if (rc == 0)
        break;
      mdb_env_close (s->env);
      s->env = NULL;
      if (rc != ENOMEM || size / 2 < MAP_MIN)
        return store_error (rc);
    }
  (void) mdb_reader_check (s->env, NULL);
  return 0;
}

/* 1 and the schema, 0 when there is none, or -EBADMSG. */
static int
read_schema (struct txn *t, uint32_t *ret)
{
  const void *value;
  const uint8_t *b;
  size_t len;

  if (!txn_meta_get (t, "schema", &value, &len))
    return txn_error (t);
  if (len != 4)
    return -EBADMSG;
  b = value;
  *ret = (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16 | (uint32_t) b[2] << 8 | b[3];
  return 1;
}

static int
check_schema (struct txn *t, uint32_t *ret_found)
{
  uint8_t bytes[4] = { 0, 0, 0, STORE_SCHEMA };
  MDB_stat stat;
  int r = read_schema (t, ret_found);

  /* No older schema was ever released: there is nothing to migrate from. */
  if (r == 1)
    return *ret_found == STORE_SCHEMA ? 0 : -EPROTONOSUPPORT;
  if (r < 0)
    return r;
  *ret_found = STORE_SCHEMA;
  if (txn_ok (t) && mdb_stat (t->txn, t->store->db[DB_META], &stat) == 0 && stat.ms_entries)
    return -EBADMSG;
  txn_meta_put (t, "schema", bytes, sizeof bytes);
  return txn_error (t);
}

/* Opens every database and looks at the schema in one transaction: a store that is
   refused stays as it was. */
static int
open_databases (struct store *s, const char *path, char **ret_why)
{
  _cleanup_ (txn_abortp) struct txn *t = store_write (s);
  uint32_t found = 0;
  int i, r;

  for (i = 0; i < DB_COUNT && txn_ok (t); i++)
    txn_fail (t, store_error (mdb_dbi_open (t->txn, db_names[i], MDB_CREATE, &s->db[i])));
  r = txn_ok (t) ? check_schema (t, &found) : txn_error (t);
  if (r == -EPROTONOSUPPORT)
    return refuse (ret_why, r,
                   "The store in %s has schema %u and this usherd knows schema %u only; install "
                   "the usherd that wrote it, or begin with an empty state folder.", path, found,
                   STORE_SCHEMA);
  if (r == 0)
    {
      s->newest_event = txn_newest_event (t);
      r = txn_commit (TAKE (t));
    }
  if (r < 0)
    return refuse (ret_why, r,
                   "The store in %s cannot be read (%s); restore a backup.", path, strerror (-r));
  return 0;
}

static struct store *
new_store (void)
{
  struct store *s = calloc (1, sizeof *s);
  pthread_condattr_t attr;

  if (!s)
    return NULL;
  s->lock_fd = -1;
  s->no_memory = (struct txn) { .store = s, .error = -ENOMEM };
  pthread_mutex_init (&s->lock, NULL);
  pthread_cond_init (&s->turn, NULL);
  pthread_condattr_init (&attr);
  pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
  pthread_cond_init (&s->news, &attr);
  pthread_condattr_destroy (&attr);
  return s;
}

/* Goes on with a restore, and takes away what was left in the work folder: of a store that
   was a backup, everything. */
static int
finish_restore (struct store *s, char **ret_why)
{
  json_t *info = NULL;
  int r = work_swap (s->state_dir);

  if (r < 0)
    return refuse (ret_why, r,
                   "The backup in %s/" STATE_RESTORE " cannot be put in the store's place (%s); mend that, or remove "
                   "the folder to go on with the store of before.", s->state_dir, strerror (-r));
  r = make_folder (s->state_dir, "work", &s->work_dir, ret_why);
  if (r < 0)
    return r;
  r = store_restored (s, &info);
  json_decref (info);
  if (r >= 0)
    r = work_clean (s->work_dir, /* all= */ r == 1);
  return r < 0 ? refuse (ret_why, r, "The work folder %s cannot be cleaned: %s.", s->work_dir, strerror (-r)) : 0;
}

int
store_open_image (const char *path, uint64_t size, uint32_t schema, struct store **ret)
{
  _cleanup_ (store_closep) struct store *s = new_store ();
  struct txn *t;
  MDB_envinfo info;
  MDB_stat stat;
  uint32_t found = 0;
  int i, r;

  if (!s || mdb_env_create (&s->env))
    return -ENOMEM;
  (void) mdb_env_set_mapsize (s->env, size);
  (void) mdb_env_set_maxdbs (s->env, DB_COUNT);
  r = store_error (mdb_env_open (s->env, path, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0600));
  if (r < 0)
    return r == -ENOMEM ? r : -EBADMSG;
  /* Pages behind the end of the file would be a fault of this process. */
  (void) mdb_env_info (s->env, &info);
  (void) mdb_env_stat (s->env, &stat);
  if (info.me_mapsize > size || ((uint64_t) info.me_last_pgno + 1) * stat.ms_psize > size)
    return -EBADMSG;
  t = store_read (s);
  for (i = 0; i < DB_COUNT && txn_ok (t); i++)
    txn_fail (t, store_error (mdb_dbi_open (t->txn, db_names[i], 0, &s->db[i])));
  if (txn_ok (t) && (read_schema (t, &found) != 1 || found != schema))
    txn_fail (t, -EBADMSG);
  r = txn_commit (t);
  if (r < 0)
    return r == -ENOMEM ? r : -EBADMSG;
  *ret = TAKE (s);
  return 0;
}

int
store_open (const struct store_options *options, struct store **ret, char **ret_why)
{
  _cleanup_ (store_closep) struct store *s = new_store ();
  _cleanup_ (freep) char *path = NULL;
  int r;

  if (!s || sodium_init () < 0)
    return refuse (ret_why, -ENOMEM, "There is no memory left to open the store.");
  s->state_dir = strdup (options->state_dir);
  if (!s->state_dir)
    return refuse (ret_why, -ENOMEM, "There is no memory left to open the store.");
  r = lock_folder (s, options->state_dir, ret_why);
  if (r == 0)
    r = finish_restore (s, ret_why);
  if (r == 0)
    r = make_folder (options->state_dir, "store", &path, ret_why);
  if (r < 0)
    return r;
  r = fill_lock_file (path);
  if (r == 0)
    r = open_environment (s, path, options->map_size);
  if (r < 0)
    return refuse (ret_why, r, "The store in %s cannot be opened: %s.", path, strerror (-r));
  r = open_databases (s, path, ret_why);
  if (r < 0)
    return r;
  *ret = TAKE (s);
  return 0;
}

void
store_close (struct store *s)
{
  if (!s)
    return;
  if (s->env)
    mdb_env_close (s->env);
  closep (&s->lock_fd);
  pthread_cond_destroy (&s->news);
  pthread_cond_destroy (&s->turn);
  pthread_mutex_destroy (&s->lock);
  free (s->state_dir);
  free (s->work_dir);
  sodium_memzero (s->chain_key, sizeof s->chain_key);
  free (s);
}

const char *
store_work_dir (const struct store *s)
{
  return s->work_dir;
}

/* Pages that are in the file and hold nothing: each entry of LMDB's list of free pages
   begins with how many it names. */
static uint64_t
free_pages (struct txn *t)
{
  MDB_cursor *cursor;
  MDB_val key, value;
  uint64_t sum = 0;
  size_t n;

  if (!txn_ok (t) || mdb_cursor_open (t->txn, 0, &cursor))
    return 0;
  while (mdb_cursor_get (cursor, &key, &value, MDB_NEXT) == 0)
    if (value.mv_size >= sizeof n)
      {
        memcpy (&n, value.mv_data, sizeof n);
        sum += n;
      }
  mdb_cursor_close (cursor);
  return sum;
}

/* *RET_FREE: bytes of the file that can be written again. */
static void
measure (struct store *s, struct store_space *ret, uint64_t *ret_free)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (s);
  struct statvfs fs;
  MDB_envinfo info;
  MDB_stat stat;

  (void) mdb_env_info (s->env, &info);
  (void) mdb_env_stat (s->env, &stat);
  *ret_free = free_pages (t) * stat.ms_psize;
  ret->map_size = info.me_mapsize;
  ret->map_used = ((uint64_t) info.me_last_pgno + 1) * stat.ms_psize;
  ret->map_used -= MIN (*ret_free, ret->map_used);
  ret->commits = info.me_last_txnid;
  ret->disk_free = statvfs (s->work_dir, &fs) == 0 ? (uint64_t) fs.f_bavail * fs.f_frsize : 0;
}

void
store_space (struct store *s, struct store_space *ret)
{
  uint64_t reusable;

  measure (s, ret, &reusable);
}

int
store_check_room (struct store *s, uint64_t bytes)
{
  struct store_space space;
  uint64_t reusable, need;

  measure (s, &space, &reusable);
  if (__builtin_add_overflow (bytes, bytes / 10, &need))
    return -ENOSPC;
  if (need > space.map_size - MIN (space.map_used, space.map_size))
    return -ENOSPC;
  return need > reusable && need - reusable > space.disk_free ? -ENOSPC : 0;
}
