#!/bin/sh
# Commands that make a task wait for it and end with its status; ^C ends the wait only.
# shellcheck source=tests/e2e/cli-lib.sh
. "$(dirname "$0")/cli-lib.sh"

task ()
{
  printf '{"id": "t1", "kind": "%s", "status": "%s", "wait_reason": %s, "error": %s, "result": "done"}' \
    "$1" "$2" "${3:-null}" "${4:-null}"
}

# Completed: 0; the id is there at once, the table says what the sync found.
start_api <<END
{"POST /hubs/Acme/sync": {"status": 202, "json": $(task sync queued)},
 "GET /tasks/t1": [{"json": $(task sync queued)}, {"json": $(task sync running)},
   {"json": {"id": "t1", "kind": "sync", "status": "retrying", "next_attempt_at": "2026-11-24T06:10:50Z", "error": {"message": "The app is down."}}},
   {"json": {"id": "t1", "kind": "sync", "status": "completed", "result": "done",
     "sync": {"listing": "complete", "seen": 1000, "added": 3, "changed": 1, "removed": 2, "missing": 0}}}]}
END
try 0 sync Acme
is out 'Task t1: Check for updates
Check for updates: completed; 1000 seen, 3 added, 1 changed, 2 removed, 0 missing; listing complete.'
is err 'Check for updates: to be tried again at 2026-11-24 06:10:50: The app is down.'
asked '"body": "{}"'
try 0 check-for-updates Acme --dry-run
asked '"body": "{\"dry_run\":true}"'
try 0 -o json sync Acme
python3 -c 'import json, sys; assert json.load(sys.stdin)["sync"]["seen"] == 1000' <"$dir/out" || fail "that is not the task"
try 0 -q sync Acme
[ ! -s "$dir/out" ] || fail "-q printed something"
try 0 task watch t1

# --no-wait: the id and nothing else, or what the API answered.
: >"$dir/log"
try 0 sync Acme --no-wait
is out t1
not_asked 'GET /tasks'
try 0 -o json sync Acme --no-wait
python3 -c 'import json, sys; assert json.load(sys.stdin)["status"] == "queued"' <"$dir/out" || fail "that is not the answer"

# watch: an event about the task, or the stream's end, is what makes it look again.
watched ()
{
  [ "$(grep -c '"GET /tasks/t1"' "$dir/log")" = "$1" ] || fail "the task was asked for otherwise than $1 times"
}
running='{"json": {"id": "t1", "kind": "sync", "hub": "h 1", "status": "running"}}'
start_api <<END
{"GET /tasks/t1": [$running, $running, {"json": $(task sync completed)}],
 "GET /events/stream?hub=h%201": {"type": "text/event-stream",
   "text": "retry: 2000\n\n:\n\nid: 1\nevent: task.completed\ndata: {\"task\":\"t2\"}\n\nid: 2\nevent: task.completed\ndata: {\"task\":\"t1\"}\n\n"}}
END
try 0 task watch t1
has out 'Check for updates: completed'
watched 3
start_api <<END
{"GET /tasks/t1": [$running, $running, $running, {"json": $(task sync completed)}],
 "GET /events/stream?hub=h%201": {"type": "text/event-stream", "text": "retry: 2000\n\nid: 1\ndata: {\"task\":\"t1"}}
END
try 0 task watch t1
watched 4
start_api <<END
{"GET /tasks/t1": [$running, {"json": $(task sync completed)}],
 "GET /events/stream?hub=h%201": {"status": 503, "json": {"code": "unavailable", "detail": "Too many."}}}
END
try 0 task watch t1
[ ! -s "$dir/err" ] || fail "a stream that cannot be had is said"
watched 2

# A second request joins the open task (200, joined).
start_api <<END
{"POST /hubs/Acme/sync": {"json": {"joined": true, "task": $(task sync running)}},
 "GET /tasks/t1": {"json": $(task sync completed)}}
END
try 0 sync Acme
asked 'GET /tasks/t1'

# An answer that is no task is shown, not waited for.
start_api <<END
{"POST /hubs/Acme/members": {"json": {"id": "m1", "status": "onboarded"}}}
END
try 0 -o json member invite Acme new@example.com --role member --role 'a,b' --asset 'x=y=full' --hub-role manager --no-seat --set team=red --guest --create
is out '{"id":"m1","status":"onboarded"}'
asked '{\"email\":\"new@example.com\",\"roles\":[\"member\",\"a,b\"],\"assets\":[{\"id\":\"x=y\",\"role\":\"full\"}],\"hub_role\":\"manager\",\"seat\":false,\"fields\":{\"team\":\"red\"},\"guest\":true,\"create\":true}'

# Not completed: 1, with the sentence and the next step.  A guard or a person: 5.
start_api <<END
{"POST /tasks/t1/retry": {"status": 202, "json": $(task add-user queued)},
 "GET /tasks/t1": [{"json": $(task add-user not-completed null '{"code": "not-enough-seats", "message": "No seat is left.", "action": "Buy seats."}')},
   {"json": $(task sync not-completed null '{"code": "safeguard-exceeded", "message": "30 of 50 are missing.", "action": "Read the report."}')},
   {"json": $(task sync queued '"hub-needs-review"')},
   {"json": $(task remove-user queued '"report-open"')},
   {"status": 404, "json": {"code": "not-found", "detail": "There is no such task."}}]}
END
try 1 task retry t1
is err 'usher: Adding users was not completed: No seat is left. Buy seats. [not-enough-seats]'
try 5 task retry t1
has err '30 of 50 are missing. Read the report. [safeguard-exceeded]'
try 5 task retry t1
has err 'waits until its hub was reviewed'
try 5 task retry t1
has err 'is held in a report'
try 3 task retry t1
has err 'There is no such task.'

# ^C: 130, the id, and no cancel.  So does the end of a script by SIGTERM: 143.
start_api <<END
{"POST /hubs/Acme/sync": {"status": 202, "json": $(task sync queued)},
 "GET /tasks/t1": [{"json": $(task sync running)}, {"json": $(task sync running '"app-asked"')}]}
END
for pair in INT:130 TERM:143
do
  : >"$dir/err"
  # A shell's background job ignores SIGINT; python gives it back its meaning.
  python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$usher" sync Acme >"$dir/out" 2>"$dir/err" &
  pid=$!
  while ! grep -q 'waiting, as the app asked' "$dir/err"; do
    kill -0 $pid || fail "usher ended by itself"
  done
  kill -"${pair%:*}" $pid
  wait $pid
  got=$?
  [ $got = "${pair#*:}" ] || fail "${pair%:*} ended usher with $got"
  has err 'Task t1 goes on'
  has out 'Task t1'
  not_asked cancel
done

# hub connect: the app's only fitting kind of account, then validation, then the sync.
app='{"id": "scim", "fields": [{"key": "base_url", "id": "space"}, {"key": "profile", "default": "a"}], "can": {"sync": true},
  "accounts": [{"kind": "token", "fields": [{"key": "token", "kind": "secret", "required": true}]},
               {"kind": "password", "totp": "optional"},
               {"kind": "oauth", "when": {"profile": ["b"]}, "fields": [{"key": "client", "kind": "secret"}]}]}'
hub='{"id": "h1", "label": "Acme", "status": "healthy"}'
connect_api ()
{
  start_api <<END
{"GET /apps/scim": {"json": $app},
 "POST /hubs": {"status": 202, "json": {"id": "h1", "label": "Acme", "status": "under-validation"$1}},
 "GET /tasks?hub=h1&limit=500": [{"json": {"items": [{"id": "v1", "kind": "validate"}]}}, {"json": {"items": []}},
   {"json": {"items": [{"id": "s2", "kind": "sync"}, {"id": "s1", "kind": "sync"}, {"id": "v1", "kind": "validate"}]}}],
 "GET /tasks/v1": [{"json": {"id": "v1", "kind": "validate", "status": "running"}}, {"json": {"id": "v1", "kind": "validate", $2}}],
 "GET /tasks/s1": {"json": {"id": "s1", "kind": "sync", $3}},
 "GET /hubs/h1": {"json": $hub}}
END
}
printf 'geheim\n' >"$dir/token"
connect ()
{
  want=$1; shift
  try "$want" "$@" hub connect scim --label Acme --login-method sso --set base_url=http://127.0.0.1:9/scim/v2 --secret token=@"$dir/token"
}
connect_api '' '"status": "completed"' '"status": "completed"'
connect 0
has out 'Task v1: Validating'
has out 'Task s1: Check for updates'
has out 'Acme is connected and healthy.'
asked '{\"app\":\"scim\",\"label\":\"Acme\",\"login_method\":\"sso\",\"fields\":{\"base_url\":\"http://127.0.0.1:9/scim/v2\"},\"account\":{\"secrets\":{\"token\":\"geheim\"},\"label\":\"Acme\",\"kind\":\"token\"}}'
connect_api ', "task": {"id": "v1", "kind": "validate"}' '"status": "completed"' '"status": "completed"'
connect 0 -o json
is out '{"id":"h1","label":"Acme","status":"healthy"}'
connect_api ', "task": "v1"' '"status": "completed"' '"status": "completed"'
connect 0 --no-wait
is out v1
connect_api '' '"status": "not-completed", "error": {"code": "token-rejected", "message": "The token is refused.", "action": "Paste a new one."}' '"status": "completed"'
connect 1
has err 'Validating was not completed: The token is refused. Paste a new one. [token-rejected]'
not_asked 'GET /tasks/s1'
connect_api '' '"status": "completed"' '"status": "not-completed", "error": {"code": "safeguard-exceeded"}'
connect 5

# What the command line leaves open is named.
connect_api '' '"status": "completed"' '"status": "completed"'
try 2 hub connect scim --label Acme --business-id 7
has err 'Which kind of account is it?'
has err 'token with --secret token=@FILE'
try 2 hub connect scim --label Acme --secret pin=@"$dir/token"
has err 'No kind of account of scim fits'
try 2 hub connect scim --label Acme --account a1 --username u
has err '--account names a saved account'
try 0 hub connect scim --label Acme --account a1 --business-id 7
asked '{\"app\":\"scim\",\"label\":\"Acme\",\"fields\":{\"base_url\":\"7\"},\"account\":\"a1\"}'
try 2 hub connect scim --label Acme --account a1 --business-id 7 --set base_url=8
has err '--business-id is base_url of the app scim, and --set base_url= says something else'
try 0 hub connect scim --label Acme --account a1 --business-id 7 --set base_url=7
try 0 hub connect scim --label Acme --kind token --username robot
asked '\"account\":{\"username\":\"robot\",\"label\":\"Acme\",\"kind\":\"token\"}'
try 0 hub connect scim --label Acme --set profile=b --secret client=@"$dir/token" --phone 123
asked '\"kind\":\"oauth\"'
exit 0
