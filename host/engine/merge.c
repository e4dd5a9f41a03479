/* Owns the reading pass of a sync: what the app shows and what the store knows walk
   side by side in key order, and every difference becomes a line of the delta.  Matching
   to people happens on the way.  Decides what becomes of a member (behaviour 4.2, 5.4);
   writes nothing to the store. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/members.h"
#include "host/engine/settings.h"
#include "host/engine/sync.h"

#define LOOKS_PER_SNAPSHOT 1000u
#define ROLES_MAX 10000u
#define ARENA_BYTES (256u * 1024)

void
merge_init (struct merge *m, struct run *run)
{
  *m = (struct merge) { .run = run, .roles_seen = json_object (), .top_roles = top_roles (run->app, run->hub),
                        .held = ARENA_INIT (MEMBER_HELD_MAX) };
}

void
merge_done (struct merge *m)
{
  free (m->missing);
  free (m->linked);
  free (m->gone_invites);
  free (m->adopted_invites);
  arena_done (&m->held);
  json_decref (m->roles_seen);
  json_decref (m->top_roles);
  if (m->look)
    txn_abort (m->look);
}

/* A snapshot to look people and members up in, never kept for long. */
static struct txn *
look (struct merge *m)
{
  if (m->look && ++m->looked > LOOKS_PER_SNAPSHOT)
    txn_abort (TAKE (m->look));
  if (!m->look)
    {
      m->look = store_read (m->run->e->store);
      m->looked = 0;
    }
  return m->look;
}

static int
push_id (struct id **list, size_t *n, size_t *cap, const struct id *id)
{
  if (*n == *cap)
    {
      size_t more = *cap ? *cap * 2 : 64;
      struct id *v = reallocarray (*list, more, sizeof *v);

      if (!v)
        return -ENOMEM;
      *list = v;
      *cap = more;
    }
  (*list)[(*n)++] = *id;
  return 0;
}

/* ---- People linked in this pass: a second account with the same address must not be
   linked too.  An open hash set of the random half of their ids. */

static uint64_t
half (const struct id *id)
{
  uint64_t v;

  memcpy (&v, id->b + 8, sizeof v);
  return v ? v : 1;
}

static bool
set_place (uint64_t *set, size_t cap, uint64_t v, size_t *ret)
{
  size_t i = v * UINT64_C (0x9e3779b97f4a7c15) >> 20 & (cap - 1);

  while (set[i] && set[i] != v)
    i = (i + 1) & (cap - 1);
  *ret = i;
  return set[i] == v;
}

/* True when PERSON was already in the set; adds it. */
static bool
linked_before (struct merge *m, const struct id *person)
{
  size_t at, i;

  if (m->n_linked * 2 >= m->cap_linked)
    {
      size_t cap = m->cap_linked ? m->cap_linked * 2 : 1024;
      uint64_t *set = calloc (cap, sizeof *set);

      if (!set)
        return true;
      for (i = 0; i < m->cap_linked; i++)
        if (m->linked[i] && !set_place (set, cap, m->linked[i], &at))
          set[at] = m->linked[i];
      free (m->linked);
      m->linked = set;
      m->cap_linked = cap;
    }
  if (set_place (m->linked, m->cap_linked, half (person), &at))
    return true;
  m->linked[at] = half (person);
  m->n_linked++;
  return false;
}

/* ---- Deciding. */

static const char *
address_of (const struct usher_member *shown)
{
  return shown->email ? shown->email : shown->username && strchr (shown->username, '@') ? shown->username : NULL;
}

/* The one person whose address this is, who is not linked here yet. */
static bool
person_for (struct merge *m, const struct usher_member *shown, struct id *ret, bool *ret_guest)
{
  const char *address = address_of (shown);
  _cleanup_ (freep) char *email = address ? email_normalise (address) : NULL;
  struct member other;
  struct id found[2];
  json_t *person;
  bool fits;

  if (!email || txn_doc_find (look (m), STORE_PERSON_ADDRESS, email, found, 2) != 1)
    return false;
  person = txn_doc_get (m->look, STORE_PERSON, &found[0]);
  fits = person && !streq (json_text (person, "status"), "removed");
  *ret_guest = json_flag (person, "is_guest");
  json_decref (person);
  if (!fits || (txn_member_by_person (m->look, &m->run->hub_id, &found[0], &other) == 1
                && member_is_live (&other.link))
      || linked_before (m, &found[0]))
    return false;
  *ret = found[0];
  return true;
}

static bool
is_automation (const struct merge *m, const struct usher_member *shown)
{
  const char *name = json_text (m->run->hub, "automation_username");
  const char *email = json_text (m->run->hub, "automation_email");

  if (shown->flags & USHER_F_SELF)
    return true;
  return (name && ((shown->username && ascii_casecmp (name, shown->username) == 0)
                   || (shown->email && ascii_casecmp (name, shown->email) == 0)))
         || (email && shown->email && ascii_casecmp (email, shown->email) == 0);
}

static void
set_status (struct member_link *link, uint16_t status)
{
  if (link->status != status)
    link->changed_ms = clock_now_ms ();
  link->status = status;
}

static int
note_event (struct merge *m, const char *type, const struct member_link *link, const char *outcome)
{
  json_t *event;
  int r;

  if (m->first || m->dry)
    return 0;
  event = event_json (&(struct event) { .type = type, .caller = &system_caller, .hub = m->run->hub,
                                        .member = &link->id,
                                        .person = id_is_zero (&link->person) ? NULL : &link->person,
                                        .task = &m->run->task_id, .outcome = outcome });
  r = delta_event (m->delta, event);
  json_decref (event);
  return r;
}

/* Links the member to the person its address names, as an adopted collaborator. */
static int
try_match (struct merge *m, struct member_link *link, const struct usher_member *shown)
{
  bool guest = false;
  struct id person;

  if (!id_is_zero (&link->person)
      || (link->flags & (MEMBER_F_EXEMPT | MEMBER_F_NO_AUTO_MATCH | MEMBER_F_AUTOMATION))
      || shown->state == USHER_DISABLED || (shown->flags & USHER_F_NOT_A_PERSON)
      || !person_for (m, shown, &person, &guest))
    return 0;
  link->person = person;
  link->flags |= MEMBER_F_ADOPTED | (guest ? MEMBER_F_GUEST : 0);
  link->hub_role = HUB_COLLABORATOR;
  link->adopted_ms = clock_now_ms ();
  set_status (link, shown->state >= USHER_PENDING ? MEMBER_PENDING_INVITE : member_settled (m->run->hub));
  return note_event (m, "member.matched", link, "auto");
}

/* Flags that say what the app shows now. */
static void
take_state (struct merge *m, struct member_link *link, const struct usher_member *shown)
{
  link->flags &= ~(MEMBER_F_DISABLED | MEMBER_F_INVITE | MEMBER_F_AUTOMATION);
  link->flags |= MEMBER_F_SEEN;
  if (shown->state == USHER_DISABLED)
    link->flags |= MEMBER_F_DISABLED;
  if (shown->state >= USHER_PENDING)
    link->flags |= MEMBER_F_INVITE;
  if (is_automation (m, shown))
    link->flags |= MEMBER_F_AUTOMATION;
  link->missed = 0;
  link->last_seen_ms = 0;
}

/* How a status known before goes on, now that the app shows the member. */
static int
next_status (struct merge *m, struct member_link *link, const struct usher_member *shown)
{
  bool active = shown->state == USHER_ACTIVE;
  const char *outcome;

  if (shown->state == USHER_UNREADABLE)
    {
      if (link->status != MEMBER_SYNC_FAILED)
        link->before = link->status;
      set_status (link, MEMBER_SYNC_FAILED);
      return 0;
    }
  if (link->status == MEMBER_SYNC_FAILED)
    {
      set_status (link, link->before ? link->before : MEMBER_UNMATCHED);
      link->before = 0;
    }
  switch (link->status)
    {
    case MEMBER_REMOVED:
      if (!active)
        return 0;  /* found disabled: it stays removed */
      outcome = link->flags & MEMBER_F_BY_USHER ? "removed-by-usher" : NULL;
      m->reappeared += outcome != NULL;
      link->person = (struct id) { { 0 } };
      link->flags &= ~(MEMBER_F_ADOPTED | MEMBER_F_GUEST | MEMBER_F_BY_USHER);
      set_status (link, MEMBER_UNMATCHED);
      return note_event (m, "member.reappeared", link, outcome);
    case MEMBER_PENDING_INVITE:
    case MEMBER_INVITE_EXPIRED:
    case MEMBER_INVITE_FAILED:
      if (active)
        {
          set_status (link, id_is_zero (&link->person) ? MEMBER_UNMATCHED : member_settled (m->run->hub));
          return note_event (m, "member.joined", link, NULL);
        }
      if (shown->state == USHER_PENDING)
        set_status (link, MEMBER_PENDING_INVITE);
      if (shown->state == USHER_EXPIRED || shown->state == USHER_DECLINED)
        set_status (link, MEMBER_INVITE_EXPIRED);
      return 0;
    case MEMBER_UPDATE_FAILED:
      /* What the app shows is what counts from now on (behaviour 7.2). */
      set_status (link, member_settled (m->run->hub));
      return 0;
    case MEMBER_DEPROVISIONING_FAILED:
      if (shown->state != USHER_DISABLED)
        return 0;
      set_status (link, MEMBER_REMOVED);
      link->flags |= MEMBER_F_BY_USHER;
      return 0;
    default:
      return 0;
    }
}

/* An invitation that was accepted comes back as a member with the same address: the
   link, and everything decided about it, goes on with the new id. */
static bool
adopt_invitation (struct merge *m, const struct usher_member *shown, struct member *ret)
{
  const char *address = address_of (shown);
  _cleanup_ (freep) char *email = address ? email_normalise (address) : NULL;
  struct id ids[8];
  struct member old;
  size_t n, i;

  if (!email || shown->state >= USHER_PENDING)
    return false;
  n = txn_member_find (look (m), &m->run->hub_id, email, ids, ARRAY_SIZE (ids));
  for (i = 0; i < n; i++)
    if (txn_member_get (m->look, &m->run->hub_id, &ids[i], &old) == 1 && member_is_live (&old.link)
        && (!old.key || (old.link.flags & MEMBER_F_INVITE)))
      {
        /* The snapshot it lies in may be renewed before it is written. */
        arena_reset (&m->held);
        *ret = old;
        return member_hold (ret, &m->held) == 0
               && push_id (&m->adopted_invites, &m->n_adopted_invites, &m->cap_adopted_invites, &old.link.id) == 0;
      }
  return false;
}

static void
note_roles (struct merge *m, const struct usher_member *shown)
{
  size_t i;

  for (i = 0; i < shown->n_roles; i++)
    {
      const char *group = shown->roles[i].key ? shown->roles[i].key : "role";
      json_t *ids = json_object_get (m->roles_seen, group);

      if (!ids)
        {
          ids = json_object ();
          (void) json_object_set_new (m->roles_seen, group, ids);
        }
      if (json_object_size (ids) < ROLES_MAX && !json_object_get (ids, shown->roles[i].value))
        (void) json_object_set_new (ids, shown->roles[i].value, json_true ());
    }
}

static int
put (struct merge *m, const struct member *old, const struct member_link *link, const char *key, size_t key_len,
     const void *row, size_t row_len)
{
  if (m->dry)
    return 0;
  return delta_put (m->delta, old, &(struct member) { *link, key, key_len, row, row_len });
}

/* What two links differ in that a sync may change. */
static bool
same_link (const struct member_link *a, const struct member_link *b)
{
  return a->status == b->status && a->before == b->before && a->flags == b->flags
         && a->missed == b->missed && a->hub_role == b->hub_role && a->last_seen_ms == b->last_seen_ms
         && id_equal (&a->person, &b->person);
}

static int
on_new (struct merge *m, const char *key, size_t key_len, const void *row, size_t row_len,
        const struct usher_member *shown)
{
  struct member_link link = { .first_seen_ms = clock_now_ms (), .status = MEMBER_UNMATCHED };
  struct member invited;
  bool adopted = !m->first && adopt_invitation (m, shown, &invited);
  int r;

  if (adopted)
    link = invited.link;
  else
    link.id = id_new ();
  m->added++;
  take_state (m, &link, shown);
  if (adopted)
    r = next_status (m, &link, shown);
  else
    {
      link.changed_ms = link.first_seen_ms;
      r = try_match (m, &link, shown);
      if (r == 0 && id_is_zero (&link.person))
        {
          if (link.flags & MEMBER_F_AUTOMATION)
            set_status (&link, MEMBER_ONBOARDED);
          r = note_event (m, "member.found", &link, NULL);
        }
    }
  return r < 0 ? r : put (m, adopted ? &invited : NULL, &link, key, key_len, row, row_len);
}

static int
on_both (struct merge *m, const struct member *old, const void *row, size_t row_len,
         const struct usher_member *shown)
{
  bool same_row = old->row_len == row_len && memcmp (old->row, row, row_len) == 0;
  struct member_link link = old->link;
  int r;

  if (old->link.seq > m->start_seq)
    return 0;
  take_state (m, &link, shown);
  r = next_status (m, &link, shown);
  if (r == 0 && link.status == MEMBER_UNMATCHED)
    r = try_match (m, &link, shown);
  if (r < 0)
    return r;
  if (same_row && same_link (&link, &old->link))
    return 0;
  m->changed++;
  /* A member that could not be read keeps the row it had. */
  if (shown->state == USHER_UNREADABLE)
    return put (m, old, &link, old->key, old->key_len, NULL, 0);
  return put (m, old, &link, old->key, old->key_len, row, row_len);
}

static bool
is_kept (const struct merge *m, const struct member *old)
{
  const json_t *settings = json_object_get (m->run->hub, "settings"), *entry;
  struct arena arena = ARENA_INIT (ARENA_BYTES);
  char id[ID_TEXT_SIZE];
  struct row row;
  bool kept = false;
  size_t i;

  id_format (&old->link.id, id);
  if (row_get (old->row, old->row_len, &arena, &row) == 0)
    json_array_foreach (json_object_get (settings, "keep-members"), i, entry)
      {
        const char *name = json_string_value (entry);

        kept = kept || streq (name, id) || streq (name, row.member.id)
               || (row.member.email && ascii_casecmp (name, row.member.email) == 0);
      }
  arena_done (&arena);
  return kept;
}

static int
on_old (struct merge *m, const struct member *old)
{
  if (old->link.seq > m->start_seq || !member_is_live (&old->link)
      || (old->link.flags & MEMBER_F_AUTOMATION))
    return 0;
  if (old->link.flags & MEMBER_F_INVITE)
    return m->proof->invites ? push_id (&m->gone_invites, &m->n_gone_invites, &m->cap_gone_invites, &old->link.id) : 0;
  if (!m->proof->members || !(old->link.flags & MEMBER_F_SEEN))
    return 0;
  if (!m->kept_touched)
    m->kept_touched = is_kept (m, old);
  m->missing_known += member_is_known (&old->link);
  m->top_missing += top_role_held (m->top_roles, old);
  return push_id (&m->missing, &m->n_missing, &m->cap_missing, &old->link.id);
}

/* ---- The walk. */

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

struct walk
{
  struct merge *m;
  struct sorter *rows;
  struct seen_walk *seen;
  struct fold fold;
  struct arena arena;
  struct member old;
  uint8_t old_key[STORE_ORDER_KEY_MAX];
  struct side old_side, new_side;
  struct buf key, held;          /* of the group being folded; rows stay borrowed from held */
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
      w->m->top += top_role_held (w->m->top_roles, &w->old);
    }
  return r < 0 ? r : 0;
}

/* Looks at the next sorted row without taking it past its group. */
static int
peek_row (struct walk *w, const void **ret_value, size_t *ret_len)
{
  const void *key;
  size_t key_len;
  int r = sorter_next (w->rows, &key, &key_len, ret_value, ret_len);

  w->new_side = (struct side) { key, key_len, r > 0 };
  return r < 0 ? r : 0;
}

/* Folds all rows of one key; afterwards new_side is the first row of the next key. */
static int
fold_group (struct walk *w, const void **value, size_t *len)
{
  int r = 0;

  fold_reset (&w->fold);
  buf_reset (&w->key);
  buf_reset (&w->held);
  buf_put (&w->key, w->new_side.key, w->new_side.len);
  while (r == 0 && w->new_side.there && w->new_side.len == w->key.len
         && memcmp (w->new_side.key, w->key.data, w->key.len) == 0)
    {
      uint32_t ordinal;
      const char *row = *value;

      memcpy (&ordinal, row, sizeof ordinal);
      row += sizeof ordinal;
      *len -= sizeof ordinal;
      if (w->fold.n == 0 && w->fold.edges == 0)
        {
          /* The sorter's bytes live until its next record: the first row is held. */
          buf_put (&w->held, row, *len);
          r = buf_error (&w->held);
          row = w->held.data;
        }
      if (r == 0)
        r = fold_add (&w->fold, ordinal, row, *len);
      if (r == 0)
        r = peek_row (w, value, len);
    }
  return r < 0 ? r : buf_error (&w->key);
}

/* The folded row, decoded. 1; 0 when there were only edges of somebody unknown. */
static int
take_group (struct walk *w, const struct member *old, const void **ret_row, size_t *ret_len,
            struct usher_member *ret)
{
  struct row row;
  int r = 0;

  if (w->fold.duplicate)
    w->m->duplicates++;
  if (old && !w->m->proof->roles && w->fold.n)
    r = fold_keep_roles (&w->fold, old->row, old->row_len);
  if (r == 0)
    r = fold_finish (&w->fold, ret_row, ret_len);
  if (r <= 0)
    return r;
  arena_reset (&w->arena);
  r = row_get (*ret_row, *ret_len, &w->arena, &row);
  if (r < 0)
    return r;
  *ret = row.member;
  w->m->seen++;
  if (row.member.state < USHER_PENDING && !is_automation (w->m, ret))
    w->m->others++;
  note_roles (w->m, ret);
  return 1;
}

static int
native_key (const void *row, size_t len, struct buf *out)
{
  struct row_key key;
  int r = row_key (row, len, &key);

  if (r < 0)
    return r;
  buf_reset (out);
  buf_putc (out, key.space);
  if (key.by_email)
    buf_putc (out, '\0');
  buf_put (out, key.id, key.len);
  return buf_error (out);
}

static int
step (struct walk *w, const void **value, size_t *len, struct buf *native)
{
  struct usher_member shown;
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
      r = on_old (w->m, &w->old);
      return r < 0 ? r : next_old (w);
    }
  r = fold_group (w, value, len);
  if (r == 0)
    r = take_group (w, order == 0 ? &w->old : NULL, &row, &row_len, &shown);
  if (r > 0 && order == 0)
    r = on_both (w->m, &w->old, row, row_len, &shown);
  else if (r > 0)
    {
      r = native_key (row, row_len, native);
      if (r == 0)
        r = on_new (w->m, native->data, native->len, row, row_len, &shown);
    }
  else if (r == 0 && order == 0)
    r = on_old (w->m, &w->old);
  if (r == 0 && order == 0)
    r = next_old (w);
  return r;
}

/* Invitations that are gone and did not come back as members: expired, never missing. */
static int
expire_invitations (struct merge *m)
{
  size_t i, j;
  int r = 0;

  for (i = 0; i < m->n_gone_invites && r == 0; i++)
    {
      struct member old;
      struct member_link link;

      for (j = 0; j < m->n_adopted_invites; j++)
        if (id_equal (&m->gone_invites[i], &m->adopted_invites[j]))
          break;
      if (j < m->n_adopted_invites
          || txn_member_get (look (m), &m->run->hub_id, &m->gone_invites[i], &old) != 1
          || old.link.status == MEMBER_INVITE_EXPIRED || old.link.status == MEMBER_INVITING
          || old.link.status == MEMBER_AWAITING_DEPROVISIONING)
        continue;
      link = old.link;
      set_status (&link, id_is_zero (&link.person) ? MEMBER_REMOVED : MEMBER_INVITE_EXPIRED);
      m->changed++;
      r = put (m, &old, &link, old.key, old.key_len, NULL, 0);
    }
  return r;
}

int
merge_run (struct merge *m, struct sorter *rows)
{
  struct walk w = { .m = m, .rows = rows, .arena = ARENA_INIT (ARENA_BYTES), .key = BUF_INIT (ROW_ID_MAX + 64),
                    .held = BUF_INIT (ROW_MAX + 8) };
  _cleanup_ (buf_done) struct buf native = BUF_INIT (ROW_ID_MAX + 64);
  const void *value = NULL;
  size_t len = 0;
  int r;

  fold_init (&w.fold);
  r = seen_walk_open (m->run->e->store, &m->run->hub_id, &w.seen);
  if (r == 0)
    r = next_old (&w);
  if (r == 0)
    r = peek_row (&w, &value, &len);
  while (r == 0 && (w.old_side.there || w.new_side.there))
    r = step (&w, &value, &len, &native);
  /* Pages that moved may have hidden an invitation. */
  if (r == 0 && m->duplicates == 0)
    r = expire_invitations (m);
  if (w.seen)
    seen_walk_close (w.seen);
  fold_done (&w.fold);
  arena_done (&w.arena);
  buf_done (&w.key);
  buf_done (&w.held);
  return r;
}

int
merge_row_of (struct merge *m, const struct id *member, struct buf *out)
{
  struct member old;

  if (txn_member_get (look (m), &m->run->hub_id, member, &old) != 1)
    return 0;
  buf_reset (out);
  buf_put (out, old.row, old.row_len);
  return buf_error (out) ? buf_error (out) : 1;
}

uint32_t
merge_missed (struct merge *m, const struct id *member)
{
  struct member old;

  return txn_member_get (look (m), &m->run->hub_id, member, &old) == 1 ? old.link.missed : 0;
}

int
merge_missing (struct merge *m, const bool *confirmed)
{
  size_t i;
  int r = 0;

  for (i = 0; i < m->n_missing && r == 0; i++)
    {
      struct member old;
      struct member_link link;

      if (txn_member_get (look (m), &m->run->hub_id, &m->missing[i], &old) != 1)
        continue;
      link = old.link;
      if (!confirmed[i])
        link.missed++;
      else
        {
          set_status (&link, MEMBER_REMOVED);
          link.missed = 0;
          link.before = 0;
          link.last_seen_ms = json_time (m->run->hub, "last_synced_at");
          link.flags &= ~(MEMBER_F_EXEMPT | MEMBER_F_BY_USHER | MEMBER_F_DISABLED);
          r = note_event (m, "member.removed", &link, "native");
        }
      if (r == 0)
        r = put (m, &old, &link, old.key, old.key_len, NULL, 0);
    }
  return r;
}
