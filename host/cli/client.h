/* The HTTP API from the outside: one request at a time over the daemon's socket or a
   URL.  Knows what an answer is; knows nothing of commands. */
#ifndef USHER_CLI_CLIENT_H
#define USHER_CLI_CLIENT_H

#include <jansson.h>

#include "host/common/base.h"

#define ANSWER_BYTES_MAX (64u * 1024 * 1024)
#define REQUEST_TIMEOUT_MS 300000
#define TRANSFER_QUIET_S 3600 /* usherd makes or checks a backup without a byte to show for it */
#define REACH_MS 5000       /* how long a socket that is missing or refuses is tried */
#define REACH_EVERY_MS 100
#define PAGE_ITEMS "500"
#define FOLLOW_QUIET_S 45   /* an event stream has a sign of life every 15 seconds */

struct client;

struct client_address
{
  const char *socket; /* path, NULL with url */
  const char *url;    /* without /api/v1 */
  const char *token_file;
  bool once;          /* do not try again where nobody answers */
};

struct answer
{
  long status;  /* HTTP */
  json_t *json; /* owned; NULL when the body was empty or no JSON */
};

static inline void
answer_done (struct answer *a)
{
  json_decref (a->json);
  *a = (struct answer) { 0, NULL };
}

/* The string KEY of a thing; "" when there is none. */
const char *json_text (const json_t *json, const char *key);

/* Prepares; connects to nothing.  Reads the token. */
int client_open (const struct client_address *address, struct client **ret);
struct client *client_free (struct client *c);
DEFINE_CLEANUP (struct client *, client_free)

/* How long a daemon that is missing or refuses is tried from now on, in place of REACH_MS. */
void client_be_patient (struct client *c, int64_t ms);

/* Sends METHOD PATH (after /api/v1, encoded, with its query) with BODY as JSON (NULL =
   none) and gives any answer that HTTP has, refusals included.  A write has a key of
   its own, and is sent again with that key when its answer is lost.  Fails with
   STATUS_UNREACHABLE, STATUS_NOT_ALLOWED (the socket), an interrupt's status, or
   STATUS_FAILED for an answer that is none; RET is then untouched. */
int client_call (struct client *c, const char *method, const char *path, const json_t *body,
                 struct answer *ret);
/* The same with LEN bytes of TYPE as the body. */
int client_send (struct client *c, const char *method, const char *path, const char *type,
                 const void *body, size_t len, struct answer *ret);
/* POST PATH; the bytes of a good answer are written to FD and not to RET.  Has no time
   limit, and is not sent again. */
int client_receive (struct client *c, const char *path, int fd, struct answer *ret);
/* POST PATH with the SIZE bytes of FD's file as the body.  The same. */
int client_upload (struct client *c, const char *path, int fd, uint64_t size, struct answer *ret);
/* GET PATH as an event stream, until FN answers anything but -1: that is returned, or -1 when
   the stream ended, was silent for FOLLOW_QUIET_S, or is none; nothing is said then.  FN gets
   the data of each event, and NULL about every second and at once when the stream has BEGUN;
   it may make other requests of C. */
typedef int client_follow_fn (void *arg, bool begun, const char *data);
int client_follow (struct client *c, const char *path, client_follow_fn *fn, void *arg);
/* client_call, and a refusal is explained: RET is an answer of 200 to 299. */
int client_get (struct client *c, const char *path, struct answer *ret);

/* STATUS_DONE for an answer of 200 to 299; else says the problem in one sentence with
   its next step, and gives the status that goes with it. */
int answer_check (const struct answer *a);
/* The same; OPTION is what the command line calls the field at fault, NULL = as the daemon does. */
int answer_check_option (const struct answer *a, const char *option);
/* The problem's code, "" when there is none. */
const char *answer_code (const struct answer *a);

/* The rows and fields that JSON lists under "errors", each as a line on standard error;
   a row is named "SOURCE:LINE". */
void answer_say_errors (const json_t *json, const char *source);

/* Calls EACH for every item of the list at PATH, page after page. */
int client_list (struct client *c, const char *path,
                 int (*each) (const json_t *item, void *data), void *data);

#endif
