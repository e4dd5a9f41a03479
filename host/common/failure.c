/* Owns the table of failure codes. */
#include <config.h>

#include "host/common/failure.h"

#include <usher/connector.h>

#define A FAILURE_HUB_ACCOUNT
#define C FAILURE_HUB_CONFIG
#define N FAILURE_HUB_NONE

static const struct failure failures[] = {
  /* code, class, hub, retry, can_retry, step, action */
  { "network-error", "transient", N, true, true, "wait", "See that the app runs and can be reached from this machine." },
  { "app-unavailable", "transient", N, true, true, "wait", "The fault is in the app: see whether it is down or being worked on." },
  { "timed-out", "transient", N, true, true, "wait", "See whether the app is busy or down." },
  { "app-rate-limited", "throttled", N, true, true, "wait", "The app asked to wait. Usher goes on at the time it named." },
  { "bad-credentials", "credential", A, false, true, "review-credentials", "Correct the user name or password of the automation account." },
  { "empty-password", "credential", A, false, true, "review-credentials", "Give the automation account its password." },
  { "second-factor-missing", "credential", A, false, true, "configure-second-factor", "Store the TOTP secret of the automation account." },
  { "second-factor-other", "credential", A, false, true, "configure-second-factor", "Switch the automation account to one-time codes (TOTP)." },
  { "token-rejected", "credential", A, false, true, "sign-in-again", "Grant access again, or paste a new token." },
  { "session-expired", "credential", N, true, true, "", "The session at the app ended; the next attempt signs in anew." },
  { "account-locked", "credential", A, false, true, "unlock-account", "Unlock the automation account in the app." },
  { "sso-only", "credential", A, false, true, "use-password-account", "Use an automation account that signs in with a password." },
  { "person-required", "credential", A, false, true, "complete-challenge", "Sign in to the app by hand once with the automation account, then retry." },
  { "account-lacks-permission", "permission", A, false, true, "grant-permission", "Give the automation account the native role that the app asks for." },
  { "wrong-business-id", "config", C, false, true, "fix-business-id", "Correct the id or address of the space in the hub's settings." },
  { "bad-setting", "config", C, false, true, "fix-setting", "Correct the setting named, in the hub's settings." },
  { "not-enough-seats", "refused", N, false, true, "add-licences", "Buy seats in the app, then retry." },
  { "subscription-inactive", "refused", N, false, true, "reactivate-subscription", "Make the app's subscription active again, then retry." },
  { "email-missing", "refused", N, false, true, "update-contact", "Complete the person's e-mail address." },
  { "email-invalid", "refused", N, false, true, "update-contact", "Correct the person's e-mail address." },
  { "phone-missing", "refused", N, false, true, "update-contact", "Complete the account's phone number." },
  { "address-refused", "refused", N, false, true, "fix-input", "The app refuses this address: use another." },
  { "field-rejected", "refused", N, false, true, "fix-input", "The app refuses this value: correct it." },
  { "refused-by-app", "refused", N, false, true, "check-in-app", "The app has a rule against this change: look there, change it by hand, then sync." },
  { "role-unknown", "refused", N, false, true, "sync-then-choose", "Sync, then choose a role that exists." },
  { "member-not-found", "refused", N, false, true, "sync", "The app no longer knows this member: sync." },
  { "invite-expired", "refused", N, false, false, "resend-invite", "Send the invitation again if the person is still to join." },
  { "second-factor-already-on", "refused", N, false, true, "configure-second-factor", "Store the secret of the second factor that is on." },
  { "unexpected-answer", "contract", N, false, true, "update-connector", "If the address is right, the app answers in a shape that the connector does not know: update the connector." },
  { "listing-incomplete", "contract", N, true, true, "wait", "Nobody was removed. Sync again; if it stays so, ask the app's maker why its pages and its total differ." },
  { "not-confirmed", "uncertain", N, true, true, "check-in-app", "The app does not show the change: look there, repair by hand, then sync." },
  { "answer-too-large", "limit", N, false, true, "contact-operator", "The app's answer is over Usher's limit: ask the app for less, or report it to the connector's maker." },
  { "cursor-loop", "limit", N, false, true, "contact-operator", "The app's pages go in a circle: report it to the app's maker." },
  { "capability-unsupported", "host", N, false, false, "do-by-hand", "Change it in the app by hand, then sync." },
  { "connector-missing", "host", C, false, true, "install-connector", "Install or enable the connector." },
  { "safeguard-exceeded", "host", N, false, false, "review-report", "Too many would be removed: read the report." },
  { "store-error", "host", N, false, true, "contact-operator", "The store cannot be read or written: see the log of usherd and the disk." },
  { "no-owner", "host", N, false, false, "name-owner", "A super-admin names somebody: usher member invite HUB EMAIL --hub-role owner --no-seat." },
  { "hub-removed", "host", N, false, false, "", "The hub was removed." },
  { "cancelled", "host", N, false, true, "", "The task was cancelled." },
  { "connector-crashed", "bug", N, true, true, "contact-operator", "The connector ended by itself: see the log of usherd, and update the connector." },
  { "connector-fault", "bug", N, false, true, "update-connector", "The connector broke its contract: update the connector." },
  { "connector-quarantined", "bug", C, false, true, "update-connector", "The connector failed three times in ten minutes and the app's hubs are paused: update it, then run usher connector enable." },
};

static const struct failure unknown
  = { "unknown", "host", N, false, true, "contact-operator", "See the log of usherd." };

static const struct
{
  int32_t status;
  const char *code;
} codes[] = {
  /* The first of a class serves its unknown details. */
  { USHER_E_NETWORK, "network-error" },
  { USHER_E_TIMEOUT, "timed-out" },
  { USHER_E_APP_DOWN, "app-unavailable" },
  { USHER_E_CURSOR, "listing-incomplete" },
  { USHER_E_RATE, "app-rate-limited" },
  { USHER_E_QUOTA, "app-rate-limited" },
  { USHER_E_LATER, "app-rate-limited" },
  { USHER_E_SESSION, "session-expired" },
  { USHER_E_PASSWORD, "bad-credentials" },
  { USHER_E_TOKEN, "token-rejected" },
  { USHER_E_2FA_MISSING, "second-factor-missing" },
  { USHER_E_2FA_OTHER, "second-factor-other" },
  { USHER_E_PERSON, "person-required" },
  { USHER_E_LOCKED, "account-locked" },
  { USHER_E_SSO_ONLY, "sso-only" },
  { USHER_E_FORBIDDEN, "account-lacks-permission" },
  { USHER_E_SPACE, "wrong-business-id" },
  { USHER_E_CONFIG, "bad-setting" },
  { USHER_E_VERSION, "bad-setting" },
  { USHER_E_REFUSED, "refused-by-app" },
  { USHER_E_SEATS, "not-enough-seats" },
  { USHER_E_SUBSCRIPTION, "subscription-inactive" },
  { USHER_E_LAST_OWNER, "refused-by-app" },
  { USHER_E_FIELD, "field-rejected" },
  { USHER_E_ADDRESS, "address-refused" },
  { USHER_E_ROLE, "role-unknown" },
  { USHER_E_NO_MEMBER, "member-not-found" },
  { USHER_E_NOT_JOINED, "refused-by-app" },
  { USHER_E_SHAPE, "unexpected-answer" },
  { USHER_E_DRIFT, "unexpected-answer" },
  { USHER_E_UNCERTAIN, "not-confirmed" },
  { USHER_E_LIMIT, "answer-too-large" },
  { USHER_E_LOOP, "cursor-loop" },
  { USHER_E_UNSUPPORTED, "capability-unsupported" },
  { USHER_E_CANCELLED, "cancelled" },
  { USHER_E_NOMEM, "connector-crashed" },
  { USHER_E_MISUSE, "connector-fault" },
};

const struct failure *
failure_find (const char *code)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (failures); i++)
    if (streq (code, failures[i].code))
      return &failures[i];
  return &unknown;
}

int
failure_class (int32_t status)
{
  return status < 0 && status > INT32_MIN ? -status / 100 : 0;
}

const char *
failure_code (int32_t status)
{
  size_t i;

  for (i = 0; i < ARRAY_SIZE (codes); i++)
    if (codes[i].status == status)
      return codes[i].code;
  for (i = 0; i < ARRAY_SIZE (codes); i++)
    if (failure_class (codes[i].status) == failure_class (status))
      return codes[i].code;
  return "connector-fault";
}
