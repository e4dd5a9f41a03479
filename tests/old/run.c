/* Runs the connectors of former releases in today's host.  run FOLDER-OF-THIS-FILE  */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/fakehost.h>

#define CHECK(cond) \
  do \
    if (!(cond)) \
      { \
        fprintf (stderr, "old: line %d: %s does not hold\n", __LINE__, #cond); \
        exit (EXIT_FAILURE); \
      } \
  while (0)

#define URL "https://museum.example.com/members"

typedef const struct usher_connector *entry_fn (void);

#if defined __x86_64__ && defined __LP64__ && defined __linux__ && defined __GLIBC__
#define ARCH "x86_64-linux-gnu"
#else
#define ARCH NULL
#endif

static void
answer (void *arg, const struct usher_request *request, struct usher_fake_answer *ret)
{
  static const char list[] = "1 ada@example.com admin\n2 bob@example.com member\n";

  (void) arg;
  ret->status = 401;
  if (request->n_headers == 1 && strcmp (request->headers[0].value, "t0p") == 0)
    {
      ret->status = 200;
      ret->body = strcmp (request->method, "POST") == 0 ? "full" : list;
      ret->body_len = strlen (ret->body);
    }
}

static void
run (const char *file)
{
  struct usher_member who = { .size = sizeof who, .state = USHER_ACTIVE, .id = "2",
                              .email = "bob@example.com" };
  const struct usher_kv role = { "role", "member" };
  const struct usher_change change = { .size = sizeof change, .attempt = 1, .member = &who,
                                       .roles = &role, .n_roles = 1, .key = "k" };
  struct usher_fake *fake = usher_fake_new ();
  void *so = dlopen (file, RTLD_NOW | RTLD_LOCAL);
  entry_fn *entry;

  if (!so)
    fprintf (stderr, "old: %s\n", dlerror ());
  CHECK (so);
  *(void **) &entry = dlsym (so, "usher_connector_v1");
  CHECK (entry);
  usher_fake_http (fake, answer, NULL);
  usher_fake_chunk (fake, 7);
  CHECK (usher_fake_open (fake, entry (), "museum", "{}") == USHER_E_CONFIG);
  usher_fake_conf (fake, "room", "a");
  usher_fake_conf (fake, "room", "b");
  CHECK (usher_fake_open (fake, entry (), "museum", "{}") == USHER_DONE);
  CHECK (usher_fake_check (fake) == USHER_E_TOKEN);
  usher_fake_secret (fake, "token", "t0p");
  CHECK (usher_fake_check (fake) == USHER_DONE);
  CHECK (strcmp (usher_fake_last (fake, USHER_FAKE_FACT)->text, "museum") == 0);
  CHECK (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0) == USHER_DONE);
  CHECK (usher_fake_count (fake, USHER_FAKE_MEMBER) == 2);
  CHECK (strcmp (usher_fake_member (fake, "1")->roles[0].value, "admin") == 0);
  CHECK (usher_fake_last (fake, USHER_FAKE_SECTION_END)->total == 2);
  CHECK (usher_fake_read (fake, &who) == USHER_DONE);
  who.id = "3";
  CHECK (usher_fake_read (fake, &who) == USHER_ABSENT);
  CHECK (usher_fake_write (fake, usher_fake_connector (fake)->invite, &change) == USHER_E_SEATS);
  CHECK (usher_fake_write (fake, usher_fake_connector (fake)->remove, &change) == USHER_E_UNSUPPORTED);
  usher_fake_clear (fake);
  usher_fake_cancel (fake, 1);
  CHECK (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0) == USHER_E_CANCELLED);
  CHECK (usher_fake_fired (fake) && !usher_fake_broken (fake));
  usher_fake_free (fake);
}

int
main (int argc, char **argv)
{
  const char *arch = ARCH;
  char file[4096];

  CHECK (argc == 2);
  if (!arch)
    {
      puts ("SKIP: no connectors of former releases are kept for this architecture");
      return 77;
    }
  (void) snprintf (file, sizeof file, "%s/%s/1.0/museum.so", argv[1], arch);
  run (file);
  return EXIT_SUCCESS;
}
