/* Owns the reading of a command line: which words are options, which are the command,
   and the sentence for what does not fit. */
#include <config.h>

#include "host/cli/args.h"

#include "host/cli/say.h"
#include "host/common/text.h"

/* The words that are no options, while it is not yet known which command they make. */
struct words
{
  const char *v[OPERAND_MAX + 4];
  size_t n;
};

/* How many single-character edits apart A and B are; words longer than the rows of the
   table count as far apart. */
static size_t
distance (const char *a, const char *b)
{
  size_t row[64], i, j, n = strlen (b);

  if (n >= ARRAY_SIZE (row) || strlen (a) >= ARRAY_SIZE (row))
    return ARRAY_SIZE (row);
  for (j = 0; j <= n; j++)
    row[j] = j;
  for (i = 1; a[i - 1]; i++)
    {
      size_t corner = row[0];

      row[0] = i;
      for (j = 1; j <= n; j++)
        {
          size_t swap = corner + (a[i - 1] != b[j - 1]);

          corner = row[j];
          row[j] = MIN (MIN (row[j] + 1, row[j - 1] + 1), swap);
        }
    }
  return row[n];
}

static void
nearer (const char *typed, const char *name, size_t *best, const char **ret)
{
  size_t d = has_prefix (name, typed) ? 1 : distance (typed, name);

  if (d < *best)
    {
      *best = d;
      *ret = name;
    }
}

/* The option of C, or of all commands, that TYPED may have meant. */
static const char *
nearest_option (const struct command *c, const char *typed)
{
  const char *name = NULL;
  const struct option *o;
  size_t best = 4;

  for (o = c ? c->options : NULL; o && o->name; o++)
    nearer (typed, o->name, &best, &name);
  for (o = global_options; o->name; o++)
    nearer (typed, o->name, &best, &name);
  return name;
}

static int
refuse_option (const struct command *c, const char *typed, size_t len)
{
  char name[64];
  const char *near;

  len = MIN (len, sizeof name - 1);
  memcpy (name, typed, len);
  name[len] = '\0';
  near = nearest_option (c, name);
  if (near)
    return say_error (STATUS_USAGE, "%s%sthere is no option %s; did you mean %s?",
                      c ? c->name : "", c ? ": " : "", name, near);
  return say_error (STATUS_USAGE, "%s%sthere is no option %s; see usher %s%s--help.",
                    c ? c->name : "", c ? ": " : "", name, c ? c->name : "", c ? " " : "");
}

/* What may follow the word GROUP, "connect, list, show"; nothing when it is no group. */
static void
list_group (const char *group, struct buf *out)
{
  size_t len = strlen (group);
  const struct command *c;

  for (c = commands; c->name; c++)
    if (strncmp (c->name, group, len) == 0 && c->name[len] == ' ')
      buf_printf (out, "%s%s", out->len ? ", " : "", c->name + len + 1);
}

static int
refuse_command (const struct words *words)
{
  _cleanup_ (buf_done) struct buf group = BUF_INIT (1024);
  _cleanup_ (buf_done) struct buf typed = BUF_INIT (1024);
  const char *near = NULL;
  size_t best = 4, i;
  const struct command *c;

  list_group (words->v[0], &group);
  if (group.len)
    return say_error (STATUS_USAGE, "usher %s takes %s%s%s.", words->v[0], group.data,
                      words->n > 1 ? ", not " : "", words->n > 1 ? words->v[1] : "");
  for (i = 0; i < MIN (words->n, 2u); i++)
    buf_printf (&typed, "%s%s", i ? " " : "", words->v[i]);
  for (c = commands; c->name; c++)
    {
      nearer (typed.data ? typed.data : "", c->name, &best, &near);
      nearer (words->v[0], c->name, &best, &near);
    }
  if (near)
    return say_error (STATUS_USAGE, "There is no command %s; did you mean usher %s?",
                      typed.data ? typed.data : "", near);
  return say_error (STATUS_USAGE, "There is no command %s; usher --help lists them.",
                    typed.data ? typed.data : "");
}

static int
set_format (struct args *a, const char *value)
{
  static const char *const names[] = { "table", "json", "csv" };
  size_t i;

  for (i = 0; i < ARRAY_SIZE (names); i++)
    if (streq (value, names[i]))
      {
        a->format = (enum format) i;
        return STATUS_DONE;
      }
  return say_error (STATUS_USAGE, "-o takes table, json or csv, not %s.", value);
}

/* An option that every command has; the others are kept for the command. */
static int
take_option (struct args *a, const struct option *o, const char *value)
{
  size_t i;

  if (streq (o->name, "-o"))
    return set_format (a, value);
  if (streq (o->name, "-q"))
    a->quiet = true;
  else if (streq (o->name, "--yes"))
    a->yes = true;
  else if (streq (o->name, "--no-wait"))
    a->no_wait = true;
  else if (streq (o->name, "--help"))
    a->help = true;
  else if (streq (o->name, "--version"))
    a->version = true;
  else if (streq (o->name, "--socket"))
    a->socket = value;
  else if (streq (o->name, "--url"))
    a->url = value;
  else if (streq (o->name, "--token-file"))
    a->token_file = value;
  else
    {
      for (i = 0; i < a->n_given && !(o->flags & OPTION_MANY); i++)
        if (a->given[i].option == o)
          return say_error (STATUS_USAGE, "%s can be given only once.", o->name);
      if (a->n_given == GIVEN_MAX)
        return say_error (STATUS_USAGE, "There are more than %u options.", GIVEN_MAX);
      a->given[a->n_given++] = (struct given) { o, value };
    }
  return STATUS_DONE;
}

/* The option at ARGV[*AT], which is known to be one, and its value; moves *AT on to the
   last word it took. */
static int
read_option (struct args *a, const struct command *c, int argc, char *const *argv, int *at)
{
  const char *word = argv[*at], *value = NULL;
  bool is_long = word[1] == '-';
  size_t len = is_long ? strcspn (word, "=") : 2;
  const struct option *o;
  char name[64] = "";

  if (len < sizeof name)
    memcpy (name, word, len);
  o = *name ? command_option (c, name) : NULL;
  if (!o)
    return refuse_option (c, word, len);
  if (word[len])
    value = word + len + (is_long ? 1 : 0);
  if (value && !o->value)
    return say_error (STATUS_USAGE, "%s takes no value.", o->name);
  if (o->value && !value)
    {
      /* A lone "-" is standard input; another option in its place is a value forgotten. */
      if (*at + 1 >= argc || has_prefix (argv[*at + 1], "--"))
        return say_error (STATUS_USAGE, "%s needs a value: %s %s.", o->name, o->name, o->value);
      value = argv[++*at];
    }
  if (o->value && !utf8_valid (value, strlen (value)))
    return say_error (STATUS_USAGE, "The value of %s is not UTF-8 text.", o->name);
  return take_option (a, o, value);
}

static bool
is_option (const char *word)
{
  return word[0] == '-' && word[1];
}

/* The command's words stand before its options can be known, so they are looked for
   first; what may stand between them are options that all commands have. */
static int
find_command (int argc, char *const *argv, struct args *a, size_t *ret_used)
{
  struct words words = { .n = 0 };
  int i;

  for (i = 0; i < argc && words.n < ARRAY_SIZE (words.v) && !streq (argv[i], "--"); i++)
    if (!is_option (argv[i]))
      words.v[words.n++] = argv[i];
    else
      {
        char name[64] = "";
        size_t len = argv[i][1] == '-' ? strcspn (argv[i], "=") : 2;
        const struct option *o;

        if (len < sizeof name)
          memcpy (name, argv[i], len);
        a->help = a->help || streq (name, "--help");
        a->version = a->version || streq (name, "--version");
        o = command_option (NULL, name);
        if (!o && !words.n)
          return refuse_option (NULL, argv[i], len);
        i += o && o->value && !argv[i][len];
      }
  *ret_used = 0;
  a->command = words.n ? command_find (words.v, words.n, ret_used) : NULL;
  if (a->command || (!words.n && (a->help || a->version)))
    return STATUS_DONE;
  if (words.n && a->help)
    a->group = words.v[0];
  else if (words.n)
    return refuse_command (&words);
  else
    return say_error (STATUS_USAGE, "Which command?  usher --help lists them.");
  return STATUS_DONE;
}

static int
add_operand (struct args *a, const char *word)
{
  const struct command *c = a->command;
  char name[32];
  bool repeats = false;
  size_t n = 0;

  while (command_operand (c, n, name, &repeats))
    n++;
  if (a->n_operands >= n && !repeats)
    return say_error (STATUS_USAGE, "%s: %s is one word too many; usage: usher %s%s%s.", c->name,
                      word, c->name, *c->operands ? " " : "", c->operands);
  if (a->n_operands == OPERAND_MAX)
    return say_error (STATUS_USAGE, "%s takes at most %u operands.", c->name, OPERAND_MAX);
  (void) command_operand (c, MIN (a->n_operands, n - 1), name, &repeats);
  if (!*word)
    return say_error (STATUS_USAGE, "%s: %s is empty.", c->name, name);
  if (!utf8_valid (word, strlen (word)))
    return say_error (STATUS_USAGE, "%s: %s is not UTF-8 text.", c->name, name);
  a->operands[a->n_operands++] = word;
  return STATUS_DONE;
}

static int
check_complete (const struct args *a)
{
  const struct command *c = a->command;
  const struct option *o;
  char name[32];
  bool repeats;

  if (command_operand (c, a->n_operands, name, &repeats))
    return say_error (STATUS_USAGE, "%s needs %s; usage: usher %s %s.", c->name, name, c->name,
                      c->operands);
  for (o = c->options; o && o->name; o++)
    if ((o->flags & OPTION_REQUIRED) && !args_has (a, o->name))
      return say_error (STATUS_USAGE, "%s needs %s %s: %s.", c->name, o->name, o->value, o->help);
  return STATUS_DONE;
}

int
args_parse (int argc, char *const *argv, struct args *ret)
{
  bool options = true;
  size_t used, seen = 0;
  int i, status;

  *ret = (struct args) { .format = FORMAT_TABLE };
  status = find_command (argc, argv, ret, &used);
  if (status || !ret->command)
    return status;
  for (i = 0; i < argc && !status; i++)
    if (options && streq (argv[i], "--"))
      options = false;
    else if (options && is_option (argv[i]))
      status = read_option (ret, ret->command, argc, argv, &i);
    else if (seen++ >= used)
      {
        PLANTED_BUG (argv[i], strlen (argv[i]));
        status = add_operand (ret, argv[i]);
      }
  if (status || ret->help || ret->version)
    return status;
  return check_complete (ret);
}

const char *
args_value (const struct args *a, const char *name)
{
  size_t i;

  for (i = 0; i < a->n_given; i++)
    if (streq (a->given[i].option->name, name))
      return a->given[i].value;
  return NULL;
}

bool
args_has (const struct args *a, const char *name)
{
  size_t i;

  for (i = 0; i < a->n_given; i++)
    if (streq (a->given[i].option->name, name))
      return true;
  return false;
}

const char *
args_operand (const struct args *a, const char *name)
{
  char word[32];
  bool repeats;
  size_t i;

  for (i = 0; i < a->n_operands && command_operand (a->command, i, word, &repeats); i++)
    if (streq (word, name))
      return a->operands[i];
  return NULL;
}

static const char *
environment (const char *name)
{
  const char *value = getenv (name);

  return value && *value ? value : NULL;
}

int
args_address (const struct args *a, struct client_address *ret)
{
  bool flags = a->socket || a->url;

  *ret = (struct client_address) {
    .socket = flags ? a->socket : environment ("USHER_SOCKET"),
    .url = flags ? a->url : environment ("USHER_URL"),
    .token_file = a->token_file ? a->token_file : environment ("USHER_TOKEN_FILE"),
  };
  if (ret->socket && ret->url)
    return say_error (STATUS_USAGE, "%s: only one can be the daemon's address.",
                      flags ? "--socket and --url" : "USHER_SOCKET and USHER_URL");
  if (!ret->socket && !ret->url)
    ret->socket = RUNSTATEDIR "/usher/usher.sock";
  return STATUS_DONE;
}
