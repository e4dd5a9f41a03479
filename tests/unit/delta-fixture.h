/* A hub whose members number 0, 1, 2 ... are made, changed and removed by deltas, always
   with the same ids, so that two runs can be compared. */
#ifndef USHER_TESTS_DELTA_FIXTURE_H
#define USHER_TESTS_DELTA_FIXTURE_H

#include "store-fixture.h"

#include "host/store/delta.h"

static const struct id delta_hub = { { 1, 2, 3 } };

/* An id made of a kind and a number, spread over the key space. */
static inline struct id
delta_id (uint8_t kind, uint32_t number)
{
  struct id id = { { kind } };
  uint32_t mixed = number * 2654435761u;

  memcpy (id.b + 4, &mixed, sizeof mixed);
  memcpy (id.b + 8, &number, sizeof number);
  return id;
}

/* Member NUMBER in version VERSION: its row, and from version 1 on a person. */
static inline void
delta_member (struct member *m, struct buf *row, char key[16], uint32_t number, int version)
{
  struct id id = delta_id (9, number);
  char email[40], name[64];

  (void) snprintf (key, 16, "mU%07u", (unsigned int) number);
  (void) snprintf (email, sizeof email, "u%u.%d@example.com", (unsigned int) (number * 40503u), version);
  (void) snprintf (name, sizeof name, "Somebody %u of version %d", (unsigned int) number, version);
  fixture_row (row, key + 1, NULL, email, name);
  fixture_member (m, &id, key, row);
  if (version)
    {
      m->link.person = delta_id (7, number);
      m->link.status = MEMBER_ONBOARDED;
    }
}

/* A sealed delta that brings members 0 to N - 1 to VERSION (from the one before). */
static inline struct delta *
delta_make (struct store *s, uint32_t n, int version)
{
  _cleanup_ (buf_done) struct buf row = BUF_INIT (ROW_MAX), old_row = BUF_INIT (ROW_MAX);
  json_t *summary = json_pack ("{s:i}", "version", version);
  struct member m, old;
  char key[16], old_key[16];
  struct delta *d;
  uint32_t i;

  ck_assert_int_eq (delta_new (s, &delta_hub, &d), 0);
  for (i = 0; i < n; i++)
    {
      delta_member (&m, &row, key, i, version);
      if (version)
        delta_member (&old, &old_row, old_key, i, version - 1);
      ck_assert_int_eq (delta_put (d, version ? &old : NULL, &m), 0);
    }
  ck_assert_uint_eq (delta_rows (d), n);
  ck_assert_int_eq (delta_seal (d, summary), 0);
  json_decref (summary);
  return d;
}

/* A closing step that leaves a trace: how often it ran, and with which summary. */
static inline int
delta_note (void *arg, struct txn *t, const struct id *hub, json_t *summary)
{
  const void *value;
  char text[32];
  size_t len;
  int times = 0, *calls = arg;

  ck_assert (id_equal (hub, &delta_hub));
  if (txn_meta_get (t, "closed", &value, &len))
    times = *(const char *) value;
  (void) snprintf (text, sizeof text, "%c%d", times + 1,
                   (int) json_integer_value (json_object_get (summary, "version")));
  txn_meta_put (t, "closed", text, strlen (text));
  if (calls)
    ++*calls;
  return 0;
}

static const struct delta_steps delta_notes _unused_ = { .close = delta_note };

#endif
