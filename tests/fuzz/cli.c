/* Command lines, one word a line: whatever the words, what is refused is refused in one sentence,
   and what is taken makes a path that holds no byte it must not. */
#include <config.h>

#include <jansson.h>
#include <stdio.h>

#include "host/cli/cli.h"
#include "host/cli/say.h"

#define WORDS_MAX 128

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Whether a secret would be read from a file or standard input. */
static bool
asks_secret (const struct args *a)
{
  size_t i;

  for (i = 0; i < a->n_given; i++)
    if (a->given[i].option->kind == OPTION_SECRET || a->given[i].option->kind == OPTION_SECRETS)
      return true;
  return false;
}

static void
check_path (const struct buf *path)
{
  size_t i;

  if (!path->len || path->data[0] != '/')
    abort ();
  for (i = 0; i < path->len; i++)
    if (path->data[i] <= 0x20 || path->data[i] == 0x7f || strchr ("\"<>\\^`{|}#", path->data[i]))
      abort ();
}

static void
check_request (struct cli *cli)
{
  const struct command *c = cli->args.command;
  struct buf path = BUF_INIT (PATH_MAX_BYTES);
  json_t *body = NULL;

  if (!c || c->run || cli->args.help || cli->args.version || asks_secret (&cli->args))
    return;
  if (request_path (cli, c->path, &path) == STATUS_DONE)
    check_path (&path);
  if (request_body (cli, &body) == STATUS_DONE && body && !json_is_object (body))
    abort ();
  json_decref (body);
  buf_done (&path);
}

static void
check_args (const struct args *a)
{
  size_t i;

  if (a->n_operands > OPERAND_MAX || a->n_given > GIVEN_MAX)
    abort ();
  for (i = 0; i < a->n_given; i++)
    if (!a->given[i].option || !a->given[i].option->value != !a->given[i].value)
      abort ();
  for (i = 0; i < a->n_operands; i++)
    if (!*a->operands[i])
      abort ();
}

/* Runs the words; what is said goes to where `stderr` leads. */
static int
run (int argc, char *const *argv)
{
  struct cli cli = { .client = NULL };
  int status = args_parse (argc, argv, &cli.args);

  if (status == STATUS_DONE)
    {
      check_args (&cli.args);
      check_request (&cli);
    }
  return status;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  FILE *terminal = stderr;
  char *text = malloc (size + 1), *said = NULL, *word, *rest, *argv[WORDS_MAX + 1] = { NULL };
  size_t said_len = 0;
  int argc = 0, status;

  if (!text)
    abort ();
  memcpy (text, data, size);
  text[size] = '\0';
  for (rest = text; argc < WORDS_MAX && (word = strsep (&rest, "\n"));)
    argv[argc++] = word;
  stderr = open_memstream (&said, &said_len);
  if (!stderr)
    abort ();
  status = run (argc, argv);
  (void) fclose (stderr);
  stderr = terminal;
  if (status != STATUS_DONE && (!strstr (said, "usher: ") || strchr (said, '\n') != said + said_len - 1))
    abort ();
  free (said);
  free (text);
  return 0;
}
