/* Owns the checks between a file and a table of operations. */
#include <config.h>

#include "host/worker/load.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "host/common/text.h"
#include "host/worker/elf.h"

#define ENTRY "usher_connector_v1"
#define FILE_MAX (256u * 1024 * 1024)

#define OPERATION(field, required) { #field, offsetof (struct usher_connector, field), (required) }

static const struct
{
  const char *name;
  size_t offset;
  bool required;
} operations[] = {
  OPERATION (open, true), OPERATION (close, true), OPERATION (login, false),
  OPERATION (check, true), OPERATION (list, true), OPERATION (read, false),
  OPERATION (invite, false), OPERATION (set_role, false), OPERATION (set_access, false),
  OPERATION (remove, false), OPERATION (resend, false),
};

static int _printf_ (2, 3)
wrong (char *text, const char *fmt, ...)
{
  char raw[LOAD_TEXT_MAX];
  va_list ap;

  va_start (ap, fmt);
  (void) vsnprintf (raw, sizeof raw, fmt, ap);
  va_end (ap);
  utf8_clean (raw, text, LOAD_TEXT_MAX);
  return -1;
}

static bool
has_operation (const struct usher_connector *c, size_t i)
{
  void (*f) (void);

  memcpy (&f, (const char *) c + operations[i].offset, sizeof f);
  return f;
}

const char *
load_operation (const struct connector *c, size_t *at)
{
  while (*at < ARRAY_SIZE (operations))
    {
      size_t i = (*at)++;

      if (has_operation (&c->table, i))
        return operations[i].name;
    }
  return NULL;
}

/* A library that PATH needs and that lies in one of DIRS is loaded by its path, so that
   the loader finds it under its name: an uninstalled build has no other way without an
   environment. */
static void
load_needed (const struct elf_object *object, const struct load_dirs *dirs)
{
  char path[PATH_MAX];
  size_t i, k;

  for (i = 0; i < object->n_needed; i++)
    for (k = 0; k < dirs->n && !strchr (object->needed[i], '/'); k++)
      {
        (void) snprintf (path, sizeof path, "%s/%s", dirs->v[k], object->needed[i]);
        if (access (path, R_OK) == 0 && dlopen (path, RTLD_NOW | RTLD_LOCAL))
          break;
      }
}

static int
map_file (const char *path, void **ret, size_t *ret_len, char *text)
{
  _cleanup_ (closep) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat st;
  void *p;

  if (fd < 0 || fstat (fd, &st) < 0)
    return wrong (text, "%s cannot be opened: %s", path, strerror (errno));
  if (!S_ISREG (st.st_mode) || st.st_size == 0 || st.st_size > FILE_MAX)
    return wrong (text, "%s is not a shared object", path);
  p = mmap (NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (p == MAP_FAILED)
    return wrong (text, "%s cannot be read: %s", path, strerror (errno));
  *ret = p;
  *ret_len = (size_t) st.st_size;
  return 0;
}

/* Looks at the file before any of its code runs. */
static int
read_file (const char *path, const struct load_dirs *dirs, char *text)
{
  struct elf_object object;
  void *p = NULL;
  size_t len = 0;
  int r;

  r = map_file (path, &p, &len, text);
  if (r < 0)
    return r;
  r = elf_read (p, len, ENTRY, &object);
  if (r == -ENOEXEC)
    r = wrong (text, "%s is not a shared object for this machine", path);
  else if (r < 0)
    r = wrong (text, "%s is damaged: its symbols cannot be read", path);
  else if (!object.exports)
    r = wrong (text, "%s is not a connector: it does not export " ENTRY, path);
  else
    load_needed (&object, dirs);
  (void) munmap (p, len);
  return r;
}

static int
check_abi (const char *path, const struct usher_abi *abi, char *text)
{
  const size_t least = offsetof (struct usher_connector, read);

  if (abi->magic != USHER_MAGIC)
    return wrong (text, "%s has the magic number %08x, which is not that of a connector", path,
                  abi->magic);
  if (abi->major != USHER_MAJOR)
    return wrong (text, "%s is built for version %u of the connector ABI, this host has %d", path,
                  abi->major, USHER_MAJOR);
  if (abi->min_minor > USHER_MINOR)
    return wrong (text, "%s needs version %d.%u of the connector ABI, this host has %d.%d: "
                  "install a newer Usher", path, USHER_MAJOR, abi->min_minor, USHER_MAJOR,
                  USHER_MINOR);
  if (abi->size < least)
    return wrong (text, "%s says that its table has %u bytes; at least %zu are needed", path,
                  abi->size, least);
  return 0;
}

/* A string of the connector's: bounded and shown as text. */
static bool
take_string (const char *s, char *ret, size_t size)
{
  char raw[128];

  if (!s || !*s)
    return false;
  (void) snprintf (raw, sizeof raw, "%.*s", (int) sizeof raw - 1, s);
  utf8_clean (raw, ret, size);
  return true;
}

static int
check_table (const char *path, struct connector *c, char *text)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (operations); i++)
    if (operations[i].required && !has_operation (&c->table, i))
      return wrong (text, "%s lacks the operation %s", path, operations[i].name);
  if (!take_string (c->table.name, c->name, sizeof c->name))
    return wrong (text, "%s has no name", path);
  if (!take_string (c->table.version, c->version, sizeof c->version))
    return wrong (text, "%s has no version", path);
  return 0;
}

int
load_connector (const char *path, const struct load_dirs *dirs, struct connector *ret, char *text)
{
  const struct usher_connector *(*entry) (void);
  const struct usher_connector *given;
  struct connector c;
  void *object;

  if (path[0] != '/')
    return wrong (text, "%s is not an absolute path", path);
  if (read_file (path, dirs, text) < 0)
    return -1;
  object = dlopen (path, RTLD_NOW | RTLD_LOCAL);
  if (!object)
    return wrong (text, "%s does not load: %s", path, dlerror ());
  *(void **) &entry = dlsym (object, ENTRY);
  if (!entry)
    return wrong (text, "%s is not a connector: it does not export " ENTRY, path);
  given = entry ();
  if (!given)
    return wrong (text, ENTRY " of %s answered NULL", path);
  if (check_abi (path, &given->abi, text) < 0)
    return -1;
  memset (&c, 0, sizeof c);
  memcpy (&c.table, given, MIN (given->abi.size, sizeof c.table));
  if (check_table (path, &c, text) < 0)
    return -1;
  *ret = c;
  return 0;
}
