/* Whole reads and writes: EINTR and short counts are handled here, not by callers. */
#ifndef USHER_COMMON_IO_H
#define USHER_COMMON_IO_H

#include "host/common/base.h"
#include "host/common/buf.h"

/* Writes all LEN bytes; 0 or a negative errno. */
int io_write_all (int fd, const void *p, size_t len);
/* Reads exactly LEN bytes; 0, -EPIPE at an early end of file, or a negative errno. */
int io_read_all (int fd, void *p, size_t len);
/* Appends a whole file (or what FD still has) to OUT; -E2BIG over OUT's maximum. */
int io_read_file (const char *path, struct buf *out);
int io_read_fd (int fd, struct buf *out);
/* Replaces PATH by a file of MODE with these bytes, whole or not at all, on disk when
   it returns. */
int io_replace_file (const char *path, const void *p, size_t len, unsigned int mode);
/* fsync of the folder that holds PATH. */
int io_sync_folder_of (const char *path);

#endif
