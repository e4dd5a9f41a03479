/* One user, by id, by name or by address.  A filter is asked for and never trusted: what comes
   back is compared here, and a server that does not filter is recognised by answers that do not
   fit.  */
#include <config.h>

#include "plugins/seat/scim.h"

#include <string.h>

/* What GET by id says: an app may answer 404 although it has the user. */
static int32_t
get_user (struct usher_ctx *ctx, struct scim *s, const char *id, struct scim_user *ret)
{
  _cleanup_ (freep) char *url = NULL;
  struct scim_answer a = { 0 };
  int32_t r;

  if (!scim_id_ok (id))
    return seat_fail (ctx, USHER_E_SHAPE, NULL, "The id of this user cannot stand in an address");
  url = scim_url (s, "Users", id);
  r = scim_call (ctx, s, "GET", url, NULL, NULL, &a);
  if (r < 0)
    return r;
  if (a.status == 200)
    r = scim_user_parse (ctx, s, &a, ret);
  else if (scim_gone (&a))
    r = USHER_ABSENT;
  else if (a.status == 404 || a.status == 410)
    r = seat_fail (ctx, USHER_E_SHAPE, NULL,
                   "Asked for a user, the app answered status %d without a SCIM error",
                   (int) a.status);
  else
    r = scim_error (ctx, &a, SCIM_TO_READ);
  scim_answer_done (&a);
  if (r == USHER_DONE && strcmp (ret->row.id, id) != 0)
    {
      scim_user_done (ret);
      return seat_fail (ctx, USHER_E_SHAPE, NULL, "Asked for a user, the app answered another");
    }
  return r;
}

struct search
{
  struct scim *s;
  const char *id;            /* NULL = whoever the name or the address fits */
  const char *username, *email;
  struct scim_user user;     /* the best one */
  bool found, by_name;
  uint64_t others;           /* answers that do not fit */
};

static bool
has_address (const struct usher_item *item, const struct scim_view *view, const char *email)
{
  if (!email)
    return false;
  for (const struct usher_value *v = usher_item_get (item, SCIM_F_EMAIL); v;
       v = usher_item_next (item, v))
    if (v->type == USHER_V_STRING && text_same (v->text, email))
      return true;
  return text_same (view->row.email, email);
}

static int32_t
on_candidate (void *arg, const struct usher_item *item)
{
  struct search *search = arg;
  struct scim_view view;
  struct scim_user kept;
  bool by_name, by_address, by_id;
  int32_t r = scim_user_view (search->s, item, &view);

  if (r < 0)
    return r;
  by_name = text_same (view.row.username, search->username);
  by_address = has_address (item, &view, search->email);
  by_id = search->id && view.row.id && strcmp (view.row.id, search->id) == 0;
  if (!view.row.id || (!by_name && !by_address && !by_id))
    {
      search->others++;
      return USHER_DONE;
    }
  /* Somebody else has the name or the address now. */
  if (search->id && !by_id)
    return USHER_DONE;
  if (search->found && (search->by_name || !by_name))
    return USHER_DONE;
  r = scim_user_keep (&view, &kept);
  if (r < 0)
    return r;
  scim_user_done (&search->user);
  search->user = kept;
  search->found = true;
  search->by_name = by_name;
  return USHER_DONE;
}

/* One filtered list.  USHER_DONE: found, or the app's word that there is none (search->found);
   USHER_ABSENT: the app does not filter by this. */
static int32_t
ask_filter (struct usher_ctx *ctx, struct search *search, const char *attribute,
            const char *value)
{
  struct scim *s = search->s;
  _cleanup_ (freep) char *url = scim_url_filter (s, "Users", attribute, value);
  struct usher_response response = { .size = sizeof response };
  struct scim_answer a = { 0 };
  int64_t total;
  uint32_t h;
  int32_t r;

  search->others = 0;
  r = scim_get_open (ctx, url, &h);
  if (r < 0)
    return r;
  r = usher_http_head (ctx, h, &response);
  if (r >= 0 && response.status == 200)
    {
      r = usher_rows_each (s->users, ctx, h, on_candidate, search);
      if (r >= 0 && !usher_rows_present (s->users)
          && usher_value_int (usher_rows_page (s->users, 0), 0, INT64_MAX, &total) < 0)
        r = seat_fail (ctx, USHER_E_SHAPE, NULL, "The app's answer to a filter is not a SCIM list");
      else if (r >= 0 && !search->found && search->others > 0)
        r = USHER_ABSENT;
    }
  else if (r >= 0)
    {
      r = scim_answer_read (ctx, h, &a);
      if (r >= 0 && (a.status == 400 || a.status == 403 || a.status == 501))
        r = USHER_ABSENT;
      else if (r >= 0 && !scim_gone (&a))     /* some say 404 when there is none */
        r = scim_error (ctx, &a, SCIM_TO_READ);
      scim_answer_done (&a);
    }
  usher_http_close (ctx, h);
  return r;
}

/* Through the whole list.  USHER_DONE; not found counts only when the list was whole. */
static int32_t
ask_all (struct usher_ctx *ctx, struct search *search)
{
  struct scim_walk w = { .ctx = ctx, .s = search->s, .kind = "Users", .rows = search->s->users,
                         .item = on_candidate, .arg = search };
  const char *why = NULL;
  int64_t total;
  int32_t r = scim_walk_begin (&w);

  if (r >= 0)
    r = scim_walk_run (&w);
  if (r >= 0 && !search->found && scim_walk_verdict (&w, &total, &why) != USHER_COMPLETE)
    r = seat_fail (ctx, USHER_E_SHAPE, NULL, "Whether the user exists is not known: %s", why);
  scim_walk_done (&w);
  return r;
}

/* Name first, since it is unique; then the address. */
static int32_t
ask_filters (struct usher_ctx *ctx, struct search *search)
{
  const char *name = search->username ? search->username : search->email;
  int32_t r = USHER_ABSENT;

  if (name && !search->s->find_by_email)
    {
      r = ask_filter (ctx, search, search->s->find, name);
      if (r != USHER_DONE || search->found || !search->email)
        return r;
      return ask_filter (ctx, search, "emails.value", search->email);
    }
  return search->email ? ask_filter (ctx, search, search->s->find, search->email) : r;
}

static int32_t
run_search (struct usher_ctx *ctx, struct search *search, bool walk, struct scim_user *ret)
{
  int32_t r = ask_filters (ctx, search);

  /* Who is known by id may have another name by now: only the whole list says that he is gone. */
  if (walk && !search->found && (r == USHER_ABSENT || (r == USHER_DONE && search->id)))
    r = ask_all (ctx, search);
  if (r >= 0 && search->found)
    {
      *ret = search->user;
      return USHER_DONE;
    }
  scim_user_done (&search->user);
  return r < 0 ? r : USHER_ABSENT;
}

int32_t
scim_find (struct usher_ctx *ctx, struct scim *s, const char *username, const char *email,
           bool walk, struct scim_user *ret)
{
  struct search search = { .s = s, .username = username, .email = email };

  if (!username && !email)
    return seat_fail (ctx, USHER_E_FIELD, "email", "There is neither a user name nor an address");
  return run_search (ctx, &search, walk, ret);
}

int32_t
scim_look_up (struct usher_ctx *ctx, struct scim *s, const struct usher_member *who,
              struct scim_user *ret)
{
  struct search search = { .s = s, .id = who->id, .username = who->username, .email = who->email };
  int32_t r;

  if (!who->id)
    return scim_find (ctx, s, who->username, who->email, /* walk */ true, ret);
  r = get_user (ctx, s, who->id, ret);
  /* Not every app can be asked by id; a leaver must not pass for gone. */
  return r == USHER_ABSENT ? run_search (ctx, &search, /* walk */ true, ret) : r;
}

int32_t
scim_read (struct usher_ctx *ctx, struct scim *s, const struct usher_member *who)
{
  struct scim_user user = { 0 };
  int32_t r = scim_look_up (ctx, s, who, &user);

  if (r == USHER_DONE)
    r = scim_group_roles (ctx, s, &user);
  if (r == USHER_DONE)
    r = usher_emit_member (ctx, &user.row);
  scim_user_done (&user);
  return r;
}
