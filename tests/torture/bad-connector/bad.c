/* A connector that does the one harm that "run" names.  The worker's tests, and anybody
   who wants to see how a host takes it, load it; nothing else does.  What was refused is told
   as a fact and as the sentence that the operation fails with. */
#include "bad.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

/* Fails with a sentence. */
static int32_t
fail_with (struct usher_ctx *ctx, const char *text)
{
  const struct usher_fault f = { .size = sizeof f, .code = USHER_E_REFUSED, .text = text };

  return H->fail (ctx, &f);
}

/* What came of a try: ERROR, or 0 when it was possible. */
static int32_t
tried (struct usher_ctx *ctx, const char *what, int error)
{
  char text[256];

  tell (ctx, "warn.errno", error);
  (void) snprintf (text, sizeof text, "%s: %s", what, error ? strerror (error) : "was possible");
  return fail_with (ctx, text);
}

/* How much was had before it was refused. */
static int32_t
got_only (struct usher_ctx *ctx, const char *key, const char *what, long long n)
{
  char text[256];

  tell (ctx, key, n);
  (void) snprintf (text, sizeof text, "got %lld %s", n, what);
  return fail_with (ctx, text);
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

/* Waits for what never comes, and takes no time of the processor for it. */
static int32_t
hang (struct usher_ctx *ctx)
{
  (void) ctx;
  (void) poll (NULL, 0, -1);
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
  return got_only (ctx, "warn.mib", "MiB of memory", got);
}

/* Memory that is not counted as data. */
static int32_t
share_memory (struct usher_ctx *ctx)
{
  long long got = 0;
  char *p;

  while (got < 4096
         && (p = mmap (NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
    {
      memset (p, 1, 1 << 20);
      got++;
    }
  return got_only (ctx, "warn.mib", "MiB of shared memory", got);
}

/* A page that is only read costs nothing but its entry in a table. */
static int32_t
eat_addresses (struct usher_ctx *ctx)
{
  long long got = 0;

  while (got < 4096
         && mmap (NULL, 1 << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED)
    got++;
  return got_only (ctx, "warn.gib", "GiB of addresses", got);
}

static int32_t
open_files (struct usher_ctx *ctx)
{
  long long got = 0;

  while (got < 4096 && open ("/dev/urandom", O_RDONLY | O_CLOEXEC) >= 0)
    got++;
  return got_only (ctx, "warn.files", "descriptors", got);
}

static int32_t
raise_limits (struct usher_ctx *ctx)
{
  const struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
  int error = setrlimit (RLIMIT_DATA, &more) < 0 ? errno : 0;
  struct rlimit now;

  if (getrlimit (RLIMIT_DATA, &now) == 0)
    tell (ctx, "warn.limit", (long long) now.rlim_cur);
  return tried (ctx, "raising a limit", error);
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

  return tried (ctx, "a signal to usherd", syscall (SYS_tgkill, parent, parent, SIGTERM) < 0 ? errno : 0);
}

/* The kernel sends the signal itself, when something comes for the owner of a socket. */
static int32_t
own_parent (struct usher_ctx *ctx)
{
  return tried (ctx, "making usherd the owner of a socket", fcntl (3, F_SETOWN, getppid ()) < 0 ? errno : 0);
}

static int32_t
bind_port (struct usher_ctx *ctx)
{
  struct sockaddr any = { .sa_family = AF_INET };

  tell (ctx, "warn.bind", bind (3, &any, sizeof any));
  return USHER_DONE;
}

static int32_t
open_file (struct usher_ctx *ctx, const char *path, int flags)
{
  return tried (ctx, path, open (path, flags | O_CLOEXEC, 0600) < 0 ? errno : 0);
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
open_parent (struct usher_ctx *ctx)
{
  char path[64];

  (void) snprintf (path, sizeof path, "/proc/%d/mem", (int) getppid ());
  return open_file (ctx, path, O_RDONLY);
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

  return tried (ctx, "memory to write and run", p == MAP_FAILED ? errno : 0);
}

/* First the one, then the other. */
static int32_t
make_code (struct usher_ctx *ctx)
{
  void *p = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  return tried (ctx, "running what was written",
                p == MAP_FAILED || mprotect (p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0);
}

/* ---- Noise. */

static int32_t
print (struct usher_ctx *ctx)
{
  (void) printf ("this goes nowhere\n");
  (void) fflush (stdout);
  return write (STDOUT_FILENO, "nor this\n", 9) == 9 ? fail_with (ctx, "printed two lines") : USHER_E_SHAPE;
}

static int32_t
print_on (struct usher_ctx *ctx)
{
  static const char line[] = "and on, and on, and on, and on, and on, and on, and on, and on\n";

  (void) ctx;
  while (write (STDOUT_FILENO, line, sizeof line - 1) > 0)
    ;
  return USHER_E_SHAPE;
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
endless_checkpoints (struct usher_ctx *ctx)
{
  char cursor[16384];
  int32_t r = H->section (ctx, USHER_S_MEMBERS, NULL);

  memset (cursor, 'c', sizeof cursor);
  while (r >= 0)
    r = H->checkpoint (ctx, cursor, sizeof cursor);
  return r;
}

static int32_t
endless_state (struct usher_ctx *ctx)
{
  char key[32], value[16384];
  int32_t r = 0;
  long n;

  memset (value, 'v', sizeof value);
  for (n = 0; r >= 0; n++)
    {
      (void) snprintf (key, sizeof key, "%ld", n);
      r = H->state_put (ctx, key, value, sizeof value);
    }
  return r;
}

static int32_t
endless_sections (struct usher_ctx *ctx)
{
  int32_t r = 0;

  while (r >= 0)
    {
      r = H->section (ctx, USHER_S_OBJECTS, "type");
      if (r >= 0)
        r = H->section_end (ctx, USHER_COMPLETE, 0, NULL);
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

/* Everybody there is, and the app was never asked. */
static int32_t
made_up (struct usher_ctx *ctx)
{
  (void) H->section (ctx, USHER_S_MEMBERS, NULL);
  (void) member (ctx, "1", "Ada");
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

/* Asks usher-net for URL and waits for the answer: how that ends. */
static int32_t
visit (struct usher_ctx *ctx, const char *url)
{
  const struct usher_request q = { .size = sizeof q, .method = "GET", .url = url, .accept = "200,400" };
  struct usher_response head = { .size = sizeof head };
  uint32_t h;
  int32_t r = H->http_open (ctx, &q, &h);

  return r < 0 ? r : H->http_head (ctx, h, &head);
}

static int32_t
other_host (struct usher_ctx *ctx)
{
  return visit (ctx, "https://other.example.com/");
}

/* Where credentials lie open in many a cloud. */
static int32_t
metadata_host (struct usher_ctx *ctx)
{
  return visit (ctx, "http://169.254.169.254/latest/meta-data/");
}

static int32_t
endless_requests (struct usher_ctx *ctx)
{
  char url[1024];
  const struct usher_request q = { .size = sizeof q, .method = "GET", .url = url };
  int32_t r = 0;
  uint32_t h;

  (void) snprintf (url, sizeof url, "%s/Users", H->conf (ctx, "base_url", 0));
  while (r >= 0)
    {
      r = H->http_open (ctx, &q, &h);
      if (r >= 0)
        H->http_close (ctx, h);
    }
  return r;
}

/* What it is given for the secret. */
static int32_t
tell_secret (struct usher_ctx *ctx)
{
  char text[256];

  (void) snprintf (text, sizeof text, "the token is %s", H->secret (ctx, "token"));
  return fail_with (ctx, text);
}

/* The app repeats what it was sent, and the connector passes it on wherever it can. */
static int32_t
tell_echo (struct usher_ctx *ctx)
{
  char url[1024], body[2048], text[4096];
  const struct usher_request q = { .size = sizeof q, .method = "GET", .url = url, .accept = "200,400" };
  size_t len = 0;
  uint32_t h;
  int32_t r;

  (void) snprintf (url, sizeof url, "%s/Users", H->conf (ctx, "base_url", 0));
  r = H->http_open (ctx, &q, &h);
  if (r >= 0)
    r = H->http_read (ctx, h, body, sizeof body - 1, &len);
  if (r < 0)
    return r;
  body[len] = '\0';
  (void) snprintf (text, sizeof text, "the app said %s", body);
  H->log (ctx, USHER_LOG_WARNING, text);
  (void) H->fact (ctx, "warn.echo", text);
  (void) H->state_put (ctx, "echo", text, strlen (text));
  return fail_with (ctx, text);
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
  { "hang", hang }, { "recurse", recurse }, { "memory", eat_memory },
  { "shared-memory", share_memory }, { "addresses", eat_addresses }, { "files", open_files },
  { "limits", raise_limits }, { "fork", run_fork }, { "thread", run_thread },
  { "exec", run_program }, { "socket", make_socket }, { "ptrace", trace_parent },
  { "kill", kill_parent }, { "signal", signal_parent }, { "owner", own_parent },
  { "bind", bind_port }, { "shadow", open_shadow }, { "environ", open_self },
  { "parent-memory", open_parent }, { "write", write_file }, { "code", map_code },
  { "make-code", make_code }, { "print", print }, { "print-on", print_on },
  { "endless-rows", endless_rows }, { "endless-checkpoints", endless_checkpoints },
  { "endless-state", endless_state }, { "endless-sections", endless_sections },
  { "huge-row", huge_row },
  { "made-up", made_up }, { "not-utf8", not_utf8 }, { "no-section", no_section }, { "no-id", no_id },
  { "wrong-section", wrong_section }, { "nested-sections", nested_sections },
  { "left-open", left_open }, { "big-checkpoint", big_checkpoint },
  { "secret-checkpoint", secret_checkpoint }, { "many-requests", many_requests },
  { "endless-requests", endless_requests }, { "other-host", other_host },
  { "metadata-host", metadata_host }, { "tell-secret", tell_secret }, { "tell-echo", tell_echo },
  { "split-header", split_header }, { "bad-method", bad_method }, { "bad-scheme", bad_scheme },
  { "odd-answer", odd_answer }, { "null", null_everywhere },
  { "deny-everything", deny_everything },
  { "forge", forge_noise }, { "forge-long", forge_long }, { "forge-order", forge_order },
  { "forge-sender", forge_sender }, { "forge-rows", forge_rows }, { "forge-count", forge_count },
  { "forge-result", forge_result }, { "forge-logs", forge_logs }, { "forge-faults", forge_faults },
  { "forge-questions", forge_questions }, { "forge-to-net", forge_to_net },
  { "forge-request", forge_request },
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
  if (strcmp (s->what, "hang-in-open") == 0)
    return hang (ctx);
  if (strcmp (s->what, "request-in-open") == 0)
    (void) fetch (ctx, "GET", "https://app.example.com/", "x");
  *ret_self = s;
  return USHER_DONE;
}

static void
bad_close (struct usher_ctx *ctx, void *self)
{
  const struct self *s = self;

  if (strcmp (s->what, "crash-in-close") == 0)
    (void) crash (ctx);
  if (strcmp (s->what, "hang-in-close") == 0)
    (void) hang (ctx);
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
  return fail_with (ctx, "listed nobody");
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
