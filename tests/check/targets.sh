#!/bin/sh
# Every target of make that HACKING and README tell to make is one.
set -eu
top=${srcdir:-.}
named=$(grep -hE '^ {4}' "$top/HACKING" "$top/README" | grep -oE '\bmake [a-z][a-z/-]*' | sort -u | cut -d' ' -f2)
[ "$(printf '%s\n' "$named" | wc -l)" -ge 4 ] || { echo "hardly any targets are named"; exit 1; }
missing=0
for target in $named; do
  grep -qE "^$target(\\\$\\(EXEEXT\\))?:" Makefile || { echo "there is no target $target"; missing=1; }
done
exit $missing
