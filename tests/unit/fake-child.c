/* Plays usher-worker or usher-net for tests of usherd's side of the frames.  Linked to
   under several names: the name says what it does.  As usher-worker it follows the
   script in "run" of START, as usher-net that in "auth" of NET_START, a command a
   line, each with numbers or a text; usher-net then answers every TALLY_ASK.  */
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "host/common/row.h"
#include "host/common/wire.h"

extern char **environ;

struct fake
{
  struct wire_channel host;
  struct arena arena;
  uint32_t ordinal;          /* that CALL told, then counted on */
  uint32_t stream;
  struct wire_tally tally;   /* net: what is told of every section */
};

static void
wait_for_the_end (void)
{
  char c[4096];

  while (read (3, c, sizeof c) > 0)
    ;
}

static void
end_by (int signal_number)
{
  struct rlimit none = { 0, 0 };

  (void) setrlimit (RLIMIT_CORE, &none);
  (void) raise (signal_number);
}

/* Tells over fd 3 what the child was given. */
static int
report (char **argv)
{
  size_t i;
  int fd;

  for (i = 0; environ[i]; i++)
    dprintf (3, "env %s\n", environ[i]);
  for (i = 1; argv[i]; i++)
    dprintf (3, "arg %s\n", argv[i]);
  for (fd = 0; fd < 1024; fd++)
    if (fcntl (fd, F_GETFD) >= 0)
      dprintf (3, "fd %d\n", fd);
  dprintf (4, "peer\n");
  return 0;
}

static void
send_one (struct fake *f, uint16_t type, const void *msg)
{
  if (wire_send (&f->host, type, f->stream, msg) < 0)
    exit (9);
}

/* The next message of TYPE; others are passed over, END or the end ends the child. */
static void
wait_message (struct fake *f, uint16_t type, union wire_message *ret)
{
  struct wire_frame frame;

  for (;;)
    {
      if (wire_wait (&f->host, &frame) <= 0 || frame.type == WIRE_END)
        exit (0);
      arena_reset (&f->arena);
      if (wire_decode (frame.type, frame.payload, frame.len, &f->arena, ret) < 0)
        exit (8);
      if (frame.type == type)
        return;
    }
}

/* A member row of this name. */
static void
send_row (struct fake *f, const char *name)
{
  struct buf row = BUF_INIT (WIRE_PAYLOAD_MAX), frame = BUF_INIT (2 * WIRE_PAYLOAD_MAX);
  const struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE, .id = "named", .name = name };

  if (row_put_member (&row, &m) < 0)
    exit (7);
  if (wire_encode_bytes (&frame, WIRE_ROWS, 0, row.data, row.len) < 0 || wire_flush (&f->host, &frame) < 0)
    exit (9);
  buf_done (&row);
  buf_done (&frame);
}

/* N member rows with ids counted from FIRST, as many as fit in a frame each time. */
static void
send_rows (struct fake *f, unsigned long long n, unsigned long long first)
{
  struct buf rows = BUF_INIT (WIRE_PAYLOAD_MAX);
  struct buf frame = BUF_INIT (2 * WIRE_PAYLOAD_MAX);

  while (n)
    {
      while (n && rows.len < WIRE_PAYLOAD_MAX - 200)
        {
          char id[32];
          struct usher_member m = { .size = sizeof m, .state = USHER_ACTIVE, .id = id };

          snprintf (id, sizeof id, "%llu", first++);
          if (row_put_member (&rows, &m) < 0)
            exit (7);
          n--;
        }
      if (wire_encode_bytes (&frame, WIRE_ROWS, 0, rows.data, rows.len) < 0
          || wire_flush (&f->host, &frame) < 0)
        exit (9);
      buf_reset (&rows);
    }
  buf_done (&rows);
  buf_done (&frame);
}

static void
send_raw (struct fake *f, uint16_t type, const char *hex)
{
  struct buf payload = BUF_INIT (WIRE_PAYLOAD_MAX), frame = BUF_INIT (2 * WIRE_PAYLOAD_MAX);
  unsigned int byte;

  for (; hex[0] && hex[1]; hex += 2)
    {
      char two[3] = { hex[0], hex[1], '\0' };

      byte = (unsigned int) strtoul (two, NULL, 16);
      buf_put_u8 (&payload, (uint8_t) byte);
    }
  buf_put_u32 (&frame, (uint32_t) payload.len);
  buf_put_u16 (&frame, type);
  buf_put_u16 (&frame, 0);
  buf_put_u32 (&frame, 0);
  buf_put (&frame, payload.data, payload.len);
  (void) wire_flush (&f->host, &frame);
  buf_done (&payload);
  buf_done (&frame);
}

/* ---- Commands.  N: the numbers of the line; TEXT: what is behind the command's name. */

typedef void command (struct fake *f, const long long n[4], const char *text);

#define COMMAND(name) static void do_##name (struct fake *f, const long long n[4], const char *text)
#define UNUSED() ((void) f, (void) n, (void) text)

COMMAND (row)
{
  UNUSED ();
  send_row (f, text);
}

COMMAND (call)
{
  union wire_message m;

  UNUSED ();
  wait_message (f, WIRE_CALL, &m);
  f->ordinal = m.call.ordinal;
}

COMMAND (cancel)
{
  union wire_message m;

  UNUSED ();
  wait_message (f, WIRE_CANCEL, &m);
}

COMMAND (section)
{
  struct wire_section m = { (uint32_t) (f->ordinal + n[1]), (uint32_t) n[0], NULL };

  UNUSED ();
  send_one (f, WIRE_SECTION, &m);
}

COMMAND (rows)
{
  UNUSED ();
  send_rows (f, (unsigned long long) n[0], 1);
}

/* end ROWS REQUESTS [VERDICT [TOTAL]] */
COMMAND (end)
{
  struct wire_section_end m = { f->ordinal++, n[2] ? (uint32_t) n[2] : USHER_COMPLETE, n[3] ? n[3] : -1,
                                NULL, (uint64_t) n[0], (uint64_t) n[1] };

  UNUSED ();
  send_one (f, WIRE_SECTION_END, &m);
}

/* Ends with what REPLY says. */
static void
reply_or_exit (struct fake *f, int32_t wanted)
{
  union wire_message m;

  wait_message (f, WIRE_REPLY, &m);
  if (m.reply.status != wanted)
    exit (6);
}

COMMAND (checkpoint)
{
  struct wire_checkpoint m = { { text, strlen (text) } };

  UNUSED ();
  send_one (f, WIRE_CHECKPOINT, &m);
  reply_or_exit (f, 0);
}

COMMAND (checkpoint_refused)
{
  struct wire_checkpoint m = { { text, strlen (text) } };

  UNUSED ();
  send_one (f, WIRE_CHECKPOINT, &m);
  reply_or_exit (f, USHER_E_MISUSE);
}

/* checkpoints N: without reading a reply */
COMMAND (checkpoints)
{
  struct wire_checkpoint m = { { "c", 1 } };
  long long i;

  UNUSED ();
  for (i = 0; i < n[0]; i++)
    send_one (f, WIRE_CHECKPOINT, &m);
}

COMMAND (state)
{
  struct wire_state put = { "key", { text, strlen (text) } }, get = { "key", { NULL, 0 } };
  union wire_message m;

  UNUSED ();
  send_one (f, WIRE_STATE_PUT, &put);
  reply_or_exit (f, 0);
  send_one (f, WIRE_STATE_GET, &get);
  wait_message (f, WIRE_REPLY, &m);
  if (m.reply.value.len != strlen (text) || memcmp (m.reply.value.data, text, strlen (text)))
    exit (5);
}

COMMAND (secret)
{
  struct wire_secret_put m = { "token", text, 0 };

  UNUSED ();
  send_one (f, WIRE_SECRET_PUT, &m);
  reply_or_exit (f, 0);
}

/* secret-refused NAME */
COMMAND (secret_refused)
{
  struct wire_secret_put m = { text, "a new value", 0 };

  UNUSED ();
  send_one (f, WIRE_SECRET_PUT, &m);
  reply_or_exit (f, USHER_E_MISUSE);
}

COMMAND (fact)
{
  struct wire_fact m = { "self.id", text };
  long long i;

  UNUSED ();
  for (i = 0; i < MAX (n[0], 1); i++)
    send_one (f, WIRE_FACT, &m);
}

COMMAND (logs)
{
  struct wire_log m = { 6, text };
  long long i;

  UNUSED ();
  for (i = 0; i < n[0]; i++)
    send_one (f, WIRE_LOG, &m);
}

COMMAND (log)
{
  struct wire_log m = { 6, text };

  UNUSED ();
  send_one (f, WIRE_LOG, &m);
}

/* fault CODE UNTIL, with the whole line as its text */
COMMAND (fault)
{
  struct wire_fault m = { (int32_t) n[0], text, "field", "https://app.example.com/", n[1] };

  UNUSED ();
  send_one (f, WIRE_FAULT, &m);
}

COMMAND (result)
{
  struct wire_result m = { (int32_t) n[0], (uint32_t) n[1] };

  UNUSED ();
  send_one (f, WIRE_RESULT, &m);
}

COMMAND (raw)
{
  char *hex;
  long type = strtol (text, &hex, 10);

  UNUSED ();
  send_raw (f, (uint16_t) type, *hex ? hex + 1 : "");
}

/* bytes HEX: no header at all */
COMMAND (bytes)
{
  UNUSED ();
  for (; text[0] && text[1]; text += 2)
    {
      char two[3] = { text[0], text[1], '\0' };
      unsigned char byte = (unsigned char) strtoul (two, NULL, 16);

      if (write (3, &byte, 1) != 1)
        exit (9);
    }
}

COMMAND (exit)
{
  UNUSED ();
  _exit ((int) n[0]);
}

COMMAND (signal)
{
  UNUSED ();
  end_by ((int) n[0]);
}

COMMAND (hang)
{
  UNUSED ();
  for (;;)
    pause ();
}

COMMAND (close)
{
  UNUSED ();
  close (3);
  for (;;)
    pause ();
}

/* tally REQUESTS REFUSED SHORT FOREIGN: what every later TALLY_ASK is told */
COMMAND (tally)
{
  UNUSED ();
  f->tally = (struct wire_tally) { .requests = (uint64_t) n[0], .refused = (uint64_t) n[1],
                                   .short_bodies = (uint64_t) n[2], .foreign_redirects = (uint64_t) n[3],
                                   .bytes = 1000, .why = n[1] ? "HTTP 403 for a page" : NULL };
}

/* told ORDINAL: a TALLY that nobody asked for */
COMMAND (told)
{
  struct wire_tally m = { .ordinal = (uint32_t) n[0] };

  UNUSED ();
  send_one (f, WIRE_TALLY, &m);
}

COMMAND (ask)
{
  struct wire_ask m = { (uint32_t) n[0], (uint32_t) n[1] };

  UNUSED ();
  send_one (f, WIRE_ASK, &m);
}

/* asked: until there is a permit */
COMMAND (asked)
{
  struct wire_ask ask = { (uint32_t) n[0], 1 };
  union wire_message m;

  UNUSED ();
  do
    {
      send_one (f, WIRE_ASK, &ask);
      wait_message (f, WIRE_PERMIT, &m);
      if (!m.permit.n)
        usleep ((useconds_t) m.permit.wait_ms * 1000);
    }
  while (!m.permit.n);
}

/* seen RATE STATUS [UNTIL] */
COMMAND (seen)
{
  struct wire_seen m = { (uint32_t) n[0], (int32_t) n[1], n[2], -1 };

  UNUSED ();
  send_one (f, WIRE_SEEN, &m);
}

COMMAND (cookies)
{
  struct wire_cookies m = { { text, strlen (text) } };

  UNUSED ();
  send_one (f, WIRE_COOKIES, &m);
}

COMMAND (evidence)
{
  struct wire_evidence m = { 200, "https://app.example.com/", { text, strlen (text) } };

  UNUSED ();
  send_one (f, WIRE_EVIDENCE, &m);
}

/* token-ask: until usherd has answered */
COMMAND (token_ask)
{
  struct wire_token_ask m = { 0 };
  union wire_message answer;

  UNUSED ();
  send_one (f, WIRE_TOKEN_ASK, &m);
  wait_message (f, WIRE_TOKEN, &answer);
}

/* token-got REFRESH: with an access token */
COMMAND (token_got)
{
  struct wire_token_got m = { .access = "an access token", .refresh = text, .life_ms = -1 };

  UNUSED ();
  send_one (f, WIRE_TOKEN_GOT, &m);
}

/* go: net lets the worker go on */
COMMAND (go)
{
  UNUSED ();
  if (write (4, "g", 1) != 1)
    exit (4);
}

COMMAND (wait)
{
  char c;

  UNUSED ();
  if (read (4, &c, 1) != 1)
    exit (0);
}

COMMAND (sleep)
{
  UNUSED ();
  usleep ((useconds_t) n[0] * 1000);
}

static const struct { const char *name; command *run; } commands[] = {
  { "call", do_call }, { "cancel", do_cancel }, { "section", do_section }, { "rows", do_rows },
  { "row", do_row },
  { "end", do_end }, { "checkpoint", do_checkpoint }, { "checkpoint-refused", do_checkpoint_refused },
  { "checkpoints", do_checkpoints }, { "state", do_state }, { "secret", do_secret },
  { "secret-refused", do_secret_refused }, { "fact", do_fact },
  { "logs", do_logs }, { "log", do_log }, { "fault", do_fault }, { "result", do_result }, { "raw", do_raw },
  { "bytes", do_bytes }, { "exit", do_exit }, { "signal", do_signal }, { "hang", do_hang },
  { "close", do_close }, { "tally", do_tally }, { "told", do_told }, { "ask", do_ask }, { "asked", do_asked },
  { "seen", do_seen }, { "cookies", do_cookies }, { "evidence", do_evidence }, { "go", do_go },
  { "token-ask", do_token_ask }, { "token-got", do_token_got }, { "wait", do_wait }, { "sleep", do_sleep },
};

static void
run_line (struct fake *f, const char *line)
{
  size_t name = strcspn (line, " "), i;
  const char *text = line[name] ? line + name + 1 : "";
  long long n[4] = { 0 };
  char *at = NULL;
  const char *from = text;

  for (i = 0; i < 4; i++, from = at)
    {
      n[i] = strtoll (from, &at, 10);
      if (at == from)
        break;
    }
  for (i = 0; i < ARRAY_SIZE (commands); i++)
    if (strlen (commands[i].name) == name && !memcmp (commands[i].name, line, name))
      {
        commands[i].run (f, n, text);
        return;
      }
  exit (100);
}

static void
run_script (struct fake *f, const char *script, size_t len)
{
  char *copy = len ? strndup (script, len) : NULL, *line = copy, *end;

  for (; copy && *line; line = end + 1)
    {
      end = strchrnul (line, '\n');
      if (!*end)
        {
          run_line (f, line);
          break;
        }
      *end = '\0';
      run_line (f, line);
    }
  free (copy);
}

static int
play_worker (struct fake *f)
{
  union wire_message m;

  wait_message (f, WIRE_START, &m);
  run_script (f, m.start.run.data, m.start.run.len);
  wait_message (f, WIRE_END, &m);
  return 0;
}

static _Noreturn void
play_net (struct fake *f)
{
  union wire_message m;

  wait_message (f, WIRE_NET_START, &m);
  run_script (f, m.net_start.auth.data, m.net_start.auth.len);
  for (;;)
    {
      wait_message (f, WIRE_TALLY_ASK, &m);
      f->tally.ordinal = m.tally_ask.ordinal;
      send_one (f, WIRE_TALLY, &f->tally);
    }
}

int
main (int argc _unused_, char **argv)
{
  const char *name = strrchr (argv[0], '/');
  struct fake f = { .arena = ARENA_INIT (WIRE_ARENA_MAX) };

  name = name ? name + 1 : argv[0];
  if (streq (name, "exit-3"))
    return 3;
  if (streq (name, "segv"))
    end_by (SIGSEGV);
  if (streq (name, "hang"))
    do_hang (NULL, NULL, NULL);
  if (streq (name, "report") || (streq (name, "usher-worker") && argv[1]))
    return report (argv);
  wire_channel_init (&f.host, 3);
  if (streq (name, "usher-worker"))
    return play_worker (&f);
  if (streq (name, "usher-net"))
    play_net (&f);
  wait_for_the_end ();
  return 0;
}
