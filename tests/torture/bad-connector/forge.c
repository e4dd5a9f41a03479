/* Owns the harms that go past the helpers: frames written by hand on the channel to usherd
   (descriptor 3) and to usher-net (4). */
#include "bad.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define TO_USHERD 3
#define TO_NET 4
#define HEADER 12u
#define FRAME_MAX 4096u

/* Types of frames. */
#define LOG 200u
#define FAULT 210u
#define ROWS 240u
#define SECTION_END 250u
#define STATE_GET 270u
#define RESULT 300u
#define OPEN 400u
#define TALLY 720u

#define NO_TEXT UINT32_MAX

struct frame
{
  unsigned char p[FRAME_MAX];
  size_t len;
};

static void
put32 (struct frame *f, uint32_t n)
{
  int i;

  for (i = 0; i < 4; i++)
    f->p[f->len++] = (unsigned char) (n >> (8 * i));
}

static void
put64 (struct frame *f, uint64_t n)
{
  put32 (f, (uint32_t) n);
  put32 (f, (uint32_t) (n >> 32));
}

static void
put_text (struct frame *f, const char *s)
{
  size_t len = strlen (s);

  put32 (f, (uint32_t) len);
  memcpy (f->p + f->len, s, len);
  f->len += len;
}

static void
begin (struct frame *f, uint32_t type, uint32_t stream)
{
  f->len = 0;
  put32 (f, 0);
  put32 (f, type);
  put32 (f, stream);
}

/* Fills in the length and writes it, COUNT times or for ever (0). */
static int32_t
sent (struct frame *f, int fd, unsigned long count)
{
  const size_t len = f->len;
  unsigned long n;

  f->len = 0;
  put32 (f, (uint32_t) (len - HEADER));
  f->len = len;
  for (n = 0; count == 0 || n < count; n++)
    if (write (fd, f->p, len) != (ssize_t) len)
      return USHER_E_SHAPE;
  return USHER_DONE;
}

/* Bytes that are no frame. */
static const unsigned char noise[HEADER]
  = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

int32_t
forge_noise (struct usher_ctx *ctx)
{
  (void) ctx;
  return write (TO_USHERD, noise, sizeof noise) > 0 ? USHER_DONE : USHER_E_SHAPE;
}

/* A frame of two gigabytes, or so it says. */
int32_t
forge_long (struct usher_ctx *ctx)
{
  struct frame f = { .len = 0 };

  (void) ctx;
  put32 (&f, 0x7fffffff);
  put32 (&f, LOG);
  put32 (&f, 0);
  return write (TO_USHERD, f.p, f.len) > 0 ? USHER_DONE : USHER_E_SHAPE;
}

static void
put_section_end (struct frame *f, uint64_t rows)
{
  begin (f, SECTION_END, 0);
  put32 (f, 1);
  put32 (f, USHER_COMPLETE);
  put64 (f, rows);
  put32 (f, NO_TEXT);
  put64 (f, rows);
  put64 (f, 0);
}

/* The end of a section that was never begun. */
int32_t
forge_order (struct usher_ctx *ctx)
{
  struct frame f;

  (void) ctx;
  put_section_end (&f, 0);
  return sent (&f, TO_USHERD, 1);
}

/* What only usher-net may say: that it saw the section. */
int32_t
forge_sender (struct usher_ctx *ctx)
{
  struct frame f;
  int i;

  (void) ctx;
  begin (&f, TALLY, 0);
  put32 (&f, 1);
  put32 (&f, 0);
  for (i = 0; i < 6; i++)
    put64 (&f, 1);
  put32 (&f, NO_TEXT);
  return sent (&f, TO_USHERD, 1);
}

/* Rows that no row is in. */
int32_t
forge_rows (struct usher_ctx *ctx)
{
  struct frame f;

  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  begin (&f, ROWS, 0);
  put64 (&f, UINT64_MAX);
  return sent (&f, TO_USHERD, 1);
}

/* More rows than came. */
int32_t
forge_count (struct usher_ctx *ctx)
{
  struct frame f;

  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  put_section_end (&f, 1000);
  return sent (&f, TO_USHERD, 1);
}

/* A result, twice: the operation's own comes after it. */
int32_t
forge_result (struct usher_ctx *ctx)
{
  struct frame f;

  (void) ctx;
  begin (&f, RESULT, 0);
  put32 (&f, USHER_DONE);
  put32 (&f, 0);
  return sent (&f, TO_USHERD, 1);
}

/* Lines without end, past the helper that counts them. */
int32_t
forge_logs (struct usher_ctx *ctx)
{
  struct frame f;

  (void) ctx;
  begin (&f, LOG, 0);
  put32 (&f, USHER_LOG_WARNING);
  put_text (&f, "the same line again");
  return sent (&f, TO_USHERD, 0);
}

int32_t
forge_faults (struct usher_ctx *ctx)
{
  struct frame f;

  (void) ctx;
  begin (&f, FAULT, 0);
  put32 (&f, (uint32_t) USHER_E_REFUSED);
  put_text (&f, "the same fault again");
  put32 (&f, NO_TEXT);
  put32 (&f, NO_TEXT);
  put64 (&f, 0);
  return sent (&f, TO_USHERD, 0);
}

/* Questions whose answers it does not read. */
int32_t
forge_questions (struct usher_ctx *ctx)
{
  struct frame f;

  (void) ctx;
  begin (&f, STATE_GET, 1);
  put_text (&f, "key");
  put32 (&f, 0);
  return sent (&f, TO_USHERD, 0);
}

/* Leaves it to the others to notice. */
static int32_t
wait_for_it (void)
{
  (void) poll (NULL, 0, -1);
  return USHER_DONE;
}

int32_t
forge_to_net (struct usher_ctx *ctx)
{
  (void) ctx;
  return write (TO_NET, noise, sizeof noise) > 0 ? wait_for_it () : USHER_E_SHAPE;
}

/* More requests than may be open, each of the same handle. */
int32_t
forge_request (struct usher_ctx *ctx)
{
  struct frame f;

  (void) ctx;
  begin (&f, OPEN, 1);
  put32 (&f, 0);
  put32 (&f, 0);
  put_text (&f, "GET");
  put_text (&f, "https://app.example.com/");
  put32 (&f, NO_TEXT);
  put32 (&f, NO_TEXT);
  put32 (&f, 0);
  put32 (&f, 0);
  put64 (&f, 0);
  put64 (&f, 0);
  return sent (&f, TO_NET, 9) == USHER_DONE ? wait_for_it () : USHER_E_SHAPE;
}
