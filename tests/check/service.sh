#!/bin/sh
# The unit is one that systemd reads without a complaint, and leaves a broken daemon little:
# the exposure that systemd-analyze finds in it is printed, and has a limit.
set -eu
LIMIT=15 # tenths
top=$(cd "${srcdir:-.}" && pwd)
command -v systemd-analyze >/dev/null || { echo "SKIP: systemd-analyze is missing"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unit=packaging/systemd/usher.service

if grep -n '@' "$unit" | grep -v 'SystemCallFilter='
then
  echo "$unit has something that was not filled in"
  exit 1
fi
# The program does not have to be installed for this.
sed "s,^ExecStart=.*/usherd,ExecStart=$(pwd)/host/usherd," "$unit" >"$tmp/usher.service"
systemd-analyze verify --man=no "$tmp/usher.service" >"$tmp/verify" 2>&1 || { cat "$tmp/verify"; exit 1; }
if grep -F usher.service "$tmp/verify"
then
  exit 1
fi
systemd-analyze security --no-pager --offline=true --threshold=$LIMIT "$tmp/usher.service" >"$tmp/security" || {
  grep -v '✓' "$tmp/security"
  exit 1
}
tail -n 1 "$tmp/security"

# What the unit speaks of is made by the files beside it.
user=$(sed -n 's/^User=//p' "$unit")
for file in "$top"/packaging/systemd/sysusers.d/*.conf
do
  systemd-sysusers --dry-run "$file" >"$tmp/sysusers" 2>&1 || { cat "$tmp/sysusers"; exit 1; }
  grep -q "^u $user " "$file" || { echo "$file does not make the user $user"; exit 1; }
done
