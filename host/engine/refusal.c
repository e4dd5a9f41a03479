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
} refusals[] = {
  { "not-permitted", 403, "Not permitted", "Ask an owner or an admin." },
  { "role-not-allowed", 403, "Role not allowed", "Ask an owner or an admin." },
  { "reauth-required", 401, "Sign in again", "Sign in again, then repeat." },
  { "confirmation-required", 428, "Confirmation required", "Repeat with confirmation." },
  { "not-found", 404, "Not found", "Check the name or id." },
  { "validation-failed", 422, "Validation failed", "Correct the field named." },
  { "provisioning-field-missing", 422, "Provisioning field missing", "Fill the field named." },
  { "reason-required", 422, "Reason required", "Give a reason." },
  { "label-taken", 409, "Label taken", "Choose another label." },
  { "hub-exists", 409, "Hub exists", "The space is already connected: use that hub." },
  { "account-in-use", 409, "Account in use", "Choose another account, or unlink it there." },
  { "capability-unsupported", 409, "Not supported by the connector", "Do it in the app, then sync." },
  { "role-not-assignable", 422, "Role not assignable", "Choose other app roles." },
  { "roles-incompatible", 422, "Roles incompatible", "Choose other app roles." },
  { "seat-required", 422, "Seat required", "Collaborators need a seat." },
  { "already-matched", 409, "Already matched", "Unlink first." },
  { "member-exempted", 409, "Member exempted", "Remove the exemption first." },
  { "member-busy", 409, "Member busy", "Wait for the open task." },
  { "invite-pending", 409, "Invitation pending", "The person must accept the invitation first." },
  { "access-via-team", 409, "Access by a team", "Change the team named." },
  { "access-via-collection", 409, "Access by a collection", "Change the collection named." },
  { "self-removal", 409, "Own role", "Another owner must do it." },
  { "last-owner", 409, "Last owner", "Name another owner first." },
  { "safeguard-exceeded", 409, "Too many would be removed", "Look at who is missing; remove people one by one if it is right." },
  { "report-closed", 409, "Report closed", "Read the report again." },
  { "report-changed", 409, "Report changed", "Read the report again." },
  { "not-retryable", 409, "Not retryable", "Mend the cause, then start a new action." },
  { "login-method-unsupported", 422, "Login method unsupported", "Choose a method that the connector allows." },
  { "hub-removed", 410, "Hub removed", "Restore the hub, or connect it anew." },
  { "restore-expired", 410, "Too late to restore", "Connect the hub anew." },
  { "rate-limited", 429, "Too many requests", "Wait as told." },
  { "not-signed-in", 401, "Not signed in", "Sign in, or give a token." },
  { "malformed", 400, "Malformed request", "Correct the request." },
  { "unsupported-type", 415, "Unsupported type", "Send the content type named." },
  { "method-not-allowed", 405, "Method not allowed", "Use another method." },
  { "idempotency-conflict", 409, "Idempotency key used before", "Use a new key for another request." },
  { "changed", 412, "Changed meanwhile", "Read it again." },
  { "too-large", 413, "Too large", "Send less." },
  { "not-set-up", 409, "Not set up", "Run usher setup." },
  { "already-set-up", 409, "Already set up", "The workspace exists: go on with it." },
  { "read-only", 503, "No room", "Free space on the disk that holds the state folder." },
  { "unavailable", 503, "Unavailable", "Try again." },
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

void
refusal_done (struct refusal *r)
{
  free (r->detail);
  free (r->field);
  *r = (struct refusal) { 0 };
}
