/* Owns the answer to "usher --complete", which the completion files of the shells ask: so
   that they hold nothing that the table of commands says.  Never waits for a daemon that
   is not there. */
#include <config.h>

#include "host/cli/complete.h"

#include <stdio.h>

#include "host/cli/cli.h"
#include "host/cli/say.h"

/* The word being typed, from where candidates are looked for, and what stands in front. */
struct typed
{
  const char *before; /* "--tab=" */
  size_t before_len;
  const char *word;
};

/* What is known of the words in front of it. */
struct line
{
  struct args args;              /* the daemon's address only */
  const char *words[OPERAND_MAX]; /* without options */
  size_t n_words;
  const struct command *command; /* NULL = not known yet */
  size_t used;                   /* how many of the words are its name */
  const struct option *open;     /* whose value is being typed; NULL = none's */
  bool operands_only;            /* "--" was seen */
};

/* What operands and values are called, and where their names come from. */
static const struct list
{
  const char *name, *path, *key, *about;
} lists[] = {
  { "ACCOUNT", "/accounts", "label", "app" },
  { "APP", "/apps", "id", "name" },
  { "HUB", "/hubs", "label", "app" },
};

static void
offer (const struct typed *t, const char *candidate, size_t len, const char *about)
{
  size_t n = strlen (t->word);

  if (n <= len && strncmp (candidate, t->word, n) == 0)
    (void) printf ("%.*s%.*s\t%s\n", (int) t->before_len, t->before, (int) len, candidate, about);
}

static void
offer_files (const struct typed *t, const char *behind)
{
  (void) printf ("\t%.*s%s\n", (int) t->before_len, t->before, behind);
}

/* The option that WORD begins with; *RET_LEN is how much of it is the name. */
static const struct option *
option_of (const struct command *c, const char *word, size_t *ret_len)
{
  char name[64] = "";

  *ret_len = word[1] == '-' ? strcspn (word, "=") : 2;
  if (*ret_len < sizeof name)
    memcpy (name, word, *ret_len);
  return command_option (c, name);
}

static void
note_address (struct args *a, const struct option *o, const char *value)
{
  if (streq (o->name, "--socket"))
    a->socket = value;
  else if (streq (o->name, "--url"))
    a->url = value;
  else if (streq (o->name, "--token-file"))
    a->token_file = value;
}

static void
read_line (int argc, char *const *argv, struct line *ret)
{
  int i;

  for (i = 0; i < argc; i++)
    {
      const char *word = argv[i];
      size_t len;

      if (!ret->operands_only && streq (word, "--"))
        ret->operands_only = true;
      else if (!ret->operands_only && word[0] == '-' && word[1])
        {
          const struct option *o = option_of (ret->command, word, &len);

          if (!o || !o->value)
            continue;
          if (word[len])
            note_address (&ret->args, o, word + len + (word[len] == '='));
          else if (i + 1 < argc)
            note_address (&ret->args, o, argv[++i]);
          else
            ret->open = o;
        }
      else if (ret->n_words < ARRAY_SIZE (ret->words))
        {
          ret->words[ret->n_words++] = word;
          ret->command = command_find (ret->words, ret->n_words, &ret->used);
        }
    }
}

struct offering
{
  const struct typed *typed;
  const struct list *list;
};

/* A name that would be two lines or columns is left out. */
static int
offer_item (const json_t *item, void *data)
{
  const struct offering *o = data;
  const char *name = json_text (item, o->list->key), *about = json_text (item, o->list->about);

  if (*name && !strpbrk (name, "\t\n") && !strpbrk (about, "\t\n"))
    offer (o->typed, name, strlen (name), about);
  return STATUS_DONE;
}

static void
offer_list (const struct line *line, const struct list *list, const struct typed *t)
{
  struct offering o = { t, list };
  struct client_address address;
  _cleanup_ (client_freep) struct client *client = NULL;

  if (args_address (&line->args, &address))
    return;
  address.once = true;
  if (client_open (&address, &client) == STATUS_DONE)
    (void) client_list (client, list->path, offer_item, &o);
}

/* What fits where the table says NAME: one of a|b, a name that the daemon knows, a file. */
static void
offer_value (const struct line *line, const char *name, const char *about, const struct typed *t)
{
  const char *word;
  size_t i, len;

  if (strstr (name, "@FILE"))
    {
      const char *at = strchr (t->word, '@');

      if (at)
        (void) printf ("\t%.*s%.*s@\n", (int) t->before_len, t->before, (int) (at - t->word), t->word);
      return;
    }
  if (streq (name, "FILE") || streq (name, "PATH"))
    offer_files (t, "");
  for (word = strchr (name, '|') ? name : ""; *word; word += len + (word[len] == '|'))
    {
      len = strcspn (word, "|");
      offer (t, word, len, about);
    }
  for (i = 0; i < ARRAY_SIZE (lists); i++)
    if (streq (name, lists[i].name))
      offer_list (line, &lists[i], t);
}

static void
offer_options (const struct option *o, const struct typed *t)
{
  for (; o && o->name; o++)
    offer (t, o->name, strlen (o->name), o->help);
}

/* The I-th word of NAME and its length; NULL after the last. */
static const char *
word_of (const char *name, size_t i, size_t *ret_len)
{
  for (; i; i--)
    {
      name += strcspn (name, " ");
      if (!*name++)
        return NULL;
    }
  *ret_len = strcspn (name, " ");
  return name;
}

/* Whether NAME begins with the words of LINE. */
static bool
goes_on (const struct line *line, const char *name)
{
  const char *word;
  size_t i, len;

  for (i = 0; i < line->n_words; i++)
    {
      word = word_of (name, i, &len);
      if (!word || strlen (line->words[i]) != len || strncmp (word, line->words[i], len) != 0)
        return false;
    }
  return true;
}

/* The next words of the commands that begin like LINE; commands of one group stand together. */
static void
offer_commands (const struct line *line, const struct typed *t)
{
  const char *offered = "";
  size_t offered_len = 0, len;
  const struct command *c;

  for (c = commands; c->name; c++)
    {
      const char *word = goes_on (line, c->name) ? word_of (c->name, line->n_words, &len) : NULL;

      if (!word || (len == offered_len && strncmp (word, offered, len) == 0))
        continue;
      offer (t, word, len, word[len] ? "" : c->summary);
      offered = word;
      offered_len = len;
    }
}

static void
offer_operand (const struct line *line, const struct typed *t)
{
  const struct command *c = line->command;
  size_t i = line->n_words - line->used, n = 0;
  bool repeats = false;
  char name[32];

  while (command_operand (c, n, name, &repeats))
    n++;
  if (n && (i < n || repeats) && command_operand (c, MIN (i, n - 1), name, &repeats))
    offer_value (line, name, "", t);
}

void
complete (int argc, char *const *argv)
{
  struct line line = { .n_words = 0 };
  struct typed t = { "", 0, argc ? argv[argc - 1] : "" };
  const struct option *o;

  read_line (argc - 1, argv, &line);
  if (line.open)
    offer_value (&line, line.open->value, line.open->help, &t);
  else if (!line.operands_only && t.word[0] == '-')
    {
      o = option_of (line.command, t.word, &t.before_len);
      if (o && o->value && t.word[t.before_len] == '=')
        {
          t = (struct typed) { t.word, t.before_len + 1, t.word + t.before_len + 1 };
          offer_value (&line, o->value, o->help, &t);
          return;
        }
      t.before_len = 0;
      if (line.command)
        offer_options (line.command->options, &t);
      offer_options (global_options, &t);
    }
  else if (line.command)
    offer_operand (&line, &t);
  else
    offer_commands (&line, &t);
}
