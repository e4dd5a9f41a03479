/* usher: reads a command line, finds the daemon, does the one command.  Knows nothing
   of Usher's state but what the HTTP API says. */
#include <config.h>

#include <curl/curl.h>
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "host/cli/cli.h"
#include "host/cli/complete.h"
#include "host/cli/interrupt.h"
#include "host/cli/output.h"
#include "host/cli/say.h"

/* Bodies and answers hold secrets now and then, and jansson does not know which. */
static void
wipe_and_free (void *p)
{
  if (p)
    explicit_bzero (p, malloc_usable_size (p));
  free (p);
}

#ifdef USHER_SANITIZERS
/* The leak check of a sanitizer build reads the process, which must allow it. */
static void
keep_out_others (void)
{
}
#else
static void
keep_out_others (void)
{
  (void) prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
}
#endif

static void
prepare (void)
{
  struct rlimit none = { 0, 0 };

  (void) setrlimit (RLIMIT_CORE, &none);
  keep_out_others ();
  /* Everything is UTF-8; a locale that cannot show it would only get escapes. */
  if (!setlocale (LC_CTYPE, "") || MB_CUR_MAX == 1)
    (void) setlocale (LC_CTYPE, "C.UTF-8");
  json_set_alloc_funcs (malloc, wipe_and_free);
  interrupt_install ();
  (void) curl_global_init (CURL_GLOBAL_DEFAULT);
}

static int
run_command (struct cli *cli)
{
  const struct command *c = cli->args.command;
  struct client_address address;
  int status;

  if (!(c->flags & COMMAND_NO_DAEMON))
    {
      status = args_address (&cli->args, &address);
      if (!status)
        status = client_open (&address, &cli->client);
      if (status)
        return status;
    }
  status = c->run ? c->run (cli) : request_run (cli);
  cli->client = client_free (cli->client);
  return status;
}

int
main (int argc, char **argv)
{
  struct cli cli = { .client = NULL };
  int status, finished;

  prepare ();
  if (argc > 1 && streq (argv[1], COMPLETE_FLAG))
    {
      complete (argc - 2, argv + 2);
      return output_finish ();
    }
  status = args_parse (argc - 1, argv + 1, &cli.args);
  if (!status && cli.args.version)
    (void) printf ("usher %s\n", PACKAGE_VERSION);
  else if (!status && cli.args.help && cli.args.command)
    command_help (cli.args.command);
  else if (!status && cli.args.help)
    command_help_all (cli.args.group);
  else if (!status)
    status = run_command (&cli);
  curl_global_cleanup ();
  finished = output_finish ();
  return status ? status : finished;
}
