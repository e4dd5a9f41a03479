#!/bin/sh
# What the API answers and what people and programs get to see of it.
# shellcheck source=tests/e2e/cli-lib.sh
. "$(dirname "$0")/cli-lib.sh"

# A refusal: one sentence with the next step; the exit status goes by the HTTP status.
for pair in 400:2 413:2 415:2 422:2 428:2 404:3 410:3 401:4 403:4 405:1 409:1 412:1 429:1 500:1 503:1
do
  http=${pair%:*}
  start_api <<END
{"GET /hubs/Acme": {"status": $http, "type": "application/problem+json", "json":
  {"code": "some-code", "title": "T", "detail": "This is why", "action": "Do that.", "field": "base_url"}}}
END
  try "${pair#*:}" hub show Acme
  is err 'usher: base_url: This is why. Do that. [some-code]'
  [ ! -s "$dir/out" ] || fail "a refusal printed something"
done
start_api <<'END'
{"GET /hubs/Acme": {"status": 502, "type": "text/html", "text": "<html>"},
 "GET /hubs/Other": {"type": "text/html", "text": "<html>"},
 "GET /hubs/Array": {"json": [1]}, "GET /hubs?limit=500": {"json": [1]}}
END
try 1 hub show Acme
has err 'status 502 without a reason'
try 1 hub show Other
has err 'is no JSON'
try 1 hub list
has err 'is no list'

# What people type is one segment of the path, whatever is in it.
start_api <<'END'
{"GET /hubs/Acme%20%2F%3F%25%C3%A9/members/new%40example.com": {"json": {"id": "m1"}},
 "GET /hubs/..": {"json": {"id": "dots"}},
 "GET /hubs/Acme/members?tab=unmatched&search=a%26b&limit=500": {"json": {"items": []}}}
END
try 0 -o json member show 'Acme /?%é' new@example.com
try 0 -o json hub show ..
is out '{"id":"dots"}'
try 0 -o json member list Acme --tab unmatched --search 'a&b'
is out '[]'

# Lists are joined from all their pages; JSON is what the API said, unknown names and all.
start_api <<'END'
{"GET /hubs?limit=500": {"json": {"items": [
   {"id": "1", "label": "Acmé", "x_new": {"deep": [1, 2.5, null, true, "\u0000\u001b"]}},
   {"id": "2", "label": "=1+1", "status": "healthy", "counts": {"unmatched": 3}}], "next": "a&b"}},
 "GET /hubs?limit=500&cursor=a%26b": {"json": {"items": [
   {"id": "3", "label": "a,\"b\"\nc", "last_synced_at": "2026-11-24T06:10:50Z"}]}}}
END
try 0 -o json hub list
python3 - "$dir/script" "$dir/out" <<'END' || fail "JSON is not what the API returned"
import json, sys
script = json.load(open(sys.argv[1]))
printed = json.load(open(sys.argv[2]))
pages = [answer["json"]["items"] for answer in script.values()]
assert printed == pages[0] + pages[1]
assert [list(item) for item in printed] == [list(item) for page in pages for item in page]
END
try 0 hub list
has out 'Acmé'
has out 'Not synced'
has out '2026-11-24 06:10:50'
[ "$(wc -l <"$dir/out")" = 4 ] || fail "a table has a heading and a line for each item"
has out 'a,"b"\u{a}c'

# CSV: RFC 4180, and nothing that a spreadsheet would calculate.
try 0 -o csv hub list
python3 - "$dir/out" <<'END' || fail "CSV is not right"
import csv, sys
raw = open(sys.argv[1], newline="", encoding="utf-8").read()
assert raw.count("\r\n") == 4, raw
rows = list(csv.DictReader(raw.splitlines(keepends=True)))
assert [r["label"] for r in rows] == ["Acmé", "'=1+1", 'a,"b"\nc'], rows
assert rows[1]["counts.unmatched"] == "3" and rows[2]["last_synced_at"] == "2026-11-24T06:10:50Z"
END

# A refusal prints no headings either; a list without items has them.
start_api <<'END'
{"GET /hubs?limit=500": {"status": 403, "json": {"code": "not-permitted", "detail": "Not you.", "action": "Ask."}},
 "GET /tasks?limit=500": {"json": {"items": []}}}
END
try 4 -o csv hub list
[ ! -s "$dir/out" ] || fail "a refused list printed something"
try 0 -o csv task list
[ "$(wc -l <"$dir/out")" = 1 ] || fail "a list of nothing is not its headings alone"

# A page may be empty and have a next one.
start_api <<'END'
{"GET /hubs/Acme/members?search=x&limit=500": {"json": {"items": [], "next": "5"}},
 "GET /hubs/Acme/members?search=x&limit=500&cursor=5": {"json": {"items": [{"id": "m1"}]}}}
END
try 0 -o json member list Acme --search x
has out '"m1"'

# A field at fault is named as the command line names it.
for pair in username:--username token:'--secret token' base_url:'--set base_url' login_method:--login-method \
  kind:--kind password:--password colour:colour
do
  start_api <<END
{"GET /apps/scim": {"json": {"id": "scim", "fields": [{"key": "base_url"}],
   "accounts": [{"kind": "token", "fields": [{"key": "token", "kind": "secret"}]}]}},
 "POST /hubs": {"status": 422, "json": {"code": "validation-failed", "detail": "It is wrong", "field": "${pair%%:*}",
   "action": "Correct the field named."}}}
END
  printf x >"$dir/secret"
  try 2 hub connect scim --label Acme --secret token=@"$dir/secret"
  is err "usher: ${pair#*:}: It is wrong. Correct the field named. [validation-failed]"
done

# A page that never ends is noticed, and what came is not taken for a whole list.
start_api <<'END'
{"GET /hubs?limit=500": {"json": {"items": [{"id": "1"}], "next": "x"}},
 "GET /hubs?limit=500&cursor=x": {"json": {"items": [{"id": "2"}], "next": "x"}}}
END
try 1 -o json hub list
has err 'same page of a list twice'
! python3 -m json.tool <"$dir/out" >/dev/null 2>&1 || fail "a broken list is whole JSON"

# Text from outside cannot steer a terminal, in a table, a thing or a sentence.
start_api <<'END'
{"GET /hubs?limit=500": {"json": {"items": [{"id": "1", "label": "a\u001b[31m\u009b1m\u202eb\u007f"}]}},
 "GET /hubs/Acme": {"json": {"la\u001bbel": "a\u001b]0;x\u0007", "roles": [{"label": "r\rx"}]}},
 "GET /hubs/Gone": {"status": 404, "json": {"detail": "No \u001b[2Jhub\nusher: all is well"}}}
END
try 0 hub list
has out 'a\u{1b}[31m\u{9b}1m\u{202e}b\u{7f}'
try 0 hub show Acme
has out 'la\u{1b}bel'
has out 'a\u{1b}]0;x\u{7}'
has out 'r\u{d}x'
try 3 hub show Gone
is err 'usher: No \u{1b}[2Jhub\u{a}usher: all is well'

# Writes: a key for each, bodies of the documented shape, things shown as they are.
start_api <<'END'
{"POST /people": {"status": 201, "json": {"id": "p1", "email": "new@example.com"}},
 "POST /hubs/Acme/members/m/match": {"json": {"id": "m"}},
 "POST /hubs/Acme/members/m/exempt": {"status": 422, "json": {"code": "reason-required", "detail": "Say why."}},
 "PATCH /hubs/Acme": {"json": {"id": "h"}},
 "POST /tokens": {"status": 201, "json": {"id": "t", "token": "usher_abc"}},
 "POST /issues/i/read": {"status": 204},
 "POST /setup": {"json": {"workspace": {}, "owner": {}, "message": "first line\nsecond line"}}}
END
try 0 -o json person add new@example.com --first-name New --last-name Person --guest
is out '{"id":"p1","email":"new@example.com"}'
asked '{\"email\":\"new@example.com\",\"first_name\":\"New\",\"last_name\":\"Person\",\"is_guest\":true}'
asked '"idempotency-key": "'
try 0 member match Acme m --person p@example.com --hub-role owner
asked '{\"person\":\"p@example.com\",\"hub_role\":\"owner\"}'
try 2 member exempt Acme m
has err '[reason-required]'
try 0 hub set Acme label=New login-method=sso safeguard-threshold=5 sync-interval=2h keep-members=a,b roles=x roles=y base_url=a=b
asked '{\"label\":\"New\",\"login_method\":\"sso\",\"settings\":{\"safeguard-threshold\":5,\"sync-interval\":\"2h\",\"keep-members\":[\"a\",\"b\"]},\"fields\":{\"roles\":[\"x\",\"y\"],\"base_url\":\"a=b\"}}'
try 0 token create ci --scope members:read --expires 2027-01-01T00:00:00Z
is out 'usher_abc'
asked '{\"name\":\"ci\",\"scopes\":[\"members:read\"],\"expires_at\":\"2027-01-01T00:00:00Z\"}'
try 0 issue read i
is out 'Done.'
try 0 -q issue read i
[ ! -s "$dir/out" ] || fail "-q printed something"
try 0 setup --owner owner@example.com
is out 'first line
second line'

# Confirmation: --yes, or nothing is sent; where only the daemon knows, its 428 asks.
start_api <<'END'
{"DELETE /hubs/Acme/members/m?confirm=true": {"json": {"id": "m"}},
 "DELETE /hubs/Acme/members/m?hub_only=true&confirm=true": {"json": {"id": "m"}},
 "PATCH /hubs/Acme/members/m": [{"status": 428, "json": {"code": "confirmation-required", "detail": "The app must remove and add m again."}},
                                {"json": {"id": "m"}},
                                {"status": 428, "json": {"code": "confirmation-required", "detail": "The app must remove and add m again."}}],
 "GET /hubs/Acme": {"json": {"id": "h", "label": "Acme"}},
 "DELETE /hubs/Acme?reason=replaced&confirm=true": {"json": {"id": "h", "status": "removed"}}}
END
try 2 member remove Acme m
has err '--yes. [confirmation-required]'
try 2 hub remove Acme --reason replaced
has err '[confirmation-required]'
not_asked DELETE
try 0 member remove Acme m --yes
try 0 member remove Acme m --hub-only --yes
try 0 hub remove Acme --reason replaced --yes
try 0 member set-role Acme m --role admin --yes
asked '{\"roles\":[\"admin\"],\"confirm\":true}'
try 2 member set-role Acme m --role admin
has err 'The app must remove and add m again.'

# doctor tells by its exit status; people as CSV name the row that is wrong.
named=$(printf '%s' "$dir/people.csv" | sed 's|/|%2F|g')
start_api <<END
{"GET /doctor": [{"json": {"ok": true, "checks": [{"name": "key", "ok": true, "detail": "fine", "action": ""}]}},
                 {"json": {"ok": false, "checks": [{"name": "key", "ok": false, "detail": "bad", "action": "chmod"}]}}],
 "POST /directory/import?format=csv&remove_missing=false&file=$named": [{"json": {"added": 2, "changed": 1, "unchanged": 0, "removed": 0, "errors": []}},
    {"json": {"added": 0, "changed": 0, "unchanged": 0, "removed": 0, "errors": [{"line": 3, "field": "email", "message": "is no address"}]}}],
 "POST /directory/import?format=csv&remove_missing=true&confirm=true&file=$named": {"status": 422, "json": {"code": "validation-failed", "detail": "Nothing was imported.",
    "errors": [{"line": 1, "field": "email", "message": "the column is missing"}]}},
 "POST /directory/import?format=csv&remove_missing=true&dry_run=true&file=$named": {"json": {"added": 1, "changed": 0, "unchanged": 0,
    "removed": 0, "held": 2, "errors": [], "plan": {"items": [
      {"action": "add", "person": "p", "email": "a@example.com", "first_name": "Ada", "workspace_role": "user"},
      {"action": "change", "person": "q", "email": "b@example.com", "changes": ["teams", "username"]}],
      "counts": {"add": 1, "change": 1, "lower": 0, "remove": 2}, "more": false,
      "guard": {"verdict": "share", "known": 3, "removed": 2, "why": "2 of 3 are missing."}}}}}
END
try 0 doctor
has out fine
"$usher" doctor >"$dir/out" 2>"$dir/err" && fail "doctor ended 0 with something wrong"
has out chmod
printf 'email\na@example.com\n' >"$dir/people.csv"
try 0 directory import csv "$dir/people.csv"
is out 'People: 2 added, 1 changed, 0 unchanged, 0 removed.'
asked '"body": "email\na@example.com\n"'
asked '"content-type": "text/csv"'
try 2 directory import csv "$dir/people.csv"
has err "$dir/people.csv:3: email: is no address"
try 2 directory import csv "$dir/people.csv" --remove-missing --yes
has err 'Nothing was imported. [validation-failed]'
has err "$dir/people.csv:1: email: the column is missing"
try 5 directory import csv "$dir/people.csv" --remove-missing --dry-run
has out 'a@example.com Ada'
has out 'teams, username'
has out 'Plan: 1 to add, 1 to change, 0 to lower, 2 to remove.'
has out 'The guard stops it: 2 of 3 are missing.'
has err '2 people who are not in the file would be held in a report.'
try 2 directory import csv "$dir/missing.csv"
has err 'missing.csv cannot be read'

# A disk that is full under standard output is an error.
if [ -w /dev/full ]; then
  "$usher" doctor >/dev/full 2>"$dir/err" && fail "a full disk went unnoticed"
  has err 'could not be written'
fi
exit 0
