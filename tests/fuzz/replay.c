/* A plain main for a fuzz target: runs LLVMFuzzerTestOneInput on the files and folders
   named on the command line, or, with none, on the corpus of the program fuzz-NAME in
   tests/fuzz/NAME.in, and on every beginning of each file.  With -fsanitize=fuzzer the main of
   libFuzzer takes its place. */
#include <config.h>

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/common/base.h"
#include "host/common/buf.h"
#include "host/common/io.h"

#define INPUT_MAX (4u * 1024 * 1024)
/* Longer files are replayed whole only. */
#define CUT_MAX 4096u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
/* The first thing of those that a target has to reach which no input reached; NULL = there is none.
   Targets that have no list of things leave it out. */
const char *fuzz_missed (void) __attribute__ ((weak));

int LLVMFuzzerInitialize (int *argc, char ***argv);

static void
tell_missed (void)
{
  const char *missed = fuzz_missed ();

  (void) fprintf (stderr, "stat::reached: %s%s\n", missed ? "all but " : "all", missed ? missed : "");
}

/* libFuzzer calls it; what it has reached is told with its other numbers. */
int
LLVMFuzzerInitialize (int *argc _unused_, char ***argv _unused_)
{
  return fuzz_missed ? atexit (tell_missed) : 0;
}

/* Runs on a copy of exactly LEN bytes, so that a sanitizer sees the edge. */
static void
run (const char *p, size_t len)
{
  uint8_t *exact = malloc (len ? len : 1);

  if (!exact)
    abort ();
  if (len)
    memcpy (exact, p, len);
  (void) LLVMFuzzerTestOneInput (exact, len);
  free (exact);
}

static int
replay_file (const char *path)
{
  _cleanup_ (buf_done) struct buf in = BUF_INIT (INPUT_MAX);
  size_t n;
  int r;

  r = io_read_file (path, &in);
  if (r < 0)
    {
      (void) fprintf (stderr, "%s: %s\n", path, strerror (-r));
      return -1;
    }
  run (in.data, in.len);
  for (n = 0; in.len <= CUT_MAX && n < in.len; n++)
    run (in.data, n);
  return 1;
}

/* Files replayed below PATH, or -1. */
static int
replay (const char *path)
{
  const struct dirent *e;
  struct stat st;
  int total = 0;
  DIR *dir;

  if (stat (path, &st) == 0 && !S_ISDIR (st.st_mode))
    return replay_file (path);
  dir = opendir (path);
  if (!dir)
    {
      perror (path);
      return -1;
    }
  while (total >= 0 && (e = readdir (dir)))
    {
      char file[PATH_MAX];
      int n;

      if (e->d_name[0] == '.')
        continue;
      (void) snprintf (file, sizeof file, "%s/%s", path, e->d_name);
      n = replay_file (file);
      total = n < 0 ? -1 : total + n;
    }
  (void) closedir (dir);
  return total;
}

int main (int argc, char **argv) __attribute__ ((weak));

int
main (int argc, char **argv)
{
  const char *name = strrchr (argv[0], '/'), *srcdir = getenv ("srcdir");
  char folder[PATH_MAX];
  int i, n, total = 0;

  for (i = 1; i < argc; i++)
    {
      n = replay (argv[i]);
      if (n < 0)
        return EXIT_FAILURE;
      total += n;
    }
  if (argc == 1)
    {
      name = name ? name + 1 : argv[0];
      /* libtool runs lt-fuzz-NAME. */
      name += strncmp (name, "lt-", 3) == 0 ? 3 : 0;
      name += strncmp (name, "fuzz-", 5) == 0 ? 5 : 0;
      (void) snprintf (folder, sizeof folder, "%s/tests/fuzz/%s.in", srcdir ? srcdir : ".", name);
      total = replay (folder);
    }
  if (total <= 0)
    {
      (void) fprintf (stderr, "%s: no corpus\n", argv[0]);
      return EXIT_FAILURE;
    }
  if (argc == 1 && fuzz_missed && fuzz_missed ())
    {
      (void) fprintf (stderr, "%s: no input in %s reaches %s\n", argv[0], folder, fuzz_missed ());
      return EXIT_FAILURE;
    }
  (void) printf ("%d inputs\n", total);
  return EXIT_SUCCESS;
}
