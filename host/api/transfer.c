/* Owns the sending of a backup. */
#include <config.h>

#include "host/api/transfer.h"

#define BLOCK_BYTES (256u * 1024)
#define IDLE_S 3600u   /* the copy is made, or checked, while the connection waits */

static ssize_t
read_more (void *arg, uint64_t at, char *to, size_t max)
{
  ssize_t n = engine_backup_read (arg, at, to, max);

  return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
done (void *arg)
{
  engine_backup_close (arg);
}

void
transfer_slow (struct MHD_Connection *c)
{
  (void) MHD_set_connection_option (c, MHD_CONNECTION_OPTION_TIMEOUT, IDLE_S);
}

int
transfer_backup (struct MHD_Connection *c, struct engine *e, const struct call *call, struct traffic *traffic,
                 struct refusal *r)
{
  struct MHD_Response *response;
  struct backup *b = NULL;
  uint64_t size = 0;
  int x;

  transfer_slow (c);
  x = engine_backup (e, call, &b, &size, r);
  if (x < 0)
    return x;
  response = MHD_create_response_from_callback (size, BLOCK_BYTES, read_more, b, done);
  if (!response)
    {
      done (b);
      return refuse_errno (r, -ENOMEM);
    }
  (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, TRANSFER_TYPE);
  (void) MHD_add_response_header (response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  (void) MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
  x = answer_with (c, traffic, MHD_HTTP_OK, response) == MHD_YES ? 0 : refuse_errno (r, -ENOMEM);
  MHD_destroy_response (response);
  return x;
}
