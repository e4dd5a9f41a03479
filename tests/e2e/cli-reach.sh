#!/bin/sh
# A daemon that is not there, is late, or goes away for a moment.
# shellcheck source=tests/e2e/cli-lib.sh
. "$(dirname "$0")/cli-lib.sh"

now ()
{
  python3 -c 'import time; print(int(time.monotonic() * 1000))'
}

# Missing, and there but refusing: tried for five seconds, then 6.
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/dead"
for socket in "$dir/none" "$dir/dead"
do
  begin=$(now)
  try 6 --socket "$socket" status
  took=$(($(now) - begin))
  has err "usherd cannot be reached at $socket"
  [ $took -ge 4900 ] && [ $took -lt 9000 ] || fail "it was tried for $took ms"
done

# One that comes a little later is found.
USHER_SOCKET=$dir/sock
export USHER_SOCKET
"$usher" -o json status >"$dir/out" 2>"$dir/err" &
pid=$!
start_api <<'END'
{"GET /status": {"json": {"ok": true}},
 "POST /people": [{"drop": true}, {"status": 409, "json": {"code": "idempotency-pending", "detail": "Under way."}},
                  {"status": 201, "json": {"id": "p1"}}],
 "GET /tasks/t1": [{"json": {"id": "t1", "kind": "sync", "status": "running"}}, {"drop": true},
                   {"json": {"id": "t1", "kind": "sync", "status": "completed"}}]}
END
wait $pid || fail "a late daemon was not found"
is out '{"ok":true}'

# A lost answer to a write: sent again with the same key, so that it counts once, also while
# the first is still under way.
try 0 -o json person add new@example.com
is out '{"id":"p1"}'
python3 - "$dir/log" <<'END' || fail "the key changed"
import json, sys
sent = [r for r in map(json.loads, open(sys.argv[1])) if r["request"] == "POST /people"]
assert len(sent) == 3 and len({r["headers"]["idempotency-key"] for r in sent}) == 1, sent
END
try 0 task watch t1

# A socket that this user may not use.
if [ "$(id -u)" != 0 ]; then
  chmod 0 "$dir/sock"
  try 4 status
  has err 'You may not use'
fi

# Commands on files need no daemon.
mkdir "$dir/libexec"
for name in usher-worker usherd; do
  printf '#!/bin/sh\ncase $2 in\n*good) echo "{\\"name\\": \\"seat\\", \\"did\\": \\"$1\\"}" ;;\n*bad) echo "line 3: no such key" >&2; exit 2 ;;\n*crash) kill -SEGV $$ ;;\n*) printf "a\\nb\\033\\n" ;;\nesac\n' >"$dir/libexec/$name"
  chmod +x "$dir/libexec/$name"
done
stop_api
rm "$dir/sock"
USHER_LIBEXEC_DIR=$dir/libexec
export USHER_LIBEXEC_DIR
for kind in good bad crash odd; do : >"$dir/$kind"; done
try 0 -o json connector inspect "$dir/good"
is out '{"name":"seat","did":"--inspect"}'
try 0 connector inspect "$dir/good"
has out 'name'
try 0 -o json app check "$dir/good"
is out '{"name":"seat","did":"--check-app"}'
try 2 app check "$dir/bad"
has err 'line 3: no such key'
try 1 connector inspect "$dir/crash"
has err 'ended by signal 11'
try 0 connector inspect "$dir/odd"
is out 'a
b\u{1b}'
try 3 connector inspect "$dir/nothing"
has err 'nothing cannot be read'
USHER_LIBEXEC_DIR=$dir/none
try 1 connector inspect "$dir/good"
has err 'cannot be run'
exit 0
