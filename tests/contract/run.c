/* Operations on a fake host, and what they told as lines.  */
#include <config.h>

#include "tests/contract/run.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* ---- Operations ---- */

struct usher_fake *
run_new (const struct usher_kv *conf, usher_fake_http_fn *http, void *arg)
{
  struct usher_fake *fake = usher_fake_new ();

  for (; conf->key; conf++)
    usher_fake_conf (fake, conf->key, conf->value);
  usher_fake_secret (fake, "token", "t0p-secret");
  usher_fake_http (fake, http, arg);
  return fake;
}

static int32_t
begin (struct usher_fake *fake, const char *spec)
{
  return usher_fake_open (fake, usher_connector_v1 (), "app", spec);
}

static int32_t
end (struct usher_fake *fake, int32_t r)
{
  usher_fake_close (fake);
  ck_assert_msg (!usher_fake_broken (fake), "%s", usher_fake_broken (fake));
  ck_assert_uint_eq (usher_fake_open_left (fake), 0);
  return r;
}

int32_t
run_check (struct usher_fake *fake, const char *spec)
{
  int32_t r = begin (fake, spec);

  return end (fake, r < 0 ? r : usher_fake_check (fake));
}

int32_t
run_list (struct usher_fake *fake, const char *spec, const void *cursor, size_t len)
{
  int32_t r = begin (fake, spec);

  return end (fake, r < 0 ? r : usher_fake_list (fake, USHER_FAKE_ALL, cursor, len));
}

int32_t
run_read (struct usher_fake *fake, const char *spec, const struct usher_member *who)
{
  size_t before = usher_fake_count (fake, USHER_FAKE_MEMBER), rows;
  int32_t r = begin (fake, spec);

  r = end (fake, r < 0 ? r : usher_fake_read (fake, who));
  rows = usher_fake_count (fake, USHER_FAKE_MEMBER) - before;
  ck_assert_msg (rows == (r == USHER_DONE), "a read that answers %d emits %zu rows", r, rows);
  return r;
}

static usher_write *
slot (const struct usher_connector *c, enum run_write which)
{
  switch (which)
    {
    case RUN_INVITE: return c->invite;
    case RUN_SET_ROLE: return c->set_role;
    case RUN_REMOVE: return c->remove;
    }
  return NULL;
}

int32_t
run_write (struct usher_fake *fake, const char *spec, enum run_write which,
           const struct usher_change *change)
{
  size_t before = usher_fake_count (fake, USHER_FAKE_MEMBER), rows;
  int32_t r = begin (fake, spec);

  if (r >= 0)
    r = usher_fake_write (fake, slot (usher_fake_connector (fake), which), change);
  r = end (fake, r);
  rows = usher_fake_count (fake, USHER_FAKE_MEMBER) - before;
  /* The member as it is then; of a removal nothing. */
  ck_assert_msg (r < 0 || rows == (which != RUN_REMOVE), "a write that answers %d emits %zu rows",
                 r, rows);
  return r;
}

/* ---- Lines ---- */

static const char *
or_dash (const char *s)
{
  return s ? s : "-";
}

static void
put_member (const struct usher_member *m, char *buf, size_t cap)
{
  char roles[1024] = "";

  for (size_t i = 0; i < m->n_roles; i++)
    snprintf (roles + strlen (roles), sizeof roles - strlen (roles), "%s%s", i ? "," : "",
              m->roles[i].value);
  snprintf (buf, cap, "member %s %s %s %s %s %s %lld roles=%s",
            m->state == USHER_ACTIVE ? "active" : m->state == USHER_DISABLED ? "disabled" : "other",
            or_dash (m->id), or_dash (m->username), or_dash (m->email), or_dash (m->first_name),
            or_dash (m->last_name), (long long) m->created_ms, roles);
}

bool
run_line_of (const struct usher_fake_event *e, char *buf, size_t cap)
{
  switch (e->kind)
    {
    case USHER_FAKE_SECTION:
      snprintf (buf, cap, "section %u %s", e->number, or_dash (e->text));
      return true;
    case USHER_FAKE_SECTION_END:
      snprintf (buf, cap, "end %s %lld %s", e->number == USHER_COMPLETE ? "complete" : "partial",
                (long long) e->total, or_dash (e->text));
      return true;
    case USHER_FAKE_MEMBER:
      put_member (e->member, buf, cap);
      return true;
    case USHER_FAKE_ROLE:
      snprintf (buf, cap, "role %s %s %s", e->role->id, or_dash (e->role->label),
                e->role->flags & USHER_R_ASSIGNABLE ? "assignable" : "-");
      return true;
    case USHER_FAKE_OBJECT:
      snprintf (buf, cap, "object %s %s", e->object->id, or_dash (e->object->name));
      return true;
    case USHER_FAKE_ACCESS:
      snprintf (buf, cap, "access %s %s %s", or_dash (e->member->id), or_dash (e->access->asset),
                or_dash (e->access->role));
      return true;
    case USHER_FAKE_ROLE_OF:
      snprintf (buf, cap, "role-of %s %s", or_dash (e->member->id), e->text);
      return true;
    case USHER_FAKE_FACT:
      snprintf (buf, cap, "fact %s %s", e->key, e->text);
      return true;
    default:
      return false;
    }
}

size_t
run_count (const struct usher_fake *fake, const char *prefix)
{
  char text[RUN_LINE_MAX];
  size_t n = 0;

  for (size_t i = 0; i < usher_fake_events (fake); i++)
    n += run_line_of (usher_fake_event (fake, i), text, sizeof text)
         && strncmp (text, prefix, strlen (prefix)) == 0;
  return n;
}

const char *
run_line (const struct usher_fake *fake, const char *prefix, char *buf, size_t cap)
{
  for (size_t i = 0; i < usher_fake_events (fake); i++)
    if (run_line_of (usher_fake_event (fake, i), buf, cap)
        && strncmp (buf, prefix, strlen (prefix)) == 0)
      return buf;
  return "";
}
