/* What an answer means: the tests of the descriptor, in their order, then what its status says by
   itself.  The app's own words go along, short and on one line.  */
#include <config.h>

#include "plugins/seat/rest/rest.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define EPOCH_MS_MIN 100000000000LL /* smaller numbers are seconds: as milliseconds they are before 1973 */

/* ---- Words ---- */

static const struct { const char *word; int32_t code; } words[] = {
  { "ok", USHER_DONE },
  { "already", USHER_ALREADY },
  { "invited", USHER_INVITED },
  { "absent", USHER_ABSENT },
  { "session", USHER_E_SESSION },
  { "token", USHER_E_TOKEN },
  { "password", USHER_E_PASSWORD },
  { "locked", USHER_E_LOCKED },
  { "person", USHER_E_PERSON },
  { "sso-only", USHER_E_SSO_ONLY },
  { "forbidden", USHER_E_FORBIDDEN },
  { "space", USHER_E_SPACE },
  { "config", USHER_E_CONFIG },
  { "version", USHER_E_VERSION },
  { "refused", USHER_E_REFUSED },
  { "seats", USHER_E_SEATS },
  { "subscription", USHER_E_SUBSCRIPTION },
  { "last-owner", USHER_E_LAST_OWNER },
  { "field", USHER_E_FIELD },
  { "address", USHER_E_ADDRESS },
  { "role", USHER_E_ROLE },
  { "no-member", USHER_E_NO_MEMBER },
  { "not-joined", USHER_E_NOT_JOINED },
  { "rate", USHER_E_RATE },
  { "quota", USHER_E_QUOTA },
  { "later", USHER_E_LATER },
  { "app-down", USHER_E_APP_DOWN },
  { "cursor", USHER_E_CURSOR },
  { "uncertain", USHER_E_UNCERTAIN },
  { "unsupported", USHER_E_UNSUPPORTED },
  { "shape", USHER_E_SHAPE },
};

static int32_t
code_of_word (const char *word)
{
  for (size_t i = 0; word && i < ARRAY_SIZE (words); i++)
    if (strcmp (words[i].word, word) == 0)
      return words[i].code;
  return USHER_E_MISUSE;
}

bool
rest_is_word (const char *word)
{
  return code_of_word (word) != USHER_E_MISUSE;
}

/* Tells CODE with a sentence of SAID, the app's own words ("" = none). */
static int32_t
tell (struct rest_op *op, int32_t code, const char *field, int64_t until_ms, const char *said)
{
  char text[REST_SENTENCE_MAX];
  struct usher_fault fault = { .size = sizeof fault, .code = code, .text = text, .field = field,
                               .until_ms = until_ms };

  (void) snprintf (text, sizeof text, "Asked to %s, the app answered%s %s", op->what, said[0] ? ":" : "",
                   said[0] ? said : "no");
  return usher_fail (op->ctx, &fault);
}

int32_t
rest_word (struct rest_op *op, const char *word, const char *field, const char *said)
{
  int32_t code = code_of_word (word);

  return code < 0 ? tell (op, code, field, 0, said ? said : "") : code;
}

/* ---- Tests ---- */

struct rest_rules
rest_rules_of (const struct rest *rest, const json_t *request)
{
  const json_t *ok = json_object_get (request, "ok");

  return (struct rest_rules) { .ok = ok ? ok : json_object_get (rest->run, "ok"),
                               .own = json_object_get (request, "answers"),
                               .shared = json_object_get (rest->run, "answers") };
}

/* The value that a wait stands in, NULL for a constant, and its unit. */
static const json_t *
wait_value (const json_t *rule, const char **ret_unit)
{
  static const char *const units[] = { "seconds", "ms", "minutes", "epoch", "date" };
  const json_t *wait = json_object_get (rule, "wait");

  for (size_t i = 0; i < ARRAY_SIZE (units); i++)
    {
      const json_t *value = json_object_get (wait, units[i]);

      if (value)
        {
          *ret_unit = units[i];
          return value;
        }
    }
  return NULL;
}

static void
pick_rule (const json_t *rule, const char *place, struct rest_pick *pick)
{
  const char *unit;
  const json_t *wait = wait_value (rule, &unit);

  (void) rest_pick_add (pick, json_object_get (rule, "at"), place, "at");
  (void) rest_pick_add (pick, json_object_get (rule, "say"), place, "say");
  if (wait && !json_is_number (wait))
    (void) rest_pick_add (pick, wait, place, "wait");
}

static void
pick_rules (const json_t *rules, const char *place, struct rest_pick *pick)
{
  char at[REST_PLACE_MAX + 32];
  size_t i;
  json_t *rule;

  json_array_foreach (rules, i, rule)
    {
      (void) snprintf (at, sizeof at, "%s.answers[%zu]", place, i);
      pick_rule (rule, at, pick);
    }
}

void
rest_rules_pick (const struct rest_rules *rules, const char *place, struct rest_pick *pick)
{
  char at[REST_PLACE_MAX + 8];

  (void) snprintf (at, sizeof at, "%s.ok", place);
  if (rules->ok)
    pick_rule (rules->ok, at, pick);
  pick_rules (rules->own, place, pick);
  pick_rules (rules->shared, "run.rest", pick);
}

/* One of "200,4xx,any" covers STATUS. */
static bool
covers (const char *list, int32_t status)
{
  char whole[16], class[16];

  (void) snprintf (whole, sizeof whole, "%d", (int) status);
  (void) snprintf (class, sizeof class, "%dxx", (int) status / 100);
  while (*list)
    {
      size_t len;

      list += strspn (list, ", ");
      len = strcspn (list, ", ");
      if (len == 3 && (strncmp (list, whole, 3) == 0 || strncmp (list, class, 3) == 0 || strncmp (list, "any", 3) == 0))
        return true;
      list += len;
    }
  return false;
}

static bool
status_fits (const json_t *rule, int32_t status)
{
  const json_t *want = json_object_get (rule, "status");

  if (json_is_integer (want))
    return json_integer_value (want) == status;
  return !want || (json_is_string (want) && covers (json_string_value (want), status));
}

static bool
is_one_of (const json_t *is, const char *text)
{
  size_t i;
  json_t *one;

  if (json_is_string (is))
    return strcmp (json_string_value (is), text) == 0;
  json_array_foreach (is, i, one)
    if (json_is_string (one) && strcmp (json_string_value (one), text) == 0)
      return true;
  return false;
}

static bool
matches (const char *ere, const char *text)
{
  regex_t re;
  bool yes;

  if (regcomp (&re, ere, REG_EXTENDED | REG_NOSUB | REG_ICASE) != 0)
    return false;
  yes = regexec (&re, text, 0, NULL, 0) == 0;
  regfree (&re);
  return yes;
}

/* The test of RULE on its value: any of several texts will do. */
static bool
test (const json_t *rule, const struct rest_picked *picked)
{
  const json_t *at = json_object_get (rule, "at"), *is = json_object_get (rule, "is");
  const char *ere = json_string_value (json_object_get (rule, "matches"));
  int number = rest_pick_find (picked->pick, at);
  size_t n = rest_picked_n (picked, number);

  if (!at)
    return true;
  if (json_is_true (json_object_get (rule, "absent")))
    return n == 0;
  if (!is && !ere)
    return n > 0;
  for (size_t i = 0; i < n; i++)
    {
      const char *text = rest_picked_text (picked, number, i);

      if (is ? is_one_of (is, text) : matches (ere, text))
        return true;
    }
  return false;
}

static const json_t *
first_that_fits (const json_t *rules, int32_t status, const struct rest_picked *picked)
{
  size_t i;
  json_t *rule;

  json_array_foreach (rules, i, rule)
    if (status_fits (rule, status) && test (rule, picked))
      return rule;
  return NULL;
}

/* ---- The app's own words ---- */

void
rest_words_pick (const struct rest *rest, struct rest_pick *pick)
{
  size_t i;
  json_t *path;

  json_array_foreach (rest->usual, i, path)
    (void) rest_pick_add (pick, path, "run.rest", "answers");
}

/* One line, no controls, cut at a whole character. */
static void
take_words (const char *text, char buf[REST_WORDS_MAX])
{
  size_t len = strlen (text);

  if (len >= REST_WORDS_MAX)
    {
      len = REST_WORDS_MAX - 1;
      while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80)
        len--;
    }
  memcpy (buf, text, len);
  buf[len] = '\0';
  for (char *p = buf; *p; p++)
    if ((unsigned char) *p < 0x20 || *p == 0x7f)
      *p = ' ';
}

static bool
is_web_page (const struct rest_answer *a)
{
  const char *type = rest_header (a, "content-type");

  return (type && text_has (type, "html")) || (a->body && strncmp (a->body, "<!", 2) == 0);
}

static void
say (const struct rest *rest, const json_t *rule, const struct rest_picked *picked, char buf[REST_WORDS_MAX])
{
  const char *text = rest_picked_text (picked, rest_pick_find (picked->pick, json_object_get (rule, "say")), 0);
  size_t i;
  json_t *path;

  json_array_foreach (rest->usual, i, path)
    if (!text)
      text = rest_picked_text (picked, rest_pick_find (picked->pick, path), 0);
  if (text)
    take_words (text, buf);
  else
    (void) snprintf (buf, REST_WORDS_MAX, "status %d%s", (int) picked->answer->head.status,
                     is_web_page (picked->answer) ? " and a web page" : "");
}

/* ---- Waits ---- */

static int64_t
date_ms (const char *text)
{
  struct tm tm = { 0 };
  int64_t ms = text_time_ms (text);

  if (ms)
    return ms;
  /* RFC 9110, 5.6.7. */
  return strptime (text, "%a, %d %b %Y %H:%M:%S GMT", &tm) ? (int64_t) timegm (&tm) * 1000 : 0;
}

/* When a wait is over, 0 = not told. */
static int64_t
until_ms (struct rest_op *op, const json_t *rule, const struct rest_picked *picked)
{
  int64_t now = usher_now_ms (op->ctx);
  const char *unit = NULL, *text = NULL;
  const json_t *wait = wait_value (rule, &unit);
  double number;
  char *end;

  if (!wait)
    return 0;
  if (!json_is_number (wait))
    text = rest_picked_text (picked, rest_pick_find (picked->pick, wait), 0);
  if (strcmp (unit, "date") == 0)
    return text ? date_ms (text) : 0;
  number = text ? strtod (text, &end) : json_number_value (wait);
  if ((text && end == text) || !(number > 0 && number < 1e15))
    return 0;
  if (strcmp (unit, "epoch") == 0)
    return (int64_t) (number < EPOCH_MS_MIN ? number * 1000 : number);
  if (strcmp (unit, "seconds") == 0)
    number *= 1000;
  else if (strcmp (unit, "minutes") == 0)
    number *= 60000;
  return now + (int64_t) number;
}

/* ---- Judgement ---- */

static int32_t
code_of_status (struct rest_op *op, int32_t status, enum rest_aim aim)
{
  bool reads = aim <= REST_TO_READ;

  switch (status)
    {
    case 401:
      if (aim == REST_TO_LOGIN)
        return USHER_E_PASSWORD;
      return json_object_get (op->rest->run, "login") ? USHER_E_SESSION : USHER_E_TOKEN;
    case 402: return USHER_E_SEATS;
    case 403: return USHER_E_FORBIDDEN;
    case 404:
    case 410:
      switch (aim)
        {
        case REST_TO_CHECK:
        case REST_TO_LOGIN:
        case REST_TO_LIST:
        case REST_TO_INVITE: return USHER_E_SPACE;
        case REST_TO_READ:   return USHER_E_SHAPE;
        case REST_TO_CHANGE: return USHER_E_NO_MEMBER;
        case REST_TO_REMOVE: return USHER_ALREADY;
        }
      return USHER_E_SHAPE;
    case 405:
    case 501: return USHER_E_UNSUPPORTED;
    case 429: return USHER_E_RATE;
    case 400:
    case 409:
    case 422: return reads ? USHER_E_SHAPE : USHER_E_REFUSED;
    default:  return status >= 500 ? USHER_E_APP_DOWN : USHER_E_SHAPE;
    }
}

static int32_t
judge (struct rest_op *op, struct rest_rules rules, const json_t *request, enum rest_aim aim,
       const struct rest_picked *picked)
{
  int32_t status = picked->answer->head.status, code;
  const char *accept = json_string_value (json_object_get (request, "accept"));
  bool good = status / 100 == 2;
  bool bad = good && rules.ok && !test (rules.ok, picked);
  /* Where the run says what makes an answer good, rules are for the others. */
  bool settled = good && rules.ok && !bad;
  const json_t *rule = settled ? NULL : first_that_fits (rules.own, status, picked);
  char said[REST_WORDS_MAX];

  if (!rule && (status == 404 || status == 410) && json_is_true (json_object_get (request, "absent_if")))
    return USHER_ABSENT;
  if (!rule && !settled)
    rule = first_that_fits (rules.shared, status, picked);
  if (rule)
    code = code_of_word (json_string_value (json_object_get (rule, "means")));
  else if (bad)
    code = aim <= REST_TO_READ ? USHER_E_SHAPE : USHER_E_REFUSED;
  else if (good || (accept && covers (accept, status)))
    return USHER_DONE;
  else
    code = code_of_status (op, status, aim);
  if (code >= 0)
    return code;
  say (op->rest, rule ? rule : rules.ok, picked, said);
  return tell (op, code, json_string_value (json_object_get (rule, "field")), until_ms (op, rule, picked), said);
}

int32_t
rest_judge (struct rest_op *op, const json_t *request, enum rest_aim aim, const struct rest_picked *picked)
{
  return judge (op, rest_rules_of (op->rest, request), request, aim, picked);
}

/* ---- With values from the body ---- */

struct in_memory
{
  struct rest_op *op;
  const struct rest_source *source;
  enum rest_aim aim;
  const struct rest_answer *answer;
  const struct rest_texts *texts;
  int32_t judged;
  bool done;
};

static const struct rest_texts *
text_in_memory (void *arg, size_t i)
{
  const struct in_memory *m = arg;

  return m->texts ? &m->texts[i] : NULL;
}

static int32_t
on_body (void *arg, const struct rest_texts *values)
{
  struct in_memory *m = arg;
  const struct rest_picked picked = { .pick = &m->source->tests, .answer = m->answer,
                                      .text = text_in_memory, .arg = m };

  m->texts = values;
  m->judged = rest_judge (m->op, m->source->spec, m->aim, &picked);
  m->texts = NULL;
  m->done = true;
  return USHER_DONE;
}

/* The body that a reader can make something of: not empty, and of the kind that is expected. */
static bool
is_readable (const struct rest *rest, const struct rest_answer *a)
{
  const char *p = a->body ? a->body + strspn (a->body, " \t\r\n") : "";

  return *p && rest->xml == (*p == '<');
}

/* Whether the item is about somebody else than the change is. */
static int32_t
is_of_others (struct in_memory *m, const struct rest_picked *picked, bool *ret)
{
  static const char *const names[] = { "email", "id", "handle", "username" };
  const char *id = rest_picked_text (picked, m->source->result_id, 0);
  int32_t r = USHER_DONE;

  *ret = m->source->result_id >= 0;
  for (size_t i = 0; id && *ret && i < ARRAY_SIZE (names) && r >= 0; i++)
    {
      const char *value;

      r = rest_value (m->op, names[i], &value);
      *ret = r < 0 || !value || !text_same (value, id);
    }
  return r;
}

static int32_t
on_result (void *arg, const struct rest_texts *values)
{
  struct in_memory *m = arg;
  const struct rest_picked picked = { .pick = &m->source->result_tests, .answer = m->answer, .text = text_in_memory,
                                      .arg = m };
  const json_t *results = json_object_get (m->source->spec, "item_results");
  const struct rest_rules rules = { .ok = json_object_get (results, "ok"),
                                    .own = json_object_get (results, "answers") };
  bool others;
  int32_t r;

  m->texts = values;
  r = is_of_others (m, &picked, &others);
  if (r >= 0 && !others)
    r = judge (m->op, rules, results, m->aim, &picked);
  m->texts = NULL;
  if (r > 0)
    m->judged = r;
  return r < 0 ? r : USHER_DONE;
}

/* A yes to the call may hold a no to the one whom it is about. */
static int32_t
judge_results (struct in_memory *m, const struct rest_answer *a)
{
  return rest_reader_each_in (m->source->results, &a->head, a->body, a->len, on_result, m);
}

int32_t
rest_judge_body (struct rest_op *op, const struct rest_source *source, enum rest_aim aim, struct rest_answer *a)
{
  struct in_memory m = { .op = op, .source = source, .aim = aim, .answer = a };
  int32_t r = rest_body (op, a);

  if (r >= 0 && source->whole && is_readable (op->rest, a))
    r = rest_reader_each_in (source->whole, &a->head, a->body, a->len, on_body, &m);
  /* What cannot be read has no values; the tests then say what that means. */
  if (r == USHER_E_SHAPE)
    r = USHER_DONE;
  if (r >= 0 && !m.done)
    r = on_body (&m, NULL);
  if (r >= 0 && m.judged == USHER_DONE && source->results && is_readable (op->rest, a))
    r = judge_results (&m, a);
  return r < 0 ? r : m.judged;
}
