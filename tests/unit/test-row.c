/* Rows: what a connector emits comes back, and nothing broken does. */
#include <config.h>

#include "unit.h"

#include "host/common/row.h"

static const struct usher_kv roles[] = { { "base", "admin" }, { "task", "t1" } };
static const struct usher_kv attrs[] = { { "dept", "R&D" }, { "empty", NULL } };
static const char *const actions[] = { "read", "write" };
static const struct usher_access access_one = {
  .size = sizeof access_one, .flags = USHER_A_REVOKE, .asset = "act_1", .type = "ad",
  .role = "analyst", .actions = actions, .n_actions = 2 };
static const struct usher_access *const access_all[] = { &access_one };

static const struct usher_member ada = {
  .size = sizeof ada, .state = USHER_ACTIVE, .flags = USHER_F_SELF, .id = "17",
  .handle = "/Users/17", .username = "ada", .email = "Ada@Example.com", .first_name = "Ada",
  .last_name = "Löfgren", .name = "", .partner = "p1", .created_ms = 1, .expires_ms = -2,
  .last_used_ms = INT64_MAX, .roles = roles, .n_roles = 2, .attrs = attrs, .n_attrs = 2,
  .access = access_all, .n_access = 1 };
static const struct usher_role role = {
  .size = sizeof role, .flags = USHER_R_ASSIGNABLE, .rank = -5, .id = "r", .label = "Role",
  .group = "base", .asset_type = "ad" };
static const struct usher_object object = {
  .size = sizeof object, .kind = USHER_LICENCE, .id = "o", .type = "seat", .name = "Seats",
  .parent = "up", .total = 10, .used = -1 };

/* One row of every kind. */
static void
put (unsigned int kind, struct buf *out)
{
  int r = -1;

  buf_reset (out);
  if (kind == ROW_MEMBER)
    r = row_put_member (out, &ada);
  else if (kind == ROW_ROLE)
    r = row_put_role (out, &role);
  else if (kind == ROW_OBJECT)
    r = row_put_object (out, &object);
  else if (kind == ROW_ACCESS)
    r = row_put_access (out, &ada, &access_one);
  else if (kind == ROW_ROLE_OF)
    r = row_put_role_of (out, &ada, &roles[1]);
  ck_assert_int_eq (r, 0);
}

START_TEST (test_a_member_comes_back_with_every_field)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  const struct usher_member *m;
  struct row row;

  put (ROW_MEMBER, &out);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), 0);
  m = &row.member;
  ck_assert_uint_eq (row.kind, ROW_MEMBER);
  ck_assert_uint_eq (m->size, sizeof *m);
  ck_assert_uint_eq (m->state, USHER_ACTIVE);
  ck_assert_uint_eq (m->flags, USHER_F_SELF);
  ck_assert_str_eq (m->id, "17");
  ck_assert_str_eq (m->handle, "/Users/17");
  ck_assert_str_eq (m->username, "ada");
  ck_assert_str_eq (m->email, "Ada@Example.com");
  ck_assert_str_eq (m->first_name, "Ada");
  ck_assert_str_eq (m->last_name, "Löfgren");
  ck_assert_str_eq (m->name, "");
  ck_assert_str_eq (m->partner, "p1");
  ck_assert_int_eq (m->created_ms, 1);
  ck_assert_int_eq (m->expires_ms, -2);
  ck_assert_int_eq (m->last_used_ms, INT64_MAX);
  ck_assert_uint_eq (m->n_roles, 2);
  ck_assert_str_eq (m->roles[1].key, "task");
  ck_assert_str_eq (m->roles[1].value, "t1");
  ck_assert_uint_eq (m->n_attrs, 2);
  ck_assert_str_eq (m->attrs[0].value, "R&D");
  ck_assert_ptr_null (m->attrs[1].value);
  ck_assert_uint_eq (m->n_access, 1);
  ck_assert_str_eq (m->access[0]->asset, "act_1");
  ck_assert_str_eq (m->access[0]->actions[1], "write");
  ck_assert_uint_eq (m->access[0]->flags, USHER_A_REVOKE);
}
END_TEST

START_TEST (test_the_other_kinds_come_back)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  struct row row;

  put (ROW_ROLE, &out);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), 0);
  ck_assert_int_eq (row.role.rank, -5);
  ck_assert_uint_eq (row.role.flags, USHER_R_ASSIGNABLE);
  ck_assert_str_eq (row.role.id, "r");
  ck_assert_str_eq (row.role.label, "Role");
  ck_assert_str_eq (row.role.group, "base");
  ck_assert_str_eq (row.role.asset_type, "ad");
  put (ROW_OBJECT, &out);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), 0);
  ck_assert_uint_eq (row.object.kind, USHER_LICENCE);
  ck_assert_str_eq (row.object.id, "o");
  ck_assert_str_eq (row.object.type, "seat");
  ck_assert_str_eq (row.object.name, "Seats");
  ck_assert_str_eq (row.object.parent, "up");
  ck_assert_int_eq (row.object.total, 10);
  ck_assert_int_eq (row.object.used, -1);
  put (ROW_ACCESS, &out);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), 0);
  ck_assert_str_eq (row.member.id, "17");
  ck_assert_str_eq (row.member.email, "Ada@Example.com");
  ck_assert_str_eq (row.member.partner, "p1");
  ck_assert_str_eq (row.access.role, "analyst");
  ck_assert_str_eq (row.access.type, "ad");
  ck_assert_uint_eq (row.access.n_actions, 2);
  put (ROW_ROLE_OF, &out);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), 0);
  ck_assert_str_eq (row.role_of.key, "task");
  ck_assert_str_eq (row.role_of.value, "t1");
}
END_TEST

/* The bytes cut at N, with the length before them made to agree: so each field is cut. */
static int
get_cut (const struct buf *row, size_t n, struct arena *arena)
{
  _cleanup_ (buf_done) struct buf in = BUF_INIT (ROW_MAX);
  struct row ret;

  buf_put_u32 (&in, (uint32_t) (n - 4));
  buf_put (&in, row->data + 4, n - 4);
  return row_get (in.data, in.len, arena, &ret);
}

START_TEST (test_a_row_cut_anywhere_is_refused)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  unsigned int kind;
  struct row row;
  size_t n;

  for (kind = ROW_MEMBER; kind <= ROW_ROLE_OF; kind++)
    {
      put (kind, &out);
      for (n = 0; n < out.len; n++)
        ck_assert_int_eq (row_get (out.data, n, &arena, &row), -EBADMSG);
      for (n = 4; n < out.len; n++)
        ck_assert_int_eq (get_cut (&out, n, &arena), -EBADMSG);
      buf_putc (&out, 0);
      ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), -EBADMSG);
      ck_assert_int_eq (get_cut (&out, out.len, &arena), -EBADMSG);
      arena_reset (&arena);
    }
}
END_TEST

START_TEST (test_a_span_is_judged_by_its_length)
{
  size_t span = 99;

  ck_assert_int_eq (row_span ("\1\0\0\0x", 5, &span), 0);
  ck_assert_uint_eq (span, 5);
  ck_assert_int_eq (row_span ("\1\0\0\0xy", 6, &span), 0);
  ck_assert_uint_eq (span, 5);
  ck_assert_int_eq (row_span ("\2\0\0\0x", 5, &span), -EBADMSG);
  ck_assert_int_eq (row_span ("\0\0\0\0", 4, &span), -EBADMSG);
  ck_assert_int_eq (row_span ("\1\0\0", 3, &span), -EBADMSG);
  ck_assert_int_eq (row_span ("\xff\xff\xff\xffx", 5, &span), -EBADMSG);
  ck_assert_uint_eq (span, 5);
}
END_TEST

static int
put_member (struct usher_member m)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (2 * ROW_MAX);
  int r;

  m.size = sizeof m;
  buf_puts (&out, "before");
  r = row_put_member (&out, &m);
  if (r < 0)
    {
      ck_assert_str_eq (out.data, "before");
      ck_assert_int_eq (buf_error (&out), 0);
    }
  return r;
}

#define PUT(...) put_member ((struct usher_member) { .state = USHER_ACTIVE, __VA_ARGS__ })
#define PUT_STATE(s, ...) put_member ((struct usher_member) { .state = (s), __VA_ARGS__ })

START_TEST (test_a_row_over_a_limit_is_not_put)
{
  static char id[ROW_ID_MAX + 2], text[ROW_TEXT_MAX + 2];
  static struct usher_kv many[20];
  static const struct usher_access *none[1];
  size_t i;

  memset (id, 'a', ROW_ID_MAX + 1);
  memset (text, 'a', ROW_TEXT_MAX + 1);
  for (i = 0; i < ARRAY_SIZE (many); i++)
    many[i] = (struct usher_kv) { "k", text + 1 };
  ck_assert_int_eq (PUT (.id = id), -E2BIG);
  ck_assert_int_eq (PUT (.id = id + 1), 0);
  ck_assert_int_eq (PUT (.id = "1", .handle = id), -E2BIG);
  ck_assert_int_eq (PUT (.id = "1", .name = text), -E2BIG);
  ck_assert_int_eq (PUT (.id = "1", .name = text + 1), 0);
  ck_assert_int_eq (PUT (.id = "1", .attrs = many, .n_attrs = 11), 0);
  ck_assert_int_eq (PUT (.id = "1", .attrs = many, .n_attrs = 20), -E2BIG);
  ck_assert_int_eq (PUT (.id = "1", .n_attrs = 65536), -E2BIG);
  ck_assert_int_eq (PUT (.id = "1", .access = none, .n_access = 1), -EINVAL);
}
END_TEST

START_TEST (test_what_is_required_is_required)
{
  const struct usher_kv groupless = { NULL, "admin" };

  ck_assert_int_eq (PUT (.email = "a@example.com"), -EINVAL);
  ck_assert_int_eq (PUT (.id = "", .email = "a@example.com"), -EINVAL);
  ck_assert_int_eq (PUT_STATE (USHER_PENDING, .email = "a@example.com"), 0);
  ck_assert_int_eq (PUT_STATE (USHER_PENDING, .id = "7"), 0);
  ck_assert_int_eq (PUT_STATE (USHER_PENDING, .name = "nobody"), -EINVAL);
  ck_assert_int_eq (PUT_STATE (0, .id = "1"), -EINVAL);
  ck_assert_int_eq (PUT_STATE (700, .id = "1"), -EINVAL);
  ck_assert_int_eq (PUT (.id = "1", .name = "caf\xe9"), -EINVAL);
  ck_assert_int_eq (PUT (.id = "1", .roles = &groupless, .n_roles = 1), -EINVAL);
}
END_TEST

START_TEST (test_an_older_struct_is_read_as_far_as_it_goes)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  struct usher_member old = ada;
  struct row row;

  old.size = offsetof (struct usher_member, email);
  old.email = (const char *) (uintptr_t) 1;
  ck_assert_int_eq (row_put_member (&out, &old), 0);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), 0);
  ck_assert_str_eq (row.member.username, "ada");
  ck_assert_ptr_null (row.member.email);
  ck_assert_uint_eq (row.member.n_roles, 0);
  old.size = 0;
  ck_assert_int_eq (row_put_member (&out, &old), -EINVAL);
}
END_TEST

START_TEST (test_the_key_is_the_id_or_the_lowered_address)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  struct usher_member m = { .size = sizeof m, .state = USHER_PENDING, .email = "Bo@Example.COM" };
  struct row_key key;

  put (ROW_MEMBER, &out);
  ck_assert_int_eq (row_key (out.data, out.len, &key), 0);
  ck_assert_int_eq (key.space, 'm');
  ck_assert (!key.by_email);
  ck_assert_uint_eq (key.len, 2);
  ck_assert_mem_eq (key.id, "17", 2);
  buf_reset (&out);
  ck_assert_int_eq (row_put_role_of (&out, &m, &roles[0]), 0);
  ck_assert_int_eq (row_key (out.data, out.len, &key), 0);
  ck_assert_int_eq (key.space, 'i');
  ck_assert (key.by_email);
  ck_assert_uint_eq (key.len, 14);
  ck_assert_mem_eq (key.id, "bo@example.com", 14);
  m.id = "inv1";
  buf_reset (&out);
  ck_assert_int_eq (row_put_member (&out, &m), 0);
  ck_assert_int_eq (row_key (out.data, out.len, &key), 0);
  ck_assert_int_eq (key.space, 'i');
  ck_assert (!key.by_email);
  ck_assert_mem_eq (key.id, "inv1", 4);
  put (ROW_ROLE, &out);
  ck_assert_int_eq (row_key (out.data, out.len, &key), -EINVAL);
}
END_TEST

START_TEST (test_a_right_may_belong_to_a_partner_as_a_whole)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  const struct usher_member partner = { .size = sizeof partner, .partner = "p9" };
  const struct usher_member nobody = { .size = sizeof nobody };
  struct row_key key;
  struct row row;

  ck_assert_int_eq (row_put_access (&out, &partner, &access_one), 0);
  ck_assert_int_eq (row_key (out.data, out.len, &key), 0);
  ck_assert_int_eq (key.space, 'p');
  ck_assert_mem_eq (key.id, "p9", 2);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), 0);
  ck_assert_str_eq (row.member.partner, "p9");
  ck_assert_int_eq (row_put_access (&out, &nobody, &access_one), -EINVAL);
  ck_assert_int_eq (row_put_member (&out, &partner), -EINVAL);
}
END_TEST

/* The key of an invitation without an id stands in the row; one that is not its address
   would let a worker merge two people. */
START_TEST (test_a_key_that_is_not_the_address_is_refused)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  const struct usher_member m
    = { .size = sizeof m, .state = USHER_PENDING, .email = "Bo@example.com" };
  struct row_key key;
  struct row row;
  char *at;

  ck_assert_int_eq (row_put_member (&out, &m), 0);
  at = memmem (out.data, out.len, "bo@", 3);
  ck_assert_ptr_nonnull (at);
  *at = 'c';
  ck_assert_int_eq (row_key (out.data, out.len, &key), -EBADMSG);
  ck_assert_int_eq (row_get (out.data, out.len, &arena, &row), -EBADMSG);
}
END_TEST

/* What row_check says is what row_get does. */
static void
same_verdict (const void *p, size_t len)
{
  _cleanup_ (arena_done) struct arena arena = ARENA_INIT (ROW_ARENA_MAX);
  enum row_kind kind = 0;
  struct row row;
  int wanted = row_get (p, len, &arena, &row);

  ck_assert_int_eq (row_check (p, len, &kind), wanted);
  ck_assert_uint_eq (kind, wanted == 0 ? row.kind : 0);
}

START_TEST (test_a_check_is_a_reading_without_a_copy)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  unsigned int kind;
  size_t i;

  for (kind = ROW_MEMBER; kind <= ROW_ROLE_OF; kind++)
    {
      enum row_kind found = 0;

      put (kind, &out);
      ck_assert_int_eq (row_check (out.data, out.len, &found), 0);
      ck_assert_uint_eq (found, kind);
      for (i = 0; i < out.len; i++)
        {
          same_verdict (out.data, i);
          out.data[i] ^= (char) 0x80;
          same_verdict (out.data, out.len);
          out.data[i] ^= (char) 0x81;
          same_verdict (out.data, out.len);
          out.data[i] ^= 1;
        }
    }
}
END_TEST

static void
is_text (struct row_text seen, const char *wanted)
{
  ck_assert_int_eq (seen.s == NULL, wanted == NULL);
  if (wanted)
    {
      ck_assert_uint_eq (seen.len, strlen (wanted));
      ck_assert_mem_eq (seen.s, wanted, seen.len);
    }
}

/* A look at the row of M shows what M has. */
static void
look_shows (const struct usher_member *m)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  struct row_text group, id;
  struct row_view v;
  size_t i;

  ck_assert_int_eq (row_put_member (&out, m), 0);
  ck_assert_int_eq (row_look (out.data, out.len, &v), 0);
  ck_assert_uint_eq (v.state, m->state);
  ck_assert_uint_eq (v.flags, m->flags);
  is_text (v.id, m->id);
  is_text (v.email, m->email);
  is_text (v.username, m->username);
  for (i = 0; i < m->n_roles; i++)
    {
      ck_assert (row_next_role (&v.roles, &group, &id));
      is_text (group, m->roles[i].key);
      is_text (id, m->roles[i].value);
    }
  ck_assert (!row_next_role (&v.roles, &group, &id));
}

START_TEST (test_a_look_shows_what_was_put)
{
  struct usher_member m = ada;

  look_shows (&m);
  m.email = m.username = NULL;
  m.n_roles = 1;
  look_shows (&m);
  m.n_roles = 0;
  m.name = m.first_name = m.last_name = m.handle = m.partner = NULL;
  look_shows (&m);
  /* An invitation that is known by its address, and has a key of it. */
  m = ada;
  m.state = USHER_PENDING;
  m.id = NULL;
  look_shows (&m);
}
END_TEST

START_TEST (test_a_look_stays_inside)
{
  _cleanup_ (buf_done) struct buf out = BUF_INIT (ROW_MAX);
  struct row_view v = { .state = 77 };
  unsigned int kind;
  size_t n;

  for (kind = ROW_ROLE; kind <= ROW_ROLE_OF; kind++)
    {
      put (kind, &out);
      ck_assert_int_eq (row_look (out.data, out.len, &v), -EBADMSG);
    }
  ck_assert_uint_eq (v.state, 77);
  put (ROW_MEMBER, &out);
  for (n = 0; n < out.len; n++)
    {
      /* In a place of just that size, the length agreeing where there is one. */
      char *cut = malloc (n ? n : 1);
      struct row_text group, id;

      memcpy (cut, out.data, n);
      ck_assert_int_eq (row_look (cut, n, &v), -EBADMSG);
      if (n >= ROW_PREFIX)
        {
          cut[0] = (char) (n - ROW_PREFIX);
          cut[1] = (char) ((n - ROW_PREFIX) >> 8);
          if (row_look (cut, n, &v) == 0)
            while (row_next_role (&v.roles, &group, &id))
              ck_assert (id.s && id.s + id.len <= cut + n);
        }
      free (cut);
    }
}
END_TEST

START_TEST (test_roles_that_are_cut_end)
{
  static const char bytes[] = { 1, 0, 'g', 2, 0, 'i', 'd', 1, 0, 'g', 9, 0, 'x' };
  struct row_text rest = { bytes, sizeof bytes }, group, id;

  ck_assert (row_next_role (&rest, &group, &id));
  is_text (group, "g");
  is_text (id, "id");
  ck_assert (!row_next_role (&rest, &group, &id));
}
END_TEST

static void
fill (TCase *t)
{
  tcase_add_test (t, test_a_member_comes_back_with_every_field);
  tcase_add_test (t, test_the_other_kinds_come_back);
  tcase_add_test (t, test_a_row_cut_anywhere_is_refused);
  tcase_add_test (t, test_a_span_is_judged_by_its_length);
  tcase_add_test (t, test_a_row_over_a_limit_is_not_put);
  tcase_add_test (t, test_what_is_required_is_required);
  tcase_add_test (t, test_an_older_struct_is_read_as_far_as_it_goes);
  tcase_add_test (t, test_the_key_is_the_id_or_the_lowered_address);
  tcase_add_test (t, test_a_right_may_belong_to_a_partner_as_a_whole);
  tcase_add_test (t, test_a_key_that_is_not_the_address_is_refused);
  tcase_add_test (t, test_a_check_is_a_reading_without_a_copy);
  tcase_add_test (t, test_a_look_shows_what_was_put);
  tcase_add_test (t, test_a_look_stays_inside);
  tcase_add_test (t, test_roles_that_are_cut_end);
}

UNIT_MAIN ("row", fill)
