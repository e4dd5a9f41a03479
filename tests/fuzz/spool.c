/* A spool as a damaged disk gives it back: the input becomes the file behind the magic.
   Opening never fails, what is walked is whole rows, and a spool opened twice is the
   same.  An input of N bytes is also tried with its last page ended properly, so that
   the items themselves are reached. */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>

#include "host/common/io.h"
#include "host/common/row.h"
#include "host/store/crc32c.h"
#include "host/store/spool.h"

#define MAGIC "USHSPL1\n"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct sum
{
  size_t items, rows;
};

static int
count (void *arg, const struct spool_item *item)
{
  struct sum *sum = arg;
  size_t span;

  sum->items++;
  if (!item->section)
    abort ();
  if (item->type == SPOOL_ROW)
    {
      sum->rows++;
      if (row_span (item->row, item->row_len, &span) < 0 || span != item->row_len)
        abort ();
    }
  return 0;
}

static struct sum
read_back (const char *dir)
{
  _cleanup_ (spool_closep) struct spool *s = NULL;
  struct sum sum = { 0, 0 };
  const void *cursor;
  size_t len;

  if (spool_open (dir, "spool", &s, &cursor, &len) < 0)
    abort ();
  if (spool_walk (s, count, &sum) < 0)
    abort ();
  return sum;
}

static void
try (const char *dir, const struct buf *file)
{
  struct sum first, second;
  char path[96];

  (void) snprintf (path, sizeof path, "%s/spool", dir);
  if (io_replace_file (path, file->data, file->len, 0600) < 0)
    abort ();
  first = read_back (dir);
  second = read_back (dir);
  if (first.items != second.items || first.rows != second.rows)
    abort ();
  spool_remove (dir, "spool");
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  _cleanup_ (buf_done) struct buf file = BUF_INIT (1 << 24);
  char dir[] = "/tmp/usher-fuzz-XXXXXX";

  if (!mkdtemp (dir))
    abort ();
  buf_puts (&file, MAGIC);
  buf_put (&file, data, size);
  try (dir, &file);
  buf_put (&file, "\xff\4\0\0\0", 5);
  buf_put_u32 (&file, crc32c (0, file.data + strlen (MAGIC), file.len - strlen (MAGIC)));
  try (dir, &file);
  (void) rmdir (dir);
  return 0;
}
