/* Changes: the steps of the descriptor, one after the other.  Behind each step but the last a
   checkpoint keeps where it stands and what it learned, so that a change that is called again goes
   on with the next one.  */
#include <config.h>

#include "plugins/seat/rest/steps.h"

#include <string.h>

struct run
{
  struct rest_op op;
  const struct usher_change *change;
  enum rest_aim aim;
  const json_t *steps;          /* one step, or an array of them */
  size_t n;
  size_t step, round;           /* under way; round: of a step that is repeated */
  struct rest_names kept;       /* what steps learned */
  bool ran, wrote;              /* some step ran; one that changes something was sent */
  bool emitted;
  bool changed, already, invited;   /* what the steps answered */
  bool stop;                    /* the steps behind are not needed */
  /* of the step under way */
  const json_t *spec;
  const struct rest_source *source;
  const struct rest_answer *answer;
  bool found;
};

static const json_t *
step_at (const struct run *w, size_t i)
{
  return json_is_array (w->steps) ? json_array_get (w->steps, i) : w->steps;
}

/* What steps learned, as names. */
static int32_t
name_kept (struct run *w)
{
  int32_t r = USHER_DONE;

  for (size_t i = 0; i < w->kept.n && r >= 0; i++)
    r = rest_names_set (&w->op.names, w->kept.v[i].name, w->kept.v[i].value);
  return r;
}

/* ---- Checkpoints ---- */

static int32_t
keep_place (struct run *w)
{
  _cleanup_ (json_decrefp) json_t *kept = json_object (), *state = NULL;
  _cleanup_ (freep) char *text = NULL;

  for (size_t i = 0; i < w->kept.n; i++)
    if (w->kept.v[i].value && json_object_set_new (kept, w->kept.v[i].name, json_string (w->kept.v[i].value)) < 0)
      return seat_fail (w->op.ctx, USHER_E_SHAPE, NULL, "The app's %s is not UTF-8", w->kept.v[i].name);
  state = json_pack ("{s:I, s:I, s:b, s:b, s:b, s:O}", "step", (json_int_t) w->step, "round", (json_int_t) w->round,
                     "changed", w->changed, "already", w->already, "invited", w->invited, "kept", kept);
  text = state ? json_dumps (state, JSON_COMPACT) : NULL;
  if (!text)
    return USHER_E_NOMEM;
  if (strlen (text) > REST_STATE_MAX)
    return seat_fail (w->op.ctx, USHER_E_LIMIT, NULL, "The steps of the app file keep too much");
  return usher_checkpoint (w->op.ctx, text, strlen (text));
}

static int32_t
resume (struct run *w)
{
  const struct usher_change *c = w->change;
  _cleanup_ (json_decrefp) json_t *state = NULL;
  json_int_t step, round;
  const char *name;
  json_t *value;
  int32_t r = USHER_DONE;

  if (!c->resume || c->resume_len == 0)
    return USHER_DONE;
  state = json_loadb (c->resume, c->resume_len, 0, NULL);
  step = json_integer_value (json_object_get (state, "step"));
  round = json_integer_value (json_object_get (state, "round"));
  if (!json_is_object (state) || step < 0 || (size_t) step >= w->n || round < 0 || round > REST_ROLES_MAX)
    return seat_fail (w->op.ctx, USHER_E_UNCERTAIN, NULL,
                      "The change was interrupted, and the app file is another one now; look in the app how far "
                      "it came");
  w->step = (size_t) step;
  w->round = (size_t) round;
  w->ran = true;
  w->changed = json_is_true (json_object_get (state, "changed"));
  w->already = json_is_true (json_object_get (state, "already"));
  w->invited = json_is_true (json_object_get (state, "invited"));
  json_object_foreach (json_object_get (state, "kept"), name, value)
    if (r >= 0)
      r = rest_names_set (&w->kept, name, json_string_value (value));
  return r < 0 ? r : name_kept (w);
}

/* ---- One step ---- */

/* Whether a later step than the one under way shows the member. */
static bool
shown_later (const struct run *w)
{
  for (size_t i = w->step + 1; i < w->n; i++)
    if (json_object_get (step_at (w, i), "member"))
      return true;
  return false;
}

static int32_t
emit_row (struct run *w, const struct rest_texts *values)
{
  struct rest_row row;
  int32_t r;

  if (!w->source->rows || w->emitted || w->aim == REST_TO_REMOVE || shown_later (w))
    return USHER_DONE;
  r = rest_row (&w->op, &w->source->plan, values, &row);
  if (r < 0 || row.skip || !(row.row.id || (row.row.state >= USHER_PENDING && row.row.email)))
    return r;
  w->emitted = true;
  return usher_emit_member (w->op.ctx, &row.row);
}

static int32_t
take (struct run *w, const struct rest_texts *values)
{
  int32_t r = rest_source_keep (w->source, values, w->answer, &w->kept);

  return r < 0 ? r : name_kept (w);
}

static int32_t
on_item (void *arg, const struct rest_texts *values)
{
  struct run *w = arg;
  bool fits;
  int32_t r;

  if (w->found)
    return USHER_DONE;
  r = rest_source_fits (&w->op, w->source, values, &fits);
  if (r == USHER_ABSENT)
    return rest_missing (&w->op);
  if (r < 0 || !fits)
    return r;
  w->found = true;
  r = take (w, values);
  return r < 0 ? r : emit_row (w, values);
}

/* A word of the descriptor, or "continue". */
static int32_t
word_of (struct run *w, const char *key, const char *fallback)
{
  const char *word = json_string_value (json_object_get (w->spec, key));

  word = word ? word : fallback;
  return strcmp (word, "continue") == 0 ? USHER_DONE : rest_word (&w->op, word, NULL, NULL);
}

struct search
{
  struct run *run;
  struct rest_walk walk;
};

static int32_t
on_candidate (void *arg, const struct rest_texts *values)
{
  struct search *s = arg;
  int32_t r;

  rest_walk_id (&s->walk, s->walk.source->plan.slot[REST_ID] >= 0
                            ? rest_first (values, s->walk.source->plan.slot[REST_ID])
                            : rest_first (values, s->walk.source->where));
  r = on_item (s->run, values);
  return r >= 0 && s->run->found ? REST_STOP : r;
}

/* Looks through what the app shows until an item fits. */
static int32_t
find (struct run *w)
{
  struct search s = { .run = w };
  int32_t r;

  s.walk = (struct rest_walk) { .op = &w->op, .source = w->source, .aim = REST_TO_READ, .item = on_candidate,
                                .arg = &s };
  r = rest_walk_begin (&s.walk);
  if (r >= 0)
    r = rest_walk_run (&s.walk);
  rest_walk_done (&s.walk);
  if (r < 0 && r != REST_STOP)
    return r;
  if (w->found)
    return word_of (w, "found", "continue");
  return word_of (w, "none", w->aim == REST_TO_REMOVE ? "already" : "no-member");
}

static int32_t
send (struct run *w)
{
  struct rest_answer a;
  bool safe = rest_is_read (w->spec, w->aim);
  const char *key = w->aim == REST_TO_INVITE && !safe && !w->wrote ? w->change->key : NULL;
  int32_t r = rest_ask (&w->op, w->spec, w->aim, key, &a), answer = r;

  w->wrote = w->wrote || !safe;
  w->answer = &a;
  /* A refusal that is an answer has another shape. */
  if (r >= 0 && a.head.status / 100 == 2)
    r = a.len > 0 ? rest_source_each (&w->op, w->source, &a, on_item, w) : take (w, NULL);
  w->answer = NULL;
  rest_answer_done (&a);
  return r < 0 ? r : answer;
}

static int32_t
do_once (struct run *w)
{
  int32_t r;

  w->found = false;
  w->source = rest_source_of (w->op.rest, w->spec);
  r = json_is_true (json_object_get (w->spec, "find")) ? find (w) : send (w);
  if (r < 0)
    return r;
  w->already = w->already || r == USHER_ALREADY || r == USHER_ABSENT;
  w->invited = w->invited || r == USHER_INVITED;
  w->changed = w->changed || (r == USHER_DONE && !rest_is_read (w->spec, w->aim));
  /* Who is there is not invited again; who is gone cannot be changed. */
  if (r != USHER_DONE && w->aim == REST_TO_INVITE)
    w->stop = true;
  if (r != USHER_DONE && json_is_true (json_object_get (w->spec, "find")))
    w->stop = true;
  if (r == USHER_ABSENT && w->aim != REST_TO_REMOVE)
    return rest_word (&w->op, "no-member", NULL, NULL);
  return USHER_DONE;
}

/* The step for each of the roles that "for" names. */
static int32_t
do_for_each (struct run *w, const char *list)
{
  const struct usher_kv *roles[REST_ROLES_MAX];
  size_t n = 0;
  int32_t r = rest_roles_of (&w->op, list, roles, &n);

  if (r != USHER_DONE)
    return seat_fail (w->op.ctx, USHER_E_CONFIG, NULL, "The app file's step is for each of %s, which is no list", list);
  for (; w->round < n && r >= 0 && !w->stop; w->round++)
    {
      r = rest_names_set (&w->op.names, "role", rest_role_word (&w->op, roles[w->round]));
      if (r >= 0 && w->round > 0)
        r = keep_place (w);
      if (r >= 0)
        r = do_once (w);
    }
  if (r >= 0)
    r = rest_name_change (&w->op);
  return r < 0 ? r : name_kept (w);
}

/* Of a change of somebody invited, a step is only for those when it says so: an id of an invitation
   means something else where members are addressed. */
static bool
is_for_state (const struct run *w, const json_t *spec)
{
  bool told = json_object_get (json_object_get (spec, "when"), "state") != NULL;

  return told || w->aim == REST_TO_INVITE || w->change->member->state < USHER_PENDING;
}

static int32_t
do_step (struct run *w)
{
  const char *list = json_string_value (json_object_get (w->spec, "for"));
  bool fits;
  int32_t r;

  if (!is_for_state (w, w->spec))
    return USHER_DONE;
  r = rest_when (&w->op, w->spec, &fits);
  if (r < 0 || !fits)
    return r;
  w->ran = true;
  r = list ? do_for_each (w, list) : do_once (w);
  w->round = 0;
  return r;
}

static int32_t
do_steps (struct run *w)
{
  size_t from = w->step;

  for (; w->step < w->n && !w->stop; w->step++)
    {
      bool before = w->ran;
      int32_t r = USHER_DONE;

      w->spec = step_at (w, w->step);
      if (before && w->step > from)
        r = keep_place (w);
      if (r >= 0)
        r = do_step (w);
      if (r < 0)
        return r;
    }
  return USHER_DONE;
}

/* ---- The member afterwards ---- */

/* As it must be now, when no step showed it. */
static int32_t
emit_wanted (struct run *w)
{
  const struct usher_change *c = w->change;
  struct usher_member m = *c->member;
  const char *id = rest_names_get (&w->kept, "id"), *link = rest_names_get (&w->kept, "invite_link");
  const struct usher_kv attrs[] = { { "invite_link", link } };
  int32_t r;

  m.size = sizeof m;
  m.id = id ? id : m.id;
  if (rest_names_get (&w->kept, "handle"))
    m.handle = rest_names_get (&w->kept, "handle");
  /* An invitation that is sent again keeps its roles. */
  if (c->n_roles || w->aim == REST_TO_CHANGE)
    {
      m.roles = c->roles;
      m.n_roles = c->n_roles;
    }
  if (link)
    {
      m.attrs = attrs;
      m.n_attrs = 1;
    }
  /* Also a change of roles may end in an invitation, where the app knows no other way. */
  if (w->aim == REST_TO_INVITE || w->invited)
    m.state = w->invited ? USHER_PENDING : USHER_ACTIVE;
  if (m.state >= USHER_PENDING ? m.id || m.email : m.id && !w->already)
    return usher_emit_member (w->op.ctx, &m);
  r = rest_read_one (&w->op, &m);
  if (r == USHER_E_UNSUPPORTED || r == USHER_ABSENT)
    return m.id ? usher_emit_member (w->op.ctx, &m) : USHER_DONE;
  return r;
}

static int32_t
nothing_fits (struct run *w)
{
  bool pending = w->change->member->state >= USHER_PENDING;

  if (pending && w->aim == REST_TO_REMOVE)
    return seat_fail (w->op.ctx, USHER_E_UNSUPPORTED, NULL, "The app does not take invitations back");
  if (pending)
    return seat_fail (w->op.ctx, USHER_E_NOT_JOINED, NULL, "The app does this only once the invitation is accepted");
  return seat_fail (w->op.ctx, USHER_E_UNSUPPORTED, NULL, "The app file has no step to %s here", w->op.what);
}

static bool
invites (struct usher_ctx *ctx)
{
  const char *how = usher_conf (ctx, "add.how", 0);

  return how && strncmp (how, "invite", strlen ("invite")) == 0;
}

static int32_t
run (struct run *w, bool invitation)
{
  int32_t r = rest_name_change (&w->op);

  if (r >= 0)
    r = resume (w);
  if (r >= 0)
    r = do_steps (w);
  if (r >= 0 && !w->ran)
    return nothing_fits (w);
  if (r < 0)
    return r;
  w->invited = w->invited || (invitation && w->changed);
  if (!w->emitted && w->aim != REST_TO_REMOVE)
    r = emit_wanted (w);
  if (r < 0)
    return r;
  if (w->invited)
    return USHER_INVITED;
  return w->already && !w->changed ? USHER_ALREADY : USHER_DONE;
}

/* The steps under KEY of run.rest. */
static int32_t
change (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *c, const char *key, enum rest_aim aim,
        const char *what, bool invitation)
{
  struct run w = { .op = { .ctx = ctx, .rest = rest, .what = what, .change = c }, .change = c, .aim = aim };
  int32_t r;

  w.steps = json_object_get (rest->run, key);
  w.n = json_is_array (w.steps) ? json_array_size (w.steps) : w.steps != NULL;
  r = w.n ? run (&w, invitation)
          : seat_fail (ctx, USHER_E_UNSUPPORTED, NULL, "The app file has no way to %s", what);
  rest_names_done (&w.kept);
  rest_op_done (&w.op);
  return r;
}

int32_t
rest_invite (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *c)
{
  return change (ctx, rest, c, "invite", REST_TO_INVITE, "add a member", invites (ctx));
}

int32_t
rest_set_role (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *c)
{
  return change (ctx, rest, c, "set_role", REST_TO_CHANGE, "change roles", /* invitation */ false);
}

int32_t
rest_remove (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *c)
{
  return change (ctx, rest, c, "remove", REST_TO_REMOVE, "remove a member", /* invitation */ false);
}

int32_t
rest_resend (struct usher_ctx *ctx, struct rest *rest, const struct usher_change *c)
{
  return change (ctx, rest, c, "resend", REST_TO_INVITE, "send an invitation again", /* invitation */ true);
}
