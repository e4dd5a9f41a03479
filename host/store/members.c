/* Owns members: link and row as two records, their index entries, the hub's counters.
   Called inside transactions only. */
#include <config.h>

#include "host/store/members.h"

#include <sodium.h>

#include "host/common/text.h"

#define HASH_BYTES crypto_shorthash_siphash24_BYTES
_Static_assert (crypto_shorthash_siphash24_KEYBYTES == ID_BYTES, "a hub's id is a key");

void
link_key (struct key *k, const struct id *hub, const struct id *member)
{
  key_start (k);
  key_id (k, hub);
  key_id (k, member);
}

void
seen_key (struct key *k, const struct id *hub, const char *native, size_t len)
{
  key_start (k);
  key_id (k, hub);
  key_rest (k, native, len);
}

void
value_hub_key (struct key *k, uint8_t what, const struct id *hub, const struct id *member)
{
  key_start (k);
  key_u8 (k, what);
  key_id (k, hub);
  if (member)
    key_id (k, member);
}

void
counts_key (struct key *k, const struct id *hub)
{
  value_hub_key (k, VALUE_COUNTS, hub, /* member= */ NULL);
}

static void
tab_key (struct key *k, const struct id *hub, enum member_tab tab)
{
  key_start (k);
  key_id (k, hub);
  key_u8 (k, FIND_TAB);
  key_u8 (k, (uint8_t) tab);
}

/* What a text is found by: short, and not to be chosen by an app, which does not know the
   hub's id.  Who finds a member by it looks at its row. */
static void
hash_text (const struct id *hub, const char *text, size_t len, uint8_t ret[HASH_BYTES])
{
  (void) crypto_shorthash_siphash24 (ret, (const uint8_t *) text, len, hub->b);
}

static void
text_key (struct key *k, const struct id *hub, const char *text, size_t len)
{
  uint8_t hash[HASH_BYTES];

  hash_text (hub, text, len, hash);
  key_start (k);
  key_id (k, hub);
  key_u8 (k, FIND_HASH);
  key_rest (k, hash, sizeof hash);
}

/* ---- Index entries. */

/* The texts that a row is found by, beside its id, as they are compared. */
struct texts
{
  char email[EMAIL_MAX], username[ROW_TEXT_MAX];
  size_t email_len, username_len; /* 0 = none, or the same as the other */
};

static int
texts_of (const void *row, size_t len, struct texts *ret)
{
  struct row_view v;
  int r = row_look (row, len, &v);

  if (r < 0)
    return r;
  ret->email_len = v.email.s ? email_fold (v.email.s, v.email.len, ret->email) : 0;
  ret->username_len = MIN (v.username.len, sizeof ret->username);
  ascii_fold (v.username.s, ret->username_len, ret->username);
  if (ret->email_len && ret->email_len == ret->username_len
      && memcmp (ret->email, ret->username, ret->email_len) == 0)
    ret->username_len = 0;
  return 0;
}

static void
make_entry (enum db db, const void *p, size_t len, const struct id *member, struct member_entry *ret)
{
  ret->b[0] = (uint8_t) db;
  memcpy (ret->b + 1, p, len);
  memcpy (ret->b + 1 + len, member->b, ID_BYTES);
  ret->len = 1 + len + ID_BYTES;
}

void
member_entry_of_tab (const struct id *member, enum member_tab tab, struct member_entry *ret)
{
  const uint8_t find[] = { FIND_TAB, (uint8_t) tab };

  make_entry (DB_FIND, find, sizeof find, member, ret);
}

static void
add_text (struct member_entries *e, const struct id *hub, const struct id *member,
          const char *text, size_t len)
{
  uint8_t find[1 + HASH_BYTES] = { FIND_HASH };

  if (!len)
    return;
  hash_text (hub, text, len, find + 1);
  make_entry (DB_FIND, find, sizeof find, member, &e->v[e->n++]);
}

int
member_entries (const struct id *hub, const struct member *m, struct member_entries *ret)
{
  struct texts texts;
  int r = 0;

  ret->n = 0;
  if (!m)
    return 0;
  member_entry_of_tab (&m->link.id, member_tab (&m->link), &ret->v[MEMBER_ENTRY_TAB]);
  ret->n = MEMBER_ENTRY_TAB + 1;
  if (m->row)
    {
      r = texts_of (m->row, m->row_len, &texts);
      if (r < 0)
        return r;
      add_text (ret, hub, &m->link.id, texts.email, texts.email_len);
      add_text (ret, hub, &m->link.id, texts.username, texts.username_len);
    }
  if (!id_is_zero (&m->link.person))
    make_entry (DB_PERSON, m->link.person.b, ID_BYTES, &m->link.id, &ret->v[ret->n++]);
  return 0;
}

bool
member_entries_have (const struct member_entries *e, const struct member_entry *entry)
{
  size_t i;

  for (i = 0; i < e->n; i++)
    if (e->v[i].len == entry->len && memcmp (e->v[i].b, entry->b, entry->len) == 0)
      return true;
  return false;
}

enum db
member_entry_key (const struct id *hub, const uint8_t *entry, size_t len, struct key *ret)
{
  const enum db db = (enum db) entry[0];
  /* A person's entries begin with the person. */
  size_t before = db == DB_PERSON ? MIN (len - 1, ID_BYTES) : 0;

  key_start (ret);
  key_rest (ret, entry + 1, before);
  key_id (ret, hub);
  key_rest (ret, entry + 1 + before, len - 1 - before);
  return db;
}

/* ---- Counters. */

void
counts_load (struct txn *t, const struct id *hub, struct record_counts *ret)
{
  struct key key;
  MDB_val value;

  *ret = (struct record_counts) { .writes = 0 };
  counts_key (&key, hub);
  if (txn_load (t, DB_VALUE, &key, &value))
    txn_fail (t, record_get_counts (value.mv_data, value.mv_size, ret));
}

void
counts_store (struct txn *t, const struct id *hub, const struct record_counts *counts)
{
  uint8_t bytes[RECORD_COUNTS_SIZE];
  struct key key;

  counts_key (&key, hub);
  record_put_counts (counts, bytes);
  txn_store (t, DB_VALUE, &key, bytes, sizeof bytes);
}

static void
count (struct hub_counts *c, const struct member_link *link, uint64_t by)
{
  if (!link)
    return;
  if (!member_is_live (link))
    c->removed += by;
  else
    c->tab[member_tab (link)] += by;
  if (member_is_known (link))
    c->known += by;
}

void
counts_change (struct hub_counts *c, const struct member_link *old, const struct member_link *now)
{
  count (c, old, UINT64_MAX); /* minus one */
  count (c, now, 1);
}

void
txn_counts (struct txn *t, const struct id *hub, struct hub_counts *ret)
{
  struct record_counts counts;

  counts_load (t, hub, &counts);
  *ret = counts.counts;
}

/* ---- Reading. */

int
link_load (struct txn *t, const struct id *hub, const struct id *member, struct record_link *ret)
{
  struct key key;
  MDB_val value;

  link_key (&key, hub, member);
  if (!txn_load (t, DB_LINK, &key, &value))
    return 0;
  txn_fail (t, record_get_link (value.mv_data, value.mv_size, ret));
  ret->link.id = *member;
  return txn_ok (t);
}

/* Adds the row.  Between the transactions of a delta a link may be without the row of
   its key for a moment; that is no damage. */
static void
fill (struct txn *t, const struct id *hub, const struct record_link *link, struct member *ret)
{
  struct key key;
  MDB_val value;

  *ret = (struct member) { .link = link->link, .key = link->key, .key_len = link->key_len };
  if (!link->key)
    return;
  seen_key (&key, hub, link->key, link->key_len);
  if (txn_load (t, DB_SEEN, &key, &value) && value.mv_size > ID_BYTES
      && memcmp (value.mv_data, link->link.id.b, ID_BYTES) == 0)
    {
      ret->row = (const char *) value.mv_data + ID_BYTES;
      ret->row_len = value.mv_size - ID_BYTES;
    }
}

int
txn_member_get (struct txn *t, const struct id *hub, const struct id *member, struct member *ret)
{
  struct record_link link;

  if (!link_load (t, hub, member, &link))
    return 0;
  fill (t, hub, &link, ret);
  return txn_ok (t);
}

int
txn_member_by_key (struct txn *t, const struct id *hub, const char *native, size_t len,
                   struct member *ret)
{
  struct member found;
  struct key key;
  struct id member;
  MDB_val value;

  seen_key (&key, hub, native, len);
  if (!txn_load (t, DB_SEEN, &key, &value)
      || !key_id_at (value.mv_data, value.mv_size, 0, &member)
      || !txn_member_get (t, hub, &member, &found))
    return 0;
  /* Two long keys have one hash only if somebody broke it; then the second is unknown. */
  if (!found.key || key_compare (found.key, found.key_len, native, len) != 0)
    return 0;
  *ret = found;
  return 1;
}

void
person_walk (struct txn *t, const struct id *hub, const struct id *person, person_fn *fn,
             void *arg)
{
  struct record_link link;
  struct key prefix;
  struct id member;
  struct walk w;
  bool more = true;

  link_key (&prefix, person, hub);
  walk_begin (&w, t, DB_PERSON, &prefix, /* after= */ NULL, /* newest= */ false);
  while (more && walk_next (&w))
    if (key_last_id (w.key.mv_data, w.key.mv_size, &member) && link_load (t, hub, &member, &link))
      more = fn (arg, &link);
  walk_end (&w);
}

/* The best member of a person so far. */
struct choice
{
  struct id id;
  int64_t changed_ms;
  bool found, live;
};

static bool
choose (void *arg, const struct record_link *link)
{
  struct choice *c = arg;

  if (member_is_live (&link->link))
    *c = (struct choice) { .id = link->link.id, .found = true, .live = true };
  else if (!c->found || link->link.changed_ms >= c->changed_ms)
    *c = (struct choice) { .id = link->link.id, .changed_ms = link->link.changed_ms, .found = true };
  return !c->live;
}

int
txn_member_by_person (struct txn *t, const struct id *hub, const struct id *person,
                      struct member *ret)
{
  struct choice choice = { .found = false };

  person_walk (t, hub, person, choose, &choice);
  return choice.found ? txn_member_get (t, hub, &choice.id, ret) : 0;
}

/* Ids found so far, with their links' lives. */
struct finding
{
  struct txn *t;
  const struct id *hub;
  struct id *ids;       /* live ones first */
  size_t n, n_live, max;
};

/* Adds a member once: a live one behind the live ones, any other at the end. */
static void
found (struct finding *f, const struct id *member, bool live)
{
  size_t i, at = live ? f->n_live : f->n;

  for (i = 0; i < f->n; i++)
    if (id_equal (&f->ids[i], member))
      return;
  if (at == f->max)
    return;
  f->n = MIN (f->n + 1, f->max);
  memmove (f->ids + at + 1, f->ids + at, (f->n - 1 - at) * sizeof *f->ids);
  f->ids[at] = *member;
  f->n_live += live;
}

/* The member or the invitation that has TEXT as its native id. */
static void
find_native (struct finding *f, char space, const char *text)
{
  _cleanup_ (buf_done) struct buf native = BUF_INIT (RECORD_KEY_MAX);
  struct member m;

  buf_putc (&native, space);
  buf_puts (&native, text);
  if (!buf_error (&native)
      && txn_member_by_key (f->t, f->hub, native.data, native.len, &m) == 1)
    found (f, &m.link.id, member_is_live (&m.link));
}

static bool
has_text (const struct member *m, const char *text, size_t len)
{
  struct texts texts;

  if (!m->row || texts_of (m->row, m->row_len, &texts) < 0)
    return false;
  return (texts.email_len == len && memcmp (texts.email, text, len) == 0)
         || (texts.username_len == len && memcmp (texts.username, text, len) == 0);
}

size_t
txn_member_find (struct txn *t, const struct id *hub, const char *text, struct id *ret, size_t max)
{
  struct finding f = { .t = t, .hub = hub, .ids = ret, .max = max };
  size_t len = strlen (text);
  struct key prefix;
  struct member m;
  struct id member;
  struct walk w;

  if (!len || !max)
    return 0;
  find_native (&f, 'm', text);
  find_native (&f, 'i', text);
  text_key (&prefix, hub, text, len);
  walk_begin (&w, t, DB_FIND, &prefix, /* after= */ NULL, /* newest= */ false);
  while (f.n_live < max && walk_next (&w))
    if (key_last_id (w.key.mv_data, w.key.mv_size, &member)
        && txn_member_get (t, hub, &member, &m) == 1 && has_text (&m, text, len))
      found (&f, &member, member_is_live (&m.link));
  walk_end (&w);
  return f.n;
}

size_t
txn_person_hubs (struct txn *t, const struct id *person, struct id *ret, size_t max)
{
  struct key prefix;
  struct walk w;
  struct id hub;
  size_t n = 0;

  key_start (&prefix);
  key_id (&prefix, person);
  walk_begin (&w, t, DB_PERSON, &prefix, /* after= */ NULL, /* newest= */ false);
  while (n < max && walk_next (&w))
    if (key_id_at (w.key.mv_data, w.key.mv_size, ID_BYTES, &hub)
        && (n == 0 || !id_equal (&ret[n - 1], &hub)))
      ret[n++] = hub;
  walk_end (&w);
  return n;
}

void
txn_member_walk (struct txn *t, const struct id *hub, int tab, const struct id *after,
                 txn_member_fn *fn, void *arg)
{
  struct key prefix, behind;
  struct member m;
  struct walk w;
  struct id id;
  bool more = true;

  key_start (&prefix);
  if (tab < 0)
    key_id (&prefix, hub);
  else
    tab_key (&prefix, hub, (enum member_tab) tab);
  behind = prefix;
  if (after)
    key_id (&behind, after);
  walk_begin (&w, t, tab < 0 ? DB_LINK : DB_FIND, &prefix, after ? &behind : NULL,
              /* newest= */ false);
  while (more && walk_next (&w))
    if (key_last_id (w.key.mv_data, w.key.mv_size, &id) && txn_member_get (t, hub, &id, &m))
      more = fn (arg, &m);
  walk_end (&w);
}

/* ---- Writing. */

/* Everything that is needed of a member's old and new state, made before the first
   write moves what they borrow. */
struct change
{
  const struct id *hub;
  struct member_entries before, now;
  struct key old_seen, new_seen, link;
  bool had_key, has_key, put_row;
  size_t link_len;              /* of the scratch buffer: the link, then the row */
};

static bool
same_row (const struct member *a, const struct member *b)
{
  return a->row && a->row_len == b->row_len && memcmp (a->row, b->row, a->row_len) == 0;
}

static void
prepare (struct txn *t, const struct member *old, const struct member *now, uint64_t stamp,
         struct change *c)
{
  struct record_link link;

  c->had_key = old && old->key;
  c->has_key = now && now->key;
  if (c->had_key)
    seen_key (&c->old_seen, c->hub, old->key, old->key_len);
  if (c->has_key)
    seen_key (&c->new_seen, c->hub, now->key, now->key_len);
  c->put_row = c->has_key && !(c->had_key && same_row (old, now)
                               && key_compare (c->old_seen.b, c->old_seen.len, c->new_seen.b,
                                               c->new_seen.len) == 0);
  link_key (&c->link, c->hub, old ? &old->link.id : &now->link.id);
  txn_fail (t, member_entries (c->hub, old, &c->before));
  txn_fail (t, member_entries (c->hub, now, &c->now));
  buf_reset (&t->scratch);
  if (!now)
    return;
  link = (struct record_link) { now->link, now->key, now->key_len, stamp };
  txn_fail (t, record_put_link (&t->scratch, &link));
  c->link_len = t->scratch.len;
  buf_put (&t->scratch, now->link.id.b, ID_BYTES);
  if (c->put_row)
    buf_put (&t->scratch, now->row, now->row_len);
  txn_fail (t, buf_error (&t->scratch));
}

static void
carry_out (struct txn *t, const struct change *c)
{
  const char *bytes = t->scratch.data;
  struct key key;
  enum db db;
  size_t i;

  if (!txn_ok (t))
    return;
  if (c->had_key && !(c->has_key && key_compare (c->old_seen.b, c->old_seen.len, c->new_seen.b,
                                                 c->new_seen.len) == 0))
    txn_erase (t, DB_SEEN, &c->old_seen);
  if (c->put_row)
    txn_store (t, DB_SEEN, &c->new_seen, bytes + c->link_len, t->scratch.len - c->link_len);
  if (c->link_len)
    txn_store (t, DB_LINK, &c->link, bytes, c->link_len);
  else
    txn_erase (t, DB_LINK, &c->link);
  for (i = 0; i < c->before.n; i++)
    if (!member_entries_have (&c->now, &c->before.v[i]))
      {
        db = member_entry_key (c->hub, c->before.v[i].b, c->before.v[i].len, &key);
        txn_erase (t, db, &key);
      }
  for (i = 0; i < c->now.n; i++)
    if (!member_entries_have (&c->before, &c->now.v[i]))
      {
        db = member_entry_key (c->hub, c->now.v[i].b, c->now.v[i].len, &key);
        txn_store (t, db, &key, "", 0);
      }
}

/* From OLD to NOW; NULL = not there. */
static void
change (struct txn *t, const struct id *hub, const struct member *old, const struct member *now)
{
  struct change c = { .hub = hub };
  struct record_counts counts;

  counts_load (t, hub, &counts);
  counts.writes++;
  counts_change (&counts.counts, old ? &old->link : NULL, now ? &now->link : NULL);
  prepare (t, old, now, counts.writes, &c);
  carry_out (t, &c);
  counts_store (t, hub, &counts);
}

static void
check_idle (struct txn *t, const struct id *hub)
{
  struct key key;
  MDB_val value;

  value_hub_key (&key, VALUE_APPLYING, hub, /* member= */ NULL);
  if (txn_load (t, DB_VALUE, &key, &value))
    txn_fail (t, -EBUSY);
}

struct other
{
  const struct id *member;
  bool found;
};

static bool
is_other (void *arg, const struct record_link *link)
{
  struct other *o = arg;

  o->found = member_is_live (&link->link) && !id_equal (&link->link.id, o->member);
  return !o->found;
}

/* One live member a person, one member a key. */
static void
check_unique (struct txn *t, const struct id *hub, const struct member *m)
{
  struct other other = { &m->link.id, false };
  struct key key;
  MDB_val value;

  if (member_is_live (&m->link) && !id_is_zero (&m->link.person))
    person_walk (t, hub, &m->link.person, is_other, &other);
  if (m->key && !other.found)
    {
      seen_key (&key, hub, m->key, m->key_len);
      other.found = txn_load (t, DB_SEEN, &key, &value)
                    && (value.mv_size < ID_BYTES
                        || memcmp (value.mv_data, m->link.id.b, ID_BYTES) != 0);
    }
  if (other.found)
    txn_fail (t, -EEXIST);
}

void
txn_member_put (struct txn *t, const struct id *hub, const struct member *m)
{
  struct member old, now = *m;
  bool had;

  check_idle (t, hub);
  had = txn_member_get (t, hub, &m->link.id, &old);
  if (now.key && !now.row)
    {
      if (!had || !old.key || key_compare (old.key, old.key_len, now.key, now.key_len) != 0)
        return txn_fail (t, -EINVAL);
      now.row = old.row;
      now.row_len = old.row_len;
    }
  check_unique (t, hub, &now);
  if (txn_ok (t))
    change (t, hub, had ? &old : NULL, &now);
}

void
txn_member_delete (struct txn *t, const struct id *hub, const struct id *member)
{
  struct member old;

  check_idle (t, hub);
  if (txn_member_get (t, hub, member, &old))
    change (t, hub, &old, /* now= */ NULL);
}

size_t
txn_members_drop (struct txn *t, const struct id *hub, size_t max)
{
  struct key key;
  struct walk w;
  struct id id;
  size_t n = 0;

  key_start (&key);
  key_id (&key, hub);
  walk_begin (&w, t, DB_LINK, &key, /* after= */ NULL, /* newest= */ false);
  while (n < max && walk_next (&w))
    if (key_last_id (w.key.mv_data, w.key.mv_size, &id))
      {
        txn_member_delete (t, hub, &id);
        n++;
      }
  walk_end (&w);
  if (n < max)
    {
      counts_key (&key, hub);
      txn_erase (t, DB_VALUE, &key);
    }
  return n;
}
