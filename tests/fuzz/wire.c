/* Frames from a hostile peer: everything that wire_next takes is decoded, and what
   decodes must encode again to the same bytes. */
#include <config.h>

#include "host/common/wire.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
const char *fuzz_missed (void);

static bool decoded[UINT16_MAX + 1];

const char *
fuzz_missed (void)
{
  unsigned int type;

  for (type = 0; type < ARRAY_SIZE (decoded); type++)
    if (wire_form ((uint16_t) type) == WIRE_FORM_FIELDS && !decoded[type])
      return wire_name ((uint16_t) type);
  return NULL;
}

/* Secrets are a message inside a message. */
static void
walk_secrets (const struct wire_blob *b, struct arena *arena)
{
  struct wire_secret s;
  size_t at = 0;

  while (wire_next_secret (b, &at, arena, &s) > 0)
    if (at > b->len)
      abort ();
}

static void
decode (const struct wire_frame *f)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (WIRE_ARENA_MAX);
  _cleanup_ (buf_done) struct buf again = BUF_INIT (WIRE_ARENA_MAX);
  union wire_message m;

  if (wire_decode (f->type, f->payload, f->len, &arena, &m) < 0)
    return;
  decoded[f->type] = true;
  if (f->type == WIRE_NET_START)
    walk_secrets (&m.net_start.secrets, &arena);
  if (wire_encode (&again, f->type, f->stream, &m) < 0)
    abort ();
  if (f->len <= WIRE_PAYLOAD_MAX
      && (again.len != WIRE_HEADER + f->len
          || (f->len && memcmp (again.data + WIRE_HEADER, f->payload, f->len) != 0)))
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct wire_channel c;
  struct wire_frame f;
  int fds[2];

  if (pipe (fds) < 0)
    abort ();
  /* A pipe holds 64 KiB without a reader. */
  if (size > 65536 || write (fds[1], data, size) != (ssize_t) size)
    size = 0;
  (void) close (fds[1]);
  wire_channel_init (&c, fds[0]);
  while (wire_wait (&c, &f) == 1)
    decode (&f);
  wire_channel_done (&c);
  return 0;
}
