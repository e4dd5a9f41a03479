/* Owns the table of document indexes: from which fields each is made. */
#include <config.h>

#include "host/store/schema.h"

#include "host/common/buf.h"
#include "host/common/text.h"

#define TEXT_MAX 65536u

#define UNIQUE 1u   /* a second document with the text is refused */
#define LIVE 2u     /* not while "status" is "removed" */
#define EITHER 4u   /* each field that is set is a text of its own; else all in one, by spaces */
#define FIRST 8u    /* the first field is also a text of its own */
#define OPEN 16u    /* the text "open", while the field is missing */

static const struct rule
{
  enum store_index index;
  enum store_kind kind;
  const char *fields[2];
  unsigned int flags;
} rules[] = {
  { STORE_PERSON_ADDRESS, STORE_PERSON, { "email", "secondary_emails" }, UNIQUE | EITHER },
  { STORE_PERSON_USERNAME, STORE_PERSON, { "username" }, 0 },
  { STORE_TEAM_NAME, STORE_TEAM, { "name" }, UNIQUE },
  { STORE_HUB_LABEL, STORE_HUB, { "label" }, UNIQUE | LIVE },
  { STORE_HUB_SPACE, STORE_HUB, { "app", "space_key" }, UNIQUE | LIVE },
  { STORE_HUB_ACCOUNT, STORE_HUB, { "account" }, LIVE },
  { STORE_ACCOUNT_LABEL, STORE_ACCOUNT, { "label" }, 0 },
  { STORE_GRANT_HUB, STORE_GRANT, { "hub" }, 0 },
  { STORE_GRANT_PERSON, STORE_GRANT, { "person", "hub" }, FIRST },
  { STORE_TASK_HUB, STORE_TASK, { "hub" }, 0 },
  { STORE_TASK_OPEN, STORE_TASK, { "ended_at" }, OPEN },
  { STORE_TASK_PARENT, STORE_TASK, { "parent" }, 0 },
  { STORE_REPORT_HUB, STORE_REPORT, { "hub" }, 0 },
  { STORE_ISSUE_KEY, STORE_ISSUE, { "key" }, UNIQUE },
  { STORE_ISSUE_OPEN, STORE_ISSUE, { "open_key" }, 0 },
  { STORE_TOKEN_HASH, STORE_TOKEN, { "hash" }, UNIQUE },
  { STORE_ANSWER_KEY, STORE_ANSWER, { "key" }, UNIQUE },
};

#define FACT_REMOVED 1u
#define FACT_GUEST 2u

/* What texts of one document are added to. */
struct collect
{
  const struct rule *rule;
  const struct id *id;
  struct schema_entries *entries;
};

void
schema_entries_done (struct schema_entries *e)
{
  free (e->v);
  *e = (struct schema_entries) { NULL, 0, 0 };
}

bool
schema_entries_have (const struct schema_entries *e, const struct key *key)
{
  size_t i;

  for (i = 0; i < e->n; i++)
    if (key_compare (e->v[i].b, e->v[i].len, key->b, key->len) == 0)
      return true;
  return false;
}

bool
schema_unique (enum store_index index)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (rules); i++)
    if (rules[i].index == index)
      return rules[i].flags & UNIQUE;
  return false;
}

int
schema_prefix (enum store_index index, const char *text, struct key *ret)
{
  _cleanup_ (freep) char *lower = strdup (text);

  key_start (ret);
  if (!lower)
    return -ENOMEM;
  ascii_lower (lower);
  key_u8 (ret, (uint8_t) index);
  key_text (ret, lower, strlen (lower));
  return 0;
}

static int
grow (struct schema_entries *e)
{
  size_t cap = e->cap ? 2 * e->cap : 4;
  struct key *v;

  if (e->n < e->cap)
    return 0;
  if (e->n >= SCHEMA_ENTRIES_MAX)
    return -E2BIG;
  v = reallocarray (e->v, cap, sizeof *v);
  if (!v)
    return -ENOMEM;
  e->v = v;
  e->cap = cap;
  return 0;
}

/* An empty text is no text. */
static int
add (const struct collect *c, const char *text)
{
  struct key key;
  int r;

  if (!text || !*text)
    return 0;
  if (strlen (text) > TEXT_MAX)
    return -E2BIG;
  r = schema_prefix (c->rule->index, text, &key);
  if (r < 0)
    return r;
  key_id (&key, c->id);
  if (schema_entries_have (c->entries, &key))
    return 0;
  r = grow (c->entries);
  if (r == 0)
    c->entries->v[c->entries->n++] = key;
  return r;
}

/* A text, or each of a list of texts. */
static int
add_value (const struct collect *c, const json_t *value)
{
  size_t i;
  int r = 0;

  if (!json_is_array (value))
    return add (c, json_string_value (value));
  for (i = 0; i < json_array_size (value) && r == 0; i++)
    r = add (c, json_string_value (json_array_get (value, i)));
  return r;
}

/* All fields in one text; none unless all are set. */
static int
add_joined (const struct collect *c, const json_t *doc)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (TEXT_MAX);
  size_t i;

  for (i = 0; i < ARRAY_SIZE (c->rule->fields) && c->rule->fields[i]; i++)
    {
      const char *s = json_string_value (json_object_get (doc, c->rule->fields[i]));

      if (!s || !*s)
        return 0;
      if (i)
        buf_putc (&text, ' ');
      buf_puts (&text, s);
    }
  return buf_error (&text) ? buf_error (&text) : add (c, text.data);
}

static int
add_rule (const struct collect *c, const json_t *doc)
{
  const struct rule *rule = c->rule;
  const json_t *first = json_object_get (doc, rule->fields[0]);
  int r = 0;

  if ((rule->flags & LIVE)
      && streq (json_string_value (json_object_get (doc, "status")), "removed"))
    return 0;
  if (rule->flags & OPEN)
    return !first || json_is_null (first) ? add (c, "open") : 0;
  if (rule->flags & (EITHER | FIRST))
    r = add_value (c, first);
  if (r == 0 && (rule->flags & EITHER))
    r = add_value (c, json_object_get (doc, rule->fields[1]));
  return r < 0 || (rule->flags & EITHER) ? r : add_joined (c, doc);
}

int
schema_entries (enum store_kind kind, const struct id *id, const json_t *doc,
                struct schema_entries *ret)
{
  size_t i;
  int r = 0;

  for (i = 0; i < ARRAY_SIZE (rules) && r == 0; i++)
    if (rules[i].kind == kind)
      r = add_rule (&(struct collect) { &rules[i], id, ret }, doc);
  return r;
}

void
schema_put_facts (const json_t *person, uint64_t number, uint8_t ret[SCHEMA_FACTS_SIZE])
{
  const char *status = json_string_value (json_object_get (person, "status"));
  size_t i;

  for (i = 0; i < 8; i++)
    ret[i] = (uint8_t) (number >> (8 * i));
  ret[8] = (uint8_t) ((streq (status, "removed") ? FACT_REMOVED : 0)
                      | (json_is_true (json_object_get (person, "is_guest")) ? FACT_GUEST : 0));
}

int
schema_get_facts (const void *p, size_t len, struct person_facts *ret)
{
  const uint8_t *b = p;
  size_t i;

  if (len != SCHEMA_FACTS_SIZE)
    return -EBADMSG;
  ret->number = 0;
  for (i = 8; i-- > 0;)
    ret->number = ret->number << 8 | b[i];
  ret->removed = b[8] & FACT_REMOVED;
  ret->guest = b[8] & FACT_GUEST;
  return 0;
}
