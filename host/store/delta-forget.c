/* Owns the way out of a half-applied delta whose file is lost: what it wrote is made one
   whole again from the links and rows that stand, and its mark goes.

   The mark keeps every other writer away from the hub's members until the last step, so
   that each step may be a transaction of its own, and all of them can be done again. */
#include <config.h>

#include "host/store/delta-file.h"

#include "host/store/members.h"

/* Entries looked at in one transaction. */
#define ENTRIES_AT_ONCE 5000u

struct forget
{
  struct store *store;
  const struct id *hub;
  struct record_counts counts; /* counted anew */
};

/* What a pass does with the entry that W is at. */
typedef void entry_fn (struct forget *f, struct walk *w);

static int
pass (struct forget *f, enum db db, bool whole, entry_fn *fn)
{
  struct key prefix, last;
  struct walk w;
  unsigned int n = ENTRIES_AT_ONCE;
  int r = 0;

  key_start (&prefix);
  if (!whole)
    key_id (&prefix, f->hub);
  last = prefix;
  if (whole)
    key_u8 (&last, 0); /* no key is empty, and this one is behind none */
  while (r == 0 && n == ENTRIES_AT_ONCE)
    {
      struct txn *t = store_write (f->store);

      walk_begin (&w, t, db, &prefix, &last, /* newest= */ false);
      for (n = 0; n < ENTRIES_AT_ONCE && walk_next (&w); n++)
        {
          last = w.at;
          fn (f, &w);
        }
      walk_end (&w);
      r = txn_commit (t);
    }
  return r;
}

static void
erase_entry (struct forget *f _unused_, struct walk *w)
{
  txn_fail (w->t, store_write_error (w->t->store, mdb_cursor_del (w->cursor, 0)));
}

/* The person comes first in these keys, so those of all hubs are looked at. */
static void
erase_person (struct forget *f, struct walk *w)
{
  struct id hub;

  if (key_id_at (w->key.mv_data, w->key.mv_size, ID_BYTES, &hub) && id_equal (&hub, f->hub))
    erase_entry (f, w);
}

/* A row that no link leads to. */
static void
erase_orphan (struct forget *f, struct walk *w)
{
  struct record_link link;
  struct id owner;
  struct key key;

  if (key_id_at (w->value.mv_data, w->value.mv_size, 0, &owner)
      && link_load (w->t, f->hub, &owner, &link) && link.key)
    {
      seen_key (&key, f->hub, link.key, link.key_len);
      if (key_compare (key.b, key.len, w->at.b, w->at.len) == 0)
        return;
    }
  erase_entry (f, w);
}

/* Writes a member's index entries anew and counts it.  A member whose row another one had
   taken goes: a listing could not find it, and shows it anew. */
static void
mend_member (struct forget *f, struct walk *w)
{
  struct member_entries entries;
  struct member m;
  struct id id;
  size_t i;

  if (!key_last_id (w->key.mv_data, w->key.mv_size, &id) || !txn_member_get (w->t, f->hub, &id, &m))
    return;
  if (m.key && !m.row)
    return erase_entry (f, w);
  counts_change (&f->counts.counts, /* old= */ NULL, &m.link);
  txn_fail (w->t, member_entries (f->hub, &m, &entries));
  for (i = 0; txn_ok (w->t) && i < entries.n; i++)
    {
      struct key key;
      enum db db = member_entry_key (f->hub, entries.v[i].b, entries.v[i].len, &key);

      txn_store (w->t, db, &key, "", 0);
    }
}

static int
drop_mark (struct forget *f)
{
  struct txn *t = store_write (f->store);
  struct record_counts counts;

  counts_load (t, f->hub, &counts);
  f->counts.writes = counts.writes + 1;
  counts_store (t, f->hub, &f->counts);
  delta_erase_marks (t, f->hub);
  return txn_commit (t);
}

int
delta_forget (struct store *s, const struct id *hub)
{
  struct forget f = { .store = s, .hub = hub };
  _cleanup_ (freep) char *path = delta_path (s, hub);
  int r = delta_has_mark (s, hub);

  if (r <= 0)
    return r;
  if (!path)
    return -ENOMEM;
  r = pass (&f, DB_FIND, /* whole= */ false, erase_entry);
  if (r == 0)
    r = pass (&f, DB_PERSON, /* whole= */ true, erase_person);
  if (r == 0)
    r = pass (&f, DB_SEEN, /* whole= */ false, erase_orphan);
  if (r == 0)
    r = pass (&f, DB_LINK, /* whole= */ false, mend_member);
  if (r == 0)
    r = drop_mark (&f);
  if (r < 0)
    return r;
  (void) unlink (path);
  return 1;
}
