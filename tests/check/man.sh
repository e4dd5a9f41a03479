#!/bin/sh
# Every manual page is written right, every program has one, and no page refers to a page
# of ours that does not exist.
set -eu
command -v mandoc >/dev/null || { echo "SKIP: mandoc is missing"; exit 77; }
cd "${srcdir:-.}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0
pages=$(find host plugins sdk -name '*.[1-8]')
[ "$(echo "$pages" | wc -l)" -ge 8 ]

# Long lines are kept where a sentence is one line; what is installed here is not asked.
for page in $pages
do
  mandoc -Tlint -Wstyle "$page" >"$tmp/lint" 2>&1 || true
  if grep -v -e 'input text line longer' -e 'referenced manual not found' -e 'outdated mandoc.db' "$tmp/lint"
  then
    bad=1
  fi
  name=$(basename "$page") upper=$(basename "${page%.*}" | tr '[:lower:]' '[:upper:]')
  grep -q "^\.Dt $upper ${name##*.}\$" "$page" || { echo "$page: .Dt says otherwise"; bad=1; }
  grep -rqF "${page##*/}" --include=local.mk host plugins sdk || { echo "$page is not installed"; bad=1; }
done

for program in $(sed -n 's/^[a-z]*_PROGRAMS += host\///p' host/local.mk host/*/local.mk)
do
  set -- "host/man/$program".[18]
  [ -f "$1" ] || { echo "$program has no manual page"; bad=1; }
done
for app in plugins/*/apps/*.json
do
  folder=${app%/apps/*} id=$(basename "$app" .json)
  [ -f "$folder/usher-$id.7" ] || grep -qx "\.Ss $id" "$folder/usher-apps.7" 2>/dev/null \
    || { echo "the app $id has no manual page, and no place in usher-apps(7)"; bad=1; }
done

# The name and section in each .Xr that speaks of us.
grep -hoE '^\.Xr usher[a-z.-]* [1-8]' $pages | sort -u | while read -r _ name section
do
  echo "$pages" | grep -q "/$name\.$section\$" || { echo "$name($section) does not exist"; : >"$tmp/bad"; }
done
[ $bad = 0 ] && [ ! -f "$tmp/bad" ]
