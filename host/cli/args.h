/* A command line taken apart by the table of commands. */
#ifndef USHER_CLI_ARGS_H
#define USHER_CLI_ARGS_H

#include "host/cli/client.h"
#include "host/cli/command.h"

enum format
{
  FORMAT_TABLE,
  FORMAT_JSON,
  FORMAT_CSV,
};

struct given
{
  const struct option *option;
  const char *value;    /* borrowed from argv; NULL for an option without one */
};

struct args
{
  const struct command *command; /* NULL with help, version or group */
  const char *group;             /* --help after the first word of several commands */
  const char *operands[OPERAND_MAX];
  size_t n_operands;
  struct given given[GIVEN_MAX];
  size_t n_given;
  enum format format;
  const char *socket, *url, *token_file; /* of the flags; NULL = not given */
  bool quiet, yes, no_wait, help, version;
};

/* Takes ARGV (without the program's name) apart into RET, which borrows from it. */
int args_parse (int argc, char *const *argv, struct args *ret);

/* The value of the first option NAME that was given; NULL = not given. */
const char *args_value (const struct args *a, const char *name);
bool args_has (const struct args *a, const char *name);
/* The operand that the command calls NAME; NULL = there is none. */
const char *args_operand (const struct args *a, const char *name);

/* Where the daemon is.  Flags win over the environment; a socket and a URL exclude each
   other in both.  RET borrows from A and the environment. */
int args_address (const struct args *a, struct client_address *ret);

#endif
