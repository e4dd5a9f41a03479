/* What starve.py preloads into a unit test program: lets chosen allocations of the code under
   test fail.  An allocation is the code's under test when the innermost function of the program
   on the stack is one of the code's, not the test's or libcheck's: what libraries, and tools of the
   code such as its buffer, allocate on behalf of either counts for whom they work.  Each test of the program is a process that
   libcheck forks; the N-th one to be forked fails the allocation that line N of the plan says.
   Counts alone are for the first run, by which starve.py makes its plans.

   STARVE_CODE   file: the addresses of the code under test, "BEGIN END TOOL" a line
   STARVE_PLAN   file: a number a line, for each test; 0 = the test is left out.  None: count
   STARVE_LATER  set: all later allocations of the code under test fail, too
   STARVE_LOG    file: "PID alloc TEST NUMBER PATH" for each allocation where there is no plan, PATH
                 a hash of the stack; "PID fired TEST NUMBER STACK"; "PID crash TEST SIGNAL STACK" */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#define CODE_MAX 4096u
#define PLAN_MAX 1024u
#define DEPTH_MAX 48u
#define LINE_SIZE 2048u

struct stack
{
  uintptr_t at[DEPTH_MAX];
  size_t n;
  bool whole;          /* go on behind the innermost function of the program */
  bool found, ours;    /* that function was met, and is the code's under test */
};

static struct { uintptr_t begin, end; bool tool; } code[CODE_MAX];
static size_t n_code;
static uintptr_t image_begin, image_end;
static unsigned long plan[PLAN_MAX];
static size_t n_plan;
static bool planned, later;
static int log_fd = -1, messages = -1;
/* How many tests libcheck has forked, and which of them this process is; 0 = none. */
static unsigned forked, test;
static pid_t runner;
static unsigned long count;
static __thread bool busy __attribute__ ((tls_model ("initial-exec")));

static void *(*next_malloc) (size_t);
static void *(*next_calloc) (size_t, size_t);
static void *(*next_realloc) (void *, size_t);
static void *(*next_aligned) (size_t, size_t);
static pid_t (*next_fork) (void);
static int (*next_mkstemp) (char *);
static int (*leaks) (void);

/* The first caller comes before any constructor. */
static void
resolve (void)
{
  next_malloc = dlsym (RTLD_NEXT, "malloc");
  next_calloc = dlsym (RTLD_NEXT, "calloc");
  next_realloc = dlsym (RTLD_NEXT, "realloc");
  next_aligned = dlsym (RTLD_NEXT, "aligned_alloc");
  next_fork = dlsym (RTLD_NEXT, "fork");
  next_mkstemp = dlsym (RTLD_NEXT, "mkstemp");
  /* Where it is missing, that is put into words, which are allocated. */
  leaks = dlsym (RTLD_DEFAULT, "__lsan_do_recoverable_leak_check");
}

static _Unwind_Reason_Code
look (struct _Unwind_Context *context, void *data)
{
  struct stack *s = data;
  uintptr_t at = _Unwind_GetIP (context);
  size_t i;

  if (at < image_begin || at >= image_end)
    return s->n < DEPTH_MAX ? _URC_NO_REASON : _URC_END_OF_STACK;
  at -= image_begin + 1;
  for (i = 0; i < n_code && (at < code[i].begin || at >= code[i].end); i++)
    ;
  if (!s->found && (i == n_code || !code[i].tool))
    {
      s->found = true;
      s->ours = i < n_code;
    }
  if (s->n < DEPTH_MAX)
    s->at[s->n++] = at;
  return (s->whole || !s->found) && s->n < DEPTH_MAX ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static void
note (const char *what, unsigned long number, const struct stack *s)
{
  char line[LINE_SIZE];
  size_t len, i;

  len = (size_t) snprintf (line, sizeof line, "%d %s %u %lu", (int) getpid (), what, test, number);
  for (i = 0; i < s->n; i++)
    len += (size_t) snprintf (line + len, sizeof line - len, " %lx", (unsigned long) s->at[i]);
  line[len++] = '\n';
  (void) !write (log_fd, line, len);
}

/* Whether this allocation is one that fails. */
static bool
starve (void)
{
  struct stack s = { .n = 0 };
  unsigned long number;
  uintptr_t hash;
  size_t i;
  bool fail;
  int error = errno;

  if (!next_malloc)
    resolve ();
  if (!test || busy)
    return false;
  busy = true;
  s.whole = !planned;
  (void) _Unwind_Backtrace (look, &s);
  number = s.ours ? __atomic_add_fetch (&count, 1, __ATOMIC_RELAXED) : 0;
  fail = s.ours && planned && (number == plan[test - 1] || (later && number > plan[test - 1]));
  if (fail && number == plan[test - 1])
    {
      s = (struct stack) { .whole = true };
      (void) _Unwind_Backtrace (look, &s);
      note ("fired", number, &s);
    }
  if (s.ours && !planned)
    {
      for (hash = 0xcbf29ce484222325u, i = 0; i < s.n; i++)
        hash = (hash ^ s.at[i]) * 0x100000001b3u;
      s.at[0] = hash;
      s.n = 1;
      note ("alloc", number, &s);
    }
  busy = false;
  errno = fail ? ENOMEM : error;
  return fail;
}

void *
malloc (size_t size)
{
  return starve () ? NULL : next_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  return starve () ? NULL : next_calloc (n, size);
}

void *
realloc (void *p, size_t size)
{
  return starve () ? NULL : next_realloc (p, size);
}

void *
reallocarray (void *p, size_t n, size_t size)
{
  if (__builtin_mul_overflow (n, size, &size))
    {
      errno = ENOMEM;
      return NULL;
    }
  return realloc (p, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  return starve () ? NULL : next_aligned (alignment, size);
}

int
posix_memalign (void **ret, size_t alignment, size_t size)
{
  void *p = aligned_alloc (alignment, size);

  if (!p)
    return ENOMEM;
  *ret = p;
  return 0;
}

char *
strndup (const char *s, size_t len)
{
  char *p;

  len = strnlen (s, len);
  p = malloc (len + 1);
  if (p)
    {
      memcpy (p, s, len);
      p[len] = '\0';
    }
  return p;
}

char *
strdup (const char *s)
{
  return strndup (s, strlen (s));
}

/* The file by which the children of libcheck say how they fare. */
int
mkstemp (char *name)
{
  if (!next_malloc)
    resolve ();
  messages = next_mkstemp (name);
  return messages;
}

/* Each child of the runner is a test, from its setup to its teardown. */
pid_t
fork (void)
{
  /* A message of libcheck: the context (0) is a test (2).  It wants to hear at least one. */
  static const unsigned char began[8] = { [7] = 2 };
  bool by_runner = getpid () == runner;
  pid_t pid;

  if (!next_malloc)
    resolve ();
  forked += by_runner;
  pid = next_fork ();
  if (pid != 0 || !by_runner)
    return pid;
  if (planned && (forked > n_plan || !plan[forked - 1]))
    {
      (void) !write (messages, began, sizeof began);
      syscall (SYS_exit_group, EXIT_SUCCESS);
    }
  test = forked;
  return 0;
}

/* libcheck ends a test that failed by this: what the code under test has lost is not reachable
   from the stack of the test, which is still there. */
void
_exit (int status)
{
  if (test && status == EXIT_FAILURE && leaks)
    {
      busy = true;
      (void) leaks ();
    }
  syscall (SYS_exit_group, status);
  __builtin_unreachable ();
}

static void
crash (int number)
{
  struct stack s = { .whole = true };

  busy = true;
  (void) _Unwind_Backtrace (look, &s);
  note ("crash", (unsigned long) number, &s);
  (void) raise (number);
}

static int
find_image (struct dl_phdr_info *info, size_t size, void *data)
{
  int i;

  (void) size;
  (void) data;
  image_begin = info->dlpi_addr;
  for (i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_LOAD)
      image_end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
  return 1;  /* the first is the program */
}

static void
read_files (const char *code_path, const char *plan_path)
{
  FILE *f = fopen (code_path, "re");
  unsigned long begin, end;
  int tool;

  while (f && n_code < CODE_MAX && fscanf (f, "%lx %lx %d", &begin, &end, &tool) == 3)
    {
      code[n_code].begin = begin;
      code[n_code].end = end;
      code[n_code++].tool = tool;
    }
  if (f)
    (void) fclose (f);
  f = plan_path ? fopen (plan_path, "re") : NULL;
  while (f && n_plan < PLAN_MAX && fscanf (f, "%lu", &plan[n_plan]) == 1)
    n_plan++;
  if (f)
    (void) fclose (f);
  planned = plan_path != NULL;
}

static __attribute__ ((constructor)) void
start (void)
{
  static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
  const char *code_path = getenv ("STARVE_CODE"), *log_path = getenv ("STARVE_LOG");
  struct sigaction act = { .sa_handler = crash, .sa_flags = (int) SA_RESETHAND };
  size_t i;

  if (!code_path || !log_path)
    return;
  (void) dl_iterate_phdr (find_image, NULL);
  read_files (code_path, getenv ("STARVE_PLAN"));
  later = getenv ("STARVE_LATER") != NULL;
  log_fd = open (log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  runner = getpid ();
  for (i = 0; !leaks && i < sizeof signals / sizeof signals[0]; i++)
    (void) sigaction (signals[i], &act, NULL);
  /* Programs that tests run are none of this. */
  (void) unsetenv ("LD_PRELOAD");
}
