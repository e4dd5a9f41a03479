/* Gives each file of a corpus to a fuzz target: the part of fuzzing that make check does.
   Files are the arguments, folders are walked.  */
#include <config.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_MAX 1048576u

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t len);

static unsigned
replay (const char *path)
{
  static uint8_t data[INPUT_MAX];
  FILE *f = fopen (path, "rbe");
  size_t len;

  if (!f)
    {
      perror (path);
      exit (EXIT_FAILURE);
    }
  len = fread (data, 1, sizeof data, f);
  fclose (f);
  (void) LLVMFuzzerTestOneInput (data, len);
  return 1;
}

static unsigned
walk (const char *path)
{
  char file[4096];
  struct dirent *e;
  unsigned n = 0;
  DIR *d = opendir (path);

  if (!d)
    return replay (path);
  while ((e = readdir (d)))
    if (e->d_name[0] != '.')
      {
        (void) snprintf (file, sizeof file, "%s/%s", path, e->d_name);
        n += replay (file);
      }
  closedir (d);
  return n;
}

int
main (int argc, char **argv)
{
  unsigned n = 0;
  int i;

  for (i = 1; i < argc; i++)
    n += walk (argv[i]);
  printf ("%u inputs\n", n);
  return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
