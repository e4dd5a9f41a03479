/* Owns the reading pass of a sync: what the app shows and what the store knows walk side by
   side in key order.  merge.c decides about each. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/settings.h"
#include "host/engine/sync.h"

struct side
{
  const void *key;
  size_t len;
  bool there;
};

static int
key_order (const struct side *a, const struct side *b)
{
  int d = memcmp (a->key, b->key, MIN (a->len, b->len));

  return d ? d : (a->len > b->len) - (a->len < b->len);
}

/* Rows lie all over the spool: so many are fetched ahead, at once. */
#define AHEAD 32u

struct walk
{
  struct merge *m;
  struct sorter *rows;
  const struct spool *spool;
  struct seen_walk *seen;
  struct fold fold;
  struct member old;
  uint8_t old_key[STORE_ORDER_KEY_MAX];
  struct side old_side, new_side;
  struct sync_place place;       /* of new_side */
  struct { const void *key; size_t len; struct sync_place place; } ahead[AHEAD];
  size_t n_ahead, at_ahead;
  struct buf key;                /* of the group being folded */
  uint64_t group_at;             /* where the first row of it stands in the spool */
};

static int
next_old (struct walk *w)
{
  int r = seen_walk_next (w->seen, &w->old);

  w->old_side.there = r > 0;
  if (r > 0)
    {
      w->old_side = (struct side) { w->old_key, store_order_key (w->old.key, w->old.key_len, w->old_key), true };
      if (member_is_known (&w->old.link))
        w->m->known++;
      w->m->top += ranks_top_held (&w->m->ranks, &w->old);
    }
  return r < 0 ? r : 0;
}

static int
fetch_ahead (struct walk *w)
{
  const void *value;
  size_t len;
  int r = 1;

  w->at_ahead = 0;
  for (w->n_ahead = 0; w->n_ahead < AHEAD; w->n_ahead++)
    {
      r = sorter_next (w->rows, &w->ahead[w->n_ahead].key, &w->ahead[w->n_ahead].len, &value, &len);
      if (r <= 0)
        break;
      memcpy (&w->ahead[w->n_ahead].place, value, SYNC_PLACE_SIZE);
      spool_row_ahead (w->spool, w->ahead[w->n_ahead].place.at);
    }
  return MIN (r, 0);
}

/* Looks at the next sorted row without taking it past its group. */
static int
peek_row (struct walk *w)
{
  int r = w->at_ahead == w->n_ahead ? fetch_ahead (w) : 0;

  w->new_side.there = w->at_ahead < w->n_ahead;
  if (r < 0 || !w->new_side.there)
    return r;
  w->new_side.key = w->ahead[w->at_ahead].key;
  w->new_side.len = w->ahead[w->at_ahead].len;
  w->place = w->ahead[w->at_ahead++].place;
  return 0;
}

/* Folds all rows of one key; afterwards new_side is the first row of the next key. */
static int
fold_group (struct walk *w)
{
  int r = 0;

  fold_reset (&w->fold);
  w->group_at = w->place.at;
  buf_reset (&w->key);
  buf_put (&w->key, w->new_side.key, w->new_side.len);
  while (r == 0 && w->new_side.there && w->new_side.len == w->key.len
         && memcmp (w->new_side.key, w->key.data, w->key.len) == 0)
    {
      size_t len;
      const void *row = spool_row_at (w->spool, w->place.at, &len);

      r = row ? fold_add (&w->fold, w->place.scope, row, len) : -EBADMSG;
      if (r == 0)
        r = peek_row (w);
    }
  return r < 0 ? r : buf_error (&w->key);
}

/* The folded row and what is looked at in it. 1; 0 when there were only edges of somebody
   unknown. */
static int
take_group (struct walk *w, const struct member *old, const void **ret_row, size_t *ret_len,
            struct row_view *ret)
{
  int r = 0;

  if (w->fold.duplicate)
    w->m->duplicates++;
  if (old && !w->m->proof->roles && w->fold.n)
    r = fold_keep_roles (&w->fold, old->row, old->row_len);
  if (r == 0)
    r = fold_finish (&w->fold, ret_row, ret_len);
  if (r <= 0)
    return r;
  r = row_look (*ret_row, *ret_len, ret);
  if (r < 0)
    return r;
  merge_count (w->m, ret, /* lasting= */ w->fold.only != NULL);
  return 1;
}

static int
put_new (struct walk *w, const void *row, size_t len, const struct row_view *shown)
{
  char native[ROW_NATIVE_MAX];
  int n = row_native (row, len, native);

  return n < 0 ? n : merge_on_new (w->m, native, (size_t) n, row, len, shown);
}

/* Looks up the people of all who wait, then decides about each in its turn. */
static int
put_crowd (struct walk *w)
{
  struct crowd *c = &w->m->crowd;
  struct row_view shown;
  const void *row;
  size_t len;
  uint32_t i;
  int r = crowd_resolve (c, merge_find_person, w->m);

  for (i = 0; r == 0 && i < c->n; i++)
    {
      if (i + AHEAD < c->n)
        spool_row_ahead (w->spool, c->v[i + AHEAD].at);
      row = spool_row_at (w->spool, c->v[i].at, &len);
      r = row ? row_look (row, len, &shown) : -EBADMSG;
      w->m->one = &c->v[i];
      if (r == 0)
        r = put_new (w, row, len, &shown);
    }
  w->m->one = NULL;
  crowd_clear (c);
  return r;
}

/* A hub's first members wait for each other, as long as their rows stay where they are. */
static int
take_new (struct walk *w, const void *row, size_t len, const struct row_view *shown)
{
  struct crowd *c = &w->m->crowd;
  char address[EMAIL_MAX];
  int r = 0;

  if (w->m->empty && !w->m->nobody && w->fold.only)
    {
      r = crowd_add (c, w->group_at, address, merge_address_of (shown, address));
      return r == 0 && c->n == CROWD_MAX ? put_crowd (w) : r;
    }
  if (c->n)
    r = put_crowd (w);
  return r < 0 ? r : put_new (w, row, len, shown);
}

static int
step (struct walk *w)
{
  struct row_view shown;
  const void *row;
  size_t row_len;
  int order, r;

  if (!w->new_side.there)
    order = 1;
  else if (!w->old_side.there)
    order = -1;
  else
    order = key_order (&w->new_side, &w->old_side);
  if (order > 0)
    {
      r = merge_on_old (w->m, &w->old);
      return r < 0 ? r : next_old (w);
    }
  r = fold_group (w);
  if (r == 0)
    r = take_group (w, order == 0 ? &w->old : NULL, &row, &row_len, &shown);
  if (r > 0 && order == 0)
    r = merge_on_both (w->m, &w->old, row, row_len, &shown);
  else if (r > 0)
    r = take_new (w, row, row_len, &shown);
  else if (r == 0 && order == 0)
    r = merge_on_old (w->m, &w->old);
  if (r == 0 && order == 0)
    r = next_old (w);
  return r;
}

/* What does not change while the rows walk by. */
static int
prepare (struct merge *m)
{
  struct txn *t = store_read (m->run->e->store);
  struct hub_counts counts;
  size_t i;
  int r;

  txn_counts (t, &m->run->hub_id, &counts);
  m->nobody = txn_people (t) == 0;
  r = txn_commit (t);
  m->empty = counts.removed == 0;
  for (i = 0; i < MEMBER_TABS; i++)
    m->empty = m->empty && counts.tab[i] == 0;
  m->now_ms = clock_now_ms ();
  m->own_name = json_text (m->run->hub, "automation_username");
  m->own_email = json_text (m->run->hub, "automation_email");
  return r;
}

int
merge_run (struct merge *m, struct sorter *rows, const struct spool *spool)
{
  struct walk w = { .m = m, .rows = rows, .spool = spool, .key = BUF_INIT (ROW_ID_MAX + 64) };
  int r = prepare (m), x;

  fold_init (&w.fold);
  if (r == 0)
    r = seen_walk_open (m->run->e->store, &m->run->hub_id, &w.seen);
  if (r == 0)
    r = next_old (&w);
  if (r == 0)
    r = peek_row (&w);
  while (r == 0 && (w.old_side.there || w.new_side.there))
    r = step (&w);
  if (r == 0)
    r = put_crowd (&w);
  crowd_done (&m->crowd);
  /* Pages that moved may have hidden an invitation. */
  if (r == 0 && m->duplicates == 0)
    r = merge_expire_invitations (m);
  if (w.seen)
    seen_walk_close (w.seen);
  fold_done (&w.fold);
  buf_done (&w.key);
  x = merge_rest (m);
  return r < 0 ? r : x;
}
