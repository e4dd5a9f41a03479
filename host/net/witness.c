/* Owns the record of requests a section that were not answered well. */
#include <config.h>

#include "host/net/witness.h"

#include <stdio.h>

#include "host/common/text.h"

#define TYPE_MAX 128u

struct bad
{
  enum witness_flaw flaw;
  char *request;   /* owned: "GET https://..."; NULL = cannot be made good */
  char *why;       /* owned */
};

struct witness_section
{
  struct witness_section *next;  /* owned */
  uint32_t ordinal;
  uint64_t requests, bytes;
  uint64_t beyond[4];            /* flaws that found no room in the list */
  char type[TYPE_MAX];           /* the first one seen, "" = none yet */
  struct bad bad[WITNESS_BAD_MAX];
  size_t n_bad;
};

static void
section_free (struct witness_section *s)
{
  size_t i;

  for (i = 0; i < s->n_bad; i++)
    {
      free (s->bad[i].request);
      free (s->bad[i].why);
    }
  free (s);
}

void
witness_done (struct witness *w)
{
  while (w->sections)
    {
      struct witness_section *s = w->sections;

      w->sections = s->next;
      section_free (s);
    }
  w->n = 0;
}

static struct witness_section *
find (const struct witness *w, uint32_t ordinal)
{
  struct witness_section *s;

  for (s = ordinal ? w->sections : NULL; s; s = s->next)
    if (s->ordinal == ordinal)
      return s;
  return NULL;
}

static void
drop_oldest (struct witness *w)
{
  struct witness_section **at = &w->sections;

  while ((*at)->next)
    at = &(*at)->next;
  section_free (TAKE (*at));
  w->n--;
}

int
witness_request (struct witness *w, uint32_t ordinal)
{
  struct witness_section *s = find (w, ordinal);

  if (!ordinal)
    return 0;
  if (!s)
    {
      s = calloc (1, sizeof *s);
      if (!s)
        return -ENOMEM;
      if (w->n == WITNESS_SECTIONS_MAX)
        drop_oldest (w);
      s->ordinal = ordinal;
      s->next = w->sections;
      w->sections = s;
      w->n++;
    }
  s->requests++;
  return 0;
}

void
witness_bytes (struct witness *w, uint32_t ordinal, size_t n)
{
  struct witness_section *s = find (w, ordinal);

  if (s)
    s->bytes += n;
}

bool
witness_type (struct witness *w, uint32_t ordinal, const char *content_type)
{
  struct witness_section *s = find (w, ordinal);
  char type[TYPE_MAX];
  size_t len;

  if (!s || !content_type)
    return true;
  len = MIN (strcspn (content_type, "; \t"), sizeof type - 1);
  memcpy (type, content_type, len);
  type[len] = '\0';
  ascii_lower (type);
  if (!s->type[0])
    memcpy (s->type, type, sizeof type);
  return streq (s->type, type);
}

static bool
is_request (const char *request, const char *method, const char *url)
{
  size_t n = strlen (method);

  return request && strncmp (request, method, n) == 0 && request[n] == ' '
         && streq (request + n + 1, url);
}

void
witness_bad (struct witness *w, uint32_t ordinal, enum witness_flaw flaw, const char *method,
             const char *url, const char *why)
{
  struct witness_section *s = find (w, ordinal);
  struct bad *b;
  size_t i;

  if (!s)
    return;
  /* A request counts once, with its first reason. */
  for (i = 0; i < s->n_bad; i++)
    if (is_request (s->bad[i].request, method, url))
      return;
  if (s->n_bad == WITNESS_BAD_MAX)
    {
      s->beyond[flaw]++;
      return;
    }
  b = &s->bad[s->n_bad++];
  b->flaw = flaw;
  b->why = strdup (why);
  /* Without memory it stays a flaw that nothing makes good, which errs to the safe side. */
  if (asprintf (&b->request, "%s %s", method, url) < 0)
    b->request = NULL;
}

void
witness_good (struct witness *w, uint32_t ordinal, const char *method, const char *url)
{
  struct witness_section *s = find (w, ordinal);
  size_t i, kept = 0;

  for (i = 0; s && i < s->n_bad; i++)
    if (is_request (s->bad[i].request, method, url))
      {
        free (s->bad[i].request);
        free (s->bad[i].why);
      }
    else
      s->bad[kept++] = s->bad[i];
  if (s)
    s->n_bad = kept;
}

void
witness_tally (const struct witness *w, uint32_t ordinal, struct wire_tally *ret)
{
  const struct witness_section *s = find (w, ordinal);
  uint64_t n[4] = { 0 };
  size_t i;

  *ret = (struct wire_tally) { .ordinal = ordinal };
  if (!s)
    return;
  memcpy (n, s->beyond, sizeof n);
  for (i = 0; i < s->n_bad; i++)
    n[s->bad[i].flaw]++;
  ret->requests = s->requests;
  ret->bytes = s->bytes;
  ret->refused = n[WITNESS_REFUSED];
  ret->short_bodies = n[WITNESS_SHORT];
  ret->foreign_redirects = n[WITNESS_FOREIGN_REDIRECT];
  ret->odd_types = n[WITNESS_ODD_TYPE];
  if (s->n_bad)
    ret->why = s->bad[0].why;
}

uint32_t
witness_doubt (const struct witness *w)
{
  const struct witness_section *s = w->sections;
  size_t i;

  if (!s)
    return 0;
  for (i = 0; i < ARRAY_SIZE (s->beyond); i++)
    if (s->beyond[i])
      return s->ordinal;
  return s->n_bad ? s->ordinal : 0;
}

void
witness_forget (struct witness *w, uint32_t ordinal)
{
  struct witness_section **at = &w->sections;

  while (*at && (*at)->ordinal != ordinal)
    at = &(*at)->next;
  if (*at)
    {
      struct witness_section *s = *at;

      *at = s->next;
      section_free (s);
      w->n--;
    }
}
