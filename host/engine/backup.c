/* Owns backups on their way out and in: who may, which key they need, what a bad one is told.
   What follows from one that was put back is in restored.c. */
#include <config.h>

#include <sodium.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/log.h"
#include "host/common/text.h"
#include "host/engine/internal.h"
#include "host/engine/seals.h"
#include "host/store/backup.h"

struct restoring
{
  struct engine *e;
  struct restore *restore;   /* owned */
  struct store *image;       /* in it */
};

/* ---- Out. */

int
engine_backup (struct engine *e, const struct call *c, struct backup **ret, uint64_t *ret_size, struct refusal *r)
{
  struct txn *t = store_write (e->store);
  json_t *workspace = workspace_get (t);
  char print[VAULT_PRINT_SIZE];
  struct id id = { { 0 } };
  int x = caller_may (t, c->caller, SCOPE_ADMIN, ROLE_OWNER, r);

  (void) json_id (workspace, "id", &id);
  json_decref (workspace);
  if (x < 0)
    {
      txn_abort (t);
      return x;
    }
  event_add (t, &(struct event) { .type = "backup.started", .caller = c->caller });
  x = txn_commit (t);
  if (x < 0)
    return refuse_errno (r, x);
  vault_print (e->vault, print);
  x = backup_new (e->store, &id, print, ret);
  if (x == -EBUSY)
    return refuse (r, "backup-busy", NULL, "Another backup is being made.");
  if (x == -ENOSPC)
    return refuse (r, "read-only", NULL, "The disk has no room for a copy of the store, which a backup is read from.");
  if (x < 0)
    return refuse (r, "unavailable", NULL, "The store cannot be copied: %s.", strerror (-x));
  *ret_size = BACKUP_HEAD_SIZE + backup_head (*ret)->size;
  log_info ("a backup of %llu bytes was made", (unsigned long long) *ret_size);
  return 0;
}

ssize_t
engine_backup_read (struct backup *b, uint64_t at, void *p, size_t len)
{
  return backup_read (b, at, p, len);
}

void
engine_backup_close (struct backup *b)
{
  (void) backup_free (b);
}

/* ---- In. */

/* Before set-up whoever may set up may also restore: a new machine has no owner yet. */
static int
may_restore (struct txn *t, const struct call *c, struct refusal *r)
{
  json_t *workspace = workspace_get (t);
  bool there = workspace != NULL;

  json_decref (workspace);
  if (txn_error (t) < 0)
    return refuse_errno (r, txn_error (t));
  if (!there)
    return c->caller->kind == CALLER_SOCKET
           ? 0 : refuse (r, "not-permitted", NULL, "Before set-up a backup is restored on the daemon's socket only.");
  if (caller_may (t, c->caller, SCOPE_ADMIN, ROLE_OWNER, r) < 0)
    return -ECANCELED;
  return c->confirmed ? 0 : refuse (r, "confirmation-required", NULL,
                                    "Everything that happened after the backup was made is put aside.");
}

int
engine_restore_begin (struct engine *e, const struct call *c, struct restoring **ret, struct refusal *r)
{
  struct restoring *g = NULL;
  struct txn *t = store_read (e->store);
  int x = may_restore (t, c, r);

  txn_abort (t);
  if (x < 0)
    return x;
  g = calloc (1, sizeof *g);
  x = g ? restore_new (e->store, &g->restore) : -ENOMEM;
  if (x < 0)
    {
      free (g);
      return x == -EBUSY ? refuse (r, "backup-busy", NULL, "Another backup is being restored.") : refuse_errno (r, x);
    }
  g->e = e;
  *ret = g;
  return 0;
}

static int
refuse_backup (const struct restoring *g, int error, struct refusal *r)
{
  const struct backup_head *head = restore_head (g->restore);

  switch (error)
    {
    case -EILSEQ:
      return refuse (r, "backup-refused", NULL, "The file is no backup of Usher.");
    case -EPROTONOSUPPORT:
      if (head && head->schema > STORE_SCHEMA)
        return refuse (r, "backup-refused", NULL, "The backup has schema %u, made by usherd %s, and this usherd knows "
                       "schemas up to %u; install that usherd, or a newer one.", head->schema, head->program,
                       STORE_SCHEMA);
      return refuse (r, "backup-refused", NULL, "The backup was made by a newer usherd; install that one.");
    case -EBADMSG:
    case -EFBIG:
      return refuse (r, "backup-refused", NULL, "The backup is damaged or not whole.");
    default:
      return refuse_errno (r, error);
    }
}

int
engine_restore_put (struct restoring *g, const void *p, size_t len, struct refusal *r)
{
  int x = restore_put (g->restore, p, len);

  return x < 0 ? refuse_backup (g, x, r) : 0;
}

/* Opens every sealed value of the image with the usher.key that the next start will find:
   read anew, because it may have been put there for this backup. */
static int
check_keys (struct restoring *g, struct refusal *r)
{
  _cleanup_ (freep) char *why = NULL;
  struct vault *vault = NULL;
  struct txn *t;
  size_t unopened = 0;
  int x = vault_open (g->e->state_dir, &vault, &why);

  if (x < 0)
    return refuse (r, "backup-refused", NULL, "%s", why ? why : strerror (-x));
  if (vault_key_made (vault))
    {
      (void) unlink (vault_key_file (vault));
      x = refuse (r, "backup-refused", NULL, "%s is missing; put the one that belongs to the backup there.",
                  vault_key_file (vault));
      vault_close (vault);
      return x;
    }
  t = store_read (g->image);
  x = seals_load (t, vault, &why);
  if (x >= 0)
    unopened = seals_unopened (t, vault);
  if (x < 0)
    x = refuse (r, "backup-refused", NULL, "%s", why ? why : strerror (-x));
  else if (txn_error (t) < 0)
    x = refuse_backup (g, -EBADMSG, r);
  else if (unopened)
    x = refuse (r, "backup-refused", NULL, "%zu sealed values of the backup do not open.", unopened);
  else
    x = 0;
  txn_abort (t);
  vault_close (vault);
  return x;
}

/* The head and the image must speak of one workspace. */
static int
check_workspace (struct restoring *g, struct refusal *r)
{
  _cleanup_ (txn_abortp) struct txn *t = store_read (g->image);
  json_t *workspace = workspace_get (t);
  struct id id = { { 0 } };

  (void) json_id (workspace, "id", &id);
  json_decref (workspace);
  if (txn_error (t) < 0 || !id_equal (&id, &restore_head (g->restore)->workspace))
    return refuse_backup (g, -EBADMSG, r);
  return 0;
}

/* What the store that comes will want to know of this moment. */
static json_t *
make_info (struct restoring *g, struct txn *t, const struct call *c)
{
  json_t *info = json_object (), *replaced;
  struct chain_link head;
  char hash[2 * STORE_HASH_SIZE + 1];
  struct id id = id_new ();

  json_set_id (info, "id", &id);
  (void) json_object_set_new (info, "actor", caller_json (c->caller));
  json_set_time (info, "taken_at", restore_head (g->restore)->taken_ms);
  if (txn_chain_head (t, &head) && head.seq)
    {
      hex_encode (head.hash, sizeof head.hash, hash);
      replaced = json_pack ("{s:I, s:s}", "seq", (json_int_t) head.seq, "hash", hash);
      (void) json_object_set_new (info, "replaced", replaced);
    }
  return info;
}

int
engine_restore_end (struct restoring *g, const struct call *c, json_t **ret, struct refusal *r)
{
  char taken[CLOCK_RFC3339_SIZE];
  struct txn *t;
  json_t *info;
  int x = restore_finish (g->restore, &g->image);

  if (x < 0)
    return refuse_backup (g, x, r);
  if (check_workspace (g, r) < 0 || check_keys (g, r) < 0)
    return -ECANCELED;
  t = store_write (g->e->store);
  info = make_info (g, t, c);
  event_add (t, &(struct event) { .type = "restore.started", .caller = c->caller, .details = json_incref (info) });
  x = txn_commit (t);
  if (x == 0)
    x = restore_mark (g->restore, info);
  if (x < 0)
    {
      json_decref (info);
      return refuse_errno (r, x);
    }
  clock_rfc3339 (restore_head (g->restore)->taken_ms, taken);
  log_warning ("the backup of %s is put in the store's place at the next start, which is now", taken);
  *ret = json_pack ("{s:o}", "restore", info);
  return 0;
}

void
engine_restore_close (struct restoring *g)
{
  if (!g)
    return;
  (void) restore_free (g->restore);
  free (g);
}

void
engine_restart (struct engine *e)
{
  e->restart (e->restart_arg);
}
