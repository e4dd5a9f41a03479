/* Owns the list of what a worker can still open. */
#include <config.h>

#include "host/worker/confine.h"

#include "host/common/landlock.h"

static int
allow_all (int ruleset, const char *connector, const struct load_dirs *dirs)
{
  static const char *const libraries[] = { "/usr/lib", "/usr/lib64", "/lib", "/lib64", LIBDIR };
  /* What the loader looks up, and where jansson takes the seed of its hashes from. */
  static const char *const files[] = { "/etc/ld.so.cache", "/dev/urandom" };
  const char *slash = strrchr (connector, '/');
  _cleanup_ (freep) char *folder = strndup (connector, slash ? (size_t) (slash - connector) : 0);
  size_t i;
  int r = 0;

  if (!folder)
    return -ENOMEM;
  for (i = 0; r == 0 && i < ARRAY_SIZE (libraries); i++)
    r = landlock_allow (ruleset, libraries[i], LANDLOCK_RUN);
  for (i = 0; r == 0 && i < ARRAY_SIZE (files); i++)
    r = landlock_allow (ruleset, files[i], LANDLOCK_READ);
  for (i = 0; r == 0 && i < dirs->n; i++)
    r = landlock_allow (ruleset, dirs->v[i], LANDLOCK_RUN);
  /* A name without a folder is refused by the loader, and needs no rule. */
  return r < 0 || !slash ? r : landlock_allow (ruleset, *folder ? folder : "/", LANDLOCK_RUN);
}

int
landlock_confine (const char *connector, const struct load_dirs *dirs)
{
  _cleanup_ (closep) int ruleset = landlock_open ();
  int r;

  if (ruleset < 0)
    return ruleset;
  r = allow_all (ruleset, connector, dirs);
  return r < 0 ? r : landlock_restrict (ruleset);
}
