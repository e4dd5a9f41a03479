/* Addresses and filters.  What the app calls an id is text of a stranger: it is escaped wherever
   it goes, and one that would change the path (empty, "." or "..") is refused.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

bool
scim_id_ok (const char *id)
{
  return id && *id && strlen (id) <= SCIM_ID_MAX && strcmp (id, ".") != 0
         && strcmp (id, "..") != 0;
}

static void
put_kind (struct text *t, const struct scim *s, const char *kind)
{
  text_puts (t, s->base);
  text_puts (t, "/");
  text_puts (t, kind);
}

char *
scim_url (const struct scim *s, const char *kind, const char *id)
{
  struct text t = { 0 };

  put_kind (&t, s, kind);
  if (id)
    {
      if (!scim_id_ok (id))
        {
          text_done (&t);
          return NULL;
        }
      text_puts (&t, "/");
      text_put_percent (&t, id);
    }
  return text_steal (&t);
}

char *
scim_url_page (const struct scim *s, const char *kind, uint64_t start, const char *cursor,
               uint64_t count)
{
  struct text t = { 0 };

  put_kind (&t, s, kind);
  if (cursor)
    {
      text_puts (&t, "?cursor=");
      text_put_percent (&t, cursor);
    }
  else
    {
      text_puts (&t, "?startIndex=");
      text_put_u64 (&t, start);
    }
  text_puts (&t, "&count=");
  text_put_u64 (&t, count);
  if (strcmp (kind, "Groups") == 0)
    text_puts (&t, "&excludedAttributes=members");
  return text_steal (&t);
}

char *
scim_url_filter (const struct scim *s, const char *kind, const char *attribute,
                 const char *value)
{
  struct text t = { 0 }, filter = { 0 };
  char *f;

  text_puts (&filter, attribute);
  text_puts (&filter, " eq ");
  text_put_quoted (&filter, value);
  f = text_steal (&filter);
  if (!f)
    return NULL;
  put_kind (&t, s, kind);
  text_puts (&t, "?filter=");
  text_put_percent (&t, f);
  free (f);
  return text_steal (&t);
}

char *
scim_member_path (const char *id)
{
  struct text t = { 0 };

  text_puts (&t, "members[value eq ");
  text_put_quoted (&t, id);
  text_puts (&t, "]");
  return text_steal (&t);
}
