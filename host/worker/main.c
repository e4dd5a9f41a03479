/* usher-worker: one connector for one hub, in a process that can do nothing but compute
   and talk to usherd (descriptor 3) and usher-net (descriptor 4). */
#include <config.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "host/common/log.h"
#include "host/common/row.h"
#include "host/worker/check.h"
#include "host/worker/confine.h"
#include "host/worker/host.h"
#include "host/worker/inspect.h"

#ifdef USHER_SANITIZERS
/* The leak checker needs ptrace, which the worker gives up. */
const char *__asan_default_options (void);

const char *
__asan_default_options (void)
{
  return "detect_leaks=0";
}
#endif

static const char usage[]
  = "usage: usher-worker [--library-dir DIR]...\n"
    "       usher-worker [--library-dir DIR]... --inspect FILE\n"
    "       usher-worker [--library-dir DIR]... --check-app FILE\n"
    "usherd starts the first form with its socket as descriptor 3 and usher-net's as 4.\n";

/* Reads the first message, which says what this session is about. */
static int
take_start (struct host *h)
{
  struct wire_frame f;
  union wire_message m;

  if (wire_wait (&h->link.host, &f) != 1)
    return WIRE_EXIT_USAGE;
  if (f.type != WIRE_START || wire_decode (f.type, f.payload, f.len, &h->arena, &m) < 0
      || !m.start.connector || !m.start.app)
    return WIRE_EXIT_PROTOCOL;
  h->start = m.start;
  /* The blob is borrowed from the frame; the connector reads it until close. */
  buf_put (&h->run, m.start.run.data, m.start.run.len);
  h->start.run = (struct wire_blob) { NULL, 0 };
  return buf_error (&h->run) ? WIRE_EXIT_PROTOCOL : 0;
}

static void
warn (struct host *h, const char *text)
{
  const struct wire_log msg = { LOG_LEVEL_WARNING, text };

  (void) link_to_host (&h->link, WIRE_LOG, 0, &msg);
}

static int
serve (const struct load_dirs *dirs)
{
  static struct host h;
  const char *unprotected;
  struct connector c;
  char text[LOAD_TEXT_MAX];
  bool loaded;
  int r;

  if (confine_process (CONFINE_SESSION) < 0)
    return WIRE_EXIT_UNCONFINED;
  h.ctx.host = &host_table;
  h.arena = (struct arena) ARENA_INIT (WIRE_ARENA_MAX);
  h.run = (struct buf) BUF_INIT (WIRE_ARENA_MAX);
  h.call = (struct buf) BUF_INIT (WIRE_ARENA_MAX);
  h.rows = (struct buf) BUF_INIT (WIRE_PAYLOAD_MAX + ROW_MAX);
  h.reply = (struct buf) BUF_INIT (HOST_BLOB_MAX);
  link_init (&h.link, &host_events, &h);
  r = take_start (&h);
  if (r)
    return r;
  if (confine_code (h.start.connector, dirs, &unprotected) < 0)
    return WIRE_EXIT_UNCONFINED;
  if (unprotected)
    warn (&h, unprotected);
  loaded = load_connector (h.start.connector, dirs, &c, text) == 0;
  link_begin (&h.link);
  run_session (&h, loaded ? &c.table : NULL, text);
  /* Destructors of the connector have nothing to tell anybody. */
  link_leave (EXIT_SUCCESS);
}

static int
add_dir (struct load_dirs *dirs, const char *dir)
{
  if (dirs->n == LOAD_DIRS_MAX)
    return -E2BIG;
  dirs->v[dirs->n++] = dir;
  return 0;
}

int
main (int argc, char **argv)
{
  static const struct option options[] = {
    { "library-dir", required_argument, NULL, 'l' },
    { "inspect", required_argument, NULL, 'i' },
    { "check-app", required_argument, NULL, 'c' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
  };
  struct load_dirs dirs = { { NULL }, 0 };
  const char *inspect = NULL, *check = NULL;
  int c;

  while ((c = getopt_long (argc, argv, "", options, NULL)) != -1)
    if (c == 'l' && add_dir (&dirs, optarg) == 0)
      continue;
    else if (c == 'i')
      inspect = optarg;
    else if (c == 'c')
      check = optarg;
    else if (c == 'h')
      return fputs (usage, stdout) < 0;
    else if (c == 'V')
      return puts ("usher-worker (usher) " PACKAGE_VERSION) < 0;
    else
      return fputs (usage, stderr), WIRE_EXIT_USAGE;
  if (optind < argc)
    return fputs (usage, stderr), WIRE_EXIT_USAGE;
  if (check)
    return check_app (check, &dirs);
  return inspect ? inspect_file (inspect, &dirs) : serve (&dirs);
}
