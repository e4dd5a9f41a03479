/* Owns what ties one part of run.rest to another, and to what the rest of the app file says.  Relies on
   shape.c for the form.  */
#include <config.h>

#include "plugins/seat/rest/shape.h"

#include <stdio.h>
#include <string.h>

#include "plugins/seat/text.h"

#define HOST_MAX 512u

static bool
same (const char *a, const char *b)
{
  return a && b && strcmp (a, b) == 0;
}

/* A text of the app file by key, or by key and key within it; NULL when it has none. */
static const char *
app_text (const struct place *p, const char *key, const char *within)
{
  json_t *value = json_object_get (p->check->app, key);

  return json_string_value (within ? json_object_get (value, within) : value);
}

static json_t *
app_can (const struct place *p, const char *capability)
{
  return json_object_get (json_object_get (p->check->app, "can"), capability);
}

/* ---- Pages ---- */

/* What each style of paging takes, needs, and sends. */
static const struct style
{
  const char *name, *keys, *needs, *sends;
} styles[] = {
  { "none", "", NULL, NULL },
  { "number", "size first send in total pages more short_ends", NULL, "page" },
  { "offset", "size first send in total more short_ends", NULL, "offset" },
  { "cursor", "size first send in total more cursor", "cursor", "cursor" },
  { "link", "size send in total while drop", NULL, NULL },
  { "next", "size send in total more next drop", "next", NULL },
};

static bool
is_among (const char *keys, const char *key)
{
  size_t len = strlen (key);

  for (const char *p = keys; (p = strstr (p, key)); p += len)
    if ((p == keys || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
      return true;
  return false;
}

/* Whether a value of the object SEND holds {NAME}. */
static bool
sends (json_t *send, const char *name)
{
  char want[32];
  const char *key;
  json_t *value;

  (void) snprintf (want, sizeof want, "{%s}", name);
  json_object_foreach (send, key, value)
    if (strstr (json_string_value (value) ?: "", want))
      return true;
  return false;
}

static void
check_page (const struct place *source)
{
  struct place page = place_member (source, "page"), child;
  const char *name = place_text (&page, "style");
  const struct style *style = NULL;

  for (size_t i = 0; i < ARRAY_SIZE (styles); i++)
    if (same (styles[i].name, name))
      style = &styles[i];
  if (!style)
    return;
  PLACE_EACH (&child, &page)
    if (!same (child.key, "style") && !same (child.key, "max") && strncmp (child.key, "x-", 2) != 0
        && !is_among (style->keys, child.key))
      place_problem (&child, "has no meaning in pages of style %s", name);
  if (style->needs && !json_object_get (page.value, style->needs))
    place_problem (&page, "pages of style %s must have \"%s\": where the answer says how to go on", name, style->needs);
  if (style->sends && !sends (json_object_get (page.value, "send"), style->sends))
    place_problem (&page, "pages of style %s must have \"send\": the parameter that carries {%s}", name, style->sends);
  child = place_member (&page, "first");
  if (json_is_string (child.value) && !same (name, "cursor"))
    place_problem (&child, "must be a number in pages of style %s", name);
}

/* ---- Requests ---- */

/* "https://host:port" of a literal address must be one of the file's hosts. */
static void
check_host (const struct place *p)
{
  const char *text = json_string_value (p->value), *host = text ? strstr (text, "://") : NULL;
  json_t *element, *hosts = json_object_get (p->check->app, "hosts");
  char want[HOST_MAX];
  size_t i;

  if (host)
    (void) snprintf (want, sizeof want, "%.*s", (int) strcspn (host + 3, "/"), host + 3);
  else if (text && text[0] == '{')
    (void) snprintf (want, sizeof want, "%.*s}", (int) strcspn (text, "}"), text);
  else
    return;
  json_array_foreach (hosts, i, element)
    if (same (json_string_value (element), want))
      return;
  if (hosts)
    place_problem (p, "\"%s\" is not among the hosts of the app file; requests go to those only", want);
}

static void
check_answer (const struct place *p)
{
  static const char *const waits[] = { "rate", "quota", "later" };
  struct place wait = place_member (p, "wait"), field = place_member (p, "field");
  const char *means = place_text (p, "means");
  bool may_wait = false;

  for (size_t i = 0; i < ARRAY_SIZE (waits); i++)
    may_wait |= same (means, waits[i]);
  if (!json_object_get (p->value, "status") && !json_object_get (p->value, "at"))
    place_problem (p, "must have \"status\" or \"at\": what the answer is known by");
  if (wait.value && !may_wait)
    place_problem (&wait, "stands only beside \"means\" rate, quota or later");
  if (field.value && !same (means, "field") && !same (means, "forbidden") && !same (means, "config"))
    place_problem (&field, "stands only beside \"means\" field, forbidden or config");
}

static void
check_answers (const struct place *up)
{
  struct place list = place_member (up, "answers"), p;

  PLACE_EACH (&p, &list)
    check_answer (&p);
}

static void
check_request (const struct place *p)
{
  static const char *const methods[] = { "get", "post", "put", "patch", "delete" };
  struct place results = place_member (p, "item_results"), body;

  for (size_t i = 0; i < ARRAY_SIZE (methods); i++)
    {
      struct place url = place_member (p, methods[i]);

      check_host (&url);
    }
  check_answers (p);
  check_answers (&results);
  if (results.value && !json_object_get (results.value, "ok") && !json_object_get (results.value, "answers"))
    place_problem (&results, "must have \"ok\" or \"answers\": what a result is judged by");
  if (json_object_get (p->value, "get"))
    PLACE_EACH (&body, p)
      if (same (body.key, "json") || same (body.key, "form") || same (body.key, "xml") || same (body.key, "graphql"))
        place_problem (&body, "a GET has no body; parameters stand in \"query\"");
}

/* ---- Rows ---- */

/* Whether MEMBER tells KEY; an expression is believed. */
static bool
tells (json_t *member, const char *key)
{
  return json_object_get (member, "jq") || json_object_get (member, key);
}

static void
check_member (const struct place *source, const char *kind)
{
  struct place member = place_member (source, "member");

  if (!member.value)
    return;
  if (same (kind, "invites") && !tells (member.value, "id") && !tells (member.value, "email"))
    place_problem (&member, "an invitation must have \"id\" or \"email\"");
  if (!same (kind, "invites") && !tells (member.value, "id"))
    place_problem (&member, "must have \"id\": what tells members apart, and never changes");
  if (same (kind, "role-of") && !tells (member.value, "roles"))
    place_problem (&member, "a pass of kind role-of must have \"roles\": whose member it is");
}

/* Whether a pass of KIND has a member that tells KEY. */
static bool
list_tells (json_t *list, const char *kind, const char *key)
{
  json_t *pass;
  size_t i;

  json_array_foreach (list, i, pass)
    if (same (json_string_value (json_object_get (pass, "kind")) ?: "members", kind)
        && (!key || tells (json_object_get (pass, "member"), key)))
      return true;
  return false;
}

static void
check_pending (const struct place *rest)
{
  const char *pending = app_text (rest, "add", "pending");
  struct place list = place_member (rest, "list");

  if (!list.value || !pending)
    return;
  if (same (pending, "section") && !list_tells (list.value, "invites", NULL))
    place_problem (&list, "add.pending is section, so there must be a pass of kind invites");
  if (same (pending, "listed") && !list_tells (list.value, "members", "state"))
    place_problem (&list, "add.pending is listed, so a pass of members must tell \"state\"");
  if (same (pending, "none") && list_tells (list.value, "invites", NULL))
    place_problem (&list, "add.pending is none, but there is a pass of kind invites; make it section");
}

static void
check_list (const struct place *rest)
{
  struct place list = place_member (rest, "list"), pass, at;

  PLACE_EACH (&pass, &list)
    {
      const char *kind = place_text (&pass, "kind");

      check_request (&pass);
      check_page (&pass);
      check_member (&pass, kind);
      at = place_member (&pass, "scope");
      for (size_t i = 0; at.value && i < pass.index; i++)
        if (same (json_string_value (at.value),
                  json_string_value (json_object_get (json_array_get (list.value, i), "scope"))))
          place_problem (&at, "another pass has this scope; each must have its own");
    }
  if (list.value && !list_tells (list.value, "members", NULL))
    place_problem (&list, "must have a pass of kind members");
  if (list.value && json_is_true (json_object_get (rest->check->app, "emails"))
      && !list_tells (list.value, "members", "email"))
    place_problem (&list, "\"emails\" is true, so a pass of members must tell \"email\"");
  check_pending (rest);
}

/* Partners and licences have types of their own. */
static void
check_object (const struct place *p)
{
  static const struct shape type = { .kind = SHAPE_TEXT, .ref = REF_TYPE };
  const char *kind = place_text (p, "kind");
  struct place at = place_member (p, "type");

  if (!kind || same (kind, "asset"))
    known_refer (&at, &type, json_string_value (at.value));
}

/* Objects, access and roles: each with its pages. */
static void
check_sources (const struct place *rest)
{
  static const char *const keys[] = { "roles", "objects", "access" };
  struct place list, source;

  for (size_t i = 0; i < ARRAY_SIZE (keys); i++)
    {
      list = place_member (rest, keys[i]);
      PLACE_EACH (&source, &list)
        {
          check_request (&source);
          check_page (&source);
          if (i == 0 && !json_object_get (source.value, "from") && !json_object_get (source.value, "id"))
            place_problem (&source, "must have \"at\" and \"id\": where the roles stand in the answer");
          if (i == 1)
            check_object (&source);
          if (i == 2)
            check_member (&source, "members");
        }
    }
}

static void
check_read (const struct place *rest)
{
  struct place read = place_member (rest, "read"), p;
  const char *says = app_text (rest, "read", NULL);

  if (json_is_object (read.value))
    check_request (&read);
  else
    PLACE_EACH (&p, &read)
      check_request (&p);
  if (same (says, "lookup") && !read.value)
    place_problem (rest, "the file's \"read\" is lookup, so there must be \"read\" here; without it, make that list");
  if (same (says, "list") && read.value)
    place_problem (&read, "is never used, as the file's \"read\" is list; make that lookup");
}

/* ---- Steps ---- */

/* What a step is part of. */
enum aim { TO_INVITE, TO_SET_ROLE, TO_REMOVE, TO_RESEND, TO_SET_ACCESS };

/* Whether the file declares role ID, or may not know it yet. */
static bool
is_role (const struct check *c, const char *id)
{
  json_t *element;
  size_t i;

  json_array_foreach (json_object_get (c->app, "role_groups"), i, element)
    if (json_is_true (json_object_get (element, "discovered")))
      return true;
  json_array_foreach (json_object_get (c->app, "roles"), i, element)
    if (same (json_string_value (json_object_get (element, "id")), id))
      return true;
  return !c->app;
}

static void
check_when_role (const struct place *p)
{
  const char *id = json_string_value (p->value);
  struct place child;

  if (id && !is_role (p->check, id))
    place_problem (p, "never holds, as the app file has no role \"%s\"", id);
  PLACE_EACH (&child, p)
    if (!is_role (p->check, json_string_value (child.value)))
      place_problem (&child, "never holds, as the app file has no role \"%s\"", json_string_value (child.value));
}

static bool
names_word (json_t *value, const char *word)
{
  json_t *element;
  size_t i;

  json_array_foreach (value, i, element)
    if (same (json_string_value (element), word))
      return true;
  return same (json_string_value (value), word);
}

static void
check_when (const struct place *step, enum aim aim)
{
  struct place when = place_member (step, "when"), p = place_member (&when, "state");

  if (p.value && aim == TO_INVITE)
    place_problem (&p, "never holds: who is invited is no member yet and has no state");
  if (p.value && aim == TO_RESEND && !names_word (p.value, "pending"))
    place_problem (&p, "never holds: only an invitation, which is pending, is sent again");
  if (p.value && same (app_text (step, "add", "pending"), "none") && same (json_string_value (p.value), "pending"))
    place_problem (&p, "never holds: add.pending is none, so no invitation is ever seen");
  p = place_member (&when, "old_role");
  if (p.value && aim == TO_INVITE)
    place_problem (&p, "never holds: who is invited has no role yet");
  check_when_role (&p);
  p = place_member (&when, "role");
  if (p.value && (aim == TO_REMOVE || aim == TO_RESEND))
    place_problem (&p, "never holds: no role is wanted here; old_role is the role that the member has");
  else
    check_when_role (&p);
}

static void
check_step (const struct place *step, enum aim aim)
{
  struct place repeat = place_member (step, "for"), find = place_member (step, "find");
  const char *word = json_string_value (repeat.value);

  check_request (step);
  check_when (step, aim);
  if (json_is_true (find.value) && (!json_object_get (step->value, "at") || !json_object_get (step->value, "where")))
    place_problem (step, "a search must have \"at\" and \"where\": where its results stand, and which of them is meant");
  check_page (step);
  if (aim == TO_INVITE && (same (word, "old_roles") || same (word, "removed_roles")))
    place_problem (&repeat, "has nothing to repeat for: who is invited has no role yet");
  if (aim == TO_REMOVE && (same (word, "new_roles") || same (word, "added_roles")))
    place_problem (&repeat, "has nothing to repeat for: no role is wanted of who is removed");
}

static void
check_steps (const struct place *steps, enum aim aim)
{
  struct place step;

  if (json_is_object (steps->value))
    check_step (steps, aim);
  else
    PLACE_EACH (&step, steps)
      check_step (&step, aim);
}

/* Whether a step of VALUE is for invitations; without "when.state" one is for members. */
static bool
takes_pending (json_t *value)
{
  json_t *step, *state;
  size_t i;

  json_array_foreach (value, i, step)
    if (takes_pending (step))
      return true;
  state = json_object_get (json_object_get (value, "when"), "state");
  return names_word (state, "pending");
}

/* The steps under KEY are there exactly where the file says that the app can. */
static void
check_ability (const struct place *rest, const char *key, const char *capability)
{
  struct place steps = place_member (rest, key);
  json_t *can = app_can (rest, capability);
  bool elsewhere = same (key, "invite") ? same (app_text (rest, "add", "how"), "just-in-time")
                   : same (key, "set_role") && same (app_text (rest, "update", NULL), "re-add");

  if (json_is_true (can) && !steps.value && !elsewhere)
    place_problem (rest, "can.%s is true, so there must be \"%s\"", capability, key);
  if (json_is_string (can) && steps.value)
    place_problem (&steps, "is never used, as can.%s says that the app cannot; make that true", capability);
}

static void
check_adding (const struct place *rest)
{
  struct place invite = place_member (rest, "invite"), resend = place_member (rest, "resend");
  struct place remove = place_member (rest, "remove");
  json_t *add = json_object_get (rest->check->app, "add"), *element;
  bool link = false;
  size_t i;

  link = json_object_get (json_object_get (invite.value, "keep"), "invite_link");
  json_array_foreach (invite.value, i, element)
    link |= json_object_get (json_object_get (element, "keep"), "invite_link") != NULL;
  if (same (app_text (rest, "add", "how"), "invite-link") && invite.value && !link)
    place_problem (&invite, "add.how is invite-link, so a step must \"keep\" invite_link: the link that Usher mails");
  if (json_is_true (json_object_get (add, "resend")) && !resend.value)
    place_problem (rest, "add.resend is true, so there must be \"resend\"");
  if (add && !json_is_true (json_object_get (add, "resend")) && resend.value)
    place_problem (&resend, "is never used, as add.resend is not true");
  if (json_is_true (json_object_get (add, "revoke")) && remove.value && !takes_pending (remove.value))
    place_problem (&remove, "add.revoke is true, so a step must take back invitations: \"when\": {\"state\": \"pending\"}");
}

static void
check_set_access (const struct place *rest)
{
  struct place map = place_member (rest, "set_access"), type, steps;
  static const char *const keys[] = { "grant", "revoke" };

  if (map.value && json_is_string (app_can (rest, "assets")))
    place_problem (&map, "is never used, as can.assets says that the app cannot; make that true");
  if (json_is_true (app_can (rest, "assets")) && !map.value)
    place_problem (rest, "can.assets is true, so there must be \"set_access\"");
  PLACE_EACH (&type, &map)
    {
      for (size_t i = 0; i < ARRAY_SIZE (keys); i++)
        {
          steps = place_member (&type, keys[i]);
          check_steps (&steps, TO_SET_ACCESS);
          if (!steps.value)
            place_problem (&type, "must have \"%s\"", keys[i]);
        }
    }
}

/* ---- The whole ---- */

static void
check_login (const struct place *rest)
{
  struct place login = place_member (rest, "login");
  json_t *cookies = json_object_get (json_object_get (rest->check->app, "session"), "cookies");

  if (!login.value)
    return;
  check_request (&login);
  if (rest->check->app && !json_object_get (login.value, "token") && !json_is_true (cookies))
    place_problem (&login, "must have \"token\", or the app file \"session\": {\"cookies\": true}, to be of use");
}

/* Whether the look-up FROM uses itself by way of others. */
static bool
goes_round (json_t *look_up, const char *from, const char *name, size_t steps)
{
  json_t *spec = json_object_get (look_up, name);
  _cleanup_ (freep) char *text = spec && steps > 0 ? json_dumps (spec, JSON_COMPACT) : NULL;
  char want[GRAMMAR_NAME_MAX + 2];
  const char *key;
  json_t *value;

  json_object_foreach (look_up, key, value)
    {
      (void) snprintf (want, sizeof want, "{%s}", key);
      if (text && strstr (text, want)
          && (strcmp (key, from) == 0 || (strcmp (key, name) != 0 && goes_round (look_up, from, key, steps - 1))))
        return true;
    }
  return false;
}

static void
check_look_up (const struct place *rest)
{
  struct place map = place_member (rest, "look_up"), p;
  size_t n = json_object_size (map.value);

  PLACE_EACH (&p, &map)
    {
      check_request (&p);
      if (goes_round (map.value, p.key, p.key, n < 8 ? n : 8))
        place_problem (&p, "needs itself, maybe by way of others, so it never gets a value");
    }
}

static void
check_changes (const struct place *rest)
{
  static const struct { const char *key, *can; enum aim aim; } change[] = {
    { "invite", "add-user", TO_INVITE }, { "set_role", "update-role", TO_SET_ROLE },
    { "remove", "remove-user", TO_REMOVE }, { "resend", NULL, TO_RESEND },
  };

  for (size_t i = 0; i < ARRAY_SIZE (change); i++)
    {
      struct place steps = place_member (rest, change[i].key);

      check_steps (&steps, change[i].aim);
      if (change[i].can)
        check_ability (rest, change[i].key, change[i].can);
    }
  check_adding (rest);
  check_set_access (rest);
}

void
cross_check_rest (const struct place *run)
{
  struct place rest = place_member (run, "rest"), p;

  if (!rest.value)
    return;
  p = place_member (&rest, "base");
  check_host (&p);
  p = place_member (&rest, "namespaces");
  if (p.value && !p.check->xml)
    place_problem (&p, "has a meaning only where \"format\" is xml");
  p = place_member (&rest, "check");
  check_request (&p);
  check_answers (&rest);
  check_login (&rest);
  check_look_up (&rest);
  check_ability (&rest, "list", "sync");
  check_list (&rest);
  check_read (&rest);
  check_sources (&rest);
  check_changes (&rest);
}
