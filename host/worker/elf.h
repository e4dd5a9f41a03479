/* What a shared object says of itself, read before dlopen runs its constructors. */
#ifndef USHER_WORKER_ELF_H
#define USHER_WORKER_ELF_H

#include "host/common/base.h"

#define ELF_NEEDED_MAX 32u

struct elf_object
{
  bool exports;                        /* it defines the function asked for */
  const char *needed[ELF_NEEDED_MAX];  /* names of the libraries it asks for; borrowed from
                                          the bytes */
  size_t n_needed;
};

/* Reads the LEN bytes of a file, which stay the caller's and need no alignment.
   -ENOEXEC when they are no shared object for the machine this runs on, -EBADMSG when
   their tables lead out of the file. */
int elf_read (const void *p, size_t len, const char *symbol, struct elf_object *ret);

#endif
