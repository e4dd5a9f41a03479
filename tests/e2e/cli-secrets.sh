#!/bin/sh
# Secrets come from a file or standard input, go into the body, and are seen nowhere.
# shellcheck source=tests/e2e/cli-lib.sh
. "$(dirname "$0")/cli-lib.sh"
start_api <<END
{"GET /apps/scim": {"json": {"id": "scim", "accounts": [{"kind": "password", "totp": "required", "fields": [{"key": "pin"}]}]}},
 "POST /accounts": {"status": 201, "hold": "$dir/go", "json": {"id": "a1", "label": "Robot"}},
 "PATCH /accounts/Robot": {"json": {"id": "a1"}}}
END
printf 'geheim-1\n' >"$dir/password"
printf 'geheim-2\n\n' >"$dir/pin"

# A value on the command line is refused without being repeated.
for option in --password --totp; do
  try 2 account add Robot --app scim $option geheim-0
  has err "$option takes @FILE or - (standard input), never the value itself"
  lacks err geheim
done
try 2 account add Robot --app scim --secret pin=geheim-0
has err '--secret pin takes @FILE or -'
lacks err geheim
try 2 account add Robot --app scim --secret geheim-0
lacks err geheim
try 2 account add Robot --app scim --password @"$dir/none"
has err "--password: $dir/none cannot be read"
printf 'a\000b' >"$dir/binary"
try 2 account add Robot --app scim --password @"$dir/binary"
has err 'not text'
printf 'a\377b' >"$dir/binary"
try 2 account add Robot --app scim --password @"$dir/binary"
has err 'not UTF-8 text'
python3 -c 'print("x" * 70000)' >"$dir/long"
try 2 account add Robot --app scim --password @"$dir/long"
has err 'longer than 65536 bytes'
try 2 account add Robot --app scim --password - --totp -
has err 'standard input can be read only once'
not_asked POST

# While the request is under way, others look at the process.
printf 'geheim-3' | "$usher" account add Robot --app scim --username robot --password @"$dir/password" \
  --totp - --secret pin=@"$dir/pin" >"$dir/out" 2>"$dir/err" &
pid=$!
while ! grep -q 'POST /accounts' "$dir/log"; do
  kill -0 $pid || fail "usher ended by itself"
done
tr '\000' ' ' <"/proc/$pid/cmdline" >"$dir/cmdline"
has cmdline 'account add Robot'
lacks cmdline geheim
: >"$dir/go"
wait $pid || fail "account add failed"
lacks out geheim
lacks err geheim
# One newline is dropped, no more.
asked '\"secrets\":{\"password\":\"geheim-1\",\"totp\":\"geheim-3\",\"pin\":\"geheim-2\\n\"},\"kind\":\"password\"}'

try 0 account set Robot --secret pin=@"$dir/password"
asked '"body": "{\"secrets\":{\"pin\":\"geheim-1\"}}"'

# ^C while standard input says nothing.
mkfifo "$dir/silent"
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$usher" account set Robot --password - <>"$dir/silent" >"$dir/out" 2>"$dir/err" &
pid=$!
while [ "$(cut -d ' ' -f 3 "/proc/$pid/stat")" != S ] || ! grep -q usher "/proc/$pid/comm"; do
  kill -0 $pid || fail "usher ended by itself"
done
kill -INT $pid
wait $pid
got=$?
[ $got = 130 ] || fail "^C ended the reading of a secret with $got"

# The same for the token of --url.
start_api 127.0.0.1:0 <<'END'
{"GET /hubs/Acme": {"json": {"id": "h1"}}}
END
unset USHER_SOCKET
while [ ! -s "$dir/log.port" ]; do kill -0 "$api" || fail "no API"; done
url=http://127.0.0.1:$(cat "$dir/log.port")
try 0 -o json --url "$url/" --token-file "$dir/password" hub show Acme
is out '{"id":"h1"}'
asked '"authorization": "Bearer geheim-1"'
lacks out geheim
USHER_URL=$url USHER_TOKEN_FILE=$dir/password
export USHER_URL USHER_TOKEN_FILE
try 0 -o json hub show Acme
is out '{"id":"h1"}'
USHER_SOCKET=$dir/sock try 2 hub show Acme
has err 'USHER_SOCKET and USHER_URL'
try 2 --token-file "$dir/pin" hub show Acme
has err 'must hold one line'
lacks err geheim
exit 0
