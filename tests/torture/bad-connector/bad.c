/* A connector that does the one harm that "run" names.  The worker's tests, and anybody
   who wants to see how a host takes it, load it; nothing else does. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <usher/connector.h>

#define H (ctx->host)

struct self
{
  char what[64];
};

static void
tell (struct usher_ctx *ctx, const char *key, long long n)
{
  char text[32];

  (void) snprintf (text, sizeof text, "%lld", n);
  (void) H->fact (ctx, key, text);
}

/* ---- Crashes. */

static int32_t
crash (struct usher_ctx *ctx)
{
  volatile int *volatile nowhere = NULL;

  (void) ctx;
  return *nowhere;
}

static int32_t
give_up (struct usher_ctx *ctx)
{
  (void) ctx;
  abort ();
}

static int32_t
leave (struct usher_ctx *ctx)
{
  (void) ctx;
  exit (0);
}

static int32_t
loop (struct usher_ctx *ctx)
{
  volatile unsigned long n = 0;

  (void) ctx;
  for (;;)
    n++;
  return USHER_DONE;
}

static int
deeper (volatile char *above)
{
  volatile char frame[4096];

  frame[0] = above[0];
  return above[0] ? 0 : deeper (frame) + frame[0];
}

static int32_t
recurse (struct usher_ctx *ctx)
{
  volatile char top[1] = { 0 };

  (void) ctx;
  return deeper (top);
}

/* ---- Greed. */

static int32_t
eat_memory (struct usher_ctx *ctx)
{
  long long got = 0;
  char *p;

  while (got < 4096 && (p = malloc (1 << 20)))
    {
      memset (p, 1, 1 << 20);
      got++;
    }
  tell (ctx, "warn.mib", got);
  return USHER_E_NOMEM;
}

static int32_t
open_files (struct usher_ctx *ctx)
{
  long long got = 0;

  while (got < 4096 && open ("/dev/urandom", O_RDONLY | O_CLOEXEC) >= 0)
    got++;
  tell (ctx, "warn.files", got);
  return USHER_DONE;
}

static int32_t
raise_limits (struct usher_ctx *ctx)
{
  const struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
  struct rlimit now;

  tell (ctx, "warn.errno", setrlimit (RLIMIT_DATA, &more) < 0 ? errno : 0);
  if (getrlimit (RLIMIT_DATA, &now) == 0)
    tell (ctx, "warn.limit", (long long) now.rlim_cur);
  return USHER_DONE;
}

/* ---- Ways out. */

static int32_t
run_fork (struct usher_ctx *ctx)
{
  tell (ctx, "warn.fork", fork ());
  return USHER_DONE;
}

static void *
idle (void *arg)
{
  return arg;
}

static int32_t
run_thread (struct usher_ctx *ctx)
{
  pthread_t thread;

  tell (ctx, "warn.thread", pthread_create (&thread, NULL, idle, NULL));
  return USHER_DONE;
}

static int32_t
run_program (struct usher_ctx *ctx)
{
  static char program[] = "/bin/true";
  char *const argv[] = { program, NULL }, *const env[] = { NULL };

  tell (ctx, "warn.exec", execve (program, argv, env));
  return USHER_DONE;
}

static int32_t
make_socket (struct usher_ctx *ctx)
{
  tell (ctx, "warn.socket", socket (AF_INET, SOCK_STREAM, 0));
  return USHER_DONE;
}

static int32_t
trace_parent (struct usher_ctx *ctx)
{
  tell (ctx, "warn.ptrace", ptrace (PTRACE_ATTACH, getppid (), NULL, NULL));
  return USHER_DONE;
}

static int32_t
kill_parent (struct usher_ctx *ctx)
{
  tell (ctx, "warn.kill", kill (getppid (), SIGTERM));
  return USHER_DONE;
}

static int32_t
signal_parent (struct usher_ctx *ctx)
{
  const pid_t parent = getppid ();

  tell (ctx, "warn.errno", syscall (SYS_tgkill, parent, parent, SIGTERM) < 0 ? errno : 0);
  return USHER_DONE;
}

static int32_t
open_file (struct usher_ctx *ctx, const char *path, int flags)
{
  tell (ctx, "warn.errno", open (path, flags | O_CLOEXEC, 0600) < 0 ? errno : 0);
  return USHER_DONE;
}

static int32_t
open_shadow (struct usher_ctx *ctx)
{
  return open_file (ctx, "/etc/shadow", O_RDONLY);
}

static int32_t
open_self (struct usher_ctx *ctx)
{
  return open_file (ctx, "/proc/self/environ", O_RDONLY);
}

static int32_t
write_file (struct usher_ctx *ctx)
{
  return open_file (ctx, "/tmp/usher-bad-connector", O_WRONLY | O_CREAT);
}

static int32_t
map_code (struct usher_ctx *ctx)
{
  const void *p = mmap (NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  tell (ctx, "warn.errno", p == MAP_FAILED ? errno : 0);
  return USHER_DONE;
}

/* ---- Noise. */

static int32_t
print (struct usher_ctx *ctx)
{
  (void) ctx;
  (void) printf ("this goes nowhere\n");
  (void) fflush (stdout);
  return write (STDOUT_FILENO, "nor this\n", 9) == 9 ? USHER_DONE : USHER_E_SHAPE;
}

/* Bytes that are no frame, on the channel to usherd. */
static int32_t
forge (struct usher_ctx *ctx)
{
  (void) ctx;
  return write (3, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12) == 12 ? USHER_DONE
                                                                               : USHER_E_SHAPE;
}

/* ---- Breaches of the contract, inside list. */

static int32_t
member (struct usher_ctx *ctx, const char *id, const char *name)
{
  const struct usher_member m
    = { .size = sizeof m, .state = USHER_ACTIVE, .id = id, .name = name, .email = "a@corp.test" };

  return H->emit_member (ctx, &m);
}

static int32_t
endless_rows (struct usher_ctx *ctx)
{
  char id[32];
  long n;
  int32_t r = H->section (ctx, USHER_S_MEMBERS, NULL);

  for (n = 0; r >= 0; n++)
    {
      (void) snprintf (id, sizeof id, "%ld", n);
      r = member (ctx, id, "Nobody");
    }
  return r;
}

static int32_t
huge_row (struct usher_ctx *ctx)
{
  static char name[1 << 20];

  memset (name, 'a', sizeof name - 1);
  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  (void) member (ctx, "1", name);
  return H->section_end (ctx, USHER_COMPLETE, 1, NULL);
}

static int32_t
not_utf8 (struct usher_ctx *ctx)
{
  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  (void) member (ctx, "1", "caf\xe9");
  return H->section_end (ctx, USHER_COMPLETE, 1, NULL);
}

static int32_t
no_section (struct usher_ctx *ctx)
{
  (void) member (ctx, "1", "Ada");
  return USHER_DONE;
}

static int32_t
no_id (struct usher_ctx *ctx)
{
  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  return member (ctx, NULL, "Ada");
}

static int32_t
wrong_section (struct usher_ctx *ctx)
{
  (void) H->section (ctx, USHER_S_ROLES, NULL);
  return member (ctx, "1", "Ada");
}

static int32_t
nested_sections (struct usher_ctx *ctx)
{
  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  return H->section (ctx, USHER_S_ROLES, NULL);
}

static int32_t
left_open (struct usher_ctx *ctx)
{
  return H->section (ctx, USHER_S_MEMBERS, NULL);
}

static int32_t
big_checkpoint (struct usher_ctx *ctx)
{
  static char blob[16385];

  return H->checkpoint (ctx, blob, sizeof blob);
}

static int32_t
secret_checkpoint (struct usher_ctx *ctx)
{
  const char *s = H->secret (ctx, "token");

  return H->checkpoint (ctx, s, strlen (s));
}

static int32_t
fetch (struct usher_ctx *ctx, const char *method, const char *url, const char *value)
{
  const struct usher_kv header = { "X-Name", value };
  const struct usher_request q = { .size = sizeof q, .method = method, .url = url,
                                   .headers = &header, .n_headers = 1 };
  uint32_t h;

  return H->http_open (ctx, &q, &h);
}

static int32_t
many_requests (struct usher_ctx *ctx)
{
  int i;

  for (i = 0; i < 9; i++)
    (void) fetch (ctx, "GET", "https://app.example.com/", "x");
  return USHER_DONE;
}

static int32_t
split_header (struct usher_ctx *ctx)
{
  return fetch (ctx, "GET", "https://app.example.com/", "x\r\nHost: other.example.com");
}

static int32_t
bad_method (struct usher_ctx *ctx)
{
  return fetch (ctx, "GET /admin", "https://app.example.com/", "x");
}

static int32_t
bad_scheme (struct usher_ctx *ctx)
{
  return fetch (ctx, "GET", "file:///etc/passwd", "x");
}

static int32_t
odd_answer (struct usher_ctx *ctx)
{
  (void) ctx;
  return 42;
}

static int32_t
null_everywhere (struct usher_ctx *ctx)
{
  return H->emit_member (ctx, NULL);
}

/* Goes on as if nothing had happened. */
static int32_t
deny_everything (struct usher_ctx *ctx)
{
  int i;

  for (i = 0; i < 1000; i++)
    (void) member (ctx, "1", "Ada");
  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  (void) H->section_end (ctx, USHER_COMPLETE, 0, NULL);
  return USHER_DONE;
}

static const struct
{
  const char *name;
  int32_t (*run) (struct usher_ctx *);
} harms[] = {
  { "crash", crash }, { "abort", give_up }, { "exit", leave }, { "loop", loop },
  { "recurse", recurse }, { "memory", eat_memory }, { "files", open_files },
  { "limits", raise_limits }, { "fork", run_fork }, { "thread", run_thread },
  { "exec", run_program }, { "socket", make_socket }, { "ptrace", trace_parent },
  { "kill", kill_parent }, { "signal", signal_parent }, { "shadow", open_shadow },
  { "environ", open_self }, { "write", write_file }, { "code", map_code }, { "print", print },
  { "forge", forge }, { "endless-rows", endless_rows }, { "huge-row", huge_row },
  { "not-utf8", not_utf8 }, { "no-section", no_section }, { "no-id", no_id },
  { "wrong-section", wrong_section }, { "nested-sections", nested_sections },
  { "left-open", left_open }, { "big-checkpoint", big_checkpoint },
  { "secret-checkpoint", secret_checkpoint }, { "many-requests", many_requests },
  { "split-header", split_header }, { "bad-method", bad_method }, { "bad-scheme", bad_scheme },
  { "odd-answer", odd_answer }, { "null", null_everywhere },
  { "deny-everything", deny_everything },
};

/* ---- The operations. */

/* The harm is the whole spec, or stands in it: {"do": "crash"}. */
static void
read_spec (const struct usher_hub *hub, struct self *s)
{
  char spec[sizeof s->what];

  (void) snprintf (spec, sizeof spec, "%.*s", (int) hub->spec_len, hub->spec);
  if (sscanf (spec, "{\"do\": \"%63[^\"]", s->what) != 1)
    (void) snprintf (s->what, sizeof s->what, "%s", spec);
}

static int32_t
bad_open (struct usher_ctx *ctx, const struct usher_hub *hub, void **ret_self)
{
  struct self *s = calloc (1, sizeof *s);

  if (!s)
    return USHER_E_NOMEM;
  read_spec (hub, s);
  if (strcmp (s->what, "crash-in-open") == 0)
    return crash (ctx);
  if (strcmp (s->what, "request-in-open") == 0)
    (void) fetch (ctx, "GET", "https://app.example.com/", "x");
  *ret_self = s;
  return USHER_DONE;
}

static void
bad_close (struct usher_ctx *ctx, void *self)
{
  (void) ctx;
  free (self);
}

static int32_t
bad_check (struct usher_ctx *ctx, void *self)
{
  const struct self *s = self;

  return strcmp (s->what, "checkpoint-in-check") == 0 ? H->checkpoint (ctx, "x", 1) : USHER_DONE;
}

static int32_t
bad_list (struct usher_ctx *ctx, void *self, const struct usher_list *want)
{
  const struct self *s = self;
  size_t i;

  (void) want;
  for (i = 0; i < sizeof harms / sizeof harms[0]; i++)
    if (strcmp (harms[i].name, s->what) == 0)
      return harms[i].run (ctx);
  return USHER_E_CONFIG;
}

static int32_t
bad_read (struct usher_ctx *ctx, void *self, const struct usher_member *who)
{
  const struct self *s = self;

  (void) who;
  if (strcmp (s->what, "absent-and-present") == 0)
    {
      (void) member (ctx, "1", "Ada");
      return USHER_ABSENT;
    }
  return USHER_DONE;
}

const struct usher_connector *usher_connector_v1 (void);

__attribute__ ((visibility ("default"))) const struct usher_connector *
usher_connector_v1 (void)
{
  static const struct usher_connector c = {
    .abi = { USHER_MAGIC, USHER_MAJOR, USHER_MINOR, sizeof c, 0 },
    .name = "bad", .version = "0",
    .open = bad_open, .close = bad_close, .check = bad_check, .list = bad_list, .read = bad_read,
  };

  return &c;
}
