/* Owns the framing of pages: appending, ending, checking, reading back. */
#include <config.h>

#include "host/store/pagefile.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "host/common/io.h"
#include "host/common/le.h"
#include "host/store/crc32c.h"

#define ITEM_HEADER 5u
#define CRC_BYTES 4u
#define END_TYPE 0xffu
#define FLUSH_AT 65536u
#define AHEAD_BYTES 2048u

static int
fail (struct pagefile *f, int error)
{
  if (f->error == 0)
    f->error = error;
  return f->error;
}

static int
flush (struct pagefile *f)
{
  if (f->error == 0 && f->out.len)
    (void) fail (f, io_write_all (f->fd, f->out.data, f->out.len));
  buf_reset (&f->out);
  return f->error;
}

/* Appends to the open page. */
static void
put (struct pagefile *f, const void *p, size_t len)
{
  buf_put (&f->out, p, len);
  f->crc = crc32c (f->crc, p, len);
  f->size += len;
  (void) fail (f, buf_error (&f->out));
}

static void
put_header (struct pagefile *f, uint8_t type, size_t len)
{
  const uint8_t header[ITEM_HEADER] = {
    type, (uint8_t) len, (uint8_t) (len >> 8), (uint8_t) (len >> 16), (uint8_t) (len >> 24),
  };

  put (f, header, sizeof header);
}

int
pagefile_put (struct pagefile *f, uint8_t type, const void *a, size_t a_len, const void *b,
              size_t b_len)
{
  if (f->error)
    return f->error;
  if (a_len > PAGEFILE_ITEM_MAX || b_len > PAGEFILE_ITEM_MAX - a_len)
    return -E2BIG;
  put_header (f, type, a_len + b_len);
  put (f, a, a_len);
  if (b_len)
    put (f, b, b_len);
  return f->out.len >= FLUSH_AT ? flush (f) : f->error;
}

int
pagefile_end_page (struct pagefile *f, bool sync)
{
  uint8_t crc[CRC_BYTES];
  size_t i;

  put_header (f, END_TYPE, CRC_BYTES);
  for (i = 0; i < CRC_BYTES; i++)
    crc[i] = (uint8_t) (f->crc >> (8 * i));
  put (f, crc, sizeof crc);
  f->crc = 0;
  if (flush (f) == 0)
    f->whole = f->size;
  if (f->error == 0 && sync && fdatasync (f->fd) < 0)
    (void) fail (f, -errno);
  return f->error;
}

int
pagefile_cut (struct pagefile *f, uint64_t end)
{
  buf_reset (&f->out);
  if (ftruncate (f->fd, (off_t) end) < 0 || lseek (f->fd, (off_t) end, SEEK_SET) < 0)
    return -errno;
  f->size = f->whole = end;
  f->crc = 0;
  return 0;
}

int
pagefile_clear (struct pagefile *f, const char *magic)
{
  int r;

  r = pagefile_cut (f, 0);
  if (r == 0)
    r = io_write_all (f->fd, magic, PAGEFILE_MAGIC_SIZE);
  f->size = f->whole = PAGEFILE_MAGIC_SIZE;
  return r;
}

/* Keeps the whole pages of what is there. */
static int
adopt (struct pagefile *f, const char *magic)
{
  struct pages pages;
  struct stat st;
  uint64_t whole;
  int r;

  if (fstat (f->fd, &st) < 0)
    return -errno;
  r = pages_map (f->fd, (uint64_t) st.st_size, &pages);
  if (r < 0)
    return r;
  r = pages_check (&pages, magic, &whole);
  pages_unmap (&pages);
  return r < 0 ? pagefile_clear (f, magic) : pagefile_cut (f, whole);
}

int
pagefile_open (struct pagefile *f, const char *path, const char *magic, bool fresh)
{
  int r;

  *f = (struct pagefile) {
    .fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600),
    .out = BUF_INIT (FLUSH_AT + PAGEFILE_ITEM_MAX + 4 * ITEM_HEADER),
  };
  if (f->fd < 0)
    return -errno;
  r = fresh ? pagefile_clear (f, magic) : adopt (f, magic);
  if (r == 0)
    r = io_sync_folder_of (path);
  if (r < 0)
    pagefile_done (f);
  return r;
}

void
pagefile_done (struct pagefile *f)
{
  closep (&f->fd);
  f->fd = -1;
  buf_done (&f->out);
}

int
pages_map (int fd, uint64_t len, struct pages *ret)
{
  void *p;

  *ret = (struct pages) { NULL, 0 };
  if (len == 0)
    return 0;
  if (len > SIZE_MAX)
    return -EFBIG;
  p = mmap (NULL, (size_t) len, PROT_READ, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED)
    return -errno;
  *ret = (struct pages) { p, (size_t) len };
  return 0;
}

void
pages_unmap (struct pages *p)
{
  if (p->p)
    (void) munmap ((void *) (uintptr_t) p->p, p->len);
  *p = (struct pages) { NULL, 0 };
}

/* One item, ends of pages too. */
static int
next_item (const struct pages *p, uint64_t *at, struct page_item *ret)
{
  const uint8_t *b = p->p + *at;
  size_t left, len;

  if (*at >= p->len)
    return 0;
  left = p->len - (size_t) *at;
  if (left < ITEM_HEADER)
    return -EBADMSG;
  len = le_get_u32 (b + 1);
  if (b[0] == 0 || len > PAGEFILE_ITEM_MAX || len > left - ITEM_HEADER)
    return -EBADMSG;
  *ret = (struct page_item) { b[0], b + ITEM_HEADER, len };
  *at += ITEM_HEADER + len;
  /* Who looks at the heads of items alone would wait for each. */
  __builtin_prefetch (b + MIN (left - 1, AHEAD_BYTES));
  return 1;
}

int
pages_check (const struct pages *p, const char *magic, uint64_t *ret_whole)
{
  uint64_t at = PAGEFILE_MAGIC_SIZE, whole = at;
  struct page_item item;

  if (p->len < PAGEFILE_MAGIC_SIZE || memcmp (p->p, magic, PAGEFILE_MAGIC_SIZE) != 0)
    return -EBADMSG;
  while (next_item (p, &at, &item) > 0)
    {
      if (item.type != END_TYPE)
        continue;
      if (item.len != CRC_BYTES
          || le_get_u32 (item.data) != crc32c (0, p->p + whole, (size_t) (at - whole) - CRC_BYTES))
        break;
      whole = at;
    }
  *ret_whole = whole;
  return 0;
}

int
pages_next (const struct pages *p, uint64_t *at, struct page_item *ret)
{
  struct page_item item;
  int r;

  do
    r = next_item (p, at, &item);
  while (r > 0 && item.type == END_TYPE);
  if (r > 0)
    *ret = item;
  return r;
}

uint64_t
pages_end_of (const struct pages *p, uint64_t at)
{
  struct page_item item = { .type = 0 };

  while (item.type != END_TYPE && next_item (p, &at, &item) > 0)
    continue;
  return at;
}
