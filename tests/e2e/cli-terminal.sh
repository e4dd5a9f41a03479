#!/bin/sh
# At a terminal: questions, secrets without echo, progress, colours, ^C.
# shellcheck source=tests/e2e/cli-lib.sh
. "$(dirname "$0")/cli-lib.sh"

hub='{"id": "h", "label": "Acme", "status": "healthy", "odd": "é\u009b1m"}'
task='"id": "t1", "kind": "sync"'
start_api <<END
{"GET /hubs/Acme": {"json": $hub}, "GET /hubs?limit=500": {"json": {"items": [$hub]}},
 "DELETE /hubs/Acme?confirm=true": {"json": $hub},
 "DELETE /hubs/Acme/members/m?confirm=true": {"json": {"id": "m"}},
 "PATCH /hubs/Acme/members/m": [{"status": 428, "json": {"code": "confirmation-required", "detail": "The app must remove and add m again."}}, {"json": {"id": "m"}}],
 "GET /apps/scim": {"json": {"id": "scim", "accounts": [{"kind": "token", "fields": [{"key": "token", "label": "Bearer token", "kind": "secret", "required": true}]}]}},
 "POST /accounts": {"status": 201, "json": {"id": "a1", "label": "Robot"}},
 "POST /hubs/Acme/sync": {"status": 202, "json": {$task, "status": "queued"}},
 "GET /tasks/t1": [{"json": {$task, "status": "running", "progress": {"done": 50, "total": 100, "unit": "members"}}},
   {"json": {$task, "status": "running", "wait_reason": "app-asked", "next_attempt_at": "2026-11-24T06:10:50Z", "progress": {"done": 50, "total": 100, "unit": "members"}}},
   {"json": {$task, "status": "completed"}}],
 "POST /hubs/Slow/sync": {"status": 202, "json": {"id": "t2", "kind": "sync", "status": "queued"}},
 "GET /tasks/t2": {"json": {"id": "t2", "kind": "sync", "status": "running", "progress": {"done": 50, "total": 100, "unit": "members"}}}}
END

at_terminal ()
{
  python3 "$here/cli-terminal.py" "$usher" "$1" >"$dir/out" 2>"$dir/err" || fail "$1 does not hold"
}

at_terminal no
not_asked DELETE
at_terminal yes
asked 'DELETE /hubs/Acme/members/m?confirm=true'
at_terminal label
at_terminal daemon_asks
asked '\"confirm\":true'
at_terminal secret
asked '{\"label\":\"Robot\",\"app\":\"scim\",\"secrets\":{\"token\":\"geheim\"},\"kind\":\"token\"}'
: >"$dir/log"
at_terminal missing_secret
asked '\"secrets\":{\"token\":\"geheim\"}'
: >"$dir/log"
at_terminal interrupted_prompt
not_asked POST
at_terminal progress
at_terminal interrupted_wait
at_terminal colour
at_terminal json
exit 0
