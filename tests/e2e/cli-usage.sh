#!/bin/sh
# A bad command line: one sentence that names it and what would be right, exit 2, and
# nothing is sent.
# shellcheck source=tests/e2e/cli-lib.sh
. "$(dirname "$0")/cli-lib.sh"
start_api <<'END'
{}
END

try 2
has err 'Which command?'
try 2 frobnicate
has err 'no command frobnicate'
try 2 snyc Acme
has err 'did you mean usher sync?'
try 2 hub
has err 'usher hub takes connect, list, show'
try 2 hub frobnicate
has err 'usher hub takes connect, list, show'
try 2 sync
has err 'sync needs HUB'
try 2 sync Acme Other
has err 'Other is one word too many'
try 2 sync ''
has err 'HUB is empty'
try 2 sync Acme --dryrun
has err 'there is no option --dryrun; did you mean --dry-run?'
try 2 sync Acme --dry-run=yes
has err '--dry-run takes no value'
try 2 member list Acme --tab
has err '--tab needs a value: --tab TAB.'
try 2 member list Acme --tab --yes
has err '--tab needs a value'
try 2 member list Acme --tab guest --tab exempted
has err '--tab can be given only once'
try 2 hub connect scim
has err 'hub connect needs --label LABEL'
try 2 member invite Acme new@example.com --set novalue
has err '--set takes NAME=VALUE'
try 2 member invite Acme new@example.com --asset novalue
has err '--asset takes ID=PERMISSION'
try 2 hub set Acme
has err 'hub set needs FIELD=VALUE'
try 2 hub set Acme novalue
has err 'hub set takes NAME=VALUE'
try 2 -o xml status
has err '-o takes table, json or csv, not xml.'
try 2 --socket a --url http://127.0.0.1:1 status
has err '--socket and --url'
try 2 --url ftp://usher.example.com status
has err '--url takes the address of usherd'
try 2 --token-file "$dir/missing" status
has err 'cannot be read'
try 2 sync "$(printf 'a\377')"
has err 'HUB is not UTF-8 text'
[ "$(wc -l <"$dir/err")" = 1 ] || fail "that is more than one sentence"
[ ! -s "$dir/log" ] || fail "something was sent"

try 0 --version
has out 'usher '
try 0 --help
has out 'usage: usher'
[ "$(wc -l <"$dir/out")" -le 40 ] || fail "the help does not fit a screen"
try 0 member --help
has out 'member invite HUB EMAIL'
try 0 member invite --help
has out 'usage: usher member invite HUB EMAIL [--role ROLE]...'
try 0 --help sync
has out 'usage: usher sync HUB [--dry-run]'

# Options of all commands stand anywhere; "--" ends options.
start_api <<'END'
{"GET /hubs/Acme": {"json": {"id": "h1"}},
 "GET /hubs/--help": {"json": {"id": "h2"}}}
END
try 0 -o json hub show Acme
cp "$dir/out" "$dir/first"
try 0 hub -ojson show Acme
cmp "$dir/first" "$dir/out" || fail "-ojson differs from -o json"
try 0 hub show Acme --socket="$dir/sock" -o json --yes
cmp "$dir/first" "$dir/out" || fail "the options behind a command differ"
try 0 -o json hub show -- --help
is out '{"id":"h2"}'
exit 0
