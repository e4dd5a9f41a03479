/* Owns backup and restore: files that are written whole or not at all, and the wait for the
   daemon that starts again. */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/cli/cli.h"
#include "host/cli/interrupt.h"
#include "host/cli/output.h"
#include "host/cli/say.h"
#include "host/common/clock.h"
#include "host/common/io.h"

#define NAME_BYTES_MAX 4096u
#define BACK_MS 120000      /* how long a restart may take */
#define BACK_EVERY_MS 200

/* ---- Backup. */

/* Gives what stands in TEMP the name FILE, on disk when it returns; a FILE that came to be
   meanwhile is not replaced unless REPLACE. */
static int
give_name (int fd, const char *temp, const char *file, bool replace)
{
  int r = fsync (fd) < 0 ? -errno : 0;

  if (r == 0 && (replace ? rename (temp, file) : link (temp, file)) < 0)
    r = -errno;
  if (r == 0 && !replace)
    (void) unlink (temp);
  if (r == 0)
    r = io_sync_folder_of (file);
  return r;
}

static int
receive (struct cli *cli, int fd, uint64_t *ret_size)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  struct stat st;
  int status = client_receive (cli->client, "/backup", fd, &a);

  if (!status)
    status = answer_check (&a);
  if (!status && (fstat (fd, &st) < 0 || st.st_size == 0))
    status = say_error (STATUS_FAILED, "usherd sent nothing; is this its address?");
  if (!status)
    *ret_size = (uint64_t) st.st_size;
  return status;
}

static int
say_backup (const struct cli *cli, const char *file, uint64_t size)
{
  json_t *result;
  int status;

  if (cli->args.format == FORMAT_TABLE)
    {
      if (!cli->args.quiet)
        {
          say_line ("%s: %llu bytes.", file, (unsigned long long) size);
          say_note ("It holds no usher.key, and without that key its secrets stay closed: keep a copy of usher.key "
                    "in another place.");
        }
      return STATUS_DONE;
    }
  result = json_pack ("{s:s, s:I}", "file", file, "size", (json_int_t) size);
  status = output_thing (cli->args.format, result);
  json_decref (result);
  return status;
}

int
run_backup (struct cli *cli)
{
  _cleanup_ (buf_done) struct buf temp = BUF_INIT (NAME_BYTES_MAX), question = BUF_INIT (SENTENCE_MAX);
  _cleanup_ (closep) int fd = -1;
  const char *file = args_operand (&cli->args, "FILE");
  bool there = access (file, F_OK) == 0;
  uint64_t size = 0;
  int status, r;

  buf_printf (&temp, "%s.%ld.part", file, (long) getpid ());
  buf_printf (&question, "%s exists.  Replace it?", file);
  if (buf_error (&temp))
    return say_error (STATUS_USAGE, "%.80s...: the name is too long.", file);
  status = there ? request_confirm (cli, question.data) : STATUS_DONE;
  if (status)
    return status;
  fd = open (temp.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return say_error (STATUS_FAILED, "%s cannot be made: %s.", temp.data, strerror (errno));
  status = receive (cli, fd, &size);
  if (!status)
    {
      r = give_name (fd, temp.data, file, there);
      if (r < 0)
        status = say_error (STATUS_FAILED, "%s cannot be written: %s.", file, strerror (-r));
    }
  if (status)
    (void) unlink (temp.data);
  return status ? status : say_backup (cli, file, size);
}

/* ---- Restore. */

/* Until the daemon is back with the store whose restore has this ID. */
static int
wait_until_back (struct cli *cli, const char *id, struct answer *ret)
{
  int64_t deadline = clock_mono_ms () + BACK_MS;
  int status;

  client_be_patient (cli->client, BACK_MS);
  for (;;)
    {
      _cleanup_ (answer_done) struct answer a = { 0, NULL };

      status = client_get (cli->client, "/status", &a);
      if (status)
        return status;
      if (streq (json_text (json_object_get (a.json, "restored"), "id"), id))
        {
          *ret = (struct answer) { a.status, json_incref (a.json) };
          return STATUS_DONE;
        }
      if (interrupt_pending ())
        return interrupt_status ();
      if (clock_mono_ms () >= deadline)
        return say_error (STATUS_FAILED, "usherd has not started again with the backup; its log says why, and it goes "
                                         "on with the restore at its next start.");
      interrupt_sleep (BACK_EVERY_MS);
    }
}

static int
say_restored (const struct cli *cli, const json_t *restored)
{
  if (cli->args.format != FORMAT_TABLE)
    return output_thing (cli->args.format, restored);
  if (!cli->args.quiet)
    {
      say_line ("The backup of %s is in place.", json_text (restored, "taken_at"));
      say_note ("The hubs are looked at anew, and nobody is removed unasked.  The store of before is kept: remove %s "
                "when all is well.", json_text (restored, "aside"));
    }
  return STATUS_DONE;
}

static int
upload (struct cli *cli, int fd, uint64_t size, json_t **ret)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  int status = client_upload (cli->client, "/restore?confirm=true", fd, size, &a);

  if (!status)
    status = answer_check (&a);
  if (!status)
    *ret = json_incref (json_object_get (a.json, "restore"));
  return status;
}

int
run_restore (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer back = { 0, NULL };
  _cleanup_ (buf_done) struct buf question = BUF_INIT (SENTENCE_MAX);
  _cleanup_ (closep) int fd = -1;
  const char *file = args_operand (&cli->args, "FILE");
  json_t *restore = NULL;
  struct stat st;
  int status;

  fd = open (file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 || fstat (fd, &st) < 0)
    return say_error (errno == ENOENT ? STATUS_NOT_FOUND : STATUS_USAGE, "%s cannot be read: %s.", file,
                      strerror (errno));
  if (!S_ISREG (st.st_mode))
    return say_error (STATUS_USAGE, "%s must be a regular file.", file);
  buf_printf (&question, "Put %s in the store's place?  What happened since it was made is put aside, and open tasks "
              "are cancelled.", file);
  status = request_confirm (cli, question.data);
  if (!status)
    status = upload (cli, fd, (uint64_t) st.st_size, &restore);
  if (!status)
    status = wait_until_back (cli, json_text (restore, "id"), &back);
  json_decref (restore);
  return status ? status : say_restored (cli, json_object_get (back.json, "restored"));
}
