/* Owns a crowd: new members whose people are looked up together, in the order of their
   addresses, because one by one each look-up reads another corner of the index. */
#include <config.h>

#include <endian.h>

#include "host/common/text.h"
#include "host/engine/sync.h"

/* The beginning of an address as a number that sorts alike: near enough to the index. */
struct crowd_order
{
  uint64_t prefix;
  uint32_t index;
};

void
crowd_done (struct crowd *c)
{
  free (c->v);
  free (c->order);
  buf_done (&c->addresses);
  *c = (struct crowd) { .n = 0 };
}

static int
make_room (struct crowd *c)
{
  c->addresses = (struct buf) BUF_INIT (CROWD_MAX * EMAIL_MAX);
  c->v = reallocarray (NULL, CROWD_MAX, sizeof *c->v);
  c->order = reallocarray (NULL, CROWD_MAX, sizeof *c->order);
  return c->v && c->order ? 0 : -ENOMEM;
}

int
crowd_add (struct crowd *c, uint64_t at, const char *address, size_t len)
{
  struct crowd_member *m;
  int r = c->v && c->order ? 0 : make_room (c);

  if (r < 0)
    return r;
  assert (c->n < CROWD_MAX);
  m = &c->v[c->n];
  *m = (struct crowd_member) { .at = at, .address = (uint32_t) c->addresses.len,
                               .address_len = (uint16_t) len };
  buf_put (&c->addresses, address, len);
  c->n += buf_error (&c->addresses) == 0;
  return buf_error (&c->addresses);
}

static int
compare (const void *a, const void *b)
{
  const struct crowd_order *x = a, *y = b;

  return (x->prefix > y->prefix) - (x->prefix < y->prefix);
}

int
crowd_resolve (struct crowd *c, crowd_find_fn *find, void *arg)
{
  uint32_t i;
  int r = 0;

  for (i = 0; i < c->n; i++)
    {
      uint64_t prefix = 0;

      if (c->v[i].address_len)
        memcpy (&prefix, c->addresses.data + c->v[i].address, MIN (c->v[i].address_len, sizeof prefix));
      c->order[i] = (struct crowd_order) { be64toh (prefix), i };
    }
  if (c->n)
    qsort (c->order, c->n, sizeof *c->order, compare);
  for (i = 0; r == 0 && i < c->n; i++)
    {
      struct crowd_member *m = &c->v[c->order[i].index];

      r = m->address_len ? find (arg, c->addresses.data + m->address, m->address_len, &m->person) : 0;
      m->found = r > 0;
      r = MIN (r, 0);
    }
  return r;
}

void
crowd_clear (struct crowd *c)
{
  c->n = 0;
  buf_reset (&c->addresses);
}
