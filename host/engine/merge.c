/* Owns what becomes of a member that the app shows, or shows no more (behaviour 4.2, 5.4),
   and who it is.  Every difference becomes a line of the delta; nothing is written to the
   store.  merge-walk.c asks. */
#include <config.h>

#include "host/common/clock.h"
#include "host/common/text.h"
#include "host/engine/members.h"
#include "host/engine/settings.h"
#include "host/engine/sync.h"

#define LOOKS_PER_SNAPSHOT 1000u
#define ROLES_MAX 10000u

void
merge_init (struct merge *m, struct run *run)
{
  *m = (struct merge) { .run = run, .roles_seen = json_object (), .held = ARENA_INIT (MEMBER_HELD_MAX) };
  ranks_init (&m->ranks, run->app, run->hub);
  plan_init (&m->plan);
}

void
merge_done (struct merge *m)
{
  free (m->missing);
  free (m->lowered);
  free (m->kept_missing);
  free (m->kept_lowered);
  free (m->linked);
  crowd_done (&m->crowd);
  free (m->gone_invites.v);
  free (m->adopted_invites.v);
  arena_done (&m->held);
  json_decref (m->roles_seen);
  ranks_done (&m->ranks);
  plan_done (&m->plan);
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

int
merge_rest (struct merge *m)
{
  int x = m->look ? txn_error (m->look) : 0;

  if (m->look)
    txn_abort (TAKE (m->look));
  return x;
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

static int
add_id (struct ids *ids, const struct id *id)
{
  return push_id (&ids->v, &ids->n, &ids->cap, id);
}

/* ---- People linked in this pass: a second account with the same address must not be
   linked too.  A bit for each number of a person. */

/* True when the person NUMBER was linked already (or there is no memory to know); else it
   counts as linked from now on. */
static bool
linked_before (struct merge *m, uint64_t number)
{
  size_t word = (size_t) (number / 64);
  uint64_t bit = UINT64_C (1) << number % 64;

  if (word >= m->cap_linked)
    {
      size_t cap = MAX (word + 1, m->cap_linked * 2);
      uint64_t *grown = reallocarray (m->linked, cap, sizeof *grown);

      if (!grown)
        return true;
      memset (grown + m->cap_linked, 0, (cap - m->cap_linked) * sizeof *grown);
      m->linked = grown;
      m->cap_linked = cap;
    }
  if (m->linked[word] & bit)
    return true;
  m->linked[word] |= bit;
  return false;
}

/* ---- Deciding. */

/* The address to match by, as it is compared; its length, 0 for none. */
size_t
merge_address_of (const struct row_view *shown, char ret[EMAIL_MAX])
{
  const struct row_text *t = &shown->email;

  if (!t->s && shown->username.s && memchr (shown->username.s, '@', shown->username.len))
    t = &shown->username;
  return t->s ? email_fold (t->s, t->len, ret) : 0;
}

int
merge_find_person (void *arg, const char *address, size_t len, struct person_facts *ret)
{
  struct txn *t = look (arg);
  int found = txn_person_by_address (t, address, len, ret);

  return txn_error (t) ? txn_error (t) : found;
}

/* Whose address this is: 1, or 0. */
static int
person_of (struct merge *m, const struct row_view *shown, struct person_facts *ret)
{
  char address[EMAIL_MAX];
  size_t len;

  if (m->one)
    {
      *ret = m->one->person;
      return m->one->found;
    }
  len = m->nobody ? 0 : merge_address_of (shown, address);
  return len ? merge_find_person (m, address, len, ret) : 0;
}

/* The one person whose address this is, who is not linked here yet. */
static bool
person_for (struct merge *m, const struct row_view *shown, struct person_facts *ret)
{
  struct member other;

  if (person_of (m, shown, ret) != 1 || ret->removed)
    return false;
  if (!m->empty && txn_member_by_person (m->look, &m->run->hub_id, &ret->id, &other) == 1
      && member_is_live (&other.link))
    return false;
  return !linked_before (m, ret->number);
}

/* In ASCII letters of any case; no text is like NULL. */
static bool
text_is (const struct row_text *t, const char *s)
{
  return s && t->s && ascii_same (t->s, t->len, s);
}

static bool
is_automation (const struct merge *m, const struct row_view *shown)
{
  return (shown->flags & USHER_F_SELF) || text_is (&shown->username, m->own_name)
         || text_is (&shown->email, m->own_name) || text_is (&shown->email, m->own_email);
}

static void
set_status (const struct merge *m, struct member_link *link, uint16_t status)
{
  if (link->status != status)
    link->changed_ms = m->now_ms;
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
try_match (struct merge *m, struct member_link *link, const struct row_view *shown)
{
  struct person_facts person;

  if (!id_is_zero (&link->person)
      || (link->flags & (MEMBER_F_EXEMPT | MEMBER_F_NO_AUTO_MATCH | MEMBER_F_AUTOMATION))
      || shown->state == USHER_DISABLED || (shown->flags & USHER_F_NOT_A_PERSON)
      || !person_for (m, shown, &person))
    return 0;
  link->person = person.id;
  link->flags |= MEMBER_F_ADOPTED | (person.guest ? MEMBER_F_GUEST : 0);
  link->hub_role = HUB_COLLABORATOR;
  link->adopted_ms = m->now_ms;
  set_status (m, link, shown->state >= USHER_PENDING ? MEMBER_PENDING_INVITE : member_settled (m->run->hub));
  return note_event (m, "member.matched", link, "auto");
}

/* Flags that say what the app shows now; of somebody who could not be read, what was known. */
static void
take_state (struct merge *m, struct member_link *link, const struct row_view *shown)
{
  link->flags &= ~MEMBER_F_INVITE;
  if (shown->state != USHER_UNREADABLE)
    link->flags &= ~(MEMBER_F_DISABLED | MEMBER_F_AUTOMATION);
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
next_status (struct merge *m, struct member_link *link, const struct row_view *shown)
{
  bool active = shown->state == USHER_ACTIVE;
  const char *outcome;

  if (shown->state == USHER_UNREADABLE)
    {
      if (link->status != MEMBER_SYNC_FAILED)
        link->before = link->status;
      set_status (m, link, MEMBER_SYNC_FAILED);
      return 0;
    }
  if (link->status == MEMBER_SYNC_FAILED)
    {
      set_status (m, link, link->before ? link->before : MEMBER_UNMATCHED);
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
      set_status (m, link, MEMBER_UNMATCHED);
      return note_event (m, "member.reappeared", link, outcome);
    case MEMBER_PENDING_INVITE:
    case MEMBER_INVITE_EXPIRED:
    case MEMBER_INVITE_FAILED:
      if (active)
        {
          set_status (m, link, id_is_zero (&link->person) ? MEMBER_UNMATCHED : member_settled (m->run->hub));
          invitation_accepted (link);
          return note_event (m, "member.joined", link, NULL);
        }
      if (shown->state == USHER_PENDING)
        set_status (m, link, MEMBER_PENDING_INVITE);
      if (shown->state == USHER_EXPIRED || shown->state == USHER_DECLINED)
        set_status (m, link, MEMBER_INVITE_EXPIRED);
      return 0;
    case MEMBER_UPDATE_FAILED:
      /* What the app shows is what counts from now on (behaviour 7.2). */
      set_status (m, link, member_settled (m->run->hub));
      return 0;
    case MEMBER_DEPROVISIONING_FAILED:
      if (shown->state != USHER_DISABLED)
        return 0;
      set_status (m, link, MEMBER_REMOVED);
      link->flags |= MEMBER_F_BY_USHER;
      return 0;
    default:
      return 0;
    }
}

/* An app may go on showing an invitation that can no longer be accepted. */
static void
look_at_invitation (struct merge *m, struct member_link *link, const void *row, size_t row_len)
{
  if (link->status == MEMBER_PENDING_INVITE && invitation_over (m->run->app, link, row, row_len, m->now_ms))
    set_status (m, link, MEMBER_INVITE_EXPIRED);
}

/* An invitation that was accepted comes back as a member with the same address: the
   link, and everything decided about it, goes on with the new id. */
static bool
adopt_invitation (struct merge *m, const struct row_view *shown, struct member *ret)
{
  char email[EMAIL_MAX + 1];
  size_t len = merge_address_of (shown, email), n, i;
  struct id ids[8];
  struct member old;

  if (!len || shown->state >= USHER_PENDING)
    return false;
  email[len] = '\0';
  n = txn_member_find (look (m), &m->run->hub_id, email, ids, ARRAY_SIZE (ids));
  for (i = 0; i < n; i++)
    if (txn_member_get (m->look, &m->run->hub_id, &ids[i], &old) == 1 && member_is_live (&old.link)
        && (!old.key || (old.link.flags & MEMBER_F_INVITE)))
      {
        /* The snapshot it lies in may be renewed before it is written. */
        arena_reset (&m->held);
        *ret = old;
        return member_hold (ret, &m->held) == 0
               && add_id (&m->adopted_invites, &old.link.id) == 0;
      }
  return false;
}

static void
note_role (struct merge *m, const struct row_text *group, const struct row_text *id)
{
  json_t *ids = json_object_getn (m->roles_seen, group->s, group->len);

  if (!ids)
    {
      ids = json_object ();
      (void) json_object_setn_new (m->roles_seen, group->s, group->len, ids);
    }
  if (json_object_size (ids) < ROLES_MAX && !json_object_getn (ids, id->s, id->len))
    (void) json_object_setn_new (ids, id->s, id->len, json_true ());
}

/* Members of a hub share few sets of roles.  LASTING: the row stays where it is, so that
   its set is known again. */
static void
note_roles (struct merge *m, const struct row_view *shown, bool lasting)
{
  struct row_text left = shown->roles, group, id, *known;

  if (!left.len)
    return;
  known = &m->role_sets[(left.len * 31 + (unsigned char) left.s[left.len - 1]) % MERGE_ROLE_SETS];
  if (known->len == left.len && memcmp (known->s, left.s, left.len) == 0)
    return;
  while (row_next_role (&left, &group, &id))
    note_role (m, &group, &id);
  if (lasting)
    *known = shown->roles;
}

void
merge_count (struct merge *m, const struct row_view *shown, bool lasting)
{
  m->seen++;
  if (shown->state < USHER_PENDING && !is_automation (m, shown))
    m->others++;
  note_roles (m, shown, lasting);
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
         && a->invitations == b->invitations && id_equal (&a->person, &b->person);
}

static void
plan_one (struct merge *m, enum plan_action action, const struct id *member, const struct row_view *was,
          const struct row_view *now)
{
  if (plan_count (&m->plan, action))
    plan_item (&m->plan, action, plan_member (member, was, now));
}

int
merge_on_new (struct merge *m, const char *key, size_t key_len, const void *row, size_t row_len,
        const struct row_view *shown)
{
  struct member_link link = { .first_seen_ms = m->now_ms, .status = MEMBER_UNMATCHED };
  struct member invited;
  bool adopted = !m->empty && adopt_invitation (m, shown, &invited);
  bool known = adopted || shown->state == USHER_UNREADABLE;  /* who it is, or that nobody can tell yet */
  int r;

  if (adopted)
    link = invited.link;
  else
    link.id = id_new ();
  m->added++;
  take_state (m, &link, shown);
  r = known ? next_status (m, &link, shown) : 0;
  if (r == 0 && !adopted)
    {
      link.changed_ms = link.first_seen_ms;
      if (!known)
        r = try_match (m, &link, shown);
      if (r == 0 && id_is_zero (&link.person))
        {
          if (link.flags & MEMBER_F_AUTOMATION)
            set_status (m, &link, MEMBER_ONBOARDED);
          r = note_event (m, "member.found", &link, NULL);
        }
    }
  look_at_invitation (m, &link, row, row_len);
  plan_one (m, PLAN_ADD, &link.id, NULL, shown);
  return r < 0 ? r : put (m, adopted ? &invited : NULL, &link, key, key_len, row, row_len);
}

/* The entry of keep-members that names OLD by its id, native id or address; NULL = none. */
static const json_t *
kept_as (const struct merge *m, const struct member *old, const struct row_view *row)
{
  const json_t *entry, *list = json_object_get (json_object_get (m->run->hub, "settings"), "keep-members");
  char id[ID_TEXT_SIZE], address[EMAIL_MAX], kept[EMAIL_MAX];
  size_t len = merge_address_of (row, address), i;

  id_format (&old->link.id, id);
  json_array_foreach (list, i, entry)
    {
      const char *name = json_string_value (entry);

      if (name && (streq (name, id)
                   || (row->id.s && strlen (name) == row->id.len && memcmp (name, row->id.s, row->id.len) == 0)
                   || (len && email_fold (name, strlen (name), kept) == len && memcmp (kept, address, len) == 0)))
        return entry;
    }
  return NULL;
}

/* *AT remembers the first of those who are KEPT (NULL = not one). */
static int
note_kept (char **at, const json_t *kept)
{
  if (kept && !*at)
    *at = strdup (json_string_value (kept));
  return kept && !*at ? -ENOMEM : 0;
}

/* Plans what OLD turns into, and notes what the guard is to know of it. */
static int
plan_changed (struct merge *m, const struct member *old, const struct row_view *shown)
{
  struct row_view was;
  bool lowered, top;
  const json_t *kept;
  int r;

  if (row_look (old->row, old->row_len, &was) < 0)
    return 0;
  lowered = member_is_known (&old->link) && ranks_lowered (&m->ranks, &was, shown);
  plan_one (m, lowered ? PLAN_LOWER : PLAN_CHANGE, &old->link.id, &was,
            shown->state == USHER_UNREADABLE ? &was : shown);
  if (!lowered)
    return 0;
  top = ranks_top_held (&m->ranks, old) && !ranks_top (&m->ranks, shown);
  m->top_lowered += top;
  kept = kept_as (m, old, &was);
  r = note_kept (&m->kept_lowered, kept);
  if (r < 0)
    return r;
  return top || kept ? push_id (&m->lowered, &m->n_lowered, &m->cap_lowered, &old->link.id) : 0;
}

int
merge_on_both (struct merge *m, const struct member *old, const void *row, size_t row_len,
         const struct row_view *shown)
{
  bool same_row = old->row_len == row_len && memcmp (old->row, row, row_len) == 0;
  struct member_link link = old->link;
  int r;

  if (old->link.seq > m->start_seq || (shown->state == USHER_UNREADABLE && !member_is_live (&old->link)))
    return 0;
  take_state (m, &link, shown);
  r = next_status (m, &link, shown);
  if (r == 0 && link.status == MEMBER_UNMATCHED)
    r = try_match (m, &link, shown);
  if (r < 0)
    return r;
  look_at_invitation (m, &link, row, row_len);
  if (same_row && same_link (&link, &old->link))
    return 0;
  m->changed++;
  r = plan_changed (m, old, shown);
  if (r < 0)
    return r;
  /* A member that could not be read keeps the row it had. */
  if (shown->state == USHER_UNREADABLE)
    return put (m, old, &link, old->key, old->key_len, NULL, 0);
  return put (m, old, &link, old->key, old->key_len, row, row_len);
}

int
merge_on_old (struct merge *m, const struct member *old)
{
  struct row_view was;
  int r = 0;

  if (old->link.seq > m->start_seq || !member_is_live (&old->link)
      || (old->link.flags & MEMBER_F_AUTOMATION))
    return 0;
  if (old->link.flags & MEMBER_F_INVITE)
    return m->proof->invites || (old->link.status == MEMBER_PENDING_INVITE
                                 && invitation_over (m->run->app, &old->link, old->row, old->row_len, m->now_ms))
             ? add_id (&m->gone_invites, &old->link.id) : 0;
  if (!m->proof->members || !(old->link.flags & MEMBER_F_SEEN))
    return 0;
  if (row_look (old->row, old->row_len, &was) == 0)
    {
      r = note_kept (&m->kept_missing, kept_as (m, old, &was));
      plan_one (m, PLAN_REMOVE, &old->link.id, &was, NULL);
    }
  m->missing_known += member_is_known (&old->link);
  m->top_missing += ranks_top_held (&m->ranks, old);
  return r < 0 ? r : push_id (&m->missing, &m->n_missing, &m->cap_missing, &old->link.id);
}

static int
id_order (const void *a, const void *b)
{
  return memcmp (((const struct id *) a)->b, ((const struct id *) b)->b, ID_BYTES);
}

/* Invitations that are gone and did not come back as members: expired, never missing. */
int
merge_expire_invitations (struct merge *m)
{
  const struct ids *adopted = &m->adopted_invites;
  size_t i;
  int r = 0;

  if (adopted->n)
    qsort (adopted->v, adopted->n, sizeof *adopted->v, id_order);
  for (i = 0; i < m->gone_invites.n && r == 0; i++)
    {
      const struct id *id = &m->gone_invites.v[i];
      struct member old;
      struct member_link link;
      struct row_view was;

      if ((adopted->n && bsearch (id, adopted->v, adopted->n, sizeof *id, id_order))
          || txn_member_get (look (m), &m->run->hub_id, id, &old) != 1
          || old.link.status == MEMBER_INVITE_EXPIRED || old.link.status == MEMBER_INVITING
          || old.link.status == MEMBER_AWAITING_DEPROVISIONING)
        continue;
      link = old.link;
      /* Nobody is removed by a listing that is not proved. */
      set_status (m, &link, id_is_zero (&link.person) && m->proof->invites ? MEMBER_REMOVED : MEMBER_INVITE_EXPIRED);
      m->changed++;
      plan_one (m, PLAN_CHANGE, &link.id, row_look (old.row, old.row_len, &was) == 0 ? &was : NULL, NULL);
      r = put (m, &old, &link, old.key, old.key_len, NULL, 0);
    }
  return r;
}

void
merge_miss_nobody (struct merge *m)
{
  m->n_missing = m->missing_known = m->top_missing = 0;
  free (TAKE (m->kept_missing));
  plan_remove_nobody (&m->plan);
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
merge_missing (struct merge *m, const enum absence *absences)
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
      if (absences[i] == ABSENCE_DENIED)
        link.missed = 0;
      else if (absences[i] == ABSENCE_UNSURE)
        link.missed++;
      else
        {
          set_status (m, &link, MEMBER_REMOVED);
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
