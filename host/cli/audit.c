/* Owns the commands on the record of what happened that are more than a list. */
#include <config.h>

#include <stdio.h>

#include "host/cli/cli.h"
#include "host/cli/output.h"
#include "host/cli/say.h"

static json_int_t
number (const json_t *o, const char *key)
{
  return json_integer_value (json_object_get (o, key));
}

static void
say_chain (const json_t *result)
{
  const json_t *first = json_object_get (result, "first"), *last = json_object_get (result, "last");

  say_line ("%" JSON_INTEGER_FORMAT " events are as they were written.", number (result, "events"));
  if (!last)
    return;
  say_line ("first  %" JSON_INTEGER_FORMAT "  %s", number (first, "seq"), json_text (first, "time"));
  say_line ("last   %" JSON_INTEGER_FORMAT "  %s  %s", number (last, "seq"), json_text (last, "time"),
            json_text (last, "hash"));
}

int
run_audit_verify (struct cli *cli)
{
  _cleanup_ (answer_done) struct answer a = { 0, NULL };
  const json_t *fault;
  int status = client_get (cli->client, "/audit/verify", &a);

  if (status)
    return status;
  if (cli->args.format != FORMAT_TABLE)
    status = output_thing (cli->args.format, a.json);
  else if (!cli->args.quiet)
    say_chain (a.json);
  fault = json_object_get (a.json, "fault");
  if (!fault || status)
    return status;
  return say_error (STATUS_FAILED, "Event %" JSON_INTEGER_FORMAT "%s%s: %s  Compare with a backup or an export. [%s]",
                    number (fault, "seq"), *json_text (fault, "time") ? ", near " : "", json_text (fault, "time"),
                    json_text (fault, "message"), json_text (fault, "kind"));
}

static int
print_event (const json_t *event, void *listing)
{
  struct listing *l = listing;

  if (l->format == FORMAT_CSV)
    return listing_add (l, event);
  /* One that a reader can take apart alone; what could not be written, output_finish tells. */
  (void) json_dumpf (event, stdout, JSON_COMPACT | (isatty (STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));
  (void) fputc ('\n', stdout);
  return STATUS_DONE;
}

int
run_audit_export (struct cli *cli)
{
  _cleanup_ (buf_done) struct buf path = BUF_INIT (PATH_MAX_BYTES);
  struct listing l = { .format = cli->args.format, .view = cli->args.command->view };
  int status = request_path (cli, cli->args.command->path, &path), end;

  if (!status)
    status = client_list (cli->client, path.data, print_event, &l);
  if (l.format != FORMAT_CSV)
    return status;
  if (status)
    {
      listing_break (&l);
      return status;
    }
  end = listing_end (&l);
  return status ? status : end;
}
