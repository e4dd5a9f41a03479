#!/bin/sh
# Every script passes shellcheck without a warning.
set -eu
command -v shellcheck >/dev/null || { echo "SKIP: shellcheck is missing"; exit 77; }
cd "${srcdir:-.}"
# Everything with a suffix, and what begins as a script.
files=$(find tests packaging sdk plugins host -type f \( -name '*.sh' -o -perm -u+x ! -name '*.*' \) \
  -exec grep -lE '^#! ?/(usr/)?bin/(env )?(ba|da)?sh' {} +)
[ "$(echo "$files" | wc -l)" -ge 15 ]
for file in .ci/run tests/e2e/cli-lib.sh
do
  [ ! -f "$file" ] || files="$files $file"
done
# shellcheck disable=SC2086 # one name a word
shellcheck --severity=warning --external-sources bootstrap run.in $files
