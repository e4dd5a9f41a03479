#!/bin/sh
# Each field, helper, operation and constant of connector.h has an entry in usher-connector(3),
# and no entry is of something that does not exist.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
man=${srcdir:-.}/sdk/man/usher-connector.3
header=${srcdir:-.}/sdk/include/usher/connector.h
# Without comments; then the names that structs and #defines introduce.
awk '{ line = $0; out = ""
       while (line != "")
         if (in_comment) { i = index (line, "*/"); if (!i) break
                           line = substr (line, i + 2); in_comment = 0 }
         else { i = index (line, "/*"); if (!i) { out = out line; break }
                out = out substr (line, 1, i - 1); line = substr (line, i + 2); in_comment = 1 }
       print out }' "$header" >"$tmp/code"
{
  sed -n 's/^#define \(USHER_[A-Z0-9_]*\).*/\1/p' "$tmp/code" | grep -v '^USHER_CONNECTOR_H$'
  awk '/^struct usher_[a-z]+$/ { s = 1; next } s && /^};/ { s = 0 }
       s && /^{/ { next }
       s { text = text " " $0
           while ((i = index (text, ";"))) {
             one = substr (text, 1, i - 1); text = substr (text, i + 1)
             if (match (one, /\(\*[a-z_0-9]+\)/)) print substr (one, RSTART + 2, RLENGTH - 3)
             else { n = split (one, part, ",")
                    for (j = 1; j <= n; j++) { sub (/ *$/, "", part[j]); sub (/.*[ *]/, "", part[j])
                                               print part[j] } } } }' "$tmp/code"
} | sort -u >"$tmp/header"
sed -n 's/^\.It \(Va\|Fn\|Dv\) \([A-Za-z0-9_]*\).*/\2/p' "$man" | sort -u >"$tmp/man"
[ "$(wc -l <"$tmp/header")" -gt 150 ]
if ! diff "$tmp/header" "$tmp/man"
then
  echo "connector.h (<) and usher-connector(3) (>) name different things"
  exit 1
fi
if command -v mandoc >/dev/null
then
  mandoc -Tlint -Wwarning "$man"
fi
