/* Owns what every run shares: how it ends, and what a connector may keep. */
#include <config.h>

#include <stdarg.h>
#include <stdio.h>

#include "host/common/clock.h"
#include "host/common/failure.h"
#include "host/common/log.h"
#include "host/engine/connectors.h"
#include "host/engine/internal.h"

#define TEXT_MAX 1024u
#define STATE_MAX 16384u
#define STATES_MAX 1000u     /* values of a hub */
#define SECRET_MAX 16384u

/* Connectors and libraries say it in lower case and without an end: people read a sentence. */
static void
make_sentence (struct buf *text)
{
  char *s = text->data;
  size_t word = text->len ? strspn (s, "abcdefghijklmnopqrstuvwxyz") : 0;

  if (word && s[word] == ' ')
    s[0] = (char) (s[0] - 'a' + 'A');
  if (text->len && !strchr (".!?", s[text->len - 1]))
    buf_putc (text, '.');
}

void
run_fail (struct run *r, const char *code, const char *fmt, ...)
{
  _cleanup_ (buf_done) struct buf text = BUF_INIT (TEXT_MAX + 2);
  va_list ap;

  va_start (ap, fmt);
  buf_vprintf (&text, fmt, ap);
  va_end (ap);
  make_sentence (&text);
  free (r->text);
  r->text = buf_steal (&text);
  r->code = code;
  r->end = RUN_FAILED;
}

void
run_park (struct run *r, const char *reason)
{
  r->reason = reason;
  r->end = RUN_PARKED;
}

bool
run_no_room (int error)
{
  return error == -ENOSPC || error == -EDQUOT;
}

void
run_store_failed (struct run *r, int error, const char *what)
{
  if (run_no_room (error))
    run_park (r, "store-full");
  else
    run_fail (r, "store-error", "%s: %s.", what, strerror (-error));
}

void
run_fail_outcome (struct run *r, const struct session_outcome *o)
{
  const char *code = failure_code (o->status);
  const struct failure *failure;
  const char *text;

  /* The service manager ends the children with the daemon: nobody's fault. */
  if (*r->stop && (o->crashed || o->status == USHER_E_CANCELLED))
    {
      r->end = RUN_INTERRUPTED;
      return;
    }
  if (!o->blameless && (o->crashed || failure_class (o->status) == 11))
    connectors_fault (r->e, app_connector (r->app), app_id (r->app), o->text ? o->text : failure_find (code)->code);
  r->crashed = o->crashed;
  if (o->blameless)
    code = "network-error";
  if (o->crashed)
    log_warning ("%s: %s; task %s", json_text (r->hub, "label"), o->text ? o->text : "a child ended",
                 json_text (r->task, "id"));
  failure = failure_find (code);
  text = o->text ? o->text : failure->action;
  /* Who has several connectors wants to know which one to update. */
  if (streq (failure->class, "bug") && !strstr (text, app_connector (r->app)))
    run_fail (r, code, "%s: %s", app_connector (r->app), text);
  else
    run_fail (r, code, "%s", text);
  free (r->field);
  r->field = o->field ? strdup (o->field) : NULL;
  r->until_ms = o->until_ms;
  r->limited = failure_class (o->status) == 2 && o->status != USHER_E_LATER;
  if (failure_class (o->status) == 2 && o->until_ms > clock_now_ms ())
    r->end = RUN_WAITS;
}

bool
run_is_wanted (struct run *r, struct txn *t)
{
  json_t *task = txn_doc_get (t, STORE_TASK, &r->task_id), *hub = txn_doc_get (t, STORE_HUB, &r->hub_id);
  bool wanted = task && !json_object_get (task, "ended_at") && hub && hub_is_live (hub);

  json_decref (task);
  json_decref (hub);
  if (!wanted && txn_error (t) == 0)
    r->end = RUN_DROPPED;
  return wanted;
}

void
task_completed (struct txn *t, json_t *task, const json_t *hub, const char *result)
{
  int64_t now = clock_now_ms ();

  json_set_text (task, "status", "completed");
  json_set_text (task, "result", result);
  json_set_text (task, "wait_reason", NULL);
  (void) json_object_del (task, "error");
  json_set_time (task, "next_attempt_at", 0);
  json_set_time (task, "updated_at", now);
  json_set_time (task, "ended_at", now);
  txn_doc_put (t, STORE_TASK, task);
  if (!json_flag (json_object_get (task, "input"), "dry_run"))
    issue_resolve (t, hub, json_text (task, "kind"), NULL);
  event_add (t, &(struct event) { .type = "task.completed", .caller = &system_caller, .hub = hub, .outcome = result,
                                  .details = json_pack ("{s:s?, s:s?}", "task", json_text (task, "id"), "kind",
                                                        json_text (task, "kind")) });
}

void
run_complete (struct run *r, struct txn *t, const char *result)
{
  r->end = RUN_COMPLETED;
  task_completed (t, r->task, r->hub, result);
}

/* ---- Events of its sessions. */

static struct run *
run_of (void *arg)
{
  return *(struct run **) arg;
}

int32_t
run_state_get (void *arg, const char *key, struct buf *ret)
{
  struct run *r = run_of (arg);
  _cleanup_ (txn_abortp) struct txn *t = store_read (r->e->store);
  const void *p;
  size_t len;

  if (txn_state_get (t, &r->hub_id, key, &p, &len) == 1)
    buf_put (ret, p, len);
  return txn_error (t) < 0 || buf_error (ret) ? USHER_E_NOMEM : 0;
}

int32_t
run_state_put (void *arg, const char *key, const void *p, size_t len)
{
  struct run *r = run_of (arg);
  _cleanup_ (txn_abortp) struct txn *t = NULL;
  const void *old;
  size_t old_len;

  if (len > STATE_MAX)
    return USHER_E_MISUSE;
  t = store_write (r->e->store);
  if (txn_state_get (t, &r->hub_id, key, &old, &old_len) != 1 && txn_state_count (t, &r->hub_id) >= STATES_MAX)
    return USHER_E_LIMIT;
  txn_state_put (t, &r->hub_id, key, p, len);
  return txn_commit (TAKE (t)) < 0 ? USHER_E_NOMEM : 0;
}

int32_t
run_secret_put (void *arg, const char *name, const char *value, int64_t expires_ms)
{
  struct run *r = run_of (arg);
  _cleanup_ (txn_abortp) struct txn *t = NULL;
  _cleanup_ (buf_done) struct buf sealed = BUF_INIT (SECRET_MAX + 256);
  const char *account = json_text (r->hub, "account");
  struct id id;

  (void) expires_ms;
  if (strlen (value) > SECRET_MAX || id_parse (account, &id) < 0)
    return USHER_E_MISUSE;
  t = store_write (r->e->store);
  if (vault_seal (r->e->vault, account, name, value, strlen (value), &sealed) < 0)
    return USHER_E_NOMEM;
  txn_secret_put (t, &id, name, sealed.data, sealed.len);
  return txn_commit (TAKE (t)) < 0 ? USHER_E_NOMEM : 0;
}

void
run_log (void *arg, uint32_t level, const char *text)
{
  struct run *r = run_of (arg);

  log_write ((int) level, "%s: %s: %s", json_text (r->hub, "label"), app_connector (r->app), text);
}

int32_t
run_any_section (void *arg, uint32_t ordinal, uint32_t kind, const char *scope)
{
  (void) arg;
  (void) ordinal;
  (void) kind;
  (void) scope;
  return 0;
}
