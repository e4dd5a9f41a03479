/* Owns the table of refusals. */
#include <config.h>

#include "host/engine/refusal.h"

#include <stdarg.h>

#include "host/common/buf.h"

#define DETAIL_MAX 1024u

static const struct
{
  const char *code;
  int http;
  const char *title, *action;
  unsigned int retry_s;
} refusals[] = {
  { "not-permitted", 403, "Not permitted", "Ask an owner or an admin.", 0 },
  { "role-not-allowed", 403, "Role not allowed", "Ask an owner or an admin.", 0 },
  { "reauth-required", 401, "Sign in again", "Sign in again, then repeat.", 0 },
  { "confirmation-required", 428, "Confirmation required", "Repeat with confirmation.", 0 },
  { "not-found", 404, "Not found", "Check the name or id.", 0 },
  { "validation-failed", 422, "Validation failed", "Correct the field named.", 0 },
  { "provisioning-field-missing", 422, "Provisioning field missing", "Fill the field named.", 0 },
  { "reason-required", 422, "Reason required", "Give a reason.", 0 },
  { "label-taken", 409, "Label taken", "Choose another label.", 0 },
  { "hub-exists", 409, "Hub exists", "The space is already connected: use that hub.", 0 },
  { "account-in-use", 409, "Account in use", "Choose another account, or unlink it there.", 0 },
  { "capability-unsupported", 409, "Not supported by the connector", "Do it in the app, then sync.", 0 },
  { "role-not-assignable", 422, "Role not assignable", "Choose other app roles.", 0 },
  { "roles-incompatible", 422, "Roles incompatible", "Choose other app roles.", 0 },
  { "seat-required", 422, "Seat required", "Collaborators need a seat.", 0 },
  { "already-matched", 409, "Already matched", "Unlink first.", 0 },
  { "member-exempted", 409, "Member exempted", "Remove the exemption first.", 0 },
  { "member-busy", 409, "Member busy", "Wait for the open task.", 0 },
  { "invite-pending", 409, "Invitation pending", "The person must accept the invitation first.", 0 },
  { "access-via-team", 409, "Access by a team", "Change the team named.", 0 },
  { "access-via-collection", 409, "Access by a collection", "Change the collection named.", 0 },
  { "self-removal", 409, "Own role", "Another owner must do it.", 0 },
  { "last-owner", 409, "Last owner", "Name another owner first.", 0 },
  { "report-closed", 409, "Report closed", "Read the report again.", 0 },
  { "report-changed", 409, "Report changed", "Read the report again.", 0 },
  { "not-retryable", 409, "Not retryable", "Mend the cause, then start a new action.", 0 },
  { "login-method-unsupported", 422, "Login method unsupported", "Choose a method that the connector allows.", 0 },
  { "hub-removed", 410, "Hub removed", "Restore the hub, or connect it anew.", 0 },
  { "restore-expired", 410, "Too late to restore", "Connect the hub anew.", 0 },
  { "rate-limited", 429, "Too many requests", "Wait as told.", 60 },
  { "not-signed-in", 401, "Not signed in", "Sign in, or give a token.", 0 },
  { "malformed", 400, "Malformed request", "Correct the request.", 0 },
  { "unsupported-type", 415, "Unsupported type", "Send the content type named.", 0 },
  { "method-not-allowed", 405, "Method not allowed", "Use another method.", 0 },
  { "idempotency-conflict", 409, "Idempotency key used before", "Use a new key for another request.", 0 },
  { "idempotency-pending", 409, "Request under way", "Wait, then repeat it with the same key.", 1 },
  { "changed", 412, "Changed meanwhile", "Read it again.", 0 },
  { "too-large", 413, "Too large", "Send less.", 0 },
  { "backup-busy", 409, "Backup under way", "Wait until it has ended.", 5 },
  { "backup-refused", 422, "Backup refused", "Nothing was changed.", 0 },
  { "not-set-up", 409, "Not set up", "Run usher setup.", 0 },
  { "already-set-up", 409, "Already set up", "The workspace exists: go on with it.", 0 },
  { "read-only", 503, "No room", "Free space on the disk that holds the state folder.", 60 },
  { "unavailable", 503, "Unavailable", "Try again.", 5 },
};

int
refuse (struct refusal *r, const char *code, const char *field, const char *fmt, ...)
{
  _cleanup_ (buf_done) struct buf detail = BUF_INIT (DETAIL_MAX);
  va_list ap;
  size_t i;

  refusal_done (r);
  for (i = 0; !streq (refusals[i].code, code); i++)
    assert (i + 1 < ARRAY_SIZE (refusals));
  va_start (ap, fmt);
  buf_vprintf (&detail, fmt, ap);
  va_end (ap);
  *r = (struct refusal) {
    .code = refusals[i].code,
    .http = refusals[i].http,
    .title = refusals[i].title,
    .action = refusals[i].action,
    .retry_s = refusals[i].retry_s,
    .detail = buf_steal (&detail),
    .field = field ? strdup (field) : NULL,
  };
  return -ECANCELED;
}

int
refuse_errno (struct refusal *r, int error)
{
  if (error == -ENOSPC)
    return refuse (r, "read-only", NULL, "The disk or the map of the store is full; nothing was changed.");
  return refuse (r, "unavailable", NULL, "The store answered: %s.", strerror (-error));
}

bool
refusal_at (size_t i, const char **ret_code, int *ret_http)
{
  if (i >= ARRAY_SIZE (refusals))
    return false;
  *ret_code = refusals[i].code;
  *ret_http = refusals[i].http;
  return true;
}

void
refusal_done (struct refusal *r)
{
  free (r->detail);
  free (r->field);
  json_decref (r->errors);
  *r = (struct refusal) { 0 };
}
