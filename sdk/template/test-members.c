/* Runs the connector in the fake host of libusher-fakehost: no daemon, no network, no app.
   Each answer that the app would give is told beforehand.  */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher/fakehost.h>

#define CHECK(cond) \
  do \
    if (!(cond)) \
      { \
        fprintf (stderr, "test-members: line %d: %s does not hold\n", __LINE__, #cond); \
        exit (EXIT_FAILURE); \
      } \
  while (0)

#define APP "https://app.example.com"
#define MEMBER "<member id=\"7\" role=\"admin\"><email>ada@example.com</email><name>Ada</name></member>"

int
main (void)
{
  const struct usher_kv role = { "role", "admin" };
  struct usher_member ada = { .size = sizeof ada, .state = USHER_ACTIVE, .id = "7", .email = "ada@example.com" };
  struct usher_change change = { .size = sizeof change, .attempt = 1, .member = &ada, .roles = &role,
                                 .n_roles = 1, .key = "k" };
  struct usher_fake *fake = usher_fake_new ();
  const struct usher_connector *c;

  usher_fake_conf (fake, "base_url", APP);
  CHECK (usher_fake_open (fake, usher_connector_v1 (), "members", "{}") == USHER_DONE);
  c = usher_fake_connector (fake);
  CHECK (usher_fake_check (fake) == USHER_E_SPACE);
  usher_fake_answer (fake, "GET", APP "/members.xml", 200, "application/xml",
                     "<members>" MEMBER "<member id=\"8\"/></members>");
  CHECK (usher_fake_check (fake) == USHER_DONE);
  CHECK (usher_fake_list (fake, USHER_FAKE_ALL, NULL, 0) == USHER_DONE);
  CHECK (usher_fake_count (fake, USHER_FAKE_MEMBER) == 2);
  CHECK (strcmp (usher_fake_member (fake, "7")->email, "ada@example.com") == 0);
  CHECK (usher_fake_last (fake, USHER_FAKE_SECTION_END)->number == USHER_COMPLETE);
  usher_fake_answer (fake, "GET", APP "/members/7.xml", 200, "application/xml", MEMBER);
  CHECK (usher_fake_read (fake, &ada) == USHER_DONE);
  usher_fake_answer (fake, "POST", APP "/members.xml", 201, "application/xml", MEMBER);
  ada.id = NULL;
  CHECK (usher_fake_write (fake, c->invite, &change) == USHER_DONE);
  ada.id = "7";
  usher_fake_answer (fake, "PUT", APP "/members/7.xml", 200, "application/xml", MEMBER);
  CHECK (usher_fake_write (fake, c->set_role, &change) == USHER_DONE);
  usher_fake_answer (fake, "DELETE", APP "/members/7.xml", 204, NULL, "");
  CHECK (usher_fake_write (fake, c->remove, &change) == USHER_DONE);
  usher_fake_answer (fake, "DELETE", APP "/members/7.xml", 404, "application/xml",
                     "<error code=\"no-such-member\"/>");
  CHECK (usher_fake_write (fake, c->remove, &change) == USHER_ALREADY);
  usher_fake_answer (fake, "GET", APP "/members/7.xml", 404, "text/html", "<html/>");
  CHECK (usher_fake_read (fake, &ada) == USHER_E_SHAPE);
  CHECK (usher_fake_write (fake, c->resend, &change) == USHER_E_UNSUPPORTED);
  CHECK (!usher_fake_broken (fake));
  usher_fake_free (fake);
  return EXIT_SUCCESS;
}
