/* Loads a connector: reads the file, dlopen, asks the one symbol, checks what it
   answers.  Called once the process is confined, because constructors of the file run
   here. */
#ifndef USHER_WORKER_LOAD_H
#define USHER_WORKER_LOAD_H

#include <usher/connector.h>

#include "host/common/base.h"

#define LOAD_TEXT_MAX 1024u
#define LOAD_DIRS_MAX 8u

/* Folders given by --library-dir: NULL-terminated, borrowed. */
struct load_dirs
{
  const char *v[LOAD_DIRS_MAX + 1];
  size_t n;
};

struct connector
{
  struct usher_connector table;  /* as much as the connector has, the rest 0 */
  char name[128], version[128];  /* its strings, made safe to show */
};

/* 0 and *RET, or -1 and a sentence in TEXT (LOAD_TEXT_MAX bytes) that says what is wrong
   with the file at PATH. */
int load_connector (const char *path, const struct load_dirs *dirs, struct connector *ret,
                    char *text);

/* The operations that C has, as words: the next at or after *AT (starts at 0), NULL at
   the end. */
const char *load_operation (const struct connector *c, size_t *at);

#endif
