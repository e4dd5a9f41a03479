/* What every command of usher works with, and the functions that commands with more
   than one request are made of. */
#ifndef USHER_CLI_CLI_H
#define USHER_CLI_CLI_H

#include "host/cli/args.h"
#include "host/cli/client.h"
#include "host/common/buf.h"

#define PATH_MAX_BYTES (32u * 1024)

struct cli
{
  struct args args;
  struct client *client; /* owned; NULL for commands that need no daemon */
  bool input_used;       /* standard input was read: there is no second time */
  const json_t *app;     /* borrowed: whose fields the command line gives; NULL = none */
};

/* request.c: from a command line to a request and its answer */

/* Appends TEXT percent-encoded as one segment of a path or one value of a query. */
int request_encode (struct buf *out, const char *text);
/* TEMPLATE with each {NAME} replaced by that operand, percent-encoded, and the options
   of the query kinds behind it, into PATH. */
int request_path (const struct cli *cli, const char *template, struct buf *path);
/* The body that the operands not in the command's path and its options make; the
   caller gives it back by json_decref. */
int request_body (struct cli *cli, json_t **ret);
/* Sets PATH, names with dots, in BODY to VALUE (taken, also on failure). */
int request_set (json_t *body, const char *path, json_t *value);
/* Splits "KEY=VALUE"; KEY must not be empty.  WHAT names it in the refusal.  The caller
   frees *ret_key; *ret_value points into PAIR. */
int request_pair (const char *what, const char *pair, char **ret_key, const char **ret_value);
/* Reads the secret SPEC of OPTION as a JSON string. */
int request_secret (struct cli *cli, const char *option, const char *spec, json_t **ret);
/* Sends a write; where the daemon wants confirmation, asks for it, or has it by --yes,
   and sends once more.  RET is an answer of 200 to 299. */
int request_write (struct cli *cli, const char *method, const char *path, json_t *body,
                   struct answer *ret);
/* Asks the command's question, or takes --yes for an answer. */
int request_confirm (const struct cli *cli, const char *question);
/* Shows an answer, or waits for the tasks in it. */
int request_finish (struct cli *cli, const struct answer *a);
/* The command's own request, from its first check to its last line. */
int request_run (struct cli *cli);

/* wait.c: tasks */

/* The label that people know the task KIND by. */
const char *task_label (const char *kind);
/* The I-th task of an answer that started work: its id; NULL after the last. */
const char *task_of (const struct answer *a, size_t i);
/* Waits until the task ID has ended or needs a person; shows progress, and in tables
   its id.  BY_STREAM: an event tells of the end, as long as the stream of events lasts;
   else, and then, the task is asked for.  *ret (when not NULL) is the task as it was last
   seen, also when it failed; the caller gives it back.  The status is that of the task. */
int wait_for_task (struct cli *cli, const char *id, bool by_stream, json_t **ret);

/* account.c: what an app file says about accounts */

/* The app the command line names, as GET /apps answers it. */
int account_app (struct cli *cli, const char *name, json_t **ret_app);
/* Completes ACCOUNT, a body with what the command line gave: its kind, where APP and the
   hub's FIELDS (may be NULL) leave only one, and, at a terminal, the required secrets
   that are still missing. */
int account_complete (struct cli *cli, const json_t *app, const json_t *fields, json_t *account);

struct view;
/* Prints a plan: its changes, with the columns of VIEW, and for people what they come to. */
int plan_show (const struct cli *cli, const struct view *view, const json_t *plan);

/* The commands that are more than one request */

int run_app_check (struct cli *cli);
int run_audit_export (struct cli *cli);
int run_audit_verify (struct cli *cli);
int run_backup (struct cli *cli);
int run_connector_inspect (struct cli *cli);
int run_directory_import (struct cli *cli);
int run_doctor (struct cli *cli);
int run_hub_connect (struct cli *cli);
int run_hub_remove (struct cli *cli);
int run_hub_set (struct cli *cli);
int run_account_add (struct cli *cli);
int run_plan (struct cli *cli);
int run_report_dismiss (struct cli *cli);
int run_report_show (struct cli *cli);
int run_restore (struct cli *cli);
int run_setup (struct cli *cli);
int run_task_watch (struct cli *cli);
int run_token_create (struct cli *cli);

#endif
