/* Owns the JSON of --inspect.  The connector's constructors have run when it is written,
   so it goes to a descriptor that they were not told of. */
#include <config.h>

#include "host/worker/inspect.h"

#include <limits.h>
#include <stdio.h>

#include "host/common/buf.h"
#include "host/common/io.h"
#include "host/common/wire.h"
#include "host/worker/confine.h"

#define JSON_MAX 65536u

/* The former standard output and error (confine.h). */
#define OUT WIRE_FD_HOST
#define ERR WIRE_FD_PEER

static int
say (const char *text)
{
  _cleanup_ (buf_done) struct buf line = BUF_INIT (JSON_MAX);

  buf_printf (&line, "usher-worker: %s\n", text);
  (void) io_write_all (ERR, line.data, line.len);
  return EXIT_FAILURE;
}

static void
put_connector (struct buf *json, const char *path, const struct connector *c)
{
  const struct usher_abi *abi = &c->table.abi;
  const char *operation, *comma = "";
  size_t at = 0;

  buf_puts (json, "{\"name\":");
  buf_put_json (json, c->name);
  buf_puts (json, ",\"version\":");
  buf_put_json (json, c->version);
  buf_printf (json, ",\"abi\":\"%u.%u\",\"min_minor\":%u,\"operations\":[", abi->major,
              abi->minor, abi->min_minor);
  while ((operation = load_operation (c, &at)))
    {
      buf_printf (json, "%s\"%s\"", comma, operation);
      comma = ",";
    }
  buf_puts (json, "],\"path\":");
  buf_put_json (json, path);
  buf_puts (json, "}\n");
}

int
inspect_file (const char *path, const struct load_dirs *dirs)
{
  _cleanup_ (buf_done) struct buf json = BUF_INIT (JSON_MAX);
  char text[LOAD_TEXT_MAX], full[PATH_MAX];
  const char *unprotected;
  struct connector c;

  if (!realpath (path, full))
    {
      (void) fprintf (stderr, "usher-worker: %s cannot be opened: %s\n", path, strerror (errno));
      return EXIT_FAILURE;
    }
  if (confine_process (CONFINE_INSPECT) < 0 || confine_code (full, dirs, &unprotected) < 0)
    {
      (void) say ("this process cannot be confined, so no connector is loaded");
      return WIRE_EXIT_UNCONFINED;
    }
  if (load_connector (full, dirs, &c, text) < 0)
    return say (text);
  put_connector (&json, full, &c);
  if (buf_error (&json) || io_write_all (OUT, json.data, json.len) < 0)
    return EXIT_FAILURE;
  return EXIT_SUCCESS;
}
