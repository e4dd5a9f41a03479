#!/bin/sh
# What the manual pages and HACKING list is what the code has, and nothing else: options of
# the two children, environment variables, exit statuses, fields of the SCIM app, fail points,
# folders.
# Options of usher, keys of usher.conf and of app files, and connector.h have tests by them.
set -eu
top=${srcdir:-.}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

# same WHAT CODE PAGE: two lists, in any order.
same ()
{
  sort -u "$2" >"$2.sorted"
  sort -u "$3" >"$3.sorted"
  [ -s "$2.sorted" ] || { echo "no $1 were found in the code"; bad=1; }
  diff "$2.sorted" "$3.sorted" || { echo "the $1 of the code (<) and of the page (>) differ"; bad=1; }
}
# items SECTION MACRO PAGE: what its items are called.
items () { sed -n "/^\\.Sh $1\$/,/^\\.Sh/s/^\\.It $2 \\([^ ]*\\).*/\\1/p" "$3"; }

# The command: its environment and statuses.
sed -nE 's/.*(getenv|environment) \("([A-Z_]*)"\).*/\2/p' "$top"/host/cli/*.c >"$tmp/code"
items ENVIRONMENT Ev "$top/host/man/usher.1" >"$tmp/page"
same "variables of usher" "$tmp/code" "$tmp/page"
sed -nE 's/^#define STATUS_[A-Z_]+ ([0-9]+)$/\1/p' "$top/host/cli/say.h" >"$tmp/code"
echo 130 >>"$tmp/code" # STATUS_SIGNAL and SIGINT
sed -n '/^\.Sh EXIT STATUS$/,/^\.Sh/s/^\.It \([0-9]*\)$/\1/p' "$top/host/man/usher.1" >"$tmp/page"
same "exit statuses of usher" "$tmp/code" "$tmp/page"

# The children.
sed -nE 's/^ *\{ "([a-z-]+)", (no|required)_argument.*/--\1/p' "$top/host/worker/main.c" >"$tmp/code"
sed -n 's/^\.It Fl \(-[a-z-]*\).*/-\1/p' "$top/host/man/usher-worker.8" >"$tmp/page"
same "options of usher-worker" "$tmp/code" "$tmp/page"
for child in worker net
do
  if sed '/^#ifdef USHER_TEST_HOOKS/,/^#e/d' "$top/host/$child"/*.c | grep -n 'getenv ('
  then
    echo "usher-$child looks at its environment, of which its page says there is none"
    bad=1
  fi
done
{ echo 0; echo 1; sed -nE 's/^#define WIRE_EXIT_[A-Z]+ ([0-9]+) .*/\1/p' "$top/host/common/wire.h"; } >"$tmp/code"
sed -n '/^\.Sh EXIT STATUS$/,/^\.Sh/s/^\.It \([0-9]*\)$/\1/p' "$top/host/man/usher-worker.8" >"$tmp/page"
same "exit statuses of usher-worker" "$tmp/code" "$tmp/page"

# The SCIM app: the fields of a hub, and what only the connector reads.
sed -n '/"fields": \[/,/^  \]/s/^    {"key": "\([a-z_]*\)".*/\1/p' "$top/plugins/seat/apps/scim.json" >"$tmp/code"
items 'HUB FIELDS' Cm "$top/plugins/seat/usher-scim.7" >"$tmp/page"
same "fields of the SCIM app" "$tmp/code" "$tmp/page"
sed -n "/^static const struct shape scim_keys/,/^};/s/^  { ROW (\"\([a-z_]*\)\".*/\1/p" "$top/plugins/seat/rest/keys.c" >"$tmp/code"
items 'APP FILE' Cm "$top/plugins/seat/usher-scim.7" >"$tmp/page"
same "keys of run.scim" "$tmp/code" "$tmp/page"

# Test hooks.
grep -rhoE 'fail_point \("[a-z.-]+"\)' "$top/host" | sed 's/.*"\(.*\)".*/\1/' >"$tmp/code"
sed -n '/^Fail points are named/,/^$/p' "$top/HACKING" | tr '\n' ' ' | sed 's/.*of *usherd: //' |
  tr ' ,;' '\n\n\n' | grep -E '^[a-z]+[.-][a-z.-]*[a-z]\.?$' | sed 's/\.$//' | grep -v '^usher-worker:' >"$tmp/page"
same "fail points" "$tmp/code" "$tmp/page"
grep -rhoE 'getenv \("USHER_(FAIL|TEST)_[A-Z_]+"\)' "$top/host" | sed 's/.*"\(.*\)".*/\1/' >"$tmp/code"
grep -oE 'USHER_(FAIL|TEST)_[A-Z_]+' "$top/HACKING" >"$tmp/page"
same "test hooks" "$tmp/code" "$tmp/page"

# The floor plan: each folder of the host is in it, and what it names is there.
(cd "$top" && find host -mindepth 2 -name local.mk | sed 's,local.mk$,,') >"$tmp/code"
sed -n '/^The floor plan/,/^Who may include/s,^    \(host/[a-z]*/\) .*,\1,p' "$top/HACKING" >"$tmp/page"
same "folders of the host" "$tmp/code" "$tmp/page"
for named in $(sed -nE 's,^    ((host|sdk|plugins|tests|packaging)/[a-z/.-]*) .*,\1,p' "$top/HACKING" "$top/README")
do
  [ -e "$top/$named" ] || { echo "HACKING or README names $named, which is not there"; bad=1; }
done
exit $bad
