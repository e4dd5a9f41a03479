/* The one table of what usher can do.  Parsing, help, the requests that are sent and
   the test of usher(1) all walk it. */
#ifndef USHER_CLI_COMMAND_H
#define USHER_CLI_COMMAND_H

#include "host/common/base.h"

#define OPERAND_MAX 64u  /* operands of one command line */
#define GIVEN_MAX 1024u  /* options of one command line */

struct cli;
struct view;

/* Where an option's value goes in the request that a command sends. */
enum option_kind
{
  OPTION_NONE,       /* nowhere: usher itself looks at it */
  OPTION_TEXT,       /* body: key = the value */
  OPTION_NUMBER,     /* body: key = the value, a whole number */
  OPTION_LIST,       /* body: key = [values] */
  OPTION_PAIRS,      /* body: key = {K: V} from K=V; a K given twice has a list of values */
  OPTION_ASSETS,     /* body: key = [{"id", "role"}] from ID=PERM */
  OPTION_TRUE,       /* body: key = true */
  OPTION_FALSE,      /* body: key = false */
  OPTION_SECRET,     /* body: key = what @FILE or - holds */
  OPTION_SECRETS,    /* body: key = {F: what @FILE or - holds} from F=@FILE or F=- */
  OPTION_QUERY,      /* query: key = the value */
  OPTION_QUERY_TRUE, /* query: key = true */
};

#define OPTION_REQUIRED 1u   /* the command line must have it */
#define OPTION_MANY 2u       /* may be given more than once */
#define OPTION_DAEMON_ASKS 4u /* required, but it is the daemon that says so */

struct option
{
  const char *name;    /* "--label"; NULL ends a list */
  const char *value;   /* what the help calls its value; NULL = it has none */
  enum option_kind kind;
  unsigned int flags;  /* OPTION_... above */
  const char *key;     /* body: a path of names with dots; query: the parameter */
  const char *help;
};

#define COMMAND_NO_DAEMON 1u /* works on files alone */

struct command
{
  const char *name;     /* one to three words */
  const char *operands; /* "HUB MEMBER"; "..." after the last one: one or more */
  const char *summary;
  const struct option *options; /* NULL = none */
  /* The request.  {HUB} in the path is replaced by the operand of that name; an
     operand that is not in the path goes into the body under its name in lower case.
     NULL where `run` makes its own. */
  const char *method, *path;
  const struct view *view; /* how answers are shown; NULL = as they come */
  const char *question;    /* asked before anything is done; {HUB} as above; NULL = none */
  unsigned int flags;
  /* NULL = send the request and show or wait for what it answers. */
  int (*run) (struct cli *cli);
};

/* All commands, grouped by their first word; a NULL name ends the table. */
extern const struct command commands[];
/* What may stand before and after any command. */
extern const struct option global_options[];

/* The command that the words WORDS[0..N) begin with, and how many of them are its
   name; NULL when there is none. */
const struct command *command_find (const char *const *words, size_t n, size_t *ret_used);
/* The option NAME of C (which may be NULL) or of every command; NULL = none. */
const struct option *command_option (const struct command *c, const char *name);
/* The I-th word of C's operands without its dots, into NAME; false after the last. */
bool command_operand (const struct command *c, size_t i, char name[32], bool *ret_repeats);
/* Shows how C is called, each option with a line of its own, on standard output. */
void command_help (const struct command *c);
/* The same for usher itself, or for the commands that begin with GROUP. */
void command_help_all (const char *group);

#endif
